"""Frames cut out of octets: those that stand one after the other, and wired ones among noise.

Nothing is lost: what is no frame is given with its offset. The bus, files, the command line and captures all
cut here; `next_frame` of the grammars says where a frame stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from mbus_grammars import DecodeError, MBusError
from mbus_grammars.link import MAX_FRAME, next_frame
from mbus_grammars.places import LINK_ADDRESS
from mbus_grammars.wireless import (
    MAX_TELEGRAM,
    MIN_TELEGRAM,
    frame_format_of,
    length_of_a,
    starts_as_a,
    without_crcs,
)

from .recognise import frame_within, looks_like_frame, wired_length

# C fields of wireless frames from and to meters (EN 13757-4), without those of acknowledgements: 00h and
# 01h are everywhere.
WIRELESS_C_FIELDS: Final = frozenset(
    {0x06, 0x08, 0x18, 0x28, 0x38, 0x40, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x53, 0x5A, 0x5B}
    | {0x63, 0x65, 0x73, 0x7A, 0x7B}
)
_LONGEST: Final = length_of_a(MAX_TELEGRAM["A"])  # which no frame exceeds


def frames_in(octets: bytes) -> tuple[bytes, ...]:
    """The frames, wired and wireless, that stand one behind the other; empty where this is something else.

    A wireless frame is known by its L field, its C field and a manufacturer of three letters, which is little
    for a frame without CRCs: one alone has to be as long as the octets are. Behind two frames or more what is
    left comes last, as it is.
    """
    ends = [0]
    while ends[-1] < len(octets):
        length = wired_length(octets, ends[-1]) or _wireless_length(octets, ends[-1])
        if not length:
            break
        ends.append(ends[-1] + length)
    whole = ends[-1] == len(octets)
    if len(ends) < (2 if whole else 3):
        return ()
    return tuple(octets[start:end] for start, end in pairwise(ends if whole else [*ends, len(octets)]))


def has_wireless(frames: tuple[bytes, ...]) -> bool:
    """Whether one of the frames in a row is no wired one."""
    return any(not wired_length(frame) for frame in frames)


def _wireless_length(octets: bytes, at: int) -> int:
    """Octets of the wireless frame that starts there, 0 where none does."""
    window = octets[at : at + _LONGEST]
    if not _starts_wireless(window):
        return 0
    lengths = [window[0] + 1]
    if starts_as_a(window):
        lengths.insert(0, length_of_a(lengths[0]))
    fitting = [length for length in lengths if at + length <= len(octets)]
    for length in fitting:
        if at + length == len(octets) or _starts(octets[at + length : at + length + _LONGEST]):
            return length
    # Something else follows: CRCs that are right say that this is a frame, or that it is one more in a row.
    proven = [length for length in fitting if is_proven(window[:length])]
    return next(iter(proven or (fitting if at else [])), 0)


def _starts_wireless(octets: bytes) -> bool:
    if len(octets) < MIN_TELEGRAM or octets[0] < MIN_TELEGRAM - 1 or octets[1] not in WIRELESS_C_FIELDS:
        return False
    manufacturer = int.from_bytes(octets[LINK_ADDRESS][:2], "little")
    return all(1 <= manufacturer >> shift & 31 <= 26 for shift in (0, 5, 10))


def _starts(octets: bytes) -> bool:
    return looks_like_frame(octets) or _starts_wireless(octets)


def is_proven(frame: bytes) -> bool:
    """Whether it is a frame with CRCs, and these are right."""
    try:
        return frame_format_of(frame) != "CRC-less" and bool(without_crcs(frame))
    except MBusError:
        return False


# --- Frames on wires, among other octets ---------------------------------------------------------


class Found(NamedTuple):
    """A telegram, or octets that are none; where it stood, from 0."""

    octets: bytes
    offset: int
    fault: DecodeError | None = None


def unfinished(octets: bytes) -> bool:
    """Whether more octets may make a wired frame of these."""
    found = next_frame(octets, final=False)
    return looks_like_frame(octets) and found.at == 0 and found.missing > 0


def telegrams_in(octets: bytes) -> Iterator[Found]:
    """The telegram, or the telegrams where several wired frames stand in one text."""
    several = 0 < wired_length(octets) < len(octets)
    if several or (not looks_like_frame(octets) and frame_within(octets) is not None):
        yield from frames_among(octets)
    else:
        yield Found(octets, 0)


def frames_among(octets: bytes) -> Iterator[Found]:
    """The wired frames among octets that are all there, and what is no frame between them."""
    search = Frames()
    yield from search.feed(octets)
    yield from search.end()


class Frames:
    """Wired frames among octets that come in blocks; few octets without one are a telegram."""

    def __init__(self) -> None:
        self._rest = b""  # what is not given out
        self._at = 0  # how much of it was looked at
        self._offset = 0  # of the rest's first octet
        self._any = False
        self._head = b""  # the first octets of noise in front of the rest that is not held any more,
        self._gone = 0  # and how many octets that is

    def feed(self, block: bytes, *, last: bool = False) -> Iterator[Found]:
        """What is complete with one more block."""
        octets = self._rest + block
        start = 0
        found = next_frame(octets, self._at, start=start, final=last)
        while found.length:
            if start < found.at:
                yield self._noise(octets[start : found.at], self._offset + start)
            start = found.at + found.length
            yield Found(octets[found.at : start], self._offset + found.at)
            self._any = True
            found = next_frame(octets, start, final=last)
        at = found.at
        if not last and at - start > _NOISE:  # noise without end is counted, but not held
            self._head = self._head or octets[start : start + _SHOWN + 1]
            self._gone += at - 1 - start
            start, self._any = at - 1, True
        self._rest, self._at, self._offset = octets[start:], at - start, self._offset + start

    def end(self) -> Iterator[Found]:
        """What is left when nothing more comes."""
        yield from self.feed(b"", last=True)
        if self._rest:
            bare = not self._any and len(self._rest) <= MAX_FRAME  # user data of a frame, without it
            yield Found(self._rest, self._offset) if bare else self._noise(self._rest, self._offset)

    def _noise(self, octets: bytes, offset: int) -> Found:
        """Octets between frames: a damaged frame, which decoding explains, or noise."""
        gone, head = self._gone, self._head or octets
        self._gone, self._head = 0, b""
        if not gone and looks_like_frame(octets):
            return Found(octets, offset)
        shown = head[:_SHOWN].hex(" ").upper() + (" ..." if len(head) > _SHOWN else "")
        fault = DecodeError(f"{gone + len(octets)} octets that are no frame: {shown}", code="no_frame")
        return Found(octets, offset - gone, fault)


_NOISE: Final = 1 << 20  # octets that are held
_SHOWN: Final = 12

"""Frames among octets, and in lines of hex: as `mbus decode` finds them, but for files of any size.

Where a frame ends and whether its check sum is right is asked of the link layer's grammar; what the frame
means is found out later, for many at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from mbus_grammars import IncompleteFrame, MBusError
from mbus_grammars.link import SINGLE_CHARACTER, START_LONG, START_SHORT, LongFrame, ShortFrame
from mbus_grammars.places import LONG_OVERHEAD, SHORT_LENGTH

from ...octets.recognise import frame_within, looks_like_frame
from .rows import Fault

LONGEST: Final = 0xFF + LONG_OVERHEAD  # octets of a frame


class Found(NamedTuple):
    """A telegram, or octets that are none; where it stood, from 0."""

    octets: bytes
    offset: int
    fault: Fault | None = None


def frame_length(octets: bytes) -> int:
    """Octets of the frame at the start, 0 where there is none."""
    length, _ = _length(octets)
    return length


def unfinished(octets: bytes) -> bool:
    """Whether more octets may make a frame of these."""
    return looks_like_frame(octets) and _length(octets)[1]


def _length(octets: bytes) -> tuple[int, bool]:
    """Octets of the frame at the start (0: none), and whether it is one that is not complete."""
    first = octets[0] if octets else None
    try:
        if first == SINGLE_CHARACTER:
            return 1, False
        if first == START_SHORT:
            ShortFrame.accept(octets)
            return SHORT_LENGTH, False
        if first == START_LONG:
            LongFrame.accept(octets[:LONGEST])
            return octets[1] + LONG_OVERHEAD, False
    except IncompleteFrame:
        return 0, True
    except MBusError:
        pass
    return 0, False


def telegrams_in(octets: bytes) -> Iterator[Found]:
    """The telegram, or the telegrams where several frames stand in one text."""
    several = 0 < frame_length(octets) < len(octets)
    if several or (not looks_like_frame(octets) and frame_within(octets) is not None):
        search = Frames()
        yield from search.feed(octets)
        yield from search.end()
    else:
        yield Found(octets, 0)


class Frames:
    """Frames one after the other, in octets that come in blocks; few octets without one are a telegram."""

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
        start, at = 0, self._at
        end = len(octets) if last else len(octets) - LONGEST
        while at < end:
            if start == at:  # behind a frame, where a single character counts too
                length = frame_length(octets[at : at + LONGEST])
            else:  # among other octets only a start octet may begin something
                at = _next_start(octets, at)
                length = frame_length(octets[at : at + LONGEST]) if at < end else 0
            if length:
                if start < at:
                    yield self._noise(octets[start:at], self._offset + start)
                yield Found(octets[at : at + length], self._offset + at)
                self._any = True
                start = at = at + length
            elif at < end:
                at += 1
        at = min(at, len(octets))
        if not last and at - start > _NOISE:  # noise without end is counted, but not held
            self._head = self._head or octets[start : start + _SHOWN + 1]
            self._gone += at - 1 - start
            start, self._any = at - 1, True
        self._rest, self._at, self._offset = octets[start:], at - start, self._offset + start

    def end(self) -> Iterator[Found]:
        """What is left when nothing more comes."""
        yield from self.feed(b"", last=True)
        if self._rest:
            bare = not self._any and len(self._rest) <= LONGEST  # user data of a frame, without it
            yield Found(self._rest, self._offset) if bare else self._noise(self._rest, self._offset)

    def _noise(self, octets: bytes, offset: int) -> Found:
        """Octets between frames: a damaged frame, which decoding explains, or noise."""
        gone, head = self._gone, self._head or octets
        self._gone, self._head = 0, b""
        if not gone and looks_like_frame(octets):
            return Found(octets, offset)
        shown = head[:_SHOWN].hex(" ").upper() + (" ..." if len(head) > _SHOWN else "")
        fault = Fault(f"{gone + len(octets)} octets that are no frame: {shown}", "no_frame")
        return Found(octets, offset - gone, fault)


_NOISE: Final = 1 << 20  # octets that are held
_SHOWN: Final = 12


def _next_start(octets: bytes, at: int) -> int:
    """Where the next start octet of a long or short frame stands; the end without one."""
    places = [octets.find(start, at) for start in (START_LONG, START_SHORT)]
    return min((place for place in places if place >= 0), default=len(octets))

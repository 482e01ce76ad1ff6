"""Frames that stand one behind the other, wired ones and those by radio: where each of them ends."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from mbus_grammars import Frame, MBusError
from mbus_grammars.crc import crc
from mbus_grammars.places import LONG_OVERHEAD, SHORT_LENGTH
from mbus_grammars.wireless import MIN_TELEGRAM, blocks, frame_format_of, without_crcs

from .recognise import looks_like_frame

# C fields of wireless frames from and to meters (EN 13757-4), without those of acknowledgements: 00h and
# 01h are everywhere.
WIRELESS_C_FIELDS: Final = frozenset(
    {0x06, 0x08, 0x18, 0x28, 0x38, 0x40, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x53, 0x5A, 0x5B}
    | {0x63, 0x65, 0x73, 0x7A, 0x7B}
)
_LONGEST: Final = 291  # octets of a frame of format A, and more than those of a wired one


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
    return any(not wired_length(frame, 0) for frame in frames)


def wired_length(octets: bytes, at: int) -> int:
    """Octets of the wired frame that starts there, 0 where none does."""
    if octets[at] not in (0x68, 0x10, 0xE5):
        return 0
    window = octets[at : at + _LONGEST]
    try:
        Frame.parse(window)
    except MBusError:
        return 0
    return {0xE5: 1, 0x10: SHORT_LENGTH}.get(window[0]) or window[1] + LONG_OVERHEAD


def _wireless_length(octets: bytes, at: int) -> int:
    """Octets of the wireless frame that starts there, 0 where none does."""
    window = octets[at : at + _LONGEST]
    if not _starts_wireless(window):
        return 0
    lengths = [window[0] + 1]
    if crc(window[:10]) == int.from_bytes(window[10:12], "big"):
        lengths.insert(0, length_as_a(window[0]))
    fitting = [length for length in lengths if at + length <= len(octets)]
    for length in fitting:
        if at + length == len(octets) or _starts(octets[at + length : at + length + _LONGEST]):
            return length
    # Something else follows: CRCs that are right say that this is a frame, or that it is one more in a row.
    proven = [length for length in fitting if is_proven(window[:length])]
    return next(iter(proven or (fitting if at else [])), 0)


def length_as_a(l_field: int) -> int:
    """Octets of a frame of format A with this L field; format B has `l_field + 1`."""
    return blocks(l_field + 1, "A")[-1][1] + 2


def _starts_wireless(octets: bytes) -> bool:
    if len(octets) < MIN_TELEGRAM or octets[0] < MIN_TELEGRAM - 1 or octets[1] not in WIRELESS_C_FIELDS:
        return False
    manufacturer = octets[2] | octets[3] << 8
    return all(1 <= manufacturer >> shift & 0x1F <= 26 for shift in (0, 5, 10))


def _starts(octets: bytes) -> bool:
    return looks_like_frame(octets) or _starts_wireless(octets)


def is_proven(frame: bytes) -> bool:
    """Whether it is a frame with CRCs, and these are right."""
    try:
        return frame_format_of(frame) != "CRC-less" and bool(without_crcs(frame))
    except MBusError:
        return False

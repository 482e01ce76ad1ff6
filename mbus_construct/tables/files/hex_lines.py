"""Lines of hex: one telegram a line, comments behind #, frames that go on in the next line; receivers' lines.

The usual line, one whole frame, wireless ones too, or user data, is told by its length and its first
characters, for all lines of a block at once; only where others are among them are lines looked at one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from mbus_grammars import MBusError
from mbus_grammars.link import SINGLE_CHARACTER, START_LONG, START_SHORT
from mbus_grammars.places import LINKS, LONG_OVERHEAD, SHORT_LENGTH
from mbus_grammars.wireless import length_of_a

from ...octets.captures import COMMENT, Captured, received
from ...octets.framing import WIRELESS_C_FIELDS, frames_in, has_wireless, telegrams_in, unfinished
from ...octets.hex_text import parse_hex
from ...octets.recognise import wired_length
from .pyarrow_import import pa
from .rows import Fault, Rows, fault_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .streams import Lines

_NO_DIGIT: Final = 0xFF
_DIGITS: Final = np.full(256, _NO_DIGIT, np.uint8)
for _digit in b"0123456789abcdefABCDEF":
    _DIGITS[_digit] = int(chr(_digit), 16)

_SEPARATORS: Final = np.isin(np.arange(256), np.frombuffer(b" :-.,;", np.uint8)).astype(np.int64)


_LINE_FEED: Final = 0x0A
_RETURN: Final = 0x0D
_COMMENT: Final = ord(COMMENT)
_DASH: Final = ord("-")
_SMALL: Final = 0x20  # makes small letters of capitals
_LAST_DIGIT: Final = ord("f")

# By what `_octets_at` gives, which is more than an octet where there are no digits.
_MAY_BE_WIRELESS: Final = np.isin(np.arange(0x1000), list(WIRELESS_C_FIELDS))
_STARTS_OF_MESSAGES: Final = np.isin(np.arange(0x1000), [0xA5, 0xFF])
_WITH_CRCS: Final = np.zeros(0x1000, np.int64)
_WITH_CRCS[:0x100] = [length_of_a(octet + 1) for octet in range(0x100)]

# Lines between two unusual ones that are not worth an array of their own.
_FEW: Final = 16


class _Begun(NamedTuple):
    """A frame that is not complete yet."""

    line: int
    octets: bytes


class HexLines:
    """The telegrams in blocks of lines."""

    def __init__(self) -> None:
        self._begun: _Begun | None = None
        self._number: list[int] = []
        self._text: list[str] = []
        self._faults: dict[int, Fault] = {}
        self._parts: list[Rows] = []

    def feed(self, block: Lines) -> Rows:
        """What is complete with one more block."""
        octets = block.octets if block.octets.endswith(b"\n") else block.octets + b"\n"
        data = np.frombuffer(octets, np.uint8)
        ends = np.flatnonzero(data == _LINE_FEED)
        starts = np.concatenate((np.zeros(1, np.int64), ends[:-1] + 1))
        ends = ends - ((ends > starts) & (data[ends - 1] == _RETURN))
        others = np.flatnonzero(~_usual(data, starts, ends)).tolist()
        others.append(len(starts))
        at = 0
        for other in others:
            # What is begun may go on in usual lines too.
            while at < other and (self._begun is not None or other - at < _FEW):
                self._look_at(block.first + at, octets[starts[at] : ends[at]], usual=True)
                at += 1
            if at < other:
                self._pack()
                self._parts.append(_plain_rows(data, starts[at:other], ends[at:other], block.first + at))
            if other < len(starts):
                self._look_at(block.first + other, octets[starts[other] : ends[other]])
            at = other + 1
        return self._taken()

    def end(self) -> Rows:
        """What is left when nothing more comes."""
        self._give_begun()
        return self._taken()

    def _look_at(self, number: int, line: bytes, *, usual: bool = False) -> None:
        """A line by itself: of a frame over several lines, of several frames, or no hex at all."""
        text = line.decode("utf-8", errors="backslashreplace").split(COMMENT, 1)[0].strip()
        if not text:
            return
        if usual and self._begun is None:
            self._give(number, text)
            return
        captured = received(text)
        if captured is not None:
            self._give_begun()
            self._give_captured(number, captured)
            return
        try:
            octets = parse_hex(text)
        except MBusError:
            self._give_begun()
            self._give(number, text)  # decoding says what is wrong with it
            return
        wireless = frames_in(octets)
        wireless = wireless if has_wireless(wireless) else ()
        begun = self._begun
        if begun is not None and not wired_length(octets):
            joined = begun.octets + octets
            if wired_length(joined) or (not wireless and unfinished(joined)):
                number, octets, wireless, self._begun = begun.line, joined, (), None
        self._give_begun()
        if wireless:
            for frame in wireless:
                self._give(number, frame.hex())
            return
        if unfinished(octets):
            self._begun = _Begun(number, octets)
            return
        for found in telegrams_in(octets):
            self._give(number, found.octets.hex(), found.fault)

    def _give_captured(self, number: int, found: Iterable[Captured]) -> None:
        for item in found:
            self._give(number, item.octets.hex(), item.fault)

    def _give_begun(self) -> None:
        """What was begun stays unfinished: another telegram follows."""
        if self._begun is not None:
            self._give(self._begun.line, self._begun.octets.hex())
            self._begun = None

    def _give(self, number: int, text: str, fault: MBusError | None = None) -> None:
        if fault is not None:
            self._faults[len(self._text)] = fault_of(fault)
        self._number.append(number)
        self._text.append(text)

    def _pack(self) -> None:
        """What was given one by one becomes a part."""
        if self._text:
            telegrams = pa.array(self._text, pa.string())
            self._parts.append(Rows(telegrams, pa.array(self._number, pa.int64()), self._faults))
            self._number, self._text, self._faults = [], [], {}

    def _taken(self) -> Rows:
        self._pack()
        parts, self._parts = self._parts, []
        if not parts:
            return Rows(pa.array([], pa.string()), pa.array([], pa.int64()))
        faults: dict[int, Fault] = {}
        count = 0
        for part in parts:
            faults.update((count + index, fault) for index, fault in part.faults.items())
            count += len(part)
        telegrams = pa.concat_arrays([part.telegrams for part in parts])
        return Rows(telegrams, pa.concat_arrays([part.lines for part in parts]), faults)


def _plain_rows(
    data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64], first: int
) -> Rows:
    """Usual lines as they stand, without the blank ones."""
    lengths = ends - starts
    places = np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths))).astype(np.int32)
    text = data[starts[0] : ends[-1]]
    text = text[(text != _LINE_FEED) & (text != _RETURN)]
    full = np.flatnonzero(lengths)
    offsets = np.concatenate((places[full], places[-1:]))
    telegrams = pa.StringArray.from_buffers(len(full), pa.py_buffer(offsets), pa.py_buffer(text))
    return Rows(telegrams, pa.array(full + first))


def _usual(data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Lines that need not be looked at: blank, or regular, in ASCII and without a comment."""
    framed, bare = _regular(data, starts, ends)
    usual: NDArray[np.bool_] = framed | bare | (starts == ends)
    odd = (data | _SMALL) > _LAST_DIGIT  # letters that are no digits, brackets, bars, and what is no ASCII
    odd |= data == _COMMENT
    usual[_rows_at(starts, np.flatnonzero(odd))] = False
    returns = np.flatnonzero(data == _RETURN)
    rows = _rows_at(starts, returns)
    usual[rows[returns < ends[rows]]] = False
    if bare.any():  # a frame may stand in it: echoes and noise come in front of frames
        rows = _rows_at(starts, _frame_starts(data))
        usual[rows[bare[rows]]] = False
    return usual


def _rows_at(starts: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.searchsorted(starts, places, "right") - 1


def _frame_starts(data: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Where digits stand that may be the start of a long frame: 68h, and 68h once more three octets on."""
    start = np.zeros(len(data) + 16, bool)
    high, low = f"{START_LONG:02X}".encode()
    start[: len(data) - 1] = (data[:-1] == high) & (data[1:] == low)
    close, apart = (digits * LINKS["frame"]["start_repeated"] for digits in (2, 3))
    both = start[: len(data)] & (start[close : len(data) + close] | start[apart : len(data) + apart])
    return np.flatnonzero(both)


def _regular(
    data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Lines that hold one whole frame, or user data without one, in digits with one separator or none."""
    lengths = ends - starts
    start, known = _octets_at(data, starts)
    apart = _SEPARATORS[_at(data, starts + 2)] * (lengths > 2)
    l_field, known_l_field = _octets_at(data, starts + 2 + apart)
    octets = (lengths + apart) // (2 + apart)
    whole = octets * (2 + apart) - apart == lengths
    long = (start == START_LONG) & known_l_field & (octets == l_field + LONG_OVERHEAD)
    short = (start == START_SHORT) & (octets == SHORT_LENGTH)
    single = (start == SINGLE_CHARACTER) & (octets == 1)
    bare = (start != START_LONG) & (start != START_SHORT) & (start != SINGLE_CHARACTER) & (octets > 1)
    # Looked at one by one: wireless telegrams in a row, messages of receivers, a "b" in front, a date.
    behind, _ = _octets_at(data, starts + (2 + apart) * (start + 2))  # the C field of one that follows
    single_wireless = (octets == start + 1) | ((octets == _WITH_CRCS[start]) & ~_MAY_BE_WIRELESS[behind])
    several = _MAY_BE_WIRELESS[l_field] & (octets > start) & ~single_wireless
    dated = (_at(data, starts + 4) == _DASH) & (_at(data, starts + 7) == _DASH)
    bare &= ~(several | _STARTS_OF_MESSAGES[start] | (_at(data, starts) == ord("b")) | dated)
    return known & whole & (long | short | single), known & whole & bare


def _at(data: NDArray[np.uint8], places: NDArray[np.int64]) -> NDArray[np.uint8]:
    return data[np.minimum(places, len(data) - 1)]


def _octets_at(
    data: NDArray[np.uint8], places: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The octets whose digits stand there, and whether these are digits."""
    high, low = _DIGITS[_at(data, places)], _DIGITS[_at(data, places + 1)]
    known: NDArray[np.bool_] = (high != _NO_DIGIT) & (low != _NO_DIGIT)
    return high.astype(np.int64) << 4 | low, known


def read(blocks: Iterator[Lines]) -> Iterator[Rows]:
    """The telegrams of a text of hex lines."""
    lines = HexLines()
    try:
        for block in blocks:
            yield lines.feed(block)
    except OSError:  # in mid-file: what was begun before is a telegram all the same
        yield lines.end()
        raise
    yield lines.end()

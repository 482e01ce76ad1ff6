"""Lines of hex: one telegram a line, comments behind #, frames that go on in the next line.

The usual line, one whole frame or user data of one, is told by its length and its first characters, for all
lines of a block at once; only where others are among them are lines looked at one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from mbus_grammars import MBusError
from mbus_grammars.link import SINGLE_CHARACTER, START_LONG, START_SHORT

from ..forms import LONG_OVERHEAD, SHORT_LENGTH
from ..hextext import parse_hex
from .engine import pa
from .frames import frame_length, telegrams_in, unfinished
from .rows import Fault, Rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .opened import Lines

_NO_DIGIT: Final = 0xFF
_DIGITS: Final = np.full(256, _NO_DIGIT, np.uint8)
for _digit in b"0123456789abcdefABCDEF":
    _DIGITS[_digit] = int(chr(_digit), 16)

_SEPARATORS: Final = np.isin(np.arange(256), np.frombuffer(b" :-.,;", np.uint8))


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

    def feed(self, block: Lines) -> Rows:
        """What is complete with one more block."""
        octets = block.octets
        if not octets.endswith(b"\n"):
            octets += b"\n"
        data = np.frombuffer(octets, np.uint8)
        ends = np.flatnonzero(data == 0x0A)
        starts = np.concatenate((np.zeros(1, np.int64), ends[:-1] + 1))
        ends = ends - ((ends > starts) & (data[ends - 1] == 0x0D))
        regular = _regular(data, starts, ends)
        blank = starts == ends
        breaks = len(data) - int((ends - starts).sum())  # the octets that end lines, all of them
        plain = self._begun is None and octets.isascii() and b"#" not in octets
        plain = plain and breaks == len(ends) + octets.count(b"\r")
        if plain and bool(np.all(regular | blank)):
            return _plain_rows(data, starts, ends, block.first)
        texts = octets.decode("utf-8", errors="backslashreplace").split("\n")
        for index, usual in enumerate(regular.tolist()):
            if usual and self._begun is None and "#" not in texts[index]:
                self._give(block.first + index, texts[index])
            else:
                self._look_at(block.first + index, texts[index])
        return self._taken()

    def end(self) -> Rows:
        """What is left when nothing more comes."""
        self._give_begun()
        return self._taken()

    def _look_at(self, number: int, line: str) -> None:
        """A line that is not usual: of a frame over several lines, of several frames, or no hex at all."""
        text = line.split("#", 1)[0].strip()
        if not text:
            return
        try:
            octets = parse_hex(text)
        except MBusError:
            self._give_begun()
            self._give(number, text)  # decoding says what is wrong with it
            return
        begun = self._begun
        if begun is not None and not frame_length(octets):
            joined = begun.octets + octets
            if frame_length(joined) or unfinished(joined):
                number, octets, self._begun = begun.line, joined, None
        self._give_begun()
        if unfinished(octets):
            self._begun = _Begun(number, octets)
            return
        for found in telegrams_in(octets):
            self._give(number, found.octets.hex(), found.fault)

    def _give_begun(self) -> None:
        """What was begun stays unfinished: another telegram follows."""
        if self._begun is not None:
            self._give(self._begun.line, self._begun.octets.hex())
            self._begun = None

    def _give(self, number: int, text: str, fault: Fault | None = None) -> None:
        if fault is not None:
            self._faults[len(self._text)] = fault
        self._number.append(number)
        self._text.append(text)

    def _taken(self) -> Rows:
        rows = Rows(pa.array(self._text, pa.string()), pa.array(self._number, pa.int64()), self._faults)
        self._number, self._text, self._faults = [], [], {}
        return rows


def _plain_rows(
    data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64], first: int
) -> Rows:
    """The lines as they stand, without the blank ones."""
    lengths = ends - starts
    places = np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths))).astype(np.int32)
    text = data[(data != 0x0A) & (data != 0x0D)]
    full = np.flatnonzero(lengths)
    offsets = np.concatenate((places[full], places[-1:]))
    telegrams = pa.StringArray.from_buffers(len(full), pa.py_buffer(offsets), pa.py_buffer(text))
    return Rows(telegrams, pa.array(full + first))


def _regular(
    data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Lines that hold one whole frame, or user data without a frame, in digits with one separator or none."""
    lengths = ends - starts
    last = len(data) - 1

    def at(place: int) -> Any:
        return data[np.minimum(starts + place, last)]

    def octet(place: int) -> tuple[Any, Any]:
        high, low = _DIGITS[at(place)], _DIGITS[at(place + 1)]
        known = (high != _NO_DIGIT) & (low != _NO_DIGIT)
        return high.astype(np.int64) << 4 | low, known

    start, known = octet(0)
    apart: Any = _SEPARATORS[at(2)] & (lengths > 2)
    l_field_close, known_close = octet(2)
    l_field_apart, known_apart = octet(3)
    l_field = np.where(apart, l_field_apart, l_field_close)
    known_l_field = np.where(apart, known_apart, known_close)
    octets: Any = np.where(apart, (lengths + 1) // 3, lengths // 2)
    whole: Any = np.where(apart, lengths % 3 == 2, lengths % 2 == 0)
    long = (start == START_LONG) & known_l_field & (octets == l_field + LONG_OVERHEAD) & whole
    short = (start == START_SHORT) & (octets == SHORT_LENGTH) & whole
    single = (start == SINGLE_CHARACTER) & (lengths == 2)
    bare = (start != START_LONG) & (start != START_SHORT) & (start != SINGLE_CHARACTER) & (lengths > 2)
    usual: NDArray[np.bool_] = known & (long | short | single | bare)
    return usual


def read(blocks: Iterator[Lines]) -> Iterator[Rows]:
    """The telegrams of a text of hex lines."""
    lines = HexLines()
    for block in blocks:
        yield lines.feed(block)
    yield lines.end()

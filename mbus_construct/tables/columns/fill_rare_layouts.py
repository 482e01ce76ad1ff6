"""Scattered records into the sheet: all numbers of one width together, loaded from wherever they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from .moments import moments
from .numbers import bcd, integers, load_type
from .plan import NUMBERS, Alike, Coding
from .source import PAD, padded
from .table import METER_COLUMNS
from .telegram_matrix import VALUE_CELLS, cells_of, numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .long_table import Column, Sheet
    from .rare_layouts import Scattered

_LOAD: Final = load_type(8)


def fill_rare(sheet: Sheet, found: Scattered, at: int) -> None:
    """Fill in the rows from `at` on."""
    if len(found):
        _Fill(sheet, found, at).fill()


class _Fill:
    """Scattered records into the sheet."""

    def __init__(self, sheet: Sheet, found: Scattered, at: int) -> None:
        self.sheet = sheet
        self.found = found
        self.at = at
        self.place = slice(at, at + len(found))
        self.headers: NDArray[np.int64] = np.array(found.headers, np.int64)
        self.counts: NDArray[np.int64] = np.array(found.counts, np.int64)
        self.offsets: NDArray[np.int64] = np.array(found.offsets, np.int64)
        self._octets = padded(found.octets.data)

    def fill(self) -> None:
        """All columns."""
        octets = self.found.octets
        indexes = np.array(self.found.indexes)
        self.sheet.source[self.place] = np.repeat(octets.rows[indexes], self.counts)
        self._constants()
        self._telegrams()
        starts = np.repeat(octets.starts[indexes], self.counts) + self.offsets
        self._values(starts)
        odd = self.found.odd
        self.sheet.put_some(self.at + np.fromiter(odd, np.int64), list(odd.values()), VALUE_CELLS)

    def _constants(self) -> None:
        columns: dict[str, Any] = self.sheet.columns
        ends = np.cumsum(self.counts)
        records = np.arange(len(self.found)) - np.repeat(ends - self.counts, self.counts)
        for name, values in (("record", records), ("offset", self.offsets)):
            if name in columns:
                columns[name].put(self.place, values)
        state = columns.get("state")
        if state is not None:
            state.put(self.place, state.index("ok"))
        for name, values, missing in self.found.known.constants():
            if name in columns:
                absent = np.zeros(len(values), bool)
                absent[list(missing)] = True
                self._put(columns[name], values[self.headers], absent[self.headers])

    def _put(self, column: Column, values: NDArray[Any], absent: NDArray[np.bool_]) -> None:
        """Values into a column; there are none where they are absent."""
        if column.rare:
            rows = np.flatnonzero(~absent)
            column.put(self.at + rows, values[rows])
            return
        column.values[self.place] = values
        column.drop(self.at + np.flatnonzero(absent))

    def _telegrams(self) -> None:
        columns: dict[str, Any] = self.sheet.columns
        for name in ("layout", *METER_COLUMNS, "access_number", "status"):
            if name in columns:
                values = [cells.get(name) for cells in self.found.shared]
                numbers, absent = _numbers(columns[name], values)
                self._put(columns[name], np.repeat(numbers, self.counts), np.repeat(absent, self.counts))
        ids = self.sheet.ids
        if ids is not None:
            texts: list[str | None] = [cells.get("meter_id") for cells in self.found.shared]
            absent = np.array([text is None for text in texts])
            numbers = np.frombuffer("".join(text or "00000000" for text in texts).encode(), "<u8")
            self._put(ids, np.repeat(numbers, self.counts), np.repeat(absent, self.counts))

    def _values(self, starts: NDArray[np.int64]) -> None:
        """The data, all of one coding together."""
        known = self.found.known.known
        classes: dict[Alike, list[int]] = {}
        for header in known:
            classes.setdefault(header.coding.alike(), []).append(header.number)
        class_of = np.zeros(len(known), np.int16)
        for number, headers in enumerate(classes.values()):
            class_of[headers] = number
        row_classes = class_of[self.headers]
        sizes = np.array([header.size + header.width for header in known])
        for number, alike in enumerate(classes):
            rows = np.flatnonzero(row_classes == number)
            if alike.kind == "odd":
                self._without_number(rows)
            elif len(rows):
                coding = known[int(self.headers[rows[0]])].coding
                self._decode(rows, self._loaded(starts[rows] + sizes[self.headers[rows]]), coding)

    def _loaded(self, ends: NDArray[np.int64]) -> NDArray[Any]:
        """Eight octets that end where the data of records end."""
        words = np.ndarray((len(self._octets) - PAD + 1,), _LOAD, self._octets.data, strides=(1,))
        loaded: NDArray[Any] = words[ends]  # which is `PAD` octets before, for there are as many in front
        return loaded

    def _without_number(self, rows: NDArray[np.int64]) -> None:
        if "mantissa" in self.sheet.numbers:
            self.sheet.numbers["mantissa"].drop(self.at + rows)

    def _decode(self, rows: NDArray[np.int64], loaded: NDArray[Any], coding: Coding) -> None:
        if coding.kind in NUMBERS:
            odd = self._number(rows, loaded, coding)
        elif coding.kind == "moment":
            self._without_number(rows)
            odd = self._moment(rows, loaded, coding)
        else:
            self._without_number(rows)
            odd = self._identifier(rows, loaded, coding)
        ends = np.cumsum(self.counts)
        for row in rows[odd].tolist():
            header = self.found.known.known[int(self.headers[row])]
            telegram = self.found.indexes[int(np.searchsorted(ends, np.int64(row), "right"))]
            start = int(self.found.octets.starts[telegram]) + int(self.offsets[row]) + header.size
            data = self.found.octets.data[start : start + header.width].tobytes()
            if header.described is not None:
                self.found.odd[row] = cells_of(header.cells["code"], header.described.read(data))

    def _number(self, rows: NDArray[np.int64], loaded: NDArray[Any], coding: Coding) -> NDArray[np.bool_]:
        known = self.found.known.known
        headers = self.headers[rows]
        scales: NDArray[np.int64] = np.array([tuple(header.coding.scale) for header in known], np.int64)[
            headers
        ]
        values, odd = numbers(loaded, coding.alike())
        column = self.sheet.numbers.get("mantissa")
        if column is not None:
            column.values[self.at + rows] = values.view(np.int64) * scales[:, 0] + scales[:, 1]
        return np.asarray(odd, bool)

    def _moment(self, rows: NDArray[np.int64], loaded: NDArray[Any], coding: Coding) -> NDArray[np.bool_]:
        seconds, ordinary, summer = moments(integers(loaded, coding.width, signed=False), coding.moment)
        times, flags = self.sheet.numbers.get("value_time"), self.sheet.words.get("flags")
        if times is not None:
            times.put(self.at + rows[ordinary], seconds[ordinary])
        if flags is not None and summer is not None:
            flags.put(self.at + rows[summer & ordinary], flags.index("summer time"))
        return ~ordinary

    def _identifier(self, rows: NDArray[np.int64], loaded: NDArray[Any], coding: Coding) -> NDArray[np.bool_]:
        values, wrong = bcd(loaded, coding.width)
        odd = wrong.astype(bool)
        if self.sheet.texts is not None:
            digits = [f"{number:0{2 * coding.width}d}" for number in values[~odd].tolist()]
            self.sheet.texts.set(self.at + rows[~odd], digits)
        return odd


def _numbers(column: Any, values: list[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Values of a column as numbers, and which of them are absent."""
    absent = np.array([value is None for value in values])
    if hasattr(column, "index"):
        values = [0 if value is None else column.index(value) for value in values]
    return np.array([value or 0 for value in values], column.values.dtype), absent

"""The telegrams of one layout into the sheet: cells of the telegram, of the layout, and of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from .moments import moments
from .numbers import bcd, integers, load_type
from .plan import NUMBERS
from .rows import joined, value_cells
from .sheet import Column
from .source import PAD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ..values import Outcome
    from .plan import Cell, ColumnPlan
    from .sheet import Sheet

# The columns that hold what the data say.
_VALUES: Final = frozenset(
    {
        *("mantissa", "exponent", "value_time", "value_text", "value_type"),
        *("state", "reason", "flags", "code", "value", "value_decimal"),
    }
)

_NO_ASCII: Final = 0x80

# Two hex digits of each octet as ASCII, the first one in the lower half of the number.
_DIGITS: Final = np.array([int.from_bytes(b"%02X" % octet, "little") for octet in range(256)], np.uint64)


def fill(
    sheet: Sheet, plan: ColumnPlan, matrix: NDArray[np.uint8], sources: NDArray[np.int64], at: int
) -> None:
    """Fill in the rows from `at` on with telegrams of one layout, a line of `matrix` each."""
    block = Block(sheet, plan, matrix, at)
    block.grid(sheet.source)[:] = sources[:, None]
    block.constants()
    block.telegrams()
    if not sheet.wanted.isdisjoint(_VALUES):
        block.values()


def matrix_of(lines: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same lines with `PAD` octets around them, so that eight octets can be loaded anywhere."""
    octets = np.zeros(lines.size + 2 * PAD, np.uint8)
    matrix = octets[PAD:-PAD].reshape(lines.shape)
    matrix[:] = lines
    return matrix


class Block:
    """A stretch of the sheet: as many rows a telegram as the plan has cells."""

    def __init__(self, sheet: Sheet, plan: ColumnPlan, matrix: NDArray[np.uint8], at: int) -> None:
        self.sheet = sheet
        self.plan = plan
        self.matrix = matrix
        self.at = at
        self.shape = len(matrix), len(plan)
        self._lines = matrix if matrix.base is None else matrix.base
        address = self._lines.__array_interface__["data"][0]
        self._first: int = matrix.__array_interface__["data"][0] - address
        self.place = slice(at, at + len(matrix) * len(plan))

    def grid(self, column: NDArray[Any]) -> NDArray[Any]:
        """The rows of this block in a column: a line a telegram, a column a record."""
        return column[self.place].reshape(self.shape)

    def loaded(self, cell: Cell) -> NDArray[Any]:
        """The data of a record of each telegram: the highest octets of a number, the others in front of it."""
        type_ = load_type(cell.coding.width)
        return np.ndarray(
            (len(self.matrix),),
            type_,
            self._lines.data,
            self._first + cell.field.end - type_.itemsize,
            (self.matrix.strides[0],),
        )

    def column(self, number: int) -> slice:
        """The rows of one record in a column of the sheet."""
        return slice(self.at + number, self.place.stop, self.shape[1])

    # --- What the layout says

    def constants(self) -> None:
        """The cells that are the same in each telegram of the layout."""
        columns = self.sheet.columns
        for name, values, missing in self.plan.constants:
            column = columns.get(name)
            if not isinstance(column, Column):
                continue
            if column.rare:
                for number in set(range(len(values))).difference(missing):
                    column.put(self.column(number), values[number])
                continue
            self.grid(column.values)[:] = values
            for number in missing:
                column.absent.add(self.column(number))
        layout = self.sheet.words.get("layout")
        if layout is not None:
            layout.put(self.place, layout.index(self.plan.layout))

    # --- What the header of each telegram says

    def telegrams(self) -> None:
        """The cells of meter and header, which all rows of a telegram share."""
        places, sheet = self.plan.plan.places, self.sheet
        for name in ("version", "device_type", "access_number", "status"):
            self._share(sheet.numbers.get(name), places.get(name))
        words, meter = sheet.words.get("manufacturer"), self.plan.meter
        if words is not None:
            if meter is None or meter.manufacturer is None:
                words.drop(self.place)
            else:
                words.put(self.place, words.index(meter.manufacturer))
        if sheet.ids is not None:
            place = places.get("identification_number")
            if place is None:
                sheet.ids.drop(self.place)
            else:
                self.grid(sheet.ids.values)[:] = self._identifications(place)[:, None]

    def _share(self, column: Column | None, place: int | None) -> None:
        """One octet of each telegram; there is none where it has no place."""
        if column is None:
            return
        if place is None:
            column.drop(self.place)
        else:
            self.grid(column.values)[:] = self.matrix[:, place, None]

    def _identifications(self, place: int) -> NDArray[np.uint64]:
        """Eight digits of each telegram as ASCII, the first one in the lowest bits."""
        octets = [_DIGITS[self.matrix[:, place + k]] for k in (3, 2, 1, 0)]
        text = octets[0]
        for number, digits in enumerate(octets[1:], 1):
            text = text | digits << np.uint64(16 * number)
        return text

    # --- What the data say

    def values(self) -> None:
        """The cells of values, all of one coding together."""
        state = self.sheet.words.get("state")
        if state is not None:
            state.put(self.place, state.index("ok"))
        for kind, columns in self.plan.by_coding:
            cells = [self.plan.cells[column] for column in columns]
            if kind in NUMBERS:
                self._numbers(columns, cells)
                continue
            read = {"moment": self._moments, "identifier": self._identifiers, "text": self._texts}
            for column, cell in zip(columns, cells, strict=True):
                if kind == "odd":
                    self._odd(column, np.arange(len(self.matrix)))
                else:
                    if "mantissa" in self.sheet.numbers:
                        self.sheet.numbers["mantissa"].drop(self.column(column))
                    read[kind](column, cell)

    def _numbers(self, columns: Sequence[int], cells: Sequence[Cell]) -> None:
        """Numbers of one coding, width and scale."""
        coding = cells[0].coding
        loaded = np.stack([self.loaded(cell) for cell in cells])
        if coding.kind == "bcd":
            numbers, odd = bcd(loaded, coding.width)
        else:
            numbers = integers(loaded, coding.width, coding.signed)
            odd = numbers == coding.mark
        factor, added, _ = coding.scale
        if factor != 1 or added:
            numbers = numbers.astype(np.int64) * factor + added
        if "mantissa" in self.sheet.numbers:
            grid = self.grid(self.sheet.numbers["mantissa"].values)
            for line, column in zip(numbers, columns, strict=True):
                grid[:, column] = line
        if odd.any():
            for column, wrong in zip(columns, odd, strict=True):
                self._odd(column, np.flatnonzero(wrong))

    def _moments(self, column: int, cell: Cell) -> None:
        coding = cell.coding
        raw = integers(self.loaded(cell), coding.width, signed=False)
        seconds, ordinary, summer = moments(raw, coding.moment)
        times, flags = self.sheet.numbers.get("value_time"), self.sheet.words.get("flags")
        every = bool(ordinary.all())
        if times is not None:
            if every:
                times.put(self.column(column), seconds)
            else:
                times.put(self._rows(column, np.flatnonzero(ordinary)), seconds[ordinary])
        if flags is not None and summer is not None and summer.any():
            rows = self._rows(column, np.flatnonzero(summer & ordinary))
            flags.put(rows, flags.index("summer time"))
        if not every:
            self._odd(column, np.flatnonzero(~ordinary))

    def _identifiers(self, column: int, cell: Cell) -> None:
        end, width = cell.field.end, cell.coding.width
        _, wrong = bcd(self.loaded(cell), width)
        octets = self.matrix[:, cell.field.start : end][:, ::-1]
        self._characters(column, _DIGITS[octets].astype("<u2").view(np.uint8), wrong != 0)

    def _texts(self, column: int, cell: Cell) -> None:
        octets = self.matrix[:, cell.field.start + 1 : cell.field.end][:, ::-1]  # without the LVAR octet
        self._characters(column, octets, (octets >= _NO_ASCII).any(axis=1))

    def _characters(self, column: int, characters: NDArray[np.uint8], odd: NDArray[np.bool_]) -> None:
        """Texts of one length into a column."""
        if self.sheet.texts is not None:
            rows = np.flatnonzero(~odd)
            self.sheet.texts.put(self._rows(column, rows), characters[rows])
        self._odd(column, np.flatnonzero(odd))

    # --- What is out of the ordinary

    def _rows(self, column: int, telegrams: NDArray[np.int64]) -> NDArray[np.int64]:
        return self.at + telegrams * len(self.plan) + column

    def _odd(self, column: int, telegrams: NDArray[np.int64]) -> None:
        """Records that are read one by one."""
        if not len(telegrams):
            return
        cell = self.plan.cells[column]
        start, end = cell.field.start, cell.field.end
        width, put, read = end - start, self.sheet.put_some, cell.field.read
        octets = np.ascontiguousarray(self.matrix[telegrams, start:end]).tobytes()
        for number, row in enumerate(self._rows(column, telegrams).tolist()):
            data = octets[number * width : number * width + width]
            put(row, self._cells(cell, read(data)))

    @staticmethod
    def _cells(cell: Cell, outcome: Outcome) -> dict[str, Any]:
        codes = (cell.code, outcome.code)
        return {
            **value_cells(outcome.value)._asdict(),
            "state": outcome.state,
            "reason": outcome.reason,
            "flags": joined(outcome.flags),
            "code": joined(code for code in codes if code is not None),
        }

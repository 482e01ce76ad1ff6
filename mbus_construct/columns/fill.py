"""The telegrams of one layout into the sheet: cells of the telegram, of the layout, and of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from .moments import MOMENTS, moments
from .numbers import BITS, bcd, integers
from .rows import joined, value_cells

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

_LOAD: Final = BITS // 8

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


class Block:
    """A stretch of the sheet: as many rows a telegram as the plan has cells."""

    def __init__(self, sheet: Sheet, plan: ColumnPlan, matrix: NDArray[np.uint8], at: int) -> None:
        self.sheet = sheet
        self.plan = plan
        self.matrix = matrix
        self.at = at
        self.shape = len(matrix), len(plan)
        self.place = slice(at, at + len(matrix) * len(plan))

    def grid(self, column: NDArray[Any]) -> NDArray[Any]:
        """The rows of this block in a column: a line a telegram, a column a record."""
        return column[self.place].reshape(self.shape)

    def loaded(self, end: int, telegrams: Any = slice(None)) -> NDArray[np.uint64]:
        """The eight octets in front of `end` of each telegram, the last of them in the highest bits."""
        lines = self.matrix
        base = lines.base if lines.base is not None else lines
        offset = lines.__array_interface__["data"][0] - base.__array_interface__["data"][0]
        words: NDArray[np.uint64] = np.ndarray(
            (len(lines),), "<u8", base.data, offset + end - _LOAD, (lines.strides[0],)
        )
        return words[telegrams]

    # --- What the layout says

    def constants(self) -> None:
        """The cells that are the same in each telegram of the layout."""
        sheet, constants = self.sheet, self.plan.constants
        for name, words in sheet.words.items():
            if name == "layout":
                words.indexes[self.place] = words.index(self.plan.layout)
            elif name in constants[0]:
                self.grid(words.indexes)[:] = [words.index(row[name]) for row in constants]
        for name, numbers in sheet.numbers.items():
            if name in constants[0]:
                values = [row[name] for row in constants]
                self.grid(numbers.values)[:] = [value or 0 for value in values]
                self.grid(numbers.valid)[:] = [value is not None for value in values]

    # --- What the header of each telegram says

    def telegrams(self) -> None:
        """The cells of meter and header, which all rows of a telegram share."""
        places, sheet = self.plan.plan.places, self.sheet
        for name in ("version", "device_type", "access_number", "status"):
            numbers = sheet.numbers.get(name)
            if numbers is not None and name in places:
                self.grid(numbers.values)[:] = self.matrix[:, places[name], None]
                numbers.valid[self.place] = True
        words = sheet.words.get("manufacturer")
        if words is not None and self.plan.meter is not None:
            words.indexes[self.place] = words.index(self.plan.meter.manufacturer)
        if sheet.ids is not None and "identification_number" in places:
            self.grid(sheet.ids.values)[:] = self._identifications(places["identification_number"])[:, None]
            sheet.ids.valid[self.place] = True

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
            state.indexes[self.place] = state.index("ok")
        for coding, columns in self.plan.by_coding:
            cells = [self.plan.cells[column] for column in columns]
            if coding == "odd":
                everything = np.arange(len(self.matrix))
                for column in columns:
                    self._odd(column, everything)
            elif coding == "moment":
                for column, cell in zip(columns, cells, strict=True):
                    self._moments(column, cell)
            elif coding == "identifier":
                for column, cell in zip(columns, cells, strict=True):
                    self._identifiers(column, cell)
            else:
                self._numbers(columns, cells)

    def _numbers(self, columns: Sequence[int], cells: Sequence[Cell]) -> None:
        """Numbers of one coding, width and scale."""
        coding = cells[0].coding
        loaded = np.stack([self.loaded(cell.field.end) for cell in cells])
        if coding.kind == "bcd":
            numbers, odd = bcd(loaded, coding.width)
        else:
            numbers = integers(loaded, coding.width, coding.signed)
            odd = numbers == coding.mark
        factor, added, exponent = coding.scale
        if factor != 1:
            numbers = numbers * factor
        if added:
            numbers = numbers + added
        self._put(columns, "mantissa", numbers)
        self._put(columns, "exponent", exponent)
        self._type(columns, "decimal")
        if odd.any():
            for column, wrong in zip(columns, odd, strict=True):
                self._odd(column, np.flatnonzero(wrong))

    def _moments(self, column: int, cell: Cell) -> None:
        coding = cell.coding
        layout, kind = MOMENTS[coding.moment]
        raw = self.loaded(cell.field.end) >> np.uint64(BITS - 8 * coding.width)
        seconds, ordinary, summer = moments(raw, layout)
        self._put([column], "value_time", seconds[None])
        self._type([column], kind)
        flags = self.sheet.words.get("flags")
        if flags is not None and summer is not None:
            self.grid(flags.indexes)[:, column] = np.where(summer, flags.index("summer time"), -1)
        self._odd(column, np.flatnonzero(~ordinary))

    def _identifiers(self, column: int, cell: Cell) -> None:
        end, width = cell.field.end, cell.coding.width
        _, odd = bcd(self.loaded(end), width)
        self._type([column], "text")
        if self.sheet.texts is not None:
            octets = self.matrix[:, cell.field.start : end][:, ::-1]
            characters = _DIGITS[octets].astype("<u2").view(np.uint8)
            rows = np.flatnonzero(~odd)
            self.sheet.texts.put_many(self._rows(column, rows), characters[rows])
        self._odd(column, np.flatnonzero(odd))

    def _put(self, columns: Sequence[int], name: str, values: Any) -> None:
        """Integers into a column of the sheet: one line of values for each record."""
        numbers = self.sheet.numbers.get(name)
        if numbers is None:
            return
        valid, grid = self.grid(numbers.valid), self.grid(numbers.values)
        for line, column in enumerate(columns):
            grid[:, column] = values if isinstance(values, int) else values[line]
            valid[:, column] = True

    def _type(self, columns: Sequence[int], kind: str) -> None:
        words = self.sheet.words.get("value_type")
        if words is not None:
            for column in columns:
                self.grid(words.indexes)[:, column] = words.index(kind)

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

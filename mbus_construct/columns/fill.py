"""The telegrams of one layout into the sheet: cells of the telegram, of the layout, and of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from .lines import VALUE_CELLS, Lines
from .plan import NUMBERS
from .sheet import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .plan import Cell, ColumnPlan, Kind
    from .sheet import Sheet

# The columns that hold what the data say.
_VALUES: Final = frozenset(
    {
        *("mantissa", "exponent", "value_time", "value_text", "value_type"),
        *("state", "reason", "flags", "code", "value", "value_decimal"),
    }
)


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
        self.lines = Lines(matrix)
        self.at = at
        self.shape = len(matrix), len(plan)
        self.place = slice(at, at + len(matrix) * len(plan))

    def grid(self, column: NDArray[Any]) -> NDArray[Any]:
        """The rows of this block in a column: a line a telegram, a column a record."""
        return column[self.place].reshape(self.shape)

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
                self.grid(sheet.ids.values)[:] = self.lines.identifications(place)[:, None]

    def _share(self, column: Column | None, place: int | None) -> None:
        """One octet of each telegram; there is none where it has no place."""
        if column is None:
            return
        if place is None:
            column.drop(self.place)
        else:
            self.grid(column.values)[:] = self.matrix[:, place, None]

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
            for column, cell in zip(columns, cells, strict=True):
                self._without_number(kind, column, cell)

    def _without_number(self, kind: Kind, column: int, cell: Cell) -> None:
        if kind == "odd":
            self._odd(column, np.arange(len(self.lines)))
            return
        if "mantissa" in self.sheet.numbers:
            self.sheet.numbers["mantissa"].drop(self.column(column))
        if kind == "moment":
            self._moments(column, cell)
        else:
            self._characters(column, cell)

    def _numbers(self, columns: Sequence[int], cells: Sequence[Cell]) -> None:
        """Numbers of one coding, width and scale."""
        numbers, odd = self.lines.numbers(cells)
        if "mantissa" in self.sheet.numbers:
            grid = self.grid(self.sheet.numbers["mantissa"].values)
            for line, column in zip(numbers, columns, strict=True):
                grid[:, column] = line
        if odd.any():
            for column, wrong in zip(columns, odd, strict=True):
                self._odd(column, np.flatnonzero(wrong))

    def _moments(self, column: int, cell: Cell) -> None:
        seconds, ordinary, summer = self.lines.moments(cell)
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

    def _characters(self, column: int, cell: Cell) -> None:
        characters, odd = self.lines.characters(cell)
        if self.sheet.texts is not None:
            rows = np.flatnonzero(odd == 0)
            self.sheet.texts.put(self._rows(column, rows), characters[rows])
        self._odd(column, np.flatnonzero(odd))

    # --- What is out of the ordinary

    def _rows(self, column: int, telegrams: NDArray[np.int64]) -> NDArray[np.int64]:
        return self.at + telegrams * len(self.plan) + column

    def _odd(self, column: int, telegrams: NDArray[np.int64]) -> None:
        """Records that are read one by one."""
        if not len(telegrams):
            return
        cells = list(self.lines.one_by_one(self.plan.cells[column], telegrams))
        self.sheet.put_some(self._rows(column, telegrams), cells, VALUE_CELLS)

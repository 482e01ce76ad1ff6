"""Telegrams with plans into the sheet: cells of the telegram, of the layout, and of the data.

Data are decoded together as far as they are alike, those of all layouts at once: with few telegrams a layout
NumPy's calls would cost more than what they do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from .long_table import Column
from .moments import moments
from .numbers import integers, load_type
from .plan import NUMBERS
from .telegram_matrix import VALUE_CELLS, Lines, characters, numbers, scaled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .long_table import Sheet
    from .plan import Alike, Cell, ColumnPlan, Part

# The columns that hold what the data say.
_VALUES: Final = frozenset({*VALUE_CELLS, "value", "value_decimal"})


def fill(sheet: Sheet, parts: Sequence[Part]) -> int:
    """Fill in the rows from the first on with the telegrams of some layouts; gives how many they are."""
    at = 0
    blocks: list[Block] = []
    for part in parts:
        blocks.append(Block(sheet, part, at))
        at = blocks[-1].place.stop
    for block in blocks:
        block.constants()
        block.telegrams()
    if not sheet.wanted.isdisjoint(_VALUES):
        _Values(sheet, blocks).fill()
    return at


class Block:
    """A stretch of the sheet: as many rows a telegram as the plan has cells."""

    def __init__(self, sheet: Sheet, part: Part, at: int) -> None:
        self.sheet = sheet
        self.plan: ColumnPlan = part.plan
        self.sources = part.rows
        self.matrix = part.matrix
        self.lines = Lines(part.matrix)
        self.at = at
        self.shape = len(part.matrix), len(part.plan)
        self.place = slice(at, at + len(part.matrix) * len(part.plan))

    def grid(self, column: NDArray[Any]) -> NDArray[Any]:
        """The rows of this block in a column: a line a telegram, a column a record."""
        return column[self.place].reshape(self.shape)

    def column(self, number: int) -> slice:
        """The rows of one record in a column of the sheet."""
        return slice(self.at + number, self.place.stop, self.shape[1])

    def rows(self, number: int, telegrams: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows of one record of some telegrams."""
        return self.at + telegrams * self.shape[1] + number

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
        for name, text in (("layout", self.plan.layout), ("state", "ok")):
            words = self.sheet.words.get(name)
            if words is not None:
                words.put(self.place, words.index(text))

    def telegrams(self) -> None:
        """The cells of meter and header, which all rows of a telegram share."""
        places, sheet = self.plan.plan.places, self.sheet
        self.grid(sheet.source)[:] = self.sources[:, None]
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

    def odd(self, number: int, telegrams: NDArray[np.int64]) -> None:
        """Records that are read one by one."""
        if len(telegrams):
            cells = list(self.lines.one_by_one(self.plan.cells[number], telegrams))
            self.sheet.put_some(self.rows(number, telegrams), cells, VALUE_CELLS)


class _Member:
    """The data of one record of the telegrams of a block, among others that are alike."""

    def __init__(self, block: Block, number: int, start: int) -> None:
        self.block = block
        self.number = number
        self.cell: Cell = block.plan.cells[number]
        self.place = slice(start, start + len(block.matrix))


class _Values:
    """The cells of all blocks that depend on the data."""

    def __init__(self, sheet: Sheet, blocks: Sequence[Block]) -> None:
        self.sheet = sheet
        self._alike: dict[Alike, list[_Member]] = {}
        for block in blocks:
            for number, cell in enumerate(block.plan.cells):
                members = self._alike.setdefault(cell.alike, [])
                members.append(_Member(block, number, members[-1].place.stop if members else 0))

    def fill(self) -> None:
        """All of them."""
        for alike, members in self._alike.items():
            if alike.kind in NUMBERS:
                self._numbers(alike, members)
                continue
            for member in members:
                if alike.kind == "odd":
                    member.block.odd(member.number, np.arange(len(member.block.matrix)))
                elif "mantissa" in self.sheet.numbers:
                    self.sheet.numbers["mantissa"].drop(member.block.column(member.number))
            if alike.kind == "moment":
                self._moments(alike, members)
            elif alike.kind != "odd":
                self._characters(members)

    @staticmethod
    def _loaded(alike: Alike, members: Sequence[_Member]) -> NDArray[Any]:
        loaded = np.empty(members[-1].place.stop, load_type(alike.width))
        for member in members:
            loaded[member.place] = member.block.lines.loaded(member.cell)
        return loaded

    def _numbers(self, alike: Alike, members: Sequence[_Member]) -> None:
        values, odd = numbers(self._loaded(alike, members), alike)
        mantissa = self.sheet.numbers.get("mantissa")
        if mantissa is not None:
            for member in members:
                grid = member.block.grid(mantissa.values)
                grid[:, member.number] = scaled(values[member.place], member.cell.coding.scale)
        self._odd(members, odd)

    def _moments(self, alike: Alike, members: Sequence[_Member]) -> None:
        raw = integers(self._loaded(alike, members), alike.width, signed=False)
        seconds, ordinary, summer = moments(raw, alike.moment)
        times, flags = self.sheet.numbers.get("value_time"), self.sheet.words.get("flags")
        for member in members:
            block, place = member.block, member.place
            plain = ordinary[place]
            if times is not None:
                times.values[block.column(member.number)] = np.where(plain, seconds[place], 0)
                times.present.add(block.rows(member.number, np.flatnonzero(plain)))
            if flags is not None and summer is not None:
                rows = block.rows(member.number, np.flatnonzero(summer[place] & plain))
                flags.put(rows, flags.index("summer time"))
        self._odd(members, ~ordinary)

    def _characters(self, members: Sequence[_Member]) -> None:
        for member in members:
            texts, odd = characters(member.block.lines, member.cell)
            if self.sheet.texts is not None:
                telegrams = np.flatnonzero(odd == 0)
                chosen = texts if len(telegrams) == len(texts) else texts[telegrams]
                self.sheet.texts.put(member.block.rows(member.number, telegrams), chosen)
            member.block.odd(member.number, np.flatnonzero(odd))

    @staticmethod
    def _odd(members: Sequence[_Member], odd: NDArray[Any]) -> None:
        """What is out of the ordinary, handed to the blocks that it belongs to."""
        places = np.flatnonzero(odd)
        if not len(places):
            return
        ends = [member.place.stop for member in members]
        bounds = np.searchsorted(places, ends)
        for member, first, last in zip(members, [0, *bounds[:-1]], bounds, strict=True):
            member.block.odd(member.number, places[first:last] - member.place.start)

"""The cells of a long table while they are filled in: one NumPy array a column, then one Arrow array.

Which cells there are is not kept cell by cell while filling in: most columns have all of theirs, or hardly
any. `Places` collects the exceptions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from .exact import decimals, floats
from .extra import pa
from .table import OFFERED, WORDS, field
from .words import VOCABULARIES, index_type

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .rows import Row
    from .table import Output

_ID_LENGTH: Final = 8  # digits of an identification number
_DERIVED: Final = ("value", "value_decimal")

# Columns that most rows have nothing in.
_RARE: Final = frozenset({"value_time", "qualifiers", "reason", "flags", "error", "code"})

_INTEGERS: Final = tuple(
    name
    for name, type_ in OFFERED.items()
    if (pa.types.is_integer(type_) or pa.types.is_timestamp(type_)) and name != "telegram"
)


class Places:
    """Rows, as stretches and one by one."""

    def __init__(self) -> None:
        self._stretches: list[slice] = []
        self._some: list[NDArray[np.int64]] = []
        self._single: list[int] = []

    def add(self, place: slice | int | NDArray[np.int64]) -> None:
        """Note rows."""
        if isinstance(place, slice):
            self._stretches.append(place)
        elif isinstance(place, int):
            self._single.append(place)
        else:
            self._some.append(place)

    def __bool__(self) -> bool:
        return bool(self._stretches or self._some or self._single)

    def mark(self, cells: NDArray[np.bool_], value: bool) -> None:
        """Set these rows in a column of booleans."""
        self.mark_stretches(cells, value)
        self.mark_rows(cells, value)

    def mark_stretches(self, cells: NDArray[np.bool_], value: bool) -> None:
        """Set those that were noted together only."""
        for stretch in self._stretches:
            cells[stretch] = value
        for some in self._some:
            cells[some] = value

    def mark_rows(self, cells: NDArray[np.bool_], value: bool) -> None:
        """Set the rows that were noted one by one only."""
        if self._single:
            cells[np.array(self._single)] = value


class Column:
    """Numbers, or indexes of words, of `count` rows.

    Attributes:
        values: of all rows; 0 where there is none.
        present, absent: which cells there are. Those in neither are there, unless the column is `rare`. What
            is said of a single row prevails over what is said of many.
    """

    def __init__(self, count: int, type_: Any, rare: bool = False) -> None:
        self.rare = rare
        self.values: NDArray[Any] = np.zeros(count, type_) if rare else np.empty(count, type_)
        self.present = Places()
        self.absent = Places()

    def set(self, row: int, value: Any) -> None:
        """Fill in one row; None is no value."""
        if value is None:
            self.drop(row)
        else:
            self.values[row] = value
            if self.rare:
                self.present.add(row)

    def put(self, place: slice | NDArray[np.int64], values: Any) -> None:
        """Fill in rows."""
        self.values[place] = values
        if self.rare:
            self.present.add(place)

    def drop(self, place: slice | int) -> None:
        """No value in these rows."""
        if not self.rare:
            self.absent.add(place)

    def absent_rows(self, rows: NDArray[np.int64]) -> None:
        """No value in these rows, unless one is set afterwards."""
        if len(rows):
            self.absent.add(rows)

    def valid(self) -> NDArray[np.bool_] | None:
        """Which cells there are, None for all."""
        if not self.rare and not self.absent:
            return None
        cells = np.full(len(self.values), not self.rare)
        self.absent.mark_stretches(cells, False)
        self.present.mark(cells, True)
        self.absent.mark_rows(cells, False)
        return cells


class Words(Column):
    """Strings that repeat: indexes, and the strings that they mean."""

    def __init__(self, name: str, count: int) -> None:
        super().__init__(count, index_type(OFFERED[name]), name in _RARE)
        self._type = OFFERED[name]
        self._vocabulary = VOCABULARIES.of(name)
        self.index = self._vocabulary.index

    def set(self, row: int, value: str | None) -> None:
        """Fill in one row."""
        super().set(row, None if value is None else self.index(value))

    def array(self, portable: bool) -> Any:
        """The column."""
        strings = self._vocabulary.array()
        buffers = [bitmap(self.valid()), pa.py_buffer(self.values)]
        column = pa.DictionaryArray.from_buffers(self._type, len(self.values), buffers, strings)
        return column.cast(pa.string()) if portable else column


class Texts:
    """A column of strings that do not repeat: single ones, and many of one length."""

    def __init__(self, count: int) -> None:
        self.lengths = np.zeros(count, np.int32)
        self.present = Places()
        self._single: dict[int, bytes] = {}
        self._blocks: list[tuple[NDArray[np.int64], NDArray[np.uint8]]] = []

    def set(self, row: int, text: str | None) -> None:
        """Fill in one row."""
        if text is not None:
            octets = self._single[row] = text.encode()
            self.lengths[row] = len(octets)
            self.present.add(row)

    def put(self, rows: NDArray[np.int64], characters: NDArray[np.uint8]) -> None:
        """Fill in rows with texts of one length, one line of ASCII characters each."""
        self.lengths[rows] = characters.shape[1]
        self.present.add(rows)
        self._blocks.append((rows, characters))

    def array(self) -> Any:
        """The column."""
        ends = offsets_of(self.lengths)
        data = np.empty(int(ends[-1]), np.uint8)
        for rows, characters in self._blocks:
            data[ends[rows][:, None] + np.arange(characters.shape[1])] = characters
        for row, octets in self._single.items():
            data[ends[row] : ends[row] + len(octets)] = np.frombuffer(octets, np.uint8)
        valid = np.zeros(len(self.lengths), bool)
        self.present.mark(valid, True)
        return strings(ends, valid, data)


def offsets_of(lengths: NDArray[np.int32]) -> NDArray[np.int32]:
    """Where texts of these lengths start, and where the last one ends."""
    if lengths.sum(dtype=np.int64) > np.iinfo(np.int32).max:
        raise ValueError("more than 2 GB of text in one batch; give smaller batches")
    ends = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=ends[1:])
    return ends


def strings(offsets: NDArray[np.int32], valid: NDArray[np.bool_] | None, data: NDArray[np.uint8]) -> Any:
    """An Arrow array of strings."""
    buffers = [bitmap(valid), pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.string(), len(offsets) - 1, buffers)


def bitmap(valid: NDArray[np.bool_] | None) -> Any:
    """Arrow's bits that say which cells there are; None where all are."""
    return None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))


class Sheet:
    """A long table of `count` rows; only the `wanted` columns are filled in.

    `source` is the row of the batch that each row of the table comes from.
    """

    def __init__(self, count: int, wanted: Iterable[str]) -> None:
        self.wanted = frozenset(wanted)
        derived = not self.wanted.isdisjoint(_DERIVED)
        self.source = np.empty(count, np.int64)
        self.words = {name: Words(name, count) for name in WORDS if name in self.wanted}
        self.numbers = {
            name: Column(count, index_type(OFFERED[name]), name in _RARE)
            for name in _INTEGERS
            if name in self.wanted or (derived and name in ("mantissa", "exponent"))
        }
        self.columns: dict[str, Column | Texts] = {**self.words, **self.numbers}
        self.ids = Column(count, np.uint64) if "meter_id" in self.wanted else None
        self.texts = Texts(count) if "value_text" in self.wanted else None
        if self.texts is not None:
            self.columns["value_text"] = self.texts

    def put(self, row: int, source: int, cells: Row) -> None:
        """Fill in one row."""
        self.source[row] = source
        for name, column in self.columns.items():
            column.set(row, cells.get(name))
        if self.ids is not None:
            meter_id = cells.get("meter_id")
            self.ids.set(row, None if meter_id is None else int.from_bytes(meter_id.encode(), "little"))

    def put_some(self, row: int, cells: Row) -> None:
        """Fill in some cells of a row."""
        for name, value in cells.items():
            column = self.columns.get(name)
            if column is not None:
                column.set(row, value)
                if value is not None:
                    column.present.add(row)

    def table(self, names: Sequence[str], output: Output) -> Any:
        """The columns as a `pyarrow.RecordBatch`."""
        arrays = [self.array(name, output.first, output.portable) for name in names]
        fields = [field(name, output.portable) for name in names]
        return output.table(arrays, fields, self.source)

    def array(self, name: str, first: int, portable: bool) -> Any:
        """A column as Arrow has it."""
        if name in self.words:
            return self.words[name].array(portable)
        if name == "telegram":
            return pa.array(self.source + first if first else self.source)
        if name == "meter_id" and self.ids is not None:
            return identifications(self.ids.values, self.ids.valid())
        if name == "value_text" and self.texts is not None:
            return self.texts.array()
        if name in _DERIVED:
            mantissa = self.numbers["mantissa"]
            valid = mantissa.valid()
            every = np.ones(len(mantissa.values), bool) if valid is None else valid
            derive = floats if name == "value" else decimals
            return derive(mantissa.values, self.numbers["exponent"].values, every)
        column = self.numbers[name]
        buffers = [bitmap(column.valid()), pa.py_buffer(column.values)]
        return pa.Array.from_buffers(OFFERED[name], len(column.values), buffers)


def identifications(values: NDArray[np.uint64], valid: NDArray[np.bool_] | None) -> Any:
    """Identification numbers as strings: eight characters in 64 bits each, which a missing one has too."""
    end = _ID_LENGTH * len(values)
    if end > np.iinfo(np.int32).max:
        raise ValueError("more than 2 GB of identification numbers in one batch; give smaller batches")
    offsets = np.arange(0, end + 1, _ID_LENGTH, dtype=np.int32)
    return strings(offsets, valid, values.view(np.uint8))

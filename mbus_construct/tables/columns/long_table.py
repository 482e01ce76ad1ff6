"""The cells of a long table while they are filled in: one NumPy array a column, then one Arrow array.

Which cells there are is not kept cell by cell while filling in: most columns have all of theirs, or hardly
any. `Places` collects the exceptions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from .exact import decimals, floats
from .pyarrow_import import pa
from .repeated_strings import VOCABULARIES, index_type
from .table import OFFERED, WORDS, field

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
    """Rows: whole stretches and many at once, and single ones, which prevail."""

    def __init__(self) -> None:
        self._many: list[slice | NDArray[np.int64]] = []
        self._single: list[NDArray[np.int64]] = []

    def add(self, place: slice | NDArray[np.int64]) -> None:
        """Note rows."""
        self._many.append(place)

    def add_single(self, rows: NDArray[np.int64]) -> None:
        """Note rows of which each is a case of its own."""
        if len(rows):
            self._single.append(rows)

    def __bool__(self) -> bool:
        return bool(self._many or self._single)

    def mark_many(self, cells: NDArray[np.bool_], value: bool) -> None:
        """Set those that were noted together."""
        for place in self._many:
            cells[place] = value

    def mark_single(self, cells: NDArray[np.bool_], value: bool) -> None:
        """Set the single ones."""
        for rows in self._single:
            cells[rows] = value


class Column:
    """Numbers, or indexes of words, of `count` rows.

    Attributes:
        values: of all rows, 0 where none was filled in.
        present, absent: which cells there are. Those in neither are there, unless the column is `rare`. What
            is said of a single row prevails over what is said of many.
    """

    def __init__(self, count: int, type_: np.dtype[Any], rare: bool = False) -> None:
        self.rare = rare
        self.values: NDArray[Any] = np.zeros(count, type_) if rare else np.empty(count, type_)
        self.present = Places()
        self.absent = Places()

    def set(self, rows: NDArray[np.int64], values: Sequence[Any]) -> None:
        """Fill in rows one by one; None is no value."""
        there = np.array([value is not None for value in values], bool)
        numbers = np.array([value or 0 for value in values], self.values.dtype)
        self.values[rows] = numbers
        self.present.add_single(rows[there])
        if not self.rare:
            self.absent.add_single(rows[~there])

    def put(self, place: slice | NDArray[np.int64], values: Any) -> None:
        """Fill in rows."""
        self.values[place] = values
        if self.rare:
            self.present.add(place)

    def drop(self, place: slice | NDArray[np.int64]) -> None:
        """No value in these rows, unless one is set afterwards."""
        if not self.rare:
            self.values[place] = 0
            self.absent.add(place)

    def valid(self) -> NDArray[np.bool_] | None:
        """Which cells there are, None for all."""
        if not self.rare and not self.absent:
            return None
        cells = np.full(len(self.values), not self.rare)
        self.absent.mark_many(cells, False)
        self.present.mark_many(cells, True)
        self.present.mark_single(cells, True)
        self.absent.mark_single(cells, False)
        return cells


class Words(Column):
    """Strings that repeat: indexes, and the strings that they mean."""

    def __init__(self, name: str, count: int) -> None:
        super().__init__(count, index_type(OFFERED[name]), name in _RARE)
        self._type = OFFERED[name]
        self._vocabulary = VOCABULARIES.of(name)
        self.index = self._vocabulary.index

    def set(self, rows: NDArray[np.int64], values: Sequence[str | None]) -> None:
        """Fill in rows one by one; None is no value."""
        super().set(rows, [None if value is None else self.index(value) + 1 for value in values])
        self.values[rows] -= self.values[rows] > 0

    def array(self, portable: bool) -> Any:
        """The column."""
        strings = self._vocabulary.array()
        buffers = [bitmap(self.valid()), pa.py_buffer(self.values)]
        column = pa.DictionaryArray.from_buffers(self._type, len(self.values), buffers, strings)
        return column.cast(pa.string()) if portable else column


class Texts:
    """A column of strings that do not repeat: single ones, and many of one length."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._ends = np.zeros(count + 1, np.int32)  # lengths, until the column is made
        self.lengths = self._ends[1:]
        self.present = Places()
        self._single: dict[int, bytes] = {}
        self._blocks: list[tuple[NDArray[np.int64], NDArray[np.uint8]]] = []

    def set(self, rows: NDArray[np.int64], texts: Sequence[str | None]) -> None:
        """Fill in rows one by one; None is no text."""
        for row, text in zip(rows.tolist(), texts, strict=True):
            if text is not None:
                octets = self._single[row] = text.encode()
                self.lengths[row] = len(octets)
        self.present.add(rows[[text is not None for text in texts]])

    def put(self, rows: NDArray[np.int64], characters: NDArray[np.uint8]) -> None:
        """Fill in rows with texts of one length, one line of ASCII characters each."""
        self.lengths[rows] = characters.shape[1]
        self.present.add(rows)
        self._blocks.append((rows, characters))

    def array(self) -> Any:
        """The column."""
        if self.lengths.sum(dtype=np.int64) > np.iinfo(np.int32).max:
            raise ValueError("more than 2 GB of text in one batch; give smaller batches")
        ends = np.cumsum(self._ends, out=self._ends)
        data = np.empty(int(ends[-1]), np.uint8)
        for rows, characters in self._blocks:
            data[ends[rows][:, None] + np.arange(characters.shape[1])] = characters
        for row, octets in self._single.items():
            data[ends[row] : ends[row] + len(octets)] = np.frombuffer(octets, np.uint8)
        valid = np.zeros(self.count, bool)
        self.present.mark_many(valid, True)
        return strings(ends, valid, data)


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
        self.ids = Column(count, np.dtype(np.uint64)) if "meter_id" in self.wanted else None
        self.texts = Texts(count) if "value_text" in self.wanted else None
        if self.texts is not None:
            self.columns["value_text"] = self.texts

    def put(self, at: int, rows: Sequence[tuple[int, Row]]) -> None:
        """Fill in rows from `at` on, each with its source."""
        self.source[at : at + len(rows)] = [source for source, _ in rows]
        places = np.arange(at, at + len(rows))
        self.put_some(places, [row for _, row in rows], tuple(self.columns))
        if self.ids is not None:
            texts = [row.get("meter_id") for _, row in rows]
            numbers = [None if text is None else int.from_bytes(text.encode(), "little") for text in texts]
            self.ids.set(places, numbers)

    def put_some(self, rows: NDArray[np.int64], cells: Sequence[Row], names: Sequence[str]) -> None:
        """Fill in some columns of some rows; what `cells` do not have is no value."""
        for name in names:
            column = self.columns.get(name)
            if column is not None and len(rows):
                column.set(rows, [row.get(name) for row in cells])

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
    if _ID_LENGTH * len(values) > np.iinfo(np.int32).max:
        raise ValueError("more than 2 GB of identification numbers in one batch; give smaller batches")
    return strings(_offsets(len(values))[: len(values) + 1], valid, values.view(np.uint8))


def _offsets(count: int) -> NDArray[np.int32]:
    """Where identification numbers start: the same in all batches, and so made for the largest only."""
    known = _known_offsets[0]
    if len(known) <= count:
        known = np.arange(0, _ID_LENGTH * count + 1, _ID_LENGTH, dtype=np.int32)
        known.flags.writeable = False
        _known_offsets[0] = known
    return known


_known_offsets: Final = [np.zeros(1, np.int32)]

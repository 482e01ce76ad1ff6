"""The cells of a long table while they are filled in: one NumPy array a column, then one Arrow array."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from .exact import decimals, floats
from .extra import pa
from .table import OFFERED, WORDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .rows import Row

Place = int | slice

_ID_LENGTH: Final = 8  # digits of an identification number
_DERIVED: Final = ("value", "value_decimal")

_INTEGERS: Final = {
    name: type_.to_pandas_dtype()
    for name, type_ in OFFERED.items()
    if pa.types.is_integer(type_) or pa.types.is_timestamp(type_)
} | {"value_time": np.int64}


class Words:
    """A column of strings that repeat: indexes, and the strings that they mean."""

    def __init__(self, count: int) -> None:
        self.indexes = np.full(count, -1, np.int32)
        self._known: dict[str | None, int] = {None: -1}

    def index(self, text: str | None) -> int:
        """The index that means a string, -1 for none."""
        found = self._known.get(text)
        if found is None:
            found = self._known[text] = len(self._known) - 1
        return found

    def array(self, portable: bool) -> Any:
        """The column."""
        strings = pa.array([text for text in self._known if text is not None], pa.string())
        buffers = [validity(self.indexes >= 0), pa.py_buffer(self.indexes)]
        if not len(strings):
            strings = pa.array([""], pa.string())
        type_ = pa.dictionary(pa.int32(), pa.string())
        column = pa.DictionaryArray.from_buffers(type_, len(self.indexes), buffers, strings)
        return column.cast(pa.string()) if portable else column


class Numbers:
    """A column of integers, with which of them there are."""

    def __init__(self, count: int, type_: Any) -> None:
        self.values = np.zeros(count, type_)
        self.valid = np.zeros(count, bool)

    def put(self, place: Place, values: Any) -> None:
        """Fill in rows; None leaves them empty."""
        if values is not None:
            self.values[place] = values
            self.valid[place] = True

    def array(self, type_: Any) -> Any:
        """The column."""
        buffers = [validity(self.valid), pa.py_buffer(self.values)]
        return pa.Array.from_buffers(type_, len(self.values), buffers)


class Texts:
    """A column of strings that do not repeat: single ones, and many of one length."""

    def __init__(self, count: int) -> None:
        self.lengths = np.zeros(count, np.int64)
        self.valid = np.zeros(count, bool)
        self._single: dict[int, bytes] = {}
        self._blocks: list[tuple[NDArray[np.int64], NDArray[np.uint8]]] = []

    def put(self, row: int, text: str | None) -> None:
        """Fill in one row."""
        if text is not None:
            octets = self._single[row] = text.encode()
            self.lengths[row], self.valid[row] = len(octets), True

    def put_many(self, rows: NDArray[np.int64], characters: NDArray[np.uint8]) -> None:
        """Fill in rows with texts of one length, one line of ASCII characters each."""
        self.lengths[rows], self.valid[rows] = characters.shape[1], True
        self._blocks.append((rows, characters))

    def array(self) -> Any:
        """The column."""
        ends = np.cumsum(self.lengths)
        starts = ends - self.lengths
        data = np.empty(int(ends[-1]) if len(ends) else 0, np.uint8)
        for rows, characters in self._blocks:
            data[starts[rows][:, None] + np.arange(characters.shape[1])] = characters
        for row, octets in self._single.items():
            data[starts[row] : starts[row] + len(octets)] = np.frombuffer(octets, np.uint8)
        return strings(np.concatenate((starts[:1], ends)), self.valid, data)


def strings(offsets: NDArray[np.int64], valid: NDArray[np.bool_], data: NDArray[np.uint8]) -> Any:
    """An Arrow array of strings."""
    buffers = [validity(valid), pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.string(), len(valid), buffers)


def validity(valid: NDArray[np.bool_]) -> Any:
    """Arrow's bits that say which cells there are; None where all are."""
    return None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))


class Sheet:
    """A long table of `count` rows; only the `wanted` columns are filled in.

    `source` is the row of the batch that each row of the table comes from.
    """

    def __init__(self, count: int, wanted: Iterable[str]) -> None:
        self.wanted = frozenset(wanted)
        derived = not self.wanted.isdisjoint(_DERIVED)
        self.count = count
        self.source = np.zeros(count, np.int64)
        self.words = {name: Words(count) for name in WORDS if name in self.wanted}
        self.numbers = {
            name: Numbers(count, type_)
            for name, type_ in _INTEGERS.items()
            if name in self.wanted or (derived and name in ("mantissa", "exponent"))
        }
        self.texts = Texts(count) if "value_text" in self.wanted else None
        self.ids = Numbers(count, np.uint64) if "meter_id" in self.wanted else None

    def put(self, row: int, source: int, cells: Row) -> None:
        """Fill in one row."""
        self.source[row] = source
        for name, words in self.words.items():
            words.indexes[row] = words.index(cells.get(name))
        for name, numbers in self.numbers.items():
            numbers.put(row, cells.get(name))
        if self.texts is not None:
            self.texts.put(row, cells.get("value_text"))
        meter_id = cells.get("meter_id")
        if self.ids is not None and meter_id is not None:
            self.ids.put(row, int.from_bytes(meter_id.encode(), "little"))

    def put_some(self, row: int, cells: Row) -> None:
        """Replace some cells of a row."""
        for name, value in cells.items():
            if name in self.words:
                words = self.words[name]
                words.indexes[row] = words.index(value)
            elif name in self.numbers:
                numbers = self.numbers[name]
                numbers.valid[row] = value is not None
                numbers.values[row] = value or 0
            elif name == "value_text" and self.texts is not None:
                self.texts.put(row, value)

    def array(self, name: str, first: int, portable: bool) -> Any:
        """A column as Arrow has it."""
        if name in self.words:
            return self.words[name].array(portable)
        special: dict[str, Callable[[], Any]] = {
            "telegram": lambda: pa.array(self.source + first),
            "meter_id": self._ids,
            "value_text": self._texts,
            "value": lambda: floats(*self._numbers()),
            "value_decimal": lambda: decimals(*self._numbers()),
        }
        return special[name]() if name in special else self.numbers[name].array(OFFERED[name])

    def _numbers(self) -> tuple[NDArray[np.int64], NDArray[np.int8], NDArray[np.bool_]]:
        mantissa = self.numbers["mantissa"]
        return mantissa.values, self.numbers["exponent"].values, mantissa.valid

    def _ids(self) -> Any:
        if self.ids is None:
            raise AssertionError("meter_id was not wanted")
        valid = self.ids.valid
        data = self.ids.values[valid].view(np.uint8)
        offsets = np.concatenate(([0], np.cumsum(valid) * _ID_LENGTH))
        return strings(offsets, valid, data)

    def _texts(self) -> Any:
        if self.texts is None:
            raise AssertionError("value_text was not wanted")
        return self.texts.array()

"""A column of telegrams as one stretch of octets, whether it came as octets or as hex digits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mbus_grammars import DecodeError, MBusError

from ...octets.hex_text import parse_hex
from .pyarrow_import import pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Columns that hold telegrams, by the names that archives give them.
TELEGRAM_COLUMNS: Final = ("telegram", "mbus-raw", "hex", "payload", "data")

# So many octets are loaded at once; there have to be as many before and behind them.
PAD: Final = 8


@dataclass(frozen=True)
class Octets:
    """Telegrams one behind the other.

    Attributes:
        data: the octets of all of them.
        starts: where each telegram starts in `data`, one more for the end of the last.
        rows: the row of the batch that each came from.
        faults: rows that hold no octets, with the reason.
    """

    data: NDArray[np.uint8]
    starts: NDArray[np.int64]
    rows: NDArray[np.int64]
    faults: dict[int, MBusError]

    def __len__(self) -> int:
        return len(self.rows)

    def telegram(self, index: int) -> bytes:
        """The octets of one telegram."""
        return self.data[self.starts[index] : self.starts[index + 1]].tobytes()


def telegram_column(names: Sequence[str], wanted: str | None) -> str:
    """The name of the column with the telegrams. Raises `ValueError` where it is not to be found."""
    shown = ", ".join(names) or "none at all"
    if wanted is not None:
        if wanted not in names:
            raise ValueError(f"no column {wanted!r}; there are: {shown}")
        return wanted
    if len(names) == 1:
        return names[0]
    for name in TELEGRAM_COLUMNS:
        if name in names:
            return name
    raise ValueError(f"say which column holds the telegrams; there are: {shown}")


def octets_of(array: Any) -> Octets:
    """The telegrams of an Arrow array: binary, or strings of hex digits with any separators."""
    types = pa.types
    if types.is_null(array.type):
        array = array.cast(pa.binary())
    if types.is_dictionary(array.type):
        return octets_of(_without_views(array.dictionary).take(array.indices))
    array = _without_views(array)
    if types.is_binary(array.type) or types.is_large_binary(array.type):
        return _from_octets(array)
    if types.is_string(array.type) or types.is_large_string(array.type):
        return _from_hex(array)
    raise ValueError(f"telegrams are binary or strings of hex digits, not {array.type}")


def _without_views(array: Any) -> Any:
    """The array with one stretch of data."""
    types = pa.types
    if types.is_fixed_size_binary(array.type) or types.is_binary_view(array.type):
        return array.cast(pa.large_binary())
    return array.cast(pa.large_string()) if types.is_string_view(array.type) else array


def stretch(array: Any) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The data of a binary or string array, and where each item starts and the last one ends."""
    types = pa.types
    large = types.is_large_binary(array.type) or types.is_large_string(array.type)
    _, offsets, data = array.buffers()
    width = np.int64 if large else np.int32
    if offsets is None or not len(array):
        return np.zeros(0, np.uint8), np.zeros(1, np.int64)
    starts = np.frombuffer(offsets, width)[array.offset : array.offset + len(array) + 1].astype(np.int64)
    octets = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    return octets[starts[0] : starts[-1]], starts - starts[0]


def _nulls(array: Any) -> dict[int, MBusError]:
    if not array.null_count:
        return {}
    rows = np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False))
    return {int(row): DecodeError("no telegram: the cell is empty", code="empty") for row in rows}


def padded(*parts: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Octets with `PAD` more in front and behind."""
    pad = np.zeros(PAD, np.uint8)
    return np.concatenate((pad, *parts, pad))


def _from_octets(array: Any) -> Octets:
    data, starts = stretch(array)
    faults = _nulls(array)
    rows = np.arange(len(array), dtype=np.int64)
    octets = Octets(data, starts, rows, faults)
    return _without(octets, faults) if faults else octets


def _without(octets: Octets, faults: dict[int, MBusError]) -> Octets:
    """Without the rows that hold no octets."""
    kept = np.ones(len(octets), bool)
    kept[list(faults)] = False
    data = octets.data
    lengths = np.diff(octets.starts)
    if lengths[~kept].any():  # a null may hide octets
        data = data[np.repeat(kept, lengths)]
    starts = np.concatenate(([0], np.cumsum(lengths[kept])))
    return Octets(data, starts, octets.rows[kept], faults)


def _text_of(array: Any, row: int) -> str:
    try:
        text: str = array[row].as_py()
    except UnicodeDecodeError as error:
        raise DecodeError("no text: it is not UTF-8", expected="hex digits", code="hex") from error
    return text


# The value of a hex digit, _SPACE for a blank, _OTHER for what only `parse_hex` knows.
_SPACE: Final = 0x10
_OTHER: Final = 0x20
_DIGITS: Final = np.full(256, _OTHER, np.uint8)
for _digit in b"0123456789abcdefABCDEF":
    _DIGITS[_digit] = int(chr(_digit), 16)
_DIGITS[ord(" ")] = _SPACE


def _from_hex(array: Any) -> Octets:
    text, starts = stretch(array)
    digits = _DIGITS[text]
    plain = _plain_rows(digits, starts)
    plain[list(_nulls(array))] = False
    blank = digits == _SPACE
    keep = np.repeat(plain, np.diff(starts))
    keep &= ~blank
    nibbles = digits[keep]
    data: NDArray[np.uint8] = nibbles[0::2] << np.uint8(4) | nibbles[1::2]
    before = np.concatenate(([0], np.cumsum(keep)))
    lengths = np.diff(before[starts]) // 2
    odd_rows = np.flatnonzero(~plain)
    faults, others = _nulls(array), dict[int, bytes]()
    for row in odd_rows.tolist():
        if row not in faults:
            try:
                others[row] = parse_hex(_text_of(array, row))
            except MBusError as error:
                faults[row] = error.with_traceback(None)  # it would hold on to this batch
    rows = np.concatenate((np.flatnonzero(plain), np.fromiter(others, np.int64)))
    sizes = np.concatenate((lengths[plain], np.fromiter(map(len, others.values()), np.int64)))
    appended: NDArray[np.uint8] = np.frombuffer(b"".join(others.values()), np.uint8)
    ends = np.concatenate(([0], np.cumsum(sizes)))
    return Octets(np.concatenate((data, appended)), ends, rows, faults)


def _plain_rows(digits: NDArray[np.uint8], starts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Rows that are hex digits in groups of an even number, with nothing but blanks between them."""
    is_digit = digits < _SPACE
    before = np.concatenate(([0], np.cumsum(is_digit)))
    counts = np.diff(before[starts])
    plain: NDArray[np.bool_] = (counts % 2 == 0) & (counts > 0)
    places = np.flatnonzero(~is_digit)
    if len(places):
        rows = np.searchsorted(starts, places, "right") - 1
        within_octet = (before[places] - before[starts[rows]]) % 2 == 1
        plain[rows[(digits[places] == _OTHER) | within_octet]] = False
    return plain

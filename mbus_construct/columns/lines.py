"""The octets of many telegrams of one layout, a line each, and what is decoded from them record by record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from .moments import Moments, moments
from .numbers import bcd, integers, load_type
from .rows import ValueCells, joined, value_cells
from .source import PAD

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..values import Outcome
    from .plan import Cell
    from .rows import Row

_NO_ASCII: Final = 0x80

# Two hex digits of each octet as ASCII, the first one in the lower half of the number.
_DIGITS: Final = np.array([int.from_bytes(b"%02X" % octet, "little") for octet in range(256)], np.uint64)


# What `cells_of` gives.
VALUE_CELLS: Final = (*ValueCells._fields, "state", "reason", "flags", "code")


class Decoded(NamedTuple):
    """What was decoded, and which of it is out of the ordinary (not 0)."""

    values: NDArray[Any]
    odd: Any


def matrix_of(lines: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same lines with `PAD` octets around them, so that eight octets can be loaded anywhere."""
    octets = np.zeros(lines.size + 2 * PAD, np.uint8)
    matrix = octets[PAD:-PAD].reshape(lines.shape)
    matrix[:] = lines
    return matrix


class Lines:
    """Telegrams of one layout: `matrix` has `PAD` octets in front and behind."""

    def __init__(self, matrix: NDArray[np.uint8]) -> None:
        self.matrix = matrix
        self._octets = matrix if matrix.base is None else matrix.base
        address = self._octets.__array_interface__["data"][0]
        self._first: int = matrix.__array_interface__["data"][0] - address

    def __len__(self) -> int:
        return len(self.matrix)

    def _loaded(self, cell: Cell) -> NDArray[Any]:
        """The data of a record: the highest octets of a number, with the octets in front of them below."""
        type_ = load_type(cell.coding.width)
        start = self._first + cell.field.end - type_.itemsize
        return np.ndarray((len(self),), type_, self._octets.data, start, (self.matrix.strides[0],))

    def identifications(self, place: int) -> NDArray[np.uint64]:
        """Eight digits from a place on, as ASCII, the first one in the lowest bits."""
        octets = [_DIGITS[self.matrix[:, place + k]] for k in (3, 2, 1, 0)]
        text = octets[0]
        for number, digits in enumerate(octets[1:], 1):
            text = text | digits << np.uint64(16 * number)
        return text

    def numbers(self, cells: Sequence[Cell]) -> Decoded:
        """The mantissas of records with one coding, a line a record."""
        coding = cells[0].coding
        loaded = np.stack([self._loaded(cell) for cell in cells])
        if coding.kind == "bcd":
            values, odd = bcd(loaded, coding.width)
        else:
            values = integers(loaded, coding.width, coding.signed)
            odd = values == coding.mark
        factor, added, _ = coding.scale
        if factor != 1 or added:
            values = values.astype(np.int64) * factor + added
        return Decoded(values, odd)

    def moments(self, cell: Cell) -> Moments:
        """The dates or times of a record."""
        raw = integers(self._loaded(cell), cell.coding.width, signed=False)
        return moments(raw, cell.coding.moment)

    def characters(self, cell: Cell) -> Decoded:
        """The texts of a record, or its digits where they are a name: a line of ASCII characters each."""
        start, end = cell.field.start, cell.field.end
        if cell.coding.kind == "identifier":
            _, odd = bcd(self._loaded(cell), cell.coding.width)
            octets = self.matrix[:, start:end][:, ::-1]
            return Decoded(_DIGITS[octets].astype("<u2").view(np.uint8), odd)
        octets = self.matrix[:, start + 1 : end][:, ::-1]  # without the LVAR octet
        return Decoded(octets, (octets >= _NO_ASCII).any(axis=1))

    def one_by_one(self, cell: Cell, telegrams: NDArray[np.int64]) -> Iterator[Row]:
        """The cells of records that are out of the ordinary."""
        start, end = cell.field.start, cell.field.end
        width, read = end - start, cell.field.read
        octets = np.ascontiguousarray(self.matrix[telegrams, start:end]).tobytes()
        for at in range(0, len(octets), width) if width else [0] * len(telegrams):
            yield cells_of(cell.code, read(octets[at : at + width]))


def cells_of(code: str | None, outcome: Outcome) -> Row:
    """The cells of a value that was read by itself; `code` is what its header has to remark."""
    codes = (code, outcome.code)
    return {
        **value_cells(outcome.value)._asdict(),
        "state": outcome.state,
        "reason": outcome.reason,
        "flags": joined(outcome.flags),
        "code": joined(code for code in codes if code is not None),
    }

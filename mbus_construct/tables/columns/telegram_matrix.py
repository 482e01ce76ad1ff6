"""The octets of many telegrams of one layout, a line each, and what is decoded from them record by record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from .numbers import bcd, integers, load_type
from .rows import ValueCells, joined, value_cells
from .source import PAD

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...values.to_value import Outcome
    from .plan import Alike, Cell, Scale
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


def numbers(loaded: NDArray[Any], alike: Alike) -> Decoded:
    """Numbers as they were sent, without their scales."""
    if alike.kind == "bcd":
        return Decoded(*bcd(loaded, alike.width))
    values = integers(loaded, alike.width, alike.signed)
    return Decoded(values, values == alike.mark)


def scaled(values: NDArray[Any], scale: Scale) -> NDArray[Any]:
    """Mantissas."""
    if scale.factor == 1 and not scale.added:
        return values
    return values.astype(np.int64) * scale.factor + scale.added


def characters(lines: Lines, cell: Cell) -> Decoded:
    """The texts of a record, or its digits where they are a name: a line of ASCII characters each."""
    octets = lines.octets(cell)
    if cell.coding.kind == "identifier":
        _, odd = bcd(lines.loaded(cell), cell.coding.width)
        return Decoded(_DIGITS[octets].astype("<u2").view(np.uint8), odd)
    return Decoded(octets, (octets >= _NO_ASCII).any(axis=1))


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

    def loaded(self, cell: Cell) -> NDArray[Any]:
        """The data of a record: the highest octets of a number, with the octets in front of them below."""
        type_ = load_type(cell.coding.width)
        start = self._first + cell.field.end - type_.itemsize
        return np.ndarray((len(self.matrix),), type_, self._octets.data, start, self.matrix.strides[:1])

    def identifications(self, place: int) -> NDArray[np.uint64]:
        """Eight digits from a place on, as ASCII, the first one in the lowest bits."""
        octets = [_DIGITS[self.matrix[:, place + k]] for k in (3, 2, 1, 0)]
        text = octets[0]
        for number, digits in enumerate(octets[1:], 1):
            text = text | digits << np.uint64(16 * number)
        return text

    def octets(self, cell: Cell) -> NDArray[np.uint8]:
        """The data of a record, a line each, the last octet first; without an LVAR octet."""
        start = cell.field.start + 1 if cell.field.lvar else cell.field.start
        return self.matrix[:, start : cell.field.end][:, ::-1]

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

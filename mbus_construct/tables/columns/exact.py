"""From mantissa and exponent to the two other shapes of a number: float64, and decimal128 of one scale."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ...values.to_value import EXACT
from .pyarrow_import import pa
from .table import DECIMAL

if TYPE_CHECKING:
    from numpy.typing import NDArray

# One operation on two numbers that a double holds exactly is rounded once, and right.
_EXACT_MANTISSA: Final = 1 << 53
_EXACT_POWER: Final = 22
_POWERS: Final = np.array([float(10**power) for power in range(_EXACT_POWER + 1)])

_DIGITS: Final = 19  # of the largest 64 bit number


def floats(mantissa: NDArray[np.int64], exponent: NDArray[np.int8], valid: NDArray[np.bool_]) -> Any:
    """The nearest double of each number, as an Arrow array."""
    power = exponent.astype(np.int64)
    size = np.minimum(np.abs(power), _EXACT_POWER)
    number = mantissa.astype(np.float64)
    values = np.where(power < 0, number / _POWERS[size], number * _POWERS[size])
    simple = (
        (np.abs(mantissa) <= _EXACT_MANTISSA) & (np.abs(power) <= _EXACT_POWER) & (mantissa != -(1 << 63))
    )
    for row in np.flatnonzero(valid & ~simple).tolist():
        values[row] = float(EXACT.scaleb(Decimal(int(mantissa[row])), int(power[row])))
    return pa.array(values, mask=~valid)


def decimals(mantissa: NDArray[np.int64], exponent: NDArray[np.int8], valid: NDArray[np.bool_]) -> Any:
    """Each number as a decimal of 38 digits, 12 behind the point; null where it is not exact in these."""
    halves = np.zeros((len(mantissa), 2), np.int64)
    fits = np.zeros(len(mantissa), bool)
    for power in np.unique(exponent[valid]).tolist():
        rows = np.flatnonzero(valid & (exponent == power))
        scaled = decimal_array(mantissa[rows], power)
        if scaled is None:
            _one_by_one(mantissa, power, rows, halves, fits)
            continue
        halves[rows] = np.frombuffer(scaled.buffers()[1], np.int64).reshape(-1, 2)
        fits[rows] = True
    buffers = [pa.py_buffer(np.packbits(fits, bitorder="little")), pa.py_buffer(halves)]
    return pa.Array.from_buffers(DECIMAL, len(mantissa), buffers)


def decimal_array(mantissa: NDArray[np.int64], power: int) -> Any:
    """Numbers of 10**power as an Arrow array of `DECIMAL`; None where some do not fit for sure."""
    if not -DECIMAL.scale <= power <= DECIMAL.precision - DECIMAL.scale - _DIGITS:
        return None
    array = narrow(mantissa, _DIGITS, max(-power, 0))
    if power > 0:
        array = pa.compute.multiply(array, pa.scalar(Decimal(10**power), pa.decimal128(power + 1, 0)))
    return array.cast(DECIMAL)


def narrow(
    mantissa: NDArray[np.int64], digits: int, scale: int, valid: NDArray[np.bool_] | None = None
) -> Any:
    """Numbers of 10**-scale as an Arrow array of decimals with so many digits; null where not valid."""
    halves = np.stack((mantissa, mantissa >> np.int64(63)), axis=1)
    bits = None if valid is None or valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(pa.decimal128(digits, scale), len(mantissa), [bits, pa.py_buffer(halves)])


def digits_of(number: int) -> int:
    """How many digits a number has."""
    return len(str(number))


def _one_by_one(
    mantissa: NDArray[np.int64],
    power: int,
    rows: NDArray[np.int64],
    halves: NDArray[np.int64],
    fits: NDArray[np.bool_],
) -> None:
    """Numbers with exponents that meters hardly send."""
    for row in rows.tolist():
        number = EXACT.scaleb(Decimal(int(mantissa[row])), power).normalize(EXACT)
        _, digits, exponent = number.as_tuple()
        if not isinstance(exponent, int) or exponent < -DECIMAL.scale:
            continue
        if len(digits) + exponent > DECIMAL.precision - DECIMAL.scale:
            continue
        octets = int(EXACT.scaleb(number, DECIMAL.scale)).to_bytes(16, "little", signed=True)
        halves[row] = np.frombuffer(octets, np.int64)
        fits[row] = True

"""Numbers of one width, many at once: BCD digits, and integers, loaded four or eight octets at a time.

The octets come as the highest ones of a 32 or 64 bit number, least significant octet first, so that one shift
gives a number of any width, with its sign.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


_FOUR, _EIGHT = np.dtype("<u4"), np.dtype("<u8")


def load_type(width: int) -> np.dtype[Any]:
    """How numbers of `width` octets are loaded."""
    return _FOUR if width <= _FOUR.itemsize else _EIGHT


def integers(loaded: NDArray[Any], width: int, signed: bool) -> NDArray[Any]:
    """Integers of `width` octets, type B or C; unsigned ones of eight octets do not fit."""
    shift = 8 * (loaded.dtype.itemsize - width)
    if signed:
        loaded = loaded.view(np.int32 if loaded.dtype.itemsize == _FOUR.itemsize else np.int64)
    return loaded >> loaded.dtype.type(shift) if shift else loaded


def bcd(loaded: NDArray[Any], width: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Numbers of 2 * `width` digits, type A, and a number for each that is 0 where all digits are digits."""
    one, two, shift, highest, steps = _steps(loaded.dtype, width)
    number = loaded >> shift
    # A nibble is above 9 where its highest bit and one of the two in the middle are set.
    wrong = number << one
    wrong |= number << two
    wrong &= number
    wrong &= highest
    # Two digits an octet, then four, eight and sixteen: each step joins neighbours, as a base of 16, 256 ...
    # becomes one of 10, 100 ...
    for bits, mask, less in steps:
        upper = number >> bits
        upper &= mask
        upper *= less
        number -= upper
    return number, wrong


@cache
def _steps(type_: np.dtype[Any], width: int) -> tuple[Any, Any, Any, Any, tuple[tuple[Any, Any, Any], ...]]:
    """The constants of `bcd` for numbers that are loaded in one way."""
    of, size = type_.type, 8 * type_.itemsize
    steps: list[tuple[Any, Any, Any]] = []
    bits = 4
    while bits < 8 * width:
        mask = sum((1 << bits) - 1 << at for at in range(0, size, 2 * bits))
        steps.append((of(bits), of(mask), of((1 << bits) - 10 ** (bits // 4))))
        bits *= 2
    highest = of(0x8888888888888888 >> 64 - size)
    return of(1), of(2), of(size - 8 * width), highest, tuple(steps)

"""Numbers of one width, many at once: BCD digits, and integers, loaded four or eight octets at a time.

The octets come as the highest ones of a 32 or 64 bit number, least significant octet first, so that one shift
gives a number of any width, with its sign.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def load_type(width: int) -> np.dtype[Any]:
    """How numbers of `width` octets are loaded."""
    return np.dtype("<u4" if width <= 4 else "<u8")


def integers(loaded: NDArray[Any], width: int, signed: bool) -> NDArray[Any]:
    """Integers of `width` octets, type B or C; unsigned ones of eight octets do not fit."""
    shift = 8 * (loaded.dtype.itemsize - width)
    if signed:
        loaded = loaded.view(np.dtype(loaded.dtype.str.replace("u", "i")))
    return loaded >> loaded.dtype.type(shift) if shift else loaded


def bcd(loaded: NDArray[Any], width: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Numbers of 2 * `width` digits, type A, and a number for each that is 0 where all digits are digits."""
    of = loaded.dtype.type
    number = loaded >> of(8 * (loaded.dtype.itemsize - width))
    # A nibble is above 9 where its highest bit and one of the two in the middle are set.
    wrong = (number << of(1) | number << of(2)) & number & of(0x8888888888888888 >> 64 - 8 * of().itemsize)
    # Two digits an octet, then four, eight and sixteen: each step joins neighbours, as a base of 16, 256 ...
    # becomes one of 10, 100 ...
    bits = 4
    while bits < 8 * width:
        mask = of(sum((1 << bits) - 1 << at for at in range(0, 8 * of().itemsize, 2 * bits)))
        number -= (number >> of(bits) & mask) * of((1 << bits) - 10 ** (bits // 4))
        bits *= 2
    return number, wrong

"""Numbers of one width, many at once: BCD digits, and integers that are loaded eight octets at a time.

The octets come as the highest octets of a 64 bit number, least significant octet first, so that one shift
gives a number of any width, with its sign.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BITS: Final = 64

# Of eight octets: each lower nibble; each second octet, pair, and four.
_NIBBLES: Final = np.uint64(0x0F0F0F0F0F0F0F0F)
_STEPS: Final = (
    (np.uint64(4), np.uint64(0x0F0F0F0F0F0F0F0F), np.uint64(16 - 10)),
    (np.uint64(8), np.uint64(0x00FF00FF00FF00FF), np.uint64((1 << 8) - 10**2)),
    (np.uint64(16), np.uint64(0x0000FFFF0000FFFF), np.uint64((1 << 16) - 10**4)),
    (np.uint64(32), np.uint64(0x00000000FFFFFFFF), np.uint64((1 << 32) - 10**8)),
)
_HIGHEST_BITS: Final = np.uint64(0x8888888888888888)
_ONE: Final = np.uint64(1)
_TWO: Final = np.uint64(2)


def integers(loaded: NDArray[Any], width: int, signed: bool) -> NDArray[np.int64]:
    """Integers of `width` octets, type B or C; unsigned ones of eight octets do not fit."""
    shift = BITS - 8 * width
    if signed:
        return loaded.view(np.int64) >> np.int64(shift)
    return (loaded >> np.uint64(shift)).view(np.int64)


def bcd(loaded: NDArray[np.uint64], width: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Numbers of 2 * `width` digits, type A, and which of them have a digit above 9."""
    number = loaded >> np.uint64(BITS - 8 * width)
    # A nibble is above 9 where its highest bit and one of the two in the middle are set.
    wrong = number & (number << _ONE | number << _TWO) & _HIGHEST_BITS
    for shift, mask, less in _STEPS:
        if int(shift) >= 8 * width:
            break
        number = number - (number >> shift & mask) * less
    return number.view(np.int64), wrong != 0

"""Check sums and payload CRCs of many telegrams of one length, a line each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from mbus_grammars.crc import crc
from mbus_grammars.layers import PAYLOAD_CRC_LENGTH
from mbus_grammars.link import STOP

from ..layout.shapes import C_FIELD

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TAIL: Final = 2  # octets: check sum and stop

# What an octet adds to the CRC, which is inverted at its end.
_TABLE: Final = np.array([crc(bytes([octet])) ^ 0xFFFF for octet in range(256)], np.uint16)


def summed(matrix: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which lines, all of them frames in length, have the right check sum and stop octet."""
    check = matrix.shape[1] - _TAIL
    right: NDArray[np.bool_] = matrix[:, check + 1] == STOP
    right &= np.add.reduce(matrix[:, C_FIELD:check], axis=1, dtype=np.uint8) == matrix[:, check]
    return right


def payload_crcs_fit(matrix: NDArray[np.uint8], place: int) -> NDArray[np.bool_]:
    """Which lines have the payload CRC of an extended link layer at `place`, over all octets behind it."""
    register = np.zeros(len(matrix), np.uint16)
    for column in range(place + PAYLOAD_CRC_LENGTH, matrix.shape[1]):
        register = register << np.uint16(8) ^ _TABLE[register >> np.uint16(8) ^ matrix[:, column]]
    sent = matrix[:, place].astype(np.uint16) | matrix[:, place + 1].astype(np.uint16) << np.uint16(8)
    fits: NDArray[np.bool_] = register ^ np.uint16(0xFFFF) == sent
    return fits

"""Check sums and payload CRCs of many telegrams of one length, a line each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from mbus_grammars.crc import crc
from mbus_grammars.layers import PAYLOAD_CRC_LENGTH
from mbus_grammars.link import STOP
from mbus_grammars.wireless import CRC_SIZE, END_OF_BLOCK_2, MAX_TELEGRAM, blocks

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


def _crcs(matrix: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """The CRC of each line."""
    register = np.zeros(len(matrix), np.uint16)
    for column in range(matrix.shape[1]):
        register = register << np.uint16(8) ^ _TABLE[register >> np.uint16(8) ^ matrix[:, column]]
    inverted: NDArray[np.uint16] = register ^ np.uint16(0xFFFF)
    return inverted


def may_be_by_radio(matrix: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which lines may be a damaged frame by radio: `decode` knows these by CRCs behind the first block."""
    length = matrix.shape[1]
    found: NDArray[np.bool_] = np.full(len(matrix), length > END_OF_BLOCK_2)
    found &= matrix[:, 0] == length - 1  # format B
    start, end = blocks(MAX_TELEGRAM["A"], "A")[1]
    end = min(end, length - CRC_SIZE)
    if end > start:
        high, low = (matrix[:, end + k].astype(np.uint16) for k in range(CRC_SIZE))
        found |= _crcs(matrix[:, start:end]) == (low | high << np.uint16(8))
    return found


def payload_crcs_fit(matrix: NDArray[np.uint8], place: int) -> NDArray[np.bool_]:
    """Which lines have the payload CRC of an extended link layer at `place`, over all octets behind it."""
    low, high = (matrix[:, place + k].astype(np.uint16) for k in range(PAYLOAD_CRC_LENGTH))
    fits: NDArray[np.bool_] = _crcs(matrix[:, place + PAYLOAD_CRC_LENGTH :]) == (low | high << np.uint16(8))
    return fits

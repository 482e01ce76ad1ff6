"""Check sums and payload CRCs of many telegrams of one length, a line each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from mbus_grammars.code_tables import MANUFACTURERS
from mbus_grammars.crc import crc
from mbus_grammars.fields import CI_NAMES, DEVICE_TYPE_NAMES, Manufacturer, WirelessCField
from mbus_grammars.layers import PAYLOAD_CRC_LENGTH
from mbus_grammars.link import STOP
from mbus_grammars.wireless import CRC_SIZE, END_OF_BLOCK_2, MAX_TELEGRAM, blocks

from ...decoding.plans.wired_shapes import C_FIELD
from ...decoding.plans.wireless_shapes import LINK
from ...octets.recognise import SENT_UNASKED

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


# Octets of frames by radio: C fields, CI fields and device types with a name, manufacturers by their code.
SENT_BY_RADIO: Final = np.array([WirelessCField.name_of(octet) is not None for octet in range(256)])
_CI_FIELDS: Final = np.array([CI_NAMES.codes[octet].name != "reserved" for octet in range(256)])
_DEVICE_TYPES: Final = np.array([DEVICE_TYPE_NAMES.codes[octet].name != "reserved" for octet in range(256)])
_MANUFACTURERS: Final = np.zeros(1 << 16, bool)
for _name in MANUFACTURERS:
    _MANUFACTURERS[int.from_bytes(Manufacturer.build(_name), "little")] = True


# Codes that are three letters, five bits each.
_CODES: Final = np.arange(1 << 16)
_LETTERS: Final = np.logical_and.reduce(
    [_CODES < 0x8000, *(np.isin(_CODES >> shift & 31, np.arange(1, 27)) for shift in (0, 5, 10))]
)
_UNASKED: Final = np.isin(np.arange(256), SENT_UNASKED)


def may_be_by_radio(matrix: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which lines, not as long as their L fields say, may be a damaged frame by radio.

    `decode` knows it by the CRC of its first block, by an address that is one, or by the CRCs behind.
    """
    length = matrix.shape[1]
    found: NDArray[np.bool_] = np.full(len(matrix), length > END_OF_BLOCK_2)
    found &= matrix[:, 0] == length - 1  # format B
    (_, first), (start, end) = blocks(MAX_TELEGRAM["A"], "A")[:2]
    if length > first:
        found |= SENT_BY_RADIO[matrix[:, 1]] & (_has_address(matrix) | _has_crc(matrix, 0, first))
    found |= _has_crc(matrix, start, min(end, length - CRC_SIZE))
    return found


def _has_address(matrix: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which lines have a meter's address in the link layer, and a CI field behind it.

    Of a known company, or of a meter that sends by itself with letters for the manufacturer.
    """
    digits = matrix[:, LINK["identification_number"] : LINK["version"]]
    low, high = (matrix[:, LINK["manufacturer"] + k].astype(np.uint16) for k in range(2))
    code = low | high << np.uint16(8)
    found: NDArray[np.bool_] = _MANUFACTURERS[code] | (_UNASKED[matrix[:, 1]] & _LETTERS[code])
    found &= _CI_FIELDS[matrix[:, LINK["ci_field"]]] & _DEVICE_TYPES[matrix[:, LINK["device_type"]]]
    found &= ((digits <= 0x99) & (digits & 0x0F <= 9)).all(axis=1)
    return found


def _has_crc(matrix: NDArray[np.uint8], start: int, end: int) -> NDArray[np.bool_]:
    """Which lines have the CRC of the octets from `start` on at `end`."""
    if end <= start or end + CRC_SIZE > matrix.shape[1]:
        return np.zeros(len(matrix), bool)
    high, low = (matrix[:, end + k].astype(np.uint16) for k in range(CRC_SIZE))
    right: NDArray[np.bool_] = _crcs(matrix[:, start:end]) == (low | high << np.uint16(8))
    return right


def payload_crcs_fit(matrix: NDArray[np.uint8], place: int) -> NDArray[np.bool_]:
    """Which lines have the payload CRC of an extended link layer at `place`, over all octets behind it."""
    low, high = (matrix[:, place + k].astype(np.uint16) for k in range(PAYLOAD_CRC_LENGTH))
    fits: NDArray[np.bool_] = _crcs(matrix[:, place + PAYLOAD_CRC_LENGTH :]) == (low | high << np.uint16(8))
    return fits

"""Keys derived from a master key: KDF-A. EN 13757-7, as exmbus and CEN/TR 17167:2018 F.3 give it."""

from __future__ import annotations

from typing import Final

from .aes import cmac
from .keys import Key

ENCRYPT_FROM_METER: Final = 0x00
MAC_FROM_METER: Final = 0x01
ENCRYPT_TO_METER: Final = 0x10
MAC_TO_METER: Final = 0x11

_PADDING: Final = b"\x07" * 7


def derive(master: Key, constant: int, counter: bytes, identification: bytes) -> Key:
    """The key of one message: CMAC over constant, message counter (4 octets), identification (4) and padding.

    Counter and identification are octets as sent, the identification always the meter's, whoever sends.
    """
    return Key(cmac(master.octets, bytes([constant]) + counter + identification + _PADDING))

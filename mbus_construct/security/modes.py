"""What the security modes put together: initialization vectors, counter blocks, and what a MAC covers.

All octets are as sent, those of an address in the link layer's order. EN 13757-7 and EN 13757-4, as OMS-N,
exmbus and CEN/TR 17167:2018 give them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mbus_grammars.dib import IDLE_FILLER

from .aes import BLOCK, cmac

if TYPE_CHECKING:
    from .keys import Key

# Hop count and repeated access change on the way, so that they are no part of the counter block.
_CHANGED_ON_THE_WAY: Final = 0x10 | 0x02


def mode5_iv(address: bytes, access_number: int) -> bytes:
    """The initialization vector of mode 5: the meter's address and eight access numbers.

    `address` is manufacturer, identification, version and device type (8 octets): the order of the link
    layer, also where the address is a long header's.
    """
    return address + bytes([access_number]) * 8


def ell_initial_block(address: bytes, communication_control: int, session_number: bytes) -> bytes:
    """The first counter block of the extended link layer.

    `address` is manufacturer, identification, version and device type (8 octets), `session_number` 4 octets;
    a frame number and a block counter of 0 follow. Hop count and repeated access do not count.
    """
    control = communication_control & ~_CHANGED_ON_THE_WAY
    return address + bytes([control]) + session_number + bytes(3)


def afl_mac(
    key: Key,
    *,
    message_control: bytes,
    key_information: bytes = b"",
    message_counter: bytes = b"",
    message_length: bytes = b"",
    tpl: bytes,
) -> bytes:
    """All sixteen octets of the MAC of an authentication and fragmentation layer; frames have the first ones.

    The fields are as sent, b"" for one that the message has not; `tpl` is from the CI field to the end.
    """
    covered = message_control + key_information + message_counter + message_length + tpl
    return cmac(key.octets, covered)


def fillers_needed(octets: bytes) -> bytes:
    """The idle fillers that make the octets whole blocks."""
    return bytes([IDLE_FILLER]) * (-len(octets) % BLOCK)

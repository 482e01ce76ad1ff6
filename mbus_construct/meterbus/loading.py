"""`load`: the telegram in the octets of one frame, whatever its kind."""

from __future__ import annotations

from .base import Octets, as_octets
from .telegrams import WiredTelegram, wired_kind
from .wireless import WTelegramFrame, is_wireless, load_wireless

AnyTelegram = WiredTelegram | WTelegramFrame


def load(data: Octets | None) -> AnyTelegram:
    """The telegram in the octets of one frame.

    Args:
        data: bytes, a list of numbers, or a str with a character an octet.

    Raises `MBusFrameDecodeError`: nothing, no frame, or a frame without data of a meter; the message says
    what. `MBusFrameCRCError`, `MbusFrameLengthError`: a damaged frame. Records that cannot be read are no
    error: they are in `records`, without a value.
    """
    octets = as_octets(data)
    return load_wireless(octets) if is_wireless(octets) else wired_kind(octets)(octets)

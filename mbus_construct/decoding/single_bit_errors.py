"""Frames of format B that one wrong bit turns into frames without CRCs.

A frame B is as long as its L field says, and so is a CRC-less one: only the CRC tells them apart. Where it is
wrong the frame passes for CRC-less, with the two octets of the CRC as the last ones of its data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from mbus_grammars.crc import CRC_WITH_CRC, crc
from mbus_grammars.wireless import CRC_SIZE, END_OF_BLOCK_2, MIN_TELEGRAM

from ..model.diagnostic import Diagnostic

if TYPE_CHECKING:
    from ..model.telegram import Telegram


@lru_cache(maxsize=1)
def _places() -> dict[int, list[int]]:
    """What a wrong bit does to the CRC, which is linear: the places where it may be, from the last bit on.

    The polynomial divides x^151 - 1: bits that stand 151 places from each other do the same.
    """
    size = END_OF_BLOCK_2
    nothing = crc(bytes(size))
    places: dict[int, list[int]] = {}
    for place in range(8 * size):
        places.setdefault(crc((1 << place).to_bytes(size, "big")) ^ nothing, []).append(place)
    return places


def mended(octets: bytes) -> Iterator[bytes]:
    """The telegrams of a frame B with one wrong bit behind its L field, the bit put right; none for others.

    One in 434 frames that never had a CRC looks so too: what is read then tells.
    """
    if not MIN_TELEGRAM + CRC_SIZE <= len(octets) <= END_OF_BLOCK_2:
        return
    number = int.from_bytes(octets, "big")
    if not number.bit_count() & 1:  # the bits of a block with its CRC are even in number
        return
    for place in _places().get(crc(octets) ^ CRC_WITH_CRC, ()):
        if place < 8 * (len(octets) - 1):
            telegram = bytearray((number ^ 1 << place).to_bytes(len(octets), "big")[:-CRC_SIZE])
            telegram[0] = len(telegram) - 1
            yield bytes(telegram)


def damaged_crc(
    telegram: Telegram, octets: bytes, read: Callable[[bytes], Telegram]
) -> tuple[Diagnostic, ...]:
    """What is to be said of the telegram of a CRC-less frame that was a damaged frame B most likely.

    It was one if a telegram comes of it, once the bit is put right, that `read` reads without error.
    """
    if telegram.worst == "error" or not any(read(item).worst != "error" for item in mended(octets)):
        return ()
    message = (
        "but for one bit the last two octets are the CRC of a frame of format B: it was damaged on its way, "
        "and its values may be wrong"
    )
    return (Diagnostic("warning", "frame_crc", message, len(octets) - CRC_SIZE),)

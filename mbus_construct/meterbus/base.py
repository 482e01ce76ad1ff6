"""What all telegrams of pyMeterBus's API share: octets in and out, JSON, and the error of a damaged frame."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from .exceptions import MBusFrameCRCError, MBusFrameDecodeError
from .json_text import json_text

if TYPE_CHECKING:
    from mbus_grammars import ChecksumError

Octets = bytes | bytearray | memoryview | str | Iterable[int]


class MBusTelegram(ABC):
    """What all telegrams have: octets by iteration, and JSON."""

    def __iter__(self) -> Iterator[int]:
        return iter(self._octets())

    def __len__(self) -> int:
        return len(self._octets())

    def __bytes__(self) -> bytes:
        return self._octets()

    @abstractmethod
    def _octets(self) -> bytes:
        """The frame as it goes over the line."""

    @property
    @abstractmethod
    def interpreted(self) -> dict[str, Any]:
        """The telegram as a dict in pyMeterBus's shape."""

    def to_JSON(self) -> str:
        """`interpreted` as JSON, keys sorted."""
        return json_text(self.interpreted, sort_keys=True)


def as_octets(data: Octets | None) -> bytes:
    """The octets of what `load` takes. Raises `MBusFrameDecodeError` where there are none."""
    if not data:
        raise MBusFrameDecodeError("empty frame", data)
    try:
        return data.encode("latin-1") if isinstance(data, str) else bytes(data)
    except (TypeError, ValueError) as error:
        raise MBusFrameDecodeError("unable to decode frame", data) from error


def crc_error(error: ChecksumError) -> MBusFrameCRCError:
    """A wrong check sum or CRC as pyMeterBus has it."""
    return MBusFrameCRCError(_number(error.expected), _number(error.found))


def _number(shown: str) -> int:
    return int(shown.removesuffix("h"), 16)

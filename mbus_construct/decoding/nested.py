"""What stands inside the data of a telegram: manufacturers' own layouts, and telegrams in records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from mbus_grammars import DecodeError
from mbus_grammars.wireless import with_l_field

from ..model.diagnostic import Diagnostic
from ..model.telegram import Contained, Telegram
from ..octets.recognise import looks_wireless
from .manufacturers import registered, with_manufacturer_fields

if TYPE_CHECKING:
    from ..model.record import Record

# VIF FDh 3Bh: data container for wireless M-Bus protocol. EN 13757-3:2018 via libmburs.
CONTAINER: Final = b"\xfd\x3b"

Decode = Callable[[bytes], Telegram]


def with_contents(telegram: Telegram, decode: Decode) -> Telegram:
    """The telegram with what stands in its data; `decode` reads telegrams by radio."""
    if any(record.header.vib[:2] == CONTAINER for record in telegram.records):
        telegram = _with_contained(telegram, decode)
    return with_manufacturer_fields(telegram) if registered() else telegram


def may_have_contents(octets: bytes) -> bool:
    """Whether a telegram is worth looking into, by its octets if they are plain."""
    return CONTAINER in octets or registered()


def _with_contained(telegram: Telegram, decode: Decode) -> Telegram:
    """The telegram with those in its containers; what is none there is remarked."""
    contained: list[Contained] = []
    remarks: list[Diagnostic] = []
    for index, record in enumerate(telegram.records):
        if record.header.vib[:2] != CONTAINER or not isinstance(record.value, bytes):
            continue
        try:
            contained.append(Contained(index, decode(_telegram_in(record.value))))
        except DecodeError as error:
            remarks.append(_remark(index, record, error))
    return replace(
        telegram,
        contained=tuple(contained),
        diagnostics=(*telegram.diagnostics, *remarks) if remarks else telegram.diagnostics,
    )


def _telegram_in(octets: bytes) -> bytes:
    """The telegram in a container: with its L field, or from the C field on."""
    if not looks_wireless(octets):
        completed = with_l_field(octets)
        if looks_wireless(completed):
            return completed
    return octets


def _remark(index: int, record: Record, error: DecodeError) -> Diagnostic:
    start = record.offset + len(record.dib) + len(record.vib) + 1
    offset = start + (error.offset or 0)
    told = f"the container holds no telegram by radio that can be read: {error.message}"
    return Diagnostic("warning", "container", told, offset, index)

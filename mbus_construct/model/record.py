"""What a record area holds, as frozen values: data records and special functions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from .json_values import json_number, json_text, json_value, value_type

if TYPE_CHECKING:
    from mbus_grammars.dib import Function

    from ..values.headers import RecordHeader
    from ..values.kinds import Kind
    from ..values.to_value import State, Value
    from .json_shapes import RecordDict, SpecialFunctionDict


@dataclass(frozen=True, slots=True)
class Record:
    """One data record.

    Attributes:
        header: what the octets of DIB and VIB say; its parts are attributes of the record too.
        value: exact Decimal, float (only for 32 bit reals), date, datetime without time zone, time, str,
            bytes, a tuple of numbers (compact profile), or None; the unit is `unit`.
        state: "ok"; "invalid", the octets are no value of their type or the meter marks them so; "error",
            the meter reports an error instead of a value, or the record could not be read.
        reason: why there is no value, or what to know about it.
        flags: "summer time" and the like.
        offset: first octet, counted from the start of what was decoded.
        data: the data octets as sent, with the LVAR octet.
    """

    header: RecordHeader
    data: bytes
    value: Value
    state: State = "ok"
    reason: str | None = None
    flags: tuple[str, ...] = ()
    offset: int = 0

    @property
    def function(self) -> Function | None:
        """Which value: "instantaneous", "maximum", "minimum" or "error" (value during error state)."""
        return self.header.function

    @property
    def storage_number(self) -> int | None:
        """0 is the actual value, higher numbers are historic ones."""
        return self.header.storage_number

    @property
    def tariff(self) -> int | None:
        """0 is the total."""
        return self.header.tariff

    @property
    def subunit(self) -> int | None:
        """Part of the device, 0 for the device itself."""
        return self.header.subunit

    @property
    def quantity(self) -> str | None:
        """What is measured, in the words of EN 13757-3."""
        return self.header.quantity

    @property
    def unit(self) -> str | None:
        """The unit as people write it."""
        return self.header.unit

    @property
    def ucum(self) -> str | None:
        """The unit's UCUM code, None where UCUM has none."""
        return self.header.ucum

    @property
    def qualifiers(self) -> tuple[str, ...]:
        """What VIFEs add, in wire order."""
        return self.header.qualifiers

    @property
    def kind(self) -> Kind:
        """How a consumer treats the value: "counter", "instant", "date", "state" ..."""
        return self.header.kind

    @property
    def data_field(self) -> str | None:
        """The data field by name: "8 digit BCD", "32 bit integer" ..."""
        return self.header.data_field

    @property
    def record_error(self) -> str | None:
        """The error that the meter reports instead of a value, by name."""
        return self.header.record_error

    @property
    def dib(self) -> bytes:
        """The octets of DIF and DIFEs."""
        return self.header.dib

    @property
    def vib(self) -> bytes:
        """The octets of VIF, VIFEs and plain text."""
        return self.header.vib

    @property
    def length(self) -> int:
        """Octets of the whole record."""
        return len(self.header.dib) + len(self.header.vib) + len(self.data)

    @property
    def bare_value_text(self) -> str:
        """The value for people, without its unit; "" where there is none."""
        value = self.value
        if isinstance(value, Decimal):
            return format(value, "f")
        if isinstance(value, datetime):
            return value.isoformat(" ", "seconds" if value.second else "minutes")
        if isinstance(value, bytes):
            return value.hex(" ").upper()
        if isinstance(value, tuple):
            return ", ".join("-" if item is None else format(item, "f") for item in value)
        return "" if value is None else str(value)

    @property
    def value_text(self) -> str:
        """Value and unit for people; the reason where there is no value."""
        if self.value is None:
            return self.reason or ""
        return f"{self.bare_value_text} {self.unit}" if self.unit else self.bare_value_text

    def __str__(self) -> str:
        parts = [self.quantity or "unreadable", self.value_text, *self.qualifiers]
        if self.function not in (None, "instantaneous"):
            parts.append(str(self.function))
        parts += [
            f"{name} {number}"
            for name, number in (
                ("storage", self.storage_number),
                ("tariff", self.tariff),
                ("subunit", self.subunit),
            )
            if number
        ]
        return ", ".join(part for part in parts if part)

    def to_dict(self) -> RecordDict:
        """The JSON shape."""
        header = self.header
        return {
            "function": header.function,
            "storage_number": header.storage_number,
            "tariff": header.tariff,
            "subunit": header.subunit,
            "quantity": header.quantity,
            "unit": header.unit,
            "ucum": header.ucum,
            "value": json_value(self.value),
            "value_type": value_type(self.value),
            "qualifiers": list(header.qualifiers),
            "kind": header.kind,
            "state": self.state,
            "record_error": header.record_error,
            "reason": self.reason,
            "flags": list(self.flags),
            "data_field": header.data_field,
            "offset": self.offset,
            "length": self.length,
            "dib": header.dib.hex().upper(),
            "vib": header.vib.hex().upper(),
            "data": self.data.hex().upper(),
        }

    def to_json(self, *, indent: int | None = None) -> str:
        """The record as JSON."""
        return record_text(self) if indent is None else json_text(self.to_dict(), indent)


# What stands for what differs from record to record, where the rest of its JSON text is made.
GAP: Final = "\0"
GAP_TEXT: Final = json_text(GAP)
_DIFFERENT: Final = ("value", "offset", "length", "data")

# The text between these by header and type of the value: whole numbers of records share it. Headers are known
# by identity, because to compare them costs more than the text.
_texts: dict[tuple[int, type], tuple[RecordHeader, list[str]]] = {}
_MAX_TEXTS: Final = 8192


def record_text(record: Record) -> str:
    """The JSON text of a record, put together from its parts."""
    value, header, data = record.value, record.header, record.data
    if record.state != "ok" or record.reason is not None or record.flags:
        return json_text(record.to_dict())
    known = _texts.get((id(header), value.__class__))
    texts = _learned(record) if known is None else known[1]
    if len(texts) != len(_DIFFERENT) + 1:
        return json_text(record.to_dict())
    plain = json_number(value) if isinstance(value, Decimal) else json_value(value)
    shown = repr(plain) if isinstance(value, Decimal) and not isinstance(plain, str) else json_text(plain)
    start, to_offset, to_length, to_data, end = texts
    length = len(header.dib) + len(header.vib) + len(data)
    return f"{start}{shown}{to_offset}{record.offset}{to_length}{length}{to_data}{data.hex().upper()}{end}"


def _learned(record: Record) -> list[str]:
    """The text between what differs, of records with such a header and value."""
    shape: dict[str, Any] = {**record.to_dict(), **dict.fromkeys(_DIFFERENT, GAP)}
    *texts, to_data, end = json_text(shape).split(GAP_TEXT)
    if len(_texts) >= _MAX_TEXTS:
        _texts.clear()
    found = [*texts, f'{to_data}"', f'"{end}']
    _texts[id(record.header), record.value.__class__] = record.header, found
    return found


@dataclass(frozen=True, slots=True)
class SpecialFunction:
    """Octets of the record area that are no data record, and the record in front of which they stand."""

    before_record: int
    octets: bytes

    def to_dict(self) -> SpecialFunctionDict:
        """The JSON shape."""
        return {"before_record": self.before_record, "octets": self.octets.hex().upper()}

"""What a telegram says, as frozen values: Telegram, Meter, Status, Record, Diagnostic."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from mbus_grammars import BuildError
from mbus_grammars.code_tables import DEVICE_TYPES, MANUFACTURERS
from mbus_grammars.fields import CI_NAMES, CField, Manufacturer, WirelessCField
from mbus_grammars.fields import Status as StatusBits
from mbus_grammars.wireless import FRAME_FORMATS

from .json_shapes import (
    SCHEMA_VERSION,
    ContainedDict,
    DiagnosticDict,
    Form,
    Format,
    FrameDict,
    Kind,
    MeterDict,
    RecordDict,
    Severity,
    SpecialFunctionDict,
    State,
    StatusDict,
    TelegramDict,
)
from .json_values import Value, json_value, value_type

if TYPE_CHECKING:
    from mbus_grammars.dib import Function

    from ..security.keys import KeysLike
    from ..values.profiles import Entry
    from .layers import AuthenticationLayer, ExtendedLinkLayer, Security


@dataclass(frozen=True, slots=True)
class FrameFields:
    """The link layer of a telegram; None for what the octets did not hold.

    `a_field` is the primary address on wires, `address` the sender's address by radio. `ci_field` is the one
    in front of the data, behind the extended link layer and AFL where there are some.
    """

    format: Format | None = None
    c_field: int | None = None
    a_field: int | None = None
    ci_field: int | None = None
    address: Meter | None = None

    @property
    def is_wireless(self) -> bool:
        """Whether it is a frame by radio."""
        return self.format in FRAME_FORMATS

    @property
    def c_name(self) -> str | None:
        """The control field's function: "RSP_UD", "REQ_UD2" ..."""
        if self.c_field is None:
            return None
        return (WirelessCField if self.is_wireless else CField).name_of(self.c_field)

    @property
    def ci_name(self) -> str | None:
        """What the CI field announces."""
        return None if self.ci_field is None else CI_NAMES.codes[self.ci_field].name

    def to_dict(self) -> FrameDict:
        """The JSON shape."""
        return {
            "format": self.format,
            "c_field": self.c_field,
            "c_name": self.c_name,
            "a_field": self.a_field,
            "address": None if self.address is None else self.address.to_dict(),
            "ci_field": self.ci_field,
            "ci_name": self.ci_name,
        }


@dataclass(frozen=True, slots=True)
class Meter:
    """A meter's address: identification number as eight digits, manufacturer, version, device type.

    The fixed data structure has the identification number alone.
    """

    identification_number: str
    manufacturer: str | None = None
    version: int | None = None
    device_type: int | None = None

    @property
    def manufacturer_name(self) -> str | None:
        """The company that holds the letters, None where the table does not know it."""
        return MANUFACTURERS.get(self.manufacturer or "")

    @property
    def device_type_name(self) -> str | None:
        """The device type ("medium") by name."""
        return None if self.device_type is None else DEVICE_TYPES.get(self.device_type, "reserved")

    @property
    def secondary_address(self) -> str | None:
        """The sixteen digits that select the meter: identification, manufacturer, version, device type."""
        if self.manufacturer is None or self.version is None or self.device_type is None:
            return None
        code = Manufacturer.build(self.manufacturer).hex().upper()
        return f"{self.identification_number}{code}{self.version:02X}{self.device_type:02X}"

    def to_dict(self) -> MeterDict:
        """The JSON shape."""
        return {
            "identification_number": self.identification_number,
            "manufacturer": self.manufacturer,
            "manufacturer_name": self.manufacturer_name,
            "version": self.version,
            "device_type": self.device_type,
            "device_type_name": self.device_type_name,
        }


@dataclass(frozen=True, slots=True)
class Status:
    """The status octet; `flags` names what is set. `fixed`: of the fixed data structure (MBDOC48 6.2)."""

    octet: int
    fixed: bool = False

    @property
    def flags(self) -> tuple[str, ...]:
        """The names of what is set, in bit order."""
        bits = StatusBits.unpack(self.octet)
        names: list[str] = []
        if bits["application"] and not self.fixed:
            names.append(str(bits["application"].name))
        errors = ("power_low", "permanent_error", "temporary_error")
        names += [name.replace("_", " ") for name in errors if bits[name]]
        if bits["manufacturer_specific"]:
            names.append(f"manufacturer specific {bits['manufacturer_specific']}")
        return tuple(names)

    def to_dict(self) -> StatusDict:
        """The JSON shape."""
        return {"octet": self.octet, "flags": list(self.flags)}


@dataclass(frozen=True, slots=True)
class RecordHeader:
    """What DIB and VIB say, shared by all records with these octets."""

    function: Function | None = None
    storage_number: int | None = None
    tariff: int | None = None
    subunit: int | None = None
    quantity: str | None = None
    unit: str | None = None
    ucum: str | None = None
    qualifiers: tuple[str, ...] = ()
    kind: Kind = "unknown"
    data_field: str | None = None
    record_error: str | None = None
    dib: bytes = b""
    vib: bytes = b""


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
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, indent=indent)


@dataclass(frozen=True, slots=True)
class SpecialFunction:
    """Octets of the record area that are no data record, and the record in front of which they stand."""

    before_record: int
    octets: bytes

    def to_dict(self) -> SpecialFunctionDict:
        """The JSON shape."""
        return {"before_record": self.before_record, "octets": self.octets.hex().upper()}


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A remark of the decoder.

    `severity` "error": octets could not be read. "warning": read, but a value is missing or doubtful.
    "info": worth knowing. `code` is stable, `message` for people, `offset` counts from the start of the data.
    """

    severity: Severity
    code: str
    message: str
    offset: int | None = None
    record: int | None = None

    def __str__(self) -> str:
        where = "" if self.offset is None else f" (offset {self.offset})"
        return f"{self.severity}: {self.message}{where}"

    def to_dict(self) -> DiagnosticDict:
        """The JSON shape."""
        return {
            "severity": self.severity,
            "code": self.code,
            "message": self.message,
            "offset": self.offset,
            "record": self.record,
        }


@dataclass(frozen=True, slots=True)
class Contained:
    """A telegram that stands in a record of another one; `record` is the record's index."""

    record: int
    telegram: Telegram

    def to_dict(self) -> ContainedDict:
        """The JSON shape."""
        return {"record": self.record, "telegram": self.telegram.to_dict()}


@dataclass(frozen=True, slots=True)
class Telegram:
    """One telegram.

    Attributes:
        link: what the decoded octets were: "frame" or "wireless", or where they started: "c_field",
            "ci_field", "header" or "records".
        frame: the link layer.
        meter: who sent it or whom it selects: by the long header, else by radio the link layer; None without.
        access_number, status, configuration_field: of the header, None without one.
        records: the data records in wire order, the unreadable ones included.
        more_records_follow: DIF 1Fh, ask again for the rest.
        manufacturer_data: octets behind DIF 0Fh or 1Fh, None without such a DIF.
        encrypted: octets that are encrypted, b"" for plain data.
        special_functions: idle fillers, reserved DIFs and readout requests, with their place.
        user_data: what a telegram without data records says, in the words of the grammar.
        diagnostics: what the decoder has to remark.
        ell, afl: the layers between link and transport layer, None without them.
        security: how the data are protected and what became of it, None where no mode is announced.
        manufacturer_fields: the manufacturer's data as a registered grammar reads them, None without one.
        contained: telegrams that stand in records: what a gateway received by radio and passes on.
    """

    link: Form = "frame"
    frame: FrameFields = FrameFields()
    meter: Meter | None = None
    access_number: int | None = None
    status: Status | None = None
    configuration_field: int | None = None
    records: tuple[Record, ...] = ()
    more_records_follow: bool = False
    manufacturer_data: bytes | None = None
    encrypted: bytes = b""
    special_functions: tuple[SpecialFunction, ...] = ()
    user_data: Mapping[str, Any] | None = field(default=None, hash=False)
    diagnostics: tuple[Diagnostic, ...] = ()
    ell: ExtendedLinkLayer | None = None
    afl: AuthenticationLayer | None = None
    security: Security | None = None
    manufacturer_fields: Mapping[str, Any] | None = field(default=None, hash=False)
    contained: tuple[Contained, ...] = ()

    @property
    def worst(self) -> Severity | None:
        """The highest severity among the diagnostics, None without any."""
        found = {diagnostic.severity for diagnostic in self.diagnostics}
        order: tuple[Severity, ...] = ("error", "warning", "info")
        return next((severity for severity in order if severity in found), None)

    def series(self, record: Record) -> tuple[Entry, ...]:
        """The entries (storage number, time, value) of a record that is a compact profile (kind "series").

        Raises `ValueError` for any other record.
        """
        from ..values.profiles import unroll  # noqa: PLC0415  it imports this module

        return unroll(record, self.records)

    def to_dict(self) -> TelegramDict:
        """The JSON shape, made of plain Python values."""
        manufacturer_data = self.manufacturer_data
        return {
            "schema_version": SCHEMA_VERSION,
            "type": "telegram",
            "link": self.link,
            "frame": self.frame.to_dict(),
            "meter": None if self.meter is None else self.meter.to_dict(),
            "access_number": self.access_number,
            "status": None if self.status is None else self.status.to_dict(),
            "configuration_field": self.configuration_field,
            "ell": None if self.ell is None else self.ell.to_dict(),
            "afl": None if self.afl is None else self.afl.to_dict(),
            "security": None if self.security is None else self.security.to_dict(),
            "records": [record.to_dict() for record in self.records],
            "more_records_follow": self.more_records_follow,
            "manufacturer_data": None if manufacturer_data is None else manufacturer_data.hex().upper(),
            "encrypted": self.encrypted.hex().upper() or None,
            "special_functions": [item.to_dict() for item in self.special_functions],
            "user_data": None if self.user_data is None else deepcopy(dict(self.user_data)),
            "manufacturer_fields": (
                None if self.manufacturer_fields is None else deepcopy(dict(self.manufacturer_fields))
            ),
            "contained": [item.to_dict() for item in self.contained],
            "diagnostics": [diagnostic.to_dict() for diagnostic in self.diagnostics],
        }

    def to_json(self, *, indent: int | None = None) -> str:
        """The telegram as JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, indent=indent)

    @staticmethod
    def from_dict(values: Mapping[str, Any], *, keys: KeysLike = None) -> Telegram:
        """The telegram that a mapping describes: `to_dict`'s, or one written by hand (see `encode`).

        What was decrypted comes back without a key; with `keys` it is encrypted and opened anew. Raises
        `BuildError` where the values make no telegram.
        """
        from .from_json import restored  # noqa: PLC0415  it imports this module

        return restored(values, keys)

    @staticmethod
    def from_json(text: str, *, keys: KeysLike = None) -> Telegram:
        """The telegram that a JSON object describes, see `from_dict`. Numbers stay exact."""
        try:
            values = json.loads(text, parse_float=Decimal)
        except ValueError as error:
            raise BuildError("JSON", text, str(error)) from error
        return Telegram.from_dict(values, keys=keys)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

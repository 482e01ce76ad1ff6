"""User data by CI field, both directions. EN 13757-3 and EN 13757-7, MBDOC48 6.

    header none     data
    header short    access number | status | configuration field (2) | data
    header long     identification (4) | manufacturer (2) | version | device type | access number |
                    status | configuration field (2) | data

Every CI field of the code table has an entry in `USER_DATA` (wired) and `WIRELESS_USER_DATA`; what has no
grammar keeps its payload raw.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from construct import (
    Byte,
    ByteSwapped,
    Const,
    Default,
    GreedyBytes,
    GreedyRange,
    If,
    Int16ul,
    Switch,
    this,
)

from .base import Anything, Context, Stream, field_of, is_mapping
from .bits import Bits, Coded, CodeTable, Number, Octet, bits
from .constructs import KeepMalformed, PresentIf, StrictStruct, field
from .errors import BuildError
from .fields import (
    CI_ROWS,
    CIField,
    DeviceType,
    IdentificationNumber,
    Manufacturer,
    Status,
    ci_fields_with,
)
from .fixed import FixedData, FixedDataMSB
from .layers import AFL_CI_FIELD, ELL_CI_FIELDS, authentication_and_fragmentation, extended_link_layer
from .record import RecordsFromMeter, RecordsFromMeterMSB, RecordsToMeter
from .security import FILLERS, WIRED, WIRELESS, ConfigurationField, Security, only_where_plain, verified

if TYPE_CHECKING:
    from .code_tables import CIRow

# --- Headers -------------------------------------------------------------------------------------


def _short_header(order: Callable[[Anything], Anything]) -> tuple[Anything, ...]:
    return (
        field("access_number", Default(Octet, 0), "EN 13757-7; MBDOC48 6.3.1"),
        field("status", Default(Status, 0), "MBDOC48 6.6"),
        field("configuration_field", Default(order(ConfigurationField), 0), "EN 13757-7"),
    )


def _long_header(order: Callable[[Anything], Anything]) -> Anything:
    """The long header; `order` turns a field of several octets round for meters of mode 2 (MBDOC48 6.1)."""
    return StrictStruct(
        field("identification_number", order(IdentificationNumber), "MBDOC48 6.3.1"),
        field("manufacturer", order(Manufacturer), "MBDOC48 6.3.1"),
        field("version", Octet, "MBDOC48 6.3.1"),
        field("device_type", DeviceType, "MBDOC48 6.3.1, 8.4.1"),
        *_short_header(order),
    )


def _as_sent(subcon: Anything) -> Anything:
    return subcon


ShortHeader: Final = StrictStruct(*_short_header(_as_sent))
LongHeader: Final = _long_header(_as_sent)
LongHeaderMSB: Final = _long_header(ByteSwapped)

HEADERS: Final[dict[str, tuple[Anything, ...]]] = {
    "none": (),
    "short": (field("header", ShortHeader),),
    "long": (field("header", LongHeader),),
}

# --- Bodies --------------------------------------------------------------------------------------

# The sub-code of an application reset: which application, and which block of it (0 = all). MBDOC48 6.1;
# EN 13757-3:2018 via libmburs where the two editions differ.
APPLICATIONS: Final = CodeTable(
    {
        0x0: "all",
        0x1: "user data",
        0x2: "simple billing",
        0x3: "enhanced billing",
        0x4: "multi tariff billing",
        0x5: "instantaneous values",
        0x6: "load profile values",
        0x7: "static content",
        0x8: "installation and start-up",
        0x9: "testing",
        0xA: "calibration",
        0xB: "manufacturing",
        0xC: "development",
        0xD: "self test",
        0xE: "configuration data",
        0xF: "user defined data",
    },
    size=16,
)
SubCode: Final = Bits(1, application=bits(4, 4, table=APPLICATIONS), block=bits(0, 4, default=0))

# MBDOC48 6.6; from 11h on EN 13757-3:2018 clause 10 via libmburs.
APPLICATION_ERRORS: Final = CodeTable(
    {
        0x00: "unspecified error",
        0x01: "CI field not implemented",
        0x02: "buffer too long, truncated",
        0x03: "too many records",
        0x04: "premature end of record",
        0x05: "more than 10 DIFEs",
        0x06: "more than 10 VIFEs",
        0x07: "reserved",
        0x08: "application too busy for handling readout request",
        0x09: "too many readouts",
        0x11: "no function",
        0x12: "data error",
        0x13: "routing or relaying error",
        0x14: "access violation",
        0x15: "parameter error",
        0x16: "size error",
        0x20: "security error",
        0x21: "security mechanism not supported",
        0x22: "inadequate security method",
        0xF0: "dynamic application error, a data record follows",
        **dict.fromkeys(range(0xF1, 0x100), "manufacturer specific error"),
    }
)


def _more(context: Context) -> bool:
    """Whether there is an optional octet: in the data when parsing, in the values when building."""
    if context["_building"]:
        return context.get("error_code") is not None or bool(context.get("error_data"))
    stream = context["_io"]
    start = stream.tell()
    octet = stream.read(1)
    stream.seek(start)
    return bool(octet)


_SUB_CODES: Final = (field("sub_codes", Default(GreedyRange(SubCode), []), "MBDOC48 6.1"),)
_PAYLOAD: Final = (field("payload", Default(GreedyBytes, b"")),)
ApplicationErrorFields: Final = (
    field("error_code", Default(If(_more, Coded(Byte, APPLICATION_ERRORS)), None), "MBDOC48 6.6"),
    field("error_data", Default(GreedyBytes, b""), "EN 13757-3:2018, 10"),
)
_ALARM: Final = (field("alarm_flags", GreedyBytes, "MBDOC48 8.1"),)
_COMMAND: Final = (field("records", Default(RecordsToMeter, []), "MBDOC48 6.4.2"),)
_RECORDS: Final = (field("records", Default(RecordsFromMeter, []), "MBDOC48 6.3"),)

WILDCARD_SELECTION: Final = {
    "identification_number": "FFFFFFFF",
    "manufacturer": "FFFF",
    "version": 0xFF,
    "device_type": 0xFF,
}


def _selection(identification_number: Anything, manufacturer: Anything) -> Anything:
    """A secondary address to select by; what the builder is not told is a wildcard."""
    address = {
        "identification_number": identification_number,
        "manufacturer": manufacturer,
        "version": Octet,
        "device_type": DeviceType,
    }
    return StrictStruct(
        *(
            field(name, Default(subcon, WILDCARD_SELECTION[name]), "MBDOC48 7.1")
            for name, subcon in address.items()
        ),
        field("records", Default(RecordsToMeter, ()), "MBDOC48 7.4"),
    )


Selection: Final = _selection(IdentificationNumber, Manufacturer)
SelectionMSB: Final = _selection(ByteSwapped(IdentificationNumber), ByteSwapped(Manufacturer))

Signature: Final = Number(Int16ul, 0, 0xFFFF)

CompactFrame: Final = (
    field("format_signature", Signature, "EN 13757-3:2018 Annex G"),
    field("full_frame_crc", Signature, "EN 13757-3:2018 Annex G"),
    field("payload", Default(GreedyBytes, b""), "EN 13757-3:2018 Annex G"),
)
FormatFrame: Final = (
    field("length", Octet, "EN 13757-3:2018 Annex G"),
    field("format_signature", Signature, "EN 13757-3:2018 Annex G"),
    field("payload", Default(GreedyBytes, b""), "EN 13757-3:2018 Annex G"),
)


class FixedOrCompact(Anything):
    """CI 73h: the fixed data structure of old wired meters, or a compact frame.

    Sixteen octets are fixed data; a compact frame would be empty at that length. MBDOC48 6.2;
    EN 13757-7:2018.
    """

    LENGTH = 16

    def __init__(self, compact: Anything) -> None:
        super().__init__()
        self.compact = compact

    def choose(self, length: int) -> Anything:
        """The construct for so many octets."""
        return FixedData if length == self.LENGTH else self.compact

    def _parse(self, stream: Stream, context: Context, path: str) -> Any:
        start = stream.tell()
        length = len(stream.read())
        stream.seek(start)
        return self.choose(length)._parse(stream, context, path)

    def _build(self, obj: Any, stream: Stream, context: Context, path: str) -> Any:
        if is_mapping(obj) and "counter_1" in obj:
            return FixedData._build(obj, stream, context, path)
        start = stream.tell()
        built = self.compact._build(obj, stream, context, path)
        if stream.tell() - start == self.LENGTH:
            raise BuildError(field_of(path, "payload"), b"", "at least one octet", path=path)
        return built


# What stands behind the header, by its name in the table of CI fields.
_BODIES: Final[dict[str, tuple[Anything, ...]]] = {
    "payload": _PAYLOAD,
    "application reset": _SUB_CODES,
    "sub codes": _SUB_CODES,
    "baud rate": _PAYLOAD,
    "command": _COMMAND,
    "format frame": FormatFrame,
    "application error": ApplicationErrorFields,
    "alarm": _ALARM,
    "compact frame": CompactFrame,
    "fixed data or compact frame": CompactFrame,
    "records": _RECORDS,
}

# Bodies with a header of their own, or none.
_WHOLE: Final[dict[str, Anything]] = {
    "selection": Selection,
    "selection, MSB first": SelectionMSB,
    "records, MSB first": StrictStruct(
        field("header", LongHeaderMSB), field("records", Default(RecordsFromMeterMSB, []), "MBDOC48 6.1, 6.3")
    ),
    "fixed data, MSB first": FixedDataMSB,
}

# This CI field is of wires, and older than encryption: by radio nobody knows what stands behind it.
(WIRED_ONLY,) = ci_fields_with("records, MSB first")
(FIXED_OR_COMPACT,) = ci_fields_with("fixed data or compact frame")


def _plain_only(body: tuple[Anything, ...]) -> tuple[Anything, ...]:
    """A body that is no list of records: behind the fillers that say that it was decrypted, if it was."""
    fillers = field("decryption_verification", PresentIf(verified, Const(FILLERS)), "EN 13757-7")
    return (fillers, *(only_where_plain(item) for item in body))


def _structure(header: str, body: tuple[Anything, ...], security: Security) -> Anything:
    """Header, security and data."""
    if header not in ("short", "long"):
        return StrictStruct(*body)
    records = any(item.name == "records" for item in body)
    rest = body if records else _plain_only(body)
    return StrictStruct(*HEADERS[header], *security.fields(records=records), *rest)


def _contents(row: CIRow, security: Security) -> Anything:
    """What stands behind a CI field."""
    whole = _WHOLE.get(row.body)
    if whole is None:
        structure = _structure(row.header, _BODIES[row.body], security)
        fixed = row.first == FIXED_OR_COMPACT and not security.wireless
        return FixedOrCompact(structure) if fixed else structure
    return StrictStruct(*_PAYLOAD) if security.wireless and row.first == WIRED_ONLY else whole


def _user_data(security: Security) -> dict[int, Anything]:
    """What stands behind each CI field."""
    table: dict[int, Anything] = {
        code: KeepMalformed(_contents(row, security)) for code, row in CI_ROWS.items()
    }
    transport = {code: table[code] for code in table if code not in (*ELL_CI_FIELDS, AFL_CI_FIELD)}
    table[AFL_CI_FIELD] = KeepMalformed(authentication_and_fragmentation(transport))
    transport[AFL_CI_FIELD] = table[AFL_CI_FIELD]
    for code in ELL_CI_FIELDS:
        table[code] = KeepMalformed(extended_link_layer(code, transport))
    return table


USER_DATA: Final = _user_data(WIRED)

# By radio a configuration field means what it says; and there is no fixed data structure.
WIRELESS_USER_DATA: Final = _user_data(WIRELESS)


def _application_layer(user_data: dict[int, Anything]) -> Anything:
    return StrictStruct(
        field("ci_field", CIField, "EN 13757-7; MBDOC48 6.1"),
        field("user_data", Default(Switch(this.ci_field, user_data), {})),
    )


# From the CI field on: what gateways deliver that strip the link layer.
ApplicationLayer: Final = _application_layer(USER_DATA)
WirelessApplicationLayer: Final = _application_layer(WIRELESS_USER_DATA)

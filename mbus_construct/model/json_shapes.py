"""The shapes of the JSON that the library writes and reads; `schema` turns them into a JSON Schema.

Octets are strings of hex digits, dates ISO 8601 strings without time zone, absent things null.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, NotRequired, TypedDict

from mbus_grammars.dib import Function  # noqa: TC001  get_type_hints looks it up here

from ..values.kinds import Kind  # noqa: TC001
from ..values.to_value import Severity, State  # noqa: TC001

SCHEMA_VERSION: Final = 1

Hex = Annotated[str, "octets as hex digits"]
# Numbers by what they are sent in; others are counts.
Octet = Annotated[int, range(1 << 8)]
TwoOctets = Annotated[int, range(1 << 16)]
FourOctets = Annotated[int, range(1 << 32)]
Count = Annotated[int, range(1 << 63)]
JsonNumber = int | float | str
Json = dict[str, Any] | list[Any] | str | float | bool | None

Form = Literal["frame", "c_field", "ci_field", "header", "records", "wireless"]
Format = Literal["single character", "short", "control", "long", "A", "B", "CRC-less"]
ValueType = Literal["decimal", "real", "date", "datetime", "time", "text", "octets", "series", "none"]

SecurityState = Literal["encrypted", "decrypted", "already decrypted", "wrong key", "unknown mode", "plain"]
MACState = Literal["verified", "wrong", "not checked"]


class MeterDict(TypedDict):
    """Who sent the telegram, or whom it addresses."""

    identification_number: Annotated[str, "eight digits, leading zeros kept; F is a wildcard in a selection"]
    manufacturer: Annotated[
        str | None, "three letters, or four hex digits where the code is no three letters"
    ]
    manufacturer_name: Annotated[str | None, "company behind the letters, null where unknown"]
    version: Octet | None
    device_type: Annotated[Octet | None, "code of the device type (medium)"]
    device_type_name: str | None


class FrameDict(TypedDict):
    """The link layer."""

    format: Annotated[
        Format | None, "A, B and CRC-less are of frames by radio; null where the octets came without frame"
    ]
    c_field: Annotated[Octet | None, "control field"]
    c_name: Annotated[str | None, "name of the control field's function, such as RSP_UD"]
    a_field: Annotated[Octet | None, "primary address; null by radio"]
    address: Annotated[MeterDict | None, "sender of a frame by radio: manufacturer and A field"]
    ci_field: Annotated[Octet | None, "control information field"]
    ci_name: Annotated[str | None, "what the control information field announces"]


class StatusDict(TypedDict):
    """The status octet of the header."""

    octet: Octet
    flags: Annotated[list[str], "names of what is set, empty when all is well"]


class RecordDict(TypedDict):
    """One data record."""

    function: Annotated[Function | None, "null: not readable"]
    storage_number: Count | None
    tariff: Count | None
    subunit: Count | None
    quantity: Annotated[str | None, "what is measured, in the words of EN 13757-3"]
    unit: Annotated[str | None, "unit as people write it, null: none or unknown"]
    ucum: Annotated[str | None, "UCUM code of the unit, null where UCUM has none"]
    value: Annotated[
        JsonNumber | list[JsonNumber | None] | None,
        "exact; a number of more than 15 digits is a string; null with a state or a reason",
    ]
    value_type: ValueType
    qualifiers: Annotated[list[str], "what VIFEs add, in wire order"]
    kind: Annotated[Kind, "how a consumer treats the value"]
    state: State
    record_error: Annotated[str | None, "the error that the meter reports instead of a value"]
    reason: Annotated[str | None, "why there is no value, or what to know about it"]
    flags: Annotated[list[str], "such as summer time"]
    data_field: Annotated[str | None, "the data field's name"]
    offset: Annotated[Count, "first octet of the record, counted from the start of the data"]
    length: Annotated[Count, "octets of the whole record"]
    dib: Hex
    vib: Hex
    data: Annotated[Hex, "data octets as sent, with LVAR"]


class SpecialFunctionDict(TypedDict):
    """Something in the record area that is no data record: idle filler, reserved DIF, readout request."""

    before_record: Annotated[Count, "index of the record in front of which it stands"]
    octets: Hex


class DiagnosticDict(TypedDict):
    """A remark of the decoder."""

    severity: Severity
    code: Annotated[str, "stable name"]
    message: str
    offset: Annotated[Count | None, "octet, counted from the start of the data"]
    record: Annotated[Count | None, "index of the record it is about"]


class ExtendedLinkLayerDict(TypedDict):
    """The extended link layer of a telegram by radio."""

    ci_field: Octet
    ci_name: str | None
    communication_control: Octet
    access_number: Octet
    receiver: Annotated[MeterDict | None, "whom it is sent to, null where it does not say"]
    session_number: Annotated[FourOctets | None, "null for layers without encryption"]
    state: Annotated[SecurityState | None, "null where no encryption is announced"]


class AFLDict(TypedDict):
    """The authentication and fragmentation sublayer."""

    fragmentation_control: TwoOctets
    message_control: Octet | None
    key_information: TwoOctets | None
    message_counter: FourOctets | None
    mac: Annotated[str | None, "octets as hex digits"]
    message_length: TwoOctets | None
    fragment: Annotated[str | None, "part of a message as hex digits, null where the message is whole"]


class SecurityDict(TypedDict):
    """The security of the transport layer."""

    mode: Annotated[int, range(32)]
    mode_name: str
    state: SecurityState
    mac: Annotated[MACState | None, "null without message authentication code"]
    configuration_field_extension: Octet | None
    message_counter: FourOctets | None
    key_version: Octet | None
    plain_octets: Annotated[Count, "octets behind the encrypted ones that were sent plain"]


class ContainedDict(TypedDict):
    """A telegram that stands in a record of another one."""

    record: Annotated[Count, "index of the record"]
    telegram: TelegramDict


class TelegramDict(TypedDict):
    """One telegram."""

    schema_version: Literal[1]
    type: Literal["telegram"]
    source: NotRequired[Annotated[str, "where the command line found it: argument, or file and line"]]
    link: Annotated[Form, "where the octets start"]
    frame: FrameDict
    meter: MeterDict | None
    access_number: Octet | None
    status: StatusDict | None
    configuration_field: TwoOctets | None
    ell: ExtendedLinkLayerDict | None
    afl: AFLDict | None
    security: Annotated[SecurityDict | None, "null where no security mode is announced"]
    records: list[RecordDict]
    more_records_follow: bool
    manufacturer_data: Annotated[str | None, "octets behind DIF 0Fh or 1Fh as hex digits"]
    encrypted: Annotated[str | None, "octets that are encrypted, as hex digits"]
    special_functions: list[SpecialFunctionDict]
    user_data: Annotated[dict[str, Any] | None, "user data that are no data records, in the grammar's words"]
    manufacturer_fields: Annotated[
        dict[str, Any] | None, "the manufacturer's data as a registered grammar reads them"
    ]
    contained: Annotated[list[ContainedDict], "telegrams in records: received by radio and passed on"]
    diagnostics: list[DiagnosticDict]


class ReadingDict(TypedDict):
    """The telegrams of one readout, merged."""

    schema_version: Literal[1]
    type: Literal["reading"]
    source: NotRequired[Annotated[str, "where it comes from: the address that the command line asked"]]
    meter: MeterDict | None
    status: StatusDict | None
    records: list[RecordDict]
    more_records_follow: bool
    manufacturer_data: list[str]
    encrypted: Annotated[list[str], "octets of telegrams that are still encrypted, as hex digits"]
    diagnostics: list[DiagnosticDict]
    telegrams: int


class ErrorDict(TypedDict):
    """Why a telegram was refused."""

    code: Annotated[str, "stable name"]
    message: str
    offset: Annotated[int | None, "octet, counted from the start of the data"]


class RefusalDict(TypedDict):
    """What stands in the place of a telegram that could not be decoded."""

    schema_version: Literal[1]
    type: Literal["refusal"]
    source: Annotated[str, "where the command line found it: argument, or file and line"]
    error: ErrorDict
    octets: Hex

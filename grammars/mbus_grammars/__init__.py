"""Grammars of M-Bus, wired and wireless (EN 13757): construct declarations that parse and build.

    from mbus_grammars import Frame
    Frame.parse(bytes.fromhex("105B015C16"))
    Frame.build({"c_field": "REQ_UD2", "a_field": 1})

Every grammar here is a construct: embed it in your own Structs. `Frame` knows its own end; the grammars
of user data and records read to the end of their data, so bound them (`Prefixed`, `FixedSized`).
Parsing raises `DecodeError`, building `BuildError`; both are construct's `ConstructError` too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from construct import Int16ub

from . import (
    application,
    bits,
    coding,
    dib,
    fields,
    fixed,
    layers,
    link,
    lvar,
    profile,
    record,
    security,
    shapes,
    vib,
    wireless,
)
from ._version import __version__
from .base import is_integer
from .bits import Code
from .constructs import StrictStruct
from .crc import crc as crc_of
from .errors import BuildError, ChecksumError, DecodeError, IncompleteFrame, LengthError, MBusError
from .grammar import Grammar
from .line_codes import Manchester, ThreeOutOfSix
from .meaning import FROM_METER, TO_METER, Meaning, meaning_of
from .record import DataRecordHeader

Shape = TypeVar("Shape")
_Fields = Mapping[str, Any]
Shaped = Grammar[Shape, _Fields]
Layout = Shaped[shapes.Fields]
BitFields = Grammar[shapes.Fields, _Fields | int]
NamedCode = Grammar[Code, int | str]
Number = Grammar[int, int]
Text = Grammar[str, str]
Records = Grammar[list[shapes.Fields], Sequence[Mapping[str, Any]]]

_LINK: Final = "EN 13757-2"
_RADIO: Final = "EN 13757-4"
_APPLICATION: Final = "EN 13757-3"
_TRANSPORT: Final = "EN 13757-7"

# What follows a CI field by radio; `subcon` of what keeps octets that cannot be read.
_AFTER: Final[dict[int, Any]] = application.WIRELESS_USER_DATA

# --- Link layer on wires -------------------------------------------------------------------------

Frame: Final = Shaped[shapes.FrameShape](link.Frame, "a frame: single character, short or long", _LINK)
SingleCharacter: Final = Layout(link.SingleCharacter, "the single character E5h", _LINK)
ShortFrame: Final = Shaped[shapes.ShortFrameShape](link.ShortFrame, "a short frame", _LINK)
LongFrame: Final = Shaped[shapes.FrameShape](link.LongFrame, "a long or control frame", _LINK)
LinkUserData: Final = Shaped[shapes.LinkUserDataShape](
    link.LinkUserData, "what the check sum covers: from the C field to the end", _LINK
)
CField: Final = Grammar[shapes.CFieldShape, _Fields | int | str](fields.CField, "C field", _LINK)
AField: Final = NamedCode(fields.AField, "primary address", _LINK)

# --- Link layer by radio; `ThreeOutOfSix` and `Manchester` take what the chips hold ------------------

WirelessFrame: Final = Shaped[shapes.WirelessFrameShape](
    wireless.WirelessFrame, "a frame of format A, B or CRC-less, to the end", _RADIO
)
WirelessCField: Final = Grammar[shapes.CFieldShape, _Fields | int | str](
    fields.WirelessCField, "C field", _RADIO
)
LinkAddress: Final = Shaped[shapes.AddressShape](
    layers.Receiver, "address of a meter: manufacturer, number, version, device type", _RADIO
)
CRC: Final = Number(bits.Number(Int16ub, 0, 0xFFFF), "CRC of a block as sent; `crc_of` computes it", _RADIO)

# --- Between link and transport layer ----------------------------------------------------------------

ExtendedLinkLayerI: Final = Layout(
    _AFTER[0x8C].subcon, "ELL I after CI field 8Ch, with what follows it", _RADIO
)
ExtendedLinkLayerII: Final = Layout(
    _AFTER[0x8D].subcon, "ELL II after CI field 8Dh, with what follows it", _RADIO
)
ExtendedLinkLayerIII: Final = Layout(
    _AFTER[0x8E].subcon, "ELL III after CI field 8Eh, with what follows it", _RADIO
)
ExtendedLinkLayerIV: Final = Layout(
    _AFTER[0x8F].subcon, "ELL IV after CI field 8Fh, with what follows it", _RADIO
)
CommunicationControl: Final = BitFields(
    layers.CommunicationControl, "communication control of the ELL", _RADIO
)
SessionNumber: Final = BitFields(layers.SessionNumber, "session number of the ELL", _RADIO)
AuthenticationAndFragmentation: Final = Layout(
    _AFTER[0x90].subcon, "AFL after CI field 90h, with what follows it", _TRANSPORT
)
FragmentationControl: Final = BitFields(
    layers.FragmentationControl, "fragmentation control of the AFL", _TRANSPORT
)
MessageControl: Final = BitFields(layers.MessageControl, "message control of the AFL", _TRANSPORT)
KeyInformation: Final = BitFields(layers.KeyInformation, "key information of the AFL", _TRANSPORT)

# --- Transport and application layer -----------------------------------------------------------------

ApplicationLayer: Final = Shaped[shapes.ApplicationLayerShape](
    application.ApplicationLayer, "CI field and user data as on wires, to the end", _TRANSPORT
)
WirelessApplicationLayer: Final = Shaped[shapes.ApplicationLayerShape](
    application.WirelessApplicationLayer, "CI field and user data as by radio, to the end", _TRANSPORT
)
CIField: Final = NamedCode(fields.CIField, "CI field", _TRANSPORT)
LongHeader: Final = Shaped[shapes.LongHeaderShape](application.LongHeader, "long header", _TRANSPORT)
LongHeaderMSB: Final = Shaped[shapes.LongHeaderShape](
    application.LongHeaderMSB, "long header, most significant octet first (CI field 76h)", _APPLICATION
)
ShortHeader: Final = Shaped[shapes.ShortHeaderShape](application.ShortHeader, "short header", _TRANSPORT)
IdentificationNumber: Final = Text(
    fields.IdentificationNumber, "identification number, eight digits", _TRANSPORT
)
Manufacturer: Final = Text(fields.Manufacturer, "manufacturer, three letters", _TRANSPORT)
DeviceType: Final = NamedCode(fields.DeviceType, "device type", _TRANSPORT)
Status: Final = BitFields(fields.Status, "status", _TRANSPORT)
ConfigurationField: Final = BitFields(
    security.ConfigurationField, "configuration field of any security mode", _TRANSPORT
)
ConfigurationFieldExtension: Final = BitFields(
    security.ConfigurationFieldExtension, "its extension in security mode 7", _TRANSPORT
)
ProtocolExtension: Final = BitFields(
    security.ProtocolExtension, "its extension in security mode 13", _TRANSPORT
)
MessageCounter: Final = Number(security.MessageCounter, "message counter", _TRANSPORT)
SubCode: Final = BitFields(application.SubCode, "sub-code of an application reset", _APPLICATION)
ApplicationError: Final = Layout(
    StrictStruct(*application.ApplicationErrorFields), "application error, to the end", _APPLICATION
)
Selection: Final = Shaped[shapes.SelectionShape](
    application.Selection, "selection by secondary address, to the end", _APPLICATION
)
SelectionMSB: Final = Shaped[shapes.SelectionShape](
    application.SelectionMSB, "selection, most significant octet first (CI field 56h)", _APPLICATION
)
CompactFrame: Final = Layout(
    StrictStruct(*application.CompactFrame), "compact frame, to the end", _APPLICATION
)
FormatFrame: Final = Layout(StrictStruct(*application.FormatFrame), "format frame, to the end", _APPLICATION)
FixedData: Final = Shaped[shapes.FixedDataShape](
    fixed.FixedData, "fixed data structure (CI field 73h)", _APPLICATION
)
FixedDataMSB: Final = Shaped[shapes.FixedDataShape](
    fixed.FixedDataMSB, "fixed data structure, most significant octet first (CI field 77h)", _APPLICATION
)
FixedStatus: Final = BitFields(fields.FixedStatus, "status of the fixed data structure", _APPLICATION)
MediumAndUnits: Final = BitFields(
    fixed.MediumAndUnits, "medium and units of the fixed data structure", _APPLICATION
)

# --- Data records; to the meter, VIFE codes 00h to 0Fh are actions, not errors -----------------------

DataRecord: Final = Shaped[shapes.DataRecordShape](
    record.RecordsFromMeter.record, "data record from a meter", _APPLICATION
)
DataRecordToMeter: Final = Shaped[shapes.DataRecordShape](
    record.RecordsToMeter.record, "data record to a meter", _APPLICATION
)
DataRecords: Final = Records(record.RecordsFromMeter, "record area from a meter, to the end", _APPLICATION)
DataRecordsToMeter: Final = Records(record.RecordsToMeter, "record area to a meter, to the end", _APPLICATION)
DataRecordsMSB: Final = Records(
    record.RecordsFromMeterMSB, "record area, most significant octet first (CI field 76h)", _APPLICATION
)
DIB: Final = Shaped[shapes.DIBShape](dib.DIB, "data information block: DIF and DIFEs", _APPLICATION)
DIF: Final = BitFields(dib.DIF, "DIF", _APPLICATION)
DIFE: Final = BitFields(dib.DIFE, "DIFE", _APPLICATION)
VIB: Final = Shaped[shapes.VIBShape](vib.VIB, "value information block: VIF, VIFEs, plain text", _APPLICATION)
VIF: Final = BitFields(vib.VIFOctet, "VIF", _APPLICATION)
VIFE: Final = BitFields(vib.VIFOctet, "VIFE", _APPLICATION)
PlainText: Final = Text(vib.PlainText, "text of a plain-text VIF, with its length", _APPLICATION)
LVAR: Final = NamedCode(lvar.LVAR, "LVAR octet", _APPLICATION)
VariableLength: Final = Grammar[shapes.Fields, _Fields | str | bytes | int](
    lvar.VariableLength(), "LVAR octet and what it announces", _APPLICATION
)
ProfileControl: Final = BitFields(profile.ProfileControl, "control octet of a compact profile", _APPLICATION)

# --- Data types; `length` is the number of octets ----------------------------------------------------


def _of_length(make: Callable[[int], Any], length: int, name: str, docs: str) -> Grammar[Any, Any]:
    if not is_integer(length) or length < 1:
        raise BuildError("length", length, "a number of octets, 1 or more")
    return Grammar(make(length), docs, _APPLICATION, f"{name}({length})")


def type_a(length: int) -> Grammar[int | str, int | str]:
    """Type A, BCD; digits that are not a number parse to their string."""
    return _of_length(coding.type_a, length, "type_a", "type A: BCD")


def type_b(length: int) -> Number:
    """Type B, signed integer."""
    return _of_length(coding.type_b, length, "type_b", "type B: signed integer")


def type_c(length: int) -> Number:
    """Type C, unsigned integer."""
    return _of_length(coding.type_c, length, "type_c", "type C: unsigned integer")


def type_d(length: int) -> Number:
    """Type D, flags: bit k of the integer is flag k."""
    return _of_length(coding.type_c, length, "type_d", "type D: flags, as an integer")


def compact_profile(length: int) -> Grammar[shapes.Fields | bytes, Mapping[str, Any] | bytes]:
    """A compact profile; octets that are not one stay octets."""
    docs = "compact profile: a series of values"
    return _of_length(profile.CompactProfile, length, "compact_profile", docs)


BCD: Final = type_a
TypeF: Final = BitFields(coding.TypeF, "type F: date and time", _APPLICATION)
TypeG: Final = BitFields(coding.TypeG, "type G: date", _APPLICATION)
TypeH: Final = Grammar[float | str, float | str](coding.TypeH, "type H: 32 bit real", _APPLICATION)
TypeI: Final = BitFields(coding.TypeI, "type I: date and time to the second", _APPLICATION)
TypeJ: Final = BitFields(coding.TypeJ, "type J: time", _APPLICATION)
TypeK: Final = BitFields(coding.TypeK, "type K: daylight saving", _APPLICATION)
SecondaryAddress: Final = Shaped[shapes.AddressShape](
    coding.SecondaryAddress, "secondary address as VIF 79h has it", _APPLICATION
)

__all__ = [
    "BCD",
    "CRC",
    "DIB",
    "DIF",
    "DIFE",
    "FROM_METER",
    "LVAR",
    "TO_METER",
    "VIB",
    "VIF",
    "VIFE",
    "AField",
    "ApplicationError",
    "ApplicationLayer",
    "AuthenticationAndFragmentation",
    "BuildError",
    "CField",
    "CIField",
    "ChecksumError",
    "Code",
    "CommunicationControl",
    "CompactFrame",
    "ConfigurationField",
    "ConfigurationFieldExtension",
    "DataRecord",
    "DataRecordHeader",
    "DataRecordToMeter",
    "DataRecords",
    "DataRecordsMSB",
    "DataRecordsToMeter",
    "DecodeError",
    "DeviceType",
    "ExtendedLinkLayerI",
    "ExtendedLinkLayerII",
    "ExtendedLinkLayerIII",
    "ExtendedLinkLayerIV",
    "FixedData",
    "FixedDataMSB",
    "FixedStatus",
    "FormatFrame",
    "FragmentationControl",
    "Frame",
    "Grammar",
    "IdentificationNumber",
    "IncompleteFrame",
    "KeyInformation",
    "LengthError",
    "LinkAddress",
    "LinkUserData",
    "LongFrame",
    "LongHeader",
    "LongHeaderMSB",
    "MBusError",
    "Manchester",
    "Manufacturer",
    "Meaning",
    "MediumAndUnits",
    "MessageControl",
    "MessageCounter",
    "PlainText",
    "ProfileControl",
    "ProtocolExtension",
    "SecondaryAddress",
    "Selection",
    "SelectionMSB",
    "SessionNumber",
    "ShortFrame",
    "ShortHeader",
    "SingleCharacter",
    "Status",
    "SubCode",
    "ThreeOutOfSix",
    "TypeF",
    "TypeG",
    "TypeH",
    "TypeI",
    "TypeJ",
    "TypeK",
    "VariableLength",
    "WirelessApplicationLayer",
    "WirelessCField",
    "WirelessFrame",
    "__version__",
    "compact_profile",
    "crc_of",
    "meaning_of",
    "type_a",
    "type_b",
    "type_c",
    "type_d",
]

for _title in __all__:
    if isinstance(_grammar := globals()[_title], Grammar):
        _grammar.title = _title

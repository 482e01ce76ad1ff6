"""Grammars of M-Bus, wired and wireless (EN 13757): construct declarations that parse and build.

    from mbus_grammars import Frame
    Frame.parse(bytes.fromhex("105B015C16"))
    Frame.build({"c_field": "REQ_UD2", "a_field": 1})

Every grammar here is a construct: embed it in your own Structs. `Frame` knows its own end; the grammars
of user data and records read to the end of their data, so bound them (`Prefixed`, `FixedSized`).
Parsing raises `DecodeError`, building `BuildError`; both are construct's `ConstructError` too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from . import application, coding, dib, fields, fixed, link, lvar, record, vib, wireless
from ._version import __version__
from .bits import Code
from .constructs import ErrorBoundary
from .errors import BuildError, ChecksumError, DecodeError, IncompleteFrame, LengthError, MBusError
from .line_codes import Manchester, ThreeOutOfSix
from .meaning import FROM_METER, TO_METER, Meaning, meaning_of
from .record import DataRecordHeader

# What a grammar parses to, and what it builds from, for type checkers that have construct's stubs. The
# parsed fields stay Any, as with every construct: `frame.c_field` and `frame["c_field"]` both check.
if TYPE_CHECKING:
    from construct import Construct, Container, ListContainer

    Layout = Construct[Container[Any], dict[str, Any]]
    Records = Construct[ListContainer[Container[Any]], Sequence[dict[str, Any]]]

# Link layer (EN 13757-2).
Frame: Final[Layout] = link.Frame
SingleCharacter: Final[Layout] = ErrorBoundary(link.SingleCharacter)
ShortFrame: Final[Layout] = ErrorBoundary(link.ShortFrame)
LongFrame: Final[Layout] = ErrorBoundary(link.LongFrame)
LinkUserData: Final[Layout] = ErrorBoundary(link.LinkUserData)

# Link layer of the radio (EN 13757-4); `ThreeOutOfSix` and `Manchester` take what the chips hold.
WirelessFrame: Final[Layout] = wireless.WirelessFrame

# Application layer (EN 13757-3, EN 13757-7).
ApplicationLayer: Final[Layout] = ErrorBoundary(application.ApplicationLayer)
LongHeader: Final[Layout] = ErrorBoundary(application.LongHeader)
ShortHeader: Final[Layout] = ErrorBoundary(application.ShortHeader)
FixedData: Final[Layout] = ErrorBoundary(fixed.FixedData)
Selection: Final[Layout] = ErrorBoundary(application.Selection)

# Records. `...ToMeter` is the direction in which VIFE codes 00h to 0Fh are actions, not errors.
DataRecord: Final[Layout] = ErrorBoundary(record.RecordsFromMeter.record)
DataRecordToMeter: Final[Layout] = ErrorBoundary(record.RecordsToMeter.record)
DataRecords: Final[Records] = ErrorBoundary(record.RecordsFromMeter)
DataRecordsToMeter: Final[Records] = ErrorBoundary(record.RecordsToMeter)
DIB: Final[Layout] = ErrorBoundary(dib.DIB)
VIB: Final[Layout] = ErrorBoundary(vib.VIB)

# Fields and data types.
AField: Final[Construct[Code, int | str]] = ErrorBoundary(fields.AField)
CField: Final[Construct[Container[Any], dict[str, Any] | int | str]] = ErrorBoundary(fields.CField)
CIField: Final[Construct[Code, int | str]] = ErrorBoundary(fields.CIField)
TypeF: Final[Construct[Container[Any], dict[str, Any] | int]] = ErrorBoundary(coding.TypeF)
TypeG: Final[Construct[Container[Any], dict[str, Any] | int]] = ErrorBoundary(coding.TypeG)
TypeH: Final[Construct[float | str, float | str]] = ErrorBoundary(coding.TypeH)
TypeI: Final[Construct[Container[Any], dict[str, Any] | int]] = ErrorBoundary(coding.TypeI)
TypeJ: Final[Construct[Container[Any], dict[str, Any] | int]] = ErrorBoundary(coding.TypeJ)
TypeK: Final[Construct[Container[Any], dict[str, Any] | int]] = ErrorBoundary(coding.TypeK)
VariableLength: Final[Construct[Container[Any], dict[str, Any] | str | bytes | int]] = ErrorBoundary(
    lvar.VariableLength()
)

__all__ = [
    "DIB",
    "FROM_METER",
    "TO_METER",
    "VIB",
    "AField",
    "ApplicationLayer",
    "BuildError",
    "CField",
    "CIField",
    "ChecksumError",
    "Code",
    "DataRecord",
    "DataRecordHeader",
    "DataRecordToMeter",
    "DataRecords",
    "DataRecordsToMeter",
    "DecodeError",
    "FixedData",
    "Frame",
    "IncompleteFrame",
    "LengthError",
    "LinkUserData",
    "LongFrame",
    "LongHeader",
    "MBusError",
    "Manchester",
    "Meaning",
    "Selection",
    "ShortFrame",
    "ShortHeader",
    "SingleCharacter",
    "ThreeOutOfSix",
    "TypeF",
    "TypeG",
    "TypeH",
    "TypeI",
    "TypeJ",
    "TypeK",
    "VariableLength",
    "WirelessFrame",
    "__version__",
    "meaning_of",
]

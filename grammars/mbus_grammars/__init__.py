"""Grammars of wired M-Bus (EN 13757): construct declarations that parse and build.

    from mbus_grammars import Frame
    Frame.parse(bytes.fromhex("105B015C16"))
    Frame.build({"c_field": "REQ_UD2", "a_field": 1})

Every grammar here is a construct: embed it in your own Structs. `Frame` knows its own end; the grammars
of user data and records read to the end of their data, so bound them (`Prefixed`, `FixedSized`).
Parsing raises `DecodeError`, building `BuildError`; both are construct's `ConstructError` too.
"""

from __future__ import annotations

from typing import Final

from . import application, coding, dib, fields, fixed, link, lvar, record, vib
from .constructs import Code, Door
from .errors import BuildError, ChecksumError, DecodeError, IncompleteFrame, LengthError, MBusError
from .meaning import FROM_METER, TO_METER, Meaning, meaning_of
from .record import DataRecordHeader

# Link layer (EN 13757-2).
Frame: Final = link.Frame
SingleCharacter: Final = Door(link.SingleCharacter)
ShortFrame: Final = Door(link.ShortFrame)
LongFrame: Final = Door(link.LongFrame)
LinkUserData: Final = Door(link.LinkUserData)

# Application layer (EN 13757-3, EN 13757-7).
ApplicationLayer: Final = Door(application.ApplicationLayer)
LongHeader: Final = Door(application.LongHeader)
ShortHeader: Final = Door(application.ShortHeader)
FixedData: Final = Door(fixed.FixedData)
Selection: Final = Door(application.Selection)

# Records. `...ToMeter` is the direction in which VIFE codes 00h to 0Fh are actions, not errors.
DataRecord: Final = Door(record.RecordsFromMeter.record)
DataRecordToMeter: Final = Door(record.RecordsToMeter.record)
DataRecords: Final = Door(record.RecordsFromMeter)
DataRecordsToMeter: Final = Door(record.RecordsToMeter)
DIB: Final = Door(dib.DIB)
VIB: Final = Door(vib.VIB)

# Fields and data types.
AField: Final = Door(fields.AField)
CField: Final = Door(fields.CField)
CIField: Final = Door(fields.CIField)
TypeF: Final = Door(coding.TypeF)
TypeG: Final = Door(coding.TypeG)
TypeH: Final = Door(coding.TypeH)
TypeI: Final = Door(coding.TypeI)
TypeJ: Final = Door(coding.TypeJ)
TypeK: Final = Door(coding.TypeK)
VariableLength: Final = Door(lvar.VariableLength())

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
    "Meaning",
    "Selection",
    "ShortFrame",
    "ShortHeader",
    "SingleCharacter",
    "TypeF",
    "TypeG",
    "TypeH",
    "TypeI",
    "TypeJ",
    "TypeK",
    "VariableLength",
    "meaning_of",
]

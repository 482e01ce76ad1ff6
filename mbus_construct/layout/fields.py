"""Where the data of each record lie, found with what the grammar remembers of record headers.

No octet is interpreted here: DIB and VIB are parsed by the grammar, once for all records that have them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from mbus_grammars.dib import DATA_LENGTHS
from mbus_grammars.lvar import lvar_length
from mbus_grammars.record import IDLE_FILLER, MANUFACTURER_DATA, MORE_RECORDS_FOLLOW, RecordsFromMeter

from ..describe import describe
from ..telegram import SpecialFunction
from .readers import Reader

if TYPE_CHECKING:
    from mbus_grammars import DataRecordHeader

    from ..telegram import RecordHeader


class Described(NamedTuple):
    """A record header for people, and the reader of its data; `length` None where an LVAR octet says it."""

    header: RecordHeader
    read: Reader
    length: int | None
    remarks: tuple[tuple[str, str], ...]


class Field(NamedTuple):
    """The data of one record: octets `start` to `end`; the record itself begins at `offset`."""

    header: RecordHeader
    offset: int
    start: int
    end: int
    lvar: bool
    read: Reader
    remarks: tuple[tuple[str, str], ...]


class Area(NamedTuple):
    """A record area: its records, its fillers, and where the manufacturer's data start (None without)."""

    fields: tuple[Field, ...]
    special: tuple[SpecialFunction, ...]
    manufacturer_data: int | None
    more_records_follow: bool


_described: dict[DataRecordHeader, Described] = {}
_MAX_DESCRIBED: Final = 8192


def _describe(header: DataRecordHeader) -> Described:
    found = _described.get(header)
    if found is None:
        if len(_described) >= _MAX_DESCRIBED:
            _described.clear()
        record_header, _, remarks = describe(header)
        length = 0 if header.data_type == "none" else DATA_LENGTHS[header.data_field]
        found = _described[header] = Described(record_header, Reader(header), length, remarks)
    return found


def area_of(octets: bytes, position: int) -> Area | None:
    """The record area from a position to the end.

    None where something in it is out of the ordinary: the grammar's walk says what. May raise what the
    grammar raises where a header does not end.
    """
    end = len(octets)
    fields: list[Field] = []
    special: list[SpecialFunction] = []
    while position < end:
        dif = octets[position]
        if dif & 0x0F == 0x0F:
            if dif in (MANUFACTURER_DATA, MORE_RECORDS_FOLLOW):
                return Area(tuple(fields), tuple(special), position + 1, dif == MORE_RECORDS_FOLLOW)
            if dif != IDLE_FILLER:
                return None
            special.append(SpecialFunction(len(fields), octets[position : position + 1]))
            position += 1
            continue
        header, start = RecordsFromMeter.header_at(octets, position)
        described = _describe(header)
        length = described.length
        if length is None:
            if start >= end:
                return None
            length = lvar_length(octets[start])
            if length is None:
                return None
            length += 1
        data_end = start + length
        if data_end > end or header.fault:
            return None
        lvar = described.length is None
        fields.append(
            Field(described.header, position, start, data_end, lvar, described.read, described.remarks)
        )
        position = data_end
    return Area(tuple(fields), tuple(special), None, False)

"""Where the data of each record lie, found with what the grammar remembers of record headers.

No octet is interpreted here: DIB and VIB are parsed by the grammar, once for all records that have them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from construct import ConstructError

from mbus_grammars import MBusError
from mbus_grammars.dib import DATA_LENGTHS, SPECIAL_DIFS
from mbus_grammars.lvar import lvar_length
from mbus_grammars.record import MANUFACTURER_DATA, MORE_RECORDS_FOLLOW, RecordsFromMeter

from ..describe import describe
from ..telegram import Diagnostic, Record, RecordHeader, SpecialFunction
from .drafts import record_of
from .readers import Reader

if TYPE_CHECKING:
    from mbus_grammars import DataRecordHeader

REFUSALS: Final = (ConstructError, MBusError)


class Described(NamedTuple):
    """A record header for people, and the reader of its data; `length` None where an LVAR octet says it.

    `size` counts the header's own octets. `fault`: the grammar refuses records with this header.
    """

    header: RecordHeader
    read: Reader
    length: int | None
    remarks: tuple[tuple[str, str], ...]
    size: int
    fault: bool


class Field(NamedTuple):
    """The data of one record: octets `start` to `end`; the record itself begins at `offset`."""

    header: RecordHeader
    offset: int
    start: int
    end: int
    lvar: bool
    read: Reader
    remarks: tuple[tuple[str, str], ...]


class Fault(NamedTuple):
    """A record that cannot be read: octets `offset` to `end`.

    `number`: of the record in its telegram. `noticed`: the offset at which it went wrong.
    """

    number: int
    offset: int
    end: int
    reason: str
    code: str
    noticed: int

    def moved(self, by: int, number: int) -> Fault:
        """The same fault of another record, so many octets on."""
        return Fault(number, self.offset + by, self.end + by, self.reason, self.code, self.noticed + by)

    def record(self, octets: bytes, diagnostics: list[Diagnostic]) -> Record:
        """The record that stands for it."""
        data = octets[self.offset : self.end]
        shown = data[:12].hex(" ").upper() + (" ..." if len(data) > 12 else "")
        message = f"record at offset {self.offset} not readable ({shown}): {self.reason}"
        diagnostics.append(Diagnostic("error", self.code, message, self.noticed, self.number))
        return record_of(_UNREADABLE, data, None, self.offset, state="error", reason=self.reason)


class Note(NamedTuple):
    """A diagnostic on a special function, and the record in front of which that stands."""

    before: int
    diagnostic: Diagnostic


class Area(NamedTuple):
    """A record area: its records, its fillers, and where the manufacturer's data start (None without).

    `faults` are its records that cannot be read, which are not among the fields; `free` are those of their
    octets that may be others without changing the fault, as (start, end).
    """

    fields: tuple[Field, ...]
    special: tuple[SpecialFunction, ...]
    manufacturer_data: int | None
    more_records_follow: bool
    faults: tuple[Fault, ...] = ()
    free: tuple[tuple[int, int], ...] = ()
    notes: tuple[Note, ...] = ()


_UNREADABLE: Final = RecordHeader()

_described: dict[DataRecordHeader, Described] = {}
_MAX_DESCRIBED: Final = 8192


def described(header: DataRecordHeader) -> Described:
    """What all records with this header share."""
    found = _described.get(header)
    if found is None:
        if len(_described) >= _MAX_DESCRIBED:
            _described.clear()
        record_header, convert, remarks = describe(header)
        length = 0 if header.data_type == "none" else DATA_LENGTHS[header.data_field]
        size = len(header.dib_octets) + len(header.vib_octets)
        fault = header.fault is not None
        found = _described[header] = Described(
            record_header, Reader(header, convert), length, remarks, size, fault
        )
    return found


def reserved(dif: int, offset: int) -> Diagnostic | None:
    """The remark on the DIF of a special function, None where there is nothing to remark."""
    if "reserved" not in str(SPECIAL_DIFS.codes[dif].name):
        return None
    return Diagnostic("warning", "reserved_dif", f"DIF {SPECIAL_DIFS.codes[dif]}: one octet skipped", offset)


def fault_at(octets: bytes, position: int, path: str, index: int) -> Fault:
    """The record that the grammar cannot read at a position of octets that end with the area.

    `index` is the record's number, `path` the grammar's name for it.
    """
    item, end = RecordsFromMeter.item_at(octets, position, path)
    return Fault(index, position, end, str(item["reason"]), item["code"], item["offset"])


def area_of(octets: bytes, position: int, path: str) -> Area | None:
    """The record area from a position to the end; None where what can be read depends on the data.

    `path` is the grammar's name for the area.
    """
    end = len(octets)
    fields: list[Field] = []
    special: list[SpecialFunction] = []
    faults: list[Fault] = []
    free: list[tuple[int, int]] = []
    notes: list[Note] = []
    tail, more = None, False
    while position < end:
        dif = octets[position]
        index = len(fields) + len(faults)
        if dif & 0x0F == 0x0F:
            if dif in (MANUFACTURER_DATA, MORE_RECORDS_FOLLOW):
                tail, more = position + 1, dif == MORE_RECORDS_FOLLOW
                break
            special.append(SpecialFunction(index, octets[position : position + 1]))
            remark = reserved(dif, position)
            if remark is not None:
                notes.append(Note(index, remark))
            position += 1
            continue
        field = _field_at(octets, position)
        if field is None:
            fault = fault_at(octets, position, f"{path}[{index + len(special)}]", index)
            decisive = _decisive(octets, fault)
            if decisive is None:
                return None
            faults.append(fault)
            free.append((decisive, fault.end))
            position = fault.end
            continue
        fields.append(field)
        position = field.end
    return Area(tuple(fields), tuple(special), tail, more, tuple(faults), tuple(free), tuple(notes))


def _field_at(octets: bytes, position: int) -> Field | None:
    """The record at a position; None where it cannot be read."""
    try:
        parsed, start = RecordsFromMeter.header_at(octets, position)
    except REFUSALS:
        return None
    found = described(parsed)
    length = found.length
    if length is None:
        length = lvar_length(octets[start]) if start < len(octets) else None
        if length is None:
            return None
        length += 1
    end = start + length
    if end > len(octets) or found.fault:
        return None
    return Field(found.header, position, start, end, found.length is None, found.read, found.remarks)


def _decisive(octets: bytes, fault: Fault) -> int | None:
    """Where the octets end that say what is wrong with a record; None where all may.

    Data do where a chain is too long, because data that are none of their type are refused first.
    """
    try:
        header, start = RecordsFromMeter.header_at(octets, fault.offset)
    except REFUSALS:
        return fault.end
    if DATA_LENGTHS[header.data_field] is not None:
        return start
    return None if header.fault else min(start + 1, fault.end)

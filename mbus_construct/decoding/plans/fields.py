"""Records of a layout: what all with one header share, where their data lie, and what cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from construct import ConstructError

from mbus_grammars import MBusError
from mbus_grammars.dib import EXTENSION, RESERVED_DIFS, SPECIAL_DIFS
from mbus_grammars.record import RecordsFromMeter

from ...model.diagnostic import Diagnostic
from ...values.headers import RecordHeader, describe
from .mutable import record_of
from .readers import Reader

if TYPE_CHECKING:
    from mbus_grammars import DataRecordHeader

    from ...model.record import Record
    from ...values.to_value import Severity

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
        size = len(header.dib_octets) + len(header.vib_octets)
        fault = header.fault is not None
        found = _described[header] = Described(
            record_header, Reader(header, convert), header.length, remarks, size, fault
        )
    return found


def reserved(dif: int, offset: int) -> Diagnostic | None:
    """The remark on the DIF of a special function, None where there is nothing to remark."""
    if dif not in RESERVED_DIFS:
        return None
    severity: Severity = "error" if dif & EXTENSION else "warning"
    return Diagnostic(severity, "reserved_dif", f"DIF {SPECIAL_DIFS.codes[dif]}: one octet skipped", offset)


def fault_at(octets: bytes, position: int, path: str, index: int) -> Fault:
    """The record that the grammar cannot read at a position of octets that end with the area.

    `index` is the record's number, `path` the grammar's name for it.
    """
    item, end = RecordsFromMeter.item_at(octets, position, path)
    return Fault(index, position, end, str(item["reason"]), item["code"], item["offset"])

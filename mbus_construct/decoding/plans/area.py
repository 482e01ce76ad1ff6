"""The record area of a layout: where the data of each record lie, and what else is there.

No octet is interpreted here: DIB and VIB are parsed by the grammar, once for all records that have them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mbus_grammars.dib import MANUFACTURER_DIFS, MORE_RECORDS_FOLLOW, SPECIAL_FUNCTIONS
from mbus_grammars.record import RecordsFromMeter

from ...model.record import SpecialFunction
from .fields import REFUSALS, Fault, Field, reserved
from .records import record_at

if TYPE_CHECKING:
    from ...model.diagnostic import Diagnostic


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
        if dif in SPECIAL_FUNCTIONS:
            if dif in MANUFACTURER_DIFS:
                tail, more = position + 1, dif == MORE_RECORDS_FOLLOW
                break
            special.append(SpecialFunction(index, octets[position : position + 1]))
            remark = reserved(dif, position)
            if remark is not None:
                notes.append(Note(index, remark))
            position += 1
            continue
        found = record_at(octets, position, f"{path}[{index + len(special)}]", index)
        if isinstance(found, Fault):
            decisive = _decisive(octets, found)
            if decisive is None:
                return None
            faults.append(found)
            free.append((decisive, found.end))
        else:
            fields.append(found.field(position))
        position = found.end
    return Area(tuple(fields), tuple(special), tail, more, tuple(faults), tuple(free), tuple(notes))


def _decisive(octets: bytes, fault: Fault) -> int | None:
    """Where the octets end that say what is wrong with a record; None where all may.

    Data do where a chain is too long, because data that are none of their type are refused first.
    """
    try:
        header, start = RecordsFromMeter.header_at(octets, fault.offset)
    except REFUSALS:
        return fault.end
    if header.length is not None:
        return start
    return None if header.fault else min(start + 1, fault.end)

"""The record area of a layout: where the data of each record lie, and what else is there.

No octet is interpreted here: DIB and VIB are parsed by the grammar, once for all records that have them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mbus_grammars.dib import MANUFACTURER_DIFS, MORE_RECORDS_FOLLOW
from mbus_grammars.record import RecordsFromMeter
from mbus_grammars.scan import scan

from ...model.record import SpecialFunction
from .fields import REFUSALS, Fault, Field, reserved
from .records import Found, record_at

if TYPE_CHECKING:
    from ...model.diagnostic import Diagnostic


class Area(NamedTuple):
    """A record area: its records, its fillers, and where the manufacturer's data start (None without).

    `faults` are its records that cannot be read, which are not among the fields; `free` are those of their
    octets that may be others without changing the fault, as (start, end). `diagnostics` are on special
    functions, each with the number of the record in front of which that stands.
    """

    fields: tuple[Field, ...]
    special: tuple[SpecialFunction, ...]
    manufacturer_data: int | None
    more_records_follow: bool
    faults: tuple[Fault, ...] = ()
    free: tuple[tuple[int, int], ...] = ()
    diagnostics: tuple[tuple[int, Diagnostic], ...] = ()


def area_of(octets: bytes, position: int, path: str) -> Area | None:
    """The record area from a position to the end; None where what can be read depends on the data.

    `path` is the grammar's name for the area.
    """
    fields: list[Field] = []
    special: list[SpecialFunction] = []
    faults: list[Fault] = []
    free: list[tuple[int, int]] = []
    diagnostics: list[tuple[int, Diagnostic]] = []
    tail, more = None, False

    def read(start: int, number: int) -> tuple[Found | Fault, int]:
        found = record_at(octets, start, f"{path}[{number}]", number - len(special))
        return found, found.end

    for start, end, found in scan(octets, position, read):
        if isinstance(found, Fault):
            decisive = _decisive(octets, found)
            if decisive is None:
                return None
            faults.append(found)
            free.append((decisive, found.end))
        elif found is not None:
            fields.append(found.field())
        elif octets[start] in MANUFACTURER_DIFS:
            tail, more = start + 1, octets[start] == MORE_RECORDS_FOLLOW
        else:
            index = len(fields) + len(faults)
            special.append(SpecialFunction(index, octets[start:end]))
            remark = reserved(octets[start], start)
            if remark is not None:
                diagnostics.append((index, remark))
    return Area(tuple(fields), tuple(special), tail, more, tuple(faults), tuple(free), tuple(diagnostics))


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

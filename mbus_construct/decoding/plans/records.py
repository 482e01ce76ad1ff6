"""The record at a place among others, by what was learned of record headers and of faults."""

from __future__ import annotations

from typing import Final, NamedTuple

from mbus_grammars.scan import data_end

from .fields import REFUSALS, Described, Fault, Field, fault_at
from .headers import HEADERS

# Faults of records, by the grammar's name for the record, the octets that say what is wrong, and how many
# are left; the fault counts from the start of the record.
_faults: dict[tuple[str, bytes, int], Fault] = {}
_MAX_FAULTS: Final = 8192
_MAX_CUT: Final = 64  # octets of a header that is cut short and still remembered


class Found(NamedTuple):
    """A record whose data, octets `start` to `end`, are there."""

    item: Described
    start: int
    end: int

    def field(self) -> Field:
        """The same record as a field of the layout."""
        item = self.item
        lvar = item.length is None
        return Field(item.header, self.start - item.size, self.start, self.end, lvar, item.read, item.remarks)


def record_at(body: bytes, position: int, path: str, index: int) -> Found | Fault:
    """The record at a position of octets that end with the area; no special function stands there.

    `path` is the grammar's name for it, `index` its number among the records.
    """
    end = len(body)
    item = HEADERS.at(body, position)
    if item is None:
        rest = body[position:] if end - position <= _MAX_CUT else b""
        if rest and (path, rest, len(rest)) in _faults:
            return fault_of(body, position, path, index, rest)
        try:
            item = HEADERS.learn(body, position)
        except REFUSALS:
            return fault_of(body, position, path, index, rest)
    if item.fault:
        return fault_of(body, position, path, index, b"")
    start = position + item.size
    stop = data_end(body, start, item.length)
    if stop is None or stop > end:
        return fault_of(body, position, path, index, body[position : start + (item.length is None)])
    return Found(item, start, stop)


def fault_of(body: bytes, position: int, path: str, index: int, decisive: bytes) -> Fault:
    """What is wrong with the record at a position of octets that end with the area.

    `decisive`: the octets that say it, apart from how many there are; b"" where data do too.
    """
    key = (path, decisive, len(body) - position)
    fault = _faults.get(key) if decisive else None
    if fault is not None:
        return fault.moved(position, index)
    fault = fault_at(body, position, path, index)
    if decisive:
        if len(_faults) >= _MAX_FAULTS:
            _faults.clear()
        _faults[key] = fault.moved(-position, 0)
    return fault

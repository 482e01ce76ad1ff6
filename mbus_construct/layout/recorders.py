"""Functions that make a record from its octets, one for each record header that was seen."""

from __future__ import annotations

import struct
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ..telegram import Record
from ..values import EXACT
from .drafts import RecordDraft

if TYPE_CHECKING:
    from .fields import Described

# Makes the record at octets `start` to `end`; None where there is something to remark, or data that are
# neither an ordinary number nor remembered.
Recorder = Callable[[bytes, int, int], Record | None]


def recorder(item: Described) -> Recorder | None:
    """The function for records with a header; None where each of them has remarks."""
    coding = item.read.coding
    if item.remarks:
        return None
    if coding is None:
        return _remembered(item)
    return _digits(item) if coding.kind == "bcd" else _integer(item)


def _digits(item: Described) -> Recorder:
    coding, size, header = item.read.coding, item.size, item.header
    assert coding is not None  # noqa: S101  for the type checkers
    exponent, offset = coding.numbers.exponent, coding.numbers.offset
    suffix = f"E{exponent}" if exponent < 0 else "0" * exponent
    draft, decimal, add = RecordDraft, Decimal, EXACT.add

    def read(octets: bytes, start: int, end: int) -> Record | None:
        data = octets[start + size : end]
        digits = data[::-1].hex()
        if not digits.isdecimal():
            return None
        record: Any = draft()
        record.header = header
        record.data = data
        record.value = add(decimal(digits + suffix), offset) if offset else decimal(digits + suffix)
        record.state = "ok"
        record.reason = None
        record.flags = ()
        record.offset = start
        record.__class__ = Record
        return record  # type: ignore[no-any-return]

    return read


def _integer(item: Described) -> Recorder:
    coding, size, header = item.read.coding, item.size, item.header
    assert coding is not None  # noqa: S101  for the type checkers
    factor, offset, mark, signed = coding.factor, coding.numbers.offset, coding.numbers.mark, coding.signed
    draft, multiply, add, from_bytes = RecordDraft, EXACT.multiply, EXACT.add, int.from_bytes
    unpack = struct.Struct("<" + coding.format).unpack_from if coding.format else None

    def read(octets: bytes, start: int, end: int) -> Record | None:
        data = octets[start + size : end]
        number = from_bytes(data, "little", signed=signed) if unpack is None else unpack(data)[0]
        if number == mark:
            return None
        record: Any = draft()
        record.header = header
        record.data = data
        record.value = add(multiply(number, factor), offset) if offset else multiply(number, factor)
        record.state = "ok"
        record.reason = None
        record.flags = ()
        record.offset = start
        record.__class__ = Record
        return record  # type: ignore[no-any-return]

    return read


def _remembered(item: Described) -> Recorder:
    size, header, draft, recall = item.size, item.header, RecordDraft, item.read.recall

    def read(octets: bytes, start: int, end: int) -> Record | None:
        data = octets[start + size : end]
        outcome = recall(data)
        if outcome is None or outcome[4] is not None:
            return None
        record: Any = draft()
        record.header = header
        record.data = data
        record.value, record.state, record.reason, record.flags, _, _ = outcome
        record.offset = start
        record.__class__ = Record
        return record  # type: ignore[no-any-return]

    return read

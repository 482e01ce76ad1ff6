"""Functions that make a record from its octets, one for each record header that was seen."""

from __future__ import annotations

import struct
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ...model.record import Record
from ...values.to_value import EXACT
from .mutable import RecordDraft

if TYPE_CHECKING:
    from .fields import Described
    from .readers import Coding

# Makes the record that starts at an octet, hands it on, and gives where it ends. Gives 0, and hands nothing
# on, where the octets end before that, where there is something to remark, and where the data are neither an
# ordinary number nor remembered.
Recorder = Callable[[bytes, int, Callable[[Record], None]], int]


def recorder(item: Described, width: int) -> Recorder:
    """The function for records with a header and so many octets of data."""
    coding = item.read.coding
    if item.remarks:
        return nothing
    if coding is None:
        return _remembered(item, width)
    return _digits(item, coding, width) if coding.kind == "bcd" else _integer(item, coding, width)


def nothing(_octets: bytes, _start: int, _add: Callable[[Record], None]) -> int:
    """The function for what is not known, or never ordinary."""
    return 0


def _digits(item: Described, coding: Coding, width: int) -> Recorder:
    size, header = item.size, item.header
    exponent, offset = coding.numbers.exponent, coding.numbers.offset
    suffix = f"E{exponent}" if exponent < 0 else "0" * exponent
    draft, decimal, plus, whole = RecordDraft, Decimal, EXACT.add, size + width

    def read(octets: bytes, start: int, add: Callable[[Record], None]) -> int:
        end = start + whole
        data = octets[start + size : end]
        digits = data[::-1].hex()
        if not digits.isdecimal() or len(data) != width:
            return 0
        record: Any = draft()
        record.header = header
        record.data = data
        record.value = plus(decimal(digits + suffix), offset) if offset else decimal(digits + suffix)
        record.state = "ok"
        record.reason = None
        record.flags = ()
        record.offset = start
        record.__class__ = Record
        add(record)
        return end

    return read


def _integer(item: Described, coding: Coding, width: int) -> Recorder:
    size, header = item.size, item.header
    factor, offset, mark, signed = coding.factor, coding.numbers.offset, coding.numbers.mark, coding.signed
    draft, multiply, plus, from_bytes = RecordDraft, EXACT.multiply, EXACT.add, int.from_bytes
    whole = size + width
    unpack = struct.Struct("<" + coding.format).unpack_from if coding.format else None

    def read(octets: bytes, start: int, add: Callable[[Record], None]) -> int:
        end = start + whole
        data = octets[start + size : end]
        if len(data) != width:
            return 0
        number = from_bytes(data, "little", signed=signed) if unpack is None else unpack(data)[0]
        if number == mark:
            return 0
        record: Any = draft()
        record.header = header
        record.data = data
        record.value = plus(multiply(number, factor), offset) if offset else multiply(number, factor)
        record.state = "ok"
        record.reason = None
        record.flags = ()
        record.offset = start
        record.__class__ = Record
        add(record)
        return end

    return read


def _remembered(item: Described, width: int) -> Recorder:
    size, header, draft, recall = item.size, item.header, RecordDraft, item.read.recall
    whole = size + width

    def read(octets: bytes, start: int, add: Callable[[Record], None]) -> int:
        end = start + whole
        data = octets[start + size : end]
        outcome = recall(data)
        if outcome is None or outcome[4] is not None or len(data) != width:
            return 0
        record: Any = draft()
        record.header = header
        record.data = data
        record.value, record.state, record.reason, record.flags, _, _ = outcome
        record.offset = start
        record.__class__ = Record
        add(record)
        return end

    return read

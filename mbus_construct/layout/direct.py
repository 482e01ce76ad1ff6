"""Telegrams of layouts that were not seen before, read in one pass: their record headers mostly were.

A record header that the grammar has parsed once is known by its octets from then on, with a function that
makes the record. Nothing is made for the layout as a whole: it may never come again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from mbus_grammars.lvar import lvar_length
from mbus_grammars.record import MANUFACTURER_DATA, MORE_RECORDS_FOLLOW, RecordsFromMeter

from ..telegram import Diagnostic, Record, SpecialFunction, Telegram
from ..values import EXACT
from .drafts import RecordDraft, TelegramDraft, record_of
from .fields import REFUSALS, Described, described, fault_at, reserved
from .rest import STATUS, frame_fields, meter_of, security

if TYPE_CHECKING:
    from .shapes import Shape

# Makes the record at octets `start` to `end`; None where its data are no ordinary number.
Recorder = Callable[[bytes, int, int], Record | None]

# What is known of octets that a record starts with: the size of the record, what makes it (None: nothing
# ordinary), and its header. Size 0: the header is longer, of one of these lengths. Size -1: an LVAR octet
# behind the header says more. Size -2: the grammar refuses it.
_Entry = tuple[int, Any, Any]
_LONGER, _LVAR, _REFUSED = 0, -1, -2
_UNKNOWN: Final[_Entry] = (_LONGER, (), None)
_MAX_KNOWN: Final = 8192
_MAX_HEADER: Final = 64


def _recorder(item: Described) -> Recorder | None:
    """The function for ordinary numbers behind a header; None where there are none, or it has remarks."""
    coding, size, header = item.read.coding, item.size, item.header
    if coding is None or item.remarks:
        return None
    multiply, factor, offset, mark = EXACT.multiply, coding.factor, coding.numbers.offset, coding.numbers.mark
    draft, signed, add = RecordDraft, coding.signed, EXACT.add
    integer = int.from_bytes

    def bcd(octets: bytes, start: int, end: int) -> Record | None:
        data = octets[start + size : end]
        digits = data[::-1].hex()
        if not digits.isdecimal():
            return None
        record: Any = draft()
        record.header = header
        record.data = data
        value = multiply(int(digits), factor)
        record.value = add(value, offset) if offset else value
        record.state = "ok"
        record.reason = None
        record.flags = ()
        record.offset = start
        record.__class__ = Record
        return record  # type: ignore[no-any-return]

    def binary(octets: bytes, start: int, end: int) -> Record | None:
        data = octets[start + size : end]
        number = integer(data, "little", signed=signed)
        if number == mark:
            return None
        record: Any = draft()
        record.header = header
        record.data = data
        value = multiply(number, factor)
        record.value = add(value, offset) if offset else value
        record.state = "ok"
        record.reason = None
        record.flags = ()
        record.offset = start
        record.__class__ = Record
        return record  # type: ignore[no-any-return]

    return bcd if coding.kind == "bcd" else binary


class _Known:
    """Record headers by their octets, learned from the grammar. At its limit it starts anew."""

    def __init__(self) -> None:
        self.entries: dict[bytes, _Entry] = {}

    def learn(self, octets: bytes, position: int) -> _Entry:
        """Parse the header at a position. Raises what the grammar raises where it does not end."""
        header, start = RecordsFromMeter.header_at(octets, position)
        item = described(header)
        size = _REFUSED if item.fault else _LVAR if item.length is None else item.size + item.length
        entry: _Entry = (size, _recorder(item), item)
        if item.size > _MAX_HEADER:
            return entry
        if len(self.entries) >= _MAX_KNOWN:  # anew, not emptied: another reader may be in the middle of it
            self.entries = {}
        known = octets[position:start]
        self.entries[known] = entry
        if len(known) > 2:
            lengths: tuple[int, ...] = self.entries.get(known[:2], _UNKNOWN)[1]
            longer = tuple(sorted({*lengths, len(known)}))
            self.entries[known[:2]] = (_LONGER, longer, None)
        return entry


_KNOWN: Final = _Known()


class _Pass:
    """One telegram while it is read."""

    def __init__(self, octets: bytes, shape: Shape) -> None:
        self.body = octets[: len(octets) - shape.tail]
        self.path = shape.path
        self.records: list[Record] = []
        self.special: list[SpecialFunction] = []
        self.diagnostics: list[Diagnostic] = []
        self.manufacturer_data: bytes | None = None
        self.more_records_follow = False

    def read(self, position: int) -> None:
        """Read the records from a position on."""
        body, end, add = self.body, len(self.body), self.records.append
        known = _KNOWN.entries.get
        while position < end:
            size, make, _ = known(body[position : position + 2], _UNKNOWN)
            if size == _LONGER:
                for length in make:
                    size, make, _ = known(body[position : position + length], _UNKNOWN)
                    if size:
                        break
            if size > 0 and make is not None and position + size <= end:
                record = make(body, position, position + size)
                if record is not None:
                    add(record)
                    position += size
                    continue
            position = self._uncommon(position)

    def _uncommon(self, position: int) -> int:
        """Everything but ordinary numbers behind known headers; gives where it ends."""
        body, end = self.body, len(self.body)
        if body[position] & 0x0F == 0x0F:
            return self._special_function(position)
        try:
            item = self._header(position)
        except REFUSALS:
            return self._unreadable(position)
        start = position + item.size
        length = item.length
        if length is None and start < end:
            length = lvar_length(body[start])
            length = None if length is None else length + 1
        if length is None or item.fault or start + length > end:
            return self._unreadable(position)
        data = body[start : start + length]
        try:
            outcome = item.read(data)
        except REFUSALS:
            return self._unreadable(position)
        index = len(self.records)
        value, state, reason, flags, code, severity = outcome
        for remark, message in item.remarks:
            self.diagnostics.append(Diagnostic("info", remark, message, start, index))
        if code is not None:
            message = f"{item.header.quantity}: {reason}"
            self.diagnostics.append(Diagnostic(severity, code, message, start, index))
        self.records.append(
            record_of(item.header, data, value, position, state=state, reason=reason, flags=flags)
        )
        return start + length

    def _header(self, position: int) -> Described:
        """The header at a position. Raises what the grammar raises."""
        known = _KNOWN.entries.get
        size, lengths, item = known(self.body[position : position + 2], _UNKNOWN)
        if size == _LONGER:
            for length in lengths:
                item = known(self.body[position : position + length], _UNKNOWN)[2]
                if item is not None:
                    break
        found: Described = _KNOWN.learn(self.body, position)[2] if item is None else item
        return found

    def _unreadable(self, position: int) -> int:
        index = len(self.records)
        path = f"{self.path}[{index + len(self.special)}]"
        fault = fault_at(self.body, position, path, index)
        self.records.append(fault.record(self.body, self.diagnostics))
        return fault.end

    def _special_function(self, position: int) -> int:
        dif = self.body[position]
        if dif in (MANUFACTURER_DATA, MORE_RECORDS_FOLLOW):
            self.manufacturer_data = self.body[position + 1 :]
            self.more_records_follow = dif == MORE_RECORDS_FOLLOW
            return len(self.body)
        self.special.append(SpecialFunction(len(self.records), self.body[position : position + 1]))
        remark = reserved(dif, position)
        if remark is not None:
            self.diagnostics.append(remark)
        return position + 1


def read_directly(octets: bytes, shape: Shape) -> Telegram | None:
    """A telegram that the link layer accepts, in one pass; None where it is encrypted."""
    secured = security(octets, shape)
    if secured is None:
        return None
    reading = _Pass(octets, shape)
    reading.read(shape.start)
    places = shape.places
    draft: Any = TelegramDraft()
    draft.link = shape.form
    draft.frame = frame_fields(octets[shape.link], shape)
    draft.meter = None if shape.address is None else meter_of(octets[shape.address])
    draft.access_number = octets[places["access_number"]] if "access_number" in places else None
    draft.status = STATUS[octets[places["status"]]] if "status" in places else None
    draft.configuration_field = secured[0]
    draft.records = tuple(reading.records)
    draft.more_records_follow = reading.more_records_follow
    draft.manufacturer_data = reading.manufacturer_data
    draft.encrypted = b""
    draft.special_functions = tuple(reading.special)
    draft.user_data = None
    draft.diagnostics = (*reading.diagnostics, *secured[1])
    draft.__class__ = Telegram
    telegram: Telegram = draft
    return telegram

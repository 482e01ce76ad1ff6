"""Telegrams of layouts that were not seen before, read in one pass: their record headers mostly were.

A record header that the grammar has parsed once is known by its octets from then on, with a function that
makes the record. Nothing is made for the layout as a whole: it may never come again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mbus_grammars.lvar import lvar_length
from mbus_grammars.record import MANUFACTURER_DATA, MORE_RECORDS_FOLLOW

from ..telegram import Diagnostic, Record, SpecialFunction, Telegram
from .drafts import TelegramDraft, record_of
from .fields import REFUSALS, Described, Fault, fault_at, reserved
from .headers import HEADERS
from .recorders import nothing
from .rest import STATUS, frame_fields, meter_of, security

if TYPE_CHECKING:
    from .shapes import Shape

# Faults of records, by the grammar's name for the record, the octets that say what is wrong, and how many
# are left; the fault counts from the start of the record.
_faults: dict[tuple[str, bytes, int], Fault] = {}
_MAX_FAULTS: Final = 8192
MAX_CUT: Final = 64  # octets of a header that is cut short and still remembered


class _Odd:
    """What is out of the ordinary in one telegram, while it is read."""

    def __init__(self, body: bytes, path: str, records: list[Record]) -> None:
        self.body = body
        self.path = path
        self.records = records
        self.special: list[SpecialFunction] = []
        self.diagnostics: list[Diagnostic] = []
        self.manufacturer_data: bytes | None = None
        self.more_records_follow = False

    def read(self, position: int) -> int:
        """Read what is no ordinary record behind a known header; gives where it ends."""
        body, end = self.body, len(self.body)
        if body[position] & 0x0F == 0x0F:
            return self._special_function(position)
        item = HEADERS.at(body, position)
        if item is None:
            rest = body[position:] if end - position <= MAX_CUT else b""
            if rest and is_known_fault(self._path(), rest):
                return self._unreadable(position, rest)
            try:
                item = HEADERS.learn(body, position)
            except REFUSALS:
                return self._unreadable(position, rest)
        start = position + item.size
        length = item.length
        if length is None and start < end:
            length = lvar_length(body[start])
            length = None if length is None else length + 1
        if item.fault:
            return self._unreadable(position, b"")
        if length is None or start + length > end:
            return self._unreadable(position, body[position : start + (item.length is None)])
        data = body[start : start + length]
        try:
            self._record(item, position, data)
        except REFUSALS:
            return self._unreadable(position, b"")
        return start + length

    def _record(self, item: Described, position: int, data: bytes) -> None:
        """A record that is there. Raises what the grammar raises where its data are none of their type."""
        value, state, reason, flags, code, severity = item.read(data)
        start, index = position + item.size, len(self.records)
        for remark, message in item.remarks:
            self.diagnostics.append(Diagnostic("info", remark, message, start, index))
        if code is not None:
            message = f"{item.header.quantity}: {reason}"
            self.diagnostics.append(Diagnostic(severity, code, message, start, index))
        self.records.append(
            record_of(item.header, data, value, position, state=state, reason=reason, flags=flags)
        )

    def _path(self) -> str:
        """The grammar's name for the next record."""
        return f"{self.path}[{len(self.records) + len(self.special)}]"

    def _unreadable(self, position: int, decisive: bytes) -> int:
        """A record that cannot be read; gives where it ends. `decisive` as in `fault_of`."""
        fault = fault_of(self.body, position, self._path(), len(self.records), decisive)
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


def is_known_fault(path: str, rest: bytes) -> bool:
    """Whether `fault_of` knows what is wrong where nothing but these octets is left."""
    return (path, rest, len(rest)) in _faults


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


def read_directly(octets: bytes, shape: Shape) -> Telegram | None:
    """A telegram that the link layer accepts, in one pass; None where it is encrypted."""
    secured = security(octets, shape)
    if secured is None:
        return None
    end, position, places = len(octets) - shape.tail, shape.start, shape.places
    body = octets[:end]
    records: list[Record] = []
    add, known, odd = records.append, HEADERS.makers.get, None
    while position < end:
        stop = known(body[position : position + 2], nothing)(body, position, add)
        if not stop:
            odd = odd or _Odd(body, shape.path, records)
            stop = odd.read(position)
        position = stop
    draft: Any = TelegramDraft()
    draft.link = shape.form
    draft.frame = frame_fields(octets[shape.link], shape)
    draft.meter = None if shape.address is None else meter_of(octets[shape.address])
    draft.access_number = octets[places["access_number"]] if "access_number" in places else None
    draft.status = STATUS[octets[places["status"]]] if "status" in places else None
    draft.configuration_field = secured[0]
    draft.records = tuple(records)
    draft.more_records_follow = odd is not None and odd.more_records_follow
    draft.manufacturer_data = None if odd is None else odd.manufacturer_data
    draft.encrypted = b""
    draft.special_functions = () if odd is None else tuple(odd.special)
    draft.user_data = None
    draft.diagnostics = secured[1] if odd is None else (*odd.diagnostics, *secured[1])
    draft.__class__ = Telegram
    telegram: Telegram = draft
    return telegram

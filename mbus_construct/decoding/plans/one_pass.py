"""Telegrams of layouts that were not seen before, read in one pass: their record headers mostly were.

A record header that the grammar has parsed once is known by its octets from then on, with a function that
makes the record. Nothing is made for the layout as a whole: it may never come again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mbus_grammars.dib import MANUFACTURER_DIFS, MORE_RECORDS_FOLLOW, SPECIAL_FUNCTIONS

from ...model.diagnostic import Diagnostic
from ...model.record import Record, SpecialFunction
from ...model.telegram import Telegram
from .fields import REFUSALS, Described, Fault, reserved
from .headers import HEADERS
from .link_and_header import STATUS, frame_fields, link_meter_of, meter_at, security
from .mutable import TelegramDraft, record_of
from .radio_layers import afl_of, ell_of
from .record_makers import nothing
from .records import fault_of, record_at

if TYPE_CHECKING:
    from .wired_shapes import Shape


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
        if self.body[position] in SPECIAL_FUNCTIONS:
            return self._special_function(position)
        index = len(self.records)
        path = f"{self.path}[{index + len(self.special)}]"
        found = record_at(self.body, position, path, index)
        if not isinstance(found, Fault):
            try:
                self._record(found.item, position, self.body[found.start : found.end])
            except REFUSALS:
                found = fault_of(self.body, position, path, index, b"")
        if isinstance(found, Fault):
            self.records.append(found.record(self.body, self.diagnostics))
        return found.end

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

    def _special_function(self, position: int) -> int:
        dif = self.body[position]
        if dif in MANUFACTURER_DIFS:
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
    draft.meter = meter_at(octets, shape)
    draft.access_number = octets[places["access_number"]] if "access_number" in places else None
    draft.status = STATUS[octets[places["status"]]] if "status" in places else None
    draft.configuration_field = secured.configuration
    draft.records = tuple(records)
    draft.more_records_follow = odd is not None and odd.more_records_follow
    draft.manufacturer_data = None if odd is None else odd.manufacturer_data
    draft.encrypted = b""
    draft.special_functions = () if odd is None else tuple(odd.special)
    draft.user_data = None
    draft.manufacturer_fields, draft.contained = None, ()
    draft.diagnostics = secured.remarks if odd is None else (*odd.diagnostics, *secured.remarks)
    outer = shape.outer
    draft.ell = None if outer is None or outer.ell is None else ell_of(octets[outer.ell], link_meter_of)
    draft.afl = afl_of(octets, outer) if outer is not None and outer.afl else None
    draft.security = secured.security
    draft.__class__ = Telegram
    telegram: Telegram = draft
    return telegram

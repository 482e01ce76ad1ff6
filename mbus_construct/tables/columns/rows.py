"""What one telegram gives in the long table: the definition of its cells, in plain Python.

What NumPy decodes is proven equal to this, and whatever is out of the ordinary comes through here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime, time
from decimal import Decimal
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ...model.json_values import json_value, value_type
from ...values.to_value import EXACT

if TYPE_CHECKING:
    from mbus_grammars import MBusError

    from ...model.diagnostic import Diagnostic
    from ...model.frame import FrameFields
    from ...model.record import Record
    from ...model.telegram import Telegram
    from ...values.headers import RecordHeader
    from ...values.to_value import State, Value

_INT64: Final = 1 << 63
_EPOCH: Final = datetime(1970, 1, 1)  # meters' clocks have no zone

Row = dict[str, Any]


class ValueCells(NamedTuple):
    """The cells of a value: a number as mantissa * 10**exponent, seconds since 1970 without zone, a text."""

    value_type: str
    mantissa: int | None = None
    exponent: int | None = None
    value_time: int | None = None
    value_text: str | None = None


def value_cells(value: Value) -> ValueCells:
    """The cells of a value.

    A decimal has the very digits that `decode` gives, but for zeros at the end of numbers beyond 64 bits. A
    real is the shortest decimal that is the same number. A number of more than 18 digits may fit no column,
    and stands in `value_text` then.
    """
    kind = value_type(value)
    if isinstance(value, Decimal):
        return _number(kind, value)
    if isinstance(value, float):
        return _number(kind, Decimal(repr(value)).normalize(EXACT))
    if isinstance(value, datetime):
        return ValueCells(kind, value_time=seconds(value))
    if isinstance(value, date):
        return ValueCells(kind, value_time=seconds(datetime.combine(value, time())))
    if isinstance(value, tuple):
        return ValueCells(kind, value_text=json.dumps(json_value(value)))
    return ValueCells(kind, value_text=None if value is None else str(json_value(value)))


def seconds(moment: datetime) -> int:
    """Seconds since 1970-01-01 00:00 by the meter's own clock."""
    return (moment - _EPOCH).days * 86400 + (moment - _EPOCH).seconds


def _number(kind: str, value: Decimal) -> ValueCells:
    for same in (value, value.normalize(EXACT)):
        sign, digits, exponent = same.as_tuple()
        mantissa = int("".join(map(str, digits))) * (-1 if sign else 1)
        if isinstance(exponent, int) and -_INT64 <= mantissa < _INT64 and -128 <= exponent < 128:
            return ValueCells(kind, mantissa, exponent)
    return ValueCells(kind, value_text=format(value, "f"))


def header_cells(header: RecordHeader) -> Row:
    """The cells that all records with a header share."""
    return {
        "function": header.function,
        "storage_number": header.storage_number,
        "tariff": header.tariff,
        "subunit": header.subunit,
        "quantity": header.quantity,
        "unit": header.unit,
        "qualifiers": joined(header.qualifiers),
        "kind": header.kind,
    }


def joined(texts: Iterable[str]) -> str | None:
    """Several texts in one cell."""
    return "; ".join(texts) or None


def telegram_rows(telegram: Telegram) -> list[Row]:
    """The rows of a telegram: its records in wire order, then what is to be said about it as a whole."""
    shared: Row = {"layout": layout_id(telegram), "access_number": telegram.access_number}
    if telegram.status is not None:
        shared["status"] = telegram.status.octet
    meter = telegram.meter
    if meter is not None:
        shared["meter_id"] = meter.identification_number
        shared["manufacturer"] = meter.manufacturer
        shared["version"] = meter.version
        shared["device_type"] = meter.device_type
    codes: dict[int | None, list[str]] = {}
    for diagnostic in telegram.diagnostics:
        codes.setdefault(diagnostic.record, []).append(diagnostic.code)
    noted = whole_codes(telegram)
    rows = [
        {**shared, **_record_row(record), "record": index, "code": joined((*noted, *codes.get(index, ())))}
        for index, record in enumerate(telegram.records)
    ]
    unsaid = (*noted, _NOT_SAID)
    remarks = [item for item in telegram.diagnostics if item.record is None and item.code not in unsaid]
    rows += [{**shared, **_remark(item)} for item in remarks]
    return rows or [{**shared, "error": f"no data records: {_what(telegram)}", "code": "no_records"}]


# Tables do not say that the start was guessed: they are read as what their column mostly holds.
_NOT_SAID: Final = "form_guessed"


def whole_codes(telegram: Telegram) -> tuple[str, ...]:
    """What is worth knowing of a telegram as a whole, and stands with each of its records."""
    if not telegram.records:
        return ()
    whole = (item for item in telegram.diagnostics if item.record is None and item.code != _NOT_SAID)
    return tuple(item.code for item in whole if item.severity == "info")


def _record_row(record: Record) -> Row:
    cells = value_cells(record.value)._asdict()
    state: State = record.state
    return {
        **header_cells(record.header),
        **cells,
        "state": state,
        "reason": record.reason,
        "flags": joined(record.flags),
        "offset": record.offset,
    }


def _remark(diagnostic: Diagnostic) -> Row:
    return {"error": diagnostic.message, "code": diagnostic.code, "offset": diagnostic.offset}


def _what(telegram: Telegram) -> str:
    frame = telegram.frame
    named = (frame.format and f"{frame.format} frame", frame.c_name, frame.ci_name)
    return ", ".join(str(item) for item in named if item) or "the record area is empty"


def error_row(error: MBusError) -> Row:
    """The one row of a telegram that was rejected."""
    return {
        "error": getattr(error, "message", None) or str(error),
        "code": getattr(error, "code", "error"),
        "offset": getattr(error, "offset", None),
    }


def layout_id(telegram: Telegram) -> str:
    """The name of a telegram's layout, 16 hex digits: of its meter's type and of its record headers."""
    meter = telegram.meter
    kind = None if meter is None else (meter.manufacturer, meter.version, meter.device_type)
    start = layout_start(telegram.link, telegram.frame, kind)
    return layout_digest(start, ((item.offset, item.header) for item in telegram.records))


def layout_start(link: str, frame: FrameFields, meter: tuple[object, ...] | None) -> object:
    """What belongs to the layout in front of the records; `meter`: manufacturer, version and device type."""
    return link, frame.c_field, frame.ci_field, meter


def layout_digest(start: object, records: Iterable[tuple[int, RecordHeader]]) -> str:
    """The name of a layout, from what stands in front of the records, and their offsets and headers."""
    digest = blake2b(repr(start).encode(), digest_size=8)
    for offset, header in records:
        octets = header.dib + header.vib
        digest.update(b"%d:%d:" % (offset, len(header.dib)) + (octets or repr(header).encode()))
    return digest.hexdigest()

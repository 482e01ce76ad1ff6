"""Telegrams as aligned tables on the terminal."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..octets.hex_text import to_hex, visible
from .layers import layer_lines, meter_name

if TYPE_CHECKING:
    from ..model.diagnostic import Diagnostic
    from ..model.json_shapes import Json
    from ..model.meter import Meter, Status
    from ..model.reading import Reading
    from ..model.record import Record
    from ..model.telegram import Telegram

# Where no terminal says how wide it is: wide enough that no cell is cut.
_UNBOUNDED: Final = 400

_KINDS: Final = {
    "A": "wireless frame, format A (offsets count without its CRCs)",
    "B": "wireless frame, format B (offsets count without its CRCs)",
    "CRC-less": "wireless frame, format CRC-less",
}

_STYLES: Final = {"error": "bold red", "warning": "yellow", "info": "dim", "invalid": "yellow"}


def _text(text: str, style: str = "") -> Text:
    """Text that is nothing but text."""
    return Text(visible(text), style=style)


def console() -> Console:
    """Standard output; colours and wrapping only on a terminal."""
    return Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=_UNBOUNDED)


def telegram_text(telegram: Telegram, title: str | None) -> str:
    """The table of a telegram below a title."""
    out = console()
    with out.capture() as capture:
        print_telegram(telegram, title, out)
    return capture.get().rstrip("\n")


def print_telegram(telegram: Telegram, title: str | None = None, out: Console | None = None) -> None:
    """One telegram: who, what kind of frame, its records, what is to be said."""
    out = console() if out is None else out
    if title:
        out.print(_text(title, style="bold"), soft_wrap=True)
    for line in (_frame_line(telegram), *layer_lines(telegram)):
        out.print(_text(line), soft_wrap=True)
    _print_meter(out, telegram.meter, telegram.status, telegram.access_number)
    _print_records(out, telegram.records)
    for line in _user_data_lines(telegram):
        out.print(_text(line), soft_wrap=True)
    if telegram.manufacturer_data is not None:
        _print_manufacturer_data(out, telegram.manufacturer_data)
    if telegram.manufacturer_fields is not None:
        out.print(_text(f"manufacturer fields: {_shown(dict(telegram.manufacturer_fields))}"), soft_wrap=True)
    if telegram.encrypted:
        _print_encrypted(out, telegram.encrypted)
    _print_end(out, telegram.more_records_follow, telegram.diagnostics)
    for inner in telegram.contained:
        print_telegram(inner.telegram, f"in record {inner.record}:", out)


def reading_text(reading: Reading, title: str | None, *, plain: bool) -> str:
    """The table of a readout below a title; `plain` for a file, whatever standard output is."""
    out = Console(highlight=False, width=_UNBOUNDED, file=io.StringIO()) if plain else console()
    with out.capture() as capture:
        if title:
            out.print(_text(title, style="bold"), soft_wrap=True)
        print_reading(reading, out)
    return capture.get().rstrip("\n")


def print_reading(reading: Reading, out: Console | None = None) -> None:
    """The telegrams of one readout as one table."""
    out = console() if out is None else out
    _print_meter(out, reading.meter, reading.status, None)
    _print_records(out, reading.records)
    for octets in reading.manufacturer_data:
        _print_manufacturer_data(out, octets)
    for octets in reading.encrypted:
        _print_encrypted(out, octets)
    _print_end(out, reading.more_records_follow, reading.diagnostics)


def _print_manufacturer_data(out: Console, octets: bytes) -> None:
    out.print(_text(f"manufacturer data: {to_hex(octets) or 'none'}"), soft_wrap=True)


def _print_encrypted(out: Console, octets: bytes) -> None:
    out.print(_text(f"encrypted: {to_hex(octets)}"), soft_wrap=True)


def _user_data_lines(telegram: Telegram) -> Iterator[str]:
    """What a telegram without data records says; of the fixed data structure what its two records do not."""
    values = telegram.user_data or {}
    if "counter_1" in values:
        yield f"medium: {values['medium_and_units'].get('medium_name')}"
        return
    if "format_signature" in values and telegram.records:
        return  # a compact frame whose records are known
    for key, value in values.items():
        if value in ("", [], None) or key.endswith("_name"):
            continue
        name = values.get(f"{key}_name")
        yield f"{key.replace('_', ' ')}: {_shown(value)}" + (f" ({name})" if name else "")


def _shown(value: Json) -> str:
    """A value of the grammar on one line."""
    if isinstance(value, list):
        return "; ".join(_shown(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')} {_shown(item)}" for key, item in value.items())
    return str(value)


def _frame_line(telegram: Telegram) -> str:
    frame = telegram.frame
    parts = [frame.format and _KINDS.get(frame.format, f"{frame.format} frame"), frame.c_name]
    if frame.format == "single character":
        parts = ["single character E5: acknowledged"]
    if frame.address is not None:
        parts.append(f"from {meter_name(frame.address)}")
    if frame.a_field is not None:
        parts.append(f"address {frame.a_field}")
    if frame.ci_field is not None:
        parts.append(f"CI {frame.ci_field:02X}h {frame.ci_name}")
    return (
        ", ".join(part for part in parts if part) or f"octets from the {telegram.link.replace('_', ' ')} on"
    )


def _print_meter(out: Console, meter: Meter | None, status: Status | None, access_number: int | None) -> None:
    parts: list[str] = []
    if meter is not None:
        company = f" ({meter.manufacturer_name})" if meter.manufacturer_name else ""
        parts.append(meter.identification_number)
        parts.append(f"{meter.manufacturer or ''}{company}")
        parts.append(meter.device_type_name or "")
        parts.append("" if meter.version is None else f"version {meter.version}")
    if access_number is not None:
        parts.append(f"access number {access_number}")
    if status is not None:
        parts.append("status " + ("; ".join(status.flags) or "ok"))
    if parts:
        out.print(_text(", ".join(part for part in parts if part), style="bold"), soft_wrap=True)


def _print_records(out: Console, records: Sequence[Record]) -> None:
    if not records:
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("#", justify="right", style="dim")
    table.add_column("quantity")
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    table.add_column("function")
    for name in ("storage", "tariff", "subunit"):
        table.add_column(name, justify="right")
    table.add_column("remarks")
    table.add_column("offset", justify="right", style="dim")
    for index, record in enumerate(records):
        table.add_row(*_row(index, record), style=_STYLES.get(record.state))
    out.print(table)


def _row(index: int, record: Record) -> list[Text]:
    numbers = (record.storage_number, record.tariff, record.subunit)
    remarks = [*record.qualifiers, *record.flags, record.reason or ""]
    cells = [
        str(index),
        record.quantity or "unreadable",
        "-" if record.value is None else record.bare_value_text,
        record.unit or "",
        record.function or "",
        *("" if number is None else str(number) for number in numbers),
        "; ".join(remark for remark in remarks if remark),
        str(record.offset),
    ]
    return [_text(cell) for cell in cells]


def _print_end(out: Console, more: bool, diagnostics: Sequence[Diagnostic]) -> None:
    if more:
        out.print(_text("more records follow in the next telegram"), soft_wrap=True)
    for diagnostic in diagnostics:
        if diagnostic.severity == "info" and diagnostic.record is not None:
            continue  # the record's remarks say it
        out.print(_text(str(diagnostic), style=_STYLES[diagnostic.severity]), soft_wrap=True)

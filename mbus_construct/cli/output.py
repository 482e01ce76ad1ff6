"""How decoded telegrams are written: JSON, NDJSON, CSV, libmbus's XML, and the table of `table`."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import typer

from mbus_grammars import MBusError

from ..libmbus.xml import results_to_xml, to_xml
from ..model.json_shapes import SCHEMA_VERSION, RefusalDict
from ..model.json_values import value_type
from ..model.telegram import Telegram
from .inputs import Source

if TYPE_CHECKING:
    from ..model.reading import Reading
    from ..model.record import Record

Result = tuple[Source, Telegram | MBusError]

CSV_COLUMNS: Final = (
    "source",
    "telegram",
    "a_field",
    "identification_number",
    "manufacturer",
    "version",
    "device_type",
    "device_type_name",
    "access_number",
    "status",
    "record",
    "function",
    "storage_number",
    "tariff",
    "subunit",
    "quantity",
    "value",
    "unit",
    "ucum",
    "value_type",
    "qualifiers",
    "kind",
    "state",
    "reason",
    "offset",
)


def refusal(source: Source, error: MBusError) -> RefusalDict:
    """A telegram that could not be decoded, in the place of its JSON."""
    return {
        "schema_version": SCHEMA_VERSION,
        "type": "refusal",
        "source": source.name,
        "error": {
            "code": getattr(error, "code", "error"),
            "message": str(error),
            "offset": getattr(error, "offset", None),
        },
        "octets": source.octets.hex().upper(),
    }


def to_object(result: Result) -> Mapping[str, Any]:
    """The JSON of a telegram, or in its place why there is none."""
    source, telegram = result
    if isinstance(telegram, Telegram):
        return {**telegram.to_dict(), "source": source.name}
    return refusal(source, telegram)


def dumps(value: object, indent: int | None = None) -> str:
    """JSON, with nothing but ASCII where standard output knows no more."""
    unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    return json.dumps(value, ensure_ascii=not unicode, allow_nan=False, indent=indent)


def write_json(results: Sequence[Result]) -> None:
    """One object for one telegram, a list for several."""
    objects = [to_object(result) for result in results]
    typer.echo(dumps(objects[0] if len(objects) == 1 else objects, indent=2))


def write_ndjson(results: Sequence[Result]) -> None:
    """One object a line."""
    for result in results:
        typer.echo(dumps(to_object(result)))


def write_csv(results: Sequence[Result]) -> None:
    """One row a record; a telegram without records, or refused, has one row too."""
    rows = [row for source, result in results for row in csv_rows(source.name, result)]
    _write_rows(rows)


def _write_rows(rows: Iterable[Mapping[str, Any]]) -> None:
    writer: csv.DictWriter[str] = csv.DictWriter(sys.stdout, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def csv_rows(name: str, result: Telegram | Reading | MBusError) -> Iterator[dict[str, Any]]:
    """One row a record; `name` says where it comes from."""
    if isinstance(result, MBusError):
        yield {
            "source": name,
            "state": "error",
            "reason": str(result),
            "offset": getattr(result, "offset", None),
        }
        return
    common: dict[str, Any] = {"source": name}
    if result.meter is not None:
        meter = result.meter
        common |= {
            "identification_number": meter.identification_number,
            "manufacturer": meter.manufacturer,
            "version": meter.version,
            "device_type": meter.device_type,
            "device_type_name": meter.device_type_name,
        }
    if isinstance(result, Telegram):
        common["a_field"] = result.frame.a_field
        common["telegram"] = result.frame.c_name or result.frame.format
        common["access_number"] = result.access_number
    if result.status is not None:
        common["status"] = "; ".join(result.status.flags) or "ok"
    for index, record in enumerate(result.records):
        yield {**common, "record": index, **_csv_record(record)}
    if not result.records:
        said = "; ".join(str(diagnostic) for diagnostic in result.diagnostics)
        yield {**common, "reason": said or "no records"}
    if isinstance(result, Telegram):
        for inner in result.contained:
            yield from csv_rows(f"{name}, in record {inner.record}", inner.telegram)


def _csv_record(record: Record) -> dict[str, Any]:
    return {
        "function": record.function,
        "storage_number": record.storage_number,
        "tariff": record.tariff,
        "subunit": record.subunit,
        "quantity": record.quantity,
        "value": record.bare_value_text,
        "unit": record.unit,
        "ucum": record.ucum,
        "value_type": value_type(record.value),
        "qualifiers": "; ".join(record.qualifiers),
        "kind": record.kind,
        "state": record.state,
        "reason": record.reason,
        "offset": record.offset,
    }


def write_table(results: Sequence[Result]) -> None:
    """Tables for people."""
    from .table import print_telegram  # noqa: PLC0415  rich is slow to import, and for tables alone

    for source, result in results:
        if isinstance(result, Telegram):
            print_telegram(result, source.name if len(results) > 1 else None)


def table_text(result: Result) -> str:
    """The table of one telegram below the name of its source; "" for one that was refused."""
    from .table import telegram_text  # noqa: PLC0415  rich is slow to import, and for tables alone

    source, telegram = result
    return telegram_text(telegram, source.name) if isinstance(telegram, Telegram) else ""


# libmbus's XML, and whether it is the normalised form.
_XML: Final = {"xml": False, "xml-normalised": True}


def _write_xml(results: Sequence[Result], *, normalised: bool) -> None:
    items = [(source.name, source.octets, result) for source, result in results]
    typer.echo(results_to_xml(items, normalised=normalised), nl=False)


def write_reading(reading: Reading, format_: str) -> None:
    """A merged readout."""
    if format_ == "table":
        from .table import print_reading  # noqa: PLC0415  rich is slow to import, and for tables alone

        print_reading(reading)
    elif format_ == "csv":
        _write_rows(csv_rows("readout", reading))
    elif format_ in _XML:
        typer.echo(to_xml(reading, normalised=_XML[format_]), nl=False)
    else:
        typer.echo(dumps(reading.to_dict(), indent=2 if format_ == "json" else None))


def with_contained(telegrams: Iterable[Telegram]) -> Iterator[Telegram]:
    """Telegrams, each with those that stand in its records behind it."""
    for telegram in telegrams:
        yield telegram
        yield from with_contained(inner.telegram for inner in telegram.contained)


def report_left_out(telegrams: Iterable[Telegram], format_: str) -> None:
    """Say on standard error what a format has no place for, where telegrams have it."""
    if format_ in _XML and any(item.frame.is_wireless or item.security for item in with_contained(telegrams)):
        typer.echo(
            "mbus: libmbus's XML has no place for frames by radio, layers, security and remarks about them; "
            "--format json has all of it",
            err=True,
        )


# So many refusals are told one by one; a file that holds something else has thousands.
_TOLD: Final = 20


class Refusals:
    """One line on standard error for each telegram that could not be read, up to a number."""

    def __init__(self) -> None:
        self._count = 0

    def tell(self, source: Source, error: MBusError) -> None:
        """One more."""
        self._count += 1
        if self._count <= _TOLD:
            typer.echo(f"mbus: {source.name}: {error}", err=True)

    def end(self) -> None:
        """Say how many more there were."""
        if self._count > _TOLD:
            typer.echo(f"mbus: and {self._count - _TOLD} more that could not be read", err=True)


def report_refused(faults: Iterable[tuple[Source, MBusError]]) -> None:
    """Say of each telegram that could not be read why."""
    refusals = Refusals()
    for source, error in faults:
        refusals.tell(source, error)
    refusals.end()


WRITERS: Final[dict[str, Callable[[Sequence[Result]], None]]] = {
    "table": write_table,
    "json": write_json,
    "ndjson": write_ndjson,
    "csv": write_csv,
    **{name: partial(_write_xml, normalised=normalised) for name, normalised in _XML.items()},
}

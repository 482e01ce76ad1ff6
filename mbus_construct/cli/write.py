"""`mbus write`: data records into a meter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from mbus_grammars import BuildError
from mbus_grammars.base import is_mapping

from .build import read_json
from .bus import Line, address_of, bus_command
from .changing import AddressArgument, DryRun, Format, TextOrJson, change


@bus_command()
def command(
    line: Line,
    address: AddressArgument,
    records: Annotated[
        str,
        typer.Argument(
            metavar="JSON", help="A record or a list of records as build takes them; a file, or -."
        ),
    ],
    dry_run: DryRun = False,
    format_: Format = TextOrJson.TEXT,
) -> None:
    """Write data records into a meter, and compare them with what it reports.

    Example: mbus write sim: 12 '{"quantity": "volume", "unit": "m³", "value": "20.000"}'
    """
    from ..bus.configure import data_request  # noqa: PLC0415  decode starts faster without

    where = address_of(address, silent=True)
    wanted = records_of(read_json(records))
    request = data_request(where, wanted)
    change(line, where, request, lambda bus: bus.write(where, wanted), dry_run=dry_run, format_=format_)


def records_of(values: list[Any]) -> list[Mapping[str, Any]]:
    """The records in what JSON held: themselves, or the "records" of a telegram. Raises `BuildError`."""
    records: list[Any] = []
    for value in values:
        inner = value.get("records") if is_mapping(value) else None
        records += inner if isinstance(inner, list) else [value]
    for index, record in enumerate(records):
        if not is_mapping(record):
            raise BuildError(f"records[{index}]", record, 'an object such as {"quantity": "volume", ...}')
    if not records:
        raise BuildError("records", records, "at least one")
    return records

"""`mbus write`: data records into a meter."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from mbus_grammars import BuildError
from mbus_grammars.base import is_mapping

from ...errors import LocalProtocolError
from ...model.json_values import parse_json
from ..changing import AddressOrAllArgument, DryRun, Format, TextOrJson, change
from ..line import Line, address_of, bus_command
from .build import read_json


@bus_command(keys=True)
def command(
    line: Line,
    address: AddressOrAllArgument,
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

    Exit code 0: the meter reports what was written; 1: acknowledged, but the meter does not report it, or
    reports something else, or it failed; 2: usage.
    """
    from ...bus.configuration import data_request  # noqa: PLC0415  decode starts faster without

    where = address_of(address, silent=True)
    wanted = records_of(_read(records))
    request = data_request(where, wanted)
    change(line, where, request, lambda bus: bus.write(where, wanted), dry_run=dry_run, format_=format_)


_EXAMPLE: Final = 'an object such as {"quantity": "volume", "unit": "m³", "value": "20.000"}'


def _read(argument: str) -> list[Any]:
    """The objects in an argument; other JSON than objects is no name of a file. Raises `BuildError`."""
    if not argument.strip():
        raise BuildError("JSON", argument, _EXAMPLE)
    try:
        value = parse_json(argument)
    except ValueError:
        return read_json(argument)
    if not isinstance(value, dict | list) and not Path(argument).exists():
        raise BuildError("JSON", argument, _EXAMPLE)
    return read_json(argument)


def records_of(values: list[Any]) -> list[Mapping[str, Any]]:
    """The records in what JSON held: themselves, or the "records" of a telegram. Raises `BuildError`."""
    records: list[Any] = []
    for value in values:
        inner = value.get("records") if is_mapping(value) else None
        records += inner if isinstance(inner, list) else [value]
    for index, record in enumerate(records):
        if not is_mapping(record):
            raise BuildError(f"records[{index}]", record, _EXAMPLE)
        if not record:
            raise BuildError(f"records[{index}]", "{}", _EXAMPLE)
        if record.get("quantity") == "bus address":
            raise LocalProtocolError(
                "the bus address is set with `mbus set-address`, which asks the meter at its new address"
            )
    if not records:
        raise BuildError("records", records, "at least one")
    return records

"""`mbus select`: who answers to a secondary address, or what a meter's readouts contain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mbus_grammars import BuildError

from ...errors import LocalProtocolError
from ...octets.hex_text import to_hex
from ..changing import DryRun, Format, TextOrJson, change
from ..line import ADDRESS_HELP, Line, address_of, bus_command, connected
from ..output import dumps
from ..watching import Watching
from .build import read_json

if TYPE_CHECKING:
    from ...bus.address import Address, SecondaryAddress
    from ...bus.procedure import Procedure
    from ...bus.selection import Probe

_SAID = {
    "one": "one meter answers",
    "many": "several meters answer; `mbus search PORT MASK` tells them apart",
    "unreadable": "somebody acknowledges, but gives no data",
    "empty": "nobody answers",
}


@bus_command(keys=True)
def command(
    line: Line,
    address: Annotated[
        str,
        typer.Argument(
            metavar="ADDRESS", help=f"{ADDRESS_HELP} With wildcards: whether one meter answers, or several."
        ),
    ],
    *,
    quantities: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="QUANTITY=UNIT...",
            help="What readouts shall contain, with its UNIT: volume=m³, energy=kWh, or a record as JSON.",
        ),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Readouts shall contain everything.")] = False,
    dry_run: DryRun = False,
    format_: Format = TextOrJson.TEXT,
) -> None:
    """Select a secondary address and tell who answers; with quantities, select what readouts contain.

    Who answers: mbus select sim: 07935343

    What readouts contain: mbus select sim: 12 volume=m³

    Everything again: mbus select sim: 12 --all

    Exit code 0: one meter answers, or the readout is as wanted; 1: nobody, several, or it is not.
    """
    if all_ and quantities:
        raise typer.BadParameter("give quantities or --all, not both")
    where = address_of(address)
    if all_ or quantities:
        _select_readout(line, where, [_record(text) for text in quantities or ()], dry_run, format_)
    else:
        _who(line, where, dry_run, format_)


def _select_readout(
    line: Line, where: Address, wanted: list[Mapping[str, Any]], dry_run: bool, format_: TextOrJson
) -> None:
    from ...bus.configuration import readout_request  # noqa: PLC0415  decode starts faster without

    try:
        request = readout_request(where, wanted)
    except BuildError as error:
        units = _needs_unit(error, wanted)
        if units is None:
            raise
        raise LocalProtocolError(units) from error
    change(
        line, where, request, lambda bus: bus.select_readout(where, wanted), dry_run=dry_run, format_=format_
    )


def _needs_unit(error: BuildError, wanted: list[Mapping[str, Any]]) -> str | None:
    """What to say where a quantity was given without its unit; None where something else is wrong."""
    for index, record in enumerate(wanted):
        if error.field == f"records[{index}].unit" and record.get("unit") is None:
            return f"{record.get('quantity')} needs its UNIT, as in volume=m³; {error.limit}"
    return None


def _record(text: str) -> Mapping[str, Any]:
    """A quantity as it was typed: "volume=m³", or a record as JSON."""
    if text.lstrip().startswith("{"):
        record: Mapping[str, Any] = read_json(text)[0]
        return record
    quantity, equals, unit = text.partition("=")
    return {"quantity": quantity.strip(), **({"unit": unit.strip()} if equals else {})}


def _who(line: Line, where: Address, dry_run: bool, format_: TextOrJson) -> None:
    from ...bus.address import SecondaryAddress  # noqa: PLC0415  decode starts faster without
    from ...bus.configuration import frames  # noqa: PLC0415
    from ...bus.events import found  # noqa: PLC0415
    from ...bus.readout import select_request  # noqa: PLC0415

    if not isinstance(where, SecondaryAddress):
        raise typer.BadParameter(
            f"{where} is a primary address: give quantities for its readouts too, or a secondary address"
        )
    if dry_run:
        typer.echo(to_hex(frames(where, select_request(where))[0]))
        return
    with connected(line) as client:
        probe: Probe = Watching("select", bar=False).run(
            client, client.session.prepared(_probe(where, line.baudrate, line.retries + 1))
        )
    meter = found(probe.octets, line.baudrate, where) if probe.octets else None
    if format_ == TextOrJson.JSON:
        answer = {"type": "selection", "address": str(where), "answers": probe.answers}
        typer.echo(dumps({**answer, "meter": None if meter is None else meter.to_dict()}, indent=2))
    else:
        typer.echo(f"{where}: {_SAID[probe.answers]}" + (f": {meter}" if meter is not None else ""))
    raise typer.Exit(0 if probe.answers == "one" else 1)


def _probe(mask: SecondaryAddress, baudrate: int, attempts: int) -> Procedure[Probe]:
    from ...bus.selection import Prober  # noqa: PLC0415  decode starts faster without

    return (yield from Prober(baudrate).probe(mask, attempts=attempts))

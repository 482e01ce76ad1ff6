"""`mbus alarm`: the alarm of a meter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .. import output
from ..changing import AddressArgument  # noqa: TC001  get_type_hints looks it up here
from ..inputs import Source
from ..line import Line, address_of, bus_command, connected
from ..watching import Watching
from .read import Format

if TYPE_CHECKING:
    from ...model.telegram import Telegram


@bus_command(keys=True)
def command(
    line: Line,
    address: AddressArgument,
    format_: Annotated[Format, typer.Option("--format", "-f", help="What to write.")] = Format.TABLE,
) -> None:
    """Ask a meter for its alarm (REQ_UD1).

    Example: mbus alarm sim: 5

    JSON is one object with the address and the alarm, null for none.
    Exit code 0: none, or here it is; 1: the meter does not answer; 2: usage.
    """
    where = address_of(address)
    with connected(line) as client:
        telegram: Telegram | None = Watching("alarm", bar=False).run(client, client.session.alarm(where))
    if format_ in (Format.JSON, Format.NDJSON):
        alarm = None if telegram is None else telegram.to_dict()
        answer = {"type": "alarm", "address": address, "alarm": alarm}
        typer.echo(output.dumps(answer, indent=2 if format_ == Format.JSON else None))
    elif telegram is not None:
        output.WRITERS[format_]([(Source(address), telegram)])
    elif format_ == Format.TABLE:
        typer.echo(f"{address}: no alarm")
    else:
        output.WRITERS[format_]([])

"""`mbus ping`: whether meters answer."""

from __future__ import annotations

from typing import Annotated

import typer

from ..line import ADDRESS_HELP, Line, address_of, bus_command, connected
from ..output import dumps
from ..sinks import BusFormat, Sink
from ..watching import Watching

Result = tuple[str, bool]


@bus_command(spare="addresses")
def command(
    line: Line,
    addresses: Annotated[
        list[str] | None,
        typer.Argument(metavar="ADDRESS...", help=ADDRESS_HELP),
    ] = None,
    format_: Annotated[BusFormat, typer.Option("--format", "-f", help="What to write.")] = BusFormat.TEXT,
) -> None:
    """Ask whether meters answer: SND_NKE, or a selection.

    Example: mbus ping sim: 5 12345678

    Exit code 0: all answer; 1: not all do; 2: usage.
    """
    if not addresses:
        raise typer.BadParameter("Missing argument 'ADDRESS...'")
    wanted = {text: address_of(text) for text in addresses}
    sink = Sink[Result](
        format_,
        to_dict=lambda result: {"type": "ping", "address": result[0], "answers": result[1]},
        rows=lambda result: [{"address": result[0], "answers": dumps(result[1])}],
        columns=("address", "answers"),
        text=lambda result: f"{result[0]}: {'answers' if result[1] else 'no answer'}",
        alone=len(wanted) == 1,
    )
    watching = Watching("ping", bar=False)
    silent = 0
    with connected(line) as client:
        for text, address in wanted.items():
            answers: bool = watching.run(client, client.session.ping(address))
            silent += not answers
            sink.write((text, answers))
    sink.end()
    raise typer.Exit(1 if silent else 0)

"""What the commands that change a meter share: the dry run, and the change that the meter confirms."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from ..hextext import to_hex
from .bus import Line, connected
from .output import dumps
from .watching import Watching

if TYPE_CHECKING:
    from ..bus.address import Address
    from ..bus.configure import Change
    from ..bus.session import Session
    from ..bus.steps import Procedure, Request


class TextOrJson(StrEnum):
    """How what was done is written."""

    TEXT = "text"
    JSON = "json"


DryRun = Annotated[
    bool, typer.Option("--dry-run", "-n", help="Print the frames in hex; no port is opened, nothing is sent.")
]
Format = Annotated[TextOrJson, typer.Option("--format", "-f", help="What to write.")]
AddressArgument = Annotated[
    str,
    typer.Argument(
        metavar="ADDRESS", help="0 to 250, 254 for the only meter there is, or a secondary address."
    ),
]


def change(
    line: Line,
    address: Address,
    request: Request,
    make: Callable[[Session], Procedure[Change]],
    *,
    dry_run: bool,
    format_: TextOrJson,
) -> None:
    """Make a change and print what the meter confirms, or print its frames only; ends the command."""
    from ..bus.configure import frames  # noqa: PLC0415  decode starts faster without

    if dry_run:
        octets = frames(address, request)
        if format_ == TextOrJson.JSON:
            typer.echo(dumps({"type": "frames", "frames": [item.hex().upper() for item in octets]}, indent=2))
        else:
            typer.echo("\n".join(to_hex(item) for item in octets))
        return
    watching = Watching("change", bar=False)
    with connected(line) as client:
        made: Change = watching.run(client, make(client.session))
    if format_ == TextOrJson.JSON:
        typer.echo(dumps(made.to_dict(), indent=2))
    else:
        typer.echo(str(made))
    raise typer.Exit(1 if watching.attention else 0)

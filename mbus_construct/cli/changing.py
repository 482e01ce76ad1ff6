"""What the commands that change a meter share: the dry run, and the change that the meter confirms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from ..octets.hex_text import to_hex
from .line import ADDRESS_HELP, ADDRESS_OR_ALL_HELP, Line, connected
from .output import dumps
from .watching import Watching

if TYPE_CHECKING:
    from ..bus.address import Address
    from ..bus.configuration import Change
    from ..bus.procedure import Procedure, Request
    from ..bus.session import Session


class TextOrJson(StrEnum):
    """How what was done is written."""

    TEXT = "text"
    JSON = "json"


DryRun = Annotated[
    bool, typer.Option("--dry-run", "-n", help="Print the frames in hex; no port is opened, nothing is sent.")
]
Format = Annotated[TextOrJson, typer.Option("--format", "-f", help="What to write.")]
AddressArgument = Annotated[str, typer.Argument(metavar="ADDRESS", help=ADDRESS_HELP)]
AddressOrAllArgument = Annotated[str, typer.Argument(metavar="ADDRESS", help=ADDRESS_OR_ALL_HELP)]


def change(
    line: Line,
    address: Address,
    request: Request,
    make: Callable[[Session], Procedure[Change]],
    *,
    dry_run: bool,
    format_: TextOrJson,
    check: str = "",
) -> None:
    """Make a change and print what the meter confirms, or print its frames only; ends the command.

    `check` is the command that shows whether the meter was changed, where it is not `mbus read`.
    """
    from ..bus.address import BROADCAST  # noqa: PLC0415  decode starts faster without
    from ..bus.configuration import frames  # noqa: PLC0415

    if dry_run:
        octets = frames(address, request)
        if format_ == TextOrJson.JSON:
            typer.echo(dumps({"type": "frames", "frames": [item.hex().upper() for item in octets]}, indent=2))
        else:
            typer.echo("\n".join(to_hex(item) for item in octets))
        return
    watching = Watching("change", bar=False)
    try:
        with connected(line) as client:
            made: Change = watching.run(client, make(client.session))
    except KeyboardInterrupt:
        how = check or f"mbus read {line.port} {address}"
        raise KeyboardInterrupt(
            f"interrupted: the meter may have been changed or not; `{how}` shows"
        ) from None
    if made.address == BROADCAST:
        made = replace(made, said="sent to all meters, of which none answers")
    if format_ == TextOrJson.JSON:
        typer.echo(dumps(made.to_dict(), indent=2))
    else:
        typer.echo(str(replace(made, confirmed=True) if made.address == BROADCAST else made))
    unconfirmed = not made.confirmed and made.address != BROADCAST
    raise typer.Exit(1 if watching.attention or unconfirmed else 0)

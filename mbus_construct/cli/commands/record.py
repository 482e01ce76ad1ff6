"""`mbus record`: a transcript of what goes over a bus while this end is silent."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..line import Line, WholeLines, bus_command, connected, say

if TYPE_CHECKING:
    from ...client.client import Client

_STEP = 1.0  # seconds
_VIRTUAL = 3600.0  # seconds after which nothing more comes on a bus whose time is virtual


@bus_command(spare="", without=("timeout", "retries", "wake_up", "record"))
def command(
    line: Line,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The transcript; standard output without."),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0, metavar="N", help="How long; until Ctrl-C without.")
    ] = None,
) -> None:
    """Listen to a bus without sending anything, and write a transcript.

    Example: mbus record COM3 -o bus.txt

    What another master asks is in it too. `mbus replay` shows it; replay:FILE is a port for every command.
    """
    shown = WholeLines(err=False) if output is None else None
    # Ctrl-C is the way in which it ends.
    with suppress(KeyboardInterrupt), connected(replace(line, record=output), shown=shown) as client:
        _listen(client, math.inf if seconds is None else seconds, virtual=line.is_virtual)
    if seconds is None and line.port.lower().startswith("sim:"):
        say("nobody talks on a simulated bus unless it is asked: an hour of its time passed at once")
    if output is not None:
        say(f"recorded into {output}; `mbus replay {output}` shows it")


def _listen(client: Client, seconds: float, *, virtual: bool) -> None:
    from ...bus.procedure import listen  # noqa: PLC0415  decode starts faster without

    if virtual:
        client.run(listen(min(seconds, _VIRTUAL)))
        return
    end = client.port.now() + seconds
    while (left := end - client.port.now()) > 0:
        client.run(listen(min(left, _STEP)))

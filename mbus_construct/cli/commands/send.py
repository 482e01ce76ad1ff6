"""`mbus send`: one frame as it is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mbus_grammars import BuildError

from ...decoding.decode import decode
from ...encoding.encode import encode
from ...errors import LocalProtocolError
from ...octets.hex_text import parse_hex, to_hex
from .. import output
from ..inputs import STDIN, Source
from ..line import Line, bus_command, connected, say
from ..watching import Watching
from .build import read_json
from .read import Format

if TYPE_CHECKING:
    from ...bus.procedure import Outcome
    from ...security.keys import Keys


@bus_command(without=("retries",), keys=True)
def command(
    line: Line,
    frame: Annotated[
        str,
        typer.Argument(
            metavar="HEX|JSON", help="A frame in hex, or a telegram as build takes it; a file, or -."
        ),
    ],
    format_: Annotated[Format, typer.Option("--format", "-f", help="What to write.")] = Format.TABLE,
) -> None:
    """Send one frame, once, and decode what comes back.

    Example: mbus send sim: "10 5B 05 60 16"

    Octets that are no frame are sent too, with a warning.
    Exit code 0: a frame came back; 1: nothing did, or octets that are none; 2: usage.
    """
    octets = _octets(frame, line.keys)
    if not _is_whole(octets):
        say(f"warning: {to_hex(octets)} is no valid frame; it is sent as it is")
    with connected(line) as client:
        outcome: Outcome = Watching("send", bar=False).run(client, client.session.send(octets))
    if format_ == Format.TABLE:
        typer.echo(f"sent: {to_hex(octets)}")
    if outcome.kind in ("silence", "sent"):
        say("nothing came back")
        raise typer.Exit(1)
    if format_ == Format.TABLE:
        typer.echo(f"came: {to_hex(outcome.octets)}")
    if outcome.kind == "garbled":
        say(f"{len(outcome.octets)} octets came that are no frame: {to_hex(outcome.octets)}")
        raise typer.Exit(1)
    frames = outcome.foreign if outcome.kind == "foreign" else (outcome.octets,)
    output.WRITERS[format_](
        [(Source("answer", item), decode(item, link="frame", keys=line.keys)) for item in frames]
    )


def _octets(argument: str, keys: Keys) -> bytes:
    """The octets that the argument holds or names."""
    text = argument
    if argument == STDIN:
        text = sys.stdin.read()
    elif not argument.lstrip().startswith(("{", "[")) and _is_file(argument):
        text = Path(argument).read_text(encoding="utf-8-sig")
    if not text.lstrip().startswith(("{", "[")):
        return parse_hex(text)
    telegrams = read_json(text)
    if len(telegrams) != 1:
        raise BuildError("JSON", f"{len(telegrams)} telegrams", "one")
    try:
        return encode(telegrams[0], keys=keys)
    except BuildError as error:
        if error.field != "keys":
            raise
        needed = error.limit.partition(", as ")[0]
        raise LocalProtocolError(f"encrypting it needs {needed}: give it with --key or --keys") from None


def _is_whole(octets: bytes) -> bool:
    from ...bus.receiver import receive  # noqa: PLC0415  decode starts faster without

    return all(piece.frame is not None for piece in receive(octets, final=True).pieces)


def _is_file(argument: str) -> bool:
    try:
        return Path(argument).is_file()
    except OSError:  # a frame is no file name: too long
        return False

"""`mbus doctor`: what is wrong with a bus, and what to do."""

from __future__ import annotations

from dataclasses import replace

import typer

from ...errors import TransportError
from ..changing import Format, TextOrJson
from ..line import Line, bus_command, opened
from ..output import dumps
from ..watching import Watching

_CONNECTION = "check the plug, the gateway's power and network, and that no other program uses the port"


@bus_command(spare="")
def command(line: Line, format_: Format = TextOrJson.TEXT) -> None:
    """Tell in words what is wrong with a bus that is silent or noisy, and what to do.

    Try sim: as PORT.

    It listens, asks all meters at once at the given baud rate, at the others where nobody answers, and asks
    one meter several times. Over tcp:// no other rates are tried: a raw TCP gateway's rate cannot be changed
    from here. A bus that is silent takes half a minute. Exit code 0: healthy; 1: not.
    """
    from ...bus.diagnosis import Diagnosis, diagnose  # noqa: PLC0415  decode starts faster without
    from ...bus.events import Finding  # noqa: PLC0415
    from ...ports import sets_baudrate  # noqa: PLC0415

    watching = Watching("doctor", bar=not line.debug)
    try:
        with opened(line) as client, watching:
            diagnosis: Diagnosis = watching.run(
                client, diagnose(client.session, sets_baudrate=sets_baudrate(line.port))
            )
        broken = [replace(item, code="connection", advice=_CONNECTION) for item in watching.findings]
        diagnosis = replace(diagnosis, findings=(*broken[:1], *diagnosis.findings))
    except TransportError as error:
        diagnosis = Diagnosis((Finding("error", "port", str(error)),))
    if format_ == TextOrJson.JSON:
        typer.echo(dumps({**diagnosis.to_dict(), "port": line.port}, indent=2))
    else:
        for sentence in diagnosis.sentences():
            typer.echo(sentence)
        typer.echo("healthy" if diagnosis.healthy else "not healthy")
    raise typer.Exit(0 if diagnosis.healthy else 1)

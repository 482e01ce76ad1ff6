"""`mbus scan`: who answers at the primary addresses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from ...errors import LocalProtocolError
from ..found_meters import Hunt, hunt
from ..line import Line, bus_command
from ..sinks import BusFormat

Thorough = Annotated[
    bool | None,
    typer.Option(
        "--thorough/--no-thorough",
        help="Ask again what was silent: always, never; by default where the bus has shown itself unsound.",
    ),
]
State = Annotated[
    Path | None,
    typer.Option(
        "--state", metavar="FILE", help="Kept up to date; the same command goes on from it after Ctrl-C."
    ),
]
Format = Annotated[BusFormat, typer.Option("--format", "-f", help="What to write.")]


@bus_command(spare="", several_baudrates=True, without=("retries",))
def command(
    line: Line,
    addresses: Annotated[
        str | None, typer.Option(metavar="LIST", help="Which ones, such as 1-250,7; all by default.")
    ] = None,
    format_: Format = BusFormat.TEXT,
    state: State = None,
    thorough: Thorough = None,
) -> None:
    """Scan the primary addresses 0 to 250: one line a meter.

    Try sim: as PORT.

    Exit code 0: meters found; 1: none, or findings that need attention; 2: usage.
    """
    hunt(scanning(None if addresses is None else addresses_of(addresses), thorough), line, format_, state)


def addresses_of(text: str) -> list[int]:
    """The addresses in a list such as "1-250,7", each once. Raises `LocalProtocolError`."""
    from ...bus.address import LAST_PRIMARY  # noqa: PLC0415  decode starts faster without

    addresses: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d{1,3})\s*(?:-\s*(\d{1,3})\s*)?", part)
        if found is None:
            raise LocalProtocolError(f"{part!r} is no address and no range of a scan: write 1-250,7")
        first, last = int(found[1]), int(found[2] or found[1])
        if not first <= last <= LAST_PRIMARY:
            raise LocalProtocolError(
                f"{part.strip()!r}: a scan asks the addresses 0 to {LAST_PRIMARY}, upwards"
            )
        addresses += range(first, last + 1)
    return list(dict.fromkeys(addresses))


def scanning(addresses: list[int] | None, thorough: bool | None) -> Hunt:
    """The scan as something that finds meters."""
    from ...bus.primary_scan import ScanState, pending  # noqa: PLC0415  decode starts faster without

    def new() -> Any:
        return ScanState() if addresses is None else pending(addresses)

    return Hunt(
        "scan",
        {"addresses": addresses},
        new,
        ScanState.from_dict,
        lambda session, state: session.scan(state=state, thorough=thorough),
    )

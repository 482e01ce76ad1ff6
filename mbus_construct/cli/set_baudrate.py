"""`mbus set-baudrate`: another speed of one meter."""

from __future__ import annotations

from typing import Annotated

import typer

from .bus import Line, address_of, bus_command
from .changing import AddressArgument, DryRun, Format, TextOrJson, change


@bus_command()
def command(
    line: Line,
    address: AddressArgument,
    new: Annotated[int, typer.Argument(metavar="BAUD", help="300 to 38400.")],
    dry_run: DryRun = False,
    format_: Format = TextOrJson.TEXT,
) -> None:
    """Switch a meter to another baud rate; it is asked there, and looked for at the old one if silent.

    Example: mbus set-baudrate sim: 12 9600. The line's rate now is that of -b.
    """
    from ..bus.configure import baudrate_request  # noqa: PLC0415  decode starts faster without

    where = address_of(address, silent=True)
    request = baudrate_request(where, new)
    change(line, where, request, lambda bus: bus.set_baudrate(where, new), dry_run=dry_run, format_=format_)

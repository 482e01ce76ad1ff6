"""`mbus set-baudrate`: another speed of one meter."""

from __future__ import annotations

from typing import Annotated

import typer

from ...errors import LocalProtocolError
from ..changing import AddressOrAllArgument, DryRun, Format, TextOrJson, change
from ..line import Line, address_of, baudrate_of, bus_command


@bus_command()
def command(
    line: Line,
    address: AddressOrAllArgument,
    new: Annotated[int, typer.Argument(metavar="BAUD", parser=baudrate_of, help="300 to 38400.")],
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Switch the meter although this end cannot follow it (tcp://).")
    ] = False,
    dry_run: DryRun = False,
    format_: Format = TextOrJson.TEXT,
) -> None:
    """Switch a meter to another baud rate; it is asked there, and looked for at the old one if silent.

    Example: mbus set-baudrate sim: 12 9600. The line's rate now is that of -b. Over tcp:// the gateway's rate
    cannot be changed from here, so that the meter could not be reached afterwards: refused without --force.

    Exit code 0: confirmed by the meter; 1: not, or it failed; 2: usage.
    """
    from ...bus.configuration import baudrate_request  # noqa: PLC0415  decode starts faster without
    from ...ports import sets_baudrate  # noqa: PLC0415

    where = address_of(address, silent=True)
    request = baudrate_request(where, new)
    if not (dry_run or force or sets_baudrate(line.port)):
        raise LocalProtocolError(
            f"{line.port}: the gateway's rate cannot be changed from here, and the meter could not be "
            "reached afterwards; use rfc2217:// or --force"
        )
    change(
        line,
        where,
        request,
        lambda bus: bus.set_baudrate(where, new),
        dry_run=dry_run,
        format_=format_,
        check=f"mbus ping {line.port} {where} -b {new}",
    )

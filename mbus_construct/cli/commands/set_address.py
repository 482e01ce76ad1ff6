"""`mbus set-address`: another primary address."""

from __future__ import annotations

from typing import Annotated

import typer

from ..changing import AddressArgument, DryRun, Format, TextOrJson, change
from ..line import Line, address_of, bus_command


@bus_command()
def command(
    line: Line,
    address: AddressArgument,
    new: Annotated[int, typer.Argument(metavar="NEW", help="0 to 250.")],
    dry_run: DryRun = False,
    format_: Format = TextOrJson.TEXT,
) -> None:
    """Give a meter another primary address, unless somebody answers there already.

    Example: mbus set-address sim: 12 40. The meter is asked at its new address before this says so

    Exit code 0: confirmed by the meter; 1: not, or it failed; 2: usage.
    """
    from ...bus.configuration import address_request  # noqa: PLC0415  decode starts faster without

    where = address_of(address)
    request = address_request(where, new)
    change(
        line,
        where,
        request,
        lambda bus: bus.set_address(where, new),
        dry_run=dry_run,
        format_=format_,
        check=f"mbus ping {line.port} {where} {new}",
    )

"""`mbus set-identification`: another identification number or secondary address."""

from __future__ import annotations

from typing import Annotated

import typer

from .bus import Line, address_of, bus_command
from .changing import AddressArgument, DryRun, Format, TextOrJson, change


@bus_command()
def command(
    line: Line,
    address: AddressArgument,
    new: Annotated[
        str, typer.Argument(metavar="NEW", help="Eight digits, or the sixteen of a secondary address.")
    ],
    dry_run: DryRun = False,
    format_: Format = TextOrJson.TEXT,
) -> None:
    """Give a meter another identification number, or another secondary address.

    Example: mbus set-identification sim: 12 12345679. The meter is selected by it before this says so.
    """
    from ..bus.configure import identification, identification_request  # noqa: PLC0415  decode is faster

    where = address_of(address)
    number = identification(new)
    request = identification_request(where, number)
    change(
        line,
        where,
        request,
        lambda bus: bus.set_identification(where, number),
        dry_run=dry_run,
        format_=format_,
    )

"""`mbus set-identification`: another identification number or secondary address."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from ...errors import LocalProtocolError
from ..changing import AddressArgument, DryRun, Format, TextOrJson, change
from ..line import Line, address_of, bus_command


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

    Example: mbus set-identification sim: 12 12345679. The meter is selected by it before this says so

    Exit code 0: confirmed by the meter; 1: not, or it failed; 2: usage.
    """
    from ...bus.configuration import identification, identification_request  # noqa: PLC0415  decode is faster

    where = address_of(address)
    if not re.fullmatch(r"[0-9A-Fa-f]{8}([0-9A-Fa-f]{8})?", new):
        raise LocalProtocolError(
            f"{new!r}: a new identification number has eight digits, a secondary address sixteen"
        )
    number = identification(new)
    request = identification_request(where, number)
    change(
        line,
        where,
        request,
        lambda bus: bus.set_identification(where, number),
        dry_run=dry_run,
        format_=format_,
        check=f"mbus ping {line.port} {number}",
    )

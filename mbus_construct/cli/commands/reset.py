"""`mbus reset`: the application reset, with or without sub-code."""

from __future__ import annotations

from typing import Annotated

import typer

from ..changing import AddressOrAllArgument, DryRun, Format, TextOrJson, change
from ..line import Line, address_of, bus_command


@bus_command(keys=True)
def command(
    line: Line,
    address: AddressOrAllArgument,
    *,
    application: Annotated[
        str | None,
        typer.Argument(
            metavar="APPLICATION",
            help='What is read from now on: "all", "user data" ..., or the sub-code: 10h, 16.',
        ),
    ] = None,
    block: Annotated[
        int,
        typer.Option(min=0, max=15, metavar="N", help="Of the application: low half of the sub-code."),
    ] = 0,
    dry_run: DryRun = False,
    format_: Format = TextOrJson.TEXT,
) -> None:
    """Reset the application layer of a meter, or select what it sends.

    Example: mbus reset sim: 12 "user data"

    Exit code 0: acknowledged, and the meter answers; 1: it failed; 2: usage.
    """
    from ...bus.configuration import reset_request  # noqa: PLC0415  decode starts faster without

    where = address_of(address, silent=True)
    code = _sub_code(application)
    request = reset_request(where, code, block)
    change(line, where, request, lambda bus: bus.reset(where, code, block), dry_run=dry_run, format_=format_)


def _sub_code(text: str | None) -> str | int | None:
    """A sub-code as a number, where it is written as one."""
    if text is None:
        return None
    digits = text.lower()
    hexadecimal = f"0x{digits[:-1]}" if digits.endswith("h") else digits
    try:
        return int(hexadecimal, 0)
    except ValueError:
        return text

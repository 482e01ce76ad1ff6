"""`mbus set-clock`: date and time of a meter."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from ...errors import LocalProtocolError
from ..changing import AddressOrAllArgument, DryRun, Format, TextOrJson, change
from ..line import Line, address_of, bus_command


@bus_command(keys=True)
def command(
    line: Line,
    address: AddressOrAllArgument,
    *,
    time: Annotated[
        str | None,
        typer.Option(
            metavar="ISO", help="As 2026-01-31T12:00, as it shall stand there; this computer's by default."
        ),
    ] = None,
    seconds: Annotated[
        bool, typer.Option("--seconds", help="Write the seconds too (type I), which not all meters know.")
    ] = False,
    dry_run: DryRun = False,
    format_: Format = TextOrJson.TEXT,
) -> None:
    """Set date and time of a meter, and compare them with what it reports.

    Example: mbus set-clock sim: 12

    Exit code 0: confirmed by the meter; 1: acknowledged, but the meter does not report its clock, or it
    failed; 2: usage.
    """
    from ...bus.configuration import clock_request  # noqa: PLC0415  decode starts faster without

    where = address_of(address, silent=True)
    moment = _moment(time)
    request = clock_request(where, moment, seconds=seconds)
    change(
        line,
        where,
        request,
        lambda bus: bus.set_clock(where, moment, seconds=seconds),
        dry_run=dry_run,
        format_=format_,
    )


def _moment(text: str | None) -> datetime:
    if text is None:
        return datetime.now().replace(microsecond=0)
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise LocalProtocolError(f"{text!r} is no date and time: write 2026-01-31T12:00") from error

"""`mbus decode`: telegrams as a table, JSON or CSV."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer

from mbus_grammars import MBusError

from ..decode import decode
from ..reading import merge as merge_telegrams
from ..telegram import Telegram
from . import output
from .inputs import Source, sources


class Format(StrEnum):
    """How decoded telegrams are written."""

    TABLE = "table"
    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"
    XML = "xml"
    XML_NORMALISED = "xml-normalised"


class Link(StrEnum):
    """Where the octets start."""

    AUTO = "auto"
    FRAME = "frame"
    C_FIELD = "c_field"
    CI_FIELD = "ci_field"
    HEADER = "header"
    RECORDS = "records"


def command(
    telegrams: Annotated[
        list[str] | None,
        typer.Argument(help="Hex with any or no separators, files (binary or hex lines), -."),
    ] = None,
    format_: Annotated[Format, typer.Option("--format", "-f", help="What to write.")] = Format.TABLE,
    link: Annotated[Link, typer.Option(help="Where the octets start.")] = Link.AUTO,
    merge: Annotated[
        bool, typer.Option("--merge", help="The telegrams are one readout: merge them.")
    ] = False,
) -> None:
    """Decode telegrams. Exit code 0: clean; 1: decoded with errors; 2: nothing could be decoded."""
    results = [(source, _decoded(source, link)) for source in sources(telegrams or ())]
    good = [result for _, result in results if isinstance(result, Telegram)]
    if merge and good:
        output.write_reading(merge_telegrams(good), format_)
    else:
        output.WRITERS[format_](results)
    output.report_refused([(source, result) for source, result in results if isinstance(result, MBusError)])
    raise typer.Exit(_exit_code(results, good))


def _decoded(source: Source, link: str) -> Telegram | MBusError:
    if source.fault is not None:
        return source.fault
    try:
        return decode(source.octets, link=link)
    except MBusError as error:
        return error


def _exit_code(results: Sequence[output.Result], good: Sequence[Telegram]) -> int:
    if not good:
        return 2
    clean = len(good) == len(results) and all(telegram.worst in (None, "info") for telegram in good)
    return 0 if clean else 1

"""`mbus decode`: telegrams as a table, JSON or CSV."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mbus_grammars import MBusError

from ..reading import merge as merge_telegrams
from ..receiver import Receiver
from ..receiver.formats import Formats
from ..security.aes import MissingExtra, required
from ..security.keys import Keys
from ..telegram import Telegram
from . import output
from .inputs import Source, sources
from .keys import KeyOption, KeysOption, keys_of
from .plugins import PluginOption, load


class Format(StrEnum):
    """How decoded telegrams are written."""

    TABLE = "table"
    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"
    XML = "xml"
    XML_NORMALISED = "xml-normalised"


class Link(StrEnum):
    """What the octets are, or where they start."""

    AUTO = "auto"
    FRAME = "frame"
    WIRELESS = "wireless"
    C_FIELD = "c_field"
    CI_FIELD = "ci_field"
    HEADER = "header"
    RECORDS = "records"


def command(
    *,
    telegrams: Annotated[
        list[str] | None,
        typer.Argument(help="Hex with any or no separators, files (binary, hex lines, captures), -."),
    ] = None,
    format_: Annotated[Format, typer.Option("--format", "-f", help="What to write.")] = Format.TABLE,
    link: Annotated[Link, typer.Option(help="What the octets are, or where they start.")] = Link.AUTO,
    merge: Annotated[
        bool, typer.Option("--merge", help="The telegrams are one readout: merge them.")
    ] = False,
    key: KeyOption = None,
    keys: KeysOption = None,
    formats: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.json",
            help="Formats of compact frames: read from the file where there is one, and written to it with "
            "those that were learned.",
        ),
    ] = None,
    plugin: PluginOption = None,
) -> None:
    """Decode telegrams. Exit code 0: clean; 1: decoded with errors; 2: nothing could be decoded.

    Example: mbus decode capture.txt --keys keys.toml

    What a telegram teaches counts for those behind it: formats of compact frames, fragments of messages,
    message counters. A compact frame whose format comes behind it is decoded in a second pass.
    """
    given = keys_of(key, keys)
    load(plugin)
    missing = _missing_extra() if given else None
    known = Formats.load(formats) if formats is not None and formats.exists() else Formats()
    results = decode_all(list(sources(telegrams or ())), link, Keys() if missing else given, known)
    good = [result for _, result in results if isinstance(result, Telegram)]
    if formats is not None and len(known):
        known.save(formats)
    if merge and good:
        output.write_reading(merge_telegrams(good), format_)
    else:
        output.WRITERS[format_](results)
    output.report_left_out(good, format_)
    if missing is not None and any(telegram.encrypted for telegram in output.with_contained(good)):
        typer.echo(f"mbus: {missing}", err=True)
    output.report_refused([(source, result) for source, result in results if isinstance(result, MBusError)])
    raise typer.Exit(_exit_code(results, good))


def _missing_extra() -> MissingExtra | None:
    """What has to be installed before keys are of any use."""
    try:
        required()
    except MissingExtra as error:
        return error
    return None


def decode_all(found: Sequence[Source], link: str, keys: Keys, formats: Formats) -> list[output.Result]:
    """The telegrams, or why there are none, in the order of their sources.

    Compact frames that came before their formats are taken from a second pass. It is one over all telegrams,
    for fragments need each other, and message counters their order.
    """
    results = _one_pass(found, link, Receiver(keys, formats))
    if len(formats) and any(_lacks_format(result) for _, result in results):
        again = _one_pass(found, link, Receiver(keys, formats))
        pairs = zip(results, again, strict=True)
        results = [second if _lacks_format(first[1]) else first for first, second in pairs]
    return results


def _one_pass(found: Sequence[Source], link: str, receiver: Receiver) -> list[output.Result]:
    return [(source, _decoded(source, link, receiver)) for source in found]


def _decoded(source: Source, link: str, receiver: Receiver) -> Telegram | MBusError:
    if source.fault is not None:
        return source.fault
    try:
        return receiver.decode(source.octets, link=link)
    except MBusError as error:
        return error


def _lacks_format(result: Telegram | MBusError) -> bool:
    return isinstance(result, Telegram) and any(
        remark.code == "unknown_signature" for remark in result.diagnostics
    )


def _exit_code(results: Sequence[output.Result], good: Sequence[Telegram]) -> int:
    if not good:
        return 2
    every = output.with_contained(good)
    clean = len(good) == len(results) and all(telegram.worst in (None, "info") for telegram in every)
    return 0 if clean else 1

"""`mbus decode`: telegrams as a table, JSON or CSV."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from mbus_grammars import MBusError

from ...model.reading import merge as merge_telegrams
from ...model.telegram import Telegram
from ...receiving import Receiver
from ...receiving.formats import Formats
from ...security.aes import MissingExtra, required
from ...security.keys import Keys
from .. import output
from ..inputs import Source, piped, sources
from ..keys import KeyOption, KeysOption, keys_of
from ..plugins import PluginOption, load
from ..sinks import Sink


class Format(StrEnum):
    """How decoded telegrams are written."""

    TABLE = "table"
    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"
    XML = "xml"
    XML_NORMALISED = "xml-normalised"


# What needs nothing of the telegrams behind a telegram.
_ONE_BY_ONE: Final = (Format.TABLE, Format.NDJSON, Format.CSV)


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

    From a pipe, as in "rtl_wmbus | mbus decode -f ndjson", each line is written as it comes: as table, ndjson
    and csv, without --merge. There is no second pass then: a compact frame before its format has a remark.
    """
    given = keys_of(key, keys)
    load(plugin)
    missing = _missing_extra() if given else None
    usable = Keys() if missing else given
    known = Formats.load(formats) if formats is not None and formats.exists() else Formats()
    tally = _Tally(missing)
    pipe = piped(telegrams or ()) if format_ in _ONE_BY_ONE and not merge else None
    try:
        if pipe is not None:
            _stream(pipe, format_, link, Receiver(usable, known), tally)
        else:
            results = decode_all(list(sources(telegrams or ())), link, usable, known)
            _write([tally.explained(result) for result in results], format_, merge=merge)
            for result in results:
                tally.add(result)
    finally:
        if formats is not None and len(known):
            known.save(formats)
        tally.end()
    raise typer.Exit(tally.exit_code)


def _missing_extra() -> MissingExtra | None:
    """What has to be installed before keys are of any use."""
    try:
        required()
    except MissingExtra as error:
        return error
    return None


def _write(results: Sequence[output.Result], format_: Format, *, merge: bool) -> None:
    good = [result for _, result in results if isinstance(result, Telegram)]
    if merge and good:
        output.write_reading(merge_telegrams(good), format_)
    else:
        output.WRITERS[format_](results)
    output.report_left_out(good, format_)


def _stream(found: Iterable[Source], format_: Format, link: str, receiver: Receiver, tally: _Tally) -> None:
    """Write each telegram as soon as it is there."""
    sink = Sink[output.Result](
        format_,
        to_dict=output.to_object,
        rows=lambda result: output.csv_rows(result[0].name, result[1]),
        columns=output.CSV_COLUMNS,
        text=output.table_text,
    )
    for source in found:
        result = tally.explained((source, _decoded(source, link, receiver)))
        if format_ is not Format.TABLE or isinstance(result[1], Telegram):
            sink.write(result)
        tally.add(result)
    sink.end()


class _Tally:
    """What was decoded, without keeping it; says on standard error what was not, and what is missing.

    Args:
        missing: why the keys that were given are of no use.
    """

    def __init__(self, missing: MissingExtra | None) -> None:
        self._missing = missing
        self._refusals = output.Refusals()
        self._good = 0
        self._clean = True
        self._lacking = False

    def explained(self, result: output.Result) -> output.Result:
        """The result, with what is missing in the place of the key that was given."""
        source, telegram = result
        if self._missing is None or not isinstance(telegram, Telegram):
            return result
        return source, _without_extra(telegram, self._missing)

    def add(self, result: output.Result) -> None:
        """One more that was written."""
        source, telegram = result
        if isinstance(telegram, Telegram):
            every = list(output.with_contained((telegram,)))
            self._good += 1
            self._clean &= all(item.worst in (None, "info") for item in every)
            if self._missing is not None and not self._lacking and any(item.encrypted for item in every):
                self._lacking = True
                typer.echo(f"mbus: {self._missing}", err=True)
        else:
            self._clean = False
            self._refusals.tell(source, telegram)

    def end(self) -> None:
        """There are no more."""
        self._refusals.end()

    @property
    def exit_code(self) -> int:
        """0: clean; 1: decoded with errors; 2: nothing could be decoded."""
        return 2 if not self._good else 0 if self._clean else 1


def _without_extra(telegram: Telegram, missing: MissingExtra) -> Telegram:
    """The telegram with remarks that ask for the package where they asked for a key."""
    remarks = tuple(
        replace(item, message=f"{item.message.partition(': ')[0]}: {missing}")
        if item.code == "encrypted" and "--key" in item.message
        else item
        for item in telegram.diagnostics
    )
    inner = (replace(item, telegram=_without_extra(item.telegram, missing)) for item in telegram.contained)
    return replace(telegram, diagnostics=remarks, contained=tuple(inner))


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

"""`mbus convert`: archives of telegrams as tables: Parquet, Arrow, CSV, NDJSON."""

from __future__ import annotations

import csv
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

import typer

from ..keys import KeyOption, KeysOption, keys_of
from .decode import Link

if TYPE_CHECKING:
    from ...tables.files.conversion import Outcome, Settings

_STDOUT: Final = "-"

# Remarks on telegrams that a key is wanted for, and what is said of so many.
_CLOSED: Final = {
    "encrypted": "stayed encrypted: give keys with --key, --keys or --key-column",
    "wrong_key": "stayed encrypted with a key that is wrong",
    "wrong_mac": "with a MAC that is missing or does not fit: a wrong key, or octets that were changed",
}
_TOLD: Final = 5  # rejected telegrams, and files, that are told one by one


class To(StrEnum):
    """What is written."""

    PARQUET = "parquet"
    ARROW = "arrow"
    ARROWS = "arrows"
    CSV = "csv"
    NDJSON = "ndjson"


class TableShape(StrEnum):
    """Which tables."""

    LONG = "long"
    WIDE = "wide"
    STAR = "star"


class Compression(StrEnum):
    """How files are packed."""

    ZSTD = "zstd"
    NONE = "none"
    SNAPPY = "snappy"
    GZIP = "gzip"
    BROTLI = "brotli"
    LZ4 = "lz4"


def command(
    *,
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help="Files (hex lines, captures, frames, CSV, NDJSON, JSON, Parquet, Arrow; gzip, zstd), "
            "directories, -.",
        ),
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="PATH",
            help="A file (.parquet, .arrow, .arrows, .csv, .ndjson), a directory (out/), - for text.",
        ),
    ],
    to: Annotated[To | None, typer.Option(help="What to write; else the suffix says it.")] = None,
    shape: Annotated[
        TableShape,
        typer.Option(help="long: a row a record; star: facts and layouts; wide: a table a layout."),
    ] = TableShape.LONG,
    column: Annotated[
        str | None, typer.Option(metavar="NAME", help="The column, or the key, with the telegrams.")
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME,...",
            help="Other columns of the inputs, for the output. A name with a comma in quotes: '\"a,b\"'.",
        ),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME,...", help="The columns wanted, in this order; the others are not decoded."
        ),
    ] = None,
    value: Annotated[bool, typer.Option("--value", help="Also the number as a float.")] = False,
    decimals: Annotated[
        bool, typer.Option("--decimals", help="Also the number as a decimal(38, 12).")
    ] = False,
    link: Annotated[Link, typer.Option(help="What the octets are, or where they start.")] = Link.AUTO,
    key: KeyOption = None,
    keys: KeysOption = None,
    key_column: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The column with the key of each telegram; it is not written."),
    ] = None,
    workers: Annotated[int, typer.Option("--workers", "-j", min=1, max=256, help="Processes.")] = 1,
    compression: Annotated[
        Compression | None, typer.Option(help="Of the output; Parquet and Arrow: zstd unless said.")
    ] = None,
    restart: Annotated[
        bool,
        typer.Option("--restart", "--overwrite", help="Replace what is there, and convert everything anew."),
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary.")] = False,
) -> None:
    """Convert archives of telegrams to tables, one row a record.

    Example: mbus convert drops/*.csv --column mbus-raw -o readings.parquet

    Rows come grouped by layout: order by source, telegram, record for the order of the inputs.

    With a directory as output, the same command goes on where an interrupted one stopped.

    Each telegram is read by itself: formats of compact frames are not learned, fragments not joined, message
    counters not checked. mbus decode does that.

    Exit code 0: clean; 1: telegrams were rejected or stayed encrypted, or files could not be read; 2: usage,
    or nothing to read.
    """
    try:
        from ...tables.files import conversion, outputs, rows, work  # noqa: PLC0415  needs an extra
    except ImportError as error:
        if "pip install" not in str(error):
            raise
        raise ValueError(str(error)) from error

    shape_ = work.Shape(shape)
    path, to_directory, format_, packed = _target(output, to, shape_, compression, outputs)
    given = keys_of(key, keys)
    kept = tuple(dict.fromkeys(_names(keep)))
    chosen = _names(columns) if columns else None
    if chosen == ():
        raise typer.BadParameter("--columns names no column: leave it out for all of them")
    settings = conversion.Settings(
        tuple(inputs),
        rows.Wanted(column, kept, key_column),
        work.Decoding(
            link,
            shape_,
            chosen,
            kept,
            value,
            decimals,
            portable=format_.portable,
            keys=given,
            key_column=key_column,
        ),
        path,
        to_directory,
        format_,
        packed,
        workers,
        restart,
    )
    raise typer.Exit(_run(settings, quiet=quiet))


def _names(texts: list[str] | None) -> tuple[str, ...]:
    """Names between commas, each text as a line of CSV; what is given several times adds up."""
    rows = (row for text in texts or [] for row in csv.reader([text], skipinitialspace=True))
    return tuple(name.strip() for row in rows for name in row if name.strip())


def _target(
    output: str, to: To | None, shape: str, compression: Compression | None, outputs: Any
) -> tuple[Path | None, bool, Any, str]:
    """Where to, whether that is a directory, as what, and packed how."""
    path = None if output == _STDOUT else Path(output)
    suffixes = [suffix.lower() for suffix in Path(output).suffixes]
    packed = outputs.PACKED.get(suffixes.pop()) if suffixes and suffixes[-1] in outputs.PACKED else None
    named = outputs.SUFFIXES.get(suffixes[-1]) if suffixes else None
    to_directory = path is not None and (output.endswith(("/", "\\")) or path.is_dir())
    several = shape != TableShape.LONG
    if several and (path is None or named is not None) and not to_directory:
        raise typer.BadParameter(f"the shape {shape} has several tables: give a directory, -o out/")
    to_directory = to_directory or several
    if packed and not to_directory and named is not None and not outputs.Format(to or named).is_text:
        plain = output[: output.rindex(".")]
        raise typer.BadParameter(f"{output}: such files are packed within: -o {plain} --compression {packed}")
    if to_directory:
        format_ = outputs.Format(to or To.PARQUET)
    elif to is None and named is None:
        what = "standard output has no suffix" if path is None else f"{output} has no suffix that is known"
        if suffixes and suffixes[-1] == ".json":
            what += " (JSON, one object a line, is .ndjson)"
        raise typer.BadParameter(
            f"{what}: say --to parquet, arrow, csv or ndjson, or give a directory, -o out/"
        )
    else:
        format_ = outputs.Format(to or named)
    if path is None and not format_.is_text:
        raise typer.BadParameter("to standard output goes --to csv or --to ndjson")
    possible = outputs.COMPRESSIONS[format_]
    chosen = compression.value if compression is not None else packed or possible[0]
    if chosen not in possible:
        raise typer.BadParameter(f"{format_} is packed with one of {', '.join(possible)}, not {chosen}")
    return path, to_directory, format_, chosen


def _run(settings: Settings, *, quiet: bool) -> int:
    from ...tables.files.conversion import convert  # noqa: PLC0415  needs an extra

    began = time.monotonic()
    notes = _progress(quiet)
    try:
        with notes as progress:
            outcome = convert(settings, progress)
    except KeyboardInterrupt:
        _say(_interrupted(settings, notes.telegrams))
        return 130
    if outcome.nothing_to_do:
        done = f"everything is done already ({_count(outcome.telegrams, 'telegram')})"
        _say(f"{settings.output}: {done}; --restart converts anew")
    _tell(outcome)
    if not quiet and not outcome.nothing_to_do:
        _say(_summary(outcome, time.monotonic() - began))
    closed = any(outcome.noted[code] for code in _CLOSED)
    return 1 if outcome.rejected or outcome.failures or closed else 0


def _interrupted(settings: Settings, telegrams: int) -> str:
    if settings.output is None:
        return f"interrupted: {_count(telegrams, 'telegram')} converted"
    if settings.to_directory:
        from ...tables.files.manifest import Manifest  # noqa: PLC0415  needs an extra

        # Not what was shown: a piece may be on the disk that nobody was told of yet.
        telegrams = sum(report.telegrams for report in Manifest(settings.output).done.values())
        return f"interrupted: {_count(telegrams, 'telegram')} converted; the same command goes on"
    return "interrupted: nothing was written"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _say(text: str) -> None:
    typer.echo(f"mbus: {text}", err=True)


def _tell(outcome: Outcome) -> None:
    """What was not read, the first of it one by one."""
    for other in outcome.others[:_TOLD]:
        _say(f"skipped {other}")
    if len(outcome.others) > _TOLD:
        _say(f"and {_count(len(outcome.others) - _TOLD, 'more file')} skipped")
    for failure in outcome.failures[:_TOLD]:
        _say(failure)
    if len(outcome.failures) > _TOLD:
        _say(f"and {_count(len(outcome.failures) - _TOLD, 'more file')} that could not be read")
    for remark in outcome.remarks:
        _say(remark)
    for code, said in _CLOSED.items():
        if outcome.noted[code]:
            _say(f"{_count(outcome.noted[code], 'telegram')} {said}")
    for example in outcome.examples[:_TOLD]:
        _say(f"{example.source}, {outcome.place(example)}: {example.error}")
    if outcome.rejected > _TOLD:
        more = _count(outcome.rejected - _TOLD, "more telegram")
        _say(f"and {more} rejected; each has a row with its error")


def _summary(outcome: Outcome, seconds: float) -> str:
    fresh = outcome.telegrams - outcome.resumed
    rate = fresh / seconds if seconds > 0 else 0
    earlier = f", {outcome.resumed:,} of them before" if outcome.resumed else ""
    which = ", ".join(f"{number:,} {code}" for code, number in outcome.noted.most_common())
    noted = f"{_count(outcome.noted.total(), 'remark')} ({which}), " if which else ""
    return (
        f"{_count(outcome.telegrams, 'telegram')}{earlier}, {_count(outcome.rows, 'row')}, "
        f"{outcome.rejected:,} rejected, {noted}{seconds:.1f} s, {rate:,.0f} telegrams/s"
    )


class _Notes:
    """No terminal: only what one should know is said.

    Attributes:
        telegrams: how many are done.
    """

    telegrams = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def begin(self, octets: int) -> None:
        """Nothing to show."""

    def progress(self, outcome: Outcome, consumed: int) -> None:  # noqa: ARG002  what a bar shows
        """Nothing to show."""
        self.telegrams = outcome.telegrams

    def note(self, text: str) -> None:
        """Say it."""
        _say(text)


class _Bar(_Notes):
    """A bar on the terminal, with telegrams, rate and the time that is left."""

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415  comes with typer, and takes its time
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

        self._bar = Progress(
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[telegrams]:,} telegrams, {task.fields[rate]:,.0f}/s"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task: Any = None
        self._began = 0.0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def begin(self, octets: int) -> None:
        """Show the bar; without an end where it is not known."""
        self._began = time.monotonic()
        self._task = self._bar.add_task("", total=octets or None, telegrams=0, rate=0)

    def progress(self, outcome: Outcome, consumed: int) -> None:
        """Move on."""
        super().progress(outcome, consumed)
        seconds = time.monotonic() - self._began
        rate = (outcome.telegrams - outcome.resumed) / seconds if seconds else 0
        self._bar.update(self._task, completed=consumed, telegrams=outcome.telegrams, rate=rate)

    def note(self, text: str) -> None:
        """Say it above the bar."""
        self._bar.console.print(f"mbus: {text}", markup=False, highlight=False)


def _progress(quiet: bool) -> _Notes:
    return _Bar() if sys.stderr.isatty() and not quiet else _Notes()

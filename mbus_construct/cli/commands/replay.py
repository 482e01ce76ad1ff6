"""`mbus replay`: what a transcript says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mbus_grammars import MBusError

from ...decoding.decode import decode
from ...octets.hex_text import to_hex
from .. import output
from ..inputs import Source
from ..keys import KeyOption, KeysOption  # noqa: TC001  get_type_hints looks them up here
from ..line import usable_keys
from .read import Format

if TYPE_CHECKING:
    from ...bus.receiver import Piece
    from ...ports.descriptions import FrameDescriber
    from ...ports.transcript import Entry
    from ...security.keys import Keys


def command(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A transcript of `mbus record` or `--record`.")
    ],
    decode_: Annotated[
        bool, typer.Option("--decode", help="Show the telegrams of the meters in it, decoded.")
    ] = False,
    format_: Annotated[
        Format | None,
        typer.Option("--format", "-f", help="How decoded telegrams are written; implies --decode."),
    ] = None,
    key: KeyOption = None,
    keys: KeysOption = None,
) -> None:
    """Show a transcript with times and what each frame means, or the telegrams in it.

    The URL replay:FILE is a port for every command: mbus read replay:bus.txt 5.
    Exit code 0: shown; 1: it has no telegram to decode, or one that cannot be; 2: it is no transcript.
    """
    from ...ports.descriptions import FrameDescriber  # noqa: PLC0415
    from ...ports.transcript import read_transcript  # noqa: PLC0415  decode starts faster without

    entries = read_transcript(file)
    if not decode_ and format_ is None:
        if key is not None or keys is not None:
            raise typer.BadParameter("--key and --keys go with --decode or --format")
        listening = FrameDescriber()
        for entry in entries:
            typer.echo(_line(entry, listening))
        return
    given = usable_keys(key, keys)
    results = [_decoded(source, given) for source in _telegrams(file, entries)]
    output.WRITERS[format_ or Format.TABLE](results)
    refused = [(source, result) for source, result in results if isinstance(result, MBusError)]
    output.report_refused(refused)
    if not results:
        typer.echo(f"mbus: {file}: no telegram of a meter is in it", err=True)
    raise typer.Exit(1 if refused or not results else 0)


def _line(entry: Entry, listening: FrameDescriber) -> str:
    start = f"{entry.time:10.3f} {entry.kind}"
    if entry.octets:
        words = listening.sent(entry.octets) if entry.kind == "M>S" else listening.heard(entry.octets)
        return f"{start} {to_hex(entry.octets)} ; {words}"
    if entry.text:
        return f"{start} {entry.text}"
    return start if entry.kind == "close" else f"{start} {entry.number:g}"


def _telegrams(file: Path, entries: Sequence[Entry]) -> Iterator[Source]:
    """The frames of meters, each with the line where it begins; one may come in several lines."""
    for run in _runs(entries):
        heard = b"".join(entry.octets for entry in run)
        offset = 0
        for piece in _pieces(heard):
            entry = _at(run, offset)
            offset += len(piece.octets)
            if piece.from_meter:
                yield Source(f"{file}, line {entry.line}, {entry.time:.3f} s", piece.octets)


def _pieces(octets: bytes) -> Sequence[Piece]:
    from ...bus.receiver import receive  # noqa: PLC0415  decode starts faster without

    return receive(octets, final=True).pieces


def _runs(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """What was heard without anything being sent in between."""
    run: list[Entry] = []
    for entry in entries:
        if entry.kind == "S>M":
            run.append(entry)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _at(run: Sequence[Entry], offset: int) -> Entry:
    """The line in which an octet stands."""
    for entry in run:
        if offset < len(entry.octets):
            return entry
        offset -= len(entry.octets)
    return run[-1]


def _decoded(source: Source, keys: Keys) -> output.Result:
    try:
        return source, decode(source.octets, link="frame", keys=keys)
    except MBusError as error:
        return source, error

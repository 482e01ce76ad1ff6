"""A conversion from its inputs to its output: pieces decoded here or by workers, written, remembered."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Protocol

from ..._version import __version__
from ...security.aes import required
from ..shapes import schema_of
from .inputs import Found, Kind, find
from .manifest import Manifest
from .outputs import PARTIAL, Format, TableWriter, partials, remove, suffix_of, whole_file
from .pieces import Piece, Pieces, place
from .pool import Pool
from .pyarrow_import import ipc, pa
from .streams import STDIN
from .work import LAYOUTS, Decoded, Decoding, Job, Rejected, Report, Shape, decode

if TYPE_CHECKING:
    from .rows import Wanted

_EXAMPLES: Final = 10
_OPTIONS: Final = tuple(item.name for item in fields(Decoding) if item.name != "keys")
_SLICE: Final = 1 << 16  # rows of layouts that are looked at together


@dataclass(frozen=True)
class Settings:
    """What is converted, how, and to where.

    Attributes:
        arguments: files, directories, "-".
        wanted: the columns that are read.
        output: a file, a directory, or None for standard output.
        to_directory: one file a piece; several tables need it.
        workers: processes; 1 is this one alone.
        restart: what an earlier run has written there is replaced.
    """

    arguments: tuple[str, ...]
    wanted: Wanted
    decoding: Decoding
    output: Path | None
    to_directory: bool
    format_: Format
    compression: str
    workers: int = 1
    restart: bool = False

    @property
    def options(self) -> dict[str, Any]:
        """What makes another output of the same inputs, but for the keys."""
        decoding = {name: getattr(self.decoding, name) for name in _OPTIONS}
        for name in ("columns", "keep"):  # as JSON has them
            decoding[name] = None if decoding[name] is None else [*decoding[name]]
        return {
            "version": __version__,
            "column": self.wanted.column,
            **decoding,
            "to": str(self.format_),
            "compression": self.compression,
        }


class Listener(Protocol):
    """Who is told how far it is."""

    def begin(self, octets: int) -> None:
        """It begins; so many octets are to be read, 0 where that is not known."""

    def progress(self, outcome: Outcome, consumed: int) -> None:
        """A piece is done; so many octets were read."""

    def note(self, text: str) -> None:
        """Something that one should know."""


@dataclass
class Outcome:
    """What became of it.

    Attributes:
        resumed: how many of the telegrams an earlier run had converted.
        nothing_to_do: an earlier run had done everything.
        failures: files that could not be read, or not to their end.
        noted: rows with a remark as their error that are of no rejected telegram, by the remark's code.
        kinds: what the inputs hold, by their names.
        others: what lies in directories and is no input.
        remarks: what was left out of kept columns.
    """

    telegrams: int = 0
    rows: int = 0
    rejected: int = 0
    noted: Counter[str] = field(default_factory=Counter[str])
    resumed: int = 0
    nothing_to_do: bool = False
    examples: list[Rejected] = field(default_factory=list[Rejected])
    failures: list[str] = field(default_factory=list[str])
    others: list[str] = field(default_factory=list[str])
    remarks: list[str] = field(default_factory=list[str])
    kinds: dict[str, Kind] = field(default_factory=dict[str, Kind])

    def add(self, report: Report) -> None:
        """One more piece."""
        self.telegrams += report.telegrams
        self.rows += report.rows
        self.rejected += report.rejected
        self.noted.update(report.noted)
        self.examples = sorted([*self.examples, *report.examples])[:_EXAMPLES]

    def place(self, rejected: Rejected) -> str:
        """Where it stands in its source: a line, a row, an offset."""
        return place(self.kinds[rejected.source], rejected.line)


class NothingReadable(ValueError):
    """None of the inputs can be read."""


def convert(settings: Settings, listener: Listener) -> Outcome:
    """Convert.

    Raises `ValueError` for what cannot be done, `OSError` where the output cannot be written, and
    `MissingExtra` for keys without the extra "crypto".
    """
    settings.decoding.check()
    if settings.decoding.keys or settings.decoding.key_column is not None:
        required()
    _keep_inputs(settings)
    found = find(settings.arguments, settings.wanted, settings.output)
    if not found.inputs:
        reasons = [*found.failures, *found.others]
        raise NothingReadable(reasons[0] if len(reasons) == 1 else _nothing(settings, reasons))
    outcome = Outcome(failures=[*found.failures], others=found.others)
    outcome.kinds = {item.name: item.kind for item in found.inputs}
    pieces = Pieces(found.inputs, settings.wanted, flat=settings.format_.is_text)
    sizes = [item.size for item in found.inputs]
    begin = partial(listener.begin, sum(sizes) if all(sizes) else 0)
    if settings.to_directory and settings.output is not None:
        manifest = _manifest(settings, settings.output, found, listener)
        if manifest.finish is not None:
            return _as_before(manifest, outcome)
        manifest.begin(settings.options, settings.decoding.keys, found.inputs)
        begin()
        _to_directory(settings, manifest, pieces, outcome, listener)
    else:
        begin()
        _to_file(settings, pieces, outcome, listener)
    outcome.remarks = [*pieces.remarks, *([f"and {pieces.more:,} more such cells"] if pieces.more else [])]
    if not outcome.telegrams:
        raise NothingReadable(outcome.failures[0] if outcome.failures else "no telegram in the inputs")
    return outcome


def _keep_inputs(settings: Settings) -> None:
    """Raise `ValueError` where the output would replace what is read, by whatever names they go."""
    output = settings.output
    if output is None or not output.exists():
        return
    place = output.resolve()
    for argument in settings.arguments:
        path = Path(argument)
        if argument == STDIN or not path.exists():
            continue
        if path.samefile(output) or (settings.to_directory and place in path.resolve().parents):
            raise ValueError(f"{output} is, or holds, the input {argument}: give another output")
        if path.is_dir() and not settings.to_directory and (same := _same_in(path, output)) is not None:
            raise ValueError(f"{output} is the input {same} too: give another output")


def _same_in(directory: Path, output: Path) -> Path | None:
    """A file in a directory that is the output under another name."""
    place = output.resolve()
    files = (path for path in directory.rglob("*") if path.is_file() and path.resolve() != place)
    return next((path for path in files if path.samefile(output)), None)


def _nothing(settings: Settings, reasons: list[str]) -> str:
    shown = "; ".join(reasons[:3]) + (f"; and {len(reasons) - 3} more" if len(reasons) > 3 else "")
    return f"nothing to read in {' '.join(settings.arguments)}" + (f": {shown}" if shown else "")


# --- One file --------------------------------------------------------------------------------------


def _to_file(settings: Settings, pieces: Pieces, outcome: Outcome, listener: Listener) -> None:
    """Everything into one file, or to standard output, in the order of the inputs."""
    output = settings.output
    if output is None:
        _into(sys.stdout.buffer, settings, pieces, outcome, listener)
        sys.stdout.buffer.flush()
        return
    if output.exists() and not settings.restart:
        raise ValueError(f"{output} is there already: --restart replaces it")
    left = [*partials(output.parent, output.name)]
    if left:
        listener.note(
            f"an earlier run was interrupted; one file cannot be gone on with: {output} begins anew"
        )
        for begun in left:
            remove(begun)
    with whole_file(output) as file:
        _into(file, settings, pieces, outcome, listener)
        if not outcome.telegrams:  # no empty file instead of what may be there
            raise NothingReadable(outcome.failures[0] if outcome.failures else "no telegram in the inputs")


def _into(sink: IO[bytes], settings: Settings, pieces: Pieces, outcome: Outcome, listener: Listener) -> None:
    with closing(_Appender(sink, settings)) as out:
        if settings.workers == 1:
            for piece in pieces:
                decoded = decode(piece.batch, settings.decoding)
                out.append(decoded.tables[""])
                outcome.add(_report(piece, decoded))
                listener.progress(outcome, piece.consumed)
        else:
            _spooled(out, settings, pieces, outcome, listener)
    outcome.failures += map(str, pieces.failures)


def _spooled(
    out: _Appender, settings: Settings, pieces: Pieces, outcome: Outcome, listener: Listener
) -> None:
    """Workers decode, here is written: their parts lie in a directory until it is their turn."""
    output = settings.output
    place: dict[str, Any] = {"prefix": "mbus-"}
    if output is not None:  # named so that the next run finds it when this one is killed
        place = {"dir": output.parent, "prefix": f".{output.name}.", "suffix": PARTIAL}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True, **place) as folder:
        job = Job(settings.decoding, Path(folder), settings.format_, settings.compression, spool=True)
        consumed: dict[int, int] = {}
        waiting: dict[int, Report] = {}
        turn = 0
        with Pool(settings.workers, job, listener.note) as pool:
            for report in pool.run(_watched(iter(pieces), consumed)):
                waiting[report.index] = report
                while turn in waiting:
                    ready = waiting.pop(turn)
                    out.append_file(Path(folder) / ready.files[0])
                    outcome.add(ready)
                    listener.progress(outcome, consumed.pop(turn))
                    turn += 1


class _Appender:
    """One file to which pieces are added."""

    def __init__(self, sink: IO[bytes], settings: Settings) -> None:
        self._sink = sink
        self._settings = settings
        self._writer: TableWriter | None = None

    def append(self, batch: Any) -> None:
        if self._writer is None:
            form = (self._settings.format_, self._settings.compression)
            self._writer = TableWriter(self._sink, batch.schema, *form)
        self._writer.write(batch)

    def append_file(self, path: Path) -> None:
        """What a worker has left in a file, which is removed."""
        if self._settings.format_.is_text:
            with path.open("rb") as part:
                shutil.copyfileobj(part, self._sink, 1 << 20)
        else:
            with pa.memory_map(str(path)) as part, ipc.open_stream(part) as batches:
                for batch in batches:
                    self.append(batch)
        path.unlink()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


def _report(piece: Piece, decoded: Decoded) -> Report:
    count = piece.batch.num_rows
    return Report(piece.index, count, decoded.rows, decoded.rejected, decoded.examples, noted=decoded.noted)


def _watched(pieces: Iterator[Piece], consumed: dict[int, int]) -> Iterator[Piece]:
    """The pieces; how much of the inputs was read at each."""
    for piece in pieces:
        consumed[piece.index] = piece.consumed
        yield piece


# --- A directory -----------------------------------------------------------------------------------


def _as_before(manifest: Manifest, outcome: Outcome) -> Outcome:
    """What the earlier run said, which has done everything."""
    shutil.rmtree(manifest.directory / LAYOUTS, ignore_errors=True)
    for report in manifest.done.values():
        outcome.add(report)
    outcome.failures[:] = manifest.finish.failures if manifest.finish is not None else ()
    outcome.resumed, outcome.nothing_to_do = outcome.telegrams, True
    return outcome


def _to_directory(
    settings: Settings, manifest: Manifest, pieces: Pieces, outcome: Outcome, listener: Listener
) -> None:
    """One file a piece, written by whoever decodes it; what is done stays done."""
    output = manifest.directory
    job = Job(settings.decoding, output, settings.format_, settings.compression)
    consumed: dict[int, int] = {}

    def left() -> Iterator[Piece]:
        for piece in _watched(iter(pieces), consumed):
            earlier = manifest.done.get(piece.index)
            if earlier is None:
                yield piece
            else:
                outcome.add(earlier)
                outcome.resumed += earlier.telegrams
                listener.progress(outcome, piece.consumed)

    try:
        for report in _reports(job, left(), settings.workers, listener):
            manifest.add(report)
            outcome.add(report)
            listener.progress(outcome, consumed[report.index])
    except BaseException:
        manifest.remove_partials()  # of workers that were ended
        raise
    outcome.failures += map(str, pieces.failures)
    if outcome.telegrams:
        manifest.end(outcome.failures, _layouts(settings, output))
        shutil.rmtree(output / LAYOUTS, ignore_errors=True)
    else:
        manifest.clear()


def _reports(job: Job, pieces: Iterator[Piece], workers: int, listener: Listener) -> Iterator[Report]:
    if workers == 1:
        yield from (job.run(piece.index, piece.batch) for piece in pieces)
    else:
        with Pool(workers, job, listener.note) as pool:
            yield from pool.run(pieces)


def _manifest(settings: Settings, output: Path, found: Found, listener: Listener) -> Manifest:
    """The manifest of the directory: a new one, or that of an earlier run of the same command."""
    output.mkdir(parents=True, exist_ok=True)
    manifest = Manifest(output)
    if manifest.exists and settings.restart:
        manifest.clear()
    if manifest.exists:
        changed = manifest.differs(settings.options, settings.decoding.keys, found.inputs)
        if changed:
            raise ValueError(
                f"{output} holds an earlier conversion, and {changed}: "
                "give another directory, or --restart to convert everything anew"
            )
        if manifest.done and manifest.finish is None:
            count = sum(report.telegrams for report in manifest.done.values())
            listener.note(f"going on behind {count:,} telegram{'s' * (count != 1)} of an earlier run")
    elif any(output.iterdir()):
        raise ValueError(f"{output} holds other files: give an empty directory, or one that is not there")
    return manifest


def _layouts(settings: Settings, output: Path) -> list[str]:
    """The layouts of a star as one table without duplicates."""
    if settings.decoding.shape is not Shape.STAR:
        return []
    known: set[str] = set()
    schema = schema_of(shape="layouts", portable=settings.format_.portable)
    plain = schema_of(shape="layouts", portable=True)
    name = f"layouts{suffix_of(settings.format_, settings.compression)}"
    parts = sorted((output / LAYOUTS).glob("part-*.arrow"))
    with whole_file(output / name) as file:
        writer = TableWriter(file, schema, settings.format_, settings.compression)
        for part in parts:  # none of which has duplicates
            names: set[str] = set()
            for rows in _slices(part):
                layouts = rows.column("layout").to_pylist()
                fresh = rows.cast(plain).filter(pa.array([layout not in known for layout in layouts]))
                if fresh.num_rows:
                    writer.write(fresh.cast(schema))
                names.update(layouts)
            known |= names
        writer.close()
    return [name]


def _slices(part: Path) -> Iterator[Any]:
    """The rows of an Arrow file, some at a time."""
    with pa.memory_map(str(part)) as source, ipc.open_file(source) as batches:
        for index in range(batches.num_record_batches):
            batch = batches.get_batch(index)
            yield from (batch.slice(start, _SLICE) for start in range(0, batch.num_rows, _SLICE))

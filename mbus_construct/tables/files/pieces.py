"""Rows of all inputs, put together to pieces of one size: what is decoded, written and remembered at once.

A piece is a record batch with the columns

    telegram    binary or string
    source      string, the input's name
    line        int64: the line, the row, or in a binary file the octet, from 1
    _number     int64, of the telegram within its source, from 0
    _fault, _code   string, where a row could not even be read
    and the columns to keep, and that of keys.

The same inputs give the same pieces: that is what a restart relies on.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from ...octets.framing import Found, Frames
from ...octets.recognise import wired_length
from . import csv_rows, hex_lines, json_rows, tables
from .inputs import Input, Kind
from .pyarrow_import import pa, pc
from .rows import Fault, Rows, Wanted, fault_of
from .streams import Position, blocks, lines, octets_of, seekable, utf_8

# Telegrams and octets of a piece: enough for NumPy, and little beside the memory that a worker has.
TELEGRAMS: Final = 1 << 16
OCTETS: Final = 16 << 20

_TOLD: Final = 5  # cells that are told one by one

# The names of the piece's own columns, which no kept column may have.
OWN: Final = ("telegram", "source", "line", "_number", "_fault", "_code")


@dataclass(frozen=True)
class Piece:
    """Telegrams that are decoded at once.

    Attributes:
        index: from 0, of all pieces of all inputs.
        batch: see the module.
        consumed: octets of the inputs that were read up to its end.
    """

    index: int
    batch: Any
    consumed: int

    @property
    def where(self) -> str:
        """Where its first telegram stands."""
        return f"{self.batch.column('source')[0].as_py()}, line {self.batch.column('line')[0].as_py()}"


class Failure(NamedTuple):
    """An input that could not be read, or not to its end."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


class Pieces:
    """The pieces of inputs, in order.

    Attributes:
        failures: inputs that could not be read; known once the pieces are through.
        remarks: what was left out of kept columns, the first of it; `more` counts the others.

    Args:
        flat: whether kept columns have to be of values that stand in a cell of text.
    """

    def __init__(self, inputs: Sequence[Input], wanted: Wanted, *, flat: bool = False) -> None:
        clash = [name for name in wanted.keep if name in OWN]
        if clash:
            raise ValueError(
                f"the output has a column {clash[0]!r} of its own: rename the input's to keep it"
            )
        if wanted.key in OWN:
            raise ValueError(f"a column of keys cannot be called {wanted.key!r}: rename it")
        self._inputs = inputs
        self._wanted = wanted
        self._flat = flat
        self._types: dict[str, Any] = {}  # of the kept columns: those of the first input that has rows
        self._consumed = 0
        self._index = 0
        self._parts: list[Any] = []
        self.failures: list[Failure] = []
        self.remarks: list[str] = []
        self.more = 0

    def __iter__(self) -> Iterator[Piece]:
        for source in self._inputs:
            position = Position()
            number, last = 0, None
            try:
                with _rows_of(source, self._wanted, position) as batches:
                    for rows in batches:
                        if len(rows):
                            yield from self._add(self._batch(source.name, number, rows), position())
                            self._remark(source.name, rows.lost)
                            number += len(rows)
                            last = rows.lines[-1].as_py()
            except _UNREADABLE as error:
                self.failures.append(Failure(source.name, _reason(error) + _so_far(source.kind, last)))
            else:
                if not number:
                    self.failures.append(Failure(source.name, "no telegram in it"))
            self._consumed += source.size
        yield from self._pieces(0, everything=True)

    def _remark(self, name: str, lost: Sequence[tuple[int, str]]) -> None:
        """Cells that are left empty."""
        told = lost[: max(0, _TOLD - len(self.remarks))]
        self.remarks += [f"{name}, line {line}: {column!r} is no UTF-8, left empty" for line, column in told]
        self.more += len(lost) - len(told)

    def _batch(self, name: str, number: int, rows: Rows) -> Any:
        """Rows with their columns."""
        count = len(rows)
        faults = [rows.faults.get(index) for index in range(count)] if rows.faults else None
        telegrams = rows.telegrams
        if faults is not None:  # what is broken must not be decoded
            broken = pa.array([fault is not None for fault in faults])
            telegrams = pc.if_else(broken, pa.scalar(None, telegrams.type), telegrams)
        columns = {
            "telegram": telegrams,
            "source": pa.DictionaryArray.from_arrays(np.zeros(count, np.int32), pa.array([name])),
            "line": rows.lines,
            "_number": pa.array(np.arange(number, number + count)),
            "_fault": _strings(faults, count, lambda fault: fault.reason),
            "_code": _strings(faults, count, lambda fault: fault.code),
        }
        for column, values in rows.keep.items():
            if self._flat and pa.types.is_nested(values.type) and column != self._wanted.key:
                raise ValueError(
                    f"column {column!r} holds {values.type}, which has no place in CSV and NDJSON: "
                    "do not keep it, or write Parquet or Arrow"
                )
            columns[column] = self._of_one_type(column, values)
        return pa.record_batch(columns)

    def _of_one_type(self, column: str, values: Any) -> Any:
        """A column with the type that it had in the inputs before."""
        wanted = self._types.setdefault(column, values.type)
        if values.type == wanted:
            return values
        try:
            return values.cast(wanted)
        except pa.ArrowInvalid:  # which shows values, and these may be keys
            what = f"column {column!r} holds {values.type}, in the inputs before it {wanted}"
        raise ValueError(what)

    def _add(self, batch: Any, position: int) -> Iterator[Piece]:
        if self._parts and self._parts[0].schema != batch.schema:  # octets behind hex
            yield from self._pieces(position, everything=True)
        self._parts.append(batch)
        yield from self._pieces(position)

    def _pieces(self, position: int, *, everything: bool = False) -> Iterator[Piece]:
        """The pieces that are full."""
        rows = sum(part.num_rows for part in self._parts)
        octets = sum(part.column(0).nbytes for part in self._parts)
        if not self._parts or not (everything or rows >= TELEGRAMS or octets >= OCTETS):
            return
        whole = self._parts[0] if len(self._parts) == 1 else pa.concat_batches(self._parts)
        self._parts = []
        step = min(TELEGRAMS, max(1, rows * OCTETS // max(octets, OCTETS)))
        for start in range(0, rows, step):
            part = whole.slice(start, step)
            if not everything and part.num_rows < step:
                self._parts = [part]
                return
            yield Piece(self._index, part, self._consumed + position)
            self._index += 1


_UNREADABLE: Final = (OSError, ValueError, EOFError, pa.ArrowException)


def _reason(error: BaseException) -> str:
    """One sentence without what the library adds for programmers."""
    text = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    if text.startswith(("Truncated compressed stream", "Expected to be able to read")):
        text = "ends in mid-stream"
    return " ".join(text.split("\n")[0].split())[:300]


def _so_far(kind: Kind, last: int | None) -> str:
    """How far a file was read before it could not be read on."""
    return f" after {place(kind, last)}; the rest is missing" if last is not None else ""


def place(kind: Kind, line: int) -> str:
    """What the `line` of a row is called in a file of a kind."""
    if kind is Kind.BINARY:
        return f"offset {line - 1}"
    return f"line {line}" if kind in (Kind.LINES, Kind.CSV, Kind.NDJSON) else f"row {line}"


def _strings(faults: Sequence[Fault | None] | None, count: int, text: Callable[[Fault], str]) -> Any:
    if faults is None:
        return pa.nulls(count, pa.string())
    return pa.array([None if fault is None else text(fault) for fault in faults], pa.string())


@contextmanager
def _rows_of(source: Input, wanted: Wanted, position: Position) -> Generator[Iterator[Rows], None, None]:
    """The rows of one input."""
    if source.kind in (Kind.PARQUET, Kind.ARROW):
        with seekable(source.path, source.compression, position) as file:
            read = tables.read_parquet if source.kind is Kind.PARQUET else tables.read_arrow
            yield read(file, wanted)
        return
    with octets_of(source.path, source.compression, position) as stream:
        yield _rows_of_stream(source.kind, stream, wanted)


def _rows_of_stream(kind: Kind, stream: Any, wanted: Wanted) -> Iterator[Rows]:
    if kind in (Kind.LINES, Kind.BINARY) and wanted.key is not None:
        raise ValueError(f"no column {wanted.key!r} with keys: {kind.value} have none")
    if kind in (Kind.LINES, Kind.BINARY) and wanted.keep:
        raise ValueError(f"no column {wanted.keep[0]!r} to keep: {kind.value} have none")
    if kind in (Kind.LINES, Kind.BINARY) and wanted.column is not None:
        raise ValueError(f"no column {wanted.column!r}: {kind.value} have none; leave --column out")
    if kind is Kind.ARROW_STREAM:
        return tables.read_stream(stream, wanted)
    if kind is Kind.JSON:
        return json_rows.read_document(stream, wanted)
    if kind is Kind.BINARY:
        return _frames(stream)
    text = utf_8(stream)
    if kind is Kind.LINES:
        return hex_lines.read(lines(text))
    if kind is Kind.NDJSON:
        return json_rows.read(lines(text), wanted)
    return csv_rows.read(lines(text, quoted=True), wanted)


def _frames(stream: Any) -> Iterator[Rows]:
    """The frames of a binary file; the line is the offset of the frame, from 1."""
    frames = Frames()
    try:
        for block in blocks(stream):
            yield _frame_rows(list(frames.feed(block)))
    except OSError:  # in mid-file: frames that are whole come before it
        yield _frame_rows([found for found in frames.end() if wired_length(found.octets)])
        raise
    yield _frame_rows(list(frames.end()))


def _frame_rows(found: Sequence[Found]) -> Rows:
    return Rows(
        pa.array([item.octets for item in found], pa.binary()),
        pa.array([item.offset + 1 for item in found], pa.int64()),
        {index: fault_of(item.fault) for index, item in enumerate(found) if item.fault is not None},
    )

"""Tables to files: Parquet, Arrow, CSV, NDJSON; none is under its name before it is whole and on the disk."""

from __future__ import annotations

import glob
import io
import json
import os
import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import IO, Any, Final

from .pyarrow_import import csv as pacsv
from .pyarrow_import import ipc, pa, parquet, pc

_SLICE: Final = 1 << 16  # rows that are made to text at once
_ROW_GROUP: Final = 1 << 20

PARTIAL: Final = ".partial"


class Format(StrEnum):
    """What a table is written as."""

    PARQUET = "parquet"
    ARROW = "arrow"
    ARROWS = "arrows"
    CSV = "csv"
    NDJSON = "ndjson"

    @property
    def is_text(self) -> bool:
        """Whether parts of it can be put one behind the other."""
        return self in (Format.CSV, Format.NDJSON)

    @property
    def portable(self) -> bool:
        """Whether it is written without dictionary columns.

        An Arrow file has one dictionary for all its batches, and ours have their own.
        """
        return self in (Format.CSV, Format.NDJSON, Format.ARROW)


SUFFIXES: Final = {
    ".parquet": Format.PARQUET,
    ".pq": Format.PARQUET,
    ".arrow": Format.ARROW,
    ".feather": Format.ARROW,
    ".ipc": Format.ARROW,
    ".arrows": Format.ARROWS,
    ".csv": Format.CSV,
    ".ndjson": Format.NDJSON,
    ".jsonl": Format.NDJSON,
}
PACKED: Final = {".gz": "gzip", ".zst": "zstd"}

# What each format can be packed with; the first is what it is packed with unless asked.
COMPRESSIONS: Final = {
    Format.PARQUET: ("zstd", "none", "snappy", "gzip", "brotli", "lz4"),
    Format.ARROW: ("zstd", "none", "lz4"),
    Format.ARROWS: ("zstd", "none", "lz4"),
    Format.CSV: ("none", "gzip", "zstd"),
    Format.NDJSON: ("none", "gzip", "zstd"),
}


def suffix_of(format_: Format, compression: str) -> str:
    """What the names of such files end with."""
    packed = {name: suffix for suffix, name in PACKED.items()}
    return f".{format_}" + (packed.get(compression, "") if format_.is_text else "")


@contextmanager
def whole_file(path: Path) -> Generator[IO[bytes], None, None]:
    """A file that is written beside its place, and moved there when it is whole and on the disk."""
    # The process is in the name: a worker whose program was killed may still be writing its last part.
    temporary = path.with_name(f".{path.name}.{os.getpid()}{PARTIAL}")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_directory(path.parent)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and error.filename in (None, str(temporary)):
            raise OSError(error.errno, error.strerror or str(error), str(path)) from error
        raise


def sync_directory(directory: Path) -> None:
    """See that what was renamed stays so after a power cut, where the system can."""
    with suppress(OSError):  # Windows opens no directories
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def partials(directory: Path, name: str = "*") -> Iterator[Path]:
    """What an earlier run that was killed has left of files that it had begun."""
    whatever = name if name == "*" else glob.escape(name)
    return directory.glob(f".{whatever}.*{PARTIAL}")


def remove(begun: Path) -> None:
    """Remove what `partials` has found: a file, or the directory in which workers left their parts."""
    if begun.is_dir():
        shutil.rmtree(begun, ignore_errors=True)
    else:
        begun.unlink(missing_ok=True)


class TableWriter:
    """Batches of one schema to one file.

    Args:
        sink: where the octets go; stays open.
        header: whether a CSV has its first line.
    """

    def __init__(
        self, sink: IO[bytes], schema: Any, format_: Format, compression: str, *, header: bool = True
    ) -> None:
        self._format = format_
        self._closing: list[Any] = []
        out: Any = sink
        if format_.is_text:
            out = self._later(pa.PythonFile(_StaysOpen(sink), mode="w"))
            if compression != "none":
                out = self._later(pa.CompressedOutputStream(out, compression))
        self._out = out
        packed = None if compression == "none" else compression
        if format_ is Format.PARQUET:
            words = [item.name for item in schema if _repeats(item)]
            self._writer = parquet.ParquetWriter(
                out, schema, compression=packed or "none", use_dictionary=words or False
            )
        elif format_ is Format.CSV:
            options = pacsv.WriteOptions(include_header=header)
            self._writer = pacsv.CSVWriter(out, _text_schema(schema), write_options=options)
        elif format_ is not Format.NDJSON:
            new = ipc.new_file if format_ is Format.ARROW else ipc.new_stream
            self._writer = new(out, schema, options=ipc.IpcWriteOptions(compression=packed))

    def _later(self, stream: Any) -> Any:
        self._closing.append(stream)
        return stream

    def write(self, batch: Any) -> None:
        """Write a batch."""
        if self._format is Format.PARQUET:
            self._writer.write_batch(batch, row_group_size=_ROW_GROUP)
        elif self._format is Format.CSV:
            for start in range(0, batch.num_rows, _SLICE):
                self._writer.write_batch(_with_texts(batch.slice(start, _SLICE)))
        elif self._format is Format.NDJSON:
            for start in range(0, batch.num_rows, _SLICE):
                self._out.write(ndjson(batch.slice(start, _SLICE)))
        else:
            self._writer.write_batch(batch)

    def close(self) -> None:
        """Write what belongs to the end."""
        if self._format is not Format.NDJSON:
            self._writer.close()
        while self._closing:
            self._closing.pop().close()


class _StaysOpen(io.RawIOBase):
    """A file that does not close when pyarrow closes what it writes to."""

    def __init__(self, sink: IO[bytes]) -> None:
        self._sink = sink

    def writable(self) -> bool:
        """It is for writing."""
        return True

    def write(self, octets: Any, /) -> int:
        """Hand the octets on."""
        return self._sink.write(octets)


def write_table(path: Path, batch: Any, format_: Format, compression: str) -> None:
    """One batch as one whole file."""
    with whole_file(path) as file:
        writer = TableWriter(file, batch.schema, format_, compression)
        writer.write(batch)
        writer.close()


# Columns of integers whose values do not repeat.
_SINGLE: Final = ("telegram", "line", "mantissa")


def _repeats(column: Any) -> bool:
    """Whether values of a column repeat, so that Parquet does well to write each once."""
    kinds = pa.types
    numbers = (
        kinds.is_decimal(column.type) or kinds.is_floating(column.type) or kinds.is_timestamp(column.type)
    )
    return not numbers and column.name not in _SINGLE


def _is_time(type_: Any) -> bool:
    return bool(pa.types.is_timestamp(type_))


def _text_schema(schema: Any) -> Any:
    texts = [_is_time(item.type) or _is_octets(item.type) for item in schema]
    return pa.schema(
        [pa.field(item.name, pa.string()) if text else item for item, text in zip(schema, texts, strict=True)]
    )


def _is_octets(type_: Any) -> bool:
    kinds = pa.types
    return bool(
        kinds.is_binary(type_)
        or kinds.is_large_binary(type_)
        or kinds.is_binary_view(type_)
        or kinds.is_fixed_size_binary(type_)
    )


def _as_text(column: Any) -> Any:
    """Times as ISO 8601, as `mbus decode` writes them; octets as hex; others as they are."""
    if _is_octets(column.type):
        return pa.array(
            [None if item is None else item.hex().upper() for item in column.to_pylist()], pa.string()
        )
    return _iso(column) if _is_time(column.type) else column


def _with_texts(batch: Any) -> Any:
    columns = [_as_text(column) for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, schema=_text_schema(batch.schema))


def _iso(column: Any) -> Any:
    zone = ""
    if column.type.tz:
        column, zone = column.cast(pa.timestamp(column.type.unit, "UTC")), "Z"
    return pc.strftime(column, format=f"%Y-%m-%dT%H:%M:%S{zone}")


def ndjson(batch: Any) -> Any:
    """One object a line, as Arrow's buffer. Numbers stand as they are, with all of their digits."""
    pieces: list[Any] = []
    for index, name in enumerate(batch.schema.names):
        pieces.append(pa.scalar(("{" if not index else ", ") + json.dumps(name, ensure_ascii=False) + ": "))
        pieces.append(_json(batch.column(index)).fill_null("null"))
    joined = pc.binary_join_element_wise(*pieces, pa.scalar("}\n"), pa.scalar(""))
    lines = joined.cast(pa.string())
    _, offsets, data = lines.buffers()
    ends: Any = memoryview(offsets).cast("i")
    start, end = int(ends[lines.offset]), int(ends[lines.offset + len(lines)])
    return data.slice(start, end - start)


def _json(column: Any) -> Any:
    """The JSON of each value, null where it is null."""
    kinds = pa.types
    type_ = column.type
    if kinds.is_dictionary(type_) and kinds.is_string(type_.value_type):
        return _quoted(column.dictionary).take(column.indices)
    if kinds.is_string(type_):
        words = column.dictionary_encode()
        return _quoted(words.dictionary).take(words.indices)
    if _is_time(type_) or _is_octets(type_):
        return _json(_as_text(column))
    if kinds.is_integer(type_) or kinds.is_decimal(type_) or kinds.is_boolean(type_):
        return column.cast(pa.string())
    if kinds.is_floating(type_):
        return pc.if_else(pc.is_finite(column), column, None).cast(pa.string())
    values = (
        None if value is None else json.dumps(value, ensure_ascii=False, default=str)
        for value in column.to_pylist()
    )
    return pa.array(values, pa.string())


def _quoted(words: Any) -> Any:
    return pa.array([json.dumps(word, ensure_ascii=False) for word in words.to_pylist()], pa.string())

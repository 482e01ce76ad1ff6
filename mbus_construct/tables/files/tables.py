"""Parquet, Arrow files and Arrow streams: batches with a column of telegrams."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from .pyarrow_import import ipc, pa, parquet
from .rows import Rows, Wanted, column_of, numbers

_ROWS: Final = 1 << 16


def read_parquet(file: Any, wanted: Wanted) -> Iterator[Rows]:
    """The rows of a Parquet file, a part of a row group at a time."""
    source = parquet.ParquetFile(file, pre_buffer=False)
    column = column_of(source.schema_arrow.names, wanted)
    columns = list(dict.fromkeys((column, *wanted.others)))
    yield from _rows(source.iter_batches(_ROWS, columns=columns, use_threads=False), column, wanted)


def read_arrow(file: Any, wanted: Wanted) -> Iterator[Rows]:
    """The rows of an Arrow IPC file (Feather version 2)."""
    source = ipc.open_file(file)
    column = column_of(source.schema.names, wanted)
    batches = (source.get_batch(index) for index in range(source.num_record_batches))
    yield from _rows(batches, column, wanted)


def read_stream(stream: Any, wanted: Wanted) -> Iterator[Rows]:
    """The rows of an Arrow IPC stream."""
    source = ipc.open_stream(stream)
    yield from _rows(source, column_of(source.schema.names, wanted), wanted)


def _rows(batches: Iterable[Any], column: str, wanted: Wanted) -> Iterator[Rows]:
    row = 1
    for batch in batches:
        for start in range(0, batch.num_rows, _ROWS):
            part = batch.slice(start, _ROWS)
            lines = numbers(row, part.num_rows)
            keep = {name: part.column(name) for name in wanted.others}
            yield Rows(_plain(part.column(column), column), lines, keep=keep)
            row += part.num_rows


def _plain(array: Any, name: str) -> Any:
    """Telegrams as binary or as strings, whatever kind of these they are."""
    kinds = pa.types
    if kinds.is_dictionary(array.type):
        array = array.dictionary_decode()
    if kinds.is_string(array.type) or kinds.is_binary(array.type):
        return array
    if kinds.is_large_string(array.type) or kinds.is_string_view(array.type):
        return array.cast(pa.string())
    if kinds.is_large_binary(array.type) or kinds.is_fixed_size_binary(array.type):
        return array.cast(pa.binary())
    if kinds.is_binary_view(array.type):
        return array.cast(pa.binary())
    raise ValueError(f"column {name!r} holds {array.type}; telegrams are binary, or strings of hex")

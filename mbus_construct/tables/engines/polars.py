"""A Polars LazyFrame that decodes what a query uses; `mbus_construct.polars` is the public door."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

try:
    import polars as pl
    from polars.io.plugins import register_io_source
except ImportError as error:
    raise ImportError('polars is missing: pip install "mbus-construct[polars]"', name="polars") from error

from ...security.keys import Keys
from ..columns.pyarrow_import import pa
from ..columns.source import telegram_column
from ..columns.table import OFFERED, names
from ..files.inputs import Input, find
from ..files.pieces import Pieces
from ..files.rows import Wanted
from ..files.work import Decoding, decode
from ..shapes import decode_batch

if TYPE_CHECKING:
    from ...security.keys import KeysLike

Source = str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | pl.DataFrame | pl.LazyFrame

TELEGRAMS_A_BATCH: Final = 50_000

# What can be kept of files besides their columns: where a telegram stood.
PLACES: Final = ("source", "line")

# Sentences, which are as many as there are mistakes. What else repeats is Categorical.
_SENTENCES: Final = ("error", "reason")


def read_telegrams(
    source: Source,
    *,
    column: str | None = None,
    link: str = "auto",
    keys: KeysLike = None,
    key_column: str | None = None,
    columns: Sequence[str] | None = None,
    keep: Sequence[str] = (),
    value: bool = False,
    decimals: bool = False,
) -> pl.LazyFrame:
    """The long table of telegrams: one row a record, those of `mbus_construct.arrow.decode_batch`.

    Args:
        source: files, or a frame with a column of telegrams. Files: a path, a directory, a glob, or a list of
            these: Parquet, Arrow, CSV, NDJSON, JSON, lines of hex, or frames; gzip and zstd.
        column: the column that holds the telegrams, octets or hex; None: the one with a usual name.
        link: what the octets are, as in `decode`.
        keys: for what is encrypted, as in `decode`; opening needs the extra `crypto`.
        key_column: a column of the source with the key of each telegram, as in `decode_batch`.
        columns: the columns wanted, None for all. What a query does not use is not decoded either way.
        keep: other columns of the source, repeated for each row of their telegram. Of files also "source" and
            "line", which say where a telegram stood.
        value: also give `value`, the number as float64.
        decimals: also give `value_decimal`, a decimal(38, 12); null where that is not exact.

    Returns a LazyFrame; words that repeat are Categorical. `telegram` counts from 0 in the frame or in each
    file. Of CSV, NDJSON and JSON what is kept is text. Raises `ValueError` for a column that does not exist,
    `OSError` for a file that cannot be read. A file that turns out to be damaged while it is read is a
    warning: what was read of it and the other files count.

    Raises `TypeError` for what is neither paths nor a frame, `KeysError` for keys that are none.
    """
    if isinstance(keep, str):
        raise TypeError(f"keep is a list of names, not the string {keep!r}")
    wanted = (*names("long", columns, value, decimals), *keep)
    double = [name for name in keep if name in OFFERED or keep.count(name) > 1]
    if double:
        raise ValueError(f"a column of the table has the name {double[0]!r} too; rename the one to keep")
    if key_column is not None and key_column in keep:
        raise ValueError(f"the column {key_column!r} holds keys, which are not kept: leave it out of keep")
    given = _Keys(Keys.of(keys), key_column)
    telegrams: _Frame | _Files
    if isinstance(source, pl.DataFrame | pl.LazyFrame):
        frame = source.lazy()
        there = frame.collect_schema().names()
        for name in (*keep, *given.columns):
            telegram_column(there, name)
        others = there if column is not None else [name for name in there if name != key_column]
        telegrams = _Frame(frame, telegram_column(others, column), link, tuple(keep), given)
    else:
        telegrams = _Files(_paths(source), column, link, tuple(keep), given)
    return _lazy(telegrams, wanted)


def _lazy(telegrams: _Frame | _Files, wanted: tuple[str, ...]) -> pl.LazyFrame:
    schema = _polars(telegrams.empty(wanted)).schema

    def rows(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, _batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        columns = wanted if with_columns is None else tuple(with_columns)
        # A query that only counts rows wants no column; the smallest one counts them.
        for table in telegrams.tables(columns or ("record",)):
            frame = _polars(table).select(columns) if columns else _polars(table)
            if n_rows is not None:  # of the table, before they are chosen from
                frame = frame.head(n_rows)
                n_rows -= frame.height
            yield frame if predicate is None else frame.filter(predicate)
            if n_rows == 0:
                return

    return register_io_source(rows, schema=schema)


def _polars(table: Any) -> pl.DataFrame:
    """A record batch as a frame."""
    columns = {
        name: array.dictionary_decode()
        if name in _SENTENCES and pa.types.is_dictionary(array.type)
        else array
        for name, array in zip(table.schema.names, table.columns, strict=True)
    }
    return pl.DataFrame(pa.record_batch(columns))


class _Keys(NamedTuple):
    """The keys of all meters, and the column of those beside the telegrams."""

    keys: Keys
    column: str | None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read for keys."""
        return () if self.column is None else (self.column,)


@dataclass(frozen=True)
class _Frame:
    """Telegrams in a column of a frame."""

    frame: pl.LazyFrame
    column: str
    link: str
    keep: tuple[str, ...]
    keys: _Keys

    def empty(self, columns: tuple[str, ...]) -> Any:
        """A table without rows."""
        return self._table(self._chosen(columns).clear().collect(), columns, 0)

    def tables(self, columns: tuple[str, ...]) -> Iterator[Any]:
        """The rows, with these columns."""
        first = 0
        for frame in self._chosen(columns).collect_batches(chunk_size=TELEGRAMS_A_BATCH, lazy=True):
            yield self._table(frame, columns, first)
            first += frame.height

    def _chosen(self, columns: tuple[str, ...]) -> pl.LazyFrame:
        kept = (name for name in self.keep if name in columns)
        return self.frame.select(list(dict.fromkeys((self.column, *kept, *self.keys.columns))))

    def _table(self, frame: pl.DataFrame, columns: tuple[str, ...], first: int) -> Any:
        whole: Any = frame
        table = whole.rechunk().to_arrow()
        arrays = [column.combine_chunks() for column in table.columns]
        batch = pa.RecordBatch.from_arrays(arrays, names=table.column_names)
        return decode_batch(
            batch,
            column=self.column,
            link=self.link,
            keys=self.keys.keys,
            key_column=self.keys.column,
            columns=[name for name in columns if name not in self.keep],
            keep=[name for name in self.keep if name in columns],
            first=first,
        )


@dataclass(frozen=True)
class _Files:
    """Telegrams in files."""

    paths: tuple[str, ...]
    column: str | None
    link: str
    keep: tuple[str, ...]
    keys: _Keys

    def empty(self, columns: tuple[str, ...]) -> Any:
        """A table without rows. Raises `OSError` or `ValueError` for what cannot be read."""
        inputs = self._inputs(self.keep)
        pieces = Pieces(inputs, self._wanted(self.keep))
        for piece in pieces:  # the first says of which types the kept columns are
            return self._table(piece.batch.slice(0, 0), columns)
        raise ValueError("; ".join(str(failure) for failure in pieces.failures))

    def tables(self, columns: tuple[str, ...]) -> Iterator[Any]:
        """The rows, with these columns."""
        pieces = Pieces(self._inputs(columns), self._wanted(columns))
        for piece in pieces:
            yield self._table(piece.batch, columns)
        for failure in pieces.failures:
            warnings.warn(f"{failure}; rows may be missing", RuntimeWarning, stacklevel=2)

    def _wanted(self, columns: tuple[str, ...]) -> Wanted:
        keep = tuple(name for name in self.keep if name in columns and name not in PLACES)
        return Wanted(self.column, keep, self.keys.column)

    def _inputs(self, columns: tuple[str, ...]) -> list[Input]:
        found = find(self.paths, self._wanted(columns))
        if found.failures:
            raise OSError("; ".join(found.failures))
        if not found.inputs:
            raise OSError(f"no file of telegrams: {', '.join(self.paths) or 'no path'}")
        return found.inputs

    def _table(self, batch: Any, columns: tuple[str, ...]) -> Any:
        keep = tuple(name for name in self.keep if name in columns and name not in PLACES)
        how = Decoding(
            link=self.link, columns=columns, keep=keep, keys=self.keys.keys, key_column=self.keys.column
        )
        decoded = decode(batch, how)
        return decoded.tables[""]


def _strings(source: object) -> list[str]:
    """The paths that are given, alone or in a list."""
    given: Any = source
    items: list[Any] = [*given] if isinstance(source, list | tuple) else [given]
    for item in items:
        if not isinstance(item, str | os.PathLike):
            kind = item.__class__.__name__
            raise TypeError(f"give paths, or a frame with a column of telegrams, not {kind}")
    return [os.fspath(item) for item in items]


def _paths(source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> tuple[str, ...]:
    """The files that are meant; what a glob matches in the order of its names."""
    given = _strings(source)
    paths: list[str] = []
    for path in given:
        pattern = has_magic(path) and not Path(path).exists()
        matches = sorted(glob(path, recursive=True)) if pattern else [path]
        if not matches:
            raise FileNotFoundError(f"{path}: no file has such a name")
        paths += matches
    return tuple(paths)

"""What is done with a piece: decode it, and write it or hand it over; here or in a process of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from ...security.keys import Keys
from ..columns.table import OFFERED
from ..shapes import decode_batch, decode_star, decode_wide, schema_of
from .outputs import Format, TableWriter, suffix_of, write_table
from .pyarrow_import import pa, pc

# Rejected telegrams that a piece tells of.
_EXAMPLES: Final = 10

NO_KEYS: Final = Keys()

# What is asked of the decoder whatever is wanted: whether a telegram was rejected, and why.
_NEEDED: Final = ("error", "code", "layout")

_STANDARD: Final[tuple[str, ...]] = tuple(schema_of().names)
_ADDED: Final = tuple(name for name in _NEEDED if name not in _STANDARD)
_ALL: Final = (*_STANDARD, *_ADDED)

LAYOUTS: Final = "_layouts"  # where parts of the layouts of a star lie until they are put together


class Shape(StrEnum):
    """What tables there are: one row a record; facts and layouts; one table a layout."""

    LONG = "long"
    STAR = "star"
    WIDE = "wide"


@dataclass(frozen=True)
class Decoding:
    """How telegrams become tables; the arguments are those of `mbus_construct.arrow`.

    `columns` may name `source`, `line` and kept columns too; without it these stand in front.
    """

    link: str = "auto"
    shape: Shape = Shape.LONG
    columns: tuple[str, ...] | None = None
    keep: tuple[str, ...] = ()
    value: bool = False
    decimals: bool = False
    portable: bool = False
    keys: Keys = NO_KEYS
    key_column: str | None = None

    def check(self) -> None:
        """Raise `ValueError` for what cannot be had together."""
        own = ("source", "line", *self.keep)
        double = [name for name in self.keep if name in OFFERED or name in ("source", "line")]
        if double:
            raise ValueError(
                f"the output has a column {double[0]!r} of its own; rename the input's to keep it"
            )
        if self.key_column in self.keep:
            raise ValueError(f"keys are not written: leave {self.key_column!r} out of --keep")
        if self.columns is not None:
            if self.shape is Shape.WIDE:
                raise ValueError(
                    "--columns goes with the shapes long and star: wide has those of its layouts"
                )
            for name in self.columns:
                if name not in own and name not in OFFERED:
                    raise ValueError(_unknown(name, (*own, *OFFERED)))
            if len(set(self.columns)) < len(self.columns):
                raise ValueError(f"a column is named twice: {','.join(self.columns)}")
        if self.shape is Shape.WIDE and (self.value or self.decimals):
            raise ValueError("--value and --decimals go with the shapes long and star: wide has decimals")


def _unknown(name: str, there: Sequence[str]) -> str:
    close = get_close_matches(name, there, 1)
    meant = f" (did you mean {close[0]}?)" if close else ""
    return f"no column {name!r}{meant}; there are {', '.join(there)}"


class Rejected(NamedTuple):
    """A telegram that could not be decoded, where it stands, and why."""

    source: str
    line: int
    error: str


@dataclass(frozen=True)
class Report:
    """What became of a piece.

    Attributes:
        files: what was written, below the output's directory.
        rejected: how many telegrams; `examples`: the first of them.
        noted: how many rows have a remark as their error, by its code: "encrypted", "no_records", and so on.
    """

    index: int
    telegrams: int
    rows: int
    rejected: int
    examples: tuple[Rejected, ...] = ()
    files: tuple[str, ...] = ()
    noted: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True)
class Decoded:
    """Tables by name ("" the only one), and what is said of them."""

    tables: dict[str, Any] = field(default_factory=dict[str, Any])
    rejected: int = 0
    examples: tuple[Rejected, ...] = ()
    noted: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def rows(self) -> int:
        """Rows of all tables, without the layouts of a star."""
        return sum(table.num_rows for name, table in self.tables.items() if name != LAYOUTS)


def decode(batch: Any, how: Decoding) -> Decoded:
    """The tables of a piece."""
    faulty = batch.column("_fault").null_count < batch.num_rows
    keep = ("source", "line", *how.keep, "_number", *(("_fault", "_code") if faulty else ()))
    parts: dict[str, list[Any]] = {}
    start, step = 0, _FEW
    while not parts or start < batch.num_rows:
        part = batch.slice(start, step)
        tables = _tables(part, how, keep)
        for name, table in tables.items():
            parts.setdefault(name, []).append(_faults_told(table))
        start += step
        step = _FEW if _layouts_in(tables, how.shape) * _MANY > part.num_rows else batch.num_rows
    joined = {name: _joined(tables) for name, tables in parts.items() if name != LAYOUTS}
    judged = joined.get(_JUDGED[how.shape])
    count, examples = _rejected(judged) if judged is not None else (0, ())
    arranged = {name: _arranged(table, how) for name, table in joined.items()}
    if LAYOUTS in parts:
        arranged[LAYOUTS] = _each_once(parts[LAYOUTS])
    return Decoded(arranged, count, examples, _noted(judged) if judged is not None else {})


# A piece is decoded at once, unless its first telegrams have about as many layouts as there are telegrams:
# layouts that come once are rows of Python objects for a while, of some kilobytes a telegram.
_FEW: Final = 1 << 13
_MANY: Final = 4


def _layouts_in(tables: dict[str, Any], shape: Shape) -> int:
    """How many layouts there are in tables."""
    if shape is Shape.WIDE:
        return len(tables)
    names = tables[_JUDGED[shape]].column("layout")
    return int(pc.count_distinct(names.indices if pa.types.is_dictionary(names.type) else names).as_py())


def _joined(tables: Sequence[Any]) -> Any:
    return tables[0] if len(tables) == 1 else pa.concat_batches(tables)


def _each_once(tables: Sequence[Any]) -> Any:
    """Layouts without those that a table before has too."""
    known: set[str | None] = set()
    fresh: list[Any] = []
    for table in tables:
        names = table.column("layout").to_pylist()
        fresh.append(table.filter(pa.array([name not in known for name in names], pa.bool_())))
        known.update(names)
    return _joined(fresh)


# The table that has the telegrams that were rejected.
_JUDGED: Final = {Shape.LONG: "", Shape.STAR: "facts", Shape.WIDE: "rejected"}


def _tables(batch: Any, how: Decoding, keep: Sequence[str]) -> dict[str, Any]:
    """What the decoder gives, with columns of ours."""
    common = partial(
        _DECODERS[how.shape],
        batch,
        column="telegram",
        link=how.link,
        keep=keep,
        portable=how.portable,
    )
    if how.keys or how.key_column is not None:
        common = partial(common, keys=how.keys, key_column=how.key_column)
    if how.shape is Shape.WIDE:
        return dict(common())
    decoder = partial(common, value=how.value, decimals=how.decimals)
    if how.columns is not None:
        own = (*keep, *_NEEDED)
        columns: list[str] | None = [*(name for name in how.columns if name not in own), *_NEEDED]
    else:
        columns = list(_ALL) if how.shape is Shape.LONG else None
    decoded: Any = decoder(columns=columns)
    if how.shape is Shape.LONG:
        return {"": decoded}
    facts, layouts = decoded
    return {"facts": facts, LAYOUTS: layouts}


_DECODERS: Final[dict[Shape, Any]] = {
    Shape.LONG: decode_batch,
    Shape.STAR: decode_star,
    Shape.WIDE: decode_wide,
}


def _faults_told(table: Any) -> Any:
    """With the reasons why rows could not be read, where the decoder only knows that there is nothing."""
    if "_fault" not in table.schema.names or "error" not in table.schema.names:
        return table
    for name, reasons in (("error", "_fault"), ("code", "_code")):
        place = table.schema.get_field_index(name)
        type_ = table.schema.field(place).type
        told = pc.coalesce(table.column(reasons), table.column(name).cast(pa.string()))
        if pa.types.is_dictionary(type_):
            told = told.dictionary_encode().cast(type_)
        columns = [*table.columns]
        columns[place] = told
        table = pa.RecordBatch.from_arrays(columns, schema=table.schema)
    return table


def _rejected(table: Any) -> tuple[int, tuple[Rejected, ...]]:
    """Telegrams that were rejected: an error, and no layout. A remark about a telegram has both."""
    error = table.column("error")
    if error.null_count == len(error):
        return 0, ()
    mask = error.is_valid()
    if "layout" in table.schema.names:
        mask = pc.and_(mask, table.column("layout").is_null())
    places = pc.indices_nonzero(mask)
    found = pa.record_batch(
        {name: plain_column(table.column(name).take(places)) for name in Rejected._fields}
    )
    first = found.sort_by([("source", "ascending"), ("line", "ascending")]).slice(0, _EXAMPLES)
    return len(places), tuple(Rejected(*row.values()) for row in first.to_pylist())


def _noted(table: Any) -> dict[str, int]:
    """How many rows have a remark about a telegram that was decoded, by its code."""
    error = table.column("error")
    if error.null_count == len(error) or "layout" not in table.schema.names:
        return {}
    mask = pc.and_(error.is_valid(), table.column("layout").is_valid())
    codes = plain_column(table.column("code").filter(mask))
    return {item["values"]: item["counts"] for item in pc.value_counts(codes).to_pylist()}


def _arranged(table: Any, how: Decoding) -> Any:
    """The columns that are wanted, in their order; telegrams numbered within their source."""
    columns = dict(zip(table.schema.names, table.columns, strict=True))
    columns["telegram"] = columns.pop("_number")
    own = ("source", "line", *how.keep)
    if how.columns is None:
        hidden = {"_number", "_fault", "_code", *(_ADDED if how.shape is Shape.LONG else ())}
        names = [name for name in table.schema.names if name not in hidden]
        order = [*own, "telegram", *names]
    else:
        keys = ("layout", "record") if how.shape is Shape.STAR else ()
        front = (name for name in how.keep if name not in how.columns)
        order = [*front, *how.columns, *keys, *_OPTIONAL]
        hidden = {name for name in _OPTIONAL if name not in how.columns}
        hidden -= {name for name, wanted in zip(_OPTIONAL, (how.value, how.decimals), strict=True) if wanted}
    kept = (name for name in dict.fromkeys(order) if name in columns and name not in hidden)
    return pa.record_batch({name: columns[name] for name in kept})


_OPTIONAL: Final = ("value", "value_decimal")


@dataclass(frozen=True)
class Job:
    """What is done with each piece; it goes to the workers.

    Attributes:
        directory: where files go.
        format_, compression: of the files.
        spool: the directory holds parts of one file, which are put together and removed: no need to have them
            on the disk for certain, nor to pack what is packed again.
    """

    decoding: Decoding
    directory: Path
    format_: Format
    compression: str
    spool: bool = False

    def run(self, index: int, batch: Any) -> Report:
        """Decode the piece and write its files."""
        decoded = decode(batch, self.decoding)
        write = self._write_spool if self.spool else self._write_parts
        files = write(index, decoded.tables)
        return Report(
            index,
            batch.num_rows,
            decoded.rows,
            decoded.rejected,
            decoded.examples,
            tuple(files),
            decoded.noted,
        )

    def _write_parts(self, index: int, tables: dict[str, Any]) -> list[str]:
        files: list[str] = []
        for name, table in tables.items():
            inner = name == LAYOUTS
            suffix = ".arrow" if inner else suffix_of(self.format_, self.compression)
            file = Path(name) / f"part-{index:05d}{suffix}"
            (self.directory / file).parent.mkdir(exist_ok=True)
            if inner:
                write_table(self.directory / file, plain(table), Format.ARROW, "zstd")
            else:
                write_table(self.directory / file, table, self.format_, self.compression)
            files.append(file.as_posix())
        return files

    def _write_spool(self, index: int, tables: dict[str, Any]) -> Sequence[str]:
        name = f"{index}"
        text = self.format_.is_text
        format_, compression = (self.format_, self.compression) if text else (Format.ARROWS, "none")
        with (self.directory / name).open("wb") as file:
            writer = TableWriter(file, tables[""].schema, format_, compression, header=not index)
            writer.write(tables[""])
            writer.close()
        return [name]


def plain(batch: Any) -> Any:
    """A batch without dictionary columns."""
    return pa.RecordBatch.from_arrays([*map(plain_column, batch.columns)], names=batch.schema.names)


def plain_column(column: Any) -> Any:
    """A column without a dictionary."""
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column

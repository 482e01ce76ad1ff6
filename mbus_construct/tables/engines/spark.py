"""Telegrams decoded in the tasks of Spark, written or given as rows; `mbus_construct.spark` is the door."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

try:
    from pyspark import TaskContext
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql import functions as sql
    from pyspark.sql import types as spark_types
except ImportError as error:
    raise ImportError('pyspark is missing: pip install "mbus-construct[spark]"', name="pyspark") from error

from ...security.keys import Keys
from ..columns.pyarrow_import import pa
from ..columns.source import telegram_column
from ..shapes import decode_batch

if TYPE_CHECKING:
    from ...security.keys import KeysLike

# pyarrow has no types.
fs: Any = import_module("pyarrow.fs")
pq: Any = import_module("pyarrow.parquet")

# Spark hands over 10,000 rows at a time; larger batches decode faster, and this is where that levels off.
TELEGRAMS_A_BATCH: Final = 50_000
# How many rows go back to the JVM at a time: it holds them twice.
ROWS_A_BATCH: Final = 100_000

MANIFEST: Final = "_manifest"
MANIFEST_SCHEMA: Final = (
    "path string, partition int, attempt int, telegrams bigint, rows bigint, rejected bigint, bytes bigint"
)
_MANIFEST_ARROW: Final = pa.schema(
    [
        ("path", pa.string()),
        ("partition", pa.int32()),
        ("attempt", pa.int32()),
        *((name, pa.int64()) for name in ("telegrams", "rows", "rejected", "bytes")),
    ]
)


def decode_telegrams(
    df: DataFrame,
    *,
    column: str | None = None,
    link: str = "auto",
    keys: KeysLike = None,
    key_column: str | None = None,
    columns: Sequence[str] | None = None,
    keep: Sequence[str] = (),
    value: bool = False,
    decimals: bool = False,
    write_to: str | os.PathLike[str] | None = None,
) -> DataFrame:
    """The long table of a DataFrame's telegrams: one row a record, those of `arrow.decode_batch`.

    Args:
        df: telegrams as binary, or as strings of hex digits, one a row.
        column: the column that holds them; None: the only one, or one with a usual name.
        link: what the octets are, as for `decode`.
        keys: for what is encrypted, as for `decode`; executors need the extra `crypto`. They go to the
            executors with the task: no plan shows them, but who can read the traffic of the cluster can.
        key_column: a column of `df` with the key of each telegram, as for `decode_batch`.
        columns: the columns wanted, in their order; what is not wanted is not decoded. None: all.
        keep: columns of `df` to carry over to each row of their telegram. `telegram` counts within a
            partition and is no key across them: keep your own, `keep=("id",)`, to join or to merge.
        value: whether to add `value`, a float64.
        decimals: whether to add `value_decimal`, a decimal(38, 12).
        write_to: a directory that the driver and all executors see. Each task writes its rows there as one
            Parquet file, and the manifest comes back, a row a file: path, partition, attempt, telegrams,
            rows, rejected (telegrams), bytes. This runs at once; `read_manifest` reads the rows.

    Returns:
        The rows, not yet computed; with `write_to` the manifest of what has been written.

    Raises:
        ValueError: there is no such column, or no telling which one holds the telegrams.
        KeysError: what is given for keys is none.
        FileExistsError: another run has written to that directory.
        FileNotFoundError: the driver does not see what an executor wrote.
    """
    others = df.columns if column is not None else [name for name in df.columns if name != key_column]
    chosen = telegram_column(others, column)
    beside = () if key_column is None else (key_column,)
    for name in (*keep, *beside):
        telegram_column(df.columns, name)
    names = tuple(dict.fromkeys((chosen, *keep, *beside)))
    job = _Job(
        names=names, keep=tuple(keep), link=link, keys=Keys.of(keys) if keys else None, key_column=key_column
    )
    table = _checked(job, columns, value, decimals)
    job = replace(job, columns=tuple(name for name in table.names if name not in keep))
    # By number, for Spark would take a dot in a name for a field of it.
    selected = df.select(*(sql.col(_quoted(name)).alias(f"c{at}") for at, name in enumerate(names)))
    schema = spark_types.StructType(
        [df.schema[field.name] if field.name in keep else _spark_field(field) for field in table]
    )
    if write_to is None:
        return _mapped(selected, job.rows, schema)
    return _written(selected, replace(job, directory=_directory(write_to)), schema)


def read_manifest(spark: SparkSession, directory: str | os.PathLike[str]) -> DataFrame:
    """The rows that `decode_telegrams(..., write_to=directory)` wrote.

    Reads the files of the manifest only: what a failed or repeated task left behind is not among them.

    Raises:
        FileNotFoundError: there is no manifest, so no run into this directory has been completed.
    """
    folder = _directory(directory)
    manifest = _read_manifest(folder)
    schema = spark_types.StructType.fromJson(manifest["schema"])
    if not manifest["files"]:
        return _created(spark, [], schema)
    return spark.read.schema(schema).parquet(*(f"{folder}/{row['path']}" for row in manifest["files"]))


def manifest_files(directory: str | os.PathLike[str]) -> list[str]:
    """The files that `read_manifest` would read, for readers other than Spark; needs no session.

    Raises:
        FileNotFoundError: there is no manifest, so no run into this directory has been completed.
    """
    folder = _directory(directory)
    base = _filesystem(folder)[1] if folder.startswith("file://") else folder
    return [f"{base}/{row['path']}" for row in _read_manifest(folder)["files"]]


# PySpark's types of these two know no more than we do.
def _mapped(df: Any, function: Callable[[Iterable[Any]], Iterator[Any]], schema: object) -> DataFrame:
    mapped: DataFrame = df.mapInArrow(function, schema)
    return mapped


def _created(session: Any, rows: list[tuple[Any, ...]], schema: object) -> DataFrame:
    created: DataFrame = session.createDataFrame(rows, schema)
    return created


def _checked(job: _Job, columns: Sequence[str] | None, value: bool, decimals: bool) -> Any:
    """The schema of the table; what is wrong with the arguments is said before any task starts."""
    arrays = [pa.array([], pa.binary()), *(pa.nulls(0) for _ in job.names[1:])]
    batch = pa.RecordBatch.from_arrays(arrays, names=list(job.names))
    table = decode_batch(
        batch,
        column=job.names[0],
        link=job.link,
        keys=job.keys,
        key_column=job.key_column,
        columns=columns,
        keep=job.keep,
        value=value,
        decimals=decimals,
        portable=True,
    )
    return table.schema


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _spark_field(field: Any) -> spark_types.StructField:
    """The field of a Spark schema for an Arrow field of the portable long table."""
    plain: dict[Any, spark_types.DataType] = {
        pa.string(): spark_types.StringType(),
        pa.int8(): spark_types.ByteType(),
        pa.int16(): spark_types.ShortType(),
        pa.int32(): spark_types.IntegerType(),
        pa.int64(): spark_types.LongType(),
        pa.float64(): spark_types.DoubleType(),
    }
    if pa.types.is_decimal(field.type):
        type_: spark_types.DataType = spark_types.DecimalType(field.type.precision, field.type.scale)
    elif pa.types.is_timestamp(field.type):
        type_ = spark_types.TimestampNTZType()  # a meter's clock has no zone
    else:
        type_ = plain[field.type]
    return spark_types.StructField(field.name, type_)


# What executors do -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Job:
    """What a task does with its partition. It is pickled: executors import this module themselves.

    Attributes:
        names: the columns that Spark hands over, the telegrams first.
        keep: those of them that are carried over.
        link: what the octets are.
        keys: of all meters; they do not show themselves.
        key_column: which of the columns holds keys.
        columns: the columns of the long table, in their order.
        directory: where the rows are written, an URI.
    """

    names: tuple[str, ...]
    keep: tuple[str, ...]
    link: str
    keys: Keys | None = None
    key_column: str | None = None
    columns: tuple[str, ...] = ()
    directory: str = ""

    def rows(self, batches: Iterable[Any]) -> Iterator[Any]:
        """For `mapInArrow`: record batches of telegrams to record batches of the long table."""
        for _, table in self.tables(batches, self.columns, portable=True):
            whole = _in_microseconds(table)
            for start in range(0, whole.num_rows, ROWS_A_BATCH):
                yield whole.slice(start, ROWS_A_BATCH)

    def task(self) -> Callable[[Iterable[Any]], Iterator[Any]]:
        """What each task of a job that writes runs."""
        return self.manifest

    def manifest(self, batches: Iterable[Any]) -> Iterator[Any]:
        """For `mapInArrow`: writes the rows of a partition, and gives its row of the manifest."""
        context = TaskContext.get()
        if context is None:
            raise RuntimeError("only a task of Spark writes a partition")
        row = self.write(batches, context.partitionId(), context.attemptNumber())
        if row is not None:
            yield pa.RecordBatch.from_pylist([row], schema=_MANIFEST_ARROW)

    def tables(
        self, batches: Iterable[Any], columns: tuple[str, ...], *, portable: bool
    ) -> Iterator[tuple[int, Any]]:
        """Numbers of telegrams, and their rows."""
        first = 0
        for batch in _combined(batches):
            named = pa.RecordBatch.from_arrays(batch.columns, names=list(self.names))
            table = decode_batch(
                named,
                column=self.names[0],
                link=self.link,
                keys=self.keys,
                key_column=self.key_column,
                columns=columns,
                keep=self.keep,
                portable=portable,
                first=first,
            )
            yield batch.num_rows, table
            first += batch.num_rows

    def write(self, batches: Iterable[Any], partition: int, attempt: int) -> dict[str, Any] | None:
        """Write the rows to a file that no other attempt writes; None where there are no telegrams."""
        files, folder = _filesystem(self.directory)
        name = f"part-{partition:05d}-{attempt}-{uuid4().hex}.parquet"
        final, temporary = f"{folder}/{name}", f"{folder}/.{name}.tmp"
        # A telegram without a layout is one that was rejected.
        columns = self.columns if "layout" in self.columns else (*self.columns, "layout")
        telegrams = rows = rejected = 0
        writer = None
        try:
            for count, table in self.tables(batches, columns, portable=False):
                telegrams += count
                rows += table.num_rows
                rejected += table.column("layout").null_count
                if "layout" not in self.columns:
                    table = table.drop_columns(["layout"])  # noqa: PLW2901  as it is written
                if writer is None:
                    writer = _parquet_writer(temporary, table.schema, files)
                writer.write_batch(table)
            if writer is None:
                return None
            writer.close()
            if _has_manifest(files, folder):
                raise RuntimeError(f"{self.directory} has a {MANIFEST}: this attempt came too late")
            files.move(temporary, final)
        except BaseException:
            if writer is not None:
                with suppress(OSError):
                    writer.close()
                with suppress(OSError):
                    files.delete_file(temporary)
            raise
        return {
            "path": name,
            "partition": partition,
            "attempt": attempt,
            "telegrams": telegrams,
            "rows": rows,
            "rejected": rejected,
            "bytes": files.get_file_info(final).size,
        }


def _combined(batches: Iterable[Any]) -> Iterator[Any]:
    """Batches of a useful size, made of smaller ones."""
    pending: list[Any] = []
    size = 0
    for batch in batches:
        pending.append(batch)
        size += batch.num_rows
        if size >= TELEGRAMS_A_BATCH:
            yield from _one(pending)
            pending, size = [], 0
    if size:
        yield from _one(pending)


def _one(batches: list[Any]) -> list[Any]:
    """One batch of several; more than one only where Arrow cannot put all texts of a column into one."""
    joined: list[Any] = pa.Table.from_batches(batches).combine_chunks().to_batches()
    return joined


def _in_microseconds(table: Any) -> Any:
    """A table whose moments are of the only unit that Spark reads."""
    arrays = [
        array.cast(pa.timestamp("us", array.type.tz)) if pa.types.is_timestamp(array.type) else array
        for array in table.columns
    ]
    return pa.RecordBatch.from_arrays(arrays, names=table.schema.names)


def _parquet_writer(path: str, schema: Any, files: Any) -> Any:
    return pq.ParquetWriter(path, schema, filesystem=files, compression="zstd", coerce_timestamps="us")


# What the driver does --------------------------------------------------------------------------------------


def _directory(path: str | os.PathLike[str]) -> str:
    """A directory as an URI without a slash at its end."""
    text = os.fspath(path)
    return text.rstrip("/") if "://" in text else Path(text).absolute().as_uri()


def _filesystem(directory: str) -> tuple[Any, str]:
    """Arrow's file system for an URI, and the path in it; Spark's s3a is s3 there."""
    uri = directory.replace("s3a://", "s3://", 1) if directory.startswith("s3a://") else directory
    files, path = fs.FileSystem.from_uri(uri)
    return files, path


def _written(selected: DataFrame, job: _Job, schema: spark_types.StructType) -> DataFrame:
    """Run a job that writes in its tasks; the manifest is written last."""
    files, folder = _filesystem(job.directory)
    _refuse_second_run(files, folder, job.directory)
    files.create_dir(folder, recursive=True)
    # One result a partition, of the attempt that Spark took; all others are forgotten with what they wrote.
    rows = [row.asDict() for row in _mapped(selected, job.task(), MANIFEST_SCHEMA).collect()]
    rows.sort(key=lambda row: row["partition"])
    _commit(job.directory, rows, schema)
    full = [{**row, "path": f"{job.directory}/{row['path']}"} for row in rows]
    return _created(selected.sparkSession, [tuple(row.values()) for row in full], MANIFEST_SCHEMA)


def _has_manifest(files: Any, folder: str) -> bool:
    there: bool = files.get_file_info(f"{folder}/{MANIFEST}").type != fs.FileType.NotFound
    return there


def _refuse_second_run(files: Any, folder: str, directory: str) -> None:
    if _has_manifest(files, folder):
        raise FileExistsError(
            f"{directory} has a {MANIFEST}: a run was completed there, take another directory"
        )


def _commit(directory: str, rows: list[dict[str, Any]], schema: spark_types.StructType) -> None:
    """Write the manifest, once all that it names is there, and take away what it does not name."""
    files, folder = _filesystem(directory)
    _refuse_second_run(files, folder, directory)
    for row in rows:
        if files.get_file_info(f"{folder}/{row['path']}").size != row["bytes"]:
            raise FileNotFoundError(
                f"{row['path']} was written to {directory} by an executor and the driver does not see it: "
                "take a directory that all of them share"
            )
    temporary = f"{folder}/.{MANIFEST}-{uuid4().hex}.tmp"
    with files.open_output_stream(temporary) as stream:
        stream.write(json.dumps({"schema": schema.jsonValue(), "files": rows}, indent=1).encode())
    files.move(temporary, f"{folder}/{MANIFEST}")
    named = {row["path"] for row in rows}
    for item in files.get_file_info(fs.FileSelector(folder)):
        if item.base_name.lstrip(".").startswith("part-") and item.base_name not in named:
            files.delete_file(item.path)


def _read_manifest(directory: str) -> dict[str, Any]:
    files, folder = _filesystem(directory)
    if not _has_manifest(files, folder):
        raise FileNotFoundError(f"{directory} has no {MANIFEST}: the run that writes it was not completed")
    with files.open_input_stream(f"{folder}/{MANIFEST}") as stream:
        manifest: dict[str, Any] = json.loads(stream.read())
    return manifest

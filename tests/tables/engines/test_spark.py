"""Spark on a cluster of two workers gives the rows of `decode_batch`, and writes each of them once."""

# ruff: noqa: E402  what is imported is not there where the tests skip

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyspark", reason='Spark is not installed: pip install -e ".[spark]"')
pa = pytest.importorskip("pyarrow")

import pyarrow.parquet as pq
from pyspark import TaskContext
from pyspark.errors import PythonException
from pyspark.sql.types import TimestampNTZType

from mbus_construct.arrow import decode_batch
from mbus_construct.spark import decode_telegrams, manifest_files, read_manifest
from mbus_construct.tables.engines import spark as engine

# PySpark says of pandas 3 that it does not know it yet; none of it is used here.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning"),
]

PARTITIONS = 5
KEEP = ("id", "station")


def counted(rows: Any) -> Counter[tuple[tuple[str, object], ...]]:
    """Rows with how often each is there, without the number of the telegram in its partition."""
    return Counter(tuple(sorted((k, repr(v)) for k, v in row.items() if k != "telegram")) for row in rows)


def expected(table: Any, **options: Any) -> list[dict[str, Any]]:
    (batch,) = table.combine_chunks().to_batches()
    rows: list[dict[str, Any]] = decode_batch(batch, column="telegram", portable=True, **options).to_pylist()
    return rows


def collected(df: Any) -> list[dict[str, Any]]:
    return [row.asDict() for row in df.collect()]


@pytest.fixture(scope="module")
def archive(spark: Any, telegrams: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The telegrams as a DataFrame of several partitions: one small file each."""
    folder = tmp_path_factory.mktemp("archive")
    step = -(-telegrams.num_rows // PARTITIONS)
    for index in range(PARTITIONS):
        pq.write_table(telegrams.slice(index * step, step), folder / f"{index}.parquet")
    spark.conf.set("spark.sql.files.openCostInBytes", "134217728")  # a partition a file
    df = spark.read.parquet(folder.as_uri())
    assert df.rdd.getNumPartitions() == PARTITIONS
    return df


def failing(work: Callable[[Any], Iterator[Any]], partition: int) -> Callable[[Any], Iterator[Any]]:
    """A task that fails once in one partition, after all of its work is done."""

    def task(batches: Any) -> Iterator[Any]:
        done = list(work(batches))
        context = TaskContext.get()
        if context.partitionId() == partition and context.attemptNumber() == 0:
            raise OSError("this machine goes away")
        yield from done

    return task


def parts(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if "part-" in path.name)


def test_two_workers(spark: Any) -> None:
    assert spark.range(8, numPartitions=4).count() == 8  # a job waits for both of them
    executors = spark.sparkContext._jsc.sc().getExecutorMemoryStatus().size() - 1  # and the driver
    assert executors == 2


def test_the_rows_are_those_of_decode_batch(archive: Any, telegrams: Any) -> None:
    options = {"keep": KEEP, "value": True, "decimals": True}
    df = decode_telegrams(archive, column="telegram", **options)
    rows = collected(df)
    assert counted(rows) == counted(expected(telegrams, **options))
    assert df.columns == list(rows[0])
    assert isinstance(df.schema["value_time"].dataType, TimestampNTZType)
    assert len({(row["manufacturer"], row["quantity"], row["unit"]) for row in rows}) > 20
    for column in ("error", "reason", "value_time", "value_text", "mantissa", "value", "value_decimal"):
        assert any(row[column] is not None for row in rows), column


def test_hex_gives_the_rows_of_octets(spark: Any, telegrams: Any) -> None:
    texts = [None if item is None else item.hex(" ") for item in telegrams["telegram"].to_pylist()]
    df = spark.createDataFrame([(text,) for text in texts], "`mbus-raw` string").repartition(3)
    rows = collected(decode_telegrams(df))
    table = pa.table({"telegram": pa.array(texts)})
    assert counted(rows) == counted(expected(table))


def test_only_what_is_wanted_is_read_and_given(archive: Any, telegrams: Any) -> None:
    wanted = ["unit", "mantissa", "exponent"]
    df = decode_telegrams(archive, columns=wanted, keep=["id"])
    assert df.columns == [*wanted, "id"]
    plan = df._jdf.queryExecution().executedPlan().toString()
    assert "ReadSchema: struct<id:bigint,telegram:binary>" in plan
    assert counted(collected(df)) == counted(expected(telegrams, columns=wanted, keep=["id"]))


def test_telegrams_are_counted_within_a_partition(archive: Any, telegrams: Any) -> None:
    df = decode_telegrams(archive, columns=["telegram"], keep=["id"])
    pairs = {(row["telegram"], row["id"]) for row in collected(df)}
    step = -(-telegrams.num_rows // PARTITIONS)
    assert pairs == {(index % step, 1000 + index) for index in range(telegrams.num_rows)}


def test_names_with_dots_and_types_of_kept_columns(spark: Any) -> None:
    df = spark.sql(
        "select 'e5' as `gateway.raw`, timestamp'2026-01-02 03:04:05' as `read.at`, array(1, 2) as `a``b`, "
        "map('k', date'2026-01-01') as m, 1.25bd as price"
    )
    keep = ["read.at", "a`b", "m", "price", "gateway.raw"]
    decoded = decode_telegrams(df, column="gateway.raw", columns=["error"], keep=keep)
    for name in keep:
        assert decoded.schema[name] == df.schema[name]
    (row,), (original,) = decoded.collect(), df.collect()
    assert row["error"]
    assert [row[name] for name in keep] == [original[name] for name in keep]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"column": "nothing"}, "no column 'nothing'; there are: id, telegram, station, unused"),
        ({"keep": ["nothing"]}, "no column 'nothing'"),
        ({"columns": ["nothing"]}, "no column 'nothing'; there are telegram, meter_id"),
        ({"link": "nothing"}, "link is one of auto"),
        ({"keep": ["telegram"]}, "a column of the table has the name 'telegram' too"),
    ],
)
def test_wrong_arguments_are_told_before_any_task(archive: Any, options: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        decode_telegrams(archive, **options)


def test_many_small_batches_are_decoded_together(spark: Any, archive: Any, telegrams: Any) -> None:
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "7")
    try:
        rows = collected(decode_telegrams(archive, keep=KEEP))
    finally:
        spark.conf.unset("spark.sql.execution.arrow.maxRecordsPerBatch")
    assert counted(rows) == counted(expected(telegrams, keep=KEEP))
    sevens = [pa.record_batch({"a": list(range(7))})] * 20_000
    sizes = [batch.num_rows for batch in engine._combined(iter(sevens))]
    assert sum(sizes) == 140_000
    assert all(engine.TELEGRAMS_A_BATCH <= size < engine.TELEGRAMS_A_BATCH + 7 for size in sizes[:-1])


def test_write_in_task(spark: Any, archive: Any, telegrams: Any, tmp_path: Path) -> None:
    options = {"keep": KEEP, "value": True, "decimals": True}
    rows = expected(telegrams, **options)
    manifest = collected(decode_telegrams(archive, write_to=tmp_path / "out", **options))
    assert [row["partition"] for row in manifest] == list(range(PARTITIONS))
    assert {row["attempt"] for row in manifest} == {0}
    assert sum(row["telegrams"] for row in manifest) == telegrams.num_rows
    assert sum(row["rows"] for row in manifest) == len(rows)
    rejected = [row for row in expected(telegrams, columns=["layout"]) if row["layout"] is None]
    assert sum(row["rejected"] for row in manifest) == len(rejected) > 3
    files = manifest_files(tmp_path / "out")
    assert [f"file://{file}" for file in files] == [row["path"] for row in manifest]
    assert [Path(file).stat().st_size for file in files] == [row["bytes"] for row in manifest]
    written = read_manifest(spark, tmp_path / "out")
    assert counted(collected(written)) == counted(rows)
    assert written.schema == decode_telegrams(archive, **options).schema
    codec = pq.read_metadata(files[0]).row_group(0).column(0).compression
    assert codec == "ZSTD"
    with pytest.raises(FileExistsError, match="take another directory"):
        decode_telegrams(archive, write_to=tmp_path / "out")


def test_written_columns_are_those_that_were_wanted(archive: Any, telegrams: Any, tmp_path: Path) -> None:
    decode_telegrams(archive, columns=["unit", "mantissa"], keep=["id"], write_to=tmp_path)
    rows = pq.read_table(manifest_files(tmp_path)).to_pylist()
    assert list(rows[0]) == ["unit", "mantissa", "id"]
    assert counted(rows) == counted(expected(telegrams, columns=["unit", "mantissa"], keep=["id"]))


def test_a_task_that_fails_after_writing_leaves_no_row_twice(
    spark: Any, archive: Any, telegrams: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before_commit: list[str] = []
    commit = engine._commit

    def seen(directory: str, *rest: Any) -> None:
        before_commit.extend(parts(tmp_path))
        commit(directory, *rest)

    monkeypatch.setattr(engine, "_commit", seen)
    monkeypatch.setattr(engine._Job, "task", lambda job: failing(job.manifest, 2))
    manifest = collected(decode_telegrams(archive, keep=KEEP, write_to=tmp_path))
    assert [row["attempt"] for row in manifest] == [0, 0, 1, 0, 0]
    assert len(before_commit) == PARTITIONS + 1  # the failed attempt had written its file
    assert parts(tmp_path) == sorted(Path(row["path"]).name for row in manifest)
    assert counted(collected(read_manifest(spark, tmp_path))) == counted(expected(telegrams, keep=KEEP))


def test_a_task_that_fails_while_writing_leaves_nothing(
    spark: Any, archive: Any, telegrams: Any, tmp_path: Path
) -> None:
    def breaks(batches: Any) -> Iterator[Any]:
        context = TaskContext.get()
        for batch in batches:
            yield batch.slice(0, 3)
            if context.partitionId() == 1 and context.attemptNumber() == 0:
                raise OSError("this machine goes away")
            yield batch.slice(3)

    df = archive.mapInArrow(breaks, archive.schema)
    manifest = collected(decode_telegrams(df, keep=KEEP, write_to=tmp_path))
    assert [row["attempt"] for row in manifest] == [0, 1, 0, 0, 0]
    assert parts(tmp_path) == sorted(Path(row["path"]).name for row in manifest)
    assert counted(collected(read_manifest(spark, tmp_path))) == counted(expected(telegrams, keep=KEEP))


def test_a_run_that_fails_has_no_manifest_and_can_be_repeated(
    spark: Any, archive: Any, telegrams: Any, tmp_path: Path
) -> None:
    def breaks(batches: Any) -> Iterator[Any]:
        yield from batches
        if TaskContext.get().partitionId() == PARTITIONS - 1:
            raise OSError("this machine never works")

    with pytest.raises(PythonException, match="this machine never works"):
        decode_telegrams(archive.mapInArrow(breaks, archive.schema), write_to=tmp_path)
    left = parts(tmp_path)
    assert left
    with pytest.raises(FileNotFoundError, match="has no _manifest: the run that writes it was not completed"):
        read_manifest(spark, tmp_path)
    decode_telegrams(archive, write_to=tmp_path)
    assert not {*left} & {*parts(tmp_path)}
    assert counted(collected(read_manifest(spark, tmp_path))) == counted(expected(telegrams))


def test_a_directory_that_is_not_shared_is_told(
    archive: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def elsewhere(job: Any) -> Callable[[Any], Iterator[Any]]:
        moved = engine.replace(job, directory=(tmp_path / "other").as_uri())
        (tmp_path / "other").mkdir()
        return moved.manifest

    monkeypatch.setattr(engine._Job, "task", elsewhere)
    with pytest.raises(FileNotFoundError, match="take a directory that all of them share"):
        decode_telegrams(archive, write_to=tmp_path / "out")


def test_an_attempt_that_comes_too_late_does_not_show(archive: Any, telegrams: Any, tmp_path: Path) -> None:
    decode_telegrams(archive, write_to=tmp_path)
    before = parts(tmp_path)
    job = engine._Job(
        names=("telegram",), keep=(), link="auto", columns=("unit",), directory=tmp_path.as_uri()
    )
    with pytest.raises(RuntimeError, match="this attempt came too late"):
        job.write(telegrams.select(["telegram"]).to_batches(), 0, 1)
    assert parts(tmp_path) == before


def test_no_telegrams_give_no_rows(spark: Any, archive: Any, tmp_path: Path) -> None:
    none = archive.where("id < 0")
    assert decode_telegrams(none).count() == 0
    assert decode_telegrams(none, write_to=tmp_path).count() == 0
    assert json.loads((tmp_path / "_manifest").read_text())["files"] == []
    empty = read_manifest(spark, tmp_path)
    assert empty.count() == 0
    assert empty.schema == decode_telegrams(none).schema

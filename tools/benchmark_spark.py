"""Spark: one worker against two of one core each, on the same fleet, on a cluster on this machine.

python tools/benchmark_spark.py MASTER FLEET.parquet      what one run measures, as JSON
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import fleet

if TYPE_CHECKING:
    from benchmark_table import Figures

TELEGRAMS: Final = 1_000_000
WARM: Final = 20_000
PARTITIONS: Final = 8
ROUNDS: Final = 2
MEMORY_MB: Final = 2048  # of each worker's JVM
TARGET: Final = 1.5
WAYS: Final = {"rows": "rows, to Spark's columns", "files": "written in the tasks, manifest back"}


def run(master: str, path: str) -> dict[str, float]:
    """Seconds of each way for the whole fleet, Spark and its Python workers warm."""
    with tempfile.TemporaryDirectory() as home:
        _spark_home(Path(home))
        return _run(master, path)


def _spark_home(home: Path) -> None:
    """Workers write logs below SPARK_HOME, which must not be the installed package."""
    pyspark: Any = importlib.import_module("pyspark")
    for item in Path(pyspark.__file__).parent.iterdir():
        (home / item.name).symlink_to(item)
    os.environ |= {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}


def _run(master: str, path: str) -> dict[str, float]:
    sql: Any = importlib.import_module("pyspark.sql")
    engine: Any = importlib.import_module("mbus_construct.spark")
    builder = sql.SparkSession.builder.master(master).appName("mbus-construct benchmark")
    for key, value in {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.log.level": "ERROR",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "50000",
    }.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    try:
        telegrams = spark.read.parquet(path).repartition(PARTITIONS).cache()
        telegrams.count()  # what is timed is decoding, and not reading one file
        with tempfile.TemporaryDirectory() as folder:
            ways: dict[str, Callable[[Any, str], object]] = {
                "rows": lambda df, _: (
                    engine.decode_telegrams(df).write.format("noop").mode("overwrite").save()
                ),
                "files": lambda df, name: engine.decode_telegrams(
                    df, write_to=str(Path(folder, name))
                ).collect(),
            }
            return {name: _best(way, telegrams, name) for name, way in ways.items()}
    finally:
        spark.stop()


def _best(way: Callable[[Any, str], object], telegrams: Any, name: str) -> float:
    way(telegrams.limit(WARM).repartition(PARTITIONS), f"{name}-warm")
    best = float("inf")
    for number in range(ROUNDS):
        start = perf_counter()
        way(telegrams, f"{name}-{number}")
        best = min(best, perf_counter() - start)
    return best


def _process(master: str, path: Path) -> dict[str, float]:
    """The same in a process of its own."""
    done = subprocess.run(  # noqa: S603  this program itself
        [sys.executable, __file__, master, str(path)], check=True, capture_output=True, text=True
    )
    seconds: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return seconds


def main(made: fleet.Fleet, figures: Figures, count: int = TELEGRAMS) -> None:
    """Print one worker against two."""
    figures.heading(f"Spark: {count:,} telegrams in {PARTITIONS} partitions, workers that are warm")
    try:
        importlib.import_module("mbus_construct.spark")
    except ImportError as error:
        figures.note(f"left out: {error}")
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "fleet.parquet")
        fleet.write_parquet(path, (block.arrow() for block in made.blocks(count)))
        try:
            one, two = (_process(f"local-cluster[{workers},1,{MEMORY_MB}]", path) for workers in (1, 2))
        except subprocess.CalledProcessError as error:
            lines = str(error.stderr).strip().splitlines() or ["no word why"]
            figures.note(f"Spark does not run here: {lines[-1]}")
            return
    for name, words in WAYS.items():
        figures.rate(f"one worker, {words}", count / one[name])
        figures.rate(f"two workers, {words}", count / two[name])
        figures.at_least(f"two workers : one, {words}", one[name] / two[name], TARGET)


if __name__ == "__main__":
    print(json.dumps(run(*sys.argv[1:3])))

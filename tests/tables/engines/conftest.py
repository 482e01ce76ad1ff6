"""A Spark cluster of two workers on this machine, and telegrams of every sort for the engines to decode."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import pytest

import vectors
from checkout import ENVIRONMENT
from helpers import long_frame
from telegrams import HEADER, README_TELEGRAM

# Long tests, which .ci/run installs Spark for: no test of a quick run skips for want of it.
collect_ignore = [] if find_spec("pyspark") else ["test_spark.py", "test_spark_page.py"]

# Several layouts, each more than once; dates, texts, errors of all sorts; what is no telegram at all.
OCTETS: Final[list[bytes | None]] = [
    *vectors.FRAMES,
    *(long_frame(HEADER + b"\x04\x13" + count.to_bytes(4, "little")) for count in range(40)),
    README_TELEGRAM,
    README_TELEGRAM[:-2] + b"\x00\x16",  # check sum
    README_TELEGRAM[:60],  # cut
    README_TELEGRAM[4:-2],  # from the C field on
    README_TELEGRAM[6:-2],  # from the CI field on
    long_frame(HEADER + bytes.fromhex("0A 65 21 E3 02 65 F6 FF")),  # one value that is none
    long_frame(HEADER + bytes.fromhex("0D 78 04 34 33 32 31 02 6C 00 00 07 13 FF FF FF FF FF FF FF FF")),
    None,
    b"",
    bytes(range(40)),
]


@pytest.fixture(scope="session")
def telegrams() -> Any:
    """A table with the columns `id`, `telegram`, `station` and `unused`."""
    pa = pytest.importorskip("pyarrow", reason="columns need the extra arrow")
    count = len(OCTETS)
    return pa.table(
        {
            "id": pa.array(range(1000, 1000 + count), pa.int64()),
            "telegram": pa.array(OCTETS, pa.binary()),
            "station": pa.array([None if index % 7 == 0 else f"S{index % 3}" for index in range(count)]),
            "unused": pa.array([float(index) for index in range(count)]),
        }
    )


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A session on a local cluster: two workers, each a JVM with its own Python processes."""
    pyspark = pytest.importorskip("pyspark", reason='Spark is not installed: pip install -e ".[spark]"')
    sql = pytest.importorskip("pyspark.sql")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java, and there is no java here: install Java 17")
    # The workers write logs below SPARK_HOME, which must not be the installed package.
    home = tmp_path_factory.mktemp("spark-home")
    for item in Path(pyspark.__file__).parent.iterdir():
        (home / item.name).symlink_to(item)
    settings = {
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": ENVIRONMENT["PYTHONPATH"],
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, setting in settings.items():
            patch.setenv(name, setting)
        session = (
            sql.SparkSession.builder.master("local-cluster[2,1,1024]")
            .appName("mbus-construct tests")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.ui.enabled", "false")
            .config("spark.log.level", "OFF")  # tasks fail here on purpose
            .config("spark.scheduler.minRegisteredResourcesRatio", "1.0")
            .config("spark.sql.shuffle.partitions", "2")
            .config("spark.sql.session.timeZone", "Asia/Tokyo")
            .getOrCreate()
        )
        yield session
        session.stop()

"""The examples of docs/spark.md run, one after the other, and what the page promises of its readers holds."""

# ruff: noqa: E402  what is imported is not there where the tests skip

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyspark", reason='Spark is not installed: pip install -e ".[spark]"')
pq = pytest.importorskip("pyarrow.parquet")

from pyarrow import dataset

from checkout import ROOT
from mbus_construct.spark import decode_telegrams, manifest_files

PAGE = (ROOT / "docs" / "spark.md").read_text(encoding="utf-8")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning"),
]


def test_the_examples(
    spark: Any,
    telegrams: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "archive").mkdir()
    pq.write_table(telegrams, tmp_path / "archive" / "telegrams.parquet")
    monkeypatch.chdir(tmp_path)
    # What is relative for Spark is so to where its JVM was started.
    source = "\n".join(re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL))
    source = source.replace('"archive/"', repr((tmp_path / "archive").as_uri()))
    names: dict[str, Any] = {"spark": spark}
    exec(compile(source, "docs/spark.md", "exec"), names)  # noqa: S102
    assert re.search(rf"\b{telegrams.num_rows}\b", capfd.readouterr().out)
    assert names["volumes"].count() > 40
    assert names["readings"].count() == names["written"].count() == names["slim"].count()
    assert names["slim"].columns[-1] == "id"

    count = names["written"].count()
    paths = names["paths"]
    assert dataset.dataset(paths).count_rows() == count
    pandas = pytest.importorskip("pandas")
    assert len(pandas.read_parquet(paths)) == count


def test_other_readers(spark: Any, telegrams: Any, tmp_path: Path) -> None:
    pq.write_table(telegrams, tmp_path / "telegrams.parquet")
    df = spark.read.parquet((tmp_path / "telegrams.parquet").as_uri())
    decode_telegrams(df, write_to=tmp_path / "readings")
    paths = manifest_files(tmp_path / "readings")
    count = pq.read_table(paths).num_rows
    polars = pytest.importorskip("polars", reason="one of the readers on the page")
    assert polars.scan_parquet(paths).select(polars.len()).collect().item() == count
    duckdb = pytest.importorskip("duckdb", reason="one of the readers on the page")
    assert duckdb.read_parquet(paths).count("*").fetchall() == [(count,)]

"""Encrypted telegrams in Polars and Spark: the rows of `decode_batch` with the same keys, which nothing shows."""

# ruff: noqa: E402  what is imported is not there where the tests skip

from __future__ import annotations

import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

pa = pytest.importorskip("pyarrow", reason='pyarrow is not installed: pip install -e ".[arrow]"')
pytest.importorskip("cryptography", reason='cryptography is not installed: pip install -e ".[crypto]"')

import pyarrow.parquet as pq

from mbus_construct.arrow import decode_batch
from mbus_construct.security.keys import Keys, KeysError
from mbus_construct.security.sealing import seal_telegram
from mbus_grammars.wireless import FRAME_FORMATS, with_crcs
from telegrams import README_TELEGRAM

pytestmark = pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")

KEY = "000102030405060708090A0B0C0D0E0F"
OTHER = "5E" * 16
METERS = 6


def meter(number: int) -> bytes:
    """An encrypted telegram of a meter, in one of the frame formats."""
    link = bytes([0x44, 0x93, 0x15, number, 0, 0, 0x12, 0x33, 0x03])
    header = bytes.fromhex("7A 2A 00 1005 2F2F")
    data = bytes.fromhex("0C14 27048502 046D 32371F15 2F2F")
    octets = bytes([len(link + header + data)]) + link + header + data
    return with_crcs(seal_telegram(octets, "wireless", Keys.of(KEY)), FRAME_FORMATS[number % 3])


@pytest.fixture(scope="module")
def table() -> Any:
    """Telegrams with the columns `id`, `telegram` and `secret`: right keys, a wrong one, none, and no key."""
    octets = [meter(number) for number in range(METERS)] * 4 + [README_TELEGRAM] * 4
    keys = [KEY, OTHER, None, "", "5E5E", KEY.lower()] * 4 + [None, KEY, "5E", OTHER]
    return pa.table({"id": range(len(octets)), "telegram": pa.array(octets, pa.binary()), "secret": keys})


def counted(rows: Any) -> Counter[tuple[tuple[str, str], ...]]:
    return Counter(tuple(sorted((k, repr(v)) for k, v in row.items() if k != "telegram")) for row in rows)


def expected(table: Any, **options: Any) -> Counter[tuple[tuple[str, str], ...]]:
    rows = decode_batch(table, column="telegram", keep=["id"], portable=True, **options).to_pylist()
    codes = {row["code"] for row in rows if row["error"]}
    assert codes >= ({"key", "wrong_key"} if "key_column" in options else set())
    return counted(rows)


GIVEN: list[dict[str, Any]] = [
    {"keys": KEY},
    {"key_column": "secret"},
    {"keys": {"12000003": KEY, "default": OTHER}, "key_column": "secret"},
]
IDS = ["keys", "column", "both"]


def shows_no_key(*texts: object) -> bool:
    shown = "\n".join(map(str, texts)).upper()
    return KEY not in shown and OTHER not in shown and str(bytes.fromhex(KEY)) not in shown


@pytest.mark.parametrize("given", GIVEN, ids=IDS)
def test_polars_frames(table: Any, given: dict[str, Any]) -> None:
    pl = pytest.importorskip("polars", reason='Polars is not installed: pip install -e ".[polars]"')
    from mbus_construct.polars import read_telegrams  # noqa: PLC0415

    frame: Any = pl.from_arrow(table)
    lazy = read_telegrams(frame, column="telegram", keep=["id"], **given)
    assert counted(lazy.collect().to_dicts()) == expected(table, **given)
    assert shows_no_key(lazy.explain(), lazy)


@pytest.mark.parametrize("given", GIVEN, ids=IDS)
def test_polars_files(table: Any, given: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("polars", reason='Polars is not installed: pip install -e ".[polars]"')
    from mbus_construct.polars import read_telegrams  # noqa: PLC0415

    pq.write_table(table, tmp_path / "a.parquet")
    lazy = read_telegrams(tmp_path, column="telegram", keep=["id"], **given)
    assert counted(lazy.collect().to_dicts()) == expected(table, **given)
    few = lazy.select("quantity", "mantissa").collect()
    assert few.height == sum(expected(table, **given).values())
    assert shows_no_key(lazy.explain())


def test_what_polars_refuses(table: Any) -> None:
    pl = pytest.importorskip("polars", reason='Polars is not installed: pip install -e ".[polars]"')
    from mbus_construct.polars import read_telegrams  # noqa: PLC0415

    frame: Any = pl.from_arrow(table)
    with pytest.raises(ValueError, match="'secret' holds keys, which are not kept"):
        read_telegrams(frame, column="telegram", keep=["secret"], key_column="secret")
    with pytest.raises(ValueError, match="no column 'nothing'"):
        read_telegrams(frame, column="telegram", key_column="nothing")
    with pytest.raises(KeysError):
        read_telegrams(frame, column="telegram", keys="12")
    two = frame.select(pl.col("telegram").alias("anything"), "secret")
    assert read_telegrams(two, key_column="secret").collect().height > METERS


@pytest.mark.slow
@pytest.mark.parametrize("given", GIVEN, ids=IDS)
def test_spark(spark: Any, table: Any, given: dict[str, Any], tmp_path: Path) -> None:
    from mbus_construct.spark import decode_telegrams, read_manifest  # noqa: PLC0415

    pq.write_table(table, tmp_path / "a.parquet")
    df = spark.read.parquet((tmp_path / "a.parquet").as_uri()).repartition(2)
    rows = decode_telegrams(df, column="telegram", keep=["id"], **given)
    wanted = expected(table, **given)
    assert counted(row.asDict() for row in rows.collect()) == wanted
    assert shows_no_key(rows._jdf.queryExecution().toString(), rows)
    manifest = decode_telegrams(df, column="telegram", keep=["id"], write_to=tmp_path / "out", **given)
    assert shows_no_key(manifest.collect(), (tmp_path / "out" / "_manifest").read_text())
    assert read_manifest(spark, tmp_path / "out").count() == sum(wanted.values())
    with pytest.raises(ValueError, match="'secret' holds keys, which are not kept"):
        decode_telegrams(df, column="telegram", keep=["secret"], key_column="secret")


@pytest.mark.slow
def test_tasks_of_spark_do_not_show_keys() -> None:
    pytest.importorskip("pyspark", reason='Spark is not installed: pip install -e ".[spark]"')
    from mbus_construct.tables.engines.spark import _Job  # noqa: PLC0415

    job = _Job(("telegram",), (), "auto", Keys.of({"12345678": KEY}), None)
    assert shows_no_key(repr(job), vars(job))
    assert pickle.loads(pickle.dumps(job)) == job  # noqa: S301  our own

"""Polars gives the rows of `decode_batch`, from frames and from files, and decodes what a query needs."""

# ruff: noqa: E402  what is imported is not there where the tests skip

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pl = pytest.importorskip("polars", reason='Polars is not installed: pip install -e ".[polars]"')
pa = pytest.importorskip("pyarrow", reason='pyarrow is not installed: pip install -e ".[arrow]"')

import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from pyarrow import feather

from mbus_construct.arrow import decode_batch
from mbus_construct.polars import read_telegrams
from mbus_construct.tables.engines import polars as engine

KEEP = ["id", "station"]
ENGINES = ["in-memory", "streaming"]


def counted(rows: Any) -> Counter[tuple[tuple[str, str], ...]]:
    return Counter(tuple((name, repr(item)) for name, item in sorted(row.items())) for row in rows)


def expected(table: Any, **options: Any) -> list[dict[str, Any]]:
    (batch,) = table.combine_chunks().to_batches()
    rows: list[dict[str, Any]] = decode_batch(batch, column="telegram", **options).to_pylist()
    return rows


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "TELEGRAMS_A_BATCH", 16)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, list[str]]]:
    """How many telegrams were decoded at a time, and which columns of them."""
    calls: list[tuple[int, list[str]]] = []

    def seen(batch: Any, **options: Any) -> Any:
        if batch.num_rows:
            calls.append((batch.num_rows, options["columns"]))
        return decode_batch(batch, **options)

    monkeypatch.setattr(engine, "decode_batch", seen)
    return calls


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("lazy", [False, True])
def test_the_rows_are_those_of_decode_batch(
    telegrams: Any, small_batches: None, name: Any, lazy: bool
) -> None:
    options = {"keep": KEEP, "value": True, "decimals": True}
    frame = pl.from_arrow(telegrams)
    table = read_telegrams(frame.lazy() if lazy else frame, **options)
    rows = table.collect(engine=name)
    assert rows.schema == table.collect_schema()
    assert rows.columns == list(expected(telegrams, **options)[0])
    assert counted(rows.to_dicts()) == counted(expected(telegrams, **options))
    for column in ("error", "reason", "value_time", "value_text", "mantissa", "value", "value_decimal"):
        assert rows[column].null_count() < rows.height, column


def test_hex_gives_the_rows_of_octets(telegrams: Any) -> None:
    texts = [None if item is None else item.hex(" ") for item in telegrams["telegram"].to_pylist()]
    rows = read_telegrams(pl.DataFrame({"mbus-raw": texts})).collect()
    assert counted(rows.to_dicts()) == counted(expected(pa.table({"telegram": texts})))


@pytest.mark.parametrize("name", ENGINES)
def test_only_what_a_query_needs_is_decoded(telegrams: Any, decoded: Any, name: Any) -> None:
    table = read_telegrams(pl.from_arrow(telegrams), keep=KEEP, value=True)
    assert not decoded
    found = table.filter(pl.col("quantity") == "volume").select("value", "id").collect(engine=name)
    assert decoded == [(telegrams.num_rows, decoded[0][1])]
    assert sorted(decoded[0][1]) == ["quantity", "value"]
    rows = expected(telegrams, keep=KEEP, value=True)
    volumes = [{"value": row["value"], "id": row["id"]} for row in rows if row["quantity"] == "volume"]
    assert counted(found.to_dicts()) == counted(volumes)
    decoded.clear()
    assert table.select(pl.len()).collect(engine=name).item() == len(rows)
    assert len(decoded[0][1]) <= 1


@pytest.mark.parametrize("name", ENGINES)
def test_rows_that_are_not_wanted_are_not_decoded(
    telegrams: Any, decoded: Any, small_batches: None, name: Any
) -> None:
    table = read_telegrams(pl.from_arrow(telegrams))
    head = table.head(5).collect(engine=name)
    assert head.height == 5
    assert len(decoded) < 3
    everything = table.collect()
    assert head.equals(everything.head(5))
    chosen = table.head(30).filter(pl.col("record") > 0).collect(engine=name)
    assert chosen.equals(everything.head(30).filter(pl.col("record") > 0))
    chosen = table.filter(pl.col("record") > 0).head(30).collect(engine=name)
    assert chosen.equals(everything.filter(pl.col("record") > 0).head(30))
    assert table.slice(7, 9).collect(engine=name).equals(everything.slice(7, 9))


def test_a_query_that_uses_the_table_twice(telegrams: Any) -> None:
    table = read_telegrams(pl.from_arrow(telegrams), keep=["id"])
    counts = table.group_by("id").agg(records=pl.len())
    joined = table.join(counts, on="id").collect()
    assert joined.height == len(expected(telegrams))


def _hex(item: bytes | None) -> str:
    return "" if item is None else item.hex()


def _files(folder: Path, table: Any) -> Iterator[Path]:
    """The telegrams in each of the formats."""
    texts = table.set_column(1, "telegram", pa.array([_hex(item) for item in table["telegram"].to_pylist()]))
    pq.write_table(table, folder / "a.parquet", row_group_size=20)
    yield folder / "a.parquet"
    feather.write_feather(table, folder / "a.arrow")
    yield folder / "a.arrow"
    pacsv.write_csv(texts, folder / "a.csv")
    yield folder / "a.csv"
    (folder / "a.ndjson").write_text("".join(json.dumps(row) + "\n" for row in texts.to_pylist()))
    yield folder / "a.ndjson"


@pytest.fixture
def whole(telegrams: Any) -> Any:
    """Without the rows that a text cannot tell apart: no octets, and none known."""
    rows = [index for index, item in enumerate(telegrams["telegram"].to_pylist()) if item]
    return telegrams.take(rows)


def test_files_of_every_format_give_the_same_rows(whole: Any, tmp_path: Path) -> None:
    rows = counted(expected(whole, keep=["id"], value=True))
    for path in _files(tmp_path, whole):
        found = read_telegrams(path, keep=["id"], value=True).collect()
        if path.suffix in (".csv", ".ndjson"):  # what is kept of these is text
            found = found.with_columns(pl.col("id").str.to_integer())
        assert counted(found.to_dicts()) == rows, path.name


def test_lines_of_hex(telegrams: Any, tmp_path: Path) -> None:
    octets = telegrams["telegram"].to_pylist()[27:40]
    path = tmp_path / "log.hex"
    path.write_text("# a meter\n" + "".join(item.hex(" ") + "\n" for item in octets))
    found = read_telegrams(path, keep=["line"]).collect()
    rows = expected(pa.table({"telegram": octets}))
    assert counted(found.drop("line").to_dicts()) == counted(rows)
    assert set(found["line"].to_list()) == set(range(2, len(octets) + 2))


def test_globs_lists_and_directories(whole: Any, tmp_path: Path) -> None:
    for index in range(3):
        pq.write_table(whole.slice(30 * index, 30), tmp_path / f"day-{index}.parquet")
    paths = sorted(tmp_path.iterdir())
    frames = [
        read_telegrams(source, keep=["source", "id"]).collect()
        for source in (str(tmp_path / "day-*.parquet"), paths, tmp_path)
    ]
    assert frames[0].equals(frames[1])
    assert frames[0].equals(frames[2])
    assert frames[0]["source"].unique().sort().to_list() == [str(path) for path in paths]
    rows = expected(whole.slice(0, 90), keep=["id"])
    assert counted(frames[0].drop("source", "telegram").to_dicts()) == counted(
        {name: item for name, item in row.items() if name != "telegram"} for row in rows
    )


def test_a_damaged_file_costs_only_itself(whole: Any, tmp_path: Path) -> None:
    pq.write_table(whole, tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_bytes(b"PAR1" + bytes(100))
    with pytest.warns(RuntimeWarning, match=r"b\.parquet: .*; rows may be missing"):
        found = read_telegrams(str(tmp_path / "*.parquet")).collect()
    assert counted(found.to_dicts()) == counted(expected(whole))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"column": "nothing"}, "no column 'nothing'"),
        ({"keep": ["nothing"]}, "no column '?nothing"),
        ({"columns": ["nothing"]}, "no column 'nothing'; there are telegram, meter_id"),
        ({"link": "nothing"}, "link is one of auto"),
        ({"keep": ["telegram"]}, "a column of the table has the name 'telegram' too"),
    ],
)
def test_wrong_arguments_are_told_at_once(telegrams: Any, tmp_path: Path, options: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_telegrams(pl.from_arrow(telegrams), **options)
    pq.write_table(telegrams, tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=says):
        read_telegrams(tmp_path / "a.parquet", **options)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"nothing\.csv: No such file"):
        read_telegrams(tmp_path / "nothing.csv")
    with pytest.raises(OSError, match=r"\*\.csv: no file has such a name"):
        read_telegrams(str(tmp_path / "*.csv"))
    with pytest.raises(OSError, match="no file of telegrams"):
        read_telegrams(tmp_path)


@pytest.mark.parametrize("source", [None, 5, pl.Series(["E5"]), [None]])
def test_what_is_neither_paths_nor_a_frame(source: Any) -> None:
    with pytest.raises(TypeError, match="give paths, or a frame with a column of telegrams, not"):
        read_telegrams(source)


def test_names_to_keep_are_a_list() -> None:
    with pytest.raises(TypeError, match="keep is a list of names"):
        read_telegrams("anything", keep="id")

"""`mbus convert`: every kind of file in and out gives the same rows; usage, exit codes, what is said."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from commands import Mbus, Run, one_line, program
from telegrams import README_TELEGRAM, response

pa = pytest.importorskip("pyarrow", reason='needs pip install "mbus-construct[arrow]"')

from pyarrow import compute, feather, ipc, parquet  # noqa: E402

from mbus_construct.arrow import decode_batch, decode_star, decode_wide  # noqa: E402

HEX = README_TELEGRAM.hex().upper()
SHORT_HEX = response("0C 13 27 04 85 02 02 5A 2D 01").hex()
BROKEN = HEX[:-4] + "0016"
TELEGRAMS = [HEX, SHORT_HEX, BROKEN, "zz", HEX]

Rows = list[dict[str, Any]]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A CSV with telegrams, two of which are damaged."""
    file = tmp_path / "a.csv"
    lines = [f"{number};{telegram};m{number}" for number, telegram in enumerate(TELEGRAMS)]
    file.write_text("\n".join(["at;mbus-raw;device", *lines]) + "\n", encoding="utf-8")
    return file


def expected(portable: bool = True) -> Rows:
    """What the decoder gives, which every file must hold."""
    batch = pa.record_batch({"telegram": TELEGRAMS})
    return by_place(decode_batch(batch, portable=portable).to_pylist())


def by_place(rows: Rows) -> Rows:
    return sorted(rows, key=lambda row: (row["telegram"], -1 if row["record"] is None else row["record"]))


def read(path: Path) -> Rows:
    """The rows of a file or a directory of files."""
    if path.is_dir():
        return [row for file in sorted(path.glob("part-*")) for row in read(file)]
    if path.suffix == ".parquet":
        return list(parquet.read_table(path).to_pylist())
    if path.suffix in (".arrow", ".feather"):
        return list(feather.read_table(path).to_pylist())
    if path.suffix == ".arrows":
        with ipc.open_stream(path.read_bytes()) as stream:
            return list(stream.read_all().to_pylist())
    octets = path.read_bytes()
    text = (gzip.decompress(octets) if path.suffix == ".gz" else octets).decode("utf-8")
    return from_ndjson(text) if ".ndjson" in path.name else from_csv(text)


def from_ndjson(text: str) -> Rows:
    return [json.loads(line) for line in text.splitlines()]


INTEGERS = {
    "line", "telegram", "version", "device_type", "access_number", "status", "record", "storage_number", "tariff",
    "subunit", "mantissa", "exponent", "offset",
}  # fmt: skip


def from_csv(text: str) -> Rows:
    return [
        {name: None if cell == "" else int(cell) if name in INTEGERS else cell for name, cell in row.items()}
        for row in csv.DictReader(io.StringIO(text))
    ]


def without(rows: Rows, *names: str) -> Rows:
    """Rows without columns, and with times as texts."""
    shown = []
    for row in rows:
        item = {name: value for name, value in row.items() if name not in names}
        time = item.get("value_time")
        item["value_time"] = time.isoformat() if hasattr(time, "isoformat") else time
        shown.append(item)
    return shown


def same(found: Rows, *kept: str) -> bool:
    return without(by_place(found), "source", "line", *kept) == without(expected())


OUTPUTS = ["o.parquet", "o.arrow", "o.feather", "o.arrows", "o.csv", "o.ndjson", "o.csv.gz", "o.ndjson.gz"]


@pytest.mark.parametrize("name", OUTPUTS)
def test_every_output_has_the_same_rows(mbus: Mbus, source: Path, tmp_path: Path, name: str) -> None:
    run = mbus("convert", source, "-o", tmp_path / name)
    assert (run.code, run.out) == (1, "")
    found = read(tmp_path / name)
    assert same(found)
    assert {row["source"] for row in found} == {str(source)}
    assert all(row["line"] == row["telegram"] + 2 for row in found)
    assert os.listdir(tmp_path) == ["a.csv", name] or os.listdir(tmp_path) == [name, "a.csv"]


@pytest.mark.parametrize("to", ["parquet", "arrow", "arrows", "csv", "ndjson"])
def test_a_directory_has_the_same_rows(mbus: Mbus, source: Path, tmp_path: Path, to: str) -> None:
    mbus("convert", source, "-o", f"{tmp_path}/out/", "--to", to)
    assert same(read(tmp_path / "out"))


@pytest.mark.parametrize("to", ["csv", "ndjson"])
def test_standard_output(source: Path, to: str) -> None:
    run = program("convert", str(source), "-o", "-", "--to", to)
    assert run.code == 1
    assert same(from_csv(run.out) if to == "csv" else from_ndjson(run.out))


@pytest.mark.parametrize(
    "name", ["o.parquet", *(pytest.param(name, marks=pytest.mark.slow) for name in ("o.csv.gz", "out/"))]
)
def test_two_workers_give_what_one_gives(source: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "b.hex").write_text("\n".join(TELEGRAMS), encoding="utf-8")
    (tmp_path / "c.bin").write_bytes(README_TELEGRAM)
    results = []
    for workers in ("1", "2"):
        folder = tmp_path / workers
        folder.mkdir()
        target = f"{folder}/{name}"
        files = (str(source), str(tmp_path / "b.hex"), str(tmp_path / "c.bin"))
        run = program("convert", *files, "-o", target, "--workers", workers, "-q")
        assert run.code == 1
        results.append(read(Path(target)))
        assert os.listdir(folder) == [name.rstrip("/")]
    assert results[0] == results[1]
    assert len(results[0]) == 2 * len(expected()) + 12


def inputs(tmp_path: Path) -> dict[str, bytes]:
    """The same telegrams in every kind of file."""
    table = pa.table({"payload": TELEGRAMS, "n": [1, 2, 3, 4, 5]})
    parquet.write_table(table, tmp_path / "t")
    sink = pa.BufferOutputStream()
    with ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    stream = pa.BufferOutputStream()
    with ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    contents = {
        "a.hex": "\n".join(TELEGRAMS).encode(),
        "a.csv": ("payload,n\n" + "".join(f"{text},1\n" for text in TELEGRAMS)).encode(),
        "a.ndjson": b"".join(json.dumps({"payload": text}).encode() + b"\n" for text in TELEGRAMS),
        "a.json": json.dumps([{"payload": text} for text in TELEGRAMS], indent=1).encode(),
        "a.parquet": (tmp_path / "t").read_bytes(),
        "a.arrow": sink.getvalue().to_pybytes(),
        "a.arrows": stream.getvalue().to_pybytes(),
    }
    (tmp_path / "t").unlink()
    contents |= {f"{name}.gz": gzip.compress(content) for name, content in contents.items()}
    return contents


def test_every_input_has_the_same_rows(mbus: Mbus, tmp_path: Path) -> None:
    for name, content in inputs(tmp_path).items():
        (tmp_path / name).write_bytes(content)
        run = mbus("convert", tmp_path / name, "-o", tmp_path / "o.parquet", "--restart")
        assert run.code == 1, name
        assert same(read(tmp_path / "o.parquet")), name
        run = mbus("convert", "-", "-o", tmp_path / "o.parquet", "--restart", stdin=content)
        found = read(tmp_path / "o.parquet")
        assert same(found), name
        assert {row["source"] for row in found} == {"standard input"}


def test_columns_in_their_order(mbus: Mbus, source: Path, tmp_path: Path) -> None:
    columns = "quantity,mantissa,line,exponent,device,unit"
    arguments = ("-o", tmp_path / "o.csv", "--columns", columns, "--keep", "device,at", "--restart")
    mbus("convert", source, *arguments)
    found = read(tmp_path / "o.csv")
    assert list(found[0]) == ["at", *columns.split(",")]
    assert next(row for row in found if row["line"] == 3) == {
        "at": "1", "quantity": "volume", "mantissa": 2850427, "line": 3, "exponent": -3, "device": "m1", "unit": "m³",
    }  # fmt: skip
    mbus(
        "convert",
        source,
        "-o",
        tmp_path / "o.csv",
        "--columns",
        "meter_id",
        "--value",
        "--decimals",
        "--restart",
    )
    assert list(read(tmp_path / "o.csv")[0]) == ["meter_id", "value", "value_decimal"]


def test_floats_and_decimals(mbus: Mbus, source: Path, tmp_path: Path) -> None:
    mbus("convert", source, "-o", tmp_path / "o.parquet", "--value", "--decimals")
    table = parquet.read_table(tmp_path / "o.parquet")
    assert table.schema.field("value").type == pa.float64()
    assert table.schema.field("value_decimal").type == pa.decimal128(38, 12)
    row = next(row for row in table.to_pylist() if row["mantissa"] == 2850427)
    assert (row["value"], str(row["value_decimal"])) == (2850.427, "2850.427000000000")


def test_header_less_telegrams(mbus: Mbus, tmp_path: Path) -> None:
    file = tmp_path / "a.hex"
    file.write_text(f"{README_TELEGRAM[7:-2].hex()}\n{README_TELEGRAM[4:-2].hex()}\n", encoding="utf-8")
    assert mbus("convert", file, "-o", tmp_path / "o.parquet").code == 0
    found = [row for row in read(tmp_path / "o.parquet") if row["record"] is not None]
    assert [row["mantissa"] for row in found] == [row["mantissa"] for row in expected()[:12]] * 2
    run = mbus("convert", file, "-o", tmp_path / "o.parquet", "--restart", "--link", "frame")
    assert run.code == 1
    assert "2 rejected" in run.err


# --- Shapes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", ["1", "2"])
def test_star(source: Path, tmp_path: Path, workers: str) -> None:
    for number in range(3):
        (tmp_path / f"{number}.hex").write_text("\n".join(TELEGRAMS), encoding="utf-8")
    (tmp_path / "b.bin").write_bytes(README_TELEGRAM * 2)  # another piece, with layouts that are known
    out = tmp_path / "out"
    run = program("convert", str(tmp_path), "-o", f"{out}/", "--shape", "star", "--workers", workers)
    assert run.code == 1, run.err
    assert sorted(item.name for item in out.iterdir()) == ["_manifest.ndjson", "facts", "layouts.parquet"]
    layouts = parquet.read_table(out / "layouts.parquet").to_pylist()
    keys = [(row["layout"], row["record"]) for row in layouts]
    assert len(set(keys)) == len(keys) == 14
    facts, wanted = decode_star(pa.record_batch({"telegram": TELEGRAMS}))
    assert sorted(map(str, layouts)) == sorted(map(str, wanted.to_pylist()))
    found = parquet.read_table(out / "facts")
    one = found.filter(compute.equal(found["source"].cast(pa.string()), str(source))).to_pylist()
    assert without(by_place(one), "source", "line") == without(by_place(facts.to_pylist()))


@pytest.mark.parametrize("to", ["parquet", "ndjson"])
def test_wide(source: Path, mbus: Mbus, tmp_path: Path, to: str) -> None:
    out = tmp_path / "out"
    run = mbus("convert", source, "-o", out, "--shape", "wide", "--keep", "device", "--to", to)
    assert run.code == 1
    wanted = decode_wide(pa.record_batch({"telegram": TELEGRAMS}))
    assert {item.name for item in out.iterdir() if item.is_dir()} == set(wanted)
    for name, table in wanted.items():
        found = read(out / name)
        assert [row["telegram"] for row in found] == table["telegram"].to_pylist()
        assert [row["device"] for row in found] == [f"m{row['telegram']}" for row in found]
        assert set(table.schema.names) <= set(found[0])


@pytest.mark.parametrize("shape", ["star", "wide"])
def test_several_tables_need_a_directory(mbus: Mbus, source: Path, shape: str) -> None:
    run = mbus("convert", source, "-o", "o.parquet", "--shape", shape)
    assert run.code == 2
    assert one_line(run.err)
    assert "-o out/" in run.err


# --- What is said ----------------------------------------------------------------------------------


def test_the_summary(mbus: Mbus, source: Path, tmp_path: Path) -> None:
    run = mbus("convert", source, "-o", tmp_path / "o.parquet")
    assert f"{source}, line 4: check sum 00h" in run.err
    assert f"{source}, line 5: no hex digit: 'z'" in run.err
    assert "5 telegrams, 28 rows, 2 rejected" in run.err.splitlines()[-1]
    clean = tmp_path / "clean.hex"
    clean.write_text(HEX, encoding="utf-8")
    run = mbus("convert", clean, "-o", tmp_path / "p.parquet")
    assert run.code == 0
    assert one_line(run.err)
    assert mbus("convert", clean, "-o", tmp_path / "q.parquet", "-q") == Run(0, "", "")


def test_a_file_that_cannot_be_read_costs_no_other(mbus: Mbus, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.csv").write_text(f"a,b\n1,{HEX}\n", encoding="utf-8")
    (folder / "b.parquet").write_bytes(b"PAR1 is all there is")
    (folder / "c.hex.gz").write_bytes(gzip.compress(HEX.encode())[:30])
    (folder / "d.hex").write_text(HEX, encoding="utf-8")
    (folder / "e.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00")
    run = mbus("convert", folder, tmp_path / "none.hex", "-o", tmp_path / "o.parquet")
    assert run.code == 1
    assert len(read(tmp_path / "o.parquet")) == 12
    for name in (
        "a.csv: name the column",
        "b.parquet: ",
        "c.hex.gz: ",
        "e.png: no file of telegrams",
        "none.hex: No such",
    ):
        assert sum(name in line for line in run.err.splitlines()) == 1, run.err


def test_nothing_to_read(mbus: Mbus, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.csv").write_text(f"a,b\n1,{HEX}\n", encoding="utf-8")
    (tmp_path / "b.hex").write_text("# nothing\n", encoding="utf-8")
    for name, said in (
        ("empty", "nothing to read"),
        ("none", "No such file"),
        ("a.csv", "a, b"),
        ("b.hex", "no telegram"),
    ):
        for output in ("o.parquet", "out/"):
            run = mbus("convert", tmp_path / name, "-o", f"{tmp_path}/{output}")
            assert run.code == 2
            assert one_line(run.err)
            assert said in run.err
            assert not (tmp_path / "o.parquet").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-o", "o.dat"], "--to parquet"),
        (["-o", "-"], "--to parquet"),
        (["-o", "-", "--to", "parquet"], "--to csv or --to ndjson"),
        (["-o", "o.csv", "--compression", "snappy"], "none, gzip, zstd"),
        (["-o", "o.csv", "--columns", "nix"], "'nix'"),
        (["-o", "o.csv", "--columns", "unit,unit"], "twice"),
        (["-o", "out/", "--shape", "wide", "--columns", "unit"], "long and star"),
        (["-o", "out/", "--shape", "wide", "--value"], "long and star"),
        (["-o", "o.csv", "--keep", "unit"], "'unit'"),
        (["-o", "o.csv", "--workers", "0"], "the least is 1"),
        ([], "'--output'"),
    ],
)
def test_usage(mbus: Mbus, source: Path, arguments: list[str], said: str) -> None:
    mbus.monkeypatch.chdir(source.parent)
    run = mbus("convert", source, *arguments)
    assert run.code == 2
    assert one_line(run.err)
    assert said in run.err
    assert os.listdir(source.parent) == ["a.csv"]


def test_what_is_there_is_not_overwritten(mbus: Mbus, source: Path, tmp_path: Path) -> None:
    target = tmp_path / "o.csv"
    target.write_text("mine", encoding="utf-8")
    run = mbus("convert", source, "-o", target)
    assert (run.code, one_line(run.err)) == (2, True)
    assert "--restart" in run.err
    assert target.read_text(encoding="utf-8") == "mine"
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.txt").write_text("mine", encoding="utf-8")
    for extra in ([], ["--restart"]):
        run = mbus("convert", source, "-o", other, *extra)
        assert (run.code, one_line(run.err)) == (2, True)
    assert os.listdir(other) == ["mine.txt"]


def test_other_inputs_and_options_are_noticed(mbus: Mbus, source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    mbus("convert", source, "-o", f"{out}/")
    before = sorted(out.iterdir())
    run = mbus("convert", source, "-o", f"{out}/")
    assert run.code == 1
    assert "everything is done already" in run.err
    run = mbus("convert", source, "-o", out, "--value")
    assert (run.code, one_line(run.err)) == (2, True)
    assert "value" in run.err
    second = tmp_path / "b.hex"
    second.write_text(HEX, encoding="utf-8")
    run = mbus("convert", source, second, "-o", out)
    assert (run.code, one_line(run.err)) == (2, True)
    assert "b.hex" in run.err
    assert "--restart" in run.err
    source.write_text(source.read_text(encoding="utf-8").splitlines()[0] + f"\n9;{HEX};x\n", encoding="utf-8")
    run = mbus("convert", source, "-o", out)
    assert run.code == 2
    assert "changed" in run.err
    assert sorted(out.iterdir()) == before
    run = mbus("convert", source, second, "-o", out, "--restart", "--to", "csv")
    assert run.code == 0
    assert sorted(item.name for item in out.iterdir()) == ["_manifest.ndjson", "part-00000.csv"]
    assert len(read(out)) == 24


def test_a_manifest_whose_last_line_was_cut(mbus: Mbus, source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    mbus("convert", source, "-o", f"{out}/")
    manifest = out / "_manifest.ndjson"
    whole = manifest.read_bytes()
    manifest.write_bytes(whole[: whole.index(b'"finished"') + 5])
    (out / ".part-00001.parquet.1.partial").write_bytes(b"begun")
    run = mbus("convert", source, "-o", f"{out}/")
    assert "going on behind 5 telegrams" in run.err
    assert manifest.read_bytes() == whole
    assert sorted(item.name for item in out.iterdir()) == ["_manifest.ndjson", "part-00000.parquet"]


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is a place where nobody may write")
@pytest.mark.parametrize(
    ("output", "workers"),
    [("/proc/o.parquet", 1), ("/proc/out/", 1), ("/dev/full/o.csv", 1), ("/proc/out/", 2)],
)
def test_an_output_that_cannot_be_written(mbus: Mbus, source: Path, output: str, workers: int) -> None:
    run = mbus("convert", source, "-o", output, "--workers", str(workers))
    assert run.code == 2
    assert one_line(run.err)
    assert output.rstrip("/") in run.err


def test_without_the_extra_one_sentence_says_so(source: Path, tmp_path: Path) -> None:
    (tmp_path / "pyarrow.py").write_text("raise ImportError", encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", ""), *sys.path])
    run = program("convert", str(source), "-o", "o.parquet", PYTHONPATH=path)
    assert run.code == 2
    assert one_line(run.err)
    assert 'pip install "mbus-construct[arrow]"' in run.err
    assert program("convert", "--help", PYTHONPATH=path).code == 0


def test_progress_on_a_terminal(
    mbus: Mbus, source: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    run = mbus("convert", source, "-o", tmp_path / "o.parquet")
    assert "100 %" in run.err
    assert "5 telegrams" in run.err


# --- Outputs that would cost the inputs ------------------------------------------------------------


@pytest.mark.parametrize("extra", [[], ["--restart"]])
@pytest.mark.parametrize("how", ["itself", "symbolic", "hard", "in a directory"])
def test_an_output_that_is_an_input_is_refused(
    mbus: Mbus, source: Path, tmp_path: Path, how: str, extra: list[str]
) -> None:
    before = source.read_bytes()
    output = source if how == "itself" else tmp_path / "other.csv"
    if how == "symbolic":
        output.symlink_to(source)
    elif how != "itself":
        os.link(source, output)
    run = mbus("convert", tmp_path if how == "in a directory" else source, "-o", output, *extra)
    assert (run.code, one_line(run.err)) == (2, True)
    assert "give another output" in run.err
    assert source.read_bytes() == before
    assert set(os.listdir(tmp_path)) == {source.name, output.name}


def test_a_directory_is_not_converted_into_itself(mbus: Mbus, source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    mbus("convert", source, "-o", f"{out}/")
    before = sorted(out.iterdir())
    for given in (out, out / "part-00000.parquet"):
        run = mbus("convert", given, "-o", f"{out}/", "--restart")
        assert (run.code, one_line(run.err)) == (2, True)
        assert "give another output" in run.err
    assert sorted(out.iterdir()) == before


def test_what_a_killed_run_left_is_removed(mbus: Mbus, source: Path, tmp_path: Path) -> None:
    (tmp_path / ".o[1].csv.1234.partial").write_bytes(b"begun")
    (tmp_path / ".o[1].csv.abcd.partial").mkdir()
    (tmp_path / ".o[1].csv.abcd.partial" / "0").write_bytes(b"begun")
    (tmp_path / ".other.csv.1.partial").write_bytes(b"of another output")
    run = mbus("convert", source, "-o", tmp_path / "o[1].csv")
    assert "begins anew" in run.err
    assert sorted(os.listdir(tmp_path)) == [".other.csv.1.partial", "a.csv", "o[1].csv"]


# --- What is no input, and kept columns ------------------------------------------------------------


@pytest.mark.parametrize("name", ["o.csv", "o.ndjson", "o.parquet", "o.arrow"])
def test_what_convert_wrote_is_no_input(mbus: Mbus, source: Path, tmp_path: Path, name: str) -> None:
    mbus("convert", source, "-o", tmp_path / name)
    run = mbus("convert", tmp_path / name, "-o", tmp_path / "again.csv")
    assert (run.code, one_line(run.err)) == (2, True)
    assert "a table that mbus convert wrote" in run.err
    assert not (tmp_path / "again.csv").exists()


@pytest.mark.parametrize("form", ["json", "ndjson", "csv"])
def test_what_decode_wrote_is_no_input(mbus: Mbus, tmp_path: Path, form: str) -> None:
    (tmp_path / "a.hex").write_text("\n".join(TELEGRAMS), encoding="utf-8")
    file = tmp_path / f"a.{form}"
    file.write_text(mbus("decode", tmp_path / "a.hex", "--format", form).out, encoding="utf-8")
    run = mbus("convert", file, "-o", tmp_path / "o.csv")
    assert (run.code, one_line(run.err)) == (2, True)
    assert "decoded already" in run.err


def test_standard_input_that_is_cut_off(mbus: Mbus, tmp_path: Path) -> None:
    lines = [response(f"04 06 {os.urandom(4).hex()}").hex() for _ in range(9000)]
    packed = gzip.compress("\n".join(lines).encode())
    run = mbus("convert", "-", "-o", tmp_path / "o.ndjson", stdin=packed[: len(packed) * 4 // 5])
    assert run.code == 1
    found = len(read(tmp_path / "o.ndjson"))
    assert f"standard input: ends in mid-stream after line {found}; the rest is missing" in run.err
    assert found > 6000


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_kept_text_that_is_no_utf_8_is_told(mbus: Mbus, tmp_path: Path, kind: str) -> None:
    file = tmp_path / f"a.{kind}"
    cities = ["Bern", "Z\xfcrich", "Genf"]
    if kind == "csv":
        lines = ["hex,city", *(f"{HEX},{city}" for city in cities)]
    else:
        lines = [f'{{"hex": "{HEX}", "city": "{city}"}}' for city in cities]
    file.write_bytes("\n".join(lines).encode("latin-1"))
    run = mbus("convert", file, "-o", tmp_path / "o.ndjson", "--keep", "city")
    assert run.code == 0
    first = 2 if kind == "csv" else 1
    assert f"mbus: {file}, line {first + 1}: 'city' is no UTF-8, left empty\n" in run.err
    kept = {row["line"]: row["city"] for row in read(tmp_path / "o.ndjson")}
    assert kept == {first: "Bern", first + 1: None, first + 2: "Genf"}


@pytest.mark.parametrize("name", ["o.csv", "o.ndjson"])
def test_kept_columns_as_text(mbus: Mbus, tmp_path: Path, name: str) -> None:
    at = pa.array(["2024-07-01T12:00:00"]).cast(pa.timestamp("ms")).cast(pa.timestamp("ms", "Europe/Berlin"))
    table = pa.table({"hex": [HEX], "at": at, "key": [b"\x01\xab"], "list": [[1]], "map": [{"a": 1}]})
    parquet.write_table(table, tmp_path / "a.parquet")
    assert mbus("convert", tmp_path / "a.parquet", "-o", tmp_path / name, "--keep", "at,key").code == 0
    row = read(tmp_path / name)[0]
    assert (row["at"], row["key"]) == ("2024-07-01T12:00:00.000Z", "01AB")
    for nested in ("list", "map"):
        again = ("-o", tmp_path / name, "--restart", "--keep", nested)
        run = mbus("convert", tmp_path / "a.parquet", *again)
        assert (run.code, one_line(run.err)) == (2, True)
        assert f"column '{nested}' holds" in run.err
    run = mbus("convert", tmp_path / "a.parquet", "-o", tmp_path / "o.parquet", "--keep", "list,map")
    assert run.code == 0


# --- Options and words -----------------------------------------------------------------------------


def test_columns_that_are_given_several_times_add_up(mbus: Mbus, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(f'hex,at,"a,b",c\n{HEX},1,2,3\n', encoding="utf-8")
    kept = ("--keep", "at", "--keep", '"a,b",c')
    mbus(
        "convert", file, "-o", tmp_path / "o.ndjson", *kept, "--columns", "unit", "--columns", "line,quantity"
    )
    row = read(tmp_path / "o.ndjson")[0]
    assert list(row) == ["at", "a,b", "c", "unit", "line", "quantity"]
    assert (row["at"], row["a,b"], row["c"]) == ("1", "2", "3")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-o", "o.csv", "--columns", ""], "--columns names no column"),
        (["-o", "o.parquet.gz"], "-o o.parquet --compression gzip"),
        (["-o", "o.arrow.zst"], "-o o.arrow --compression zstd"),
        (["-o", "o.json"], ".ndjson"),
        (["-o", "o.csv", "--keep", "device", "--columns", "quantty"], "did you mean quantity?"),
        (["-o", "o.csv", "--keep", "device", "--columns", "x"], "there are source, line, device, telegram,"),
    ],
)
def test_more_usage(mbus: Mbus, source: Path, arguments: list[str], said: str) -> None:
    mbus.monkeypatch.chdir(source.parent)
    run = mbus("convert", source, *arguments)
    assert (run.code, one_line(run.err)) == (2, True)
    assert said in run.err
    assert os.listdir(source.parent) == ["a.csv"]


@pytest.mark.parametrize("name", ["a.hex", "a.bin"])
def test_files_without_columns_have_none_of_that_name(mbus: Mbus, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(HEX.encode() if name == "a.hex" else README_TELEGRAM)
    run = mbus("convert", tmp_path / name, "-o", tmp_path / "o.csv", "--column", "raw")
    assert (run.code, one_line(run.err)) == (2, True)
    assert "no column 'raw'" in run.err


def test_rejected_telegrams_are_told_in_order_and_by_their_place(mbus: Mbus, tmp_path: Path) -> None:
    broken = bytes.fromhex(BROKEN)
    damaged = [HEX[:20], "zz", BROKEN, "68", HEX[:40]]
    (tmp_path / "a.hex").write_text("\n".join(damaged), encoding="utf-8")
    (tmp_path / "b.bin").write_bytes(README_TELEGRAM + broken)
    parquet.write_table(pa.table({"hex": [HEX, BROKEN]}), tmp_path / "c.parquet")
    files = [tmp_path / name for name in ("c.parquet", "b.bin", "a.hex")]
    run = mbus("convert", *files[:2], "-o", tmp_path / "o.csv")
    assert "c.parquet, row 2: " in run.err
    assert f"b.bin, offset {len(README_TELEGRAM)}: " in run.err
    run = mbus("convert", files[2], "-o", tmp_path / "p.csv")
    places = [line.split(": ")[1].rsplit(" ", 1)[1] for line in run.err.splitlines() if ", line " in line]
    assert places == sorted(places)
    assert len(places) >= 3


def test_the_summary_counts_one_and_remarks(mbus: Mbus, tmp_path: Path) -> None:
    file = tmp_path / "a.hex"
    file.write_text("E5\n", encoding="utf-8")
    run = mbus("convert", file, "-o", tmp_path / "o.csv")
    assert run.code == 0
    assert "1 telegram, 1 row, 0 rejected, 1 remark (1 no_records), " in run.err
    mbus("convert", file, "-o", f"{tmp_path}/out/")
    assert "everything is done already (1 telegram)" in mbus("convert", file, "-o", f"{tmp_path}/out/").err


def test_what_differs_is_named_as_it_was_typed(mbus: Mbus, source: Path, tmp_path: Path) -> None:
    out = f"{tmp_path}/out/"
    mbus("convert", source, "-o", out)
    for option, said in (
        (("--value", "--keep", "at"), "and --keep and --value were not the same then:"),
        (("--to", "csv"), "and --to was not the same then:"),
        (("--shape", "star"), "and --shape was not the same then:"),
    ):
        run = mbus("convert", source, "-o", out, *option)
        assert (run.code, one_line(run.err)) == (2, True)
        assert said in run.err
    source.rename(tmp_path / "b.csv")
    run = mbus("convert", tmp_path / "b.csv", "-o", out)
    assert "b.csv was not among its inputs:" in run.err

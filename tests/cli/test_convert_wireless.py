"""`mbus convert` of telegrams by radio: captures in directories, keys, and where keys must not be."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from commands import Mbus, Run, one_line
from mbus_construct import encode
from radio import E63, E65, GAS_METER, KEY
from secrets_shown import METERS_KEY, OTHER_KEY, shows

pa = pytest.importorskip("pyarrow", reason='needs pip install "mbus-construct[arrow]"')

from pyarrow import parquet  # noqa: E402

RTL = "T1;1;1;2020-05-28 22:22:56.000;26;27;12345678;0x{hex}"


def write(file: Path, *lines: str) -> Path:
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The rows of NDJSON, in the order of their places."""
    files = sorted(path.glob("part-*")) if path.is_dir() else [path]
    rows = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    return sorted(rows, key=lambda row: (row["source"], row["line"], row["telegram"], row["record"] or 0))


# --- Captures --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lines",
    [
        [RTL.format(hex=E63.octets.hex())],
        ["# noted", f"telegram=|{E63.octets.hex()}|+12"],
        [f"2024-02-29 12:00:00 {E63.octets.hex()}"],
        ["Started.", "2024-02-29 11:59:00 listening to T1", RTL.format(hex=E63.octets.hex())],
    ],
)
@pytest.mark.parametrize("name", ["capture.txt", "capture.log", "capture"])
def test_captures_in_a_directory(mbus: Mbus, tmp_path: Path, name: str, lines: list[str]) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    write(folder / name, *lines)
    write(folder / "notes.txt", "Monday: the cellar is wet.", "2024-02-29 12:00:00 pumped out")
    run = mbus("convert", folder, "-o", tmp_path / "out.ndjson")
    values = [row for row in rows_of(tmp_path / "out.ndjson") if row["error"] is None]
    assert [(row["line"], row["mantissa"]) for row in values] == [(len(lines), 876543)]
    assert "notes.txt: no file of telegrams" in run.err


def test_a_capture_that_is_called_a_table(mbus: Mbus, tmp_path: Path) -> None:
    file = write(tmp_path / "rtl.csv", RTL.format(hex=E63.octets.hex()), RTL.format(hex=E65.octets.hex()))
    run = mbus("convert", file, "-o", tmp_path / "out.ndjson")
    assert (run.code, len(rows_of(tmp_path / "out.ndjson"))) == (1, 2)  # one stays encrypted


# --- Keys ------------------------------------------------------------------------------------------

NUMBERS = (1, 2, 3)


def sealed(number: int, key: str) -> str:
    """A telegram of mode 5 with this number as its volume."""
    record = {"quantity": "volume", "unit": "m³", "value": number, "data_field": "8 digit BCD"}
    written = {"link": "wireless", "meter": GAS_METER, "security": {"mode": 5}, "records": [record]}
    return encode(written, keys=key).hex()


def volumes(path: Path) -> list[int | None]:
    rows = rows_of(path)
    return [None if row["mantissa"] is None else row["mantissa"] * 10 ** row["exponent"] for row in rows]


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    return write(tmp_path / "capture.txt", *(sealed(number, METERS_KEY) for number in NUMBERS))


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """A CSV with the key of each telegram; one has none, one has another one, and one a damaged one."""
    keys = (METERS_KEY, "", OTHER_KEY, METERS_KEY[:-2])
    lines = [f"{sealed(number, METERS_KEY)};{key};m{number}" for number, key in enumerate(keys)]
    return write(tmp_path / "beside.csv", "telegram;secret;device", *lines)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_with_a_key(mbus: Mbus, capture: Path, tmp_path: Path, workers: str) -> None:
    run = mbus("convert", capture, "--key", METERS_KEY, "-o", tmp_path / "out.ndjson", "--workers", workers)
    assert (run.code, volumes(tmp_path / "out.ndjson")) == (0, [*NUMBERS])


def test_the_key_of_the_environment(
    mbus: Mbus, capture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MBUS_KEY", METERS_KEY)
    assert mbus("convert", capture, "-o", tmp_path / "out.ndjson").code == 0
    assert volumes(tmp_path / "out.ndjson") == [*NUMBERS]


@pytest.mark.parametrize(
    ("shape", "column"), [("long", "mantissa"), ("star", "mantissa"), ("wide", "volume")]
)
def test_keys_by_meter(mbus: Mbus, capture: Path, tmp_path: Path, shape: str, column: str) -> None:
    keys = write(tmp_path / "keys.toml", "[keys]", f'ELS-12345678 = "{METERS_KEY}"')
    out = tmp_path / "out"
    run = mbus("convert", capture, "--keys", keys, "--shape", shape, "--to", "ndjson", "-o", f"{out}/")
    assert run.code == 0
    texts = [file.read_text(encoding="utf-8") for file in out.rglob("part-*")]
    rows = [json.loads(line) for text in texts for line in text.splitlines()]
    values = [value for row in rows for name, value in row.items() if name.startswith(column)]
    assert sorted(int(float(value)) for value in values) == [*NUMBERS]


@pytest.mark.parametrize("kind", ["csv", "ndjson", "parquet"])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_key_beside_each_telegram(
    mbus: Mbus, beside: Path, tmp_path: Path, kind: str, workers: str
) -> None:
    source = beside
    if kind != "csv":
        rows = [line.split(";") for line in beside.read_text(encoding="utf-8").splitlines()]
        objects = [dict(zip(rows[0], [cell or None for cell in row], strict=True)) for row in rows[1:]]
        source = tmp_path / f"beside.{kind}"
        if kind == "parquet":
            parquet.write_table(pa.Table.from_pylist(objects), source)
        else:
            write(source, *map(json.dumps, objects))
    out = tmp_path / "out"
    run = mbus(
        "convert", source, "--key-column", "secret", "--keep", "device", "-o", f"{out}/", "--to", "ndjson",
        "--workers", workers,
    )  # fmt: skip
    rows = rows_of(out)
    assert [row["mantissa"] for row in rows] == [0, None, None, None]
    assert [row["device"] for row in rows] == ["m0", "m1", "m2", "m3"]
    assert "secret" not in rows[0]
    assert run.code == 1
    assert "encrypted" in rows[1]["error"]
    assert "no key for ELS-12345678 decrypts" in rows[2]["error"]
    assert "column 'secret' has no key for this telegram" in rows[3]["error"]
    nothing_shows(run, out)


def test_a_key_for_those_without_one(mbus: Mbus, beside: Path, tmp_path: Path) -> None:
    mbus("convert", beside, "--key-column", "secret", "--key", METERS_KEY, "-o", tmp_path / "out.ndjson")
    assert volumes(tmp_path / "out.ndjson") == [0, 1, None, None]


def nothing_shows(run: Run, out: Path) -> None:
    """No key in what a command said and wrote."""
    assert shows(run.out + run.err, METERS_KEY, OTHER_KEY) == []
    for file in out.rglob("*"):
        if file.is_file():
            octets = file.read_bytes()
            assert shows(octets.decode("utf-8", errors="replace"), METERS_KEY, OTHER_KEY) == []
            assert bytes.fromhex(METERS_KEY) not in octets
            assert bytes.fromhex(OTHER_KEY) not in octets


# --- Going on --------------------------------------------------------------------------------------


def test_the_manifest_holds_no_keys(mbus: Mbus, capture: Path, tmp_path: Path) -> None:
    out, other = tmp_path / "out", tmp_path / "other"
    run = mbus("convert", capture, "--key", METERS_KEY, "-o", f"{out}/", "--to", "ndjson")
    mbus("convert", capture, "--key", METERS_KEY, "-o", f"{other}/", "--to", "ndjson")
    nothing_shows(run, out)
    headers = [
        json.loads((folder / "_manifest.ndjson").read_text(encoding="utf-8").splitlines()[0])
        for folder in (out, other)
    ]
    assert all(set(header["keys"]) == {"salt", "hash"} for header in headers)
    assert headers[0]["keys"]["hash"] != headers[1]["keys"]["hash"]  # nobody sees that they are the same
    assert "keys" not in headers[0]["options"]


@pytest.mark.parametrize("other", [[], ["--key", OTHER_KEY], ["--keys", "keys.toml"]])
def test_other_keys_are_another_output(
    mbus: Mbus, capture: Path, tmp_path: Path, other: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "keys.toml", "[keys]", f'ELS = "{METERS_KEY}"')
    command = ("convert", capture, "-o", f"{tmp_path / 'out'}/", "--to", "ndjson")
    assert mbus(*command, "--key", METERS_KEY).code == 0
    again = mbus(*command, "--key", METERS_KEY)
    assert (again.code, "everything is done already" in again.err) == (0, True)
    run = mbus(*command, *other)
    assert run.code == 2
    assert "its keys were not the same then" in run.err
    assert mbus(*command, *other, "--restart").code in (0, 1)


def test_the_column_of_keys_is_an_option(mbus: Mbus, beside: Path, tmp_path: Path) -> None:
    command = ("convert", beside, "-o", f"{tmp_path / 'out'}/", "--to", "ndjson")
    assert mbus(*command).code == 1
    run = mbus(*command, "--key-column", "secret")
    assert run.code == 2
    assert "--key-column was not the same then" in run.err


def test_going_on_with_the_same_keys(mbus: Mbus, capture: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ("convert", capture, "--key", METERS_KEY, "-o", f"{out}/", "--to", "ndjson")
    assert mbus(*command).code == 0
    manifest = out / "_manifest.ndjson"
    lines = manifest.read_text(encoding="utf-8").splitlines(keepends=True)
    manifest.write_text("".join(lines[:1]), encoding="utf-8")  # as after an interruption
    for part in out.glob("part-*"):
        part.unlink()
    assert mbus(*command).code == 0
    assert volumes(out) == [*NUMBERS]


# --- Usage -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--key", METERS_KEY[:-2]], ["--key", "not 15"]),
        (["--keys", METERS_KEY], ["--keys", "file"]),
        (["--key-column", "nobody"], ["no column 'nobody' with keys", "telegram, secret, device"]),
        (["--key-column", "secret", "--keep", "secret"], ["keys are not written", "--keep"]),
        (["--key-column", "secret", "--columns", "quantity,secret"], ["no column 'secret'"]),
        (["--key-column", "line"], ["a column of keys cannot be called 'line'"]),
    ],
)
def test_usage(mbus: Mbus, beside: Path, tmp_path: Path, arguments: list[str], words: list[str]) -> None:
    run = mbus("convert", beside, "-o", tmp_path / "out.ndjson", *arguments)
    assert (run.code, run.out) == (2, "")
    for word in words:
        assert word in run.err
    assert shows(run.err, METERS_KEY, OTHER_KEY) == []


def test_hex_lines_have_no_column_of_keys(mbus: Mbus, capture: Path, tmp_path: Path) -> None:
    run = mbus("convert", capture, "-o", tmp_path / "out.ndjson", "--key-column", "secret")
    assert run.code == 2
    assert one_line(run.err)
    assert "no column 'secret' with keys: hex lines have none" in run.err


def test_keys_of_another_type(mbus: Mbus, tmp_path: Path) -> None:
    """Inputs need not have the same: an error shows no cell."""
    texts = pa.table({"telegram": [sealed(1, METERS_KEY)], "secret": [METERS_KEY]})
    octets = pa.table({"telegram": [sealed(2, METERS_KEY)], "secret": [bytes.fromhex(METERS_KEY)]})
    files = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    for table, file in zip((texts, octets), files, strict=True):
        parquet.write_table(table, file)
    run = mbus("convert", *files, "--key-column", "secret", "-o", tmp_path / "out.ndjson")
    assert volumes(tmp_path / "out.ndjson")[:1] == [1]
    assert run.code == 1
    assert shows(run.out + run.err, METERS_KEY) == []


@pytest.mark.parametrize("shape", ["long", "star"])
def test_what_stays_encrypted_is_counted(mbus: Mbus, tmp_path: Path, shape: str) -> None:
    file = write(tmp_path / "a.hex", E65.octets.hex(), E63.octets.hex(), E65.octets.hex(), "E5")
    out = tmp_path / shape
    command = ("convert", file, "-o", f"{out}/", "--shape", shape, "--restart")
    missing = mbus(*command)
    assert missing.code == 1
    assert "mbus: 2 telegrams stayed encrypted: give keys with --key, --keys or " in missing.err
    assert "4 telegrams, 4 rows, 0 rejected, 3 remarks (2 encrypted, 1 no_records), " in missing.err
    again = mbus(*command[:-1])
    assert again.code == 1
    assert "everything is done already" in again.err
    assert "mbus: 2 telegrams stayed encrypted: " in again.err
    wrong = mbus(*command, "--key", OTHER_KEY, "--workers", "2")
    assert wrong.code == 1
    assert "mbus: 2 telegrams stayed encrypted with a key that is wrong" in wrong.err
    assert "3 remarks (2 wrong_key, 1 no_records), " in wrong.err
    right = mbus(*command, "--key", KEY)
    assert right.code == 0
    assert "1 remark (1 no_records), " in right.err


def test_without_the_extra(
    mbus: Mbus, capture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [*sys.modules]:
        if name == "cryptography" or name.startswith("cryptography.hazmat.primitives"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    run = mbus("convert", capture, "--key", METERS_KEY, "-o", tmp_path / "out.ndjson")
    assert (run.code, run.out) == (2, "")
    assert one_line(run.err)
    assert 'pip install "mbus-construct[crypto]"' in run.err
    assert not (tmp_path / "out.ndjson").exists()

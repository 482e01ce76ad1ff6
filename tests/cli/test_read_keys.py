"""Keys for the commands that read what meters say: `read`, `send`, `replay`, and what confirms a change."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from commands import Mbus, one_line
from mbus_construct import encode
from mbus_construct.simulator import load
from mbus_construct.simulator.listener import Listener

ONE: Final = "9F3A6CD1E857B2046E0DC5A19B7F38E2"
OTHER: Final = "C61D2E94A7F05B83D8496BE31F7A02C5"
WATER: Final = {
    "identification_number": "12345678",
    "manufacturer": "PAD",
    "version": 1,
    "device_type": 7,
}

BUS: Final = f"""[[meter]]
primary_address = 5
identification_number = "12345678"
manufacturer = "PAD"
key = "{ONE}"
writable = true
record = [
    {{ quantity = "volume", unit = "m³", value = "12.565", data_field = "8 digit BCD" }},
    {{ clock = 2026-01-01T00:00:00 }},
    {{ quantity = "volume", unit = "m³", value = "11.020", data_field = "8 digit BCD", storage_number = 1, telegram = 2 }},
]

[[meter]]
primary_address = 6
identification_number = "12345679"
manufacturer = "PAD"
key = "{OTHER}"
security_mode = 7
record = [{{ quantity = "volume", unit = "m³", value = "6.000", data_field = "8 digit BCD" }}]

[[meter]]
primary_address = 7
identification_number = "12345680"
manufacturer = "PAD"
record = [{{ quantity = "volume", unit = "m³", value = "7.000", data_field = "8 digit BCD" }}]
"""


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MBUS_KEY", raising=False)
    monkeypatch.setenv("MBUS_DEBUG", "1")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "bus.toml"
    path.write_text(BUS, encoding="utf-8")
    return path


@pytest.fixture
def port(file: Path) -> str:
    return f"sim:{file}"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "keys.toml"
    path.write_text(f'[keys]\n12345678 = "{ONE}"\nPAD-12345679 = "{OTHER}"\n', encoding="utf-8")
    return path


def shows(text: str) -> list[str]:
    """The keys of which six digits stand in a text."""
    bare = "".join(character for character in text.upper() if character.isalnum())
    return [key for key in (ONE, OTHER) if any(key[at : at + 6] in bare for at in range(len(key) - 5))]


def values(reading: Any) -> list[Any]:
    return [record["value"] for record in reading["records"] if record["quantity"] == "volume"]


def codes(reading: Any) -> list[str]:
    return [item["code"] for item in reading["diagnostics"]]


# --- Reading ---------------------------------------------------------------------------------------


def test_a_table(mbus: Mbus, port: str) -> None:
    run = mbus("read", port, "5", "--key", ONE)
    assert (run.code, run.err) == (0, "")
    assert run.lines[0].startswith("12345678, PAD")
    assert "12.565" in run.out
    assert "11.020" in run.out
    assert "encrypted" not in run.out


@pytest.mark.parametrize("how", ["option", "environment", "file", "file and option"])
def test_ways_to_give_keys(
    mbus: Mbus, monkeypatch: pytest.MonkeyPatch, port: str, keys: Path, how: str
) -> None:
    given: dict[str, list[str | Path]] = {
        "option": ["--key", ONE],
        "file": ["--keys", keys],
        "file and option": ["--keys", keys, "--key", OTHER],
    }
    if how == "environment":
        monkeypatch.setenv("MBUS_KEY", ONE)
    run = mbus("read", port, "12345678", "-f", "json", *given.get(how, []))
    assert (run.code, run.err) == (0, "")
    reading = json.loads(run.out)
    assert (values(reading), codes(reading), reading["telegrams"]) == ([12.565, 11.02], [], 2)


@pytest.mark.parametrize(
    "which", [["5", "6", "7"], ["--all", "--addresses", "5-7"], ["--all", "--secondary"]]
)
def test_several_meters(mbus: Mbus, port: str, keys: Path, which: list[str]) -> None:
    run = mbus("read", port, *which, "-f", "ndjson", "--keys", keys)
    readings = [json.loads(line) for line in run.lines]
    assert sorted(values(reading)[0] for reading in readings) == [6, 7, pytest.approx(12.565)]
    assert [codes(reading) for reading in readings] == [[]] * 3
    assert shows(run.out + run.err) == []


def test_without_and_with_a_wrong_key(mbus: Mbus, port: str) -> None:
    run = mbus("read", port, "5", "6", "7", "-f", "ndjson")
    assert run.code == 1
    readings = [json.loads(line) for line in run.lines]
    assert [values(reading) for reading in readings] == [[], [], [7]]
    assert [codes(reading) for reading in readings] == [["encrypted"] * 2, ["encrypted"] * 2, []]
    assert [reading["meter"]["identification_number"] for reading in readings] == [
        "12345678",
        "12345679",
        "12345680",
    ]
    assert run.err.count("whether more telegrams follow") == 2
    wrong = mbus("read", port, "5", "7", "-f", "ndjson", "--key", OTHER)
    readings = [json.loads(line) for line in wrong.lines]
    assert (wrong.code, [values(reading) for reading in readings]) == (1, [[], [7]])
    assert codes(readings[0]) == ["wrong_key", "encrypted"]
    assert 'keys={"PAD-12345678": "..."}, or with --key or --keys' in wrong.out.replace("\\", "")
    assert shows(wrong.out + wrong.err) == []


def test_a_table_says_it_once(mbus: Mbus, port: str) -> None:
    run = mbus("read", port, "5")
    assert (run.code, run.err) == (1, "")
    assert run.lines[1].startswith("encrypted: ")
    assert run.lines[2:] == [
        'warning: 16 octets of PAD-12345678 are encrypted: give the key as keys={"PAD-12345678": "..."}, '
        "or with --key or --keys",
        "warning: whether more telegrams follow is among what is encrypted",
    ]


def test_csv(mbus: Mbus, port: str, keys: Path) -> None:
    run = mbus("read", port, "5", "6", "-f", "csv", "--keys", keys)
    rows = list(csv.DictReader(io.StringIO(run.out)))
    assert [row["value"] for row in rows if row["quantity"] == "volume"] == ["12.565", "11.020", "6.000"]


def test_over_tcp(mbus: Mbus, file: Path, keys: Path) -> None:
    with Listener(load(file), "tcp://127.0.0.1:0") as listener:
        run = mbus("read", listener.url, "5", "-f", "json", "--keys", keys)
    assert run.code == 0
    assert values(json.loads(run.out)) == [pytest.approx(12.565), 11.02]


def test_no_key_is_written(mbus: Mbus, tmp_path: Path, port: str, keys: Path) -> None:
    """Not into a state file, a transcript, the output, or what --debug shows."""
    state, record, output = (tmp_path / name for name in ("state.json", "record.txt", "out.ndjson"))
    run = mbus(
        "read", port, "5", "6", "99", "--keys", keys, "--key", ONE, "--debug",
        "--state", state, "--record", record, "-o", output, "-f", "ndjson",
    )  # fmt: skip
    assert run.code == 1
    written = "".join(path.read_text() for path in (state, record, output))
    assert "12.565" in written
    assert shows(written + run.out + run.err) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--key", ONE[:-2]], "--key: a key has 16 octets (32 hex digits), not 15"),
        (["--key", ONE[:-1] + "x"], "32 hex digits"),
        (["--keys", "no/such/file.toml"], "there is no such file"),
        (["--keys", ONE], "--keys wants the name of a file"),
    ],
)
@pytest.mark.parametrize(
    "command", [["read", "5"], ["send", "10 5B 05 60 16"], ["set-clock", "5"], ["alarm", "5"]]
)
def test_what_is_no_key(mbus: Mbus, port: str, command: list[str], given: list[str], words: str) -> None:
    name, *rest = command
    run = mbus(name, port, *rest, *given)
    assert (run.code, run.out) == (2, "")
    assert one_line(run.err)
    assert words in run.err
    assert shows(run.err) == []


def test_without_cryptography(mbus: Mbus, monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    """What is plain is read all the same."""
    with Listener(load(port.removeprefix("sim:")), "tcp://127.0.0.1:0") as listener:
        monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers", None)
        run = mbus("read", listener.url, "7", "-f", "json", "--key", ONE)
    assert (run.code, values(json.loads(run.out))) == (0, [7])
    assert run.err == (
        "mbus: without keys: decryption needs the package cryptography: "
        'pip install "mbus-construct[crypto]"\n'
    )


# --- Other commands --------------------------------------------------------------------------------


def test_send(mbus: Mbus, port: str) -> None:
    request = "10 5B 05 60 16"
    closed = mbus("send", port, request, "-f", "json")
    opened = mbus("send", port, request, "-f", "json", "--key", ONE)
    assert (closed.code, opened.code) == (0, 0)
    assert (values(json.loads(closed.out)), values(json.loads(opened.out))) == ([], [pytest.approx(12.565)])


def test_a_command_written_by_hand_is_encrypted(mbus: Mbus, port: str) -> None:
    written = {
        "frame": {"c_field": "SND_UD", "a_field": 5, "ci_field": 0x5B},
        "meter": WATER,
        "security": {"mode": 5},
        "records": [{"quantity": "volume", "unit": "m³", "value": "9.000", "data_field": "8 digit BCD"}],
    }
    run = mbus("send", port, json.dumps(written), "--key", ONE)
    assert run.lines == [f"sent: {encode(written, keys=ONE).hex(' ').upper()}", *run.lines[1:]]
    missing = mbus("send", port, json.dumps(written))
    assert (missing.code, missing.out, missing.err) == (
        2,
        "",
        "mbus: encrypting it needs a key for PAD-12345678: give it with --key or --keys\n",
    )


@pytest.mark.parametrize("known", [True, False])
def test_a_change_is_confirmed(mbus: Mbus, port: str, known: bool) -> None:
    given = ["--key", ONE] if known else []
    run = mbus("set-clock", port, "5", "--time", "2026-05-01T12:30", *given)
    assert run.code == (0 if known else 1)
    run = mbus("reset", port, "5", *given)
    assert f"answers with {2 if known else 0} records" in run.out


def test_replay(mbus: Mbus, tmp_path: Path, port: str, keys: Path) -> None:
    record = tmp_path / "record.txt"
    assert mbus("read", port, "5", "--keys", keys, "--record", record).code == 0
    closed = mbus("replay", record, "-f", "ndjson")
    opened = mbus("replay", record, "-f", "ndjson", "--keys", keys)
    assert [values(json.loads(line)) for line in closed.lines] == [[], []]
    assert [values(json.loads(line)) for line in opened.lines] == [[pytest.approx(12.565)], [11.02]]
    assert values(json.loads(mbus("read", f"replay:{record}", "5", "-f", "json", "--keys", keys).out)) == [
        pytest.approx(12.565),
        11.02,
    ]
    run = mbus("replay", record, "--keys", keys)
    assert (run.code, run.out) == (2, "")
    assert "--key and --keys go with --decode or --format" in run.err


def test_the_simulated_bus_is_printed_with_its_example(mbus: Mbus, file: Path) -> None:
    assert '# key = "000102' in mbus("simulate", "--print").out
    assert mbus("simulate", file, "--print").out == BUS

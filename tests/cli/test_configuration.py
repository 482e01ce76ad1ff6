"""The commands that change a meter: what they print, what they send, what they refuse."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from commands import Mbus, one_line
from interrupting import asked, interrupt_after

VOLUME = '{"quantity": "volume", "unit": "m³", "value": "20.000", "data_field": "8 digit BCD"}'


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["set-address", "sim:", "12", "40"], "primary address 40, confirmed by the meter"),
        (["set-address", "sim:", "12345678", "40"], "primary address 40, confirmed by the meter"),
        (
            ["set-identification", "sim:", "12", "12345679"],
            "secondary address 1234567924400107, confirmed by the meter",
        ),
        (["set-baudrate", "sim:", "12", "9600"], "address 12: baud rate 9600, confirmed by the meter"),
        (
            ["reset", "sim:", "12"],
            "address 12: application reset, acknowledged, and the meter answers with 3 records",
        ),
        (
            ["reset", "sim:", "12", "all"],
            "address 12: application all, acknowledged, and the meter answers with 3 records",
        ),
        (["select", "sim:", "12", "volume=m³"], "address 12: readout volume, confirmed by the meter"),
        (["select", "sim:", "12", "--all"], "address 12: readout everything, confirmed by the meter"),
        (["write", "sim:", "12", VOLUME], "address 12: records volume 20.000, confirmed by the meter"),
        (
            ["set-clock", "sim:", "12", "--time", "2026-01-31T12:00"],
            "address 12: clock 2026-01-31 12:00:00, confirmed by the meter",
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_change_is_confirmed(mbus: Mbus, arguments: list[str], line: str) -> None:
    run = mbus(*arguments)
    assert (run.code, run.err, run.out) == (0, "", line + "\n")
    run = mbus(*arguments, "--format", "json")
    change = json.loads(run.out)
    assert (change["type"], change["confirmed"]) == ("change", True)


@pytest.mark.parametrize(
    ("arguments", "frames"),
    [
        (["set-address", "1", "5"], ["68 06 06 68 73 01 51 01 7A 05 45 16"]),
        (
            ["set-address", "12345678", "5"],
            [
                "68 0B 0B 68 73 FD 52 78 56 34 12 FF FF FF FF D2 16",
                "68 06 06 68 73 FD 51 01 7A 05 41 16",
            ],
        ),
        (["set-identification", "1", "12345678"], ["68 09 09 68 73 01 51 0C 79 78 56 34 12 5E 16"]),
        (["set-baudrate", "1", "9600"], ["68 03 03 68 73 01 BD 31 16"]),
        (["set-clock", "1", "--time", "2026-01-31T12:00"], ["68 09 09 68 73 01 51 04 6D 00 2C 5F 31 F2 16"]),
        (["reset", "1"], ["68 03 03 68 73 01 50 C4 16"]),
        (["reset", "1", "user data"], ["68 04 04 68 73 01 50 10 D4 16"]),
        (["reset", "1", "10h"], ["68 04 04 68 73 01 50 10 D4 16"]),
        (["reset", "1", "user data", "--block", "2"], ["68 04 04 68 73 01 50 12 D6 16"]),
        (["select", "1", "volume=m³"], ["68 05 05 68 73 01 51 08 10 DD 16"]),
        (["select", "1", "--all"], ["68 04 04 68 73 01 51 7F 44 16"]),
        (["select", "12345678"], ["68 0B 0B 68 73 FD 52 78 56 34 12 FF FF FF FF D2 16"]),
        (["write", "1", VOLUME], ["68 09 09 68 73 01 51 0C 13 00 00 02 00 E6 16"]),
        (["set-baudrate", "255", "9600"], ["68 03 03 68 43 FF BD FF 16"]),
        (
            ["select", "1", '{"quantity": "energy", "unit": "Wh", "storage_number": 1}'],
            ["68 05 05 68 73 01 51 48 00 0D 16"],
        ),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) and " " not in value[0] else "",
)
def test_a_dry_run_touches_no_port(mbus: Mbus, arguments: list[str], frames: list[str]) -> None:
    command, *rest = arguments
    run = mbus(command, "/dev/no-such-port", *rest, "--dry-run")
    assert run.code == 0, run.err
    assert run.lines == frames
    if command != "select" or len(rest) > 1:
        run = mbus(command, "/dev/no-such-port", *rest, "-n", "-f", "json")
        assert len(json.loads(run.out)["frames"]) == len(frames)


def test_a_dry_run_is_what_is_sent(mbus: Mbus, monkeypatch: pytest.MonkeyPatch) -> None:
    requests = asked(monkeypatch)
    frames = mbus("write", "sim:", "12", VOLUME, "--dry-run").lines
    assert not requests
    mbus("write", "sim:", "12", VOLUME)
    sent = [request.octets.hex(" ").upper() for request in requests]
    assert frames[0] in sent


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["set-address", "sim:", "12", "251"], "251 is no primary address"),
        (["set-address", "sim:", "300", "5"], "'300' is no address"),
        (["set-address", "sim:", "255", "5"], "255 is the address of all meters"),
        (["set-address", "sim:", "255", "5", "--dry-run"], "255 is the address of all meters"),
        (["set-address", "sim:", "12", "x"], "'NEW': give a whole number"),
        (["set-address", "sim:", "12"], "Missing argument 'NEW'"),
        (["set-address"], '"sim:"'),
        (["set-identification", "sim:", "12", "1122334"], "eight digits, a secondary address sixteen"),
        (["set-identification", "sim:", "12", "1234567F"], "eight digits"),
        (["set-identification", "sim:", "255", "12345678"], "none of them answers"),
        (["set-baudrate", "sim:", "12", "1000"], "1000: one of 300"),
        (["set-clock", "sim:", "12", "--time", "noon"], "write 2026-01-31T12:00"),
        (["set-clock", "sim:", "12", "--time", "2026-01-31T12:00Z"], "no time zone"),
        (["reset", "sim:", "12", "everything"], "'everything' is no application: all, user data"),
        (["reset", "sim:", "12", "300"], "one octet, 0 to 255"),
        (["select", "sim:", "12"], "is a primary address"),
        (["select", "sim:", "12", "volume"], "volume needs its UNIT, as in volume=m³; for volume: ft³, m³"),
        (["select", "sim:", "12", "volume=m³", "--all"], "not both"),
        (["set-baudrate", "tcp://127.0.0.1:1", "12", "9600"], "use rfc2217:// or --force"),
        (["write", "sim:", "12", "{broken"], "JSON"),
        (["write", "sim:", "12", ""], "an object such as"),
        (["write", "sim:", "12", "null"], "'null' does not fit: an object such as"),
        (["write", "sim:", "12", "5"], "an object such as"),
        (["write", "sim:", "12", "{}"], "an object such as"),
        (["write", "sim:", "12", '{"quantity": "bus address", "value": 5}'], "mbus set-address"),
        (["write", "sim:", "12", "[]"], "at least one"),
        (["write", "sim:", "12", "[5]"], "an object such as"),
        (["write", "sim:", "12", '{"quantity": "nonsense", "value": 1}'], "nonsense"),
        (["write", "sim:", "12", "no/such/file"], "no/such/file"),
    ],
)
def test_used_wrongly(mbus: Mbus, arguments: list[str], words: str) -> None:
    run = mbus(*arguments)
    assert run.code == 2
    assert one_line(run.err)
    assert words in run.err
    assert run.out == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["set-address", "sim:", "12", "5"], "address 5 is in use"),
        (["set-address", "sim:", "99", "40"], "address 99: no answer"),
        (["set-identification", "sim:", "12", "07935343"], "a meter has this already"),
        (["set-baudrate", "sim:", "99", "9600"], "no answer"),
        (["set-clock", "/dev/no-such-port", "5"], "does not exist"),
        (["write", "sim:", "5", VOLUME], "address 5"),
        (["reset", "tcp://127.0.0.1:1", "5"], "refuses connections"),
        (["set-baudrate", "tcp://127.0.0.1:1", "12", "9600", "--force"], "refuses connections"),
    ],
)
def test_what_goes_wrong_on_the_bus(mbus: Mbus, arguments: list[str], words: str) -> None:
    run = mbus(*arguments)
    assert run.code == 1
    assert one_line(run.err)
    assert words in run.err
    assert run.out == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["set-clock", "sim:", "20"],
        ["write", "sim:", "12", '{"quantity": "energy", "unit": "kWh", "value": 5}'],
    ],
    ids=lambda value: value[0],
)
def test_a_change_that_the_meter_does_not_report(mbus: Mbus, arguments: list[str]) -> None:
    run = mbus(*arguments)
    assert (run.code, run.err) == (1, "")
    assert run.out.endswith(", acknowledged, but the meter does not report it\n")


def test_a_change_of_all_meters(mbus: Mbus) -> None:
    run = mbus("set-clock", "sim:", "255", "--time", "2026-01-31T12:00")
    said = "address 255: clock 2026-01-31 12:00:00, sent to all meters, of which none answers\n"
    assert run == (0, said, "")


@pytest.mark.parametrize(
    ("arguments", "check"),
    [
        (["set-address", "sim:", "12", "40"], "mbus ping sim: 12 40"),
        (["set-baudrate", "sim:", "12", "9600"], "mbus ping sim: 12 -b 9600"),
        (["write", "sim:", "12", VOLUME], "mbus read sim: 12"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_an_interrupted_change(
    mbus: Mbus, monkeypatch: pytest.MonkeyPatch, arguments: list[str], check: str
) -> None:
    interrupt_after(monkeypatch, 3)
    run = mbus(*arguments)
    said = f"mbus: interrupted: the meter may have been changed or not; `{check}` shows\n"
    assert run == (130, "", said)


def test_records_from_a_file_and_standard_input(mbus: Mbus, tmp_path: Path) -> None:
    file = tmp_path / "records.json"
    file.write_text(json.dumps({"records": [json.loads(VOLUME)]}), encoding="utf-8")
    assert mbus("write", "sim:", "12", file).code == 0
    assert mbus("write", "sim:", "12", "-", stdin=f"[{VOLUME}]".encode()).code == 0


def test_the_clock_of_this_computer(mbus: Mbus) -> None:
    run = mbus("set-clock", "sim:", "12", "-f", "json")
    shown = datetime.fromisoformat(json.loads(run.out)["value"])
    assert abs((shown - datetime.now()).total_seconds()) < 90


def test_what_is_missing_in_a_readout_is_a_finding(mbus: Mbus) -> None:
    run = mbus("select", "sim:", "12", "energy=kWh")
    assert run.code == 1
    assert "missing: energy" in run.err
    assert "missing: energy" in run.out


@pytest.mark.parametrize(
    ("address", "verdict", "code", "words"),
    [
        ("07935343", "one", 0, "one meter answers: address 5"),
        ("3000FFFF", "many", 1, "several meters answer"),
        ("99999999", "empty", 1, "nobody answers"),
    ],
)
def test_who_is_selected(
    mbus: Mbus, *, monkeypatch: pytest.MonkeyPatch, address: str, verdict: str, code: int, words: str
) -> None:
    requests = asked(monkeypatch)
    run = mbus("select", "sim:", address)
    assert (run.code, run.err) == (code, "")
    assert words in run.out
    assert (requests[-1].c_name, requests[-1].a_field) == ("SND_NKE", 253)
    answer = json.loads(mbus("select", "sim:", address, "-f", "json").out)
    assert answer["answers"] == verdict
    assert (answer["meter"] is not None) is (verdict == "one")

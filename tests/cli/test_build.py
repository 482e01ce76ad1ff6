"""`mbus build`: JSON to hex, and what `mbus decode` wrote back to the same octets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from commands import Mbus, one_line, program
from mbus_construct import decode
from telegrams import METER, README_TELEGRAM
from vectors import FRAMES

BY_HAND: dict[str, Any] = {
    "meter": METER,
    "frame": {"a_field": 2},
    "access_number": 85,
    "records": [{"quantity": "volume", "unit": "m³", "value": 12.565, "data_field": "24 bit integer"}],
}
OCTETS = "68 14 14 68 08 02 72 78 56 34 12 24 40 01 07 55 00 00 00 03 13 15 31 00 AD 16"


def test_by_hand(mbus: Mbus, tmp_path: Path) -> None:
    text = json.dumps(BY_HAND)
    run = mbus("build", text)
    assert (run.code, run.out, run.err) == (0, OCTETS + "\n", "")
    assert mbus("build", stdin=text.encode()).out == run.out
    assert mbus("build", "-", stdin=text.encode()).out == run.out
    file = tmp_path / "telegram.json"
    file.write_text("\ufeff" + text, encoding="utf-8")
    assert mbus("build", file).out == run.out
    assert mbus("build", "--compact", text).out == OCTETS.replace(" ", "") + "\n"


def test_what_decode_wrote_comes_back(mbus: Mbus, tmp_path: Path) -> None:
    file = tmp_path / "frames.hex"
    frames = [*FRAMES, README_TELEGRAM]
    file.write_text("\n".join(frame.hex() for frame in frames), encoding="utf-8")
    for format_ in ("json", "ndjson"):
        written = mbus("decode", "--format", format_, file).out
        run = mbus("build", "--compact", stdin=written.encode())
        assert run.lines == [frame.hex().upper() for frame in frames]
    written = mbus("decode", "--format", "json", README_TELEGRAM.hex()).out
    assert bytes.fromhex(mbus("build", written).out) == README_TELEGRAM


def test_numbers_of_json_are_exact(mbus: Mbus) -> None:
    record = '{"quantity": "volume", "unit": "m³", "value": %s, "data_field": "12 digit BCD"}'
    text = '{"link": "records", "records": [' + record + "]}"
    octets = mbus("build", text % "123456789.012").out
    assert str(decode(octets, link="records").records[0].value) == "123456789.012"
    octets = mbus("build", text % "9999999999.90").out
    assert str(decode(octets, link="records").records[0].value) == "9999999999.90"
    assert mbus("build", text % "0.30000000000000004").code == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "at line 1, column 2"),
        ('{"meter": }', "at line 1, column 11"),
        ("[1, 2", "at line 1"),
        ("[5]", "mapping"),
        ("{}", "meter and records"),
        ('{"meter": {"identification_number": "12345678"}, "records": []}', "manufacturer"),
        (json.dumps(BY_HAND).replace("12.565", "1e3000"), "records[0].value"),
        (json.dumps(BY_HAND).replace("12.565", "NaN"), "records[0].value"),
        (json.dumps(BY_HAND).replace("12.565", "8388.608"), "records[0].value"),
        (json.dumps(BY_HAND).replace("12.565", "1" * 5000), ""),
        (json.dumps(BY_HAND).replace('"m\\u00b3"', '"bushel"'), "records[0].unit"),
        (
            json.dumps(BY_HAND).replace('"a_field": 2', '"a_field": 251'),
            "frame.a_field: 251 does not fit: 0 to 250",
        ),
        ('{"schema_version": 1, "error": {"code": "hex"}, "octets": "00"}', "error"),
        ("no_such_file.json", "no_such_file.json"),
        ("[" * 100_000, ""),
    ],
)
def test_an_error_is_one_line(mbus: Mbus, text: str, words: str) -> None:
    run = mbus("build", text) if len(text) < 90_000 else mbus("build", stdin=text.encode())
    assert (run.code, run.out) == (2, "")
    assert one_line(run.err)
    assert len(run.err) < 3000
    assert words in run.err


def test_a_file_that_is_no_text(mbus: Mbus, tmp_path: Path) -> None:
    file = tmp_path / "telegram.bin"
    file.write_bytes(README_TELEGRAM)
    run = mbus("build", file)
    assert run.code == 2
    assert one_line(run.err)


def test_the_program() -> None:
    run = program("build", "-", stdin=json.dumps(BY_HAND, ensure_ascii=False).encode())
    assert (run.code, run.out, run.err) == (0, OCTETS + "\n", "")
    run = program("build", "{}")
    assert run.code == 2
    assert one_line(run.err)


def test_a_refusal_is_passed_over(mbus: Mbus) -> None:
    written = mbus("decode", "--format", "ndjson", OCTETS, "105B015D16", OCTETS).out
    run = mbus("build", stdin=written.encode())
    assert (run.code, run.out) == (1, f"{OCTETS}\n{OCTETS}\n")
    assert "telegram 2 was refused" in run.err


def test_which_telegram_does_not_fit(mbus: Mbus) -> None:
    bad = {"records": [{"quantity": "volume", "unit": "kWh", "value": 1}]}
    run = mbus("build", json.dumps([BY_HAND, bad]))
    assert run.code == 2
    assert "telegram 2.records[0].unit" in run.err
    assert mbus("build", "[]").code == 2

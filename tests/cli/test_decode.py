"""`mbus decode`: what it writes, in each format, and its exit codes."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys

import pytest

from commands import ENVIRONMENT, Mbus, one_line, program
from helpers import with_check_sum
from mbus_construct import Telegram, decode
from telegrams import HEADER, README_TELEGRAM, response

HEX = README_TELEGRAM.hex(" ").upper()
REQUEST = "10 5B 01 5C 16"
BAD_CHECK_SUM = "10 5B 01 5D 16"

RECORDS = [
    ("0", "energy", "1400", "Wh"),
    ("1", "volume", "2.013", "m³"),
    ("2", "on time", "32401", "h"),
    ("3", "date and time", "2014-02-19 11:18", ""),
    ("4", "date", "-", ""),
    ("5", "fabrication number", "07935343", ""),
    ("6", "model/version", "2156073649138", ""),
    ("7", "parameter set identification", "WFM21", ""),
    ("8", "metrology firmware version number", "0", ""),
    ("9", "energy", "1400", "Wh"),
    ("10", "volume", "2.013", "m³"),
    ("11", "date", "2013-12-31", ""),
]


def rows(lines: list[str]) -> list[list[str]]:
    """The cells of the table's rows, which start with a number."""
    cells = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines]
    return [row for row in cells if row and row[0].isdecimal()]


def test_the_telegram_of_the_issue(mbus: Mbus) -> None:
    run = mbus("decode", HEX)
    assert (run.code, run.err) == (0, "")
    table = rows(run.lines)
    assert len(table) == 12
    for row, (number, quantity, value, unit) in zip(table, RECORDS, strict=True):
        assert row[:3] == [number, quantity, value]
        assert not unit or row[3] == unit
    head = run.lines[1]
    for word in ("07935343", "LSE", "Landis & Staefa", "heat", "version 16", "status ok"):
        assert word in head
    assert "manufacturer data: 37 FD 17 00 00 00 00 00 00 00 00 02 7A 25 00 02 78 25 00" in run.lines


def test_the_table_is_aligned(mbus: Mbus) -> None:
    lines = mbus("decode", HEX).lines
    header = next(line for line in lines if "quantity" in line)
    body = [line for line in lines if line.split() and line.split()[0].isdecimal() and "  " in line]
    assert len(body) == 12
    column = header.index("quantity")
    assert all(line[column] != " " and line[column - 1] == " " for line in body)
    ends = {line.index(value) + len(value) for line, (_, _, value, _) in zip(body, RECORDS, strict=True)}
    assert len(ends) == 1  # values end in one column
    assert all(line == line.rstrip() or len(line) < 200 for line in lines)


def test_one_damaged_octet_costs_one_record(mbus: Mbus) -> None:
    octets = bytearray(README_TELEGRAM)
    octets[27] = 0x1A  # a data octet of the volume
    run = mbus("decode", with_check_sum(bytes(octets)).hex())
    assert run.code == 1
    table = rows(run.lines)
    assert [row[0] for row in table] == [str(k) for k in range(12)]
    assert table[1][:3] == ["1", "volume", "-"]
    for row, (number, quantity, value, _) in zip(table, RECORDS, strict=True):
        assert number == "1" or row[:3] == [number, quantity, value]
    (warning,) = [line for line in run.lines if line.startswith("warning")]
    assert "0000201A" in warning
    assert warning.endswith("(offset 27)")


def test_an_octet_that_hides_the_rest_is_named_too(mbus: Mbus) -> None:
    octets = bytearray(README_TELEGRAM)
    lvar = README_TELEGRAM.index(b"\x0d\xfd\x0b") + 3
    octets[lvar] = 0xF7  # a reserved one: where its data end is not known
    run = mbus("decode", with_check_sum(bytes(octets)).hex())
    assert run.code == 1
    assert len(rows(run.lines)) >= 7
    assert any(line.startswith("error: record at offset") and "reserved" in line for line in run.lines)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([HEX], 0),
        ([REQUEST], 0),
        (["E5"], 0),
        ([response("04 06 01 00 00 00 04 13").hex()], 1),
        ([response("0C 13 1A 00 00 00").hex()], 1),
        ([response("02 93 15 00 00").hex()], 1),
        ([response("01 13 80").hex()], 0),
        ([HEX, BAD_CHECK_SUM], 1),
        ([BAD_CHECK_SUM], 2),
        ([BAD_CHECK_SUM, "10 5B"], 2),
        (["10 5X 01 5C 16"], 2),
        (["no/such/file"], 2),
        ([HEX, "--format", "yaml"], 2),
        ([HEX, "--link", "wire"], 2),
        ([HEX, "--nonsense"], 2),
    ],
)
@pytest.mark.parametrize("format_", ["table", "json", "ndjson", "csv"])
def test_exit_codes(mbus: Mbus, arguments: list[str], code: int, format_: str) -> None:
    run = mbus("decode", "--format", format_, *arguments)
    assert run.code == code
    assert (run.err == "") is (code == 0 or (run.code == 1 and BAD_CHECK_SUM not in arguments))
    assert all(line.startswith("mbus: ") for line in run.err.splitlines())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([BAD_CHECK_SUM], "check sum 5Dh, the octets give 5Ch (offset 3)"),
        (["10 5X 01 5C 16"], "'X' at character 5"),
        (["no/such/file"], "neither a file nor hex"),
        (["missing.hex"], "neither a file nor hex"),
        ([HEX, "--format", "yaml"], "'table', 'json', 'ndjson', 'csv'"),
        ([HEX, "--nonsense"], "mbus decode --help"),
        (["68"], "the frame ends"),
    ],
)
def test_an_error_is_one_line_that_says_what_to_do(mbus: Mbus, arguments: list[str], words: str) -> None:
    run = mbus("decode", *arguments)
    assert run.code == 2
    assert one_line(run.err)
    assert words in run.err


def test_an_unknown_command(mbus: Mbus) -> None:
    run = mbus("decipher", HEX)
    assert run.code == 2
    assert one_line(run.err)
    assert "--help" in run.err


def test_json(mbus: Mbus) -> None:
    run = mbus("decode", "--format", "json", HEX)
    telegram = decode(README_TELEGRAM)
    expected = json.loads(telegram.to_json()) | {"source": "argument 1"}
    assert json.loads(run.out) == expected
    assert Telegram.from_dict(json.loads(run.out)) == telegram
    run = mbus("decode", "-f", "json", HEX, BAD_CHECK_SUM)
    good, bad = json.loads(run.out)
    assert good == expected
    assert sorted(bad) == ["error", "octets", "schema_version", "source", "type"]
    assert (bad["schema_version"], bad["type"], bad["error"]["code"]) == (1, "refusal", "checksum")
    assert (bad["error"]["offset"], bad["octets"], bad["source"]) == (3, "105B015D16", "argument 2")


def test_ndjson(mbus: Mbus) -> None:
    run = mbus("decode", "--format", "ndjson", HEX, BAD_CHECK_SUM, REQUEST)
    first, second, third = map(json.loads, run.lines)
    assert len(first["records"]) == 12
    assert second["error"]["code"] == "checksum"
    assert third["frame"]["c_name"] == "REQ_UD2"


def test_csv_is_one_row_a_record(mbus: Mbus) -> None:
    run = mbus("decode", "--format", "csv", HEX, BAD_CHECK_SUM, REQUEST)
    table = list(csv.DictReader(io.StringIO(run.out)))
    assert len(table) == 14
    volume = table[1]
    assert (volume["identification_number"], volume["manufacturer"], volume["record"]) == (
        "07935343",
        "LSE",
        "1",
    )
    assert (volume["quantity"], volume["value"], volume["unit"], volume["state"]) == (
        "volume",
        "2.013",
        "m³",
        "ok",
    )
    assert (volume["offset"], volume["storage_number"], volume["function"]) == ("25", "0", "instantaneous")
    assert table[4]["value"] == ""
    assert table[4]["reason"] == "no date set"
    assert (table[12]["state"], table[12]["source"]) == ("error", "argument 2")
    assert table[13]["reason"] == "no records"


def test_csv_quotes_what_a_text_may_hold(mbus: Mbus) -> None:
    octets = response("0D FD 11 06" + b'a,"\r\nb'[::-1].hex())
    (row,) = csv.DictReader(io.StringIO(mbus("decode", "--format", "csv", octets.hex()).out, newline=""))
    assert row["value"] == 'a,"\r\nb'


def test_a_text_of_a_meter_cannot_steer_the_terminal(mbus: Mbus) -> None:
    octets = response("0D FD 11 07" + b"\x1b[31m\nX"[::-1].hex() + "02 7C 03 1B 0A 25 34 12")
    run = mbus("decode", octets.hex())
    assert "\x1b" not in run.out
    assert len(rows(run.lines)) == 2
    assert "[31m" in run.out


def test_several_telegrams_have_titles(mbus: Mbus) -> None:
    run = mbus("decode", HEX, REQUEST)
    assert run.lines[0] == "argument 1"
    assert "argument 2" in run.lines
    assert "short frame, REQ_UD2, address 1" in run.lines


def test_user_data_that_is_no_records(mbus: Mbus) -> None:
    assert "error code: 8 (application too busy" in mbus("decode", "68 04 04 68 08 01 70 08 81 16").out
    assert "alarm flags: 05" in mbus("decode", "68 04 04 68 08 01 71 05 7F 16").out
    assert (
        "medium: water"
        in mbus("decode", "68 13 13 68 08 05 73 78 56 34 12 0A 00 E9 7E 01 00 00 00 35 01 00 00 3C 16").out
    )
    assert "single character" in mbus("decode", "E5").out


@pytest.mark.parametrize(
    ("link", "start"), [("frame", 0), ("c_field", 4), ("ci_field", 6), ("header", 7), ("records", 19)]
)
def test_link(mbus: Mbus, link: str, start: int) -> None:
    octets = README_TELEGRAM[start : None if link == "frame" else -2]
    run = mbus("decode", "--link", link, octets.hex())
    assert (run.code, len(rows(run.lines))) == (0, 12)
    run = mbus("decode", "--format", "json", octets.hex())
    assert json.loads(run.out)["link"] == link


def test_merge(mbus: Mbus) -> None:
    first = response("04 06 01 00 00 00 1F").hex()
    second = response("04 13 02 00 00 00").hex()
    run = mbus("decode", "--merge", "--format", "json", first, second)
    values = json.loads(run.out)
    assert (values["telegrams"], len(values["records"]), values["more_records_follow"]) == (2, 2, False)
    assert len(rows(mbus("decode", "--merge", first, second).lines)) == 2
    assert (
        len(list(csv.DictReader(io.StringIO(mbus("decode", "--merge", "-f", "csv", first, second).out)))) == 2
    )
    run = mbus("decode", "--merge", first, HEX)
    assert run.code == 2
    assert one_line(run.err)
    assert "different meters" in run.err


def test_help_and_version(mbus: Mbus) -> None:
    assert mbus("--version").out.startswith("mbus-construct ")
    assert "decode" in mbus("--help").out
    assert mbus("decode", "-h").code == 0
    run = mbus()
    assert run.code == 2
    assert "decode" in run.out


# --- As a program --------------------------------------------------------------------------------


def test_the_program() -> None:
    run = program("decode", HEX)
    assert (run.code, run.err) == (0, "")
    assert "2.013" in run.out
    assert "\x1b" not in run.out
    run = program("decode", BAD_CHECK_SUM)
    assert run.code == 2
    assert one_line(run.err)


def test_the_program_writes_to_any_terminal() -> None:
    for format_ in ("table", "json", "ndjson", "csv"):
        run = program("decode", "--format", format_, HEX, PYTHONUTF8="0", PYTHONIOENCODING="ascii")
        assert (run.code, run.err) == (0, "")
        assert "2.013" in run.out


@pytest.mark.parametrize("format_", ["table", "json", "csv"])
def test_a_reader_that_has_enough_is_no_fault(format_: str) -> None:
    telegram = response("04 06 01 00 00 00" * 35, header=HEADER).hex() + "\n"
    decoder = subprocess.Popen(
        [sys.executable, "-m", "mbus_construct", "decode", "--format", format_, "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
    )
    assert decoder.stdout is not None
    decoder.stdout.close()  # nobody reads
    decoder.stdout = None
    _, err = decoder.communicate((telegram * 20).encode())
    assert err == b""
    assert decoder.returncode == 1

"""`mbus decode` of telegrams by radio: keys, layers, compact frames, captures."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from commands import Mbus, one_line
from mbus_construct import encode
from mbus_construct.security import aes
from mbus_grammars.wireless import with_crcs
from radio import (
    COMPACT,
    E62,
    E63,
    E65,
    E66,
    E67,
    E68,
    E69,
    EXAMPLES,
    FORMAT,
    FULL,
    GAS_METER,
    KEY,
    MASTER,
    OTHER,
    SECRET,
    Example,
)
from telegrams import README_TELEGRAM, response

by_name = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
secret_by_name = pytest.mark.parametrize("example", SECRET, ids=lambda example: example.name)

TOML = f"""
[keys]
ELS-12345678-33-03 = "{KEY}"
QDS = ["{OTHER}", "{MASTER}"]
"""


def objects(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def telegram(mbus: Mbus, octets: bytes, *arguments: str | Path) -> dict[str, Any]:
    (found,) = objects(mbus("decode", octets.hex(), "--format", "ndjson", *arguments).out)
    return found


def codes(found: dict[str, Any]) -> list[str]:
    return [item["code"] for item in found["diagnostics"]]


def write(file: Path, *lines: str) -> Path:
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def of_counter(counter: int) -> bytes:
    """A telegram of mode 7 with a MAC and this message counter."""
    written = {
        "link": "wireless",
        "meter": GAS_METER,
        "afl": {"message_counter": counter},
        "security": {"mode": 7},
        "records": [{"quantity": "volume", "unit": "m³", "value": counter}],
    }
    return encode(written, keys=MASTER)


# --- Keys and heads --------------------------------------------------------------------------------


@by_name
def test_the_standards_examples(mbus: Mbus, example: Example) -> None:
    key = () if example.key is None else ("--key", example.key)
    run = mbus("decode", example.octets.hex(" "), "--format", "json", *key)
    found = json.loads(run.out)
    assert (run.code, run.err, found["diagnostics"]) == (0, "", [])
    given = example.written["records"]
    assert len(found["records"]) == len(given)
    quantities = [record["quantity"] for record in found["records"]]
    assert all(record.get("quantity") in (None, name) for record, name in zip(given, quantities, strict=True))


HEADS = [
    (
        E62,
        [
            "wireless frame, format A (offsets count without its CRCs), SND_NR, from ELS-12345678-33-03, "
            "CI 7Ah response, full frame",
            "security mode 5 (AES-128-CBC, IV not zero): decrypted",
            "12345678, ELS (Elster Group), gas meter, version 51, access number 42, status ok",
        ],
    ),
    (
        E63,
        [
            "wireless frame, format B (offsets count without its CRCs), SND_NR, from CEN-12345678-01-07, "
            "CI 78h response, full frame",
            "extended link layer I (CI 8Ch), access number 39",
            "12345678, CEN, water meter, version 1",
        ],
    ),
    (
        E66,
        [
            "wireless frame, format CRC-less, SND_NR, from QDS-11223344-55-37, "
            "CI 72h response, full frame (variable data)",
            "extended link layer I (CI 8Ch), access number 117",
            "security mode 5 (AES-128-CBC, IV not zero): decrypted",
            "55667788, QDS (Qundis), heat cost allocator, version 85, access number 0, status power low",
        ],
    ),
    (
        E67,
        [
            "long frame, RSP_UD, address 253, CI 72h response, full frame (variable data)",
            "security mode 5 (AES-128-CBC, IV not zero): decrypted",
        ],
    ),
    (
        E68,
        [
            "wireless frame, format CRC-less, RSP_UD, from RAD-11223344-03-37, "
            "CI 72h response, full frame (variable data)",
            "extended link layer III (CI 8Eh), to XYZ-33445566-0A-31, access number 117",
            "authentication and fragmentation sublayer (CI 90h), message counter 2739, "
            "MAC (AES-CMAC-128, 8 octets) verified",
            "security mode 7 (AES-128-CBC, IV zero, derived key): decrypted",
        ],
    ),
    (
        E69,
        [
            "wireless frame, format CRC-less, SND_NR, from KAM-27343111-33-02, CI 78h response, full frame",
            "extended link layer II (CI 8Dh), access number 233, session 0 at minute 66470, "
            "AES-128-CTR: decrypted",
        ],
    ),
]


@pytest.mark.parametrize(("example", "head"), HEADS, ids=lambda item: getattr(item, "name", ""))
def test_the_head_of_the_table(mbus: Mbus, example: Example, head: list[str]) -> None:
    key = () if example.key is None else ("--key", example.key)
    run = mbus("decode", example.octets.hex(), *key)
    assert run.lines[: len(head)] == head


def test_without_a_key(mbus: Mbus) -> None:
    run = mbus("decode", E68.octets.hex())
    assert (run.code, run.err) == (1, "")
    assert "security mode 7 (AES-128-CBC, IV zero, derived key): not decrypted" in run.lines
    assert any(line.endswith("MAC (AES-CMAC-128, 8 octets) not checked") for line in run.lines)
    assert any(line.startswith("encrypted: 90 58 47") for line in run.lines)
    (warning,) = [line for line in run.lines if line.startswith("warning")]
    assert "ELS-12345678" in warning
    assert "--key" in warning


@secret_by_name
def test_with_a_wrong_key(mbus: Mbus, example: Example) -> None:
    run = mbus("decode", example.octets.hex(), "--key", OTHER)
    assert run.code == 1
    assert any(": not decrypted, no key fits" in line for line in run.lines)
    assert [line.split(":")[0] for line in run.lines if line.startswith(("error", "warning"))] == ["error"]
    assert codes(telegram(mbus, example.octets, "--key", OTHER)) == ["wrong_key"]


def test_a_wrong_mac(mbus: Mbus) -> None:
    damaged = bytearray(E68.octets)
    damaged[30] ^= 1
    run = mbus("decode", damaged.hex(), "--key", MASTER)
    assert run.code == 1
    assert any(line.endswith("MAC (AES-CMAC-128, 8 octets) wrong") for line in run.lines)
    assert "error: the MAC of ELS-12345678 is wrong" in run.out
    assert codes(telegram(mbus, bytes(damaged), "--key", MASTER)) == ["wrong_mac"]


def test_a_replayed_counter(mbus: Mbus) -> None:
    sent = [of_counter(number).hex() for number in (7, 8, 7)]
    run = mbus("decode", *sent, "--key", MASTER, "--format", "ndjson")
    assert run.code == 1
    assert [codes(item) for item in objects(run.out)] == [[], [], ["replayed_counter"]]
    assert "message counter 7 is not above 8" in mbus("decode", *sent, "--key", MASTER).out


def test_the_key_of_the_environment(mbus: Mbus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MBUS_KEY", KEY)
    assert mbus("decode", E65.octets.hex()).code == 0
    assert mbus("decode", E66.octets.hex(), "--key", MASTER).code == 0  # the option counts more
    assert mbus("decode", E65.octets.hex(), "--key", OTHER).code == 1
    monkeypatch.setenv("MBUS_KEY", "")
    assert mbus("decode", E65.octets.hex()).code == 1


def test_keys_by_meter(mbus: Mbus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = write(tmp_path / "keys.toml", TOML)
    assert mbus("decode", E65.octets.hex(), "--keys", keys).code == 0
    assert mbus("decode", E66.octets.hex(), "--keys", keys).code == 0
    assert codes(telegram(mbus, E68.octets, "--keys", keys)) == ["wrong_key"]
    assert codes(telegram(mbus, E69.octets, "--keys", keys)) == ["encrypted"]
    assert codes(telegram(mbus, E68.octets, "--keys", keys, "--key", MASTER)) == []
    monkeypatch.setenv("MBUS_KEY", MASTER)
    assert codes(telegram(mbus, E68.octets, "--keys", keys)) == []


def test_said_to_be_wireless(mbus: Mbus) -> None:
    assert mbus("decode", "--link", "wireless", E63.octets.hex()).code == 0
    run = mbus("decode", "--link", "wireless", README_TELEGRAM.hex())
    assert (run.code, run.out) == (2, "")
    assert one_line(run.err)


# --- Formats ---------------------------------------------------------------------------------------


def test_every_format(mbus: Mbus) -> None:
    arguments = (E68.octets.hex(), "--key", MASTER, "--format")
    (row, *others) = csv.DictReader(io.StringIO(mbus("decode", *arguments, "csv").out))
    assert len(others) == 2
    assert (row["telegram"], row["a_field"], row["value"]) == ("RSP_UD", "", "28504.27")
    assert (row["identification_number"], row["manufacturer"]) == ("12345678", "ELS")
    one = json.loads(mbus("decode", *arguments, "json").out)
    assert one["security"]["mac"] == "verified"
    assert one["afl"]["message_counter"] == 2739
    assert one["ell"]["receiver"]["manufacturer"] == "XYZ"
    assert one["frame"]["address"]["manufacturer"] == "RAD"


@pytest.mark.parametrize("format_", ["xml", "xml-normalised"])
def test_xml_says_what_it_has_no_place_for(mbus: Mbus, format_: str) -> None:
    run = mbus("decode", E62.octets.hex(), "--key", KEY, "--format", format_)
    assert run.code == 0
    assert "<Value>2850427</Value>" in run.out or "<Value>28504.27</Value>" in run.out
    assert one_line(run.err)
    assert "layers, security" in run.err
    assert mbus("decode", README_TELEGRAM.hex(), "--format", format_).err == ""


def test_merged(mbus: Mbus) -> None:
    sent = [of_counter(number).hex() for number in (7, 8)]
    found = json.loads(mbus("decode", *sent, "--key", MASTER, "--merge", "--format", "json").out)
    assert (found["telegrams"], [record["value"] for record in found["records"]]) == (2, [7, 8])
    table = mbus("decode", *sent, "--merge")
    assert table.code == 1
    assert table.out.count("are encrypted: ") == 2


def test_a_telegram_in_a_record(mbus: Mbus) -> None:
    inner = E65.octets
    outer = response(f"0D FD 3B {len(inner):02X} {inner.hex()}")
    opened = mbus("decode", outer.hex(), "--key", KEY)
    assert opened.code == 0
    assert "in record 0:" in opened.lines
    assert "28504.27" in opened.out
    closed = mbus("decode", outer.hex(), "--format", "csv")
    assert closed.code == 1
    sources = [row["source"] for row in csv.DictReader(io.StringIO(closed.out))]
    assert sources == ["argument 1", "argument 1, in record 0"]


# --- Compact frames --------------------------------------------------------------------------------


@pytest.mark.parametrize("teacher", [FULL, FORMAT], ids=["full", "format"])
@pytest.mark.parametrize("turned", [False, True])
def test_a_telegram_teaches_others(mbus: Mbus, tmp_path: Path, teacher: bytes, turned: bool) -> None:
    lines = [COMPACT.hex(), teacher.hex()]
    file = write(tmp_path / "capture.txt", *(lines if turned else lines[::-1]))
    run = mbus("decode", file, "--format", "ndjson")
    (compact,) = [item for item in objects(run.out) if item["frame"]["ci_field"] == 0x79]
    assert [record["value"] for record in compact["records"]] == [123.4, 567.8, 901.2]
    assert codes(compact) == []
    assert run.code == 0


def test_nobody_teaches(mbus: Mbus) -> None:
    run = mbus("decode", COMPACT.hex(), FULL.replace(b"\xae\x0c", b"\x93\x15", 1).hex(), "--format", "ndjson")
    assert run.code == 1
    assert [codes(item) for item in objects(run.out)] == [["unknown_signature"], []]


def test_a_second_pass_replays_nothing(mbus: Mbus) -> None:
    sent = [COMPACT, of_counter(7), FULL, of_counter(8)]
    run = mbus("decode", *(octets.hex() for octets in sent), "--key", MASTER, "--format", "ndjson")
    assert [codes(item) for item in objects(run.out)] == [[]] * 4
    assert run.code == 0


def test_formats_are_kept_in_a_file(mbus: Mbus, tmp_path: Path) -> None:
    formats = tmp_path / "formats.json"
    assert mbus("decode", COMPACT.hex(), "--formats", formats).code == 1
    assert not formats.exists()  # nothing was learned
    assert mbus("decode", FULL.hex(), "--formats", formats).code == 0
    assert mbus("decode", COMPACT.hex(), "--formats", formats).code == 0
    assert json.loads(formats.read_text(encoding="utf-8"))["what"] == "formats of compact frames"


def test_damaged_formats(mbus: Mbus, tmp_path: Path) -> None:
    run = mbus("decode", COMPACT.hex(), "--formats", write(tmp_path / "formats.json", "{"))
    assert (run.code, run.out) == (2, "")
    assert one_line(run.err)
    assert "formats.json is no JSON" in run.err
    run = mbus("decode", FULL.hex(), "--formats", tmp_path / "missing" / "formats.json")
    assert run.code == 2
    assert one_line(run.err)
    assert "missing" in run.err


# --- Captures --------------------------------------------------------------------------------------


def test_a_capture_with_keys(mbus: Mbus, tmp_path: Path) -> None:
    keys = write(tmp_path / "keys.toml", TOML, f'RAD = "{MASTER}"', f'27343111 = "{SECRET[-1].key}"')
    gas = E65.octets
    file = write(
        tmp_path / "capture.txt",
        "# every kind of line",
        f"T1;1;1;2020-05-28 22:22:56.000;26;27;12345678;0x{gas.hex()}",
        f"T1;0;1;2020-05-28 22:22:57.000;26;27;12345678;0x{gas.hex()}",
        "b" + with_crcs(gas, "A").hex().upper() + "8040",
        f"telegram=|{E66.octets.hex()}|+12",
        f"2024-02-29 12:00:00 {E69.octets.hex(' ')}",
        E67.octets.hex(),
        gas.hex() + E69.octets.hex(),
        COMPACT.hex(),
        FULL.hex(),
    )
    run = mbus("decode", file, "--keys", keys, "--format", "ndjson")
    found = objects(run.out)
    assert run.code == 1  # the receiver refused one
    assert [item["error"]["code"] for item in found if item["type"] == "refusal"] == ["receiver_crc"]
    assert [len(item["records"]) for item in found if item["type"] == "telegram"] == [
        3,
        3,
        4,
        5,
        5,
        3,
        5,
        3,
        3,
    ]
    assert all(item["type"] == "refusal" or not item["diagnostics"] for item in found)


# --- Without the extra -----------------------------------------------------------------------------


@pytest.fixture
def no_crypto(monkeypatch: pytest.MonkeyPatch) -> None:
    """`cryptography` is not installed: a None in sys.modules is a module that is not there."""
    for name in ("_kept_blocks", "_cmac"):
        getattr(aes, name).cache_clear()
    for name in [*sys.modules]:
        if name == "cryptography" or name.startswith("cryptography.hazmat.primitives"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cryptography", None)


@pytest.mark.usefixtures("no_crypto")
def test_what_to_install(mbus: Mbus) -> None:
    run = mbus("decode", README_TELEGRAM.hex(), E65.octets.hex(), "--key", KEY)
    assert run.code == 1
    assert one_line(run.err)
    assert 'pip install "mbus-construct[crypto]"' in run.err
    assert "2.013" in run.out  # what is plain is there
    plain = mbus("decode", README_TELEGRAM.hex(), "--key", KEY)
    assert (plain.code, plain.err) == (0, "")
    explained = mbus("explain", README_TELEGRAM.hex(), E65.octets.hex(), "--key", KEY)
    assert explained.code == 1
    assert mbus("explain", README_TELEGRAM.hex(), "--key", KEY).out in explained.out
    assert "6D 69 EB F3" in explained.out  # the octets as sent
    assert "--key" not in explained.out
    built = mbus("build", json.dumps({**E65.written, "link": "wireless"}), "--key", KEY)
    assert (built.code, built.out) == (2, "")
    for said in (explained.err, built.err):
        assert one_line(said)
        assert 'pip install "mbus-construct[crypto]"' in said


@pytest.mark.usefixtures("no_crypto")
@pytest.mark.parametrize("how", ["pipe", "argument"])
def test_a_remark_says_what_to_install(mbus: Mbus, how: str) -> None:
    text = E65.octets.hex()
    arguments = ("decode", "--key", KEY, "-f", "ndjson")
    run = mbus(*arguments, stdin=f"{text}\n".encode()) if how == "pipe" else mbus(*arguments, text)
    (remark,) = json.loads(run.out)["diagnostics"]
    assert remark["code"] == "encrypted"
    assert remark["message"].startswith(
        "32 octets of ELS-12345678 are encrypted: decryption needs the package"
    )
    assert "--key" not in remark["message"]
    assert run.code == 1
    assert one_line(run.err)

"""`mbus decode` at the end of a pipe: each telegram is written as soon as it comes."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from commands import ENVIRONMENT, Mbus
from radio import COMPACT, E63, E65, FULL, KEY
from telegrams import README_TELEGRAM

RTL = "T1;1;1;2020-05-28 22:22:56.000;26;27;12345678;0x{hex}\n"


@contextmanager
def running(*arguments: str | Path) -> Generator[subprocess.Popen[bytes], None, None]:
    """`mbus decode` with pipes at both ends; it never waits for ever."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mbus_construct", "decode", *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
    )
    watch = threading.Timer(60, process.kill)
    watch.start()
    try:
        yield process
    finally:
        watch.cancel()
        process.kill()
        process.communicate()


def send(process: subprocess.Popen[bytes], text: str | bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(text if isinstance(text, bytes) else text.encode())
    process.stdin.flush()


def pipe_of(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream


def line(process: subprocess.Popen[bytes]) -> str:
    return pipe_of(process.stdout).readline().decode()


def ended(process: subprocess.Popen[bytes]) -> tuple[int, str, str]:
    out, err = process.communicate()
    return process.returncode, out.decode(), err.decode()


def test_each_telegram_as_it_comes(tmp_path: Path) -> None:
    keys = tmp_path / "keys.toml"
    keys.write_text(f'[keys]\nELS = "{KEY}"\n', encoding="utf-8")
    formats = tmp_path / "formats.json"
    with running("-", "-f", "ndjson", "--keys", keys, "--formats", formats) as process:
        send(process, RTL.format(hex=E65.octets.hex()))
        first = json.loads(line(process))
        assert first["source"] == "standard input, line 1"
        assert first["records"][0]["value"] == 28504.27
        send(process, RTL.format(hex=COMPACT.hex()))
        assert [item["code"] for item in json.loads(line(process))["diagnostics"]] == ["unknown_signature"]
        send(process, RTL.format(hex=FULL.hex()) + "no hex\n")
        assert len(json.loads(line(process))["records"]) == 3
        assert json.loads(line(process))["type"] == "refusal"
        assert pipe_of(process.stderr).readline().startswith(b"mbus: standard input, line 4: ")
        send(process, RTL.format(hex=COMPACT.hex()))
        assert len(json.loads(line(process))["records"]) == 3  # now that the format is known
        assert ended(process) == (1, "", "")
    assert formats.exists()


def test_a_table_and_csv() -> None:
    for format_ in ("table", "csv"):
        with running("-f", format_) as process:
            send(process, f"{E63.octets.hex()}\n")
            first = line(process)
            assert first.startswith("source,telegram," if format_ == "csv" else "standard input, line 1")
            while "876.543" not in first:
                first = line(process)
            send(process, f"{E63.octets.hex()}\n")
            code, out, err = ended(process)
            assert (code, err) == (0, "")
            assert "standard input, line 2" in out
            assert "source,telegram" not in out


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_an_interrupt_ends_it(tmp_path: Path) -> None:
    formats = tmp_path / "formats.json"
    with running("-f", "ndjson", "--formats", formats) as process:
        send(process, f"{FULL.hex()}\n")
        assert json.loads(line(process))["records"]
        process.send_signal(signal.SIGINT)
        assert pipe_of(process.stderr).read() == b""
        assert pipe_of(process.stdout).read() == b""
        assert process.wait() == 130
    assert formats.exists()


def test_a_frame_that_goes_on_in_the_next_line(mbus: Mbus) -> None:
    text = README_TELEGRAM.hex(" ")
    cut = f"{text[:60]}\n{text[60:]}\n{E63.octets.hex()}\n"
    found = [json.loads(item) for item in mbus("decode", "-f", "ndjson", stdin=cut.encode()).lines]
    assert [(item["source"][-6:], len(item["records"])) for item in found] == [("line 1", 12), ("line 3", 1)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_in_any_blocks(mbus: Mbus, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    """However a pipe cuts what goes through it: lines keep their numbers, characters stay whole."""
    text = f"\ufeff# Zähler{end}{end}{E63.octets.hex()}{end}zähler{end}{E63.octets.hex()} # ü{end}"
    monkeypatch.setattr("mbus_construct.cli.inputs._BLOCK", 1)
    run = mbus("decode", "-f", "ndjson", stdin=text.encode())
    found = [(item["source"][-6:], item["type"]) for item in map(json.loads, run.lines)]
    assert found == [("line 3", "telegram"), ("line 4", "refusal"), ("line 5", "telegram")]


@pytest.mark.parametrize(
    "octets",
    [
        README_TELEGRAM,
        E63.octets,
        README_TELEGRAM * 2,
        b"h\r\rh" + README_TELEGRAM,
        b"\r\n" + README_TELEGRAM,
    ],
)
@pytest.mark.parametrize("block", [1, 1 << 16])
def test_octets_are_read_to_their_end(
    mbus: Mbus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, octets: bytes, block: int
) -> None:
    file = tmp_path / "octets.bin"
    file.write_bytes(octets)
    as_file = mbus("decode", "-f", "ndjson", file).out
    monkeypatch.setattr("mbus_construct.cli.inputs._BLOCK", block)
    run = mbus("decode", "-f", "ndjson", "-", stdin=octets)
    assert run.out == as_file.replace(json.dumps(str(file))[1:-1], "standard input")


def test_what_is_no_text_later_spoils_its_own_line(mbus: Mbus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mbus_construct.cli.inputs._BLOCK", len(E63.octets) * 2 + 1)
    text = f"{E63.octets.hex()}\n".encode()
    run = mbus("decode", "-f", "ndjson", stdin=text + b"\xff\x00\n" + text)
    assert [json.loads(item)["type"] for item in run.lines] == ["telegram", "refusal", "telegram"]


def test_a_file_as_standard_input_has_its_second_pass(tmp_path: Path) -> None:
    file = tmp_path / "capture.txt"
    file.write_text(f"{COMPACT.hex()}\n{FULL.hex()}\n", encoding="utf-8")
    command = [sys.executable, "-m", "mbus_construct", "decode", "-f", "ndjson"]
    with file.open("rb") as stdin:
        done = subprocess.run(command, stdin=stdin, capture_output=True, check=False, env=ENVIRONMENT)
    found: list[dict[str, Any]] = [json.loads(item) for item in done.stdout.splitlines()]
    assert [len(item["records"]) for item in found] == [3, 3]


def test_the_same_as_from_a_file(mbus: Mbus, tmp_path: Path) -> None:
    lines = [FULL.hex(), "xyz", E65.octets.hex(), COMPACT.hex(), *["no hex"] * 30]
    file = tmp_path / "capture.txt"
    file.write_text("\n".join(lines), encoding="utf-8")
    for format_ in ("ndjson", "csv", "table"):
        there = mbus("decode", "-f", format_, file)
        piped = mbus("decode", "-f", format_, stdin=file.read_bytes())
        name = json.dumps(str(file))[1:-1] if format_ == "ndjson" else str(file)
        assert piped.code == there.code == 1
        assert piped.out == there.out.replace(name, "standard input")
        assert piped.err == there.err.replace(str(file), "standard input")
        assert "and 11 more that could not be read" in piped.err


def test_csv_of_nothing_has_its_heading(mbus: Mbus) -> None:
    run = mbus("decode", "-f", "csv", stdin=b"xyz\n")
    assert run.code == 2
    assert [row["state"] for row in csv.DictReader(io.StringIO(run.out))] == ["error"]

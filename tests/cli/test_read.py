"""`mbus read`: formats, failures, and runs that go on."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from amounts import counts
from checkout import ENVIRONMENT
from commands import Mbus, Run, one_line
from interrupting import asked, interrupt_after
from mbus_construct.model.schema import json_schema
from mbus_construct.simulator import SimulatedBus, fleet
from mbus_construct.simulator.listener import Listener

FLEET = "[[fleet]]\ncount = 20\nfirst_primary_address = 1\ntelegrams = {}\n"


def sources(text: str) -> list[str]:
    return [json.loads(line)["source"] for line in text.splitlines()]


@pytest.fixture
def buses(tmp_path: Path) -> dict[int, str]:
    """Twenty meters, with one telegram each or with two."""
    for telegrams in (1, 2):
        (tmp_path / f"bus{telegrams}.toml").write_text(FLEET.format(telegrams))
    return {telegrams: f"sim:{tmp_path / f'bus{telegrams}.toml'}" for telegrams in (1, 2)}


def test_one_meter(mbus: Mbus) -> None:
    run = mbus("read", "sim:", "12")
    assert (run.code, run.err) == (0, "")
    assert run.lines[0] == "12345678, PAD (PadMess GmbH), water meter, version 1, status ok"
    rows = [line.split() for line in run.lines if line[:1].isdecimal() and "  " in line]
    assert [row[0] for row in rows] == ["0", "1", "2", "3", "4", "5"]  # of both telegrams
    assert rows[0][1:4] == ["volume", "12.565", "m³"]


@pytest.mark.parametrize("address", ["5", "07935343", "0793534365321004", "0793FFFF", "0793*", "0793????"])
def test_addresses_of_all_kinds(mbus: Mbus, address: str) -> None:
    run = mbus("read", "sim:", address, "-f", "json")
    reading = json.loads(run.out)
    assert run.code == 0
    assert (reading["type"], reading["meter"]["identification_number"]) == ("reading", "07935343")
    jsonschema.validate(reading, json_schema())


def test_several_meters(mbus: Mbus) -> None:
    run = mbus("read", "sim:", "5", "12345678", "3000052893153303", "5", "-f", "json")
    readings = json.loads(run.out)
    assert run.code == 0
    assert [reading["source"] for reading in readings] == ["5", "12345678FFFFFFFF", "3000052893153303"]
    assert [len(reading["records"]) for reading in readings] == [12, 6, 1]
    run = mbus("read", "sim:", "5", "12")
    assert [line for line in run.lines if line in ("5", "12")] == ["5", "12"]


def test_a_meter_that_fails_costs_no_other_one(mbus: Mbus) -> None:
    run = mbus("read", "sim:", "5", "99", "99999999", "12", "-f", "ndjson")
    assert run.code == 1
    good, silent, unselected, last = map(json.loads, run.lines)
    assert (good["source"], last["source"]) == ("5", "12")
    assert (silent["type"], silent["source"], silent["error"]["code"]) == ("refusal", "99", "no_response")
    assert (unselected["source"], unselected["octets"]) == ("99999999FFFFFFFF", "")
    for item in (good, silent, unselected, last):
        jsonschema.validate(item, json_schema())
    first, second = run.err.splitlines()
    assert first.startswith("mbus: address 99: no answer, asked 3 times")
    assert "mbus doctor" in first
    assert second.startswith("mbus: secondary address 99999999FFFFFFFF: no answer")


def test_csv(mbus: Mbus) -> None:
    run = mbus("read", "sim:", "20", "99", "12", "-f", "csv")
    assert run.code == 1
    rows = list(csv.DictReader(io.StringIO(run.out)))
    assert Counter(row["source"] for row in rows) == {"20": 4, "99": 1, "12": 6}
    assert (rows[0]["quantity"], rows[0]["value"], rows[0]["unit"]) == ("energy", "4321570", "Wh")
    assert rows[4]["state"] == "error"
    assert "no answer" in rows[4]["reason"]


def test_limit(mbus: Mbus) -> None:
    run = mbus("read", "sim:", "12", "--limit", "1", "-f", "json")
    assert run.code == 1
    reading = json.loads(run.out)
    assert (reading["telegrams"], reading["more_records_follow"]) == (1, True)
    assert "stopped after 1 telegram" in run.err


def test_all_that_a_scan_finds(mbus: Mbus) -> None:
    run = mbus("read", "sim:", "--all", "-f", "ndjson")
    assert run.code == 1  # two meters share address 30
    assert "collision at address 30" in run.err
    readings = [json.loads(line) for line in run.lines]
    assert [reading["source"] for reading in readings] == ["5", "12", "20", "30"]
    assert [len(reading["records"]) for reading in readings] == [12, 6, 4, 1]  # the first telegrams too
    run = mbus("read", "sim:", "--all", "--addresses", "1-20", "-f", "ndjson")
    assert (run.code, run.err, sources(run.out)) == (0, "", ["5", "12", "20"])


def test_all_that_a_search_finds(mbus: Mbus, tmp_path: Path) -> None:
    run = mbus("read", "sim:", "--all", "--secondary", "-f", "ndjson")
    assert (run.code, run.err) == (0, "")
    readings = {reading["source"]: reading for reading in map(json.loads, run.lines)}
    assert len(readings) == 5
    assert len(readings["1234567824400107"]["records"]) == 6
    known = tmp_path / "known"
    known.write_text("12345678\n07935343\n")
    run = mbus("read", "sim:", "--known", known, "-f", "ndjson")
    assert (run.code, len(run.lines)) == (0, 2)
    run = mbus("read", "sim:", "--all", "--secondary", "--known", known, "-f", "ndjson")
    assert len(run.lines) == 5


def test_nobody(mbus: Mbus) -> None:
    run = mbus("read", "sim:", "--all", "--addresses", "100-110", "-f", "json")
    assert (run.code, json.loads(run.out)) == (1, [])
    assert "mbus doctor sim:" in run.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["300"], "'300' is no address"),
        (["255"], "none of them answers"),
        (["hello"], "'hello' is no address"),
        (["12345"], "is no address"),
        ([], "give the addresses of meters, or --all"),
        (["5", "--all"], "not both"),
        (["5", "--secondary"], "go with --all"),
        (["--all", "--secondary", "--addresses", "1"], "do not go with --secondary"),
        (["5", "-b", "1000"], "1000: one of 300, 600"),
        (["5", "--format", "xml"], "'table', 'json', 'ndjson', 'csv'"),
        (["5", "--limit", "0"], "limit"),
        (["5", "--known", "no/such/file"], "no/such/file"),
    ],
)
def test_used_wrongly(mbus: Mbus, arguments: list[str], words: str) -> None:
    run = mbus("read", "sim:", *arguments)
    assert run.code == 2
    assert one_line(run.err)
    assert words in run.err
    assert run.out == ""


@pytest.mark.parametrize(
    ("port", "code", "words"),
    [
        ("/dev/no-such-port", 1, "does not exist"),
        ("tcp://127.0.0.1:1", 1, "refuses connections"),
        ("rfc2217://127.0.0.1:1", 1, "refuses connections"),
        ("tcp://127.0.0.1", 2, "write tcp://HOST:PORT"),
        ("sim:no/such/file.toml", 2, "No such file"),
        ("replay:no/such/file", 2, "cannot be read"),
    ],
)
def test_ports_that_cannot_be_opened(mbus: Mbus, port: str, code: int, words: str) -> None:
    run = mbus("read", port, "5")
    assert run.code == code
    assert one_line(run.err)
    assert words in run.err


def test_a_port_is_missing(mbus: Mbus, monkeypatch: pytest.MonkeyPatch) -> None:
    run = mbus("read")
    assert run.code == 2
    assert one_line(run.err)
    assert '"sim:"' in run.err


def test_a_port_from_the_environment(mbus: Mbus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MBUS_PORT", "sim:")
    assert mbus("read", "5", "12").code == 0
    assert mbus("read", "sim:", "5").code == 0
    assert mbus("read", "--all", "--addresses", "5").code == 0
    assert mbus("scan", "--addresses", "5").code == 0
    assert len(mbus("search", "3000*").lines) == 2
    assert len(mbus("search").lines) == 5
    assert mbus("ping", "5").code == 0
    assert mbus("set-address", "5", "6").code == 2


# --- Going on


@pytest.mark.parametrize("telegrams", [1, 2])
@pytest.mark.parametrize("reads", [5, 25])
@pytest.mark.parametrize("what", [["--all"], ["--all", "--secondary"], [str(n) for n in range(1, 21)]])
def test_it_goes_on_after_an_interrupt(
    mbus: Mbus, *, tmp_path: Path, buses: dict[int, str], telegrams: int, reads: int, what: list[str]
) -> None:
    state = tmp_path / "state"
    command = ["read", buses[telegrams], *what, "-f", "ndjson"]
    whole = mbus(*command)
    assert (whole.code, len(whole.lines)) == (0, 20)
    runs: list[Run] = []
    for _ in range(2):
        with pytest.MonkeyPatch.context() as patch:
            interrupt_after(patch, reads)
            runs.append(mbus(*command, "--state", str(state)))
        assert runs[-1].code == 130
        assert f"goes on from {state}" in runs[-1].err
    runs.append(mbus(*command, "--state", str(state)))
    assert runs[-1].code == 0
    assert "going on" in runs[-1].err
    read = sources("".join(run.out for run in runs))
    assert sorted(read) == sorted(sources(whole.out))
    done = mbus(*command, "--state", str(state))
    assert (done.code, done.out) == (0, "")
    assert "complete" in done.err


@pytest.mark.parametrize("format_", ["json", "ndjson", "csv", "table"])
def test_the_output_of_two_runs_is_that_of_one(
    mbus: Mbus, tmp_path: Path, buses: dict[int, str], format_: str
) -> None:
    output, state = tmp_path / "output", tmp_path / "state"
    command = ["read", buses[1], "--all", "-f", format_, "-o", str(output)]
    assert mbus(*command).code == 0
    whole = output.read_text()
    with pytest.MonkeyPatch.context() as patch:
        interrupt_after(patch, 30)
        run = mbus(*command, "--state", str(state))
    assert (run.code, run.out) == (130, "")
    assert output.read_text() != whole
    if format_ == "json":
        assert json.loads(output.read_text())
    output.write_text(output.read_text() + "half a li")  # what a killed program leaves
    assert mbus(*command, "--state", str(state)).code == 0
    assert output.read_text() == whole


def test_the_output_is_another_file(mbus: Mbus, tmp_path: Path, buses: dict[int, str]) -> None:
    output, state = tmp_path / "output", tmp_path / "state"
    command = ["read", buses[1], *"123456789", "-f", "ndjson", "-o", str(output), "--state", str(state)]
    with pytest.MonkeyPatch.context() as patch:
        interrupt_after(patch, 12)
        assert mbus(*command).code == 130
    output.write_text("")
    run = mbus(*command)
    assert run.code == 2
    assert "remove the state" in run.err


def test_meters_that_failed_are_asked_again(mbus: Mbus, tmp_path: Path) -> None:
    file, state = tmp_path / "bus.toml", tmp_path / "state"
    file.write_text("[[fleet]]\ncount = 3\nfirst_primary_address = 1\n")
    command = ["read", f"sim:{file}", "1", "2", "3", "4", "-f", "ndjson", "--state", str(state)]
    first = mbus(*command)
    assert (first.code, sources(first.out)) == (1, ["1", "2", "3", "4"])
    again = mbus(*command)
    assert (again.code, sources(again.out)) == (1, ["4"])
    assert "3 meters read so far, 1 failed" in again.err
    file.write_text("[[fleet]]\ncount = 4\nfirst_primary_address = 1\n")
    last = mbus(*command)
    assert (last.code, sources(last.out)) == (0, ["4"])


def test_an_error_stands_in_the_output_once(mbus: Mbus, tmp_path: Path) -> None:
    output, state = tmp_path / "output", tmp_path / "state"
    state.touch()  # as mktemp leaves it: a new state
    command = ["read", "sim:", "5", "99", "-f", "ndjson", "--state", str(state), "-o", str(output)]
    for _ in range(3):
        run = mbus(*command)
        assert (run.code, "address 99: no answer" in run.err) == (1, True)
        assert sources(output.read_text()) == ["5", "99"]


def test_a_limit_is_told_once(mbus: Mbus) -> None:
    run = mbus("read", "sim:", "12", "--limit", "1")
    assert run.code == 1
    assert (run.out + run.err).count("stopped after 1 telegrams") == 1
    run = mbus("read", "sim:", "12", "--limit", "1", "-f", "ndjson")
    assert run.err.count("stopped after 1 telegrams") == 1


def test_a_killed_program_is_told(mbus: Mbus, tmp_path: Path, buses: dict[int, str]) -> None:
    """Killed between the line and the state: on standard output it can only be said."""
    state = tmp_path / "state"
    command = ["read", buses[1], "1", "2", "-f", "ndjson", "--state", str(state)]
    with pytest.MonkeyPatch.context() as patch:
        interrupt_after(patch, 4)
        mbus(*command)
    values = json.loads(state.read_text())
    values["writing"] = "2"
    state.write_text(json.dumps(values))
    run = mbus(*command)
    assert run.code == 0
    assert "killed while it wrote 2" in run.err


def test_an_interrupt_waits_until_the_line_is_written(
    mbus: Mbus, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, buses: dict[int, str]
) -> None:
    state = tmp_path / "state"
    replace = os.replace

    def interrupted(source: Any, target: Any) -> None:
        if json.loads(Path(source).read_text())["writing"] is not None:
            signal.raise_signal(signal.SIGINT)
        replace(source, target)

    monkeypatch.setattr(os, "replace", interrupted)
    run = mbus("read", buses[1], "1", "2", "3", "-f", "ndjson", "--state", str(state))
    assert (run.code, sources(run.out)) == (130, ["1"])
    values = json.loads(state.read_text())
    assert (values["written"], values["writing"]) == (["1"], None)


def test_an_interrupt_deselects(mbus: Mbus, monkeypatch: pytest.MonkeyPatch) -> None:
    requests = asked(monkeypatch)
    with pytest.MonkeyPatch.context() as patch:
        interrupt_after(patch, 4)
        assert mbus("read", "sim:", "--all", "--secondary").code == 130
    assert (requests[-1].c_name, requests[-1].a_field) == ("SND_NKE", 253)


class StoppingBus(SimulatedBus):
    """Stops its master by a signal, in the middle: while it waits for the answer to the n-th request for data."""

    master: subprocess.Popen[str] | None = None
    stop = signal.SIGINT
    requests_before = 0

    def receive(self, now: float) -> bytes:
        asked = sum(request.c_name == "REQ_UD2" for request in self.requests)
        if self.master is not None and asked >= self.requests_before:
            self.master.send_signal(self.stop)
            self.master = None
        return super().receive(now)


@counts(6, 250)
@pytest.mark.parametrize(
    "stop",
    [
        pytest.param(signal.SIGINT, id="interrupt", marks=pytest.mark.slow),
        pytest.param(signal.SIGKILL, id="kill", marks=pytest.mark.slow),
    ],
)
def test_meters_over_tcp(tmp_path: Path, stop: signal.Signals, count: int) -> None:
    """Ctrl-C'd, or killed, and resumed: nothing lost, nothing read twice."""
    bus = StoppingBus(fleet(count, first_primary_address=1, octets=100), baudrate=9600)
    bus.stop, bus.requests_before = stop, count // 4
    output, state = tmp_path / "output", tmp_path / "state"
    codes: list[int] = []
    with Listener(bus, "tcp://127.0.0.1:0", baudrate=9600, speed=50) as listener:
        # Time and retries are for a busy machine: each meter answers.
        command = [sys.executable, "-m", "mbus_construct", "read", listener.url, "--all", "-b", "9600"]
        command += ["--addresses", f"1-{count}", "-f", "ndjson", "--state", str(state)]
        command += ["--timeout", "2", "--retries", "20"]
        if stop == signal.SIGKILL:
            command += ["-o", str(output)]
        for run in range(4):
            # A file, as `>> FILE`: a pipe that nobody reads would stop the program.
            with (
                output.open("a") as out,
                subprocess.Popen(
                    command, env=ENVIRONMENT, stdout=out, stderr=subprocess.PIPE, text=True
                ) as process,
            ):
                bus.clear_log()
                bus.master = process if run < 3 else None
                _, err = process.communicate()
            assert "Traceback" not in err
            codes.append(process.returncode)
    code = -stop if stop == signal.SIGKILL else 130
    assert codes == [code, code, code, 0]
    assert sorted(sources(output.read_text()), key=int) == [str(address) for address in range(1, count + 1)]

"""The other bus commands: ping, alarm, send, doctor, record, replay, simulate, and what all have in common."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from commands import ENVIRONMENT, Mbus, one_line, program
from mbus_construct import Client
from mbus_construct.cli import serial_tools
from mbus_construct.simulator import FAULTS, VirtualPort, builtin, builtin_text, loads
from mbus_construct.simulator.listener import Listener
from real_time import wait_until

# --- ping, alarm, send


def test_ping(mbus: Mbus) -> None:
    run = mbus("ping", "sim:", "5", "12345678", "3000*")
    assert (run.code, run.err) == (0, "")
    assert run.lines == ["5: answers", "12345678: answers", "3000*: answers"]
    run = mbus("ping", "sim:", "5", "99")
    assert (run.code, run.lines) == (1, ["5: answers", "99: no answer"])
    run = mbus("ping", "sim:", "5", "99", "-f", "json")
    assert [item["answers"] for item in json.loads(run.out)] == [True, False]
    run = mbus("ping", "sim:", "5", "-f", "json")
    assert json.loads(run.out) == {"type": "ping", "address": "5", "answers": True}
    run = mbus("ping", "sim:", "5", "99", "-f", "csv")
    assert run.lines == ["address,answers", "5,true", "99,false"]


@pytest.mark.parametrize("arguments", [[], ["255"], ["251"], ["x"]])
def test_ping_used_wrongly(mbus: Mbus, arguments: list[str]) -> None:
    run = mbus("ping", "sim:", *arguments)
    assert run.code == 2
    assert one_line(run.err)


def test_alarm(mbus: Mbus, tmp_path: Path) -> None:
    assert mbus("alarm", "sim:", "5").out == "5: no alarm\n"
    answer = json.loads(mbus("alarm", "sim:", "5", "-f", "json").out)
    assert answer == {"type": "alarm", "address": "5", "alarm": None}
    assert len(mbus("alarm", "sim:", "5", "-f", "csv").lines) == 1
    run = mbus("alarm", "sim:", "99")
    assert run.code == 1
    assert one_line(run.err)
    file = tmp_path / "bus.toml"
    meter = '[[meter]]\nprimary_address = 5\nalarm = "07"\n[[meter.record]]\nquantity = "volume"\nunit = "m³"\nvalue = 1'
    file.write_text(meter)
    run = mbus("alarm", f"sim:{file}", "5", "-f", "json")
    assert (run.code, run.err) == (0, "")
    answer = json.loads(run.out)
    assert (answer["type"], answer["address"]) == ("alarm", "5")
    assert answer["alarm"]["frame"]["ci_field"] == 0x71


@pytest.mark.parametrize("frame", ["10 7B 05 80 16", '{"frame": {"c_field": "REQ_UD2", "a_field": 5}}'])
def test_send(mbus: Mbus, frame: str, tmp_path: Path) -> None:
    run = mbus("send", "sim:", frame)
    assert (run.code, run.err) == (0, "")
    assert run.lines[0].startswith("sent: 10 ")
    assert run.lines[1].startswith("came: 68 6A 6A 68 08 05 72 43 53 93 07")
    assert "long frame, RSP_UD, address 5" in run.lines[2]
    (tmp_path / "frame").write_text(frame)
    run = mbus("send", "sim:", tmp_path / "frame", "-f", "json")
    assert json.loads(run.out)["meter"]["identification_number"] == "07935343"
    assert mbus("send", "sim:", "-", "-f", "json", stdin=frame.encode()).out == run.out


def test_send_an_acknowledged_frame(mbus: Mbus) -> None:
    run = mbus("send", "sim:", "1040054516")
    assert (run.code, run.lines[1:]) == (0, ["came: E5", "single character E5: acknowledged"])


def test_send_where_nothing_or_no_frame_comes_back(mbus: Mbus, tmp_path: Path) -> None:
    run = mbus("send", "sim:", "1040634316")  # a wrong check sum
    assert run.code == 1
    warning = "mbus: warning: 10 40 63 43 16 is no valid frame; it is sent as it is"
    assert run.err.splitlines() == [warning, "mbus: nothing came back"]
    file = tmp_path / "bus.toml"
    fault = '[bus]\nfaults = ["wrong_checksum"]\n[[fleet]]\ncount = 1\nfirst_primary_address = 5\n'
    file.write_text(fault)
    run = mbus("send", f"sim:{file}", "107B058016")
    assert run.code == 1
    assert one_line(run.err)
    assert "octets came that are no frame: 68" in run.err


@pytest.mark.parametrize("frame", ["hello", "", "{}", "[]", '[{"frame": {}}, {"frame": {}}]'])
def test_send_used_wrongly(mbus: Mbus, frame: str) -> None:
    run = mbus("send", "sim:", frame)
    assert run.code == 2
    assert one_line(run.err)


# --- doctor


def test_doctor(mbus: Mbus) -> None:
    run = mbus("doctor", "sim:")
    assert (run.code, run.err) == (0, "")
    assert run.lines[-1] == "healthy"
    assert all(line.startswith("ok: ") for line in run.lines[:-1])
    answer = json.loads(mbus("doctor", "sim:", "-f", "json").out)
    assert (answer["type"], answer["healthy"], answer["baudrate"]) == ("diagnosis", True, 2400)
    assert [verdict["code"] for verdict in answer["verdicts"]] == ["several", "answers"]


def test_doctor_finds_the_baud_rate(mbus: Mbus) -> None:
    run = mbus("doctor", "sim:", "-b", "300")
    assert run.code == 1
    assert "use -b 2400" in run.out
    assert run.lines[-1] == "not healthy"


def test_doctor_without_a_port(mbus: Mbus) -> None:
    run = mbus("doctor", "tcp://127.0.0.1:1")
    assert run.code == 1
    assert run.lines[0].startswith("fault: tcp://127.0.0.1:1: 127.0.0.1 refuses connections")
    answer = json.loads(mbus("doctor", "/dev/no-such-port", "-f", "json").out)
    assert (answer["healthy"], answer["verdicts"][0]["code"]) == (False, "port")
    assert mbus("doctor", "tcp://x").code == 2


def test_doctor_tells_a_connection_that_breaks(mbus: Mbus, tmp_path: Path) -> None:
    file = tmp_path / "bus.toml"
    fault = '[bus]\nfaults = [{ name = "connection_dropped", at = [3] }]\n[[fleet]]\ncount = 1\n'
    file.write_text(fault)
    run = mbus("doctor", f"sim:{file}", "-f", "json")
    assert run.code == 1
    assert json.loads(run.out)["verdicts"][0]["code"] == "connection"


# --- Transcripts


def test_a_transcript_replays(mbus: Mbus, tmp_path: Path) -> None:
    transcript = tmp_path / "bus.txt"
    first = mbus("read", "sim:", "5", "12", "99", "-f", "ndjson", "--record", transcript)
    again = mbus("read", f"replay:{transcript}", "5", "12", "99", "-f", "ndjson")
    assert (again.code, again.out, again.err) == (first.code, first.out, first.err)


def test_replay_shows_a_transcript(mbus: Mbus, tmp_path: Path) -> None:
    transcript = tmp_path / "bus.txt"
    mbus("read", "sim:", "12", "--record", transcript)
    run = mbus("replay", transcript)
    assert (run.code, run.err) == (0, "")
    assert run.lines == [line.rstrip() for line in transcript.read_text().splitlines()[1:]]
    assert run.lines[0].endswith("open sim:")
    assert "REQ_UD2 to 12, FCB 1" in run.out
    assert "RSP_UD from 12" in run.out


def test_replay_decodes_a_transcript(mbus: Mbus, tmp_path: Path) -> None:
    transcript = tmp_path / "bus.txt"
    mbus("read", "sim:", "12", "--record", transcript)
    run = mbus("replay", transcript, "-f", "json")
    first, second = json.loads(run.out)
    assert run.code == 0
    assert first["frame"]["c_name"] == "RSP_UD"
    assert second["records"][0]["storage_number"] == 1
    assert first["source"].startswith(f"{transcript}, line ")
    assert "12345678, PAD" in mbus("replay", transcript, "--decode").out
    rows = list(csv.DictReader(io.StringIO(mbus("replay", transcript, "-f", "csv").out)))
    assert len(rows) == 6


def test_replay_of_what_is_none(mbus: Mbus, tmp_path: Path) -> None:
    run = mbus("replay", tmp_path / "missing")
    assert run.code == 2
    assert one_line(run.err)
    (tmp_path / "text").write_text("hello\n")
    run = mbus("replay", tmp_path / "text")
    assert run.code == 2
    assert "line 1: no transcript" in run.err
    mbus("ping", "sim:", "5", "--record", tmp_path / "ping")
    run = mbus("replay", tmp_path / "ping", "--decode")
    assert run.code == 1
    assert "no telegram of a meter" in run.err


def test_replay_shows_a_frame_in_two_pieces(mbus: Mbus, tmp_path: Path) -> None:
    transcript = tmp_path / "bus.txt"
    mbus("send", "sim:", "10 5B 05 60 16", "--record", transcript)
    first, last = mbus("replay", transcript).lines[-3:-1]
    assert first.endswith("; no frame (37 octets)")
    assert "; the rest of: RSP_UD from 5, " in last


def test_debug_shows_the_traffic(mbus: Mbus) -> None:
    run = mbus("ping", "sim:", "5", "-d")
    assert run.out == "5: answers\n"
    assert "M>S 10 40 05 45 16 ; SND_NKE to 5" in run.err
    assert "S>M E5 ; acknowledgement" in run.err


def test_a_record_that_cannot_be_written(mbus: Mbus, tmp_path: Path) -> None:
    run = mbus("ping", "sim:", "5", "--record", tmp_path / "no" / "file")
    assert run.code == 2
    assert one_line(run.err)
    assert "cannot be written" in run.err


def test_record_on_a_virtual_bus_ends(mbus: Mbus, tmp_path: Path) -> None:
    run = mbus("record", "sim:", "--seconds", "5")
    assert run.code == 0
    assert run.lines[0] == "# mbus-construct transcript 1"
    assert run.lines[-1].split() == ["5.000", "close"]
    assert run.err == ""
    run = mbus("record", "sim:", "-o", tmp_path / "a")
    assert run.code == 0
    assert "nobody talks on a simulated bus" in run.err
    for option in ("--record", "--retries", "--timeout", "--wake-up"):
        assert "No such option" in mbus("record", "sim:", option, "1").err


def test_record_hears_another_master(tmp_path: Path) -> None:
    """A passive recorder on a gateway that sends what is said on its bus."""
    transcript = tmp_path / "bus.txt"
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        command = [sys.executable, "-m", "mbus_construct", "record", url, "-o", str(transcript)]
        with subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True) as process:
            client, _ = server.accept()
            with client:
                client.sendall(bytes.fromhex("105B056016"))
                wait_until(lambda: transcript.exists() and "5B 05" in transcript.read_text())
                process.send_signal(signal.SIGINT)
                _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert f"recorded into {transcript}" in err
    assert "S>M 10 5B 05 60 16 ; REQ_UD2 to 5" in transcript.read_text()
    assert transcript.read_text().rstrip().endswith("close")


# --- The scripts of tools/


def test_more_telegrams_are_pointed_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert serial_tools.request_data(["-a", "12", "sim:"]) == 0
    err = capsys.readouterr().err
    assert "more telegrams follow: mbus-serial-request-data-multi-reply.py" in err
    assert serial_tools.request_data(["-a", "5", "sim:"]) == 0
    assert capsys.readouterr().err == ""


# --- simulate


def test_the_faults_are_listed(mbus: Mbus) -> None:
    run = mbus("simulate", "--faults")
    assert run.code == 0
    assert [line.split()[0] for line in run.lines] == list(FAULTS)


@pytest.mark.parametrize("line", re.findall(r"^# (\w+ = .*?)(?:  +#.*)?$", builtin_text(), re.MULTILINE))
def test_the_examples_in_the_built_in_bus(line: str) -> None:
    assert loads(builtin_text().replace(f"# {line}", line).replace("[bus]\nbaudrate = 2400", "[bus]")).meters


def test_the_built_in_bus_is_printed(mbus: Mbus, tmp_path: Path) -> None:
    (tmp_path / "bus.toml").write_text(mbus("simulate", "--print").out, encoding="utf-8")
    assert mbus("scan", f"sim:{tmp_path / 'bus.toml'}").out == mbus("scan", "sim:").out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--fault", "nonsense"], 2, "there are: echo"),
        (["--fault", "late"], 2, "did you mean late_reply"),
        (["--fault", "noise=2"], 2, "0 to 1"),
        (["--fault", "noise=x"], 2, "noise=0.1"),
        (["--fault", "ignores_fcb=0.5"], 2, "no probability"),
        (["--listen", "nowhere"], 2, "tcp://HOST:PORT"),
        (["--listen", "tcp://127.0.0.1"], 2, "HOST:PORT"),
        (["--speed", "0"], 2, "above 0"),
        (["-b", "1000"], 2, "1000: one of 300, 600"),
        (["no/such/file.toml"], 2, "No such file"),
        (["--listen", "tcp://192.0.2.1:10001"], 1, "none of this computer's addresses"),
    ],
)
def test_simulate_used_wrongly(mbus: Mbus, arguments: list[str], code: int, words: str) -> None:
    run = mbus("simulate", *arguments)
    assert run.code == code
    assert one_line(run.err)
    assert words in run.err


@pytest.mark.parametrize(
    "listen",
    ["tcp://127.0.0.1:0", "pty:", pytest.param("rfc2217://127.0.0.1:0", marks=pytest.mark.slow)],
)
@pytest.mark.parametrize("stop", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_simulate_serves_until_it_is_stopped(tmp_path: Path, listen: str, stop: signal.Signals) -> None:
    if listen == "pty:":
        listen += str(tmp_path / "bus")
    command = [sys.executable, "-m", "mbus_construct", "simulate", "--listen", listen, "--speed", "20", "-d"]
    command += ["--seed", "1", "--fault", "fragments", "-b", "9600"]
    environment = {**ENVIRONMENT, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("5 meters at ")
        assert line.endswith(", 9600 baud; Ctrl-C ends it\n")
        with Client(line.split()[3].rstrip(","), baudrate=9600, timeout=2, retries=20) as bus:
            assert bus.ping(5)
        process.send_signal(stop)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "SND_NKE to 5: heat meter" in err
    assert list(tmp_path.iterdir()) == []  # the link is gone


def test_simulate_on_a_port_in_use(mbus: Mbus) -> None:
    with Listener(builtin(), "tcp://127.0.0.1:0") as listener:
        run = mbus("simulate", "--listen", listener.url)
    assert run.code == 1
    assert one_line(run.err)
    assert "in use" in run.err


# --- All of them

COMMANDS = [
    "scan", "search", "read", "ping", "alarm", "send", "record", "replay", "doctor", "set-address",
    "set-identification", "set-baudrate", "set-clock", "reset", "select", "write", "simulate",
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_help(mbus: Mbus, command: str) -> None:
    run = mbus(command, "--help")
    assert run.code == 0
    assert "sim:" in run.out or command == "replay"
    text = mbus("--help").out
    assert f" {command} " in text
    assert all(panel in text for panel in ("Telegrams", "Bus", "Configuration", "Simulation"))


def test_the_port_in_the_environment(mbus: Mbus, monkeypatch: pytest.MonkeyPatch) -> None:
    run = mbus("ping", "12")
    assert (run.code, "12 is an address and no port" in run.err) == (2, True)
    monkeypatch.setenv("MBUS_PORT", "sim:")
    assert mbus("ping", "12").lines == ["12: answers"]
    assert mbus("ping", "12", "5").lines == ["12: answers", "5: answers"]
    assert len(mbus("search", "3000*").lines) == 2
    assert mbus("search", "3000*", "12345678").code == 2
    assert "12345678, PAD" in mbus("read", "12").out
    assert len(mbus("scan").lines) == 4
    run = mbus("alarm", "12")
    assert (run.code, "PORT has to be given here" in run.err) == (2, True)
    run = mbus("select", "12", "volume=m³")
    assert (run.code, "PORT has to be given here" in run.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ping", "sim:", "5", "-b", "2400,9600"], "2400,9600: one of 300, 600"),
        (["ping", "sim:", "5", "-b", "2400", "-b", "300"], "-b is given twice"),
        (["ping", "sim:", "5", "--timeout", "0"], "no answer begins at once"),
        (["ping", "sim:", "5", "--timeout", "x"], "give a number"),
        (["ping", "sim:", "5", "--retries", "x"], "give a whole number"),
        (["ping", "sim:", "5", "--retries", "101"], "the most is 100"),
        (["scan", "tcp://127.0.0.1:1", "-b", "9600", "-b", "2400"], "use rfc2217://"),
        (["scan", ""], "empty"),
    ],
)
def test_options_used_wrongly(mbus: Mbus, arguments: list[str], words: str) -> None:
    run = mbus(*arguments)
    assert run.code == 2
    assert one_line(run.err)
    assert words in run.err


def test_standard_output_that_takes_nothing() -> None:
    command = [sys.executable, "-m", "mbus_construct", "scan", "sim:"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, env=ENVIRONMENT, stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (2, b"mbus: standard output: No space left on device\n")


def test_options_reach_the_bus(mbus: Mbus, monkeypatch: pytest.MonkeyPatch) -> None:
    ports: list[VirtualPort] = []
    read = VirtualPort.read

    def noted(port: VirtualPort, deadline: float) -> bytes:
        if port not in ports:
            ports.append(port)
        return read(port, deadline)

    monkeypatch.setattr(VirtualPort, "read", noted)
    mbus("ping", "sim:", "99")
    mbus("ping", "sim:", "99", "--retries", "0")
    mbus("ping", "sim:", "99", "--retries", "0", "--timeout", "3")
    mbus("ping", "sim:", "99", "--retries", "0", "--wake-up", "5")
    times = [port.now() for port in ports]
    assert [len(port.bus.requests) for port in ports] == [3, 1, 1, 1]
    assert times[1] < 0.3
    assert 3 < times[2] < 4
    assert 5 < times[3] < 6


def test_the_bus_is_not_imported_for_a_telegram() -> None:
    code = (
        "import sys; sys.argv = ['mbus', 'decode', 'E5']\n"
        "from mbus_construct.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(*[name for name in ('serial', 'asyncio', 'mbus_construct.client.client', 'rich.progress',\n"
        "    'mbus_construct.bus.master', 'mbus_construct.simulator') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=ENVIRONMENT
    )
    assert done.stdout.splitlines()[-1] == ""


def test_an_interrupt_while_a_meter_is_silent(tmp_path: Path) -> None:
    """Ctrl-C is honoured at once."""
    with Listener(builtin(), "tcp://127.0.0.1:0") as listener:
        transcript = tmp_path / "bus.txt"
        command = [sys.executable, "-m", "mbus_construct", "ping", listener.url, "99", "--timeout", "50"]
        command += ["--record", str(transcript)]
        with subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True) as process:
            wait_until(lambda: transcript.exists() and "M>S" in transcript.read_text())
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "mbus: ping interrupted; what is written so far is not all\n")


def test_a_progress_bar_on_a_terminal(tmp_path: Path) -> None:
    master, slave = os.openpty()
    try:
        command = [sys.executable, "-m", "mbus_construct", "scan", "sim:", "--addresses", "0-20"]
        with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=slave) as process:
            out, _ = process.communicate(timeout=60)
        shown = b""
        while select.select([master], [], [], 0)[0]:
            shown += os.read(master, 65536)
    finally:
        os.close(master)
        os.close(slave)
    assert process.returncode == 0
    assert len(out.splitlines()) == 3
    assert b"scan" in shown
    assert b"ETA" in shown


def test_a_reader_that_has_enough(tmp_path: Path) -> None:
    command = f"{sys.executable} -m mbus_construct scan sim: | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["/bin/bash", "-c", command], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert len(done.stdout.splitlines()) == 1
    assert "Traceback" not in done.stderr


def test_the_program_on_the_simulated_bus() -> None:
    run = program("ping", "sim:", "5")
    assert run == (0, "5: answers\n", "")

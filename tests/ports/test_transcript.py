"""Transcripts: written, read strictly, replayed."""

from __future__ import annotations

import asyncio
import io
from contextlib import closing
from pathlib import Path

import pytest

from far_ends import ACK, PING, REPLY, REQUEST, FakeBus, ask, ask_async
from mbus_construct.errors import LocalProtocolError, TransportError
from mbus_construct.ports import open_async_port, open_port
from mbus_construct.ports.errors import FileError
from mbus_construct.ports.replay import ReplayPort
from mbus_construct.ports.transcript import (
    HEADING,
    AsyncRecordingPort,
    Entry,
    RecordingPort,
    read_transcript,
)
from mbus_construct.simulator.listener import Listener


class ScriptedPort:
    """Gives what the script says at its times; an error is raised."""

    name = "scripted"
    baudrate = 2400
    slack = 0.0
    sets_baudrate = True

    def __init__(self, *script: tuple[float, bytes | TransportError]) -> None:
        self.script = list(script)
        self.time = 100.0

    def now(self) -> float:
        return self.time

    def write(self, octets: bytes) -> None:
        pass

    def read(self, deadline: float) -> bytes:
        if not self.script or 100 + self.script[0][0] > deadline:
            self.time = deadline
            return b""
        time, what = self.script.pop(0)
        self.time = 100 + time
        if isinstance(what, TransportError):
            raise what
        return what

    def set_baudrate(self, baudrate: int) -> None:
        self.baudrate = baudrate

    def wake_up(self, seconds: float) -> None:
        self.time += seconds

    def reopen(self) -> None:
        pass

    def close(self) -> None:
        pass


def lines(text: str) -> list[str]:
    """Without the indentation of the times."""
    return [line.strip() for line in text.splitlines()]


def test_what_a_transcript_looks_like() -> None:
    script = ScriptedPort(
        (0.05, ACK),
        (1.0, REPLY[:3]),
        (1.01, REPLY[3:]),
        (2.0, b"\x30"),
        (2.005, b"\x31\x32"),
        (2.5, b"\xe5\x10"),
        (3.0, TransportError("scripted failed: check\nthe plug")),
    )
    file = io.StringIO()
    with closing(RecordingPort(script, file)) as port:
        port.write(PING)
        port.read(101)
        port.write(REQUEST)
        for _ in range(4):
            port.read(110)
        port.set_baudrate(9600)
        port.read(110)
        with pytest.raises(TransportError):
            port.read(110)
        port.reopen()
        port.wake_up(2.2)
        port.write(b"\x68\x00")
    assert lines(file.getvalue()) == [
        "# mbus-construct transcript 1",
        "0.000 open scripted",
        "0.000 slack 0",
        "0.000 baud 2400",
        "0.000 M>S 10 40 05 45 16 ; SND_NKE to 5",
        "0.050 S>M E5 ; acknowledgement",
        "0.050 M>S 10 7B 05 80 16 ; REQ_UD2 to 5, FCB 1",
        f"1.000 S>M {REPLY.hex(' ').upper()} ; RSP_UD from 8, 72h response, full frame (variable data), "
        "1234567824400107, 3 records".replace("from 8", f"from {REPLY[5]}"),
        "2.000 S>M 30 31 32 ; no frame (3 octets)",
        "2.005 baud 9600",
        "2.500 S>M E5 10 ; acknowledgement; no frame (1 octet)",
        "3.000 fail scripted failed: check the plug",
        "3.000 open scripted",
        "3.000 slack 0",
        "3.000 baud 9600",
        "3.000 wake 2.2",
        "5.200 M>S 68 00 ; no frame (2 octets)",
        "5.200 close",
    ]


def test_a_pause_begins_a_new_line() -> None:
    file = io.StringIO()
    with closing(RecordingPort(ScriptedPort((0.1, b"\x01"), (0.11, b"\x02"), (0.13, b"\x03")), file)) as port:
        for _ in range(3):
            port.read(110)
    assert lines(file.getvalue())[-3:-1] == [
        "0.100 S>M 01 02 ; no frame (2 octets)",
        "0.130 S>M 03 ; no frame (1 octet)",
    ]


def test_the_last_piece_of_a_frame_has_its_meaning() -> None:
    file = io.StringIO()
    with closing(
        RecordingPort(ScriptedPort((0.1, REPLY[:9]), (1, REPLY[9:20]), (2, REPLY[20:])), file)
    ) as port:
        for _ in range(3):
            port.read(110)
    words = [line.partition(" ; ")[2] for line in lines(file.getvalue())[-4:-1]]
    assert words[:2] == ["no frame (9 octets)", "no frame (11 octets)"]
    assert words[2].startswith(f"the rest of: RSP_UD from {REPLY[5]}, 72h response")


def test_each_octet_is_on_the_disk_at_once(transcript: Path) -> None:
    port = RecordingPort(ScriptedPort((0.1, b"\x68"), (0.11, b"\x1f")), transcript)
    port.read(110)
    assert transcript.read_text().endswith("0.100 S>M 68")
    port.read(110)
    assert [entry.octets for entry in read_transcript(transcript)][
        -1
    ] == b"\x68\x1f"  # as it would be after a crash
    port.close()
    port.close()


def test_a_transcript_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"bus.txt cannot be written \(No such file or directory\)"):
        RecordingPort(ScriptedPort(), tmp_path / "no" / "bus.txt")
    full = open("/dev/full", "w")  # noqa: SIM115
    with pytest.raises(FileError, match=r"/dev/full cannot be written \(No space left"):
        RecordingPort(ScriptedPort(), full)
    with pytest.raises(OSError, match="No space"):
        full.close()


def test_the_entries(transcript: Path) -> None:
    transcript.write_text(
        f"{HEADING}\n# by hand\n\n0 open /dev/ttyUSB0 ; a name\n0.0 slack 0.02\n0 baud 300\n"
        "1 M>S 10 40 05 45 16 ; ping\n 1.25   S>M e5\n2 wake 2.2\n3 fail it; failed\n3 close\n"
    )
    assert read_transcript(transcript) == (
        Entry(0, "open", text="/dev/ttyUSB0 ; a name", line=4),
        Entry(0, "slack", number=0.02, line=5),
        Entry(0, "baud", number=300, line=6),
        Entry(1, "M>S", octets=PING, line=7),
        Entry(1.25, "S>M", octets=ACK, line=8),
        Entry(2, "wake", number=2.2, line=9),
        Entry(3, "fail", text="it; failed", line=10),
        Entry(3, "close", line=11),
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("hello", '"hello" is no line of a transcript: seconds, then open, slack, baud'),
        ("-1 close", "is no line of a transcript"),
        ("1 said hello", "said is none of open, slack, baud, M>S, S>M, wake, fail, close"),
        ("1 M>S", '"" are no octets in hex'),
        ("1 M>S 1 0", '"1 0" are no octets in hex'),
        ("1 S>M E5 xx", '"E5 xx" are no octets in hex'),
        ("1 baud 2401", '"2401" cannot stand behind baud'),
        ("1 slack -1", '"-1" cannot stand behind slack'),
        ("1 close now", '"now" cannot stand behind close'),
        ("1 open", '"" cannot stand behind open'),
        ("0.1 close", "time 0.100 is before that of the line above, 0.500"),
    ],
)
def test_lines_that_are_none(transcript: Path, line: str, said: str) -> None:
    transcript.write_text(f"{HEADING}\n0.5 M>S E5\n{line}\n")
    with pytest.raises(LocalProtocolError) as caught:
        read_transcript(transcript)
    assert str(caught.value).startswith(f"{transcript}, line 3: ")
    assert said in str(caught.value)


def test_files_that_are_none(transcript: Path, tmp_path: Path) -> None:
    transcript.write_text("10 40 05 45 16\n")
    with pytest.raises(LocalProtocolError, match=r"bus.txt, line 1: no transcript, it does not begin with"):
        read_transcript(transcript)
    transcript.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(LocalProtocolError, match="is no transcript: it is no text"):
        open_port(f"replay:{transcript}")
    for missing in (tmp_path / "no-such-file", tmp_path):
        with pytest.raises(FileError, match=r"cannot be read \(.*\): check the name"):
            open_port(f"replay:{missing}")
    with pytest.raises(LocalProtocolError, match="wants the name of a transcript: replay:FILE"):
        open_port("replay:")


def replay(transcript: Path, text: str, baudrate: int = 2400) -> ReplayPort:
    transcript.write_text(f"{HEADING}\n{text}")
    port = open_port(f"replay:{transcript}", baudrate=baudrate)
    assert isinstance(port, ReplayPort)
    return port


def test_a_recorded_dialogue_replays(bus: FakeBus, transcript: Path) -> None:
    with Listener(bus, "tcp://127.0.0.1:0", speed=10) as listener:
        recording = RecordingPort(open_port(listener.url, slack=0.25), transcript)
        assert ask(recording, PING, 1) == ACK
        assert recording.read(recording.now() + 0.1) == b""
        assert ask(recording, REQUEST, len(REPLY)) == REPLY
        recording.close()
    port = open_port(f"replay:{transcript}")
    assert port.slack == 0.25
    assert ask(port, REQUEST, len(REPLY)) == REPLY  # in any order
    assert ask(port, PING, 1) == ACK
    assert port.now() < 0.5


def test_it_replays_what_asyncio_recorded(bus: FakeBus, transcript: Path) -> None:
    async def record(where: str) -> None:
        port = AsyncRecordingPort(await open_async_port(where), transcript)
        assert await ask_async(port, PING, 1) == ACK
        await port.set_baudrate(9600)
        await port.wake_up(0.01)
        listener.drop_client()
        with pytest.raises(TransportError):
            await port.read(port.now() + 60)
        await port.reopen()
        await port.close()

    with Listener(bus, "tcp://127.0.0.1:0") as listener:
        asyncio.run(record(listener.url))
    kinds = [entry.kind for entry in read_transcript(transcript)]
    opened = ["open", "slack", "baud"]
    assert kinds == [*opened, "M>S", "S>M", "baud", "wake", "fail", *opened, "close"]
    port = open_port(f"replay:{transcript}")
    port.write(PING)
    assert port.read(1) == ACK
    with pytest.raises(TransportError, match="the gateway closed the connection"):
        port.read(1)


def test_answers_in_order_then_the_last_one_again(transcript: Path) -> None:
    port = replay(transcript, "0 M>S 01\n0.1 S>M AA\n1 M>S 01\n2 M>S 01\n2.5 S>M BB\n2.6 S>M CC\n")
    port.write(b"\1")
    assert (port.read(10), port.now()) == (b"\xaa", 0.1)
    assert (port.read(0.2), port.now()) == (b"", 0.2)
    port.write(b"\1")
    assert (port.read(1), port.now()) == (b"", 1)
    for begin in (1.0, 3.0):
        port.write(b"\1")
        assert (port.read(9), port.now()) == (b"\xbb", begin + 0.5)
        assert (port.read(9), round(port.now(), 6)) == (b"\xcc", begin + 0.6)
        assert port.read(3) == b""
    assert port.unknown == []


def test_a_late_answer_comes_late(transcript: Path) -> None:
    port = replay(transcript, "0 M>S 01\n0.5 S>M AA\n1 M>S 02\n1.1 S>M BB\n")
    port.write(b"\1")
    assert port.read(0.3) == b""
    port.write(b"\2")
    assert (port.read(9), port.now()) == (b"\xbb", pytest.approx(0.4))
    assert (port.read(9), port.now()) == (b"\xaa", 0.5)


def test_what_was_never_asked_gets_silence(transcript: Path) -> None:
    port = replay(transcript, "0.1 S>M 55\n1 M>S 01\n1.1 S>M AA\n")
    assert (port.read(9), port.now()) == (b"\x55", 0.1)  # noise before anything was asked
    port.write(b"\2")
    assert (port.read(9), port.now(), port.unknown) == (b"", 9, [b"\2"])


def test_answers_at_their_baud_rate(transcript: Path) -> None:
    text = "0 baud 300\n0 M>S 01\n0.5 S>M AA\n1 baud 9600\n1 M>S 01\n1.1 S>M BB\n"
    port = replay(transcript, text, baudrate=9600)
    port.write(b"\1")
    assert port.read(9) == b"\xbb"
    port.set_baudrate(300)
    port.write(b"\1")
    assert port.read(99) == b"\xaa"
    port = replay(transcript, text, baudrate=2400)  # a rate that it does not know is no other bus
    port.write(b"\1")
    assert port.read(9) == b"\xaa"


def test_closing_and_failing(transcript: Path) -> None:
    port = replay(transcript, "0 M>S 01\n0.5 fail the plug is out\n1 open x\n1 M>S 02\n1.1 S>M BB\n")
    port.write(b"\1")
    with pytest.raises(TransportError, match="the plug is out"):
        port.read(9)
    port.reopen()
    port.wake_up(2)
    port.write(b"\2")
    assert (port.read(9), port.now()) == (b"\xbb", 2.6)
    port.close()
    port.close()
    with pytest.raises(TransportError, match="is closed"):
        port.write(b"\1")


def test_nothing_to_replay(transcript: Path) -> None:
    port = replay(transcript, "")
    assert port.slack == 0.3
    port.write(PING)
    assert port.read(1) == b""

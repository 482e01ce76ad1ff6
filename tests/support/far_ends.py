"""What stands at the far end of a port in tests: a bus that answers what it was told to, a line, a clock, helpers."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from mbus_construct.ports.port import AsyncPort, Port

BITS = 11

PING = bytes.fromhex("1040054516")
ACK = b"\xe5"
REQUEST = bytes.fromhex("107b058016")
REPLY = bytes.fromhex("681f1f680805727856341224400107550000000313153100da023b13018b60043718021b16")


class FakeBus:
    """`answers` says what follows which octets; `heard` is what the master sent, with rate and parity."""

    def __init__(self, answers: Mapping[bytes, bytes] | None = None, *, delay: float = 0.01) -> None:
        self.answers = dict(answers or {})
        self.delay = delay
        self.heard: list[tuple[bytes, int, str]] = []
        self.connected = True
        self.baudrate = 2400
        self.answered = threading.Event()  # everything has reached the master
        self._unanswered = b""
        self._coming: list[tuple[float, int]] = []

    @property
    def octets(self) -> bytes:
        return b"".join(octets for octets, _, _ in self.heard)

    @property
    def deadline(self) -> float | None:
        return self._coming[0][0] if self._coming else None

    def transmit(self, octets: bytes, now: float, baudrate: int, parity: str = "E") -> None:
        self.heard.append((octets, baudrate, parity))
        self._unanswered += octets
        character = BITS / baudrate
        begin = now + character * len(octets) + self.delay
        while found := [item for item in self.answers if item in self._unanswered]:
            asked = min(found, key=self._unanswered.index)
            self._unanswered = self._unanswered.partition(asked)[2]
            answer = self.answers[asked]
            self._coming += [(begin + character * (index + 1), octet) for index, octet in enumerate(answer)]

    def receive(self, now: float) -> bytes:
        arrived = bytes(octet for time, octet in self._coming if time <= now)
        self._coming = self._coming[len(arrived) :]
        if arrived and not self._coming:
            self.answered.set()
        return arrived

    def set_baudrate(self, baudrate: int, now: float) -> None:
        self.baudrate = baudrate

    def reconnect(self) -> None:
        self.connected = True
        self._coming = []


class Clock:
    """Stands for the module `time` where ports wait: nothing waits, and all of it counts."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class FarEnd:
    """The other side of a serial port: a pseudo-terminal whose octets come out of `device`."""

    device: str
    master: int
    slave: int

    def pull_the_plug(self) -> None:
        for handle in (self.slave, self.master):
            if handle >= 0:
                os.close(handle)
        self.master = self.slave = -1


def taken(handle: int, count: int) -> bytes:
    """So many octets of a far end's descriptor: they come in pieces."""
    got = b""
    while len(got) < count and (piece := os.read(handle, count - len(got))):
        got += piece
    return got


def ask(port: Port, octets: bytes, count: int, seconds: float = 30.0) -> bytes:
    """Write, then read so many octets within the time."""
    port.write(octets)
    return read(port, count, seconds)


def read(port: Port, count: int, seconds: float = 30.0) -> bytes:
    """So many octets, or those that came within the time."""
    got = b""
    deadline = port.now() + seconds
    while len(got) < count and port.now() < deadline:
        got += port.read(deadline)
    return got


async def ask_async(port: AsyncPort, octets: bytes, count: int, seconds: float = 30.0) -> bytes:
    """The same for asyncio."""
    await port.write(octets)
    got = b""
    deadline = port.now() + seconds
    while len(got) < count and port.now() < deadline:
        got += await port.read(deadline)
    return got


def url(server: socket.socket, scheme: str = "tcp") -> str:
    """Where a server on 127.0.0.1 listens."""
    return f"{scheme}://127.0.0.1:{server.getsockname()[1]}"

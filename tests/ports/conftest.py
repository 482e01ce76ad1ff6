"""Ports and their far ends."""

from __future__ import annotations

import os
import socket
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from far_ends import ACK, PING, REPLY, REQUEST, Clock, FakeBus, FarEnd
from mbus_construct.ports import real_time, serial_port


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of serial and TCP ports, in virtual time."""
    clock = Clock()
    for module in (real_time, serial_port):
        monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def line() -> Iterator[FarEnd]:
    """A pseudo-terminal: what is written to `master` comes out of `device`."""
    master, slave = os.openpty()
    tty.setraw(slave)
    end = FarEnd(os.ttyname(slave), master, slave)
    yield end
    end.pull_the_plug()


@pytest.fixture
def gateway() -> Iterator[socket.socket]:
    """A TCP server on any port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        yield server


@pytest.fixture
def bus() -> FakeBus:
    """One meter at address 5, if one can call it a meter."""
    return FakeBus({PING: ACK, REQUEST: REPLY})


@pytest.fixture
def transcript(tmp_path: Path) -> Path:
    return tmp_path / "bus.txt"

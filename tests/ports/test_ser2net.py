"""Debian's ser2net, a real RFC 2217 server, between our client and a simulated bus on a pseudo-terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from far_ends import ACK, PING, REPLY, REQUEST, FakeBus, ask
from mbus_construct.errors import TransportError
from mbus_construct.ports import open_port
from mbus_construct.simulator.listener import Listener
from ser2net import needs_ser2net, ser2net

pytestmark = needs_ser2net


@pytest.fixture(params=["rfc2217", "tcp"])
def gateway(request: pytest.FixtureRequest, bus: FakeBus, tmp_path: Path) -> Iterator[str]:
    """The URL of a ser2net in front of the bus."""
    with Listener(bus, "pty:") as listener, ser2net(listener.url, tmp_path, request.param) as where:
        yield where


def test_a_dialogue_and_another_baud_rate(gateway: str, bus: FakeBus) -> None:
    bus.answers[b"\xff"] = bytes(range(248, 256)) * 2
    with closing(open_port(gateway)) as port:
        assert ask(port, PING, 1) == ACK
        assert ask(port, REQUEST, len(REPLY)) == REPLY
        assert ask(port, b"\xff", 16) == bytes(range(248, 256)) * 2
        port.set_baudrate(9600)
        assert ask(port, PING, 1) == ACK
    sets_it = gateway.startswith("rfc2217")
    assert [rate for _, rate, _ in bus.heard if rate != 2400] == ([9600] if sets_it else [])


def test_two_clients_and_one_line(gateway: str) -> None:
    with closing(open_port(gateway)) as first:
        assert ask(first, PING, 1) == ACK
        with pytest.raises(TransportError, match=r"closed the connection"):
            listen_to(gateway)
        assert ask(first, PING, 1) == ACK


def listen_to(gateway: str) -> None:
    """Open, and read until somebody hangs up; over raw TCP ser2net sends its refusal as text before."""
    with closing(open_port(gateway, connect_timeout=1)) as port:
        while port.read(port.now() + 60):
            pass


def test_the_line_goes_away_and_comes_back(gateway: str) -> None:
    with closing(open_port(gateway)) as port:
        assert ask(port, PING, 1) == ACK
        port.reopen()
        assert ask(port, PING, 1) == ACK

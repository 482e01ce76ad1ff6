"""Our RFC 2217 client at gateways that misbehave; with one that behaves it is in test_serve."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from serial import rfc2217

from far_ends import ACK, PING, FakeBus, ask, read, url
from mbus_construct.errors import LocalProtocolError, TransportError
from mbus_construct.ports import open_port
from mbus_construct.simulator import endpoints
from mbus_construct.simulator.listener import Listener


@contextmanager
def hanging_up_with(gateway: socket.socket, text: bytes) -> Iterator[None]:
    def hang_up() -> None:
        client, _ = gateway.accept()
        client.sendall(text)
        client.close()

    thread = threading.Thread(target=hang_up)
    thread.start()
    yield
    thread.join()


def test_a_gateway_that_does_not_negotiate(gateway: socket.socket) -> None:
    with pytest.raises(
        TransportError, match=r"does not negotiate its line's settings: check that it speaks RFC 2217"
    ):
        open_port(url(gateway, "rfc2217"), connect_timeout=0.2)


def test_a_gateway_that_is_busy_says_so(gateway: socket.socket) -> None:
    said = r'closed the connection \(it said "Port already in use"\): '
    with hanging_up_with(gateway, b"Port already in use\r\n"), pytest.raises(TransportError, match=said):
        open_port(url(gateway, "rfc2217"), connect_timeout=30)


def test_nobody_listens(gateway: socket.socket) -> None:
    where = url(gateway, "rfc2217")
    gateway.close()
    with pytest.raises(TransportError, match=r"127.0.0.1 refuses connections on port"):
        open_port(where)
    with pytest.raises(TransportError, match=r"nobody knows the name no-such-host.invalid"):
        open_port("rfc2217://no-such-host.invalid:2000")


def test_a_gateway_that_refuses_the_settings(bus: FakeBus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(rfc2217.RFC2217_REVERSE_PARITY_MAP, rfc2217.RFC2217_PARITY_MAP["E"], "N")
    said = r"the gateway refuses 2400 baud 8E1 \(.*parity.*\): allow it"
    with Listener(bus, "rfc2217://127.0.0.1:0") as listener, pytest.raises(TransportError, match=said):
        open_port(listener.url)


def test_a_gateway_that_refuses_another_rate_later(bus: FakeBus, monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = endpoints.check_baudrate

    class Fixed(endpoints._Line):
        def __setattr__(self, name: str, value: Any) -> None:
            super().__setattr__(name, 2400 if name == "baudrate" else value)

    monkeypatch.setattr(endpoints, "_Line", Fixed)
    assert genuine(2400) == 2400
    with Listener(bus, "rfc2217://127.0.0.1:0") as listener, closing(open_port(listener.url)) as port:
        with pytest.raises(TransportError, match=r"does not take {'baudrate': 9600} .*use another rate"):
            port.set_baudrate(9600)
        assert port.baudrate == 2400


def test_what_came_before_the_gateway_went_away_is_not_lost(bus: FakeBus) -> None:
    with Listener(bus, "rfc2217://127.0.0.1:0") as listener:
        port = open_port(listener.url)
        port.write(PING)
        assert bus.answered.wait(60)
        listener.close()
        assert read(port, 1) == ACK
        for _ in range(2):  # it is told as often as one asks
            with pytest.raises(TransportError, match="the gateway closed the connection"):
                port.read(port.now() + 60)
        port.close()


def test_options_of_the_url_stay(bus: FakeBus) -> None:
    with Listener(bus, "rfc2217://127.0.0.1:0") as listener:
        with closing(open_port(f"{listener.url}?poll_modem", slack=1.5)) as port:
            assert ask(port, PING, 1) == ACK
            assert (port.name, port.slack) == (f"{listener.url}?poll_modem", 1.5)
        with closing(open_port(f"{listener.url}")) as port:
            assert port.slack == 0.3
    with pytest.raises(TransportError, match="unknown option"):
        open_port("rfc2217://127.0.0.1:2000?nonsense")
    with pytest.raises(LocalProtocolError, match="no address of a gateway"):
        open_port("rfc2217://127.0.0.1")

"""Raw TCP on 127.0.0.1."""

from __future__ import annotations

import socket
import threading
from contextlib import closing

import pytest

from far_ends import Clock, read, taken, url
from mbus_construct.errors import LocalProtocolError, TransportError
from mbus_construct.ports import open_port, real_time
from mbus_construct.ports.real_time import readable, within
from mbus_construct.ports.tcp import TcpPort


@pytest.mark.parametrize("scheme", ["tcp", "socket", "TCP"])
def test_octets_go_both_ways(gateway: socket.socket, scheme: str) -> None:
    with closing(open_port(url(gateway, scheme))) as port, gateway.accept()[0] as client:
        port.write(b"\x10\x40\xff")
        assert taken(client.fileno(), 3) == b"\x10\x40\xff"
        client.sendall(b"\xe5")
        assert read(port, 1) == b"\xe5"
        assert (port.baudrate, port.slack) == (2400, 0.3)
        port.set_baudrate(9600)
        assert port.baudrate == 9600


def test_a_read_ends_at_the_deadline(gateway: socket.socket) -> None:
    with closing(TcpPort(url(gateway))) as port, gateway.accept()[0] as client:
        begin = port.now()
        assert port.read(begin + 0.05) == b""
        assert port.now() >= begin + 0.05
        assert port.read(begin) == b""
        client.sendall(b"\xe5")
        assert readable([port._socket], 30)
        assert port.read(begin) == b"\xe5"  # what is there is given, however late it is


def test_the_gateway_closes_the_connection(gateway: socket.socket) -> None:
    with closing(open_port(url(gateway))) as port:
        client, _ = gateway.accept()
        client.sendall(b"\x68")
        client.close()
        assert port.read(port.now() + 60) == b"\x68"  # what came before is not lost
        with pytest.raises(TransportError, match=r"the gateway closed the connection: .* open it again"):
            port.read(port.now() + 60)
        port.reopen()
        with gateway.accept()[0] as client:
            client.sendall(b"\xe5")
            assert read(port, 1) == b"\xe5"


def test_the_gateway_resets_the_connection(gateway: socket.socket) -> None:
    with closing(open_port(url(gateway))) as port:
        client, _ = gateway.accept()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        with pytest.raises(TransportError, match=r"the gateway closed the connection \(.*reset"):
            port.read(port.now() + 60)
        with pytest.raises(TransportError, match=r"the gateway closed the connection"):
            port.write(b"\x10")


def test_nobody_listens(gateway: socket.socket) -> None:
    where = url(gateway)
    gateway.close()
    with pytest.raises(TransportError, match=r"127.0.0.1 refuses connections on port \d+: check the number"):
        open_port(where)


def test_nobody_knows_the_name() -> None:
    with pytest.raises(TransportError, match=r"nobody knows the name no-such-host.invalid: check it"):
        open_port("tcp://no-such-host.invalid:10001")


def test_the_host_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*_: object) -> socket.socket:
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "create_connection", hang)
    with pytest.raises(TransportError, match=r"127.0.0.1 does not answer: check the address, .* power"):
        open_port("tcp://127.0.0.1:10001")


def test_resolving_a_name_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def hang(*_: object) -> socket.socket:
        release.wait(60)
        raise OSError

    monkeypatch.setattr(socket, "create_connection", hang)
    with pytest.raises(TransportError, match=r"gateway.example does not answer"):
        open_port("tcp://gateway.example:10001", connect_timeout=0.05)
    release.set()


def test_what_opens_too_late_is_closed() -> None:
    release, closed = threading.Event(), threading.Event()

    def call() -> threading.Event:
        release.wait(60)
        return closed

    with pytest.raises(TransportError, match=r"late"):
        within(0.01, TransportError("late"), call, threading.Event.set)
    assert not closed.is_set()
    release.set()
    assert closed.wait(60)


def test_the_calls_own_time_out_is_its_own() -> None:
    def call() -> None:
        raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match=r"mine"):
        within(5, TransportError("late"), call, lambda _: None)


def test_a_write_that_nobody_takes_ends(gateway: socket.socket) -> None:
    port = TcpPort(url(gateway))
    with closing(port), gateway.accept()[0]:
        port.write_timeout = 0.05
        with pytest.raises(TransportError, match=r"takes no octets"):
            port._hand_over(bytes(50_000_000))


@pytest.mark.parametrize(
    "text", ["tcp://", "tcp://host", "tcp://:1", "tcp://host:x", "tcp://host:99999", "rfc2217://h"]
)
def test_addresses_that_are_none(text: str) -> None:
    with pytest.raises(
        LocalProtocolError, match=r"no address of a gateway: write \w+://HOST:PORT, as \w+://192"
    ):
        open_port(text)


def test_wake_up_is_sent_as_is(gateway: socket.socket, clock: Clock) -> None:
    with closing(open_port(url(gateway), baudrate=9600)) as port, gateway.accept()[0] as client:
        begin = clock.now
        port.wake_up(0.15)
        assert clock.now == pytest.approx(begin + 130 * 11 / 9600)
        assert taken(client.fileno(), 130) == b"\x55" * 130  # eleven bits each: the gateway's line is 8E1


def test_closed_is_closed(gateway: socket.socket) -> None:
    port = open_port(url(gateway))
    gateway.accept()[0].close()
    port.close()
    port.close()
    with pytest.raises(TransportError, match=r"is closed: open it again"):
        port.read(port.now())


def test_sent_paced_is_as_fast_as_the_line(clock: Clock) -> None:
    chunks: list[int] = []
    begin = clock.now
    real_time.send_paced(lambda octets: chunks.append(len(octets)), 0.2, 2400, 10)
    assert sum(chunks) == 48
    assert len(chunks) == 2
    assert clock.now == pytest.approx(begin + 0.2)

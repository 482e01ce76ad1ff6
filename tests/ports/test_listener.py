"""A bus in real time on TCP, RFC 2217 and a pseudo-terminal, and our ports as its clients."""

from __future__ import annotations

import errno
import os
import resource
import socket
import threading
from contextlib import ExitStack, closing
from pathlib import Path
from queue import SimpleQueue

import pytest
import serial

from far_ends import ACK, PING, REPLY, REQUEST, FakeBus, ask, read
from mbus_construct.errors import LocalProtocolError, TransportError
from mbus_construct.ports import open_port
from mbus_construct.ports.real_time import readable
from mbus_construct.simulator import endpoints
from mbus_construct.simulator.endpoints import TcpEndpoint
from mbus_construct.simulator.listener import Listener, serve

FD_SETSIZE = 1024
TCP, PTY, RFC2217 = "tcp://127.0.0.1:0", "pty:", "rfc2217://127.0.0.1:0"


@pytest.mark.parametrize("listen", [TCP, PTY, RFC2217])
def test_a_dialogue(bus: FakeBus, listen: str) -> None:
    bus.answers[b"\xff\xff"] = bytes(range(256))  # FFh is special in RFC 2217
    there = Listener(bus, listen, baudrate=38400)
    with there as listener, closing(open_port(listener.url, baudrate=38400)) as port:
        assert ask(port, PING, 1) == ACK
        assert ask(port, REQUEST, len(REPLY)) == REPLY
        assert ask(port, b"\xff\xff", 256) == bytes(range(256))
        assert port.read(port.now() + 0.02) == b""
    assert bus.octets == PING + REQUEST + b"\xff\xff"


@pytest.mark.parametrize("listen", [TCP, PTY])
def test_the_octets_come_at_the_speed_of_the_line(bus: FakeBus, listen: str) -> None:
    with Listener(bus, listen) as listener, closing(open_port(listener.url)) as port:
        begin = port.now()
        assert ask(port, REQUEST, len(REPLY)) == REPLY
        least = (len(REQUEST) + len(REPLY)) * 11 / 2400 + bus.delay
        assert port.now() - begin >= least


@pytest.mark.parametrize("listen", [TCP, PTY])
def test_a_bus_that_is_faster_than_real_time(bus: FakeBus, listen: str) -> None:
    bus.delay = 36_000.0
    with Listener(bus, listen, speed=1e6) as listener, closing(open_port(listener.url)) as port:
        assert ask(port, REQUEST, len(REPLY)) == REPLY
        assert listener.now() >= 36_000


@pytest.mark.parametrize("listen", [PTY, RFC2217])
def test_the_clients_baud_rate_reaches_the_bus(bus: FakeBus, listen: str) -> None:
    with Listener(bus, listen, speed=10) as listener, closing(open_port(listener.url, baudrate=9600)) as port:
        ask(port, PING, 1)
        port.set_baudrate(300)
        ask(port, PING, 1)
    assert [baudrate for _, baudrate, _ in bus.heard] == [9600, 300]
    assert bus.baudrate == 300


def test_the_gateways_baud_rate_is_its_own(bus: FakeBus) -> None:
    with Listener(bus, TCP, baudrate=4800) as listener, closing(open_port(listener.url)) as port:
        ask(port, PING, 1)
    assert bus.heard == [(PING, 4800, "E")]


@pytest.mark.slow
def test_the_clients_parity_reaches_the_bus(bus: FakeBus) -> None:
    with Listener(bus, RFC2217) as listener, closing(open_port(listener.url)) as port:
        port.wake_up(0.1)
        ask(port, PING, 1)
    woke = b"".join(octets for octets, _, parity in bus.heard if parity == "N")
    assert woke == b"\x55" * 24  # ten bits each
    assert bus.heard[-1] == (PING, 2400, "E")


def test_octets_in_one_piece(bus: FakeBus) -> None:
    with Listener(bus, TCP, gather=0.3) as listener, closing(open_port(listener.url, baudrate=2400)) as port:
        port.write(REQUEST)
        assert port.read(port.now() + 60) == REPLY


def test_clients_one_after_another(bus: FakeBus) -> None:
    with Listener(bus, TCP) as listener:
        for _ in range(3):
            with closing(open_port(listener.url)) as port:
                assert ask(port, PING, 1) == ACK


def test_a_second_client_is_turned_away(bus: FakeBus) -> None:
    with Listener(bus, TCP) as listener, closing(open_port(listener.url)) as first:
        assert ask(first, PING, 1) == ACK
        refused = pytest.raises(TransportError, match="closed the connection")
        with closing(open_port(listener.url)) as second, refused:
            second.read(second.now() + 60)
        assert ask(first, PING, 1) == ACK


def test_a_second_client_throws_the_first_one_out(bus: FakeBus) -> None:
    with Listener(bus, TCP, kick=True) as listener, closing(open_port(listener.url)) as first:
        assert ask(first, PING, 1) == ACK
        with closing(open_port(listener.url)) as second:
            assert ask(second, PING, 1) == ACK
            with pytest.raises(TransportError, match="another client took the line"):
                first.read(first.now() + 60)


@pytest.mark.parametrize("listen", [TCP, RFC2217])
def test_a_dropped_client_comes_back(bus: FakeBus, listen: str) -> None:
    with Listener(bus, listen) as listener, closing(open_port(listener.url)) as port:
        assert ask(port, PING, 1) == ACK
        listener.drop_client()
        with pytest.raises(TransportError, match="the gateway closed the connection"):
            port.read(port.now() + 60)
        port.reopen()
        assert ask(port, PING, 1) == ACK


def test_a_bus_that_cuts_the_way_drops_the_client(bus: FakeBus) -> None:
    with Listener(bus, TCP) as listener, closing(open_port(listener.url)) as port:
        bus.connected = False
        with pytest.raises(TransportError, match="the gateway closed the connection"):
            ask(port, PING, 2)
        assert bus.connected
        port.reopen()
        assert ask(port, PING, 1) == ACK


def test_a_serial_port_is_unplugged_and_comes_back(
    bus: FakeBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path / "ttyMBUS"
    with Listener(bus, f"pty:{link}") as listener, closing(open_port(listener.url)) as port:
        assert listener.url == str(link)
        assert ask(port, PING, 1) == ACK
        back, drop = threading.Event(), listener._endpoint.drop
        monkeypatch.setattr(listener._endpoint, "drop", lambda: (drop(), back.set()))
        listener.drop_client()
        with pytest.raises(TransportError, match="check the plug and the cable"):
            port.read(port.now() + 60)
        assert back.wait(60)
        port.reopen()
        assert ask(port, PING, 1) == ACK
    assert not link.is_symlink()


def test_a_client_of_a_pseudo_terminal_may_ask_for_parity(bus: FakeBus) -> None:
    """glibc refuses parity there unless another setting changes: each client finds another speed."""
    with Listener(bus, PTY, speed=100) as listener:
        for _ in range(3):
            with serial.serial_for_url(listener.url, 2400, 8, "E", 1, timeout=60) as port:
                port.write(PING)
                assert port.read(1) == ACK
    assert {baudrate for _, baudrate, _ in bus.heard} == {2400}


def test_a_link_of_a_killed_simulator_is_replaced_but_no_file(bus: FakeBus, tmp_path: Path) -> None:
    link = tmp_path / "ttyMBUS"
    link.symlink_to("/dev/pts/no-such")
    Listener(bus, f"pty:{link}").close()
    assert not link.is_symlink()
    link.write_text("precious")
    with pytest.raises(TransportError, match="is there and no link: take another name"):
        Listener(bus, f"pty:{link}")
    assert link.read_text() == "precious"
    with pytest.raises(TransportError, match="the link cannot be made"):
        Listener(bus, f"pty:{tmp_path}/no/such/folder")


def test_control_that_is_never_acknowledged(bus: FakeBus) -> None:
    with Listener(bus, RFC2217, mute_control=True) as listener, closing(open_port(listener.url)) as port:
        port.set_baudrate(9600)
        assert ask(port, PING, 1) == ACK
    assert bus.heard == [(PING, 9600, "E")]


@pytest.mark.parametrize("nonsense", [b"\xff\xfa\x2c\x03\x63\xff\xf0", b"\xff\xfa\x2c\x01\x00\xff\xf0"])
def test_nonsense_costs_the_client_its_connection_and_nobody_else(bus: FakeBus, nonsense: bytes) -> None:
    with Listener(bus, RFC2217) as listener:
        port = int(listener.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), 60) as client:
            client.sendall(nonsense)
            while client.recv(1000):
                pass
        with closing(open_port(listener.url)) as again:
            assert ask(again, PING, 1) == ACK


@pytest.mark.parametrize("listen", [TCP, RFC2217])
def test_more_open_files_than_select_can_wait_for(bus: FakeBus, listen: str) -> None:
    """Gateways, that is; on serial ports pyserial itself has this limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if 0 <= hard < 1200 else max(soft, 1200), hard))
    with ExitStack() as opened:
        while opened.enter_context(open(os.devnull)).fileno() <= FD_SETSIZE:
            pass
        listener = opened.enter_context(Listener(bus, listen, baudrate=38400))
        port = opened.enter_context(closing(open_port(listener.url, baudrate=38400)))
        assert ask(port, PING, 1) == ACK
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_client_that_reads_nothing_is_thrown_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoints, "_SEND_TIMEOUT", 0.01)
    with closing(TcpEndpoint(TCP, 2400, kick=False)) as endpoint, closing(open_port(endpoint.url)):
        endpoint.receive(readable(endpoint.handles(), 5))
        assert len(endpoint.handles()) == 2
        endpoint.send(bytes(50_000_000))
        assert len(endpoint.handles()) == 1


def test_what_cannot_be_listened_on(bus: FakeBus) -> None:
    in_use = pytest.raises(TransportError, match=r"port \d+ is in use: .* \(0 for any that is free\)")
    with Listener(bus, TCP) as listener, in_use:
        Listener(bus, listener.url)
    with pytest.raises(TransportError, match=r"192\.0\.2\.1 is none of this computer's addresses"):
        Listener(bus, "tcp://192.0.2.1:10001")
    for listen in ("udp://127.0.0.1:1", "/dev/ttyUSB0", "sim:"):
        with pytest.raises(LocalProtocolError, match="is nothing to listen on: tcp://HOST:PORT"):
            Listener(bus, listen)
    with pytest.raises(LocalProtocolError, match="no address of a gateway"):
        Listener(bus, "tcp://127.0.0.1")
    with pytest.raises(LocalProtocolError, match="a bus cannot be 0 times as fast"):
        Listener(bus, TCP, speed=0)


def test_a_port_below_1024(bus: FakeBus, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> socket.socket:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket, "create_server", refuse)
    with pytest.raises(TransportError, match="port 80 is for the administrator: take one above 1023"):
        Listener(bus, "tcp://127.0.0.1:80")


def test_serving_in_the_foreground_until_interrupted(bus: FakeBus) -> None:
    urls: SimpleQueue[str] = SimpleQueue()
    served: list[str] = []

    class Interrupted(FakeBus):
        def transmit(self, octets: bytes, now: float, baudrate: int, parity: str = "E") -> None:
            raise KeyboardInterrupt

    def client() -> None:
        served.append(urls.get(timeout=60))
        with closing(open_port(served[0])) as port:
            port.write(PING)
            with pytest.raises(TransportError):
                read(port, 1)

    thread = threading.Thread(target=client)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        serve(Interrupted(), TCP, ready=urls.put)
    thread.join()
    with pytest.raises(TransportError, match="refuses connections"):
        open_port(served[0])


@pytest.mark.parametrize("listen", [TCP, PTY, RFC2217])
def test_nothing_is_left_behind(bus: FakeBus, listen: str) -> None:
    handles = os.listdir("/proc/self/fd")
    with Listener(bus, listen) as listener:
        open_port(listener.url).close()
        listener.close()
        listener.drop_client()
    assert len(os.listdir("/proc/self/fd")) == len(handles)
    assert not any(thread.name.startswith("mbus simulate") for thread in threading.enumerate())

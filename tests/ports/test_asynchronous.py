"""Ports for asyncio: streams, worker threads, virtual time."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from far_ends import ACK, PING, REPLY, REQUEST, FakeBus, FarEnd, ask_async, url
from mbus_construct.errors import LocalProtocolError, TransportError
from mbus_construct.ports import asynchronous, open_async_port, open_port
from mbus_construct.ports.asynchronous import AsyncTcpPort, AsyncThreadPort
from mbus_construct.ports.port import Port
from mbus_construct.ports.transcript import HEADING
from mbus_construct.simulator.listener import Listener


@pytest.mark.parametrize("listen", ["tcp://127.0.0.1:0", "pty:", "rfc2217://127.0.0.1:0"])
def test_a_dialogue(bus: FakeBus, listen: str) -> None:
    async def main() -> None:
        port = await open_async_port(listener.url, slack=0.5)
        assert (port.name, port.baudrate, port.slack) == (listener.url, 2400, 0.5)
        await port.set_baudrate(9600)
        assert port.baudrate == 9600
        await port.wake_up(0.02)
        assert await ask_async(port, PING, 1) == ACK
        assert await ask_async(port, REQUEST, len(REPLY)) == REPLY
        begin = port.now()
        assert await port.read(begin + 0.03) == b""
        assert port.now() >= begin + 0.03
        await port.reopen()
        assert await ask_async(port, PING, 1) == ACK
        await port.close()
        await port.close()
        with pytest.raises(TransportError, match="is closed: open it again"):
            await port.read(port.now())
        await port.reopen()
        assert await ask_async(port, PING, 1) == ACK
        await port.close()

    with Listener(bus, listen, baudrate=9600) as listener:
        asyncio.run(main())


@pytest.mark.parametrize("listen", ["tcp://127.0.0.1:0", "pty:"])
def test_a_cancelled_read_loses_nothing(bus: FakeBus, listen: str) -> None:
    async def main() -> None:
        port = await open_async_port(listener.url, baudrate=38400)
        got = b""
        for pause in (0.0, 0.001, 0.012, 0.013, 0.03):
            await port.write(PING)
            reading = asyncio.create_task(port.read(port.now() + 60))
            await asyncio.sleep(pause)
            reading.cancel()
            with suppress(asyncio.CancelledError):
                got += await reading
        deadline = port.now() + 60
        while len(got) < 5 and port.now() < deadline:
            got += await port.read(deadline)
        await port.close()
        assert got == ACK * 5

    with Listener(bus, listen, baudrate=38400) as listener:
        asyncio.run(main())


def workers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("mbus port")]


def test_octets_that_came_for_a_cancelled_read_are_kept(
    line: FarEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    below, taken = open_port(line.device), threading.Event()
    genuine = below.read

    def read(deadline: float) -> bytes:
        octets = genuine(deadline)
        if octets:
            taken.set()
        return octets

    async def main() -> None:
        monkeypatch.setattr(below, "read", read)
        port = AsyncThreadPort(below)
        reading = asyncio.create_task(port.read(port.now() + 60))
        await asyncio.sleep(0)
        os.write(line.master, ACK)
        assert taken.wait(60)  # the thread reads it; this loop does not turn and cannot hand it on
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert await port.read(port.now() + 60) == ACK
        await port.close()

    asyncio.run(main())


def test_others_run_while_one_waits(line: FarEnd) -> None:
    async def main() -> None:
        port = await open_async_port(line.device)
        reading = asyncio.create_task(port.read(port.now() + 60))
        await asyncio.sleep(0)
        assert not reading.done()
        os.write(line.master, ACK)
        assert await reading == ACK
        await port.close()

    asyncio.run(main())


def test_closing_ends_a_read_and_joins_the_thread(line: FarEnd) -> None:
    async def main() -> None:
        port = await open_async_port(line.device)
        reading = asyncio.create_task(port.read(port.now() + 60))
        await asyncio.sleep(0)
        await asyncio.wait_for(port.close(), 30)
        assert await reading == b""

    asyncio.run(main())
    assert workers() == []


def test_the_port_vanishes(line: FarEnd) -> None:
    async def main() -> None:
        port = await open_async_port(line.device)
        line.pull_the_plug()
        with pytest.raises(TransportError, match="check the plug"):
            await port.read(port.now() + 60)
        cancelled = asyncio.create_task(port.read(port.now() + 60))
        await asyncio.sleep(0)
        cancelled.cancel()  # its error is of no interest any more
        await port.close()

    asyncio.run(main())


def test_the_gateway_hangs_up(gateway: socket.socket) -> None:
    async def main() -> None:
        port = await open_async_port(url(gateway))
        client, _ = gateway.accept()
        client.sendall(b"\x68")
        client.close()
        assert await port.read(port.now() + 60) == b"\x68"
        with pytest.raises(TransportError, match="the gateway closed the connection"):
            await port.read(port.now() + 60)
        await port.reopen()
        client, _ = gateway.accept()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        with pytest.raises(TransportError, match=r"the gateway closed the connection \(.*reset"):
            await port.read(port.now() + 60)
        await port.close()

    asyncio.run(main())


def test_a_write_that_nobody_takes_ends(gateway: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asynchronous, "_CLOSE_TIMEOUT", 0.05)

    async def main() -> None:
        port = await AsyncTcpPort.open(url(gateway))
        port.write_timeout = 0.05
        with pytest.raises(TransportError, match="takes no octets"):
            await port.write(bytes(50_000_000))
        await port.close()

    asyncio.run(main())


def test_what_cannot_be_opened(gateway: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    where = url(gateway)
    gateway.close()
    for port, said in (
        (where, "refuses connections"),
        (where.replace("tcp", "rfc2217"), "refuses connections"),
        ("/dev/no-such-port", "does not exist"),
        ("tcp://no-such-host.invalid:1", "nobody knows the name"),
    ):
        with pytest.raises(TransportError, match=said):
            asyncio.run(open_async_port(port))
    with pytest.raises(LocalProtocolError, match="no baud rate"):
        asyncio.run(open_async_port(where, baudrate=1))

    async def hang(*_: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(asyncio, "open_connection", hang)
    with pytest.raises(TransportError, match=r"127\.0\.0\.1 does not answer"):
        asyncio.run(open_async_port(where, connect_timeout=0.02))


def test_opening_that_is_cancelled_closes_what_opens_later(line: FarEnd) -> None:
    release = threading.Event()

    async def main() -> None:
        def slowly() -> Port:
            release.wait(60)
            return open_port(line.device)

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(AsyncThreadPort.open(slowly), 0.02)

    asyncio.run(main())
    release.set()
    for worker in workers():  # it is opened, and closed again
        worker.join(60)
    open_port(line.device).close()


def test_virtual_time_needs_no_thread(transcript: Path) -> None:
    transcript.write_text(f"{HEADING}\n0 M>S 10 40 05 45 16\n0.1 S>M E5\n")

    async def main() -> None:
        port = await open_async_port(f"replay:{transcript}")
        assert await ask_async(port, PING, 1) == ACK
        await port.set_baudrate(300)
        await port.wake_up(1000)
        assert await port.read(port.now() + 1000) == b""
        assert port.now() > 2000
        await port.reopen()
        await port.close()

    asyncio.run(main())

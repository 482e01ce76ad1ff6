"""Debian's ser2net, a real RFC 2217 server, between our client and a simulated bus on a pseudo-terminal."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from far_ends import ACK, PING, REPLY, REQUEST, FakeBus, ask
from mbus_construct.errors import TransportError
from mbus_construct.simulator.serve import Listener
from mbus_construct.transport import open_port

SER2NET = shutil.which("ser2net", path=f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin")

pytestmark = pytest.mark.skipif(SER2NET is None, reason="ser2net is not installed: apt-get install ser2net")

CONFIGURATION = """\
connection: &bus
  accepter: {accepter}tcp,127.0.0.1,{port}
  connector: serialdev,{device},2400e81,local
"""


@pytest.fixture(params=["rfc2217", "tcp"])
def gateway(request: pytest.FixtureRequest, bus: FakeBus, tmp_path: Path) -> Iterator[str]:
    """The URL of a ser2net in front of the bus."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    accepter = {"rfc2217": "telnet(rfc2217),", "tcp": ""}[request.param]
    with Listener(bus, f"pty:{tmp_path / 'line'}") as listener:
        file = tmp_path / "ser2net.yaml"
        file.write_text(CONFIGURATION.format(accepter=accepter, port=port, device=listener.url))
        assert SER2NET is not None
        command = [SER2NET, "-n", "-d", "-c", str(file), "-P", str(tmp_path / "pid")]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                wait_for(port)
                yield f"{request.param}://127.0.0.1:{port}"
            finally:
                stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()


def wait_for(port: int) -> None:
    """Until it listens: seen without connecting, which would take the line."""
    wanted = f"0100007F:{port:04X}"
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        if any(row[1] == wanted and row[3] == "0A" for row in rows):
            return
        time.sleep(0.01)
    pytest.fail("ser2net does not listen")


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
        while port.read(port.now() + 5):
            pass


def test_the_line_goes_away_and_comes_back(gateway: str) -> None:
    with closing(open_port(gateway)) as port:
        assert ask(port, PING, 1) == ACK
        port.reopen()
        assert ask(port, PING, 1) == ACK

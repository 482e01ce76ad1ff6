"""Which port a URL opens."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from checkout import ENVIRONMENT
from far_ends import ACK, PING, ask, ask_async
from mbus_construct import ports
from mbus_construct.errors import LocalProtocolError, MBusError
from mbus_construct.ports import Scheme, open_async_port, open_port, register, scheme_of, sets_baudrate
from mbus_construct.simulator import VirtualPort, builtin


@pytest.mark.parametrize(
    ("url", "scheme", "rest"),
    [
        ("/dev/ttyUSB0", "", "/dev/ttyUSB0"),
        ("COM3", "", "COM3"),
        ("C:strange", "", "C:strange"),
        ("sim:", "sim", ""),
        ("SIM:bus.toml", "sim", "bus.toml"),
        ("replay:C:/logs/a.txt", "replay", "C:/logs/a.txt"),
        ("TCP://host:1", "tcp", "//host:1"),
        ("tcp:host:1", "tcp", "host:1"),
        ("loop://", "loop", "//"),
    ],
)
def test_schemes(url: str, scheme: str, rest: str) -> None:
    assert scheme_of(url) == (scheme, rest)


def test_the_built_in_bus() -> None:
    with closing(open_port("sim:")) as port:
        assert (port.name, port.baudrate, port.now()) == ("sim:", 2400, 0)
        assert ask(port, PING, 1) == ACK
        assert port.read(port.now() + 3600) == b""
    with closing(open_port("sim:", baudrate=300)) as port:
        assert port.baudrate == 300

    async def main() -> None:
        port = await open_async_port("sim:")
        assert await ask_async(port, PING, 1) == ACK
        await port.close()

    asyncio.run(main())


def test_a_bus_of_ones_own(tmp_path: Path) -> None:
    with pytest.raises(MBusError, match="no-such-file"):
        open_port(f"sim:{tmp_path / 'no-such-file.toml'}")


@pytest.mark.parametrize("url", ["tcp://127.0.0.1:1", "rfc2217://127.0.0.1:1", "loop://", "sim:"])
def test_baud_rates_are_checked_before_anything_else(url: str) -> None:
    with pytest.raises(LocalProtocolError, match="2401 is no baud rate of M-Bus"):
        open_port(url, baudrate=2401)


def open_fleet(url: str, baudrate: int, **options: float) -> VirtualPort:
    port = VirtualPort(builtin(), url)
    port.set_baudrate(baudrate)
    port.slack = options.get("slack", 0.25)
    return port


@pytest.mark.parametrize("virtual_time", [True, False])
def test_a_scheme_of_ones_own(monkeypatch: pytest.MonkeyPatch, virtual_time: bool) -> None:
    monkeypatch.setattr(ports, "_SCHEMES", {**ports._SCHEMES})
    register("Fleet", Scheme(__name__, "open_fleet", virtual_time=virtual_time))
    assert sets_baudrate("fleet:north")
    with closing(open_port("fleet:north", baudrate=300)) as port:
        assert (port.name, port.baudrate, port.slack) == ("fleet:north", 300, 0.25)

    async def main() -> None:
        port = await open_async_port("FLEET:north", baudrate=2400, slack=0.5)
        assert (port.name, port.baudrate, port.slack) == ("FLEET:north", 2400, 0.5)
        assert await ask_async(port, PING, 1) == ACK
        await port.close()

    asyncio.run(main())


def test_a_simulated_bus_needs_neither_pyserial_nor_asyncio() -> None:
    code = (
        "import sys; from mbus_construct.ports import open_port; open_port('sim:').close(); "
        "print(*(name for name in ('serial', 'socket', 'asyncio') if name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=ENVIRONMENT
    )
    assert done.stdout.strip() == ""

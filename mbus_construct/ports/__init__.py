"""Ways to a bus: serial ports, RFC 2217, raw TCP, pyserial's other URLs, the simulator, transcripts.

    with closing(open_port("/dev/ttyUSB0")) as port: ...

A port moves octets; `mbus_construct.Client` knows what they mean. Transcripts name the frames for people.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from ..bus.timing import check_baudrate
from ..errors import LocalProtocolError
from .port import AsyncPort, Port

__all__ = ["AsyncPort", "Port", "open_async_port", "open_port", "sets_baudrate"]

_RAW_TCP: Final = ("tcp", "socket")  # a gateway whose line has settings of its own

# Which class opens what; imported when wanted, so that a simulated bus needs neither pyserial nor asyncio.
_PORTS: Final = {
    "tcp": (".tcp", "TcpPort"),
    "socket": (".tcp", "TcpPort"),
    "rfc2217": (".rfc2217", "Rfc2217Port"),
    "": (".serial_port", "SerialPort"),
}
_OF_NO_SCHEME: Final = _PORTS[""]
_INSTANT: Final = ("sim", "replay")  # their clock is virtual


def open_port(
    url: str, *, baudrate: int = 2400, connect_timeout: float | None = None, slack: float | None = None
) -> Port:
    """Open a way to a bus.

    Args:
        url: a serial port ("/dev/ttyUSB0", "COM3"), "rfc2217://HOST:PORT", "tcp://HOST:PORT" (or
            "socket://"), any other URL of pyserial, "sim:" for the built-in simulated bus, "sim:FILE.toml"
            for one's own, "replay:FILE" for a transcript.
        baudrate: of the line, 300 to 38400. A raw TCP gateway's is its own: say here what it is.
        connect_timeout: seconds that opening may take; 5 unless given.
        slack: seconds that the way adds to any answer; 0.02 for serial ports, 0.3 over a network unless
            given.

    Raises:
        TransportError: it cannot be opened; the message says why and what to do.
        LocalProtocolError: it is no URL of a port, or no baud rate of M-Bus.
    """
    check_baudrate(baudrate)
    if not url.strip():
        raise LocalProtocolError('the name of the port is empty; "sim:" is a simulated bus')
    scheme, rest = scheme_of(url)
    if scheme == "sim":
        return _simulated(url, rest, baudrate)
    if scheme == "replay":
        replay: Port = _from(".replay", "ReplayPort").open(rest, baudrate=baudrate)
        return replay
    given = {"connect_timeout": connect_timeout, "slack": slack}
    options = {name: value for name, value in given.items() if value is not None}
    module, name = _PORTS.get(scheme, _OF_NO_SCHEME)
    port: Port = _from(module, name)(url, baudrate, **options)
    return port


async def open_async_port(
    url: str, *, baudrate: int = 2400, connect_timeout: float | None = None, slack: float | None = None
) -> AsyncPort:
    """The same for asyncio: streams for TCP, a worker thread for serial ports and RFC 2217."""
    ports = import_module(".asynchronous", __name__)
    scheme, _ = scheme_of(url)
    options: dict[str, Any] = {"baudrate": baudrate, "connect_timeout": connect_timeout, "slack": slack}
    if scheme in _INSTANT:
        port: AsyncPort = ports.AsyncInstantPort(open_port(url, **options))
    elif scheme in _RAW_TCP:
        given = {name: value for name, value in options.items() if value is not None}
        port = await ports.AsyncTcpPort.open(url, **given)
    else:
        port = await ports.AsyncThreadPort.open(lambda: open_port(url, **options))
    return port


def sets_baudrate(url: str) -> bool:
    """Whether a port that this URL opens changes the line's speed; see `Port`."""
    return scheme_of(url)[0] not in _RAW_TCP


def scheme_of(url: str) -> tuple[str, str]:
    """The scheme of a URL in lower case, and what follows the colon; "" for the name of a serial port."""
    scheme, colon, rest = url.partition(":")
    scheme = scheme.lower()
    if colon and (rest.startswith("//") or scheme in _INSTANT):
        return scheme, rest
    return "", url


def _simulated(url: str, file: str, baudrate: int) -> Port:
    config = import_module("..simulator.config", __name__)
    bus = config.load(file) if file else config.builtin()
    port: Port = _from("..simulator.virtual_port", "VirtualPort")(bus, name=url)
    port.set_baudrate(baudrate)
    return port


def _from(module: str, name: str) -> Any:
    return getattr(import_module(module, __name__), name)

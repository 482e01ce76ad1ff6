"""Ways to a bus: serial ports, RFC 2217, raw TCP, pyserial's other URLs, the simulator, transcripts.

    with closing(open_port("/dev/ttyUSB0")) as port: ...

A port moves octets; `mbus_construct.Client` knows what they mean. Transcripts name the frames for people.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final, NamedTuple

from ..bus.timing import check_baudrate
from ..errors import LocalProtocolError
from .port import AsyncPort, Port

__all__ = ["AsyncPort", "Port", "Scheme", "open_async_port", "open_port", "register", "sets_baudrate"]


class Scheme(NamedTuple):
    """How a URL with one scheme is opened. What opens it is imported when it is wanted.

    Attributes:
        module, name: of a function or class that takes the URL, the baud rate and, where they were given,
            `connect_timeout` and `slack` by name, and gives a `Port`.
        asynchronous: module and name of a class for asyncio with a coroutine `open` that takes the same;
            without, a thread works the port.
        sets_baudrate: whether the port changes the line's speed; see `Port`.
        virtual_time: the port never waits, so that asyncio needs no thread for it.
    """

    module: str
    name: str
    asynchronous: tuple[str, str] | None = None
    sets_baudrate: bool = True
    virtual_time: bool = False


_TCP: Final = Scheme(
    "mbus_construct.ports.tcp",
    "TcpPort",
    ("mbus_construct.ports.asynchronous", "AsyncTcpPort"),
    sets_baudrate=False,
)
_SCHEMES: Final = {
    "": Scheme("mbus_construct.ports.serial_port", "SerialPort"),
    "tcp": _TCP,
    "socket": _TCP,
    "rfc2217": Scheme("mbus_construct.ports.rfc2217", "Rfc2217Port"),
    "replay": Scheme("mbus_construct.ports.replay", "open_replay", virtual_time=True),
}


def register(name: str, scheme: Scheme) -> None:
    """Let `open_port` and the clients open URLs that begin with this name and a colon."""
    _SCHEMES[name.lower()] = scheme


def open_port(
    url: str, *, baudrate: int = 2400, connect_timeout: float | None = None, slack: float | None = None
) -> Port:
    """Open a way to a bus.

    Args:
        url: a serial port ("/dev/ttyUSB0", "COM3"), "rfc2217://HOST:PORT", "tcp://HOST:PORT" (or
            "socket://"), any other URL of pyserial, "sim:" for the built-in simulated bus, "sim:FILE.toml"
            for one's own, "replay:FILE" for a transcript.
        baudrate: of the line, 300 to 38400. A raw TCP gateway's is its own: state here what it is.
        connect_timeout: seconds that opening may take; 5 unless given.
        slack: seconds that the way adds to any answer; 0.02 for serial ports, 0.3 over a network unless
            given.

    Raises:
        TransportError: it cannot be opened; the message says why and what to do.
        LocalProtocolError: it is not the URL of a port, or not a baud rate of M-Bus.
    """
    check_baudrate(baudrate)
    if not url.strip():
        raise LocalProtocolError('the name of the port is empty; "sim:" is a simulated bus')
    scheme = _scheme(url)
    port: Port = _from(scheme.module, scheme.name)(url, baudrate, **_given(connect_timeout, slack))
    return port


async def open_async_port(
    url: str, *, baudrate: int = 2400, connect_timeout: float | None = None, slack: float | None = None
) -> AsyncPort:
    """The same for asyncio: streams for TCP, a worker thread for serial ports and RFC 2217."""
    scheme = _scheme(url)
    options: dict[str, Any] = {"baudrate": baudrate, **_given(connect_timeout, slack)}
    if scheme.asynchronous is not None:
        port: AsyncPort = await _from(*scheme.asynchronous).open(url, **options)
    elif scheme.virtual_time:
        port = _from("mbus_construct.ports.instant", "AsyncInstantPort")(open_port(url, **options))
    else:
        in_thread = _from("mbus_construct.ports.asynchronous", "AsyncThreadPort")
        port = await in_thread.open(lambda: open_port(url, **options))
    return port


def sets_baudrate(url: str) -> bool:
    """Whether a port that this URL opens changes the line's speed; see `Port`."""
    return _scheme(url).sets_baudrate


def scheme_of(url: str) -> tuple[str, str]:
    """The scheme of a URL in lower case, and what follows the colon; "" for the name of a serial port."""
    scheme, colon, rest = url.partition(":")
    scheme = scheme.lower()
    if colon and (rest.startswith("//") or scheme in _SCHEMES):
        return scheme, rest
    return "", url


def _scheme(url: str) -> Scheme:
    return _SCHEMES.get(scheme_of(url)[0], _SCHEMES[""])  # pyserial may know the others


def _given(connect_timeout: float | None, slack: float | None) -> dict[str, float]:
    options = {"connect_timeout": connect_timeout, "slack": slack}
    return {name: value for name, value in options.items() if value is not None}


def _from(module: str, name: str) -> Any:
    return getattr(import_module(module), name)

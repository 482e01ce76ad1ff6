"""A simulated bus in real time: on a TCP port, on RFC 2217, or on a pseudo-terminal.

with Listener(bus, "tcp://127.0.0.1:0") as listener:
    Client(listener.url)
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import Any, Final, Protocol, Self

from ..bus.timing import check_baudrate
from ..errors import LocalProtocolError, TransportError
from ..ports import scheme_of
from ..ports.real_time import readable
from .endpoints import Endpoint, Rfc2217Endpoint, TcpEndpoint

_CHUNK: Final = 65536


class Bus(Protocol):
    """What is served; see `SimulatedBus`."""

    connected: bool

    @property
    def deadline(self) -> float | None:
        """When the next octet reaches the master, None if nothing is under way."""
        ...

    def transmit(self, octets: bytes, now: float, baudrate: int, parity: str = "E") -> None:
        """Octets of the master."""
        ...

    def receive(self, now: float) -> bytes:
        """The octets that have reached the master by now."""
        ...

    def set_baudrate(self, baudrate: int, now: float) -> None:
        """The master speaks and hears at this rate."""
        ...

    def reconnect(self) -> None:
        """The way to the bus is there again."""
        ...


class Listener:
    """Serves a simulated bus; `with` runs it in a thread.

    Args:
        bus: with `transmit`, `deadline` and `receive`.
        listen: "tcp://HOST:PORT", "rfc2217://HOST:PORT" (port 0: any that is free), "pty:" or
            "pty:/path/of/link".
        baudrate: of the line. RFC 2217 clients and pseudo-terminals set it themselves.
        speed: how many times faster than real time the bus is.
        kick: a new client throws the old one out; otherwise the new one is turned away.
        gather: seconds of the bus for which octets are held back, to come in one piece.
        mute_control: never acknowledge SET-CONTROL, as some RFC 2217 gateways do.

    Attributes:
        url: what a client opens.
    """

    def __init__(
        self,
        bus: Bus,
        listen: str,
        *,
        baudrate: int = 2400,
        speed: float = 1.0,
        kick: bool = False,
        gather: float = 0.0,
        mute_control: bool = False,
    ) -> None:
        if not speed > 0:
            raise LocalProtocolError(f"a bus cannot be {speed:g} times as fast: give a number above 0")
        self._bus = bus
        self._speed = speed
        self._gather = gather
        self._endpoint = _endpoint(listen, check_baudrate(baudrate), kick=kick, mute_control=mute_control)
        self.url = self._endpoint.url
        self._start = time.monotonic()
        self._ending = threading.Event()
        self._dropping = threading.Event()
        self._wakes, self._waker = socket.socketpair()
        self._thread: threading.Thread | None = None

    def now(self) -> float:
        """Seconds of the bus since it is served."""
        return (time.monotonic() - self._start) * self._speed

    def run(self) -> None:
        """Serve until `close` is called in another thread, or Ctrl-C."""
        try:
            while not self._ending.is_set():
                self._step()
        finally:
            self._endpoint.close()

    def _step(self) -> None:
        bus, endpoint = self._bus, self._endpoint
        wait = None
        if bus.deadline is not None:
            wait = max(0.0, (bus.deadline + self._gather - self.now()) / self._speed)
        ready = readable([self._wakes, *endpoint.handles()], wait)
        if self._wakes in ready:
            self._wakes.recv(_CHUNK)
        for heard in endpoint.receive(ready):
            bus.transmit(heard.octets, self.now(), heard.baudrate, heard.parity)
        bus.set_baudrate(endpoint.baudrate, self.now())
        if bus.deadline is not None and bus.deadline + self._gather <= self.now():
            endpoint.send(bus.receive(self.now()))
        if self._dropping.is_set() or not bus.connected:
            self._dropping.clear()
            bus.reconnect()
            endpoint.drop()

    def start(self) -> Self:
        """Serve in a thread."""
        self._thread = threading.Thread(target=self.run, name=f"mbus simulate {self.url}", daemon=True)
        self._thread.start()
        return self

    def drop_client(self) -> None:
        """Throw the client out: a gateway restarts, a port is unplugged."""
        self._dropping.set()
        self._wake()

    def close(self) -> None:
        """Stop serving; closing twice does nothing."""
        self._ending.set()
        self._wake()
        if self._thread is not None:
            self._thread.join()
        self._endpoint.close()
        self._wakes.close()
        self._waker.close()

    def _wake(self) -> None:
        if self._waker.fileno() >= 0:
            self._waker.send(b"\0")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()


def serve(bus: Bus, listen: str, *, ready: Callable[[str], object] | None = None, **options: Any) -> None:
    """Serve a bus in this thread until Ctrl-C, which goes on to the caller once everything is closed.

    Args:
        bus: what to serve.
        listen: where; see `Listener`, also for the other options.
        ready: called with the URL that clients open, once they can.
        options: the further arguments of `Listener`.
    """
    listener = Listener(bus, listen, **options)
    try:
        if ready is not None:
            ready(listener.url)
        listener.run()
    finally:
        listener.close()


def _endpoint(listen: str, baudrate: int, *, kick: bool, mute_control: bool) -> Endpoint:
    if listen.startswith("pty:"):
        try:
            from .pseudo_terminal import PseudoTerminal  # noqa: PLC0415  Windows has no termios
        except ImportError as error:
            raise TransportError(
                f"{listen}: this system has no pseudo-terminals: use tcp://127.0.0.1:10001"
            ) from error
        return PseudoTerminal(listen, baudrate)
    scheme, _ = scheme_of(listen)
    if scheme in ("tcp", "socket"):
        return TcpEndpoint(listen, baudrate, kick=kick)
    if scheme == "rfc2217":
        return Rfc2217Endpoint(listen, baudrate, kick=kick, mute_control=mute_control)
    raise LocalProtocolError(
        f"{listen} is nothing to listen on: tcp://HOST:PORT, rfc2217://HOST:PORT, pty: and pty:LINK are"
    )

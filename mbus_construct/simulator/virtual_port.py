"""Ports whose clock is that of a simulated bus: minutes on the wire take no time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import TransportError
from ..ports.instant import AsyncInstantPort
from .config import builtin, load

if TYPE_CHECKING:
    from .bus import SimulatedBus


class VirtualPort:
    """A port to a simulated bus, in virtual time.

    `read` jumps to the moment at which octets have arrived, a run of them without a pause at a time.

    Attributes:
        bus: behind the port.
        name, baudrate, slack, sets_baudrate: of the port; nothing adds to an answer here.
    """

    def __init__(self, bus: SimulatedBus, name: str = "sim:") -> None:
        self.bus = bus
        self.name = name
        self.slack = 0.0
        self.sets_baudrate = True
        self.baudrate = bus.baudrate
        self._now = 0.0
        self._closed = False

    def now(self) -> float:
        """Virtual seconds since the port was made."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Let virtual time pass; octets that arrive meanwhile wait to be read."""
        self._now += seconds

    def write(self, octets: bytes) -> None:
        """Hand over the octets. Raises `TransportError` where the port is closed or gone."""
        self._check()
        self.bus.transmit(octets, self._now, self.baudrate)
        self._check()

    def read(self, deadline: float) -> bytes:
        """The octets that arrive next; b"" once the clock has reached the deadline."""
        while True:
            self._check()
            octets = self.bus.receive(self._now)
            if octets:
                return octets
            if not self.bus.connected:
                continue
            if self._now >= deadline:
                return b""
            due = self.bus.deadline
            if due is None or due > deadline:
                self._now = deadline
                continue
            end = self.bus.run_end
            self._now = max(self._now, min(deadline, due if end is None else end))

    def set_baudrate(self, baudrate: int) -> None:
        """Speak and hear at another rate."""
        self._check()
        self.baudrate = baudrate
        self.bus.set_baudrate(baudrate, self._now)

    def wake_up(self, seconds: float) -> None:
        """Send 55h at 8N1 for so long; the line is 8E1 again after it."""
        self._check()
        self.bus.wake_up(seconds, self._now, self.baudrate)
        self._now += seconds

    def reopen(self) -> None:
        """Come back after an error."""
        self._closed = False
        self.bus.reconnect()

    def close(self) -> None:
        """Close; closing twice does nothing."""
        self._closed = True

    def _check(self) -> None:
        if self._closed:
            raise TransportError(f"{self.name}: the port is closed; open it again")
        if not self.bus.connected:
            raise TransportError(f"{self.name}: the connection is lost; open the port again")


class AsyncVirtualPort(AsyncInstantPort):
    """The same for asyncio.

    Attributes:
        bus: behind the port.
    """

    def __init__(self, bus: SimulatedBus, name: str = "sim:") -> None:
        super().__init__(VirtualPort(bus, name))
        self.bus = bus


def open_simulated(url: str, baudrate: int, **_: float) -> VirtualPort:
    """The port of "sim:", the built-in bus, or of "sim:FILE". Raises `BusFileError` for what is not one."""
    file = url.partition(":")[2]
    port = VirtualPort(load(file) if file else builtin(), name=url)
    port.set_baudrate(baudrate)
    return port

"""What a port has to do: the only thing that the clients know of the outside."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar


class Port(Protocol):
    """A way to a bus. Every method raises `TransportError` where the way is broken.

    Attributes:
        name: as the user wrote it.
        baudrate: of the line, as far as this end can know.
        slack: seconds that driver, USB bridge or network add to any answer, at most.
        sets_baudrate: whether this end changes the line's speed. A raw TCP gateway's is its own: `baudrate`
            is there only what the user says it is.
    """

    name: str
    baudrate: int
    slack: float
    sets_baudrate: bool

    def now(self) -> float:
        """The port's clock in seconds: monotonic time, or virtual time on a simulated bus."""
        ...

    def write(self, octets: bytes) -> None:
        """Hand over the octets; they need not be on the wire when it returns."""
        ...

    def read(self, deadline: float) -> bytes:
        """The octets that are there, as soon as there are any; b"" once the deadline has come."""
        ...

    def set_baudrate(self, baudrate: int) -> None:
        """Change the line's speed, where this end can."""
        ...

    def wake_up(self, seconds: float) -> None:
        """Send 55h as 8N1 for so long, as optical heads want it; then the line is 8E1 again."""
        ...

    def reopen(self) -> None:
        """Close and open again, after an error."""
        ...

    def close(self) -> None:
        """Give the port back; closing twice does nothing."""
        ...


class AsyncPort(Protocol):
    """The same for asyncio."""

    name: str
    baudrate: int
    slack: float
    sets_baudrate: bool

    def now(self) -> float:
        """The port's clock in seconds."""
        ...

    async def write(self, octets: bytes) -> None:
        """Hand over the octets."""
        ...

    async def read(self, deadline: float) -> bytes:
        """The octets that are there, as soon as there are any; b"" once the deadline has come."""
        ...

    async def set_baudrate(self, baudrate: int) -> None:
        """Change the line's speed, where this end can."""
        ...

    async def wake_up(self, seconds: float) -> None:
        """Send 55h as 8N1 for so long; then the line is 8E1 again."""
        ...

    async def reopen(self) -> None:
        """Close and open again, after an error."""
        ...

    async def close(self) -> None:
        """Give the port back; closing twice does nothing."""
        ...


Below = TypeVar("Below", bound=Port | AsyncPort)


class OnAnother(Generic[Below]):
    """What ports have in common that do something with what goes over another one."""

    def __init__(self, port: Below) -> None:
        self._port: Below = port
        self.name = port.name
        self.baudrate = port.baudrate
        self.slack = port.slack
        self.sets_baudrate = port.sets_baudrate

    def now(self) -> float:
        """The clock of the port below."""
        return self._port.now()

"""Ports in virtual time, for asyncio: nothing of them waits, so that no thread is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .port import Port


class AsyncInstantPort:
    """A port whose clock is virtual and that never waits: a simulated bus, a transcript.

    Attributes:
        port: the port that does the work.
    """

    def __init__(self, port: Port) -> None:
        self.port = port
        self.name = port.name
        self.baudrate = port.baudrate
        self.slack = port.slack
        self.sets_baudrate = port.sets_baudrate

    def now(self) -> float:
        """The port's clock in seconds."""
        return self.port.now()

    async def read(self, deadline: float) -> bytes:
        """The octets that are there, as soon as there are any; b"" once the deadline is reached."""
        from asyncio import sleep  # noqa: PLC0415  whoever works a bus without asyncio does without

        await sleep(0)  # let others run, and be cancelled
        return self.port.read(deadline)

    async def write(self, octets: bytes) -> None:
        """Hand over the octets."""
        self.port.write(octets)

    async def set_baudrate(self, baudrate: int) -> None:
        """Change the line's speed."""
        self.port.set_baudrate(baudrate)
        self.baudrate = baudrate

    async def wake_up(self, seconds: float) -> None:
        """Send 55h without parity for so long; then the line is 8E1 again."""
        self.port.wake_up(seconds)

    async def reopen(self) -> None:
        """Close and open again."""
        self.port.reopen()

    async def close(self) -> None:
        """Give the port back; closing twice does nothing."""
        self.port.close()

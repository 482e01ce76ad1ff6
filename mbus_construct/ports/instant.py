"""Ports in virtual time, for asyncio: nothing of them waits, so that no thread is needed."""

from __future__ import annotations

from .port import OnAnother, Port


class AsyncInstantPort(OnAnother[Port]):
    """A port whose clock is virtual and that never waits: a simulated bus, a transcript."""

    async def read(self, deadline: float) -> bytes:
        """The octets that are there, as soon as there are any; b"" once the deadline is reached."""
        from asyncio import sleep  # noqa: PLC0415  whoever works a bus without asyncio does without

        await sleep(0)  # let others run, and be cancelled
        return self._port.read(deadline)

    async def write(self, octets: bytes) -> None:
        """Hand over the octets."""
        self._port.write(octets)

    async def set_baudrate(self, baudrate: int) -> None:
        """Change the line's speed."""
        self._port.set_baudrate(baudrate)
        self.baudrate = baudrate

    async def wake_up(self, seconds: float) -> None:
        """Send 55h without parity for so long; then the line is 8E1 again."""
        self._port.wake_up(seconds)

    async def reopen(self) -> None:
        """Close and open again."""
        self._port.reopen()

    async def close(self) -> None:
        """Give the port back; closing twice does nothing."""
        self._port.close()

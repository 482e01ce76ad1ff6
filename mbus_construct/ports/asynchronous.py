"""Ports for asyncio: TCP over streams, everything else in a worker thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, Self, TypeVar

from ..bus.timing import BITS, check_baudrate
from .errors import closed, connection_lost, network_error, no_answer, not_taken
from .port import OnAnother, Port
from .real_time import CONNECT_TIMEOUT, NETWORK_SLACK, WAKE_UP, RealTimePort
from .tcp import host_and_port, tune

Result = TypeVar("Result")

_CHUNK: Final = 65536
_CLOSE_TIMEOUT: Final = 1.0  # seconds that a gateway which takes no octets may hold up closing
_SLICE: Final = 0.05  # seconds after which a worker notices that nobody waits for it any more


class AsyncTcpPort(RealTimePort):
    """Raw TCP over asyncio's streams; see `TcpPort`."""

    sets_baudrate: bool = False

    def __init__(
        self,
        name: str,
        baudrate: int = 2400,
        *,
        slack: float = NETWORK_SLACK,
        connect_timeout: float = CONNECT_TIMEOUT,
    ) -> None:
        super().__init__(name, baudrate, slack, connect_timeout)
        self.host, self.port = host_and_port(name)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    @classmethod
    async def open(cls, name: str, baudrate: int = 2400, **options: float) -> Self:
        """Connect; the arguments are the constructor's."""
        port = cls(name, baudrate, **options)
        await port._connect()
        return port

    async def _connect(self) -> None:
        try:
            async with asyncio.timeout(self.connect_timeout):
                self._streams = await asyncio.open_connection(self.host, self.port)
        except TimeoutError as error:
            raise no_answer(self.name, self.host) from error
        except (OSError, UnicodeError) as error:
            raise network_error(self.name, self.host, self.port, error) from error
        tune(self._streams[1].get_extra_info("socket"))

    def _working(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            raise closed(self.name)
        return self._streams

    async def read(self, deadline: float) -> bytes:
        """The octets that are there, as soon as there are any; b"" once the deadline is reached."""
        reader, _ = self._working()
        try:
            async with asyncio.timeout(max(0.0, deadline - self.now())):
                octets = await reader.read(_CHUNK)  # what comes while it is cancelled stays in the reader
        except TimeoutError:
            return b""
        except OSError as error:
            raise connection_lost(self.name, error.strerror) from error
        if not octets:
            raise connection_lost(self.name)
        return octets

    async def write(self, octets: bytes) -> None:
        """Hand over the octets; the gateway sends them on."""
        _, writer = self._working()
        try:
            async with asyncio.timeout(self.write_timeout):
                writer.write(octets)
                await writer.drain()
        except TimeoutError as error:
            raise not_taken(self.name) from error
        except OSError as error:
            raise connection_lost(self.name, error.strerror) from error
        self._written(octets)

    async def set_baudrate(self, baudrate: int) -> None:
        """Remember the speed; the gateway's line stays as it is."""
        self.baudrate = check_baudrate(baudrate)

    async def wake_up(self, seconds: float) -> None:
        """Send 55h for so long, with the parity that the gateway gives it."""
        await self.write(bytes([WAKE_UP]) * int(seconds * self.baudrate / BITS))
        await asyncio.sleep(seconds)

    async def reopen(self) -> None:
        """Close and connect again."""
        self._free_at = 0.0
        await self.close()
        await self._connect()

    async def close(self) -> None:
        """Give the connection back, once what was written is on the wire."""
        streams, self._streams = self._streams, None
        if streams is None:
            return
        writer = streams[1]
        try:
            await asyncio.sleep(max(0.0, self._free_at - self.now()))
            writer.close()
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await writer.wait_closed()
        except OSError:  # TimeoutError too; it is closed either way
            pass
        finally:
            writer.transport.abort()


class AsyncThreadPort(OnAnother[Port]):
    """Any port, worked by one thread of its own: serial ports and RFC 2217 have no asyncio.

    A cancelled `read` loses nothing, the next one gives what came meanwhile; any other call that was
    begun is done to its end in the thread, cancelled or not.
    """

    def __init__(self, port: Port, worker: ThreadPoolExecutor | None = None) -> None:
        super().__init__(port)
        self._worker = worker or _new_worker()
        self._closing = threading.Event()
        self._kept: list[bytes] = []  # read for somebody who was cancelled meanwhile

    @classmethod
    async def open(cls, factory: Callable[[], Port]) -> Self:
        """Open a port in the thread that will work it."""
        worker = _new_worker()
        opening = worker.submit(factory)
        try:
            return cls(await asyncio.wrap_future(opening), worker)
        except BaseException:
            opening.add_done_callback(_close_late)  # cancelled while it opens: the thread closes it
            worker.shutdown(wait=False)
            raise

    async def read(self, deadline: float) -> bytes:
        """The octets that are there, as soon as there are any; b"" once the deadline is reached."""
        unwanted = threading.Event()
        reading = self._submit(self._read, deadline, unwanted)
        try:
            return await _result(reading)
        except asyncio.CancelledError:
            unwanted.set()
            reading.add_done_callback(self._keep)
            raise

    def _read(self, deadline: float, unwanted: threading.Event) -> bytes:
        """In the thread: in slices, so that a read that nobody waits for any more ends soon."""
        if self._kept:
            return self._kept.pop(0)
        while True:
            octets = self._port.read(min(deadline, self._port.now() + _SLICE))
            ended = unwanted.is_set() or self._closing.is_set() or self._port.now() >= deadline
            if octets or ended:
                return octets

    def _keep(self, reading: Future[bytes]) -> None:
        if reading.exception() is None and reading.result():
            self._kept.append(reading.result())

    async def write(self, octets: bytes) -> None:
        """Hand over the octets."""
        await _result(self._submit(self._port.write, octets))

    async def set_baudrate(self, baudrate: int) -> None:
        """Change the line's speed."""
        await _result(self._submit(self._port.set_baudrate, baudrate))
        self.baudrate = baudrate

    async def wake_up(self, seconds: float) -> None:
        """Send 55h without parity for so long; then the line is 8E1 again."""
        await _result(self._submit(self._port.wake_up, seconds))

    async def reopen(self) -> None:
        """Close and open again."""
        if self._closing.is_set():
            self._closing.clear()
            self._worker = _new_worker()
        self._kept.clear()
        await _result(self._submit(self._port.reopen))

    async def close(self) -> None:
        """Give the port back and end the thread."""
        if self._closing.is_set():
            return
        closing = self._submit(self._port.close)  # before the event: `_submit` refuses after it
        self._closing.set()
        try:
            await _result(closing)
        finally:
            self._worker.shutdown(wait=closing.done())

    def _submit(self, call: Callable[..., Result], *arguments: Any) -> Future[Result]:
        if self._closing.is_set():
            raise closed(self.name)
        return self._worker.submit(call, *arguments)


def _new_worker() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="mbus port")


async def _result(future: Future[Result]) -> Result:
    """Wait for a thread's result; cancelling the wait does not cancel the thread's work."""
    waiting = asyncio.wrap_future(future)
    waiting.add_done_callback(_seen)
    return await asyncio.shield(waiting)


def _seen(future: asyncio.Future[Any]) -> None:
    """Look at an error that nobody waits for any more, else asyncio complains that nobody has."""
    if not future.cancelled():
        future.exception()


def _close_late(opening: Future[Port]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()

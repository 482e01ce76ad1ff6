"""The client for asyncio: the same methods as `Client`, as coroutines and asynchronous iterators.

async with AsyncClient("tcp://127.0.0.1:10001") as bus:
    async for meter in bus.search():
        print(meter)
    reading = await bus.read("07935343")
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ..bus.events import Event, Finding, FoundMeter, Readout
from ..bus.master import Send
from ..bus.procedure import Outcome, Procedure, SetBaudrate
from ..bus.readout import MAX_TELEGRAMS, deselect
from ..bus.session import Session
from ..errors import LocalProtocolError, TransportError
from ..octets.hex_text import octets_from
from ..ports import open_async_port
from .client import RECONNECT_WAIT, RECONNECTIONS, fixed_speed, reconnected, scan_state, search_state

if TYPE_CHECKING:
    from mbus_grammars import MBusError

    from ..bus.address import Address, SecondaryAddress
    from ..bus.configuration import Change
    from ..bus.master import Command
    from ..bus.primary_scan import ScanState
    from ..bus.secondary_search import SearchState
    from ..model.reading import Reading
    from ..model.telegram import Telegram
    from ..ports.port import AsyncPort
    from ..security.keys import KeysLike

T = TypeVar("T")


class AsyncClient:
    """A master on a bus, for asyncio.

    Args:
        port: a URL as for `Client`, or an open `AsyncPort`.
        baudrate, timeout, retries, wake_up, keys, on_event: as for `Client`.

    `async with` opens the port of a URL, or `await client.open()`. One call at a time: other tasks wait.
    """

    def __init__(
        self,
        port: str | AsyncPort,
        *,
        baudrate: int = 2400,
        timeout: float | None = None,
        retries: int = 2,
        wake_up: float = 0.0,
        keys: KeysLike = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        self._port = port
        self._closed = False
        self._reconnections = RECONNECTIONS
        self.session = Session(
            baudrate=baudrate, timeout=timeout, retries=retries, wake_up=wake_up, keys=keys
        )
        self.on_event = on_event
        self._lock = asyncio.Lock()
        self._owner: asyncio.Task[Any] | None = None
        self._depth = 0
        self._failures = 0  # of the port, one after the other

    @property
    def port(self) -> AsyncPort:
        """The open port. Raises `LocalProtocolError` before it is opened."""
        if isinstance(self._port, str):
            raise LocalProtocolError("this client is not open: use `async with`, or `await client.open()`")
        return self._port

    async def open(self) -> Self:
        """Open the port of the URL, once."""
        if isinstance(self._port, str):
            self._port = await open_async_port(self._port, baudrate=self.session.baudrate)
        self.session.master.slack = self._port.slack
        return self

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End a selection that is under way, and give the port back."""
        master = self.session.master
        if isinstance(self._port, str):
            self._closed = True
            return
        await self._take_turn()
        self._reconnections = 0  # what is broken now need not be opened again
        try:
            if master.selected and not self._closed:
                master.abort()
                with suppress(TransportError):
                    await self.run(deselect())
        finally:
            self._closed = True
            self._end_turn()
            await self._port.close()

    # --- Running procedures

    async def watch(self, procedure: Procedure[T], result: list[T] | None = None) -> AsyncIterator[Event]:
        """Run a procedure and yield its events as they happen; its result is appended to `result`.

        Nothing is under way while an event is out: the same task may use the bus, and may stop here. Other
        tasks wait.
        """
        master = self.session.master
        await self._take_turn()
        try:
            if self._closed:
                raise LocalProtocolError("this client is closed; make a new one")
            call = master.start(procedure, self.port.now())
            try:
                while True:
                    for event in master.events():
                        yield event
                        if not (call.done or master.runs(call)):
                            raise LocalProtocolError(
                                "another iterator of this bus is open: finish or close it"
                            )
                    try:
                        for command in master.commands():
                            await self._perform(command)
                        octets = b"" if call.done else await self.port.read(master.deadline)
                    except TransportError as error:
                        yield await self._reopen(error)
                        continue
                    self._failures = 0
                    if call.done:
                        (result if result is not None else []).append(call.result)
                        return
                    master.advance(octets, self.port.now())
            finally:
                master.end(call, self.port.now())
        finally:
            self._end_turn()

    async def _take_turn(self) -> None:
        """Wait until the bus is this task's; it may call within a call.

        A task that has ended and left an iterator open holds nobody up.
        """
        task = asyncio.current_task()
        if self._owner is None or not (self._owner is task or self._owner.done()):
            await self._lock.acquire()
        self._owner = task
        self._depth += 1

    def _end_turn(self) -> None:
        self._depth -= 1
        if not self._depth:  # an iterator that was left is closed later, perhaps by another task
            self._owner = None
            self._lock.release()

    async def run(self, procedure: Procedure[T]) -> T:
        """Run a procedure; its events go to `on_event`."""
        result: list[T] = []
        async for event in self.watch(procedure, result):
            self._tell(event)
        return result[0]

    def _tell(self, event: Event) -> None:
        if self.on_event is not None:
            self.on_event(event)

    async def _perform(self, command: Command) -> None:
        if isinstance(command, Send):
            await self.port.write(command.octets)
        elif isinstance(command, SetBaudrate):
            await self.port.set_baudrate(command.baudrate)
        else:
            await self.port.wake_up(command.seconds)

    async def _reopen(self, failed: TransportError) -> Finding:
        """Open the port again after an error; raises the last error where it stays away."""
        error = failed
        self._failures += 1
        for attempt in range(self._reconnections):
            if attempt or self._failures > 1:
                await asyncio.sleep(RECONNECT_WAIT)
            try:
                await self.port.reopen()
                await self.port.set_baudrate(self.session.master.baudrate)
                if self.session.wake_up:
                    await self.port.wake_up(self.session.wake_up)
            except TransportError as again:
                error = again
            else:
                self.session.master.interrupted(self.port.now())
                return reconnected(self.port.name, failed)
        raise error

    async def _found(self, procedure: Procedure[Any]) -> AsyncIterator[FoundMeter]:
        async for event in self.watch(procedure):
            self._tell(event)
            if isinstance(event, FoundMeter):
                yield event

    # --- Finding

    async def ping(self, address: Address | str) -> bool:
        """See `Client.ping`."""
        return await self.run(self.session.ping(address))

    def scan(
        self,
        addresses: Iterable[int] | None = None,
        *,
        thorough: bool | None = None,
        state: ScanState | None = None,
    ) -> AsyncIterator[FoundMeter]:
        """See `Client.scan`."""
        return self._found(self.session.scan(scan_state(addresses, state), thorough=thorough))

    def search(
        self,
        mask: SecondaryAddress | str | None = None,
        *,
        known: Iterable[SecondaryAddress | str] = (),
        thorough: bool | None = None,
        quick: bool = False,
        state: SearchState | None = None,
    ) -> AsyncIterator[FoundMeter]:
        """See `Client.search`."""
        start = search_state(mask, known, state)
        return self._found(self.session.search(start, thorough=thorough, quick=quick))

    # --- Reading

    async def read(self, address: Address | str, *, limit: int = MAX_TELEGRAMS) -> Reading:
        """See `Client.read`."""
        return await self.run(self.session.read(address, limit=limit))

    async def read_many(
        self, addresses: Iterable[Address | str], *, limit: int = MAX_TELEGRAMS
    ) -> AsyncIterator[tuple[Address, Reading | MBusError]]:
        """See `Client.read_many`."""
        async for event in self.watch(self.session.read_many(addresses, limit=limit)):
            self._tell(event)
            if isinstance(event, Readout):
                result = event.reading if event.reading is not None else event.error
                if result is not None:
                    yield event.address, result

    async def alarm(self, address: Address | str) -> Telegram | None:
        """See `Client.alarm`."""
        return await self.run(self.session.alarm(address))

    # --- Changing; each change is confirmed by asking the meter again

    async def set_address(self, address: Address | str, new: int) -> Change:
        """See `Client.set_address`."""
        return await self.run(self.session.set_address(address, new))

    async def set_identification(self, address: Address | str, new: SecondaryAddress | str) -> Change:
        """See `Client.set_identification`."""
        return await self.run(self.session.set_identification(address, new))

    async def set_baudrate(self, address: Address | str, baudrate: int, *, force: bool = False) -> Change:
        """See `Client.set_baudrate`."""
        if not (force or self.port.sets_baudrate):
            raise LocalProtocolError(fixed_speed(self.port.name))
        return await self.run(self.session.set_baudrate(address, baudrate))

    async def set_clock(
        self, address: Address | str, moment: datetime | None = None, *, seconds: bool = False
    ) -> Change:
        """See `Client.set_clock`."""
        moment = datetime.now() if moment is None else moment
        return await self.run(self.session.set_clock(address, moment, seconds=seconds))

    async def reset(
        self, address: Address | str, application: str | int | None = None, block: int = 0
    ) -> Change:
        """See `Client.reset`."""
        return await self.run(self.session.reset(address, application, block))

    async def select_readout(
        self, address: Address | str, wanted: Sequence[Mapping[str, Any]] = ()
    ) -> Change:
        """See `Client.select_readout`."""
        return await self.run(self.session.select_readout(address, wanted))

    async def write(
        self, address: Address | str, records: Sequence[Mapping[str, Any]] | Mapping[str, Any]
    ) -> Change:
        """See `Client.write`."""
        return await self.run(self.session.write(address, records))

    async def send(self, octets: bytes | str) -> Outcome:
        """See `Client.send`."""
        return await self.run(self.session.send(octets_from(octets)))

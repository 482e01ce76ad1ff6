"""Reading and configuring the meters of a bus with asyncio.

async with AsyncClient("/dev/ttyUSB0") as bus:
    async for meter in bus.search():
        print(meter)
    reading = await bus.read("07935343")
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ..bus.events import Event, Finding, FoundMeter, Readout
from ..bus.procedure import Command, Outcome, Procedure, Send, SetBaudrate
from ..bus.readout import MAX_TELEGRAMS, deselect
from ..bus.session import Session
from ..bus.timing import check_baudrate
from ..errors import LocalProtocolError, TransportError
from ..octets.hex_text import octets_from
from ..ports import open_async_port
from .tasks import Turn, sleep

if TYPE_CHECKING:
    from mbus_grammars import MBusError

    from ..bus.address import Address, SecondaryAddress
    from ..bus.configuration import Change
    from ..bus.primary_scan import ScanState
    from ..bus.secondary_search import SearchState
    from ..model.reading import Reading
    from ..model.telegram import Telegram
    from ..ports.port import AsyncPort
    from ..security.keys import KeysLike

T = TypeVar("T")

# A gateway that went away is tried again so often, with so many seconds between.
RECONNECTIONS = 5
RECONNECT_WAIT = 1.0


class AsyncClient:
    """A master on a bus.

    Args:
        port: a URL as "/dev/ttyUSB0", "COM3", "rfc2217://host:port", "tcp://host:port", "sim:"; or an open
            `AsyncPort`.
        baudrate: 300 to 38400; None for that of an open port, else 2400, with which meters leave the factory.
        timeout: seconds in which an answer has to begin, instead of the standard's time and the port's delay.
        retries: how often a request without answer is repeated, in reading and changing; scans and searches
            have their own rules (`thorough`).
        wake_up: seconds of a preamble before each call, for meters with an optical head; 0 for none.
        keys: of meters whose telegrams are encrypted: one key for all, a mapping of meters to keys such as
            {"12345678": "0102..."}, or `Keys`, as `decode` takes them.
        on_event: is called with each `Finding`, `FoundMeter`, `Progress` and `Readout` as it happens.

    An address is 0 to 250, 253 or 254, or a secondary address as text: eight or sixteen digits, F for any
    ("07935343", "0793534365321004"). Every method raises `TransportError` where the port fails and cannot be
    opened again, `NoResponse` where nobody answers, `CollisionError` where several do, and
    `LocalProtocolError` for what cannot be asked for. Making a client raises `KeysError` for keys that are
    not keys, and `MissingExtra` where they cannot be used (`pip install "mbus-construct[crypto]"`).

    Other tasks wait until a call has ended, and until an iterator has: run it to its end, or close it
    (`contextlib.aclosing`). The task that has it may make calls between its items.
    """

    def __init__(
        self,
        port: str | AsyncPort,
        *,
        baudrate: int | None = None,
        timeout: float | None = None,
        retries: int = 2,
        wake_up: float = 0.0,
        keys: KeysLike = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        self._baudrate = None if baudrate is None else check_baudrate(baudrate)
        self.session = Session(timeout=timeout, retries=retries, wake_up=wake_up, keys=keys)
        self.on_event = on_event
        self._port = port
        self._turn = Turn()
        self._is_open = self._is_closed = False
        self._reconnections = RECONNECTIONS
        self._failures = 0  # of the port, one after the other
        # sync: self.open()

    @property
    def port(self) -> AsyncPort:
        """The open port. Raises `LocalProtocolError` before it is opened."""
        if isinstance(self._port, str):
            raise LocalProtocolError("this client is not open: use `async with`, or `await client.open()`")
        return self._port

    async def open(self) -> Self:
        """Open the port of the URL; `async with` does so. Opening twice does nothing."""
        async with self._turn():
            self._refuse_closed()
            if isinstance(self._port, str):
                baudrate = self._baudrate or self.session.baudrate
                self._port = await open_async_port(self._port, baudrate=baudrate)
            if not self._is_open:
                if self._baudrate not in (None, self._port.baudrate):
                    await self._port.set_baudrate(self._baudrate)
                self.session.connected(self._port.baudrate, self._port.slack)
                self._is_open = True
        return self

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End a selection that is under way, and give the port back. Closing twice does nothing."""
        master = self.session.master
        async with self._turn():
            self._reconnections = 0  # what is broken now need not be opened again
            try:
                if master.selected and not self._is_closed:
                    master.abort()
                    with suppress(TransportError):
                        await self.run(deselect())
            finally:
                self._is_closed = True
                if not isinstance(self._port, str):
                    await self._port.close()

    def _refuse_closed(self) -> None:
        if self._is_closed:
            raise LocalProtocolError("this client is closed; make a new one")

    # --- Running procedures

    async def watch(
        self, procedure: Procedure[T], result: list[T] | None = None
    ) -> AsyncGenerator[Event, None]:
        """Run a procedure and yield its events as they happen; its result is appended to `result`.

        Nothing is under way while an event is out: the same task may use the bus, for example to read the
        meter that was found, and may stop here.
        """
        master = self.session.master
        async with self._turn():
            self._refuse_closed()
            port = self.port
            await self.open()
            call = master.start(procedure, port.now())
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
                        octets = b"" if call.done else await port.read(master.deadline)
                    except TransportError as error:
                        yield await self._reopen(error)
                        continue
                    self._failures = 0
                    if call.done:
                        value = call.result
                        if result is not None:
                            result.append(value)
                        return  # sync: return value
                    master.advance(octets, port.now())
            finally:
                master.end(call, port.now())

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
                await sleep(RECONNECT_WAIT)
            try:
                await self.port.reopen()
                await self.port.set_baudrate(self.session.master.baudrate)
                if self.session.wake_up:
                    await self.port.wake_up(self.session.wake_up)
            except TransportError as again:
                error = again
            else:
                return self.session.reconnected(self.port.name, failed, self.port.now())
        raise error

    async def _found(self, procedure: Procedure[Any]) -> AsyncIterator[FoundMeter]:
        async with aclosing(self.watch(procedure)) as events:
            async for event in events:
                self._tell(event)
                if isinstance(event, FoundMeter):
                    yield event

    # --- Finding

    async def ping(self, address: Address | str) -> bool:
        """Whether somebody answers at an address."""
        return await self.run(self.session.ping(address))

    def scan(
        self,
        addresses: Iterable[int] | None = None,
        *,
        thorough: bool | None = None,
        state: ScanState | None = None,
    ) -> AsyncIterator[FoundMeter]:
        """The meters with a primary address, as they are found.

        Args:
            addresses: those to ask, 0 to 250 by default.
            thorough: ask silent addresses again: None where the bus has shown itself unsound. An answer that
                got lost is nothing but silence: use True on a bus that loses answers.
            state: of a scan that was interrupted; it is kept up to date.
        """
        return self._found(self.session.scan(addresses, thorough=thorough, state=state))

    def search(
        self,
        mask: SecondaryAddress | str | None = None,
        *,
        known: Iterable[SecondaryAddress | str] = (),
        thorough: bool | None = None,
        quick: bool = False,
        state: SearchState | None = None,
    ) -> AsyncIterator[FoundMeter]:
        """The meters with a secondary address, as they are found by selections with wildcards.

        Args:
            mask: which ones, all by default.
            known: meters that were found earlier; they are selected first, which is cheaper.
            thorough: select silent masks again: None where the bus has shown itself unsound.
            quick: give up silent masks after a time learned from the answers; select them again at the end.
            state: of a search that was interrupted; it is kept up to date.
        """
        procedure = self.session.search(mask, known=known, thorough=thorough, quick=quick, state=state)
        return self._found(procedure)

    # --- Reading

    async def read(self, address: Address | str, *, limit: int = MAX_TELEGRAMS) -> Reading:
        """All telegrams of one readout of a meter, `limit` at most, as one reading.

        What came before a fault is kept; the reading then has a remark and `more_records_follow`. What is
        encrypted and has no key that opens it stays as raw octets, and a diagnostic says so: "encrypted" or
        "wrong_key".
        """
        return await self.run(self.session.read(address, limit=limit))

    async def read_many(
        self, addresses: Iterable[Address | str], *, limit: int = MAX_TELEGRAMS
    ) -> AsyncIterator[tuple[Address, Reading | MBusError]]:
        """Read several meters; gives each address with its reading, or with the error instead."""
        async with aclosing(self.watch(self.session.read_many(addresses, limit=limit))) as events:
            async for event in events:
                self._tell(event)
                if isinstance(event, Readout):
                    result = event.reading if event.reading is not None else event.error
                    if result is not None:
                        yield event.address, result

    async def alarm(self, address: Address | str) -> Telegram | None:
        """The alarm of a meter (REQ_UD1); None where it has none."""
        return await self.run(self.session.alarm(address))

    # --- Changing; after each change the meter is asked whether it has it

    async def set_address(self, address: Address | str, new: int) -> Change:
        """Give a meter another primary address, unless somebody answers there already."""
        return await self.run(self.session.set_address(address, new))

    async def set_identification(self, address: Address | str, new: SecondaryAddress | str) -> Change:
        """Give a meter another identification number (eight digits) or secondary address (sixteen)."""
        return await self.run(self.session.set_identification(address, new))

    async def set_baudrate(self, address: Address | str, baudrate: int, *, force: bool = False) -> Change:
        """Switch a meter to another speed; the client then reaches this meter at that speed.

        A meter that is silent there is looked for at the old speed. Raises `LocalProtocolError` for a port
        whose speed cannot be changed from here (raw TCP), unless `force`.
        """
        if not (force or self.port.sets_baudrate):
            raise LocalProtocolError(
                f"{self.port.name}: the gateway's speed cannot be changed from here, and the meter would be "
                "lost; use rfc2217://"
            )
        return await self.run(self.session.set_baudrate(address, baudrate))

    async def set_clock(
        self, address: Address | str, moment: datetime | None = None, *, seconds: bool = False
    ) -> Change:
        """Set date and time of a meter, this computer's by default; to the second where `seconds`."""
        moment = datetime.now() if moment is None else moment
        return await self.run(self.session.set_clock(address, moment, seconds=seconds))

    async def reset(
        self, address: Address | str, application: str | int | None = None, block: int = 0
    ) -> Change:
        """Reset the application layer; `application` ("user data" ...) selects what is read from now on."""
        return await self.run(self.session.reset(address, application, block))

    async def select_readout(
        self, address: Address | str, wanted: Sequence[Mapping[str, Any]] = ()
    ) -> Change:
        """Select what the next readouts contain: records with quantity and unit; without, everything."""
        return await self.run(self.session.select_readout(address, wanted))

    async def write(
        self, address: Address | str, records: Sequence[Mapping[str, Any]] | Mapping[str, Any]
    ) -> Change:
        """Write data records, as `encode` takes them: one, or several in one telegram."""
        return await self.run(self.session.write(address, records))

    async def send(self, octets: bytes | str) -> Outcome:
        """Send a frame as it is, once; gives what came back."""
        return await self.run(self.session.send(octets_from(octets)))

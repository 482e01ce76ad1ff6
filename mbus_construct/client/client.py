# Written by tools/generate_client.py from async_client.py: edit that one.
"""Reading and configuring the meters of a bus.

with Client("/dev/ttyUSB0") as bus:
    for meter in bus.search():
        print(meter)
    reading = bus.read("07935343")
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ..bus.events import Event, Finding, FoundMeter, Readout
from ..bus.procedure import Command, Outcome, Procedure, Send, SetBaudrate
from ..bus.readout import MAX_TELEGRAMS, deselect
from ..bus.session import Session
from ..bus.timing import check_baudrate
from ..errors import LocalProtocolError, TransportError
from ..octets.hex_text import octets_from
from ..ports import open_port
from .threads import Turn, sleep

if TYPE_CHECKING:
    from mbus_grammars import MBusError

    from ..bus.address import Address, SecondaryAddress
    from ..bus.configuration import Change
    from ..bus.primary_scan import ScanState
    from ..bus.secondary_search import SearchState
    from ..model.reading import Reading
    from ..model.telegram import Telegram
    from ..ports.port import Port
    from ..security.keys import KeysLike

T = TypeVar("T")

# A gateway that went away is tried again so often, with so many seconds between.
RECONNECTIONS = 5
RECONNECT_WAIT = 1.0


class Client:
    """A master on a bus.

    Args:
        port: a URL as "/dev/ttyUSB0", "COM3", "rfc2217://host:port", "tcp://host:port", "sim:"; or an open
            `Port`.
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

    Other threads wait until a call has ended, and until an iterator has: run it to its end, or close it
    (`contextlib.closing`). The thread that has it may make calls between its items.
    """

    def __init__(
        self,
        port: str | Port,
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
        self.open()

    @property
    def port(self) -> Port:
        """The open port. Raises `LocalProtocolError` before it is opened."""
        if isinstance(self._port, str):
            raise LocalProtocolError("this client is not open: use `with`, or `client.open()`")
        return self._port

    def open(self) -> Self:
        """Open the port of the URL; making a client does so. Opening twice does nothing."""
        with self._turn():
            self._refuse_closed()
            if isinstance(self._port, str):
                baudrate = self._baudrate or self.session.baudrate
                self._port = open_port(self._port, baudrate=baudrate)
            if not self._is_open:
                if self._baudrate not in (None, self._port.baudrate):
                    self._port.set_baudrate(self._baudrate)
                self.session.connected(self._port.baudrate, self._port.slack)
                self._is_open = True
        return self

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End a selection that is under way, and give the port back. Closing twice does nothing."""
        master = self.session.master
        with self._turn():
            self._reconnections = 0  # what is broken now need not be opened again
            try:
                if master.selected and not self._is_closed:
                    master.abort()
                    with suppress(TransportError):
                        self.run(deselect())
            finally:
                self._is_closed = True
                if not isinstance(self._port, str):
                    self._port.close()

    def _refuse_closed(self) -> None:
        if self._is_closed:
            raise LocalProtocolError("this client is closed; make a new one")

    # --- Running procedures

    def watch(self, procedure: Procedure[T], result: list[T] | None = None) -> Generator[Event, None, T]:
        """Run a procedure and yield its events as they happen; its result is appended to `result`.

        Nothing is under way while an event is out: the same thread may use the bus, for example to read the
        meter that was found, and may stop here.
        """
        master = self.session.master
        with self._turn():
            self._refuse_closed()
            port = self.port
            self.open()
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
                            self._perform(command)
                        octets = b"" if call.done else port.read(master.deadline)
                    except TransportError as error:
                        yield self._reopen(error)
                        continue
                    self._failures = 0
                    if call.done:
                        value = call.result
                        if result is not None:
                            result.append(value)
                        return value
                    master.advance(octets, port.now())
            finally:
                master.end(call, port.now())

    def run(self, procedure: Procedure[T]) -> T:
        """Run a procedure; its events go to `on_event`."""
        result: list[T] = []
        for event in self.watch(procedure, result):
            self._tell(event)
        return result[0]

    def _tell(self, event: Event) -> None:
        if self.on_event is not None:
            self.on_event(event)

    def _perform(self, command: Command) -> None:
        if isinstance(command, Send):
            self.port.write(command.octets)
        elif isinstance(command, SetBaudrate):
            self.port.set_baudrate(command.baudrate)
        else:
            self.port.wake_up(command.seconds)

    def _reopen(self, failed: TransportError) -> Finding:
        """Open the port again after an error; raises the last error where it stays away."""
        error = failed
        self._failures += 1
        for attempt in range(self._reconnections):
            if attempt or self._failures > 1:
                sleep(RECONNECT_WAIT)
            try:
                self.port.reopen()
                self.port.set_baudrate(self.session.master.baudrate)
                if self.session.wake_up:
                    self.port.wake_up(self.session.wake_up)
            except TransportError as again:
                error = again
            else:
                return self.session.reconnected(self.port.name, failed, self.port.now())
        raise error

    def _found(self, procedure: Procedure[Any]) -> Iterator[FoundMeter]:
        with closing(self.watch(procedure)) as events:
            for event in events:
                self._tell(event)
                if isinstance(event, FoundMeter):
                    yield event

    # --- Finding

    def ping(self, address: Address | str) -> bool:
        """Whether somebody answers at an address."""
        return self.run(self.session.ping(address))

    def scan(
        self,
        addresses: Iterable[int] | None = None,
        *,
        thorough: bool | None = None,
        state: ScanState | None = None,
    ) -> Iterator[FoundMeter]:
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
    ) -> Iterator[FoundMeter]:
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

    def read(self, address: Address | str, *, limit: int = MAX_TELEGRAMS) -> Reading:
        """All telegrams of one readout of a meter, `limit` at most, as one reading.

        What came before a fault is kept; the reading then has a remark and `more_records_follow`. What is
        encrypted and has no key that opens it stays as raw octets, and a diagnostic says so: "encrypted" or
        "wrong_key".
        """
        return self.run(self.session.read(address, limit=limit))

    def read_many(
        self, addresses: Iterable[Address | str], *, limit: int = MAX_TELEGRAMS
    ) -> Iterator[tuple[Address, Reading | MBusError]]:
        """Read several meters; gives each address with its reading, or with the error instead."""
        with closing(self.watch(self.session.read_many(addresses, limit=limit))) as events:
            for event in events:
                self._tell(event)
                if isinstance(event, Readout):
                    result = event.reading if event.reading is not None else event.error
                    if result is not None:
                        yield event.address, result

    def alarm(self, address: Address | str) -> Telegram | None:
        """The alarm of a meter (REQ_UD1); None where it has none."""
        return self.run(self.session.alarm(address))

    # --- Changing; after each change the meter is asked whether it has it

    def set_address(self, address: Address | str, new: int) -> Change:
        """Give a meter another primary address, unless somebody answers there already."""
        return self.run(self.session.set_address(address, new))

    def set_identification(self, address: Address | str, new: SecondaryAddress | str) -> Change:
        """Give a meter another identification number (eight digits) or secondary address (sixteen)."""
        return self.run(self.session.set_identification(address, new))

    def set_baudrate(self, address: Address | str, baudrate: int, *, force: bool = False) -> Change:
        """Switch a meter to another speed; the client then reaches this meter at that speed.

        A meter that is silent there is looked for at the old speed. Raises `LocalProtocolError` for a port
        whose speed cannot be changed from here (raw TCP), unless `force`.
        """
        if not (force or self.port.sets_baudrate):
            raise LocalProtocolError(
                f"{self.port.name}: the gateway's speed cannot be changed from here, and the meter would be "
                "lost; use rfc2217://"
            )
        return self.run(self.session.set_baudrate(address, baudrate))

    def set_clock(
        self, address: Address | str, moment: datetime | None = None, *, seconds: bool = False
    ) -> Change:
        """Set date and time of a meter, this computer's by default; to the second where `seconds`."""
        moment = datetime.now() if moment is None else moment
        return self.run(self.session.set_clock(address, moment, seconds=seconds))

    def reset(self, address: Address | str, application: str | int | None = None, block: int = 0) -> Change:
        """Reset the application layer; `application` ("user data" ...) selects what is read from now on."""
        return self.run(self.session.reset(address, application, block))

    def select_readout(self, address: Address | str, wanted: Sequence[Mapping[str, Any]] = ()) -> Change:
        """Select what the next readouts contain: records with quantity and unit; without, everything."""
        return self.run(self.session.select_readout(address, wanted))

    def write(
        self, address: Address | str, records: Sequence[Mapping[str, Any]] | Mapping[str, Any]
    ) -> Change:
        """Write data records, as `encode` takes them: one, or several in one telegram."""
        return self.run(self.session.write(address, records))

    def send(self, octets: bytes | str) -> Outcome:
        """Send a frame as it is, once; gives what came back."""
        return self.run(self.session.send(octets_from(octets)))

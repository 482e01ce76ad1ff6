"""What a client knows of its bus between two calls, and the procedure for each call.

Sync and async clients share this: it has no port. A call is a procedure in which the line has the right speed
and the meters are awake.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from mbus_grammars import MBusError

from ..decoding.decode import decode
from ..model.reading import Reading
from ..security.aes import required
from ..security.keys import Keys
from . import configuration, readout
from .address import BROADCAST, TEST, Address, SecondaryAddress, of_meter, parse_address, parse_secondary
from .events import Finding, FoundMeter, Readout
from .master import Master
from .primary_scan import ScanState, pending, scan
from .procedure import Outcome, Procedure, SetBaudrate, WakeUp
from .readout import MAX_TELEGRAMS, PATIENCE
from .secondary_search import Conditions, SearchState, new_search, search

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from ..errors import TransportError
    from ..model.telegram import Telegram
    from ..security.keys import KeysLike
    from .configuration import Change

T = TypeVar("T")


def _secondary(mask: SecondaryAddress | str) -> SecondaryAddress:
    return parse_secondary(mask) if isinstance(mask, str) else mask


class Session:
    """The master of one bus, with the speed of each meter.

    Args:
        baudrate: of meters of which nothing else is known.
        slack: seconds that the way to the bus adds to any answer.
        timeout: seconds for the first octet of an answer, None for the standard's.
        retries: how often a request without answer is repeated.
        wake_up: seconds of a preamble before each call, 0 for none.
        keys: of the meters whose telegrams are encrypted, as `decode` takes them.

    Raises `KeysError` for keys that are not keys, and `MissingExtra` where nothing can be opened with them.
    """

    def __init__(
        self,
        *,
        baudrate: int = 2400,
        slack: float = 0.0,
        timeout: float | None = None,
        retries: int = 2,
        wake_up: float = 0.0,
        keys: KeysLike = None,
    ) -> None:
        self.keys = Keys.of(keys)
        if self.keys:
            required()  # before anything is asked
        self.master = Master(
            baudrate=baudrate, slack=slack, timeout=timeout, attempts=retries + 1, keys=self.keys
        )
        self.baudrate = baudrate
        self.timeout = timeout
        self.wake_up = wake_up
        self._baudrates: dict[Address, int] = {}

    # --- The line

    def connected(self, baudrate: int, slack: float) -> None:
        """A port is open: its speed is the session's, and so much it adds to any answer."""
        self.baudrate = self.master.baudrate = baudrate
        self.master.slack = slack

    def reconnected(self, name: str, error: TransportError, now: float) -> Finding:
        """A port failed and is open again: what was under way is sent once more; what to say about it."""
        self.master.interrupted(now)
        return Finding("warning", "reconnected", f"{name} failed and was opened again: {error}")

    def baudrate_of(self, address: Address) -> int:
        """The speed at which a meter is reached."""
        baudrate = self._baudrates.get(address)
        if baudrate is None and isinstance(address, SecondaryAddress) and address.exact_identification:
            # It may be known by its whole address.
            of_meters = (each for each in self._baudrates if isinstance(each, SecondaryAddress))
            baudrate = next((self._baudrates[each] for each in of_meters if address.matches(each)), None)
        return self.baudrate if baudrate is None else baudrate

    def _remember(self, change: Change, *addresses: Address, baudrate: int) -> None:
        """A meter is reached at this speed, whether by its old address, its new one or its number."""
        known: list[Address] = [*addresses, change.address]
        if change.meter is not None:
            known.append(of_meter(change.meter))
        for address in known:
            if baudrate == self.baudrate:
                self._baudrates.pop(address, None)
            else:
                self._baudrates[address] = baudrate

    def _at(self, address: Address | None, procedure: Procedure[T]) -> Procedure[T]:
        """The procedure at the meter's speed, with the meters awake."""
        baudrate = self.baudrate if address is None else self.baudrate_of(address)
        if baudrate != self.master.baudrate:
            yield SetBaudrate(baudrate)
        if self.wake_up:
            yield WakeUp(self.wake_up)
        return (yield from procedure)

    def prepared(self, procedure: Procedure[T]) -> Procedure[T]:
        """A procedure of one's own, at the session's speed and with the meters awake."""
        return self._at(None, procedure)

    @property
    def _patience(self) -> float:
        return PATIENCE if self.timeout is None else self.timeout

    # --- Finding

    def ping(self, address: Address | str) -> Procedure[bool]:
        """See `Client.ping`."""
        where = parse_address(address)
        return self._at(where, readout.ping(where))

    def scan(
        self,
        addresses: Iterable[int] | None = None,
        *,
        thorough: bool | None = None,
        state: ScanState | None = None,
    ) -> Procedure[list[FoundMeter]]:
        """See `Client.scan`."""
        if state is None:
            state = ScanState() if addresses is None else pending(addresses)
        return self._at(None, scan(state, baudrate=self.baudrate, thorough=thorough))

    def search(
        self,
        mask: SecondaryAddress | str | None = None,
        *,
        known: Iterable[SecondaryAddress | str] = (),
        thorough: bool | None = None,
        quick: bool = False,
        state: SearchState | None = None,
    ) -> Procedure[list[FoundMeter]]:
        """See `Client.search`."""
        if state is None:
            state = new_search(None if mask is None else _secondary(mask), map(_secondary, known))
        return self._at(None, search(state, Conditions(self.baudrate, thorough, quick)))

    # --- Reading

    def read(self, address: Address | str, *, limit: int = MAX_TELEGRAMS) -> Procedure[Reading]:
        """See `Client.read`."""
        where = parse_address(address)
        return self._at(where, readout.read(where, limit=limit, patience=self._patience))

    def read_many(self, addresses: Iterable[Address | str], *, limit: int = MAX_TELEGRAMS) -> Procedure[None]:
        """See `Client.read_many`; emits a `Readout` for each address."""
        return self._read_many([parse_address(address) for address in addresses], limit)

    def _read_many(self, addresses: Sequence[Address], limit: int) -> Procedure[None]:
        # One SND_NKE to all instead of one to each: every meter then begins with FCB 1.
        if any(not isinstance(address, SecondaryAddress) for address in addresses):
            yield from self._at(None, readout.initialise_all())
        for address in addresses:
            yield from self._read_one(address, limit)

    def _read_one(self, address: Address, limit: int, *, anew: bool = False) -> Procedure[None]:
        known = not anew and not isinstance(address, SecondaryAddress) and self.master.fcb.known(address)
        known = known and self.baudrate_of(address) == self.baudrate
        procedure = readout.read(address, known=known, limit=limit, patience=self._patience)
        try:
            reading = yield from self._at(address, procedure)
        except MBusError as error:
            yield Readout(address, error=error)
        else:
            yield Readout(address, reading)

    def read_all(
        self, finding: Procedure[list[FoundMeter]], *, limit: int = MAX_TELEGRAMS
    ) -> Procedure[None]:
        """Read each meter that a scan or a search finds, when it is found.

        The telegram by which it was found is part of the reading; it is asked again only where more follow.
        """
        answer: Outcome | bytes | None = None
        while True:
            try:
                step = finding.send(answer)
            except StopIteration:
                return
            answer = yield step
            if isinstance(step, FoundMeter):
                yield from self.read_found(step, limit=limit)

    def read_found(self, meter: FoundMeter, *, limit: int = MAX_TELEGRAMS) -> Procedure[None]:
        """Read one meter that was found; emits a `Readout`."""
        address: Address | None = meter.secondary_address if meter.mask is not None else meter.primary_address
        address = meter.mask if address is None else address
        if address is None:
            return
        telegram = decode(meter.octets, link="frame", keys=self.keys) if meter.octets else None
        if telegram is not None and not telegram.more_records_follow:
            yield Readout(address, Reading((telegram,)))
        else:
            # It has sent its first telegram already: the readout has to begin with that one again.
            yield from self._read_one(address, limit, anew=True)

    def alarm(self, address: Address | str) -> Procedure[Telegram | None]:
        """See `Client.alarm`."""
        where = parse_address(address)
        return self._at(where, readout.alarm(where))

    # --- Changing

    def set_address(self, address: Address | str, new: int) -> Procedure[Change]:
        """See `Client.set_address`."""
        where = parse_address(address)
        change = yield from self._at(where, configuration.set_address(where, new))
        baudrate = self.baudrate_of(where)
        self._baudrates.pop(where, None)
        self._remember(change, baudrate=baudrate)
        return change

    def set_identification(self, address: Address | str, new: str | SecondaryAddress) -> Procedure[Change]:
        """See `Client.set_identification`."""
        where, wanted = parse_address(address), configuration.identification(new)
        change = yield from self._at(where, configuration.set_identification(where, wanted))
        self._remember(change, baudrate=self.baudrate_of(where))
        return change

    def set_baudrate(self, address: Address | str, baudrate: int) -> Procedure[Change]:
        """See `Client.set_baudrate`."""
        where = parse_address(address)
        change = yield from self._at(
            where, configuration.set_baudrate(where, baudrate, self.baudrate_of(where))
        )
        if where in (TEST, BROADCAST):
            self.baudrate = baudrate
            self._baudrates.clear()
        else:
            self._remember(change, where, baudrate=baudrate)
        return change

    def set_clock(
        self, address: Address | str, moment: datetime, *, seconds: bool = False
    ) -> Procedure[Change]:
        """See `Client.set_clock`."""
        where = parse_address(address)
        return self._at(where, configuration.set_clock(where, moment, seconds=seconds))

    def reset(
        self, address: Address | str, application: str | int | None = None, block: int = 0
    ) -> Procedure[Change]:
        """See `Client.reset`."""
        where = parse_address(address)
        return self._at(where, configuration.reset(where, application, block))

    def select_readout(
        self, address: Address | str, wanted: Sequence[Mapping[str, Any]]
    ) -> Procedure[Change]:
        """See `Client.select_readout`."""
        where = parse_address(address)
        return self._at(where, configuration.select_readout(where, wanted))

    def write(
        self, address: Address | str, records: Sequence[Mapping[str, Any]] | Mapping[str, Any]
    ) -> Procedure[Change]:
        """See `Client.write`."""
        where = parse_address(address)
        several: list[Mapping[str, Any]] = [records] if isinstance(records, Mapping) else list(records)
        return self._at(where, configuration.write(where, several))

    def send(self, octets: bytes) -> Procedure[Outcome]:
        """See `Client.send`."""
        return self._at(None, configuration.send_raw(octets))

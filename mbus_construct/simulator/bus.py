"""A simulated bus: the octets of a master go in, those of the meters come out. No clock and no port.

The same bus runs in virtual time (`VirtualPort`) and, behind the listeners, in real time.
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mbus_grammars import BuildError, DecodeError, Frame, IncompleteFrame

from ..bus.slave import Request, read_request
from ..bus.timing import BAUDRATES, BITS, idle
from .arrivals import Arrivals, BadCharacters, Sent
from .faults import Fault, Strikes, faults_of
from .replies import ConnectedMeter, Exchange

if TYPE_CHECKING:
    from .meters import SimulatedMeter

# Requests that are remembered for the assertion API.
_MAX_REQUESTS: Final = 100_000
# What a gateway may add to the pause that ends a frame.
_GATEWAY: Final = 0.05
_PREAMBLE: Final = b"\x55"
_PATIENCE: Final = 2


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """A frame of the master.

    Attributes:
        time: of its first start bit.
        octets, baudrate: as sent.
        c_name, a_field, fcb, ci_field: its fields; `fcb` None where FCV is 0, `ci_field` in short frames.
        answered_by: the names of the meters that answered, in their order on the bus.
        replies: what they sent, before anything happened to it.
    """

    time: float
    octets: bytes
    baudrate: int
    c_name: str | None
    a_field: int
    fcb: bool | None
    ci_field: int | None
    answered_by: tuple[str, ...] = ()
    replies: tuple[bytes, ...] = ()


class SimulatedBus:
    """Meters on a wire.

    Args:
        meters: in the order in which they hang on the bus.
        baudrate: of the master and of all meters that have none of their own.
        seed: of everything random: the meters' delays where they have none, and the faults.
        faults: of the bus, by name or as `Fault`.
        bad_characters: what the master's end makes of characters with wrong parity or stop bit: gives them
            "as received" (pyserial and most gateways do), as "zero" (a serial port with INPCK), or they are
            "dropped" (INPCK and IGNPAR).

    Attributes:
        requests: every frame that the master sent, as `LoggedRequest`; the newest 100,000.
        overlaps: times at which the master spoke while a meter was sending.
        connected: False once a fault has cut the way to the bus, until `reconnect`.
        meters, bad_characters: as given.

    Raises `BuildError` where something does not fit.
    """

    def __init__(
        self,
        meters: Iterable[SimulatedMeter] = (),
        *,
        baudrate: int = 2400,
        seed: int = 0,
        faults: Sequence[Fault | str] = (),
        bad_characters: BadCharacters = "as received",
    ) -> None:
        if baudrate not in BAUDRATES:
            raise BuildError("baudrate", baudrate, f"one of {', '.join(map(str, BAUDRATES))}")
        self.seed = seed
        self.faults = faults_of(faults)
        self.meters = tuple(meters)
        self.bad_characters: BadCharacters = bad_characters
        self.connected = True
        self.requests: deque[LoggedRequest] = deque(maxlen=_MAX_REQUESTS)
        self.overlaps: deque[float] = deque(maxlen=_MAX_REQUESTS)
        self._share_addresses()
        self._units = [
            ConnectedMeter(meter, place, baudrate, seed, self.faults)
            for place, meter in enumerate(self.meters)
        ]
        self._sleepers = [unit for unit in self._units if unit.slave.behaviour.needs_wake_up]
        self._strikes = Strikes(self.faults, f"{seed}:bus")
        everything = (*self.faults, *(fault for meter in self.meters for fault in meter.faults))
        limits = [fault.in_a_row for fault in everything if fault.in_a_row]
        self._patience = min(limits, default=_PATIENCE)
        self._spoiled: dict[bytes, int] = {}  # how often in a row the same request was spoiled
        self._arrivals = Arrivals(baudrate, bad_characters)
        # What the master is sending: octets that are no frame yet, the end of each, and of the preamble.
        self._octets = bytearray()
        self._ends: list[float] = []
        self._master_until = float("-inf")
        self._master_baudrate = baudrate
        self._preamble_since: float | None = None
        self._echo_corrupted = False

    @classmethod
    def from_meters(
        cls,
        *meters: SimulatedMeter,
        baudrate: int = 2400,
        seed: int = 0,
        faults: Sequence[Fault | str] = (),
        bad_characters: BadCharacters = "as received",
    ) -> SimulatedBus:
        """The same with the meters one by one."""
        return cls(meters, baudrate=baudrate, seed=seed, faults=faults, bad_characters=bad_characters)

    def _share_addresses(self) -> None:
        """The fault `same_secondary_address`."""
        for place, meter in enumerate(self.meters):
            of_bus = self.faults if place == len(self.meters) - 1 else ()
            names = {fault.name for fault in (*meter.faults, *of_bus)}
            if place and "same_secondary_address" in names:
                meter.secondary_address = self.meters[place - 1].secondary_address

    # --- What tests ask --------------------------------------------------------------------------

    def fcb_history(self, a_field: int, c_name: str = "REQ_UD2") -> list[bool | None]:
        """The FCB of each request to an address, None where FCV was 0."""
        return [item.fcb for item in self.requests if (item.a_field, item.c_name) == (a_field, c_name)]

    def clear_log(self) -> None:
        """Forget the requests and overlaps so far."""
        self.requests.clear()
        self.overlaps.clear()

    def meter(self, name: str) -> SimulatedMeter:
        """The first meter of this name. Raises `KeyError`."""
        for meter in self.meters:
            if meter.name == name:
                return meter
        raise KeyError(name)

    def is_selected(self, name: str) -> bool:
        """Whether the first meter of this name is selected. Raises `KeyError`."""
        for unit in self._units:
            if unit.meter.name == name:
                return unit.slave.selected
        raise KeyError(name)

    # --- What the master sends -------------------------------------------------------------------

    @property
    def baudrate(self) -> int:
        """At which the master speaks and hears."""
        return self._arrivals.baudrate

    def set_baudrate(self, baudrate: int, now: float) -> None:
        """The master speaks and hears at this rate from now on."""
        self._arrivals.set_baudrate(baudrate, now)

    def transmit(self, octets: bytes, now: float, baudrate: int, parity: str = "E") -> None:
        """Octets of the master; the first start bit is at `now`, or right behind what is still being sent.

        No slave understands any `parity` but "E"; 55h at "N" is the preamble that wakes some of them up.
        """
        if not octets or not self._is_connected(now):
            return
        self.set_baudrate(baudrate, now)
        character = (BITS if parity != "N" else BITS - 1) / baudrate
        start = max(now, self._master_until)
        ends = [start + character * (index + 1) for index in range(len(octets))]
        self._note_overlap(start, ends[-1])
        paused = start > self._master_until + idle(baudrate) + _GATEWAY
        if paused or baudrate != self._master_baudrate:
            self._octets.clear()
            self._ends.clear()
        if self._sleepers:
            self._preamble(octets, start, ends[-1], paused)
        self._master_until = ends[-1]
        self._master_baudrate = baudrate
        self._echo(octets, ends)
        if parity == "E":
            self._octets += octets
            self._ends += ends
            self._cut()

    def wake_up(self, seconds: float, now: float, baudrate: int) -> None:
        """The master sends 55h at 8N1 for so long."""
        self.transmit(_PREAMBLE * round(seconds * baudrate / (BITS - 1)), now, baudrate, parity="N")

    def _note_overlap(self, start: float, end: float) -> None:
        if any(not item.unwanted for item in self._arrivals.sending(start, end)):
            self.overlaps.append(start)

    def _preamble(self, octets: bytes, start: float, end: float, paused: bool) -> None:
        if octets.strip(_PREAMBLE):
            self._preamble_since = None
            return
        if self._preamble_since is None or paused:
            self._preamble_since = start
        for unit in self._sleepers:
            unit.slave.wake_up(end - self._preamble_since, end)

    def _echo(self, octets: bytes, ends: Sequence[float]) -> None:
        """The converter's own echo."""
        echoes = "corrupted_echo" in self._strikes or self._strikes.strike("echo", 0) is not None
        if not echoes:
            return
        echo = bytearray(octets)
        numbers = self._strikes.strike("corrupted_echo", self._spoiled.get(octets, 0))
        if numbers is not None:
            echo[numbers.randrange(len(echo))] ^= 1 << numbers.randrange(8)
            self._echo_corrupted = True
        self._arrivals.echo(zip(ends, echo, strict=True))

    def _cut(self) -> None:
        """Frames out of what the slaves have heard; where there is none, they give up an octet."""
        while self._octets:
            stream = io.BytesIO(self._octets)
            try:
                Frame.parse_stream(stream)
                length = stream.tell()
                request = read_request(bytes(self._octets[:length]))
            except IncompleteFrame:
                return
            except DecodeError:
                length, request = 1, None
            end = self._ends[length - 1]
            del self._octets[:length], self._ends[:length]
            if request is not None:
                self._exchange(request, end)

    # --- One exchange ----------------------------------------------------------------------------

    def _exchange(self, request: Request, end: float) -> None:
        baudrate = self._master_baudrate
        before = self._spoiled.get(request.octets, 0)
        exchange = Exchange(request, end, baudrate, self._strikes, before)
        exchange.spoiled, self._echo_corrupted = self._echo_corrupted, False
        if before >= self._patience:
            self._arrivals.clear_unwanted()
        busy = {item.sender for item in self._arrivals.sending(exchange.start, end)}
        units = [unit for unit in self._units if unit.slave.hears(baudrate, end) and unit.place not in busy]
        self._deliver(exchange, exchange.run(units))
        self._log(exchange)
        if exchange.spoiled:
            self._spoiled[request.octets] = before + 1
        else:
            self._spoiled.pop(request.octets, None)

    def _deliver(self, exchange: Exchange, sent: Sequence[Sent]) -> None:
        """What was sent on its way to the master, with the faults of this way."""
        arrivals = self._arrivals
        last = max((item.transmission.end for item in sent if not item.unwanted), default=exchange.end)
        exchange.spoiled = exchange.spoiled or arrivals.disturbed(last)
        fragments = self._strikes.strike("fragments", 0) is not None
        numbers = exchange.strike("coalesced") if sent else None
        held = 0.0 if numbers is None else last + numbers.uniform(0.02, 0.4)
        for item in sent:
            arrivals.add(item, fragments=fragments, held=0.0 if item.unwanted else held)
        vanishes = exchange.strike("port_vanishes") if exchange.answered and sent else None
        if vanishes is not None:
            first = min((item.transmission for item in sent), key=lambda item: item.start)
            arrivals.drop_at = vanishes.uniform(first.start, first.end)
        if exchange.strike("connection_dropped") is not None:
            arrivals.drop_at = exchange.end

    def _log(self, exchange: Exchange) -> None:
        request = exchange.request
        self.requests.append(
            LoggedRequest(
                exchange.start,
                request.octets,
                exchange.baudrate,
                request.c_name,
                request.a_field,
                request.fcb,
                request.ci_field,
                tuple(unit.meter.name for unit, _ in exchange.answered),
                tuple(octets for _, octets in exchange.answered),
            )
        )

    # --- What the master receives ----------------------------------------------------------------

    @property
    def deadline(self) -> float | None:
        """When the next octet reaches the master, or the way breaks; None if nothing is under way."""
        return self._arrivals.deadline

    @property
    def run_end(self) -> float | None:
        """When the run of octets that `deadline` announces has arrived, up to the next pause."""
        return self._arrivals.run_end

    def receive(self, now: float) -> bytes:
        """The octets that have reached the master by now; one at a time under the fault `fragments`."""
        octets = self._arrivals.fetch(now)
        if not octets:
            self._is_connected(now)
        return octets

    def _is_connected(self, now: float) -> bool:
        """Finds out whether the way has broken by now."""
        if self.connected and self._arrivals.broken(now):
            self.connected = False
            self._arrivals.clear()
        return self.connected

    def reconnect(self) -> None:
        """The way to the bus is there again; what was under way is lost."""
        self.connected = True
        self._arrivals.drop_at = None
        self._arrivals.clear()
        self._octets.clear()
        self._ends.clear()

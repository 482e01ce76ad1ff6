"""A simulated bus: the octets of a master go in, those of the meters come out. No clock and no port.

The same bus runs in virtual time (`VirtualPort`) and, behind the listeners, in real time.
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, Final, Literal

from mbus_grammars import BuildError, DecodeError, Frame, IncompleteFrame

from ..bus.slave import BUSY, Request, Slave, read_request
from ..bus.timing import BAUDRATES, BITS, FIRST_ANSWER_BITS, LAST_ANSWER, LAST_ANSWER_BITS, idle
from .faults import ON_REPLIES, Fault, Strikes, behaviour_with, faults_of, spoil
from .wire import Transmission, heard

if TYPE_CHECKING:
    from .meters import SimulatedMeter

BadCharacters = Literal["as received", "zero", "dropped"]

# Requests that are remembered for the assertion API.
_MAX_REQUESTS: Final = 100_000
# What a gateway may add to the pause that ends a frame.
_GATEWAY: Final = 0.05
_PREAMBLE: Final = 0x55
# Bits of a pause that ends a run of octets, MBDOC48 5.4.
_RUN_BITS: Final = 22


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


class _Unit:
    """A meter with its slave, delay and faults."""

    def __init__(
        self, meter: SimulatedMeter, bus_faults: Sequence[Fault], bus: SimulatedBus, index: int
    ) -> None:
        behaviour = behaviour_with(meter.behaviour, (*bus_faults, *meter.faults))
        baudrate = bus.baudrate if meter.baudrate is None else meter.baudrate
        self.meter = meter
        self.slave = Slave(meter, behaviour, baudrate)
        seed = f"{bus.seed}:{index}:{meter.name}"
        self.strikes = Strikes(meter.faults, seed)
        self.delay = meter.delay
        if self.delay is None:  # 11 to 51 bit times, in sixteenths of a bit
            self.delay = FIRST_ANSWER_BITS + Random(seed).randrange(40 * 16) / 16  # noqa: S311  repeatable
        if any(fault.name == "clean_ack_collision" for fault in bus_faults):
            self.delay = float(FIRST_ANSWER_BITS)
        self.delay_seconds = meter.delay_seconds


@dataclass(slots=True)
class _OnTheWay:
    """Transmissions that overlap, and the octets of them that have not been fetched."""

    transmissions: list[Transmission]
    senders: list[_Unit | None]
    arrivals: deque[tuple[float, int]]
    unwanted: bool = False  # late replies and noise: they are gone before an exchange that has to succeed
    held_until: float = 0.0
    fragments: bool = False

    @property
    def start(self) -> float:
        return min(item.start for item in self.transmissions)

    @property
    def end(self) -> float:
        return max(item.end for item in self.transmissions)

    @property
    def due(self) -> float:
        """When the next octet reaches the master."""
        return max(self.arrivals[0][0], self.held_until)


@dataclass(slots=True)
class _Answer:
    """A reply on its way into the wire."""

    unit: _Unit | None
    transmission: Transmission
    unwanted: bool = False


class SimulatedBus:
    """Meters on a wire.

    Args:
        meters: in the order in which they hang on the bus.
        baudrate: of the master and of all meters that have none of their own.
        seed: of everything random: the meters' delays where they have none, and the faults.
        faults: of the bus, by name or as `Fault`.
        bad_characters: what the master's end makes of characters with wrong parity or stop bit: gives them
            "as received" (pyserial and most gateways do), as "zero" (a serial port with INPCK), or not at all.

    Attributes:
        requests: every frame that the master sent, as `LoggedRequest`; the newest 100,000.
        overlaps: times at which the master spoke while a meter was sending.
        connected: False once a fault has cut the way to the bus, until `reconnect`.
        meters: as given.

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
        self.baudrate = baudrate
        self.seed = seed
        self.faults = faults_of(faults)
        self.bad_characters: BadCharacters = bad_characters
        self.meters = tuple(meters)
        self.connected = True
        self.requests: deque[LoggedRequest] = deque(maxlen=_MAX_REQUESTS)
        self.overlaps: deque[float] = deque(maxlen=_MAX_REQUESTS)
        self._share_addresses()
        self._units = [_Unit(meter, self.faults, self, index) for index, meter in enumerate(self.meters)]
        self._wake_up = any(unit.slave.behaviour.needs_wake_up for unit in self._units)
        self._strikes = Strikes(self.faults, f"{seed}:bus")
        self._spoiled: dict[bytes, int] = {}  # how often in a row the same request was spoiled
        self._on_the_way: list[_OnTheWay] = []
        self._drop_at: float | None = None
        self._fetched_until = float("-inf")
        # What the master is sending: octets that are no frame yet, the end of each, and of the preamble.
        self._octets = bytearray()
        self._ends: list[float] = []
        self._master_until = float("-inf")
        self._sent_at = baudrate
        self._preamble_since: float | None = None

    @classmethod
    def from_meters(cls, *meters: SimulatedMeter, **options: object) -> SimulatedBus:
        """A bus with these meters; the options are those of the class."""
        return cls(meters, **options)  # type: ignore[arg-type]

    def _share_addresses(self) -> None:
        """The fault `same_secondary_address`."""
        for index, meter in enumerate(self.meters):
            last_of_bus = index == len(self.meters) - 1
            names = {fault.name for fault in (*meter.faults, *(self.faults if last_of_bus else ()))}
            if index and "same_secondary_address" in names:
                meter.secondary_address = self.meters[index - 1].secondary_address

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

    # --- What the master sends -------------------------------------------------------------------

    def transmit(self, octets: bytes, now: float, baudrate: int, parity: str = "E") -> None:
        """Octets of the master; the first start bit is at `now`, or right behind what is still being sent.

        `parity` "N" is 8N1: no slave understands it, but the preamble that wakes some of them up.
        """
        if not octets or not self.connected:
            return
        self.set_baudrate(baudrate, now)
        character = (BITS if parity != "N" else BITS - 1) / baudrate
        start = max(now, self._master_until)
        self._note_overlaps(start, start + character * len(octets))
        if start > self._master_until + idle(baudrate) + _GATEWAY or baudrate != self._sent_at:
            self._octets.clear()
            self._ends.clear()
        self._preamble(octets, start, start + character * len(octets))
        self._master_until = start + character * len(octets)
        self._sent_at = baudrate
        self._echo(octets, start, character)
        if parity == "E":
            self._octets += octets
            self._ends += [start + character * (index + 1) for index in range(len(octets))]
            self._cut()

    def wake_up(self, seconds: float, now: float, baudrate: int) -> None:
        """The master sends 55h at 8N1 for so long."""
        count = round(seconds * baudrate / (BITS - 1))
        self.transmit(bytes([_PREAMBLE]) * count, now, baudrate, parity="N")

    def _preamble(self, octets: bytes, start: float, end: float) -> None:
        if not self._wake_up:
            return
        if octets.strip(bytes([_PREAMBLE])):
            self._preamble_since = None
            return
        if self._preamble_since is None or start > self._master_until + _GATEWAY:
            self._preamble_since = start
        for unit in self._units:
            unit.slave.wake_up(end - self._preamble_since, end)

    def _note_overlaps(self, start: float, end: float) -> None:
        for group in self._on_the_way:
            if not group.unwanted and any(
                item.start < end and item.end > start for item in group.transmissions
            ):
                self.overlaps.append(start)
                return

    def _echo(self, octets: bytes, start: float, character: float) -> None:
        """The converter's own echo: no matter of the wire."""
        corrupted = self._strikes.strike("corrupted_echo", self._spoiled.get(octets, 0))
        if corrupted is not None:
            echo = bytearray(octets)
            echo[corrupted.randrange(len(echo))] ^= 1 << corrupted.randrange(8)
            octets = bytes(echo)
            self._spoiled_by_echo = True
        elif self._strikes.strike("echo", 0) is None:
            return
        arrivals = deque((start + character * (index + 1), octet) for index, octet in enumerate(octets))
        self._on_the_way.append(_OnTheWay([], [], arrivals))

    _spoiled_by_echo = False

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
        baudrate = self._sent_at
        start = end - len(request.octets) * BITS / baudrate
        spoiled_before = self._spoiled.get(request.octets, 0)
        exchange = _Exchange(self._strikes, request, spoiled_before, self._spoiled_by_echo)
        self._spoiled_by_echo = False
        if spoiled_before >= self._patience:
            self._on_the_way = [group for group in self._on_the_way if not group.unwanted]
        units = [] if exchange.lost(self._strikes) else self._hearing(start, end, baudrate)
        answers = self._answers(exchange, units, end, baudrate)
        self.requests.append(
            LoggedRequest(
                start,
                request.octets,
                baudrate,
                request.c_name,
                request.a_field,
                request.fcb,
                request.ci_field,
                tuple(unit.meter.name for unit, _ in exchange.answered),
                tuple(octets for _, octets in exchange.answered),
            )
        )
        answers = exchange.collide(answers, end, baudrate)
        answers += exchange.noise(answers, end, baudrate)
        self._send(answers, exchange, end)
        if exchange.spoiled:
            self._spoiled[request.octets] = spoiled_before + 1
        else:
            self._spoiled.pop(request.octets, None)

    @property
    def _patience(self) -> int:
        """After so many spoiled attempts the next one is left alone by everything."""
        return 2

    def _hearing(self, start: float, end: float, baudrate: int) -> list[_Unit]:
        sending = {
            id(unit)
            for group in self._on_the_way
            for unit, item in zip(group.senders, group.transmissions, strict=True)
            if item.start < end and item.end > start
        }
        return [unit for unit in self._units if unit.slave.hears(baudrate, end) and id(unit) not in sending]

    def _answers(
        self, exchange: _Exchange, units: Sequence[_Unit], end: float, baudrate: int
    ) -> list[_Answer]:
        request = exchange.request
        answers: list[_Answer] = []
        for unit in units:
            if exchange.lost(unit.strikes):
                continue
            reply = unit.slave.receive(request, end)
            if reply is None:
                continue
            delay = (unit.delay or 0) / baudrate + unit.delay_seconds
            exchange.answered.append((unit, reply))
            answer = exchange.reply(unit, reply, end + delay, baudrate)
            if answer is not None:
                answers.append(answer)
        return answers

    def _send(self, answers: Sequence[_Answer], exchange: _Exchange, end: float) -> None:
        """Answers into the wire, with the faults of the way to the master."""
        last = max((answer.transmission.end for answer in answers), default=end)
        if any(group.unwanted and group.transmissions and group.start < last for group in self._on_the_way):
            exchange.spoiled = True
        fragments = self._strikes.strike("fragments", 0) is not None
        held = exchange.held(last) if answers else 0.0
        for answer in answers:
            self._add(answer, fragments, held)
        if exchange.strike("connection_dropped") is not None:
            self._drop_at = end
        vanishes = exchange.strike("port_vanishes") if answers else None
        if vanishes is not None:
            first = min(answers, key=lambda answer: answer.transmission.start).transmission
            self._drop_at = vanishes.uniform(first.start, first.end)

    def _add(self, answer: _Answer, fragments: bool, held: float) -> None:
        """A transmission into the wire, together with those that it overlaps."""
        new = answer.transmission
        group = _OnTheWay([new], [answer.unit], deque(), answer.unwanted, held, fragments)
        apart: list[_OnTheWay] = []
        for other in self._on_the_way:
            if other.transmissions and other.start < new.end and other.end > new.start:
                group.transmissions += other.transmissions
                group.senders += other.senders
                group.unwanted = group.unwanted and other.unwanted
                group.fragments = group.fragments or other.fragments
                group.held_until = max(group.held_until, other.held_until)
            else:
                if other.held_until and held:
                    other.held_until = held
                apart.append(other)
        self._hear(group, self._fetched_until)
        self._on_the_way = [*apart, group]

    def _hear(self, group: _OnTheWay, since: float) -> None:
        """What the master's end hears of a group, from a time on."""
        bad = self.bad_characters
        group.arrivals = deque(
            (item.time, item.octet if item.sound or bad == "as received" else 0)
            for item in heard(group.transmissions, self.baudrate)
            if item.time > since and (item.sound or bad != "dropped")
        )

    # --- What the master receives ----------------------------------------------------------------

    @property
    def deadline(self) -> float | None:
        """When the next octet reaches the master, or the way to the bus breaks; None if nothing is under way."""
        due = [group.due for group in self._on_the_way if group.arrivals]
        if self._drop_at is not None:
            due.append(self._drop_at)
        return min(due, default=None)

    def run_end(self) -> float | None:
        """When the run of octets that `deadline` announces has arrived, up to the next pause."""
        group = min(
            (item for item in self._on_the_way if item.arrivals), key=lambda item: item.due, default=None
        )
        if group is None:
            return self._drop_at
        last = group.due
        if not group.fragments:
            pause = (BITS + _RUN_BITS) / self.baudrate
            for time, _ in group.arrivals:
                if time > last + pause:
                    break
                last = max(last, time)
        return last if self._drop_at is None else min(last, self._drop_at)

    def receive(self, now: float) -> bytes:
        """The octets that have reached the master by now; one at a time under the fault `fragments`."""
        dropped = self._drop_at is not None and now >= self._drop_at
        limit = now if self._drop_at is None else min(now, self._drop_at)
        arrived: list[tuple[float, int]] = []
        single = False
        for group in sorted(self._on_the_way, key=lambda item: item.due if item.arrivals else 0.0):
            while group.arrivals and group.due <= limit and not (single and arrived):
                single = single or group.fragments
                arrived.append(group.arrivals.popleft())
        if arrived:
            arrived.sort(key=lambda item: item[0])
            self._fetched_until = max(self._fetched_until, arrived[-1][0])
        if dropped and not arrived:
            self.connected = False
            self._on_the_way.clear()
        else:
            self._on_the_way = [
                group
                for group in self._on_the_way
                if group.arrivals or (group.transmissions and group.end > now)
            ]
        return bytes(octet for _, octet in arrived)

    def set_baudrate(self, baudrate: int, now: float) -> None:
        """The master speaks and hears at this rate from now on."""
        if baudrate == self.baudrate:
            return
        self.baudrate = baudrate
        for group in self._on_the_way:
            if group.transmissions:
                self._hear(group, max(now, self._fetched_until))

    def reconnect(self) -> None:
        """The way to the bus is there again; what was under way is lost."""
        self.connected = True
        self._drop_at = None
        self._on_the_way.clear()
        self._octets.clear()
        self._ends.clear()


class _Exchange:
    """A request and what the faults make of it."""

    def __init__(self, strikes: Strikes, request: Request, spoiled_before: int, spoiled: bool) -> None:
        self.request = request
        self.spoiled = spoiled
        self.answered: list[tuple[_Unit, bytes]] = []
        self._strikes = strikes
        self._before = spoiled_before

    def strike(self, name: str, strikes: Strikes | None = None) -> Random | None:
        """The random numbers of a fault that strikes and costs the master its answer."""
        numbers = (strikes or self._strikes).strike(name, self._before)
        self.spoiled = self.spoiled or numbers is not None
        return numbers

    def lost(self, strikes: Strikes) -> bool:
        """Whether the request does not reach the meters, or one meter."""
        name = "lost_select" if self.request.selection is not None else "lost_request"
        return name in strikes and self.strike(name, strikes) is not None

    def reply(self, unit: _Unit, octets: bytes, start: float, baudrate: int) -> _Answer | None:
        """A meter's reply as it goes into the wire; None where it gets lost."""
        if self.request.c_name == "REQ_UD2":
            for strikes in (unit.strikes, self._strikes):
                if "application_busy" in strikes and self.strike("application_busy", strikes) is not None:
                    octets = unit.slave.refuse(BUSY)
        plain = Transmission(start, octets, baudrate)
        for name in ON_REPLIES:
            for strikes in (unit.strikes, self._strikes):
                if name not in strikes:
                    continue
                numbers = self.strike(name, strikes)
                if numbers is None:
                    continue
                if name == "lost_reply":
                    return None
                if name == "late_reply":
                    late = replace(plain, start=start + strikes.seconds(name, numbers))
                    return _Answer(unit, late, unwanted=True)
                if name == "gap_in_frame":
                    after = numbers.randrange(1, len(octets)) if len(octets) > 1 else 0
                    return _Answer(unit, replace(plain, gap_after=after, gap=numbers.uniform(23, 60)))
                return _Answer(unit, replace(plain, octets=spoil(name, octets, numbers)))
        return _Answer(unit, plain)

    def collide(self, answers: list[_Answer], end: float, baudrate: int) -> list[_Answer]:
        """Several answers at once, where a fault says what becomes of them."""
        at_once = [answer for answer in answers if not answer.unwanted]
        if len(at_once) < 2:
            return answers
        rest = [answer for answer in answers if answer.unwanted]
        if self._strikes.strike("silent_collision", self._before) is not None:
            return rest
        garbled = self._strikes.strike("garbled_collision", self._before)
        if garbled is None:
            return answers
        first = min(answer.transmission.start for answer in at_once)
        octets = garbled.randbytes(garbled.randrange(1, 12))
        return [*rest, _Answer(None, Transmission(first, octets, baudrate))]

    def noise(self, answers: Sequence[_Answer], end: float, baudrate: int) -> list[_Answer]:
        """Octets that nobody sent."""
        added: list[_Answer] = []
        stray = self.strike("stray_octets") if self.request.c_name == "SND_NKE" else None
        if stray is not None:
            prompt = [answer.transmission.end for answer in answers if not answer.unwanted]
            start = max(prompt, default=end + FIRST_ANSWER_BITS / baudrate) + stray.uniform(0, 20) / baudrate
            added.append(
                _Answer(None, Transmission(start, stray.randbytes(stray.randrange(1, 4)), baudrate), True)
            )
        noise = self.strike("noise")
        if noise is not None:
            start = end + noise.uniform(0, 2 * (LAST_ANSWER_BITS / baudrate + LAST_ANSWER))
            added.append(
                _Answer(None, Transmission(start, noise.randbytes(noise.randrange(1, 4)), baudrate), True)
            )
        return added

    def held(self, last: float) -> float:
        """When a gateway that holds octets back delivers what has arrived by `last`."""
        numbers = self.strike("coalesced")
        return 0.0 if numbers is None else last + numbers.uniform(0.02, 0.4)

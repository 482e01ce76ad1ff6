"""One request of the master and what the meters and the faults make of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from ..bus.slave import Request, Slave
from ..bus.timing import BITS, FIRST_ANSWER_BITS, LAST_ANSWER, LAST_ANSWER_BITS
from .arrivals import Sent
from .faults import ON_REPLIES, Fault, Strikes, behaviour_with, spoil
from .wire import Transmission

if TYPE_CHECKING:
    from .meters import SimulatedMeter

# Sixteenths of a bit that the delays of meters without a delay of their own spread over.
_SPREAD = 40 * 16


class ConnectedMeter:
    """A meter on its place on the bus: with its slave, delay and faults."""

    def __init__(
        self, meter: SimulatedMeter, place: int, baudrate: int, seed: int, bus_faults: Sequence[Fault]
    ) -> None:
        self.meter = meter
        self.place = place
        behaviour = behaviour_with(meter.behaviour, (*bus_faults, *meter.faults))
        self.slave = Slave(meter, behaviour, baudrate if meter.baudrate is None else meter.baudrate)
        own_seed = f"{seed}:{place}:{meter.name}"
        self.strikes = Strikes(meter.faults, own_seed)
        drawn = FIRST_ANSWER_BITS + Random(own_seed).randrange(_SPREAD) / 16  # noqa: S311  repeatable
        self._delay_bits = drawn if meter.delay is None else meter.delay
        if any(fault.name == "clean_ack_collision" for fault in bus_faults):
            self._delay_bits = FIRST_ANSWER_BITS

    def delay(self, baudrate: int) -> float:
        """Seconds between a request and the answer."""
        return self._delay_bits / baudrate + self.meter.delay_seconds


class Exchange:
    """A request, those who answer, and whether a fault may have cost the master its answer.

    Attributes:
        request: of the master, its last stop bit ended at `end`.
        spoiled: whether a fault struck that costs an answer.
        answered: the meters that answered and what they sent, before anything happened to it.
    """

    def __init__(
        self, request: Request, end: float, baudrate: int, strikes: Strikes, spoiled_before: int
    ) -> None:
        self.request = request
        self.start = end - len(request.octets) * BITS / baudrate
        self.end = end
        self.baudrate = baudrate
        self.spoiled = False
        self.answered: list[tuple[ConnectedMeter, bytes]] = []
        self._strikes = strikes
        self._before = spoiled_before

    def strike(self, name: str, strikes: Strikes | None = None) -> Random | None:
        """The random numbers of a fault that strikes and may cost the master its answer."""
        numbers = (strikes or self._strikes).strike(name, self._before)
        self.spoiled = self.spoiled or numbers is not None
        return numbers

    def run(self, units: Sequence[ConnectedMeter]) -> list[Sent]:
        """What goes into the wire when these meters could hear the request."""
        sent: list[Sent] = []
        for unit in () if self._lost(self._strikes) else units:
            if self._lost(unit.strikes):
                continue
            self._make_busy(unit)
            reply = unit.slave.receive(self.request, self.end)
            if reply is not None:
                self.answered.append((unit, reply))
                sent += self._reply(unit, reply)
        sent = self._collide(sent)
        return [*sent, *self._noise(sent)]

    def _lost(self, strikes: Strikes) -> bool:
        """Whether the request does not reach the meters, or one meter."""
        return (
            self.strike("lost_request" if self.request.selection is None else "lost_select", strikes)
            is not None
        )

    def _make_busy(self, unit: ConnectedMeter) -> None:
        if self.request.c_name == "REQ_UD2" and unit.slave.is_meant(self.request):
            for strikes in (unit.strikes, self._strikes):
                unit.slave.busy += self.strike("application_busy", strikes) is not None

    def _reply(self, unit: ConnectedMeter, octets: bytes) -> list[Sent]:
        """A meter's reply as it goes into the wire; nothing where it gets lost."""
        plain = Transmission(self.end + unit.delay(self.baudrate), octets, self.baudrate)
        for name in ON_REPLIES:
            for strikes in (unit.strikes, self._strikes):
                numbers = self.strike(name, strikes)
                if numbers is not None:
                    return self._spoiled(name, strikes, numbers, Sent(plain, unit.place))
        return [Sent(plain, unit.place)]

    def _spoiled(self, name: str, strikes: Strikes, numbers: Random, sent: Sent) -> list[Sent]:
        plain = sent.transmission
        length = len(plain.octets)
        if name == "lost_reply":
            return []
        if name == "late_reply":
            late = replace(plain, start=plain.start + strikes.seconds(name, numbers))
            return [Sent(late, sent.sender, unwanted=True)]
        if name == "gap_in_frame":
            after = numbers.randrange(1, length) if length > 1 else 0
            return [replace(sent, transmission=replace(plain, gap_after=after, gap=numbers.uniform(23, 60)))]
        return [replace(sent, transmission=replace(plain, octets=spoil(name, plain.octets, numbers)))]

    def _collide(self, sent: list[Sent]) -> list[Sent]:
        """Several answers at once, where a fault says what becomes of them."""
        at_once = [item.transmission for item in sent if not item.unwanted]
        if len(at_once) < 2:
            return sent
        rest = [item for item in sent if item.unwanted]
        if self.strike("silent_collision") is not None:
            return rest
        garbled = self.strike("garbled_collision")
        if garbled is None:
            return sent
        octets = garbled.randbytes(garbled.randrange(1, 12))
        return [*rest, Sent(Transmission(min(item.start for item in at_once), octets, self.baudrate))]

    def _noise(self, sent: Sequence[Sent]) -> list[Sent]:
        """Octets that nobody sent."""
        added: list[Sent] = []
        stray = self.strike("stray_octets") if self.request.c_name == "SND_NKE" else None
        if stray is not None:
            prompt = [item.transmission.end for item in sent if not item.unwanted]
            first = max(prompt, default=self.end + FIRST_ANSWER_BITS / self.baudrate)
            added.append(self._octets(stray, first + stray.uniform(0, 20) / self.baudrate))
        noise = self.strike("noise")
        if noise is not None:
            window = LAST_ANSWER_BITS / self.baudrate + LAST_ANSWER
            added.append(self._octets(noise, self.end + noise.uniform(0, 2 * window)))
        return added

    def _octets(self, numbers: Random, start: float) -> Sent:
        octets = numbers.randbytes(numbers.randrange(1, 4))
        return Sent(Transmission(start, octets, self.baudrate), unwanted=True)

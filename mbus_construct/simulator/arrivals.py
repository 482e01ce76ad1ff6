"""The way from the wire to the master: what overlaps is heard together, and gateways hold octets back."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from ..bus.timing import BITS
from .wire import Transmission, heard

BadCharacters = Literal["as received", "zero", "dropped"]

# Bits of a pause that ends a run of octets, MBDOC48 5.4.
_RUN_BITS = 22


@dataclass(frozen=True, slots=True)
class Sent:
    """A transmission and who sent it.

    `sender` is the place of the meter on the bus, None for noise. An `unwanted` one (a late reply, noise) is
    not sent any more once an exchange has to succeed.
    """

    transmission: Transmission
    sender: int | None = None
    unwanted: bool = False


@dataclass(slots=True)
class _Group:
    """Transmissions that overlap, or an echo (none), and the octets that have not been fetched."""

    sent: list[Sent]
    arrivals: deque[tuple[float, int]]
    held_until: float = 0.0
    fragments: bool = False

    @property
    def start(self) -> float:
        return min(item.transmission.start for item in self.sent)

    @property
    def end(self) -> float:
        return max((item.transmission.end for item in self.sent), default=float("-inf"))

    @property
    def unwanted(self) -> bool:
        return bool(self.sent) and all(item.unwanted for item in self.sent)

    @property
    def due(self) -> float:
        """When the next octet reaches the master."""
        return max(self.arrivals[0][0], self.held_until)


class Arrivals:
    """What is under way to the master.

    Attributes:
        baudrate: at which the master hears.
        drop_at: when the way breaks, None for not at all.
    """

    def __init__(self, baudrate: int, bad_characters: BadCharacters) -> None:
        self.baudrate = baudrate
        self.drop_at: float | None = None
        self._bad = bad_characters
        self._groups: list[_Group] = []
        self._fetched_until = float("-inf")

    # --- In --------------------------------------------------------------------------------------

    def add(self, sent: Sent, *, fragments: bool = False, held: float = 0.0) -> None:
        """A transmission; it is heard together with those that it overlaps."""
        new = sent.transmission
        group = _Group([sent], deque(), held, fragments)
        apart: list[_Group] = []
        for other in self._groups:
            if other.sent and other.start < new.end and other.end > new.start:
                group.sent += other.sent
                group.fragments = group.fragments or other.fragments
                group.held_until = max(group.held_until, other.held_until)
            else:
                apart.append(other)
        self._hear(group, self._fetched_until)
        for other in apart:
            if other.held_until > new.start:  # what a gateway holds back leaves it in one piece
                other.held_until = group.held_until = max(other.held_until, new.end, group.held_until)
        self._groups = [*apart, group]

    def echo(self, octets: Iterable[tuple[float, int]]) -> None:
        """Octets that the master's own converter gives back, each with its time: no matter of the wire."""
        self._groups.append(_Group([], deque(octets)))

    def set_baudrate(self, baudrate: int, now: float) -> None:
        """The master hears at this rate from now on."""
        if baudrate == self.baudrate:
            return
        self.baudrate = baudrate
        for group in self._groups:
            if group.sent:
                self._hear(group, max(now, self._fetched_until))

    def clear(self) -> None:
        """Everything that is under way is lost."""
        self._groups.clear()

    def clear_unwanted(self) -> None:
        """Late replies, noise, and what a gateway holds back, are lost."""
        self._groups = [group for group in self._groups if not (group.unwanted or group.held_until)]

    def _hear(self, group: _Group, since: float) -> None:
        """What the master's end makes of a group, from a time on."""
        transmissions = [item.transmission for item in group.sent]
        group.arrivals = deque(
            (item.time, item.octet if item.sound or self._bad == "as received" else 0)
            for item in heard(transmissions, self.baudrate)
            if item.time > since and (item.sound or self._bad != "dropped")
        )

    # --- What is asked ---------------------------------------------------------------------------

    def sending(self, start: float, end: float) -> Iterator[Sent]:
        """What is on the wire between two times."""
        for group in self._groups:
            for item in group.sent:
                if item.transmission.start < end and item.transmission.end > start:
                    yield item

    def disturbed(self, until: float) -> bool:
        """Whether a late reply, noise, or what a gateway holds back reaches the master by then."""
        return any(
            group.arrivals and group.arrivals[0][0] < until and (group.unwanted or group.held_until)
            for group in self._groups
        )

    def _first(self) -> _Group | None:
        return min(
            (group for group in self._groups if group.arrivals), key=lambda item: item.due, default=None
        )

    @property
    def deadline(self) -> float | None:
        """When the next octet reaches the master, or the way breaks; None if nothing is under way."""
        first = self._first()
        if first is None or self.drop_at is None:
            return self.drop_at if first is None else first.due
        return min(first.due, self.drop_at)

    @property
    def run_end(self) -> float | None:
        """When the run of octets that `deadline` announces has arrived, up to the next pause."""
        first = self._first()
        if first is None:
            return self.drop_at
        last = first.due
        pause = (BITS + _RUN_BITS) / self.baudrate
        for time, _ in () if first.fragments else first.arrivals:
            if time > last + pause:
                break
            last = max(last, time)
        return last if self.drop_at is None else min(last, self.drop_at)

    # --- Out -------------------------------------------------------------------------------------

    def broken(self, now: float) -> bool:
        """Whether the way is broken and nothing is left to fetch."""
        if self.drop_at is None or now < self.drop_at:
            return False
        first = self._first()
        return first is None or first.due > self.drop_at

    def fetch(self, now: float) -> bytes:
        """The octets that have reached the master by now; one of them where they come in fragments."""
        limit = now if self.drop_at is None else min(now, self.drop_at)
        arrived: list[tuple[float, int]] = []
        first = self._first()
        while first is not None and first.due <= limit:
            arrived.append(first.arrivals.popleft())
            if first.fragments:
                break
            first = self._first()
        if arrived:
            self._fetched_until = max(self._fetched_until, *(time for time, _ in arrived))
        self._groups = [group for group in self._groups if group.arrivals or group.end > now]
        return bytes(octet for _, octet in arrived)

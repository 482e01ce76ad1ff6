"""The search for secondary addresses with wildcards. MBDOC48 7.3.

A mask with wildcards is selected; where one meter answers it is read, where several do the mask is split at
one digit into ten. What makes it short: all wildcards first, least significant digit first (serial numbers
differ there), no request for data where the acknowledgement is garbled, one probe for what is silent and more
only where the numbers do not add up: where a mask collided, two meters must be found behind it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from .address import SecondaryAddress, parse_secondary
from .duplicates import resolve_tie
from .events import Finding, FoundMeter, Progress, found
from .procedure import ATTEMPTS
from .readout import deselect
from .selection import SAID, Probe, Prober

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .procedure import Procedure

# A digit is passed over where another one differs so many times as much among the meters found.
_ALIKE: Final = 3

# A split of a mask that collided is asked again so often where it does not account for two meters.
_RETRIES: Final = 2

# Meters that share all digits but one are found with the eighth split. So many without a meter are noise.
_MOST_FRUITLESS: Final = 8

# A thorough search probes a mask with one meter behind it so often again.
_CONFIRMATIONS: Final = 3


@dataclass
class Split:
    """A mask that collided, split into ten: what its parts have shown so far."""

    mask: SecondaryAddress
    weight: float
    empty: list[SecondaryAddress] = field(default_factory=list[SecondaryAddress])
    single: int = 0
    several: int = 0
    tries: int = 0


@dataclass
class SearchState:
    """How far a search is; a new search goes on from there.

    Attributes:
        probes: masks that are still to be selected, the last one first, each with its share of the work.
        collisions: masks behind which there are several meters, and whether no other part of their split
        holds any. splits: the splits under way, by mask. empty: masks without answer; they are asked again
        where the bus is not sound. known: meters that were found earlier, in other searches: they are
        selected first. found: the meters so far. trouble: whether something was garbled or lost that was no
        collision. verifying: whether the empty masks are asked again. spread: whether, as nothing was
        found, masks were split though nobody answered to them. done: the share of the work that is done, 0
        to 1.
    """

    probes: list[tuple[SecondaryAddress, float]] = field(default_factory=lambda: [(SecondaryAddress(), 1.0)])
    collisions: list[tuple[SecondaryAddress, float, bool]] = field(
        default_factory=list[tuple[SecondaryAddress, float, bool]]
    )
    split: Split | None = None
    empty: list[SecondaryAddress] = field(default_factory=list[SecondaryAddress])
    known: list[SecondaryAddress] = field(default_factory=list[SecondaryAddress])
    found: list[FoundMeter] = field(default_factory=list[FoundMeter])
    trouble: bool = False
    verifying: bool = False
    spread: bool = False
    done: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """The JSON shape."""
        split = self.split
        return {
            "type": "search",
            "probes": [[str(mask), weight] for mask, weight in self.probes],
            "collisions": [[str(mask), weight, alone] for mask, weight, alone in self.collisions],
            "split": None
            if split is None
            else {
                "mask": str(split.mask),
                "weight": split.weight,
                "empty": [str(mask) for mask in split.empty],
                "single": split.single,
                "several": split.several,
                "tries": split.tries,
            },
            "empty": [str(mask) for mask in self.empty],
            "known": [str(mask) for mask in self.known],
            "found": [meter.to_dict() for meter in self.found],
            "trouble": self.trouble,
            "verifying": self.verifying,
            "spread": self.spread,
            "done": self.done,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> SearchState:
        """The state that `to_dict` gave."""
        split = values["split"]
        return cls(
            [(parse_secondary(mask), weight) for mask, weight in values["probes"]],
            [(parse_secondary(mask), weight, alone) for mask, weight, alone in values["collisions"]],
            None
            if split is None
            else Split(
                parse_secondary(split["mask"]),
                split["weight"],
                [parse_secondary(mask) for mask in split["empty"]],
                split["single"],
                split["several"],
                split["tries"],
            ),
            [parse_secondary(mask) for mask in values["empty"]],
            [parse_secondary(mask) for mask in values["known"]],
            [FoundMeter.from_dict(meter) for meter in values["found"]],
            values["trouble"],
            values["verifying"],
            values.get("spread", False),
            values["done"],
        )


def new_search(mask: SecondaryAddress | None = None, known: Iterable[SecondaryAddress] = ()) -> SearchState:
    """The state of a search below a mask that has not begun."""
    return SearchState(probes=[(mask or SecondaryAddress(), 1.0)], known=list(known))


def _address(probe: Probe) -> SecondaryAddress | None:
    return found(probe.octets, 0).secondary_address


@dataclass(frozen=True)
class Conditions:
    """How a search is made.

    Attributes:
        baudrate: of the line, for what is found.
        thorough: ask silent masks again, None: where the bus has shown itself unsound, True: always, False:
            never. True also selects each meter's mask again, and splits masks where nobody answers.
        quick: silent masks are given up after a time learned from the answers, and asked again at the end
            with the standard's time.
    """

    baudrate: int = 2400
    thorough: bool | None = None
    quick: bool = False


def search(state: SearchState, conditions: Conditions | None = None) -> Procedure[list[FoundMeter]]:
    """Find every meter below the masks of the state.

    An acknowledgement alone is no proof of one meter: those whose identification ties are told apart by
    enhanced selection or the rest of their address, and two with the same full address end the search with
    a finding. Emits `FoundMeter`, `Finding` and `Progress` as it goes; `state` is up to date at every event.
    """
    run = _Search(state, conditions or Conditions())
    yield from run.known()
    while True:
        yield from run.main()
        unsound = state.trouble if run.conditions.thorough is None else run.conditions.thorough
        if not state.verifying and (unsound or run.conditions.quick) and state.empty:
            state.verifying = True
            _begin(state, state.empty)
        elif run.conditions.thorough and not state.spread and state.empty and not state.found:
            state.spread = True
            _begin(state, [part for mask in state.empty for part in _parts_at_every_digit(mask)])
        else:
            break
    yield from deselect()
    return state.found


def _begin(state: SearchState, masks: Sequence[SecondaryAddress]) -> None:
    """Probe these masks next."""
    state.probes = [(mask, 1.0 / len(masks)) for mask in reversed(masks)]
    state.empty, state.done = [], 0.0


def _parts_at_every_digit(mask: SecondaryAddress) -> list[SecondaryAddress]:
    """A mask split at each of its digits: finds meters whose answers together are heard as silence."""
    free = [index for index, digit in enumerate(mask.identification_number) if digit == "F"]
    return [part for position in free for part in _parts(mask, position)]


def _parts(mask: SecondaryAddress, position: int) -> list[SecondaryAddress]:
    """The ten masks with a digit at this position."""
    number = mask.identification_number
    return [
        replace(mask, identification_number=number[:position] + digit + number[position + 1 :])
        for digit in "0123456789"
    ]


class _Search:
    """One run of a search."""

    def __init__(self, state: SearchState, conditions: Conditions) -> None:
        self.state = state
        self.conditions = conditions
        noisy = state.trouble or bool(conditions.thorough)
        self.fruitless = 0  # splits in a row that brought no meter
        self.prober = Prober(conditions.baudrate, quick=conditions.quick, noisy=noisy)

    def known(self) -> Procedure[None]:
        """Meters that were found earlier are selected by their whole address: cheaper than to search them."""
        state = self.state
        while state.known:
            address = state.known[0]
            yield Progress(len(state.found), len(state.found) + len(state.known), address)
            probe = yield from self.prober.probe(address, attempts=2)
            state.known.pop(0)
            if probe.answers == "one":
                yield from self._found(probe, address)
            else:
                message = f"{address}: known, but {SAID[probe.answers]}"
                yield Finding("warning", "known_missing", message, address)

    def main(self) -> Procedure[None]:
        """Probe and split until nothing is left."""
        state = self.state
        while state.probes or state.collisions or state.split is not None:
            if state.probes:
                yield from self._next_probe()
            elif state.split is not None:
                yield from self._end_split(state.split)
            else:
                self._begin_split(*state.collisions.pop())

    # --- Probes

    def _next_probe(self) -> Procedure[None]:
        state = self.state
        mask, weight = state.probes[-1]
        yield Progress(state.done, 1.0, mask)
        probe = Probe("many") if self._known_to_collide(mask) else (yield from self._probe(mask))
        if probe.answers == "unreadable" and not mask.exact_identification:
            probe = probe._replace(answers="many")  # what its number is can be found out
        if probe.answers == "one" and self.conditions.thorough and not mask.exact:
            probe = yield from self._confirmed(probe, mask)
        state.probes.pop()
        self._trouble(probe.trouble)
        split = state.split
        if probe.answers == "many":
            state.collisions.append((mask, weight, False))
            if split is not None:
                split.several += 1
        else:
            state.done += weight
            if probe.answers == "empty":
                (state.empty if split is None else split.empty).append(mask)
            else:
                if split is not None and self._fits(probe, mask):
                    split.single += 1
                yield from self._found(probe, mask)
        yield from self._heard()

    def _confirmed(self, probe: Probe, mask: SecondaryAddress) -> Procedure[Probe]:
        """The probe of one meter, once it has been the only one several times.

        A second meter whose answer got lost, or a digit that was wrong, shows itself then.
        """
        for _ in range(_CONFIRMATIONS):
            again = yield from self._probe(mask)
            if again.answers == "many":
                return again
            other = again.answers != "one" or _address(again) != _address(probe)
            if other:
                self._trouble(seen=True)
            if again.answers == "one" and other:
                return Probe("many", trouble=True)
        return probe

    @staticmethod
    def _fits(probe: Probe, mask: SecondaryAddress) -> bool:
        """Whether a meter that was found is one that the mask selects."""
        return probe.answers == "unreadable" or mask.selects(found(probe.octets, 0).meter)

    def _trouble(self, seen: bool) -> None:
        self.state.trouble = self.state.trouble or seen
        self.prober.noisy = self.prober.noisy or seen

    def _heard(self) -> Procedure[None]:
        """Telegrams that came late, when something else was asked: they prove their meters."""
        while self.prober.heard:
            octets = self.prober.heard.pop()
            if found(octets, 0).meter is not None:
                yield from self._found(Probe("one", octets), SecondaryAddress())

    def _known_to_collide(self, mask: SecondaryAddress) -> bool:
        """Whether two meters are known that the mask selects."""
        if mask.exact_identification:
            return False
        known = [meter.secondary_address for meter in self.state.found if meter.secondary_address]
        return sum(mask.matches(address) for address in known) > 1

    def _found(self, probe: Probe, mask: SecondaryAddress) -> Procedure[None]:
        state = self.state
        if probe.answers == "unreadable":
            baudrate = self.conditions.baudrate
            meter = FoundMeter(None, mask, None, probe.octets, baudrate, mask, probe.remark)
            if not any(other.secondary_address == mask for other in state.found):
                state.found.append(meter)
                yield meter
            yield Finding("warning", "unreadable", f"{mask}: {probe.remark}", mask)
            return
        meter = found(probe.octets, self.conditions.baudrate, mask)
        address = meter.secondary_address
        if address is not None and any(other.secondary_address == address for other in state.found):
            return
        if not mask.selects(meter.meter):
            meter = replace(meter, remark=f"answers to the mask {mask} that does not fit it")
        state.found.append(meter)
        yield meter

    def _probe(self, mask: SecondaryAddress) -> Procedure[Probe]:
        if self.state.verifying:
            attempts = ATTEMPTS if self.conditions.thorough else 2
            return (yield from self.prober.probe(mask, attempts=attempts, patient=True))
        return (yield from self.prober.probe(mask))

    # --- Splits

    def _begin_split(self, mask: SecondaryAddress, weight: float, alone: bool) -> None:
        state = self.state
        state.split = Split(mask, weight)
        position = self._position(mask, alone=alone)
        if position is None:
            return  # no digit is left: `_end_split` resolves the tie
        parts = _parts(mask, position)
        state.probes = [(part, weight / len(parts)) for part in reversed(parts)]

    def _position(self, mask: SecondaryAddress, *, alone: bool) -> int | None:
        """The digit at which to split: the one in which the meters found differ most, else the last one.

        Where the split before has held but this one mask, its digits are alike: then the other end is tried.
        """
        free = [index for index, digit in enumerate(mask.identification_number) if digit == "F"]
        if not free:
            return None
        numbers = [meter.meter.identification_number for meter in self.state.found if meter.meter is not None]
        variety = {index: len({number[index] for number in numbers}) for index in free}
        best = max(free, key=lambda index: (variety[index], index))
        if variety[free[-1]] * _ALIKE < variety[best]:
            return best
        return free[0] if alone else free[-1]

    def _end_split(self, split: Split) -> Procedure[None]:
        """All parts were selected: do they account for the collision?"""
        state = self.state
        if split.mask.exact_identification:
            yield from self._tie(split)
        elif split.single + 2 * split.several < 2 and split.tries < _RETRIES and split.empty:
            if split.single + split.several == 0:
                again = yield from self._probe(split.mask)
                if again.answers != "many":  # what was garbled was noise
                    state.split = None
                    yield from self._settle(again, split)
                    return
            split.tries += 1
            state.probes = [(mask, 0.0) for mask in reversed(split.empty)]
            split.empty = []
            return
        elif split.single + split.several == 0:
            self._trouble(seen=True)
            message = f"{split.mask}: garbled answers, but no meter behind them: noise, or one without number"
            yield Finding("warning", "noise", message, split.mask)
        state.empty += split.empty
        fruitful = split.single > 0 or split.mask.exact_identification
        self.fruitless = 0 if fruitful else self.fruitless + 1
        if self.fruitless > _MOST_FRUITLESS:
            self._trouble(seen=True)
            for _ in range(split.several):
                state.empty.append(state.collisions.pop()[0])
        elif split.several == 1 and not fruitful and state.collisions:
            mask, weight, _ = state.collisions.pop()
            state.collisions.append((mask, weight, True))
        state.split = None

    def _tie(self, split: Split) -> Procedure[None]:
        """Several meters with the same identification number."""
        state = self.state
        thorough = bool(self.conditions.thorough)
        again = (yield from self._probe(split.mask)) if self.prober.noisy else Probe("many")
        if again.answers != "many":  # what was garbled was noise
            yield from self._settle(again, split)
            return
        for meter in (yield from resolve_tie(split.mask, state.found, self.prober, thorough=thorough)):
            if all(other.secondary_address != meter.secondary_address for other in state.found):
                state.found.append(meter)
                yield meter
        state.done += split.weight

    def _settle(self, probe: Probe, split: Split) -> Procedure[None]:
        """One meter or none is behind a mask that was taken for a collision."""
        self._trouble(seen=True)
        self.state.done += split.weight
        if probe.answers == "empty":
            self.state.empty.append(split.mask)
        else:
            yield from self._found(probe, split.mask)

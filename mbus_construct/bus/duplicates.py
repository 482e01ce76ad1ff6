"""Meters with the same identification number: told apart by the rest of their address or by more.

MBDOC48 7.4: a selection may carry records that narrow it, in practice the fabrication number. Meters that do
not know this enhanced selection stay silent, so that both ways are gone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from mbus_grammars.code_tables import DEVICE_TYPES
from mbus_grammars.places import LONG_HEADER

from .events import Finding, FoundMeter, found
from .selection import Probe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .address import SecondaryAddress
    from .procedure import Procedure
    from .selection import Prober

_ANY_FABRICATION_NUMBER: Final = "FFFFFFFF"
_ANY: Final = 0xFF

# Selections at most for one tie: on a bus with much noise it could go on and on.
_MOST_PROBES: Final = 3000


def resolve_tie(
    mask: SecondaryAddress, before: Sequence[FoundMeter], prober: Prober, *, thorough: bool = False
) -> Procedure[list[FoundMeter]]:
    """The meters that share the mask's identification number.

    Args:
        mask: with all eight digits given; several meters answer to it.
        before: meters found so far: their device types, versions and manufacturers are tried first.
        prober: selects.
        thorough: try what is left of device types, versions and manufacturers when two meters are told apart
            already: there could be a third one.

    Meters that have their whole address in common and do not know enhanced selection stay unread: a finding
    says so.
    """
    tie = _Tie(before, prober, thorough=thorough)
    yield from tie.by_fabrication_number(replace(mask, fabrication_number=_ANY_FABRICATION_NUMBER))
    yield from tie.by_rest(mask)
    for address in tie.twins:
        message = (
            f"{address}: several meters have this same secondary address; take one off the bus and give the "
            "other a new identification number (mbus set-identification)"
        )
        yield Finding("warning", "same_address", message, address)
    return tie.meters()


class _Tie:
    def __init__(self, before: Sequence[FoundMeter], prober: Prober, *, thorough: bool) -> None:
        self.prober = prober
        self.thorough = thorough
        self.probes = 0
        self.by_fabrication: list[FoundMeter] = []
        self.by_address: dict[SecondaryAddress | None, FoundMeter] = {}
        self.twins: list[SecondaryAddress] = []
        self.known = [meter.secondary_address for meter in before if meter.secondary_address is not None]

    def meters(self) -> list[FoundMeter]:
        """All that were found; where only the fabrication number tells them apart, it is in the address."""
        addresses = [meter.secondary_address for meter in self.by_fabrication]
        meters: list[FoundMeter] = []
        for meter in self.by_fabrication:
            address, mask = meter.secondary_address, meter.mask
            if address is not None and mask is not None and addresses.count(address) > 1:
                number = _fabrication_number(meter) or mask.fabrication_number
                narrowed = replace(address, fabrication_number=number)
                meters.append(replace(meter, secondary_address=narrowed))
            else:
                meters.append(meter)
        return meters + [meter for address, meter in self.by_address.items() if address not in addresses]

    def by_fabrication_number(self, mask: SecondaryAddress) -> Procedure[None]:
        """Split at the digits of the fabrication number, the last one first."""
        probe = yield from self._probe(mask, attempts=2)
        if probe.answers == "one":
            self.by_fabrication.append(found(probe.octets, self.prober.baudrate, mask))
        elif probe.answers == "many":
            number = mask.fabrication_number
            position = number.rfind("F")
            if position < 0:
                self.twins.append(mask)
                return
            for digit in "0123456789":
                part = number[:position] + digit + number[position + 1 :]
                yield from self.by_fabrication_number(replace(mask, fabrication_number=part))

    def by_rest(self, mask: SecondaryAddress) -> Procedure[None]:
        """Split by device type, then version, then manufacturer, wherever several meters answer."""
        likely, rest = self._parts(mask)
        for parts in (likely, rest):
            for part in parts:
                yield from self._part(part)
            if self._resolved(mask) > 1 and not self.thorough:
                return
        if self._resolved(mask) < 2:
            self.twins.append(mask)

    def _part(self, part: SecondaryAddress) -> Procedure[None]:
        probe = yield from self._probe(part)
        if probe.answers == "one":
            meter = found(probe.octets, self.prober.baudrate, part)
            self.by_address.setdefault(meter.secondary_address, meter)
        elif probe.answers == "many" and self._resolved(part) < 2:
            yield from self.by_rest(part)

    def _probe(self, mask: SecondaryAddress, attempts: int = 1) -> Procedure[Probe]:
        self.probes += 1
        if self.probes > _MOST_PROBES:
            return Probe("empty")
        return (yield from self.prober.probe(mask, attempts=attempts))

    def _parts(self, mask: SecondaryAddress) -> tuple[list[SecondaryAddress], list[SecondaryAddress]]:
        """The masks into which a mask is split: those that are likely, and the others."""
        if mask.device_type == _ANY:
            likely = _first((address.device_type for address in self.known), DEVICE_TYPES)
            return self._split(likely, lambda value: replace(mask, device_type=value))
        if mask.version == _ANY:
            likely = _first(address.version for address in self.known)
            return self._split(likely, lambda value: replace(mask, version=value))
        known = [address.octets[LONG_HEADER["manufacturer"]] for address in self.known]
        low, high = mask.octets[LONG_HEADER["manufacturer"]]
        if high == _ANY:
            likely = _first(code[1] for code in known)
            return self._split(likely, lambda value: replace(mask, manufacturer=f"{value:02X}{low:02X}"))
        if low == _ANY:
            likely = _first(code[0] for code in known)
            return self._split(likely, lambda value: replace(mask, manufacturer=f"{high:02X}{value:02X}"))
        return [], []

    @staticmethod
    def _split(
        likely: Iterable[int], part: Callable[[int], SecondaryAddress]
    ) -> tuple[list[SecondaryAddress], list[SecondaryAddress]]:
        likely = [value for value in likely if value != _ANY]
        return [part(value) for value in likely], [part(v) for v in range(_ANY) if v not in likely]

    def _resolved(self, mask: SecondaryAddress) -> int:
        """How many meters that the mask selects are accounted for: found, or known as twins."""
        meters = [meter.secondary_address for meter in (*self.by_fabrication, *self.by_address.values())]
        single = sum(address is not None and mask.matches(address) for address in meters)
        return single + 2 * sum(mask.matches(address) for address in self.twins)


def _first(first: Iterable[int], then: Iterable[int] = ()) -> list[int]:
    """Values without repetition, the likely ones first."""
    return list(dict.fromkeys([*first, *then]))


def _fabrication_number(meter: FoundMeter) -> str | None:
    """The fabrication number in a meter's telegram."""
    telegram = meter.telegram
    for record in telegram.records if telegram is not None else ():
        if record.quantity == "fabrication number" and record.value is not None:
            return f"{int(str(record.value)):08d}"
    return None

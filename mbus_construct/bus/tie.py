"""Meters with the same identification number: told apart by the rest of their address or by more.

MBDOC48 7.4: a selection may carry records that narrow it, in practice the fabrication number. Meters that do
not know this enhanced selection stay silent, so that both ways are gone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from mbus_grammars.code_tables import DEVICE_TYPES, MANUFACTURERS

from .address import SecondaryAddress
from .events import Finding, FoundMeter, found

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .probe import Prober
    from .steps import Procedure

_ANY_FABRICATION_NUMBER: Final = "FFFFFFFF"


def resolve_tie(
    mask: SecondaryAddress, before: Sequence[FoundMeter], prober: Prober, baudrate: int
) -> Procedure[list[FoundMeter]]:
    """The meters that share the mask's identification number.

    Args:
        mask: with all eight digits given; several meters answer to it.
        before: meters found so far: their device types, versions and manufacturers are tried first.
        prober: selects.
        baudrate: of the line, for what is found.

    Meters that have their whole address in common and do not know enhanced selection stay unread: a finding
    says so.
    """
    tie = _Tie(mask, before, prober, baudrate)
    yield from tie.by_fabrication_number(replace(mask, fabrication_number=_ANY_FABRICATION_NUMBER))
    yield from tie.by_rest(mask, 0)
    for address in tie.twins:
        message = (
            f"{address}: several meters have this same secondary address; take one off the bus and give the "
            "other a new identification number (mbus set-identification)"
        )
        yield Finding("warning", "same_address", message, address)
    return tie.meters()


class _Tie:
    def __init__(
        self, mask: SecondaryAddress, before: Sequence[FoundMeter], prober: Prober, baudrate: int
    ) -> None:
        self.prober = prober
        self.baudrate = baudrate
        self.by_fabrication: list[FoundMeter] = []
        self.by_address: dict[SecondaryAddress | None, FoundMeter] = {}
        self.twins: list[SecondaryAddress] = []
        known = [meter.secondary_address for meter in before if meter.secondary_address is not None]
        self.fields: tuple[tuple[str, list[Any]], ...] = (
            ("device_type", _first((address.device_type for address in known), DEVICE_TYPES)),
            ("version", _first((address.version for address in known), range(0xFF))),
            ("manufacturer", _first((address.manufacturer for address in known), MANUFACTURERS)),
        )
        given = mask.to_dict()
        anything = SecondaryAddress().to_dict()
        self.fields = tuple((name, values) for name, values in self.fields if given[name] == anything[name])

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
        probe = yield from self.prober.probe(mask, attempts=2)
        if probe.verdict == "one":
            self.by_fabrication.append(found(probe.octets, self.baudrate, mask))
        elif probe.verdict == "many":
            number = mask.fabrication_number
            position = number.rfind("F")
            if position < 0:
                self.twins.append(mask)
                return
            for digit in "0123456789":
                part = number[:position] + digit + number[position + 1 :]
                yield from self.by_fabrication_number(replace(mask, fabrication_number=part))

    def by_rest(self, mask: SecondaryAddress, level: int) -> Procedure[None]:
        """Split by device type, then version, then manufacturer, wherever several meters answer."""
        if level == len(self.fields):
            if self._resolved(mask) < 2:
                self.twins.append(mask)
            return
        name, values = self.fields[level]
        for value in values:
            part = replace(mask, **{name: value})
            probe = yield from self.prober.probe(part)
            if probe.verdict == "one":
                meter = found(probe.octets, self.baudrate, part)
                self.by_address.setdefault(meter.secondary_address, meter)
            elif probe.verdict == "many" and self._resolved(part) < 2:
                yield from self.by_rest(part, level + 1)

    def _resolved(self, mask: SecondaryAddress) -> int:
        """How many meters that the mask selects are found already."""
        addresses = [meter.secondary_address for meter in (*self.by_fabrication, *self.by_address.values())]
        return sum(address is not None and mask.matches(address) for address in addresses)


def _first(first: Iterable[Any], then: Iterable[Any]) -> list[Any]:
    """Values without repetition, the likely ones first."""
    return list(dict.fromkeys([*first, *then]))


def _fabrication_number(meter: FoundMeter) -> str | None:
    """The fabrication number in a meter's telegram."""
    telegram = meter.telegram
    for record in telegram.records if telegram is not None else ():
        if record.quantity == "fabrication number" and record.value is not None:
            return f"{int(str(record.value)):08d}"
    return None

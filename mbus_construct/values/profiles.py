"""Compact profiles unrolled: one value a storage number, with its time. EN 13757-3:2018 Annex F.

The record holds the elements as sent (`Record.value`). What they mean depends on two other records of the
telegram: the base value (same storage number, tariff, subunit and VIB without the profile's VIFE) and the
base time (same storage number, a date).
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

from mbus_grammars.lvar import VariableLength
from mbus_grammars.vib import VIB

from .to_value import EXACT

Record = Any  # a `Record` of `model`, which stands above this room

_VARIABLE: Final = VariableLength("profile")

_PROFILE_VIFES: Final = (0x13, 0x1E, 0x1F)  # the codes of the VIFEs
_INVERSE: Final = 0x13

_STEPS: Final = {
    "s": timedelta(seconds=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
# Spacing code 254: the unit says how many months.
_MONTHS: Final = {"d": 1, "h": 3, "min": 6}


class Entry(NamedTuple):
    """One value of a series; `time` is None where no record gives the base time or the spacing has none."""

    storage_number: int
    time: datetime | date | None
    value: Decimal | float | None


def unroll(record: Record, records: Sequence[Record]) -> tuple[Entry, ...]:
    """The entries of a compact profile among the records of its telegram.

    `value` is None for a gap, and where an increment counts from a value that is not known. Raises
    `ValueError` for a record that is no compact profile.
    """
    elements: Sequence[Decimal | float | None] = record.value
    if not isinstance(record.value, tuple) or record.storage_number is None:
        raise ValueError(f"no compact profile: {record}")
    vib = VIB.parse(record.vib)
    vife = next(code for code in reversed(vib["vifes"]) if code in _PROFILE_VIFES)
    profile = _VARIABLE.parse(record.data)["value"]
    direction = -1 if vife == _INVERSE else 1
    values = _values(
        elements,
        profile["control"]["increment_mode"].name,
        direction,
        _base_value(record, records),
    )
    times = _times(_base_time(record, records), profile, direction)
    return tuple(
        Entry(record.storage_number + k, time, value)
        for k, (time, value) in enumerate(zip(times, values, strict=False), 1)
    )


def _base_value(record: Record, records: Sequence[Record]) -> Decimal | None:
    """The value that the increments count from."""
    vib = VIB.parse(record.vib)
    plain = [code for code in vib["vifes"] if code not in _PROFILE_VIFES]
    wanted = VIB.build({**vib, "vifes": plain})
    for other in records:
        same = (other.storage_number, other.tariff, other.subunit, other.function) == (
            record.storage_number,
            record.tariff,
            record.subunit,
            record.function,
        )
        if same and other.vib == wanted and isinstance(other.value, Decimal):
            return other.value
    return None


def _base_time(record: Record, records: Sequence[Record]) -> datetime | date | None:
    for other in records:
        if other.storage_number == record.storage_number and isinstance(other.value, date):
            return other.value
    return None


def _values(
    elements: Sequence[Decimal | float | None], mode: str | None, direction: int, base: Decimal | None
) -> Iterator[Decimal | float | None]:
    """The elements as absolute values."""
    if mode == "absolute":
        yield from elements
        return
    # Which way unsigned increments count in an inverse profile is not documented: no value.
    sign = {"positive increments": 1, "negative increments": -1, "signed increments": direction}[str(mode)]
    value = None if direction < 0 and mode != "signed increments" else base
    for element in elements:
        value = (
            EXACT.fma(element, sign, value) if value is not None and isinstance(element, Decimal) else None
        )
        yield value


def _times(
    base: datetime | date | None, profile: Mapping[str, Any], direction: int
) -> Iterator[datetime | date | None]:
    """The times of the elements, without end."""
    spacing, unit = profile["spacing"], str(profile["control"]["spacing_unit"].name)
    k = 0
    while True:
        k += 1
        if base is None or not spacing:
            yield None
        elif spacing <= 250:
            step = _STEPS[unit] * spacing * k * direction
            yield base + step if isinstance(base, datetime) or unit == "d" else None
        elif spacing == 254 and unit in _MONTHS:
            yield _months_later(base, _MONTHS[unit] * k * direction)
        else:
            yield None


def _months_later(base: datetime | date, months: int) -> datetime | date | None:
    """The same day of another month; the last day stays the last day, a day that there is not is None."""
    number = base.year * 12 + base.month - 1 + months
    year, month = divmod(number, 12)
    if not 1 <= year <= 9999:
        return None
    last = monthrange(year, month + 1)[1]
    is_last = base.day == monthrange(base.year, base.month)[1]
    if base.day > last and not is_last:
        return None
    return base.replace(year=year, month=month + 1, day=last if is_last else base.day)

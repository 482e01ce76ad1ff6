"""Dates and times, many at once: the ordinary ones of types F, G and I.

Where the bits lie is read from the grammar's declarations, once for every date and every time of day that
octets can say. What is no plain moment (a recurring date, a date that does not exist, one that the meter
marks as invalid) is left to the plan for one telegram.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from mbus_grammars.coding import TypeF, TypeG, TypeI

from ...values.to_value import full_year

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mbus_grammars.bits import BitField, Bits

    from ...model.json_shapes import ValueType

# By data type: the declaration, and the name of the value's type.
MOMENTS: Final[dict[str, tuple[Bits, ValueType]]] = {
    "F": (TypeF, "datetime"),
    "G": (TypeG, "date"),
    "I": (TypeI, "datetime"),
}

_CLOCK: Final = (("hour", 24, 3600), ("minute", 60, 60), ("second", 60, 1))
_DAY: Final = 86400
_NONE: Final = -(1 << 31)  # seconds or days where there is no such time or date


class Moments(NamedTuple):
    """Seconds since 1970 by the meter's clock, which of them are ordinary, and which in summer time."""

    seconds: NDArray[np.int64]
    ordinary: NDArray[np.bool_]
    summer: NDArray[np.bool_] | None


class _Table(NamedTuple):
    """What each value of some bits means: the bits from `low` on, and those of the hundreds above them."""

    low: int
    width: int
    hundreds: tuple[int, int] | None
    values: NDArray[np.int32]

    def look_up(self, raw: NDArray[Any]) -> NDArray[np.int32]:
        """The meaning of these bits in each number."""
        of = raw.dtype.type
        index = raw >> of(self.low) & of((1 << self.width) - 1)
        if self.hundreds is not None:
            low, width = self.hundreds
            index |= (raw >> of(low) & of((1 << width) - 1)) << of(self.width)
        found: NDArray[np.int32] = self.values[index]
        return found


def moments(raw: NDArray[Any], data_type: str) -> Moments:
    """What the bits of dates and times of a data type say."""
    layout, _ = MOMENTS[data_type]
    days = _dates(data_type).look_up(raw)
    ordinary = days != _NONE
    seconds = days.astype(np.int64) * _DAY
    for clock in _clocks(data_type):
        part = clock.look_up(raw)
        ordinary &= part != _NONE
        seconds += part
    summer = None
    if "summer_time" in layout.fields:
        summer = raw & raw.dtype.type(1 << layout.fields["summer_time"].parts[0][0]) != 0
    return Moments(seconds, ordinary, summer)


@cache
def _dates(data_type: str) -> _Table:
    """Days since 1970 by the sixteen bits that hold day, month and year, and by the hundreds."""
    fields = MOMENTS[data_type][0].fields
    low = min(part[0] for name in ("day", "month", "year") for part in fields[name].parts)
    hundreds = fields["hundred_year"].parts[0] if "hundred_year" in fields else None
    numbers = np.arange(1 << 16, dtype=np.uint64) << np.uint64(low)
    day, month, year = (_part(numbers, fields[name]) for name in ("day", "month", "year"))
    values: list[NDArray[np.int32]] = []
    for hundred in range(1 if hundreds is None else 1 << hundreds[1]):
        first, count = _calendar(hundred)
        exists = (day >= 1) & (day <= count[year, month])
        values.append(np.where(exists, first[year, month] + day - 1, _NONE).astype(np.int32))
    return _Table(low, 16, hundreds, np.concatenate(values))


def _calendar(hundreds: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first day of each month in days since 1970, and how many it has; none where there is no month."""
    first, count = np.zeros((128, 16), np.int64), np.zeros((128, 16), np.int64)
    for year in range(100):
        full = full_year({"hundred_year": hundreds, "year": year})
        months = np.arange(f"{full}-01", f"{full + 1}-02", dtype="datetime64[M]").astype("datetime64[D]")
        days = months.astype(np.int64)
        first[year, 1:13] = days[:12]
        count[year, 1:13] = np.diff(days)
    return first, count


@cache
def _clocks(data_type: str) -> tuple[_Table, ...]:
    """Seconds by the bits of hour, minute and second, an octet at a time; none where they are invalid."""
    fields = MOMENTS[data_type][0].fields
    tables: list[_Table] = []
    for name, limit, factor in _CLOCK:
        if name not in fields:
            continue
        low = fields[name].parts[0][0] // 8 * 8
        numbers = np.arange(1 << 8, dtype=np.uint64) << np.uint64(low)
        value = _part(numbers, fields[name])
        valid = (value < limit) & (_part(numbers, fields["invalid"]) == 0)
        tables.append(_Table(low, 8, None, np.where(valid, value * factor, _NONE).astype(np.int32)))
    return tuple(tables)


def _part(raw: NDArray[np.uint64], field: BitField) -> NDArray[np.int64]:
    """One field of each number; see `BitField.read`."""
    value = np.zeros(len(raw), np.uint64)
    shift = 0
    for low, width in field.parts:
        value |= (raw >> np.uint64(low) & np.uint64((1 << width) - 1)) << np.uint64(shift)
        shift += width
    return value.view(np.int64)

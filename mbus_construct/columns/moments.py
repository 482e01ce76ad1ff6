"""Dates and times, many at once: the ordinary ones of types F, G and I.

Where the bits lie is read from the grammar's declarations. What is no plain moment (a recurring date, a date
that does not exist, one that the meter marks as invalid) is left to the grammar's walk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from mbus_grammars.coding import TypeF, TypeG, TypeI

from ..values import full_year

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mbus_grammars.bits import BitField, Bits

# By data type: the declaration, and the name of the value's type.
MOMENTS: Final[dict[str, tuple[Bits, str]]] = {
    "F": (TypeF, "datetime"),
    "G": (TypeG, "date"),
    "I": (TypeI, "datetime"),
}

_CLOCK: Final = (("hour", 24, 3600), ("minute", 60, 60), ("second", 60, 1))
_DAY: Final = 86400


class Moments(NamedTuple):
    """Seconds since 1970 by the meter's clock, which of them are ordinary, and which in summer time."""

    seconds: NDArray[np.int64]
    ordinary: NDArray[np.bool_]
    summer: NDArray[np.bool_] | None


def _calendar() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first day of each month, in days since 1970, and how many it has: by hundreds, year and month.

    Months that are none have no days.
    """
    first, count = np.zeros((4, 128, 16), np.int64), np.zeros((4, 128, 16), np.int64)
    for hundreds in range(4):
        for year in range(100):
            full = full_year({"hundred_year": hundreds, "year": year})
            months = np.arange(f"{full}-01", f"{full + 1}-02", dtype="datetime64[M]").astype("datetime64[D]")
            days = months.astype(np.int64)
            first[hundreds, year, 1:13] = days[:12]
            count[hundreds, year, 1:13] = np.diff(days)
    return first, count


_FIRST, _COUNT = _calendar()


def moments(raw: NDArray[np.uint64], layout: Bits) -> Moments:
    """What the bits of dates and times say."""
    parts = {name: _part(raw, field) for name, field in layout.fields.items() if name in _NEEDED}
    hundreds: Any = parts.get("hundred_year", 0)
    month = (hundreds, parts["year"], parts["month"])
    day = parts["day"]
    ordinary = (day >= 1) & (day <= _COUNT[month])
    seconds = (_FIRST[month] + day - 1) * _DAY
    for name, limit, factor in _CLOCK:
        if name in parts:
            ordinary &= parts[name] < limit
            seconds += parts[name] * factor
    if "invalid" in parts:
        ordinary &= parts["invalid"] == 0
    summer = parts["summer_time"] != 0 if "summer_time" in parts else None
    return Moments(seconds, ordinary, summer)


_NEEDED: Final = frozenset(
    {
        *("hundred_year", "year", "month", "day", "hour", "minute", "second"),
        *("invalid", "summer_time"),
    }
)


def _part(raw: NDArray[np.uint64], field: BitField) -> NDArray[np.int64]:
    """One field of each number; see `BitField.read`."""
    value = np.zeros(len(raw), np.uint64)
    shift = 0
    for low, width in field.parts:
        value |= (raw >> np.uint64(low) & np.uint64((1 << width) - 1)) << np.uint64(shift)
        shift += width
    return value.view(np.int64)

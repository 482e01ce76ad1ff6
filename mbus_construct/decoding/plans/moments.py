"""Dates and times that were not seen before, from their two halves, which mostly were.

A date and a time of day that the grammar has read once each, in different telegrams, make a moment together:
whether one is valid does not depend on the other.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mbus_grammars.bits import Bits

    from ...values.to_value import Outcome

_DATE: Final = ("day", "month", "year", "hundred_year")
_MAX_KNOWN: Final = 1 << 16

Moment = tuple[date, tuple[str, ...]]


class Moments:
    """Reads the ordinary moments of one data type, declared by `layout`; `read` is the way of the walk."""

    def __init__(self, layout: Bits, read: Callable[[bytes], Outcome]) -> None:
        self._read = read
        self._size = layout.size
        parts = [part for name in _DATE if name in layout.fields for part in layout.fields[name].parts]
        self._date_bits = sum((1 << width) - 1 << low for low, width in parts)
        self._clock_bits = (1 << 8 * layout.size) - 1 - self._date_bits
        self._dates: dict[int, tuple[int, int, int]] = {}
        self._clocks: dict[int, tuple[Any, ...]] = {}

    def __call__(self, number: int) -> Moment | None:
        """The moment and its flags; None for what is out of the ordinary."""
        day = self._dates.get(number & self._date_bits)
        clock = self._clocks.get(number & self._clock_bits)
        if day is None or clock is None:
            return self._learn(number)
        hour, minute, second, kind, flags = clock
        if kind is date:
            return date(*day), flags
        return datetime(*day, hour, minute, second), flags

    def _learn(self, number: int) -> Moment | None:
        outcome = self._read(number.to_bytes(self._size, "little"))
        value = outcome.value
        if outcome[1:3] != ("ok", None) or outcome.code is not None or not isinstance(value, date):
            return None
        for known in (self._dates, self._clocks):
            if len(known) >= _MAX_KNOWN:
                known.clear()
        self._dates[number & self._date_bits] = value.year, value.month, value.day
        if isinstance(value, datetime):
            clock: tuple[Any, ...] = value.hour, value.minute, value.second, datetime, outcome.flags
        else:
            clock = 0, 0, 0, date, outcome.flags
        self._clocks[number & self._clock_bits] = clock
        return value, outcome.flags

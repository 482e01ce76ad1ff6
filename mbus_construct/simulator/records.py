"""One record of a simulated meter, whose value moves with the time of the bus: counters, waves, clocks.

Values are exact decimals in the resolution that DIB and VIB have, and never leave the data field: a counter
that is full starts again at zero, one that runs backwards goes on from the top, as counters do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

from mbus_grammars import BuildError
from mbus_grammars.base import is_mapping
from mbus_grammars.record import DataRecordHeader, RecordsFromMeter

from ..decoding.decode import decode_records
from ..encoding.encode import encode

if TYPE_CHECKING:
    from ..model.record import Record
    from ..values.to_value import Value

_EXACT: Final = Context(prec=60)
_HOUR: Final = 3600
_MILLISECOND: Final = Decimal("0.001")

# Keys of a record in a bus file that say how it behaves; the others are those of `encode`.
BEHAVIOUR_KEYS: Final = ("rate", "wave", "clock", "writable", "application", "telegram")


@dataclass(frozen=True, slots=True)
class Wave:
    """A value that swings around its `value`: by `amplitude`, once in `period` hours."""

    amplitude: Decimal
    period: Decimal = Decimal(24)


def _seconds(now: float) -> Decimal:
    return Decimal(now).quantize(_MILLISECOND, rounding=ROUND_FLOOR, context=_EXACT)


def number(given: object, name: str) -> Decimal:
    """A finite exact number; floats by what they look like. Raises `BuildError`."""
    if isinstance(given, int | float | str | Decimal) and not isinstance(given, bool):
        try:
            value = Decimal(str(given))
        except InvalidOperation:
            value = Decimal("NaN")
        if value.is_finite():
            return value
    raise BuildError(name, given, "a number")


@dataclass(slots=True)
class SimulatedRecord:
    """A record's octets at any time.

    Attributes:
        octets: DIB, VIB and data as they are without movement.
        rate: what a counter gains in an hour, in the record's unit.
        wave: how the value swings.
        clock: whether a date moves with the time.
        writable: whether SND_UD may change the value.
        application: the sub-code of an application reset behind which the record is read, None for all.
    """

    octets: bytes
    rate: Decimal | None = None
    wave: Wave | None = None
    clock: bool = False
    writable: bool = False
    application: str | None = None
    record: Record = field(init=False)
    _header: DataRecordHeader = field(init=False)
    _value: Value = field(init=False)
    _since: float = field(init=False, default=0.0)
    _built: tuple[Any, bytes] = field(init=False)

    def __post_init__(self) -> None:
        found = decode_records(self.octets, RecordsFromMeter)
        if len(found) != 1:
            raise BuildError("", self.octets.hex(), "the octets of one record")
        self.record = found[0]
        self._header = RecordsFromMeter.header(self.record.dib + self.record.vib)
        self._value = self.record.value
        self._built = self._value, self.octets
        moves = self.rate is not None or self.wave is not None
        if not moves:
            return
        if not isinstance(self._value, Decimal) or self._capacity is None:
            name = "rate" if self.wave is None else "wave"
            raise BuildError(name, self.record.value_text, "for records that are integers or BCD")
        if self.wave is not None:
            for extreme in (-self.wave.amplitude, self.wave.amplitude):
                self._encode(self._in_steps(self._value + extreme))

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> SimulatedRecord:
        """A record from the keys of `encode` (quantity, unit, value ...) and `BEHAVIOUR_KEYS`.

        Raises `BuildError` naming the key.
        """
        content = {key: item for key, item in given.items() if key not in BEHAVIOUR_KEYS}
        clock = given.get("clock")
        if clock is not None:
            content |= {"value": clock}
            content.setdefault("quantity", "date and time")
        octets = encode({"link": "records", "records": [content]})
        wave = given.get("wave")
        return cls(
            octets,
            rate=None if given.get("rate") is None else number(given["rate"], "rate"),
            wave=None if wave is None else _wave(wave),
            clock=clock is not None,
            writable=bool(given.get("writable", False)),
            application=given.get("application"),
        )

    # --- Values ----------------------------------------------------------------------------------

    @property
    def moves(self) -> bool:
        """Whether its octets depend on the time."""
        return self.clock or self.rate is not None or self.wave is not None

    def value(self, now: float) -> Value:
        """The value at a time, as `decode` gives it."""
        passed = now - self._since
        if self.clock and isinstance(self._value, datetime):
            return self._as_date(self._value + timedelta(seconds=passed))
        if not isinstance(self._value, Decimal) or not self.moves:
            return self._value
        value = self._value
        if self.rate is not None:
            hours = _EXACT.divide(_seconds(passed), Decimal(_HOUR))
            value = _EXACT.fma(self.rate, hours, value)
        if self.wave is not None:
            angle = 2 * math.pi * passed / (_HOUR * float(self.wave.period))
            value += self.wave.amplitude * Decimal(math.sin(angle))
            return self._in_steps(value)
        return self._wrapped(value)

    def build(self, now: float) -> bytes:
        """The octets at a time."""
        if not self.moves:
            return self._built[1]
        value = self.value(now)
        if value != self._built[0]:
            self._built = value, self._encode(value)
        return self._built[1]

    def set(self, value: Value, now: float) -> None:
        """Another value from now on, from which it moves on. Raises `BuildError` where it does not fit."""
        octets = self._encode(self._as_date(value) if isinstance(value, date) else value)
        self._value, self._since, self._built = value, now, (value, octets)

    def set_clock(self, moment: datetime, now: float) -> None:
        """Another moment from now on: the date runs from there. Raises `BuildError` where it does not fit."""
        self.set(moment, now)
        self.clock = True
        self._built = None, b""

    # --- Resolution and range --------------------------------------------------------------------

    @property
    def _exponent(self) -> int:
        return self._header.meaning.exponent

    @property
    def _capacity(self) -> int | None:
        """How many values from zero on the data field has; None where it is no integer."""
        octets, data_type = self._header.length, self._header.data_type
        if not octets or data_type == "H":
            return None
        return int(100**octets) if data_type == "A" else int(1 << 8 * octets - 1)

    def _in_steps(self, value: Decimal, rounding: str = ROUND_HALF_EVEN) -> Decimal:
        return value.quantize(Decimal(1).scaleb(self._exponent), rounding=rounding, context=_EXACT)

    def _wrapped(self, value: Decimal) -> Decimal:
        capacity = Decimal(self._capacity or 1).scaleb(self._exponent)
        value = self._in_steps(value, ROUND_FLOOR)
        lowest = -capacity / 10 if self._header.data_type == "A" else -capacity
        if lowest < value < capacity:  # the sign takes a digit of BCD
            return value
        turns = _EXACT.divide(value, capacity).to_integral_value(rounding=ROUND_FLOOR)
        return self._in_steps(_EXACT.fma(-turns, capacity, value))

    def _as_date(self, moment: Value) -> Value:
        """A moment in what the record's data type holds."""
        if not isinstance(moment, datetime):
            return moment
        if self._header.data_type == "G":
            return moment.date()
        if self._header.data_type == "F":
            return moment.replace(second=0, microsecond=0)
        return moment.replace(microsecond=0)

    def _encode(self, value: Value) -> bytes:
        record = self.record
        given = {"dib": record.dib.hex(), "vib": record.vib.hex(), "value": _as_given(value)}
        return encode({"link": "records", "records": [given]})


def _as_given(value: Value) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _wave(given: Any) -> Wave:
    if isinstance(given, Wave):
        return given
    if not is_mapping(given) or set(given) - {"amplitude", "period"} or "amplitude" not in given:
        raise BuildError("wave", given, "a table with amplitude and, in hours, period")
    period = number(given.get("period", 24), "wave.period")
    if period <= 0:
        raise BuildError("wave.period", period, "hours, more than 0")
    return Wave(number(given["amplitude"], "wave.amplitude"), period)


# --- The records that a selection for readout means -----------------------------------------------

_ANY: Final = "any VIF"


def selected_by(selector: Record, record: Record) -> bool:
    """Whether a selection for readout means a record. MBDOC48 6.4.3.

    The resolution does not count. Tariff, storage and unit number mean all where they are the highest that
    the DIFEs present can hold.
    """
    if selector.quantity != _ANY:
        wanted = tuple(item for item in selector.qualifiers if not item.startswith("action: "))
        if (selector.quantity, selector.unit, wanted) != (record.quantity, record.unit, record.qualifiers):
            return False
    difes = len(selector.dib) - 1
    highest: Sequence[tuple[int | None, int | None, int]] = (
        (selector.storage_number, record.storage_number, (1 << 1 + 4 * difes) - 1 if difes else -1),
        (selector.tariff, record.tariff, (1 << 2 * difes) - 1 if difes else -1),
        (selector.subunit, record.subunit, (1 << difes) - 1 if difes > 1 else -1),
    )
    same = all(wanted in (found, limit) for wanted, found, limit in highest)
    return same and selector.function == record.function


def same_place(written: Record, record: Record) -> bool:
    """Whether a record that is written is the record of the meter: all but value, data field and scale."""
    actions = tuple(item for item in written.qualifiers if not item.startswith("action: "))
    return (
        written.quantity == record.quantity
        and written.unit == record.unit
        and actions == record.qualifiers
        and written.function == record.function
        and (written.storage_number, written.tariff, written.subunit)
        == (record.storage_number, record.tariff, record.subunit)
    )


def agrees(mask: Record, record: Record) -> bool:
    """Whether a record of an enhanced selection agrees with the meter's; F is any digit, FFh any octet."""
    if (mask.dib, mask.quantity, mask.unit) != (record.dib, record.quantity, record.unit):
        return False
    if len(mask.data) != len(record.data):
        return False
    if "BCD" in (mask.data_field or ""):
        digits = zip(mask.data.hex(), record.data.hex(), strict=True)
        return all(wanted in ("f", found) for wanted, found in digits)
    return all(wanted in (0xFF, found) for wanted, found in zip(mask.data, record.data, strict=True))

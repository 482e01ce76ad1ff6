"""Which DIB and VIB a hand-written record gets: the code tables read backwards.

The finest code is not always the best: the one whose power of ten is that of the last digit given keeps the
resolution that the value was written with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from difflib import get_close_matches
from functools import cache
from typing import Any, Final

from mbus_grammars import BuildError, Meaning, meaning_of
from mbus_grammars import vif_tables as tables
from mbus_grammars.base import is_sequence
from mbus_grammars.dib import DATA_FIELDS, DATA_LENGTHS, SPECIAL_FUNCTION, VARIABLE_LENGTH
from mbus_grammars.units import UNITS

from .to_raw import is_measured, is_number, to_moment, to_number
from .to_value import EXACT, IDENTIFIERS

_TABLES: Final = (
    (tables.PRIMARY, ()),
    (tables.EXTENSION_FB, (0x7B,)),
    (tables.EXTENSION_FD, (0x7D,)),
    (tables.EXTENSION_FD_FD, (0x7D, 0x7D)),
)

# Qualifiers by table: the word in front of them, the codes in front of theirs.
_QUALIFIERS: Final[tuple[tuple[str, tuple[int, ...], tables.Table], ...]] = (
    ("", (), tables.COMBINABLE),
    ("", (0x7C,), tables.COMBINABLE_FC),
    ("action: ", (), tables.OBJECT_ACTION),
)

_PREFIXES: Final = {"m": -3, "k": 3, "M": 6, "G": 9}
_PREFIXED: Final = ("Wh", "J", "W", "V", "A", "VA", "VAh", "var", "varh", "cal", "Hz", "J/h", "bar")

# Other spellings: (unit as this library writes it, power of ten).
_SPELLINGS: Final = {
    "l": ("m³", -3),
    "L": ("m³", -3),
    "ml": ("m³", -6),
    "m^3": ("m³", 0),
    "l/h": ("m³/h", -3),
    "L/h": ("m³/h", -3),
    "l/min": ("m³/min", -3),
    "m^3/h": ("m³/h", 0),
    "g": ("kg", -3),
    "t": ("kg", 3),
    "C": ("°C", 0),
    "months": ("month", 0),
    "years": ("year", 0),
}


@dataclass(frozen=True)
class Choice:
    """The DIB's data field and the VIB's codes for a record."""

    data_field: int
    codes: tuple[int, ...]


def parse_unit(unit: object) -> tuple[str | None, int]:
    """A unit as this library writes it, and the power of ten that the given spelling adds."""
    known = _spellings()
    if (unit is None or isinstance(unit, str)) and unit in known:
        return known[unit]
    raise BuildError("unit", unit, f"one of {', '.join(sorted(key for key in known if key))}")


@cache
def _spellings() -> dict[str | None, tuple[str | None, int]]:
    known: dict[str | None, tuple[str | None, int]] = {None: (None, 0), "": (None, 0)}
    for code, (written, ucum) in UNITS.items():
        for spelling in (code, ucum, written):
            if spelling is not None:
                known.setdefault(spelling, (written, 0))
    for unit in _PREFIXED:
        for prefix, power in _PREFIXES.items():
            known.setdefault(prefix + unit, (unit, power))
    return known | _SPELLINGS


@cache
def _vibs(quantity: str) -> tuple[tuple[int, ...], ...]:
    """Every VIB, without qualifiers, that means the quantity."""
    return tuple(
        (*prefix, code)
        for table, prefix in _TABLES
        for code, row in table.items()
        if row.quantity == quantity and row.status in ("current", "unscaled")
    )


@cache
def _qualifier_codes() -> dict[str, tuple[int, ...]]:
    """VIFE codes by the qualifier that they add; actions as "action: ..."."""
    return {
        f"{word}{row.quantity}": (*prefix, code)
        for word, prefix, table in _QUALIFIERS
        for code, row in table.items()
        if row.status == "current"
    }


def qualifier_codes(qualifiers: object) -> tuple[int, ...]:
    """The VIFE codes for qualifiers, in their order."""
    known = _qualifier_codes()
    if not is_sequence(qualifiers):
        raise BuildError("qualifiers", qualifiers, "a list of names")
    codes: list[int] = []
    for qualifier in qualifiers:
        if not isinstance(qualifier, str) or qualifier not in known:
            raise BuildError("qualifiers", qualifier, one_of(qualifier, known))
        codes += known[qualifier]
    return tuple(codes)


def one_of(given: object, known: Iterable[str]) -> str:
    """What would be accepted: the names that look like what was given, else the first of them."""
    close = get_close_matches(given.lower(), known, n=5) if isinstance(given, str) else []
    if close:
        return f"a name of EN 13757-3; did you mean {', '.join(close)}?"
    return f"a name of EN 13757-3, such as {', '.join(sorted(known)[:8])} ..."


def choose(record: Mapping[str, Any], direction: str) -> Choice:
    """The data field and VIB codes for a record with quantity, unit, value and qualifiers."""
    quantity = record.get("quantity")
    if not isinstance(quantity, str) or quantity not in _quantities():
        raise BuildError("quantity", quantity, one_of(quantity, _quantities()))
    qualifiers = qualifier_codes(record.get("qualifiers") or ())
    try:
        unit, power = parse_unit(record.get("unit"))
        candidates = list(_with_unit(quantity, qualifiers, unit, direction))
    except BuildError:
        power, candidates = 0, []
    if not candidates:
        units = sorted({shown or "none" for shown in _units_of(quantity, qualifiers, direction)})
        raise BuildError("unit", record.get("unit"), f"for {quantity}: {', '.join(units)}, or a multiple")
    codes, meaning = _by_resolution(candidates, record, power)
    return Choice(_data_field(record, meaning, power), codes)


@cache
def _quantities() -> frozenset[str]:
    return frozenset(
        row.quantity
        for table, _ in _TABLES
        for row in table.values()
        if row.status in ("current", "unscaled")
    )


def _with_unit(
    quantity: str, qualifiers: tuple[int, ...], unit: str | None, direction: str
) -> Iterator[tuple[tuple[int, ...], Meaning]]:
    for base in _vibs(quantity):
        codes = (*base, *qualifiers)
        meaning = meaning_of(codes[0], codes[1:], None, direction)
        if meaning.unit == unit:
            yield codes, meaning


def _units_of(quantity: str, qualifiers: tuple[int, ...], direction: str) -> Iterator[str | None]:
    for base in _vibs(quantity):
        yield meaning_of(base[0], (*base[1:], *qualifiers), None, direction).unit


def _by_resolution(
    candidates: Sequence[tuple[tuple[int, ...], Meaning]], record: Mapping[str, Any], power: int
) -> tuple[tuple[int, ...], Meaning]:
    """The candidate whose exponent is that of the last digit given, else the next finer one."""
    value = record.get("value")
    if value is None or candidates[0][1].is_date or not is_number(value):
        return candidates[0]
    last_digit = int(to_number(value).as_tuple().exponent) + power
    finer = [item for item in candidates if item[1].exponent <= last_digit]
    if finer:
        return max(finer, key=lambda item: item[1].exponent)
    coarsest = min(candidates, key=lambda item: item[1].exponent)
    scaled = EXACT.scaleb(to_number(value), power - coarsest[1].exponent)
    if scaled != scaled.to_integral_value() and record.get("data_field") != "32 bit real":
        limit = f"a multiple of 10^{coarsest[1].exponent} {coarsest[1].unit or ''}".rstrip()
        raise BuildError("value", value, f"{limit}, the finest resolution of {coarsest[1].quantity}")
    return coarsest


def _data_field(record: Mapping[str, Any], meaning: Meaning, power: int) -> int:
    """The data field: the one that the record names, else one that holds the value."""
    given = record.get("data_field")
    if given is not None:
        data_field = DATA_FIELDS.value(given)
        if data_field is None or data_field == SPECIAL_FUNCTION:
            raise BuildError("data_field", given, DATA_FIELDS.limit(given))
        return data_field
    value = record.get("value")
    if value is None:
        return 0x0
    if meaning.is_date:
        return _date_field(to_moment(value), meaning)
    text = value if isinstance(value, str) else ""
    if meaning.quantity in IDENTIFIERS and text.isdecimal() and len(text) in (8, 12):
        return 0xC if len(text) == 8 else 0xE
    if meaning.quantity == "manufacturer":
        return 0x2 if len(text) in (3, 4) else VARIABLE_LENGTH
    if meaning.quantity == "enhanced identification" and len(text) == 16:
        return 0x7
    if text and not is_measured(meaning) and record.get("value_type") in (None, "text"):
        return VARIABLE_LENGTH  # a text of digits is no number
    if not is_number(value):
        if is_measured(meaning):
            raise BuildError("value", value, f"a number for {meaning.quantity}, or a data_field")
        return VARIABLE_LENGTH
    raw = EXACT.scaleb(
        EXACT.subtract(EXACT.scaleb(to_number(value), power), meaning.offset), -meaning.exponent
    )
    return _integer_field(raw, meaning)


def _integer_field(raw: Decimal, meaning: Meaning) -> int:
    """The shortest usual integer: 32 bits at least for measured values, whose telegrams keep their layout."""
    types = set(meaning.types.split())
    measured = types.isdisjoint({"C", "D"}) or "B" in types
    for data_field in (0x4, 0x6, 0x7) if measured else (0x1, 0x2, 0x3, 0x4, 0x6, 0x7):
        octets = DATA_LENGTHS[data_field] or 0
        limit = (1 << 8 * octets - measured) - 1
        marked = not measured and "D" not in types  # all ones mean "no value" in type C
        if (-limit if measured else 0) <= raw <= limit - marked:
            return data_field
    allowed = f"from {-(1 << 63) + 1} to {(1 << 63) - 1}" if measured else f"from 0 to {(1 << 64) - 2}"
    raise BuildError("value", raw, f"an integer {allowed}")


def _date_field(moment: datetime | date | time, meaning: Meaning) -> int:
    if isinstance(moment, datetime):
        data_field, letter = (0x6, "I") if moment.second else (0x4, "F")
    else:
        data_field, letter = (0x2, "G") if isinstance(moment, date) else (0x3, "J")
    if letter not in meaning.types.split():
        allowed = {"F": "a date and time", "G": "a date", "I": "a date and time", "J": "a time"}
        names = sorted({allowed[item] for item in meaning.types.split() if item in allowed})
        raise BuildError("value", moment, f"for {meaning.quantity}: {', '.join(names)}")
    return data_field

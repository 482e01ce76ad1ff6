"""From the grammar's data to the value of a record: exact, or None with the reason.

One function a data type; each takes what the grammar parsed and gives an `Outcome`. They are chosen once
per record header (`converter`).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from mbus_grammars.base import is_mapping
from mbus_grammars.dib import DATA_LENGTHS
from mbus_grammars.fields import Manufacturer
from mbus_grammars.lvar import TEXT_MAX as _TEXT_MAX
from mbus_grammars.lvar import lvar_length
from mbus_grammars.meaning import TO_METER

if TYPE_CHECKING:
    from mbus_grammars import DataRecordHeader, Meaning

Scalar = Decimal | float | datetime | date | time | str | bytes
Value = Scalar | tuple[Decimal | float | None, ...] | None
State = Literal["ok", "invalid", "error"]
Severity = Literal["info", "warning", "error"]

# Wide enough for the longest number there is (64 octets, 155 digits) with any exponent: nothing is rounded,
# and what a caller gives beyond it is refused.
EXACT: Final = Context(prec=400, traps=[InvalidOperation, Overflow, Inexact])


class Outcome(NamedTuple):
    """A value and what is to be said about it; `code` and `severity` make a diagnostic when set."""

    value: Value
    state: State = "ok"
    reason: str | None = None
    flags: tuple[str, ...] = ()
    code: str | None = None
    severity: Severity = "info"


Converter = Callable[[Any], Outcome]


def invalid(reason: str, code: str, severity: Severity = "info") -> Outcome:
    """No value, and why."""
    return Outcome(None, "invalid", reason, (), code, severity)


# --- Numbers -------------------------------------------------------------------------------------


def scaler(meaning: Meaning) -> Callable[[int], Decimal]:
    """The function from raw numbers to exact values in the unit of the meaning."""
    exponent, offset = meaning.exponent, meaning.offset
    if exponent >= 0:
        factor = 10**exponent

        def scale(raw: int) -> Decimal:
            return Decimal(raw * factor)
    else:
        multiply = EXACT.multiply
        power = Decimal((0, (1,), exponent))

        def scale(raw: int) -> Decimal:
            return multiply(raw, power)

    if not offset:
        return scale
    return lambda raw: EXACT.add(scale(raw), offset)


def _integer(scale: Callable[[int], Decimal], raw: int) -> Outcome:
    return Outcome(scale(raw))


def _unsigned(scale: Callable[[int], Decimal], highest: int, raw: int) -> Outcome:
    # Counters pass through this number, so that it stays; only EN 13757-3:2018 makes it a mark.
    if raw == highest:
        return Outcome(
            scale(raw), "ok", "highest number, may be the mark for 'no value'", (), "no_value_mark"
        )
    return Outcome(scale(raw))


def _signed(scale: Callable[[int], Decimal], lowest: int, raw: int) -> Outcome:
    if raw == lowest:
        return invalid(
            f"lowest number, the mark for 'no value' (as a number: {scale(raw):f})", "no_value_mark"
        )
    return Outcome(scale(raw))


def _bcd(scale: Callable[[int], Decimal], error_state: bool, raw: int | str) -> Outcome:
    if isinstance(raw, str):
        severity: Severity = "info" if error_state else "warning"
        return invalid(f"digits {raw} are no number" if raw else "no digits", "invalid_bcd", severity)
    return Outcome(scale(raw))


def _identifier(width: int, wildcards: bool, raw: int | str) -> Outcome:
    """Identification numbers keep their leading zeros; in a selection F is any digit (MBDOC48 7.4)."""
    if isinstance(raw, int) and raw >= 0:
        return Outcome(f"{raw:0{width}d}")
    if wildcards and raw:
        digits = raw if isinstance(raw, str) else f"F{-raw:0{width - 1}d}"
        return Outcome(digits, reason="F stands for any digit")
    return invalid(f"{raw or 'no digits'}: no identification", "invalid_bcd", "warning")


def shortest_real(value: float) -> Decimal:
    """The shortest decimal that is the same 32 bit real."""
    for digits in range(6, 10):
        shown = f"{value:.{digits}g}"
        if struct.unpack("<f", struct.pack("<f", float(shown)))[0] == value:
            return Decimal(shown)
    raise AssertionError(f"{value!r} is no 32 bit real")  # nine digits always suffice (IEEE 754)


def _scaled_real(meaning: Meaning, raw: float) -> float:
    return float(EXACT.add(EXACT.scaleb(shortest_real(raw), meaning.exponent), meaning.offset))


def _real(meaning: Meaning, raw: float | str) -> Outcome:
    if isinstance(raw, str):
        return invalid(f"not a number ({raw}h)", "not_a_number")
    if math.isinf(raw):
        return invalid(f"{'minus ' if raw < 0 else ''}infinity", "not_a_number")
    return Outcome(_scaled_real(meaning, raw))


# --- Dates and times -----------------------------------------------------------------------------

EVERY: Final = {"second": 63, "minute": 63, "hour": 31, "day": 0, "month": 15, "year": 127}


def _every(bits: Mapping[str, Any]) -> list[str]:
    """The parts that stand for "every"."""
    return [name for name, mark in EVERY.items() if bits.get(name) == mark]


def full_year(bits: Mapping[str, Any]) -> int:
    """EN 13757-3 Annex A: 0 to 80 means 20xx where no hundred-year bits say otherwise."""
    hundreds, year = bits.get("hundred_year", 0), bits["year"]
    if year > 99:
        raise ValueError(f"year {year}")
    return int(1900 + 100 * hundreds + year if hundreds or year > 80 else 2000 + year)


# What a part of a recurring date can be, when it is not "every".
_PARTS: Final = {"second": 59, "minute": 59, "hour": 23, "day": 31, "month": 12, "year": 99}


def _recurring(bits: Mapping[str, Any], every: list[str]) -> Outcome:
    fixed_parts = [name for name in _PARTS if name in bits and name not in every]
    if any(bits[name] > _PARTS[name] or (name == "month" and not bits[name]) for name in fixed_parts):
        return invalid(f"no such date: {_shown(bits, *fixed_parts)}", "invalid_date", "warning")
    names = ("year", "month", "day", "hour", "minute", "second")
    fixed = ", ".join(f"{name} {bits[name]}" for name in names if name in bits and name not in every)
    text = f"recurs: every {', every '.join(reversed(every))}" + (f" at {fixed}" if fixed else "")
    return Outcome(None, "ok", text, (), "recurring_date")


def _date_of(bits: Mapping[str, Any]) -> date:
    return date(full_year(bits), bits["month"], bits["day"])


def _shown(bits: Mapping[str, Any], *names: str) -> str:
    return ", ".join(f"{name} {int(bits[name])}" for name in names)


def _moment(bits: Mapping[str, Any], *clock: str) -> Outcome:
    """A date and the parts of its time."""
    every = _every(bits)
    if every:
        return _recurring(bits, every)
    try:
        moment = datetime.combine(_date_of(bits), time(*(bits[name] for name in clock)))
    except ValueError:
        shown = _shown(bits, "year", "month", "day", *clock)
        return invalid(f"no such time: {shown}", "invalid_date", "warning")
    return Outcome(moment, flags=("summer time",) if bits["summer_time"] else ())


def _type_f(bits: Mapping[str, Any]) -> Outcome:
    if bits["invalid"]:
        return invalid("the meter marks the time as invalid", "time_marked_invalid")
    if not bits["day"] and not bits["month"] and not bits["year"]:
        return invalid("no date set", "no_date")
    return _moment(bits, "hour", "minute")


def _type_g(bits: Mapping[str, Any]) -> Outcome:
    parts = (bits["day"], bits["month"], bits["year"])
    if parts in ((0, 0, 0), (31, 15, 127)):
        return invalid("no date set", "no_date")
    every = _every(bits)
    if every:
        return _recurring(bits, every)
    try:
        return Outcome(_date_of(bits))
    except ValueError:
        return invalid(f"no such date: {_shown(bits, 'year', 'month', 'day')}", "invalid_date", "warning")


def _type_i(bits: Mapping[str, Any]) -> Outcome:
    if bits["invalid"]:
        return invalid("the meter marks the time as invalid", "time_marked_invalid")
    day = (bits["day"], bits["month"], bits["year"])
    if day == (0, 0, 0):
        return invalid("no date set", "no_date")
    return _type_j(bits) if day == (0, 0, 127) else _moment(bits, "hour", "minute", "second")


def _type_j(bits: Mapping[str, Any]) -> Outcome:
    every = [name for name in ("second", "minute", "hour") if bits[name] == EVERY[name]]
    if len(every) == 3 and all(bits.get(f"reserved_{k}", -1) > 0 for k in (1, 2, 3)):
        return invalid("no time set", "no_date")
    if every:
        return _recurring({name: bits[name] for name in ("second", "minute", "hour")}, every)
    try:
        return Outcome(time(bits["hour"], bits["minute"], bits["second"]))
    except ValueError:
        return invalid(f"no such time: {_shown(bits, 'hour', 'minute', 'second')}", "invalid_date", "warning")


def _type_k(bits: Mapping[str, Any]) -> Outcome:
    deviation = bits["dst_deviation"] * (1 if bits["dst_deviation_positive"] else -1)
    return Outcome(
        f"begin --{bits['start_month']:02d}-{bits['start_day']:02d} {bits['start_hour']:02d} h, "
        f"end --{bits['end_month']:02d}-{bits['end_day']:02d}, deviation {deviation:+d} h, "
        f"{'enabled' if bits['enabled'] else 'disabled'}",
        reason="the bits of the deviation from GMT are not interpreted",
    )


# --- Octets, text, variable length ---------------------------------------------------------------


def _secondary_address(raw: Mapping[str, Any]) -> Outcome:
    """The sixteen digits by which a meter is selected."""
    code = Manufacturer.build(raw["manufacturer"]).hex().upper()
    return Outcome(f"{raw['identification_number']}{code}{raw['version']:02X}{int(raw['device_type']):02X}")


def _no_data(_raw: object) -> Outcome:
    return Outcome(None, reason="no data")


def _variable_length(meaning: Meaning, identity: bool, raw: Mapping[str, Any]) -> Outcome:
    lvar, value = raw["lvar"], raw["value"]
    if is_mapping(value):
        return _series(meaning, value)
    if isinstance(value, bytes):
        return _raw_octets(meaning, value)
    if meaning.is_date or (lvar <= _TEXT_MAX and not is_plain_text(meaning)):
        return invalid(f"a {meaning.quantity} cannot be {value!r}", "wrong_data_type", "warning")
    if lvar <= _TEXT_MAX:
        return Outcome(value)
    if lvar <= 0xDF:
        width = 2 * (lvar & 0x0F)
        return _identifier(width, False, value) if identity else _bcd(scaler(meaning), False, value)
    length = lvar_length(lvar) or 0
    if value >= 0 and "C" in meaning.types.split():
        return _unsigned(scaler(meaning), (1 << 8 * length) - 1, value)
    return _signed(scaler(meaning), -(1 << 8 * length - 1), value)


def is_plain_text(meaning: Meaning) -> bool:
    """Whether a text is the value of a record: not where a date or something measured should stand."""
    measured = meaning.unit is not None and meaning.plain_text_unit is None
    return not meaning.is_date and not measured and meaning.record_error is None


def _raw_octets(meaning: Meaning, octets: bytes) -> Outcome:
    """Octets of a container, or of a layout that is not known here (types L and M, reserved LVAR)."""
    if meaning.quantity.startswith("data container"):
        return Outcome(octets)
    if not octets:
        return invalid("no data", "no_data")
    if meaning.unit is not None:
        return invalid(f"octets of an unknown layout: {octets.hex(' ').upper()}", "raw_octets")
    return Outcome(octets, reason="octets of a layout that is not known here", code="raw_octets")


def _series(meaning: Meaning, profile: Mapping[str, Any]) -> Outcome:
    """The elements of a compact profile as sent; None is a gap."""
    control = profile["control"]
    element_size = int(control["element_size"])
    size = DATA_LENGTHS[element_size] or 0
    scale = scaler(meaning)
    lowest = -(1 << 8 * size - 1) if control["increment_mode"] in (0, 3) else (1 << 8 * size) - 1

    def element(raw: Any) -> Decimal | float | None:
        if isinstance(raw, str) or (raw == lowest and element_size <= 7):
            return None
        if isinstance(raw, float):
            return None if math.isinf(raw) else _scaled_real(meaning, raw)
        return scale(raw)

    spacing = f"{profile['spacing']} {control['spacing_unit'].name}"
    reason = f"{control['increment_mode'].name}, spacing {spacing}"
    return Outcome(tuple(element(raw) for raw in profile["elements"]), reason=reason)


# --- Choice --------------------------------------------------------------------------------------

_BITS: Final[dict[str, Converter]] = {
    "F": _type_f,
    "G": _type_g,
    "I": _type_i,
    "J": _type_j,
    "K": _type_k,
    "none": _no_data,
    "secondary address": _secondary_address,
    "manufacturer": Outcome,
}

IDENTIFIERS: Final = frozenset({"fabrication number", "enhanced identification"})


def converter(header: DataRecordHeader) -> Converter:
    """What turns the data of records with this header into values."""
    meaning = header.meaning
    if meaning.record_error is not None:
        return partial(_record_error, meaning.record_error)
    data_type = header.data_type
    if data_type in _BITS:
        return _BITS[data_type]
    identity = meaning.quantity in IDENTIFIERS and not meaning.manufacturer_specific
    if data_type == "LVAR":
        return partial(_variable_length, meaning, identity)
    if meaning.is_date or data_type == "raw":
        return partial(_wrong_type, header)
    if data_type == "H":
        return partial(_real, meaning)
    digits = identifier_digits(header)
    if digits is not None:
        return partial(_identifier, digits, header.direction == TO_METER)
    numbers = ordinary(header)
    if numbers is None:
        raise AssertionError(f"no converter for {header}")
    if data_type == "A":
        return partial(_bcd, numbers.scale, header.function == "error")
    if data_type == "B":
        return partial(_signed, numbers.scale, numbers.mark)
    return (
        partial(_unsigned, numbers.scale, numbers.mark)
        if data_type == "C"
        else partial(_integer, numbers.scale)
    )


def identifier_digits(header: DataRecordHeader) -> int | None:
    """How many digits an identification number has whose record has this header; None for other records."""
    meaning = header.meaning
    identity = meaning.quantity in IDENTIFIERS and not meaning.manufacturer_specific
    if not identity or meaning.record_error is not None or meaning.is_date or header.data_type != "A":
        return None
    return 2 * (header.length or 0)


class Numbers(NamedTuple):
    """How the numbers of a record become values; `mark` is the one number that is out of the ordinary."""

    scale: Callable[[int], Decimal]
    mark: int
    exponent: int
    offset: Decimal | int


def ordinary(header: DataRecordHeader) -> Numbers | None:
    """How the data of a record become values, where they are numbers (types A to D); None where not."""
    meaning = header.meaning
    if meaning.record_error is not None or meaning.is_date or header.data_type not in ("A", "B", "C", "D"):
        return None
    if identifier_digits(header) is not None:
        return None
    bits = 8 * (header.length or 0)
    mark = -(1 << bits - 1) if header.data_type == "B" else (1 << bits) - 1
    return Numbers(scaler(meaning), mark, meaning.exponent, meaning.offset)


def _record_error(name: str, _raw: object) -> Outcome:
    return Outcome(None, "error", f"the meter reports: {name}", (), "record_error", "warning")


def _wrong_type(header: DataRecordHeader, raw: object) -> Outcome:
    shown = raw.hex(" ").upper() if isinstance(raw, bytes) else raw
    return invalid(
        f"a {header.meaning.quantity} cannot be coded like this (data field {header.data_field:X}h): {shown}",
        "wrong_data_type",
        "warning",
    )

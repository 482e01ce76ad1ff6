"""From a record's value back to what the grammar builds: the inverse of `values`."""

from __future__ import annotations

import re
from calendar import isleap
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from mbus_grammars import BuildError, DataRecordHeader, Meaning
from mbus_grammars.base import is_mapping
from mbus_grammars.coding import SecondaryAddress
from mbus_grammars.places import as_written

from .to_value import EXACT, IDENTIFIERS

# What the longest data, 64 octets, need: so that every number there is can be written, and none be rounded.
_DIGITS: Final = 160


FLAGS = ("summer time",)


def to_number(value: object) -> Decimal:
    """A number given as Decimal, int, float or text. A float means the decimal that it prints as."""
    if isinstance(value, Decimal | int | float | str) and not isinstance(value, bool):
        try:
            number = Decimal(str(value))
        except (InvalidOperation, ValueError):  # no number, or one of more than 4300 digits
            number = Decimal("NaN")
        if number.is_finite():
            if len(number.as_tuple().digits) > _DIGITS or abs(number.adjusted()) > _DIGITS:
                raise BuildError("value", value, f"a number of at most {_DIGITS} digits")
            return number
    raise BuildError("value", value, "a number, or a string of digits")


def is_number(value: object) -> bool:
    """Whether `to_number` takes it."""
    try:
        to_number(value)
    except BuildError:
        return False
    return True


def is_measured(meaning: Meaning) -> bool:
    """Whether a value of digits is a number and not a text."""
    return not meaning.is_date and (meaning.unit is not None or "B" in meaning.types.split())


def to_raw_number(value: object, meaning: Meaning) -> int:
    """The integer that, scaled by the meaning, is the value."""
    number = EXACT.subtract(to_number(value), meaning.offset)
    raw = EXACT.scaleb(number, -meaning.exponent)
    if raw != raw.to_integral_value():
        raise BuildError("value", value, f"a multiple of 10^{meaning.exponent} {meaning.unit or ''}".rstrip())
    return int(raw)


def to_moment(value: object) -> datetime | date | time:
    """A date, a time or both, given as such or as ISO 8601 text. Meters know no time zones."""
    moment: datetime | date | time | None = None
    if isinstance(value, datetime | date | time):
        moment = value
    elif isinstance(value, str):
        for kind in (date, time, datetime):
            try:
                moment = kind.fromisoformat(value)
                break
            except ValueError:
                continue
    if moment is None:
        raise BuildError("value", value, "a date or time, or its ISO 8601 text")
    if getattr(moment, "tzinfo", None) is not None:
        raise BuildError("value", value, "a time without time zone, which the data types cannot hold")
    return moment


def _check_flags(flags: Sequence[str]) -> None:
    for flag in flags:
        if flag not in FLAGS:
            raise BuildError("flags", flag, f"one of {', '.join(FLAGS)}")


def to_data(header: DataRecordHeader, value: object, flags: Sequence[str] = ()) -> Any:
    """What the grammar builds as the data of a record with this header."""
    meaning, data_type = header.meaning, header.data_type
    _check_flags(flags)
    if data_type == "none":
        if value is not None:
            raise BuildError("value", value, "no value: the data field announces no data")
        return None
    if value is None:
        raise BuildError("value", value, f"a value for {meaning.quantity}")
    if data_type in "FGIJ":
        return _moment_bits(data_type, to_moment(value), "summer time" in flags)
    if data_type == "H":
        number = EXACT.subtract(to_number(value), meaning.offset)
        return float(EXACT.scaleb(number, -meaning.exponent))
    if data_type == "LVAR":
        return _variable_length(meaning, value)
    if data_type == "secondary address":
        return _secondary_address(value)
    if data_type == "raw":
        return _octets(value)
    if data_type in ("manufacturer", "K"):
        return value
    if meaning.quantity in IDENTIFIERS and isinstance(value, str) and data_type == "A":
        return int(value) if value.isdecimal() else value
    raw = to_raw_number(value, meaning)
    return _unmarked(raw, header.length or 0) if data_type == "B" else raw


def _unmarked(number: int, length: int) -> int:
    """The signed number of so many octets, unless they stand for "no value"."""
    lowest = -(1 << 8 * length - 1)
    if number == lowest:
        raise BuildError("value", number, f"{lowest + 1} or more: the lowest number means 'no value'")
    return number


def _octets(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str) and re.fullmatch("(?:[0-9A-Fa-f]{2})*", value):
        return bytes.fromhex(value)
    raise BuildError("value", value, "octets as hex digits")


def _variable_length(meaning: Meaning, value: object) -> Any:
    if meaning.quantity.startswith("data container"):
        return _octets(value)
    if isinstance(value, str | bytes) or is_mapping(value):
        return value
    number = to_raw_number(value, meaning)
    return _unmarked(number, (~number).bit_length() // 8 + 1) if number < 0 else number


def _secondary_address(value: object) -> dict[str, Any]:
    if not isinstance(value, str) or not re.fullmatch("[0-9A-Fa-f]{16}", value):
        raise BuildError("value", value, "a secondary address of 16 digits")
    return SecondaryAddress.parse(as_written(bytes.fromhex(value)))


def _moment_bits(data_type: str, moment: datetime | date | time, summer_time: bool) -> dict[str, Any]:
    """The bit fields of a date or time of type F, G, I or J. EN 13757-3 Annex A."""
    bits: dict[str, Any] = {}
    if data_type in "FGI":
        if not isinstance(moment, date):
            raise BuildError("value", moment, "a date")
        bits = _date_bits(moment, data_type)
    if data_type in "FIJ":
        if isinstance(moment, date) and not isinstance(moment, datetime):
            raise BuildError("value", moment, "a time, with its date unless the data have 3 octets")
        if data_type == "J" and isinstance(moment, datetime):
            raise BuildError("value", moment, "a time without date, which is all that 3 octets hold")
        bits |= {"hour": moment.hour, "minute": moment.minute}
        if moment.microsecond or (moment.second and data_type == "F"):
            limit = "whole minutes" if data_type == "F" else "whole seconds"
            raise BuildError("value", moment, f"{limit}, which is what type {data_type} holds")
        if data_type != "F":
            bits["second"] = moment.second
        if data_type != "J":
            bits["summer_time"] = summer_time
    elif isinstance(moment, datetime):
        raise BuildError("value", moment, "a date without time, which is what type G holds")
    return bits


def _date_bits(day: date, data_type: str) -> dict[str, Any]:
    lowest, highest = (1900, 2299) if data_type == "F" else (1981, 2080)
    if not lowest <= day.year <= highest:
        raise BuildError("value", day, f"a year from {lowest} to {highest}, what type {data_type} holds")
    bits = {"day": day.day, "month": day.month, "year": day.year % 100}
    if data_type == "I":
        bits["leap_year"] = isleap(day.year)
    if data_type == "F" and day.year >= 2000:
        bits["hundred_year"] = (day.year - 1900) // 100
    elif data_type == "F" and bits["year"] <= 80:
        raise BuildError("value", day, "a year from 1981 on: 1900 to 1980 read back as 20xx")
    return bits

"""The value of a record: its Python types, and how each is written in JSON."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from json import JSONDecodeError, JSONEncoder, dumps, loads
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..values.to_value import Value
    from .json_shapes import ValueType

# A decimal of so many digits survives the trip through a binary double.
_DOUBLE_DIGITS: Final = 15


def json_number(value: Decimal | float) -> int | float | str:
    """An exact number for JSON: a JSON number where a double carries all its digits, else a string."""
    if not isinstance(value, Decimal):
        return value
    text = str(value)
    if len(text) <= _DOUBLE_DIGITS and "E" not in text:
        number = float(text)
        return int(number) if number.is_integer() else number
    if len(value.as_tuple().digits) > _DOUBLE_DIGITS or abs(value.adjusted()) > 300:
        return format(value, "f")
    return int(value) if value == value.to_integral_value() else float(value)


def json_value(value: Value) -> Any:
    """A record's value for JSON."""
    if isinstance(value, Decimal | float):
        return json_number(value)
    if isinstance(value, bytes):
        return value.hex().upper()
    if isinstance(value, tuple):
        return [None if item is None else json_number(item) for item in value]
    if isinstance(value, datetime | date | time):
        return value.isoformat(*(["T", "seconds"] if isinstance(value, datetime) else []))
    return value


def json_text(value: object, indent: int | None = None) -> str:
    """Plain values as JSON text."""
    return (
        _write(value) if indent is None else dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    )


_write: Final = JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def parse_json(text: str, *, exact: bool = False) -> Any:
    """What JSON text says; `exact`: its fractions as Decimal. Raises `JSONDecodeError`, and nothing else."""
    try:
        return loads(text, parse_float=Decimal if exact else None)
    except JSONDecodeError:
        raise
    except RecursionError as error:
        raise JSONDecodeError("nested too deep", text, 0) from error
    except ValueError as error:
        raise JSONDecodeError("a number of too many digits", text, 0) from error


_VALUE_TYPES: Final[dict[type, ValueType]] = {
    Decimal: "decimal",
    float: "real",
    datetime: "datetime",
    date: "date",
    time: "time",
    str: "text",
    bytes: "octets",
    tuple: "series",
}


def value_type(value: Value) -> ValueType:
    """The name of a value's type."""
    for kind in value.__class__.__mro__:
        if kind in _VALUE_TYPES:
            return _VALUE_TYPES[kind]
    return "none"

"""A telegram from its JSON shape: the inverse of `to_dict`.

What stands in a mapping is checked against `json_shapes`. Nothing is decoded here: what `to_dict` gave comes
back, and everything else is refused with the name of its field.
"""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from functools import cache, partial
from typing import Any, Final, NamedTuple, get_args, get_origin

from mbus_grammars import BuildError
from mbus_grammars.base import is_mapping, is_sequence
from mbus_grammars.fields import IdentificationNumber, Manufacturer

from ..values.headers import RecordHeader
from . import json_shapes
from .diagnostic import Diagnostic
from .frame import FrameFields
from .json_values import json_value
from .layers import AuthenticationLayer, ExtendedLinkLayer, Security
from .meter import Meter, Status
from .record import Record, SpecialFunction
from .telegram import Contained, Telegram

# --- Shapes --------------------------------------------------------------------------------------


class _Rule(NamedTuple):
    """What a value may be: its types, the words or the span that it is one of, its items, its keys."""

    types: frozenset[type] = frozenset()
    words: frozenset[str] = frozenset()
    span: range | None = None
    items: _Rule | None = None
    shape: type | None = None
    required: bool = True


_ANYTHING: Final = _Rule()


@cache
def _rules(shape: type) -> dict[str, _Rule]:
    return {key: _rule(hint) for key, hint in typing.get_type_hints(shape, include_extras=True).items()}


def _rule(hint: Any) -> _Rule:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is typing.Annotated:
        span = next((item for item in arguments if isinstance(item, range)), None)
        return _rule(arguments[0])._replace(span=span) if span else _rule(arguments[0])
    if origin is typing.NotRequired:
        return _rule(arguments[0])._replace(required=False)
    if origin in (types.UnionType, typing.Union):
        either = [_rule(item) for item in arguments]
        return _Rule(
            frozenset(kind for rule in either for kind in rule.types),
            frozenset(word for rule in either for word in rule.words),
            next((rule.span for rule in either if rule.span), None),
            next((rule.items for rule in either if rule.items), None),
            next((rule.shape for rule in either if rule.shape), None),
        )
    if origin is typing.Literal:
        return _Rule(frozenset(map(type, arguments)), frozenset(map(str, arguments)))
    if origin is list:
        return _Rule(frozenset({list}), items=_rule(arguments[0]))
    if typing.is_typeddict(hint):
        return _Rule(frozenset({dict}), shape=hint)
    if hint is Any:
        return _ANYTHING
    kind = origin or hint  # who reads JSON may read its numbers as Decimal
    return _Rule(frozenset({float, Decimal} if kind is float else {kind}))


def _check(given: Any, rule: _Rule, path: str) -> None:
    kind: type = given.__class__
    if rule is _ANYTHING:
        return
    if kind not in rule.types or (rule.words and kind is not types.NoneType and str(given) not in rule.words):
        names = sorted(rule.words) or sorted(item.__name__ for item in rule.types)
        raise BuildError(path, given, f"one of {', '.join(names)}".replace("NoneType", "null"))
    if kind is int and rule.span is not None and given not in rule.span:
        raise BuildError(path, given, f"{rule.span.start} to {rule.span.stop - 1}")
    if rule.items is not None and kind is list:
        for number in range(len(given)):
            _check(given[number], rule.items, f"{path}[{number}]")
    if rule.shape is not None and kind is dict:
        check_shape(given, rule.shape, path)


def check_shape(
    given: Mapping[str, Any], shape: type, path: str, only: Callable[[str], bool] | None = None
) -> None:
    """Refuse a mapping that is not of a shape; `only`: but for other keys, and keys that it lacks."""
    rules = _rules(shape)
    for key in given:
        if key not in rules:
            raise BuildError(
                _dotted(path, str(key)), given[key], f"no such field; there are {', '.join(rules)}"
            )
    for key, rule in rules.items():
        if key in given:
            if only is None or only(key):
                _check(given[key], rule, _dotted(path, key))
        elif only is None and rule.required:
            raise BuildError(_dotted(path, key), None, "a value: it is missing")


def _dotted(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


# --- Parts ---------------------------------------------------------------------------------------

_SHAPES: Final[dict[type, type]] = {
    FrameFields: json_shapes.FrameDict,
    Meter: json_shapes.MeterDict,
    Status: json_shapes.StatusDict,
    ExtendedLinkLayer: json_shapes.ExtendedLinkLayerDict,
    AuthenticationLayer: json_shapes.AFLDict,
    Security: json_shapes.SecurityDict,
    SpecialFunction: json_shapes.SpecialFunctionDict,
    Diagnostic: json_shapes.DiagnosticDict,
}
_METERS: Final = ("address", "receiver")
_OCTETS: Final[dict[type, tuple[str, ...]]] = {
    AuthenticationLayer: ("mac", "fragment"),
    SpecialFunction: ("octets",),
}

# Parts of telegrams repeat: by their class and their text, which tells True from 1.
_known: dict[tuple[type, str, bool], Any] = {}
_MAX_KNOWN: Final = 8192


def _part(kind: type, given: Any, path: str, *, fixed: bool = False) -> Any:
    """A part of a telegram, None where there is none."""
    if given is None:
        return None
    key = kind, repr(given), fixed
    found = _known.get(key)
    if found is None:
        if len(_known) >= _MAX_KNOWN:
            _known.clear()
        found = _known[key] = _made(kind, given, path, fixed)
    return found


def _made(kind: type, given: Any, path: str, fixed: bool) -> Any:
    _check(given, _Rule(frozenset({dict}), shape=_SHAPES[kind]), path)
    values: dict[str, Any] = {"fixed": fixed} if kind is Status else {}
    for name in (item.name for item in fields(kind) if item.name in given):
        item = given[name]
        if name in _METERS:
            item = _part(Meter, item, f"{path}.{name}")
        elif kind in _OCTETS and name in _OCTETS[kind] and (item is not None or name == "mac"):
            item = octets_of(item or "", f"{path}.{name}")
        values[name] = item
    made: Any = kind(**values)
    try:
        if kind is Meter:
            IdentificationNumber.build(made.identification_number)
            Manufacturer.build("AAA" if made.manufacturer is None else made.manufacturer)
    except BuildError as error:
        name = "manufacturer" if error.value == made.manufacturer else "identification_number"
        raise BuildError(f"{path}.{name}", error.value, error.limit) from error
    refuse_other(made.to_dict(), given, path)
    return made


def refuse_other(said: Mapping[str, Any], given: Mapping[str, Any], path: str) -> None:
    """Refuse what differs from what the value itself gives: a name that is not its code's, for example."""
    for key in said:
        if said[key] != given[key]:
            raise BuildError(f"{path}.{key}", given[key], f"{said[key]!r}, as the rest of {path} says")


def octets_of(given: str, path: str) -> bytes:
    """Octets of hex digits."""
    try:
        return bytes.fromhex(given)
    except ValueError as error:
        raise BuildError(path, given, "octets as hex digits") from error


def _copied(given: Any, path: str) -> Any:
    """JSON that shares nothing with what was given; numbers that were read as Decimal are floats there."""
    if is_mapping(given):
        return {key: _copied(item, f"{path}.{key}") for key, item in given.items()}
    if is_sequence(given):
        return [_copied(item, f"{path}[{number}]") for number, item in enumerate(given)]
    if isinstance(given, float | Decimal) and not math.isfinite(given):
        raise BuildError(path, given, "a finite number")
    return float(given) if isinstance(given, Decimal) else given


# --- Records -------------------------------------------------------------------------------------


def _number(given: Any) -> Decimal:
    return Decimal(repr(given) if isinstance(given, float) else given)


_VALUES: Final[dict[str, Callable[[Any], Any]]] = {
    "decimal": _number,
    "real": float,
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
    "time": time.fromisoformat,
    "text": str,
    "octets": bytes.fromhex,
    "series": lambda given: tuple(None if item is None else _number(item) for item in given),
}


def _value(given: Any, kind: str, path: str) -> Any:
    if kind == "none" and given is None:
        return None
    try:
        value = _VALUES[kind](given)
        if isinstance(value, float | Decimal) and not math.isfinite(value):
            raise ValueError
    except (KeyError, ValueError, TypeError, ArithmeticError, InvalidOperation) as error:
        raise BuildError(path, given, f"a value of type {kind}") from error
    return value


def _record(given: Any, path: str) -> Record:
    _check(given, _Rule(frozenset({dict}), shape=json_shapes.RecordDict), path)
    header: dict[str, Any] = {item.name: given[item.name] for item in fields(RecordHeader)}
    header["qualifiers"] = tuple(given["qualifiers"])
    for name in ("dib", "vib"):
        header[name] = octets_of(given[name], f"{path}.{name}")
    record = Record(
        RecordHeader(**header),
        octets_of(given["data"], f"{path}.data"),
        _value(given["value"], given["value_type"], f"{path}.value"),
        given["state"],
        given["reason"],
        tuple(given["flags"]),
        given["offset"],
    )
    said: dict[str, Any] = {**record.to_dict()}
    if says_value(given["value"], record.value):
        said["value"] = given["value"]
    refuse_other(said, given, path)
    return record


def says_value(given: Any, value: Any) -> bool:
    """Whether JSON says a value; its numbers may have been read as Decimal."""
    kind = given.__class__
    if value.__class__ is Decimal and kind is not str:
        return bool(float(value) == given if kind is float else kind is not bool and value == given)
    if kind is list and isinstance(value, tuple):
        return len(given) == len(value) and all(map(says_value, given, value))  # pyright: ignore[reportUnknownArgumentType]
    if kind is Decimal and isinstance(value, float):
        return float(given) == value
    return kind is not bool and bool(given == json_value(value))


# --- The telegram --------------------------------------------------------------------------------

_RULES: Final = _rules(json_shapes.TelegramDict)
_REQUIRED: Final = frozenset(key for key, rule in _RULES.items() if rule.required)
# All keys by the types of their values, and those whose values are no parts.
_TYPES: Final = tuple((key, _RULES[key].types) for key in sorted(_REQUIRED))
_SCALARS: Final = tuple((key, rule) for key, rule in _RULES.items() if rule.words or rule.span)


def is_whole(values: Mapping[str, Any]) -> bool:
    """Whether a mapping has every key that `to_dict` gives."""
    return values.keys() >= _REQUIRED


def plain(
    values: Mapping[str, Any],
    records: tuple[Record, ...] | None = None,
    inner: Callable[[Mapping[str, Any]], Telegram] | None = None,
) -> Telegram:
    """The telegram whose `to_dict` gave the values.

    Args:
        values: the mapping.
        records: what its records say, where that is known.
        inner: makes the telegrams that stand in records.

    Raises `BuildError` that names the field.
    """
    if len(values) != len(_REQUIRED) or not is_whole(values):
        check_shape(values, json_shapes.TelegramDict, "")
    for key, kinds in _TYPES:
        if values[key].__class__ not in kinds:
            _check(values[key], _RULES[key], key)
    for key, rule in _SCALARS:
        if key in values:
            _check(values[key], rule, key)
    if records is None:
        records = tuple(_each(values, "records", _record))
    diagnostics: list[Diagnostic] = _each(values, "diagnostics", partial(_part, Diagnostic))
    for number, remark in enumerate(diagnostics):
        if remark.record is not None and remark.record >= len(records):
            raise BuildError(f"diagnostics[{number}].record", remark.record, "the index of a record")
    user_data, manufacturer_data = values["user_data"], values["manufacturer_data"]
    fixed = user_data is not None and "counter_1" in user_data
    return Telegram(
        link=values["link"],
        frame=_part(FrameFields, values["frame"], "frame"),
        meter=_part(Meter, values["meter"], "meter"),
        access_number=values["access_number"],
        status=_part(Status, values["status"], "status", fixed=fixed),
        configuration_field=values["configuration_field"],
        records=records,
        more_records_follow=values["more_records_follow"],
        manufacturer_data=None
        if manufacturer_data is None
        else octets_of(manufacturer_data, "manufacturer_data"),
        encrypted=octets_of(values["encrypted"] or "", "encrypted"),
        special_functions=tuple(_each(values, "special_functions", partial(_part, SpecialFunction))),
        user_data=_copied(user_data, "user_data"),
        diagnostics=tuple(diagnostics),
        ell=_part(ExtendedLinkLayer, values["ell"], "ell"),
        afl=_part(AuthenticationLayer, values["afl"], "afl"),
        security=_part(Security, values["security"], "security"),
        manufacturer_fields=_copied(values["manufacturer_fields"], "manufacturer_fields"),
        contained=tuple(_each(values, "contained", partial(_contained, inner or plain))),
    )


def _each(values: Mapping[str, Any], name: str, make: Callable[[Any, str], Any]) -> list[Any]:
    given: list[Any] = values[name]
    if not given:
        return given
    if None in given:
        raise BuildError(f"{name}[{given.index(None)}]", None, "a mapping")
    return [make(item, f"{name}[{number}]") for number, item in enumerate(given)]


def _contained(inner: Callable[[Mapping[str, Any]], Telegram], given: Any, path: str) -> Contained:
    check_shape(
        given if is_mapping(given) else {"": given},
        json_shapes.ContainedDict,
        path,
        lambda key: key == "record",
    )
    try:
        return Contained(given["record"], inner(given["telegram"]))
    except KeyError as error:
        raise BuildError(path, given, "a mapping with record (a number) and telegram") from error
    except BuildError as error:
        raise error.inside(f"{path}.telegram") from error

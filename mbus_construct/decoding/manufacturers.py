"""Grammars for what manufacturers put into telegrams: plugged in by manufacturer, version and device type.

    from construct import Int16ul, Struct
    from mbus_construct import manufacturers

    manufacturers.register("ELS", Struct("starts" / Int16ul), device_type=0x03)

From then on `decode` gives `manufacturer_fields` for such meters, and `encode` builds them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from construct import Construct

from mbus_grammars import BuildError
from mbus_grammars.base import FAULTS_OF_VALUES, is_mapping, is_sequence
from mbus_grammars.bits import Code
from mbus_grammars.dib import MANUFACTURER_DATA
from mbus_grammars.fields import DEVICE_TYPE_NAMES, Manufacturer

from ..model.diagnostic import Diagnostic
from ..model.json_values import json_number

if TYPE_CHECKING:
    from mbus_grammars.base import Anything

    from ..model.meter import Meter
    from ..model.telegram import Telegram

_CI_FIELDS: Final = range(0xA0, 0xB8)


class _Selector(NamedTuple):
    """Whose data a grammar is for; None fits all."""

    manufacturer: str
    place: int
    version: int | None
    device_type: int | None


_GRAMMARS: Final[dict[_Selector, Anything]] = {}


def register(
    manufacturer: str,
    grammar: Anything,
    *,
    ci_field: int | None = None,
    version: int | None = None,
    device_type: int | str | None = None,
) -> None:
    """Use a grammar for the data of a manufacturer's meters.

    Args:
        manufacturer: three letters, or four hex digits for a code that is no letters.
        grammar: a construct. It parses all of the octets, which are a payload's or a tail's, and finds the
            meter's `manufacturer`, `identification_number`, `version`, `device_type` in its context:
            `this._params.version`. Where it gives no mapping, its value is called "value".
        ci_field: A0h to B7h for a payload behind this CI field; None for the octets behind DIF 0Fh or 1Fh.
        version: only for such meters; None for all.
        device_type: the same, as a code or by its name.

    The grammar with the most that fits is taken; one that is registered again replaces the earlier one.
    Octets that the grammar leaves over are remarked. Raises `BuildError` for what cannot be meant.
    """
    Manufacturer.build(manufacturer)
    given: Any = grammar
    if not isinstance(given, Construct):
        raise BuildError("grammar", grammar, "a construct")
    if ci_field is not None and ci_field not in _CI_FIELDS:
        raise BuildError("ci_field", ci_field, "A0h to B7h, or None for the octets behind DIF 0Fh")
    if version is not None and not 0 <= version <= 255:
        raise BuildError("version", version, "0 to 255")
    _GRAMMARS[_selector(manufacturer, ci_field, version, device_type)] = grammar


def unregister(
    manufacturer: str,
    *,
    ci_field: int | None = None,
    version: int | None = None,
    device_type: int | str | None = None,
) -> None:
    """Take a grammar out again. Raises `KeyError` where there is none."""
    del _GRAMMARS[_selector(manufacturer, ci_field, version, device_type)]


def _selector(
    manufacturer: str, ci_field: int | None, version: int | None, device_type: int | str | None
) -> _Selector:
    code = None if device_type is None else DEVICE_TYPE_NAMES.value(device_type)
    if device_type is not None and code is None:
        raise BuildError("device_type", device_type, DEVICE_TYPE_NAMES.limit(device_type))
    return _Selector(manufacturer.upper(), MANUFACTURER_DATA if ci_field is None else ci_field, version, code)


def registered() -> bool:
    """Whether there is any grammar."""
    return bool(_GRAMMARS)


def grammar_for(meter: Meter | None, place: int) -> Anything | None:
    """The grammar that fits best, None without one."""
    if meter is None or meter.manufacturer is None:
        return None
    for version, device_type in (
        (meter.version, meter.device_type),
        (meter.version, None),
        (None, meter.device_type),
        (None, None),
    ):
        found = _GRAMMARS.get(_Selector(meter.manufacturer, place, version, device_type))
        if found is not None:
            return found
    return None


# --- Decoding ------------------------------------------------------------------------------------


def with_manufacturer_fields(telegram: Telegram) -> Telegram:
    """The telegram with the fields that a registered grammar finds; as it is where there is none.

    A grammar that fails costs nothing but its fields: the octets stay, and a remark says why.
    """
    found = _octets_of(telegram)
    grammar = None if found is None else grammar_for(telegram.meter, found[0])
    if found is None or grammar is None or telegram.meter is None:
        return telegram
    try:
        fields, left = _parsed(grammar, found[1], telegram.meter)
    except Exception as error:  # noqa: BLE001  a stranger's code: what it does costs nobody a telegram
        said = f"{type(error).__name__}: {error}" if type(error) not in FAULTS_OF_VALUES else str(error)
        told = f"the grammar for {telegram.meter.manufacturer} cannot read the manufacturer's data: {said}"
        remark = Diagnostic("warning", "manufacturer_grammar", " ".join(told.split()))
        return replace(telegram, diagnostics=(*telegram.diagnostics, remark))
    remarks = tuple(item for item in telegram.diagnostics if item.code != "no_grammar")
    if left:
        told = f"the grammar for {telegram.meter.manufacturer} leaves {left} of {len(found[1])} octets over"
        remarks = (*remarks, Diagnostic("warning", "manufacturer_grammar", told))
    return replace(telegram, manufacturer_fields=fields, diagnostics=remarks)


def _octets_of(telegram: Telegram) -> tuple[int, bytes] | None:
    """Where the manufacturer's octets stand (CI field, or `MANUFACTURER_DATA`) and what they are."""
    if telegram.encrypted:
        return None
    if telegram.manufacturer_data is not None:
        return MANUFACTURER_DATA, telegram.manufacturer_data
    ci_field, user_data = telegram.frame.ci_field, telegram.user_data
    if ci_field is not None and ci_field in _CI_FIELDS and user_data is not None and "payload" in user_data:
        return ci_field, bytes.fromhex(user_data["payload"])
    return None


def _parsed(grammar: Anything, octets: bytes, meter: Meter) -> tuple[dict[str, Any], int]:
    """The fields, and how many octets are left over."""
    stream = BytesIO(octets)
    values = plain_value(grammar.parse_stream(stream, **_context(meter)))
    left = len(octets) - stream.tell()
    return (dict(values) if is_mapping(values) else {"value": values}), left


def _context(meter: Meter) -> dict[str, Any]:
    return {
        "manufacturer": meter.manufacturer,
        "identification_number": meter.identification_number,
        "version": meter.version,
        "device_type": meter.device_type,
    }


def plain_value(value: Any) -> Any:
    """A value as JSON has it: octets as hex digits, numbers exact, dates as ISO 8601 says."""
    if is_mapping(value):
        return {str(key): plain_value(item) for key, item in value.items() if not str(key).startswith("_")}
    if is_sequence(value):
        return [plain_value(item) for item in value]
    if isinstance(value, bytes | bytearray):
        return value.hex().upper()
    if isinstance(value, Decimal):
        return json_number(value) if value.is_finite() else str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Code):
        return value.name or int(value)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


# --- Encoding ------------------------------------------------------------------------------------


def rebuilt(values: Mapping[str, Any], meter: Meter | None, place: int, octets: bytes) -> bytes:
    """The manufacturer's octets with the fields that the values have; unchanged fields keep the octets.

    Raises `BuildError` where the fields were changed and no grammar builds them.
    """
    fields = values.get("manufacturer_fields")
    if fields is None:
        return octets
    grammar = grammar_for(meter, place)
    if grammar is None or meter is None:
        limit = "none without a grammar for the meter: see mbus_construct.manufacturers.register"
        raise BuildError("manufacturer_fields", fields, limit)
    try:
        if octets and _parsed(grammar, octets, meter)[0] == fields:
            return octets
        given = fields["value"] if set(fields) == {"value"} and not hasattr(grammar, "subcons") else fields
        built: bytes = grammar.build(given, **_context(meter))
    except Exception as error:
        raise BuildError("manufacturer_fields", fields, f"what the grammar builds ({error})") from error
    return built


def selectors() -> Iterator[str]:
    """What is registered, a line each."""
    for manufacturer, place, version, device_type in _GRAMMARS:
        where = "behind DIF 0Fh" if place == MANUFACTURER_DATA else f"CI {place:02X}h"
        which = "" if version is None else f", version {version}"
        kind = "" if device_type is None else f", {DEVICE_TYPE_NAMES.codes[device_type]}"
        yield f"{manufacturer}{which}{kind}: {where}"

"""Values to octets: a `Telegram`, its JSON shape, or a mapping written by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from mbus_grammars import ApplicationLayer, BuildError, DataRecordHeader, DataRecords, Frame, LinkUserData
from mbus_grammars.application import USER_DATA
from mbus_grammars.constructs import Door
from mbus_grammars.fields import CField
from mbus_grammars.record import DataRecordHeaderOctets, RecordArea, RecordsFromMeter, RecordsFromMeterMSB, RecordsToMeter

from .choose import choose, parse_unit
from .decode import decode_records
from .forms import HeaderAndRecords
from .raw import to_data, to_number
from .telegram import Telegram
from .values import EXACT

SELECTIONS: Final = (0x52, 0x56)
COMMANDS: Final = (0x51, 0x5A, 0x5B, *SELECTIONS)

_BUILDERS: Final[dict[str, Callable[[Any], bytes]]] = {
    "frame": Frame.build,
    "c_field": LinkUserData.build,
    "ci_field": ApplicationLayer.build,
    "header": HeaderAndRecords.build,
    "records": DataRecords.build,
}

_RecordHeader: Final = Door(DataRecordHeaderOctets)

# Keys of a record that DIB and VIB decide.
_HEADER_KEYS: Final = ("function", "storage_number", "tariff", "subunit", "quantity", "unit", "qualifiers", "coding")

# Keys of `user_data` whose hex digits stand for octets.
_OCTET_KEYS: Final = frozenset({"payload", "error_data", "alarm_flags", "malformed"})


def encode(telegram: Telegram | Mapping[str, Any]) -> bytes:
    """The octets of a telegram.

    A `Telegram`, or the mapping that its `to_dict` gives, becomes the octets it was decoded from; values
    that were changed since are encoded anew, in the coding of their record.

    A mapping written by hand needs little: `meter` and `records` make an RSP_UD, `frame` with c_field
    "SND_UD" and a_field makes a command. A record has quantity, unit and value, and where wanted function,
    storage_number, tariff, subunit, qualifiers, and coding (such as "8 digit BCD"). L fields, check sum,
    DIB and VIB are found.

    Raises `BuildError` naming field, value and limit.
    """
    values: Mapping[str, Any] = telegram.to_dict() if isinstance(telegram, Telegram) else telegram  # type: ignore[assignment]
    if not isinstance(values, Mapping):
        raise BuildError("", values, "a Telegram or a mapping")
    form = values.get("form", "frame")
    if form not in _BUILDERS:
        raise BuildError("form", form, f"one of {', '.join(_BUILDERS)}")
    frame = dict(values.get("frame") or {})
    if form == "frame" and "schema_version" not in values:
        frame = _complete_frame(frame, values)
    return _BUILDERS[form](_grammar_values(form, frame, values))


def _complete_frame(frame: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A frame written by hand with what follows from the rest of the telegram."""
    content = any(values.get(key) for key in ("records", "user_data", "meter", "manufacturer_data"))
    octet = CField.build(frame.get("c_field", "RSP_UD" if content else None))[0]
    to_meter = bool(octet & 0x40)
    frame["c_field"] = octet
    if to_meter and "a_field" not in frame:
        raise BuildError("frame.a_field", None, "the address of the meter that is meant")
    address = frame.setdefault("a_field", 0)
    special = (253, 254, 255) if to_meter else (253,)
    if not isinstance(address, int) or not (0 <= address <= 250 or address in special):
        raise BuildError("frame.a_field", address, f"0 to 250, or {', '.join(map(str, special))}")
    if "ci_field" not in frame and (content or octet & 0x0F in (3, 8)):
        frame["ci_field"] = 0x51 if to_meter else 0x72 if values.get("meter") else 0x78
    frame.setdefault("format", "long" if "ci_field" in frame else "short")
    return frame


def _grammar_values(form: str, frame: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
    """What the grammar of the form builds."""
    ci_field = frame.get("ci_field")
    if form == "records":
        return _items(values, RecordsFromMeter)
    if form == "header":
        return _user_data(0x72, values)
    if form == "frame" and frame.get("format") == "single character":
        return {"start": 0xE5}
    if form == "frame" and ci_field is None:
        return {"c_field": frame.get("c_field"), "a_field": frame.get("a_field")}
    if not isinstance(ci_field, int) or not 0 <= ci_field <= 255:
        raise BuildError("frame.ci_field", ci_field, "0 to 255")
    built = {"ci_field": ci_field, "user_data": _user_data(ci_field, values)}
    if form != "ci_field":
        built |= {"c_field": frame.get("c_field"), "a_field": frame.get("a_field")}
    return built


def _user_data(ci_field: int, values: Mapping[str, Any]) -> dict[str, Any]:
    """The user data behind a CI field."""
    given = values.get("user_data")
    if given is not None and not isinstance(given, Mapping):
        raise BuildError("user_data", given, "a mapping")
    if given and ("counter_1" in given or "malformed" in given):
        return _with_octets(given)
    built = _with_octets(given or {})
    meter = values.get("meter")
    if ci_field in SELECTIONS:
        built |= _address(meter)
    elif _header_fields(ci_field):
        built["header"] = _header(ci_field, values)
    if given is None or ci_field in COMMANDS:
        area = RecordsToMeter if ci_field in COMMANDS else RecordsFromMeterMSB if ci_field == 0x76 else RecordsFromMeter
        built["records"] = _items(values, area)
        built["encrypted"] = _hex(values.get("encrypted") or "", "encrypted")
    return built


def _header_fields(ci_field: int) -> int:
    """How many fields the header behind a CI field has: none, the three of the short one, or more."""
    grammar: Any = USER_DATA[ci_field].subcon
    subcons = getattr(getattr(grammar, "compact", grammar), "subcons", ())
    return len(subcons[0].subcon.subcons) if subcons and subcons[0].name == "header" else 0


def _header(ci_field: int, values: Mapping[str, Any]) -> dict[str, Any]:
    status = values.get("status")
    header = {
        "access_number": values.get("access_number") or 0,
        "status": (status.get("octet", 0) if isinstance(status, Mapping) else status) or 0,
        "configuration_field": values.get("configuration_field") or 0,
    }
    if values.get("meter") is not None:
        header |= _address(values["meter"])
    elif _header_fields(ci_field) > 3:
        raise BuildError("meter", None, "identification_number, manufacturer, version and device_type")
    return header


def _address(meter: object) -> dict[str, Any]:
    if meter is None:
        return {}
    if not isinstance(meter, Mapping):
        raise BuildError("meter", meter, "a mapping")
    keys = ("identification_number", "manufacturer", "version", "device_type")
    return {key: meter[key] for key in keys if meter.get(key) is not None}


def _with_octets(given: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping with its hex digits as octets."""
    return {key: _hex(item, f"user_data.{key}") if key in _OCTET_KEYS else item for key, item in given.items()}


def _hex(given: object, name: str) -> bytes:
    if isinstance(given, bytes):
        return given
    try:
        return bytes.fromhex(given)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise BuildError(name, given, "octets as hex digits") from None


# --- Records -------------------------------------------------------------------------------------


def _items(values: Mapping[str, Any], area: RecordArea) -> list[Any]:
    """The record area: records and special functions in their order, then the manufacturer's data."""
    records = values.get("records") or ()
    if isinstance(records, str) or not isinstance(records, Sequence):
        raise BuildError("records", records, "a list of records")
    special: dict[int, bytes] = {}
    for number, item in enumerate(values.get("special_functions") or ()):
        place = item["before_record"]
        special[place] = special.get(place, b"") + _hex(item["octets"], f"special_functions[{number}].octets")
    items: list[Any] = []
    for index, record in enumerate(records):
        items += area.parse(special.get(index, b""))
        try:
            items += area.parse(_record(record, area))
        except BuildError as error:
            raise error.inside(f"records[{index}]") from error
    items += area.parse(special.get(len(records), b""))
    more = bool(values.get("more_records_follow"))
    if more or values.get("manufacturer_data") is not None:
        data = _hex(values.get("manufacturer_data") or "", "manufacturer_data")
        items.append({"dif": 0x1F if more else 0x0F, "manufacturer_data": data})
    return items


def _record(record: object, area: RecordArea) -> bytes:
    """The octets of one record."""
    if not isinstance(record, Mapping):
        raise BuildError("", record, "a mapping with quantity, unit and value")
    if "vib" not in record:
        return _compose(record, area)
    header_octets = _hex(record.get("dib") or "", "dib") + _hex(record["vib"], "vib")
    if "data" in record:
        octets = header_octets + _hex(record["data"], "data")
        kept = [item.to_dict() for item in decode_records(octets, area)]
        if len(kept) != 1 or kept[0]["dib"] == "" or _same(record, kept[0], (*_HEADER_KEYS, "value")):
            return octets
        if not _same(record, kept[0], _HEADER_KEYS):
            return _compose(record, area)
    return _with_value(header_octets, record, area, power=0)


def _same(record: Mapping[str, Any], kept: Mapping[str, Any], keys: Sequence[str]) -> bool:
    """Whether a record still says what its octets say."""
    return all(record.get(key, kept[key]) == kept[key] for key in keys)


def _compose(record: Mapping[str, Any], area: RecordArea) -> bytes:
    """A record from quantity, unit and value."""
    choice = choose(record, area.direction)
    dib = {key: record.get(key) or 0 for key in ("function", "storage_number", "tariff", "subunit")}
    vib = {"vif": choice.codes[0], "vifes": choice.codes[1:]}
    octets = _RecordHeader.build({"dib": {**dib, "data_field": choice.data_field}, "vib": vib})
    return _with_value(octets, record, area, power=parse_unit(record.get("unit"))[1])


def _with_value(header_octets: bytes, record: Mapping[str, Any], area: RecordArea, power: int) -> bytes:
    """The octets of a record with this header and the record's value."""
    header: DataRecordHeader = area.record.header.parse(header_octets)["_header"]
    value = record.get("value")
    if power:
        value = EXACT.scaleb(to_number(value), power)
    if header.meaning.quantity == "bus address" and isinstance(value, int) and value > 250:
        raise BuildError("value", value, "a primary address, 0 to 250")
    try:
        data = header.data.build(to_data(header, value, record.get("flags") or ()))
    except BuildError as error:
        raise BuildError("value", record.get("value"), error.limit) from error
    return header_octets + data


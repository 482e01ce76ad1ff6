"""Values to octets: a `Telegram`, its JSON shape, or a mapping written by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from construct import ConstructError

from mbus_grammars import DIB, VIB, BuildError, Meaning, WirelessFrame
from mbus_grammars.application import WIRED_ONLY
from mbus_grammars.base import is_mapping, is_sequence
from mbus_grammars.fields import CI_NAMES, COMPACT_FRAMES, CField
from mbus_grammars.record import (
    RecordArea,
    RecordsFromMeter,
    RecordsFromMeterMSB,
    RecordsToMeter,
)
from mbus_grammars.wireless import with_crcs

from ..decoding.decode import decode, decode_records
from ..decoding.manufacturers import TAIL, rebuilt
from ..model.json_shapes import SCHEMA_VERSION, FrameDict, MeterDict, RecordDict, SecurityDict, TelegramDict
from ..model.json_values import json_number
from ..model.meter import Meter
from ..model.telegram import Telegram
from ..octets.recognise import GRAMMARS
from ..receiving.compact import compact
from ..security.keys import Keys
from ..security.sealing import seal_telegram
from ..values.find_vib import choose, parse_unit
from ..values.to_raw import is_measured, is_number, to_data, to_number
from ..values.to_value import EXACT
from .layers import (
    SELECTIONS,
    address_of,
    complete_wireless,
    header_behind,
    is_hidden,
    is_wireless,
    layered,
)
from .mappings import hex_octets, part_of, refuse_unknown
from .security import (
    by_hand,
    check_states,
    is_filler,
    refitted_area,
    refuse_other_mode,
    refuse_plain,
    secured_area,
    security_fields,
    to_seal,
)

if TYPE_CHECKING:
    from mbus_grammars.wireless import FrameFormat

    from ..model.json_shapes import Form
    from ..security.keys import KeysLike

# The CI fields behind which data records stand.
_RECORD_AREAS: Final = {
    **dict.fromkeys((0x51, 0x5A, 0x5B, *SELECTIONS), RecordsToMeter),
    **dict.fromkeys((0x72, 0x78, 0x7A), RecordsFromMeter),
    0x76: RecordsFromMeterMSB,
}

# Keys of a record by what decides them.
_DIB_KEYS: Final = ("function", "storage_number", "tariff", "subunit")
_VIB_KEYS: Final = ("quantity", "unit", "qualifiers", "data_field")
_HEADER_KEYS: Final = (*_DIB_KEYS, *_VIB_KEYS)
_VALUE_KEYS: Final = ("value", "flags")

# Keys of `user_data` whose hex digits stand for octets.
_OCTET_KEYS: Final = frozenset({"payload", "error_data", "alarm_flags", "malformed"})


def encode(telegram: Telegram | Mapping[str, Any], *, keys: KeysLike = None) -> bytes:
    """The octets of a telegram.

    A `Telegram`, or the mapping that its `to_dict` gives, becomes the octets it was decoded from; values
    that were changed since are encoded anew, in the data field of their record. A record's value counts, not
    its `data`; a code counts, not the name beside it. What was decrypted is encrypted again, with `keys` as
    in `decode`; MAC, payload CRC and the CRCs of blocks are made anew.

    A mapping written by hand needs little: `meter` and `records` make an RSP_UD, `frame` with c_field
    "SND_UD" and a_field makes a command. A record has quantity, unit and value, and where wanted function,
    storage_number, tariff, subunit, qualifiers, and data_field (such as "8 digit BCD"). L fields, check sum,
    DIB and VIB are found. `"link": "wireless"` makes a SND_NR by radio of it; `frame` may say the format "A",
    "B" or "CRC-less", `security` the mode 5 or 7, `afl` the message_counter of a message with MAC, and `ell`
    ci_field and session_number of an extended link layer.

    Raises `BuildError` naming field, value and limit.
    """
    values = telegram.to_dict() if isinstance(telegram, Telegram) else telegram
    if not is_mapping(values):
        raise BuildError("", values, "a Telegram or a mapping")
    octets, form, frame_format = plain_octets(values)
    link, transport = to_seal(values)
    if not transport:
        refuse_plain(octets, form, values)
    if link or transport:
        octets = seal_telegram(octets, form, Keys.of(keys), link=link, transport=transport)
    return with_crcs(octets, frame_format) if form == "wireless" else octets


def plain_octets(values: Mapping[str, Any], *, joined: bool = False) -> tuple[bytes, Form, FrameFormat]:
    """The octets of a telegram with decrypted data left plain, by radio without CRCs; and what they are.

    `joined`: a message of several fragments, which may be longer than any telegram that is sent.
    """
    refuse_unknown(values, TelegramDict, "")
    check_states(values)
    frame = part_of(values, "frame", FrameDict)
    form = "wireless" if is_wireless(values, frame) else values.get("link", "frame")
    if not isinstance(form, str) or form not in GRAMMARS:
        raise BuildError("link", form, f"one of {', '.join(GRAMMARS)}")
    if values.get("schema_version", SCHEMA_VERSION) != SCHEMA_VERSION:
        raise BuildError("schema_version", values["schema_version"], f"{SCHEMA_VERSION}")
    if values.get("type", "telegram") != "telegram":
        raise BuildError("type", values["type"], "telegram")
    if form == "wireless":
        frame = complete_wireless(frame, values)
        values = {**values, "link": form}
    elif form == "frame" and frame.get("format") is None:
        frame = _complete_frame(frame, values)
    grammar: Any = WirelessFrame if form == "wireless" and not joined else GRAMMARS[form]
    grammar_values = _grammar_values(form, frame, values)
    try:
        octets: bytes = grammar.build(grammar_values)
    except BuildError as error:
        raise BuildError(_as_given(error.field), error.value, error.limit) from error
    if form == "wireless":
        octets = bytes([min(len(octets) - 1, 0xFF)]) + octets[1:]
    user_data = values.get("user_data")
    if isinstance(user_data, Mapping) and "counter_1" in user_data:
        _refuse_other_counters(octets, form, values)
    frame_format: FrameFormat = frame["format"] if form == "wireless" else "CRC-less"
    return octets, form, frame_format


def _as_given(field: str) -> str:
    """The grammar's name of a field as it stands in the mapping."""
    name = field
    while name.startswith("user_data."):
        name = name.removeprefix("user_data.")
    name = name.removeprefix("header.")
    if name in ("c_field", "a_field", "ci_field"):
        return f"frame.{name}"
    return f"meter.{name}" if name in MeterDict.__annotations__ else name or field


def _refuse_other_counters(octets: bytes, form: str, values: Mapping[str, Any]) -> None:
    """What else the mapping says of a fixed data structure is a view of its user data: it cannot differ."""
    telegram = decode(octets, link=form)
    views = {"access_number": telegram.access_number, "status": telegram.status and telegram.status.to_dict()}
    for key, built in views.items():
        if values.get(key) not in (None, built):
            raise BuildError(key, values[key], f"the {key} in user_data; change that")
    given_records = _sequence(values, "records")
    if given_records and len(given_records) != len(telegram.records):
        raise BuildError("records", f"{len(given_records)} records", "the two counters in user_data")
    for index, (record, given) in enumerate(zip(telegram.records, given_records, strict=False)):
        if not is_mapping(given) or not _same(given, record.to_dict(), (*_HEADER_KEYS, "value")):
            raise BuildError(f"records[{index}]", given, "the counter in user_data; change that")


def _complete_frame(frame: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A frame written by hand with what follows from the rest of the telegram."""
    frame = {key: item for key, item in frame.items() if item is not None}
    content = any(values.get(key) for key in ("records", "user_data", "meter", "manufacturer_data"))
    if not content and not frame:
        raise BuildError("", dict(values), "meter and records, or frame with c_field and a_field")
    octet = CField.octet(frame.get("c_field", "RSP_UD"), "(building) -> frame -> c_field")
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
    return frame


def _grammar_values(form: str, frame: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
    """What the grammar of the form builds."""
    given = frame.get("ci_field")
    ci_field = None if given is None else CI_NAMES.value(given)
    if form == "records":
        return _items(values, RecordsFromMeter)
    if form == "header":
        return _user_data(0x72, values)
    if form == "frame" and given is None:
        _refuse_content(values)
    if form == "frame" and frame.get("format") == "single character":
        return {"start": 0xE5}
    if form == "frame" and given is None:
        return {"c_field": frame.get("c_field"), "a_field": frame.get("a_field")}
    if form == "wireless" and given is None and not (values.get("ell") or values.get("afl")):
        return {"c_field": frame["c_field"], **frame["address"]}
    inner: dict[str, Any] = {}
    if _is_fragment(values) and values.get("records"):
        raise BuildError(
            "records", values["records"], "none beside afl.fragment, which is a part of a message"
        )
    if not is_hidden(values) and not _is_fragment(values):
        if ci_field is None:
            raise BuildError("frame.ci_field", given, CI_NAMES.limit(given))
        inner = {"ci_field": ci_field, "user_data": _user_data(ci_field, values)}
    built = layered(inner, values)
    if form == "wireless":
        return built | {"c_field": frame["c_field"]} | frame["address"]
    if form != "ci_field":
        built |= {"c_field": frame.get("c_field"), "a_field": frame.get("a_field")}
    return built


def _is_fragment(values: Mapping[str, Any]) -> bool:
    """Whether the telegram carries a part of a message."""
    afl = values.get("afl")
    return is_mapping(afl) and afl.get("fragment") is not None


def _refuse_content(values: Mapping[str, Any]) -> None:
    """A single character and a short frame hold nothing but themselves."""
    for name in ("records", "special_functions", "manufacturer_data", "user_data", "meter"):
        if values.get(name):
            raise BuildError(name, values[name], "none in a frame without ci_field")


def _user_data(ci_field: int, values: Mapping[str, Any]) -> dict[str, Any]:
    """The user data behind a CI field."""
    given = values.get("user_data")
    if given is not None and not is_mapping(given):
        raise BuildError("user_data", given, "a mapping")
    built = _with_octets(given or {})
    if "malformed" in built:
        return built
    if "payload" in built:
        built["payload"] = rebuilt(values, _meter(values), ci_field, built["payload"])
    if "counter_1" in built:
        address = address_of(part_of(values, "meter", MeterDict))
        return built | {key: item for key, item in address.items() if key == "identification_number"}
    if ci_field in SELECTIONS:
        built |= address_of(part_of(values, "meter", MeterDict))
    elif (kind := header_behind(ci_field, values.get("link"))) in ("short", "long"):
        built["header"] = _header(kind, values)
    area = _RECORD_AREAS.get(ci_field) if "header" in built or ci_field != WIRED_ONLY else None
    refuse_other_mode(values, ci_field, header="header" in built)
    if "header" not in built:
        _refuse_header(ci_field, values)
    else:
        built |= security_fields(values, records=area is not None)
    if values.get("encrypted"):
        built["encrypted"] = hex_octets(values["encrypted"], "encrypted")
    return built | _data(ci_field, area, built, values)


def _data(
    ci_field: int, area: RecordArea | None, built: Mapping[str, Any], values: Mapping[str, Any]
) -> dict[str, Any]:
    """The data behind the header."""
    if area is not None:
        data: dict[str, Any] = {"records": _items(values, area)}
        if "header" in built:
            _secure(data, built["header"], values, area)
        return data
    if not _sequence(values, "records"):
        return {}
    if ci_field in COMPACT_FRAMES and "format_signature" in built:
        return _compact(built, values)
    raise BuildError("records", values["records"], f"none behind CI {ci_field:02X}h")


def _refuse_header(ci_field: int, values: Mapping[str, Any]) -> None:
    """What has no place behind a CI field without header would be left out in silence."""
    for name in ("access_number", "status", "configuration_field"):
        if values.get(name):
            raise BuildError(name, values[name], f"none behind CI {ci_field:02X}h, which has no header")


def _compact(built: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a compact frame that follow from its records; its octets where these say the same."""
    octets = compact(RecordsFromMeter.build(_items(values, RecordsFromMeter)))
    signature, crc, data = octets[:2], octets[2:4], octets[4:]
    fields: dict[str, Any] = {
        "format_signature": int.from_bytes(signature, "little"),
        "full_frame_crc": int.from_bytes(crc, "little"),
        "payload": data,
    }
    same = all(built.get(name) == fields[name] for name in ("format_signature", "full_frame_crc"))
    return {} if same and built["payload"].startswith(data) else fields


def _secure(
    data: dict[str, Any], header: dict[str, Any], values: Mapping[str, Any], area: RecordArea
) -> None:
    """Configuration field and fillers of what is to be encrypted: written by hand, or decrypted before."""
    mode, security = by_hand(values), part_of(values, "security", SecurityDict)
    if mode is not None:
        found = secured_area(mode, data["records"], area, values)
    elif security.get("state") == "decrypted":
        found = refitted_area(data["records"], area, values)
    else:
        return
    data["records"], header["configuration_field"] = found


def _header(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    status = values.get("status")
    header = {
        "access_number": values.get("access_number") or 0,
        "status": (status.get("octet") if is_mapping(status) else status) or 0,
        "configuration_field": values.get("configuration_field") or 0,
    }
    address = address_of(part_of(values, "meter", MeterDict))
    if kind == "long":
        if not address:
            raise BuildError("meter", None, "identification_number, manufacturer, version and device_type")
    elif values.get("link") == "wireless":
        return header  # the meter is who sends
    return header | address


def _meter(values: Mapping[str, Any]) -> Meter | None:
    """The meter whose telegram it is, for the grammar of its manufacturer."""
    frame = part_of(values, "frame", FrameDict)
    address = address_of(
        part_of(values, "meter", MeterDict) or part_of(frame, "address", MeterDict, "frame.address")
    )
    return Meter(**address) if "identification_number" in address else None


def _with_octets(given: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping with its hex digits as octets, without the names that stand beside codes."""
    return {
        key: hex_octets(item, f"user_data.{key}") if key in _OCTET_KEYS else item
        for key, item in given.items()
        if str(key).removesuffix("_name") == key or str(key).removesuffix("_name") not in given
    }


# --- Records -------------------------------------------------------------------------------------


def _items(values: Mapping[str, Any], area: RecordArea) -> list[Any]:
    """The record area: records and special functions in their order, then the manufacturer's data."""
    records = _sequence(values, "records")
    special = _special_functions(values)
    items: list[Any] = []
    for index, record in enumerate(records):
        items += area.parse(special.get(index, b""))
        try:
            items += area.parse(_record(record, area))
        except BuildError as error:
            raise error.inside(f"records[{index}]") from error
    items += area.parse(special.get(len(records), b""))
    more = bool(values.get("more_records_follow"))
    if more or values.get("manufacturer_data") is not None or values.get("manufacturer_fields") is not None:
        data = hex_octets(values.get("manufacturer_data") or "", "manufacturer_data")
        data = rebuilt(values, _meter(values), TAIL, data)
        items.append({"dif": 0x1F if more else 0x0F, "manufacturer_data": data})
    return items


def _special_functions(values: Mapping[str, Any]) -> dict[int, bytes]:
    """The octets of the special functions by the record in front of which they stand."""
    special: dict[int, bytes] = {}
    for number, item in enumerate(_sequence(values, "special_functions")):
        name = f"special_functions[{number}]"
        if not is_mapping(item) or not isinstance(item.get("before_record"), int):
            raise BuildError(name, item, "a mapping with before_record (a number) and octets")
        place, last = item["before_record"], len(_sequence(values, "records"))
        if place > last and is_filler(item.get("octets"), values):
            place = last
        if not 0 <= place <= last:
            raise BuildError(f"{name}.before_record", place, f"0 to {last}, the number of records")
        special[place] = special.get(place, b"") + hex_octets(item.get("octets"), f"{name}.octets")
    return special


def _sequence(values: Mapping[str, Any], name: str) -> Sequence[Any]:
    given = values.get(name)
    if given is None:
        return ()
    if not is_sequence(given):
        raise BuildError(name, given, "a list")
    return given


def _record(record: object, area: RecordArea) -> bytes:
    """The octets of one record."""
    if not is_mapping(record):
        raise BuildError("", record, "a mapping with quantity, unit and value")
    refuse_unknown(record, RecordDict, "")
    vib = hex_octets(record.get("vib") or "", "vib")
    if "vib" not in record or (not vib and record.get("quantity") is not None):
        return _compose(record, area)
    header_octets = hex_octets(record.get("dib") or "", "dib") + vib
    if "data" not in record:
        return _with_value(header_octets, record, area, power=0)
    data = hex_octets(record["data"], "data")
    readable = decode_records(header_octets + data, area)
    if len(readable) != 1:
        raise BuildError("data", record["data"], "the octets of one record, with dib and vib")
    kept = readable[0].to_dict()
    if _same(record, kept, (*_HEADER_KEYS, *_VALUE_KEYS)):
        return header_octets + data
    if kept["data_field"] is None:
        raise BuildError("", record, "what it is: octets that are no record; leave out dib, vib and data")
    if not _same(record, kept, _VIB_KEYS):
        return _compose(record, area)
    if not _same(record, kept, _DIB_KEYS):
        dib = {key: record.get(key) or 0 for key in _DIB_KEYS}
        header_octets = DIB.build({**dib, "data_field": kept["data_field"]}) + vib
        if _same(record, kept, _VALUE_KEYS):
            return header_octets + data
    return _with_value(header_octets, record, area, power=0)


def _same(record: Mapping[str, Any], kept: Mapping[str, Any], keys: Sequence[str]) -> bool:
    """Whether a record still says what its octets say."""
    return all(_as_json(record.get(key, kept[key])) == kept[key] for key in keys)


def _as_json(value: object) -> object:
    """The value as `to_dict` gives it: who reads JSON may read its numbers as Decimal."""
    if isinstance(value, Decimal):
        return json_number(value) if value.is_finite() else str(value)
    return [_as_json(item) for item in value] if is_sequence(value) else value


def _compose(record: Mapping[str, Any], area: RecordArea) -> bytes:
    """A record from quantity, unit and value."""
    choice = choose(record, area.direction)
    dib = {key: record.get(key) or 0 for key in _DIB_KEYS}
    vib = {"vif": choice.codes[0], "vifes": choice.codes[1:]}
    octets = DIB.build({**dib, "data_field": choice.data_field}) + VIB.build(vib)
    return _with_value(octets, record, area, power=parse_unit(record.get("unit"))[1])


def _means_number(record: Mapping[str, Any], meaning: Meaning) -> bool:
    """Whether the value is a number where a text would do too: told by value_type, else by the quantity."""
    if record.get("value_type") is not None:
        return bool(record["value_type"] == "decimal")
    return is_measured(meaning) and is_number(record.get("value"))


def _with_value(header_octets: bytes, record: Mapping[str, Any], area: RecordArea, power: int) -> bytes:
    """The octets of a record with this header and the record's value."""
    try:
        header = area.header(header_octets)
    except ConstructError as error:
        limit = "hex digits that are a whole VIB, behind a whole DIB"
        raise BuildError("vib", record.get("vib"), limit) from error
    if header.dib_octets + header.vib_octets != header_octets:
        raise BuildError("vib", record.get("vib"), "one VIB, its last octet without extension bit")
    value = record.get("value")
    if value is not None and (power or _means_number(record, header.meaning)):
        value = EXACT.scaleb(to_number(value), power)
    if header.meaning.quantity == "bus address" and is_number(value) and to_number(value) > 250:
        raise BuildError("value", value, "a primary address, 0 to 250")
    flags = _sequence(record, "flags")
    try:
        data = header.data.build(to_data(header, value, flags))
    except BuildError as error:
        if error.field == "flags":
            raise
        raise BuildError("value", record.get("value"), error.limit) from error
    return header_octets + data

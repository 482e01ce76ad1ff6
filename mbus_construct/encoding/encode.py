"""Values to octets: a `Telegram`, its JSON shape, or a mapping written by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from mbus_grammars import BuildError, WirelessFrame
from mbus_grammars.application import WIRED_ONLY
from mbus_grammars.base import is_mapping
from mbus_grammars.fields import CI_NAMES, COMPACT_FRAMES, CField, ci_field_of
from mbus_grammars.link import SINGLE_CHARACTER
from mbus_grammars.places import RECORD_AREAS, SELECTIONS
from mbus_grammars.record import (
    RecordArea,
    RecordsFromMeter,
)
from mbus_grammars.wireless import with_crcs, with_l_field

from ..decoding.decrypted import read
from ..decoding.manufacturers import rebuilt
from ..model.json_shapes import SCHEMA_VERSION, FrameDict, MeterDict, SecurityDict, StatusDict, TelegramDict
from ..model.telegram import Telegram
from ..octets.recognise import GRAMMARS
from ..receiving.compact import compact
from ..security.keys import Keys
from ..security.sealing import seal_telegram
from .layers import (
    address_of,
    complete_wireless,
    header_behind,
    is_hidden,
    is_wireless,
    layered,
)
from .lost import refuse_lost
from .mappings import beyond_bounds, hex_octets, part_of, refuse_unknown, sequence_of
from .records import area_items, meter_of, with_own_octets
from .security import (
    by_hand,
    check_states,
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
    try:
        return _encoded(telegram, keys)
    except (RecursionError, ValueError) as error:
        raise beyond_bounds(error) from error


def _encoded(telegram: object, keys: KeysLike) -> bytes:
    values = with_own_octets(telegram) if isinstance(telegram, Telegram) else telegram
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
        octets = with_l_field(octets[1:])
    refuse_lost(values, read(octets, form, None))
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
        header = "long" if values.get("meter") and not to_meter else "none"
        frame["ci_field"] = ci_field_of("command" if to_meter else "records", header)
    return frame


def _grammar_values(form: str, frame: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
    """What the grammar of the form builds."""
    given = frame.get("ci_field")
    ci_field = None if given is None else CI_NAMES.value(given)
    if form == "records":
        return b"".join(area_items(values, RecordsFromMeter))
    if form == "header":
        return _user_data(ci_field_of("records", "long"), values)
    if form == "frame" and frame.get("format") == "single character":
        return {"start": SINGLE_CHARACTER}
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


def _user_data(ci_field: int, values: Mapping[str, Any]) -> dict[str, Any]:
    """The user data behind a CI field."""
    given = values.get("user_data")
    if given is not None and not is_mapping(given):
        raise BuildError("user_data", given, "a mapping")
    built = _with_octets(given or {})
    if "malformed" in built:
        return built
    if "counter_1" in built:
        address = address_of(part_of(values, "meter", MeterDict))
        return built | {key: item for key, item in address.items() if key == "identification_number"}
    if ci_field in SELECTIONS:
        built |= address_of(part_of(values, "meter", MeterDict))
    elif (kind := header_behind(ci_field, values.get("link"))) in ("short", "long"):
        built["header"] = _header(kind, values)
    area = RECORD_AREAS[False].get(ci_field) if "header" in built or ci_field != WIRED_ONLY else None
    if "payload" in built or (area is None and values.get("manufacturer_fields") is not None):
        built["payload"] = rebuilt(values, meter_of(values), ci_field, built.get("payload", b""))
    refuse_other_mode(values, ci_field, header="header" in built)
    if "header" in built:
        built |= security_fields(values, records=area is not None)
    if values.get("encrypted"):
        built["encrypted"] = hex_octets(values["encrypted"], "encrypted")
    return built | _data(ci_field, area, built, values)


def _data(
    ci_field: int, area: RecordArea | None, built: Mapping[str, Any], values: Mapping[str, Any]
) -> dict[str, Any]:
    """The data behind the header."""
    if area is not None:
        items = area_items(values, area)
        secured = _secured(items, built["header"], values, area) if "header" in built else None
        return {"records": b"".join(items) if secured is None else secured}
    if ci_field in COMPACT_FRAMES and "format_signature" in built and sequence_of(values, "records"):
        return _compact(built, values)
    return {}


def _compact(built: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a compact frame that follow from its records; its octets where these say the same."""
    octets = compact(b"".join(area_items(values, RecordsFromMeter)))
    signature, crc, data = octets[:2], octets[2:4], octets[4:]
    fields: dict[str, Any] = {
        "format_signature": int.from_bytes(signature, "little"),
        "full_frame_crc": int.from_bytes(crc, "little"),
        "payload": data,
    }
    same = all(built.get(name) == fields[name] for name in ("format_signature", "full_frame_crc"))
    return {} if same and built["payload"].startswith(data) else fields


def _secured(
    items: Sequence[bytes], header: dict[str, Any], values: Mapping[str, Any], area: RecordArea
) -> list[Any] | None:
    """The records with the fillers of what is to be encrypted, written by hand or decrypted before.

    The header's configuration field follows. None where nothing is to be encrypted.
    """
    mode, security = by_hand(values), part_of(values, "security", SecurityDict)
    if mode is None and security.get("state") != "decrypted":
        return None
    parsed = [item for octets in items for item in area.parse(octets)]
    if mode is not None:
        records, header["configuration_field"] = secured_area(mode, parsed, area, values)
    else:
        records, header["configuration_field"] = refitted_area(parsed, area, values)
    return records


def _header(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    status = values.get("status")
    if is_mapping(status):
        refuse_unknown(status, StatusDict, "status")
        status = status.get("octet")
    numbers = {name: values.get(name) for name in ("access_number", "configuration_field")}
    header = {name: 0 if given is None else given for name, given in {**numbers, "status": status}.items()}
    address = address_of(part_of(values, "meter", MeterDict))
    if kind == "long":
        if not address:
            raise BuildError("meter", None, "identification_number, manufacturer, version and device_type")
    elif values.get("link") == "wireless":
        return header  # the meter is who sends
    return header | address


def _with_octets(given: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping with its hex digits as octets, without the names that stand beside codes."""
    return {
        key: hex_octets(item, f"user_data.{key}") if key in _OCTET_KEYS else item
        for key, item in given.items()
        if str(key).removesuffix("_name") == key or str(key).removesuffix("_name") not in given
    }

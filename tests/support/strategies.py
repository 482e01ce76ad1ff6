"""Hypothesis strategies that write telegrams from the declarations of the grammars.

What they give is in the form in which the grammars parse it, so that parse(build(x)) == x can be asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from helpers import plain
from mbus_grammars import FROM_METER, TO_METER, fields
from mbus_grammars.application import APPLICATION_ERRORS, USER_DATA, WIRELESS_USER_DATA, SubCode
from mbus_grammars.code_tables import CI_FIELDS
from mbus_grammars.crc import crc
from mbus_grammars.fixed import MediumAndUnits
from mbus_grammars.layers import (
    AFL_CI_FIELD,
    ELL_CI_FIELDS,
    MAC_LENGTHS,
    CommunicationControl,
    FragmentationControl,
    KeyInformation,
    MessageControl,
    SessionNumber,
    payload_crc_fits,
)
from mbus_grammars.security import (
    FILLERS,
    MODE_5,
    MODE_7,
    MODE_13,
    WIRED,
    WIRELESS,
    ConfigurationField,
    ConfigurationFieldExtension,
    ProtocolExtension,
    Security,
)
from mbus_grammars.wireless import FRAME_FORMATS
from record_strategies import (
    bcd,
    bits,
    data_records,
    dibs,
    hex_digits,
    manufacturer,
    octet,
    octets,
    record_areas,
    secondary_address,
    signed,
    unsigned,
    variable_length,
    vibs,
    word,
)

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

__all__ = [
    "authenticated",
    "ci_fields",
    "data_records",
    "dibs",
    "extended_link_layers",
    "fixed_data",
    "frames",
    "long_frames",
    "octet",
    "record_areas",
    "user_data",
    "variable_length",
    "vibs",
    "wireless_frames",
]

HEADER_OF = {code: row.header for row in CI_FIELDS for code in range(row.first, row.last + 1)}

# --- Headers and user data -----------------------------------------------------------------------

_status = bits(fields.Status)
_plain = st.just(plain(ConfigurationField.unpack(0)))
_short_header = {"access_number": octet, "status": _status}
_address = {
    "identification_number": hex_digits,
    "manufacturer": manufacturer,
    "version": octet,
    "device_type": octet,
}


def headers(kind: str, configuration_field: SearchStrategy[Any] = _plain) -> dict[str, SearchStrategy[Any]]:
    """The header of user data, as an entry; none for the kinds that have none."""
    short = {**_short_header, "configuration_field": configuration_field}
    if kind == "short":
        return {"header": st.fixed_dictionaries(short)}
    if kind == "long":
        return {"header": st.fixed_dictionaries({**_address, **short})}
    return {}


_payload = st.binary(max_size=40)
_compact = {"format_signature": word, "full_frame_crc": word, "payload": st.binary(min_size=1, max_size=40)}
_format = {"length": octet, "format_signature": word, "payload": _payload}
_alarm = {"alarm_flags": _payload}
_error = {"error_code": st.integers(0, len(APPLICATION_ERRORS.codes) - 1), "error_data": _payload}
_sub_codes = {"sub_codes": st.lists(bits(SubCode), max_size=10)}


# --- Security ------------------------------------------------------------------------------------

_MODES_OF_BLOCKS = (5, 7)
_OTHER_MODES = (1, 2, 3, 4, 8, 9, 10, 13, 15)
_RESERVED_MODES = (6, 11, 12, 14, *range(16, 32))


@st.composite
def configurations(draw: st.DrawFn, mode: int, blocks: int = 0) -> dict[str, Any]:
    """A configuration field of a mode that announces so many blocks, or octets in mode 13."""
    number = draw(word) & 0xE00F | mode << 8 | (blocks << 4 if mode != MODE_13 else blocks)
    if mode == MODE_13:
        number &= 0xFF00 | blocks
    value: dict[str, Any] = plain(ConfigurationField.unpack(number))
    return value


@st.composite
def security_fields(draw: st.DrawFn, configuration_field: dict[str, Any]) -> dict[str, Any]:
    """The field `security` as an entry, for the modes that have it."""
    mode = configuration_field["security_mode"]
    if mode == MODE_13:
        return {"security": {"configuration_field_extension": draw(bits(ProtocolExtension))}}
    if mode != MODE_7:
        return {}
    extension = draw(bits(ConfigurationFieldExtension))
    found = {"configuration_field_extension": extension}
    if configuration_field["counter_present"]:
        found["message_counter"] = draw(unsigned(4))
    if extension["version_present"]:
        found["key_version"] = draw(octet)
    return {"security": found}


def _hidden(length: int) -> SearchStrategy[bytes]:
    return octets(length).filter(lambda given: not given.startswith(FILLERS))


@st.composite
def encrypted(draw: st.DrawFn, kind: str, security: Security, area: Any) -> dict[str, Any]:
    """User data that are encrypted; `area` writes the records, None for other data."""
    others = (*_OTHER_MODES, *_RESERVED_MODES) if security.wireless else _OTHER_MODES
    mode = draw(st.sampled_from((*_MODES_OF_BLOCKS, *_MODES_OF_BLOCKS, MODE_13)) | st.sampled_from(others))
    blocks = draw(st.integers(1, 4))
    configuration_field = draw(configurations(mode, blocks))
    least = blocks if mode == MODE_13 else 16 * blocks
    to_the_end = area is None or mode not in _MODES_OF_BLOCKS
    header = draw(headers(kind, st.just(configuration_field))["header"])
    value = {"header": header, **draw(security_fields(configuration_field))}
    value["encrypted"] = draw(_hidden(least + (draw(st.integers(0, 20)) if to_the_end else 0)))
    if area is not None:
        value["records"] = [] if to_the_end else draw(area)
    return value


@st.composite
def decrypted(
    draw: st.DrawFn, kind: str, security: Security, area: Any, body: dict[str, Any]
) -> dict[str, Any]:
    """Data that announce encryption and are plain: two fillers are in front of them.

    On wires the fields of mode 7 are there only in front of as many octets as are announced.
    """
    mode = draw(st.sampled_from(_MODES_OF_BLOCKS)) if security.wireless or area is not None else MODE_5
    configuration_field = draw(configurations(mode, draw(st.integers(1, 4))))
    header = draw(headers(kind, st.just(configuration_field))["header"])
    value = {"header": header, **draw(security_fields(configuration_field))}
    if area is None:
        filled = {name: draw(item) for name, item in body.items()}
        return {**value, "decryption_verification": FILLERS, **filled}
    fillers = 2 if mode == MODE_5 else 2 + 16 * configuration_field["encrypted_blocks"]
    return {**value, "encrypted": b"", "records": [{"dif": 0x2F} for _ in range(fillers)] + draw(area)}


def secured(kind: str, security: Security, area: Any, body: dict[str, Any]) -> SearchStrategy[Any]:
    """User data behind a header of any security; `area` writes its records, `body` what is no record."""
    modes = (0,) if security.wireless else (0, *_RESERVED_MODES)
    header = headers(kind, st.sampled_from(modes).flatmap(configurations))
    entries = body if area is None else {"encrypted": st.just(b""), "records": area}
    readable = _entries(**header, **entries)
    return st.one_of(
        readable, readable, encrypted(kind, security, area), decrypted(kind, security, area, body)
    )


@st.composite
def fixed_data(draw: st.DrawFn) -> dict[str, Any]:
    """The fixed data structure."""
    status = draw(bits(fields.FixedStatus))
    counter = signed(4) if status["counters_binary"] else bcd(4)
    return {
        "identification_number": draw(hex_digits),
        "access_number": draw(octet),
        "status": status,
        "medium_and_units": draw(bits(MediumAndUnits)),
        "counter_1": draw(counter),
        "counter_2": draw(counter),
    }


def _entries(**entries: Any) -> SearchStrategy[Any]:
    return st.fixed_dictionaries(entries)


_BODIES: dict[int, dict[str, Any]] = {
    **dict.fromkeys((0x50, 0x53, 0x66, 0x67, 0x68), _sub_codes),
    **dict.fromkeys((0x69, 0x6A, 0x6B), _format),
    **dict.fromkeys((0x6E, 0x6F, 0x70), _error),
    **dict.fromkeys((0x71, 0x74, 0x75), _alarm),
    **dict.fromkeys((0x73, 0x79, 0x7B), _compact),
}
_DIRECTIONS = {
    **dict.fromkeys((0x51, 0x5A, 0x5B), TO_METER),
    **dict.fromkeys((0x72, 0x78, 0x7A), FROM_METER),
}


def user_data(ci_field: int, security: Security = WIRED) -> SearchStrategy[Any]:
    """User data of a CI field."""
    kind = HEADER_OF[ci_field]
    if ci_field in ELL_CI_FIELDS:
        return extended_link_layers(ci_field, security)
    if ci_field == AFL_CI_FIELD:
        return authenticated(security)
    if ci_field in (0x52, 0x56):
        return _entries(**_address, records=record_areas(TO_METER, most=2))
    if ci_field == 0x77:
        return fixed_data()
    if ci_field == 0x76 and security.wireless:
        return _entries(payload=_payload)
    if ci_field == 0x76:
        return _entries(
            **headers(kind, bits(ConfigurationField)), records=st.lists(data_records(), max_size=2)
        )
    area = record_areas(_DIRECTIONS[ci_field]) if ci_field in _DIRECTIONS else None
    body = {"records": area} if area is not None else _BODIES.get(ci_field, {"payload": _payload})
    if kind not in ("short", "long"):
        return _entries(**body)
    if ci_field == 0x73 and not security.wireless:
        return fixed_data() | secured(kind, security, area, body)
    return secured(kind, security, area, body)


# --- Layers between link and transport -----------------------------------------------------------

_BUSY_TRANSPORT = (0x5B, 0x6A, 0x72, 0x72, 0x74, 0x78, 0x7A, 0x7A, 0x7B, 0x81, 0xA0)


@st.composite
def _next_layer(draw: st.DrawFn, security: Security, *more: int) -> dict[str, Any]:
    """CI field and user data of the layer behind."""
    layers = [code for code in range(256) if code not in (*ELL_CI_FIELDS, AFL_CI_FIELD)]
    ci_field = draw(st.sampled_from([*_BUSY_TRANSPORT, *more]) | st.sampled_from(layers))
    return {"ci_field": ci_field, "user_data": draw(user_data(ci_field, security))}


def _built(layer: dict[str, Any], security: Security) -> bytes:
    table = WIRELESS_USER_DATA if security.wireless else USER_DATA
    return bytes([layer["ci_field"]]) + table[layer["ci_field"]].build(layer["user_data"])


@st.composite
def extended_link_layers(draw: st.DrawFn, ci_field: int, security: Security) -> dict[str, Any]:
    """An ELL; with a session number its payload may be hidden."""
    value = {"communication_control": draw(bits(CommunicationControl)), "access_number": draw(octet)}
    if ci_field in (0x8E, 0x8F):
        value["receiver"] = draw(secondary_address)
    layer = draw(_next_layer(security, AFL_CI_FIELD, AFL_CI_FIELD))
    if ci_field not in (0x8D, 0x8F):
        return {**value, **layer}
    value["session_number"] = draw(bits(SessionNumber))
    if value["session_number"]["encryption"] and draw(st.booleans()):
        hidden = st.binary(min_size=1, max_size=40).filter(lambda given: not payload_crc_fits(given))
        return {**value, "encrypted": draw(hidden)}
    return {**value, "payload_crc": crc(_built(layer, security)), **layer}


@st.composite
def authenticated(draw: st.DrawFn, security: Security) -> dict[str, Any]:
    """An AFL with any of its fields, in front of a message or a fragment."""
    control = draw(bits(FragmentationControl))
    value: dict[str, Any] = {}
    if control["message_control_present"]:
        value["message_control"] = draw(bits(MessageControl))
    if control["key_information_present"]:
        value["key_information"] = draw(bits(KeyInformation))
    if control["message_counter_present"]:
        value["message_counter"] = draw(unsigned(4))
    if control["mac_present"]:
        kind = value["message_control"]["authentication_type"] if "message_control" in value else None
        length = MAC_LENGTHS[kind] if kind in MAC_LENGTHS else draw(st.integers(0, 20))
        value["mac"] = draw(octets(length))
    if control["message_length_present"]:
        value["message_length"] = draw(word)
    counted = {"message_control": 1, "key_information": 2, "message_counter": 4, "message_length": 2}
    length = 2 + len(value.get("mac", b"")) + sum(counted.get(name, 0) for name in value)
    value = {"length": length, "fragmentation_control": control, **value}
    if control["fragment_id"] or control["more_fragments"]:
        return {**value, "fragment": draw(_payload)}
    return {**value, **draw(_next_layer(security))}


# --- Frames --------------------------------------------------------------------------------------

wireless_c_fields = octet.map(lambda value: plain(fields.WirelessCField.parse(bytes([value]))))
c_fields = octet.map(lambda value: plain(fields.CField.parse(bytes([value]))))
_busy = [
    0x50,
    0x51,
    0x52,
    0x53,
    0x5A,
    0x5B,
    0x69,
    0x6E,
    0x70,
    0x71,
    0x72,
    0x73,
    0x75,
    0x76,
    0x77,
    0x78,
    0x79,
    0x7A,
    *ELL_CI_FIELDS,
    AFL_CI_FIELD,
]
ci_fields = st.sampled_from([*_busy, *_busy]) | octet


@st.composite
def long_frames(draw: st.DrawFn) -> dict[str, Any]:
    """A long frame, perhaps too long to be built."""
    ci_field = draw(ci_fields)
    return {
        "c_field": draw(c_fields),
        "a_field": draw(octet),
        "ci_field": ci_field,
        "user_data": draw(user_data(ci_field)),
    }


short_frames = st.fixed_dictionaries({"c_field": c_fields, "a_field": octet})
frames = st.one_of(long_frames(), long_frames(), long_frames(), short_frames, st.just({"start": 0xE5}))


@st.composite
def wireless_frames(draw: st.DrawFn) -> dict[str, Any]:
    """A frame of any format, perhaps too long to be built."""
    ci_field = draw(ci_fields)
    return {
        "frame_format": draw(st.sampled_from(FRAME_FORMATS)),
        "c_field": draw(wireless_c_fields),
        **draw(secondary_address),
        "ci_field": ci_field,
        "user_data": draw(user_data(ci_field, WIRELESS)),
    }

"""User data by CI field: headers, payloads, selection, encrypted blocks."""

from __future__ import annotations

from typing import Any

import pytest

from helpers import assert_both_ways, build_error, long_frame, plain
from mbus_grammars import ApplicationLayer, Frame, Selection, code_tables
from mbus_grammars.crc import crc

SHORT = "2A 10 00 00"
LONG = "78 56 34 12 24 40 01 07 2A 10 00 00"
SHORT_VALUE = {
    "access_number": 42,
    "status": {
        "application": 0,
        "power_low": False,
        "permanent_error": False,
        "temporary_error": True,
        "manufacturer_specific": 0,
    },
    "configuration_field": {
        "hop_counter": False,
        "repeated_access": False,
        "content": 0,
        "encrypted_blocks": 0,
        "security_mode": 0,
        "synchronous": False,
        "accessibility": False,
        "bidirectional": False,
    },
}
LONG_VALUE = {
    "identification_number": "12345678",
    "manufacturer": "PAD",
    "version": 1,
    "device_type": 7,
    **SHORT_VALUE,
}
HEADERS: dict[str, tuple[str, dict[str, Any]]] = {
    "none": ("", {}),
    "raw": ("", {}),
    "short": (SHORT, {"header": SHORT_VALUE}),
    "long": (LONG, {"header": LONG_VALUE}),
}
HEADER_OF = {code: row.header for row in code_tables.CI_FIELDS for code in range(row.first, row.last + 1)}

RECORD_OCTETS = "02 13 39 30"
RECORD: dict[str, Any] = {
    "dib": {"function": 0, "data_field": 2, "storage_number": 0, "tariff": 0, "subunit": 0, "dife_count": 0},
    "vib": {"vif": 0x13, "vifes": []},
    "data": 12345,
}
RECORDS: dict[str, Any] = {"records": [RECORD]}
COMPACT = {"format_signature": 0x3B31, "full_frame_crc": 0xA642, "payload": b"\xd2\x04"}

BODIES: dict[int, tuple[str, dict[str, Any]]] = {
    **dict.fromkeys(
        (0x50, 0x53, 0x66, 0x67, 0x68),
        ("10 83", {"sub_codes": [{"application": 1, "block": 0}, {"application": 8, "block": 3}]}),
    ),
    **dict.fromkeys((0x51, 0x78), (RECORD_OCTETS, RECORDS)),
    **dict.fromkeys((0x5A, 0x5B, 0x72, 0x7A), (RECORD_OCTETS, {"encrypted": b"", **RECORDS})),
    **dict.fromkeys(
        (0x69, 0x6A, 0x6B),
        ("08 31 3B 02 02", {"length": 8, "format_signature": 0x3B31, "payload": b"\x02\x02"}),
    ),
    **dict.fromkeys((0x6E, 0x6F, 0x70), ("F0 01 02", {"error_code": 0xF0, "error_data": b"\x01\x02"})),
    **dict.fromkeys((0x71, 0x74, 0x75), ("05 06", {"alarm_flags": b"\x05\x06"})),
    **dict.fromkeys((0x73, 0x79, 0x7B), ("31 3B 42 A6 D2 04", COMPACT)),
}
RAW = ("01 02 03", {"payload": b"\x01\x02\x03"})
CONTROL_VALUE = {
    "extended_delay": False,
    "repeated_access": False,
    "accessibility": True,
    "priority": False,
    "hop_counter": False,
    "synchronous": False,
    "response_delay": False,
    "bidirectional": True,
}
RECEIVER = "24 40 78 56 34 12 01 07"
LINK_VALUE = {"communication_control": CONTROL_VALUE, "access_number": 42}
RECEIVER_VALUE = {
    "manufacturer": "PAD",
    "identification_number": "12345678",
    "version": 1,
    "device_type": 7,
}
PAYLOAD_CRC = crc(bytes.fromhex("78" + RECORD_OCTETS))
SESSION = "A3 00 00 00" + PAYLOAD_CRC.to_bytes(2, "little").hex()
SESSION_VALUE = {
    "session_number": {"session": 3, "time": 10, "encryption": 0},
    "payload_crc": PAYLOAD_CRC,
}
NEXT_VALUE: dict[str, Any] = {"ci_field": 0x78, "user_data": RECORDS}
OTHERS: dict[int, tuple[str, dict[str, Any]]] = {
    0x8C: ("84 2A 78" + RECORD_OCTETS, {**LINK_VALUE, **NEXT_VALUE}),
    0x8D: ("84 2A" + SESSION + "78" + RECORD_OCTETS, {**LINK_VALUE, **SESSION_VALUE, **NEXT_VALUE}),
    0x8E: (
        "84 2A" + RECEIVER + "78" + RECORD_OCTETS,
        {**LINK_VALUE, "receiver": RECEIVER_VALUE, **NEXT_VALUE},
    ),
    0x8F: (
        "84 2A" + RECEIVER + SESSION + "78" + RECORD_OCTETS,
        {**LINK_VALUE, "receiver": RECEIVER_VALUE, **SESSION_VALUE, **NEXT_VALUE},
    ),
    0x90: (
        "02 00 00 78" + RECORD_OCTETS,
        {
            "length": 2,
            "fragmentation_control": {
                "fragment_id": 0,
                "reserved": 0,
                "key_information_present": False,
                "mac_present": False,
                "message_counter_present": False,
                "message_length_present": False,
                "message_control_present": False,
                "more_fragments": False,
            },
            **NEXT_VALUE,
        },
    ),
    0x52: (
        "78 56 34 12 24 40 01 07" + RECORD_OCTETS,
        {
            "identification_number": "12345678",
            "manufacturer": "PAD",
            "version": 1,
            "device_type": 7,
            **RECORDS,
        },
    ),
    0x56: (
        "12 34 56 78 40 24 01 07" + RECORD_OCTETS,
        {
            "identification_number": "12345678",
            "manufacturer": "PAD",
            "version": 1,
            "device_type": 7,
            **RECORDS,
        },
    ),
    0x76: ("12 34 56 78 40 24 01 07 2A 10 00 00 02 13 30 39", {"header": LONG_VALUE, **RECORDS}),
    0x77: (
        "12 34 56 78 0A 00 E9 7E 00 00 00 01 00 00 01 35",
        {
            "identification_number": "12345678",
            "access_number": 10,
            "status": {
                "counters_binary": False,
                "counters_stored": False,
                "power_low": False,
                "permanent_error": False,
                "temporary_error": False,
                "manufacturer_specific": 0,
            },
            "medium_and_units": {"unit_1": 0x29, "medium": 7, "unit_2": 0x3E},
            "counter_1": 1,
            "counter_2": 135,
        },
    ),
}


def user_data_of(code: int) -> tuple[bytes, dict[str, Any]]:
    """The octets and the value of user data with every part that the CI field has."""
    if code in OTHERS:
        octets, value = OTHERS[code]
        return bytes.fromhex(octets), value
    header, header_value = HEADERS[HEADER_OF[code]]
    body, body_value = BODIES.get(code, RAW)
    return bytes.fromhex(header + body), {**header_value, **body_value}


@pytest.mark.parametrize("code", range(256), ids="{:02X}".format)
def test_every_ci_field(code: int) -> None:
    octets, value = user_data_of(code)
    assert_both_ways(ApplicationLayer, bytes([code]) + octets, {"ci_field": code, "user_data": value})
    frame = long_frame(octets, code)
    assert plain(Frame.parse(frame))["user_data"] == value
    assert Frame.build({"c_field": 8, "a_field": 1, "ci_field": code, "user_data": value}) == frame


@pytest.mark.parametrize("code", range(256), ids="{:02X}".format)
def test_every_ci_field_cut_short_keeps_its_octets(code: int) -> None:
    octets, value = user_data_of(code)
    for end in range(len(octets)):
        parsed = Frame.parse(long_frame(octets[:end], code))
        assert plain(parsed.user_data) != value
        assert Frame.build(parsed) == long_frame(octets[:end], code)
        if HEADER_OF[code] in ("short", "long") and end < len(bytes.fromhex(HEADERS[HEADER_OF[code]][0])):
            fault = plain(parsed.user_data)
            assert (fault["malformed"], fault["code"], fault["offset"]) == (
                octets[:end],
                "truncated",
                7 + end,
            )


def test_a_ci_field_by_name_builds_its_own_user_data() -> None:
    by_name = {
        "ci_field": "response, full frame (variable data)",
        "user_data": {"header": LONG_VALUE, **RECORDS},
    }
    assert ApplicationLayer.build(by_name) == bytes.fromhex("72" + LONG + RECORD_OCTETS)


@pytest.mark.parametrize(
    ("code", "user_data"),
    [(0x50, {}), (0x54, {}), (0x5C, {}), (0x70, {}), (0xB8, {}), (0xA0, {}), (0x52, None)],
)
def test_what_may_be_left_out(code: int, user_data: Any) -> None:
    octets = b"\xff" * 8 if code == 0x52 else b""
    assert ApplicationLayer.build({"ci_field": code}) == bytes([code]) + octets
    assert ApplicationLayer.build({"ci_field": code, "user_data": user_data}) == bytes([code]) + octets


@pytest.mark.parametrize(
    ("given", "octets"),
    [
        ({}, "FF FF FF FF FF FF FF FF"),
        ({"identification_number": "1FFFFFFF"}, "FF FF FF 1F FF FF FF FF"),
        ({"manufacturer": "PAD"}, "FF FF FF FF 24 40 FF FF"),
        ({"version": 1}, "FF FF FF FF FF FF 01 FF"),
        ({"device_type": "water meter"}, "FF FF FF FF FF FF FF 07"),
        ({"records": [RECORD]}, "FF FF FF FF FF FF FF FF" + RECORD_OCTETS),
    ],
)
def test_selection_by_wildcards(given: dict[str, Any], octets: str) -> None:
    assert Selection.build(given) == bytes.fromhex(octets)


def test_application_error_without_a_code() -> None:
    value = {"ci_field": 0x70, "user_data": {"error_code": None, "error_data": b""}}
    assert_both_ways(ApplicationLayer, b"\x70", value)
    parsed = ApplicationLayer.parse(b"\x70\x08").user_data
    assert parsed.error_code.name == "application too busy for handling readout request"
    assert ApplicationLayer.parse(b"\x70\xf1").user_data.error_code.name == "manufacturer specific error"


def test_fixed_or_compact_by_length() -> None:
    fixed = bytes.fromhex("78 56 34 12 0A 00 E9 7E 01 00 00 00 35 01 00 00")
    assert "counter_1" in ApplicationLayer.parse(b"\x73" + fixed).user_data
    assert "payload" in ApplicationLayer.parse(b"\x73" + fixed + b"\x00").user_data
    compact = {"header": LONG_VALUE, "format_signature": 1, "full_frame_crc": 2}
    error = build_error(ApplicationLayer, {"ci_field": 0x73, "user_data": compact})
    assert (error.field, error.limit) == ("user_data.payload", "at least one octet")


# --- Security ------------------------------------------------------------------------------------


def encrypted_part(configuration_field: int, payload: bytes, code: int = 0x72) -> bytes:
    """What of the payload is taken for encrypted; the rest is read as records."""
    header = bytes.fromhex("78 56 34 12 24 40 01 07 2A 00" if code == 0x72 else "2A 00")
    octets = bytes([code]) + header + configuration_field.to_bytes(2, "little") + payload
    parsed = ApplicationLayer.parse(octets)
    assert ApplicationLayer.build(parsed) == ApplicationLayer.build(plain(parsed)) == octets
    encrypted: bytes = parsed.user_data.encrypted
    return encrypted


CIPHER = bytes(range(0x80, 0xA0))  # two blocks
PLAIN = bytes.fromhex("0C 78 44 33 22 11")


@pytest.mark.parametrize("code", [0x72, 0x7A])
@pytest.mark.parametrize(
    ("configuration_field", "payload", "length"),
    [
        (0x0520, CIPHER, 32),
        (0x0520, CIPHER + PLAIN, 32),
        (0x0510, CIPHER, 16),
        (0x2520, CIPHER, 32),
        (0x0500, CIPHER, 0),  # no blocks
        (0x0530, CIPHER, 0),  # more blocks than data
        (0x0520, b"\x2f\x2f" + CIPHER, 0),  # plain already
        (0x0020, CIPHER, 0),
        (0xFFFF, CIPHER, 0),  # what meters of 1998 send
        (0x0720, CIPHER[:16], 0),
        (0x0D10, CIPHER[:15], 0),
        (0x0520, b"", 0),
    ],
)
def test_encrypted_blocks(code: int, configuration_field: int, payload: bytes, length: int) -> None:
    assert encrypted_part(configuration_field, payload, code) == payload[:length]


@pytest.mark.parametrize("mode", range(32))
def test_reserved_security_modes_mean_plain_data(mode: int) -> None:
    # 7 and 13 add fields to the header, for which these data have no octet left.
    known = mode in (1, 2, 3, 4, 5, 8, 9, 10, 15)
    assert encrypted_part(mode << 8 | 0x20, CIPHER) == (CIPHER if known else b"")


@pytest.mark.parametrize(
    ("configuration_field", "encrypted"),
    [
        (0, CIPHER),
        (None, CIPHER),
        ({"security_mode": 5, "encrypted_blocks": 1}, CIPHER),
        ({"security_mode": 5, "encrypted_blocks": 2}, CIPHER[:16]),
        ({"security_mode": 7, "encrypted_blocks": 2}, CIPHER[:31]),
        ({"security_mode": 7, "encrypted_blocks": 1}, CIPHER),
        ({"security_mode": 13, "encrypted_octets": 33}, CIPHER),
        (0x0520, b"\x2f\x2f" + CIPHER[2:]),
        (0x0520, "no octets"),
    ],
)
def test_encrypted_octets_must_be_announced(configuration_field: Any, encrypted: Any) -> None:
    header = {**LONG_VALUE, "configuration_field": configuration_field}
    value: dict[str, Any] = {
        "ci_field": 0x72,
        "user_data": {"header": header, "encrypted": encrypted, "records": []},
    }
    assert build_error(ApplicationLayer, value).field == "user_data.encrypted"


@pytest.mark.parametrize("given", [0x0520, {"security_mode": 5, "encrypted_blocks": 2}])
def test_encrypted_octets_build(given: Any) -> None:
    header = {"configuration_field": given}
    value: dict[str, Any] = {
        "ci_field": 0x7A,
        "user_data": {"header": header, "encrypted": CIPHER, "records": []},
    }
    assert ApplicationLayer.build(value) == bytes.fromhex("7A 00 00 20 05") + CIPHER


@pytest.mark.parametrize(
    ("code", "user_data", "field"),
    [
        (0x50, {"sub_codes": [{"application": 16}]}, "user_data.sub_codes.application"),
        (0x50, {"sub_codes": [256]}, "user_data.sub_codes"),
        (0x50, {"sub_codes": 5}, "user_data.sub_codes"),
        (0x52, {"version": 256}, "user_data.version"),
        (0x52, {"manufacturer": "pad"}, "user_data.manufacturer"),
        (0x69, {"length": 256, "format_signature": 0}, "user_data.length"),
        (0x70, {"error_code": 256}, "user_data.error_code"),
        (0x70, {"error_code": 8, "error_data": "ab"}, "user_data.error_data"),
        (0x70, {"error_data": b"ab"}, "user_data.error_code"),
        (0x71, {}, "user_data.alarm_flags"),
        (0x71, {"alarm_flags": 5}, "user_data.alarm_flags"),
        (0x72, {"records": []}, "user_data.header"),
        (0x72, {"header": 5, "records": []}, "user_data.header"),
        (0x79, {"format_signature": 0x10000, "full_frame_crc": 0}, "user_data.format_signature"),
        (0x79, {"format_signature": 0, "full_frame_crc": True}, "user_data.full_frame_crc"),
        (0xA0, {"payload": "ab"}, "user_data.payload"),
        (0xA0, [], "user_data"),
    ],
)
def test_wrong_values(code: int, user_data: Any, field: str) -> None:
    assert build_error(ApplicationLayer, {"ci_field": code, "user_data": user_data}).field == field


@pytest.mark.parametrize(
    ("code", "user_data", "octets"),
    [
        (0x51, {}, "51"),
        (0x72, {"header": LONG_VALUE}, None),
        (0x76, {"header": LONG_VALUE}, None),
        (0x78, {}, "78"),
        (0x7A, {"header": {"configuration_field": 0}}, "7A 00 00 00 00"),
    ],
)
def test_records_are_none_where_none_are_given(code: int, user_data: Any, octets: str | None) -> None:
    built = ApplicationLayer.build({"ci_field": code, "user_data": user_data})
    assert built == ApplicationLayer.build({"ci_field": code, "user_data": {**user_data, "records": []}})
    assert octets is None or built == bytes.fromhex(octets)

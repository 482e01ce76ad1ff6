"""C field, A field, CI field, identification, manufacturer, status."""

from __future__ import annotations

from typing import Any

import pytest

from helpers import assert_both_ways, assert_no_truncation_passes, build_error, plain
from mbus_grammars import AField, CField, CIField, Grammar, LongHeader, ShortHeader, code_tables, fields
from mbus_grammars.bits import CodeTable

IDENTIFICATION = Grammar(fields.IdentificationNumber)
MANUFACTURER = Grammar(fields.Manufacturer)
DEVICE_TYPE = Grammar(fields.DeviceType)


def _primary(name: str | None, function: int, fcb: bool, fcv: bool) -> dict[str, Any]:
    return {"name": name, "res": False, "prm": True, "fcb": fcb, "fcv": fcv, "function": function}


def _secondary(name: str | None, function: int, acd: bool, dfc: bool) -> dict[str, Any]:
    return {"name": name, "res": False, "prm": False, "acd": acd, "dfc": dfc, "function": function}


C_FIELDS = [
    (0x40, _primary("SND_NKE", 0, False, False)),
    (0x53, _primary("SND_UD", 3, False, True)),
    (0x73, _primary("SND_UD", 3, True, True)),
    (0x43, _primary("SND_UD", 3, False, False)),
    (0x49, _primary("REQ_SKE", 9, False, False)),
    (0x5A, _primary("REQ_UD1", 10, False, True)),
    (0x7A, _primary("REQ_UD1", 10, True, True)),
    (0x5B, _primary("REQ_UD2", 11, False, True)),
    (0x7B, _primary("REQ_UD2", 11, True, True)),
    (0x44, _primary(None, 4, False, False)),
    (0x00, _secondary("ACK", 0, False, False)),
    (0x01, _secondary("NACK", 1, False, False)),
    (0x08, _secondary("RSP_UD", 8, False, False)),
    (0x18, _secondary("RSP_UD", 8, False, True)),
    (0x28, _secondary("RSP_UD", 8, True, False)),
    (0x38, _secondary("RSP_UD", 8, True, True)),
    (0x09, _secondary("RSP_UD not available", 9, False, False)),
    (0x0B, _secondary("link status", 11, False, False)),
]


@pytest.mark.parametrize(("octet", "value"), C_FIELDS)
def test_c_field(octet: int, value: dict[str, Any]) -> None:
    assert_both_ways(CField, bytes([octet]), value)
    assert_no_truncation_passes(CField, bytes([octet]))


def test_all_c_fields_build_what_they_parse() -> None:
    for octet in range(256):
        parsed = CField.parse(bytes([octet]))
        assert CField.build(parsed) == CField.build(octet) == bytes([octet])
        assert parsed is not CField.parse(bytes([octet]))
    assert CField.sizeof() == 1


@pytest.mark.parametrize(
    ("given", "octet"),
    [
        ("SND_NKE", 0x40),
        ("SND_UD", 0x53),
        ("REQ_UD1", 0x5A),
        ("REQ_UD2", 0x5B),
        ("REQ_SKE", 0x49),
        ("RSP_UD", 0x08),
        ("RSP_UD not available", 0x09),
        ("ACK", 0x00),
        ("NACK", 0x01),
        ("link status", 0x0B),
        ({"name": "REQ_UD2", "fcb": True}, 0x7B),
        ({"name": "REQ_UD2", "fcv": False}, 0x4B),
        ({"name": "RSP_UD", "acd": True, "dfc": True}, 0x38),
        ({"name": "RSP_UD", "res": True}, 0x88),
        ({"prm": True, "function": 11, "fcv": 1}, 0x5B),
        ({"function": 8}, 0x08),
        ({"name": None, "prm": True, "function": 4}, 0x44),
    ],
)
def test_c_field_short_forms(given: Any, octet: int) -> None:
    assert CField.build(given) == bytes([octet])


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ("REQ_UD3", ""),
        (256, ""),
        (-1, ""),
        (True, ""),
        (None, ""),
        (b"\x40", ""),
        ({"name": "REQ_UD3"}, "name"),
        ({"name": 5}, "name"),
        ({"name": "REQ_UD2", "function": 3}, "name"),  # the bits contradict the name
        ({"name": "REQ_UD2", "prm": False}, "name"),
        ({"name": "RSP_UD", "prm": True}, "name"),
        ({"name": "RSP_UD", "fcb": True}, "fcb"),  # a bit of the other direction
        ({"name": "REQ_UD2", "acd": True}, "acd"),
        ({"name": "REQ_UD2", "fbc": True}, "fbc"),
        ({"function": 16}, "function"),
        ({"function": True}, "function"),
        ({"function": 3, "prm": 2}, "prm"),
    ],
)
def test_c_field_contradictions(given: Any, field: str) -> None:
    assert build_error(CField, given).field == field


@pytest.mark.parametrize(
    ("address", "name"),
    [
        (0, "unconfigured"),
        (1, None),
        (250, None),
        (251, "reserved"),
        (252, "reserved"),
        (253, "selected by secondary address"),
        (254, "all, with reply"),
        (255, "all, without reply"),
    ],
)
def test_a_field(address: int, name: str | None) -> None:
    parsed = AField.parse(bytes([address]))
    assert (parsed, parsed.name) == (address, name)
    assert AField.build(address) == bytes([address])
    if name not in (None, "reserved"):
        assert AField.build(name) == bytes([address])


def test_all_addresses_and_ci_fields_build_what_they_parse() -> None:
    for octet in range(256):
        assert AField.build(AField.parse(bytes([octet]))) == bytes([octet])
        parsed = CIField.parse(bytes([octet]))
        assert parsed.name
        assert CIField.build(parsed) == bytes([octet])


def test_ci_field_by_name() -> None:
    assert CIField.build("command / data send (full frame)") == b"\x51"
    assert build_error(CIField, "no such name").limit.startswith("0 to 255 or a name (app")


@pytest.mark.parametrize(
    ("grammar", "table"),
    [(AField, fields.ADDRESSES), (CIField, fields.CI_NAMES), (DEVICE_TYPE, fields.DEVICE_TYPE_NAMES)],
    ids=["a_field", "ci_field", "device_type"],
)
def test_a_name_of_several_codes_is_refused(grammar: Any, table: CodeTable) -> None:
    codes: dict[str, list[int]] = {}
    for code in table.codes:
        if code.name is not None:
            codes.setdefault(code.name, []).append(code)
    assert max(map(len, codes.values())) > 1
    for name, numbers in codes.items():
        if len(numbers) == 1:
            assert grammar.build(name) == bytes(numbers)
        else:
            limit = build_error(grammar, name).limit
            assert f"{numbers[0]:02X}h" in limit
            assert f"{numbers[-1]:02X}h" in limit
            assert all(grammar.build(table.codes[number]) == bytes([number]) for number in numbers)


def test_the_ci_fields_of_full_frames_are_told_apart_by_number() -> None:
    limit = "several codes have this name, use one of them: 78h, 7Ah"
    assert build_error(CIField, "response, full frame").limit == limit


def test_the_names_of_c_fields_are_unique() -> None:
    for rows in (code_tables.C_FIELDS, code_tables.WIRELESS_C_FIELDS):
        assert len({row.name for row in rows}) == len(rows)


@pytest.mark.parametrize(
    ("grammar", "octets", "value"),
    [
        (IDENTIFICATION, "78 56 34 12", "12345678"),
        (IDENTIFICATION, "04 03 02 01", "01020304"),
        (IDENTIFICATION, "3E 02 00 05", "0500023E"),
        (IDENTIFICATION, "FF FF FF 1F", "1FFFFFFF"),
        (MANUFACTURER, "24 40", "PAD"),
        (MANUFACTURER, "93 15", "ELS"),
        (MANUFACTURER, "21 04", "AAA"),
        (MANUFACTURER, "5A 6B", "ZZZ"),
        (MANUFACTURER, "00 00", "0000"),
        (MANUFACTURER, "FF FF", "FFFF"),
        (MANUFACTURER, "24 C0", "C024"),  # bit 15 set
        (MANUFACTURER, "20 04", "0420"),  # a fifth bit pattern that is no letter
        (MANUFACTURER, "5B 6B", "6B5B"),
        (DEVICE_TYPE, "07", 7),
        (DEVICE_TYPE, "80", 0x80),
    ],
)
def test_identification(grammar: Any, octets: str, value: Any) -> None:
    assert_both_ways(grammar, bytes.fromhex(octets), value)
    assert_no_truncation_passes(grammar, bytes.fromhex(octets))


def test_every_manufacturer_number_builds_back() -> None:
    for number in range(0x10000):
        octets = number.to_bytes(2, "little")
        assert MANUFACTURER.build(MANUFACTURER.parse(octets)) == octets


def test_lower_case_digits_are_taken() -> None:
    assert IDENTIFICATION.build("0500023e") == bytes.fromhex("3E 02 00 05")
    assert MANUFACTURER.build("ffff") == b"\xff\xff"


@pytest.mark.parametrize(
    ("grammar", "given"),
    [
        *(
            (IDENTIFICATION, given)
            for given in (12345678, "1234567", "123456789", "1234567G", None, b"1234", "")
        ),
        *((MANUFACTURER, given) for given in ("pad", "PA", "PADX", "12345", 0x4024, None, "PÄD", "PAD\n")),
        *((DEVICE_TYPE, given) for given in (256, -1, None, "no such thing", True, 7.0)),
    ],
)
def test_wrong_identifications(grammar: Any, given: Any) -> None:
    error = build_error(grammar, given)
    assert error.value == given


def test_device_types_all_have_names() -> None:
    names = [DEVICE_TYPE.parse(bytes([code])).name for code in range(256)]
    assert all(names)
    assert (names[7], names[0x40], names[0xFE]) == ("water meter", "reserved", "reserved")
    assert DEVICE_TYPE.build("water meter") == b"\x07"


def test_status_and_configuration_field_bits() -> None:
    parsed = plain(ShortHeader.parse(bytes.fromhex("2A FE 30 85")))
    assert parsed == {
        "access_number": 42,
        "status": {
            "application": 2,
            "power_low": True,
            "permanent_error": True,
            "temporary_error": True,
            "manufacturer_specific": 7,
        },
        "configuration_field": {
            "hop_counter": False,
            "repeated_access": False,
            "content": 0,
            "encrypted_blocks": 3,
            "security_mode": 5,
            "synchronous": False,
            "accessibility": False,
            "bidirectional": True,
        },
    }
    for grammar, octets in ((ShortHeader, "2A FE 30 85"), (LongHeader, "78563412 2440 01 07 55 03 FF FF")):
        assert_both_ways(grammar, bytes.fromhex(octets), plain(grammar.parse(bytes.fromhex(octets))))
        assert_no_truncation_passes(grammar, bytes.fromhex(octets))


@pytest.mark.parametrize(
    ("bits", "name"),
    [
        (0, "no error"),
        (1, "application busy"),
        (2, "any application error"),
        (3, "abnormal condition or alarm"),
    ],
)
def test_application_status_names(bits: int, name: str) -> None:
    assert ShortHeader.parse(bytes([0, bits, 0, 0])).status.application.name == name
    assert ShortHeader.build({"status": {"application": name}}) == bytes([0, bits, 0, 0])


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ({"access_number": 256}, "access_number"),
        ({"access_number": True}, "access_number"),
        ({"access_number": 10**5000}, "access_number"),
        ({"access_number": "1"}, "access_number"),
        ({"status": 256}, "status"),
        ({"status": "good"}, "status"),
        ({"status": {"application": 4}}, "status.application"),
        ({"status": {"power_low": 2}}, "status.power_low"),
        ({"status": {"power_low": "yes"}}, "status.power_low"),
        ({"configuration_field": {"security_mode": 32}}, "configuration_field.security_mode"),
        ({"configuration_field": {"security_mode": True}}, "configuration_field.security_mode"),
        ({"configuration_field": -1}, "configuration_field"),
    ],
)
def test_wrong_headers(header: dict[str, Any], field: str) -> None:
    assert build_error(ShortHeader, header).field == field

"""Telegrams as values: who, what, every record, and what is to be said about them."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from helpers import long_frame, with_check_sum
from mbus_construct import ChecksumError, DecodeError, IncompleteFrame, LengthError, decode, encode
from telegrams import HEADER, README_TELEGRAM, covered, response
from vectors import FRAMES

GOOD = "04 06 01 00 00 00"
GOOD_VALUE = Decimal(1000)


def test_the_telegram_of_the_readme() -> None:
    telegram = decode(README_TELEGRAM)
    meter = telegram.meter
    assert meter is not None
    assert (meter.identification_number, meter.manufacturer, meter.version) == ("07935343", "LSE", 16)
    assert (meter.device_type, meter.secondary_address) == (4, "0793534365321004")
    assert str(meter.device_type_name).startswith("heat meter")
    assert (telegram.access_number, telegram.status and telegram.status.flags) == (0xCA, ())
    assert (telegram.link, telegram.frame.c_name, telegram.frame.a_field) == ("frame", "RSP_UD", 1)
    values = [
        (record.quantity, record.value, record.unit, record.storage_number) for record in telegram.records
    ]
    assert values == [
        ("energy", Decimal(1400), "Wh", 0),
        ("volume", Decimal("2.013"), "m³", 0),
        ("on time", Decimal(32401), "h", 0),
        ("date and time", datetime(2014, 2, 19, 11, 18), None, 0),
        ("date", None, None, 0),
        ("fabrication number", "07935343", None, 0),
        ("model/version", Decimal(0x1F6000103F2), None, 0),
        ("parameter set identification", "WFM21", None, 0),
        ("metrology firmware version number", Decimal(0), None, 0),
        ("energy", Decimal(1400), "Wh", 1),
        ("volume", Decimal("2.013"), "m³", 1),
        ("date", date(2013, 12, 31), None, 1),
    ]
    assert {record.function for record in telegram.records} == {"instantaneous", "error"}
    assert telegram.manufacturer_data == README_TELEGRAM[-21:-2]
    assert not telegram.more_records_follow
    assert covered(telegram, README_TELEGRAM)


@pytest.mark.parametrize(
    "data",
    [
        README_TELEGRAM,
        bytearray(README_TELEGRAM),
        memoryview(README_TELEGRAM),
        README_TELEGRAM.hex(),
        README_TELEGRAM.hex("-", 2).upper(),
    ],
)
def test_octets_and_hex_are_the_same(data: Any) -> None:
    assert decode(data) == decode(README_TELEGRAM)


@pytest.mark.parametrize("data", [5, None, [0x10, 0x5B], 1.5])
def test_what_holds_no_octets_is_refused(data: Any) -> None:
    with pytest.raises(TypeError):
        decode(data)


@pytest.mark.parametrize(
    ("octets", "error", "code", "offset"),
    [
        ("", DecodeError, "empty", None),
        ("68 04 04 68 08 01 71 05 7E 16", ChecksumError, "checksum", 8),
        ("68 04 04 68 08 01 71 05 7F 17", DecodeError, "stop", 9),
        ("68 04 05 68 08 01 71 05 7F 16", LengthError, "length", 1),
        ("68 04 04 67 08 01 71 05 7F 16", DecodeError, "start", 3),
        ("68 04 04 68 08 01 71", IncompleteFrame, "incomplete_frame", 7),
        ("68 02 02 68 08 01 09 16", LengthError, "length", 1),
        ("68 04 04 68 08 01 71 05 7F 16 00", LengthError, "trailing_octets", 10),
        ("10 5B 01 5D 16", ChecksumError, "checksum", 3),
        ("10 5B 01", IncompleteFrame, "incomplete_frame", 3),
        ("00", DecodeError, None, 0),
    ],
)
def test_a_wrong_link_layer_is_an_error(
    octets: str, error: type, code: str | None, offset: int | None
) -> None:
    with pytest.raises(error) as caught:
        decode(octets)
    fault: Any = caught.value
    assert code is None or fault.code == code
    assert offset is None or fault.offset == offset


def test_an_unknown_form_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match=r"link is one of auto, frame.*'wire'"):
        decode(README_TELEGRAM, link="wire")


@pytest.mark.parametrize(
    ("octets", "format_", "c_name", "a_field"),
    [
        ("E5", "single character", None, None),
        ("10 40 FD 3D 16", "short", "SND_NKE", 253),
        ("10 7B 01 7C 16", "short", "REQ_UD2", 1),
        ("68 03 03 68 53 FE 50 A1 16", "control", "SND_UD", 254),
        ("68 04 04 68 08 01 71 05 7F 16", "long", "RSP_UD", 1),
        ("68 03 03 68 0F 01 50 60 16", "control", None, 1),
    ],
)
def test_frames(octets: str, format_: str, c_name: str | None, a_field: int | None) -> None:
    frame = decode(octets).frame
    assert (frame.format, frame.c_name, frame.a_field) == (format_, c_name, a_field)


def test_status_flags_by_name() -> None:
    header = bytearray(HEADER)
    header[9] = 0b10111101
    status = decode(response(GOOD, header=bytes(header))).status
    assert status is not None
    names = ("application busy", "power low", "permanent error", "temporary error", "manufacturer specific 5")
    assert status.flags == names


# A record that cannot be read, the octet where it is noticed, and how many good records stay of two.
BAD_RECORDS = [
    (GOOD + "04 13 01 00", "truncated", 25 + 4, [GOOD_VALUE, None]),
    (GOOD + "04", "truncated", 25 + 1, [GOOD_VALUE, None]),
    (GOOD + "84" * 12, "truncated", 25 + 12, [GOOD_VALUE, None]),
    (GOOD + "0D 13 F7 01 02", "lvar_reserved", 25 + 2, [GOOD_VALUE, None]),
    (GOOD + "0D 13 05 31 32", "truncated", 25 + 5, [GOOD_VALUE, None]),
    (
        GOOD + "84" + "80" * 10 + "00 06 02 00 00 00" + GOOD,
        "chain_too_long",
        25,
        [GOOD_VALUE, None, GOOD_VALUE],
    ),
    (
        GOOD + "04 86" + "BA" * 10 + "3A 02 00 00 00" + GOOD,
        "chain_too_long",
        25,
        [GOOD_VALUE, None, GOOD_VALUE],
    ),
]


@pytest.mark.parametrize(("records", "code", "offset", "values"), BAD_RECORDS)
def test_a_bad_record_costs_no_other(records: str, code: str, offset: int, values: list[Any]) -> None:
    octets = response(records)
    telegram = decode(octets)
    assert [record.value for record in telegram.records] == values
    bad = telegram.records[1]
    assert (bad.state, bad.quantity, bad.function, bad.offset) == ("error", None, None, 25)
    assert bad.reason
    assert covered(telegram, octets)
    (diagnostic,) = telegram.diagnostics
    assert (diagnostic.severity, diagnostic.code, diagnostic.offset) == ("error", code, offset)
    assert diagnostic.record == 1
    assert telegram.worst == "error"


def test_a_reserved_dif_costs_one_octet() -> None:
    telegram = decode(response("2F" + GOOD + "3F 2F" + GOOD))
    assert [record.value for record in telegram.records] == [GOOD_VALUE, GOOD_VALUE]
    assert [(item.before_record, item.octets) for item in telegram.special_functions] == [
        (0, b"\x2f"),
        (1, b"\x3f"),
        (1, b"\x2f"),
    ]
    (diagnostic,) = telegram.diagnostics
    assert (diagnostic.severity, diagnostic.code, diagnostic.offset) == ("warning", "reserved_dif", 26)


def test_a_reserved_dif_with_extension_bit_may_have_more_octets() -> None:
    telegram = decode(response(GOOD + "FF" + GOOD))
    assert [record.value for record in telegram.records] == [GOOD_VALUE, GOOD_VALUE]
    (diagnostic,) = telegram.diagnostics
    assert (diagnostic.severity, diagnostic.code) == ("error", "reserved_dif")


@pytest.mark.parametrize(("dif", "more"), [("0F", False), ("1F", True)])
@pytest.mark.parametrize("data", ["", "01 02 03"])
def test_manufacturer_data(dif: str, more: bool, data: str) -> None:
    telegram = decode(response(GOOD + dif + data))
    assert telegram.manufacturer_data == bytes.fromhex(data)
    assert telegram.more_records_follow is more
    assert len(telegram.records) == 1


def test_error_digits_in_the_middle_cost_one_value() -> None:
    telegram = decode(response("3C 2A DD B4 EB DD" + GOOD))
    assert [record.state for record in telegram.records] == ["invalid", "ok"]
    assert telegram.records[0].function == "error"
    assert telegram.worst == "info"


# --- Other user data -----------------------------------------------------------------------------


def _fixed(status: int, units: str, counters: str, ci_field: int = 0x73) -> bytes:
    return long_frame(
        bytes.fromhex("78 56 34 12 0A") + bytes([status]) + bytes.fromhex(units + counters), ci_field
    )


def test_fixed_data() -> None:
    octets = _fixed(0, "E9 7E", "01 00 00 00 35 01 00 00")
    telegram = decode(octets)
    first, second = telegram.records
    assert (first.value, first.unit, first.quantity, first.storage_number) == (
        Decimal("0.001"),
        "m³",
        "volume",
        0,
    )
    assert (second.value, second.unit, second.storage_number) == (Decimal("0.135"), "m³", 1)
    assert (first.offset, second.offset, first.data_field) == (15, 19, "8 digit BCD")
    assert telegram.meter is not None
    assert telegram.meter.identification_number == "12345678"
    assert telegram.user_data is not None
    assert telegram.user_data["medium_and_units"]["medium_name"] == "water"
    assert covered(telegram, octets)


@pytest.mark.parametrize(
    ("status", "counter", "value", "state"),
    [
        (1, "FF FF FF FF", Decimal("-0.001"), "ok"),
        (1, "00 00 00 80", Decimal("-2147483.648"), "ok"),
        (1, "FF FF FF 7F", Decimal("2147483.647"), "ok"),
        (0, "01 00 00 F0", Decimal("-0.001"), "ok"),
        (0, "99 99 99 99", Decimal("99999.999"), "ok"),
        (0, "1A 00 00 00", None, "invalid"),
    ],
)
def test_fixed_counters(status: int, counter: str, value: Decimal | None, state: str) -> None:
    first, second = decode(_fixed(status, "29 2C", counter + "01 00 00 00")).records
    assert (first.value, first.state) == (value, state)
    assert (second.value, second.unit) == (1, "m³")


@pytest.mark.parametrize(
    ("medium", "device_type"),
    [
        *zip(range(9), range(9), strict=True),
        (9, None),
        (10, 3),
        (11, 4),
        (12, 6),
        (13, 7),
        (14, 8),
        (15, None),
    ],
)
def test_the_medium_of_fixed_data_is_a_device_type(medium: int, device_type: int | None) -> None:
    # The lower two bits of the medium are bits 6 and 7 of the first octet, the upper two those of the second.
    units = bytes([0x29 | (medium & 3) << 6, 0x2C | (medium >> 2) << 6])
    octets = _fixed(0, units.hex(), "01 00 00 00 01 00 00 00")
    telegram = decode(octets)
    assert telegram.meter is not None
    assert telegram.meter.device_type == device_type
    assert encode(telegram) == octets


def test_temperature_and_heat_cost_allocation_in_fixed_data() -> None:
    first, second = decode(_fixed(0, "38 39", "01 00 00 00 35 01 00 00")).records
    assert (first.quantity, first.value, first.unit, first.kind) == (
        "temperature",
        Decimal("0.001"),
        "°C",
        "instant",
    )
    assert (second.quantity, second.value, second.unit, second.ucum, second.kind) == (
        "heat cost allocation",
        Decimal(135),
        "HCA",
        "{HCA}",
        "counter",
    )


def test_fixed_data_of_a_fixed_date_is_historic() -> None:
    assert [record.storage_number for record in decode(_fixed(2, "29 2C", "00" * 8)).records] == [1, 1]


@pytest.mark.parametrize(("units", "count"), [("00 01", 2), ("3E 3E", 2), ("3A 29", 1)])
def test_fixed_counters_in_units_of_an_unknown_layout_have_no_value(units: str, count: int) -> None:
    telegram = decode(_fixed(0, units, "56 34 12 00 01 00 00 00"))
    assert telegram.records[0].value is None
    assert "123456" in str(telegram.records[0].reason)
    assert [item.code for item in telegram.diagnostics] == ["unknown_unit"] * count


def test_most_significant_octet_first() -> None:
    octets = response(
        "04 13 00 00 30 39 02 65 FF F6 0A 65 F3 21 05 5B 42 48 00 00 0D 78 04 31 32 33 34 0D 13 C3 12 34 56"
        "0D 13 E2 FF FE 04 6D 15 1F 37 32 06 03 FF FF FF FF FF FE 01 13 FF",
        0x76,
        bytes.fromhex("12 34 56 78 40 24 01 07 55 00 00 00"),
    )
    telegram = decode(octets)
    assert telegram.meter == decode(response(GOOD)).meter
    assert [record.value for record in telegram.records] == [
        Decimal("12.345"),
        Decimal("-0.10"),
        Decimal("-3.21"),
        50.0,
        "1234",
        Decimal("123.456"),
        Decimal("-0.002"),
        datetime(2008, 5, 31, 23, 50),
        Decimal(-2),
        Decimal("-0.001"),
    ]


def test_fixed_data_most_significant_octet_first() -> None:
    octets = long_frame(bytes.fromhex("12 34 56 78 0A 01 E9 7E FF FF FF FE 00 00 01 35"), 0x77)
    telegram = decode(octets)
    assert telegram.meter is not None
    assert telegram.meter.identification_number == "12345678"
    assert [record.value for record in telegram.records] == [Decimal("-0.002"), Decimal("0.309")]


def test_encrypted_data_are_kept_and_said() -> None:
    header = HEADER[:10] + bytes.fromhex("20 05")
    telegram = decode(response("80" * 32 + GOOD, header=header))
    assert telegram.encrypted == b"\x80" * 32
    assert [record.value for record in telegram.records] == [GOOD_VALUE]
    assert [item.code for item in telegram.diagnostics] == ["encrypted"]
    assert telegram.configuration_field == 0x0520


@pytest.mark.parametrize("configuration", ["FF FF", "27 B6", "00 05", "20 1E"])
def test_anything_in_the_configuration_field_of_old_meters_is_plain_data(configuration: str) -> None:
    telegram = decode(response(GOOD, header=HEADER[:10] + bytes.fromhex(configuration)))
    assert [record.value for record in telegram.records] == [GOOD_VALUE]
    assert telegram.encrypted == b""


@pytest.mark.parametrize(
    ("ci_field", "user_data", "code", "severity", "words"),
    [
        (0x70, "08", "application_error", "info", "too busy"),
        (0x70, "", "application_error", "info", "unspecified"),
        (0x70, "0B", "application_error", "info", "0Bh"),
        (0xA0, "01 02", "no_grammar", "warning", "CI A0h"),
        (0x73, "01 02", "truncated", "error", "user data"),
        (0x72, "78 56", "truncated", "error", "user data"),
        (0xB8, "01", "no_grammar", "warning", "CI B8h"),
    ],
)
def test_telegrams_without_records(
    ci_field: int, user_data: str, code: str, severity: str, words: str
) -> None:
    telegram = decode(long_frame(bytes.fromhex(user_data), ci_field))
    (diagnostic,) = telegram.diagnostics
    assert (diagnostic.code, diagnostic.severity) == (code, severity)
    assert words in diagnostic.message
    assert telegram.user_data is not None
    assert not telegram.records


def test_an_alarm_keeps_its_flags() -> None:
    telegram = decode("68 04 04 68 08 01 71 05 7F 16")
    assert telegram.user_data == {"alarm_flags": "05"}
    assert telegram.diagnostics == ()


def test_a_command_has_actions_not_errors() -> None:
    telegram = decode("68 0A 0A 68 53 05 51 0C 86 08 11 05 00 00 59 16")
    (record,) = telegram.records
    assert (record.value, record.unit, record.state) == (Decimal(511000), "Wh", "ok")
    assert record.qualifiers == ("action: add entry",)
    telegram = decode(long_frame(bytes.fromhex("04 93 0C 02 13 05 00"), 0x51, 0x53))
    assert [(record.value, record.length) for record in telegram.records] == [
        (None, 3),
        (Decimal("0.005"), 4),
    ]


def test_a_selection_names_whom_it_selects() -> None:
    telegram = decode("68 11 11 68 53 FD 52 FF FF FF FF FF FF FF FF 0C 78 04 03 02 01 28 16")
    assert telegram.meter is not None
    assert telegram.meter.secondary_address == "FFFFFFFFFFFFFFFF"
    assert [record.value for record in telegram.records] == ["01020304"]


@pytest.mark.parametrize(
    ("record", "value"),
    [("0C 78 FF FF 34 12", "1234FFFF"), ("0C 78 FF FF FF FF", "FFFFFFFF"), ("0C 78 34 12 00 F0", "F0001234")],
)
def test_any_digits_in_an_enhanced_selection(record: str, value: str) -> None:
    octets = long_frame(b"\xff" * 8 + bytes.fromhex(record), 0x52, 0x53)
    telegram = decode(octets)
    (found,) = telegram.records
    assert (found.value, found.state) == (value, "ok")
    assert telegram.diagnostics == ()
    assert encode(telegram) == octets
    (from_meter,) = decode(response(record)).records
    assert (from_meter.value, from_meter.state) == (None, "invalid")


def test_values_are_frozen() -> None:
    telegram = decode(README_TELEGRAM)
    things: list[Any] = [telegram, telegram.meter, telegram.frame, telegram.status, telegram.records[0]]
    for thing in things:
        name = dataclasses.fields(thing)[0].name
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(thing, name, None)


@pytest.mark.parametrize("octets", FRAMES, ids=lambda octets: octets[:12].hex())
def test_every_frame_of_the_vectors_decodes(octets: bytes) -> None:
    telegram = decode(octets)
    assert covered(telegram, octets)
    assert telegram.worst != "error"
    assert with_check_sum(octets) == octets

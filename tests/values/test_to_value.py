"""Values of records: exact, with their unit, or None with the reason."""

from __future__ import annotations

import decimal
import math
import struct
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from mbus_construct import decode
from mbus_grammars import DataRecord, meaning_of
from telegrams import one

INTEGERS = [
    ("01 13 85", "-0.123", "m³"),
    ("01 13 7F", "0.127", "m³"),
    ("02 65 F6 FF", "-0.10", "°C"),
    ("03 13 FF FF FF", "-0.001", "m³"),
    ("03 13 01 00 80", "-8388.607", "m³"),
    ("04 06 FF FF FF FF", "-1000", "Wh"),
    ("06 03 FE FF FF FF FF FF", "-2", "Wh"),
    ("06 03 FF FF FF FF FF 7F", "140737488355327", "Wh"),
    ("07 03 FE FF FF FF FF FF FF FF", "-2", "Wh"),
    ("07 00 FF FF FF FF FF FF FF 7F", "9223372036854775.807", "Wh"),
    ("04 07 FF FF FF 7F", "21474836470000", "Wh"),
    ("02 7C 03 48 52 25 34 12", "4660", "%RH"),
    ("02 FC 03 48 52 25 74 34 12", "46.60", "%RH"),
    ("02 FC 74 03 48 52 25 34 12", "46.60", "%RH"),
]
UNSIGNED = [
    ("01 FD 0C 80", "128", None),  # version: type C
    ("02 FD 17 00 80", "32768", None),  # error flags: type D
    ("04 FD 1B FF FF FF FF", "4294967295", None),  # digital input: type D, all ones are all inputs
    ("02 FD 2D FE FF", "65534", "min"),
    ("02 FB 1A FE FF", "6553.4", "%"),
    ("02 FD 71 C4 FF", "-60", "dBm"),  # RF level is type B
    ("02 83 FC 11 FE FF", "65534", "Wh"),  # VIFE FC 11h: data presented with type C
    ("02 FD 67 FE FF", "-2", None),  # of any type: B, as nothing says otherwise
    ("02 FF 20 FE FF", "-2", None),  # manufacturer specific: type B
]

BCD = [
    ("09 5B 42", "42", "°C"),
    ("09 5B F5", "-5", "°C"),
    ("0A 65 21 F3", "-3.21", "°C"),
    ("0B 13 56 34 12", "123.456", "m³"),
    ("0C 06 78 56 34 12", "12345678000", "Wh"),
    ("0C 13 01 00 00 F0", "-0.001", "m³"),
    ("0E 13 56 34 12 90 78 56", "567890123.456", "m³"),
    ("0E 13 99 99 99 99 99 F9", "-99999999.999", "m³"),
]

LVAR = [
    ("0D 13 C3 56 34 12", "123.456"),
    ("0D 13 C9 99 99 99 99 99 99 99 99 99", "999999999999999.999"),
    ("0D 13 D2 34 12", "-1.234"),
    ("0D 13 D1 00", "0.000"),
    ("0D 13 E1 FF", "-0.001"),
    ("0D 13 E5 FF FF FF FF FF", "-0.001"),
    ("0D 13 E5 00 00 00 00 01", "4294967.296"),
    ("0D 13 F0 01" + "00" * 15, "0.001"),
    ("0D 13 F4" + "FF" * 32, "-0.001"),
    ("0D 13 F5 FE" + "FF" * 47, "-0.002"),
    ("0D 13 F6" + "FF" * 63 + "7F", f"{2**511 - 1}E-3"),
    ("0D FD 0C E1 FE", "254"),  # type C
    ("0D FD 0C F6 FE" + "FF" * 63, str(2**512 - 2)),
]

# value = raw * scale * factors + constants, whatever the order of the VIFEs.
CORRECTED = [
    ("02 93 70 0A 00", "1.0E-8"),  # 10^-3 * 10^-6
    ("02 93 76 0A 00", "0.010"),
    ("02 93 77 0A 00", "0.10"),
    ("02 93 7D 0A 00", "10"),
    ("02 93 F0 F0 7D 0A 00", "1.0E-11"),
    ("02 93 78 0A 00", "0.011"),
    ("02 93 7B 0A 00", "1.010"),
    ("02 93 F3 7A 0A 00", "0.10001"),
    ("02 93 FA 73 0A 00", "0.10001"),
    ("02 93 F8 F9 FA 7B 0A 00", "1.121"),
    ("02 93 7B F6 FF", "0.990"),
    ("0D 93 7B D2 34 12", "-0.234"),
    ("0D 93 F7 78 D2 34 12", "-12.339"),
    ("0A 93 7B 21 F3", "0.679"),
    ("02 FB 94 75 0A 00", "1.0"),
    ("0D 93 78 F6" + "FF" * 63 + "7F", f"{2**511}E-3"),
]

UNITS = [
    ("02 AB 20 01 00", "W/s", "W/s"),
    ("02 AB 25 01 00", "W/month", "W/mo"),
    ("02 93 22 01 00", "m³/h", "m3/h"),
    ("02 83 AF 22 01 00", "Wh/K/h", "W.h/K/h"),
    ("02 83 2D 01 00", "Wh/m³", "W.h/m3"),
    ("02 83 30 01 00", "Wh/kWh", "W.h/(kW.h)"),
    ("02 AB 36 01 00", "W·s", "W.s"),
    ("02 93 28 01 00", "m³/pulse", "m3/{pulse}"),
    ("02 93 27 01 00", "m³/revolution", "m3/{revolution}"),
    ("02 FD 3A 01 00", None, "1"),
    ("02 6E 01 00", "HCA", "{HCA}"),
    ("02 FD 69 01 00", "d", "d"),
    ("02 FD 6F 01 00", "year", "a"),
    ("02 7C 03 48 52 25 01 00", "%RH", None),
    ("02 FB 02 01 00", "varh", None),
    ("02 FD 47 01 00", "V", "V"),
    ("02 13 01 00", "m³", "m3"),
]

# What is no number of its type: state "invalid" with the reason, the record and its octets stay.
INVALID = [
    ("0A 65 21 E3", "E321", "invalid_bcd", "warning"),
    ("0C 13 1A 00 00 00", "0000001A", "invalid_bcd", "warning"),
    ("0C 13 00 00 00 F0", "F0000000", "invalid_bcd", "warning"),  # minus zero
    ("3C 2A DD B4 EB DD", "DDEBB4DD", "invalid_bcd", "info"),  # value during error state
    ("0D 13 C1 F5", "F5", "invalid_bcd", "warning"),  # the sign is the LVAR octet's
    ("0D 13 C0", "no digits", "invalid_bcd", "warning"),
    ("0D 13 E0", "no data", "no_data", "info"),
    ("01 13 80", "-0.128", "no_value_mark", "info"),
    ("02 65 00 80", "-327.68", "no_value_mark", "info"),
    ("03 13 00 00 80", "-8388.608", "no_value_mark", "info"),
    ("0D 13 E2 00 80", "-32.768", "no_value_mark", "info"),
    ("05 5B 00 00 C0 7F", "7FC00000", "not_a_number", "info"),
    ("05 5B 00 00 80 7F", "infinity", "not_a_number", "info"),
    ("05 5B 00 00 80 FF", "minus infinity", "not_a_number", "info"),
    ("04 6D A1 15 E9 17", "marks the time as invalid", "time_marked_invalid", "info"),
    ("04 6D 00 00 00 00", "no date set", "no_date", "info"),
    ("04 6D 00 00 1E 12", "month 2, day 30", "invalid_date", "warning"),
    ("04 6D 00 19 01 11", "hour 25", "invalid_date", "warning"),
    ("02 6C 00 00", "no date set", "no_date", "info"),
    ("02 6C FF FF", "no date set", "no_date", "info"),
    ("02 6C 01 1D", "month 13", "invalid_date", "warning"),
    ("02 6C 81 C1", "year 100", "invalid_date", "warning"),
    ("06 6D 00 80 09 14 27 00", "marks the time as invalid", "time_marked_invalid", "info"),
    ("06 6D 3C 00 09 14 27 00", "second 60", "invalid_date", "warning"),
    ("06 6D 00 00 00 00 00 00", "no date set", "no_date", "info"),
    ("03 6D FF FF FF", "no time set", "no_date", "info"),
    ("03 6D 00 00 18", "hour 24", "invalid_date", "warning"),
    ("02 6D 01 11", "01 11", "wrong_data_type", "warning"),  # a date and time has no two octets
    ("04 6C 32 37 1F 15", "32 37 1F 15", "wrong_data_type", "warning"),
    ("0A 6C 31 12", "1231", "wrong_data_type", "warning"),
    ("0D 6D C2 34 12", "1234", "wrong_data_type", "warning"),
    ("05 6C 00 00 48 42", "50.0", "wrong_data_type", "warning"),
    ("0D 13 00", "a volume cannot be ''", "wrong_data_type", "warning"),
    ("0D 13 02 31 32", "a volume cannot be '21'", "wrong_data_type", "warning"),
    ("0D 6C 02 31 32", "a date cannot be '21'", "wrong_data_type", "warning"),
    ("0D 93 6A 02 31 32", "a volume cannot be '21'", "wrong_data_type", "warning"),
    ("0D 13 CA" + "11" * 10, "unknown layout: 11 11", "raw_octets", "info"),  # MBDOC48's long BCD
    ("02 6C FF F0", "day 31, month 0", "invalid_date", "warning"),  # recurs in every year
    ("02 6C FF FD", "day 31, month 13", "invalid_date", "warning"),
    ("02 6C E0 F0", "month 0", "invalid_date", "warning"),  # every year, every day
    ("02 6C 60 DF", "year 107", "invalid_date", "warning"),  # every day, every month
    ("04 6D 00 39 00 1F", "hour 25", "invalid_date", "warning"),
    ("04 6D 3F 19 01 11", "hour 25", "invalid_date", "warning"),  # every minute
    ("04 6D 3F 00 00 1D", "month 13", "invalid_date", "warning"),
    ("03 6D 3F 3C 01", "minute 60", "invalid_date", "warning"),  # every second
    ("03 6D 3F 00 18", "hour 24", "invalid_date", "warning"),
    ("06 6D 3F 00 19 14 27 00", "hour 25", "invalid_date", "warning"),
    ("0C 78 1A 00 00 00", "0000001A", "invalid_bcd", "warning"),
    ("0C 78 01 00 00 F0", "-1: no identification", "invalid_bcd", "warning"),
    ("0D 78 D2 34 12", "-1234: no identification", "invalid_bcd", "warning"),
    ("0D 78 C0", "no digits: no identification", "invalid_bcd", "warning"),
]

DATES = [
    ("04 6D 32 37 1F 15", datetime(2008, 5, 31, 23, 50)),
    ("04 6D 10 09 05 C5", datetime(1996, 5, 5, 9, 16)),
    ("04 6D 12 0B D3 12", datetime(2014, 2, 19, 11, 18)),
    ("04 6D 00 40 1F 5C", datetime(2140, 12, 31)),  # hundred-year bits 2
    ("02 6C BF 1C", date(2013, 12, 31)),
    ("02 6C 21 A1", date(1981, 1, 1)),
    ("02 6C 01 A1", date(2080, 1, 1)),
    ("06 6D 00 00 09 14 27 00", datetime(2016, 7, 20, 9)),
    ("06 6D 1A 2F 4A 51 27 1D", datetime(2018, 7, 17, 10, 47, 26)),
    ("06 6D 1E 0A 0B E0 F0 00", time(11, 10, 30)),  # date 0/0/127: not specified
    ("03 6D 3B 30 0B", time(11, 48, 59)),
    ("03 6D 00 00 00", time(0, 0)),
    ("02 93 6A BF 1C", date(2013, 12, 31)),  # date of begin of first
    ("04 93 6F 32 37 1F 15", datetime(2008, 5, 31, 23, 50)),
    ("04 93 39 32 37 1F 15", datetime(2008, 5, 31, 23, 50)),
    ("02 FD 30 BF 1C", date(2013, 12, 31)),
    ("04 FD 70 32 37 1F 15", datetime(2008, 5, 31, 23, 50)),
]

TEXTS = [
    ("0D 78 11 34 31 38 35 30 32 38 30 32 31 39 35 37 31 30 30 47", "G0017591208205814"),
    ("0D FD 11 02 FC 66", "fü"),
    ("0D FD 11 00", ""),
    ("0D 7C 01 6D 02 31 32", "21"),  # plain text may have a text
    ("0C 78 04 03 02 01", "01020304"),
    ("0E 78 04 03 02 01 00 00", "000001020304"),
    ("0C 79 04 03 02 01", "01020304"),
    ("0D 78 C2 34 02", "0234"),
    ("07 79 04 03 02 01 24 40 01 04", "0102030424400104"),
    ("02 FD 0A 24 40", "PAD"),
    ("02 FD 0A FF FF", "FFFF"),
]


@pytest.mark.parametrize(("octets", "value", "unit"), [*INTEGERS, *UNSIGNED, *BCD])
def test_numbers(octets: str, value: str, unit: str | None) -> None:
    record = one(octets)
    assert isinstance(record.value, Decimal)
    assert (record.value, record.unit, record.state) == (Decimal(value), unit, "ok")


@pytest.mark.parametrize(("octets", "value"), [*LVAR, *CORRECTED])
def test_long_and_corrected_numbers(octets: str, value: str) -> None:
    record = one(octets)
    assert isinstance(record.value, Decimal)
    assert (record.value, record.state) == (Decimal(value), "ok")


@pytest.mark.parametrize("precision", [1, 5, 28])
def test_the_callers_decimal_context_does_not_matter(precision: int) -> None:
    with decimal.localcontext() as context:
        context.prec = precision
        for octets, value, *_ in [*INTEGERS, *UNSIGNED, *BCD, *LVAR, *CORRECTED]:
            record = decode(octets, link="records").records[0]
            assert record.value == Decimal(value)
            assert record.to_dict()["value"] is not None


def test_additive_constants_are_exact_in_any_context() -> None:
    with decimal.localcontext() as context:
        context.prec = 1
        assert meaning_of(0x13, [0x78, 0x79, 0x7A, 0x7B]).offset == Decimal("1.111")


def test_trailing_zeros_show_the_resolution() -> None:
    assert one("02 65 0A 00").bare_value_text == "0.10"
    assert one("0C 13 00 00 00 00").bare_value_text == "0.000"
    assert one("04 07 01 00 00 00").bare_value_text == "10000"


@pytest.mark.parametrize(("octets", "unit", "ucum"), UNITS)
def test_units(octets: str, unit: str | None, ucum: str | None) -> None:
    record = one(octets)
    assert (record.unit, record.ucum, record.state) == (unit, ucum, "ok")


@pytest.mark.parametrize(
    ("octets", "qualifier", "unit", "value"),
    [
        ("02 93 60 FE FF", "duration of first", "s", 65534),
        ("02 93 67 05 00", "duration of last", "d", 5),
        ("02 93 52 05 00", "duration of first lower limit exceed", "h", 5),
        ("02 93 41 FE FF", "number of exceeds of lower limit", None, 65534),
        ("0A 93 49 21 03", "number of exceeds of upper limit", None, 321),
    ],
)
def test_vifes_that_replace_unit_and_scale(octets: str, qualifier: str, unit: str | None, value: int) -> None:
    record = one(octets)
    assert record.qualifiers == (qualifier,)
    assert (record.value, record.unit) == (value, unit)


def test_qualifiers_in_wire_order() -> None:
    record = one("04 83 BC 92 C8 40 01 00 00 00")
    assert record.qualifiers == (
        "accumulation of absolute value of negative contributions",
        "average value",
        "upper limit value",
        "lower limit value",
    )
    assert one("02 93 28 01 00").qualifiers == ("increment per input pulse on input channel 0",)
    assert one("02 93 2B 01 00").qualifiers == ("increment per output pulse on output channel 1",)


@pytest.mark.parametrize(("octets", "reason", "code", "severity"), INVALID)
def test_no_value_has_a_reason(octets: str, reason: str, code: str, severity: str) -> None:
    telegram = decode(octets, link="records")
    (record,) = telegram.records
    assert (record.value, record.state) == (None, "invalid")
    assert reason in str(record.reason)
    (diagnostic,) = telegram.diagnostics
    assert (diagnostic.code, diagnostic.severity, diagnostic.record) == (code, severity, 0)
    assert diagnostic.offset == record.length - len(record.data)


@pytest.mark.parametrize(
    ("octets", "value"), [("01 FD 0C FF", 255), ("02 FD 2D FF FF", 65535), ("0D FD 0C E1 FF", 255)]
)
def test_all_ones_of_an_unsigned_number_keep_the_number_and_are_flagged(octets: str, value: int) -> None:
    telegram = decode(octets, link="records")
    (record,) = telegram.records
    assert (record.value, record.state) == (value, "ok")
    assert record.reason == "highest number, may be the mark for 'no value'"
    assert [item.code for item in telegram.diagnostics] == ["no_value_mark"]


@pytest.mark.parametrize(("octets", "value"), DATES)
def test_dates(octets: str, value: Any) -> None:
    record = one(octets)
    assert (record.value, record.state) == (value, "ok")
    assert type(record.value) is type(value)
    assert getattr(record.value, "tzinfo", None) is None
    assert (record.unit, record.kind) == (None, "date")


def test_summer_time_is_a_flag() -> None:
    assert one("04 6D 2D AD 11 35").flags == ("summer time",)
    assert one("04 6D 2D 2D 11 35").flags == ()
    assert one("06 6D 40 00 09 14 27 00").flags == ("summer time",)


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        ("02 6C FF FC", "recurs: every year at month 12, day 31"),
        ("04 6D 00 3F 00 1F", "recurs: every month, every day, every hour at year 8, minute 0"),
        ("03 6D 3F 00 0C", "recurs: every second at hour 12, minute 0"),
        (
            "06 6D 3F 3F 1F 14 27 00",
            "recurs: every hour, every minute, every second at year 16, month 7, day 20",
        ),
    ],
)
def test_a_recurring_date_is_no_date_and_says_so(octets: str, reason: str) -> None:
    record = one(octets)
    assert (record.value, record.state) == (None, "ok")
    assert sorted(str(record.reason).split()) == sorted(reason.split())


@pytest.mark.parametrize(("octets", "value"), TEXTS)
def test_texts_and_identifications(octets: str, value: str) -> None:
    record = one(octets)
    assert (record.value, record.state) == (value, "ok")


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        ("0D FD 3B 03 01 02 03", b"\1\2\3"),
        ("0D FD 76 00", b""),
        ("0D 6D E3 01 02 03", b"\1\2\3"),  # type M
        ("0D FD 73 EB" + "11" * 11, b"\x11" * 11),  # type L
        ("0D FD 0C CA" + "11" * 10, b"\x11" * 10),  # MBDOC48's long BCD
    ],
)
def test_layouts_that_are_not_known_stay_octets(octets: str, value: bytes) -> None:
    assert one(octets).value == value


@pytest.mark.parametrize(
    ("number", "vib", "value"),
    [
        ("42480000", "5B", 50.0),
        ("42D7E3B4", "3B", 0.10794473),
        ("4651C8A0", "2E", 13426156.0),
        ("3DCCCCCD", "13", 0.0001),
        ("3DCCCCCD", "93 7D", 0.1),
        ("3F800000", "93 F3 7A", 0.100001),
        ("80000000", "5B", 0.0),
        ("00000001", "5B", 1.4013e-45),
        ("7F7FFFFF", "5F", 3.4028235e38),
    ],
)
def test_reals(number: str, vib: str, value: float) -> None:
    record = one(f"05 {vib} {bytes.fromhex(number)[::-1].hex()}")
    assert isinstance(record.value, float)
    assert record.value == value


def test_a_real_is_the_shortest_decimal_that_is_the_same_binary_number() -> None:
    for number in range(0x3A000000, 0x50000000, 0x00A3D70B):
        octets = number.to_bytes(4, "little")
        value = one(f"05 5B {octets.hex()}").value
        assert isinstance(value, float)
        assert struct.pack("<f", value) == octets
        assert len(repr(value).replace(".", "").strip("0").split("e")[0]) <= 9


def test_storage_tariff_and_subunit_over_ten_difes() -> None:
    record = one("C4" + "FF" * 9 + "7F 03 01 00 00 00")
    assert (record.storage_number, record.tariff, record.subunit) == (2**41 - 1, 2**20 - 1, 2**10 - 1)
    record = one("84" + "80" * 9 + "48 03 01 00 00 00")
    assert (record.storage_number, record.tariff, record.subunit) == (8 << 37, 0, 1 << 9)
    record = one("C4 D5 33 06 01 00 00 00")
    assert (record.storage_number, record.tariff, record.subunit) == (107, 13, 1)


@pytest.mark.parametrize(
    ("octets", "name"),
    [
        ("0C 93 18 00 00 00 00", "data error"),
        ("02 93 15 00 00", "no data available (undefined value)"),
        ("02 93 0E 00 00", "VIF/DIF mismatch"),
        ("01 FD 9A 15 00", "no data available (undefined value)"),
    ],
)
def test_a_record_error_leaves_no_value(octets: str, name: str) -> None:
    record = one(octets)
    assert (record.value, record.state, record.reason) == (None, "error", f"the meter reports: {name}")
    assert record.data


@pytest.mark.parametrize("octets", ["04 6F 01 00 00 00", "04 FB 07 01 00 00 00", "04 FD 7C 01 00 00 00"])
def test_an_unknown_vif_keeps_the_raw_number(octets: str) -> None:
    telegram = decode(octets, link="records")
    (record,) = telegram.records
    assert (record.value, record.unit, record.kind) == (1, None, "unknown")
    assert [item.code for item in telegram.diagnostics] == ["unknown_vif"]


@pytest.mark.parametrize(
    "vib",
    ["FB 69", "83 3D", "93 10", "93 11", "93 44", "93 4C", "93 FC 00", "93 FC 16", "93 7C", "93 FB 10"],
)
def test_an_unknown_scale_is_not_guessed(vib: str) -> None:
    telegram = decode(f"02 {vib} 2C 01", link="records")
    (record,) = telegram.records
    assert (record.value, record.unit, record.ucum, record.state) == (300, None, None, "ok")
    assert [item.code for item in telegram.diagnostics] == ["unknown_scale"]


def test_data_presented_with_another_type_have_no_unit() -> None:
    record = one("02 93 FC 12 2C 01")  # type D: bits
    assert (record.value, record.unit, record.kind) == (300, None, "state")
    record = one("02 EC FC 11 2C 01")  # a date made a number
    assert (record.value, record.unit, record.kind) == (300, None, "unknown")


@pytest.mark.parametrize("vib", ["93 EA 22", "93 A2 6A", "93 B9 2D"])
def test_the_date_of_something_has_no_unit(vib: str) -> None:
    record = one(f"02 {vib} BF 1C")
    assert (record.value, record.unit, record.ucum, record.kind) == (date(2013, 12, 31), None, None, "date")


@pytest.mark.parametrize(
    ("octets", "value"),
    [("02 7F 2C 01", 300), ("02 FF 05 2C 01", 300), ("02 93 7F 2C 01", Decimal("0.300"))],
)
def test_what_only_the_manufacturer_knows(octets: str, value: Any) -> None:
    record = one(octets)
    assert (record.value, record.state) == (value, "ok")
    header: Any = DataRecord.parse(bytes.fromhex(octets))._header
    assert header.meaning.manufacturer_specific
    assert not header.meaning.known


def test_only_reals_are_floats_and_none_is_inf_or_nan() -> None:
    for high in range(0x7F, 0x100, 0x80):
        for octet in (0x7F, 0x80, 0xC0, 0xFF):
            value = one(f"05 13 00 00 {octet:02X} {high:02X}").value
            assert value is None or math.isfinite(value)  # type: ignore[arg-type]

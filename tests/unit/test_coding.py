"""Data types A to K: values, invalid octets that are kept, limits."""

from __future__ import annotations

import math
from typing import Any

import pytest

from helpers import assert_both_ways, assert_no_truncation_passes, build_error, plain
from mbus_grammars import Grammar, TypeF, TypeG, TypeH, TypeI, TypeJ, TypeK, coding

A = {length: Grammar(coding.type_a(length)) for length in (0, 1, 2, 3, 4, 6, 9)}
B = {length: Grammar(coding.type_b(length)) for length in (1, 2, 3, 4, 6, 8, 15, 64)}
C = {length: Grammar(coding.type_c(length)) for length in (1, 2, 3, 4, 6, 8, 15, 64)}

NUMBERS: list[tuple[Any, str, Any]] = [
    (A[1], "42", 42),
    (A[1], "00", 0),
    (A[1], "F5", -5),
    (A[1], "F0", "F0"),  # a negative zero is kept as digits
    (A[2], "23 F1", -123),
    (A[2], "23 E1", "E123"),
    (A[2], "2A 01", "012A"),
    (A[2], "F0 00", "00F0"),
    (A[2], "00 F0", "F000"),
    (A[2], "99 F9", -999),
    (A[3], "56 34 12", 123456),
    (A[4], "78 56 34 12", 12345678),
    (A[4], "DD B4 EB DD", "DDEBB4DD"),
    (A[4], "FF FF FF FF", "FFFFFFFF"),
    (A[6], "56 34 12 90 78 56", 567890123456),
    (A[6], "99 99 99 99 99 F9", -99999999999),
    (A[9], "99" * 9, 10**18 - 1),
    (A[0], "", ""),
    (B[1], "FF", -1),
    (B[1], "80", -128),
    (B[2], "F6 FF", -10),
    (B[2], "FF 7F", 32767),
    (B[3], "FF FF FF", -1),
    (B[3], "00 00 80", -(1 << 23)),
    (B[3], "FF FF 7F", (1 << 23) - 1),
    (B[4], "00 00 00 80", -(1 << 31)),
    (B[6], "FF FF FF FF FF FF", -1),
    (B[6], "00 00 00 00 00 80", -(1 << 47)),
    (B[8], "01 00 00 00 00 00 00 00", 1),
    (B[15], "FF" * 15, -1),
    (B[64], "00" * 63 + "80", -(1 << 511)),
    (C[1], "FF", 255),
    (C[2], "FF FF", 65535),
    (C[3], "FF FF FF", (1 << 24) - 1),
    (C[3], "01 02 03", 0x030201),
    (C[4], "FF FF FF FF", (1 << 32) - 1),
    (C[6], "FF FF FF FF FF FF", (1 << 48) - 1),
    (C[8], "FF" * 8, (1 << 64) - 1),
    (C[15], "01" + "00" * 14, 1),
    (C[64], "FF" * 64, (1 << 512) - 1),
    (TypeH, "00 00 48 42", 50.0),
    (TypeH, "00 00 00 80", -0.0),
    (TypeH, "00 00 80 7F", math.inf),
    (TypeH, "00 00 80 FF", -math.inf),
    (TypeH, "01 00 00 00", 1.401298464324817e-45),
    (TypeH, "FF FF 7F 7F", 3.4028234663852886e38),
    (TypeH, "00 00 C0 7F", "7FC00000"),  # no number: its digits, which tell the payload
    (TypeH, "01 00 80 7F", "7F800001"),  # a signalling one
    (TypeH, "FF FF FF FF", "FFFFFFFF"),
]


@pytest.mark.parametrize(("grammar", "octets", "value"), NUMBERS)
def test_numbers(grammar: Any, octets: str, value: Any) -> None:
    assert_both_ways(grammar, bytes.fromhex(octets), value)
    assert_no_truncation_passes(grammar, bytes.fromhex(octets))
    assert type(grammar.parse(bytes.fromhex(octets))) is type(value)


def test_all_pairs_of_digits_build_back() -> None:
    for grammar, lead in ((A[1], b""), (A[2], b"\x12")):
        for octet in range(256):
            octets = lead + bytes([octet])
            assert grammar.build(grammar.parse(octets)) == octets


@pytest.mark.parametrize(
    ("grammar", "given"),
    [
        *(
            (A[2], given)
            for given in (10000, -1000, "123", "12345", "123G", 1.5, True, None, b"12", 10**4000, "")
        ),
        *((A[0], given) for given in (0, 1, -1, "0")),
        *((B[1], given) for given in (128, -129, "1", 1.0, True, None, 10**4000, -(10**4000), b"\x01")),
        *((B[3], given) for given in (1 << 23, -(1 << 23) - 1, False)),
        *((C[1], given) for given in (256, -1, True, "FF", None)),
        *((C[6], given) for given in (1 << 48, -1)),
        *((TypeH, given) for given in (1e39, -1e39, 10**400, "7FC0000", "x", True, None, b"\x00" * 4, [1.0])),
    ],
)
def test_values_that_do_not_fit(grammar: Any, given: Any) -> None:
    assert build_error(grammar, given).value is given


def test_limits_are_named() -> None:
    assert build_error(A[2], 10000).limit == "-999 to 9999, or a string of 4 digits"
    assert build_error(B[3], 1 << 23).limit == "an integer from -8388608 to 8388607"
    assert build_error(C[2], -1).limit == "an integer from 0 to 65535"


def test_numbers_written_in_another_way() -> None:
    assert A[2].build("e123") == bytes.fromhex("23 E1")
    assert A[2].build("0007") == bytes.fromhex("07 00")
    assert TypeH.build(50) == bytes.fromhex("00 00 48 42")
    assert TypeH.build("42480000") == bytes.fromhex("00 00 48 42")
    assert TypeH.build(math.nan) == bytes.fromhex("00 00 C0 7F")


F_ = {
    "minute": 45,
    "reserved": False,
    "invalid": False,
    "hour": 13,
    "hundred_year": 1,
    "summer_time": True,
    "day": 17,
    "month": 5,
    "year": 24,
}
I_ = {
    "second": 59,
    "summer_time": True,
    "leap_year": False,
    "minute": 58,
    "dst_deviation_positive": True,
    "invalid": False,
    "hour": 23,
    "day_of_week": 7,
    "day": 31,
    "month": 12,
    "year": 99,
    "week": 53,
    "dst_deviation": 1,
}
J_ = {"second": 59, "reserved_1": 0, "minute": 48, "reserved_2": 0, "hour": 11, "reserved_3": 0}
K_ = {
    "start_hour": 2,
    "deviation_1": 1,
    "start_day": 31,
    "deviation_2": 2,
    "enabled": True,
    "end_day": 27,
    "dst_deviation": 1,
    "dst_deviation_positive": True,
    "start_month": 3,
    "end_month": 10,
}
DATES: list[tuple[Any, str, dict[str, Any]]] = [
    (TypeF, "2D AD 11 35", F_),
    (TypeF, "80 00 00 00", {**dict.fromkeys(F_, 0), "invalid": True}),
    (TypeF, "40 00 00 00", {**dict.fromkeys(F_, 0), "reserved": True}),
    (
        TypeF,
        "FF FF FF FF",
        {
            **dict.fromkeys(F_, True),
            "minute": 63,
            "hour": 31,
            "hundred_year": 3,
            "day": 31,
            "month": 15,
            "year": 127,
        },
    ),
    (TypeG, "BF 1C", {"day": 31, "month": 12, "year": 13}),
    (TypeG, "FF FF", {"day": 31, "month": 15, "year": 127}),
    (TypeG, "00 00", {"day": 0, "month": 0, "year": 0}),
    (TypeG, "E0 00", {"day": 0, "month": 0, "year": 7}),
    (TypeG, "00 F0", {"day": 0, "month": 0, "year": 120}),
    (TypeI, "7B 7A F7 7F CC 75", I_),
    (TypeI, "00 00 09 14 27 00", {**dict.fromkeys(I_, 0), "hour": 9, "day": 20, "month": 7, "year": 16}),
    (TypeI, "80 80 00 00 00 00", {**dict.fromkeys(I_, 0), "leap_year": True, "invalid": True}),
    (TypeJ, "3B 30 0B", J_),
    (
        TypeJ,
        "FF FF FF",
        {"second": 63, "reserved_1": 3, "minute": 63, "reserved_2": 3, "hour": 31, "reserved_3": 7},
    ),
    (TypeK, "22 DF BB A3", K_),
]


@pytest.mark.parametrize(("grammar", "octets", "value"), DATES)
def test_dates(grammar: Any, octets: str, value: dict[str, Any]) -> None:
    assert_both_ways(grammar, bytes.fromhex(octets), value)
    assert_no_truncation_passes(grammar, bytes.fromhex(octets))
    assert grammar.build(int.from_bytes(bytes.fromhex(octets), "little")) == bytes.fromhex(octets)


@pytest.mark.parametrize("grammar", [TypeF, TypeG, TypeI, TypeJ, TypeK])
def test_each_bit_of_a_date_is_kept(grammar: Any) -> None:
    size = grammar.sizeof()
    for bit in range(8 * size):
        octets = (1 << bit).to_bytes(size, "little")
        value = plain(grammar.parse(octets))
        assert sum(map(bool, value.values())) == 1
        assert grammar.build(value) == octets


@pytest.mark.parametrize(
    ("grammar", "given", "field"),
    [
        (TypeF, {**F_, "minute": 64}, "minute"),
        (TypeF, {**F_, "hour": 32}, "hour"),
        (TypeF, {**F_, "year": 2024}, "year"),
        (TypeF, {**F_, "month": -1}, "month"),
        (TypeF, {**F_, "day": True}, "day"),
        (TypeF, {**F_, "invalid": "no"}, "invalid"),
        (TypeF, {}, "minute"),
        (TypeF, 1 << 32, ""),
        (TypeF, -1, ""),
        (TypeF, True, ""),
        (TypeF, None, ""),
        (TypeF, "2024-05-17", ""),
        (TypeG, {"day": 1, "month": 1}, "year"),
        (TypeG, {"day": 1, "month": 1, "year": 128}, "year"),
        (TypeI, {**I_, "week": 64}, "week"),
        (TypeJ, {**J_, "second": 1.5}, "second"),
        (TypeK, {**K_, "end_month": 16}, "end_month"),
    ],
)
def test_wrong_dates(grammar: Any, given: Any, field: str) -> None:
    assert build_error(grammar, given).field == field


ADDRESS = Grammar(coding.SecondaryAddress)


def test_secondary_address() -> None:
    value = {"identification_number": "01020304", "manufacturer": "PAD", "version": 1, "device_type": 4}
    assert_both_ways(ADDRESS, bytes.fromhex("04 03 02 01 24 40 01 04"), value)
    assert_no_truncation_passes(ADDRESS, bytes.fromhex("04 03 02 01 24 40 01 04"))
    assert build_error(ADDRESS, {**value, "version": 256}).field == "version"
    assert build_error(ADDRESS, {**value, "version": True}).field == "version"
    assert build_error(ADDRESS, {"identification_number": "01020304"}).field == "manufacturer"


def test_raw_octets() -> None:
    raw = Grammar(coding.raw(3))
    assert_both_ways(raw, b"\x01\x02\x03", b"\x01\x02\x03")
    assert raw.build(bytearray(b"abc")) == raw.build(memoryview(b"abc")) == b"abc"
    for given in (0x010203, "abc", b"ab", b"abcd", None):
        assert build_error(raw, given).value is given


def test_most_significant_octet_first() -> None:
    for grammar, octets, value in (
        (coding.type_b(4), "FF FF FF F6", -10),
        (coding.type_a(2), "F1 23", -123),
        (coding.type_a(1), "42", 42),
        (coding.TypeH, "42 48 00 00", 50.0),
        (coding.raw(2), "01 02", b"\x02\x01"),
    ):
        assert_both_ways(Grammar(coding.most_significant_first(grammar)), bytes.fromhex(octets), value)

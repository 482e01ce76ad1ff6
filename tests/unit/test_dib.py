"""Data information block: chains of up to ten DIFEs, what they scatter and what they join."""

from __future__ import annotations

from typing import Any

import pytest

from helpers import assert_both_ways, assert_no_truncation_passes, build_error, plain
from mbus_grammars import DIB, DataRecords, DecodeError
from mbus_grammars.dib import DATA_FIELDS, DATA_LENGTHS, SPECIAL_DIFS

KEYS = ("function", "data_field", "storage_number", "tariff", "subunit", "dife_count")


def _dib(*numbers: int) -> dict[str, int]:
    return dict(zip(KEYS, numbers, strict=True))


BLOCKS = [
    ("03", _dib(0, 3, 0, 0, 0, 0)),
    ("13", _dib(1, 3, 0, 0, 0, 0)),
    ("2C", _dib(2, 12, 0, 0, 0, 0)),
    ("3E", _dib(3, 14, 0, 0, 0, 0)),
    ("42", _dib(0, 2, 1, 0, 0, 0)),
    ("DA 02", _dib(1, 10, 5, 0, 0, 1)),
    ("8B 60", _dib(0, 11, 0, 2, 1, 1)),
    ("C4 D5 33", _dib(0, 4, 107, 13, 1, 2)),
    ("C8 3F", _dib(0, 8, 31, 3, 0, 1)),
    ("84 00", _dib(0, 4, 0, 0, 0, 1)),  # a DIFE that adds nothing
    ("8D 90 81 00", _dib(0, 13, 32, 1, 0, 3)),  # the last DIFE marks a register number
    ("84" + "80" * 9 + "00", _dib(0, 4, 0, 0, 0, 10)),
    ("C4" + "FF" * 9 + "7F", _dib(0, 4, (1 << 41) - 1, (1 << 20) - 1, (1 << 10) - 1, 10)),
]


@pytest.mark.parametrize(("octets", "value"), BLOCKS)
def test_blocks(octets: str, value: dict[str, int]) -> None:
    assert_both_ways(DIB, bytes.fromhex(octets), value)
    assert_no_truncation_passes(DIB, bytes.fromhex(octets))


@pytest.mark.parametrize(("octets", "value"), [block for block in BLOCKS if block[0][-2:] != "00"])
def test_as_many_difes_as_needed(octets: str, value: dict[str, int]) -> None:
    short = {key: number for key, number in value.items() if key != "dife_count" and number}
    assert DIB.build(short) == bytes.fromhex(octets)


def test_each_bit_of_the_numbers_has_its_place() -> None:
    for name, width in (("storage_number", 41), ("tariff", 20), ("subunit", 10)):
        for bit in range(width):
            octets = DIB.build({"data_field": 4, name: 1 << bit})
            assert plain(DIB.parse(octets))[name] == 1 << bit
            assert len(octets) <= 11


@pytest.mark.parametrize("first", [octet for octet in range(128) if octet & 0x0F != 0x0F])
def test_every_dif_without_difes(first: int) -> None:
    parsed = DIB.parse(bytes([first]))
    assert DIB.build(parsed) == bytes([first])
    assert (parsed.data_field, parsed.function) == (first & 15, first >> 4 & 3)
    assert parsed.data_field.name == DATA_FIELDS.codes[first & 15].name
    assert parsed.function.name in ("instantaneous", "maximum", "minimum", "error")


def test_names_build_too() -> None:
    assert DIB.build({"data_field": "8 digit BCD", "function": "minimum"}) == b"\x2c"


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (None, ""),
        (4, ""),
        ([], ""),
        ({}, "data_field"),
        ({"data_field": 16}, "data_field"),
        ({"data_field": 15}, "data_field"),  # a special function is no data record
        ({"data_field": "special function"}, "data_field"),
        ({"data_field": True}, "data_field"),
        ({"data_field": 4, "function": 4}, "function"),
        ({"data_field": 4, "function": None}, "function"),
        ({"data_field": 4, "storage_number": 1 << 41}, "storage_number"),
        ({"data_field": 4, "storage_number": -1}, "storage_number"),
        ({"data_field": 4, "storage_number": "1"}, "storage_number"),
        ({"data_field": 4, "storage_number": 10**5000}, "storage_number"),
        ({"data_field": 4, "tariff": 1 << 20}, "tariff"),
        ({"data_field": 4, "tariff": True}, "tariff"),
        ({"data_field": 4, "subunit": 1 << 10}, "subunit"),
        ({"data_field": 4, "subunit": 1.0}, "subunit"),
        ({"data_field": 4, "dife_count": 11}, "dife_count"),
        ({"data_field": 4, "dife_count": True}, "dife_count"),
        ({"data_field": 4, "dife_count": -1}, "dife_count"),
        ({"data_field": 4, "storage": 5}, "storage"),
    ],
)
def test_wrong_values(value: Any, field: str) -> None:
    assert build_error(DIB, value).field == field


@pytest.mark.parametrize(
    ("value", "octets"),
    [
        ({"storage_number": 5, "dife_count": 0}, "C4 02"),
        ({"tariff": 4, "dife_count": 1}, "84 80 10"),
        ({"subunit": 2, "dife_count": 1}, "84 80 40"),
        ({"storage_number": 1, "dife_count": 2}, "C4 80 00"),
    ],
)
def test_the_count_of_difes_is_the_least(value: Any, octets: str) -> None:
    assert DIB.build({"data_field": 4, **value}) == bytes.fromhex(octets)


def test_a_parsed_storage_number_can_grow() -> None:
    parsed = DIB.parse(bytes.fromhex("44"))
    parsed["storage_number"] = 40
    assert DIB.build(parsed) == bytes.fromhex("84 84 01")


@pytest.mark.parametrize(
    ("octets", "code"),
    [("84" + "80" * 10 + "00", "chain_too_long"), ("0F", "special_function"), ("FF 01", "special_function")],
)
def test_refused(octets: str, code: str) -> None:
    with pytest.raises(DecodeError) as caught:
        DIB.parse(bytes.fromhex(octets))
    assert (caught.value.code, caught.value.offset) == (code, len(bytes.fromhex(octets)))


def test_special_functions_are_no_data_records() -> None:
    for octet in range(0x0F, 0x100, 0x10):
        assert SPECIAL_DIFS.codes[octet].name
        records = DataRecords.parse(bytes([octet]))
        assert plain(records)[0]["dif"] == octet
        assert DataRecords.build(records) == bytes([octet])


def test_lengths_stand_for_all_data_fields() -> None:
    assert len(DATA_LENGTHS) == len(DATA_FIELDS.codes) == 16

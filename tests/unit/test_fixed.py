"""The fixed data structure of old wired meters."""

from __future__ import annotations

from typing import Any

import pytest

from helpers import assert_both_ways, assert_no_truncation_passes, build_error, plain
from mbus_grammars import FixedData, Grammar
from mbus_grammars.fixed import FixedDataMSB, MediumAndUnits

STATUS = {
    "counters_binary": False,
    "counters_stored": False,
    "power_low": False,
    "permanent_error": False,
    "temporary_error": False,
    "manufacturer_specific": 0,
}
BCD = {
    "identification_number": "12345678",
    "access_number": 10,
    "status": STATUS,
    "medium_and_units": {"unit_1": 0x29, "medium": 7, "unit_2": 0x3E},
    "counter_1": 1,
    "counter_2": 135,
}
BINARY = {**BCD, "status": {**STATUS, "counters_binary": True, "counters_stored": True}, "counter_2": -2}
INVALID = {**BCD, "counter_1": -1, "counter_2": "FFFFFFFF"}

MSB = Grammar(FixedDataMSB)


@pytest.mark.parametrize(
    ("grammar", "octets", "value"),
    [
        (FixedData, "78 56 34 12 0A 00 E9 7E 01 00 00 00 35 01 00 00", BCD),
        (FixedData, "78 56 34 12 0A 03 E9 7E 01 00 00 00 FE FF FF FF", BINARY),
        (FixedData, "78 56 34 12 0A 00 E9 7E 01 00 00 F0 FF FF FF FF", INVALID),
        (MSB, "12 34 56 78 0A 00 E9 7E 00 00 00 01 00 00 01 35", BCD),
        (MSB, "12 34 56 78 0A 03 E9 7E 00 00 00 01 FF FF FF FE", BINARY),
    ],
)
def test_fixed_data(grammar: Any, octets: str, value: dict[str, Any]) -> None:
    assert_both_ways(grammar, bytes.fromhex(octets), value)
    assert_no_truncation_passes(grammar, bytes.fromhex(octets))


@pytest.mark.parametrize(
    ("octets", "unit_1", "medium", "unit_2"),
    [
        ("00 00", "time h,m,s", "other", "time h,m,s"),
        ("05 45", "energy in Wh * 10^3", "heat", "energy in Wh * 10^3"),
        ("C5 05", "energy in Wh * 10^3", "gas", "energy in Wh * 10^3"),
        ("BF FF", "without units", "heat cost allocator, mode 2", "without units"),
    ],
)
def test_medium_and_units(octets: str, unit_1: str, medium: str, unit_2: str) -> None:
    parsed = MediumAndUnits.parse(bytes.fromhex(octets))
    assert [code.name for code in parsed.values() if hasattr(code, "name")] == [unit_1, medium, unit_2]
    assert MediumAndUnits.build(parsed) == bytes.fromhex(octets)


def test_every_combination_of_medium_and_units_builds_back() -> None:
    for number in range(0, 0x10000, 7):
        octets = number.to_bytes(2, "little")
        assert MediumAndUnits.build(plain(MediumAndUnits.parse(octets))) == octets


@pytest.mark.parametrize("status", [1, {"counters_binary": True}, {"counters_binary": 1}])
def test_status_in_any_form_decides_the_counters(status: Any) -> None:
    octets = FixedData.build({**BCD, "status": status, "counter_2": -2})
    assert octets[-4:] == bytes.fromhex("FE FF FF FF")


def test_status_and_access_number_may_be_left_out() -> None:
    short = {key: value for key, value in BCD.items() if key not in ("status", "access_number")}
    assert FixedData.build(short) == bytes.fromhex("78 56 34 12 00 00 E9 7E 01 00 00 00 35 01 00 00")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"identification_number": 12345678}, "identification_number"),
        ({"access_number": 256}, "access_number"),
        ({"status": 256}, "status"),
        ({"status": {"counters_binary": 2}}, "status.counters_binary"),
        ({"medium_and_units": {"unit_1": 64, "medium": 7, "unit_2": 0}}, "medium_and_units.unit_1"),
        ({"medium_and_units": {"unit_1": 1, "medium": "wine", "unit_2": 0}}, "medium_and_units.medium"),
        ({"counter_1": 10**8}, "counter_1"),
        ({"counter_1": True}, "counter_1"),
        ({"status": 1, "counter_2": 1 << 31}, "counter_2"),
    ],
)
def test_wrong_values(change: dict[str, Any], field: str) -> None:
    assert build_error(FixedData, {**BCD, **change}).field == field


@pytest.mark.parametrize("field", ["identification_number", "medium_and_units", "counter_1", "counter_2"])
def test_missing_values(field: str) -> None:
    error = build_error(FixedData, {key: value for key, value in BCD.items() if key != field})
    assert (error.field, error.value, error.limit) == (field, None, "a value is needed")

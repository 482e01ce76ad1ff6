"""What a VIB says about the data: quantity, unit, scale, type, qualifiers, errors and actions."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any

import pytest

from mbus_grammars import FROM_METER, TO_METER, DataRecord, DataRecordToMeter, meaning_of, vif_tables

DATES = "F G I J M"

# VIF and VIFEs, quantity, unit, UCUM, exponent
SCALES: list[tuple[str, str, str | None, str | None, int]] = [
    ("00", "energy", "Wh", "W.h", -3),
    ("03", "energy", "Wh", "W.h", 0),
    ("07", "energy", "Wh", "W.h", 4),
    ("0E", "energy", "J", "J", 6),
    ("13", "volume", "m³", "m3", -3),
    ("1B", "mass", "kg", "kg", 0),
    ("22", "on time", "h", "h", 0),
    ("2E", "power", "W", "W", 3),
    ("3B", "volume flow", "m³/h", "m3/h", -3),
    ("5A", "flow temperature", "°C", "Cel", -1),
    ("6E", "heat cost allocation", "HCA", "{HCA}", 0),
    ("6C", "date", None, None, 0),
    ("78", "fabrication number", None, None, 0),
    ("7B 00", "energy", "Wh", "W.h", 5),
    ("7B 14", "reactive power", "var", None, 0),
    ("7B 1A", "relative humidity", "%", "%", -1),
    ("7D 49", "voltage", "V", "V", 0),
    ("7D 1C", "baud rate", "Bd", "Bd", 0),
    ("7D 71", "RF level", "dBm", None, 0),
    ("7D 7D 02", "remaining battery life time", "month", "mo", 0),
    # Factors scale, one after the other.
    ("7B 14 75 7C 01", "reactive power", "var", None, -1),
    ("13 70", "volume", "m³", "m3", -9),
    ("13 76", "volume", "m³", "m3", -3),
    ("13 77", "volume", "m³", "m3", -2),
    ("13 7D", "volume", "m³", "m3", 0),
    ("13 7D 70", "volume", "m³", "m3", -6),
    # Per-units make compound units.
    ("13 22", "volume", "m³/h", "m3/h", -3),
    ("13 24", "volume", "m³/week", "m3/wk", -3),
    ("06 2D", "energy", "Wh/m³", "W.h/m3", 3),
    ("2B 36", "power", "W·s", "W.s", 0),
    ("13 2F 20", "volume", "m³/K/s", "m3/K/s", -3),
    ("6E 22", "heat cost allocation", "HCA/h", "{HCA}/h", 0),
    ("7B 14 22", "reactive power", "var/h", None, 0),
    ("13 28", "volume", "m³/pulse", "m3/{pulse}", -3),
    # "Number of" and "duration of" replace unit and scale.
    ("13 41", "volume", None, "1", 0),
    ("13 49", "volume", None, "1", 0),
    ("13 7D 52", "volume", "h", "h", 0),
    ("13 60", "volume", "s", "s", 0),
    ("13 67", "volume", "d", "d", 0),
    # "Date of" leaves no unit.
    ("13 39", "volume", None, None, 0),
    ("13 22 6A", "volume", None, None, 0),
    ("13 7C 13", "volume", None, None, 0),
    ("13 6A 22", "volume", None, None, 0),
    ("13 39 7D 78", "volume", None, None, 0),
    # A bit array has no scale.
    ("13 7C 12", "volume", None, None, 0),
    ("13 7C 12 77", "volume", None, None, 0),
    ("13 22 7C 12", "volume", None, None, 0),
    # A VIFE that no table knows may change anything.
    ("13 10", "volume", None, None, 0),
    ("13 77 11", "volume", None, None, 0),
    ("13 44 22", "volume", None, None, 0),
    ("13 4C 7D", "volume", None, None, 0),
    ("13 7C 16", "volume", None, None, 0),
    ("13 7C", "volume", None, None, 0),
    # The non-metric table is in no source here.
    ("13 3D", "volume", None, None, 0),
]


@pytest.mark.parametrize(("codes", "quantity", "unit", "ucum", "exponent"), SCALES)
def test_quantity_unit_and_scale(
    codes: str, quantity: str, unit: str | None, ucum: str | None, exponent: int
) -> None:
    vif, *vifes = bytes.fromhex(codes)
    meaning = meaning_of(vif, vifes)
    assert (meaning.quantity, meaning.unit, meaning.ucum, meaning.exponent) == (
        quantity,
        unit,
        ucum,
        exponent,
    )


@pytest.mark.parametrize(
    ("codes", "offset"),
    [
        ("13 78", Decimal("0.001")),
        ("13 79", Decimal("0.01")),
        ("13 7A", Decimal("0.1")),
        ("13 7B", Decimal(1)),
        ("13 7B 7A", Decimal("1.1")),
        ("13 7B 39", Decimal(0)),
        ("13 7B 52", Decimal(0)),
    ],
)
def test_constants_add(codes: str, offset: Decimal) -> None:
    vif, *vifes = bytes.fromhex(codes)
    assert meaning_of(vif, vifes).offset == offset


def test_every_factor_and_constant() -> None:
    for code in range(0x70, 0x78):
        assert meaning_of(0x16, [code]).exponent == code - 0x76
    for code in range(0x78, 0x7C):
        assert meaning_of(0x16, [code]).offset == Decimal(10) ** (code - 0x7B)


@pytest.mark.parametrize(
    ("codes", "types", "is_date"),
    [
        ("13", "A B H", False),
        ("6C", "G", True),
        ("6D", "F I J M", True),
        ("7D 30", DATES, True),
        ("7D 72", "K", False),
        ("7D 17", "D", False),
        ("13 39", DATES, True),
        ("13 42", DATES, True),
        ("13 4F", DATES, True),
        ("13 6B", DATES, True),
        ("13 7C 13", DATES, True),
        ("13 41", "A C", False),
        ("13 5C", "A C", False),
        ("13 7C 11", "C", False),
        ("13 7C 12", "D", False),
        ("13 3F", "C", False),
        ("7F 20", "", False),
        ("7C", "A B H", False),
    ],
)
def test_types(codes: str, types: str, is_date: bool) -> None:
    vif, *vifes = bytes.fromhex(codes)
    meaning = meaning_of(vif, vifes)
    assert (meaning.types, meaning.is_date) == (types, is_date)


@pytest.mark.parametrize(
    ("codes", "qualifiers"),
    [
        ("13", ()),
        ("02 3C", ("accumulation of absolute value of negative contributions",)),
        ("13 12 3B", ("average value", "accumulation only of positive contributions")),
        ("13 28", ("increment per input pulse on input channel 0",)),
        ("13 29", ("increment per input pulse on input channel 1",)),
        ("13 2A", ("increment per output pulse on output channel 0",)),
        ("13 2B", ("increment per output pulse on output channel 1",)),
        ("13 2D", ()),
        ("13 39", ("start date (and time) of",)),
        ("13 3D", ("non-metric unit system",)),
        ("13 41", ("number of exceeds of lower limit",)),
        ("13 5B", ("duration of first upper limit exceed",)),
        ("13 10", ("reserved VIFE 10h",)),
        ("13 44", ("reserved VIFE 44h",)),
        ("13 7C 03", ("at phase L3",)),
        ("13 7C 00", ("reserved VIFE FC 00h",)),
        ("13 7C", ("extension of combinable codes, nothing follows",)),
        ("13 7C 11", ("data presented with type C",)),
        ("13 7C 13", ("end date (and time) of",)),
        ("13 7F", ("manufacturer specific",)),
        ("13 7F 20 21", ("manufacturer specific 20 21",)),
        (
            "13 3C 7F 20 7D",
            ("accumulation of absolute value of negative contributions", "manufacturer specific 20 7D"),
        ),
        ("7B 68", ("raw number, factor not known",)),
    ],
)
def test_qualifiers(codes: str, qualifiers: tuple[str, ...]) -> None:
    vif, *vifes = bytes.fromhex(codes)
    assert meaning_of(vif, vifes).qualifiers == qualifiers


def test_a_profile_is_marked() -> None:
    assert [meaning_of(0x03, [code]).profile for code in (0x13, 0x1E, 0x1F, 0x12)] == [0x13, 0x1E, 0x1F, None]


@pytest.mark.parametrize(
    ("codes", "quantity", "status", "known"),
    [
        ("13", "volume", "current", True),
        ("7B 23", "volume", "legacy", True),
        ("7B 06", "coefficient of performance", "unverified", False),
        ("7B 68", "resulting rating factor K", "unscaled", False),
        ("13 3D", "volume", "unscaled", False),
        ("13 10", "volume", "unscaled", False),
        ("13 11", "volume", "unscaled", False),
        ("13 44", "volume", "unscaled", False),
        ("13 4C", "volume", "unscaled", False),
        ("13 7C 16", "volume", "unscaled", False),
        ("13 7C", "volume", "unscaled", False),
        ("6F", "reserved VIF 6Fh", "reserved", False),
        ("6F 12", "reserved VIF 6Fh", "reserved", False),
        ("7B", "reserved VIF 7Bh", "reserved", False),
        ("7D", "reserved VIF 7Dh", "reserved", False),
        ("7B 0A", "reserved VIF FB 0Ah", "reserved", False),
        ("7D 77", "reserved VIF FD 77h", "reserved", False),
        ("7D 7D", "reserved VIF FD 7Dh", "reserved", False),
        ("7D 7D 01", "reserved VIF FD FD 01h", "reserved", False),
        ("7E", "any VIF", "reserved", False),  # a wildcard to the meter only
        ("7D 7E", "reserved VIF FD 7Eh", "reserved", False),
        ("7F 20", "manufacturer specific", "special", False),
        ("13 7F 20", "volume", "current", False),
        ("7C", "plain text", "current", True),
    ],
)
def test_what_is_known(codes: str, quantity: str, status: str, known: bool) -> None:
    vif, *vifes = bytes.fromhex(codes)
    meaning = meaning_of(vif, vifes)
    assert (meaning.quantity, meaning.status, meaning.known) == (quantity, status, known)


def test_the_wildcard_to_the_meter() -> None:
    assert meaning_of(0x7E, [], direction=TO_METER).status == "any"
    assert meaning_of(0x7D, [0x7E], direction=TO_METER).status == "reserved"


def test_a_callers_decimal_context_does_not_round_constants() -> None:
    with localcontext(prec=1):
        assert meaning_of(0x13, [0x7B, 0x78]).offset == Decimal("1.001")


def test_units_of_plain_text() -> None:
    assert (meaning_of(0x7C, [], "%RH").unit, meaning_of(0x7C, [], "%RH").ucum) == ("%RH", None)
    assert meaning_of(0x7C, [0x22], "%RH").unit == "%RH/h"
    assert meaning_of(0x7C, [0x74], "%RH").exponent == -2
    assert meaning_of(0x7C, []).unit == ""
    assert meaning_of(0x7C, [0x39], "%RH").unit is None
    assert meaning_of(0x7C, [0x3D], "%RH").unit is None


ERRORS = {0x00: None, 0x01: "too many DIFEs", 0x08: "reserved record error 08h", 0x0B: "too many VIFEs",
          0x0F: "unimplemented action", 0x15: "no data available (undefined value)", 0x18: "data error",
          0x19: "reserved record error 19h", 0x1C: "premature end of record"}  # fmt: skip
ACTIONS = {0x00: "write (replace)", 0x01: "add value", 0x08: "add entry", 0x0B: "freeze data",
           0x0C: "add to readout list", 0x0D: "delete from readout list", 0x0F: "reserved"}  # fmt: skip


@pytest.mark.parametrize(("code", "error"), list(ERRORS.items()))
def test_codes_from_the_meter_are_record_errors(code: int, error: str | None) -> None:
    meaning = meaning_of(0x13, [code], direction=FROM_METER)
    assert (meaning.record_error, meaning.action, meaning.qualifiers) == (error, None, ())


@pytest.mark.parametrize(("code", "action"), list(ACTIONS.items()))
def test_codes_to_the_meter_are_actions(code: int, action: str) -> None:
    meaning = meaning_of(0x13, [code], direction=TO_METER)
    assert (meaning.record_error, meaning.action) == (None, code)
    assert meaning.qualifiers == (f"action: {action}",)


def test_record_errors_are_reserved_to_the_meter() -> None:
    meaning = meaning_of(0x13, [0x18], direction=TO_METER)
    assert (meaning.record_error, meaning.action, meaning.qualifiers) == (None, None, ("reserved VIFE 18h",))


def test_every_error_and_action_code_has_its_table() -> None:
    for code in [*range(0x01, 0x10), *range(0x15, 0x1D)]:
        assert meaning_of(0x13, [code]).record_error
        assert vif_tables.RECORD_ERROR[code].quantity in (meaning_of(0x13, [code]).record_error, "reserved")


@pytest.mark.parametrize(
    ("octets", "data_type"),
    [
        ("02 13 00 00", "B"),
        ("02 7A 00 00", "C"),
        ("02 FD 17 00 00", "D"),
        ("02 93 FC 11 00 00", "C"),
        ("02 93 FC 12 00 00", "D"),
        ("0A 13 00 00", "A"),
        ("05 13 00 00 00 00", "H"),
        ("04 6D 00 00 00 00", "F"),
        ("02 6C 00 00", "G"),
        ("06 6D 00 00 00 00 00 00", "I"),
        ("03 6D 00 00 00", "J"),
        ("02 93 39 00 00", "G"),
        ("04 6C 00 00 00 00", "raw"),  # only 16 bits are a date
        ("01 6D 00", "raw"),
        ("08 6D", "none"),
        ("04 FD 72 00 00 00 00", "K"),
        ("02 FD 72 00 00", "raw"),
        ("07 79" + "00" * 8, "secondary address"),
        ("04 79" + "00" * 4, "C"),
        ("02 FD 0A 24 40", "manufacturer"),
        ("01 FD 0A 24", "C"),
        ("02 FF 20 00 00", "B"),
        ("0D 13 00", "LVAR"),
        ("00 13", "none"),
    ],
)
def test_the_header_decides_the_type_of_the_data(octets: str, data_type: str) -> None:
    octets_ = bytes.fromhex(octets)
    record: Any = DataRecord.parse(octets_)
    assert record._header.data_type == data_type
    assert DataRecord.build(record) == octets_


def test_readout_lists_carry_no_data() -> None:
    for code in (0x0C, 0x0D):
        record: Any = DataRecordToMeter.parse(bytes([0x04, 0x93, code]))
        assert (record._header.data_type, record.data) == ("none", b"")
    assert DataRecordToMeter.parse(bytes.fromhex("04 93 0E 01 00 00 00")).data == 1

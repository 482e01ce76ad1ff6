"""The codes of fields, headers and layers, against tables of their own.

`codes.csv`, `manufacturers.csv` and `fixed_units.csv` are written from MBDOC48 and what is public of EN 13757,
not exported from the grammars. What stands in a telegram is checked by decoding octets that are put together
here; what does not get a name there, by the grammar of its field.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from helpers import long_frame
from mbus_construct import decode
from mbus_grammars import (
    application,
    code_tables,
    dib,
    fields,
    fixed,
    layers,
    lvar,
    profile,
    security,
)
from mbus_grammars.fields import is_to_meter

LONG_HEADER: Final = bytes.fromhex("78 56 34 12 24 40 01 07 55 04 00 00")
RECORD: Final = bytes.fromhex("01 13 05")


class Line(NamedTuple):
    """One code of one table."""

    table: str
    code: int
    name: str | None
    detail: str


def _rows(name: str) -> list[dict[str, str]]:
    with Path(__file__).with_name(name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _range(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first, 16), int(last or first, 16) + 1)


def _lines() -> Iterator[Line]:
    for row in _rows("codes.csv"):
        assert row["source"]
        for code in _range(row["code"]):
            yield Line(row["table"], code, row["name"] or None, row["detail"])


LINES: Final = tuple(_lines())


def lines(*tables: str) -> pytest.MarkDecorator:
    """Run a test with the lines of some tables."""
    chosen = [line for line in LINES if line.table in tables]
    assert chosen
    return pytest.mark.parametrize("line", chosen, ids=[f"{line.table} {line.code:02X}" for line in chosen])


# --- Names of codes ------------------------------------------------------------------------------

NAMED: Final[dict[str, tuple[Any, int]]] = {
    "function": (dib.FUNCTIONS, 4),
    "data field": (dib.DATA_FIELDS, 16),
    "LVAR": (lvar.LVAR_NAMES, 256),
    "increment mode": (profile.INCREMENT_MODES, 4),
    "spacing unit": (profile.SPACING_UNITS, 4),
    "application": (application.APPLICATIONS, 16),
    "application error": (application.APPLICATION_ERRORS, 256),
    "medium of fixed data": (fixed.MEDIA, 16),
    "security mode": (security.SECURITY_MODE_NAMES, 32),
    "key derivation": (security.KEY_DERIVATIONS, 4),
    "ELL encryption": (layers.ENCRYPTIONS, 8),
    "authentication type": (layers.AUTHENTICATION_TYPES, 16),
    "CI field": (fields.CI_NAMES, 256),
    "device type": (fields.DEVICE_TYPE_NAMES, 256),
}


@pytest.mark.parametrize("table", NAMED)
def test_every_code_has_the_name_of_its_line(table: str) -> None:
    codes, size = NAMED[table]
    expected = {line.code: line.name for line in LINES if line.table == table}
    assert sorted(expected) == list(range(size))
    assert [code.name for code in codes.codes] == [expected[code] for code in range(size)]


@pytest.mark.parametrize("table", ["special DIF", "address"])
def test_some_codes_have_names_and_the_others_none(table: str) -> None:
    codes = {"special DIF": dib.SPECIAL_DIFS, "address": fields.ADDRESSES}[table]
    expected = {line.code: line.name for line in LINES if line.table == table}
    assert [code.name for code in codes.codes] == [expected.get(code) for code in range(256)]


# --- Records -------------------------------------------------------------------------------------


@lines("function")
def test_functions(line: Line) -> None:
    (record,) = decode(bytes([0x01 | line.code << 4, 0x13, 5]), link="records").records
    assert record.function == line.name


@lines("data field")
def test_data_fields_take_their_octets(line: Line) -> None:
    octets = bytes([line.code, 0x13]) + bytes(9)
    record, *_ = decode(octets, link="records").records or [None]
    if line.name == "special function":
        assert record is None
        return
    assert record is not None
    assert record.data_field == line.name
    assert record.data == bytes(int(line.detail or 1))  # LVAR 00h: an empty text


def test_bits_of_the_dif() -> None:
    parsed = [dib.DIF.parse(bytes([1 << bit])) for bit in range(8)]
    assert [bool(item["extension"]) for item in parsed] == [False] * 7 + [True]
    assert [item["storage_number"] for item in parsed] == [0] * 6 + [1, 0]
    assert [int(item["function"]) for item in parsed] == [0] * 4 + [1, 2, 0, 0]
    assert [int(item["data_field"]) for item in parsed] == [1, 2, 4, 8] + [0] * 4


def test_bits_of_difes() -> None:
    octets = bytes([0x81, *([0x80] * 9), 0x00, 0x13, 5])
    for k in range(
        10
    ):  # MBDOC48 6.3.2: each DIFE adds four bits of storage number, two of tariff, one of subunit
        changed = bytearray(octets)
        changed[1 + k] |= 0x7F
        (record,) = decode(bytes(changed), link="records").records
        assert record.storage_number == 0xF << 1 + 4 * k
        assert record.tariff == 3 << 2 * k
        assert record.subunit == 1 << k


@lines("special DIF")
def test_special_difs(line: Line) -> None:
    octets = RECORD + bytes([line.code]) + RECORD
    telegram = decode(octets, link="records")
    if line.code in (0x0F, 0x1F):
        assert telegram.manufacturer_data == RECORD
        assert telegram.more_records_follow is (line.code == 0x1F)
        assert len(telegram.records) == 1
    else:
        assert [record.offset for record in telegram.records] == [0, 4]
        (special,) = telegram.special_functions
        assert (special.before_record, special.octets) == (1, bytes([line.code]))


@lines("LVAR")
def test_lvar(line: Line) -> None:
    base, _, length = line.detail.partition(" - ")
    octets = line.code - int(length[:-1], 16) if length else line.code if base == "LVAR" else int(base or 0)
    data = bytes([line.code]) + b"\x01" * octets
    telegram = decode(b"\x0d\xfd\x3a" + data + RECORD, link="records")
    if line.name == "reserved":
        assert telegram.records[0].state == "error"
        assert len(telegram.records) == 1
        return
    record, following = telegram.records
    assert record.data == data
    assert following.value == Decimal("0.005")
    ones = int("01" * octets) if octets else 0
    if line.name == "positive BCD" and octets:
        assert record.value == Decimal(ones)
    elif line.name == "negative BCD" and octets:
        assert record.value == -Decimal(ones)
    elif line.name == "binary number" and octets:
        assert record.value == Decimal(int.from_bytes(b"\x01" * octets, "little"))
    else:
        assert not isinstance(record.value, Decimal) or not record.value


@lines("increment mode", "spacing unit")
def test_compact_profiles(line: Line) -> None:
    control = line.code << (6 if line.table == "increment mode" else 4) | 1
    (record,) = decode(bytes([0x0D, 0x93, 0x1F, 3, control, 7, 0xFE]), link="records").records
    mode, unit = (line.name, "s") if line.table == "increment mode" else ("absolute", line.name)
    assert record.reason == f"{mode}, spacing 7 {unit}"
    signed = mode in ("absolute", "signed increments")
    assert record.value == (Decimal("-0.002") if signed else Decimal("0.254"),)


# --- Frames and headers --------------------------------------------------------------------------


@lines("wired C field")
def test_c_fields_of_wired_frames(line: Line) -> None:
    telegram = decode(bytes([0x10, line.code, 1, line.code + 1 & 0xFF, 0x16]))
    assert telegram.to_dict()["frame"]["c_name"] == line.name
    assert fields.CField.parse(bytes([line.code]))["prm"] is (line.detail == "to meter")
    assert is_to_meter(0xA0, line.code) is (line.detail == "to meter" and line.name is not None)


def by_radio(octets: bytes, c_field: int = 0x44) -> bytes:
    """A wireless frame without CRCs around a CI field and its data."""
    frame = bytes([c_field]) + bytes.fromhex("24 40 78 56 34 12 01 07") + octets
    return bytes([len(frame)]) + frame


@lines("wireless C field")
def test_c_fields_of_wireless_frames(line: Line) -> None:
    telegram = decode(by_radio(b"\x78" + RECORD, line.code), link="wireless")
    assert telegram.to_dict()["frame"]["c_name"] == line.name
    if line.name:
        assert is_to_meter(0xA0, line.code) is (line.detail == "to meter")


def test_every_function_of_the_c_field_has_a_line() -> None:
    for table, grammar in (("wired", fields.CField), ("wireless", fields.WirelessCField)):
        named = {line.name for line in LINES if line.table == f"{table} C field"}
        assert named - {None} == {grammar.name_of(octet) for octet in range(256)} - {None}


@lines("CI field")
def test_ci_fields(line: Line) -> None:
    direction, header = line.detail.split()
    assert fields.HEADER_BEHIND[line.code] == header
    for c_field in (0x08, 0x53):
        assert is_to_meter(line.code, c_field) is {"to_meter": True, "from_meter": False}.get(
            direction, c_field == 0x53
        )
    if line.code in (0x8C, 0x8D, 0x8E, 0x8F, 0x90):  # what follows these has a CI field of its own
        return
    telegram = decode(
        long_frame(LONG_HEADER + RECORD + bytes(8), line.code, 0x53 if direction == "to_meter" else 0x08)
    )
    assert telegram.to_dict()["frame"]["ci_name"] == line.name
    identification = telegram.meter and telegram.meter.identification_number
    seen = (identification, telegram.access_number, telegram.status and telegram.status.octet)
    expected: dict[str, tuple[str | None, int | None, int | None]] = {
        "long": ("12345678", 0x55, 0x04),
        "short": (None, 0x78, 0x56),
        "none": (None, None, None),
        "raw": (None, None, None),
    }
    others = {0x52: ("12345678", None, None), 0x56: ("78563412", None, None), 0x76: ("78563412", 0x55, 0x04)}
    if line.code != 0x77:  # the fixed data structure has an identification, access number and status itself
        assert seen == others.get(line.code, expected[header])


@pytest.mark.parametrize(("ci_field", "length"), [(0x8C, 2), (0x8D, 8), (0x8E, 10), (0x8F, 16)])
def test_extended_link_layers_have_their_length(ci_field: int, length: int) -> None:
    after = b"\x78" + RECORD
    ends = _crc(after).to_bytes(2, "little") if ci_field in (0x8D, 0x8F) else b""  # the CRC of what follows
    telegram = decode(by_radio(bytes([ci_field]) + bytes(length - len(ends)) + ends + after), link="wireless")
    assert [record.value for record in telegram.records] == [Decimal("0.005")]


def _crc(octets: bytes) -> int:
    """CRC-16/EN-13757, bit by bit: polynomial 3D65h, nothing reflected, inverted at the end."""
    register = 0
    for octet in octets:
        register ^= octet << 8
        for _ in range(8):
            register = (register << 1 ^ 0x3D65 if register & 0x8000 else register << 1) & 0xFFFF
    return register ^ 0xFFFF


@lines("device type")
def test_device_types(line: Line) -> None:
    header = bytearray(LONG_HEADER)
    header[7] = line.code
    telegram = decode(long_frame(bytes(header) + RECORD))
    assert telegram.meter is not None
    assert (telegram.meter.device_type, telegram.meter.device_type_name) == (line.code, line.name)


@lines("status bit")
def test_status_bits(line: Line) -> None:
    header = bytearray(LONG_HEADER)
    header[9] = 1 << line.code
    telegram = decode(long_frame(bytes(header) + RECORD))
    assert telegram.status is not None
    assert telegram.status.flags == (line.name,)


def test_both_bits_of_the_application_status() -> None:
    header = bytearray(LONG_HEADER)
    header[9] = 0x03  # EN 13757-7:2018
    telegram = decode(long_frame(bytes(header) + RECORD))
    assert telegram.status is not None
    assert telegram.status.flags == ("abnormal condition or alarm",)


@lines("application error")
def test_application_errors(line: Line) -> None:
    data: Any = decode(long_frame(bytes([line.code]), 0x70)).user_data
    assert (data["error_code"], data.get("error_code_name")) == (line.code, line.name)


@lines("application")
def test_applications(line: Line) -> None:
    data: Any = decode(long_frame(bytes([line.code << 4 | 5]), 0x50, 0x53)).user_data
    assert data["sub_codes"] == [{"application": line.code, "application_name": line.name, "block": 5}]


@lines("security mode")
def test_security_modes(line: Line) -> None:
    assert security.ConfigurationField.unpack(line.code << 8)["security_mode"] == line.code
    assert (line.code in security.SECURITY_MODES) is (line.name is not None and line.code > 0)


@lines("authentication type")
def test_the_mac_has_the_length_of_its_type(line: Line) -> None:
    assert layers.MAC_LENGTHS.get(line.code) == (int(line.detail) if line.detail else None)
    for length in (0, 2, 4, 8, 12, 16):
        layer = bytes([0x90, 3 + length, 0x00, 0x24, line.code]) + b"\x01" * length
        telegram = decode(by_radio(layer + b"\x78" + RECORD), link="wireless")
        right = line.detail in ("", str(length))  # the standard does not say how long the others are
        assert bool(telegram.records) is right


# --- Manufacturers -------------------------------------------------------------------------------

MANUFACTURERS: Final = _rows("manufacturers.csv")


def test_the_same_manufacturers_are_known() -> None:
    assert {row["code"]: row["name"] for row in MANUFACTURERS} == code_tables.MANUFACTURERS


@pytest.mark.parametrize("row", MANUFACTURERS, ids=[row["code"] for row in MANUFACTURERS])
def test_manufacturers(row: dict[str, str]) -> None:
    header = LONG_HEADER[:4] + bytes.fromhex(row["octets"]) + LONG_HEADER[6:]
    meter = decode(long_frame(header + RECORD)).meter
    assert meter is not None
    assert (meter.manufacturer, meter.manufacturer_name) == (row["code"], row["name"])


# --- The fixed data structure --------------------------------------------------------------------

# The units as MBDOC48 8.3.2 prints them; each stands for three codes: times 1, 10 and 100.
FIXED_UNITS: Final[dict[str, tuple[str, int]]] = {
    "Wh": ("Wh", 0),
    "kWh": ("Wh", 3),
    "MWh": ("Wh", 6),
    "kJ": ("J", 3),
    "MJ": ("J", 6),
    "GJ": ("J", 9),
    "W": ("W", 0),
    "kW": ("W", 3),
    "MW": ("W", 6),
    "kJ/h": ("J/h", 3),
    "MJ/h": ("J/h", 6),
    "GJ/h": ("J/h", 9),
    "ml": ("m³", -6),
    "l": ("m³", -3),
    "m³": ("m³", 0),
    "ml/h": ("m³/h", -6),
    "l/h": ("m³/h", -3),
    "m³/h": ("m³/h", 0),
}


def counters(unit_1: int, unit_2: int, medium: int = 7) -> tuple[Any, Any]:
    """Two counters, 1 and 2, of a meter with the fixed data structure."""
    units = bytes([unit_1 | (medium & 3) << 6, unit_2 | medium >> 2 << 6])
    data = bytes.fromhex("78 56 34 12 0A 00") + units + bytes.fromhex("01 00 00 00 02 00 00 00")
    first, second = decode(long_frame(data, 0x73)).records
    return first, second


def _fixed_units() -> Iterator[Any]:
    for row in _rows("fixed_units.csv"):
        unit, power = FIXED_UNITS[row["unit"]]
        for k, code in enumerate(_range(row["code"])):
            yield pytest.param(code, row["quantity"], unit, Decimal(1).scaleb(power + k), id=f"{code:02X}")
    yield pytest.param(0x38, "temperature", "°C", Decimal("0.001"), id="38")
    yield pytest.param(0x39, "heat cost allocation", "HCA", Decimal(1), id="39")


def test_every_unit_of_fixed_data_has_a_line() -> None:
    codes = [item.values[0] for item in _fixed_units()]
    assert codes == list(range(0x02, 0x3A))
    assert sorted(code_tables.FIXED_UNITS) == [*codes, 0x3F]


@pytest.mark.parametrize(("code", "quantity", "unit", "one"), list(_fixed_units()))
def test_units_of_fixed_data(code: int, quantity: str, unit: str, one: Decimal) -> None:
    for record, value in zip(counters(code, code), (one, 2 * one), strict=True):
        assert (record.quantity, record.unit, record.value) == (quantity, unit, value)
    _, historic = counters(code, 0x3E)
    assert (historic.quantity, historic.unit, historic.value, historic.storage_number) == (
        quantity,
        unit,
        2 * one,
        1,
    )


def test_counters_without_a_unit_that_is_known() -> None:
    for code in (0x00, 0x01, 0x3A, 0x3B, 0x3C, 0x3D):
        first, _ = counters(code, 0x05)
        assert first.unit is None
    without, _ = counters(0x3F, 0x05)
    assert (without.unit, without.value) == (None, Decimal(1))


@lines("medium of fixed data")
def test_media_of_fixed_data(line: Line) -> None:
    data = (
        bytes.fromhex("78 56 34 12 0A 00")
        + bytes([5 | (line.code & 3) << 6, 5 | line.code >> 2 << 6])
        + bytes(8)
    )
    user_data: Any = decode(long_frame(data, 0x73)).user_data
    assert user_data["medium_and_units"]["medium"] == line.code
    assert user_data["medium_and_units"]["medium_name"] == line.name

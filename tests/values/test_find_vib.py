"""Units as people write them, and the data field that a number gets. The values are worked out by hand."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from mbus_construct import BuildError, Record, decode, encode


def written(**record: Any) -> Record:
    """The record, written by hand and read again."""
    (read,) = decode(encode({"link": "records", "records": [record]}), link="records").records
    return read


@pytest.mark.parametrize(
    ("quantity", "unit", "value", "read_unit"),
    [
        ("volume", "l", "0.001", "m³"),
        ("volume", "L", "0.001", "m³"),
        ("volume", "ml", "0.000001", "m³"),
        ("volume", "m^3", "1", "m³"),
        ("volume", "m3", "1", "m³"),
        ("volume", "m³", "1", "m³"),
        ("volume", "ft³", "1", "ft³"),
        ("volume", "[cft_i]", "1", "ft³"),
        ("volume flow", "l/h", "0.001", "m³/h"),
        ("volume flow", "L/h", "0.001", "m³/h"),
        ("volume flow", "l/min", "0.001", "m³/min"),
        ("volume flow", "m^3/h", "1", "m³/h"),
        ("volume flow", "m3/s", "1", "m³/s"),
        ("mass", "g", "0.001", "kg"),
        ("mass", "t", "1000", "kg"),
        ("flow temperature", "C", "1", "°C"),
        ("flow temperature", "Cel", "1", "°C"),
        ("remaining battery life time", "months", "1", "month"),
        ("remaining battery life time", "mo", "1", "month"),
        ("remaining battery life time", "years", "1", "year"),
        ("remaining battery life time", "a", "1", "year"),
        ("energy", "mWh", "0.001", "Wh"),
        ("energy", "Wh", "1", "Wh"),
        ("energy", "W.h", "1", "Wh"),
        ("energy", "kWh", "1000", "Wh"),
        ("energy", "MWh", "1000000", "Wh"),
        ("energy", "GWh", "1000000000", "Wh"),
        ("energy", "kJ", "1000", "J"),
        ("energy", "MJ", "1000000", "J"),
        ("energy", "GJ", "1000000000", "J"),
        ("energy", "Mcal", "1000000", "cal"),
        ("energy", "Gcal", "1000000000", "cal"),
        ("power", "kW", "1000", "W"),
        ("power", "MW", "1000000", "W"),
        ("power", "MJ/h", "1000000", "J/h"),
        ("voltage", "mV", "0.001", "V"),
        ("voltage", "kV", "1000", "V"),
        ("current", "mA", "0.001", "A"),
        ("frequency", "kHz", "1000", "Hz"),
        ("pressure", "mbar", "0.001", "bar"),
        ("reactive power", "kvar", "1000", "var"),
        ("reactive energy", "kvarh", "1000", "varh"),
        ("apparent power", "kVA", "1000", "VA"),
        ("apparent energy", "MVAh", "1000000", "VAh"),
        ("dimensionless", "1", "1", None),
    ],
)
def test_units_as_people_write_them(quantity: str, unit: str, value: str, read_unit: str | None) -> None:
    record = written(quantity=quantity, unit=unit, value=1)
    assert (record.quantity, record.value, record.unit) == (quantity, Decimal(value), read_unit)


@pytest.mark.parametrize("unit", ["kl", "KWh", "µA", "m", "kh", "kmin", 1, b"m3"])
def test_other_units_are_refused(unit: object) -> None:
    with pytest.raises(BuildError) as caught:
        written(quantity="volume", unit=unit, value=1)
    assert caught.value.field == "records[0].unit"


# Signed values keep their lowest number for "no value", unsigned ones their highest; bits keep none.
@pytest.mark.parametrize(
    ("quantity", "unit", "value", "data_field"),
    [
        ("volume", "m³", 0, 4),
        ("volume", "m³", 2**31 - 1, 4),
        ("volume", "m³", 2**31, 6),
        ("volume", "m³", -(2**31) + 1, 4),
        ("volume", "m³", -(2**31), 6),
        ("volume", "m³", 2**47 - 1, 6),
        ("volume", "m³", 2**47, 7),
        ("volume", "m³", -(2**47) + 1, 6),
        ("volume", "m³", -(2**47), 7),
        ("volume", "m³", 2**63 - 1, 7),
        ("volume", "m³", -(2**63) + 1, 7),
        ("week number", None, 0, 1),
        ("week number", None, 2**8 - 2, 1),
        ("week number", None, 2**8 - 1, 2),
        ("week number", None, 2**16 - 2, 2),
        ("week number", None, 2**16 - 1, 3),
        ("week number", None, 2**24 - 2, 3),
        ("week number", None, 2**24 - 1, 4),
        ("week number", None, 2**32 - 2, 4),
        ("week number", None, 2**32 - 1, 6),
        ("week number", None, 2**48 - 2, 6),
        ("week number", None, 2**48 - 1, 7),
        ("week number", None, 2**64 - 2, 7),
        ("error flags", None, 2**8 - 1, 1),
        ("error flags", None, 2**8, 2),
        ("error flags", None, 2**64 - 1, 7),
    ],
)
def test_the_shortest_usual_integer(quantity: str, unit: str | None, value: int, data_field: int) -> None:
    record = written(quantity=quantity, unit=unit, value=value)
    assert (record.dib[0] & 0x0F, record.value) == (data_field, Decimal(value))


@pytest.mark.parametrize(
    ("quantity", "unit", "value"),
    [
        ("volume", "m³", 2**63),
        ("volume", "m³", -(2**63)),
        ("week number", None, 2**64 - 1),
        ("week number", None, -1),
        ("error flags", None, 2**64),
        ("error flags", None, -1),
    ],
)
def test_what_no_integer_holds_is_refused(quantity: str, unit: str | None, value: int) -> None:
    with pytest.raises(BuildError) as caught:
        written(quantity=quantity, unit=unit, value=value)
    assert caught.value.field == "records[0].value"


@pytest.mark.parametrize(
    ("quantity", "value", "data_field"),
    [
        ("date", date(2026, 2, 3), 2),
        ("date and time", datetime(2026, 2, 3, 4, 5), 4),
        ("date and time", datetime(2026, 2, 3, 4, 5, 6), 6),
        ("date and time", time(4, 5, 6), 3),
        ("start of tariff", date(2026, 2, 3), 2),
        ("start of tariff", time(4, 5), 3),
        ("fabrication number", "12345678", 0xC),
        ("fabrication number", "123456789012", 0xE),
        ("fabrication number", "1234567", 0xD),
        ("fabrication number", "1234567A", 0xD),
        ("enhanced identification", "12345678", 0xC),
        ("enhanced identification", "1234567824400107", 7),
        ("manufacturer", "PAD", 2),
        ("manufacturer", "PADX", None),
        ("manufacturer", "PA", 0xD),
        ("manufacturer", "PADMESS", 0xD),
        ("customer location", "12", 0xD),
        ("customer location", "attic", 0xD),
        ("volume", None, 0),
    ],
)
def test_the_data_field_of_other_values(quantity: str, value: Any, data_field: int | None) -> None:
    if data_field is None:
        with pytest.raises(BuildError):
            written(quantity=quantity, value=value)
        return
    record = written(quantity=quantity, unit="m³" if quantity == "volume" else None, value=value)
    assert (record.dib[0] & 0x0F, record.value) == (data_field, value)


@pytest.mark.parametrize(
    ("value", "vif"),
    [
        ("1", "16"),
        ("1.0", "15"),
        ("10", "16"),
        ("1E1", "17"),
        ("1E2", "FB10"),
        ("1E3", "FB11"),
        ("1E4", "FB11"),
        ("0.000001", "10"),
        (1.5, "15"),
        (Decimal("2.50"), "14"),
    ],
)
def test_the_last_digit_given_chooses_the_scale(value: Any, vif: str) -> None:
    record = written(quantity="volume", unit="m³", value=value)
    assert record.vib.hex().upper() == vif
    assert record.value == Decimal(str(value))


def test_what_is_finer_than_every_scale_is_refused_or_a_real() -> None:
    with pytest.raises(BuildError, match=r"records\[0\].value: .*a multiple of 10\^-6 m³"):
        written(quantity="volume", unit="m³", value="0.0000001")
    record = written(quantity="volume", unit="m³", value="0.0000015", data_field="32 bit real")
    assert record.value == pytest.approx(1.5e-6)


@pytest.mark.parametrize(("data_field", "number"), [("8 digit BCD", 0xC), ("16 bit integer", 2), (3, 3)])
def test_a_data_field_that_is_given_is_kept(data_field: Any, number: int) -> None:
    record = written(quantity="volume", unit="m³", value=5, data_field=data_field)
    assert (record.dib[0], record.value) == (number, Decimal(5))


@pytest.mark.parametrize("data_field", ["special function", 0xF, 16, -1, "BCD", ""])
def test_a_data_field_that_is_none_is_refused(data_field: Any) -> None:
    with pytest.raises(BuildError) as caught:
        written(quantity="volume", unit="m³", value=5, data_field=data_field)
    assert caught.value.field == "records[0].data_field"


def test_names_that_are_almost_right_are_suggested() -> None:
    with pytest.raises(BuildError, match="did you mean volume"):
        written(quantity="Volum", unit="m³", value=5)
    with pytest.raises(BuildError, match="such as OBIS declaration, accumulation"):
        written(quantity="volume", unit="m³", value=5, qualifiers=["??"])
    with pytest.raises(BuildError, match="qualifiers"):
        written(quantity="volume", unit="m³", value=5, qualifiers="average value")

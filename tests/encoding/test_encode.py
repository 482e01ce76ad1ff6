"""Values to octets: written by hand, decoded and edited, as JSON; and what does not fit."""

from __future__ import annotations

import decimal
import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from mbus_construct import BuildError, Frame, Meter, Record, Telegram, decode, encode
from mbus_construct.values.headers import RecordHeader
from telegrams import METER

ENERGY: dict[str, Any] = {"quantity": "energy", "unit": "Wh", "value": 1}


def octets_of(**record: Any) -> str:
    """The octets of one hand-written record."""
    return encode({"link": "records", "records": [record]}).hex(" ").upper()


def refused(values: Any) -> BuildError:
    """The error that building gives; it names what was given and what would do."""
    with pytest.raises(BuildError) as caught:
        encode(values)
    error = caught.value
    assert error.limit
    assert error.limit in str(error)
    return error


def refused_record(**record: Any) -> BuildError:
    error = refused({"meter": METER, "records": [record]})
    assert error.field.startswith("records[0]")
    return error


# --- Frames by hand ------------------------------------------------------------------------------


def test_a_response_by_hand() -> None:
    octets = encode(
        {
            "meter": METER,
            "access_number": 0x55,
            "frame": {"a_field": 2},
            "records": [
                {"quantity": "volume", "unit": "m³", "value": 12.565, "data_field": "24 bit integer"},
                {
                    "quantity": "volume flow",
                    "unit": "m³/h",
                    "value": "0.113",
                    "data_field": "4 digit BCD",
                    "function": "maximum",
                    "storage_number": 5,
                },
                {
                    "quantity": "energy",
                    "unit": "kWh",
                    "value": Decimal("218.37"),
                    "data_field": "6 digit BCD",
                    "tariff": 2,
                    "subunit": 1,
                },
            ],
        }
    )
    # E28, MBDOC48 6.3.3
    assert octets.hex(" ").upper() == (
        "68 1F 1F 68 08 02 72 78 56 34 12 24 40 01 07 55 00 00 00 03 13 15 31 00 DA 02 3B 13 01 8B 60 04 37 18 02 18 16"
    )


COMMANDS = [
    ({"frame": {"c_field": "SND_NKE", "a_field": 1}}, "10 40 01 41 16"),
    ({"frame": {"c_field": "REQ_UD2", "a_field": 253}}, "10 5B FD 58 16"),
    ({"frame": {"format": "single character"}}, "E5"),
    ({"frame": {"c_field": "SND_UD", "a_field": 254, "ci_field": 0x50}}, "68 03 03 68 53 FE 50 A1 16"),
    ({"frame": {"c_field": "SND_UD", "a_field": 254, "ci_field": 0xBD}}, "68 03 03 68 53 FE BD 0E 16"),
    (
        {
            "frame": {"c_field": "SND_UD", "a_field": 254},
            "records": [{"quantity": "bus address", "value": 8}],
        },
        "68 06 06 68 53 FE 51 01 7A 08 25 16",
    ),
    (
        {
            "frame": {"c_field": "SND_UD", "a_field": 1},
            "records": [
                {
                    "quantity": "date and time",
                    "value": "2024-05-17T13:45",
                    "flags": ["summer time"],
                }
            ],
        },
        "68 09 09 68 53 01 51 04 6D 2D AD 11 35 36 16",
    ),
    (
        {
            "frame": {"c_field": "SND_UD", "a_field": 253, "ci_field": 0x52},
            "meter": {"identification_number": "1FFFFFFF"},
        },
        "68 0B 0B 68 53 FD 52 FF FF FF 1F FF FF FF FF BA 16",
    ),
    (
        {
            "frame": {"c_field": "SND_UD", "a_field": 5},
            "records": [
                {
                    "quantity": "energy",
                    "unit": "kWh",
                    "value": 511,
                    "data_field": "8 digit BCD",
                    "qualifiers": ["action: add entry"],
                }
            ],
        },
        "68 0A 0A 68 53 05 51 0C 86 08 11 05 00 00 59 16",
    ),
    (
        {
            "frame": {"c_field": "SND_UD", "a_field": 254},
            "records": [{"quantity": "enhanced identification", "value": "0102030424400104"}],
        },
        "68 0D 0D 68 53 FE 51 07 79 04 03 02 01 24 40 01 04 95 16",
    ),
]


@pytest.mark.parametrize(("values", "octets"), COMMANDS)
def test_commands_by_hand(values: dict[str, Any], octets: str) -> None:
    assert encode(values).hex(" ").upper() == octets
    assert encode(json.loads(json.dumps(values))).hex(" ").upper() == octets
    assert Frame.parse(encode(values))


# --- Records by hand -----------------------------------------------------------------------------

RECORDS = [
    ({"quantity": "energy", "unit": "Wh", "value": 1}, "04 03 01 00 00 00"),
    ({"quantity": "energy", "unit": "kWh", "value": 14}, "04 06 0E 00 00 00"),
    ({"quantity": "energy", "unit": "kWh", "value": "14.0"}, "04 05 8C 00 00 00"),
    ({"quantity": "energy", "unit": "MWh", "value": 2}, "04 FB 01 02 00 00 00"),
    ({"quantity": "energy", "unit": "GJ", "value": Decimal("0.5")}, "04 FB 08 05 00 00 00"),
    ({"quantity": "volume", "unit": "m³", "value": 2.013}, "04 13 DD 07 00 00"),
    ({"quantity": "volume", "unit": "l", "value": 2013}, "04 13 DD 07 00 00"),
    ({"quantity": "volume", "unit": "m3", "value": -1}, "04 16 FF FF FF FF"),
    ({"quantity": "volume", "unit": "m³", "value": 2**31}, "06 16 00 00 00 80 00 00"),
    ({"quantity": "volume", "unit": "m³", "value": -(2**31)}, "06 16 00 00 00 80 FF FF"),
    ({"quantity": "volume", "unit": "m³", "value": 2**62}, "07 16 00 00 00 00 00 00 00 40"),
    ({"quantity": "power", "unit": "kW", "value": "0.001"}, "04 2B 01 00 00 00"),
    ({"quantity": "flow temperature", "unit": "°C", "value": -0.1}, "04 5A FF FF FF FF"),
    (
        {"quantity": "flow temperature", "unit": "°C", "value": 50, "data_field": "32 bit real"},
        "05 5B 00 00 48 42",
    ),
    ({"quantity": "volume", "unit": "m³", "value": -3, "data_field": "8 digit BCD"}, "0C 16 03 00 00 F0"),
    ({"quantity": "volume", "unit": "m³", "value": -3, "data_field": "variable length"}, "0D 16 E1 FD"),
    ({"quantity": "fabrication number", "value": "01020304"}, "0C 78 04 03 02 01"),
    ({"quantity": "fabrication number", "value": "000001020304"}, "0E 78 04 03 02 01 00 00"),
    ({"quantity": "fabrication number", "value": "AB12"}, "0D 78 04 32 31 42 41"),
    ({"quantity": "parameter set identification", "value": "WFM21"}, "0D FD 0B 05 31 32 4D 46 57"),
    ({"quantity": "manufacturer", "value": "PAD"}, "02 FD 0A 24 40"),
    ({"quantity": "model/version", "value": 254}, "01 FD 0C FE"),
    ({"quantity": "model/version", "value": 255}, "02 FD 0C FF 00"),  # FFh alone means "no value"
    ({"quantity": "error flags", "value": 0}, "01 FD 17 00"),
    ({"quantity": "error flags", "value": 255}, "01 FD 17 FF"),
    ({"quantity": "error flags", "value": 0x8000}, "02 FD 17 00 80"),
    ({"quantity": "date", "value": date(2013, 12, 31), "storage_number": 1}, "42 6C BF 1C"),
    ({"quantity": "date", "value": "2013-12-31"}, "02 6C BF 1C"),
    ({"quantity": "date and time", "value": datetime(2008, 5, 31, 23, 50)}, "04 6D 32 37 1F 15"),
    ({"quantity": "date and time", "value": datetime(1996, 5, 5, 9, 16)}, "04 6D 10 09 05 C5"),
    ({"quantity": "date and time", "value": datetime(2018, 7, 17, 10, 47, 26)}, "06 6D 1A 2F 0A 51 27 00"),
    ({"quantity": "date and time", "value": time(11, 48, 59)}, "03 6D 3B 30 0B"),
    ({"quantity": "energy", "unit": "Wh", "value": None}, "00 00"),
    (
        {"quantity": "energy", "unit": "Wh", "value": 1, "storage_number": 107, "tariff": 13, "subunit": 1},
        "C4 D5 33 03 01 00 00 00",
    ),
    (
        {
            "quantity": "volume",
            "unit": "m³",
            "value": 1,
            "qualifiers": ["average value", "upper limit value"],
        },
        "04 96 92 48 01 00 00 00",
    ),
    ({"dib": "04", "vib": "13", "value": "0.001"}, "04 13 01 00 00 00"),
    ({"dib": "04", "vib": "13", "data": "01000000"}, "04 13 01 00 00 00"),
    ({"dib": b"\x04", "vib": b"\x13", "data": b"\x01\0\0\0"}, "04 13 01 00 00 00"),
    ({"dib": "0D", "vib": "FD3B", "value": "010203"}, "0D FD 3B 03 01 02 03"),
    ({"dib": "02", "vib": "6D", "value": b"\x01\x02"}, "02 6D 01 02"),
    (
        {"quantity": "volume", "unit": "m³", "value": "0.1234567", "data_field": "32 bit real"},
        "05 10 5A 20 F1 47",
    ),
]


@pytest.mark.parametrize(("record", "octets"), RECORDS)
def test_records_by_hand(record: dict[str, Any], octets: str) -> None:
    with decimal.localcontext() as context:
        context.prec = 5
        assert octets_of(**record) == octets


@pytest.mark.parametrize("number", ["0.001", "-12.50", "99999999.999", "1E+3", "1.0E+6", "123456789012345.6"])
@pytest.mark.parametrize("unit", ["m³", "l"])
def test_a_value_comes_back_exactly(number: str, unit: str) -> None:
    octets = encode({"link": "records", "records": [{"quantity": "volume", "unit": unit, "value": number}]})
    record = decode(octets, link="records").records[0]
    assert record.value == Decimal(number).scaleb(0 if unit == "m³" else -3)
    assert record.unit == "m³"


def test_digits_by_hand_are_a_number_of_what_is_measured() -> None:
    assert octets_of(quantity="energy", unit="Wh", value="12", data_field="variable length") == "0D 03 E1 0C"
    assert octets_of(quantity="customer", value="12", data_field="variable length") == "0D FD 11 02 32 31"


@pytest.mark.parametrize(
    "quantity", ["password", "customer", "access code user", "model/version", "hardware version number"]
)
def test_text_by_hand_stays_text_where_nothing_is_measured(quantity: str) -> None:
    octets = octets_of(quantity=quantity, value="007")
    assert octets.endswith("03 37 30 30")
    assert decode(octets, link="records").records[0].value == "007"
    for given in ({"value_type": "decimal"}, {"data_field": "8 digit BCD"}):
        (record,) = decode(octets_of(quantity=quantity, value="007", **given), link="records").records
        assert record.value == 7
        assert isinstance(record.value, Decimal)
    assert decode(octets_of(quantity=quantity, value=7), link="records").records[0].value == 7


def test_special_functions_stand_where_they_are_told() -> None:
    for place, octets in ((0, "2F0403010000000403010000 00"), (1, "0403010000002F040301000000")):
        values = {
            "records": [ENERGY, ENERGY],
            "special_functions": [{"before_record": place, "octets": "2F"}],
        }
        assert encode({"link": "records", **values}) == bytes.fromhex(octets)
    values = {"records": [ENERGY], "special_functions": [{"before_record": 1, "octets": "2F"}]}
    assert encode({"link": "records", **values}) == bytes.fromhex("0403010000002F")


def test_a_telegram_made_by_hand() -> None:
    records = (
        Record(RecordHeader(quantity="energy", unit="Wh"), b"", Decimal(1)),
        Record(RecordHeader(quantity="password", storage_number=3), b"", "007"),
    )
    telegram = Telegram(meter=Meter("12345678", "PAD", 1, 7), records=records)
    octets = encode(telegram)
    assert octets == encode(telegram.to_dict())
    built = decode(octets)
    assert (built.frame.format, built.meter) == ("long", telegram.meter)
    assert [(r.quantity, r.value, r.storage_number) for r in built.records] == [
        ("energy", 1, 0),
        ("password", "007", 3),
    ]


def test_names_that_look_like_nothing_are_answered_with_the_first() -> None:
    limit = refused_record(quantity="xxxxxx", unit="Wh", value=1).limit
    assert "did you mean" not in limit
    assert len(limit.removesuffix(" ...").split(", ")) == 9  # eight names behind the introduction
    assert limit.endswith(" ...")


def test_leap_year_is_told_in_type_i() -> None:
    assert octets_of(quantity="date and time", value="2024-02-29T01:02:03") == "06 6D 83 02 01 1D 32 00"


# --- What does not fit ---------------------------------------------------------------------------

REFUSED = [
    (
        {"quantity": "volume", "unit": "m³", "value": 100, "data_field": "2 digit BCD"},
        "value",
        100,
        "-9 to 99",
    ),
    (
        {"quantity": "volume", "unit": "m³", "value": -10, "data_field": "2 digit BCD"},
        "value",
        -10,
        "-9 to 99",
    ),
    (
        {"quantity": "volume", "unit": "m³", "value": 10**8, "data_field": "8 digit BCD"},
        "value",
        10**8,
        "99999999",
    ),
    ({"quantity": "volume", "unit": "m³", "value": 128, "data_field": "8 bit integer"}, "value", 128, "127"),
    (
        {"quantity": "volume", "unit": "m³", "value": -128, "data_field": "8 bit integer"},
        "value",
        -128,
        "-127",
    ),
    (
        {"quantity": "volume", "unit": "m³", "value": -128, "data_field": "variable length"},
        "value",
        -128,
        "-127",
    ),
    (
        {"quantity": "volume", "unit": "m³", "value": 2**63},
        "value",
        None,
        "-9223372036854775807 to 9223372036854775807",
    ),
    ({"quantity": "error flags", "value": -1}, "value", None, "0 to 18446744073709551614"),
    ({"quantity": "volume", "unit": "m³", "value": "0.0000001"}, "value", "0.0000001", "10^-6"),
    ({"quantity": "volume", "unit": "m³", "value": 0.1 + 0.2}, "value", 0.1 + 0.2, "10^-6"),
    ({"quantity": "volume", "unit": "m³", "value": "1." + "0" * 450 + "1"}, "value", None, "number"),
    ({"quantity": "volume", "unit": "m³", "value": "1E999999999"}, "value", None, "number"),
    ({"quantity": "volume", "unit": "m³", "value": 10**5000}, "value", None, "number"),
    ({"quantity": "volume", "unit": "m³", "value": float("nan")}, "value", None, "number"),
    ({"quantity": "volume", "unit": "m³", "value": Decimal("Infinity")}, "value", None, "number"),
    ({"quantity": "volume", "unit": "m³", "value": "lots"}, "value", "lots", "number"),
    ({"quantity": "volume", "unit": "m³", "value": True}, "value", True, "number"),
    ({"quantity": "volume", "unit": "m³", "value": [1]}, "value", [1], "number"),
    ({"quantity": "volume", "unit": "m³", "value": {"a": 1}}, "value", {"a": 1}, "number"),
    (
        {"quantity": "volume", "unit": "m³", "value": 1e45, "data_field": "32 bit real"},
        "value",
        1e45,
        "32 bit real",
    ),
    ({"quantity": "volume", "unit": "bushel", "value": 1}, "unit", "bushel", "m³"),
    ({"quantity": "volume", "unit": "kWh", "value": 1}, "unit", "kWh", "for volume: ft³, m³"),
    ({"quantity": "volume", "unit": ["m³"], "value": 1}, "unit", ["m³"], "m³"),
    ({"quantity": "volume", "value": 1}, "unit", None, "m³"),
    ({"quantity": "enthusiasm", "unit": "m³", "value": 1}, "quantity", "enthusiasm", "energy"),
    ({"quantity": "enrgy", "unit": "Wh", "value": 1}, "quantity", "enrgy", "did you mean energy"),
    (
        {"quantity": "volume", "unit": "m³", "value": 1, "qualifiers": ["averge value"]},
        "qualifiers",
        "averge value",
        "did you mean average value",
    ),
    (
        {"quantity": "volume", "unit": "m³", "value": 1, "flags": ["winter time"]},
        "flags",
        "winter time",
        "summer time",
    ),
    ({"quantity": ["volume"], "unit": "m³", "value": 1}, "quantity", ["volume"], "energy"),
    (
        {"quantity": "volume", "unit": "m³", "value": 1, "qualifiers": ["nice"]},
        "qualifiers",
        "nice",
        "such as OBIS declaration, ",
    ),
    ({"quantity": "volume", "unit": "m³", "value": 1, "qualifiers": 5}, "qualifiers", 5, "list"),
    (
        {"quantity": "volume", "unit": "m³", "value": 1, "data_field": "roman"},
        "data_field",
        "roman",
        "integer",
    ),
    ({"quantity": "volume", "unit": "m³", "value": 1, "data_field": "no data"}, "value", 1, "no data"),
    ({"quantity": "volume", "unit": "m³", "value": 1, "function": "median"}, "function", "median", "maximum"),
    (
        {"quantity": "volume", "unit": "m³", "value": 1, "storage_number": 2**41},
        "storage_number",
        2**41,
        "ten",
    ),
    ({"quantity": "volume", "unit": "m³", "value": 1, "tariff": 2**20}, "tariff", 2**20, "1048575"),
    ({"quantity": "volume", "unit": "m³", "value": 1, "subunit": -1}, "subunit", -1, "1023"),
    ({"quantity": "volume", "unit": "m³", "value": 1, "tariff": "1"}, "tariff", "1", "1048575"),
    ({"quantity": "volume", "unit": "m³", "valeu": 1}, "valeu", 1, "value"),
    ({"quantity": "bus address", "value": 251}, "value", 251, "250"),
    ({"quantity": "date", "value": "2013-02-30"}, "value", "2013-02-30", "ISO 8601"),
    ({"quantity": "date", "value": "2081-01-01"}, "value", None, "1981 to 2080"),
    ({"quantity": "date", "value": date(1980, 12, 31)}, "value", date(1980, 12, 31), "1981 to 2080"),
    ({"quantity": "date", "value": "2013-12-31T10:00"}, "value", None, "a date"),
    ({"quantity": "date", "value": 20131231}, "value", 20131231, "ISO 8601"),
    ({"quantity": "date and time", "value": "1980-01-01T00:00"}, "value", None, "1981"),
    ({"quantity": "date and time", "value": "2300-01-01T00:00"}, "value", None, "2299"),
    (
        {"quantity": "date and time", "value": "2024-05-17T13:45:10", "data_field": "32 bit integer"},
        "value",
        None,
        "minutes",
    ),
    ({"quantity": "date and time", "value": "2024-05-17T13:45:10.5"}, "value", None, "seconds"),
    ({"quantity": "date and time", "value": "2024-05-17T13:45+02:00"}, "value", None, "time zone"),
    ({"quantity": "date and time", "value": "2024-05-17T13:45Z"}, "value", None, "time zone"),
    ({"quantity": "date and time", "value": datetime(2024, 5, 17, tzinfo=UTC)}, "value", None, "time zone"),
    ({"dib": "07", "vib": "79", "value": "0102030"}, "value", "0102030", "16 digits"),
    ({"dib": "04", "vib": "6D", "value": "11:48"}, "value", None, "a date"),
    ({"dib": "04", "vib": "6D", "value": "2013-12-31"}, "value", None, "a time"),
    ({"dib": "03", "vib": "6D", "value": "2013-12-31T11:48"}, "value", None, "without date"),
    ({"dib": "02", "vib": "6C", "value": "2013-12-31T11:48"}, "value", None, "without time"),
    ({"dib": "02", "vib": "6D", "value": "2013-12-31"}, "value", None, "hex"),
    ({"dib": "04", "vib": "FD72", "value": "begin"}, "value", "begin", "mapping"),
    ({"dib": "0D", "vib": "FD3B", "value": "XY"}, "value", "XY", "hex"),
    ({"dib": "0D", "vib": "13", "value": 2**127}, "value", None, "15 octets"),
    ({"quantity": "manufacturer", "value": "pad"}, "value", "pad", "letters"),
    ({"quantity": "fabrication number", "value": "Ω"}, "value", "Ω", "8859-1"),
    ({"quantity": "customer", "value": "x" * 192}, "value", None, "191"),
    ({"dib": "84", "vib": "06", "value": 1}, "vib", "06", "whole"),
    ({"dib": "04", "vib": "0606", "value": 1000}, "vib", "0606", "one VIB"),
    ({"dib": "04", "vib": "06", "data": "010000000406"}, "data", None, "one record"),
    ({"dib": "0x", "vib": "06", "data": "01"}, "dib", "0x", "hex"),
    ({"dib": "04", "vib": 6, "data": "01"}, "vib", 6, "hex"),
]


@pytest.mark.parametrize(("record", "field", "value", "limit"), REFUSED)
def test_what_does_not_fit_is_named(record: dict[str, Any], field: str, value: Any, limit: str) -> None:
    error = refused_record(**record)
    assert error.field == f"records[0].{field}"
    assert value is None or error.value == value
    assert limit in error.limit


@pytest.mark.parametrize(
    ("values", "field", "limit"),
    [
        ({"meter": METER, "frame": {"a_field": 251}, "records": []}, "frame.a_field", "0 to 250"),
        ({"meter": METER, "frame": {"a_field": 255}, "records": []}, "frame.a_field", "0 to 250"),
        ({"meter": METER, "frame": {"a_field": -1}, "records": []}, "frame.a_field", "0 to 250"),
        ({"meter": METER, "frame": {"a_field": "1"}, "records": []}, "frame.a_field", "0 to 250"),
        ({"frame": {"c_field": "SND_UD", "a_field": 252}}, "frame.a_field", "0 to 250"),
        ({"frame": {"c_field": "SND_UD"}}, "frame.a_field", "address"),
        ({"frame": {"c_field": "SEND", "a_field": 1}}, "frame.c_field", "SND_NKE"),
        ({"frame": {"c_field": "SND_UD", "a_field": 1, "ci_field": 256}}, "frame.ci_field", "255"),
        ({"frame": {"c_field": "RSP_UD", "a_field": 1, "ci_field": 0x72}}, "meter", "identification_number"),
        ({"frame": "10 40 01 41 16"}, "frame", "mapping"),
        ({"meter": METER, "records": {}}, "records", "list"),
        ({"meter": METER, "records": "0406"}, "records", "list"),
        ({"meter": METER, "records": [5]}, "records[0]", "mapping"),
        ({"meter": METER, "record": []}, "record", "records"),
        ({"meter": METER, "manufacturer_data": "XY"}, "manufacturer_data", "hex"),
        ({"meter": METER, "special_functions": [5], "records": []}, "special_functions[0]", "mapping"),
        ({"meter": METER, "status": 256, "records": []}, "status", "255"),
        ({"meter": METER, "access_number": 256, "records": []}, "access_number", "255"),
        ({"meter": {**METER, "identification_number": 12345678}}, "meter.identification_number", "8 digits"),
        ({"meter": {**METER, "identification_number": "1234567"}}, "meter.identification_number", "8 digits"),
        ({"meter": {**METER, "manufacturer": "PADX!"}}, "meter.manufacturer", "letters"),
        ({"meter": {**METER, "version": 256}}, "meter.version", "255"),
        ({"meter": {**METER, "device_type": "tea"}}, "meter.device_type", "255"),
        ({"meter": {**METER, "name": "x"}}, "meter.name", "identification_number"),
        ({"meter": "12345678"}, "meter", "mapping"),
        ({"link": "telegram"}, "link", "frame"),
        ({"meter": METER, "records": [], "schema_version": 2}, "schema_version", "1"),
        ({"meter": METER, "records": [], "schema_version": "1"}, "schema_version", "1"),
        ({"meter": METER, "records": [], "type": "reading"}, "type", "telegram"),
        ({"meter": METER, "records": [], "type": "refusal"}, "type", "telegram"),
        (
            {"meter": METER, "records": [], "special_functions": [{"before_record": 1, "octets": "2F"}]},
            "special_functions[0].before_record",
            "0 to 0",
        ),
        (
            {"meter": METER, "records": [], "special_functions": [{"before_record": -1, "octets": "2F"}]},
            "special_functions[0].before_record",
            "0 to 0",
        ),
        (
            {"frame": {"ci_field": 0x70}, "records": [ENERGY]},
            "records",
            "left out: CI 70h has no place for it",
        ),
        (
            {"frame": {"ci_field": 0x71}, "user_data": {"alarm_flags": "05"}, "records": [ENERGY]},
            "records",
            "left out: CI 71h has no place for it",
        ),
        ({}, "", "meter and records"),
        ([], "", "mapping"),
        (None, "", "mapping"),
    ],
)
def test_telegrams_that_do_not_fit(values: Any, field: str, limit: str) -> None:
    error = refused(values)
    assert error.field == field
    assert limit in error.limit


def test_a_frame_holds_252_octets() -> None:
    def values(length: int) -> dict[str, Any]:
        return {"meter": METER, "records": [], "manufacturer_data": "00" * length}

    assert len(encode(values(239))) == 261
    error = refused(values(240))
    assert (error.value, error.limit) == ("253 octets", "at most 252 octets")


@pytest.mark.parametrize(
    ("key", "given"),
    [
        ("flags", ["summer time"]),
        ("data", "0102"),
        ("dib", "8410"),
        ("record_error", "data too large"),
        ("value_type", "nonsense"),
    ],
)
def test_what_a_record_has_no_place_for(key: str, given: Any) -> None:
    """It would be left out without a word."""
    record = {"quantity": "energy", "unit": "Wh", "value": 1000, key: given}
    with pytest.raises(BuildError) as caught:
        encode({"frame": {"ci_field": 0x78}, "records": [record]})
    assert caught.value.field == f"records[0].{key}"

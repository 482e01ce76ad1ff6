"""What cannot be encoded is refused with the name of the field, as it stands in the mapping."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, Final

import pytest

from mbus_construct import BuildError, encode

METER: Final = {"identification_number": "12345678", "manufacturer": "ELS", "version": 51, "device_type": 3}
VOLUME: Final = {"quantity": "volume", "unit": "m³", "value": 1}
KEY: Final = "000102030405060708090A0B0C0D0E0F"
DATE: Final = {"quantity": "date"}
MOMENT: Final = {"quantity": "date and time"}


def refused(values: Any) -> BuildError:
    with pytest.raises(BuildError) as caught:
        encode(values, keys=KEY)
    return caught.value


@pytest.mark.parametrize(
    ("record", "field", "limit"),
    [
        ({"dib": "04", "vib": "13", "data": 5}, "data", "hex digits"),
        ({"dib": "04", "vib": "93", "value": 1}, "vib", "a whole VIB"),
        ({"dib": "04", "vib": "1313", "value": 1}, "vib", "one VIB"),
        ({"dib": "x", "vib": "13", "value": 1}, "dib", "hex digits"),
        ({"dib": "04", "vib": "x", "value": 1}, "vib", "hex digits"),
        ({"dib": "01", "vib": "13", "value": "-0.128"}, "value", "-127 or more"),
        ({"dib": "04", "vib": "13", "data": "0100000004130100 0000"}, "data", "one record"),
        ({**VOLUME, "flags": ["winter time"]}, "flags", "summer time"),
        ({**VOLUME, "flags": "summer time"}, "flags", "a list"),
        ({**VOLUME, "value": "1" * 161}, "value", "a number"),
        ({**VOLUME, "value": "1E161"}, "value", "a number"),
        ({**VOLUME, "value": "1" * 161, "data_field": "64 bit integer"}, "value", "at most 160 digits"),
        ({**VOLUME, "value": "1E-161", "data_field": "32 bit real"}, "value", "at most 160 digits"),
        ({**VOLUME, "data_field": "no data"}, "value", "no value"),
        ({**VOLUME, "value": None, "data_field": 4}, "value", "a value for volume"),
        ({**VOLUME, "value": "x"}, "value", "a number for volume"),
        ({**VOLUME, "quantity": 5}, "quantity", "EN 13757-3"),
        ({**VOLUME, "function": "average"}, "function", ""),
        ({**VOLUME, "storage_number": 1 << 41}, "storage_number", "ten DIFEs"),
        ({**VOLUME, "tariff": 1 << 20}, "tariff", "ten DIFEs"),
        ({**VOLUME, "subunit": 1 << 10}, "subunit", "ten DIFEs"),
        ({"quantity": "bus address", "value": 251}, "value", "0 to 250"),
        ({**DATE, "value": "2026-02-30"}, "value", "ISO 8601"),
        ({**DATE, "value": datetime(2026, 1, 1, tzinfo=UTC)}, "value", "without time zone"),
        ({**DATE, "value": "1980-12-31"}, "value", "1981 to 2080"),
        ({**DATE, "value": "2081-01-01"}, "value", "1981 to 2080"),
        ({**DATE, "value": "2026-01-01T00:00", "data_field": 2}, "value", "a date without time"),
        ({**DATE, "value": "00:00", "data_field": 2}, "value", "a date"),
        ({**MOMENT, "value": "1899-12-31T00:00"}, "value", "1900 to 2299"),
        ({**MOMENT, "value": "1900-01-01T00:00"}, "value", "1981 on"),
        ({**MOMENT, "value": "1980-12-31T00:00"}, "value", "1981 on"),
        ({**MOMENT, "value": "2300-01-01T00:00"}, "value", "1900 to 2299"),
        ({**MOMENT, "value": date(2026, 1, 1), "data_field": 4}, "value", "a time, with its date"),
        ({**MOMENT, "value": "2026-01-01T00:00:01", "data_field": 4}, "value", "whole minutes"),
        ({**MOMENT, "value": datetime(2026, 1, 1, 0, 0, 0, 1), "data_field": 6}, "value", "whole seconds"),
        ({**MOMENT, "value": "2026-01-01T00:00", "data_field": 3}, "value", "a time without date"),
        (
            {"quantity": "enhanced identification", "value": "12345678244001ZZ", "data_field": 7},
            "value",
            "16 digits",
        ),
    ],
)
def test_fields_of_records(record: Any, field: str, limit: str) -> None:
    error = refused({"meter": METER, "records": [VOLUME, record]})
    assert error.field.removeprefix("records[1].") in (field, f"dib.{field}")
    assert error.field.startswith("records[1].")
    assert limit in error.limit


@pytest.mark.parametrize(
    ("more", "field", "limit"),
    [
        ({"frame": {"format": "C"}}, "frame.format", "A, B, CRC-less"),
        ({"frame": {"a_field": 1}}, "frame.a_field", "by radio"),
        ({"frame": {"ci_field": 300}}, "frame.ci_field", "0 to 255"),
        ({"frame": {"c_field": "XYZ"}}, "frame.c_field", "SND_NR"),
        ({"frame": {"address": {"name": "x"}}}, "frame.address.name", "identification_number"),
        ({"meter": None}, "frame.address", "who sends"),
        ({"user_data": 5}, "user_data", "a mapping"),
        ({"frame": {"ci_field": 0x78}, "security": {"mode": 5}}, "security.mode", "no header"),
        ({"security": {"mode": 7}, "configuration_field": 0x0510}, "security.mode", "5"),
        ({"security": 5}, "security", "a mapping"),
        ({"security": {"state": "open"}}, "security.state", "decrypted"),
        ({"security": {"mac": "bad"}}, "security.mac", "verified"),
        ({"security": {"key": KEY}}, "security.key", "no such field"),
        (
            {
                "security": {"mode": 5, "state": "decrypted", "plain_octets": -1},
                "configuration_field": 0x0510,
            },
            "security.plain_octets",
            "a number",
        ),
        ({"ell": 5}, "ell", "a mapping"),
        ({"ell": {"state": "open"}}, "ell.state", "decrypted"),
        ({"ell": {"ci_field": 0x8E, "receiver": {"name": "x"}}}, "ell.receiver.name", "no such field"),
        ({"afl": 5}, "afl", "a mapping"),
        ({"afl": {"fragment": "00"}}, "records", "a part of a message"),
        ({"configuration_field": 0x10000}, "configuration_field", "0 to 65535"),
        ({"manufacturer_data": "0"}, "manufacturer_data", "hex digits"),
        ({"special_functions": [{"octets": "2F"}]}, "special_functions[0]", "before_record"),
        ({"special_functions": [{"before_record": 0, "octets": 5}]}, "special_functions[0].octets", "hex"),
    ],
)
def test_fields_of_telegrams_by_radio(more: Any, field: str, limit: str) -> None:
    error = refused({"link": "wireless", "meter": METER, "records": [VOLUME], **more})
    assert error.field == field
    assert limit in error.limit

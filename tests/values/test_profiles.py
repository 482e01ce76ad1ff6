"""Compact profiles: the elements as sent, and unrolled with storage numbers and times."""

from __future__ import annotations

import decimal
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from mbus_construct import Telegram, decode
from telegrams import README_TELEGRAM

# EN 13757-3:2018 F.2.6 (E71): energy in Wh, tariff 1, storage 32, absolute values, one a month.
PROFILE = "8D 90 81 00 83 1E 0A 34 FE A0 86 01 00 D0 FB 01 00"
BASE_DATE = "82 80 01 6C BF 1C"  # 2013-12-31
BASE_TIME = "84 80 01 6D 32 37 1F 15"  # 2008-05-31 23:50
BASE_VALUE = "84 90 81 00 03 E8 03 00 00"  # 1000 Wh


def unrolled(octets: str) -> list[tuple[int, Any, Any]]:
    """The entries of the first compact profile."""
    telegram: Telegram = decode(octets, link="records")
    record = next(record for record in telegram.records if record.kind == "series")
    return [tuple(entry) for entry in telegram.series(record)]  # type: ignore[misc]


def profile(control: int, spacing: int, elements: str, vife: int = 0x1F) -> str:
    """A compact profile of energy in Wh, tariff 1, storage 32."""
    data = bytes([control, spacing]) + bytes.fromhex(elements)
    return f"8D 90 81 00 83 {vife:02X} {len(data):02X} {data.hex()}"


def test_the_record_holds_the_elements_as_sent() -> None:
    (record,) = decode(PROFILE, link="records").records
    assert record.value == (Decimal(100000), Decimal(130000))
    assert (record.unit, record.kind, record.storage_number, record.state) == ("Wh", "series", 32, "ok")
    assert record.qualifiers == ("compact profile with register numbers", "OBIS register number")
    assert record.to_dict()["value"] == [100000, 130000]
    assert record.to_dict()["value_type"] == "series"


def test_absolute_values_a_month_apart() -> None:
    assert unrolled(PROFILE) == [(33, None, 100000), (34, None, 130000)]
    assert unrolled(BASE_DATE + PROFILE) == [
        (33, date(2014, 1, 31), 100000),
        (34, date(2014, 2, 28), 130000),
    ]


@pytest.mark.parametrize(
    ("control", "spacing", "times"),
    [
        (0x02, 10, [datetime(2008, 5, 31, 23, 50, 10), datetime(2008, 5, 31, 23, 50, 20)]),
        (0x12, 15, [datetime(2008, 6, 1, 0, 5), datetime(2008, 6, 1, 0, 20)]),
        (0x22, 1, [datetime(2008, 6, 1, 0, 50), datetime(2008, 6, 1, 1, 50)]),
        (0x32, 250, [datetime(2009, 2, 5, 23, 50), datetime(2009, 10, 13, 23, 50)]),
        (0x32, 254, [datetime(2008, 6, 30, 23, 50), datetime(2008, 7, 31, 23, 50)]),
        (0x22, 254, [datetime(2008, 8, 31, 23, 50), datetime(2008, 11, 30, 23, 50)]),
        (0x12, 254, [datetime(2008, 11, 30, 23, 50), datetime(2009, 5, 31, 23, 50)]),
        (0x32, 253, [None, None]),  # half months: not documented where they begin
        (0x32, 0, [None, None]),
        (0x02, 254, [None, None]),
        (0x32, 252, [None, None]),
    ],
)
def test_times(control: int, spacing: int, times: list[datetime | None]) -> None:
    entries = unrolled(BASE_TIME + profile(control, spacing, "01 00 02 00"))
    assert [entry[1] for entry in entries] == times
    assert [entry[2] for entry in entries] == [1, 2]


def test_hours_from_a_date_have_no_time() -> None:
    assert [entry[1] for entry in unrolled(BASE_DATE + profile(0x22, 1, "01 00"))] == [None]
    assert [entry[1] for entry in unrolled(BASE_DATE + profile(0x32, 1, "01 00"))] == [date(2014, 1, 1)]


def test_an_inverse_profile_runs_backwards() -> None:
    entries = unrolled(BASE_DATE + profile(0x34, 254, "01 00 00 00 02 00 00 00", vife=0x13))
    assert [(entry[0], entry[1]) for entry in entries] == [(33, date(2013, 11, 30)), (34, date(2013, 10, 31))]


@pytest.mark.parametrize(
    ("control", "vife", "elements", "values"),
    [
        (0x72, 0x1F, "01 00 02 00", [1001, 1003]),  # positive increments
        (0x72, 0x1F, "FE FF 02 00", [66534, 66536]),  # unsigned
        (0xB2, 0x1F, "01 00 02 00", [999, 997]),  # negative increments
        (0xF2, 0x1F, "FF FF 03 00", [999, 1002]),  # signed: younger minus older
        (0xF2, 0x13, "FF FF 03 00", [1001, 998]),
        (0x72, 0x1F, "01 00 FF FF 02 00", [1001, None, None]),  # behind a gap the sum is not known
        (0x32, 0x1F, "01 00 00 80 02 00", [1, None, 2]),
        (0x32, 0x1F, "FF FF", [-1]),
        (0x3A, 0x1F, "21 F3 1A 00", [-321, None]),
        (0x35, 0x1F, "00 00 48 42 00 00 C0 7F", [50.0, None]),
        (0x72, 0x13, "01 00", [None]),  # which way unsigned increments run backwards is not documented
    ],
)
def test_increments(control: int, vife: int, elements: str, values: list[Any]) -> None:
    octets = BASE_VALUE + profile(control, 1, elements, vife)
    assert [entry[2] for entry in unrolled(octets)] == values
    with decimal.localcontext() as context:
        context.prec = 1
        assert [entry[2] for entry in unrolled(octets)] == values


def test_increments_without_base_value_are_not_known() -> None:
    assert [entry[2] for entry in unrolled(profile(0x72, 1, "01 00 02 00"))] == [None, None]
    other_tariff = BASE_VALUE.replace("90", "A0", 1)
    assert [entry[2] for entry in unrolled(other_tariff + profile(0x72, 1, "01 00"))] == [None]


def test_octets_that_fill_no_element_stay() -> None:
    (record,) = decode(profile(0x32, 1, "01 00 02"), link="records").records
    assert record.value == (Decimal(1),)
    assert record.data[-1] == 2


@pytest.mark.parametrize("elements", ["", "01"])
def test_a_profile_without_elements_is_empty(elements: str) -> None:
    assert unrolled(profile(0x32, 1, elements)) == []


def test_octets_that_are_no_profile_have_no_value() -> None:
    (record,) = decode("0D 83 1F 01 32", link="records").records
    assert (record.value, record.state, record.data) == (None, "invalid", b"\x01\x32")
    with pytest.raises(ValueError, match="no compact profile"):
        decode(README_TELEGRAM).series(record)


def test_a_last_day_that_does_not_exist_has_no_date() -> None:
    octets = "82 80 01 6C DE 1B" + profile(0x34, 254, "01 00 00 00" * 4)  # 2014-11-30: the month's last day
    assert next(entry[1] for entry in unrolled(octets)) == date(2014, 12, 31)
    octets = "82 80 01 6C DE 11" + profile(0x34, 254, "01 00 00 00" * 2)  # 2014-01-30
    assert [entry[1] for entry in unrolled(octets)] == [None, date(2014, 3, 30)]

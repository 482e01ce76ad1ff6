"""Decoded, edited, and encoded again: as values with `dataclasses.replace`, and as JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from mbus_construct import BuildError, Record, Telegram, decode, encode
from telegrams import README_TELEGRAM, response
from vectors import FRAMES


@pytest.mark.parametrize("octets", FRAMES, ids=lambda octets: octets[:12].hex())
def test_decoded_telegrams_become_the_same_octets(octets: bytes) -> None:
    telegram = decode(octets)
    assert encode(telegram) == octets
    assert encode(telegram.to_dict()) == octets
    assert encode(json.loads(telegram.to_json())) == octets


def edited(telegram: Telegram, index: int, **changes: Any) -> Telegram:
    """The telegram with one record changed, and encoded and decoded."""
    record = telegram.records[index]
    header = {key: changes.pop(key) for key in tuple(changes) if hasattr(record.header, key)}
    changed = replace(record, header=replace(record.header, **header), **changes)
    records = (*telegram.records[:index], changed, *telegram.records[index + 1 :])
    return decode(encode(replace(telegram, records=records)))


def test_an_edited_value_keeps_the_coding_of_its_record() -> None:
    telegram = edited(decode(README_TELEGRAM), 1, value=Decimal("3.5"))
    assert (telegram.records[1].value, telegram.records[1].data.hex()) == (Decimal("3.500"), "00350000")
    others = [(r.value, r.data) for k, r in enumerate(telegram.records) if k != 1]
    assert others == [(r.value, r.data) for k, r in enumerate(decode(README_TELEGRAM).records) if k != 1]


EDITS: list[tuple[str, Any, str]] = [
    ("02 65 F6 FF", Decimal("-327.67"), "01 80"),
    ("0A 65 21 F3", Decimal("-9.99"), "99 F9"),
    ("02 FC 03 48 52 25 74 34 12", Decimal("12.34"), "D2 04"),
    ("02 AB 25 01 00", Decimal(7), "07 00"),
    ("02 93 F3 7A 0A 00", Decimal("0.100002"), "02 00"),
    ("0D 13 D2 34 12", Decimal("0.128"), "E2 80 00"),
    ("05 2E A0 C8 51 46", 13426156.0, "A0 C8 51 46"),
    ("05 5B 00 00 48 42", -0.5, "00 00 00 BF"),
    ("04 6D 12 0B D3 12", datetime(2024, 2, 29, 0, 0), "00 20 1D 32"),
    ("42 6C BF 1C", date(2024, 2, 29), "1D 32"),
    ("02 93 6A BF 1C", date(2024, 2, 29), "1D 32"),
    ("03 6D 3B 30 0B", time(23, 59, 58), "3A 3B 17"),
    ("0C 78 04 03 02 01", "00000007", "07 00 00 00"),
    ("0D FD 11 02 FC 66", "für", "03 72 FC 66"),
    ("02 FD 0A 24 40", "LSE", "65 32"),
    ("0D FD 3B 03 01 02 03", b"\x09", "01 09"),
    ("04 6F 01 00 00 00", Decimal(2), "02 00 00 00"),
]


@pytest.mark.parametrize(("record", "value", "data"), EDITS)
def test_edited_values(record: str, value: Any, data: str) -> None:
    telegram = edited(decode(response(record)), 0, value=value)
    assert telegram.records[0].value == value
    assert telegram.records[0].data == bytes.fromhex(data)
    assert telegram.records[0].header == decode(response(record)).records[0].header


@pytest.mark.parametrize("record", [case[0] for case in EDITS] + ["0C 13 1A 00 00 00", "0D 6D E3 01 02 03"])
def test_an_edited_storage_number_keeps_everything_else(record: str) -> None:
    before = decode(response(record)).records[0]
    after = edited(decode(response(record)), 0, storage_number=9, tariff=2, function="maximum").records[0]
    assert (after.storage_number, after.tariff, after.function) == (9, 2, "maximum")
    assert (after.value, after.vib, after.data) == (before.value, before.vib, before.data)


def test_edited_flags_are_encoded() -> None:
    telegram = edited(decode(response("04 6D 2D 2D 11 35")), 0, flags=("summer time",))
    assert telegram.records[0].data.hex() == "2dad1135"


def test_an_edited_unit_finds_another_vib() -> None:
    record = edited(decode(response("0C 05 14 00 00 00")), 0, unit="J", value=Decimal(5000)).records[0]
    assert (record.value, record.unit, record.vib, record.data_field) == (5000, "J", b"\x08", "8 digit BCD")


def test_edited_meters_and_frames() -> None:
    telegram = decode(README_TELEGRAM)
    assert telegram.meter is not None
    changed = replace(
        telegram,
        meter=replace(telegram.meter, identification_number="00000001"),
        frame=replace(telegram.frame, a_field=7),
        access_number=1,
        manufacturer_data=b"\x01",
        more_records_follow=True,
        records=telegram.records[:1],
    )
    octets = encode(changed)
    assert octets.hex(" ").upper() == (
        "68 17 17 68 08 07 72 01 00 00 00 65 32 10 04 01 00 00 00 0C 05 14 00 00 00 1F 01 "
        + octets[-2:].hex(" ").upper()
    )
    assert decode(octets).more_records_follow


def test_edits_that_cannot_be_are_refused() -> None:
    telegram = decode(response("04 06 01 00 00 00 04 13 01"))
    bad: Record = telegram.records[1]
    with pytest.raises(BuildError):
        encode(replace(telegram, records=(telegram.records[0], replace(bad, value=Decimal(1)))))
    with pytest.raises(BuildError, match=r"records\[0\].value"):
        edited(telegram, 0, value=None)
    with pytest.raises(BuildError, match=r"records\[0\].value.*multiple of 10\^3 Wh"):
        edited(telegram, 0, value=Decimal(1))


@pytest.mark.parametrize(
    "changes",
    [
        {"access_number": 99},
        {"status": 4},
        {"records": ()},
        {"records": 1},
    ],
)
def test_the_views_of_a_fixed_data_structure_cannot_differ_from_it(changes: dict[str, Any]) -> None:
    telegram = decode("68 13 13 68 08 05 73 78 56 34 12 0A 00 E9 7E 01 00 00 00 35 01 00 00 3C 16")
    values: Any = telegram.to_dict()
    if changes.get("records") == 1:
        values["records"] = values["records"][:1]
    elif "records" in changes:
        values["records"][0]["value"] = 5
    else:
        values |= changes
    with pytest.raises(BuildError, match="user_data"):
        encode(values)


def test_counters_of_a_fixed_data_structure_are_edited_in_its_user_data() -> None:
    values: Any = decode(
        "68 13 13 68 08 05 73 78 56 34 12 0A 00 E9 7E 01 00 00 00 35 01 00 00 3C 16"
    ).to_dict()
    values["user_data"]["counter_1"] = 12345
    values["meter"]["identification_number"] = "00000007"
    del values["records"]
    telegram = decode(encode(values))
    assert telegram.records[0].value == Decimal("12.345")
    assert telegram.meter is not None
    assert telegram.meter.identification_number == "00000007"


@pytest.mark.parametrize(
    ("record", "value", "data"),
    [
        ("0D 03 E9 01 00 00 00 00 00 00 00 01", "18446744073709551618", "E9 02 00 00 00 00 00 00 00 01"),
        ("0D FD 0C E9 01 00 00 00 00 00 00 00 01", "18446744073709551618", "E9 02 00 00 00 00 00 00 00 01"),
        ("0D FD 0C 01 31", "12", "02 32 31"),
        ("0D 03 01 31", "12", "02 32 31"),
    ],
)
def test_digits_in_json_stay_the_number_or_the_text_that_they_were(
    record: str, value: str, data: str
) -> None:
    values = json.loads(decode(response(record)).to_json())
    values["records"][0]["value"] = value
    assert decode(encode(values)).records[0].data == bytes.fromhex(data)


def test_edited_json() -> None:
    values = json.loads(decode(README_TELEGRAM).to_json())
    values["records"][0]["value"] = 2500
    values["records"][5]["value"] = "00000001"
    values["records"][11]["value"] = "2014-12-31"
    del values["records"][1]
    telegram = decode(encode(values))
    assert len(telegram.records) == 11
    assert telegram.records[0].value == 2500
    assert telegram.records[4].value == "00000001"
    assert telegram.records[10].value == date(2014, 12, 31)
    assert Telegram.from_dict(values) == telegram

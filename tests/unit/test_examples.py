"""The worked examples of the standard's documents, E01 to E60: parsed, and built in both ways."""

from __future__ import annotations

from typing import Any

import pytest

from helpers import assert_both_ways, assert_no_truncation_passes, plain
from mbus_grammars import DataRecord, DataRecordToMeter, Frame
from vectors import EXAMPLES, RESPONSES, Example

BY_NUMBER = {example.name[:3]: example for example in EXAMPLES}


def _within(short: Any, parsed: Any) -> bool:
    """Whether everything that a person wrote is in what was parsed; a name may stand for its code."""
    if isinstance(short, dict) and isinstance(parsed, dict):
        return all(_within(value, parsed[key]) for key, value in short.items())
    if isinstance(short, list) and isinstance(parsed, list):
        return len(short) == len(parsed) and all(map(_within, short, parsed))
    if isinstance(short, str) and isinstance(parsed, dict):
        return parsed["name"] == short
    if isinstance(short, str) and not isinstance(parsed, str):
        return parsed.name == short
    return isinstance(parsed, dict) or short == parsed


def test_all_sixty_examples_are_here() -> None:
    assert {f"E{number:02d}" for number in range(1, 35)} == set(BY_NUMBER)
    assert {f"E{number}" for number in range(35, 61)} == {name for name, *_ in RECORDS}
    assert len(EXAMPLES) == 35  # E26 is two telegrams


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_frame(example: Example) -> None:
    parsed = Frame.parse(example.octets)
    assert _within(example.short, plain(parsed))
    assert Frame.build(parsed) == example.octets
    assert Frame.build(plain(parsed)) == example.octets
    assert Frame.build(example.short) == example.octets


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_frame_cut_short(example: Example) -> None:
    assert_no_truncation_passes(Frame, example.octets)


def test_comparison_of_short_forms_can_fail() -> None:
    parsed = plain(Frame.parse(BY_NUMBER["E28"].octets))
    assert not _within({"a_field": 3}, parsed)
    assert not _within({"user_data": {"records": []}}, parsed)
    assert not _within({"c_field": "SND_UD"}, parsed)


def _row(record: dict[str, Any]) -> tuple[Any, ...]:
    dib, vib = record["dib"], record["vib"]
    codes = " ".join(f"{code:02X}" for code in [vib["vif"], *vib["vifes"]])
    numbers = (dib["storage_number"], dib["tariff"], dib["subunit"])
    return int(dib["data_field"]), int(dib["function"]), *numbers, codes, vib.get("text"), record["data"]


DATE_1996 = {
    "minute": 16,
    "reserved": False,
    "invalid": False,
    "hour": 9,
    "hundred_year": 0,
    "summer_time": False,
    "day": 5,
    "month": 5,
    "year": 96,
}
DATE_2008 = {**DATE_1996, "minute": 50, "hour": 23, "hundred_year": 1, "day": 31, "year": 8}

# data field, function, storage, tariff, subunit, VIF and VIFEs, text, raw value
FRAME_RECORDS: dict[str, list[tuple[Any, ...]]] = {
    "E28": [
        (3, 0, 0, 0, 0, "13", None, 12565),
        (10, 1, 5, 0, 0, "3B", None, 113),
        (11, 0, 0, 2, 1, "04", None, 21837),
    ],
    "E29": [(12, 0, 0, 0, 0, "78", None, 1020304)],
    "E32": [
        (12, 0, 0, 0, 0, "14", None, 2850427),
        (4, 0, 0, 0, 0, "6D", None, DATE_2008),
        (2, 0, 0, 0, 0, "7D 17", None, 0),
    ],
    "E33": [
        (1, 0, 0, 0, 0, "7D 1B", None, 2),
        (2, 0, 0, 0, 0, "7C 74", "%RH", 4660),
        (2, 2, 0, 0, 0, "7C 74", "%RH", 3782),
        (2, 1, 0, 0, 0, "7C 74", "%RH", 5122),
        (2, 0, 0, 0, 0, "65", None, 2262),
        (2, 2, 0, 0, 0, "65", None, 2250),
        (2, 1, 0, 0, 0, "65", None, 2326),
        (1, 0, 0, 0, 0, "72", None, 0),
        (2, 3, 1, 0, 0, "65", None, 0),
        (2, 3, 2, 0, 0, "65", None, 0),
        (12, 0, 0, 0, 0, "78", None, 2),
        (2, 0, 0, 0, 0, "7D 0F", None, 0x0304),
    ],
    "E34": [
        (3, 0, 0, 0, 0, "22", None, 154),
        (5, 0, 0, 0, 0, "2E", None, 13426.15625),
        (5, 0, 0, 0, 0, "3E", None, 107.94473266601562),
        (5, 0, 0, 0, 0, "5B", None, 135.826416015625),
        (5, 0, 0, 0, 0, "5F", None, 28.95803451538086),
        (5, 0, 0, 0, 0, "63", None, 106.86837768554688),
        (4, 0, 0, 0, 0, "6D", None, DATE_1996),
    ],
}


@pytest.mark.parametrize("name", FRAME_RECORDS)
def test_records_of_responses(name: str) -> None:
    records = plain(Frame.parse(BY_NUMBER[name].octets))["user_data"]["records"]
    assert [_row(record) for record in records if "dib" in record] == FRAME_RECORDS[name]
    specials = [record for record in records if "dib" not in record]
    assert specials == ([{"dif": 0x1F, "manufacturer_data": b""}] if name == "E33" else [])


def test_every_response_with_records_is_checked() -> None:
    with_records = {e.name[:3] for e in RESPONSES if "records" in e.short.get("user_data", {})}
    assert with_records == set(FRAME_RECORDS)


DATE_2013 = {"day": 31, "month": 12, "year": 13}
SECONDS = {
    "second": 0,
    "summer_time": False,
    "leap_year": False,
    "minute": 0,
    "dst_deviation_positive": False,
    "invalid": False,
    "hour": 9,
    "day_of_week": 0,
    "day": 20,
    "month": 7,
    "year": 16,
    "week": 0,
    "dst_deviation": 0,
}
TIME = {"second": 59, "reserved_1": 0, "minute": 48, "reserved_2": 0, "hour": 11, "reserved_3": 0}
INVALID_DATE = {
    "minute": 33,
    "reserved": False,
    "invalid": True,
    "hour": 21,
    "hundred_year": 0,
    "summer_time": False,
    "day": 9,
    "month": 7,
    "year": 15,
}

# number, octets, then as in FRAME_RECORDS; the two examples of the other direction are marked in NO_DATA.
RECORDS: list[tuple[Any, ...]] = [
    ("E35", "02 65 F6 FF", 2, 0, 0, 0, 0, "65", None, -10),
    ("E36", "03 13 FF FF FF", 3, 0, 0, 0, 0, "13", None, -1),
    ("E37", "05 5B 00 00 48 42", 5, 0, 0, 0, 0, "5B", None, 50.0),
    ("E38", "0A 65 21 F3", 10, 0, 0, 0, 0, "65", None, -321),
    ("E39", "0A 65 21 E3", 10, 0, 0, 0, 0, "65", None, "E321"),
    ("E40", "3C 2A DD B4 EB DD", 12, 3, 0, 0, 0, "2A", None, "DDEBB4DD"),
    ("E41", "0E 13 56 34 12 90 78 56", 14, 0, 0, 0, 0, "13", None, 567890123456),
    ("E42", "C4 D5 33 06 01 00 00 00", 4, 0, 107, 13, 1, "06", None, 1),
    ("E43", "42 6C BF 1C", 2, 0, 1, 0, 0, "6C", None, DATE_2013),
    ("E44", "42 6C FF FC", 2, 0, 1, 0, 0, "6C", None, {**DATE_2013, "year": 127}),
    ("E45", "04 6D 32 37 1F 15", 4, 0, 0, 0, 0, "6D", None, DATE_2008),
    ("E46", "04 6D 10 09 05 C5", 4, 0, 0, 0, 0, "6D", None, DATE_1996),
    ("E47", "04 6D A1 15 E9 17", 4, 0, 0, 0, 0, "6D", None, INVALID_DATE),
    ("E48", "46 6D 00 00 09 14 27 00", 6, 0, 1, 0, 0, "6D", None, SECONDS),
    ("E49", "03 6D 3B 30 0B", 3, 0, 0, 0, 0, "6D", None, TIME),
    (
        "E50",
        "0D 78 11 34 31 38 35 30 32 38 30 32 31 39 35 37 31 30 30 47",
        *(13, 0, 0, 0, 0, "78", None, {"lvar": 0x11, "value": "G0017591208205814"}),
    ),
    ("E51", "0D 13 C3 56 34 12", 13, 0, 0, 0, 0, "13", None, {"lvar": 0xC3, "value": 123456}),
    ("E52", "0D 13 D2 34 12", 13, 0, 0, 0, 0, "13", None, {"lvar": 0xD2, "value": -1234}),
    ("E53", "0D 13 E5 FF FF FF FF FF", 13, 0, 0, 0, 0, "13", None, {"lvar": 0xE5, "value": -1}),
    ("E54", "04 FB 94 F5 FC 01 00 00 00 00", 4, 0, 0, 0, 0, "7B 14 75 7C 01", None, 0),
    ("E55", "0E 82 3C 51 30 00 00 00 00", 14, 0, 0, 0, 0, "02 3C", None, 3051),
    ("E56", "02 FD FD 02 B3 00", 2, 0, 0, 0, 0, "7D 7D 02", None, 179),
    ("E57", "02 FF 20 00 01", 2, 0, 0, 0, 0, "7F 20", None, 256),
    ("E58", "0C 93 18 00 00 00 00", 12, 0, 0, 0, 0, "13 18", None, 0),
    ("E59", "02 7C 03 48 52 25 34 12", 2, 0, 0, 0, 0, "7C", "%RH", 4660),
    ("E60", "04 93 0C", 4, 0, 0, 0, 0, "13 0C", None, b""),
]

TO_METER_EXAMPLES = {"E60"}


@pytest.mark.parametrize("row", RECORDS, ids=[row[0] for row in RECORDS])
def test_single_record(row: tuple[Any, ...]) -> None:
    name, octets, *columns = row
    grammar = DataRecordToMeter if name in TO_METER_EXAMPLES else DataRecord
    parsed = grammar.parse(bytes.fromhex(octets))
    assert _row(plain(parsed)) == tuple(columns)
    assert_both_ways(grammar, bytes.fromhex(octets), plain(parsed))
    assert_no_truncation_passes(grammar, bytes.fromhex(octets))


@pytest.mark.parametrize("row", RECORDS, ids=[row[0] for row in RECORDS])
def test_single_record_from_its_short_form(row: tuple[Any, ...]) -> None:
    _, octets, data_field, function, storage, tariff, subunit, codes, text, data = row
    vif, *vifes = bytes.fromhex(codes)
    vib = {"vif": vif, "vifes": vifes} if text is None else {"vif": vif, "vifes": vifes, "text": text}
    dib = {"function": function, "storage_number": storage, "tariff": tariff, "subunit": subunit}
    record = {"dib": {"data_field": data_field, **dib}, "vib": vib, "data": data}
    assert DataRecordToMeter.build(record) == bytes.fromhex(octets)


def test_direction_decides_whether_data_follow() -> None:
    record = DataRecord.parse(bytes.fromhex("04 93 0C 01 00 00 00"))
    assert (record.data, record._header.meaning.record_error) == (1, "illegal VIF group")
    assert DataRecordToMeter.parse(bytes.fromhex("04 93 0C")).data == b""

"""The record area: fillers, special functions, and octets that cannot be read."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from helpers import assert_both_ways, assert_no_truncation_passes, build_error, plain
from mbus_grammars import DataRecord, DataRecords, DataRecordsToMeter, DataRecordToMeter, DecodeError
from mbus_grammars.record import RecordsFromMeter, RecordsFromMeterMSB


def _record(octets: str) -> dict[str, Any]:
    value: dict[str, Any] = plain(DataRecord.parse(bytes.fromhex(octets)))
    return value


VOLUME = _record("02 13 39 30")
POWER = _record("02 2B 01 00")
FILLER = {"dif": 0x2F}

AREAS: list[tuple[str, list[Any]]] = [
    ("", []),
    ("02 13 39 30", [VOLUME]),
    ("02 13 39 30 02 2B 01 00", [VOLUME, POWER]),
    ("2F", [FILLER]),
    ("2F 2F 02 13 39 30 2F 02 2B 01 00 2F", [FILLER, FILLER, VOLUME, FILLER, POWER, FILLER]),
    ("0F", [{"dif": 0x0F, "manufacturer_data": b""}]),
    ("02 13 39 30 0F 02 13 39", [VOLUME, {"dif": 0x0F, "manufacturer_data": b"\x02\x13\x39"}]),
    ("1F 0F 1F", [{"dif": 0x1F, "manufacturer_data": b"\x0f\x1f"}]),
    ("3F 02 13 39 30", [{"dif": 0x3F}, VOLUME]),
    ("4F 5F 6F 8F FF 02 13 39 30", [*({"dif": dif} for dif in (0x4F, 0x5F, 0x6F, 0x8F, 0xFF)), VOLUME]),
    ("7F 02 13 39 30", [{"dif": 0x7F}, VOLUME]),
]


@pytest.mark.parametrize(("octets", "value"), AREAS)
def test_areas(octets: str, value: list[Any]) -> None:
    assert_both_ways(DataRecords, bytes.fromhex(octets), value)


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        ("7F", [{"dif": 0x7F}]),
        ("7F 7E", [{"dif": 0x7F, "vib": {"vif": 0x7E, "vifes": []}}]),
        ("7F 93 3C 02 13 39 30", [{"dif": 0x7F, "vib": {"vif": 0x13, "vifes": [0x3C]}}, VOLUME]),
        ("08 13 08 5A", [{**_record("08 13"), "data": b""}, {**_record("08 5A"), "data": b""}]),
    ],
)
def test_areas_to_the_meter(octets: str, value: list[Any]) -> None:
    assert_both_ways(DataRecordsToMeter, bytes.fromhex(octets), value)


def test_a_global_readout_request_before_what_is_no_vib() -> None:
    for octets in ("7F 93", "7F" + "93" * 11 + "13"):
        records = DataRecordsToMeter.parse(bytes.fromhex(octets))
        assert plain(records)[0] == {"dif": 0x7F}
        assert DataRecordsToMeter.build(records) == bytes.fromhex(octets)


TOO_MANY_DIFES = "82" + "80" * 10 + "00 13 39 30"
TOO_MANY_VIFES = "02 93" + "BC" * 10 + "3C 39 30"


@pytest.mark.parametrize(
    ("octets", "code", "reason"),
    [
        (TOO_MANY_DIFES, "chain_too_long", "11 DIFEs, 10 are allowed"),
        (TOO_MANY_VIFES, "chain_too_long", "11 VIFEs, 10 are allowed"),
        ("84" + "80" * 62 + "00 13 39 30 00 00", "chain_too_long", "63 DIFEs, 10 are allowed"),
    ],
)
def test_a_chain_that_is_too_long_does_not_hide_the_next_record(octets: str, code: str, reason: str) -> None:
    bad = bytes.fromhex(octets)
    area = bytes.fromhex("02 13 39 30") + bad + bytes.fromhex("02 2B 01 00")
    malformed = {"malformed": bad, "code": code, "reason": reason, "offset": 4}
    assert_both_ways(DataRecords, area, [VOLUME, malformed, POWER])
    with pytest.raises(DecodeError) as caught:
        DataRecord.parse(bad)
    assert (caught.value.code, caught.value.offset) == (code, 0)


@pytest.mark.parametrize(
    ("octets", "code", "reason", "offset"),
    [
        ("02 13 39", "truncated", "the data end within [1].data", 7),
        ("02", "truncated", "the data end within [1].vib.vif", 5),
        ("82", "truncated", "the data end within [1].dib.difes", 5),
        ("02 93", "truncated", "the data end within [1].vib.vifes", 6),
        ("02 7C 05 41", "truncated", "the data end within [1].vib.text", 8),
        ("0D 13 04 41", "truncated", "the data end within [1].data", 8),
        ("0D 13", "truncated", "the data end within [1].data", 6),
        ("0D 13 F7 41 42", "lvar_reserved", "LVAR F7h is reserved, its length unknown", 6),
        ("82" + "80" * 20, "truncated", "the data end within [1].dib.difes", 25),
    ],
)
def test_octets_that_cannot_be_read_are_kept(octets: str, code: str, reason: str, offset: int) -> None:
    bad = bytes.fromhex(octets)
    area = bytes.fromhex("02 13 39 30") + bad
    malformed = {"malformed": bad, "code": code, "reason": reason, "offset": offset}
    assert_both_ways(DataRecords, area, [VOLUME, malformed])


def test_spans_tell_which_octets_an_item_is_from() -> None:
    area = bytes.fromhex("2F 02 13 39 30 02 7C 03 48 52 25 34 12 0F 01 02")
    assert [item._span for item in DataRecords.parse(area)] == [(0, 1), (1, 5), (5, 13), (13, 16)]


@pytest.mark.parametrize(
    "octets",
    [
        "02 13 39 30",
        "C4 D5 33 06 01 00 00 00",
        "02 FC 03 48 52 25 74 34 12",
        "02 FC 74 03 48 52 25 34 12",
        "0D 13 C3 56 34 12",
        "07 79 04 03 02 01 24 40 01 04",
    ],
)
def test_records(octets: str) -> None:
    for grammar in (DataRecord, DataRecordToMeter):
        value = plain(grammar.parse(bytes.fromhex(octets)))
        assert_both_ways(grammar, bytes.fromhex(octets), value)
        assert_no_truncation_passes(grammar, bytes.fromhex(octets))


@pytest.mark.parametrize(
    ("items", "field"),
    [
        (None, ""),
        (5, ""),
        ("2F", ""),
        ({"dif": 0x2F}, ""),
        ([5], "[0]"),
        ([VOLUME, None], "[1]"),
        ([VOLUME, {}], "[1].dib"),
        ([{"dib": {"data_field": 4}, "vib": {"vif": 0x13}, "data": "x"}], "[0].data"),
        ([{"dif": 0x13}], "[0].dif"),
        ([{"dif": True}], "[0].dif"),
        ([{"dif": 256}], "[0].dif"),
        ([{"dif": "nothing"}], "[0].dif"),
        ([{"dif": 0x0F, "manufacturer_data": "ab"}], "[0].manufacturer_data"),
        ([{"dif": 0x2F, "manufacturer_data": b"ab"}], "[0].manufacturer_data"),
        ([{"dif": 0x0F, "manufacturer_data": b"ab"}, VOLUME], "[0].dif"),  # would be read as its data
        ([{"dif": 0x1F}, FILLER], "[0].dif"),
        ([{"dif": 0x7F, "vib": {"vif": 0x7E}}], "[0].vib"),  # only to the meter
        ([{"malformed": "ab"}], "[0].malformed"),
    ],
)
def test_wrong_items(items: Any, field: str) -> None:
    assert build_error(DataRecords, items).field == field


@pytest.mark.parametrize(
    ("items", "field"),
    [
        ([{"dif": 0x7F, "vib": {"vif": 300}}], "[0].vib.vif"),
        ([{"dif": 0x2F, "vib": {"vif": 0x7E}}], "[0].vib"),
    ],
)
def test_wrong_items_to_the_meter(items: Any, field: str) -> None:
    assert build_error(DataRecordsToMeter, items).field == field


def test_a_special_function_by_a_name_of_several_codes_is_refused_with_the_codes() -> None:
    assert build_error(DataRecords, [{"dif": "reserved special function"}]).limit.endswith(
        ": 3Fh, 4Fh, 5Fh, 6Fh, 8Fh, 9Fh, AFh, BFh, CFh, DFh, EFh, FFh"
    )


def test_special_functions_by_name() -> None:
    assert (
        DataRecords.build(({"dif": "idle filler"}, {"dif": "manufacturer specific data to the end"}))
        == b"\x2f\x0f"
    )


def test_no_data_where_the_data_field_has_none() -> None:
    record = {"dib": {"data_field": 8}, "vib": {"vif": 0x13}}
    for data in (None, b""):
        assert DataRecordToMeter.build({**record, "data": data}) == bytes.fromhex("08 13")
    assert build_error(DataRecordToMeter, {**record, "data": 5}).field == "data"


def test_two_parses_never_share_what_can_be_edited() -> None:
    octets = bytes.fromhex("02 93 3C 39 30")
    first, untouched = DataRecord.parse(octets), DataRecord.parse(octets)
    before = copy.deepcopy(plain(untouched))
    first.dib["storage_number"] = 7
    del first.dib["dife_count"]
    first.vib["vif"] = 0x14
    first.vib["vifes"].append(0x3B)
    first["data"] = 1
    assert plain(untouched) == before
    assert plain(DataRecord.parse(octets)) == before
    assert DataRecord.build(first) == bytes.fromhex("C2 03 94 BC 3B 01 00")


def test_header_of_a_record() -> None:
    header = DataRecord.parse(bytes.fromhex("8D 90 81 00 83 1E 02 34 FE"))._header
    assert (header.dib_octets, header.vib_octets) == (bytes.fromhex("8D 90 81 00"), bytes.fromhex("83 1E"))
    assert (header.storage_number, header.tariff, header.subunit) == (32, 1, 0)
    assert (header.function, header.data_field) == ("instantaneous", 13)
    assert header.register_number
    assert header.fault is None
    assert not DataRecord.parse(bytes.fromhex("04 13 00 00 00 00"))._header.register_number


def test_values_only_for_readers_that_do_not_build() -> None:
    """The header says what DIB and VIB do; without them no dictionaries have to be made."""
    octets = bytes.fromhex("02 93 3C 39 30 0D 13 02 42 41 02 13")
    whole, values = DataRecords.parse(octets), DataRecords.parse(octets, values_only=True)
    assert [record.get("data") for record in values] == [record.get("data") for record in whole]
    for record, other in zip(values[:2], whole[:2], strict=True):
        assert record._header is other._header
        assert "dib" not in record
        assert "vib" not in record
    assert plain(values[2]) == plain(whole[2])


def test_header_of_octets_of_dib_and_vib() -> None:
    header = RecordsFromMeter.header(bytes.fromhex("42 6C"))
    assert (header.storage_number, header.data_type, header.meaning.quantity) == (1, "G", "date")


@pytest.mark.parametrize(
    ("octets", "data"),
    [
        ("04 13 00 00 30 39", 12345),
        ("0C 13 00 01 23 45", 12345),
        ("01 13 FF", -1),
        ("05 5B 42 48 00 00", 50.0),
        ("02 6C 1C BF", {"day": 31, "month": 12, "year": 13}),
        ("0D 78 04 31 32 33 34", {"lvar": 4, "value": "1234"}),
        ("0D 13 E2 FF F6", {"lvar": 0xE2, "value": -10}),
        ("0D 83 1F 04 41 01 01 02", None),
        ("00 13", b""),
    ],
)
def test_most_significant_octet_first(octets: str, data: Any) -> None:
    parsed = RecordsFromMeterMSB.parse(bytes.fromhex(octets))
    if data is not None:
        assert plain(parsed[0])["data"] == data
    assert RecordsFromMeterMSB.build(plain(parsed)) == bytes.fromhex(octets)

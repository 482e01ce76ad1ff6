"""The telegrams of one readout as one reading."""

from __future__ import annotations

import json

import pytest

from mbus_construct import Reading, decode, merge
from mbus_construct.model import reading as reading_module
from telegrams import HEADER, README_TELEGRAM, response

FIRST = decode(response("04 06 01 00 00 00 1F AA"))
SECOND = decode(response("04 13 02 00 00 00 04 13 01", header=HEADER[:8] + bytes.fromhex("56 04 00 00")))


def test_records_come_one_after_the_other() -> None:
    reading = merge([FIRST, SECOND])
    assert [record.quantity for record in reading.records] == ["energy", "volume", None]
    assert (reading.meter, reading.meter) == (FIRST.meter, SECOND.meter)
    assert reading.status is not None
    assert reading.status.flags == ("power low",)
    assert reading.manufacturer_data == (b"\xaa",)
    assert not reading.more_records_follow
    assert [item.code for item in reading.diagnostics] == ["truncated"]


def test_an_unfinished_readout_says_so() -> None:
    assert merge([FIRST]).more_records_follow
    assert merge([SECOND, FIRST]).more_records_follow


def test_a_generator_will_do() -> None:
    assert merge(telegram for telegram in (FIRST, SECOND)) == merge([FIRST, SECOND])


def test_telegrams_of_different_meters_are_refused() -> None:
    with pytest.raises(ValueError, match="0793534365321004, 1234567824400107"):
        merge([FIRST, decode(README_TELEGRAM)])


def test_a_telegram_without_meter_joins_any() -> None:
    reading = merge([decode("02 65 F6 FF"), FIRST, SECOND])
    assert reading.meter == FIRST.meter
    assert len(reading.records) == 4


def test_no_telegrams_are_an_empty_reading() -> None:
    reading = merge([])
    assert reading == Reading(())
    assert (reading.meter, reading.status, reading.records, reading.more_records_follow) == (
        None,
        None,
        (),
        False,
    )
    assert json.loads(reading.to_json())["telegrams"] == 0


def test_the_shape_of_a_reading() -> None:
    values = json.loads(merge([FIRST, SECOND]).to_json(indent=2))
    assert values["telegrams"] == 2
    assert values["meter"]["identification_number"] == "12345678"
    assert (
        values["records"] == json.loads(FIRST.to_json())["records"] + json.loads(SECOND.to_json())["records"]
    )
    assert values["manufacturer_data"] == ["AA"]
    assert (values["schema_version"], values["type"]) == (1, "reading")
    assert values["diagnostics"][0]["record"] == 2


def test_diagnostics_count_among_all_records() -> None:
    (own,) = SECOND.diagnostics
    for telegrams, indices in (([FIRST, SECOND], [2]), ([SECOND, FIRST, SECOND], [1, 4])):
        reading = merge(telegrams)
        assert [item.record for item in reading.diagnostics] == indices
        assert {item.offset for item in reading.diagnostics} == {own.offset}
        assert all(reading.records[index].state == "error" for index in indices)
    assert merge([decode("E5"), SECOND]).diagnostics == SECOND.diagnostics


def test_a_reading_is_hashable_and_slotted() -> None:
    assert len({merge([FIRST, SECOND]), merge([FIRST, SECOND]), merge([FIRST])}) == 2
    assert not hasattr(merge([FIRST]), "__dict__")


def test_merge_lives_with_the_reading() -> None:
    assert merge is reading_module.merge
    assert Reading is reading_module.Reading

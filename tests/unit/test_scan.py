"""The loop over a record area: which octets belong to which item."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mbus_grammars.dib import RESERVED_DIFS, SPECIAL_FUNCTIONS
from mbus_grammars.meaning import FROM_METER, TO_METER
from mbus_grammars.record import RecordArea, RecordsFromMeter, RecordsToMeter
from mbus_grammars.scan import data_end, scan

# start, end, start of the data (None for a special function), code of the fault
Found = list[tuple[int, int, int | None, str | None]]

TOO_MANY_DIFES = "82" + "80" * 10 + "00"

AREAS: list[tuple[str, Found]] = [
    ("", []),
    ("02 13 39 30", [(0, 4, 2, None)]),
    ("02 13 39 30 84 10 2B 01 00 00 00", [(0, 4, 2, None), (4, 11, 7, None)]),
    ("00 13 08 13", [(0, 2, 2, None), (2, 4, 4, None)]),
    ("2F 02 13 39 30 2F", [(0, 1, None, None), (1, 5, 3, None), (5, 6, None, None)]),
    ("0F", [(0, 1, None, None)]),
    ("0F 02 13 39 30", [(0, 5, None, None)]),
    ("02 13 39 30 1F 0F 2F", [(0, 4, 2, None), (4, 7, None, None)]),
    ("3F 7F 8F FF 00 13", [*((k, k + 1, None, None) for k in range(4)), (4, 6, 6, None)]),
    ("0D 78 02 41 42 00 13", [(0, 5, 2, None), (5, 7, 7, None)]),
    ("0D 13 E2 01 00", [(0, 5, 2, None)]),
    ("0D 78 F7 41 00 13", [(0, 6, 6, "lvar_reserved")]),
    ("0D 78", [(0, 2, 2, "truncated")]),
    ("0D 78 03 41 42", [(0, 5, 5, "truncated")]),
    ("02", [(0, 1, 1, "truncated")]),
    ("02 93", [(0, 2, 2, "truncated")]),
    ("02 13 39", [(0, 3, 3, "truncated")]),
    ("00 13 04 13 01", [(0, 2, 2, None), (2, 5, 5, "truncated")]),
    (TOO_MANY_DIFES + "13 39 30 00 13", [(0, 15, 15, "chain_too_long"), (15, 17, 17, None)]),
    (TOO_MANY_DIFES + "13 39", [(0, 14, 14, "truncated")]),
]


def _found(area: RecordArea, octets: bytes) -> Found:
    return [
        (start, end, place and place.data, place.fault.code if place and place.fault else None)
        for start, end, place in area.places(octets)
    ]


@pytest.mark.parametrize(("octets", "expected"), AREAS)
def test_areas(octets: str, expected: Found) -> None:
    assert _found(RecordsFromMeter, bytes.fromhex(octets)) == expected


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        ("7F", [(0, 1, None, None)]),
        ("7F 7E", [(0, 2, None, None)]),
        ("7F 93 3C 08 13", [(0, 3, None, None), (3, 5, 5, None)]),
        ("7F 93", [(0, 1, None, None), (1, 2, 2, "truncated")]),
    ],
)
def test_a_global_readout_request_to_the_meter_takes_its_vib(octets: str, expected: Found) -> None:
    assert _found(RecordsToMeter, bytes.fromhex(octets)) == expected


def test_headers_of_records_are_those_of_the_grammar() -> None:
    ((_, _, place),) = RecordsFromMeter.places(bytes.fromhex("02 13 39 30"))
    assert place is not None
    header, _ = RecordsFromMeter.header_at(bytes.fromhex("02 13"), 0)
    assert place.header is header
    assert header.length == 2


def test_readers_of_records_learn_the_number_of_the_item() -> None:
    asked: list[tuple[int, int]] = []

    def record_at(position: int, number: int) -> tuple[str, int]:
        asked.append((position, number))
        return "record", position + 2

    octets = bytes.fromhex("FF 00 13 2F 00 13")
    assert list(scan(octets[1:], 0, record_at)) == [(0, 2, "record"), (2, 3, None), (3, 5, "record")]
    assert asked == [(0, 0), (3, 2)]
    assert list(scan(octets, 3, record_at)) == [(3, 4, None), (4, 6, "record")]


@pytest.mark.parametrize(
    ("octets", "length", "end"),
    [
        ("", 0, 1),
        ("", 4, 5),
        ("", None, 2),
        ("00", None, 2),
        ("BF", None, 2 + 0xBF),
        ("C9", None, 11),
        ("EF", None, 17),
        ("F0", None, 18),
        ("F6", None, 66),
        ("F7", None, None),
    ],
)
def test_ends_of_data(octets: str, length: int | None, end: int | None) -> None:
    assert data_end(b"\x00" + bytes.fromhex(octets), 1, length) == end


def test_special_functions_are_those_whose_data_field_says_so() -> None:
    assert {dif for dif in range(256) if dif & 15 == 15} == SPECIAL_FUNCTIONS
    assert {0x0F, 0x1F, 0x2F, 0x7F} == SPECIAL_FUNCTIONS - RESERVED_DIFS


PIECES = st.sampled_from([bytes.fromhex(octets) for octets, _ in AREAS] + [b"\x2f", b"\x7f", b"\x7f\x93"])
ANY_OCTETS = st.binary(max_size=60) | st.lists(PIECES | st.binary(max_size=4), max_size=8).map(b"".join)


@given(ANY_OCTETS, st.sampled_from([FROM_METER, TO_METER]))
@example(bytes.fromhex(TOO_MANY_DIFES + "13"), FROM_METER)
def test_items_cover_all_octets_and_are_those_of_the_grammar(octets: bytes, direction: str) -> None:
    area = RecordsFromMeter if direction == FROM_METER else RecordsToMeter
    items = list(area.places(octets))
    reached = 0
    for start, end, _ in items:
        assert start == reached < end
        reached = end
    assert reached == len(octets)
    for (start, end, place), parsed in zip(items, area.parse(octets), strict=True):
        assert parsed["_span"] == (start, end)
        assert (place is None) == ("dif" in parsed)
        assert place is None or (place.fault is not None) == ("malformed" in parsed)
        if place is not None and place.fault is not None:
            assert (place.fault.message, place.fault.code) == (parsed["reason"], parsed["code"])

"""Where things stand, as the layouts say; written here as the standard has it."""

from __future__ import annotations

import pytest

from mbus_grammars import places
from mbus_grammars.link import LinkUserData, LongFrame


def test_fields_of_frames() -> None:
    assert {
        "start": slice(0, 1),
        "l_field": slice(1, 2),
        "l_field_repeated": slice(2, 3),
        "start_repeated": slice(3, 4),
        "c_field": slice(4, 5),
        "a_field": slice(5, 6),
        "ci_field": slice(6, 7),
        "user_data": slice(7, None),
    } == places.LONG_FRAME
    assert places.places_of(LongFrame) == places.LONG_FRAME
    assert places.places_of(LinkUserData, 4)["user_data"] == slice(7, None)
    assert places.WIRELESS["ci_field"].start == 10
    assert slice(2, 10) == places.LINK_ADDRESS


def test_fields_of_headers() -> None:
    assert places.LONG_HEADER["configuration_field"] == slice(10, 12)
    assert slice(0, 8) == places.HEADER_ADDRESS
    assert places.ELL[0x8F]["session_number"] == slice(10, 14)
    assert places.ELL[0x8C]["ci_field"].start == 2


@pytest.mark.parametrize(
    ("octets", "length"),
    [("", 0), ("E5", 1), ("10", 5), ("68", 0), ("6803", 9), ("68FF", 261), ("00", 0), ("10E5", 5)],
)
def test_length_of_wired_frames(octets: str, length: int) -> None:
    assert places.wired_length(bytes.fromhex(octets)) == length
    assert places.wired_length(b"\xe5" + bytes.fromhex(octets), 1) == length


def test_what_ci_fields_have_behind_them() -> None:
    assert {code for code, name in places.HEADER_OF[False].items() if name == "short"} >= {0x5A, 0x7A, 0x8A}
    assert (places.HEADER_OF[False][0x72], places.HEADER_OF[True][0x76]) == ("long", "none")
    assert sorted(places.RECORD_AREAS) == [0x51, 0x52, 0x56, 0x5A, 0x5B, 0x72, 0x76, 0x78, 0x7A]
    assert {code for code, area in places.RECORD_AREAS.items() if area.direction == "to_meter"} == {
        *(0x51, 0x52, 0x56, 0x5A, 0x5B)
    }
    assert places.SELECTIONS == (0x52, 0x56)


def test_the_order_of_addresses() -> None:
    """Number, manufacturer, version, type in the header; the manufacturer comes first in the link layer."""
    header, link = bytes.fromhex("78563412 9315 33 03"), bytes.fromhex("9315 78563412 33 03")
    assert places.link_order(header) == link
    assert places.header_order(link) == header

"""Addresses, how people write them, and what a mask means."""

from __future__ import annotations

from typing import Any

import pytest

from mbus_construct import LocalProtocolError, decode
from mbus_construct.bus.address import SecondaryAddress, of_meter, parse_address, parse_secondary

WHOLE = SecondaryAddress("12345678", "PAD", 1, 7)


@pytest.mark.parametrize(
    ("written", "address"),
    [
        (5, 5),
        ("5", 5),
        ("005", 5),
        (0, 0),
        (254, 254),
        ("12345678", SecondaryAddress("12345678")),
        (" 12345678 ", SecondaryAddress("12345678")),
        ("1234????", SecondaryAddress("1234FFFF")),
        ("1234*", SecondaryAddress("1234FFFF")),
        ("*", SecondaryAddress()),
        ("1234567824400107", WHOLE),
        ("12345678244001*", SecondaryAddress("12345678", "PAD", 1)),
        ("1234567824400107/01020304", SecondaryAddress("12345678", "PAD", 1, 7, "01020304")),
        ("12345678/0102????", SecondaryAddress("12345678", fabrication_number="0102FFFF")),
        (WHOLE, WHOLE),
    ],
)
def test_as_people_write_them(written: Any, address: Any) -> None:
    assert parse_address(written) == address
    if isinstance(address, SecondaryAddress):
        assert parse_secondary(str(address)) == address


@pytest.mark.parametrize(
    ("written", "says"),
    [
        (-1, "-1 is no address: an address is 0 to 250"),
        (251, "251 is no address"),
        (999, "write an identification number as text"),
        (12345678, 'write an identification number as text ("07935343")'),
        (True, "True is no address"),
        ("1234", "'1234' is no address"),
        ("123456789", "no address"),
        ("12345678/12", "a fabrication number has eight digits"),
        ("", "no address"),
    ],
)
def test_what_is_none(written: Any, says: str) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        parse_address(written)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("mask", "matches", "exact", "number"),
    [
        (SecondaryAddress(), True, False, False),
        (WHOLE, True, True, True),
        (SecondaryAddress("1234FFF8"), True, False, False),
        (SecondaryAddress("12345679"), False, False, True),
        (SecondaryAddress("12345678", "40FF"), True, False, True),
        (SecondaryAddress("12345678", "41FF"), False, False, True),
        (SecondaryAddress("12345678", "PAD", 2, 7), False, True, True),
        (SecondaryAddress("12345678", "PAD", 1, 0xFF), True, False, True),
    ],
)
def test_masks(mask: SecondaryAddress, matches: bool, exact: bool, number: bool) -> None:
    assert (mask.matches(WHOLE), mask.exact, mask.exact_identification) == (matches, exact, number)


def test_a_meter_without_manufacturer_is_known_by_its_number() -> None:
    fixed = decode(
        "68 13 13 68 08 05 73 78 56 34 12 0A 00 E9 7E 01 00 00 00 35 01 00 00 3C 16", link="frame"
    ).meter
    assert fixed is not None
    assert of_meter(fixed) == SecondaryAddress("12345678", device_type=fixed.device_type or 0xFF)
    assert WHOLE.selects(fixed)
    assert not SecondaryAddress("12345679").selects(fixed)
    assert not WHOLE.selects(None)

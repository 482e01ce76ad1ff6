"""Numbers go through JSON without loss: both ways, by any reader of JSON, to the last digit.

A double carries 15 digits for sure, so that a number of more is a string (the README says so).
"""

from __future__ import annotations

import json
import random
import struct
from decimal import Decimal
from typing import Any, Final

import pytest

from amounts import counts
from mbus_construct import BuildError, Record, Telegram, decode, encode

# Volume in m³: the power of ten by VIF code. MBDOC48 8.4.3, 8.4.4.
VOLUMES: Final = {
    **{bytes([0x10 + n]): n - 6 for n in range(8)},
    b"\xfb\x10": 2,
    b"\xfb\x11": 3,
}


def refuse(constant: str) -> Any:
    raise AssertionError(f"{constant} is not JSON")


def strict(text: str, **how: Any) -> Any:
    """JSON as a reader takes it that knows the standard alone: no NaN, no infinity."""
    return json.loads(text, parse_constant=refuse, **how)


def only(telegram: Telegram) -> Record:
    (record,) = telegram.records
    return record


def sent(vif: bytes, raw: int) -> bytes:
    """A 64 bit integer; a longer one in variable length data of 16 octets."""
    if -(1 << 63) < raw < 1 << 63:
        return b"\x07" + vif + raw.to_bytes(8, "little", signed=True)
    return b"\x0d" + vif + b"\xf0" + raw.to_bytes(16, "little", signed=True)


def assert_exact_both_ways(octets: bytes, value: Decimal) -> None:
    """From the octets to JSON and back, and from JSON as written by hand to the octets."""
    telegram = decode(octets, link="records")
    assert only(telegram).value == value
    text = telegram.to_json()
    for how in ({}, {"parse_float": Decimal}, {"parse_float": Decimal, "parse_int": Decimal}):
        shape = strict(text, **how)
        written = shape["records"][0]["value"]
        assert isinstance(written, str) == (len(only(telegram).value.as_tuple().digits) > 15)
        assert Decimal(str(written)) == value
        restored = Telegram.from_dict(shape)
        assert restored == telegram
        assert only(restored).value == value
        assert str(only(restored).value) == str(only(telegram).value)
        assert encode(shape) == octets


def assert_exact_by_hand(value: Decimal, number: str) -> None:
    """From JSON written by hand, with the value as `number`, through octets and back."""
    text = f'{{"link": "records", "records": [{{"quantity": "volume", "unit": "m³", "value": {number}}}]}}'
    for how in ({}, {"parse_float": Decimal, "parse_int": Decimal}):
        assert only(decode(encode(strict(text, **how)), link="records")).value == value


def fits(value: Decimal) -> bool:
    """Whether 64 bits hold the digits that a person writes."""
    return abs(int(f"{value:f}".replace(".", ""))) < 1 << 63


def a_number(chance: random.Random, digits: int) -> tuple[bytes, int, Decimal]:
    """A VIF, the raw number, and its value."""
    vif, exponent = chance.choice(sorted(VOLUMES.items()))
    raw = chance.randrange(10 ** (digits - 1), 10**digits) * chance.choice((1, -1))
    return vif, raw, Decimal(raw).scaleb(exponent)


@pytest.mark.parametrize("vif", VOLUMES)
@pytest.mark.parametrize("digits", [14, 15, 16, 17, 18, 19])
@pytest.mark.parametrize("number", ["1234567890123456789", "9999999999999999999", "1000000000000000001"])
def test_numbers_of_so_many_digits(vif: bytes, digits: int, number: str) -> None:
    for raw in (int(number[:digits]), -int(number[:digits])):
        value = Decimal(raw).scaleb(VOLUMES[vif])
        assert_exact_both_ways(sent(vif, raw), value)
        if fits(value):
            assert_exact_by_hand(value, f'"{value:f}"')
        if digits <= 15:  # more are not safe in a JSON number, whoever writes it
            assert_exact_by_hand(value, f"{value:f}")
            assert_exact_by_hand(value, f"{value:e}")


@counts(quick=300, slow=20_000)
def test_any_numbers(count: int) -> None:
    chance = random.Random(11)  # noqa: S311
    for _ in range(count):
        digits = chance.choice((1, 2, 8, 15, 15, 16, 16, 17, 17, 18, 25))
        vif, raw, value = a_number(chance, digits)
        assert_exact_both_ways(sent(vif, raw), value)
        if fits(value):
            assert_exact_by_hand(value, f'"{value:f}"')
        if digits <= 15:
            assert_exact_by_hand(value, f"{value:f}")


@pytest.mark.parametrize("vif", VOLUMES)
@pytest.mark.parametrize("octets", [1, 2, 4, 8])
def test_zero_is_zero_in_every_scale(vif: bytes, octets: int) -> None:
    data_field = {1: 1, 2: 2, 4: 4, 8: 7}[octets]
    telegram = decode(bytes([data_field]) + vif + bytes(octets), link="records")
    written = strict(telegram.to_json())["records"][0]["value"]
    assert (written, type(written)) == (0, int)
    restored = Telegram.from_dict(strict(telegram.to_json()))
    assert restored == telegram
    assert str(only(restored).value) == str(only(telegram).value)
    for number in ("0", "0.0", "-0", "0e-6", '"0.000"', '"0E+3"'):
        assert_exact_by_hand(Decimal(0), number)


@pytest.mark.parametrize(
    ("number", "value"),
    [
        ("1e3", "1000"),
        ("1E+3", "1000"),
        ("1.5e-3", "0.0015"),
        ("-2.5E0", "-2.5"),
        ('"1e3"', "1000"),
        ('"-1.5E-3"', "-0.0015"),
        ("0.1", "0.1"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("123456789.123456", "123456789.123456"),
        ("999999999999999", "999999999999999"),
        ("9007199254740993", "9007199254740993"),  # 2^53 + 1: an integer in JSON is exact in Python
    ],
)
def test_ways_to_write_a_number(number: str, value: str) -> None:
    if Decimal(value).as_tuple().exponent < -6:  # type: ignore[operator]  # finite
        record = '{"quantity": "volume", "unit": "m³", "value": ' + number + "}"
        with pytest.raises(BuildError, match="a multiple of 10\\^-6"):
            encode(strict('{"link": "records", "records": [' + record + "]}"))
    else:
        assert_exact_by_hand(Decimal(value), number)


# --- Reals ---------------------------------------------------------------------------------------


def real(octets: bytes) -> Telegram:
    """A 32 bit real in m³."""
    return decode(b"\x05\x16" + octets, link="records")


def assert_real_both_ways(octets: bytes) -> None:
    telegram = real(octets)
    (number,) = struct.unpack("<f", octets)
    value = only(telegram).value
    assert isinstance(value, float)
    assert struct.pack("<f", value) == octets
    shape = strict(telegram.to_json())
    assert struct.pack("<f", float(shape["records"][0]["value"])) == octets
    assert (
        len(Decimal(repr(value)).normalize().as_tuple().digits) <= 9
    )  # the shortest decimal, not the double's tail
    restored = Telegram.from_dict(shape)
    assert restored == telegram
    assert repr(only(restored).value) == repr(value)
    assert encode(shape) == b"\x05\x16" + octets
    record = f'{{"quantity": "volume", "unit": "m³", "data_field": "32 bit real", "value": {value!r}}}'
    (by_hand,) = decode(
        encode(strict(f'{{"link": "records", "records": [{record}]}}')), link="records"
    ).records
    assert by_hand.value == pytest.approx(number, rel=1e-6, abs=1e-38)


@pytest.mark.parametrize(
    "octets",
    [
        "00 00 00 00",
        "00 00 80 3F",
        "00 00 80 BF",
        "CD CC CC 3D",  # 0.1
        "FF FF 7F 7F",  # the highest
        "01 00 00 00",  # the smallest above zero
        "FF FF 7F 00",
        "DB 0F 49 40",
        "FF FF 7F 4B",
    ],
)
def test_reals(octets: str) -> None:
    assert_real_both_ways(bytes.fromhex(octets))


def test_any_reals() -> None:
    chance = random.Random(12)  # noqa: S311
    for _ in range(300):
        octets = chance.randbytes(4)
        if octets[3] & 0x7F != 0x7F or not octets[2] & 0x80:  # finite
            assert_real_both_ways(octets)


@pytest.mark.parametrize(
    "octets", ["00 00 C0 7F", "01 00 80 7F", "00 00 C0 FF", "00 00 80 7F", "00 00 80 FF", "FF FF FF FF"]
)
def test_what_is_not_a_number_is_null_and_not_lost(octets: str) -> None:
    telegram = real(bytes.fromhex(octets))
    shape = strict(telegram.to_json())
    assert shape["records"][0]["value"] is None
    assert shape["records"][0]["state"] == "invalid"
    assert shape["records"][0]["data"] == octets.replace(" ", "")
    assert Telegram.from_dict(shape) == telegram
    assert encode(shape) == b"\x05\x16" + bytes.fromhex(octets)


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), float("-inf"), "NaN", "Infinity", Decimal("NaN"), True]
)
def test_what_is_not_a_number_is_refused_by_hand(value: Any) -> None:
    record = {"quantity": "volume", "unit": "m³", "value": value}
    for data_field in ({}, {"data_field": "32 bit real"}, {"data_field": "64 bit integer"}):
        with pytest.raises(BuildError, match="value"):
            encode({"link": "records", "records": [record | data_field]})

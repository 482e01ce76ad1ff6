"""3-out-of-6 and Manchester: chips to octets and back, and chips that are no symbols."""

from __future__ import annotations

from typing import Any

import pytest
from construct import Byte, Bytes, FixedSized, GreedyBytes, Struct
from hypothesis import given
from hypothesis import strategies as st

from mbus_grammars import (
    BuildError,
    ChecksumError,
    DecodeError,
    IncompleteFrame,
    LengthError,
    Manchester,
    ThreeOutOfSix,
    WirelessFrame,
)

CODES: list[Any] = [ThreeOutOfSix, Manchester, lambda subcon: Manchester(subcon, one="10")]
FRAME = bytes.fromhex("0A 44 93 15 78 56 34 12 33 03 A0")  # in format A an odd number of octets


def _chips(bits: str) -> bytes:
    bits = bits.replace(" ", "")
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


@pytest.mark.parametrize(
    ("code", "octets", "bits"),
    [
        (ThreeOutOfSix, "2E 44", "001110 110010 011100 011100"),  # E64
        (ThreeOutOfSix, "01 23", "010110 001101 001110 001011"),
        (ThreeOutOfSix, "45 67", "011100 011001 011010 010011"),
        (ThreeOutOfSix, "89 AB", "101100 100101 100110 100011"),
        (ThreeOutOfSix, "CD EF", "110100 110001 110010 101001"),
        (ThreeOutOfSix, "2E", "001110 110010 0000"),
        (Manchester, "F0", "01010101 10101010"),
        (Manchester, "2E 44", "10100110 01010110 10011010 10011010"),
        (CODES[2], "F0", "10101010 01010101"),
    ],
)
def test_symbols(code: Any, octets: str, bits: str) -> None:
    construct = code(GreedyBytes)
    assert construct.parse(_chips(bits)) == bytes.fromhex(octets)
    assert construct.build(bytes.fromhex(octets)) == _chips(bits)


@pytest.mark.parametrize("code", CODES)
def test_all_octets_at_both_places(code: Any) -> None:
    octets = bytes(range(256)) + bytes(range(255))
    chips = code(GreedyBytes).build(octets)
    assert code(GreedyBytes).parse(chips) == octets
    assert code(Bytes(511)).sizeof() == len(chips)


def test_every_wrong_symbol_is_told_with_its_place() -> None:
    good = ThreeOutOfSix(GreedyBytes).build(b"\x2e\x44\x93\x15")
    bits = "".join(f"{octet:08b}" for octet in good)
    assert len(bits) == 48
    for position in range(48):
        flipped = bits[:position] + "01"[bits[position] == "0"] + bits[position + 1 :]
        with pytest.raises(DecodeError) as caught:
            ThreeOutOfSix(GreedyBytes).parse(_chips(flipped))
        start = position // 6 * 6
        error = caught.value
        assert (error.code, error.offset) == ("line_code", start // 8)
        assert error.found == flipped[start : start + 6]
        assert f"from bit {start % 8} on are no 3-out-of-6 symbol" in str(error)


@pytest.mark.parametrize("code", CODES[1:])
def test_every_single_chip_of_manchester_is_noticed(code: Any) -> None:
    good = code(GreedyBytes).build(b"\x2e\x44")
    for position in range(32):
        damaged = bytearray(good)
        damaged[position // 8] ^= 0x80 >> position % 8
        with pytest.raises(DecodeError) as caught:
            code(GreedyBytes).parse(bytes(damaged))
        assert (caught.value.code, caught.value.offset) == ("line_code", position // 8)
        assert caught.value.found in ("00", "11")


def test_pad_chips_say_nothing() -> None:
    for pad in range(16):
        assert ThreeOutOfSix(GreedyBytes).parse(bytes([0x3B, 0x20 | pad])) == b"\x2e"


@pytest.mark.parametrize(
    ("code", "chips"), [(ThreeOutOfSix, "58"), (ThreeOutOfSix, "58 D3 96 A0"), (Manchester, "AA")]
)
def test_chips_that_end_within_an_octet(code: Any, chips: str) -> None:
    octets = bytes.fromhex(chips)
    good = code(GreedyBytes).build(bytes(len(octets) + 1))[: len(octets)]
    with pytest.raises(IncompleteFrame) as caught:
        code(GreedyBytes).parse(good)
    assert (caught.value.offset, caught.value.missing) == (len(octets), 1)


def test_another_way_round_is_refused() -> None:
    with pytest.raises(BuildError, match="one of 10, 01"):
        Manchester(GreedyBytes, one="11")


@pytest.mark.parametrize("code", CODES)
def test_a_frame_in_chips(code: Any) -> None:
    construct = code(WirelessFrame)
    chips = construct.build({**WirelessFrame.parse(FRAME), "frame_format": "A"})
    parsed = construct.parse(chips)
    assert (parsed.frame_format, parsed.identification_number) == ("A", "12345678")
    assert construct.build(parsed) == chips
    assert chips == code(GreedyBytes).build(WirelessFrame.build({**parsed}))


@pytest.mark.parametrize(("code", "place"), [(ThreeOutOfSix, 15), (Manchester, 20)])
def test_faults_of_the_frame_have_their_place_in_the_chips(code: Any, place: int) -> None:
    frame = bytearray(WirelessFrame.build({**WirelessFrame.parse(FRAME), "frame_format": "A"}))
    frame[3] ^= 0x01
    chips = code(GreedyBytes).build(bytes(frame))
    with pytest.raises(ChecksumError) as caught:
        code(WirelessFrame).parse(chips)
    assert caught.value.offset == place  # of octet 10, the CRC
    embedded = Struct("head" / Byte, "frame" / code(WirelessFrame))
    with pytest.raises(ChecksumError) as caught:
        embedded.parse(b"\0" + chips)
    assert caught.value.offset == 1 + place


def test_octets_too_many_or_too_few() -> None:
    chips = Manchester(GreedyBytes).build(b"\1\2\3")
    with pytest.raises(LengthError, match="1 more octets") as caught:
        Manchester(Bytes(2)).parse(chips)
    assert caught.value.offset == 4
    with pytest.raises(DecodeError) as short:
        Manchester(Bytes(4)).parse(chips)
    assert short.value.code == "truncated"
    bounded = Struct("a" / FixedSized(4, Manchester(GreedyBytes)), "rest" / GreedyBytes)
    assert bounded.parse(chips)["a"] == b"\1\2"
    with pytest.raises(DecodeError) as later:
        Struct("head" / Bytes(2), "a" / Manchester(GreedyBytes)).parse(b"\0\0\xaa\xab")
    assert later.value.offset == 3


@pytest.mark.parametrize("code", CODES)
@given(octets=st.binary(max_size=300))
def test_any_octets(code: Any, octets: bytes) -> None:
    assert code(GreedyBytes).parse(code(GreedyBytes).build(octets)) == octets


@pytest.mark.parametrize("code", CODES)
@given(chips=st.binary(max_size=40))
def test_any_chips_are_octets_or_a_fault(code: Any, chips: bytes) -> None:
    try:
        octets = code(GreedyBytes).parse(chips)
    except DecodeError as error:
        assert error.offset is not None
        assert 0 <= error.offset <= len(chips)
    else:
        assert code(GreedyBytes).build(octets)[: len(chips) - 1] == chips[:-1]

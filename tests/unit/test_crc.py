"""CRC-16/EN-13757, against its check value and a division bit by bit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbus_grammars.crc import crc


def _bit_by_bit(octets: bytes) -> int:
    register = 0
    for octet in octets:
        register ^= octet << 8
        for _ in range(8):
            register = (register << 1 ^ (0x3D65 if register & 0x8000 else 0)) & 0xFFFF
    return register ^ 0xFFFF


# E61, the blocks of E62 and E63, the format signature and the full frame of E70.
@pytest.mark.parametrize(
    ("octets", "value"),
    [
        (b"123456789", 0xC2B7),
        (b"", 0xFFFF),
        (bytes.fromhex("2E 44 93 15 78 56 34 12 33 03"), 0x3363),
        (bytes.fromhex("9D 6D 69 EB F3"), 0xEC8A),
        (bytes.fromhex("14 44 AE 0C 78 56 34 12 01 07 8C 20 27 78 0B 13 43 65 87"), 0x7AC5),
        (bytes.fromhex("02 02 02 15 02 2A"), 0x3B31),
        (bytes.fromhex("02 02 D2 04 02 15 2E 16 02 2A 34 23"), 0xA642),
    ],
)
def test_values(octets: bytes, value: int) -> None:
    assert crc(octets) == value == _bit_by_bit(octets)


@pytest.mark.parametrize("length", range(300))
def test_every_length_and_every_octet_counts(length: int) -> None:
    octets = bytes((index * 73 + 11) & 0xFF for index in range(length))
    value = crc(octets)
    assert value == _bit_by_bit(octets)
    for position in range(length):
        assert crc(octets[:position] + bytes([octets[position] ^ 1]) + octets[position + 1 :]) != value


@given(st.binary(max_size=1000))
def test_any_octets(octets: bytes) -> None:
    assert crc(octets) == _bit_by_bit(octets)


@pytest.mark.parametrize("bits", [1, 150, 151, 152, 301, 302, 303, 304, 453, 454, 604])
@pytest.mark.parametrize("length", [41, 42, 43, 80, 255])
def test_numbers_at_the_edges_of_a_fold(bits: int, length: int) -> None:
    for number in ((1 << bits) - 1, 1 << bits, (1 << bits) + 1):
        octets = number.to_bytes(80, "big")[-length:].rjust(length, b"\0")
        assert crc(octets) == _bit_by_bit(octets)

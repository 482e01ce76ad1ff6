"""Octets that hold a frame which does not start where they do are not read as user data."""

from __future__ import annotations

import pytest

from mbus_construct import DecodeError, decode
from mbus_construct.octets.recognise import frame_within, misplaced_frame
from telegrams import README_TELEGRAM, response


@pytest.mark.parametrize("noise", ["FF", "FFFF", "FE", "00", "55 55 55", "10 40", "68"])
def test_octets_before_a_frame(noise: str) -> None:
    octets = bytes.fromhex(noise) + README_TELEGRAM
    assert frame_within(octets) == len(octets) - len(README_TELEGRAM)
    with pytest.raises(DecodeError) as caught:
        decode(octets)
    if not octets.startswith(b"\x68"):
        assert caught.value.code == "misplaced_frame"
        assert f"offset {len(octets) - len(README_TELEGRAM)}" in caught.value.message


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_a_frame_without_its_first_octets(lost: int) -> None:
    with pytest.raises(DecodeError, match=rf"lacks its first octets \({lost}\)"):
        decode(README_TELEGRAM[lost:])


def test_user_data_are_no_misplaced_frame() -> None:
    for start in (4, 6, 7, 19):
        assert misplaced_frame(README_TELEGRAM[start:-2]) is None


def test_a_container_can_be_said_to_be_one() -> None:
    """A record may hold a whole frame: with `link` it is read."""
    inner = bytes.fromhex("68 03 03 68 53 FE BD 0E 16")
    record = bytes.fromhex("0D FD 76") + bytes([len(inner)]) + inner
    with pytest.raises(DecodeError, match="offset 4"):
        decode(record)
    assert decode(record, link="records").records[0].value == inner
    assert decode(response(record.hex())).records[0].value == inner


def test_hex_digits_as_octets() -> None:
    with pytest.raises(DecodeError) as caught:
        decode(README_TELEGRAM.hex().encode())
    assert caught.value.code == "hex_text"


def test_announced_security_that_is_not_there_is_said() -> None:
    octets = bytearray(README_TELEGRAM)
    octets[17:19] = b"\x00\x05"  # mode 5, no blocks
    octets[-2] = sum(octets[4:-2]) & 0xFF
    telegram = decode(bytes(octets))
    assert [remark.code for remark in telegram.diagnostics if remark.record is None] == ["read_as_plain"]
    assert len(telegram.records) == 12

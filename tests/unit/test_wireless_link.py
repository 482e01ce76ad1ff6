"""Wireless link layer: formats A, B and CRC-less, told apart and turned into each other; every damage noticed."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from construct import Byte, Prefixed, Struct
from hypothesis import assume, given
from hypothesis import strategies as st

from helpers import assert_both_ways, build_error, plain
from mbus_grammars import (
    BuildError,
    ChecksumError,
    DecodeError,
    IncompleteFrame,
    LengthError,
    ThreeOutOfSix,
    WirelessFrame,
)
from mbus_grammars.code_tables import WIRELESS_C_FIELDS
from mbus_grammars.crc import crc
from mbus_grammars.fields import CField, WirelessCField
from mbus_grammars.wireless import (
    FRAME_FORMATS,
    MAX_TELEGRAM,
    FrameFormat,
    blocks,
    frame_format_of,
    frame_length,
    place_in_frame,
    with_crcs,
    without_crcs,
)

# E62, E65: a gas meter, security mode 5; the same with CRCs and without.
FRAME_A = bytes.fromhex(
    "2E 44 93 15 78 56 34 12 33 03 33 63 7A 2A 00 20 25 59 23 C9 5A AA 26 D1 B2 E7 49 3B C2 AD"
    "01 3E C4 A6 F6 D3 52 9B 52 0E DF F0 EA 6D EF C9 55 B2 9D 6D 69 EB F3 EC 8A"
)
CRC_LESS = bytes.fromhex(
    "2E 44 93 15 78 56 34 12 33 03 7A 2A 00 20 25 59 23 C9 5A AA 26 D1 B2 E7 49 3B"
    "01 3E C4 A6 F6 D3 52 9B 52 0E DF F0 EA 6D EF C9 9D 6D 69 EB F3"
)
# E63: extended link layer and one record.
FRAME_B = bytes.fromhex("14 44 AE 0C 78 56 34 12 01 07 8C 20 27 78 0B 13 43 65 87 7A C5")

SND_NR = {"name": "SND_NR", "res": False, "prm": True, "fcb": False, "fcv": False, "function": 4}


def _telegram(length: int, first: int = 0x44) -> bytes:
    """A CRC-less telegram of so many octets, which no CRC fits."""
    octets = bytes([length - 1, first, *((index * 89 + 7) & 0xFF for index in range(2, length))])
    assert without_crcs(octets) == ("CRC-less", octets)
    return octets


# --- The examples ---------------------------------------------------------------------------------


def test_format_a() -> None:
    assert frame_format_of(FRAME_A) == "A"
    assert without_crcs(FRAME_A) == ("A", CRC_LESS)
    assert with_crcs(CRC_LESS, "A") == FRAME_A
    parsed = WirelessFrame.parse(FRAME_A)
    link = {name: value for name, value in plain(parsed).items() if name != "user_data"}
    assert list(parsed) == [*link, "user_data"]
    assert link == {
        "frame_format": "A",
        "l_field": 0x2E,
        "c_field": SND_NR,
        "manufacturer": "ELS",
        "identification_number": "12345678",
        "version": 0x33,
        "device_type": 3,
        "ci_field": 0x7A,
    }
    assert parsed["ci_field"].name == "response, full frame"
    assert WirelessFrame.build(parsed) == FRAME_A
    assert WirelessFrame.build({**parsed, "frame_format": "CRC-less"}) == CRC_LESS


def test_format_b() -> None:
    telegram = bytes([18]) + FRAME_B[1:-2]
    assert without_crcs(FRAME_B) == ("B", telegram)
    assert with_crcs(telegram, "B") == FRAME_B
    parsed = WirelessFrame.parse(FRAME_B)
    assert (parsed.frame_format, parsed.l_field, parsed.manufacturer) == ("B", 0x14, "CEN")
    assert (parsed.identification_number, parsed.version, parsed.device_type) == ("12345678", 1, 7)
    assert WirelessFrame.build(parsed) == FRAME_B


def test_crc_less() -> None:
    assert without_crcs(CRC_LESS) == ("CRC-less", CRC_LESS)
    parsed = WirelessFrame.parse(CRC_LESS)
    assert (parsed.frame_format, parsed.l_field) == ("CRC-less", 0x2E)
    assert WirelessFrame.build(parsed) == CRC_LESS
    del parsed["frame_format"], parsed["l_field"]
    assert WirelessFrame.build(parsed) == CRC_LESS  # what is not told is CRC-less


def test_the_shortest_mapping() -> None:
    given = {
        "c_field": "SND_NR",
        "manufacturer": "ELS",
        "identification_number": "12345678",
        "version": 0x33,
        "device_type": 3,
        "ci_field": 0xA0,
        "user_data": {"payload": b"\1\2"},
    }
    octets = WirelessFrame.build(given)
    assert octets.hex(" ").upper() == "0C 44 93 15 78 56 34 12 33 03 A0 01 02"
    assert plain(WirelessFrame.parse(octets)) == {
        "frame_format": "CRC-less",
        "l_field": 12,
        **given,
        "c_field": SND_NR,
    }


def test_a_frame_of_nothing_but_an_address() -> None:
    for frame_format, octets in {
        "CRC-less": "09 44 93 15 78 56 34 12 33 03",
        "A": "09 44 93 15 78 56 34 12 33 03 51 C1",
        "B": "0B 44 93 15 78 56 34 12 33 03 26 E7",
    }.items():
        value = {
            "frame_format": frame_format,
            "l_field": int(octets[:2], 16),
            "c_field": SND_NR,
            "manufacturer": "ELS",
            "identification_number": "12345678",
            "version": 0x33,
            "device_type": 3,
            "ci_field": None,
            "user_data": None,
        }
        assert_both_ways(WirelessFrame, bytes.fromhex(octets), value)
    assert build_error(WirelessFrame, {**value, "user_data": {"payload": b"\1"}}).field == "ci_field"


# --- Damage ---------------------------------------------------------------------------------------


def _flips(octets: bytes) -> list[tuple[int, bytes]]:
    flipped = []
    for position in range(8 * len(octets)):
        damaged = bytearray(octets)
        damaged[position // 8] ^= 1 << position % 8
        flipped.append((position // 8, bytes(damaged)))
    return flipped


@pytest.mark.parametrize("length", [10, 11, 26, 27, 47, 256])
def test_every_single_bit_error_of_format_a_is_noticed(length: int) -> None:
    """Also where an L field that is damaged counts the octets that there are."""
    frame = with_crcs(_telegram(length), "A")
    for place, damaged in _flips(frame):
        if length == 10 and damaged[0] == 11:  # no second block that could bear witness
            assert without_crcs(damaged)[0] == "CRC-less"
            continue
        with pytest.raises(DecodeError) as caught:
            without_crcs(damaged)
        if place:
            assert isinstance(caught.value, ChecksumError)
            block = next(end for _, end in blocks(length, "A") if place < end + 2)
            assert caught.value.offset == block


@pytest.mark.parametrize("length", [10, 11, 126])
def test_format_b_with_one_crc_is_told_only_by_it(length: int) -> None:
    """A bit error makes a frame of one block CRC-less, where it is not in the L field; who knows the format says it."""
    frame = with_crcs(_telegram(length), "B")
    for place, damaged in _flips(frame):
        if place:
            assert without_crcs(damaged) == ("CRC-less", damaged)
        with pytest.raises(DecodeError) as caught:
            without_crcs(damaged, "B")
        assert isinstance(caught.value, ChecksumError if place else LengthError)


@pytest.mark.parametrize("length", [127, 200, 252])
def test_every_single_bit_error_of_format_b_with_two_crcs_is_noticed(length: int) -> None:
    frame = with_crcs(_telegram(length), "B")
    for place, damaged in _flips(frame):
        with pytest.raises(LengthError if place == 0 else ChecksumError) as caught:
            without_crcs(damaged)
        assert caught.value.offset == (
            len(frame) - 2 if place > 127 else 126 if place else caught.value.offset
        )


@pytest.mark.parametrize("length", [10, 11, 26, 28, 30, 47, 48, 160, 256])
def test_cut_and_lengthened_frames_a_are_known_by_their_first_block(length: int) -> None:
    frame = with_crcs(_telegram(length), "A")
    for end in range(1, len(frame)):
        if end == length < 30:  # too short to be told from a CRC-less frame
            assert without_crcs(frame[:end]) == ("CRC-less", frame[:end])
            continue
        if length < end < 12:  # of the shortest one, which has no CI field, only half a CRC is there
            with pytest.raises(LengthError):
                without_crcs(frame[:end])
            continue
        with pytest.raises(IncompleteFrame) as caught:
            without_crcs(frame[:end])
        whole = len(frame) if end >= 12 else length
        assert (caught.value.offset, caught.value.missing) == (end, whole - end)
    for more in range(1, 40):
        with pytest.raises(LengthError) as longer:
            without_crcs(frame + bytes(more))
        assert not isinstance(longer.value, IncompleteFrame)
        assert longer.value.offset == len(frame)


@pytest.mark.parametrize("frame_format", ["B", "CRC-less"])
@pytest.mark.parametrize("length", [11, 30, 60, 126, 127, 252])
def test_cut_and_lengthened_other_frames(length: int, frame_format: FrameFormat) -> None:
    frame = with_crcs(_telegram(length), frame_format)
    for end in range(1, len(frame)):
        with pytest.raises(IncompleteFrame) as caught:
            without_crcs(frame[:end])
        assert (caught.value.offset, caught.value.missing) == (end, len(frame) - end)
    for more in range(1, 40):
        with pytest.raises(DecodeError) as longer:
            without_crcs(frame + bytes(more))
        if isinstance(longer.value, ChecksumError):  # as long as format A
            assert longer.value.offset == 10
        else:
            assert (longer.value.code, longer.value.offset) == ("length", len(frame))


def test_no_cut_frame_parses() -> None:
    for frame in (FRAME_A, FRAME_B, CRC_LESS):
        for end in range(len(frame)):
            with pytest.raises(DecodeError) as caught:
                WirelessFrame.parse(frame[:end])
            assert caught.value.offset == end


FAULTS: list[tuple[str, type[DecodeError], int, str, str, str]] = [
    ("", DecodeError, 0, "empty", "a wireless frame", ""),
    ("08 44 93 15 78 56 34 12 33", LengthError, 0, "length", "09h to FFh", "08h"),
    ("0A 44 93 15 78 56 34 12 33 03 A0 00", LengthError, 11, "length", "11 octets", "12 octets"),
    ("2F" + FRAME_A[1:].hex(), ChecksumError, 10, "checksum", "", "3363h"),
    (FRAME_A[:-1].hex() + "8B", ChecksumError, 53, "checksum", "EC8Ah", "EC8Bh"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault[0][:20])
def test_faults(fault: tuple[Any, ...]) -> None:
    octets, kind, offset, code, expected, found = fault
    with pytest.raises(DecodeError) as caught:
        WirelessFrame.parse(bytes.fromhex(octets))
    error = caught.value
    assert type(error) is kind
    assert (error.offset, error.code, error.found) == (offset, code, found)
    assert error.expected == (expected or error.expected)
    assert error.path.startswith("(parsing)")


@pytest.mark.parametrize("l_field", [128, 129])
def test_lengths_that_format_b_does_not_have(l_field: int) -> None:
    octets = _telegram(l_field + 1)
    with pytest.raises(LengthError, match="which no frame of format B has"):
        without_crcs(octets, "B")
    with pytest.raises(LengthError, match="0Ah, which no frame of format B has"):
        without_crcs(_telegram(11), "B")


def test_a_known_format_is_taken_at_its_word() -> None:
    assert without_crcs(FRAME_B, "CRC-less") == ("CRC-less", FRAME_B)
    assert without_crcs(FRAME_A, "A") == ("A", CRC_LESS)
    with pytest.raises(IncompleteFrame, match="47 of 55"):
        without_crcs(CRC_LESS, "A")


def test_a_first_block_that_is_right_by_chance_costs_no_telegram() -> None:
    chance = bytes.fromhex("12") + FRAME_A[1:10]
    octets = with_crcs(bytes([0x12, *FRAME_A[1:10], *bytes(9)]), "A")[:19]
    assert octets.startswith(chance)
    assert without_crcs(octets)[0] == "CRC-less"


# --- Places, lengths, limits ----------------------------------------------------------------------


@pytest.mark.parametrize("frame_format", FRAME_FORMATS)
@pytest.mark.parametrize("length", [10, 11, 26, 27, 126, 127, 252])
def test_places(length: int, frame_format: FrameFormat) -> None:
    telegram = _telegram(length)
    frame = with_crcs(telegram, frame_format)
    for offset in range(1, length):
        assert frame[place_in_frame(offset, frame_format)] == telegram[offset]
    places = [place_in_frame(offset, frame_format) for offset in range(length)]
    assert sorted(set(places)) == places
    if frame_format != "CRC-less":
        crcs = {end + index for _, end in blocks(length, frame_format) for index in (0, 1)}
        assert sorted({*places, *crcs}) == list(range(len(frame)))


def test_frames_one_behind_the_other() -> None:
    octets = FRAME_A + CRC_LESS + FRAME_B + FRAME_A
    lengths = []
    while octets:
        lengths.append(frame_length(octets))
        octets = octets[lengths[-1] :]
    assert lengths == [55, 47, 21, 55]


def test_frames_within_a_struct_have_offsets_in_the_whole() -> None:
    several = Struct("first" / Prefixed(Byte, WirelessFrame), "second" / WirelessFrame)
    both = several.parse(bytes([len(FRAME_A)]) + FRAME_A + FRAME_B)
    assert (both.first.frame_format, both.second.frame_format) == ("A", "B")
    with pytest.raises(IncompleteFrame) as caught:
        several.parse(bytes([len(FRAME_A)]) + FRAME_A + FRAME_B[:-1])
    assert caught.value.offset == 1 + len(FRAME_A) + 20


def test_limits() -> None:
    link = WirelessFrame.parse(CRC_LESS)
    for frame_format, most in MAX_TELEGRAM.items():
        frame = {**link, "frame_format": frame_format, "ci_field": 0xA0}
        longest = {**frame, "user_data": {"payload": bytes(most - 11)}}
        built = WirelessFrame.build(longest)
        assert WirelessFrame.parse(built)["frame_format"] == frame_format
        assert built[0] == 0xFF
        error = build_error(WirelessFrame, {**frame, "user_data": {"payload": bytes(most - 10)}})
        assert error.field == "user_data"
        assert error.limit == f"at most {most - 11} octets in frame format {frame_format}"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (7, "value"),
        ({"frame_format": "C"}, "frame_format"),
        ({"frame_format": ["A"]}, "frame_format"),
        ({"c_field": "REQ_SKE"}, "c_field"),
        ({"c_field": "SND_NR"}, "manufacturer"),
        ({"a_field": 1}, "a_field"),
    ],
)
def test_values_that_do_not_fit(given: Any, field: str) -> None:
    with pytest.raises(BuildError) as caught:
        WirelessFrame.build(given)
    assert (caught.value.field or "value") == field


def test_telegrams_that_are_none() -> None:
    for octets, frame_format, field in [
        (CRC_LESS, "C", "frame_format"),
        (CRC_LESS[:9], "A", "telegram"),
        (FRAME_B[:-1], "A", "l_field"),
        (bytes([255, *bytes(255)]), "B", "user_data"),
    ]:
        with pytest.raises(BuildError) as caught:
            with_crcs(octets, frame_format)  # type: ignore[arg-type]
        assert caught.value.field == field


# --- C field --------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", WIRELESS_C_FIELDS, ids=lambda row: row.name)
def test_names_of_c_fields(row: Any) -> None:
    assert WirelessCField.build(row.name) == bytes([row.octet])
    assert WirelessCField.parse(bytes([row.octet]))["name"] == row.name == WirelessCField.name_of(row.octet)


@pytest.mark.parametrize(
    ("octet", "name"),
    [
        (0x73, "SND_UD"),
        (0x63, "SND_UD2"),
        (0x65, "SND_UD3"),
        (0x7B, "REQ_UD2"),
        (0x7A, "REQ_UD1"),
        (0x38, "RSP_UD"),
        (0x30, "ACK"),
        (0x4F, None),
        (0x09, None),
    ],
)
def test_c_fields_with_other_bits(octet: int, name: str | None) -> None:
    assert WirelessCField.name_of(octet) == name


def test_all_c_fields_build_what_they_parse() -> None:
    for octet in range(256):
        assert WirelessCField.build(WirelessCField.parse(bytes([octet]))) == bytes([octet])
    assert WirelessCField.build({"name": "SND_UD2", "fcb": True}) == b"\x63"
    with pytest.raises(BuildError, match="the bits say SND_UD2"):
        WirelessCField.build({"name": "SND_UD", "fcv": False})


def test_the_wired_names_differ() -> None:
    assert (CField.name_of(0x43), WirelessCField.name_of(0x43)) == ("SND_UD", "SND_UD2")
    assert (CField.name_of(0x44), WirelessCField.name_of(0x44)) == (None, "SND_NR")


# --- Any telegram ---------------------------------------------------------------------------------

telegrams = st.binary(min_size=9, max_size=251).map(lambda octets: bytes([len(octets)]) + octets)


@pytest.mark.parametrize("frame_format", get_args(FrameFormat))
@given(octets=telegrams)
def test_any_telegram_in_any_format(frame_format: FrameFormat, octets: bytes) -> None:
    frame = with_crcs(octets, frame_format)
    if frame_format == "CRC-less":
        assume(frame_format_of(frame) == "CRC-less")
    assert without_crcs(frame) == without_crcs(frame, frame_format) == (frame_format, octets)
    parsed = WirelessFrame.parse(frame)
    assert parsed.frame_format == frame_format
    assert WirelessFrame.build(parsed) == frame
    assert WirelessFrame.build(plain(parsed)) == frame
    assert ThreeOutOfSix(WirelessFrame).build(parsed) == ThreeOutOfSix(WirelessFrame).build(plain(parsed))


@given(octets=st.binary(max_size=300))
def test_any_octets_are_a_frame_or_a_fault(octets: bytes) -> None:
    try:
        frame_format, telegram = without_crcs(octets)
    except DecodeError as error:
        assert error.offset is not None
        assert 0 <= error.offset <= len(octets)
    else:
        assert with_crcs(telegram, frame_format) == octets


@pytest.mark.parametrize("length", [129, 130])
def test_one_frame_in_65536_ends_its_first_128_octets_like_format_b(length: int) -> None:
    """Format B has a second CRC where there are more, so that no frame B is one or two octets longer."""
    start = bytes([length - 1]) + CRC_LESS[1:10] + bytes(range(116))
    octets = start + crc(start).to_bytes(2, "big") + bytes(length - 128)
    assert without_crcs(octets) == ("CRC-less", octets)

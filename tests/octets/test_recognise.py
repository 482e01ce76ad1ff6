"""Where given octets start: frame, C field, CI field, header, or the first record; and octets as text."""

from __future__ import annotations

import json

import pytest

from mbus_construct import DecodeError, IncompleteFrame, LengthError, MBusError, Telegram, decode, encode
from mbus_construct.octets.hex_text import parse_hex
from mbus_construct.octets.recognise import candidates, detect
from telegrams import README_TELEGRAM, covered, response
from vectors import RESPONSES

STARTS = [("frame", 0, None), ("c_field", 4, -2), ("ci_field", 6, -2), ("header", 7, -2), ("records", 19, -2)]

VARIABLE = [example.octets for example in RESPONSES if example.octets[6] == 0x72]


@pytest.mark.parametrize(("form", "start", "end"), STARTS)
@pytest.mark.parametrize("frame", [README_TELEGRAM, *VARIABLE], ids=lambda octets: octets[7:11].hex())
def test_the_form_is_found(frame: bytes, form: str, start: int, end: int | None) -> None:
    octets = frame[start:end]
    telegram = decode(octets)
    assert telegram.link == form
    assert [r.value for r in telegram.records] == [r.value for r in decode(frame).records]
    assert telegram.manufacturer_data == decode(frame).manufacturer_data
    assert (telegram.meter == decode(frame).meter) is (form != "records")
    assert covered(telegram, octets)
    assert encode(telegram) == octets
    assert Telegram.from_dict(json.loads(telegram.to_json())) == telegram


@pytest.mark.parametrize(("form", "start", "end"), STARTS)
def test_the_form_can_be_said(form: str, start: int, end: int | None) -> None:
    octets = README_TELEGRAM[start:end]
    telegram = decode(octets, link=form)
    assert (telegram.link, len(telegram.records)) == (form, 12)
    assert "form_guessed" not in {item.code for item in telegram.diagnostics}
    assert Telegram.from_dict(json.loads(telegram.to_json())) == telegram


def test_a_guess_is_said() -> None:
    telegram = decode(README_TELEGRAM[19:-2])
    assert candidates(README_TELEGRAM[19:-2]) == ("records", "header")
    (note,) = [item for item in telegram.diagnostics if item.code == "form_guessed"]
    assert note.severity == "info"
    assert "header" in note.message


@pytest.mark.parametrize("tail", ["04 13 01 00", "0D 13 05 31", "84 80"])
def test_a_header_is_found_before_damaged_records(tail: str) -> None:
    octets = README_TELEGRAM[7:19] + bytes.fromhex("04 06 01 00 00 00" + tail)
    assert detect(octets) == "header"
    telegram = decode(octets)
    assert [record.state for record in telegram.records] == ["ok", "error"]


@pytest.mark.parametrize(
    ("octets", "form"),
    [
        ("E5", "frame"),
        ("10 5B", "frame"),
        ("68", "frame"),
        ("68 05 06 68 00", "frame"),
        ("68 68", "frame"),
        ("E5 E5", "frame"),
        ("E5 10", "frame"),
        ("E5 68", "frame"),
        ("10 5B 01 5C 16 00", "frame"),
        ("10 5B 01 5C 16 E5", "frame"),
        ("53 FE 51 01 7A 08", "c_field"),
        ("08 01 70 08", "c_field"),
        ("02 65 F6 FF", "records"),
        ("0C 78 04 03 02 01", "records"),
        ("2F 2F 02 65 F6 FF", "records"),
        ("78 04 06 01 00 00 00", "ci_field"),
    ],
)
def test_short_octets(octets: str, form: str) -> None:
    assert detect(bytes.fromhex(octets)) == form


@pytest.mark.parametrize("first", ["E5", "10 5B 01 5C 16"])
@pytest.mark.parametrize(
    "second", [b"\xe5", bytes.fromhex("10 5B 01 5C 16"), README_TELEGRAM], ids=["single", "short", "long"]
)
def test_two_frames_are_no_records(first: str, second: bytes) -> None:
    octets = bytes.fromhex(first)
    with pytest.raises(LengthError) as caught:
        decode(octets + second)
    assert (caught.value.code, caught.value.offset) == ("trailing_octets", len(octets))


def test_two_start_octets_are_the_start_of_a_frame() -> None:
    with pytest.raises(IncompleteFrame):
        decode("6868")


def test_a_damaged_frame_is_still_a_frame() -> None:
    for offset in (1, 2, 3, 50, len(README_TELEGRAM) - 1):
        damaged = bytearray(README_TELEGRAM)
        damaged[offset] ^= 0x01
        assert detect(bytes(damaged)) == "frame"
        with pytest.raises(MBusError):
            decode(bytes(damaged))


def test_the_header_of_another_form_is_not_the_frames() -> None:
    assert decode(README_TELEGRAM, link="frame").frame.a_field == 1
    assert decode(README_TELEGRAM[4:-2]).frame.a_field == 1
    assert decode(README_TELEGRAM[6:-2]).frame.a_field is None
    assert decode(README_TELEGRAM[7:-2]).frame.ci_field is None


# --- Octets as text ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "105B015C16",
        "10 5b 01 5c 16",
        "10-5B-01-5C-16",
        "10:5B:01:5C:16",
        "10,5B,01,5C,16",
        "10;5B;01;5C;16",
        "10.5B.01.5C.16",
        "10_5B_01_5C_16",
        "0x10 0x5B 0x01 0x5C 0x16",
        "0x10,0x5B,0x01,0x5C,0x16",
        "[0x10, 0x5B, 0x1, 0x5C, 0x16]",
        r"\x10\x5B\x01\x5C\x16",
        r"b'\x10\x5B\x01\x5C\x16'",
        '"105B 015C16"',
        "10 5B 1 5C 16",
        "\t10\r\n5B01 5C16\n",
        "0x105B015C16",
    ],
)
def test_hex_with_any_separator(text: str) -> None:
    assert parse_hex(text) == bytes.fromhex("105B015C16")
    assert decode(text).frame.c_name == "REQ_UD2"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("10 5G 01", "'G' at character 5"),
        ("10 5B 015", "odd number"),
        ("", "no octets"),
        (" - ", "no octets"),
        ("hello", "'h' at character 1"),
        ("10 5B 01 5C 1６", "'６'"),
        ("1٠", "'٠'"),
    ],
)
def test_what_is_no_hex_is_named(text: str, words: str) -> None:
    with pytest.raises(DecodeError, match=words):
        parse_hex(text)


def test_records_of_a_frame_have_the_same_values_as_alone() -> None:
    records = "02 65 F6 FF 0A 65 21 F3 0D 13 D2 34 12 04 6D 32 37 1F 15 05 5B 00 00 48 42"
    alone = decode(records, link="records").records
    framed = decode(response(records)).records
    assert [(r.value, r.unit, r.data) for r in alone] == [(r.value, r.unit, r.data) for r in framed]

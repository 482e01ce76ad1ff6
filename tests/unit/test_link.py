"""Link layer: frames, their derived octets, and every fault that makes a receiver drop one."""

from __future__ import annotations

from typing import Any

import pytest

from helpers import assert_both_ways, assert_no_truncation_passes, build_error, long_frame, plain
from mbus_grammars import (
    ChecksumError,
    DecodeError,
    Frame,
    IncompleteFrame,
    LengthError,
    LinkUserData,
    LongFrame,
    ShortFrame,
    SingleCharacter,
)

REQ_UD2 = {"name": "REQ_UD2", "res": False, "prm": True, "fcb": False, "fcv": True, "function": 11}
SND_UD = {"name": "SND_UD", "res": False, "prm": True, "fcb": False, "fcv": True, "function": 3}
RSP_UD = {"name": "RSP_UD", "res": False, "prm": False, "acd": False, "dfc": False, "function": 8}

SHORT = {"start": 0x10, "c_field": REQ_UD2, "a_field": 1, "checksum": 0x5C, "stop": 0x16}
CONTROL = {
    "start": 0x68,
    "l_field": 3,
    "l_field_repeated": 3,
    "start_repeated": 0x68,
    "c_field": SND_UD,
    "a_field": 254,
    "ci_field": 0x50,
    "user_data": {"sub_codes": []},
    "checksum": 0xA1,
    "stop": 0x16,
}
LONG = {
    **CONTROL,
    "l_field": 4,
    "l_field_repeated": 4,
    "c_field": RSP_UD,
    "a_field": 1,
    "ci_field": 0x71,
    "user_data": {"alarm_flags": b"\x05"},
    "checksum": 0x7F,
}
FRAMES = [
    (SingleCharacter, "E5", {"start": 0xE5}),
    (ShortFrame, "10 5B 01 5C 16", SHORT),
    (LongFrame, "68 03 03 68 53 FE 50 A1 16", CONTROL),
    (LongFrame, "68 04 04 68 08 01 71 05 7F 16", LONG),
]


@pytest.mark.parametrize(("grammar", "octets", "value"), FRAMES)
def test_frames(grammar: Any, octets: str, value: dict[str, Any]) -> None:
    for construct in (grammar, Frame):
        assert_both_ways(construct, bytes.fromhex(octets), value)
        assert_no_truncation_passes(construct, bytes.fromhex(octets))


@pytest.mark.parametrize(("grammar", "octets", "value"), FRAMES[1:])
def test_cut_frames_say_what_is_missing(grammar: Any, octets: str, value: dict[str, Any]) -> None:
    frame = bytes.fromhex(octets)
    for end in range(1, len(frame)):
        with pytest.raises(IncompleteFrame) as caught:
            grammar.parse(frame[:end])
        error = caught.value
        assert (error.offset, error.code) == (end, "incomplete_frame")
        assert 1 <= error.missing <= len(frame) - end
        if end >= 5:
            assert error.missing == len(frame) - end


# octets, class, offset, code, expected, found
FAULTS: list[tuple[str, type[DecodeError], int, str, str, str]] = [
    ("", DecodeError, 0, "empty", "a start octet E5h, 10h or 68h", ""),
    ("00", DecodeError, 0, "start", "a start octet E5h, 10h or 68h", "00h"),
    ("10 5B 01 5D 16", ChecksumError, 3, "checksum", "5Ch", "5Dh"),
    ("10 5B 01 5C 17", DecodeError, 4, "stop", "16h", "17h"),
    ("68 04 05 68 08 01 71 05 7F 16", LengthError, 1, "length", "04h", "05h"),
    ("68 04 05", LengthError, 1, "length", "04h", "05h"),
    ("68 04 04 69 08 01 71 05 7F 16", DecodeError, 3, "start", "68h", "69h"),
    ("68 02 02 68 08 01 09 16 00 00", LengthError, 1, "length", "03h to FFh", "02h"),
    ("68 00 00 68 00 16 00 00 00 00", LengthError, 1, "length", "03h to FFh", "00h"),
    ("68 04 04 68 08 01 71 05 80 16", ChecksumError, 8, "checksum", "7Fh", "80h"),
    ("68 04 04 68 08 01 71 05 7F 61", DecodeError, 9, "stop", "16h", "61h"),
    ("68 05 05 68 08 01 71 05 7F 16", IncompleteFrame, 10, "incomplete_frame", "", ""),
]


@pytest.mark.parametrize("fault", FAULTS, ids=[fault[0] for fault in FAULTS])
def test_faults(fault: tuple[Any, ...]) -> None:
    octets, kind, offset, code, expected, found = fault
    with pytest.raises(DecodeError) as caught:
        Frame.parse(bytes.fromhex(octets))
    error = caught.value
    assert type(error) is kind
    assert (error.offset, error.code, error.expected, error.found) == (offset, code, expected, found)
    assert f"(offset {offset})" in str(error)
    assert found.removesuffix("h") in str(error)


def test_every_single_bit_error_of_a_frame_is_noticed() -> None:
    frame = bytes.fromhex("68 06 06 68 53 FE 51 01 7A 08 25 16")
    for position in range(8 * len(frame)):
        damaged = bytearray(frame)
        damaged[position // 8] ^= 1 << position % 8
        with pytest.raises(DecodeError):
            LongFrame.parse(bytes(damaged))


def test_a_frame_ends_where_it_ends() -> None:
    octets = bytes.fromhex("10 5B 01 5C 16")
    assert plain(Frame.parse(octets + b"\xe5\x68")) == SHORT


def test_frames_one_behind_the_other_have_offsets_in_the_whole() -> None:
    first, second = bytes.fromhex("10 5B 01 5C 16"), bytearray(bytes.fromhex("68 04 04 68 08 01 71 05 7F 16"))
    second[8] ^= 1
    grammar = Frame[2]
    with pytest.raises(ChecksumError) as caught:
        grammar.parse(first + second)
    assert caught.value.offset == len(first) + 8


def test_offsets_of_records_count_from_the_start_of_the_frame() -> None:
    frame = long_frame(bytes.fromhex("02 65 F6 FF 04 13 01"), ci_field=0x78)
    records = Frame.parse(frame).user_data.records
    assert [record._span for record in records] == [(7, 11), (11, 14)]
    assert plain(records[1]) == {
        "malformed": b"\x04\x13\x01",
        "code": "truncated",
        "reason": "the data end within user_data.records[1].data",
        "offset": 14,
    }


def test_longest_frame() -> None:
    frame = long_frame(b"\x0f" + b"\xaa" * 251, ci_field=0x78)
    assert frame[1] == 255
    assert Frame.build(Frame.parse(frame)) == frame
    error = build_error(
        Frame,
        {
            "c_field": 8,
            "a_field": 1,
            "ci_field": 0x78,
            "user_data": {"records": [{"dif": 0x0F, "manufacturer_data": bytes(252)}]},
        },
    )
    assert (error.field, error.value, error.limit) == ("user_data", "253 octets", "at most 252 octets")


def test_caller_never_gives_derived_octets() -> None:
    wrong = {**CONTROL, "l_field": 77, "l_field_repeated": 78, "checksum": 0}
    assert Frame.build(wrong) == bytes.fromhex("68 03 03 68 53 FE 50 A1 16")


# value, field of the error
WRONG: list[tuple[Any, str]] = [
    (None, ""),
    (5, ""),
    ("REQ_UD2", ""),
    ([], ""),
    ({}, ""),
    ({"start": 0x11}, ""),
    ({"start": [0x68]}, ""),
    ({"c_field": "REQ_UD2"}, "a_field"),
    ({"c_field": "REQ_UD9", "a_field": 1}, "c_field"),
    ({"c_field": None, "a_field": 1}, "c_field"),
    ({"c_field": True, "a_field": 1}, "c_field"),
    ({"c_field": "REQ_UD2", "a_field": True}, "a_field"),
    ({"c_field": "REQ_UD2", "a_field": 256}, "a_field"),
    ({"c_field": "REQ_UD2", "a_field": -1}, "a_field"),
    ({"c_field": "REQ_UD2", "a_field": 10**5000}, "a_field"),
    ({"c_field": "REQ_UD2", "a_field": "one"}, "a_field"),
    ({"c_field": "REQ_UD2", "a_field": 1.0}, "a_field"),
    ({"c_field": "REQ_UD2", "a_field": 1, "stop": 0x17}, "stop"),
    ({"c_field": "SND_UD", "a_field": 1, "ci_field": 0x151}, "ci_field"),
    ({"c_field": "SND_UD", "a_field": 1, "ci_field": 0x51, "foo": 3}, "foo"),
    ({"c_field": "REQ_UD2", "a_field": 1, "foo": 3}, "foo"),
    ({"start": 0xE5, "foo": 3}, "foo"),
    ({"c_field": "SND_UD", "a_field": 1, "ci_field": 0x51, "user_data": {"foo": 3}}, "user_data.foo"),
    ({"c_field": "SND_UD", "a_field": 1, "ci_field": 0x51, "user_data": 5}, "user_data"),
    ({"c_field": "SND_UD", "a_field": 1, "ci_field": 0x51, "user_data": {"records": 5}}, "user_data.records"),
    (
        {"c_field": "SND_UD", "a_field": 1, "ci_field": 0x51, "user_data": {"malformed": "AB"}},
        "user_data.malformed",
    ),
    ({"c_field": "SND_UD", "a_field": 1, "user_data": {}}, "ci_field"),
    (
        {"c_field": "RSP_UD", "a_field": 1, "ci_field": 0x72, "user_data": {"header": {}, "records": []}},
        "user_data.header.identification_number",
    ),
]


@pytest.mark.parametrize(("value", "field"), WRONG, ids=range(len(WRONG)))
def test_wrong_values_name_their_field(value: Any, field: str) -> None:
    assert build_error(Frame, value).field == field


@pytest.mark.parametrize(
    ("record", "field"),
    [
        (5, ""),
        ({}, "dib"),
        ({"dib": 5}, "dib"),
        ({"dib": {"data_field": 4}}, "vib"),
        ({"dib": {"data_field": 4}, "vib": {}}, "vib.vif"),
        ({"dib": {"data_field": 4, "storage_number": 1 << 41}, "vib": {"vif": 0x13}}, "dib.storage_number"),
        ({"dib": {"data_field": 4}, "vib": {"vif": 0x13}}, "data"),
        ({"dib": {"data_field": 4}, "vib": {"vif": 0x13}, "data": 1 << 31}, "data"),
        (
            {"dib": {"data_field": 2}, "vib": {"vif": 0x6C}, "data": {"day": 1, "month": 16, "year": 1}},
            "data.month",
        ),
        ({"dib": {"data_field": 13}, "vib": {"vif": 0x13}, "data": {"lvar": 0xF7}}, "data.lvar"),
        ({"dif": 0x13}, "dif"),
        ({"malformed": 1}, "malformed"),
        ({"dib": {"data_field": 1, "storage": 5}, "vib": {"vif": 0x13}, "data": 1}, "dib.storage"),
        ({"dib": {"data_field": 1}, "vib": {"vif": 0x13, "vife": [0x3B]}, "data": 1}, "vib.vife"),
        ({"dib": {"data_field": 1}, "vib": {"vif": 0x13}, "data": 1, "value": 1}, "value"),
    ],
)
def test_errors_within_records_name_the_record_once(record: Any, field: str) -> None:
    good = {"dib": {"data_field": 8}, "vib": {"vif": 0x13}}
    frame = {"c_field": "SND_UD", "a_field": 1, "ci_field": 0x51, "user_data": {"records": [good, record]}}
    assert build_error(Frame, frame).field == ".".join(filter(None, ["user_data.records[1]", field]))


def test_what_a_gateway_without_link_layer_delivers() -> None:
    value = {"c_field": RSP_UD, "a_field": 1, "ci_field": 0x71, "user_data": {"alarm_flags": b"\x05"}}
    assert_both_ways(LinkUserData, bytes.fromhex("08 01 71 05"), value)
    for end in range(3):
        with pytest.raises(DecodeError):
            LinkUserData.parse(bytes.fromhex("08 01 71")[:end])


def test_a_command_without_records() -> None:
    frame = {"c_field": "SND_UD", "a_field": 1, "ci_field": 0x51}
    assert Frame.build(frame) == bytes.fromhex("68 03 03 68 53 01 51 A5 16")

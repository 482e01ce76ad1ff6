"""Variable length data and compact profiles: every range of the LVAR octet, in every place it stands."""

from __future__ import annotations

from typing import Any

import pytest

from helpers import assert_both_ways, assert_no_truncation_passes, build_error, plain
from mbus_grammars import DataRecord, DecodeError, Grammar, VariableLength, lvar

UNSIGNED = Grammar(lvar.VariableLength(types="C"))
RAW_NUMBERS = Grammar(lvar.VariableLength(types="raw"))
OCTETS = Grammar(lvar.VariableLength("octets"))
PROFILE = Grammar(lvar.VariableLength("profile"))
FIRST_CHARACTER_FIRST = Grammar(lvar.VariableLength(msb_first=True))

VALUES: list[tuple[Any, str, int, Any]] = [
    (VariableLength, "00", 0x00, ""),
    (VariableLength, "01 41", 0x01, "A"),
    (VariableLength, "04 34 33 32 31", 0x04, "1234"),
    (VariableLength, "02 B0 FF", 0x02, "ÿ°"),
    (VariableLength, "BF" + "41" * 191, 0xBF, "A" * 191),
    (VariableLength, "C0", 0xC0, ""),
    (VariableLength, "C1 42", 0xC1, 42),
    (VariableLength, "C3 56 34 12", 0xC3, 123456),
    (VariableLength, "C9" + "99" * 9, 0xC9, 10**18 - 1),
    (VariableLength, "C2 34 F2", 0xC2, "F234"),  # the sign is LVAR's, F is no digit
    (VariableLength, "C1 F0", 0xC1, "F0"),
    (VariableLength, "C2 3A 12", 0xC2, "123A"),
    (VariableLength, "CA" + "12" * 10, 0xCA, b"\x12" * 10),
    (VariableLength, "CF" + "12" * 15, 0xCF, b"\x12" * 15),
    (VariableLength, "D0", 0xD0, ""),
    (VariableLength, "D2 34 12", 0xD2, -1234),
    (VariableLength, "D1 00", 0xD1, 0),
    (VariableLength, "D9" + "99" * 9, 0xD9, 1 - 10**18),
    (VariableLength, "D2 34 F2", 0xD2, "F234"),
    (VariableLength, "DA" + "12" * 10, 0xDA, b"\x12" * 10),
    (VariableLength, "DF" + "12" * 15, 0xDF, b"\x12" * 15),
    (VariableLength, "E0", 0xE0, b""),
    (VariableLength, "E1 FF", 0xE1, -1),
    (VariableLength, "E5 FF FF FF FF FF", 0xE5, -1),
    (VariableLength, "EF" + "00" * 14 + "80", 0xEF, -(1 << 119)),
    (VariableLength, "F0" + "FF" * 16, 0xF0, -1),
    (VariableLength, "F1" + "01" + "00" * 19, 0xF1, 1),
    (VariableLength, "F2" + "01" + "00" * 23, 0xF2, 1),
    (VariableLength, "F3" + "01" + "00" * 27, 0xF3, 1),
    (VariableLength, "F4" + "01" + "00" * 31, 0xF4, 1),
    (VariableLength, "F5" + "01" + "00" * 47, 0xF5, 1),
    (VariableLength, "F6" + "FF" * 64, 0xF6, -1),
    (UNSIGNED, "E2 FF FF", 0xE2, 65535),
    (UNSIGNED, "F0" + "FF" * 16, 0xF0, (1 << 128) - 1),
    (RAW_NUMBERS, "E3 01 02 03", 0xE3, b"\x01\x02\x03"),
    (RAW_NUMBERS, "02 42 41", 0x02, "AB"),
    (OCTETS, "03 01 02 03", 0x03, b"\x01\x02\x03"),
    (OCTETS, "E1 FF", 0xE1, -1),
    (FIRST_CHARACTER_FIRST, "04 31 32 33 34", 0x04, "1234"),
    (FIRST_CHARACTER_FIRST, "C2 12 34", 0xC2, 1234),
    (FIRST_CHARACTER_FIRST, "E2 FF F6", 0xE2, -10),
]


@pytest.mark.parametrize(("grammar", "octets", "code", "value"), VALUES)
def test_values(grammar: Any, octets: str, code: int, value: Any) -> None:
    assert_both_ways(grammar, bytes.fromhex(octets), {"lvar": code, "value": value})
    assert_no_truncation_passes(grammar, bytes.fromhex(octets))


def test_every_code_has_its_length() -> None:
    lengths = [lvar.lvar_length(code) for code in range(256)]
    assert lengths[:0xC0] == list(range(0xC0))
    assert lengths[0xC0:0xF0] == [*range(16)] * 3
    assert lengths[0xF0:0xF7] == [16, 20, 24, 28, 32, 48, 64]
    assert lengths[0xF7:] == [None] * 9
    for code, length in enumerate(lengths[:0xF7]):
        octets = bytes([code]) + b"\x01" * (length or 0)
        for grammar in (VariableLength, OCTETS, PROFILE, FIRST_CHARACTER_FIRST):
            parsed = grammar.parse(octets + b"\xaa")
            assert grammar.build(parsed) == octets
            assert parsed.lvar == code


@pytest.mark.parametrize("code", range(0xF7, 0x100))
def test_reserved_codes(code: int) -> None:
    with pytest.raises(DecodeError) as caught:
        VariableLength.parse(bytes([code]) + bytes(100))
    assert (caught.value.code, caught.value.offset) == ("lvar_reserved", 0)
    assert f"{code:02X}h" in str(caught.value)
    assert build_error(VariableLength, {"lvar": code, "value": b""}).field == "lvar"


@pytest.mark.parametrize(
    ("grammar", "given", "octets"),
    [
        (VariableLength, "1234", "04 34 33 32 31"),
        (VariableLength, "", "00"),
        (VariableLength, 0, "E1 00"),
        (VariableLength, 127, "E1 7F"),
        (VariableLength, 128, "E2 80 00"),
        (VariableLength, -128, "E1 80"),
        (VariableLength, -129, "E2 7F FF"),
        (VariableLength, (1 << 119) - 1, "EF" + "FF" * 14 + "7F"),
        (UNSIGNED, 0, "E1 00"),
        (UNSIGNED, 255, "E1 FF"),
        (UNSIGNED, 256, "E2 00 01"),
        (RAW_NUMBERS, b"\x01\x02", "E2 01 02"),
        (OCTETS, b"\x01\x02", "02 01 02"),
        (OCTETS, b"", "00"),
        (PROFILE, b"\x01", "01 01"),
        (
            PROFILE,
            {"control": 0x34, "spacing": 254, "elements": [100000, 130000]},
            "0A 34 FE A0860100 D0FB0100",
        ),
        (VariableLength, {"value": "A"}, "01 41"),
        (VariableLength, {"lvar": 0xC2, "value": "F234"}, "C2 34 F2"),
        (VariableLength, {"lvar": 0xE4, "value": 1}, "E4 01 00 00 00"),
    ],
)
def test_short_forms(grammar: Any, given: Any, octets: str) -> None:
    assert grammar.build(given) == bytes.fromhex(octets)


@pytest.mark.parametrize(
    ("grammar", "given", "field"),
    [
        (VariableLength, None, ""),
        (VariableLength, True, ""),
        (VariableLength, 1.5, ""),
        (VariableLength, b"\x01", ""),
        (VariableLength, "x" * 192, ""),
        (VariableLength, 1 << 119, ""),
        (VariableLength, 10**4000, ""),
        (VariableLength, "€", ""),
        (VariableLength, {}, ""),
        (VariableLength, {"lvar": 256, "value": ""}, "lvar"),
        (VariableLength, {"lvar": True, "value": "A"}, "lvar"),
        (VariableLength, {"lvar": "text", "value": "A"}, "lvar"),
        (VariableLength, {"lvar": 0x02, "value": "A"}, "value"),
        (VariableLength, {"lvar": 0x01, "value": 65}, "value"),
        (VariableLength, {"lvar": 0xC2, "value": -1}, "value"),
        (VariableLength, {"lvar": 0xD2, "value": 1}, "value"),
        (VariableLength, {"lvar": 0xC1, "value": 100}, "value"),
        (VariableLength, {"lvar": 0xC0, "value": 0}, "value"),
        (VariableLength, {"lvar": 0xC1, "value": True}, "value"),
        (VariableLength, {"lvar": 0xCA, "value": b"\x12"}, "value"),
        (VariableLength, {"lvar": 0xCA, "value": 1}, "value"),
        (VariableLength, {"lvar": 0xE0, "value": 0}, "value"),
        (VariableLength, {"lvar": 0xE1, "value": 128}, "value"),
        (UNSIGNED, -1, ""),
        (RAW_NUMBERS, 5, ""),
        (OCTETS, "AB", ""),
        (OCTETS, bytes(192), ""),
        (PROFILE, 1.5, ""),
        (PROFILE, {"lvar": 3, "value": "abc"}, "value"),
        (PROFILE, {"lvar": 9, "value": {"control": 0x34, "spacing": 254, "elements": [1, 2]}}, "value"),
        (PROFILE, {"control": 0x34, "spacing": 254, "elements": [0] * 48}, ""),
        (PROFILE, {"spacing": 254, "elements": []}, "control"),
    ],
)
def test_wrong_values(grammar: Any, given: Any, field: str) -> None:
    assert build_error(grammar, given).field == field


CONTROL = {"increment_mode": 0, "spacing_unit": 3, "element_size": 4}
PROFILES: list[tuple[str, dict[str, Any]]] = [
    ("0A 34 FE A0 86 01 00 D0 FB 01 00", {"control": CONTROL, "spacing": 254, "elements": [100000, 130000]}),
    (
        "06 41 01 01 FF 03 04",
        {
            "control": {"increment_mode": 1, "spacing_unit": 0, "element_size": 1},
            "spacing": 1,
            "elements": [1, 255, 3, 4],
        },
    ),
    (
        "04 81 01 01 FF",
        {
            "control": {"increment_mode": 2, "spacing_unit": 0, "element_size": 1},
            "spacing": 1,
            "elements": [1, 255],
        },
    ),
    (
        "04 D1 01 01 FF",
        {
            "control": {"increment_mode": 3, "spacing_unit": 1, "element_size": 1},
            "spacing": 1,
            "elements": [1, -1],
        },
    ),
    (
        "05 39 01 42 F5 E1",
        {
            "control": {"increment_mode": 0, "spacing_unit": 3, "element_size": 9},
            "spacing": 1,
            "elements": [42, -5, "E1"],
        },
    ),
    (
        "0A 35 01 00 00 48 42 00 00 C0 7F",
        {"control": {**CONTROL, "element_size": 5}, "spacing": 1, "elements": [50.0, "7FC00000"]},
    ),
    ("02 34 FE", {"control": CONTROL, "spacing": 254, "elements": []}),
]


@pytest.mark.parametrize(("octets", "profile"), PROFILES)
def test_profiles(octets: str, profile: dict[str, Any]) -> None:
    code = bytes.fromhex(octets)[0]
    assert_both_ways(PROFILE, bytes.fromhex(octets), {"lvar": code, "value": {**profile, "rest": b""}})
    assert_no_truncation_passes(PROFILE, bytes.fromhex(octets))
    assert PROFILE.build(profile) == bytes.fromhex(octets)


def test_octets_that_fill_no_element_are_kept() -> None:
    octets = bytes.fromhex("09 34 FE A0 86 01 00 01 02 03")
    value = {"control": CONTROL, "spacing": 254, "elements": [100000], "rest": b"\x01\x02\x03"}
    assert_both_ways(PROFILE, octets, {"lvar": 9, "value": value})


@pytest.mark.parametrize(
    "octets", ["00", "01 34", "03 30 01 05", "03 38 01 05", "03 3D 01 05", "03 3F 01 05"]
)
def test_octets_that_are_no_profile_stay_octets(octets: str) -> None:
    raw = bytes.fromhex(octets)
    assert_both_ways(PROFILE, raw, {"lvar": raw[0], "value": raw[1:]})


@pytest.mark.parametrize("control", range(256))
def test_every_control_octet_builds_back(control: int) -> None:
    octets = bytes([0x0B, control, 1, *range(9)])
    assert PROFILE.build(plain(PROFILE.parse(octets))) == octets


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"control": 256}, "control"),
        ({"control": None}, "control"),
        ({"control": {**CONTROL, "element_size": 13}}, "control.element_size"),
        ({"control": {**CONTROL, "spacing_unit": 4}}, "control.spacing_unit"),
        ({"spacing": 256}, "spacing"),
        ({"spacing": True}, "spacing"),
        ({"elements": [1, 1 << 31]}, "elements[1]"),
        ({"elements": [True]}, "elements[0]"),
        ({"elements": 5}, ""),
        ({"rest": "abc"}, "rest"),
        ({"rest": b"abcd"}, "rest"),  # would be read as one more element
    ],
)
def test_wrong_profiles(change: dict[str, Any], field: str) -> None:
    record = {
        "dib": {"data_field": 13},
        "vib": {"vif": 0x03, "vifes": [0x1F]},
        "data": {"control": CONTROL, "spacing": 254, "elements": [], **change},
    }
    assert build_error(DataRecord, record).field == ".".join(filter(None, ["data", field]))


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        ("0D 13 02 42 41", "AB"),
        ("0D FD 3B 02 42 41", b"BA"),
        ("0D FD 76 02 42 41", b"BA"),
        ("0D 6D E3 01 02 03", b"\x01\x02\x03"),  # type M, whose layout is in no source here
        ("0D FD 73 EB" + "11" * 11, b"\x11" * 11),  # type L
        ("0D FD 08 E1 FF", 255),
        ("0D FD 17 E1 FF", 255),
        ("0D 13 E1 FF", -1),
        ("0D FF 20 E1 FF", -1),
    ],
)
def test_place_decides_what_the_octets_are(octets: str, value: Any) -> None:
    parsed = DataRecord.parse(bytes.fromhex(octets))
    assert parsed.data.value == value
    assert DataRecord.build(parsed) == bytes.fromhex(octets)

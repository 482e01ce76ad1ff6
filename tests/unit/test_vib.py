"""Value information block: chains, extensions, and the two orders of plain text."""

from __future__ import annotations

from typing import Any

import pytest

from helpers import assert_both_ways, assert_no_truncation_passes, build_error
from mbus_grammars import VIB, DecodeError


def _vib(vif: int, *vifes: int, **more: Any) -> dict[str, Any]:
    return {"vif": vif, "vifes": list(vifes), **more}


LONG = "x" * 31  # as a length, 1Fh cannot be taken for a character

BLOCKS = [
    ("13", _vib(0x13)),
    ("93 3C", _vib(0x13, 0x3C)),
    ("FB 14", _vib(0x7B, 0x14)),
    ("FB 94 F5 FC 01", _vib(0x7B, 0x14, 0x75, 0x7C, 0x01)),
    ("FD 17", _vib(0x7D, 0x17)),
    ("FD FD 02", _vib(0x7D, 0x7D, 0x02)),
    ("FF 20", _vib(0x7F, 0x20)),
    ("7F", _vib(0x7F)),
    ("7E", _vib(0x7E)),
    ("7B", _vib(0x7B)),  # markers with nothing behind them are kept
    ("7D", _vib(0x7D)),
    ("FD 7D", _vib(0x7D, 0x7D)),
    ("93" + "BC" * 9 + "3C", _vib(0x13, *[0x3C] * 10)),
    ("7C 03 48 52 25", _vib(0x7C, text="%RH")),
    ("7C 00", _vib(0x7C, text="")),
    ("7C 01 B0", _vib(0x7C, text="°")),
    ("7C FF" + "41" * 255, _vib(0x7C, text="A" * 255)),
    ("FC 03 48 52 25 74", _vib(0x7C, 0x74, text="%RH")),
    ("FC 03 48 52 25 F4 3C", _vib(0x7C, 0x74, 0x3C, text="%RH")),
    ("FC 00 74", _vib(0x7C, 0x74, text="")),
    ("FC 74 03 48 52 25", _vib(0x7C, 0x74, text="%RH", text_after_vifes=True)),
    ("FC F4 3C 03 48 52 25", _vib(0x7C, 0x74, 0x3C, text="%RH", text_after_vifes=True)),
    ("FC 74 00", _vib(0x7C, 0x74, text="", text_after_vifes=True)),
    ("FC 01 00", _vib(0x7C, 0x01, text="", text_after_vifes=True)),
    ("FC 74 1F" + "78" * 31, _vib(0x7C, 0x74, text=LONG, text_after_vifes=True)),
]


@pytest.mark.parametrize(("octets", "value"), BLOCKS)
def test_blocks(octets: str, value: dict[str, Any]) -> None:
    assert_both_ways(VIB, bytes.fromhex(octets), value)
    assert_no_truncation_passes(VIB, bytes.fromhex(octets))


@pytest.mark.parametrize(
    ("octets", "names"),
    [
        ("13", ["volume"]),
        ("93 3C", ["volume", "accumulation of absolute value of negative contributions"]),
        ("FB 14", ["extension marker FB", "reactive power"]),
        (
            "FB 94 FC 01",
            ["extension marker FB", "reactive power", "extension of combinable codes", "at phase L1"],
        ),
        (
            "93 FC 81 3C",
            [
                "volume",
                "extension of combinable codes",
                "at phase L1",
                "accumulation of absolute value of negative contributions",
            ],
        ),
        ("FD 17", ["extension marker FD", "error flags"]),
        (
            "FD FD 02",
            ["extension marker FD", "extension marker, second level", "remaining battery life time"],
        ),
        ("FD 7D", ["extension marker FD", "extension marker, second level"]),
        ("FF A0 21", ["manufacturer specific"] * 3),
        ("93 FF A0 21", ["volume", "manufacturer specific follows"] + ["manufacturer specific"] * 2),
    ],
)
def test_each_code_has_the_name_of_its_place(octets: str, names: list[str]) -> None:
    parsed = VIB.parse(bytes.fromhex(octets))
    assert [code.name for code in (parsed.vif, *parsed.vifes)] == names


def test_extension_bits_may_be_written_as_on_the_wire() -> None:
    assert VIB.build({"vif": 0x93, "vifes": [0xBC, 0x3B]}) == bytes.fromhex("93 BC 3B")
    assert VIB.build({"vif": 0x13, "vifes": b"\x3c\x3b"}) == bytes.fromhex("93 BC 3B")
    assert VIB.build({"vif": 0x13}) == b"\x13"


def test_a_flag_for_the_order_without_vifes_says_nothing() -> None:
    assert VIB.build({"vif": 0x7C, "text": "m", "text_after_vifes": True}) == bytes.fromhex("7C 01 6D")
    assert VIB.build({"vif": 0x7C}) == bytes.fromhex("7C 00")


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (None, ""),
        (0x13, ""),
        ({}, "vif"),
        ({"vif": None}, "vif"),
        ({"vif": True}, "vif"),
        ({"vif": 0x13, "vifes": 5}, "vifes"),
        ({"vif": 0x13, "vifes": "AB"}, "vifes"),
        ({"vif": 0x13, "vifes": [0x3C] * 11}, "vifes"),
        ({"vif": 0xFB}, "vif"),  # an extension bit, and nothing behind it
        ({"vif": 0x93, "vifes": []}, "vif"),
        ({"vif": 0x13, "vifes": [0xBC]}, "vifes[0]"),
        ({"vif": 256, "vifes": [0x3C]}, "vif"),
        ({"vif": 0x13, "vifes": [0x3C, -1]}, "vifes[1]"),
        ({"vif": 0x13, "vifes": [True, 0x3C]}, "vifes[0]"),
        ({"vif": 0x13, "vifes": ["3C"]}, "vifes[0]"),
        ({"vif": 0x13, "text": "m"}, "text"),  # only VIF 7Ch has a text
        ({"vif": 0x7C, "text": 5}, "text"),
        ({"vif": 0x7C, "text": "€"}, "text"),
        ({"vif": 0x7C, "text": b"m"}, "text"),
        ({"vif": 0x7C, "text": "x" * 256}, "text"),
        ({"vif": 0x7C, "vifes": [0x74], "text": "€"}, "text"),
        ({"vif": 0x7C, "vifes": [0x01], "text": ""}, "text"),  # would be read as VIFE 00h and a text
        ({"vif": 0x7C, "vifes": [0x74], "text": "x\n"}, "text"),
        ({"vif": 0x7C, "vifes": [0x74], "text": "x" * 128}, "text"),
        ({"vif": 0x7C, "vifes": [0x74], "text": LONG + "x", "text_after_vifes": True}, "text"),
    ],
)
def test_wrong_values(value: Any, field: str) -> None:
    assert build_error(VIB, value).field == field


def test_more_than_ten_vifes() -> None:
    with pytest.raises(DecodeError) as caught:
        VIB.parse(bytes.fromhex("93" + "BC" * 10 + "3C"))
    assert (caught.value.code, str(caught.value)) == (
        "chain_too_long",
        "11 VIFEs, 10 are allowed (offset 12)",
    )


def test_every_vif_and_vife_builds_back() -> None:
    for first in range(256):
        for second in range(0x80):
            octets = bytes([first]) + (bytes([second]) if first & 0x80 else b"")
            if first & 0x7F == 0x7C:
                continue
            assert VIB.build(VIB.parse(octets)) == octets

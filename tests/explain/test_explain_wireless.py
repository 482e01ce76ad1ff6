"""Frames by radio explained: CRCs at their places, and the layers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies as write
from amounts import examples
from explanations import E62, E63, E66, E68, E69, assert_covered, assert_nested, by_path, shown
from helpers import long_frame
from mbus_construct.explain import explain
from mbus_construct.explain.html import to_html
from mbus_construct.explain.text import to_lines
from mbus_grammars import BuildError
from mbus_grammars.wireless import FRAME_FORMATS, WirelessFrame, with_crcs, without_crcs

if TYPE_CHECKING:
    from mbus_grammars.wireless import FrameFormat

LONG: Final = WirelessFrame.build(
    {
        "c_field": "SND_NR",
        "manufacturer": "PAD",
        "identification_number": "12345678",
        "version": 1,
        "device_type": 7,
        "ci_field": 0x78,
        "user_data": {
            "records": [
                {"dif": 0x2F},
                {"dif": 0x2F},
                *({"dib": {"data_field": 4}, "vib": {"vif": 0x13}, "data": 5} for _ in range(33)),
            ]
        },
    }
)
TELEGRAMS: Final = [without_crcs(octets)[1] for octets in (E62, E63, E66, E68, E69, LONG)]
ALL: Final = [with_crcs(telegram, form) for telegram in TELEGRAMS for form in FRAME_FORMATS]
LONG_ONES: Final = ALL[-len(FRAME_FORMATS) :]


@pytest.mark.parametrize(
    "octets",
    [pytest.param(item, marks=[pytest.mark.slow] if item in LONG_ONES else []) for item in ALL],
    ids=shown,
)
class TestCover:
    def test_whole(self, octets: bytes) -> None:
        explanation = explain(octets)
        assert explanation.link == "wireless"
        assert not explanation.faults
        assert_covered(explanation)
        assert_nested(explanation)

    def test_truncated_at_every_octet(self, octets: bytes) -> None:
        for end in range(len(octets)):
            explanation = explain(octets[:end], "wireless")
            assert_covered(explanation)
            assert explanation.faults

    @pytest.mark.parametrize(
        "change", [0x80, *(pytest.param(change, marks=pytest.mark.slow) for change in (0x01, 0xFF))]
    )
    def test_every_octet_changed(self, octets: bytes, change: int) -> None:
        for position in range(len(octets)):
            changed = bytearray(octets)
            changed[position] ^= change
            assert_covered(explain(changed, "wireless"))

    def test_lines_and_page(self, octets: bytes) -> None:
        for data in (octets, octets[:-3], octets + b"\x00"):
            explanation = explain(data, "wireless")
            text = "\n".join(to_lines(explanation, width=200))
            told = re.findall(r"^(?:[ \d]{3}\d| {4})((?: [0-9A-F]{2})+)(?= |$)", text, re.MULTILINE)
            assert bytes.fromhex("".join(told)) == data
            page = to_html(explanation)
            assert page.count('<a class="k ') == len(data)
            assert len(set(re.findall(r' id="(o\d+)"', page))) == len(re.findall(r' id="', page))


@examples(200)
@given(octets=st.binary(max_size=60))
def test_any_octets_are_covered(octets: bytes) -> None:
    assert_covered(explain(octets, "wireless"))


@examples(200)
@given(value=write.wireless_frames())
def test_any_frame_is_covered(value: dict[str, Any]) -> None:
    try:
        octets = WirelessFrame.build(value)
    except BuildError:
        return
    explanation = explain(octets, "wireless")
    assert_covered(explanation)
    assert_nested(explanation)
    assert not [span for span in explanation.faults if span.fault == "no field of the grammar"]


class TestBlocks:
    def test_crcs_at_their_places(self) -> None:
        explanation = explain(E62)
        assert explanation.spans[0].meaning == "SND_NR from ELS 12345678, gas meter, frame format A"
        crcs = [span for span in explanation.leaves if span.name.startswith("crcs")]
        assert [(span.label, span.offset, span.value_text, span.meaning) for span in crcs] == [
            ("CRC 1", 10, "3363h", "CRC of the octets 0 to 9"),
            ("CRC 2", 28, "C2ADh", "CRC of the octets 12 to 27"),
            ("CRC 3", 46, "55B2h", "CRC of the octets 30 to 45"),
            ("CRC 4", 53, "EC8Ah", "CRC of the octets 48 to 52"),
        ]
        assert {span.source for span in crcs} == {"EN 13757-4"}
        assert by_path(explanation, "l_field").meaning == "octets behind it, without the CRCs"

    def test_format_b(self) -> None:
        explanation = explain(E63)
        assert explanation.spans[0].meaning == "SND_NR from CEN 12345678, water meter, frame format B"
        length = by_path(explanation, "l_field")
        assert (length.value_text, length.meaning) == ("20", "octets behind it, with the CRCs")
        assert by_path(explanation, "crcs[0]").offset == 19
        assert (
            by_path(explanation, "user_data.user_data.records[0]").meaning == "record 0: volume, 876.543 m³"
        )

    def test_without_crcs(self) -> None:
        explanation = explain(E66)
        assert explanation.spans[0].meaning.endswith("radio converter (meter side), without CRCs")
        assert by_path(explanation, "l_field").meaning == "octets behind it"

    @pytest.mark.parametrize("frame_format", ["A", "B"])
    def test_field_that_a_crc_interrupts(self, frame_format: FrameFormat) -> None:
        explanation = explain(with_crcs(LONG, frame_format))
        (first, *others) = [span for span in explanation.leaves if span.size]
        rest = next(span for span in others if span.path == first.path)
        assert (first.size, len(first.octets) + len(rest.octets)) == (4, 4)
        assert first.meaning == "type B, signed integer: 0.005 m³"
        assert (rest.label, rest.value_text, rest.meaning, rest.bits) == ("data, continued", "", "", ())

    def test_every_damaged_block_is_named(self) -> None:
        changed = bytearray(E62)
        changed[4] ^= 1
        changed[32] ^= 1
        explanation = explain(changed, "wireless")
        assert [span.name for span in explanation.faults] == ["crcs[0]", "crcs[2]"]
        assert re.fullmatch("the octets give [0-9A-F]{4}h", explanation.faults[0].fault)
        assert by_path(explanation, "user_data.header.configuration_field").value_text == "2520h"

    def test_cut_frame(self) -> None:
        explanation = explain(E62[:29], "wireless")
        assert explanation.spans[0].fault == "the frame has 29 of 55 octets"
        crc = by_path(explanation, "crcs[1]")
        assert (crc.octets, crc.fault) == (b"\xc2", "1 of 2 octets")

    def test_octets_behind_the_frame(self) -> None:
        for octets in (E62, E66):
            explanation = explain(octets + b"\x00\x01", "wireless")
            assert [(span.offset, span.octets, span.fault) for span in explanation.faults] == [
                (len(octets), b"\x00\x01", "behind the end of the frame")
            ]

    @pytest.mark.parametrize(
        ("octets", "fault"),
        [("", "no octets left"), ("08 44 93", "L field 08h, a wireless frame has at least 09h")],
    )
    def test_no_frame(self, octets: str, fault: str) -> None:
        explanation = explain(bytes.fromhex(octets), "wireless")
        assert_covered(explanation)
        assert explanation.spans[0].fault == fault


class TestLayers:
    def test_headings(self) -> None:
        assert [section.title for section in explain(E68).sections] == [
            "wireless frame: RSP_UD from RAD 11223344, radio converter (meter side), without CRCs",
            "extended link layer",
            "receiver: XYZ 33445566, communication controller (gateway)",
            "extended link layer, continued",
            "authentication and fragmentation",
            "header: ELS 12345678, gas meter",
            "user data",
        ]

    @pytest.mark.parametrize(
        ("path", "value_text", "meaning", "source"),
        [
            ("communication_control", "80h", "bidirectional, slow response delay", "EN 13757-4:2019"),
            ("access_number", "117", "counts the telegrams of the sender", "EN 13757-4:2019"),
            ("receiver.manufacturer", "XYZ", "a company that the table does not know", "EN 13757-4"),
            ("ci_field", "90h", "authentication and fragmentation sublayer", "EN 13757-4:2019"),
            ("user_data.length", "15", "octets follow", "EN 13757-7:2018"),
            (
                "user_data.fragmentation_control",
                "2C00h",
                "a whole message, with message control, message counter, mac",
                "EN 13757-7:2018",
            ),
            (
                "user_data.message_control",
                "25h",
                "AES-CMAC-128, 8 octets, message counter",
                "EN 13757-7:2018",
            ),
            ("user_data.message_counter", "2739", "counts the messages", "EN 13757-7:2018"),
            ("user_data.mac", "8 octets", "message authentication code", "EN 13757-7:2018"),
            (
                "user_data.user_data.header.configuration_field",
                "0720h",
                "security mode 7 (AES-128-CBC, IV zero, derived key), 2 encrypted blocks",
                "EN 13757-7",
            ),
            (
                "user_data.user_data.security.configuration_field_extension",
                "10h",
                "KDF-A, key 0",
                "EN 13757-7",
            ),
            ("user_data.user_data.encrypted", "32 octets", "encrypted", "EN 13757-7"),
        ],
    )
    def test_fields(self, path: str, value_text: str, meaning: str, source: str) -> None:
        span = by_path(explain(E68), f"user_data.{path}")
        assert (span.value_text, span.meaning, span.source) == (value_text, meaning, source)

    def test_bits_depend_on_the_mode(self) -> None:
        field = "user_data.header.configuration_field"
        mode_7 = by_path(explain("7A 2A 00 20 27 12 01 00 00 00" + "80" * 32, "ci_field"), field)
        assert [(part.place, part.name) for part in mode_7.bits] == [
            ("15..14", "content"),
            ("13", "counter_present"),
            ("12..8", "security_mode"),
            ("7..4", "encrypted_blocks"),
            ("3..0", "content_index"),
        ]
        assert mode_7.meaning.endswith("2 encrypted blocks, a message counter follows")
        mode_13 = by_path(explain("7A 2A 00 05 0D 04" + "80" * 8, "ci_field"), field)
        assert [part.name for part in mode_13.bits] == [
            "content",
            "reserved",
            "security_mode",
            "encrypted_octets",
        ]
        assert mode_13.meaning == "security mode 13 (specific national usage (TLS)), 5 octets encrypted"
        mode_5 = by_path(explain(E62), field)
        assert [part.name for part in mode_5.bits][:3] == ["bidirectional", "accessibility", "synchronous"]

    def test_security_fields(self) -> None:
        explanation = explain("7A 2A 00 20 27 52 01 00 00 00 09" + "80" * 32, "ci_field")
        found = {span.name: span for span in explanation.leaves if ".security." in span.path}
        assert found["configuration_field_extension"].meaning == "KDF-A, key 2, a key version follows"
        assert found["message_counter"].value_text == "1"
        assert found["key_version"].value_text == "9"
        titles = [section.title for section in explanation.sections]
        assert "security: fields of the security mode" in titles

    def test_decrypted_data_that_are_no_records(self) -> None:
        explanation = explain("74 2A 00 10 05 2F 2F 05 06", "ci_field")
        assert by_path(explanation, "user_data.decryption_verification").meaning == (
            "idle fillers: what follows is plain"
        )
        assert by_path(explanation, "user_data.alarm_flags").value_text == "605h"

    def test_hidden_payload(self) -> None:
        explanation = explain(E69)
        assert (
            by_path(explanation, "user_data.session_number").meaning == "AES-128-CTR, minute 66470, session 0"
        )
        hidden = by_path(explanation, "user_data.encrypted")
        assert hidden.meaning == "encrypted in the extended link layer: payload CRC, CI field, user data"
        assert "user_data.payload_crc" not in {span.path for span in explanation.spans}

    def test_wrong_payload_crc_and_what_it_covers(self) -> None:
        explanation = explain("8D 00 75 00 00 00 00 34 12 78 01 13 05", "ci_field")
        (fault,) = explanation.faults
        assert (fault.path, fault.value_text) == ("user_data.payload_crc", "1234h")
        assert fault.fault.startswith("payload CRC 1234h, the octets give ")
        assert by_path(explanation, "user_data.user_data.records[0].data").value_text == "5"

    def test_wrong_length_of_an_afl(self) -> None:
        explanation = explain("90 05 00 08 B3 0A 00 00 78 01 13 05", "ci_field")
        (fault,) = explanation.faults
        assert fault.path == "user_data.length"
        assert fault.fault == "the AFL's length is 5, its fields have 6 octets"
        assert by_path(explanation, "user_data.message_counter").value_text == "2739"

    def test_fragment(self) -> None:
        explanation = explain("90 02 01 40 7A 2A 00", "ci_field")
        control = by_path(explanation, "user_data.fragmentation_control")
        assert control.meaning == "fragment 1, more follow"
        fragment = by_path(explanation, "user_data.fragment")
        assert (fragment.kind, fragment.octets) == ("raw", b"\x7a\x2a\x00")

    def test_who_sends(self) -> None:
        for octet, meaning in (
            (0x44, "SND_NR, from the meter"),
            (0x08, "RSP_UD, from the meter"),
            (0x5B, "REQ_UD2, to the meter, FCV"),
        ):
            octets = bytearray(E66)
            octets[1] = octet
            control = by_path(explain(octets, "wireless"), "c_field")
            assert control.meaning == meaning
            assert control.bits[1].meaning == ("starts an exchange" if octet & 0x40 else "answers")


def test_wired_frames_with_layers_are_covered() -> None:
    for octets in (E66, E68, E69):
        frame = long_frame(octets[11:], octets[10])
        explanation = explain(frame)
        assert explanation.link == "frame"
        assert_covered(explanation)
        assert not explanation.faults

"""Every octet explained: the cover, the places, the words, and what the terminal shows."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import grammar_examples
from amounts import examples
from explanations import assert_covered, by_path
from helpers import plain
from mbus_construct.explain import GRAMMARS, explain
from mbus_construct.explain.text import to_lines
from mbus_construct.explain.traced_grammars import trace
from mbus_grammars import DecodeError, Frame
from vectors import FRAMES

FORMS = ("auto", *GRAMMARS)
RESPONSE = bytes.fromhex(
    "68 1F 1F 68 08 02 72 78 56 34 12 24 40 01 07 55 00 00 00"
    "03 13 15 31 00 DA 02 3B 13 01 8B 60 04 37 18 02 18 16"
)


@pytest.mark.parametrize("title", grammar_examples.GRAMMARS)
def test_every_public_grammar_is_followed(title: str) -> None:
    """As a part of a manufacturer's grammar, for example."""
    grammar, octets = grammar_examples.GRAMMARS[title], grammar_examples.OCTETS[title]
    root = trace(grammar, octets, "data")
    assert plain(root.value) == plain(grammar.parse(octets))
    assert not root.fault


@pytest.mark.parametrize("octets", FRAMES, ids=lambda octets: octets.hex()[:40])
class TestCover:
    def test_whole(self, octets: bytes) -> None:
        explanation = explain(octets)
        assert_covered(explanation)
        assert not [span for span in explanation.faults if span.fault == "no field of the grammar"]

    def test_same_values_as_the_grammar(self, octets: bytes) -> None:
        assert plain(trace(Frame, octets, "frame").value) == plain(Frame.parse(octets))

    def test_truncated_at_every_octet(self, octets: bytes) -> None:
        for end in range(len(octets)):
            explanation = explain(octets[:end], "frame")
            assert_covered(explanation)
            assert explanation.faults

    def test_every_octet_changed(self, octets: bytes) -> None:
        for position in range(len(octets)):
            for change in (0x01, 0x80, 0xFF):
                changed = bytearray(octets)
                changed[position] ^= change
                assert_covered(explain(changed, "frame"))

    @pytest.mark.parametrize("form", GRAMMARS)
    def test_read_as_every_form(self, octets: bytes, form: str) -> None:
        for start in (0, 4, 6, 7, 19):
            assert_covered(explain(octets[start:], form))


@examples(300)
@given(octets=st.binary(max_size=60), form=st.sampled_from(FORMS))
def test_any_octets_are_covered(octets: bytes, form: str) -> None:
    assert_covered(explain(octets, form))


@examples(300)
@given(octets=st.binary(max_size=40), ci_field=st.integers(0, 255))
def test_any_user_data_is_covered(octets: bytes, ci_field: int) -> None:
    body = bytes([0x08, 0x01, ci_field]) + octets
    frame = bytes([0x68, len(body), len(body), 0x68]) + body + bytes([sum(body) & 0xFF, 0x16])
    explanation = explain(frame)
    assert_covered(explanation)
    assert by_path(explanation, "checksum").offset == len(frame) - 2


class TestFrame:
    def test_fields(self) -> None:
        explanation = explain(RESPONSE)
        assert explanation.link == "frame"
        assert explanation.spans[0].meaning == "RSP_UD from address 2"
        assert not explanation.faults
        control = by_path(explanation, "c_field")
        assert (control.value_text, control.meaning, control.source) == (
            "08h",
            "RSP_UD, from the meter",
            "MBDOC48 5.3",
        )
        assert [(bits.place, bits.name, bits.digits) for bits in control.bits] == [
            ("7", "res", "0"),
            ("6", "prm", "0"),
            ("5", "acd", "0"),
            ("4", "dfc", "0"),
            ("3..0", "function", "1000"),
        ]

    def test_header(self) -> None:
        explanation = explain(RESPONSE)
        manufacturer = by_path(explanation, "user_data.header.manufacturer")
        assert (manufacturer.value_text, manufacturer.meaning) == ("PAD", "PadMess GmbH")
        assert by_path(explanation, "user_data.header.device_type").meaning == "water meter"
        assert by_path(explanation, "user_data.header.identification_number").octets == bytes.fromhex(
            "78563412"
        )
        assert by_path(explanation, "user_data.header.status").meaning == "no error"

    def test_status_flags_are_named(self) -> None:
        status = by_path(explain("12345678 2440 01 07 55 1C 0000 01 13 05", "header"), "header.status")
        assert status.meaning == "power low, permanent error, temporary error"

    def test_a_number_for_text_is_refused(self) -> None:
        with pytest.raises(DecodeError):
            explain("no hex")
        with pytest.raises(ValueError, match="link is one of"):
            explain(b"\xe5", "telegram")

    def test_nothing(self) -> None:
        explanation = explain(b"")
        assert explanation.leaves == explanation.spans
        assert explanation.faults[0].fault == "no octets left"

    def test_json(self) -> None:
        shape = explain(RESPONSE).to_dict()
        assert shape["link"] == "frame"
        assert shape["spans"][1]["octets"] == "68"
        assert shape["spans"][5]["bits"][4]["meaning"] == "RSP_UD"


class TestFaults:
    """What the link layer drops is explained all the same, the fault at its octet."""

    @pytest.mark.parametrize(
        ("octets", "path", "offset", "fault"),
        [
            ("10 5B 01 5D 16", "checksum", 3, "the octets give 5Ch"),
            ("10 5B 01 5C 17", "stop", 4, "17h, not 16h"),
            ("10 5B 01 5C", "stop", 4, "4 of 5 octets"),
            ("68 03 04 68 53 FE 50 A1 16", "l_field", 1, "03h and 04h"),
            ("68 03 03 67 53 FE 50 A1 16", "start_repeated", 3, "67h, not 68h"),
            ("68 02 02 68 53 FE 50 A1 16", "l_field", 1, "at least"),
            ("68 03 03", "start_repeated", 3, "the frame ends within its start"),
            ("10 5B 01 5C 16 00", "octets", 5, "behind the end of the frame"),
            ("55 AA", "", 0, "found 55h"),
        ],
    )
    def test_link_layer(self, octets: str, path: str, offset: int, fault: str) -> None:
        explanation = explain(octets, "frame")
        assert_covered(explanation)
        (found,) = explanation.faults
        assert (found.path, found.offset) == (path, offset)
        assert fault in found.fault

    def test_records_of_a_refused_frame_have_their_values(self) -> None:
        explanation = explain(RESPONSE[:-2] + bytes([0x19, 0x16]))
        assert by_path(explanation, "user_data.records[0]").meaning == "record 0: volume, 12.565 m³"
        assert [span.path for span in explanation.faults] == ["checksum"]

    def test_l_field_that_its_repetition_outvotes(self) -> None:
        explanation = explain(bytes([0x68, 0xFF]) + RESPONSE[2:])
        assert by_path(explanation, "checksum").octets == b"\x18"

    def test_record_that_ends_too_early(self) -> None:
        explanation = explain("01 13 05 04 13 01 02", "records")
        data = by_path(explanation, "[1].data")
        assert data.octets == b"\x01\x02"
        assert data.fault.startswith("the data end within")
        assert by_path(explanation, "[1].vib.vif").meaning == "volume, in 0.001 m³"

    def test_reserved_lvar(self) -> None:
        explanation = explain("0D 13 F8 01 02", "records")
        rest = by_path(explanation, "[0].data.octets")
        assert rest.octets == b"\x01\x02"
        assert rest.fault.startswith("LVAR F8h is reserved")

    def test_chain_too_long(self) -> None:
        explanation = explain(bytes([0x84, *[0x80] * 10, 0x00, 0x13, 1, 2, 3, 4, 0x01, 0x13, 5]), "records")
        assert_covered(explanation)
        assert "11 DIFEs" in by_path(explanation, "[0]").fault
        assert by_path(explanation, "[1].data").value_text == "5"

    def test_short_header(self) -> None:
        frame = bytes.fromhex("68 06 06 68 08 01 72 01 00 00 7C 16")
        explanation = explain(frame)
        (fault,) = explanation.faults
        assert fault.path == "user_data.header.identification_number"
        assert by_path(explanation, "checksum").octets == b"\x7c"


class TestRecords:
    def test_headings(self) -> None:
        explanation = explain(RESPONSE)
        assert [section.title for section in explanation.sections] == [
            "frame: RSP_UD from address 2",
            "header: PAD 12345678, water meter",
            "record 0: volume, 12.565 m³",
            "record 1: volume flow, 0.113 m³/h, maximum, storage 5",
            "record 2: energy, 218370 Wh, tariff 2, subunit 1",
            "frame, continued",
        ]

    def test_dib(self) -> None:
        explanation = explain(RESPONSE)
        dib = by_path(explanation, "user_data.records[1].dib")
        assert (dib.meaning, dib.group) == ("maximum, storage 5", True)
        extension = by_path(explanation, "user_data.records[1].dib.difes[0]")
        assert extension.meaning == "bits 4..1 of the storage number: + 4"
        assert extension.label == "DIFE 1"
        assert extension.source == "MBDOC48 6.3.2"

    def test_register_number(self) -> None:
        explanation = explain("8D 90 81 00 83 1E 0A 34 FE A0 86 01 00 D0 FB 01 00", "records")
        assert (
            by_path(explanation, "[0].dib.difes[2]").meaning
            == "the storage number is an OBIS register number"
        )
        assert by_path(explanation, "[0].data.lvar").meaning == "compact profile, 10 octets"
        assert by_path(explanation, "[0].data.value.elements[1]").value_text == "130000"

    @pytest.mark.parametrize(
        ("record", "meanings"),
        [
            ("02 65 F6 FF", ["external temperature, in 0.01 °C"]),
            ("01 74 05", ["actuality duration, in s"]),
            ("02 FD 17 00 00", ["extension marker FD", "error flags"]),
            (
                "04 FB 94 F5 FC 01 00 00 00 00",
                [
                    "extension marker FB",
                    "reactive power, in var",
                    "multiplicative correction factor 0.1",
                    "extension of combinable codes",
                    "at phase L1",
                ],
            ),
            ("04 FF 01 02 00 00 00", ["manufacturer specific", "manufacturer specific"]),
            ("04 93 7B 00 00 00 00", ["volume, in 0.001 m³", "additive correction constant 1"]),
            ("04 93 22 00 00 00 00", ["volume, in 0.001 m³", "per time /h"]),
            ("04 93 15 00 00 00 00", ["volume, in 0.001 m³", "no data available (undefined value)"]),
        ],
    )
    def test_vif_chain(self, record: str, meanings: list[str]) -> None:
        explanation = explain(record, "records")
        chain = [span for span in explanation.leaves if re.match("vife?s?", span.name)]
        assert [span.meaning for span in chain] == meanings
        assert all(span.source for span in chain if span.meaning != "manufacturer specific")

    def test_direction_decides_about_low_vifes(self) -> None:
        to_meter = explain("68 0A 0A 68 53 01 51 0C 86 01 10 00 00 00 48 16")
        assert by_path(to_meter, "user_data.records[0].vib.vifes[0]").meaning == "add value"
        from_meter = explain("0C 86 01 10 00 00 00", "records")
        assert by_path(from_meter, "[0].vib.vifes[0]").meaning == "too many DIFEs"

    @pytest.mark.parametrize(
        ("record", "meaning"),
        [
            ("04 6D 32 37 1F 15", "type F, date and time: 2008-05-31 23:50"),
            ("42 6C BF 1C", "type G, date: 2013-12-31"),
            ("06 6D 00 00 09 14 27 00", "type I, date and time: 2016-07-20 09:00"),
            ("03 6D 3B 30 0B", "type J, time: 11:48:59"),
        ],
    )
    def test_dates(self, record: str, meaning: str) -> None:
        data = by_path(explain(record, "records"), "[0].data")
        assert data.meaning == meaning
        assert data.bits

    def test_scattered_bits_name_the_whole(self) -> None:
        data = by_path(explain("42 6C BF 1C", "records"), "[0].data")
        year = [
            (bits.place, bits.digits, bits.value, bits.meaning) for bits in data.bits if bits.name == "year"
        ]
        assert year == [("15..12", "0001", 13, "bits 6..3 of 13"), ("7..5", "101", 13, "bits 2..0 of 13")]

    def test_plain_text(self) -> None:
        explanation = explain("02 FC 03 48 52 25 74 34 12", "records")
        assert by_path(explanation, "[0]").meaning == "record 0: plain text, 46.60 %RH"
        assert by_path(explanation, "[0].vib.text").meaning == "'%RH', last character first"

    def test_special_functions(self) -> None:
        explanation = explain("2F 1F AA BB", "records")
        assert [(span.label, span.meaning) for span in explanation.leaves] == [
            ("DIF", "idle filler"),
            ("DIF", "manufacturer specific data to the end, more records follow"),
            ("manufacturer data", "the manufacturer's own"),
        ]

    def test_fixed_data(self) -> None:
        explanation = explain("68 13 13 68 08 05 73 78 56 34 12 0A 00 E9 7E 01 00 00 00 35 01 00 00 3C 16")
        assert by_path(explanation, "user_data.counter_1").meaning == "record 0: volume, 0.001 m³"
        assert by_path(explanation, "user_data.medium_and_units").bits

    def test_most_significant_octet_first(self) -> None:
        explanation = explain(next(frame for frame in FRAMES if frame[6:7] == b"\x76"))
        assert_covered(explanation)
        assert by_path(explanation, "user_data.header.identification_number").value_text == "12345678"

    def test_secondary_address_turned_round(self) -> None:
        octets = "11 22 33 44 40 24 01 07 55 00 00 00 07 79 07 01 40 24 12 34 56 78"
        explanation = explain("76" + octets, "ci_field")
        assert_covered(explanation)
        parts = [span for span in explanation.leaves if ".data." in span.path]
        assert [(span.name, span.value_text) for span in parts] == [
            ("device_type", "07h"),
            ("version", "1"),
            ("manufacturer", "PAD"),
            ("identification_number", "12345678"),
        ]

    def test_text_of_a_meter_is_made_visible(self) -> None:
        explanation = explain("0D 78 04 1B 5B 32 4A", "records")
        value = by_path(explanation, "[0].data.value")
        assert value.value_text == "J2[\\x1b"


class TestText:
    @pytest.mark.parametrize("width", [60, 80, 120, 200])
    @pytest.mark.parametrize("octets", FRAMES, ids=lambda octets: octets.hex()[:40])
    def test_lines_fit(self, octets: bytes, width: int) -> None:
        lines = list(to_lines(explain(octets), width=width))
        assert lines
        assert max(map(len, lines)) <= width
        assert not re.search(r"[\x00-\x1f\x7f-\x9f]", "".join(lines))

    def test_columns(self) -> None:
        lines = list(to_lines(explain(RESPONSE), width=120))
        assert lines[0].split() == ["0", "frame:", "RSP_UD", "from", "address", "2"]
        (line,) = [line for line in lines if line.startswith("  21 15 31 00")]
        assert line.split("  ")[-1].strip() == "MBDOC48 8.2"
        assert "12565  type B, signed integer: 12.565 m³" in line

    def test_every_octet_and_every_fault_is_shown(self) -> None:
        damaged = RESPONSE[:-3]
        text = "\n".join(to_lines(explain(damaged), width=160))
        shown = re.findall(r"^ *\d+((?: [0-9A-F]{2})+)", text, re.MULTILINE)
        assert bytes.fromhex("".join(shown)) == damaged
        assert "✗ the frame has 34 of 37 octets" in text

    def test_colour(self) -> None:
        assert "\x1b[" in "".join(to_lines(explain(RESPONSE), colour=True))
        assert "\x1b[" not in "".join(to_lines(explain(RESPONSE), colour=False))

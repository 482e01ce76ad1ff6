"""The layers between link and transport layer: ELL I to IV and AFL, in every combination, both ways."""

from __future__ import annotations

from typing import Any

import pytest

from helpers import assert_both_ways, build_error, long_frame, plain
from mbus_grammars import ApplicationLayer, Frame
from mbus_grammars.crc import crc
from mbus_grammars.layers import FragmentationControl, MessageControl, SessionNumber
from mbus_grammars.wireless import WirelessFrame

RECORD_OCTETS = "02 13 39 30"
RECORD: dict[str, Any] = {
    "dib": {"function": 0, "data_field": 2, "storage_number": 0, "tariff": 0, "subunit": 0, "dife_count": 0},
    "vib": {"vif": 0x13, "vifes": []},
    "data": 12345,
}
NEXT: dict[str, Any] = {"ci_field": 0x78, "user_data": {"records": [RECORD]}}
NEXT_OCTETS = "78 " + RECORD_OCTETS

CONTROL: dict[str, Any] = {
    "extended_delay": False,
    "repeated_access": False,
    "accessibility": False,
    "priority": False,
    "hop_counter": False,
    "synchronous": False,
    "response_delay": False,
    "bidirectional": False,
}
BITS_OF_CONTROL = [
    (0x01, "extended_delay"),
    (0x02, "repeated_access"),
    (0x04, "accessibility"),
    (0x08, "priority"),
    (0x10, "hop_counter"),
    (0x20, "synchronous"),
    (0x40, "response_delay"),
    (0x80, "bidirectional"),
]
RECEIVER_OCTETS = "24 40 78 56 34 12 01 07"
RECEIVER: dict[str, Any] = {
    "manufacturer": "PAD",
    "identification_number": "12345678",
    "version": 1,
    "device_type": 7,
}


def assert_application_layer(octets: str | bytes, value: dict[str, Any]) -> None:
    """Both ways from the CI field on, in a wired frame, and in a CRC-less telegram."""
    sent = bytes.fromhex(octets) if isinstance(octets, str) else octets
    assert_both_ways(ApplicationLayer, sent, value)
    assert plain(Frame.parse(long_frame(sent[1:], sent[0]))["user_data"]) == value["user_data"]
    telegram = wireless(sent)
    parsed = WirelessFrame.parse(telegram)
    assert plain(parsed.user_data) == value["user_data"]
    assert WirelessFrame.build(parsed) == WirelessFrame.build(plain(parsed)) == telegram


def wireless(application_layer: bytes) -> bytes:
    """A CRC-less telegram, put together without the grammars."""
    octets = bytes.fromhex("44 24 40 78 56 34 12 01 07") + application_layer
    return bytes([len(octets)]) + octets


def malformed(octets: str) -> dict[str, Any]:
    """What was kept of user data that could not be read; it builds back."""
    sent = bytes.fromhex(octets)
    parsed = ApplicationLayer.parse(sent)
    assert ApplicationLayer.build(parsed) == ApplicationLayer.build(plain(parsed)) == sent
    fault: dict[str, Any] = plain(parsed.user_data)
    assert fault["malformed"] == sent[1:]
    return fault


# --- ELL -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("octet", "name"), BITS_OF_CONTROL)
def test_communication_control(octet: int, name: str) -> None:
    value = {"communication_control": {**CONTROL, name: True}, "access_number": 0x75, **NEXT}
    assert_application_layer(f"8C {octet:02X} 75 {NEXT_OCTETS}", {"ci_field": 0x8C, "user_data": value})


def session(octets: str, behind: str) -> str:
    """Session number and payload CRC in front of what it covers."""
    return f"{octets} {crc(bytes.fromhex(behind)).to_bytes(2, 'little').hex()} {behind}"


SESSIONS = [
    ("00 00 00 00", {"session": 0, "time": 0, "encryption": 0}),
    ("0F 00 00 00", {"session": 15, "time": 0, "encryption": 0}),
    ("A0 3A 10 00", {"session": 0, "time": 66474, "encryption": 0}),
    ("FF FF FF 1F", {"session": 15, "time": (1 << 25) - 1, "encryption": 0}),
    # Encryption is announced, but the payload CRC says that the octets are plain.
    ("60 3A 10 20", {"session": 0, "time": 66470, "encryption": 1}),
    ("00 00 00 E0", {"session": 0, "time": 0, "encryption": 7}),
]


@pytest.mark.parametrize(("ci_field", "receiver"), [(0x8D, ""), (0x8F, RECEIVER_OCTETS)])
class TestSession:
    @pytest.mark.parametrize(("octets", "numbers"), SESSIONS)
    def test_plain(self, ci_field: int, receiver: str, octets: str, numbers: dict[str, Any]) -> None:
        covered = bytes.fromhex(NEXT_OCTETS)
        value = {
            "communication_control": CONTROL,
            "access_number": 0x75,
            **({"receiver": RECEIVER} if receiver else {}),
            "session_number": numbers,
            "payload_crc": crc(covered),
            **NEXT,
        }
        sent = f"{ci_field:02X} 00 75 {receiver} {session(octets, NEXT_OCTETS)}"
        assert_application_layer(sent, {"ci_field": ci_field, "user_data": value})

    @pytest.mark.parametrize("hidden", ["01", "01 02", "01 02 03", "08 C6 7C 81 9A AE 99 B4 DE 75 3A A1"])
    def test_hidden(self, ci_field: int, receiver: str, hidden: str) -> None:
        """Then neither payload CRC nor the next layer can be read, and none of them is there."""
        value = {
            "communication_control": CONTROL,
            "access_number": 0x75,
            **({"receiver": RECEIVER} if receiver else {}),
            "session_number": {"session": 0, "time": 66470, "encryption": 1},
            "encrypted": bytes.fromhex(hidden),
        }
        sent = f"{ci_field:02X} 00 75 {receiver} 60 3A 10 20 {hidden}"
        assert_application_layer(sent, {"ci_field": ci_field, "user_data": value})

    def test_wrong_payload_crc(self, ci_field: int, receiver: str) -> None:
        """Without encryption it is a fault."""
        start = bytes.fromhex(f"{ci_field:02X} 00 75 {receiver} 60 3A 10 00")
        good = bytes.fromhex(session("", NEXT_OCTETS))
        for position in range(len(good)):
            for bit in range(8):
                changed = bytearray(good)
                changed[position] ^= 1 << bit
                fault = malformed((start + changed).hex())
                assert fault["code"] == "payload_crc"
                assert fault["offset"] == len(start)
                assert "payload CRC" in fault["reason"]

    def test_payload_crc_is_derived(self, ci_field: int, receiver: str) -> None:
        value: dict[str, Any] = {
            "communication_control": 0,
            "access_number": 0x75,
            "session_number": {},
            "payload_crc": 0xFFFF,
            **NEXT,
        }
        if receiver:
            value["receiver"] = RECEIVER
        sent = bytes.fromhex(f"{ci_field:02X} 00 75 {receiver} {session('00 00 00 00', NEXT_OCTETS)}")
        assert ApplicationLayer.build({"ci_field": ci_field, "user_data": value}) == sent
        del value["payload_crc"]
        assert ApplicationLayer.build({"ci_field": ci_field, "user_data": value}) == sent

    def test_no_octets_behind_the_session_number(self, ci_field: int, receiver: str) -> None:
        for octets in ("00 00 00 00", "00 00 00 20", "00 00 00 00 01"):
            assert malformed(f"{ci_field:02X} 00 75 {receiver} {octets}")["code"] == "truncated"


def test_ell_without_next_layer() -> None:
    assert malformed("8C 00 75")["code"] == "truncated"


@pytest.mark.parametrize("following", [0x81, 0x86, 0xA0, 0xB7, 0xFF])
def test_ell_in_front_of_raw_payloads(following: int) -> None:
    value = {
        "communication_control": CONTROL,
        "access_number": 0x75,
        "ci_field": following,
        "user_data": {"payload": b"\x01\x02"},
    }
    assert_application_layer(f"8C 00 75 {following:02X} 01 02", {"ci_field": 0x8C, "user_data": value})


def test_ell_within_ell_and_afl_within_afl_are_raw() -> None:
    """No layer stands twice, so that a telegram cannot be nested without end."""
    for outer, inner in (
        ("8C 00 75", 0x8C),
        ("8C 00 75", 0x8F),
        ("90 02 00 00", 0x90),
        ("90 02 00 00", 0x8D),
    ):
        sent = bytes.fromhex(outer) + bytes([inner]) + b"\x01\x02"
        parsed = ApplicationLayer.parse(sent)
        assert parsed.user_data.user_data.payload == b"\x01\x02"
        assert ApplicationLayer.build(parsed) == ApplicationLayer.build(plain(parsed)) == sent


# --- AFL -----------------------------------------------------------------------------------------

FRAGMENTATION: dict[str, Any] = {
    "fragment_id": 0,
    "reserved": 0,
    "key_information_present": False,
    "mac_present": False,
    "message_counter_present": False,
    "message_length_present": False,
    "message_control_present": False,
    "more_fragments": False,
}
MAC = bytes(range(0xA0, 0xB0))


def fragmentation(*names: str, **numbers: int) -> dict[str, Any]:
    return {**FRAGMENTATION, **dict.fromkeys(names, True), **numbers}


MESSAGE_CONTROL: dict[str, Any] = {
    "authentication_type": 5,
    "key_information": False,
    "message_counter": False,
    "message_length": False,
    "reserved": 0,
}


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        ("02 00 00", {"length": 2, "fragmentation_control": FRAGMENTATION}),
        (
            "03 00 20 00",
            {
                "length": 3,
                "fragmentation_control": fragmentation("message_control_present"),
                "message_control": {**MESSAGE_CONTROL, "authentication_type": 0},
            },
        ),
        (
            "04 00 02 15 0A",
            {
                "length": 4,
                "fragmentation_control": fragmentation("key_information_present"),
                "key_information": {"key_id": 5, "key_derivation": 1, "reserved": 0, "key_version": 10},
            },
        ),
        (
            "06 00 08 B3 0A 00 00",
            {
                "length": 6,
                "fragmentation_control": fragmentation("message_counter_present"),
                "message_counter": 2739,
            },
        ),
        (
            "04 00 10 2C 01",
            {
                "length": 4,
                "fragmentation_control": fragmentation("message_length_present"),
                "message_length": 300,
            },
        ),
        (
            "0F 00 2C 25 B3 0A 00 00 A0 A1 A2 A3 A4 A5 A6 A7",
            {
                "length": 15,
                "fragmentation_control": fragmentation(
                    "message_control_present", "message_counter_present", "mac_present"
                ),
                "message_control": {**MESSAGE_CONTROL, "message_counter": True},
                "message_counter": 2739,
                "mac": MAC[:8],
            },
        ),
        (
            "0F 00 3E 74 15 0A B3 0A 00 00 A0 A1 A2 A3 05 00",
            {
                "length": 15,
                "fragmentation_control": fragmentation(
                    "message_control_present",
                    "key_information_present",
                    "message_counter_present",
                    "message_length_present",
                    "mac_present",
                ),
                "message_control": {
                    "authentication_type": 4,
                    "key_information": True,
                    "message_counter": True,
                    "message_length": True,
                    "reserved": 0,
                },
                "key_information": {"key_id": 5, "key_derivation": 1, "reserved": 0, "key_version": 10},
                "message_counter": 2739,
                "mac": MAC[:4],
                "message_length": 5,
            },
        ),
        ("02 00 81", {"length": 2, "fragmentation_control": fragmentation(reserved=3)}),
    ],
)
def test_afl_of_a_whole_message(octets: str, value: dict[str, Any]) -> None:
    assert_application_layer(f"90 {octets} {NEXT_OCTETS}", {"ci_field": 0x90, "user_data": {**value, **NEXT}})
    derived = {**value, **NEXT}
    del derived["length"]
    built = ApplicationLayer.build({"ci_field": 0x90, "user_data": derived})
    assert built == bytes.fromhex(f"90 {octets} {NEXT_OCTETS}")


@pytest.mark.parametrize(
    ("octets", "control", "rest"),
    [
        ("01 40", fragmentation("more_fragments", fragment_id=1), "7A 2A 00 20 05"),
        ("02 40", fragmentation("more_fragments", fragment_id=2), "01 02 03"),
        ("03 00", fragmentation(fragment_id=3), "04"),
        ("FF 00", fragmentation(fragment_id=255), ""),
        ("00 40", fragmentation("more_fragments"), "78"),  # no number, but more to come
    ],
)
def test_fragments(octets: str, control: dict[str, Any], rest: str) -> None:
    """A part of a message is not read: it is no whole layer."""
    value = {"length": 2, "fragmentation_control": control, "fragment": bytes.fromhex(rest)}
    assert_application_layer(f"90 02 {octets} {rest}", {"ci_field": 0x90, "user_data": value})


def test_last_fragment_with_a_mac_whose_length_only_the_afl_tells() -> None:
    value = {
        "length": 14,
        "fragmentation_control": fragmentation("mac_present", fragment_id=2),
        "mac": MAC[:12],
        "fragment": b"\x01\x02",
    }
    octets = bytes.fromhex("90 0E 02 04") + MAC[:12] + b"\x01\x02"
    assert_application_layer(octets, {"ci_field": 0x90, "user_data": value})


@pytest.mark.parametrize(
    ("authentication_type", "length"),
    [(0, 0), (3, 2), (4, 4), (5, 8), (6, 12), (7, 16), (8, 12), (9, 16), (1, 5), (15, 3)],
)
def test_mac_by_authentication_type(authentication_type: int, length: int) -> None:
    """Reserved types have the octets that the length leaves."""
    octets = bytes([0x90, 3 + length, 0x00, 0x24, authentication_type]) + MAC[:length]
    value = {
        "length": 3 + length,
        "fragmentation_control": fragmentation("message_control_present", "mac_present"),
        "message_control": {**MESSAGE_CONTROL, "authentication_type": authentication_type},
        "mac": MAC[:length],
        **NEXT,
    }
    value = {"ci_field": 0x90, "user_data": value}
    assert_application_layer(octets + bytes.fromhex(NEXT_OCTETS), value)


@pytest.mark.parametrize(
    "octets",
    [
        "01 00 00",
        "00 00 00",
        "03 00 00",
        "FF 00 00",
        "05 00 08 B3 0A 00 00",
        "07 00 08 B3 0A 00 00",
        "0E 00 2C 25 B3 0A 00 00 A0 A1 A2 A3 A4 A5 A6 A7",
        "10 00 2C 25 B3 0A 00 00 A0 A1 A2 A3 A4 A5 A6 A7",
        "02 00 2C 25 B3 0A 00 00 A0 A1 A2 A3 A4 A5 A6 A7",  # less than nothing is left for the MAC
        "01 02 04 A0",
    ],
)
def test_wrong_length(octets: str) -> None:
    fault = malformed(f"90 {octets} {NEXT_OCTETS}")
    assert fault["code"] == "length"
    assert fault["offset"] >= 1


def test_whole_afl_cut_at_every_octet() -> None:
    sent = bytes.fromhex(f"90 0F 00 3E 74 15 0A B3 0A 00 00 A0 A1 A2 A3 05 00 {NEXT_OCTETS}")
    for end in range(1, 18):
        assert malformed(sent[:end].hex())["code"] == "truncated"


def test_numbers_of_bits() -> None:
    """Both ends of every field, by the standard's bit numbers."""
    assert FragmentationControl.pack({"message_control_present": True}) == 1 << 13
    assert FragmentationControl.pack({"message_length_present": True}) == 1 << 12
    assert FragmentationControl.pack({"message_counter_present": True}) == 1 << 11
    assert FragmentationControl.pack({"mac_present": True}) == 1 << 10
    assert FragmentationControl.pack({"key_information_present": True}) == 1 << 9
    assert FragmentationControl.pack({"more_fragments": True}) == 1 << 14
    assert MessageControl.pack({"key_information": True}) == 1 << 4
    assert MessageControl.pack({"message_counter": True}) == 1 << 5
    assert MessageControl.pack({"message_length": True}) == 1 << 6
    assert SessionNumber.pack({"encryption": "AES-128-CTR", "time": 66470}) == 0x20103A60


# --- Values that cannot be built -----------------------------------------------------------------

_ELL: dict[str, Any] = {"communication_control": 0, "access_number": 0x75}
_AFL_MAC: dict[str, Any] = {"fragmentation_control": 0x2400, "message_control": 5}


@pytest.mark.parametrize(
    ("ci_field", "user_data", "field"),
    [
        (0x8C, NEXT, "user_data.communication_control"),
        (0x8C, {**_ELL, "access_number": 256, **NEXT}, "user_data.access_number"),
        (0x8C, _ELL, "user_data.ci_field"),
        (0x8C, {**_ELL, **NEXT, "receiver": RECEIVER}, "user_data.receiver"),
        (0x8C, {**_ELL, **NEXT, "session_number": 0}, "user_data.session_number"),
        (0x8C, {**_ELL, "ci_field": 0x78, "user_data": {"record": []}}, "user_data.user_data.record"),
        (0x8D, {**_ELL, **NEXT}, "user_data.session_number"),
        (0x8D, {**_ELL, "session_number": {"time": 1 << 25}, **NEXT}, "user_data.session_number.time"),
        (0x8D, {**_ELL, "session_number": 0, "encrypted": b"\x01"}, "user_data.encrypted"),
        (0x8D, {**_ELL, "session_number": 1 << 29, "encrypted": b"\x01", **NEXT}, "user_data.ci_field"),
        (0x8E, {**_ELL, **NEXT}, "user_data.receiver"),
        (
            0x8E,
            {**_ELL, "receiver": {**RECEIVER, "manufacturer": "pad"}, **NEXT},
            "user_data.receiver.manufacturer",
        ),
        (0x90, NEXT, "user_data.fragmentation_control"),
        (0x90, {"fragmentation_control": 0}, "user_data.ci_field"),
        (0x90, {"fragmentation_control": 1, **NEXT}, "user_data.ci_field"),
        (0x90, {"fragmentation_control": 0, "fragment": b"\x01", **NEXT}, "user_data.fragment"),
        (0x90, {"fragmentation_control": 0, "mac": b"", **NEXT}, "user_data.mac"),
        (0x90, {**_AFL_MAC, **NEXT}, "user_data.mac"),
        (0x90, {**_AFL_MAC, "mac": MAC[:7], **NEXT}, "user_data.mac"),
        (0x90, {**_AFL_MAC, "mac": MAC, **NEXT}, "user_data.mac"),
        (0x90, {"fragmentation_control": 0x2400, "mac": MAC, **NEXT}, "user_data.message_control"),
        (
            0x90,
            {"fragmentation_control": 0x1000, "message_length": 65536, **NEXT},
            "user_data.message_length",
        ),
        (0x90, {"fragmentation_control": 0x0400, "mac": bytes(254), **NEXT}, "user_data.mac"),
    ],
)
def test_values_that_contradict_each_other(ci_field: int, user_data: Any, field: str) -> None:
    assert build_error(ApplicationLayer, {"ci_field": ci_field, "user_data": user_data}).field == field


# --- Examples of the standard --------------------------------------------------------------------


def example(octets: str) -> tuple[Any, dict[str, Any]]:
    """A telegram that is built back octet for octet, and its value."""
    sent = bytes.fromhex(octets)
    grammar = Frame if sent[0] == 0x68 else WirelessFrame
    parsed = grammar.parse(sent)
    assert grammar.build(parsed) == sent
    assert grammar.build(plain(parsed)) == sent
    return parsed, plain(parsed)


def test_e66_mode_5_behind_ell_1_partly_encrypted() -> None:
    parsed, value = example(
        "30 44 93 44 44 33 22 11 55 37 8C 00 75 72 88 77 66 55 93 44 55 08 00 04 10 05 00 DF E2 A7 82 14"
        "6D 15 13 58 1C D2 F8 3F 39 04 0C FD 10 78 56 34 12"
    )
    assert (parsed.manufacturer, parsed.identification_number, parsed.version) == ("QDS", "11223344", 0x55)
    assert parsed.ci_field == 0x8C
    assert value["user_data"]["communication_control"] == CONTROL
    assert value["user_data"]["access_number"] == 0x75
    header = parsed.user_data.user_data.header
    assert (header.manufacturer, header.identification_number, header.device_type) == ("QDS", "55667788", 8)
    assert (header.configuration_field.security_mode, header.configuration_field.encrypted_blocks) == (5, 1)
    inner = parsed.user_data.user_data
    assert inner.encrypted == bytes.fromhex("00 DF E2 A7 82 14 6D 15 13 58 1C D2 F8 3F 39 04")
    assert [record.data for record in inner.records] == [12345678]


def test_e66_decrypted() -> None:
    parsed, _ = example(
        "30 44 93 44 44 33 22 11 55 37 8C 00 75 72 88 77 66 55 93 44 55 08 00 04 10 05 2F 2F 0B 6E 34 12"
        "00 42 6C FE 04 4B 6E 56 34 02 0C FD 10 78 56 34 12"
    )
    inner = parsed.user_data.user_data
    assert inner.encrypted == b""
    assert [record.get("data") for record in inner.records][2::2] == [1234, 23456]
    assert inner.records[-1].data == 12345678


def test_e67_mode_5_on_wires() -> None:
    parsed, _ = example(
        "68 2C 2C 68 08 FD 72 88 77 66 55 93 44 55 08 00 04 10 05 00 DF E2 A7 82 14 6D 15 13 58 1C D2 F8"
        "3F 39 04 0C FD 10 78 56 34 12 0C 78 44 33 22 11 26 16"
    )
    assert parsed.user_data.encrypted == bytes.fromhex("00 DF E2 A7 82 14 6D 15 13 58 1C D2 F8 3F 39 04")
    assert [record.data for record in parsed.user_data.records] == [12345678, 11223344]


E68 = (
    "53 08 24 48 44 33 22 11 03 37 8E 80 75 3A 63 66 55 44 33 0A 31 90 0F 00 2C 25 B3 0A 00 00 AF 5D 74 DF"
    "73 A6 00 D9 72 78 56 34 12 93 15 33 03 75 00 20 07 10"
)
E68_HIDDEN = "90 58 47 5F 4B C9 1D F8 78 B8 0A 1B 0F 98 B6 29 02 4A AC 72 79 42 BF C5 49 23 3C 01 40 82 9B 93"
E68_PLAIN = "2F 2F 0C 14 27 04 85 02 04 6D 32 37 1F 15 02 FD 17 00 00 2F 2F 2F 2F 2F 2F 2F 2F 2F 2F 2F 2F 2F"


def test_e68_mode_7_behind_afl_behind_ell_3() -> None:
    parsed, value = example(E68 + E68_HIDDEN)
    assert value["user_data"]["communication_control"] == {**CONTROL, "bidirectional": True}
    assert value["user_data"]["receiver"] == {
        "manufacturer": "XYZ",
        "identification_number": "33445566",
        "version": 10,
        "device_type": 0x31,
    }
    afl = value["user_data"]["user_data"]
    assert afl["length"] == 15
    assert afl["fragmentation_control"] == fragmentation(
        "message_control_present", "message_counter_present", "mac_present"
    )
    assert afl["message_control"] == {**MESSAGE_CONTROL, "message_counter": True}
    assert afl["message_counter"] == 2739
    assert afl["mac"] == bytes.fromhex("AF 5D 74 DF 73 A6 00 D9")
    transport = parsed.user_data.user_data.user_data
    assert transport.header.configuration_field.counter_present is False
    assert transport.security.configuration_field_extension.key_derivation.name == "KDF-A"
    assert transport.security.keys() == {"configuration_field_extension"}
    assert transport.encrypted == bytes.fromhex(E68_HIDDEN)
    assert transport.records == []


def test_e68_decrypted() -> None:
    parsed, _ = example(E68 + E68_PLAIN)
    transport = parsed.user_data.user_data.user_data
    assert transport.encrypted == b""
    assert [record.data for record in transport.records if "data" in record][::2] == [2850427, 0]


E69 = "35 44 2D 2C 11 31 34 27 33 02 8D 20 E9 60 3A 10 20"
E69_HIDDEN = (
    "08 C6 7C 81 9A AE 99 B4 DE 75 3A A1 36 EF 64 91 7E D9 D8 B2 E2 D3 58 40 BD EA 17 3B 8F E1 4C CE"
    "3F 14 06 B7 CF"
)
E69_PLAIN = (
    "E8 21 78 04 05 00 00 00 00 04 FB 82 75 CF 0C 00 00 04 85 3C CC 0F 00 00 04 FB 82 F5 3C 09 00 00"
    "00 01 FD 17 00"
)


def test_e69_ell_2_with_aes_ctr() -> None:
    parsed, value = example(E69 + E69_HIDDEN)
    assert value["user_data"] == {
        "communication_control": {**CONTROL, "synchronous": True},
        "access_number": 0xE9,
        "session_number": {"session": 0, "time": 66470, "encryption": 1},
        "encrypted": bytes.fromhex(E69_HIDDEN),
    }
    assert parsed.user_data.session_number.encryption.name == "AES-128-CTR"


def test_e69_decrypted() -> None:
    parsed, _ = example(E69 + E69_PLAIN)
    assert "encrypted" not in parsed.user_data
    assert parsed.user_data.payload_crc == 0x21E8
    assert [record.data for record in parsed.user_data.user_data.records] == [0, 3279, 4044, 9, 0]


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        ("69 08 31 3B 02 02 02 15 02 2A", {"length": 8, "format_signature": 0x3B31}),
        ("79 31 3B 42 A6 D2 04 2E 16 34 23", {"format_signature": 0x3B31, "full_frame_crc": 0xA642}),
    ],
)
def test_e70_compact_frames(octets: str, value: dict[str, Any]) -> None:
    sent = bytes.fromhex(octets)
    payload = sent[4:] if sent[0] == 0x69 else sent[5:]
    assert_application_layer(sent, {"ci_field": sent[0], "user_data": {**value, "payload": payload}})


def test_e70_full_frame() -> None:
    sent = bytes.fromhex("78 02 02 D2 04 02 15 2E 16 02 2A 34 23")
    parsed = ApplicationLayer.parse(sent)
    assert [record.data for record in parsed.user_data.records] == [1234, 5678, 9012]
    assert ApplicationLayer.build(plain(parsed)) == sent

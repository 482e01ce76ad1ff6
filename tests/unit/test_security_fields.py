"""What the security mode adds to the header, and what it hides: modes 5, 7, 13, records and other data."""

from __future__ import annotations

from typing import Any

import pytest

from helpers import assert_both_ways, build_error, plain
from mbus_grammars import ApplicationLayer, Frame
from mbus_grammars.security import ConfigurationField
from mbus_grammars.wireless import WirelessFrame
from vectors import FRAMES

LINK = "44 24 40 78 56 34 12 01 07"
SHORT = "2A 00"
CIPHER = bytes(range(0x80, 0xA0))  # two blocks
PLAIN = bytes.fromhex("0C 78 44 33 22 11")
RECORD: dict[str, Any] = {
    "dib": {
        "function": 0,
        "data_field": 12,
        "storage_number": 0,
        "tariff": 0,
        "subunit": 0,
        "dife_count": 0,
    },
    "vib": {"vif": 0x78, "vifes": []},
    "data": 11223344,
}
FILLER: dict[str, Any] = {"dif": 0x2F}
EXTENSION: dict[str, Any] = {"key_id": 2, "key_derivation": 1, "version_present": False, "reserved": 0}
WITH_VERSION: dict[str, Any] = {**EXTENSION, "version_present": True}
PROTOCOL: dict[str, Any] = {"protocol_type": 4, "reserved": 0}


def wireless_frame(ci_field: int, configuration_field: int, body: bytes) -> bytes:
    """A CRC-less telegram with a short header, put together without the grammars."""
    header = bytes.fromhex(SHORT) + configuration_field.to_bytes(2, "little")
    octets = bytes.fromhex(LINK) + bytes([ci_field]) + header + body
    return bytes([len(octets)]) + octets


def user_data_of(octets: bytes) -> dict[str, Any]:
    """The user data of a telegram that is built back to the same octets, without its header."""
    parsed = WirelessFrame.parse(octets)
    assert WirelessFrame.build(parsed) == octets
    assert WirelessFrame.build(plain(parsed)) == octets
    value: dict[str, Any] = plain(parsed.user_data)
    header = value.pop("header", {"access_number": None})
    assert header["access_number"] in (0x2A, None)
    return value


# --- Configuration field -------------------------------------------------------------------------


@pytest.mark.parametrize("mode", range(32))
@pytest.mark.parametrize("rest", [0x0000, 0xE0FF, 0xA05A, 0x400C])
def test_configuration_field_both_ways(mode: int, rest: int) -> None:
    number = mode << 8 | rest
    fields = ConfigurationField.unpack(number)
    assert fields["security_mode"] == mode
    assert ConfigurationField.pack(plain(fields)) == ConfigurationField.pack(fields) == number
    assert ConfigurationField.parse(number.to_bytes(2, "little")) == fields


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        (
            "20 25",
            {
                "hop_counter": False,
                "repeated_access": False,
                "content": 0,
                "encrypted_blocks": 2,
                "security_mode": 5,
                "synchronous": True,
                "accessibility": False,
                "bidirectional": False,
            },
        ),
        (
            "2A A7",
            {
                "content_index": 10,
                "encrypted_blocks": 2,
                "security_mode": 7,
                "counter_present": True,
                "content": 2,
            },
        ),
        ("21 4D", {"encrypted_octets": 33, "security_mode": 13, "reserved": 0, "content": 1}),
    ],
)
def test_bits_by_mode(octets: str, value: dict[str, Any]) -> None:
    assert_both_ways(ConfigurationField, bytes.fromhex(octets), value)


def test_bits_of_another_mode_are_refused() -> None:
    header: dict[str, Any] = {"configuration_field": {"security_mode": "none"}}
    value: dict[str, Any] = {"ci_field": 0x7A, "user_data": {"header": header}}
    assert build_error(ApplicationLayer, value).field == "user_data.header.configuration_field.security_mode"
    for mode, name in ((7, "content_index"), (13, "encrypted_octets")):
        value["user_data"] = {"header": {"configuration_field": {"security_mode": mode, name: 256}}}
        error = build_error(ApplicationLayer, value)
        assert error.field == f"user_data.header.configuration_field.{name}"


# --- Records -------------------------------------------------------------------------------------


BY_RADIO: list[tuple[int, bytes, dict[str, Any]]] = [
    (0x0520, CIPHER + PLAIN, {"encrypted": CIPHER, "records": [RECORD]}),
    (0x0510, CIPHER[:16] + PLAIN, {"encrypted": CIPHER[:16], "records": [RECORD]}),
    (0x0520, b"\x2f\x2f" + PLAIN, {"encrypted": b"", "records": [FILLER, FILLER, RECORD]}),
    (0x0500, PLAIN, {"encrypted": b"", "records": [RECORD]}),  # no block is encrypted
    (0x2500, b"", {"encrypted": b"", "records": []}),
    (0x0000, PLAIN, {"encrypted": b"", "records": [RECORD]}),
    (
        0x0720,
        b"\x12" + CIPHER + PLAIN,
        {
            "security": {"configuration_field_extension": EXTENSION},
            "encrypted": CIPHER,
            "records": [RECORD],
        },
    ),
    (
        0x2720,
        b"\x12\x01\x02\x03\x04" + CIPHER,
        {
            "security": {"configuration_field_extension": EXTENSION, "message_counter": 0x04030201},
            "encrypted": CIPHER,
            "records": [],
        },
    ),
    (
        0x0720,
        b"\x52\x09" + CIPHER,
        {
            "security": {"configuration_field_extension": WITH_VERSION, "key_version": 9},
            "encrypted": CIPHER,
            "records": [],
        },
    ),
    (
        0x2710,
        b"\x52\xff\xff\xff\xff\x09" + CIPHER[:16],
        {
            "security": {
                "configuration_field_extension": WITH_VERSION,
                "message_counter": 0xFFFFFFFF,
                "key_version": 9,
            },
            "encrypted": CIPHER[:16],
            "records": [],
        },
    ),
    (
        0x2720,
        b"\x12\x01\x00\x00\x00\x2f\x2f" + PLAIN,
        {
            "security": {"configuration_field_extension": EXTENSION, "message_counter": 1},
            "encrypted": b"",
            "records": [FILLER, FILLER, RECORD],
        },
    ),
    (
        0x0700,
        b"\x12" + PLAIN,
        {
            "security": {"configuration_field_extension": EXTENSION},
            "encrypted": b"",
            "records": [RECORD],
        },
    ),
    (
        0x0D06,
        b"\x04" + CIPHER,
        {
            "security": {"configuration_field_extension": PROTOCOL},
            "encrypted": CIPHER,  # whatever stands there besides the encrypted octets
            "records": [],
        },
    ),
    (0x0120, CIPHER, {"encrypted": CIPHER, "records": []}),
    (0x0820, CIPHER + PLAIN, {"encrypted": CIPHER + PLAIN, "records": []}),
    (0x1600, PLAIN, {"encrypted": PLAIN, "records": []}),  # reserved modes hide something too
]


@pytest.mark.parametrize(("configuration_field", "body", "value"), BY_RADIO)
def test_records_by_radio(configuration_field: int, body: bytes, value: dict[str, Any]) -> None:
    assert user_data_of(wireless_frame(0x7A, configuration_field, body)) == value


@pytest.mark.parametrize(
    ("configuration_field", "body", "code"),
    [
        (0x0530, CIPHER, "encrypted_blocks"),
        (0x05F0, b"\x01", "encrypted_blocks"),
        (0x0710, b"\x00" + CIPHER[:15], "encrypted_blocks"),
        (0x2720, b"\x00\x01\x02", "truncated"),
        (0x0720, b"\x40", "truncated"),
        (0x0720, b"", "truncated"),
        (0x0D20, b"", "truncated"),
    ],
)
def test_too_few_octets_by_radio(configuration_field: int, body: bytes, code: str) -> None:
    octets = wireless_frame(0x7A, configuration_field, body)
    fault = WirelessFrame.parse(octets).user_data
    assert fault["code"] == code
    assert 15 <= fault["offset"] <= len(octets)
    assert WirelessFrame.build(WirelessFrame.parse(octets)) == octets


def test_the_wire_has_the_fields_of_mode_7_too() -> None:
    octets = bytes.fromhex("7A 2A 00 20 27 12 01 00 00 00") + CIPHER + PLAIN
    parsed = ApplicationLayer.parse(octets)
    assert parsed.user_data.security.message_counter == 1
    assert parsed.user_data.encrypted == CIPHER
    assert plain(parsed.user_data.records) == [RECORD]
    assert ApplicationLayer.build(parsed) == ApplicationLayer.build(plain(parsed)) == octets


@pytest.mark.parametrize("configuration_field", [0x0700, 0x0730, 0x2770, 0x0D00, 0x0D40])
def test_the_wire_has_meters_that_mean_no_mode(configuration_field: int) -> None:
    octets = bytes.fromhex("7A 2A 00") + configuration_field.to_bytes(2, "little") + PLAIN
    parsed = ApplicationLayer.parse(octets)
    assert "security" not in parsed.user_data
    assert plain(parsed.user_data.records) == [RECORD]
    assert ApplicationLayer.build(parsed) == ApplicationLayer.build(plain(parsed)) == octets


# --- Data that are no records --------------------------------------------------------------------

COMPACT: dict[str, Any] = {"format_signature": 0x3B31, "full_frame_crc": 0xA642, "payload": b"\xd2\x04"}
COMPACT_OCTETS = bytes.fromhex("31 3B 42 A6 D2 04")
SHORT_BODIES: list[tuple[int, bytes, dict[str, Any]]] = [
    (0x7B, COMPACT_OCTETS, COMPACT),
    (
        0x6A,
        b"\x04\x31\x3b\x02\x02",
        {"length": 4, "format_signature": 0x3B31, "payload": b"\x02\x02"},
    ),
    (0x74, b"\x05\x06", {"alarm_flags": b"\x05\x06"}),
    (0x6E, b"\x08", {"error_code": 8, "error_data": b""}),
    (0x88, b"\x01\x02", {"payload": b"\x01\x02"}),
]


@pytest.mark.parametrize(("ci_field", "octets", "value"), SHORT_BODIES)
class TestOtherData:
    def test_plain(self, ci_field: int, octets: bytes, value: dict[str, Any]) -> None:
        assert user_data_of(wireless_frame(ci_field, 0, octets)) == value

    def test_encrypted(self, ci_field: int, octets: bytes, value: dict[str, Any]) -> None:
        """Nothing else of the body is there then."""
        assert user_data_of(wireless_frame(ci_field, 0x0520, CIPHER)) == {"encrypted": CIPHER}

    def test_encrypted_to_the_end(self, ci_field: int, octets: bytes, value: dict[str, Any]) -> None:
        body = CIPHER[:16] + octets
        assert user_data_of(wireless_frame(ci_field, 0x0510, body)) == {"encrypted": body}

    def test_decrypted(self, ci_field: int, octets: bytes, value: dict[str, Any]) -> None:
        """The fillers in front of it say that it was."""
        found = user_data_of(wireless_frame(ci_field, 0x0510, b"\x2f\x2f" + octets))
        assert found == {"decryption_verification": b"\x2f\x2f", **value}

    def test_decrypted_in_mode_7(self, ci_field: int, octets: bytes, value: dict[str, Any]) -> None:
        security = {"configuration_field_extension": WITH_VERSION, "message_counter": 1, "key_version": 9}
        body = bytes.fromhex("52 01 00 00 00 09")
        found = user_data_of(wireless_frame(ci_field, 0x2710, body + b"\x2f\x2f" + octets))
        assert found == {"security": security, "decryption_verification": b"\x2f\x2f", **value}
        found = user_data_of(wireless_frame(ci_field, 0x2710, body + CIPHER))
        assert found == {"security": security, "encrypted": CIPHER}

    def test_too_few_octets(self, ci_field: int, octets: bytes, value: dict[str, Any]) -> None:
        telegram = wireless_frame(ci_field, 0x0530, CIPHER)
        assert WirelessFrame.parse(telegram).user_data["code"] == "encrypted_blocks"
        assert WirelessFrame.build(WirelessFrame.parse(telegram)) == telegram

    def test_on_wires(self, ci_field: int, octets: bytes, value: dict[str, Any]) -> None:
        header = bytes([ci_field]) + bytes.fromhex("2A 00 20 05")
        hidden: dict[str, Any] = {"encrypted": CIPHER}
        for body, expected in ((CIPHER, hidden), (octets, value)):
            parsed = ApplicationLayer.parse(header + body)
            assert ApplicationLayer.build(parsed) == ApplicationLayer.build(plain(parsed)) == header + body
            found = plain(parsed.user_data)
            assert {name: found[name] for name in found if name != "header"} == expected


def test_fillers_say_nothing_where_nothing_is_encrypted() -> None:
    found = user_data_of(wireless_frame(0x74, 0, b"\x2f\x2f\x05"))
    assert found == {"alarm_flags": b"\x2f\x2f\x05"}


def test_compact_frame_of_ci_73h_by_radio_has_any_length() -> None:
    """There are no fixed data by radio, so that sixteen octets are a compact frame."""
    header = bytes.fromhex("78 56 34 12 24 40 01 07 2A 00 00 00")
    octets = bytes.fromhex(LINK) + b"\x73" + header + COMPACT_OCTETS[:4]
    telegram = bytes([len(octets)]) + octets
    found = WirelessFrame.parse(telegram)
    assert found.user_data.format_signature == 0x3B31
    assert found.user_data.payload == b""
    assert WirelessFrame.build(found) == telegram


# --- Values that cannot be built -----------------------------------------------------------------


def _value(ci_field: int, configuration_field: Any, **user_data: Any) -> dict[str, Any]:
    return {
        "c_field": "SND_NR",
        "manufacturer": "PAD",
        "identification_number": "12345678",
        "version": 1,
        "device_type": 7,
        "ci_field": ci_field,
        "user_data": {"header": {"configuration_field": configuration_field}, **user_data},
    }


_EXTENDED: dict[str, Any] = {"configuration_field_extension": 0x12}


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (_value(0x7A, 0x0520, security=_EXTENDED), "user_data.security"),
        (_value(0x7A, 0x0720), "user_data.security.configuration_field_extension"),
        (_value(0x7A, 0x0D20), "user_data.security.configuration_field_extension"),
        (_value(0x7A, 0x2720, security=_EXTENDED), "user_data.security.message_counter"),
        (
            _value(0x7A, 0x0720, security={**_EXTENDED, "message_counter": 1}),
            "user_data.security.message_counter",
        ),
        (
            _value(0x7A, 0x2720, security={**_EXTENDED, "message_counter": 1 << 32}),
            "user_data.security.message_counter",
        ),
        (
            _value(0x7A, 0x0720, security={"configuration_field_extension": 0x52}),
            "user_data.security.key_version",
        ),
        (_value(0x7A, 0x0720, security={**_EXTENDED, "key": b"secret"}), "user_data.security.key"),
        (_value(0x7A, 0x0520, encrypted=CIPHER[:16]), "user_data.encrypted"),
        (_value(0x7A, 0x0000, encrypted=CIPHER), "user_data.encrypted"),
        (_value(0x74, 0x0000, encrypted=CIPHER), "user_data.encrypted"),
        (_value(0x74, 0x0520, encrypted=CIPHER, alarm_flags=b"\x01"), "user_data.alarm_flags"),
        (_value(0x74, 0x0520), "user_data.alarm_flags"),
        (
            _value(0x74, 0x0000, decryption_verification=b"\x2f\x2f", alarm_flags=b"\x01"),
            "user_data.decryption_verification",
        ),
        (
            _value(0x74, 0x0520, encrypted=CIPHER, decryption_verification=b"\x2f\x2f"),
            "user_data.decryption_verification",
        ),
        (
            _value(0x74, 0x0520, decryption_verification=b"\x2f\x30", alarm_flags=b"\x01"),
            "user_data.decryption_verification",
        ),
    ],
)
def test_values_that_contradict_each_other(value: dict[str, Any], field: str) -> None:
    assert build_error(WirelessFrame, value).field == field


def test_short_values() -> None:
    """What a person writes: numbers instead of bits, nothing that follows from the rest."""
    built = WirelessFrame.build(_value(0x74, 0x0520, encrypted=CIPHER))
    assert built == wireless_frame(0x74, 0x0520, CIPHER)[:11] + bytes.fromhex("00 00 20 05") + CIPHER
    built = WirelessFrame.build(
        _value(
            0x7A, {"security_mode": 7, "counter_present": True}, security={**_EXTENDED, "message_counter": 7}
        )
    )
    assert built[11:] == bytes.fromhex("00 00 00 27 12 07 00 00 00")


def test_wired_frames_are_as_before() -> None:
    """The new fields are absent where there is no security."""
    plain_frames = 0
    for octets in FRAMES:
        found = Frame.parse(octets).get("user_data")
        if found and "header" in found and found.header.configuration_field.security_mode != 7:
            assert not {"security", "decryption_verification"} & found.keys()
            plain_frames += 1
    assert plain_frames > 10

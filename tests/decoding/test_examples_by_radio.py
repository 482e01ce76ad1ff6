"""The standard's examples E61 to E71 by `decode` and `encode`, and written by hand: octet for octet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from mbus_construct import Meter, Receiver, Telegram, decode, encode
from mbus_construct.model.layers import AuthenticationLayer, ExtendedLinkLayer, Security
from mbus_grammars import BuildError, ThreeOutOfSix, WirelessFrame
from mbus_grammars.crc import crc
from mbus_grammars.wireless import FRAME_FORMATS, FrameFormat, with_crcs, without_crcs
from radio import (
    COMPACT,
    E62,
    E63,
    E65,
    E66,
    E67,
    E68,
    E69,
    EXAMPLES,
    FORMAT,
    FULL,
    KEY,
    MASTER,
    SECRET,
    Example,
    codes,
)

by_name = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
secret_by_name = pytest.mark.parametrize("example", SECRET, ids=lambda example: example.name)

GAS = Meter("12345678", "ELS", 0x33, 3)
ALLOCATOR = Meter("55667788", "QDS", 85, 8)
GAS_VALUES = [
    ("volume", Decimal("28504.27"), "m³", 0, "instantaneous"),
    ("date and time", datetime(2008, 5, 31, 23, 50), None, 0, "instantaneous"),
    ("error flags", Decimal(0), None, 0, "instantaneous"),
]
ALLOCATOR_VALUES = [
    ("heat cost allocation", Decimal(1234), "HCA", 0, "instantaneous"),
    ("date", date(2007, 4, 30), None, 1, "instantaneous"),
    ("heat cost allocation", Decimal(23456), "HCA", 1, "instantaneous"),
    ("customer location", Decimal(12345678), None, 0, "instantaneous"),
]


def values(telegram: Telegram) -> list[Any]:
    """What the records say."""
    assert all(record.state == "ok" for record in telegram.records)
    assert all((record.tariff, record.subunit) == (0, 0) for record in telegram.records)
    return [(r.quantity, r.value, r.unit, r.storage_number, r.function) for r in telegram.records]


def opened(example: Example) -> Telegram:
    telegram = decode(example.octets, keys=example.key)
    assert telegram.diagnostics == ()
    assert telegram.encrypted == b""
    assert telegram.user_data is None
    assert telegram.manufacturer_data is None
    assert not telegram.more_records_follow
    return telegram


# --- What they say -------------------------------------------------------------------------------


def test_e61_check_value() -> None:
    assert crc(b"123456789") == 0xC2B7


@pytest.mark.parametrize(("example", "form"), [(E62, "A"), (E65, "CRC-less")])
def test_e62_and_e65_a_gas_meter(example: Example, form: str) -> None:
    telegram = opened(example)
    assert telegram.link == "wireless"
    frame = telegram.frame
    assert (frame.format, frame.c_name, frame.ci_field, frame.a_field) == (form, "SND_NR", 0x7A, None)
    assert telegram.meter == frame.address == GAS
    assert telegram.meter is not None
    assert telegram.meter.device_type_name == "gas meter"
    assert (telegram.access_number, telegram.configuration_field) == (42, 0x2520)
    assert telegram.status is not None
    assert telegram.status.octet == 0
    assert telegram.security == Security(5, "decrypted")
    assert (telegram.ell, telegram.afl) == (None, None)
    assert values(telegram) == GAS_VALUES
    places = [(item.before_record, item.octets) for item in telegram.special_functions]
    assert places == [(0, b"\x2f")] * 2 + [(3, b"\x2f")] * 13
    assert [record.offset for record in telegram.records] == [17, 23, 29]


def test_e62_and_e65_are_one_telegram() -> None:
    assert without_crcs(E62.octets) == ("A", E65.octets)
    assert with_crcs(E65.octets, "A") == E62.octets


def test_e63_format_b() -> None:
    telegram = opened(E63)
    assert (telegram.link, telegram.frame.format, telegram.frame.c_name) == ("wireless", "B", "SND_NR")
    assert telegram.frame.ci_field == 0x78
    assert telegram.meter == telegram.frame.address == Meter("12345678", "CEN", 1, 7)
    assert telegram.ell == ExtendedLinkLayer(0x8C, 0x20, 39)
    header = telegram.access_number, telegram.status, telegram.configuration_field, telegram.security
    assert header == (None, None, None, None)
    assert values(telegram) == [("volume", Decimal("876.543"), "m³", 0, "instantaneous")]


def test_e64_three_out_of_six() -> None:
    """As in the table of the standard: 2 is 001110, E is 110010, 4 is 011100."""
    chips = int("001110110010011100011100", 2).to_bytes(3, "big")
    coded = ThreeOutOfSix(WirelessFrame).build(WirelessFrame.parse(E62.octets))
    assert coded[:3] == chips
    assert len(coded) == (12 * len(E62.octets) + 7) // 8
    assert WirelessFrame.build(ThreeOutOfSix(WirelessFrame).parse(coded)) == E62.octets


def test_e66_a_radio_adapter() -> None:
    """The link layer is the adapter's; the long header names the meter, whose key and address count."""
    telegram = opened(E66)
    assert telegram.frame.address == Meter("11223344", "QDS", 85, 0x37)
    assert telegram.meter == ALLOCATOR
    assert (telegram.frame.c_name, telegram.frame.ci_field) == ("SND_NR", 0x72)
    assert telegram.ell == ExtendedLinkLayer(0x8C, 0, 0x75)
    assert (telegram.access_number, telegram.configuration_field) == (0, 0x0510)
    assert telegram.status is not None
    assert telegram.status.flags == ("power low",)
    assert telegram.security == Security(5, "decrypted", plain_octets=7)
    assert values(telegram) == ALLOCATOR_VALUES
    assert decode(E66.octets, keys={"QDS-55667788": MASTER}) == telegram
    assert codes(decode(E66.octets, keys={"11223344": MASTER})) == ["encrypted"]


def test_e67_on_wires() -> None:
    telegram = opened(E67)
    assert (telegram.link, telegram.frame.format, telegram.frame.c_name) == ("frame", "long", "RSP_UD")
    assert (telegram.frame.a_field, telegram.frame.address) == (253, None)
    assert telegram.meter == ALLOCATOR
    assert telegram.security == Security(5, "decrypted", plain_octets=13)
    fabrication = ("fabrication number", "11223344", None, 0, "instantaneous")
    assert values(telegram) == [*ALLOCATOR_VALUES, fabrication]


def test_e68_mode_7() -> None:
    telegram = opened(E68)
    assert telegram.frame.c_name == "RSP_UD"
    assert telegram.frame.address == Meter("11223344", "RAD", 3, 0x37)
    gateway = Meter("33445566", "XYZ", 10, 0x31)
    assert telegram.ell == ExtendedLinkLayer(0x8E, 0x80, 0x75, gateway)
    mac = bytes.fromhex("AF5D74DF73A600D9")
    assert telegram.afl == AuthenticationLayer(0x2C00, 0x25, message_counter=2739, mac=mac)
    assert (telegram.meter, telegram.access_number, telegram.configuration_field) == (GAS, 0x75, 0x0720)
    assert telegram.security == Security(7, "decrypted", "verified", 0x10)
    assert values(telegram) == GAS_VALUES


def test_e69_extended_link_layer() -> None:
    telegram = opened(E69)
    assert telegram.meter == Meter("27343111", "KAM", 51, 2)
    assert telegram.ell == ExtendedLinkLayer(0x8D, 0x20, 0xE9, None, 0x20103A60, "decrypted")
    assert telegram.security is None
    assert values(telegram) == [
        ("energy", Decimal(0), "Wh", 0, "instantaneous"),
        ("reactive energy", Decimal(327900), "varh", 0, "instantaneous"),
        ("energy", Decimal(404400), "Wh", 0, "instantaneous"),
        ("reactive energy", Decimal(900), "varh", 0, "instantaneous"),
        ("error flags", Decimal(0), None, 0, "instantaneous"),
    ]
    negative = ("accumulation of absolute value of negative contributions",)
    assert [record.qualifiers for record in telegram.records] == [(), (), negative, negative, ()]


COMPACT_VALUES = [
    ("energy", Decimal("123.4"), "Wh", 0, "instantaneous"),
    ("volume", Decimal("567.8"), "m³", 0, "instantaneous"),
    ("power", Decimal("901.2"), "W", 0, "instantaneous"),
]


@pytest.mark.parametrize("teaching", [FULL, FORMAT], ids=["full frame", "format frame"])
def test_e70_compact_frame(teaching: bytes) -> None:
    receiver = Receiver()
    before = receiver.decode(COMPACT)
    assert (codes(before), before.records) == (["unknown_signature"], ())
    assert before.worst == "warning"
    taught = receiver.decode(teaching)
    assert taught.worst in (None, "info")
    after = receiver.decode(COMPACT)
    assert values(after) == COMPACT_VALUES
    assert after.diagnostics == ()
    assert after.user_data == {
        "format_signature": 0x3B31,
        "full_frame_crc": 0xA642,
        "payload": "D2042E163423",
    }
    assert [record.offset for record in after.records] == [15, 17, 19]
    assert [COMPACT[r.offset :][: len(r.data)] for r in after.records] == [r.data for r in after.records]
    for telegram, octets in ((before, COMPACT), (taught, teaching), (after, COMPACT)):
        assert encode(telegram) == octets
        assert Telegram.from_dict(json.loads(telegram.to_json())) == telegram


def test_e70_full_frame_and_format_frame() -> None:
    assert values(decode(FULL)) == COMPACT_VALUES
    telegram = decode(FORMAT)
    assert telegram.user_data == {"length": 8, "format_signature": 0x3B31, "payload": "02020215022A"}


def test_e71_compact_profile() -> None:
    octets = bytes.fromhex("8D 90 81 00 83 1E 0A 34 FE A0 86 01 00 D0 FB 01 00")
    telegram = decode(octets, link="records")
    (record,) = telegram.records
    assert (record.quantity, record.unit, record.kind) == ("energy", "Wh", "series")
    assert (record.tariff, record.storage_number) == (1, 32)
    assert record.value == (Decimal(100000), Decimal(130000))
    entries = [(entry.storage_number, entry.value) for entry in telegram.series(record)]
    assert entries == [(33, Decimal(100000)), (34, Decimal(130000))]
    assert encode(telegram) == octets
    written = {"link": "wireless", "meter": E65.written["meter"], "records": [record.to_dict()]}
    sent = encode(written | {"security": {"mode": 5}}, keys=KEY)
    (again,) = decode(sent, keys=KEY).records
    assert (again.header, again.value) == (record.header, record.value)


# --- Both ways -----------------------------------------------------------------------------------


@by_name
def test_decoded_examples_are_built_octet_for_octet(example: Example) -> None:
    telegram = opened(example)
    assert encode(telegram, keys=example.key) == example.octets
    assert encode(json.loads(telegram.to_json()), keys=example.key) == example.octets


@by_name
def test_examples_without_their_key_are_built_octet_for_octet(example: Example) -> None:
    telegram = decode(example.octets)
    assert encode(telegram) == example.octets
    if example.key:
        assert telegram.encrypted
        assert "encrypted" in codes(telegram)
        clear = values(opened(example))[3:] if example in (E66, E67) else []  # behind what is encrypted
        assert values(telegram) == clear


@by_name
def test_examples_as_json(example: Example) -> None:
    telegram = opened(example)
    assert Telegram.from_dict(json.loads(telegram.to_json())) == telegram
    assert Telegram.from_json(telegram.to_json(), keys=example.key) == telegram


@by_name
def test_examples_written_by_hand(example: Example) -> None:
    assert encode(example.written, keys=example.key) == example.octets
    assert Telegram.from_dict(example.written, keys=example.key) == opened(example)


@secret_by_name
def test_writing_needs_the_key(example: Example) -> None:
    with pytest.raises(BuildError, match="keys") as caught:
        encode(example.written)
    meter = example.written["meter"]["identification_number"]
    assert meter in str(caught.value)


@pytest.mark.parametrize("example", [example for example in EXAMPLES if example is not E67])
@pytest.mark.parametrize("form", FRAME_FORMATS)
def test_examples_in_every_frame_format(example: Example, form: FrameFormat) -> None:
    sent = encode(
        {**example.written, "frame": {**example.written["frame"], "format": form}}, keys=example.key
    )
    assert without_crcs(sent) == (form, without_crcs(example.octets)[1])
    telegram = decode(sent, keys=example.key)
    assert telegram.frame.format == form
    assert telegram.records == opened(example).records
    assert telegram.security == opened(example).security


@secret_by_name
def test_a_changed_value_is_encrypted_anew(example: Example) -> None:
    """What a user changes in the JSON of a decrypted telegram is sent encrypted, with a MAC that is right."""
    given: dict[str, Any] = json.loads(opened(example).to_json())
    given["records"][0]["value"] = 1200
    sent = encode(given, keys=example.key)
    assert len(sent) == len(example.octets)
    assert sent != example.octets
    telegram = decode(sent, keys=example.key)
    assert telegram.diagnostics == ()
    assert telegram.records[0].value == 1200
    assert telegram.records[1:] == opened(example).records[1:]
    assert telegram.security == opened(example).security


def test_mappings_of_any_kind() -> None:
    class Frozen(Mapping[str, Any]):
        def __init__(self, given: dict[str, Any]) -> None:
            self.given = given

        def __getitem__(self, key: str) -> Any:
            return self.given[key]

        def __iter__(self) -> Any:
            return iter(self.given)

        def __len__(self) -> int:
            return len(self.given)

    assert encode(Frozen(E68.written), keys=E68.key) == E68.octets


# --- Mappings that contradict themselves: nothing goes out plain that was to be encrypted -----------

_METER: dict[str, Any] = {"link": "wireless", "meter": E65.written["meter"], "access_number": 1}
_RECORDS: dict[str, Any] = {"records": E65.written["records"]}
_COMPACT: dict[str, Any] = {
    "frame": {"ci_field": 0x7B},
    "user_data": {"format_signature": 0x3B31, "full_frame_crc": 0xA642, "payload": "D2042E1634232F2F2F2F"},
}


@pytest.mark.parametrize(
    ("given", "field", "limit"),
    [
        ({"security": {"mode": 5}, "frame": {"ci_field": 0x78}, **_RECORDS}, "security.mode", "no header"),
        (
            {"security": {"mode": 6}, "configuration_field": 0x2520, **_RECORDS},
            "security.mode",
            "5, the mode in",
        ),
        (
            {"security": {"mode": 5}, "configuration_field": 0x0720, **_RECORDS},
            "security.mode",
            "7, the mode in",
        ),
        (
            {"security": {"mode": 0}, "configuration_field": 0x0520, **_RECORDS},
            "security.mode",
            "5, the mode in",
        ),
        ({"security": {"mode": 6}, **_RECORDS}, "security.mode", "0, 5 or 7"),
        ({"security": {"mode": "5"}, **_RECORDS}, "security.mode", "0, 5 or 7"),
        ({"security": {"mode": 5}, **_COMPACT}, "configuration_field", "number of encrypted blocks"),
        ({"security": 5, **_RECORDS}, "security", "a mapping"),
        ({"security": {"mode": 7}, **_RECORDS}, "key_derivation", "with a message counter"),
        ({"frame": {"ci_field": "no such"}, **_RECORDS}, "frame.ci_field", "a name"),
        ({"frame": {"ci_field": "response, full frame"}, **_RECORDS}, "frame.ci_field", "78h, 7Ah"),
        ({"frame": {"format": "C"}, **_RECORDS}, "frame.format", "A, B, CRC-less"),
    ],
)
def test_contradictions_are_refused(given: dict[str, Any], field: str, limit: str) -> None:
    with pytest.raises(BuildError) as caught:
        encode(_METER | given, keys=KEY)
    assert caught.value.field == field
    assert limit in caught.value.limit


@pytest.mark.parametrize("state", [None, "decrypted"])
def test_a_mode_without_its_configuration_field_is_written_by_hand(state: str | None) -> None:
    octets = encode(_METER | _RECORDS | {"security": {"mode": 5, "state": state}}, keys=KEY)
    telegram = decode(octets, keys=KEY)
    assert telegram.security == Security(5, "decrypted")
    assert values(telegram) == GAS_VALUES
    assert decode(octets).records == ()


def test_data_that_are_no_records_are_encrypted_with_a_configuration_field() -> None:
    octets = encode(_METER | _COMPACT | {"security": {"mode": 5}, "configuration_field": 0x0510}, keys=KEY)
    telegram = decode(octets, keys=KEY)
    assert telegram.security == Security(5, "decrypted")
    assert (telegram.user_data or {})["format_signature"] == 0x3B31
    assert encode(telegram, keys=KEY) == octets
    assert decode(octets).user_data is None


def test_ci_fields_by_name() -> None:
    """The CI field by its name is the same: also where the meter is not who sends."""
    written = {**E66.written, "frame": {**E66.written["frame"], "ci_field": "response, long header"}}
    name = decode(E66.octets).frame.ci_name
    written["frame"]["ci_field"] = name
    assert encode(written, keys=MASTER) == E66.octets

"""What is encoded with keys goes out encrypted, whatever was changed since it was decoded."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mbus_construct import BuildError, Receiver, decode, encode

KEY = "0102030405060708090A0B0C0D0E0F11"
METER = {"identification_number": "12345678", "manufacturer": "ELS", "version": 51, "device_type": 3}
GATEWAY = {"identification_number": "00000001", "manufacturer": "XYZ", "version": 1, "device_type": 0x31}
VOLUME = {"quantity": "volume", "unit": "m³", "value": 1}
TEXT = {"quantity": "customer", "value": "AB"}
# OMS Annex N.5.3: one encrypted block, and a record that is sent plain.
PARTIAL = "304493444433221155378C0075728877665593445508000410"
PARTIAL += "0500DFE2A782146D1513581CD2F83F39040CFD1078563412"
MASTER = "000102030405060708090A0B0C0D0E0F"


def written(mode: int, records: list[Any], **more: Any) -> bytes:
    mapping = {"link": "wireless", "meter": METER, "security": {"mode": mode}, "records": records, **more}
    return encode(mapping, keys=KEY)


def decoded(octets: bytes, keys: str = KEY) -> Any:
    return json.loads(decode(octets, keys=keys).to_json())


@pytest.mark.parametrize("mode", [5, 7])
@pytest.mark.parametrize(
    "change",
    [
        lambda values: values["records"].extend([VOLUME, VOLUME, VOLUME]),
        lambda values: values["records"][1].update(value="A secret name of a customer"),
        lambda values: values.update(manufacturer_data="01" * 20),
        lambda values: values["records"].pop(),
        lambda values: values["records"].clear(),
        lambda values: values["special_functions"].clear(),
    ],
    ids=["more records", "a longer text", "manufacturer data", "a record less", "no records", "no fillers"],
)
def test_a_changed_telegram_is_encrypted_as_a_whole(mode: int, change: Any) -> None:
    afl = {"afl": {"message_counter": 7}} if mode == 7 else {}
    values = decoded(written(mode, [VOLUME, TEXT], **afl))
    change(values)
    octets = encode(values, keys=KEY)
    closed = decode(octets)
    assert closed.records == ()
    assert closed.security is not None
    assert closed.security.state == "encrypted"
    opened = decode(octets, keys=KEY)
    assert opened.security is not None
    assert (opened.security.state, opened.worst) == ("decrypted", None)
    assert opened.security.mac == ("verified" if mode == 7 else None)
    assert [record.value_text for record in opened.records] == [
        record.get("value_text", str(record["value"]) + (f" {record['unit']}" if record.get("unit") else ""))
        for record in values["records"]
    ]
    assert encode(opened, keys=KEY) == octets


def test_more_than_can_be_encrypted_is_refused() -> None:
    values = decoded(written(5, [VOLUME]))
    values["records"] = [VOLUME] * 50
    with pytest.raises(BuildError, match="at most 238 octets") as caught:
        encode(values, keys=KEY)
    assert caught.value.field == "records"
    with pytest.raises(BuildError, match="at most 238 octets"):
        written(5, [VOLUME] * 50)


def test_partly_encrypted_telegrams_keep_their_length() -> None:
    octets = bytes.fromhex(PARTIAL)
    values = decoded(octets, MASTER)
    assert values["security"]["plain_octets"] == 7
    values["records"][3]["value"] = "87654321"
    changed = encode(values, keys=MASTER)
    assert (changed[:-4], changed[-4:].hex()) == (octets[:-4], "21436587")
    values["records"].append(VOLUME)
    with pytest.raises(BuildError, match="7 that are not encrypted follow"):
        encode(values, keys=MASTER)


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ({"security": {"mode": 5, "state": "foo"}}, "security.state"),
        ({"security": {"mode": 5, "state": "encrypted"}}, "security.state"),
        ({"security": {"mode": 5, "state": "plain"}, "configuration_field": 0x0510}, "security.state"),
        ({"security": {"mode": 5, "mac": "fine"}}, "security.mac"),
        ({"security": None, "configuration_field": 0x0510}, "security.state"),
        ({"ell": {"ci_field": 0x8D, "session_number": 1 << 29, "state": "Decrypted"}}, "ell.state"),
        ({"frame": {"a_field": 5}}, "frame.a_field"),
        ({"afl": {"fragmentation_control": 1, "fragment": "00"}}, "records"),
        ({"frame": {"ci_field": 0x78}, "security": None, "access_number": 5}, "access_number"),
    ],
    ids=str,
)
def test_what_would_go_out_otherwise_is_refused(part: dict[str, Any], field: str) -> None:
    fillers = [{"before_record": 0, "octets": "2F2F"}, {"before_record": 1, "octets": "2F" * 8}]
    given = {"link": "wireless", "meter": METER, "special_functions": fillers, "records": [VOLUME]}
    with pytest.raises(BuildError) as caught:
        encode(given | part, keys=KEY)
    assert caught.value.field == field


def test_security_cannot_be_taken_away_from_a_decrypted_telegram() -> None:
    values = decoded(written(5, [VOLUME]))
    for security in (None, {**values["security"], "state": "plain"}):
        with pytest.raises(BuildError, match="announces encryption"):
            encode(values | {"security": security}, keys=KEY)


def test_records_of_a_compact_frame_count() -> None:
    receiver = Receiver()
    receiver.decode("1644AE0C785634120107780202D20402152E16022A3423")
    telegram = receiver.decode("1444AE0C78563412010779313B42A6D2042E163423")
    values: Any = telegram.to_dict()
    assert encode(values) == encode(telegram)
    values["records"][0]["value"] = 125
    again = receiver.decode(encode(values))
    assert [record.value_text for record in again.records] == ["125.0 Wh", "567.8 m³", "901.2 W"]
    del values["records"][2]
    assert receiver.decode(encode(values)).diagnostics[0].code == "unknown_signature"


@pytest.mark.parametrize("octets", ["0940931578563412330368" + "4B", "0944931578563412330368"[:20]])
def test_frames_without_ci_field_come_back(octets: str) -> None:
    sent = bytes.fromhex(octets[:20])
    telegram = decode(sent, link="wireless")
    assert telegram.frame.ci_field is None
    assert encode(telegram) == sent
    assert encode(json.loads(telegram.to_json())) == sent


@pytest.mark.parametrize(
    ("c_field", "more", "ci_field"),
    [
        ("SND_NR", {}, 0x7A),
        ("RSP_UD", {"records": [VOLUME]}, 0x7A),
        ("SND_UD", {"records": [VOLUME]}, 0x5A),
        ("SND_NKE", {}, None),
        ("REQ_UD2", {}, None),
        ("ACK", {}, None),
    ],
)
def test_the_usual_ci_field(c_field: str, more: dict[str, Any], ci_field: int | None) -> None:
    octets = encode({"link": "wireless", "frame": {"c_field": c_field, "address": GATEWAY}, **more})
    assert decode(octets, link="wireless").frame.ci_field == ci_field


def test_user_data_need_a_ci_field_where_the_c_field_says_nothing_of_them() -> None:
    frame = {"c_field": "SND_NKE", "address": GATEWAY}
    with pytest.raises(BuildError, match="SND_NKE says nothing of it"):
        encode({"link": "wireless", "frame": frame, "records": [VOLUME]})


def test_the_message_length_follows_from_the_message() -> None:
    afl = {"message_counter": 7, "message_length": 99}
    values = decoded(written(7, [VOLUME], afl=afl))
    length = values["afl"]["message_length"]
    assert length != 99
    values["records"].append(VOLUME | {"data_field": "64 bit integer"})
    longer = decoded(encode(values, keys=KEY))
    assert longer["afl"]["message_length"] == length + 16
    assert longer["security"]["mac"] == "verified"


@pytest.mark.parametrize(
    ("configuration_field", "sent"),
    [(None, 0), (0x0000, 0), (0xE000, 0xE000), ({"security_mode": 0, "synchronous": True}, 0x2000)],
)
def test_mode_0_by_hand_is_plain(configuration_field: Any, sent: int) -> None:
    telegram = decode(written(0, [VOLUME], configuration_field=configuration_field))
    assert (telegram.security, telegram.encrypted) == (None, b"")
    assert [record.value_text for record in telegram.records] == ["1 m³"]
    assert telegram.configuration_field == sent


@pytest.mark.parametrize(
    ("configuration_field", "blocks"),
    [(0x0500, 0), ({"security_mode": 5}, 0), (0x0510, 1), (0x0520, 2), (None, 1)],
)
def test_a_configuration_field_by_hand_says_how_many_blocks(configuration_field: Any, blocks: int) -> None:
    octets = written(5, [VOLUME], configuration_field=configuration_field)
    telegram = decode(octets, keys=KEY)
    assert telegram.security is not None
    assert telegram.security.state == ("decrypted" if blocks else "plain")
    assert telegram.configuration_field == 0x0500 | blocks << 4
    assert len(octets) == 15 + (16 * blocks or 6)
    assert [record.value_text for record in telegram.records] == ["1 m³"]


@pytest.mark.parametrize("mode", [1, 2, 6, 8, 13, 31, "5", None, True])
def test_other_modes_are_not_written_by_hand(mode: Any) -> None:
    with pytest.raises(BuildError) as caught:
        written(mode, [VOLUME])
    assert caught.value.field == "security.mode"


@pytest.mark.parametrize("mode", [5, 7])
def test_fillers_do_not_gather_where_records_change_again_and_again(mode: int) -> None:
    afl = {"afl": {"message_counter": 7}} if mode == 7 else {}
    octets = written(mode, [VOLUME, TEXT], **afl)
    for name in ("A", "A longer name of a customer", "ABCDEFG", "AB"):
        values = decoded(octets)
        values["records"][1]["value"] = name
        octets = encode(values, keys=KEY)
        fresh = written(mode, [VOLUME, {**TEXT, "value": name}], **afl)
        assert octets == fresh
        fillers = [
            item["before_record"] for item in decoded(octets)["special_functions"] if item["octets"] == "2F"
        ]
        assert fillers[:2] == [0, 0]
        assert set(fillers[2:]) <= {2}

"""What is found out about security: wrong key, wrong MAC, replayed counter, unknown modes, decrypted already."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mbus_construct import BuildError, Receiver, Telegram, decode, encode
from mbus_construct.receiving import receiver as receiver_module
from mbus_construct.receiving.formats import Formats
from mbus_construct.security.aes import crypt_ctr
from mbus_construct.security.modes import ell_initial_block
from mbus_grammars.crc import crc
from mbus_grammars.security import SECURITY_MODE_NAMES
from radio import (
    ADAPTER,
    ALLOCATOR,
    E65,
    E66,
    E67,
    E68,
    E69,
    ELL_KEY,
    GAS_METER,
    GAS_RECORDS,
    GATEWAY,
    KEY,
    MASTER,
    OTHER,
    SECRET,
    WATER_METER,
    Example,
    by_radio,
    codes,
)

by_name = pytest.mark.parametrize("example", SECRET, ids=lambda example: example.name)


def message(counter: int, **given: Any) -> bytes:
    return encode({**E68.written, "afl": {"message_counter": counter}, **given}, keys=MASTER)


def state(telegram: Telegram) -> tuple[Any, Any, Any]:
    """Of the extended link layer, of the transport layer, of the MAC."""
    ell, security = telegram.ell, telegram.security
    return ell and ell.state, security and security.state, security and security.mac


# --- Three findings ------------------------------------------------------------------------------


def test_three_findings_are_three_codes() -> None:
    receiver = Receiver(MASTER)
    assert receiver.decode(E68.octets).diagnostics == ()
    replayed = receiver.decode(E68.octets)
    damaged = bytearray(E68.octets)
    damaged[-1] ^= 1
    wrong_mac = receiver.decode(bytes(damaged))
    wrong_key = Receiver(OTHER).decode(E68.octets)
    found = {
        "replayed_counter": (replayed, "warning", (None, "decrypted", "verified"), 3),
        "wrong_mac": (wrong_mac, "error", (None, "encrypted", "wrong"), 0),
        "wrong_key": (wrong_key, "error", (None, "wrong key", "not checked"), 0),
    }
    for code, (telegram, severity, states, records) in found.items():
        (remark,) = telegram.diagnostics
        assert (remark.code, remark.severity) == (code, severity)
        assert state(telegram) == states
        assert len(telegram.records) == records
        assert "ELS-12345678" in remark.message or code == "replayed_counter"
        assert Telegram.from_dict(json.loads(telegram.to_json())) == telegram


@by_name
def test_no_key_and_a_wrong_key(example: Example) -> None:
    meter = example.written["meter"]
    selector = f"{meter['manufacturer']}-{meter['identification_number']}"
    for keys, code, states in (
        ({}, "encrypted", "encrypted"),
        ({"99999999": KEY}, "encrypted", "encrypted"),
        (OTHER, "wrong_key", "wrong key"),
        ({selector: OTHER}, "wrong_key", "wrong key"),
    ):
        for telegram in (decode(example.octets, keys=keys), Receiver(keys).decode(example.octets)):
            assert codes(telegram)[0] == code
            assert states in state(telegram)
            assert telegram.encrypted
            assert telegram.worst == ("error" if code == "wrong_key" else "warning")
            assert encode(telegram, keys=keys) == example.octets
            if keys:
                assert selector in telegram.diagnostics[0].message


# --- Message counters ----------------------------------------------------------------------------


def test_counters_must_rise() -> None:
    receiver = Receiver(MASTER)
    came = [2739, 2740, 2740, 2739, 2741, 5000, 4999, 5001]
    found = [codes(receiver.decode(message(counter))) for counter in came]
    replayed = ["replayed_counter"]
    assert found == [[], [], replayed, replayed, [], [], replayed, []]
    last = receiver.decode(message(0))
    assert last.diagnostics[0].message == (
        "message counter 0 is not above 5001, the last one of this meter: repeated or replayed"
    )


def test_counters_are_the_meters() -> None:
    """By the long header's meter, whatever adapter or gateway sends it."""
    receiver = Receiver(MASTER)
    other = {**GAS_METER, "identification_number": "12345679"}
    frame = {**E68.written["frame"], "address": {**ADAPTER, "identification_number": "99999999"}}
    assert codes(receiver.decode(message(10))) == []
    assert codes(receiver.decode(message(10, meter=other))) == []
    assert codes(receiver.decode(message(10, frame=frame))) == ["replayed_counter"]
    assert codes(receiver.decode(message(11, frame=frame))) == []
    assert codes(receiver.decode(message(11))) == ["replayed_counter"]


def test_the_transport_layers_counter_goes_first() -> None:
    receiver = Receiver(MASTER)
    for afl, tpl, expected in ((9, 5, []), (1, 6, []), (10, 6, ["replayed_counter"]), (None, 7, [])):
        given = {"message_counter": afl} if afl is not None else {"key_information": 0x10}
        written = {**E68.written, "afl": given, "security": {"mode": 7, "message_counter": tpl}}
        assert codes(receiver.decode(encode(written, keys=MASTER))) == expected


def test_counters_that_are_not_authentic_do_not_count() -> None:
    receiver = Receiver(MASTER)
    forged = bytearray(message(9_000_000))
    forged[-1] ^= 1
    assert codes(receiver.decode(bytes(forged))) == ["wrong_mac"]
    assert codes(receiver.decode(message(5))) == []
    without = Receiver()
    for _ in range(2):
        assert codes(without.decode(message(5))) == ["encrypted"]


def test_commands_have_counters_of_their_own() -> None:
    """Whoever sends a command has another key and counts by himself: neither makes the other a replay."""
    receiver = Receiver(MASTER)
    command = {"frame": {"c_field": "SND_UD", "address": GATEWAY, "ci_field": 0x5B}, "ell": None}
    came = [(5, False), (5, True), (4, True), (6, False), (6, True), (6, False), (6, True)]
    telegrams = [receiver.decode(message(counter, **(command if to else {}))) for counter, to in came]
    replayed = ["replayed_counter"]
    assert [codes(telegram) for telegram in telegrams] == [[], [], replayed, [], [], replayed, replayed]
    assert {telegram.meter for telegram in telegrams} == {telegrams[0].meter}
    assert telegrams[2].diagnostics[0].message == (
        "message counter 4 is not above 5, the last one to this meter: repeated or replayed"
    )


def test_a_replay_hides_no_other_remark() -> None:
    receiver = Receiver(KEY)
    written = {
        "link": "wireless",
        "frame": {"ci_field": 0x79},
        "meter": GAS_METER,
        "afl": {"message_counter": 5},
        "user_data": {"format_signature": 0x3B31, "full_frame_crc": 0xA642, "payload": "D2042E163423"},
    }
    octets = encode(written, keys=KEY)
    assert codes(receiver.decode(octets)) == ["unknown_signature"]
    assert codes(receiver.decode(octets)) == ["unknown_signature", "replayed_counter"]


def test_decode_remembers_nothing() -> None:
    for _ in range(2):
        assert decode(E68.octets, keys=MASTER).diagnostics == ()


def test_counters_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver_module, "_MAX_COUNTERS", 3)
    receiver = Receiver(MASTER)
    meters = [{**GAS_METER, "identification_number": f"{number:08d}"} for number in range(5)]
    for meter in meters:
        assert codes(receiver.decode(message(10, meter=meter))) == []
        assert len(receiver._counters) <= 3
    assert [codes(receiver.decode(message(10, meter=meter))) for meter in meters[2:]] == [
        ["replayed_counter"]
    ] * 3
    assert codes(receiver.decode(message(10, meter=meters[0]))) == []  # forgotten


# --- Security modes that are not opened ------------------------------------------------------------

OTHER_MODES = [mode for mode in range(1, 32) if mode not in (5, 7)]


@pytest.mark.parametrize("mode", OTHER_MODES)
@pytest.mark.parametrize("keys", [None, KEY])
@pytest.mark.parametrize("ci_field", [0x7A, 0x72, 0x7B, 0x6E])
def test_other_modes_are_named_and_raw(mode: int, keys: str | None, ci_field: int) -> None:
    address = "78563412 9315 33 03 " if ci_field == 0x72 else ""
    number = mode << 8 | 0x10
    payload = bytes(range(0x80, 0xA0))
    octets = by_radio(
        f"44 9315 78563412 33 03 {ci_field:02X} {address}2A 00 {number.to_bytes(2, 'little').hex()}"
        f"{'00' if mode == 13 else ''} {payload.hex()}"
    )
    telegram = decode(octets, keys=keys)
    security = telegram.security
    assert security is not None
    assert (security.mode, security.state) == (mode, "unknown mode")
    assert security.mode_name == (SECURITY_MODE_NAMES.codes[mode].name or "reserved")
    assert codes(telegram) == ["security_mode"]
    (remark,) = telegram.diagnostics
    assert f"security mode {mode} ({security.mode_name}) is not opened here" in remark.message
    assert remark.severity == "warning"
    assert (telegram.encrypted, telegram.records) == (payload, ())
    assert telegram.user_data is None
    assert encode(telegram, keys=keys) == octets
    assert Telegram.from_dict(json.loads(telegram.to_json())) == telegram
    assert Telegram.from_dict(telegram.to_dict(), keys=keys) == telegram


@pytest.mark.parametrize("encryption", range(2, 8))
def test_other_encryptions_of_the_link_layer(encryption: int) -> None:
    octets = bytearray(E69.octets)
    octets[16] = octets[16] & 0x1F | encryption << 5
    telegram = decode(bytes(octets), keys=ELL_KEY)
    assert state(telegram) == ("unknown mode", None, None)
    assert codes(telegram) == ["security_mode"]
    assert f"encryption {encryption} of the extended link layer" in telegram.diagnostics[0].message
    assert (telegram.records, telegram.encrypted) == ((), E69.octets[17:])
    assert encode(telegram, keys=ELL_KEY) == bytes(octets)
    assert Telegram.from_dict(json.loads(telegram.to_json())) == telegram


# --- Decrypted already ---------------------------------------------------------------------------


def decrypted(example: Example) -> bytes:
    """The example as a receiver hands it on that decrypts and leaves the headers as they were."""
    values = decode(example.octets, keys=example.key).to_dict()
    for name in ("ell", "security"):
        part: Any = values[name]  # type: ignore[literal-required]
        if part is not None and part["state"] == "decrypted":
            part["state"] = "already decrypted"
            if part.get("mac"):
                part["mac"] = "not checked"
    return encode(values)


@by_name
@pytest.mark.parametrize("with_key", [True, False])
def test_what_came_decrypted_is_read(example: Example, with_key: bool) -> None:
    octets = decrypted(example)
    keys = example.key if with_key else None
    assert octets != example.octets
    assert len(octets) == len(example.octets)
    telegram = decode(octets, keys=keys)
    opened = decode(example.octets, keys=example.key)
    assert telegram.records == opened.records
    assert telegram.encrypted == b""
    assert "already decrypted" in state(telegram)
    assert "decrypted" not in state(telegram)
    assert telegram.worst in (None, "info")
    if example is E68:  # its MAC was made over the encrypted octets, which the key gives again
        assert state(telegram) == (None, "already decrypted", "verified" if with_key else "not checked")
    assert encode(telegram, keys=keys) == octets
    assert Telegram.from_dict(json.loads(telegram.to_json())) == telegram
    assert Receiver(keys).decode(octets) == telegram


def test_what_came_decrypted_and_was_changed() -> None:
    """A warning: whoever decrypted it may have changed other octets too."""
    octets = bytearray(decrypted(E68))
    octets[-20] ^= 1
    telegram = decode(bytes(octets), keys=MASTER)
    assert state(telegram) == (None, "already decrypted", "wrong")
    assert "wrong_mac" in codes(telegram)
    assert telegram.worst == "warning"


def test_each_layer_by_itself() -> None:
    """The link layer decrypted on its way and the transport layer not, and the other way round."""
    written = {
        **E69.written,
        "frame": {"ci_field": 0x7A},
        "meter": GAS_METER,
        "access_number": 1,
        "security": {"mode": 5},
        "records": GAS_RECORDS,
    }
    both = encode(written, keys=KEY)
    opened = decode(both, keys=KEY)
    assert state(opened) == ("decrypted", "decrypted", None)
    inner = opened.to_dict()
    assert inner["ell"] is not None
    inner["ell"]["state"] = "already decrypted"
    octets = encode(inner, keys=KEY)
    assert state(decode(octets, keys=KEY)) == ("already decrypted", "decrypted", None)
    assert state(decode(octets)) == ("already decrypted", "encrypted", None)
    outer = opened.to_dict()
    assert outer["security"] is not None
    outer["security"]["state"] = "already decrypted"
    octets = encode(outer, keys=KEY)
    telegram = decode(octets, keys=KEY)
    assert state(telegram) == ("decrypted", "already decrypted", None)
    assert telegram.records == opened.records
    assert state(decode(octets)) == ("encrypted", None, None)
    for given in (both, octets):
        assert encode(decode(given, keys=KEY), keys=KEY) == given
        assert encode(decode(given)) == given


# --- Whose key -----------------------------------------------------------------------------------


@by_name
def test_several_keys_of_a_meter(example: Example) -> None:
    meter = example.written["meter"]
    number = meter["identification_number"]
    assert example.key is not None
    opened = decode(example.octets, keys=example.key)
    for keys in (
        {number: [OTHER, example.key]},
        {number: [example.key, OTHER]},
        {number: OTHER, "default": example.key},
        {meter["manufacturer"]: example.key, "default": OTHER, number: [OTHER]},
    ):
        assert decode(example.octets, keys=keys) == opened
        assert Receiver(keys).decode(example.octets) == opened


def test_the_meters_key_is_meant_and_not_the_adapters() -> None:
    """The address of the IV is the long header's too: with the adapter's the first block would be none."""
    for example in (E66, E67, E68):
        meter = example.written["meter"]["identification_number"]
        right = {meter: MASTER, "11223344": OTHER, "33445566": OTHER}
        assert decode(example.octets, keys=right) == decode(example.octets, keys=MASTER)
        wrong = {meter: OTHER, "11223344": MASTER}
        assert codes(decode(example.octets, keys=wrong))[0] == "wrong_key"


def test_link_layer_and_transport_layer_have_keys_of_their_own() -> None:
    """An adapter encrypts with its key what the meter encrypted with the meter's."""
    written = {
        **E69.written,
        "frame": {"address": ADAPTER},
        "meter": ALLOCATOR,
        "access_number": 1,
        "security": {"mode": 5},
        "records": GAS_RECORDS,
    }
    keys = {"RAD-11223344": KEY, "QDS-55667788": MASTER}
    octets = encode(written, keys=keys)
    telegram = decode(octets, keys=keys)
    assert state(telegram) == ("decrypted", "decrypted", None)
    assert telegram.records[0].value == decode(E65.octets, keys=KEY).records[0].value
    assert encode(telegram, keys=keys) == octets
    assert state(decode(octets, keys={"RAD-11223344": KEY})) == ("decrypted", "encrypted", None)
    assert state(decode(octets, keys={"QDS-55667788": MASTER})) == ("encrypted", None, None)
    half = decode(octets, keys={"RAD-11223344": KEY})
    assert encode(half, keys={"RAD-11223344": KEY}) == octets


@pytest.mark.parametrize("whose", ["sender", "receiver"])
def test_ell_iv_with_either_address(whose: str) -> None:
    """Sources differ on whose address the counter block has; the payload CRC tells."""
    link = bytes.fromhex("9315785634123303")
    receiver = bytes.fromhex("3A63665544330A31")
    session = bytes.fromhex("603A1020")
    data = bytes.fromhex("78 0C1378563412")
    plain = crc(data).to_bytes(2, "little") + data
    block = ell_initial_block(link if whose == "sender" else receiver, 0x20, session)
    hidden = crypt_ctr(bytes.fromhex(KEY), block, plain)
    octets = by_radio(f"44 {link.hex()} 8F 20 E9 {receiver.hex()} {session.hex()} {hidden.hex()}")
    for keys in (KEY, {"12345678": KEY}, {"33445566": KEY}):
        telegram = decode(octets, keys=keys)
        assert state(telegram) == ("decrypted", None, None)
        assert [str(record) for record in telegram.records] == ["volume, 12345.678 m³"]
        assert telegram.ell is not None
        assert telegram.ell.receiver is not None
        assert telegram.ell.receiver.identification_number == GATEWAY["identification_number"]
    assert state(decode(octets, keys={"99999999": KEY})) == ("encrypted", None, None)
    assert state(decode(octets, keys=OTHER)) == ("wrong key", None, None)


@pytest.mark.parametrize(("link", "cut"), [("c_field", 4), ("ci_field", 6), ("header", 7)])
def test_what_gateways_leave_of_a_frame(link: str, cut: int) -> None:
    """User data from any field on are opened: the long header names the meter."""
    octets = E67.octets[cut:-2]
    opened = decode(E67.octets, keys=MASTER)
    for given in (link, "auto"):
        telegram = decode(octets, link=given, keys=MASTER)
        assert telegram.link == link
        assert [(r.header, r.value) for r in telegram] == [(r.header, r.value) for r in opened]
        assert telegram.security == opened.security
        assert encode(telegram, keys=MASTER) == octets
        assert encode(decode(octets, link=given)) == octets
        assert Telegram.from_dict(json.loads(telegram.to_json())) == telegram
        assert Telegram.from_dict(telegram.to_dict(), keys=MASTER) == telegram


# --- Compact frames ------------------------------------------------------------------------------

FULL_DATA = "02 02 D2 04 02 15 2E 16 02 2A 34 23"


def frame(ci_field: int, data: str, meter: str = "AE0C 78563412 01 07") -> bytes:
    return by_radio(f"44 {meter} {ci_field:02X} {data}")


def test_damaged_compact_frames() -> None:
    receiver = Receiver()
    receiver.decode(frame(0x78, FULL_DATA))
    found = {
        "full_frame_crc": frame(0x79, "31 3B 42 A6 D2 04 2E 16 34 24"),
        "data_too_short": frame(0x79, "31 3B 42 A6 D2 04 2E 16 34"),
        "data_too_long": frame(0x79, "31 3B 42 A6 D2 04 2E 16 34 23 01"),
        "unknown_signature": frame(0x79, "32 3B 42 A6 D2 04 2E 16 34 23"),
    }
    for code, octets in found.items():
        telegram = receiver.decode(octets)
        assert codes(telegram) == [code]
        assert telegram.worst == ("warning" if code == "unknown_signature" else "error")
        assert telegram.records == ()
        assert encode(telegram) == octets
        assert Telegram.from_dict(json.loads(telegram.to_json())) == telegram
    assert receiver.decode(frame(0x79, "31 3B")).worst == "error"
    assert len(receiver.decode(frame(0x79, "31 3B 42 A6 D2 04 2E 16 34 23")).records) == 3


def test_wrong_format_frames_teach_nothing() -> None:
    receiver = Receiver()
    compact = frame(0x79, "31 3B 42 A6 D2 04 2E 16 34 23")
    for data in ("08 32 3B 02 02 02 15 02 2A", "08 31 3B 02 02 02 15 02 2B", "07 31 3B 02 02 02 15 02 2A"):
        telegram = receiver.decode(frame(0x69, data))
        assert codes(telegram) == ["format_signature"]
        assert telegram.worst == "error"
        assert Telegram.from_dict(json.loads(telegram.to_json())) == telegram
        assert codes(receiver.decode(compact)) == ["unknown_signature"]
    assert receiver.decode(frame(0x69, "08 31 3B 02 02 02 15 02 2A")).worst == "info"
    assert len(receiver.decode(compact).records) == 3


def test_formats_are_of_a_meter_type() -> None:
    receiver = Receiver()
    receiver.decode(frame(0x78, FULL_DATA))
    for meter, known in (
        ("AE0C 99999999 01 07", True),
        ("AE0C 78563412 02 07", False),
        ("AE0C 78563412 01 06", False),
        ("9315 78563412 01 07", False),
    ):
        telegram = receiver.decode(frame(0x79, "31 3B 42 A6 D2 04 2E 16 34 23", meter))
        assert (len(telegram.records) == 3) is known


def test_formats_are_bounded() -> None:
    receiver = Receiver(formats=Formats(limit=2))
    meters = [f"AE0C 78563412 {version:02X} 07" for version in (1, 2, 3)]
    for meter in meters:
        receiver.decode(frame(0x78, FULL_DATA, meter))
        assert len(receiver.formats) <= 2
    compact = [receiver.decode(frame(0x79, "31 3B 42 A6 D2 04 2E 16 34 23", meter)) for meter in meters]
    assert [codes(telegram) for telegram in compact] == [["unknown_signature"], [], []]


def test_encrypted_full_frames_teach_and_encrypted_compact_frames_are_read() -> None:
    receiver = Receiver(KEY)
    records = [
        {"quantity": "energy", "dib": "02", "vib": "02", "value": "123.4"},
        {"quantity": "volume", "dib": "02", "vib": "15", "value": "567.8"},
    ]
    full = {"link": "wireless", "meter": WATER_METER, "security": {"mode": 5}, "records": records}
    octets = encode(full, keys=KEY)
    signature = crc(bytes.fromhex("0202 0215"))
    whole = crc(bytes.fromhex("0202D204 02152E16"))
    data = signature.to_bytes(2, "little") + whole.to_bytes(2, "little") + bytes.fromhex("D2042E16")
    ell = {**E69.written, "meter": WATER_METER, "frame": {"ci_field": 0x79}, "records": []}
    ell["user_data"] = {
        "format_signature": signature,
        "full_frame_crc": whole,
        "payload": data[4:].hex(),
    }
    compact = encode(ell, keys=KEY)
    for given, remark, count in (
        (compact, "unknown_signature", 0),
        (octets, "", 2),
        (compact, "", 2),
    ):
        telegram = receiver.decode(given)
        assert codes(telegram) == ([remark] if remark else [])
        assert len(telegram.records) == count
        assert encode(telegram, keys=KEY) == given
        assert Telegram.from_dict(json.loads(telegram.to_json())) == telegram
    assert codes(Receiver(OTHER).decode(compact)) == ["wrong_key"]


def test_what_is_wrong_teaches_nothing() -> None:
    """A telegram under a wrong key, or with a wrong MAC, is not what a meter sent."""
    receiver = Receiver({"default": KEY})
    damaged = bytearray(E68.octets)
    damaged[-1] ^= 1
    receiver.decode(bytes(damaged))
    Receiver(OTHER, receiver.formats).decode(E65.octets)
    assert len(receiver.formats) == 0


# --- A MAC without a header ----------------------------------------------------------------------


@pytest.mark.parametrize("ci_field", [0x78, 0x7A])
def test_a_mac_over_plain_data(ci_field: int) -> None:
    """It counts where no header announces a mode too."""
    written = {
        "link": "wireless",
        "frame": {"ci_field": ci_field},
        "meter": GAS_METER,
        "afl": {"message_counter": 5},
        "records": GAS_RECORDS,
    }
    octets = encode(written, keys=KEY)
    for keys, mac, remarks in (
        (None, "not checked", []),
        (KEY, "verified", []),
        (OTHER, "wrong", ["wrong_mac"]),
    ):
        telegram = decode(octets, keys=keys)
        assert state(telegram) == (None, "plain", mac)
        assert codes(telegram) == remarks
        assert str(telegram.records[0]) == "volume, 28504.27 m³"
        assert encode(telegram, keys=keys) == octets
        assert Telegram.from_dict(json.loads(telegram.to_json())) == telegram
    receiver = Receiver(KEY)
    assert [codes(receiver.decode(octets)) for _ in range(2)] == [[], ["replayed_counter"]]


@pytest.mark.parametrize(
    "note",
    [
        5,
        {},
        {"code": ["wrong_key"]},
        {"code": "wrong_key"},
        {"code": "wrong_key", "severity": "bad", "message": "it is"},
        {"code": "wrong_key", "severity": "error", "message": None},
        {"code": "wrong_key", "severity": "error", "message": "it is", "offset": "15"},
    ],
)
def test_remarks_that_are_none(note: Any) -> None:
    for given in ([note], note):
        values: dict[str, Any] = {**decode(E65.octets).to_dict(), "diagnostics": given}
        with pytest.raises(BuildError, match="diagnostics"):
            Telegram.from_dict(values)

"""Whatever a Receiver gives comes back from its mapping and its JSON, with the right keys and without any."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mbus_construct import BuildError, Receiver, Telegram, decode, encode
from mbus_grammars.crc import crc
from mbus_grammars.wireless import with_crcs
from radio import (
    COMPACT,
    E63,
    E65,
    E68,
    E69,
    EXAMPLES,
    FORMAT,
    FULL,
    GAS_METER,
    KEY,
    LINK,
    MASTER,
    OTHER,
    WATER_METER,
    Example,
    by_radio,
    codes,
    in_fragments,
)
from telegrams import response

GATEWAY: dict[str, Any] = {**GAS_METER, "identification_number": "00000001", "device_type": 0x31}


def assert_restored(telegram: Telegram, keys: Any) -> None:
    """From its mapping and its JSON, with its keys, and without them."""
    for values in (telegram.to_dict(), json.loads(telegram.to_json())):
        assert Telegram.from_dict(values) == telegram
        assert Telegram.from_dict(values, keys=keys) == telegram
    assert Telegram.from_json(telegram.to_json(), keys=keys) == telegram


def assert_all_restored(frames: list[bytes], keys: Any, expected: list[list[str]]) -> list[Telegram]:
    receiver = Receiver(keys)
    telegrams = [receiver.decode(frame) for frame in frames]
    assert [codes(telegram) for telegram in telegrams] == expected
    for telegram in telegrams:
        assert_restored(telegram, keys)
    return telegrams


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_the_examples_and_their_repeats(example: Example) -> None:
    replayed = ["replayed_counter"] if example is E68 else []
    assert_all_restored([example.octets, example.octets], example.key, [[], replayed])
    for keys in (None, {"99999999": KEY}, OTHER):
        receiver = Receiver(keys)
        for _ in range(2):
            assert_restored(receiver.decode(example.octets), keys)


def test_what_a_key_opens_now() -> None:
    """Of a telegram that came without its key, or with a wrong one, the remarks of before go."""
    for example in (E65, E68, E69):
        for keys in (None, OTHER):
            values = Receiver(keys).decode(example.octets).to_dict()
            assert Telegram.from_dict(values, keys=example.key) == decode(example.octets, keys=example.key)


def test_wrong_macs() -> None:
    damaged = E68.octets[:-1] + bytes([E68.octets[-1] ^ 1])
    assert_all_restored([damaged, E68.octets, damaged], MASTER, [["wrong_mac"], [], ["wrong_mac"]])


# --- Compact frames ------------------------------------------------------------------------------


@pytest.mark.parametrize("teacher", [FULL, FORMAT])
@pytest.mark.parametrize("keys", [KEY, {}, {"99999999": OTHER}])
def test_compact_frames(teacher: bytes, keys: Any) -> None:
    damaged = COMPACT[:-1] + bytes([COMPACT[-1] ^ 1])
    frames = [COMPACT, teacher, COMPACT, damaged, with_crcs(COMPACT, "A"), with_crcs(COMPACT, "B")]
    told = ["format_frame"] if teacher is FORMAT else []
    expected = [["unknown_signature"], told, [], ["full_frame_crc"], [], []]
    telegrams = assert_all_restored(frames, keys, expected)
    assert [len(telegram.records) for telegram in telegrams] == [0, 3 * (teacher is FULL), 3, 0, 3, 3]


def secret_compact(payload: str = "D2042E163423", **given: Any) -> bytes:
    """A compact frame of the format that FULL teaches."""
    data = {
        "format_signature": crc(bytes.fromhex("02020215022A")),
        "full_frame_crc": crc(bytes.fromhex("0202D20402152E16022A3423")),
        "payload": payload,
    }
    written: dict[str, Any] = {
        "link": "wireless",
        "frame": {"ci_field": 0x79},
        "meter": WATER_METER,
        "user_data": data,
    }
    return encode({**written, **given}, keys=KEY)


SESSION: dict[str, Any] = {
    "ci_field": 0x8D,
    "session_number": {"encryption": "AES-128-CTR", "time": 7, "session": 2},
}


def test_secret_compact_frames() -> None:
    """Behind an encrypted link layer, in security mode 5, and with a MAC that counts."""
    short = {"frame": {"ci_field": 0x7B}, "access_number": 3, "configuration_field": 0x0510}
    frames = [
        FULL,
        secret_compact(ell=SESSION),
        secret_compact(afl={"message_counter": 9}),
        secret_compact(afl={"message_counter": 9}),
        secret_compact(afl={"message_counter": 10}, ell=SESSION),
        secret_compact(security={"mode": 5}, payload="D2042E163423 2F2F2F2F", **short),
    ]
    telegrams = assert_all_restored(frames, KEY, [[], [], [], ["replayed_counter"], [], []])
    assert all(len(telegram.records) == 3 for telegram in telegrams)


# --- Fragments -----------------------------------------------------------------------------------


def message(count: int, **given: Any) -> bytes:
    """A message of so many records, mode 7 with a MAC."""
    records = [
        {"quantity": "volume", "unit": "m³", "value": number, "storage_number": number}
        for number in range(1, count + 1)
    ]
    written: dict[str, Any] = {
        "link": "wireless",
        "meter": GAS_METER,
        "access_number": 5,
        "afl": {"message_counter": 77},
        "security": {"mode": 7},
        "records": records,
    }
    return encode({**written, **given}, keys=KEY)


FRAGMENTS = in_fragments(message(20), 60, 40)


@pytest.mark.parametrize("frame_format", ["CRC-less", "A", "B"])
def test_fragments(frame_format: Any) -> None:
    first, second, third = (with_crcs(frame, frame_format) for frame in FRAGMENTS)
    frames = [third, first, second, second, third, third, first, third, first, second, third]
    one, lost = ["fragment"], ["fragment_missing"]
    expected = [lost, one, one, one, ["joined"], one, one, lost, one, one, ["joined", "replayed_counter"]]
    assert_all_restored(frames, KEY, expected)
    closed = [["joined", "encrypted"] if item == ["joined"] else item for item in expected[:-1]]
    assert_all_restored(frames, None, [*closed, ["joined", "encrypted"]])
    expected = [["joined", "wrong_key"] if "joined" in item else item for item in expected]
    for place in (5, 7):
        expected[place] = ["joined", "wrong_key"]  # what could not be read is not over
    assert_all_restored(frames, OTHER, expected)


def test_a_joined_message_is_opened_by_a_key() -> None:
    receiver = Receiver()
    closed = [receiver.decode(frame) for frame in FRAGMENTS][-1]
    receiver = Receiver(KEY)
    opened = [receiver.decode(frame) for frame in FRAGMENTS][-1]
    assert codes(closed) == ["joined", "encrypted"]
    assert Telegram.from_dict(closed.to_dict(), keys=KEY) == opened


@pytest.mark.parametrize("ell", [None, {"ci_field": 0x8C}, SESSION])
def test_messages_longer_than_a_telegram(ell: Any) -> None:
    """Plain ones, for mode 7 has no room for so many octets."""
    first = decode(message(1, security=None, afl=None, access_number=0)).to_dict()
    count = 60
    octets = b"\x78" + b"".join(bytes.fromhex(f"8C8000 16 {number:02d}000000") for number in range(count))
    frames: list[bytes] = []
    for number in range(1, 5):
        part = octets[(number - 1) * 120 : number * 120 if number < 4 else None]
        afl = {"fragmentation_control": number | (0x4000 if number < 4 else 0), "fragment": part.hex()}
        given: dict[str, Any] = {"link": "wireless", "frame": first["frame"] | {"ci_field": None}}
        frames.append(encode(given | {"afl": afl, "ell": ell}, keys=KEY))
    assert len(octets) > 400
    *_, last = assert_all_restored(frames, KEY, [["fragment"]] * 3 + [["joined"]])
    assert [record.value for record in last.records] == list(range(count))
    with pytest.raises(BuildError, match="octets in frame format CRC-less"):
        encode(last, keys=KEY)


# --- Telegrams in records ------------------------------------------------------------------------


def container(octets: bytes) -> bytes:
    """On wires, as a gateway passes it on."""
    return response(f"0D FD 3B {len(octets):02X} {octets.hex()} 0C 78 44 33 22 11")


def by_gateway(octets: bytes) -> bytes:
    """By radio, encrypted by the gateway."""
    record = {"dib": "0D", "vib": "FD3B", "data": f"{len(octets):02X}{octets.hex()}"}
    written: dict[str, Any] = {
        "link": "wireless",
        "meter": GATEWAY,
        "access_number": 1,
        "security": {"mode": 5},
        "records": [record],
    }
    return encode(written, keys=MASTER)


KEYS: dict[str, Any] = {"00000001": MASTER, "ELS-12345678": [KEY, MASTER], "CEN": KEY, "KAM": E69.key}
INNER = {
    "plain": [E63.octets],
    "mode 5": [E65.octets],
    "mode 5, format A": [with_crcs(E65.octets, "A")],
    "mode 7": [E68.octets, E68.octets],
    "link layer": [E69.octets],
    "link layer and mode 5": [
        encode({**E65.written, "meter": WATER_METER, "link": "wireless", "ell": SESSION}, keys=KEY)
    ],
    "compact": [COMPACT, FULL, COMPACT],
    "secret compact": [FULL, secret_compact(ell=SESSION), secret_compact(afl={"message_counter": 9})],
    "fragments": FRAGMENTS,
}


@pytest.mark.parametrize("name", INNER)
@pytest.mark.parametrize("wrap", [container, by_gateway])
def test_telegrams_in_records(name: str, wrap: Any) -> None:
    """What was opened in a record stays open, and what a Receiver knew of it is known."""
    receiver, plain = Receiver(KEYS), Receiver(KEYS)
    for octets in INNER[name]:
        telegram = receiver.decode(wrap(octets))
        (contained,) = telegram.contained
        alone = plain.decode(octets)
        assert contained.telegram == alone
        assert alone.encrypted == b""
        assert_restored(telegram, KEYS)
        assert encode(telegram, keys=KEYS) == wrap(octets)
        closed = decode(wrap(octets))
        assert_restored(closed, {})
        assert Telegram.from_dict(closed.to_dict(), keys=KEYS) == decode(wrap(octets), keys=KEYS)


def test_containers_in_containers() -> None:
    octets = container(by_gateway(E65.octets))
    telegram = Receiver(KEYS).decode(octets)
    inner = telegram.contained[0].telegram.contained[0].telegram
    assert inner.records[0].value_text == "28504.27 m³"
    assert_restored(telegram, KEYS)
    half = Receiver({"00000001": MASTER}).decode(octets)
    assert half.contained[0].telegram.contained[0].telegram.encrypted
    assert_restored(half, {"00000001": MASTER})


def test_the_record_counts_and_not_what_was_in_it() -> None:
    """A telegram that cannot be the one of the record's octets is none of it."""
    values: Any = decode(container(E65.octets), keys=KEYS).to_dict()
    encrypted = decode(container(E65.octets)).contained
    other = values | {"contained": [{"record": 0, "telegram": decode(E69.octets, keys=E69.key).to_dict()}]}
    assert Telegram.from_dict(other).contained == encrypted
    inner = json.loads(json.dumps(values))
    inner["contained"][0]["telegram"]["access_number"] = 43
    assert Telegram.from_dict(inner).contained == encrypted
    assert Telegram.from_dict(values | {"contained": []}).contained == encrypted
    changed = json.loads(json.dumps(values))
    record = changed["records"][0]
    sent = E65.octets[:-1] + bytes([E65.octets[-1] ^ 1])
    record["value"] = sent.hex().upper()
    assert Telegram.from_dict(changed).contained == decode(container(sent)).contained


@pytest.mark.parametrize(
    "given", [5, {}, [5], [{}], [{"record": "0"}], [{"record": 0}], [{"record": 0, "telegram": 5}]]
)
def test_contained_that_is_none(given: Any) -> None:
    values: Any = decode(container(E65.octets)).to_dict()
    with pytest.raises(BuildError, match="contained"):
        Telegram.from_dict(values | {"contained": given})
    inner = {**values["contained"][0]["telegram"], "link": "by air"}
    with pytest.raises(BuildError, match=r"contained\[0\]\.telegram\.link"):
        Telegram.from_dict(values | {"contained": [{"record": 0, "telegram": inner}]})


def test_remarks_of_guesses() -> None:
    """Octets that may be two things: said again, with keys too."""
    octets = by_radio(f"{LINK} 78 0C1378563412")
    for data in (octets, octets[10:], E65.octets[10:], bytes.fromhex("72 88776655 9344 55 08 00 04 1005")):
        telegram = Receiver(KEYS).decode(data)
        assert_restored(telegram, KEYS)

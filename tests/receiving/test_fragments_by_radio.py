"""Messages in several telegrams: joined in order, whatever comes again, is lost or comes between."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mbus_construct import BuildError, Receiver, Telegram, decode, encode
from mbus_construct.octets.locate import Layers, layers_of
from mbus_construct.receiving.fragments import Fragments, Joined
from mbus_grammars.wireless import with_crcs
from radio import GAS_METER, KEY, OTHER, WATER_METER, codes, in_fragments


def message(count: int = 20, counter: int = 77, meter: dict[str, Any] = GAS_METER) -> dict[str, Any]:
    """A message of so many records, mode 7 with a MAC."""
    records = [
        {"quantity": "volume", "unit": "m³", "value": number, "storage_number": number}
        for number in range(1, count + 1)
    ]
    return {
        "link": "wireless",
        "meter": meter,
        "access_number": 5,
        "afl": {"message_counter": counter},
        "security": {"mode": 7},
        "records": records,
    }


def sent(*sizes: int, **given: Any) -> tuple[bytes, list[bytes]]:
    """The message as one telegram, and in fragments."""
    whole = encode(message(**given), keys=KEY)
    return whole, in_fragments(whole, *sizes)


WHOLE, FRAGMENTS = sent(60, 40)


def received(receiver: Receiver, frames: list[bytes]) -> list[Telegram]:
    return [receiver.decode(frame) for frame in frames]


def assert_joined(telegram: Telegram, whole: bytes = WHOLE) -> None:
    alone = decode(whole, keys=KEY)
    assert codes(telegram) == ["joined"]
    assert telegram.records == alone.records
    assert telegram.security == alone.security
    assert telegram.security is not None
    assert (telegram.security.state, telegram.security.mac) == ("decrypted", "verified")
    assert (telegram.meter, telegram.access_number) == (alone.meter, alone.access_number)
    assert telegram.frame == alone.frame


def test_in_order() -> None:
    first, second, third = received(Receiver(KEY), FRAGMENTS)
    for number, telegram in enumerate((first, second), 1):
        assert codes(telegram) == ["fragment"]
        assert telegram.diagnostics[0].message == f"fragment {number} of a message, more follow"
        assert (telegram.worst, telegram.records) == ("info", ())
        assert telegram.afl is not None
        assert (
            telegram.afl.fragment == WHOLE[24 + 60 * (number - 1) + 3 :][: len(telegram.afl.fragment or b"")]
        )
    assert_joined(third)
    assert third.afl is not None
    assert (third.afl.fragment, third.afl.message_counter, len(third.afl.mac)) == (None, 77, 8)


@pytest.mark.parametrize("sizes", [(1,), (16, 16, 16), tuple([8] * 15), (100, 0)])
def test_in_any_pieces(sizes: tuple[int, ...]) -> None:
    whole, frames = sent(*sizes)
    assert_joined(received(Receiver(KEY), frames)[-1], whole)


def test_decode_alone_says_that_a_receiver_joins_them() -> None:
    for number, frame in enumerate(FRAGMENTS, 1):
        telegram = decode(frame, keys=KEY)
        assert codes(telegram) == ["fragment"]
        assert (
            telegram.diagnostics[0].message
            == f"fragment {number} of a message; a Receiver joins the fragments"
        )
        assert telegram.records == ()
        assert encode(telegram, keys=KEY) == frame
        assert Telegram.from_dict(json.loads(telegram.to_json())) == telegram


@pytest.mark.parametrize("order", [(1, 1, 2, 3), (1, 2, 2, 3), (1, 2, 1, 3), (1, 1, 2, 1, 2, 2, 3)])
def test_what_comes_again_changes_nothing(order: tuple[int, ...]) -> None:
    telegrams = received(Receiver(KEY), [FRAGMENTS[number - 1] for number in order])
    assert_joined(telegrams[-1])
    assert all(telegram.worst == "info" for telegram in telegrams[:-1])
    again = [telegram for telegram in telegrams if "came again" in telegram.diagnostics[0].message]
    assert len(again) == len(order) - 3


def test_a_last_fragment_that_comes_again_is_no_fault() -> None:
    receiver = Receiver(KEY)
    received(receiver, FRAGMENTS)
    for _ in range(2):
        telegram = receiver.decode(FRAGMENTS[2])
        assert (codes(telegram), telegram.worst) == (["fragment"], "info")
        assert telegram.diagnostics[0].message == "fragment 3 came again"


def test_a_whole_message_that_comes_again_is_replayed() -> None:
    receiver = Receiver(KEY)
    received(receiver, FRAGMENTS)
    last = received(receiver, FRAGMENTS)[-1]
    assert codes(last) == ["joined", "replayed_counter"]
    assert last.records == decode(WHOLE, keys=KEY).records


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ((2,), "fragment 2 came, fragment 1 of the message is missing"),
        ((3,), "fragment 3 came, fragment 1 of the message is missing"),
        ((1, 3), "fragment 3 came, fragment 2 of the message is missing"),
    ],
)
def test_a_fragment_that_is_missing(order: tuple[int, ...], reason: str) -> None:
    receiver = Receiver(KEY)
    lost = received(receiver, [FRAGMENTS[number - 1] for number in order])[-1]
    assert (codes(lost), lost.worst) == (["fragment_missing"], "error")
    assert lost.diagnostics[0].message == reason
    assert lost.records == ()
    assert_joined(received(receiver, FRAGMENTS)[-1])  # the next message is whole


def test_a_message_that_starts_anew() -> None:
    whole, frames = sent(60, 40, counter=78)
    telegrams = received(Receiver(KEY), [*FRAGMENTS[:2], *frames])
    assert_joined(telegrams[-1], whole)
    assert [telegram.worst for telegram in telegrams] == ["info"] * 5


def test_meters_between_each_other() -> None:
    other, others = sent(50, 60, meter=WATER_METER)
    mixed = [frame for pair in zip(FRAGMENTS, others, strict=True) for frame in pair]
    telegrams = received(Receiver(KEY), mixed)
    assert_joined(telegrams[4])
    assert_joined(telegrams[5], other)


def test_a_whole_telegram_between_fragments() -> None:
    receiver = Receiver(KEY)
    received(receiver, FRAGMENTS[:2])
    whole = encode(message(count=1, counter=3), keys=KEY)
    assert receiver.decode(whole).diagnostics == ()
    assert_joined(receiver.decode(FRAGMENTS[2]))


def test_every_bit_of_the_message_is_covered() -> None:
    """By one MAC over all fragments: a wrong one gives no values, and locks out no later message."""
    receiver = Receiver(KEY)
    behind_control = 14
    for place, frame in enumerate(FRAGMENTS):
        for octet in range(behind_control, len(frame)):
            changed = frame[:octet] + bytes([frame[octet] ^ 1]) + frame[octet + 1 :]
            last = received(receiver, [*FRAGMENTS[:place], changed, *FRAGMENTS[place + 1 :]])[-1]
            assert last.records == (), (place, octet)
            found = {"wrong_mac", "wrong_key", "encrypted_blocks", "security_mode"} & set(codes(last))
            assert found or (last.frame.ci_field != 0x7A and last.encrypted == b""), (place, octet)
            assert last.worst in ("error", "warning")
    assert_joined(received(receiver, FRAGMENTS)[-1])


@pytest.mark.parametrize(("keys", "code"), [(None, "encrypted"), (OTHER, "wrong_key")])
def test_without_the_key(keys: str | None, code: str) -> None:
    last = received(Receiver(keys), FRAGMENTS)[-1]
    assert codes(last) == ["joined", code]
    assert last.records == ()
    assert last.encrypted
    assert Telegram.from_dict(json.loads(last.to_json())) == last


def test_joined_messages_as_json_and_as_octets() -> None:
    last = received(Receiver(KEY), FRAGMENTS)[-1]
    assert Telegram.from_dict(json.loads(last.to_json())) == last
    assert encode(last, keys=KEY) == WHOLE  # the message as one telegram


def test_messages_longer_than_a_telegram() -> None:
    """What no telegram holds is there as values, and as JSON; it is not sent as one telegram."""
    count = 60
    records = message(count)["records"]
    parts = []
    for start in range(0, count, 15):
        written = message() | {"records": records[start : start + 15], "frame": {"ci_field": 0x78}}
        del written["security"], written["afl"], written["access_number"]
        parts.append(encode(written)[11:])
    octets = b"\x78" + b"".join(parts)
    assert len(octets) > 400
    link = encode(message(1), keys=KEY)[1:10]
    frames: list[bytes] = []
    for number in range(1, 5):
        part = octets[(number - 1) * 120 : number * 120 if number < 4 else None]
        control = number | (0x4000 if number < 4 else 0)
        behind = link + bytes([0x90, 2]) + control.to_bytes(2, "little") + part
        frames.append(bytes([len(behind)]) + behind)
    last = received(Receiver(), frames)[-1]
    assert codes(last) == ["joined"]
    assert [record.value for record in last.records] == list(range(1, count + 1))
    assert last.records[-1].offset > 256
    assert Telegram.from_dict(json.loads(last.to_json())) == last
    with pytest.raises(BuildError, match="at most 245 octets in frame format CRC-less"):
        encode(last)


def test_a_length_that_is_not_the_messages() -> None:
    """The message length of the first fragment is checked where there is one."""
    for length, lost in ((len(WHOLE) - 29 + 1, True), (len(b"\x78\x0c\x13\x78\x56\x34\x12"), False)):
        message_ = b"\x78\x0c\x13\x78\x56\x34\x12"
        link = WHOLE[1:10]
        first = (
            link + b"\x90\x04" + (0x5001).to_bytes(2, "little") + length.to_bytes(2, "little") + message_[:3]
        )
        second = link + b"\x90\x02" + (0x0002).to_bytes(2, "little") + message_[3:]
        receiver = Receiver()
        receiver.decode(bytes([len(first)]) + first)
        last = receiver.decode(bytes([len(second)]) + second)
        assert codes(last) == (["fragment_missing"] if lost else ["joined"])
        assert [str(record) for record in last.records] == ([] if lost else ["volume, 12345.678 m³"])


def test_one_fragment_is_a_message() -> None:
    receiver = Receiver(KEY)
    (frame,) = in_fragments(WHOLE)[:1]
    only = frame[:12] + (0x2C01).to_bytes(2, "little") + frame[14:]
    assert only[14:] == WHOLE[14:]
    for remarks in (["joined"], ["joined", "replayed_counter"]):
        assert codes(receiver.decode(only)) == remarks


# --- What belongs together -----------------------------------------------------------------------

PLAIN = b"\x78" + bytes.fromhex("0C1378563412 0C1321436587")  # two volumes, told apart by their octets


def fragment(number: int, part: bytes, *, more: bool, **fields: str) -> bytes:
    """A fragment without MAC with these fields of the AFL, in hex."""
    bits = {"message_control": 0x2000, "key_information": 0x0200, "message_counter": 0x0800}
    control = number | (0x4000 if more else 0) | sum(bits[name] for name in fields)
    body = control.to_bytes(2, "little") + bytes.fromhex("".join(fields.get(name, "") for name in bits))
    behind = WHOLE[1:10] + bytes([0x90, len(body)]) + body + part
    return bytes([len(behind)]) + behind


@pytest.mark.parametrize(
    ("name", "value", "other"),
    [
        ("message_counter", "05000000", "06000000"),
        ("message_control", "00", "40"),
        ("key_information", "0100", "0200"),
    ],
)
def test_fragments_of_two_messages_are_not_joined(name: str, value: str, other: str) -> None:
    first = fragment(1, PLAIN[:5], more=True, **{name: value})
    second = fragment(2, PLAIN[5:], more=False, **{name: value})
    strange = fragment(2, PLAIN[5:], more=False, **{name: other})
    receiver = Receiver()
    receiver.decode(first)
    lost = receiver.decode(strange)
    assert (codes(lost), lost.worst, lost.records) == (["fragment_missing"], "error", ())
    assert lost.diagnostics[0].message == (
        f"fragment 2 came of another message: its {name.replace('_', ' ')} differs, "
        "fragment 2 of the message is missing"
    )
    joined = receiver.decode(second)  # a last one that is another message's costs nothing
    assert codes(joined) == ["joined"]
    assert len(joined.records) == 2
    assert codes(receiver.decode(second)) == ["fragment"]  # came again
    assert codes(receiver.decode(strange)) == ["fragment_missing"]


def test_any_two_fragments_must_agree() -> None:
    """Not the first alone says of which message it is; and what follows a strange one is strange too."""
    parts = (PLAIN[:4], PLAIN[4:9], PLAIN[9:])
    first = fragment(1, parts[0], more=True)
    second = fragment(2, parts[1], more=True, message_counter="05000000")
    third = fragment(3, parts[2], more=False, message_counter="05000000")
    receiver = Receiver()
    assert len(received(receiver, [first, second, third])[-1].records) == 2
    strange = fragment(3, parts[2], more=False, message_counter="06000000")
    assert codes(received(receiver, [first, second, strange])[-1]) == ["fragment_missing"]
    between = fragment(2, parts[1], more=True, message_counter="06000000")
    begun = fragment(1, parts[0], more=True, message_counter="05000000")
    silent = fragment(3, parts[2], more=False)
    for order in ([begun, between, silent], [begun, between, between, silent]):
        assert codes(received(receiver, order)[-1]) == ["fragment_missing"]


def test_a_repeated_number_with_other_fields_is_no_repeat() -> None:
    receiver = Receiver()
    receiver.decode(fragment(1, PLAIN[:4], more=True, message_counter="05000000"))
    receiver.decode(fragment(2, PLAIN[4:9], more=True, message_counter="05000000"))
    again = receiver.decode(fragment(2, PLAIN[4:9], more=True, message_counter="06000000"))
    assert codes(again) == ["fragment_missing"]


# --- A last fragment that is damaged -------------------------------------------------------------


@pytest.mark.parametrize("place", [-1, -20, 15, 22])
def test_a_damaged_last_fragment_may_be_repeated(place: int) -> None:
    """In its data or its MAC: those before it wait for a good one."""
    changed = bytearray(FRAGMENTS[2])
    changed[place] ^= 1
    receiver = Receiver(KEY)
    received(receiver, FRAGMENTS[:2])
    for _ in range(3):
        damaged = receiver.decode(bytes(changed))
        assert codes(damaged)[0] == "joined"
        assert (damaged.worst, damaged.records) == ("error", ())
    assert_joined(receiver.decode(FRAGMENTS[2]))
    again = receiver.decode(FRAGMENTS[2])
    assert (codes(again), again.worst) == (["fragment"], "info")
    assert "came again" in again.diagnostics[0].message
    assert codes(receiver.decode(bytes(changed)))[0] == "fragment_missing"  # the message is over


def test_a_last_fragment_of_another_length_may_be_repeated() -> None:
    link = WHOLE[1:10]
    head = link + b"\x90\x04" + (0x5001).to_bytes(2, "little") + len(PLAIN).to_bytes(2, "little")
    first = bytes([len(head) + 5]) + head + PLAIN[:5]
    receiver = Receiver()
    receiver.decode(first)
    short = receiver.decode(fragment(2, PLAIN[5:-1], more=False))
    assert codes(short) == ["fragment_missing"]
    assert short.diagnostics[0].message == "the message has 12 octets, its first fragment says 13"
    assert codes(receiver.decode(fragment(2, PLAIN[5:], more=False))) == ["joined"]


def test_a_whole_message_repeated_after_damage() -> None:
    changed = FRAGMENTS[2][:-1] + bytes([FRAGMENTS[2][-1] ^ 1])
    receiver = Receiver(KEY)
    received(receiver, [*FRAGMENTS[:2], changed])
    assert_joined(received(receiver, FRAGMENTS)[-1])
    whole, frames = sent(60, 40, counter=78)
    received(receiver, [*FRAGMENTS[:2], changed])
    assert_joined(received(receiver, frames)[-1], whole)  # or another one that starts anew


def test_a_message_without_a_key_is_over_too() -> None:
    receiver = Receiver()
    assert codes(received(receiver, FRAGMENTS)[-1]) == ["joined", "encrypted"]
    assert codes(receiver.decode(FRAGMENTS[2])) == ["fragment"]


def test_frames_that_are_read_twice_count_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong in format B is read as a frame without CRCs too, before anything is remembered."""
    taken: list[bytes] = []
    join = Fragments.join

    def counted(self: Fragments, octets: bytes, layers: Layers) -> Joined:
        taken.append(octets)
        return join(self, octets, layers)

    monkeypatch.setattr(Fragments, "join", counted)
    receiver = Receiver(KEY)
    in_b = [with_crcs(frame, "B") for frame in FRAGMENTS]
    found: list[list[str]] = []
    for number in (2, 0, 2, 0, 1, 2, 2):
        telegram = receiver.decode(in_b[number])
        assert telegram.frame.format == "B"
        assert taken == [FRAGMENTS[number]]
        taken.clear()
        found.append(codes(telegram))
    one, lost = ["fragment"], ["fragment_missing"]
    assert found == [lost, one, lost, one, one, ["joined"], one]


# --- Around the message --------------------------------------------------------------------------


def within_ell(frame: bytes, ell: dict[str, Any]) -> bytes:
    """A fragment in an extended link layer of its own."""
    values: dict[str, Any] = {**decode(frame).to_dict(), "ell": ell}
    return encode(values, keys=KEY)


ELLS: list[dict[str, Any]] = [
    {"ci_field": 0x8C, "communication_control": 0x20},
    {"ci_field": 0x8D, "session_number": {"encryption": "AES-128-CTR", "time": 5, "session": 1}},
    {"ci_field": 0x8D, "session_number": 0x1000},
    {"ci_field": 0x8E, "receiver": WATER_METER},
]


@pytest.mark.parametrize("ell", ELLS)
def test_fragments_behind_an_extended_link_layer(ell: dict[str, Any]) -> None:
    """Each has its own; the message has that of the last one, and its offsets count from there."""
    frames = [within_ell(frame, {**ell, "access_number": number}) for number, frame in enumerate(FRAGMENTS)]
    last = received(Receiver(KEY), frames)[-1]
    alone = decode(WHOLE, keys=KEY)
    assert codes(last) == ["joined"]
    assert [record.value for record in last.records] == [record.value for record in alone.records]
    assert last.ell == decode(frames[2], keys=KEY).ell
    assert last.ell is not None
    assert last.ell.access_number == 2
    octets = encode(last, keys=KEY)
    assert decode(octets, keys=KEY).records == last.records
    assert Telegram.from_dict(json.loads(last.to_json())) == last
    assert Telegram.from_dict(last.to_dict(), keys=KEY) == last


def test_fragments_on_wires_are_not_joined() -> None:
    """Nobody says whose they are."""
    receiver = Receiver()
    for number in (1, 2):
        octets = bytes.fromhex(f"90 02 0{number} {4 if number == 1 else 0}0") + PLAIN
        body = b"\x08\x01" + octets
        wired = bytes([0x68, len(body), len(body), 0x68]) + body + bytes([sum(body) & 0xFF, 0x16])
        telegram = receiver.decode(wired)
        assert codes(telegram) == ["fragment"]
        assert telegram.diagnostics[0].message == (
            f"fragment {number} of a message; only fragments that came by radio are joined"
        )
        assert telegram.records == ()
        assert Telegram.from_dict(json.loads(telegram.to_json())) == telegram
    assert len(receiver._fragments) == 0


def test_bounded() -> None:
    fragments = Fragments(limit=3)
    for number in range(10):
        frame = bytearray(FRAGMENTS[0])
        frame[4] = number
        layers = layers_of(bytes(frame), "wireless")
        assert layers is not None
        assert fragments.join(bytes(frame), layers).octets is None
        assert len(fragments) <= 3
    plain = {"link": "wireless", "meter": GAS_METER, "records": message(1)["records"]}
    layers = layers_of(encode(plain), "wireless")
    assert layers is not None
    with pytest.raises(ValueError, match="no AFL"):
        fragments.join(encode(plain), layers)


def test_the_oldest_is_forgotten() -> None:
    receiver = Receiver(KEY)
    receiver.decode(FRAGMENTS[0])
    for number in range(1100):
        frame = bytearray(FRAGMENTS[0])
        frame[5:7] = number.to_bytes(2, "big")
        receiver.decode(bytes(frame))
    assert codes(receiver.decode(FRAGMENTS[1])) == ["fragment_missing"]
    assert len(receiver._fragments) <= 1024

"""Simulated meters with a key: what they send is encrypted, and the standard's rules open it."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from bus_meters import volume
from helpers import long_frame
from mbus_construct import Telegram, decode
from mbus_construct.security.aes import MissingExtra, decrypt_cbc
from mbus_construct.security.keys import KeysError
from mbus_construct.simulator import SimulatedBus, SimulatedMeter, builtin_text, loads
from mbus_grammars import BuildError, Frame
from virtual import E5, Asker, command

KEY = "9F3A6CD1E857B2046E0DC5A19B7F38E2"
MASTER = "000102030405060708090A0B0C0D0E0F"

HEADER = bytes.fromhex("78563412 2440 01 07 55 00 0000")
FIXED = {
    "medium_and_units": {"unit_1": 0x29, "medium": "water", "unit_2": 0x3E},
    "counter_1": 1,
    "counter_2": 2,
}

# The standard's example of mode 5 on the wire (OMS annex N.5.4), its key is MASTER.
E67 = bytes.fromhex(
    "68 2C 2C 68 08 FD 72 88 77 66 55 93 44 55 08 00 04 10 05 00 DF E2 A7 82 14 6D 15 13 58 1C D2 F8 3F 39 "
    "04 0C FD 10 78 56 34 12 0C 78 44 33 22 11 26 16"
)


def sealed(*values: str, **more: Any) -> SimulatedMeter:
    """A meter with a key; each value is a telegram of its own."""
    given: dict[str, Any] = {
        "records": [volume(value, telegram=index + 1) for index, value in enumerate(values)],
        "identification_number": "12345678",
        "manufacturer": "PAD",
        "version": 1,
        "device_type": 7,
        "key": KEY,
    }
    return SimulatedMeter(5, **(given | more))


def replies(meter: SimulatedMeter, count: int) -> list[bytes]:
    """What REQ_UD2 gives, with the FCB set and not set in turn."""
    master = Asker(SimulatedBus([meter]))
    return [master.read(5, fcb=(index + 1) % 2) for index in range(count)]


def values(telegram: Telegram) -> list[str]:
    return [str(record.value) for record in telegram.records]


def test_mode_5_by_the_standards_rule() -> None:
    """Decrypted here by hand: the IV is manufacturer, address and eight times the access number."""
    (reply,) = replies(sealed("12.565", access_number=0xA7), 1)
    header, hidden = reply[7:19], reply[19:-2]
    assert header == bytes.fromhex("78563412 2440 01 07 A7 00 1005")
    iv = bytes.fromhex("2440 78563412 01 07") + bytes([0xA7]) * 8
    plain = decrypt_cbc(bytes.fromhex(KEY), iv, hidden)
    assert plain == bytes.fromhex("2F2F 0C13 65250100") + bytes([0x2F]) * 8
    assert Frame.parse(reply)["ci_field"] == 0x72


@pytest.mark.parametrize("mode", [5, 7])
def test_each_telegram_has_its_own_octets(mode: int) -> None:
    octets = replies(sealed("12.565", security_mode=mode, access_number=254), 5)
    telegrams = [decode(reply, keys=KEY) for reply in octets]
    assert [telegram.access_number for telegram in telegrams] == [254, 255, 0, 1, 2]
    assert [values(telegram) for telegram in telegrams] == [["12.565"]] * 5
    assert [telegram.diagnostics for telegram in telegrams] == [()] * 5
    assert all(telegram.security and telegram.security.mode == mode for telegram in telegrams)
    assert len({reply[-18:-2] for reply in octets}) == 5, "never the same octets for the same values"
    closed = decode(octets[0])
    assert (closed.records, len(closed.encrypted) % 16) == ((), 0)


def test_mode_7_counts_its_messages() -> None:
    telegrams = [decode(reply, keys=KEY) for reply in replies(sealed("1", security_mode=7), 3)]
    counters = [telegram.security.message_counter for telegram in telegrams if telegram.security]
    assert counters == [counters[0], counters[0] + 1, counters[0] + 2]  # type: ignore[operator]


def test_more_records_follow_is_encrypted_too() -> None:
    first, second, again = replies(sealed("1.000", "2.000"), 3)
    assert [decode(each).more_records_follow for each in (first, second)] == [False, False]
    opened = [decode(each, keys=KEY) for each in (first, second, again)]
    assert [each.more_records_follow for each in opened] == [True, False, True]
    assert [values(each) for each in opened] == [["1.000"], ["2.000"], ["1.000"]]


@pytest.mark.parametrize("mode", [5, 7])
@pytest.mark.parametrize("count", [1, 2, 27, 28, 29, 30, 31, 32, 33, 34, 35, 90])
def test_as_many_records_as_fit(mode: int, count: int) -> None:
    """Records are distributed so that each telegram is a frame when it is encrypted, and wholly so."""
    records = [volume("1", storage_number=index) for index in range(count)]
    meter = sealed(records=records, security_mode=mode)
    found: list[Telegram] = []
    for reply in replies(meter, 5):
        found.append(decode(reply, keys=KEY))
        assert not decode(reply).records
        if not found[-1].more_records_follow:
            break
    assert sum(len(telegram.records) for telegram in found) == count
    assert not any(telegram.diagnostics for telegram in found)


def test_values_move_and_are_written() -> None:
    meter = sealed(records=[volume("1.000", rate="3.600")], writable=True)
    master = Asker(SimulatedBus([meter]))
    before = decode(master.read(5, 1), keys=KEY)
    master.listen(10)
    after = decode(master.read(5, 0), keys=KEY)
    assert (values(before), values(after)) == (["1.000"], ["1.010"])
    assert master.ask(command("0C 13 00 70 00 00")) == E5
    assert values(decode(master.read(5, 1), keys=KEY)) == ["7.000"]


# --- Captured telegrams ----------------------------------------------------------------------------


def test_a_captured_telegram_is_opened_and_sealed_anew() -> None:
    """With another access number, and all of it encrypted; its values are those of the standard."""
    meter = SimulatedMeter(5, [E67], key=MASTER)
    captured = decode(E67, keys=MASTER)
    for index, reply in enumerate(replies(meter, 3)):
        assert not decode(reply).records
        telegram = decode(reply, keys=MASTER)
        assert telegram.access_number == index
        assert [str(record) for record in telegram.records] == [str(record) for record in captured.records]
        assert telegram.diagnostics == ()
        places = [item.before_record for item in telegram.special_functions]
        assert places.count(0) == 2, "the fillers that it came with are not sent a second time"


@pytest.mark.parametrize("captured", [5, 7])
@pytest.mark.parametrize("mode", [5, 7])
def test_captured_in_one_mode_and_sent_in_another(captured: int, mode: int) -> None:
    octets = replies(sealed("1.000", "2.000", security_mode=captured), 2)
    found = [
        decode(reply, keys=KEY)
        for reply in replies(SimulatedMeter(5, octets, key=KEY, security_mode=mode), 2)
    ]
    assert [values(telegram) for telegram in found] == [["1.000"], ["2.000"]]
    assert [telegram.more_records_follow for telegram in found] == [True, False]
    assert {telegram.security and telegram.security.mode for telegram in found} == {mode}


def test_a_plain_captured_telegram_is_encrypted() -> None:
    octets = long_frame(HEADER + bytes.fromhex("0C 13 65 25 01 00"))
    assert values(decode(octets)) == ["12.565"]
    (reply,) = replies(SimulatedMeter(5, [octets], key=KEY), 1)
    assert (decode(reply).records, values(decode(reply, keys=KEY))) == ((), ["12.565"])


def test_without_a_key_a_captured_telegram_keeps_the_access_number_that_opens_it() -> None:
    for reply in replies(SimulatedMeter(5, [E67]), 3):
        assert values(decode(reply, keys=MASTER)) == values(decode(E67, keys=MASTER))


# --- What is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "error", "words"),
    [
        ({"security_mode": 3}, BuildError, "security_mode: 3 does not fit: 5 or 7"),
        ({"key": None, "security_mode": 5}, BuildError, "security_mode: 5 does not fit: with a key"),
        ({"key": KEY[:-2]}, KeysError, "not 15"),
        ({"key": KEY[:-1] + "x"}, KeysError, "32 hex digits"),
        ({"records": (), "telegrams": [E67]}, BuildError, "telegrams that are plain, or that the key opens"),
        (
            {"records": (), "telegrams": [long_frame(bytes.fromhex("0C 13 65 25 01 00"), 0x78)]},
            BuildError,
            "telegrams: 'CI 78h' does not fit: telegrams with a long header (CI 72h)",
        ),
        ({"records": (), "fixed": FIXED}, BuildError, "telegrams: 'CI 73h' does not fit"),
    ],
)
def test_what_cannot_be_sealed(more: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error) as caught:
        sealed("1", **more)
    assert words in str(caught.value)
    assert KEY[:6] not in str(caught.value)


def test_what_is_too_long_once_it_is_encrypted() -> None:
    """A plain frame of the greatest length has no room for fillers."""
    octets = long_frame(HEADER + bytes.fromhex("0F") + bytes(238))
    assert len(replies(SimulatedMeter(5, [octets]), 1)[0]) == len(octets)
    with pytest.raises(BuildError, match="at most 238 octets"):
        SimulatedMeter(5, [octets], key=KEY)


def test_without_cryptography(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers", None)
    with pytest.raises(MissingExtra, match=r"mbus-construct\[crypto\]"):
        sealed("1")


def test_no_key_shows() -> None:
    meter = sealed("1.000")
    shown = repr([meter, vars(meter), meter.telegram(0, 1, 0.0)])
    assert "Protection(Key(...), 5)" in shown
    assert KEY[:6] not in shown.upper()


@pytest.mark.parametrize("mode", [5, 7])
def test_the_built_in_file_shows_how(mode: int) -> None:
    """The key in it is commented out; without the # its meter encrypts."""
    example = f'# key = "{MASTER}"'
    assert example in builtin_text()
    lines = example.removeprefix("# ") + (f"\nsecurity_mode = {mode} #" if mode != 5 else "")
    for text, encrypted in ((builtin_text(), False), (builtin_text().replace(example, lines), True)):
        reply = Asker(loads(text)).read(20)
        assert (decode(reply).records == ()) is encrypted
        telegram = decode(reply, keys=MASTER)
        assert str(telegram.records[0]).startswith("energy, 4321")
        assert (telegram.security and telegram.security.mode) == (mode if encrypted else None)

"""Encrypted meters read over a bus: with their keys, without, and with wrong ones."""

from __future__ import annotations

import asyncio
import io
import pickle
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import pytest

from bus_meters import Bench, meter, values, volume
from helpers import long_frame
from mbus_construct import (
    ApplicationError,
    AsyncClient,
    Client,
    Finding,
    Keys,
    LocalProtocolError,
    Reading,
    decode,
)
from mbus_construct.bus.events import Readout
from mbus_construct.bus.procedure import Outcome, Pause, Request
from mbus_construct.bus.readout import while_busy
from mbus_construct.bus.session import Session
from mbus_construct.bus.slave import UserData
from mbus_construct.ports.transcript import RecordingPort
from mbus_construct.security.aes import MissingExtra
from mbus_construct.security.keys import KeysError
from mbus_construct.security.sealing import seal_telegram
from mbus_construct.simulator import (
    AsyncVirtualPort,
    Behaviour,
    Fault,
    SimulatedBus,
    SimulatedMeter,
    VirtualPort,
)
from mbus_construct.simulator.listener import Listener
from mbus_grammars import Frame

ONE: Final = "9F3A6CD1E857B2046E0DC5A19B7F38E2"
OTHER: Final = "C61D2E94A7F05B83D8496BE31F7A02C5"
KEYS: Final = {"12345678": ONE, "PAD-12345679": OTHER}
MODES: Final = pytest.mark.parametrize("mode", [5, 7])

E67: Final = bytes.fromhex(
    "68 2C 2C 68 08 FD 72 88 77 66 55 93 44 55 08 00 04 10 05 00 DF E2 A7 82 14 6D 15 13 58 1C D2 F8 3F 39 "
    "04 0C FD 10 78 56 34 12 0C 78 44 33 22 11 26 16"
)
E67_KEY: Final = "000102030405060708090A0B0C0D0E0F"


def meters(mode: int = 5) -> list[SimulatedMeter]:
    """Two with keys, whose readouts have three telegrams and one, and one without."""
    return [
        meter(5, "12345678", "1.000", "2.000", "3.000", key=ONE, security_mode=mode),
        meter(6, "12345679", "6.000", key=OTHER, security_mode=mode),
        meter(7, "92345679", "7.000"),
    ]


def codes(reading: Reading) -> list[tuple[str, str]]:
    return [(item.severity, item.code) for item in reading.diagnostics]


def shows(text: str, *keys: str) -> list[str]:
    """The keys of which six digits or the octets stand in a text."""
    bare = "".join(character for character in text.upper() if character.isalnum())
    return [
        key
        for key in keys
        if any(key[at : at + 6] in bare for at in range(len(key) - 5))
        or repr(bytes.fromhex(key))[2:-1] in text
    ]


def test_this_would_be_found() -> None:
    assert shows("key 9f 3a 6c", ONE, OTHER) == [ONE]
    assert shows(repr(bytes.fromhex(OTHER)), ONE, OTHER) == [OTHER]


# --- Reading ---------------------------------------------------------------------------------------


@MODES
@pytest.mark.parametrize("keys", [KEYS, Keys.of(KEYS), {"PAD": [ONE, OTHER]}, {"default": [OTHER, ONE]}])
@pytest.mark.parametrize("address", [5, 254, "12345678", "1234567824400107"])
def test_all_telegrams_of_a_readout(mode: int, keys: Any, address: int | str) -> None:
    """DIF 1Fh is among what is encrypted, and is followed."""
    there = meters(mode)
    bench = Bench(*(there[:1] if address == 254 else there), client={"keys": keys})
    reading = bench.client.read(address)
    assert (values(reading), reading.more_records_follow, codes(reading)) == (
        ["1.000", "2.000", "3.000"],
        False,
        [],
    )
    assert {telegram.security and telegram.security.state for telegram in reading.telegrams} == {"decrypted"}


def test_one_key_for_all() -> None:
    bench = Bench(*meters(), client={"keys": ONE})
    found = dict(bench.client.read_many([5, 6, 7]))
    assert [values(found[address]) for address in (5, 7)] == [["1.000", "2.000", "3.000"], ["7.000"]]  # type: ignore[arg-type]
    wrong = found[6]
    assert isinstance(wrong, Reading)
    assert codes(wrong) == [("error", "wrong_key"), ("warning", "encrypted")]


@MODES
def test_without_a_key_nothing_is_lost(mode: int) -> None:
    bench = Bench(*meters(mode))
    reading = bench.client.read(5)
    assert codes(reading) == [("warning", "encrypted"), ("warning", "encrypted")]
    assert reading.remarks[0].message == "whether more telegrams follow is among what is encrypted"
    (telegram,) = reading.telegrams
    assert telegram.meter is not None
    assert (telegram.meter.identification_number, telegram.records) == ("12345678", ())
    assert len(telegram.encrypted) == 16
    assert [str(event) for event in bench.events if isinstance(event, Finding)] == [
        "warning: address 5: whether more telegrams follow is among what is encrypted"
    ]


@pytest.mark.parametrize(("keys", "code"), [(None, "encrypted"), (ONE, "wrong_key")])
def test_the_plain_part_is_read_without_the_right_key(keys: str | None, code: str) -> None:
    """The standard's telegram E67: its plain end says by itself that nothing follows."""
    bench = Bench(SimulatedMeter(5, [E67]), client={"keys": keys})
    reading = bench.client.read(5)
    assert [record.quantity for record in reading] == ["customer location", "fabrication number"]
    assert ([item.code for item in reading.diagnostics], reading.remarks) == ([code], ())


def test_the_standards_telegram() -> None:
    bench = Bench(SimulatedMeter(5, [E67]), client={"keys": {"QDS-55667788": E67_KEY}})
    for address in (5, "55667788"):
        reading = bench.client.read(address)
        assert [str(record) for record in reading] == [str(record) for record in decode(E67, keys=E67_KEY)]
        assert reading.diagnostics == ()


def test_a_limit_of_telegrams() -> None:
    bench = Bench(*meters(), client={"keys": KEYS})
    reading = bench.client.read(5, limit=2)
    assert (values(reading), codes(reading)) == (["1.000", "2.000"], [("warning", "incomplete")])


def test_a_meter_that_repeats_itself_with_other_octets() -> None:
    """Each telegram is encrypted by another access number: only opened ones can be seen to be the same."""
    there = meter(5, "12345678", "1.000", "2.000", key=ONE, behaviour=Behaviour(ignores_fcb=True))
    there._templates = there._templates[:1]  # the second telegram never comes
    bench = Bench(there, client={"keys": KEYS})
    reading = bench.client.read(5)
    assert (values(reading), codes(reading)) == (["1.000"], [("warning", "repeats")])


@pytest.mark.parametrize("fault", ["lost_reply", "noise", "wrong_checksum", "truncated"])
def test_faults_of_the_line(fault: str) -> None:
    """What is repeated has the same access number and the same octets, and opens as well."""
    faults = [Fault(fault, probability=0.2)]
    bench = Bench(*meters(), client={"keys": KEYS}, faults=faults, seed=3)
    assert [values(bench.client.read(5)) for _ in range(5)] == [["1.000", "2.000", "3.000"]] * 5


def test_meters_that_are_found_are_read_with_their_keys() -> None:
    """The telegram by which a meter was found is opened, and asked for again only where more follow."""
    bench = Bench(*meters(), client={"keys": KEYS})
    session = bench.client.session
    bench.client.run(session.read_all(session.scan([5, 6, 7])))
    readings = [event.reading for event in bench.events if isinstance(event, Readout) and event.reading]
    assert [values(reading) for reading in readings] == [["1.000", "2.000", "3.000"], ["6.000"], ["7.000"]]
    requests = [request.a_field for request in bench.bus.requests if request.c_name == "REQ_UD2"]
    assert (requests.count(6), requests.count(7)) == (1, 1)


# --- Other calls -----------------------------------------------------------------------------------


def test_a_change_is_confirmed_by_what_is_encrypted() -> None:
    def there() -> SimulatedMeter:
        clock = {"clock": "2026-01-01T00:00:00"}
        return meter(5, "12345678", records=[volume("1.000"), clock], writable=True, key=ONE)

    moment = datetime(2026, 5, 1, 12, 30)
    assert Bench(there(), client={"keys": KEYS}).client.set_clock(5, moment).confirmed
    assert not Bench(there()).client.set_clock(5, moment).confirmed
    bench = Bench(there(), client={"keys": KEYS})
    change = bench.client.write(5, volume("9.000"))
    assert change.confirmed
    assert str(bench.client.read(5).records[0].value) == "9.000"


def test_a_frame_by_hand_is_answered_in_plain() -> None:
    bench = Bench(*meters(), client={"keys": KEYS})
    outcome = bench.client.send("10 7B 06 81 16")
    assert [str(record.value) for record in outcome.telegram] == ["6.000"]
    assert decode(outcome.octets).records == ()


def test_an_answer_behind_one_that_says_busy_is_opened() -> None:
    """Where a request was repeated, the answer to the repetition is heard while the meter is given time."""
    busy, telegram = long_frame(b"\x08", 0x70, a_field=5), SimulatedMeter(5, [E67]).telegram(0, 1, 0.0)
    answer = long_frame(telegram.octets, telegram.ci_field, a_field=5)
    first = Outcome("data", busy, Frame.parse(busy), keys=Keys.of(E67_KEY))
    procedure = while_busy(5, first, Request("REQ_UD2", 5))
    assert isinstance(next(procedure), Finding)
    assert isinstance(procedure.send(None), Pause)
    with pytest.raises(StopIteration) as ended:
        procedure.send(answer)
    outcome, error = ended.value.value
    assert (error, len(outcome.telegram.records)) == (None, 5)


class _Refuses(SimulatedMeter):
    """Answers with an application error that is encrypted (CI 6Fh)."""

    def telegram(self, index: int, access_number: int, now: float) -> Any:
        header = bytes.fromhex("78563412 2440 01 07") + bytes([access_number]) + bytes.fromhex("00 1005")
        plain = b"\x6f" + header + bytes.fromhex("2F2F 03") + b"\x2f" * 13
        return UserData(0x6F, seal_telegram(plain, "ci_field", Keys.of(ONE))[1:])


def test_an_application_error_that_is_encrypted() -> None:
    there = _Refuses(5, records=[volume("1.000")], identification_number="12345678")
    with pytest.raises(ApplicationError, match="application error 03h") as caught:
        Bench(there, client={"keys": KEYS}).client.read(5)
    assert caught.value.code == 3
    reading = Bench(there).client.read(5)
    assert codes(reading) == [("warning", "encrypted"), ("warning", "encrypted")]


# --- Over TCP, and for asyncio ---------------------------------------------------------------------


def with_client(port: Any, keys: Any) -> list[Any]:
    with Client(port, keys=keys, baudrate=38400, timeout=5.0) as client:
        return [
            (values(client.read(5)), codes(client.read("12345679"))),
            [
                (address, values(found))
                for address, found in client.read_many([7, 6])
                if isinstance(found, Reading)
            ],
        ]


async def with_async_client(port: Any, keys: Any) -> list[Any]:
    async with AsyncClient(port, keys=keys, baudrate=38400, timeout=5.0) as client:
        return [
            (values(await client.read(5)), codes(await client.read("12345679"))),
            [
                (address, values(found))
                async for address, found in client.read_many([7, 6])
                if isinstance(found, Reading)
            ],
        ]


READ: Final[list[Any]] = [(["1.000", "2.000", "3.000"], []), [(7, ["7.000"]), (6, ["6.000"])]]
CLOSED: Final[list[Any]] = [([], [("warning", "encrypted")] * 2), [(7, ["7.000"]), (6, [])]]


@pytest.mark.parametrize(("keys", "expected"), [(KEYS, READ), (None, CLOSED)], ids=["keys", "none"])
def test_the_same_in_virtual_time_and_over_tcp(keys: Any, expected: list[Any]) -> None:
    def bus() -> SimulatedBus:
        return SimulatedBus(meters(), baudrate=38400)

    assert with_client(VirtualPort(bus()), keys) == expected
    assert asyncio.run(with_async_client(AsyncVirtualPort(bus()), keys)) == expected
    with Listener(bus(), "tcp://127.0.0.1:0", baudrate=38400) as listener:
        assert with_client(listener.url, keys) == expected
    with Listener(bus(), "tcp://127.0.0.1:0", baudrate=38400) as listener:
        assert asyncio.run(with_async_client(listener.url, keys)) == expected


# --- Keys that are none, and keys that do not show --------------------------------------------------


def made(kind: str) -> Callable[[Any], object]:
    kinds: dict[str, Callable[[Any], object]] = {
        "client": lambda keys: Client(VirtualPort(SimulatedBus([meter()])), keys=keys),
        "url": lambda keys: Client("sim:", keys=keys),
        "async": lambda keys: AsyncClient("sim:", keys=keys),
        "session": lambda keys: Session(keys=keys),
    }
    return kinds[kind]


KINDS: Final = pytest.mark.parametrize("kind", ["client", "url", "async", "session"])


@KINDS
@pytest.mark.parametrize("keys", [ONE[:-2], ONE[:-1] + "x", {"x": ONE}, {ONE: ONE}, {"PAD": ONE[:-1]}, 5])
def test_what_is_no_key(kind: str, keys: Any) -> None:
    with pytest.raises(KeysError) as caught:
        made(kind)(keys)
    assert shows(str(caught.value), ONE) == []


def test_no_port_is_opened_for_what_is_no_key() -> None:
    with pytest.raises(KeysError):
        Client("tcp://127.0.0.1:1", keys=ONE[:-2])


@KINDS
def test_without_cryptography(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Known before anything is asked; without keys nothing needs it."""
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers", None)
    with pytest.raises(MissingExtra, match=r'pip install "mbus-construct\[crypto\]"'):
        made(kind)(KEYS)
    made(kind)(None)
    made(kind)({})


def test_keys_show_nowhere() -> None:
    transcript = io.StringIO()
    there = meters()
    port = RecordingPort(VirtualPort(SimulatedBus(there)), transcript)
    events: list[Any] = []
    with Client(port, keys={"12345678": ONE, "12345679": [ONE]}, on_event=events.append) as client:
        outcome = client.send("10 5B 05 60 16")
        results: list[Any] = [
            outcome,
            client.read(5),
            client.read(6),
            *client.scan([5, 6, 7]),
            *client.search(),
        ]
        shown = [*results, *events, client, client.session, client.session.keys, vars(client.session)]
        shown += [vars(client.session.master), outcome.telegram, there, [vars(item) for item in there]]
        shown += [item.to_dict() for item in results[1:]]
        with pytest.raises(LocalProtocolError) as caught:
            client.read(255)
    assert [type(event) for event in events if isinstance(event, Finding)]
    assert outcome.keys == Keys.of({"12345678": ONE, "12345679": [ONE]})
    assert "12.565" not in transcript.getvalue()
    text = repr(shown) + "".join(map(str, shown)) + transcript.getvalue() + repr(caught.value)
    assert shows(text, ONE, OTHER) == []
    assert bytes.fromhex(ONE) not in pickle.dumps([type(event).__name__ for event in events] + events)

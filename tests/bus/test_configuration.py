"""Changing meters: what is sent, what the meter is asked afterwards, and what is refused before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from bus_meters import Bench, meter, values, volume
from mbus_construct import Client, CollisionError, LocalProtocolError, NoResponse, RemoteProtocolError
from mbus_construct.bus import configuration
from mbus_construct.bus.address import SecondaryAddress
from mbus_construct.bus.configuration import Change
from mbus_construct.simulator import Behaviour, Fault

CLOCK = {"clock": "2026-01-01T00:00"}
CLOCK_SECONDS = {"clock": "2026-01-01T00:00:00", "data_field": "48 bit integer"}
MOMENT = datetime(2030, 5, 6, 7, 8)
Do = Callable[[Client], Change]


def bench(*faults: Fault | str, **more: Any) -> Bench:
    records = [volume("12.565", writable=True), volume("1.000", storage_number=1), CLOCK]
    first = meter(5, "12345678", records=records, faults=faults, **more)
    return Bench(first, meter(6, "12345679", "6.000"))


@pytest.mark.parametrize("address", [5, "12345678", "1234567824400107", "1234FFF8"])
@pytest.mark.parametrize(
    ("do", "what", "value", "confirmed"),
    [
        (lambda c, a: c.set_address(a, 7), "primary address", 7, True),
        (lambda c, a: c.set_identification(a, "11223344"), "secondary address", "1122334424400107", True),
        (
            lambda c, a: c.set_identification(a, "11223344A7320207"),
            "secondary address",
            "11223344A7320207",
            True,
        ),
        (lambda c, a: c.set_baudrate(a, 9600), "baud rate", 9600, True),
        (lambda c, a: c.set_clock(a, MOMENT), "clock", str(MOMENT), True),
        (lambda c, a: c.reset(a), "application reset", None, True),
        (lambda c, a: c.reset(a, "user data"), "application", "user data", True),
        (lambda c, a: c.reset(a, 0x10), "application", 16, True),
        (lambda c, a: c.write(a, [volume("3.000")]), "records", "volume 3.000", True),
        (lambda c, a: c.write(a, volume("3.000")), "records", "volume 3.000", True),
        (
            lambda c, a: c.write(
                a, [{"quantity": "customer location", "value": 7, "data_field": "8 bit integer"}]
            ),
            "records",
            "customer location 7",
            None,
        ),
        (lambda c, a: c.select_readout(a, [{"quantity": "volume", "unit": "m³"}]), "readout", "volume", True),
        (lambda c, a: c.select_readout(a), "readout", "everything", True),
    ],
)
def test_a_change_is_asked_for(
    do: Any, what: str, value: object, confirmed: bool | None, address: Any
) -> None:
    b = bench()
    change = do(b.client, address)
    assert (change.what, change.to_dict()["value"], change.confirmed) == (what, value, confirmed)
    assert change.meter is not None
    assert change.to_dict()["type"] == "change"
    assert what in str(change)
    assert values(b.client.read("12345679")) == ["6.000"]
    assert values(b.client.read(change.address))  # reached from now on


def test_the_clock_to_the_second() -> None:
    b = Bench(meter(5, records=[CLOCK_SECONDS]))
    change = b.client.set_clock(5, MOMENT.replace(second=9), seconds=True)
    assert abs((change.value - MOMENT.replace(second=9)).total_seconds()) < 2  # type: ignore[operator]


@pytest.mark.parametrize(
    ("do", "says"),
    [
        (lambda c: c.set_address(5, 251), "251 is no primary address for a meter"),
        (lambda c: c.set_address(5, -1), "-1 is no primary address"),
        (lambda c: c.set_address(255, 7), "address 255 would give every meter the address 7"),
        (lambda c: c.set_address(5, 6), "address 6 is in use: a meter answers there"),
        (lambda c: c.set_identification(5, "1234567F"), "1234567F is no identification number"),
        (
            lambda c: c.set_identification(5, SecondaryAddress("12345677", "PAD")),
            "give the identification number alone",
        ),
        (lambda c: c.set_identification(5, "12345679"), "a meter has this already"),
        (
            lambda c: c.set_identification(255, "12345677"),
            "address 255 would give every meter the same number",
        ),
        (lambda c: c.set_identification(5, "123"), "is no address"),
        (lambda c: c.set_baudrate(5, 1234), "1234 baud: M-Bus has 300, 600"),
        (lambda c: c.reset(5, "no such"), "'no such' is no application: all, user data"),
        (lambda c: c.reset(5, 256), "256 is no sub-code"),
        (
            lambda c: c.set_clock(5, datetime.fromisoformat("2026-01-01T00:00+01:00")),
            "a meter's clock has no time zone",
        ),
        (lambda c: c.write(5, []), "no records to write"),
    ],
)
def test_what_is_refused_before_anything_is_changed(do: Do, says: str) -> None:
    b = bench()
    with pytest.raises(LocalProtocolError) as caught:
        do(b.client)
    assert says in str(caught.value)
    changed = [item for item in b.bus.requests if item.ci_field not in (None, 0x52)]
    assert not changed


@pytest.mark.parametrize("address", [254, "1234567F", 5])
def test_several_meters_are_not_changed_at_once(address: int | str) -> None:
    b = Bench(meter(5, "12345678", delay=20), meter(5, "12345679", delay=60))
    with pytest.raises(CollisionError):
        b.client.reset(address)
    assert not [item for item in b.bus.requests if item.ci_field == 0x50]


def broken(method: str, result: Any = None) -> Bench:
    """Meter 5 acknowledges and does not do it."""
    b = bench()
    setattr(b.bus.meters[0], method, lambda *_: result)
    return b


@pytest.mark.parametrize(
    ("b", "do", "error", "says"),
    [
        (broken("execute"), lambda c: c.set_address(5, 7), NoResponse, "address 7: no answer"),
        (broken("execute"), lambda c: c.set_identification(5, "11223344"), NoResponse, "11223344"),
        (
            broken("execute"),
            lambda c: c.set_clock(5, MOMENT),
            RemoteProtocolError,
            "acknowledges, but its clock shows",
        ),
        (
            broken("execute"),
            lambda c: c.write(5, [volume("1.000")]),
            RemoteProtocolError,
            "acknowledges, but volume is 12.565 m³, not 1.000 m³",
        ),
    ],
)
def test_an_acknowledgement_is_not_believed(b: Bench, do: Do, error: type[Exception], says: str) -> None:
    with pytest.raises(error) as caught:
        do(b.client)
    assert says in str(caught.value)


def deaf(*names: str) -> Bench:
    """Meter 5 does not acknowledge commands; what it does with them says `names`."""
    b = bench()
    slave = b.bus._units[0].slave
    plain = slave._command

    def command(request: Any, dialogue: Any, now: float) -> None:
        if "obeys" in names:
            plain(request, dialogue, now)

    slave._command = command  # type: ignore[method-assign, assignment]
    return b


@pytest.mark.parametrize(
    "do",
    [
        lambda c: c.set_address(5, 7),
        lambda c: c.set_baudrate(5, 9600),
        lambda c: c.set_clock(5, MOMENT),
        lambda c: c.write(5, [volume("1.000")]),
        lambda c: c.reset(5),
    ],
)
def test_a_meter_that_does_not_know_the_command(do: Do) -> None:
    b = deaf()
    with pytest.raises(
        NoResponse, match="address 5: the meter does not acknowledge this: it may not support it"
    ):
        do(b.client)
    assert values(b.client.read(6)) == ["6.000"]


def test_a_change_whose_acknowledgements_are_lost() -> None:
    assert deaf("obeys").client.set_address(5, 7).value == 7
    assert deaf("obeys").client.set_baudrate(5, 9600).value == 9600


def test_several_in_the_way_of_a_change() -> None:
    b = bench(Fault("truncated", at=(4,)))
    b.client.write(5, [volume("1.000")])
    b = Bench(meter(5, "12345678"), meter(6, "12345679", delay=20), meter(6, "12345670", delay=20))
    with pytest.raises(CollisionError):
        b.client.reset(6)


@pytest.mark.parametrize("count", [1, 3])
def test_dfc(count: int) -> None:
    b = bench()
    slave = b.bus._units[0].slave
    plain, busy = slave._request, [count]

    def request(*arguments: Any) -> bytes:
        reply = plain(*arguments)
        if not busy[0]:
            return reply
        busy[0] -= 1
        return (
            reply[:4]
            + bytes([reply[4] | 0x10])
            + reply[5:-2]
            + bytes([(reply[-2] + 0x10) & 0xFF])
            + reply[-1:]
        )

    slave._request = request  # type: ignore[method-assign]
    assert b.client.write(5, [volume("1.000")]).confirmed


def test_dfc_for_ever() -> None:
    b = bench(behaviour=Behaviour(data_flow_control=True))
    with pytest.raises(RemoteProtocolError, match=r"takes no data now \(DFC is set\)"):
        b.client.write(5, [volume("1.000")])


def test_application_errors_of_commands() -> None:
    b = bench(behaviour=Behaviour(reports_application_errors=True))
    with pytest.raises(RemoteProtocolError, match="application error"):
        b.client.write(5, [{"quantity": "customer location", "value": 7, "data_field": "8 bit integer"}])


def test_everybody() -> None:
    b = bench()
    for do in (
        lambda: b.client.set_clock(255, MOMENT),
        lambda: b.client.reset(255),
        lambda: b.client.write(255, [volume("1.000")]),
        lambda: b.client.select_readout(255),
        lambda: b.client.set_baudrate(255, 4800),
    ):
        assert do().confirmed is None
    assert b.client.session.baudrate == 4800
    assert [values(b.client.read(address))[0] for address in (5, 6)] == ["1.000", "6.000"]


def test_what_is_missing_in_a_selected_readout() -> None:
    b = bench()
    change = b.client.select_readout(5, [{"quantity": "energy", "unit": "Wh"}])
    assert (change.confirmed, change.remark) == (None, "missing: energy")
    assert b.findings == ["readout"]
    change = b.client.select_readout(5, [{"quantity": "volume", "unit": "m³"}])
    assert change.remark in ("", "comes too: date and time")


def test_what_would_be_sent() -> None:
    request = configuration.address_request(SecondaryAddress("12345678"), 7)
    assert [frame.hex().upper() for frame in configuration.frames(SecondaryAddress("12345678"), request)] == [
        "680B0B6873FD5278563412FFFFFFFFD216",
        "68060668" + "73FD51017A07" + "43" + "16",
    ]
    assert [
        frame.hex().upper() for frame in configuration.frames(5, configuration.baudrate_request(5, 9600))
    ] == ["680303687305BD3516"]


def test_another_meter_in_its_place() -> None:
    b = bench()

    def appears(*_: Any) -> None:
        b.bus.meters[1].primary_address = 7

    b.bus.meters[0].execute = appears  # type: ignore[method-assign]
    with pytest.raises(RemoteProtocolError, match="another meter answers there"):
        b.client.set_address(5, 7)

    b = bench()
    b.bus.meters[0].execute = lambda *_: setattr(  # type: ignore[method-assign, assignment]
        b.bus.meters[1], "secondary_address", SecondaryAddress("11223344", "LUG", 1, 7)
    )
    with pytest.raises(RemoteProtocolError, match="another meter answers to it"):
        b.client.set_identification(5, "11223344")


def test_frames_by_hand() -> None:
    b = bench()
    assert b.client.send("1040054516").kind == "ack"
    assert b.client.send("105B056016").kind == "data"
    assert b.client.send("1040074716").kind == "silence"
    assert b.asked() == ["SND_NKE 5", "REQ_UD2 5 0", "SND_NKE 7"]

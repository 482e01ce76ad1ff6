"""What a client knows of its bus between two calls: speeds, frame count bits, what was found."""

from __future__ import annotations

from typing import Any

import pytest

from bus_meters import Bench, meter, values
from mbus_construct import FoundMeter, MBusError, NoResponse, Reading
from mbus_construct.bus.events import Readout
from mbus_construct.simulator import Behaviour, Fault

TWO = ("1.000", "2.000")


def bench(**more: Any) -> Bench:
    return Bench(meter(5, "12345678", *TWO), meter(6, "12345679", "6.000"), **more)


@pytest.mark.parametrize("by", [5, "12345678", "1234567824400107"])
def test_the_speed_of_each_meter(by: int | str) -> None:
    b = bench()
    assert b.client.set_baudrate(by, 9600).value == 9600
    reached: list[int | str] = [by, "12345678", "1234567824400107"]
    for address in reached:
        assert values(b.client.read(address)) == [*TWO]
        assert values(b.client.read(6)) == ["6.000"]
    got = dict(b.client.read_many([6, by]))
    assert [values(reading) for reading in got.values() if isinstance(reading, Reading)] == [
        ["6.000"],
        [*TWO],
    ]
    b.client.set_baudrate(by, 2400)
    assert b.client.session._baudrates == {}
    assert b.client.ping(by)


def test_the_speed_goes_with_the_meter() -> None:
    b = bench()
    b.client.set_baudrate(5, 9600)
    b.client.set_address(5, 7)
    assert values(b.client.read(7)) == [*TWO]
    assert not b.client.ping(5)
    b.client.set_identification(7, "11223344")
    assert values(b.client.read("11223344")) == [*TWO]


@pytest.mark.parametrize("everybody", [254, 255])
def test_the_speed_of_everybody(everybody: int) -> None:
    b = Bench(meter(5, "12345678", *TWO))
    b.client.set_baudrate(everybody, 9600)
    assert b.client.session.baudrate == 9600
    assert values(b.client.read(5)) == [*TWO]


def test_read_many_resets_everybody_at_once() -> None:
    b = Bench(meter(5, "12345678"), meter(6, "12345679", "6.000"), meter(7, "12345670", *TWO))
    got = dict(b.client.read_many([5, 6, 9, 7, "12345679"]))
    assert [values(item) if isinstance(item, Reading) else type(item) for item in got.values()] == [
        *(["12.565"], ["6.000"], NoResponse, [*TWO], ["6.000"])
    ]
    assert b.asked("SND_NKE") == ["SND_NKE 255"] * 3 + ["SND_NKE 7"]  # several telegrams begin with the first
    b.bus.clear_log()
    assert [item for _, item in b.client.read_many(["12345678"]) if isinstance(item, MBusError)] == []
    assert b.asked("SND_NKE") == []


def test_read_many_after_a_lost_reset() -> None:
    b = Bench(meter(5, "12345678", *TWO), faults=[Fault("lost_request", at=(3, 4), in_a_row=0)])
    b.client.read(5)
    ((_, reading),) = b.client.read_many([5])
    assert isinstance(reading, Reading)
    assert values(reading) == [*TWO]


@pytest.mark.parametrize("search", [False, True])
def test_read_all_reads_each_meter_when_it_is_found(search: bool) -> None:
    b = Bench(meter(5, "12345678", *TWO), meter(6, "12345679", "6.000"), meter(8, "92345679", "8.000"))
    session = b.client.session
    finding = session.search() if search else session.scan(range(9))
    events = list(b.client.watch(session.read_all(finding)))
    order = [type(event) for event in events if isinstance(event, FoundMeter | Readout)]
    assert order == [FoundMeter, Readout] * 3
    readings = [event.reading for event in events if isinstance(event, Readout)]
    assert sorted(values(reading) for reading in readings if reading) == [[*TWO], ["6.000"], ["8.000"]]
    assert b.bus.fcb_history(6) == ([] if search else [True])  # what it said when it was found is its reading


def test_what_was_found_without_data_is_read_again() -> None:
    b = Bench(meter(5))
    nothing = FoundMeter(5, None)
    (readout,) = (e for e in b.client.watch(b.client.session.read_found(nothing)) if isinstance(e, Readout))
    assert readout.reading is not None
    assert list(b.client.watch(b.client.session.read_found(FoundMeter(None, None)))) == []


def test_wake_up_before_each_call() -> None:
    sleeper = meter(5, "12345678", *TWO, behaviour=Behaviour(needs_wake_up=True, awake_seconds=1.0))
    b = Bench(sleeper, client={"wake_up": 2.2})
    for _ in range(2):
        assert values(b.client.read(5)) == [*TWO]
        b.port.sleep(60)


def test_wake_up_after_the_connection_was_lost() -> None:
    sleeper = meter(5, "12345678", *TWO, behaviour=Behaviour(needs_wake_up=True))
    b = Bench(sleeper, client={"wake_up": 2.2}, faults=[Fault("connection_dropped", at=(2,))])
    b.bus._units[0].slave._awake_until = 0
    assert values(b.client.read(5)) == [*TWO]

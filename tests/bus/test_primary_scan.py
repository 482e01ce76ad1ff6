"""The search for primary addresses: what is found, what is said of it, and going on from a state file."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bus_meters import Bench, meter, values
from mbus_construct.bus.events import Event, Finding, FoundMeter, Progress
from mbus_construct.bus.primary_scan import ScanState, pending
from mbus_construct.simulator import Behaviour, Fault, SimulatedMeter


def addresses(found: Any) -> list[int | None]:
    return [item.primary_address for item in found]


def test_an_empty_bus_takes_its_time_and_no_more() -> None:
    b = Bench(meter(0), baudrate=2400)
    assert list(b.client.scan(range(1, 251))) == []
    assert b.port.now() < 1.10 * 52.6
    assert len(b.bus.requests) == 250


def test_meters_as_they_are_found() -> None:
    b = Bench(meter(0, "00000001"), meter(5, "12345678", "1.000", "2.000"), meter(250, "00000250"))
    found = list(b.client.scan())
    assert addresses(found) == [0, 5, 250]
    assert [str(item) for item in found][1] == "address 5, 1234567824400107, PAD, water meter"
    assert found[1].telegram is not None
    assert found[1].telegram.more_records_follow
    assert (found[1].baudrate, found[1].mask, found[1].remark) == (2400, None, "")
    progress = [event for event in b.events if isinstance(event, Progress)]
    assert (progress[0].done, progress[0].total, progress[0].where) == (0, 251, 0)
    assert (progress[-1].done, progress[-1].total) == (250, 251)


@pytest.mark.parametrize("delays", [(20, 20.5), (20, 100), (100, 20), (20, 300)])
def test_two_meters_at_one_address(delays: tuple[float, float]) -> None:
    b = Bench(
        meter(5, "12345678", delay=delays[0]), meter(5, "12345679", delay=delays[1]), meter(6, "12345670")
    )
    found = list(b.client.scan([5, 6]))
    assert b.findings == ["collision"]
    assert addresses(found)[-1:] == [6]
    assert len(found) == 1 or found[0].remark == "shares address 5 with another meter"


def silent_meter(kind: str) -> Bench:
    b = Bench(meter(5))
    slave = b.bus._units[0].slave
    if kind == "no data":
        slave._request = lambda *_: None  # type: ignore[method-assign, assignment, return-value]
    else:
        slave._request = lambda *_: b"\xe5" if kind == "e5" else slave._refuse(9)  # type: ignore[method-assign]
    return b


@pytest.mark.parametrize(
    ("kind", "remark"),
    [
        ("no data", "acknowledges, but gives no data"),
        ("e5", "acknowledges, but gives no data"),
        ("error", "address 5: the meter reports application error 09h: too many readouts"),
    ],
)
@pytest.mark.parametrize("thorough", [None, True, False])
def test_a_meter_without_data(kind: str, remark: str, thorough: bool | None) -> None:
    b = silent_meter(kind)
    (found,) = b.client.scan([4, 5], thorough=thorough)
    assert (found.primary_address, found.secondary_address) == (5, None)
    assert found.remark.startswith(remark)
    assert b.findings[-1] == "unreadable"
    assert FoundMeter.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def test_a_meter_that_answers_with_253_has_no_address() -> None:
    b = Bench(meter(5, behaviour=Behaviour(answers_with_253=True)))
    assert list(b.client.scan([5])) == []
    assert b.findings == ["other_meter"]
    (found,) = b.client.search()
    assert (found.primary_address, str(found)) == (
        None,
        "no primary address, 1234567824400107, PAD, water meter",
    )


def test_a_bus_that_is_not_sound_is_asked_again() -> None:
    def bench() -> Bench:
        lost = Fault("lost_request", at=(1,))
        return Bench(meter(5), meter(6, "12345679", faults=[Fault("truncated", at=(2,))]), faults=[lost])

    assert addresses(bench().client.scan([5, 6])) == [6, 5]  # trouble with 6: 5 is asked again
    assert addresses(bench().client.scan([5, 6], thorough=False)) == [6]
    assert addresses(bench().client.scan([5], thorough=None)) == []
    assert addresses(bench().client.scan([5], thorough=True)) == [5]


def test_stopped_at_any_event_and_gone_on_from_a_file() -> None:
    faults = [Fault("lost_request", at=(2, 9))]

    def meters() -> list[SimulatedMeter]:
        return [meter(5), meter(6, "12345679"), meter(7, "12345670")]

    whole = Bench(*meters(), faults=faults)
    expected = list(whole.client.scan(range(9), thorough=True))
    for stop in range(len(whole.events) + 1):
        state = pending(range(9))
        first = Bench(*meters(), faults=faults)
        for count, event in enumerate(
            first.client.watch(first.client.session.scan(state=state, thorough=True)), 1
        ):
            assert isinstance(event, Event)
            if count == stop:
                break
        text = json.dumps(state.to_dict())
        state = ScanState.from_dict(json.loads(text))
        assert json.dumps(state.to_dict()) == text
        second = Bench(*meters(), faults=faults)
        list(second.client.scan(state=state, thorough=True))
        assert sorted(addresses(state.found), key=str) == sorted(addresses(expected), key=str), stop


def test_events_as_json_and_text() -> None:
    b = Bench(meter(5), meter(5, "12345679"))
    list(b.client.scan([5]))
    (finding,) = [event for event in b.events if isinstance(event, Finding)]
    assert finding.to_dict() == {
        "type": "finding",
        "severity": "warning",
        "code": "collision",
        "message": finding.message,
        "address": 5,
    }
    assert str(finding) == f"warning: {finding.message}"


def test_a_scan_leaves_the_meters_readable() -> None:
    b = Bench(meter(5, "12345678", "1.000", "2.000"))
    list(b.client.scan([5]))
    assert values(b.client.read(5)) == ["1.000", "2.000"]

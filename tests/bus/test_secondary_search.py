"""The search for secondary addresses: every meter is found, in few selections, and from any state file."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest

from bus_meters import Bench, long_reply, meter, numbers
from mbus_construct import Client
from mbus_construct.bus.address import SecondaryAddress, parse_secondary
from mbus_construct.bus.events import Finding, Progress
from mbus_construct.bus.secondary_search import SearchState, new_search
from mbus_construct.simulator import Behaviour, Fault, SimulatedBus, SimulatedMeter, VirtualPort


def bench(*ids: str, **bus: Any) -> Bench:
    return Bench(*(meter(place % 250 + 1, number) for place, number in enumerate(ids)), **bus)


def random_ids(count: int, seed: int) -> list[str]:
    return [f"{number:08d}" for number in Random(seed).sample(range(10**8), count)]  # noqa: S311


def selects(bus: SimulatedBus) -> int:
    return sum(item.ci_field == 0x52 for item in bus.requests)


@pytest.mark.parametrize(
    ("ids", "most_selects"),
    [
        ([], 1),
        (["12345678"], 1),
        (["12345678", "12345679"], 11),
        (["12345678", "92345678"], 41),
        ([f"{number:08d}" for number in range(12345675, 12345685)], 11),
        (random_ids(10, 1), 42),
        (random_ids(30, 2), 130),
    ],
)
def test_how_many_selections(ids: list[str], most_selects: int) -> None:
    b = bench(*ids) if ids else Bench(meter(1, behaviour=Behaviour(secondary_addressing=False)))
    assert numbers(list(b.client.search())) == sorted(ids)
    assert selects(b.bus) <= most_selects
    assert b.asked()[-1] == "SND_NKE 253"
    assert b.findings == []


@pytest.mark.slow
def test_250_meters_within_the_limit() -> None:
    ids = random_ids(250, 1)
    meters = [SimulatedMeter(place + 1, [long_reply(place + 1, number)]) for place, number in enumerate(ids)]
    port = VirtualPort(SimulatedBus(meters, seed=1))
    with Client(port) as client:
        assert numbers(list(client.search())) == sorted(ids)
    assert port.now() <= 410


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_all_answer_at_once(seed: int) -> None:
    ids = random_ids(20, seed)
    assert numbers(list(bench(*ids, faults=["clean_ack_collision"]).client.search())) == sorted(ids)


def test_below_a_mask() -> None:
    b = bench("12345678", "12345679", "22345678", "99999999")
    assert numbers(list(b.client.search("1234FFFF"))) == ["12345678", "12345679"]
    assert numbers(list(b.client.search(parse_secondary("2*")))) == ["22345678"]
    assert numbers(list(b.client.search("99999999"))) == ["99999999"]
    assert list(b.client.search("55555555")) == []


def test_known_meters_first() -> None:
    b = bench(*random_ids(5, 1))
    known = [item.secondary_address for item in b.client.search()]
    gone = SecondaryAddress("55555555", "PAD", 1, 7)
    b.bus.clear_log()
    b.events.clear()
    again = list(b.client.search(known=[*(item for item in known if item), gone]))
    assert [item.secondary_address for item in again] == known
    assert b.findings == ["known_missing"]
    assert b.bus.requests[0].octets[7:15] == known[0].octets if known[0] else False


@pytest.mark.parametrize("quick", [False, True])
def test_quick_is_checked_in_the_end(quick: bool) -> None:
    ids = random_ids(12, 5)
    meters = [meter(place + 1, number, delay=20) for place, number in enumerate(ids[:-1])]
    b = Bench(*meters, meter(200, ids[-1], delay=300))
    assert numbers(list(b.client.search(quick=quick))) == sorted(ids)


def test_noise_is_told_from_a_collision() -> None:
    b = bench(*random_ids(4, 7), faults=[Fault("noise", at=(3, 5, 9, 14, 20, 33))])
    assert numbers(list(b.client.search())) == sorted(random_ids(4, 7))


@pytest.mark.parametrize("thorough", [None, True])
def test_noise_for_ever_ends(thorough: bool | None) -> None:
    nobody = meter(1, behaviour=Behaviour(secondary_addressing=False))
    b = Bench(nobody, baudrate=9600, faults=[Fault("noise", probability=0.4)])
    assert list(b.client.search(thorough=thorough)) == []
    assert b.port.now() < 900


def test_a_meter_that_is_selected_and_says_nothing() -> None:
    b = bench("12345678", "12345679")
    b.bus._units[0].slave._request = lambda *_: None  # type: ignore[method-assign, assignment, return-value]
    found = list(b.client.search())
    assert sorted(str(item.secondary_address) for item in found) == [
        "1234567824400107"[:8] + "FFFFFFFF",
        "1234567924400107",
    ]
    assert "unreadable" in b.findings


def test_application_errors() -> None:
    busy = Behaviour(busy_replies=2)
    b = Bench(meter(1, "12345678", behaviour=busy), meter(2, "22345679"))
    assert numbers(list(b.client.search())) == ["12345678", "22345679"]
    b = Bench(meter(1, "12345678"))
    slave = b.bus._units[0].slave
    slave._request = lambda *_: slave._refuse(9)  # type: ignore[method-assign]
    (found,) = b.client.search()
    assert str(found.secondary_address) == "12345678FFFFFFFF"
    assert "application error 09h" in found.remark


def test_a_meter_that_answers_to_any_mask() -> None:
    b = bench("12345678", "12345679")
    slave = b.bus._units[0].slave
    slave._address_number = lambda: 0  # type: ignore[method-assign]
    slave._select = lambda *_: b"\xe5"  # type: ignore[method-assign]
    slave.selected = True
    found = list(b.client.search("99999999"))
    assert [item.remark for item in found] == ["answers to the mask 99999999FFFFFFFF that does not fit it"]


@pytest.mark.parametrize(
    ("thorough", "faults", "step"),
    [(None, (), 3), (True, (Fault("lost_select", at=(2, 7)), Fault("truncated", at=(3, 4))), 1)],
)
def test_stopped_at_any_event_and_gone_on_from_a_file(
    thorough: bool | None, faults: tuple[Fault, ...], step: int
) -> None:
    def bench() -> Bench:
        numbers = ("12345678", "12345679", "92345679", *(() if thorough else ("92345679",)))
        types = (7, 7, 7, 4)
        return Bench(
            *(meter(n + 1, number, device_type=types[n]) for n, number in enumerate(numbers)), faults=faults
        )

    def state() -> SearchState:
        return new_search(None, [SecondaryAddress("12345678", "PAD", 1, 7)])

    whole = bench()
    expected = sorted(
        str(item.secondary_address) for item in whole.client.search(thorough=thorough, state=state())
    )
    assert len(expected) == len(whole.bus.meters)
    for stop in range(1, len(whole.events) + 1, step):
        first, stopped = bench(), state()
        for count, _ in enumerate(
            first.client.watch(first.client.session.search(state=stopped, thorough=thorough)), 1
        ):
            if count == stop:
                break
        text = json.dumps(stopped.to_dict())
        going_on = SearchState.from_dict(json.loads(text))
        assert json.dumps(going_on.to_dict()) == text
        list(bench().client.search(state=going_on, thorough=thorough))
        assert sorted(str(item.secondary_address) for item in going_on.found) == expected, stop


def test_progress_goes_from_nothing_to_everything() -> None:
    b = bench(*random_ids(6, 3))
    list(b.client.search())
    done = [event.done for event in b.events if isinstance(event, Progress)]
    assert done[0] == 0
    assert done == sorted(done)
    assert 0.9 < done[-1] <= 1


def test_findings_carry_the_mask() -> None:
    b = bench("12345678", "12345678")
    list(b.client.search())
    (finding,) = [event for event in b.events if isinstance(event, Finding)]
    assert finding.to_dict()["address"] == "1234567824400107"

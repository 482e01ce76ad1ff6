"""Times on the wire against the shortest possible ones, in virtual time; `tools/benchmark.py --bus` has them all."""

from __future__ import annotations

from bus_meters import meter
from mbus_construct import Client, Reading, SecondaryAddress
from mbus_construct.bus.secondary_search import new_search
from mbus_construct.bus.timing import duration, first_answer, last_answer
from mbus_construct.simulator import SimulatedBus, SimulatedMeter, VirtualPort, fleet

BAUDRATE = 2400
METERS = 250
REPLY = 100  # octets
REQUEST = duration(5, BAUDRATE)


def replies() -> list[SimulatedMeter]:
    return list(fleet(METERS, first_primary_address=1, octets=REPLY, seed=1))


def test_an_empty_scan_of_250_addresses() -> None:
    port = VirtualPort(SimulatedBus([]))
    with Client(port) as client:
        assert list(client.scan(range(1, METERS + 1))) == []
    assert port.now() <= 1.10 * METERS * (REQUEST + last_answer(BAUDRATE))


def test_reading_250_meters() -> None:
    port = VirtualPort(SimulatedBus(replies(), seed=1))
    with Client(port) as client:
        results = [result for _, result in client.read_many(range(1, METERS + 1))]
    assert all(isinstance(result, Reading) for result in results)
    assert len(results) == METERS
    shortest = METERS * (REQUEST + first_answer(BAUDRATE) + duration(REPLY, BAUDRATE))
    assert port.now() <= 1.05 * shortest


def test_a_known_list_of_250() -> None:
    meters = replies()
    state = new_search(known=[item.secondary_address for item in meters])
    state.probes = []
    port = VirtualPort(SimulatedBus(meters, seed=1))
    with Client(port) as client:
        assert len(list(client.search(state=state))) == METERS
    assert port.now() <= 150


def test_ten_meters_in_a_row() -> None:
    bus = SimulatedBus([meter(place + 1, f"{12345675 + place:08d}") for place in range(10)])
    with Client(VirtualPort(bus)) as client:
        assert len(list(client.search())) == 10
    assert sum(request.ci_field == 0x52 for request in bus.requests) <= 20


def test_one_meter_and_none_take_one_selection() -> None:
    for meters in ([], [meter(1, "12345678")]):
        bus = SimulatedBus(meters)
        with Client(VirtualPort(bus)) as client:
            assert len(list(client.search())) == len(meters)
        assert [SecondaryAddress().octets] == [r.octets[7:15] for r in bus.requests if r.ci_field == 0x52]

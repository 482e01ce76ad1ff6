"""The client on the simulated bus: what a user calls, and what is left when something fails."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from mbus_construct import (
    Client,
    CollisionError,
    Finding,
    FoundMeter,
    LocalProtocolError,
    NoResponse,
    Progress,
    Reading,
    TransportError,
)
from mbus_construct.simulator import Behaviour, SimulatedBus, SimulatedMeter, VirtualPort, builtin
from mbus_construct.simulator.listener import Listener

VOLUME: dict[str, Any] = {"quantity": "volume", "unit": "m³", "value": "12.565", "writable": True}


def water(address: int, number: str, **more: Any) -> SimulatedMeter:
    more.setdefault("records", [VOLUME])
    return SimulatedMeter(
        address, identification_number=number, manufacturer="PAD", version=1, device_type=7, **more
    )


@pytest.fixture
def events() -> list[Any]:
    return []


@pytest.fixture
def bus() -> SimulatedBus:
    return builtin()


@pytest.fixture
def client(bus: SimulatedBus, events: list[Any]) -> Iterator[Client]:
    with Client(VirtualPort(bus), on_event=events.append) as client:
        yield client


def test_scan_search_and_read(client: Client, events: list[Any]) -> None:
    assert [meter.primary_address for meter in client.scan()] == [5, 12, 20, 30]
    assert sorted(str(meter.secondary_address) for meter in client.search()) == [
        "0793534365321004",
        "1234567824400107",
        "2026000142040202",
        "3000041793153303",
        "3000052893153303",
    ]
    reading = client.read("12345678")
    volumes = {record.storage_number: record.value for record in reading if record.quantity == "volume"}
    assert volumes[1] == Decimal("11.020")
    assert Decimal("12.565") <= volumes[0] < Decimal("12.600"), "it counts while the bus is searched"
    assert len(reading.telegrams) == 2
    kinds = {type(event) for event in events}
    assert {FoundMeter, Finding, Progress} <= kinds


def test_a_meter_can_be_read_when_it_is_found(client: Client) -> None:
    read = {
        str(meter.secondary_address): len(client.read(str(meter.secondary_address)).records)
        for meter in client.search()
    }
    assert read == {
        "0793534365321004": 12,
        "1234567824400107": 6,
        "2026000142040202": 4,
        "3000041793153303": 1,
        "3000052893153303": 1,
    }


def test_a_call_within_a_call_leaves_the_speed_of_the_first(client: Client, bus: SimulatedBus) -> None:
    for meter in client.scan([5, 12]):
        assert meter.primary_address is not None
        assert client.set_baudrate(meter.primary_address, 9600).confirmed
        assert client.read(meter.primary_address).records
    assert [meter.primary_address for meter in client.scan([20])] == [20]
    assert client.read(5).records
    rates = {(request.a_field, request.baudrate) for request in bus.requests}
    assert (20, 2400) in rates
    assert (12, 2400) in rates
    assert (12, 9600) in rates


def test_whoever_stops_in_between_leaves_the_bus_usable(client: Client) -> None:
    for _ in client.search():
        break
    assert next(iter(client.scan([5, 12]))).primary_address == 5
    assert client.read(12).records


def test_an_error_within_a_call_is_not_the_error_of_that_call(client: Client) -> None:
    found = []
    for meter in client.search():
        found.append(meter)
        with pytest.raises(NoResponse):
            client.read(99)
    assert len(found) == 5


def test_two_iterators_do_not_mix(client: Client) -> None:
    search, scan = client.search("3000*"), client.scan([5, 12])
    assert next(search).meter is not None
    assert next(scan).primary_address == 5
    with pytest.raises(LocalProtocolError, match="another iterator"):
        next(search)
    assert [meter.primary_address for meter in scan] == [12]


def test_a_speed_that_was_to_be_set_is_set_although_the_call_was_left(client: Client) -> None:
    client.set_baudrate(12, 9600)
    for _ in client.read_many([5, 12]):
        break
    assert client.read(12).records
    assert client.read(5).records


def test_closing_waits_for_the_call_of_another_thread() -> None:
    results: list[object] = []

    def read(client: Client) -> None:
        try:
            results.append(client.read(12))
        except LocalProtocolError as error:  # where closing was first
            results.append(error)

    with Listener(builtin(), "tcp://127.0.0.1:0", speed=20) as listener:
        client = Client(listener.url, timeout=1.0)
        thread = threading.Thread(target=read, args=(client,))
        thread.start()
        client.close()
        thread.join(60)
    assert [type(result) for result in results] in ([Reading], [LocalProtocolError])


def test_a_port_that_always_fails_ends() -> None:
    class Failing(VirtualPort):
        def read(self, deadline: float) -> bytes:
            raise TransportError("it fails")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mbus_construct.client.client.RECONNECT_WAIT", 0.0)
        with Client(Failing(builtin())) as client, pytest.raises(TransportError):
            client.ping(5)


@pytest.mark.parametrize("url", ["tcp://127.0.0.1:0"])
def test_a_gateway_whose_speed_is_its_own_keeps_its_meters(url: str) -> None:
    with Listener(builtin(), url, speed=20) as listener, Client(listener.url, timeout=1.0) as client:
        with pytest.raises(LocalProtocolError, match="use rfc2217"):
            client.set_baudrate(5, 9600)
        assert client.read(5).records


def test_an_open_port_tells_its_speed(bus: SimulatedBus) -> None:
    port = VirtualPort(SimulatedBus(bus.meters, baudrate=9600))
    port.set_baudrate(9600)
    with Client(port) as client:
        assert client.session.baudrate == 9600
        assert next(iter(client.scan([5]))).baudrate == 9600


def test_threads_wait_for_each_other(client: Client) -> None:
    answers: dict[int, bool] = {}
    threads = [
        threading.Thread(target=lambda address=address: answers.update({address: client.ping(address)}))
        for address in (5, 12, 99)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert answers == {5: True, 12: True, 99: False}


def test_an_iterator_that_a_thread_left_open_holds_nobody_up(client: Client) -> None:
    left: list[Iterator[FoundMeter]] = []

    def leave() -> None:
        left.append(client.search())
        next(left[0])

    for target in (leave, lambda: left.append(client.scan([5]))):
        thread = threading.Thread(target=target)
        thread.start()
        thread.join(60)
    assert client.ping(5)
    for iterator in left:
        iterator.close()  # type: ignore[attr-defined]  # it is a generator
    assert [meter.primary_address for meter in client.scan([5, 12])] == [5, 12]


def test_read_many_costs_one_reset_for_all(client: Client, bus: SimulatedBus) -> None:
    results = dict(client.read_many([5, 20, 99]))
    assert {address: type(result) for address, result in results.items()} == {
        5: Reading,
        20: Reading,
        99: NoResponse,
    }
    resets = [request.a_field for request in bus.requests if request.c_name == "SND_NKE"]
    assert set(resets) == {255}


def test_changes_are_confirmed_by_the_meter() -> None:
    bus = SimulatedBus([water(5, "12345678", records=[VOLUME, {"clock": "2026-01-01T00:00:00"}])])
    with Client(VirtualPort(bus)) as client:
        assert client.set_address(254, 7).address == 7
        assert client.set_identification(7, "87654321").confirmed
        assert client.set_clock("87654321", datetime(2026, 11, 24, 7, 30)).confirmed
        assert client.write(7, [{"quantity": "volume", "unit": "m³", "value": "0.5"}]).confirmed
        assert client.reset(7, "user data").confirmed
        assert client.set_baudrate(7, 9600).confirmed
        assert client.read(7).records[0].value == Decimal("0.500")
    assert bus.meters[0].primary_address == 7


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda c: c.read(99), NoResponse, "no answer, asked 3 times"),
        (lambda c: c.read("99999999"), NoResponse, "secondary address 99999999"),
        (lambda c: c.read(255), LocalProtocolError, "nobody answers a broadcast"),
        (lambda c: c.read(256), LocalProtocolError, "256 is no address"),
        (lambda c: c.read("1234567"), LocalProtocolError, "is no address"),
        (lambda c: c.read(30), CollisionError, "address 30"),
        (lambda c: c.read(None), LocalProtocolError, "None is no address"),
        (lambda c: c.set_address(30, 6), CollisionError, "nothing was sent"),
        (lambda c: c.set_address("3000*", 6), CollisionError, "nothing was sent"),
        (lambda c: c.set_identification(30, "11223344"), CollisionError, "nothing was sent"),
        (lambda c: c.set_clock("FFFFFFFF"), CollisionError, "several meters"),
        (lambda c: c.write(12, []), LocalProtocolError, "no records"),
        (lambda c: c.set_address(5, 12), LocalProtocolError, "in use"),
        (lambda c: c.set_address(5, 251), LocalProtocolError, "0 to 250"),
        (lambda c: c.set_identification(5, "12345678"), LocalProtocolError, "has this already"),
        (lambda c: c.set_baudrate(5, 1234), LocalProtocolError, "1234 baud"),
        (lambda c: c.reset(5, "everything"), LocalProtocolError, "no application"),
    ],
)
def test_what_cannot_be_done_says_why(client: Client, call: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        call(client)
    assert client.read(5).records, "and the next meter is read"


def test_leaving_deselects(bus: SimulatedBus) -> None:
    with Client(VirtualPort(bus)) as client:
        client.read("12345678")
        assert bus.is_selected("water meter")
    assert not bus.is_selected("water meter")


def test_leaving_in_the_middle_deselects(bus: SimulatedBus) -> None:
    def interrupted() -> None:
        with Client(VirtualPort(bus)) as client:
            for _ in client.search():
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert bus.requests[-1].a_field == 253
    assert bus.requests[-1].c_name == "SND_NKE"


def test_a_closed_client_says_so(bus: SimulatedBus) -> None:
    client = Client(VirtualPort(bus))
    client.close()
    client.close()
    with pytest.raises(LocalProtocolError, match="closed"):
        client.ping(5)
    with pytest.raises(LocalProtocolError, match="closed"):
        list(client.scan())


def test_a_mask_that_fits_one_meter_changes_that_one(client: Client, bus: SimulatedBus) -> None:
    assert client.set_address("1234*", 13).confirmed
    assert bus.meter("water meter").primary_address == 13
    assert [meter.primary_address for meter in client.scan([12, 13])] == [13]


def test_wake_up_before_each_call() -> None:
    sleeper = water(5, "12345678", behaviour=Behaviour(needs_wake_up=True))
    with Client(VirtualPort(SimulatedBus([sleeper]))) as client, pytest.raises(NoResponse):
        client.read(5)
    with Client(VirtualPort(SimulatedBus([sleeper])), wake_up=2.2) as client:
        assert client.read(5).records


def test_a_slow_meter_needs_a_longer_time_out_in_a_scan() -> None:
    slow = water(5, "12345678", delay_seconds=1.1)
    with Client(VirtualPort(SimulatedBus([slow])), timeout=1.5) as client:
        assert [meter.primary_address for meter in client.scan([4, 5])] == [5]
    with Client(VirtualPort(SimulatedBus([slow]))) as client:
        assert client.read(5).records, "a reader who names a meter waits for it"


def test_the_gateway_goes_away_and_comes_back(events: list[Any]) -> None:
    bus = builtin()
    with (
        Listener(bus, "tcp://127.0.0.1:0", speed=20) as listener,
        Client(listener.url, timeout=1.0, on_event=events.append) as client,
    ):
        assert client.read(5).records
        listener.drop_client()
        assert client.read(12).records
    assert "reconnected" in [event.code for event in events if isinstance(event, Finding)]


def test_a_gateway_that_stays_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mbus_construct.client.client.RECONNECT_WAIT", 0.01)
    with Listener(builtin(), "tcp://127.0.0.1:0", speed=20) as listener:
        client = Client(listener.url, timeout=1.0)
        assert client.ping(5)
    with client, pytest.raises(TransportError, match="refuses connections"):
        client.read(5)

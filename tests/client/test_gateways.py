"""Both clients over a real socket: the same results, also where the gateway throws them out in the middle."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from bus_meters import meter, values
from mbus_construct import AsyncClient, Client, Finding
from mbus_construct.simulator import AsyncVirtualPort, Fault, SimulatedBus, VirtualPort
from mbus_construct.simulator.listener import Listener

TIMEOUT = 1.0  # seconds of real time that a busy machine may take; one address here is silent
DROPS = [Fault("connection_dropped", at=(2, 5, 9)), Fault("port_vanishes", at=(3, 7))]


def bus(faults: Sequence[Fault] = ()) -> SimulatedBus:
    meters = [
        meter(5, "12345678", "1.000", "2.000"),
        meter(6, "12345679", "6.000"),
        meter(7, "92345679", "7.000"),
    ]
    return SimulatedBus(meters, faults=faults, baudrate=38400)


def with_client(port: Any, findings: list[Any]) -> list[Any]:
    def note(event: object) -> None:
        if isinstance(event, Finding):
            findings.append(event.code)

    with Client(port, on_event=note, baudrate=38400, timeout=TIMEOUT) as client:
        return [
            [item.to_dict() | {"octets": ""} for item in client.scan([5, 6])],
            sorted(str(item.secondary_address) for item in client.search("12345679")),
            values(client.read(5)),
            values(client.read("9234FFFF")),
            [address for address, _ in client.read_many([7, 5])],
            client.set_address(6, 8).to_dict(),
        ]


async def with_async_client(port: Any, findings: list[Any]) -> list[Any]:
    def note(event: object) -> None:
        if isinstance(event, Finding):
            findings.append(event.code)

    async with AsyncClient(port, on_event=note, baudrate=38400, timeout=TIMEOUT) as client:
        return [
            [item.to_dict() | {"octets": ""} async for item in client.scan([5, 6])],
            sorted([str(item.secondary_address) async for item in client.search("12345679")]),
            values(await client.read(5)),
            values(await client.read("9234FFFF")),
            [address async for address, _ in client.read_many([7, 5])],
            (await client.set_address(6, 8)).to_dict(),
        ]


@pytest.mark.parametrize(
    "faults", [pytest.param([], id="sound"), pytest.param(DROPS, marks=pytest.mark.slow, id="drops")]
)
def test_the_same_in_virtual_time_and_over_tcp(faults: list[Fault]) -> None:
    results: list[Any] = []
    findings: list[list[Any]] = [[], [], [], []]
    results.append(with_client(VirtualPort(bus(faults)), findings[0]))
    results.append(asyncio.run(with_async_client(AsyncVirtualPort(bus(faults)), findings[1])))
    with Listener(bus(faults), "tcp://127.0.0.1:0", baudrate=38400) as listener:
        results.append(with_client(listener.url, findings[2]))
    with Listener(bus(faults), "tcp://127.0.0.1:0", baudrate=38400) as listener:
        results.append(asyncio.run(with_async_client(listener.url, findings[3])))
    assert len({json.dumps(item) for item in results}) == 1
    assert results[0][2:5] == [["1.000", "2.000"], ["7.000"], [7, 5]]
    for found in findings:
        assert ("reconnected" in found) is bool(faults)


def test_a_gateway_that_restarts_while_nothing_is_asked() -> None:
    with (
        Listener(bus(), "tcp://127.0.0.1:0", baudrate=38400) as listener,
        Client(listener.url, baudrate=38400, timeout=TIMEOUT) as client,
    ):
        assert values(client.read("12345678")) == ["1.000", "2.000"]
        listener.drop_client()
        assert values(client.read("12345679")) == ["6.000"]


def test_leaving_deselects_the_meter() -> None:
    async def leave(there: SimulatedBus) -> None:
        async with AsyncClient(AsyncVirtualPort(there), baudrate=38400) as client:
            await client.read("12345678")
            assert there.is_selected("12345678")

    there = bus()
    asyncio.run(leave(there))
    assert not there.is_selected("12345678")
    with Client(VirtualPort(there), baudrate=38400) as client:
        client.read("12345678")
        assert there.is_selected("12345678")
    assert not there.is_selected("12345678")

"""The client for asyncio: the same results, and calls that wait for each other."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from mbus_construct import AsyncClient, Client, LocalProtocolError, NoResponse
from mbus_construct.simulator import builtin
from mbus_construct.simulator.serve import Listener

T = TypeVar("T")


def run(job: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(job, 30))


def test_the_same_as_the_client() -> None:
    async def everything() -> list[object]:
        async with AsyncClient("sim:") as bus:
            return [
                [str(meter) async for meter in bus.scan()],
                [str(meter) async for meter in bus.search()],
                (await bus.read("12345678")).to_dict(),
                [address async for address, _ in bus.read_many([5, 12])],
                (await bus.set_address(5, 6)).to_dict(),
                (await bus.set_baudrate(6, 9600)).to_dict(),
                await bus.ping(6),
                (await bus.send("105B0C6716")).kind,
            ]

    with Client("sim:") as bus:
        expected = [
            [str(meter) for meter in bus.scan()],
            [str(meter) for meter in bus.search()],
            bus.read("12345678").to_dict(),
            [address for address, _ in bus.read_many([5, 12])],
            bus.set_address(5, 6).to_dict(),
            bus.set_baudrate(6, 9600).to_dict(),
            bus.ping(6),
            bus.send("105B0C6716").kind,
        ]
    assert run(everything()) == expected


def test_every_method_of_the_client() -> None:
    def public(kind: type) -> set[str]:
        return {name for name in vars(kind) if not name.startswith("_")}

    assert public(AsyncClient) - {"open", "port"} == public(Client)


def test_tasks_wait_for_each_other() -> None:
    async def several() -> list[object]:
        async with AsyncClient("sim:") as bus:
            return await asyncio.gather(bus.ping(5), bus.ping(12), bus.ping(99))

    assert run(several()) == [True, True, False]


def test_a_meter_can_be_read_when_it_is_found() -> None:
    async def read_all() -> list[int]:
        async with AsyncClient("sim:") as bus:
            return [
                len((await bus.read(str(meter.secondary_address))).records) async for meter in bus.search()
            ]

    assert sorted(run(read_all())) == [1, 1, 4, 6, 12]


@pytest.mark.parametrize("listen", ["tcp://127.0.0.1:0", "rfc2217://127.0.0.1:0"])
def test_a_cancelled_call_leaves_the_bus_usable(listen: str) -> None:
    async def cancel(url: str) -> None:
        async with AsyncClient(url) as bus:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(bus.read(99), 0.2)
            assert (await bus.read(5)).records
            async for _ in bus.search():
                break
            assert (await bus.read(12)).records
            with pytest.raises(NoResponse):
                await bus.read(99)

    with Listener(builtin(), listen, speed=20) as listener:
        run(cancel(listener.url))


def test_a_client_that_is_not_open_or_closed_says_so() -> None:
    async def use_it() -> None:
        client = AsyncClient("sim:")
        with pytest.raises(LocalProtocolError, match="not open"):
            await client.ping(5)
        await client.open()
        assert await client.ping(5)
        await client.close()
        await client.close()
        with pytest.raises(LocalProtocolError, match="closed"):
            await client.ping(5)

    run(use_it())

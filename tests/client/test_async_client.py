"""The client for asyncio: the same results, and calls that wait for each other."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from mbus_construct import AsyncClient, Client, LocalProtocolError, NoResponse
from mbus_construct.ports import open_async_port
from mbus_construct.simulator import builtin
from mbus_construct.simulator.listener import Listener

T = TypeVar("T")


def run(job: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(job, 60))


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

    assert public(AsyncClient) == public(Client)


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
@pytest.mark.slow
def test_a_cancelled_call_leaves_the_bus_usable(listen: str) -> None:
    async def cancel(url: str) -> None:
        async with AsyncClient(url, timeout=1.0, retries=0) as bus:
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


def test_an_iterator_that_was_left_disturbs_nobody() -> None:
    async def leave(url: str) -> list[object]:
        async with AsyncClient(url, timeout=1.0) as bus:
            async for _ in bus.search():
                break
            first = asyncio.create_task(bus.read(5))
            second = asyncio.create_task(bus.read(12))
            readings = await asyncio.gather(first, second)
            return [reading.meter and reading.meter.identification_number for reading in readings]

    assert run(leave("sim:")) == ["07935343", "12345678"]
    with Listener(builtin(), "tcp://127.0.0.1:0", speed=20) as listener:
        assert run(leave(listener.url)) == ["07935343", "12345678"]


def test_a_step_in_a_task_of_its_own_holds_nobody_up() -> None:
    async def step() -> bool:
        async with AsyncClient("sim:") as bus:
            found = bus.search()
            await asyncio.create_task(anext(found))  # type: ignore[arg-type]
            return await bus.ping(5)

    assert run(step())


def test_opened_twice_at_once_and_closed_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """One port is opened, and none stays open."""
    opened: list[Any] = []

    async def slow(url: str, **options: Any) -> Any:
        await asyncio.sleep(0)
        opened.append(await open_async_port(url, **options))
        return opened[-1]

    monkeypatch.setattr("mbus_construct.client.async_client.open_async_port", slow)

    async def both() -> None:
        client = AsyncClient("sim:")
        await asyncio.gather(client.open(), client.open())
        assert len(opened) == 1
        await client.close()
        other = AsyncClient("sim:")
        await asyncio.gather(other.open(), other.close())
        assert len(opened) == 2
        with pytest.raises(LocalProtocolError, match="closed"):
            await other.open()

    run(both())

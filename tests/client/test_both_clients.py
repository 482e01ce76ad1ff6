"""`Client` and `AsyncClient` do the same: results, errors, events, and octets on the wire with their times."""

from __future__ import annotations

import asyncio
import inspect
import io
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, closing, nullcontext
from datetime import datetime
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

import pytest

from bus_meters import meter
from mbus_construct import (
    AsyncClient,
    Client,
    LocalProtocolError,
    MBusError,
    SecondaryAddress,
    TransportError,
)
from mbus_construct.bus.primary_scan import pending
from mbus_construct.bus.secondary_search import new_search
from mbus_construct.ports import open_async_port, open_port
from mbus_construct.ports.instant import AsyncInstantPort
from mbus_construct.ports.transcript import AsyncRecordingPort, RecordingPort
from mbus_construct.simulator import Behaviour, Fault, SimulatedBus, VirtualPort, builtin

KEY: Final = "9F3A6CD1E857B2046E0DC5A19B7F38E2"
RECORD: Final = {"quantity": "volume", "unit": "m³", "value": "0.5"}


class Step(NamedTuple):
    """A call of a client; of an iterator `most` items are taken, then it is left. Options may be made anew."""

    method: str
    arguments: tuple[Any, ...] = ()
    options: Mapping[str, Any] = {}
    most: int = 1_000

    def __repr__(self) -> str:
        return f"{self.method}{self.arguments}{dict(self.options) or ''}"


def step(method: str, *arguments: Any, most: int = 1_000, **options: Any) -> Step:
    return Step(method, arguments, options, most)


def shown(value: Any) -> Any:
    """What a result says, without the object that says it."""
    if isinstance(value, MBusError):
        return f"{type(value).__name__}: {value}"
    if isinstance(value, tuple):
        return [shown(item) for item in value]
    return value.to_dict() if hasattr(value, "to_dict") else repr(value)


async def items(iterator: Iterator[Any] | AsyncIterator[Any], most: int) -> list[Any]:
    taken: list[Any] = []
    if isinstance(iterator, AsyncIterator):
        async with aclosing(iterator) as opened:  # type: ignore[type-var]  # it is a generator
            async for item in opened:
                taken.append(shown(item))
                if len(taken) == most:
                    break
    else:
        with closing(iterator) as ended:  # type: ignore[type-var]
            for item in ended:
                taken.append(shown(item))
                if len(taken) == most:
                    break
    return taken


async def played(client: Client | AsyncClient, steps: Sequence[Step]) -> list[Any]:
    results: list[Any] = []
    for each in steps:
        try:
            options = {name: item() if callable(item) else item for name, item in each.options.items()}
            result = getattr(client, each.method)(*each.arguments, **options)
            if inspect.isawaitable(result):
                result = await result
            if isinstance(result, Iterator | AsyncIterator):
                result = await items(result, each.most)
            results.append((each.method, shown(result) if not isinstance(result, list) else result))
        except (MBusError, TypeError, ValueError) as error:
            results.append((each.method, f"{type(error).__name__}: {error}"))
    return results


async def outcome(
    make: Callable[..., Client | AsyncClient], port: Any, options: Mapping[str, Any], steps: Sequence[Step]
) -> Any:
    events: list[Any] = []
    try:
        client = make(port, on_event=lambda event: events.append(shown(event)), **options)
        async with client if isinstance(client, AsyncClient) else nullcontext():
            results = await played(client, steps)
        if isinstance(client, Client):
            client.close()
    except MBusError as error:
        return f"{type(error).__name__}: {error}"
    session = client.session
    return {
        "results": results,
        "events": events,
        "baudrates": [session.baudrate, session.master.baudrate, client.port.baudrate],
        "slack": session.master.slack,
    }


class Failing(VirtualPort):
    """A port that can be opened, and nothing else."""

    def read(self, deadline: float) -> bytes:
        raise TransportError(f"{self.name} fails until {deadline}")


def both(
    bus: Callable[[], SimulatedBus],
    steps: Sequence[Step],
    *,
    kind: type[VirtualPort] = VirtualPort,
    port_baudrate: int | None = None,
    sets_baudrate: bool = True,
    **options: Any,
) -> tuple[Any, Any]:
    """What the two clients make of the same calls, each with its transcript."""
    files = [io.StringIO(), io.StringIO()]
    ports = [kind(bus()), kind(bus())]
    for port in ports:
        port.sets_baudrate = sets_baudrate
        port.set_baudrate(port_baudrate or port.baudrate)
    one = asyncio.run(outcome(Client, RecordingPort(ports[0], files[0]), options, steps))
    port_of_other = AsyncRecordingPort(AsyncInstantPort(ports[1]), files[1])
    other = asyncio.run(outcome(AsyncClient, port_of_other, options, steps))
    return (one, files[0].getvalue().splitlines()), (other, files[1].getvalue().splitlines())


EVERY: Final = [
    step("ping", 5),
    step("ping", 99),
    step("ping", "07935343"),
    step("scan"),
    step("scan", range(4, 21), thorough=True),
    step("scan", state=partial(pending, [5, 12])),
    step("scan", [5, 12, 20], most=1),
    step("search"),
    step("search", "1234FFFF", thorough=True),
    step("search", SecondaryAddress("12345678")),
    step("search", known=["07935343", "99999999"], quick=True),
    step("search", state=new_search),
    step("search", "3000*", most=1),
    step("read", 5),
    step("read", "12345678"),
    step("read", 12, limit=1),
    step("read", 99),
    step("read", 30),
    step("read", 255),
    step("read", "nonsense"),
    step("read_many", [5, "12345678", 99, 30]),
    step("read_many", [12, 5], limit=1),
    step("read_many", [5, 12, 20], most=2),
    step("alarm", 12),
    step("alarm", 99),
    step("set_clock", 12, datetime(2026, 5, 1, 12, 30)),
    step("set_clock", 12, datetime(2026, 5, 1, 12, 30, 15), seconds=True),
    step("write", 12, RECORD),
    step("write", 12, [RECORD, RECORD]),
    step("write", 12, []),
    step("select_readout", 12),
    step("select_readout", 12, [{"quantity": "volume", "unit": "m³"}]),
    step("reset", 12),
    step("reset", 12, "user data", 1),
    step("reset", 12, "everything"),
    step("set_address", 12, 13),
    step("set_address", 5, 20),
    step("set_identification", 13, "11223344"),
    step("set_identification", 13, "1122334424400107"),
    step("set_baudrate", 5, 9600),
    step("set_baudrate", 5, 9600, force=True),
    step("set_baudrate", 5, 1234),
    step("read", 5),
    step("send", "10 5B 05 60 16"),
    step("send", b"\x10\x40\x05\x45\x16"),
    step("send", "nonsense"),
]

_DROPS: Final = [Fault("connection_dropped", at=(2, 5, 9, 30)), Fault("port_vanishes", at=(3, 7))]


def three(**options: Any) -> SimulatedBus:
    meters = [
        meter(5, "12345678", "1.000", "2.000", key=KEY),
        meter(12, "12345679", "6.000", writable=True),
        meter(20, "92345679", "7.000"),
    ]
    return SimulatedBus(meters, **options)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("client", "async_client"):
        monkeypatch.setattr(f"mbus_construct.client.{module}.RECONNECT_WAIT", 0.0)


def test_every_method_is_called() -> None:
    public = {name for name, value in vars(Client).items() if not name.startswith("_") and callable(value)}
    assert public - {each.method for each in EVERY} == {"close", "open", "run", "watch"}


@pytest.mark.parametrize("bus", [builtin, three])
@pytest.mark.parametrize("sets_baudrate", [True, False])
def test_every_method(bus: Callable[[], SimulatedBus], sets_baudrate: bool) -> None:
    one, other = both(bus, EVERY, sets_baudrate=sets_baudrate)
    assert one == other
    assert len(one[1]) > 700
    assert any("error" in str(found[1]) for found in one[0]["results"]) or bus is three


@pytest.mark.parametrize("method", [name for name in vars(Client) if not name.startswith("_")])
def test_the_same_signature_and_docstring(method: str) -> None:
    one, other = getattr(Client, method), getattr(AsyncClient, method)
    assert inspect.getdoc(one)
    if callable(one):
        ours, theirs = inspect.signature(one), inspect.signature(other)
        assert [*ours.parameters.values()] == [*theirs.parameters.values()]


@pytest.mark.parametrize(
    "options",
    [
        {"baudrate": None},
        {"baudrate": 300},
        {"baudrate": 0},
        {"baudrate": 1234},
        {"port_baudrate": 300},
        {"port_baudrate": 300, "baudrate": 2400},
        {"port_baudrate": 9600, "baudrate": 9600},
        {"timeout": 0.05},
        {"timeout": 3.0},
        {"retries": 0},
        {"retries": 4},
        {"wake_up": 2.2},
        {"keys": KEY},
        {"keys": {"12345678": KEY}},
        {"keys": KEY[::-1]},
        {"keys": "nonsense"},
        {"keys": {}},
    ],
    ids=str,
)
def test_every_option(options: dict[str, Any]) -> None:
    rate = options.get("port_baudrate") or options.get("baudrate") or 2400
    calls = [
        step("scan", [5, 6, 12]),
        step("read", 5),
        step("read", "92345679"),
        step("read_many", [5, 6, 20]),
    ]
    one, other = both(lambda: three(baudrate=rate if rate != 1234 else 2400), calls, **options)
    assert one == other


def test_a_meter_that_sleeps() -> None:
    def bus() -> SimulatedBus:
        return SimulatedBus([meter(5, behaviour=Behaviour(needs_wake_up=True))])

    one, other = both(bus, [step("read", 5), step("ping", 5)], wake_up=2.2)
    assert one == other
    assert any(" wake 2.2" in line for line in one[1])


@pytest.mark.parametrize("wake_up", [0.0, 2.2])
def test_connections_that_break(wake_up: float) -> None:
    one, other = both(lambda: three(faults=_DROPS), EVERY, wake_up=wake_up, keys=KEY)
    assert one == other
    assert "reconnected" in str(one[0]["events"])
    assert any(" fail " in line for line in one[1])


def test_a_port_that_always_fails() -> None:
    one, other = both(three, [step("ping", 5), step("read", 12), step("scan", [5])], kind=Failing)
    assert one == other
    assert "the connection failed 6 times" in str(one[0]["results"])


def test_a_port_that_cannot_be_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def stays_away(bus: SimulatedBus) -> None:
        del bus

    monkeypatch.setattr(SimulatedBus, "reconnect", stays_away)
    one, other = both(lambda: three(faults=_DROPS), [step("read", 5), step("read", 5), step("ping", 12)])
    assert one == other
    assert str(one[0]["results"]).count("the connection is lost") == 3


@pytest.mark.parametrize("seed", range(25))
def test_calls_in_any_order(seed: int) -> None:
    numbers = Random(seed)  # noqa: S311  repeatable
    steps = [numbers.choice(EVERY) for _ in range(12)]
    faults = ["echo", "noise=0.1", "lost_reply=0.1", "late_reply=0.1", "connection_dropped=0.02"]
    chosen = numbers.sample(faults, numbers.randrange(3))
    one, other = both(lambda: three(faults=chosen, seed=seed), steps, keys=KEY)
    assert one == other


@pytest.mark.parametrize("baudrate", [None, 300, 2400, 1234])
@pytest.mark.parametrize("opened_at", [None, 300, 9600])
def test_ports_by_url_and_ports_that_are_open(
    tmp_path: Path, baudrate: int | None, opened_at: int | None
) -> None:
    file = tmp_path / "bus.toml"
    file.write_text(
        '[bus]\nbaudrate = 300\n[[meter]]\nprimary_address = 5\nidentification_number = "12345678"\n'
        '[[meter.record]]\nquantity = "volume"\nunit = "m³"\nvalue = 1\n',
        encoding="utf-8",
    )
    url = f"sim:{file}"

    async def opened() -> Any:
        return url if opened_at is None else await open_async_port(url, baudrate=opened_at)

    async def other() -> Any:
        return await outcome(AsyncClient, await opened(), options, calls)

    options = {} if baudrate is None else {"baudrate": baudrate}
    calls = [step("ping", 5), step("read", 5)]
    port = url if opened_at is None else open_port(url, baudrate=opened_at)
    one = asyncio.run(outcome(Client, port, options, calls))
    assert one == asyncio.run(other())
    if (baudrate or opened_at) == 300:
        assert one["results"][0] == ("ping", "True")


def test_an_open_port_needs_no_more_opening() -> None:
    """Its speed and its slack are taken when it is used first; what was opened can be closed, once and for all."""

    async def main() -> None:
        port = AsyncInstantPort(VirtualPort(three(baudrate=300)))
        await port.set_baudrate(300)
        port.slack = 0.25
        client = AsyncClient(port)
        assert await client.ping(12)
        assert (client.session.baudrate, client.session.master.slack) == (300, 0.25)
        await client.close()
        with pytest.raises(LocalProtocolError, match="closed"):
            await client.open()

    asyncio.run(main())


def test_a_client_that_was_closed_opens_nothing() -> None:
    async def main() -> None:
        client = AsyncClient("tcp://127.0.0.1:1")
        await client.close()
        with pytest.raises(LocalProtocolError, match="closed"):
            await client.open()

    asyncio.run(main())

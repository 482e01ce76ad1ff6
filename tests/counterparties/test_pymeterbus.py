"""pyMeterBus as the master of our simulated bus, over a pseudo-terminal and over TCP."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
import serial

from mbus_construct.bus.slave import Behaviour
from mbus_construct.simulator.bus import SimulatedBus
from mbus_construct.simulator.listener import Listener
from mbus_construct.simulator.meters import SimulatedMeter
from real_time import frame_by_frame, wait_until
from telegrams import README_TELEGRAM

meterbus: Any = pytest.importorskip(
    "meterbus", reason="pyMeterBus is not installed: pip install pyMeterBus==0.8.5"
)

SECONDARY = "0793534365321004"
WATER = {"identification_number": "12345678", "manufacturer": "PAD", "version": 1, "device_type": 7}
VOLUME = {"quantity": "volume", "unit": "m³", "value": "12.565"}
HISTORIC = {**VOLUME, "value": "11.5", "storage_number": 1, "telegram": 2}


def two_meters() -> SimulatedBus:
    """The heat meter of the README at 5, a water meter with two telegrams at 6."""
    answers_253 = Behaviour(
        acknowledges_unselected=True
    )  # pyMeterBus asks 253 before it has selected anything
    water = SimulatedMeter(6, records=[VOLUME, HISTORIC], behaviour=answers_253, **WATER)
    return SimulatedBus([SimulatedMeter(5, [README_TELEGRAM], behaviour=answers_253), water])


@pytest.fixture(params=["pty:", "tcp://127.0.0.1:0"])
def master(request: pytest.FixtureRequest) -> Iterator[tuple[Any, SimulatedBus]]:
    """A port as pyMeterBus opens it, and the bus behind it."""
    bus = two_meters()
    with Listener(bus, request.param, speed=8) as listener:
        url = listener.url.replace("tcp://", "socket://")
        with serial.serial_for_url(url, 9600, 8, "N" if url.startswith("/") else "E", 1, timeout=30) as port:
            port.baudrate = 2400
            frame_by_frame(port)
            yield port, bus


def values(telegram: Any) -> list[object]:
    return [record.parsed_value for record in telegram.records]


def test_it_is_the_real_one() -> None:
    assert isinstance(meterbus, ModuleType)
    assert "site-packages" in str(meterbus.__file__)


def test_ping(master: tuple[Any, SimulatedBus]) -> None:
    port, bus = master
    meterbus.send_ping_frame(port, 5)
    assert isinstance(meterbus.load(meterbus.recv_frame(port, 1)), meterbus.TelegramACK)
    meterbus.send_ping_frame(port, 99)
    port.timeout = 0.1
    assert meterbus.recv_frame(port, 1) is None
    wait_until(lambda: len(bus.requests) == 2)
    assert [(request.a_field, request.answered_by != ()) for request in bus.requests] == [
        (5, True),
        (99, False),
    ]


def test_read_gives_the_values_it_gives_elsewhere(master: tuple[Any, SimulatedBus]) -> None:
    port, _ = master
    meterbus.send_request_frame(port, 5)
    telegram = meterbus.load(meterbus.recv_frame(port, meterbus.FRAME_DATA_LENGTH))
    assert values(telegram) == values(meterbus.load(README_TELEGRAM))
    assert telegram.secondary_address == SECONDARY


def test_select_and_read(master: tuple[Any, SimulatedBus]) -> None:
    port, _ = master
    meterbus.send_select_frame(port, SECONDARY)
    assert isinstance(meterbus.load(meterbus.recv_frame(port, 1)), meterbus.TelegramACK)
    meterbus.send_request_frame(port, meterbus.ADDRESS_NETWORK_LAYER)
    telegram = meterbus.load(meterbus.recv_frame(port, meterbus.FRAME_DATA_LENGTH))
    assert values(telegram) == values(meterbus.load(README_TELEGRAM))


def test_several_telegrams(master: tuple[Any, SimulatedBus]) -> None:
    port, bus = master
    meterbus.send_ping_frame(port, 6)
    assert meterbus.recv_frame(port, 1) == b"\xe5"
    request = meterbus.send_request_frame_multi(port, 6)
    first = meterbus.load(meterbus.recv_frame(port, meterbus.FRAME_DATA_LENGTH))
    assert first.more_records_follow
    request.header.cField.parts[0] ^= meterbus.CONTROL_MASK_FCB
    meterbus.send_request_frame_multi(port, 6, request)
    second = meterbus.load(meterbus.recv_frame(port, meterbus.FRAME_DATA_LENGTH))
    assert not second.more_records_follow
    assert [float(value) for value in (values(first)[0], values(second)[0])] == pytest.approx([12.565, 11.5])
    assert bus.fcb_history(6) == [True, False]


@pytest.mark.parametrize("call", ["send_ping_frame", "send_request_frame"])
def test_nobody_there(master: tuple[Any, SimulatedBus], call: str) -> None:
    port, _ = master
    send: Callable[..., object] = getattr(meterbus, call)
    with warnings.catch_warnings():
        send(port, 77)
        port.timeout = 0.1  # not long, for nobody is there
        assert meterbus.recv_frame(port, 1) is None

"""Our client through ser2net, over RFC 2217 and raw TCP, to the simulated bus on a pseudo-terminal."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mbus_construct import Client, LocalProtocolError
from mbus_construct.simulator.bus import SimulatedBus
from mbus_construct.simulator.listener import Listener
from mbus_construct.simulator.meters import SimulatedMeter
from ser2net import needs_ser2net, ser2net
from telegrams import README_TELEGRAM

pytestmark = [needs_ser2net, pytest.mark.slow]

VOLUME: dict[str, Any] = {"quantity": "volume", "unit": "m³", "value": "12.565"}
HISTORIC: dict[str, Any] = {**VOLUME, "value": "11.5", "storage_number": 1, "telegram": 2}


def water(address: int, number: str, *records: dict[str, Any]) -> SimulatedMeter:
    return SimulatedMeter(
        address, identification_number=number, manufacturer="PAD", version=1, device_type=7, records=records
    )


@pytest.fixture
def bus() -> SimulatedBus:
    heat = SimulatedMeter(5, [README_TELEGRAM])
    return SimulatedBus([heat, water(6, "12345678", VOLUME, HISTORIC), water(6, "12345679", VOLUME)])


@pytest.fixture(params=["rfc2217", "tcp"])
def client(request: pytest.FixtureRequest, bus: SimulatedBus, tmp_path: Path) -> Iterator[Client]:
    with (
        Listener(bus, f"pty:{tmp_path / 'line'}") as listener,
        ser2net(listener.url, tmp_path, request.param) as url,
        Client(url) as client,
    ):
        yield client


def test_scan_search_and_read(client: Client, bus: SimulatedBus) -> None:
    found = list(client.scan([4, 5, 6]))
    assert [meter.primary_address for meter in found] == [5]
    searched = {str(meter.secondary_address): meter.primary_address for meter in client.search()}
    assert searched == {"0793534365321004": 5, "1234567824400107": 6, "1234567924400107": 6}
    reading = client.read("12345678")
    assert [(record.storage_number, record.value) for record in reading] == [
        (0, Decimal("12.565")),
        (1, Decimal("11.500")),
    ]
    assert client.read(5).telegrams[0].meter == found[0].meter
    assert not bus.overlaps


def test_baud_switch_and_back(client: Client, bus: SimulatedBus) -> None:
    if client.port.name.startswith("tcp"):
        with pytest.raises(LocalProtocolError, match="cannot be changed from here"):
            client.set_baudrate(5, 9600)
        assert client.read(5).records
        return
    change = client.set_baudrate(5, 9600)
    assert change.confirmed
    assert client.read(5).records
    assert client.read("12345679").records[0].value == Decimal("12.565")
    assert {request.baudrate for request in bus.requests if request.a_field == 5} == {2400, 9600}
    assert client.set_baudrate(5, 2400).confirmed
    assert client.read(5).records

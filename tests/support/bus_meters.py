"""Meters for tests of the master, and what they hold."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from mbus_construct import Client, Reading, encode
from mbus_construct.bus.events import Event, Finding
from mbus_construct.simulator import SimulatedBus, SimulatedMeter, VirtualPort


def volume(value: str, **more: Any) -> dict[str, Any]:
    given = {"quantity": "volume", "unit": "m³", "value": value, "data_field": "8 digit BCD"}
    return {**given, **more}


def meter(address: int = 5, number: str = "12345678", *values: str, **more: Any) -> SimulatedMeter:
    """A water meter; each value is a telegram of its own."""
    given: dict[str, Any] = {
        "records": [volume(value, telegram=index + 1) for index, value in enumerate(values or ("12.565",))],
        "identification_number": number,
        "manufacturer": "PAD",
        "version": 1,
        "device_type": 7,
    }
    return SimulatedMeter(address, **(given | more))


def long_reply(address: int, number: str) -> bytes:
    """A telegram of 100 octets."""
    octets = encode(
        {
            "frame": {"a_field": address},
            "meter": {"identification_number": number, "manufacturer": "PAD", "version": 1, "device_type": 7},
            "records": [{**volume("12.565"), "data_field": "32 bit integer"}],
            "manufacturer_data": bytes(72).hex(),
        }
    )
    assert len(octets) == 100
    return octets


def values(reading: Reading) -> list[str]:
    return [str(record.value) for record in reading.records]


def held(meter: SimulatedMeter, now: float) -> list[Decimal]:
    """The values of a meter's records at a time."""
    return [item.value(now) for item in meter._records()]  # type: ignore[misc]  # numbers alone


class Bench:
    """Meters on a bus in virtual time, and a client."""

    def __init__(self, *meters: SimulatedMeter, client: dict[str, Any] | None = None, **bus: Any) -> None:
        self.bus = SimulatedBus(meters or (meter(),), **bus)
        self.port = VirtualPort(self.bus)
        self.events: list[Event] = []
        self.client = Client(
            self.port, baudrate=self.bus.baudrate, on_event=self.events.append, **(client or {})
        )

    @property
    def findings(self) -> list[str]:
        return [event.code for event in self.events if isinstance(event, Finding)]

    def asked(self, *names: str) -> list[str]:
        """The requests so far, as "REQ_UD2 5 1": name, A field and FCB."""
        return [
            f"{item.c_name} {item.a_field}" + ("" if item.fcb is None else f" {int(item.fcb)}")
            for item in self.bus.requests
            if not names or item.c_name in names
        ]


def numbers(found: Sequence[Any]) -> list[str]:
    return sorted(item.meter.identification_number if item.meter else "?" for item in found)

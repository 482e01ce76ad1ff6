"""A plain master for tests of the simulated bus: asks, and gives back what came until the line is idle."""

from __future__ import annotations

from typing import Any

from helpers import long_frame, with_check_sum
from mbus_construct.simulator import SimulatedBus, SimulatedMeter, VirtualPort

E5 = b"\xe5"


def short(c_field: int, a_field: int) -> bytes:
    return with_check_sum(bytes([0x10, c_field, a_field, 0, 0x16]))


def select(mask: str = "FF FF FF FF FF FF FF FF", c_field: int = 0x53) -> bytes:
    return long_frame(bytes.fromhex(mask), 0x52, c_field, 253)


def command(user_data: str, ci_field: int = 0x51, a_field: int = 5) -> bytes:
    return long_frame(bytes.fromhex(user_data), ci_field, 0x53, a_field)


class Asker:
    """A port and how to ask through it."""

    def __init__(self, bus: SimulatedBus) -> None:
        self.bus = bus
        self.port = VirtualPort(bus)

    def listen(self, seconds: float) -> bytes:
        """What comes within so many seconds, and until the line is idle behind it."""
        octets = b""
        deadline = self.port.now() + seconds
        while piece := self.port.read(deadline):
            octets += piece
            deadline = max(deadline, self.port.now() + 33 / self.port.baudrate)
        return octets

    def ask(self, octets: bytes, wait: float | None = None) -> bytes:
        """Send, and listen as long as a slave may take."""
        rate = self.port.baudrate
        self.port.write(octets)
        return self.listen(len(octets) * 11 / rate + (330 / rate + 0.05 if wait is None else wait))

    def ping(self, a_field: int) -> bytes:
        return self.ask(short(0x40, a_field))

    def read(self, a_field: int, fcb: int = 1) -> bytes:
        return self.ask(short(0x7B if fcb else 0x5B, a_field))


def meter(primary_address: int = 5, number: str = "12345678", **more: Any) -> SimulatedMeter:
    """A meter with a few records."""
    given: dict[str, Any] = {
        "records": [
            {"quantity": "volume", "unit": "m³", "value": "12.565", "data_field": "8 digit BCD"},
            {"quantity": "fabrication number", "value": number},
        ],
        "identification_number": number,
        "manufacturer": "PAD",
        "version": 1,
        "device_type": 7,
    }
    return SimulatedMeter(primary_address, **(given | more))


def asker(*meters: SimulatedMeter, **bus: Any) -> Asker:
    return Asker(SimulatedBus(meters or (meter(),), **bus))

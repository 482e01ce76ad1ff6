"""A simulated M-Bus: meters, wire and faults, in virtual or real time.

    bus = SimulatedBus([SimulatedMeter(5, [telegram])], seed=1, faults=["echo"])
    port = VirtualPort(bus)

`builtin()` is the bus behind `sim:`, `load(path)` the one of a TOML file.
"""

from __future__ import annotations

from ..bus.slave import Behaviour
from .bus import LoggedRequest, SimulatedBus
from .config import BusFileError, builtin, builtin_text, fleet, load, loads
from .faults import FAULTS, Fault, mixture, parse_fault
from .meters import SimulatedMeter
from .virtual_port import AsyncVirtualPort, VirtualPort

__all__ = [
    "FAULTS",
    "AsyncVirtualPort",
    "Behaviour",
    "BusFileError",
    "Fault",
    "LoggedRequest",
    "SimulatedBus",
    "SimulatedMeter",
    "VirtualPort",
    "builtin",
    "builtin_text",
    "fleet",
    "load",
    "loads",
    "mixture",
    "parse_fault",
]

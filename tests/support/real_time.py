"""Waiting for what happens in real time: as long as it takes on a busy machine, and no longer than it takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def wait_until(true: Callable[[], object], seconds: float = 60) -> None:
    """Wait until something is so; the seconds only end what hangs."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def frame_by_frame(port: Any) -> None:
    """Let a port of pyserial give each frame as soon as it is there.

    pyMeterBus asks for 252 octets and takes what came when the port's time is over.
    """
    read = port.read

    def read_frame(size: int = 1) -> bytes:
        octets: bytes = read(1)
        if octets == b"\x68" and size > 1:
            octets += read(1)
            octets += read(octets[1] + 4)
        return octets

    port.read = read_frame

"""Ctrl-C in the middle of a command on `sim:`, and what its bus was asked."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from mbus_construct.simulator import VirtualPort


def interrupt_after(monkeypatch: pytest.MonkeyPatch, reads: int) -> None:
    """Ctrl-C comes while the port is read for the n-th time, once."""
    read = VirtualPort.read
    left = [reads]

    def interrupted(port: VirtualPort, deadline: float) -> bytes:
        left[0] -= 1
        if left[0] == 0:
            signal.raise_signal(signal.SIGINT)
        return read(port, deadline)

    monkeypatch.setattr(VirtualPort, "read", interrupted)


def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The requests of all ports that are opened from now on."""
    requests: list[Any] = []
    close = VirtualPort.close

    def closing(port: VirtualPort) -> None:
        requests.extend(port.bus.requests)
        port.bus.requests.clear()
        close(port)

    monkeypatch.setattr(VirtualPort, "close", closing)
    return requests

"""What the tests of the pyMeterBus API share: a port that answers as a bus would, and pyMeterBus itself."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest


class FakeSerial:
    """An object with pyserial's `write` and `read`; what it answers stands in a table."""

    def __init__(self, answers: dict[bytes, list[bytes]], *, echo: bool = False) -> None:
        self.answers = answers
        self.echo = echo
        self.written: list[bytes] = []
        self.buffer = bytearray()
        self.timeout = 0.5

    def write(self, data: bytes) -> int:
        octets = bytes(data)
        self.written.append(octets)
        if self.echo:
            self.buffer += octets
        queue = self.answers.get(octets, [])
        if queue:
            self.buffer += queue.pop(0)
        return len(octets)

    def read(self, size: int = 1) -> bytes:
        octets = bytes(self.buffer[:size])
        del self.buffer[:size]
        return octets


@pytest.fixture
def fake() -> Callable[..., FakeSerial]:
    """Makes a port: `fake({"10 40 05 45 16": ["E5"]}, echo=True)`."""

    def make(answers: dict[str, list[str]], *, echo: bool = False) -> FakeSerial:
        table = {bytes.fromhex(sent): [*map(bytes.fromhex, said)] for sent, said in answers.items()}
        return FakeSerial(table, echo=echo)

    return make


@pytest.fixture(scope="module")
def theirs() -> Iterator[Any]:
    """pyMeterBus, without the logging that it sets up."""
    handlers, level = logging.root.handlers[:], logging.root.level
    module = pytest.importorskip("meterbus", reason="pyMeterBus 0.8.5 is not installed (extra `dev`)")
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    return module

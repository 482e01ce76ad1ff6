"""What the tests of the pyMeterBus API share: a port that answers as a bus would."""

from __future__ import annotations

from collections.abc import Callable

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

"""Ctrl-C where it does no harm: while the program waits for the port.

What was read is written and remembered before an interrupt is honoured, and what a scan or a search knows is
whole when it is saved.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Self

from ..ports.port import OnAnother, Port


class Interrupts:
    """Holds Ctrl-C back until the next time the port is used; it then is `KeyboardInterrupt`, as ever."""

    def __init__(self) -> None:
        self._waiting = False
        self._pending = False
        self._held = False

    def __enter__(self) -> Self:
        # Other handlers stay: whoever has set one (or ignores Ctrl-C, as nohup) knows why.
        if (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        ):
            signal.signal(signal.SIGINT, self._handle)
            self._held = True
        return self

    def _handle(self, *_: object) -> None:
        if self._waiting:
            raise KeyboardInterrupt
        self._pending = True

    @contextmanager
    def waiting(self) -> Generator[None, None, None]:
        """The program waits for the port: an interrupt is honoured, also one that was held back."""
        if self._pending:
            self._pending = False
            raise KeyboardInterrupt
        self._waiting = True
        try:
            yield
        finally:
            self._waiting = False

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._held:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if self._pending and kind is None:
            raise KeyboardInterrupt


class InterruptiblePort(OnAnother[Port]):
    """A port in whose calls, and nowhere else, an interrupt is honoured."""

    def __init__(self, port: Port, interrupts: Interrupts) -> None:
        super().__init__(port)
        self._interrupts = interrupts

    def write(self, octets: bytes) -> None:
        """Hand over the octets."""
        with self._interrupts.waiting():
            self._port.write(octets)

    def read(self, deadline: float) -> bytes:
        """The octets that are there, as soon as there are any; b"" once the deadline is reached."""
        with self._interrupts.waiting():
            return self._port.read(deadline)

    def set_baudrate(self, baudrate: int) -> None:
        """Change the line's speed."""
        with self._interrupts.waiting():
            self._port.set_baudrate(baudrate)
        self.baudrate = baudrate

    def wake_up(self, seconds: float) -> None:
        """Send 55h without parity for so long; then the line is 8E1 again."""
        with self._interrupts.waiting():
            self._port.wake_up(seconds)

    def reopen(self) -> None:
        """Close and open again."""
        with self._interrupts.waiting():
            self._port.reopen()

    def close(self) -> None:
        """Give the port back."""
        self._port.close()

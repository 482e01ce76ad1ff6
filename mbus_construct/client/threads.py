# Written by tools/generate_client.py from tasks.py: edit that one.
"""What the client takes from threads: turns, and sleep."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from time import sleep
from typing import Final

__all__ = ["Turn", "sleep"]

# A thread that ends with an iterator left open tells nobody: those who wait look so often, in seconds.
_LOOK_EVERY: Final = 1.0


class Turn:
    """The bus belongs to one thread at a time, which may call within a call; the others wait in line.

    A thread that has ended and left an iterator open holds nobody up.
    """

    def __init__(self) -> None:
        self._holders: list[threading.Thread] = []  # one thread, once for each call within a call
        self._line: list[threading.Event] = []  # only who is the first in it may become the holder

    @contextmanager
    def __call__(self) -> Generator[None, None, None]:
        """Wait for the turn, and have it."""
        me = threading.current_thread()
        if me in self._holders:
            self._holders.append(me)
        else:
            self._wait(me)
        try:
            yield
        finally:
            self._holders.remove(me)
            self._call_next()

    def _wait(self, me: threading.Thread) -> None:
        called = threading.Event()
        self._line.append(called)
        try:
            while self._line[0] is not called or any(holder.is_alive() for holder in self._holders):
                with suppress(TimeoutError):
                    called.wait(_LOOK_EVERY)
                called.clear()
            self._holders.append(me)
        finally:
            self._line.remove(called)
            self._call_next()

    def _call_next(self) -> None:
        for first in self._line[:1]:
            first.set()

"""What the client takes from asyncio: turns, and sleep."""

from __future__ import annotations

import asyncio
from asyncio import sleep
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, cast

__all__ = ["Turn", "sleep"]

# A task that ends with an iterator left open tells nobody: those who wait look so often, in seconds.
_LOOK_EVERY: Final = 1.0


class Turn:
    """The bus belongs to one task at a time, which may call within a call; the others wait in line.

    A task that has ended and left an iterator open holds nobody up.
    """

    def __init__(self) -> None:
        self._holders: list[asyncio.Task[Any]] = []  # one task, once for each call within a call
        self._line: list[asyncio.Event] = []  # only who is the first in it may become the holder

    @asynccontextmanager
    async def __call__(self) -> AsyncGenerator[None, None]:
        """Wait for the turn, and have it."""
        me = cast("asyncio.Task[Any]", asyncio.current_task())  # sync: me = threading.current_thread()
        if me in self._holders:
            self._holders.append(me)
        else:
            await self._wait(me)
        try:
            yield
        finally:
            self._holders.remove(me)
            self._call_next()

    async def _wait(self, me: asyncio.Task[Any]) -> None:
        called = asyncio.Event()
        self._line.append(called)
        try:
            while self._line[0] is not called or any(not holder.done() for holder in self._holders):
                with suppress(TimeoutError):
                    await asyncio.wait_for(called.wait(), _LOOK_EVERY)  # sync: called.wait(_LOOK_EVERY)
                called.clear()
            self._holders.append(me)
        finally:
            self._line.remove(called)
            self._call_next()

    def _call_next(self) -> None:
        for first in self._line[:1]:
            first.set()

"""What ports in real time share: the clock, pacing, and opening within a time."""

from __future__ import annotations

import selectors
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ..bus.timing import check_baudrate, duration

if TYPE_CHECKING:
    from ..errors import TransportError

# FTDI bridges hold octets back for up to 16 ms (their latency timer); the rest is the scheduler.
SERIAL_SLACK: Final = 0.02
# A gateway packs octets for tens of milliseconds, and a mobile or VPN link adds its round trip.
NETWORK_SLACK: Final = 0.3

CONNECT_TIMEOUT: Final = 5.0  # seconds to open a port
WRITE_TIMEOUT: Final = 10.0  # seconds that handing over may take: 261 octets at 300 baud

WAKE_UP: Final = 0x55
WAKE_UP_BITS: Final = 10  # of a wake-up character: no parity
_CHUNK: Final = 0.1  # seconds of wake-up characters that are handed over at once

Opened = TypeVar("Opened")


class RealTimePort:
    """A port whose clock is the computer's.

    Attributes:
        name: as the user wrote it.
        baudrate: of the line.
        slack: seconds that driver, USB bridge or network add to any answer.
        sets_baudrate: whether `set_baudrate` changes the line's speed.
        connect_timeout: seconds that opening may take.
        write_timeout: seconds that handing over octets may take.
    """

    sets_baudrate: bool = True

    def __init__(self, name: str, baudrate: int, slack: float, connect_timeout: float) -> None:
        self.name = name
        self.baudrate = check_baudrate(baudrate)
        self.slack = slack
        self.connect_timeout = connect_timeout
        self.write_timeout = WRITE_TIMEOUT
        self._free_at = 0.0

    def now(self) -> float:
        """Seconds of the monotonic clock."""
        return time.monotonic()

    def _written(self, octets: bytes) -> None:
        """Remember until when the line is busy with what was written."""
        self._free_at = max(self._free_at, self.now()) + duration(len(octets), self.baudrate)

    def _wait_until_sent(self) -> None:
        """Wait until what was written is on the wire: closing would lose it, a new speed spoil it."""
        time.sleep(max(0.0, self._free_at - self.now()))


def send_paced(write: Callable[[bytes], object], seconds: float, baudrate: int, bits: int) -> None:
    """Hand wake-up characters over as fast as the line sends them, for so many seconds."""
    begin = time.monotonic()
    total, sent = int(seconds * baudrate / bits), 0
    step = max(1, int(_CHUNK * baudrate / bits))
    while sent < total:
        count = min(step, total - sent)
        write(bytes([WAKE_UP]) * count)
        sent += count
        time.sleep(max(0.0, begin + sent * bits / baudrate - time.monotonic()))


def readable(handles: Iterable[Any], seconds: float | None) -> list[Any]:
    """Those from which something can be read, as soon as there are any; empty once the time is over."""
    with selectors.DefaultSelector() as selector:  # `select` takes no descriptor above 1,023
        for handle in handles:
            selector.register(handle, selectors.EVENT_READ)
        return [key.fileobj for key, _ in selector.select(seconds)]


def within(
    seconds: float, late: TransportError, call: Callable[[], Opened], give_back: Callable[[Opened], object]
) -> Opened:
    """What the call gives, or the error `late` after so many seconds.

    Resolving a name and negotiating with a gateway have no deadline that can be set, so that a thread
    does it; what comes too late is given back there.
    """
    outcome: Future[Opened] = Future()
    settled = threading.Lock()  # taken once: by the thread that has opened, or by the caller who gives up

    def work() -> None:
        try:
            opened = call()
        except BaseException as error:  # noqa: BLE001 - it is raised in the caller's thread
            outcome.set_exception(error)
            return
        if settled.acquire(blocking=False):
            outcome.set_result(opened)
        else:
            give_back(opened)

    threading.Thread(target=work, name="mbus open", daemon=True).start()
    try:
        return outcome.result(seconds)
    except TimeoutError:
        if not settled.acquire(blocking=False):
            return outcome.result()  # it was opened this very moment
        if outcome.done():
            raise  # the call's own time-out
        raise late from None
    except BaseException:  # Ctrl-C while it opens
        if not settled.acquire(blocking=False):
            give_back(outcome.result())
        raise

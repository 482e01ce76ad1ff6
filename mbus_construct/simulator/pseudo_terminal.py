"""A pseudo-terminal as a serial port with a bus behind it. Not on Windows.

It has no parity, and it does not pace: the bus does.
"""

from __future__ import annotations

import os
import termios
import tty
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from ..bus.timing import BAUDRATES
from ..errors import TransportError
from .endpoints import Heard

_CHUNK: Final = 4096
_RATES: Final = {getattr(termios, f"B{rate}"): rate for rate in BAUDRATES}
# A speed that no client sets. glibc refuses settings of which nothing sticks, and parity does not stick on a
# pseudo-terminal: a client that opens it with parity E at 2400 baud is let in where the speed was another.
_NO_RATE: Final = termios.B50
_INPUT_RATE: Final = 4  # where termios' list has the speeds
_OUTPUT_RATE: Final = 5


class PseudoTerminal:
    """Listens on "pty:", or on "pty:LINK", where a symbolic link to it is made and taken away again."""

    def __init__(self, listen: str, baudrate: int) -> None:
        link = listen.partition(":")[2]
        self._listen = listen
        self._link = Path(link) if link else None
        self.baudrate = baudrate
        self._open()
        self.url = self.device if self._link is None else str(self._link)

    def _open(self) -> None:
        try:
            # The slave side stays open here: without it every client that leaves would be a hang-up.
            self._master, self._slave = os.openpty()
        except OSError as error:
            raise TransportError(f"{self._listen}: no pseudo-terminal is left ({error.strerror})") from error
        self._is_open = True
        tty.setraw(self._slave)
        self._set_rate(_NO_RATE)
        os.set_blocking(self._master, False)
        self.device = os.ttyname(self._slave)
        try:
            self._make_link()
        except BaseException:
            self._hang_up()
            raise

    def _set_rate(self, rate: int) -> None:
        settings = termios.tcgetattr(self._slave)
        settings[_INPUT_RATE] = settings[_OUTPUT_RATE] = rate
        termios.tcsetattr(self._slave, termios.TCSANOW, settings)

    def _make_link(self) -> None:
        link = self._link
        if link is None:
            return
        if link.exists() and not link.is_symlink():
            raise TransportError(f"{self._listen}: {link} is there and no link: take another name")
        try:
            link.unlink(missing_ok=True)  # of a simulator that was killed
            link.symlink_to(self.device)
        except OSError as error:
            raise TransportError(
                f"{self._listen}: the link cannot be made ({error.strerror}): take another name"
            ) from error

    def handles(self) -> list[Any]:
        """The master side."""
        return [self._master]

    def receive(self, ready: Collection[Any]) -> list[Heard]:
        """What the client sent, at the speed that it has set."""
        if self._master not in ready:
            return []
        try:
            octets = os.read(self._master, _CHUNK)
        except OSError:
            return []
        rate = _RATES.get(termios.tcgetattr(self._master)[_OUTPUT_RATE])
        if rate is not None:  # else it is the one of before
            self.baudrate = rate
            self._set_rate(_NO_RATE)
        return [Heard(octets, self.baudrate)] if octets else []

    def send(self, octets: bytes) -> None:
        """Hand octets to the client; what its buffer does not take is lost, as in a UART."""
        with suppress(BlockingIOError):
            os.write(self._master, octets)

    def drop(self) -> None:
        """Unplug it and plug it in again: the link leads to the new one, the device's own name is another."""
        self._hang_up()
        self._open()

    def close(self) -> None:
        """Hang up: a client that is there gets an input/output error."""
        if not self._is_open:
            return
        self._hang_up()
        if self._link is not None and self._link.is_symlink() and str(self._link.readlink()) == self.device:
            self._link.unlink()

    def _hang_up(self) -> None:
        self._is_open = False
        os.close(self._slave)
        os.close(self._master)

"""Serial ports, and whatever else pyserial opens (loop://, spy://, hwgrep:// ...)."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import serial

from ..bus.timing import check_baudrate
from ..errors import LocalProtocolError, TransportError
from .errors import closed, device_lost, not_taken, serial_error
from .real_time import (
    CONNECT_TIMEOUT,
    SERIAL_SLACK,
    WAKE_UP_BITS,
    RealTimePort,
    readable,
    send_paced,
)

# What pyserial raises: its own are OSErrors, termios' is not.
if sys.platform == "win32":
    FAILURES: Final = (OSError,)
else:
    import termios

    FAILURES: Final = (OSError, termios.error)

if TYPE_CHECKING:
    from serial import rfc2217

    Device = serial.Serial | rfc2217.Serial

_POLL: Final = 0.01  # seconds; where no descriptor can be waited for (Windows, loop://)
_LONGEST_WAIT: Final = 1.0
_DRAIN_SLACK: Final = 0.2  # seconds beside the time that the octets take
_PTY_MAJORS: Final = range(136, 144)  # Linux: devices.txt, Unix98 pseudo-terminal slaves


class SerialPort(RealTimePort):
    """A serial line through pyserial, 8E1, opened for us alone.

    A pseudo-terminal has no parity bit: there the line is 8N1.
    """

    def __init__(
        self,
        name: str,
        baudrate: int = 2400,
        *,
        slack: float = SERIAL_SLACK,
        connect_timeout: float = CONNECT_TIMEOUT,
    ) -> None:
        super().__init__(name, baudrate, slack, connect_timeout)
        self._device: Device | None = self._open()

    def _open(self) -> Device:
        device = self._unopened()
        try:
            self._open_with_parity(device)
        except TransportError:
            raise
        except FAILURES as error:
            raise serial_error(self.name, str(device.port), error) from error
        return device

    def _unopened(self) -> Device:
        """An object of pyserial with our settings."""
        try:
            return serial.serial_for_url(
                self.name,
                do_not_open=True,
                baudrate=self.baudrate,
                parity=serial.PARITY_EVEN,
                timeout=_POLL,
                write_timeout=self.write_timeout,
                exclusive=True,
            )
        except ValueError as error:
            raise LocalProtocolError(
                f"{self.name} is no port ({error}): a serial port, tcp://HOST:PORT, rfc2217://HOST:PORT, "
                "sim: and replay:FILE are"
            ) from error
        except FAILURES as error:
            raise serial_error(self.name, self.name, error) from error

    def _open_with_parity(self, device: Device) -> None:
        # A pseudo-terminal drops the parity bit, and glibc answers EINVAL to a request of which nothing
        # sticks: at once, or with a later change of settings. Never ask it there.
        if is_pseudo_terminal(str(device.port)):
            device.parity = serial.PARITY_NONE
        try:
            device.open()
        except FAILURES as error:
            if isinstance(error, OSError):
                raise
            raise TransportError(
                f"{self.name} refuses 8 data bits with even parity ({error}), which M-Bus needs: "
                "use another adapter, or another driver for it"
            ) from error

    def _working(self) -> Device:
        if self._device is None:
            raise closed(self.name)
        return self._device

    def read(self, deadline: float) -> bytes:
        """The octets that are there, as soon as there are any; b"" once the deadline is reached."""
        device = self._working()
        try:
            while True:
                left = deadline - self.now()
                octets = self._wait(device, max(0.0, min(left, _LONGEST_WAIT)))
                if octets or left <= 0:
                    return octets
        except FAILURES as error:
            raise self._lost(error) from error

    def _wait(self, device: Device, seconds: float) -> bytes:
        """What has come, waiting for it at most about so long."""
        handle = _descriptor(device)
        if handle is None:
            first = device.read(1)  # waits for _POLL
            return first + device.read(device.in_waiting) if first and device.in_waiting else first
        if not readable([handle], seconds):
            return b""
        return bytes(device.read(max(1, device.in_waiting)))

    def write(self, octets: bytes) -> None:
        """Hand over the octets; the driver sends them on."""
        self._hand_over(octets)
        self._written(octets)

    def _hand_over(self, octets: bytes) -> None:
        device = self._working()
        try:
            device.write(octets)
        except serial.SerialTimeoutException as error:
            raise not_taken(self.name) from error
        except FAILURES as error:
            raise self._lost(error) from error

    def set_baudrate(self, baudrate: int) -> None:
        """Change the line's speed once the octets under way are out."""
        self._set(baudrate=check_baudrate(baudrate))
        self.baudrate = baudrate

    def _set(self, **settings: Any) -> None:
        device = self._working()
        try:
            self._drain(device)
            for setting, value in settings.items():
                setattr(device, setting, value)
        except FAILURES as error:
            raise self._lost(error) from error
        except ValueError as error:
            raise TransportError(
                f"{self.name} does not take {settings} ({error}): use another rate, adapter or gateway"
            ) from error

    def wake_up(self, seconds: float) -> None:
        """Send 55h without parity for so long; then the line is 8E1 again."""
        parity = self._working().parity
        self._set(parity=serial.PARITY_NONE)
        try:
            send_paced(self._hand_over, seconds, self.baudrate, WAKE_UP_BITS)
        finally:
            self._set(parity=parity)

    def _drain(self, device: Device) -> bool:
        """Wait until everything is sent, for as long as that may take. Whether the driver is rid of it."""
        self._wait_until_sent()
        deadline = self.now() + _DRAIN_SLACK
        while (waiting := getattr(device, "out_waiting", 0)) and self.now() < deadline:
            time.sleep(0.002)
        return not waiting

    def reopen(self) -> None:
        """Close and open again."""
        self._free_at = 0.0
        self.close()
        self._device = self._open()

    def close(self) -> None:
        """Give the port back. What was written is sent first, unless the line is stuck."""
        device, self._device = self._device, None
        if device is None:
            return
        try:
            if not self._drain(device):
                device.reset_output_buffer()  # else the kernel waits for the line, half a minute
        except FAILURES:
            pass  # it is gone: nothing to send any more
        finally:
            device.close()

    def _lost(self, error: BaseException) -> TransportError:
        return device_lost(self.name, error)


def _descriptor(device: Device) -> int | None:
    try:
        return device.fileno()
    except OSError:  # io.UnsupportedOperation: Windows, loop://
        return None


def is_pseudo_terminal(device: str) -> bool:
    """Whether a serial port is a pseudo-terminal, which has no parity."""
    try:
        path = Path(device).resolve()
        return (
            os.major(path.stat().st_rdev) in _PTY_MAJORS if sys.platform == "linux" else "ttys" in path.name
        )
    except OSError:
        return False

"""RFC 2217: a gateway whose line this end sets (ser2net, Moxa, Lantronix ...), through pyserial."""

from __future__ import annotations

import queue
import socket
import threading
import warnings
from typing import TYPE_CHECKING, Final

import serial
from serial import rfc2217

from ..errors import TransportError
from .errors import connection_lost, network_error
from .real_time import CONNECT_TIMEOUT, NETWORK_SLACK, within
from .serial_port import SerialPort
from .tcp import host_and_port

if TYPE_CHECKING:
    from .serial_port import Device

# pyserial waits for the answer to SET-CONTROL (DTR, RTS, flow control), and gives up where a gateway
# on a line without these never sends one (ser2net on a pty). M-Bus uses none of them: never wait.
_NO_WAIT: Final = "ign_set_control"
_NEGOTIATION: Final = 0.8  # of the time to open: pyserial, which knows more, is to give up before we do
_LAST_WORDS: Final = 0.2  # seconds for what a gateway says before it hangs up


class _Connection(rfc2217.Serial):
    """pyserial's client, without what loses octets or leaves a socket open when the gateway goes away."""

    _read_buffer: queue.Queue[bytes | None] | None
    _socket: socket.socket | None
    _thread: threading.Thread | None
    _write_lock: threading.Lock

    def _telnet_read_loop(self) -> None:
        """Read in pyserial's thread, where an error would be a traceback on the terminal and nothing else."""
        try:
            super()._telnet_read_loop()  # type: ignore[misc]  # the stubs leave it out
        except (OSError, ValueError, TypeError, AttributeError):
            pass  # the gateway speaks no telnet, or the socket was closed
        finally:
            if self._read_buffer is not None:
                self._read_buffer.put(None)

    def _internal_raw_write(self, data: bytes) -> None:
        """Negotiate; answering a gateway that has hung up must not keep us from reading what it said."""
        with self._write_lock:
            try:
                if self._socket is not None:
                    self._socket.sendall(data)
            except OSError:
                if threading.current_thread() is not self._thread:
                    raise

    def take(self, seconds: float) -> bytes:
        """What has come, as soon as anything has. pyserial's `read` forgets it once the gateway is gone."""
        buffer, octets = self._read_buffer, bytearray()
        if buffer is None:
            raise serial.PortNotOpenError()
        try:
            part = buffer.get(timeout=seconds) if seconds > 0 else buffer.get_nowait()
            while part is not None:
                octets += part
                part = buffer.get_nowait()
            buffer.put(None)  # the end: it is told again next time
        except queue.Empty:
            if octets or (self._thread is not None and self._thread.is_alive()):
                return bytes(octets)
        if octets:
            return bytes(octets)
        raise serial.SerialException("end of the connection")

    def close(self) -> None:
        """Close the socket too where shutting it down fails because the other end is gone."""
        connection = self._socket
        super().close()
        if connection is not None:
            connection.close()


class Rfc2217Port(SerialPort):
    """`rfc2217://HOST:PORT`. Each change of speed or parity costs about 0.15 s."""

    def __init__(
        self,
        name: str,
        baudrate: int = 2400,
        *,
        slack: float = NETWORK_SLACK,
        connect_timeout: float = CONNECT_TIMEOUT,
    ) -> None:
        self.host, self.port = host_and_port(name)
        super().__init__(name, baudrate, slack=slack, connect_timeout=connect_timeout)

    def _open(self) -> _Connection:
        device = _Connection(baudrate=self.baudrate, parity=serial.PARITY_EVEN, timeout=0)
        device.port = self._url()
        late = TransportError(
            f"{self.name}: {self.host} does not negotiate its line's settings: check that it speaks RFC 2217 "
            "there (tcp:// is for raw TCP) and that no other client has the line"
        )

        def open_device() -> _Connection:
            device.open()
            return device

        # pyserial 3.5 calls Thread.setDaemon. Not catch_warnings: it is not safe with other threads.
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"serial\.rfc2217$")

        try:
            return within(self.connect_timeout, late, open_device, _Connection.close)
        except TransportError:
            raise
        except ValueError as error:
            raise TransportError(
                f"{self.name}: the gateway refuses {self.baudrate} baud 8E1 ({error}): allow it there, or "
                "use another rate"
            ) from error
        except OSError as error:
            raise self._not_opened(device, error, late) from error

    def _url(self) -> str:
        """The user's URL with what we need."""
        options = [self.name.partition("?")[2], _NO_WAIT, f"timeout={_NEGOTIATION * self.connect_timeout:g}"]
        return f"{self.name.partition('?')[0]}?{'&'.join(option for option in options if option)}"

    def _not_opened(self, device: _Connection, error: OSError, late: TransportError) -> TransportError:
        cause = error.__context__
        if isinstance(cause, OSError):
            return network_error(self.name, self.host, self.port, cause)
        try:  # ser2net says "Port already in use" in plain text and hangs up
            said = device.take(_LAST_WORDS).decode("ascii", "replace").strip()
        except OSError:
            said = ""
        return connection_lost(self.name, f'it said "{said}"') if said else late

    def _wait(self, device: Device, seconds: float) -> bytes:
        return device.take(seconds) if isinstance(device, _Connection) else b""

    def _lost(self, error: BaseException) -> TransportError:
        return connection_lost(self.name, error)

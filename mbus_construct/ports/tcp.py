"""Raw TCP: a gateway that hands octets on as they are. Its line settings are its own."""

from __future__ import annotations

import socket
from typing import Final
from urllib.parse import urlsplit

from ..bus.timing import BITS, check_baudrate
from ..errors import LocalProtocolError, TransportError
from .errors import closed, connection_lost, network_error, no_answer, not_taken
from .real_time import CONNECT_TIMEOUT, NETWORK_SLACK, RealTimePort, send_paced, within

_CHUNK: Final = 65536

# A gateway that lost its power answers nothing: found after 10 s of writing, or half a minute of silence.
_OPTIONS: Final = (
    ("TCP_KEEPIDLE", 15),
    ("TCP_KEEPINTVL", 5),
    ("TCP_KEEPCNT", 3),
    ("TCP_USER_TIMEOUT", 10_000),
)


class TcpPort(RealTimePort):
    """A connection over plain TCP, `tcp://HOST:PORT` or `socket://HOST:PORT`.

    `baudrate` is the gateway's, as the user knows it: this end cannot set it.
    """

    sets_baudrate = False

    def __init__(
        self,
        name: str,
        baudrate: int = 2400,
        *,
        slack: float = NETWORK_SLACK,
        connect_timeout: float = CONNECT_TIMEOUT,
    ) -> None:
        super().__init__(name, baudrate, slack, connect_timeout)
        self.host, self.port = host_and_port(name)
        self._socket: socket.socket | None = self._connect()

    def _connect(self) -> socket.socket:
        try:
            connection = within(
                self.connect_timeout,
                no_answer(self.name, self.host),
                lambda: socket.create_connection((self.host, self.port), self.connect_timeout),
                socket.socket.close,
            )
        except TransportError:
            raise
        except (OSError, UnicodeError) as error:
            raise network_error(self.name, self.host, self.port, error) from error
        tune(connection)
        return connection

    def _working(self) -> socket.socket:
        if self._socket is None:
            raise closed(self.name)
        return self._socket

    def read(self, deadline: float) -> bytes:
        """The octets that are there, as soon as there are any; b"" once the deadline is reached."""
        connection = self._working()
        try:
            connection.settimeout(max(0.0, deadline - self.now()))
            octets = connection.recv(_CHUNK)
        except (TimeoutError, BlockingIOError):
            return b""
        except OSError as error:
            raise connection_lost(self.name, error.strerror) from error
        if not octets:
            raise connection_lost(self.name)
        return octets

    def write(self, octets: bytes) -> None:
        """Hand over the octets; the gateway sends them on."""
        self._hand_over(octets)
        self._written(octets)

    def _hand_over(self, octets: bytes) -> None:
        connection = self._working()
        try:
            connection.settimeout(self.write_timeout)
            connection.sendall(octets)
        except TimeoutError as error:
            raise not_taken(self.name) from error
        except OSError as error:
            raise connection_lost(self.name, error.strerror) from error

    def set_baudrate(self, baudrate: int) -> None:
        """Remember the speed; the gateway's line stays as it is."""
        self.baudrate = check_baudrate(baudrate)

    def wake_up(self, seconds: float) -> None:
        """Send 55h for so long, with the parity that the gateway gives it."""
        send_paced(self._hand_over, seconds, self.baudrate, BITS)

    def reopen(self) -> None:
        """Close and connect again."""
        self._free_at = 0.0
        self.close()
        self._socket = self._connect()

    def close(self) -> None:
        """Give the connection back, once what was written is on the wire."""
        connection, self._socket = self._socket, None
        if connection is not None:
            self._wait_until_sent()
            connection.close()


def tune(connection: socket.socket) -> None:
    """Send at once, and find out when the other end has lost its power."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _OPTIONS:
        if hasattr(socket, name):  # which there are depends on the system
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def host_and_port(url: str) -> tuple[str, int]:
    """The two parts of tcp://HOST:PORT and its like."""
    try:
        parts = urlsplit(url)
        if parts.hostname and parts.port is not None:
            return parts.hostname, parts.port
    except ValueError:
        pass
    scheme = url.partition(":")[0]
    raise LocalProtocolError(
        f"{url} is no address of a gateway: write {scheme}://HOST:PORT, as {scheme}://192.168.1.20:10001"
    )

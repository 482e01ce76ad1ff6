"""Where a master connects to a simulated bus over a network: raw TCP, and RFC 2217."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Callable, Collection, Iterator
from itertools import groupby
from typing import Any, Final, NamedTuple, Protocol

from serial import rfc2217

from ..bus.timing import check_baudrate
from ..errors import LocalProtocolError, TransportError
from ..ports import scheme_of
from ..ports.tcp import host_and_port, tune

_CHUNK: Final = 65536
_SEND_TIMEOUT: Final = 2.0  # seconds after which a client that reads nothing is thrown out


class Heard(NamedTuple):
    """Octets of a master, and how its line was set."""

    octets: bytes
    baudrate: int
    parity: str = "E"


class Endpoint(Protocol):
    """Where a master connects."""

    url: str
    baudrate: int

    def handles(self) -> list[Any]:
        """What can be waited for."""
        ...

    def receive(self, ready: Collection[Any]) -> list[Heard]:
        """What the master sent."""
        ...

    def send(self, octets: bytes) -> None:
        """Hand octets to the master, if one is there."""
        ...

    def drop(self) -> None:
        """Throw the master out: a gateway restarts, a port is unplugged."""
        ...

    def close(self) -> None:
        """Close everything."""
        ...


class TcpEndpoint:
    """A gateway with raw TCP: one client at a time."""

    def __init__(self, listen: str, baudrate: int, *, kick: bool) -> None:
        host, port = host_and_port(listen)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._server = socket.create_server((host, port), family=family)
        except OSError as error:
            raise _cannot_listen(listen, host, port, error) from error
        self._server.setblocking(False)
        shown = f"[{host}]" if family == socket.AF_INET6 else host
        self.url = f"{scheme_of(listen)[0]}://{shown}:{self._server.getsockname()[1]}"
        self.baudrate = baudrate
        self._kick = kick
        self._client: socket.socket | None = None

    def handles(self) -> list[Any]:
        """The server's socket and the client's."""
        return [self._server] if self._client is None else [self._server, self._client]

    def receive(self, ready: Collection[Any]) -> list[Heard]:
        """What the client sent; a new client is let in, or turned away."""
        heard: list[Heard] = []
        if self._client is not None and self._client in ready:
            try:
                octets = self._client.recv(_CHUNK)
                heard = self._taken(octets)
            except OSError:
                octets = b""
            if not octets:
                self.drop()
        if self._server in ready:
            self._accept()
        return heard

    def _accept(self) -> None:
        try:
            client, _ = self._server.accept()
        except OSError:
            return  # it has gone again
        if self._client is not None and not self._kick:
            client.close()
            return
        self.drop()
        client.settimeout(_SEND_TIMEOUT)
        tune(client)
        self._client = client
        self._greet()

    def _greet(self) -> None:
        """A client has come: raw TCP has nothing to say."""

    def _taken(self, octets: bytes) -> list[Heard]:
        return [Heard(octets, self.baudrate)] if octets else []

    def send(self, octets: bytes) -> None:
        """Hand octets to the client; one that does not take them is thrown out."""
        if self._client is None or not octets:
            return
        try:
            self._client.sendall(octets)
        except OSError:
            self.drop()

    def drop(self) -> None:
        """Close the client's connection."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def close(self) -> None:
        """Close the server and the client's connection."""
        self.drop()
        self._server.close()


class _Line:
    """The serial line that an RFC 2217 client believes it sets: pyserial's `PortManager` works on it."""

    cts = dsr = cd = True
    ri = xonxoff = rtscts = break_condition = False
    dtr = rts = True
    bytesize = 8
    stopbits = 1
    parity = "E"

    def __init__(self, baudrate: int) -> None:
        self.baudrate = baudrate

    def reset_input_buffer(self) -> None:
        """What is on the wire comes all the same."""

    def reset_output_buffer(self) -> None:
        """What was sent is on the wire already."""


class _Manager(rfc2217.PortManager):
    """pyserial's RFC 2217 server; without acknowledging SET-CONTROL if so wanted."""

    def __init__(self, line: _Line, send: Callable[[bytes], None], *, mute_control: bool) -> None:
        self._mute_control = mute_control
        self._send = send
        super().__init__(line, self)  # type: ignore[arg-type]  # pyserial wants these few attributes only

    def write(self, octets: bytes) -> None:
        """The manager's connection is itself."""
        self._send(octets)

    def rfc2217_send_subnegotiation(self, option: bytes, value: bytes = b"") -> None:
        """Answer the client."""
        if not (self._mute_control and option == rfc2217.SERVER_SET_CONTROL):
            super().rfc2217_send_subnegotiation(option, value)


class Rfc2217Endpoint(TcpEndpoint):
    """A gateway with RFC 2217: the client sets baud rate and parity."""

    def __init__(self, listen: str, baudrate: int, *, kick: bool, mute_control: bool) -> None:
        super().__init__(listen, baudrate, kick=kick)
        self._line = _Line(baudrate)
        self._mute_control = mute_control
        self._manager: _Manager | None = None

    def _greet(self) -> None:
        self._manager = _Manager(self._line, super().send, mute_control=self._mute_control)

    def _taken(self, octets: bytes) -> list[Heard]:
        """The octets between the negotiations, each with the settings of its time."""
        try:
            heard = list(self._filtered(octets))
            self.baudrate = check_baudrate(self._line.baudrate)
            return heard
        except (LocalProtocolError, ValueError, KeyError, TypeError, struct.error):
            self.drop()  # no rate of M-Bus, or nonsense: pyserial checks nothing of what it is told
            self._line = _Line(self.baudrate)
            return []

    def _filtered(self, octets: bytes) -> Iterator[Heard]:
        if self._manager is None:
            return
        line = self._line
        settings = ((octet, line.baudrate, line.parity) for octet in self._manager.filter(octets))
        for (baudrate, parity), items in groupby(settings, key=lambda item: item[1:]):
            yield Heard(b"".join(item[0] for item in items), baudrate, parity)

    def send(self, octets: bytes) -> None:
        """Hand octets to the client, FFh doubled."""
        super().send(octets.replace(rfc2217.IAC, rfc2217.IAC_DOUBLED))


def _cannot_listen(listen: str, host: str, port: int, error: OSError) -> TransportError:
    if error.errno == errno.EADDRINUSE:
        return TransportError(
            f"{listen}: port {port} is in use: end the program that listens there, or take another port "
            "(0 for any that is free)"
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return TransportError(f"{listen}: port {port} is for the administrator: take one above 1023")
    if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return TransportError(
            f"{listen}: {host} is none of this computer's addresses: use 127.0.0.1 or 0.0.0.0"
        )
    return TransportError(
        f"{listen} cannot be served ({os.strerror(error.errno or 0)}): take another address"
    )

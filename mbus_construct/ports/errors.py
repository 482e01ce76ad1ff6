"""What goes wrong when a port is opened, in one sentence: what, where, what to do."""

from __future__ import annotations

import errno
import os
import socket
import stat
import sys
from pathlib import Path
from typing import Final

from ..errors import LocalProtocolError, TransportError

_NOT_THERE: Final = {errno.ENOENT, errno.ENXIO, errno.ENODEV}
_NOT_PERMITTED: Final = {errno.EACCES, errno.EPERM}
_BUSY: Final = {errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK}
_NO_SERIAL_PORT: Final = {errno.ENOTTY, errno.EISDIR, errno.ENOTDIR}
_UNREACHABLE: Final = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN}


class FileError(LocalProtocolError):
    """A file that was named cannot be read or written: wrong usage, and no trouble of a bus."""


def serial_error(name: str, device: str, error: BaseException) -> TransportError:
    """Why a serial port cannot be opened. `device` is its file, `name` what the user wrote."""
    code = error.errno if isinstance(error, OSError) else None
    if code in _NOT_THERE or "FileNotFoundError" in str(error):
        return TransportError(f"{name} does not exist: {ports_here()}")
    if code in _NOT_PERMITTED:
        return TransportError(f"{name} must not be opened by this user: {_permission(device)}")
    if code in _BUSY or "PermissionError" in str(error):  # Windows has no number: denied means in use
        who = f" (`fuser {device}` shows which)" if sys.platform.startswith("linux") else ""
        return TransportError(f"{name} is in use: end the program that has it open{who}, then try again")
    if code in _NO_SERIAL_PORT or "Inappropriate ioctl" in str(error):
        return TransportError(f"{name} is no serial port: {ports_here()}")
    return TransportError(f"{name} cannot be opened ({error}): check the name and the cable; {ports_here()}")


def ports_here() -> str:
    """Which serial ports this computer has, and what works without any."""
    from serial.tools.list_ports import comports  # noqa: PLC0415  a simulated bus needs no pyserial

    names = sorted(port.device for port in comports())
    here = f"serial ports here are {', '.join(names)}" if names else "this computer has no serial port"
    return f'{here}; "sim:" is a simulated bus that needs none'


def _permission(device: str) -> str:
    if not sys.platform.startswith("linux"):
        return "ask who administers this computer for access to it"
    group = _group(device)
    return f"add yourself to the group {group} (sudo usermod -aG {group} $USER), then log in again"


def _group(device: str) -> str:
    """The group whose members may use the device: dialout on Debian, uucp elsewhere."""
    try:
        path = Path(device)
        group, writes = path.group(), path.stat().st_mode & stat.S_IWGRP
    except (OSError, KeyError):
        return "dialout"
    return group if writes and group != "root" else "dialout"


def network_error(name: str, host: str, port: int, error: BaseException) -> TransportError:
    """Why there is no connection to a gateway."""
    code = error.errno if isinstance(error, OSError) else None
    if isinstance(error, socket.gaierror):
        return TransportError(f"{name}: nobody knows the name {host}: check it, or write the IP address")
    if code == errno.ECONNREFUSED:
        return TransportError(
            f"{name}: {host} refuses connections on port {port}: check the number, and that the gateway's "
            "service is running"
        )
    if code in _UNREACHABLE:
        return TransportError(
            f"{name}: there is no way to {host} ({os.strerror(code or 0)}): check the network"
        )
    if isinstance(error, TimeoutError):
        return no_answer(name, host)
    return TransportError(
        f"{name} cannot be opened ({error}): check the address, and that the gateway is running"
    )


def no_answer(name: str, host: str) -> TransportError:
    """Nobody answers where the gateway should be."""
    return TransportError(
        f"{name}: {host} does not answer: check the address, the gateway's power and network, and firewalls"
    )


def connection_lost(name: str, why: object = "") -> TransportError:
    """The gateway is gone while the port was in use."""
    reason = f" ({why})" if why else ""
    return TransportError(
        f"{name}: the gateway closed the connection{reason}: it restarted, or another client took the line; "
        "open it again"
    )


def device_lost(name: str, why: object) -> TransportError:
    """The serial port is gone while it was in use."""
    return TransportError(f"{name} failed ({why}): check the plug and the cable, then open it again")


def closed(name: str) -> TransportError:
    """What a call on a closed port raises."""
    return TransportError(f"{name} is closed: open it again")


def not_taken(name: str) -> TransportError:
    """Octets could not be handed over in time."""
    return TransportError(f"{name} takes no octets: the adapter or gateway hangs; unplug or restart it")

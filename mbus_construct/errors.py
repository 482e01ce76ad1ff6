"""What goes wrong on a bus, beside `DecodeError` and `BuildError` of the grammars.

MBusError
├─ LocalProtocolError            the call is not possible in this state, or with these values
├─ RemoteProtocolError           something answered, but not as the standard says
│   ├─ ApplicationError          the meter answered with an application error (CI 70h)
│   └─ CollisionError            octets came that are no frame: several meters at once, or noise
└─ TransportError (+ OSError)    the port or the way to it failed
    └─ NoResponse                nobody answered
"""

from __future__ import annotations

from mbus_grammars import MBusError


class LocalProtocolError(MBusError):
    """What was asked for is not possible: the message says why and what is."""


class RemoteProtocolError(MBusError):
    """The answer is not one that the standard allows; `octets` are what came."""

    def __init__(self, message: str, octets: bytes = b"") -> None:
        super().__init__(message)
        self.octets = octets


class ApplicationError(RemoteProtocolError):
    """The meter answers with an application error (MBDOC48 6.6); `code` is its number, None without one."""

    def __init__(self, message: str, octets: bytes = b"", code: int | None = None) -> None:
        super().__init__(message, octets)
        self.code = code


class CollisionError(RemoteProtocolError):
    """Octets came that are no frame: several meters answered at once, or the line is noisy."""


class TransportError(MBusError, OSError):
    """The port cannot be opened, or failed; the message says what to do."""


class NoResponse(TransportError):
    """Nobody answered within the time that the standard gives a meter, and the retries."""

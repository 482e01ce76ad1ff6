"""The master of a bus without any port: octets and the time go in; octets, deadlines and events come out.

    from mbus_construct.bus import Session
    session = Session(baudrate=2400)

A `Session` offers procedures (scan, search, read, configure): generators that yield `Request`s and are sent
their `Outcome`s. `Master` carries a request out: it is told what was heard and what time it is, and says what
to send and until when to listen. `Slave` is the other end. Nothing here has a clock, a port or a thread.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .address import SecondaryAddress
    from .events import Finding, FoundMeter, Progress
    from .master import Master
    from .procedure import Outcome, Request
    from .session import Session
    from .slave import Slave

# Imported when they are asked for: who wants one module of this room needs no other.
_LATER: Final = {
    "Finding": ".events",
    "FoundMeter": ".events",
    "Master": ".master",
    "Outcome": ".procedure",
    "Progress": ".events",
    "Request": ".procedure",
    "SecondaryAddress": ".address",
    "Session": ".session",
    "Slave": ".slave",
}

__all__ = [
    "Finding",
    "FoundMeter",
    "Master",
    "Outcome",
    "Progress",
    "Request",
    "SecondaryAddress",
    "Session",
    "Slave",
]


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(_LATER[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__

"""M-Bus (EN 13757): telegrams to exact values and back; buses read, searched and configured.

from mbus_construct import Client, decode, encode, Frame
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mbus_grammars import (
    BuildError,
    ChecksumError,
    DecodeError,
    Frame,
    IncompleteFrame,
    LengthError,
    MBusError,
)

from ._version import __version__
from .decoding.decode import decode
from .encoding.encode import encode
from .errors import (
    ApplicationError,
    CollisionError,
    LocalProtocolError,
    NoResponse,
    RemoteProtocolError,
    TransportError,
)
from .model.diagnostic import Diagnostic
from .model.frame import FrameFields
from .model.meter import Meter, Status
from .model.reading import Reading, merge
from .model.record import Record
from .model.telegram import Telegram
from .ports import Scheme, register
from .receiving import Formats, Receiver
from .receiving.many import decode_many

if TYPE_CHECKING:
    from . import meterbus
    from .bus.address import SecondaryAddress
    from .bus.configuration import Change
    from .bus.events import Finding, FoundMeter, Progress
    from .client.async_client import AsyncClient
    from .client.client import Client
    from .security.aes import MissingExtra
    from .security.keys import Keys, KeysError

# What has ports is imported when it is asked for: who decodes needs neither pyserial nor asyncio.
_LATER = {
    "AsyncClient": ".client.async_client",
    "Change": ".bus.configuration",
    "Client": ".client.client",
    "Finding": ".bus.events",
    "FoundMeter": ".bus.events",
    "Keys": ".security.keys",
    "KeysError": ".security.keys",
    "MissingExtra": ".security.aes",
    "Progress": ".bus.events",
    "SecondaryAddress": ".bus.address",
}

# The simulator is above the ports, which open its URL without knowing it.
register("sim", Scheme("mbus_construct.simulator.virtual_port", "open_simulated", virtual_time=True))


def __getattr__(name: str) -> Any:
    if name == "meterbus":
        return import_module(".meterbus", __name__)
    if name in _LATER:
        return getattr(import_module(_LATER[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "ApplicationError",
    "AsyncClient",
    "BuildError",
    "Change",
    "ChecksumError",
    "Client",
    "CollisionError",
    "DecodeError",
    "Diagnostic",
    "Finding",
    "Formats",
    "FoundMeter",
    "Frame",
    "FrameFields",
    "IncompleteFrame",
    "Keys",
    "KeysError",
    "LengthError",
    "LocalProtocolError",
    "MBusError",
    "Meter",
    "MissingExtra",
    "NoResponse",
    "Progress",
    "Reading",
    "Receiver",
    "Record",
    "RemoteProtocolError",
    "SecondaryAddress",
    "Status",
    "Telegram",
    "TransportError",
    "__version__",
    "decode",
    "decode_many",
    "encode",
    "merge",
    "meterbus",
]

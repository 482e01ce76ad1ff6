"""M-Bus (EN 13757): telegrams to exact values and back.

from mbus_construct import decode, encode, Frame
"""

from __future__ import annotations

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
from .decode import decode
from .encode import encode
from .reading import Reading, merge
from .telegram import Diagnostic, FrameFields, Meter, Record, Status, Telegram

__all__ = [
    "BuildError",
    "ChecksumError",
    "DecodeError",
    "Diagnostic",
    "Frame",
    "FrameFields",
    "IncompleteFrame",
    "LengthError",
    "MBusError",
    "Meter",
    "Reading",
    "Record",
    "Status",
    "Telegram",
    "__version__",
    "decode",
    "encode",
    "merge",
]

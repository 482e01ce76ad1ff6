"""What is remembered between telegrams: formats of compact frames, fragments, message counters."""

from __future__ import annotations

from .formats import Formats
from .receiver import Receiver

__all__ = ["Formats", "Receiver"]

"""A master of `bus` on a port of `ports`: `Client`, and `AsyncClient` with the same methods as coroutines.

`AsyncClient` is written by hand, `Client` from it by tools/generate_client.py.
"""

from __future__ import annotations

from .async_client import AsyncClient
from .client import Client

__all__ = ["AsyncClient", "Client"]

"""A master of `bus` on a port of `ports`: `Client`, and `AsyncClient` with the same methods as coroutines."""

from __future__ import annotations

from .async_client import AsyncClient
from .client import Client

__all__ = ["AsyncClient", "Client"]

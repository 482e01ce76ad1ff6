"""Stub."""

from typing import Any


def layouts(batch: Any) -> Any:
    return batch


def wide(*a: Any) -> Any:
    raise NotImplementedError

"""The libraries of the extra `arrow`, imported when columns are wanted and not before."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def required(module: str, extra: str) -> Any:
    """A library of an extra. Raises `ImportError` that says what to install."""
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(
            f'{module.partition(".")[0]} is missing: pip install "mbus-construct[{extra}]"', name=module
        ) from error


# pyarrow has no types; here is the one place where that shows.
required("numpy", "arrow")
pa: Any = required("pyarrow", "arrow")
pc: Any = required("pyarrow.compute", "arrow")

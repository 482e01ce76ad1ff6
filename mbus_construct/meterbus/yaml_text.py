"""YAML of plain values, in the small: what pyMeterBus's scripts write with -o yaml.

Texts are written as JSON writes them, which is YAML too, so that nothing in a meter's text can be taken for
anything else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from mbus_grammars.base import is_mapping, is_sequence


def yaml_text(value: Any, *, sort_keys: bool = False) -> str:
    """The value as YAML; a Decimal is a number with all of its digits."""
    return "\n".join(_lines(value, sort_keys))


def _lines(value: Any, sort_keys: bool) -> Iterator[str]:
    if is_mapping(value) and value:
        for key in sorted(value) if sort_keys else value:
            yield from _entry(f"{key}:", value[key], sort_keys)
    elif is_sequence(value) and value:
        for item in value:
            first, *rest = _lines(item, sort_keys)
            yield f"- {first}"
            yield from (f"  {line}" for line in rest)
    else:
        yield _scalar(value)


def _entry(name: str, value: Any, sort_keys: bool) -> Iterator[str]:
    nested = (is_mapping(value) or is_sequence(value)) and bool(value)
    if not nested:
        yield f"{name} {_scalar(value)}"
        return
    yield name
    indent = "  " if is_mapping(value) else ""
    yield from (f"{indent}{line}" for line in _lines(value, sort_keys))


def _scalar(value: Any) -> str:
    return format(value, "f") if isinstance(value, Decimal) else json.dumps(value)

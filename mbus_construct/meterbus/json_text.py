"""JSON in the shape of pyMeterBus, with numbers of exactly their digits.

The standard library's encoder has no way to write a Decimal as a number, and a float would get its tail.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from mbus_grammars.base import is_mapping, is_sequence

_INDENT = "    "


def json_text(value: Any, *, sort_keys: bool = False) -> str:
    """The value as indented JSON; a Decimal is a number with all of its digits."""
    return "".join(_written(value, "\n", sort_keys))


def _written(value: Any, line: str, sort_keys: bool) -> Iterator[str]:
    inner = line + _INDENT
    if isinstance(value, Decimal):
        yield format(value, "f")
    elif is_mapping(value) and value:
        separator = "{"
        for key in _keys(value, sort_keys):
            yield f"{separator}{inner}{json.dumps(key)}: "
            yield from _written(value[key], inner, sort_keys)
            separator = ","
        yield line + "}"
    elif is_sequence(value) and value:
        separator = "["
        for item in value:
            yield separator + inner
            yield from _written(item, inner, sort_keys)
            separator = ","
        yield line + "]"
    else:
        yield json.dumps(value)


def _keys(value: Mapping[str, Any], sort_keys: bool) -> list[str]:
    return sorted(value) if sort_keys else list(value)

"""Parts of the mappings that `encode` takes: checked, so that a misspelt key is not left out in silence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from mbus_grammars import BuildError
from mbus_grammars.base import is_mapping, is_sequence


def refuse_unknown(given: Mapping[str, Any], shape: type, name: str) -> None:
    """A misspelt key would silently be left out of the telegram."""
    known = shape.__annotations__
    for key in given:
        if key not in known:
            limit = f"no such field; there are {', '.join(known)}"
            raise BuildError(f"{name}.{key}".lstrip("."), given[key], limit)


def part_of(values: Mapping[str, Any], key: str, shape: type, name: str = "") -> dict[str, Any]:
    """A part of the telegram that is a mapping; an empty one where there is none."""
    given = values.get(key)
    if given is None:
        return {}
    if not is_mapping(given):
        raise BuildError(name or key, given, f"a mapping with {', '.join(shape.__annotations__)}")
    refuse_unknown(given, shape, name or key)
    return dict(given)


def sequence_of(values: Mapping[str, Any], name: str) -> Sequence[Any]:
    """A part of the telegram that is a list; an empty one where there is none."""
    given = values.get(name)
    if given is None:
        return ()
    if not is_sequence(given):
        raise BuildError(name, given, "a list")
    return given


def hex_octets(given: object, name: str) -> bytes:
    """Octets that were given as such or as hex digits."""
    if isinstance(given, bytes):
        return given
    if isinstance(given, str):
        with suppress(ValueError):
            return bytes.fromhex(given)
    raise BuildError(name, given, "octets as hex digits")


def beyond_bounds(error: RecursionError | ValueError) -> BuildError:
    """The refusal of a mapping that Python itself cannot take in; other errors are raised as they are."""
    if isinstance(error, RecursionError):
        return BuildError("", "a mapping", "one that is not nested so deep")
    if "set_int_max_str_digits" not in str(error):
        raise error
    return BuildError("", "a mapping", "one without numbers of thousands of digits")

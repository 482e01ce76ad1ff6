"""What the tests of the grammars share: plain values, and the three ways in which a vector is used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from mbus_grammars import BuildError, DecodeError


def plain(value: Any) -> Any:
    """A parsed value as a person would write it down: dicts and lists, without private entries."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items() if not key.startswith("_")}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def assert_both_ways(grammar: Any, octets: bytes, value: Any) -> None:
    """The octets parse to the value; the parsed value and the written one build the octets."""
    parsed = grammar.parse(octets)
    assert plain(parsed) == value
    assert grammar.build(parsed) == octets
    assert grammar.build(value) == octets


def assert_no_truncation_passes(grammar: Any, octets: bytes) -> None:
    """Every beginning of the octets is refused, with an offset within what was there."""
    for end in range(len(octets)):
        with pytest.raises(DecodeError) as caught:
            grammar.parse(octets[:end])
        assert caught.value.offset is not None
        assert 0 <= caught.value.offset <= end


def build_error(grammar: Any, value: Any) -> BuildError:
    """The error that building the value gives; its facts and its message must be there."""
    with pytest.raises(BuildError) as caught:
        grammar.build(value)
    assert caught.value.limit
    assert caught.value.limit in str(caught.value)
    return caught.value


def with_check_sum(octets: bytes) -> bytes:
    """A frame with its L fields and check sum mended; what is too short stays as it is."""
    frame = bytearray(octets)
    if len(frame) >= 9 and frame[0] == 0x68:
        frame[1] = frame[2] = len(frame) - 6 & 0xFF
        frame[-2] = sum(frame[4:-2]) & 0xFF
    elif len(frame) == 5 and frame[0] == 0x10:
        frame[-2] = sum(frame[1:3]) & 0xFF
    return bytes(frame)


def long_frame(user_data: bytes, ci_field: int = 0x72, c_field: int = 0x08, a_field: int = 1) -> bytes:
    """A long frame around user data, put together without the grammars."""
    return with_check_sum(
        bytes([0x68, 0, 0, 0x68, c_field, a_field, ci_field]) + user_data + bytes([0, 0x16])
    )

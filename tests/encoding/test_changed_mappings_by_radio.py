"""Mappings of telegrams by radio with anything in them changed, removed or put in: octets, or BuildError."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

import pytest

from mbus_construct import BuildError, Telegram, decode, encode
from radio import EXAMPLES, KEYS, without_keys

VALUES: list[Any] = [
    *(None, 0, 1, 5, 7, -1, 256, 70000, True, 1.5, "", "x", "AB", "2F2F", b"ab", [], [1], {}),
    *({"mode": 5}, {"mode": 7, "message_counter": 3}, {"time": 1, "encryption": 1}),
    *("A", "B", "CRC-less", "wireless", "frame", "SND_NR", "decrypted", "encrypted", 0x72, 0x7A, 0x8D, 0x90),
]
NAMES = (
    *("ell", "afl", "security", "frame", "meter", "records", "encrypted", "user_data", "diagnostics", "link"),
    *("access_number", "status", "configuration_field", "special_functions", "manufacturer_data", "address"),
    *(
        "mac",
        "message_counter",
        "fragment",
        "fragmentation_control",
        "session_number",
        "ci_field",
        "receiver",
    ),
    *("mode", "state", "key_version", "configuration_field_extension", "more_records_follow", "code"),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths to all that stands in a mapping."""
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


def changed(values: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    given = copy.deepcopy(values)
    for _ in range(rng.randint(1, 3)):
        *path, last = rng.choice(list(places(given)))
        part: Any = given
        for key in path:
            part = part[key]
        kind = rng.randrange(10)
        if kind < 5:
            part[last] = copy.deepcopy(rng.choice(VALUES))
        elif kind < 7:
            del part[last]
        elif isinstance(part, dict):
            part[rng.choice(NAMES)] = copy.deepcopy(rng.choice(VALUES))
    return given


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.slow) for part in range(1, 4))])
def test_changed_mappings(part: int) -> None:
    rng = random.Random(part)  # noqa: S311
    bases = [copy.deepcopy(example.written) for example in EXAMPLES]
    for example in EXAMPLES:
        bases += [dict(decode(example.octets, keys=keys).to_dict()) for keys in (None, example.key)]
    built = refused = 0
    for _ in range(1_500):
        given = changed(rng.choice(bases), rng)
        keys = rng.choice((None, *KEYS))
        try:
            octets = encode(given, keys=keys)
        except BuildError as error:
            refused += 1
            assert without_keys(str(error))
        else:
            built += 1
            assert isinstance(octets, bytes)
        try:
            telegram = Telegram.from_dict(given)
        except BuildError as error:
            assert without_keys(str(error))
        else:
            assert Telegram.from_dict(telegram.to_dict()) == telegram
    assert built > 150
    assert refused > 500

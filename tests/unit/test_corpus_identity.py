"""Telegrams of real meters, where a collection of them lies beside the project: none may change.

The collection is other projects' work and is not part of this one.
"""

from __future__ import annotations

from typing import Any

from checkout import corpus, needs_corpus
from helpers import plain
from mbus_grammars import DecodeError, Frame

pytestmark = needs_corpus


def has_fault(user_data: dict[str, Any]) -> bool:
    """Whether something above the link layer could not be read."""
    return "malformed" in user_data or any("malformed" in item for item in user_data.get("records", []))


def test_real_telegrams_build_back() -> None:
    read = 0
    for telegram in corpus("wired"):
        octets = bytes.fromhex(telegram["hex"])
        try:
            parsed = Frame.parse(octets)
        except DecodeError:
            assert telegram["status"] != "valid", telegram["id"]
            continue
        read += 1
        built = Frame.build(parsed)
        assert built == octets[: len(built)], telegram["id"]
        assert Frame.build(plain(parsed)) == built, telegram["id"]
        if telegram["status"] == "valid":
            assert not has_fault(plain(parsed).get("user_data", {})), telegram["id"]
    assert read > 190

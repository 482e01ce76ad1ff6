"""Keys that stand nowhere else, and whether a text shows a part of one."""

from __future__ import annotations

from typing import Final

# Keys of the standard count up: their digits may stand anywhere. These stand nowhere else.
METERS_KEY: Final = "9F3A6CD1E857B2046E0DC5A19B7F38E2"
OTHER_KEY: Final = "C61D2E94A7F05B83D8496BE31F7A02C5"
_RUN: Final = 6


def shows(text: str, *keys: str, octets: bytes = b"") -> list[str]:
    """The parts of keys in a text, and not in the telegram that it is about; as digits or as Python's octets."""
    bare = "".join(character for character in text.upper() if character.isalnum())
    plain = octets.hex().upper()
    found = [
        key[at : at + _RUN]
        for key in keys
        for at in range(len(key) - _RUN + 1)
        if key[at : at + _RUN] in bare and key[at : at + _RUN] not in plain
    ]
    return found + [key for key in keys if repr(bytes.fromhex(key))[2:-1] in text]

"""Text and octets: hex digits with any or no separators, and text that is safe to show."""

from __future__ import annotations

import re

from mbus_grammars import DecodeError

# What people put between octets: blanks, commas, semicolons, colons, dashes, dots, "0x", "\x", quotes,
# brackets.
_SEPARATORS = re.compile(r"(?:0[xX]|\\x|[\s,;:.\-_'\"\[\]{}()]|\bb(?=['\"]))+")


def parse_hex(text: str) -> bytes:
    """The octets of a hex text. Raises `DecodeError` that names the first character that is none."""
    # A separator may stand anywhere between octets, not within one: "1 2" is two octets of one digit,
    # and each group of an odd number of digits is refused, save a single digit.
    groups = [group for group in _SEPARATORS.split(text) if group]
    octets = bytearray()
    for group in groups:
        wrong = re.search("[^0-9A-Fa-f]", group)
        if wrong:
            position = text.index(group) + wrong.start()
            raise DecodeError(
                f"no hex digit: {wrong.group()!r} at character {position + 1}",
                expected="hex digits",
                found=wrong.group(),
                code="hex",
            )
        if len(group) % 2 and len(group) > 1:
            raise DecodeError(f"an odd number of hex digits: {len(group)} in {group[:20]}...", code="hex")
        octets += bytes.fromhex(group.zfill(2))
    if not octets:
        raise DecodeError("no octets in the text", expected="hex digits", code="empty")
    return bytes(octets)


def octets_from(data: bytes | bytearray | memoryview | str) -> bytes:
    """Octets as bytes; a string is read as hex."""
    return parse_hex(data) if isinstance(data, str) else memoryview(data).tobytes()


def to_hex(octets: bytes) -> str:
    """Octets as people write them."""
    return octets.hex(" ").upper()


def visible(text: str) -> str:
    """Text of a meter without characters that a terminal or a browser would act upon."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)

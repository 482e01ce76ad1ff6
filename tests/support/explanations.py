"""What the tests of `explain` share: examples by radio, the cover, and spans by their path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mbus_construct.explain import Explanation, Span

# Examples of EN 13757-4, OMS Vol. 2 Annex N and CEN/TR 17167.
E62: Final = bytes.fromhex(
    "2E 44 93 15 78 56 34 12 33 03 33 63 7A 2A 00 20 25 59 23 C9 5A AA 26 D1 B2 E7 49 3B C2 AD 01 3E C4 A6"
    "F6 D3 52 9B 52 0E DF F0 EA 6D EF C9 55 B2 9D 6D 69 EB F3 EC 8A"
)
E63: Final = bytes.fromhex("14 44 AE 0C 78 56 34 12 01 07 8C 20 27 78 0B 13 43 65 87 7A C5")
E66: Final = bytes.fromhex(
    "30 44 93 44 44 33 22 11 55 37 8C 00 75 72 88 77 66 55 93 44 55 08 00 04 10 05 00 DF E2 A7 82 14 6D 15"
    "13 58 1C D2 F8 3F 39 04 0C FD 10 78 56 34 12"
)
E67: Final = bytes.fromhex(
    "68 2C 2C 68 08 FD 72 88 77 66 55 93 44 55 08 00 04 10 05 00 DF E2 A7 82 14 6D 15 13 58 1C D2 F8 3F 39"
    "04 0C FD 10 78 56 34 12 0C 78 44 33 22 11 26 16"
)
E68: Final = bytes.fromhex(
    "53 08 24 48 44 33 22 11 03 37 8E 80 75 3A 63 66 55 44 33 0A 31 90 0F 00 2C 25 B3 0A 00 00 AF 5D 74 DF"
    "73 A6 00 D9 72 78 56 34 12 93 15 33 03 75 00 20 07 10 90 58 47 5F 4B C9 1D F8 78 B8 0A 1B 0F 98 B6 29"
    "02 4A AC 72 79 42 BF C5 49 23 3C 01 40 82 9B 93"
)
E69: Final = bytes.fromhex(
    "35 44 2D 2C 11 31 34 27 33 02 8D 20 E9 60 3A 10 20 08 C6 7C 81 9A AE 99 B4 DE 75 3A A1 36 EF 64 91 7E"
    "D9 D8 B2 E2 D3 58 40 BD EA 17 3B 8F E1 4C CE 3F 14 06 B7 CF"
)
KEYS: Final = {
    E62: "0102030405060708090A0B0C0D0E0F11",
    E66: "000102030405060708090A0B0C0D0E0F",
    E67: "000102030405060708090A0B0C0D0E0F",
    E68: "000102030405060708090A0B0C0D0E0F",
    E69: "0102030405060708090A0B0C0D0E0F10",
}


def shown(octets: bytes) -> str:
    """The name of a test with these octets."""
    return octets.hex()[:24]


def assert_covered(explanation: Explanation) -> None:
    """The leaves hold every octet once, in order; the bits of a field are all its bits.

    A field that the CRC of a block interrupts is several leaves.
    """
    position = 0
    for leaf in explanation.leaves:
        assert leaf.offset == position
        assert leaf.octets == explanation.octets[position : leaf.end]
        assert leaf.octets or leaf.fault or not explanation.octets  # only what is missing has no octets
        assert len(leaf.plain) in (0, len(leaf.octets))
        position = leaf.end
        if leaf.bits:
            bits = [bit for span in leaf.bits for bit in range(span.high, span.low - 1, -1)]
            assert bits == list(reversed(range(8 * leaf.width)))
    assert position == len(explanation.octets)
    for group in (span for span in explanation.spans if span.group):
        assert group.octets == explanation.octets[group.offset : group.end]
    for first in (leaf for leaf in explanation.leaves if leaf.size and not leaf.continued):
        pieces = [leaf for leaf in explanation.leaves if leaf.path == first.path and leaf.size]
        assert sum(len(piece.octets) for piece in pieces) == first.size


def assert_nested(explanation: Explanation) -> None:
    """Every span lies within the group that its level says it belongs to."""
    groups: list[Span] = []
    for span in explanation.spans:
        while groups and groups[-1].level >= span.level:
            groups.pop()
        assert not groups or (groups[-1].offset <= span.offset and span.end <= groups[-1].end)
        if span.group:
            groups.append(span)


def by_path(explanation: Explanation, path: str) -> Span:
    """The one span of a field."""
    (found,) = [span for span in explanation.spans if span.path == path]
    return found


def by_first(explanation: Explanation, path: str) -> Span:
    """The first span of a field that a CRC may interrupt."""
    return next(span for span in explanation.spans if span.path == path)

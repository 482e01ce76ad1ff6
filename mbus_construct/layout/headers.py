"""Record headers by their octets, as the grammar parsed them."""

from __future__ import annotations

from typing import Any, Final

from mbus_grammars.record import RecordsFromMeter

from .fields import Described, described
from .recorders import recorder

# What is known of octets that a record starts with: the size of the record and what makes it. Size 0: the
# header is longer, of one of the lengths that stand there instead. Size -1: only `items` tell more.
LONGER, OTHER = 0, -1
Entry = tuple[int, Any]
UNKNOWN: Final[Entry] = (LONGER, ())

_MAX_KNOWN: Final = 8192
_MAX_HEADER: Final = 64


class Headers:
    """What was learned from the grammar. At its limit it starts anew.

    No header is the beginning of another one, so that the remembered octets that fit are the right ones.
    """

    def __init__(self) -> None:
        self.entries: dict[bytes, Entry] = {}
        self.items: dict[bytes, Described] = {}

    def at(self, octets: bytes, position: int) -> Described | None:
        """The header at a position, None where it was not learned."""
        start = octets[position : position + 2]
        size, lengths = self.entries.get(start, UNKNOWN)
        if size != LONGER:
            return self.items.get(start)
        for length in lengths:
            item = self.items.get(octets[position : position + length])
            if item is not None:
                return item
        return None

    def learn(self, octets: bytes, position: int) -> Described:
        """Parse the header at a position. Raises what the grammar raises where it does not end."""
        parsed, start = RecordsFromMeter.header_at(octets, position)
        item = described(parsed)
        if item.size > _MAX_HEADER:
            return item
        if len(self.entries) >= _MAX_KNOWN:  # anew, not emptied: another reader may be in the middle of it
            self.entries, self.items = {}, {}
        known = octets[position:start]
        make = None if item.length is None or item.fault else recorder(item)
        self.items[known] = item
        self.entries[known] = (OTHER, None) if make is None else (item.size + (item.length or 0), make)
        if len(known) > 2:
            lengths: tuple[int, ...] = self.entries.get(known[:2], UNKNOWN)[1]
            self.entries[known[:2]] = (LONGER, tuple(sorted({*lengths, len(known)})))
        return item


HEADERS: Final = Headers()

"""Record headers by their octets, as the grammar parsed them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mbus_grammars.record import RecordsFromMeter

from .fields import Described, described
from .record_makers import Recorder, nothing, recorder

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...model.record import Record

_MAX_KNOWN: Final = 8192
_MAX_HEADER: Final = 64
_SHORTEST: Final = 2


class Headers:
    """What was learned from the grammar. At its limit it starts anew.

    No header is the beginning of another one, so that the remembered octets that fit are the right ones.

    Attributes:
        makers: what makes the records behind a header, by its first two octets. There are no shorter ones;
            for the longer ones it is a search among `_made`.
    """

    def __init__(self) -> None:
        self.makers: dict[bytes, Recorder] = {}
        self._made: dict[bytes, Recorder] = {}
        self._items: dict[bytes, Described] = {}
        self._lengths: dict[bytes, tuple[int, ...]] = {}

    def at(self, octets: bytes, position: int) -> Described | None:
        """The header at a position, None where it was not learned."""
        for length in self._lengths.get(octets[position : position + _SHORTEST], ()):
            known = octets[position : position + length]
            item = self._items.get(known)
            if item is not None:
                if known not in self._made:
                    self._make(known, item)
                return item
        return None

    def learn(self, octets: bytes, position: int) -> Described:
        """Parse the header at a position. Raises what the grammar raises where it does not end."""
        parsed, start = RecordsFromMeter.header_at(octets, position)
        item = described(parsed)
        if item.size > _MAX_HEADER:
            return item
        if len(self._items) >= _MAX_KNOWN:  # anew, not emptied: another reader may be in the middle of it
            self.makers, self._made, self._items, self._lengths = {}, {}, {}, {}
        known = octets[position:start]
        first = known[:_SHORTEST]
        self._items[known] = item
        lengths = self._lengths.get(first, ())
        if len(known) not in lengths:
            self._lengths[first] = tuple(sorted((*lengths, len(known))))
        return item

    def _make(self, known: bytes, item: Described) -> None:
        """Make what makes the records: of a header that comes again, for many never do."""
        make = nothing if item.length is None or item.fault else recorder(item, item.length)
        self._made[known] = make
        first = known[:_SHORTEST]
        self.makers[first] = (
            make if known == first else _search(self._made, self._lengths.get(first, (len(known),)))
        )


def _search(made: dict[bytes, Recorder], lengths: tuple[int, ...]) -> Recorder:
    """The function for headers of some lengths that start with the same two octets."""

    def search(octets: bytes, start: int, add: Callable[[Record], None]) -> int:
        for length in lengths:
            if start + length > len(octets):
                break
            make = made.get(octets[start : start + length])
            if make is not None:
                return make(octets, start, add)
        return 0

    return search


HEADERS: Final = Headers()

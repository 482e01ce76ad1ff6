"""Where things stand: how long a frame is, where a field of a layout starts, what a CI field has behind it.

Derived from the layouts, once, for readers that want an octet and not a parsed telegram.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .application import USER_DATA, WIRELESS_USER_DATA, LongHeader, ShortHeader
from .constructs import fields_of, places_of
from .fields import CI_ROWS
from .layers import ELL_CI_FIELDS, extended_link_layer
from .link import SINGLE_CHARACTER, START_LONG, START_SHORT, TRAILER, LongFrame, ShortFrame, SingleCharacter
from .record import RecordArea
from .wireless import WirelessTelegram

if TYPE_CHECKING:
    from .base import Anything

# --- Fields --------------------------------------------------------------------------------------

LONG_FRAME: Final = places_of(LongFrame)
WIRELESS: Final = places_of(WirelessTelegram)
LONG_HEADER: Final = places_of(LongHeader)

# By CI field of an extended link layer: the fields behind it.
ELL: Final = {code: places_of(extended_link_layer(code, {})) for code in ELL_CI_FIELDS}

# --- Frames --------------------------------------------------------------------------------------

SHORT_LENGTH: Final = ShortFrame.overhead
# Octets after the user data of a long frame, and all that its L field does not count.
LONG_TAIL: Final = TRAILER
LONG_OVERHEAD: Final = LongFrame.overhead
MAX_FRAME: Final = LONG_OVERHEAD + 0xFF
_LENGTHS: Final = {SINGLE_CHARACTER: SingleCharacter.sizeof(), START_SHORT: SHORT_LENGTH}
_L_FIELD: Final[int] = LONG_FRAME["l_field"].start


def wired_length(octets: bytes, start: int = 0) -> int:
    """How long the wired frame is that starts there, by its start octet and L field.

    0 where none starts, or the L field is not there.
    """
    first = octets[start] if start < len(octets) else None
    if first == START_LONG:
        place = start + _L_FIELD
        return octets[place] + LONG_OVERHEAD if place < len(octets) else 0
    return _LENGTHS.get(first, 0) if first is not None else 0


# --- What a CI field has behind it ---------------------------------------------------------------

HEADERS: Final = {"short": ShortHeader, "long": LongHeader}


def header_of(contents: Anything) -> str:
    """The header that the contents of a CI field start with: "short", "long" or "none"."""
    fields = fields_of(contents)
    first = fields[0].subcon if fields else None
    return next((name for name, layout in HEADERS.items() if layout is first), "none")


def _area_of(contents: Anything) -> RecordArea | None:
    """The record area among the contents."""
    inner: Any = next((item for item in fields_of(contents) if item.name == "records"), None)
    while inner is not None and not isinstance(inner, RecordArea):
        inner = getattr(inner, "subcon", None)
    return inner


def _by_ci_field(table: dict[int, Any]) -> dict[int, str]:
    return {code: header_of(contents) for code, contents in table.items()}


# The header behind each CI field as its layout has it, wired and wireless; `HEADER_BEHIND` has the standard's
# word.
HEADER_OF: Final = {False: _by_ci_field(USER_DATA), True: _by_ci_field(WIRELESS_USER_DATA)}

# The record areas behind CI fields, and those behind which a selection stands.
RECORD_AREAS: Final = {
    code: area for code, contents in USER_DATA.items() if (area := _area_of(contents)) is not None
}
SELECTIONS: Final = tuple(code for code, row in CI_ROWS.items() if row.body.startswith("selection"))

# --- Addresses -----------------------------------------------------------------------------------

_ADDRESS: Final = ("identification_number", "manufacturer", "version", "device_type")
# The eight octets of a meter's address, in the long header and in the link layer by radio.
HEADER_ADDRESS: Final = slice(LONG_HEADER[_ADDRESS[0]].start, LONG_HEADER[_ADDRESS[-1]].stop)
LINK_ADDRESS: Final = slice(WIRELESS["manufacturer"].start, WIRELESS["ci_field"].start)


def _within(places: dict[str, slice], whole: slice) -> dict[str, slice]:
    return {
        name: slice(places[name].start - whole.start, places[name].stop - whole.start) for name in _ADDRESS
    }


IN_HEADER: Final = _within(LONG_HEADER, HEADER_ADDRESS)
IN_LINK: Final = _within(WIRELESS, LINK_ADDRESS)


def _reorder(octets: bytes, order: dict[str, slice], to: dict[str, slice]) -> bytes:
    names = sorted(_ADDRESS, key=lambda name: to[name].start)
    return b"".join(octets[order[name]] for name in names)


def link_order(address: bytes) -> bytes:
    """A meter's address in the link layer's order, from that of the long header."""
    return _reorder(address, IN_HEADER, IN_LINK)


def header_order(address: bytes) -> bytes:
    """A meter's address in the long header's order, from that of the link layer."""
    return _reorder(address, IN_LINK, IN_HEADER)

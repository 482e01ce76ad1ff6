"""Where things stand: where a field of a layout starts, how long a frame is, what follows a CI field.

Derived from the layouts, once, for readers that want an octet and not a parsed telegram: no offset and no
length is written down a second time.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .application import (
    FIXED_OR_COMPACT,
    USER_DATA,
    WIRELESS_USER_DATA,
    ApplicationLayer,
    LongHeader,
    ShortHeader,
)
from .constructs import fields_of, places_of
from .fields import ci_fields_with
from .layers import (
    ELL_CI_FIELDS,
    FragmentationControl,
    Receiver,
    SessionNumber,
    authentication_and_fragmentation,
    extended_link_layer,
)
from .link import TRAILER, LinkUserData, LongFrame, ShortFrame
from .record import RecordArea, RecordsFromMeter
from .wireless import WirelessTelegram

if TYPE_CHECKING:
    from .base import Anything


def starts_of(layout: Anything, start: int = 0) -> dict[str, int]:
    """Where the fields of a layout start, up to the first one whose length the octets decide."""
    return {name: place.start for name, place in places_of(layout, start).items()}


def picked(*places: slice) -> Struct:
    """What takes these octets out of others in one fast step: `unpack_from` gives them one by one."""
    form, at = "<", 0
    for place in places:
        form += f"{place.start - at}x{place.stop - place.start}s"
        at = place.stop
    return Struct(form)


# --- The link layer ------------------------------------------------------------------------------

# Where the fields start in octets that begin with a link layer, or with what is left of one.
LINKS: Final[dict[str, dict[str, int]]] = {
    "frame": starts_of(LongFrame),
    "c_field": starts_of(LinkUserData),
    "ci_field": starts_of(ApplicationLayer),
    "header": {"user_data": 0},
    "records": {"user_data": 0},
    "wireless": starts_of(WirelessTelegram),  # without the CRCs of its blocks
}
TAILS: Final = {form: TRAILER if form == "frame" else 0 for form in LINKS}  # octets after the user data

SHORT_LENGTH: Final = ShortFrame.overhead
LONG_OVERHEAD: Final = LongFrame.overhead  # octets of a long frame that its L field does not count

# --- Addresses -----------------------------------------------------------------------------------

LONG_HEADER: Final = places_of(LongHeader)
_RECEIVER: Final = places_of(Receiver)
ADDRESS_SIZE: Final[int] = Receiver.sizeof()
# The eight octets of a meter's address, in the long header and in the link layer by radio.
HEADER_ADDRESS: Final = slice(LONG_HEADER["identification_number"].start, LONG_HEADER["device_type"].stop)
LINK_ADDRESS: Final = slice(LINKS["wireless"]["manufacturer"], LINKS["wireless"]["ci_field"])


LINK_NUMBER: Final = _RECEIVER["identification_number"]  # in the eight octets of the link layer
_TO_LINK: Final = tuple(LONG_HEADER[name] for name in _RECEIVER)
_TO_HEADER: Final = tuple(_RECEIVER[name] for name in LONG_HEADER if name in _RECEIVER)


def link_order(address: bytes) -> bytes:
    """A meter's address in the link layer's order, from that of the long header."""
    return b"".join([address[place] for place in _TO_LINK])


def header_order(address: bytes) -> bytes:
    """A meter's address in the long header's order, from that of the link layer."""
    return b"".join([address[place] for place in _TO_HEADER])


def as_written(address: bytes) -> bytes:
    """An address of a long header with the digits of its number in the order in which people write them.

    The other way round it does the same.
    """
    number = LONG_HEADER["identification_number"]
    return address[number][::-1] + address[number.stop :]


# --- The layers between link and transport layer -------------------------------------------------


class ELL(NamedTuple):
    """Where the fields of an extended link layer stand, from its CI field on; None for what it has not.

    `end`: the next layer, or the payload CRC before it.
    """

    communication_control: int
    access_number: int
    receiver: slice | None
    session_number: slice | None
    end: int


def _ell(code: int) -> ELL:
    places = places_of(extended_link_layer(code, {}), 1)
    end = places["encrypted" if "session_number" in places else "ci_field"].start
    control, access_number = places["communication_control"].start, places["access_number"].start
    return ELL(control, access_number, places.get("receiver"), places.get("session_number"), end)


ELL_PLACES: Final = {code: _ell(code) for code in ELL_CI_FIELDS}
SESSION_NUMBER_SIZE: Final[int] = SessionNumber.size

# From the CI field of an AFL on: its length, its control field, and the first of those that this announces.
_AFL: Final = places_of(authentication_and_fragmentation({}), 1)
AFL_LENGTH: Final[int] = _AFL["length"].start
AFL_CONTROL: Final = _AFL["fragmentation_control"]
AFL_CONTROL_SIZE: Final[int] = FragmentationControl.size

# --- What follows a CI field ---------------------------------------------------------------------


class Header(NamedTuple):
    """A header before the data: its layout, where its fields start, and how many octets it has."""

    name: str
    layout: Any
    places: dict[str, int]
    size: int


NO_HEADER: Final = Header("none", None, {}, 0)
HEADERS: Final = {
    name: Header(name, layout, starts_of(layout), layout.sizeof())
    for name, layout in (("short", ShortHeader), ("long", LongHeader))
}


def _header(contents: Anything) -> Header:
    """The header that the contents of a CI field start with."""
    fields = fields_of(contents)
    first = fields[0].subcon if fields else None
    return next((header for header in HEADERS.values() if header.layout is first), NO_HEADER)


def _area(contents: Anything) -> RecordArea | None:
    """The record area among the contents."""
    inner: Any = next((item for item in fields_of(contents) if item.name == "records"), None)
    while inner is not None and not isinstance(inner, RecordArea):
        inner = getattr(inner, "subcon", None)
    return inner


_TABLES: Final[dict[bool, dict[int, Any]]] = {False: USER_DATA, True: WIRELESS_USER_DATA}
_HEADERS: Final = {
    wireless: {code: _header(contents) for code, contents in table.items()}
    for wireless, table in _TABLES.items()
}


def header_after(ci_field: int, length: int, *, wireless: bool) -> Header:
    """The header after a CI field that so many octets follow, as its layout has it.

    `HEADER_BEHIND` has the standard's word, which does not count in the most significant octet first.
    """
    if ci_field == FIXED_OR_COMPACT and not wireless:
        layout: Any = USER_DATA[ci_field]
        return _header(layout.subcon.choose(length))
    return _HEADERS[wireless][ci_field]


# The record areas after CI fields, on wires and by radio.
RECORD_AREAS: Final = {
    wireless: {code: area for code, item in table.items() if (area := _area(item)) is not None}
    for wireless, table in _TABLES.items()
}
SELECTIONS: Final = ci_fields_with("selection", "selection, MSB first")


def readout_headers(*, wireless: bool = False) -> dict[int, Header]:
    """The headers of the CI fields that a header known here, or none, and the records of a meter follow."""
    return {
        code: header_after(code, 0, wireless=wireless)
        for code, area in RECORD_AREAS[wireless].items()
        if area is RecordsFromMeter
    }

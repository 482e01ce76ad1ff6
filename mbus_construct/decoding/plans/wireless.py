"""Shapes of telegrams by radio: link layer, extended link layer, AFL, header and security fields.

Where they stand `layers_of` says; which telegrams have the same shape is told by the few octets that decide
it. The payload CRC of an extended link layer is checked here: a shape is of telegrams that can be read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from mbus_grammars import DecodeError
from mbus_grammars.application import WIRELESS_USER_DATA, LongHeader
from mbus_grammars.layers import (
    AFL_FIELDS,
    ELL_CI_FIELDS,
    FragmentationControl,
    Receiver,
    SessionNumber,
    authentication_and_fragmentation,
    extended_link_layer,
    payload_crc_fits,
)
from mbus_grammars.security import ConfigurationFieldExtension, MessageCounter
from mbus_grammars.wireless import WirelessTelegram

from ...octets.locate import fields_of, layers_of
from .shape import Outer, Shape, header_of, places_of

if TYPE_CHECKING:
    from typing import Any

    from ...octets.locate import AFL, Layers

LINK: Final = places_of(fields_of(WirelessTelegram), last="ci_field")
ADDRESS: Final = slice(LINK["manufacturer"], LINK["ci_field"])
C_AND_ADDRESS: Final = slice(LINK["c_field"], LINK["ci_field"])

# The layout of the header in front of records, by CI field; () without a header.
_HEADERS: Final = {code: header_of(item) for code, item in WIRELESS_USER_DATA.items()}
_AFL_START: Final[int] = 2 + FragmentationControl.size  # CI field, length, fragmentation control
_FIRST: Final = 4  # octets of the data that tell layouts apart: of decrypted ones two are fillers


class Fields(NamedTuple):
    """Where the fields of an extended link layer stand, from its CI field on; None for what it has not."""

    communication_control: int
    access_number: int
    receiver: slice | None
    session_number: slice | None


def _ell_fields(code: int) -> Fields:
    layout: Any = extended_link_layer(code, {})
    items = list(fields_of(getattr(layout, "subcon", layout)))
    names = [item.name for item in items]
    last = "session_number" if "session_number" in names else "ci_field"
    places = {name: place + 1 for name, place in places_of(items, last=last).items()}
    receiver, session = places.get("receiver"), places.get("session_number")
    return Fields(
        places["communication_control"],
        places["access_number"],
        None if receiver is None else slice(receiver, receiver + Receiver.sizeof()),
        None if session is None else slice(session, session + SessionNumber.size),
    )


ELL_FIELDS: Final = {code: _ell_fields(code) for code in ELL_CI_FIELDS}

_shapes: Final[dict[tuple[object, ...], Shape | None]] = {}
_MAX_SHAPES: Final = 4096


def wireless_shape(octets: bytes) -> Shape | None:
    """The shape of a telegram by radio without the CRCs of its blocks; None for what is no plain records."""
    layers = layers_of(octets, "wireless")
    if layers is None or layers.is_hidden or layers.transport < 0 or layers.encrypted:
        return None
    layout = _HEADERS.get(layers.ci_field or 0)
    if layout is None:
        return None
    if layers.session and not layers.hidden:  # where encryption is announced the CRC has told already
        place = layers.session + SessionNumber.size
        if not payload_crc_fits(octets[place : layers.end]):
            return None
    afl = layers.afl
    key = (
        octets[layers.ell] if layers.ell else None,
        b"" if afl is None else octets[afl.start : afl.start + _AFL_START] + afl.message_control,
        layers.transport,
        layers.ci_field,
        layers.payload,
        bool(layers.message_counter),
    )
    if key not in _shapes:
        if len(_shapes) >= _MAX_SHAPES:
            _shapes.clear()
        _shapes[key] = _shape(octets, layers, layout)
    return _shapes[key]


def _shape(octets: bytes, layers: Layers, layout: Any) -> Shape | None:
    """The shape by its layers; None where the grammar does not accept the AFL."""
    afl = layers.afl
    if afl is not None:
        try:
            authentication_and_fragmentation({}).parse(octets[afl.start + 1 : afl.end + 1])
        except DecodeError:
            return None
    places = dict(LINK)
    places["ci_field"] = layers.transport
    start = layers.transport + 1
    address, kind = ADDRESS, slice(LINK["version"], ADDRESS.stop)
    if layout:
        header = places_of(fields_of(layout), start=start, last="configuration_field")
        places |= header
        start += layout.sizeof()
        if "manufacturer" in header:
            address = slice(header["identification_number"], header["access_number"])
            kind = slice(header["manufacturer"], header["access_number"])
    depth = 1 + (layers.ell > 0) + (afl is not None)
    return Shape(
        form="wireless",
        places=places,
        start=layers.payload,
        tail=0,
        link=C_AND_ADDRESS,
        address=address,
        kind=kind,
        first=slice(layers.payload, layers.payload + _FIRST),
        path="(parsing)" + " -> user_data" * depth + " -> records",
        outer=_outer(octets, layers, start, by_link=layout is not LongHeader),
    )


def _outer(octets: bytes, layers: Layers, start: int, *, by_link: bool) -> Outer:
    """What stands around; the security fields start at `start`."""
    ell, payload_crc = None, 0
    if layers.ell:
        session = ELL_FIELDS[octets[layers.ell]].session_number
        behind = layers.session + SessionNumber.size if session is not None else _last(octets, layers.ell)
        ell = slice(layers.ell, behind)
        payload_crc = 0 if session is None else behind
    counter = extension = version = 0
    if layers.payload > start:
        extension = start
        behind = start + ConfigurationFieldExtension.size
        if layers.message_counter:
            counter = behind
            behind += MessageCounter.sizeof()
        version = behind if behind < layers.payload else 0
    return Outer(
        by_link,
        layers.ci_field or 0,
        ell,
        layers.session,
        payload_crc,
        () if layers.afl is None else _afl_fields(layers.afl),
        extension,
        counter,
        version,
    )


def _last(octets: bytes, ell: int) -> int:
    """The octet behind an extended link layer without session number."""
    fields = ELL_FIELDS[octets[ell]]
    return ell + (fields.receiver.stop if fields.receiver is not None else fields.access_number + 1)


def _afl_fields(afl: AFL) -> tuple[tuple[str, slice], ...]:
    """The names of an AFL's fields, and where they stand."""
    place = afl.start + 2  # its CI field and its length
    behind = place + FragmentationControl.size
    found = [("fragmentation_control", slice(place, behind))]
    for name, *_ in AFL_FIELDS:
        size = len(getattr(afl, name))
        if size:
            found.append((name, slice(behind, behind + size)))
        behind += size
    return tuple(found)

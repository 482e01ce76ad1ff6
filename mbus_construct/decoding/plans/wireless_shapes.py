"""Shapes of telegrams by radio: link layer, extended link layer, AFL, header and security fields.

Where they stand `layers_of` says; which telegrams have the same shape is told by the few octets that decide
it. The payload CRC of an extended link layer is checked here: a shape is of telegrams that can be read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mbus_grammars import DecodeError
from mbus_grammars.layers import (
    AFL_FIELDS,
    SessionNumber,
    authentication_and_fragmentation,
    payload_crc_fits,
)
from mbus_grammars.places import AFL_CONTROL, ELL_PLACES, LINK_ADDRESS, LINKS, picked, readout_headers
from mbus_grammars.security import ConfigurationFieldExtension, MessageCounter

from ...octets.locate import layers_of
from .shape import Outer, Shape

if TYPE_CHECKING:
    from mbus_grammars.places import Header

    from ...octets.locate import AFL, Layers

LINK: Final = LINKS["wireless"]
ADDRESS: Final = LINK_ADDRESS
C_AND_ADDRESS: Final = slice(LINK["c_field"], LINK["ci_field"])

# L and C field, manufacturer, version and device type, CI field: they mostly tell layers and layouts apart.
NEAR_BY_RADIO: Final = picked(
    slice(0, LINK["identification_number"]), slice(LINK["version"], LINK["ci_field"] + 1)
)

_HEADERS: Final = readout_headers(wireless=True)
_FIRST: Final = 4  # octets of the data that tell layouts apart: of decrypted ones two are fillers

_shapes: Final[dict[tuple[object, ...], Shape | None]] = {}
_MAX_SHAPES: Final = 4096


def wireless_shape(octets: bytes) -> Shape | None:
    """The shape of a telegram by radio without the CRCs of its blocks; None for what is no plain records."""
    layers = layers_of(octets, "wireless")
    if layers is None or layers.is_hidden or layers.transport < 0 or layers.encrypted:
        return None
    header = _HEADERS.get(layers.ci_field or 0)
    if header is None:
        return None
    if layers.session and not layers.hidden:  # where encryption is announced the CRC has told already
        place = layers.session + SessionNumber.size
        if not payload_crc_fits(octets[place : layers.end]):
            return None
    afl = layers.afl
    key = (
        octets[layers.ell] if layers.ell else None,
        b"" if afl is None else octets[afl.start : afl.start + AFL_CONTROL.stop] + afl.message_control,
        layers.transport,
        layers.ci_field,
        layers.payload,
        bool(layers.message_counter),
    )
    if key not in _shapes:
        if len(_shapes) >= _MAX_SHAPES:
            _shapes.clear()
        _shapes[key] = _shape(octets, layers, header)
    return _shapes[key]


def _shape(octets: bytes, layers: Layers, header: Header) -> Shape | None:
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
    places |= {name: start + place for name, place in header.places.items()}
    if "manufacturer" in header.places:
        address = slice(places["identification_number"], places["access_number"])
        kind = slice(places["manufacturer"], places["access_number"])
    start += header.size
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
        outer=_outer(octets, layers, start, by_link="manufacturer" not in header.places),
    )


def _outer(octets: bytes, layers: Layers, start: int, *, by_link: bool) -> Outer:
    """What stands around; the security fields start at `start`."""
    ell, payload_crc = None, 0
    if layers.ell:
        fields = ELL_PLACES[octets[layers.ell]]
        ell = slice(layers.ell, layers.ell + fields.end)
        payload_crc = 0 if fields.session_number is None else ell.stop
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


def _afl_fields(afl: AFL) -> tuple[tuple[str, slice], ...]:
    """The names of an AFL's fields, and where they stand."""
    behind = afl.start + AFL_CONTROL.stop
    found = [("fragmentation_control", slice(afl.start + AFL_CONTROL.start, behind))]
    for name, *_ in AFL_FIELDS:
        size = len(getattr(afl, name))
        if size:
            found.append((name, slice(behind, behind + size)))
        behind += size
    return tuple(found)

"""Where the fields of link layer and header stand in a telegram, by form and CI field.

Everything is taken from the grammar's own layouts; what has another structure has no shape here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mbus_grammars.link import START_LONG
from mbus_grammars.places import HEADERS, LINKS, NO_HEADER, TAILS, readout_headers

from .shape import Shape
from .wireless_shapes import LINK, wireless_shape

if TYPE_CHECKING:
    from mbus_grammars.places import Header

    from ...model.json_shapes import Form

__all__ = ["C_FIELD", "SHAPES", "Shape", "key_of", "shape_of"]


_LINK_NAMES: Final = ("c_field", "a_field", "ci_field")

C_FIELD: Final = LINKS["frame"]["c_field"]
_NO_CI_FIELD: Final = -1
_PATHS: Final[dict[Form, str]] = {"header": "(parsing) -> records", "records": "(parsing)"}


def _shape(form: Form, header: Header) -> Shape:
    start = LINKS[form]["user_data"]
    places: dict[str, int] = {name: LINKS[form][name] for name in _LINK_NAMES if name in LINKS[form]}
    link = slice(min(places.values(), default=0), start)
    address, kind = None, slice(0)
    places |= {name: start + place for name, place in header.places.items()}
    if "manufacturer" in places:
        address = slice(places["identification_number"], places["access_number"])
        kind = slice(places["manufacturer"], places["access_number"])
    start += header.size
    path = _PATHS.get(form, "(parsing) -> user_data -> records")
    return Shape(form, places, start, TAILS[form], link, address, kind, slice(start, start + 2), path)


def _shapes() -> dict[Form, dict[int, Shape]]:
    linked: tuple[Form, ...] = ("frame", "c_field", "ci_field")
    shapes: dict[Form, dict[int, Shape]] = {
        form: {code: _shape(form, header) for code, header in readout_headers().items()} for form in linked
    }
    shapes["header"] = {_NO_CI_FIELD: _shape("header", HEADERS["long"])}
    shapes["records"] = {_NO_CI_FIELD: _shape("records", NO_HEADER)}
    return shapes


SHAPES: Final = _shapes()
_FRAMES: Final = SHAPES["frame"]
_FRAME_CI: Final = LINKS["frame"]["ci_field"]
_L_AND_CI: Final = slice(LINKS["frame"]["l_field"], _FRAME_CI + 1, _FRAME_CI - LINKS["frame"]["l_field"])
_TAGS: Final[dict[str, bytes]] = {form: bytes([index]) for index, form in enumerate(LINKS)}


def shape_of(octets: bytes, form: Form) -> Shape | None:
    """The shape of a telegram; None for what has other contents, or ends before its records could start.

    By radio without the CRCs of its blocks, and None also where something is encrypted.
    """
    if form == "wireless":
        return wireless_shape(octets)
    if form == "frame":
        if len(octets) <= _FRAME_CI or octets[0] != START_LONG:
            return None
        shape = _FRAMES.get(octets[_FRAME_CI])
    elif (place := LINKS[form].get("ci_field")) is None:
        shape = SHAPES[form][_NO_CI_FIELD]
    elif place < len(octets):
        shape = SHAPES[form].get(octets[place])
    else:
        return None
    if shape is None:
        return None
    end = len(octets) - shape.tail
    # Without header and records there is nothing to plan; such a frame is a control frame.
    return None if end < shape.start or end == LINKS[form]["user_data"] else shape


def key_of(octets: bytes, shape: Shape) -> bytes:
    """Octets of the layout by which most layouts differ, and the length."""
    key = octets[shape.kind] + octets[shape.first]
    if shape.form == "frame":
        return octets[_L_AND_CI] + key
    if shape.form == "wireless":
        key += octets[LINK["l_field"] : LINK["identification_number"]] + bytes([shape.start])
    return _TAGS[shape.form] + len(octets).to_bytes(4, "little") + key

"""Where the fields of link layer and header stand in a telegram, by form and CI field.

Everything is taken from the grammar's own layouts; what has another structure has no shape here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mbus_grammars.application import USER_DATA, ApplicationLayer, LongHeader, ShortHeader
from mbus_grammars.link import START_LONG, LinkUserData, LongFrame
from mbus_grammars.record import RecordsFromMeter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..json_types import Form


class Shape(NamedTuple):
    """How telegrams of one form and CI field are made.

    `places`: where their fields start; the records start at `start`, and `tail` octets stand behind them.
    `link`: the octets of C, A and CI field, as many as there are. `address`: identification number to device
    type, None without; `kind`: manufacturer to device type; `first`: what every record header has at least.
    `path`: the grammar's name for the records.
    """

    form: Form
    places: dict[str, int]
    start: int
    tail: int
    link: slice
    address: slice | None
    kind: slice
    first: slice
    path: str


def fields_of(layout: Any) -> Iterable[Any]:
    """The fields of a layout, in wire order."""
    fields: Iterable[Any] = layout.subcons
    return fields


def _places(fields: Iterable[Any], start: int = 0) -> dict[str, int]:
    """Where the fields of a layout start, up to the first without a fixed size."""
    places: dict[str, int] = {}
    for item in fields:
        places[item.name] = start
        if item.name == "user_data":
            break
        start += item.sizeof()
    return places


LINKS: Final[dict[Form, dict[str, int]]] = {
    "frame": _places(fields_of(LongFrame.subcon)),
    "c_field": _places(fields_of(LinkUserData)),
    "ci_field": _places(fields_of(ApplicationLayer)),
    "header": {"user_data": 0},
    "records": {"user_data": 0},
}
_LINK_NAMES: Final = ("c_field", "a_field", "ci_field")

C_FIELD: Final = LINKS["frame"]["c_field"]
_TAIL: Final = 2  # check sum and stop
_NO_CI_FIELD: Final = -1
_PATHS: Final[dict[Form, str]] = {"header": "(parsing) -> records", "records": "(parsing)"}


def _header_of(salvage: Any) -> Any:
    """The header layout of user data with records of a meter; () without a header, None for others.

    Others are those behind whose CI field there are no records of a meter, or a header not known here.
    """
    fields: Any = getattr(getattr(salvage, "subcon", None), "subcons", ())
    records = [item for item in fields if item.name == "records"]
    if not records or getattr(records[0].subcon, "subcon", None) is not RecordsFromMeter:
        return None
    first = fields[0].subcon
    if first is LongHeader or first is ShortHeader:
        return first
    return () if len(fields) == 1 else None


def _shape(form: Form, layout: Any) -> Shape:
    start = LINKS[form]["user_data"]
    places: dict[str, int] = {name: LINKS[form][name] for name in _LINK_NAMES if name in LINKS[form]}
    link = slice(min(places.values(), default=0), start)
    address, kind = None, slice(0)
    if layout:
        header = _places(fields_of(layout), start)
        places |= header
        start += layout.sizeof()
        if "manufacturer" in header:
            address = slice(header["identification_number"], header["access_number"])
            kind = slice(header["manufacturer"], header["access_number"])
    path = _PATHS.get(form, "(parsing) -> user_data -> records")
    tail = _TAIL if form == "frame" else 0
    return Shape(form, places, start, tail, link, address, kind, slice(start, start + 2), path)


def _shapes() -> dict[Form, dict[int, Shape]]:
    headers = {code: _header_of(salvage) for code, salvage in USER_DATA.items()}
    linked: tuple[Form, ...] = ("frame", "c_field", "ci_field")
    shapes: dict[Form, dict[int, Shape]] = {
        form: {code: _shape(form, layout) for code, layout in headers.items() if layout is not None}
        for form in linked
    }
    shapes["header"] = {_NO_CI_FIELD: _shape("header", LongHeader)}
    shapes["records"] = {_NO_CI_FIELD: _shape("records", ())}
    return shapes


SHAPES: Final = _shapes()
_FRAMES: Final = SHAPES["frame"]
_FRAME_CI: Final = LINKS["frame"]["ci_field"]
_L_AND_CI: Final = slice(LINKS["frame"]["l_field"], _FRAME_CI + 1, _FRAME_CI - LINKS["frame"]["l_field"])
_TAGS: Final[dict[Form, bytes]] = {form: bytes([index]) for index, form in enumerate(LINKS)}


def shape_of(octets: bytes, form: Form) -> Shape | None:
    """The shape of a telegram; None for what has other contents, or ends before its records could start."""
    if form == "frame":
        if len(octets) <= _FRAME_CI or octets[0] != START_LONG:
            return None
        shape = _FRAMES.get(octets[_FRAME_CI])
    elif form == "wireless":
        return None
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
    return _TAGS[shape.form] + len(octets).to_bytes(4, "little") + key

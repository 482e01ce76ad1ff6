"""A layout: everything in a telegram that is not data.

That is: frame, C and CI field, the header but for its address and counters, DIB and VIB of every record, LVAR
octets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mbus_grammars.fields import IdentificationNumber
from mbus_grammars.layers import PAYLOAD_CRC_LENGTH, SessionNumber
from mbus_grammars.security import MessageCounter

from .wired_shapes import C_FIELD
from .wireless_shapes import LINK

if TYPE_CHECKING:
    from ...model.json_shapes import Form
    from .area import Area
    from .link_and_header import Secured
    from .shape import Outer, Shape

_NUMBER: Final[int] = IdentificationNumber.sizeof()

# The bits of a session number that say whether a payload is encrypted.
_ENCRYPTION: Final = bytes(SessionNumber.build({**dict.fromkeys(SessionNumber.fields, 0), "encryption": 7}))

# Fields of an AFL that change from message to message.
_COUNTED: Final = ("message_counter", "mac", "message_length")


class Layout:
    """What telegrams of one layout have in common.

    Attributes:
        form: where the octets start.
        octets: the telegram that the plan was made from.
        mask: the bits that belong to the layout, as an integer, the first octet in its lowest eight bits.
        proof: what these bits are.
        area: where the records stand.
        places: the offset of each field of link layer and header that these telegrams have.
        payload_crc: where a payload CRC stands that covers all octets behind it; 0 without one.
        summed: the first octet that the check sum covers, and where the check sum stands; None without one.
        shape: what the layout has in common with all of its form and CI field.
        configuration: the configuration field, None without one.
        security: what that says of the security, None where it announces none.
        remarks: what there is to say about all these telegrams, behind the remarks on their records.
    """

    __slots__ = (
        "area",
        "configuration",
        "form",
        "mask",
        "octets",
        "payload_crc",
        "places",
        "proof",
        "remarks",
        "security",
        "shape",
        "summed",
    )

    def __init__(
        self,
        octets: bytes,
        shape: Shape,
        area: Area,
        secured: Secured,
    ) -> None:
        self.form: Form = shape.form
        self.octets = octets
        self.area = area
        self.places: dict[str, int] = dict(shape.places)
        self.shape = shape
        self.configuration = secured.configuration
        self.remarks = secured.remarks
        self.security = secured.security
        self.summed = (C_FIELD, len(octets) - shape.tail) if shape.form == "frame" else None
        self.payload_crc = 0 if shape.outer is None else shape.outer.payload_crc
        self.mask = _layout_bits(octets, shape, area)
        self.proof = int.from_bytes(octets, "little") & self.mask


def _layout_bits(octets: bytes, shape: Shape, area: Area) -> int:
    """A mask of the bits that belong to the layout."""
    end = len(octets) - shape.tail
    mask = bytearray(b"\xff" * len(octets))
    places = shape.places
    if shape.form == "frame":
        mask[end] = 0  # the check sum
    if "identification_number" in places:
        _leave(mask, places["identification_number"], _NUMBER)
    if shape.outer is not None:
        _leave_outer(mask, shape.outer)
    for name in ("a_field", "access_number", "status"):
        if name in places:
            mask[places[name]] = 0
    for item in area.fields:
        first = item.start + 1 if item.lvar else item.start
        _leave(mask, first, item.end - first)
    for first, last in area.free:
        _leave(mask, first, last - first)
    if area.manufacturer_data is not None:
        _leave(mask, area.manufacturer_data, end - area.manufacturer_data)
    return int.from_bytes(mask, "little")


def _leave(mask: bytearray, first: int, count: int) -> None:
    """Take octets out of a mask."""
    mask[first : first + count] = bytes(count)


def _leave_outer(mask: bytearray, outer: Outer) -> None:
    """Take out of a mask what changes from telegram to telegram around the data."""
    mask[LINK["l_field"]] = 0  # the length is compared
    _leave(mask, LINK["identification_number"], _NUMBER)
    if outer.ell is not None:
        _leave(mask, outer.ell.start + 1, outer.ell.stop - outer.ell.start - 1)
    if outer.session:
        mask[outer.session : outer.session + SessionNumber.size] = _ENCRYPTION
        _leave(mask, outer.payload_crc, PAYLOAD_CRC_LENGTH)
    for name, place in outer.afl:
        if name in _COUNTED:
            _leave(mask, place.start, place.stop - place.start)
    if outer.message_counter:
        _leave(mask, outer.message_counter, MessageCounter.sizeof())

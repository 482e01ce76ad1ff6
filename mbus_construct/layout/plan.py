"""A plan: how every telegram of one layout becomes a `Telegram`.

A layout is everything in a telegram that is not data: frame, C and CI field, the header but for its address
and counters, DIB and VIB of every record, LVAR octets. A plan proves that a telegram has its layout by
comparing all these octets at once, and then reads the data where the grammar has found them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mbus_grammars.application import SECURITY_MODES, ConfigurationField, LongHeader
from mbus_grammars.link import LongFrame

from ..telegram import FrameFields, Meter, Status
from .compiled import Decode, compiled, interpreted
from .drafts import TelegramDraft
from .fields import area_of
from .shapes import C_FIELD, shape_of

if TYPE_CHECKING:
    from ..json_types import Form
    from ..telegram import Diagnostic, Record, Telegram
    from .fields import Area
    from .shapes import Shape

# Compiling costs as much as reading some twenty telegrams; a layout that comes so often is worth it.
_WORTH_COMPILING: Final = 3


class Plan:
    """How telegrams of one layout are read: `fits` proves that one has the layout, `decode` reads it.

    Made by `plan_for`.

    Attributes:
        form: where the octets start.
        octets: the telegram that the plan was made from.
        mask: the bits that belong to the layout, as an integer, the first octet in its lowest eight bits.
        area: where the records stand.
        places: the offset of each field of link layer and header that these telegrams have.
        summed: the first octet that the check sum covers, and where the check sum stands; None without one.
    """

    __slots__ = ("_finish", "_proof", "_used", "area", "decode", "form", "mask", "octets", "places", "summed")

    def __init__(self, octets: bytes, shape: Shape, area: Area) -> None:
        self.form: Form = shape.form
        self.octets = octets
        self.area = area
        self.places: dict[str, int] = dict(shape.places)
        self.summed = (C_FIELD, len(octets) - shape.tail) if shape.form == "frame" else None
        self.mask = _layout_bits(octets, shape, area)
        self._proof = int.from_bytes(octets, "little") & self.mask
        self._used = 0
        self._finish = _Rest(octets, shape, area)
        self.decode: Decode = interpreted(area.fields, self._finish)

    def fits(self, octets: bytes) -> bool:
        """Whether a telegram has this layout, and the right check sum where it has one."""
        if len(octets) != len(self.octets) or int.from_bytes(octets, "little") & self.mask != self._proof:
            return False
        if self.summed is not None:
            first, end = self.summed
            if sum(octets[first:end]) & 0xFF != octets[end]:
                return False
        if self._used < _WORTH_COMPILING:
            self._used += 1
            if self._used == _WORTH_COMPILING:
                self.decode = compiled(self.area.fields, self._finish)
        return True


def _layout_bits(octets: bytes, shape: Shape, area: Area) -> int:
    """A mask of the bits that belong to the layout."""
    end = len(octets) - shape.tail
    mask = bytearray(b"\xff" * len(octets))
    places = shape.places
    if shape.form == "frame":
        mask[end] = 0  # the check sum
    if "identification_number" in places:
        first, last = places["identification_number"], places["manufacturer"]
        mask[first:last] = bytes(last - first)
    for name in ("a_field", "access_number", "status"):
        if name in places:
            mask[places[name]] = 0
    for item in area.fields:
        first = item.start + 1 if item.lvar else item.start
        mask[first : item.end] = bytes(item.end - first)
    if area.manufacturer_data is not None:
        mask[area.manufacturer_data : end] = bytes(end - area.manufacturer_data)
    return int.from_bytes(mask, "little")


class _Rest:
    """What stands around the records: gives the telegram for them."""

    def __init__(self, octets: bytes, shape: Shape, area: Area) -> None:
        places = shape.places
        self._form = shape.form
        self._end = len(octets) - shape.tail
        self._area = area
        self._frames: dict[int, FrameFields] = {}
        self._c_field = octets[places["c_field"]] if "c_field" in places else None
        self._a_field = places.get("a_field")
        self._ci_field = octets[places["ci_field"]] if "ci_field" in places else None
        self._access_number = places.get("access_number")
        self._status = places.get("status")
        self._address = shape.address
        place = places.get("configuration_field")
        self._configuration = None if place is None else int.from_bytes(octets[place : place + 2], "little")

    def __call__(
        self, octets: bytes, records: tuple[Record, ...], diagnostics: tuple[Diagnostic, ...]
    ) -> Telegram:
        a_field = -1 if self._a_field is None else octets[self._a_field]
        area = self._area
        tail = area.manufacturer_data
        telegram: Any = TelegramDraft(
            self._form,
            self._frames.get(a_field) or self._frame(a_field),
            None if self._address is None else _meter(octets[self._address]),
            None if self._access_number is None else octets[self._access_number],
            None if self._status is None else _STATUS[octets[self._status]],
            self._configuration,
            records,
            area.more_records_follow,
            None if tail is None else octets[tail : self._end],
            area.special,
            diagnostics,
        )
        decoded: Telegram = telegram
        return decoded

    def _frame(self, a_field: int) -> FrameFields:
        frame = self._frames[a_field] = FrameFields(
            "long" if self._form == "frame" else None,
            self._c_field,
            None if a_field < 0 else a_field,
            self._ci_field,
        )
        return frame


_STATUS: Final = tuple(Status(octet) for octet in range(256))

_meters: dict[bytes, Meter] = {}
_MAX_METERS: Final = 65536


def _meter(address: bytes) -> Meter:
    """The meter with an address as it stands in a long header."""
    meter = _meters.get(address)
    if meter is None:
        header = LongHeader.parse(address + bytes(LongHeader.sizeof() - len(address)))
        if len(_meters) >= _MAX_METERS:
            _meters.clear()
        meter = _meters[address] = Meter(
            header["identification_number"],
            header["manufacturer"],
            header["version"],
            int(header["device_type"]),
        )
    return meter


def plan_for(octets: bytes, form: Form = "frame") -> Plan | None:
    """The plan for the layout of a telegram; None where only the grammar's walk can tell what it is.

    Raises what the grammar raises where it is no frame, or where a record header does not end.
    """
    shape = shape_of(octets, form)
    if shape is None:
        return None
    if form == "frame":
        LongFrame.accept(octets)
        if len(octets) != octets[1] + 6:
            return None
    place = shape.places.get("configuration_field")
    if place is not None:
        configuration = ConfigurationField.unpack(int.from_bytes(octets[place : place + 2], "little"))
        if configuration["security_mode"] in SECURITY_MODES:
            return None
    area = area_of(octets[: len(octets) - shape.tail], shape.start)
    return None if area is None else Plan(octets, shape, area)

"""A plan: how every telegram of one layout becomes a `Telegram`.

A layout is everything in a telegram that is not data: frame, C and CI field, the header but for its address
and counters, DIB and VIB of every record, LVAR octets. A plan proves that a telegram has its layout by
comparing all these octets at once, and then reads the data where the grammar has found them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mbus_grammars.application import SECURITY_MODES, USER_DATA, ConfigurationField, LongHeader, ShortHeader
from mbus_grammars.link import START_LONG, LongFrame
from mbus_grammars.record import RecordsFromMeter

from ..telegram import FrameFields, Meter, Status
from .compiled import Decode, compiled, interpreted
from .drafts import TelegramDraft
from .fields import area_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..telegram import Diagnostic, Record, Telegram
    from .fields import Area


def _fields(layout: Any) -> Iterable[Any]:
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


_FRAME: Final = _places(_fields(LongFrame.subcon))
_C, _A, _CI, _HEADER = (_FRAME[name] for name in ("c_field", "a_field", "ci_field", "user_data"))
_LONG: Final = _places(_fields(LongHeader), _HEADER)
_SHORT: Final = _places(_fields(ShortHeader), _HEADER)
_TAIL: Final = 2  # check sum and stop

# Compiling costs as much as reading some twenty telegrams; a layout that comes so often is worth it.
_WORTH_COMPILING: Final = 3


def _starts() -> dict[int, tuple[int, dict[str, int]]]:
    """Where the records start, and where the fields of the header are, by CI field.

    Those are left out behind which there are no records of a meter, or a header that is not known here.
    """
    starts: dict[int, tuple[int, dict[str, int]]] = {}
    for code, salvage in USER_DATA.items():
        fields: Any = getattr(getattr(salvage, "subcon", None), "subcons", ())
        records = [item for item in fields if item.name == "records"]
        if not records or getattr(records[0].subcon, "subcon", None) is not RecordsFromMeter:
            continue
        first = fields[0].subcon
        if first is LongHeader:
            starts[code] = _HEADER + LongHeader.sizeof(), _LONG
        elif first is ShortHeader:
            starts[code] = _HEADER + ShortHeader.sizeof(), _SHORT
        elif len(fields) == 1:
            starts[code] = _HEADER, {}
    return starts


_STARTS: Final = _starts()


def key_of(octets: bytes) -> bytes | None:
    """Octets of the layout by which most layouts differ; None for what has no plan."""
    if len(octets) <= _HEADER or octets[0] != START_LONG or octets[_CI] not in _STARTS:
        return None
    start, header = _STARTS[octets[_CI]]
    key = octets[1:2] + octets[_C : _C + 1] + octets[_CI : _CI + 1] + octets[start : start + 3]
    return key + octets[_LONG["manufacturer"] : _LONG["access_number"]] if header is _LONG else key


class Plan:
    """How telegrams of one layout are read: `fits` proves that one has the layout, `decode` reads it.

    Made by `plan_for`.
    """

    __slots__ = ("_end", "_finish", "_mask", "_proof", "_used", "decode", "fields")

    def __init__(self, octets: bytes, header: dict[str, int], area: Area) -> None:
        self._end = len(octets) - _TAIL
        self._mask = _layout_bits(octets, header, area)
        self._proof = int.from_bytes(octets, "little") & self._mask
        self._finish = _Rest(octets, header, area)
        self._used = 0
        self.fields = area.fields
        self.decode: Decode = interpreted(area.fields, self._finish)

    def fits(self, octets: bytes) -> bool:
        """Whether a telegram, as long as the plan's own, has this layout and the right check sum."""
        fits = (
            int.from_bytes(octets, "little") & self._mask == self._proof
            and sum(octets[_C : self._end]) & 0xFF == octets[self._end]
        )
        if fits and self._used < _WORTH_COMPILING:
            self._used += 1
            if self._used == _WORTH_COMPILING:
                self.decode = compiled(self.fields, self._finish)
        return fits


def _layout_bits(octets: bytes, header: dict[str, int], area: Area) -> int:
    """A mask of the bits that belong to the layout."""
    end = len(octets) - _TAIL
    mask = bytearray(b"\xff" * len(octets))
    mask[_A] = mask[end] = 0
    if "identification_number" in header:
        first, last = header["identification_number"], header["manufacturer"]
        mask[first:last] = bytes(last - first)
    for name in ("access_number", "status"):
        if name in header:
            mask[header[name]] = 0
    for item in area.fields:
        first = item.start + 1 if item.lvar else item.start
        mask[first : item.end] = bytes(item.end - first)
    if area.manufacturer_data is not None:
        mask[area.manufacturer_data : end] = bytes(end - area.manufacturer_data)
    return int.from_bytes(mask, "little")


class _Rest:
    """What stands around the records: gives the telegram for them."""

    def __init__(self, octets: bytes, header: dict[str, int], area: Area) -> None:
        self._end = len(octets) - _TAIL
        self._area = area
        self._frames: dict[int, FrameFields] = {}
        self._access_number = header.get("access_number")
        self._status = header.get("status")
        self._address = slice(_HEADER, header["access_number"]) if "manufacturer" in header else None
        place = header.get("configuration_field")
        self._configuration = None if place is None else int.from_bytes(octets[place : place + 2], "little")

    def __call__(
        self, octets: bytes, records: tuple[Record, ...], diagnostics: tuple[Diagnostic, ...]
    ) -> Telegram:
        a_field = octets[_A]
        frame = self._frames.get(a_field)
        if frame is None:
            frame = self._frames[a_field] = FrameFields("long", octets[_C], a_field, octets[_CI])
        area = self._area
        tail = area.manufacturer_data
        telegram: Any = TelegramDraft(
            frame,
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


def plan_for(octets: bytes) -> Plan | None:
    """The plan for the layout of a telegram that has a key; None where something is out of the ordinary.

    Raises what the grammar raises where it is no frame.
    """
    LongFrame.accept(octets)
    if len(octets) != octets[1] + 6:
        return None
    start, header = _STARTS[octets[_CI]]
    end = len(octets) - _TAIL
    place = header.get("configuration_field")
    if start > end or end == _HEADER:  # too short for its header, or without user data: a control frame
        return None
    if place is not None:
        configuration = ConfigurationField.unpack(int.from_bytes(octets[place : place + 2], "little"))
        if configuration["security_mode"] in SECURITY_MODES:
            return None
    area = area_of(octets[:end], start)
    return None if area is None else Plan(octets, header, area)

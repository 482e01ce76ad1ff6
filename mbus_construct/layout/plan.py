"""A plan: how every telegram of one layout becomes a `Telegram`.

A layout is everything in a telegram that is not data: frame, C and CI field, the header but for its address and
counters, DIB and VIB of every record, LVAR octets. A plan proves that a telegram has its layout by comparing all these
octets at once, and then reads the data where the grammar has found them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mbus_grammars.application import SECURITY_MODES, USER_DATA, ConfigurationField, LongHeader, ShortHeader
from mbus_grammars.link import START_LONG, STOP, LongFrame
from mbus_grammars.record import RecordsFromMeter

from ..telegram import Diagnostic, FrameFields, Meter, Record, Status, Telegram
from ..values import Outcome
from .fields import area_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..json_values import Value
    from ..telegram import RecordHeader
    from .fields import Area


def _places(fields: Iterable[Any], start: int = 0) -> dict[str, int]:
    """Where the fields of a layout start, up to the first without a fixed size."""
    places: dict[str, int] = {}
    for item in fields:
        places[item.name] = start
        if item.name == "user_data":
            break
        start += item.sizeof()
    return places


_FRAME: Final = _places(LongFrame.subcon.subcons)
_C, _A, _CI, _HEADER = (_FRAME[name] for name in ("c_field", "a_field", "ci_field", "user_data"))
_LONG: Final = _places(LongHeader.subcons, _HEADER)
_SHORT: Final = _places(ShortHeader.subcons, _HEADER)
_TAIL: Final = 2  # check sum and stop

# CI fields behind which there are a header that is known here and records: where the records start, and
# where the fields of the header are.
_STARTS: Final[dict[int, tuple[int, dict[str, int]]]] = {}
for _code, _salvage in USER_DATA.items():
    _fields = getattr(_salvage.subcon, "subcons", ())
    _records = [item for item in _fields if item.name == "records"]
    if _records and getattr(_records[0].subcon, "subcon", None) is RecordsFromMeter:
        _first = _fields[0].subcon
        if _first is LongHeader:
            _STARTS[_code] = _HEADER + LongHeader.sizeof(), _LONG
        elif _first is ShortHeader:
            _STARTS[_code] = _HEADER + ShortHeader.sizeof(), _SHORT
        elif len(_fields) == 1:
            _STARTS[_code] = _HEADER, {}


class _RecordDraft:
    """A record while it is filled in; its class then becomes `Record`.

    A frozen dataclass sets each attribute through `object.__setattr__`: four times the cost, and half of that of a
    whole telegram.
    """

    __slots__ = Record.__slots__

    def __init__(
        self, header: RecordHeader, data: bytes, value: Value, offset: int
    ) -> None:
        self.header = header
        self.data = data
        self.value = value
        self.state = "ok"
        self.reason = None
        self.flags = ()
        self.offset = offset


class Plan:
    """How telegrams of one layout are read.

    `fits` proves that a telegram has the layout, `decode` reads it. Made by `plan_for`.
    """

    __slots__ = ("_area", "_configuration", "_end", "_fields", "_frames", "_header", "_mask", "_proof", "_start")

    def __init__(self, octets: bytes, start: int, header: dict[str, int], area: Area) -> None:
        self._start = start
        self._end = len(octets) - _TAIL
        self._header = header
        self._area = area
        self._fields = tuple(
            (item.header, item.offset, item.start, item.end, item.read, _remarks(item.remarks, index, item.start))
            for index, item in enumerate(area.fields)
        )
        place = header.get("configuration_field")
        self._configuration = None if place is None else int.from_bytes(octets[place : place + 2], "little")
        self._mask = self._free(octets)
        self._proof = int.from_bytes(octets, "little") & self._mask
        self._frames: dict[int, FrameFields] = {}

    def _free(self, octets: bytes) -> int:
        """The bits that belong to the layout."""
        mask = bytearray(b"\xff" * len(octets))
        mask[_A] = mask[-_TAIL] = 0
        header = self._header
        if "identification_number" in header:
            mask[header["identification_number"] : header["manufacturer"]] = bytes(4)
        for name in ("access_number", "status"):
            if name in header:
                mask[header[name]] = 0
        for item in self._area.fields:
            first = item.start + 1 if item.lvar else item.start
            mask[first : item.end] = bytes(item.end - first)
        tail = self._area.manufacturer_data
        if tail is not None:
            mask[tail : self._end] = bytes(self._end - tail)
        return int.from_bytes(mask, "little")

    def fits(self, octets: bytes) -> bool:
        """Whether a telegram, as long as the plan's own, has this layout and the right check sum."""
        return (
            int.from_bytes(octets, "little") & self._mask == self._proof
            and sum(octets[_C : self._end]) & 0xFF == octets[self._end]
        )

    def decode(self, octets: bytes) -> Telegram:
        """The telegram. Raises what the grammar raises where a text or a profile is damaged."""
        records: list[Record] = []
        diagnostics: list[Diagnostic] = []
        for header, offset, start, end, read, remarks in self._fields:
            data = octets[start:end]
            value = read(data)
            if value.__class__ is Outcome:
                value, state, reason, flags, code, severity = value
                records.append(Record(header, data, value, state, reason, flags, offset))
                diagnostics += remarks
                if code is not None:
                    message = f"{header.quantity}: {reason}"
                    diagnostics.append(Diagnostic(severity, code, message, start, len(records) - 1))
                continue
            draft: Any = _RecordDraft(header, data, value, offset)
            draft.__class__ = Record
            records.append(draft)
            if remarks:
                diagnostics += remarks
        return self._telegram(octets, tuple(records), tuple(diagnostics))

    def _telegram(
        self, octets: bytes, records: tuple[Record, ...], diagnostics: tuple[Diagnostic, ...]
    ) -> Telegram:
        header, area = self._header, self._area
        a_field = octets[_A]
        frame = self._frames.get(a_field)
        if frame is None:
            frame = self._frames[a_field] = FrameFields("long", octets[_C], a_field, octets[_CI])
        has_counters = "status" in header
        tail = area.manufacturer_data
        return Telegram(
            "frame",
            frame,
            _meter(octets[_HEADER : header["access_number"]]) if "identification_number" in header else None,
            octets[header["access_number"]] if has_counters else None,
            _STATUS[octets[header["status"]]] if has_counters else None,
            self._configuration,
            records,
            area.more_records_follow,
            None if tail is None else octets[tail : self._end],
            b"",
            area.special,
            None,
            diagnostics,
        )


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


def _remarks(remarks: Iterable[tuple[str, str]], index: int, offset: int) -> tuple[Diagnostic, ...]:
    return tuple(Diagnostic("info", code, message, offset, index) for code, message in remarks)


def plan_for(octets: bytes) -> Plan | None:
    """The plan for the layout of a telegram; None where it has something out of the ordinary.

    Raises what the grammar raises where it is no frame.
    """
    if not octets or octets[0] != START_LONG:
        return None
    LongFrame.accept(octets)
    if len(octets) != octets[1] + 6 or octets[_CI] not in _STARTS:
        return None
    start, header = _STARTS[octets[_CI]]
    end = len(octets) - _TAIL
    place = header.get("configuration_field")
    if start > end:
        return None
    if place is not None:
        configuration = ConfigurationField.unpack(int.from_bytes(octets[place : place + 2], "little"))
        if configuration["security_mode"] in SECURITY_MODES:
            return None
    area = area_of(octets[:end], start)
    return None if area is None else Plan(octets, start, header, area)

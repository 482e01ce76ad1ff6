"""Fields of the frame and of the headers: C, A and CI field, identification, manufacturer, status.

EN 13757-2 (link layer), EN 13757-3 and EN 13757-7 (headers), as MBDOC48 5.3, 6.1 and 6.3.1 give them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from construct import Byte, Bytes, Container, Int16ul
from construct.core import stream_read, stream_write

from .base import AnyAdapter, Anything, Context, Stream, field_of, is_mapping
from .bits import Bits, Code, Coded, CodeTable, bits, flag
from .code_tables import C_FIELDS, CI_FIELDS, DEVICE_TYPES, WIRELESS_C_FIELDS, CFieldRow
from .errors import BuildError

# --- C field -------------------------------------------------------------------------------------

PrimaryCField: Final = Bits(1, res=flag(7), prm=flag(6), fcb=flag(5), fcv=flag(4), function=bits(0, 4))
SecondaryCField: Final = Bits(1, res=flag(7), prm=flag(6), acd=flag(5), dfc=flag(4), function=bits(0, 4))


class _CField(Anything):
    """The control field: bits by direction (PRM), and the name that the function has.

    Builds from a name ("REQ_UD2"), an octet (0x5B), the bits, or a name with bits ({"name": "REQ_UD2",
    "fcb": True}). Not a BitStruct: two bits have different names in the two directions.
    """

    def __init__(self, rows: Sequence[CFieldRow]) -> None:
        super().__init__()
        self._octets = {row.name: row.octet for row in rows}
        self._parsed = tuple(self._unpack(octet, rows) for octet in range(256))

    @staticmethod
    def layout(octet: int) -> Bits:
        """The bits as named in the direction that the octet announces."""
        return PrimaryCField if octet & 0x40 else SecondaryCField

    def _unpack(self, octet: int, rows: Sequence[CFieldRow]) -> Container[Any]:
        names = [row.name for row in rows if not (octet ^ row.octet) & row.mask]
        return Container(name=names[0] if names else None, **self.layout(octet).unpack(octet))

    def name_of(self, octet: int) -> str | None:
        """The name of the function that the octet announces."""
        name: str | None = self._parsed[octet]["name"]
        return name

    def _parse(self, stream: Stream, context: Context, path: str) -> Container[Any]:
        return Container(self._parsed[stream_read(stream, 1, path)[0]])

    def _build(self, obj: object, stream: Stream, context: Context, path: str) -> Any:
        stream_write(stream, bytes([self.octet(obj, path)]), 1, path)
        return obj

    def octet(self, obj: object, path: str = "") -> int:
        """The octet for any of the forms that the builder takes."""
        if is_mapping(obj):
            return self._from_bits(obj, path)
        if isinstance(obj, str):
            return self._octet_of(obj, field_of(path))
        return PrimaryCField.pack(obj, path)

    def _from_bits(self, obj: Mapping[str, Any], path: str) -> int:
        given = obj.get("name")
        base = 0 if given is None else self._octet_of(given, field_of(path, "name"))
        layout = self.layout(0x40 if obj.get("prm", base & 0x40) else 0)
        for key in obj:
            if key != "name" and key not in layout.fields and not key.startswith("_"):
                limit = f"one of {', '.join(layout.fields)} in this direction"
                raise BuildError(field_of(path, key), obj[key], limit, path=path)
        octet = layout.pack({**layout.unpack(base), "prm": bool(base & 0x40), **obj}, path)
        name = self._parsed[octet]["name"]
        if given not in (None, name):
            limit = f"the bits say {name}; change both"
            raise BuildError(field_of(path, "name"), given, limit, path=path)
        return octet

    def _octet_of(self, name: str, field: str) -> int:
        if name not in self._octets:
            raise BuildError(field, name, f"one of {', '.join(self._octets)}")
        return self._octets[name]

    def _sizeof(self, context: Context, path: str) -> int:
        return 1


CField: Final = _CField(C_FIELDS)
WirelessCField: Final = _CField(WIRELESS_C_FIELDS)

# --- A field, CI field, device type --------------------------------------------------------------

# Primary addresses with a meaning of their own, MBDOC48 5.3 and 5.5.2.
ADDRESSES: Final = CodeTable(
    {
        0: "unconfigured",
        **dict.fromkeys((251, 252), "reserved"),
        253: "selected by secondary address",
        254: "all, with reply",
        255: "all, without reply",
    }
)
AField: Final = Coded(Byte, ADDRESSES)

CI_ROWS: Final = {code: row for row in CI_FIELDS for code in range(row.first, row.last + 1)}
CI_NAMES: Final = CodeTable({code: row.name for code, row in CI_ROWS.items()})
CIField: Final = Coded(Byte, CI_NAMES)

# The header behind each CI field: "none", "short", "long", or another name for what has a layout of its own.
HEADER_BEHIND: Final = {code: row.header for code, row in CI_ROWS.items()}


def ci_fields_with(*bodies: str) -> tuple[int, ...]:
    """The CI fields that one of these bodies follows; see `CIRow.body`."""
    return tuple(code for code, row in CI_ROWS.items() if row.body in bodies)


def ci_field_of(body: str, header: str = "none") -> int:
    """The CI field of a body after a header: 72h for ("records", "long")."""
    return next(code for code in ci_fields_with(body) if HEADER_BEHIND[code] == header)


FULL_FRAMES: Final = ci_fields_with("records")
FORMAT_FRAMES: Final = ci_fields_with("format frame")
COMPACT_FRAMES: Final = ci_fields_with("compact frame", "fixed data or compact frame")

# CI fields of what is sent to a meter and never by one.
CI_FIELDS_TO_METER: Final = frozenset(code for code, row in CI_ROWS.items() if row.direction == "to_meter")
_CI_FIELDS_OF_BOTH: Final = frozenset(code for code, row in CI_ROWS.items() if row.direction == "both")
_FUNCTIONS_TO_METER: Final = frozenset(
    {"SND_NKE", "SND_UD", "SND_UD2", "SND_UD3", "REQ_SKE", "REQ_UD1", "REQ_UD2", "CNF_IR"}
)
_C_FIELDS_TO_METER: Final = frozenset(
    octet
    for octet in range(256)
    if _FUNCTIONS_TO_METER & {CField.name_of(octet), WirelessCField.name_of(octet)}
)


def is_to_meter(ci_field: int | None, c_field: int | None) -> bool:
    """Whether octets with this CI field are sent to a meter; the C field says it where meters send it too."""
    if ci_field in CI_FIELDS_TO_METER:
        return True
    return ci_field in _CI_FIELDS_OF_BOTH and c_field in _C_FIELDS_TO_METER


DEVICE_TYPE_NAMES: Final = CodeTable({**dict.fromkeys(range(256), "reserved"), **DEVICE_TYPES})
DeviceType: Final = Coded(Byte, DEVICE_TYPE_NAMES)

# --- Identification and manufacturer -------------------------------------------------------------


class HexDigits(AnyAdapter):
    """Octets as a string of hex digits, most significant first ("07935343").

    For identification numbers: leading zeros count, and meters send A to F as wildcards or errors.
    """

    def _decode(self, obj: bytes, context: Context, path: str) -> str:
        return obj[::-1].hex().upper()

    def _encode(self, obj: object, context: Context, path: str) -> bytes:
        digits = 2 * self.subcon.sizeof()
        if not isinstance(obj, str) or not re.fullmatch(f"[0-9A-Fa-f]{{{digits}}}", obj):
            raise BuildError(field_of(path), obj, f"a string of {digits} digits", path=path)
        return bytes.fromhex(obj)[::-1]


class ManufacturerCode(AnyAdapter):
    """Three letters in 5 bits each; the four hex digits where the number is no three letters."""

    def _decode(self, obj: int, context: Context, path: str) -> str:
        letters = "".join(chr(64 + (obj >> shift & 31)) for shift in (10, 5, 0))
        return letters if obj < 0x8000 and re.fullmatch("[A-Z]{3}", letters) else f"{obj:04X}"

    def _encode(self, obj: object, context: Context, path: str) -> int:
        if isinstance(obj, str) and re.fullmatch("[A-Z]{3}", obj):
            return (ord(obj[0]) - 64) << 10 | (ord(obj[1]) - 64) << 5 | ord(obj[2]) - 64
        if isinstance(obj, str) and re.fullmatch("[0-9A-Fa-f]{4}", obj):
            return int(obj, 16)
        raise BuildError(field_of(path), obj, "three letters A to Z, or four hex digits", path=path)


IdentificationNumber: Final = HexDigits(Bytes(4))
Manufacturer: Final = ManufacturerCode(Int16ul)

# --- Status and configuration field --------------------------------------------------------------

APPLICATION_STATUS: Final = CodeTable(
    {0: "no error", 1: "application busy", 2: "any application error", 3: "abnormal condition or alarm"},
    size=4,
)

# MBDOC48 6.6; EN 13757-7:2018 via libmburs and exmbus for the value 3 of the lowest two bits.
Status: Final = Bits(
    1,
    application=bits(0, 2, default=0, table=APPLICATION_STATUS),
    power_low=flag(2),
    permanent_error=flag(3),
    temporary_error=flag(4),
    manufacturer_specific=bits(5, 3, default=0),
)

# MBDOC48 6.2: in the fixed data structure the lowest two bits describe the counters instead.
FixedStatus: Final = Bits(
    1,
    counters_binary=flag(0),
    counters_stored=flag(1),
    power_low=flag(2),
    permanent_error=flag(3),
    temporary_error=flag(4),
    manufacturer_specific=bits(5, 3, default=0),
)

__all__ = [
    "ADDRESSES",
    "AField",
    "CField",
    "CIField",
    "Code",
    "DeviceType",
    "FixedStatus",
    "IdentificationNumber",
    "Manufacturer",
    "Status",
    "WirelessCField",
]

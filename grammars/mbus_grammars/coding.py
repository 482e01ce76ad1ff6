"""The data types of EN 13757-3 Annex A, one construct each; MBDOC48 8.2 for A to H.

Where the octets are no value of the type, the construct gives what keeps them: the digits of a BCD
number or of a real that is no number as a string, most significant first. So everything that is parsed
builds back, and an invalid number never looks like a number.
"""

from __future__ import annotations

import math
import re
import struct
from functools import cache
from typing import Any, Final

from construct import (
    Bytes,
    BytesInteger,
    ByteSwapped,
    Const,
    FormatField,
    Int8sl,
    Int8ul,
    Int16sl,
    Int16ul,
    Int32sl,
    Int32ul,
    Int64sl,
    Int64ul,
)

from .base import AnyAdapter, Anything, Context, field_of, is_integer
from .bits import Bits, Number, Octet, Octets, bits, flag, split
from .constructs import StrictStruct, field
from .errors import BuildError
from .fields import DeviceType, IdentificationNumber, Manufacturer


class BCD(AnyAdapter):
    """Type A: two digits an octet; a top digit F is the minus sign.

    Parses to an integer, or to the string of digits where they are no number: any other A to F, and a
    negative zero. MBDOC48 6.7.4 proposed overflow digits instead of the sign; EN 13757-3 won.
    """

    def __init__(self, length: int) -> None:
        super().__init__(Bytes(length))
        self.length = length

    def _decode(self, obj: bytes, context: Context, path: str) -> int | str:
        digits = obj[::-1].hex()
        if digits.isdecimal():
            return int(digits)
        if digits[:1] == "f" and digits[1:].isdecimal() and int(digits[1:]):
            return -int(digits[1:])
        return digits.upper()

    def _encode(self, obj: object, context: Context, path: str) -> bytes:
        width = 2 * self.length
        if isinstance(obj, str) and re.fullmatch(f"[0-9A-Fa-f]{{{width}}}", obj):
            return bytes.fromhex(obj)[::-1]
        low, high = (1 - 10 ** (width - 1), 10**width - 1) if width else (0, -1)
        if is_integer(obj) and low <= obj <= high:
            digits = f"{obj:0{width}d}" if obj >= 0 else f"F{-obj:0{width - 1}d}"
            return bytes.fromhex(digits)[::-1]
        raise BuildError(field_of(path), obj, f"{low} to {high}, or a string of {width} digits", path=path)


class Real(AnyAdapter):
    """Type H: IEEE 754 single. What is not a number parses to its eight hex digits (it equals nothing)."""

    def __init__(self) -> None:
        super().__init__(Bytes(4))

    def _decode(self, obj: bytes, context: Context, path: str) -> float | str:
        value: float = struct.unpack("<f", obj)[0]
        return obj[::-1].hex().upper() if math.isnan(value) else value

    def _encode(self, obj: object, context: Context, path: str) -> bytes:
        if isinstance(obj, str) and re.fullmatch("[0-9A-Fa-f]{8}", obj):
            return bytes.fromhex(obj)[::-1]
        if isinstance(obj, float) or is_integer(obj):
            try:
                return struct.pack("<f", float(obj))
            except OverflowError:
                pass
        raise BuildError(field_of(path), obj, "a number within the range of a 32 bit real", path=path)


_SIGNED: Final[dict[int, FormatField[Any, Any]]] = {1: Int8sl, 2: Int16sl, 4: Int32sl, 8: Int64sl}
_UNSIGNED: Final[dict[int, FormatField[Any, Any]]] = {1: Int8ul, 2: Int16ul, 4: Int32ul, 8: Int64ul}


@cache
def type_a(length: int) -> Anything:
    """Type A, BCD of `length` octets."""
    return BCD(length)


@cache
def type_b(length: int) -> Anything:
    """Type B, signed integer, least significant octet first."""
    subcon = _SIGNED.get(length) or BytesInteger(length, signed=True, swapped=True)
    return Number(subcon, -(1 << 8 * length - 1), (1 << 8 * length - 1) - 1)


@cache
def type_c(length: int) -> Anything:
    """Type C, unsigned integer; also type D, whose bit k is flag k."""
    subcon = _UNSIGNED.get(length) or BytesInteger(length, swapped=True)
    return Number(subcon, 0, (1 << 8 * length) - 1)


TypeF: Final = Bits(
    4,
    minute=bits(0, 6),
    reserved=flag(6),
    invalid=flag(7),
    hour=bits(8, 5),
    hundred_year=bits(13, 2, default=0),
    summer_time=flag(15),
    day=bits(16, 5),
    month=bits(24, 4),
    year=split((21, 3), (28, 4)),
)

TypeG: Final = Bits(2, day=bits(0, 5), month=bits(8, 4), year=split((5, 3), (12, 4)))

TypeH: Final = Real()

TypeI: Final = Bits(
    6,
    second=bits(0, 6),
    summer_time=flag(6),
    leap_year=flag(7),
    minute=bits(8, 6),
    dst_deviation_positive=flag(14),
    invalid=flag(15),
    hour=bits(16, 5),
    day_of_week=bits(21, 3, default=0),
    day=bits(24, 5),
    month=bits(32, 4),
    year=split((29, 3), (36, 4)),
    week=bits(40, 6, default=0),
    dst_deviation=bits(46, 2, default=0),
)

TypeJ: Final = Bits(
    3,
    second=bits(0, 6),
    reserved_1=bits(6, 2, default=0),
    minute=bits(8, 6),
    reserved_2=bits(14, 2, default=0),
    hour=bits(16, 5),
    reserved_3=bits(21, 3, default=0),
)

# EN 13757-3:2018 Annex A via libmburs, the only source; how the two parts of the deviation from GMT
# join is not known there, so they stay apart.
TypeK: Final = Bits(
    4,
    start_hour=bits(0, 5),
    deviation_1=bits(5, 3, default=0),
    start_day=bits(8, 5),
    deviation_2=bits(13, 2, default=0),
    enabled=flag(15),
    end_day=bits(16, 5),
    dst_deviation=bits(21, 2, default=0),
    dst_deviation_positive=flag(23),
    start_month=bits(24, 4),
    end_month=bits(28, 4),
)

# MBDOC48 6.4.2: the secondary address as VIF 79h with data field 7 carries it.
SecondaryAddress: Final = StrictStruct(
    field("identification_number", IdentificationNumber, "MBDOC48 6.4.2"),
    field("manufacturer", Manufacturer, "MBDOC48 6.4.2"),
    field("version", Octet, "MBDOC48 6.4.2"),
    field("device_type", DeviceType, "MBDOC48 6.4.2"),
)

NoData: Final = Const(b"")


@cache
def raw(length: int) -> Anything:
    """Octets of a type whose inner layout is not known, or not allowed where they stand."""
    return Octets(length)


@cache
def most_significant_first(subcon: Anything) -> Anything:
    """The same type as meters of "mode 2" send it (CI 76h). MBDOC48 6.1."""
    return ByteSwapped(subcon) if subcon.sizeof() > 1 else subcon


__all__ = [
    "NoData",
    "SecondaryAddress",
    "TypeF",
    "TypeG",
    "TypeH",
    "TypeI",
    "TypeJ",
    "TypeK",
    "type_a",
    "type_b",
    "type_c",
]

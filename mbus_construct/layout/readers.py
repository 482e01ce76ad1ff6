"""From the octets of one record's data to its value, derived from the constructs of its header.

A reader gives the value itself where there is nothing to say about it, and an `Outcome` otherwise; it is taken from the
grammar's constructs, and everything out of the ordinary goes through the same converter as the grammar's walk.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from construct import BytesInteger, FormatField

from mbus_grammars.bits import Bits, Number
from mbus_grammars.coding import BCD, Real

from ..values import Converter, Numbers, Outcome, converter, ordinary

if TYPE_CHECKING:
    from mbus_grammars import DataRecordHeader

    from ..json_values import Value

Raw = Callable[[bytes], Any]
Reader = Callable[[bytes], "Value | Outcome"]

# Dates and states repeat; so many of their outcomes are remembered a reader.
_REMEMBERED: Final = 1024


def reader(header: DataRecordHeader) -> Reader:
    """The reader of the data of records with this header.

    Raises what the grammar raises where the octets are no data of this type.
    """
    convert = converter(header)
    raw = raw_of(header.data)
    numbers = ordinary(header)
    if numbers is not None and isinstance(header.data, BCD):
        return _bcd(numbers.scale, raw, convert)
    if numbers is not None and header.data_type in ("B", "C"):
        return _number(numbers, raw, convert)
    if header.data_type in ("F", "G", "I", "J", "D"):
        return _remembering(raw, convert)
    return lambda data: convert(raw(data))


def _bcd(scale: Callable[[int], Decimal], raw: Raw, convert: Converter) -> Reader:
    """Positive numbers without detour; what has another digit than 0 to 9 as the grammar reads it."""

    def read(data: bytes) -> Value | Outcome:
        digits = data[::-1].hex()
        return scale(int(digits)) if digits.isdecimal() else convert(raw(data))

    return read


def _number(numbers: Numbers, raw: Raw, convert: Converter) -> Reader:
    scale, mark = numbers

    def read(data: bytes) -> Value | Outcome:
        number = raw(data)
        return convert(number) if number == mark else scale(number)

    return read


def _remembering(raw: Raw, convert: Converter) -> Reader:
    known: dict[bytes, Outcome] = {}

    def read(data: bytes) -> Value | Outcome:
        outcome = known.get(data)
        if outcome is None:
            outcome = convert(raw(data))
            if len(known) < _REMEMBERED:
                known[data] = outcome
        return outcome

    return read


def raw_of(subcon: Any) -> Raw:
    """What a construct parses, as a function of its octets; the construct itself where that is all there is."""
    if isinstance(subcon, Number):
        return raw_of(subcon.subcon)
    if isinstance(subcon, BCD | Real):
        decode: Any = subcon._decode
        return lambda data: decode(data, None, "")
    if isinstance(subcon, FormatField):
        unpack = struct.Struct(subcon.fmtstr).unpack
        return lambda data: unpack(data)[0]
    if isinstance(subcon, BytesInteger):
        order, signed = ("little" if subcon.swapped else "big"), subcon.signed
        return lambda data: int.from_bytes(data, order, signed=signed)
    if isinstance(subcon, Bits):
        unpack_bits = subcon.unpack
        return lambda data: unpack_bits(int.from_bytes(data, "little"))
    parse: Raw = subcon.parse
    return parse

"""The fixed data structure of old wired meters (CI 73h, 77h). MBDOC48 6.2 and 8.3.

    identification (4) | access number | status | medium and units (2) | counter 1 (4) | counter 2 (4)

With CI 77h the fields go most significant octet first, except medium and units.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from construct import ByteSwapped, Default, FixedSized, IfThenElse, this

from .bits import Bits, CodeTable, Octet, bits, split
from .code_tables import FIXED_UNITS
from .coding import type_a, type_b
from .constructs import StrictStruct, field
from .fields import FixedStatus, IdentificationNumber
from .units import unit_names

if TYPE_CHECKING:
    from .base import Anything

MEDIA: Final = CodeTable(
    {
        0x0: "other",
        0x1: "oil",
        0x2: "electricity",
        0x3: "gas",
        0x4: "heat",
        0x5: "steam",
        0x6: "hot water",
        0x7: "water",
        0x8: "heat cost allocator",
        0x9: "reserved",
        0xA: "gas, mode 2",
        0xB: "heat, mode 2",
        0xC: "hot water, mode 2",
        0xD: "water, mode 2",
        0xE: "heat cost allocator, mode 2",
        0xF: "reserved",
    },
    size=16,
)

SAME_UNIT_HISTORIC: Final = 0x3E


def _unit_name(code: int) -> str:
    if code in FIXED_UNITS:
        quantity, unit, exponent = FIXED_UNITS[code]
        return (
            f"{quantity} in {unit_names(unit)[0] or 'units'} * 10^{exponent}" if quantity else "without units"
        )
    return {
        0x00: "time h,m,s",
        0x01: "date D,M,Y",
        SAME_UNIT_HISTORIC: "unit of the other counter, historic",
    }.get(code, "reserved")


UNIT_NAMES: Final = CodeTable({code: _unit_name(code) for code in range(64)}, size=64)

MediumAndUnits: Final = Bits(
    2,
    unit_1=bits(0, 6, table=UNIT_NAMES),
    medium=split((6, 2), (14, 2), table=MEDIA),
    unit_2=bits(8, 6, table=UNIT_NAMES),
)


def _counter(wrap: Callable[[Anything], Anything]) -> Anything:
    """A counter: BCD, or binary and signed, as the status says."""
    return FixedSized(4, IfThenElse(this.status.counters_binary, wrap(type_b(4)), wrap(type_a(4))))


def _fixed_data(wrap: Callable[[Anything], Anything]) -> Anything:
    return StrictStruct(
        field("identification_number", wrap(IdentificationNumber), "MBDOC48 6.2"),
        field("access_number", Default(Octet, 0), "MBDOC48 6.2"),
        field("status", Default(FixedStatus, 0), "MBDOC48 6.2"),
        field("medium_and_units", MediumAndUnits, "MBDOC48 6.2, 8.3"),
        field("counter_1", _counter(wrap), "MBDOC48 6.2"),
        field("counter_2", _counter(wrap), "MBDOC48 6.2"),
    )


FixedData: Final = _fixed_data(lambda subcon: subcon)
FixedDataMSB: Final = _fixed_data(ByteSwapped)

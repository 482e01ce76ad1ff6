"""Data information block: the DIF and up to ten DIFEs. EN 13757-3, MBDOC48 6.3.2.

    DIF    E | storage number bit 0 | function (2) | data field (4)
    DIFE   E | subunit bit          | tariff (2)   | storage number (4)

Every further DIFE adds four higher bits of storage number, two of tariff and one of subunit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from construct import Container, If, RepeatUntil, this

from .base import AnyAdapter, Context, field_of, is_integer, is_mapping, refuse_unknown
from .bits import Bits, CodeTable, bits, flag
from .constructs import StrictStruct, field
from .errors import BuildError, DecodeError

MAX_DIFES: Final = 10
VARIABLE_LENGTH: Final = 0xD
SPECIAL_FUNCTION: Final = 0xF

Function = Literal["instantaneous", "maximum", "minimum", "error"]
FUNCTIONS: Final = CodeTable({0: "instantaneous", 1: "maximum", 2: "minimum", 3: "error"}, size=4)

DATA_FIELDS: Final = CodeTable(
    {
        0x0: "no data",
        0x1: "8 bit integer",
        0x2: "16 bit integer",
        0x3: "24 bit integer",
        0x4: "32 bit integer",
        0x5: "32 bit real",
        0x6: "48 bit integer",
        0x7: "64 bit integer",
        0x8: "selection for readout",
        0x9: "2 digit BCD",
        0xA: "4 digit BCD",
        0xB: "6 digit BCD",
        0xC: "8 digit BCD",
        VARIABLE_LENGTH: "variable length",
        0xE: "12 digit BCD",
        SPECIAL_FUNCTION: "special function",
    },
    size=16,
)

# Octets of data that a data field announces; None where the data tell their own length.
DATA_LENGTHS: Final[tuple[int | None, ...]] = (0, 1, 2, 3, 4, 4, 6, 8, 0, 1, 2, 3, 4, None, 6, None)

NO_RECORD: Final = "the DIF is a special function, no data record"
EXTENSION: Final = 0x80  # the bit that says that a DIFE follows

# DIFs that are no data record but a function of their own take the whole octet. MBDOC48 6.3.2.
MANUFACTURER_DATA: Final = 0x0F
MORE_RECORDS_FOLLOW: Final = 0x1F
IDLE_FILLER: Final = 0x2F
GLOBAL_READOUT: Final = 0x7F

SPECIAL_FUNCTIONS: Final = frozenset(range(SPECIAL_FUNCTION, 0x100, 0x10))
MANUFACTURER_DIFS: Final = (MANUFACTURER_DATA, MORE_RECORDS_FOLLOW)  # what follows is the manufacturer's
METER_DIFS: Final = (*MANUFACTURER_DIFS, IDLE_FILLER)  # the special functions that meters send
RESERVED_DIFS: Final = SPECIAL_FUNCTIONS.difference(METER_DIFS, [GLOBAL_READOUT])

SPECIAL_DIFS: Final = CodeTable(
    {
        MANUFACTURER_DATA: "manufacturer specific data to the end",
        MORE_RECORDS_FOLLOW: "manufacturer specific data to the end, more records follow",
        IDLE_FILLER: "idle filler",
        GLOBAL_READOUT: "global readout request",
        **dict.fromkeys(sorted(RESERVED_DIFS), "reserved special function"),
    }
)

DIF: Final = Bits(
    1,
    extension=flag(7),
    storage_number=bits(6, 1),
    function=bits(4, 2, table=FUNCTIONS),
    data_field=bits(0, 4, table=DATA_FIELDS),
)
DIFE: Final = Bits(1, extension=flag(7), subunit=bits(6, 1), tariff=bits(4, 2), storage_number=bits(0, 4))


def _last(item: Any, items: Any, context: Context) -> bool:
    return not item["extension"]


DIBOctets: Final = StrictStruct(
    field("dif", DIF, "MBDOC48 6.3.2"),
    field("difes", If(this.dif.extension, RepeatUntil(_last, DIFE)), "MBDOC48 6.3.2"),
)


DIB_NUMBERS: Final = ("storage_number", "tariff", "subunit")
DIB_FIELDS: Final = ("function", "data_field", *DIB_NUMBERS, "dife_count")


class DIBAdapter(AnyAdapter):
    """Joins the bits that the chain scatters: one storage number, tariff and subunit.

    `dife_count` stays, because a meter may send DIFEs that add nothing (a final 00h marks an OBIS
    register number); a builder that leaves it out gets as many as the numbers need.
    """

    def __init__(self, limit: int | None = MAX_DIFES) -> None:
        super().__init__(DIBOctets)
        self.limit = limit

    def _decode(self, obj: Mapping[str, Any], context: Context, path: str) -> Container[Any]:
        if obj["dif"]["data_field"] == SPECIAL_FUNCTION:
            raise DecodeError(NO_RECORD, path=path, code="special_function")
        storage, tariff, subunit = obj["dif"]["storage_number"], 0, 0
        difes = obj["difes"] or ()
        if self.limit is not None and len(difes) > self.limit:
            fault = f"{len(difes)} DIFEs, {self.limit} are allowed"
            raise DecodeError(fault, path=path, code="chain_too_long")
        for k, dife in enumerate(difes):
            storage |= dife["storage_number"] << 1 + 4 * k
            tariff |= dife["tariff"] << 2 * k
            subunit |= dife["subunit"] << k
        return Container(
            function=obj["dif"]["function"],
            data_field=obj["dif"]["data_field"],
            storage_number=storage,
            tariff=tariff,
            subunit=subunit,
            dife_count=len(difes),
        )

    def _encode(self, obj: object, context: Context, path: str) -> dict[str, Any]:
        if not is_mapping(obj):
            limit = "a mapping with data_field, function, storage_number, tariff, subunit"
            raise BuildError(field_of(path), obj, limit, path=path)
        refuse_unknown(obj, DIB_FIELDS, path)
        numbers = {key: obj.get(key, 0) for key in DIB_NUMBERS}
        storage, tariff, subunit = numbers.values()
        for (key, number), width in zip(numbers.items(), (41, 20, 10), strict=True):
            if not is_integer(number) or not 0 <= number < 1 << width:
                limit = f"0 to {(1 << width) - 1}, what ten DIFEs hold"
                raise BuildError(field_of(path, key), number, limit, path=path)
        needed = difes_needed(storage, tariff, subunit)
        count = obj.get("dife_count", 0)
        if not is_integer(count) or not 0 <= count <= MAX_DIFES:
            raise BuildError(field_of(path, "dife_count"), count, f"0 to {MAX_DIFES}", path=path)
        count = max(count, needed)  # a parsed record whose numbers were edited may need more
        difes = [
            {
                "extension": k + 1 < count,
                "storage_number": storage >> 1 + 4 * k & 15,
                "tariff": tariff >> 2 * k & 3,
                "subunit": subunit >> k & 1,
            }
            for k in range(count)
        ]
        dif = {
            "extension": count > 0,
            "storage_number": storage & 1,
            "function": obj.get("function", 0),
            "data_field": obj.get("data_field"),
        }
        number = DIF.pack(dif, path)  # here, because an error within the Struct would name dib.dif
        if number in SPECIAL_FUNCTIONS:
            limit = "a data field of data records, 0 to 14"
            raise BuildError(field_of(path, "data_field"), obj["data_field"], limit, path=path)
        return {"dif": DIF.unpack(number), "difes": difes}


def difes_needed(storage_number: int, tariff: int, subunit: int) -> int:
    """How many DIFEs hold these numbers."""
    return max(
        -(-(storage_number >> 1).bit_length() // 4), -(-tariff.bit_length() // 2), subunit.bit_length()
    )


DIB: Final = DIBAdapter()
# For record areas, which go on behind a chain that is too long and so have to find its end.
DIBOfAnyLength: Final = DIBAdapter(limit=None)

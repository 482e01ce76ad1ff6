"""What a value information block says about the data: quantity, unit, scale, type, qualifiers.

EN 13757-3 (MBDOC48 8.4 and 8.4.5). VIFEs act in wire order: factors scale, constants add, per-units
change the unit, "date of", "duration of" and "number of" replace type and unit; everything else is listed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Context, Decimal
from typing import Final

from . import vif_tables as tables
from .units import unit_names
from .vib import COMBINABLE_EXTENSION, MANUFACTURER_SPECIFIC, PLAIN_TEXT, vif_table

FROM_METER: Final = "from_meter"
TO_METER: Final = "to_meter"

DATE_TYPES: Final = "F G I J M"

ANY_VIF: Final = 0x7E

# The caller's decimal context may round; eleven constants of 10^-3 to 1 have five digits.
_EXACT: Final = Context(prec=9)

# The value is in the non-metric unit of EN 13757-3 Annex C, a table that no source here has.
NON_METRIC: Final = 0x3D

# Actions that carry no data, MBDOC48 6.4.3 and 6.5: freeze has data field 0 anyway.
ACTIONS_WITHOUT_DATA: Final = frozenset({0x0C, 0x0D})


@dataclass(frozen=True, slots=True)
class Meaning:
    """The meaning of a VIB.

    value = raw * 10**exponent + offset, in `unit`. `unit` is None where there is none, `known` False where
    the tables have no entry. `types` are the data types of EN 13757-3 that the tables allow.
    """

    quantity: str
    unit_code: str = ""
    unit_parts: tuple[str, ...] = ()
    plain_text_unit: str | None = None
    exponent: int = 0
    offset: Decimal = field(default=Decimal(0))
    types: str = ""
    qualifiers: tuple[str, ...] = ()
    status: str = "current"
    record_error: str | None = None
    action: int | None = None
    manufacturer_specific: bool = False
    profile: int | None = None

    @property
    def known(self) -> bool:
        """Whether the tables say what is measured and how the number is scaled."""
        return self.status in ("current", "legacy") and not self.manufacturer_specific

    @property
    def unit(self) -> str | None:
        """The unit as people write it."""
        if self.plain_text_unit is not None:
            return self.plain_text_unit + (unit_names("", self.unit_parts)[0] or "").removeprefix("1")
        return unit_names(self.unit_code, self.unit_parts)[0]

    @property
    def ucum(self) -> str | None:
        """The unit's UCUM code, None where UCUM has none."""
        return None if self.plain_text_unit is not None else unit_names(self.unit_code, self.unit_parts)[1]

    @property
    def is_date(self) -> bool:
        """Whether the data are a date or a time."""
        return self.types in (DATE_TYPES, "F I J M", "G")


def meaning_of(
    vif: int, vifes: Sequence[int], text: str | None = None, direction: str = FROM_METER
) -> Meaning:
    """The meaning of a VIB, given as its codes without extension bits."""
    table, code, used = vif_table(vif, vifes)
    row = table[code]
    base = Meaning(
        quantity=row.quantity,
        unit_code=row.unit,
        exponent=(row.scale + code - row.first) if row.scale is not None else 0,
        types=row.types,
        status=row.status,
    )
    if row.status == "unscaled":
        base = replace(base, qualifiers=("raw number, factor not known",))
    if table is tables.PRIMARY and code == PLAIN_TEXT:
        base = replace(
            base, quantity="plain text", plain_text_unit=text or "", types="A B H", status="current"
        )
    elif table is tables.PRIMARY and code == MANUFACTURER_SPECIFIC:
        return replace(base, manufacturer_specific=True, types="")
    elif row.status in ("special", "reserved"):
        wildcard = vif == ANY_VIF and direction == TO_METER  # from a meter it says nothing
        base = replace(
            base, quantity=_unknown_name(vif, vifes[:used]), status="any" if wildcard else "reserved"
        )
    return _settle(_apply(base, vifes[used:], direction))


def _settle(meaning: Meaning) -> Meaning:
    """What follows from the whole chain: a date, a bit array or a number of unknown scale has no unit."""
    if meaning.status == "unscaled" or meaning.types == "D" or meaning.is_date:
        return replace(
            meaning, unit_code="", unit_parts=(), plain_text_unit=None, exponent=0, offset=Decimal(0)
        )
    return meaning


def _unknown_name(vif: int, extension: Sequence[int]) -> str:
    if vif == 0x7E:
        return "any VIF"
    markers = {0x7B: "FB", 0x7D: "FD"}
    octets = [markers[vif], *(f"{code:02X}" for code in extension)] if extension else [f"{vif:02X}"]
    if len(octets) > 2:
        octets[1] = "FD"
    return f"reserved VIF {' '.join(octets)}h"


def _apply(meaning: Meaning, vifes: Sequence[int], direction: str) -> Meaning:
    """Let the combinable VIFEs act, in wire order."""
    chain = iter(vifes)
    for code in chain:
        if code == COMBINABLE_EXTENSION:
            meaning = _apply_extension(meaning, next(chain, None))
        elif code == MANUFACTURER_SPECIFIC:
            rest = bytes(chain).hex(" ").upper()
            note = f"manufacturer specific {rest}".rstrip()
            return replace(meaning, manufacturer_specific=True, qualifiers=(*meaning.qualifiers, note))
        elif code <= 0x0F or 0x15 <= code <= 0x1C:
            meaning = _apply_error_or_action(meaning, code, direction)
        else:
            meaning = _apply_combinable(meaning, code)
    return meaning


def _apply_error_or_action(meaning: Meaning, code: int, direction: str) -> Meaning:
    if direction == FROM_METER:
        name = tables.RECORD_ERROR[code].quantity
        if code == 0:
            return meaning
        return replace(
            meaning, record_error=name if name != "reserved" else f"reserved record error {code:02X}h"
        )
    if code <= 0x0F:
        name = tables.OBJECT_ACTION[code].quantity
        return replace(meaning, action=code, qualifiers=(*meaning.qualifiers, f"action: {name}"))
    return _unknown_vife(meaning, f"reserved VIFE {code:02X}h")


def _unknown_vife(meaning: Meaning, name: str) -> Meaning:
    """A VIFE that no table knows may change anything: the number stays raw."""
    return replace(meaning, status="unscaled", qualifiers=(*meaning.qualifiers, name))


def _apply_extension(meaning: Meaning, code: int | None) -> Meaning:
    if code is None:
        return _unknown_vife(meaning, "extension of combinable codes, nothing follows")
    row = tables.COMBINABLE_FC[code]
    if row.status == "reserved":
        return _unknown_vife(meaning, f"reserved VIFE FC {code:02X}h")
    if row.types in ("C", "D"):
        return replace(meaning, types=row.types, qualifiers=(*meaning.qualifiers, row.quantity))
    if row.types:
        return _as_date(meaning, row.quantity)
    return replace(meaning, qualifiers=(*meaning.qualifiers, row.quantity))


def _as_date(meaning: Meaning, qualifier: str) -> Meaning:
    return replace(meaning, types=DATE_TYPES, qualifiers=(*meaning.qualifiers, qualifier))


def _apply_combinable(meaning: Meaning, code: int) -> Meaning:
    row = tables.COMBINABLE[code]
    listed = replace(meaning, qualifiers=(*meaning.qualifiers, row.quantity))
    if row.scale is not None:
        power = row.scale + code - row.first
        if row.quantity.startswith("multiplicative"):
            return replace(meaning, exponent=meaning.exponent + power)
        return replace(meaning, offset=_EXACT.add(meaning.offset, Decimal(1).scaleb(power)))
    if code == NON_METRIC:
        return replace(listed, status="unscaled")
    if "compact profile" in row.quantity:
        return replace(listed, profile=code)
    if row.unit.startswith(("/", ".")):
        parts = (*meaning.unit_parts, row.unit)
        if "[pulse" not in row.unit:
            return replace(meaning, unit_parts=parts)
        channel = f"{row.quantity[:-1]}{code - row.first}"
        return replace(meaning, unit_parts=parts, qualifiers=(*meaning.qualifiers, channel))
    if row.types == DATE_TYPES:
        return _as_date(meaning, row.quantity)
    if row.unit:  # a duration or a count replaces unit and scale
        replaced = replace(listed, unit_code=row.unit, unit_parts=(), plain_text_unit=None, exponent=0)
        return replace(replaced, offset=Decimal(0), types="A C", status="current")
    if row.types == "C":
        return replace(listed, types="C")
    if row.status == "reserved":
        return _unknown_vife(meaning, f"reserved VIFE {code:02X}h")
    return listed

"""libmbus's words for media, units, quantities and application errors, from what our tables say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mbus_grammars.code_tables import FIXED_UNITS
from mbus_grammars.fixed import SAME_UNIT_HISTORIC
from mbus_grammars.units import unit_names
from mbus_grammars.vib import vif_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mbus_grammars import Meaning

MEDIA: Final[dict[int, str]] = {
    0x00: "Other",
    0x01: "Oil",
    0x02: "Electricity",
    0x03: "Gas",
    0x04: "Heat: Outlet",
    0x05: "Steam",
    0x06: "Hot water",
    0x07: "Water",
    0x08: "Heat Cost Allocator",
    0x09: "Compressed Air",
    0x0A: "Cooling load meter: Outlet",
    0x0B: "Cooling load meter: Inlet",
    0x0C: "Heat: Inlet",
    0x0D: "Heat / Cooling load meter",
    0x0E: "Bus/System",
    0x0F: "Unknown Medium",
    0x15: "Boiling water",
    0x16: "Cold water",
    0x17: "Dual water",
    0x18: "Pressure",
    0x19: "A/D Converter",
}

FUNCTIONS: Final = {
    "instantaneous": "Instantaneous value",
    "maximum": "Maximum value",
    "minimum": "Minimum value",
    "error": "Value during error state",
}

APPLICATION_ERRORS: Final[dict[int | None, str]] = {
    None: "Unspecified error",
    0x00: "Unspecified error",
    0x01: "Unimplemented CI-Field",
    0x02: "Buffer too long, truncated",
    0x03: "Too many records",
    0x04: "Premature end of record",
    0x05: "More than 10 DIFE\xb4s",
    0x06: "More than 10 VIFE\xb4s",
    0x07: "Reserved",
    0x08: "Application busy",
    0x09: "Too many readouts",
}

# Quantity -> the name in the plain form, and in the normalised one where that is another.
_NAMES: Final[dict[str, tuple[str, str]]] = {
    "temperature difference": ("Temperature Difference", "Temperature difference"),
    "date": ("Time Point (date)", "Time point (date)"),
    "date and time": ("Time Point (time & date)", "Time point (date & time)"),
    "heat cost allocation": ("Units for H.C.A.", "H.C.A."),
    "averaging duration": ("Averaging Duration", "Averaging Duration"),
    "actuality duration": ("Actuality Duration", "Actuality Duration"),
    "fabrication number": ("Fabrication number", "Fabrication No"),
    "enhanced identification": ("(Enhanced) Identification", "(Enhanced) Identification"),
    "bus address": ("Bus Address", "Bus Address"),
    "model/version": ("Model / Version", "Model / Version"),
    "hardware version number": ("Hardware version", "Hardware version"),
    "metrology firmware version number": ("Firmware version", "Firmware version"),
    "other software version number": ("Software version", "Software version"),
    "digital output": ("Digital output (binary)", "Digital Output"),
    "digital input": ("Digital input (binary)", "Digital Input"),
    "dimensionless": ("dimensionless / no VIF", "Dimensionless"),
    "manufacturer specific": ("Manufacturer specific", "Manufacturer specific"),
}

_PREFIXES: Final = {
    -6: "my",
    -3: "m",
    0: "",
    1: "10 ",
    2: "100 ",
    3: "k",
    4: "10 k",
    5: "100 k",
    6: "M",
    9: "G",
}

# Units as libmbus writes them where it does not write ours.
_PLAIN: Final = {
    "m3": "m^3",
    "m3/h": "m^3/h",
    "m3/min": "m^3/min",
    "m3/s": "m^3/s",
    "Cel": "deg C",
    "K": "deg C",
    "s": "seconds",
    "min": "minutes",
    "h": "hours",
    "d": "days",
    "mo": "months",
    "a": "years",
}
_BASE: Final = {"m3": "m^3", "m3/h": "m^3/h", "m3/min": "m^3/min", "m3/s": "m^3/s", "1": "", "HCA": ""}

# Units that stand close to their prefix: "kWh" but "m m^3".
_CLOSE: Final = frozenset({"W.h", "J", "W", "J/h", "var.h", "V.A.h", "var", "V.A", "cal"})
_CLOSE_TEMPERATURES: Final = frozenset({"flow temperature", "return temperature"})
_DURATIONS: Final = frozenset({"s", "min", "h", "d", "mo", "a"})

# These have no quantity in front of the unit.
_BARE: Final = frozenset({"voltage", "current"})


def prefix(exponent: int) -> str:
    """A power of ten in front of a unit: "m", "k", "10 ", "1e-1 "."""
    return _PREFIXES.get(exponent, f"1e{exponent} ")


def quantity_of(vif: int, vifes: Sequence[int]) -> str:
    """The quantity of the VIF itself, before VIFEs say more."""
    table, code, _ = vif_table(vif, vifes)
    return table[code].quantity


def plain_unit(quantity: str, meaning: Meaning) -> str:
    """What stands in <Unit>: quantity, power of ten and unit, and what VIFEs add."""
    qualifiers = "".join(f", {qualifier}" for qualifier in meaning.qualifiers)
    if meaning.plain_text_unit is not None:
        unit = meaning.unit or ""
        return (f"{prefix(meaning.exponent)} {unit}" if meaning.exponent else unit) + qualifiers
    name = _NAMES.get(quantity, (quantity[:1].upper() + quantity[1:], ""))[0]
    if meaning.unit is None or meaning.unit_code in ("", "1", "HCA"):
        scale = f" ({prefix(meaning.exponent).strip()})" if meaning.exponent else ""
        return name + scale + qualifiers
    shown = _scaled(quantity, meaning)
    return (shown if quantity in _BARE else f"{name} ({shown})") + qualifiers


def _scaled(quantity: str, meaning: Meaning) -> str:
    code = meaning.unit_code
    unit = _PLAIN.get(code) or unit_names(code)[0] or ""
    unit += (unit_names("", meaning.unit_parts)[0] or "").removeprefix("1").replace("\xb3", "^3")
    if code in _DURATIONS and not meaning.exponent:
        return unit
    if code in _CLOSE or quantity in _CLOSE_TEMPERATURES:
        return prefix(meaning.exponent) + unit
    return f"{prefix(meaning.exponent)} {unit}"


# Durations in the normalised form are seconds, as far as they have a number of them.
SECONDS: Final = {"min": 60, "h": 3600, "d": 86400}


def base_unit(meaning: Meaning) -> str:
    """<Unit> of the normalised form: the unit without a power of ten, "-" for dates and plain text."""
    if meaning.is_date or (meaning.plain_text_unit is not None and not meaning.unit_parts):
        return "-"
    code = meaning.unit_code
    unit = "s" if code in SECONDS else _BASE.get(code, unit_names(code)[0] or "")
    return unit + (unit_names("", meaning.unit_parts)[0] or "").removeprefix("1").replace("\xb3", "^3")


def quantity_name(quantity: str, meaning: Meaning) -> str:
    """<Quantity> of the normalised form, and what VIFEs add."""
    if meaning.plain_text_unit is not None:
        name = meaning.plain_text_unit
    else:
        name = _NAMES.get(quantity, ("", quantity[:1].upper() + quantity[1:]))[1]
    return name + "".join(f", {qualifier}" for qualifier in meaning.qualifiers)


def fixed_unit(code: int, other: int) -> tuple[str, int]:
    """The unit of a counter of the fixed data structure, and its power of ten in the grammar's table.

    `other`: the code of the other counter, for the code that says "the same unit, historic".
    """
    known = FIXED_UNITS.get(other if code == SAME_UNIT_HISTORIC else code)
    if known is None:
        return {0x00: "h,m,s", 0x01: "D,M,Y"}.get(code, "reserved"), 0
    quantity, unit, exponent = known
    if not quantity:
        return "without units", 0
    if unit == "HCA":
        return "Units for H.C.A.", 0
    if unit in ("m3", "m3/h") and exponent < 0:
        litres = exponent + 3
        text = f"{prefix(litres + 3)}ml" if litres < 0 else f"{prefix(litres)}l"
        return text + unit.removeprefix("m3"), exponent
    return prefix(exponent) + (_PLAIN.get(unit) or unit_names(unit)[0] or ""), exponent

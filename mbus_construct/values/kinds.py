"""How a consumer treats a value: a counter is differenced, a date is not plotted, a state has names.

This is the library's reading of the quantities, not the standard's; every quantity of the VIF tables has one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from mbus_grammars import Meaning

Kind = Literal[
    "counter", "instant", "duration", "date", "state", "identity", "setting", "text", "series", "unknown"
]

_QUANTITIES: Final[dict[Kind, tuple[str, ...]]] = {
    "counter": (
        "energy",
        "reactive energy",
        "apparent energy",
        "volume",
        "mass",
        "heat cost allocation",
        "on time",
        "operating time",
        "operating time battery",
        "credit",
        "debit",
        "reset counter",
        "cumulation counter",
        "number of times the meter was stopped",
        "unique message identification",
    ),
    "instant": (
        "power",
        "reactive power",
        "apparent power",
        "volume flow",
        "mass flow",
        "flow temperature",
        "return temperature",
        "temperature difference",
        "external temperature",
        "temperature",
        "cold/warm temperature limit",
        "pressure",
        "relative humidity",
        "moisture level",
        "phase angle voltage to voltage",
        "phase angle voltage to current",
        "frequency",
        "voltage",
        "current",
        "RF level",
        "coefficient of performance",
        "cumulative maximum of active power",
        "plain text",
        "dimensionless",
    ),
    "duration": (
        "averaging duration",
        "actuality duration",
        "storage interval",
        "duration since last readout",
        "duration of tariff",
        "period of tariff",
        "period of nominal data transmissions",
        "duration since last cumulation",
        "remaining battery life time",
        "response delay time",
        "time point, second part",
    ),
    "date": (
        "date",
        "date and time",
        "start of tariff",
        "time point of day change",
        "date and time of battery change",
    ),
    "state": (
        "error flags",
        "error mask",
        "digital output",
        "digital input",
        "remote control",
        "control signal",
        "state of parameter activation",
        "day of week",
        "week number",
        "currently selected application",
    ),
    "identity": (
        "fabrication number",
        "enhanced identification",
        "bus address",
        "device type",
        "manufacturer",
        "parameter set identification",
        "model/version",
        "hardware version number",
        "metrology firmware version number",
        "other software version number",
        "customer location",
        "customer",
    ),
    "setting": (
        "access code user",
        "access code operator",
        "access code system operator",
        "access code developer",
        "password",
        "security key",
        "baud rate",
        "retry count",
        "first storage number for cyclic storage",
        "last storage number for cyclic storage",
        "size of storage block",
        "descriptor for tariff and subunit",
        "daylight saving (begin, end, deviation)",
        "listening window management",
        "resulting rating factor K",
        "thermal output rating factor Kq",
        "thermal coupling rating factor overall Kc",
        "thermal coupling rating factor room side Kcr",
        "thermal coupling rating factor heater side Kch",
        "low temperature rating factor Kt",
        "display output scaling factor KD",
    ),
    "unknown": (
        "operator specific data",
        "special supplier information",
        "data container for wireless M-Bus protocol",
        "data container for manufacturer specific protocol",
        "manufacturer specific",
        "any VIF",
    ),
}

KIND_OF: Final[dict[str, Kind]] = {
    quantity: kind for kind, names in _QUANTITIES.items() for quantity in names
}


def kind_of(meaning: Meaning) -> Kind:
    """The kind of a record; VIFEs that make it a date, a duration or a count decide first."""
    base = KIND_OF.get(meaning.quantity, "unknown")
    if meaning.profile is not None:
        return "series"
    if meaning.is_date:
        return "date"
    replaced = [text for text in meaning.qualifiers if text.startswith(("duration of", "number of exceeds"))]
    if replaced:
        return "duration" if replaced[-1].startswith("duration") else "counter"
    if meaning.types == "D":
        return "state"
    if base == "date":  # forced to a number
        return "unknown"
    return "instant" if meaning.unit_parts and base == "counter" else base

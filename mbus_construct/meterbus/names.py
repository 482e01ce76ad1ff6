"""What pyMeterBus calls functions, units and kinds of records, from what the tables of the grammar say."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Final

from mbus_grammars.units import UNITS
from mbus_grammars.vib import MANUFACTURER_SPECIFIC, PLAIN_TEXT, vif_table
from mbus_grammars.vif_tables import EXTENSION_FB, EXTENSION_FD, EXTENSION_FD_FD, PRIMARY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mbus_grammars import Meaning


class FunctionType(Enum):
    """The function of a record; the last three are DIFs that are no data record."""

    INSTANTANEOUS_VALUE = 0
    MAXIMUM_VALUE = 1
    MINIMUM_VALUE = 2
    ERROR_STATE_VALUE = 3
    SPECIAL_FUNCTION = 4
    SPECIAL_FUNCTION_FILL_BYTE = 5
    MORE_RECORDS_FOLLOW = 6


FUNCTIONS: Final = {
    "instantaneous": FunctionType.INSTANTANEOUS_VALUE,
    "maximum": FunctionType.MAXIMUM_VALUE,
    "minimum": FunctionType.MINIMUM_VALUE,
    "error": FunctionType.ERROR_STATE_VALUE,
}


class MeasureUnit(Enum):
    """The units; `value` is how a record's `unit` writes them."""

    KWH = "kWh"
    WH = "Wh"
    J = "J"
    M3 = "m^3"
    L = "l"
    KG = "kg"
    W = "W"
    J_H = "J/h"
    M3_H = "m^3/h"
    M3_MIN = "m^3/min"
    M3_S = "m^3/s"
    KG_H = "kg/h"
    C = "C"
    K = "K"
    BAR = "bar"
    DATE = "date"
    TIME = "time"
    DATE_TIME = "date time"
    DATE_TIME_S = "date time to second"
    SECONDS = "seconds"
    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"
    NONE = "none"
    V = "V"
    A = "A"
    HCA = "H.C.A"
    CURRENCY = "Currency unit"
    BAUD = "Baud"
    BIT_TIMES = "Bittimes"
    PERCENT = "%"
    DBM = "dBm"


_ONE: Final = Decimal(1)

# Unit code of the grammar's tables -> the unit, and how many of it one of the grammar's is.
_UNITS: Final[dict[str, tuple[MeasureUnit | str, Decimal]]] = {
    "": (MeasureUnit.NONE, _ONE),
    "1": (MeasureUnit.NONE, _ONE),
    "W.h": (MeasureUnit.WH, _ONE),
    "J": (MeasureUnit.J, _ONE),
    "m3": (MeasureUnit.M3, _ONE),
    "kg": (MeasureUnit.KG, _ONE),
    "W": (MeasureUnit.W, _ONE),
    "J/h": (MeasureUnit.J_H, _ONE),
    "m3/h": (MeasureUnit.M3_H, _ONE),
    "m3/min": (MeasureUnit.M3_MIN, _ONE),
    "m3/s": (MeasureUnit.M3_S, _ONE),
    "kg/h": (MeasureUnit.KG_H, _ONE),
    "Cel": (MeasureUnit.C, _ONE),
    "K": (MeasureUnit.K, _ONE),
    "bar": (MeasureUnit.BAR, _ONE),
    "s": (MeasureUnit.SECONDS, _ONE),
    "min": (MeasureUnit.SECONDS, Decimal(60)),
    "h": (MeasureUnit.SECONDS, Decimal(3600)),
    "d": (MeasureUnit.SECONDS, Decimal(86400)),
    "V": (MeasureUnit.V, _ONE),
    "A": (MeasureUnit.A, _ONE),
    "HCA": (MeasureUnit.HCA, _ONE),
    "[currency]": (MeasureUnit.CURRENCY, _ONE),
    "Bd": (MeasureUnit.BAUD, _ONE),
    "[bit_time]": (MeasureUnit.BIT_TIMES, _ONE),
    "%": (MeasureUnit.PERCENT, _ONE),
    "dB[mW]": (MeasureUnit.DBM, _ONE),
    "[cft_i]": ("feet^3", _ONE),
    "[gal_us]": ("American gallon", _ONE),
    "[gal_us]/min": ("American gallon/min", _ONE),
    "[gal_us]/h": ("American gallon/h", _ONE),
    "[degF]": ("degF", _ONE),
    "mo": ("months", _ONE),  # a month has no number of seconds
    "a": ("years", _ONE),
}

# Dates by the octets of their data.
_DATES: Final = {
    2: MeasureUnit.DATE,
    3: MeasureUnit.TIME,
    4: MeasureUnit.DATE_TIME,
    6: MeasureUnit.DATE_TIME_S,
}


def unit_of(meaning: Meaning, data_octets: int) -> tuple[MeasureUnit | str, Decimal]:
    """The unit of a record and the factor from the grammar's unit to it."""
    if meaning.is_date:
        return _DATES.get(data_octets, MeasureUnit.DATE_TIME), _ONE
    if meaning.plain_text_unit is not None:
        return meaning.plain_text_unit, _ONE
    return unit_of_code(meaning.unit_code)


def unit_of_code(code: str) -> tuple[MeasureUnit | str, Decimal]:
    """The same for a unit code of the tables."""
    return _UNITS.get(code) or (UNITS[code][0] or code, _ONE)


# Quantity and unit code, or quantity alone -> name of a primary VIF.
_PRIMARY: Final[dict[tuple[str, str] | str, str]] = {
    ("energy", "W.h"): "ENERGY_WH",
    ("energy", "J"): "ENERGY_J",
    "volume": "VOLUME",
    "mass": "MASS",
    "on time": "ON_TIME",
    "operating time": "OPERATING_TIME",
    ("power", "W"): "POWER_W",
    ("power", "J/h"): "POWER_J_H",
    ("volume flow", "m3/h"): "VOLUME_FLOW",
    ("volume flow", "m3/min"): "VOLUME_FLOW_EXT",
    ("volume flow", "m3/s"): "VOLUME_FLOW_EXT_S",
    "mass flow": "MASS_FLOW",
    "flow temperature": "FLOW_TEMPERATURE",
    "return temperature": "RETURN_TEMPERATURE",
    "temperature difference": "TEMPERATURE_DIFFERENCE",
    "external temperature": "EXTERNAL_TEMPERATURE",
    "pressure": "PRESSURE",
    "date": "DATE",
    "date and time": "DATE_TIME_GENERAL",
    "heat cost allocation": "UNITS_FOR_HCA",
    "reserved": "RES_THIRD_VIFE_TABLE",
    "averaging duration": "AVG_DURATION",
    "actuality duration": "ACTUALITY_DURATION",
    "fabrication number": "FABRICATION_NO",
    "enhanced identification": "IDENTIFICATION",
    "bus address": "ADDRESS",
    "plain text VIF": "VARIABLE_VIF",
    "manufacturer specific": "MANUFACTURER_SPEC",
    "any VIF": "ANY_VIF",
    "extension marker FB": "FIRST_EXT_VIF_CODES",
    "extension marker FD": "SECOND_EXT_VIF_CODES",
}

# Codes behind FDh. One name may cover several of the table's rows.
_FD: Final[dict[str, str]] = {
    "credit": "CURRENCY_CREDIT",
    "debit": "CURRENCY_DEBIT",
    "unique message identification": "ACCESS_NUMBER",
    "device type": "MEDIUM",
    "manufacturer": "MANUFACTURER",
    "parameter set identification": "PARAMETER_SET_ID",
    "model/version": "MODEL_VERSION",
    "hardware version number": "HARDWARE_VERSION",
    "metrology firmware version number": "FIRMWARE_VERSION",
    "other software version number": "SOFTWARE_VERSION",
    "customer location": "CUSTOMER_LOCATION",
    "customer": "CUSTOMER",
    "access code user": "ACCESS_CODE_USER",
    "access code operator": "ACCESS_CODE_OPERATOR",
    "access code system operator": "ACCESS_CODE_SYSTEM_OPERATOR",
    "access code developer": "ACCESS_CODE_DEVELOPER",
    "password": "PASSWORD",
    "error flags": "ERROR_FLAGS",
    "error mask": "ERROR_MASKS",
    "digital output": "DIGITAL_OUTPUT",
    "digital input": "DIGITAL_INPUT",
    "baud rate": "BAUDRATE",
    "response delay time": "RESPONSE_DELAY",
    "retry count": "RETRY",
    "remote control": "RESERVED_2",
    "first storage number for cyclic storage": "FIRST_STORAGE_NR",
    "last storage number for cyclic storage": "LAST_STORAGE_NR",
    "size of storage block": "SIZE_OF_STORAGE_BLOCK",
    "descriptor for tariff and subunit": "RESERVED_3",
    "storage interval": "STORAGE_INTERVAL",
    "duration since last readout": "DURATION_SINCE_LAST_READOUT",
    "start of tariff": "START_OF_TARIFF",
    "duration of tariff": "DURATION_OF_TARIFF",
    "period of tariff": "PERIOD_OF_TARIFF",
    "dimensionless": "DIMENSIONLESS",
    "voltage": "VOLTS",
    "current": "AMPERE",
    "reset counter": "RESET_COUNTER",
    "cumulation counter": "CUMULATION_COUNTER",
    "control signal": "CONTROL_SIGNAL",
    "day of week": "DAY_OF_WEEK",
    "week number": "WEEK_NUMBER",
    "time point of day change": "TIME_POINT_OF_DAY_CHANGE",
    "state of parameter activation": "STATE_OF_PARAMETER_ACTIVATION",
    "special supplier information": "SPECIAL_SUPPLIER_INFORMATION",
    "duration since last cumulation": "DURATION_SINCE_LAST_CUMULATION",
    "operating time battery": "OPERATING_TIME_BATTERY",
    "date and time of battery change": "DATEAND_TIME_OF_BATTERY_CHANGE",
    "RF level": "RSSI",
}

# Codes behind FBh whose name is not the quantity of the grammar's table.
_FB: Final[dict[str, str]] = {
    "relative humidity": "VIFUnitSecExt.RELATIVE_HUMIDITY",
    "cold/warm temperature limit": "Cold / Warm Temperature Limit",
    "cumulative maximum of active power": "Cumul count max power",
}

# VIFEs from 20h on.
_FIRST_ENHANCEMENT: Final = 0x20
_ENHANCEMENTS: Final = (
    *(
        "PER_SECOND",
        "PER_MINUTE",
        "PER_HOUR",
        "PER_DAY",
        "PER_WEEK",
        "PER_MONTH",
        "PER_YEAR",
        "PER_REVOLUTION",
    ),
    *("PER_INPUT_PULSE0", "PER_INPUT_PULSE1", "PER_OUTPUT_PULSE0", "PER_OUTPUT_PULSE1"),
    *("PER_LITER", "PER_M3", "PER_KG", "PER_KELVIN", "PER_KWH", "PER_GJ", "PER_KW", "PER_KELVIN_LITER"),
    *("PER_VOLT", "PER_AMPERE", "MULT_SEK", "MULT_SEK_PER_VOLT", "MULT_SEK_PER_AMPERE", "START_DATE_TIME"),
    *("UNCORRECTED_UNIT", "POSITIVE_ACCUMULATION", "NEGATIVE_ACCUMULATION"),
)


def type_name(vif: int, vifes: Sequence[int]) -> str:
    """The kind of a record, "VIFUnit.VOLUME" for example, from its VIF and VIFEs without extension bits."""
    table, code, _ = vif_table(vif, vifes)
    row = table[code]
    if table is EXTENSION_FB:
        return _FB.get(row.quantity, row.quantity.capitalize())
    if table is EXTENSION_FD or table is EXTENSION_FD_FD:
        return f"VIFUnitExt.{_FD.get(row.quantity, 'RESERVED')}"
    return primary_name(row.quantity, row.unit)


def primary_name(quantity: str, unit_code: str) -> str:
    """The kind of a record with a quantity of the primary VIFs."""
    return f"VIFUnit.{_PRIMARY.get((quantity, unit_code)) or _PRIMARY.get(quantity, 'ANY_VIF')}"


def enhancement_name(vif: int, vifes: Sequence[int]) -> str | None:
    """The first VIFE of a primary VIF by name, None without one."""
    if not vifes or not vifes[0] or vif_table(vif, vifes)[0] is not PRIMARY:
        return None
    if vif == PLAIN_TEXT:
        return None
    number = vifes[0] - _FIRST_ENHANCEMENT
    known = vif != MANUFACTURER_SPECIFIC and 0 <= number < len(_ENHANCEMENTS)
    return f"VIFUnitEnhExt.{_ENHANCEMENTS[number] if known else 'UNKNOWN_ENHANCEMENT'}"

"""The VIF and VIFE code tables of EN 13757-3, one table a code space. Data only, no constructs.

Codes stand without their extension bit (bit 7). A row holds

    first, last    the codes it covers
    quantity       the meaning, in the words of the standard
    unit           UCUM-style code of the unit at exponent 0 ("" = none), see `mbus_grammars.units`
    scale          power of ten at `first`; where the row covers several codes each further code
                   raises the exponent by one (the n bits of "E000 0nnn")
    types          data types the standard lists (EN 13757-3 Annex A letters)
    status         "current", "legacy" (withdrawn, still met in the field), "reserved", "special",
                   "unverified" (a single weak source), or "unscaled" (the quantity is known, the factor
                   from raw number to value is not: sources disagree, so the raw number stays raw)
    source         where the row was seen: MBDOC48 = "The M-Bus: A Documentation", rev. 4.8, with its
                   section; libmburs and exmbus cite EN 13757-3:2018; others are implementations
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Row(NamedTuple):
    """One line of a code table, see the module's text."""

    first: int
    last: int
    quantity: str
    unit: str = ""
    scale: int | None = None
    types: str = ""
    status: str = "current"
    source: str = ""


Table = dict[int, Row]


def _table(*rows: Row) -> Table:
    """Spread the rows over their codes; a code stands in one row only."""
    table: Table = {}
    for row in rows:
        for code in range(row.first, row.last + 1):
            if code in table:
                raise ValueError(f"code {code:02X}h stands in two rows")
            table[code] = row
    return table


# fmt: off
# Primary VIF.
PRIMARY: Final[Table] = _table(
    Row(0x00, 0x07, "energy", unit="W.h", scale=-3, types="A B H", source="MBDOC48 8.4"),
    Row(0x08, 0x0F, "energy", unit="J", scale=0, types="A B H", source="MBDOC48 8.4"),
    Row(0x10, 0x17, "volume", unit="m3", scale=-6, types="A B H", source="MBDOC48 8.4"),
    Row(0x18, 0x1F, "mass", unit="kg", scale=-3, types="A B H", source="MBDOC48 8.4"),
    Row(0x20, 0x20, "on time", unit="s", scale=0, types="A B H", source="MBDOC48 8.4"),
    Row(0x21, 0x21, "on time", unit="min", scale=0, types="A B H", source="MBDOC48 8.4"),
    Row(0x22, 0x22, "on time", unit="h", scale=0, types="A B H", source="MBDOC48 8.4"),
    Row(0x23, 0x23, "on time", unit="d", scale=0, types="A B H", source="MBDOC48 8.4"),
    Row(0x24, 0x24, "operating time", unit="s", scale=0, types="A B H", source="MBDOC48 8.4"),
    Row(0x25, 0x25, "operating time", unit="min", scale=0, types="A B H", source="MBDOC48 8.4"),
    Row(0x26, 0x26, "operating time", unit="h", scale=0, types="A B H", source="MBDOC48 8.4"),
    Row(0x27, 0x27, "operating time", unit="d", scale=0, types="A B H", source="MBDOC48 8.4"),
    Row(0x28, 0x2F, "power", unit="W", scale=-3, types="A B H", source="MBDOC48 8.4"),
    Row(0x30, 0x37, "power", unit="J/h", scale=0, types="A B H", source="MBDOC48 8.4"),
    Row(0x38, 0x3F, "volume flow", unit="m3/h", scale=-6, types="A B H", source="MBDOC48 8.4"),
    Row(0x40, 0x47, "volume flow", unit="m3/min", scale=-7, types="A B H", source="MBDOC48 8.4"),
    Row(0x48, 0x4F, "volume flow", unit="m3/s", scale=-9, types="A B H", source="MBDOC48 8.4"),
    Row(0x50, 0x57, "mass flow", unit="kg/h", scale=-3, types="A B H", source="MBDOC48 8.4"),
    Row(0x58, 0x5B, "flow temperature", unit="Cel", scale=-3, types="A B H", source="MBDOC48 8.4"),
    Row(0x5C, 0x5F, "return temperature", unit="Cel", scale=-3, types="A B H", source="MBDOC48 8.4"),
    Row(0x60, 0x63, "temperature difference", unit="K", scale=-3, types="A B H", source="MBDOC48 8.4"),
    Row(0x64, 0x67, "external temperature", unit="Cel", scale=-3, types="A B H", source="MBDOC48 8.4"),
    Row(0x68, 0x6B, "pressure", unit="bar", scale=-3, types="A B H", source="MBDOC48 8.4"),
    Row(0x6C, 0x6C, "date", types="G", source="MBDOC48 8.4; libmburs; pyMBusMaster; m-bus-parser; exmbus"),
    Row(0x6D, 0x6D, "date and time", types="F I J M", source="MBDOC48 8.4; libmburs; pyMBusMaster; m-bus-parser; exmbus"),
    Row(0x6E, 0x6E, "heat cost allocation", unit="HCA", scale=0, types="A B H", source="MBDOC48 8.4"),
    Row(0x6F, 0x6F, "reserved", status="reserved", source="MBDOC48 8.4; libmburs; pyMBusMaster; m-bus-parser; wmbusmeters"),
    Row(0x70, 0x70, "averaging duration", unit="s", scale=0, types="A B H", source="MBDOC48 8.4"),
    Row(0x71, 0x71, "averaging duration", unit="min", scale=0, types="A B H", source="MBDOC48 8.4"),
    Row(0x72, 0x72, "averaging duration", unit="h", scale=0, types="A B H", source="MBDOC48 8.4"),
    Row(0x73, 0x73, "averaging duration", unit="d", scale=0, types="A B H", source="MBDOC48 8.4"),
    Row(0x74, 0x74, "actuality duration", unit="s", scale=0, types="A B H", source="MBDOC48 8.4"),
    Row(0x75, 0x75, "actuality duration", unit="min", scale=0, types="A B H", source="MBDOC48 8.4"),
    Row(0x76, 0x76, "actuality duration", unit="h", scale=0, types="A B H", source="MBDOC48 8.4"),
    Row(0x77, 0x77, "actuality duration", unit="d", scale=0, types="A B H", source="MBDOC48 8.4"),
    Row(0x78, 0x78, "fabrication number", types="A C", source="MBDOC48 6.7.3; libmburs; pyMBusMaster; m-bus-parser"),
    Row(0x79, 0x79, "enhanced identification", types="A C", source="MBDOC48 6.4.2; libmburs; pyMBusMaster; m-bus-parser"),
    Row(0x7A, 0x7A, "bus address", types="C", source="MBDOC48 8.4.3; libmburs; pyMBusMaster; m-bus-parser"),
    Row(0x7B, 0x7B, "extension marker FB", status="special", source="MBDOC48 8.4"),
    Row(0x7C, 0x7C, "plain text VIF", status="special", source="MBDOC48 8.4"),
    Row(0x7D, 0x7D, "extension marker FD", status="special", source="MBDOC48 8.4"),
    Row(0x7E, 0x7E, "any VIF", status="special", source="MBDOC48 6.4.3"),
    Row(0x7F, 0x7F, "manufacturer specific", types="raw", status="special", source="MBDOC48 8.4"),
)
# fmt: on

# fmt: off
# True VIF after FBh.
EXTENSION_FB: Final[Table] = _table(
    Row(0x00, 0x01, "energy", unit="W.h", scale=5, types="A B H", source="MBDOC48 8.4"),
    Row(0x02, 0x03, "reactive energy", unit="var.h", scale=3, types="A B H", source="libmburs; exmbus; jmbus; m-bus-parser"),
    Row(0x04, 0x05, "apparent energy", unit="V.A.h", scale=3, types="A B H", source="libmburs; exmbus; jmbus; m-bus-parser"),
    Row(0x06, 0x06, "coefficient of performance", unit="1", scale=-1, types="A B H", status="unverified", source="m-bus-parser"),
    Row(0x07, 0x07, "reserved", status="reserved", source="libmburs; pyMBusMaster; m-bus-parser"),
    Row(0x08, 0x09, "energy", unit="J", scale=8, types="A B H", source="MBDOC48 8.4"),
    Row(0x0A, 0x0B, "reserved", status="reserved", source="MBDOC48 8.4"),
    Row(0x0C, 0x0F, "energy", unit="cal", scale=5, types="A B H", source="libmburs; exmbus; jmbus; m-bus-parser; pyMBusMaster"),
    Row(0x10, 0x11, "volume", unit="m3", scale=2, types="A B H", source="MBDOC48 8.4"),
    Row(0x12, 0x13, "reserved", status="reserved", source="MBDOC48 8.4"),
    Row(0x14, 0x17, "reactive power", unit="var", scale=0, types="A B H", source="libmburs; exmbus; jmbus; m-bus-parser; pyMBusMaster"),
    Row(0x18, 0x19, "mass", unit="kg", scale=5, types="A C", source="MBDOC48 8.4"),
    Row(0x1A, 0x1B, "relative humidity", unit="%", scale=-1, types="A C", source="libmburs; exmbus; jmbus; m-bus-parser; wmbusmeters"),
    Row(0x1C, 0x1F, "reserved", status="reserved", source="MBDOC48 8.4"),
    Row(0x20, 0x20, "volume", unit="[cft_i]", scale=0, types="A B H", source="libmburs; exmbus; jmbus; m-bus-parser"),
    Row(0x21, 0x21, "volume", unit="[cft_i]", scale=-1, types="A B H", source="MBDOC48 8.4"),
    Row(0x22, 0x22, "volume", unit="[gal_us]", scale=-1, types="A B H", status="legacy", source="MBDOC48 8.4.4b; libmburs; exmbus"),
    Row(0x23, 0x23, "volume", unit="[gal_us]", scale=0, types="A B H", status="legacy", source="MBDOC48 8.4.4b; libmburs; exmbus"),
    Row(0x24, 0x24, "volume flow", unit="[gal_us]/min", scale=-3, types="A B H", status="legacy", source="MBDOC48 8.4.4b; libmburs; exmbus"),
    Row(0x25, 0x25, "volume flow", unit="[gal_us]/min", scale=0, types="A B H", status="legacy", source="MBDOC48 8.4.4b; libmburs; exmbus"),
    Row(0x26, 0x26, "volume flow", unit="[gal_us]/h", scale=0, types="A B H", status="legacy", source="MBDOC48 8.4.4b; libmburs; exmbus"),
    Row(0x27, 0x27, "reserved", status="reserved", source="MBDOC48 8.4"),
    Row(0x28, 0x29, "power", unit="W", scale=5, types="A B H", source="MBDOC48 8.4"),
    Row(0x2A, 0x2A, "phase angle voltage to voltage", unit="deg", scale=-1, types="A B H", source="libmburs; jmbus; m-bus-parser; pyMBusMaster"),
    Row(0x2B, 0x2B, "phase angle voltage to current", unit="deg", scale=-1, types="A B H", source="libmburs; jmbus; m-bus-parser; pyMBusMaster"),
    Row(0x2C, 0x2F, "frequency", unit="Hz", scale=-3, types="A B H", source="libmburs; exmbus; jmbus; m-bus-parser"),
    Row(0x30, 0x31, "power", unit="J/h", scale=8, types="A B H", source="MBDOC48 8.4"),
    Row(0x32, 0x33, "reserved", status="reserved", source="MBDOC48 8.4"),
    Row(0x34, 0x37, "apparent power", unit="V.A", scale=0, types="A B H", source="exmbus; jmbus; m-bus-parser; pyMBusMaster"),
    Row(0x38, 0x57, "reserved", status="reserved", source="MBDOC48 8.4"),
    Row(0x58, 0x5B, "flow temperature", unit="[degF]", scale=-3, types="A B H", status="legacy", source="MBDOC48 8.4.4b; libmburs; exmbus"),
    Row(0x5C, 0x5F, "return temperature", unit="[degF]", scale=-3, types="A B H", status="legacy", source="MBDOC48 8.4.4b; libmburs; exmbus"),
    Row(0x60, 0x63, "temperature difference", unit="[degF]", scale=-3, types="A B H", status="legacy", source="MBDOC48 8.4.4b; libmburs; exmbus"),
    Row(0x64, 0x67, "external temperature", unit="[degF]", scale=-3, types="A B H", status="legacy", source="MBDOC48 8.4.4b; libmburs; exmbus"),
    Row(0x68, 0x68, "resulting rating factor K", types="A C", status="unscaled", source="libmburs; m-bus-parser; pyMBusMaster; exmbus"),
    Row(0x69, 0x69, "thermal output rating factor Kq", types="A C", status="unscaled", source="libmburs; m-bus-parser; pyMBusMaster; exmbus"),
    Row(0x6A, 0x6A, "thermal coupling rating factor overall Kc", types="A C", status="unscaled", source="libmburs; m-bus-parser; pyMBusMaster; exmbus"),
    Row(0x6B, 0x6B, "thermal coupling rating factor room side Kcr", types="A C", status="unscaled", source="libmburs; m-bus-parser; pyMBusMaster; exmbus"),
    Row(0x6C, 0x6C, "thermal coupling rating factor heater side Kch", types="A C", status="unscaled", source="libmburs; m-bus-parser; pyMBusMaster; exmbus"),
    Row(0x6D, 0x6D, "low temperature rating factor Kt", types="A C", status="unscaled", source="libmburs; m-bus-parser; pyMBusMaster; exmbus"),
    Row(0x6E, 0x6E, "display output scaling factor KD", types="A C", status="unscaled", source="libmburs; m-bus-parser; pyMBusMaster; exmbus"),
    Row(0x6F, 0x6F, "reserved", status="reserved", source="MBDOC48 8.4"),
    Row(0x70, 0x73, "cold/warm temperature limit", unit="[degF]", scale=-3, types="A B H", status="legacy", source="MBDOC48 8.4.4b; libmburs"),
    Row(0x74, 0x77, "cold/warm temperature limit", unit="Cel", scale=-3, types="A B H", source="MBDOC48 8.4"),
    Row(0x78, 0x7F, "cumulative maximum of active power", unit="W", scale=-3, types="A B H", source="MBDOC48 8.4"),
)
# fmt: on

# fmt: off
# True VIF after FDh.
EXTENSION_FD: Final[Table] = _table(
    Row(0x00, 0x03, "credit", unit="[currency]", scale=-3, types="A B H", source="MBDOC48 8.4"),
    Row(0x04, 0x07, "debit", unit="[currency]", scale=-3, types="A B H", source="MBDOC48 8.4"),
    Row(0x08, 0x08, "unique message identification", types="A C", source="MBDOC48 8.4; libmburs; pyMBusMaster; m-bus-parser"),
    Row(0x09, 0x09, "device type", types="A C", source="MBDOC48 8.4"),
    Row(0x0A, 0x0A, "manufacturer", types="A C", source="MBDOC48 8.4"),
    Row(0x0B, 0x0B, "parameter set identification", types="A C", source="MBDOC48 8.4"),
    Row(0x0C, 0x0C, "model/version", types="A C", source="MBDOC48 8.4"),
    Row(0x0D, 0x0D, "hardware version number", types="A C", source="MBDOC48 8.4"),
    Row(0x0E, 0x0E, "metrology firmware version number", types="A C", source="MBDOC48 8.4; libmburs; pyMBusMaster; m-bus-parser"),
    Row(0x0F, 0x0F, "other software version number", types="A C", source="MBDOC48 8.4; libmburs; pyMBusMaster; m-bus-parser"),
    Row(0x10, 0x10, "customer location", types="A C", source="MBDOC48 8.4"),
    Row(0x11, 0x11, "customer", types="A C", source="MBDOC48 8.4"),
    Row(0x12, 0x12, "access code user", types="A C", source="MBDOC48 8.4"),
    Row(0x13, 0x13, "access code operator", types="A C", source="MBDOC48 8.4"),
    Row(0x14, 0x14, "access code system operator", types="A C", source="MBDOC48 8.4"),
    Row(0x15, 0x15, "access code developer", types="A C", source="MBDOC48 8.4"),
    Row(0x16, 0x16, "password", types="A C", source="MBDOC48 8.4"),
    Row(0x17, 0x17, "error flags", types="D", source="MBDOC48 8.4; libmburs; pyMBusMaster; m-bus-parser"),
    Row(0x18, 0x18, "error mask", types="C D", source="MBDOC48 8.4; libmburs; pyMBusMaster; m-bus-parser"),
    Row(0x19, 0x19, "security key", types="A C", source="libmburs; jmbus; m-bus-parser; pyMBusMaster"),
    Row(0x1A, 0x1A, "digital output", types="D", source="MBDOC48 8.4; libmburs; pyMBusMaster; m-bus-parser"),
    Row(0x1B, 0x1B, "digital input", types="D", source="MBDOC48 8.4; libmburs; pyMBusMaster; m-bus-parser"),
    Row(0x1C, 0x1C, "baud rate", unit="Bd", scale=0, types="A C", source="MBDOC48 8.4"),
    Row(0x1D, 0x1D, "response delay time", unit="[bit_time]", scale=0, types="A C", source="MBDOC48 8.4"),
    Row(0x1E, 0x1E, "retry count", unit="1", scale=0, types="A B H", source="MBDOC48 8.4"),
    Row(0x1F, 0x1F, "remote control", types="D", source="libmburs; jmbus; m-bus-parser; pyMBusMaster"),
    Row(0x20, 0x20, "first storage number for cyclic storage", unit="1", scale=0, types="A C", source="MBDOC48 8.4"),
    Row(0x21, 0x21, "last storage number for cyclic storage", unit="1", scale=0, types="A C", source="MBDOC48 8.4"),
    Row(0x22, 0x22, "size of storage block", unit="1", scale=0, types="A C", source="MBDOC48 8.4"),
    Row(0x23, 0x23, "descriptor for tariff and subunit", types="A C", source="libmburs; m-bus-parser; pyMBusMaster; exmbus"),
    Row(0x24, 0x24, "storage interval", unit="s", scale=0, types="A B H", source="MBDOC48 8.4"),
    Row(0x25, 0x25, "storage interval", unit="min", scale=0, types="A B H", source="MBDOC48 8.4"),
    Row(0x26, 0x26, "storage interval", unit="h", scale=0, types="A B H", source="MBDOC48 8.4"),
    Row(0x27, 0x27, "storage interval", unit="d", scale=0, types="A B H", source="MBDOC48 8.4"),
    Row(0x28, 0x28, "storage interval", unit="mo", scale=0, types="A B H", source="MBDOC48 8.4"),
    Row(0x29, 0x29, "storage interval", unit="a", scale=0, types="A B H", source="MBDOC48 8.4"),
    Row(0x2A, 0x2A, "operator specific data", types="any", source="libmburs; jmbus; exmbus; pyMBusMaster"),
    Row(0x2B, 0x2B, "time point, second part", unit="s", scale=0, types="C A", source="libmburs; jmbus; exmbus; pyMBusMaster"),
    Row(0x2C, 0x2C, "duration since last readout", unit="s", scale=0, types="A C", source="MBDOC48 8.4"),
    Row(0x2D, 0x2D, "duration since last readout", unit="min", scale=0, types="A C", source="MBDOC48 8.4"),
    Row(0x2E, 0x2E, "duration since last readout", unit="h", scale=0, types="A C", source="MBDOC48 8.4"),
    Row(0x2F, 0x2F, "duration since last readout", unit="d", scale=0, types="A C", source="MBDOC48 8.4"),
    Row(0x30, 0x30, "start of tariff", types="F G I J M", source="MBDOC48 8.4; libmburs; pyMBusMaster; m-bus-parser"),
    Row(0x31, 0x31, "duration of tariff", unit="min", scale=0, types="A C", source="MBDOC48 8.4"),
    Row(0x32, 0x32, "duration of tariff", unit="h", scale=0, types="A C", source="MBDOC48 8.4"),
    Row(0x33, 0x33, "duration of tariff", unit="d", scale=0, types="A C", source="MBDOC48 8.4"),
    Row(0x34, 0x34, "period of tariff", unit="s", scale=0, types="A C", source="MBDOC48 8.4"),
    Row(0x35, 0x35, "period of tariff", unit="min", scale=0, types="A C", source="MBDOC48 8.4"),
    Row(0x36, 0x36, "period of tariff", unit="h", scale=0, types="A C", source="MBDOC48 8.4"),
    Row(0x37, 0x37, "period of tariff", unit="d", scale=0, types="A C", source="MBDOC48 8.4"),
    Row(0x38, 0x38, "period of tariff", unit="mo", scale=0, types="A C", source="MBDOC48 8.4"),
    Row(0x39, 0x39, "period of tariff", unit="a", scale=0, types="A C", source="MBDOC48 8.4"),
    Row(0x3A, 0x3A, "dimensionless", unit="1", scale=0, types="A B H", source="MBDOC48 8.4"),
    Row(0x3B, 0x3B, "data container for wireless M-Bus protocol", types="LVAR", source="libmburs; exmbus; pyMBusMaster"),
    Row(0x3C, 0x3C, "period of nominal data transmissions", unit="s", scale=0, types="A C", source="libmburs; exmbus; pyMBusMaster"),
    Row(0x3D, 0x3D, "period of nominal data transmissions", unit="min", scale=0, types="A C", source="libmburs; exmbus; pyMBusMaster"),
    Row(0x3E, 0x3E, "period of nominal data transmissions", unit="h", scale=0, types="A C", source="libmburs; exmbus; pyMBusMaster"),
    Row(0x3F, 0x3F, "period of nominal data transmissions", unit="d", scale=0, types="A C", source="libmburs; exmbus; pyMBusMaster"),
    Row(0x40, 0x4F, "voltage", unit="V", scale=-9, types="A B H", source="MBDOC48 8.4"),
    Row(0x50, 0x5F, "current", unit="A", scale=-12, types="A B H", source="MBDOC48 8.4"),
    Row(0x60, 0x60, "reset counter", unit="1", scale=0, types="A B H", source="MBDOC48 8.4"),
    Row(0x61, 0x61, "cumulation counter", unit="1", scale=0, types="A B H", source="MBDOC48 8.4"),
    Row(0x62, 0x62, "control signal", types="A B H", source="MBDOC48 8.4"),
    Row(0x63, 0x63, "day of week", types="A C", source="MBDOC48 8.4; jmbus"),
    Row(0x64, 0x64, "week number", types="A C", source="MBDOC48 8.4"),
    Row(0x65, 0x65, "time point of day change", types="F G I J M", source="MBDOC48 8.4"),
    Row(0x66, 0x66, "state of parameter activation", types="A C", source="MBDOC48 8.4"),
    Row(0x67, 0x67, "special supplier information", types="any", source="MBDOC48 8.4"),
    Row(0x68, 0x68, "duration since last cumulation", unit="h", scale=0, types="A C", source="MBDOC48 8.4; libmburs; pyMBusMaster; m-bus-parser"),
    Row(0x69, 0x69, "duration since last cumulation", unit="d", scale=0, types="A C", source="MBDOC48 8.4; libmburs; pyMBusMaster; m-bus-parser"),
    Row(0x6A, 0x6A, "duration since last cumulation", unit="mo", scale=0, types="A C", source="MBDOC48 8.4; libmburs; pyMBusMaster; m-bus-parser"),
    Row(0x6B, 0x6B, "duration since last cumulation", unit="a", scale=0, types="A C", source="MBDOC48 8.4; libmburs; pyMBusMaster; m-bus-parser"),
    Row(0x6C, 0x6C, "operating time battery", unit="h", scale=0, types="A C", source="MBDOC48 8.4; libmburs; pyMBusMaster; m-bus-parser"),
    Row(0x6D, 0x6D, "operating time battery", unit="d", scale=0, types="A C", source="MBDOC48 8.4; libmburs; pyMBusMaster; m-bus-parser"),
    Row(0x6E, 0x6E, "operating time battery", unit="mo", scale=0, types="A C", source="MBDOC48 8.4; libmburs; pyMBusMaster; m-bus-parser"),
    Row(0x6F, 0x6F, "operating time battery", unit="a", scale=0, types="A C", source="MBDOC48 8.4; libmburs; pyMBusMaster; m-bus-parser"),
    Row(0x70, 0x70, "date and time of battery change", types="F G I J M", source="MBDOC48 8.4"),
    Row(0x71, 0x71, "RF level", unit="dB[mW]", scale=0, types="B", source="libmburs; pyMBusMaster; m-bus-parser; lvogt"),
    Row(0x72, 0x72, "daylight saving (begin, end, deviation)", types="K", source="libmburs; pyMBusMaster; m-bus-parser"),
    Row(0x73, 0x73, "listening window management", types="L", source="libmburs; pyMBusMaster; m-bus-parser"),
    Row(0x74, 0x74, "remaining battery life time", unit="d", scale=0, types="A C", source="libmburs; pyMBusMaster; m-bus-parser; wmbusmeters"),
    Row(0x75, 0x75, "number of times the meter was stopped", unit="1", scale=0, types="A C", source="libmburs; pyMBusMaster; m-bus-parser"),
    Row(0x76, 0x76, "data container for manufacturer specific protocol", types="LVAR", source="libmburs; exmbus; pyMBusMaster"),
    Row(0x77, 0x7C, "reserved", status="reserved", source="libmburs; pyMBusMaster; m-bus-parser"),
    Row(0x7D, 0x7D, "extension marker, second level", status="special", source="libmburs; m-bus-parser; pyMBusMaster"),
    Row(0x7E, 0x7F, "reserved", status="reserved", source="libmburs; pyMBusMaster; m-bus-parser"),
)
# fmt: on

# fmt: off
# True VIF after FDh FDh, the second level.
EXTENSION_FD_FD: Final[Table] = _table(
    Row(0x00, 0x00, "currently selected application", types="A C", source="libmburs; m-bus-parser; pyMBusMaster"),
    Row(0x01, 0x01, "reserved", status="reserved", source="libmburs; pyMBusMaster"),
    Row(0x02, 0x02, "remaining battery life time", unit="mo", scale=0, types="A C", source="libmburs; m-bus-parser; pyMBusMaster; wmbusmeters"),
    Row(0x03, 0x03, "remaining battery life time", unit="a", scale=0, types="A C", source="libmburs; m-bus-parser; pyMBusMaster"),
    Row(0x04, 0x3D, "reserved", status="reserved", source="libmburs"),
    Row(0x3E, 0x3E, "moisture level", unit="%", scale=0, types="A B H", status="unverified", source="m-bus-parser"),
    Row(0x3F, 0x7F, "reserved", status="reserved", source="libmburs"),
)
# fmt: on

# fmt: off
# Combinable (orthogonal) VIFE.
COMBINABLE: Final[Table] = _table(
    Row(0x00, 0x0F, "object action or record error", status="special", source="MBDOC48 8.4.5"),
    Row(0x10, 0x11, "reserved", status="reserved", source="libmburs; pyMBusMaster; m-bus-parser"),
    Row(0x12, 0x12, "average value", source="libmburs; pyMBusMaster; m-bus-parser; wmbusmeters; exmbus"),
    Row(0x13, 0x13, "inverse compact profile", types="LVAR", source="libmburs; pyMBusMaster; m-bus-parser; wmbusmeters; exmbus"),
    Row(0x14, 0x14, "relative deviation", source="libmburs; pyMBusMaster; m-bus-parser; wmbusmeters"),
    Row(0x15, 0x1C, "record error (data group)", status="special", source="MBDOC48 8.4.5; libmburs; pyMBusMaster; m-bus-parser"),
    Row(0x1D, 0x1D, "standard conform data content", source="libmburs; pyMBusMaster; m-bus-parser; wmbusmeters; exmbus"),
    Row(0x1E, 0x1E, "compact profile with register numbers", types="LVAR", source="libmburs; pyMBusMaster; m-bus-parser; wmbusmeters; exmbus"),
    Row(0x1F, 0x1F, "compact profile", types="LVAR", source="libmburs; pyMBusMaster; m-bus-parser; wmbusmeters; exmbus"),
    Row(0x20, 0x20, "per time", unit="/s", source="MBDOC48 8.4.5"),
    Row(0x21, 0x21, "per time", unit="/min", source="MBDOC48 8.4.5"),
    Row(0x22, 0x22, "per time", unit="/h", source="MBDOC48 8.4.5"),
    Row(0x23, 0x23, "per time", unit="/d", source="MBDOC48 8.4.5"),
    Row(0x24, 0x24, "per time", unit="/wk", source="MBDOC48 8.4.5"),
    Row(0x25, 0x25, "per time", unit="/mo", source="MBDOC48 8.4.5"),
    Row(0x26, 0x26, "per time", unit="/a", source="MBDOC48 8.4.5"),
    Row(0x27, 0x27, "per revolution or measurement", unit="/[rev]", source="MBDOC48 8.4.5"),
    Row(0x28, 0x29, "increment per input pulse on input channel n", unit="/[pulse_in]", source="MBDOC48 8.4.5"),
    Row(0x2A, 0x2B, "increment per output pulse on output channel n", unit="/[pulse_out]", source="MBDOC48 8.4.5"),
    Row(0x2C, 0x2C, "per unit", unit="/L", source="MBDOC48 8.4.5"),
    Row(0x2D, 0x2D, "per unit", unit="/m3", source="MBDOC48 8.4.5"),
    Row(0x2E, 0x2E, "per unit", unit="/kg", source="MBDOC48 8.4.5"),
    Row(0x2F, 0x2F, "per unit", unit="/K", source="MBDOC48 8.4.5"),
    Row(0x30, 0x30, "per unit", unit="/(kW.h)", source="MBDOC48 8.4.5"),
    Row(0x31, 0x31, "per unit", unit="/GJ", source="MBDOC48 8.4.5"),
    Row(0x32, 0x32, "per unit", unit="/kW", source="MBDOC48 8.4.5"),
    Row(0x33, 0x33, "per unit", unit="/(K.L)", source="MBDOC48 8.4.5"),
    Row(0x34, 0x34, "per unit", unit="/V", source="MBDOC48 8.4.5"),
    Row(0x35, 0x35, "per unit", unit="/A", source="MBDOC48 8.4.5"),
    Row(0x36, 0x36, "multiplied by", unit=".s", source="MBDOC48 8.4.5"),
    Row(0x37, 0x37, "multiplied by", unit=".s/V", source="MBDOC48 8.4.5"),
    Row(0x38, 0x38, "multiplied by", unit=".s/A", source="MBDOC48 8.4.5"),
    Row(0x39, 0x39, "start date (and time) of", types="F G I J M", source="MBDOC48 8.4.5"),
    Row(0x3A, 0x3A, "uncorrected unit / value at metering conditions", source="MBDOC48 8.4.5; libmburs; pyMBusMaster; m-bus-parser"),
    Row(0x3B, 0x3B, "accumulation only of positive contributions", source="MBDOC48 8.4.5; libmburs; pyMBusMaster; m-bus-parser"),
    Row(0x3C, 0x3C, "accumulation of absolute value of negative contributions", source="MBDOC48 8.4.5; libmburs; pyMBusMaster; m-bus-parser"),
    Row(0x3D, 0x3D, "non-metric unit system", source="libmburs; pyMBusMaster; m-bus-parser"),
    Row(0x3E, 0x3E, "value at base conditions", source="libmburs; pyMBusMaster; m-bus-parser; wmbusmeters"),
    Row(0x3F, 0x3F, "OBIS declaration", types="C", source="libmburs; pyMBusMaster; m-bus-parser; wmbusmeters"),
    Row(0x40, 0x40, "lower limit value", source="MBDOC48 8.4.5"),
    Row(0x41, 0x41, "number of exceeds of lower limit", unit="1", source="MBDOC48 8.4.5"),
    Row(0x42, 0x42, "date (and time) of begin of first lower limit exceed", types="F G I J M", source="MBDOC48 8.4.5"),
    Row(0x43, 0x43, "date (and time) of end of first lower limit exceed", types="F G I J M", source="MBDOC48 8.4.5"),
    Row(0x44, 0x45, "reserved", status="reserved", source="MBDOC48 8.4.5"),
    Row(0x46, 0x46, "date (and time) of begin of last lower limit exceed", types="F G I J M", source="MBDOC48 8.4.5"),
    Row(0x47, 0x47, "date (and time) of end of last lower limit exceed", types="F G I J M", source="MBDOC48 8.4.5"),
    Row(0x48, 0x48, "upper limit value", source="MBDOC48 8.4.5"),
    Row(0x49, 0x49, "number of exceeds of upper limit", unit="1", source="MBDOC48 8.4.5"),
    Row(0x4A, 0x4A, "date (and time) of begin of first upper limit exceed", types="F G I J M", source="MBDOC48 8.4.5"),
    Row(0x4B, 0x4B, "date (and time) of end of first upper limit exceed", types="F G I J M", source="MBDOC48 8.4.5"),
    Row(0x4C, 0x4D, "reserved", status="reserved", source="MBDOC48 8.4.5"),
    Row(0x4E, 0x4E, "date (and time) of begin of last upper limit exceed", types="F G I J M", source="MBDOC48 8.4.5"),
    Row(0x4F, 0x4F, "date (and time) of end of last upper limit exceed", types="F G I J M", source="MBDOC48 8.4.5"),
    Row(0x50, 0x50, "duration of first lower limit exceed", unit="s", source="MBDOC48 8.4.5"),
    Row(0x51, 0x51, "duration of first lower limit exceed", unit="min", source="MBDOC48 8.4.5"),
    Row(0x52, 0x52, "duration of first lower limit exceed", unit="h", source="MBDOC48 8.4.5"),
    Row(0x53, 0x53, "duration of first lower limit exceed", unit="d", source="MBDOC48 8.4.5"),
    Row(0x54, 0x54, "duration of last lower limit exceed", unit="s", source="MBDOC48 8.4.5"),
    Row(0x55, 0x55, "duration of last lower limit exceed", unit="min", source="MBDOC48 8.4.5"),
    Row(0x56, 0x56, "duration of last lower limit exceed", unit="h", source="MBDOC48 8.4.5"),
    Row(0x57, 0x57, "duration of last lower limit exceed", unit="d", source="MBDOC48 8.4.5"),
    Row(0x58, 0x58, "duration of first upper limit exceed", unit="s", source="MBDOC48 8.4.5"),
    Row(0x59, 0x59, "duration of first upper limit exceed", unit="min", source="MBDOC48 8.4.5"),
    Row(0x5A, 0x5A, "duration of first upper limit exceed", unit="h", source="MBDOC48 8.4.5"),
    Row(0x5B, 0x5B, "duration of first upper limit exceed", unit="d", source="MBDOC48 8.4.5"),
    Row(0x5C, 0x5C, "duration of last upper limit exceed", unit="s", source="MBDOC48 8.4.5"),
    Row(0x5D, 0x5D, "duration of last upper limit exceed", unit="min", source="MBDOC48 8.4.5"),
    Row(0x5E, 0x5E, "duration of last upper limit exceed", unit="h", source="MBDOC48 8.4.5"),
    Row(0x5F, 0x5F, "duration of last upper limit exceed", unit="d", source="MBDOC48 8.4.5"),
    Row(0x60, 0x60, "duration of first", unit="s", source="MBDOC48 8.4.5"),
    Row(0x61, 0x61, "duration of first", unit="min", source="MBDOC48 8.4.5"),
    Row(0x62, 0x62, "duration of first", unit="h", source="MBDOC48 8.4.5"),
    Row(0x63, 0x63, "duration of first", unit="d", source="MBDOC48 8.4.5"),
    Row(0x64, 0x64, "duration of last", unit="s", source="MBDOC48 8.4.5"),
    Row(0x65, 0x65, "duration of last", unit="min", source="MBDOC48 8.4.5"),
    Row(0x66, 0x66, "duration of last", unit="h", source="MBDOC48 8.4.5"),
    Row(0x67, 0x67, "duration of last", unit="d", source="MBDOC48 8.4.5"),
    Row(0x68, 0x68, "value during lower limit exceed", source="libmburs; pyMBusMaster; m-bus-parser"),
    Row(0x69, 0x69, "leakage values", source="libmburs; pyMBusMaster; m-bus-parser; wmbusmeters"),
    Row(0x6A, 0x6A, "date (and time) of begin of first", types="F G I J M", source="MBDOC48 8.4.5"),
    Row(0x6B, 0x6B, "date (and time) of end of first", types="F G I J M", source="MBDOC48 8.4.5"),
    Row(0x6C, 0x6C, "value during upper limit exceed", source="libmburs; pyMBusMaster; m-bus-parser"),
    Row(0x6D, 0x6D, "overflow values", source="libmburs; pyMBusMaster; m-bus-parser"),
    Row(0x6E, 0x6E, "date (and time) of begin of last", types="F G I J M", source="MBDOC48 8.4.5"),
    Row(0x6F, 0x6F, "date (and time) of end of last", types="F G I J M", source="MBDOC48 8.4.5"),
    Row(0x70, 0x77, "multiplicative correction factor", scale=-6, source="MBDOC48 8.4.5"),
    Row(0x78, 0x7B, "additive correction constant", scale=-3, source="MBDOC48 8.4.5"),
    Row(0x7C, 0x7C, "extension of combinable codes", status="special", source="libmburs; pyMBusMaster; m-bus-parser; wmbusmeters"),
    Row(0x7D, 0x7D, "multiplicative correction factor 10^3", scale=3, source="MBDOC48 8.4.5; libmburs; pyMBusMaster; m-bus-parser"),
    Row(0x7E, 0x7E, "future value", source="MBDOC48 8.4.5"),
    Row(0x7F, 0x7F, "manufacturer specific follows", types="raw", status="special", source="MBDOC48 8.4.5"),
)
# fmt: on

# fmt: off
# Combinable VIFE after FCh.
COMBINABLE_FC: Final[Table] = _table(
    Row(0x00, 0x00, "reserved", status="reserved", source="wmbusmeters; m-bus-parser; pyMBusMaster"),
    Row(0x01, 0x01, "at phase L1", source="wmbusmeters; m-bus-parser; pyMBusMaster"),
    Row(0x02, 0x02, "at phase L2", source="wmbusmeters; m-bus-parser; pyMBusMaster"),
    Row(0x03, 0x03, "at phase L3", source="wmbusmeters; m-bus-parser; pyMBusMaster"),
    Row(0x04, 0x04, "at neutral N", source="wmbusmeters; m-bus-parser; pyMBusMaster"),
    Row(0x05, 0x05, "between phases L1 and L2", source="wmbusmeters; m-bus-parser; pyMBusMaster"),
    Row(0x06, 0x06, "between phases L2 and L3", source="wmbusmeters; m-bus-parser; pyMBusMaster"),
    Row(0x07, 0x07, "between phases L3 and L1", source="wmbusmeters; m-bus-parser; pyMBusMaster"),
    Row(0x08, 0x08, "at quadrant Q1", source="wmbusmeters; m-bus-parser; pyMBusMaster"),
    Row(0x09, 0x09, "at quadrant Q2", source="wmbusmeters; m-bus-parser; pyMBusMaster"),
    Row(0x0A, 0x0A, "at quadrant Q3", source="wmbusmeters; m-bus-parser; pyMBusMaster"),
    Row(0x0B, 0x0B, "at quadrant Q4", source="wmbusmeters; m-bus-parser; pyMBusMaster"),
    Row(0x0C, 0x0C, "delta between import and export", source="wmbusmeters; m-bus-parser; pyMBusMaster"),
    Row(0x0D, 0x0D, "alternative non-metric units", status="unverified", source="m-bus-parser"),
    Row(0x0E, 0x0E, "secondary sensor measurement", status="unverified", source="m-bus-parser"),
    Row(0x0F, 0x0F, "higher resolution register", status="unverified", source="m-bus-parser"),
    Row(0x10, 0x10, "accumulation of absolute value of positive and negative contributions", source="wmbusmeters; m-bus-parser; pyMBusMaster"),
    Row(0x11, 0x11, "data presented with type C", types="C", source="wmbusmeters; m-bus-parser; pyMBusMaster"),
    Row(0x12, 0x12, "data presented with type D", types="D", source="wmbusmeters; m-bus-parser; pyMBusMaster"),
    Row(0x13, 0x13, "end date (and time) of", types="F G I J M", status="unverified", source="m-bus-parser"),
    Row(0x14, 0x14, "direction: communication partner to meter", source="m-bus-parser; pyMBusMaster"),
    Row(0x15, 0x15, "direction: meter to communication partner", source="m-bus-parser; pyMBusMaster"),
    Row(0x16, 0x7F, "reserved", status="reserved", source="wmbusmeters; m-bus-parser; pyMBusMaster"),
)
# fmt: on

# fmt: off
# Object actions, master to slave.
OBJECT_ACTION: Final[Table] = _table(
    Row(0x00, 0x00, "write (replace)", source="MBDOC48 6.5"),
    Row(0x01, 0x01, "add value", source="MBDOC48 6.5"),
    Row(0x02, 0x02, "subtract value", source="MBDOC48 6.5"),
    Row(0x03, 0x03, "OR (set bits)", source="MBDOC48 6.5"),
    Row(0x04, 0x04, "AND", source="MBDOC48 6.5"),
    Row(0x05, 0x05, "XOR (toggle bits)", source="MBDOC48 6.5"),
    Row(0x06, 0x06, "AND NOT (clear bits)", source="MBDOC48 6.5"),
    Row(0x07, 0x07, "clear", source="MBDOC48 6.5"),
    Row(0x08, 0x08, "add entry", source="MBDOC48 6.5"),
    Row(0x09, 0x09, "delete entry", source="MBDOC48 6.5"),
    Row(0x0A, 0x0A, "delayed action", status="unverified", source="pyMBusMaster"),
    Row(0x0B, 0x0B, "freeze data", source="MBDOC48 6.5"),
    Row(0x0C, 0x0C, "add to readout list", source="MBDOC48 6.5"),
    Row(0x0D, 0x0D, "delete from readout list", source="MBDOC48 6.5"),
    Row(0x0E, 0x0F, "reserved", status="reserved", source="MBDOC48 6.5"),
    Row(0x10, 0x1F, "reserved", status="reserved", source="MBDOC48 6.5"),
)
# fmt: on

# fmt: off
# Record errors, slave to master.
RECORD_ERROR: Final[Table] = _table(
    Row(0x00, 0x00, "none", source="MBDOC48 6.6"),
    Row(0x01, 0x01, "too many DIFEs", source="MBDOC48 6.6"),
    Row(0x02, 0x02, "storage number not implemented", source="MBDOC48 6.6"),
    Row(0x03, 0x03, "unit number not implemented", source="MBDOC48 6.6"),
    Row(0x04, 0x04, "tariff number not implemented", source="MBDOC48 6.6"),
    Row(0x05, 0x05, "function not implemented", source="MBDOC48 6.6"),
    Row(0x06, 0x06, "data class not implemented", source="MBDOC48 6.6"),
    Row(0x07, 0x07, "data size not implemented", source="MBDOC48 6.6"),
    Row(0x08, 0x0A, "reserved", status="reserved", source="MBDOC48 6.6"),
    Row(0x0B, 0x0B, "too many VIFEs", source="MBDOC48 6.6"),
    Row(0x0C, 0x0C, "illegal VIF group", source="MBDOC48 6.6"),
    Row(0x0D, 0x0D, "illegal VIF exponent", source="MBDOC48 6.6"),
    Row(0x0E, 0x0E, "VIF/DIF mismatch", source="MBDOC48 6.6"),
    Row(0x0F, 0x0F, "unimplemented action", source="MBDOC48 6.6"),
    Row(0x10, 0x14, "reserved", status="reserved", source="MBDOC48 6.6"),
    Row(0x15, 0x15, "no data available (undefined value)", source="MBDOC48 6.6"),
    Row(0x16, 0x16, "data overflow", source="MBDOC48 6.6"),
    Row(0x17, 0x17, "data underflow", source="MBDOC48 6.6"),
    Row(0x18, 0x18, "data error", source="MBDOC48 6.6"),
    Row(0x19, 0x1B, "reserved", status="reserved", source="MBDOC48 6.6"),
    Row(0x1C, 0x1C, "premature end of record", source="MBDOC48 6.6"),
    Row(0x1D, 0x1F, "not an error code", status="reserved", source="MBDOC48 6.6"),
)
# fmt: on

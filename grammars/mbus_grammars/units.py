"""Units: how people write them, and their UCUM code.

The VIF tables name units by code. A compound unit, which per-unit VIFEs make, is the code of the VIF
followed by the codes of the VIFEs ("m3" "/h" "/K"); both notations read such a chain left to right.
"""

from __future__ import annotations

from functools import cache
from typing import Final

# code in the tables -> (as written, UCUM). UCUM is None where it has no code for the unit.
UNITS: Final[dict[str, tuple[str | None, str | None]]] = {
    "": (None, None),
    "1": (None, "1"),
    "HCA": ("HCA", "{HCA}"),
    "W.h": ("Wh", "W.h"),
    "J": ("J", "J"),
    "cal": ("cal", "cal"),
    "var.h": ("varh", None),
    "V.A.h": ("VAh", "V.A.h"),
    "m3": ("m³", "m3"),
    "[cft_i]": ("ft³", "[cft_i]"),
    "[gal_us]": ("gal", "[gal_us]"),
    "kg": ("kg", "kg"),
    "s": ("s", "s"),
    "min": ("min", "min"),
    "h": ("h", "h"),
    "d": ("d", "d"),
    "mo": ("month", "mo"),
    "a": ("year", "a"),
    "W": ("W", "W"),
    "J/h": ("J/h", "J/h"),
    "var": ("var", None),
    "V.A": ("VA", "V.A"),
    "m3/h": ("m³/h", "m3/h"),
    "m3/min": ("m³/min", "m3/min"),
    "m3/s": ("m³/s", "m3/s"),
    "[gal_us]/min": ("gal/min", "[gal_us]/min"),
    "[gal_us]/h": ("gal/h", "[gal_us]/h"),
    "kg/h": ("kg/h", "kg/h"),
    "Cel": ("°C", "Cel"),
    "[degF]": ("°F", "[degF]"),
    "K": ("K", "K"),
    "bar": ("bar", "bar"),
    "V": ("V", "V"),
    "A": ("A", "A"),
    "Hz": ("Hz", "Hz"),
    "deg": ("°", "deg"),
    "%": ("%", "%"),
    "Bd": ("Bd", "Bd"),
    "[bit_time]": ("bit times", None),
    "[currency]": ("currency", None),
    "dB[mW]": ("dBm", None),
}

# Parts that VIFEs add, where a notation differs from the table's.
_PARTS: Final[dict[str, tuple[str, str]]] = {
    "/wk": ("/week", "/wk"),
    "/mo": ("/month", "/mo"),
    "/a": ("/year", "/a"),
    "/m3": ("/m³", "/m3"),
    "/[rev]": ("/revolution", "/{revolution}"),
    "/[pulse_in]": ("/pulse", "/{pulse}"),
    "/[pulse_out]": ("/pulse", "/{pulse}"),
    "/(kW.h)": ("/kWh", "/(kW.h)"),
    "/(K.L)": ("/(K·L)", "/(K.L)"),
    ".s": ("·s", ".s"),
    ".s/V": ("·s/V", ".s/V"),
    ".s/A": ("·s/A", ".s/A"),
}


@cache
def unit_names(code: str, parts: tuple[str, ...] = ()) -> tuple[str | None, str | None]:
    """A unit as written and as UCUM code, with the parts that VIFEs add."""
    written, ucum = UNITS[code]
    if not parts:
        return written, ucum
    shown = [_PARTS.get(part, (part, part)) for part in parts]
    chain = "".join(ucum_part for _, ucum_part in shown)
    ucum = chain.lstrip(".") if code in ("", "1") else ucum and ucum + chain
    return (written or "1") + "".join(part for part, _ in shown), ucum

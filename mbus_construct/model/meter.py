"""A meter's address, and the status that it reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mbus_grammars.code_tables import DEVICE_TYPES, MANUFACTURERS
from mbus_grammars.fields import Manufacturer
from mbus_grammars.fields import Status as StatusBits

if TYPE_CHECKING:
    from .json_shapes import MeterDict, StatusDict


@dataclass(frozen=True, slots=True)
class Meter:
    """A meter's address: identification number as eight digits, manufacturer, version, device type.

    The fixed data structure has the identification number alone.
    """

    identification_number: str
    manufacturer: str | None = None
    version: int | None = None
    device_type: int | None = None

    @property
    def manufacturer_name(self) -> str | None:
        """The company that holds the letters, None where the table does not know it."""
        return MANUFACTURERS.get(self.manufacturer or "")

    @property
    def device_type_name(self) -> str | None:
        """The device type ("medium") by name."""
        return None if self.device_type is None else DEVICE_TYPES.get(self.device_type, "reserved")

    @property
    def secondary_address(self) -> str | None:
        """The sixteen digits that select the meter: identification, manufacturer, version, device type."""
        if self.manufacturer is None or self.version is None or self.device_type is None:
            return None
        code = Manufacturer.build(self.manufacturer).hex().upper()
        return f"{self.identification_number}{code}{self.version:02X}{self.device_type:02X}"

    def to_dict(self) -> MeterDict:
        """The JSON shape."""
        return {
            "identification_number": self.identification_number,
            "manufacturer": self.manufacturer,
            "manufacturer_name": self.manufacturer_name,
            "version": self.version,
            "device_type": self.device_type,
            "device_type_name": self.device_type_name,
        }


@dataclass(frozen=True, slots=True)
class Status:
    """The status octet; `flags` names what is set. `fixed`: of the fixed data structure (MBDOC48 6.2)."""

    octet: int
    fixed: bool = False

    @property
    def flags(self) -> tuple[str, ...]:
        """The names of what is set, in bit order."""
        bits = StatusBits.unpack(self.octet)
        names: list[str] = []
        if bits["application"] and not self.fixed:
            names.append(str(bits["application"].name))
        errors = ("power_low", "permanent_error", "temporary_error")
        names += [name.replace("_", " ") for name in errors if bits[name]]
        if bits["manufacturer_specific"]:
            names.append(f"manufacturer specific {bits['manufacturer_specific']}")
        return tuple(names)

    def to_dict(self) -> StatusDict:
        """The JSON shape."""
        return {"octet": self.octet, "flags": list(self.flags)}

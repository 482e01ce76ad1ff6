"""Primary and secondary addresses, and how people write them. MBDOC48 5.3 and 7."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mbus_grammars import Selection
from mbus_grammars.fields import Manufacturer
from mbus_grammars.places import ADDRESS_SIZE, LONG_HEADER, as_written

from ..errors import LocalProtocolError

if TYPE_CHECKING:
    from ..model.meter import Meter

UNCONFIGURED: Final = 0
LAST_PRIMARY: Final = 250
SELECTED: Final = 253  # the meter that a secondary address selected
TEST: Final = 254  # every meter, each with its own address
BROADCAST: Final = 255  # every meter, none answers

_ANY_ID: Final = "FFFFFFFF"
_ANY_MANUFACTURER: Final = "FFFF"
_ANY: Final = 0xFF


# In the octets of a selection: the digits of the number, and what follows them.
_NUMBER: Final = LONG_HEADER["identification_number"]
_KIND: Final = slice(_NUMBER.stop, ADDRESS_SIZE)


@dataclass(frozen=True, slots=True, order=True)
class SecondaryAddress:
    """A meter's secondary address, or a mask of several.

    Attributes:
        identification_number: eight digits, F for any digit.
        manufacturer: three letters, or four hex digits; FF for any octet of the two.
        version, device_type: FFh for any.
        fabrication_number: eight digits that narrow a selection further, "" without (enhanced selection, for
            meters that have everything else in common; MBDOC48 7.4).
    """

    identification_number: str = _ANY_ID
    manufacturer: str = _ANY_MANUFACTURER
    version: int = _ANY
    device_type: int = _ANY
    fabrication_number: str = ""

    @property
    def octets(self) -> bytes:
        """The eight octets as they stand in a selection and in a long header."""
        return Selection.build(self.to_dict())

    @property
    def exact(self) -> bool:
        """Whether the address has no wildcard at all."""
        return self.exact_identification and _ANY not in self.octets[_KIND]

    @property
    def exact_identification(self) -> bool:
        """Whether all digits of the identification number are given."""
        return "F" not in self.identification_number

    def to_dict(self) -> dict[str, str | int]:
        """The eight octets' address as the grammars name its parts."""
        return {
            "identification_number": self.identification_number,
            "manufacturer": self.manufacturer,
            "version": self.version,
            "device_type": self.device_type,
        }

    def matches(self, other: SecondaryAddress) -> bool:
        """Whether a meter with the other address is selected by this one. MBDOC48 7.1."""
        mask, octets = self.octets, other.octets
        digits = zip(mask[_NUMBER].hex(), octets[_NUMBER].hex(), strict=True)
        return all(wanted in ("f", found) for wanted, found in digits) and all(
            wanted in (_ANY, found) for wanted, found in zip(mask[_KIND], octets[_KIND], strict=True)
        )

    def selects(self, meter: Meter | None) -> bool:
        """Whether this address selects a meter that was decoded; one without manufacturer by its number."""
        if meter is None:
            return False
        found = of_meter(meter)
        mask = self if meter.manufacturer is not None else SecondaryAddress(self.identification_number)
        return mask.matches(found)

    def __str__(self) -> str:
        """Sixteen digits, the manufacturer's octets in wire order, as libmbus and pyMeterBus write them.

        A fabrication number follows behind a slash.
        """
        manufacturer = Manufacturer.build(self.manufacturer).hex().upper()
        digits = f"{self.identification_number}{manufacturer}{self.version:02X}{self.device_type:02X}"
        return f"{digits}/{self.fabrication_number}" if self.fabrication_number else digits


Address = int | SecondaryAddress


def of_meter(meter: Meter) -> SecondaryAddress:
    """The secondary address of a decoded meter; what its header does not have stays a wildcard."""
    return SecondaryAddress(
        meter.identification_number,
        _ANY_MANUFACTURER if meter.manufacturer is None else meter.manufacturer,
        _ANY if meter.version is None else meter.version,
        _ANY if meter.device_type is None else meter.device_type,
    )


_HOW: Final = (
    "an address is 0 to 250 (or 253, 254, 255), eight digits of an identification number, or sixteen of a "
    "secondary address, with F or ? for any digit"
)


def parse_address(address: Address | str) -> Address:
    """An address as people write it.

    0 to 255 is a primary address; eight digits are an identification number ("07935343", "0793FFFF"),
    sixteen a whole secondary address ("0793534365321004": number, manufacturer in wire order, version,
    device type). `F` and `?` stand for any digit, a final `*` for all that are left.

    Raises `LocalProtocolError` for anything else.
    """
    if isinstance(address, SecondaryAddress):
        return address
    if isinstance(address, int) and not isinstance(address, bool):
        return _primary(address, address)
    if isinstance(address, str):
        number = re.fullmatch(r"\d{1,3}", address)
        return parse_secondary(address) if number is None else _primary(int(address), address)
    raise LocalProtocolError(f"{address!r} is no address: {_HOW}")


def _primary(number: int, written: object) -> int:
    if not 0 <= number <= LAST_PRIMARY and number not in (SELECTED, TEST, BROADCAST):
        hint = '; write an identification number as text ("07935343")' if number > BROADCAST else ""
        raise LocalProtocolError(f"{written!r} is no address: {_HOW}{hint}")
    return number


def parse_secondary(text: str) -> SecondaryAddress:
    """A secondary address or a mask of eight or sixteen digits, with a fabrication number behind a slash.

    Raises `LocalProtocolError` for anything else.
    """
    digits, slash, fabrication_number = text.strip().upper().replace("?", "F").partition("/")
    if slash and not re.fullmatch("[0-9F]{8}", fabrication_number):
        raise LocalProtocolError(f"{text!r} is no address: a fabrication number has eight digits")
    if digits.endswith("*"):
        digits = digits[:-1].ljust(8 if len(digits) <= 9 else 16, "F")
    if re.fullmatch("[0-9A-F]{8}", digits):
        return SecondaryAddress(digits, fabrication_number=fabrication_number)
    if not re.fullmatch("[0-9A-F]{16}", digits):
        raise LocalProtocolError(f"{text!r} is no address: {_HOW}")
    header = Selection.parse(as_written(bytes.fromhex(digits)))
    return SecondaryAddress(
        digits[:8], header["manufacturer"], header["version"], int(header["device_type"]), fabrication_number
    )

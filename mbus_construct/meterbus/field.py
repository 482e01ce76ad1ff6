"""TelegramField: the octets of one field, and the ways to read them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time
from typing import Any

from mbus_grammars.coding import type_a
from mbus_grammars.fields import Manufacturer

from ..decoding.decode import decode

Parts = Iterable[int] | bytes | str | int | None

# DIF and VIF under which the octets are a record, by what they are read as.
_REAL = b"\x05\x16"
_DATE = b"\x02\x6c"
_DATE_TIME = b"\x04\x6d"
_TIME = b"\x03\x6d"
_DATE_TIME_WITH_SECONDS = b"\x06\x6d"


def iso_text(value: object) -> str | None:
    """A date, time or both as pyMeterBus writes them: with seconds only where the octets hold them."""
    return value.isoformat() if isinstance(value, date | time) else None


def moment_text(value: object, octets: int) -> str | None:
    """A date and time from so many octets; four hold no seconds."""
    if isinstance(value, datetime):
        return value.isoformat("T", "minutes" if octets <= 4 else "seconds")
    return iso_text(value)


class TelegramField:
    """Octets as numbers in `parts`, a list that may be edited, in the order of the wire.

    The `decode...` properties give None where the octets are no such value.
    """

    def __init__(self, parts: Parts = None) -> None:
        self._parts: list[int] = []
        if parts is not None:
            self.parts = parts

    @property
    def parts(self) -> list[int]:
        """The octets."""
        return self._parts

    @parts.setter
    def parts(self, parts: Parts) -> None:
        if parts is None:
            self._parts = []
        elif isinstance(parts, int):
            self._parts = [parts]
        elif isinstance(parts, str):
            self._parts = list(parts.encode("latin-1"))
        else:
            self._parts = list(parts)

    @property
    def parts_bytes(self) -> bytes:
        """The octets as bytes."""
        return bytes(self._parts)

    @property
    def decodeInt(self) -> int | None:
        """A binary number with sign, data type B."""
        return int.from_bytes(self.parts_bytes, "little", signed=True) if self._parts else None

    @property
    def decodeBCD(self) -> int | None:
        """A number in BCD, data type A; its first digit may be a minus sign."""
        if not self._parts:
            return None
        number = type_a(len(self._parts)).parse(self.parts_bytes)
        return number if isinstance(number, int) else None

    @property
    def decodeReal(self) -> float | None:
        """A 32 bit real, data type H."""
        value = self._as_record(_REAL, 4)
        return value if isinstance(value, float) else None

    @property
    def decodeASCII(self) -> str:
        """Text of ISO 8859-1, sent last character first."""
        return self.parts_bytes[::-1].decode("latin-1")

    @property
    def decodeRAW(self) -> str:
        """The octets in hex."""
        return self.parts_bytes.hex(" ").upper()

    @property
    def decodeManufacturer(self) -> str | None:
        """The three letters that two octets stand for."""
        return str(Manufacturer.parse(self.parts_bytes)) if len(self._parts) == 2 else None

    @property
    def decodeDate(self) -> str | None:
        """A date, data type G."""
        return iso_text(self._as_record(_DATE, 2))

    @property
    def decodeDateTime(self) -> str | None:
        """Date and time to the minute, data type F."""
        return moment_text(self._as_record(_DATE_TIME, 4), 4)

    @property
    def decodeDateTimeWithSeconds(self) -> str | None:
        """Date and time to the second, data type I."""
        return moment_text(self._as_record(_DATE_TIME_WITH_SECONDS, 6), 6)

    @property
    def decodeTimeWithSeconds(self) -> str | None:
        """Time of day, data type J."""
        return iso_text(self._as_record(_TIME, 3))

    def _as_record(self, header: bytes, length: int) -> Any:
        """The value of a record with these octets as its data."""
        octets = self.parts_bytes[:length]
        return decode(header + octets, link="records").records[0].value if len(octets) == length else None

    def __len__(self) -> int:
        return len(self._parts)

    def __getitem__(self, key: int) -> int:
        return self._parts[key]

    def __str__(self) -> str:
        return self.decodeRAW.lower()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._parts})"


class HeaderField(TelegramField):
    """A field of a header: its number has no sign."""

    @property
    def decodeInt(self) -> int | None:
        """A binary number without sign, data type C."""
        return int.from_bytes(self.parts_bytes, "little") if self._parts else None

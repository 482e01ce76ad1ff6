"""What happens on a bus that somebody may want to know while it happens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..decoding.decode import decode
from .address import LAST_PRIMARY, SecondaryAddress, of_meter, parse_secondary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mbus_grammars import MBusError

    from ..model.meter import Meter
    from ..model.reading import Reading
    from ..model.telegram import Telegram
    from .address import Address

Severity = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class FoundMeter:
    """A meter that a scan or a search has found, emitted when it was.

    Attributes:
        primary_address: 0 to 250; None where the meter answers with 253 because it has none.
        secondary_address: None where its telegram has no header.
        meter: identification number, manufacturer, version, device type, as in its telegram.
        octets: its first telegram; b"" where it acknowledges but gives no data.
        baudrate: at which it was found.
        mask: the mask that selected it, None in a scan.
        remark: what to know about it, "" if nothing.
    """

    primary_address: int | None
    secondary_address: SecondaryAddress | None
    meter: Meter | None = None
    octets: bytes = b""
    baudrate: int = 2400
    mask: SecondaryAddress | None = None
    remark: str = ""

    @property
    def telegram(self) -> Telegram | None:
        """Its first telegram as values; what is encrypted stays so, for an event has no keys."""
        return decode(self.octets, link="frame") if self.octets else None

    def to_dict(self) -> dict[str, Any]:
        """The JSON shape."""
        return {
            "type": "meter",
            "primary_address": self.primary_address,
            "secondary_address": None if self.secondary_address is None else str(self.secondary_address),
            "meter": None if self.meter is None else self.meter.to_dict(),
            "baudrate": self.baudrate,
            "mask": None if self.mask is None else str(self.mask),
            "remark": self.remark,
            "octets": self.octets.hex().upper(),
        }

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> FoundMeter:
        """The meter that `to_dict` gave."""
        octets = bytes.fromhex(values["octets"])
        address, mask = values["secondary_address"], values["mask"]
        return FoundMeter(
            values["primary_address"],
            None if address is None else parse_secondary(address),
            decode(octets, link="frame").meter if octets else None,
            octets,
            values["baudrate"],
            None if mask is None else parse_secondary(mask),
            values["remark"],
        )

    def __str__(self) -> str:
        parts = ["no primary address" if self.primary_address is None else f"address {self.primary_address}"]
        if self.meter is not None:
            meter = self.meter
            parts += [str(self.secondary_address), meter.manufacturer or "", meter.device_type_name or ""]
        return ", ".join(part for part in (*parts, self.remark) if part)


def found(octets: bytes, baudrate: int, mask: SecondaryAddress | None = None, remark: str = "") -> FoundMeter:
    """The meter that sent a telegram."""
    telegram = decode(octets, link="frame")
    a_field = telegram.frame.a_field
    return FoundMeter(
        primary_address=a_field if a_field is not None and a_field <= LAST_PRIMARY else None,
        secondary_address=None if telegram.meter is None else of_meter(telegram.meter),
        meter=telegram.meter,
        octets=octets,
        baudrate=baudrate,
        mask=mask,
        remark=remark,
    )


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the bus that a person should know.

    `code` is stable: "busy", "collision", "encrypted", "incomplete", "known_missing", "noise",
    "other_meter", "readout", "reconnected", "repeats", "same_address", "unconfirmed", "unreadable";
    `address` is the address or mask it is about; `advice` is what to do, "" if nothing. A
    diagnosis has codes of its own.
    """

    severity: Severity
    code: str
    message: str
    address: int | SecondaryAddress | None = None
    advice: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The JSON shape."""
        address = self.address
        return {
            "type": "finding",
            "severity": self.severity,
            "code": self.code,
            "message": self.message,
            "address": str(address) if isinstance(address, SecondaryAddress) else address,
        }

    def __str__(self) -> str:
        return f"{self.severity}: {self.message}"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a scan or a search is: `done` of `total` steps, and what it asks now.

    `total` is an estimate that grows where a search has to look closer.
    """

    done: float
    total: float
    where: int | SecondaryAddress | None = None


@dataclass(frozen=True, slots=True)
class Readout:
    """One of several meters was read: its reading, or the error instead.

    `address` is as it was asked for.
    """

    address: Address
    reading: Reading | None = None
    error: MBusError | None = None


Event = FoundMeter | Finding | Progress | Readout

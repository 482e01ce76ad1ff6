"""The telegrams of one readout as one reading."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .json_shapes import SCHEMA_VERSION, ReadingDict
from .json_values import json_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .diagnostic import Diagnostic
    from .meter import Meter, Status
    from .record import Record
    from .telegram import Telegram


@dataclass(frozen=True, slots=True)
class Reading:
    """The telegrams of one readout, merged: their records one after the other.

    `remarks` are about the readout itself: a telegram that is missing, a meter that repeats itself.
    """

    telegrams: tuple[Telegram, ...]
    remarks: tuple[Diagnostic, ...] = ()

    @property
    def meter(self) -> Meter | None:
        """The meter, from the first telegram that names it."""
        return next((telegram.meter for telegram in self.telegrams if telegram.meter), None)

    @property
    def status(self) -> Status | None:
        """The status of the last telegram."""
        return self.telegrams[-1].status if self.telegrams else None

    @property
    def more_records_follow(self) -> bool:
        """Whether the last telegram announces another one."""
        return bool(self.telegrams) and self.telegrams[-1].more_records_follow

    @property
    def manufacturer_data(self) -> tuple[bytes, ...]:
        """The manufacturer data of each telegram that has some."""
        return tuple(t.manufacturer_data for t in self.telegrams if t.manufacturer_data is not None)

    @property
    def encrypted(self) -> tuple[bytes, ...]:
        """The octets of each telegram that are still encrypted."""
        return tuple(telegram.encrypted for telegram in self.telegrams if telegram.encrypted)

    @property
    def records(self) -> tuple[Record, ...]:
        """All records; an offset counts within its own telegram."""
        return tuple(record for telegram in self.telegrams for record in telegram.records)

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """All remarks; `record` counts among all records, an offset within its own telegram.

        Those of the readout come last.
        """
        remarks: list[Diagnostic] = []
        before = 0
        for telegram in self.telegrams:
            for remark in telegram.diagnostics:
                index = None if remark.record is None else before + remark.record
                remarks.append(replace(remark, record=index))
            before += len(telegram.records)
        return (*remarks, *self.remarks)

    def to_dict(self) -> ReadingDict:
        """The JSON shape."""
        return {
            "schema_version": SCHEMA_VERSION,
            "type": "reading",
            "meter": None if self.meter is None else self.meter.to_dict(),
            "status": None if self.status is None else self.status.to_dict(),
            "records": [record.to_dict() for record in self.records],
            "more_records_follow": self.more_records_follow,
            "manufacturer_data": [octets.hex().upper() for octets in self.manufacturer_data],
            "encrypted": [octets.hex().upper() for octets in self.encrypted],
            "diagnostics": [diagnostic.to_dict() for diagnostic in self.diagnostics],
            "telegrams": len(self.telegrams),
        }

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def __str__(self) -> str:
        return "\n".join(str(record) for record in self.records)

    def to_json(self, *, indent: int | None = None) -> str:
        """The reading as JSON."""
        return json_text(self.to_dict(), indent)


def merge(telegrams: Iterable[Telegram]) -> Reading:
    """The telegrams of one readout as one reading, in the order given.

    Raises `ValueError` where they name different meters.
    """
    reading = Reading(tuple(telegrams))
    addresses = {telegram.meter for telegram in reading.telegrams if telegram.meter is not None}
    if len(addresses) > 1:
        names = sorted(meter.secondary_address or meter.identification_number for meter in addresses)
        raise ValueError(f"telegrams of different meters are no reading: {', '.join(names)}")
    return reading

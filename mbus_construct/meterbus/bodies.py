"""The user data of a telegram: its header, and the octets behind it with their records."""

from __future__ import annotations

from typing import Any, Protocol

from ..decoding.decode import decode
from .field import Parts, TelegramField
from .headers import TelegramBodyHeader
from .json_text import json_text
from .records import TelegramVariableDataRecord, records_of


class Parent(Protocol):
    """The telegram that a payload stands in: its records continue over what the octets alone say."""

    def all_records(self) -> list[TelegramVariableDataRecord]:
        """The records."""
        ...


class TelegramBodyPayload:
    """The user data behind their header: `body` holds the octets, `records` what they say."""

    def __init__(self, payload: Parts = None, parent: Parent | None = None) -> None:
        self._body = TelegramField(payload)
        self._parent = parent

    @property
    def body(self) -> TelegramField:
        """The octets."""
        return self._body

    @body.setter
    def body(self, payload: Parts | TelegramField) -> None:
        self._body.parts = payload.parts if isinstance(payload, TelegramField) else payload

    def load(self, payload: Parts) -> None:
        """Replace the octets."""
        self._body.parts = payload

    set_payload = load

    @property
    def records(self) -> list[TelegramVariableDataRecord]:
        """The records; of a payload without telegram, the records that its octets alone make."""
        if self._parent is not None:
            return self._parent.all_records()
        octets = self._body.parts_bytes
        return list(records_of(decode(octets, link="records"))) if octets else []

    @property
    def more_records_follow(self) -> bool:
        """Whether the last record announces another telegram."""
        records = self.records
        return bool(records) and records[-1].more_records_follow

    @property
    def interpreted(self) -> list[dict[str, Any]]:
        """The records as dicts in pyMeterBus's shape."""
        return [record.interpreted for record in self.records]

    def to_JSON(self) -> str:
        """`interpreted` as JSON."""
        return json_text(self.interpreted)


class TelegramBody:
    """The user data: `bodyHeader` and `bodyPayload`."""

    def __init__(self, parent: Parent | None = None) -> None:
        self.bodyHeader = TelegramBodyHeader()
        self.bodyPayload = TelegramBodyPayload(parent=parent)

    @property
    def bodyHeaderLength(self) -> int:
        """Octets of CI field and header."""
        return len(self.bodyHeader.octets)

    @property
    def isFixedData(self) -> bool:
        """Whether the user data are the fixed data structure."""
        return self.bodyHeader.isFixedData

    @property
    def isVariableData(self) -> bool:
        """Whether the user data are data records."""
        return self.bodyHeader.isVariableData

    @property
    def noDataHeader(self) -> bool:
        """Whether records follow the CI field at once."""
        return self.bodyHeader.noDataHeader

    @property
    def more_records_follow(self) -> bool:
        """Whether the last record announces another telegram."""
        return self.bodyPayload.more_records_follow

    @property
    def interpreted(self) -> dict[str, Any]:
        """Header and records in pyMeterBus's shape."""
        return {"header": self.bodyHeader.interpreted, "records": self.bodyPayload.interpreted}

    def to_JSON(self) -> str:
        """`interpreted` as JSON."""
        return json_text(self.interpreted)

"""The headers of frame and user data, as fields that may be edited."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from mbus_grammars.application import LongHeader, LongHeaderMSB, ShortHeader
from mbus_grammars.fields import FULL_FRAMES, ci_field_of
from mbus_grammars.fixed import FixedData, FixedDataMSB, MediumAndUnits

from .constants import (
    CONTROL_INFO_RESP_FIXED,
    CONTROL_INFO_RESP_FIXED_MSB,
    CONTROL_INFO_RESP_VARIABLE_MSB,
    FRAME_LONG_START,
    FRAME_STOP,
)
from .field import HeaderField
from .json_text import json_text

_MSB_FIRST: Final = frozenset({CONTROL_INFO_RESP_VARIABLE_MSB, CONTROL_INFO_RESP_FIXED_MSB})
_FIXED: Final = frozenset({CONTROL_INFO_RESP_FIXED, CONTROL_INFO_RESP_FIXED_MSB})
_VARIABLE: Final = frozenset({*FULL_FRAMES, CONTROL_INFO_RESP_VARIABLE_MSB})

# The grammar's names of the fields -> pyMeterBus's.
_NAMES: Final = {
    "identification_number": "id_nr_field",
    "manufacturer": "manufacturer_field",
    "version": "version_field",
    "device_type": "measure_medium_field",
    "medium_and_units": "measure_medium_field",
    "access_number": "acc_nr_field",
    "status": "status_field",
    "configuration_field": "sig_field",
}
_LONG_ORDER: Final = (
    *("id_nr_field", "manufacturer_field", "version_field", "measure_medium_field"),
    *("acc_nr_field", "status_field", "sig_field"),
)


def hex_numbers(field: HeaderField) -> str:
    """The octets as pyMeterBus's JSON has them: "0x8", "0x0, 0x0"."""
    return ", ".join(hex(part) for part in field.parts)


class TelegramHeader:
    """The fields of the frame around the user data; L field and check sum follow from the others."""

    headerLength: Final = 6
    headerLengthCRCStop: Final = 8

    def __init__(self, start: int = FRAME_LONG_START) -> None:
        self.startField = HeaderField([start])
        self.lField = HeaderField([0])
        self.cField = HeaderField()
        self.aField = HeaderField()
        self.crcField = HeaderField()
        self.stopField = HeaderField([FRAME_STOP])

    @property
    def interpreted(self) -> dict[str, str]:
        """The fields as a dict in pyMeterBus's shape."""
        return {
            "start": hex_numbers(self.startField),
            "length": hex_numbers(self.lField),
            "c": hex_numbers(self.cField),
            "a": hex_numbers(self.aField),
            "crc": hex_numbers(self.crcField),
            "stop": hex_numbers(self.stopField),
        }

    def to_JSON(self) -> str:
        """`interpreted` as JSON."""
        return json_text(self.interpreted)


class TelegramBodyHeader:
    """CI field and the header of the user data.

    `parts` of the fields are least significant octet first, also where the meter sends them the other way.
    A field that the telegram does not have has no parts.
    """

    def __init__(self) -> None:
        self.ci_field = HeaderField()
        self.id_nr_field = HeaderField()
        self.manufacturer_field = HeaderField()
        self.version_field = HeaderField()
        self.measure_medium_field = HeaderField()
        self.acc_nr_field = HeaderField()
        self.status_field = HeaderField()
        self.sig_field = HeaderField()
        self._order: tuple[str, ...] = _LONG_ORDER

    @property
    def id_nr(self) -> list[int]:
        """The octets of the identification number as people read them."""
        return self.id_nr_field.parts[::-1]

    @property
    def isLSBOrder(self) -> bool:
        """Whether the meter sends the least significant octet first."""
        return self._ci not in _MSB_FIRST

    @property
    def isFixedData(self) -> bool:
        """Whether the user data are the fixed data structure."""
        return self._ci in _FIXED

    @property
    def isVariableData(self) -> bool:
        """Whether the user data are data records."""
        return self._ci in _VARIABLE

    @property
    def noDataHeader(self) -> bool:
        """Whether records follow the CI field at once."""
        return self._ci == ci_field_of("records")

    @property
    def interpreted(self) -> dict[str, Any]:
        """The fields that there are, as a dict in pyMeterBus's shape."""
        access = self.acc_nr_field.parts
        shown = {
            "type": hex_numbers(self.ci_field),
            "identification": ", ".join(f"0x{part:02x}" for part in self.id_nr),
            "manufacturer": self.manufacturer_field.decodeManufacturer,
            "version": hex_numbers(self.version_field),
            "medium": self._medium,
            "access_no": access[0] if access else None,
            "status": hex_numbers(self.status_field),
            "sign": hex_numbers(self.sig_field),
        }
        return {name: value for name, value in shown.items() if value not in ("", None)}

    @property
    def _medium(self) -> str:
        if self.isFixedData and self.measure_medium_field.parts:
            units = MediumAndUnits.parse(self.measure_medium_field.parts_bytes)
            return hex(int(units["medium"]))
        return hex_numbers(self.measure_medium_field)

    def to_JSON(self) -> str:
        """`interpreted` as JSON."""
        return json_text(self.interpreted)

    @property
    def octets(self) -> bytes:
        """CI field and header in the order of the wire."""
        parts = list(self.ci_field.parts)
        for name in self._order:
            field: HeaderField = getattr(self, name)
            parts += field.parts if self._as_sent(name) else field.parts[::-1]
        return bytes(parts)

    def read(self, ci_field: int, user_data: Mapping[str, Any]) -> int:
        """Take the fields of user data that the grammar has parsed; gives how many octets they have."""
        self.ci_field.parts = [ci_field]
        order: list[str] = []
        length = 0
        for name, octets in _pieces(ci_field, user_data):
            field: HeaderField = getattr(self, name)
            field.parts = octets if self._as_sent(name) else octets[::-1]
            order.append(name)
            length += len(octets)
        self._order = tuple(order)
        return length

    def _as_sent(self, name: str) -> bool:
        """Whether the parts of a field stand as on the wire; medium and units never go the other way."""
        return self.isLSBOrder or name == "measure_medium_field"

    @property
    def _ci(self) -> int | None:
        return self.ci_field.parts[0] if self.ci_field.parts else None


def _pieces(ci_field: int, user_data: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """The octets of each field of the header: the grammar builds what it parsed."""
    layout: Any
    values = user_data
    if "counter_1" in user_data:
        layout = FixedDataMSB if ci_field in _MSB_FIRST else FixedData
    elif "header" in user_data:
        values = user_data["header"]
        long = LongHeaderMSB if ci_field in _MSB_FIRST else LongHeader
        layout = long if "identification_number" in values else ShortHeader
    else:
        return
    for item in layout.subcons:
        if item.name in _NAMES:
            yield _NAMES[item.name], item.build(values[item.name])

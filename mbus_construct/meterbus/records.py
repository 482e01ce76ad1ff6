"""Records as pyMeterBus shows them: views of the records that `decode` gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from mbus_grammars import VIB, dib, meaning_of
from mbus_grammars.application import WIRED_ONLY
from mbus_grammars.fields import Manufacturer

from ..values.to_value import EXACT
from .field import TelegramField, moment_text
from .json_text import json_text
from .names import (
    FUNCTIONS,
    FunctionType,
    MeasureUnit,
    enhancement_name,
    primary_name,
    type_name,
    unit_of,
    unit_of_code,
)

if TYPE_CHECKING:
    from ..model.record import Record
    from ..model.telegram import Telegram

Shown = Decimal | str | None


class DataInformationBlock(TelegramField):
    """DIF and DIFEs.

    Attributes:
        storage_number: 0 without one.
        tariff, device: None without a DIFE.
    """

    def __init__(
        self,
        parts: bytes = b"",
        *,
        function_type: FunctionType = FunctionType.INSTANTANEOUS_VALUE,
        storage_number: int = 0,
        tariff: int | None = None,
        device: int | None = None,
    ) -> None:
        super().__init__(parts)
        self.function_type = function_type
        self.storage_number = storage_number
        self.tariff = tariff
        self.device = device

    @property
    def has_extension_bit(self) -> bool:
        """Whether DIFEs follow the DIF."""
        return bool(self._first & dib.EXTENSION)

    @property
    def is_variable_length(self) -> bool:
        """Whether the data tell their own length."""
        return bool(dib.DIF.unpack(self._first)["data_field"] == dib.VARIABLE_LENGTH)

    @property
    def is_manufacturer_specific(self) -> bool:
        """Whether the rest is the manufacturer's."""
        return self._first in dib.SPECIAL_FUNCTIONS

    @property
    def more_records_follow(self) -> bool:
        """Whether it is DIF 1Fh: the next telegram has more."""
        return self._first == dib.MORE_RECORDS_FOLLOW

    @property
    def _first(self) -> int:
        return self.parts[0] if self.parts else 0


class ValueInformationBlock(TelegramField):
    """VIF and VIFEs; the text of a plain text VIF is not in `parts` but in `customVIF`."""

    def __init__(self, parts: bytes = b"") -> None:
        self.codes: tuple[int, ...] = ()
        text = ""
        vib: Mapping[str, Any] = {}
        if parts:
            vib = VIB.parse(parts)
            self.codes = (int(vib["vif"]), *map(int, vib["vifes"]))
            text = vib.get("text") or ""
        chain = [code | dib.EXTENSION for code in self.codes[:-1]] + [*self.codes[-1:]]
        super().__init__(chain)
        self.text: str | None = text if "text" in vib else None
        self.customVIF = TelegramField(text[::-1])

    @property
    def has_extension_bit(self) -> bool:
        """Whether VIFEs follow the VIF."""
        return len(self.codes) > 1

    @property
    def without_extension_bit(self) -> int | None:
        """The VIF without its highest bit."""
        return self.codes[0] if self.codes else None


class TelegramVariableDataRecord:
    """One record.

    `value` and `parsed_value` are a Decimal for every number, exact; a str for texts, dates ("2013-12-31",
    "2014-02-19T11:18") and octets ("37 FD 17"); None where the record has no value that is valid.
    """

    def __init__(
        self,
        dib: DataInformationBlock,
        vib: ValueInformationBlock,
        data: TelegramField,
        value: Shown,
        *,
        unit: MeasureUnit | str | None = None,
        type_: str | None = None,
    ) -> None:
        self.dib = dib
        self.vib = vib
        self._data = data
        self._value = value
        self._unit = unit
        self._type = type_

    @property
    def dataField(self) -> TelegramField:
        """The octets of the data, without the LVAR octet."""
        return self._data

    @property
    def value(self) -> Shown:
        """The value in `unit`; see the class."""
        return self._value

    @property
    def parsed_value(self) -> Shown:
        """The same as `value`."""
        return self._value

    @property
    def unit(self) -> str | None:
        """The unit as text: "Wh", "m^3", "seconds" ...; "none" for a number without one."""
        return self._unit.value if isinstance(self._unit, MeasureUnit) else self._unit

    @property
    def function(self) -> int:
        """0 instantaneous, 1 maximum, 2 minimum, 3 during an error, 4 manufacturer's, 6 more follow."""
        return int(self.dib.function_type.value)

    @property
    def more_records_follow(self) -> bool:
        """Whether it is DIF 1Fh: the next telegram has more."""
        return self.dib.more_records_follow

    @property
    def interpreted(self) -> dict[str, Any]:
        """The record as a dict in pyMeterBus's shape."""
        shown: dict[str, Any] = {
            "value": self.value,
            "unit": str(self._unit),
            "type": str(self._type),
            "storage_number": self.dib.storage_number,
            "function": str(self.dib.function_type),
        }
        if self.dib.tariff is not None:
            shown["tariff"] = self.dib.tariff
        if self.dib.device is not None:
            shown["device"] = self.dib.device
        enhancement = enhancement_name(self.vib.codes[0], self.vib.codes[1:]) if self.vib.codes else None
        if enhancement is not None:
            shown["unit_enh"] = enhancement
        return shown

    def to_JSON(self) -> str:
        """`interpreted` as JSON, keys sorted."""
        return json_text(self.interpreted, sort_keys=True)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.value} {self.unit}>"


def records_of(telegram: Telegram) -> Iterator[TelegramVariableDataRecord]:
    """The records of a telegram, and its manufacturer's octets as pyMeterBus has them: as the last record."""
    most_significant_first = telegram.frame.ci_field == WIRED_ONLY
    for record in telegram.records:
        yield _view(record, most_significant_first)
    if telegram.more_records_follow or telegram.manufacturer_data is not None:
        yield _rest(telegram)


def _view(record: Record, most_significant_first: bool) -> TelegramVariableDataRecord:
    difes = len(record.dib) > 1
    dib = DataInformationBlock(
        record.dib,
        function_type=FUNCTIONS[record.function or "instantaneous"],
        storage_number=record.storage_number or 0,
        tariff=record.tariff if difes else None,
        device=record.subunit if difes else None,
    )
    vib = ValueInformationBlock(record.vib)
    octets = record.data[1:] if record.data_field == "variable length" else record.data
    data = TelegramField(octets[::-1] if most_significant_first else octets)
    unit: MeasureUnit | str | None = None
    type_: str | None = None
    factor = Decimal(1)
    if vib.codes:
        unit, factor = unit_of(meaning_of(vib.codes[0], vib.codes[1:], vib.text), len(octets))
        type_ = type_name(vib.codes[0], vib.codes[1:])
    elif record.quantity is not None:  # a counter of the fixed data structure has neither DIB nor VIB
        unit, factor = unit_of_code(record.ucum or "")
        type_ = primary_name(record.quantity, record.ucum or "")
    return TelegramVariableDataRecord(dib, vib, data, _value(record, factor, octets), unit=unit, type_=type_)


def _value(record: Record, factor: Decimal, octets: bytes) -> Shown:
    value = record.value
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, Decimal):
        return value if factor == 1 else EXACT.multiply(value, factor)
    if isinstance(value, bytes | tuple):
        return octets.hex(" ").upper()
    if isinstance(value, str):
        return _number_of_text(record, value)
    return moment_text(value, len(octets))


def _number_of_text(record: Record, text: str) -> Shown:
    """What pyMeterBus has as a number and `decode` as text: identification numbers and manufacturers."""
    data_field = record.data_field or ""
    if data_field.endswith("BCD") and text.isdecimal():
        return Decimal(text)
    if record.quantity == "manufacturer" and data_field == "16 bit integer":
        return Decimal(int.from_bytes(Manufacturer.build(text), "little"))
    return text


def _rest(telegram: Telegram) -> TelegramVariableDataRecord:
    return raw_record(telegram.manufacturer_data or b"", more=telegram.more_records_follow)


def raw_record(octets: bytes, *, more: bool = False) -> TelegramVariableDataRecord:
    """Octets of the manufacturer as a record; `more`: after DIF 1Fh."""
    function = FunctionType.MORE_RECORDS_FOLLOW if more else FunctionType.SPECIAL_FUNCTION
    dif = bytes([dib.MORE_RECORDS_FOLLOW if more else dib.MANUFACTURER_DATA])
    value = octets.hex(" ").upper() if octets or not more else None
    return TelegramVariableDataRecord(
        DataInformationBlock(dif, function_type=function),
        ValueInformationBlock(),
        TelegramField(octets),
        value,
    )

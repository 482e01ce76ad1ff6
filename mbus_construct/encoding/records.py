"""Records to octets: as they are where nothing was changed, else from quantity, unit and value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, get_args

from construct import ConstructError

from mbus_grammars import DIB, VIB, BuildError, Meaning
from mbus_grammars.base import is_mapping, is_sequence
from mbus_grammars.dib import MANUFACTURER_DATA, MORE_RECORDS_FOLLOW
from mbus_grammars.places import RECORD_AREAS
from mbus_grammars.record import RecordArea, RecordsFromMeter

from ..decoding.manufacturers import rebuilt
from ..decoding.plans import PLANS
from ..decoding.reference import decode_records
from ..model.json_shapes import FrameDict, MeterDict, RecordDict, TelegramDict, ValueType
from ..model.json_values import json_number
from ..model.meter import Meter
from ..values.find_vib import choose, parse_unit
from ..values.to_raw import is_measured, is_number, to_data, to_number
from ..values.to_value import EXACT
from .layers import address_of
from .mappings import hex_octets, part_of, refuse_unknown, sequence_of
from .security import is_filler

if TYPE_CHECKING:
    from ..model.record import Record
    from ..model.telegram import Telegram


# Keys of a record by what decides them.
_DIB_KEYS: Final = ("function", "storage_number", "tariff", "subunit")
_VIB_KEYS: Final = ("quantity", "unit", "qualifiers", "data_field")
HEADER_KEYS: Final = (*_DIB_KEYS, *_VIB_KEYS)
_VALUE_KEYS: Final = ("value", "flags")


class OwnOctets(list[Any]):
    """Records, and in the place of those whose own octets say the same, these octets."""


def with_own_octets(telegram: Telegram) -> TelegramDict:
    """A telegram's mapping, in which the octets of a record stand for it where they say the same."""
    records = telegram.records
    area = RECORD_AREAS[False].get(telegram.frame.ci_field or 0, RecordsFromMeter)
    octets = [record.header.dib + record.header.vib + record.data for record in records]
    read = _read(b"".join(octets), area)
    if said(records) == said(read):
        return telegram.shape(OwnOctets(octets))
    if len(records) != len(read):
        return telegram.to_dict()  # the octets of one of them are no record
    same = [said([mine]) == said([own]) for mine, own in zip(records, read, strict=True)]
    parts = zip(records, octets, same, strict=True)
    return telegram.shape(OwnOctets(sent if is_same else record.to_dict() for record, sent, is_same in parts))


def _read(octets: bytes, area: RecordArea) -> tuple[Record, ...]:
    telegram = PLANS.decode(octets, "records") if area is RecordsFromMeter else None
    return decode_records(octets, area) if telegram is None else telegram.records


def said(records: Sequence[Record]) -> tuple[list[object], ...]:
    """What records say, wherever they stand: lists, because what they share is compared by identity first."""
    return (
        [record.header for record in records],
        [record.data for record in records],
        [record.value for record in records],
        [record.flags for record in records],
    )


def area_items(values: Mapping[str, Any], area: RecordArea) -> list[bytes]:
    """The record area: records and special functions in their order, then the manufacturer's data."""
    records = sequence_of(values, "records")
    special = _special_functions(values)
    items: list[bytes] = []
    is_own = isinstance(records, OwnOctets)
    for index, record in enumerate(records):
        if index in special:
            items.append(special[index])
        if is_own and record.__class__ is bytes:
            items.append(record)
            continue
        try:
            items.append(_record(record, area))
        except BuildError as error:
            raise error.inside(f"records[{index}]") from error
    items.append(special.get(len(records), b""))
    more = bool(values.get("more_records_follow"))
    if more or values.get("manufacturer_data") is not None or values.get("manufacturer_fields") is not None:
        data = hex_octets(values.get("manufacturer_data") or "", "manufacturer_data")
        dif = MORE_RECORDS_FOLLOW if more else MANUFACTURER_DATA
        items.append(bytes([dif]) + rebuilt(values, meter_of(values), MANUFACTURER_DATA, data))
    return items


def _special_functions(values: Mapping[str, Any]) -> dict[int, bytes]:
    """The octets of the special functions by the record in front of which they stand."""
    special: dict[int, bytes] = {}
    for number, item in enumerate(sequence_of(values, "special_functions")):
        name = f"special_functions[{number}]"
        if not is_mapping(item) or not isinstance(item.get("before_record"), int):
            raise BuildError(name, item, "a mapping with before_record (a number) and octets")
        place, last = item["before_record"], len(sequence_of(values, "records"))
        if place > last and is_filler(item.get("octets"), values):
            place = last
        if not 0 <= place <= last:
            raise BuildError(f"{name}.before_record", place, f"0 to {last}, the number of records")
        special[place] = special.get(place, b"") + hex_octets(item.get("octets"), f"{name}.octets")
    return special


def _record(record: object, area: RecordArea) -> bytes:
    """The octets of one record."""
    if not is_mapping(record):
        raise BuildError("", record, "a mapping with quantity, unit and value")
    refuse_unknown(record, RecordDict, "")
    vib = hex_octets(record.get("vib") or "", "vib")
    if "vib" not in record or (not vib and record.get("quantity") is not None):
        for key in ("dib", "data", "record_error"):
            if record.get(key):
                raise BuildError(
                    key, record[key], "nothing: without vib it follows from quantity, unit and value"
                )
        return _compose(record, area)
    header_octets = hex_octets(record.get("dib") or "", "dib") + vib
    if "data" not in record:
        return _with_value(header_octets, record, area, power=0)
    data = hex_octets(record["data"], "data")
    readable = decode_records(header_octets + data, area)
    if len(readable) != 1:
        raise BuildError("data", record["data"], "the octets of one record, with dib and vib")
    kept = readable[0].to_dict()
    if says_the_same(record, kept, (*HEADER_KEYS, *_VALUE_KEYS)):
        return header_octets + data
    if kept["data_field"] is None:
        raise BuildError("", record, "what it is: octets that are no record; leave out dib, vib and data")
    if not says_the_same(record, kept, _VIB_KEYS):
        return _compose(record, area)
    if not says_the_same(record, kept, _DIB_KEYS):
        dib = {key: record.get(key) or 0 for key in _DIB_KEYS}
        header_octets = DIB.build({**dib, "data_field": kept["data_field"]}) + vib
        if says_the_same(record, kept, _VALUE_KEYS):
            return header_octets + data
    return _with_value(header_octets, record, area, power=0)


def says_the_same(record: Mapping[str, Any], kept: Mapping[str, Any], keys: Sequence[str]) -> bool:
    """Whether a record still says what its octets say."""
    return all(_as_json(record.get(key, kept[key])) == kept[key] for key in keys)


def _as_json(value: object) -> object:
    """The value as `to_dict` gives it: who reads JSON may read its numbers as Decimal."""
    if isinstance(value, Decimal):
        return json_number(value) if value.is_finite() else str(value)
    return [_as_json(item) for item in value] if is_sequence(value) else value


def _compose(record: Mapping[str, Any], area: RecordArea) -> bytes:
    """A record from quantity, unit and value."""
    choice = choose(record, area.direction)
    dib = {key: record.get(key) or 0 for key in _DIB_KEYS}
    vib = {"vif": choice.codes[0], "vifes": choice.codes[1:]}
    octets = DIB.build({**dib, "data_field": choice.data_field}) + VIB.build(vib)
    return _with_value(octets, record, area, power=parse_unit(record.get("unit"))[1])


def _means_number(record: Mapping[str, Any], meaning: Meaning) -> bool:
    """Whether the value is a number where a text would do too: told by value_type, else by the quantity."""
    kind = record.get("value_type")
    if kind is not None:
        if kind not in get_args(ValueType):
            raise BuildError("value_type", kind, f"one of {', '.join(get_args(ValueType))}")
        return bool(kind == "decimal")
    return is_measured(meaning) and is_number(record.get("value"))


def _with_value(header_octets: bytes, record: Mapping[str, Any], area: RecordArea, power: int) -> bytes:
    """The octets of a record with this header and the record's value."""
    try:
        header = area.header(header_octets)
    except ConstructError as error:
        limit = "hex digits that are a whole VIB, behind a whole DIB"
        raise BuildError("vib", record.get("vib"), limit) from error
    if header.dib_octets + header.vib_octets != header_octets:
        raise BuildError("vib", record.get("vib"), "one VIB, its last octet without extension bit")
    value = record.get("value")
    if value is not None and (power or _means_number(record, header.meaning)):
        value = EXACT.scaleb(to_number(value), power)
    if header.meaning.quantity == "bus address" and is_number(value) and to_number(value) > 250:
        raise BuildError("value", value, "a primary address, 0 to 250")
    flags = sequence_of(record, "flags")
    try:
        data = header.data.build(to_data(header, value, flags))
    except BuildError as error:
        if error.field == "flags":
            raise
        raise BuildError("value", record.get("value"), error.limit) from error
    if flags:
        kept = decode_records(header_octets + data, area)[0].flags
        for flag in flags:
            if flag not in kept:
                raise BuildError("flags", flag, "nothing: the data field of this record has no place for it")
    return header_octets + data


def meter_of(values: Mapping[str, Any]) -> Meter | None:
    """The meter whose telegram it is, for the grammar of its manufacturer."""
    frame = part_of(values, "frame", FrameDict)
    address = address_of(
        part_of(values, "meter", MeterDict) or part_of(frame, "address", MeterDict, "frame.address")
    )
    hashable = all(isinstance(item, str | int) for item in address.values())
    return Meter(**address) if "identification_number" in address and hashable else None

"""What the octets of a record header say for people, once for all records that have them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mbus_grammars.dib import DATA_FIELDS

from .kinds import Kind, kind_of
from .to_value import Converter, converter

if TYPE_CHECKING:
    from mbus_grammars import DataRecordHeader, Meaning
    from mbus_grammars.dib import Function


@dataclass(frozen=True, slots=True)
class RecordHeader:
    """What DIB and VIB say, shared by all records with these octets."""

    function: Function | None = None
    storage_number: int | None = None
    tariff: int | None = None
    subunit: int | None = None
    quantity: str | None = None
    unit: str | None = None
    ucum: str | None = None
    qualifiers: tuple[str, ...] = ()
    kind: Kind = "unknown"
    data_field: str | None = None
    record_error: str | None = None
    dib: bytes = b""
    vib: bytes = b""


_Described = tuple[RecordHeader, Converter, tuple[tuple[str, str], ...]]
_described: dict[DataRecordHeader, _Described] = {}
_MAX_DESCRIBED: Final = 8192


def describe(header: DataRecordHeader) -> _Described:
    """What all records with this header share: description, converter, remarks as (code, message)."""
    found = _described.get(header)
    if found is None:
        if len(_described) >= _MAX_DESCRIBED:
            _described.clear()
        found = _described[header] = (
            _record_header(header),
            converter(header),
            tuple(_remarks(header.meaning)),
        )
    return found


def _record_header(header: DataRecordHeader) -> RecordHeader:
    meaning = header.meaning
    register = ("OBIS register number",) if header.register_number else ()
    return RecordHeader(
        function=header.function,
        storage_number=header.storage_number,
        tariff=header.tariff,
        subunit=header.subunit,
        quantity=meaning.quantity,
        unit=meaning.unit,
        ucum=meaning.ucum,
        qualifiers=(*meaning.qualifiers, *register),
        kind=kind_of(meaning),
        record_error=meaning.record_error,
        data_field=DATA_FIELDS.codes[header.data_field].name,
        dib=header.dib_octets,
        vib=header.vib_octets,
    )


def _remarks(meaning: Meaning) -> Iterable[tuple[str, str]]:
    if meaning.status == "reserved":
        yield "unknown_vif", f"{meaning.quantity}: no unit or scale is known, the number is raw"
    elif meaning.status == "unscaled":
        yield "unknown_scale", f"{meaning.quantity}: the scale is not known, the number is raw"
    elif meaning.status == "unverified":
        yield "unverified_vif", f"{meaning.quantity}: this code rests on a single weak source"

"""What the fields of a data record mean, in words: DIF, VIF and their extensions, data, values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from mbus_grammars import FROM_METER, DataRecordHeader
from mbus_grammars.base import is_mapping
from mbus_grammars.bits import Code
from mbus_grammars.lvar import VariableLength, lvar_length
from mbus_grammars.units import UNITS, unit_names
from mbus_grammars.vib import code_rows
from mbus_grammars.vif_tables import OBJECT_ACTION, RECORD_ERROR, Row

from .layer_meanings import Words, count, hex_of
from .meanings import bit_meaning, field_words, group_words, plain_words

if TYPE_CHECKING:
    from ..model.record import Record
    from .tracer import Node


@dataclass(frozen=True, slots=True)
class Scope:
    """What is known around a field: its data record, and the table rows of the record's VIB."""

    number: int | None = None
    record: Record | None = None
    header: DataRecordHeader | None = None
    direction: str = FROM_METER
    rows: tuple[Row | None, ...] = ()


def words_of(node: Node, scope: Scope) -> Words:
    """What a field without parts says."""
    describe = _FIELDS.get(_base(node.name))
    return field_words(node) if describe is None or node.value is None else describe(node, scope)


def heading(node: Node, scope: Scope) -> str:
    """What a group of fields says."""
    describe = _GROUPS.get(_base(node.name))
    return group_words(node) if describe is None else describe(node, scope)


def part_meaning(node: Node, scope: Scope, name: str, value: int) -> str:
    """What a part of a field made of bits says."""
    base = _base(node.name)
    if base in ("dif", "difes", "vif", "vifes") and name == "extension":
        return f"{'a' if value else 'no'} {base[:3].upper()}E follows"
    if base in ("vif", "vifes"):
        return _row_text(_row(node, scope), value)
    if base == "dif" and name == "storage_number":
        return "bit 0 of the storage number"
    return _share(node, name, value) if base == "difes" else bit_meaning(node, name, value)


def rows_of(vib: Node) -> tuple[Row | None, ...]:
    """The table rows of a VIB's octets, also where only its beginning could be read."""
    chain = [child.value["code"] for child in vib.children if _base(child.name) in _CHAIN and child.value]
    return tuple(code_rows(chain[0], chain[1:])) if chain else ()


_CHAIN: Final = ("vif", "vifes")


def _base(name: str) -> str:
    """The name of a list's item without its number."""
    return name.partition("[")[0]


def _index(node: Node) -> int:
    return int(node.name.partition("[")[2].rstrip("]"))


# --- DIB -----------------------------------------------------------------------------------------


def _dif(node: Node, _: Scope) -> Words:
    if isinstance(node.value, Code):  # a special function takes the whole octet
        return plain_words(node)
    return Words(hex_of(node), f"{node.value['data_field'].name}, {node.value['function'].name}")


_SHARES: Final = {"storage_number": 4, "tariff": 2, "subunit": 1}


def _share(node: Node, name: str, value: int) -> str:
    """Which bits of storage number, tariff or subunit a DIFE holds, and what they add to it."""
    k, width = _index(node), _SHARES[name]
    low = width * k + (name == "storage_number")
    where = f"bit {low}" if width == 1 else f"bits {low + width - 1}..{low}"
    return f"{where} of the {name.replace('_', ' ')}" + (f": + {value << low}" if value else "")


def _dife(node: Node, scope: Scope) -> Words:
    if scope.header is not None and scope.header.register_number and not node.number:
        return Words(hex_of(node), "the storage number is an OBIS register number")
    added = [_share(node, name, node.value[name]) for name in _SHARES if node.value[name]]
    return Words(hex_of(node), ", ".join(added) or "adds nothing")


def _dib(_: Node, scope: Scope) -> str:
    header = scope.header
    if header is None:
        return ""
    numbers = {"storage": header.storage_number, "tariff": header.tariff, "subunit": header.subunit}
    return ", ".join((header.function, *(f"{name} {number}" for name, number in numbers.items() if number)))


# --- VIB -----------------------------------------------------------------------------------------


def _vif(node: Node, scope: Scope) -> Words:
    row = _row(node, scope)
    return Words(hex_of(node), _row_text(row, node.value["code"]), "" if row is None else row.source)


def _row(node: Node, scope: Scope) -> Row | None:
    """The table row of a VIF or VIFE; None for the manufacturer's own."""
    position = 0 if node.name == "vif" else _index(node) + 1
    row = scope.rows[position] if position < len(scope.rows) else None
    if row is not None and row.quantity in ("object action or record error", "record error (data group)"):
        code = node.value["code"]
        return (RECORD_ERROR if scope.direction == FROM_METER or code > 0x0F else OBJECT_ACTION)[code]
    return row


_REMARKS: Final = {
    "legacy": " (withdrawn)",
    "unverified": " (a single weak source)",
    "unscaled": " (factor not known)",
}


def _row_text(row: Row | None, code: int) -> str:
    """Name, unit and scale of a code."""
    if row is None:
        return "manufacturer specific"
    text = row.quantity
    scale = "" if row.scale is None else f"{Decimal(1).scaleb(row.scale + code - row.first):f}"
    if not row.unit:
        text += f" {scale}" if row.last > row.first and scale else ""
    elif row.unit in UNITS:
        shown = " ".join(filter(None, ("" if scale == "1" else scale, unit_names(row.unit)[0])))
        text += f", in {shown}" if shown else ""
    else:
        text += f" {(unit_names('', (row.unit,))[0] or '').removeprefix('1')}"
    return text + _REMARKS.get(row.status, "")


def _vib(_: Node, scope: Scope) -> str:
    if scope.header is None:
        return ""
    meaning = scope.header.meaning
    scale = f"{Decimal(1).scaleb(meaning.exponent):f}" if meaning.exponent else ""
    unit = f"in {scale} {meaning.unit or ''}".replace("  ", " ").rstrip() if meaning.unit or scale else ""
    return ", ".join(filter(None, (meaning.quantity, unit, *meaning.qualifiers)))


# --- Data ----------------------------------------------------------------------------------------

# Name and source of the data types of EN 13757-3 Annex A.
_TYPES: Final[dict[str, tuple[str, str]]] = {
    "A": ("type A, BCD", "MBDOC48 8.2"),
    "B": ("type B, signed integer", "MBDOC48 8.2"),
    "C": ("type C, unsigned integer", "MBDOC48 8.2"),
    "D": ("type D, flags", "MBDOC48 8.2"),
    "F": ("type F, date and time", "MBDOC48 8.2"),
    "G": ("type G, date", "MBDOC48 8.2"),
    "H": ("type H, real", "MBDOC48 8.2"),
    "I": ("type I, date and time", "EN 13757-3 Annex A"),
    "J": ("type J, time", "EN 13757-3 Annex A"),
    "K": ("type K, daylight saving", "EN 13757-3:2018 Annex A"),
    "raw": ("octets of a layout not known here", ""),
}


def _data(node: Node, scope: Scope) -> Words:
    """The data of a record: as sent, and the value that decoding gives them."""
    data_type = scope.header.data_type if scope.header is not None else ""
    name, source = _TYPES.get(data_type, (data_type, ""))
    raw = hex_of(node) if node.bits is not None else plain_words(node).value_text
    return Words(raw, ": ".join(filter(None, (name, _value(scope.record)))), source)


def _lvar(node: Node, scope: Scope) -> Words:
    """What the LVAR octet announces, and how much of it."""
    said, length = node.value.name or "", lvar_length(int(node.value))
    data = None if scope.header is None else scope.header.data
    if said == "text" and isinstance(data, VariableLength):
        said = {"profile": "compact profile"}.get(data.text, data.text)
    shown = said if length is None else f"{said}, {count(length)}"
    return Words(f"{int(node.value):02X}h", shown)


def _value(record: Record | None) -> str:
    """Value, flags and remark of a record."""
    if record is None:
        return ""
    reason = record.reason if record.value is not None else None
    return ", ".join(filter(None, (record.value_text, *record.flags, reason)))


def _record(node: Node, scope: Scope) -> str:
    if scope.record is not None:
        return f"record {scope.number}: {scope.record}"
    if is_mapping(node.value) and "dif" in node.value:
        return str(node.value["dif"].name)
    return "record" if scope.header is None else f"record: {scope.header.meaning.quantity}"


_FIELDS: Final[dict[str, Callable[[Node, Scope], Words]]] = {
    "dif": _dif,
    "difes": _dife,
    "vif": _vif,
    "vifes": _vif,
    "data": _data,
    "lvar": _lvar,
    "counter_1": lambda node, scope: Words(str(node.value), _record(node, scope), "MBDOC48 6.2"),
    "counter_2": lambda node, scope: Words(str(node.value), _record(node, scope), "MBDOC48 6.2"),
}

_GROUPS: Final[dict[str, Callable[[Node, Scope], str]]] = {
    "records": _record,
    "dib": _dib,
    "vib": _vib,
    "data": lambda _, scope: _value(scope.record),
}

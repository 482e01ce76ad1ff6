"""What the fields of a telegram mean, in words: one entry a field name, the code tables for the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from mbus_grammars import FROM_METER, DataRecordHeader
from mbus_grammars.code_tables import MANUFACTURERS
from mbus_grammars.constructs import BitField, Bits, Code
from mbus_grammars.fields import FixedStatus
from mbus_grammars.link import SINGLE_CHARACTER, START_LONG, START_SHORT
from mbus_grammars.units import UNITS, unit_names
from mbus_grammars.vib import code_rows
from mbus_grammars.vif_tables import OBJECT_ACTION, RECORD_ERROR, Row

from .explanation import BitSpan
from .telegram import Record, Status
from .trace import Node
from .values import EVERY


@dataclass(frozen=True, slots=True)
class Scope:
    """What is known around a field: the data record it belongs to, and the rows of the record's VIB."""

    number: int | None = None
    record: Record | None = None
    header: DataRecordHeader | None = None
    direction: str = FROM_METER
    rows: tuple[Row | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Words:
    """Value and meaning of a field; `source` where it is not the field's own."""

    value_text: str
    meaning: str = ""
    source: str = ""


def words(node: Node, scope: Scope) -> Words:
    """What a field without parts says."""
    if node.value is None:
        return Words("")
    name = node.name.partition("[")[0]
    describe = _FIELDS.get(name)
    if describe is not None:
        return describe(node, scope)
    return _plain(node, scope)


def heading(node: Node, scope: Scope) -> str:
    """What a group of fields says."""
    describe = _GROUPS.get(node.name.partition("[")[0])
    return describe(node, scope) if describe is not None else ""


def bit_spans(node: Node, scope: Scope) -> tuple[BitSpan, ...]:
    """The bits of a field, highest first; together they are all bits of its octets."""
    if node.bits is None:
        return ()
    spans = (
        span for name, spec in node.bits.fields.items() for span in _parts(name, spec, node, scope)
    )
    return tuple(sorted(spans, key=lambda span: -span.high))


def _parts(name: str, spec: BitField, node: Node, scope: Scope) -> Iterator[BitSpan]:
    value = spec.read(node.number)
    meaning = _bit_meaning(name, value, node, scope)
    shift = 0
    for low, width in spec.parts:
        part = meaning
        if len(spec.parts) > 1:
            part = f"bits {shift + width - 1}..{shift} of {meaning or int(value)}"
        yield BitSpan(low + width - 1, low, name, int(value), part)
        shift += width


# --- Bits ----------------------------------------------------------------------------------------

# What a single bit says when it is 0 and when it is 1.
_FLAGS: Final[dict[str, tuple[str, str]]] = {
    "extension": ("the last octet of the chain", "another octet follows"),
    "prm": ("from the meter", "from the master"),
    "fcb": ("frame count bit", "frame count bit"),
    "fcv": ("the frame count bit does not count", "the frame count bit counts"),
    "acd": ("no class 1 data", "class 1 data wait for REQ_UD1"),
    "dfc": ("takes further data", "takes no further data"),
    "summer_time": ("no summer time", "summer time"),
    "invalid": ("valid", "the time is invalid"),
    "counters_binary": ("counters are BCD", "counters are binary"),
    "counters_stored": ("actual values", "values stored at a fixed date"),
}


def _bit_meaning(name: str, value: int, node: Node, scope: Scope) -> str:
    if isinstance(value, Code):
        return value.name or "no entry"
    if name in _FLAGS:
        return _FLAGS[name][bool(value)]
    if isinstance(value, bool):
        return "yes" if value else "no"
    if EVERY.get(name) == value and name != "day":
        return f"every {name}"
    if name == "code" and node.bits is not None:
        return _row_text(_row(node, scope), value)
    if name == "function" and isinstance(node.value, Mapping):
        return node.value.get("name") or "no name"
    return _dife_meaning(name, value, node)


def _dife_meaning(name: str, value: int, node: Node) -> str:
    """Which bits of storage number, tariff and subunit stand in a DIF or DIFE."""
    widths = {"storage_number": 4, "tariff": 2, "subunit": 1}
    if name not in widths:
        return ""
    if node.name == "dif":
        return "bit 0 of the storage number"
    k, width = _index(node), widths[name]
    low = width * k + (name == "storage_number")
    where = f"bit {low}" if width == 1 else f"bits {low + width - 1}..{low}"
    return f"{where} of the {name.replace('_', ' ')}" + (f": + {value << low}" if value else "")


def _index(node: Node) -> int:
    """The number in a name like "difes[2]"."""
    return int(node.name.rpartition("[")[2].rstrip("]"))


# --- Values --------------------------------------------------------------------------------------


def _plain(node: Node, scope: Scope) -> Words:
    value = node.value
    if isinstance(value, Code):
        return Words(f"{int(value):02X}h", value.name or "no entry in the table")
    if node.bits is not None:
        return Words(_hex(node), _set_bits(node.bits, node.value))
    if isinstance(value, bytes):
        return Words(_count(len(value)))
    if isinstance(value, Mapping):
        return Words("")
    return Words(str(value))


def _hex(node: Node) -> str:
    return f"{node.number:0{2 * (node.end - node.start)}X}h"


def _count(octets: int) -> str:
    return f"{octets} octet" + ("s" if octets != 1 else "")


def _set_bits(layout: Bits, fields: Mapping[str, Any]) -> str:
    """The parts of a field that are not zero."""
    shown = []
    for name, spec in layout.fields.items():
        value, label = fields[name], name.replace("_", " ")
        if isinstance(value, Code):
            shown.append(f"{label}: {value.name or int(value)}")
        elif value:
            shown.append(label if spec.flag else f"{label} {value}")
    return ", ".join(shown)


def _said(meaning: str) -> Callable[[Node, Scope], Words]:
    """A field whose meaning is always the same."""
    return lambda node, scope: Words(_plain(node, scope).value_text, meaning)


_STARTS: Final = {
    SINGLE_CHARACTER: "single character: acknowledged",
    START_SHORT: "start of a short frame",
    START_LONG: "start of a long frame",
}


def _start(node: Node, scope: Scope) -> Words:
    return Words(f"{node.value:02X}h", _STARTS.get(node.value, ""))


def _l_field(node: Node, scope: Scope) -> Words:
    return Words(str(node.value), f"{_count(node.value)} from the C field to the user data's end")


def _octet(meaning: str) -> Callable[[Node, Scope], Words]:
    return lambda node, scope: Words(f"{node.value:02X}h", meaning)


def _c_field(node: Node, scope: Scope) -> Words:
    value = node.value
    sender = "from the master" if value["prm"] else "from the meter"
    flags = [f"{name.upper()} {int(value[name])}" for name in ("fcb", "fcv", "acd", "dfc") if value.get(name)]
    return Words(_hex(node), ", ".join((value["name"] or "no name", sender, *flags)))


def _a_field(node: Node, scope: Scope) -> Words:
    return Words(str(int(node.value)), node.value.name or "primary address")


def _identification(node: Node, scope: Scope) -> Words:
    wildcards = "F" in node.value
    return Words(node.value, "F stands for any digit" if wildcards else "")


def _manufacturer(node: Node, scope: Scope) -> Words:
    if node.value == "FFFF":
        return Words(node.value, "any manufacturer")
    return Words(node.value, MANUFACTURERS.get(node.value, "a manufacturer that the table does not know"))


def _status(node: Node, scope: Scope) -> Words:
    fixed = node.bits is FixedStatus
    flags = list(Status(node.number, fixed).flags) or ["no error"]
    if fixed:
        flags += [_FLAGS[name][node.value[name]] for name in ("counters_binary", "counters_stored")]
    return Words(_hex(node), ", ".join(flags))


def _configuration(node: Node, scope: Scope) -> Words:
    mode, blocks = node.value["security_mode"], node.value["encrypted_blocks"]
    meaning = f"security mode {mode}, {blocks} encrypted blocks" if mode else "no encryption"
    return Words(_hex(node), meaning)


def _flags(node: Node, scope: Scope) -> Words:
    number = int.from_bytes(node.value, "little")
    names = [str(bit) for bit in range(number.bit_length()) if number >> bit & 1]
    return Words(f"{number:X}h", f"bits {', '.join(names)} set" if names else "no bit set")


# --- Records -------------------------------------------------------------------------------------


def _dif(node: Node, scope: Scope) -> Words:
    if isinstance(node.value, Code):  # a special function takes the whole octet
        return _plain(node, scope)
    return Words(_hex(node), f"{node.value['data_field'].name}, {node.value['function'].name}")


def _dife(node: Node, scope: Scope) -> Words:
    if scope.header is not None and scope.header.register_number and not node.number:
        return Words(_hex(node), "the storage number is an OBIS register number")
    found = [_dife_meaning(name, node.value[name], node) for name in ("storage_number", "tariff", "subunit")]
    return Words(_hex(node), ", ".join(text for text in found if "+" in text) or "adds nothing")


def _vif(node: Node, scope: Scope) -> Words:
    row = _row(node, scope)
    return Words(_hex(node), _row_text(row, node.value["code"]), _row_source(row))


def _row(node: Node, scope: Scope) -> Row | None:
    """The table row of a VIF or VIFE, in its direction."""
    position = 0 if node.name == "vif" else _index(node) + 1
    row = scope.rows[position] if position < len(scope.rows) else None
    if row is not None and row.status == "special" and position and row.quantity.endswith(("error", "group)")):
        errors = scope.direction == FROM_METER or node.value["code"] > 0x0F
        return (RECORD_ERROR if errors else OBJECT_ACTION)[node.value["code"]]
    return row


def _row_source(row: Row | None) -> str:
    return "" if row is None else row.source


_REMARKS: Final = {"legacy": "withdrawn", "unverified": "a single weak source", "unscaled": "factor not known"}


def _row_text(row: Row | None, code: int) -> str:
    """Name, unit and scale of a code."""
    if row is None:
        return "manufacturer specific"
    parts = [row.quantity]
    if row.unit in UNITS:
        unit = unit_names(row.unit)[0]
        scale = Decimal(1).scaleb(row.scale + code - row.first) if row.scale is not None else Decimal(1)
        if scale != 1 or unit:
            parts.append(" ".join(part for part in ("in", format(scale, "f") if scale != 1 else "", unit) if part))
    elif row.unit:
        parts.append((unit_names("", (row.unit,))[0] or "").removeprefix("1"))
    if row.status in _REMARKS:
        parts.append(f"({_REMARKS[row.status]})")
    return ", ".join(parts).replace(", (", " (")


TYPES: Final = {
    "A": "type A, BCD",
    "B": "type B, signed integer",
    "C": "type C, unsigned integer",
    "D": "type D, flags",
    "F": "type F, date and time",
    "G": "type G, date",
    "H": "type H, real",
    "I": "type I, date and time",
    "J": "type J, time",
    "K": "type K, daylight saving",
    "LVAR": "variable length",
    "raw": "octets of a layout not known here",
}


def _data(node: Node, scope: Scope) -> Words:
    """The data of a record: raw as sent, and the value that decoding gives them."""
    type_name = scope.header.data_type if scope.header is not None else ""
    source = "MBDOC48 8.2" if type_name in tuple("ABCDFGH") else "EN 13757-3 Annex A" if type_name in "IJK" else ""
    raw = _hex(node) if node.bits is not None else _plain(node, scope).value_text
    parts = [TYPES.get(type_name, type_name), *_value(scope.record)]
    return Words(raw, ": ".join(part for part in parts if part), source)


def _value(record: Record | None) -> list[str]:
    """Value, reason and flags of a record, as one text."""
    if record is None:
        return []
    said = [record.value_text, *record.flags]
    if record.reason and record.value is not None:
        said.append(record.reason)
    return [", ".join(text for text in said if text)]


def _counter(node: Node, scope: Scope) -> Words:
    record = scope.record
    return Words(str(node.value), "" if record is None else str(record))


def _lvar(node: Node, scope: Scope) -> Words:
    return Words(f"{int(node.value):02X}h", node.value.name or "")


_FIELDS: Final[dict[str, Callable[[Node, Scope], Words]]] = {
    "start": _start,
    "l_field": _l_field,
    "l_field_repeated": _octet("the L field once more"),
    "start_repeated": _octet("the start octet once more"),
    "c_field": _c_field,
    "a_field": _a_field,
    "checksum": _octet("sum of the octets from the C field on, modulo 256"),
    "stop": _octet("end of the frame"),
    "identification_number": _identification,
    "manufacturer": _manufacturer,
    "version": _said("version of the device"),
    "access_number": _said("counts the meter's answers"),
    "status": _status,
    "configuration_field": _configuration,
    "alarm_flags": _flags,
    "encrypted": _said("encrypted"),
    "payload": _said("no grammar here"),
    "manufacturer_data": _said("the manufacturer's own"),
    "dif": _dif,
    "difes": _dife,
    "vif": _vif,
    "vifes": _vif,
    "data": _data,
    "counter_1": _counter,
    "counter_2": _counter,
    "lvar": _lvar,
}


# --- Groups --------------------------------------------------------------------------------------


def _record_heading(node: Node, scope: Scope) -> str:
    if scope.record is not None:
        return f"record {scope.number}: {scope.record}"
    item = node.value if isinstance(node.value, Mapping) else {}
    if "dif" in item:
        return str(item["dif"].name)
    return f"record: {scope.header.meaning.quantity}" if scope.header is not None else "record"


def _dib_heading(node: Node, scope: Scope) -> str:
    header = scope.header
    if header is None:
        return ""
    numbers = {"storage": header.storage_number, "tariff": header.tariff, "subunit": header.subunit}
    return ", ".join((header.function, *(f"{name} {number}" for name, number in numbers.items() if number)))


def _vib_heading(node: Node, scope: Scope) -> str:
    if scope.header is None:
        return ""
    meaning = scope.header.meaning
    scale = f"in {Decimal(1).scaleb(meaning.exponent):f}".removesuffix(" 1") if meaning.exponent else "in"
    unit = f"{scale} {meaning.unit}" if meaning.unit else ""
    return ", ".join(part for part in (meaning.quantity, unit, *meaning.qualifiers) if part)


def _data_heading(node: Node, scope: Scope) -> str:
    return "".join(_value(scope.record))


def _frame_heading(node: Node, scope: Scope) -> str:
    found = {child.name: child.value for child in node.children}
    control, address = found.get("c_field"), found.get("a_field")
    if control is None or address is None:
        return ""
    preposition = "to" if control["prm"] else "from"
    return f"{control['name'] or 'frame'} {preposition} address {int(address)}"


_GROUPS: Final[dict[str, Callable[[Node, Scope], str]]] = {
    "frame": _frame_heading,
    "records": _record_heading,
    "dib": _dib_heading,
    "vib": _vib_heading,
    "data": _data_heading,
}


def rows_of(vib: Node) -> tuple[Row | None, ...]:
    """The table rows of a VIB's octets, also where only its beginning could be read."""
    chain = [child.value["code"] for child in vib.children if child.name.startswith("vif") and child.value]
    return tuple(code_rows(chain[0], chain[1:])) if chain else ()

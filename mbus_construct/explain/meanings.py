"""What the fields of frame and header mean, in words: one entry a field name, the code tables for the rest.

`records` has the words for what belongs to a data record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from mbus_grammars.bits import BitField, Code
from mbus_grammars.code_tables import MANUFACTURERS
from mbus_grammars.fields import FixedStatus, WirelessCField
from mbus_grammars.link import SINGLE_CHARACTER, START_LONG, START_SHORT

from ..model.meter import Status
from ..values.to_value import EVERY
from .explanation import BitSpan
from .layer_meanings import (
    LAYER_BITS,
    LAYER_FIELDS,
    SENT_BY_METERS,
    Words,
    access_number,
    count,
    hex_of,
    layer_meaning,
    set_bits,
)

if TYPE_CHECKING:
    from .tracer import Node


def field_words(node: Node) -> Words:
    """What a field says; a field that could not be read says nothing."""
    if node.value is None:
        return Words("")
    return FIELDS.get(node.name, plain_words)(node)


def plain_words(node: Node) -> Words:
    """What the code tables and the bits alone say about a field."""
    value = node.value
    if isinstance(value, Code):
        return Words(f"{int(value):02X}h", value.name or "no entry in the table")
    if node.bits is not None:
        return Words(hex_of(node), set_bits(node))
    if isinstance(value, bytes):
        return Words(count(len(value)))
    return Words("" if isinstance(value, Mapping) else str(value))


# --- Bits ----------------------------------------------------------------------------------------

# What a single bit says when it is 0 and when it is 1.
_FLAGS: Final[dict[str, tuple[str, str]]] = {
    "res": ("reserved", "reserved"),
    "prm": ("from the meter", "from the master"),
    "fcv": ("the frame count bit does not count", "the frame count bit counts"),
    "acd": ("no class 1 data", "class 1 data wait for REQ_UD1"),
    "dfc": ("takes further data", "takes no further data"),
    "summer_time": ("no summer time", "summer time"),
    "invalid": ("valid", "the time is invalid"),
    "counters_binary": ("the counters are BCD", "the counters are binary"),
    "counters_stored": ("actual values", "values stored at a fixed date"),
}

BitMeaning = Callable[[str, int], str]


def bit_spans(node: Node, meaning: BitMeaning) -> tuple[BitSpan, ...]:
    """The bits of a field, highest first; together they are all bits of its octets."""
    if node.bits is None or node.value is None:
        return ()
    spans = (
        span for name, spec in node.bits.fields.items() for span in _parts(name, spec, node.number, meaning)
    )
    return tuple(sorted(spans, key=lambda span: -span.high))


def _parts(name: str, spec: BitField, number: int, meaning: BitMeaning) -> Iterator[BitSpan]:
    value = spec.read(number)
    said, shift = meaning(name, value), 0
    for low, width in spec.parts:
        part = said
        if len(spec.parts) > 1:
            part = f"bits {shift + width - 1}..{shift} of {said or int(value)}"
        digits = f"{number >> low & (1 << width) - 1:0{width}b}"
        yield BitSpan(low + width - 1, low, name, int(value), part, digits)
        shift += width


def bit_meaning(node: Node, name: str, value: int) -> str:
    """What a part of a field made of bits says."""
    if isinstance(value, Code):
        return value.name or "no entry in the table"
    if name == "prm" and node.construct is WirelessCField:
        return "starts an exchange" if value else "answers"
    if name in _FLAGS:
        return _FLAGS[name][bool(value)]
    if name == "function":
        return node.value["name"] or "no name"
    if name in LAYER_BITS:
        return LAYER_BITS[name](value)
    if isinstance(value, bool):
        return "set" if value else ""
    return f"every {name}" if EVERY.get(name) == value else ""


# --- Fields --------------------------------------------------------------------------------------


def _said(meaning: str) -> Callable[[Node], Words]:
    """A field whose meaning is always the same."""
    return lambda node: plain_words(node)._replace(meaning=meaning)


def _octet(meaning: str) -> Callable[[Node], Words]:
    return lambda node: Words(f"{node.value:02X}h", meaning)


_STARTS: Final = {
    SINGLE_CHARACTER: "single character: acknowledged",
    START_SHORT: "start of a short frame",
    START_LONG: "start of a long frame",
}


def _start(node: Node) -> Words:
    return Words(f"{node.value:02X}h", _STARTS.get(node.value, ""))


def _l_field(node: Node) -> Words:
    return Words(str(node.value), "octets from the C field to the end of the user data")


def _c_field(node: Node) -> Words:
    value = node.value
    sender = "from the master" if value["prm"] else "from the meter"
    if node.construct is WirelessCField and value["prm"]:
        sender = "from the meter" if value["name"] in SENT_BY_METERS else "to the meter"
    flags = [name.upper() for name in ("fcb", "fcv", "acd", "dfc") if value.get(name)]
    return Words(hex_of(node), ", ".join((value["name"] or "no name", sender, *flags)))


def _a_field(node: Node) -> Words:
    return Words(str(int(node.value)), node.value.name or "primary address")


def _identification_number(node: Node) -> Words:
    return Words(node.value, "F stands for any digit" if "F" in node.value else "")


def _manufacturer(node: Node) -> Words:
    unknown = "any manufacturer" if node.value == "FFFF" else "a company that the table does not know"
    return Words(node.value, MANUFACTURERS.get(node.value, unknown))


def _status(node: Node) -> Words:
    fixed = node.bits is FixedStatus
    said = list(Status(node.number, fixed).flags) or ["no error"]
    if fixed:
        said += [_FLAGS[name][node.value[name]] for name in ("counters_binary", "counters_stored")]
    return Words(hex_of(node), ", ".join(said))


def _alarm_flags(node: Node) -> Words:
    number = int.from_bytes(node.value, "little")
    names = [str(bit) for bit in range(number.bit_length()) if number >> bit & 1]
    return Words(f"{number:X}h", f"flags {', '.join(names)}" if names else "no flag")


def _length(node: Node) -> Words:
    return Words(str(node.value), "octets follow")


FIELDS: Final[dict[str, Callable[[Node], Words]]] = {
    "start": _start,
    "l_field": _l_field,
    "l_field_repeated": _octet("the L field once more"),
    "start_repeated": _octet("the start octet once more"),
    "c_field": _c_field,
    "a_field": _a_field,
    "checksum": _octet("sum of the octets from the C field on, modulo 256"),
    "stop": _octet("end of the frame"),
    "identification_number": _identification_number,
    "manufacturer": _manufacturer,
    "version": _said("version of the device"),
    "access_number": access_number,
    "status": _status,
    "alarm_flags": _alarm_flags,
    "payload": _said("no grammar here"),
    "manufacturer_data": _said("the manufacturer's own"),
    "length": _length,
    **LAYER_FIELDS,
}

# --- Groups --------------------------------------------------------------------------------------


def group_words(node: Node) -> str:
    """What a group of fields says."""
    describe = _GROUPS.get(node.name)
    return describe(node) if describe is not None else ""


def _values(node: Node) -> dict[str, Any]:
    return {child.name: child.value for child in node.children if child.value is not None}


def _wireless_frame(node: Node) -> str:
    found = _values(node)
    if "c_field" not in found:
        return ""
    name = found["c_field"]["name"] or "no name"
    return f"{name} from {_header(node)}" if "identification_number" in found else name


def _frame(node: Node) -> str:
    found = _values(node)
    if not {"c_field", "a_field"} <= found.keys():
        return _STARTS.get(found.get("start", -1), "")
    control, address = found["c_field"], int(found["a_field"])
    return f"{control['name'] or 'no name'} {'to' if control['prm'] else 'from'} address {address}"


def _header(node: Node) -> str:
    found = _values(node)
    names = ("manufacturer", "identification_number")
    said = [str(found[name]) for name in names if name in found]
    kind = found.get("device_type")
    return " ".join(said) + (f", {kind.name}" if said and kind is not None and kind.name else "")


_GROUPS: Final[dict[str, Callable[[Node], str]]] = {
    "frame": _frame,
    "link user data": _frame,
    "wireless frame": _wireless_frame,
    "header": _header,
    "receiver": _header,
    "user_data": layer_meaning,
    "security": layer_meaning,
    "text": lambda node: f"{node.value!r}, last character first" if node.value is not None else "",
    "text_last": lambda node: f"{node.value!r}, last character first" if node.value is not None else "",
}

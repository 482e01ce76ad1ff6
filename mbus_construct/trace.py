"""Follow a construct through octets: which field took which octets.

A construct gives values, not places. `trace` parses with the same declarations and notes where each named
field starts and ends, what it gave, and what went wrong. A class of constructs without an entry below is
one field without parts: it parses itself, so that nothing here can disagree with the grammar.

Reading never stops at a fault: the field that failed keeps the octets that were left, with the reason.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import singledispatch
from typing import Any, Final

import construct as c
from construct.core import BytesIOWithOffsets, evaluate, stream_read

from mbus_grammars import MBusError
from mbus_grammars.application import FixedOrCompact
from mbus_grammars.constructs import (
    Anything,
    Bits,
    Coded,
    Derived,
    Door,
    Memo,
    Salvage,
    Stream,
    Variant,
    as_decode_error,
)
from mbus_grammars.dib import SPECIAL_DIFS, DIBOctets
from mbus_grammars.errors import DecodeError, IncompleteFrame
from mbus_grammars.fields import CField
from mbus_grammars.link import FT12, ToCheckSum
from mbus_grammars.lvar import LVAR_NAMES, VariableLength
from mbus_grammars.profile import CompactProfile, ProfileHeader, element_type
from mbus_grammars.record import DataRecordConstruct, RecordArea
from mbus_grammars.vib import VIB, VIBOctets


@dataclass(slots=True, eq=False)
class Node:
    """A field: its octets are `start` to `end`. `bits` is the layout of `number`, for fields made of bits."""

    name: str
    path: str
    construct: Anything
    start: int
    source: str = ""
    end: int = 0
    value: Any = None
    bits: Bits | None = None
    number: int = 0
    children: list[Node] = field(default_factory=list)
    fault: str = ""
    failed: bool = False

    @property
    def listed(self) -> bool:
        """Whether it is a list, whose items stand for themselves."""
        return isinstance(self.value, list) or any(part.name.startswith("[") for part in self.children)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the walk is: the stream, construct's context and path, and the field it is in."""

    stream: Stream
    context: Any
    path: str
    node: Node


def trace(construct: Anything, octets: bytes, name: str) -> Node:
    """The tree of the fields that the construct finds in the octets; its leaves cover each octet once.

    Never raises: what cannot be read is a node with a `fault`.
    """
    context = c.Container(_parsing=True, _building=False, _sizing=False)
    context["_params"] = context
    root = Node(name, "", construct, 0, end=len(octets))
    place = Place(io.BytesIO(octets), context, "(parsing)", root)
    try:
        root.value = walk(construct, place)
    except (c.ConstructError, MBusError) as error:
        _blame(root, len(octets), as_decode_error(error, place.stream.tell()).message)
    _complete(root)
    return root


# --- The walk ------------------------------------------------------------------------------------


@singledispatch
def walk(construct: Any, place: Place) -> Any:
    """The value that the construct gives at this place; the fields in it become children of the node."""
    return construct._parsereport(place.stream, place.context, place.path)


def _enter(place: Place, name: str, construct: Anything, source: str = "") -> Any:
    """Walk a construct as a field of its own. Items of lists have names like "[0]"."""
    parent = place.node.path
    indexed = name.startswith("[")
    path = parent + name if indexed or not parent else f"{parent}.{name}"
    node = Node(name, path, construct, place.stream.tell(), source)
    place.node.children.append(node)
    inside = f"{place.path}{name}" if indexed else f"{place.path} -> {name}"
    try:
        node.value = walk(construct, replace(place, node=node, path=inside))
    except Exception:
        node.failed = True
        node.end = max((child.end for child in node.children), default=node.start)
        raise
    node.end = place.stream.tell()
    return node.value


def _passed_on(construct: Any, place: Place) -> Any:
    return walk(construct.subcon, place)


for _class in (c.Default, c.Rebuild, Derived, Door, Memo):
    walk.register(_class, _passed_on)


@walk.register(c.Renamed)
def _renamed(construct: Any, place: Place) -> Any:
    return _enter(place, construct.name, construct.subcon, construct.docs)


@walk.register(c.Struct)
def _struct(construct: Any, place: Place) -> Any:
    outer, found = place.context, c.Container()
    context = c.Container(
        _=outer,
        _params=outer["_params"],
        _parsing=True,
        _building=False,
        _sizing=False,
        _subcons=construct._subcons,
        _io=place.stream,
        _index=outer.get("_index"),
    )
    context["_root"] = outer.get("_root", context)
    for subcon in construct.subcons:
        value = walk(subcon, replace(place, context=context))
        if subcon.name:
            found[subcon.name] = context[subcon.name] = value
    return found


@walk.register(c.Adapter)
def _adapter(construct: Any, place: Place) -> Any:
    return construct._decode(walk(construct.subcon, place), place.context, place.path)


@walk.register(c.Const)
def _const(construct: Any, place: Place) -> Any:
    value = walk(construct.subcon, place)
    if value != construct.value:
        place.node.fault = f"found {_shown(value)}, expected {_shown(construct.value)}"
    return value


@walk.register(c.IfThenElse)
def _if_then_else(construct: Any, place: Place) -> Any:
    condition = evaluate(construct.condfunc, place.context)
    return walk(construct.thensubcon if condition else construct.elsesubcon, place)


@walk.register(c.Switch)
def _switch(construct: Any, place: Place) -> Any:
    key = evaluate(construct.keyfunc, place.context)
    return walk(construct.cases.get(key, construct.default), place)


def _items(construct: Any, place: Place, first: str = "") -> Iterator[Any]:
    index = 0
    while True:
        place.context["_index"] = index
        yield _enter(place, f"{first}[{index}]", construct.subcon)
        index += 1


@walk.register(c.RepeatUntil)
def _repeat_until(construct: Any, place: Place) -> Any:
    found: c.ListContainer[Any] = c.ListContainer()
    for item in _items(construct, place):
        found.append(item)
        if construct.predicate(item, found, place.context):
            break
    return found


@walk.register(c.Array)
def _array(construct: Any, place: Place) -> Any:
    count = evaluate(construct.count, place.context)
    return c.ListContainer(item for _, item in zip(range(count), _items(construct, place), strict=False))


@walk.register(c.GreedyRange)
def _greedy_range(construct: Any, place: Place) -> Any:
    found: c.ListContainer[Any] = c.ListContainer()
    start = place.stream.tell()
    try:
        for item in _items(construct, place):
            found.append(item)
            start = place.stream.tell()
    except (c.ConstructError, MBusError):  # as construct's: the list ends before what cannot be read
        place.node.children.pop()
        place.stream.seek(start)
    return found


@walk.register(c.FixedSized)
def _fixed_sized(construct: Any, place: Place) -> Any:
    return _bounded(construct.subcon, evaluate(construct.length, place.context), place)


@walk.register(c.Prefixed)
def _prefixed(construct: Any, place: Place) -> Any:
    length = _enter(place, "length", construct.lengthfield)
    stream = BytesIOWithOffsets.from_reading(place.stream, length, place.path)
    return _enter(replace(place, stream=stream), "content", construct.subcon)


def _bounded(construct: Any, length: int, place: Place) -> Any:
    stream = BytesIOWithOffsets.from_reading(place.stream, length, place.path)
    return walk(construct, replace(place, stream=stream))


@walk.register(c.Transformed)
def _transformed(construct: Any, place: Place) -> Any:
    """Octets turned round before they are read: the parts lie in the mirror."""
    start = place.stream.tell()
    octets = stream_read(place.stream, construct.decodeamount, place.path)
    turned = BytesIOWithOffsets(construct.decodefunc(octets), place.stream, start)
    value = walk(construct.subcon, replace(place, stream=turned))
    if construct.decodefunc is c.swapbytes:
        _mirror(place.node, 2 * start + len(octets))
    else:
        place.node.children.clear()
    return value


def _mirror(node: Node, ends: int) -> None:
    for child in node.children:
        child.start, child.end = ends - child.end, ends - child.start
        _mirror(child, ends)
    node.children.reverse()


# --- The grammars' own constructs ----------------------------------------------------------------


@walk.register(Bits)
def _bits(construct: Bits, place: Place) -> Any:
    value = construct._parse(place.stream, place.context, place.path)
    place.node.bits, place.node.number = construct, construct.pack(value)
    return value


@walk.register(type(CField))
def _c_field(construct: Any, place: Place) -> Any:
    value = construct._parse(place.stream, place.context, place.path)
    number = construct.octet(value)
    place.node.bits, place.node.number = construct.layout(number), number
    return value


@walk.register(Variant)
def _variant(construct: Variant, place: Place) -> Any:
    start = place.stream.tell()
    first = place.stream.read(1)
    place.stream.seek(start)
    chosen = construct.by_octet(first[0]) if first else None
    if chosen is None:
        return construct._parse(place.stream, place.context, place.path)  # to raise its error
    return walk(chosen, place)


@walk.register(FixedOrCompact)
def _fixed_or_compact(construct: FixedOrCompact, place: Place) -> Any:
    start = place.stream.tell()
    length = len(place.stream.read())
    place.stream.seek(start)
    return walk(construct.choose(length), place)


@walk.register(Salvage)
def _salvage(construct: Salvage, place: Place) -> Any:
    start = place.stream.tell()
    try:
        return walk(construct.subcon, place)
    except (c.ConstructError, MBusError):
        place.stream.seek(start)
        kept = construct._parse(place.stream, place.context, place.path)
        _blame(place.node, place.stream.tell(), kept["reason"])
        return kept


@walk.register(FT12)
def _ft12(construct: FT12, place: Place) -> Any:
    """A frame that the link layer drops is walked too, its fault marked where it was noticed."""
    start = place.stream.tell()
    refused: DecodeError | None = None
    try:
        construct._parse(place.stream, place.context, place.path)
    except DecodeError as error:
        refused = error
    place.stream.seek(start)
    value = None
    try:
        value = walk(construct.subcon, place)
    except (c.ConstructError, MBusError) as error:
        if refused is None:
            raise
        end = place.stream.tell() + len(_rest(place.stream))
        missing = isinstance(refused, IncompleteFrame)
        _blame(place.node, end, (refused if missing else as_decode_error(error, end)).message)
    if refused is not None and not isinstance(refused, IncompleteFrame):
        _mark(place.node, refused)
    return value


@walk.register(ToCheckSum)
def _to_check_sum(construct: ToCheckSum, place: Place) -> Any:
    """As long as the L field says. Where it fits not, its repetition may; else as many as there are."""
    available = len(_rest(place.stream))
    said = [place.context[name] - 3 for name in ("l_field", "l_field_repeated")]
    length = available - 2 if available - 2 in said else min(said[0], available)
    return _bounded(construct.subcon, max(0, length), place)


_SPECIAL: Final[dict[str, Anything]] = {
    "dif": Coded(c.Byte, SPECIAL_DIFS),
    "manufacturer_data": c.GreedyBytes,
    "vib": VIB,
}


@walk.register(RecordArea)
def _record_area(construct: RecordArea, place: Place) -> Any:
    """The grammar finds the items; each is walked within its own octets."""
    items = construct._parse(place.stream, place.context, place.path)
    end = place.stream.tell()
    for index, item in enumerate(items):
        start, stop = item["_span"]
        name = f"[{index}]"
        node = Node(name, place.node.path + name, construct.record, start, end=stop, value=item)
        place.node.children.append(node)
        place.stream.seek(start)
        stream = BytesIOWithOffsets.from_reading(place.stream, stop - start, place.path)
        inside = replace(place, stream=stream, node=node)
        if "malformed" in item:
            with contextlib.suppress(c.ConstructError, MBusError):
                walk(construct.record, inside)
            _blame(node, stop, item["reason"])
        elif "dif" in item:
            for key in filter(_SPECIAL.get, item):
                _enter(inside, key, _SPECIAL[key], "MBDOC48 6.3.2")
        else:
            walk(construct.record, inside)
    place.stream.seek(end)
    return items


@walk.register(DataRecordConstruct)
def _data_record(construct: Any, place: Place) -> Any:
    start = place.stream.tell()
    _enter(place, "dib", DIBOctets, "MBDOC48 6.3.2")
    _enter(place, "vib", VIBOctets, "MBDOC48 6.3.2")
    place.stream.seek(start)
    record = construct.header._parse(place.stream, place.context, place.path)
    place.node.value = record  # known even if the data fail
    record["data"] = _enter(place, "data", record["_header"].data)
    return record


@walk.register(VariableLength)
def _variable_length(construct: VariableLength, place: Place) -> Any:
    start = place.stream.tell()
    lvar = _enter(place, "lvar", Coded(c.Byte, LVAR_NAMES), "MBDOC48 6.3.2")
    place.stream.seek(start)
    parsed = construct._parse(place.stream, place.context, place.path)
    end = place.stream.tell()
    place.stream.seek(start + 1)
    content = construct.content(lvar)
    node = Node("value", f"{place.node.path}.value", content, start + 1, end=end, value=parsed["value"])
    place.node.children.append(node)
    if isinstance(content, CompactProfile):
        walk(content, replace(place, node=node))
    place.stream.seek(end)
    return parsed


@walk.register(CompactProfile)
def _compact_profile(construct: CompactProfile, place: Place) -> Any:
    start = place.stream.tell()
    profile = construct._parse(place.stream, place.context, place.path)
    end = place.stream.tell()
    if not isinstance(profile, bytes):
        place.stream.seek(start)
        control = walk(ProfileHeader, place)["control"]
        element = element_type(control["element_size"], control["increment_mode"])
        if element is not None:
            _enter(place, "elements", c.Array(len(profile["elements"]), element), "EN 13757-3:2018 Annex F")
        _enter(place, "rest", c.Bytes(end - place.stream.tell()))
    return profile


# --- Faults and cover ----------------------------------------------------------------------------


def _rest(stream: Stream) -> bytes:
    start = stream.tell()
    octets = stream.read()
    stream.seek(start)
    return octets


def _shown(value: Any) -> str:
    return f"{value:02X}h" if isinstance(value, int) else str(value)


def _blame(node: Node, end: int, reason: str) -> None:
    """Give the octets up to `end` to the field that failed within the node, and it the reason."""
    node.end = end
    if node.children and node.children[-1].failed:
        _blame(node.children[-1], end, reason)
        return
    reached = max((child.end for child in node.children), default=node.start)
    if node.children and reached < end:
        node.children.append(_octets(node, reached, end, reason))
    else:
        node.fault = reason


def _mark(node: Node, fault: DecodeError) -> None:
    """Set the fault on the smallest field that holds the octet where it was noticed."""
    for child in node.children:
        if fault.offset is not None and child.start <= fault.offset < child.end:
            _mark(child, fault)
            return
    node.fault = fault.message


def _octets(node: Node, start: int, end: int, fault: str) -> Node:
    path = f"{node.path}.octets".lstrip(".")
    return Node("octets", path, c.Bytes(end - start), start, end=end, fault=fault)


def _complete(node: Node) -> None:
    """Make the children cover the node: lists give way to their items, empty fields go, gaps get a field."""
    parts = sorted(_unlisted(node), key=lambda child: child.start)
    covered: list[Node] = []
    position = node.start
    for part in parts:
        if part.start == part.end and not part.fault:
            continue
        if part.start < position or part.end > node.end:
            node.children = []  # overlapping parts: better none than wrong ones
            return
        if part.start > position:
            covered.append(_octets(node, position, part.start, "no field of the grammar"))
        covered.append(part)
        position = part.end
    if covered and position < node.end:
        covered.append(_octets(node, position, node.end, "no field of the grammar"))
    node.children = covered
    for child in covered:
        _complete(child)


def _unlisted(node: Node) -> Iterator[Node]:
    for child in node.children:
        if child.listed and not child.fault:
            for item in _unlisted(child):
                item.name = child.name + item.name if item.name.startswith("[") else item.name
                yield item
        else:
            yield child

"""Follow a construct through octets: which field took which octets.

A construct gives values, not places. `trace` parses with the same declarations and notes where each named
field starts and ends, what it gave, and what went wrong. A class of constructs without an entry in `walk` is
one field without parts: it parses itself, so that nothing here can disagree with the grammar. The entries
here are for construct's own classes, `traced_grammars` adds those of the M-Bus grammars.

Reading never stops at a fault: the field that failed keeps the octets that were left, with the reason.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import singledispatch
from typing import TYPE_CHECKING, Any

import construct as c
from construct import lib
from construct.core import BytesIOWithOffsets, evaluate, stream_read

from mbus_grammars import DecodeError, MBusError
from mbus_grammars.base import Anything, Stream, as_decode_error

if TYPE_CHECKING:
    from mbus_grammars.bits import Bits


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
    children: list[Node] = field(default_factory=list["Node"])
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
    context: c.Container[Any] = c.Container(_parsing=True, _building=False, _sizing=False)
    context["_params"] = context
    root = Node(name, "", construct, 0, end=len(octets))
    place = Place(io.BytesIO(octets), context, "(parsing)", root)
    try:
        root.value = walk(construct, place)
    except (c.ConstructError, MBusError) as error:
        blame(root, len(octets), as_decode_error(error, place.stream.tell()).message)
    _complete(root)
    return root


# --- The walk ------------------------------------------------------------------------------------


@singledispatch
def walk(construct: Any, place: Place) -> Any:
    """The value that the construct gives at this place; the fields in it become children of the node."""
    return construct._parsereport(place.stream, place.context, place.path)


def enter(place: Place, name: str, construct: Anything, source: str = "") -> Any:
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


def passed_on(construct: Any, place: Place) -> Any:
    """For a construct that reads what the construct within it reads."""
    return walk(construct.subcon, place)


walk.register(c.Default, passed_on)
walk.register(c.Rebuild, passed_on)


@walk.register(c.Renamed)
def _renamed(construct: Any, place: Place) -> Any:
    return enter(place, construct.name, construct.subcon, construct.docs)


@walk.register(c.Struct)
def structure(construct: Any, place: Place) -> Any:
    """The named fields of a Struct, each as a field of its own."""
    outer = place.context
    found: c.Container[Any] = c.Container()
    context: c.Container[Any] = c.Container(
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
        yield enter(place, f"{first}[{index}]", construct.subcon)
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
    return bounded(construct.subcon, evaluate(construct.length, place.context), place)


@walk.register(c.Prefixed)
def _prefixed(construct: Any, place: Place) -> Any:
    length = enter(place, "length", construct.lengthfield)
    stream = BytesIOWithOffsets.from_reading(place.stream, length, place.path)
    return enter(replace(place, stream=stream), "content", construct.subcon)


def bounded(construct: Anything, length: int, place: Place) -> Any:
    """Walk a construct within the next `length` octets."""
    stream = BytesIOWithOffsets.from_reading(place.stream, length, place.path)
    return walk(construct, replace(place, stream=stream))


@walk.register(c.Transformed)
def _transformed(construct: Any, place: Place) -> Any:
    """Octets turned round before they are read: the parts lie in the mirror."""
    start = place.stream.tell()
    octets = stream_read(place.stream, construct.decodeamount, place.path)
    turned = BytesIOWithOffsets(construct.decodefunc(octets), place.stream, start)
    value = walk(construct.subcon, replace(place, stream=turned))
    if construct.decodefunc is lib.swapbytes:
        _mirror(place.node, 2 * start + len(octets))
    else:
        place.node.children.clear()
    return value


def _mirror(node: Node, ends: int) -> None:
    for child in node.children:
        child.start, child.end = ends - child.end, ends - child.start
        _mirror(child, ends)
    node.children.reverse()


# --- Faults and cover ----------------------------------------------------------------------------


def rest_of(stream: Stream) -> bytes:
    """The octets that are left."""
    start = stream.tell()
    octets = stream.read()
    stream.seek(start)
    return octets


def _shown(value: Any) -> str:
    return f"{value:02X}h" if isinstance(value, int) else str(value)


def blame(node: Node, end: int, reason: str) -> None:
    """Give the octets up to `end` to the field that failed within the node, and it the reason."""
    node.end = end
    if node.children and node.children[-1].failed:
        blame(node.children[-1], end, reason)
        return
    reached = max((child.end for child in node.children), default=node.start)
    if node.children and reached < end:
        node.children.append(_octets(node, reached, end, reason))
    else:
        node.fault = reason


def mark(node: Node, fault: DecodeError) -> None:
    """Set the fault on the smallest field that holds the octet where it was noticed."""
    for child in node.children:
        if fault.offset is not None and child.start <= fault.offset < child.end:
            mark(child, fault)
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
        part.name = node.name + part.name if part.name.startswith("[") else part.name
        if part.start == part.end and not _faulty(part):
            continue
        if part.start < position or part.end > node.end:
            node.children = []  # overlapping parts: better none than wrong ones
            return
        if part.start > position:
            covered.append(_octets(node, position, part.start, "no field of the grammar"))
        covered.append(part)
        position = part.end
    if covered and position < node.end:
        reason = "no field of the grammar" if node.path else f"behind the end of the {node.name}"
        covered.append(_octets(node, position, node.end, reason))
    node.children = covered
    for child in covered:
        _complete(child)


def _faulty(node: Node) -> bool:
    return bool(node.fault) or any(map(_faulty, node.children))


def _unlisted(node: Node) -> Iterator[Node]:
    for child in node.children:
        if child.listed and not child.fault:
            for item in _unlisted(child):
                item.name = child.name + item.name if item.name.startswith("[") else item.name
                item.source = item.source or child.source
                yield item
        else:
            yield child

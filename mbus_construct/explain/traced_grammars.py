"""The grammars' own constructs, for `trace`: where their fields lie.

What decides about the layout stays in the grammar: each entry asks the construct itself, or lets it parse and
looks at what it gave.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any, Final

import construct as c
from construct.core import BytesIOWithOffsets

from mbus_grammars import ChecksumError, DecodeError, Grammar, IncompleteFrame, MBusError
from mbus_grammars.application import FixedOrCompact
from mbus_grammars.base import Anything, as_decode_error
from mbus_grammars.bits import Bits, Coded, Number
from mbus_grammars.constructs import (
    ByFirstOctet,
    Cached,
    Derived,
    KeepMalformed,
    PresentIf,
    StrictStruct,
)
from mbus_grammars.dib import SPECIAL_DIFS, DIBOctets
from mbus_grammars.fields import CField
from mbus_grammars.layers import PAYLOAD_CRC_LENGTH, PayloadCRC, WithAFLLength, WithPayloadCRC
from mbus_grammars.line_codes import LineCode
from mbus_grammars.link import FT12, ToCheckSum
from mbus_grammars.lvar import LVAR_NAMES, VariableLength
from mbus_grammars.profile import CompactProfile, ProfileHeader, element_type
from mbus_grammars.record import DataRecordConstruct, RecordArea
from mbus_grammars.security import ByMode, SecurityFields
from mbus_grammars.vib import VIB, VIBOctets

from .tracer import Node, Place, blame, bounded, enter, mark, passed_on, rest_of, structure, trace, walk

__all__ = ["Node", "trace"]

for _class in (Derived, Grammar, Cached, Number, WithPayloadCRC):
    walk.register(_class, passed_on)

# Its octets are not in the data: one field, as of any construct that is not known here.
walk.register(LineCode, walk.dispatch(object))


@walk.register(StrictStruct)
def _layout(construct: Any, place: Place) -> Any:
    """A field that is absent is none of the values either."""
    found = structure(construct, place)
    for item in construct.subcons:
        if found[item.name] is None and getattr(item.subcon, "may_be_absent", False):
            del found[item.name]
    return found


@walk.register(PresentIf)
def _optionally(construct: Any, place: Place) -> Any:
    return walk(construct.subcon, place) if construct.condition(place.context) else None


@walk.register(Bits)
def _bits(construct: Any, place: Place) -> Any:
    number = _number(construct.size, place)
    place.node.bits, place.node.number = construct, number
    return construct._parse(place.stream, place.context, place.path)


@walk.register(ByMode)
def _by_mode(construct: Any, place: Place) -> Any:
    number = _number(construct.size, place)
    place.node.bits, place.node.number = construct.layout(number) or construct, number
    return construct._parse(place.stream, place.context, place.path)


@walk.register(SecurityFields)
def _security_fields(construct: Any, place: Place) -> Any:
    configuration_field = place.context["header"]["configuration_field"]
    chosen = construct.choose(configuration_field, rest_of(place.stream))
    return None if chosen is None else walk(chosen, place)


@walk.register(PayloadCRC)
def _payload_crc(construct: Any, place: Place) -> Any:
    """What a payload CRC covers is walked also where it is wrong."""
    start = place.stream.tell()
    sent = _number(PAYLOAD_CRC_LENGTH, place)
    try:
        return construct._parse(place.stream, place.context, place.path)
    except ChecksumError as error:
        place.node.fault = error.message
        place.stream.seek(start + PAYLOAD_CRC_LENGTH)
        return sent


@walk.register(WithAFLLength)
def _with_afl_length(construct: Any, place: Place) -> Any:
    """A wrong length is marked, and what is behind it walked."""
    start = place.stream.tell()
    refused: DecodeError | None = None
    try:
        construct._parse(place.stream, place.context, place.path)
    except DecodeError as error:
        refused = error
    except c.ConstructError:  # the walk comes across it too
        refused = None
    place.stream.seek(start)
    value = walk(construct.subcon, place)
    if refused is not None and refused.code == "length":
        mark(place.node, refused)
    return value


@walk.register(type(CField))
def _c_field(construct: Any, place: Place) -> Any:
    number = _number(1, place)
    place.node.bits, place.node.number = construct.layout(number), number
    return construct._parse(place.stream, place.context, place.path)


def _number(size: int, place: Place) -> int:
    """The number that the next octets make, least significant octet first."""
    return int.from_bytes(rest_of(place.stream)[:size], "little")


@walk.register(ByFirstOctet)
def _variant(construct: Any, place: Place) -> Any:
    start = place.stream.tell()
    first = place.stream.read(1)
    place.stream.seek(start)
    chosen = construct.by_octet(first[0]) if first else None
    if chosen is None:
        return construct._parse(place.stream, place.context, place.path)  # to raise its error
    return walk(chosen, place)


@walk.register(FixedOrCompact)
def _fixed_or_compact(construct: Any, place: Place) -> Any:
    start = place.stream.tell()
    length = len(place.stream.read())
    place.stream.seek(start)
    return walk(construct.choose(length), place)


@walk.register(KeepMalformed)
def _salvage(construct: Any, place: Place) -> Any:
    start = place.stream.tell()
    try:
        return walk(construct.subcon, place)
    except (c.ConstructError, MBusError):
        place.stream.seek(start)
        kept = construct._parse(place.stream, place.context, place.path)
        blame(place.node, place.stream.tell(), kept["reason"])
        return kept


@walk.register(FT12)
def _ft12(construct: Any, place: Place) -> Any:
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
        end = place.stream.tell() + len(rest_of(place.stream))
        missing = isinstance(refused, IncompleteFrame)
        blame(place.node, end, (refused if missing else as_decode_error(error, end)).message)
    if refused is not None and not isinstance(refused, IncompleteFrame):
        mark(place.node, refused)
    return value


@walk.register(ToCheckSum)
def _to_check_sum(construct: Any, place: Place) -> Any:
    """As long as the L field says. Where it fits not, its repetition may; else as many as there are."""
    available = len(rest_of(place.stream))
    said = [place.context[name] - 3 for name in ("l_field", "l_field_repeated")]
    length = available - 2 if available - 2 in said else min(said[0], available)
    return bounded(construct.subcon, max(0, length), place)


_SPECIAL: Final[dict[str, Anything]] = {
    "dif": Coded(c.Byte, SPECIAL_DIFS),
    "manufacturer_data": c.GreedyBytes,
    "vib": VIB,
}


@walk.register(RecordArea)
def _record_area(construct: Any, place: Place) -> Any:
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
            blame(node, stop, item["reason"])
        elif "dif" in item:
            for key in filter(_SPECIAL.get, item):
                enter(inside, key, _SPECIAL[key], "MBDOC48 6.3.2")
        else:
            walk(construct.record, inside)
    place.stream.seek(end)
    return items


@walk.register(DataRecordConstruct)
def _data_record(construct: Any, place: Place) -> Any:
    start = place.stream.tell()
    enter(place, "dib", DIBOctets, "MBDOC48 6.3.2")
    enter(place, "vib", VIBOctets, "MBDOC48 6.3.2")
    place.stream.seek(start)
    record = construct.header._parse(place.stream, place.context, place.path)
    place.node.value = record  # known even if the data fail
    record["data"] = enter(place, "data", record["_header"].data)
    return record


@walk.register(VariableLength)
def _variable_length(construct: Any, place: Place) -> Any:
    start = place.stream.tell()
    lvar = enter(place, "lvar", Coded(c.Byte, LVAR_NAMES), "MBDOC48 6.3.2")
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
def _compact_profile(construct: Any, place: Place) -> Any:
    start = place.stream.tell()
    profile = construct._parse(place.stream, place.context, place.path)
    end = place.stream.tell()
    if not isinstance(profile, bytes):
        place.stream.seek(start)
        control = walk(ProfileHeader, place)["control"]
        element = element_type(control["element_size"], control["increment_mode"])
        if element is not None:
            enter(place, "elements", c.Array(len(profile["elements"]), element), "EN 13757-3:2018 Annex F")
        enter(place, "rest", c.Bytes(end - place.stream.tell()))
    return profile

"""Compact profiles: a series of values in one record. EN 13757-3:2018 Annex F, via exmbus.

    control    increment mode (2) | spacing unit (2) | element size as a data field (4)
    spacing    1..250 of the unit, or a code
    elements   to the end of the data

Octets at the end that fill no whole element are kept.
"""

from __future__ import annotations

from typing import Any, Final, cast

from construct import Array, Container, Struct
from construct.core import stream_read, stream_write

from .base import Anything, Context, Stream, field_of, is_mapping, octets_of
from .bits import Bits, CodeTable, Octet, bits
from .coding import TypeH, type_a, type_b, type_c
from .constructs import field
from .dib import DATA_FIELDS, DATA_LENGTHS
from .errors import BuildError

INCREMENT_MODES: Final = CodeTable(
    {0: "absolute", 1: "positive increments", 2: "negative increments", 3: "signed increments"}, size=4
)
SPACING_UNITS: Final = CodeTable({0: "s", 1: "min", 2: "h", 3: "d"}, size=4)

ProfileControl: Final = Bits(
    1,
    increment_mode=bits(6, 2, table=INCREMENT_MODES),
    spacing_unit=bits(4, 2, table=SPACING_UNITS),
    element_size=bits(0, 4, table=DATA_FIELDS),
)

ProfileHeader: Final = Struct(
    field("control", ProfileControl, "EN 13757-3:2018 Annex F"),
    field("spacing", Octet, "EN 13757-3:2018 Annex F"),
)


def element_type(data_field: int, increment_mode: int) -> Anything | None:
    """The type of one element; None for sizes that a profile cannot have."""
    length = DATA_LENGTHS[data_field]
    if not length:
        return None
    if data_field == 5:
        return TypeH
    if data_field >= 9:
        return type_a(length)
    return type_b(length) if increment_mode in (0, 3) else type_c(length)


class CompactProfile(Anything):
    """The octets of a compact profile: {control, spacing, elements, rest}.

    `rest` holds octets that fill no whole element; a GreedyRange would swallow them silently. Octets that
    are no profile at all (too short, or elements of an impossible size) stay bytes.
    """

    def __init__(self, length: int) -> None:
        super().__init__()
        self.length = length

    def _parse(self, stream: Stream, context: Context, path: str) -> Container[Any] | bytes:
        octets = stream_read(stream, self.length, path)
        if len(octets) < 2:
            return octets
        header = ProfileHeader.parse(octets)
        control = header["control"]
        element = element_type(control["element_size"], control["increment_mode"])
        if element is None:
            return octets
        size = element.sizeof()
        count, rest = divmod(len(octets) - 2, size)
        elements = Array(count, element).parse(octets[2:])
        return Container(
            control=control, spacing=header["spacing"], elements=elements, rest=octets[len(octets) - rest :]
        )

    def _build(self, obj: Any, stream: Stream, context: Context, path: str) -> Any:
        if isinstance(obj, bytes):
            stream_write(stream, obj, len(obj), path)
            return obj
        if not is_mapping(obj):
            raise BuildError(field_of(path), obj, "a mapping with control, spacing, elements", path=path)
        header = cast("Any", ProfileHeader._build(dict(obj), stream, context, path))  # the stubs say int
        control = header["control"]
        element = element_type(control["element_size"], control["increment_mode"])
        if element is None:
            name, limit = field_of(path, "control.element_size"), "1 to 7, 9 to 12, 14"
            raise BuildError(name, control["element_size"], limit, path=path)
        for index, value in enumerate(obj["elements"]):
            element._build(value, stream, context, f"{path} -> elements[{index}]")
        rest = octets_of(obj.get("rest", b""), f"{path} -> rest")
        if len(rest) >= element.sizeof():
            raise BuildError(field_of(path, "rest"), rest, "fewer octets than one element", path=path)
        stream_write(stream, rest, len(rest), path)
        return obj

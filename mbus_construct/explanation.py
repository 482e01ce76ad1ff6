"""What `explain` gives: every octet of a telegram with its place, field, bits, meaning and clause."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from .hextext import to_hex

if TYPE_CHECKING:
    from .json_types import Form

Kind = Literal["link", "header", "record", "dib", "vib", "data", "raw"]


@dataclass(frozen=True, slots=True)
class BitSpan:
    """Neighbouring bits of a field; bit 0 is the least significant one of the number that the octets make.

    `value` is the whole field's, also where the field's bits lie apart and this is only a part of them.
    """

    high: int
    low: int
    name: str
    value: int
    meaning: str = ""

    @property
    def place(self) -> str:
        """The bit numbers: "7", "5..4"."""
        return str(self.low) if self.low == self.high else f"{self.high}..{self.low}"


@dataclass(frozen=True, slots=True)
class Span:
    """A field of the telegram, or a group of fields.

    Attributes:
        offset: its first octet, counted from the start of the data.
        octets: all its octets, as sent; none for a field that is missing.
        path: where the field stands in what the grammar parses ("user_data.records[2].vib.vif").
        name: the field's own name.
        value_text: the value as the field carries it; "" for groups.
        meaning: what the value says.
        bits: the parts of a field made of bits, highest bit first; together they are all its bits.
        source: the clause of the standard, or the document, that defines the field.
        level: depth, 0 for the whole telegram.
        kind: the layer it belongs to.
        group: whether the following spans of a higher level are its parts. The others are the leaves.
        fault: what is wrong here, "" if nothing is.
    """

    offset: int
    octets: bytes
    path: str
    name: str
    value_text: str = ""
    meaning: str = ""
    bits: tuple[BitSpan, ...] = ()
    source: str = ""
    level: int = 0
    kind: Kind = "link"
    group: bool = False
    fault: str = ""

    @property
    def end(self) -> int:
        """The offset behind its last octet."""
        return self.offset + len(self.octets)

    @property
    def label(self) -> str:
        """The field's name in words."""
        return self.name.replace("_", " ")

    def to_dict(self) -> dict[str, Any]:
        """The JSON shape."""
        return {**asdict(self), "octets": to_hex(self.octets)}


@dataclass(frozen=True, slots=True)
class Explanation:
    """Every octet of some data explained.

    `spans` stand in wire order, each group before its parts. The leaves (spans that are no group) cover every
    octet exactly once, in order, whatever the octets are.
    """

    octets: bytes
    spans: tuple[Span, ...]
    form: Form = "frame"

    @property
    def leaves(self) -> tuple[Span, ...]:
        """The spans that are no group."""
        return tuple(span for span in self.spans if not span.group)

    @property
    def faults(self) -> tuple[Span, ...]:
        """The spans where something is wrong."""
        return tuple(span for span in self.spans if span.fault)

    def to_dict(self) -> dict[str, Any]:
        """The JSON shape, made of plain Python values."""
        return {
            "form": self.form,
            "octets": to_hex(self.octets),
            "spans": [span.to_dict() for span in self.spans],
        }

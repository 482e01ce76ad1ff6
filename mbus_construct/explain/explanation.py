"""What `explain` gives: every octet of a telegram with its place, field, bits, meaning and clause."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from ..octets.hex_text import to_hex

if TYPE_CHECKING:
    from ..model.json_shapes import Form

Kind = Literal["link", "header", "record", "dib", "vib", "data", "raw"]


_ABBREVIATIONS: Final = frozenset(
    {"a", "acd", "c", "ci", "crc", "mac", "dfc", "dib", "dif", "dife", "fcb", "fcv", "l", "lvar", "prm"}
    | {"vib", "vif", "vife"}
)


def describe_frames(name: str) -> str:
    """A field's name as people write it: "C field", "storage number", "VIFE 1" for vifes[0]."""
    base, _, index = name.partition("[")
    if index:
        base = base.removesuffix("s")
    said = " ".join(word.upper() if word in _ABBREVIATIONS else word for word in base.split("_"))
    return f"{said} {int(index.rstrip(']')) + 1}" if index else said


@dataclass(frozen=True, slots=True)
class BitSpan:
    """Neighbouring bits of a field; bit 0 is the least significant one of the number that the octets make.

    `value` is the whole field's, also where the field's bits lie apart and this is only a part of them;
    `digits` are the bits that stand here, highest first.
    """

    high: int
    low: int
    name: str
    value: int
    meaning: str = ""
    digits: str = ""

    @property
    def label(self) -> str:
        """The name in words."""
        return describe_frames(self.name)

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
        plain: the octets decrypted, which value and meaning are of; b"" where nothing is hidden.
        size: how many octets the field has where a CRC of the frame interrupts it, else 0. The first of its
            spans has value, meaning and bits; the others are `continued`.
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
    plain: bytes = b""
    size: int = 0
    continued: bool = False

    @property
    def decrypted(self) -> bool:
        """Whether its octets were hidden and are explained in plain."""
        return bool(self.plain)

    @property
    def shown(self) -> bytes:
        """The octets that value and meaning are of: the plain ones where they were hidden."""
        return self.plain or self.octets

    @property
    def width(self) -> int:
        """How many octets its bits are of."""
        return self.size or len(self.octets)

    @property
    def end(self) -> int:
        """The offset behind its last octet."""
        return self.offset + len(self.octets)

    @property
    def is_crc(self) -> bool:
        """Whether it is the CRC of a block of a frame by radio."""
        return self.name.startswith("crcs[")

    @property
    def is_heading(self) -> bool:
        """Whether it opens a section: the whole telegram, the header, a record."""
        return not self.level or (self.group and self.kind in ("link", "header", "record"))

    @property
    def label(self) -> str:
        """The field's name in words."""
        return f"{describe_frames(self.name)}, continued" if self.continued else describe_frames(self.name)

    def to_dict(self) -> dict[str, Any]:
        """The JSON shape."""
        octets = {"octets": to_hex(self.octets), "plain": to_hex(self.plain)}
        return {**asdict(self), **octets, "decrypted": self.decrypted}


@dataclass(frozen=True, slots=True)
class Section:
    """What stands under one heading: the spans that follow it, up to the next heading.

    `continued` where the parts of `heading` go on behind another heading (the check sum behind the records).
    """

    heading: Span
    rows: tuple[Span, ...]
    continued: bool = False

    @property
    def offset(self) -> int:
        """Where it starts."""
        return self.rows[0].offset if self.rows else self.heading.offset

    @property
    def length(self) -> int:
        """How many octets stand under the heading."""
        return sum(len(span.octets) for span in self.rows if not span.group)

    @property
    def decrypted(self) -> bool:
        """Whether all fields of it were hidden."""
        fields = [span for span in self.rows if span.octets and not span.group and not span.is_crc]
        return bool(fields) and all(span.decrypted for span in fields)

    @property
    def title(self) -> str:
        """The heading in words."""
        heading = self.heading
        layer = heading.name == "user_data" and heading.meaning
        if self.continued:
            return f"{layer or heading.label}, continued"
        if heading.kind == "record":
            return heading.meaning or heading.label
        if layer:
            return layer
        return f"{heading.label}: {heading.meaning}".removesuffix(": ")


@dataclass(frozen=True, slots=True)
class Explanation:
    """Every octet of some data explained.

    `spans` stand in wire order, each group before its parts. The leaves (spans that are no group) cover every
    octet exactly once, in order, whatever the octets are.
    """

    octets: bytes
    spans: tuple[Span, ...]
    link: Form = "frame"

    @property
    def leaves(self) -> tuple[Span, ...]:
        """The spans that are no group."""
        return tuple(span for span in self.spans if not span.group)

    @property
    def decrypted(self) -> tuple[Span, ...]:
        """The fields that were hidden, and are explained in plain."""
        return tuple(span for span in self.leaves if span.decrypted)

    @property
    def faults(self) -> tuple[Span, ...]:
        """The spans where something is wrong."""
        return tuple(span for span in self.spans if span.fault)

    @property
    def sections(self) -> tuple[Section, ...]:
        """The spans under their headings: frame, header, each record. Headings without spans are left out."""
        found: list[Section] = []
        open_: list[Span] = []
        rows: list[Span] = []
        shown: set[int] = set()

        def close() -> None:
            if rows or (open_ and open_[-1].fault and id(open_[-1]) not in shown):
                found.append(Section(open_[-1], tuple(rows), id(open_[-1]) in shown))
                shown.add(id(open_[-1]))
                rows.clear()

        for span in self.spans:
            if span.is_heading or (open_ and open_[-1].level >= span.level):
                close()
                while open_ and open_[-1].level >= span.level:
                    open_.pop()
            if span.is_heading:
                open_.append(span)
            else:
                rows.append(span)
        close()
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """The JSON shape, made of plain Python values."""
        return {
            "link": self.link,
            "octets": to_hex(self.octets),
            "spans": [span.to_dict() for span in self.spans],
        }

"""Which octet means what: `explain` takes a telegram apart, octet by octet and bit by bit.

    from mbus_construct.explain import explain
    for span in explain("105B015C16").spans:
        print(span.offset, span.octets.hex(), span.label, span.meaning, span.source)

Places and values come from walking the grammars (`trace`), values of records from `decode`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from mbus_grammars import MBusError
from mbus_grammars.record import DataRecordConstruct

from ..decoding.decode import decode
from ..octets.hex_text import octets_from, visible
from ..octets.recognise import GRAMMARS, detect
from ..security.keys import Keys
from .crc_blocks import Blocks
from .decryption import Secured
from .explanation import BitSpan, Explanation, Kind, Span
from .meanings import bit_spans
from .records import Scope, heading, part_meaning, rows_of, words_of
from .traced_grammars import Node, trace

if TYPE_CHECKING:
    from ..model.json_shapes import Form
    from ..model.record import Record
    from ..security.keys import KeysLike

__all__ = ["BitSpan", "Explanation", "Span", "explain"]

_ROOTS: Final[dict[Form, str]] = {
    "frame": "frame",
    "c_field": "link user data",
    "ci_field": "application layer",
    "header": "header and records",
    "records": "records",
    "wireless": "wireless frame",
}


def explain(
    data: bytes | bytearray | memoryview | str, link: str = "auto", keys: KeysLike = None
) -> Explanation:
    """Every octet of some data, with its field, its bits, its meaning and the clause that says so.

    Args:
        data: the octets, or a string of hex digits with any or no separators.
        link: what they are: "frame" and "wireless" for whole frames, "c_field", "ci_field", "header" and
            "records" for octets that start there, or "auto".
        keys: as for `decode`. What they open is explained in plain; the explanation holds no key.

    Octets that are wrong, or too few, are explained too: the leaves of the explanation cover every octet, and
    those that could not be read say why. Raises `DecodeError` only for a string that is no hex text,
    `ValueError` for a form that there is not or keys that are none, and `MissingExtra` for keys without the
    extra "crypto".
    """
    octets = octets_from(data)
    named: tuple[Form, ...] = tuple(known for known in GRAMMARS if known == link)
    if not named and link != "auto":
        raise ValueError(f"link is one of auto, {', '.join(GRAMMARS)}, not {link!r}")
    found = named[0] if named else detect(octets) if octets else "frame"
    blocks = Blocks.of(octets) if found == "wireless" else None
    telegram = octets if blocks is None else blocks.telegram
    secured = Secured(telegram, telegram) if keys is None else Secured.of(telegram, found, Keys.of(keys))
    root = trace(GRAMMARS[found], secured.octets, _ROOTS[found])
    spans = _Spans(secured.octets, _records_by_offset(secured.octets, found, root)).of(root, 0, Scope())
    marked = secured.marked(spans)
    return Explanation(octets, tuple(marked if blocks is None else blocks.placed(marked)), found)


def _records_by_offset(octets: bytes, form: Form, root: Node) -> dict[int, tuple[int, Record]]:
    """The decoded records by their first octet, numbered as in `Telegram.records`.

    What the link layer refuses is decoded from its CI field on.
    """
    places = {child.name: child for child in root.children}
    start, end = 0, len(octets)
    try:
        telegram = decode(octets, link=form)
    except MBusError:
        if not {"ci_field", "user_data"} <= places.keys():
            return {}
        start, end = places["ci_field"].start, places["user_data"].end
        try:
            telegram = decode(octets[start:end], link="ci_field")
        except MBusError:
            return {}
    return {start + record.offset: (number, record) for number, record in enumerate(telegram.records)}


@dataclass(frozen=True, slots=True)
class _Spans:
    """Turns the tree of fields into spans."""

    octets: bytes
    records: dict[int, tuple[int, Record]]

    def of(self, node: Node, level: int, scope: Scope) -> Iterator[Span]:
        """The span of a field and those of its parts."""
        scope = self._scope(node, scope)
        if level and len(node.children) == 1 and not node.fault:
            yield from self.of(node.children[0], level, scope)  # a group of one says nothing of its own
            return
        group = bool(node.children)
        said = words_of(node, scope)
        yield Span(
            offset=node.start,
            octets=self.octets[node.start : node.end],
            path=node.path,
            name=node.name,
            value_text="" if group else visible(said.value_text),
            meaning=visible(heading(node, scope) if group else said.meaning),
            bits=() if group else bit_spans(node, partial(part_meaning, node, scope)),
            source=said.source or node.source,
            level=level,
            kind=_kind(node),
            group=group,
            fault=node.fault,
        )
        for child in node.children:
            yield from self.of(child, level + 1, scope)

    def _scope(self, node: Node, scope: Scope) -> Scope:
        number, record = self.records.get(node.start, (None, None))
        if isinstance(node.construct, DataRecordConstruct):
            header = None if node.value is None else node.value.get("_header")
            return Scope(number, record, header, node.construct.direction)
        if node.name.startswith("counter_"):
            return Scope(number, record)
        return replace(scope, rows=rows_of(node)) if node.name == "vib" else scope


_RAW: Final = frozenset({"payload", "encrypted", "fragment", "manufacturer_data", "octets", "error_data"})
_LINK: Final = frozenset(
    {"start", "l_field", "l_field_repeated", "start_repeated", "c_field", "a_field", "ci_field", "user_data"}
    | {"checksum", "stop"}
)
# Of a frame by radio, and of the extended link layer.
_ADDRESSES: Final = frozenset({"manufacturer", "identification_number", "version", "device_type", "receiver"})
_ELL: Final = frozenset({"communication_control", "session_number", "payload_crc"})


def _kind(node: Node) -> Kind:
    """The layer of a field, by its path."""
    steps = node.path.replace("[", ".[").split(".")
    kinds: tuple[Kind, ...] = ("dib", "vib", "data")
    for kind in kinds:
        if kind in steps:
            return kind
    if steps[-1] in _RAW:
        return "raw"
    if isinstance(node.construct, DataRecordConstruct) or steps[-1].startswith("counter_"):
        return "record"
    if steps[-1] == "dif":
        return "dib"
    return "link" if not node.path or _is_link(steps, node.source) else "header"


def _is_link(steps: list[str], source: str) -> bool:
    """Whether a field belongs to a frame, or to an extended link layer."""
    if steps[-1] in ("ci_field", "user_data"):
        return True
    if len(steps) == 1 or source.startswith("EN 13757-4"):
        return steps[-1] in _LINK | _ADDRESSES | _ELL | {"access_number"} and steps[0] != "header"
    return False

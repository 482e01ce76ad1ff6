"""Telegrams of layouts that hardly come twice: records are found one by one, and decoded all together.

A plan costs more than it saves here. But what the grammar has said of a record header holds in every
telegram, so that all numbers of one width can be loaded from wherever they stand.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from mbus_grammars.dib import MANUFACTURER_DIFS, SPECIAL_FUNCTIONS
from mbus_grammars.record import RecordsFromMeter

from ...decoding.manufacturers import registered
from ...decoding.nested import CONTAINER
from ...decoding.plans.fields import REFUSALS, Fault, reserved
from ...decoding.plans.link_and_header import frame_fields, meter_at, security
from ...decoding.plans.records import record_at
from ...values.headers import RecordHeader
from .plan import NUMBERS, Coding, Constant, coding_of
from .repeated_strings import VOCABULARIES
from .rows import header_cells, joined, layout_digest, layout_start
from .table import METER_COLUMNS
from .telegram_matrix import cells_of

if TYPE_CHECKING:
    from ...decoding.plans.fields import Described
    from ...decoding.plans.wired_shapes import Shape
    from .rows import Row
    from .source import Octets

_MAX_HEADERS: Final = 8192
_SHORTEST: Final = 2  # octets of a record header
_UNREADABLE: Final = 0  # the number of the header of records that cannot be read


class Known(NamedTuple):
    """A record header: its octets, octets of its data, how these are decoded, and its cells."""

    number: int
    header: RecordHeader
    described: Described | None
    size: int
    width: int
    coding: Coding
    cells: Row


class Headers:
    """Record headers by number, with what they say as arrays; all are forgotten when there are too many."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        nothing = Coding("odd", 0)
        cells = _cells(RecordHeader(), nothing, None)
        self.generation = VOCABULARIES.generation
        self.known: list[Known] = [Known(_UNREADABLE, RecordHeader(), None, 0, 0, nothing, cells)]
        self.at_once: dict[bytes, tuple[int, int]] = {}
        self.lengths: dict[bytes, tuple[int, ...]] = {}
        self._numbers: dict[int, Known] = {}
        self._arrays: tuple[Constant, ...] = ()

    def limit(self) -> None:
        """Start anew where there are too many; between batches."""
        if len(self.known) > _MAX_HEADERS or self.generation != VOCABULARIES.generation:
            self._start()

    def of(self, body: bytes, position: int, item: Described) -> Known:
        """The header at a position, which `item` describes."""
        known = self._numbers.get(id(item))
        if known is None or known.described is not item:
            parsed, start = RecordsFromMeter.header_at(body, position)
            width = item.length or 0
            coding = Coding("odd", width) if item.length is None else coding_of(parsed, item.read, width)
            cells = _cells(item.header, coding, joined(code for code, _ in item.remarks))
            known = Known(len(self.known), item.header, item, start - position, width, coding, cells)
            self._numbers[id(item)] = known
            self.known.append(known)
            if coding.kind != "odd" and not item.fault:
                self._remember(body[position:start], known)
        return known

    def _remember(self, octets: bytes, known: Known) -> None:
        """Octets that say at once which header they are, and how long its records are."""
        self.at_once[octets] = known.number, known.size + known.width
        first = octets[:_SHORTEST]
        lengths = self.lengths.get(first, ())
        if len(octets) > _SHORTEST and len(octets) not in lengths:
            self.lengths[first] = tuple(sorted((*lengths, len(octets))))

    def constants(self) -> tuple[Constant, ...]:
        """What each header says, by column."""
        if not self._arrays or len(self._arrays[0].values) < len(self.known):
            rows = [known.cells for known in self.known]
            self._arrays = tuple(Constant.of(name, [row[name] for row in rows]) for name in rows[0])
        return self._arrays


def _cells(header: RecordHeader, coding: Coding, code: str | None) -> Row:
    exponent = coding.scale.exponent if coding.kind in NUMBERS else None
    return {**header_cells(header), "value_type": coding.value_type, "exponent": exponent, "code": code}


class Scattered:
    """The records of many telegrams, one after the other.

    `decrypted`: they were encrypted, and nothing is to be said of that. `headers` are their numbers;
    `offsets` count within the telegrams. `odd` are the cells of those that had to be read by themselves, by
    row. `shared` is what all rows of each telegram have in common, `counts` how many rows it has.
    """

    def __init__(
        self, octets: Octets, known: Headers, decrypted: bool = False, *, with_layouts: bool = False
    ) -> None:
        self.octets = octets
        self.known = known
        self.decrypted = decrypted
        self.with_layouts = with_layouts
        self.headers: list[int] = []
        self.offsets: list[int] = []
        self.odd: dict[int, Row] = {}
        self.indexes: list[int] = []
        self.counts: list[int] = []
        self.shared: list[Row] = []

    def __len__(self) -> int:
        return len(self.headers)

    def add(self, index: int, telegram: bytes, shape: Shape) -> bool:
        """Find the records of a telegram that the link layer accepts.

        False, and nothing is kept, where it is more than records.
        """
        before, odd = len(self.headers), len(self.odd)
        secured = security(telegram, shape)
        if secured is None or (secured.remarks and not self.decrypted):
            return False
        body = telegram[: len(telegram) - shape.tail]
        if not self._find(body, shape) or len(self.headers) == before:
            del self.headers[before:], self.offsets[before:]
            while len(self.odd) > odd:
                self.odd.popitem()
            return False
        self.indexes.append(index)
        self.counts.append(len(self.headers) - before)
        shared = _shared(telegram, shape)
        if self.with_layouts:
            shared["layout"] = self._layout(telegram, shape, shared, before)
        self.shared.append(shared)
        return True

    def _layout(self, telegram: bytes, shape: Shape, shared: Row, before: int) -> str:
        """The name of the layout of the telegram whose records start with the one at `before`."""
        fields = frame_fields(telegram[shape.link], shape)
        kind = tuple(shared[name] for name in METER_COLUMNS) if shape.address is not None else None
        known = self.known.known
        headers = (known[number].header for number in self.headers[before:])
        start = layout_start(shape.form, fields, kind)
        return layout_digest(start, zip(self.offsets[before:], headers, strict=True))

    def layouts(self) -> Iterator[Row]:
        """What the layouts say of each record, with the columns of the table of layouts."""
        at = 0
        for shared, count in zip(self.shared, self.counts, strict=True):
            for index, row in enumerate(range(at, at + count)):
                cells = self.known.known[self.headers[row]].cells
                yield {**shared, **cells, "record": index, "offset": self.offsets[row]}
            at += count

    def _find(self, body: bytes, shape: Shape) -> bool:
        position, end, before = shape.start, len(body), len(self.headers)
        at_once, lengths = self.known.at_once.get, self.known.lengths.get
        add, place = self.headers.append, self.offsets.append
        special = 0
        while position < end:
            first = body[position : position + _SHORTEST]
            found = at_once(first)
            if found is None:
                for length in lengths(first, ()):
                    found = at_once(body[position : position + length])
                    if found is not None:
                        break
            if found is not None and position + found[1] <= end:
                add(found[0])
                place(position)
                position += found[1]
                continue
            dif = body[position]
            if dif in SPECIAL_FUNCTIONS:
                if dif in MANUFACTURER_DIFS:
                    return not registered()
                if reserved(dif, position) is not None:
                    return False
                position, special = position + 1, special + 1
                continue
            path = f"{shape.path}[{len(self.headers) - before + special}]"
            stop = self._other(body, position, path, len(self.headers) - before)
            if not stop:
                return False
            position = stop
        return True

    def _other(self, body: bytes, position: int, path: str, index: int) -> int:
        """A record that is read by itself, or not at all; gives where it ends.

        0 where data decide that, and for a record that holds a telegram.
        """
        row = len(self.headers)
        found = record_at(body, position, path, index)
        if isinstance(found, Fault):
            number = _UNREADABLE
            cells: Row = {"value_type": "none", "state": "error", "reason": found.reason, "code": found.code}
            self.odd[row] = cells
        else:
            if found.item.header.vib[: len(CONTAINER)] == CONTAINER:
                return 0
            known = self.known.of(body, position, found.item)
            number = known.number
            if known.coding.kind == "odd":
                try:
                    outcome = found.item.read(body[found.start : found.end])
                except REFUSALS:
                    return 0
                self.odd[row] = cells_of(known.cells["code"], outcome)
        self.headers.append(number)
        self.offsets.append(position)
        return found.end


def _shared(telegram: bytes, shape: Shape) -> Row:
    places = shape.places
    cells: Row = {}
    meter = meter_at(telegram, shape)
    if meter is not None:
        cells["meter_id"], cells["manufacturer"] = meter.identification_number, meter.manufacturer
        cells["version"], cells["device_type"] = meter.version, meter.device_type
    for name in ("access_number", "status"):
        if name in places:
            cells[name] = telegram[places[name]]
    return cells

"""A batch of telegrams to the sheet of the long table: groups, plans, and whatever has none one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from mbus_grammars import DecodeError, MBusError
from mbus_grammars.link import SINGLE_CHARACTER, START_LONG, START_SHORT, accept_one

from ...decoding.decode import decode, refuse_doubtful
from ...decoding.decrypted import read_opened
from ...decoding.manufacturers import registered
from ...decoding.nested import CONTAINER
from ...decoding.plans.plan import plan_for
from ...decoding.plans.wired_shapes import SHAPES, key_of, shape_of
from ...octets.recognise import C_FIELDS, CI_FIELDS, looks_like_frame, looks_wireless
from ...security.opening import Opened
from .checksums import may_be_by_radio, payload_crcs_fit, summed
from .fill import fill
from .fill_rare_layouts import fill_rare
from .groups import groups
from .long_table import Sheet
from .opening import Stock, prepared
from .plan import ColumnPlan, Layout, Part
from .pyarrow_import import pa
from .rare_layouts import Headers, Scattered
from .refusals import Refused, fill_refused
from .repeated_strings import VOCABULARIES
from .rows import error_row, telegram_rows, whole_codes
from .source import PAD, padded, stretch
from .telegram_matrix import matrix_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...decoding.plans.plan import Plan
    from ...model.json_shapes import Form
    from ...model.telegram import Telegram
    from .keyring import Keyring
    from .rows import Row
    from .source import Octets

# Fewer telegrams of a layout than these are read one by one: NumPy's calls would cost more.
_WORTH_COLUMNS: Final = 8

# Layouts that nobody has seen are tried so often in one group, the rest is read one by one.
_TRIES: Final = 4

_MAX_PLANS: Final = 4096

# Link, where the telegram starts, how long it is, octets of the layout; whether it was decrypted, and whether
# there are grammars for the data of manufacturers.
_Key = tuple[str, "Form", int, bytes, bool, bool]

_START: Final = bytes([START_LONG])

# What a header cannot start with, or something else may start there; and hex digits as text.
_OTHER_STARTS: Final = sorted({*C_FIELDS, *CI_FIELDS, START_LONG, START_SHORT, SINGLE_CHARACTER})
_DIGITS: Final = sorted(b"0123456789abcdefABCDEF")

# What telegrams without their link layer start with; those with the header first start with anything.
_FIRST_OCTETS: Final[dict[Form, list[int]]] = {
    "c_field": sorted(C_FIELDS),
    "ci_field": sorted(SHAPES["ci_field"]),
}


class Decoded(NamedTuple):
    """A sheet, and what it was filled from; `rows` are those of telegrams that were read one by one."""

    sheet: Sheet
    parts: list[Part]
    scattered: list[Scattered]
    rows: list[tuple[int, Row]]


class ColumnPlans:
    """The plans at hand, by a few octets of their layout; all are forgotten when there are too many."""

    def __init__(self) -> None:
        self._plans: dict[_Key, tuple[Layout, ...]] = {}
        self._count = 0
        self._generation = VOCABULARIES.generation

    def of(self, key: _Key) -> tuple[Layout, ...]:
        """Plans that may fit telegrams with a key, the latest first."""
        if self._generation != VOCABULARIES.generation:
            self._plans.clear()
            self._count = 0
            self._generation = VOCABULARIES.generation
        return self._plans.get(key, ())

    def make(self, key: _Key, sample: bytes) -> Layout | None:
        """The layout of a telegram, a `ColumnPlan` where it has rows; None where only the walk can tell."""
        made = _made(key, sample)
        if made is not None:
            if self._count >= _MAX_PLANS:
                self._plans.clear()
                self._count = 0
            self._count += 1
            self._plans[key] = (made, *self.of(key))
        return made


def _key(stock: Stock, form: Form, sample: bytes) -> _Key:
    shape = shape_of(sample, form)
    octets = b"" if shape is None else key_of(sample, shape)
    return stock.link, form, len(sample), octets, stock.decrypted, registered()


def _made(key: _Key, sample: bytes) -> Layout | None:
    form = key[1]
    try:
        plan = plan_for(sample, form, remarkable=True)
        telegram = _read(key, sample) if plan is not None else None
    except MBusError:
        return None
    if plan is None or telegram is None:
        return None
    same = telegram.link == form and len(telegram.records) == len(plan.area.fields)
    if not same or not _is_columnar(plan):
        return Layout(plan)
    return ColumnPlan(plan, telegram, whole_codes(telegram))


def _read(key: _Key, sample: bytes) -> Telegram:
    """The telegram as `decode` gives it; by radio there are no CRCs any more, and nothing is encrypted."""
    link, form, *_, decrypted, _ = key
    if decrypted or form == "wireless":
        return read_opened(Opened(sample, None, state="decrypted" if decrypted else None), form)
    return decode(sample, link=link)


def _is_columnar(plan: Plan) -> bool:
    """Whether the data are records of which `decode` has no more to say than the plan."""
    area = plan.area
    if area.faults or area.diagnostics or not area.fields:
        return False
    # Where such data start without a link layer depends on more than the header.
    if plan.remarks and plan.form not in ("frame", "wireless"):
        return False
    if area.manufacturer_data is not None and registered():
        return False
    return all(item.header.vib[: len(CONTAINER)] != CONTAINER for item in area.fields)


PLANS: Final = ColumnPlans()
HEADERS: Final = Headers()


def sheet_of(octets: Octets, link: str, wanted: Iterable[str], keys: Keyring) -> Decoded:
    """The long table of a batch, not yet as Arrow has it."""
    VOCABULARIES.limit()
    HEADERS.limit()
    names = frozenset(wanted)
    stocks, alone, refused = prepared(octets, link, keys)
    left = Alone(octets, link, keys)
    left.add(octets, alone)
    parts: list[Part] = []
    scattered: list[Scattered] = []
    for stock in stocks:
        planned, others = split(stock)
        parts += planned
        found = Scattered(stock.octets, HEADERS, stock.decrypted, with_layouts="layout" in names)
        others, damaged = scatter(stock, others, found)
        refused += damaged
        scattered.append(found)
        left.add(stock.octets, others)
    rows = left.rows()
    count = sum(len(part.rows) * len(part.plan) for part in parts) + sum(map(len, scattered))
    sheet = Sheet(count + len(refused) + len(rows), names)
    at = fill(sheet, parts)
    for found in scattered:
        fill_rare(sheet, found, at)
        at += len(found)
    fill_refused(sheet, refused, at)
    at += len(refused)
    sheet.put(at, rows)
    return Decoded(sheet, parts, scattered, rows)


def scatter(stock: Stock, alone: Iterable[int], found: Scattered) -> tuple[list[int], list[Refused]]:
    """The records of telegrams without a plan; gives those that are more than records, and the refused."""
    octets, link = stock.octets, stock.link
    left: list[int] = []
    refused: list[Refused] = []
    form: Any = "frame" if link == "auto" else link
    for index in alone:
        telegram = octets.telegram(index)
        if link == "auto" and not looks_like_frame(telegram):
            left.append(index)
            continue
        shape = shape_of(telegram, form)
        if form == "frame" and telegram[:1] == _START:
            try:
                accept_one(telegram)
            except DecodeError as error:
                if link == "auto" and looks_wireless(telegram):
                    left.append(index)
                else:
                    refused.append(Refused(int(octets.rows[index]), error_row(error)))
                continue
        if shape is None or not found.add(index, telegram, shape):
            left.append(index)
    return left, refused


class Alone:
    """Telegrams that `decode` reads one by one, as they were given, and rows of what holds no octets."""

    def __init__(self, octets: Octets, link: str, keys: Keyring) -> None:
        self._octets = octets
        self._link = link
        self._keys = keys
        self._sources: list[int] = []

    def add(self, octets: Octets, indexes: Sequence[int]) -> None:
        """Note telegrams; the octets may be others than those that were given, the rows are the same."""
        self._sources += octets.rows[list(indexes)].tolist()

    def rows(self) -> list[tuple[int, Row]]:
        """The rows of all of them, each with its source."""
        octets = self._octets
        rows: list[tuple[int, Row]] = []
        if self._sources:
            places = np.zeros(int(octets.rows.max()) + 1, np.int64)
            places[octets.rows] = np.arange(len(octets))
            for source, index in zip(self._sources, places[self._sources].tolist(), strict=True):
                rows += [(source, row) for row in self._rows_of(source, octets.telegram(index))]
        return rows + [(source, error_row(fault)) for source, fault in octets.faults.items()]

    def _rows_of(self, source: int, telegram: bytes) -> list[Row]:
        try:
            return telegram_rows(decode(telegram, link=self._link, keys=self._keys.of(source)))
        except MBusError as error:
            return [error_row(error)]


def split(stock: Stock, least: int = _WORTH_COLUMNS) -> tuple[list[Part], list[int]]:
    """The telegrams that plans fit, and the indexes of the others.

    Layouts with fewer telegrams than `least` are among the others.
    """
    octets, link = stock.octets, stock.link
    alone = np.ones(len(octets), bool)
    parts: list[Part] = []
    for form, members in _forms(octets, link):
        found = [group for group in groups(octets, members, form) if len(group) >= least]
        for group, matrix in zip(found, _sorted(octets, found), strict=True) if found else ():
            for plan, fitting in _planned(matrix, stock, form, least):
                chosen = fitting
                if link == "auto" and form != "frame":
                    chosen = fitting[_certain(plan, matrix[fitting], form)]
                    if not len(chosen):
                        continue
                indexes = group[chosen]
                lines = matrix if len(chosen) == len(group) else matrix_of(matrix[chosen])
                parts.append(Part(plan, octets.rows[indexes], lines))
                alone[indexes] = False
    return parts, np.flatnonzero(alone).tolist()


def _forms(octets: Octets, link: str) -> Iterator[tuple[Form, NDArray[np.int64]]]:
    """Telegrams by where they start, those left out of which only `decode` can tell."""
    everything = np.arange(len(octets))
    if link != "auto":
        form: Any = link
        yield form, everything
        return
    frames = np.diff(octets.starts) > 0
    frames[frames] = octets.data[octets.starts[:-1][frames]] == START_LONG
    yield "frame", everything[frames]
    # Elvaco's report 2001 and many gateways. The plan is made where `decode` finds the same start.
    others = everything[~frames & (np.diff(octets.starts) > 0)]
    for form in ("c_field", "ci_field", "header"):
        starts = octets.data[octets.starts[others]]
        chosen = np.isin(starts, _FIRST_OCTETS[form]) if form in _FIRST_OCTETS else np.ones(len(others), bool)
        yield form, others[chosen]
        others = others[~chosen]


def _planned(
    matrix: NDArray[np.uint8], stock: Stock, form: Form, least: int
) -> Iterator[tuple[ColumnPlan, NDArray[np.int64]]]:
    """Plans, and the lines of a group that each of them fits."""
    left, tries = np.arange(len(matrix)), _TRIES
    if form == "frame":
        left = np.flatnonzero(summed(matrix))
        if not len(left):
            return
    key = _key(stock, form, matrix[left[0]].tobytes())
    known = iter(PLANS.of(key))
    while len(left) >= least:
        plan = next(known, None)
        if plan is None:
            if tries <= 0:
                return
            plan = PLANS.make(key, matrix[left[0]].tobytes())
            if least > 1:  # else all of them are wanted in columns, with as many plans as there are layouts
                tries -= 1 if plan else 2
            if plan is None:
                left = left[1:]
                continue
        lines = matrix if len(left) == len(matrix) else matrix[left]
        fits = plan.fits(lines)
        if plan.plan.payload_crc:
            fits[fits] = payload_crcs_fit(lines[fits], plan.plan.payload_crc)
        if isinstance(plan, ColumnPlan) and fits.any():
            yield plan, left[fits]
        left = left[~fits]


def _certain(plan: ColumnPlan, lines: NDArray[np.uint8], form: Form) -> NDArray[np.bool_]:
    """Which telegrams of a layout without link layer `decode` finds to start there too, whatever their data.

    `decode` believes in a header with digits for an identification number, the earlier forms first; and it
    refuses what holds a whole frame, looks like hex digits, or is a damaged frame by radio.
    """
    place = plan.plan.places.get("identification_number")
    if place is None:
        return np.zeros(len(lines), bool)
    digits = lines[:, place : place + 4]
    certain = np.ones(len(lines), bool)
    certain &= ((digits <= 0x99) & (digits & 0x0F <= 9)).all(axis=1)
    first = lines[:, 0]
    if form == "header":
        certain &= ~np.isin(first, _OTHER_STARTS)
    for row in np.flatnonzero(certain & may_be_by_radio(lines)).tolist():
        certain[row] = not looks_wireless(lines[row].tobytes())
    for row in np.flatnonzero(
        certain & ((lines == START_LONG).any(axis=1) | np.isin(first, _DIGITS))
    ).tolist():
        try:
            refuse_doubtful(lines[row].tobytes())
        except DecodeError:
            certain[row] = False
    return certain


def _sorted(octets: Octets, found: Sequence[NDArray[np.int64]]) -> Iterator[NDArray[np.uint8]]:
    """The octets of each group, a line a telegram, all groups one behind the other."""
    starts, data = octets.starts, octets.data
    buffers = [None, pa.py_buffer(starts), pa.py_buffer(data)]
    array = pa.Array.from_buffers(pa.large_binary(), len(octets), buffers)
    # The longest telegram stands in front and behind, for the octets that are loaded there.
    longest = max((group[0] for group in found), key=lambda index: starts[index + 1] - starts[index])
    chosen = np.concatenate(([longest], *found, [longest]))
    lines, ends = stretch(array.take(pa.array(chosen)))
    at = int(ends[1])
    if at < PAD:
        lines, at = padded(lines), at + PAD
    for group in found:
        length = int(starts[group[0] + 1] - starts[group[0]])
        end = at + length * len(group)
        yield lines[at:end].reshape(len(group), length)
        at = end

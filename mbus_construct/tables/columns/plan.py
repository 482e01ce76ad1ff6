"""A plan of `layout` for many telegrams: which columns of octets are which cells.

Everything that does not depend on the data is found once for a layout; numbers, dates and identifications
are decoded a column at a time. A value that is out of the ordinary (an invalid digit, a mark, a recurring
date, a text) is read as the plan for one telegram reads it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import numpy as np

from mbus_grammars.lvar import VariableLength
from mbus_grammars.record import RecordsFromMeter
from mbus_grammars.vib import ReversedText

from ...values.to_value import identifier_digits, is_plain_text
from .moments import MOMENTS
from .repeated_strings import VOCABULARIES, index_type
from .rows import header_cells, joined, layout_id
from .table import OFFERED, WORDS

if TYPE_CHECKING:
    from decimal import Decimal

    from numpy.typing import NDArray

    from mbus_grammars import DataRecordHeader

    from ...decoding.plans.fields import Field
    from ...decoding.plans.plan import Plan
    from ...decoding.plans.readers import Reader
    from ...model.json_shapes import ValueType
    from ...model.telegram import Telegram
    from .rows import Row

Kind = Literal["integer", "bcd", "identifier", "moment", "text", "odd"]

NUMBERS: Final = ("integer", "bcd")

_LOAD: Final = 8  # octets of the widest number
_INT64: Final = 1 << 63


class Scale(NamedTuple):
    """A number in the table is raw * factor + added, with this exponent."""

    factor: int
    added: int
    exponent: int


class Coding(NamedTuple):
    """How a column of octets is decoded, and what type its ordinary values are.

    The kind "odd" means each by itself. `largest`: no number in the table is larger.
    """

    kind: Kind
    width: int
    value_type: ValueType | None = None
    signed: bool = False
    mark: int = 0
    scale: Scale = Scale(1, 0, 0)
    largest: int = 0
    moment: str = ""

    def alike(self) -> Alike:
        """What data have in common that can be decoded together."""
        return Alike(self.kind, self.width, self.signed, self.mark, self.moment)


class Alike(NamedTuple):
    """Data that are decoded together: of one kind and width, wherever they stand and whatever they mean."""

    kind: Kind
    width: int
    signed: bool
    mark: int
    moment: str


@dataclass(frozen=True, slots=True)
class Cell:
    """The data of one record: `field` of the plan, how it is decoded, and the codes of its remarks."""

    field: Field
    coding: Coding
    alike: Alike
    code: str | None


class Constant(NamedTuple):
    """A column whose cells do not depend on the data: one value a record, None for no value.

    `values` are numbers, or the indexes of words that `VOCABULARIES` has; `missing` are the records without.
    """

    name: str
    values: NDArray[Any]
    missing: tuple[int, ...]

    @classmethod
    def of(cls, name: str, values: list[Any]) -> Constant:
        """The constant for a column."""
        missing = tuple(index for index, value in enumerate(values) if value is None)
        if name in WORDS:
            vocabulary = VOCABULARIES.of(name)
            values = [0 if value is None else vocabulary.index(value) for value in values]
        numbers = np.array([value or 0 for value in values], index_type(OFFERED[name]))
        return cls(name, numbers, missing)


class Part(NamedTuple):
    """Telegrams of one layout: their rows in the batch, and their octets, a line each."""

    plan: ColumnPlan
    rows: NDArray[np.int64]
    matrix: NDArray[np.uint8]


class Layout:
    """Proves that telegrams have the layout of a plan. By itself: of a layout that has no rows in columns.

    Attributes:
        plan: the plan that this was made from.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        octets = plan.octets
        self.mask = np.frombuffer(plan.mask.to_bytes(len(octets), "little"), np.uint8)
        self.proof = np.frombuffer(octets, np.uint8) & self.mask

    def fits(self, matrix: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Which lines are telegrams of this layout, their check sums aside: every octet is compared."""
        differs = (matrix ^ self.proof) & self.mask
        fits: NDArray[np.bool_] = np.ones(len(matrix), bool)
        if differs.any():
            fits &= ~differs.any(axis=1)
        return fits


class ColumnPlan(Layout):
    """How telegrams of one layout become rows; made from the plan and the telegram for one of them.

    Attributes:
        cells: one a record.
        constants: the cells of each record that do not depend on the data.
        meter: manufacturer, version and device type, which belong to the layout; None without them.
        layout: the layout's name.
    """

    def __init__(self, plan: Plan, telegram: Telegram, noted: tuple[str, ...]) -> None:
        super().__init__(plan)
        self.cells = tuple(_cell(plan.octets, item, noted) for item in plan.area.fields)
        constants: list[Row] = [
            {
                **header_cells(cell.field.header),
                "record": index,
                "value_type": cell.coding.value_type,
                "exponent": cell.coding.scale.exponent if cell.coding.kind in NUMBERS else None,
                "code": cell.code,
                "offset": cell.field.offset,
            }
            for index, cell in enumerate(self.cells)
        ]
        self.constants = tuple(Constant.of(name, [row[name] for row in constants]) for name in constants[0])
        self.meter = telegram.meter
        self.layout = layout_id(telegram)

    def __len__(self) -> int:
        return len(self.cells)

    def headers(self) -> Iterator[Row]:
        """What the layout says of each record, with the columns of the table of layouts."""
        meter = self.meter
        start = {
            "layout": self.layout,
            "manufacturer": None if meter is None else meter.manufacturer,
            "version": None if meter is None else meter.version,
            "device_type": None if meter is None else meter.device_type,
        }
        for number, cell in enumerate(self.cells):
            header = cell.field.header
            yield {**start, "record": number, **header_cells(header), "offset": cell.field.offset}


def _cell(octets: bytes, item: Field, noted: tuple[str, ...]) -> Cell:
    header, _ = RecordsFromMeter.header_at(octets, item.offset)
    width = item.end - item.start
    if not item.lvar:
        coding = coding_of(header, item.read, width)
    elif width > 1 and _is_text(header, octets[item.start]):
        coding = Coding("text", width, "text")
    else:
        coding = Coding("odd", width)
    return Cell(item, coding, coding.alike(), joined((*noted, *(code for code, _ in item.remarks))))


def _is_text(header: DataRecordHeader, lvar: int) -> bool:
    """Whether these records hold a text whose last character is sent first."""
    data: Any = header.data
    if not isinstance(data, VariableLength) or not is_plain_text(header.meaning):
        return False
    return type(data.content(lvar)) is ReversedText  # one of its kind sends the first character first


def coding_of(header: DataRecordHeader, read: Reader, width: int) -> Coding:
    """How data of a fixed width are decoded."""
    odd = Coding("odd", width, "real" if header.data_type == "H" else None)
    if not 0 < width <= _LOAD:
        return odd
    moment = MOMENTS.get(header.data_type)
    if moment is not None and header.data is moment[0] and header.meaning.record_error is None:
        return Coding("moment", width, moment[1], moment=header.data_type)
    if identifier_digits(header) is not None:
        return Coding("identifier", width, "text")
    coding = read.coding
    if coding is None:
        return odd
    scale = _scale(coding.numbers.exponent, coding.numbers.offset)
    largest = 10 ** (2 * width) - 1 if coding.kind == "bcd" else (1 << 8 * width - int(coding.signed)) - 1
    most = largest * scale.factor + abs(scale.added)
    if most >= _INT64:
        return odd
    return Coding(coding.kind, width, "decimal", coding.signed, coding.numbers.mark, scale, most)


def _scale(exponent: int, offset: Decimal | int) -> Scale:
    """How raw numbers become mantissas of the exponent that `decode` gives: never above 0."""
    own = min(exponent, 0)
    factor = 10 ** max(exponent, 0)
    if not offset:
        return Scale(factor, 0, own)
    lowest = own if isinstance(offset, int) else min(own, int(offset.as_tuple().exponent))
    added = int(offset * 10 ** (-lowest))
    return Scale(factor * 10 ** (own - lowest), added, lowest)

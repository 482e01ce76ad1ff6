"""One table a layout: a row a telegram, a column a record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from ...values.to_value import EXACT
from .batch import Alone, split
from .exact import digits_of, narrow
from .long_table import Sheet, identifications, strings
from .moments import moments
from .numbers import integers
from .opening import prepared
from .plan import NUMBERS
from .pyarrow_import import pa
from .table import OFFERED, Output, field, names
from .telegram_matrix import Lines, characters, numbers, scaled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...values.headers import RecordHeader
    from .keyring import Keyring
    from .plan import Cell, Part
    from .rows import Row
    from .source import Octets

# The table of what has no row in any other.
REJECTED: Final = "rejected"

_TELEGRAM: Final = ("telegram", "meter_id", "access_number", "status")
WIDE_COLUMNS: Final = (*_TELEGRAM, "reasons")
_MAX_DIGITS: Final = 38  # of decimal128; numbers with more are texts
_REASONS: Final = pa.field("reasons", pa.string())


def wide(octets: Octets, link: str, output: Output, keys: Keyring) -> dict[str, Any]:
    """The tables by the names of their layouts; rows of the long table for what has no row there."""
    stocks, alone, refused = prepared(octets, link, keys)
    left = Alone(octets, link, keys)
    left.add(octets, alone)
    tables: dict[str, list[Any]] = {}
    for stock in stocks:
        parts, others = split(stock, least=1)
        left.add(stock.octets, others)
        for part in parts:
            tables.setdefault(part.plan.layout, []).append(_Wide(part).table(output))
    found = {name: pa.concat_batches(batches) for name, batches in tables.items()}
    rows = [*((item.source, item.cells) for item in refused), *left.rows()]
    if rows:
        columns = (*names("long", None, False, False), "layout")
        sheet = Sheet(len(rows), columns)
        sheet.put(0, rows)
        found[REJECTED] = sheet.table(columns, output)
    return found


class _Column(NamedTuple):
    """The column of a record: its name, and which record it is."""

    name: str
    number: int
    cell: Cell


def _columns(cells: Sequence[Cell]) -> list[_Column]:
    """A name for each record: what is measured in which unit, and what tells it from others."""
    found: list[_Column] = []
    used: dict[str, int] = {}
    for number, cell in enumerate(cells):
        name = _name(cell.field.header)
        used[name] = used.get(name, 0) + 1
        if used[name] > 1:
            name = f"{name} ({used[name]})"
        found.append(_Column(name, number, cell))
    return found


def _name(header: RecordHeader) -> str:
    parts = [header.quantity or "unreadable"]
    if header.unit:
        parts[0] += f" [{header.unit}]"
    parts += header.qualifiers
    if header.function not in (None, "instantaneous"):
        parts.append(str(header.function))
    numbers = (
        ("storage", header.storage_number),
        ("tariff", header.tariff),
        ("subunit", header.subunit),
    )
    parts += [f"{name} {number}" for name, number in numbers if number]
    return ", ".join(parts)


class _Wide:
    """The telegrams of one layout as columns."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.lines = Lines(part.matrix)
        self.columns = _columns(part.plan.cells)
        self.reasons: dict[int, list[str]] = {}

    def table(self, output: Output) -> Any:
        """One row a telegram."""
        arrays = [self._telegram(name, output.first) for name in _TELEGRAM]
        fields = [field(name, output.portable) for name in _TELEGRAM]
        decoded = self._decoded()
        for column in self.columns:
            for suffix, array in decoded[column.number].items():
                arrays.append(array)
                fields.append(pa.field(column.name + suffix, array.type))
        reasons = [self._reason(row) for row in range(len(self.lines))] if self.reasons else None
        arrays.append(self._texts(reasons))
        fields.append(_REASONS)
        return output.table(arrays, fields, self.part.rows)

    def _telegram(self, name: str, first: int) -> Any:
        """A column of the header."""
        places = self.part.plan.plan.places
        if name == "telegram":
            return pa.array(self.part.rows + first)
        place = places.get("identification_number" if name == "meter_id" else name)
        if place is None:
            return pa.nulls(len(self.lines), OFFERED[name])
        if name == "meter_id":
            return identifications(self.lines.identifications(place), None)
        return pa.array(self.part.matrix[:, place].astype(np.int16))

    def _decoded(self) -> dict[int, dict[str, Any]]:
        """The columns of each record, by the end of their names."""
        found: dict[int, dict[str, Any]] = {}
        for column in self.columns:
            kind = column.cell.coding.kind
            if kind in NUMBERS:
                found[column.number] = {"": self._numbers(column)}
            elif kind == "moment":
                found[column.number] = self._moments(column)
            elif column.cell.coding.value_type == "real":
                found[column.number] = {"": self._reals(column)}
            else:
                found[column.number] = {"": self._characters(column)}
        return found

    def _numbers(self, column: _Column) -> Any:
        coding = column.cell.coding
        values, wrong = numbers(self.lines.loaded(column.cell).copy(), column.cell.alike)
        mantissa, valid = scaled(values, coding.scale).astype(np.int64), None
        odd = np.flatnonzero(wrong)
        if len(odd):
            valid = np.ones(len(values), bool)
            for row, cells in self._odd(column, odd):
                valid[row] = cells["mantissa"] is not None
                mantissa[row] = cells["mantissa"] or 0
        scale = -coding.scale.exponent
        digits = max(digits_of(coding.largest), scale)
        if digits <= _MAX_DIGITS:
            return narrow(mantissa, digits, scale, valid)
        there = np.ones(len(mantissa), bool) if valid is None else valid
        exact = [EXACT.scaleb(Decimal(number), -scale) for number in mantissa.tolist()]
        return self._texts(
            [format(number, "f") if here else None for number, here in zip(exact, there, strict=True)]
        )

    def _moments(self, column: _Column) -> dict[str, Any]:
        coding = column.cell.coding
        raw = integers(self.lines.loaded(column.cell), coding.width, signed=False)
        seconds, ordinary, summer = moments(raw, coding.moment)
        for _ in self._odd(column, np.flatnonzero(~ordinary)):
            pass  # only its reason counts: what is no ordinary moment has no value
        times = pa.array(seconds, mask=~ordinary).cast(pa.timestamp("s"))
        if column.cell.coding.value_type == "date":
            return {"": times.cast(pa.date32())}
        if summer is None:
            return {"": times}
        words = pa.array(["summer time"], pa.string())
        flags = words.take(pa.array(np.zeros(len(summer), np.int32), mask=~(summer & ordinary)))
        return {"": times, ", flags": flags}

    def _reals(self, column: _Column) -> Any:
        values = [_decimal(cells) for _, cells in self._odd(column, np.arange(len(self.lines)))]
        return pa.array([None if value is None else float(value) for value in values], pa.float64())

    def _characters(self, column: _Column) -> Any:
        """Texts, and what else has no column of its own type, as a text."""
        if column.cell.coding.kind == "odd":
            every = self._odd(column, np.arange(len(self.lines)))
            return self._texts([_text(cells) for _, cells in every])
        lines, odd = characters(self.lines, column.cell)
        if not odd.any():
            offsets = np.arange(0, lines.size + 1, lines.shape[1], dtype=np.int32)
            return strings(offsets, None, np.ascontiguousarray(lines).reshape(-1))
        texts: list[str | None] = [line.tobytes().decode("latin-1") for line in lines]
        for row, cells in self._odd(column, np.flatnonzero(odd)):
            texts[row] = _text(cells)
        return self._texts(texts)

    def _odd(self, column: _Column, telegrams: NDArray[np.int64]) -> Iterator[tuple[int, Row]]:
        """The cells that are read one by one, with their telegrams; their reasons are noted."""
        for row, cells in zip(telegrams.tolist(), self.lines.one_by_one(column.cell, telegrams), strict=True):
            if cells["reason"] is not None:
                self.reasons.setdefault(row, []).append(f"{column.name}: {cells['reason']}")
            yield row, cells

    def _reason(self, row: int) -> str | None:
        return "; ".join(self.reasons[row]) if row in self.reasons else None

    def _texts(self, texts: list[str | None] | None) -> Any:
        return pa.nulls(len(self.lines), pa.string()) if texts is None else pa.array(texts, pa.string())


def _decimal(cells: Row) -> Decimal | None:
    mantissa, exponent = cells["mantissa"], cells["exponent"]
    return None if mantissa is None or exponent is None else EXACT.scaleb(Decimal(mantissa), exponent)


def _text(cells: Row) -> str | None:
    value = _decimal(cells)
    text: str | None = cells["value_text"] if value is None else format(value, "f")
    return text

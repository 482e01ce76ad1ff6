"""What the readers give: telegrams in a row, each with its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from ..columns.source import TELEGRAM_COLUMNS
from .pyarrow_import import pa

if TYPE_CHECKING:
    from mbus_grammars import MBusError

# Columns that hold telegrams when none is named; "octets" is the key in what `mbus decode` refused.
_COLUMNS: Final = ("mbus-raw", *(name for name in TELEGRAM_COLUMNS if name != "mbus-raw"), "octets")

_DECODED: Final = "decoded already, as mbus decode and mbus read write it: convert the telegrams themselves"

# What is written here, and is no input though it has a column that is called as one of telegrams.
_WRITTEN: Final = (
    ({"meter_id", "mantissa"}, "a table that mbus convert wrote: convert what it was made from"),
    ({"layout", "mantissa"}, "facts that mbus convert wrote: convert what they were made from"),
    ({"schema_version", "records"}, _DECODED),
    ({"identification_number", "record", "value"}, _DECODED),
)


class Fault(NamedTuple):
    """Why a row holds no telegram."""

    reason: str
    code: str


def fault_of(error: MBusError) -> Fault:
    """What an error says of a telegram."""
    return Fault(str(error), getattr(error, "code", "capture"))


class Wanted(NamedTuple):
    """The columns that are read.

    Attributes:
        column: of telegrams; None: see `column_of`.
        keep: those that go to the output.
        key: of keys, which never do; None for none.
    """

    column: str | None = None
    keep: tuple[str, ...] = ()
    key: str | None = None

    @property
    def others(self) -> tuple[str, ...]:
        """The columns beside that of the telegrams."""
        return self.keep if self.key is None else (*self.keep, self.key)

    @property
    def alone(self) -> Wanted:
        """The telegrams without what goes with them."""
        return Wanted(self.column)


@dataclass(frozen=True)
class Rows:
    """Telegrams in a row.

    Attributes:
        telegrams: an Arrow array: binary, or strings of hex digits; null where there is none.
        lines: an Arrow array of int64: the line, or the row, of each in its file, from 1.
        faults: of rows that could not be read, by index.
        keep: the other columns that are wanted, by name.
        lost: line and column of cells to keep that are no UTF-8; they are null.
    """

    telegrams: Any
    lines: Any
    faults: Mapping[int, Fault] = field(default_factory=dict[int, Fault])
    keep: Mapping[str, Any] = field(default_factory=dict[str, Any])
    lost: Sequence[tuple[int, str]] = ()

    def __len__(self) -> int:
        return len(self.telegrams)


def column_of(names: Sequence[str], wanted: Wanted) -> str:
    """The column with the telegrams. Raises `ValueError` that lists what there is."""
    shown = ", ".join(names) or "none at all"
    missing = [name for name in wanted.keep if name not in names]
    if wanted.key is not None and wanted.key not in names:
        raise ValueError(f"no column {wanted.key!r} with keys; the columns are: {shown}")
    if missing:
        raise ValueError(f"no column {', '.join(missing)} to keep; the columns are: {shown}")
    if wanted.column is not None:
        if wanted.column not in names:
            raise ValueError(f"no column {wanted.column!r}; the columns are: {shown}")
        return wanted.column
    for keys, what in _WRITTEN:
        if keys <= {*names}:
            raise ValueError(f"{what}; name the column of the telegrams with --column where there is one")
    for name in _COLUMNS:
        if name in names:
            return name
    if len(names) == 1:
        return names[0]
    raise ValueError(f"name the column of the telegrams with --column; the columns are: {shown}")


def numbers(first: int, count: int) -> Any:
    """An Arrow array of numbers in a row."""
    return pa.array(np.arange(first, first + count, dtype=np.int64))


def is_broken(cell: str) -> bool:
    """Whether octets of it are no UTF-8, and stand in it as halves of characters."""
    return not cell.isascii() and any("\ud800" <= character <= "\udfff" for character in cell)


def shown(cell: str | None) -> str | None:
    """A telegram with such octets written out, which decoding refuses and shows."""
    if cell is None or not is_broken(cell):
        return cell
    return cell.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="backslashreplace")

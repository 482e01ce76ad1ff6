"""Telegrams that the link layer refuses: a row each, with nothing but the error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .long_table import Column

if TYPE_CHECKING:
    from .long_table import Sheet
    from .rows import Row


class Refused(NamedTuple):
    """A telegram's row in the batch, and what is wrong with it.

    Not the error itself: it would hold on to the frames of its traceback, and they to the batch.
    """

    source: int
    cells: Row


def fill_refused(sheet: Sheet, refused: Sequence[Refused], at: int) -> None:
    """Fill in the rows from `at` on."""
    place = slice(at, at + len(refused))
    sheet.source[place] = [item.source for item in refused]
    for column in (*sheet.columns.values(), sheet.ids):
        if isinstance(column, Column):
            column.drop(place)
    rows = np.arange(at, at + len(refused))
    sheet.put_some(rows, [item.cells for item in refused], ("error", "code", "offset"))

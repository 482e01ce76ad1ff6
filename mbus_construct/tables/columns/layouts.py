"""The dimension of the star: what layouts say of each of their records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .pyarrow_import import pa
from .table import LAYOUT_COLUMNS

if TYPE_CHECKING:
    from .batch import Decoded
    from .rows import Row


def layouts(decoded: Decoded, schema: Any) -> Any:
    """One row for each record of each layout that a batch has."""
    found: dict[tuple[str, int], Row] = {}
    rows = [row for part in decoded.parts for row in part.plan.headers()]
    for scattered in decoded.scattered:
        rows += scattered.layouts()
    rows += [row for _, row in decoded.rows if row.get("record") is not None]
    for row in rows:
        found.setdefault((row["layout"], row["record"]), row)
    columns = [{name: row.get(name) for name in LAYOUT_COLUMNS} for row in found.values()]
    return pa.RecordBatch.from_pylist(columns, schema=schema)

"""pyarrow's parts, under one roof: it has no types, and here is where this room knows it."""

from __future__ import annotations

from typing import Any

from ..columns.pyarrow_import import pa, pc, required

csv: Any = required("pyarrow.csv", "arrow")
json: Any = required("pyarrow.json", "arrow")
ipc: Any = required("pyarrow.ipc", "arrow")
parquet: Any = required("pyarrow.parquet", "arrow")

__all__ = ["csv", "ipc", "json", "pa", "parquet", "pc"]

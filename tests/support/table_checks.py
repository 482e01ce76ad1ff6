"""The tables of a batch against what `decode` gives for each of its telegrams. One difference fails."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from mbus_construct import MBusError, decode
from mbus_construct.arrow import decode_batch, decode_star, decode_wide
from mbus_construct.security.keys import KeysError
from mbus_construct.tables.columns.rows import error_row, telegram_rows
from mbus_construct.tables.columns.table import OFFERED

EPOCH = datetime(1970, 1, 1)
ALL = tuple(name for name in OFFERED if name not in ("value", "value_decimal"))
Rows = dict[int, list[dict[str, Any]]]


def rows_of(octets: bytes, link: str, keys: Any = None, cell: Any = None) -> list[dict[str, Any]]:
    """The rows of a telegram as `decode` has them; `cell` is the key beside it."""
    try:
        return telegram_rows(decode(octets, link=link, keys=cell or keys))
    except KeysError as error:
        return [{"error": f"column 'secret' has no key for this telegram: {error}", "code": "key"}]
    except MBusError as error:
        return [error_row(error)]


def expected_rows(
    telegrams: Sequence[bytes], link: str = "auto", keys: Any = None, cells: Sequence[Any] | None = None
) -> Rows:
    """The rows of each telegram, with all columns."""
    found: Rows = {}
    for number, octets in enumerate(telegrams):
        cell = None if cells is None else cells[number]
        rows = [{name: row.get(name) for name in ALL} for row in rows_of(octets, link, keys, cell)]
        for row in rows:
            row["telegram"] = number
            seconds = row["value_time"]
            row["value_time"] = None if seconds is None else EPOCH + timedelta(seconds=seconds)
        found[number] = rows
    return found


def by_telegram(rows: Iterable[dict[str, Any]]) -> Rows:
    found: Rows = {}
    for row in rows:
        found.setdefault(row["telegram"], []).append(row)
    return found


def check_tables(batch: Any, wanted: Rows, **arguments: Any) -> None:
    """Long table, star and wide tables, made with some arguments."""
    table = decode_batch(batch, columns=ALL, **arguments)
    table.validate(full=True)
    assert by_telegram(table.to_pylist()) == wanted
    without_layouts = by_telegram(decode_batch(batch, **arguments).to_pylist())
    for number, rows in without_layouts.items():
        for row, whole in zip(rows, wanted[number], strict=True):
            assert {**row, "layout": whole["layout"]} == whole
    assert len(without_layouts) == len(wanted)
    facts, layouts = decode_star(batch, columns=ALL, **arguments)
    known = {(row["layout"], row["record"]): row for row in layouts.to_pylist()}
    for number, rows in by_telegram(facts.to_pylist()).items():
        for row, original in zip(rows, wanted[number], strict=True):
            if original["record"] is not None:
                assert {**known[row["layout"], row["record"]], **row} == original
    check_wide(decode_wide(batch, **arguments), wanted)


def check_wide(tables: dict[str, Any], wanted: Rows) -> None:
    """Every row of the long table is a cell of a wide one, or a row of its table of rejected ones."""
    left = dict(wanted)
    rejected = tables.pop("rejected", None)
    found = by_telegram(rejected.to_pylist()) if rejected is not None else {}
    for number, rows in found.items():
        assert rows == left.pop(number)
    for layout, table in tables.items():
        table.validate(full=True)
        names = [name for name in table.schema.names if not name.endswith(", flags")]
        for row in table.to_pylist():
            rows = left.pop(row["telegram"])
            assert {item["layout"] for item in rows} == {layout}
            assert {item["meter_id"] for item in rows} == {row["meter_id"]}
            cells = [row[name] for name in names[4:-1]]
            assert len(cells) == len(rows)
            for cell, item in zip(cells, rows, strict=True):
                check_cell(cell, item)
                if item["reason"] is not None:
                    assert item["reason"] in row["reasons"]
    assert not left


def check_cell(cell: Any, item: dict[str, Any]) -> None:
    """A cell of a wide table against its row of the long one."""
    if item["mantissa"] is not None:
        if isinstance(cell, str):  # the telegram says itself how long the number is
            assert cell == format(decimal_of(item), "f")
        elif item["value_type"] == "real":
            assert cell == float(f"{item['mantissa']}e{item['exponent']}")
        else:
            exact = decimal_of(item)
            assert (cell, cell.as_tuple()) == (exact, exact.as_tuple())
    elif item["value_time"] is not None:
        date = item["value_type"] == "date"
        assert cell == (item["value_time"].date() if date else item["value_time"])
    else:
        assert cell == item["value_text"]


def decimal_of(item: dict[str, Any]) -> Decimal:
    return Decimal(f"{item['mantissa']}e{item['exponent']}")

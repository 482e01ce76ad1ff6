"""Floods: nothing but malformed telegrams, and every telegram of another layout.

Against the grammar's walk alone, on the same telegrams.

Each telegram is seen once, as in a flood: what a decoder remembers of a layout does not help with the next.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from time import process_time
from typing import TYPE_CHECKING, Any, Final

import fleet

from mbus_construct import MBusError, Telegram, decode
from mbus_construct.decoding.reference import walk

if TYPE_CHECKING:
    from benchmark_table import Figures

MALFORMED: Final = 50_000
LAYOUTS: Final = 100_000
BATCH: Final = 50_000
WARM: Final = 500  # telegrams read beforehand: code tables and record headers are known to everybody
TARGET: Final = 5


def _walk(octets: bytes) -> Telegram:
    return walk(octets, "frame")


def _decode(octets: bytes) -> Telegram:
    return decode(octets, link="frame")


def _outcomes(run: Callable[[bytes], Telegram], octets: Sequence[bytes]) -> tuple[float, int, int]:
    """Telegrams a second; how many were read without errors, how many reported."""
    clean = reported = 0
    start = process_time()
    for telegram in octets:
        try:
            diagnostics = run(telegram).diagnostics
        except MBusError:
            reported += 1
        else:
            if any(remark.severity == "error" for remark in diagnostics):
                reported += 1
            else:
                clean += 1
    return len(octets) / (process_time() - start), clean, reported


def _batches(octets: Sequence[bytes]) -> tuple[float, int, int] | None:
    """The same of `decode_batch`; None where its extra is not installed."""
    try:
        arrow: Any = importlib.import_module("mbus_construct.arrow")
        pc: Any = importlib.import_module("pyarrow.compute")
    except ImportError:
        return None
    chunks = [fleet.column(octets[start : start + BATCH]) for start in range(0, len(octets), BATCH)]
    clean = reported = 0
    seconds = 0.0
    for chunk in chunks:
        start = process_time()
        table = arrow.decode_batch(chunk, link="frame")
        seconds += process_time() - start
        numbers = table.column("telegram")
        faulty = pc.or_kleene(pc.is_valid(table.column("error")), pc.equal(table.column("state"), "error"))
        bad = pc.count_distinct(numbers.filter(faulty)).as_py()
        reported += bad
        clean += pc.count_distinct(numbers).as_py() - bad
    return len(octets) / seconds, clean, reported


def _flood(what: str, octets: Sequence[bytes], figures: Figures) -> None:
    figures.heading(f"flood: {len(octets):,} {what}")
    _outcomes(_walk, octets[:WARM])
    _outcomes(_decode, octets[:WARM])
    flood = octets[WARM:]
    base, clean, reported = _outcomes(_walk, flood)
    figures.rate(f"the grammar's walk: {clean:,} read, {reported:,} reported", base)
    for name, outcome in (
        ("decode", _outcomes(_decode, flood)),
        ("decode_batch", _batches(flood)),
    ):
        if outcome is None:
            figures.note(f"{name} is left out: it needs the extra arrow")
            continue
        rate, *counts = outcome
        figures.rate(f"{name}: {counts[0]:,} read, {counts[1]:,} reported", rate)
        figures.at_least(f"{what}: {name} : walk", rate / base, TARGET)
        figures.at_most(f"{name}: other outcomes than the walk's", abs(counts[1] - reported), 0, "")
        figures.at_most(f"{name}: neither read nor reported", len(flood) - sum(counts), 0, "")


def main(made: fleet.Fleet, figures: Figures) -> None:
    """Both floods."""
    _flood("malformed telegrams", list(fleet.flood_of_malformed(made, MALFORMED)), figures)
    _flood(f"telegrams of {LAYOUTS:,} layouts", list(fleet.many_layouts(LAYOUTS, made.seed)), figures)

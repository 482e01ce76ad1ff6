"""The tables of many telegrams have the cells that `decode` gives for each. One difference fails."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import strategies
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from test_mutations import mutated

from helpers import with_check_sum
from mbus_construct import MBusError, decode
from mbus_construct.layout.plan import plan_for
from mbus_grammars import BuildError, Frame
from telegrams import README_TELEGRAM
from vectors import FRAMES

pa: Any = pytest.importorskip("pyarrow", reason="tables need the extra arrow")

from mbus_construct.arrow import decode_batch, decode_star, decode_wide  # noqa: E402
from mbus_construct.columns.batch import split  # noqa: E402
from mbus_construct.columns.rows import error_row, telegram_rows  # noqa: E402
from mbus_construct.columns.source import octets_of  # noqa: E402
from mbus_construct.columns.table import OFFERED  # noqa: E402

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "wired.jsonl"
EPOCH = datetime(1970, 1, 1)
ALL = tuple(name for name in OFFERED if name not in ("value", "value_decimal"))
MANY = 10  # telegrams of a layout: enough for columns


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311  repeatable


def rows_of(octets: bytes, link: str = "auto") -> list[dict[str, Any]]:
    """The rows of a telegram as `decode` has them."""
    try:
        return telegram_rows(decode(octets, link=link))
    except MBusError as error:
        return [error_row(error)]


def expected(telegrams: Sequence[bytes], link: str = "auto") -> dict[int, list[dict[str, Any]]]:
    """The rows of each telegram, with all columns."""
    found: dict[int, list[dict[str, Any]]] = {}
    for number, octets in enumerate(telegrams):
        rows = [{name: row.get(name) for name in ALL} for row in rows_of(octets, link)]
        for row in rows:
            row["telegram"] = number
            seconds = row["value_time"]
            row["value_time"] = None if seconds is None else EPOCH + timedelta(seconds=seconds)
        found[number] = rows
    return found


def by_telegram(rows: Iterable[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["telegram"], []).append(row)
    return found


def check(telegrams: Sequence[bytes], link: str = "auto") -> None:
    batch = pa.record_batch({"telegram": pa.array(telegrams, pa.binary())})
    wanted = expected(telegrams, link)
    table = decode_batch(batch, link=link, columns=ALL)
    table.validate(full=True)
    assert by_telegram(table.to_pylist()) == wanted
    without_layouts = by_telegram(decode_batch(batch, link=link).to_pylist())
    for number, rows in without_layouts.items():
        for row, whole in zip(rows, wanted[number], strict=True):
            assert {**row, "layout": whole["layout"]} == whole
    assert len(without_layouts) == len(wanted)
    facts, layouts = decode_star(batch, link=link, columns=ALL)
    known = {(row["layout"], row["record"]): row for row in layouts.to_pylist()}
    for number, rows in by_telegram(facts.to_pylist()).items():
        for row, original in zip(rows, wanted[number], strict=True):
            if original["record"] is not None:
                assert {**known[row["layout"], row["record"]], **row} == original
    check_wide(batch, link, wanted)


def check_wide(batch: Any, link: str, wanted: dict[int, list[dict[str, Any]]]) -> None:
    """Every row of the long table is a cell of a wide one, or a row of its table of rejected ones."""
    tables = decode_wide(batch, link=link)
    rejected = tables.pop("rejected", None)
    found = by_telegram(rejected.to_pylist()) if rejected is not None else {}
    for number, rows in found.items():
        assert rows == wanted.pop(number)
    for layout, table in tables.items():
        table.validate(full=True)
        names = [name for name in table.schema.names if not name.endswith(", flags")]
        for row in table.to_pylist():
            rows = wanted.pop(row["telegram"])
            assert {item["layout"] for item in rows} == {layout}
            cells = [row[name] for name in names[4:-1]]
            assert len(cells) == len(rows)
            for cell, item in zip(cells, rows, strict=True):
                check_cell(cell, item)
                if item["reason"] is not None:
                    assert item["reason"] in row["reasons"]
    assert not wanted


def check_cell(cell: Any, item: dict[str, Any]) -> None:
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


def varied(octets: bytes, rng: random.Random, count: int = MANY) -> list[bytes]:
    """The telegram with other data and the same layout; some of them damaged."""
    try:
        plan = plan_for(octets)
    except MBusError:
        plan = None
    if plan is None:
        return [octets] * count
    mask = plan.mask.to_bytes(len(octets), "little")
    free = [place for place, bits in enumerate(mask) if not bits and place < len(octets) - 2]
    found: list[bytes] = []
    for _ in range(count):
        changed = bytearray(octets)
        for place in free:
            if not rng.randrange(3):
                changed[place] = rng.choice((0, 0x99, 0x80, 0xFF, *(rng.randrange(256) for _ in range(4))))
        whole = with_check_sum(bytes(changed))
        found.append(mutated(whole, rng) if not rng.randrange(20) else whole)
    return found


def test_frames_of_the_standard() -> None:
    rng = seeded(1)
    telegrams = [octets for frame in FRAMES for octets in (frame, *varied(frame, rng))]
    rng.shuffle(telegrams)
    check(telegrams)


def test_plans_are_used() -> None:
    """Otherwise everything here would compare `decode` with itself."""
    telegrams = [octets for frame in FRAMES for octets in varied(frame, seeded(2))]
    parts, alone = split(octets_of(pa.array(telegrams, pa.binary())), "auto")
    assert len(parts) > 10
    assert len(telegrams) - len(alone) > 10 * MANY / 2


@pytest.mark.skipif(not CORPUS.exists(), reason=f"no collection of telegrams at {CORPUS}")
def test_real_telegrams_and_variations_of_them() -> None:
    rng = seeded(3)
    telegrams: list[bytes] = []
    for line in CORPUS.read_text().splitlines():
        octets = bytes.fromhex(json.loads(line)["hex"])
        telegrams += (octets, *varied(octets, rng, 20))
    rng.shuffle(telegrams)
    check(telegrams)


def test_damaged_frames() -> None:
    rng = seeded(4)
    check([mutated(rng.choice(FRAMES), rng) for _ in range(2000)])


@settings(max_examples=150, deadline=None)
@given(strategies.long_frames(), st.randoms(use_true_random=False))
def test_frames_that_the_grammar_writes(frame: dict[str, Any], rng: random.Random) -> None:
    try:
        octets = Frame.build(frame)
    except BuildError:  # longer than a frame can be
        assume(False)
    check(varied(octets, rng))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=30))
def test_any_octets(telegrams: list[bytes]) -> None:
    check([*telegrams, *telegrams[:1] * MANY])
    framed = [
        with_check_sum(b"\x68" + bytes([len(item) + 3]) * 2 + b"\x68\x08\x01\x72" + item + b"\x00\x16")
        for item in telegrams
    ]
    check(framed * 2)


@pytest.mark.parametrize(
    ("link", "start"),
    [("c_field", 4), ("ci_field", 6), ("header", 7), ("records", 19)],
    ids=str,
)
def test_telegrams_without_frame(link: str, start: int) -> None:
    telegrams = [octets[start:-2] for octets in varied(README_TELEGRAM, seeded(5), 40)]
    check(telegrams, link)


def test_telegrams_from_the_c_field_on() -> None:
    """Elvaco's report 2001: user data from the C field on."""
    rng = seeded(6)
    telegrams = [octets[4:-2] for octets in varied(README_TELEGRAM, rng, 40) if octets[-1] == 0x16]
    parts, _ = split(octets_of(pa.array(telegrams, pa.binary())), "auto")
    assert parts
    check(telegrams)


@pytest.mark.parametrize("start", [4, 6, 7])
def test_whether_they_are_telegrams_at_all_is_found_for_each(start: int) -> None:
    """A frame among the data, identification numbers that are none, octets that may be something else."""
    rng = seeded(7)
    telegrams = [octets[start:-2] for octets in varied(README_TELEGRAM, rng, 60)]
    frame = bytes.fromhex("680303680801788116")
    telegrams += [octets[: -len(frame)] + frame for octets in telegrams[:20]]
    telegrams += [bytes([rng.randrange(256)]) + octets[1:] for octets in telegrams[:40]]
    rng.shuffle(telegrams)
    check(telegrams)


def test_octets_that_start_like_a_frame_and_are_none() -> None:
    header = bytes.fromhex("683412782440720701000000")
    records = bytes.fromhex("0c13270485020c13270485020c1327048502")
    check([header + records] * MANY + [header + records[:6]])


def test_more_plans_than_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    from mbus_construct.columns import batch as batches  # noqa: PLC0415

    monkeypatch.setattr(batches, "_MAX_PLANS", 2)
    test_frames_of_the_standard()


def test_more_words_than_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    from mbus_construct.columns import words  # noqa: PLC0415

    monkeypatch.setattr(words, "_MAX_WORDS", 3)
    for _ in range(2):
        test_frames_of_the_standard()

"""The tables of many telegrams have the cells that `decode` gives for each. One difference fails."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import strategies
from amounts import counts, examples
from checkout import corpus, needs_corpus
from helpers import with_check_sum
from mbus_construct import MBusError
from mbus_construct.decoding.plans.plan import plan_for
from mbus_grammars import BuildError, Frame
from mutations import mutated
from telegrams import README_TELEGRAM
from vectors import FRAMES

pa: Any = pytest.importorskip("pyarrow", reason="tables need the extra arrow")

from mbus_construct.tables.columns.batch import split  # noqa: E402
from mbus_construct.tables.columns.opening import Stock  # noqa: E402
from mbus_construct.tables.columns.source import octets_of  # noqa: E402
from table_checks import check_tables, expected_rows  # noqa: E402

MANY = 10  # telegrams of a layout: enough for columns


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311  repeatable


def check(telegrams: Sequence[bytes], link: str = "auto") -> None:
    batch = pa.record_batch({"telegram": pa.array(telegrams, pa.binary())})
    check_tables(batch, expected_rows(telegrams, link), link=link)


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
    parts, alone = split(Stock(octets_of(pa.array(telegrams, pa.binary())), "auto"))
    assert len(parts) > 9
    assert len(telegrams) - len(alone) > 10 * MANY / 2


@needs_corpus
@counts(2, 20)
def test_real_telegrams_and_variations_of_them(count: int) -> None:
    rng = seeded(3)
    telegrams: list[bytes] = []
    for item in corpus("wired"):
        octets = bytes.fromhex(item["hex"])
        telegrams += (octets, *varied(octets, rng, count))
    rng.shuffle(telegrams)
    check(telegrams)


@counts(200, 2000)
def test_damaged_frames(count: int) -> None:
    rng = seeded(4)
    check([mutated(rng.choice(FRAMES), rng) for _ in range(count)])


@examples(150)
@given(strategies.long_frames(), st.randoms(use_true_random=False))
def test_frames_that_the_grammar_writes(frame: dict[str, Any], rng: random.Random) -> None:
    try:
        octets = Frame.build(frame)
    except BuildError:  # longer than a frame can be
        assume(False)
    check(varied(octets, rng))


@examples(100)
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
    parts, _ = split(Stock(octets_of(pa.array(telegrams, pa.binary())), "auto"))
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
    from mbus_construct.tables.columns import batch as batches  # noqa: PLC0415

    monkeypatch.setattr(batches, "_MAX_PLANS", 2)
    test_frames_of_the_standard()


def test_more_words_than_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    from mbus_construct.tables.columns import repeated_strings  # noqa: PLC0415

    monkeypatch.setattr(repeated_strings, "_MAX_WORDS", 3)
    for _ in range(2):
        test_frames_of_the_standard()

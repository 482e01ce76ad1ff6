"""Plans give what the grammar's walk gives: values, states, diagnostics, offsets, errors. One difference fails."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import strategies
from amounts import counts, examples
from checkout import corpus, needs_corpus
from helpers import with_check_sum
from layout_checks import ROUNDS, check, check_forms, outcome, walk_frame
from mbus_construct.decoding.plans import Plans, plan_for
from mbus_grammars import BuildError, Frame
from mutations import mutated
from telegrams import README_TELEGRAM
from vectors import FRAMES


def varied(octets: bytes, rng: random.Random) -> bytes:
    """The telegram with other data: any octet behind the header may change, so that most keep their layout."""
    changed = bytearray(octets)
    for place in range(len(changed) - 2):
        if place in (5, 7, 8, 15, 16) or (place > 20 and not rng.randrange(3)):
            changed[place] = rng.choice((0, 0x99, 0xFF, rng.randrange(256)))
    return with_check_sum(bytes(changed))


@pytest.mark.parametrize("octets", FRAMES, ids=lambda octets: octets[:12].hex())
def test_frames_of_the_standard(octets: bytes) -> None:
    plans, rng = Plans(worth=1), random.Random(1)  # noqa: S311  repeatable
    check_forms(octets, plans)
    for _ in range(50):
        check_forms(varied(octets, rng) if len(octets) > 20 else octets, plans)


def test_plans_are_used() -> None:
    """Otherwise everything here would compare the walk with itself."""
    plans = Plans(worth=1)
    for _ in range(ROUNDS):
        assert plans.decode(README_TELEGRAM) is not None
    assert len(plans) == 1
    assert sum(Plans(worth=1).decode(octets) is not None for octets in FRAMES) > 10


@needs_corpus
@counts(1, 10)
def test_real_telegrams_and_variations_of_them(count: int) -> None:
    plans, rng = Plans(worth=1), random.Random(2)  # noqa: S311  repeatable
    for item in corpus("wired"):
        octets = bytes.fromhex(item["hex"])
        check_forms(octets, plans)
        for _ in range(count):
            check(varied(octets, rng) if len(octets) > 20 else octets, plans)


def test_octets_behind_a_frame_that_is_known() -> None:
    plans = Plans(worth=1)
    for octets in FRAMES:
        check(octets, plans)
        check(octets + b"\x00", plans)
        check(octets + octets, plans)
        check(octets + bytes(256), plans)


def test_what_a_plan_tells() -> None:
    plan = plan_for(README_TELEGRAM)
    assert plan is not None
    assert plan.form == "frame"
    assert plan.octets == README_TELEGRAM
    assert plan.summed == (4, len(README_TELEGRAM) - 2)
    places = {"c_field": 4, "a_field": 5, "ci_field": 6, "identification_number": 7, "manufacturer": 11}
    assert plan.places.items() >= (places | {"access_number": 15, "configuration_field": 17}).items()
    mask = plan.mask.to_bytes(len(README_TELEGRAM), "little")
    assert [place for place in range(19) if not mask[place]] == [5, 7, 8, 9, 10, 15, 16]
    assert not mask[-2]
    records = plan_for(README_TELEGRAM[19:-2], "records")
    assert records is not None
    assert records.summed is None
    assert records.places == {}
    assert [field.start + 19 for field in records.area.fields] == [field.start for field in plan.area.fields]


@counts(300, 3000)
def test_damaged_frames(count: int) -> None:
    plans, rng = Plans(worth=1), random.Random(3)  # noqa: S311  repeatable
    for _ in range(count):
        octets = mutated(rng.choice(FRAMES), rng)
        check_forms(octets, plans)


@examples(400)
@given(strategies.long_frames(), st.randoms(use_true_random=False))
def test_frames_that_the_grammar_writes(frame: dict[str, Any], rng: random.Random) -> None:
    try:
        octets = Frame.build(frame)
    except BuildError:  # longer than a frame can be
        assume(False)
    plans = Plans(worth=1)
    check_forms(octets, plans)
    for _ in range(3):
        check_forms(varied(octets, rng), plans)


@examples(300)
@given(st.binary(min_size=1, max_size=60))
def test_any_octets(octets: bytes) -> None:
    check(octets, Plans(worth=1))
    check(b"\x68" + octets, Plans(worth=1))
    if len(octets) > 8:
        length = bytes([len(octets) - 2])
        check(with_check_sum(b"\x68" + length * 2 + b"\x68" + octets[:-2] + b"\x00\x16"), Plans(worth=1))


def test_a_limit_leaves_nothing_undecoded() -> None:
    plans = Plans(limit=2, worth=1)
    for octets in FRAMES * 2:
        expected = outcome(walk_frame, octets)
        assert outcome(lambda data: plans.decode(data) or walk_frame(data), octets) == expected
    assert len(plans) <= 2 * 16


def other_layout(number: int) -> bytes:
    """A telegram of a meter type of its own."""
    return with_check_sum(README_TELEGRAM[:13] + bytes([number]) + README_TELEGRAM[14:])


def test_plans_in_use_are_kept() -> None:
    """At its limit the cache forgets what was not used for long, not what was made first."""
    plans = Plans(limit=8, worth=1)
    plans.decode(README_TELEGRAM)
    for number in range(100):
        plans.decode(other_layout(number))
        before = len(plans)
        plans.decode(README_TELEGRAM)
        assert len(plans) == before  # it was there: another one would have been added
    assert len(plans) <= 8 + 1


def test_a_layout_has_no_plan_before_it_comes_often() -> None:
    plans = Plans(worth=3)
    for count in (0, 0, 1, 1):
        assert plans.decode(README_TELEGRAM) is not None
        assert len(plans) == count


@counts(100, 600)
def test_layouts_that_come_once(count: int) -> None:
    """Records of the example frames in any order: read in one pass, without a plan."""
    rng, plans = random.Random(4), Plans()  # noqa: S311  repeatable
    known = [octets for octets in FRAMES if (plan := plan_for(octets)) is not None and plan.area.fields]
    records: list[bytes] = []
    for octets in known:
        plan = plan_for(octets)
        assert plan is not None
        records += [octets[field.offset : field.end] for field in plan.area.fields]
    for _ in range(count):
        drawn = rng.choices(records, k=rng.randrange(1, 12))
        inner = README_TELEGRAM[4:19] + b"".join(drawn)
        if len(inner) < 250:
            frame = b"\x68" + bytes([len(inner)] * 2) + b"\x68" + inner + b"\x00\x16"
            check_forms(with_check_sum(frame), plans)
    assert len(plans) == 0

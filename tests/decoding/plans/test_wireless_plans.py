"""Telegrams by radio: plans and the reading in one pass give what the grammar's walk gives."""

from __future__ import annotations

import random
from itertools import product
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import strategies
from amounts import counts, examples
from checkout import corpus, needs_corpus
from layout_checks import ROUNDS, outcome
from mbus_construct import MBusError, decode
from mbus_construct.decoding.plans import Plans, plan_for
from mbus_construct.decoding.plans.wired_shapes import shape_of
from mbus_construct.decoding.reference import walk
from mbus_construct.model.telegram import Telegram
from mbus_construct.octets.locate import layers_of
from mbus_construct.security.keys import Keys
from mbus_construct.security.message import with_payload_crc
from mbus_construct.security.opening import open_telegram
from mbus_grammars import BuildError, WirelessFrame
from mbus_grammars.wireless import with_crcs, without_crcs

# From the C field on: a gas meter by its link layer, and how the layers go on.
LINK = "44 9315 78563412 33 03"
ADAPTER = "08 2448 44332211 03 37"
ELLS = {
    "none": "",
    "I": "8C 20 75",
    "II": "8D 20 E9 603A1000 0000",
    "II announced": "8D 20 E9 603A1020 0000",
    "III": "8E 80 75 3A63 66554433 0A 31",
    "IV": "8F 80 75 3A63 66554433 0A 31 603A1020 0000",
}
AFLS = {
    "none": "",
    "MAC": "90 0F 002C 25 B30A0000 AF5D74DF73A600D9",
    "all of it": "90 13 003E 65 1101 B30A0000 AF5D74DF73A600D9 3000",
    "nothing": "90 02 0000",
}
TRANSPORTS = {
    "none": "78",
    "short": "7A 2A 00 0000",
    "long": "72 78563412 9315 33 03 75 00 0000",
    "mode 5, short": "7A 2A 00 2005",
    "mode 5, long": "72 78563412 9315 33 03 75 00 2085",
    "mode 5, no blocks": "7A 2A 00 0005",
    "mode 7": "72 78563412 9315 33 03 75 00 2007 10",
    "mode 7, counter": "7A 75 00 2027 10 B30A0000",
    "mode 7, counter and version": "7A 75 00 2027 50 B30A0000 07",
}
RECORDS = "0C14 27048502 046D 32371F15 02FD17 0000 0D78 04 61626364 42 6C FE04 2F2F"


def telegram(*parts: str) -> bytes:
    """A telegram without CRCs, its L field and its payload CRC mended."""
    octets = bytes.fromhex("".join(parts))
    octets = bytes([len(octets)]) + octets
    layers = layers_of(octets, "wireless")
    return octets if layers is None or not layers.session else with_payload_crc(octets, layers)


def mended(octets: bytes) -> bytes:
    octets = bytes([len(octets) - 1]) + octets[1:]
    layers = layers_of(octets, "wireless")
    return octets if layers is None or not layers.session else with_payload_crc(octets, layers)


def made() -> dict[str, bytes]:
    """A telegram of every chain of layers, the data in plain as if they had been decrypted."""
    found: dict[str, bytes] = {}
    for (ell, first), (afl, second), (tpl, third) in product(ELLS.items(), AFLS.items(), TRANSPORTS.items()):
        fillers = "2F2F" if "mode" in tpl and "no blocks" not in tpl else ""
        link = ADAPTER if ell in ("III", "IV") else LINK
        found[f"{ell}/{afl}/{tpl}"] = telegram(link, first, second, third, fillers, RECORDS)
    return found


MADE = made()


def check(octets: bytes, plans: Plans) -> Telegram | None:
    """The walk against plans; gives the telegram where they read it."""
    expected = outcome(lambda data: walk(data, "wireless"), octets)
    found: Any = None
    for _ in range(ROUNDS):
        found = plans.decode_wireless(octets)
        assert found is None or type(found) is Telegram
        assert outcome(lambda data, seen=found: seen or walk(data, "wireless"), octets) == expected
    return found


def varied(octets: bytes, rng: random.Random) -> bytes:
    """The telegram with other octets where its plan says that they are data."""
    plan = plan_for(octets, "wireless", remarkable=True)
    if plan is None:
        return octets
    changed = bytearray(octets)
    for place, layout in enumerate(plan.mask.to_bytes(len(octets), "little")):
        if place and layout != 0xFF and not rng.randrange(3):
            value = rng.choice((0, 0x99, 0xFF, rng.randrange(256)))
            changed[place] = changed[place] & layout | value & ~layout
    return mended(bytes(changed))


def damaged(octets: bytes, rng: random.Random) -> bytes:
    """The telegram with some bits flipped, cut, or longer; its L field right, for that the link layer checks."""
    changed = bytearray(octets)
    for _ in range(rng.randrange(1, 4)):
        changed[rng.randrange(1, len(changed))] ^= 1 << rng.randrange(8)
    kind = rng.randrange(4)
    if kind == 0:
        del changed[rng.randrange(10, len(changed)) :]
    elif kind == 1:
        changed += rng.randbytes(min(rng.randrange(1, 20), 256 - len(changed)))
    changed[0] = len(changed) - 1
    return bytes(changed)


@pytest.mark.parametrize("name", MADE)
def test_every_chain_of_layers_has_a_plan(name: str) -> None:
    octets = MADE[name]
    plans, rng = Plans(worth=2), random.Random(name)  # noqa: S311  repeatable
    found = check(octets, plans)
    assert found is not None
    assert len(found.records) == 5
    assert [item for item in found.diagnostics if item.severity != "info"] == []
    assert (found.ell is None, found.afl is None) == (name.startswith("none/"), "/none/" in name)
    assert len(plans) == 1
    for _ in range(25):
        other = varied(octets, rng)
        assert check(other, plans) is not None
    assert len(plans) == 1


@pytest.mark.parametrize("name", MADE)
def test_damaged_telegrams_of_every_chain(name: str) -> None:
    octets = MADE[name]
    plans, rng = Plans(worth=1), random.Random(name)  # noqa: S311  repeatable
    check(octets, plans)
    for _ in range(25):
        check(damaged(octets, rng), plans)
        check(mended(damaged(octets, rng)), plans)


@pytest.mark.parametrize("name", [name for name in MADE if "/none/" in name or "/MAC/" in name])
def test_every_cut_of_every_chain(name: str) -> None:
    octets = MADE[name]
    plans = Plans(worth=1)
    check(octets, plans)
    for end in range(10, len(octets)):
        cut = bytes([end - 1]) + octets[1:end]
        check(cut, plans)
        check(mended(cut), plans)


def test_what_is_data_and_what_is_layout() -> None:
    plan = plan_for(MADE["II announced/all of it/mode 7, counter and version"], "wireless", remarkable=True)
    assert plan is not None
    mask = plan.mask.to_bytes(len(plan.octets), "little")
    free = [place for place, bits in enumerate(mask) if bits != 0xFF]
    ell = [11, 12, *range(13, 17), 17, 18]  # control, access number, session number, payload CRC
    afl = [*range(26, 30), *range(30, 38), 38, 39]  # message counter, MAC, message length
    header = [41, 42, *range(46, 50)]  # access number, status, message counter
    around = [0, 4, 5, 6, 7, *ell, *afl, *header]
    assert free[: len(around)] == around
    assert free[len(around)] > 50
    assert mask[16] == 0xE0  # whether the session is encrypted belongs to the layout


def test_a_payload_crc_that_does_not_fit_is_for_the_walk() -> None:
    for name in ("II/none/short", "II announced/none/short", "IV/MAC/long"):
        octets = MADE[name]
        plans = Plans(worth=1)
        assert check(octets, plans) is not None
        assert len(plans) == 1
        layers = layers_of(octets, "wireless")
        assert layers is not None
        for place in range(1, len(octets)):
            wrong = octets[:place] + bytes([octets[place] ^ 0x10]) + octets[place + 1 :]
            assert check(wrong, plans) is None or place < layers.session + 4


def test_encrypted_octets_are_for_the_walk() -> None:
    for name, tpl in TRANSPORTS.items():
        if "mode" in name and "no blocks" not in name:
            octets = telegram(LINK, tpl, "55" * 32, RECORDS)
            assert shape_of(octets, "wireless") is None
            assert check(octets, Plans(worth=1)) is None


def test_frames_with_crcs_are_not_taken_for_telegrams_without() -> None:
    """A frame B is as long as its L field says: its CRC would be a record's data."""
    octets = telegram(LINK, "7A 2A 00 0000", "0C14 27048502 0D FD 0B 02 41 42")
    plans = Plans(worth=1)
    for _ in range(ROUNDS):
        for frame_format in ("A", "B"):
            frame = with_crcs(octets, frame_format)
            assert plans.decode(frame, "wireless") is None
            for link in ("auto", "wireless"):
                found = decode(frame, link=link)
                assert found.frame.format == frame_format
                assert found.records == walk(octets, "wireless").records


@needs_corpus
@counts(1, 10)
def test_real_telegrams_and_variations_of_them(count: int) -> None:
    plans, rng, read = Plans(worth=1), random.Random(2), 0  # noqa: S311  repeatable
    for item in corpus("wireless"):
        try:
            _, octets = without_crcs(bytes.fromhex(item["hex"]))
        except MBusError:
            continue
        plain = open_telegram(octets, "wireless", Keys.of(item["key"])).octets
        check(octets, plans)
        read += check(plain, plans) is not None
        for _ in range(count):
            check(varied(plain, rng), plans)
            check(damaged(plain, rng), plans)
    assert read > 250


@examples(400)
@given(strategies.wireless_frames(), st.randoms(use_true_random=False))
def test_telegrams_that_the_grammar_writes(frame: dict[str, Any], rng: random.Random) -> None:
    try:
        _, octets = without_crcs(WirelessFrame.build({**frame, "frame_format": "CRC-less"}), "CRC-less")
    except BuildError:  # longer than a frame can be
        assume(False)
    plans = Plans(worth=1)
    check(octets, plans)
    for _ in range(3):
        check(varied(octets, rng), plans)
        check(damaged(octets, rng), plans)


@examples(300)
@given(st.binary(min_size=10, max_size=60), st.sampled_from([0x72, 0x78, 0x7A, *range(0x8C, 0x91)]))
def test_any_octets(octets: bytes, ci_field: int) -> None:
    check(mended(octets), Plans(worth=1))
    check(mended(octets[:10] + bytes([ci_field]) + octets[10:]), Plans(worth=1))

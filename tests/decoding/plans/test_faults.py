"""Telegrams that are wrong: at first sight, counted, and by a plan they are what the grammar's walk says."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from helpers import with_check_sum
from layout_checks import check, check_forms, outcome, walk_frame
from mbus_construct import decode
from mbus_construct.decoding.plans import Plans, plan_for
from telegrams import README_TELEGRAM
from vectors import FRAMES

LONG = [octets for octets in FRAMES if len(octets) > 30]


def framed(inner: bytes) -> bytes:
    """A frame of what the check sum covers."""
    return with_check_sum(b"\x68" + bytes([len(inner)] * 2) + b"\x68" + inner + b"\x00\x16")


def ending(octets: bytes, last: bytes) -> bytes:
    """A telegram with more octets behind its records; those of the manufacturer are left out."""
    plan = plan_for(octets)
    tail = None if plan is None else plan.area.manufacturer_data
    return framed(octets[4 : -2 if tail is None else tail - 1] + last)


# What cannot be read, whatever the data: the octets of a last record.
ENDINGS = {
    "data cut short": b"\x0c\x13\x01\x02",
    "no data at all": b"\x07\x04",
    "DIF alone": b"\x84",
    "VIF alone": b"\x04\x93",
    "reserved LVAR": b"\x0d\x78\xfe\x01\x02",
    "LVAR missing": b"\x0d\x78",
    "LVAR too long": b"\x0d\x78\x09abc",
    "text of a unit cut short": b"\x04\x7c\x05abc",
    "DIFEs without end": b"\x84" + b"\x80" * 15,
    "VIFEs without end": b"\x04\x93" + b"\x80" * 15,
    "too many DIFEs": b"\x84" + b"\x80" * 11 + b"\x00\x13\x01\x02\x03\x04\x0c\x13\x01\x02\x03\x04",
    "too many VIFEs": b"\x04\x93" + b"\x80" * 11 + b"\x00\x01\x02\x03\x04\x02\xfd\x17\x00\x00",
    "too many DIFEs, data cut short": b"\x84" + b"\x80" * 11 + b"\x00\x13\x01\x02",
    "reserved DIF": b"\x3f\x0c\x13\x01\x02\x03\x04\x7f\x2f\x6f",
}


@pytest.mark.parametrize("name", ENDINGS)
def test_records_that_cannot_be_read(name: str) -> None:
    plain = [octets for octets in LONG if octets[6] in (0x72, 0x78, 0x7A) and len(octets) < 200]
    plans = Plans(worth=2)
    for octets in plain:
        spoiled = ending(octets, ENDINGS[name])
        check_forms(spoiled, plans)
        for data in (b"\x00", b"\x99", b"\xff"):  # the same fault with other data
            check(with_check_sum(spoiled[:15] + data + spoiled[16:]), plans)
            check(with_check_sum(spoiled[:-3] + data + spoiled[-2:]), plans)


@pytest.mark.parametrize("name", ENDINGS)
def test_their_layouts_have_plans(name: str) -> None:
    octets = ending(README_TELEGRAM, ENDINGS[name])
    expected = outcome(walk_frame, octets)
    assert plan_for(octets) is None  # who does not ask for what is remarkable has none
    plan = plan_for(octets, remarkable=True)
    assert plan is not None
    assert outcome(lambda data: plan.read(data) or pytest.fail("the plan does not fit"), octets) == expected
    assert plan.read(README_TELEGRAM) is None


@pytest.mark.parametrize("octets", LONG, ids=lambda octets: octets[:12].hex())
def test_every_cut(octets: bytes) -> None:
    """Frames cut off anywhere, and frames that are right around a record area cut off anywhere."""
    plans = Plans(worth=2)
    for end in range(5, len(octets)):
        check(octets[:end], plans)
        if 9 <= end < len(octets) - 2:
            check_forms(framed(octets[4:end]), plans)


def test_a_plain_telegram_under_an_announced_security_mode() -> None:
    octets = bytearray(README_TELEGRAM)
    plans = Plans(worth=1)
    for mode in range(32):
        for blocks in (0x00, 0x10, 0xF0):
            octets[17], octets[18] = blocks, mode
            check(with_check_sum(bytes(octets)), plans)
            check(framed(bytes(octets[4:19]) + b"\x2f\x2f" + bytes(octets[19:-2])), plans)


DAMAGES: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "a bit": lambda octets, rng: flipped(octets, rng.randrange(len(octets)), rng),
    "an L field": lambda octets, rng: flipped(octets, rng.choice((1, 2)), rng),
    "the second start": lambda octets, rng: flipped(octets, 3, rng),
    "the stop": lambda octets, rng: flipped(octets, len(octets) - 1, rng),
    "the end": lambda octets, rng: octets[: rng.randrange(1, len(octets))],
    "octets behind it": lambda octets, rng: octets + rng.randbytes(rng.randrange(1, 300)),
}


def flipped(octets: bytes, place: int, rng: random.Random) -> bytes:
    return octets[:place] + bytes([octets[place] ^ 1 << rng.randrange(8)]) + octets[place + 1 :]


@pytest.mark.parametrize("name", DAMAGES)
def test_frames_that_the_link_layer_refuses(name: str) -> None:
    rng, plans = random.Random(name), Plans(worth=1)  # noqa: S311  repeatable
    for octets in LONG:
        check(octets, plans)
        for _ in range(20):
            check(DAMAGES[name](octets, rng), plans)


def test_what_only_starts_like_a_frame_is_still_guessed() -> None:
    """68h is a frame's start, but not if nothing else of a frame follows: `decode` then looks further."""
    octets = b"\x68\x01\x02\x03" + bytes(20)
    assert decode(octets).link != "frame"

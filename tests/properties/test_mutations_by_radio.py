"""Damaged frames by radio, a hundred thousand where long tests run: nothing but our errors and telegrams, and no key in either."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from amounts import counts
from mbus_construct import MBusError, Receiver, Telegram, decode, encode
from mbus_construct.octets.captures import captured
from mbus_grammars import WirelessFrame
from mbus_grammars.wireless import FRAME_FORMATS, with_crcs, without_crcs
from radio import (
    COMPACT,
    E67,
    E69,
    ELL_KEY,
    EXAMPLES,
    FORMAT,
    FULL,
    GAS_METER,
    GAS_RECORDS,
    KEY,
    KEYS,
    MASTER,
    OTHER,
    by_radio,
    without_keys,
)

PARTS = 10

CI_FIELDS = (
    *(0x50, 0x51, 0x52, 0x5A, 0x5B, 0x69, 0x6A, 0x6E, 0x70, 0x71, 0x72, 0x73, 0x75, 0x76, 0x77, 0x78, 0x79),
    *(0x7A, 0x7B, 0x80, 0x81, 0x86, 0x8C, 0x8D, 0x8E, 0x8F, 0x90, 0xA0, 0xC0),
)
SPECIAL = bytes.fromhex("00 05 07 0D 0F 10 1F 20 2F 7C 7D 7F 80 8C 8D 8E 8F 90 BF C0 E0 EF F0 F7 FB FC FD FF")
LINES = ("T1;1;1;2020-05-28 22:22:56.000;26;27;12345678;0x{}", "b{}", "telegram=|{}|+12", "{}  # a comment")


def bases() -> list[tuple[bytes, str | None]]:
    """Frames to start from, and the key of each: of every format, layer, security mode and kind of user data."""
    found: list[tuple[bytes, str | None]] = [(E67.octets, E67.key)]
    for example in EXAMPLES:
        if example is not E67:
            telegram = without_crcs(example.octets)[1]
            found += [(with_crcs(telegram, form), example.key) for form in FRAME_FORMATS]
    found += [(with_crcs(octets, form), None) for octets in (FULL, FORMAT, COMPACT) for form in FRAME_FORMATS]
    within = {**E69.written, "frame": {"ci_field": 0x7A}, "meter": GAS_METER, "records": GAS_RECORDS}
    found.append((encode({**within, "security": {"mode": 5}}, keys=ELL_KEY), ELL_KEY))
    mode_7 = {**within, "afl": {"message_counter": 5}, "security": {"mode": 7}}
    found.append((encode(mode_7, keys=ELL_KEY), ELL_KEY))
    data = "78563412 2440 01 07 2A 00 {} 0C 14 27 04 85 02 04 6D 32 37 1F 15 02 FD 17 00 00"
    for ci_field in CI_FIELDS:
        found.append((by_radio(f"44 9315 78563412 33 03 {ci_field:02X} {data.format('00 00')}"), KEY))
        ell = "8E 80 75 3A63 66554433 0A 31"
        found.append(
            (by_radio(f"44 9315 78563412 33 03 {ell} {ci_field:02X} {data.format('10 05')}"), MASTER)
        )
    return found


def mutated(frame: bytes, others: list[bytes], rng: random.Random) -> bytes:
    """A frame with one to three faults; more often than not its L field and CRCs are made right again."""
    mend = rng.randrange(5)
    octets = bytearray(without_crcs(frame)[1] if mend and frame[0] != 0x68 else frame)
    for _ in range(rng.randint(1, 3)):
        place, kind = rng.randrange(len(octets) + 1), rng.randrange(7)
        if kind == 0 and place < len(octets):
            octets[place] ^= 1 << rng.randrange(8)
        elif kind == 1 and place < len(octets):
            octets[place] = rng.choice(SPECIAL)
        elif kind == 2:
            del octets[place : place + rng.randint(1, 4)]
        elif kind == 3:
            octets[place:place] = rng.randbytes(rng.randint(1, 4))
        elif kind == 4:
            other = rng.choice(others)
            octets[place:] = other[rng.randrange(len(other)) :]
        elif kind == 5:
            del octets[place:]
        else:
            octets[place:place] = bytes([rng.choice(SPECIAL)]) * rng.randint(1, 12)
    if not mend or not 11 <= len(octets) <= 250:
        return bytes(octets[:300])
    telegram = bytes([len(octets) - 1]) + bytes(octets[1:])
    return with_crcs(telegram, FRAME_FORMATS[mend % 3])


@pytest.fixture(scope="module")
def frames() -> list[tuple[bytes, str | None]]:
    return bases()


@pytest.mark.parametrize(
    ("part", "count"),
    [(0, 2_000), *(pytest.param(part, 10_000, marks=pytest.mark.slow) for part in range(PARTS))],
)
def test_damaged_frames(part: int, count: int, frames: list[tuple[bytes, str | None]]) -> None:
    rng = random.Random(13757 + part)  # noqa: S311
    others = [octets for octets, _ in frames]
    receivers = {key: Receiver(key) for key in (None, *KEYS)}
    came: Counter[str] = Counter()
    for number in range(count):
        frame, right = rng.choice(frames)
        octets = mutated(frame, others, rng)
        keys = rng.choice((right, right, None, OTHER))
        link = rng.choice(("auto", "wireless", "wireless"))
        try:
            telegram = decode(octets, link=link, keys=keys)
        except MBusError as error:
            came[type(error).__name__] += 1
            assert without_keys(f"{error} {error!r}")
        else:
            came["telegram"] += 1
            assert number % 2 or encode(telegram, keys=keys) == octets
            if number % 16 == 0:
                assert without_keys(f"{telegram!r} {telegram.to_json()} {telegram!s}")
                assert Telegram.from_dict(telegram.to_dict()) == telegram
                assert Telegram.from_dict(telegram.to_dict(), keys=keys) == telegram
        if number % 4 == 1:
            try:
                known = receivers[keys].decode(octets, link=link)
            except MBusError as error:
                assert without_keys(f"{error} {error!r}")
            else:
                assert number % 16 != 1 or Telegram.from_dict(known.to_dict()) == known
        elif number % 4 == 3:
            try:
                parsed = WirelessFrame.parse(octets)
            except MBusError as error:
                assert without_keys(f"{error} {error!r}")
            else:
                assert WirelessFrame.build(parsed) == octets
    assert came["telegram"] > count // 2  # the faults reach the layers
    errors = sum(came[name] for name in ("DecodeError", "LengthError", "IncompleteFrame", "ChecksumError"))
    assert errors > count // 20  # and the link layer
    assert came["telegram"] + errors == count


@counts(1_000, 5_000)
def test_damaged_lines_of_receivers(count: int, frames: list[tuple[bytes, str | None]]) -> None:
    """Lines of captures with characters changed, cut and put in: telegrams, faults of the line, our errors."""
    rng = random.Random(9)  # noqa: S311
    decoded = faults = 0
    for _ in range(count):
        frame, keys = rng.choice(frames)
        line = list(rng.choice(LINES).format(frame.hex().upper()))
        for _ in range(rng.randint(0, 3)):
            place, kind = rng.randrange(len(line)), rng.randrange(3)
            if kind == 0:
                line[place] = rng.choice("0123456789ABCDEFx;|# \t-é")
            elif kind == 1:
                del line[place : place + rng.randint(1, 8)]
            else:
                line[place:place] = rng.choices("0123456789abcdef; |", k=rng.randint(1, 4))
            line = line or ["0"]
        try:
            found = captured("".join(line))
        except MBusError:
            faults += 1
            continue
        for item in found:
            if item.fault is not None:
                faults += 1
                continue
            try:
                telegram = decode(item.octets, link=item.link, keys=keys)
            except MBusError:
                faults += 1
                continue
            decoded += 1
            assert encode(telegram, keys=keys) == item.octets
    assert decoded > count // 5
    assert faults > count // 10

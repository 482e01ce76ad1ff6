"""Telegrams by radio with their keys: what is opened at once and set in place is what `open_telegram` finds."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from itertools import product

import pytest

from layout_checks import ROUNDS, outcome
from mbus_construct import Telegram, decode
from mbus_construct.decoding.decrypted import read, read_at_once
from mbus_construct.decoding.plans import mode_5
from mbus_construct.decoding.reference import walk
from mbus_construct.model.diagnostic import Diagnostic
from mbus_construct.model.json_shapes import Form
from mbus_construct.security.keys import Keys
from mbus_construct.security.opening import open_telegram
from mbus_construct.security.sealing import seal_telegram
from mbus_grammars import BuildError
from mbus_grammars.wireless import FRAME_FORMATS, FrameFormat, with_crcs

KEY = "000102030405060708090A0B0C0D0E0F"
OTHER = "FF" * 16
GIVEN = {
    "a key": KEY,
    "another one first": {"ELS": OTHER, "default": KEY},
    "the wrong one": OTHER,
    "the meter's": {"12345678": KEY},
    "of another meter": {"87654321": KEY},
    "none": {},
}
DATA = "2F2F 0C14 27048502 046D 32371F15 02FD17 0000 0D78 04 61626364 42 6C FE04 2F2F"
LINKS = ("44 9315 78563412 33 03", "08 2448 44332211 03 37")
LAYERS = ("", "8C 20 75", "8E 80 75 3A63 66554433 0A 31", "8D 20 E9 603A1020 0000", "8D 20 E9 603A1000 0000")
AFLS = ("", "90 0F 002C 25 B30A0000 0000000000000000")
HEADERS = (
    "7A 2A 00 2005",
    "7A 2B 00 1005",  # one block, and plain octets behind it
    "72 78563412 9315 33 03 75 00 2085",
    "7A 2A 00 0005",
    "72 78563412 9315 33 03 75 00 2007 10",
    "7A 75 00 2027 50 B30A0000 07",
    "7A 75 00 200D 01",
    "7A 75 00 0000",
    "78",
)


def telegrams() -> list[bytes]:
    """Sealed telegrams of many kinds, without CRCs."""
    found: list[bytes] = []
    for parts in product(LINKS, LAYERS, AFLS, HEADERS):
        octets = bytes.fromhex("".join(parts) + DATA)
        with suppress(BuildError):  # mode 7 with nothing to derive a key from
            found.append(seal_telegram(bytes([len(octets)]) + octets, "wireless", Keys.of(KEY)))
    return found


SEALED = telegrams()


def reference(octets: bytes, keys: Keys, frame_format: FrameFormat = "CRC-less") -> Telegram:
    """The same without a plan, and without anything set in place."""
    opened = open_telegram(octets, "wireless", keys)
    telegram = walk(opened.octets, "wireless")
    telegram = replace(telegram, frame=replace(telegram.frame, format=frame_format))
    if opened.link_state is None and opened.state is None and opened.mac is None:
        return telegram
    if telegram.ell is not None and opened.link_state is not None:
        telegram = replace(telegram, ell=replace(telegram.ell, state=opened.link_state))
    if telegram.security is not None:
        state = opened.state or telegram.security.state
        security = replace(telegram.security, state=state, mac=opened.mac)
        telegram = replace(telegram, security=security)
    of_octets = {"encrypted", "read_as_plain", "security_mode"}
    said = of_octets if opened.findings or opened.state == "decrypted" else set[str]()
    left = [item for item in telegram.diagnostics if item.code not in said]
    found = [Diagnostic(*finding) for finding in opened.findings]
    return replace(telegram, diagnostics=(*found, *left))


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mode_5, "_kinds", {})


@pytest.mark.parametrize("name", GIVEN)
def test_every_kind_with_every_key(name: str) -> None:
    keys = Keys.of(GIVEN[name])
    form: Form = "wireless"
    for _ in range(ROUNDS):
        for octets, frame_format in product(SEALED, FRAME_FORMATS):
            expected = outcome(lambda data, how=frame_format: reference(data, keys, how), octets)
            assert outcome(lambda data, how=frame_format: read(data, form, keys, how), octets) == expected


def test_telegrams_are_opened_at_once() -> None:
    """Otherwise everything here would compare `open_telegram` with itself."""
    keys = Keys.of(KEY)
    assert all(mode_5.opened_at_once(octets, keys) is None for octets in SEALED)
    found = 0
    for octets in SEALED:
        read(octets, "wireless", keys)
        plain = mode_5.opened_at_once(octets, keys)
        if plain is not None:
            assert plain == open_telegram(octets, "wireless", keys).octets
            found += 1
    assert found == len(LINKS) * 3 * 3  # mode 5, without session number and AFL


def test_frames_read_at_once_are_what_decode_gives() -> None:
    keys, read_so = Keys.of(KEY), Counter[str]()
    for octets in SEALED:
        decode(octets, keys=KEY, link="wireless")
        for frame_format in FRAME_FORMATS:
            found = read_at_once(with_crcs(octets, frame_format), keys)
            assert found is None or found == reference(octets, keys, frame_format)
            if found is not None:
                read_so[frame_format] += 1
    # Without CRCs only where nothing plain follows, which could be the CRC of a frame B.
    assert read_so == {"CRC-less": len(LINKS) * 3 * 2, "A": len(LINKS) * 3 * 3}


def test_frames_of_format_a_with_a_wrong_crc_are_not_read_at_once() -> None:
    keys = Keys.of(KEY)
    for octets in SEALED:
        frame = with_crcs(octets, "A")
        decode(octets, keys=KEY, link="wireless")
        for place in range(8, 8 * len(frame), 5):
            damaged = (int.from_bytes(frame, "big") ^ 1 << place).to_bytes(len(frame), "big")
            assert read_at_once(damaged, keys) is None


def test_damaged_telegrams_of_a_kind_that_is_known() -> None:
    keys, rng = Keys.of(KEY), random.Random(1)  # noqa: S311  repeatable
    for octets in SEALED:
        read(octets, "wireless", keys)
        for _ in range(10):
            changed = bytearray(octets)
            changed[rng.randrange(1, len(changed))] ^= 1 << rng.randrange(8)
            if not rng.randrange(3):
                del changed[rng.randrange(10, len(changed)) :]
            changed[0] = len(changed) - 1
            other = bytes(changed)
            expected = outcome(lambda data: reference(data, keys), other)
            assert outcome(lambda data: read(data, "wireless", keys), other) == expected


def test_what_is_read_shares_nothing_that_changes() -> None:
    octets, keys = SEALED[0], Keys.of(KEY)
    first = read(octets, "wireless", keys)
    kept = repr(first)
    read(octets, "wireless", keys, "A")
    read(octets, "wireless", Keys.of(OTHER))
    read(open_telegram(octets, "wireless", keys).octets, "wireless")
    assert repr(first) == kept


def test_more_kinds_than_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mode_5, "_MAX_KINDS", 2)
    test_every_kind_with_every_key("a key")
    assert len(mode_5._kinds) <= 2

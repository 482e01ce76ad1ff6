"""Telegrams by radio, and encrypted ones, as tables: every cell is that of `decode` with the same keys."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import product
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import strategies
from amounts import counts, examples
from checkout import corpus, needs_corpus
from mbus_construct import MBusError, decode, manufacturers
from mbus_construct.decoding.plans.plan import plan_for
from mbus_construct.octets.locate import layers_of
from mbus_construct.octets.recognise import looks_wireless
from mbus_construct.security import aes
from mbus_construct.security.aes import MissingExtra
from mbus_construct.security.keys import Keys, KeysError
from mbus_construct.security.message import with_payload_crc
from mbus_construct.security.sealing import seal_telegram
from mbus_grammars import BuildError, DecodeError, WirelessFrame
from mbus_grammars.crc import crc
from mbus_grammars.wireless import FRAME_FORMATS, with_crcs, without_crcs
from mutations import mutated
from telegrams import README_TELEGRAM
from vectors import FRAMES

pa: Any = pytest.importorskip("pyarrow", reason="tables need the extra arrow")
np: Any = pytest.importorskip("numpy", reason="tables need the extra arrow")

from mbus_construct.arrow import decode_batch, decode_star, decode_wide  # noqa: E402
from mbus_construct.tables.columns.batch import split  # noqa: E402
from mbus_construct.tables.columns.checksums import may_be_by_radio  # noqa: E402
from mbus_construct.tables.columns.keyring import Keyring  # noqa: E402
from mbus_construct.tables.columns.opening import _may_be_by_radio, prepared  # noqa: E402
from mbus_construct.tables.columns.source import octets_of  # noqa: E402
from table_checks import ALL, by_telegram, check_tables, expected_rows  # noqa: E402

KEY = "000102030405060708090A0B0C0D0E0F"
OTHER = "F0" * 16
MANY = 12  # telegrams of a layout: enough for columns
LINK = "44 9315 78563412 33 03"
RECORDS = "0C14 27048502 046D 32371F15 02FD17 0000 0D78 04 61626364 42 6C FE04 2F2F"
CHAINS = {
    "none": "78",
    "short": "7A 2A 00 0000",
    "long": "72 78563412 9315 33 03 75 00 0000",
    "ELL I": "8C 20 75 7A 2A 00 0000",
    "ELL II": "8D 20 E9 603A1000 0000 78",
    "ELL II hidden": "8D 20 E9 603A1020 0000 78",
    "mode 5": "7A 2A 00 2005",
    "mode 5, long": "72 78563412 9315 33 03 75 00 2005",
    "mode 5, tail": "7A 2A 00 1005",
    "mode 7": "8C 20 75 7A 75 00 2027 10 B30A0000",
    "AFL": "90 0F 002C 25 B30A0000 0000000000000000 72 78563412 9315 33 03 75 00 2007 10",
    "AFL, plain": "90 0F 002C 25 B30A0000 0000000000000000 7A 2A 00 0000",
    "mode 8": "7A 2A 00 2008",
    "compact": "79 313B 42A6",
}


def seeded(seed: object) -> random.Random:
    return random.Random(str(seed))  # noqa: S311  repeatable


def plain(chain: str, number: str = "78563412") -> bytes:
    """A telegram that is not encrypted yet, without CRCs."""
    fillers = "2F2F" if chain.startswith("mode") or chain == "AFL" else ""
    octets = bytes.fromhex(LINK.replace("78563412", number) + CHAINS[chain] + fillers + RECORDS)
    octets = bytes([len(octets)]) + octets
    layers = layers_of(octets, "wireless")
    return octets if layers is None or not layers.session else with_payload_crc(octets, layers)


def varied(octets: bytes, rng: random.Random, count: int = MANY) -> list[bytes]:
    """Plain telegrams with other data and the same layout."""
    plan = plan_for(octets, "wireless", remarkable=True)
    if plan is None:
        return [octets] * count
    mask = plan.mask.to_bytes(len(octets), "little")
    found: list[bytes] = []
    for _ in range(count):
        changed = bytearray(octets)
        for place, layout in enumerate(mask):
            if place and layout == 0 and not rng.randrange(3):
                changed[place] = rng.choice((0, 0x99, 0x80, 0xFF, *(rng.randrange(256) for _ in range(4))))
        other = bytes(changed)
        layers = layers_of(other, "wireless")
        found.append(other if layers is None or not layers.session else with_payload_crc(other, layers))
    return found


def sealed(octets: bytes, key: str = KEY) -> bytes:
    try:
        return seal_telegram(octets, "wireless", Keys.of(key))
    except BuildError:  # of a mode that is not made here
        return octets


def on_air(seed: object, key: str = KEY) -> list[bytes]:
    """Telegrams of every chain of layers in every frame format, some damaged."""
    rng = seeded(seed)
    found: list[bytes] = []
    for chain in CHAINS:
        for octets, frame_format in product(varied(plain(chain), rng), FRAME_FORMATS):
            frame = with_crcs(sealed(octets, key), frame_format)
            found.append(mutated(frame, rng) if not rng.randrange(25) else frame)
    return found


def check(
    telegrams: Sequence[bytes], link: str = "auto", keys: Any = None, cells: Sequence[Any] | None = None
) -> None:
    """All tables against `decode`; `cells` are the keys beside the telegrams."""
    columns: dict[str, Any] = {"telegram": pa.array(telegrams, pa.binary())}
    arguments: dict[str, Any] = {"link": link, "keys": keys}
    if cells is not None:
        columns["secret"] = pa.array(cells)
        arguments["key_column"] = "secret"
    wanted = expected_rows(telegrams, link, keys, cells)
    check_tables(pa.record_batch(columns), wanted, **arguments)


@pytest.mark.parametrize("link", ["auto", pytest.param("wireless", marks=pytest.mark.slow)])
@pytest.mark.parametrize("keys", [None, KEY, {"ELS": [OTHER, KEY]}, {"12345678": KEY}, OTHER], ids=str)
def test_every_chain_of_layers(link: str, keys: Any) -> None:
    telegrams = on_air("chains")
    seeded(1).shuffle(telegrams)
    check(telegrams, link, keys)


def test_plans_are_used() -> None:
    """Otherwise everything here would compare `decode` with itself."""
    chains = [chain for chain in CHAINS if chain != "mode 8"]  # whose octets stay as sent
    telegrams = [with_crcs(sealed(item), "A") for chain in chains for item in varied(plain(chain), seeded(2))]
    octets = octets_of(pa.array(telegrams, pa.binary()))
    stocks, alone, refused = prepared(octets, "auto", Keyring(KEY))
    assert (alone, refused) == ([], [])
    assert {stock.decrypted for stock in stocks} == {False, True}
    left = sum(len(split(stock)[1]) for stock in stocks)
    assert left == MANY  # the compact frames


def test_wired_telegrams_beside_those_by_radio() -> None:
    rng = seeded(3)
    header = bytes.fromhex("78563412 9315 33 03 75 00 2005 2F2F")
    inner = b"\x08\x01\x72" + header + bytes.fromhex(RECORDS)
    wired = [
        seal_telegram(
            b"\x68" + bytes([len(inner)] * 2) + b"\x68" + inner + b"\x00\x16", "frame", Keys.of(KEY)
        )
        for _ in range(MANY)
    ]
    telegrams = [*wired, *FRAMES, *[README_TELEGRAM] * MANY, *on_air(4)]
    telegrams += [octets[4:-2] for octets in (*wired, *FRAMES)]
    telegrams += [mutated(octets, rng) for octets in telegrams[:200]]
    rng.shuffle(telegrams)
    check(telegrams, "auto", KEY)
    check(telegrams, "auto")
    check([*wired, README_TELEGRAM], "frame", KEY)
    check([octets[4:-2] for octets in (*wired, README_TELEGRAM)], "c_field", KEY)


def test_a_key_beside_each_telegram() -> None:
    """Right ones, wrong ones, none, and what is none at all."""
    rng = seeded(5)
    telegrams = on_air(6)
    kinds = [KEY, KEY.lower(), OTHER, None, "", "00" * 15, "no key", "\u00e4" * 32]
    cells = [rng.choice(kinds) for _ in telegrams]
    check(telegrams, "auto", None, cells)
    check(telegrams, "wireless", KEY, cells)
    binary = [None if cell is None or len(cell) != 32 or "n" in cell else cell for cell in cells]
    check(telegrams, "auto", None, [b"\x01" if item is None else bytes(range(16)) for item in binary])


@pytest.mark.parametrize(
    "type_", ["string", "large_string", "string_view", "binary", "large_binary", "binary_view", "dictionary"]
)
def test_columns_of_keys_of_any_type(type_: str) -> None:
    telegrams = [sealed(octets) for octets in varied(plain("mode 5"), seeded(7))]
    octets = "binary" in type_
    array = pa.array([bytes.fromhex(KEY) if octets else KEY] * (MANY - 1) + [None])
    array = array.dictionary_encode() if type_ == "dictionary" else array.cast(getattr(pa, type_)())
    batch = pa.record_batch({"telegram": pa.array(telegrams, pa.binary()), "k": array})
    rows = by_telegram(decode_batch(batch, key_column="k").to_pylist())
    assert [len(rows[index]) for index in range(MANY)] == [5] * (MANY - 1) + [1]
    assert rows[MANY - 1][0]["code"] == "encrypted"


def test_cells_that_are_no_keys_are_not_shown() -> None:
    secret = "5E" * 15
    batch = pa.record_batch({"telegram": [sealed(plain("mode 5")).hex()] * 2, "k": [secret, KEY]})
    for row in decode_batch(batch, key_column="k").to_pylist():
        assert secret not in repr(row)
        assert (row["error"] is not None) == (row["telegram"] == 0)
        if row["error"]:
            assert row["code"] == "key"
            assert row["error"].startswith("column 'k' has no key for this telegram: a key has 16 octets")


def test_what_cannot_be_meant() -> None:
    telegrams = pa.array([plain("short")], pa.binary())
    batch = pa.record_batch({"a": telegrams, "k": [KEY], "n": [1]})
    named: dict[str, Any] = {"column": "a"}
    for decode_them in (decode_batch, decode_star, decode_wide):
        with pytest.raises(ValueError, match="no column 'z' of keys; there are: a, k, n"):
            decode_them(batch, **named, key_column="z")
        with pytest.raises(ValueError, match="keys are binary or strings of hex digits, not int64"):
            decode_them(batch, **named, key_column="n")
        with pytest.raises(ValueError, match="'k' holds keys, which are not kept"):
            decode_them(batch, **named, key_column="k", keep=["k"])
        with pytest.raises(KeysError, match="a key has 16 octets"):
            decode_them(batch, **named, keys=b"\x01")
    two = pa.record_batch({"secret": [KEY], "anything": telegrams})
    assert decode_batch(two, key_column="secret").num_rows == 5


def test_without_cryptography(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(module: str) -> Any:
        raise MissingExtra(f"no {module}")

    monkeypatch.setattr(aes, "_part", missing)
    batch = pa.record_batch({"telegram": [plain("short").hex()], "k": [None]})
    assert decode_batch(batch, key_column="k", keys={}).num_rows == 5
    with pytest.raises(MissingExtra):
        decode_batch(batch, keys=KEY)


def test_the_first_telegram_and_what_is_kept() -> None:
    telegrams = [sealed(octets) for octets in varied(plain("mode 5"), seeded(8))]
    places = [f"place {index}" for index in range(MANY)]
    batch = pa.record_batch(
        {"telegram": pa.array(telegrams, pa.binary()), "place": places, "k": [KEY] * MANY}
    )
    for row in decode_batch(batch, key_column="k", keep=["place"], first=100).to_pylist():
        assert row["place"] == f"place {row['telegram'] - 100}"


@pytest.mark.parametrize("wrong", [0x01, 0x80])
def test_payload_crcs_are_checked_for_each_telegram(wrong: int) -> None:
    telegrams = varied(plain("ELL II"), seeded(9), 40)
    for index in range(0, 40, 3):
        changed = bytearray(telegrams[index])
        changed[17 + index % 30] ^= wrong
        telegrams[index] = bytes(changed)
    check(telegrams, "wireless")


def test_grammars_of_manufacturers_and_telegrams_in_records() -> None:
    from construct import Int32ul, Struct  # noqa: PLC0415

    tail = bytes.fromhex(f"{LINK} 7A 2A 00 0000 0C14 27048502 0F 01020304 05")
    tail = bytes([len(tail)]) + tail
    inner = plain("short")
    container = bytes.fromhex(f"{LINK} 7A 2A 00 0000 0DFD3B") + bytes([len(inner)]) + inner[::-1]
    container = bytes([len(container)]) + container
    telegrams = [*varied(tail, seeded(10)), *varied(container, seeded(11)), *[container] * MANY]
    check(telegrams, "wireless")
    manufacturers.register("ELS", Struct("number" / Int32ul))
    try:
        check(telegrams, "wireless")
        check([README_TELEGRAM] * MANY)
    finally:
        manufacturers.unregister("ELS")
    check(telegrams, "wireless")


@needs_corpus
@counts(1, 10)
def test_real_telegrams_and_variations_of_them(count: int) -> None:
    rng = seeded(12)
    telegrams: list[bytes] = []
    cells: list[str | None] = []
    for item in corpus("wireless"):
        frame = bytes.fromhex(item["hex"])
        try:
            _, octets = without_crcs(frame)
        except MBusError:
            octets = b""
        found = [frame, *(varied(octets, rng, count) if octets else [])]
        telegrams += found
        cells += [item["key"]] * len(found)
    check(telegrams, "auto", None, cells)
    check(telegrams, "wireless")


@examples(100)
@given(st.lists(strategies.wireless_frames(), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_frames_that_the_grammar_writes(frames: list[dict[str, Any]], rng: random.Random) -> None:
    telegrams: list[bytes] = []
    for frame in frames:
        try:
            octets = WirelessFrame.build(frame)
        except BuildError:  # longer than a frame can be
            assume(False)
        telegrams += [octets, *varied(without_crcs(octets)[1], rng), mutated(octets, rng)]
    check(telegrams, rng.choice(["auto", "wireless"]), rng.choice([None, KEY]))


@examples(60)
@given(st.lists(st.binary(max_size=40), max_size=20))
def test_any_octets(telegrams: list[bytes]) -> None:
    framed = [bytes([len(item) + 9]) + bytes.fromhex(LINK) + item for item in telegrams]
    check([*telegrams, *framed * 10], "auto", KEY)
    check([*telegrams, *framed], "wireless")


def test_damaged_frames_that_could_be_something_else() -> None:
    """Octets with the CRC of a second block of format A are a damaged frame by radio, whatever fits too."""
    header = b"\x08\x0c\x72" + bytes.fromhex("78563412 9315 33 07 75 00 0000")
    telegrams = [
        header + bytes.fromhex("0C14 27048502 0B13 112233 025A") + value.to_bytes(2, "little")
        for value in range(200, 200 + MANY)
    ]
    right = telegrams[0][:28] + crc(telegrams[0][12:28]).to_bytes(2, "big")
    assert decode(telegrams[0]).link == "c_field"
    check([*telegrams, right])
    octets = bytes.fromhex("68 44 72 68 78563412 33 07 7A 2A 00 0000") + bytes(0x68 - 14)
    frame = bytearray(with_crcs(octets, "A"))
    frame[1] = 0x0C
    with pytest.raises(DecodeError, match="block 1"):
        decode(bytes(frame))
    check([bytes(frame)])


def test_nothing_is_overlooked_that_decode_takes_for_a_frame_by_radio() -> None:
    """Whatever is wrong with it: at first sight, or by the check of what could be something else."""
    rng = seeded(13)
    frames = on_air(14)
    damaged = [mutated(frame, rng) for frame in frames for _ in range(5)]
    damaged += [frame[:1] + bytes([0x0C]) + frame[2:] for frame in frames]
    damaged += [bytes([frame[0] ^ 1 << rng.randrange(8)]) + frame[1:] for frame in frames]
    meant = [octets for octets in damaged if looks_wireless(octets)]
    assert len(damaged) > len(meant) > len(damaged) / 2
    possible = _may_be_by_radio(octets_of(pa.array(meant, pa.binary())))
    for octets, at_first_sight in zip(meant, possible.tolist(), strict=True):
        assert at_first_sight or may_be_by_radio(np.frombuffer(octets, np.uint8)[None]).all()


def test_all_columns_are_compared() -> None:
    assert {"layout", "code", "error", "meter_id"} <= set(ALL)
    with pytest.raises(DecodeError):
        decode(b"\x0b" + bytes.fromhex(LINK), link="wireless")

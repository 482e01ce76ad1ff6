"""The constructs of our own."""

from __future__ import annotations

import copy
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from construct import Byte, Bytes, Check, Container, GreedyBytes, Struct, this

from helpers import build_error, plain
from mbus_grammars import BuildError, Code, DataRecords, DecodeError, Frame, Grammar, MBusError
from mbus_grammars.base import field_of, is_sequence, octets_of
from mbus_grammars.bits import Bits, Coded, CodeTable, Octet, Octets, bits, flag, split
from mbus_grammars.constructs import (
    ByFirstOctet,
    Cached,
    Derived,
    KeepMalformed,
    StrictStruct,
    field,
)
from vectors import FRAMES

TABLE = CodeTable({0: "none", 1: "one", 2: "reserved", 3: "reserved"}, size=4)


# --- Codes ---------------------------------------------------------------------------------------


def test_a_code_is_its_number_and_knows_its_name() -> None:
    code = Code(3, "gas")
    assert (code, code.name, str(code), f"{code:02X}") == (3, "gas", "03h gas", "03")
    assert str(Code(0xFE)) == "FEh"
    assert Code(3, "gas") == Code(3)
    assert hash(code) == hash(3)


@pytest.mark.parametrize("code", [Code(3, "gas"), Code(255)])
def test_codes_survive_copies(code: Code) -> None:
    pickles = [pickle.loads(pickle.dumps(code, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]  # noqa: S301
    for twin in [copy.copy(code), copy.deepcopy(code), *pickles]:
        assert type(twin) is Code
        assert (int(twin), twin.name) == (int(code), code.name)


@pytest.mark.parametrize("octets", FRAMES, ids=lambda octets: octets[:9].hex())
def test_parsed_frames_survive_copies(octets: bytes) -> None:
    parsed = Frame.parse(octets)
    for twin in (copy.copy(parsed), copy.deepcopy(parsed), pickle.loads(pickle.dumps(parsed))):  # noqa: S301
        assert plain(twin) == plain(parsed)
        assert Frame.build(twin) == octets


def test_code_table() -> None:
    assert [TABLE.value(given) for given in (0, 3, "one")] == [0, 3, 1]
    assert [TABLE.value(given) for given in (-1, 4, "two", None, 1.0, True, [], "reserved")] == [None] * 8
    assert TABLE.limit() == TABLE.limit("two") == "0 to 3 or a name (none, one)"
    assert CodeTable({}).limit() == "0 to 255"
    assert CodeTable(dict.fromkeys(range(9), "x") | {k: str(k) for k in range(9)}).limit().endswith(" ...)")


def test_a_name_of_several_codes_is_refused_with_the_codes() -> None:
    limit = "several codes have this name, use one of them: 02h to 03h"
    assert build_error(Coded(Byte, TABLE), "reserved").limit == limit
    assert (
        build_error(Bits(1, kind=bits(0, 2, table=TABLE), rest=bits(2, 6)), {"kind": "reserved"}).limit
        == limit
    )
    scattered = CodeTable(dict.fromkeys((7, 1, 3, 2), "x"))
    assert scattered.limit("x").endswith(": 01h to 03h, 07h")


def test_fields_that_depend_on_a_code_find_it_however_it_was_given() -> None:
    grammar = Struct(field("kind", Coded(Byte, TABLE)), field("check", Check(this.kind == 1)))
    assert grammar.build({"kind": "one"}) == grammar.build({"kind": 1}) == b"\x01"


# --- Bits ----------------------------------------------------------------------------------------

DATE = Bits(
    2, low=bits(0, 5), year=split((5, 3), (12, 4)), on=flag(8), kind=bits(9, 2, table=TABLE), top=bits(11, 1)
)


def test_bits_come_apart_and_together() -> None:
    parsed = DATE.parse(b"\xff\xf2")
    assert plain(parsed) == {"low": 31, "year": 127, "on": False, "kind": 1, "top": 0}
    assert DATE.build(parsed) == DATE.build(0xF2FF) == b"\xff\xf2"
    assert parsed["on"] is False
    for number in range(0x10000):
        assert DATE.pack(plain(DATE.unpack(number))) == number


@pytest.mark.parametrize(
    "fields",
    [
        {"low": bits(0, 7)},
        {"low": bits(0, 9)},
        {"low": bits(0, 4), "high": bits(3, 5)},
        {"low": bits(0, 4), "high": bits(5, 3)},
        {"low": bits(1, 8)},
        {},
    ],
)
def test_incomplete_declarations_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="do not cover the 8 bits exactly once"):
        Bits(1, **fields)


@pytest.mark.parametrize("given", [-1, 0x10000, True, None, "1", 1.0, b"\x00\x00"])
def test_whole_numbers_that_do_not_fit(given: Any) -> None:
    with pytest.raises(BuildError):
        DATE.build(given)


def test_limits_of_bits() -> None:
    good = {"low": 0, "year": 0, "kind": 0, "top": 0}
    for change, limit in (
        ({"low": 32}, "0 to 31"),
        ({"year": 128}, "0 to 127"),
        ({"on": 2}, "true or false"),
        ({"kind": "two"}, TABLE.limit()),
        ({"top": True}, "0 to 1"),
    ):
        error = build_error(DATE, {**good, **change})
        assert (error.field, error.value, error.limit) == (*next(iter(change.items())), limit)
    assert DATE.build({**good, "on": 1}) == DATE.build({**good, "on": True}) == b"\x00\x01"
    assert DATE.sizeof() == 2


# --- Numbers, octets -----------------------------------------------------------------------------


def test_octet() -> None:
    assert [Octet.build(number) for number in (0, 255)] == [b"\x00", b"\xff"]
    for given in (-1, 256, True, None, "1", 1.0):
        assert build_error(Octet, given).limit == "an integer from 0 to 255"


def test_octets() -> None:
    assert Octets(2).parse(b"ab") == b"ab"
    assert Octets(2).build(bytearray(b"ab")) == Octets(2).build(memoryview(b"ab")) == b"ab"
    for given in (0x6162, "ab", b"a", b"abc", None, [1, 2]):
        assert build_error(Octets(2), given).limit in ("bytes", "2 octets")
    assert octets_of(memoryview(b"abc")[::2], "") == b"ac"


def test_what_is_a_list() -> None:
    assert [is_sequence(given) for given in ([], (), range(2))] == [True] * 3
    assert not any(
        is_sequence(given) for given in ("ab", b"ab", bytearray(), memoryview(b""), {}, 5, None, set())
    )


# --- Grammar, fields, paths -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "name", "shown"),
    [
        ("(building)", "", ""),
        ("(building)", "a", "a"),
        ("(building) -> a -> b", "", "a.b"),
        ("(building) -> a[2] -> b", "c", "a[2].b.c"),
        ("(building)[2] -> b", "", "[2].b"),
        ("(parsing) -> a", "", "a"),
        ("", "", ""),
        ("", "a", "a"),
    ],
)
def test_names_of_fields(path: str, name: str, shown: str) -> None:
    assert field_of(path, name) == shown


INNER = Struct(field("number", Byte), field("octets", GreedyBytes))
DOOR = Grammar(Struct(field("first", Byte), field("inner", INNER)))


@pytest.mark.parametrize(
    ("value", "name", "limit"),
    [
        ({}, "first", "a value is needed"),
        ({"first": 1}, "inner", "a value is needed"),
        ({"first": 1, "inner": {}}, "inner.number", "a value is needed"),
        ({"first": 1, "inner": 5}, "inner", "a value of another type ('int' object is not iterable)"),
        ({"first": 1, "inner": {"number": 1, "octets": 5}}, "inner.octets", "a value of another type"),
        ({"first": 300, "inner": {}}, "first", "struct"),
        ([], "", "a value of another type"),
        (None, "first", "a value is needed"),
    ],
)
def test_a_door_lets_only_our_errors_out(value: Any, name: str, limit: str) -> None:
    error = build_error(DOOR, value)
    assert error.field == name
    assert error.limit.startswith(limit)


def test_a_door_says_where_the_data_end() -> None:
    with pytest.raises(DecodeError) as caught:
        Grammar(Struct(field("a", Bytes(2)), field("b", Bytes(2)))).parse(b"abc")
    assert (caught.value.code, caught.value.offset) == ("truncated", 3)
    assert caught.value.message == "the data end within b"
    with pytest.raises(DecodeError, match="the data end too early"):
        Grammar(Bytes(2)).parse(b"a")
    with pytest.raises(DecodeError, match="check failed") as caught:
        Grammar(Check(False)).parse(b"")
    assert caught.value.code == "decode_error"


def test_a_fault_without_text_or_offset_gets_one() -> None:
    class Silent(Struct):  # type: ignore[type-arg]
        def _parse(self, stream: Any, context: Any, path: str) -> Any:
            raise DecodeError("broken")

        def _build(self, obj: Any, stream: Any, context: Any, path: str) -> Any:
            raise ValueError

    with pytest.raises(DecodeError) as caught:
        Grammar(Silent()).parse(b"")
    assert caught.value.offset == 0
    assert build_error(Grammar(Silent()), 5).limit == "a value of another type (ValueError)"


# --- ByFirstOctet, Derived, KeepMalformed -------------------------------------------------------------------


def test_variant() -> None:
    kinds = {1: Struct(field("one", Byte)), 2: Struct(field("two", Byte))}
    grammar = ByFirstOctet(
        kinds.get, lambda obj: kinds[1] if "one" in obj else None, "01h or 02h", "a mapping with one"
    )
    assert grammar.parse(b"\x02").two == 2
    assert grammar.build({"one": 1}) == b"\x01"
    assert build_error(grammar, {"two": 2}).limit == "a mapping with one"
    assert build_error(grammar, 5).limit == "a mapping with one"
    with pytest.raises(DecodeError, match="found 03h, expected 01h or 02h"):
        grammar.parse(b"\x03")
    with pytest.raises(DecodeError, match="no octets left"):
        grammar.parse(b"")


def test_derived_fields_are_never_asked_for() -> None:
    grammar = Struct(field("length", Derived(Byte)), field("rest", GreedyBytes))
    assert grammar.parse(b"\x05a").length == 5
    assert grammar.build({"rest": b"a"}) == grammar.build({"rest": b"a", "length": 7}) == b"\x00a"


def test_salvage_keeps_what_cannot_be_read() -> None:
    grammar = KeepMalformed(Struct(field("a", Bytes(2)), field("b", Bytes(2))))
    assert plain(grammar.parse(b"abcd")) == {"a": b"ab", "b": b"cd"}
    kept = plain(grammar.parse(b"abc"))
    assert kept == {"malformed": b"abc", "code": "truncated", "reason": "the data end within b", "offset": 3}
    assert grammar.build(kept) == b"abc"
    assert build_error(grammar, {"malformed": 5}).field == "malformed"


# --- Cached ----------------------------------------------------------------------------------------


class Counted(Struct):  # type: ignore[type-arg]
    """Octets up to one without bit 7, counting how often they are really parsed."""

    count = 0

    def _parse(self, stream: Any, context: Any, path: str) -> Any:
        self.count += 1
        octets = b""
        while not octets or octets[-1] & 0x80:
            octets += stream.read(1) or b"\x00"
        return Container(octets=octets, list=[1])


def _memo(limit: int = 4) -> tuple[Cached, Counted]:
    counted = Counted()
    return Cached(
        counted, lambda parsed: Container(octets=parsed["octets"], list=list(parsed["list"])), limit
    ), counted


def test_memo_parses_the_same_octets_once() -> None:
    memo, counted = _memo()
    for _ in range(3):
        for octets in (b"\x81\x02", b"\x81\x82\x03", b"\x81\x03"):
            stream_rest = Struct("memo" / memo, "rest" / GreedyBytes).parse(octets + b"rest")
            assert (stream_rest.memo.octets, stream_rest.rest) == (octets, b"rest")
    assert counted.count == 3


def test_memo_never_shares_what_it_remembers() -> None:
    memo, _ = _memo()
    for _ in range(3):
        parsed = memo.parse(b"\x81\x02")
        assert parsed.list == [1]
        parsed.list.append(2)
        parsed["octets"] = b""


def test_memo_is_bounded() -> None:
    memo, counted = _memo(limit=4)
    for _ in range(2):
        for first in range(0x80, 0x90):
            for second in range(0x80, 0x84):
                assert memo.parse(bytes([first, second, 1])).octets == bytes([first, second, 1])
    assert len(memo._known) <= 4
    assert len(memo._lengths) <= 4
    assert counted.count == 128


def test_memo_leaves_out_what_is_too_short_or_too_long() -> None:
    memo, counted = _memo()
    for octets in (b"\x01", b"\x81" * 64 + b"\x01"):
        for _ in range(2):
            assert memo.parse(octets).octets == octets
    assert counted.count == 4
    assert not memo._known


def test_memo_in_several_threads() -> None:
    """More headers than are remembered, so that each thread makes the others start anew."""
    areas = [bytes([0xC1, 0x80 | k & 15, k >> 4 & 15, 0x13, 1]) for k in range(256)]
    areas += [bytes([0x81, 0x80 | k & 15, 0xC0 | k >> 4 & 15, k >> 8, 0x13, 1]) for k in range(4352)]

    def read(start: int) -> int:
        wrong = 0
        for area in areas[start:] + areas[:start]:
            (record,) = DataRecords.parse(area)
            wrong += record["_header"].dib_octets != area[:-2] or record["data"] != 1
        return wrong

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            assert list(threads.map(read, range(0, 4000, 1000))) == [0] * 4
    finally:
        sys.setswitchinterval(interval)


def test_small_memo_in_several_threads() -> None:
    memo, _ = _memo(limit=2)
    strings = [bytes([first, second, 1]) for first in range(0x80, 0x90) for second in range(0x80, 0x90)]

    def read(_: int) -> bool:
        return all(memo.parse(octets).octets == octets for octets in strings * 4)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            assert all(threads.map(read, range(8)))
    finally:
        sys.setswitchinterval(interval)


def test_a_layout_refuses_what_it_does_not_have() -> None:
    layout = StrictStruct(field("a", Octet), field("b", Octet))
    assert layout.build({"a": 1, "b": 2, "_io": None}) == b"\1\2"
    error = build_error(Grammar(layout), {"a": 1, "b": 2, "c": 3})
    assert (error.field, error.value, error.limit) == ("c", 3, "no such field; there are a, b")


def test_memo_forgets_errors() -> None:
    memo = Cached(Struct(field("a", Bytes(3))), Container)
    for _ in range(2):
        with pytest.raises(Exception, match="stream read less"):
            memo.parse(b"ab")
    assert memo.parse(b"abc").a == b"abc"


def test_all_errors_are_of_one_family() -> None:
    assert issubclass(DecodeError, MBusError)
    assert issubclass(BuildError, MBusError)

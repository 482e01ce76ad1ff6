"""Every grammar that others can use: exported, listed, and a construct in every respect."""

from __future__ import annotations

import copy
import importlib
import io
import os
import pickle
import pkgutil
import socket
import typing
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import construct
import pytest
from construct import (
    Byte,
    Bytewise,
    Compressed,
    Construct,
    FixedSized,
    GreedyBytes,
    GreedyRange,
    If,
    Optional,
    Pointer,
    Prefixed,
    Select,
    SizeofError,
    Struct,
    Switch,
    this,
)

import mbus_grammars
from checkout import ROOT
from grammar_examples import BY_RADIO, GRAMMARS, OCTETS, TELEGRAM
from helpers import plain
from mbus_grammars import (
    BuildError,
    DataRecord,
    DecodeError,
    Frame,
    Grammar,
    LongHeader,
    MBusError,
    ShortFrame,
    WirelessFrame,
    crc_of,
    shapes,
    type_b,
)
from mbus_grammars.link import LongFrame

EACH = pytest.mark.parametrize("title", GRAMMARS)
SHORT = bytes.fromhex("105B015C16")

# Constructs that a module shows and `mbus_grammars` does not, and why.
INTERNAL = {
    "DIBOctets": "DIB without what joins its bits",
    "DIBOfAnyLength": "DIB for the record area, which goes on after a chain that is too long",
    "DataRecordHeaderOctets": "DIB and VIB of a record that is built",
    "NoData": "nothing",
    "PrimaryCField": "CField chooses it",
    "ProfileHeader": "the first octets of compact_profile",
    "SecondaryCField": "CField chooses it",
    "Signature": "a number of two octets",
    "VIBOctets": "VIB without what joins its octets",
    "VIBOfAnyLength": "VIB for the record area, as DIBOfAnyLength",
    "WirelessTelegram": "WirelessFrame derives its L field",
}


def public_constructs() -> dict[str, Construct[Any, Any]]:
    """The constructs of the modules, by name; construct's own are not ours."""
    modules = [
        importlib.import_module(f"mbus_grammars.{info.name}")
        for info in pkgutil.iter_modules(mbus_grammars.__path__)
    ]
    return {
        name: value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, Construct) and not name.startswith("_") and not hasattr(construct, name)
    }


def test_what_others_can_use_is_exported() -> None:
    exported = {id(grammar.subcon) for grammar in GRAMMARS.values()}
    hidden = {name for name, value in public_constructs().items() if id(value) not in exported}
    renamed = {"Receiver", "RecordsFromMeter", "RecordsToMeter", "RecordsFromMeterMSB", "VIFOctet"}
    assert not renamed & hidden
    assert hidden == set(INTERNAL)


def test_all_names_every_grammar() -> None:
    public = {name for name in mbus_grammars.__all__ if isinstance(getattr(mbus_grammars, name), Grammar)}
    assert public == {title for title in GRAMMARS if "(" not in title}
    assert all(getattr(mbus_grammars, name) is not None for name in mbus_grammars.__all__)


def _size(grammar: Grammar[Any, Any]) -> str:
    try:
        return str(grammar.sizeof())
    except SizeofError:
        return ""


def readme_row(title: str) -> str:
    """The line about a grammar in the table of grammars/README.md."""
    grammar = GRAMMARS[title]
    name, size = title, _size(grammar)
    for shown, argument in (("length", "(3)"), ("length", "(6)"), ("construct", "(LongHeader)")):
        if name.endswith(argument):
            name, size = name.replace(argument, f"({shown})"), "length" if shown == "length" else ""
    return f"| `{name}` | {grammar.docs} | {size} | {grammar.source} |"


def test_the_readme_lists_every_grammar() -> None:
    readme = (ROOT / "grammars" / "README.md").read_text(encoding="utf-8")
    rows = [line for line in readme.splitlines() if line.startswith("| `")]
    assert rows == [readme_row(title) for title in GRAMMARS]


@EACH
def test_it_shows_what_it_is(title: str) -> None:
    grammar = GRAMMARS[title]
    assert repr(grammar) == str(grammar)
    if title.endswith("(LongHeader)"):
        assert repr(grammar) == f"<{title.partition('(')[0]} +docs <LongHeader: long header>>"
    else:
        assert repr(grammar) == f"<{title}: {grammar.docs}>"
    assert grammar.docs
    assert grammar.source.startswith("EN 13757-")


@EACH
def test_it_builds_what_it_parses(title: str) -> None:
    grammar, octets = GRAMMARS[title], OCTETS[title]
    assert "malformed" not in repr(grammar.parse(octets))
    assert grammar.build(grammar.parse(octets)) == octets


SIZES = {
    "ShortFrame": 5,
    "SingleCharacter": 1,
    "LongHeader": 12,
    "ShortHeader": 4,
    "TypeF": 4,
    "FixedData": 16,
}


@EACH
def test_the_size_is_that_of_all_octets_or_none(title: str) -> None:
    grammar, octets = GRAMMARS[title], OCTETS[title]
    if size := _size(grammar):
        assert int(size) == len(octets) == SIZES.get(title, len(octets))
        if "construct" not in readme_row(title):  # line codes go to the end of the data
            grammar.parse(octets + b"\x00")
        with pytest.raises(DecodeError):
            grammar.parse(octets[:-1])
    else:
        assert title not in SIZES


# --- Copies, pickles, compiled --------------------------------------------------------------------


def _pickled(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))  # noqa: S301


@EACH
@pytest.mark.parametrize("twin_of", [copy.copy, copy.deepcopy, _pickled])
def test_copies(title: str, twin_of: Callable[[Any], Any]) -> None:
    grammar, octets = GRAMMARS[title], OCTETS[title]
    twin = twin_of(grammar)
    if "(" not in title and twin_of is not copy.copy:
        assert twin is grammar
    assert repr(twin) == repr(grammar)
    assert twin.build(twin.parse(octets)) == octets
    assert twin_of(Struct("field" / grammar)).build({"field": grammar.parse(octets)}) == octets


def _outcome(call: Callable[[], Any]) -> Any:
    try:
        return plain(call())
    except MBusError as error:
        return type(error), str(error), getattr(error, "code", ""), getattr(error, "offset", None)


@EACH
def test_compiled_it_is_the_same(title: str) -> None:
    grammar, octets = GRAMMARS[title], OCTETS[title]
    alone = grammar.compile()
    embedded = Struct("before" / Byte, "field" / grammar, "after" / GreedyBytes).compile()
    parsed = grammar.parse(octets)
    assert plain(embedded.parse(b"\x07" + octets).field) == plain(parsed)
    assert embedded.build({"before": 7, "field": parsed, "after": b""}) == b"\x07" + octets
    for end in range(len(octets) + 1):
        assert _outcome(lambda: alone.parse(octets[:end])) == _outcome(lambda: grammar.parse(octets[:end]))  # noqa: B023
    wrong: list[Any] = [None, 5.5, "?", b"", {}, {"no_such_field": 1}, [{"no_such_field": 1}], object()]
    if isinstance(parsed, dict):
        wrong.append({**parsed, "no_such_field": 1})
    for given in wrong:
        expected = _outcome(lambda: grammar.build(given))  # noqa: B023
        assert _outcome(lambda: alone.build(given)) == expected  # noqa: B023


def test_a_misspelt_key_is_refused_after_compile_too() -> None:
    for grammar in (LongHeader, LongHeader.compile(), LongHeader.subcon.compile()):
        with pytest.raises(BuildError, match="no such field"):
            grammar.build({**LongHeader.parse(TELEGRAM[7:19]), "acces_number": 1})
    compiled = Struct("telegram" / Frame).compile()
    with pytest.raises(BuildError) as caught:
        compiled.build({"telegram": {"c_field": "REQ_UD2", "a_feld": 1}})
    assert (caught.value.field, caught.value.path) == ("a_feld", "(building)")


@pytest.mark.parametrize("name", sorted(public_constructs()))
def test_every_construct_compiles(name: str) -> None:
    public_constructs()[name].compile()


# --- Streams --------------------------------------------------------------------------------------


class Unseekable(io.RawIOBase):
    """A raw stream that gives at most three octets at a time."""

    def __init__(self, octets: bytes) -> None:
        super().__init__()
        self.rest = octets

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        given = self.rest[: min(3, len(buffer))]
        buffer[: len(given)] = given
        self.rest = self.rest[len(given) :]
        return len(given)


@EACH
def test_a_stream_that_cannot_seek(title: str) -> None:
    grammar, octets = GRAMMARS[title], OCTETS[title]
    assert plain(grammar.parse_stream(Unseekable(octets))) == plain(grammar.parse(octets))
    for end in range(len(octets)):
        there = Unseekable(octets[:end])
        assert _outcome(lambda: grammar.parse_stream(there)) == _outcome(lambda: grammar.parse(octets[:end]))  # noqa: B023


@EACH
def test_nothing_that_follows_is_lost(title: str) -> None:
    grammar, octets = GRAMMARS[title], OCTETS[title]
    stream = Unseekable(octets + b"\x16" * 80)
    try:
        parsed = grammar.parse_stream(stream)
    except MBusError as error:
        known = {"not_seekable", "length", "checksum", "payload_crc", "line_code", "malformed"}
        assert getattr(error, "code", "") in known
        if getattr(error, "code", "") == "not_seekable":
            assert "cannot seek" in str(error)
    else:
        assert plain(parsed) == plain(grammar.parse(octets + b"\x16" * 80))
        assert len(stream.rest) in (0, 80)


def test_frames_from_a_pipe_and_a_socket_one_by_one() -> None:
    reader, writer = os.pipe()
    os.write(writer, SHORT + TELEGRAM + b"\xe5")
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        assert [Frame.parse_stream(pipe).start for _ in range(3)] == [0x10, 0x68, 0xE5]
        with pytest.raises(DecodeError, match="no octets left"):
            Frame.parse_stream(pipe)
    here, there = socket.socketpair()
    with here, there, there.makefile("rb", buffering=0) as raw:
        here.sendall(TELEGRAM + SHORT)  # and stays open: to read on would be to wait
        source: IO[bytes] = typing.cast("IO[bytes]", raw)
        assert [Frame.parse_stream(source).start for _ in range(2)] == [0x68, 0x10]
        Frame.build_stream({"c_field": "REQ_UD2", "a_field": 1}, there.makefile("wb", buffering=0))  # type: ignore[arg-type]
        assert here.recv(5) == SHORT


def test_an_object_with_some_methods_of_a_stream() -> None:
    class Reader:
        def __init__(self, octets: bytes) -> None:
            self.inner = io.BytesIO(octets)
            self.read = self.inner.read

    class Seeker(Reader):
        def __init__(self, octets: bytes) -> None:
            super().__init__(octets)
            self.seek, self.tell = self.inner.seek, self.inner.tell

    assert Frame.parse_stream(typing.cast("IO[bytes]", Reader(SHORT))).a_field == 1
    seeker = Seeker(bytes.fromhex("021339300213"))
    assert DataRecord.parse_stream(typing.cast("IO[bytes]", seeker)).data == 12345
    assert seeker.tell() == 4
    with pytest.raises(DecodeError, match=r"2 octets after the end .* \(offset 4\)"):
        DataRecord.parse_stream(typing.cast("IO[bytes]", Reader(bytes.fromhex("021339300213"))))


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "frame.bin"
    Frame.build_file({"c_field": "REQ_UD2", "a_field": 1}, path)
    assert Frame.parse_file(path).c_field.name == "REQ_UD2"


def test_what_is_refused_writes_nothing() -> None:
    stream = io.BytesIO()
    for wrong in ({"c_field": "REQ_UD2", "a_field": 256}, {"c_field": "REQ_UD2"}):
        with pytest.raises(BuildError):
            ShortFrame.build_stream(wrong, stream)
    assert stream.getvalue() == b""


# --- Embedded -------------------------------------------------------------------------------------


def test_in_constructs_of_ones_own() -> None:
    two = SHORT + TELEGRAM
    assert [frame.start for frame in Frame[2].parse(two)] == [0x10, 0x68]
    assert Frame[2].build(Frame[2].parse(two)) == two
    assert [frame.start for frame in GreedyRange(Frame).parse(two)] == [0x10, 0x68]
    assert (Frame * "docs").parse(SHORT).a_field == 1
    assert (Frame >> Byte).parse(SHORT + b"\x05")[1] == 5
    assert Struct("frame" / Frame * "docs").parse(SHORT).frame.a_field == 1
    assert plain(Struct(Frame).parse(SHORT)) == {}  # it has no name of its own
    assert Optional(Frame).parse(b"\x00") is None
    assert Optional(Frame).parse(SHORT).a_field == 1  # type: ignore[union-attr]
    assert Pointer(2, Frame).parse(b"\x00\x00" + SHORT).a_field == 1
    assert Select(Frame, Byte).parse(b"\x07") == 7
    assert FixedSized(7, Frame).parse(SHORT + b"\x00\x00").a_field == 1
    assert FixedSized(7, Frame).build({"c_field": "REQ_UD2", "a_field": 1}) == SHORT + b"\x00\x00"
    assert Prefixed(Byte, WirelessFrame).parse(bytes([len(BY_RADIO)]) + BY_RADIO).manufacturer == "CEN"
    assert Compressed(Frame, "zlib").parse(Compressed(Frame, "zlib").build(Frame.parse(SHORT))).a_field == 1
    assert construct.Bitwise(Struct("flags" / construct.BitsInteger(8), "frame" / Bytewise(Frame))).parse(
        b"\x01" + SHORT
    ).frame.a_field == 1  # fmt: skip
    choice = Struct(
        "kind" / Byte, "content" / Switch(this.kind, {0: Frame, 1: WirelessFrame}), "more" / If(False, Frame)
    )
    assert choice.parse(b"\x01" + BY_RADIO).content.manufacturer == "CEN"
    assert choice.build({"kind": 0, "content": {"start": 0xE5}, "more": None}) == b"\x00\xe5"


def test_errors_in_constructs_of_ones_own() -> None:
    capture = Struct("channel" / Byte, "telegram" / Frame)
    with pytest.raises(DecodeError) as refused:
        capture.parse(b"\x03" + SHORT[:-1] + b"\x17")
    assert (refused.value.offset, refused.value.path) == (5, "(parsing) -> telegram")
    with pytest.raises(BuildError) as wrong:
        capture.build({"channel": 3, "telegram": {"c_field": "REQ_UD2", "a_field": 999}})
    assert wrong.value.field == "telegram.a_field"


def test_the_crc_of_a_block() -> None:
    block = Struct(
        "data" / construct.RawCopy(construct.Bytes(9)),
        "crc" / construct.Checksum(mbus_grammars.CRC, crc_of, this.data.data),
    )
    assert block.build({"data": {"data": b"123456789"}}) == b"123456789" + bytes.fromhex("C2B7")
    assert block.parse(b"123456789\xc2\xb7").crc == 0xC2B7
    with pytest.raises(construct.ChecksumError):
        block.parse(b"123456788\xc2\xb7")


def test_grammars_with_a_length() -> None:
    assert type_b(2).build(-2) == b"\xfe\xff"
    assert mbus_grammars.BCD(2).parse(b"\x34\x12") == 1234
    with pytest.raises(BuildError, match="-32768 to 32767"):
        type_b(2).build(40000)
    with pytest.raises(DecodeError):
        type_b(2).parse(b"\x00")
    assert LongHeader.build(LongHeader.parse(TELEGRAM[7:19])) == TELEGRAM[7:19]


# --- Shapes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "titles"),
    [
        (shapes.CFieldShape, ("CField", "WirelessCField")),
        (shapes.AddressShape, ("LinkAddress", "SecondaryAddress")),
        (shapes.ShortHeaderShape, ("ShortHeader",)),
        (shapes.LongHeaderShape, ("LongHeader", "LongHeaderMSB")),
        (shapes.ApplicationLayerShape, ("ApplicationLayer", "WirelessApplicationLayer")),
        (shapes.LinkUserDataShape, ("LinkUserData",)),
        (shapes.ShortFrameShape, ("ShortFrame",)),
        (shapes.FrameShape, ("Frame", "LongFrame")),
        (shapes.WirelessFrameShape, ("WirelessFrame",)),
        (shapes.SelectionShape, ("Selection", "SelectionMSB")),
        (shapes.FixedDataShape, ("FixedData", "FixedDataMSB")),
        (shapes.DIBShape, ("DIB",)),
        (shapes.VIBShape, ("VIB",)),
        (shapes.DataRecordShape, ("DataRecord", "DataRecordToMeter")),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_shapes_are_those_of_the_layouts(shape: type, titles: tuple[str, ...]) -> None:
    hints = typing.get_type_hints(shape)
    depends_on_direction = {"fcb", "fcv", "acd", "dfc"}
    for title in titles:
        parsed = GRAMMARS[title].parse(OCTETS[title])
        public = {key: value for key, value in parsed.items() if not key.startswith("_")}
        assert set(public) - depends_on_direction == set(hints)
        for key, value in public.items():
            if (hint := hints.get(key, Any)) is not Any:
                kinds = [typing.get_origin(kind) or kind for kind in typing.get_args(hint) or (hint,)]
                kinds = [list] if typing.get_origin(hint) is list else kinds
                kinds = [dict if issubclass(kind, dict) else kind for kind in kinds]
                assert isinstance(value, tuple(kinds)), key


def test_every_shape_is_compared() -> None:
    declared = {
        name for name, value in vars(shapes).items() if name.endswith("Shape") and isinstance(value, type)
    }
    (compared,) = (
        mark.args[1]
        for mark in test_the_shapes_are_those_of_the_layouts.pytestmark  # type: ignore[attr-defined]
        if mark.name == "parametrize"
    )
    assert {shape.__name__ for shape, _ in compared} == declared
    assert {item.name for item in LongFrame.subcon.subcons} == set(typing.get_type_hints(shapes.FrameShape))


@pytest.mark.parametrize("length", [0, -1, 2.5, "3", True, None])
@pytest.mark.parametrize("make", ["BCD", "type_a", "type_b", "type_c", "type_d", "compact_profile"])
def test_lengths_that_are_none(make: str, length: Any) -> None:
    with pytest.raises(BuildError) as caught:
        getattr(mbus_grammars, make)(length)
    assert caught.value.field == "length"

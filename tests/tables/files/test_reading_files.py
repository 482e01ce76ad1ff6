"""Files to rows: each kind, damaged ones among them, whatever the size of the blocks in which they are read."""

from __future__ import annotations

import gzip
import json
import os
import random
from codecs import BOM_UTF8
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest

pa = pytest.importorskip("pyarrow", reason='needs pip install "mbus-construct[arrow]"')

from pyarrow import feather, ipc, parquet  # noqa: E402

from mbus_construct.cli.inputs import from_content  # noqa: E402
from mbus_construct.octets import framing  # noqa: E402
from mbus_construct.octets.hex_text import parse_hex  # noqa: E402
from mbus_construct.tables.files import pieces, streams  # noqa: E402
from mbus_construct.tables.files.inputs import Kind, find  # noqa: E402
from mbus_construct.tables.files.pieces import Pieces  # noqa: E402
from mbus_construct.tables.files.rows import Wanted  # noqa: E402
from mbus_grammars import MBusError  # noqa: E402
from telegrams import README_TELEGRAM, response  # noqa: E402

HEX = README_TELEGRAM.hex().upper()
LONG = response("04 06 01 00 00 00")
SHORT = bytes.fromhex("10 5B 01 5C 16")

Row = tuple[str, int, int, bytes | str | None, str | None]


def rows(*files: Path | str, wanted: Wanted | None = None) -> list[Row]:
    """Source, line, number, telegram and fault of each row."""
    wanted = wanted or Wanted()
    found = find([str(file) for file in files], wanted)
    assert found.failures == []
    whole = Pieces(found.inputs, wanted)
    result: list[Row] = []
    for piece in whole:
        names = ("source", "line", "_number", "telegram", "_fault")
        result += zip(*(piece.batch.column(name).to_pylist() for name in names), strict=True)
    assert whole.failures == []
    return result


def telegrams(*files: Path | str, wanted: Wanted | None = None) -> list[Any]:
    return [row[3] for row in rows(*files, wanted=wanted)]


def write(file: Path, content: str | bytes) -> Path:
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


@pytest.fixture(params=[7, 64, 4 << 20])
def blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Files are read in blocks of so many octets."""
    monkeypatch.setattr(streams, "BLOCK", request.param)
    return int(request.param)


# --- Hex lines -------------------------------------------------------------------------------------


def test_hex_lines(blocks: int, tmp_path: Path) -> None:
    spaced = LONG.hex(" ")
    file = write(
        tmp_path / "log.hex",
        BOM_UTF8 + f"# a log\r\n\r\n{HEX}  # the heat meter\r\n{spaced}\r\nno hex\r\nE5\n  \n{HEX}".encode(),
    )
    got = rows(file)
    assert [row[1] for row in got] == [3, 4, 5, 6, 8]
    assert [row[2] for row in got] == [0, 1, 2, 3, 4]
    assert [row[0] for row in got] == [str(file)] * 5
    assert [text and text.upper() for _, _, _, text, _ in got] == [HEX, spaced.upper(), "NO HEX", "E5", HEX]


def dump(octets: bytes, generator: random.Random) -> str:
    """A telegram as a person or a program may write it down, sometimes damaged."""
    damaged = bytearray(octets)
    kind = generator.randrange(9)
    if kind == 0:
        del damaged[generator.randrange(len(damaged)) :]
    elif kind == 1:
        damaged[generator.randrange(len(damaged))] ^= 1 << generator.randrange(8)
    elif kind == 2:
        damaged += generator.choice([SHORT, LONG, b"\xe5", b"\x00\x01"])
    elif kind == 3:
        damaged[:0] = generator.choice([b"\x00\xff", b"\x68", b"\xe5", b"\x10\x40"])
    text = damaged.hex(generator.choice([" ", ":", "-"])) if generator.random() < 0.5 else damaged.hex()
    if kind == 4:
        width = generator.choice([16, 40])
        text = "\n".join(text[at : at + width] for at in range(0, len(text), width))
    return generator.choice(
        [text, text.upper(), text + " # noted", " " + text, text[:-1], text + "\n", "0x" + text]
    )


@pytest.mark.parametrize("seed", range(40))
def test_hex_lines_are_read_as_decode_reads_them(seed: int, tmp_path: Path) -> None:
    generator = random.Random(seed)  # noqa: S311
    octets = [README_TELEGRAM, LONG, SHORT, b"\xe5", LONG[4:-2], README_TELEGRAM[19:-2]]
    text = "\n".join(dump(generator.choice(octets), generator) for _ in range(30))
    file = write(tmp_path / "log.hex", text)
    expected = [(item.octets, item.fault) for item in from_content("log.hex", text.encode())]
    found = rows(file)
    assert len(found) == len(expected)
    for (_, _, _, got, fault), (wanted, refusal) in zip(found, expected, strict=True):
        if refusal is None:
            assert parsed(got) == wanted
        elif fault is not None:
            assert fault in str(refusal)
        else:  # no hex: the decoder says so
            assert got is not None
            assert parsed(got) is None


def parsed(text: bytes | str | None) -> bytes | None:
    assert text is not None
    try:
        return text if isinstance(text, bytes) else parse_hex(text)
    except MBusError:
        return None


def test_usual_and_unusual_lines_among_each_other(blocks: int, tmp_path: Path) -> None:
    lines = [HEX if number % 50 else f"{HEX} # {number}" for number in range(400)]
    lines[123], lines[300] = HEX[:20], f"{HEX}é"
    got = rows(write(tmp_path / "a.hex", "\n".join(lines)))
    assert len(got) == 400
    assert [row[1] for row in got] == [*range(1, 401)]
    assert [row[1] for row in got if str(row[3]).upper() != HEX] == [124, 301]


# --- Binary ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_binary_files_are_read_as_decode_reads_them(seed: int, blocks: int, tmp_path: Path) -> None:
    generator = random.Random(seed)  # noqa: S311
    noise = [b"\x00", b"\x68\x05", b"\x68\x68", b"\x10", LONG[:-2], b"\xe5\xe5", b"\xff" * 20]
    content = b"".join(generator.choice([README_TELEGRAM, LONG, SHORT, *noise]) for _ in range(40)) + b"\x00"
    file = write(tmp_path / "log.bin", content)
    expected = list(from_content("log", content))
    found = rows(file)
    assert [f"log, offset {line - 1}" for _, line, _, _, _ in found] == [item.name for item in expected]
    for (_, _, _, octets, fault), item in zip(found, expected, strict=True):
        assert octets == (None if item.fault is not None else item.octets)
        assert fault == (None if item.fault is None else str(item.fault))


def test_octets_without_a_frame(blocks: int, tmp_path: Path) -> None:
    (row,) = rows(write(tmp_path / "few", b"\x00" * 261))
    assert (row[3], row[4]) == (b"\x00" * 261, None)
    (row,) = rows(write(tmp_path / "many", b"\x00" * 262))
    assert (row[1], row[3]) == (1, None)
    assert row[4] is not None
    assert row[4].startswith("262 octets that are no frame: 00 00")


def test_noise_is_one_fault_however_long(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(framing, "_NOISE", 500)
    monkeypatch.setattr(streams, "BLOCK", 300)
    content = b"\xe5" * 2 + LONG + b"\xff\xe5" * 2000 + LONG + b"\x00" * 3000
    got = rows(write(tmp_path / "a.bin", content))
    assert [(line - 1, fault and fault.split(":")[0]) for _, line, _, _, fault in got] == [
        (0, None),
        (1, None),
        (2, None),
        (2 + len(LONG), "4000 octets that are no frame"),
        (4002 + len(LONG), None),
        (4002 + 2 * len(LONG), "3000 octets that are no frame"),
    ]
    (row,) = rows(write(tmp_path / "b.bin", b"\x00" * 9000))
    assert (row[1], row[4]) == (1, f"9000 octets that are no frame: {'00 ' * 12}...")


@pytest.mark.parametrize(
    "head", [b"\x89PNG\r\n\x1a\n", b"%PDF-1.7\n", b"PK\x03\x04\x14", b"\xff\xd8\xff\xe0", b"BZh9"]
)
def test_files_of_other_kinds_are_refused(head: bytes, tmp_path: Path) -> None:
    file = write(tmp_path / "a.bin", head + README_TELEGRAM * 3)
    found = find([str(file)], Wanted())
    assert found.inputs == []
    assert "no file of telegrams: " in found.failures[0]
    assert "no file of telegrams: " in find([str(tmp_path)], Wanted()).others[0]


# --- CSV -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("name", ["mbus-raw", "telegram", "hex", "payload", "data"])
def test_csv(delimiter: str, name: str, blocks: int, tmp_path: Path) -> None:
    table = [["time", name, "device"], ["1", HEX, "a"], ["2", LONG.hex(" "), ""], ["3", HEX, '"x y"']]
    text = "\r\n".join(delimiter.join(row) for row in table) + "\r\n"
    for encoding in ("utf-8-sig", "utf-16"):
        file = write(tmp_path / "a.csv", text.encode(encoding))
        got = rows(file)
        assert [row[3] for row in got] == [HEX, LONG.hex(" "), HEX]
        assert [row[1] for row in got] == [2, 3, 4]


def test_a_damaged_row_of_csv_costs_no_other(blocks: int, tmp_path: Path) -> None:
    lines = [
        "id;mbus-raw;note",
        f"1;{HEX};a",
        "2",
        f'3;"{HEX};an open quote',
        f"4;{HEX};b;too;many",
        "",
        f"5;{HEX};b",
        "6;;empty",
        f"7;{HEX};caf\xe9",
    ]
    file = write(tmp_path / "a.csv", "\n".join(lines).encode("latin-1"))
    got = [(line, text) for _, line, _, text, _ in rows(file)]
    assert got == [(2, HEX), (3, None), (4, HEX), (5, HEX), (7, HEX), (8, None), (9, HEX)]


def test_a_cell_over_several_lines(tmp_path: Path) -> None:
    file = write(
        tmp_path / "a.csv", f'id,hex,note\n1,"{HEX[:20]}\n{HEX[20:]}",x\n2,{HEX},"a\nb"\n3,{HEX},y\n'
    )
    assert [(line, text) for _, line, _, text, _ in rows(file)] == [
        (2, f"{HEX[:20]}\n{HEX[20:]}"),
        (4, HEX),
        (6, HEX),
    ]


def test_columns_that_are_not_there(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", f"time,raw\n1,{HEX}\n")
    assert telegrams(file, wanted=Wanted("raw")) == [HEX]
    for wanted, said in ((Wanted(), "time, raw"), (Wanted("x"), "'x'"), (Wanted("raw", ("y",)), "y to keep")):
        whole = Pieces(find([str(file)], wanted).inputs, wanted)
        assert list(whole) == []
        (failure,) = whole.failures
        assert said in str(failure)
        assert "time, raw" in str(failure)


def test_columns_are_kept(blocks: int, tmp_path: Path) -> None:
    wanted = Wanted(None, ("device", "at"))
    csv_file = write(tmp_path / "a.csv", f"at,device,hex\n1,x,{HEX}\n2,,{HEX}\n3\n")
    json_file = write(tmp_path / "b.ndjson", json.dumps({"hex": HEX, "at": 4, "device": "y"}))
    table = pa.table({"hex": [README_TELEGRAM], "device": ["z"], "at": pa.array([5], pa.int64())})
    parquet.write_table(table, tmp_path / "c.parquet")
    found = find([str(csv_file), str(json_file), str(tmp_path / "c.parquet")], wanted)
    kept = [
        row
        for piece in Pieces(found.inputs, wanted)
        for row in zip(piece.batch["at"].to_pylist(), piece.batch["device"].to_pylist(), strict=True)
    ]
    assert kept == [("1", "x"), ("2", None), ("3", None), ("4", "y"), ("5", "z")]


# --- JSON ------------------------------------------------------------------------------------------


def test_ndjson(blocks: int, tmp_path: Path) -> None:
    items = [{"hex": HEX, "t": 1}, {"hex": LONG.hex()}, {"hex": None}, {"t": 1}, {"hex": [1]}]
    lines = [*map(json.dumps, items), "{", "[]", "", json.dumps({"hex": HEX})]
    got = rows(write(tmp_path / "a.ndjson", "\n".join(lines)))
    assert [(line, text) for _, line, _, text, _ in got] == [
        *((1, HEX), (2, LONG.hex()), (3, None), (4, None), (5, None), (6, None), (7, None), (9, HEX))
    ]
    assert ["" if fault is None else fault.split(":")[0] for *_, fault in got][4:] == [
        "'hex' is no string of hex",
        "no JSON",
        "no JSON object",
        "",
    ]


def test_json_as_decode_writes_it(tmp_path: Path) -> None:
    refused = [{"type": "refusal", "octets": HEX}, {"type": "refusal", "octets": LONG.hex()}]
    for indent in (None, 2):
        file = write(tmp_path / "a.json", json.dumps(refused, indent=indent))
        assert [(line, text) for _, line, _, text, _ in rows(file)] == [(1, HEX), (2, LONG.hex())]
    assert telegrams(write(tmp_path / "b.json", json.dumps(refused[0], indent=2))) == [HEX]
    assert telegrams(write(tmp_path / "c.json", "\n".join(map(json.dumps, refused)))) == [HEX, LONG.hex()]


# --- Tables ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "type_",
    [
        pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string()),
        pa.binary(), pa.large_binary(), pa.binary_view(), pa.binary(len(LONG)),
    ],
    ids=str,
)  # fmt: skip
def test_tables(type_: Any, tmp_path: Path) -> None:
    text = "string" in str(type_)
    values = [LONG.hex() if text else LONG, None, LONG.hex() if text else LONG]
    table = pa.table(
        {"n": [1, 2, 3], "telegram": pa.array(values, pa.string() if text else pa.binary()).cast(type_)}
    )
    with pa.OSFile(str(tmp_path / "a.arrow"), "wb") as sink, ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    with pa.OSFile(str(tmp_path / "a.arrows"), "wb") as sink, ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    files = [tmp_path / "a.arrow", tmp_path / "a.arrows"]
    if "view" not in str(type_):
        feather.write_feather(table, tmp_path / "a.feather", compression="zstd")
        parquet.write_table(table, tmp_path / "a.parquet", row_group_size=2)
        files += [tmp_path / "a.feather", tmp_path / "a.parquet"]
    for file in files:
        got = rows(file)
        assert [row[3] for row in got] == values
        assert [row[1:3] for row in got] == [(1, 0), (2, 1), (3, 2)]


def test_a_column_of_numbers_is_refused(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"telegram": [1]}), tmp_path / "a.parquet")
    whole = Pieces(find([str(tmp_path / "a.parquet")], Wanted()).inputs, Wanted())
    assert list(whole) == []
    assert "int64" in str(whole.failures[0])


# --- Packed, and in directories --------------------------------------------------------------------


def packed(content: bytes, codec: str) -> bytes:
    return gzip.compress(content) if codec == "gzip" else pa.compress(content, codec, asbytes=True)


@pytest.mark.parametrize("codec", ["gzip", "zstd"])
def test_packed_files_are_known_by_their_content(codec: str, blocks: int, tmp_path: Path) -> None:
    parquet.write_table(pa.table({"hex": [HEX, HEX]}), tmp_path / "t.parquet")
    contents = {
        "a.hex": f"{HEX}\n{HEX}\n".encode(),
        "b.csv.gz": f"hex\n{HEX}\n{HEX}\n".encode(),
        "c.zst": f'{{"hex": "{HEX}"}}\n{{"hex": "{HEX}"}}'.encode(),
        "d": (tmp_path / "t.parquet").read_bytes(),
    }
    for name, content in contents.items():
        file = write(tmp_path / name, packed(content, codec))
        assert telegrams(file) == [HEX, HEX], name


def test_several_packed_parts_in_one_file(tmp_path: Path) -> None:
    file = write(tmp_path / "a.gz", packed(f"{HEX}\n".encode(), "gzip") * 3)
    assert telegrams(file) == [HEX] * 3


@pytest.mark.parametrize("codec", ["gzip", "zstd"])
@pytest.mark.parametrize("kind", ["hex", "csv", "ndjson", "bin"])
@pytest.mark.parametrize("size", [5000, 4 << 20])
def test_a_cut_file_gives_all_that_is_there_and_is_reported(
    kind: str, codec: str, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "BLOCK", size)
    octets = [response(f"04 06 {os.urandom(4).hex()}") for _ in range(9000)]
    wrap = {"hex": "{}\n", "csv": "1,{}\n", "ndjson": '{{"hex": "{}"}}\n', "bin": ""}[kind]
    lines = [wrap.format(item.hex()).encode() or item for item in octets]
    lines[:0] = [b"at,hex\n"] if kind == "csv" else []
    content = b"".join(lines)
    whole = packed(content, codec)
    cut = write(tmp_path / f"a.{kind}.x", whole[: len(whole) * 4 // 5])
    there = unpackable(cut.read_bytes(), codec)
    assert 0 < len(there) < len(content)
    wanted = sum(end <= len(there) for end in accumulate(map(len, lines)))
    good = write(tmp_path / "b.hex", HEX)
    read = Pieces(find([str(cut), str(good)], Wanted()).inputs, Wanted())
    found = [row for piece in read for row in zip(*piece.batch.columns[:3], strict=True)]
    got = [(row[0].as_py(), row[2].as_py()) for row in found if row[1].as_py() == str(cut)]
    expected = (
        [*octets[:wanted]] if kind == "bin" else [item.hex() for item in octets[: wanted - (kind == "csv")]]
    )
    assert [telegram for telegram, _ in got] == expected
    assert len(found) == len(got) + 1
    (failure,) = read.failures
    last = f"offset {sum(map(len, octets[: wanted - 1]))}" if kind == "bin" else f"line {wanted}"
    assert str(failure) == f"{cut}: ends in mid-stream after {last}; the rest is missing"


def unpackable(content: bytes, codec: str) -> bytes:
    """What comes out of a packed file that is cut."""
    stream = pa.CompressedInputStream(pa.BufferReader(content), codec)
    octets = bytearray()
    try:
        while octet := stream.read(1):
            octets += octet
    except OSError:
        return bytes(octets)
    raise AssertionError("it is whole")


def test_tables_in_a_cut_file(tmp_path: Path) -> None:
    table = pa.table({"hex": [os.urandom(40).hex() for _ in range(3000)]})
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=100)
    for name, content in (
        ("a.arrows.gz", sink.getvalue().to_pybytes()),
        ("a.json.gz", json.dumps([{"hex": HEX}] * 3000, indent=1).encode()),
    ):
        file = write(tmp_path / name, gzip.compress(content)[:-50])
        whole = Pieces(find([str(file)], Wanted()).inputs, Wanted())
        got = sum(piece.batch.num_rows for piece in whole)
        assert got == (2900 if "arrows" in name else 0)
        assert "ends in mid-stream" in str(whole.failures[0])


def test_directories(tmp_path: Path) -> None:
    (tmp_path / "b" / "c").mkdir(parents=True)
    contents: dict[str, str | bytes] = {
        "z.hex": HEX,
        "a.csv": f"hex\n{HEX}\n",
        "b/b.log": HEX,
        "b/c/frames.dat": LONG + LONG,
        "b/readme.txt": "what this is\n",
        "b/c/picture.png": b"\x89PNG\r\n\x1a\n\x00\x00",
        ".hidden": HEX,
        "_manifest.ndjson": "{}",
        "empty.csv": "",
    }
    for name, content in contents.items():
        write(tmp_path / name, content)
    found = find([str(tmp_path)], Wanted())
    assert [Path(item.name).name for item in found.inputs] == ["a.csv", "z.hex", "b.log", "frames.dat"]
    assert [item.kind for item in found.inputs] == [Kind.CSV, Kind.LINES, Kind.LINES, Kind.BINARY]
    assert found.failures == []
    said = " ".join(found.others)
    for name in ("readme.txt", "picture.png", ".hidden", "_manifest.ndjson", "empty.csv"):
        assert name in said


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    broken = write(tmp_path / "a.parquet", b"PAR1 and no more")
    text = write(tmp_path / "t.txt", "hello, world")
    found = find([str(broken), str(tmp_path / "none.csv"), str(text)], Wanted())
    assert len(found.failures) == 1
    assert "none.csv" in found.failures[0]
    whole = Pieces(found.inputs, Wanted())
    assert [piece.batch["telegram"].to_pylist() for piece in whole] == [["hello, world"]]
    (failure,) = whole.failures
    assert failure.name == str(broken)


# --- Pieces ----------------------------------------------------------------------------------------


def test_pieces_have_one_size_whatever_the_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pieces, "TELEGRAMS", 10)
    for number in range(7):
        write(tmp_path / f"{number}.hex", f"{HEX}\n" * (number + 1))
    write(tmp_path / "8.bin", LONG * 12)
    found = find([str(tmp_path)], Wanted())
    whole = list(Pieces(found.inputs, Wanted()))
    assert [piece.batch.num_rows for piece in whole] == [10, 10, 8, 10, 2]
    assert [piece.index for piece in whole] == [0, 1, 2, 3, 4]
    assert [piece.consumed for piece in whole] == sorted(piece.consumed for piece in whole)
    assert whole[-1].consumed == sum(item.size for item in found.inputs)
    numbers = [item.as_py() for piece in whole for item in piece.batch["_number"]]
    assert numbers == [number for size in (*range(1, 8), 12) for number in range(size)]


def test_pieces_are_bounded_in_octets_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pieces, "OCTETS", 1000)
    write(tmp_path / "a.hex", f"{HEX}\n" * 50)
    sizes = [
        piece.batch["telegram"].nbytes for piece in Pieces(find([str(tmp_path)], Wanted()).inputs, Wanted())
    ]
    assert len(sizes) > 10
    assert max(sizes) <= 1100

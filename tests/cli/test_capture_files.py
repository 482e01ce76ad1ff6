"""Files of receivers' lines for `mbus decode` and `mbus convert`: the same telegrams, whatever stands around them."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from commands import Mbus
from mbus_construct.cli.inputs import Source, from_content, sources
from mbus_grammars.wireless import with_crcs
from telegrams import README_TELEGRAM, response

PLAIN = bytes.fromhex("1244AE0C78563412 0107 8C20 27 78 0B13436587")
MODE_5 = bytes.fromhex(
    "2E44931578563412 3303 7A2A0020255923C95AAA26D1B2E7493B013EC4A6F6D3529B520EDFF0EA6DEFC99D6D69EBF3"
)
# Longer than what it is put in front of: a telegram in a row with a short one is as long as a frame with CRCs.
LONG = bytes([0x4A]) + MODE_5[1:] + bytes(28)
SHORT = bytes([0x0B]) + MODE_5[1:10] + b"\xa0\x01"
WIRED = response("04 06 01 00 00 00")
RTL = "T1;{crc};1;2020-05-28 22:22:56.000;26;27;12345678;0x{hex}"
IM871A = "A582031244AE0C7856341201078C2027780B134365877EB9"
AMBER = "FF031244AE0C7856341201078C2027780B134365874C"
# Manufacturer specific data, which do not say where they end: the last octet may be the RSSI.
DOUBTFUL = bytes.fromhex("0F44AE0C785634120107A1 01020304 77")
AMBER_DOUBTFUL = "FF030F44AE0C785634120107A10102030477C9"


def octets(*arguments: str | Path) -> list[bytes]:
    return [source.octets for source in sources([str(argument) for argument in arguments])]


def faults(found: list[Source]) -> list[str | None]:
    return [None if item.fault is None else str(item.fault) for item in found]


def write(file: Path, *lines: str) -> Path:
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def test_a_file_with_every_kind_of_line(tmp_path: Path) -> None:
    file = write(
        tmp_path / "capture.txt",
        "# a night in the cellar",
        RTL.format(crc=1, hex=PLAIN.hex()),
        RTL.format(crc=0, hex=PLAIN.hex()),
        IM871A,
        AMBER,
        "b" + with_crcs(PLAIN, "A").hex().upper() + "8040",
        f"telegram=|{PLAIN.hex()}|+12",
        f"2024-02-29 12:00:00 {PLAIN.hex(' ')}  # cold water",
        WIRED.hex(),
        "nonsense",
        f"{PLAIN.hex()}{MODE_5.hex()}{WIRED.hex()}",
        f"{MODE_5.hex()} | {PLAIN.hex()}",
        IM871A + AMBER,
    )
    found = list(sources([str(file)]))
    places = [item.name.removeprefix(f"{file}, ") for item in found]
    assert places == [
        *(f"line {number}" for number in range(2, 11)),
        "line 11, offset 0",
        "line 11, offset 19",
        "line 11, offset 66",
        *(f"line {number}, telegram {part}" for number in (12, 13) for part in (1, 2)),
    ]
    assert [item.octets for item in found] == [
        *[PLAIN] * 4,
        with_crcs(PLAIN, "A"),
        *[PLAIN] * 2,
        WIRED,
        b"",
        *[PLAIN, MODE_5, WIRED],
        *[MODE_5, PLAIN],
        *[PLAIN] * 2,
    ]
    refused = {place: text for place, text in zip(places, faults(found), strict=True) if text is not None}
    assert refused == {
        "line 3": "the receiver says that the CRC failed",
        "line 10": "no hex digit: 'n' at character 1",
    }


def test_arguments() -> None:
    assert octets(RTL.format(crc=1, hex=PLAIN.hex())) == [PLAIN]
    assert octets(PLAIN.hex(), AMBER, MODE_5.hex() + PLAIN.hex()) == [PLAIN, PLAIN, MODE_5, PLAIN]
    assert octets(*PLAIN.hex(" ").split()) == [PLAIN]
    (missing,) = sources(["captures/night.txt"])
    assert str(missing.fault) == "neither a file nor hex: captures/night.txt"


@pytest.mark.parametrize(
    "line", [RTL.format(crc=1, hex=PLAIN.hex()), PLAIN.hex(), IM871A, f"|{PLAIN.hex()}|"]
)
def test_an_unfinished_wired_frame_swallows_none(line: str, tmp_path: Path) -> None:
    file = write(tmp_path / "mixed.hex", README_TELEGRAM.hex()[:60], line, README_TELEGRAM.hex())
    assert octets(file) == [README_TELEGRAM[:30], PLAIN, README_TELEGRAM]


def test_a_wired_frame_over_several_lines_is_still_one(tmp_path: Path) -> None:
    text = README_TELEGRAM.hex(" ")
    file = write(tmp_path / "dump.hex", *(text[at : at + 48] for at in range(0, len(text), 48)), PLAIN.hex())
    assert octets(file) == [README_TELEGRAM, PLAIN]


def test_a_wired_frame_in_a_wireless_one_stays_there(tmp_path: Path) -> None:
    inner = bytes.fromhex("780FFD3B") + WIRED
    container = bytes([9 + len(inner)]) + MODE_5[1:10] + inner
    assert octets(write(tmp_path / "container.hex", container.hex())) == [container]


# --- The reader of `mbus convert` ------------------------------------------------------------------


def lines_of(generator: random.Random) -> str:
    """A line of a capture, sometimes damaged."""
    telegram = generator.choice([PLAIN, MODE_5, LONG, SHORT])
    a, b = with_crcs(telegram, "A"), with_crcs(telegram, "B")
    line = generator.choice(
        [
            telegram.hex(generator.choice([" ", ":", "-"])),
            generator.choice([telegram, a, b]).hex(),
            RTL.format(crc=generator.choice("11110"), hex=telegram.hex()),
            IM871A,
            AMBER.lower(),
            AMBER_DOUBTFUL,
            f"{RTL.format(crc=1, hex=telegram.hex())} {RTL.format(crc=1, hex=PLAIN.hex())}",
            f"{RTL.format(crc=1, hex=telegram.hex())};ABCD",
            f"telegram=|{telegram.hex()}|+12 telegram=|{PLAIN.hex()}|+13",
            "b" + a.hex().upper() + generator.choice(["", "80", "8040", "80::-86.5"]),
            "bY" + b.hex().upper() + "8040",
            f"telegram=|{telegram.hex()}|+12",
            f"2024-02-29 12:00:00 {telegram.hex()}",
            f"2024-02-29T12:00:00Z {telegram.hex(' ')}",
            f"12345678; ELS;33;03;00; -83; T;{telegram.hex().upper()};",
            LONG.hex() + SHORT.hex(),
            (generator.choice([a, b]) + PLAIN + WIRED).hex(),
            f"{MODE_5.hex()}|{telegram.hex()}",
            WIRED.hex(),
            README_TELEGRAM[4:-2].hex(),
            "",
        ]
    )
    if line and generator.random() < 0.2:
        place = generator.randrange(len(line))
        line = line[:place] + generator.choice(["", "x", "0", "F"]) + line[place + 1 :]
    return line + generator.choice(["", "", " # noted", "\r"])


@pytest.mark.parametrize("block", [64, 4 << 20])
@pytest.mark.parametrize("seed", range(25))
def test_convert_finds_what_decode_finds(
    seed: int, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyarrow", reason='needs pip install "mbus-construct[arrow]"')
    from mbus_construct.octets.hex_text import parse_hex  # noqa: PLC0415
    from mbus_construct.tables.files import streams  # noqa: PLC0415
    from mbus_construct.tables.files.inputs import find  # noqa: PLC0415
    from mbus_construct.tables.files.pieces import Pieces  # noqa: PLC0415
    from mbus_construct.tables.files.rows import Wanted  # noqa: PLC0415
    from mbus_grammars import MBusError  # noqa: PLC0415

    monkeypatch.setattr(streams, "BLOCK", block)
    generator = random.Random(seed)  # noqa: S311
    lines = [WIRED.hex(), *(lines_of(generator) for _ in range(60))]
    lines += lines[:1] * 40  # many usual ones, with others among them
    lines[-20:-20] = [lines_of(generator)]
    file = write(tmp_path / "capture.hex", *lines)

    pieces = Pieces(find([str(file)], Wanted()).inputs, Wanted())
    rows: list[tuple[bytes | None, str | None]] = []
    for piece in pieces:
        columns = [piece.batch.column(name).to_pylist() for name in ("telegram", "_fault")]
        for text, fault in zip(*columns, strict=True):
            try:
                rows.append((None if fault is not None else parse_hex(text), fault))
            except MBusError as error:  # left to the decoder, which says so
                rows.append((None, str(error)))
    expected = list(from_content("capture.hex", file.read_bytes()))
    assert rows == [
        (None if item.fault is not None else item.octets, fault)
        for item, fault in zip(expected, faults(expected), strict=True)
    ]


# --- The whole commands ----------------------------------------------------------------------------


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """Six telegrams of one meter, and one that the receiver refused."""
    return write(
        tmp_path / "capture.txt",
        RTL.format(crc=1, hex=PLAIN.hex()),
        RTL.format(crc=0, hex=PLAIN.hex()),
        IM871A,
        AMBER,
        "bY" + with_crcs(PLAIN, "B").hex().upper() + "8040",
        PLAIN.hex() * 2,
    )


def test_decode(mbus: Mbus, capture: Path) -> None:
    run = mbus("decode", "--format", "ndjson", capture)
    objects = [json.loads(line) for line in run.lines]
    telegrams = [item for item in objects if item["type"] == "telegram"]
    assert (run.code, len(objects), len(telegrams)) == (1, 7, 6)
    assert [item["frame"]["format"] for item in telegrams] == [*["CRC-less"] * 3, "B", *["CRC-less"] * 2]
    assert {json.dumps(item["records"]) for item in telegrams} == {json.dumps(telegrams[0]["records"])}
    assert len(telegrams[0]["records"]) == 1
    assert objects[1]["error"]["code"] == "receiver_crc"
    assert run.err == f"mbus: {capture}, line 2: the receiver says that the CRC failed\n"


@pytest.fixture
def crowded(tmp_path: Path) -> Path:
    """Lines with more than one telegram of a receiver, or with octets that are none."""
    rtl = RTL.format(crc=1, hex=PLAIN.hex())
    return write(
        tmp_path / "crowded.txt",
        f"{rtl} {rtl}",
        f"telegram=|{PLAIN.hex()}|+12 telegram=|{PLAIN.hex()}|+13",
        f"{rtl};ABCD",
        AMBER_DOUBTFUL,
    )


REFUSED = [
    "line 3, telegram 2: left over of the line, beside its telegrams: ABCD",
    "line 4, telegram 2: the last octet of the telegram, 77h, may be the receiver's RSSI; nothing says whether "
    "it is: set RSSI_Enable of the receiver to 0, or give the telegram alone in hex",
]


def test_decode_loses_nothing_of_a_line(mbus: Mbus, crowded: Path) -> None:
    run = mbus("decode", "--format", "ndjson", crowded)
    objects = [json.loads(line) for line in run.lines]
    assert [item["type"] for item in objects].count("telegram") == 6
    assert octets(crowded) == [*[PLAIN] * 5, b"\xab\xcd", DOUBTFUL, DOUBTFUL[-1:]]
    assert [item["error"]["code"] for item in objects if item["type"] != "telegram"] == [
        "left_over",
        "rssi_or_data",
    ]
    assert run.code == 1
    assert run.err == "".join(f"mbus: {crowded}, {text}\n" for text in REFUSED)


def test_convert_loses_nothing_of_a_line(mbus: Mbus, crowded: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason='needs pip install "mbus-construct[arrow]"')
    output = tmp_path / "readings.ndjson"
    run = mbus("convert", crowded, "-o", output)
    rows = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    assert run.code == 1
    assert sorted(row["line"] for row in rows if row["error"] is None and row["line"] < 4) == [1, 1, 2, 2, 3]
    for text in REFUSED:
        assert text.partition(": ")[2] in run.err


def test_convert(mbus: Mbus, capture: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason='needs pip install "mbus-construct[arrow]"')
    output = tmp_path / "readings.ndjson"
    run = mbus("convert", capture, "-o", output)
    assert run.code == 1
    assert "line 2: the receiver says that the CRC failed" in run.err
    rows = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    values = [row for row in rows if row["error"] is None]
    assert sorted(row["line"] for row in values) == [1, 3, 4, 5, 6, 6]

"""Where telegrams come from: arguments, files, standard input; hex in any form, binary, lines."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from commands import Mbus, Terminal, one_line, program
from telegrams import README_TELEGRAM, response
from vectors import FRAMES

HEX = README_TELEGRAM.hex(" ").upper()
SHORT = bytes.fromhex("10 5B 01 5C 16")
LONG = response("04 06 01 00 00 00")


def decoded(mbus: Mbus, *arguments: str | Path, stdin: bytes | None = None) -> list[Any]:
    """What the arguments give, as JSON objects."""
    return [json.loads(line) for line in mbus("decode", "--format", "ndjson", *arguments, stdin=stdin).lines]


def shapes(objects: list[Any]) -> list[Any]:
    """Each telegram by its control field's name, or the code of its error."""
    return [item["error"]["code"] if "error" in item else item["frame"]["c_name"] for item in objects]


# --- Arguments -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        [HEX],
        HEX.split(),
        [HEX.replace(" ", "")],
        [HEX.lower()],
        [HEX.replace(" ", "-")],
        [HEX.replace(" ", ":")],
        [HEX.replace(" ", ", ")],
        ["0x" + HEX.replace(" ", " 0x")],
        ["\\x" + HEX.replace(" ", "\\x")],
        [HEX.replace(" ", "\n")],
        README_TELEGRAM.hex(" ", 2).split(),
        [HEX[:2], *HEX[3:].split(" ", 7)],
    ],
)
def test_one_telegram_in_any_hex(mbus: Mbus, arguments: list[str]) -> None:
    (telegram,) = decoded(mbus, *arguments)
    assert len(telegram["records"]) == 12


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ([HEX, LONG.hex()], ["RSP_UD", "RSP_UD"]),
        ([SHORT.hex(), LONG.hex(), SHORT.hex()], ["REQ_UD2", "RSP_UD", "REQ_UD2"]),
        (["E5", SHORT.hex(" ")], [None, "REQ_UD2"]),
        (["E5", "E5"], [None, None]),
        (["10", "5B", "01", "5C", "16"], ["REQ_UD2"]),
        ([HEX, "10 5B 01 5D 16"], ["RSP_UD", "checksum"]),
    ],
)
def test_several_arguments(mbus: Mbus, arguments: list[str], names: list[str]) -> None:
    assert shapes(decoded(mbus, *arguments)) == names


def test_an_empty_argument_is_an_error(mbus: Mbus) -> None:
    run = mbus("decode", "")
    assert run.code == 2
    assert one_line(run.err)


def test_without_arguments_standard_input_is_read(mbus: Mbus) -> None:
    assert shapes(decoded(mbus, stdin=HEX.encode())) == ["RSP_UD"]
    assert shapes(decoded(mbus, "-", stdin=README_TELEGRAM)) == ["RSP_UD"]
    run = mbus("decode", stdin=b"")
    assert run.code == 2
    assert one_line(run.err)
    assert "standard input" in run.err


def test_a_terminal_is_not_waited_for(mbus: Mbus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Terminal, "isatty", lambda _stream: True)
    run = mbus("decode", stdin=HEX.encode())
    assert (run.code, run.out) == (2, "")
    assert one_line(run.err)
    assert "give a telegram in hex, a file, or -" in run.err


# --- Files ---------------------------------------------------------------------------------------


def test_files_of_each_kind(mbus: Mbus, tmp_path: Path) -> None:
    binary, lines = tmp_path / "frame.bin", tmp_path / "frames.hex"
    binary.write_bytes(README_TELEGRAM)
    lines.write_text(HEX + "\n", encoding="utf-8")
    objects = decoded(mbus, binary, lines, SHORT.hex(), "-", stdin=LONG)
    assert shapes(objects) == ["RSP_UD", "RSP_UD", "REQ_UD2", "RSP_UD"]
    sources = [item.pop("source") for item in objects]
    assert sources[:2] == [f"{binary}, offset 0", f"{lines}, line 1"]
    assert objects[0] == objects[1]


def test_lines_with_comments_blanks_and_broken_ones(mbus: Mbus, tmp_path: Path) -> None:
    file = tmp_path / "log.txt"
    file.write_bytes(
        b"\xef\xbb\xbf# a log\r\n\r\n"
        + HEX.encode()
        + b"  # the heat meter\r\n"
        + b"this is no hex\r\n"
        + SHORT.hex().encode()
        + b"\r\n10 5B 01 5D 16\r\n   \r\nE5\r\n"
        + LONG.hex("-").encode()
    )
    run = mbus("decode", "--format", "ndjson", file)
    assert run.code == 1
    objects = [json.loads(line) for line in run.lines]
    assert shapes(objects) == ["RSP_UD", "hex", "REQ_UD2", "checksum", None, "RSP_UD"]
    assert objects[1]["source"].endswith("log.txt, line 4")
    assert objects[3]["source"].endswith("log.txt, line 6")
    assert len(run.err.splitlines()) == 2


def test_a_frame_over_several_lines(mbus: Mbus, tmp_path: Path) -> None:
    file = tmp_path / "dump.txt"
    dump = "\n".join(README_TELEGRAM[k : k + 16].hex(" ") for k in range(0, len(README_TELEGRAM), 16))
    file.write_text(f"{dump}\n\n# next\n{dump}\n{SHORT.hex()}\n", encoding="utf-8")
    objects = decoded(mbus, file)
    assert shapes(objects) == ["RSP_UD", "RSP_UD", "REQ_UD2"]
    assert [len(item["records"]) for item in objects] == [12, 12, 0]


@pytest.mark.parametrize("broken", [HEX[:60], HEX[:-3], "68 6A 6A", "10 5B"])
def test_an_unfinished_line_costs_no_other(mbus: Mbus, tmp_path: Path, broken: str) -> None:
    file = tmp_path / "log.txt"
    file.write_text(f"{SHORT.hex()}\n{broken}\n{HEX}\n{SHORT.hex()}\n", encoding="utf-8")
    objects = decoded(mbus, file)
    assert shapes(objects) == ["REQ_UD2", "incomplete_frame", "RSP_UD", "REQ_UD2"]
    assert objects[1]["source"].endswith("line 2")
    file.write_text(f"{broken}\n{SHORT.hex()}\n{HEX}\n", encoding="utf-8")
    assert shapes(decoded(mbus, file)) == ["incomplete_frame", "REQ_UD2", "RSP_UD"]
    file.write_text(f"{broken}\nnonsense\n{HEX}\n{broken}\n", encoding="utf-8")
    assert shapes(decoded(mbus, file)) == ["incomplete_frame", "hex", "RSP_UD", "incomplete_frame"]


@pytest.mark.parametrize("content", ["", "  \n", "# nothing\n\n# here\n"])
def test_a_file_without_telegrams(mbus: Mbus, tmp_path: Path, content: str) -> None:
    file = tmp_path / "empty.txt"
    file.write_text(content, encoding="utf-8")
    run = mbus("decode", file)
    assert run.code == 2
    assert one_line(run.err)
    assert "empty.txt" in run.err


def test_a_binary_file_with_several_frames(mbus: Mbus, tmp_path: Path) -> None:
    file = tmp_path / "bus.bin"
    file.write_bytes(b"".join(FRAMES))
    objects = decoded(mbus, file)
    assert len(objects) == len(FRAMES)
    assert not any("error" in item for item in objects)
    octets = 0
    for frame, item in zip(FRAMES, objects, strict=True):
        octets += len(frame)
        assert len(frame) != 1 or item["frame"]["format"] == "single character"
    assert octets == file.stat().st_size


@pytest.mark.parametrize(
    "noise",
    ["00", "FF FF FF", "68", "10", "68 05 05", "16 16", "E5 00", "00 E5 FF", "10 68 10 68", "68 03 03 68"],
)
def test_noise_between_frames_costs_none(mbus: Mbus, tmp_path: Path, noise: str) -> None:
    rubbish = bytes.fromhex(noise)
    file = tmp_path / "noise.bin"
    file.write_bytes(rubbish + SHORT + LONG + rubbish + README_TELEGRAM + SHORT + rubbish)
    run = mbus("decode", "--format", "ndjson", file)
    assert run.code == 1
    objects = [json.loads(line) for line in run.lines]
    good = [item for item in objects if "error" not in item and item["frame"]["c_name"]]
    assert shapes(good) == ["REQ_UD2", "RSP_UD", "RSP_UD", "REQ_UD2"]
    bad = [item for item in objects if "error" in item]
    assert len(bad) == len(run.err.splitlines()) == 3
    assert all(bytes.fromhex(item["octets"]) in rubbish for item in bad)


def test_a_damaged_frame_between_whole_ones(mbus: Mbus, tmp_path: Path) -> None:
    damaged = bytearray(README_TELEGRAM)
    damaged[30] ^= 0xFF
    file = tmp_path / "bus.bin"
    file.write_bytes(LONG + damaged + LONG)
    objects = decoded(mbus, file)
    assert shapes(objects) == ["RSP_UD", "checksum", "RSP_UD"]
    assert objects[1]["source"].endswith(f"offset {len(LONG)}")
    assert objects[1]["octets"] == damaged.hex().upper()


def test_a_large_binary_file_takes_no_square_of_its_size(mbus: Mbus, tmp_path: Path) -> None:
    rng = random.Random(13757)  # noqa: S311
    file = tmp_path / "large.bin"
    noise = bytes(rng.choice(b"\x68\x10\x00\xff\x05") for _ in range(20_000))
    file.write_bytes(noise + LONG + noise)
    objects = decoded(mbus, file)
    assert shapes(objects).count("RSP_UD") == 1


@pytest.mark.parametrize(("start", "form"), [(4, "c_field"), (6, "ci_field"), (7, "header")])
def test_a_binary_file_of_user_data(mbus: Mbus, tmp_path: Path, start: int, form: str) -> None:
    file = tmp_path / "user_data.bin"
    file.write_bytes(README_TELEGRAM[start:-2])
    (telegram,) = decoded(mbus, file)
    assert (telegram["link"], len(telegram["records"])) == (form, 12)


def test_a_damaged_frame_alone_in_a_file(mbus: Mbus, tmp_path: Path) -> None:
    file = tmp_path / "damaged.bin"
    file.write_bytes(README_TELEGRAM[:-2] + b"\x00\x16")
    run = mbus("decode", file)
    assert run.code == 2
    assert one_line(run.err)
    assert "check sum" in run.err


def test_a_directory_is_no_file(mbus: Mbus, tmp_path: Path) -> None:
    run = mbus("decode", tmp_path)
    assert run.code == 2
    assert one_line(run.err)


def test_a_file_that_cannot_be_read(mbus: Mbus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "locked.bin"
    file.write_bytes(b"\xe5")

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    run = mbus("decode", file)
    assert run.code == 2
    assert one_line(run.err)
    assert "locked.bin" in run.err


def test_a_program_in_a_pipe() -> None:
    run = program("decode", "--format", "ndjson", stdin=README_TELEGRAM + SHORT)
    assert run.code == 0
    assert shapes([json.loads(line) for line in run.lines]) == ["RSP_UD", "REQ_UD2"]
    run = program("decode", "--format", "ndjson", "-", stdin=HEX.encode() + b"\nxyz\n")
    assert run.code == 1
    assert one_line(run.err)


def test_noise_before_a_frame_in_hex(mbus: Mbus) -> None:
    run = mbus("decode", "--format", "ndjson", "FFFF" + HEX)
    noise, telegram = (json.loads(line) for line in run.lines)
    assert (run.code, noise["type"], noise["error"]["code"]) == (1, "refusal", "no_frame")
    assert len(telegram["records"]) == 12


def test_a_file_of_powershell(mbus: Mbus, tmp_path: Path) -> None:
    file = tmp_path / "telegrams.txt"
    file.write_text(HEX, encoding="utf-16")
    assert mbus("decode", file).code == 0


def test_a_file_that_holds_something_else(mbus: Mbus, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text("<html>\n" * 400, encoding="utf-8")
    for command in ("decode", "explain"):
        run = mbus(command, file)
        assert run.code == 2
        assert len(run.err.splitlines()) == 21
        assert "and 380 more" in run.err


def test_a_frame_in_long_pieces(mbus: Mbus) -> None:
    """A blank in the middle of pasted hex makes two arguments of one telegram."""
    run = mbus("decode", "--format", "json", HEX[:60], HEX[60:])
    assert (run.code, run.err) == (0, "")
    assert len(json.loads(run.out)["records"]) == 12

"""--plugin: grammars for manufacturers' data on the command line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from commands import Mbus, one_line
from mbus_construct import manufacturers

TELEGRAM = "0C 44 93 15 78 56 34 12 33 07 A1 E8 03"
MODULE = """
from construct import Int16ul, Struct
from mbus_construct import manufacturers

manufacturers.register("ELS", Struct("volume_in_l" / Int16ul), ci_field=0xA1)
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current directory, with modules that are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = {*sys.modules}
    (tmp_path / "els_meters.py").write_text(MODULE, encoding="utf-8")
    yield tmp_path
    for name in {*sys.modules} - before:
        if name.endswith("_meters"):
            del sys.modules[name]
    with suppress(KeyError):
        manufacturers.unregister("ELS", ci_field=0xA1)


def test_decode_and_build(mbus: Mbus, here: Path) -> None:
    run = mbus("decode", TELEGRAM, "--plugin", "els_meters")
    assert (run.code, run.err) == (0, "")
    assert "manufacturer fields: volume in l 1000" in run.lines
    written = mbus("decode", TELEGRAM, "--plugin", "els_meters", "--format", "json").out
    changed = written.replace('"volume_in_l": 1000', '"volume_in_l": 1001')
    assert mbus("build", "--plugin", "els_meters", stdin=changed.encode()).out == TELEGRAM[:-5] + "E9 03\n"


@pytest.mark.parametrize(
    "path", ["els_meters.py", "./els_meters.py", "{folder}/els_meters.py", "{folder}/sub/json.py"]
)
def test_the_path_of_a_file(mbus: Mbus, here: Path, path: str) -> None:
    """Also one that is called as a module which is there already."""
    (here / "sub").mkdir()
    (here / "sub" / "json.py").write_text(MODULE, encoding="utf-8")
    run = mbus("decode", TELEGRAM, "--plugin", path.format(folder=here))
    assert (run.code, run.err) == (0, "")
    assert "manufacturer fields: volume in l 1000" in run.lines


@pytest.mark.parametrize(
    "path", ["no_meters.py", "./els_meters", "sub/els_meters.py", "./", "els_meters.txt"]
)
def test_a_path_of_no_file(mbus: Mbus, here: Path, path: str) -> None:
    (here / "els_meters.txt").write_text(MODULE, encoding="utf-8")
    run = mbus("decode", TELEGRAM, "--plugin", path)
    assert (run.code, run.out) == (2, "")
    assert one_line(run.err)
    assert path in run.err
    assert "TypeError" not in run.err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, ["broken_meters", "No module named"]),
        ("1 / 0", ["broken_meters", "division by zero"]),
        ("def", ["broken_meters", "SyntaxError"]),
    ],
)
def test_what_cannot_be_imported(mbus: Mbus, here: Path, content: str | None, words: list[str]) -> None:
    if content is not None:
        (here / "broken_meters.py").write_text(content, encoding="utf-8")
    run = mbus("decode", TELEGRAM, "--plugin", "broken_meters")
    assert (run.code, run.out) == (2, "")
    assert one_line(run.err)
    for word in ("--plugin", *words):
        assert word in run.err

"""What type checkers know about the grammars, with construct's stubs and without."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import venv
from pathlib import Path

import construct
import pytest

import mbus_grammars
from checkout import ROOT

pytestmark = pytest.mark.slow

# Expressions of callers, and what a type checker in strict mode says that they are.
KNOWN = {
    "Frame.parse(octets)": "FrameShape",
    "frame.c_field.name": "str | None",
    "frame.a_field": "Code",
    'frame["a_field"]': "Any",
    "frame.user_data.header.manufacturer": "Any",
    "frame.user_data.records[1].dib.storage_number": "Any",
    "Frame.build(frame)": "bytes",
    'Frame.build({"c_field": "REQ_UD2", "a_field": 1})': "bytes",
    "WirelessFrame.parse(octets).manufacturer": "str",
    "ThreeOutOfSix(WirelessFrame).parse(octets)": "WirelessFrameShape",
    "DataRecord.parse(octets).dib.storage_number": "int",
    "Manufacturer.parse(octets)": "str",
    "BCD(4).parse(octets)": "int | str",
    "type_b(4).parse(octets)": "int",
    "DIF.parse(octets).function": "Any",
    "LongHeader.sizeof()": "int",
}
EMBEDDED = {
    'Struct("channel" / Byte, "telegram" / Frame).parse(octets).telegram.l_field': "Any",
    "Prefixed(Byte, WirelessFrame).parse(octets)": "WirelessFrameShape",
    "Frame[2].parse(octets)": "ListContainer[FrameShape]",
    '(Frame * "docs").parse(octets)': "FrameShape",
}
WRONG = ("Frame.build(5)", "Manufacturer.build(5)", "type_b(4).build('1')", "Frame.parse('105B015C16')")


@pytest.fixture(scope="module")
def without_stubs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has construct and the grammars and nothing else."""
    home = tmp_path_factory.mktemp("alone")
    venv.create(home, symlinks=True)
    (packages,) = home.glob("lib/python*/site-packages")
    (packages / "construct").symlink_to(Path(construct.__file__).parent)
    (packages / "mbus_grammars").symlink_to(ROOT / "grammars" / "mbus_grammars")
    return home / "bin" / "python"


def _source(folder: Path, expressions: dict[str, str], wrong: tuple[str, ...] = ()) -> Path:
    lines = [*(f"reveal_type({expression})" for expression in expressions), *wrong]
    text = "\n".join(['octets = b""', "frame = Frame.parse(octets)", *lines, ""])
    for module in (mbus_grammars, construct):
        used = [name for name in module.__all__ if re.search(rf"\b{name}\b", text)]
        text = f"from {module.__name__} import {', '.join(used)}\n" * bool(used) + text
    path = folder / "caller.py"
    path.write_text(text)
    return path


def _short(name: str) -> str:
    return re.sub(r"\b(\w+\.)+", "", name)


def _mypy(path: Path, interpreter: Path) -> tuple[list[str], int]:
    """The revealed types, and how many errors there are."""
    pytest.importorskip("mypy", reason='needs pip install -e ".[dev]"')
    command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", interpreter, path.name]
    run = subprocess.run(command, cwd=path.parent, capture_output=True, text=True, check=False)
    assert not run.stderr
    return re.findall(r'Revealed type is "(.*)"', run.stdout), run.stdout.count(" error: ")


def _pyright(path: Path, interpreter: Path) -> tuple[list[str], int]:
    pytest.importorskip("pyright", reason='needs pip install -e ".[dev]"')
    (path.parent / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", interpreter, path.name]
    run = subprocess.run(command, cwd=path.parent, capture_output=True, text=True, check=False)
    said = json.loads(run.stdout)["generalDiagnostics"]
    revealed = [
        re.findall(r' is "(.*)"$', item["message"])[-1] for item in said if item["severity"] == "information"
    ]
    return revealed, len({item["range"]["start"]["line"] for item in said if item["severity"] == "error"})


CHECKERS = pytest.mark.parametrize("check", [_mypy, _pyright], ids=["mypy", "pyright"])


@CHECKERS
@pytest.mark.parametrize("stubs", [True, False])
def test_callers_know_what_they_have(check, stubs: bool, without_stubs: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    interpreter = Path(sys.executable) if stubs else without_stubs
    revealed, errors = check(_source(tmp_path, KNOWN, WRONG), interpreter)
    assert dict(zip(KNOWN, map(_short, revealed), strict=True)) == KNOWN
    assert errors == len(WRONG)


@CHECKERS
def test_embedded_they_are_known_where_construct_has_stubs(check, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    revealed, errors = check(_source(tmp_path, EMBEDDED), Path(sys.executable))
    assert dict(zip(EMBEDDED, map(_short, revealed), strict=True)) == EMBEDDED
    assert not errors

"""Imports run one way, without circles, from floor to floor; what does I/O stays in its rooms.

`python tools/import_graph.py` prints the graph.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from checkout import ENVIRONMENT, ROOT
from tools import import_graph
from tools.import_graph import FLOOR_OF, MODULES, Import, arrows_up, circle, entries, imports, room_of

PUBLIC = (ROOT / "docs" / "public.md").read_text(encoding="utf-8")
IMPORTS = [*imports()]
GRAMMAR_IMPORTS = [item for item in IMPORTS if room_of(item.importer) == "mbus_grammars"]
LIBRARY_IMPORTS = [item for item in IMPORTS if room_of(item.importer) != "mbus_grammars"]

IO_ROOMS = {"ports", "client", "simulator", "meterbus", "cli"}
IO_MODULES = {"socket", "serial", "time", "asyncio", "select", "selectors", "threading"}
LOCKS = {"mbus_construct.tables.shapes"}  # starts no thread, but is called by several
TERMINAL_MODULES = {"typer", "rich", "click"}


def test_the_imports_are_found() -> None:
    """At the top, in functions, under TYPE_CHECKING, by import_module, and in strings of a table."""
    seen = {(item.importer, item.module) for item in IMPORTS}
    assert ("mbus_grammars.link", "construct") in seen
    assert ("mbus_grammars.link", "mbus_grammars.errors") in seen
    assert ("mbus_construct.cli.commands.decode", "mbus_construct.cli.inputs") in seen
    assert ("mbus_construct.cli.commands.doctor", "mbus_construct.ports") in seen
    assert ("mbus_construct.decoding.decode", "mbus_construct.model.json_shapes") in seen
    assert ("mbus_construct", "mbus_construct.client.client") in seen
    assert ("mbus_construct.tables.files.pyarrow_import", "pyarrow.parquet") in seen
    assert {room_of(module) for module in MODULES} == set(FLOOR_OF)


def test_every_arrow_runs_down() -> None:
    assert [str(item) for item in arrows_up(IMPORTS)] == []


def test_there_is_no_circle() -> None:
    assert circle(IMPORTS) == []


def test_a_circle_and_an_arrow_up_would_be_found() -> None:
    link, record = "mbus_grammars.link", "mbus_grammars.record"
    made = [Import(record, link, ROOT / "a.py", 1), Import(link, record, ROOT / "b.py", 2)]
    assert set(circle([*IMPORTS, *made])) == {link, record} or len(circle([*IMPORTS, *made])) > 2
    up = Import("mbus_construct.cli.commands.decode", link, ROOT / "a.py", 1)
    assert arrows_up([up]) == [up]
    assert str(up) == "a.py:1 imports mbus_construct.cli.commands.decode"


def test_the_rooms_fit_on_a_screen() -> None:
    assert len(entries()) <= import_graph.MOST_ENTRIES


def test_grammars_import_construct_and_themselves() -> None:
    allowed = {"construct", "mbus_grammars", *sys.stdlib_module_names}
    assert [str(item) for item in GRAMMAR_IMPORTS if item.top not in allowed] == []


def test_only_the_commands_know_the_terminal() -> None:
    # explain/text.py lays out lines with rich; the commands import it, the library does not.
    text = "mbus_construct.explain.text"
    wrong = [
        item
        for item in LIBRARY_IMPORTS
        if room_of(item.importer) != "cli"
        and (item.top in TERMINAL_MODULES or item.module == text)
        and (item.importer, item.top) != (text, "rich")
    ]
    assert [str(item) for item in wrong] == []


def test_only_the_rooms_for_it_do_io() -> None:
    wrong = [
        item
        for item in IMPORTS
        if item.top in IO_MODULES
        and room_of(item.importer) not in IO_ROOMS
        and (item.top != "threading" or item.importer not in LOCKS)
    ]
    assert [str(item) for item in wrong] == []


@pytest.mark.parametrize("package", ["mbus_grammars", "mbus_construct"])
def test_importing_a_package_imports_no_terminal_and_no_port(package: str) -> None:
    names = sorted(TERMINAL_MODULES | IO_MODULES - {"time", "threading", "select", "selectors"})
    code = f"import sys, {package}; print(*(name for name in {names!r} if name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=ENVIRONMENT, cwd=ROOT
    )
    assert done.stdout.strip() == ""


def test_no_module_bears_the_name_of_a_function_beside_it() -> None:
    """`import mbus_construct.decode as m` must not give a function."""
    wrong: list[str] = []
    for module, file in MODULES.items():
        if file.name != "__init__.py":
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        bound = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                named = f".{node.module}" if node.module else ""
                bound |= {
                    alias.asname or alias.name
                    for alias in node.names
                    if f"{module}{named}.{alias.name}" not in MODULES
                }
        wrong += [f"{module}.{name}" for name in sorted(bound) if f"{module}.{name}" in MODULES]
    assert wrong == []


@pytest.mark.parametrize(
    "module",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name.endswith(".spark") else [])
        for name in re.findall(r"^\| `(\w[\w.]*)` \|", PUBLIC, flags=re.MULTILINE)
    ],
)
def test_public_modules_list_their_names(module: str) -> None:
    """What docs/public.md names is there, and says what it holds."""
    if module.endswith(".spark"):
        pytest.importorskip("pyspark", reason='Spark is not installed: pip install -e ".[spark]"')
    public = import_module(module)
    assert public.__all__
    assert [name for name in public.__all__ if not hasattr(public, name)] == []


def test_every_folder_with_modules_says_what_it_is() -> None:
    folders = {file.parent for file in MODULES.values()}
    assert sorted(str(folder) for folder in folders if not (folder / "__init__.py").is_file()) == []


def test_contributing_names_every_room_and_no_file_that_is_gone() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]+)`", text))))
    assert {room for room in FLOOR_OF if room not in ("errors", "_version", "__init__", "__main__")} <= named
    files = re.findall(r"`([\w/]+\.py)`", text)
    there = {"/" + file.relative_to(ROOT).as_posix() for file in ROOT.rglob("*.py")}
    assert [path for path in files if not any(item.endswith(f"/{path}") for item in there)] == []


def test_every_module_is_imported_by_name() -> None:
    """No module lies about that nothing reaches."""
    reached = {item.module for item in IMPORTS}
    entrances = {"mbus_construct.__main__", "mbus_construct.cli.serial_tools"}  # tools/ start the second
    doors = {f"mbus_construct.{room}" for room, floor in FLOOR_OF.items() if floor == FLOOR_OF["arrow"]}
    lost = [
        module
        for module, file in MODULES.items()
        if file.name != "__init__.py" and module not in reached | entrances | doors
    ]
    assert lost == []


def test_the_program_prints_the_graph() -> None:
    program = Path(import_graph.__file__)
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout
    assert "0 circles" in done.stdout
    assert "0 against the floors" in done.stdout

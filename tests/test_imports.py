"""Imports run one way: grammars <- values <- commands; what does I/O stays in its rooms."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from commands import ENVIRONMENT

ROOT = Path(__file__).resolve().parent.parent
GRAMMARS = ROOT / "grammars" / "mbus_grammars"
VALUES = ROOT / "mbus_construct"

IO_ROOMS = {"transport", "client", "async_client", "simulator", "meterbus", "cli"}
IO_MODULES = {"socket", "serial", "time", "asyncio", "select", "threading"}
LOCKS = {"arrow"}  # rooms that start no thread, but are called by several
TERMINAL_MODULES = {"typer", "rich", "click"}


class Import(NamedTuple):
    """One imported module, absolute, and where it is imported."""

    module: str
    file: Path
    line: int

    @property
    def top(self) -> str:
        """The package at its root."""
        return self.module.split(".")[0]

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line} imports {self.module}"


def imports(package: Path) -> Iterator[Import]:
    """Every import of a package's modules, wherever in the module it stands."""
    for file in sorted(package.rglob("*.py")):
        parts = [*file.relative_to(package.parent).with_suffix("").parts]
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield Import(alias.name, file, node.lineno)
            elif isinstance(node, ast.ImportFrom):
                base = [*parts[: len(parts) - node.level]] if node.level else []
                module = ".".join([*base, node.module] if node.module else base)
                yield Import(module, file, node.lineno)
                for alias in node.names:  # `from . import cli` imports a module, not a name of one
                    if node.level and not node.module:
                        yield Import(f"{module}.{alias.name}", file, node.lineno)


def room(item: Import) -> str:
    """The module or folder of mbus_construct in which an import stands."""
    return item.file.relative_to(VALUES).parts[0].removesuffix(".py")


GRAMMAR_IMPORTS = list(imports(GRAMMARS))
VALUE_IMPORTS = list(imports(VALUES))


def test_the_imports_are_found() -> None:
    assert {"construct", "mbus_grammars.errors"} <= {item.module for item in GRAMMAR_IMPORTS}
    assert {"typer", "rich.table", "mbus_construct.cli.decode"} <= {item.module for item in VALUE_IMPORTS}
    assert {room(item) for item in VALUE_IMPORTS} >= {"cli", "decode", "encode", "telegram", "__init__"}


def test_grammars_import_construct_and_themselves() -> None:
    allowed = {"construct", "mbus_grammars", *sys.stdlib_module_names}
    assert [str(item) for item in GRAMMAR_IMPORTS if item.top not in allowed] == []


def test_only_the_commands_know_the_terminal() -> None:
    wrong = [item for item in VALUE_IMPORTS if item.top in {"typer", "click"} and room(item) != "cli"]
    # explain/text.py lays out lines with rich; the commands import it, the library does not.
    lays_out = VALUES / "explain" / "text.py"
    wrong += [
        item for item in VALUE_IMPORTS if item.top == "rich" and room(item) != "cli" and item.file != lays_out
    ]
    wrong += [
        item for item in VALUE_IMPORTS if item.module == "mbus_construct.explain.text" and room(item) != "cli"
    ]
    assert [str(item) for item in wrong] == []


def test_only_the_rooms_for_it_do_io() -> None:
    wrong = [item for item in GRAMMAR_IMPORTS if item.top in IO_MODULES]
    wrong += [item for item in VALUE_IMPORTS if item.top in IO_MODULES and room(item) not in IO_ROOMS]
    wrong = [item for item in wrong if item.top != "threading" or room(item) not in LOCKS]
    assert [str(item) for item in wrong] == []


def test_nothing_but_the_program_imports_the_commands() -> None:
    wrong = [
        item
        for item in VALUE_IMPORTS
        if f"{item.module}.".startswith("mbus_construct.cli.") and room(item) not in ("cli", "__main__")
    ]
    assert [str(item) for item in wrong] == []


@pytest.mark.parametrize(
    ("lower", "higher"),
    [
        ("json_types", {"telegram", "decode", "encode", "series", "schema", "explain", "values"}),
        ("telegram", {"values", "kinds", "explain"}),
        ("values", {"decode", "encode", "explain"}),
        ("kinds", {"decode", "encode", "explain", "telegram"}),
        ("hextext", {"decode", "encode", "telegram"}),
        ("decode", {"encode", "explain", "choose", "raw", "schema"}),
        ("walk", {"layout", "decode", "encode", "explain"}),
        ("layout", {"decode", "encode", "explain", "bus"}),
        ("encode", {"explain", "schema"}),
        ("bus", {"transport", "client", "async_client", "simulator", "meterbus", "explain", "xml"}),
        ("transport", {"client", "async_client", "meterbus"}),
        ("simulator", {"client", "async_client", "meterbus"}),
        ("client", {"async_client", "meterbus", "simulator"}),
        ("xml", {"bus", "transport", "client", "meterbus"}),
    ],
)
def test_values_import_downwards(lower: str, higher: set[str]) -> None:
    found = [item for item in VALUE_IMPORTS if room(item) == lower]
    assert found
    wrong = [item for item in found if item.module.removeprefix("mbus_construct.").split(".")[0] in higher]
    assert [str(item) for item in wrong] == []


@pytest.mark.parametrize("package", ["mbus_grammars", "mbus_construct"])
def test_importing_a_package_imports_no_terminal_and_no_port(package: str) -> None:
    names = sorted(TERMINAL_MODULES | IO_MODULES - {"time", "threading", "select"})
    code = f"import sys, {package}; print(*(name for name in {names!r} if name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=ENVIRONMENT, cwd=ROOT
    )
    assert done.stdout.strip() == ""

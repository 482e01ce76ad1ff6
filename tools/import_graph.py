"""The import graph: which room imports which, circles, imports that run up. Run it to see them.

Every import counts: those inside functions and under TYPE_CHECKING, and modules named in a string, as
`import_module` takes them. Exits with 1 where there is a circle, an import that runs up, or too much in
`mbus_construct/` itself.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parent.parent
PACKAGES: Final = {"mbus_grammars": ROOT / "grammars", "mbus_construct": ROOT}

# From the bottom up. A module imports from its own room and from floors below it.
FLOORS: Final[tuple[tuple[str, ...], ...]] = (
    ("mbus_grammars",),
    ("errors", "_version"),
    ("values",),
    ("model",),
    ("octets",),
    ("security",),
    ("decoding",),
    ("receiving", "libmbus"),
    ("encoding", "explain"),
    ("tables",),
    ("bus",),
    ("ports",),
    ("simulator",),
    ("client",),
    ("meterbus",),
    ("arrow", "captures", "manufacturers", "polars", "spark"),  # public doors to the rooms
    ("__init__",),
    ("cli",),
    ("__main__",),
)
FLOOR_OF: Final = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
_IMPORTING: Final = ("import_module", "__import__", "required")  # functions that import what a string names
MOST_ENTRIES: Final = 30  # files and folders directly in mbus_construct/


class Import(NamedTuple):
    """One imported module, absolute, and where it is imported."""

    module: str
    importer: str
    file: Path
    line: int

    @property
    def top(self) -> str:
        """The package at its root."""
        return self.module.split(".")[0]

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line} imports {self.module}"


def modules() -> dict[str, Path]:
    """The modules of both packages by name."""
    found: dict[str, Path] = {}
    for package, folder in PACKAGES.items():
        for file in sorted((folder / package).rglob("*.py")):
            parts = file.relative_to(folder).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


MODULES: Final = modules()


def imports() -> Iterator[Import]:
    """Every import of every module, wherever in the module it stands."""
    for importer, file in MODULES.items():
        package = importer if file.name == "__init__.py" else importer.rpartition(".")[0]
        tree = ast.parse(file.read_text(encoding="utf-8"))
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            for module in _imported(node, package):
                yield Import(module, importer, file, getattr(node, "lineno", 0))
            if isinstance(node, ast.Constant) and id(node) not in docstrings:
                for module in _named(node.value, package):
                    if not f"{importer}.".startswith(f"{module}."):  # the name of a logger, not an import
                        yield Import(module, importer, file, node.lineno)


def _imported(node: ast.AST, package: str) -> Iterator[str]:
    """What an import statement imports; of our packages the modules, of others what is named."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = _absolute("." * node.level + (node.module or ""), package)
        below = [f"{base}.{alias.name}" for alias in node.names if f"{base}.{alias.name}" in MODULES]
        yield from below
        if len(below) < len(node.names):
            yield base
    elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in _IMPORTING:
        yield from (
            _absolute(given.value, package)
            for given in node.args[:1]
            if isinstance(given, ast.Constant) and isinstance(given.value, str)
        )


def _named(value: object, package: str) -> Iterator[str]:
    """The module of ours that a string names: ".module" from the package on, or whole."""
    if isinstance(value, str) and value.strip(".") and "." in value:
        named = _absolute(value, package)
        if named in MODULES:
            yield named


def _absolute(module: str, package: str) -> str:
    name = module.lstrip(".")
    level = len(module) - len(name)
    if not level:
        return name
    parts = package.split(".")
    return ".".join([*parts[: len(parts) - level + 1], *([name] if name else [])])


def room_of(module: str) -> str:
    """The module or folder directly in mbus_construct to which a module belongs; the grammars are one."""
    parts = module.split(".")
    if parts[0] == "mbus_grammars":
        return parts[0]
    return parts[1] if len(parts) > 1 else "__init__"


def arrows_up(found: Iterable[Import]) -> list[Import]:
    """Imports of modules that do not stand on a floor below, nor in the room itself."""
    return [
        item
        for item in found
        if item.module in MODULES
        and room_of(item.module) != room_of(item.importer)
        and FLOOR_OF[room_of(item.module)] >= FLOOR_OF[room_of(item.importer)]
    ]


def circle(found: Iterable[Import]) -> list[str]:
    """The modules of a circle, the first one again at the end; empty without one."""
    graph: dict[str, set[str]] = {module: set() for module in MODULES}
    for item in found:
        if item.module in MODULES and item.module != item.importer:
            graph[item.importer].add(item.module)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [*error.args[1]]
    return []


def entries() -> list[str]:
    """What stands directly in mbus_construct/."""
    inside = (ROOT / "mbus_construct").iterdir()
    return sorted(item.name for item in inside if item.name != "__pycache__")


def main() -> int:
    """Print the rooms floor by floor, with the rooms that each imports."""
    found = [item for item in imports() if item.module in MODULES]
    for floor in reversed(FLOORS):
        for room in floor:
            below = {room_of(item.module) for item in found if room_of(item.importer) == room} - {room}
            print(f"{FLOOR_OF[room]:2}  {room:14} {' '.join(sorted(below, key=FLOOR_OF.__getitem__))}")
    up, around, inside = arrows_up(found), circle(found), entries()
    arrows = {(room_of(item.importer), room_of(item.module)) for item in found}
    print(f"{len(arrows - {(room, room) for room in FLOOR_OF})} arrows between {len(FLOOR_OF)} rooms")
    print(f"{len(up)} against the floors", *up, sep="\n    ")
    print("circle: " + " -> ".join(around) if around else "0 circles")
    print(f"{len(inside)} files and folders in mbus_construct/, at most {MOST_ENTRIES}")
    return 1 if up or around or len(inside) > MOST_ENTRIES else 0


if __name__ == "__main__":
    sys.exit(main())

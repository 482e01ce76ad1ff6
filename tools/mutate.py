"""Do the tests bite? Changes the code at places drawn by lot, one at a time; counts what the tests notice.

    python tools/mutate.py --seed 1 --count 200
    python tools/mutate.py --every --only vif_tables --tests tests/unit/test_vif_table.py

A place is a node of the syntax tree: numbers (one more or less), comparisons, and/or, operators, "not",
truth values, slices, branches, table entries and other strings, statements that raise, call, return or leave
a loop. Left out: docstrings, the texts of errors, citations of sources, annotations, decorators, imports,
`__all__`. The checkout is never touched: each worker has a copy of the tree in a temporary directory.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from typing import Final, NamedTuple, cast

ROOT: Final = Path(__file__).resolve().parent.parent
ROOMS: Final = ("grammars/mbus_grammars", "mbus_construct/values", "mbus_construct/encoding")
COPIED: Final = ("grammars", "mbus_construct", "tests", "tools", "docs", "pyproject.toml", "README.md")

# Tests by what they are likely to notice; a mutant's own test module and room go first.
TESTS: Final = (
    "tests/unit",
    "tests/model",
    "tests/values",
    "tests/encoding",
    "tests/decoding/test_decode.py",
    "tests/octets",
    "tests/security",
    "tests/receiving",
    "tests/decoding/test_nested.py",
    "tests/decoding/test_manufacturers.py",
    "tests/decoding/test_examples_by_radio.py",
    "tests/decoding/test_findings_by_radio.py",
    "tests/properties/test_roundtrip.py",
    "tests/properties/test_values.py",
)

# Calls whose texts people read; and sources, and the parts of an error's path.
_MESSAGES: Final = re.compile(
    r"Error$|^(fail|invalid|Outcome|_unknown_vife|one_of|AssertionError|Grammar|Layout|BitFields)$"
)
_TEXT_NAMES: Final = frozenset({"limit", "fault", "message", "note", "expected", "found", "reason"})
_CITATION: Final = re.compile(
    r"^( -> |MBDOC48|EN 13757|libmburs|exmbus|wmbusmeters|m-bus-parser|pyMBusMaster|solosTec)"
)

_COMPARISONS: Final[dict[type[ast.cmpop], str]] = {
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
}
_OPERATORS: Final[dict[type[ast.operator], str]] = {
    ast.Add: "-",
    ast.Sub: "+",
    ast.Mult: "//",
    ast.FloorDiv: "*",
    ast.Div: "*",
    ast.Mod: "*",
    ast.LShift: ">>",
    ast.RShift: "<<",
    ast.BitAnd: "|",
    ast.BitOr: "&",
    ast.BitXor: "|",
    ast.Pow: "*",
}


class Mutant(NamedTuple):
    """One change of a file: what stands from `start` to `end` becomes `text`."""

    path: str
    original: bytes
    line: int
    start: int
    end: int
    text: str

    @property
    def source(self) -> bytes:
        """The file with the change."""
        return self.original[: self.start] + self.text.encode() + self.original[self.end :]

    @property
    def compiles(self) -> bool:
        """Whether Python takes the file: a number may stand where only a name can."""
        try:
            compile(self.source, "mutant", "exec", dont_inherit=True)
        except (SyntaxError, ValueError):
            return False
        return True

    def difference(self) -> Iterator[str]:
        """The lines that change."""
        before, after = (text.decode().splitlines() for text in (self.original, self.source))
        for line in difflib.unified_diff(before, after, n=0, lineterm=""):
            if not line.startswith(("---", "+++", "@@")):
                yield f"    {line}"


class _Finder(ast.NodeVisitor):
    """The mutants of one file; each node gives at most one, drawn where there are several."""

    def __init__(self, path: str, source: bytes, chance: random.Random) -> None:
        self.path, self.source, self.chance = path, source, chance
        self.starts = [0]
        for line in source.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self.found: list[Mutant] = []

    def span(self, node: ast.AST) -> tuple[int, int]:
        at = cast("ast.expr", node)  # what else is asked for has a place too
        end_line, end = at.end_lineno or at.lineno, at.end_col_offset or at.col_offset
        return self.starts[at.lineno - 1] + at.col_offset, self.starts[end_line - 1] + end

    def text(self, node: ast.AST) -> str:
        start, end = self.span(node)
        return self.source[start:end].decode()

    def change(self, node: ast.AST, text: str) -> None:
        start, end = self.span(node)
        self.found.append(Mutant(self.path, self.source, getattr(node, "lineno", 0), start, end, text))

    def between(self, left: ast.AST, right: ast.AST, text: str) -> None:
        """What stands between two operands: the operator, with parentheses that are kept."""
        start, end = self.span(left)[1], self.span(right)[0]
        kept = self.source[start:end].decode()
        new = re.sub(r"[^()\s#]+(?:\s+(?:not|in)\b)?", text, kept, count=1)
        if "#" not in kept and "\\" not in kept:
            self.found.append(Mutant(self.path, self.source, getattr(right, "lineno", 0), start, end, new))

    # What is left out.

    def visit_Import(self, node: ast.Import) -> None:
        pass

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        pass

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        pass  # texts, and Python 3.11 does not say where their parts stand

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.visit(node.args)
        self._body(node.body)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._body(node.body)

    def visit_Module(self, node: ast.Module) -> None:
        self._body(node.body)

    def visit_arg(self, node: ast.arg) -> None:
        pass

    def _body(self, body: list[ast.stmt]) -> None:
        for k, statement in enumerate(body):
            docstring = (
                k == 0 and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            )
            if not docstring:
                self.visit(statement)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None and not self._is_text(node.target):
            self.visit(node.value)

    def visit_Assign(self, node: ast.Assign) -> None:
        if not any(map(self._is_text, node.targets)):
            self.visit(node.value)

    @staticmethod
    def _is_text(target: ast.expr) -> bool:
        return isinstance(target, ast.Name) and (target.id in _TEXT_NAMES or target.id == "__all__")

    def visit_Call(self, node: ast.Call) -> None:
        function = node.func.value if isinstance(node.func, ast.Subscript) else node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        if name in ("cast", "TypeVar"):
            return
        texts = bool(_MESSAGES.search(name))
        for argument in (*node.args, *(item for item in node.keywords if item.arg != "source")):
            value = argument.value if isinstance(argument, ast.keyword) else argument
            # Names of fields and codes of diagnostics are no texts: programs read them.
            if not (texts and isinstance(value, ast.Constant) and " " in str(value.value)):
                self.visit(value)
        self.visit(node.func)

    # What is changed.

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, bool):
            self.change(node, str(not value))
        elif isinstance(value, int):
            self.change(node, f"{value + self.chance.choice((-1, 1))}")
        elif isinstance(value, str) and not _CITATION.match(value):
            self.change(node, repr(value + "x"))
        elif isinstance(value, bytes):
            self.change(node, repr(value + b"x"))

    def visit_Compare(self, node: ast.Compare) -> None:
        operands = [node.left, *node.comparators]
        for k, operator in enumerate(node.ops):
            self.between(operands[k], operands[k + 1], _COMPARISONS[type(operator)])
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        self.between(node.values[0], node.values[1], "or" if isinstance(node.op, ast.And) else "and")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        self.between(node.left, node.right, _OPERATORS[type(node.op)])
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not | ast.USub | ast.Invert):
            self.change(node, f"({self.text(node.operand)})")
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self.change(
            node, f"({self.text(node.orelse)}) if ({self.text(node.test)}) else ({self.text(node.body)})"
        )
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return
        self.change(node.test, f"not ({self.text(node.test)})")
        self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        self.change(node.test, f"not ({self.text(node.test)})")
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for test in node.ifs:
            self.change(test, f"not ({self.text(test)})")
        self.generic_visit(node)

    def visit_Slice(self, node: ast.Slice) -> None:
        bounds = [bound for bound in (node.lower, node.upper) if bound is not None]
        if bounds:
            self.change(self.chance.choice(bounds), "")
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        self.change(node, "pass")
        self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None):
            self.change(node.value, "None")
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call):
            self.change(node, "pass")
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.change(node, "pass")
        self.generic_visit(node)

    def visit_Continue(self, node: ast.Continue) -> None:
        self.change(node, "break")

    def visit_Break(self, node: ast.Break) -> None:
        self.change(node, "continue")


def mutants(chance: random.Random, only: str) -> list[Mutant]:
    """Every mutant of the rooms whose file has `only` in its path."""
    found: list[Mutant] = []
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if only in name:
                source = path.read_bytes()
                finder = _Finder(name, source, chance)
                finder.visit(ast.parse(source))
                found += finder.found
    if not found:
        sys.exit(f"no place to change in {only!r}: only {', '.join(ROOMS)} are mutated")
    return found


def tests_for(path: str, root: Path) -> list[str]:
    """The test files of a tree, the likeliest first."""
    stem, room = Path(path).stem, Path(path).parent.name
    own = sorted(p.relative_to(root).as_posix() for p in (root / "tests").glob(f"*/test_{stem}*.py") if stem)
    own += [
        f"tests/unit/test_{name}.py"
        for name in ("vif_table", "code_tables")
        if "tables" in stem or stem == "units"
    ]
    first = [item for item in own if (root / item).exists()] + [
        item for item in TESTS if item == f"tests/{room}"
    ]
    files: list[str] = []
    for item in (*first, *TESTS):
        place = root / item
        modules = sorted(place.rglob("test_*.py")) if place.is_dir() else [place]
        files += [module.relative_to(root).as_posix() for module in modules]
    return list(dict.fromkeys(files))


class Worker:
    """A copy of the tree in which one mutant at a time is tested."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.clock = 1_000_000_000
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, place / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
            else:
                shutil.copy(source, place / name)

    def write(self, path: str, source: bytes) -> None:
        """The file, with a time of its own, so that no compiled module of another mutant is taken for it."""
        (self.place / path).write_bytes(source)
        self.clock += 10
        os.utime(self.place / path, (self.clock, self.clock))

    def run(self, tests: Sequence[str], timeout: float) -> str:
        """The first test that notices, "" where none does."""
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-x",
            "-q",
            "--no-header",
            "--tb=no",
            "-p",
            "no:cacheprovider",
        ]
        command += ["-o", "addopts=--import-mode=importlib", "-m", "not slow", *tests]
        command = ["sh", "-c", 'ulimit -v 6000000; exec "$@"', "sh", *command]  # loops that fill the memory
        paths = os.pathsep.join(str(self.place / part) for part in ("", "grammars"))
        environment = os.environ | {"PYTHONPATH": paths, "PYTHONHASHSEED": "0"}
        with subprocess.Popen(  # noqa: S603
            command,
            cwd=self.place,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                output, _ = process.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                return "time-out"
        if process.returncode == 0:
            return ""
        if process.returncode in (4, 5):  # no such tests
            raise RuntimeError(f"pytest ends with {process.returncode}: {output}")
        failed = re.search(r"^(?:FAILED|ERROR) (\S+)", output, re.MULTILINE)
        return failed[1] if failed else f"pytest ends with {process.returncode}: {output.strip()[-200:]}"

    def test(self, mutant: Mutant, tests: Sequence[str], timeout: float) -> str:
        """What notices the mutant."""
        shutil.rmtree(self.place / ".hypothesis", ignore_errors=True)
        self.write(mutant.path, mutant.source)
        try:
            return self.run(tests, timeout)
        finally:
            self.write(mutant.path, mutant.original)


def main() -> int:
    """Draw, test, report; 0 where everything was noticed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--every", action="store_true", help="every place, not some drawn by lot")
    parser.add_argument("--only", default="", help="files with this in their path")
    parser.add_argument("--tests", nargs="*", help="test files, instead of the usual ones")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    chance = random.Random(given.seed)  # noqa: S311
    found = mutants(chance, given.only)
    count = len(found) if given.every else given.count
    drawn = list(islice((item for item in chance.sample(found, len(found)) if item.compiles), count))
    print(f"{len(drawn)} of {len(found)} places, seed {given.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="mutate-") as directory:
        workers: SimpleQueue[Worker] = SimpleQueue()
        for number in range(given.jobs):
            workers.put(Worker(Path(directory, str(number))))
        worker = workers.get()
        started = time.monotonic()
        fault = worker.run(given.tests or tests_for("", worker.place), 3600)
        workers.put(worker)
        if fault:
            print(f"the tests fail without any change: {fault}")
            return 2
        timeout = 60 + 2 * (time.monotonic() - started)
        print(f"the tests pass in {time.monotonic() - started:.0f} s; time-out {timeout:.0f} s", flush=True)

        def one(mutant: Mutant) -> str:
            worker = workers.get()
            try:
                return worker.test(mutant, given.tests or tests_for(mutant.path, worker.place), timeout)
            finally:
                workers.put(worker)

        survivors: list[Mutant] = []
        timeouts = 0
        with ThreadPoolExecutor(given.jobs) as pool:
            for number, (mutant, noticed) in enumerate(zip(drawn, pool.map(one, drawn), strict=True), 1):
                timeouts += noticed == "time-out"
                print(f"{number:4} {mutant.path}:{mutant.line} {noticed or 'SURVIVED'}", flush=True)
                if not noticed:
                    survivors.append(mutant)
                    print(*mutant.difference(), sep="\n", flush=True)
    print(f"noticed {len(drawn) - len(survivors)} of {len(drawn)}, {timeouts} of them by time-out")
    for mutant in survivors:
        print(f"survived: {mutant.path}:{mutant.line}", *mutant.difference(), sep="\n")
    return bool(survivors)


if __name__ == "__main__":
    sys.exit(main())

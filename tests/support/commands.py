"""Running the command line: in this process, and as a program of its own."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from checkout import ENVIRONMENT
from mbus_construct.cli import main


class Run(NamedTuple):
    """What a command wrote, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class Terminal(io.TextIOWrapper):
    """Standard input; a test makes a terminal of it."""


class Mbus:
    """The command `mbus` in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch = monkeypatch
        self.capsys = capsys

    def __call__(self, *arguments: str | Path, stdin: bytes | None = None) -> Run:
        self.monkeypatch.setattr(sys, "argv", ["mbus", *map(str, arguments)])
        self.monkeypatch.setattr(sys, "stdin", Terminal(io.BytesIO(stdin or b""), encoding="utf-8"))
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = self.capsys.readouterr()
        assert "Traceback" not in out + err
        return Run(int(ended.value.code or 0), out, err)


def program(*arguments: str, stdin: bytes = b"", **environment: str) -> Run:
    """`python -m mbus_construct` with the arguments."""
    done = subprocess.run(
        [sys.executable, "-m", "mbus_construct", *arguments],
        input=stdin,
        capture_output=True,
        check=False,
        env={**ENVIRONMENT, **environment},
    )
    return Run(done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8"))


def one_line(text: str) -> bool:
    """Whether the text is one line that says something."""
    return text.endswith("\n") and len(text.splitlines()) == 1 and len(text) > 10

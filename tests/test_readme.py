"""Every example of the README runs: Python as doctest, commands in a shell."""

from __future__ import annotations

import doctest
import re
import shlex
import subprocess
import sys

import pytest

from checkout import ENVIRONMENT, ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def _console_examples() -> list[tuple[str, str]]:
    """(command, output) of every line that starts with "$ "."""
    examples = []
    for block in _blocks("console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            examples.append((command, output))
    return examples


def _commands(marker: str) -> str:
    found = re.search(rf"^<!-- {marker} -->\n```console\n(.*?)\n```$", README, flags=re.MULTILINE | re.DOTALL)
    assert found, marker
    return found.group(1)


def _run(command: str) -> subprocess.CompletedProcess[str]:
    """Run `mbus ...` with this interpreter's package."""
    program, *arguments = shlex.split(command)
    assert program == "mbus"
    return subprocess.run(
        [sys.executable, "-m", "mbus_construct", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=ENVIRONMENT,
    )


def test_python_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    source = "\n".join(_blocks("python"))
    test = doctest.DocTestParser().get_doctest(source, {}, "README.md", "README.md", 0)
    report: list[str] = []
    outcome = doctest.DocTestRunner().run(test, out=report.append)
    assert outcome.attempted > 20
    assert not outcome.failed, "".join(report)


@pytest.mark.parametrize(("command", "output"), _console_examples())
def test_console_examples(command: str, output: str) -> None:
    done = _run(command)
    lines = (done.stdout + done.stderr).splitlines()
    assert [line.rstrip() for line in lines] == [line.rstrip() for line in output.splitlines()]


def test_the_main_job() -> None:
    command = _commands("run").split(" && ")[-1].removeprefix(".venv/bin/")
    done = _run(command)
    assert done.returncode == 0
    for expected in ("07935343", "LSE", "heat", "2.013", "2014-02-19 11:18", "manufacturer data: 37 FD 17"):
        assert expected in done.stdout


def test_the_test_command_is_the_one_of_ci() -> None:
    assert _commands("tests").startswith("python3 -m venv .venv && ")
    assert "/^<!-- tests -->/" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")

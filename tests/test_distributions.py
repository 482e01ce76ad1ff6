"""Two distributions, one version; what each says about itself."""

from __future__ import annotations

import doctest
import tomllib
from typing import Any

import mbus_construct
from checkout import ROOT
from mbus_grammars import __version__

GRAMMARS = ROOT / "grammars"


def _project(path: str) -> dict[str, Any]:
    text = (ROOT / path / "pyproject.toml").read_text(encoding="utf-8")
    project: dict[str, Any] = tomllib.loads(text)["project"]
    return project


def test_mbus_construct_needs_the_grammars_of_its_own_version() -> None:
    assert mbus_construct.__version__ == __version__
    assert f"mbus-grammars=={__version__}" in _project(".")["dependencies"]


def test_the_grammars_need_construct_alone() -> None:
    (construct,) = _project("grammars")["dependencies"]
    assert construct.startswith("construct>=")
    assert construct in _project(".")["dependencies"]


def test_both_say_the_same_about_licence_and_python() -> None:
    assert (GRAMMARS / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    for key in ("requires-python", "license", "keywords"):
        assert _project("grammars")[key] == _project(".")[key]
    for package in (GRAMMARS / "mbus_grammars", ROOT / "mbus_construct"):
        assert (package / "py.typed").is_file()


def test_the_readme_of_the_grammars() -> None:
    source = (GRAMMARS / "README.md").read_text(encoding="utf-8").replace("```", "")
    test = doctest.DocTestParser().get_doctest(source, {}, "grammars/README.md", None, 0)
    report: list[str] = []
    outcome = doctest.DocTestRunner().run(test, out=report.append)
    assert outcome.attempted > 3
    assert not outcome.failed, "".join(report)

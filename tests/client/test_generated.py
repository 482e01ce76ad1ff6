"""What is generated is up to date, and nothing of asyncio is left in it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tools import generate_client
from tools.generate_client import GENERATED, generated, is_current


@pytest.mark.parametrize("name", GENERATED)
def test_up_to_date(name: str) -> None:
    assert is_current(name), "run python tools/generate_client.py"


@pytest.mark.parametrize("name", GENERATED)
def test_a_change_of_either_file_is_noticed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for changed in (name, GENERATED[name]):
        folder = tmp_path / changed
        shutil.copytree(generate_client.FOLDER, folder)
        monkeypatch.setattr(generate_client, "FOLDER", folder)
        assert is_current(name)
        text = (folder / changed).read_text(encoding="utf-8")
        (folder / changed).write_text(text.replace("master.end(call", "master.end(", 1).replace("1.0", "2.0"))
        assert not is_current(name)
        monkeypatch.undo()


@pytest.mark.parametrize("name", GENERATED)
def test_nothing_of_asyncio(name: str) -> None:
    body = generated(name).partition("\n")[2].lower()
    assert [word for word in ("async", "await", "aclosing", "task", "sync:") if word in body] == []

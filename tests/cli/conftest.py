"""The command line as a fixture."""

from __future__ import annotations

import pytest

from commands import Mbus


@pytest.fixture
def mbus(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Mbus:
    return Mbus(monkeypatch, capsys)

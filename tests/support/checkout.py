"""Where the checkout is, how its programs are run, and the collection of telegrams that may lie beside it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
ENVIRONMENT: Final = {
    **os.environ,
    "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'grammars'}",
    "PYTHONUTF8": "1",
}
CORPUS: Final = ROOT.parent / "shared" / "corpus"

needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="no ../shared/corpus beside the checkout")


def corpus(name: str) -> list[Any]:
    """The telegrams of `wired` or `wireless`; none where there is no corpus."""
    file = CORPUS / f"{name}.jsonl"
    return [*map(json.loads, file.read_text(encoding="utf-8").splitlines())] if file.is_file() else []

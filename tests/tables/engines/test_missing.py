"""What is missing is said in one sentence, with what to install."""

from __future__ import annotations

import importlib
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "library", "extra"),
    [("polars", "polars", "polars"), ("spark", "pyspark", "spark")],
)
def test_a_missing_library(module: str, library: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*sys.modules]:
        if name.split(".")[0] == library or (
            name.startswith("mbus_construct.") and name.endswith(f".{module}")
        ):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)  # type: ignore[arg-type]
    with pytest.raises(ImportError) as caught:
        importlib.import_module(f"mbus_construct.{module}")
    assert str(caught.value) == f'{library} is missing: pip install "mbus-construct[{extra}]"'
    assert caught.value.name == library

"""`--plugin`: modules that register grammars for manufacturers' data."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Annotated

import typer

PluginOption = Annotated[
    list[str] | None,
    typer.Option(
        "--plugin",
        metavar="MODULE",
        help="A module, here or installed, that registers grammars for manufacturers' data. Several times "
        "for several.",
    ),
]


def load(modules: Iterable[str] | None) -> None:
    """Import modules; those in the current directory are found too. Raises `ValueError` for what fails."""
    here = os.getcwd()
    for name in modules or ():
        if here not in sys.path:
            sys.path.append(here)
        try:
            import_module(name)
        except Exception as error:
            raise ValueError(f"--plugin {name}: {type(error).__name__}: {error}") from error

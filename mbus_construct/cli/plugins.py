"""`--plugin`: modules that register grammars for manufacturers' data."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Annotated

import typer

PluginOption = Annotated[
    list[str] | None,
    typer.Option(
        "--plugin",
        metavar="MODULE",
        help="A module, here or installed, or the path of a .py file, that registers grammars for "
        "manufacturers' data. Several times for several. Decode and build have it; explain and the tables of "
        "convert leave such data raw.",
    ),
]


def load(modules: Iterable[str] | None) -> None:
    """Import modules; those in the current directory are found too. Raises `ValueError` for what fails."""
    here = os.getcwd()
    for name in modules or ():
        if here not in sys.path:
            sys.path.append(here)
        path = Path(name)
        is_path = name.endswith(".py") or name.startswith(".") or "/" in name or os.sep in name
        if is_path and not (path.suffix == ".py" and path.is_file()):
            raise ValueError(f"--plugin {name}: there is no such .py file; a module goes by its name")
        try:
            if is_path:
                _run(path)
            else:
                import_module(name)
        except Exception as error:
            raise ValueError(f"--plugin {name}: {type(error).__name__}: {error}") from error


def _run(path: Path) -> None:
    """Import a file under its own name, once; what lies beside it is found too."""
    folder = str(path.resolve().parent)
    loaded = sys.modules.get(path.stem)
    if loaded is not None and getattr(loaded, "__file__", None) == str(path.resolve()):
        return
    if folder not in sys.path:
        sys.path.append(folder)
    spec = spec_from_file_location(path.stem, path.resolve())
    if spec is None or spec.loader is None:
        raise ImportError("it cannot be imported")
    module = module_from_spec(spec)
    if loaded is None:  # a module of the same name keeps its place
        sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        if sys.modules.get(path.stem) is module:
            del sys.modules[path.stem]
        raise

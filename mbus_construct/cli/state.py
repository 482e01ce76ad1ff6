"""Files from which an interrupted command goes on.

A state is replaced as a whole: a file that is there is one that was written to its end.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from mbus_grammars.base import is_mapping

from ..errors import LocalProtocolError
from ..model.json_values import parse_json

_VERSION: Final = 1
_INTERVAL: Final = 1.0  # seconds between two savings for nothing but progress


class StateFile:
    """The state of one command.

    Args:
        path: of the file; None keeps no state.
        what: the command and what it was asked for: only the same may go on from the file.
        content: gives what is to be saved.
    """

    def __init__(
        self, path: Path | None, what: Mapping[str, Any], content: Callable[[], dict[str, Any]]
    ) -> None:
        self.path = path
        self._what = dict(what)
        self._content = content
        self._saved_at = 0.0

    def load(self) -> dict[str, Any] | None:
        """What was saved, None for a fresh start. Raises `LocalProtocolError` for another command's file."""
        if self.path is None or not self.path.exists():
            return None
        try:
            text = self.path.read_text(encoding="utf-8")
            if not text.strip():  # made by mktemp or touch
                return None
            values = parse_json(text)
        except ValueError as error:
            raise self._no_state() from error
        if not is_mapping(values) or values.get("version") != _VERSION:
            raise self._no_state()
        what = values.get("what")
        if what != self._what:
            asked: Mapping[str, Any] = what if is_mapping(what) else {}
            names = [name for name, value in self._what.items() if asked.get(name) != value]
            raise LocalProtocolError(
                f"{self.path} is the state of another run ({', '.join(names) or 'what was asked'} differs): "
                "repeat that command, or give another file"
            )
        return dict(values)

    @contextmanager
    def whole(self) -> Generator[None, None, None]:
        """Reading what was saved: a file that lacks something is refused."""
        try:
            yield
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise self._no_state() from error

    def _no_state(self) -> LocalProtocolError:
        return LocalProtocolError(f"{self.path} is no state of this program: give another file")

    def progressed(self) -> None:
        """Save, unless that was done a moment ago."""
        if time.monotonic() - self._saved_at >= _INTERVAL:
            self.save()

    def save(self) -> None:
        """Save now. Raises `FileError` where that is impossible."""
        if self.path is None:
            return
        new = self.path.with_name(f"{self.path.name}.new")
        text = json.dumps({"version": _VERSION, "what": self._what, **self._content()})
        try:
            new.write_text(text + "\n", encoding="utf-8")
            os.replace(new, self.path)
        except OSError as error:
            with suppress(OSError):
                new.unlink()
            from ..ports.errors import FileError  # noqa: PLC0415  decode starts faster without

            raise FileError(
                f"{self.path} cannot be written ({error.strerror}): give another file, or make room"
            ) from error
        self._saved_at = time.monotonic()

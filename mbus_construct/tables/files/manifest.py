"""What a run has done, in the output's directory, so that the same command can go on after an interruption.

`_manifest.ndjson` has one object a line: first the options and the inputs, then one a finished piece, at
last one that says that everything is done. A piece is there when all of its files are whole and on the disk.

Of keys it holds a salted hash, for pieces that other keys opened are no parts of one output. The hash tells
no more than the archive does: whoever guesses a key can try it on a telegram. The salt keeps two directories
from telling that their keys are the same.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mbus_grammars.base import is_mapping

from .outputs import partials, remove, sync_directory
from .work import LAYOUTS, Rejected, Report

if TYPE_CHECKING:
    from ...security.keys import Keys
    from .inputs import Input

NAME: Final = "_manifest.ndjson"

_SALT: Final = 16  # octets

_OF_TO: Final = ("portable", "compression")  # options that --to decides, unless they are given


@dataclass(frozen=True)
class Finish:
    """What a run said at its end."""

    failures: tuple[str, ...]
    files: tuple[str, ...] = ()


def _is_inner(file: str) -> bool:
    """Whether a file is removed when everything is done."""
    return file.startswith(f"{LAYOUTS}/")


def _hash_of(keys: Keys, salt: bytes) -> dict[str, str]:
    """What stands for keys: a hash that depends on each of them and on whose they are."""
    entries = [[selector, *(key.octets.hex() for key in several)] for selector, several in keys.entries]
    digest = hmac.digest(salt, json.dumps(entries).encode(), "sha256")
    return {"salt": salt.hex(), "hash": digest.hex()}


def _are_keys(before: Mapping[str, str] | None, keys: Keys) -> bool:
    """Whether these are the keys of the earlier run."""
    if before is None or not keys:
        return before is None and not keys
    return hmac.compare_digest(before["hash"], _hash_of(keys, bytes.fromhex(before["salt"]))["hash"])


class Manifest:
    """The manifest of one directory.

    Attributes:
        done: the pieces that are finished, by their index.
        finish: of a run that came to its end, else None.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._path = directory / NAME
        self._header: dict[str, Any] | None = None
        self._whole = 0  # octets of the lines that are whole
        self.done: dict[int, Report] = {}
        self.finish: Finish | None = None
        if self._path.exists():
            self._load()

    def _load(self) -> None:
        with self._path.open("rb") as file:
            for line in file:
                try:
                    item = json.loads(line)
                except ValueError:
                    break  # the last line of a run that was killed while it wrote it
                if not line.endswith(b"\n"):
                    break
                self._whole += len(line)
                self._take(item)
        self._check()

    def _take(self, item: Mapping[str, Any]) -> None:
        if self._header is None:
            self._header = dict(item)
        elif "piece" in item:
            examples = tuple(Rejected(*example) for example in item["examples"])
            noted: object = item.get("noted")  # there was a mere number once
            codes: dict[str, int] = dict(noted) if is_mapping(noted) else {}
            report = Report(
                item["piece"],
                item["telegrams"],
                item["rows"],
                item["rejected"],
                examples,
                tuple(item["files"]),
                codes,
            )
            self.done[report.index] = report
        elif "finished" in item:
            self.finish = Finish(tuple(item["failures"]), tuple(item["finished"]))

    def _check(self) -> None:
        """Forget pieces whose files somebody has removed since."""
        parts = [file for report in self.done.values() for file in report.files if _is_inner(file)]
        finish = self.finish
        whole = {
            index: report
            for index, report in self.done.items()
            if all(self._is_there(file, finish is not None) for file in report.files)
        }
        lost = len(whole) < len(self.done) or (
            finish is not None and not all((self.directory / file).exists() for file in finish.files)
        )
        if finish is not None and lost:
            self.finish = None
            whole = {} if parts else whole  # what the layouts were put together from is gone
        self.done = whole

    def _is_there(self, file: str, finished: bool) -> bool:
        return (finished and _is_inner(file)) or (self.directory / file).exists()

    @property
    def exists(self) -> bool:
        """Whether there was a run in this directory."""
        return self._header is not None

    def differs(self, options: Mapping[str, Any], keys: Keys, inputs: Sequence[Input]) -> str | None:
        """What is not as it was in the earlier run; None where everything is."""
        header = self._header or {}
        before = header.get("options", {})
        changed = [name for name in options if before.get(name) != options[name]]
        if changed:
            if "version" in changed:
                return f"it was made by version {before.get('version')} of mbus-construct"
            names = [
                f"--{name.replace('_', '-')}" for name in changed if "to" not in changed or name not in _OF_TO
            ]
            return f"{' and '.join(names)} {'was' if len(names) == 1 else 'were'} not the same then"
        if not _are_keys(header.get("keys"), keys):
            return "its keys were not the same then"
        known = {name: (size, mtime) for name, size, mtime in header.get("inputs", [])}
        for item in inputs:
            if item.path is None:
                return "standard input cannot be read again"
            if item.name not in known:
                return f"{item.name} was not among its inputs"
            if known.pop(item.name) != (item.size, item.mtime):
                return f"{item.name} has changed since"
        return f"its input {next(iter(known))} is missing now" if known else None

    def begin(self, options: Mapping[str, Any], keys: Keys, inputs: Sequence[Input]) -> None:
        """Write the first line, or go on behind what is whole."""
        self.remove_partials()
        if self._header is not None:
            with self._path.open("r+b") as file:
                file.truncate(self._whole)
            return
        self._header = {
            "options": dict(options),
            "keys": _hash_of(keys, secrets.token_bytes(_SALT)) if keys else None,
            "inputs": [[item.name, item.size, item.mtime] for item in inputs],
        }
        self._append(self._header)
        sync_directory(self.directory)

    def add(self, report: Report) -> None:
        """A piece is finished."""
        self.done[report.index] = report
        item = asdict(report)
        self._append({"piece": item.pop("index"), **item, "examples": [[*one] for one in report.examples]})

    def end(self, failures: Iterable[str], files: Iterable[str]) -> None:
        """Everything is done; `files` are those that are not of a piece."""
        self.finish = Finish(tuple(failures), tuple(files))
        self._append({"finished": [*self.finish.files], "failures": [*self.finish.failures]})

    def _append(self, item: Mapping[str, Any]) -> None:
        with self._path.open("ab") as file:
            file.write(json.dumps(item, ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def clear(self) -> None:
        """Remove what the earlier run has written, and nothing else."""
        files = [file for report in self.done.values() for file in report.files]
        files += self.finish.files if self.finish is not None else ()
        for name in files:
            (self.directory / name).unlink(missing_ok=True)
        self.remove_partials()
        for folder in sorted({(self.directory / name).parent for name in files}, reverse=True):
            if folder != self.directory and folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
        self._path.unlink(missing_ok=True)
        self._header, self._whole, self.done, self.finish = None, 0, {}, None

    def remove_partials(self) -> None:
        """Remove what a run that was killed had begun."""
        folders = [self.directory, *(item for item in self.directory.iterdir() if item.is_dir())]
        for folder in folders:
            for partial in partials(folder):
                remove(partial)

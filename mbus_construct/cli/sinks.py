"""Results that are written one by one, each as soon as it is there: text, JSON, NDJSON, CSV."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Generic, TextIO, TypeVar

import typer

from .output import dumps

T = TypeVar("T")


class BusFormat(StrEnum):
    """How what is found is written."""

    TEXT = "text"
    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"


class Sink(Generic[T]):
    """Where results go.

    Args:
        format_: "json", "ndjson", "csv"; anything else is what `text` gives.
        to_dict, rows, columns, text: of a result.
        file: instead of standard output.
        alone: there is one result: JSON needs no list.
        continued: something is there already, of an earlier run: no heading.
    """

    def __init__(
        self,
        format_: str,
        *,
        to_dict: Callable[[T], Mapping[str, Any]],
        rows: Callable[[T], Iterable[Mapping[str, Any]]],
        columns: Sequence[str],
        text: Callable[[T], str],
        file: TextIO | None = None,
        alone: bool = False,
        continued: bool = False,
    ) -> None:
        self._format = format_
        self._to_dict = to_dict
        self._rows = rows
        self._columns = columns
        self._text = text
        self._file = file
        self._alone = alone
        self._begun = continued
        self._in_list = continued and file is not None  # a list on standard output was closed

    def write(self, result: T) -> None:
        """Write one result, and see that it has left this program."""
        if self._format == "json":
            text = dumps(self._to_dict(result), indent=2)
            if not self._alone:
                text = (",\n" if self._in_list else "[\n") + text
            self._put(text, newline=self._alone)
            self._in_list = True
        elif self._format == "ndjson":
            self._put(dumps(self._to_dict(result)))
        elif self._format == "csv":
            self._put(self._table(self._rows(result)), newline=False)
        else:
            self._put(self._text(result))
        self._begun = True

    def end(self) -> None:
        """Write what closes the results."""
        if self._format == "json" and not self._alone:
            self._put("\n]" if self._in_list else "[]")
        elif self._format == "csv" and not self._begun:
            self._put(self._table([]), newline=False)

    def _table(self, rows: Iterable[Mapping[str, Any]]) -> str:
        text = io.StringIO()
        writer: csv.DictWriter[str] = csv.DictWriter(text, self._columns, lineterminator="\n")
        if not self._begun:
            writer.writeheader()
        writer.writerows(rows)
        return text.getvalue()

    def _put(self, text: str, *, newline: bool = True) -> None:
        typer.echo(text, file=self._file or sys.stdout, nl=newline)
        (self._file or sys.stdout).flush()

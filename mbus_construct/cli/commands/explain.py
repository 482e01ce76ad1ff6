"""`mbus explain`: every octet of a telegram with offset, field, bits, meaning and clause."""

from __future__ import annotations

import shutil
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...security.aes import MissingExtra
from ..inputs import Source, sources
from ..keys import KeyOption, KeysOption, keys_of
from ..output import report_refused
from .decode import Link

if TYPE_CHECKING:
    from ...explain import Explanation
    from ...security.keys import Keys


class Format(StrEnum):
    """How an explanation is written."""

    TEXT = "text"
    HTML = "html"


# Columns where no terminal says how many it has.
_WIDTH = 120


def command(
    *,
    telegrams: Annotated[
        list[str] | None,
        typer.Argument(help="Hex with any or no separators, files (binary, hex lines, captures), -."),
    ] = None,
    format_: Annotated[
        Format, typer.Option("--format", "-f", help="Text, or one self-contained HTML page a telegram.")
    ] = Format.TEXT,
    link: Annotated[Link, typer.Option(help="What the octets are, or where they start.")] = Link.AUTO,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write instead of the terminal.")
    ] = None,
    key: KeyOption = None,
    keys: KeysOption = None,
) -> None:
    """Explain every octet of a telegram, with a key the decrypted ones too.

    Exit code 1 where something in it is wrong, 2 where it is no hex.
    """
    given = keys_of(key, keys)
    found = list(sources(telegrams or ()))
    readable = [source for source in found if source.fault is None]
    if format_ == Format.HTML and len(readable) > 1:
        raise typer.BadParameter(f"an HTML page explains one telegram, these are {len(readable)}")
    explained = [_explained(source, link, given) for source in readable]
    pages = [_page(explanation, format_, to_file=output is not None) for explanation, _ in explained]
    text = "\n".join(pages)
    if output is not None:
        output.write_text(text + "\n", encoding="utf-8")
    elif text:
        typer.echo(text, color=True)
    report_refused([(source, source.fault) for source in found if source.fault is not None])
    missing = next((missing for _, missing in explained if missing is not None), None)
    if missing is not None:
        typer.echo(f"mbus: {missing}", err=True)
    wrong = any(span.fault for explanation, _ in explained for span in explanation.spans)
    faulty = len(readable) < len(found) or wrong or missing is not None
    raise typer.Exit(2 if not readable else 1 if faulty else 0)


def _explained(source: Source, link: Link, keys: Keys) -> tuple[Explanation, MissingExtra | None]:
    """The explanation of one telegram; what is missing where its key is of no use without."""
    from ...explain import explain  # noqa: PLC0415  the other commands start faster without it

    try:
        return explain(source.octets, link, keys), None
    except MissingExtra as error:
        return explain(source.octets, link), error


def _page(explanation: Explanation, format_: Format, *, to_file: bool) -> str:
    if format_ == Format.HTML:
        from ...explain.html import to_html  # noqa: PLC0415  one of the two is needed

        return to_html(explanation)
    from ...explain.text import to_lines  # noqa: PLC0415  rich is slow to import, and for tables alone

    on_terminal = sys.stdout.isatty() and not to_file
    width = shutil.get_terminal_size((_WIDTH, 0)).columns if on_terminal else _WIDTH
    return "\n".join(to_lines(explanation, colour=on_terminal, width=width))

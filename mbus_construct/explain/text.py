"""An explanation for the terminal: aligned columns, bits beneath their field, colours by layer.

Imports rich, which costs more than the rest of the library: import this module where something is printed.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from .explanation import BitSpan, Explanation, Section, Span

_STYLES: Final = {
    "link": "bright_black",
    "header": "cyan",
    "record": "bold",
    "dib": "magenta",
    "vib": "blue",
    "data": "green",
    "raw": "yellow",
}
_FAULT: Final = "bold red"
_MARK: Final = "yellow"
_DECRYPTED: Final = "decrypted"
_OCTETS_A_LINE: Final = 4
_SENT_A_LINE: Final = 16


def to_lines(explanation: Explanation, colour: bool = False, width: int = 120) -> Iterable[str]:
    """The explanation as lines of at most `width` columns; with `colour` they hold ANSI sequences."""
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=max(width, 60),
        force_terminal=colour,
        no_color=not colour,
        color_system="standard" if colour else None,
        highlight=False,
        emoji=False,
    )
    if explanation.decrypted:
        for line in _as_sent(explanation):
            console.print(line)
    for section in explanation.sections:
        console.print(_title(section), soft_wrap=False)
        console.print(_table(section, narrow=width < 90))
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def _as_sent(explanation: Explanation) -> Iterator[Text]:
    """The octets as sent, where what follows shows others."""
    hidden = sum(len(span.octets) for span in explanation.decrypted)
    octets = explanation.octets
    told = f"as sent: {len(octets)} octets, {hidden} of them encrypted; these are in plain below"
    yield Text(told, "bold")
    for start in range(0, len(octets), _SENT_A_LINE):
        line = Text(f"{start:>4} ", "bright_black")
        yield line.append(octets[start : start + _SENT_A_LINE].hex(" ").upper(), _STYLES["raw"])
    yield Text("")


def _title(section: Section) -> Text:
    heading = section.heading
    title = Text(f"{section.offset:>4}  {section.title}", style="bold")
    if section.decrypted:
        title.append(f"  {_DECRYPTED}", _MARK)
    if heading.fault and not section.continued:
        title.append(f"  ✗ {heading.fault}", style=_FAULT)
    return title


def _table(section: Section, narrow: bool) -> Table:
    table = Table(box=None, show_header=False, expand=True, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("offset", width=4, justify="right")
    table.add_column("octets", width=3 * _OCTETS_A_LINE)
    table.add_column("field", width=22 if narrow else 26)
    table.add_column("meaning", ratio=3)
    if not narrow:
        table.add_column("clause", ratio=1, style="bright_black", no_wrap=True, overflow="ellipsis")
    base = section.heading.level + 1
    for span in section.rows:
        for cells in _rows(span, span.level - base, marked=span.decrypted and not section.decrypted):
            table.add_row(*cells[: len(table.columns)])
    return table


def _rows(span: Span, depth: int, *, marked: bool) -> Iterator[tuple[Text, ...]]:
    """The field's row and those of its bits; `marked` where it says that the field was decrypted."""
    style = _STYLES[span.kind]
    octets = Text("" if span.group else span.shown.hex(" ").upper(), style)
    meaning = Text().append(span.value_text, "bold")
    if span.meaning:
        meaning.append(("  " if span.value_text else "") + span.meaning)
    if marked:
        meaning.append(("  " if meaning else "") + _DECRYPTED, _MARK)
    if span.fault:
        meaning.append(("  " if meaning else "") + f"✗ {span.fault}", _FAULT)
    label = Text("  " * depth + span.label, style)
    yield Text(str(span.offset), "bright_black"), octets, label, meaning, Text(span.source)
    for bits in span.bits:
        yield Text(""), Text(bits.place, "bright_black", justify="right"), _bit_name(bits, depth), _bit(bits)


def _bit_name(bits: BitSpan, depth: int) -> Text:
    return Text("  " * (depth + 1) + bits.label, "bright_black")


def _bit(bits: BitSpan) -> Text:
    meaning = bits.meaning or (str(bits.value) if len(bits.digits) > 1 else "")
    return Text(f"{bits.digits}  {meaning}".rstrip(), "" if bits.value else "bright_black")

"""An explanation as one HTML page: hex dump on top, a table for each part beneath.

The page stands alone (no script, no reference to anything outside), follows the dark mode of the reader's
system, and is well-formed XML too.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Final

from .style import CSS

if TYPE_CHECKING:
    from .explanation import BitSpan, Explanation, Section, Span

_A_ROW: Final = 16

_KINDS: Final = {
    "link": "link layer",
    "header": "header",
    "dib": "DIF, DIFE",
    "vib": "VIF, VIFE",
    "data": "data",
    "raw": "not taken apart",
}

_NOTES: Final = (
    "MBDOC48: “The M-Bus: A Documentation”, revision 4.8. "
    "Bit 0 is the least significant bit of the number that the octets of a field make."
)


def to_html(explanation: Explanation, title: str = "M-Bus telegram") -> str:
    """The explanation as a page.

    Args:
        explanation: what `explain` gave.
        title: the page's title and heading, any text.
    """
    shown = escape(title)
    leaves = [span for span in explanation.leaves if span.octets]
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en" xmlns="http://www.w3.org/1999/xhtml">',
            "<head>",
            '<meta charset="utf-8"/>',
            '<meta name="viewport" content="width=device-width, initial-scale=1"/>',
            '<meta name="color-scheme" content="light dark"/>',
            f"<title>{shown}</title>",
            f"<style>{CSS}{_hover_rules(leaves)}</style>",
            "</head>",
            "<body>",
            f"<header><h1>{shown}</h1>{_summary(explanation)}</header>",
            "<main>",
            *_faults(explanation),
            *_dump(leaves),
            *(line for section in explanation.sections for line in _section(section)),
            "</main>",
            f"<footer><p>{_NOTES}</p></footer>",
            "</body>",
            "</html>",
            "",
        ]
    )


def _summary(explanation: Explanation) -> str:
    octets = len(explanation.octets)
    told = f"{octets} octet{'s' if octets != 1 else ''}"
    hidden = sum(len(span.octets) for span in explanation.decrypted)
    if hidden:
        told += f", as sent; {hidden} of them are encrypted, and explained in plain"
    heading = explanation.spans[0]
    said = heading.meaning or heading.label
    return f'<p class="lead">{escape(said)} <span class="dim">· {told}</span></p>'


def _anchor(span: Span) -> str:
    """The identifier of a leaf's row, "" for a field without octets: it shares its offset with another."""
    return f"o{span.offset}" if span.octets and not span.group else ""


def _hover_rules(leaves: list[Span]) -> str:
    """Octets and their row light up together."""
    names = [_anchor(span) for span in leaves]
    rows = ",".join(f'body:has([href="#{name}"]:hover) #{name}' for name in names)
    octets = ",".join(f'body:has(#{name}:hover) [href="#{name}"]' for name in names)
    if not names:
        return ""
    return f"{rows}{{background:var(--mark)}}\n{octets}{{outline:2px solid var(--text);z-index:1}}\n"


def _faults(explanation: Explanation) -> Iterator[str]:
    if explanation.faults:
        yield '<section class="faults" aria-label="Faults"><h2>What is wrong</h2><ul>'
        for span in explanation.faults:
            where = f' href="#{_anchor(span)}"' if _anchor(span) else ""
            yield f"<li><a{where}>offset {span.offset}, {escape(span.label)}</a>: {escape(span.fault)}</li>"
        yield "</ul></section>"


# --- Hex dump ------------------------------------------------------------------------------------


def _dump(leaves: list[Span]) -> Iterator[str]:
    cells = [
        _cell(span, index, shade) for shade, span in enumerate(leaves) for index in range(len(span.octets))
    ]
    yield '<section class="dump" aria-label="Octets"><div class="octets">'
    for start in range(0, len(cells), _A_ROW):
        line = "".join(cells[start : start + _A_ROW])
        yield f'<div class="line"><span class="at">{start:04X}</span>{line}</div>'
    yield "</div>"
    used = {span.kind for span in leaves}
    keys = (f'<li><i class="k {kind}"></i>{name}</li>' for kind, name in _KINDS.items() if kind in used)
    yield f'<ul class="key" aria-label="Colours">{"".join(keys)}</ul></section>'


def _cell(span: Span, index: int, shade: int) -> str:
    """One octet of a span, joined to its neighbours of the same span."""
    classes = ["k", span.kind, "odd" if shade % 2 else "even"]
    classes += (
        ["bad"] * bool(span.fault) + ["first"] * (not index) + ["last"] * (index == len(span.octets) - 1)
    )
    plain = f"decrypted {span.plain[index]:02X}" if span.decrypted else ""
    told = escape(
        ": ".join(filter(None, (span.label, plain, span.value_text, span.meaning, span.fault))), quote=True
    )
    octet = f"{span.octets[index]:02X}"
    return f'<a class="{" ".join(classes)}" href="#{_anchor(span)}" title="{told}">{octet}</a>'


# --- Tables --------------------------------------------------------------------------------------

_DECRYPTED: Final = ' <em class="plain">decrypted</em>'
_COLUMNS: Final = ("Offset", "Octets", "Field", "Bits", "Meaning", "Clause")


def _section(section: Section) -> Iterator[str]:
    heading, length = section.heading, section.length
    fault = f' <strong class="fault">{escape(heading.fault)}</strong>' * bool(heading.fault)
    told = f"{length} octet{'s' if length != 1 else ''} from offset {section.offset}"
    yield f'<details open="open" class="{heading.kind}">'
    mark = _DECRYPTED * section.decrypted
    yield f'<summary><span class="title">{escape(section.title)}</span>{mark}{fault}'
    yield f'<span class="dim">{told}</span></summary>'
    if section.rows:
        head = "".join(f'<th scope="col">{name}</th>' for name in _COLUMNS)
        yield f"<table><thead><tr>{head}</tr></thead>"
        for span in section.rows:
            marked = span.decrypted and not section.decrypted
            yield from _rows(span, span.level - heading.level - 1, marked=marked)
        yield "</table>"
    yield "</details>"


def _rows(span: Span, depth: int, *, marked: bool) -> Iterator[str]:
    """The rows of a field: its own and one for each of its bits, as a group.

    `marked` where its own row says that it was decrypted.
    """
    octets = span.shown.hex(" ").upper()
    value = f'<code class="value">{escape(span.value_text)}</code> ' if span.value_text else ""
    fault = f' <strong class="fault">{escape(span.fault)}</strong>' if span.fault else ""
    kind = f"{span.kind} group" if span.group else span.kind
    mark = _DECRYPTED * marked
    identity = f' id="{_anchor(span)}"' if _anchor(span) else ""
    yield f'<tbody{identity} class="{kind}{" bad" if span.fault else ""}"><tr>'
    yield f'<td class="at">{span.offset}</td><td class="hex">{octets}</td>'
    yield f'<th scope="row" class="d{min(depth, 3)}" title="{escape(span.path)}">{escape(span.label)}</th>'
    yield f'<td class="none"></td><td class="said">{value}{escape(span.meaning)}{mark}{fault}</td>'
    yield f'<td class="clause">{escape(span.source)}</td></tr>'
    yield from (_bit_row(bits, span.width, depth) for bits in span.bits)
    yield "</tbody>"


def _bit_row(bits: BitSpan, octets: int, depth: int) -> str:
    meaning = bits.meaning or (str(bits.value) if len(bits.digits) > 1 or bits.value else "")
    return (
        f'<tr class="bit{"" if bits.value else " zero"}"><td class="none"></td><td class="none"></td>'
        f'<td class="d{min(depth, 3)}">{escape(bits.label)}</td>'
        f'<td class="bits"><span class="place">{bits.place}</span> {_pattern(bits, 8 * octets)}</td>'
        f'<td class="said">{escape(meaning)}</td><td class="none"></td></tr>'
    )


def _pattern(bits: BitSpan, width: int) -> str:
    """The bits in their octet, the others as dots; only the bits where the field is longer than an octet."""
    if width != 8:
        return f"<code>{bits.digits}</code>"
    return f"<code><i>{'·' * (7 - bits.high)}</i>{bits.digits}<i>{'·' * bits.low}</i></code>"

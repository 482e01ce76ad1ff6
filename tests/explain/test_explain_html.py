"""The HTML page: well-formed, alone in the world, everything escaped, every octet linked to its row."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from xml.etree import ElementTree as Xml

import pytest

from mbus_construct.explain import Explanation, Span, explain
from mbus_construct.explain.html import to_html
from vectors import FRAMES

NAMESPACE = "{http://www.w3.org/1999/xhtml}"


def parsed(page: str) -> Xml.Element:
    return Xml.fromstring(page)  # noqa: S314  our own page


class Page(HTMLParser):
    """What a browser sees: elements properly nested, links, identifiers."""

    VOID = frozenset({"meta", "link", "br", "img", "hr", "input"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.identifiers: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            assert not name.startswith("on")
            if name in ("href", "src"):
                self.links.append(value or "")
            elif name == "id":
                self.identifiers.append(value or "")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def hex_dump(page: str) -> bytes:
    root = parsed(page)
    cells = root.findall(f".//{NAMESPACE}div[@class='line']/{NAMESPACE}a")
    return bytes.fromhex("".join(cell.text or "" for cell in cells))


@pytest.mark.parametrize("octets", FRAMES, ids=lambda octets: octets.hex()[:40])
def test_page(octets: bytes) -> None:
    for data in (octets, octets[:-1], octets[: len(octets) // 2]):
        text = to_html(explain(data, "frame"), "a telegram")
        page = Page(text)
        assert hex_dump(text) == data
        assert len(page.identifiers) == len(set(page.identifiers))
        assert {link.removeprefix("#") for link in page.links} <= set(page.identifiers)


def test_nothing_from_outside() -> None:
    text = to_html(explain(FRAMES[-1]), "x")
    assert not Page(text).tags & {"script", "link", "img", "iframe", "object", "base", "form"}
    assert not re.search(r"@import|url\(", text)
    assert re.findall(r"https?://[^\"' ]+", text) == ["http://www.w3.org/1999/xhtml"]  # a name, not a place


def test_everything_is_escaped() -> None:
    evil = "</style><script>alert('\"&')</script>"
    span = Span(0, b"\xe5", evil, evil, evil, evil, (), evil, 1, "raw", fault=evil)
    root = Span(0, b"\xe5", "", "frame", meaning=evil, level=0, group=True, fault=evil)
    text = to_html(Explanation(b"\xe5", (root, span)), evil)
    assert "script" not in Page(text).tags
    assert "<script" not in text
    assert evil in "".join(parsed(text).itertext())


def test_text_of_a_meter() -> None:
    text = to_html(explain("0D 78 05 3E 62 3C 00 1B", "records"))
    assert "\\x1b\\x00&lt;b&gt;" in text
    parsed(text)


def test_records_collapse() -> None:
    root = parsed(to_html(explain("01 13 05 02 65 F6 FF", "records")))
    titles = ["".join(item.itertext()) for item in root.iter(f"{NAMESPACE}summary")]
    assert titles[0].startswith("record 0: volume, 0.005 m³")
    assert titles[1].startswith("record 1: external temperature, -0.10 °C")


def test_faults_are_listed_first() -> None:
    text = to_html(explain("10 5B 01 5D 16"))
    assert '<a href="#o3">offset 3, checksum</a>: ' in text
    assert text.index("What is wrong") < text.index('class="octets"')


def test_nothing_to_explain() -> None:
    Page(to_html(explain(b"")))

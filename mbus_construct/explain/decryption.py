"""Telegrams with hidden octets: opened with the keys of their meter, and what of them was hidden."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mbus_grammars import MBusError

from ..octets.locate import layers_of
from ..octets.recognise import GRAMMARS
from ..security.message import announced_octets
from ..security.opening import Finding, open_telegram

if TYPE_CHECKING:
    from ..model.json_shapes import Form
    from ..security.keys import Keys
    from ..security.opening import Opened
    from .explanation import Span


@dataclass(frozen=True, slots=True)
class Secured:
    """A telegram as sent and in plain, both of the same length.

    Attributes:
        sent: its octets as sent.
        octets: with hidden octets in plain.
        hidden: where the octets stand that were hidden: (start, end).
        twice: whether hidden octets of the transport layer were in an extended link layer that was hidden.
        mac: what became of the MAC, "" without one or without keys.
        findings: why something stayed hidden, or is not to be trusted.
    """

    sent: bytes
    octets: bytes
    hidden: tuple[tuple[int, int], ...] = ()
    twice: bool = False
    mac: str = ""
    findings: tuple[Finding, ...] = ()

    @classmethod
    def of(cls, octets: bytes, form: Form, keys: Keys) -> Secured:
        """Open a telegram; one that the link layer refuses stays as it is."""
        try:
            GRAMMARS[form].parse(octets)
        except MBusError:
            return cls(octets, octets)
        opened = open_telegram(octets, form, keys)
        twice = opened.link_state == opened.state == "decrypted"
        hidden = tuple(_hidden(octets, form, opened))
        return cls(octets, opened.octets, hidden, twice, opened.mac or "", opened.findings)

    def marked(self, spans: Iterable[Span]) -> Iterator[Span]:
        """The spans of the plain octets: with the octets as sent, and what was hidden marked."""
        for span in spans:
            found = replace(span, octets=self.sent[span.offset : span.end])
            if not span.group and span.octets:
                found = self._leaf(found, span.octets)
            yield found

    def _leaf(self, span: Span, plain: bytes) -> Span:
        """A field, with its plain octets where it was hidden."""
        if span.name == "payload_crc" and self.twice:  # it is of octets that are not in plain yet
            span = replace(span, value_text="", meaning=f"{span.meaning}: encrypted, and right")
        elif any(start <= span.offset and span.end <= end for start, end in self.hidden):
            span = replace(span, plain=plain)
        elif span.octets != plain:  # a check sum, which opening makes fit the plain octets
            number = int.from_bytes(span.octets, "little")
            span = replace(span, value_text=f"{number:0{2 * len(span.octets)}X}h")
        if span.name == "mac" and self.mac:
            span = replace(span, meaning=f"{span.meaning}, {self.mac}")
        for finding in self.findings:
            if span.offset <= finding.offset < span.end:
                span = _with(span, finding)
        return span


def _with(span: Span, finding: Finding) -> Span:
    if finding.severity == "error":
        return replace(span, fault=finding.message)
    return replace(span, meaning=", ".join(filter(None, (span.meaning, finding.message))))


def _hidden(octets: bytes, form: Form, opened: Opened) -> Iterator[tuple[int, int]]:
    """Where the octets stand that were decrypted."""
    if opened.link_state == "decrypted":
        before = layers_of(octets, form)
        if before is not None:
            yield before.hidden, before.end
    if opened.state == "decrypted" and opened.layers is not None:
        start = opened.layers.payload
        yield start, start + announced_octets(opened.octets, opened.layers)

"""Frames by radio: their telegram without CRCs, and the spans of it put back to where they were sent.

The fields are found in the telegram; a field that a CRC interrupts becomes two spans. Frames that the link
layer refuses are taken apart too, as far as their L field goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from mbus_grammars import ChecksumError, DecodeError, IncompleteFrame
from mbus_grammars.crc import crc
from mbus_grammars.wireless import (
    CRC_SIZE,
    END_OF_BLOCK_2,
    MIN_TELEGRAM,
    blocks,
    place_in_frame,
    starts_as_a,
    without_crcs,
)

from .explanation import Span

if TYPE_CHECKING:
    from mbus_grammars.wireless import FrameFormat

_SOURCE: Final = "EN 13757-4"
_L_FIELDS: Final[dict[FrameFormat, str]] = {
    "A": "octets behind it, without the CRCs",
    "B": "octets behind it, with the CRCs",
    "CRC-less": "octets behind it",
}


@dataclass(frozen=True, slots=True)
class Blocks:
    """A frame by radio.

    Attributes:
        octets: as sent.
        frame_format: its format; the likeliest where the frame is damaged.
        telegram: what it holds without the CRCs.
        crcs: where each CRC stands, and the block before it: (start, end).
        end: behind its last octet; what follows does not belong to it.
        fault: what is wrong with the frame as a whole, "" if nothing is.
    """

    octets: bytes
    frame_format: FrameFormat
    telegram: bytes
    crcs: tuple[tuple[int, int], ...]
    end: int
    fault: str = ""

    @classmethod
    def of(cls, octets: bytes) -> Blocks:
        """Take a frame apart, damaged or not."""
        try:
            frame_format, _ = without_crcs(octets)
        except DecodeError as error:
            too_short = not octets or octets[0] + 1 < MIN_TELEGRAM
            fault = error.message if isinstance(error, IncompleteFrame) or too_short else ""
            return cls._split(octets, _likeliest(octets, error), fault)
        return cls._split(octets, frame_format)

    @classmethod
    def _split(cls, octets: bytes, frame_format: FrameFormat, fault: str = "") -> Blocks:
        length = octets[0] + 1 if octets else 0
        if length < MIN_TELEGRAM or frame_format == "CRC-less":
            end = min(length, len(octets)) if length >= MIN_TELEGRAM else len(octets)
            return cls(octets, "CRC-less", octets[:end], (), end, fault)
        if frame_format == "B":
            length -= CRC_SIZE * (1 if length <= END_OF_BLOCK_2 else 2)
        parts = [part for part in blocks(length, frame_format) if part[0] < len(octets)]
        telegram = bytearray().join(octets[start:end] for start, end in parts)
        if len(telegram) == length:
            telegram[0] = length - 1
        end = min(parts[-1][1] + CRC_SIZE, len(octets))
        crcs = tuple(part for part in parts if part[1] < len(octets))
        return cls(octets, frame_format, bytes(telegram), crcs, end, fault)

    # --- Back to the frame -----------------------------------------------------------------------

    def placed(self, spans: Iterable[Span]) -> Iterator[Span]:
        """The spans of the telegram where they stand in the frame, with those of the CRCs."""
        root, *others = spans
        meaning = ", ".join(filter(None, (root.meaning, self._format())))
        yield replace(root, octets=self.octets, meaning=meaning, fault=root.fault or self.fault)
        if not others:
            return
        yield from self._with_crcs([piece for span in others for piece in self._pieces(span)])
        if self.end < len(self.octets):
            reason = "behind the end of the frame"
            yield Span(self.end, self.octets[self.end :], "octets", "octets", level=1, fault=reason)

    def _format(self) -> str:
        return f"frame format {self.frame_format}" if self.crcs else "without CRCs"

    def _place(self, offset: int) -> int:
        return place_in_frame(offset, self.frame_format)

    def _pieces(self, span: Span) -> Iterator[Span]:
        """The span in the frame; a field that CRCs interrupt in pieces, the first of which says all."""
        if not span.octets:
            yield replace(span, offset=self._place(span.offset - 1) + 1 if span.offset else 0)
            return
        start, end = self._place(span.offset), self._place(span.end - 1) + 1
        if span.path == "l_field" and self.octets:
            meaning = _L_FIELDS[self.frame_format]
            span = replace(span, value_text=str(self.octets[0]), meaning=meaning, octets=self.octets[:1])
        if span.group:
            yield replace(span, offset=start, octets=self.octets[start:end])
            return
        cuts = [part[1] for part in self.crcs if start < part[1] < end]
        position, rest = start, span.octets
        plain = span.plain
        for index, cut in enumerate([*cuts, end]):
            size = cut - position
            piece = replace(span, offset=position, octets=rest[:size], plain=plain[:size])
            if cuts:
                piece = replace(piece, size=len(span.octets))
            yield (
                replace(piece, value_text="", meaning="", bits=(), fault="", continued=True)
                if index
                else piece
            )
            position, rest, plain = cut + CRC_SIZE, rest[size:], plain[size:]

    def _with_crcs(self, spans: Sequence[Span]) -> Iterator[Span]:
        """The spans and the CRCs between them, each as a part of the innermost group around it."""
        waiting = list(enumerate(self.crcs))
        open_: list[Span] = []
        for span in spans:
            while waiting and waiting[0][1][1] < span.offset:
                open_ = [group for group in open_ if group.end > waiting[0][1][1]]
                yield self._crc(*waiting.pop(0), level=open_[-1].level + 1 if open_ else 1)
            while open_ and open_[-1].level >= span.level:
                open_.pop()
            if span.group:
                open_.append(span)
            yield span
        for number, block in waiting:
            yield self._crc(number, block, level=1)

    def _crc(self, number: int, block: tuple[int, int], level: int) -> Span:
        start, end = block
        octets = self.octets[end : end + CRC_SIZE]
        computed = crc(self.octets[start:end])
        fault = f"the octets give {computed:04X}h"
        if len(octets) < CRC_SIZE:
            fault = f"{len(octets)} of {CRC_SIZE} octets"
        elif int.from_bytes(octets, "big") == computed:
            fault = ""
        return Span(
            offset=end,
            octets=octets,
            path=f"crcs[{number}]",
            name=f"crcs[{number}]",
            value_text=f"{octets.hex().upper()}h",
            meaning=f"CRC of the octets {start} to {end - 1}",
            source=_SOURCE,
            level=level,
            fault=fault,
        )


def _likeliest(octets: bytes, error: DecodeError) -> FrameFormat:
    """The format of a frame that is damaged, as `frame_format_of` takes it."""
    if isinstance(error, ChecksumError):
        return "B" if len(octets) == octets[0] + 1 else "A"
    return "A" if octets and starts_as_a(octets) else "CRC-less"

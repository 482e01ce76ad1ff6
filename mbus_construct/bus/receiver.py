"""Octets from the line to frames, with what is no frame between them. EN 13757-2; MBDOC48 5.2 and 5.4.

Where the octets are no frame, one octet is given up and the search for a start goes on behind it, so that a
frame behind noise, an echo or a broken frame is still found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from mbus_grammars import Frame
from mbus_grammars.link import next_frame

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Piece:
    """Octets in a row: one frame, or (`frame` None) what is no frame."""

    octets: bytes
    frame: Mapping[str, Any] | None = None

    @property
    def acknowledges(self) -> bool:
        """Whether it is the single character E5."""
        return self.frame is not None and "c_field" not in self.frame

    @property
    def to_meter(self) -> bool:
        """Whether a master sent it: an echo, or another master."""
        return self.frame is not None and "c_field" in self.frame and bool(self.frame["c_field"]["prm"])

    @property
    def from_meter(self) -> bool:
        """Whether it is a frame with user data of a meter."""
        return self.frame is not None and "ci_field" in self.frame and not self.frame["c_field"]["prm"]


class Reception(NamedTuple):
    """The pieces that are complete, and how many octets the last frame lacks (0: nothing is under way)."""

    pieces: tuple[Piece, ...]
    missing: int


def receive(octets: bytes, *, final: bool = False) -> Reception:
    """The frames in what was heard, in order, with what is no frame between them.

    The frames for more octets begin with those for fewer, so that it does not matter in which chunks the
    octets came. With `final` nothing more is expected: a frame that is not complete is none.
    """
    pieces: list[Piece] = []
    at = missing = 0
    while at < len(octets) and not missing:
        found = next_frame(octets, at, anywhere=True, final=final)
        missing, end = found.missing, found.at + found.length
        if at < found.at:
            pieces.append(Piece(octets[at : found.at]))
        if found.length:
            frame = octets[found.at : end]
            pieces.append(Piece(frame, Frame.parse(frame, values_only=True)))
        at = end
    return Reception(tuple(pieces), missing)


def resembles(octets: bytes, sent: bytes) -> bool:
    """Whether octets are what was sent, damaged on the way back: as many, at least half of them the same."""
    same = sum(heard == said for heard, said in zip(octets, sent, strict=False))
    return len(octets) == len(sent) and 2 * same >= len(sent)

"""One request, when its answer is due, and which frame is the answer. MBDOC48 5.4."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from mbus_grammars import Frame
from mbus_grammars.link import SINGLE_CHARACTER

from .address import BROADCAST
from .frame_count_bits import COUNTED
from .procedure import Kind, Request
from .receiver import receive, resembles
from .timing import duration

if TYPE_CHECKING:
    from .receiver import Piece

ACKNOWLEDGEMENT: Final = bytes([SINGLE_CHARACTER])
_NOTHING: Final = Request()
_SHORTEST_DATA: Final = 9


def frame_of(request: Request, *, fcb: bool = True) -> bytes:
    """The octets of a request; `fcb` is its frame count bit, where it has one. MBDOC48 5.3 and 5.5."""
    name, a_field = request.c_field, request.a_field
    c_field: dict[str, Any] = {"name": name}
    if name in COUNTED:
        counted = a_field != BROADCAST
        c_field |= {"fcv": counted, "fcb": counted and fcb}
    values: dict[str, Any] = {"c_field": c_field, "a_field": a_field}
    if request.ci_field is not None:
        values |= {"ci_field": request.ci_field, "user_data": dict(request.user_data or {})}
    return bytes(Frame.build(values))


@dataclass(slots=True)
class Exchange:
    """A request under way. Times are seconds of the port's clock.

    Attributes:
        request: what is asked.
        octets: its frame.
        attempt: how often it was sent.
        first_sent, sent_end: when the first attempt had left, and the latest one.
        earliest: when an acknowledgement of the latest attempt can have come at the earliest.
        window_end: when an answer has to have begun.
        limit: when the attempt ends, whatever is heard.
        heard_since: when the first octet of the latest attempt came.
        early: acknowledgements that came before `earliest`.
        before, garbled, foreign: what was heard that is no answer; see `Outcome`.
    """

    request: Request = _NOTHING
    octets: bytes = b""
    attempt: int = 0
    first_sent: float | None = None
    sent_end: float = 0.0
    earliest: float = 0.0
    window_end: float = 0.0
    limit: float = 0.0
    heard_since: float = 0.0
    early: bytes = b""
    before: list[bytes] = field(default_factory=list[bytes])
    garbled: bytearray = field(default_factory=bytearray)
    foreign: list[bytes] = field(default_factory=list[bytes])

    @property
    def is_broadcast(self) -> bool:
        """Whether nobody answers."""
        return self.request.a_field == BROADCAST and not self.request.octets

    def answer(self, pieces: tuple[Piece, ...], *, final: bool) -> int | None:
        """Which of the pieces is the answer: what is valid, of a meter, and to this request."""
        for index, piece in enumerate(pieces):
            if piece.from_meter and piece.frame and self.request.is_answered_by(piece.frame):
                return index
            if piece.acknowledges and index == 0 and self._takes_ack(pieces, final=final):
                return index
        return None

    def _takes_ack(self, pieces: tuple[Piece, ...], *, final: bool) -> bool:
        """Whether an E5 that is the first octet heard answers the request.

        After other octets an E5 may be a part of them. To REQ_UD1 and REQ_UD2 it means "no data", unless a
        frame follows: then it was the late acknowledgement of something before.
        """
        if self.request.c_field in ("REQ_UD1", "REQ_UD2") or self.request.octets:
            return final and len(pieces) == 1
        return True

    def failure(self, pieces: tuple[Piece, ...]) -> Kind:
        """What the last attempt's octets say. An E5 with others beside it is of more than one meter."""
        if any(piece.frame is None or piece.acknowledges for piece in pieces):
            return "garbled"
        return "foreign" if self.foreign else "silence"

    def echo(self, heard: bytes) -> int:
        """How many octets the converter sent back; a damaged echo is known by its likeness."""
        length = len(self.octets)
        if heard.startswith(self.octets):
            return length
        if not resembles(heard[:length], self.octets):
            return 0
        pieces = receive(heard[:length]).pieces
        return length if pieces and pieces[0].frame is None else 0

    def note(self, pieces: tuple[Piece, ...], *, echoes: bool, fast: bool) -> None:
        """Remember what was heard beside the answer; `fast`: answers come before `earliest`."""
        if self.early and not fast:
            self.foreign.append(ACKNOWLEDGEMENT)
        for piece in pieces:
            if piece.frame is None:
                self.garbled += piece.octets
            elif not (echoes and piece.to_meter):
                self.foreign.append(piece.octets)

    def starved(self, heard: int, now: float, baudrate: int, slack: float) -> bool:
        """Whether less was heard than meters send when they answer with data.

        Where many answer at once, hardly a stop bit gets through: next to nothing is received while the line
        is busy for as long as their frames.
        """
        since = now - max(self.sent_end, self.heard_since)
        return heard < _SHORTEST_DATA or since > 2 * duration(heard, baudrate) + slack

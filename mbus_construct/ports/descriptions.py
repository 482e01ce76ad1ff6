"""What a frame is, in a few words, for the lines of a transcript."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mbus_grammars import MBusError

from ..bus.receiver import receive
from ..decoding.decode import decode

if TYPE_CHECKING:
    from ..bus.receiver import Piece
    from ..model.telegram import Telegram


def describe_frames(pieces: Iterable[Piece]) -> str:
    """What octets in a row are: frames, and what is no frame between them."""
    return "; ".join(_piece(piece) for piece in pieces)


class FrameDescriber:
    """What the lines of a transcript are; a frame in several lines has its meaning in the last of them."""

    def __init__(self) -> None:
        self._begun = b""  # a frame that the lines so far do not finish

    def sent(self, octets: bytes) -> str:
        """What the master sends."""
        self._begun = b""
        return describe_frames(receive(octets, final=True).pieces)

    def heard(self, octets: bytes) -> str:
        """What came, in one line."""
        begun, (joined, missing) = self._begun, receive(self._begun + octets)
        finished = bool(begun and joined and joined[0].frame) and len(joined[0].octets) > len(begun)
        goes_on = begun and missing and not joined
        whole = begun + octets if finished or goes_on else octets
        pieces = receive(whole).pieces
        self._begun = whole[sum(len(piece.octets) for piece in pieces) :]
        words = describe_frames(receive(whole if finished else octets, final=True).pieces)
        return f"the rest of: {words}" if finished else words


def _octets(octets: bytes) -> str:
    return f"{len(octets)} octet{'s' if len(octets) != 1 else ''}"


def _piece(piece: Piece) -> str:
    frame = piece.frame
    if frame is None:
        return f"no frame ({_octets(piece.octets)})"
    if piece.acknowledges:
        return "acknowledgement"
    control = frame["c_field"]
    name = control["name"] or "unknown C field"
    address = int(frame["a_field"])
    parts = [f"{name} {'to' if control['prm'] else 'from'} {address}"]
    parts += [f"{bit.upper()} {int(control[bit])}" for bit in ("fcb",) if control.get("fcv")]
    parts += [bit.upper() for bit in ("acd", "dfc") if control.get(bit)]
    if "ci_field" in frame:
        parts.append(str(frame["ci_field"]))
        parts += _content(piece.octets)
    return ", ".join(parts)


def _content(octets: bytes) -> list[str]:
    """Whose user data they are, and how much."""
    try:
        telegram: Telegram = decode(octets)
    except MBusError:
        return []
    parts: list[str] = []
    if telegram.meter is not None:
        parts.append(telegram.meter.secondary_address or telegram.meter.identification_number)
    if telegram.records:
        parts.append(f"{len(telegram.records)} record{'s' if len(telegram.records) != 1 else ''}")
    return parts

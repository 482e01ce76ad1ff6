"""What a frame is, in a few words, for the lines of a transcript."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mbus_grammars import MBusError

from ..decode import decode

if TYPE_CHECKING:
    from ..bus.receiver import Piece
    from ..telegram import Telegram


def in_words(pieces: Iterable[Piece]) -> str:
    """What octets in a row are: frames, and what is no frame between them."""
    return "; ".join(_piece(piece) for piece in pieces)


def _piece(piece: Piece) -> str:
    frame = piece.frame
    if frame is None:
        return f"no frame ({len(piece.octets)} octet{'s' if len(piece.octets) != 1 else ''})"
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

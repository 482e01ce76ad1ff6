"""Octets to values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from mbus_grammars import DecodeError
from mbus_grammars.wireless import without_crcs

from ..model.diagnostic import Diagnostic
from ..octets.hex_text import octets_from
from ..octets.recognise import GRAMMARS, candidates, looks_like_frame, misplaced_frame, wireless_telegram
from ..security.keys import Keys
from .decrypted import read, read_at_once
from .manufacturers import registered, with_manufacturer_fields
from .nested import may_have_contents, with_contents
from .plans import PLANS
from .reference import decode_records
from .single_bit_errors import damaged_crc

if TYPE_CHECKING:
    from mbus_grammars.wireless import FrameFormat

    from ..model.json_shapes import Form
    from ..model.telegram import Telegram
    from ..security.keys import KeysLike

__all__ = ["decode", "decode_records"]

Octets = bytes | bytearray | memoryview | str


def decode(data: Octets, *, link: str = "auto", keys: KeysLike = None) -> Telegram:
    """One telegram as values.

    Args:
        data: the octets, or a string of hex digits with any or no separators.
        link: what the octets are: "frame" (wired), "wireless" (a frame by radio, of format A, B or without
            CRCs), or where they start: "c_field" (user data from the C field on), "ci_field", "header"
            (identification first), "records" (a bare record list); "auto" finds it out.
        keys: for what is encrypted: one key (16 octets, or 32 hex digits) for every meter, a mapping of
            meters to keys such as {"12345678": "0102..."}, or `Keys`.

    Raises `DecodeError` where the link layer is wrong or there is nothing to read. Everything else is in the
    telegram: a record that could not be read has the state "error", and `diagnostics` say what and where.
    What stays encrypted, for want of a key or because the key is wrong, is there as raw octets. Raises
    `KeysError` for keys that are none. Compact frames and fragments need those that came before: see
    `Receiver`.
    """
    octets = data if type(data) is bytes else octets_from(data)
    opened = None if keys is None else Keys.of(keys)
    if not opened:
        planned = _PLANNED.get(link)
        if planned is not None:
            try:
                telegram = PLANS.decode(octets, planned)
            except DecodeError:
                if link == "frame" or looks_like_frame(octets):
                    if link == "auto" and candidates(octets) == ("wireless",):
                        return decode(octets, link="wireless")
                    raise
                telegram = None  # 68h may be the first octet of something else
            if telegram is not None:
                return with_contents(telegram, _by_radio(None)) if may_have_contents(octets) else telegram
    elif link in ("auto", "wireless"):
        telegram = read_at_once(octets, opened)
        if telegram is not None:
            return with_manufacturer_fields(telegram) if registered() else telegram
    return read_started(start(octets, link), opened or None)


class Started(NamedTuple):
    """Octets and what they are. By radio without the CRCs of their blocks; `others` are less likely forms."""

    octets: bytes
    form: Form
    others: tuple[Form, ...] = ()
    frame_format: FrameFormat = "CRC-less"
    sent: bytes = b""


def start(octets: bytes, link: str) -> Started:
    """What the octets are. Raises `DecodeError` where the link layer is wrong, `ValueError` for the link."""
    if not octets:
        raise DecodeError("no octets to decode", offset=0, expected="a telegram", code="empty")
    if link == "auto" and not looks_like_frame(octets):
        by_radio = wireless_telegram(octets)
        if by_radio is not None:
            return Started(by_radio[1], "wireless", (), by_radio[0], octets)
    named: tuple[Form, ...] = tuple(form for form in GRAMMARS if form == link)
    forms = candidates(octets) if link == "auto" else named
    if not forms:
        raise ValueError(f"link is one of auto, {', '.join(GRAMMARS)}, not {link!r}")
    form = forms[0]
    if form == "wireless":
        frame_format, telegram = without_crcs(octets)
        return Started(telegram, form, forms[1:], frame_format, octets)
    if link == "auto" and form != "frame":
        refuse_doubtful(octets)
    return Started(octets, form, forms[1:])


def read_started(started: Started, keys: Keys | None) -> Telegram:
    """The telegram."""
    return read_by(
        started, lambda item: read(item.octets, item.form, keys, item.frame_format), _by_radio(keys)
    )


def read_by(
    started: Started,
    read_one: Callable[[Started], Telegram],
    read_inner: Callable[[bytes], Telegram],
    remember: Callable[[Telegram, Started], Telegram] | None = None,
) -> Telegram:
    """The telegram.

    Args:
        started: what `start` found.
        read_one: reads octets in one form, and remembers nothing: some are read in two forms.
        read_inner: reads the telegrams by radio that stand in this one.
        remember: adds what others say of the telegram, in the form that it has after all; called once.
    """
    telegram, last = read_one(started), started
    if started.frame_format == "B" and telegram.worst == "error":
        # The last two octets of one in 65536 CRC-less frames pass for a CRC, and are missing then.
        other = Started(started.sent, "wireless")
        whole = read_one(other)
        if whole.worst != "error":
            telegram, last = whole, other
    said: tuple[Diagnostic, ...] = ()
    if started.sent and started.frame_format == "CRC-less":
        said = damaged_crc(telegram, started.sent, lambda octets: read_one(Started(octets, "wireless")))
    if remember is not None:
        telegram = remember(telegram, last)
    if said:
        telegram = replace(telegram, diagnostics=(*telegram.diagnostics, *said))
    return with_contents(guessed(telegram, started.others), read_inner)


def _by_radio(keys: Keys | None) -> Callable[[bytes], Telegram]:
    """Decodes telegrams that stand in others."""
    return lambda octets: decode(octets, link="wireless", keys=keys)


def guessed(telegram: Telegram, others: tuple[Form, ...]) -> Telegram:
    """The telegram with the remark that it may be another one."""
    if not others:
        return telegram
    message = f"read from the {telegram.link} on; readable from the {' or '.join(others)} on too"
    remark = Diagnostic("info", "form_guessed", message)
    return replace(telegram, diagnostics=(remark, *telegram.diagnostics))


# The form that plans are looked up for; what starts as a frame is one unless the caller knows better.
_PLANNED: Final[dict[str, Form]] = {"auto": "frame", **{form: form for form in GRAMMARS}}

# The octets of hex digits as text, and how many of them are no accident.
_HEX_TEXT: Final = frozenset(b"0123456789abcdefABCDEF")
_HEX_TEXT_MIN: Final = 10


def refuse_doubtful(octets: bytes) -> None:
    """Octets that are almost certainly something else than user data."""
    fault = misplaced_frame(octets)
    if fault is not None:
        message = f"{fault}; give the frame alone, or say with link where to start"
        raise DecodeError(message, offset=0, expected="a frame, or user data", code="misplaced_frame")
    if len(octets) >= _HEX_TEXT_MIN and _HEX_TEXT.issuperset(octets):
        raise DecodeError("these octets are hex digits; give them as text", offset=0, code="hex_text")

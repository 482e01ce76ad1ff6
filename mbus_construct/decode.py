"""Octets to values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from mbus_grammars import DecodeError

from .forms import GRAMMARS, candidates, looks_like_frame, misplaced_frame
from .hextext import octets_from
from .layout import PLANS
from .telegram import Diagnostic, Telegram
from .walk import decode_records, walk

if TYPE_CHECKING:
    from .json_types import Form

__all__ = ["decode", "decode_many", "decode_records"]


def decode(data: bytes | bytearray | memoryview | str, *, link: str = "auto") -> Telegram:
    """One telegram as values.

    Args:
        data: the octets, or a string of hex digits with any or no separators.
        link: where the octets start: "frame", "c_field" (user data from the C field on), "ci_field",
            "header" (identification first), "records" (a bare record list), or "auto" to find out.

    Raises `DecodeError` where the link layer is wrong or there is nothing to read. Everything else is in the
    telegram: a record that could not be read has the state "error", and `diagnostics` say what and where.
    """
    octets = data if type(data) is bytes else octets_from(data)
    planned = _PLANNED.get(link)
    if planned is not None:
        try:
            telegram = PLANS.decode(octets, planned)
        except DecodeError:
            if link == "frame" or looks_like_frame(octets):
                raise
            telegram = None  # 68h may be the first octet of something else
        if telegram is not None:
            return telegram
    if not octets:
        raise DecodeError("no octets to decode", offset=0, expected="a telegram", code="empty")
    named: tuple[Form, ...] = tuple(form for form in GRAMMARS if form == link)
    forms = candidates(octets) if link == "auto" else named
    if not forms:
        raise ValueError(f"link is one of auto, {', '.join(GRAMMARS)}, not {link!r}")
    form = forms[0]
    if link == "auto" and form != "frame":
        refuse_doubtful(octets)
    telegram = walk(octets, form)
    if len(forms) == 1:
        return telegram
    others = " or ".join(forms[1:])
    guessed = Diagnostic(
        "info", "form_guessed", f"read from the {form} on; readable from the {others} on too"
    )
    return replace(telegram, diagnostics=(guessed, *telegram.diagnostics))


def decode_many(
    telegrams: Iterable[bytes | bytearray | memoryview | str], *, link: str = "auto"
) -> Iterator[Telegram | DecodeError]:
    """Many telegrams as values, one after the other.

    Gives one result for each telegram, in their order: the `Telegram`, or the `DecodeError` that `decode`
    raises for it. Nothing is read ahead: the next telegram is asked for when its result is. So the results
    of a file of any size, or of a line that never ends, need the memory of one telegram:

        for result in decode_many(open("telegrams.hex")):
            if isinstance(result, DecodeError):
                print("refused:", result)
            else:
                print(result.meter, len(result.records), "records")

    A file with the README's telegram in its first line and "hello" in its second gives the telegram, and then
    an error that names the first character that is no hex digit.

    Args:
        telegrams: octets, or strings of hex digits, as `decode` takes them.
        link: where the octets start, see `decode`.

    Raises `ValueError` for an unknown `link`, and `TypeError` for a single telegram, at once; an error of the
    iterable itself passes through. What is neither octets nor a string is a `DecodeError` in its place.
    """
    if isinstance(telegrams, str | bytes | bytearray | memoryview):
        raise TypeError("decode_many takes many telegrams, as a list or any iterable; decode takes one")
    if link != "auto" and link not in GRAMMARS:
        raise ValueError(f"link is one of auto, {', '.join(GRAMMARS)}, not {link!r}")
    return _results(telegrams, link)


def _results(telegrams: Iterable[Any], link: str) -> Iterator[Telegram | DecodeError]:
    for item in telegrams:
        telegram: object = item
        if not isinstance(telegram, str | bytes | bytearray | memoryview):
            message = f"neither octets nor a string, but {type(telegram).__name__}"
            yield DecodeError(message, code="no_telegram")
            continue
        try:
            result: Telegram | DecodeError = decode(item, link=link)
        except DecodeError as error:
            # Its traceback holds this frame, and with it the telegram; the caller may keep many errors.
            result = error.with_traceback(None)
        yield result


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

"""Telegrams that may be encrypted: opened with their keys, read as the plain telegrams that they become.

An opened telegram is as long as it was, so that everything stands where it stood: the plans and the grammar's
walk read it as any other.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from .layout import PLANS
from .security.opening import Opened, open_telegram
from .telegram import Diagnostic, Telegram
from .walk import walk

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mbus_grammars.wireless import FrameFormat

    from .json_types import Form
    from .security.keys import Keys
    from .telegram import FrameFields

# What is said of octets as they came, and no more of those that were opened.
_OF_OCTETS: Final = frozenset({"encrypted", "read_as_plain"})


def read(
    octets: bytes, form: Form, keys: Keys | None = None, frame_format: FrameFormat = "CRC-less"
) -> Telegram:
    """The telegram, opened where there are keys for it.

    Args:
        octets: by radio without the CRCs of its blocks.
        form: what they are.
        keys: None leaves encrypted what is.
        frame_format: how they came.
    """
    if keys is None:
        return _framed(_plain(octets, form), frame_format)
    return read_opened(open_telegram(octets, form, keys), form, frame_format)


def read_opened(opened: Opened, form: Form, frame_format: FrameFormat = "CRC-less") -> Telegram:
    """The telegram that was opened."""
    telegram = _framed(_plain(opened.octets, form), frame_format)
    if opened.link_state is None and opened.state is None and opened.mac is None:
        return telegram
    changes: dict[str, Any] = {}
    if telegram.ell is not None and opened.link_state is not None:
        changes["ell"] = replace(telegram.ell, state=opened.link_state)
    if telegram.security is not None:
        state = opened.state or telegram.security.state
        changes["security"] = replace(telegram.security, state=state, mac=opened.mac)
    changes["diagnostics"] = tuple(_remarks(telegram.diagnostics, opened))
    return replace(telegram, **changes)


def _plain(octets: bytes, form: Form) -> Telegram:
    telegram = PLANS.decode_wireless(octets) if form == "wireless" else PLANS.decode(octets, form)
    return walk(octets, form) if telegram is None else telegram


def _remarks(diagnostics: Iterable[Diagnostic], opened: Opened) -> Iterable[Diagnostic]:
    """What was found when opening, and what is still to be said of the octets."""
    for severity, code, message, offset in opened.findings:
        yield Diagnostic(severity, code, message, offset)
    said = _OF_OCTETS if opened.findings or opened.state == "decrypted" else frozenset[str]()
    yield from (item for item in diagnostics if item.code not in said)


def _framed(telegram: Telegram, frame_format: FrameFormat) -> Telegram:
    if frame_format == "CRC-less":
        return telegram
    return replace(telegram, frame=_frame(telegram.frame, frame_format))


@lru_cache(maxsize=4096)
def _frame(frame: FrameFields, frame_format: FrameFormat) -> FrameFields:
    return replace(frame, format=frame_format)

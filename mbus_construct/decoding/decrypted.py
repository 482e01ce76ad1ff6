"""Telegrams that may be encrypted: opened with their keys, read as the plain telegrams that they become.

An opened telegram is as long as it was, so that everything stands where it stood: the plans and the grammar's
walk read it as any other. What opening has to say is set in the telegram that they have made: it is nobody
else's yet, and a copy of it would cost as much as all the rest.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from mbus_grammars.wireless import telegram_of_a

from ..model.diagnostic import Diagnostic
from ..security.opening import Opened, open_telegram
from .nested import CONTAINER
from .plans import PLANS
from .plans.mode_5 import opened_at_once, remember
from .reference import walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from mbus_grammars.wireless import FrameFormat

    from ..model.frame import FrameFields
    from ..model.json_shapes import Form
    from ..model.telegram import Telegram
    from ..security.keys import Keys

# What is said of octets as they came, and no more of those that were opened.
_OF_OCTETS: Final = frozenset({"encrypted", "read_as_plain", "security_mode"})

_set: Final = object.__setattr__


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
        telegram = _plain(octets, form)
    else:
        plain = opened_at_once(octets, keys) if form == "wireless" else None
        if plain is None:
            return read_opened(_opened(octets, form, keys), form, frame_format)
        telegram = _plain(plain, form)
        _set_decrypted(telegram)
    if frame_format != "CRC-less":
        _set(telegram, "frame", _FRAMES[frame_format].of(telegram.frame))
    return telegram


def read_at_once(octets: bytes, keys: Keys) -> Telegram | None:
    """A frame by radio as it came, where such ones were read before and a key opens it; None for all others.

    That it opens is proof that it is one without CRCs, or of format A: nobody needs to find out what else it
    could be. None too where a telegram stands in a record: that is more than to open one.
    """
    without = telegram_of_a(octets)
    plain = opened_at_once(octets if without is None else without, keys, whole=without is None)
    if plain is None or CONTAINER in plain:
        return None
    telegram = _plain(plain, "wireless")
    _set_decrypted(telegram)
    if without is not None:
        _set(telegram, "frame", _FRAMES["A"].of(telegram.frame))
    return telegram


def _opened(octets: bytes, form: Form, keys: Keys) -> Opened:
    opened = open_telegram(octets, form, keys)
    if form == "wireless" and opened.state == "decrypted":
        remember(octets)
    return opened


def read_opened(opened: Opened, form: Form, frame_format: FrameFormat = "CRC-less") -> Telegram:
    """The telegram that was opened."""
    telegram = _plain(opened.octets, form)
    if frame_format != "CRC-less":
        _set(telegram, "frame", _FRAMES[frame_format].of(telegram.frame))
    if opened.link_state is None and opened.state is None and opened.mac is None:
        return telegram
    if telegram.ell is not None and opened.link_state is not None:
        _set(telegram, "ell", replace(telegram.ell, state=opened.link_state))
    if telegram.security is not None:
        state = opened.state or telegram.security.state
        _set(telegram, "security", replace(telegram.security, state=state, mac=opened.mac))
    found = [Diagnostic(*finding) for finding in opened.findings]
    said = telegram.diagnostics
    if found or opened.state == "decrypted":
        said = _without_said(said)
    _set(telegram, "diagnostics", (*found, *said))
    return telegram


def _plain(octets: bytes, form: Form) -> Telegram:
    telegram = PLANS.decode_wireless(octets) if form == "wireless" else PLANS.decode(octets, form)
    return walk(octets, form) if telegram is None else telegram


def _set_decrypted(telegram: Telegram) -> None:
    """Say that the data of mode 5 were decrypted, and nothing else is to be said."""
    if telegram.security is not None:
        _set(telegram, "security", _DECRYPTED.of(telegram.security))
    if telegram.diagnostics:
        _set(telegram, "diagnostics", _without_said(telegram.diagnostics))


def _without_said(diagnostics: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
    return tuple([item for item in diagnostics if item.code not in _OF_OCTETS])


class _Changed:
    """Changed copies of values that are shared by many telegrams, each made once."""

    def __init__(self, change: Callable[[Any], Any], limit: int) -> None:
        self._change = change
        self._limit = limit
        self._known: dict[int, tuple[Any, Any]] = {}  # by identity: comparing them would cost more

    def of(self, value: Any) -> Any:
        """The changed copy of a value."""
        known = self._known.get(id(value))
        if known is None or known[0] is not value:
            if len(self._known) >= self._limit:
                self._known.clear()
            known = self._known[id(value)] = value, self._change(value)
        return known[1]


def _in_format(frame_format: FrameFormat) -> _Changed:
    def change(frame: FrameFields) -> FrameFields:
        return replace(frame, format=frame_format)

    return _Changed(change, 65536)


_FRAMES: Final[dict[FrameFormat, _Changed]] = {"A": _in_format("A"), "B": _in_format("B")}
_DECRYPTED: Final = _Changed(lambda security: replace(security, state="decrypted"), 4096)

"""A telegram from its JSON shape, or from a mapping written by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from mbus_grammars import BuildError, DecodeError
from mbus_grammars.base import is_mapping

from .decode import decode
from .encode import encode, plain_octets
from .formats import Formats
from .receiver import COMPACT_FRAMES, Receiver
from .telegram import Diagnostic

if TYPE_CHECKING:
    from .security.keys import KeysLike
    from .telegram import Telegram

# What is said when a telegram is opened; its octets alone do not say it again.
_OF_OPENING: Final = (
    "wrong_key",
    "wrong_mac",
    "decryption",
    "security_mode",
    "encrypted",
    "replayed_counter",
)
_OF_OCTETS: Final = ("encrypted", "read_as_plain", "security_mode")


def restored(values: Mapping[str, Any], keys: KeysLike) -> Telegram:
    """The telegram that the values describe; see `Telegram.from_dict`."""
    if not is_mapping(values):
        raise BuildError("", values, "a mapping")
    notes: Sequence[Any] = values.get("diagnostics") or ()
    codes = {note.get("code") for note in notes if is_mapping(note)}
    if keys is not None:
        return decode(encode(values, keys=keys), link=values.get("link", "auto"), keys=keys)
    octets, form, frame_format = plain_octets(values)
    if "form_guessed" in codes:  # where decode had to guess the form, it says so again
        telegram = decode(octets)
        if telegram.link == form:
            return telegram
    formats = _formats_of(values)
    telegram = (decode if formats is None else Receiver(formats=formats).decode)(octets, link=form)
    if frame_format != telegram.frame.format and form == "wireless":
        telegram = replace(telegram, frame=replace(telegram.frame, format=frame_format))
    return _as_opened(telegram, values, notes)


def _formats_of(values: Mapping[str, Any]) -> Formats | None:
    """The format of a compact frame, from the records that the values have; None where they have none."""
    user_data, frame = values.get("user_data"), values.get("frame")
    records, meter = values.get("records"), values.get("meter")
    if not (is_mapping(user_data) and is_mapping(frame) and records):
        return None
    signature = user_data.get("format_signature")
    if frame.get("ci_field") not in COMPACT_FRAMES or not isinstance(signature, int):
        return None
    formats = Formats()
    kind = None
    if is_mapping(meter):
        kind = meter.get("manufacturer"), meter.get("version"), meter.get("device_type")
    try:
        headers = b"".join(bytes.fromhex(record["dib"] + record["vib"]) for record in records)
        formats.learn_format(None if kind is None or None in kind else kind, signature, headers)  # type: ignore[arg-type]
    except (DecodeError, ValueError, KeyError, TypeError) as error:
        raise BuildError("records", records, "those of the compact frame in user_data") from error
    return formats


def _as_opened(telegram: Telegram, values: Mapping[str, Any], notes: Sequence[Any]) -> Telegram:
    """The telegram with what became of its security: its octets do not say that a key opened them."""
    changes: dict[str, Any] = {}
    for name in ("ell", "security"):
        given, own = values.get(name), getattr(telegram, name)
        if own is None or not is_mapping(given):
            continue
        told = {
            key: given[key] for key in ("state", "mac") if given.get(key) is not None and hasattr(own, key)
        }
        if any(getattr(own, key) != item for key, item in told.items()):
            changes[name] = replace(own, **told)
    said = [note for note in notes if is_mapping(note) and note.get("code") in _OF_OPENING]
    own_codes = [item.code for item in telegram.diagnostics if item.code in _OF_OPENING]
    if changes or [note["code"] for note in said] != own_codes:
        found = [
            Diagnostic(
                note["severity"], note["code"], note["message"], note.get("offset"), note.get("record")
            )
            for note in said
        ]
        own = [item for item in telegram.diagnostics if item.code not in _OF_OCTETS]
        changes["diagnostics"] = (*found, *own)
    return replace(telegram, **changes) if changes else telegram

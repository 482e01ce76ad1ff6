"""A telegram from its JSON shape, or from a mapping written by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, get_args

from mbus_grammars import BuildError, DecodeError
from mbus_grammars.base import is_mapping, is_sequence

from .decode import Started, decode, read_started
from .encode import encode, plain_octets
from .json_types import Severity
from .receiver.formats import Formats
from .receiver.receiver import COMPACT_FRAMES, Receiver
from .telegram import Diagnostic

if TYPE_CHECKING:
    from .security.keys import KeysLike
    from .telegram import Telegram

# What is said of how a telegram came and was opened, and of what a receiver knew: its octets alone do not say
# it again.
_CARRIED: Final = frozenset(
    {
        # decode
        "form_guessed",
        # security.opening
        "encrypted",
        "wrong_key",
        "wrong_mac",
        "mac_not_checked",
        "decryption",
        "security_mode",
        "read_as_plain",
        # damage
        "frame_crc",
        # receiver
        "replayed_counter",
        "fragment",
        "fragment_missing",
        "joined",
        "unknown_signature",
        "format_frame",
        "format_signature",
        "full_frame_crc",
        "data_too_long",
        "data_too_short",
        "lvar_reserved",
    }
)


def restored(values: Mapping[str, Any], keys: KeysLike) -> Telegram:
    """The telegram that the values describe; see `Telegram.from_dict`."""
    if not is_mapping(values):
        raise BuildError("", values, "a mapping")
    notes = _notes(values.get("diagnostics"))
    codes = {note["code"] for note in notes}
    if keys is not None:
        return _sent(encode(values, keys=keys), values.get("link", "auto"), keys, "form_guessed" in codes)
    octets, form, frame_format = plain_octets(values, joined="joined" in codes)
    formats, started = _formats_of(values), Started(octets, form)
    telegram = read_started(started, None) if formats is None else Receiver(formats=formats).read(started)
    if frame_format != telegram.frame.format and form == "wireless":
        telegram = replace(telegram, frame=replace(telegram.frame, format=frame_format))
    return _as_opened(telegram, values, notes)


def _notes(given: object) -> list[Mapping[str, Any]]:
    """The diagnostics that the values have, each with a code."""
    if given is not None and not is_sequence(given):
        raise BuildError("diagnostics", given, "a list")
    notes: list[Mapping[str, Any]] = []
    for note in given or ():
        if not is_mapping(note) or not isinstance(note.get("code"), str):
            raise BuildError("diagnostics", note, "mappings with severity, code and message")
        notes.append(note)
    return notes


def _sent(octets: bytes, form: str, keys: KeysLike, guessed: bool) -> Telegram:
    """The telegram of octets in a form; where decode had to guess the form, it says so again."""
    telegram = decode(octets, keys=keys) if guessed else None
    if telegram is None or telegram.link != form:
        return decode(octets, link=form, keys=keys)
    return telegram


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


def _as_opened(telegram: Telegram, values: Mapping[str, Any], notes: Sequence[Mapping[str, Any]]) -> Telegram:
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
    if "diagnostics" in values:
        remarks = tuple(_remarks(telegram.diagnostics, notes))
        if remarks != telegram.diagnostics:
            changes["diagnostics"] = remarks
    return replace(telegram, **changes) if changes else telegram


def _remarks(own: Sequence[Diagnostic], notes: Sequence[Mapping[str, Any]]) -> Iterable[Diagnostic]:
    """The remarks of the octets, with those that were carried along in the places that they had."""
    left = [item for item in own if item.code not in _CARRIED]
    for note in notes:
        if note["code"] in _CARRIED:
            yield _remark(note)
        elif left:
            yield left.pop(0)
    yield from left


def _remark(note: Mapping[str, Any]) -> Diagnostic:
    texts = {key: note.get(key) for key in ("severity", "code", "message")}
    numbers = {key: note.get(key) for key in ("offset", "record")}
    right = texts["severity"] in get_args(Severity) and isinstance(texts["message"], str)
    if not right or not all(item is None or type(item) is int for item in numbers.values()):
        raise BuildError("diagnostics", note, "severity, code and message; offset and record are numbers")
    return Diagnostic(**texts, **numbers)  # type: ignore[arg-type]

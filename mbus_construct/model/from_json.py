"""A telegram from its JSON shape, or from a mapping written by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, get_args

from mbus_grammars import BuildError, DecodeError
from mbus_grammars.base import is_mapping, is_sequence
from mbus_grammars.fields import COMPACT_FRAMES
from mbus_grammars.layers import PAYLOAD_CRC_LENGTH

from ..decoding.decode import Started, read_started
from ..encoding.encode import plain_octets
from ..encoding.security import to_seal
from ..octets.locate import layers_of
from ..receiving import Receiver
from ..receiving.formats import Formats
from ..security.keys import Keys
from ..security.message import payload_crc_place
from ..security.sealing import seal_telegram
from ..values.to_value import Severity
from .diagnostic import Diagnostic

if TYPE_CHECKING:
    from ..octets.locate import Layers
    from ..security.keys import KeysLike
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

# Of these, what remains true of a telegram that a key opens now.
_AS_IT_CAME: Final = frozenset({"form_guessed", "joined"})

_OPENED: Final = ("decrypted", "already decrypted", "plain")


def restored(values: Mapping[str, Any], keys: KeysLike) -> Telegram:
    """The telegram that the values describe; see `Telegram.from_dict`."""
    if not is_mapping(values):
        raise BuildError("", values, "a mapping")
    notes = _notes(values.get("diagnostics"))
    octets, form, frame_format = plain_octets(values, joined=any(note["code"] == "joined" for note in notes))
    given = None if keys is None else Keys.of(keys)
    if given is not None:
        link, transport = to_seal(values)
        if link or transport:
            octets = seal_telegram(octets, form, given, link=link, transport=transport)
    telegram = _read(Started(octets, form), given or None, _formats_of(values))
    if frame_format != telegram.frame.format and form == "wireless":
        telegram = replace(telegram, frame=replace(telegram.frame, format=frame_format))
    if given is not None and _is_news(telegram, values):
        telegram = _with_remarks(telegram, values, notes, _AS_IT_CAME)
    else:
        telegram = _with_remarks(_as_opened(telegram, values), values, notes, _CARRIED)
    return _with_contained(telegram, values, with_keys=given is not None)


def _read(started: Started, keys: Keys | None, formats: Formats | None) -> Telegram:
    return read_started(started, keys) if formats is None else Receiver(keys, formats).read(started)


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


def _states(telegram: Telegram, values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What the values say of the security of each layer, where the telegram has it."""
    states: dict[str, dict[str, Any]] = {}
    for name in ("ell", "security"):
        given, own = values.get(name), getattr(telegram, name)
        if own is not None and is_mapping(given):
            told = {key: given.get(key) for key in ("state", "mac") if hasattr(own, key)}
            states[name] = {key: item for key, item in told.items() if item is not None}
            if name == "security" and telegram.encrypted and told["state"] in _OPENED:
                del states[name]["state"]  # what was changed is no data that a key gave
    return states


def _is_news(telegram: Telegram, values: Mapping[str, Any]) -> bool:
    """Whether keys found something else than what the values say."""
    states = _states(telegram, values)
    return any(
        getattr(getattr(telegram, name), key) != item
        for name, told in states.items()
        for key, item in told.items()
    )


def _as_opened(telegram: Telegram, values: Mapping[str, Any]) -> Telegram:
    """The telegram with what became of its security: its octets do not say that a key opened them."""
    changes = {
        name: replace(getattr(telegram, name), **told) for name, told in _states(telegram, values).items()
    }
    return replace(telegram, **changes) if changes else telegram


def _with_remarks(
    telegram: Telegram, values: Mapping[str, Any], notes: Sequence[Mapping[str, Any]], carried: frozenset[str]
) -> Telegram:
    """The telegram with the remarks that its octets do not say again."""
    if "diagnostics" not in values:
        return telegram
    return replace(telegram, diagnostics=tuple(_remarks(telegram.diagnostics, notes, carried)))


def _remarks(
    own: Sequence[Diagnostic], notes: Sequence[Mapping[str, Any]], carried: frozenset[str]
) -> Iterable[Diagnostic]:
    """The remarks of the octets, with those that were carried along in the places that they had."""
    left = [item for item in own if item.code not in carried]
    for note in notes:
        if note["code"] in carried:
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


# --- Telegrams in records ------------------------------------------------------------------------


def _with_contained(telegram: Telegram, values: Mapping[str, Any], *, with_keys: bool) -> Telegram:
    """The telegram with those in its records as the values have them: their octets may be encrypted still."""
    given = values.get("contained")
    if given is not None and not is_sequence(given):
        raise BuildError("contained", given, "a list")
    told: dict[int, Telegram] = {}
    for number, item in enumerate(given or ()):
        place = f"contained[{number}]"
        if not is_mapping(item) or type(item.get("record")) is not int:
            raise BuildError(place, item, "a mapping with record (a number) and telegram")
        try:
            told[item["record"]] = restored(item.get("telegram"), None)  # type: ignore[arg-type]
        except BuildError as error:
            raise error.inside(f"{place}.telegram") from error
    if not told or not telegram.contained:
        return telegram
    contained = tuple(
        replace(item, telegram=told[item.record])
        if item.record in told
        and _is_as_sent(telegram, values, item.record)
        and _is_same(item.telegram, told[item.record])
        and not (with_keys and _says_more(item.telegram, told[item.record]))
        else item
        for item in telegram.contained
    )
    return replace(telegram, contained=contained)


def _is_as_sent(telegram: Telegram, values: Mapping[str, Any], index: int) -> bool:
    """Whether the data of a record are those of the octets: who changed them means another telegram."""
    records = values.get("records")
    record = records[index] if is_sequence(records) and index < len(records) else None
    data = record.get("data") if is_mapping(record) else None
    return isinstance(data, str) and data.upper() == telegram.records[index].data.hex().upper()


def _says_more(own: Telegram, told: Telegram) -> bool:
    """Whether keys found out something about a telegram that the values do not say."""
    return (bool(told.encrypted) or not own.encrypted) and _is_news(own, told.to_dict())


def _is_same(own: Telegram, told: Telegram) -> bool:
    """Whether a telegram can be the one that stands in a record: but for hidden octets they are the same."""
    if replace(own.frame, ci_field=None) != replace(told.frame, ci_field=None):
        return False
    if any(item.code == "joined" for item in told.diagnostics):  # the record has its last fragment
        return own.afl is not None and own.afl.fragment is not None
    mine, theirs = (plain_octets(item.to_dict())[0] for item in (own, told))
    layers = layers_of(mine, "wireless")
    if layers is None or len(mine) != len(theirs):
        return mine == theirs
    return _without_hidden(mine, layers) == _without_hidden(theirs, layers)


def _without_hidden(octets: bytes, layers: Layers) -> bytes:
    """Octets with zeros where they are encrypted, and for the payload CRC, which was made over them."""
    seen = bytearray(octets)
    hidden = [(layers.payload, layers.encrypted)]
    if layers.session:
        hidden.append((payload_crc_place(layers), PAYLOAD_CRC_LENGTH))
    if layers.is_hidden:
        hidden.append((layers.hidden, layers.end - layers.hidden))
    for start, length in hidden:
        seen[start : start + length] = bytes(length)
    return bytes(seen)

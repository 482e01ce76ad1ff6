"""Telegrams from mappings: those that `to_dict` gave, changed since, or written by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from mbus_grammars import BuildError
from mbus_grammars.base import is_mapping, is_sequence
from mbus_grammars.places import RECORD_AREAS
from mbus_grammars.record import RecordsFromMeter

from ..decoding.decode import Started, decode, read_started
from ..decoding.decrypted import read
from ..decoding.nested import CONTAINER, with_contents
from ..decoding.plans import PLANS
from ..decoding.plans.mutable import record_of
from ..decoding.reference import decode_records
from ..model.from_json import check_shape, is_whole, plain, says_value
from ..model.json_shapes import RecordDict, TelegramDict
from ..model.telegram import Telegram, restored_by
from ..security.keys import Keys
from ..security.sealing import seal_telegram
from .encode import plain_octets
from .mappings import beyond_bounds, sequence_of
from .records import said
from .security import AS_SENT, to_seal

if TYPE_CHECKING:
    from ..model.record import Record
    from ..security.keys import KeysLike
    from ..values.headers import RecordHeader


@restored_by
def restored(values: Mapping[str, Any], keys: KeysLike) -> Telegram:
    """The telegram that the values describe; see `Telegram.from_dict`."""
    try:
        return _restored(values, keys)
    except (RecursionError, ValueError) as error:
        raise beyond_bounds(error) from error


def _restored(values: Mapping[str, Any], keys: KeysLike) -> Telegram:
    if not is_mapping(values):
        raise BuildError("", values, "a mapping")
    if isinstance(values.get("schema_version"), Decimal):  # JSON that was read with all numbers exact
        values = _with_integers(values)
    given = None if keys is None else Keys.of(keys)
    telegram = _as_given(values)
    if telegram is None:
        return _by_hand(values, given)
    return telegram if given is None else _opened(telegram, given)


def _with_integers(given: Any) -> Any:
    if is_mapping(given):
        return {key: _with_integers(item) for key, item in given.items()}
    if is_sequence(given):
        return [_with_integers(item) for item in given]
    return int(given) if isinstance(given, Decimal) and given.as_tuple().exponent == 0 else given


def _as_given(values: Mapping[str, Any]) -> Telegram | None:
    """The telegram whose `to_dict` gave the values; None where it was changed or is written by hand."""
    if not is_whole(values):
        return None
    try:
        records = _records(values)
        telegram = plain(values, records, lambda inner: restored(inner, None))
        if records is None and not _agrees(telegram, values):
            return None
    except BuildError:
        return None
    return telegram if _is_one(telegram, values) and _holds_its_contents(telegram) else None


# Whether the parts of a telegram make one, by what decides it. Not by what data are: they are checked before.
_ones: dict[tuple[object, ...], bool] = {}
_MAX_ONES: Final = 8192


def _is_one(telegram: Telegram, values: Mapping[str, Any]) -> bool:
    """Whether octets can say all this together: the grammar is asked once for telegrams that are alike.

    What keys, earlier telegrams or a gateway have told of a telegram its octets do not say again.
    """
    if telegram.security or telegram.ell or telegram.afl or telegram.contained:
        return True
    frame, meter, records, user_data = telegram.frame, telegram.meter, telegram.records, telegram.user_data
    if user_data is not None or telegram.encrypted:
        return "format_signature" in (user_data or {}) or _says_again(telegram, values)
    last = records[-1] if records else None
    key = (
        *(telegram.link, frame.format, frame.c_field, frame.ci_field, frame.a_field is None),
        *(frame.address is None, meter and (meter.manufacturer is None), telegram.access_number is None),
        *(telegram.status is None, telegram.configuration_field, telegram.more_records_follow),
        *(len(telegram.manufacturer_data or b""), telegram.manufacturer_data is None),
        *(telegram.manufacturer_fields is None, telegram.special_functions),
        *(records[0].offset if records else None, last and last.offset + last.length),
    )
    known = _ones.get(key)
    if known is None:
        if len(_ones) >= _MAX_ONES:
            _ones.clear()
        known = _ones[key] = _says_again(telegram, values)
    return known


def _says_again(telegram: Telegram, values: Mapping[str, Any]) -> bool:
    again = _read_again(values, None)
    told: Any = {"diagnostics": telegram.diagnostics, "manufacturer_fields": telegram.manufacturer_fields}
    return replace(again, **told) == telegram


# --- Records and their octets --------------------------------------------------------------------

_HEADER: Final = itemgetter(
    *("function", "storage_number", "tariff", "subunit", "quantity", "unit", "ucum", "qualifiers", "kind"),
    *("record_error", "data_field", "dib", "vib", "value_type"),
)
_OCTETS: Final = itemgetter("dib", "vib", "data")
_REST: Final = itemgetter("state", "reason", "flags", "offset", "length", "data")
_KEYS: Final = len(RecordDict.__annotations__)
_headers: dict[tuple[int, type], tuple[RecordHeader, int, Any]] = {}
_MAX_HEADERS: Final = 8192


def _moved(start: int, record: Record) -> Record:
    """The record of an area that starts at an offset; plans may have handed on one that they remember."""
    offset, state, reason = record.offset + start, record.state, record.reason
    return record_of(
        record.header, record.data, record.value, offset, state=state, reason=reason, flags=record.flags
    )


def _records(values: Mapping[str, Any]) -> tuple[Record, ...] | None:
    """The records as their octets say them, where the values say the same; None where they may not.

    To read octets and compare costs less than to take the values apart, and says whether these were changed.
    """
    try:
        given, special = values["records"], values["special_functions"]
        texts = list(map("".join, map(_OCTETS, given)))
        before = 0
        for item in reversed(special):
            place = item["before_record"]
            texts.insert(place, item["octets"])
            before += 0 if place else len(item["octets"]) // 2
        start = given[0]["offset"] - before if given else 0
        if start.__class__ is not int or not 0 <= start < 1 << 63:
            return None
        telegram = PLANS.decode(bytes.fromhex("".join(texts)), "records")
        if telegram is None or len(telegram.records) != len(given):
            return None
        if special and [item.to_dict() for item in telegram.special_functions] != special:
            return None
        records = tuple(map(partial(_moved, start), telegram.records)) if start else telegram.records
        return records if all(map(_is_said, records, given)) else None
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError):
        return None


def _is_said(record: Record, given: Mapping[str, Any]) -> bool:
    """Whether a mapping says what a record says."""
    header, value, data = record.header, record.value, record.data
    known = _headers.get((id(header), value.__class__))
    if known is None:
        if len(_headers) >= _MAX_HEADERS:
            _headers.clear()
        size = len(header.dib) + len(header.vib)
        known = _headers[id(header), value.__class__] = header, size, _HEADER(record.to_dict())
    rest = (
        record.state,
        record.reason,
        [*record.flags],
        record.offset,
        known[1] + len(data),
        data.hex().upper(),
    )
    return (
        _HEADER(given) == known[2]
        and _REST(given) == rest
        and says_value(given["value"], value)
        and len(given) == _KEYS
    )


def _agrees(telegram: Telegram, values: Mapping[str, Any]) -> bool:
    """Whether each record says what its octets say, and stands behind the one before it."""
    if "counter_1" in (telegram.user_data or {}):
        octets, form, _ = plain_octets(values)
        return replace(read(octets, form, None), diagnostics=telegram.diagnostics) == telegram
    area = RECORD_AREAS[False].get(telegram.frame.ci_field or 0, RecordsFromMeter)
    special: dict[int, int] = {}
    for item in telegram.special_functions:
        special[item.before_record] = special.get(item.before_record, 0) + len(item.octets)
    compact = "format_signature" in (telegram.user_data or {})
    if any(place > len(telegram.records) for place in special):
        return False
    end = None
    for number, record in enumerate(telegram.records):
        start = record.offset - special.get(number, 0)
        if end is not None and start != end:
            return False
        end = record.offset + (len(record.data) if compact else record.length)
        if record.dib or record.vib:
            own = decode_records(record.dib + record.vib + record.data, area)
            if said([record]) != said(own) or record.state != own[0].state or record.reason != own[0].reason:
                return False
    return True


# --- Telegrams in records ------------------------------------------------------------------------


def _holds_its_contents(telegram: Telegram) -> bool:
    """Whether the telegrams in the records are those of the records' octets, but for what is hidden there."""
    if not telegram.contained and not any(record.header.vib[:2] == CONTAINER for record in telegram.records):
        return True
    own = with_contents(replace(telegram, contained=()), lambda octets: decode(octets, link="wireless"))
    return len(own.contained) == len(telegram.contained) and all(
        mine.record == told.record and _is_same(mine.telegram, told.telegram)
        for mine, told in zip(own.contained, telegram.contained, strict=True)
    )


_SEEN: Final = ("link", "meter", "access_number", "status", "configuration_field")


def _is_same(own: Telegram, told: Telegram) -> bool:
    """Whether a telegram can be the one in a record, of which keys or others may have told more."""
    if replace(own.frame, ci_field=None) != replace(told.frame, ci_field=None):
        return False
    if any(item.code == "joined" for item in told.diagnostics):  # the record has its last fragment
        return own.afl is not None and own.afl.fragment is not None
    if (
        not own.encrypted
        and not told.encrypted
        and not own.user_data
        and said(own.records) != said(told.records)
    ):
        return False
    return all(getattr(own, name) in (None, getattr(told, name)) for name in _SEEN)


# --- What was changed, written by hand, or opened by keys ------------------------------------------

# What `encode` does not read: it follows from the rest.
_FOLLOWS: Final = frozenset(
    ("ucum", "kind", "state", "record_error", "reason", "offset", "length", "diagnostics", "contained")
)


def _by_hand(values: Mapping[str, Any], keys: Keys | None) -> Telegram:
    check_shape(values, TelegramDict, "", _FOLLOWS.__contains__)
    telegram = _read_again(values, keys)
    for number, record in enumerate(sequence_of(values, "records")):
        check_shape(record, RecordDict, f"records[{number}]", _FOLLOWS.__contains__)
    for number, item in enumerate(values.get("contained") or ()):
        try:
            restored(item["telegram"], None)
        except BuildError as error:
            raise error.inside(f"contained[{number}].telegram") from error
    if keys is not None:
        return telegram
    return replace(telegram, **_told(telegram, values))


def _told(telegram: Telegram, values: Mapping[str, Any]) -> dict[str, Any]:
    """Layers with what the values say became of their security: octets do not say that a key opened them."""
    changed: dict[str, Any] = {}
    for name in ("ell", "security"):
        given, own = values.get(name), getattr(telegram, name)
        if own is not None and is_mapping(given):
            told = {key: given[key] for key in ("state", "mac") if given.get(key) and hasattr(own, key)}
            if telegram.encrypted and told.get("state") not in AS_SENT:
                told.pop("state", None)  # what was changed is no data that a key gave
            changed[name] = replace(own, **told)
    return changed


def _read_again(values: Mapping[str, Any], keys: Keys | None) -> Telegram:
    """The telegram by its octets: encrypted with the keys where it was decrypted, and opened by them."""
    joined = any(note["code"] == "joined" for note in sequence_of(values, "diagnostics"))
    octets, form, frame_format = plain_octets(values, joined=joined)
    if keys is not None:
        link, transport = to_seal(values)
        if link or transport:
            octets = seal_telegram(octets, form, keys, link=link, transport=transport)
    telegram = read_started(Started(octets, form), keys or None)
    return (
        replace(telegram, frame=replace(telegram.frame, format=frame_format))
        if form == "wireless"
        else telegram
    )


def _opened(telegram: Telegram, keys: Keys) -> Telegram:
    """The telegram, and those in its records, with what the keys open now."""
    security = telegram.security
    if telegram.encrypted or (security is not None and security.mac in ("not checked", "wrong")):
        again = _read_again(telegram.to_dict(), keys)
        if _states(again) != _states(telegram):
            # What remains true: what the octets were taken for, and of how many frames they are.
            kept = [item for item in telegram.diagnostics if item.code in ("form_guessed", "joined")]
            return replace(again, diagnostics=(*kept, *again.diagnostics))
    if not telegram.contained:
        return telegram
    inner = tuple(replace(item, telegram=_opened(item.telegram, keys)) for item in telegram.contained)
    return replace(telegram, contained=inner)


def _states(telegram: Telegram) -> tuple[object, ...]:
    ell, security = telegram.ell, telegram.security
    return ell and ell.state, security and security.state, security and security.mac

"""What a mapping says and its octets do not: refused, for it would be left out without a word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from mbus_grammars import BuildError
from mbus_grammars.base import is_mapping

from .mappings import sequence_of
from .records import HEADER_KEYS, says_the_same
from .security import is_filler

if TYPE_CHECKING:
    from ..model.telegram import Telegram

_LAYERS: Final = ("frame", "meter", "ell", "afl", "security")
_FIELDS: Final = (
    "access_number",
    "status",
    "configuration_field",
    "more_records_follow",
    "manufacturer_data",
)


def refuse_lost(values: Mapping[str, Any], built: Telegram) -> None:
    """Refuse what the octets that were built have no place for.

    `built` is what the octets say: the grammar is asked, and no list of what follows which CI field.
    """
    for name, given, found in _parts(values, built):
        if given is not None and not found and not _is_nothing(given) and _is_nothing(found):
            ci_field = built.frame.ci_field
            where = f"link {built.link!r}" if ci_field is None else f"CI {ci_field:02X}h"
            limit = f"left out: {where} has no place for it; another frame.ci_field may have one"
            raise BuildError(name, values.get(name, given), limit)
    if "counter_1" in (built.user_data or {}):
        _refuse_other_counters(values, built)


def _parts(values: Mapping[str, Any], built: Telegram) -> Iterator[tuple[str, object, object]]:
    """What the mapping says, part by part, and what the octets say of it."""
    for name in _LAYERS:
        given, found = values.get(name), getattr(built, name)
        if is_mapping(given) and found is not None:
            for key in found.__slots__:
                yield f"{name}.{key}", given.get(key), getattr(found, key)
        elif is_mapping(given):
            said = [item for item in given.items() if not _is_nothing(item[1])]
            yield name, [item for item in said if item != ("mode", 0)], None  # plain: nothing to be lost
    for name in _FIELDS:
        yield name, values.get(name), getattr(built, name)
    user_data = built.user_data or {}
    payload = user_data.get("payload")
    special = [item for item in sequence_of(values, "special_functions") if not _is_filler(item, values)]
    yield "records", values.get("records"), payload if "format_signature" in user_data else built.records
    yield "special_functions", special, built.special_functions
    yield "user_data", values.get("user_data"), built.user_data
    yield "encrypted", values.get("encrypted") or None, built.encrypted or None
    fields = payload if built.manufacturer_data is None else built.manufacturer_data
    yield "manufacturer_fields", values.get("manufacturer_fields"), fields


def _is_nothing(part: object) -> bool:
    """None, False and what is empty; the number 0 is something, and no octets where there could be some."""
    return not part and (part is False or not isinstance(part, int | str | bytes))


def _is_filler(item: object, values: Mapping[str, Any]) -> bool:
    return is_mapping(item) and is_filler(item.get("octets"), values)


def _refuse_other_counters(values: Mapping[str, Any], built: Telegram) -> None:
    """What else the mapping says of a fixed data structure is a view of its user data: it cannot differ."""
    views = {"access_number": built.access_number, "status": built.status and built.status.to_dict()}
    for key, view in views.items():
        if values.get(key) not in (None, view):
            raise BuildError(key, values[key], f"the {key} in user_data; change that")
    given_records = sequence_of(values, "records")
    if given_records and len(given_records) != len(built.records):
        raise BuildError("records", f"{len(given_records)} records", "the two counters in user_data")
    for index, (record, given) in enumerate(zip(built.records, given_records, strict=False)):
        if not is_mapping(given) or not says_the_same(given, record.to_dict(), (*HEADER_KEYS, "value")):
            raise BuildError(f"records[{index}]", given, "the counter in user_data; change that")

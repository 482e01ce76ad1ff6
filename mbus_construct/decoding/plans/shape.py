"""What telegrams of one form and CI field have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from mbus_grammars.application import LongHeader, ShortHeader
from mbus_grammars.record import RecordsFromMeter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...model.json_shapes import Form


class Outer(NamedTuple):
    """What stands around header and data by radio. Offsets, 0 for what there is not.

    Attributes:
        by_link: whether the link layer's address is the meter's, because no header has another one.
        ci_field: of the header.
        ell: the octets of the extended link layer from its CI field on, the payload CRC not among them.
        session: its session number.
        payload_crc: which covers all octets behind it.
        afl: the fields of the AFL by name, () without one.
        extension, message_counter, key_version: the security fields.
    """

    by_link: bool
    ci_field: int
    ell: slice | None
    session: int
    payload_crc: int
    afl: tuple[tuple[str, slice], ...]
    extension: int
    message_counter: int
    key_version: int


class Shape(NamedTuple):
    """How telegrams of one form and CI field are made.

    `places`: where their fields start; the records start at `start`, and `tail` octets stand behind them.
    `link`: the octets of C, A and CI field, as many as there are; by radio of C field and address.
    `address`: of the meter, in the order of header or link layer, None without; `kind`: manufacturer to
    device type; `first`: what every record header has at least. `path`: the grammar's name for the records.
    `outer`: what else telegrams by radio have, None for all others.
    """

    form: Form
    places: dict[str, int]
    start: int
    tail: int
    link: slice
    address: slice | None
    kind: slice
    first: slice
    path: str
    outer: Outer | None = None


def places_of(fields: Iterable[Any], last: str, start: int = 0) -> dict[str, int]:
    """Where the fields of a layout start, up to and with the last one that is wanted."""
    places: dict[str, int] = {}
    for item in fields:
        places[item.name] = start
        if item.name == last:
            break
        start += item.sizeof()
    return places


def header_of(salvage: Any) -> Any:
    """The header layout of user data with records of a meter; () without a header, None for others.

    Others are those behind whose CI field there are no records of a meter, or a header not known here.
    """
    fields: Any = getattr(getattr(salvage, "subcon", None), "subcons", ())
    records = [item for item in fields if item.name == "records"]
    if not records or getattr(records[0].subcon, "subcon", None) is not RecordsFromMeter:
        return None
    first = fields[0].subcon
    if first is LongHeader or first is ShortHeader:
        return first
    return () if len(fields) == 1 else None

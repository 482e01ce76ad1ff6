"""How likely plain octets are what a meter sent: where more than one key gives such that look right.

Two octets tell that a key is right, so that one wrong key in 65536 passes for one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mbus_grammars.dib import RESERVED_DIFS
from mbus_grammars.record import RecordsFromMeter, RecordsToMeter

from ..values.headers import describe

if TYPE_CHECKING:
    from mbus_grammars.record import RecordArea

    from ..octets.locate import Layers

_RECORD_AREAS: Final[dict[int | None, RecordArea]] = {
    None: RecordsFromMeter,  # octets that start with a header
    **dict.fromkeys((0x72, 0x78, 0x7A), RecordsFromMeter),
    **dict.fromkeys((0x51, 0x5A, 0x5B), RecordsToMeter),
}

Doubts = tuple[int, int, int]


def doubts(octets: bytes, layers: Layers | None) -> Doubts:
    """What speaks against octets in plain: the fewer the likelier.

    What the layers are worth (0: they hold records, or encrypted octets), how many records cannot be read,
    and how many of their values cannot.
    """
    if layers is None:
        return 2, 0, 0
    if layers.is_hidden or layers.encrypted:
        return 0, 0, 0
    area = _RECORD_AREAS.get(layers.ci_field)
    if area is None:
        return 1, 0, 0
    records = values = 0
    for item in area.parse(octets[layers.payload : layers.end]):
        header = item.get("_header")
        if header is not None:
            _, convert, _ = describe(header)
            values += convert(item["data"]).code is not None
        elif "malformed" in item or item["dif"] in RESERVED_DIFS:
            records += 1
    return 0, records, values

"""How likely plain octets are what a meter sent: where more than one key gives such that look right.

Two octets tell that a key is right, so that one wrong key in 65536 passes for one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mbus_grammars.dib import RESERVED_DIFS
from mbus_grammars.places import RECORD_AREAS
from mbus_grammars.record import RecordsFromMeter

from ..values.headers import describe

if TYPE_CHECKING:
    from ..octets.locate import Layers

Implausibility = tuple[int, int, int]


def implausibility(octets: bytes, layers: Layers | None) -> Implausibility:
    """What speaks against octets in plain: the fewer the likelier.

    What the layers are worth (0: they hold records, or encrypted octets), how many records cannot be read,
    and how many of their values cannot.
    """
    if layers is None:
        return 2, 0, 0
    if layers.is_hidden or layers.encrypted:
        return 0, 0, 0
    # Octets that start with a header have no CI field.
    area = RecordsFromMeter if layers.ci_field is None else RECORD_AREAS[False].get(layers.ci_field)
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

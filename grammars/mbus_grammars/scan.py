"""The one loop over a record area: which octets belong to which item. EN 13757-3, MBDOC48 6.3.2.

    record area    data record | special function | 0Fh or 1Fh and manufacturer data to the end | ...
    data record    DIB | VIB | data

Who goes through a record area asks `scan`, and says what a data record is to him: a container to the grammar,
places to those who look for octets. Items follow one another without a gap, whatever the octets are.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TypeVar

from construct import ConstructError

from .dib import GLOBAL_READOUT, MANUFACTURER_DIFS, SPECIAL_FUNCTIONS
from .lvar import lvar_length
from .meaning import FROM_METER, TO_METER
from .vib import VIB

Item = TypeVar("Item")  # what a data record is to who asks


def scan(
    octets: bytes, start: int, record_at: Callable[[int, int], tuple[Item, int]], direction: str = FROM_METER
) -> Iterator[tuple[int, int, Item | None]]:
    """The items of the record area from `start` to the end of the octets: start, end, and the data record.

    `record_at` takes the position of a data record and the number of the item in the area; it gives the
    record and where it ends. For a special function there is None: its DIF is the octet at the start.
    """
    number, size = 0, len(octets)
    while start < size:
        if octets[start] in SPECIAL_FUNCTIONS:
            record, end = None, _end_of_special(octets, start, direction)
        else:
            record, end = record_at(start, number)
        yield start, end, record
        start, number = end, number + 1


def _end_of_special(octets: bytes, start: int, direction: str) -> int:
    if octets[start] in MANUFACTURER_DIFS:
        return len(octets)
    if octets[start] == GLOBAL_READOUT and direction == TO_METER:
        stream = io.BytesIO(octets)
        stream.seek(start + 1)
        with suppress(ConstructError):  # without a VIB it is a global readout request all the same
            VIB.parse_stream(stream)
            return stream.tell()
    return start + 1


def data_end(octets: bytes, start: int, length: int | None) -> int | None:
    """Where data end that start at an octet: after the last octet where they are cut.

    `length` None: an LVAR octet says it. Gives None where that is reserved.
    """
    if length is not None:
        return start + length
    if start >= len(octets):
        return start + 1
    content = lvar_length(octets[start])
    return None if content is None else start + 1 + content

"""Telegrams sorted into groups that most likely have one layout each.

The layout is proven afterwards, octet by octet; a group that is too large or too small costs time only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from mbus_grammars.places import LINKS
from mbus_grammars.security import FILLERS

from ...decoding.plans.wired_shapes import SHAPES
from ...decoding.plans.wireless_shapes import LINK
from .opening import SECURITY_MODE
from .pyarrow_import import pa
from .source import PAD, padded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...model.json_shapes import Form
    from .source import Octets

# Where the address and the records start, by CI field; -1 for contents without plans.
_NOWHERE: Final = -1
_Places = tuple["NDArray[np.int64]", "NDArray[np.int64]"]

# What tells meter types apart in the eight octets from the manufacturer on, and records in the first ones.
_METER_TYPE: Final = np.uint64(0x0000FFFFFFFF)
_FIRST_RECORD: Final = np.uint64(0xFFFF)
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)


def _places(form: Form) -> _Places:
    starts, addresses = np.full(257, _NOWHERE), np.full(257, _NOWHERE)
    for ci_field, shape in SHAPES[form].items():
        starts[ci_field] = shape.start
        if shape.address is not None:
            addresses[ci_field] = shape.address.start
    return starts, addresses


def groups(octets: Octets, members: NDArray[np.int64], form: Form) -> Iterator[NDArray[np.int64]]:
    """The members in groups; those are left out that have no plan whatever their layout is.

    Args:
        octets: telegrams.
        members: indexes of telegrams that start as `form` says.
        form: where they start.
    """
    if form == "wireless":
        yield from _groups_by_radio(octets, members)
        return
    ci_place = LINKS[form].get("ci_field")
    starts_by_ci, addresses_by_ci = _places(form)
    data, starts = octets.data, octets.starts
    begin = starts[members]
    lengths = starts[members + 1] - begin
    if ci_place is None:
        ci_field = np.full(len(members), -1)
    else:
        ci_field = np.full(len(members), 256)
        there = lengths > ci_place
        ci_field[there] = data[begin[there] + ci_place]
    first, address = starts_by_ci[ci_field], addresses_by_ci[ci_field]
    possible = np.flatnonzero((first != _NOWHERE) & (lengths >= first))
    if not len(possible):
        return
    key = _keys(octets.data, begin, first, address)[possible]
    key ^= (lengths[possible].astype(np.uint64) << np.uint64(8) | ci_field[possible].astype(np.uint64)) * _MIX
    for group in _alike(key, lengths[possible]):
        yield members[possible[group]]


def _alike(key: NDArray[np.uint64], lengths: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """The places of keys that are the same, without those of another length than the first has."""
    coded = pa.array(key).dictionary_encode()
    codes = coded.indices.to_numpy()
    if len(coded.dictionary) <= np.iinfo(np.uint16).max:
        codes = codes.astype(np.uint16)  # NumPy sorts these in one go
    order = np.argsort(codes, kind="stable")
    bounds = np.flatnonzero(np.diff(codes[order])) + 1
    for group in np.split(order, bounds):
        # Keys are mixed: two layouts may share one, and lengths must not differ.
        yield group[lengths[group] == lengths[group[0]]]


# By radio: what tells meter types apart in the eight octets from the C field on, and from the version on; the
# configuration field and the first octets of the records behind the headers that mostly are there.
_C_AND_MANUFACTURER: Final = np.uint64(0x000000FFFFFF)
_DATA: Final = np.uint64(0xFFFFFFFF)
_TWO_FILLERS: Final = np.uint64(int.from_bytes(FILLERS, "little"))
_MODE: Final = np.uint8(SECURITY_MODE >> 8)  # in the last octet of the configuration field


def _groups_by_radio(octets: Octets, members: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """The members by length, meter type and CI field, and by their first record where it is near."""
    data, starts = octets.data, octets.starts
    begin = starts[members]
    lengths = starts[members + 1] - begin
    possible = np.flatnonzero(lengths > LINK["ci_field"])
    if not len(possible):
        return
    begin, lengths = begin[possible], lengths[possible]
    words, last = _words(data)
    ci_field = data[begin + LINK["ci_field"]]
    maker = words[np.minimum(begin + LINK["c_field"], last)] & _C_AND_MANUFACTURER
    kind = words[np.minimum(begin + LINK["version"], last)] & _C_AND_MANUFACTURER
    # Headers end with the configuration field; without one the CI field stands there, and what is behind it.
    behind = _FIRST_BY_RADIO[ci_field]
    record = words[np.minimum(begin + behind, last)]
    fillers = record & _FIRST_RECORD == _TWO_FILLERS
    record &= np.where(fillers, _DATA, _FIRST_RECORD)
    # In other modes than 0 plain data start with fillers, or with security fields of which some are counters.
    field_end = data[np.minimum(begin + behind - 1, len(data) - 1)]
    with_header = behind > LINK["ci_field"] + 1
    record[(behind == 0) | (with_header & (field_end & _MODE != 0) & ~fillers)] = 0
    key = (maker << np.uint64(24) | kind) * _MIX ^ record
    key = key * _MIX ^ lengths.astype(np.uint64)
    for group in _alike(key, lengths):
        yield members[possible[group]]


def _first_by_radio() -> NDArray[np.int64]:
    """Where data stand that follow the link layer and a header at once, by CI field; 0 for others."""
    places = np.zeros(256, np.int64)
    moved = LINK["ci_field"] - LINKS["ci_field"]["ci_field"]
    for ci_field, shape in SHAPES["ci_field"].items():
        places[ci_field] = shape.start + moved
    return places


_FIRST_BY_RADIO: Final = _first_by_radio()


def _words(data: NDArray[np.uint8]) -> tuple[NDArray[np.uint64], int]:
    """Eight octets from each place on as a number, and the last place that has as many."""
    if len(data) < PAD:
        data = padded(data)
    words: NDArray[np.uint64] = np.ndarray((len(data) - PAD + 1,), "<u8", data.data, strides=(1,))
    return words, len(words) - 1


def _keys(
    data: NDArray[np.uint8],
    begin: NDArray[np.int64],
    first: NDArray[np.int64],
    address: NDArray[np.int64],
) -> NDArray[np.uint64]:
    """A number for each telegram, of what tells meter types and records apart."""
    words, last = _words(data)
    record = words[np.minimum(begin + first, last)] & _FIRST_RECORD
    # Behind the four octets of the identification number.
    kind = words[np.minimum(begin + np.maximum(address, 0) + 4, last)] & _METER_TYPE
    kind[address == _NOWHERE] = 0
    mixed: NDArray[np.uint64] = (kind << np.uint64(16) | record) * _MIX
    return mixed

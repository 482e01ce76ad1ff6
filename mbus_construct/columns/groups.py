"""Telegrams sorted into groups that most likely have one layout each.

The layout is proven afterwards, octet by octet; a group that is too large or too small costs time only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from ..layout.shapes import LINKS, SHAPES
from .extra import pa
from .source import PAD, padded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..json_types import Form
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
    coded = pa.array(key).dictionary_encode()
    codes = coded.indices.to_numpy()
    if len(coded.dictionary) <= np.iinfo(np.uint16).max:
        codes = codes.astype(np.uint16)  # NumPy sorts these in one go
    order = np.argsort(codes, kind="stable")
    bounds = np.flatnonzero(np.diff(codes[order])) + 1
    for part in np.split(order, bounds):
        group = possible[part]
        # Keys are mixed: two layouts may share one, and lengths must not differ.
        yield members[group[lengths[group] == lengths[group[0]]]]


def _keys(
    data: NDArray[np.uint8],
    begin: NDArray[np.int64],
    first: NDArray[np.int64],
    address: NDArray[np.int64],
) -> NDArray[np.uint64]:
    """A number for each telegram, of what tells meter types and records apart."""
    if len(data) < PAD:
        data = padded(data)
    words = np.ndarray((len(data) - PAD + 1,), "<u8", data.data, strides=(1,))
    last = len(words) - 1
    record = words[np.minimum(begin + first, last)] & _FIRST_RECORD
    # Behind the four octets of the identification number.
    kind = words[np.minimum(begin + np.maximum(address, 0) + 4, last)] & _METER_TYPE
    kind[address == _NOWHERE] = 0
    mixed: NDArray[np.uint64] = (kind << np.uint64(16) | record) * _MIX
    return mixed

"""What telegrams of one form and CI field have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
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

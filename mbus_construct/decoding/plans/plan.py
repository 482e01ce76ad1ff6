"""A plan: how every telegram of one layout becomes a `Telegram`.

A plan proves that a telegram has its layout by comparing all octets of the layout at once, and then reads the
data where the grammar has found them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mbus_grammars.link import accept_one

from .area import area_of
from .compiled import Read, compiled
from .layout import Layout
from .link_and_header import security
from .wired_shapes import shape_of

if TYPE_CHECKING:
    from ...model.json_shapes import Form
    from ...model.telegram import Telegram
    from .area import Area
    from .link_and_header import Secured
    from .shape import Shape


class Plan(Layout):
    """How telegrams of one layout are read. Made by `plan_for`.

    Attributes:
        read: gives the telegram for octets of this layout with the right check sum, None for all others.
            Raises what the grammar raises where the octets of a record are not data of their type.
    """

    __slots__ = ("read",)

    def __init__(self, octets: bytes, shape: Shape, area: Area, secured: Secured) -> None:
        super().__init__(octets, shape, area, secured)
        self.read: Read = self._compile

    def _compile(self, octets: bytes) -> Telegram | None:
        """Stands for `read` until it is needed."""
        self.read = compiled(self)
        return self.read(octets)


def plan_for(octets: bytes, form: Form = "frame", *, remarkable: bool = False) -> Plan | None:
    """The plan for the layout of a telegram; None where only the grammar's walk can tell what it is.

    Layouts with something to remark are for the walk too unless they are asked for: records that cannot be
    read, reserved special functions, data that are plain although a security mode is announced.

    Raises what the grammar raises where it is no frame.
    """
    shape = shape_of(octets, form)
    if shape is None:
        return None
    if form == "frame":
        accept_one(octets)
    secured = security(octets, shape)
    if secured is None:
        return None
    area = area_of(octets[: len(octets) - shape.tail], shape.start, shape.path)
    if area is None or (not remarkable and (area.faults or area.diagnostics or secured.remarks)):
        return None
    return Plan(octets, shape, area, secured)

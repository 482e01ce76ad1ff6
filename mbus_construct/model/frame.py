"""The link layer of a telegram, as a frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mbus_grammars.fields import CI_NAMES, CField, WirelessCField
from mbus_grammars.wireless import FRAME_FORMATS

if TYPE_CHECKING:
    from .json_shapes import Format, FrameDict
    from .meter import Meter


@dataclass(frozen=True, slots=True)
class FrameFields:
    """The link layer of a telegram; None for what the octets did not hold.

    `a_field` is the primary address on wires, `address` the sender's address by radio. `ci_field` is the one
    in front of the data, behind the extended link layer and AFL where there are some.
    """

    format: Format | None = None
    c_field: int | None = None
    a_field: int | None = None
    ci_field: int | None = None
    address: Meter | None = None

    @property
    def is_wireless(self) -> bool:
        """Whether it is a frame by radio."""
        return self.format in FRAME_FORMATS

    @property
    def c_name(self) -> str | None:
        """The control field's function: "RSP_UD", "REQ_UD2" ..."""
        if self.c_field is None:
            return None
        return (WirelessCField if self.is_wireless else CField).name_of(self.c_field)

    @property
    def ci_name(self) -> str | None:
        """What the CI field announces."""
        return None if self.ci_field is None else CI_NAMES.codes[self.ci_field].name

    def to_dict(self) -> FrameDict:
        """The JSON shape."""
        return {
            "format": self.format,
            "c_field": self.c_field,
            "c_name": self.c_name,
            "a_field": self.a_field,
            "address": None if self.address is None else self.address.to_dict(),
            "ci_field": self.ci_field,
            "ci_name": self.ci_name,
        }

"""What the layouts parse to, for type checkers: at run time everything is a construct `Container`.

`frame.c_field` and `frame["c_field"]` are the same; what is declared here is known by its attribute. A field
that other octets rule out is not in the container, and its attribute raises `AttributeError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from construct import Container

from .bits import Code  # noqa: TC001  # for `typing.get_type_hints`

if TYPE_CHECKING:

    class Fields(Container[Any]):
        """Fields by name, of a layout that the octets decide."""

        def __getattr__(self, name: str) -> Any: ...
        def __getitem__(self, key: str) -> Any: ...

else:
    Fields = Container


class CFieldShape(Fields):
    """`CField`: FCB and FCV in one direction, ACD and DFC in the other."""

    name: str | None
    res: bool
    prm: bool
    function: int


class AddressShape(Fields):
    """A meter's address in the link layer by radio."""

    manufacturer: str
    identification_number: str
    version: int
    device_type: Code


class ShortHeaderShape(Fields):
    """`ShortHeader`."""

    access_number: int
    status: Fields
    configuration_field: Fields


class LongHeaderShape(AddressShape, ShortHeaderShape):
    """`LongHeader`."""


class ApplicationLayerShape(Fields):
    """`ApplicationLayer`: the CI field decides what the user data are."""

    ci_field: Code
    user_data: Fields


class LinkUserDataShape(ApplicationLayerShape):
    """`LinkUserData`."""

    c_field: CFieldShape
    a_field: Code


class ShortFrameShape(Fields):
    """`ShortFrame`."""

    start: int
    c_field: CFieldShape
    a_field: Code
    checksum: int
    stop: int


class FrameShape(LinkUserDataShape, ShortFrameShape):
    """`LongFrame`, and `Frame`: a short frame has fewer fields, and E5h nothing but `start`."""

    l_field: int
    l_field_repeated: int
    start_repeated: int


class WirelessFrameShape(AddressShape):
    """`WirelessFrame`."""

    frame_format: str
    l_field: int
    c_field: CFieldShape
    ci_field: Code | None
    user_data: Fields


class SelectionShape(AddressShape):
    """`Selection`."""

    records: list[Fields]


class FixedDataShape(Fields):
    """`FixedData`: a counter of digits that are not a number is their string."""

    identification_number: str
    access_number: int
    status: Fields
    medium_and_units: Fields
    counter_1: int | str
    counter_2: int | str


class DIBShape(Fields):
    """`DIB`."""

    function: Code
    data_field: Code
    storage_number: int
    tariff: int
    subunit: int
    dife_count: int


class VIBShape(Fields):
    """`VIB`: a plain-text VIF has `text` too."""

    vif: Code
    vifes: list[Code]


class DataRecordShape(Fields):
    """`DataRecord`: the type of `data` follows from DIB and VIB."""

    dib: DIBShape
    vib: VIBShape
    data: Any

"""What stands around the records of a telegram: link layer, header, meter. Looked up, parsed once each."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mbus_grammars.application import LongHeader
from mbus_grammars.fields import IdentificationNumber
from mbus_grammars.places import LONG_HEADER, header_order
from mbus_grammars.security import FILLERS, SECURITY_MODES, WIRED, ConfigurationField

from ...model.frame import FrameFields
from ...model.layers import Security
from ...model.meter import Meter, Status
from ..message import plain_octets, read_as_plain, state_of_plain
from .mutable import MeterDraft
from .radio_layers import security_of

if TYPE_CHECKING:
    from ...model.diagnostic import Diagnostic
    from ...model.json_shapes import Form
    from .wired_shapes import Shape

STATUS: Final = tuple(Status(octet) for octet in range(256))

# Meters by their address as it stands in a long header, and in the link layer.
METERS: Final[dict[bytes, Meter]] = {}
LINK_METERS: Final[dict[bytes, Meter]] = {}
_MAX_METERS: Final = 65536

# By form and, by radio, the CI field of the header, which does not stand beside the others.
_frames: Final[dict[tuple[Form, int], dict[bytes, FrameFields]]] = {}
_MAX_FRAMES: Final = 4096
_MAX_FRAMES_BY_RADIO: Final = 65536  # the address is among them

_KINDS: Final[dict[bytes, tuple[str, int, int]]] = {}
_MAX_KINDS: Final = 4096
_number: Any = IdentificationNumber
_NUMBER: Final = LONG_HEADER["identification_number"]
_KIND: Final = slice(_NUMBER.stop, None)  # manufacturer, version, device type


def meter_of(address: bytes) -> Meter:
    """The meter with an address as it stands in a long header; found in `METERS` from then on."""
    meter = METERS.get(address)
    if meter is None:  # kinds are few, meters are many
        kind = _KINDS.get(address[_KIND])
        if kind is None:
            header = LongHeader.parse(address + bytes(LongHeader.sizeof() - len(address)))
            if len(_KINDS) >= _MAX_KINDS:
                _KINDS.clear()
            kind = header["manufacturer"], header["version"], int(header["device_type"])
            _KINDS[address[_KIND]] = kind
        if len(METERS) >= _MAX_METERS:
            METERS.clear()
        draft: Any = MeterDraft()
        draft.identification_number = _number._decode(address[_NUMBER], None, "")
        draft.manufacturer, draft.version, draft.device_type = kind
        draft.__class__ = Meter
        meter = METERS[address] = draft
    return meter


def link_meter_of(address: bytes) -> Meter:
    """The same for an address of the link layer by radio; found in `LINK_METERS` from then on."""
    meter = LINK_METERS.get(address)
    if meter is None:
        if len(LINK_METERS) >= _MAX_METERS:
            LINK_METERS.clear()
        meter = LINK_METERS[address] = meter_of(header_order(address))
    return meter


def meter_at(octets: bytes, shape: Shape) -> Meter | None:
    """The meter of a telegram, None without an address."""
    if shape.address is None:
        return None
    by_link = shape.outer is not None and shape.outer.by_link
    return (link_meter_of if by_link else meter_of)(octets[shape.address])


def frames_of(shape: Shape) -> dict[bytes, FrameFields]:
    """What is known of the link layers of a shape, by their octets, `shape.link`."""
    return _frames.setdefault((shape.form, 0 if shape.outer is None else shape.outer.ci_field), {})


def frame_fields(octets: bytes, shape: Shape) -> FrameFields:
    """The link layer from its octets, `shape.link`; found in `frames_of` from then on."""
    known = frames_of(shape)
    fields = known.get(octets)
    if fields is None:
        if len(known) >= (_MAX_FRAMES if shape.outer is None else _MAX_FRAMES_BY_RADIO):
            known.clear()
        fields = known[octets] = _frame_fields(octets, shape)
    return fields


def _frame_fields(octets: bytes, shape: Shape) -> FrameFields:
    if shape.outer is not None:
        return FrameFields(
            "CRC-less", octets[0], ci_field=shape.outer.ci_field, address=link_meter_of(octets[1:])
        )
    names = [name for name in ("c_field", "a_field", "ci_field") if name in shape.places]
    found: dict[str, int] = dict(zip(names, octets, strict=True))
    return FrameFields(
        "long" if shape.form == "frame" else None,
        found.get("c_field"),
        found.get("a_field"),
        found.get("ci_field"),
    )


@lru_cache(maxsize=4096)
def _security(octets: bytes) -> tuple[int, int | None]:
    """The configuration field as a number, and the security mode that it announces; None for no security."""
    number = int.from_bytes(octets, "little")
    mode = ConfigurationField.unpack(number)["security_mode"]
    return number, mode if mode in SECURITY_MODES else None


@lru_cache(maxsize=32)
def _read_as_plain(mode: int) -> tuple[Diagnostic, ...]:
    return (read_as_plain(mode),)


class Secured(NamedTuple):
    """What the configuration field makes of a telegram with plain data."""

    configuration: int | None = None
    remarks: tuple[Diagnostic, ...] = ()
    security: Security | None = None


def security(octets: bytes, shape: Shape) -> Secured | None:
    """The configuration field and what is to be said of it; None where data are encrypted.

    It depends on the layout and a message counter alone: plain data under an announced security mode are
    known by the field, their length, and the fillers that they start with.
    """
    place = shape.places.get("configuration_field")
    if place is None:
        return Secured(
            security=None if shape.outer is None else security_of(octets, 0, shape.start, shape.outer)
        )
    if shape.outer is not None:  # which has a shape only where it is plain
        number = int.from_bytes(octets[place : place + 2], "little")
        found = security_of(octets, number, shape.start, shape.outer)
        return Secured(number, () if found is None or not found.mode else _read_as_plain(found.mode), found)
    number, mode = _security(octets[place : place + 2])
    if mode is None:
        return Secured(number)
    payload = octets[shape.start : len(octets) - shape.tail]
    configuration = ConfigurationField.unpack(number)
    if WIRED.extended(configuration, len(payload)) or WIRED.encrypted_length(configuration, payload):
        return None
    state = state_of_plain(configuration, decrypted=payload.startswith(FILLERS))
    plain = plain_octets(configuration, state, len(payload))
    return Secured(number, (read_as_plain(mode),), Security(mode, state, plain_octets=plain))

"""Mode 5 by radio opened in one step, where the layers were seen before: what most telegrams are.

`open_telegram` finds the layers anew in each telegram. Meters of one type send the same ones: the few octets
that decide where they stand are compared here, and those that they announce are decrypted. What is not quite
so (no key, a wrong one, other layers) is for `open_telegram`, and so is the first telegram of a kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from mbus_grammars.security import FILLERS, MODE_5, ConfigurationField

from ...octets.locate import layers_of
from ...security.aes import decrypt_cbc
from ...security.message import meter_of, to_meter
from ...security.modes import mode5_iv
from .wireless_shapes import ADDRESS, NEAR_BY_RADIO

if TYPE_CHECKING:
    from ...octets.locate import Layers
    from ...security.keys import Keys

_MAX_KINDS: Final = 4096

_near: Final = NEAR_BY_RADIO.unpack_from
_SIZE: Final[int] = ConfigurationField.size


class _Kind(NamedTuple):
    """Telegrams with the same layers: those of one length whose CI and configuration fields are these.

    `layers` where the address stands in the long header, None for that of the link layer. The encrypted
    octets are `payload` to `end`.
    """

    length: int
    place: int
    ci_field: int | None
    field: int
    configuration: bytes
    layers: Layers | None
    access_number: int
    payload: int
    end: int


_kinds: dict[tuple[bytes, ...], _Kind] = {}


def opened_at_once(octets: bytes, keys: Keys, *, whole: bool = False) -> bytes | None:
    """A telegram by radio without the CRCs of its blocks, the octets of mode 5 in plain; None for others.

    `whole`: None too where plain octets follow, which could be the CRC of a frame B.
    """
    if len(octets) < NEAR_BY_RADIO.size:
        return None
    kind = _kinds.get(_near(octets))
    if kind is None:
        return None
    length, place, ci_field, field, configuration, layers, access_number, payload, end = kind
    if (
        len(octets) != length
        or octets[place] != ci_field
        or octets[field : field + _SIZE] != configuration
        or octets.startswith(FILLERS, payload)  # decrypted already, or one of 65536 that look so
        or (whole and end != length)
    ):
        return None
    address = octets[ADDRESS] if layers is None else meter_of(octets, layers)
    iv = mode5_iv(address, octets[access_number])
    found = None
    for key in keys.for_octets(address):
        plain = decrypt_cbc(key.octets, iv, octets[payload:end])
        if plain.startswith(FILLERS):
            if found is not None:  # which of the two is right, `open_telegram` finds out
                return None
            found = octets[:payload] + plain + octets[end:]
    return found


def remember(octets: bytes) -> None:
    """Learn the layers of an encrypted telegram by radio, unless there are more than a header of mode 5."""
    layers = layers_of(octets, "wireless")
    if layers is None or layers.mode != MODE_5 or not layers.encrypted or to_meter(layers):
        return
    if layers.afl is not None or layers.session:
        return
    if len(_kinds) >= _MAX_KINDS:
        _kinds.clear()
    field = layers.configuration_field
    _kinds[_near(octets)] = _Kind(
        len(octets),
        layers.transport,
        layers.ci_field,
        field,
        octets[field : field + _SIZE],
        layers if layers.header == "long" else None,
        layers.access_number,
        layers.payload,
        layers.payload + layers.encrypted,
    )

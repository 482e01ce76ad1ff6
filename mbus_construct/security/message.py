"""What opening and sealing a telegram have in common: whose it is, and which keys and blocks that gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from mbus_grammars.crc import crc
from mbus_grammars.fields import is_to_meter
from mbus_grammars.layers import (
    MAC_LENGTHS,
    PAYLOAD_CRC_LENGTH,
    KeyInformation,
    MessageControl,
    Receiver,
    SessionNumber,
)
from mbus_grammars.places import ELL_PLACES, LINK_NUMBER, LINKS, link_order
from mbus_grammars.security import MODE_7, ConfigurationField, ConfigurationFieldExtension, announced

from ..octets.locate import configuration_of
from .derivation import ENCRYPT_FROM_METER, ENCRYPT_TO_METER, MAC_FROM_METER, MAC_TO_METER, derive
from .modes import afl_mac, ell_initial_block

if TYPE_CHECKING:
    from ..octets.locate import AFL, Layers
    from .keys import Key

_CMAC: Final = range(3, 8)  # authentication types
NO_MAC: Final = 0
PERSISTENT_KEY, KDF_A = 0, 1  # key derivations


# --- Whose telegram ------------------------------------------------------------------------------


def receiver_of(octets: bytes, layers: Layers) -> bytes:
    """The eight octets of the receiver in the extended link layer, b"" without one."""
    if not layers.ell:
        return b""
    place = ELL_PLACES[octets[layers.ell]].receiver
    return b"" if place is None else octets[layers.ell + place.start : layers.ell + place.stop]


def to_meter(layers: Layers) -> bool:
    """Whether the message is one that meters receive."""
    return is_to_meter(layers.ci_field, layers.c_field)


def meter_of(octets: bytes, layers: Layers) -> bytes:
    """The meter's address, eight octets in the link layer's order; b"" where nothing names a meter.

    The long header's comes first: the link layer may be a radio adapter's (OMS-N N.5.3). What is sent to a
    meter has the sender in the link layer.
    """
    if layers.header == "long":
        return link_order(octets[layers.transport + 1 :])
    if to_meter(layers):
        return receiver_of(octets, layers) or layers.link_address
    return layers.link_address


def selector_of(address: bytes) -> str:
    """A meter as keys select it: "ELS-12345678"."""
    meter = Receiver.parse(address)
    return f"{meter['manufacturer']}-{meter['identification_number']}"


# --- Extended link layer -------------------------------------------------------------------------


def encryption_of(octets: bytes, layers: Layers) -> int:
    """How the extended link layer says that it hides the rest."""
    number = octets[layers.session : layers.session + SessionNumber.size]
    return int(SessionNumber.unpack(int.from_bytes(number, "little"))["encryption"])


def initial_block(octets: bytes, layers: Layers, address: bytes) -> bytes:
    """The first counter block of a telegram's extended link layer."""
    session = octets[layers.session : layers.session + SessionNumber.size]
    control = layers.ell + ELL_PLACES[octets[layers.ell]].communication_control
    return ell_initial_block(address, octets[control], session)


def payload_crc_place(layers: Layers) -> int:
    """Where the payload CRC stands."""
    return layers.session + SessionNumber.size


def with_payload_crc(octets: bytes, layers: Layers) -> bytes:
    """The telegram with the payload CRC that its plain octets have."""
    place = payload_crc_place(layers)
    behind = place + PAYLOAD_CRC_LENGTH
    sent = crc(octets[behind : layers.end]).to_bytes(PAYLOAD_CRC_LENGTH, "little")
    return octets[:place] + sent + octets[behind:]


# --- Wired frame ---------------------------------------------------------------------------------


def with_check_sum(octets: bytes, layers: Layers) -> bytes:
    """A wired frame with the check sum that its octets have; other telegrams as they are."""
    if layers.end == len(octets):
        return octets
    check_sum = sum(octets[LINKS["frame"]["c_field"] : layers.end]) & 0xFF
    return octets[: layers.end] + bytes([check_sum]) + octets[layers.end + 1 :]


# --- Transport layer -----------------------------------------------------------------------------


class Derivation(NamedTuple):
    """How the keys of a message come from the meter's key; `counter` b"" where the message has none."""

    selection: int
    counter: bytes
    number: bytes
    to_meter: bool

    @property
    def known(self) -> bool:
        """Whether keys can be derived so."""
        return self.selection == PERSISTENT_KEY or (self.selection == KDF_A and bool(self.counter))

    def encryption(self, key: Key) -> Key:
        """The key that data are encrypted with."""
        return self._derived(key, ENCRYPT_TO_METER if self.to_meter else ENCRYPT_FROM_METER)

    def mac(self, key: Key) -> Key:
        """The key that the MAC is made with."""
        return self._derived(key, MAC_TO_METER if self.to_meter else MAC_FROM_METER)

    def _derived(self, key: Key, constant: int) -> Key:
        return key if self.selection == PERSISTENT_KEY else derive(key, constant, self.counter, self.number)


def derivation_of(layers: Layers, address: bytes) -> Derivation:
    """How a message says that its keys are derived.

    The AFL's key information goes before the transport layer's, the transport layer's counter before the
    AFL's. A message that says nothing has KDF-A with a counter, else the key itself.
    """
    afl = layers.afl
    counter = layers.message_counter or (afl.message_counter if afl else b"")
    if afl and afl.key_information:
        selection = int(
            KeyInformation.unpack(int.from_bytes(afl.key_information, "little"))["key_derivation"]
        )
    elif layers.mode == MODE_7 and layers.extension is not None:
        selection = int(ConfigurationFieldExtension.unpack(layers.extension)["key_derivation"])
    else:
        selection = KDF_A if counter else PERSISTENT_KEY
    return Derivation(selection, counter, address[LINK_NUMBER], to_meter(layers))


def announced_octets(octets: bytes, layers: Layers) -> int:
    """How many octets the configuration field says are encrypted."""
    field = octets[layers.configuration_field : layers.configuration_field + ConfigurationField.size]
    return announced(configuration_of(field))


# --- Authentication ------------------------------------------------------------------------------


def mac_length(afl: AFL) -> int | None:
    """How many octets of a CMAC the message control announces; None for another MAC or none."""
    control = MessageControl.unpack(afl.message_control[0]) if afl.message_control else None
    kind = 0 if control is None else control["authentication_type"]
    return MAC_LENGTHS[kind] if kind in _CMAC else None


def mac_is_missing(afl: AFL) -> bool:
    """Whether the message control of a whole message announces a MAC that the AFL does not have."""
    control = MessageControl.unpack(afl.message_control[0]) if afl.message_control else None
    return control is not None and control["authentication_type"] != NO_MAC and not afl.mac


def mac_of(octets: bytes, layers: Layers, afl: AFL, key: Key) -> bytes:
    """The whole MAC of a message, over the transport layer as it is sent."""
    return afl_mac(
        key,
        message_control=afl.message_control,
        key_information=afl.key_information,
        message_counter=afl.message_counter,
        message_length=afl.message_length,
        tpl=octets[layers.transport : layers.end],
    )

"""Telegrams sealed: modes 5 and 7, then the MAC, then AES-CTR of the extended link layer.

The way back of `opening`. EN 13757-4, EN 13757-7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mbus_grammars import BuildError
from mbus_grammars.layers import AES_CTR
from mbus_grammars.security import FILLERS, MODE_5, MODE_7

from ..octets.locate import layers_of
from .aes import NO_IV, crypt_ctr, encrypt_cbc
from .message import (
    announced_octets,
    derivation_of,
    encryption_of,
    initial_block,
    mac_length,
    mac_of,
    meter_of,
    payload_crc_place,
    receiver_of,
    selector_of,
    with_check_sum,
    with_payload_crc,
)
from .modes import mode5_iv

if TYPE_CHECKING:
    from ..model.json_shapes import Form
    from ..octets.locate import Layers
    from .keys import Key, Keys


def seal_telegram(
    octets: bytes, form: Form, keys: Keys, *, link: bool = True, transport: bool = True
) -> bytes:
    """A telegram with the octets encrypted that its headers announce, and its MAC made.

    Args:
        octets: a plain telegram, by radio without the CRCs of its blocks. Where blocks are announced the data
            start with the two fillers 2Fh. MAC, payload CRC and check sum may be any: they are made.
        form: where the octets start.
        keys: those of the meters; of several for a meter the most specific is taken.
        link: whether the extended link layer is to be encrypted.
        transport: whether the transport layer is, and its MAC to be made.

    What another security mode than 5 and 7 hides stays as it is given. Raises `BuildError` where a key is
    missing, or the headers announce what cannot be made, and `MissingExtra` without `cryptography`.
    """
    layers = layers_of(octets, form)
    if layers is not None and layers.session:
        # A payload CRC that is not right yet hides the layers behind it.
        octets = with_payload_crc(octets, layers)
        layers = layers_of(octets, form)
    if layers is None:
        raise BuildError("octets", octets, "a telegram whose layers are whole, to encrypt what they announce")
    if transport and (layers.transport >= 0 or layers.header):
        octets = _with_mac(_encrypted(octets, layers, keys), layers, keys)
    if layers.session:
        octets = with_payload_crc(octets, layers)
        if link:
            octets = _hidden(octets, layers, keys)
    return with_check_sum(octets, layers)


def _key_for(address: bytes, keys: Keys, second: bytes = b"") -> Key:
    """The key of a meter, or of a second address. Raises `BuildError` that says which is missing."""
    for each in filter(None, (address, second)):
        found = keys.for_octets(each)
        if found:
            return found[0]
    if not address:
        raise BuildError("keys", keys or None, "an address in the telegram that says whose key to take")
    selector = selector_of(address)
    raise BuildError("keys", keys or None, f'a key for {selector}, as {{"{selector}": "..."}}')


def _encrypted(octets: bytes, layers: Layers, keys: Keys) -> bytes:
    """The telegram with the blocks of modes 5 and 7 encrypted."""
    start, size = layers.payload, 0
    if layers.mode in (MODE_5, MODE_7):
        size = announced_octets(octets, layers)
    if not size:
        return octets
    without_fields = layers.mode == MODE_7 and layers.extension is None
    if start + size > layers.end or without_fields:
        limit = f"at most {layers.end - start} octets, which is what follows the header"
        limit += ", the fields of mode 7 among them" if without_fields else ""
        raise BuildError("configuration_field.encrypted_blocks", size // len(NO_IV), limit)
    if not octets.startswith(FILLERS, start):
        limit = "plain data that start with two fillers 2F 2F, for blocks are announced as encrypted"
        raise BuildError("octets", octets[start : start + 2], limit)
    plain = octets[start : start + size]
    address = meter_of(octets, layers)
    key = _key_for(address, keys)
    if layers.mode == MODE_5:
        iv = mode5_iv(address, octets[layers.access_number])
        hidden = encrypt_cbc(key.octets, iv, plain)
    else:
        hidden = encrypt_cbc(_derived(layers, address, key, "encryption").octets, NO_IV, plain)
    return octets[:start] + hidden + octets[start + size :]


def _derived(layers: Layers, address: bytes, key: Key, use: str) -> Key:
    """The key of this message. Raises `BuildError` where nothing says how it comes of the meter's."""
    derivation = derivation_of(layers, address)
    if not derivation.known:
        limit = "0 (persistent key), or 1 (KDF-A) with a message counter"
        raise BuildError("key_derivation", derivation.selection, limit)
    return derivation.encryption(key) if use == "encryption" else derivation.mac(key)


def _with_mac(octets: bytes, layers: Layers, keys: Keys) -> bytes:
    """The telegram with the MAC of its AFL."""
    afl = layers.afl
    if afl is None or not afl.mac:
        return octets
    length = len(afl.mac)
    if mac_length(afl) != length:
        limit = "a CMAC (3 to 7) of as many octets as the MAC has"
        raise BuildError("message_control.authentication_type", afl.message_control, limit)
    address = meter_of(octets, layers)
    mac = mac_of(octets, layers, afl, _derived(layers, address, _key_for(address, keys), "mac"))
    end = afl.end - len(afl.message_length)
    return octets[: end - length] + mac[:length] + octets[end:]


def _hidden(octets: bytes, layers: Layers, keys: Keys) -> bytes:
    """The telegram with the octets hidden from the payload CRC on, where the session number says so."""
    encryption = encryption_of(octets, layers)
    if not encryption:
        return octets
    if encryption != AES_CTR:
        raise BuildError("session_number.encryption", encryption, "0 (none) or 1 (AES-128-CTR)")
    receiver = receiver_of(octets, layers)
    address = layers.link_address or receiver  # on wires nobody else is named
    key = _key_for(address, keys, receiver)
    start, end = payload_crc_place(layers), layers.end
    hidden = crypt_ctr(key.octets, initial_block(octets, layers, address), octets[start:end])
    return octets[:start] + hidden + octets[end:]

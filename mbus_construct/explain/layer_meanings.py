"""What the fields of ELL, AFL and security mean, in words; `meanings` has those of frame and header."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from mbus_grammars.bits import Code
from mbus_grammars.layers import HiddenPayload
from mbus_grammars.security import MODE_13, SECURITY_MODE_NAMES, ProtocolExtension

if TYPE_CHECKING:
    from .tracer import Node


class Words(NamedTuple):
    """Value and meaning of a field; `source` where the field's own is not the closest one."""

    value_text: str
    meaning: str = ""
    source: str = ""


def hex_of(node: Node) -> str:
    """The number of a field made of bits, in hex."""
    return f"{node.number:0{2 * (node.end - node.start)}X}h"


def count(octets: int) -> str:
    """So many octets."""
    return f"{octets} octet" + ("s" if octets != 1 else "")


def set_bits(node: Node) -> str:
    """The parts of a field that are not zero."""
    shown: list[str] = []
    for name, spec in node.bits.fields.items() if node.bits is not None else ():
        value, label = node.value[name], name.replace("_", " ")
        if isinstance(value, Code):
            shown.append(f"{label}: {value.name or int(value)}")
        elif value:
            shown.append(label if spec.flag else f"{label} {value}")
    return ", ".join(shown)


# Functions of the C field that a meter sends unasked, though it is the one that starts. EN 13757-4.
SENT_BY_METERS: Final = frozenset({"SND_NR", "SND_IR", "ACC_NR", "ACC_DMD"})


def access_number(node: Node) -> Words:
    """Of the meter, or of the link in an ELL."""
    whose = "telegrams of the sender" if node.source.startswith("EN 13757-4") else "answers of the meter"
    return Words(str(node.value), f"counts the {whose}")


# --- Extended link layer -------------------------------------------------------------------------

# By response delay and extended delay. EN 13757-4:2019.
_DELAYS: Final = {
    (False, False): "slow response delay",
    (True, False): "fast response delay",
    (False, True): "extended response delay",
    (True, True): "reserved response delay",
}


def _communication_control(node: Node) -> Words:
    value = node.value
    flags = ("bidirectional", "synchronous", "hop_counter", "priority", "accessibility", "repeated_access")
    said = [name.replace("_", " ") for name in flags if value[name]]
    delay = value["response_delay"], value["extended_delay"]
    if value["bidirectional"] or any(delay):
        said.append(_DELAYS[delay])
    return Words(hex_of(node), ", ".join(said) or "no bit is set")


def _session_number(node: Node) -> Words:
    value = node.value
    encryption = "no encryption" if not value["encryption"] else value["encryption"].name
    name = encryption or f"reserved encryption {int(value['encryption'])}"
    return Words(hex_of(node), f"{name}, minute {value['time']}, session {value['session']}")


def _payload_crc(node: Node) -> Words:
    return Words(f"{node.value:04X}h", "CRC of all octets behind it")


def _encrypted(node: Node) -> Words:
    octets = count(len(node.value))
    if isinstance(node.construct, HiddenPayload):
        return Words(octets, "encrypted in the extended link layer: payload CRC, CI field, user data")
    return Words(octets, "encrypted")


# --- AFL -----------------------------------------------------------------------------------------


def _fragmentation_control(node: Node) -> Words:
    value = node.value
    number, more = value["fragment_id"], value["more_fragments"]
    said = [
        f"fragment {number}" + (", more follow" if more else ", the last")
        if number or more
        else "a whole message"
    ]
    present = [name for name in value if name.endswith("_present") and value[name]]
    if present:
        names = (name.removesuffix("_present").replace("_", " ") for name in reversed(present))
        said.append(f"with {', '.join(names)}")
    return Words(hex_of(node), ", ".join(said))


def _message_control(node: Node) -> Words:
    value = node.value
    kind = value["authentication_type"]
    said = ["no MAC" if not kind else kind.name or f"reserved type {int(kind)}"]
    names = ("key_information", "message_counter", "message_length")
    said += [name.replace("_", " ") for name in names if value[name]]
    return Words(hex_of(node), ", ".join(said))


def _key_information(node: Node) -> Words:
    value = node.value
    return Words(hex_of(node), f"{_key(node)}, key version {value['key_version']}")


def _key(node: Node) -> str:
    derivation = node.value["key_derivation"]
    return f"{derivation.name or f'reserved key derivation {int(derivation)}'}, key {node.value['key_id']}"


def _mac(node: Node) -> Words:
    return Words(count(len(node.value)), "message authentication code")


def _always(meaning: str) -> Callable[[Node], Words]:
    return lambda node: Words(
        count(len(node.value)) if isinstance(node.value, bytes) else str(node.value), meaning
    )


# --- Security of the transport layer -------------------------------------------------------------


# By the bits "bidirectional" and "accessibility", modes 0 and 5. EN 13757-7:2018.
_ACCESS: Final = {
    (False, True): "bidirectional, no access now",
    (True, False): "access for a short time after this telegram",
    (True, True): "access at any time",
}


def _configuration_field(node: Node) -> Words:
    value = node.value
    mode = value["security_mode"]
    if not mode:
        said = ["no encryption"]
    elif mode == MODE_13:
        said = [_mode(mode), f"{count(value['encrypted_octets'])} encrypted"]
    else:
        blocks = value["encrypted_blocks"]
        said = [_mode(mode), f"{blocks} encrypted block" + ("s" if blocks != 1 else "")]
    access = _ACCESS.get((value.get("bidirectional"), value.get("accessibility")))
    if access is not None:
        said.append(access)
    if value.get("synchronous"):
        said.append("synchronous")
    if value.get("counter_present"):
        said.append("a message counter follows")
    return Words(hex_of(node), ", ".join(said))


def _mode(mode: int) -> str:
    return f"security mode {mode} ({SECURITY_MODE_NAMES.codes[mode].name or 'reserved'})"


def _configuration_field_extension(node: Node) -> Words:
    if node.bits is ProtocolExtension:
        return Words(hex_of(node), f"protocol type {node.value['protocol_type']}")
    version = ", a key version follows" if node.value["version_present"] else ""
    return Words(hex_of(node), _key(node) + version)


LAYER_FIELDS: Final[dict[str, Callable[[Node], Words]]] = {
    "communication_control": _communication_control,
    "session_number": _session_number,
    "payload_crc": _payload_crc,
    "encrypted": _encrypted,
    "fragmentation_control": _fragmentation_control,
    "message_control": _message_control,
    "key_information": _key_information,
    "message_counter": _always("counts the messages"),
    "mac": _mac,
    "message_length": _always("octets of the whole message"),
    "fragment": _always("a part of a message, which is read when it is whole"),
    "configuration_field": _configuration_field,
    "configuration_field_extension": _configuration_field_extension,
    "key_version": _always("version of the key"),
    "decryption_verification": lambda node: Words(
        node.value.hex(" ").upper(), "idle fillers: what follows is plain"
    ),
}

# What the bits of these layers say whose names do not.
LAYER_BITS: Final[dict[str, Callable[[int], str]]] = {
    "time": lambda value: f"minute {value}",
    "encrypted_blocks": lambda value: f"{16 * value} octets" if value else "",
    "security_mode": lambda value: SECURITY_MODE_NAMES.codes[value].name or "reserved",
    "more_fragments": lambda value: "more fragments follow" if value else "",
    "fragment_id": lambda value: f"fragment {value}" if value else "not fragmented",
}


def layer_meaning(node: Node) -> str:
    """What a group of fields says: which layer it is, or how its data are secured."""
    found = {child.name: child.value for child in node.children if child.value is not None}
    if "communication_control" in found:
        return "extended link layer"
    if "fragmentation_control" in found:
        return "authentication and fragmentation"
    if "configuration_field_extension" in found:
        return "fields of the security mode"
    return ""

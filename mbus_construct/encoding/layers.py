"""The layers around user data, from values to the grammars' own: link layer by radio, ELL, AFL, security."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mbus_grammars import BuildError
from mbus_grammars.application import USER_DATA, WIRED_ONLY, WIRELESS_USER_DATA
from mbus_grammars.base import is_mapping
from mbus_grammars.fields import CI_NAMES, HEADER_BEHIND, WirelessCField, ci_field_of, is_to_meter
from mbus_grammars.layers import (
    AFL_CI_FIELD,
    MAC_LENGTHS,
    FragmentationControl,
    MessageControl,
)
from mbus_grammars.places import SELECTIONS
from mbus_grammars.wireless import FRAME_FORMATS

from ..model.json_shapes import AFLDict, ExtendedLinkLayerDict, MeterDict
from .mappings import hex_octets, part_of
from .security import AS_SENT, to_seal

ADDRESS_KEYS: Final = ("identification_number", "manufacturer", "version", "device_type")

_CMAC_8: Final = 5


def header_behind(ci_field: int, link: object) -> str:
    """The header behind a CI field: "short", "long", or another word where there is none."""
    return "raw" if link == "wireless" and ci_field == WIRED_ONLY else HEADER_BEHIND.get(ci_field, "raw")


def address_of(meter: Mapping[str, Any]) -> dict[str, Any]:
    """A meter's address in the grammar's words, without what is left open."""
    return {key: meter[key] for key in ADDRESS_KEYS if meter.get(key) is not None}


# --- Link layer ----------------------------------------------------------------------------------


def is_wireless(values: Mapping[str, Any], frame: Mapping[str, Any]) -> bool:
    """Whether the values are a telegram by radio: they say so, or have what only those have."""
    link = values.get("link")
    if link is not None and link != "frame":
        return bool(link == "wireless")
    return link is None and (
        frame.get("format") in FRAME_FORMATS or bool(frame.get("address") or values.get("ell"))
    )


def complete_wireless(frame: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The link layer of a telegram by radio with what follows from the rest of it.

    Without an address the meter sends itself, and needs no long header then.
    """
    completed = {key: item for key, item in frame.items() if item is not None}
    completed.setdefault("format", "CRC-less")
    if completed["format"] not in FRAME_FORMATS:
        raise BuildError("frame.format", completed["format"], f"one of {', '.join(FRAME_FORMATS)} by radio")
    completed["c_field"] = WirelessCField.octet(
        completed.get("c_field", "SND_NR"), "(building) -> frame -> c_field"
    )
    if completed.get("a_field") is not None:
        raise BuildError("frame.a_field", completed["a_field"], "none by radio: address says who sends")
    meter = part_of(values, "meter", MeterDict)
    address = part_of(frame, "address", MeterDict, "frame.address") or meter
    missing = [key for key in ADDRESS_KEYS if address.get(key) is None]
    if missing:
        raise BuildError("frame.address", address or None, f"{', '.join(ADDRESS_KEYS)} of who sends it")
    completed["address"] = address_of(address)
    if "ci_field" in completed:
        given, completed["ci_field"] = completed["ci_field"], CI_NAMES.value(completed["ci_field"])
        if completed["ci_field"] is None:
            raise BuildError("frame.ci_field", given, CI_NAMES.limit(given))
    elif not values.get("encrypted"):
        ci_field = _usual_ci_field(
            completed, values, other=address_of(meter) not in ({}, completed["address"])
        )
        if ci_field is not None:
            completed["ci_field"] = ci_field
    header = header_behind(completed.get("ci_field", ci_field_of("records", "long")), "wireless")
    if header != "long" and not _names_a_meter(completed, values):
        _refuse_other_meter(meter, completed, values)
    return completed


_DATA_FROM_METER: Final = ("SND_NR", "SND_IR", "RSP_UD")
_DATA_TO_METER: Final = ("SND_UD", "SND_UD2", "SND_UD3")


def _usual_ci_field(frame: Mapping[str, Any], values: Mapping[str, Any], *, other: bool) -> int | None:
    """The CI field that a telegram written by hand means; None for one that has none.

    `other`: the meter is another one than who sends.
    """
    name = WirelessCField.name_of(frame["c_field"])
    content = any(values.get(key) for key in _CONTENT)
    told_none = "ci_field" in (values.get("frame") or {})  # as to_dict says it of a frame that ends before it
    header = "long" if other else "short"
    if name in _DATA_TO_METER:
        return ci_field_of("command", header)
    if name in _DATA_FROM_METER and (content or not told_none):
        return ci_field_of("records", header)
    if content:
        raise BuildError("frame.ci_field", None, f"what the user data are: {name} says nothing of it")
    return None


_CONTENT: Final = (
    "records",
    "special_functions",
    "manufacturer_data",
    "user_data",
    "security",
    "ell",
    "afl",
)


def _names_a_meter(frame: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Whether user data without a long header name a meter: selections, and the fixed data structure."""
    user_data = values.get("user_data")
    return frame.get("ci_field") in SELECTIONS or (is_mapping(user_data) and "counter_1" in user_data)


def _refuse_other_meter(
    meter: Mapping[str, Any], frame: Mapping[str, Any], values: Mapping[str, Any]
) -> None:
    """Without a long header the meter is who sends, or whom what is sent to a meter is for."""
    if is_to_meter(frame.get("ci_field"), frame.get("c_field")):
        ell = part_of(values, "ell", ExtendedLinkLayerDict)
        named = part_of(ell, "receiver", MeterDict, "ell.receiver")
        limit = "ell.receiver, or none: a short header does not say whom it is for"
    else:
        named = frame["address"]
        limit = "the frame's address, for without a long header the meter is who sends"
    if any(named.get(key) != item for key, item in address_of(meter).items()):
        raise BuildError("meter", meter, limit)


# --- Layers between link and transport layer -----------------------------------------------------


def layered(inner: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """CI field and user data with AFL and ELL around them, where the telegram has them."""
    afl = part_of(values, "afl", AFLDict)
    if afl:
        inner = {"ci_field": AFL_CI_FIELD, "user_data": _afl(afl, values, inner)}
    ell = part_of(values, "ell", ExtendedLinkLayerDict)
    if ell:
        inner = {"ci_field": ell.get("ci_field", 0x8C), "user_data": _ell(ell, values, inner)}
    return inner


def _afl(afl: Mapping[str, Any], values: Mapping[str, Any], inner: dict[str, Any]) -> dict[str, Any]:
    """The AFL's fields; of what was written by hand, MAC of 8 octets and message counter are enough."""
    fields: dict[str, Any] = {
        name: afl[name]
        for name in ("message_control", "key_information", "message_counter", "message_length")
        if afl.get(name) is not None
    }
    control = afl.get("fragmentation_control")
    if afl.get("mac") is not None:
        fields["mac"] = hex_octets(afl["mac"], "afl.mac")
    elif control is None:
        fields.setdefault(
            "message_control",
            MessageControl.pack(
                {
                    "authentication_type": _CMAC_8,
                    "key_information": "key_information" in fields,
                    "message_counter": "message_counter" in fields,
                    "message_length": "message_length" in fields,
                }
            ),
        )
        kind = MessageControl.unpack(MessageControl.pack(fields["message_control"]))["authentication_type"]
        fields["mac"] = bytes(MAC_LENGTHS.get(int(kind), 0))
    if control is None:
        control = {f"{name}_present": True for name in fields}
    fields["fragmentation_control"] = control
    number = FragmentationControl.unpack(FragmentationControl.pack(control))
    if number["mac_present"]:
        fields.setdefault("mac", b"")
    if afl.get("fragment") is not None:
        return fields | {"fragment": hex_octets(afl["fragment"], "afl.fragment")}
    if number["fragment_id"] or number["more_fragments"]:
        return fields
    if number["message_length_present"] and to_seal(values)[1]:  # the MAC that covers it is made anew
        table = WIRELESS_USER_DATA if values.get("link") == "wireless" else USER_DATA
        built: bytes = table[inner["ci_field"]].build(inner["user_data"])
        fields["message_length"] = 1 + len(built)
    return fields | inner


def _ell(ell: Mapping[str, Any], values: Mapping[str, Any], inner: dict[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "communication_control": ell.get("communication_control") or 0,
        "access_number": ell.get("access_number") or 0,
    }
    receiver = part_of(ell, "receiver", MeterDict, "ell.receiver")
    if receiver:
        fields["receiver"] = address_of(receiver)
    if ell.get("session_number") is not None:
        fields["session_number"] = ell["session_number"]
    if ell.get("state") in AS_SENT:
        return fields | {"encrypted": hex_octets(values.get("encrypted") or "", "encrypted")}
    return fields | inner


def is_hidden(values: Mapping[str, Any]) -> bool:
    """Whether the extended link layer hides the user data still."""
    ell = values.get("ell")
    return is_mapping(ell) and ell.get("state") in AS_SENT

"""The layers around user data, from values to the grammars' own: link layer by radio, ELL, AFL, security."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from mbus_grammars import BuildError
from mbus_grammars.base import is_mapping
from mbus_grammars.code_tables import CI_FIELDS
from mbus_grammars.fields import CI_FIELDS_TO_METER, CI_NAMES, WirelessCField
from mbus_grammars.layers import (
    AFL_CI_FIELD,
    MAC_LENGTHS,
    FragmentationControl,
    MessageControl,
    SessionNumber,
)
from mbus_grammars.security import (
    BLOCK,
    FILLERS,
    MODE_5,
    MODE_7,
    ConfigurationField,
    ConfigurationFieldExtension,
    announced,
)
from mbus_grammars.wireless import FRAME_FORMATS

from .json_types import AFLDict, ExtendedLinkLayerDict, MeterDict, SecurityDict
from .mappings import hex_octets, part_of

if TYPE_CHECKING:
    from mbus_grammars.record import RecordArea

ADDRESS_KEYS: Final = ("identification_number", "manufacturer", "version", "device_type")

SELECTIONS: Final = (0x52, 0x56)
_MOST_SIGNIFICANT_FIRST: Final = 0x76
_HEADERS: Final = {code: row.header for row in CI_FIELDS for code in range(row.first, row.last + 1)}

# States of octets that came as sent: they are built as they are.
_AS_SENT: Final = ("encrypted", "wrong key", "unknown mode")
_CMAC_8: Final = 5
_MAX_BLOCKS: Final = 15
_WRITTEN: Final = (0, MODE_5, MODE_7)  # modes that can be written by hand


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
    meter = part_of(values, "meter", MeterDict)
    address = part_of(frame, "address", MeterDict, "frame.address")
    if not address:
        address = meter
        completed.setdefault("ci_field", 0x7A)
    missing = [key for key in ADDRESS_KEYS if address.get(key) is None]
    if missing:
        raise BuildError("frame.address", address or None, f"{', '.join(ADDRESS_KEYS)} of who sends it")
    completed["address"] = address_of(address)
    if "ci_field" in completed:
        given, completed["ci_field"] = completed["ci_field"], CI_NAMES.value(completed["ci_field"])
        if completed["ci_field"] is None:
            raise BuildError("frame.ci_field", given, CI_NAMES.limit())
    if _HEADERS.get(completed.get("ci_field", 0x72)) != "long" and not _names_a_meter(completed, values):
        _refuse_other_meter(meter, completed, values)
    if "ci_field" not in completed and not values.get("encrypted"):
        completed["ci_field"] = 0x72 if meter and address_of(meter) != completed["address"] else 0x7A
    return completed


def _names_a_meter(frame: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Whether user data without a long header name a meter: selections, and the fixed data structure."""
    user_data = values.get("user_data")
    return frame.get("ci_field") in SELECTIONS or (is_mapping(user_data) and "counter_1" in user_data)


def _refuse_other_meter(
    meter: Mapping[str, Any], frame: Mapping[str, Any], values: Mapping[str, Any]
) -> None:
    """Without a long header the meter is who sends, or whom what is sent to a meter is for."""
    if frame.get("ci_field") in CI_FIELDS_TO_METER:
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
        inner = {"ci_field": AFL_CI_FIELD, "user_data": _afl(afl, inner)}
    ell = part_of(values, "ell", ExtendedLinkLayerDict)
    if ell:
        inner = {"ci_field": ell.get("ci_field", 0x8C), "user_data": _ell(ell, values, inner)}
    return inner


def _afl(afl: Mapping[str, Any], inner: dict[str, Any]) -> dict[str, Any]:
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
    if ell.get("state") in _AS_SENT:
        return fields | {"encrypted": hex_octets(values.get("encrypted") or "", "encrypted")}
    return fields | inner


def is_hidden(values: Mapping[str, Any]) -> bool:
    """Whether the extended link layer hides the user data still."""
    ell = values.get("ell")
    return is_mapping(ell) and ell.get("state") in _AS_SENT


# --- Security ------------------------------------------------------------------------------------


def security_fields(values: Mapping[str, Any], *, records: bool) -> dict[str, Any]:
    """The fields of security modes 7 and 13 behind the header, and the fillers in front of decrypted data."""
    security = part_of(values, "security", SecurityDict)
    names = ("configuration_field_extension", "message_counter", "key_version")
    fields = {name: security[name] for name in names if security.get(name) is not None}
    if security.get("mode") == MODE_7 and not security.get("state"):
        present = {"key_derivation": 1, "version_present": "key_version" in fields}
        fields.setdefault("configuration_field_extension", ConfigurationFieldExtension.pack(present))
    built: dict[str, Any] = {"security": fields} if fields else {}
    decrypted = not security.get("state") or security["state"] in ("decrypted", "already decrypted")
    if not records and decrypted and security.get("mode") in (MODE_5, MODE_7):
        if values.get("configuration_field") is None:
            limit = "mode and number of encrypted blocks, for the data are no records"
            raise BuildError("configuration_field", None, limit)
        built["decryption_verification"] = FILLERS
    return built


def refuse_other_mode(values: Mapping[str, Any], ci_field: int, *, header: bool) -> None:
    """No telegram goes out plain that was to be encrypted: `security` and configuration field have one mode.

    `header`: whether there is a header to say it in.
    """
    security, given = part_of(values, "security", SecurityDict), values.get("configuration_field")
    mode = security.get("mode")
    if mode and not header:
        raise BuildError("security.mode", mode, "0, for behind this CI field there is no header to say it in")
    if mode and ci_field == _MOST_SIGNIFICANT_FIRST and not security.get("state"):
        raise BuildError("security.mode", mode, "0 behind CI 76h, which is older than encryption")
    if mode is None or given is None:
        return
    announced_mode = ConfigurationField.unpack(ConfigurationField.pack(given))["security_mode"]
    if announced_mode != mode:
        raise BuildError("security.mode", mode, f"{int(announced_mode)}, the mode in configuration_field")


def by_hand(values: Mapping[str, Any]) -> int | None:
    """The security mode that was written by hand: without a state; None where nothing is to be filled in.

    Whoever gives the configuration field and special functions too has put the fillers in himself.
    """
    security = part_of(values, "security", SecurityDict)
    mode, given = security.get("mode"), values.get("configuration_field")
    if not security or (mode is None and security.get("state")):
        return None
    if given is not None and (
        security.get("state") or mode not in _WRITTEN or values.get("special_functions")
    ):
        return None
    if mode not in _WRITTEN:
        raise BuildError(
            "security.mode", mode, "0, 5 or 7; for others give configuration_field and encrypted"
        )
    return int(mode)


def secured_area(
    mode: int, items: list[Any], area: RecordArea, values: Mapping[str, Any]
) -> tuple[list[Any], int]:
    """Records and configuration field of a security mode that was written by hand.

    Two fillers in front tell that decrypting worked; those behind fill the last block, in front of the
    manufacturer's data, which reach to the end. A configuration field that was given says how many blocks are
    encrypted; without one all are.
    """
    security, given = part_of(values, "security", SecurityDict), values.get("configuration_field")
    size = len(FILLERS) + len(area.build(items))
    blocks = min((size + BLOCK - 1) // BLOCK, _MAX_BLOCKS) if mode else 0
    if given is None:
        fields: dict[str, Any] = {"security_mode": mode, "encrypted_blocks": blocks}
        if mode == MODE_7:
            fields["counter_present"] = security.get("message_counter") is not None
        number = ConfigurationField.pack(fields)
        fill = -size % BLOCK
    else:
        number = ConfigurationField.pack(given)
        blocks = announced(ConfigurationField.unpack(number)) if mode else 0
        fill = max(blocks - size, 0)
    if not blocks:
        return items, number
    tail = [item for item in items if "manufacturer_data" in item]
    records = items[: len(items) - len(tail)]
    return [*area.parse(FILLERS), *records, *area.parse(FILLERS[:1] * fill), *tail], number


def to_seal(values: Mapping[str, Any]) -> tuple[bool, bool]:
    """Whether the extended link layer, and the transport layer, were decrypted and are to be encrypted."""
    ell = values.get("ell")
    link = False
    if is_mapping(ell) and ell.get("session_number") is not None:
        state = ell.get("state")
        encryption = SessionNumber.unpack(SessionNumber.pack(ell["session_number"]))["encryption"]
        link = bool(encryption) and state in (None, "decrypted")
    return link, _transport_to_seal(values)


def _transport_to_seal(values: Mapping[str, Any]) -> bool:
    security, afl = (values.get(name) for name in ("security", "afl"))
    without_mac = is_mapping(afl) and not any(
        afl.get(name) is not None for name in ("mac", "fragment", "fragmentation_control")
    )
    if not is_mapping(security):
        return without_mac
    state = security.get("state")
    if state is None:  # written by hand
        return security.get("mode") in (MODE_5, MODE_7) or without_mac
    return state == "decrypted" or (security.get("mac") == "verified" and state != "already decrypted")

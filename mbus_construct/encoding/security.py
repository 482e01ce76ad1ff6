"""The security of telegrams that are encoded: nothing that is to be encrypted goes out plain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, get_args

from mbus_grammars import BuildError
from mbus_grammars.application import WIRED_ONLY
from mbus_grammars.base import is_integer, is_mapping
from mbus_grammars.dib import IDLE_FILLER
from mbus_grammars.layers import SessionNumber
from mbus_grammars.security import (
    BLOCK,
    FILLERS,
    MODE_5,
    MODE_7,
    ConfigurationField,
    ConfigurationFieldExtension,
    announced,
)

from ..model.json_shapes import MACState, SecurityDict, SecurityState
from ..octets.locate import layers_of
from .mappings import part_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mbus_grammars.record import RecordArea

    from ..model.json_shapes import Form

# States of octets that came as sent: they are built as they are.
AS_SENT: Final = ("encrypted", "wrong key", "unknown mode")
_MAX_BLOCKS: Final = 15
_WRITTEN: Final = (0, MODE_5, MODE_7)  # modes that can be written by hand


def check_states(values: Mapping[str, Any]) -> None:
    """What the values say became of the octets: a misspelt state would send them plain."""
    for name, key, known in (
        ("security", "state", get_args(SecurityState)),
        ("security", "mac", get_args(MACState)),
        ("ell", "state", get_args(SecurityState)),
    ):
        part = values.get(name)
        given = part.get(key) if is_mapping(part) else None
        if given is not None and given not in known:
            raise BuildError(f"{name}.{key}", given, f"one of {', '.join(known)}, or null")
        if key == "state" and given in AS_SENT and not values.get("encrypted"):
            limit = 'none, for there are no encrypted octets: "decrypted" to encrypt them, or null'
            raise BuildError(f"{name}.{key}", given, limit)


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
    if mode and ci_field == WIRED_ONLY and not security.get("state"):
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

    A configuration field that was given says how many blocks are encrypted; without one all are.
    """
    security, given = part_of(values, "security", SecurityDict), values.get("configuration_field")
    if not mode:
        return items, ConfigurationField.pack({"security_mode": 0} if given is None else given)
    if given is None:
        fields: dict[str, Any] = {"security_mode": mode}
        if mode == MODE_7:
            fields["counter_present"] = security.get("message_counter") is not None
        return _filled(items, area, fields)
    number = ConfigurationField.pack(given)
    octets = announced(ConfigurationField.unpack(number))
    if not octets:
        return items, number
    fill = max(octets - len(FILLERS) - len(area.build(items)), 0)
    return _between_fillers(items, area, fill), number


def refitted_area(items: list[Any], area: RecordArea, values: Mapping[str, Any]) -> tuple[list[Any], int]:
    """Records and configuration field of a telegram that was decrypted, and may have been changed since.

    As many octets as before are built as they are. More or fewer get other fillers and another number of
    blocks: nothing that was encrypted is to go out plain.
    """
    security = part_of(values, "security", SecurityDict)
    number = ConfigurationField.pack(values.get("configuration_field") or 0)
    configuration = ConfigurationField.unpack(number)
    encrypted, plain = announced(configuration), security.get("plain_octets") or 0
    if not is_integer(plain) or plain < 0:
        raise BuildError("security.plain_octets", plain, "a number of octets")
    size = len(area.build(items))
    if size - encrypted == plain:
        return items, number
    if plain:
        limit = f"{encrypted + plain} octets as before, for {plain} that are not encrypted follow the others"
        raise BuildError("records", f"{size} octets", limit)
    return _filled(_without_fillers(items), area, configuration)


def is_filler(octets: object, values: Mapping[str, Any]) -> bool:
    """Whether octets are fillers of encrypted blocks: these stay last where records were taken out."""
    security = part_of(values, "security", SecurityDict)
    return octets in (FILLERS[:1], FILLERS[:1].hex().upper()) and security.get("state") == "decrypted"


def _filled(items: list[Any], area: RecordArea, fields: Mapping[str, Any]) -> tuple[list[Any], int]:
    """Records with the fillers that encrypting all of them needs, and the configuration field."""
    size = len(FILLERS) + len(area.build(items))
    fill = -size % BLOCK
    blocks = (size + fill) // BLOCK
    if blocks > _MAX_BLOCKS:
        limit = f"at most {_MAX_BLOCKS * BLOCK - len(FILLERS)} octets, which is what can be encrypted"
        raise BuildError("records", f"{size - len(FILLERS)} octets", limit)
    known = {key: item for key, item in fields.items() if not key.startswith("_")}
    number = ConfigurationField.pack({**known, "encrypted_blocks": blocks})
    return _between_fillers(items, area, fill), number


def _between_fillers(items: list[Any], area: RecordArea, fill: int) -> list[Any]:
    """Records behind the fillers that tell that decrypting worked, and in front of those that fill a block.

    The manufacturer's data come last, for they reach to the end.
    """
    tail = [item for item in items if "manufacturer_data" in item]
    records = items[: len(items) - len(tail)]
    return [*area.parse(FILLERS), *records, *area.parse(FILLERS[:1] * fill), *tail]


def _without_fillers(items: list[Any]) -> list[Any]:
    """Records without the fillers before and after them."""
    tail = [item for item in items if "manufacturer_data" in item]
    records = items[: len(items) - len(tail)]
    kept = [place for place, item in enumerate(records) if item.get("dif") != IDLE_FILLER]
    return [*(records[kept[0] : kept[-1] + 1] if kept else ()), *tail]


def refuse_plain(octets: bytes, form: Form, values: Mapping[str, Any]) -> None:
    """Refuse to send what the configuration field says is encrypted, and is not to be."""
    if values.get("configuration_field") is None or values.get("encrypted"):
        return
    layers = layers_of(octets, form)
    if layers is None or layers.mode not in (MODE_5, MODE_7):
        return
    field = octets[layers.configuration_field : layers.configuration_field + ConfigurationField.size]
    blocks = announced(ConfigurationField.unpack(int.from_bytes(field, "little")))
    security = part_of(values, "security", SecurityDict)
    decrypted = blocks and octets.startswith(FILLERS, layers.payload)
    if layers.encrypted or (decrypted and security.get("state") != "already decrypted"):
        limit = '"decrypted", with keys, or "already decrypted": configuration_field announces encryption'
        raise BuildError("security.state", security.get("state"), limit)


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

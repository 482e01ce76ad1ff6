"""A parsed telegram layer by layer: link layer, ELL, AFL, and the user data in the middle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mbus_grammars.base import is_mapping
from mbus_grammars.fields import is_to_meter
from mbus_grammars.security import FILLERS, MODE_5, MODE_7, SECURITY_MODES, announced

from ..model.diagnostic import Diagnostic
from ..model.frame import FrameFields
from ..model.layers import AuthenticationLayer, ExtendedLinkLayer, Security, key_wanted
from ..model.meter import Meter

if TYPE_CHECKING:
    from ..model.json_shapes import Form, Format, MACState, SecurityState

# Security modes that can be opened with a key.
OPENED_MODES: Final = frozenset({MODE_5, MODE_7})


class Message(NamedTuple):
    """A parsed telegram layer by layer; `encrypted` is what ELL or transport layer hide."""

    frame: FrameFields
    ell: ExtendedLinkLayer | None
    afl: AuthenticationLayer | None
    user_data: Mapping[str, Any]
    encrypted: bytes

    @property
    def meter(self) -> Meter | None:
        """Who sent it or whom it selects: as the header says, else by radio as the layers around it say.

        The link layer has the sender's address, which is not the meter's in what is sent to one.
        """
        meter = meter_of(self.user_data.get("header", self.user_data))
        if meter is not None:
            return meter
        if is_to_meter(self.frame.ci_field, self.frame.c_field):
            return None if self.ell is None else self.ell.receiver
        return self.frame.address


def message_of(parsed: Any, form: Form) -> Message:
    """The layers of what the grammar parsed."""
    if form == "records":
        return Message(FrameFields(), None, None, {"records": parsed}, b"")
    if form == "header":
        return Message(FrameFields(), None, None, parsed, parsed.get("encrypted", b""))
    ell, afl, inner, encrypted = None, None, parsed, b""
    user_data: Mapping[str, Any] = parsed.get("user_data") or {}
    while "communication_control" in user_data or "fragmentation_control" in user_data:
        if "communication_control" in user_data:
            encrypted = user_data.get("encrypted", b"")
            ell = _ell(int(inner["ci_field"]), user_data, "encrypted" if encrypted else "already decrypted")
        else:
            afl = _afl(user_data)
        if "ci_field" not in user_data:
            user_data = {"records": ()}
            break
        inner, user_data = user_data, user_data["user_data"]
    encrypted = encrypted or user_data.get("encrypted") or b""
    return Message(_frame(parsed, inner, form), ell, afl, user_data, encrypted)


def _frame(parsed: Mapping[str, Any], inner: Mapping[str, Any], form: Form) -> FrameFields:
    ci_field = inner.get("ci_field")
    c_field = parsed.get("c_field")
    return FrameFields(
        format="CRC-less" if form == "wireless" else _format(parsed) if form == "frame" else None,
        c_field=None if c_field is None else c_field["_number"],
        a_field=None if "a_field" not in parsed else int(parsed["a_field"]),
        ci_field=None if ci_field is None else int(ci_field),
        address=meter_of(parsed) if form == "wireless" else None,
    )


def _ell(ci_field: int, fields: Mapping[str, Any], state: SecurityState) -> ExtendedLinkLayer:
    session = fields.get("session_number")
    receiver = fields.get("receiver")
    return ExtendedLinkLayer(
        ci_field,
        fields["communication_control"]["_number"],
        fields["access_number"],
        None if receiver is None else meter_of(receiver),
        None if session is None else session["_number"],
        state if session is not None and session["encryption"] else None,
    )


def _afl(fields: Mapping[str, Any]) -> AuthenticationLayer:
    numbers = {
        name: fields[name]["_number"] if is_mapping(fields[name]) else fields[name]
        for name in ("message_control", "key_information", "message_counter", "message_length")
        if name in fields
    }
    return AuthenticationLayer(
        fields["fragmentation_control"]["_number"],
        mac=fields.get("mac", b""),
        fragment=fields.get("fragment"),
        **numbers,
    )


def security_of(
    message: Message, configuration: Mapping[str, Any] | None, wireless: bool, length: int
) -> Security | None:
    """What a telegram says of its security; None where no mode is announced and there is no MAC.

    `length`: octets of the data behind the header.

    A message with a MAC and no header, which would announce a mode, has mode 0.
    """
    mode = 0 if configuration is None else configuration["security_mode"]
    mac: MACState | None = "not checked" if message.afl is not None and message.afl.mac else None
    if configuration is None:
        whole = message.afl is not None and message.afl.fragment is None
        return Security(mode, "plain", mac) if mac and whole else None
    if not (mode in SECURITY_MODES or (mode and wireless) or mac):
        return None
    if message.user_data.get("encrypted"):
        state: SecurityState = "encrypted" if mode in OPENED_MODES else "unknown mode"
    else:
        state = state_of_plain(configuration, decrypted=_starts_with_fillers(message.user_data))
    fields: Mapping[str, Any] = message.user_data.get("security") or {}
    extension = fields.get("configuration_field_extension")
    return Security(
        mode,
        state,
        mac,
        None if extension is None else extension["_number"],
        fields.get("message_counter"),
        fields.get("key_version"),
        plain_octets(configuration, state, length),
    )


def plain_octets(configuration: Mapping[str, Any], state: SecurityState, length: int) -> int:
    """How many of the decrypted data's octets were sent plain: those behind the encrypted blocks."""
    if state != "already decrypted" or configuration["security_mode"] not in OPENED_MODES:
        return 0
    return max(length - announced(configuration), 0)


def state_of_plain(configuration: Mapping[str, Any], *, decrypted: bool) -> SecurityState:
    """The state of plain data; `decrypted`: the fillers that only decrypting gives stand in front."""
    return "already decrypted" if decrypted and announced(configuration) else "plain"


def _starts_with_fillers(user_data: Mapping[str, Any]) -> bool:
    if "records" not in user_data:
        return "decryption_verification" in user_data
    first = user_data["records"][: len(FILLERS)]
    return len(first) == len(FILLERS) and all(item.get("dif") == FILLERS[0] for item in first)


def without_key(what: str, meter: Meter | None) -> str:
    """What to say of octets that are encrypted, and what to do."""
    if meter is None or meter.manufacturer is None:
        return f"{what} are encrypted, and no address says of which meter they are"
    selector = f"{meter.manufacturer}-{meter.identification_number}"
    return f"{what} of {selector} are encrypted: {key_wanted(selector)}"


def read_as_plain(mode: int) -> Diagnostic:
    """The remark on plain data under a security mode."""
    message = f"security mode {mode} is announced, but the data are read as plain"
    return Diagnostic("info", "read_as_plain", message)


def _format(frame: Mapping[str, Any]) -> Format:
    if "c_field" not in frame:
        return "single character"
    if "l_field" not in frame:
        return "short"
    return "control" if frame["l_field"] == 3 else "long"


def meter_of(header: Mapping[str, Any]) -> Meter | None:
    """The meter that a header or an address names, None without one."""
    if "identification_number" not in header:
        return None
    device_type = header.get("device_type")
    return Meter(
        header["identification_number"],
        header.get("manufacturer"),
        header.get("version"),
        None if device_type is None else int(device_type),
    )

"""What stands around the data of a telegram, as frozen values: extended link layer, AFL, security."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mbus_grammars.fields import CI_NAMES
from mbus_grammars.security import SECURITY_MODE_NAMES

if TYPE_CHECKING:
    from .json_shapes import AFLDict, ExtendedLinkLayerDict, MACState, SecurityDict, SecurityState
    from .meter import Meter


@dataclass(frozen=True, slots=True)
class ExtendedLinkLayer:
    """The extended link layer (ELL). EN 13757-4:2019.

    Attributes:
        ci_field: which of them: 8Ch to 8Fh.
        communication_control: the octet that says who may answer when.
        access_number: of the link, not of the transport layer.
        receiver: whom the telegram is sent to, where the layer says it.
        session_number: of the encryption, where the layer has one.
        state: what became of the octets that AES-CTR hides; None where the layer announces no encryption.
    """

    ci_field: int
    communication_control: int
    access_number: int
    receiver: Meter | None = None
    session_number: int | None = None
    state: SecurityState | None = None

    def to_dict(self) -> ExtendedLinkLayerDict:
        """The JSON shape."""
        return {
            "ci_field": self.ci_field,
            "ci_name": CI_NAMES.codes[self.ci_field].name,
            "communication_control": self.communication_control,
            "access_number": self.access_number,
            "receiver": None if self.receiver is None else self.receiver.to_dict(),
            "session_number": self.session_number,
            "state": self.state,
        }


@dataclass(frozen=True, slots=True)
class AuthenticationLayer:
    """The authentication and fragmentation sublayer (AFL). EN 13757-7:2018.

    Attributes:
        fragmentation_control: which fields there are, and which fragment of its message this is.
        message_control, key_information, message_counter, message_length: as numbers, None where absent.
        mac: the message authentication code, b"" without one.
        fragment: the octets of the message that this telegram carries, None where it carries all of them.
    """

    fragmentation_control: int
    message_control: int | None = None
    key_information: int | None = None
    message_counter: int | None = None
    mac: bytes = b""
    message_length: int | None = None
    fragment: bytes | None = None

    def to_dict(self) -> AFLDict:
        """The JSON shape."""
        return {
            "fragmentation_control": self.fragmentation_control,
            "message_control": self.message_control,
            "key_information": self.key_information,
            "message_counter": self.message_counter,
            "mac": self.mac.hex().upper() or None,
            "message_length": self.message_length,
            "fragment": None if self.fragment is None else self.fragment.hex().upper(),
        }


@dataclass(frozen=True, slots=True)
class Security:
    """The security of the transport layer. EN 13757-7:2018.

    Attributes:
        mode: the security mode of the configuration field.
        state: "decrypted", "already decrypted" (plain data although the mode is announced), "encrypted"
            (there is no key, or the MAC is wrong), "wrong key" (none of the keys opens it), "unknown mode",
            or "plain" (the mode is announced, and nothing is encrypted).
        mac: "verified", "wrong" or "not checked" (without a key, or when the data came decrypted already);
            None without a message authentication code.
        configuration_field_extension, message_counter, key_version: of modes 7 and 13, None where absent.
        plain_octets: octets that follow those that were encrypted, and were sent plain.
    """

    mode: int
    state: SecurityState
    mac: MACState | None = None
    configuration_field_extension: int | None = None
    message_counter: int | None = None
    key_version: int | None = None
    plain_octets: int = 0

    @property
    def mode_name(self) -> str:
        """The mode in words."""
        return SECURITY_MODE_NAMES.codes[self.mode].name or "reserved"

    def to_dict(self) -> SecurityDict:
        """The JSON shape."""
        return {
            "mode": self.mode,
            "mode_name": self.mode_name,
            "state": self.state,
            "mac": self.mac,
            "configuration_field_extension": self.configuration_field_extension,
            "message_counter": self.message_counter,
            "key_version": self.key_version,
            "plain_octets": self.plain_octets,
        }


def key_wanted(selector: str, meant: str = "the key") -> str:
    """How to give a key for a meter."""
    return f'give {meant} as keys={{"{selector}": "..."}}, or with --key or --keys'

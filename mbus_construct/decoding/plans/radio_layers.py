"""Extended link layer, AFL and security of a telegram by radio, from where its shape has them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from mbus_grammars.layers import SessionNumber
from mbus_grammars.places import ELL_PLACES
from mbus_grammars.security import FILLERS, ConfigurationField, MessageCounter

from ...model.layers import AuthenticationLayer, ExtendedLinkLayer, Security
from ..message import plain_octets, state_of_plain
from .mutable import AFLDraft, ELLDraft, SecurityDraft

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...model.json_shapes import MACState
    from ...model.meter import Meter
    from .shape import Outer

# Extended link layers by their octets: those without a session number are few.
ELLS: Final[dict[bytes, ExtendedLinkLayer]] = {}
_MAX_ELLS: Final = 65536

_encryption: Final = SessionNumber.fields["encryption"].read
_NUMBERS: Final = ("message_control", "key_information", "message_counter", "message_length")
_COUNTER: Final[int] = MessageCounter.sizeof()


def ell_of(octets: bytes, meter_of: Callable[[bytes], Meter]) -> ExtendedLinkLayer:
    """The extended link layer from its octets; found in `ELLS` from then on, where it comes again.

    `meter_of`: what makes the receiver of its address.
    """
    known = ELLS.get(octets)
    if known is not None:
        return known
    fields = ELL_PLACES[octets[0]]
    session = None if fields.session_number is None else _number(octets[fields.session_number])
    draft: Any = ELLDraft()
    draft.ci_field = octets[0]
    draft.communication_control = octets[fields.communication_control]
    draft.access_number = octets[fields.access_number]
    draft.receiver = None if fields.receiver is None else meter_of(octets[fields.receiver])
    draft.session_number = session
    draft.state = "already decrypted" if session is not None and _encryption(session) else None
    draft.__class__ = ExtendedLinkLayer
    ell: ExtendedLinkLayer = draft
    if session is None:
        if len(ELLS) >= _MAX_ELLS:
            ELLS.clear()
        ELLS[octets] = ell
    return ell


def afl_of(octets: bytes, outer: Outer) -> AuthenticationLayer:
    """The AFL of a telegram whose shape has one."""
    draft: Any = AFLDraft()
    for name in _NUMBERS:
        setattr(draft, name, None)
    draft.mac, draft.fragment = b"", None
    for name, place in outer.afl:
        setattr(draft, name, octets[place] if name == "mac" else _number(octets[place]))
    draft.__class__ = AuthenticationLayer
    afl: AuthenticationLayer = draft
    return afl


def security_of(octets: bytes, number: int, start: int, outer: Outer) -> Security | None:
    """The security of plain data at `start`; None where no mode is announced and there is no MAC.

    `number` is the configuration field.
    """
    security = _security(
        number,
        octets.startswith(FILLERS, start),
        any(name == "mac" for name, _ in outer.afl),
        octets[outer.extension] if outer.extension else None,
        octets[outer.key_version] if outer.key_version else None,
        length=len(octets) - start,
    )
    return counted(octets, security, outer) if security and outer.message_counter else security


@lru_cache(maxsize=4096)
def _security(
    number: int,
    decrypted: bool,
    has_mac: bool,
    extension: int | None,
    key_version: int | None,
    *,
    length: int,
) -> Security | None:
    configuration = ConfigurationField.unpack(number)
    mode = configuration["security_mode"]
    if not mode and not has_mac:
        return None
    state = state_of_plain(configuration, decrypted=decrypted)
    mac: MACState | None = "not checked" if has_mac else None
    plain = plain_octets(configuration, state, length)
    return Security(mode, state, mac, extension, None, key_version, plain)


def counted(octets: bytes, security: Security, outer: Outer) -> Security:
    """The security with the message counter of a telegram."""
    place = outer.message_counter
    draft: Any = SecurityDraft()
    draft.mode, draft.state, draft.mac = security.mode, security.state, security.mac
    draft.configuration_field_extension = security.configuration_field_extension
    draft.message_counter = _number(octets[place : place + _COUNTER])
    draft.key_version = security.key_version
    draft.plain_octets = security.plain_octets
    draft.__class__ = Security
    made: Security = draft
    return made


def _number(octets: bytes) -> int:
    return int.from_bytes(octets, "little")

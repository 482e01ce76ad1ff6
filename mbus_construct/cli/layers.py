"""The layers between link and data, and the security of a telegram, in lines for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from mbus_grammars.fields import CI_NAMES
from mbus_grammars.layers import (
    AFL_CI_FIELD,
    AUTHENTICATION_TYPES,
    ENCRYPTIONS,
    FragmentationControl,
    MessageControl,
    SessionNumber,
)

if TYPE_CHECKING:
    from mbus_grammars.bits import CodeTable

    from ..model.layers import AuthenticationLayer, ExtendedLinkLayer, Security
    from ..model.meter import Meter
    from ..model.telegram import Telegram

_STATES: Final = {
    "decrypted": "decrypted",
    "already decrypted": "came decrypted already",
    "encrypted": "not decrypted",
    "wrong key": "not decrypted, no key fits",
    "unknown mode": "left as sent, how to open it is not known",
    "plain": "nothing is encrypted",
}


def meter_name(meter: Meter) -> str:
    """A meter as it stands in a file of keys: ELS-12345678-33-03."""
    if meter.manufacturer is None or meter.version is None or meter.device_type is None:
        return meter.identification_number
    named = f"{meter.manufacturer}-{meter.identification_number}"
    return f"{named}-{meter.version:02X}-{meter.device_type:02X}"


def layer_lines(telegram: Telegram) -> Iterator[str]:
    """A line for each layer that there is, and one for the security."""
    if telegram.ell is not None:
        yield ", ".join(_ell_parts(telegram.ell))
    if telegram.afl is not None:
        yield ", ".join(_afl_parts(telegram.afl, telegram.security))
    if telegram.security is not None and telegram.security.mode:
        yield _security_line(telegram.security)


def _layer_name(ci_field: int) -> str:
    """A layer without the names of its fields: "extended link layer I (CI 8Ch)"."""
    name = str(CI_NAMES.codes[ci_field].name).partition(":")[0]
    return f"{name} (CI {ci_field:02X}h)"


def _name(table: CodeTable, number: int) -> str | None:
    name: str | None = table.codes[number].name
    return name


def _ell_parts(ell: ExtendedLinkLayer) -> Iterator[str]:
    yield _layer_name(ell.ci_field)
    if ell.receiver is not None:
        yield f"to {meter_name(ell.receiver)}"
    yield f"access number {ell.access_number}"
    if ell.session_number is None:
        return
    session = SessionNumber.unpack(ell.session_number)
    yield f"session {session['session']} at minute {session['time']}"
    if ell.state is None:
        yield "not encrypted"
    else:
        number = int(session["encryption"])
        yield f"{_name(ENCRYPTIONS, number) or f'encryption {number}'}: {_STATES[ell.state]}"


def _afl_parts(afl: AuthenticationLayer, security: Security | None) -> Iterator[str]:
    yield _layer_name(AFL_CI_FIELD)
    control = FragmentationControl.unpack(afl.fragmentation_control)
    if afl.fragment is not None:
        yield f"fragment {control['fragment_id']}" + ("" if control["more_fragments"] else ", the last one")
    if afl.message_counter is not None:
        yield f"message counter {afl.message_counter}"
    if afl.mac:
        kind = None
        if afl.message_control is not None:
            code = MessageControl.unpack(afl.message_control)["authentication_type"]
            kind = _name(AUTHENTICATION_TYPES, int(code))
        state = "not checked" if security is None else security.mac or "not checked"
        yield f"MAC ({kind or f'{len(afl.mac)} octets'}) {state}"


def _security_line(security: Security) -> str:
    parts = [f"security mode {security.mode} ({security.mode_name}): {_STATES[security.state]}"]
    if security.message_counter is not None:
        parts.append(f"message counter {security.message_counter}")
    if security.key_version is not None:
        parts.append(f"key version {security.key_version}")
    return ", ".join(parts)

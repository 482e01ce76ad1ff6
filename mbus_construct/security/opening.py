"""Telegrams opened: AES-CTR of the extended link layer, then the MAC, then modes 5 and 7.

Each of the two encryptions checks its key: the payload CRC in the link layer, the two idle fillers 2Fh in
front of the data. All keys that fit the meter are tried; where several pass, the one whose records can be
read is taken. What cannot be opened stays as it was sent, and a
finding says why. EN 13757-4, EN 13757-7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from mbus_grammars.layers import AES_CTR, MessageControl, payload_crc_fits
from mbus_grammars.security import FILLERS, MODE_5, MODE_7, SECURITY_MODE_NAMES

from ..model.layers import key_wanted
from ..octets.locate import layers_of
from .aes import NO_IV, crypt_ctr, decrypt_cbc, encrypt_cbc
from .message import (
    KDF_A,
    announced_octets,
    derivation_of,
    encryption_of,
    initial_block,
    mac_is_missing,
    mac_length,
    mac_of,
    meter_of,
    payload_crc_place,
    receiver_of,
    selector_of,
    with_payload_crc,
)
from .modes import mode5_iv
from .plausibility import implausibility

if TYPE_CHECKING:
    from ..model.json_shapes import Form
    from ..octets.locate import AFL, Layers
    from ..values.to_value import Severity
    from .keys import Key, Keys
    from .message import Derivation

LinkState = Literal["encrypted", "decrypted", "already decrypted", "wrong key", "unknown mode"]
State = Literal["encrypted", "decrypted", "already decrypted", "plain", "wrong key", "unknown mode"]
MacState = Literal["verified", "wrong", "not checked"]


class Finding(NamedTuple):
    """What is wrong with a telegram's security, as a diagnostic has it; `offset` is one of its octets."""

    severity: Severity
    code: str
    message: str
    offset: int


class Opened(NamedTuple):
    """A telegram of the same length, in which hidden octets are plain where that worked.

    Attributes:
        octets: payload CRC and check sum of a wired frame are those of the plain octets, where they were
            right, so that the grammars accept them.
        layers: of `octets`; None where `layers_of` finds none, also behind an extended link layer that was
            opened.
        link_state: of the extended link layer; None where no encryption is announced. "already decrypted":
            the payload CRC fits without a key.
        state: of the transport layer; None without security mode, or where it cannot be seen. "already
            decrypted": the fillers 2Fh stand there; "plain": a mode is announced and nothing is encrypted;
            "encrypted": no key, or a MAC that is wrong or cannot be checked.
        mac: of the AFL; None without a MAC. "wrong" too where one is announced and missing. "not
            checked": no key that is known to be right, a fragment, no CMAC, or a security mode that is not
            opened. Of octets that are already decrypted it is checked as it was made, over encrypted ones.
        findings: codes "encrypted", "wrong_key", "wrong_mac", "decryption", "security_mode", and
            "mac_not_checked" where that is all that a key is missing for.
    """

    octets: bytes
    layers: Layers | None
    link_state: LinkState | None = None
    state: State | None = None
    mac: MacState | None = None
    findings: tuple[Finding, ...] = ()


def open_telegram(octets: bytes, form: Form, keys: Keys) -> Opened:
    """A telegram with its hidden octets in plain.

    Args:
        octets: a whole frame that the link layer accepts; by radio without the CRCs of its blocks.
        form: where they start.
        keys: those of the meters.

    Raises `MissingExtra` where octets are to be decrypted and `cryptography` is not installed.
    """
    layers = layers_of(octets, form)
    if layers is None:
        return Opened(octets, None)
    link_state: LinkState | None = None
    if layers.hidden:
        octets, link_state, finding = _open_link_layer(octets, form, layers, keys)
        if finding is not None:
            return Opened(octets, layers, link_state, findings=(finding,))
        layers = layers_of(octets, form)
        if layers is None:
            return Opened(octets, None, link_state)
    if layers.transport < 0 and not layers.header:
        fragment = layers.afl is not None and layers.afl.mac
        return Opened(octets, layers, link_state, mac="not checked" if fragment else None)
    afl = layers.afl
    if not layers.mode and (afl is None or not (afl.mac or mac_is_missing(afl))):
        return Opened(octets, layers, link_state)
    return _Transport(octets, layers, link_state, keys).opened()


def _how(address: bytes, meant: str = "the key") -> str:
    return key_wanted(selector_of(address), meant)


def _no_key(what: str, address: bytes) -> str:
    return f"{what} of {selector_of(address)} are encrypted: {_how(address)}"


def _wrong_key(does: str, address: bytes) -> str:
    return (
        f"no key for {selector_of(address)} {does}: it is wrong, or the octets are damaged; "
        f"{_how(address, 'the right key')}"
    )


# --- Extended link layer -------------------------------------------------------------------------


def _open_link_layer(
    octets: bytes, form: Form, layers: Layers, keys: Keys
) -> tuple[bytes, LinkState, Finding | None]:
    """The telegram with the octets in plain that AES-CTR hides.

    The counter block has the sender's address; with a receiver beside it sources differ, and the CRC tells.
    """
    if not layers.is_hidden:
        return octets, "already decrypted", None
    start, end = layers.hidden, layers.end
    hidden = octets[start:end]
    encryption = encryption_of(octets, layers)
    if encryption != AES_CTR:
        message = f"encryption {encryption} of the extended link layer is not known, its octets stay as sent"
        return octets, "unknown mode", Finding("warning", "security_mode", message, start)
    addresses = [address for address in (layers.link_address, receiver_of(octets, layers)) if address]
    candidates = dict.fromkeys(key for address in addresses for key in keys.for_octets(address))
    fitting = (
        _replaced(octets, layers, start, plain)
        for block in [initial_block(octets, layers, address) for address in addresses]
        for plain in [crypt_ctr(key.octets, block, hidden) for key in candidates]
        if payload_crc_fits(plain)
    )
    found = next(fitting, None)
    if found is not None:
        if len(candidates) > 1:
            found = min([found, *fitting], key=lambda each: implausibility(each, layers_of(each, form)))
        return found, "decrypted", None
    if not addresses:
        message = f"{len(hidden)} octets are encrypted, and no address says of which meter they are"
        return octets, "encrypted", Finding("warning", "encrypted", message, start)
    if not candidates:
        message = _no_key(f"{len(hidden)} octets", addresses[0])
        return octets, "encrypted", Finding("warning", "encrypted", message, start)
    message = _wrong_key("gives a payload CRC that fits", addresses[0])
    return octets, "wrong key", Finding("error", "wrong_key", message, start)


def _replaced(octets: bytes, layers: Layers, start: int, plain: bytes) -> bytes:
    """The telegram with plain octets from `start` on; a check sum behind its data changes with them."""
    behind = start + len(plain)
    opened = octets[:start] + plain + octets[behind:]
    if layers.end == len(octets):
        return opened
    check_sum = octets[layers.end] + sum(plain) - sum(octets[start:behind]) & 0xFF
    return opened[: layers.end] + bytes([check_sum]) + opened[layers.end + 1 :]


# --- Transport layer -----------------------------------------------------------------------------


class _Transport:
    """The transport layer of one telegram: MAC and encrypted octets, tried with each key of the meter."""

    def __init__(self, octets: bytes, layers: Layers, link_state: LinkState | None, keys: Keys) -> None:
        self.octets = octets
        self.layers = layers
        self.link_state: LinkState | None = link_state
        self.address = meter_of(octets, layers)
        self.keys: tuple[Key, ...] = keys.for_octets(self.address) if self.address else ()
        self.hidden = layers.encrypted
        self.seems_plain = False

    def opened(self) -> Opened:
        """What comes of it."""
        layers, mode = self.layers, self.layers.mode
        known = mode in (MODE_5, MODE_7)
        missing = layers.afl is not None and mac_is_missing(layers.afl)
        if self.hidden and not known and not missing:
            return self._unknown_mode(f"{self.hidden} octets stay as sent")
        if mode and not self.hidden and self._starts_with_fillers():
            # Once in 65536 times these are no fillers but what encryption made: a key or a MAC tells.
            announced = announced_octets(self.octets, layers)
            self.seems_plain = announced > 0
            without_fields = mode == MODE_7 and layers.extension is None  # nothing is meant by the mode
            if known and not without_fields and announced <= layers.end - layers.payload:
                self.hidden = announced
        afl = layers.afl
        if afl is not None and missing:
            return self._missing_mac(afl)
        if afl is not None and afl.mac:
            if self.seems_plain and not known:
                return self._unknown_mode("the MAC was made over octets that were encrypted")
            length = mac_length(afl)
            return self._unknown_mac(afl) if length is None else self._authenticated(afl, length)
        return self._unauthenticated()

    def _unauthenticated(self) -> Opened:
        """A message without a MAC: the fillers tell which key is right."""
        if not self.hidden:
            return self._left(None)
        derivation = None
        if self.layers.mode == MODE_7:
            derivation = derivation_of(self.layers, self.address)
            if not derivation.known:
                return self._no_derivation(derivation, None)
        plains = [plain for key in self.keys if (plain := self._plain(derivation, key)) is not None]
        if not plains:
            return self._left(None)
        found = [self._decrypted(plain, None) for plain in plains]
        return (
            found[0]
            if len(found) == 1
            else min(found, key=lambda each: implausibility(each.octets, each.layers))
        )

    def _authenticated(self, afl: AFL, length: int) -> Opened:
        """A message with a MAC of so many octets."""
        derivation = derivation_of(self.layers, self.address)
        if not derivation.known:
            return self._no_derivation(derivation, "not checked")
        is_key = is_authentic = False
        for key in self.keys:
            plain = self._plain(derivation, key)
            if mac_of(self.octets, self.layers, afl, derivation.mac(key))[:length] == afl.mac:
                if plain is not None or self.seems_plain or not self.hidden:
                    return self._authentic(plain)
                is_authentic = True  # by chance, if another key gives the data too
            if self.seems_plain and self._sealed_fits(afl, length, derivation, key):
                return self._left("verified")
            is_key = is_key or plain is not None
        if is_authentic:
            return self._authentic(None)
        if not self.keys:
            return self._mac_not_checked(afl)
        if is_key or self.seems_plain or not self.hidden:
            return self._wrong_mac(afl)
        return self._left("not checked")

    def _cipher(self, derivation: Derivation | None, key: Key) -> tuple[bytes, bytes]:
        """Key and IV of the encrypted octets."""
        if derivation is None or self.layers.mode == MODE_5:
            return key.octets, mode5_iv(self.address, self.octets[self.layers.access_number])
        return derivation.encryption(key).octets, NO_IV

    def _plain(self, derivation: Derivation | None, key: Key) -> bytes | None:
        """The hidden octets in plain; None where there are none, or the key is not theirs."""
        if not self.hidden:
            return None
        start = self.layers.payload
        plain = decrypt_cbc(*self._cipher(derivation, key), self.octets[start : start + self.hidden])
        return plain if plain.startswith(FILLERS) else None

    def _sealed_fits(self, afl: AFL, length: int, derivation: Derivation, key: Key) -> bool:
        """Whether the MAC is right for octets that came decrypted: it was made over the encrypted ones."""
        start = self.layers.payload
        behind = start + self.hidden
        sealed = encrypt_cbc(*self._cipher(derivation, key), self.octets[start:behind])
        sent = self.octets[:start] + sealed + self.octets[behind:]
        return mac_of(sent, self.layers, afl, derivation.mac(key))[:length] == afl.mac

    def _starts_with_fillers(self) -> bool:
        return self.octets.startswith(FILLERS, self.layers.payload, self.layers.end)

    # --- What comes of it ------------------------------------------------------------------------

    def _decrypted(self, plain: bytes, mac: MacState | None) -> Opened:
        layers = self.layers
        octets = _replaced(self.octets, layers, layers.payload, plain)
        if layers.session and payload_crc_fits(self.octets[payload_crc_place(layers) : layers.end]):
            octets = with_payload_crc(octets, layers)
        return Opened(octets, layers._replace(encrypted=0), self.link_state, "decrypted", mac)

    def _authentic(self, plain: bytes | None) -> Opened:
        if plain is not None:
            return self._decrypted(plain, "verified")
        if self.seems_plain or not self.hidden:
            return self._left("verified")
        whose = selector_of(self.address)
        message = (
            f"the MAC of {whose} is right, but its data do not start with the fillers 2Fh when decrypted"
        )
        return self._found("encrypted", "verified", "error", "decryption", message)

    def _left(self, mac: MacState | None) -> Opened:
        """Nothing is to be opened, there is no key, or none that fits."""
        if self.seems_plain or not self.hidden:
            return Opened(self.octets, self.layers, self.link_state, self._state("plain"), mac)
        if not self.address:
            message = f"{self.hidden} octets are encrypted, and no address says of which meter they are"
            return self._found("encrypted", mac, "warning", "encrypted", message)
        message = _no_key(f"{self.hidden} octets", self.address)
        if not self.keys:
            return self._found("encrypted", mac, "warning", "encrypted", message)
        message = _wrong_key(f"decrypts its {self.hidden} octets", self.address)
        return self._found("wrong key", mac, "error", "wrong_key", message)

    def _wrong_mac(self, afl: AFL) -> Opened:
        """Octets stay as sent: nothing is given out that is not authentic, but what came plain is there."""
        reason = "the message was changed, or is not the meter's"
        if self.seems_plain or not self.hidden:
            reason += f", or the key is wrong; {_how(self.address, 'the right key')}"
        return self._not_authentic(afl, f"the MAC of {selector_of(self.address)} is wrong: {reason}")

    def _missing_mac(self, afl: AFL) -> Opened:
        """Octets stay as sent: without its MAC a message is no more authentic than with a wrong one."""
        kind = f"type {int(MessageControl.unpack(afl.message_control[0])['authentication_type'])}"
        whose = f" of {selector_of(self.address)}" if self.address else ""
        message = f"the MAC{whose} is missing: the message control announces one of {kind}"
        found = self._not_authentic(afl, message)
        if self.layers.mode not in (None, 0, MODE_5, MODE_7):
            return found._replace(state=self._state("unknown mode"))
        no_key = () if self.keys else self._left(None).findings
        return found._replace(findings=(*found.findings, *no_key))

    def _not_authentic(self, afl: AFL, message: str) -> Opened:
        # Whoever decrypted a message on its way may have changed it in other places too.
        severity: Severity = "warning" if self.seems_plain else "error"
        return self._found(self._state("encrypted"), "wrong", severity, "wrong_mac", message, start=afl.start)

    def _mac_not_checked(self, afl: AFL) -> Opened:
        if self.hidden or self.seems_plain or not self.address:
            return self._left("not checked")
        message = f"the MAC of {selector_of(self.address)} is not checked: {_how(self.address)}"
        state = self._state("plain")
        return self._found(state, "not checked", "info", "mac_not_checked", message, start=afl.start)

    def _no_derivation(self, derivation: Derivation, mac: MacState | None) -> Opened:
        if self.seems_plain:
            return self._left(mac)
        reason = f"key derivation {derivation.selection}, which is not known"
        if derivation.selection == KDF_A:
            reason = "no message counter, from which its keys are derived"
        message = f"the message has {reason}: its octets stay as sent"
        return self._found(self._state("unknown mode"), mac, "warning", "security_mode", message)

    def _unknown_mac(self, afl: AFL) -> Opened:
        """Octets stay as sent: who damages the authentication type shall not be believed for it."""
        if self.seems_plain:
            return self._left("not checked")
        kind = f"type {afl.message_control[0] & 0x0F}" if afl.message_control else "no type"
        message = f"a MAC of {len(afl.mac)} octets and {kind} cannot be checked: its message stays as sent"
        state = self._state("encrypted")
        return self._found(state, "not checked", "warning", "security_mode", message, start=afl.start)

    def _state(self, hidden: State) -> State | None:
        """What is said of a telegram that is left as it was sent."""
        if self.seems_plain:
            return "already decrypted"
        return hidden if self.hidden else "plain" if self.layers.mode else None

    def _unknown_mode(self, so: str) -> Opened:
        mode = self.layers.mode or 0
        mac: MacState | None = "not checked" if self.layers.afl and self.layers.afl.mac else None
        name = SECURITY_MODE_NAMES.codes[mode].name or "reserved"
        message = f"security mode {mode} ({name}) is not opened here: {so}"
        return self._found(self._state("unknown mode"), mac, "warning", "security_mode", message)

    def _found(
        self,
        state: State | None,
        mac: MacState | None,
        severity: Severity,
        code: str,
        message: str,
        *,
        start: int | None = None,
    ) -> Opened:
        """The telegram as sent, and why."""
        finding = Finding(severity, code, message, self.layers.payload if start is None else start)
        return Opened(self.octets, self.layers, self.link_state, state, mac, (finding,))

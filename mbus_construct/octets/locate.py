"""Where the layers of a telegram stand: link layer, ELL, AFL, transport layer, data.

Found from the sizes that the grammar's own layouts have. The octets are looked at for CI fields, lengths, and
the bits that say which fields are present, and for nothing else. What an extended link layer hides has no
layers yet: `open_telegram` opens it and looks again.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mbus_grammars import DecodeError
from mbus_grammars.layers import (
    AFL_CI_FIELD,
    AFL_FIELDS,
    PAYLOAD_CRC_LENGTH,
    FragmentationControl,
    SessionNumber,
    payload_crc_fits,
)
from mbus_grammars.places import (
    AFL_CONTROL,
    AFL_LENGTH,
    ELL_PLACES,
    HEADERS,
    LINK_ADDRESS,
    LINKS,
    NO_HEADER,
    TAILS,
    header_after,
)
from mbus_grammars.security import (
    MODE_7,
    SECURITY_FIELDS,
    WIRED,
    WIRELESS,
    ConfigurationField,
    ConfigurationFieldExtension,
    MessageCounter,
    Security,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mbus_grammars.places import Header

    from ..model.json_shapes import Form


class AFL(NamedTuple):
    """An AFL: its fields as sent, b"" for those that are absent. `fragment`: 0 for a whole message.

    `start` is where its CI field stands, `end` is behind it: the next CI field, or the fragment.
    """

    start: int
    end: int
    fragment: int
    more_fragments: bool
    message_control: bytes
    key_information: bytes
    message_counter: bytes
    mac: bytes
    message_length: bytes


class Layers(NamedTuple):
    """Where the layers stand, in octets from the start of a telegram without block CRCs.

    Attributes:
        c_field: of the link layer, None without one.
        link_address: the octets of manufacturer, identification number, version and device type of the link
            layer, as sent by radio; b"" on wires.
        ell: the CI field of the extended link layer; 0 without one.
        session: where its session number stands; 0 without one.
        hidden: the first octet that AES-CTR hides or hid (the payload CRC); 0 without encryption.
        is_hidden: whether these octets are still hidden.
        afl: the AFL, None without one.
        transport: the CI field of the transport layer; -1 where it is hidden, fragmented or absent, also in
            front of a header that the octets start with.
        ci_field: its octet, None without one.
        header: what stands behind it: "none", "short", "long", or "" where there is no CI field.
        access_number, configuration_field: of the header; 0 without one.
        extension: the octet behind the configuration field that modes 7 and 13 have; None without one.
        message_counter: the message counter of mode 7 in the transport layer, as sent; b"" without one.
        mode: the security mode, None without a header.
        payload: the first octet behind header and security fields.
        encrypted: how many octets from there on are encrypted in modes 5 and 7, or kept raw in the others; 0
            for plain data, also where they were announced.
        end: behind the last octet of user data.
    """

    c_field: int | None
    link_address: bytes
    ell: int
    session: int
    hidden: int
    is_hidden: bool
    afl: AFL | None
    transport: int
    ci_field: int | None
    header: str
    access_number: int
    configuration_field: int
    extension: int | None
    message_counter: bytes
    mode: int | None
    payload: int
    encrypted: int
    end: int


_COUNTER: Final[int] = MessageCounter.sizeof()


def layers_of(octets: bytes, form: Form) -> Layers | None:
    """Where the layers of a telegram stand; None where the octets end before they could, or hold no layers.

    Args:
        octets: a whole frame that the link layer accepts; by radio without the CRCs of its blocks.
        form: where they start.
    """
    if form == "records":
        return None
    wireless = form == "wireless"
    link = LINKS[form]
    finder = _Finder(octets, len(octets) - TAILS[form], WIRELESS if wireless else WIRED)
    if form == "header":
        return finder.layers() if finder.transport(HEADERS["long"], 0) else None
    finder.position = link["ci_field"]
    if finder.position >= finder.end:
        return None
    if "c_field" in link:
        finder.c_field = octets[link["c_field"]]
    if wireless:
        finder.link_address = octets[LINK_ADDRESS]
    return finder.layers() if finder.find() else None


class _Finder:
    """Collects the layers of one telegram."""

    def __init__(self, octets: bytes, end: int, security: Security) -> None:
        self.octets = octets
        self.end = end
        self.security = security
        self.position = 0
        self.c_field: int | None = None
        self.link_address = b""
        self.ell = self.session = self.hidden = 0
        self.is_hidden = False
        self.afl: AFL | None = None
        self.place, self.header = -1, ""
        self.ci_field: int | None = None
        self.fields = (0, 0)
        self.extension: int | None = None
        self.message_counter = b""
        self.mode: int | None = None
        self.payload = self.encrypted = 0

    def layers(self) -> Layers:
        """What was found."""
        return Layers(
            self.c_field,
            self.link_address,
            self.ell,
            self.session,
            self.hidden,
            self.is_hidden,
            self.afl,
            self.place,
            self.ci_field,
            self.header,
            *self.fields,
            self.extension,
            self.message_counter,
            self.mode,
            self.payload,
            self.encrypted,
            self.end,
        )

    def find(self) -> bool:
        """Find the layers from the first CI field on; False where the octets end too early."""
        octets, end = self.octets, self.end
        if self.position < end and octets[self.position] in ELL_PLACES and not self._find_ell():
            return False
        if self.is_hidden:
            return True
        if self.position < end and octets[self.position] == AFL_CI_FIELD:
            afl = self.afl = _afl(octets, self.position, end)
            if afl is None:
                return False
            if afl.fragment or afl.more_fragments:
                return True
            self.position = afl.end
        if self.position >= end:
            return False
        self.place, self.ci_field = self.position, octets[self.position]
        start = self.position + 1
        header = header_after(self.ci_field, end - start, wireless=self.security.wireless)
        return self.transport(header, start)

    def _find_ell(self) -> bool:
        self.ell = self.position
        fields = ELL_PLACES[self.octets[self.ell]]
        session = fields.session_number
        self.position += fields.end
        if session is None:
            return self.position <= self.end
        if self.position + PAYLOAD_CRC_LENGTH > self.end:
            return False
        self.session = self.ell + session.start
        number = _number(self.octets[self.session : self.ell + session.stop])
        if SessionNumber.unpack(number)["encryption"]:
            self.hidden = self.position
            self.is_hidden = not payload_crc_fits(self.octets[self.position : self.end])
        self.position += PAYLOAD_CRC_LENGTH
        return True

    def transport(self, header: Header, start: int) -> bool:
        """Find the fields of the header that starts at `start`."""
        self.header, self.payload = header.name, start
        if header is NO_HEADER:
            return True
        places, payload = header.places, start + header.size
        if payload > self.end:
            return False
        self.fields = _, field = start + places["access_number"], start + places["configuration_field"]
        configuration = configuration_of(self.octets[field : field + ConfigurationField.size])
        self.mode = configuration["security_mode"]
        if self.mode:
            behind = self.octets[payload : self.end] if self.mode in SECURITY_FIELDS else b""
            length = self.security.fields_length(configuration, behind)
            if payload + length > self.end:
                return False
            if length:
                self._security_fields(configuration, payload)
                payload += length
            elif self.mode in SECURITY_FIELDS:  # an old wired meter means no security by it
                self.payload = payload
                return True
            try:
                hidden = self.security.encrypted_length(configuration, self.octets[payload : self.end])
            except DecodeError:
                return False
            self.encrypted = hidden
        self.payload = payload
        return True

    def _security_fields(self, configuration: Mapping[str, Any], start: int) -> None:
        """Note the security fields that start at `start`."""
        self.extension = self.octets[start]
        if self.mode == MODE_7 and configuration["counter_present"]:
            counter = start + ConfigurationFieldExtension.size
            self.message_counter = self.octets[counter : counter + _COUNTER]


@lru_cache(maxsize=4096)
def configuration_of(octets: bytes) -> Mapping[str, Any]:
    """The bits of the two octets of a configuration field."""
    return ConfigurationField.unpack(_number(octets))


def _number(octets: bytes) -> int:
    return int.from_bytes(octets, "little")


def _afl(octets: bytes, start: int, end: int) -> AFL | None:
    """The AFL whose CI field stands at `start`; None where it does not fit."""
    place = start + AFL_CONTROL.start
    if place > end:
        return None
    behind = place + octets[start + AFL_LENGTH]
    control = FragmentationControl.unpack(_number(octets[place : start + AFL_CONTROL.stop]))
    place = start + AFL_CONTROL.stop
    present = [(name, size) for name, bit, size in AFL_FIELDS if control[bit]]
    mac = behind - place - sum(size for _, size in present if size)
    if behind > end or mac < 0 or (mac and not control["mac_present"]):
        return None
    fields = {name: b"" for name, *_ in AFL_FIELDS}
    for name, size in present:
        length = mac if size is None else size
        fields[name] = octets[place : place + length]
        place += length
    return AFL(start, behind, control["fragment_id"], control["more_fragments"], **fields)

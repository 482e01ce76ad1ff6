"""The layers between link and transport layer: extended link layer (ELL) and AFL. EN 13757-4, EN 13757-7.

    ELL I    8Ch | communication control | access number
    ELL II   8Dh | ... | session number (4) | payload CRC (2)
    ELL III  8Eh | ... | receiver: manufacturer (2), address (6)
    ELL IV   8Fh | ... | receiver | session number (4) | payload CRC (2)
    AFL      90h | length | fragmentation control (2) | what it says is present

Behind each of them stands the next CI field with its user data. Layouts: EN 13757-4:2019 via exmbus, AFL
EN 13757-7:2018 via exmbus. ELL V (86h) has no public layout, its payload is raw.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from construct import Byte, Default, GreedyBytes, Int16ul, Switch, this
from construct.core import stream_read, stream_write

from .base import AnySubconstruct, Anything, Context, Stream, field_of, octets_of
from .bits import Bits, CodeTable, Number, Octet, bits, flag, split
from .constructs import Completed, Derived, PresentIf, StrictStruct, field
from .crc import crc
from .errors import BuildError, ChecksumError, DecodeError
from .fields import CIField, DeviceType, IdentificationNumber, Manufacturer
from .security import KEY_DERIVATIONS, MessageCounter, is_plain, only_where_plain

_ELL: Final = "EN 13757-4:2019"
_AFL: Final = "EN 13757-7:2018"

ELL_CI_FIELDS: Final = (0x8C, 0x8D, 0x8E, 0x8F)
AFL_CI_FIELD: Final = 0x90
MAX_AFL_LENGTH: Final = 255
_WITH_RECEIVER: Final = (0x8E, 0x8F)
_WITH_SESSION: Final = (0x8D, 0x8F)

# --- Extended link layer -------------------------------------------------------------------------

CommunicationControl: Final = Bits(
    1,
    extended_delay=flag(0),
    repeated_access=flag(1),
    accessibility=flag(2),
    priority=flag(3),
    hop_counter=flag(4),
    synchronous=flag(5),
    response_delay=flag(6),
    bidirectional=flag(7),
)

AES_CTR: Final = 1
ENCRYPTIONS: Final = CodeTable({0: "none", AES_CTR: "AES-128-CTR"}, size=8)

# `time` counts minutes.
SessionNumber: Final = Bits(
    4,
    session=bits(0, 4, default=0),
    time=bits(4, 25, default=0),
    encryption=bits(29, 3, default=0, table=ENCRYPTIONS),
)

LinkAddress: Final = (
    field("manufacturer", Manufacturer, "EN 13757-4"),
    field("identification_number", IdentificationNumber, "EN 13757-4"),
    field("version", Octet, "EN 13757-4"),
    field("device_type", DeviceType, "EN 13757-4"),
)
Receiver: Final = StrictStruct(*LinkAddress)

PAYLOAD_CRC_LENGTH: Final = 2


class HiddenPayload(Anything):
    """The octets that AES-CTR hides, payload CRC first; absent where it can be read.

    The payload CRC tells: it fits plain octets only, also where the session number announces encryption.
    """

    may_be_absent = True

    def __init__(self) -> None:
        super().__init__()
        self.flagbuildnone = True

    def _parse(self, stream: Stream, context: Context, path: str) -> bytes | None:
        start = stream.tell()
        payload = stream.read()
        if context["session_number"]["encryption"] and not payload_crc_fits(payload):
            return payload
        stream.seek(start)
        return None

    def _build(self, obj: Any, stream: Stream, context: Context, path: str) -> Any:
        octets = b"" if obj is None else octets_of(obj, path)
        if octets and not context["session_number"]["encryption"]:
            raise BuildError(field_of(path), octets, "none, as session_number says", path=path)
        stream_write(stream, octets, len(octets), path)
        return octets


def payload_crc_fits(payload: bytes) -> bool:
    """Whether octets start with the CRC over the others, least significant octet first."""
    return len(payload) >= PAYLOAD_CRC_LENGTH and (
        int.from_bytes(payload[:PAYLOAD_CRC_LENGTH], "little") == crc(payload[PAYLOAD_CRC_LENGTH:])
    )


class PayloadCRC(AnySubconstruct):
    """The payload CRC: checked when parsing, over all octets behind it. `WithPayloadCRC` fills it in."""

    def _parse(self, stream: Stream, context: Context, path: str) -> int:
        offset = stream.tell()
        sent = int.from_bytes(stream_read(stream, PAYLOAD_CRC_LENGTH, path), "little")
        start = stream.tell()
        computed = crc(stream.read())
        stream.seek(start)
        if sent != computed:
            raise ChecksumError(
                f"payload CRC {sent:04X}h, the octets give {computed:04X}h",
                offset=offset,
                path=path,
                expected=f"{computed:04X}h",
                found=f"{sent:04X}h",
                code="payload_crc",
            )
        return sent

    def _build(self, obj: object, stream: Stream, context: Context, path: str) -> Any:
        stream_write(stream, bytes(PAYLOAD_CRC_LENGTH), PAYLOAD_CRC_LENGTH, path)
        return 0


class WithPayloadCRC(Completed):
    """Fills in the payload CRC of an ELL when building: it covers what is built behind it."""

    def __init__(self, subcon: Anything, place: int) -> None:
        super().__init__(subcon)
        self.place = place

    def complete(self, octets: bytearray, built: Mapping[str, Any], path: str) -> None:
        """The CRC; encrypted octets have it among them."""
        if not built.get("encrypted"):
            behind = self.place + PAYLOAD_CRC_LENGTH
            octets[self.place : behind] = crc(bytes(octets[behind:])).to_bytes(PAYLOAD_CRC_LENGTH, "little")


def _next(layers: Mapping[int, Anything], source: str) -> tuple[Anything, Anything]:
    """The CI field and user data of the next layer."""
    raw = StrictStruct(field("payload", Default(GreedyBytes, b"")))
    following: Anything = Default(Switch(this.ci_field, dict(layers), default=raw), {})
    return field("ci_field", CIField, source), field("user_data", following)


def extended_link_layer(ci_field: int, layers: Mapping[int, Anything]) -> Anything:
    """The user data behind the CI field of an ELL; `layers` are what may stand behind it."""
    start = [
        field("communication_control", CommunicationControl, _ELL),
        field("access_number", Octet, _ELL),
    ]
    if ci_field in _WITH_RECEIVER:
        start.append(field("receiver", Receiver, _ELL))
    if ci_field not in _WITH_SESSION:
        return StrictStruct(*start, *_next(layers, _ELL))
    start.append(field("session_number", SessionNumber, _ELL))
    place = sum(item.sizeof() for item in start)
    behind = _next(layers, _ELL)
    layout = StrictStruct(
        *start,
        field("encrypted", HiddenPayload(), _ELL),
        field("payload_crc", PresentIf(is_plain, PayloadCRC(Int16ul)), _ELL),
        *map(only_where_plain, behind),
    )
    return WithPayloadCRC(layout, place)


# --- Authentication and fragmentation sublayer ---------------------------------------------------

FragmentationControl: Final = Bits(
    2,
    fragment_id=bits(0, 8, default=0),
    reserved=split((8, 1), (15, 1), default=0),
    key_information_present=flag(9),
    mac_present=flag(10),
    message_counter_present=flag(11),
    message_length_present=flag(12),
    message_control_present=flag(13),
    more_fragments=flag(14),
)

# By authentication type: how many octets of the MAC are sent.
MAC_LENGTHS: Final = {0: 0, 3: 2, 4: 4, 5: 8, 6: 12, 7: 16, 8: 12, 9: 16}
AUTHENTICATION_TYPES: Final = CodeTable(
    {
        0: "none",
        3: "AES-CMAC-128, 2 octets",
        4: "AES-CMAC-128, 4 octets",
        5: "AES-CMAC-128, 8 octets",
        6: "AES-CMAC-128, 12 octets",
        7: "AES-CMAC-128, 16 octets",
        8: "AES-GMAC-128, 12 octets",
        9: "AES-GMAC-128, 16 octets",
    },
    size=16,
)
MessageControl: Final = Bits(
    1,
    authentication_type=bits(0, 4, default=0, table=AUTHENTICATION_TYPES),
    key_information=flag(4),
    message_counter=flag(5),
    message_length=flag(6),
    reserved=bits(7, 1, default=0),
)
KeyInformation: Final = Bits(
    2,
    key_id=bits(0, 4, default=0),
    key_derivation=bits(4, 2, default=0, table=KEY_DERIVATIONS),
    reserved=bits(6, 2, default=0),
    key_version=bits(8, 8, default=0),
)

# The optional fields of the AFL in wire order, with the bit that says that they are there and their octets.
AFL_FIELDS: Final = (
    ("message_control", "message_control_present", 1),
    ("key_information", "key_information_present", 2),
    ("message_counter", "message_counter_present", 4),
    ("mac", "mac_present", None),
    ("message_length", "message_length_present", 2),
)


def _control(context: Context) -> Mapping[str, Any]:
    control: Mapping[str, Any] = context["fragmentation_control"]
    return control


def _present(bit: str) -> Callable[[Context], bool]:
    def present(context: Context) -> bool:
        return bool(_control(context)[bit])

    return present


def fragmented(context: Context) -> bool:
    """Whether the octets behind an AFL are a part of a message."""
    control = _control(context)
    return bool(control["fragment_id"] or control["more_fragments"])


def _whole(context: Context) -> bool:
    return not fragmented(context)


def _mac_length(message_control: Mapping[str, Any] | None) -> int | None:
    """How many octets the message control says; None where it is not there, as in later fragments."""
    return None if message_control is None else MAC_LENGTHS.get(message_control["authentication_type"])


class MAC(Anything):
    """The message authentication code: what the AFL's length leaves for it."""

    def _parse(self, stream: Stream, context: Context, path: str) -> bytes:
        control = _control(context)
        others = FragmentationControl.size + sum(n for _, bit, n in AFL_FIELDS if n and control[bit])
        length = context["length"] - others
        message_control = context.get("message_control")
        expected = _mac_length(message_control)
        if length < 0 or expected not in (None, length):
            raise DecodeError(
                f"length {context['length']} leaves {length} octets for the MAC",
                offset=stream.tell(),
                path=path,
                expected=f"{expected} octets",
                found=f"{length} octets",
                code="length",
            )
        octets: bytes = stream_read(stream, length, path)
        return octets

    def _build(self, obj: Any, stream: Stream, context: Context, path: str) -> Any:
        octets = octets_of(obj, path)
        expected = _mac_length(context["message_control"])
        if expected not in (None, len(octets)):
            raise BuildError(field_of(path), octets, f"{expected} octets, as message_control says", path=path)
        stream_write(stream, octets, len(octets), path)
        return octets


class WithAFLLength(Completed):
    """Checks an AFL's length when parsing, fills it in when building: it counts up to the next CI field."""

    def _parse(self, stream: Stream, context: Context, path: str) -> Any:
        start = stream.tell()
        parsed = super()._parse(stream, context, path)
        counted = self._length(parsed)
        if counted != parsed["length"]:
            raise DecodeError(
                f"the AFL's length is {parsed['length']}, its fields have {counted} octets",
                offset=start,
                path=path,
                expected=f"{counted}",
                found=f"{parsed['length']}",
                code="length",
            )
        return parsed

    @staticmethod
    def _length(fields: Mapping[str, Any]) -> int:
        """The octets of the fields behind the length."""
        control = fields["fragmentation_control"]
        mac = len(fields.get("mac") or b"")
        return FragmentationControl.size + mac + sum(n for _, bit, n in AFL_FIELDS if n and control[bit])

    def complete(self, octets: bytearray, built: Mapping[str, Any], path: str) -> None:
        """The length."""
        length = self._length(built)
        if length > MAX_AFL_LENGTH:
            mac = len(built["mac"])
            limit = f"{mac - length + MAX_AFL_LENGTH} octets at most"
            raise BuildError(field_of(path, "mac"), f"{mac} octets", limit, path=path)
        octets[0] = length


_FIELDS: Final[dict[str, Anything]] = {
    "message_control": MessageControl,
    "key_information": KeyInformation,
    "message_counter": MessageCounter,
    "mac": MAC(),
    "message_length": Number(Int16ul, 0, 0xFFFF),
}


def authentication_and_fragmentation(layers: Mapping[int, Anything]) -> Anything:
    """The user data behind the CI field of an AFL; `layers` are what may stand behind it."""
    ci_field: Any
    user_data: Any
    ci_field, user_data = _next(layers, _AFL)
    return WithAFLLength(
        StrictStruct(
            field("length", Derived(Byte), _AFL),
            field("fragmentation_control", FragmentationControl, _AFL),
            *(field(name, PresentIf(_present(bit), _FIELDS[name]), _AFL) for name, bit, _ in AFL_FIELDS),
            field("fragment", PresentIf(fragmented, Default(GreedyBytes, b"")), _AFL),
            field("ci_field", PresentIf(_whole, ci_field.subcon), _AFL),
            field("user_data", PresentIf(_whole, user_data.subcon)),
        )
    )

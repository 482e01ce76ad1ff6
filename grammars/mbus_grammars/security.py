"""Security of the transport layer: the configuration field, and what it says is hidden. EN 13757-7.

Which modes there are and how the fields of mode 7 stand: EN 13757-7:2018 via exmbus, libmburs and
m-bus-parser. Nothing is decrypted here: the grammar says which octets are encrypted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from construct import Container, Int32ul
from construct.core import stream_write

from .base import Anything, Context, Stream, field_of, is_mapping, octets_of
from .bits import BitField, Bits, CodeTable, Number, Octet, bits, flag
from .constructs import PresentIf, StrictStruct, field
from .dib import IDLE_FILLER
from .errors import BuildError, DecodeError

SECURITY_MODE_NAMES: Final = CodeTable(
    {
        0: "no encryption",
        1: "manufacturer specific",
        2: "DES-CBC, IV zero (deprecated)",
        3: "DES-CBC, IV not zero (deprecated)",
        4: "specific national usage",
        5: "AES-128-CBC, IV not zero",
        7: "AES-128-CBC, IV zero, derived key",
        8: "AES-128-CTR and CMAC",
        9: "AES-128-GCM",
        10: "AES-128-CCM",
        13: "specific national usage (TLS)",
        15: "specific national usage",
    },
    size=32,
)
SECURITY_MODES: Final = frozenset({1, 2, 3, 4, 5, 7, 8, 9, 10, 13, 15})
MODE_5: Final = 5
MODE_7: Final = 7
MODE_13: Final = 13
BLOCK: Final = 16
FILLERS: Final = bytes([IDLE_FILLER, IDLE_FILLER])

_MODE: Final[dict[str, BitField]] = {"security_mode": bits(8, 5, default=0)}
_BLOCKS: Final[dict[str, BitField]] = {"encrypted_blocks": bits(4, 4, default=0)}


class ByMode(Bits):
    """The configuration field: what its bits are depends on the security mode among them.

    Meters built before EN 13757-7 send anything here (MBDOC48: "signature").
    """

    def __init__(self, common: Bits, by_mode: Mapping[int, Bits]) -> None:
        super().__init__(common.size, **common.fields)
        self.by_mode = by_mode

    def layout(self, number: int) -> Bits | None:
        """The bits of a mode with a layout of its own."""
        return self.by_mode.get(_MODE["security_mode"].read(number))

    def unpack(self, number: int) -> Container[Any]:
        """The fields of a number."""
        own = self.layout(number)
        return super().unpack(number) if own is None else own.unpack(number)

    def pack(self, obj: object, path: str = "") -> int:
        """The number of the fields."""
        own = self.by_mode.get(obj.get("security_mode", 0)) if is_mapping(obj) else None
        return super().pack(obj, path) if own is None else own.pack(obj, path)


ConfigurationField: Final = ByMode(
    Bits(
        2,
        hop_counter=flag(0),
        repeated_access=flag(1),
        content=bits(2, 2, default=0),
        **_BLOCKS,
        **_MODE,
        synchronous=flag(13),
        accessibility=flag(14),
        bidirectional=flag(15),
    ),
    {
        MODE_7: Bits(
            2,
            content_index=bits(0, 4, default=0),
            **_BLOCKS,
            **_MODE,
            counter_present=flag(13),
            content=bits(14, 2, default=0),
        ),
        MODE_13: Bits(
            2,
            encrypted_octets=bits(0, 8, default=0),
            **_MODE,
            reserved=bits(13, 1, default=0),
            content=bits(14, 2, default=0),
        ),
    },
)

KEY_DERIVATIONS: Final = CodeTable({0: "persistent key", 1: "KDF-A"}, size=4)

# What stands behind the configuration field of mode 7; mode 13 has a protocol type.
ConfigurationFieldExtension: Final = Bits(
    1,
    key_id=bits(0, 4, default=0),
    key_derivation=bits(4, 2, default=0, table=KEY_DERIVATIONS),
    version_present=flag(6),
    reserved=bits(7, 1, default=0),
)
ProtocolExtension: Final = Bits(1, protocol_type=bits(0, 4, default=0), reserved=bits(4, 4, default=0))

MessageCounter: Final = Number(Int32ul, 0, 0xFFFFFFFF)


def announced(configuration_field: Mapping[str, Any]) -> int:
    """How many octets the configuration field says are encrypted."""
    if configuration_field["security_mode"] == MODE_13:
        octets: int = configuration_field["encrypted_octets"]
        return octets
    return BLOCK * int(configuration_field["encrypted_blocks"])


def _fields_length(configuration_field: Mapping[str, Any], extension: int) -> int:
    """How many octets the extension of a configuration field has, with what it says that follows."""
    if configuration_field["security_mode"] == MODE_13:
        return ProtocolExtension.size
    counter: int = MessageCounter.sizeof() if configuration_field["counter_present"] else 0
    version: int = Octet.sizeof() if ConfigurationFieldExtension.unpack(extension)["version_present"] else 0
    return ConfigurationFieldExtension.size + counter + version


class Security:
    """What a configuration field means on one of the two media.

    Wired meters built before EN 13757-7 send anything in the configuration field: reserved modes, no blocks,
    and more blocks than there are data mean plain data. By radio every mode but 0 is meant.
    """

    def __init__(self, *, wireless: bool) -> None:
        self.wireless = wireless

    def extended(self, configuration_field: Mapping[str, Any], left: int) -> bool:
        """Whether an extension of the configuration field may come next, by the `left` octets alone."""
        if configuration_field["security_mode"] not in (MODE_7, MODE_13):
            return False
        return self.wireless or 0 < announced(configuration_field) < left

    def fields_length(self, configuration_field: Mapping[str, Any], behind: bytes) -> int:
        """How many octets the mode's own fields have that stand behind the header; 0 for none.

        `behind`: the octets behind the header. There may be fewer in a frame by radio. On wires the fields
        are there only where the encrypted octets that are announced fit behind them.
        """
        if not self.extended(configuration_field, len(behind)):
            return 0
        length = _fields_length(configuration_field, behind[0] if behind else 0)
        if self.wireless or length + announced(configuration_field) <= len(behind):
            return length
        return 0

    def encrypted_length(self, configuration_field: Mapping[str, Any], payload: bytes) -> int:
        """How many octets behind the header (and its extension) are encrypted; 0 for plain data.

        The two idle fillers that only plain data start with mean plain: on wires in every mode, by radio in
        modes 5 and 7, which have them. In these plain data may follow the encrypted ones; the others put more
        fields in front of the data, so that their whole rest is kept. Raises `DecodeError` where there are
        fewer octets than a frame by radio says are encrypted.
        """
        mode = configuration_field["security_mode"]
        has_fillers = mode in (MODE_5, MODE_7)
        if not mode or not payload or (payload.startswith(FILLERS) and (has_fillers or not self.wireless)):
            return 0
        blocks = announced(configuration_field)
        if not has_fillers:
            if self.wireless:
                return len(payload)
            return len(payload) if mode in SECURITY_MODES and 0 < blocks <= len(payload) else 0
        if blocks <= len(payload):
            return blocks
        if not self.wireless:
            return 0
        raise DecodeError(
            f"{blocks} encrypted octets are announced, {len(payload)} are there",
            expected=f"{blocks} octets",
            found=f"{len(payload)} octets",
            code="encrypted_blocks",
        )

    def fields(self, *, records: bool) -> tuple[Anything, ...]:
        """The fields between the header and plain data. `records`: whether data records follow."""
        return (
            field("security", SecurityFields(self), "EN 13757-7"),
            field("encrypted", EncryptedBlocks(self, records=records), "EN 13757-7"),
        )


def _configuration_field(context: Context) -> Mapping[str, Any]:
    """The configuration field of the header beside a field, as its bits, also when building."""
    given = context["header"].get("configuration_field")
    if is_mapping(given) and "_number" in given:
        return given
    return ConfigurationField.unpack(ConfigurationField.pack(0 if given is None else given))


def _counter_present(context: Context) -> bool:
    return bool(_configuration_field(context["_"])["counter_present"])


def _version_present(context: Context) -> bool:
    return bool(context["configuration_field_extension"]["version_present"])


# What stands behind the header in the modes that say more than the configuration field holds.
SECURITY_FIELDS: Final = {
    MODE_7: StrictStruct(
        field("configuration_field_extension", ConfigurationFieldExtension, "EN 13757-7"),
        field("message_counter", PresentIf(_counter_present, MessageCounter), "EN 13757-7"),
        field("key_version", PresentIf(_version_present, Octet), "EN 13757-7"),
    ),
    MODE_13: StrictStruct(field("configuration_field_extension", ProtocolExtension, "EN 13757-7")),
}


class SecurityFields(Anything):
    """The fields that the security mode adds to the header; absent where it adds none.

    On wires old meters announce modes that they do not have, so that it depends on what follows.
    """

    may_be_absent = True

    def __init__(self, security: Security) -> None:
        super().__init__()
        self.security = security
        self.flagbuildnone = True

    def choose(self, configuration_field: Mapping[str, Any], behind: bytes) -> Anything | None:
        """The layout of the fields, None for none; `behind`: the octets behind the header."""
        if not self.security.fields_length(configuration_field, behind):
            return None
        return SECURITY_FIELDS[configuration_field["security_mode"]]

    def _parse(self, stream: Stream, context: Context, path: str) -> Any:
        configuration = context["header"]["configuration_field"]
        if configuration["security_mode"] not in SECURITY_FIELDS:
            return None
        start = stream.tell()
        behind = stream.read()
        stream.seek(start)
        chosen = self.choose(configuration, behind)
        return None if chosen is None else chosen._parsereport(stream, context, path)

    def _build(self, obj: Any, stream: Stream, context: Context, path: str) -> Any:
        mode = _configuration_field(context)["security_mode"]
        if obj is None and (mode not in SECURITY_FIELDS or not self.security.wireless):
            return None
        if mode not in SECURITY_FIELDS:
            raise BuildError(field_of(path), obj, f"none in security mode {mode}", path=path)
        fields: Any = SECURITY_FIELDS[mode]
        return fields._build(obj, stream, context, path)


class EncryptedBlocks(Anything):
    """The octets that are encrypted, b"" where the data are plain.

    How many depends on what they start with, which construct's Bytes cannot ask. Behind other data than
    records nothing is plain that follows encrypted octets: everything to the end is kept, and the field is
    absent where the data are plain.
    """

    def __init__(self, security: Security, *, records: bool) -> None:
        super().__init__()
        self.security = security
        self.records = records
        self.may_be_absent = not records
        self.flagbuildnone = True

    def length(self, configuration_field: Mapping[str, Any], payload: bytes) -> int:
        """How many octets of the payload are kept as they are."""
        length = self.security.encrypted_length(configuration_field, payload)
        return length if self.records or not length else len(payload)

    def _parse(self, stream: Stream, context: Context, path: str) -> bytes | None:
        start = stream.tell()
        payload = stream.read()
        stream.seek(start)
        configuration = context["header"]["configuration_field"]
        without_fields = configuration["security_mode"] in SECURITY_FIELDS and context.get("security") is None
        length = 0 if without_fields else self.length(configuration, payload)
        stream.seek(start + length)
        return payload[:length] if length or self.records else None

    def _build(self, obj: Any, stream: Stream, context: Context, path: str) -> Any:
        octets = b"" if obj is None else octets_of(obj, path)
        if octets:
            try:
                length = self.length(_configuration_field(context), octets)
            except DecodeError:
                length = 0
            if len(octets) != length:
                limit = "as many octets as configuration_field announces"
                raise BuildError(field_of(path), obj, limit, path=path)
        stream_write(stream, octets, len(octets), path)
        return octets


def is_plain(context: Context) -> bool:
    """Whether the data of the enclosing structure are readable."""
    return not context.get("encrypted")


def only_where_plain(item: Any) -> Anything:
    """The field of a layout, where the data of the layout are readable."""
    return field(item.name, PresentIf(is_plain, item.subcon), item.docs)


def verified(context: Context) -> bool:
    """Whether the two fillers stand in front of plain data: in the octets, or in the values when building."""
    if _configuration_field(context)["security_mode"] not in (MODE_5, MODE_7):
        return False
    if context["_building"]:
        return is_plain(context) and context.get("decryption_verification") is not None
    stream = context["_io"]
    start = stream.tell()
    octets = stream.read(len(FILLERS))
    stream.seek(start)
    return bool(is_plain(context) and octets == FILLERS)


WIRED: Final = Security(wireless=False)
WIRELESS: Final = Security(wireless=True)

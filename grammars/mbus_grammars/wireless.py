"""The link layer of wireless M-Bus: frame formats A and B, and frames without CRCs. EN 13757-4.

    format A    L C M M A A A A A A | CRC | CI and 15 octets | CRC | 16 octets | CRC | ... | rest | CRC
    format B    L C M M A A A A A A CI and up to 115 octets | CRC | up to 126 octets | CRC
    CRC-less    L C M M A A A A A A CI and up to 245 octets

The L field counts the octets behind it: in format A without the CRCs, in format B with them. CRC-less is
what most receivers deliver, and the form in which the rest of the library has a telegram: its L field is the
number of the octets behind it, whatever the frame's was.
"""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any, Final, Literal, get_args

from construct import Byte, Container, Default, If, Switch, this
from construct.core import stream_write

from .application import WIRELESS_USER_DATA
from .base import Anything, Context, Stream, field_of, is_mapping
from .bits import Octet
from .constructs import Derived, StrictStruct, field
from .crc import CRC_WITH_CRC, are_right, crc
from .errors import BuildError, ChecksumError, DecodeError, IncompleteFrame, LengthError
from .fields import CIField, DeviceType, IdentificationNumber, Manufacturer, WirelessCField

FormatWithCRCs = Literal["A", "B"]
FrameFormat = Literal["A", "B", "CRC-less"]
FRAME_FORMATS: Final[tuple[FrameFormat, ...]] = get_args(FrameFormat)

# How many octets of the telegram the first block and the following ones hold. EN 13757-4.
_BLOCKS: Final[dict[FormatWithCRCs, tuple[int, int]]] = {"A": (10, 16), "B": (126, 126)}
CRC_SIZE: Final = 2
END_OF_BLOCK_2: Final = 128  # of format B, its CRC included
MIN_TELEGRAM: Final = 10
# The octets of the longest telegram: an L field has one octet, that of format B counts two CRCs too.
MAX_TELEGRAM: Final[dict[FrameFormat, int]] = {"A": 256, "B": 252, "CRC-less": 256}


@lru_cache(maxsize=1024)
def blocks(length: int, frame_format: FormatWithCRCs) -> tuple[tuple[int, int], ...]:
    """Where the octets of a telegram of this length stand in a frame with CRCs.

    Each block is the offset of its first octet and that of the CRC behind it.
    """
    first, following = _BLOCKS[frame_format]
    sizes = [min(first, length)]
    while sum(sizes) < length:
        sizes.append(min(following, length - sum(sizes)))
    starts = [sum(sizes[:index]) + CRC_SIZE * index for index in range(len(sizes))]
    return tuple((start, start + size) for start, size in zip(starts, sizes, strict=True))


def place_in_frame(offset: int, frame_format: FrameFormat) -> int:
    """Where an octet of the CRC-less telegram stands in a frame of the format."""
    if frame_format == "CRC-less":
        return offset
    first, following = _BLOCKS[frame_format]
    return offset if offset < first else offset + CRC_SIZE * (1 + (offset - first) // following)


# --- Which format --------------------------------------------------------------------------------

# A fleet has few C fields with addresses, and each telegram asks for the CRC that these have.
_crc_behind_l_field: Final = lru_cache(maxsize=4096)(crc)
# What L fields do to the CRC of the first block, which is linear: the L field by the difference.
_L_FIELDS: Final = {crc(bytes([value, *bytes(9)])) ^ crc(bytes(10)): value for value in range(256)}


def frame_length(octets: bytes) -> int:
    """How many octets the frame has that starts here, for frames one behind the other.

    As many as format A needs if the CRC of its first block is right, else those that the L field counts.
    """
    length = _l_field(octets) + 1
    return length_of_a(length) if starts_as_a(octets) else length


def starts_as_a(octets: bytes) -> bool:
    """Whether the octets start with the first block of format A, its CRC right."""
    return _l_field_by_crc(octets) == octets[0]


def frame_format_of(octets: bytes) -> FrameFormat:
    """The format of a frame that is whole and alone, by its length and its CRCs.

    As many octets as the L field counts are format B if the CRC is right (one of them, where there are
    two), else CRC-less: nothing tells a damaged frame B of one CRC from a frame that never had one, and one
    in 65536 CRC-less frames ends as if with a CRC. Any other length is format A's. `without_crcs` checks the
    other CRCs.

    Raises:
        IncompleteFrame, LengthError: the L field and the octets do not fit. Format A is known by the CRC of
            its first block then; a frame A that ends where a CRC-less one would, by those of the first two.
        ChecksumError: as long as format A, but the CRC of the first block is wrong; it may be the L field.
    """
    length = _l_field(octets) + 1
    if len(octets) == length:
        if _is_b(octets):
            return "B"
        if not _is_damaged_a(octets):
            return "CRC-less"
    by_crc = _l_field_by_crc(octets)
    if by_crc != octets[0]:
        if len(octets) in (length_of_a(length), by_crc is not None and length_of_a(by_crc + 1)):
            _check_crcs(octets, blocks(length, "A")[:1])
        _check_length(octets, length)
    _check_length(octets, length_of_a(length))
    return "A"


def _l_field(octets: bytes) -> int:
    """The L field, which counts at least the C field and the address."""
    if not octets:
        raise DecodeError("no octets left", offset=0, expected="a wireless frame", code="empty")
    if octets[0] < MIN_TELEGRAM - 1:
        raise LengthError(
            f"L field {octets[0]:02X}h, a wireless frame has at least 09h",
            offset=0,
            expected="09h to FFh",
            found=f"{octets[0]:02X}h",
        )
    return octets[0]


def length_of_a(length: int) -> int:
    """The octets of a frame of format A, by those of its telegram."""
    return blocks(length, "A")[-1][1] + CRC_SIZE


def _l_field_by_crc(octets: bytes) -> int | None:
    """The L field with which the first block of format A has the CRC that it has, if there is one."""
    if len(octets) < 12:
        return None
    return _L_FIELDS.get(_crc_behind_l_field(octets[1:10]) ^ (octets[10] << 8 | octets[11]))


def _is_damaged_a(octets: bytes) -> bool:
    """Whether octets that could be CRC-less are a frame A that was cut, or whose L field is damaged.

    By two blocks: one alone is right by chance for one meter in 65536, and then in each of its telegrams.
    """
    by_crc = _l_field_by_crc(octets)
    if by_crc is None or by_crc < MIN_TELEGRAM:
        return False
    if by_crc == octets[0]:
        return len(octets) >= 30 and _ends_with_crc(octets[12:30])
    if len(octets) != length_of_a(by_crc + 1):
        return False
    return all(_ends_with_crc(octets[at : end + CRC_SIZE]) for at, end in blocks(by_crc + 1, "A")[1:])


def _is_b(octets: bytes) -> bool:
    """Whether octets of the right number have a CRC of format B that is right."""
    if len(octets) <= END_OF_BLOCK_2:
        return len(octets) >= MIN_TELEGRAM + CRC_SIZE and _ends_with_crc(octets)
    if len(octets) <= END_OF_BLOCK_2 + CRC_SIZE:
        return False
    return _ends_with_crc(octets[:END_OF_BLOCK_2]) or _ends_with_crc(octets[END_OF_BLOCK_2:])


def _telegram_length_in_b(octets: bytes) -> int:
    """How many octets a frame B has without its CRCs."""
    total = len(octets)
    crcs = 1 if total <= END_OF_BLOCK_2 else 2
    if total < MIN_TELEGRAM + CRC_SIZE or END_OF_BLOCK_2 < total <= END_OF_BLOCK_2 + CRC_SIZE:
        message = f"L field {octets[0]:02X}h, which no frame of format B has"
        raise LengthError(message, offset=0, found=f"{octets[0]:02X}h")
    return total - CRC_SIZE * crcs


def _ends_with_crc(block: bytes) -> bool:
    """Whether the last two octets are the CRC of those before.

    The polynomial has the factor x + 1, so that the bits that are set are even in number. This is found out
    ten times as fast, and rules out half of the octets that are no block.
    """
    if int.from_bytes(block, "big").bit_count() & 1:
        return False
    return crc(block) == CRC_WITH_CRC


def _check_length(octets: bytes, total: int) -> None:
    if len(octets) < total:
        message = f"the frame has {len(octets)} of {total} octets"
        raise IncompleteFrame(message, missing=total - len(octets), offset=len(octets))
    if len(octets) > total:
        raise LengthError(
            f"{len(octets)} octets, the L field {octets[0]:02X}h is of a frame of {total}",
            offset=total,
            expected=f"{total} octets",
            found=f"{len(octets)} octets",
        )


def _check_crcs(octets: bytes, of: tuple[tuple[int, int], ...]) -> None:
    if are_right(octets, of):
        return
    for number, (start, end) in enumerate(of, 1):
        computed, found = crc(octets[start:end]), octets[end] << 8 | octets[end + 1]
        if computed != found:
            raise ChecksumError(
                f"CRC {found:04X}h of block {number}, the octets give {computed:04X}h",
                offset=end,
                expected=f"{computed:04X}h",
                found=f"{found:04X}h",
            )


# --- From one format to another ------------------------------------------------------------------


def without_crcs(octets: bytes, frame_format: FrameFormat | None = None) -> tuple[FrameFormat, bytes]:
    """The format of a frame and its CRC-less telegram, all CRCs checked.

    Who knows the format gives it; with "B", a frame with a damaged CRC does not pass for a CRC-less one.

    Raises:
        IncompleteFrame, LengthError, ChecksumError: as `frame_format_of`; `offset` counts in the frame.
    """
    if frame_format is None:
        frame_format = frame_format_of(octets)
    else:
        length = _l_field(octets) + 1
        _check_length(octets, length_of_a(length) if frame_format == "A" else length)
    if frame_format == "CRC-less":
        return frame_format, octets
    length = octets[0] + 1
    if frame_format == "B":
        length = _telegram_length_in_b(octets)
    parts = blocks(length, frame_format)
    _check_crcs(octets, parts)
    telegram = bytearray().join([octets[start:end] for start, end in parts])
    telegram[0] = length - 1
    return frame_format, bytes(telegram)


# The blocks of a frame A by its L field; none where no frame has it.
_BLOCKS_OF_A: Final = tuple(
    blocks(l_field + 1, "A") if l_field + 1 >= MIN_TELEGRAM else () for l_field in range(256)
)


def telegram_of_a(octets: bytes) -> bytes | None:
    """The CRC-less telegram of octets that are a whole frame of format A, all CRCs right; None for others."""
    parts = _BLOCKS_OF_A[octets[0]] if octets else ()
    if not parts or len(octets) != parts[-1][1] + CRC_SIZE or not are_right(octets, parts):
        return None
    return b"".join([octets[start:end] for start, end in parts])


def with_l_field(octets: bytes) -> bytes:
    """A CRC-less telegram with its L field in front of the octets that start with the C field.

    That of a message which was joined from fragments counts no further than an L field can.
    """
    return bytes([min(len(octets), 0xFF)]) + octets


def with_crcs(octets: bytes, frame_format: FrameFormat) -> bytes:
    """The frame of a CRC-less telegram, whose L field has to be right.

    Raises:
        BuildError: no such format; the L field is wrong; the telegram is longer than the format allows.
    """
    if frame_format not in FRAME_FORMATS:
        raise BuildError("frame_format", frame_format, f"one of {', '.join(FRAME_FORMATS)}")
    if len(octets) < MIN_TELEGRAM:
        raise BuildError("telegram", octets, f"at least {MIN_TELEGRAM} octets")
    _check_limit(len(octets), frame_format, "")
    if octets[0] != len(octets) - 1:
        raise BuildError("l_field", octets[0], f"{len(octets) - 1}, the number of octets behind it")
    if frame_format == "CRC-less":
        return octets
    parts = blocks(len(octets), frame_format)
    frame = bytearray(octets)
    if frame_format == "B":
        frame[0] = len(octets) - 1 + CRC_SIZE * len(parts)
    for start, end in parts:
        frame[end:end] = crc(bytes(frame[start:end])).to_bytes(CRC_SIZE, "big")
    return bytes(frame)


def _check_limit(length: int, frame_format: FrameFormat, path: str) -> None:
    limit = MAX_TELEGRAM[frame_format]
    if length > limit:
        most = f"at most {limit - MIN_TELEGRAM - 1} octets in frame format {frame_format}"
        found = f"{length - MIN_TELEGRAM - 1} octets"
        raise BuildError(field_of(path, "user_data"), found, most, path=path)


# --- The frame -----------------------------------------------------------------------------------


def _has_ci_field(context: Context) -> bool:
    """A frame of nothing but C field and address has none; one with user data needs it."""
    if context["_building"]:
        return context.get("ci_field") is not None or bool(context.get("user_data"))
    return bool(context["l_field"] >= MIN_TELEGRAM)


# The CRC-less telegram. Its L field is filled in by `WirelessFrame`.
WirelessTelegram: Final = StrictStruct(
    field("l_field", Derived(Byte), "EN 13757-4"),
    field("c_field", WirelessCField, "EN 13757-4"),
    field("manufacturer", Manufacturer, "EN 13757-4"),
    field("identification_number", IdentificationNumber, "EN 13757-4"),
    field("version", Octet, "EN 13757-4"),
    field("device_type", DeviceType, "EN 13757-4"),
    field("ci_field", Default(If(_has_ci_field, CIField), None), "EN 13757-7"),
    field("user_data", Default(Switch(this.ci_field, WIRELESS_USER_DATA), {})),
)


class FrameFormats(Anything):
    """A telegram in any of the frame formats, the rest of the data; the first field says in which.

    `l_field` is as sent; building derives it and the CRCs, and makes a CRC-less frame where `frame_format` is
    not given. Offsets of what could not be read within the user data count in the CRC-less telegram;
    `place_in_frame` turns them round. construct has nothing that reads a construct from blocks with CRCs.
    """

    def __init__(self, telegram: Anything) -> None:
        super().__init__()
        self.telegram = telegram

    def _parse(self, stream: Stream, context: Context, path: str) -> Any:
        start = stream.tell()
        octets = stream.read()
        try:
            frame_format, telegram = without_crcs(octets)
        except DecodeError as fault:
            fault.offset, fault.path = start + (fault.offset or 0), path
            raise
        inner = io.BytesIO(bytes(start) + telegram)  # whoever embeds the frame gets offsets in the whole
        inner.seek(start)
        parsed = self.telegram._parsereport(inner, context, path)
        parsed["l_field"] = octets[0]
        return Container(frame_format=frame_format, **parsed)

    def _build(self, obj: Any, stream: Stream, context: Context, path: str) -> Any:
        if not is_mapping(obj):
            raise BuildError(field_of(path), obj, "a mapping with the fields of a frame", path=path)
        fields = dict(obj)
        frame_format = fields.pop("frame_format", "CRC-less")
        if frame_format not in FRAME_FORMATS:
            limit = f"one of {', '.join(FRAME_FORMATS)}"
            raise BuildError(field_of(path, "frame_format"), frame_format, limit, path=path)
        inner = io.BytesIO()
        self.telegram._build(fields, inner, context, path)
        octets = bytearray(inner.getvalue())
        _check_limit(len(octets), frame_format, path)
        octets[0] = len(octets) - 1
        frame = with_crcs(bytes(octets), frame_format)
        stream_write(stream, frame, len(frame), path)
        return obj


WirelessFrame: Final = FrameFormats(WirelessTelegram)

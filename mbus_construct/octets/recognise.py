"""What given octets are: a frame, wired or by radio, or what is left of one from some field on.

Gateways strip as much as they please: Elvaco's report 2001 starts at the C field, others send records alone.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from mbus_grammars import (
    ApplicationLayer,
    DataRecords,
    DecodeError,
    Frame,
    Grammar,
    LinkUserData,
    MBusError,
)
from mbus_grammars.application import USER_DATA
from mbus_grammars.code_tables import MANUFACTURERS
from mbus_grammars.crc import crc
from mbus_grammars.dib import METER_DIFS
from mbus_grammars.fields import CI_NAMES, COMPACT_FRAMES, WirelessCField, ci_field_of, ci_fields_with
from mbus_grammars.layers import Receiver
from mbus_grammars.link import (
    MAX_FRAME,
    MIN_L_FIELD,
    SINGLE_CHARACTER,
    START_LONG,
    START_SHORT,
    STARTS,
    frame_length,
)
from mbus_grammars.places import (
    HEADERS,
    LINK_ADDRESS,
    LINKS,
    LONG_OVERHEAD,
    RECORD_AREAS,
    SELECTIONS,
    SHORT_LENGTH,
)
from mbus_grammars.wireless import (
    CRC_SIZE,
    END_OF_BLOCK_2,
    MAX_TELEGRAM,
    MIN_TELEGRAM,
    WirelessTelegram,
    blocks,
    frame_format_of,
    starts_as_a,
    without_crcs,
)

if TYPE_CHECKING:
    from mbus_grammars.base import Anything
    from mbus_grammars.wireless import FrameFormat

    from ..model.json_shapes import Form

HeaderAndRecords: Final[Anything] = Grammar(USER_DATA[ci_field_of("records", "long")])

GRAMMARS: Final[dict[Form, Anything]] = {
    "frame": Frame,
    "c_field": LinkUserData,
    "ci_field": ApplicationLayer,
    "header": HeaderAndRecords,
    "records": DataRecords,
    "wireless": Grammar(WirelessTelegram),  # without the CRCs of its blocks
}

_FROM_C: Final = LINKS["c_field"]["ci_field"]

# C fields of frames that carry user data: SND_UD with any FCB and FCV, RSP_UD with any ACD and DFC.
C_FIELDS: Final = frozenset({0x43, 0x63, 0x53, 0x73, 0x08, 0x18, 0x28, 0x38})

# Records stand before the header: what is readable as both, but with an odd header, is more often records.
_ORDER: Final[tuple[Form, ...]] = ("c_field", "ci_field", "records", "header")

# CI fields of services whose user data are a few octets.
_SHORT_SERVICES: Final = frozenset(
    ci_fields_with("application reset", "application error", "alarm", "baud rate")
)
_SHORT: Final = 16

# CI fields with a grammar that says whether the rest is plausible. Format frames and selected applications
# are so rare that octets which start as they do are bare records more likely.
CI_FIELDS: Final = _SHORT_SERVICES.union(SELECTIONS, RECORD_AREAS[False], COMPACT_FRAMES).union(
    ci_fields_with("fixed data, MSB first")
)


def detect(data: bytes) -> Form:
    """The form of the octets: the first of `candidates`."""
    return candidates(data)[0]


def candidates(data: bytes) -> tuple[Form, ...]:
    """The forms in which the octets can be read, the likeliest first; never empty.

    A frame is known by its start octets, whatever is wrong with the rest. Among the others those come first
    in which everything is known behind a header that looks like one; then those in which everything is
    known; those with such a header; and records whose meaning is not known. What has but an odd header to
    show for itself comes last, because bare records are taken for one easily.
    """
    if looks_like_frame(data):
        return ("wireless",) if _is_other_frame(data) else ("frame",)
    if looks_wireless(data):
        return ("wireless",)
    possible: list[Form] = [form for form in _ORDER if _possible(form, data)]
    clean: list[Form] = [form for form in possible if _clean(form, data)]
    plausible: list[Form] = [form for form in possible if form != "records" and _plausible(form, data)]
    both: list[Form] = [form for form in plausible if form in clean]
    known: list[Form] = [form for form in clean if form != "header"]
    records: list[Form] = [form for form in possible if form == "records" and _readable(data)]
    damaged: list[Form] = [] if both else plausible
    likely: dict[Form, None] = dict.fromkeys([*both, *known, *damaged, *records, *clean])
    return tuple(likely or possible[:1]) or ("frame",)


def _is_other_frame(data: bytes) -> bool:
    """Whether octets that start as a wired frame are none, but one by radio: its L field is any octet."""
    if not looks_wireless(data):
        return False
    try:
        Frame.parse(data)
    except MBusError:
        return True
    return False


def looks_wireless(data: bytes) -> bool:
    """Whether the octets are a frame by radio, damaged or not."""
    try:
        return wireless_telegram(data) is not None
    except DecodeError:
        return True


def wireless_telegram(data: bytes) -> tuple[FrameFormat, bytes] | None:
    """The format and the CRC-less telegram of octets that are a frame by radio; None where they are none.

    Sure by the CRC of a block. Without one where the L field fits, and the C field is of a meter that sends
    by itself or the address is as meters have it; where the L field does not fit, both, or the manufacturer
    has to be a known one. Raises `DecodeError` where it is a frame by radio and damaged.
    """
    found = _undamaged_where_sure(data)
    if found is None and _behind_first_block_of_a(data):
        return without_crcs(data, "A")
    if found is None and len(data) > END_OF_BLOCK_2 and _is_long_b(data):
        return without_crcs(data, "B")
    return found


def _is_long_b(data: bytes) -> bool:
    """Whether one of the two CRCs of a long frame B is right."""
    try:
        return frame_format_of(data) == "B"
    except DecodeError:
        return False


def _undamaged_where_sure(data: bytes) -> tuple[FrameFormat, bytes] | None:
    """What `wireless_telegram` gives for octets whose first block looks like one."""
    if len(data) < _WIRELESS_MIN or WirelessCField.name_of(data[1]) is None:
        return None
    try:
        frame_format, telegram = found = without_crcs(data)
    except DecodeError:
        known = data[1] not in SENT_UNASKED
        if starts_as_a(data) or (_may_send(data) and _has_address(data[LINK_ADDRESS], known)):
            raise
        return None
    if frame_format == "A" or (frame_format == "B" and len(telegram) == _CI_FIELD):
        return found
    sure = frame_format == "B" or data[1] in SENT_UNASKED or _has_address(telegram[LINK_ADDRESS], False)
    return found if sure and _may_send(telegram) else None


def _behind_first_block_of_a(data: bytes) -> bool:
    """Whether octets are a frame A as far as its length, and the CRCs behind the first block, tell.

    The L field has to be right, or to be all that is wrong in the first block.
    """
    behind = blocks(_A_MAX, "A")[1:]
    ends = [end for _, end in behind if end + CRC_SIZE <= len(data)]
    last = len(data) - CRC_SIZE
    if not ends or last != ends[-1]:
        if len(ends) == len(behind) or last <= behind[len(ends)][0]:
            return False
        ends.append(last)
    parts = [(start, end) for (start, _), end in zip(behind, ends, strict=False)]
    l_field = MIN_TELEGRAM - 1 + sum(end - start for start, end in parts)
    if data[0] != l_field and not starts_as_a(bytes([l_field]) + data[1:]):
        return False
    return all(
        crc(data[start:end]).to_bytes(CRC_SIZE, "big") == data[end : end + CRC_SIZE] for start, end in parts
    )


_WIRELESS_MIN: Final = MIN_TELEGRAM + 1
_A_MAX: Final = MAX_TELEGRAM["A"]
_CI_FIELD: Final = LINKS["wireless"]["ci_field"]
SENT_UNASKED: Final = (0x44, 0x46)  # C fields of meters that send by themselves


def _may_send(telegram: bytes) -> bool:
    """Whether what stands behind the address is a CI field."""
    return len(telegram) > _CI_FIELD and CI_NAMES.codes[telegram[_CI_FIELD]].name != "reserved"


@lru_cache(maxsize=4096)
def _has_address(octets: bytes, known: bool) -> bool:
    """Whether a link address has digits, an assigned device type, and letters; `known`: of a company."""
    address = Receiver.parse(octets)
    manufacturer = address["manufacturer"]
    return (
        (manufacturer in MANUFACTURERS if known else len(manufacturer) == 3)
        and address["identification_number"].isdecimal()
        and address["device_type"].name != "reserved"
    )


def looks_like_frame(data: bytes) -> bool:
    """Whether the octets start as a frame does: whole, cut short, damaged, or with others behind it."""
    first = data[0] if data else None
    if first == SINGLE_CHARACTER:
        return len(data) == 1 or data[1] in STARTS
    if first == START_SHORT:
        return len(data) <= SHORT_LENGTH or wired_length(data) > 0
    return first == START_LONG and (len(data) < SHORT_LENGTH or data[1] == data[2] or data[3] == START_LONG)


def misplaced_frame(data: bytes) -> str | None:
    """What is wrong with octets that hold a long frame which does not start where they do; None without one.

    Echoes, wake-up octets and noise stand before frames, and readers that start late lose their first octets.
    Read as user data such octets give numbers that nobody measured.
    """
    offset = frame_within(data)
    if offset is not None:
        return f"a frame starts at offset {offset}, not at 0"
    for lost in (1, 2, 3):
        length = len(data) + lost - LONG_OVERHEAD
        if MIN_L_FIELD <= length <= 0xFF and wired_length(bytes([START_LONG, length, length])[:lost] + data):
            return f"a frame that lacks its first octets ({lost})"
    return None


def frame_within(data: bytes) -> int | None:
    """Where a whole long frame starts behind the first octet; None without one."""
    offset = data.find(START_LONG, 1)
    while offset > 0 and not wired_length(data, offset):
        offset = data.find(START_LONG, offset + 1)
    return offset if offset > 0 else None


def wired_length(octets: bytes, at: int = 0) -> int:
    """Octets of the undamaged wired frame that starts there, 0 where none does."""
    if at >= len(octets) or octets[at] not in STARTS:
        return 0
    try:
        return frame_length(octets[at : at + MAX_FRAME])
    except MBusError:
        return 0


def _possible(form: Form, data: bytes) -> bool:
    if form == "c_field":
        return len(data) > _FROM_C and data[0] in C_FIELDS and _possible("ci_field", data[_FROM_C:])
    if form == "ci_field":
        return data[0] in CI_FIELDS and (data[0] not in _SHORT_SERVICES or len(data) <= _SHORT)
    return len(data) >= (HEADERS["long"].size if form == "header" else 2)


def _clean(form: Form, data: bytes) -> bool:
    """Whether everything is readable in this form."""
    try:
        parsed = GRAMMARS[form].parse(data)
    except MBusError:
        return False
    if form == "records":
        return _all_records(parsed)
    user_data = parsed if form == "header" else parsed["user_data"]
    records = user_data.get("records", [])
    if form == "header" or (form == "ci_field" and "header" not in user_data):
        return "malformed" not in user_data and _all_records(records)
    return "malformed" not in user_data and not any("malformed" in item for item in records)


def _readable(data: bytes) -> bool:
    """Whether bare records are readable to the end, whatever they mean."""
    return not any("malformed" in item for item in GRAMMARS["records"].parse(data))


def _all_records(items: list[Any]) -> bool:
    """Every item is a record with a known meaning, a filler, or the manufacturer's tail."""
    return all(
        ("_header" in item and item["_header"].meaning.status != "reserved")
        or ("dif" in item and item["dif"] in METER_DIFS)
        for item in items
    )


def _plausible(form: Form, data: bytes) -> bool:
    """Whether a header is as meters send it.

    That is: digits, letters, an assigned device type, and no configuration or a manufacturer that is known.

    Without a header the three octets of C, A and CI field are evidence enough, a CI field alone is not.
    """
    parsed = GRAMMARS[form].parse(data)
    user_data = parsed if form == "header" else parsed["user_data"]
    header = user_data.get("header", {})
    if "manufacturer" not in header:
        return form == "c_field"
    return bool(
        header["identification_number"].isdecimal()
        and len(header["manufacturer"]) == 3
        and header["device_type"].name != "reserved"
        and (not header["configuration_field"]["_number"] or header["manufacturer"] in MANUFACTURERS)
    )

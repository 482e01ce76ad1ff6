"""The telegrams of a simulated meter taken apart: header, records that move, and octets that do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from mbus_grammars import BuildError, FixedData, Frame
from mbus_grammars.application import FIXED_OR_COMPACT, USER_DATA, WIRED_ONLY, LongHeaderMSB
from mbus_grammars.dib import MORE_RECORDS_FOLLOW
from mbus_grammars.fields import FULL_FRAMES, ci_field_of
from mbus_grammars.fixed import FixedDataMSB
from mbus_grammars.places import readout_headers
from mbus_grammars.record import RecordsFromMeter
from mbus_grammars.security import FILLERS

from ..decoding.decode import decode_records
from .records import SimulatedRecord

if TYPE_CHECKING:
    from .encryption import Protection

# What the user group advises for the records of one telegram (MBDOC48 6.3.2).
MAX_RECORDS: Final = 234

_MORE: Final = RecordsFromMeter.build([{"dif": MORE_RECORDS_FOLLOW, "manufacturer_data": b""}])
VARIABLE: Final = ci_field_of("records", "long")
FIXED: Final = FIXED_OR_COMPACT

# What stands before the records, or instead of them.
HEADERS: Final[dict[int, Any]] = {
    **{code: header.layout for code, header in readout_headers().items() if header.size},
    FIXED: FixedData,
    WIRED_ONLY: LongHeaderMSB,
    ci_field_of("fixed data, MSB first"): FixedDataMSB,
}

Part = SimulatedRecord | bytes


@dataclass(slots=True)
class Template:
    """One telegram: its header's values as the grammar names them, and what stands behind the header.

    `encrypted`: it was captured so, and can be decrypted with the access number that it has only.
    """

    ci_field: int
    header: dict[str, Any] = field(default_factory=dict[str, Any])
    parts: list[Part] = field(default_factory=list[Part])
    encrypted: bool = False


def captured(octets: bytes, protection: Protection | None) -> tuple[int, Template]:
    """A captured telegram: the A field, and header and records taken apart."""
    frame: Mapping[str, Any] = Frame.parse(octets)
    if "ci_field" not in frame:
        raise BuildError("telegrams", octets.hex(" "), "frames with user data (68h ...)")
    ci_field = int(frame["ci_field"])
    user_data = USER_DATA[ci_field].build(frame["user_data"])
    grammar = HEADERS.get(ci_field)
    if grammar is None or "malformed" in frame["user_data"]:
        return int(frame["a_field"]), Template(ci_field, {}, [user_data])
    header = {key: item for key, item in grammar.parse(user_data).items() if not key.startswith("_")}
    opened = None if protection is None else protection.opened(octets)
    if opened is not None:
        return int(frame["a_field"]), Template(ci_field, header, _without_fillers(_parts(opened)))
    rest = user_data[len(grammar.build(header)) :]
    encrypted = bool(frame["user_data"].get("encrypted"))
    parts: list[Part] = _parts(rest) if ci_field in FULL_FRAMES and not encrypted else [rest]
    return int(frame["a_field"]), Template(ci_field, header, parts, encrypted)


def _parts(area: bytes) -> list[Part]:
    """A record area in its records, and the octets between them."""
    parts: list[Part] = []
    position = 0
    for record in decode_records(area, RecordsFromMeter) if area else ():
        if record.data_field is None:
            continue
        parts.append(area[position : record.offset])
        end = record.offset + record.length
        parts.append(SimulatedRecord(area[record.offset : end]))
        position = end
    return [part for part in (*parts, area[position:]) if part != b""]


def _without_fillers(parts: Sequence[Part]) -> list[Part]:
    """A record area's parts without idle fillers: sealing puts in what it needs."""
    kept = (part.lstrip(FILLERS) if isinstance(part, bytes) else part for part in parts)
    return [part for part in kept if part != b""]


def in_telegrams(records: Sequence[Mapping[str, Any]], most: int) -> list[Template]:
    """Built records in their telegrams, DIF 1Fh at the end of all but the last."""
    numbered: dict[int, list[SimulatedRecord]] = {}
    for index, given in enumerate(records):
        number = given.get("telegram", 1)
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise BuildError(f"records[{index}].telegram", number, "a number from 1 on")
        try:
            numbered.setdefault(number, []).append(SimulatedRecord.of(given))
        except BuildError as error:
            name = error.field.removeprefix("records[0]").lstrip(".")
            raise BuildError(f"records[{index}].{name}".rstrip("."), error.value, error.limit) from error
    groups = [group for number in sorted(numbered) for group in _groups(numbered[number], most)] or [[]]
    return [
        Template(VARIABLE, {}, [*group, *([_MORE] if index + 1 < len(groups) else [])])
        for index, group in enumerate(groups)
    ]


def _groups(records: Sequence[SimulatedRecord], most: int) -> list[list[SimulatedRecord]]:
    """Records in groups that fit a telegram of so many octets of records."""
    groups: list[list[SimulatedRecord]] = [[]]
    length = 0
    for record in records:
        if length + len(record.octets) >= most:
            groups.append([])
            length = 0
        groups[-1].append(record)
        length += len(record.octets)
    return groups


def split(records: Sequence[SimulatedRecord], most: int) -> list[list[Part]]:
    """Records that were selected, in telegrams: DIF 1Fh at the end of all but the last."""
    groups = _groups(records, most)
    return [[*group, *([_MORE] if index + 1 < len(groups) else [])] for index, group in enumerate(groups)]

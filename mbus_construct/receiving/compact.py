"""Full frames, format frames and compact frames made from one another. EN 13757-3:2018 Annex G.

    full frame       DIB VIB data | DIB VIB data | ...
    format frame     length | signature | DIB VIB | DIB VIB | ...
    compact frame    signature | CRC of the full frame | data | data | ...

The signature is the CRC of all DIBs and VIBs, one behind the other. LVAR octets belong to the data, the
texts of plain-text VIFs to the headers. Idle fillers (2Fh) and what stands behind 0Fh and 1Fh are in neither
CRC: nothing of them could be rebuilt. (Not seen in the standard itself; exmbus reads it so.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from construct import ConstructError

from mbus_grammars import BuildError, DecodeError, MBusError
from mbus_grammars.application import CompactFrame, FormatFrame
from mbus_grammars.base import as_decode_error
from mbus_grammars.constructs import StrictStruct
from mbus_grammars.crc import crc
from mbus_grammars.dib import IDLE_FILLER, METER_DIFS, NO_RECORD
from mbus_grammars.record import RecordsFromMeter
from mbus_grammars.scan import data_end

State = Literal[
    "ok", "unknown_signature", "data_too_short", "data_too_long", "lvar_reserved", "full_frame_crc"
]

REFUSALS: Final = (ConstructError, MBusError)

_FILLER: Final = bytes([IDLE_FILLER])
_COMPACT: Final = StrictStruct(*CompactFrame)
_FORMAT: Final = StrictStruct(*FormatFrame)
_SIGNATURE_SIZE: Final = 2
_MOST_HEADERS: Final = 0xFF - _SIGNATURE_SIZE  # octets that the length of a format frame can count


class Place(NamedTuple):
    """Where a record of a full frame stands: `start` to `end`, its data from `data` on.

    `source`: where the data stand in what they were rebuilt from.
    """

    start: int
    data: int
    end: int
    source: int


class Full(NamedTuple):
    """The full frame of a compact frame, or why there is none.

    Attributes:
        state: "ok"; what else there is says `reason` in one sentence, None for "ok".
        records: the record area. Behind "full_frame_crc" as the damaged data make it; otherwise, where not
            "ok", of the records whose data are there.
        places: of its records, one for each.
        offset: the octet of the data at which it was noticed, None where that says nothing.
    """

    state: State
    records: bytes = b""
    places: tuple[Place, ...] = ()
    reason: str | None = None
    offset: int | None = None


class Format(NamedTuple):
    """The record headers of a meter's full frames; lengths of data, None where an LVAR octet says it."""

    signature: int
    headers: tuple[bytes, ...]
    lengths: tuple[int | None, ...]


def compact(records: bytes) -> bytes:
    """The compact frame of a full frame's record area: signature, CRC, data. Fillers are left out.

    Raises `BuildError` where there is no data record, one that cannot be read, or manufacturer data behind
    0Fh or 1Fh, for which a compact frame has no room.
    """
    places = _places_to_build(records)
    if tail_of(records, places) is not None:
        limit = "data records only: a compact frame has no room for manufacturer data behind 0Fh and 1Fh"
        raise BuildError("records", records, limit)
    return _COMPACT.build(
        {
            "format_signature": crc(headers_of(records, places)),
            "full_frame_crc": crc(b"".join(records[place.start : place.end] for place in places)),
            "payload": b"".join(records[place.data : place.end] for place in places),
        }
    )


def format_frame(records: bytes) -> bytes:
    """The format frame of a full frame's record area: length, signature, headers.

    Raises `BuildError` where there is no data record, one that cannot be read, or more than 253 octets of
    headers.
    """
    headers = headers_of(records, _places_to_build(records))
    if len(headers) > _MOST_HEADERS:
        raise BuildError("records", records, f"records with up to {_MOST_HEADERS} octets of DIBs and VIBs")
    return _FORMAT.build(
        {"length": _SIGNATURE_SIZE + len(headers), "format_signature": crc(headers), "payload": headers}
    )


# --- Records by their headers --------------------------------------------------------------------


def places_of(records: bytes) -> list[Place]:
    """The data records of an area, up to its end or to 0Fh or 1Fh. Raises where one cannot be read."""
    places: list[Place] = []
    source = 0
    for start, end, record in RecordsFromMeter.places(records):
        if record is not None:
            if record.fault is not None:
                raise record.fault
            places.append(Place(start, record.data, end, source))
            source += end - record.data
        elif records[start] not in METER_DIFS:
            raise DecodeError(NO_RECORD, offset=start, code="special_function")
    return places


def tail_of(records: bytes, places: Sequence[Place]) -> int | None:
    """Where 0Fh or 1Fh stands behind the records, None without."""
    end = places[-1].end
    rest = records[end:].lstrip(_FILLER)
    return len(records) - len(rest) if rest else None


def headers_of(records: bytes, places: Sequence[Place]) -> bytes:
    """DIBs and VIBs of the records, one behind the other."""
    return b"".join(records[place.start : place.data] for place in places)


def _places_to_build(records: bytes) -> list[Place]:
    """The data records of an area that is to be built from."""
    try:
        places = places_of(records)
    except REFUSALS as error:
        limit = f"data records that can be read: {as_decode_error(error, 0).message}"
        raise BuildError("records", records, limit) from error
    if not places:
        raise BuildError("records", records, "at least one data record")
    return places


def format_of(signature: int, octets: bytes) -> Format:
    """The format of a format frame; fillers between the headers are left out.

    Raises `DecodeError` ("format_signature") where the signature is not the CRC of the headers, and where one
    of them cannot be read.
    """
    headers: list[bytes] = []
    lengths: list[int | None] = []
    position = 0
    while position < len(octets):
        if octets[position] == IDLE_FILLER:
            position += 1
            continue
        try:
            header, end = RecordsFromMeter.header_at(octets, position)
            if header.fault:
                raise DecodeError(header.fault, offset=position, code="chain_too_long")
        except REFUSALS as error:
            why = as_decode_error(error, position).message
            fault = f"header {len(headers) + 1} of the format {signature:04X}h cannot be read: {why}"
            raise DecodeError(fault, offset=position, code="format_signature") from error
        headers.append(octets[position:end])
        lengths.append(header.length)
        position = end
    found = crc(b"".join(headers))
    if not headers or found != signature:
        found_text = f"{found:04X}h" if headers else "no header"
        raise DecodeError(
            f"the signature {signature:04X}h is not that of the headers, {found_text}: the format is damaged",
            expected=f"{signature:04X}h",
            found=found_text,
            code="format_signature",
        )
    return Format(signature, tuple(headers), tuple(lengths))


# --- Full frames from compact ones ---------------------------------------------------------------


def full_frame(form: Format, full_frame_crc: int, data: bytes) -> Full:
    """The full frame of a compact frame whose format is known."""
    parts: list[bytes] = []
    places: list[Place] = []
    position, source = 0, 0
    for header, length in zip(form.headers, form.lengths, strict=True):
        end = data_end(data, source, length)
        if end is None or end > len(data):
            return _cut(form, data, b"".join(parts), tuple(places), source=source, end=end)
        parts += header, data[source:end]
        start = position + len(header)
        places.append(Place(position, start, start + end - source, source))
        position, source = start + end - source, end
    records = b"".join(parts)
    rest = data[source:]
    if rest.strip(_FILLER):
        reason = (
            f"{len(rest)} octets stand behind the data of the {len(places)} records "
            f"that the format {form.signature:04X}h has"
        )
        return Full("data_too_long", records, tuple(places), reason, source)
    found = crc(records)
    if found != full_frame_crc:
        reason = (
            f"the full frame has the CRC {found:04X}h, the compact frame announces {full_frame_crc:04X}h: "
            "its data are damaged, or the meter's format is another one with the same signature"
        )
        return Full("full_frame_crc", records, tuple(places), reason)
    return Full("ok", records, tuple(places))


def _cut(
    form: Format, data: bytes, records: bytes, places: tuple[Place, ...], *, source: int, end: int | None
) -> Full:
    """What is there of a full frame where the data of the next record, at `source`, are not."""
    record = f"record {len(places) + 1} of {len(form.headers)}"
    if end is None:
        reason = f"LVAR {data[source]:02X}h of {record} is reserved, its length unknown"
        return Full("lvar_reserved", records, places, reason, source)
    reason = f"the data end within {record} that the format {form.signature:04X}h has: the frame was cut"
    return Full("data_too_short", records, places, reason, len(data))

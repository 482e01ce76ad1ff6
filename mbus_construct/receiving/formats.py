"""The formats of compact frames, learned from full frames and format frames. EN 13757-3:2018 Annex G."""

from __future__ import annotations

import json
import os
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, Final, NamedTuple

from mbus_grammars import MBusError
from mbus_grammars.base import is_mapping, is_sequence
from mbus_grammars.crc import crc

from ..errors import LocalProtocolError
from ..model.json_values import parse_json
from .compact import (
    REFUSALS,
    Format,
    Full,
    Place,
    compact,
    format_frame,
    format_of,
    full_frame,
    headers_of,
    places_of,
    tail_of,
)

MeterType = tuple[str, int, int]  # manufacturer, version, device type

_VERSION: Final = 1  # of the saved form
_LIMIT: Final = 4096
_SHARED: Final = 4  # layouts of one length that full frames of a meter type take turns with
_SAVES: Final = count()


__all__ = ["Formats", "Full", "MeterType", "Place", "compact", "format_frame"]


class _Known(NamedTuple):
    """Full frames of one length and layout: those whose octets under the mask are `octets`."""

    mask: int
    octets: int
    format: Format


class Formats:
    """Formats by meter type and signature. Several threads may share them.

    Meter types do not share theirs: a signature has 16 bits, and the CRC of the full frame, of the same code,
    does not notice where the headers of one record are others of the same length and signature.
    The ones that were not used for the longest time are forgotten where there are more than `limit`.
    """

    def __init__(self, limit: int = _LIMIT) -> None:
        if limit < 1:
            raise ValueError(f"limit {limit} does not fit: at least 1")
        self.limit = limit
        # Threads share these without a lock: each step on them is one that the interpreter does not divide.
        self._formats: OrderedDict[tuple[MeterType | None, int], Format] = OrderedDict()
        self._known: dict[tuple[MeterType | None, int], tuple[_Known, ...]] = {}

    def __len__(self) -> int:
        return len(self._formats)

    def __repr__(self) -> str:
        return f"<Formats: {len(self)} of at most {self.limit}>"

    def learn(self, meter_type: MeterType | None, records: bytes) -> int | None:
        """Learn from the record area of a full frame of a meter; give the signature of its format.

        None where there is none: no record, or one that cannot be read. `meter_type` None: nobody says it.
        """
        layout = meter_type, len(records)
        known = self._known.get(layout)
        if known is not None:
            number = int.from_bytes(records, "little")
            for item in known:
                if number & item.mask == item.octets:
                    self._use(meter_type, item.format)
                    return item.format.signature
        try:
            places = places_of(records)
            headers = headers_of(records, places)
            form = format_of(crc(headers), headers)
        except REFUSALS:  # no header at all is one too
            return None
        self._remember(layout, _known(records, places, form))
        self._use(meter_type, form)
        return form.signature

    def learn_format(self, meter_type: MeterType | None, signature: int, headers: bytes) -> None:
        """Learn from a format frame: its signature, and the octets that its length counts behind that.

        Raises `DecodeError` ("format_signature") where the one is not the CRC of the other, or where the
        headers cannot be read.
        """
        self._use(meter_type, format_of(signature, headers))

    def full(self, meter_type: MeterType | None, signature: int, full_frame_crc: int, data: bytes) -> Full:
        """The full frame of a compact frame, its CRC checked. What is wrong is its state, no error.

        Fillers behind the data are no fault: they come from encryption.
        """
        form = self._formats.get((meter_type, signature))
        if form is None:
            reason = (
                f"the format {signature:04X}h of this meter type is not known yet: "
                "a full frame or a format frame of such a meter teaches it"
            )
            return Full("unknown_signature", reason=reason)
        self._use(meter_type, form)
        return full_frame(form, full_frame_crc, data)

    def _use(self, meter_type: MeterType | None, form: Format) -> None:
        """Make a format the one with its signature, and the one used last."""
        key = meter_type, form.signature
        if self._formats.get(key) is not form:
            self._formats[key] = form
            while len(self._formats) > self.limit:
                with suppress(KeyError):  # another thread was faster
                    self._formats.popitem(last=False)
        with suppress(KeyError):  # another thread may have learned `limit` others meanwhile
            self._formats.move_to_end(key)

    def _remember(self, layout: tuple[MeterType | None, int], item: _Known) -> None:
        if len(self._known) >= self.limit:  # anew, not emptied: another thread may be reading it
            self._known = {}
        self._known[layout] = (item, *self._known.get(layout, ())[: _SHARED - 1])

    def to_dict(self) -> dict[str, Any]:
        """The formats as JSON has them, the one used last at the end. `Formats.from_dict` reads it."""
        return {
            "version": _VERSION,
            "what": "formats of compact frames",
            "formats": [
                {
                    **_type_to_dict(meter_type),
                    "signature": f"{signature:04X}",
                    "headers": " ".join(header.hex().upper() for header in form.headers),
                }
                for (meter_type, signature), form in self._formats.copy().items()
            ],
        }

    @classmethod
    def from_dict(cls, saved: object, limit: int = _LIMIT) -> Formats:
        """What `to_dict` gave. Raises `LocalProtocolError` where it is damaged, or of another version."""
        items: object = saved.get("formats") if is_mapping(saved) else None
        if not is_mapping(saved) or not is_sequence(items):
            raise LocalProtocolError("these are no formats: give what Formats.to_dict gave")
        if saved.get("version") != _VERSION:
            raise LocalProtocolError(
                f"these formats are of version {saved.get('version')!r}, known is {_VERSION}: "
                "take the program that wrote them, or learn them anew"
            )
        formats = cls(limit)
        for number, item in enumerate(items, 1):
            try:
                meter_type, signature, headers = _entry(item)
                formats.learn_format(meter_type, signature, headers)
            except (ValueError, MBusError) as error:
                fault = f"format {number} is damaged ({error}): learn the formats anew"
                raise LocalProtocolError(fault) from error
        return formats

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the formats to a file as JSON, whole or not at all. Raises `OSError` where it cannot be."""
        path = Path(path)
        new = path.with_name(f"{path.name}.{os.getpid()}-{next(_SAVES)}.new")
        try:
            with new.open("w", encoding="utf-8") as file:
                file.write(json.dumps(self.to_dict(), indent=1) + "\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(new, path)
        except OSError:
            with suppress(OSError):
                new.unlink()
            raise

    @classmethod
    def load(cls, path: str | os.PathLike[str], limit: int = _LIMIT) -> Formats:
        """The formats of a file that `save` wrote.

        Raises `OSError` where it cannot be read, `LocalProtocolError` where it holds something else.
        """
        try:
            return cls.from_dict(parse_json(Path(path).read_text(encoding="utf-8")), limit)
        except LocalProtocolError as error:
            raise LocalProtocolError(f"{os.fspath(path)}: {error}") from error
        except ValueError as error:
            raise LocalProtocolError(
                f"{os.fspath(path)} is no JSON: give a file that Formats.save wrote, or none"
            ) from error


def _known(records: bytes, places: Sequence[Place], form: Format) -> _Known:
    """The layout of a full frame: its octets but for the data; LVAR octets belong to it."""
    mask = bytearray(b"\xff" * len(records))
    for place, length in zip(places, form.lengths, strict=True):
        start = place.data + (length is None)
        mask[start : place.end] = bytes(place.end - start)
    tail = tail_of(records, places)
    if tail is not None:
        mask[tail + 1 :] = bytes(len(records) - tail - 1)
    number = int.from_bytes(mask, "little")
    return _Known(number, number & int.from_bytes(records, "little"), form)


# --- The saved form ------------------------------------------------------------------------------


def _type_to_dict(meter_type: MeterType | None) -> dict[str, Any]:
    if meter_type is None:
        return {"manufacturer": None}
    manufacturer, version, device_type = meter_type
    return {"manufacturer": manufacturer, "version": int(version), "device_type": int(device_type)}


def _entry(item: object) -> tuple[MeterType | None, int, bytes]:
    """Meter type, signature and headers of a saved format. Raises `ValueError` where it is none."""
    if not is_mapping(item):
        raise ValueError("it is no object")
    signature, headers = _text(item, "signature", "[0-9A-F]{4}"), _text(item, "headers", "[0-9A-F ]+")
    return _type_of(item), int(signature, 16), bytes.fromhex(headers)


def _type_of(item: Mapping[str, Any]) -> MeterType | None:
    if item.get("manufacturer", "") is None:
        return None
    manufacturer = _text(item, "manufacturer", "[A-Z]{3}|[0-9A-F]{4}")
    return manufacturer, _octet(item, "version"), _octet(item, "device_type")


def _text(item: Mapping[str, Any], name: str, pattern: str) -> str:
    value = item.get(name)
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise ValueError(f"its {name} does not fit")
    return value


def _octet(item: Mapping[str, Any], name: str) -> int:
    value = item.get(name)
    if type(value) is not int or not 0 <= value <= 0xFF:
        raise ValueError(f"its {name} is no number from 0 to 255")
    return value

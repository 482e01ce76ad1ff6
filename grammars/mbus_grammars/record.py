"""Data records and the record area. EN 13757-3, MBDOC48 6.3.2.

    record area    data record | idle filler 2Fh | 0Fh or 1Fh and manufacturer data | ...
    data record    DIB | VIB | data

Reserved DIFs take one octet. A record that cannot be read is kept as octets, with the reason, and the
ones after it are read where its end is known.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from construct import ConstructError, Container, ListContainer, Struct
from construct.core import stream_read, stream_write

from . import coding
from .base import (
    FAULTS_OF_VALUES,
    Anything,
    Context,
    Stream,
    as_build_error,
    field_of,
    is_mapping,
    octets_of,
    refuse_unknown,
)
from .constructs import Cached, field, malformed
from .dib import (
    DATA_LENGTHS,
    DIB,
    GLOBAL_READOUT,
    MANUFACTURER_DIFS,
    MAX_DIFES,
    SPECIAL_DIFS,
    SPECIAL_FUNCTIONS,
    DIBOfAnyLength,
    Function,
)
from .errors import BuildError, DecodeError, MBusError
from .fields import Manufacturer
from .lvar import VariableLength
from .meaning import ACTIONS_WITHOUT_DATA, FROM_METER, TO_METER, Meaning, meaning_of
from .scan import data_end, scan
from .vib import MAX_VIFES, VIB, VIBOfAnyLength


@dataclass(frozen=True, slots=True, eq=False)
class DataRecordHeader:
    """What the octets of DIB and VIB say, once for all records that start with them.

    `length` counts the octets of their data; None where an LVAR octet in front of them does.
    """

    direction: str
    dib_octets: bytes
    vib_octets: bytes
    function: Function
    data_field: int
    storage_number: int
    tariff: int
    subunit: int
    register_number: bool
    meaning: Meaning
    data_type: str
    data: Anything
    length: int | None
    fault: str | None


def choose_data(data_field: int, meaning: Meaning, direction: str) -> tuple[str, Anything]:
    """The data type of a record: its letter in EN 13757-3 Annex A (or a word) and its construct."""
    length = DATA_LENGTHS[data_field]
    if length == 0 or (direction == TO_METER and meaning.action in ACTIONS_WITHOUT_DATA):
        return "none", coding.NoData
    if length is None:
        return _variable_length(meaning)
    if data_field >= 9:
        return "A", coding.type_a(length)
    if data_field == 5:
        return "H", coding.TypeH
    return _integer(length, meaning)


def _integer(length: int, meaning: Meaning) -> tuple[str, Anything]:
    types = meaning.types.split()
    if meaning.is_date:
        letter = {2: "G", 3: "J", 4: "F", 6: "I"}.get(length, "")
        return (letter, DATES[letter]) if letter in types else ("raw", coding.raw(length))
    if "K" in types:
        return ("K", coding.TypeK) if length == 4 else ("raw", coding.raw(length))
    if meaning.quantity == "enhanced identification" and length == 8:
        return "secondary address", coding.SecondaryAddress
    if meaning.quantity == "manufacturer" and length == 2:
        return "manufacturer", Manufacturer
    if {"C", "D"}.isdisjoint(types) or "B" in types:  # B unless the table says otherwise
        return "B", coding.type_b(length)
    return ("D" if "D" in types else "C"), coding.type_c(length)


def _variable_length(meaning: Meaning) -> tuple[str, Anything]:
    types = meaning.types.split()
    text = "profile" if meaning.profile else "text"
    if meaning.quantity.startswith("data container"):
        text = "octets"
    numbers = "B" if "B" in types or not types else "C" if {"C", "D"} & set(types) else "raw"
    return "LVAR", VariableLength(text, numbers)


DATES: Final[dict[str, Anything]] = {
    "F": coding.TypeF,
    "G": coding.TypeG,
    "I": coding.TypeI,
    "J": coding.TypeJ,
}

DataRecordHeaderOctets: Final = Struct(field("dib", DIB, "MBDOC48 6.3.2"), field("vib", VIB, "MBDOC48 6.3.2"))


class _Header(Anything):
    """DIB and VIB, and what they mean for the data, attached as the private entry `_header`."""

    def __init__(self, direction: str, msb_first: bool) -> None:
        super().__init__()
        self.direction = direction
        self.msb_first = msb_first

    def _parse(self, stream: Stream, context: Context, path: str) -> Container[Any]:
        start = stream.tell()
        dib = DIBOfAnyLength._parse(stream, context, path + " -> dib")
        middle = stream.tell()
        vib = VIBOfAnyLength._parse(stream, context, path + " -> vib")
        length = stream.tell() - start
        stream.seek(start)
        octets = stream_read(stream, length, path)
        header = self._describe(dib, vib, octets[: middle - start], octets[middle - start :])
        return Container(dib=dib, vib=vib, _header=header)

    def _describe(
        self, dib: Container[Any], vib: Container[Any], dib_octets: bytes, vib_octets: bytes
    ) -> DataRecordHeader:
        meaning = meaning_of(vib["vif"], vib["vifes"], vib.get("text"), self.direction)
        data_type, data = choose_data(dib["data_field"], meaning, self.direction)
        if self.msb_first:
            data = VariableLength(data.text, data.types, True) if isinstance(data, VariableLength) else data
            data = coding.most_significant_first(data) if data_type not in ("LVAR", "none") else data
        fault = None
        if dib["dife_count"] > MAX_DIFES:
            fault = f"{dib['dife_count']} DIFEs, {MAX_DIFES} are allowed"
        elif len(vib["vifes"]) > MAX_VIFES:
            fault = f"{len(vib['vifes'])} VIFEs, {MAX_VIFES} are allowed"
        return DataRecordHeader(
            direction=self.direction,
            dib_octets=dib_octets,
            vib_octets=vib_octets,
            function=dib["function"].name,
            data_field=int(dib["data_field"]),
            storage_number=dib["storage_number"],
            tariff=dib["tariff"],
            subunit=dib["subunit"],
            register_number=len(dib_octets) > 1 and dib_octets[-1] == 0,
            meaning=meaning,
            data_type=data_type,
            data=data,
            length=0 if data_type == "none" else DATA_LENGTHS[int(dib["data_field"])],
            fault=fault,
        )


def _fresh(parsed: Container[Any]) -> Container[Any]:
    vib = Container(parsed["vib"])
    vib["vifes"] = ListContainer(vib["vifes"])
    return Container(dib=Container(parsed["dib"]), vib=vib, _header=parsed["_header"])


class DataRecordConstruct(Anything):
    """One data record: {dib, vib, data}. The type of `data` follows from DIB and VIB together.

    A Switch would decide anew for each record what the octets of its header decide once. With the context
    entry `values_only` the containers come without dib and vib, for readers of `_header` alone.
    """

    def __init__(self, direction: str, msb_first: bool = False) -> None:
        super().__init__()
        self.direction = direction
        self.header = Cached(_Header(direction, msb_first), _fresh)

    def _parse(self, stream: Stream, context: Context, path: str) -> Container[Any]:
        start = stream.tell()
        if context["_params"].get("values_only"):
            record = Container(_header=self.header.recall(stream, context, path)["_header"])
        else:
            record = self.header._parsereport(stream, context, path)
        header: DataRecordHeader = record["_header"]
        record["data"] = header.data._parse(stream, context, path + " -> data")
        if header.fault:  # only now, because a record area goes on behind such a record
            raise DecodeError(header.fault, offset=start, path=path, code="chain_too_long")
        return record

    def _build(self, obj: Any, stream: Stream, context: Context, path: str) -> Any:
        if not is_mapping(obj):
            raise BuildError(field_of(path), obj, "a mapping with dib, vib, data", path=path)
        refuse_unknown(obj, ("dib", "vib", "data"), path)
        begin = io.BytesIO()
        DataRecordHeaderOctets._build(dict(obj), begin, context, path)
        octets = begin.getvalue()
        header: DataRecordHeader = self.header.parse(octets)["_header"]
        stream_write(stream, octets, len(octets), path)
        field("data", header.data)._build(obj.get("data"), stream, context, path)
        return obj


class RecordPlace(NamedTuple):
    """A data record: octets `start` to `end`, its data from `data` on.

    Attributes:
        fault: why it cannot be read; `header` is None then, and it mostly reaches to the end of the area.
    """

    start: int
    data: int
    end: int
    header: DataRecordHeader | None
    fault: DecodeError | None = None


class RecordArea(Anything):
    """Everything from the first DIF to the end of the data, as a list.

    Its items are data records {dib, vib, data}, special functions {dif, ...}, and {malformed, code,
    reason, offset} for octets that cannot be read. construct's GreedyRange ends silently at the first
    item that fails, and the readings behind it are gone.
    """

    def __init__(self, direction: str, msb_first: bool = False) -> None:
        super().__init__()
        self.direction = direction
        record = DataRecordConstruct(direction, msb_first)
        self.record: Anything = record
        self._header = record.header

    def header(self, octets: bytes) -> DataRecordHeader:
        """What the octets of a DIB and a VIB say here."""
        header: DataRecordHeader = self._header.parse(octets)["_header"]
        return header

    def header_at(self, octets: bytes, position: int) -> tuple[DataRecordHeader, int]:
        """The DIB and VIB that start at a position, and where the data behind them start.

        Raises what construct raises where the octets end within them.
        """
        parsed, end = self._header.at(octets, position)
        return parsed["_header"], end

    def places(self, octets: bytes) -> Iterator[tuple[int, int, RecordPlace | None]]:
        """The items of an area: start, end, and where the parts of a data record stand.

        None for a special function. Data are not read.
        """

        def place_at(position: int, number: int) -> tuple[RecordPlace, int]:
            with suppress(ConstructError, MBusError):
                header, data = self.header_at(octets, position)
                end = data_end(octets, data, header.length)
                if end is not None and end <= len(octets) and not header.fault:
                    return RecordPlace(position, data, end, header), end
            item, end = self.item_at(octets, position, f"(parsing)[{number}]")
            fault = DecodeError(item["reason"], offset=item["offset"], code=item["code"])
            return RecordPlace(position, end, end, None, fault), end

        return scan(octets, 0, place_at, self.direction)

    def item_at(self, octets: bytes, position: int, path: str) -> tuple[Container[Any], int]:
        """What an area that ends with the octets has at a position where no special function stands.

        For the fast paths, where they meet a record that cannot be read: its reason names `path`. Gives the
        item of the area's list, and where the next one starts.
        """
        area = io.BytesIO(octets)
        area.seek(position)
        context: Any = Container(_parsing=True, _building=False, _sizing=False)
        context["_params"] = Container(values_only=True)
        return self._record(area, octets, 0, context, path)

    def _parse(self, stream: Stream, context: Context, path: str) -> ListContainer[Any]:
        base = stream.tell()
        octets = stream.read()
        area = io.BytesIO(octets)

        def record_at(position: int, number: int) -> tuple[Container[Any], int]:
            area.seek(position)
            return self._record(area, octets, base, context, f"{path}[{number}]")

        items: ListContainer[Any] = ListContainer()
        for start, end, record in scan(octets, 0, record_at, self.direction):
            item = _special(octets[start:end]) if record is None else record
            item["_span"] = (base + start, base + end)
            items.append(item)
        return items

    def _record(
        self, area: io.BytesIO, octets: bytes, base: int, context: Context, path: str
    ) -> tuple[Container[Any], int]:
        start, end = area.tell(), len(octets)
        try:
            record: Container[Any] = self.record._parse(area, context, path)
        except (ConstructError, MBusError) as error:
            item = malformed(octets[start:], end, error)
            if item["code"] == "chain_too_long":  # its end is known
                end = area.tell()
                item["malformed"] = octets[start:end]
            item["offset"] += base
            return item, end
        return record, area.tell()

    def _build(self, obj: Sequence[Any] | bytes, stream: Stream, context: Context, path: str) -> Any:
        if isinstance(obj, bytes):  # an area that is whole already
            stream_write(stream, obj, len(obj), path)
            return obj
        if not isinstance(obj, list | tuple):
            raise BuildError(field_of(path), obj, "a list of records", path=path)
        for index, item in enumerate(obj):
            where = f"{path}[{index}]"
            try:
                self._build_item(item, index + 1 == len(obj), stream, context, where)
            except MBusError:
                raise
            except FAULTS_OF_VALUES as error:
                raise as_build_error(error, item, where) from error
        return obj

    def _build_item(self, item: Any, last: bool, stream: Stream, context: Context, path: str) -> None:
        if is_mapping(item) and "malformed" in item:
            octets = octets_of(item["malformed"], f"{path} -> malformed")
        elif is_mapping(item) and "dif" in item:
            octets = self._special_octets(item, last, context, path)
        else:
            self.record._build(item, stream, context, path)
            return
        stream_write(stream, octets, len(octets), path)

    def _special_octets(self, item: Mapping[str, Any], last: bool, context: Context, path: str) -> bytes:
        dif = SPECIAL_DIFS.value(item["dif"])
        if dif is None or dif not in SPECIAL_FUNCTIONS:
            limit = "the octet of a special function, 0Fh, 1Fh to FFh"
            if isinstance(item["dif"], str):
                limit = SPECIAL_DIFS.limit(item["dif"])
            raise BuildError(field_of(path, "dif"), item["dif"], limit, path=path)
        to_end = dif in MANUFACTURER_DIFS
        if to_end and not last:
            raise BuildError(
                field_of(path, "dif"), item["dif"], "the last item: what follows is its data", path=path
            )
        if "manufacturer_data" in item and not to_end:
            limit = "nothing, manufacturer data stand behind DIF 0Fh and 1Fh only"
            raise BuildError(field_of(path, "manufacturer_data"), item["manufacturer_data"], limit, path=path)
        if "vib" in item and (dif != GLOBAL_READOUT or self.direction != TO_METER):
            limit = "nothing, a VIB stands behind a global readout request (7Fh) to the meter only"
            raise BuildError(field_of(path, "vib"), item["vib"], limit, path=path)
        octets = io.BytesIO(bytes([dif]))
        octets.seek(1)
        if "vib" in item:
            VIB._build(item["vib"], octets, context, f"{path} -> vib")
        octets.write(octets_of(item.get("manufacturer_data", b""), f"{path} -> manufacturer_data"))
        return octets.getvalue()


def _special(octets: bytes) -> Container[Any]:
    dif, content = SPECIAL_DIFS.codes[octets[0]], octets[1:]
    if dif in MANUFACTURER_DIFS:
        return Container(dif=dif, manufacturer_data=content)
    return Container(dif=dif, vib=VIB.parse(content)) if content else Container(dif=dif)


RecordsFromMeter: Final = RecordArea(FROM_METER)
RecordsToMeter: Final = RecordArea(TO_METER)
RecordsFromMeterMSB: Final = RecordArea(FROM_METER, msb_first=True)

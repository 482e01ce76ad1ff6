"""Makes a fleet of telegrams: few layouts, many meters, as an archive has them.

    python tools/fleet.py -n 1000000 -o fleet.parquet
    python tools/fleet.py -n 1000 -o - --source FRAMES      hex lines; layouts of real frames
    python tools/fleet.py -n 100000 -o flood.hex --flood layouts

Only octets that are data change: digits stay digits, dates are dates, text is text; identification numbers
and access numbers are new, check sums are mended. A thousandth is corrupted: bits flipped, ends cut off. The
same seed gives the same fleet. FRAMES holds one telegram a line, in hex or as JSON with the key `hex`;
without it, and where it has too few layouts, telegrams are put together from records that meters send. An
output that ends in .parquet has one column, `telegram`; any other holds hex lines.
"""

from __future__ import annotations

import argparse
import importlib
import json
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import cycle, islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmark_pool import INT_16, INT_32, LENGTHS, many_layouts, mended, record, telegrams
from construct import ConstructError

try:
    import numpy as np
    from numpy.typing import NDArray
except ImportError as error:
    raise SystemExit('fleets need NumPy: pip install -e ".[arrow]"') from error

from mbus_construct import MBusError, Record, decode, encode
from mbus_construct.decoding.plans import Plan, plan_for

if TYPE_CHECKING:
    from mbus_construct.decoding.plans.fields import Field

BLOCK: Final = 65_536  # telegrams that are made at a time
LAYOUTS: Final = 64
MALFORMED: Final = 0.001

Octets = NDArray[np.uint8]
Numbers = NDArray[np.int64]

_BCD: Final[Octets] = np.array([tens << 4 | ones for tens in range(10) for ones in range(10)], np.uint8)
_TEXT: Final[Octets] = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-/. ", np.uint8)
_DATES: Final = 1000  # different dates of each type


@cache
def _dates(with_time: bool) -> Octets:
    """Octets of dates, or of dates with time: one row each."""
    rng, first = random.Random(_DATES), datetime(2016, 1, 1)  # noqa: S311  repeatable
    rows: list[bytes] = []
    for _ in range(_DATES):
        at = first + timedelta(minutes=rng.randrange(10 * 365 * 24 * 60))
        values = (
            record("date and time", None, INT_32, at.isoformat())
            if with_time
            else record("date", None, INT_16, at.date().isoformat())
        )
        rows.append(encode({"link": "records", "records": [values]})[2:])
    return np.frombuffer(b"".join(rows), np.uint8).reshape(_DATES, -1)


@dataclass
class Changes:
    """Which octets of a layout's telegrams change, and how."""

    digits: list[int] = field(default_factory=list[int])  # two decimal digits each
    any_octet: list[int] = field(default_factory=list[int])
    top: list[int] = field(default_factory=list[int])  # most significant octets of integers
    signed_top: list[int] = field(
        default_factory=list[int]
    )  # the same where values below zero are no surprise
    text: list[int] = field(default_factory=list[int])
    dates: list[slice] = field(default_factory=list[slice])

    def add(self, place: Field, read: Record) -> None:
        """Change the data of one record; what has no plausible other value stays."""
        octets = range(place.start + 1 if place.lvar else place.start, place.end)
        data_field = place.header.data_field or ""
        if isinstance(read.value, date) and not place.lvar and len(octets) in (2, 4):
            self.dates.append(slice(octets.start, octets.stop))
        elif data_field.endswith("digit BCD"):
            self.digits += octets
        elif place.header.kind not in ("counter", "instant", "duration", "identity", "text"):
            return
        elif place.lvar:
            self.text += octets if isinstance(read.value, str) else ()
        elif data_field.endswith("bit integer") and isinstance(read.value, Decimal):
            self.any_octet += octets[:-1]
            signed = "temperature" in (place.header.quantity or "")
            (self.signed_top if signed else self.top).append(octets[-1])
        elif data_field == "32 bit real":
            self.any_octet += octets[:2]


class Layout:
    """Telegrams that differ from a source frame in their data only."""

    def __init__(self, plan: Plan, records: Sequence[Record]) -> None:
        self.octets = plan.octets
        self.mask = plan.mask
        self.last: int = plan.area.fields[-1].offset
        self._template: Octets = np.frombuffer(plan.octets, np.uint8)
        self._summed = plan.summed
        self._a_field = plan.places["a_field"]
        changes = Changes()
        if "identification_number" in plan.places:
            changes.digits += range(plan.places["identification_number"], plan.places["manufacturer"])
        if "access_number" in plan.places:
            changes.any_octet.append(plan.places["access_number"])
        for place, read in zip(plan.area.fields, records, strict=True):
            changes.add(place, read)
        if plan.area.manufacturer_data is not None:
            changes.any_octet += range(plan.area.manufacturer_data, len(plan.octets) - 2)
        self._changes = changes

    def make(self, rng: np.random.Generator, count: int) -> Octets:
        """So many telegrams, one a row."""
        rows = np.repeat(self._template[None, :], count, axis=0)
        changes = self._changes

        def drawn(places: list[int], below: int) -> Numbers:
            return rng.integers(0, below, (count, len(places)))

        rows[:, changes.digits] = _BCD[drawn(changes.digits, 100)]
        rows[:, changes.any_octet] = drawn(changes.any_octet, 256)
        rows[:, changes.top] = drawn(changes.top, 0x10)
        # Never 80h: 80h and zeros below it are marked as no value.
        rows[:, changes.signed_top] = (drawn(changes.signed_top, 0x0E) - 7) & 0xFF
        rows[:, changes.text] = _TEXT[drawn(changes.text, len(_TEXT))]
        for place in changes.dates:
            rows[:, place] = _dates(place.stop - place.start == 4)[rng.integers(0, _DATES, count)]
        rows[:, self._a_field] = rng.integers(0, 251, count)
        if self._summed is not None:
            first, end = self._summed
            rows[:, end] = rows[:, first:end].sum(axis=1, dtype=np.uint8)
        return rows


def layouts_of(frames: Iterable[bytes], limit: int) -> list[Layout]:
    """The layouts of frames that are read without errors, those of 104 to 120 octets first."""
    found: dict[bytes, Layout] = {}
    for octets in frames:
        try:
            telegram, plan = decode(octets, link="frame"), plan_for(octets)
        except (MBusError, ConstructError):
            continue
        faults = any(remark.severity == "error" for remark in telegram.diagnostics)
        if plan is None or not telegram.records or faults:
            continue
        layout = int.from_bytes(octets, "little") & plan.mask
        key = layout.to_bytes(len(octets), "little")
        if key not in found:
            found[key] = Layout(plan, telegram.records)
        if len(found) >= limit and all(len(known) in LENGTHS for known in found):
            break
    middle = LENGTHS[len(LENGTHS) // 2]
    nearest = sorted(found.values(), key=lambda layout: abs(len(layout.octets) - middle))
    return nearest[:limit]


def frames_of(path: Path) -> Iterator[bytes]:
    """The frames of a file: hex lines, or JSON lines with the key `hex`."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        text = line.strip()
        try:
            if text:
                yield bytes.fromhex(json.loads(text)["hex"] if text.startswith("{") else text)
        except (ValueError, KeyError, TypeError) as error:
            raise SystemExit(f"{path}:{number}: neither hex digits nor JSON with the key hex") from error


@dataclass(frozen=True, slots=True)
class Block:
    """Telegrams one behind the other: telegram i is octets[offsets[i]:offsets[i + 1]]."""

    octets: Octets
    offsets: Numbers
    layouts: Numbers  # of each telegram, as an index into the fleet's layouts
    malformed: NDArray[np.bool_]  # which ones were corrupted

    def telegrams(self) -> list[bytes]:
        """The telegrams one by one."""
        octets, offsets = self.octets.tobytes(), self.offsets.tolist()
        return [octets[start:end] for start, end in pairwise(offsets)]

    def arrow(self) -> Any:
        """A `pyarrow.RecordBatch` with the column `telegram`."""
        pa: Any = importlib.import_module("pyarrow")
        ends = pa.py_buffer(self.offsets.astype(np.int32))
        buffers = [None, ends, pa.py_buffer(self.octets)]
        column = pa.Array.from_buffers(pa.binary(), len(self.offsets) - 1, buffers)
        return pa.record_batch([column], names=["telegram"])


class Fleet:
    """A fleet of telegrams; `blocks` gives them shuffled, in memory that does not grow with their number."""

    def __init__(self, layouts: Sequence[Layout], seed: int = 1, malformed: float = MALFORMED) -> None:
        self.layouts = tuple(layouts)
        self.seed = seed
        self.malformed = malformed

    def blocks(self, count: int, size: int = BLOCK) -> Iterator[Block]:
        """So many telegrams, block by block."""
        for number, start in enumerate(range(0, count, size)):
            rng = np.random.default_rng([self.seed, number])
            yield self._block(rng, min(size, count - start))

    def telegrams(self, count: int) -> list[bytes]:
        """So many telegrams as a list."""
        return [octets for block in self.blocks(count) for octets in block.telegrams()]

    def _block(self, rng: np.random.Generator, count: int) -> Block:
        lengths = np.array([len(layout.octets) for layout in self.layouts], np.int64)
        drawn: Numbers = rng.integers(0, len(self.layouts), count)
        offsets = np.zeros(count + 1, np.int64)
        np.cumsum(lengths[drawn], out=offsets[1:])
        octets = np.zeros(int(offsets[-1]), np.uint8)
        for number, layout in enumerate(self.layouts):
            (rows,) = np.nonzero(drawn == number)
            if len(rows):
                places = offsets[rows][:, None] + np.arange(len(layout.octets))
                octets[places] = layout.make(rng, len(rows))
        bad: NDArray[np.bool_] = rng.random(count) < self.malformed
        octets, offsets = _corrupted(rng, octets, offsets, np.nonzero(bad)[0])
        return Block(octets, offsets, drawn, bad)


def _corrupted(
    rng: np.random.Generator, octets: Octets, offsets: Numbers, rows: NDArray[np.intp]
) -> tuple[Octets, Numbers]:
    """The telegrams with some rows damaged: a bit flipped, or the end cut off."""
    lengths = np.diff(offsets)
    keep = np.ones(len(octets), np.bool_)
    for row in rows.tolist():
        start, length = int(offsets[row]), int(lengths[row])
        place = int(rng.integers(1, length))
        if rng.integers(2):
            octets[start + place] ^= 1 << int(rng.integers(8))
        else:
            keep[start + place : start + length] = False
            lengths[row] = place
    ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    return (octets if keep.all() else octets[keep]), ends


def made_fleet(
    source: Path | None = None, *, layouts: int = LAYOUTS, seed: int = 1, malformed: float = MALFORMED
) -> Fleet:
    """A fleet of so many layouts: those of the source, then synthetic ones."""
    found = layouts_of(frames_of(source), layouts) if source is not None else []
    found += layouts_of(islice(telegrams(seed), layouts - len(found)), layouts - len(found))
    return Fleet(found, seed, malformed)


# --- Floods --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Whole:
    """A telegram to spoil; `last` is where its last record starts."""

    octets: bytes
    last: int

    def flipped(self, place: int, bits: int) -> bytes:
        """Bits of one octet flipped, check sum left as it is."""
        changed = bytearray(self.octets)
        changed[place] ^= bits
        return bytes(changed)

    def ending(self, octets: bytes) -> bytes:
        """The last record, and what is behind it, replaced; check sum right."""
        return mended(self.octets[: self.last] + octets + self.octets[-2:])


# What is wrong with a telegram, by name.
FAULTS: Final[dict[str, Callable[[_Whole, random.Random], bytes]]] = {
    "check sum": lambda whole, rng: whole.flipped(-2, rng.randrange(1, 256)),
    "stop": lambda whole, rng: whole.flipped(-1, rng.randrange(1, 256)),
    "one L field": lambda whole, rng: whole.flipped(2, rng.randrange(1, 256)),
    "second start": lambda whole, rng: whole.flipped(3, rng.randrange(1, 256)),
    "data, check sum left": lambda whole, rng: whole.flipped(rng.randrange(7, whole.last), 1),
    "cut off": lambda whole, rng: whole.octets[: rng.randrange(5, len(whole.octets))],
    "record without end": lambda whole, rng: whole.ending(b"\x07\x04" + bytes(rng.randrange(8))),
    "DIFEs without end": lambda whole, rng: whole.ending(b"\x84" + b"\x80" * rng.randrange(11, 20)),
    "VIFEs without end": lambda whole, rng: whole.ending(b"\x04\x93" + b"\x80" * rng.randrange(11, 20)),
    "reserved LVAR": lambda whole, rng: whole.ending(bytes([0x0D, 0x78, rng.randrange(0xFB, 0x100), 0])),
}
_LONGEST: Final = 230  # octets; longer telegrams have no room for the faults


def flood_of_malformed(fleet: Fleet, count: int) -> Iterator[bytes]:
    """Telegrams of the fleet, every one malformed, the faults by turns."""
    rng = random.Random(f"flood {fleet.seed}")  # noqa: S311  repeatable
    layouts = [layout for layout in fleet.layouts if len(layout.octets) <= _LONGEST]
    if not layouts:
        raise SystemExit(f"no telegram to spoil: all have more than {_LONGEST} octets")
    spoil = cycle(FAULTS.values())
    for block in Fleet(layouts, fleet.seed, malformed=0).blocks(count):
        for octets, layout in zip(block.telegrams(), block.layouts.tolist(), strict=True):
            yield next(spoil)(_Whole(octets, layouts[int(layout)].last), rng)


# --- Files ---------------------------------------------------------------------------------------


def write_parquet(path: Path, batches: Iterable[Any]) -> None:
    """Record batches to a Parquet file, a row group each."""
    pa: Any = importlib.import_module("pyarrow")
    pq: Any = importlib.import_module("pyarrow.parquet")
    with pq.ParquetWriter(path, pa.schema([("telegram", pa.binary())]), compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)


def column(octets: Sequence[bytes]) -> Any:
    """A `pyarrow.RecordBatch` of telegrams."""
    pa: Any = importlib.import_module("pyarrow")
    return pa.record_batch([pa.array(octets, pa.binary())], names=["telegram"])


def _chunks(octets: Iterator[bytes]) -> Iterator[list[bytes]]:
    while chunk := list(islice(octets, BLOCK)):
        yield chunk


def _write(output: str, chunks: Iterator[list[bytes]]) -> None:
    if output.endswith(".parquet"):
        write_parquet(Path(output), (column(chunk) for chunk in chunks))
        return
    stream = sys.stdout if output == "-" else open(output, "w", encoding="ascii")  # noqa: SIM115  closed below
    try:
        for chunk in chunks:
            stream.writelines(f"{octets.hex().upper()}\n" for octets in chunk)
    finally:
        if stream is not sys.stdout:
            stream.close()


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a fleet."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-n", "--number", type=int, default=100_000, help="telegrams (100000)")
    parser.add_argument("-o", "--output", required=True, help="file, or - for standard output")
    parser.add_argument("--layouts", type=int, default=LAYOUTS, help=f"different layouts ({LAYOUTS})")
    parser.add_argument("--seed", type=int, default=1, help="another seed, another fleet (1)")
    parser.add_argument("--source", type=Path, metavar="FRAMES", help="frames to take layouts from")
    parser.add_argument(
        "--malformed", type=float, default=MALFORMED, help=f"share that is corrupted ({MALFORMED})"
    )
    parser.add_argument(
        "--flood", choices=("malformed", "layouts"), help="all malformed, or all of different layouts"
    )
    given = parser.parse_args(arguments)
    if given.flood == "layouts":
        _write(given.output, _chunks(many_layouts(given.number, given.seed)))
        print(f"{given.number} telegrams of {given.number} layouts", file=sys.stderr)
        return
    fleet = made_fleet(given.source, layouts=given.layouts, seed=given.seed, malformed=given.malformed)
    of_layouts = f"{given.number} telegrams of {len(fleet.layouts)} layouts"
    if given.flood == "malformed":
        _write(given.output, _chunks(flood_of_malformed(fleet, given.number)))
        print(f"{of_layouts}, all malformed", file=sys.stderr)
        return
    corrupted = 0

    def blocks() -> Iterator[Block]:
        nonlocal corrupted
        for block in fleet.blocks(given.number):
            corrupted += int(block.malformed.sum())
            yield block

    if given.output.endswith(".parquet"):
        write_parquet(Path(given.output), (block.arrow() for block in blocks()))
    else:
        _write(given.output, (block.telegrams() for block in blocks()))
    print(f"{of_layouts}, {corrupted} corrupted", file=sys.stderr)


if __name__ == "__main__":
    main()

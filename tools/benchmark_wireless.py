"""Encrypted telegrams by radio: security mode 5, a key for each meter, new data in each telegram.

The records are those of the wired fleet (`fleet.py`), behind a short header: our own grammar and `security`
write and encrypt them. pymbusparser has the telegram's key given, we have the keys of all meters. Both have
to read the same octets of data; the same telegrams are timed for both.
"""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from typing import Any, Final, NamedTuple

import fleet
from benchmark_table import Figures, best_of

from mbus_construct import decode
from mbus_construct.decoding.plans import plan_for
from mbus_construct.security.keys import Keys
from mbus_construct.security.sealing import seal_telegram
from mbus_grammars import WirelessFrame
from mbus_grammars.wireless import FRAME_FORMATS, FrameFormat, with_crcs

ROUNDS: Final = 5
TELEGRAMS: Final = 10_000
METERS: Final = 16  # of each layout
CHECKED: Final = 500
TARGET: Final = 3
RECORDS: Final = (3, 6, 99)  # at most so many in a telegram
BLOCK: Final = 16


class Sealed(NamedTuple):
    """An encrypted telegram without CRCs, and its meter's key."""

    octets: bytes
    key: bytes


class Air(NamedTuple):
    """Telegrams, the keys of all meters, and how many records they have."""

    telegrams: list[Sealed]
    keys: Keys
    records: float


def air(made: fleet.Fleet, count: int, most: int, seed: int = 1) -> Air:
    """Telegrams of the fleet's meters by radio, with the first `most` records of each."""
    rng = random.Random(seed)  # noqa: S311  repeatable
    drawn = rng.sample(range(10**8), METERS * len(made.layouts))
    numbers: list[str] = [f"{number:08}" for number in drawn]
    hexes = {number: rng.randbytes(BLOCK) for number in numbers}
    keys = Keys.of(hexes)
    found: list[Sealed] = []
    records = 0
    (block,) = fleet.Fleet(made.layouts, made.seed, malformed=0).blocks(count, count)
    for octets, layout in zip(block.telegrams(), block.layouts.tolist(), strict=True):
        number = numbers[METERS * int(layout) + rng.randrange(METERS)]
        plain, held = _plain(octets, number, rng.randrange(256), most)
        found.append(Sealed(seal_telegram(plain, "wireless", keys), hexes[number]))
        records += held
    return Air(found, keys, records / len(found))


def _plain(wired: bytes, number: str, access_number: int, most: int) -> tuple[bytes, int]:
    """The records of a wired telegram by radio, not yet encrypted, and how many they are."""
    plan = plan_for(wired)
    if plan is None:
        raise SystemExit("a telegram of the fleet has no plan; give other frames")
    fields = plan.area.fields[:most]
    meter = decode(wired).meter
    if meter is None:
        raise SystemExit("a telegram of the fleet has no long header; give other frames")
    data = wired[fields[0].offset : fields[-1].end]
    fillers = b"\x2f" * (-(2 + len(data)) % BLOCK)
    header = {
        "access_number": access_number,
        "status": 0,
        "configuration_field": {"security_mode": 5, "encrypted_blocks": (2 + len(data + fillers)) // BLOCK},
    }
    frame = {
        "c_field": "SND_NR",
        "manufacturer": meter.manufacturer,
        "identification_number": number,
        "version": meter.version,
        "device_type": meter.device_type,
        "ci_field": 0x7A,
        "user_data": {"header": header, "records": [{"dif": 0x2F}] * 2},
    }
    octets = bytearray(WirelessFrame.build(frame)) + data + fillers
    octets[0] = len(octets) - 1
    return bytes(octets), len(fields)


def _ours(octets: bytes, keys: Keys) -> object:
    return [record.value for record in decode(octets, keys=keys).records]


def _same(parse: Callable[..., Any], octets: bytes, key: bytes, keys: Keys) -> bool:
    """Whether both decoders find the same data in the telegram."""
    theirs = parse(octets, key=key)
    found = [bytes.fromhex(record["data_hex"]) for record in theirs["records"]]
    telegram = decode(octets, keys=keys)
    if telegram.worst is not None or theirs["decode_state"] != "complete":
        return False
    return found == [record.data for record in telegram.records]


def _peer(figures: Figures) -> Callable[..., Any] | None:
    try:
        module: Any = importlib.import_module("pymbusparser")
    except ImportError:
        figures.note("pymbusparser is not installed and left out: pip install pymbusparser")
        return None
    figures.note(f"pymbusparser {version('pymbusparser')}, parse(data, key=...)")
    parse: Callable[..., Any] = module.parse
    return parse


def _each(run: Callable[[Sealed], object], telegrams: Sequence[Sealed]) -> None:
    for telegram in telegrams:
        run(telegram)


def _rate(run: Callable[[Sealed], object], telegrams: Sequence[Sealed]) -> float:
    return len(telegrams) / best_of(ROUNDS, partial(_each, run, telegrams))


def main(made: fleet.Fleet, figures: Figures) -> None:
    """Print the figures."""
    parse = _peer(figures)
    for most in RECORDS:
        on_air = air(made, TELEGRAMS, most)
        for frame_format in FRAME_FORMATS:
            if frame_format != "B":
                _measure(on_air, frame_format, parse, figures)


def _measure(
    on_air: Air, frame_format: FrameFormat, parse: Callable[..., Any] | None, figures: Figures
) -> None:
    telegrams = [Sealed(with_crcs(item.octets, frame_format), item.key) for item in on_air.telegrams]
    keys = on_air.keys
    figures.heading(
        f"{len(telegrams):,} telegrams of {len(keys):,} meters, mode 5, frames {frame_format}, "
        f"{on_air.records:.1f} records each; one core"
    )
    if parse is not None:
        kept = [item for item in telegrams[:CHECKED] if not _same(parse, item.octets, item.key, keys)]
        figures.note(f"{CHECKED - len(kept)} of {CHECKED} telegrams have the same data for both")
    ours = _rate(lambda item: _ours(item.octets, keys), telegrams)
    if parse is None:
        figures.rate("decode with keys, every value read", ours)
        return
    theirs = _rate(lambda item: parse(item.octets, key=item.key), telegrams[: TELEGRAMS // 4])
    figures.rate("pymbusparser parse with key", theirs, theirs)
    figures.rate("decode with keys, every value read", ours, theirs)
    figures.at_least(f"mode 5, frames {frame_format}, {on_air.records:.0f} records", ours / theirs, TARGET)

"""One core, one run, the same fleet: this library and the decoders that can be installed beside it."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any, Final

import fleet
import numpy as np
from benchmark_table import Figures, best_of

from mbus_construct import Frame, decode
from mbus_construct.decoding.reference import walk

ROUNDS: Final = 5
BATCH: Final = 100_000  # telegrams of a batch

PYMBUSPARSER: Final = "pymbusparser parse"
PYMETERBUS: Final = "pyMeterBus load + every parsed_value"
DECODE: Final = "decode, every value read"
WALK: Final = "the grammar's walk, every value read"
FRAME: Final = "Frame.parse"
LONG: Final = "decode_batch, long table"
WIDE: Final = "decode_wide"

# How much faster this library should be.
TARGETS: Final = (
    (DECODE, PYMBUSPARSER, 6),
    (DECODE, PYMETERBUS, 35),
    (LONG, PYMBUSPARSER, 100),
    (WIDE, LONG, 1),
)

Decoder = Callable[[bytes], object]
Rates = dict[str, float]


def decoded(octets: bytes) -> object:
    """Every record's value of our `Telegram`."""
    return [record.value for record in decode(octets).records]


def walked(octets: bytes) -> object:
    """The same by the grammar's walk alone."""
    return [record.value for record in walk(octets, "frame").records]


@dataclass(frozen=True, slots=True)
class Peer:
    """A decoder to compare with: what is timed, and whether it has read the telegram completely."""

    run: Decoder
    reads: Callable[[bytes], bool]
    sample: int


def _pymbusparser() -> Peer:
    module: Any = importlib.import_module("pymbusparser")
    parse: Callable[[bytes], dict[str, Any]] = module.parse
    return Peer(parse, lambda octets: parse(octets)["decode_state"] == "complete", 5_000)


def _pymeterbus() -> Peer:
    module: Any = importlib.import_module("meterbus")
    logging.getLogger("meterbus").setLevel(logging.CRITICAL)  # of its own, not of the whole process

    def load(octets: bytes) -> list[object]:
        return [record.parsed_value for record in module.load(octets).records]

    return Peer(load, lambda octets: len(load(octets)) == len(decode(octets).records), 2_000)


PEERS: Final = {PYMETERBUS: ("pyMeterBus", _pymeterbus), PYMBUSPARSER: ("pymbusparser", _pymbusparser)}


def peers(figures: Figures) -> dict[str, Peer]:
    """The peers that are installed, by name and version."""
    found: dict[str, Peer] = {}
    for name, (distribution, make) in PEERS.items():
        try:
            found[name] = make()
        except ImportError:
            figures.note(f"{distribution} is not installed and left out: pip install {distribution}")
        else:
            figures.note(f"{distribution} {version(distribution)}")
    return found


def readable(peer: Peer, octets: bytes) -> bool:
    """Whether a peer reads a telegram completely."""
    try:
        return peer.reads(octets)
    except Exception:  # noqa: BLE001  peers fail in many ways
        return False


def common(made: fleet.Fleet, found: Sequence[Peer], figures: Figures) -> tuple[fleet.Fleet, list[bytes]]:
    """The layouts that every decoder reads without a fault, and telegrams of which each was tried.

    A fleet of few layouts is tried by some dozens of telegrams of each.
    """
    sample = max((peer.sample for peer in found), default=1_000)
    (block,) = made.blocks(sample, sample)
    refused: set[int] = set()
    for octets, layout, bad in zip(block.telegrams(), block.layouts.tolist(), block.malformed, strict=True):
        if not bad and not all(readable(peer, octets) for peer in found):
            refused.add(layout)
    kept = [layout for number, layout in enumerate(made.layouts) if number not in refused]
    if not kept:
        raise SystemExit("there is no layout that every decoder reads; give other frames")
    if refused:
        figures.note(f"{len(refused)} layouts that a peer does not read are left out")
    chosen = [
        octets
        for octets, layout, bad in zip(
            block.telegrams(), block.layouts.tolist(), block.malformed, strict=True
        )
        if not bad and layout not in refused
    ]
    return fleet.Fleet(kept, made.seed, malformed=0), chosen


def _each(run: Decoder, octets: Sequence[bytes]) -> None:
    for telegram in octets:
        run(telegram)


def _per_second(run: Decoder, octets: Sequence[bytes], rounds: int = ROUNDS) -> float:
    return len(octets) / best_of(rounds, partial(_each, run, octets))


def _columns(batches: Sequence[Any], function: Callable[[Any], object]) -> float:
    """Telegrams a second of a function of a batch."""
    telegrams = sum(batch.num_rows for batch in batches)
    return telegrams / best_of(ROUNDS, lambda: [function(batch) for batch in batches])


def measured(made: fleet.Fleet, count: int, figures: Figures) -> Rates:
    """Telegrams a second of every decoder, on telegrams that each of them reads."""
    found = peers(figures)
    fleet_for_all, tried = common(made, list(found.values()), figures)
    blocks = list(fleet_for_all.blocks(count, BATCH))
    lengths = np.concatenate([np.diff(block.offsets) for block in blocks])
    records = np.mean([len(decode(octets).records) for octets in tried[:1000]])
    layouts = len(fleet_for_all.layouts)
    figures.heading(
        f"{count:,} telegrams of {layouts} layouts, {lengths.min()} to {lengths.max()} octets, "
        f"{records:.1f} records each; one core; peers get fewer telegrams of the same fleet"
    )
    if layouts < 40:
        figures.note("fewer than 40 layouts: the targets are meant for more")
    base = _per_second(walked, tried[:2_000], 3)
    rates: Rates = {}
    for name, peer in found.items():
        rates[name] = _per_second(peer.run, tried[: peer.sample], 3)
        figures.rate(name, rates[name], base)
    rates[FRAME] = _per_second(Frame.parse, tried[:2_000], 3)
    figures.rate(FRAME, rates[FRAME], base)
    rates[WALK] = base
    figures.rate(WALK, base, base)
    single = [octets for block in blocks for octets in block.telegrams()][:20_000]
    rates[DECODE] = _per_second(decoded, single)
    figures.rate(DECODE, rates[DECODE], base)
    return rates | _of_columns(blocks, base, figures)


def _of_columns(blocks: Sequence[fleet.Block], base: float, figures: Figures) -> Rates:
    """The same of what reads a batch."""
    try:
        arrow: Any = importlib.import_module("mbus_construct.arrow")
        batches = [block.arrow() for block in blocks]
    except ImportError as error:
        figures.note(f"decode_batch is left out: {error}")
        return {}
    rates: Rates = {}
    for name, function in ((LONG, arrow.decode_batch), (WIDE, arrow.decode_wide)):
        rates[name] = _columns(batches, function)
        figures.rate(name, rates[name], base)
    return rates


def against_targets(rates: Rates, figures: Figures) -> None:
    """The ratios that are asked for."""
    figures.heading("ratios, and what they should be")
    for ours, other, target in TARGETS:
        if ours in rates and other in rates:
            figures.at_least(f"{ours} : {other}", rates[ours] / rates[other], target)

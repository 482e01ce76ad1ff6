"""The README's chart, from the figures of the run that draws it."""

from __future__ import annotations

import importlib
import math
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from benchmark_peers import DECODE, FRAME, LONG, PYMBUSPARSER, PYMETERBUS, WALK, WIDE, Rates

OURS: Final = "#1f6f8b"
PEERS: Final = "#a9b4bc"
_PLAIN: Final = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}  # no grid behind figures

# What the bars are called, and whether they are this library's.
_BARS: Final = {
    WIDE: ("decode_wide, one table a layout", True),
    LONG: ("decode_batch, one row a record", True),
    DECODE: ("decode, every value read", True),
    WALK: ("without plans: the grammar's walk", True),
    FRAME: ("Frame.parse, construct containers", True),
    PYMBUSPARSER: ("pymbusparser {pymbusparser} parse", False),
    PYMETERBUS: ("pyMeterBus {pyMeterBus} load + values", False),
}


def _label(text: str) -> str:
    for distribution in ("pymbusparser", "pyMeterBus"):
        marker = f"{{{distribution}}}"
        if marker in text:
            text = text.replace(marker, version(distribution))
    return text


def _number(rate: float) -> str:
    """Two digits: more would be noise."""
    power = 10 ** max(len(str(int(rate))) - 2, 0)
    return f"{round(rate / power) * power:,}"


def draw(rates: Rates, path: Path) -> None:
    """A bar a decoder; beside it the rate of this machine, and the ratio, which holds on others too."""
    matplotlib: Any = importlib.import_module("matplotlib")
    matplotlib.use("Agg")
    plt: Any = importlib.import_module("matplotlib.pyplot")
    shown = [name for name in _BARS if name in rates][::-1]
    base = rates.get(PYMBUSPARSER)
    figure, axes = plt.subplots(figsize=(9, 0.55 * len(shown) + 1.5), dpi=150)
    axes.barh(
        [_label(_BARS[name][0]) for name in shown],
        [rates[name] for name in shown],
        color=[OURS if _BARS[name][1] else PEERS for name in shown],
        height=0.62,
    )
    for place, name in enumerate(shown):
        ratio = "" if base is None else f"   {_ratio(rates[name] / base)} x"
        axes.text(
            rates[name] * 1.12,
            place,
            f"{_number(rates[name])} /s{ratio}",
            va="center",
            fontsize=9,
            bbox=_PLAIN,
        )
    axes.set_xscale("log")
    lowest = 10 ** math.floor(math.log10(min(rates[name] for name in shown) / 1.5))
    axes.set_xlim(lowest, max(rates[name] for name in shown) * 16)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlabel("telegrams a second, one core, the same fleet (logarithmic)", fontsize=9)
    title = f"mbus-construct {version('mbus-construct')}"
    axes.set_title(
        title if base is None else f"{title}: telegrams a second, and times pymbusparser",
        fontsize=11,
        loc="left",
    )
    axes.tick_params(axis="y", length=0, labelsize=9)
    axes.tick_params(axis="x", labelsize=8)
    axes.grid(axis="x", which="major", color="#e3e7ea", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    # Without a date and a version of matplotlib in it, the same figures give the same file.
    figure.savefig(path, metadata={"Software": None})
    plt.close(figure)


def _ratio(ratio: float) -> str:
    return f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.1f}"

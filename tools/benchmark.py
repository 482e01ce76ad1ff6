"""Speed and scale, with the targets beside the figures. Prints; it is no timed test.

    pip install -e ".[arrow]" pymbusparser==0.5.3 pyMeterBus==0.8.5 matplotlib
    python tools/benchmark.py [FRAMES]             decoders against each other: one core, the same telegrams
    python tools/benchmark.py --chart chart.png    the same, and draws it
    python tools/benchmark.py --scale              cost by number, processes, a million telegrams by file
    python tools/benchmark.py --floods             all malformed; every telegram of another layout
    python tools/benchmark.py --spark              one worker against two (pyspark, Java)
    python tools/benchmark.py --wireless           encrypted telegrams by radio (cryptography)
    python tools/benchmark.py --json               JSON both ways, and encode, beside decode
    python tools/benchmark.py --bus                scanning, searching and reading, in virtual time

The telegrams are a fleet as `tools/fleet.py` makes it: 64 layouts, shuffled, the same for everybody. FRAMES
holds one telegram a line, in hex or as JSON with the key `hex`: the fleet then has the layouts of these.
Decoders that are not installed are left out. Only telegrams that every decoder reads are timed, so that the
ratios compare like with like; ratios hold on other machines, rates do not.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final

import benchmark_bus
from benchmark_table import Figures, best_of

from mbus_construct import MBusError

TELEGRAMS: Final = 200_000
PROCESSES: Final = 7

# Reads telegrams of layouts that the process has not seen, and prints the milliseconds of each.
_UNSEEN: Final = """
import sys, time
from mbus_construct import decode
for text in sys.argv[1:]:
    octets = bytes.fromhex(text)
    start = time.perf_counter()
    values = [record.value for record in decode(octets).records]
    print((time.perf_counter() - start) * 1e3)
"""


def unseen(layouts: Sequence[bytes]) -> list[float]:
    """Milliseconds of the first telegram of each layout in a new process, the very first with cold caches."""
    command = [sys.executable, "-c", _UNSEEN, *(octets.hex() for octets in layouts)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603  this project's own code
    return [float(line) for line in done.stdout.split()]


def start_up(*arguments: str) -> float:
    """Milliseconds of a Python process, the best of several."""
    command = [sys.executable, *arguments]
    run = lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603, E731  this project's own commands
    return best_of(PROCESSES, run, perf_counter) * 1e3


def first_telegrams(layouts: Sequence[bytes], figures: Figures) -> None:
    """What it costs before anything is known: start-up, and the first telegram of a layout."""
    figures.heading("before anything is known")
    rounds = [unseen(layouts) for _ in range(PROCESSES)]
    first = median(times[0] for times in rounds)
    later = sorted(median(times) for times in zip(*rounds, strict=True))
    figures.at_most("first telegram of a new process", first, 5, "ms")
    figures.at_most(f"first telegram of a layout, {len(later)} layouts: slowest", later[-1], 5, "ms")
    figures.note(f"first telegram of a layout, median {median(later):.2f} ms")
    bare = start_up("-c", "pass")
    figures.note(f"import mbus_construct {start_up('-c', 'import mbus_construct') - bare:.0f} ms")
    command = start_up("-m", "mbus_construct", "decode", layouts[0].hex())
    figures.note(f"mbus decode of one telegram {command:.0f} ms")


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("frames", nargs="?", type=Path, metavar="FRAMES", help="frames to take layouts from")
    parser.add_argument("-n", "--number", type=int, default=TELEGRAMS, help=f"telegrams ({TELEGRAMS})")
    parser.add_argument("--layouts", type=int, default=64, help="different layouts (64)")
    parser.add_argument("--seed", type=int, default=1, help="another seed, another fleet (1)")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="draw the rates (PNG)")
    for name in ("scale", "floods", "spark", "wireless", "json", "bus"):
        parser.add_argument(f"--{name}", action="store_true", help=f"only: {name}; see above")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures."""
    given = _parsed(arguments)
    if given.bus:
        return benchmark_bus.main()
    # NumPy is needed from here on.
    import fleet  # noqa: PLC0415

    figures = Figures()
    made = fleet.made_fleet(given.frames, layouts=given.layouts, seed=given.seed)
    if given.scale:
        import benchmark_scale  # noqa: PLC0415

        benchmark_scale.main(made, figures)
    if given.floods:
        import benchmark_floods  # noqa: PLC0415

        benchmark_floods.main(made, figures)
    if given.spark:
        import benchmark_spark  # noqa: PLC0415

        benchmark_spark.main(made, figures)
    if given.wireless:
        import benchmark_wireless  # noqa: PLC0415

        benchmark_wireless.main(made, figures)
    if given.json:
        import benchmark_json  # noqa: PLC0415

        benchmark_json.main(made, figures)
    if not (given.scale or given.floods or given.spark or given.wireless or given.json):
        import benchmark_peers  # noqa: PLC0415

        rates = benchmark_peers.measured(made, given.number, figures)
        benchmark_peers.against_targets(rates, figures)
        first_telegrams([layout.octets for layout in made.layouts], figures)
        if given.chart is not None:
            import benchmark_chart  # noqa: PLC0415

            benchmark_chart.draw(rates, given.chart)
    figures.close()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except MBusError as error:
        sys.exit(str(error))

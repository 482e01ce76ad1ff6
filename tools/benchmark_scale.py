"""Scale: cost by number of telegrams, two processes against one, a million telegrams from file to Parquet."""

from __future__ import annotations

import importlib
import multiprocessing
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import monotonic, perf_counter, process_time, sleep
from typing import TYPE_CHECKING, Any, Final

import fleet
import numpy as np

if TYPE_CHECKING:
    from benchmark_table import Figures

NUMBERS: Final = (10_000, 100_000, 1_000_000)
ROUNDS: Final = 3
SHARE: Final = 8  # batches of each process
MEMORY_MB: Final = 1536
SAMPLE: Final = 0.05  # seconds between two looks at a process
CONSTANT: Final = 0.8  # the last third of a run against its first third


# --- Cost by number ------------------------------------------------------------------------------


def _seconds(made: fleet.Fleet, count: int) -> list[float]:
    """Seconds of `decode_batch` for each block of a fleet; making the fleet is not timed."""
    arrow: Any = importlib.import_module("mbus_construct.arrow")
    times: list[float] = []
    for block in made.blocks(count):
        batch = block.arrow()
        start = process_time()
        arrow.decode_batch(batch)
        times.append(process_time() - start)
    return times


def cost(made: fleet.Fleet, figures: Figures) -> None:
    """Microseconds a telegram for small and large numbers."""
    figures.heading("decode_batch: cost by number of telegrams")
    _seconds(made, NUMBERS[0])  # plans are made
    costs: list[float] = []
    for count in NUMBERS:
        rounds = ROUNDS if count < NUMBERS[-1] else 1
        times = min((_seconds(made, count) for _ in range(rounds)), key=sum)
        costs.append(sum(times) / count * 1e6)
        figures.note(f"{count:>9,} telegrams {costs[-1]:8.2f} us a telegram {1e6 / costs[-1]:12,.0f} /s")
        if len(times) > 10:
            whole = times[:-1]  # the last block is a smaller one
            third = len(whole) // 3
            ratio = median(whole[:third]) / median(whole[-third:])
            figures.at_least("decode_batch: rate of the last third : first third", ratio, CONSTANT)
    figures.at_most(
        f"a telegram of {NUMBERS[-1]:,} : a telegram of {NUMBERS[0]:,}", costs[-1] / costs[0], 1.25, "x"
    )


# --- Processes -----------------------------------------------------------------------------------


def _work(seed: int, start: Any, spans: Any, layouts: list[bytes]) -> None:
    """One process: decodes its own share, as often as there are rounds, all at the same time."""
    arrow: Any = importlib.import_module("mbus_construct.arrow")
    made = fleet.Fleet(fleet.layouts_of(layouts, len(layouts)), seed)
    batches = [block.arrow() for block in made.blocks(SHARE * fleet.BLOCK)]
    arrow.decode_batch(batches[0])
    for number in range(ROUNDS):
        start.wait()
        begun = monotonic()
        for batch in batches:
            arrow.decode_batch(batch)
        spans.put((number, begun, monotonic()))


def _together(processes: int, made: fleet.Fleet) -> float:
    """Telegrams a second of so many processes, from the first one's start to the last one's end."""
    context = multiprocessing.get_context("spawn")
    start, spans = context.Barrier(processes), context.Queue()
    layouts = [layout.octets for layout in made.layouts]
    running = [
        context.Process(target=_work, args=(made.seed + number, start, spans, layouts))
        for number in range(processes)
    ]
    for process in running:
        process.start()
    found: list[tuple[int, float, float]] = [spans.get(timeout=300) for _ in range(processes * ROUNDS)]
    for process in running:
        process.join()
    seconds = min(
        max(end for number, _, end in found if number == wanted)
        - min(begun for number, begun, _ in found if number == wanted)
        for wanted in range(ROUNDS)
    )
    return processes * SHARE * fleet.BLOCK / seconds


def processes(made: fleet.Fleet, figures: Figures) -> None:
    """Two processes against one, both decoding all the time."""
    figures.heading("decode_batch in processes")
    one, two = (_together(number, made) for number in (1, 2))
    figures.rate("one process", one)
    figures.rate("two processes", two)
    figures.at_least("two processes : one", two / one, 1.7)


# --- Files ---------------------------------------------------------------------------------------


@dataclass
class Watched:
    """What a command used: peak memory of its largest process, and octets written by time."""

    seconds: float = 0.0
    megabytes: float = 0.0
    written: list[tuple[float, int]] = field(default_factory=list[tuple[float, int]])

    def steadiness(self) -> float | None:
        """The rate of the last third of what was written, by that of the first; None where nothing tells.

        The time before the first octet, when Python and the libraries start, is not counted.
        """
        grown = [
            (at, octets) for (at, octets), (_, before) in pairwise(self.written[::-1]) if octets > before
        ][::-1]
        if len(grown) < 6:
            return None
        octets = [float(octets) for _, octets in grown]
        marks = np.linspace(octets[0], octets[-1], 4)
        times: list[float] = np.interp(marks, octets, [at for at, _ in grown]).tolist()
        return (times[1] - times[0]) / (times[3] - times[2])


def _family(process: int) -> list[Path]:
    """The directories under /proc of a process and of all that it started."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, IndexError, ValueError):
            parents[int(stat.parent.name)] = int(stat.read_text().rsplit(")", 1)[1].split()[1])
    family = {process}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return [Path("/proc", str(member)) for member in family]


def _value(path: Path, name: str) -> int:
    """A number of a file under /proc; 0 where its process is gone."""
    with suppress(OSError):
        for line in path.read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1])
    return 0


def watched(command: Sequence[str], accepted: Sequence[int] = (0,)) -> Watched:
    """Run a command, and look at its processes while it runs. Peak memory needs /proc.

    Raises `RuntimeError` with what the command says where it ends with another exit code.
    """
    seen, written = Watched(), dict[str, int]()
    start = perf_counter()
    with tempfile.TemporaryFile("w+") as errors:
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors) as running:  # noqa: S603  this project's own command
            while running.poll() is None:
                for member in _family(running.pid):
                    seen.megabytes = max(seen.megabytes, _value(member / "status", "VmHWM") / 1024)
                    octets = _value(member / "io", "wchar")
                    written[member.name] = max(octets, written.get(member.name, 0))
                seen.written.append((perf_counter() - start, sum(written.values())))
                sleep(SAMPLE)
        seen.seconds = perf_counter() - start
        if running.returncode not in accepted:
            errors.seek(0)
            raise RuntimeError(errors.read().strip() or f"{command} ended with {running.returncode}")
    return seen


def files(made: fleet.Fleet, figures: Figures) -> None:
    """A million telegrams from a Parquet file to a Parquet file, by the command `mbus convert`."""
    count = NUMBERS[-1]
    figures.heading(f"mbus convert: {count:,} telegrams, Parquet to Parquet, one row a record")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "fleet.parquet")
        fleet.write_parquet(source, (block.arrow() for block in made.blocks(count)))
        one = _converted(source, Path(folder, "rows.parquet"), 1, figures)
        alone = _converted(source, Path(folder, "one"), 1, figures)
        two = _converted(source, Path(folder, "two"), 2, figures)
        if one and alone and two:
            figures.note(f"two workers : one {alone / two:.2f} x, starting and writing included")


def _converted(source: Path, target: Path, workers: int, figures: Figures) -> float | None:
    """Seconds of one run into a file, or a directory of files."""
    where = "one file" if target.suffix else "a directory"
    named = f"{where}, {workers} worker{'s' if workers > 1 else ''}"
    output = f"{target}" if target.suffix else f"{target}/"
    command = [sys.executable, "-m", "mbus_construct", "convert", str(source), "-o", output]
    try:
        # 1: decoded with errors, for some telegrams are corrupted
        seen = watched([*command, "--workers", str(workers)], (0, 1))
    except RuntimeError as error:
        figures.note(f"{named}: left out: {str(error).splitlines()[-1]}")
        return None
    written = [target, *target.rglob("*")]
    size = sum(part.stat().st_size for part in written if part.is_file())
    figures.rate(f"{named}: {seen.seconds:.1f} s, {size / 1e6:.0f} MB", NUMBERS[-1] / seen.seconds)
    if seen.megabytes:
        figures.at_most(f"{named}: peak memory of a process", seen.megabytes, MEMORY_MB, "MB")
    steady = seen.steadiness()
    if steady is not None:
        figures.at_least(f"{named}: rate of the last third : first third", steady, CONSTANT)
    return seen.seconds


def main(made: fleet.Fleet, figures: Figures) -> None:
    """Everything about scale."""
    try:
        importlib.import_module("mbus_construct.arrow")
    except ImportError as error:
        figures.note(f"left out: {error}")
        return
    cost(made, figures)
    processes(made, figures)
    files(made, figures)

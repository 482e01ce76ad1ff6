"""Speed against peers in one run, on the same frames. Prints figures; it is no timed test.

    pip install pyMeterBus==0.8.5
    python tools/benchmark.py [FRAMES]
    python tools/benchmark.py --bus      scanning, searching and reading, in virtual time on the simulated bus

FRAMES holds one telegram a line, in hex or as JSON with the key `hex`; without it the project's own example
frames are used. Only frames that every decoder accepts are timed, so that the ratios compare like with like.
"""

from __future__ import annotations

import importlib
import json
import logging
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import benchmark_bus

from mbus_construct import Frame, MBusError, decode

ROUNDS = 7

Decoder = Callable[[bytes], object]

# Telegrams of EN 13757-3's and OMS's worked examples, and of meters that the examples quote.
EXAMPLES = (
    "681F1F680802727856341224400107550000000313153100DA023B13018B60043718021816",
    "6820206808FD7278563412931533032A0000000C1427048502046D32371F1502FD1700008916",
    "6852526808E67202000000961515000D00000001FD1B0202FC0348522574341222FC0348522574C60E12FC03485225740214"
    "0265D6082265CA081265160901720072650000B2016500000C780200000002FD0F04031F9616",
    "686A6A680801724353930765321004CA0000000C05140000000C13132000000B22012403046D120BD312326C00000C784353"
    "930706FD0CF2030100F6010DFD0B0531324D465701FD0E004C05140000004C1313200000426CBF1C0F37FD17000000000000"
    "0000027A2500027825003A16",
)


def frames(path: str | None) -> list[bytes]:
    """The frames to time."""
    if path is None:
        return [bytes.fromhex(text) for text in EXAMPLES]
    lines = [line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]
    return [bytes.fromhex(json.loads(line)["hex"] if line.startswith("{") else line) for line in lines]


def peers() -> dict[str, Decoder]:
    """The decoders to compare; a peer that is not installed is left out."""
    found: dict[str, Decoder] = {"Frame.parse": Frame.parse, "decode": decode}
    try:
        meterbus: Any = importlib.import_module("meterbus")
    except ImportError:
        return found
    logging.disable(logging.CRITICAL)

    def load(octets: bytes) -> object:
        telegram = meterbus.load(octets)
        return [record.parsed_value for record in telegram.records]

    return {"pyMeterBus load + parsed_value": load, **found}


def accepted(octets: bytes, decoders: Sequence[Decoder]) -> bool:
    """Whether every decoder reads the frame, and reads records."""
    try:
        return bool(decode(octets).records) and all(decoder(octets) is not None for decoder in decoders)
    except Exception:  # noqa: BLE001  peers fail in many ways
        return False


def microseconds(decoder: Decoder, octets: Sequence[bytes]) -> float:
    """The best of several rounds, per frame."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for frame in octets:
            decoder(frame)
        best = min(best, time.perf_counter() - start)
    return best / len(octets) * 1e6


def start_up(*arguments: str) -> float:
    """Milliseconds of a Python process, the best of several."""
    times: list[float] = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)  # noqa: S603  this project's own commands
        times.append(time.perf_counter() - start)
    return min(times) * 1e3


def main(path: str | None = None) -> None:
    """Print the figures."""
    decoders = peers()
    readable = [octets for octets in frames(path) if accepted(octets, list(decoders.values()))]
    octets_each = sum(map(len, readable)) / len(readable)
    print(f"{len(readable)} frames, {octets_each:.0f} octets each on average")
    timed = {name: microseconds(decoder, readable) for name, decoder in decoders.items()}
    base = next(iter(timed.values()))
    for name, cost in timed.items():
        print(f"{name:32} {cost:8.1f} us a telegram {1e6 / cost:8.0f} /s   {base / cost:5.2f} x")
    bare = start_up("-c", "pass")
    print(f"import mbus_construct            {start_up('-c', 'import mbus_construct') - bare:8.0f} ms")
    print(
        f"mbus decode of one telegram      {start_up('-m', 'mbus_construct', 'decode', EXAMPLES[0]):8.0f} ms"
    )


if __name__ == "__main__":
    try:
        if {"-h", "--help"} & {*sys.argv[1:]}:
            print(__doc__)
        elif "--bus" in sys.argv[1:]:
            sys.exit(benchmark_bus.main())
        else:
            main(*sys.argv[1:2])
    except MBusError as error:
        sys.exit(str(error))

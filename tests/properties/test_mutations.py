"""A hundred thousand damaged frames: only our errors, identity where accepted, and no slow input."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from helpers import with_check_sum
from mbus_grammars import DecodeError, Frame
from vectors import FRAMES

COUNT = 100_000
SLOWER_THAN_MEDIAN = 50
SPECIAL = bytes.fromhex("00 0D 0F 1F 2F 7C 7D 7F 80 8D BF C0 CA D0 E0 EF F0 F6 F7 FB FC FD FF")


def mutated(frame: bytes, rng: random.Random) -> bytes:
    """A frame with one to four faults in what its check sum covers."""
    octets = bytearray(frame)
    for _ in range(rng.randint(1, 4)):
        first = 4 if len(octets) > 8 else 0
        position = rng.randrange(first, max(len(octets) - 2, first + 1))
        kind = rng.randrange(6)
        if kind == 0:
            octets[position] ^= 1 << rng.randrange(8)
        elif kind == 1:
            octets[position] = rng.choice(SPECIAL)
        elif kind == 2 and len(octets) > 9:
            del octets[position : min(position + rng.randint(1, 4), len(octets) - 2)]
        elif kind == 3:
            octets[position:position] = rng.randbytes(rng.randint(1, 4))
        elif kind == 4 and len(octets) > 9:
            other = rng.choice(FRAMES)
            octets[position:-2] = other[rng.randrange(len(other)) : -2]
        else:
            octets[position:position] = bytes([rng.choice(SPECIAL)]) * rng.randint(1, 12)
    return with_check_sum(bytes(octets[:259] + octets[-2:]) if len(octets) > 261 else bytes(octets))


def mutations() -> Iterator[bytes]:
    """The frames, the same ones in every run."""
    rng = random.Random(13757)  # noqa: S311
    for _ in range(COUNT):
        yield mutated(rng.choice(FRAMES), rng)


class Run(NamedTuple):
    """What came of all frames."""

    accepted: int
    times: list[int]  # nanoseconds that parsing took, one a frame


def parsing_time(octets: bytes) -> int:
    """Nanoseconds that parsing takes."""
    start = time.perf_counter_ns()
    with contextlib.suppress(DecodeError):
        Frame.parse(octets)
    return time.perf_counter_ns() - start


@pytest.fixture(scope="module")
def frames() -> list[bytes]:
    return list(mutations())


@pytest.fixture(scope="module")
def run(frames: list[bytes]) -> Run:
    """Parse each frame once; anything but DecodeError ends the run, and so does a lost octet."""
    accepted, times = 0, []
    for octets in frames:
        start = time.perf_counter_ns()
        try:
            parsed = Frame.parse(octets)
        except DecodeError:
            times.append(time.perf_counter_ns() - start)
            continue
        times.append(time.perf_counter_ns() - start)
        accepted += 1
        built = Frame.build(parsed)
        assert built == octets[: len(built)], octets.hex()
    return Run(accepted, times)


def test_damaged_frames_raise_our_errors_or_build_back(run: Run) -> None:
    assert len(run.times) == COUNT
    assert COUNT // 2 < run.accepted < COUNT  # the mutations reach the fields, and the faults


def test_no_damaged_frame_is_slow(frames: list[bytes], run: Run) -> None:
    """An outlier is measured again: the least of some times is the input's, the rest the machine's."""
    limit = SLOWER_THAN_MEDIAN * sorted(run.times)[COUNT // 2]
    slow = [octets for octets, taken in zip(frames, run.times, strict=True) if taken > limit]
    slow = [octets for octets in slow if min(parsing_time(octets) for _ in range(7)) > limit]
    assert not slow, [octets.hex() for octets in slow[:3]]

"""A hundred thousand damaged frames: only our errors, identity where accepted, and no slow input."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from mbus_grammars import DecodeError, Frame
from mutations import mutated
from vectors import FRAMES

COUNT = 100_000
SLOWER_THAN_MEDIAN = 50


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

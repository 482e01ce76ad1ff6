"""Damaged frames, a hundred thousand where long tests run: only our errors, identity where accepted, and no slow input."""

from __future__ import annotations

import random
import time
from typing import Any

from amounts import counts
from mbus_grammars import DecodeError, Frame
from mutations import mutated
from vectors import FRAMES

SLOWER_THAN_MEDIAN = 50


def parsed(octets: bytes) -> Any:
    """The frame; None where it is refused."""
    try:
        return Frame.parse(octets)
    except DecodeError:
        return None


def parsing_time(octets: bytes) -> int:
    """Nanoseconds of the processor's time: what else runs on the machine does not count."""
    start = time.process_time_ns()
    parsed(octets)
    return time.process_time_ns() - start


@counts(2_000, 100_000)
def test_damaged_frames_raise_our_errors_or_build_back(count: int) -> None:
    """Anything but DecodeError fails, and so does a lost octet.

    None may take long either. An outlier is measured again: the least of some times is the input's, the rest
    the machine's.
    """
    rng = random.Random(13757)  # noqa: S311  repeatable
    accepted = 0
    times: list[tuple[int, bytes]] = []
    for _ in range(count):
        octets = mutated(rng.choice(FRAMES), rng)
        start = time.process_time_ns()
        frame = parsed(octets)
        times.append((time.process_time_ns() - start, octets))
        if frame is not None:
            accepted += 1
            built = Frame.build(frame)
            assert built == octets[: len(built)], octets.hex()
    assert count // 2 < accepted < count  # the mutations reach the fields, and the faults
    times.sort()
    limit = SLOWER_THAN_MEDIAN * times[count // 2][0]
    slow = [octets for taken, octets in times if taken > limit]
    slow = [octets for octets in slow if min(parsing_time(octets) for _ in range(7)) > limit]
    assert not slow, [octets.hex() for octets in slow[:3]]

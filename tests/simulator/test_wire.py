"""The wire: one transmission is heard as it is, several are heard as the UART makes of their sum."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbus_construct.bus.timing import BAUDRATES
from mbus_construct.simulator.wire import Transmission, heard, superpose, uart

OCTETS = st.binary(min_size=1, max_size=12)
RATE = st.sampled_from(BAUDRATES)
E5 = b"\xe5"


def octets(*transmissions: Transmission, baudrate: int = 2400) -> bytes:
    return bytes(item.octet for item in heard(transmissions, baudrate))


def by_samples(*transmissions: Transmission, baudrate: int = 2400) -> bytes:
    start = min(item.start for item in transmissions)
    return bytes(item.octet for item in uart(superpose(transmissions, start, baudrate), start, baudrate))


@given(OCTETS, RATE, st.floats(0, 1000))
def test_one_transmission_is_heard_as_it_is(sent: bytes, rate: int, start: float) -> None:
    transmission = Transmission(start, sent, rate)
    characters = heard([transmission], rate)
    assert bytes(item.octet for item in characters) == sent
    assert all(item.sound for item in characters)
    assert characters[-1].time == pytest.approx(transmission.end)


@given(OCTETS, RATE, st.integers(0, 12), st.floats(0, 80))
def test_the_uart_hears_a_single_transmission_like_the_fast_path(
    sent: bytes, rate: int, after: int, gap: float
) -> None:
    transmission = Transmission(3.0, sent, rate, gap_after=after, gap=gap)
    fast = heard([transmission], rate)
    slow = uart(superpose([transmission], 3.0, rate), 3.0, rate)
    assert [(item.octet, item.sound) for item in slow] == [(item.octet, item.sound) for item in fast]
    for left, right in zip(slow, fast, strict=True):
        assert abs(left.time - right.time) < 1 / rate


@given(OCTETS, st.integers(1, 5))
def test_identical_transmissions_are_one(sent: bytes, count: int) -> None:
    assert octets(*[Transmission(0.0, sent, 2400)] * count) == sent


@given(st.binary(min_size=4, max_size=4), st.binary(min_size=4, max_size=4))
def test_characters_at_the_same_time_are_anded(left: bytes, right: bytes) -> None:
    both = (Transmission(0.0, left, 2400), Transmission(0.0, right, 2400))
    expected = bytes(one & other for one, other in zip(left, right, strict=True))
    assert octets(*both) == expected
    for item, one, other in zip(heard(both, 2400), left, right, strict=True):
        parity = one.bit_count() & other.bit_count() & 1
        assert item.sound is (parity == item.octet.bit_count() & 1)


@given(st.lists(st.tuples(st.floats(0, 0.02), OCTETS), min_size=2, max_size=4))
def test_superposition_does_not_depend_on_the_order(sent: list[tuple[float, bytes]]) -> None:
    transmissions = [Transmission(start, item, 2400) for start, item in sent]
    assert octets(*transmissions) == octets(*reversed(transmissions))
    times = [item.time for item in heard(transmissions, 2400)]
    assert times == sorted(times)


@given(OCTETS, OCTETS, st.floats(1, 100))
def test_transmissions_that_do_not_overlap_are_heard_one_behind_the_other(
    left: bytes, right: bytes, pause: float
) -> None:
    first = Transmission(0.0, left, 2400)
    second = Transmission(first.end + pause / 2400, right, 2400)
    assert by_samples(first, second) == left + right


def test_acknowledgements_of_the_same_bit_timing_are_a_clean_one() -> None:
    assert octets(*[Transmission(1.0, E5, 2400)] * 25) == E5


@pytest.mark.parametrize("bits", [1.0, 2.0, 2.5, 3.5, 5.25, 7.0, 9.0])
def test_acknowledgements_with_an_offset_are_garbled(bits: float) -> None:
    collision = heard([Transmission(0.0, E5, 2400), Transmission(bits / 2400, E5, 2400)], 2400)
    assert bytes(item.octet for item in collision) != E5 or not all(item.sound for item in collision)


def test_less_than_half_a_bit_of_offset_does_not_matter() -> None:
    assert octets(Transmission(0.0, E5, 2400), Transmission(0.4 / 2400, E5, 2400)) == E5


@pytest.mark.parametrize("receiver", [rate for rate in BAUDRATES if rate != 2400])
@pytest.mark.parametrize("sent", [E5, bytes.fromhex("680B0B6853FD52"), b"\x55" * 20])
def test_another_rate_hears_something_else(sent: bytes, receiver: int) -> None:
    assert octets(Transmission(0.0, sent, 2400), baudrate=receiver) != sent


def test_a_pause_stands_where_it_was_wanted() -> None:
    transmission = Transmission(0.0, bytes(4), 2400, gap_after=2, gap=24)
    times = [item.time for item in heard([transmission], 2400)]
    assert [round((right - left) * 2400) for left, right in pairwise(times)] == [11, 35, 11]
    assert transmission.end == pytest.approx((4 * 11 + 24) / 2400)


def test_a_glitch_is_no_start_bit_and_a_long_space_is_one_character() -> None:
    assert uart(0b111, 0.0, 2400) == []
    broken = uart((1 << 16 * 30) - 1, 0.0, 2400)
    assert [(item.octet, item.sound) for item in broken] == [(0, False)]
    assert heard([], 2400) == []

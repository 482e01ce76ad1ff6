"""Frames cut out of octets, by one splitter for the bus, files, the command line and captures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbus_construct.bus.receiver import receive
from mbus_construct.octets.framing import Frames, frames_among, frames_in, telegrams_in, unfinished
from mbus_grammars.link import MAX_FRAME, NextFrame, next_frame

E5 = b"\xe5"
SHORT = bytes.fromhex("10 40 01 41 16")
LONG = bytes.fromhex("68 03 03 68 53 FE 50 A1 16")
DAMAGED = LONG[:-2] + b"\xa2\x16"
NOISE = bytes.fromhex("00 FF 7E")


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (b"", NextFrame(0)),
        (LONG, NextFrame(0, 9)),
        (LONG + SHORT, NextFrame(0, 9)),
        (NOISE + SHORT, NextFrame(3, 5)),
        (E5 + LONG, NextFrame(0, 1)),
        (NOISE + E5 + LONG, NextFrame(4, 9)),  # any octet of a file may be E5h
        (DAMAGED + LONG, NextFrame(9, 9)),
        (b"\x68\x68" + LONG, NextFrame(2, 9)),
        (b"\x10" + LONG, NextFrame(1, 9)),
        (LONG[:-1], NextFrame(8)),
        (DAMAGED, NextFrame(9)),
        (NOISE, NextFrame(3)),
    ],
)
def test_the_next_frame(octets: bytes, expected: NextFrame) -> None:
    assert next_frame(octets) == expected


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (LONG[:-1], NextFrame(0, 0, 1)),
        (NOISE + LONG[:4], NextFrame(3, 0, 5)),
        (NOISE + SHORT[:1], NextFrame(3, 0, 4)),
        (SHORT + LONG[:1], NextFrame(0, 5)),
        (NOISE, NextFrame(3)),
    ],
)
def test_a_frame_that_begins_is_waited_for(octets: bytes, expected: NextFrame) -> None:
    assert next_frame(octets, final=False) == expected


def test_a_single_character_after_noise_counts_on_the_bus_only() -> None:
    assert next_frame(NOISE + E5) == NextFrame(4)
    assert next_frame(NOISE + E5, anywhere=True) == NextFrame(3, 1)
    assert next_frame(NOISE + E5, 3) == NextFrame(3, 1)
    assert next_frame(NOISE + E5, 3, start=0) == NextFrame(4)


def shown(octets: bytes) -> list[tuple[int, bytes, str | None]]:
    return [(item.offset, item.octets, item.fault and item.fault.code) for item in frames_among(octets)]


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (b"", []),
        (LONG, [(0, LONG, None)]),
        (LONG + E5 + SHORT, [(0, LONG, None), (9, E5, None), (10, SHORT, None)]),
        (NOISE + LONG, [(0, NOISE, "no_frame"), (3, LONG, None)]),
        (LONG + NOISE, [(0, LONG, None), (9, NOISE, "no_frame")]),
        (LONG + NOISE + E5, [(0, LONG, None), (9, NOISE + E5, "no_frame")]),
        (LONG + DAMAGED + SHORT, [(0, LONG, None), (9, DAMAGED, None), (18, SHORT, None)]),
        (LONG + LONG[:5], [(0, LONG, None), (9, LONG[:5], None)]),
        (NOISE, [(0, NOISE, None)]),  # the user data of a frame, perhaps
        (bytes(MAX_FRAME + 1), [(0, bytes(MAX_FRAME + 1), "no_frame")]),
    ],
)
def test_nothing_is_lost_among_frames(octets: bytes, expected: list[tuple[int, bytes, str | None]]) -> None:
    assert shown(octets) == expected
    assert b"".join(found for _, found, _ in expected) == octets


@pytest.mark.parametrize(
    ("octets", "count"),
    [(LONG, 1), (DAMAGED, 1), (NOISE, 1), (NOISE + LONG, 2), (LONG + LONG, 2), (LONG[4:], 1)],
)
def test_telegrams_of_one_text(octets: bytes, count: int) -> None:
    assert len(list(telegrams_in(octets))) == count


@pytest.mark.parametrize(
    ("octets", "expected"),
    [(b"", False), (LONG, False), (LONG[:3], True), (SHORT[:1], True), (DAMAGED, False), (NOISE, False)],
)
def test_frames_that_more_octets_may_finish(octets: bytes, expected: bool) -> None:
    assert unfinished(octets) is expected


def test_frames_in_a_row() -> None:
    wireless = bytes.fromhex("0A 44 93 15 78 56 34 12 33 03 78")
    assert frames_in(LONG + E5 + SHORT) == (LONG, E5, SHORT)
    assert frames_in(LONG + wireless + SHORT) == (LONG, wireless, SHORT)
    assert frames_in(LONG + NOISE) == ()
    assert frames_in(LONG + LONG + NOISE) == (LONG, LONG, NOISE)


PARTS = st.sampled_from([E5, SHORT, LONG, DAMAGED, NOISE, LONG[:6], SHORT[2:], b"\x68", b"\x10"])
STREAMS = st.lists(PARTS | st.binary(max_size=6), max_size=12).map(b"".join)


@given(STREAMS, st.lists(st.integers(0, 60), max_size=6))
def test_any_split_of_a_stream_gives_the_same_frames(stream: bytes, cuts: list[int]) -> None:
    frames = Frames()
    found = []
    ends = [*sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    for start, end in zip([0, *ends], ends, strict=False):
        found += frames.feed(stream[start:end])
    found += frames.end()
    assert [(item.offset, item.octets, str(item.fault)) for item in found] == [
        (item.offset, item.octets, str(item.fault)) for item in frames_among(stream)
    ]


@given(STREAMS)
def test_nothing_of_a_stream_is_lost(stream: bytes) -> None:
    assert b"".join(item.octets for item in frames_among(stream)) == stream
    assert b"".join(piece.octets for piece in receive(stream, final=True).pieces) == stream
    waited, missing = receive(stream)
    heard = b"".join(piece.octets for piece in waited)
    assert stream.startswith(heard)
    assert (missing > 0) == (heard != stream)

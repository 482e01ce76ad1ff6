"""Octets from the line to frames: frames behind noise, frames in pieces, and what is no frame."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import long_frame
from mbus_construct.bus.receiver import receive, resembles

E5 = b"\xe5"
PING = bytes.fromhex("1040054516")
REPLY = long_frame(bytes.fromhex("78563412244001075500000003 13153100"), a_field=5)
BROKEN = REPLY[:-2] + bytes([REPLY[-2] ^ 1]) + REPLY[-1:]


@pytest.mark.parametrize(
    ("octets", "pieces", "missing"),
    [
        (b"", [], 0),
        (E5, [E5], 0),
        (E5 + REPLY, [E5, REPLY], 0),
        (REPLY + REPLY, [REPLY, REPLY], 0),
        (b"\x00\x11" + REPLY, [b"\x00\x11", REPLY], 0),
        (REPLY + b"\x00", [REPLY, b"\x00"], 0),
        (b"\x10" + REPLY, [b"\x10", REPLY], 0),  # a start without its frame
        (b"\x68\x1f" + REPLY, [b"\x68\x1f", REPLY], 0),
        (BROKEN + REPLY, [BROKEN, REPLY], 0),
        (REPLY[:-1], [], 1),
        (PING[:2], [], 3),
        (b"\x68", [], 8),
    ],
)
def test_pieces(octets: bytes, pieces: list[bytes], missing: int) -> None:
    reception = receive(octets)
    assert [piece.octets for piece in reception.pieces] == pieces
    assert reception.missing == missing


@pytest.mark.parametrize("octets", [REPLY[:-1], PING[:2], b"\x68", b"\x10\xe5"])
def test_what_is_not_complete_in_the_end_is_none(octets: bytes) -> None:
    reception = receive(octets, final=True)
    assert b"".join(piece.octets for piece in reception.pieces) == octets
    assert reception.missing == 0
    assert not any(piece.from_meter or piece.to_meter for piece in reception.pieces)


def test_who_sent_it() -> None:
    ack, ping, reply = receive(E5 + PING + REPLY).pieces
    assert (ack.acknowledges, ack.to_meter, ack.from_meter) == (True, False, False)
    assert (ping.acknowledges, ping.to_meter, ping.from_meter) == (False, True, False)
    assert (reply.acknowledges, reply.to_meter, reply.from_meter) == (False, False, True)


STREAMS = st.lists(
    st.sampled_from([E5, PING, REPLY, BROKEN, b"\x68", b"\x10", b"\x00"]) | st.binary(max_size=4)
).map(b"".join)


@given(STREAMS)
def test_nothing_is_lost(octets: bytes) -> None:
    reception = receive(octets, final=True)
    assert b"".join(piece.octets for piece in reception.pieces) == octets


@given(STREAMS, st.integers(0, 200))
def test_the_frames_for_more_octets_begin_with_those_for_fewer(octets: bytes, cut: int) -> None:
    first = [piece for piece in receive(octets[:cut]).pieces if piece.frame is not None]
    assert [piece for piece in receive(octets).pieces if piece.frame is not None][: len(first)] == first


@pytest.mark.parametrize(
    ("heard", "likely"),
    [
        (PING, True),
        (b"\x10\x40\x05\x47\x16", True),
        (b"\x00\x00\x05\x45\x16", True),
        (PING[1:], False),
        (b"\0" * 5, False),
    ],
)
def test_an_echo_is_known_by_its_likeness(heard: bytes, likely: bool) -> None:
    assert resembles(heard, PING) is likely

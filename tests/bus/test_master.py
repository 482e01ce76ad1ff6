"""The master as a state machine: time and octets go in, and whatever comes, it ends in time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus_meters import Bench, meter, values
from helpers import long_frame
from mbus_construct import LocalProtocolError, TransportError
from mbus_construct.bus import timing
from mbus_construct.bus.address import SecondaryAddress
from mbus_construct.bus.events import Finding
from mbus_construct.bus.exchange import frame_of
from mbus_construct.bus.master import Master
from mbus_construct.bus.procedure import (
    Outcome,
    Pause,
    Procedure,
    Request,
    Send,
    SetBaudrate,
    WakeUp,
    ask,
    listen,
)
from mbus_construct.bus.readout import request_data, select_request
from mbus_construct.simulator import Fault

E5 = b"\xe5"
REPLY = long_frame(bytes.fromhex("7856341224400107550000000313153100"), a_field=5)
OTHER = long_frame(bytes.fromhex("7956341224400107550000000313153100"), a_field=6)
BROKEN = REPLY[:-2] + bytes([REPLY[-2] ^ 1]) + REPLY[-1:]
PING, DATA = Request("SND_NKE", 5), Request("REQ_UD2", 5)


class Line:
    """Runs one request; `hears` are the octets that come after each sending, in chunks with their times."""

    def __init__(self, request: Request, **options: Any) -> None:
        self.master: Master[Outcome] = Master(**options)
        self.now = 0.0
        self.sent: list[tuple[float, bytes]] = []
        self.deadlines: list[float] = []
        self.master.start(ask(request), self.now)
        self.perform()

    def perform(self) -> None:
        self.sent += [(self.now, item.octets) for item in self.master.commands() if isinstance(item, Send)]

    def hear(self, octets: bytes, after: float = 0.0) -> None:
        self.now += after
        self.master.advance(octets, self.now)
        self.perform()

    def wait(self) -> None:
        """Until the deadline."""
        assert self.master.deadline < self.now + 15
        self.now = max(self.now, self.master.deadline)
        self.hear(b"")

    def send(self) -> None:
        while not self.sent:
            self.wait()

    def outcome(self) -> Outcome:
        for _ in range(50):
            if self.master.done:
                return self.master.result
            self.wait()
        raise AssertionError("it goes on and on")


def hearing(request: Request, *chunks: bytes, after: float = 0.05, **options: Any) -> Outcome:
    """The outcome of a request behind whose first sending these chunks come at once."""
    line = Line(request, **options)
    line.send()
    line.now += after
    for chunk in chunks:
        if not line.master.done:
            line.hear(chunk)
    return line.outcome()


ECHO = frame_of(PING)
MORE = replace(DATA, attempts=1)


@pytest.mark.parametrize(
    ("request_", "heard", "kind", "octets", "attempts"),
    [
        (PING, E5, "ack", E5, 1),
        (PING, b"", "silence", b"", 3),
        (PING, ECHO + E5, "ack", E5, 1),
        (PING, ECHO, "silence", b"", 3),
        (PING, b"\x10\x40\x05\x47\x16" + E5, "ack", E5, 1),  # a damaged echo
        (replace(PING, attempts=1), b"\x00\x01", "garbled", b"\x00\x01", 1),
        (replace(PING, attempts=1), b"\x00" + E5, "garbled", b"\x00" + E5, 1),  # E5 may be a part of noise
        (replace(PING, attempts=1), REPLY, "foreign", REPLY, 1),
        (DATA, REPLY, "data", REPLY, 1),
        (DATA, E5 + REPLY, "data", REPLY, 1),  # a late acknowledgement, then the answer
        (DATA, b"\x68\x00" + REPLY, "data", REPLY, 1),
        (DATA, OTHER + REPLY, "data", REPLY, 1),
        (DATA, frame_of(DATA) + REPLY, "data", REPLY, 1),
        (DATA, E5, "ack", E5, 1),
        (MORE, E5 + E5, "garbled", E5 + E5, 1),
        (MORE, OTHER, "foreign", OTHER, 1),
        (MORE, BROKEN, "garbled", BROKEN, 1),
        (MORE, REPLY[:-1], "garbled", REPLY[:-1], 1),
        (Request("REQ_UD2", 254), OTHER, "data", OTHER, 1),
        (Request("REQ_UD2", 253), OTHER, "data", OTHER, 1),
        (Request("SND_NKE", 255), b"", "sent", b"", 1),
        (Request(octets=bytes.fromhex("105B056016"), attempts=1), E5, "ack", E5, 1),
        (Request(octets=bytes.fromhex("105B056016"), attempts=1), OTHER, "data", OTHER, 1),
    ],
)
def test_outcomes(request_: Request, heard: bytes, kind: str, octets: bytes, attempts: int) -> None:
    outcome = hearing(request_, heard)
    assert (outcome.kind, outcome.octets, outcome.attempts) == (kind, octets, attempts)
    assert (outcome.frame is None) == (kind not in ("ack", "data"))


@pytest.mark.parametrize("baudrate", timing.BAUDRATES)
def test_the_times_of_the_standard(baudrate: int) -> None:
    line = Line(PING, baudrate=baudrate)
    line.send()
    line.wait()
    first = line.sent[0][0] + timing.duration(5, baudrate)
    waited = line.now - first
    last = 330 / baudrate + 0.05
    assert last <= waited <= last + 12 / baudrate
    # The longest frame is heard to its end, whatever it takes.
    reply = long_frame(bytes.fromhex("785634122440010755000000") + bytes(240), a_field=5)
    assert len(reply) == 261
    line = Line(DATA, baudrate=baudrate)
    line.send()
    line.now += timing.duration(5, baudrate) + last
    for octet in reply:
        line.hear(bytes([octet]), 11 / baudrate)
    assert line.outcome().octets == reply


def test_slack_and_time_out() -> None:
    for options, expected in (({"slack": 0.3}, 0.4875), ({"timeout": 1.0, "slack": 0.3}, 1.0)):
        line = Line(PING, **options)
        line.send()
        line.wait()
        assert line.now == pytest.approx(timing.duration(6, 2400) + expected)
    line = Line(replace(PING, window=0.05, attempts=2, patience=2.0))
    line.send()
    line.wait()
    assert line.now < 0.1
    line.outcome()
    assert line.now > 2


@pytest.mark.parametrize("octet", [0x00, 0x10, 0x68, 0xE5, 0xFF])
@pytest.mark.parametrize("request_", [PING, DATA])
def test_a_line_that_babbles_ends(octet: int, request_: Request) -> None:
    line = Line(request_)
    while not line.master.done:
        line.hear(bytes([octet]) * 20, timing.duration(20, 2400))
        assert line.now < 30
    assert len(line.sent) <= 3


CHUNKS = st.sampled_from(
    [E5, REPLY, OTHER, BROKEN, ECHO, frame_of(DATA), b"\x68", b"\x10\x40\x05\x47\x16"]
) | st.binary(max_size=3)
STREAMS = st.lists(CHUNKS, max_size=5).map(b"".join)
REQUESTS = st.sampled_from(
    [PING, DATA, Request("REQ_UD2", 253), select_request(SecondaryAddress("12345678"))]
)


def two(requests: Sequence[Request]) -> Procedure[list[Any]]:
    outcomes: list[Any] = []
    for request in requests:
        outcome = yield from ask(request)
        outcomes.append(replace(outcome, delay=None))
    outcomes.append((yield from listen(0.1)))
    return outcomes


def run(requests: Sequence[Request], chunks: Sequence[bytes]) -> tuple[list[Any], list[bytes]]:
    """Two requests behind whose first sending the chunks come at one moment."""
    master: Master[list[Any]] = Master()
    now, sent = 0.0, list[bytes]()
    waiting = list(chunks)
    master.start(two(requests), now)
    for _ in range(200):
        sent += [item.octets for item in master.commands() if isinstance(item, Send)]
        if master.done:
            return master.result, sent
        if sent and waiting:
            now = max(now, 0.2)
            master.advance(waiting.pop(0), now)
            continue
        assert now <= master.deadline < now + 15
        now = master.deadline
        master.advance(b"", now)
    raise AssertionError("it goes on and on")


@given(st.lists(REQUESTS, min_size=2, max_size=2), STREAMS, st.data())
def test_any_split_of_the_octets_gives_the_same(
    requests: list[Request], octets: bytes, data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(octets)), max_size=6)))
    edges = [0, *cuts, len(octets)]
    chunks = [octets[a:b] for a, b in pairwise(edges) if a < b]
    assert run(requests, chunks) == run(requests, [octets] if octets else [])


@given(REQUESTS, st.lists(st.tuples(st.binary(max_size=40) | STREAMS, st.floats(0, 1)), max_size=8))
def test_arbitrary_octets_never_raise_and_always_end(
    request: Request, heard: list[tuple[bytes, float]]
) -> None:
    line = Line(request)
    attributes = vars(Master()).keys()
    for octets, after in heard:
        if line.master.done:
            break
        assert line.now <= line.master.deadline + 1 or after >= 0
        line.hear(octets, after)
        assert line.master.deadline < line.now + 15
    line.outcome()
    assert vars(line.master).keys() == attributes
    assert len(line.sent) <= 3
    assert line.now < 8 + 5 * 15


# --- Steps


def test_pauses() -> None:
    def listening() -> Procedure[tuple[bytes, bytes]]:
        first = yield Pause(1.0)
        second = yield from listen(1.0, until_heard=True)
        assert isinstance(first, bytes)
        return first, second

    master: Master[tuple[bytes, bytes]] = Master()
    master.start(listening(), 0.0)
    assert master.deadline == 1.0
    master.advance(b"\x01", 0.5)
    master.advance(b"", 1.0)
    assert master.deadline == 2.0
    master.advance(b"\x02", 1.5)
    assert master.result == (b"\x01", b"\x02")


def test_commands_and_events() -> None:
    finding = Finding("info", "noise", "something")

    def everything() -> Procedure[int]:
        yield WakeUp(2.2)
        yield SetBaudrate(9600)
        yield finding
        return 7

    master: Master[int] = Master()
    assert master.deadline == 0.0
    master.start(everything(), 0.0)
    assert master.commands() == [WakeUp(2.2), SetBaudrate(9600)]
    assert master.commands() == []
    assert master.events() == [finding]
    assert (master.done, master.result, master.baudrate) == (True, 7, 9600)


def test_errors_are_those_of_the_procedure() -> None:
    def fails(error: Exception) -> Procedure[int]:
        yield Pause(0.0)
        raise error

    master: Master[int] = Master()
    master.start(fails(LocalProtocolError("no")), 0.0)
    master.advance(b"", 0.0)
    assert master.done
    with pytest.raises(LocalProtocolError, match="no"):
        _ = master.result
    master.start(fails(ZeroDivisionError()), 0.0)
    with pytest.raises(ZeroDivisionError):
        master.advance(b"", 0.0)
    master.start(listen(0.0), 0.0)  # the next one runs
    master.advance(b"", 0.0)
    assert master.done


def test_a_request_is_told_an_outcome_and_nothing_else() -> None:
    procedure = ask(PING)
    next(procedure)
    with pytest.raises(TypeError, match="has an Outcome"):
        procedure.send(b"")


# --- Giving up, and a port that fails


def test_who_gives_up_hears_the_answer_out() -> None:
    line = Line(DATA)
    line.send()
    line.master.abort()
    assert line.master.done
    assert not line.master.fcb.known(5)
    line.master.start(ask(PING), line.now)
    line.sent.clear()
    line.hear(REPLY, 0.2)  # of the request that was given up
    line.send()
    assert line.now > 0.2
    line.hear(E5, 0.05)
    outcome = line.master.result
    assert (outcome.kind, outcome.before) == ("ack", (REPLY,))


def test_a_call_while_an_answer_is_awaited() -> None:
    line = Line(DATA)
    line.send()
    with pytest.raises(LocalProtocolError, match="the bus is busy with another call"):
        line.master.start(ask(PING), line.now)


def test_a_failed_port_costs_no_attempt() -> None:
    line = Line(DATA)
    line.send()
    line.hear(REPLY[:9], 0.1)
    line.master.interrupted(line.now)
    line.wait()
    assert [octets for _, octets in line.sent] == [frame_of(DATA)] * 2
    line.hear(REPLY, 0.1)
    assert line.master.result.attempts == 1
    line.master.interrupted(line.now)  # nothing is under way
    assert line.master.done


def test_a_port_that_fails_again_and_again() -> None:
    line = Line(DATA)
    for _ in range(5):
        line.wait()
        line.master.interrupted(line.now)
    with pytest.raises(TransportError, match="the connection failed 6 times during one request"):
        line.master.interrupted(line.now)


def test_a_command_to_the_selected_meter_is_not_sent_twice() -> None:
    line = Line(Request("SND_UD", 253, 0x50, {"sub_codes": []}))
    line.send()
    with pytest.raises(TransportError, match="the selected meter was being written to"):
        line.master.interrupted(line.now)
    line = Line(select_request(SecondaryAddress("12345678")))
    line.send()
    line.master.interrupted(line.now)  # a selection is
    line.wait()
    assert len(line.sent) == 2


@pytest.mark.parametrize("stop", range(1, 12))
def test_whoever_stops_anywhere_leaves_the_bus_usable(stop: int) -> None:
    b = Bench(meter(5, "12345678", "1.000", "2.000"), meter(6, "12345679", "6.000"))
    master = b.client.session.master
    master.start(b.client.session.read("12345678"), b.port.now())
    for _ in range(stop):
        for command in master.commands():
            assert isinstance(command, Send)
            b.port.write(command.octets)
        if not master.done:
            master.advance(b.port.read(master.deadline), b.port.now())
    master.abort()
    assert values(b.client.read("12345679")) == ["6.000"]
    assert values(b.client.read(5)) == ["1.000", "2.000"]
    assert not b.bus.overlaps


# --- Late answers


def test_late_answers_to_repetitions_are_heard_out() -> None:
    line = Line(DATA)
    line.send()
    line.wait()
    while len(line.sent) < 2:
        line.wait()
    line.hear(REPLY, 0.1)  # of the first sending, as it seems
    assert line.master.result.attempts == 2
    line.master.start(ask(Request("SND_NKE", 6)), line.now)
    line.sent.clear()
    line.hear(REPLY, 0.15)
    line.send()
    line.hear(E5, 0.05)
    assert line.master.result.before == (REPLY,)


def test_an_acknowledgement_that_may_be_late_is_doubtful() -> None:
    line = Line(PING)
    assert line.outcome().kind == "silence"
    line.master.start(ask(Request("SND_NKE", 6)), line.now)
    line.sent.clear()
    line.send()
    line.hear(E5, 0.05)
    assert line.master.result.doubtful


def test_new_data_are_asked_for_when_the_old_ones_cannot_come_any_more() -> None:
    line = Line(MORE)
    assert line.outcome().kind == "silence"
    given_up = line.now
    for request, waits in (
        (DATA, False),
        (request_data(6, fresh=True), False),
        (request_data(5, fresh=True), True),
    ):
        line.master.start(ask(request), line.now)
        line.sent.clear()
        line.send()
        assert (line.now > given_up + 1.9) is waits
        line.master.abort()


def test_repeated_octets_of_the_converter_are_nobodys() -> None:
    b = Bench(faults=["echo", Fault("late_reply", at=(2,), in_a_row=0, seconds=(0.3, 0.3))])
    assert values(b.client.read(5)) == ["12.565"]
    assert not any(b.client.ping(address) for address in (4, 6))


def test_noise_before_a_request_goes_on_for_so_long_and_no_longer() -> None:
    def noise() -> Iterator[bytes]:
        while True:
            yield b"\x00" * 24

    line = Line(PING)
    for chunk in noise():
        line.hear(chunk, 0.11)
        if line.sent:
            break
    assert 2.9 < line.now < 3.3

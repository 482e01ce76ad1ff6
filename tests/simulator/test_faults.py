"""Each fault's effect on the wire; what a master concludes from it is shown in the tests of the master."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mbus_construct import BuildError, DecodeError, TransportError, decode
from mbus_construct.simulator import FAULTS, Behaviour, Fault, SimulatedBus, fleet, mixture
from virtual import E5, Asker, asker, command, meter, select, short

ALWAYS = {"in_a_row": 0}
LATE = 3.0  # seconds in which even a late reply has come


def plain(request: bytes = short(0x7B, 5)) -> bytes:
    """The answer of the meter without a fault."""
    return asker().ask(request)


def struck(name: str, request: bytes = short(0x7B, 5), wait: float | None = None, **fault: Any) -> bytes:
    """What the master hears under a fault that strikes always."""
    return asker(faults=[Fault(name, **{**ALWAYS, **fault})]).ask(request, wait)


def times(master: Asker, request: bytes, wait: float = LATE) -> list[tuple[float, bytes]]:
    """What comes and when, since the end of the request."""
    start = master.port.now() + len(request) * 11 / master.port.baudrate
    master.port.write(request)
    found = []
    while piece := master.port.read(start + wait):
        found.append((master.port.now() - start, piece))
    return found


# --- Replies -------------------------------------------------------------------------------------


def test_truncated() -> None:
    heard = struck("truncated")
    assert 0 < len(heard) < len(plain())
    assert plain().startswith(heard)
    assert struck("truncated", short(0x40, 5)) == E5


@pytest.mark.parametrize(
    ("name", "place", "code"),
    [("wrong_checksum", -2, None), ("wrong_stop", -1, "stop"), ("wrong_length", 2, None)],
)
def test_wrong_octets(name: str, place: int, code: str | None) -> None:
    heard, good = struck(name), plain()
    differing = [index - len(good) * (place < 0) for index in range(len(good)) if heard[index] != good[index]]
    assert differing == [place]
    with pytest.raises(DecodeError) as caught:
        decode(heard)
    assert code in (None, caught.value.code)


def test_trailing_octet() -> None:
    assert struck("trailing_octet")[:-1] == plain()
    assert struck("trailing_octet", short(0x40, 5))[:1] == E5
    assert len(struck("trailing_octet", short(0x40, 5))) == 2


@pytest.mark.parametrize("name", ["lost_reply", "lost_request"])
def test_lost(name: str) -> None:
    assert struck(name) == b""


def test_a_lost_reply_moved_the_fcb_and_a_lost_request_did_not() -> None:
    for name, answered in (("lost_reply", ("12345678",)), ("lost_request", ())):
        master = asker(faults=[Fault(name, at=(1,))])
        assert master.read(5) == b""
        assert master.bus.requests[-1].answered_by == answered
        assert master.read(5) == plain()
        assert master.bus.fcb_history(5) == [True, True]
        telegram = decode(master.read(5, 0))
        assert telegram.access_number == 1


def test_lost_select() -> None:
    master = asker(meter(5), meter(6, "99999999"), faults=[Fault("lost_select", at=(2,))])
    assert master.ask(select("78 56 34 12 FF FF FF FF")) == E5
    assert master.ask(select("99 99 99 99 FF FF FF FF")) == b""
    assert master.bus.is_selected("12345678")
    assert master.ask(select("99 99 99 99 FF FF FF FF")) == E5
    assert not master.bus.is_selected("12345678")


def test_late_reply_comes_after_the_retry() -> None:
    master = asker(faults=[Fault("late_reply", at=(1,), seconds=(0.5, 0.5))])
    assert master.read(5) == b""
    assert master.read(5) == plain()
    assert master.listen(1.0) == plain()
    (late,) = times(asker(faults=["late_reply"]), short(0x40, 5))
    assert 0.5 < late[0] < 2.1


def test_gap_in_frame() -> None:
    pieces = times(asker(faults=["gap_in_frame"]), short(0x7B, 5))
    assert b"".join(piece for _, piece in pieces) == plain()
    assert len(pieces) == 2
    pause = (pieces[1][0] - pieces[0][0]) * 2400 - 11 * len(pieces[1][1])
    assert 22 < pause < 61


def test_other_address_and_identification() -> None:
    good = decode(plain())
    assert good.meter is not None
    address, number = decode(struck("other_address")), decode(struck("other_identification"))
    assert address.meter == good.meter
    assert address.frame.a_field != 5
    assert number.frame == good.frame
    assert number.meter is not None
    assert number.meter.identification_number != good.meter.identification_number
    assert number.records == good.records
    assert struck("other_identification", short(0x40, 5)) == E5


def test_application_busy() -> None:
    assert struck("application_busy") == bytes.fromhex("68 04 04 68 08 05 70 08 85 16")
    assert struck("application_busy", short(0x40, 5)) == E5


# --- The way -------------------------------------------------------------------------------------


def test_echo() -> None:
    request = short(0x7B, 5)
    assert struck("echo") == request + plain()
    assert struck("echo", short(0x40, 9)) == short(0x40, 9)


def test_corrupted_echo() -> None:
    heard, request = struck("corrupted_echo"), short(0x7B, 5)
    assert heard[5:] == plain()
    assert sum((one ^ other).bit_count() for one, other in zip(heard[:5], request, strict=True)) == 1
    assert struck("corrupted_echo", probability=0.0) == request + plain()


def test_stray_octets_follow_snd_nke() -> None:
    heard = struck("stray_octets", short(0x40, 5))
    assert heard[:1] == E5
    assert 1 <= len(heard) - 1 <= 3
    assert 1 <= len(struck("stray_octets", short(0x40, 9))) <= 3
    assert struck("stray_octets") == plain()


def test_noise() -> None:
    heard = [
        b"".join(piece for _, piece in times(asker(seed=seed, faults=["noise"]), short(0x40, 9)))
        for seed in range(9)
    ]
    assert all(1 <= len(octets) <= 3 for octets in heard)
    assert len(set(heard)) > 5


def test_fragments() -> None:
    pieces = times(asker(faults=["fragments"]), short(0x7B, 5))
    assert all(len(piece) == 1 for _, piece in pieces)
    assert b"".join(piece for _, piece in pieces) == plain()
    assert pieces[-1][0] == pytest.approx(times(asker(), short(0x7B, 5))[-1][0])


def test_fragments_through_receive() -> None:
    bus = asker(faults=["fragments"]).bus
    bus.transmit(short(0x7B, 5), 0.0, 2400)
    pieces = []
    while bus.deadline is not None:
        pieces.append(bus.receive(10.0))
    assert b"".join(pieces) == plain()
    assert {len(piece) for piece in pieces} == {1}


def test_coalesced_delivers_several_answers_in_one_piece() -> None:
    master = asker(faults=[Fault("coalesced", at=(1,))])
    master.port.write(select())
    master.port.sleep(0.12)
    master.port.write(short(0x7B, 253))
    assert master.port.read(10.0) == E5 + plain()


def test_connection_dropped() -> None:
    master = asker(faults=[Fault("connection_dropped", at=(1,))])
    with pytest.raises(TransportError, match="open the port again"):
        master.read(5)
    with pytest.raises(TransportError):
        master.port.write(short(0x7B, 5))
    master.port.reopen()
    assert master.read(5) == plain()


def test_port_vanishes_in_the_middle_of_a_reply() -> None:
    master = asker(faults=[Fault("port_vanishes", at=(1,))], seed=2)
    master.port.write(short(0x7B, 5))
    heard = master.port.read(10.0)
    with pytest.raises(TransportError):
        master.port.read(10.0)
    assert 0 < len(heard) < len(plain())
    assert plain().startswith(heard)
    master.port.reopen()
    assert master.read(5) == plain()


def test_what_breaks_is_found_by_the_next_write_too() -> None:
    master = asker(faults=[Fault("connection_dropped", at=(1,))])
    master.port.write(short(0x7B, 5))
    master.port.sleep(1.0)
    with pytest.raises(TransportError):
        master.port.write(short(0x7B, 5))


# --- Collisions ----------------------------------------------------------------------------------


def pair(**bus: Any) -> Asker:
    return asker(meter(5, "11111111"), meter(5, "12222222"), **bus)


def test_clean_acknowledgements_and_broken_replies() -> None:
    master = pair(faults=["clean_ack_collision"])
    assert master.ping(5) == E5
    with pytest.raises(DecodeError):
        decode(master.read(5), link="frame")


def test_garbled_and_silent_collisions() -> None:
    assert pair(faults=["garbled_collision"]).ping(5) not in (b"", E5)
    assert pair(faults=["silent_collision"]).ping(5) == b""
    assert struck("garbled_collision", short(0x40, 5)) == struck("silent_collision", short(0x40, 5)) == E5


def test_collisions_without_a_fault_are_what_the_wire_makes_of_them() -> None:
    replies = {pair(seed=seed).read(5) for seed in range(5)}
    assert len(replies) == 5
    for reply in replies:
        with pytest.raises(DecodeError):
            decode(reply, link="frame")


def test_bad_characters_come_as_received_or_as_zero_or_not_at_all() -> None:
    heard = {kind: pair(seed=4, bad_characters=kind).read(5) for kind in ("as received", "zero", "dropped")}
    assert len(heard["as received"]) == len(heard["zero"]) > len(heard["dropped"]) > 0
    assert heard["as received"] != heard["zero"]


@pytest.mark.parametrize("of_meter", [False, True])
def test_same_secondary_address(of_meter: bool) -> None:
    names = ["same_secondary_address"]
    second = meter(6, "99999999", faults=names if of_meter else [])
    master = asker(meter(5), second, faults=[] if of_meter else names)
    assert master.ask(select("78 56 34 12 24 40 01 07")) != b""
    assert len(master.bus.requests[-1].answered_by) == 2
    assert master.ask(select("99 99 99 99 FF FF FF FF")) == b""


# --- Meters --------------------------------------------------------------------------------------


def test_meters_as_they_are() -> None:
    assert asker(faults=["acknowledges_unselected"]).ping(253) == E5
    assert asker().ping(253) == b""
    silent = asker(faults=["silent_to_deselection"])
    assert silent.ask(select()) == E5
    assert silent.ping(253) == b""
    enhanced = select("FF FF FF FF FF FF FF FF 0C 78 78 56 34 12")
    assert asker().ask(enhanced) == E5
    assert asker(faults=["no_enhanced_selection"]).ask(enhanced) == b""
    assert asker(faults=["data_flow_control"]).read(5)[4] == 0x18


def test_ignores_fcb_and_repeats_the_first_telegram() -> None:
    ignores = asker(meter(faults=["ignores_fcb"]))
    assert ignores.read(5) != ignores.read(5)
    repeats = asker(meter(faults=["repeats_first_telegram"]))
    assert repeats.read(5, 1) == repeats.read(5, 0) == plain()


def test_a_meter_needs_its_preamble() -> None:
    master = asker(faults=["needs_wake_up"])
    assert master.ping(5) == b""
    master.port.wake_up(2.2)
    assert master.ping(5) == E5
    master.port.sleep(60)
    assert master.ping(5) == b""
    master.port.write(b"\x55" * 528)  # through a gateway that knows nothing of it
    master.port.sleep(528 * 11 / 2400)
    assert master.ping(5) == E5


def switch(master: Asker, back: bool = False) -> tuple[bytes, bytes, bytes]:
    """The answers to a switch to 9600, then at 9600, then at 2400."""
    acknowledged = master.ask(command("", 0xBD))
    master.port.set_baudrate(9600)
    fast = master.ping(5)
    master.port.set_baudrate(2400)
    if back:
        master.port.sleep(121)
    return acknowledged, fast, master.ping(5)


def test_baud_switch() -> None:
    assert switch(asker()) == (E5, E5, b"")
    assert switch(asker(faults=["baud_switch_ignored"])) == (E5, b"", E5)
    assert switch(asker(faults=["baud_switch_silent"])) == (E5, b"", b"")
    assert switch(asker(faults=["baud_switch_silent"]), back=True) == (E5, b"", E5)
    assert switch(asker(meter(behaviour=Behaviour(baudrates=(2400,))))) == (E5, b"", E5)


# --- When they strike ----------------------------------------------------------------------------


def test_every_fault_has_a_meaning_and_can_be_switched_on() -> None:
    for name, meaning in FAULTS.items():
        assert name.replace("_", "").isalnum()
        assert name == name.lower()
        assert meaning
        SimulatedBus([meter(5), meter(6, "99999999")], faults=[name])


@pytest.mark.parametrize(
    "name", ["lost_request", "wrong_checksum", "late_reply", "truncated", "corrupted_echo"]
)
def test_the_third_attempt_gets_through(name: str) -> None:
    master = asker(faults=[name])
    answers = [master.read(5) for _ in range(3)]
    assert answers[2].endswith(plain())
    assert answers[0] != answers[2]


def test_all_faults_at_once_let_the_third_attempt_through() -> None:
    for seed in range(40):
        names = [
            name for name in FAULTS if name.startswith(("lost", "late", "wrong", "trunc", "noise", "coal"))
        ]
        faults = [Fault(name, probability=0.7) for name in names]
        master = asker(seed=seed, faults=faults)
        for fcb in (1, 0, 1, 0):
            answers = [master.read(5, fcb) for _ in range(3)]
            assert any(decodes(answer) for answer in answers), seed


def decodes(octets: bytes) -> bool:
    try:
        return decode(octets, link="frame").meter is not None
    except DecodeError:
        return False


def test_at_and_probability() -> None:
    master = asker(faults=[Fault("lost_request", at=(2, 3))])
    assert [bool(master.ping(5)) for _ in range(5)] == [True, False, False, True, True]
    never = asker(faults=[Fault("lost_request", probability=0.0)])
    assert all(never.ping(5) for _ in range(20))
    half = asker(faults=[Fault("lost_request", probability=0.5, in_a_row=0)])
    assert 20 < sum(bool(half.ping(5)) for _ in range(100)) < 80


def test_a_fault_of_one_meter_spares_the_others() -> None:
    master = asker(meter(5, faults=[Fault("lost_reply", in_a_row=0)]), meter(6, "99999999"))
    assert [master.ping(5), master.ping(6)] == [b"", E5]


def run(seed: int) -> list[tuple[float, bytes]]:
    master = asker(*fleet(4, first_primary_address=1, seed=1), seed=seed, faults=mixture(seed, 0.6, 8))
    heard = []
    for a_field in (1, 2, 3, 4, 254) * 3:
        try:
            heard.append((master.port.now(), master.read(a_field)))
        except TransportError:
            master.port.reopen()
    return heard


def test_the_same_seed_gives_the_same_run() -> None:
    for seed in range(20):
        assert run(seed) == run(seed)
    assert len({str(run(seed)) for seed in range(20)}) == 20


WRONG: list[tuple[Callable[[], object], str]] = [
    (lambda: Fault("lost_reqest"), "did you mean lost_request"),
    (lambda: Fault("noise", probability=2), "noise.probability"),
    (lambda: Fault("noise", at=(0,)), "noise.at"),
    (lambda: Fault("noise", in_a_row=-1), "noise.in_a_row"),
    (lambda: Fault("late_reply", seconds=(2, 1)), "late_reply.seconds"),
    (lambda: Fault("ignores_fcb", probability=0.5), "it is how a meter or the bus is"),
    (lambda: asker(faults=["nothing"]), "one of echo"),
    (lambda: asker(baudrate=2401), "one of 300"),
]


@pytest.mark.parametrize(("make", "message"), WRONG)
def test_what_is_no_fault_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(BuildError, match=message):
        make()

"""The frame count bits: what the next FCB is, as the meters and the master see it."""

from __future__ import annotations

import pytest

from bus_meters import Bench, meter, values, volume
from mbus_construct.bus.frame_count_bits import FrameCountBits
from mbus_construct.simulator import Fault

R, S, A = "REQ_UD2", "SND_UD", "REQ_UD1"


def test_the_bits_of_an_address() -> None:
    bits = FrameCountBits()
    assert bits.bit(5, R)
    assert not bits.known(5)
    bits.reset(5)
    assert bits.known(5)
    bits.succeeded(5, R, with_data=True)
    assert (bits.bit(5, R), bits.bit(5, S), bits.bit(5, A), bits.bit(6, R)) == (False, True, True, True)
    bits.succeeded(5, S, with_data=False)
    bits.succeeded(5, A, with_data=False)  # no alarm is an answer too
    assert (bits.bit(5, S), bits.bit(5, A)) == (False, False)
    bits.succeeded(5, "SND_NKE", with_data=False)
    assert bits.bit(5, "SND_NKE")
    bits.reset(5)
    assert all(bits.bit(5, name) for name in (R, S, A))


def test_no_data_is_not_the_next_telegram() -> None:
    bits = FrameCountBits()
    bits.reset(5)
    bits.succeeded(5, R, with_data=False)
    assert bits.bit(5, R)
    assert not bits.known(5)


def test_broadcast_resets_everybody() -> None:
    bits = FrameCountBits()
    bits.reset(5)
    bits.succeeded(5, R, with_data=True)
    bits.forget(6)
    bits.reset(255)
    assert all(bits.known(address) and bits.bit(address, R) for address in (5, 6, 7))
    bits.forget(7)
    assert not bits.known(7)


@pytest.mark.parametrize("address", [5, "12345678"])
def test_toggled_by_success_alone(address: int | str) -> None:
    b = Bench(meter(5, "12345678", "1.000", "2.000", "3.000", faults=[Fault("lost_reply", at=(2, 3, 5))]))
    assert values(b.client.read(address)) == ["1.000", "2.000", "3.000"]
    a_field = 5 if address == 5 else 253
    assert b.bus.fcb_history(a_field) == [True, True, True, False, False, True]


def test_a_selection_begins_anew_and_counts_for_nothing() -> None:
    b = Bench(meter(5, writable=True))
    for _ in range(2):
        b.client.write("12345678", [volume("1.000")])
    commands = [item for item in b.bus.requests if item.c_name == "SND_UD" and item.ci_field == 0x51]
    assert [item.fcb for item in commands] == [True, True]
    assert {item.fcb for item in b.bus.requests if item.ci_field == 0x52} == {True}


def test_commands_and_requests_have_bits_of_their_own() -> None:
    b = Bench(meter(5, writable=True))
    b.client.write(5, [volume("1.000")])
    assert b.bus.fcb_history(5, "SND_UD") == [True]
    assert b.bus.fcb_history(5)[0] is True


def test_a_frame_by_hand_leaves_nothing_known() -> None:
    b = Bench()
    b.client.read(5)
    b.client.send("105B056016")
    assert not b.client.session.master.fcb.known(5)
    b.client.send("680B0B6853FD52FFFFFFFFFFFFFFFF9A16")
    assert b.client.session.master.selected


def test_what_the_meter_sent_before_is_not_taken_for_new() -> None:
    clock = {"quantity": "energy", "unit": "Wh", "value": 0, "data_field": "32 bit integer", "rate": 3600}
    b = Bench(meter(5, records=[clock]), faults=[Fault("lost_request", at=(3, 4), in_a_row=0)])
    b.client.read(5)
    b.port.sleep(100)
    assert int(values(b.client.read(5))[0]) >= 100  # SND_NKE was lost twice, its FCB would be the same


def test_a_meter_without_snd_nke_is_read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = {"quantity": "energy", "unit": "Wh", "value": 0, "data_field": "32 bit integer", "rate": 3600}
    b = Bench(meter(5, records=[clock]))
    slave = b.bus._units[0].slave
    monkeypatch.setattr(slave, "_reset", lambda _: None)
    for since in (0, 100, 200):
        b.port.sleep(since + 1 - b.port.now())
        assert int(values(b.client.read(5))[0]) >= since

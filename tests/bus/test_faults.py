"""The faults that a master must survive, one test each: what it concludes, and the next meter is read right.

Numbered as the list of faults of real buses that the simulator follows. Meter 5 has the fault, meter 6 none.
"""

from __future__ import annotations

import errno
import termios
from typing import Any

import pytest

from bus_meters import Bench, meter, numbers, values
from mbus_construct import Client, CollisionError, NoResponse, RemoteProtocolError
from mbus_construct.bus.events import Finding
from mbus_construct.simulator import Behaviour, Fault, SimulatedBus, SimulatedMeter, VirtualPort
from mbus_construct.simulator.listener import Listener

TWO = ("1.000", "2.000")


def fault(name: str, *at: int, **more: Any) -> Fault:
    return Fault(name, at=at, **more)


def bench(*faults: Fault | str, of_meter: Any = (), **bus: Any) -> Bench:
    """Meter 5 with two telegrams, and meter 6."""
    first = meter(5, "12345678", *TWO, faults=of_meter)
    return Bench(first, meter(6, "12345679", "6.000"), faults=faults, **bus)


def next_is_right(bench: Bench) -> None:
    assert values(bench.client.read(6)) == ["6.000"]
    assert bench.client.read(6).remarks == ()
    bench.client.close()


def both_are_right(bench: Bench) -> None:
    reading = bench.client.read(5)
    assert (values(reading), reading.remarks) == ([*TWO], ())
    next_is_right(bench)


def test_1_echo() -> None:
    b = bench("echo")
    both_are_right(b)
    assert b.client.session.master.echoes
    assert sum(item.c_name == "REQ_UD2" for item in b.bus.requests) == 4  # nothing is asked twice


@pytest.mark.parametrize("address", [5, "12345678"])
def test_2_corrupted_echo(address: int | str) -> None:
    b = bench(fault("corrupted_echo", 1, 2, 4))
    assert values(b.client.read(address)) == [*TWO]
    next_is_right(b)


def test_2_corrupted_echo_of_an_address_that_looks_like_e5() -> None:
    b = bench("corrupted_echo")
    assert not b.client.ping(0xE5)
    assert [item.primary_address for item in b.client.scan([4, 5, 0x10, 0x68, 0xE5], thorough=True)] == [5]
    next_is_right(b)


def test_2_stray_octets_after_snd_nke() -> None:
    b = bench("stray_octets")
    both_are_right(b)
    b = bench("stray_octets")
    assert [item.primary_address for item in b.client.scan(range(9), thorough=True)] == [5, 6]


@pytest.mark.parametrize("seconds", [0.5, 1.0, 2.0])
def test_3_late_reply(seconds: float) -> None:
    b = bench(of_meter=[fault("late_reply", 1, 2, 3, in_a_row=0, seconds=(seconds, seconds))])
    both_are_right(b)


def test_4_late_reply_after_the_retry_is_not_matched_to_the_next_address() -> None:
    late = fault("late_reply", 2, in_a_row=0, seconds=(0.5, 0.5))
    b = bench(of_meter=[late])
    assert values(b.client.read(5)) == [*TWO]
    next_is_right(b)
    # An acknowledgement has no address: it is asked again whether it is of the next one.
    b = bench(of_meter=[fault("late_reply", 1, 2, in_a_row=0, seconds=(0.3, 0.3))])
    assert [b.client.ping(address) for address in (7, 5, 8)] == [False, True, False]
    found = list(b.client.scan([5, 7, 8, 6], thorough=True))
    assert [item.primary_address for item in found] == [5, 6]


def test_4_a_late_telegram_is_not_the_next_one_nor_the_next_readout() -> None:
    clock = {"quantity": "energy", "unit": "Wh", "value": 0, "data_field": "32 bit integer", "rate": 3600}
    b = Bench(
        meter(
            5, "12345678", records=[clock], faults=[fault("late_reply", 2, in_a_row=0, seconds=(1.9, 1.9))]
        ),
        meter(6, "12345679", "6.000"),
    )
    list(b.client.scan([5]))  # the first answer is still to come when the second one has been heard
    since = int(b.port.now())
    assert int(values(b.client.read(5))[0]) >= since
    next_is_right(b)


def test_5_one_octet_fragments() -> None:
    both_are_right(bench("fragments"))


def test_6_coalesced_chunks() -> None:
    b = bench("coalesced")
    both_are_right(b)
    # Acknowledgement and telegram, and two replies, in one segment.
    held = fault("coalesced", 1, 2, in_a_row=0)
    both_are_right(bench(held))


def test_7_gaps_inside_a_frame() -> None:
    b = bench("gap_in_frame")
    both_are_right(b)
    assert [item for item in b.asked("REQ_UD2") if item == "REQ_UD2 5 1"] == ["REQ_UD2 5 1"]


@pytest.mark.parametrize("name", ["truncated", "wrong_checksum", "wrong_stop", "wrong_length"])
def test_8_and_9_broken_frames(name: str) -> None:
    b = bench(of_meter=[fault(name, 2, 3)])  # the first data twice: the third attempt gets through
    both_are_right(b)
    assert b.bus.fcb_history(5)[:3] == [True, True, True]
    # Where it is always so, the error says what came.
    b = bench(of_meter=[Fault(name, in_a_row=0)])
    with pytest.raises((CollisionError, NoResponse), match="address 5: "):
        b.client.read(5)
    next_is_right(b)


def test_8_what_was_read_before_a_broken_telegram_is_kept() -> None:
    b = bench(of_meter=[fault("truncated", 3, 4, 5, in_a_row=0)])
    reading = b.client.read(5)
    assert (values(reading), reading.more_records_follow) == (["1.000"], True)
    assert [(item.severity, item.code) for item in reading.remarks] == [("warning", "incomplete")]
    assert reading.remarks[0].message.startswith("telegram 2 is missing: address 5: ")
    assert "incomplete" in b.findings
    next_is_right(b)


def test_10_a_trailing_octet() -> None:
    both_are_right(bench(of_meter=["trailing_octet"]))
    b = bench("trailing_octet")
    assert numbers(list(b.client.search())) == ["12345678", "12345679"]


def collide(*faults: Fault | str, count: int = 3, **bus: Any) -> Bench:
    meters = [meter(5 + place, f"1234{place}678", f"{place}.000") for place in range(count)]
    return Bench(*meters, faults=faults, **bus)


def test_11_a_clean_e5_and_a_broken_rsp_ud() -> None:
    b = collide("clean_ack_collision")
    assert numbers(list(b.client.search())) == ["12340678", "12341678", "12342678"]
    with pytest.raises(CollisionError, match="several meters answer"):
        b.client.read("1234F678")
    assert values(b.client.read("12341678")) == ["1.000"]
    b = Bench(meter(5, "12345678"), meter(5, "12345679"), meter(6), faults=["clean_ack_collision"])
    assert [item.primary_address for item in b.client.scan([5, 6])] == [6]
    assert b.findings == ["collision"]


def test_12_a_garbled_collision_and_a_silent_one() -> None:
    b = collide(Fault("garbled_collision", in_a_row=0))
    assert numbers(list(b.client.search())) == ["12340678", "12341678", "12342678"]
    b = collide(Fault("silent_collision", in_a_row=0))
    assert list(b.client.search()) == []  # nobody is heard; whoever doubts it asks for a thorough search
    assert numbers(list(b.client.search(thorough=True))) == ["12340678", "12341678", "12342678"]
    assert values(b.client.read("12342678")) == ["2.000"]


def test_13_two_meters_with_the_same_secondary_address() -> None:
    twins = [meter(5, "12345678", "1.000"), meter(7, "12345678", "7.000")]
    b = Bench(*twins, meter(6, "12345679", "6.000"), faults=["no_enhanced_selection"])
    assert numbers(list(b.client.search())) == ["12345679"]
    (finding,) = [event for event in b.events if isinstance(event, Finding)]
    assert (finding.code, str(finding.address)) == ("same_address", "1234567824400107")
    assert "set-identification" in finding.message
    with pytest.raises(CollisionError):
        b.client.read("12345678")
    assert values(b.client.read(7)) == ["7.000"]
    next_is_right(b)


def test_14_a_lost_select_and_a_lost_request() -> None:
    b = bench(fault("lost_request", 1, 3), fault("lost_select", 1, 2))
    assert values(b.client.read("12345678")) == [*TWO]
    both_are_right(b)


def test_14_a_lost_reply_is_sent_again_not_passed_over() -> None:
    b = bench(of_meter=[fault("lost_reply", 2, 4)])
    assert values(b.client.read(5)) == [*TWO]
    assert b.bus.fcb_history(5) == [True, True, False, False]
    next_is_right(b)


@pytest.mark.parametrize("name", ["ignores_fcb", "repeats_first_telegram"])
def test_15_a_slave_that_ignores_fcb_or_repeats_itself(name: str) -> None:
    b = bench(of_meter=[name])
    reading = b.client.read(5)
    if name == "ignores_fcb":
        assert (values(reading), reading.remarks) == ([*TWO], ())
    else:
        assert values(reading) == ["1.000"]
        assert [item.code for item in reading.remarks] == ["repeats"]
        assert b.findings == ["repeats"]
    next_is_right(b)


@pytest.mark.parametrize("name", ["acknowledges_unselected", "silent_to_deselection"])
def test_16_snd_nke_to_253(name: str) -> None:
    b = bench(of_meter=[name])
    assert numbers(list(b.client.search())) == ["12345678", "12345679"]
    assert values(b.client.read("12345678")) == [*TWO]
    both_are_right(b)
    assert b.asked()[-1] == "SND_NKE 253"


def test_17_another_address_or_identification_than_asked() -> None:
    b = bench(of_meter=[fault("other_address", 2)])
    both_are_right(b)
    b = bench(of_meter=[Fault("other_address", in_a_row=0)])
    with pytest.raises(RemoteProtocolError, match="address 5: another meter answered"):
        b.client.read(5)
    assert [item.primary_address for item in b.client.scan([5, 6])] == [6]
    assert "other_meter" in b.findings
    next_is_right(b)
    b = bench(of_meter=[Fault("other_identification", in_a_row=0)])
    with pytest.raises(RemoteProtocolError, match="another meter answered"):
        b.client.read("12345678")
    next_is_right(b)


@pytest.mark.parametrize("address", [5, "12345678"])
def test_18_the_gateway_drops_the_connection(address: int | str) -> None:
    b = bench(fault("connection_dropped", 1, 3, 4))
    assert values(b.client.read(address)) == [*TWO]
    assert b.findings.count("reconnected") == 3
    next_is_right(b)


def test_18_a_gateway_that_drops_everybody_ends() -> None:
    b = bench(Fault("connection_dropped", in_a_row=0))
    with pytest.raises(OSError, match="the connection failed 6 times during one request"):
        b.client.read(5)


def test_18_another_client_takes_the_gateway() -> None:
    bus = SimulatedBus([meter(5, "12345678", *TWO), meter(6, "12345679", "6.000")])
    findings: list[Any] = []
    there = Listener(bus, "tcp://127.0.0.1:0", kick=True, speed=20)
    with there as listener, Client(listener.url, on_event=findings.append) as client:
        assert values(client.read(5)) == [*TWO]
        with Client(listener.url) as other:
            assert values(other.read("12345679")) == ["6.000"]
        assert values(client.read("12345678")) == [*TWO]  # the port is opened again, and selects anew
        assert values(client.read(6)) == ["6.000"]
    assert [event.code for event in findings if isinstance(event, Finding)] == ["reconnected"]


@pytest.mark.parametrize("address", [5, "12345678"])
def test_19_the_port_vanishes_mid_frame(address: int | str) -> None:
    b = bench(fault("port_vanishes", 1, 2, 3))
    assert values(b.client.read(address)) == [*TWO]
    assert "reconnected" in b.findings
    next_is_right(b)


def test_19_the_port_vanishes_while_a_selected_meter_is_written_to() -> None:
    b = Bench(meter(5, writable=True), meter(6, "12345679", "6.000"), faults=[fault("port_vanishes", 5)])
    with pytest.raises(OSError, match="read it to see whether it has the change"):
        b.client.write(
            "12345678", [{"quantity": "volume", "unit": "m³", "value": "1.000", "data_field": "8 digit BCD"}]
        )
    next_is_right(b)


@pytest.mark.parametrize(
    ("name", "error", "says", "baudrate"),
    [
        ("baud_switch_ignored", RemoteProtocolError, "but stays at 2400", 2400),
        ("baud_switch_silent", NoResponse, "meters go back to their old rate", 2400),
    ],
)
def test_20_a_baud_switch_that_fails(name: str, error: type[Exception], says: str, baudrate: int) -> None:
    b = bench(of_meter=[name])
    with pytest.raises(error, match=says):
        b.client.set_baudrate(5, 9600)
    assert b.client.session.baudrate_of(5) == baudrate
    assert values(b.client.read(6)) == ["6.000"]
    b.port.sleep(120)
    both_are_right(b)


def test_20_a_baud_switch_whose_acknowledgement_is_lost() -> None:
    b = bench(of_meter=[fault("lost_reply", 5)])
    change = b.client.set_baudrate(5, 9600)
    assert (change.value, change.confirmed) == (9600, True)
    both_are_right(b)


def test_21_a_wake_up_preamble() -> None:
    sleeper = meter(5, "12345678", *TWO, behaviour=Behaviour(needs_wake_up=True))
    with pytest.raises(NoResponse):
        Bench(sleeper).client.read(5)
    b = Bench(sleeper, meter(6, "12345679", "6.000"), client={"wake_up": 2.2})
    both_are_right(b)


def in_real_time(listen: str, **options: Any) -> tuple[list[str], list[str]]:
    meters: list[SimulatedMeter] = [
        meter(5, "12345678", *TWO, delay=20),
        meter(6, "12345679", "6.000", delay=20),
    ]
    bus = SimulatedBus(meters, baudrate=9600)
    there = Listener(bus, listen, baudrate=9600, **options)
    with there as listener, Client(listener.url, baudrate=9600) as client:
        return values(client.read(5)), values(client.read(6))


def test_22_einval_on_parity(monkeypatch: pytest.MonkeyPatch) -> None:
    set_attributes = termios.tcsetattr

    def refuses(handle: int, when: int, attributes: list[Any]) -> None:
        if attributes[2] & termios.PARENB:
            raise termios.error(errno.EINVAL, "Invalid argument")
        set_attributes(handle, when, attributes)

    monkeypatch.setattr(termios, "tcsetattr", refuses)
    assert in_real_time("pty:") == ([*TWO], ["6.000"])


def test_22_set_control_is_never_acknowledged() -> None:
    assert in_real_time("rfc2217://127.0.0.1:0", mute_control=True) == ([*TWO], ["6.000"])


def test_the_list_is_whole() -> None:
    named = {int(name.split("_")[1]) for name in globals() if name.startswith("test_") and name[5].isdigit()}
    assert named | {9} == set(range(1, 23))


def test_a_port_that_is_there_again_is_not_opened_while_closing() -> None:
    port = VirtualPort(SimulatedBus([meter(5)]))
    client = Client(port)
    client.read("12345678")
    port.bus.connected = False
    client.close()
    assert not port.bus.connected

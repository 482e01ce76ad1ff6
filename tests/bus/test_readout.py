"""Reading one meter: all its telegrams, what it says instead of them, and what is kept when it stops."""

from __future__ import annotations

from typing import Any

import pytest

from bus_meters import Bench, meter, values
from helpers import long_frame
from mbus_construct import (
    ApplicationError,
    Client,
    CollisionError,
    LocalProtocolError,
    NoResponse,
    RemoteProtocolError,
)
from mbus_construct.simulator import Behaviour, Fault, SimulatedMeter

THREE = ("1.000", "2.000", "3.000")


@pytest.mark.parametrize("address", [5, 254, "12345678", "1234FFFF", "1234567824400107", "*"])
def test_all_telegrams(address: int | str) -> None:
    b = Bench(meter(5, "12345678", *THREE))
    reading = b.client.read(address)
    assert (values(reading), reading.more_records_follow, reading.remarks) == ([*THREE], False, ())


def test_the_selected_meter() -> None:
    b = Bench(meter(5, "12345678", *THREE))
    b.client.send("680B0B6853FD5278563412FFFFFFFFB216")
    assert values(b.client.read(254)) == [*THREE]


def test_a_limit_of_telegrams() -> None:
    b = Bench(meter(5, "12345678", *THREE))
    reading = b.client.read(5, limit=2)
    assert values(reading) == ["1.000", "2.000"]
    assert [str(item.message) for item in reading.remarks] == [
        "stopped after 2 telegrams, the meter announces more"
    ]
    assert reading.more_records_follow


def test_nobody_answers_a_broadcast() -> None:
    with pytest.raises(LocalProtocolError, match="address 255: nobody answers a broadcast"):
        Bench().client.read(255)


@pytest.mark.parametrize(
    ("address", "says"),
    [
        (7, "address 7: no answer, asked 3 times"),
        ("99999999", "secondary address 99999999FFFFFFFF: no answer"),
    ],
)
def test_nobody_there(address: int | str, says: str) -> None:
    b = Bench()
    with pytest.raises(NoResponse, match=says):
        b.client.read(address)
    assert b.port.now() < 4


def test_several_there() -> None:
    b = Bench(meter(5, "12345678", delay=11), meter(5, "12345679", delay=12))
    for address in (5, "1234567F"):
        with pytest.raises(CollisionError):
            b.client.read(address)


@pytest.mark.parametrize("delays", [(20, 100), (100, 20)])
def test_two_that_answer_one_after_the_other(delays: tuple[int, int]) -> None:
    b = Bench(meter(5, "12345678", delay=delays[0]), meter(5, "12345679", delay=delays[1]))
    with pytest.raises(CollisionError, match="several meters answer"):
        b.client.read(5)


@pytest.mark.parametrize("times", [1, 3])
def test_a_busy_meter_is_asked_again(times: int) -> None:
    b = Bench(meter(5, "12345678", *THREE, behaviour=Behaviour(busy_replies=times)))
    assert values(b.client.read(5)) == [*THREE]
    assert b.findings == ["busy"] * times


def test_a_meter_that_is_busy_for_ever() -> None:
    b = Bench(meter(5, behaviour=Behaviour(busy_replies=99)))
    with pytest.raises(ApplicationError, match="the meter reports application error 08h") as caught:
        b.client.read(5)
    assert caught.value.code == 8
    assert b.port.now() < 20


def test_busy_in_the_middle_of_a_readout() -> None:
    b = Bench(meter(5, "12345678", *THREE, faults=[Fault("application_busy", at=(3,))]))
    assert values(b.client.read(5)) == [*THREE]
    busy = Fault("application_busy", at=(3, 4, 5, 6, 7), in_a_row=0)
    reading = Bench(meter(5, "12345678", *THREE, faults=[busy])).client.read(5)
    assert values(reading) == ["1.000", "2.000"]
    assert (
        "telegram 3 is missing: address 5: the meter reports application error 08h"
        in reading.remarks[0].message
    )


def only(replies: dict[int, list[bytes]], behaviour: Behaviour | None = None) -> Bench:
    """A meter that answers its n-th REQ_UD2 with what stands at n, as far as something does."""
    b = Bench(meter(5, "12345678", *THREE, behaviour=behaviour))
    slave = b.bus._units[0].slave
    plain, count = slave._request, [0]

    def answer(request: Any, kind: str, dialogue: Any, now: float) -> bytes:
        count[0] += 1
        return replies[count[0]].pop() if replies.get(count[0]) else plain(request, kind, dialogue, now)

    slave._request = answer  # type: ignore[method-assign]
    return b


def error_frame(code: int) -> bytes:
    return long_frame(bytes([code]), 0x70, a_field=5)


def test_application_errors_are_no_telegrams() -> None:
    with pytest.raises(ApplicationError, match="application error 09h"):
        only({1: [error_frame(9)]}).client.read(5)
    reading = only({2: [error_frame(9)]}).client.read(5)
    assert values(reading) == ["1.000"]
    assert reading.remarks[0].code == "incomplete"
    assert "application error 09h" in reading.remarks[0].message


def test_e5_is_no_data() -> None:
    b = only({1: [b"\xe5"], 2: [b"\xe5"], 3: [b"\xe5"]})
    with pytest.raises(RemoteProtocolError, match="the meter answers, but has no data"):
        b.client.read(5)
    assert b.bus.fcb_history(5) == [True, True, True]
    # A single one may be a late acknowledgement.
    assert values(only({1: [b"\xe5"]}).client.read(5)) == [*THREE]
    reading = only({2: [b"\xe5"], 3: [b"\xe5"], 4: [b"\xe5"]}).client.read(5)
    assert (values(reading), reading.remarks[0].code) == (["1.000"], "incomplete")
    assert "the meter announced it, and then has no data" in reading.remarks[0].message


def test_the_same_records_again_are_a_repetition() -> None:
    b = Bench(meter(5, "12345678", "1.000", "1.000", "1.000", behaviour=Behaviour(ignores_fcb=True)))
    reading = b.client.read(5)
    assert (values(reading), reading.remarks[0].code) == (["1.000"], "repeats")


def test_a_meter_without_snd_nke_and_with_several_telegrams(monkeypatch: pytest.MonkeyPatch) -> None:
    b = Bench(meter(5, "12345678", *THREE))
    monkeypatch.setattr(b.bus._units[0].slave, "_reset", lambda _: None)
    reading = b.client.read(5)
    assert reading.remarks[0].code == "unconfirmed"
    assert set(values(reading)) <= set(THREE)


def test_ping() -> None:
    b = Bench(meter(5, "12345678"), meter(6, "12345679"))
    assert [b.client.ping(a) for a in (5, 7, 254, "12345678", "1234567F", "99999999", 255)] == [
        *(True, False, True, True, True, False, False)
    ]


def test_alarms() -> None:
    b = Bench(meter(5, alarm=b"\x81"), meter(6, "12345679"))
    alarm = b.client.alarm(5)
    assert alarm is not None
    assert alarm.frame.ci_field == 0x71
    assert b.client.alarm(5) is None
    assert b.client.alarm("12345679") is None
    with pytest.raises(NoResponse):
        b.client.alarm(7)
    b = Bench()
    b.bus._units[0].slave._alarm = lambda: error_frame(1)  # type: ignore[method-assign]
    with pytest.raises(ApplicationError, match="01h"):
        b.client.alarm(5)


def test_a_mask_takes_no_other_meter() -> None:
    b = Bench(meter(5, "12345678", faults=[Fault("other_identification", in_a_row=0)]), meter(6, "12345679"))
    with pytest.raises(RemoteProtocolError, match="another meter answered"):
        b.client.read("12345678")


def test_fixed_data() -> None:
    units = {"unit_1": 0x29, "medium": "water", "unit_2": 0x3E}
    fixed = {"medium_and_units": units, "counter_1": 1, "counter_2": 135}
    b = Bench(SimulatedMeter(5, fixed=fixed, identification_number="12345678"))
    for address in (5, "12345678"):
        assert values(b.client.read(address)) == ["0.001", "0.135"]


def test_patience_is_the_time_out_where_one_is_given() -> None:
    b = Bench(client={"timeout": 0.2})
    with pytest.raises(NoResponse):
        b.client.read(7)
    assert b.port.now() < 1.3
    port = Bench(meter(5, delay_seconds=1.5), client={"timeout": 2.0}).port
    with Client(port, timeout=2.0) as client:
        assert values(client.read(5)) == ["12.565"]

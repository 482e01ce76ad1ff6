"""What meters say: captured telegrams, and records whose values move with the time of the bus."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbus_construct import BuildError, decode
from mbus_construct.bus.slave import Slave, read_request
from mbus_construct.simulator import SimulatedMeter
from mbus_construct.simulator.records import SimulatedRecord
from vectors import FRAMES
from virtual import short

VOLUME: dict[str, Any] = {"quantity": "volume", "unit": "m³", "value": "1.000", "data_field": "8 digit BCD"}


def record(**more: Any) -> SimulatedRecord:
    return SimulatedRecord.of({**VOLUME, **more})


def value(item: SimulatedRecord, hours: float) -> str:
    now = hours * 3600
    octets = item.build(now)
    assert len(octets) == len(item.octets)
    found = decode(octets, link="records").records[0]
    assert found.value == item.value(now)
    return str(found.value)


def reply(meter: SimulatedMeter, now: float = 0.0, fcb: int = 1) -> bytes:
    request = read_request(short(0x7B if fcb else 0x5B, meter.primary_address))
    assert request is not None
    octets = Slave(meter).receive(request, now)
    assert octets is not None
    return octets


# --- Records -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_", "hours", "shown"),
    [
        ({}, 5, "1.000"),
        ({"rate": "0.25"}, 2, "1.500"),
        ({"rate": "0.001"}, 0.99, "1.000"),
        ({"rate": "0.001"}, 1, "1.001"),
        ({"rate": Decimal("0.0001")}, 25, "1.002"),
        ({"rate": 1, "value": "99999.000"}, 1.5, "0.500"),
        ({"rate": 1, "value": "99999.000"}, 300001, "0.000"),
        ({"wave": {"amplitude": "0.5", "period": 4}}, 1, "1.500"),
        ({"wave": {"amplitude": "0.5", "period": 4}}, 3, "0.500"),
        ({"wave": {"amplitude": "0.5", "period": 4}}, 4, "1.000"),
    ],
)
def test_values_move(given_: dict[str, Any], hours: float, shown: str) -> None:
    assert value(record(**given_), hours) == shown


def test_a_counter_runs_within_a_binary_data_field() -> None:
    counter = SimulatedRecord.of(
        {"quantity": "energy", "unit": "Wh", "value": 32760, "data_field": "16 bit integer", "rate": 1}
    )
    assert [value(counter, hours) for hours in (7, 8, 9)] == ["32767", "0", "1"]


@given(
    st.decimals(0, 9999, places=3),
    st.decimals(-100, 100, places=4),
    st.floats(0, 1e9),
    st.sampled_from(["8 digit BCD", "32 bit integer", "64 bit integer"]),
)
def test_counters_never_leave_their_data_field(
    start: Decimal, rate: Decimal, now: float, data_field: str
) -> None:
    counter = record(value=start, rate=rate, data_field=data_field)
    found = decode(counter.build(now), link="records").records[0]
    assert found.value == counter.value(now)
    assert found.state == "ok"


def test_clocks_run() -> None:
    clock = SimulatedRecord.of({"clock": "2026-02-28T23:59"})
    assert clock.value(59.9) == datetime(2026, 2, 28, 23, 59)
    assert decode(clock.build(60.0), link="records").records[0].value == datetime(2026, 3, 1)
    seconds = SimulatedRecord.of({"clock": "2026-02-28T23:59:58"})
    assert decode(seconds.build(3.5), link="records").records[0].value == datetime(2026, 3, 1, 0, 0, 1)


def test_a_value_that_is_set_moves_on_from_there() -> None:
    counter = record(rate=1)
    counter.set(Decimal(5), 3600.0)
    assert value(counter, 1) == "5.000"
    assert value(counter, 2) == "6.000"
    with pytest.raises(BuildError):
        counter.set(Decimal(100000), 0.0)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"rate": "fast"}, "rate"),
        ({"rate": True}, "rate"),
        ({"rate": "NaN"}, "rate"),
        ({"rate": 1, "data_field": "32 bit real"}, "rate"),
        ({"wave": 5}, "wave"),
        ({"wave": {"amplitude": 1, "period": 0}}, "wave.period"),
        ({"wave": {"amplitude": 100000}}, "value"),
        ({"wave": {"period": 1}}, "wave"),
        ({"speed": 1}, "speed"),
        ({"value": "0.00000001"}, "value"),
    ],
)
def test_what_is_no_record_is_refused_by_name(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(BuildError) as caught:
        record(**wrong)
    assert caught.value.field.endswith(field)


# --- Meters --------------------------------------------------------------------------------------

CAPTURED = [
    frame for frame in FRAMES if len(frame) > 8 and frame[4] == 0x08 and decode(frame).worst != "error"
]


@pytest.mark.parametrize("frame", CAPTURED, ids=lambda frame: frame[4:12].hex())
def test_captured_telegrams_come_back_octet_by_octet(frame: bytes) -> None:
    meter = SimulatedMeter(telegrams=[frame])
    if frame[5] <= 250:
        assert reply(meter) == frame
    else:
        assert decode(reply(meter)).records == decode(frame).records


def test_a_captured_telegram_takes_other_addresses_and_counts_on() -> None:
    frame = CAPTURED[0]
    meter = SimulatedMeter(9, [frame.hex(" ")], identification_number="87654321", access_number=7)
    telegram = decode(reply(meter))
    assert telegram.meter is not None
    assert telegram.meter.identification_number == meter.name == "87654321"
    assert (telegram.frame.a_field, telegram.access_number) == (9, 7)


def test_captured_records_are_written_where_they_may_be() -> None:
    frame = next(item for item in CAPTURED if item[6] == 0x72 and b"\x03\x13" in item)
    meter = SimulatedMeter(telegrams=[frame], writable=True)
    command = decode("68 09 09 68 53 02 51 04 13 01 00 00 00 BE 16".replace(" ", ""), link="frame")
    assert meter.execute(command, 0.0) is None
    old, new = decode(frame), decode(reply(meter))
    assert [item.value for item in new.records] == [
        Decimal("0.001"),
        *(item.value for item in old.records[1:]),
    ]


def test_a_fixed_data_structure() -> None:
    units = {"unit_1": 0x29, "medium": "water", "unit_2": 0x3E}
    meter = SimulatedMeter(
        5,
        fixed={"medium_and_units": units, "counter_1": 1, "counter_2": 135, "rate_1": 2},
        identification_number="12345678",
        access_number=10,
    )
    assert reply(meter) == bytes.fromhex(
        "68 13 13 68 08 05 73 78 56 34 12 0A 00 E9 7E 01 00 00 00 35 01 00 00 3C 16"
    )
    later = decode(reply(meter, 7200.0))
    assert [item.value for item in later.records] == [Decimal("0.005"), Decimal("0.135")]


def test_records_are_split_where_a_telegram_is_full() -> None:
    records = [{**VOLUME, "storage_number": number} for number in range(60)]
    meter = SimulatedMeter(5, records=records)
    slave = Slave(meter)
    telegrams = []
    for fcb in (1, 0, 1):
        request = read_request(short(0x7B if fcb else 0x5B, 5))
        assert request is not None
        octets = slave.receive(request, 0.0)
        assert octets is not None
        telegrams.append(decode(octets))
        if not telegrams[-1].more_records_follow:
            break
    storages = [item.storage_number for telegram in telegrams for item in telegram.records]
    assert storages == list(range(60))
    assert len(telegrams) == 2


def test_a_meter_without_records_has_an_empty_readout() -> None:
    telegram = decode(reply(SimulatedMeter(5, status=0x04)))
    assert telegram.records == ()
    assert telegram.status is not None
    assert telegram.status.flags == ("power low",)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"primary_address": 251}, "primary_address"),
        ({"telegrams": [b"\xe5"]}, "telegrams"),
        ({"telegrams": [CAPTURED[0]], "records": [VOLUME]}, "telegrams"),
        ({"identification_number": "1234567"}, "identification_number"),
        ({"identification_number": "1234567F"}, "identification_number"),
        ({"manufacturer": "P"}, "manufacturer"),
        ({"version": 256}, "version"),
        ({"records": [{**VOLUME, "telegram": 0}]}, "records[0].telegram"),
        ({"records": [VOLUME, {"quantity": "volum"}]}, "records[1].quantity"),
        ({"fabrication_number": "x"}, "fabrication_number"),
        ({"fixed": {"counter": 1}}, "counter"),
    ],
)
def test_what_is_no_meter_is_refused_by_name(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(BuildError) as caught:
        SimulatedMeter(**wrong)
    assert field in caught.value.field

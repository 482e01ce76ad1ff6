"""A slave's link layer: FCB, selection, addresses, commands, baud rates. Frames go in, replies come out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import long_frame, with_check_sum
from mbus_construct import decode, encode
from mbus_construct.bus.address import SecondaryAddress
from mbus_construct.bus.slave import Behaviour, Slave, mask_of, read_request
from mbus_construct.simulator import SimulatedMeter

E5 = b"\xe5"
RECORDS: list[dict[str, Any]] = [
    {"quantity": "volume", "unit": "m³", "value": "12.565", "data_field": "8 digit BCD", "writable": True},
    {"quantity": "volume", "unit": "m³", "value": "1.000", "data_field": "8 digit BCD", "storage_number": 1},
    {"quantity": "fabrication number", "value": "01020304"},
    {"quantity": "flow temperature", "unit": "°C", "value": "60.0", "telegram": 2},
    {"clock": "2026-01-01T00:00", "telegram": 3},
]


def short(c_field: int, a_field: int) -> bytes:
    return with_check_sum(bytes([0x10, c_field, a_field, 0, 0x16]))


def command(user_data: str, ci_field: int = 0x51, a_field: int = 5, c_field: int = 0x53) -> bytes:
    return long_frame(bytes.fromhex(user_data), ci_field, c_field, a_field)


class Bench:
    """A slave and the time."""

    def __init__(self, meter: SimulatedMeter | None = None, **behaviour: Any) -> None:
        self.meter = meter or SimulatedMeter(
            5,
            records=RECORDS,
            identification_number="12345678",
            manufacturer="PAD",
            version=1,
            device_type=7,
        )
        self.slave = Slave(self.meter, Behaviour(**behaviour))
        self.now = 0.0

    def ask(self, octets: bytes) -> bytes | None:
        request = read_request(octets)
        assert request is not None
        return self.slave.receive(request, self.now)

    def nke(self, a_field: int = 5) -> bytes | None:
        return self.ask(short(0x40, a_field))

    def read(self, fcb: int, a_field: int = 5) -> bytes:
        reply = self.ask(short(0x7B if fcb else 0x5B, a_field))
        assert reply is not None
        return reply

    def select(self, octets: str = "78563412 2440 01 07", c_field: int = 0x53) -> bytes | None:
        return self.ask(command(octets, 0x52, 253, c_field))


def which(reply: bytes) -> tuple[int, int | None]:
    """The telegram of the readout (by its first quantity) and the access number."""
    telegram = decode(reply)
    names = {"volume": 1, "flow temperature": 2, "date and time": 3}
    return names[str(telegram.records[0].quantity)], telegram.access_number


# --- FCB -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bits", "telegrams"),
    [
        ("1", [1]),
        ("0", [1]),
        ("11", [1, 1]),
        ("10", [1, 2]),
        ("1010", [1, 2, 3, 1]),
        ("1100", [1, 1, 2, 2]),
        ("01", [1, 2]),
    ],
)
def test_fcb_decides_which_telegram_comes(bits: str, telegrams: list[int]) -> None:
    bench = Bench()
    replies = [bench.read(int(bit)) for bit in bits]
    assert [which(reply)[0] for reply in replies] == telegrams
    for first, second, old, new in zip(bits, bits[1:], replies, replies[1:], strict=False):
        assert (old == new) is (first == second)  # a repetition is octet by octet


def test_the_access_number_counts_new_telegrams() -> None:
    bench = Bench()
    assert [which(bench.read(int(bit)))[1] for bit in "110100"] == [0, 0, 1, 2, 3, 3]
    bench.slave.access_number = 255
    assert which(bench.read(1))[1] == 255
    assert which(bench.read(0))[1] == 0


@pytest.mark.parametrize("a_field", [5, 254, 255])
def test_snd_nke_starts_from_the_first_telegram(a_field: int) -> None:
    bench = Bench()
    bench.read(1)
    assert bench.nke(a_field) == (None if a_field == 255 else E5)
    assert which(bench.read(1)) == (1, 1)


def test_each_address_has_its_own_fcb() -> None:
    bench = Bench()
    assert which(bench.read(1)) == (1, 0)
    assert bench.select() == E5
    assert which(bench.read(1, 253)) == (1, 1)
    assert which(bench.read(0, 253)) == (2, 2)
    assert which(bench.read(1)) == (1, 0)
    assert which(bench.read(0)) == (2, 3)
    assert bench.select() == E5
    assert which(bench.read(0, 253)) == (1, 4)


def test_alarms_have_their_own_fcb() -> None:
    bench = Bench()
    bench.meter.alarm = b"\x05"
    with_acd = bench.read(1)
    assert with_acd[4] == 0x28
    alarm = bench.ask(short(0x7A, 5))
    assert alarm == bytes.fromhex("68 04 04 68 08 05 71 05 83 16")
    assert bench.ask(short(0x7A, 5)) == alarm
    assert bench.ask(short(0x5A, 5)) == E5
    assert bench.read(1) == with_acd
    assert bench.read(0)[4] == 0x08


def test_a_command_is_executed_once_though_it_is_repeated() -> None:
    bench = Bench()
    add = command("0C 93 01 00 10 00 00")
    assert bench.ask(add) == E5
    assert bench.ask(add) == E5
    assert str(decode(bench.read(1)).records[0].value) == "13.565"
    assert bench.ask(add) == E5
    assert str(decode(bench.read(0)).records[0].quantity) == "flow temperature"
    bench.nke()
    assert str(decode(bench.read(1)).records[0].value) == "14.565"


# --- Addresses -----------------------------------------------------------------------------------


def test_a_slave_answers_to_its_address_and_to_254_with_its_own() -> None:
    bench = Bench()
    assert bench.nke(5) == bench.nke(254) == E5
    assert bench.nke(4) is bench.nke(0) is bench.nke(253) is bench.nke(255) is None
    assert bench.read(1, 254)[5] == 5
    assert bench.ask(short(0x7B, 255)) is None


def test_an_unconfigured_slave_answers_to_0() -> None:
    bench = Bench(SimulatedMeter(records=RECORDS))
    assert bench.nke(0) == E5
    assert bench.read(1, 0)[5] == 0


def test_a_slave_without_primary_address_answers_with_253() -> None:
    bench = Bench(answers_with_253=True)
    assert bench.read(1)[5] == 253


def test_unknown_requests_and_frames_of_slaves_get_no_answer() -> None:
    bench = Bench()
    assert bench.ask(short(0x49, 5)) is None  # REQ_SKE
    assert read_request(E5) is None
    assert read_request(bench.read(1)) is None


# --- Selection -----------------------------------------------------------------------------------

MASKS = [
    ("78563412 2440 01 07", True),
    ("FFFFFFFF FFFF FF FF", True),
    ("FFFFFF1F FFFF FF FF", True),
    ("F8FFFFFF FFFF FF FF", True),
    ("78563412 FF40 FF 07", True),
    ("78563412 2440 01 FF", True),
    ("FFFFFF2F FFFF FF FF", False),
    ("79563412 2440 01 07", False),
    ("78563412 2440 02 07", False),
    ("78563412 2540 01 07", False),
    ("78563412 2440 01 08", False),
    ("FFFFFFFF FFFF FF FF 0C 78 04 03 02 01", True),
    ("FFFFFFFF FFFF FF FF 0C 78 FF FF FF F2", False),
    ("FFFFFFFF FFFF FF FF 0C 78 FF FF FF 0F", True),
    ("FFFFFFFF FFFF FF FF 0C 78 05 03 02 01", False),
    ("FFFFFFFF FFFF FF FF 0C 13 FF FF FF FF", True),
    ("FFFFFFFF FFFF FF FF 0C 05 FF FF FF FF", False),
]


@pytest.mark.parametrize("c_field", [0x53, 0x73, 0x43])
@pytest.mark.parametrize(("mask", "matches"), MASKS)
def test_selection(mask: str, matches: bool, c_field: int) -> None:
    bench = Bench()
    bench.select()
    assert bench.select(mask, c_field) == (E5 if matches else None)
    assert bench.slave.selected is matches
    assert bench.nke(253) == (E5 if matches else None)


DESELECTIONS = {
    "SND_NKE to 253": short(0x40, 253),
    "another mask": command("99999999 FFFF FF FF", 0x52, 253),
    "mode 2": command("12345678 4024 01 07", 0x56, 253),
    "too short": command("78563412", 0x52, 253),
}


@pytest.mark.parametrize("octets", DESELECTIONS.values(), ids=DESELECTIONS)
def test_what_deselects(octets: bytes) -> None:
    bench = Bench()
    assert bench.select() == E5
    assert bench.slave.selected
    bench.ask(octets)
    assert not bench.slave.selected
    assert bench.ask(short(0x7B, 253)) is None


def test_who_has_no_enhanced_selection_is_deselected_by_it() -> None:
    bench = Bench(enhanced_selection=False)
    assert bench.select() == E5
    assert bench.select("FFFFFFFF FFFF FF FF 0C 78 04 03 02 01") is None
    assert not bench.slave.selected


def test_the_fabrication_number_need_not_be_in_the_readout() -> None:
    bench = Bench(SimulatedMeter(5, records=RECORDS[:1], fabrication_number="00000417"))
    assert bench.select("FFFFFFFF FFFF FF FF 0C 78 17 04 00 00") == E5
    assert bench.select("FFFFFFFF FFFF FF FF 0C 78 18 04 00 00") is None


def test_who_has_no_secondary_addressing_is_never_selected() -> None:
    assert Bench(secondary_addressing=False).select() is None


DIGIT = st.sampled_from("0123456789F")
OCTET = st.sampled_from([0, 1, 7, 0x40, 0xFF])
MASK = st.builds(
    SecondaryAddress,
    st.text(DIGIT, min_size=8, max_size=8),
    st.sampled_from(["FFFF", "PAD", "40FF", "FF24", "4025"]),
    OCTET,
    OCTET,
)


@given(MASK, st.text("0123456789", min_size=8, max_size=8), OCTET, OCTET)
def test_masks_match_as_addresses_do(mask: SecondaryAddress, digits: str, version: int, device: int) -> None:
    for number in (digits, mask.identification_number.replace("F", "7")):
        address = SecondaryAddress(number, "PAD", version, device)
        bits, wanted = mask_of(mask)
        assert (int.from_bytes(address.octets, "little") & bits == wanted) is mask.matches(address)


# --- Commands ------------------------------------------------------------------------------------


def test_set_primary_address() -> None:
    bench = Bench()
    assert bench.ask(command("01 7A 08")) == E5
    assert bench.nke(5) is None
    assert bench.read(1, 8)[5] == 8
    bench.ask(command("01 7A FD", a_field=8))
    assert bench.nke(8) == E5


@pytest.mark.parametrize(
    ("octets", "address"),
    [
        ("0C 79 04 03 02 01", SecondaryAddress("01020304", "PAD", 1, 7)),
        ("07 79 04 03 02 01 93 15 33 03", SecondaryAddress("01020304", "ELS", 0x33, 3)),
        ("0C 79 FF FF FF FF", SecondaryAddress("12345678", "PAD", 1, 7)),
    ],
)
def test_set_secondary_address(octets: str, address: SecondaryAddress) -> None:
    bench = Bench()
    bench.select()
    assert bench.ask(command(octets, a_field=253)) == E5
    assert bench.meter.secondary_address == address
    meter = decode(bench.read(1, 253)).meter
    assert address.selects(meter)
    assert bench.select() == (E5 if address.identification_number == "12345678" else None)


@pytest.mark.parametrize(
    ("octets", "shown"),
    [
        ("04 6D 2D 0D 51 35", "2026-05-17T13:45:00"),
        ("06 6D 1E 2D 0D 51 35 00", "2026-05-17T13:45:00"),
        ("02 6C 51 35", "2026-05-17T00:00:00"),
    ],
)
def test_set_clock(octets: str, shown: str) -> None:
    bench = Bench()
    assert bench.ask(command(octets)) == E5
    values = [decode(bench.read(fcb)).records[0].value for fcb in (1, 0, 1)]
    assert values[2].isoformat() == shown  # type: ignore[union-attr]
    bench.now = 3600.0
    bench.nke()
    values = [decode(bench.read(fcb)).records[0].value for fcb in (1, 0, 1)]
    assert values[2].hour == (int(shown[11:13]) + 1) % 24  # type: ignore[union-attr]


def test_records_are_written_where_they_may_be() -> None:
    bench = Bench(reports_application_errors=True)
    assert bench.ask(command("04 13 40 E2 01 00")) == E5  # another data field than the meter's
    assert str(decode(bench.read(1)).records[0].value) == "123.456"
    assert bench.ask(command("4C 13 00 00 00 00")) == E5
    error = decode(bench.read(0))
    assert error.frame.ci_field == 0x70
    assert error.user_data is not None
    assert error.user_data["error_code"] == 0x14
    assert which(bench.read(1))[0] == 2
    bench.nke()
    assert str(decode(bench.read(1)).records[1].value) == "1.000"


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        ("0C 93 00 07 01 00 00", "0.107"),
        ("0C 93 01 35 00 00 00", "12.600"),
        ("0C 93 02 65 00 00 00", "12.500"),
        ("0C 93 07 00 00 00 00", "0.000"),
        ("0C 93 08 35 00 00 00", "12.565"),
        ("0E 13 00 00 00 00 01 00", "12.565"),
    ],
)
def test_actions(octets: str, value: str) -> None:
    bench = Bench()
    assert bench.ask(command(octets)) == E5
    assert str(decode(bench.read(1)).records[0].value) == value


@pytest.mark.parametrize(
    ("octets", "quantities"),
    [
        ("08 13", ["volume"]),
        ("08 10", ["volume"]),
        ("48 13", ["volume"]),
        ("C8 0F 13", ["volume", "volume"]),
        ("08 5A", ["flow temperature"]),
        ("08 13 08 5A", ["volume", "flow temperature"]),
        ("08 7E", ["volume", "fabrication number", "flow temperature", "date and time"]),
        ("0C 93 0C 0C DA 0C", ["volume", "flow temperature"]),
        ("08 05", ["volume", "volume", "fabrication number"]),
        ("7F", ["volume", "volume", "fabrication number"]),
    ],
)
def test_selection_for_readout(octets: str, quantities: list[str]) -> None:
    bench = Bench()
    assert bench.ask(command(octets)) == E5
    assert [record.quantity for record in decode(bench.read(1)).records] == quantities
    assert bench.ask(command("", 0x50)) == E5
    bench.nke()
    assert len(decode(bench.read(1)).records) == 3


def test_deleted_from_the_readout_list() -> None:
    bench = Bench()
    bench.ask(command("08 13 08 5A"))
    bench.ask(command("0C 93 0D"))
    assert [record.quantity for record in decode(bench.read(1)).records] == ["flow temperature"]


def test_application_reset_goes_to_the_first_telegram_and_chooses_applications() -> None:
    records = [*RECORDS[:1], {**RECORDS[1], "application": "simple billing"}]
    bench = Bench(SimulatedMeter(5, records=records))
    assert bench.ask(command("20", 0x50)) == E5
    assert [record.storage_number for record in decode(bench.read(1)).records] == [1]
    assert bench.ask(command("30", 0x50)) == E5
    assert len(decode(bench.read(0)).records) == 2
    bench = Bench()
    bench.read(1)
    bench.ask(command("", 0x50))
    assert which(bench.read(0))[0] == 1


def test_unknown_commands_are_acknowledged_and_reported() -> None:
    bench = Bench(reports_application_errors=True)
    assert bench.ask(command("", 0x5C)) == E5
    assert bench.read(1)[6:8] == bytes([0x70, 0x01])
    assert bench.ask(command("7A")) == E5
    assert bench.read(0)[6:8] == bytes([0x70, 0x12])


def test_a_busy_slave_loses_no_telegram() -> None:
    bench = Bench(busy_replies=2)
    busy = bytes.fromhex("68 04 04 68 08 05 70 08 85 16")
    assert [bench.read(1), bench.read(0)] == [busy, busy]
    assert [which(bench.read(fcb))[0] for fcb in (0, 1, 1)] == [1, 2, 2]


def test_data_flow_control() -> None:
    assert Bench(data_flow_control=True).read(1)[4] == 0x18


# --- Baud rates ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behaviour", "after", "later"),
    [
        ({}, 9600, 2400),
        ({"baud_switch": "silent"}, 0, 2400),
        ({"baud_switch": "ignored"}, 2400, 2400),
        ({"baudrates": (300, 2400)}, 2400, 2400),
        ({"fallback_seconds": 1000.0}, 9600, 9600),
    ],
)
def test_baud_switch(behaviour: dict[str, Any], after: int, later: int) -> None:
    bench = Bench(**behaviour)
    assert bench.slave.hears(2400, 0.0)
    assert bench.ask(command("", 0xBD)) == E5
    assert bench.slave.baudrate(1.0) == after
    assert bench.slave.hears(after, 1.0)
    assert bench.slave.baudrate(200.0) == later


@pytest.mark.parametrize("addressed", [short(0x40, 5), command("78563412 2440 01 07", 0x52, 253)])
def test_who_is_addressed_at_the_new_rate_keeps_it(addressed: bytes) -> None:
    bench = Bench()
    bench.ask(command("", 0xBD))
    bench.now = 5.0
    assert bench.ask(short(0x40, 9)) is None
    assert bench.ask(addressed) == E5
    assert bench.slave.baudrate(1000.0) == 9600


# --- Behaviour -----------------------------------------------------------------------------------


def test_ignores_fcb() -> None:
    bench = Bench(ignores_fcb=True)
    assert [which(bench.read(1)) for _ in range(4)] == [(1, 0), (2, 1), (3, 2), (1, 3)]


def test_repeats_the_first_telegram() -> None:
    bench = Bench(repeats_first_telegram=True)
    assert len({bench.read(fcb) for fcb in (1, 0, 1, 0)}) == 1
    assert decode(bench.read(1)).more_records_follow


def test_deselection_may_be_acknowledged_or_not() -> None:
    assert Bench(acknowledges_unselected=True).nke(253) == E5
    bench = Bench(silent_to_deselection=True)
    bench.select()
    assert bench.nke(253) is None
    assert not bench.slave.selected


def test_sleepers_hear_nothing_before_the_preamble() -> None:
    bench = Bench(needs_wake_up=True, awake_seconds=10.0)
    slave = bench.slave
    assert not slave.hears(2400, 0.0)
    slave.wake_up(1.9, 2.0)
    assert not slave.hears(2400, 2.0)
    slave.wake_up(2.0, 2.0)
    assert slave.hears(2400, 11.9)
    assert not slave.hears(2400, 12.0)
    bench.now = 11.0
    bench.nke(9)
    assert slave.hears(2400, 20.9)


def test_behaviour_is_a_value() -> None:
    assert replace(Behaviour(), ignores_fcb=True) == Behaviour(ignores_fcb=True)


def test_the_last_telegram_has_no_dif_1f() -> None:
    bench = Bench()
    assert [decode(bench.read(fcb)).more_records_follow for fcb in (1, 0, 1)] == [True, True, False]
    assert encode(decode(bench.read(0))) == bench.read(0)

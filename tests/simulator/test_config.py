"""Bus files: what they may say, and how they are refused."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from mbus_construct import decode
from mbus_construct.simulator import (
    BusFileError,
    Fault,
    SimulatedBus,
    SimulatedMeter,
    builtin,
    builtin_text,
    fleet,
    load,
    loads,
)
from mbus_construct.simulator.config import BUS_KEYS, FLEET_KEYS, METER_KEYS, OPTION_KEYS, RECORD_KEYS
from virtual import E5, Asker, select, short

FULL = """
[bus]
baudrate = 9600
seed = 7
faults = ["echo", {name = "noise", probability = 0.0, in_a_row = 1}, {name = "late_reply", at = [99], seconds = [1, 2]}]
bad_characters = "zero"

[[meter]]
name = "one"
primary_address = 5
identification_number = "12345678"
manufacturer = "PAD"
version = 1
device_type = "water meter"
access_number = 17
status = 4
alarm = "05"
fabrication_number = "00000417"
writable = true
delay = 11.5
delay_seconds = 0.01
baudrate = 9600
faults = ["ignores_fcb", {name = "wrong_checksum", at = [100]}]
options = {enhanced_selection = true, baudrates = [2400, 9600], baud_switch = "works", fallback_seconds = 60, busy_replies = 0}

[[meter.record]]
quantity = "volume"
unit = "m³"
value = 12.565
data_field = "8 digit BCD"
rate = 0.5

[[meter.record]]
clock = 2026-01-01T12:00:00

[[meter.record]]
quantity = "date"
value = 2025-12-31
storage_number = 1
telegram = 2

[[meter]]
telegrams = ["68 1F 1F 68 08 02 72 78 56 34 12 24 40 01 07 55 00 00 00 03 13 15 31 00 DA 02 3B 13 01 8B 60 04 37 18 02 18 16"]
keeps_access_number = true

[[meter]]
primary_address = 8
fixed = {medium_and_units = {unit_1 = 0x29, medium = "water", unit_2 = 0x3E}, counter_1 = 1, counter_2 = 135, rate_1 = 5}

[[meter]]
primary_address = 9
key = "9F3A6CD1E857B2046E0DC5A19B7F38E2"
security_mode = 5
record = [{quantity = "volume", unit = "m³", value = 1}]

[[fleet]]
count = 3
first_primary_address = 100
first_identification_number = "20000000"
octets = 60
telegrams = 2
manufacturer = "ABB"
version = 3
device_type = 2
delay = 20
delay_seconds = 0.0
faults = ["acknowledges_unselected"]
options = {secondary_addressing = true}

[[fleet]]
count = 2
random = true
"""


def test_a_file_with_everything() -> None:
    bus = loads(FULL)
    assert (bus.baudrate, bus.seed) == (9600, 7)
    assert bus.faults[1:] == (
        Fault("noise", probability=0.0, in_a_row=1),
        Fault("late_reply", at=(99,), seconds=(1, 2)),
    )
    assert [meter.primary_address for meter in bus.meters] == [5, 2, 8, 9, 100, 101, 102, 0, 0]
    master = Asker(bus)
    request = short(0x7B, 5)
    telegram = decode(master.ask(request).removeprefix(request))
    assert telegram.meter is not None
    assert telegram.meter.secondary_address == "1234567824400107"
    assert (telegram.access_number, telegram.records[0].value) == (17, Decimal("12.565"))
    second = decode(master.ask(request).removeprefix(request))  # it ignores FCB
    assert second.records[0].value_text == "2025-12-31"
    assert len(telegram.records) == 2
    assert [decode(master.ask(short(0x7B, a_field))[5:]).records[0].value_text for a_field in (2, 8)] == [
        "12.565 m³",
        "0.001 m³",
    ]
    assert decode(master.ask(short(0x7B, 9))[5:]).configuration_field == 0x0510
    reply = master.ask(short(0x7B, 100))[5:]
    assert 52 < len(reply) <= 60
    assert master.ask(select("00 00 00 20 42 04 03 02"))[17:] == E5


def test_every_key_stands_in_the_file_above() -> None:
    for keys in (BUS_KEYS, FLEET_KEYS, METER_KEYS):
        for key in keys:
            assert f"{key} =" in FULL or f"meter.{key}]" in FULL, key
    assert "quantity" in RECORD_KEYS
    assert "ignores_fcb" in OPTION_KEYS


def test_the_built_in_file_and_files_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "bus.toml"
    path.write_text(builtin_text(), encoding="utf-8")
    assert [meter.name for meter in load(path).meters] == [meter.name for meter in builtin().meters]
    assert isinstance(load(str(path)), SimulatedBus)
    assert loads("").meters == ()


METER = "[[meter]]\nprimary_address = 5\n"
RECORD = METER + '[[meter.record]]\nquantity = "volume"\nunit = "m³"\nvalue = 1\n'

WRONG = [
    ("a = [", "correct the TOML"),
    ("bus = 5", r"\[bus\] is 5; it is a table"),
    ("[buss]", "no key 'buss'; there are bus, meter, fleet"),
    ("[bus]\nbaud = 2400", r"\[bus\] has no key 'baud'; there are baudrate"),
    ("[bus]\nbaudrate = '2400'", "baudrate = '2400'; it is a baud rate"),
    ("[bus]\nbaudrate = 2401", "baudrate.*one of 300"),
    ("[bus]\nseed = true", "seed = True; it is a number"),
    ("[bus]\nfaults = ['eco']", "faults of .bus.*did you mean echo"),
    ("[bus]\nfaults = [{name = 'echo', often = 1}]", "no key 'often'"),
    ("[bus]\nfaults = [{name = 'late_reply', seconds = [1]}]", "two numbers"),
    ("[bus]\nfaults = [{name = 'late_reply', at = ['x']}]", "a list of numbers"),
    ("[bus]\nfaults = [{probability = 1}]", "one of echo"),
    ("[bus]\nfaults = 'echo'", "a list of names"),
    ("[bus]\nbad_characters = 'x'", '"as received"'),
    ("meter = 5", "tables"),
    ("[[meter]]", r"\[\[meter\]\] 1 is empty"),
    (METER + "adress = 5", r"\[\[meter\]\] 1 has no key 'adress'; there are name, primary_address"),
    (
        "[[meter]]\nprimary_address = 251",
        r"\[\[meter\]\] 1: primary_address = 251; it is a number from 0 to 250",
    ),
    (METER + "version = 1.5", "version = 1.5"),
    (METER + "identification_number = 12345678", "eight digits in quotes"),
    (METER + "identification_number = '123'", r"\[\[meter\]\] 1: identification_number"),
    (METER + "manufacturer = 'x'", "three letters"),
    (METER + "device_type = 'watr'", "device_type = 'watr'"),
    (METER + "telegrams = [5]", "hex digits in quotes"),
    (METER + "telegrams = ['68']", r"\[\[meter\]\] 1: .*ends"),
    (METER + "telegrams = ['xx']", r"\[\[meter\]\] 1: "),
    (METER + "alarm = 'x'", r"\[\[meter\]\] 1: "),
    (METER + "delay = 5", "delay = 5; it is a number from 11 to 330"),
    (METER + "delay_seconds = 0.06", "0 to 0.05"),
    (METER + "baudrate = 'x'", "baud rate"),
    (METER + "writable = 1", "true or false"),
    (METER + "fixed = 5", "a table"),
    (METER + "faults = ['echo']", "a fault of the whole bus"),
    (METER + "key = 5", r"\[\[meter\]\] 1: key is no text; it is 32 hex digits in quotes"),
    (METER + "key = '9F3A'", r"\[\[meter\]\] 1: a key has 16 octets .32 hex digits., not 2"),
    (METER + "key = '9F3A6CD1E857B2046E0DC5A19B7F38Ex'", "32 hex digits; this one has others"),
    (METER + "security_mode = 5", "security_mode: 5 does not fit: with a key"),
    (METER + "security_mode = 32", "a number from 0 to 31"),
    (METER + "key = '00000000000000000000000000000000'\nsecurity_mode = 13", "13 does not fit: 5 or 7"),
    (
        METER + "options = {ignores_fcb = 1}",
        r"options of \[\[meter\]\] 1: ignores_fcb = 1; it is true or false",
    ),
    (METER + "options = {baud_switch = 'x'}", '"works"'),
    (METER + "options = {sleepy = true}", "no key 'sleepy'"),
    (METER + "options = {busy_replies = 0.5}", "busy_replies = 0.5"),
    (METER + "options = {baudrates = 5}", "a list of baud rates"),
    (RECORD + "rat = 5", r"\[\[meter.record\]\] 1 of \[\[meter\]\] 1 has no key 'rat'"),
    (RECORD + "rate = 'x'", r"records\[0\].rate"),
    (RECORD + "qualifiers = ['x']", r"records\[0\].qualifiers"),
    ("[[fleet]]", "count = None; it is how many meters"),
    ("[[fleet]]\ncount = 0", "count = 0"),
    ("[[fleet]]\ncount = 1\noctets = 5", "octets = 5"),
    ("[[fleet]]\ncount = 2\nfirst_identification_number = '99999999'", "up to 99999999"),
    ("[[fleet]]\ncount = 2\nfirst_identification_number = 'x'", "eight digits"),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_what_is_no_bus_is_refused_with_file_table_and_key(text: str, message: str) -> None:
    with pytest.raises(BusFileError, match=message) as caught:
        loads(text, "my.toml")
    assert str(caught.value).startswith("my.toml: ")
    assert "9F3A" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(BusFileError, match="give the path of a bus file"):
        load(tmp_path / "no.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BusFileError, match="UTF-8"):
        load(tmp_path / "binary.toml")


# --- Fleets --------------------------------------------------------------------------------------


def test_fleets_count_on_or_draw() -> None:
    names = [meter.name for meter in fleet(3, first_identification_number="00000008")]
    assert names == ["00000008", "00000009", "00000010"]
    drawn = [meter.name for meter in fleet(100, random=True, seed=5)]
    assert len(set(drawn)) == 100
    assert drawn == [meter.name for meter in fleet(100, random=True, seed=5)]
    assert drawn != [meter.name for meter in fleet(100, random=True, seed=6)]
    addresses = [meter.primary_address for meter in fleet(300, first_primary_address=1)]
    assert addresses == [*range(1, 251), *range(1, 51)]


@pytest.mark.parametrize("octets", [27, 28, 60, 100, 101, 200, 255])
@pytest.mark.parametrize("telegrams", [1, 3])
def test_replies_have_about_the_octets_that_were_wanted(octets: int, telegrams: int) -> None:
    meters: list[SimulatedMeter] = fleet(1, octets=octets, telegrams=telegrams)
    lengths = []
    for index in range(telegrams):
        user_data = meters[0].telegram(index, 0, 0.0)
        lengths.append(len(user_data.octets) + 9)
        assert user_data.more is (index + 1 < telegrams)
    assert all(octets - 8 < length <= octets for length in lengths) or octets < 40


def test_a_fault_as_on_the_command_line() -> None:
    bus = loads('[bus]\nfaults = ["noise=0.1", "echo"]')
    assert [(fault.name, fault.probability) for fault in bus.faults] == [("noise", 0.1), ("echo", 1.0)]
    for fault in ("noise=2", "noise=", "noise=often", "nonsense=1", "same_secondary_address=0.5"):
        with pytest.raises(BusFileError, match=r"faults of \[bus\]"):
            loads(f'[bus]\nfaults = ["{fault}"]')

"""The same octets through pyMeterBus 0.8.5 and through this library: the same shapes, and the same values
except where pyMeterBus is wrong."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from mbus_construct import meterbus as ours
from telegrams import README_TELEGRAM, response
from vectors import EXAMPLES, FRAMES

RESPONSES = [
    README_TELEGRAM,
    *(example.octets for example in EXAMPLES if example.octets[4] == 0x08 and example.octets[6] == 0x72),
]

# Values of pyMeterBus that are wrong, and what is right.
WRONG = {"2000-00-00": None}


def loaded(text: str) -> Any:
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def shape(value: Any) -> Any:
    """Keys in their order, without the values."""
    if isinstance(value, dict):
        return [(key, shape(item)) for key, item in value.items()]
    return [shape(item) for item in value] if isinstance(value, list) else "value"


def the_same(their: Any, our: Any) -> bool:
    """The same number, or one without the tail that a double adds to a decimal."""
    if isinstance(their, Decimal) and isinstance(our, Decimal):
        return our == their or float(our) == float(their) or abs(our / their - 1) < Decimal("1e-6")
    return WRONG.get(their, their) == our


@pytest.mark.parametrize("octets", RESPONSES, ids=lambda octets: octets.hex()[:40])
def test_json(theirs, octets: bytes) -> None:
    their, our = theirs.load(octets), ours.load(octets)
    their_json, our_json = loaded(their.to_JSON()), loaded(our.to_JSON())
    assert shape(our_json) == shape(their_json)
    assert our_json["head"] == their_json["head"]
    assert our_json["body"]["header"] == their_json["body"]["header"]
    for our_record, their_record in zip(
        our_json["body"]["records"], their_json["body"]["records"], strict=True
    ):
        assert the_same(their_record.pop("value"), our_record.pop("value"))
        assert our_record == their_record
    for attribute in ("secondary_address", "manufacturer", "more_records_follow"):
        assert getattr(our, attribute) == getattr(their, attribute)
    assert list(our) == list(their)
    assert len(our) == len(their)


@pytest.mark.parametrize("octets", RESPONSES, ids=lambda octets: octets.hex()[:40])
def test_records_and_fields(theirs, octets: bytes) -> None:
    their, our = theirs.load(octets), ours.load(octets)
    for name in ("startField", "lField", "cField", "aField", "crcField", "stopField"):
        assert getattr(our.header, name).parts == getattr(their.header, name).parts
    for name in ("ci_field", "id_nr_field", "manufacturer_field", "version_field", "sig_field"):
        our_field, their_field = (getattr(t.body.bodyHeader, name) for t in (our, their))
        assert our_field.parts == their_field.parts
    assert our.body.bodyHeader.id_nr == their.body.bodyHeader.id_nr
    assert our.body.bodyPayload.body.parts == their.body.bodyPayload.body.parts
    for our_record, their_record in zip(our.records, their.records, strict=True):
        assert their_record.interpreted  # before that pyMeterBus has not read storage number and tariff
        assert the_same(their_record.parsed_value, our_record.parsed_value)
        assert our_record.unit == their_record.unit
        assert our_record.function == their_record.function
        assert our_record.dib.function_type.name == their_record.dib.function_type.name
        for name in ("storage_number", "tariff", "device", "parts"):
            assert getattr(our_record.dib, name) == getattr(their_record.dib, name)
        assert our_record.vib.parts == their_record.vib.parts
        assert our_record.dataField.parts == their_record.dataField.parts


KINDS = [f"04 {vif:02X} 01 00 00 00" for vif in range(0x7B) if vif not in (0x6C, 0x6D, 0x6F)]
KINDS += [f"04 FD {code:02X} 01 00 00 00" for code in range(0x78)]

# Codes behind FDh for which pyMeterBus has another name or unit: time points, tariffs, months and years,
# and what EN 13757-3 has added since MBDOC48.
OTHERWISE = {
    *(0x28, 0x29, 0x2B, 0x30, 0x31, 0x32, 0x33, 0x38, 0x39, 0x3B, 0x3C, 0x3D, 0x3E, 0x3F),
    *(0x65, 0x6A, 0x6B, 0x6E, 0x6F, 0x70, 0x71, 0x72, 0x73, 0x74, 0x76),
}


@pytest.mark.parametrize("octets", KINDS)
def test_kinds_and_units(theirs, octets: str) -> None:
    their = theirs.load(response(octets)).records[0].interpreted
    our = ours.load(response(octets)).records[0].interpreted
    if octets[3:5] == "FD" and int(octets[6:8], 16) in OTHERWISE:
        assert our.keys() == their.keys()
        return
    assert the_same(Decimal(their.pop("value")), our.pop("value"))
    assert our == their


@pytest.mark.parametrize("octets", FRAMES, ids=lambda octets: octets.hex()[:40])
def test_what_pymeterbus_loads_loads_here_as_the_same_class(theirs, octets: bytes) -> None:
    try:
        expected = type(theirs.load(octets)).__name__
    except (theirs.MBusFrameDecodeError, IndexError):
        return
    assert type(ours.load(octets)).__name__ == expected


def test_every_constant_has_its_value(theirs) -> None:
    names = [name for name in dir(theirs) if name.split("_")[0] in ("ADDRESS", "CONTROL", "FRAME", "MAX")]
    assert len(names) > 40
    assert {name: getattr(ours, name) for name in names} == {name: getattr(theirs, name) for name in names}


class Line:
    """A port with something to read."""

    def __init__(self, heard: bytes) -> None:
        self.buffer = bytearray(heard)
        self.written = b""

    def write(self, data: bytes) -> int:
        self.written += bytes(data)
        return len(data)

    def read(self, size: int) -> bytes:
        octets = bytes(self.buffer[:size])
        del self.buffer[:size]
        return octets


@pytest.mark.parametrize(
    "call",
    [
        lambda m, ser: m.send_ping_frame(ser, 5),
        lambda m, ser: m.send_ping_frame(ser, 256),
        lambda m, ser: m.send_request_frame(ser, 254) and None,
        lambda m, ser: m.send_request_frame_multi(ser, 253) and None,
        lambda m, ser: m.send_request_frame(ser, 300),
        lambda m, ser: m.send_request_frame(ser),
        lambda m, ser: m.send_select_frame(ser, "0793534365321004"),
        lambda m, ser: m.send_select_frame(ser, "07FFFFFFFFFFFFFF"),
        lambda m, ser: m.send_select_frame(ser, "0793534365321004", True),
        lambda m, ser: m.recv_frame(ser, 1),
        lambda m, ser: m.recv_frame(ser, m.FRAME_DATA_LENGTH),
        lambda m, _: m.manufacturer_id("LSE"),
        lambda m, _: m.is_secondary_address("0793534365321004"),
    ],
)
@pytest.mark.parametrize("heard", [b"", b"\xe5", b"\x01", README_TELEGRAM, README_TELEGRAM[:60]])
def test_functions(theirs, call, heard: bytes) -> None:
    their_line, our_line = Line(heard), Line(heard)
    assert call(ours, our_line) == call(theirs, their_line)
    assert our_line.written == their_line.written


def test_time_outs_but_for_the_wrong_one(theirs) -> None:
    rates = (600, 1200, 2400, 4800, 9600, 19200, 38400, 115200)
    assert [ours.inter_byte_timeout(r) for r in rates] == [theirs.inter_byte_timeout(r) for r in rates]


def test_telegrams_built_by_hand(theirs) -> None:
    built = []
    for module in (theirs, ours):
        t = module.TelegramLong()
        t.header.cField.parts = [0x53]
        t.header.aField.parts = [0xFE]
        t.body.bodyHeader.ci_field.parts = [0x51]
        t.body.bodyPayload.load([0x01, 0x7A, 0x05])
        control = module.TelegramControl()
        control.header.aField.parts = [5]
        control.set_baud(9600)
        built.append((list(t), list(control)))
    assert built[0] == built[1]


def test_merged(theirs) -> None:
    first = next(example.octets for example in EXAMPLES if example.name.startswith("E33"))
    merged = [m.load(first) + m.load(README_TELEGRAM) for m in (theirs, ours)]
    facts = [
        (len(t.records), t.more_records_follow, t.secondary_address, [r.function for r in t.records])
        for t in merged
    ]
    assert facts[0] == facts[1]

"""The flows that pyMeterBus's users have written, with the import line changed and nothing else."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from decimal import Decimal

import pytest
import serial

from checkout import ENVIRONMENT
from mbus_construct import meterbus
from telegrams import README_TELEGRAM, response
from vectors import EXAMPLES

README = README_TELEGRAM.hex()
MORE = next(example.octets for example in EXAMPLES if example.name.startswith("E33"))


def test_decode_one_record_of_text_with_an_octet_a_character() -> None:
    data = README_TELEGRAM.decode("latin-1")
    telegram = meterbus.load(data)
    assert telegram.records[3].parsed_value == "2014-02-19T11:18"


def test_ping_request_and_json(fake) -> None:
    address = 254
    ser = fake({"10 40 FE 3E 16": ["E5"], "10 5B FE 59 16": [README]})

    meterbus.send_ping_frame(ser, address)
    frame = meterbus.load(meterbus.recv_frame(ser, 1))
    assert isinstance(frame, meterbus.TelegramACK)

    meterbus.send_request_frame(ser, address)
    frame = meterbus.load(meterbus.recv_frame(ser, meterbus.FRAME_DATA_LENGTH))
    assert isinstance(frame, meterbus.TelegramLong)

    records = json.loads(frame.to_JSON())["body"]["records"]
    assert records[0] == {
        "function": "FunctionType.INSTANTANEOUS_VALUE",
        "storage_number": 0,
        "type": "VIFUnit.ENERGY_WH",
        "unit": "MeasureUnit.WH",
        "value": 1400,
    }
    assert records[1]["value"] == 2.013
    assert '"value": 2.013\n' in frame.to_JSON()


def test_the_loop_over_the_records(fake) -> None:
    ser = fake({"10 5B 05 60 16": [README]})
    meterbus.send_request_frame(ser, 5)
    frame = meterbus.load(meterbus.recv_frame(ser, meterbus.FRAME_DATA_LENGTH))
    read = [(record.value, record.unit, record.function) for record in frame.records]
    assert read[:5] == [
        (Decimal(1400), "Wh", 0),
        (Decimal("2.013"), "m^3", 0),
        (Decimal(116643600), "seconds", 0),
        ("2014-02-19T11:18", "date time", 0),
        (None, "date", 3),
    ]
    assert read[-1] == ("37 FD 17 00 00 00 00 00 00 00 00 02 7A 25 00 02 78 25 00", None, 4)
    assert float(frame.records[1].parsed_value) == 2.013
    assert "".join(f"{octet:02x}" for octet in frame.body.bodyHeader.id_nr) == "07935343"
    assert frame.body.bodyHeader.manufacturer_field.decodeManufacturer == "LSE"
    assert frame.body.bodyHeader.measure_medium_field.parts[0] == 4
    assert frame.body.bodyHeader.acc_nr_field.parts == [202]


def test_select_by_secondary_address(fake) -> None:
    select = "68 0B 0B 68 73 FD 52 43 53 93 07 65 32 10 04 9D 16"
    ser = fake({"10 40 FD 3D 16": [""], select: ["E5"], "10 5B FD 58 16": [README]})
    meterbus.send_ping_frame(ser, meterbus.ADDRESS_NETWORK_LAYER)
    assert meterbus.recv_frame(ser, 1) is None
    meterbus.send_select_frame(ser, "0793534365321004")
    assert isinstance(meterbus.load(meterbus.recv_frame(ser, 1)), meterbus.TelegramACK)
    meterbus.send_request_frame(ser, meterbus.ADDRESS_NETWORK_LAYER)
    frame = meterbus.load(meterbus.recv_frame(ser, meterbus.FRAME_DATA_LENGTH))
    assert (frame.secondary_address, frame.manufacturer) == ("0793534365321004", "LSE")


def test_readout_of_several_telegrams(fake) -> None:
    """FCB is toggled in the frame that the first request gave."""
    ser = fake({"10 7B 05 80 16": [MORE.hex()], "10 5B 05 60 16": [README]})
    frame = None
    req = meterbus.send_request_frame_multi(ser, 5)
    while True:
        received = meterbus.load(meterbus.recv_frame(ser, meterbus.FRAME_DATA_LENGTH))
        frame = received if frame is None else frame + received
        if not received.more_records_follow:
            break
        req.header.cField.parts[0] ^= meterbus.CONTROL_MASK_FCB
        req = meterbus.send_request_frame_multi(ser, req=req)
    assert [octets.hex() for octets in ser.written] == ["107b058016", "105b056016"]
    assert len(frame.records) == 25
    assert frame.secondary_address == "0000000296151500"
    assert frame.more_records_follow is False
    assert len(json.loads(frame.to_JSON())["body"]["records"]) == 25
    assert 6 not in [record.function for record in frame.records]


def test_merging_leaves_the_telegrams_as_they_are() -> None:
    first, second = meterbus.load(MORE), meterbus.load(README_TELEGRAM)
    joined = first + second
    assert (len(first.records), len(second.records), len(joined.records)) == (13, 13, 25)
    assert (second + first).more_records_follow is True
    assert bytes(joined) == MORE
    with pytest.raises(TypeError):
        first + 5
    first += second
    assert len(first.records) == 25


def test_a_write_built_by_hand(fake) -> None:
    ser = fake({})
    t = meterbus.TelegramLong()
    t.header.cField.parts = [0x53]
    t.header.aField.parts = [5]
    t.body.bodyHeader.ci_field.parts = [0x50]
    t.body.bodyPayload.body = [0x00]
    meterbus.serial_send(ser, t)
    assert ser.written == [bytes.fromhex("68 04 04 68 53 05 50 00 A8 16")]
    assert t.header.crcField.parts == [0xA8]
    assert t.check_crc()


def test_an_address_set_by_hand_reads_back() -> None:
    t = meterbus.TelegramLong()
    t.header.cField.parts = [meterbus.CONTROL_MASK_SND_UD]
    t.header.aField.parts = [0xFD]
    t.body.bodyHeader.ci_field.parts = [meterbus.CONTROL_INFO_DATA_SEND]
    t.body.bodyPayload.set_payload([0x01, 0x7A, 0x05])
    assert bytes(t).hex(" ") == "68 06 06 68 53 fd 51 01 7a 05 21 16"
    assert [(record.value, record.interpreted["type"]) for record in t.records] == [
        (Decimal(5), "VIFUnit.ADDRESS")
    ]
    t.body.bodyPayload.load([0x01, 0x7A, 0x06])
    assert t.records[0].value == 6


def test_a_telegram_without_its_fields_says_which() -> None:
    t = meterbus.TelegramLong()
    assert (t.records, t.secondary_address, t.manufacturer, t.more_records_follow) == ([], None, None, False)
    assert t.decoded is None
    with pytest.raises(meterbus.MBusFrameEncodeError, match=r"header\.cField"):
        bytes(t)
    t.header.cField.parts = [0x53]
    t.header.aField.parts = [300]
    with pytest.raises(meterbus.MBusFrameEncodeError, match=r"header\.aField.*300"):
        list(t)
    t.header.aField.parts = [3]
    t.body.bodyHeader.ci_field.parts = [0x51]
    t.body.bodyPayload.body = bytes(253)
    with pytest.raises(meterbus.MBusFrameEncodeError, match="252"):
        len(t)


@pytest.mark.parametrize(
    ("baud", "ci_field"),
    [(300, 0xB8), (600, 0xB9), (1200, 0xBA), (2400, 0xBB), (4800, 0xBC), (9600, 0xBD), (38400, 0xBF)],
)
def test_a_control_frame_sets_the_baud_rate(baud: int, ci_field: int) -> None:
    t = meterbus.TelegramControl()
    t.header.aField.parts = [5]
    t.set_baud(baud)
    assert list(t) == [0x68, 3, 3, 0x68, 0x53, 5, ci_field, 0x58 + ci_field & 0xFF, 0x16]
    assert isinstance(meterbus.load(bytes(t)), meterbus.TelegramControl)


def test_the_other_control_frames() -> None:
    t = meterbus.TelegramControl()
    t.header.aField.parts = [5]
    sent = []
    for call in (t.set_application_reset, t.set_ram_readout, t.set_eeprom_readout, t.set_software_test):
        call()
        sent.append(bytes(t)[6])
    assert sent == [0x50, 0xB1, 0xB4, 0xB6]
    assert t.address.parts == [5]
    with pytest.raises(meterbus.MBusFrameEncodeError, match="123"):
        t.set_baud(123)


def test_the_port_as_an_object(fake) -> None:
    ser = fake({"10 40 05 45 16": ["E5"], "10 5B 05 60 16": [README], "10 7B 05 80 16": [README]})
    bus = meterbus.MBusSerial(ser, preamble=b"\x55" * 3)
    assert bus.send_ping_frame(5) is None
    assert bus.recv_frame(1) == b"\xe5"
    assert ser.written == [b"\x55\x55\x55", bytes.fromhex("10 40 05 45 16")]
    bus = meterbus.MBusSerial(ser)
    bus.send_request_frame(5)
    assert bus.recv_frame(252) == README_TELEGRAM
    bus.send_request_frame_multi(5, read_echo=False)
    assert bus.recv_frame(252) == README_TELEGRAM
    bus.send_select_frame("07FFFFFFFFFFFFFF")
    bus.serial_send([0x10, 0x40, 0x01, 0x41, 0x16])
    assert [octets.hex() for octets in ser.written[-2:]] == [
        "680b0b6873fd52ffffff07ffffffffc216",
        "1040014116",
    ]


def test_a_converter_that_echoes(fake) -> None:
    select = "68 0B 0B 68 73 FD 52 43 53 93 07 65 32 10 04 9D 16"
    ser = fake({"10 40 05 45 16": ["E5"], "10 5B 05 60 16": [README], select: ["E5"]}, echo=True)
    meterbus.send_ping_frame(ser, 5, read_echo=True)
    assert meterbus.recv_frame(ser, 1) == b"\xe5"
    meterbus.send_select_frame(ser, "0793534365321004", read_echo=True)
    assert meterbus.recv_frame(ser, 1) == b"\xe5"
    meterbus.send_request_frame(ser, 5, read_echo=True)
    assert meterbus.recv_frame(ser, 252) == README_TELEGRAM


def test_a_real_port_of_pyserial() -> None:
    with serial.serial_for_url("loop://", baudrate=2400, timeout=0.05) as ser:
        meterbus.send_ping_frame(ser, 5, read_echo=True)
        assert meterbus.recv_frame(ser, 1) is None
        ser.write(README_TELEGRAM)
        assert meterbus.recv_frame(ser, meterbus.FRAME_DATA_LENGTH) == README_TELEGRAM


@pytest.mark.parametrize(
    ("heard", "length", "expected"),
    [
        ("", 1, None),
        ("E5", 1, "E5"),
        ("E5", 252, "E5"),
        ("E5 00", 1, "E5"),
        ("00", 1, False),
        ("01 02 03 04", 252, False),
        ("00 E5", 1, False),
        ("10 40 05 45 16", 1, "10 40 05 45 16"),
        ("00 FF 10 40 05 45 16", 1, "10 40 05 45 16"),
        ("68 03 03 68 53 01 50 A4 16", 1, "68 03 03 68 53 01 50 A4 16"),
        ("68 03 03 68 53 01 50 A4", 1, False),
        ("68 03 03 68 53 01 50 A5 16", 1, False),
        ("68 03 03 68 53 01 50 A4 17", 1, False),
        ("68", 1, False),
        (README, 1, README),
        (README, 252, README),
        (README + README, 252, README),
        ("00" + README, 1, README),
        (README[:100], 252, False),
        (README[:-4] + "0016", 252, False),
        ("68 68" + README, 252, README),
        ("00" * 5000, 1, False),
    ],
)
def test_receiving(fake, heard: str, length: int, expected: str | bool | None) -> None:
    ser = fake({})
    ser.buffer += bytes.fromhex(heard)
    received = meterbus.recv_frame(ser, length)
    assert received == (bytes.fromhex(expected) if isinstance(expected, str) else expected)
    assert received is not True


def test_what_is_no_address(fake) -> None:
    ser = fake({})
    assert meterbus.send_ping_frame(ser, 256) is False
    assert meterbus.send_ping_frame(ser, -1) is False
    assert meterbus.send_request_frame(ser, 300) is False
    assert meterbus.send_request_frame(ser) is None
    assert meterbus.send_select_frame(ser, "07") is False
    assert meterbus.serial_send(ser) is None
    assert ser.written == []


def test_addresses() -> None:
    assert [meterbus.is_primary_address(a) for a in (0, 250, 251, 255, 256, -1, "5", None)] == [
        *[True] * 4,
        *[False] * 4,
    ]
    texts = ("0793534365321004", "ffffffffffffffff", "07935343FFFFFFFF", "0793", "G" * 16, None, 5)
    assert [meterbus.is_secondary_address(text) for text in texts] == [*[True] * 3, *[False] * 4]


def test_manufacturers() -> None:
    assert [meterbus.manufacturer_id(text) for text in ("LSE", "lse", "AB", "ABCD", "12A", "")] == [
        12901,
        12901,
        *[False] * 4,
    ]
    assert meterbus.manufacturer_encode(12901, 2) == [0x65, 0x32]


def test_time_outs() -> None:
    rates = (300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 115200)
    expected = [1.2, 0.6, 0.4, 0.2, 0.2, 0.1, 0.1, 0.1, None]
    assert [meterbus.inter_byte_timeout(rate) for rate in rates] == expected


def test_debug_logs_what_goes_over_the_line(fake, caplog: pytest.LogCaptureFixture) -> None:
    ser = fake({"10 40 FE 3E 16": ["E5"]})
    meterbus.send_ping_frame(ser, 254)
    meterbus.recv_frame(ser)
    assert caplog.messages == []
    meterbus.debug(True)
    try:
        ser.answers[bytes.fromhex("10 40 FE 3E 16")] = [b"\xe5"]
        meterbus.send_ping_frame(ser, 254)
        meterbus.recv_frame(ser)
        ser.buffer += b"\x01\x02"
        meterbus.recv_frame(ser)
    finally:
        meterbus.debug(False)
    assert caplog.messages == ["SEND (005) 10 40 FE 3E 16", "RECV (001) E5", "RECV (002) 01 02"]
    assert {record.levelno for record in caplog.records} == {logging.INFO}


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=ENVIRONMENT
    )


def test_debug_shows_the_lines_where_no_logging_is_set_up() -> None:
    done = run(
        "from mbus_construct import meterbus as m\n"
        "p = type('P', (), {'write': lambda s, d: None, 'read': lambda s, n: b''})()\n"
        "m.debug(True); m.debug(True); m.send_ping_frame(p, 254); m.debug(False); m.send_ping_frame(p, 1)"
    )
    assert done.stderr == "INFO:mbus_construct.meterbus:SEND (005) 10 40 FE 3E 16\n"


def test_the_import_sets_up_nothing() -> None:
    done = run(
        "import sys, logging; from mbus_construct import meterbus\n"
        "print(logging.getLogger().handlers, 'serial' in sys.modules, 'asyncio' in sys.modules)"
    )
    assert done.stdout == "[] False False\n"


def test_every_name_that_is_promised_is_there() -> None:
    assert all(hasattr(meterbus, name) for name in meterbus.__all__)


def test_records_of_a_payload_alone() -> None:
    body = response("0C 13 65 25 01 00")[19:-2]
    assert meterbus.TelegramBodyPayload(body).records[0].value == Decimal("12.565")
    assert meterbus.TelegramBodyPayload().records == []

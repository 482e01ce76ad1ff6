"""What the classes of the pyMeterBus API show, and what `load` refuses."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from helpers import long_frame
from mbus_construct import MBusError, Telegram, meterbus
from telegrams import HEADER, README_TELEGRAM, response
from vectors import FRAMES


def only(records: str) -> meterbus.TelegramVariableDataRecord:
    (record,) = meterbus.load(response(records)).records
    return record


@pytest.mark.parametrize("octets", FRAMES, ids=lambda octets: octets.hex()[:40])
def test_every_frame_is_given_back_or_refused_with_a_reason(octets: bytes) -> None:
    try:
        telegram = meterbus.load(octets)
    except meterbus.MBusFrameDecodeError as error:
        assert len(str(error)) > 10
    else:
        assert bytes(telegram) == octets
        assert list(telegram) == list(octets)
        assert len(telegram) == len(octets)
        assert json.loads(telegram.to_JSON()) == json.loads(telegram.to_JSON())
        for record in getattr(telegram, "records", ()):
            json.loads(record.to_JSON())
            assert record.parsed_value == record.value


@pytest.mark.parametrize(
    "data",
    [b"\xe5", bytearray(b"\xe5"), memoryview(b"\xe5"), [0xE5], (0xE5,), "\xe5"],
    ids=lambda data: type(data).__name__,
)
def test_the_ways_to_give_octets(data) -> None:
    telegram = meterbus.load(data)
    assert isinstance(telegram, meterbus.TelegramACK)
    assert list(telegram) == [0xE5]
    assert json.loads(telegram.to_JSON()) == {"head": {"start": "0xe5"}}


@pytest.mark.parametrize("data", [b"", None, False, [], ""])
def test_nothing_is_an_empty_frame(data) -> None:
    with pytest.raises(meterbus.MBusFrameDecodeError, match="empty frame") as caught:
        meterbus.load(data)
    assert caught.value.value == data
    assert isinstance(caught.value, MBusError)


@pytest.mark.parametrize(
    ("octets", "match"),
    [
        (b"\x00\x01", "unable to decode frame"),
        ([300], "unable to decode frame"),
        ("\u1234", "unable to decode frame"),
        (README_TELEGRAM[4:-2], "unable to decode frame"),
        (b"\x68\x03\x03", "ends within its start"),
        (b"\x10\x40\x01\x41", "4 of 5 octets"),
        (README_TELEGRAM + b"\x00", "1 octets after"),
        (README_TELEGRAM[:-1] + b"\x17", "stop octet"),
        (b"\xe5\xe5", "1 octets after"),
        (long_frame(b"\x08", 0x70), "application error: application too busy"),
        (long_frame(b"\x05", 0x71), "CI 71h"),
        (long_frame(bytes(8), 0x52, c_field=0x53, a_field=0xFD), "a frame to a meter"),
        (long_frame(b"\x12\x34", 0x72), "user data"),
    ],
)
def test_what_cannot_be_loaded(octets, match: str) -> None:
    with pytest.raises(meterbus.MBusFrameDecodeError, match=match):
        meterbus.load(octets)


def test_a_wrong_check_sum() -> None:
    with pytest.raises(meterbus.MBusFrameCRCError, match=r"00h.*3Ah") as caught:
        meterbus.load(README_TELEGRAM[:-2] + b"\x00\x16")
    assert (caught.value.computed, caught.value.expected) == (0x3A, 0x00)


def test_wrong_lengths() -> None:
    with pytest.raises(meterbus.MbusFrameLengthError, match="112") as caught:
        meterbus.load(README_TELEGRAM[:-1])
    assert caught.value.length == 112
    with pytest.raises(meterbus.MbusFrameLengthError):
        meterbus.load(bytes.fromhex("68 05 06 68 01 02 03 04 05 06 07"))


def test_a_class_refuses_another_kind() -> None:
    with pytest.raises(meterbus.FrameMismatch, match="TelegramLong"):
        meterbus.TelegramLong.parse(b"\xe5")
    with pytest.raises(meterbus.FrameMismatch):
        meterbus.TelegramACK.parse(b"\x10\x40\x01\x41\x16")
    assert isinstance(meterbus.TelegramShort.parse(b"\x10\x40\x01\x41\x16"), meterbus.TelegramShort)
    assert isinstance(meterbus.TelegramLong.parse(README_TELEGRAM).decoded, Telegram)


def test_headers() -> None:
    telegram = meterbus.load(README_TELEGRAM)
    assert telegram.header.interpreted == {
        "start": "0x68",
        "length": "0x6a",
        "c": "0x8",
        "a": "0x1",
        "crc": "0x3a",
        "stop": "0x16",
    }
    assert list(json.loads(telegram.header.to_JSON())) == ["start", "length", "c", "a", "crc", "stop"]
    header = telegram.body.bodyHeader
    assert list(header.interpreted) == [
        *("type", "identification", "manufacturer", "version"),
        *("medium", "access_no", "status", "sign"),
    ]
    assert header.interpreted["identification"] == "0x07, 0x93, 0x53, 0x43"
    assert header.id_nr_field.parts == [0x43, 0x53, 0x93, 0x07]
    assert header.acc_nr_field.decodeInt == 202
    assert (header.isLSBOrder, header.isVariableData, header.isFixedData, header.noDataHeader) == (
        *(True, True, False, False),
    )
    assert telegram.body.bodyHeaderLength == 13
    assert (telegram.body.isVariableData, telegram.body.isFixedData, telegram.body.noDataHeader) == (
        *(True, False, False),
    )
    assert telegram.body.more_records_follow is telegram.body.bodyPayload.more_records_follow is False
    assert len(telegram.body.bodyPayload.body.parts) == 91
    assert json.loads(telegram.body.to_JSON()) == json.loads(telegram.to_JSON())["body"]
    assert (
        json.loads(telegram.body.bodyPayload.to_JSON()) == json.loads(telegram.to_JSON())["body"]["records"]
    )
    assert telegram.compute_crc() == 0x3A
    assert telegram.check_crc()


def test_an_edited_field_is_what_is_sent_and_shown() -> None:
    telegram = meterbus.load(README_TELEGRAM)
    telegram.header.aField.parts = [7]
    telegram.body.bodyHeader.id_nr_field.parts[0] = 0x44
    assert telegram.secondary_address == "0793534465321004"
    assert not telegram.check_crc()
    assert meterbus.load(bytes(telegram)).header.aField.parts == [7]
    assert telegram.check_crc()


def test_short_frames() -> None:
    telegram = meterbus.load(bytes.fromhex("10 7B 05 80 16"))
    assert json.loads(telegram.to_JSON()) == {
        "head": {"start": "0x10", "length": "0x0", "c": "0x7b", "a": "0x5", "crc": "0x80", "stop": "0x16"}
    }
    assert telegram.check_crc()
    assert bytes(meterbus.TelegramShort()) == bytes.fromhex("10 00 00 00 16")


def test_fixed_data() -> None:
    octets = long_frame(bytes.fromhex("78 56 34 12 0A 00 E9 7E 01 00 00 00 35 01 00 00"), 0x73, a_field=5)
    telegram = meterbus.load(octets)
    assert [(r.value, r.unit, r.dib.storage_number, r.interpreted["type"]) for r in telegram.records] == [
        (Decimal("0.001"), "m^3", 0, "VIFUnit.VOLUME"),
        (Decimal("0.135"), "m^3", 1, "VIFUnit.VOLUME"),
    ]
    assert telegram.body.bodyHeader.interpreted == {
        "type": "0x73",
        "identification": "0x12, 0x34, 0x56, 0x78",
        "medium": "0x7",
        "access_no": 10,
        "status": "0x0",
    }
    assert (telegram.secondary_address, telegram.manufacturer) == (None, None)
    assert telegram.body.isFixedData


def test_most_significant_octet_first() -> None:
    header = bytes.fromhex("12 34 56 78 40 24 01 07 55 00 10 02")
    telegram = meterbus.load(response("04 13 00 00 30 39 02 6C 1C BF", 0x76, header))
    fields = telegram.body.bodyHeader
    assert (fields.id_nr_field.parts, fields.manufacturer_field.parts, fields.sig_field.parts) == (
        [0x78, 0x56, 0x34, 0x12],
        [0x24, 0x40],
        [0x02, 0x10],
    )
    assert telegram.secondary_address == "1234567824400107"
    assert telegram.records[0].dataField.parts == [0x39, 0x30, 0, 0]
    assert [record.value for record in telegram.records] == [Decimal("12.345"), "2013-12-31"]


@pytest.mark.parametrize(
    ("octets", "value", "unit", "kind"),
    [
        ("03 13 15 31 00", "12.565", "m^3", "VIFUnit.VOLUME"),
        ("05 13 00 00 C0 3F", "0.0015", "m^3", "VIFUnit.VOLUME"),
        ("02 23 03 00", "259200", "seconds", "VIFUnit.ON_TIME"),
        ("01 71 05", "300", "seconds", "VIFUnit.AVG_DURATION"),
        ("01 FD 28 03", "3", "months", "VIFUnitExt.STORAGE_INTERVAL"),
        ("02 FD 32 05 00", "18000", "seconds", "VIFUnitExt.DURATION_OF_TARIFF"),
        ("02 FD 48 01 00", "0.1", "V", "VIFUnitExt.VOLTS"),
        ("02 FD 71 C4 FF", "-60", "dBm", "VIFUnitExt.RSSI"),
        ("02 FB 1A 01 00", "0.1", "%", "VIFUnitSecExt.RELATIVE_HUMIDITY"),
        ("04 FB 00 01 00 00 00", "100000", "Wh", "Energy"),
        ("04 FB 08 01 00 00 00", "100000000", "J", "Energy"),
        ("04 FB 03 01 00 00 00", "10000", "varh", "Reactive energy"),
        ("04 FB 75 01 00 00 00", "0.01", "C", "Cold / Warm Temperature Limit"),
        ("0C 78 43 53 93 07", "7935343", "none", "VIFUnit.FABRICATION_NO"),
        ("02 FD 0A 65 32", "12901", "none", "VIFUnitExt.MANUFACTURER"),
        ("0A 65 21 F3", "-3.21", "C", "VIFUnit.EXTERNAL_TEMPERATURE"),
        ("0D 06 C2 34 12", "1234000", "Wh", "VIFUnit.ENERGY_WH"),
        ("02 FC 03 48 52 25 74 34 12", "46.60", "%RH", "VIFUnit.VARIABLE_VIF"),
        ("02 FC 74 03 48 52 25 34 12", "46.60", "%RH", "VIFUnit.VARIABLE_VIF"),
        ("04 7F 01 00 00 00", "1", "none", "VIFUnit.MANUFACTURER_SPEC"),
    ],
)
def test_numbers_are_exact_decimals(octets: str, value: str, unit: str, kind: str) -> None:
    record = only(octets)
    assert isinstance(record.value, Decimal)
    assert str(record.value) == value
    assert (record.unit, record.interpreted["type"]) == (unit, kind)
    assert f'"value": {value}' in record.to_JSON()


@pytest.mark.parametrize(
    ("octets", "value", "unit"),
    [
        ("02 6C BF 1C", "2013-12-31", "date"),
        ("04 6D 12 0B D3 12", "2014-02-19T11:18", "date time"),
        ("06 6D 1E 12 0B D3 12 00", "2014-02-19T11:18:30", "date time to second"),
        ("03 6D 3B 30 0B", "11:48:59", "time"),
        ("04 93 39 12 0B D3 12", "2014-02-19T11:18", "date time"),
        ("0D FD 0B 05 31 32 4D 46 57", "WFM21", "none"),
        ("0D FD 3B 03 01 02 03", "01 02 03", "none"),
        ("07 79 43 53 93 07 65 32 10 04", "0793534365321004", "none"),
        ("0D 83 1F 0A 34 FE A0 86 01 00 D0 FB 01 00", "34 FE A0 86 01 00 D0 FB 01 00", "Wh"),
        ("02 6C 00 00", None, "date"),
        ("02 6C FF FF", None, "date"),
        ("04 6D 80 0B D3 12", None, "date time"),
        ("0A 65 21 E3", None, "C"),
        ("05 13 00 00 C0 7F", None, "m^3"),
        ("04 06 00 00 00 80", None, "Wh"),
        ("04 93 15 01 00 00 00", None, "m^3"),
        ("00 06", None, "Wh"),
        ("1F", None, None),
        ("0F", "", None),
        ("1F 01 02", "01 02", None),
        ("0F 01 02", "01 02", None),
    ],
)
def test_texts_and_absent_values(octets: str, value: str | None, unit: str | None) -> None:
    record = only(octets)
    assert (record.value, record.unit) == (value, unit)
    assert json.loads(record.to_JSON())["value"] == value


def test_a_damaged_record_does_not_cost_the_others() -> None:
    records = meterbus.load(response("0C 13 65 25 01 00 0C 06 11")).records
    assert [record.value for record in records] == [Decimal("12.565"), None]
    assert records[1].dataField.parts == [0x0C, 0x06, 0x11]
    assert records[1].interpreted["unit"] == "None"


@pytest.mark.parametrize(
    ("octets", "enhancement"),
    [
        ("04 93 22 01 00 00 00", "PER_HOUR"),
        ("04 93 3C 01 00 00 00", "NEGATIVE_ACCUMULATION"),
        ("04 93 A2 3C 01 00 00 00", "PER_HOUR"),
        ("04 93 74 01 00 00 00", "UNKNOWN_ENHANCEMENT"),
        ("04 93 00 01 00 00 00", None),
        ("04 FD C8 22 01 00 00 00", None),
        ("02 FC 03 48 52 25 74 34 12", None),
    ],
)
def test_enhancements(octets: str, enhancement: str | None) -> None:
    shown = only(octets).interpreted.get("unit_enh")
    assert shown == (None if enhancement is None else f"VIFUnitEnhExt.{enhancement}")


def test_information_blocks() -> None:
    record = only("8D 90 81 00 83 1E 02 31 32")
    assert record.dib.parts == [0x8D, 0x90, 0x81, 0x00]
    assert (record.dib.storage_number, record.dib.tariff, record.dib.device) == (32, 1, 0)
    assert record.dib.has_extension_bit
    assert record.dib.is_variable_length
    assert not record.dib.is_manufacturer_specific
    assert record.vib.parts == [0x83, 0x1E]
    assert record.vib.has_extension_bit
    assert record.vib.without_extension_bit == 3
    text = only("02 FC 03 48 52 25 74 34 12")
    assert text.vib.parts == [0xFC, 0x74]
    assert text.vib.customVIF.decodeASCII == "%RH"
    assert text.dataField.parts == [0x34, 0x12]
    maximum = only("14 13 01 00 00 00")
    assert maximum.dib.function_type is meterbus.FunctionType.MAXIMUM_VALUE
    assert (maximum.function, maximum.dib.tariff, maximum.dib.device) == (1, None, None)
    assert only("1F").more_records_follow
    assert only("0F").dib.is_manufacturer_specific
    assert only("0F").vib.without_extension_bit is None
    assert "12" in repr(only("01 13 0C"))


@pytest.mark.parametrize(
    ("parts", "name", "expected"),
    [
        ([0x05], "decodeInt", 5),
        ([0xFF], "decodeInt", -1),
        ([], "decodeInt", None),
        ([0x34, 0x12], "decodeBCD", 1234),
        ([0x34, 0xF2], "decodeBCD", -234),
        ([0xAA], "decodeBCD", None),
        ([], "decodeBCD", None),
        ([0, 0, 0x80, 0x3F], "decodeReal", 1.0),
        ([0, 0, 0xC0, 0x7F], "decodeReal", None),
        ([0x31, 0xB0], "decodeASCII", "\xb01"),
        ([0x01, 0xAB], "decodeRAW", "01 AB"),
        ([0x65, 0x32], "decodeManufacturer", "LSE"),
        ([], "decodeManufacturer", None),
        ([0xBF, 0x1C], "decodeDate", "2013-12-31"),
        ([0, 0], "decodeDate", None),
        ([0x12], "decodeDate", None),
        ([0x12, 0x0B, 0xD3, 0x12], "decodeDateTime", "2014-02-19T11:18"),
        ([0x1E, 0x12, 0x0B, 0xD3, 0x12, 0], "decodeDateTimeWithSeconds", "2014-02-19T11:18:30"),
        ([0x3B, 0x30, 0x0B], "decodeTimeWithSeconds", "11:48:59"),
    ],
)
def test_fields(parts: list[int], name: str, expected) -> None:
    assert getattr(meterbus.TelegramField(parts), name) == expected


def test_the_parts_of_a_field() -> None:
    field = meterbus.TelegramField()
    for given, parts in [(5, [5]), ("\x05\xe5", [5, 0xE5]), (b"ab", [97, 98]), ((1, 2), [1, 2]), (None, [])]:
        field.parts = given
        assert field.parts == parts
    field.parts = [0x43, 0x53]
    assert (len(field), field[0], str(field), field.parts_bytes) == (2, 0x43, "43 53", b"\x43\x53")
    assert repr(field) == "TelegramField([67, 83])"


def test_the_header_of_ci_78h_and_7ah() -> None:
    bare = meterbus.load(response("04 06 01 00 00 00", 0x78, b""))
    assert bare.body.bodyHeader.interpreted == {"type": "0x78"}
    assert bare.body.noDataHeader
    short = meterbus.load(response("04 06 01 00 00 00", 0x7A, bytes(4)))
    assert list(short.body.bodyHeader.interpreted) == ["type", "access_no", "status", "sign"]
    for telegram in (bare, short):
        assert telegram.records[0].value == 1000
        assert telegram.secondary_address is None


def test_encrypted_data_give_no_records() -> None:
    octets = response("80" * 32, 0x72, HEADER[:-2] + b"\x20\x05")
    telegram = meterbus.load(octets)
    assert telegram.records == []
    assert len(telegram.body.bodyPayload.body) == 32
    assert bytes(telegram) == octets

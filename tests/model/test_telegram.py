"""The shapes: JSON of telegrams and records, valid for every input, and back."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from mbus_construct import BuildError, MBusError, Meter, Record, Status, Telegram, decode, encode
from mbus_construct.model.json_values import json_number, json_value, value_type
from mbus_construct.values.headers import RecordHeader
from telegrams import README_TELEGRAM, one, response
from vectors import FRAMES


def _refuse_constant(name: str) -> Any:
    raise AssertionError(f"{name} is no JSON")


def strict(text: str) -> Any:
    """JSON as a strict reader takes it: without NaN and Infinity."""
    return json.loads(text, parse_constant=_refuse_constant)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Decimal(1400), "1400"),
        (Decimal("2.013"), "2.013"),
        (Decimal("-0.10"), "-0.1"),
        (Decimal("0.000"), "0"),
        (Decimal("1E+9"), "1000000000"),
        (Decimal(999999999999999), "999999999999999"),
        (Decimal("999999999.999999"), "999999999.999999"),
        (Decimal(9223372036854775807), '"9223372036854775807"'),
        (Decimal("9223372036854775.807"), '"9223372036854775.807"'),
        (Decimal("1E-9"), "1e-09"),
        (Decimal("1E-400"), f'"0.{"0" * 399}1"'),
        (0.107944735, "0.107944735"),
        (datetime(2014, 2, 19, 11, 18), '"2014-02-19T11:18:00"'),
        (date(2013, 12, 31), '"2013-12-31"'),
        (time(0, 0), '"00:00:00"'),
        ("fü", '"fü"'),
        (b"\x01\xff", '"01FF"'),
        ((Decimal(1), None, 0.5), "[1, null, 0.5]"),
        (None, "null"),
    ],
)
def test_values_in_json(value: Any, written: str) -> None:
    assert json.dumps(json_value(value), ensure_ascii=False, allow_nan=False) == written


@pytest.mark.parametrize("digits", range(1, 40))
def test_a_number_in_json_is_exact(digits: int) -> None:
    for exponent in (-30, -9, -3, 0, 5):
        number = Decimal("1234567890123456789012345678901234567890"[:digits]).scaleb(exponent)
        for value in (number, -number):
            text = json.dumps(json_number(value))
            assert Decimal(str(strict(text))) == value


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Decimal(1), "decimal"),
        (1.0, "real"),
        (datetime(2014, 2, 19), "datetime"),
        (date(2014, 2, 19), "date"),
        (time(1), "time"),
        ("x", "text"),
        (b"x", "octets"),
        ((), "series"),
        (None, "none"),
    ],
)
def test_the_type_of_a_value_is_told(value: Any, name: str) -> None:
    assert value_type(value) == name


HARD_RECORDS = [
    "05 5B 00 00 C0 7F",  # not a number
    "05 5B 00 00 80 7F",  # infinity
    "05 5B FF FF 7F 7F",
    "05 5B 01 00 00 00",
    "0D 13 F6" + "FF" * 63 + "7F",  # 64 octets
    "0D FD 0C F6" + "FF" * 64,
    "0D 13 CA" + "AA" * 10,
    "0D 6D E3 01 02 03",
    "0D FD 3B 03 00 FF 80",
    "0D FD 11 05 00 0A 1B 22 FF",  # text with control characters and quotes
    "0D FD 11 02 85 A0",
    "0D 83 1F 0A 35 FE 00 00 C0 7F 00 00 48 42",
    "0D 83 1F 12 37 FE" + "FF" * 7 + "7F" + "00" * 7 + "80",
    "04 FD 72 01 02 03 04",
    "07 79" + "11" * 8,
    "04 6D 00 3F 00 1F",
    "04 13 01",
    "0D 13 FF",
    "01 93 15 00",
]


@pytest.mark.parametrize("record", HARD_RECORDS)
@pytest.mark.parametrize("framed", [True, False])
def test_json_is_valid_for_every_value(record: str, framed: bool) -> None:
    telegram = decode(response(record)) if framed else decode(record, link="records")
    values = strict(telegram.to_json())
    assert telegram.to_json() == json.dumps(telegram.to_dict(), ensure_ascii=False, allow_nan=False)
    assert Telegram.from_dict(values) == telegram
    assert strict(telegram.records[0].to_json()) == values["records"][0]
    assert strict(telegram.to_json(indent=2)) == values


@pytest.mark.parametrize("record", HARD_RECORDS)
def test_from_dict_changes_nothing_that_others_have(record: str) -> None:
    """Plans remember what they read; a telegram that stands elsewhere in the frame does not move it."""
    for _ in range(40):  # a layout that comes again has a plan of its own
        first = decode(record, link="records")
        before = first.to_dict()
        framed = decode(response(record)).to_dict()
        assert [Telegram.from_dict(framed).to_dict() for _ in range(2)] == [framed] * 2
        assert first.to_dict() == before
        assert decode(record, link="records").to_dict() == before


@pytest.mark.parametrize("octets", [*FRAMES, README_TELEGRAM], ids=lambda octets: octets[:12].hex())
def test_dicts_and_json_round_trip(octets: bytes) -> None:
    telegram = decode(octets)
    assert telegram.to_json() == json.dumps(telegram.to_dict(), ensure_ascii=False, allow_nan=False)
    assert Telegram.from_dict(telegram.to_dict()) == telegram
    assert Telegram.from_dict(strict(telegram.to_json())) == telegram


@pytest.mark.parametrize("text", ["\0", "\0\0", '"', "\u2028é", '"records": "\0"'])
def test_json_of_records_made_by_hand(text: str) -> None:
    """Texts that look like what stands between the parts of a record's JSON, and one header with many values."""
    header = RecordHeader(quantity=text, unit=text, qualifiers=(text, text))
    values: list[Any] = [
        None,
        Decimal("1.50"),
        Decimal("-0"),
        Decimal(10) ** 15,
        1.5,
        text,
        date(2024, 2, 29),
        (Decimal(1), None),
    ]
    records = tuple(Record(header, b"\x01", value, offset=3) for value in [*values, *values])
    telegram = Telegram(
        records=records, meter=Meter(text), manufacturer_fields={"records": text, text: [text]}
    )
    assert telegram.to_json() == json.dumps(telegram.to_dict(), ensure_ascii=False, allow_nan=False)
    for record in records:
        assert record.to_json() == json.dumps(record.to_dict(), ensure_ascii=False, allow_nan=False)
    with pytest.raises(ValueError, match="JSON"):
        Record(header, b"", float("inf")).to_json()


def test_the_shape_of_a_telegram() -> None:
    values: Any = decode(README_TELEGRAM).to_dict()
    assert (values["schema_version"], values["type"]) == (1, "telegram")
    assert values["link"] == "frame"
    assert values["frame"] == {
        "format": "long",
        "c_field": 8,
        "c_name": "RSP_UD",
        "a_field": 1,
        "address": None,
        "ci_field": 0x72,
        "ci_name": "response, full frame (variable data)",
    }
    assert values["meter"] == {
        "identification_number": "07935343",
        "manufacturer": "LSE",
        "manufacturer_name": "Landis & Staefa Electronic",
        "version": 16,
        "device_type": 4,
        "device_type_name": "heat meter (volume at return/outlet)",
    }
    assert values["status"] == {"octet": 0, "flags": []}
    assert values["records"][1] == {
        "function": "instantaneous",
        "storage_number": 0,
        "tariff": 0,
        "subunit": 0,
        "quantity": "volume",
        "unit": "m³",
        "ucum": "m3",
        "value": 2.013,
        "value_type": "decimal",
        "qualifiers": [],
        "kind": "counter",
        "state": "ok",
        "record_error": None,
        "reason": None,
        "flags": [],
        "data_field": "8 digit BCD",
        "offset": 25,
        "length": 6,
        "dib": "0C",
        "vib": "13",
        "data": "13200000",
    }
    assert values["manufacturer_data"] == "37FD17" + "00" * 8 + "027A2500" + "02782500"
    assert (values["encrypted"], values["user_data"], values["special_functions"]) == (None, None, [])


def test_keys_of_a_record() -> None:
    (values,) = decode("02 93 15 00 00", link="records").to_dict()["records"]
    assert (values["record_error"], values["length"]) == ("no data available (undefined value)", 5)
    assert values["data_field"] == one("02 93 15 00 00").data_field == "16 bit integer"
    assert "coding" not in values


@pytest.mark.parametrize(
    "octets",
    [
        *FRAMES,
        README_TELEGRAM,
        bytes.fromhex("E5"),
        bytes.fromhex("68 13 13 68 08 05 73 78 56 34 12 0A 00 E9 7E 01 00 00 00 35 01 00 00 3C 16"),
        bytes.fromhex("68 04 04 68 08 01 71 05 7F 16"),
    ],
    ids=lambda octets: octets[:12].hex(),
)
def test_every_telegram_has_a_hash(octets: bytes) -> None:
    first, second = decode(octets), decode(octets)
    assert hash(first) == hash(second)
    assert len({first, second}) == 1


@pytest.mark.parametrize("record", HARD_RECORDS)
def test_every_record_has_a_hash(record: str) -> None:
    assert hash(decode(record, link="records")) == hash(decode(record, link="records"))


def test_telegrams_are_slotted() -> None:
    assert not hasattr(decode(README_TELEGRAM), "__dict__")


def test_a_telegram_from_json() -> None:
    telegram = decode(README_TELEGRAM)
    assert Telegram.from_json(telegram.to_json()) == telegram
    record = '{"quantity": "volume", "unit": "m³", "value": 9999999999.90, "data_field": "12 digit BCD"}'
    (built,) = Telegram.from_json('{"link": "records", "records": [' + record + "]}")
    assert str(built.value) == "9999999999.90"
    for text in ("[]", "5", "{}"):
        with pytest.raises(BuildError):
            Telegram.from_json(text)


def test_a_dict_shares_nothing_with_its_telegram() -> None:
    telegram = decode("68 13 13 68 08 05 73 78 56 34 12 0A 00 E9 7E 01 00 00 00 35 01 00 00 3C 16")
    values: Any = telegram.to_dict()
    values["user_data"]["counter_1"] = 99
    values["user_data"]["medium_and_units"]["unit_1"] = 0
    values["records"][0]["flags"].append("x")
    assert telegram.user_data is not None
    assert telegram.user_data["counter_1"] == 1
    assert telegram.user_data["medium_and_units"]["unit_1"] == 0x29
    assert telegram.records[0].flags == ()


@pytest.mark.parametrize("values", [None, [], 5, {}, {"link": 1}, {"frame": {}}])
def test_what_makes_no_telegram_is_a_build_error(values: Any) -> None:
    with pytest.raises(BuildError):
        Telegram.from_dict(values)


def test_meters_and_status_octets_by_themselves() -> None:
    meter = Meter("12345678", "PAD", 1, 7)
    assert meter.secondary_address == "1234567824400107"
    assert (meter.device_type_name, Meter("1").device_type_name) == ("water meter", None)
    assert Meter("12345678").secondary_address is None
    assert Meter("12345678", "ZZZ").manufacturer_name is None
    assert Meter("12345678", "PAD", 1, 0xFE).device_type_name == "reserved"
    assert Status(0b00011111).flags == (
        "abnormal condition or alarm",
        "power low",
        "permanent error",
        "temporary error",
    )
    assert Status(0b00000011, fixed=True).flags == ()


def test_records_as_text() -> None:
    record = one("D4 11 13 15 31 00 00")
    assert str(record) == "volume, 12.565 m³, maximum, storage 3, tariff 1"
    assert record.value_text == "12.565 m³"
    record = one("0C 13 1A 00 00 00")
    assert str(record) == "volume, digits 0000001A are no number"
    assert one("04 6D 12 0B D3 12").bare_value_text == "2014-02-19 11:18"
    assert one("06 6D 1A 2F 4A 51 27 1D").bare_value_text == "2018-07-17 10:47:26"
    assert one("0D FD 3B 03 01 02 03").bare_value_text == "01 02 03"
    assert one("0D 83 1F 06 32 01 01 00 00 80").bare_value_text == "1, -"
    assert str(decode("04 13 01", link="records").records[0]).startswith("unreadable, the data end")


def test_a_telegram_iterates_its_records() -> None:
    telegram = decode(README_TELEGRAM)
    assert list(telegram) == list(telegram.records)
    assert all(isinstance(record, Record) for record in telegram)


def test_diagnostics_as_text() -> None:
    (diagnostic,) = decode(response("04 06 01")).diagnostics
    assert str(diagnostic) == f"error: {diagnostic.message} (offset {diagnostic.offset})"
    assert diagnostic.to_dict() == {
        "severity": "error",
        "code": "truncated",
        "message": diagnostic.message,
        "offset": 22,
        "record": 0,
    }
    assert "04 06 01" in diagnostic.message
    assert "offset 19" in diagnostic.message


def _deep(depth: int = 3000) -> Any:
    deep: Any = {}
    for _ in range(depth):
        deep = {"a": deep}
    return deep


@pytest.mark.parametrize(
    "odd", [_deep(), [[_deep()]], 10**5000, -(10**5000)], ids=["deep", "list", "long", "less"]
)
@pytest.mark.parametrize(
    "place",
    ["afl", "user_data", "schema_version", "frame", "records", "meter", "status", "special_functions"],
)
def test_what_python_cannot_take_in_is_refused(place: str, odd: Any) -> None:
    values: Any = {**decode(README_TELEGRAM).to_dict(), place: odd}
    for function in (Telegram.from_dict, encode):
        with pytest.raises(MBusError) as caught:
            function(values)
        assert len(str(caught.value)) < 500


@pytest.mark.parametrize("key", ["offset", "tariff", "length", "value", "dib"])
def test_numbers_without_end_in_records(key: str) -> None:
    values: Any = decode(README_TELEGRAM).to_dict()
    for record in values["records"]:
        record[key] = 10**5000
    try:
        restored = Telegram.from_dict(values)
    except MBusError as error:
        assert len(str(error)) < 500
    else:
        assert Telegram.from_json(restored.to_json()) == restored


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 100_000, "9" * 5000, '{"type": ' + "9" * 5000 + "}"]
)
def test_json_that_python_cannot_take_in(text: str) -> None:
    with pytest.raises(MBusError, match=r"nested too deep|too many digits"):
        Telegram.from_json(text)


CHANGES: list[dict[str, Any]] = [
    *({"link": link} for link in ("wireless", "c_field", "ci_field", "header", "records")),
    {"meter": None},
    {"encrypted": "AABB"},
    *({"user_data": data} for data in ({"payload": "01"}, {"counter_1": 1}, {})),
    {"manufacturer_fields": {}},
    *({"status": None, "access_number": None, "configuration_field": None, name: 5} for name in ("status",)),
    *({name: None} for name in ("status", "access_number", "configuration_field")),
    *({"configuration_field": number} for number in (0x0500, 0x0700, 1)),
    {"more_records_follow": True},
    {"manufacturer_data": "0102"},
    {"special_functions": [{"octets": "03", "before_record": 0}]},
    {"special_functions": [{"octets": "2F", "before_record": 1}]},
    {"records": []},
]


def _as_octets_say(values: dict[str, Any]) -> bool:
    """Whether a mapping is refused, or gives a telegram that its own octets give again."""
    try:
        telegram = Telegram.from_dict(values)
    except MBusError:
        return True
    again = decode(encode(telegram), link=telegram.link)
    return replace(again, diagnostics=()) == replace(telegram, diagnostics=())


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_a_mapping_with_another_part_makes_one_telegram_or_none(change: dict[str, Any]) -> None:
    for _ in range(2):  # the second time the answer is remembered
        assert _as_octets_say({**decode(README_TELEGRAM).to_dict(), **change})


@pytest.mark.parametrize("form", ["short", "single", "A", "B", "CRC-less", None])
def test_a_mapping_with_another_frame(form: str | None) -> None:
    values: Any = decode(README_TELEGRAM).to_dict()
    values["frame"]["format"] = form
    assert _as_octets_say(values)


@pytest.mark.parametrize(
    "octets", [README_TELEGRAM, bytes.fromhex("0A6521E30265F6FF")], ids=["frame", "records"]
)
@pytest.mark.parametrize(
    "change",
    [{"offset": 1000}, {"offset": 0}, {"state": "error", "reason": "x"}, {"reason": "x"}, {"length": 3}],
    ids=str,
)
def test_records_that_say_something_else(octets: bytes, change: dict[str, Any]) -> None:
    link = "auto" if octets == README_TELEGRAM else "records"
    values: Any = decode(octets, link=link).to_dict()
    values["records"][0] |= change
    assert _as_octets_say(values)
    shifted: Any = decode(octets, link=link).to_dict()
    for record in shifted["records"]:
        record["offset"] += 1000
    assert _as_octets_say(shifted)


def test_more_records_than_a_frame_holds() -> None:
    values: Any = decode(README_TELEGRAM).to_dict()
    record = values["records"][1]
    offset = values["records"][0]["offset"]
    values["records"] = [{**record, "offset": offset + number * record["length"]} for number in range(100)]
    assert _as_octets_say(values)

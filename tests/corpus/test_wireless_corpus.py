"""Telegrams of real meters by radio: the conformance corpus beside the repository, scored by its own checker."""

from __future__ import annotations

import decimal
import importlib.util
import json
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from checkout import CORPUS, corpus, needs_corpus
from mbus_construct import MBusError, Meter, Receiver, Telegram, decode, encode
from mbus_construct.receiving.formats import Formats
from mbus_grammars.fields import Manufacturer
from tools.corpus_candidates import candidates

pytestmark = needs_corpus

ENTRIES = corpus("wireless")

# The corpus expects the number 0 of a record whose VIFE says that there is none: 18h "data error", 1Ch
# "premature end of record". MBDOC48 6.6: the value of a record that reports an error is not to be used; it
# stays in the record's octets.
DATA_ERROR = ("readme-80315117", "sharky774-c889f103", "sharky774-ca0607e9")
END_OF_RECORD = "itron-f8667497"

# A compact frame whose format no full frame and no format frame of the corpus teaches.
UNKNOWN_FORMAT = "simulation-c1-71a4fb87"


@pytest.fixture
def checker() -> Iterator[ModuleType]:
    """The scorer; it sets the precision of the decimal context, which shall end with the test."""
    spec = importlib.util.spec_from_file_location("wireless_corpus_compare", CORPUS / "compare.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with decimal.localcontext():
        spec.loader.exec_module(module)
        yield module


def entry(name: str) -> dict[str, Any]:
    (found,) = [entry for entry in ENTRIES if entry["id"] == name]
    return found


def decoded(name: str) -> Telegram:
    return decode(entry(name)["hex"], keys=entry(name)["key"])


def test_every_telegram_is_right(checker: ModuleType) -> None:
    found = {line["id"]: line for line in candidates(map(json.dumps, ENTRIES))}
    totals, failures = checker.score(ENTRIES, found)
    assert sorted(name for name, _, _ in failures) == sorted([*DATA_ERROR, END_OF_RECORD, UNKNOWN_FORMAT])
    valid, decrypted, malformed = (totals["all", kind] for kind in ("valid", "valid*", "malformed"))
    assert valid["n"] == valid["pass"] == 131
    assert valid["records"] == valid["records_ok"] > 1000
    assert decrypted["n"] == 115
    assert decrypted["pass"] == 110  # 95.6 %
    assert malformed["n"] == malformed["pass"] == 19
    assert sum(total["crash"] for total in totals.values()) == 0
    assert not any("crash" in line for line in found.values())


@pytest.mark.parametrize(
    ("name", "vife", "reason"),
    [
        *((name, 0x18, "the meter reports: data error") for name in DATA_ERROR),
        (END_OF_RECORD, 0x1C, "the meter reports: premature end of record"),
    ],
)
def test_a_difference_is_the_value_of_a_record_that_reports_an_error(
    name: str, vife: int, reason: str
) -> None:
    records = decoded(name).records
    expected = entry(name)["records"]
    assert len(records) == len(expected)
    (different,) = [
        (told, record)
        for told, record in zip(expected, records, strict=True)
        if record.value is None and told["value"] is not None
    ]
    told, record = different
    assert (told["value"], record.state, record.reason, record.vib[-1]) == ("0", "error", reason, vife)
    assert bytes.fromhex(told["raw"]) == record.data


def test_the_other_difference_is_a_compact_frame_without_its_format() -> None:
    """An unknown signature is a state, no error; with the format that the corpus names it is right."""
    line = entry(UNKNOWN_FORMAT)
    telegram = decoded(UNKNOWN_FORMAT)
    assert [item.code for item in telegram.diagnostics] == ["unknown_signature"]
    assert (telegram.worst, telegram.records) == ("warning", ())
    meter = telegram.meter
    assert meter is not None
    assert meter.manufacturer is not None
    assert meter.version is not None
    assert meter.device_type is not None
    formats = Formats()
    headers = bytes.fromhex(line["app"]["format_frame"])
    signature = int(line["app"]["format_signature"], 16)
    formats.learn_format((meter.manufacturer, meter.version, meter.device_type), signature, headers)
    known = Receiver(formats=formats).decode(line["hex"])
    assert [str(record.value) for record in known.records] == [told["value"] for told in line["records"]]
    assert known.worst is None


def test_malformed_telegrams_say_why() -> None:
    """An error says where; what could be read of the telegram is there."""
    formats = Formats()
    for line in ENTRIES:
        if line["status"] == "valid":
            Receiver(line["key"], formats).decode(line["hex"])
    for line in ENTRIES:
        if line["status"] != "malformed":
            continue
        try:
            telegram = Receiver(line["key"], formats).decode(line["hex"])
        except MBusError as error:
            assert "offset" in str(error), line["id"]
            continue
        faults = [item for item in telegram.diagnostics if item.severity == "error"]
        assert faults, line["id"]
        assert faults[0].offset is not None or faults[0].code == "full_frame_crc", line["id"]


def test_every_decoded_telegram_comes_back() -> None:
    """With its key and without, as octets and as JSON."""
    counted = 0
    for line in ENTRIES:
        octets = bytes.fromhex(line["hex"])
        for keys in {None, line["key"]}:
            try:
                telegram = decode(octets, keys=keys)
            except MBusError:
                assert line["status"] != "valid", line["id"]
                continue
            counted += 1
            assert encode(telegram, keys=keys) == octets, line["id"]
            values = json.loads(telegram.to_json())
            assert telegram.to_json() == json.dumps(telegram.to_dict(), ensure_ascii=False, allow_nan=False)
            assert encode(values, keys=keys) == octets, line["id"]
            assert Telegram.from_dict(values) == telegram, line["id"]
            assert Telegram.from_dict(values, keys=keys) == telegram, line["id"]
    assert counted > 370


def test_a_receiver_says_what_decode_says() -> None:
    """But for what it learned of compact frames, and the words for what it cannot open."""
    learned = 0
    receivers = {key: Receiver(key) for key in {line["key"] for line in ENTRIES}}
    for line in ENTRIES:
        try:
            alone = decode(line["hex"], keys=line["key"])
        except MBusError as error:
            with pytest.raises(MBusError) as caught:
                receivers[line["key"]].decode(line["hex"])
            assert str(caught.value) == str(error)
            continue
        known = receivers[line["key"]].decode(line["hex"])
        if known != alone:
            learned += 1
            codes = {item.code for item in (*alone.diagnostics, *known.diagnostics)}
            assert codes & {"unknown_signature", "encrypted", "security_mode", "replayed_counter"}, line["id"]
        assert encode(known, keys=line["key"]) == bytes.fromhex(line["hex"]), line["id"]
        assert Telegram.from_dict(json.loads(known.to_json())) == known, line["id"]
    assert learned > 0


def test_encrypted_telegrams_give_nothing_without_their_key() -> None:
    """Nor with another one: what is encrypted is not in the values."""
    counted = 0
    for line in ENTRIES:
        if line["status"] != "valid" or line["key"] is None:
            continue
        opened = decode(line["hex"], keys=line["key"])
        states = {part.state for part in (opened.security, opened.ell) if part is not None}
        assert "decrypted" in states, line["id"]
        for keys in (None, "00112233445566778899AABBCCDDEEFF"):
            closed = decode(line["hex"], keys=keys)
            assert closed.encrypted, line["id"]
            assert {item.code for item in closed.diagnostics} & {"encrypted", "wrong_key"}, line["id"]
            hidden = closed.user_data is None and len(closed.records) < len(opened.records)
            assert hidden or (not closed.records and "payload" in (opened.user_data or {})), line["id"]
        counted += 1
    assert counted > 25


def letters(meter: Meter) -> str | None:
    """The manufacturer without the bit that says that the address is not unique in the world."""
    if meter.manufacturer is None or len(meter.manufacturer) == 3:
        return meter.manufacturer
    number = int(meter.manufacturer, 16) & 0x7FFF
    return str(Manufacturer.parse(number.to_bytes(2, "little")))


def test_meters() -> None:
    compared = 0
    for line in ENTRIES:
        expected = line.get("meter")
        if line["status"] != "valid" or not expected:
            continue
        telegram = decode(line["hex"], keys=line["key"])
        meter = telegram.meter
        assert meter is not None, line["id"]
        found: dict[str, Any] = {
            "id": meter.identification_number,
            "manufacturer": letters(meter),
            "version": meter.version,
            "medium_code": meter.device_type,
            "access_no": telegram.access_number,
            "status": telegram.status and telegram.status.octet,
        }
        known = {key: value for key, value in expected.items() if key in found and value is not None}
        assert {key: found[key] for key in known} == known, line["id"]
        compared += 1
    assert compared > 200

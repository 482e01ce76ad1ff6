"""Telegrams of real meters: the conformance corpus beside the repository, scored by its own checker."""

from __future__ import annotations

import decimal
import importlib.util
import json
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from checkout import CORPUS, corpus, needs_corpus
from mbus_construct import MBusError, Telegram, decode, encode
from tools.corpus_candidates import candidate

pytestmark = needs_corpus

ENTRIES = corpus("wired")

# The corpus expects the number 0 of six records with VIFE 15h, "no data available". MBDOC48 6.6: the value
# of a record that reports an error is not to be used; it stays in the record's octets.
NO_DATA_AVAILABLE = "messagestest-7fcd6fd1"


@pytest.fixture
def checker() -> Iterator[ModuleType]:
    """The scorer; it sets the precision of the decimal context, which shall end with the test."""
    spec = importlib.util.spec_from_file_location("corpus_compare", CORPUS / "compare.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with decimal.localcontext():
        spec.loader.exec_module(module)
        yield module


def test_every_telegram_is_right(checker: ModuleType) -> None:
    candidates = {line["id"]: line for line in map(candidate, map(json.dumps, ENTRIES))}
    totals, failures = checker.score(ENTRIES, candidates)
    valid, malformed = totals["all", "valid"], totals["all", "malformed"]
    assert [name for name, _, _ in failures] == [NO_DATA_AVAILABLE]
    assert valid["n"] > 180
    assert valid["pass"] == valid["n"] - 1
    assert malformed["n"] > 10
    assert malformed["pass"] == malformed["n"]
    assert sum(total["crash"] for total in totals.values()) == 0
    assert not any("crash" in line for line in candidates.values())


def test_the_one_difference_is_the_value_of_records_that_report_an_error() -> None:
    (entry,) = [entry for entry in ENTRIES if entry["id"] == NO_DATA_AVAILABLE]
    records = decode(entry["hex"]).records
    assert len(records) == len(entry["records"])
    differences = [
        (expected["value"], record.value, record.state, record.reason)
        for expected, record in zip(entry["records"], records, strict=True)
        if record.value != decimal.Decimal(expected["value"])
    ]
    no_data = "the meter reports: no data available (undefined value)"
    assert differences == [("0", None, "error", no_data)] * 6
    assert all(
        bytes.fromhex(expected["vib"])[-1] == 0x15
        for expected, record in zip(entry["records"], records, strict=True)
        if record.state == "error"
    )


def test_every_decoded_telegram_comes_back() -> None:
    decoded = 0
    for entry in ENTRIES:
        octets = bytes.fromhex(entry["hex"])
        try:
            telegram = decode(octets)
        except MBusError:
            assert entry["status"] != "valid", entry["id"]
            continue
        decoded += 1
        assert encode(telegram) == octets, entry["id"]
        text = telegram.to_json()
        assert text == json.dumps(telegram.to_dict(), ensure_ascii=False, allow_nan=False), entry["id"]
        assert Telegram.from_dict(json.loads(text)) == telegram, entry["id"]
    assert decoded > 190


def test_meters() -> None:
    compared = 0
    for entry in ENTRIES:
        expected = entry.get("meter")
        if entry["status"] != "valid" or not expected:
            continue
        telegram = decode(entry["hex"])
        meter = telegram.meter
        assert meter is not None, entry["id"]
        found: dict[str, Any] = {
            "id": meter.identification_number,
            "manufacturer": meter.manufacturer,
            "version": meter.version,
            "access_no": telegram.access_number,
            "status": telegram.status and telegram.status.octet,
        }
        if entry["ci"] != "73":  # the fixed data structure has a medium of its own code
            found["medium_code"] = meter.device_type
        known = {key: value for key, value in expected.items() if key in found and value is not None}
        assert {key: found[key] for key in known} == known, entry["id"]
        compared += 1
    assert compared > 100

"""What a record's diagnostics say to programs: code, severity, place."""

from __future__ import annotations

import pytest

from mbus_construct import decode

REMARKS: list[tuple[str, str, str, str | None]] = [
    # octets, code, severity, state of the record
    ("01 13 05", "", "", "ok"),
    ("01 FD 0C FF", "no_value_mark", "info", "ok"),
    ("01 13 80", "no_value_mark", "info", "invalid"),
    ("02 6C FF FC", "recurring_date", "info", "ok"),
    ("04 6D 00 3F 00 1F", "recurring_date", "info", "ok"),
    ("03 6D 3F 00 0C", "recurring_date", "info", "ok"),
    ("03 6D 3F 3F 1F", "recurring_date", "info", "ok"),
    ("0D 6D E3 01 02 03", "raw_octets", "info", "ok"),
    ("0D FD 3B 01 02", "container", "warning", "ok"),
    ("0D FD 76 01 02", "", "", "ok"),
    ("0D FD 0C CA" + "11" * 10, "raw_octets", "info", "ok"),
    ("0D 13 CA" + "11" * 10, "raw_octets", "info", "invalid"),
    ("0D FD 0C E0", "no_data", "info", "invalid"),
    ("00 13", "", "", "ok"),
    ("08 13", "", "", "ok"),
    ("01 93 15 05", "record_error", "warning", "error"),
    ("01 93 08 05", "record_error", "warning", "error"),
    ("01 6F 05", "unknown_vif", "info", "ok"),
    ("01 93 10 05", "unknown_scale", "info", "ok"),
    ("01 FB 68 05", "unknown_scale", "info", "ok"),
    ("01 FB 06 05", "unverified_vif", "info", "ok"),
    ("04 FD 72 02 83 9E A3", "", "", "ok"),
    ("09 78 1F", "invalid_bcd", "warning", "invalid"),
    ("0C 78 FF FF FF FF", "invalid_bcd", "warning", "invalid"),
    ("39 13 1F", "invalid_bcd", "info", "invalid"),  # a value during error state
    ("0D 13 F7", "lvar_reserved", "error", "error"),
    ("04 13 05 00", "truncated", "error", "error"),
    ("04", "truncated", "error", "error"),
]


@pytest.mark.parametrize(("octets", "code", "severity", "state"), REMARKS)
def test_remarks(octets: str, code: str, severity: str, state: str) -> None:
    telegram = decode(octets, link="records")
    (record,) = telegram.records
    assert record.state == state
    found = [(item.code, item.severity, item.record) for item in telegram.diagnostics]
    assert found == ([(code, severity, 0)] if code else [])
    assert telegram.worst == (severity or None)


def test_no_data_and_gaps_have_a_reason() -> None:
    assert decode("00 13", link="records").records[0].reason == "no data"
    daylight = decode("04 FD 72 02 83 9E A3", link="records").records[0]
    assert daylight.reason == "the bits of the deviation from GMT are not interpreted"


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        ("04 FD 72 02 83 9E A3", "begin --03-03 02 h, end --10-30, deviation +0 h, enabled"),
        ("04 FD 72 E1 62 5F 9C", "begin --12-02 01 h, end --09-31, deviation -2 h, disabled"),
        ("04 FD 72 03 9F A1 3A", "begin --10-31 03 h, end --03-01, deviation +1 h, enabled"),
    ],
)
def test_daylight_saving(octets: str, text: str) -> None:
    assert decode(octets, link="records").records[0].value == text

"""Telegrams in records (VIF FDh 3Bh): what a gateway received by radio and passes on over the wired bus."""

from __future__ import annotations

import json

import pytest

from mbus_construct import Receiver, Telegram, decode, encode
from telegrams import response

# EN 13757-4's example of frame format B, and OMS's of mode 5 (Annex N.2.1) without its CRCs.
FORMAT_B = "1444AE0C7856341201078C2027780B134365877AC5"
MODE_5 = "2E44931578563412330" + "37A2A0020255923C95AAA26D1B2E7493B013EC4A6F6D3529B520EDFF0EA6DEFC99D6D69EBF3"
KEY = "0102030405060708090A0B0C0D0E0F11"


def container(octets: str) -> bytes:
    return response(f"0D FD 3B {len(octets) // 2:02X} {octets} 0C 78 44 33 22 11")


@pytest.mark.parametrize("octets", [FORMAT_B, FORMAT_B[:-4].replace("14", "12", 1), FORMAT_B[2:-4]])
def test_a_telegram_in_a_record(octets: str) -> None:
    telegram = decode(container(octets))
    (contained,) = telegram.contained
    inner = contained.telegram
    assert contained.record == 0
    assert inner.meter is not None
    assert (inner.meter.manufacturer, inner.meter.identification_number) == ("CEN", "12345678")
    assert [record.value_text for record in inner.records] == ["876.543 m³"]
    assert [record.value for record in telegram.records] == [bytes.fromhex(octets), "11223344"]
    assert telegram.diagnostics == ()


def test_it_is_opened_with_the_same_keys() -> None:
    octets = container(MODE_5)
    for telegram in (
        decode(octets, keys={"ELS-12345678": KEY}),
        Receiver({"ELS-12345678": KEY}).decode(octets),
    ):
        inner = telegram.contained[0].telegram
        assert inner.security is not None
        assert inner.security.state == "decrypted"
        assert inner.records[0].value_text == "28504.27 m³"
        assert KEY not in telegram.to_json().upper()
    closed = decode(octets).contained[0].telegram
    assert closed.security is not None
    assert (closed.security.state, closed.records) == ("encrypted", ())


def test_json_and_back() -> None:
    telegram = decode(container(FORMAT_B))
    values = json.loads(telegram.to_json())
    assert values["contained"][0]["record"] == 0
    assert values["contained"][0]["telegram"]["meter"]["manufacturer"] == "CEN"
    assert Telegram.from_dict(values) == telegram
    assert encode(values) == encode(telegram) == container(FORMAT_B)


@pytest.mark.parametrize("octets", ["010203", FORMAT_B[:-2] + "00", "00" * 20])
def test_what_is_no_telegram_is_remarked(octets: str) -> None:
    telegram = decode(container(octets))
    assert telegram.records[0].value == bytes.fromhex(octets)
    assert telegram.records[1].value == "11223344"
    if telegram.contained:  # a damaged CRC of format B reads as data without one: said in the inner telegram
        assert telegram.contained[0].telegram.worst == "error"
    else:
        (remark,) = telegram.diagnostics
        assert (remark.severity, remark.code, remark.record) == ("warning", "container", 0)


def test_in_a_telegram_by_radio_too() -> None:
    mapping = {
        "link": "wireless",
        "meter": {"identification_number": "12345678", "manufacturer": "ELS", "version": 1, "device_type": 7},
        "frame": {"format": "A"},
        "security": {"mode": 5},
        "records": [{"dib": "0D", "vib": "FD3B", "data": f"{len(FORMAT_B) // 2:02X}{FORMAT_B}"}],
    }
    telegram = decode(encode(mapping, keys=KEY), keys=KEY)
    assert telegram.contained[0].telegram.records[0].value_text == "876.543 m³"

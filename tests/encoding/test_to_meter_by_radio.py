"""Telegrams that are sent to a meter by radio: the link layer has the sender's address, not the meter's."""

from __future__ import annotations

from typing import Any

import pytest

from mbus_construct import BuildError, Telegram, decode, encode

METER = {"identification_number": "12345678", "manufacturer": "ELS", "version": 51, "device_type": 3}
GATEWAY = {"identification_number": "00000001", "manufacturer": "XYZ", "version": 1, "device_type": 0x31}


def command(ci_field: int, **more: Any) -> bytes:
    frame = {"c_field": "SND_UD", "address": GATEWAY, "ci_field": ci_field}
    records = [{"quantity": "volume", "unit": "m³", "value": 1}]
    return encode({"link": "wireless", "frame": frame, "records": records, **more})


@pytest.mark.parametrize(
    ("ci_field", "more", "meter"),
    [
        (0x5A, {}, None),
        (0x5A, {"ell": {"ci_field": 0x8C}}, None),
        (0x5A, {"ell": {"ci_field": 0x8E, "receiver": METER}}, METER),
        (0x5B, {"meter": METER}, METER),
        (0x51, {}, None),
    ],
)
def test_whose_they_are(ci_field: int, more: dict[str, Any], meter: dict[str, Any] | None) -> None:
    octets = command(ci_field, **more)
    telegram = decode(octets)
    found = None if telegram.meter is None else telegram.meter.to_dict()
    assert (found and {key: found[key] for key in METER}) == meter  # type: ignore[literal-required]
    assert telegram.frame.address is not None
    assert telegram.frame.address.identification_number == "00000001"
    assert [record.value_text for record in telegram.records] == ["1 m³"]
    assert encode(telegram) == octets
    assert Telegram.from_json(telegram.to_json()) == telegram


def test_a_short_header_has_no_room_for_a_meter() -> None:
    with pytest.raises(BuildError, match="whom it is for"):
        command(0x5A, meter=METER)


def test_from_a_meter_the_sender_is_the_meter() -> None:
    with pytest.raises(BuildError, match="the meter is who sends"):
        encode({"link": "wireless", "frame": {"address": GATEWAY, "ci_field": 0x7A}, "meter": METER})

"""Nothing of a mapping is left out without a word: it comes back from the octets, or is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from mbus_construct import BuildError, decode, encode

METER = {"identification_number": "12345678", "manufacturer": "PAD", "version": 1, "device_type": 7}
ENERGY = {"quantity": "energy", "unit": "Wh", "value": 1}
LAYERS = {0x77, 0x8C, 0x8D, 0x8E, 0x8F, 0x90}  # the CI fields of ELL, AFL, and of a structure with counters
USER_DATA: list[Any] = [
    None,
    {"payload": "0102"},
    {"alarm_flags": "05"},
    {"format_signature": 1, "full_frame_crc": 2, "payload": "0102"},
    {"length": 2, "format_signature": 1, "payload": "01"},
]
PARTS: dict[str, Any] = {
    "meter": METER,
    "access_number": 0,
    "status": 0,
    "configuration_field": 3,
    "records": [ENERGY],
    "special_functions": [{"before_record": 0, "octets": "3F"}],
    "manufacturer_data": "",
    "more_records_follow": True,
    "user_data": {"alarm_flags": "0A"},
    "encrypted": "00" * 16,
    "ell": {"ci_field": 0x8C, "access_number": 3},
    "afl": {"mac": "00" * 8, "message_control": 0x25},
    "security": {"message_counter": 5},
    "manufacturer_fields": {"value": 1},
    "frame.address": METER,
    "frame.a_field": 7,
}


def bases(link: str) -> dict[int, dict[str, Any]]:
    """The least that makes a telegram of each CI field."""
    found: dict[int, dict[str, Any]] = {}
    rest: dict[str, Any] = {"c_field": 8, "a_field": 1} if link == "frame" else {"address": METER}
    for ci_field in range(256):
        frame = {**rest, "ci_field": ci_field}
        for values in (
            {"link": link, "frame": frame, "meter": meter, "user_data": user_data}
            for user_data in USER_DATA
            for meter in (None, METER)
        ):
            try:
                encode(values)
            except BuildError:
                continue
            found[ci_field] = values
            break
    return found


@pytest.mark.parametrize("link", ["frame", "wireless"])
def test_every_ci_field_with_every_part(link: str) -> None:
    telegrams = bases(link)
    assert set(range(256)) - set(telegrams) == LAYERS
    for ci_field, base in telegrams.items():
        for name, part in PARTS.items():
            group, _, key = name.partition(".")
            given = {**base, group: {**base[group], key: part} if key else part}
            try:
                octets = encode(given)
            except BuildError as error:
                words = {group, *(part if isinstance(part, dict) else ())}
                assert words & {*error.field.replace("[", ".").split(".")}, (ci_field, name, error)
                assert error.limit
                continue
            told: Any = decode(octets, link=link).to_dict()
            found = told[group][key] if key else told[group]
            if name == "records" and "format_signature" in (told["user_data"] or {}):
                found = told["user_data"]["payload"]
            kept = found is not None and found is not False and found not in ([], {})
            assert kept, (ci_field, name, octets.hex())


@pytest.mark.parametrize("ci_field", [0x78, 0x51, 0x70, 0x71])
def test_a_meter_without_a_long_header(ci_field: int) -> None:
    records = [ENERGY] if ci_field in (0x78, 0x51) else []
    user_data = {"alarm_flags": "05"} if ci_field == 0x71 else None
    frame = {"c_field": "SND_UD" if ci_field == 0x51 else "RSP_UD", "a_field": 1, "ci_field": ci_field}
    values = {"meter": METER, "frame": frame, "records": records, "user_data": user_data}
    with pytest.raises(BuildError, match=f"left out: CI {ci_field:02X}h has no place for it") as caught:
        encode(values)
    assert caught.value.field == "meter"
    by_radio = {**values, "link": "wireless", "frame": {"ci_field": ci_field}}
    if ci_field != 0x51:  # what is sent to a meter names it in the extended link layer
        assert (
            decode(encode(by_radio), link="wireless").to_dict()["meter"]["identification_number"]
            == "12345678"
        )


@pytest.mark.parametrize(
    ("link", "part"),
    [
        ("records", {"meter": METER}),
        ("records", {"access_number": 0}),
        ("records", {"frame": {"c_field": 8}}),
        ("header", {"meter": METER, "frame": {"a_field": 1}}),
        ("header", {"meter": METER, "ell": {"ci_field": 0x8C}}),
        ("ci_field", {"frame": {"ci_field": 0x78, "a_field": 1}}),
        ("c_field", {"frame": {"c_field": 8, "a_field": 1, "ci_field": 0x78, "address": METER}}),
    ],
)
def test_parts_of_a_frame_without_frame(link: str, part: dict[str, Any]) -> None:
    with pytest.raises(BuildError, match="left out"):
        encode({"link": link, "records": [ENERGY], **part})


@pytest.mark.parametrize("name", [name for name in PARTS if "." not in name])
def test_a_short_frame_holds_nothing(name: str) -> None:
    values = {"frame": {"format": "short", "c_field": "REQ_UD2", "a_field": 1}, name: PARTS[name]}
    with pytest.raises(BuildError) as caught:
        encode({"link": "frame", **values})
    assert caught.value.field.startswith(name)

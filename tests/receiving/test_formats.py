"""Compact frames: rebuilt from formats that full frames and format frames taught. EN 13757-3:2018 Annex G."""

from __future__ import annotations

import copy
import json
import pickle
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbus_construct.errors import LocalProtocolError
from mbus_construct.receiving.formats import Formats, Place, compact, format_frame
from mbus_grammars import BuildError, DecodeError
from mbus_grammars.crc import crc
from mbus_grammars.record import RecordsFromMeter
from strategies import record_areas

METER = ("ELS", 0x33, 3)
OTHER = ("ELS", 0x34, 3)

# EN 13757-3:2018 G.5.2 (E70): 123.4 Wh, 567.8 m3, 901.2 W.
FULL = bytes.fromhex("0202D204 02152E16 022A3423")
FORMAT = bytes.fromhex("08 313B 0202 0215 022A")
COMPACT = bytes.fromhex("313B 42A6 D204 2E16 3423")
SIGNATURE, FULL_CRC, DATA = 0x3B31, 0xA642, COMPACT[4:]


def learned(*areas: bytes, limit: int = 64) -> Formats:
    """Formats that the meter's full frames taught."""
    formats = Formats(limit)
    for area in areas:
        assert formats.learn(METER, area) is not None
    return formats


def area_of(number: int) -> bytes:
    """One record; a storage number of its own makes it a format of its own."""
    return RecordsFromMeter.build(
        [{"dib": {"data_field": 2, "storage_number": number}, "vib": {"vif": 0x13}, "data": number}]
    )


# --- Both ways -----------------------------------------------------------------------------------


def test_the_example_of_the_standard_is_built() -> None:
    assert compact(FULL) == COMPACT
    assert format_frame(FULL) == FORMAT


def test_the_example_is_rebuilt_once_a_full_frame_was_seen() -> None:
    formats = Formats()
    assert formats.full(METER, SIGNATURE, FULL_CRC, DATA).state == "unknown_signature"
    assert formats.learn(METER, FULL) == SIGNATURE
    full = formats.full(METER, SIGNATURE, FULL_CRC, DATA)
    assert (full.state, full.records, full.reason, full.offset) == ("ok", FULL, None, None)
    assert full.places == (Place(0, 2, 4, 0), Place(4, 6, 8, 2), Place(8, 10, 12, 4))


def test_the_example_is_rebuilt_once_a_format_frame_was_seen() -> None:
    formats = Formats()
    formats.learn_format(METER, SIGNATURE, FORMAT[3:])
    assert formats.full(METER, SIGNATURE, FULL_CRC, DATA).records == FULL


def test_a_format_is_one_meter_types() -> None:
    full = learned(FULL).full(OTHER, SIGNATURE, FULL_CRC, DATA)
    assert (full.state, full.records) == ("unknown_signature", b"")
    assert full.reason is not None
    assert "3B31h" in full.reason


def test_meters_whose_type_nobody_says_have_formats_of_their_own() -> None:
    formats = Formats()
    assert formats.learn(None, FULL) == SIGNATURE
    assert formats.full(None, SIGNATURE, FULL_CRC, DATA).state == "ok"
    assert formats.full(METER, SIGNATURE, FULL_CRC, DATA).state == "unknown_signature"


def is_malformed(area: list[dict[str, Any]]) -> bool:
    """Whether there is an item that no format can have: a chain too long, a reserved special function."""
    return any("malformed" in item or item.get("dif", 0x2F) not in (0x2F, 0x0F, 0x1F) for item in area)


@given(record_areas())
def test_any_record_area_survives(area: list[dict[str, Any]]) -> None:
    octets = RecordsFromMeter.build(area)
    records = [item for item in area if "dib" in item]
    formats = Formats()
    signature = formats.learn(METER, octets)
    if is_malformed(area) or not records:
        assert signature is None
        assert not formats
        for build in (compact, format_frame):
            with pytest.raises(BuildError, match="records"):
                build(octets)
        return
    bare = RecordsFromMeter.build(records)
    assert formats.learn(METER, bare) == signature
    assert compact_parts(bare)[0] == signature
    full = formats.full(METER, *compact_parts(bare))
    assert (full.state, full.records) == ("ok", bare)
    data = compact(bare)[4:]
    for place in full.places:
        assert bare[place.data : place.end] == data[place.source :][: place.end - place.data]
    assert_the_format_frame_teaches_the_same(bare, signature)


def compact_parts(octets: bytes) -> tuple[int, int, bytes]:
    """Signature, CRC and data of the compact frame of a record area."""
    frame = compact(octets)
    return int.from_bytes(frame[:2], "little"), int.from_bytes(frame[2:4], "little"), frame[4:]


def assert_the_format_frame_teaches_the_same(octets: bytes, signature: int | None) -> None:
    try:
        frame = format_frame(octets)
    except BuildError as error:
        assert "253 octets" in error.limit
        return
    assert frame[0] == len(frame) - 1
    formats = Formats()
    formats.learn_format(METER, int.from_bytes(frame[1:3], "little"), frame[3:])
    assert signature == int.from_bytes(frame[1:3], "little")
    assert formats.full(METER, *compact_parts(octets)).records == octets


def test_lengths_of_variable_data_are_data_and_units_are_headers() -> None:
    text = bytes.fromhex("0D FD 11 03 43 42 41")
    assert compact(text)[4:] == text[3:]
    own_unit = bytes.fromhex("02 7C 03 6C 61 42 39 30")  # "Bal"
    assert compact(own_unit)[4:] == own_unit[-2:]
    formats = learned(text)
    longer = text[:3] + bytes.fromhex("05 45 44 43 42 41")
    assert formats.full(METER, *compact_parts(longer)).records == longer


# --- Fillers and manufacturer data ---------------------------------------------------------------


def test_fillers_and_manufacturer_data_are_not_in_the_signature() -> None:
    filled = b"\x2f\x2f" + FULL[:4] + b"\x2f" + FULL[4:] + b"\x2f"
    for octets in (filled, FULL + b"\x0f\x01\x02", filled + b"\x1f", FULL + b"\x2f\x0f"):
        assert Formats().learn(METER, octets) == SIGNATURE
        assert format_frame(octets) == FORMAT
    assert compact(filled) == COMPACT


def test_a_compact_frame_has_no_room_for_manufacturer_data() -> None:
    for tail in (b"\x0f", b"\x1f", b"\x0f\x2f", b"\x2f\x0f\x01"):
        with pytest.raises(BuildError, match="no room for manufacturer data"):
            compact(FULL + tail)


def test_fillers_behind_the_data_are_encryptions() -> None:
    assert learned(FULL).full(METER, SIGNATURE, FULL_CRC, DATA + b"\x2f" * 6).records == FULL


def test_fillers_in_a_format_frame_are_no_headers() -> None:
    formats = Formats()
    formats.learn_format(METER, SIGNATURE, b"\x2f" + FORMAT[3:] + b"\x2f\x2f")
    assert formats.full(METER, SIGNATURE, FULL_CRC, DATA).records == FULL


# --- Damage --------------------------------------------------------------------------------------


def test_data_that_are_too_short_give_the_records_that_are_there() -> None:
    formats = learned(FULL)
    for end in range(len(DATA)):
        full = formats.full(METER, SIGNATURE, FULL_CRC, DATA[:end])
        assert (full.state, full.offset) == ("data_too_short", end)
        assert full.records == FULL[: 4 * (end // 2)]
        assert len(full.places) == end // 2
        assert f"record {end // 2 + 1} of 3" in str(full.reason)


def test_data_that_are_too_long_say_where() -> None:
    full = learned(FULL).full(METER, SIGNATURE, FULL_CRC, DATA + b"\x00\x2f")
    assert (full.state, full.offset, full.records) == ("data_too_long", 6, FULL)
    assert "2 octets" in str(full.reason)


@given(st.integers(0, 8 * len(DATA) - 1))
def test_every_single_bit_of_the_data_is_covered_by_the_crc(bit: int) -> None:
    number = int.from_bytes(DATA, "little") ^ 1 << bit
    full = learned(FULL).full(METER, SIGNATURE, FULL_CRC, number.to_bytes(len(DATA), "little"))
    assert full.state == "full_frame_crc"
    assert full.records != FULL
    assert "A642h" in str(full.reason)


def test_an_lvar_octet_that_is_reserved_ends_it() -> None:
    text = bytes.fromhex("0D FD 11 03 43 42 41") + FULL
    formats = learned(text)
    signature, full_crc, data = compact_parts(FULL[:4] + text)
    assert formats.learn(METER, FULL[:4] + text) == signature
    full = formats.full(METER, signature, full_crc, data[:2] + b"\xfa" + data[3:])
    assert (full.state, full.offset, full.records) == ("lvar_reserved", 2, FULL[:4])
    assert "LVAR FAh of record 2 of 5" in str(full.reason)


@pytest.mark.parametrize(
    "octets",
    [
        "",
        "2F 2F",
        "0F 01 02",
        "02",
        "02 13",
        "02 13 01",
        "0D 13",
        "0D 13 F9",
        "0D 13 02 41",
        "02 13 00 00 3F",
        "7F",
    ],
)
def test_areas_that_cannot_be_read_teach_nothing(octets: str) -> None:
    formats = Formats()
    area = bytes.fromhex(octets)
    for _ in range(2):
        assert formats.learn(METER, area) is None
    assert not formats
    with pytest.raises(BuildError, match="records"):
        compact(area)


@pytest.mark.parametrize(
    ("signature", "headers", "message"),
    [
        (0x3B30, FORMAT[3:], "3B30h is not that of the headers, 3B31h"),
        (SIGNATURE, FORMAT[3:-2], "is not that of the headers"),
        (crc(b""), b"", "no header"),
        (crc(b"\x2f"), b"\x2f", "no header"),
        (crc(b"\x02"), b"\x02", "header 1 of the format"),
        (crc(b"\x02\x13\x82"), b"\x02\x13\x82", "header 2 of the format"),
        (crc(b"\x3f\x13"), b"\x3f\x13", "special function"),
        (crc(b"\x82" + b"\x80" * 10 + b"\x00\x13"), b"\x82" + b"\x80" * 10 + b"\x00\x13", "11 DIFEs, 10 are"),
    ],
)
def test_format_frames_are_checked(signature: int, headers: bytes, message: str) -> None:
    formats = Formats()
    with pytest.raises(DecodeError, match=message) as caught:
        formats.learn_format(METER, signature, headers)
    assert caught.value.code == "format_signature"
    assert not formats


@given(st.integers(0, 65535), st.binary(max_size=30), st.binary(max_size=30))
def test_any_octets_give_states_and_our_errors(signature: int, first: bytes, second: bytes) -> None:
    formats = Formats()
    learned_signature = formats.learn(METER, first)
    assert (learned_signature is None) == (len(formats) == 0)
    if learned_signature is not None:
        full = formats.full(METER, learned_signature, signature, second)
        assert (full.reason is None) == (full.state == "ok")
        assert [full.records[place.data : place.end] for place in full.places] == [
            second[place.source :][: place.end - place.data] for place in full.places
        ]
    with pytest.raises(DecodeError):
        formats.learn_format(METER, crc(first) ^ 1, first)


def test_headers_too_long_for_a_format_frame_are_refused() -> None:
    area = bytes.fromhex("02 13 00 00") * 126
    assert format_frame(area)[0] == 254
    with pytest.raises(BuildError, match="up to 253 octets"):
        format_frame(area + bytes.fromhex("02 13 00 00"))


# --- Learning again ------------------------------------------------------------------------------


def test_known_layouts_are_told_apart() -> None:
    """Of one length: other headers, other lengths of text, a tail whose octets are no records."""
    areas = [FULL, FULL[:8] + b"\x02\x2b" + FULL[10:], bytes.fromhex("0DFD11 03 434241 0213 0100 2F")]
    areas += [bytes.fromhex("0DFD11 02 4342 0213 0100 2F2F"), FULL[:8] + b"\x0f\x02\x13\x00"]
    areas += [FULL[:8] + b"\x1f\x02\x13\x00", b"\x2f\x2f\x2f\x2f" + FULL[:8]]
    alone = [Formats().learn(METER, area) for area in areas]
    assert {len(area) for area in areas} == {12}
    formats = Formats()
    for _ in range(3):
        assert [formats.learn(METER, area) for area in areas] == alone
    assert alone[0] == SIGNATURE
    assert len(formats) == len(set(alone)) == 4


def test_other_data_are_the_same_layout() -> None:
    formats = learned(FULL)
    for data in (b"\xff\xff", b"\x2f\x2f", b"\x00\x0f"):
        area = FULL[:2] + data + FULL[4:]
        assert formats.learn(METER, area) == SIGNATURE
        assert formats.full(METER, *compact_parts(area)).records == area
    assert len(formats) == 1


def test_the_last_of_two_formats_with_one_signature_counts() -> None:
    """16 bits are soon found twice; where headers differ in two records, the CRC of the full frame tells them."""
    wanted = crc(bytes.fromhex("0213 022B"))
    dibs = (
        bytes([0x82, *(0x80 | n >> shift & 15 for shift in (0, 4, 8, 12)), n >> 16]) for n in range(1 << 20)
    )
    other = next(dib for dib in dibs if crc(b"\x02\x14" + dib + b"\x2b") == wanted)
    one, two = bytes.fromhex("0213 0100 022B 0200"), b"\x02\x14\1\0" + other + b"\x2b\2\0"
    formats = learned(one, two)
    for first, second in ((two, one), (one, two)):
        assert formats.learn(METER, first) == wanted
        assert formats.full(METER, *compact_parts(first)).records == first
        assert formats.full(METER, *compact_parts(second)).state == "full_frame_crc"
    assert len(formats) == 1


# --- Bounds --------------------------------------------------------------------------------------


def test_what_was_not_used_for_the_longest_time_is_forgotten() -> None:
    areas = [area_of(number) for number in range(6)]
    formats = learned(*areas[:3], limit=3)
    assert formats.full(METER, *compact_parts(areas[0])).state == "ok"  # used
    assert formats.learn(METER, areas[1]) is not None  # seen again
    for area in areas[3:5]:
        formats.learn(METER, area)
    states = [formats.full(METER, *compact_parts(area)).state for area in areas]
    unknown = "unknown_signature"
    assert states == [unknown, "ok", unknown, "ok", "ok", unknown]
    assert len(formats) == 3


def test_what_was_forgotten_is_learned_again() -> None:
    formats = learned(*map(area_of, range(3)), limit=2)
    assert formats.full(METER, *compact_parts(area_of(0))).state == "unknown_signature"
    assert formats.learn(METER, area_of(0)) is not None
    assert formats.full(METER, *compact_parts(area_of(0))).state == "ok"


def test_all_that_is_remembered_is_bounded() -> None:
    formats = Formats(limit=8)
    for number in range(200):
        formats.learn(METER, area_of(number) + b"\x0f" + bytes(number))
    assert len(formats) == 8
    assert len(formats._known) <= 8
    assert sum(map(len, formats._known.values())) <= 4 * 8
    with pytest.raises(ValueError, match="at least 1"):
        Formats(limit=0)


# --- Saving --------------------------------------------------------------------------------------


def some() -> Formats:
    """Formats of three meter types."""
    formats = learned(FULL, bytes.fromhex("0D 7C 03 6C 61 42 02 41 41"))
    formats.learn(("FFFF", 0, 255), FULL)
    formats.learn(None, FULL)
    return formats


def test_saved_formats_come_back(tmp_path: Path) -> None:
    formats, file = some(), tmp_path / "formats.json"
    formats.save(file)
    loaded = Formats.load(str(file))
    assert loaded.to_dict() == formats.to_dict()
    assert loaded.full(METER, SIGNATURE, FULL_CRC, DATA).records == FULL
    assert [item.name for item in tmp_path.iterdir()] == [file.name]
    assert json.loads(file.read_text())["formats"][0] == {
        "manufacturer": "ELS",
        "version": 51,
        "device_type": 3,
        "signature": "3B31",
        "headers": "0202 0215 022A",
    }


def test_the_ones_used_last_are_kept_where_fewer_have_room() -> None:
    formats = learned(*map(area_of, range(5)))
    formats.learn(METER, area_of(1))
    loaded = Formats.from_dict(formats.to_dict(), limit=2)
    assert loaded.to_dict()["formats"] == formats.to_dict()["formats"][-2:]


def test_formats_can_be_copied_and_sent_to_workers() -> None:
    for other in (copy.deepcopy(some()), pickle.loads(pickle.dumps(some()))):  # noqa: S301
        assert other.to_dict() == some().to_dict()
        assert repr(other) == "<Formats: 4 of at most 64>"
        assert other.learn(METER, FULL) == SIGNATURE


def saved(**changes: Any) -> dict[str, Any]:
    """A saved format with changes; "absent" takes an entry away."""
    given: dict[str, Any] = learned(FULL).to_dict()
    (entry,) = given["formats"]
    given["formats"] = [{key: value for key, value in (entry | changes).items() if value != "absent"}]
    return given


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        (None, "no formats"),
        ([], "no formats"),
        ({}, "no formats"),
        ({"version": 1, "formats": "x"}, "no formats"),
        ({"version": 2, "formats": []}, "version 2, known is 1"),
        ({"formats": []}, "version None"),
        ({"version": 1, "formats": ["x"]}, "format 1 is damaged"),
        (saved(signature="3B30"), "3B30h is not that of the headers, 3B31h"),
        (saved(signature="0x3B"), "its signature does not fit"),
        (saved(signature=None), "its signature does not fit"),
        (saved(headers="0202 0215 02"), "header 3"),
        (saved(headers="0202 0215 022"), "format 1 is damaged"),
        (saved(headers="absent"), "its headers does not fit"),
        (saved(manufacturer="els"), "manufacturer"),
        (saved(manufacturer="absent"), "manufacturer"),
        (saved(version=256), "version is no number"),
        (saved(version=True), "version is no number"),
        (saved(device_type="3"), "device_type is no number"),
    ],
)
def test_damaged_formats_are_refused(given_: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(LocalProtocolError, match=message):
        Formats.from_dict(given_)
    file = tmp_path / "damaged.json"
    file.write_text(json.dumps(given_))
    with pytest.raises(LocalProtocolError, match=message) as caught:
        Formats.load(file)
    assert "damaged.json" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("octets", [b"", b"{", b"\xff\xfe", b'{"version": 1, "forma', b"[" * 100_000])
def test_files_that_are_no_json_are_refused(octets: bytes, tmp_path: Path) -> None:
    file = tmp_path / "formats.json"
    file.write_bytes(octets)
    with pytest.raises(LocalProtocolError, match="is no JSON: give a file"):
        Formats.load(file)
    with pytest.raises(FileNotFoundError):
        Formats.load(tmp_path / "none.json")


def test_a_save_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "formats.json"
    some().save(file)
    before = file.read_bytes()

    def full_disk(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        learned(FULL).save(file)
    assert file.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == [file.name]


def test_a_saved_file_has_the_usual_rights(tmp_path: Path) -> None:
    usual = tmp_path / "usual"
    usual.write_text("")
    some().save(tmp_path / "formats.json")
    rights = [stat.S_IMODE(path.stat().st_mode) for path in (usual, tmp_path / "formats.json")]
    assert rights[0] == rights[1]


# --- Threads -------------------------------------------------------------------------------------


def test_threads_share_formats(tmp_path: Path) -> None:
    """More formats than there is room for: each state is "ok" or "unknown_signature", nothing is mixed up."""
    formats = Formats(limit=16)
    areas = [area_of(number) for number in range(40)]
    file = tmp_path / "formats.json"

    def work(seed: int) -> set[str]:
        states = set()
        for step in range(400):
            area = areas[(seed + step * 7) % len(areas)]
            assert formats.learn(METER, area) == compact_parts(area)[0]
            full = formats.full(METER, *compact_parts(area))
            states.add(full.state)
            assert full.records == (area if full.state == "ok" else b"")
            if step % 100 == 0:
                formats.save(file)
                assert len(Formats.load(file)) <= 40
        return states

    with ThreadPoolExecutor(8) as pool:
        states = set().union(*pool.map(work, range(8)))
    assert "ok" in states
    assert states <= {"ok", "unknown_signature"}
    assert len(formats) == 16

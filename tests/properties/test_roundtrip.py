"""What is built parses to the same values, what is parsed builds the same octets; only our errors escape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, reject
from hypothesis import strategies as st

import strategies as write
from amounts import examples
from helpers import plain, with_check_sum
from mbus_grammars import (
    DIB,
    FROM_METER,
    TO_METER,
    VIB,
    ApplicationLayer,
    BuildError,
    DataRecord,
    DataRecords,
    DataRecordsToMeter,
    DataRecordToMeter,
    DecodeError,
    FixedData,
    Frame,
    LinkUserData,
    MBusError,
    Selection,
    VariableLength,
    WirelessFrame,
)
from mbus_grammars.application import USER_DATA, WIRELESS_USER_DATA
from mbus_grammars.crc import crc
from mbus_grammars.layers import AFL_CI_FIELD, ELL_CI_FIELDS
from mbus_grammars.security import WIRED, WIRELESS, Security
from vectors import FRAMES


def outcome(function: Callable[[Any], Any], given: Any) -> Any:
    """What the function gives, or the error of ours that it raises."""
    try:
        return function(given)
    except MBusError as error:
        return error


def without_offsets(value: Any) -> Any:
    """Where a fault was noticed depends on what stands before it, which the writer does not know."""
    if isinstance(value, dict):
        drop = {"offset"} if "malformed" in value else set()
        return {key: without_offsets(item) for key, item in value.items() if key not in drop}
    if isinstance(value, list):
        return [without_offsets(item) for item in value]
    return value


def assert_written_and_read(grammar: Any, value: Any) -> None:
    octets = grammar.build(value)
    parsed = grammar.parse(octets)
    read = without_offsets(plain(parsed))
    if isinstance(value, dict):
        read = {key: item for key, item in read.items() if key in value}
    assert read == value
    assert grammar.build(parsed) == octets


@given(write.dibs())
def test_dibs(value: dict[str, int]) -> None:
    assert_written_and_read(DIB, value)


@given(write.vibs())
def test_vibs(value: dict[str, Any]) -> None:
    assert_written_and_read(VIB, value)


@pytest.mark.parametrize(("grammar", "direction"), [(DataRecord, FROM_METER), (DataRecordToMeter, TO_METER)])
@given(data=st.data())
def test_data_records(grammar: Any, direction: str, data: st.DataObject) -> None:
    assert_written_and_read(grammar, data.draw(write.data_records(direction)))


@pytest.mark.parametrize(
    ("grammar", "direction"), [(DataRecords, FROM_METER), (DataRecordsToMeter, TO_METER)]
)
@given(data=st.data())
def test_record_areas(grammar: Any, direction: str, data: st.DataObject) -> None:
    assert_written_and_read(grammar, data.draw(write.record_areas(direction)))


@given(write.variable_length("text", "B"))
def test_variable_length(value: dict[str, Any]) -> None:
    assert_written_and_read(VariableLength, value)


@given(write.fixed_data())
def test_fixed_data(value: dict[str, Any]) -> None:
    assert_written_and_read(FixedData, value)


@pytest.mark.parametrize("ci_field", range(256), ids="{:02X}".format)
@examples(5)
@given(data=st.data())
def test_every_ci_field(ci_field: int, data: st.DataObject) -> None:
    value = {"ci_field": ci_field, "user_data": data.draw(write.user_data(ci_field))}
    assert_written_and_read(ApplicationLayer, value)


@pytest.mark.parametrize("ci_field", range(256), ids="{:02X}".format)
@examples(5)
@given(data=st.data())
def test_every_ci_field_by_radio(ci_field: int, data: st.DataObject) -> None:
    value = data.draw(write.user_data(ci_field, WIRELESS))
    assert_written_and_read(WIRELESS_USER_DATA[ci_field], value)


@pytest.mark.parametrize("ci_field", [*ELL_CI_FIELDS, AFL_CI_FIELD], ids="{:02X}".format)
@pytest.mark.parametrize("security", [WIRED, WIRELESS], ids=["wired", "wireless"])
@given(data=st.data())
def test_layers(ci_field: int, security: Security, data: st.DataObject) -> None:
    table = WIRELESS_USER_DATA if security.wireless else USER_DATA
    assert_written_and_read(table[ci_field], data.draw(write.user_data(ci_field, security)))


@examples(1000)
@given(write.wireless_frames())
def test_wireless_frames(value: dict[str, Any]) -> None:
    octets = outcome(WirelessFrame.build, value)
    if isinstance(octets, BuildError):
        assert octets.limit.endswith(f"in frame format {value['frame_format']}")
        reject()
    # One in 65536 CRC-less frames ends with what would be the CRC of format B, and is read as such.
    assume(value["frame_format"] != "CRC-less" or crc(octets[:-2]).to_bytes(2, "big") != octets[-2:])
    assert_written_and_read(WirelessFrame, value)


@examples(1000)
@given(write.wireless_frames(), st.data())
def test_wireless_frames_with_wrong_octets(value: dict[str, Any], data: st.DataObject) -> None:
    """Damage that no CRC covers."""
    built = outcome(WirelessFrame.build, {**value, "frame_format": "CRC-less"})
    assume(isinstance(built, bytes))
    octets = bytearray(built)
    for _ in range(data.draw(st.integers(1, 3))):
        octets[data.draw(st.integers(1, len(octets) - 1))] = data.draw(write.octet)
    assert_identity_or_our_error(WirelessFrame, bytes(octets))


@examples(1500)
@given(write.frames)
def test_frames(value: dict[str, Any]) -> None:
    octets = outcome(Frame.build, value)
    if isinstance(octets, BuildError):
        assert octets.limit == "at most 252 octets"
        reject()
    assert_written_and_read(Frame, value)
    assert octets == with_check_sum(octets)


@examples(1500)
@given(write.frames, st.data())
def test_frames_with_wrong_octets(value: dict[str, Any], data: st.DataObject) -> None:
    """Damage that the check sum covers: accepted frames build back, refused ones raise our errors only."""
    built = outcome(Frame.build, value)
    assume(isinstance(built, bytes))
    octets = bytearray(built)
    for _ in range(data.draw(st.integers(1, 3))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(write.octet)
    assert_identity_or_our_error(Frame, with_check_sum(bytes(octets)))


def assert_identity_or_our_error(grammar: Any, octets: bytes) -> None:
    parsed = outcome(grammar.parse, octets)
    if isinstance(parsed, MBusError):
        assert isinstance(parsed, DecodeError)
        assert parsed.offset is not None
        assert 0 <= parsed.offset <= len(octets)
        return
    built = grammar.build(parsed)
    assert octets[: len(built)] == built
    assert grammar.build(plain(parsed)) == built


GREEDY = [ApplicationLayer, LinkUserData, DataRecords, DataRecordsToMeter, Selection]


@pytest.mark.parametrize(
    "grammar",
    [Frame, WirelessFrame, DIB, VIB, DataRecord, DataRecordToMeter, VariableLength, FixedData, *GREEDY],
)
@given(octets=st.binary(max_size=60))
def test_arbitrary_octets(grammar: Any, octets: bytes) -> None:
    assert_identity_or_our_error(grammar, octets)


@pytest.mark.parametrize("grammar", GREEDY)
@given(octets=st.binary(min_size=1, max_size=120))
def test_nothing_is_left_behind(grammar: Any, octets: bytes) -> None:
    """What reads to the end keeps every octet."""
    try:
        parsed = grammar.parse(octets)
    except DecodeError:
        return
    assert grammar.build(parsed) == octets


@given(user_data=st.binary(max_size=252), ci_field=write.ci_fields, c_field=write.octet)
def test_arbitrary_user_data_never_costs_the_frame(user_data: bytes, ci_field: int, c_field: int) -> None:
    octets = with_check_sum(bytes([0x68, 0, 0, 0x68, c_field, 1, ci_field]) + user_data + b"\x00\x16")
    assert Frame.build(Frame.parse(octets)) == octets


@given(first=st.sampled_from(FRAMES), second=st.sampled_from(FRAMES), data=st.data())
def test_frames_grown_together(first: bytes, second: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(first))), data.draw(st.integers(0, len(second)))
    octets = (first[: cut[0]] + second[cut[1] :])[:261]
    assert_identity_or_our_error(Frame, with_check_sum(octets))


_junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_FIELDS = st.sampled_from(
    [
        "start",
        "c_field",
        "a_field",
        "ci_field",
        "user_data",
        "header",
        "records",
        "status",
        "dib",
        "vib",
        "data",
        "dif",
        "communication_control",
        "fragmentation_control",
        "session_number",
        "security",
        "encrypted",
    ]
)
_shaped = st.recursive(
    _junk, lambda inner: st.dictionaries(_FIELDS, inner | st.lists(inner, max_size=2), max_size=5)
)


@examples(500)
@given(value=_shaped)
def test_junk_as_values_raises_build_errors_only(value: Any) -> None:
    for grammar in (
        Frame,
        WirelessFrame,
        ApplicationLayer,
        DataRecords,
        DataRecord,
        VariableLength,
        FixedData,
        Selection,
        DIB,
        VIB,
    ):
        error = outcome(grammar.build, value)
        if isinstance(error, MBusError):
            assert isinstance(error, BuildError)
            assert error.limit
            assert str(error)


@pytest.mark.parametrize(
    ("grammar", "frames"),
    [(Frame, write.long_frames()), (WirelessFrame, write.wireless_frames())],
    ids=["wired", "wireless"],
)
@examples(1000)
@given(junk=_junk, data=st.data())
def test_junk_in_one_place_names_a_field(grammar: Any, frames: Any, junk: Any, data: st.DataObject) -> None:
    """A good frame with one value replaced: it builds, or the error says where."""
    value = data.draw(frames)
    place: Any = value
    while True:
        keys = sorted(place) if isinstance(place, dict) else range(len(place))
        key = data.draw(st.sampled_from(list(keys)))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.integers(0, 3)) == 0:
            break
        place = place[key]
    place[key] = junk
    error = outcome(grammar.build, value)
    if isinstance(error, MBusError):
        assert isinstance(error, BuildError)
        assert error.field

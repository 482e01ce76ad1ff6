"""`Telegram.from_dict`: what `to_dict` gave, what was changed since, and what is none of it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbus_construct import BuildError, Telegram, decode, encode
from telegrams import README_TELEGRAM, response
from vectors import FRAMES

FIXED = "68 13 13 68 08 05 73 78 56 34 12 0A 00 E9 7E 01 00 00 00 35 01 00 00 3C 16"
SHAPES: list[Any] = [
    decode(octets).to_dict()
    for octets in (
        README_TELEGRAM,
        FIXED,
        *FRAMES,
        response("2F 04 13 01 00 00 00 2F 0C 13 1A 00 00 00 04 13 01"),
    )
]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths to everything in a nested value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


def changed(shape: Any, path: tuple[Any, ...], new: Any) -> Any:
    values = copy.deepcopy(shape)
    part = values
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = new
    return values


def test_a_telegram_shares_nothing_with_its_mapping() -> None:
    values: Any = decode(FIXED).to_dict()
    telegram = Telegram.from_dict(values)
    values["user_data"]["counter_1"] = 99
    values["user_data"]["medium_and_units"]["unit_1"] = 0
    values["records"][0]["flags"].append("x")
    assert telegram == decode(FIXED)


@pytest.mark.parametrize("field", ["value", "storage_number", "function"])
def test_a_changed_record_is_encoded_anew(field: str) -> None:
    values: Any = decode(README_TELEGRAM).to_dict()
    values["records"][1][field] = {"value": 3.5, "storage_number": 7, "function": "maximum"}[field]
    telegram = Telegram.from_dict(values)
    assert telegram == decode(encode(values))
    assert telegram.records[1].to_dict()[field] == values["records"][1][field]
    assert telegram.records[1].data == (
        bytes.fromhex("00350000") if field == "value" else decode(README_TELEGRAM).records[1].data
    )


@pytest.mark.parametrize("index", [1, 5, 9])
def test_a_record_that_was_taken_out(index: int) -> None:
    values: Any = decode(README_TELEGRAM).to_dict()
    del values["records"][index]
    assert Telegram.from_dict(values) == decode(encode(values))


def test_the_same_records_in_another_place() -> None:
    """Special functions stand where they stood, and a record that moved has another offset."""
    values: Any = decode(response("04 13 01 00 00 00 2F 04 13 02 00 00 00")).to_dict()
    values["special_functions"][0]["before_record"] = 0
    telegram = Telegram.from_dict(values)
    assert telegram == decode(encode(values))
    assert [record.offset for record in telegram.records] == [20, 26]


def test_numbers_that_were_read_as_decimals() -> None:
    for shape in SHAPES:
        text = json.dumps(shape)
        telegram = Telegram.from_dict(shape)
        assert Telegram.from_dict(json.loads(text, parse_float=Decimal)) == telegram
        assert Telegram.from_dict(json.loads(text, parse_float=Decimal, parse_int=Decimal)) == telegram
        assert Telegram.from_dict({**shape, "source": "file.txt, line 7"}) == telegram


WRONG: list[tuple[tuple[Any, ...], Any, str]] = [
    (("records", 0, "offset"), "19", "records[0].offset"),
    (("records", 0, "kind"), "counters", "records[0].kind"),
    (("records", 0, "state"), None, "records[0].state"),
    (("records", 0, "values"), 1, "records[0].values"),
    (("records", 0, "value"), "a", "records[0].value"),
    (("records", 0, "data"), "0", "records[0].data"),
    (("records", 0), 5, "records[0]"),
    (("records",), 5, "records"),
    (("diagnostics",), 5, "diagnostics"),
    (("diagnostics",), [{"severity": "info"}], "diagnostics[0].code"),
    (("meter", "version"), 256, "meter.version"),
    (("meter", "manufacturer"), "pad", "meter.manufacturer"),
    (("meter", "identification_number"), "1", "meter.identification_number"),
    (("meter", "colour"), "red", "meter.colour"),
    (("frame",), "long", "frame"),
    (("frame", "c_field"), 256, "frame.c_field"),
    (("frame", "a_field"), True, "frame.a_field"),
    (("access_number",), 70000, "access_number"),
    (("access_number",), True, "access_number"),
    (("status", "octet"), -1, "status"),
    (("configuration_field",), 1 << 16, "configuration_field"),
    (("schema_version",), 2, "schema_version"),
    (("type",), "reading", "type"),
    (("link",), "by air", "link"),
    (("encrypted",), "0", "encrypted"),
    (("contained",), [5], "contained[0]"),
    (("telegrams",), 1, "telegrams"),
]


@pytest.mark.parametrize(("path", "new", "field"), WRONG, ids=str)
def test_what_is_wrong_is_named(path: tuple[Any, ...], new: Any, field: str) -> None:
    with pytest.raises(BuildError) as caught:
        Telegram.from_dict(changed(SHAPES[0], path, new))
    assert caught.value.field == field
    assert caught.value.limit


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 300)
    | st.floats()
    | st.sampled_from(["", "a", "00", "2F2F", "ok", "long", "decimal", "2024-02-30", "SND_UD", "12345678"])
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.binary(max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(st.data())
def test_anything_anywhere_is_a_telegram_or_a_build_error(data: st.DataObject) -> None:
    """Nothing else is raised, and a telegram that comes of it is one that holds together."""
    shape = data.draw(st.sampled_from(SHAPES))
    path = data.draw(st.sampled_from(list(places(shape))))
    try:
        telegram = Telegram.from_dict(changed(shape, path, data.draw(JSON)))
    except BuildError as error:
        assert error.limit
        return
    assert Telegram.from_dict(telegram.to_dict()) == telegram


@given(st.data())
def test_parts_that_are_missing(data: st.DataObject) -> None:
    shape = data.draw(st.sampled_from(SHAPES))
    *path, last = data.draw(st.sampled_from(list(places(shape))))
    values = copy.deepcopy(shape)
    part = values
    for key in path:
        part = part[key]
    del part[last]
    try:
        telegram = Telegram.from_dict(values)
    except BuildError:
        return
    assert Telegram.from_dict(telegram.to_dict()) == telegram

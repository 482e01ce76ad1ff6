"""What holds for every telegram: the octets come back, the JSON is valid, nothing is invented or lost."""

from __future__ import annotations

import json
import math
import random
from datetime import date, datetime
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import strategies
from amounts import counts, examples
from helpers import with_check_sum
from mbus_construct import BuildError, MBusError, Record, Telegram, decode, encode
from mbus_construct.model.json_shapes import Form
from mbus_construct.values.kinds import Kind
from mbus_construct.values.to_value import EXACT, Severity, State
from mbus_grammars import Frame, Meaning, meaning_of
from mbus_grammars import vif_tables as tables
from telegrams import README_TELEGRAM
from vectors import FRAMES

FORMS = ("auto", *get_args(Form))


def _refuse_constant(name: str) -> Any:
    raise AssertionError(f"{name} is no JSON")


def check(octets: bytes, link: str = "auto") -> Telegram | None:
    """Everything that a decoded telegram keeps; None where it is refused."""
    try:
        telegram = decode(octets, link=link)
    except MBusError:
        return None
    assert encode(telegram) == octets
    values = json.loads(telegram.to_json(), parse_constant=_refuse_constant)
    assert telegram.to_json() == json.dumps(telegram.to_dict(), ensure_ascii=False, allow_nan=False)
    assert Telegram.from_dict(values) == telegram
    _check_records(telegram, octets)
    for diagnostic in telegram.diagnostics:
        assert diagnostic.severity in get_args(Severity)
        assert diagnostic.offset is None or 0 <= diagnostic.offset <= len(octets)
        assert diagnostic.record is None or 0 <= diagnostic.record < len(telegram.records)
    return telegram


def _check_records(telegram: Telegram, octets: bytes) -> None:
    """Each record says where its octets stand, and each octet of the record area belongs to one item."""
    end = 0
    for index, record in enumerate(telegram.records):
        special = [item.octets for item in telegram.special_functions if item.before_record == index]
        start = record.offset - sum(map(len, special))
        assert not end or start == end
        assert octets[start : record.offset] == b"".join(special)
        assert octets[record.offset :][: record.length] == record.dib + record.vib + record.data
        end = record.offset + record.length
        _check_value(record)


def _check_value(record: Record) -> None:
    assert record.state in get_args(State)
    assert record.kind in get_args(Kind)
    assert record.value is not None or record.reason
    assert record.state == "ok" or record.value is None
    if isinstance(record.value, float):
        assert record.data_field == "32 bit real"
        assert math.isfinite(record.value)
    if isinstance(record.value, Decimal):
        assert record.value.is_finite()
    if isinstance(record.value, datetime):
        assert record.value.tzinfo is None
    assert record.reason or str(record.value) or record.value == ""


# --- Octets --------------------------------------------------------------------------------------


@st.composite
def built_frames(draw: st.DrawFn) -> bytes:
    """Frames that the grammar writes."""
    try:
        return Frame.build(draw(strategies.frames))
    except BuildError:  # more than 252 octets
        return FRAMES[0]


@st.composite
def mutated_frames(draw: st.DrawFn) -> bytes:
    """Frames with changed, lost and added octets under a mended check sum."""
    octets = bytearray(draw(built_frames() | st.sampled_from([*FRAMES, README_TELEGRAM])))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(min(4, len(octets) - 1), max(len(octets) - 3, len(octets) - 1, 0)))
        kind = draw(st.integers(0, 2))
        if kind == 0:
            octets[place] = draw(strategies.octet)
        elif kind == 1 and len(octets) > 9:
            del octets[place]
        elif len(octets) < 250:
            octets[place:place] = draw(st.binary(min_size=1, max_size=4))
    return with_check_sum(bytes(octets))


@given(built_frames())
def test_frames_of_the_grammar(octets: bytes) -> None:
    assert check(octets) is not None


@given(mutated_frames())
def test_mutated_frames(octets: bytes) -> None:
    check(octets)


@given(built_frames(), st.sampled_from([("c_field", 4), ("ci_field", 6)]))
def test_user_data_of_frames(octets: bytes, cut: tuple[str, int]) -> None:
    form, start = cut
    if octets[0] == 0x68:
        telegram = check(octets[start:-2], form)
        assert telegram is not None
        assert [record.value for record in telegram.records] == [record.value for record in decode(octets)]
        check(octets[start:-2])


@given(st.binary(max_size=60), st.sampled_from(FORMS))
@example(b"", "auto")
@example(b"\x68", "auto")
@example(b"\x00", "records")
@example(b"\x0d\x7c", "records")
def test_arbitrary_octets(octets: bytes, link: str) -> None:
    check(octets, link)


@counts(400, 4000)
def test_many_mutated_frames_of_the_vectors(count: int) -> None:
    rng = random.Random(13757)  # noqa: S311
    decoded = 0
    for _ in range(count):
        octets = bytearray(rng.choice([frame for frame in FRAMES if len(frame) > 9]))
        for _ in range(rng.randint(1, 3)):
            octets[rng.randrange(6, len(octets) - 2)] = rng.choice(
                b"\x0d\x13\x6d\x7c\x7f\x80\xf6\xfc\xfd\xff\x00\x2f"
            )
        decoded += check(with_check_sum(bytes(octets))) is not None
    assert decoded == count  # the link layer is whole in each of them


# --- Values --------------------------------------------------------------------------------------


def _meanings() -> list[tuple[Meaning, str]]:
    """Every meaning that a record written by hand can have, with its quantity."""
    spaces = [
        ((), tables.PRIMARY),
        ((0x7B,), tables.EXTENSION_FB),
        ((0x7D,), tables.EXTENSION_FD),
        ((0x7D, 0x7D), tables.EXTENSION_FD_FD),
    ]
    return [
        (meaning_of(codes[0], codes[1:]), row.quantity)
        for prefix, table in spaces
        for code, row in table.items()
        for codes in [(*prefix, code)]
        if row.status in ("current", "unscaled")
    ]


MEANINGS = _meanings()
NUMBERS = [
    item
    for item in MEANINGS
    if {"B", "C", "D"} & set(item[0].types.split()) and item[1] not in ("bus address", "manufacturer")
]


@given(
    st.sampled_from(NUMBERS),
    st.integers(-(2**40), 2**40) | st.integers(-300, 300),
    st.fixed_dictionaries(
        {
            "storage_number": st.integers(0, 2**41 - 1),
            "tariff": st.integers(0, 2**20 - 1),
            "subunit": st.integers(0, 2**10 - 1),
            "function": st.sampled_from(["instantaneous", "maximum", "minimum", "error"]),
        }
    ),
    st.sampled_from([None, "12 digit BCD", "64 bit integer", "variable length"]),
    st.booleans(),
)
def test_a_number_by_hand_comes_back(
    item: tuple[Meaning, str], raw: int, dib: dict[str, Any], coding: str | None, as_text: bool
) -> None:
    meaning, quantity = item
    raw = raw if "B" in meaning.types.split() else abs(raw)
    value = EXACT.scaleb(Decimal(raw), meaning.exponent)
    record = {**dib, "quantity": quantity, "unit": meaning.unit, "value": str(value) if as_text else value}
    if coding is not None:
        record["data_field"] = coding
    try:
        octets = encode({"link": "records", "records": [record]})
    except BuildError as error:
        assert coding is not None, error
        assert error.field == "records[0].value"
        return
    (read,) = decode(octets, link="records").records
    expected = _as_identifier(value, read) if isinstance(read.value, str) else value
    assert (read.value, read.unit, read.quantity) == (expected, meaning.unit, quantity)
    assert {key: getattr(read, key) for key in dib} == dib


def _as_identifier(value: Decimal, read: Record) -> str:
    """Identification numbers are strings with leading zeros, or the text as given."""
    width = len(str(read.value))
    return f"{int(value):0{width}d}"


@given(st.dates(date(1981, 1, 1), date(2080, 12, 31)))
def test_a_date_by_hand_comes_back(day: date) -> None:
    record = {"quantity": "date", "value": day}
    (read,) = decode(encode({"link": "records", "records": [record]}), link="records").records
    assert read.value == day


@given(st.datetimes(datetime(1981, 1, 1), datetime(2080, 12, 31)), st.booleans())
def test_a_moment_by_hand_comes_back(moment: datetime, seconds: bool) -> None:
    moment = moment.replace(microsecond=0) if seconds else moment.replace(second=0, microsecond=0)
    record = {"quantity": "date and time", "value": moment.isoformat()}
    (read,) = decode(encode({"link": "records", "records": [record]}), link="records").records
    assert read.value == moment


@given(st.floats(width=32, allow_nan=False, allow_infinity=False), st.integers(0, 7))
def test_a_real_by_hand_comes_back(value: float, code: int) -> None:
    record = {"dib": "05", "vib": f"{0x10 + code:02X}", "value": value}
    try:
        octets = encode({"link": "records", "records": [record]})
    except BuildError:
        assert abs(value) * 10.0 ** (6 - code) > 3.4e38
        return
    (read,) = decode(octets, link="records").records
    assert isinstance(read.value, float)
    assert read.value == pytest.approx(value, rel=1e-6, abs=1e-44)


# --- Mistakes of callers -------------------------------------------------------------------------

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(["Wh", "04", "13"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a nested value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in items for place in _places(item, (*path, key)))]


def _replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _replaced(copy[path[0]], path[1:], new)
    return copy


SHAPES: list[Any] = [
    json.loads(decode(octets).to_json()) for octets in (FRAMES[9], README_TELEGRAM, *FRAMES[-8:])
]
SHAPES.append(
    {
        "meter": {"identification_number": "12345678", "manufacturer": "PAD", "version": 1, "device_type": 7},
        "frame": {"a_field": 1},
        "status": 0,
        "records": [
            {"quantity": "energy", "unit": "kWh", "value": 1, "qualifiers": ["average value"], "tariff": 1}
        ],
    }
)


@examples(1500)
@given(st.data())
def test_wrong_values_anywhere_are_build_errors(data: st.DataObject) -> None:
    shape = data.draw(st.sampled_from(SHAPES))
    path = data.draw(st.sampled_from(_places(shape)))
    values = _replaced(shape, path, data.draw(JSON))
    try:
        octets = encode(values)
    except BuildError as error:
        assert error.limit
        return
    assert isinstance(octets, bytes)

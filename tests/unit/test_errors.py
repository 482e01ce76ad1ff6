"""The error family: facts, messages, and how errors travel."""

from __future__ import annotations

import copy
import pickle

import pytest
from construct import ConstructError, Struct

from mbus_grammars import (
    BuildError,
    ChecksumError,
    DecodeError,
    Frame,
    IncompleteFrame,
    LengthError,
    MBusError,
    ShortFrame,
)

ERRORS = [
    DecodeError("broken", offset=3, path="(parsing) -> a", expected="16h", found="17h", code="stop"),
    ChecksumError("broken", offset=3),
    LengthError("broken"),
    IncompleteFrame("broken", missing=4, offset=1),
    BuildError("a.b", 300, "0 to 255", path="(building) -> a -> b"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_every_error_is_ours_and_one_of_construct(error: MBusError) -> None:
    assert isinstance(error, MBusError)
    assert isinstance(error, ConstructError)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_errors_can_be_copied_and_sent_to_another_process(error: MBusError) -> None:
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):  # noqa: S301
        assert type(twin) is type(error)
        assert str(twin) == str(error)
        assert vars(twin) == vars(error)


def test_family() -> None:
    assert issubclass(ChecksumError, DecodeError)
    assert issubclass(LengthError, DecodeError)
    assert issubclass(IncompleteFrame, LengthError)
    assert not issubclass(BuildError, DecodeError)
    codes = [kind.code for kind in (DecodeError, ChecksumError, LengthError, IncompleteFrame)]
    assert codes == ["decode_error", "checksum", "length", "incomplete_frame"]


def test_facts_and_messages() -> None:
    decode, _, length, incomplete, build = ERRORS
    assert str(decode) == "broken (offset 3)"
    assert str(length) == "broken"
    assert isinstance(decode, DecodeError)
    assert (decode.expected, decode.found, decode.code, decode.path) == (
        "16h",
        "17h",
        "stop",
        "(parsing) -> a",
    )
    assert isinstance(incomplete, IncompleteFrame)
    assert (incomplete.missing, incomplete.code) == (4, "incomplete_frame")
    assert str(build) == "a.b: 300 does not fit: 0 to 255"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("x" * 100, "'" + "x" * 56 + "..."),
        ([10**5000], "list of too many digits to show"),  # Python refuses to write the number
        (None, "None"),
    ],
    ids=["long", "huge", "none"],
)
def test_messages_stay_short(value: object, shown: str) -> None:
    assert str(BuildError("a", value, "b")) == f"a: {shown} does not fit: b"
    assert str(BuildError("", 5, "b")) == "value: 5 does not fit: b"


def test_inside() -> None:
    assert BuildError("b", 1, "c").inside("a[2]").field == "a[2].b"
    assert BuildError("", 1, "c").inside("a[2]").field == "a[2]"


def test_grammars_embedded_in_somebodys_own_struct_raise_our_errors() -> None:
    mine = Struct("frame" / ShortFrame)
    with pytest.raises(ChecksumError):
        mine.parse(bytes.fromhex("10 5B 01 5D 16"))
    with pytest.raises(BuildError) as caught:
        mine.build({"frame": {"c_field": "REQ_UD2", "a_field": 300}})
    assert caught.value.field == "frame.a_field"
    with pytest.raises(ConstructError):
        mine.build({"frame": {}})


def test_causes_are_kept() -> None:
    with pytest.raises(BuildError) as caught:
        Frame.build({"c_field": "REQ_UD2"})
    assert isinstance(caught.value.__cause__, KeyError)

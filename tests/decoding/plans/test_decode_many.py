"""Many telegrams one after the other: a result for each, in order, and nothing read ahead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mbus_construct import DecodeError, Telegram, decode, decode_many
from telegrams import README_TELEGRAM
from vectors import FRAMES


def spoiled(octets: bytes) -> bytes:
    return octets[:-2] + bytes([octets[-2] ^ 1]) + octets[-1:]


def test_one_result_for_each_in_order() -> None:
    good = decode(README_TELEGRAM)
    bad = spoiled(README_TELEGRAM)
    results = list(
        decode_many([README_TELEGRAM, bad, README_TELEGRAM.hex(" "), "hello", b"", README_TELEGRAM])
    )
    assert [type(result) for result in results] == [
        Telegram,
        type(results[1]),
        Telegram,
        DecodeError,
        DecodeError,
        Telegram,
    ]
    assert results[0] == results[2] == results[5] == good
    with pytest.raises(DecodeError) as raised:
        decode(bad)
    assert isinstance(results[1], DecodeError)
    assert (type(results[1]), str(results[1]), results[1].code) == (
        type(raised.value),
        str(raised.value),
        "checksum",
    )
    assert "'h'" in str(results[3])


def test_the_same_as_decode() -> None:
    frames = [*FRAMES, *(spoiled(octets) for octets in FRAMES if len(octets) > 1)]
    for octets, result in zip(frames, decode_many(frames, link="frame"), strict=True):
        if isinstance(result, Telegram):
            assert repr(result) == repr(decode(octets, link="frame"))
        else:
            with pytest.raises(DecodeError) as raised:
                decode(octets, link="frame")
            assert vars(raised.value) == vars(result)


def test_nothing_is_read_ahead() -> None:
    asked: list[int] = []

    def line() -> Iterator[bytes]:
        for number in range(1_000_000):
            asked.append(number)
            yield README_TELEGRAM

    results = decode_many(line())
    assert asked == []
    assert isinstance(next(results), Telegram)
    assert asked == [0]
    assert isinstance(next(results), Telegram)
    assert asked == [0, 1]


def test_the_link_is_the_callers() -> None:
    (telegram,) = decode_many([README_TELEGRAM[19:-2]], link="records")
    assert isinstance(telegram, Telegram)
    assert telegram.link == "records"
    with pytest.raises(ValueError, match="link is one of auto, frame"):
        decode_many([], link="radio")


def test_an_error_of_the_source_passes_through() -> None:
    def source() -> Iterator[bytes]:
        yield README_TELEGRAM
        raise OSError("the line is gone")

    results = decode_many(source())
    assert isinstance(next(results), Telegram)
    with pytest.raises(OSError, match="the line is gone"):
        next(results)


def test_errors_keep_no_frames() -> None:
    (error,) = decode_many([spoiled(README_TELEGRAM)])
    assert isinstance(error, DecodeError)
    assert error.__traceback__ is None


def test_what_is_no_telegram_costs_no_other() -> None:
    good = README_TELEGRAM
    items: list[Any] = [good, None, 5, good.hex()]
    results = list(decode_many(items))
    assert [isinstance(result, DecodeError) for result in results] == [False, True, True, False]
    assert str(results[1]) == "neither octets nor a string, but NoneType"


@pytest.mark.parametrize("single", ["E5", b"\xe5", bytearray(b"\xe5"), memoryview(b"\xe5")])
def test_one_telegram_is_not_many(single: Any) -> None:
    with pytest.raises(TypeError, match="decode takes one"):
        decode_many(single)

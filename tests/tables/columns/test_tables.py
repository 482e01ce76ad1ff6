"""Columns, arguments and inputs of the tables."""

from __future__ import annotations

import doctest
import gc
import random
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import long_frame
from telegrams import README_TELEGRAM

pa: Any = pytest.importorskip("pyarrow", reason="tables need the extra arrow")

import mbus_construct.arrow  # noqa: E402
from mbus_construct.arrow import decode_batch, decode_star, decode_wide, schema_of  # noqa: E402
from mbus_construct.tables.columns.batch import HEADERS, PLANS, split  # noqa: E402
from mbus_construct.tables.columns.exact import decimals, floats  # noqa: E402
from mbus_construct.tables.columns.opening import Stock  # noqa: E402
from mbus_construct.tables.columns.repeated_strings import Vocabulary  # noqa: E402
from mbus_construct.tables.columns.source import octets_of  # noqa: E402

EXAMPLE = bytes.fromhex("681F1F680802727856341224400107550000000313153100DA023B13018B60043718021816")
TWENTY = 20


def batch_of(values: Any, type_: Any = None, **others: Any) -> Any:
    return pa.record_batch({"telegram": pa.array(values, type_), **others})


def test_examples() -> None:
    failures, tests = doctest.testmod(mbus_construct.arrow)
    assert tests > 3
    assert not failures


HEXES = {
    "plain": EXAMPLE.hex(),
    "upper": EXAMPLE.hex().upper(),
    "blanks": f" {EXAMPLE.hex(' ')} ",
    "words": EXAMPLE.hex(" ", 2),
    "commas": EXAMPLE.hex(","),
    "prefixed": " ".join(f"0x{octet:02x}" for octet in EXAMPLE),
}


@pytest.mark.parametrize("type_", ["string", "large_string", "string_view", "dictionary"])
def test_hex_with_any_separators(type_: str) -> None:
    wanted = decode_batch(batch_of([EXAMPLE] * len(HEXES), pa.binary())).to_pylist()
    texts = pa.array(list(HEXES.values()))
    texts = texts.dictionary_encode() if type_ == "dictionary" else texts.cast(getattr(pa, type_)())
    found = decode_batch(pa.record_batch({"mbus-raw": texts})).to_pylist()
    key = lambda row: (row["telegram"], row["record"])  # noqa: E731
    assert sorted(found, key=key) == sorted(wanted, key=key)


@pytest.mark.parametrize("type_", ["binary", "large_binary", "binary_view"])
def test_octets_of_any_binary_type(type_: str) -> None:
    array = pa.array([EXAMPLE, README_TELEGRAM] * TWENTY, pa.binary()).cast(getattr(pa, type_)())
    assert decode_batch(pa.record_batch([array], ["x"])).num_rows == 15 * TWENTY


@given(st.lists(st.one_of(st.binary(max_size=9).map(bytes.hex), st.text("01aFg x,", max_size=9), st.none())))
def test_hex_is_read_as_single_telegrams_are(texts: list[str | None]) -> None:
    from mbus_construct import MBusError  # noqa: PLC0415
    from mbus_construct.octets.hex_text import parse_hex  # noqa: PLC0415

    octets = octets_of(pa.array(texts, pa.string()))
    found = {int(row): octets.telegram(index) for index, row in enumerate(octets.rows)}
    for row, text in enumerate(texts):
        try:
            wanted = None if text is None else parse_hex(text)
        except MBusError as error:
            assert str(octets.faults[row]) == str(error)
            assert row not in found
            continue
        if wanted is None:
            assert "empty" in str(octets.faults[row])
        else:
            assert found[row] == wanted


def test_slices_of_arrays() -> None:
    for type_ in (pa.binary(), pa.string()):
        items = [EXAMPLE, README_TELEGRAM, None, EXAMPLE]
        values = items if type_ == pa.binary() else [item and item.hex() for item in items]
        sliced = batch_of(values, type_).slice(1)
        rows = decode_batch(sliced, first=100).to_pylist()
        assert {row["telegram"] for row in rows} == {100, 101, 102}
        assert sum(row["telegram"] == 102 for row in rows) == 3
        assert [row["error"] for row in rows if row["telegram"] == 101] == ["no telegram: the cell is empty"]


def test_nulls_that_hide_octets() -> None:
    offsets = pa.array([0, len(EXAMPLE), 2 * len(EXAMPLE), 3 * len(EXAMPLE)], pa.int32()).buffers()[1]
    bits = pa.py_buffer(b"\x05")
    array = pa.Array.from_buffers(pa.binary(), 3, [bits, offsets, pa.py_buffer(EXAMPLE * 3)])
    rows = decode_batch(pa.record_batch({"telegram": array})).to_pylist()
    assert sorted(row["telegram"] for row in rows) == [0, 0, 0, 1, 2, 2, 2]


def test_no_telegrams_at_all() -> None:
    empty = decode_batch(batch_of([], pa.binary()))
    assert (empty.num_rows, empty.schema) == (0, schema_of())
    assert decode_batch(batch_of([], pa.string()), portable=True).num_rows == 0
    assert decode_wide(batch_of([], pa.binary())) == {}
    facts, layouts = decode_star(batch_of([], pa.binary()))
    assert (facts.num_rows, layouts.num_rows) == (0, 0)


@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize("count", [1, TWENTY])
def test_schemas_are_as_announced(portable: bool, count: int) -> None:
    kept = pa.array(["a", "b"] * count).dictionary_encode()
    batch = batch_of([EXAMPLE, b"\x00"] * count, pa.binary(), place=kept)
    keep = pa.schema([batch.schema.field("place")])
    table = decode_batch(batch, keep=["place"], value=True, decimals=True, portable=portable)
    assert table.schema == schema_of(keep=keep, value=True, decimals=True, portable=portable)
    table.validate(full=True)
    for row in table.to_pylist():
        assert row["place"] == ("a" if row["telegram"] % 2 == 0 else "b")
    facts, layouts = decode_star(batch, keep=["place"], portable=portable)
    assert facts.schema == schema_of(shape="facts", keep=keep, portable=portable)
    assert layouts.schema == schema_of(shape="layouts", portable=portable)
    few = decode_batch(batch, columns=["value_time", "layout", "telegram"], portable=portable)
    assert few.schema == schema_of(columns=["value_time", "layout", "telegram"], portable=portable)
    if portable:
        assert not any(pa.types.is_dictionary(item.type) for item in table.schema)
    assert not any(pa.types.is_unsigned_integer(item.type) for item in table.schema)


def test_a_few_columns_have_the_same_cells() -> None:
    batch = batch_of([EXAMPLE, README_TELEGRAM, EXAMPLE[:-3]] * TWENTY, pa.binary())
    everything = decode_batch(batch, value=True, decimals=True)
    for name in everything.schema.names:
        few = decode_batch(batch, columns=[name])
        assert few.column(name).equals(everything.column(name)), name


def test_what_is_rejected_has_error_code_and_offset() -> None:
    damaged = EXAMPLE[:-2] + b"\x00\x16"
    (row,) = decode_batch(batch_of([damaged], pa.binary())).to_pylist()
    assert (row["error"], row["code"], row["offset"]) == (
        "check sum 00h, the octets give 18h",
        "checksum",
        35,
    )
    assert row["record"] is None


def test_what_is_said_of_a_wide_table() -> None:
    invalid = bytearray(README_TELEGRAM)
    invalid[21] = 0xAA
    invalid[-2] = sum(invalid[4:-2]) & 0xFF
    tables = decode_wide(batch_of([README_TELEGRAM, bytes(invalid), b"\xe5"], pa.binary()), first=5)
    assert [row["telegram"] for row in tables.pop("rejected").to_pylist()] == [7]
    (table,) = tables.values()
    first, second = table.to_pylist()
    assert first["energy [Wh]"] == Decimal(1400)
    assert table.schema.field("volume [m³]").type == pa.decimal128(8, 3)
    assert second["energy [Wh]"] is None
    assert second["reasons"].startswith("energy [Wh]: digits")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"column": "hex"}, "no column 'hex'; there are: telegram, other"),
        ({"columns": ["meter"]}, "no column 'meter'; there are telegram, meter_id"),
        ({"columns": ["unit", "unit"]}, "named twice"),
        ({"keep": ["nothing"]}, "no column 'nothing' to keep"),
        ({"keep": ["telegram"]}, "has the name 'telegram' too"),
        ({"link": "radio"}, "link is one of auto, frame"),
        ({"column": "other"}, "telegrams are binary or strings of hex digits, not int64"),
    ],
)
def test_what_cannot_be_meant(arguments: dict[str, Any], words: str) -> None:
    batch = batch_of([EXAMPLE], pa.binary(), other=[1])
    with pytest.raises(ValueError, match=words):
        decode_batch(batch, **arguments)


def test_which_column_has_to_be_said() -> None:
    batch = pa.record_batch({"a": ["10"], "b": ["20"]})
    with pytest.raises(ValueError, match="say which column holds the telegrams; there are: a, b"):
        decode_batch(batch)


INT64 = st.integers(-(2**63), 2**63 - 1)


@given(st.lists(st.tuples(INT64, st.integers(-60, 60), st.booleans())))
def test_floats_and_decimals_are_the_same_numbers(items: list[tuple[int, int, bool]]) -> None:
    import numpy as np  # noqa: PLC0415

    mantissa = np.array([item[0] for item in items], np.int64)
    exponent = np.array([item[1] for item in items], np.int8)
    valid = np.array([item[2] for item in items], bool)
    numbers = [Decimal(f"{number}e{power}") for number, power, _ in items]
    found = floats(mantissa, exponent, valid).to_pylist()
    assert found == [float(number) if there else None for number, there in zip(numbers, valid, strict=True)]
    array = decimals(mantissa, exponent, valid)
    array.validate(full=True)
    for cell, number, there in zip(array.to_pylist(), numbers, valid, strict=True):
        exact = number.normalize()
        fits = exact.is_zero() or (exact.as_tuple().exponent >= -12 and exact.adjusted() < 26)
        assert cell == (exact if there and fits else None)


def test_the_first_word_of_a_vocabulary() -> None:
    words = Vocabulary()
    assert words.array().to_pylist() == [""]
    assert words.index("kWh") == 0
    assert words.array().to_pylist() == ["kWh"]
    assert (words.index("m³"), words.index("kWh")) == (1, 0)
    assert words.array().to_pylist() == ["kWh", "m³"]


def test_nothing_holds_on_to_a_batch() -> None:
    """Errors know their frames, and these the batch: only the garbage collector would free it, if ever."""
    batch = batch_of([EXAMPLE, EXAMPLE[:-3], EXAMPLE[:-2] + b"\x00\x16", None, b""] * TWENTY, pa.binary())
    texts = batch_of(["zz", EXAMPLE.hex()] * TWENTY)
    for _ in range(2):
        gc.collect()
        gc.disable()
        try:
            decode_batch(batch)
            decode_batch(texts)
            decode_wide(batch)
            left = gc.collect()
        finally:
            gc.enable()
    assert left == 0


def test_tables_are_batches_too() -> None:
    batch = batch_of([EXAMPLE, README_TELEGRAM] * TWENTY, pa.binary())
    table = pa.Table.from_batches([batch.slice(0, 7), batch.slice(7)])
    assert decode_batch(table).equals(decode_batch(batch))
    assert decode_batch(table.slice(0, 0)).num_rows == 0
    assert list(decode_wide(table)) == list(decode_wide(batch))


@pytest.mark.parametrize("given", [None, [EXAMPLE], {"telegram": [EXAMPLE]}])
def test_what_is_no_batch(given: Any) -> None:
    for decode_them in (decode_batch, decode_star, decode_wide):
        with pytest.raises(TypeError, match=r"give a pyarrow.RecordBatch or Table, not builtins\."):
            decode_them(given)


def test_names_are_lists() -> None:
    batch = batch_of([EXAMPLE], pa.binary())
    for arguments in ({"columns": "unit"}, {"keep": "telegram"}):
        with pytest.raises(TypeError, match="is a list of names, not the string"):
            decode_batch(batch, **arguments)
    with pytest.raises(ValueError, match="None means all"):
        decode_batch(batch, columns=[])


@pytest.mark.parametrize(
    ("octets", "cells"),
    [
        ("0E0F999999999999", (999999999999, 7, None)),  # beyond 64 bits with its zeros
        ("0407FFFFFF7F", (21474836470000, 0, None)),
        ("0707FFFFFFFFFFFFFF7F", (9223372036854775807, 4, None)),
        ("0D13EA" + "FF" * 9 + "7F", (2**79 - 1, None, "604462909807314587353.087")),
    ],
)
def test_large_numbers(octets: str, cells: tuple[int, int | None, str | None]) -> None:
    for count in (1, TWENTY):
        table = decode_batch(batch_of([octets] * count), link="records", value=True, decimals=True)
        for row in table.to_pylist():
            if cells[1] is None:
                assert (row["mantissa"], row["value_text"], row["state"]) == (None, cells[2], "ok")
            else:
                assert (row["mantissa"], row["exponent"]) == cells[:2]
                assert row["value"] == float(cells[0] * 10 ** cells[1])


def test_where_they_start_is_found_without_a_link_layer() -> None:
    for start in (4, 6, 7):
        octets = README_TELEGRAM[start:7] + b"\x99" + README_TELEGRAM[8:-2]  # 43h could be a C field
        parts, alone = split(Stock(octets_of(pa.array([octets] * TWENTY, pa.binary())), "auto"))
        assert (len(parts), len(alone)) == (1, 0)


def test_threads_do_not_disturb_each_other() -> None:
    """Words, headers and plans are shared by all batches of a process."""
    rng = random.Random(1)  # noqa: S311  repeatable
    batches: list[Any] = []
    for _ in range(8):
        records = [
            bytes([0x80 | 0x04, rng.randrange(0x40)]) + bytes([rng.randrange(0x7B)]) + rng.randbytes(4)
            for _ in range(300)
        ]
        batches.append(batch_of(records, pa.binary()))
    wanted = [decode_batch(batch, link="records", portable=True) for batch in batches]
    PLANS.__init__()  # type: ignore[misc]  as in a new process
    HEADERS.__init__()  # type: ignore[misc]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda batch: decode_batch(batch, link="records", portable=True), batches))
    order = [("telegram", "ascending"), ("record", "ascending")]  # else layouts that are known come first
    for table, other in zip(found, wanted, strict=True):
        assert table.sort_by(order).to_pylist() == other.sort_by(order).to_pylist()


def test_the_context_of_decimals_is_our_own() -> None:
    batch = batch_of(["05 13 DB 0F 49 40", "04 93 F0 70 FF FF FF 7E"])
    with localcontext(prec=3):
        found = decode_batch(batch, link="records", value=True, decimals=True).to_pylist()
    assert found == decode_batch(batch, link="records", value=True, decimals=True).to_pylist()
    assert (found[0]["mantissa"], found[0]["exponent"]) == (31415927, -10)


def test_more_records_than_fit_sixteen_bits() -> None:
    octets = b"\x01\x13\x05" * 33000
    for count in (1, 8):
        table = decode_batch(batch_of([octets] * count, pa.binary()), link="records", columns=["record"])
        assert table.column("record").to_pylist() == list(range(33000)) * count


def test_what_has_no_table_does_not_take_that_of_others() -> None:
    good = long_frame(
        bytes.fromhex("78 56 34 12 24 40 09 07 55 00 00 00 0C 13 00 00 00 00 04 14 00 00 00 00")
    )
    bad = long_frame(bytes.fromhex("78 56 34 12 24 40 09 07 55 00 00 00 0C 13 00 00 00 00 06 14 00 00 00 00"))
    alone = decode_wide(batch_of([good], pa.binary()))
    decode_wide(batch_of([bad] * TWENTY, pa.binary()))
    mixed = decode_wide(batch_of([bad] * TWENTY + [good], pa.binary()))
    assert set(mixed) == {*alone, "rejected"}


def test_exponents_that_no_decimal_has() -> None:
    octets = ["04 93" + " F0" * 5 + " 70 01 02 03 04"] * 2
    (table,) = decode_wide(batch_of(octets), link="records").values()
    assert table.column(4).to_pylist() == ["0." + "0" * 31 + "67305985"] * 2


def test_columns_that_arrow_treats_apart() -> None:
    kept = pa.array(["a", "b"]).cast(pa.string_view())
    batch = batch_of([EXAMPLE, None], pa.binary(), place=kept)
    assert {row["place"] for row in decode_batch(batch, keep=["place"]).to_pylist()} == {"a", "b"}
    missing = decode_batch(batch_of([None, None])).to_pylist()
    assert [row["code"] for row in missing] == ["empty", "empty"]
    views = pa.array([EXAMPLE] * 2).cast(pa.binary_view()).dictionary_encode()
    assert decode_batch(pa.record_batch({"telegram": views})).num_rows == 6
    broken = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.array([0, 2], pa.int32()).buffers()[1], pa.py_buffer(b"\xff\xfe")]
    )
    assert [row["code"] for row in decode_batch(pa.record_batch([broken], ["x"])).to_pylist()] == ["hex"]
    with pytest.raises(ValueError, match="two columns have one name"):
        decode_batch(pa.record_batch([kept, kept], ["x", "x"]))
    for decode_them in (decode_batch, decode_wide):
        with pytest.raises(ValueError, match="has the name 'telegram' too"):
            decode_them(batch, keep=["telegram"])

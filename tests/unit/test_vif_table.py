"""Every code of every VIF and VIFE table, against a table of its own.

`vif.csv` is written from MBDOC48 8.4 and what is public of EN 13757-3:2018, as those print it: bit patterns,
powers of ten of n, units with their prefixes. The octets of each record are put together here and decoded, so
that nothing of the grammars' tables is used to check them.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from helpers import long_frame
from mbus_construct import BuildError, Record, decode, encode
from mbus_grammars import FROM_METER, TO_METER, meaning_of, vif_tables

# Units as the CSV has them, where they are not written so in values: the unit there, and the power of ten.
PREFIXED: Final = {
    "MWh": ("Wh", 6),
    "GJ": ("J", 9),
    "Mcal": ("cal", 6),
    "kvarh": ("varh", 3),
    "kVAh": ("VAh", 3),
    "kvar": ("var", 3),
    "kVA": ("VA", 3),
    "t": ("kg", 3),
    "MW": ("W", 6),
    "GJ/h": ("J/h", 9),
    "1": (None, 0),
    "": (None, 0),
}

# UCUM codes (ucum.org, and its curly braces for what is counted), where they differ from the unit as written.
UCUM: Final = {
    "Wh": "W.h",
    "varh": None,
    "VAh": "V.A.h",
    "var": None,
    "VA": "V.A",
    "m³": "m3",
    "ft³": "[cft_i]",
    "gal": "[gal_us]",
    "gal/min": "[gal_us]/min",
    "gal/h": "[gal_us]/h",
    "m³/h": "m3/h",
    "m³/min": "m3/min",
    "m³/s": "m3/s",
    "°C": "Cel",
    "°F": "[degF]",
    "°": "deg",
    "HCA": "{HCA}",
    "month": "mo",
    "year": "a",
    "bit times": None,
    "currency": None,
    "dBm": None,
    "m³/week": "m3/wk",
    "m³/month": "m3/mo",
    "m³/year": "m3/a",
    "m³/revolution": "m3/{revolution}",
    "m³/pulse": "m3/{pulse}",
    "m³/L": "m3/L",
    "m³/d": "m3/d",
    "m³/m³": "m3/m3",
    "m³/kg": "m3/kg",
    "m³/K": "m3/K",
    "m³/kWh": "m3/(kW.h)",
    "m³/GJ": "m3/GJ",
    "m³/kW": "m3/kW",
    "m³/(K·L)": "m3/(K.L)",
    "m³/V": "m3/V",
    "m³/A": "m3/A",
    "m³·s": "m3.s",
    "m³·s/V": "m3.s/V",
    "m³·s/A": "m3.s/A",
}

VIF_TABLES: Final = {"primary": (), "FB": (0xFB,), "FD": (0xFD,), "FD FD": (0xFD, 0xFD)}
DATES: Final = "F G I J M"
M3: Final = 0x16  # volume in m³
LITRE: Final = 0x13  # volume in 0.001 m³

# 2026-02-03 04:05:06, MBDOC48 8.2 for F and G, EN 13757-3:2018 Annex A for I and J.
MOMENTS: Final[dict[str, tuple[int, str, Any]]] = {
    "F": (4, "05 04 43 32", datetime(2026, 2, 3, 4, 5)),
    "G": (2, "43 32", date(2026, 2, 3)),
    "I": (6, "06 05 04 43 32 00", datetime(2026, 2, 3, 4, 5, 6)),
    "J": (3, "06 05 04", time(4, 5, 6)),
}


class Line(NamedTuple):
    """One code of one table, as the CSV says it."""

    table: str
    code: int
    quantity: str
    unit: str
    scale: Decimal
    rule: str  # the scale as printed
    types: str
    status: str

    @property
    def written(self) -> str | None:
        """The unit as values have it."""
        return PREFIXED.get(self.unit, (self.unit, 0))[0]

    @property
    def one(self) -> Decimal:
        """The value of the raw number 1."""
        return self.scale.scaleb(PREFIXED.get(self.unit, (self.unit, 0))[1])

    @property
    def is_number(self) -> bool:
        """Whether the data of a VIF are a number."""
        return not {"A", "B", "C", "D", "any"}.isdisjoint(self.types.split())

    @property
    def is_measured(self) -> bool:
        """Whether the data of a VIF may be a number of digits."""
        return "A" in self.types.split()

    @property
    def scales(self) -> bool:
        """Whether a VIFE multiplies or adds."""
        return self.rule[:1] in ("×", "+")

    @property
    def extends_unit(self) -> bool:
        """Whether a VIFE makes a compound unit."""
        return self.unit[:1] in ("/", "·")


def _codes(text: str) -> Iterator[tuple[int, int]]:
    """The codes of a pattern of bits or a range, each with the number that its letters n or p make."""
    if text.startswith("E"):
        bits = text[1:].replace(" ", "")
        letters = bits.lstrip("01")
        first = int(re.sub("[np]", "0", bits), 2)
        yield from ((first + n, n) for n in range(1 << len(letters)))
    else:
        first, _, last = text.partition("-")
        yield from ((code, 0) for code in range(int(first, 16), int(last or first, 16) + 1))


def _scale(rule: str, n: int) -> Decimal:
    """A scale as printed: "0.1", "10^nnn", "10^(nn-3)", or one of these after a sign of multiplication or addition."""
    number = rule.lstrip("×+ ")
    if number.startswith("10^"):
        _, offset = re.fullmatch(r"10\^\(?(n+)([+-]\d+)?\)?", number).groups()  # type: ignore[union-attr]
        return Decimal(1).scaleb(n + int(offset or 0))
    return Decimal(number or 1)


def _lines() -> Iterator[Line]:
    with Path(__file__).with_name("vif.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            assert row["source"]
            assert None not in row
            for code, n in _codes(row["code"]):
                units = row["unit"].split(" ")
                unit = units[n] if len(units) == 4 else row["unit"]
                quantity = re.sub(r"\bp$", str(n), row["quantity"])
                scale = _scale(row["scale"], n)
                rule, types, status = row["scale"], row["types"], row["status"]
                yield Line(row["table"], code, quantity, unit, scale, rule, types, status)


LINES: Final = tuple(_lines())


def lines(
    tables: Iterable[str],
    where: Callable[[Line], Any] = bool,
    status: Iterable[str] = ("current", "legacy", "unverified"),
) -> pytest.MarkDecorator:
    """Run a test with the lines of some tables."""
    chosen = [line for line in LINES if line.table in tables and line.status in status and where(line)]
    assert chosen
    return pytest.mark.parametrize("line", chosen, ids=[f"{line.table} {line.code:02X}" for line in chosen])


def codes_of(line: Line) -> tuple[int, ...]:
    """The VIF and VIFEs of the line's code in a table of VIFs, without extension bits."""
    return (*(code & 0x7F for code in VIF_TABLES[line.table]), line.code)


def octets_of(data_field: int, vib: tuple[int, ...], data: str) -> bytes:
    """One record."""
    chain = bytes(code & 0x7F | 0x80 for code in vib[:-1]) + bytes(vib[-1:])
    return bytes([data_field]) + chain + bytes.fromhex(data)


def read(data_field: int, vib: tuple[int, ...], data: str) -> Record:
    """The record, decoded alone: as it would come from a meter."""
    octets = octets_of(data_field, vib, data)
    (record,) = decode(octets, link="records").records
    assert record.data == octets[len(octets) - len(bytes.fromhex(data)) :]
    return record


def remarks(data_field: int, vib: tuple[int, ...], data: str) -> list[str]:
    """The codes of the diagnostics."""
    return [item.code for item in decode(octets_of(data_field, vib, data), link="records").diagnostics]


# --- The tables have the same codes --------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ("primary", "PRIMARY"),
        ("FB", "EXTENSION_FB"),
        ("FD", "EXTENSION_FD"),
        ("FD FD", "EXTENSION_FD_FD"),
        ("combinable", "COMBINABLE"),
        ("FC", "COMBINABLE_FC"),
        ("action", "OBJECT_ACTION"),
        ("record error", "RECORD_ERROR"),
    ],
)
def test_every_code_has_one_line(table: str, name: str) -> None:
    codes = Counter(line.code for line in LINES if line.table == table)
    assert set(codes.values()) == {1}
    assert sorted(codes) == list(range(0x20 if table in ("action", "record error") else 0x80))
    grammar = getattr(vif_tables, name)
    assert sorted(grammar) == sorted(codes)
    for line in LINES:
        if line.table == table:
            row = grammar[line.code]
            unscaled = table == "combinable" and line.status == "unscaled"  # by `meaning`, not by the table
            assert row.status == ("current" if unscaled else line.status), line
            name = re.sub(r"(?<=channel )\d$", "n", line.quantity)
            assert row.quantity == (name or "reserved"), line  # `explain` shows it
            assert bool(row.unit) is bool(line.unit), line
            by_code = (
                line.rule == "1" and table == "combinable"
            ) or table == "action"  # types without a column
            assert by_code or sorted(row.types.split()) == line.types.split(), line


# --- VIFs: quantity, unit, scale -----------------------------------------------------------------


@lines(VIF_TABLES, status=("current", "legacy", "unverified", "unscaled"))
def test_a_vif_says_quantity_unit_and_types(line: Line) -> None:
    record = read(0, codes_of(line), "")
    assert (record.quantity, record.unit, record.qualifiers) == (
        line.quantity,
        line.written,
        ("raw number, factor not known",) if line.status == "unscaled" else (),
    )
    assert record.ucum == ("1" if line.unit == "1" else UCUM.get(line.written or "", line.written))
    vif, *vifes = codes_of(line)
    assert sorted(meaning_of(vif, vifes).types.split()) == line.types.split()
    expected = {"unverified": ["unverified_vif"], "unscaled": ["unknown_scale"]}.get(line.status, [])
    assert remarks(0, codes_of(line), "") == expected


@lines(VIF_TABLES, lambda line: line.is_measured)
def test_the_number_one_has_the_scale_of_its_vif(line: Line) -> None:
    if line.quantity in ("fabrication number", "enhanced identification"):
        assert read(0x0C, codes_of(line), "01 00 00 00").value == "00000001"
        return
    for data_field, data in (
        (0x09, "01"),
        (0x0C, "01 00 00 00"),
        (0x01, "01"),
        (0x04, "01 00 00 00"),
        (0x0D, "E1 01"),
    ):
        value = read(data_field, codes_of(line), data).value
        assert isinstance(value, Decimal)
        assert value == line.one
    real = read(0x05, codes_of(line), "00 00 80 3F").value
    assert isinstance(real, float)
    assert real == float(line.one)


@lines(["FB"], status=("unscaled",))
def test_a_number_of_unknown_scale_stays_raw(line: Line) -> None:
    assert read(0x02, codes_of(line), "01 02").value == Decimal(0x0201)


@lines(VIF_TABLES, status=("reserved",))
def test_a_reserved_vif_says_so(line: Line) -> None:
    record = read(0x02, codes_of(line), "01 02")
    prefix = "".join(f"{octet:02X} " for octet in VIF_TABLES[line.table])
    assert record.quantity == f"reserved VIF {prefix}{line.code:02X}h"
    assert (record.unit, record.value) == (None, Decimal(0x0201))
    assert remarks(0x02, codes_of(line), "01 02") == ["unknown_vif"]


def test_special_vifs() -> None:
    assert {line.code for line in LINES if line.table == "primary" and line.status == "special"} == {
        0x7B,
        0x7C,
        0x7D,
        0x7E,
        0x7F,
    }
    for vif in (0x7B, 0x7D, 0x7E):  # extension markers need what they extend; a meter has no wildcard
        assert remarks(0x01, (vif,), "01") == ["unknown_vif"]
    assert read(0x01, (0x7E,), "01").quantity == "any VIF"
    assert read(0x01, (0x7D, 0x7D), "01").quantity == "reserved VIF FD 7Dh"
    assert decode("01 7C 03 68 52 25 01", link="records").records[0].unit == "%Rh"
    assert read(0x01, (0x7F,), "01").quantity == "manufacturer specific"


# --- VIFs: types of the data ---------------------------------------------------------------------


@lines(VIF_TABLES, lambda line: line.is_number)
def test_integers_have_the_sign_that_their_type_says(line: Line) -> None:
    types = set(line.types.split())
    record = read(0x01, codes_of(line), "FF")
    signed = "B" in types or "any" in types
    assert record.value == (-line.one if signed else 255 * line.one)
    mark = not signed and "D" not in types
    assert remarks(0x01, codes_of(line), "FF").count("no_value_mark") == mark
    assert read(0x03, codes_of(line), "FE FF FF").value == (-2 if signed else 0xFFFFFE) * line.one


@lines(VIF_TABLES, lambda line: line.is_number)
def test_variable_lengths_have_the_sign_that_their_type_says(line: Line) -> None:
    types = set(line.types.split())
    value = read(0x0D, codes_of(line), "E2 FE FF").value
    if "any" in types:
        assert value == b"\xfe\xff"
    else:
        assert value == (-2 if "B" in types else 0xFFFE) * line.one


@lines(VIF_TABLES, lambda line: {"F", "G"} & set(line.types.split()))
def test_dates_have_the_types_of_their_length(line: Line) -> None:
    assert set(line.types.split()) <= set(DATES.split())
    for letter, (data_field, data, value) in MOMENTS.items():
        record = read(data_field, codes_of(line), data)
        if letter in line.types.split():
            assert record.value == value
            assert type(record.value) is type(value)
        else:
            assert (record.value, record.state) == (None, "invalid")
    assert read(0x0A, codes_of(line), "01 00").state == "invalid"  # a number is not a date
    assert read(0x05, codes_of(line), "00 00 80 3F").state == "invalid"
    assert read(0x0D, codes_of(line), "E5 00 01 02 03 04").value == bytes(range(5))  # type M


def test_types_that_one_vif_has() -> None:
    by_types = {line.types: line for line in LINES if line.table == "FD" and line.types in ("K", "L")}
    daylight = read(0x04, codes_of(by_types["K"]), "02 83 9E A3")
    assert daylight.value == "begin --03-03 02 h, end --10-30, deviation +0 h, enabled"
    assert read(0x0D, codes_of(by_types["L"]), "EB" + "01" * 11).value == b"\x01" * 11


@lines(VIF_TABLES, lambda line: line.types == "LVAR")
def test_containers_are_octets_in_their_order(line: Line) -> None:
    assert read(0x0D, codes_of(line), "03 41 42 43").value == b"ABC"


@lines(VIF_TABLES, lambda line: line.is_number and not line.unit)
def test_what_has_no_unit_may_be_a_text(line: Line) -> None:
    assert read(0x0D, codes_of(line), "03 43 42 41").value == "ABC"


@lines(VIF_TABLES, lambda line: line.is_number and line.unit not in ("", "1"))
def test_what_has_a_unit_is_not_a_text(line: Line) -> None:
    assert read(0x0D, codes_of(line), "03 43 42 41").state == "invalid"


def test_two_vifs_have_a_layout_of_their_own() -> None:
    assert read(0x07, (0x79,), "78 56 34 12 24 40 01 07").value == "1234567824400107"
    assert read(0x02, (0x7D, 0x0A), "24 40").value == "PAD"


# --- Backwards: a record written by hand gets the code -------------------------------------------


@lines(VIF_TABLES, lambda line: line.is_measured and line.unit)
def test_a_record_written_by_hand_gets_the_code(line: Line) -> None:
    record = {"quantity": line.quantity, "unit": line.written, "value": line.one}
    if line.status == "current":
        octets = encode({"link": "records", "records": [record]})
        (built,) = decode(octets, link="records").records
        assert built.vib == octets_of(0, codes_of(line), "")[1:]
        assert built.value == line.one
    else:  # decoded, but not to be written any more
        with pytest.raises(BuildError):
            encode({"link": "records", "records": [record]})


# --- VIFEs ---------------------------------------------------------------------------------------


def vifes_of(line: Line, vif: int = M3) -> tuple[int, ...]:
    """A volume in m³ with the VIFE of the line."""
    return (vif, line.code) if line.table == "combinable" else (vif, 0x7C, line.code)


VIFES: Final = ("combinable", "FC")


@lines(VIFES, lambda line: line.scales or line.extends_unit)
def test_a_vife_changes_scale_or_unit(line: Line) -> None:
    record = read(0x01, vifes_of(line), "02")
    assert record.unit == "m³" + line.unit
    assert record.ucum == UCUM.get(record.unit, record.unit.replace("³", "3"))
    value = {"×": 2 * line.scale, "+": 2 + line.scale}.get(line.rule[:1], Decimal(2))
    assert record.value == value
    assert record.qualifiers == ((line.quantity,) if line.unit == "/pulse" else ())
    assert read(0x01, (*vifes_of(line)[:-1], line.code, 0x7D), "02").value == (
        value * 1000 if line.rule[:1] != "+" else 2000 + line.scale
    )


@lines(VIFES, lambda line: line.rule == "1")
def test_a_vife_makes_a_count_or_a_duration(line: Line) -> None:
    record = read(0x01, vifes_of(line, LITRE), "FE")
    assert (record.value, record.unit, record.qualifiers) == (Decimal(0xFE), line.written, (line.quantity,))
    assert record.ucum == (line.unit if line.unit == "1" else UCUM.get(line.unit, line.unit))


@lines(VIFES, lambda line: line.types == DATES)
def test_a_vife_makes_a_date(line: Line) -> None:
    for data_field, data, value in MOMENTS.values():
        record = read(data_field, vifes_of(line), data)
        assert (record.value, record.unit, record.qualifiers) == (value, None, (line.quantity,))


@lines(VIFES, lambda line: line.types in ("C", "D"))
def test_a_vife_makes_another_type(line: Line) -> None:
    record = read(0x01, vifes_of(line, LITRE), "FF")
    bits = line.types == "D"
    assert record.value == (Decimal(255) if bits else Decimal("0.255"))
    assert (record.unit, record.qualifiers) == (None if bits else "m³", (line.quantity,))
    assert remarks(0x01, vifes_of(line), "FF") == ([] if bits else ["no_value_mark"])


@lines(VIFES, lambda line: line.types == "LVAR")
def test_a_vife_makes_a_profile(line: Line) -> None:
    record = read(0x0D, vifes_of(line, LITRE), "04 21 01 05 06")  # absolute, hours, 8 bit, every 1
    assert record.qualifiers == (line.quantity,)
    assert record.value == (Decimal("0.005"), Decimal("0.006"))


@lines(VIFES, lambda line: not (line.rule or line.unit or line.types))
def test_a_vife_qualifies(line: Line) -> None:
    record = read(0x01, vifes_of(line, LITRE), "FF")
    assert (record.value, record.unit, record.qualifiers) == (Decimal("-0.001"), "m³", (line.quantity,))
    assert remarks(0x01, vifes_of(line), "FF") == []


@lines(VIFES, status=("reserved", "unscaled"))
def test_a_vife_of_unknown_effect_leaves_the_number_raw(line: Line) -> None:
    record = read(0x01, vifes_of(line, LITRE), "FF")
    name = line.quantity or f"reserved VIFE {'FC ' if line.table == 'FC' else ''}{line.code:02X}h"
    assert (record.value, record.unit, record.qualifiers) == (Decimal(-1), None, (name,))
    assert remarks(0x01, vifes_of(line), "FF") == ["unknown_scale"]


@lines(VIFES, lambda line: not (line.scales or line.extends_unit), status=("current",))
def test_a_qualifier_written_by_hand_gets_the_code(line: Line) -> None:
    same = [item for item in LINES if item.table in VIFES and item.quantity == line.quantity]
    record: dict[str, Any] = {
        "quantity": "volume",
        "unit": "m³",
        "qualifiers": [line.quantity],
        "value": None,
    }
    if line.types in (DATES, "D") or line.rule == "1":  # these replace the unit
        record["unit"] = same[-1].written
    octets = encode({"link": "records", "records": [record]})
    assert octets in {octets_of(0, vifes_of(item, vif), "") for item in same for vif in range(0x10, 0x18)}


def test_special_vifes() -> None:
    special = {
        line.code: line.quantity for line in LINES if line.table == "combinable" and line.status == "special"
    }
    assert sorted(special) == [*range(0x10), *range(0x15, 0x1D), 0x7C, 0x7F]
    assert read(0x01, (LITRE, 0x7F, 0x3B), "01").qualifiers == ("manufacturer specific 3B",)
    assert read(0x01, (LITRE, 0x7C), "01").qualifiers == ("extension of combinable codes, nothing follows",)


# --- Record errors and object actions ------------------------------------------------------------


@lines(["record error"], status=("current", "reserved"))
def test_a_record_error_leaves_no_value(line: Line) -> None:
    record = read(0x01, (M3, line.code), "01")
    combinable = next(item for item in LINES if (item.table, item.code) == ("combinable", line.code))
    if combinable.status != "special" or not line.code:  # no error at all
        assert record.state == "ok"
    else:
        name = line.quantity or f"reserved record error {line.code:02X}h"
        assert (record.value, record.state, record.reason) == (None, "error", f"the meter reports: {name}")


@lines(["action"], status=("current", "unverified", "reserved"))
def test_an_object_action(line: Line) -> None:
    data = "" if line.types == "none" else "01"
    octets = octets_of(0x01, (M3, line.code), data)
    (record,) = decode(long_frame(octets, 0x51, 0x53)).records
    combinable = next(item for item in LINES if (item.table, item.code) == ("combinable", line.code))
    if line.code <= 0x0F:
        name = f"action: {line.quantity or 'reserved'}"
    elif combinable.status == "special":
        name = f"reserved VIFE {line.code:02X}h"
    else:
        return  # a combinable code in both directions
    assert record.qualifiers == (name,)
    assert record.value == (Decimal(1) if data else None)
    meaning = meaning_of(M3, [line.code], direction=TO_METER)
    assert meaning.action == (line.code if line.code <= 0x0F else None)
    assert meaning_of(M3, [line.code], direction=FROM_METER).action is None
    if line.status == "current":
        written = {"quantity": "volume", "unit": "m³", "value": "1" if data else None, "qualifiers": [name]}
        frame = encode({"frame": {"c_field": "SND_UD", "a_field": 1}, "records": [written]})
        (built,) = decode(frame).records
        assert built.qualifiers == (name,)

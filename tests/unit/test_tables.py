"""The code tables: no gaps, no code in two rows, units that can be written."""

from __future__ import annotations

import pytest

from mbus_grammars import FROM_METER, TO_METER, code_tables, fixed, meaning_of, units, vif_tables
from mbus_grammars.application import USER_DATA
from mbus_grammars.vif_tables import Row, _table

FULL = ["PRIMARY", "EXTENSION_FB", "EXTENSION_FD", "EXTENSION_FD_FD", "COMBINABLE", "COMBINABLE_FC"]
STATUS = {"current", "legacy", "reserved", "special", "unverified", "unscaled"}


@pytest.mark.parametrize("name", FULL)
def test_tables_have_no_gaps(name: str) -> None:
    assert sorted(getattr(vif_tables, name)) == list(range(0x80))


@pytest.mark.parametrize("name", ["OBJECT_ACTION", "RECORD_ERROR"])
def test_tables_of_actions_and_errors_have_no_gaps(name: str) -> None:
    assert sorted(getattr(vif_tables, name)) == list(range(0x20))


@pytest.mark.parametrize("name", [*FULL, "OBJECT_ACTION", "RECORD_ERROR"])
def test_rows(name: str) -> None:
    for code, row in getattr(vif_tables, name).items():
        assert row.first <= code <= row.last
        assert row.quantity
        assert row.status in STATUS
        assert row.source
        assert row.unit in units.UNITS or row.unit[0] in "/."


def test_a_code_in_two_rows_is_refused() -> None:
    with pytest.raises(ValueError, match="code 02h stands in two rows"):
        _table(Row(0, 2, "energy"), Row(2, 3, "volume"))


def test_ci_fields_have_no_gaps() -> None:
    codes = [code for row in code_tables.CI_FIELDS for code in range(row.first, row.last + 1)]
    assert codes == list(range(256))
    assert sorted(USER_DATA) == list(range(256))
    assert {row.header for row in code_tables.CI_FIELDS} == {"none", "short", "long", "raw"}
    assert {row.direction for row in code_tables.CI_FIELDS} == {"to_meter", "from_meter", "both"}


def test_device_types_and_manufacturers() -> None:
    assert sorted(code_tables.DEVICE_TYPES) == [*range(0x40), 0xFF]
    assert all(len(code) == 3 and code.isupper() for code in code_tables.MANUFACTURERS)


def test_units_of_fixed_data() -> None:
    names = [code.name for code in fixed.UNIT_NAMES.codes]
    assert len(names) == 64
    assert (names[0x00], names[0x01], names[0x02]) == ("time h,m,s", "date D,M,Y", "energy in Wh * 10^0")
    assert (names[0x29], names[0x38]) == ("volume in m³ * 10^-3", "temperature in °C * 10^-3")
    assert (names[0x39], names[0x3A]) == ("heat cost allocation in HCA * 10^0", "reserved")
    assert (names[0x3E], names[0x3F]) == ("unit of the other counter, historic", "without units")
    exponents = [code_tables.FIXED_UNITS[code][2] for code in range(0x02, 0x39)]
    assert exponents == [*range(9), *range(3, 12), *range(9), *range(3, 12), *range(-6, 3), *range(-6, 3), -3]


@pytest.mark.parametrize("direction", [FROM_METER, TO_METER])
@pytest.mark.parametrize("prefix", [(), (0x7B,), (0x7D,), (0x7D, 0x7D), (0x13,), (0x13, 0x7C)])
def test_every_code_has_a_meaning(prefix: tuple[int, ...], direction: str) -> None:
    for code in range(0x80):
        vif, *vifes = (*prefix, code)
        meaning = meaning_of(vif, vifes, "m", direction)
        assert meaning.quantity
        assert meaning.unit is None or meaning.unit
        assert meaning.ucum is None or meaning.ucum
        assert meaning.status in (*STATUS, "any")

"""Meters with the same identification number: told apart by what else they have, or named as twins."""

from __future__ import annotations

from typing import Any

import pytest

from bus_meters import Bench, meter, values
from mbus_construct import CollisionError
from mbus_construct.bus.events import Finding

NUMBER = "12345678"
PLAIN = {"manufacturer": "PAD", "version": 1, "device_type": 7}


def bench(*differences: dict[str, Any], enhanced: bool = False) -> Bench:
    meters = [
        meter(place + 1, NUMBER, f"{place}.000", **(PLAIN | difference))
        for place, difference in enumerate(differences)
    ]
    return Bench(*meters, meter(99, "99999999"), faults=[] if enhanced else ["no_enhanced_selection"])


def found(b: Bench, **options: Any) -> list[str]:
    return sorted(
        str(item.secondary_address) for item in b.client.search(**options) if item.primary_address != 99
    )


@pytest.mark.parametrize("enhanced", [False, True])
@pytest.mark.parametrize(
    ("differences", "expected"),
    [
        ([{}, {"device_type": 4}], ["1234567824400104", "1234567824400107"]),
        ([{}, {"device_type": 0xFE}], ["1234567824400107", "12345678244001FE"]),
        ([{}, {"version": 2}], ["1234567824400107", "1234567824400207"]),
        ([{"version": 9}, {"version": 200}], ["1234567824400907", "123456782440C807"]),
        ([{}, {"manufacturer": "LUG"}], ["1234567824400107", "12345678A7320107"]),
        ([{"manufacturer": "XYZ"}, {"manufacturer": "XYA"}], ["1234567821630107", "123456783A630107"]),
        ([{}, {"version": 2}, {"version": 3}], ["1234567824400107", "1234567824400207", "1234567824400307"]),
    ],
)
def test_by_the_rest_of_the_address(
    differences: list[dict[str, Any]], expected: list[str], enhanced: bool
) -> None:
    b = bench(*differences, enhanced=enhanced)
    assert found(b) == expected
    assert b.findings == []
    for address in expected:
        assert len(values(b.client.read(address))) == 1


def test_by_the_fabrication_number() -> None:
    b = bench({"fabrication_number": "01020304"}, {"fabrication_number": "01020305"}, enhanced=True)
    expected = ["1234567824400107/FFFFFFF4", "1234567824400107/FFFFFFF5"]
    assert found(b) == expected
    assert [values(b.client.read(address)) for address in expected] == [["0.000"], ["1.000"]]
    assert b.findings == []


def test_the_fabrication_number_that_the_telegram_tells() -> None:
    b = bench({}, {}, enhanced=True)
    for place, unit in enumerate(b.bus.meters[:2]):
        record = {"quantity": "fabrication number", "value": f"0000000{place}"}
        b.bus._units[place].meter = unit
        b.bus._units[place].slave.application = meter(place + 1, NUMBER, records=[record], **PLAIN)
    assert found(b) == ["1234567824400107/00000000", "1234567824400107/00000001"]


@pytest.mark.parametrize("enhanced", [False, True])
def test_twins(enhanced: bool) -> None:
    same = {"fabrication_number": "01020304"} if enhanced else {}
    b = bench(same, same, enhanced=enhanced)
    assert found(b) == []
    assert b.port.now() < 400
    findings = [event for event in b.events if isinstance(event, Finding)]
    assert {item.code for item in findings} == {"same_address"}
    assert "several meters have this same secondary address" in findings[0].message
    with pytest.raises(CollisionError):
        b.client.read(NUMBER)
    assert values(b.client.read(1)) == ["0.000"]


def test_twins_and_a_third_one() -> None:
    b = bench({}, {}, {"device_type": 4})
    assert found(b) == ["1234567824400104"]
    assert b.findings == ["same_address"]


def test_thorough_looks_for_a_third_one() -> None:
    b = bench({"device_type": 4}, {"device_type": 7}, {"device_type": 0xEE})
    assert found(b, thorough=True) == ["1234567824400104", "1234567824400107", "12345678244001EE"]

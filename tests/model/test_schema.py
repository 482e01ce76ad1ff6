"""The JSON Schema, and the kinds of the quantities: what is published covers what is decoded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest

import mbus_construct
from mbus_construct import decode, merge
from mbus_construct.model.schema import json_schema
from mbus_construct.values.kinds import KIND_OF, Kind, kind_of
from mbus_grammars import meaning_of
from mbus_grammars import vif_tables as tables
from mbus_grammars.code_tables import FIXED_UNITS
from telegrams import README_TELEGRAM, response
from vectors import FRAMES

COPY = Path(mbus_construct.__file__).with_name("model") / "telegram.schema.json"
VALIDATOR = jsonschema.Draft202012Validator(json_schema())

TELEGRAMS = [
    *FRAMES,
    README_TELEGRAM,
    README_TELEGRAM[4:-2],
    README_TELEGRAM[6:-2],
    README_TELEGRAM[7:-2],
    README_TELEGRAM[19:-2],
    response("04 06 01 00 00 00 04 13 01"),
    response("3F 0C 13 1A 00 00 00 05 5B 00 00 C0 7F 0D 13 F6" + "FF" * 63 + "7F"),
    response("02 93 15 00 00 04 6D 00 3F 00 1F 01 FD 0C FF"),
    response("80" * 16, header=bytes.fromhex("78 56 34 12 24 40 01 07 55 FF 10 07")),
    response("", 0x73),
]


def test_the_published_copy_is_the_generated_schema() -> None:
    assert json.loads(COPY.read_text(encoding="utf-8")) == json_schema()
    assert COPY.read_bytes().endswith(b"}\n")


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    shapes = [{"$ref": f"#/$defs/{name}"} for name in ("Telegram", "Reading", "Refusal")]
    assert json_schema()["anyOf"] == [*shapes, {"type": "array", "items": {"anyOf": shapes}}]


@pytest.mark.parametrize("octets", TELEGRAMS, ids=lambda octets: octets[:10].hex())
def test_every_telegram_validates(octets: bytes) -> None:
    VALIDATOR.validate(json.loads(decode(octets).to_json()))


def test_a_reading_and_a_record_validate() -> None:
    definitions = json_schema()["$defs"]
    reading = merge([decode(README_TELEGRAM), decode(README_TELEGRAM)])
    VALIDATOR.validate(json.loads(reading.to_json()))
    VALIDATOR.validate([json.loads(reading.to_json()), json.loads(decode(README_TELEGRAM).to_json())])
    record = reading.records[3]
    for name, text in (("Reading", reading.to_json()), ("Record", record.to_json())):
        jsonschema.validate(json.loads(text), {"$ref": f"#/$defs/{name}", "$defs": definitions})


@pytest.mark.parametrize(
    "change",
    [
        {"schema_version": 2},
        {"type": "reading"},
        {"type": "record"},
        {"link": "envelope"},
        {"records": [{}]},
        {"records": {}},
        {"meter": {"identification_number": 1}},
        {"surplus": 1},
    ],
)
def test_the_schema_refuses_what_is_no_telegram(change: dict[str, Any]) -> None:
    values = json.loads(decode(README_TELEGRAM).to_json()) | change
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(values)


@pytest.mark.parametrize("key", list(decode(README_TELEGRAM).to_dict()))
def test_every_key_of_a_telegram_is_required(key: str) -> None:
    values = json.loads(decode(README_TELEGRAM).to_json())
    del values[key]
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(values)


# --- Kinds ---------------------------------------------------------------------------------------

_SPACES = [
    ((), tables.PRIMARY),
    ((0x7B,), tables.EXTENSION_FB),
    ((0x7D,), tables.EXTENSION_FD),
    ((0x7D, 0x7D), tables.EXTENSION_FD_FD),
]
QUANTITIES = sorted(
    {
        row.quantity
        for _, table in _SPACES
        for row in table.values()
        if row.status not in ("reserved", "special")
    }
)


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_every_quantity_has_a_kind(quantity: str) -> None:
    assert KIND_OF[quantity] in get_args(Kind)


def test_no_kind_is_given_to_a_quantity_that_there_is_not() -> None:
    special = {"plain text", "any VIF", "manufacturer specific"}
    fixed = {quantity for quantity, _, _ in FIXED_UNITS.values()}
    assert fixed - set(KIND_OF) <= {""}
    assert set(KIND_OF) - set(QUANTITIES) - fixed - special == set()


def test_dates_by_table_are_dates_by_kind() -> None:
    for prefix, table in _SPACES:
        for code in table:
            vif, *vifes = (*prefix, code)
            meaning = meaning_of(vif, vifes)
            assert (kind_of(meaning) == "date") is meaning.is_date


@pytest.mark.parametrize(
    ("vifes", "kind"),
    [
        ([], "counter"),
        ([0x3C], "counter"),
        ([0x22], "instant"),  # a volume per hour
        ([0x6A], "date"),
        ([0x60], "duration"),
        ([0x52], "duration"),
        ([0x41], "counter"),
        ([0x1F], "series"),
        ([0x7C, 0x12], "state"),
        ([0x7C, 0x11], "counter"),
    ],
)
def test_vifes_change_the_kind(vifes: list[int], kind: str) -> None:
    assert kind_of(meaning_of(0x13, vifes)) == kind


def test_a_date_that_is_made_a_number_has_no_kind() -> None:
    assert kind_of(meaning_of(0x6C, [0x7C, 0x11])) == "unknown"
    assert kind_of(meaning_of(0x6D, [0x7C, 0x11])) == "unknown"


def test_a_refusal_validates() -> None:
    refusal: dict[str, Any] = {
        "schema_version": 1,
        "type": "refusal",
        "source": "argument 1",
        "error": {"code": "checksum", "message": "wrong", "offset": 3},
        "octets": "105B015D16",
    }
    VALIDATOR.validate(refusal)
    VALIDATOR.validate([refusal])
    for key in refusal:
        with pytest.raises(jsonschema.ValidationError):
            VALIDATOR.validate({name: item for name, item in refusal.items() if name != key})

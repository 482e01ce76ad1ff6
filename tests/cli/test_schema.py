"""`mbus schema`: what it prints is what is published, and what decode writes fits it."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema

import mbus_construct
from commands import Mbus
from telegrams import README_TELEGRAM


def test_schema(mbus: Mbus) -> None:
    run = mbus("schema")
    assert (run.code, run.err) == (0, "")
    copy = Path(mbus_construct.__file__).with_name("model") / "telegram.schema.json"
    assert run.out == copy.read_text(encoding="utf-8")
    schema = json.loads(run.out)
    jsonschema.Draft202012Validator.check_schema(schema)
    written = mbus("decode", "--format", "json", README_TELEGRAM.hex()).out
    jsonschema.validate(json.loads(written), schema)


def test_all_that_decode_writes_fits(mbus: Mbus) -> None:
    schema = json.loads(mbus("schema").out)
    good, bad = README_TELEGRAM.hex(), "105B015D16"
    for arguments in ([good, bad], [bad], ["--merge", good, good]):
        written = json.loads(mbus("decode", "--format", "json", *arguments).out)
        jsonschema.validate(written, schema)


def test_no_arguments_are_taken(mbus: Mbus) -> None:
    assert mbus("schema", "telegram").code == 2

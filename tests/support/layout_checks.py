"""Fast paths against the grammar's walk: one difference fails."""

from __future__ import annotations

from typing import Any

from mbus_construct import MBusError, decode
from mbus_construct.decoding.nested import with_contents
from mbus_construct.decoding.plans import Plans
from mbus_construct.decoding.reference import walk
from mbus_construct.model.json_shapes import Form
from mbus_construct.model.record import Record
from mbus_construct.model.telegram import Telegram

ROUNDS = 3  # the plan is made, compiled and used, used


def outcome(read: Any, octets: bytes) -> tuple[object, ...]:
    """Everything that a telegram or an error says, floats and signs of zeros included."""
    try:
        telegram = read(octets)
    except MBusError as error:
        facts = {name: getattr(error, name, None) for name in ("offset", "code", "expected", "found", "path")}
        return type(error), str(error), facts
    assert type(telegram) is Telegram
    assert {type(record) for record in telegram.records} <= {Record}
    return telegram, repr(telegram)


def by_radio(octets: bytes) -> Telegram:
    return decode(octets, link="wireless")


def walk_frame(octets: bytes) -> Telegram:
    return walk(octets, "frame")


def inner(octets: bytes) -> dict[Form, bytes]:
    """What gateways leave of a frame, by where it starts."""
    return {
        "frame": octets,
        "c_field": octets[4:-2],
        "ci_field": octets[6:-2],
        "header": octets[7:-2],
        "records": octets[19:-2],
    }


def check(octets: bytes, plans: Plans, form: Form = "frame") -> None:
    expected = outcome(lambda data: walk(data, form), octets)
    if octets:
        whole = outcome(lambda data: with_contents(walk(data, form), by_radio), octets)
        assert outcome(lambda data: decode(data, link=form), octets) == whole
    for _ in range(ROUNDS):
        found = outcome(lambda data: plans.decode(data, form) or walk(data, form), octets)
        assert found == expected


def check_forms(octets: bytes, plans: Plans) -> None:
    for form, data in inner(octets).items():
        check(data, plans, form)

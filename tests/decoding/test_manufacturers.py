"""Grammars of manufacturers, plugged in: docs/manufacturers.md runs, and what it does not show."""

from __future__ import annotations

import doctest
from collections.abc import Iterator
from typing import Any

import pytest
from construct import Byte, Bytes, GreedyBytes, Int16ul, Struct

from checkout import ROOT
from mbus_construct import BuildError, Telegram, decode, encode
from mbus_construct.decoding import manufacturers
from telegrams import README_TELEGRAM

DOCS = ROOT / "docs" / "manufacturers.md"
PAYLOAD = "0C 44 93 15 78 56 34 12 33 07 A1 E8 03"
LSE = Struct("kind" / Byte, "rest" / GreedyBytes)


@pytest.fixture
def registry() -> Iterator[None]:
    """A registry of its own: what the test registers ends with it."""
    before = dict(manufacturers._GRAMMARS)
    yield
    manufacturers._GRAMMARS.clear()
    manufacturers._GRAMMARS.update(before)


def test_the_examples_of_the_documentation_run() -> None:
    outcome = doctest.testfile(str(DOCS), module_relative=False, encoding="utf-8")
    assert outcome.attempted > 15
    assert not outcome.failed
    assert not manufacturers.registered()


@pytest.mark.usefixtures("registry")
class TestChoice:
    def test_the_most_that_fits_is_taken(self) -> None:
        for name, selector in {
            "all": {},
            "kind": {"device_type": 0x07},
            "version": {"version": 0x33},
            "both": {"version": 0x33, "device_type": 0x07},
        }.items():
            selected: Any = selector
            manufacturers.register("ELS", Struct(name / Int16ul), ci_field=0xA1, **selected)
        assert min(manufacturers.selectors()).startswith("ELS")
        found = []
        for selector in (
            {"version": 0x33, "device_type": 0x07},
            {"version": 0x33},
            {"device_type": 0x07},
            {},
        ):
            selected = selector
            found.append(list(decode(PAYLOAD).manufacturer_fields or {}))
            manufacturers.unregister("ELS", ci_field=0xA1, **selected)
        assert found == [["both"], ["version"], ["kind"], ["all"]]
        assert decode(PAYLOAD).manufacturer_fields is None

    @pytest.mark.parametrize("name", ["reserved", "no such"])
    def test_a_device_type_that_is_not_one_is_refused(self, name: str) -> None:
        for call in (
            lambda: manufacturers.register("ELS", LSE, device_type=name),
            lambda: manufacturers.unregister("ELS", device_type=name),
        ):
            with pytest.raises(BuildError, match="device_type"):
                call()

    @pytest.mark.parametrize(
        "other",
        [{"version": 0x34}, {"device_type": 0x03}, {"ci_field": 0xA2}, {"ci_field": None}],
        ids=str,
    )
    def test_others_do_not_get_it(self, other: dict[str, Any]) -> None:
        manufacturers.register("ELS", Int16ul, **{"ci_field": 0xA1, **other})
        telegram = decode(PAYLOAD)
        assert telegram.manufacturer_fields is None
        assert telegram.user_data == {"payload": "E803"}
        assert [item.code for item in telegram.diagnostics] == ["no_grammar"]

    def test_registering_again_replaces(self) -> None:
        manufacturers.register("ELS", Int16ul, ci_field=0xA1)
        manufacturers.register("els".upper(), Byte, ci_field=0xA1)
        assert decode(PAYLOAD).manufacturer_fields == {"value": 0xE8}

    @pytest.mark.parametrize(
        ("arguments", "field"),
        [
            ({"manufacturer": "ELSTER"}, ""),
            ({"grammar": 5}, "grammar"),
            ({"ci_field": 0x72}, "ci_field"),
            ({"version": 256}, "version"),
            ({"device_type": "toaster"}, "device_type"),
        ],
    )
    def test_what_cannot_be_meant(self, arguments: dict[str, Any], field: str) -> None:
        given: Any = {"manufacturer": "ELS", "grammar": Byte, **arguments}
        with pytest.raises(BuildError) as caught:
            manufacturers.register(**given)
        assert caught.value.field == field
        assert not manufacturers.registered()


@pytest.mark.usefixtures("registry")
class TestDecoding:
    def test_tail_of_a_wired_telegram(self) -> None:
        manufacturers.register("LSE", LSE)
        telegram = decode(README_TELEGRAM)
        assert telegram.manufacturer_data is not None
        assert telegram.manufacturer_fields == {
            "kind": telegram.manufacturer_data[0],
            "rest": telegram.manufacturer_data[1:].hex().upper(),
        }
        assert encode(telegram) == README_TELEGRAM
        assert Telegram.from_json(telegram.to_json()) == telegram

    def test_fields_and_octets_do_not_disagree(self) -> None:
        manufacturers.register("LSE", LSE)
        values: Any = decode(README_TELEGRAM).to_dict()
        values["manufacturer_fields"] = {"kind": 1, "rest": b"\x02"}
        assert decode(encode(values)).manufacturer_data == b"\x01\x02"
        manufacturers.unregister("LSE")
        with pytest.raises(BuildError, match="register"):
            encode(values)

    def test_a_grammar_that_fails_costs_its_fields_alone(self) -> None:
        before = decode(README_TELEGRAM)
        manufacturers.register("LSE", Struct("much" / Bytes(100)))
        telegram = decode(README_TELEGRAM)
        assert telegram.manufacturer_fields is None
        assert telegram.manufacturer_data is not None
        assert telegram.records == before.records
        remark = telegram.diagnostics[-1]
        assert (remark.severity, remark.code) == ("warning", "manufacturer_grammar")
        assert telegram.diagnostics[:-1] == before.diagnostics
        assert "LSE" in remark.message

    def test_whatever_a_grammar_raises_costs_its_fields_alone(self) -> None:
        class Bug(Struct):  # type: ignore[misc]
            def _parse(self, stream: Any, context: Any, path: Any) -> Any:
                raise RuntimeError("my bug")

        manufacturers.register("ELS", Bug("x" / Int16ul), ci_field=0xA1)
        (remark,) = [item for item in decode(PAYLOAD).diagnostics if item.code == "manufacturer_grammar"]
        assert remark.message.endswith("RuntimeError: my bug")

    def test_octets_left_over_are_remarked(self) -> None:
        manufacturers.register("ELS", Byte, ci_field=0xA1)
        (remark,) = decode(PAYLOAD).diagnostics
        assert remark.message.endswith("leaves 1 of 2 octets over")

    def test_the_meter_is_in_the_context(self) -> None:
        seen: list[dict[str, Any]] = []

        class Spy(Struct):  # type: ignore[misc]
            def _parse(self, stream: Any, context: Any, path: Any) -> Any:
                seen.append({key: context[key] for key in ("manufacturer", "version", "device_type")})
                return super()._parse(stream, context, path)

        manufacturers.register("ELS", Spy("x" / Int16ul), ci_field=0xA1)
        decode(PAYLOAD)
        assert seen == [{"manufacturer": "ELS", "version": 0x33, "device_type": 7}]

    def test_fields_alone_make_the_payload(self) -> None:
        manufacturers.register("ELS", Struct("pressure" / Int16ul), ci_field=0xA1)
        values = decode(PAYLOAD).to_dict()
        assert encode({**values, "user_data": None}).hex(" ").upper() == PAYLOAD
        assert encode({**values, "user_data": {}}).hex(" ").upper() == PAYLOAD
        with pytest.raises(BuildError) as caught:
            encode({**values, "user_data": None, "manufacturer_fields": {"pressure": 0x10000}})
        assert caught.value.field == "manufacturer_fields"

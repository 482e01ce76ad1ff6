"""Any telegram survives: built, framed, encrypted, and decoded with its key; without it nothing is given out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from amounts import examples
from mbus_construct import Receiver, Telegram, decode, encode
from mbus_grammars import FROM_METER, BuildError, DataRecords
from mbus_grammars.wireless import FRAME_FORMATS, MAX_TELEGRAM, without_crcs
from radio import codes
from record_strategies import octet, record_areas, secondary_address

LAYERS = ("nothing", "mode 5", "mode 7", "mode 7 and MAC", "ELL", "ELL and mode 5", "ELL, mode 7 and MAC")
SECRET = LAYERS[1:]
_number = st.integers(0, 0xFFFFFFFF)
_key = st.binary(min_size=16, max_size=16)


@st.composite
def contents(draw: st.DrawFn) -> dict[str, Any]:
    """What a telegram says, as `to_dict` has it: records of the grammar, special functions, manufacturer data."""
    read = decode(DataRecords.build(draw(record_areas(FROM_METER).filter(bool))), link="records")
    given: dict[str, Any] = {
        "records": [record.to_dict() for record in read.records],
        "special_functions": [item.to_dict() for item in read.special_functions],
        "more_records_follow": read.more_records_follow,
    }
    if read.manufacturer_data is not None:
        given["manufacturer_data"] = read.manufacturer_data.hex()
    return given


@st.composite
def telegrams(draw: st.DrawFn, layers: str) -> dict[str, Any]:
    """A telegram with some layers, as a user writes it."""
    meter = draw(secondary_address)
    sender = draw(st.just(meter) | secondary_address)
    written: dict[str, Any] = {
        "link": "wireless",
        "frame": {"format": draw(st.sampled_from(FRAME_FORMATS)), "address": sender},
        "meter": meter,
        "access_number": draw(octet),
        "status": draw(octet),
        **draw(contents()),
    }
    if sender == meter:
        written["frame"]["ci_field"] = draw(st.sampled_from((0x72, 0x7A)))
    if "mode 5" in layers:
        written["security"] = {"mode": 5}
    if "mode 7" in layers:
        written["security"] = {"mode": 7}
        counters = ["afl", "security", "both"] if "MAC" in layers else ["security"]
        counter = draw(st.sampled_from(counters))
        if counter != "afl":
            written["security"]["message_counter"] = draw(_number)
        if draw(st.booleans()):
            written["security"]["key_version"] = draw(octet)
        if "MAC" in layers:
            written["afl"] = {} if counter == "security" else {"message_counter": draw(_number)}
            if not written["afl"] or draw(st.booleans()):
                written["afl"]["key_information"] = 0x10
            written["afl"] |= {"message_length": draw(octet)} if draw(st.booleans()) else {}
    if "ELL" in layers:
        ci_field = draw(st.sampled_from((0x8D, 0x8F)))
        written["ell"] = {
            "ci_field": ci_field,
            "communication_control": draw(octet),
            "access_number": draw(octet),
            "session_number": draw(_number) & 0x1FFFFFFF | 0x20000000,
        }
        if ci_field == 0x8F:
            written["ell"]["receiver"] = draw(secondary_address)
    return written


def sent(written: dict[str, Any], key: bytes) -> bytes:
    """Its octets; telegrams that are too long for the format are not asked for."""
    try:
        return encode(written, keys=key)
    except BuildError as error:
        if "at most" in str(error):
            reject()
        raise


def said(records: Any) -> list[Any]:
    """What the records say, wherever they stand."""
    return [(item.header, item.data, item.value, item.state, item.reason, item.flags) for item in records]


def clear_records(telegram: Telegram, octets: bytes) -> int:
    """How many records stand behind what is encrypted: a header announces 240 octets at most."""
    payload = len(without_crcs(octets)[1]) - len(telegram.encrypted)
    return len(telegram.records) if payload > 0 and len(telegram.encrypted) == 240 else 0


@pytest.mark.parametrize("layers", LAYERS)
@examples(100)
@given(data=st.data(), key=_key)
def test_any_telegram_survives(layers: str, data: st.DataObject, key: bytes) -> None:
    written = data.draw(telegrams(layers))
    octets = sent(written, key)
    telegram = decode(octets, link="wireless", keys=key)
    plain = decode(
        encode({key: written[key] for key in written if key in CONTENTS} | {"link": "records"}),
        link="records",
    )
    assert said(telegram.records) == said(plain.records)
    assert telegram.manufacturer_data == plain.manufacturer_data
    assert telegram.more_records_follow == plain.more_records_follow
    others = [item.octets for item in telegram.special_functions if item.octets != b"\x2f"]
    assert others == [item.octets for item in plain.special_functions if item.octets != b"\x2f"]
    assert telegram.frame.format == written["frame"]["format"]
    assert telegram.meter is not None
    assert {name: getattr(telegram.meter, name) for name in written["meter"]} == written["meter"]
    assert (telegram.access_number, telegram.status and telegram.status.octet) == (
        written["access_number"],
        written["status"],
    )
    assert not telegram.encrypted
    if layers not in ("nothing", "ELL"):
        assert telegram.security is not None
        assert telegram.security.state == "decrypted"
        assert telegram.security.mac == ("verified" if "MAC" in layers else None)
    if "ELL" in layers:
        assert telegram.ell is not None
        assert telegram.ell.state == "decrypted"
    assert encode(telegram, keys=key) == octets
    assert Telegram.from_dict(telegram.to_dict()) == telegram
    assert Telegram.from_dict(telegram.to_dict(), keys=key) == telegram
    assert Receiver(key).decode(octets, link="wireless") == telegram


CONTENTS = ("records", "special_functions", "more_records_follow", "manufacturer_data")


@pytest.mark.parametrize("layers", SECRET)
@examples(100)
@given(data=st.data(), key=_key, other=_key)
def test_nothing_is_given_out_without_the_key(
    layers: str, data: st.DataObject, key: bytes, other: bytes
) -> None:
    written = data.draw(telegrams(layers))
    octets = sent(written, key)
    for keys, code in ((None, "encrypted"), (other, "wrong_key")):
        if keys == key:
            continue
        closed = decode(octets, link="wireless", keys=keys)
        assert closed.encrypted
        assert len(closed.records) == clear_records(closed, octets)
        assert (closed.manufacturer_data is None) or len(closed.encrypted) == 240
        assert code in codes(closed)
        assert encode(closed, keys=keys) == octets
        assert Telegram.from_dict(closed.to_dict()) == closed
        states = {part.state for part in (closed.ell, closed.security) if part is not None}
        assert states & {"encrypted", "wrong key"}
        assert "decrypted" not in states


@examples(100)
@given(data=st.data(), key=_key)
def test_the_frame_format_changes_nothing_else(data: st.DataObject, key: bytes) -> None:
    written = data.draw(st.sampled_from(LAYERS).flatmap(telegrams))
    telegram = decode(sent(written, key), link="wireless", keys=key)
    length = len(without_crcs(sent(written, key))[1])
    for form in FRAME_FORMATS:
        if length <= MAX_TELEGRAM[form]:
            values = telegram.to_dict()
            other = decode(
                encode({**values, "frame": {**values["frame"], "format": form}}, keys=key),
                link="wireless",
                keys=key,
            )
            assert other.frame.format == form
            assert other.records == telegram.records
            assert other.security == telegram.security
            assert other.ell == telegram.ell

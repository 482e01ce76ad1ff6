"""Wireless telegrams of the pyMeterBus API: alone, and beside pyMeterBus 0.8.5 where that is right."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from helpers import long_frame
from mbus_construct import MBusError, Telegram, decode, meterbus
from mbus_construct.meterbus.keys import KEYS
from mbus_construct.security.aes import encrypt_cbc
from mbus_construct.security.keys import Keys, KeysError
from mbus_grammars.wireless import with_crcs
from telegrams import README_TELEGRAM, response


def wireless(text: str) -> bytes:
    """A frame without CRCs: the L field, and what is written in hex from the C field on."""
    octets = bytes.fromhex(text)
    return bytes([len(octets)]) + octets


# E65, E66, E68 and E69 of the standard's examples: OMS Annex N.2.1 and N.5.3, CEN/TR 17167:2018 F.3, ELL II.
LINK = "44 9315 78563412 33 03"
GAS_KEY = "0102030405060708090A0B0C0D0E0F11"
MASTER = "000102030405060708090A0B0C0D0E0F"
ELL_KEY = "0102030405060708090A0B0C0D0E0F10"
GAS = wireless(f"{LINK} 7A 2A 00 2025 5923C95AAA26D1B2E7493B013EC4A6F6 D3529B520EDFF0EA6DEFC99D6D69EBF3")
PARTLY = "72 88776655 9344 55 08 00 04 1005 00DFE2A782146D1513581CD2F83F3904 0CFD1078563412"
ADAPTER = wireless(f"44 9344 44332211 55 37 8C 00 75 {PARTLY}")
MODE_7 = wireless(
    "08 2448 44332211 03 37 8E 80 75 3A63 66554433 0A 31 90 0F 002C 25 B30A0000 AF5D74DF73A600D9 "
    "72 78563412 9315 33 03 75 00 2007 10 9058475F4BC91DF878B80A1B0F98B629 024AAC727942BFC549233C0140829B93"
)
ELL_II = wireless(
    "44 2D2C 11313427 33 02 8D 20 E9 603A1020 "
    "08C67C819AAE99B4DE753AA136EF64917ED9D8B2E2D35840BDEA173B8FE14CCE3F1406B7CF"
)
RECORDS = "0C1427048502 046D32371F15 02FD170000"
PLAIN = wireless(f"{LINK} 78 {RECORDS}")
VALUES = [Decimal("28504.27"), "2008-05-31T23:50", Decimal(0)]


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys are the whole program's: those of one test are not those of another."""
    monkeypatch.setattr(KEYS, "keys", Keys())
    monkeypatch.setattr(KEYS, "_by_meter", {})


def values(telegram: Any) -> list[Any]:
    return [record.value for record in telegram.records]


# --- Beside pyMeterBus ---------------------------------------------------------------------------

FRAMES = {
    "mode 5": GAS,
    "short header": wireless(f"{LINK} 7A 2A 00 0000 2F2F {RECORDS} 2F2F"),
    "short header, alarm": wireless(f"{LINK} 7A 2A C4 0000 2F2F {RECORDS}"),
    "long header": wireless(f"{LINK} 72 11223344 9344 01 07 2A 00 0000 2F2F {RECORDS}"),
    "no header": PLAIN,
    "records of a heat meter": wireless(f"{LINK} 78 {README_TELEGRAM[19:-2].hex()}"),
    "manufacturer's": wireless(f"{LINK} AA 01020304"),
    "leading zeros": wireless("44 9315 05000412 01 02 7A 2A 00 0000 2F2F 01FD1705"),
}

FIELDS = (
    *("ci_field", "id_nr_field", "manufacturer_field", "version_field", "device_field", "acc_nr_field"),
    *("status_field", "configuration_field", "decryption_field"),
)
SHOWN = ("id_nr", "address", "length", "isLSBOrder", "without_tl", "short_tl", "long_tl", "manu_tl")


def keyed(module: Any) -> Any:
    module.add_wmbus_encryption_key(bytes.fromhex("12345678"), bytes.fromhex(GAS_KEY))
    return module


@pytest.fixture
def both(theirs, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """pyMeterBus and this library, with the same key."""
    monkeypatch.setattr(theirs.WTelegramBaseDataHeader, "_keys", {})
    return keyed(theirs), keyed(meterbus)


@pytest.mark.parametrize("octets", FRAMES.values(), ids=FRAMES)
def test_json(both, octets: bytes) -> None:
    their, our = (
        json.loads(module.load(octets).to_JSON(), parse_float=Decimal, parse_int=Decimal) for module in both
    )
    assert list(our) == list(their)
    assert list(our["header"].items()) == list(their["header"].items())
    assert [list(record) for record in our["records"]] == [list(record) for record in their["records"]]
    for our_record, their_record in zip(our["records"], their["records"], strict=True):
        ours, their_value = our_record["value"], their_record["value"]
        if isinstance(ours, Decimal):  # a double of pyMeterBus has a tail
            our_record["value"], their_record["value"] = float(ours), float(their_value)
        elif their_value == "2000-00-00":  # no date, and none here
            their_record["value"] = None
    assert our == their


@pytest.mark.parametrize("octets", FRAMES.values(), ids=FRAMES)
def test_fields(both, octets: bytes) -> None:
    their, our = (module.load(octets) for module in both)
    assert type(our).__name__ == type(their).__name__ == "WTelegramSndNr"
    for name in ("lField", "cField"):
        assert getattr(our, name).parts == getattr(their, name).parts
    for name in FIELDS:
        assert getattr(our.dataHeader, name).parts == getattr(their.dataHeader, name).parts
    for name in SHOWN:
        assert getattr(our.dataHeader, name) == getattr(their.dataHeader, name)
    assert our.is_encrypted == their.is_encrypted
    assert our.check_crc() == their.check_crc()
    assert our.bodyHeader is our.dataHeader
    assert [r.unit for r in our.records] == [r.unit for r in their.records]
    assert json.loads(our.dataHeader.to_JSON()) == json.loads(their.dataHeader.to_JSON())
    if their.dataHeader.configuration_field.parts:
        for name in ("encryption_mode", "encryption_name", "crypto_iv"):
            assert getattr(our.dataHeader, name) == getattr(their.dataHeader, name)


@pytest.mark.parametrize("mode", [0, 2, 3, 4, 5])
def test_security_modes(both, mode: int) -> None:
    shown = []
    for module in both:
        header = module.load(FRAMES["short header"]).dataHeader
        header.configuration_field.parts[0] = mode
        shown.append((header.encryption_mode, header.encryption_name, header.crypto_iv))
    assert shown[1] == shown[0]


def test_kinds_of_headers(both) -> None:
    """What pyMeterBus knows of CI fields is the same here."""
    headers = [module.WTelegramBaseDataHeader() for module in both]
    known = 0
    for ci_field in range(256):
        for header in headers:
            header.ci_field.parts = [ci_field]
        for name in ("without_tl", "short_tl", "long_tl", "manu_tl"):
            if getattr(headers[0], name):
                assert getattr(headers[1], name)
                known += 1
    assert known > 25


def test_decrypt(both) -> None:
    data = list(GAS[15:])
    plain = [module.load(GAS).dataHeader.decrypt(data) for module in both]
    assert plain[0] == plain[1] == [*bytes.fromhex("2F2F" + RECORDS), *[0x2F] * 13]
    assert [module.load(GAS).dataHeader.decrypt([0] * 32) for module in both] == [False, False]
    for module in both:
        unknown = module.load(FRAMES["long header"]).dataHeader
        assert unknown.decrypt(data) in (None, False)
        unknown.configuration_field.parts = [0x25, 0x20]
        assert unknown.decrypt(data) is False


def test_added_to_the_class(both) -> None:
    for module in both:
        module.WTelegramBaseDataHeader.add_decryption_key(bytes.fromhex("12345678"), bytes(16))
        assert values(module.load(GAS)) != VALUES
        module.WTelegramBaseDataHeader.add_decryption_key(bytes.fromhex("12345678"), bytes.fromhex(GAS_KEY))
        assert [str(value)[:8] for value in values(module.load(GAS))] == ["28504.27", "2008-05-", "0"]


# --- What pyMeterBus reads wrong -----------------------------------------------------------------


def test_records_behind_a_header_without_fillers() -> None:
    telegram = meterbus.load(wireless(f"{LINK} 7A 2A 00 0000 {RECORDS}"))
    assert values(telegram) == VALUES
    assert telegram.dataHeader.decryption_field.parts == []
    assert telegram.dataHeader.length == 13
    assert not telegram.interpreted["header"]["decryption"]


@pytest.mark.parametrize("key", [None, "FF" * 16])
def test_what_is_not_decrypted_gives_no_records(key: str | None) -> None:
    if key is not None:
        meterbus.add_wmbus_encryption_key("12345678", key)
    telegram = meterbus.load(GAS)
    assert telegram.records == []
    assert telegram.is_encrypted
    assert telegram.decoded.security.state == ("encrypted" if key is None else "wrong key")
    assert telegram.interpreted["header"]["decryption"] == "0x59, 0x23"


def test_plain_records_behind_encrypted_ones() -> None:
    meterbus.add_wmbus_encryption_key(bytes.fromhex("55667788"), bytes.fromhex(MASTER))
    for octets in (wireless(f"44 9344 44332211 55 37 {PARTLY}"), ADAPTER):
        telegram = meterbus.load(octets)
        assert values(telegram) == [1234, "2007-04-30", 23456, 12345678]
        header = telegram.dataHeader
        assert (header.id_nr, header.ci_field.parts) == ([0x55, 0x66, 0x77, 0x88], [0x72])
        assert header.length == 23
        assert telegram.has_errors  # power low
        plain = header.decrypt(octets[-23:])
        assert isinstance(plain, list)
        assert plain[:2] == [0x2F, 0x2F]
        assert plain[16:] == list(octets[-7:])


@pytest.mark.parametrize("frame_format", ["A", "B"])
def test_frames_with_crcs(frame_format) -> None:
    meterbus.add_wmbus_encryption_key("ELS-12345678-33-03", GAS_KEY)
    octets = with_crcs(GAS, frame_format)
    telegram = meterbus.load(octets)
    assert values(telegram) == VALUES
    assert bytes(telegram) == bytes(list(telegram)) == octets
    assert len(telegram) == len(octets)
    assert telegram.lField.parts == [octets[0]]
    assert telegram.dataHeader.decryption_field.parts == [0x59, 0x23]
    assert telegram.decoded.frame.format == frame_format


def test_mode_7() -> None:
    meterbus.add_wmbus_encryption_key("default", MASTER)
    telegram = meterbus.load(MODE_7)
    assert type(telegram) is meterbus.WTelegramFrame  # RSP_UD
    assert values(telegram) == VALUES
    header = telegram.dataHeader
    assert (header.encryption_mode, header.encryption_name) == (7, "AES-128-CBC, IV zero, derived key")
    assert header.crypto_iv == bytearray(16)
    assert header.decryption_field.parts == [0x90, 0x58]
    assert header.decrypt(MODE_7[-32:]) is None
    assert telegram.decoded.security.mac == "verified"


def test_extended_link_layer() -> None:
    telegram = meterbus.load(ELL_II)
    assert telegram.is_encrypted
    assert (telegram.records, telegram.dataHeader.ci_field.parts) == ([], [0x8D])
    meterbus.add_wmbus_encryption_key("27343111", ELL_KEY)
    telegram = meterbus.load(ELL_II)
    assert telegram.is_encrypted
    assert values(telegram) == [0, 327900, 404400, 900, 0]
    header = telegram.dataHeader
    assert header.interpreted == {
        "manufacturer": "KAM",
        "identification": "0x27, 0x34, 0x31, 0x11",
        "version": "0x33",
        "device_type": "0x2",
        "type": "0x78",
    }
    assert header.encryption_mode is header.encryption_name is header.crypto_iv is None
    assert (header.length, header.isLSBOrder, header.without_tl) == (9, True, True)
    assert not telegram.has_errors


@pytest.mark.parametrize(
    ("status", "errors"),
    [
        *((status, False) for status in (0x00, 0x01, 0x20, 0x40, 0xC0)),
        *((status, True) for status in (0x02, 0x03, 0x04, 0x08, 0x10)),
    ],
)
def test_errors(status: int, errors: bool) -> None:
    telegram = meterbus.load(wireless(f"{LINK} 7A 2A {status:02X} 0000 {RECORDS}"))
    assert telegram.has_errors is telegram.dataHeader.has_errors is errors


def test_a_wired_frame_with_the_l_field_44h_is_one() -> None:
    octets = response("0F" + "00" * 52)
    assert octets[1] == 0x44
    assert isinstance(meterbus.load(octets), meterbus.TelegramLong)
    with pytest.raises(meterbus.FrameMismatch):
        meterbus.WTelegramSndNr.parse(octets)


@pytest.mark.parametrize("l_field", [0x10, 0x68, 0xE5])
def test_l_fields_that_are_starts_of_wired_frames(l_field: int) -> None:
    octets = wireless(f"{LINK} 78 01FD1705" + "2F" * (l_field - 14))
    assert octets[0] == l_field
    telegram = meterbus.load(octets)
    assert isinstance(telegram, meterbus.WTelegramSndNr)
    assert values(telegram) == [5]


@pytest.mark.parametrize("ci_field", [0xA0, 0xAA, 0x7D])
def test_a_payload_without_grammar_is_a_record(ci_field: int) -> None:
    header = "2A 00 0000" if ci_field == 0x7D else ""
    (record,) = meterbus.load(wireless(f"{LINK} {ci_field:02X} {header} 01020304")).records
    assert (record.value, record.function) == ("01 02 03 04", 4)


def test_a_compact_frame_has_no_records() -> None:
    telegram = meterbus.load(wireless(f"{LINK} 79 423BA6D2 042E163423"))
    assert telegram.records == []
    assert [remark.code for remark in telegram.decoded.diagnostics] == ["unknown_signature"]


# --- Errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("octets", "error", "said"),
    [
        (PLAIN[:-1], meterbus.MbusFrameLengthError, f"{len(PLAIN)} are announced"),
        (PLAIN[:8], meterbus.MbusFrameLengthError, f"{len(PLAIN)} are announced"),
        (PLAIN + b"\x00", meterbus.MBusFrameDecodeError, "of a frame of"),
        (with_crcs(PLAIN, "A")[:-1] + b"\x00", meterbus.MBusFrameCRCError, "check sum"),
        (b"\x03\x44\x93\x15", meterbus.MBusFrameDecodeError, "L field 03h"),
        (wireless(LINK), meterbus.MBusFrameDecodeError, "without CI field"),
        (wireless("53" + LINK[2:] + "51 0C1427048502"), meterbus.MBusFrameDecodeError, "to a meter.*SND_UD"),
        (wireless(f"{LINK} 7A 2A"), meterbus.MBusFrameDecodeError, "user data: .*access_number|user data: "),
    ],
)
def test_what_cannot_be_loaded(octets: bytes, error: type[MBusError], said: str) -> None:
    with pytest.raises(error, match=said):
        meterbus.load(octets)


def test_a_crc_that_is_wrong_has_both_numbers() -> None:
    octets = with_crcs(PLAIN, "A")
    with pytest.raises(meterbus.MBusFrameCRCError) as caught:
        meterbus.load(octets[:-2] + b"\x12\x34")
    assert (caught.value.computed, caught.value.expected) == (int.from_bytes(octets[-2:]), 0x1234)


def test_the_class_reads_its_own_kind() -> None:
    assert isinstance(meterbus.WTelegramSndNr.parse(PLAIN), meterbus.WTelegramSndNr)
    assert values(meterbus.WTelegramSndNr(list(PLAIN))) == VALUES
    for octets in (MODE_7, b"\xe5", README_TELEGRAM):
        with pytest.raises(meterbus.FrameMismatch, match="WTelegramSndNr"):
            meterbus.WTelegramSndNr.parse(octets)


def test_a_telegram_that_is_loaded_later() -> None:
    telegram = meterbus.WTelegramFrame()
    assert telegram.interpreted == {"header": {}, "records": [], "length": None, "c": ""}
    assert (telegram.decoded, telegram.records, bytes(telegram)) == (None, [], b"")
    assert not telegram.is_encrypted
    assert not telegram.has_errors
    assert telegram.load(PLAIN.decode("latin-1"))
    assert values(telegram) == VALUES
    assert isinstance(telegram.decoded, Telegram)


def test_every_cut_and_every_octet_loads_or_is_refused_in_a_sentence() -> None:
    loaded = 0
    for octets in (GAS, ADAPTER, MODE_7, ELL_II, with_crcs(GAS, "A"), with_crcs(GAS, "B")):
        given = [octets[:length] for length in range(1, len(octets))]
        given += [octets[:place] + bytes([octets[place] ^ 0xFF]) + octets[place + 1 :] for place in range(20)]
        given += [octets[:10] + bytes([ci_field]) + octets[11:] for ci_field in range(256)]
        for data in given:
            try:
                telegram = meterbus.load(data)
            except MBusError as error:
                assert len(str(error)) > 8
            else:
                loaded += 1
                assert bytes(telegram) == data
                json.loads(telegram.to_JSON())
    assert loaded > 500


# --- Keys ----------------------------------------------------------------------------------------


def test_keys_of_wired_telegrams() -> None:
    header, records = bytes.fromhex("78563412 9315 33 03 2A 00 2025"), bytes.fromhex("2F2F" + RECORDS)
    iv = bytes.fromhex("9315 78563412 33 03") + b"\x2a" * 8
    hidden = encrypt_cbc(bytes.fromhex(GAS_KEY), iv, records.ljust(32, b"\x2f"))
    octets = long_frame(header + hidden, 0x72)
    assert meterbus.load(octets).records == []
    meterbus.add_wmbus_encryption_key(bytearray.fromhex("12345678"), GAS_KEY)
    telegram = meterbus.load(octets)
    assert values(telegram) == VALUES
    assert bytes(telegram) == octets


@pytest.mark.parametrize(
    ("id_nr", "key", "said"),
    [
        (bytes(8), bytes(16), "8 octets"),
        (bytes.fromhex(GAS_KEY), bytes(4), "16 octets"),
        (GAS_KEY, bytes(16), "selector"),
        (bytes(4), bytes.fromhex(GAS_KEY)[:15], "16 octets"),
        (bytes(4), GAS_KEY[:-1] + "x", "hex digits"),
    ],
)
def test_what_is_no_key_is_named_without_its_digits(id_nr: Any, key: Any, said: str) -> None:
    meterbus.add_wmbus_encryption_key("12345678", GAS_KEY)
    with pytest.raises(KeysError, match=said) as caught:
        meterbus.add_wmbus_encryption_key(id_nr, key)
    assert GAS_KEY[:8] not in str(caught.value)
    assert values(meterbus.load(GAS)) == VALUES  # the keys that there were are still there


def test_no_key_is_shown() -> None:
    meterbus.add_wmbus_encryption_key("12345678", GAS_KEY)
    telegram = meterbus.load(GAS)
    shown = f"{telegram.to_JSON()}{telegram.__dict__}{telegram.dataHeader.__dict__}{KEYS.__dict__}"
    for text in (GAS_KEY, GAS_KEY.lower(), str(bytes.fromhex(GAS_KEY))[2:-1]):
        assert text not in shown


# --- Layers on wires -----------------------------------------------------------------------------


@pytest.mark.parametrize("octets", [GAS, ADAPTER, MODE_7, ELL_II])
def test_the_layers_of_wireless_telegrams_on_wires(octets: bytes) -> None:
    frame = long_frame(octets[11:], octets[10])
    telegram = meterbus.load(frame)
    assert isinstance(telegram, meterbus.TelegramLong)
    assert bytes(telegram) == frame
    json.loads(telegram.to_JSON())
    meter = decode(frame).meter
    assert telegram.secondary_address == (None if meter is None else meter.secondary_address)

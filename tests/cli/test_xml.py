"""`mbus decode --format xml`: libmbus's XML, plain and normalised."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from commands import Mbus, program
from helpers import long_frame
from mbus_construct import Receiver, decode, merge
from mbus_construct.libmbus.names import prefix
from mbus_construct.libmbus.xml import results_to_xml, to_xml
from mbus_grammars.wireless import with_crcs
from telegrams import HEADER, README_TELEGRAM, response
from vectors import EXAMPLES, FRAMES

MORE = next(example.octets for example in EXAMPLES if example.name.startswith("E33"))
FIXED = next(example.octets for example in EXAMPLES if example.name.startswith("E27"))


def read_xml(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)  # noqa: S314  our own text


def parsed(octets: bytes, *, normalised: bool = False) -> ElementTree.Element:
    return read_xml(to_xml(decode(octets), normalised=normalised))


def record(octets: str, *, normalised: bool = False) -> dict[str, str | None]:
    """The parts and attributes of the only record."""
    (item,) = parsed(response(octets), normalised=normalised).findall("DataRecord")
    return {child.tag: child.text for child in item} | {f"@{key}": text for key, text in item.items()}


def test_the_whole_document() -> None:
    octets = response("03 13 15 31 00 DA 02 3B 13 01 0F AA BB")
    assert (
        to_xml(decode(octets))
        == """\
<?xml version="1.0" encoding="ISO-8859-1"?>
<MBusData>

    <SlaveInformation>
        <Id>12345678</Id>
        <Manufacturer>PAD</Manufacturer>
        <Version>1</Version>
        <ProductName></ProductName>
        <Medium>Water</Medium>
        <AccessNumber>85</AccessNumber>
        <Status>00</Status>
        <Signature>0000</Signature>
    </SlaveInformation>

    <DataRecord id="0">
        <Function>Instantaneous value</Function>
        <StorageNumber>0</StorageNumber>
        <Unit>Volume (m m^3)</Unit>
        <Value>12565</Value>
    </DataRecord>

    <DataRecord id="1">
        <Function>Maximum value</Function>
        <StorageNumber>5</StorageNumber>
        <Tariff>0</Tariff>
        <Device>0</Device>
        <Unit>Volume flow (m m^3/h)</Unit>
        <Value>113</Value>
    </DataRecord>

    <DataRecord id="2">
        <Function>Manufacturer specific</Function>
        <Value>AA BB</Value>
    </DataRecord>

</MBusData>
"""
    )


def test_the_whole_document_normalised() -> None:
    octets = response("02 65 D6 08 04 6D 12 0B D3 12 1F")
    document = to_xml(decode(octets), normalised=True)
    assert document.isascii()
    assert (
        document[document.index("    <DataRecord") :]
        == """\
    <DataRecord id="0">
        <Function>Instantaneous value</Function>
        <StorageNumber>0</StorageNumber>
        <Unit>&#176;C</Unit>
        <Quantity>External temperature</Quantity>
        <Value>22.62</Value>
    </DataRecord>

    <DataRecord id="1">
        <Function>Instantaneous value</Function>
        <StorageNumber>0</StorageNumber>
        <Unit>-</Unit>
        <Quantity>Time point (date &amp; time)</Quantity>
        <Value>2014-02-19T11:18:00</Value>
    </DataRecord>

    <DataRecord id="2">
        <Function>More records follow</Function>
        <StorageNumber>0</StorageNumber>
        <Unit></Unit>
        <Quantity></Quantity>
        <Value></Value>
    </DataRecord>

</MBusData>
"""
    )


@pytest.mark.parametrize(
    ("octets", "unit", "value", "base", "quantity", "exact"),
    [
        ("0C 06 17 98 38 01", "Energy (kWh)", "1389817", "Wh", "Energy", "1389817000"),
        ("0C 05 14 00 00 00", "Energy (100 Wh)", "14", "Wh", "Energy", "1400"),
        ("04 03 01 00 00 00", "Energy (Wh)", "1", "Wh", "Energy", "1"),
        ("04 07 01 00 00 00", "Energy (10 kWh)", "1", "Wh", "Energy", "10000"),
        ("04 FB 01 01 00 00 00", "Energy (MWh)", "1", "Wh", "Energy", "1000000"),
        ("04 0E 01 00 00 00", "Energy (MJ)", "1", "J", "Energy", "1000000"),
        ("04 15 01 00 00 00", "Volume (1e-1  m^3)", "1", "m^3", "Volume", "0.1"),
        ("04 16 01 00 00 00", "Volume ( m^3)", "1", "m^3", "Volume", "1"),
        ("04 10 01 00 00 00", "Volume (my m^3)", "1", "m^3", "Volume", "0.000001"),
        ("04 2A 01 00 00 00", "Power (1e-1 W)", "1", "W", "Power", "0.1"),
        ("02 5A 9A 01", "Flow temperature (1e-1 deg C)", "410", "\xb0C", "Flow temperature", "41"),
        ("02 5F 2B 00", "Return temperature (deg C)", "43", "\xb0C", "Return temperature", "43"),
        (
            *("02 61 8A 14", "Temperature Difference (1e-2  deg C)", "5258"),
            *("K", "Temperature difference", "52.58"),
        ),
        (
            *("02 65 D6 08", "External temperature (1e-2  deg C)", "2262"),
            *("\xb0C", "External temperature", "22.62"),
        ),
        ("02 26 9A 00", "Operating time (hours)", "154", "s", "Operating time", "554400"),
        ("01 72 18", "Averaging Duration (hours)", "24", "s", "Averaging Duration", "86400"),
        ("02 FD 48 6C 03", "1e-1  V", "876", "V", "Voltage", "87.6"),
        ("02 FD 59 BD 03", "m A", "957", "A", "Current", "0.957"),
        ("0C 78 45 58 57 03", "Fabrication number", "3575845", "", "Fabrication No", "3575845"),
        ("01 FD 1B 02", "Digital input (binary)", "2", "", "Digital Input", "2"),
        ("01 FD 17 00", "Error flags", "0", "", "Error flags", "0"),
        ("01 FD 3A 05", "dimensionless / no VIF", "5", "", "Dimensionless", "5"),
        ("01 FD 28 03", "Storage interval (months)", "3", "month", "Storage interval", "3"),
        ("01 6E 05", "Units for H.C.A.", "5", "", "H.C.A.", "5"),
        ("01 7F 05", "Manufacturer specific", "5", "", "Manufacturer specific", "5"),
        ("02 FC 03 48 52 25 74 D4 11", "1e-2  %RH", "4564", "-", "%RH", "45.64"),
        ("02 7C 03 48 52 25 05 00", "%RH", "5", "-", "%RH", "5"),
        ("02 6C BF 1C", "Time Point (date)", "2013-12-31", "-", "Time point (date)", "2013-12-31"),
        (
            *("0D FD 0B 05 31 32 4D 46 57", "Parameter set identification", "WFM21"),
            *("", "Parameter set identification", "WFM21"),
        ),
        ("0D FD 3B 03 01 02 03", "Data container for wireless M-Bus protocol", "01 02 03", "", *[""] * 2),
        ("05 2E A0 C8 51 46", "Power (kW)", "13426.156", "W", "Power", "13426156"),
        (
            "05 5B 90 D3 07 43",
            "Flow temperature (deg C)",
            "135.82642",
            "\xb0C",
            "Flow temperature",
            "135.82642",
        ),
        ("04 93 22 05 00 00 00", "Volume (m m^3/h)", "5", "m^3/h", "Volume", "0.005"),
        ("04 93 7D 05 00 00 00", "Volume ( m^3)", "5", "m^3", "Volume", "5"),
        (
            *("02 BB 48 05 00", "Volume flow (m m^3/h), upper limit value", "5"),
            *("m^3/h", "Volume flow, upper limit value", "0.005"),
        ),
    ],
)
def test_units_and_values(octets: str, unit: str, value: str, base: str, quantity: str, exact: str) -> None:  # noqa: PLR0917
    plain = record(octets)
    assert (plain["Unit"], plain["Value"]) == (unit, value)
    if quantity:
        normalised = record(octets, normalised=True)
        assert (normalised["Unit"] or "", normalised["Quantity"], normalised["Value"]) == (
            base,
            quantity,
            exact,
        )


@pytest.mark.parametrize(
    "octets", ["02 6C 00 00", "0A 65 21 E3", "04 06 00 00 00 80", "04 93 15 01 00 00 00"]
)
@pytest.mark.parametrize("normalised", [False, True])
def test_what_is_no_value_is_empty_and_says_why(octets: str, normalised: bool) -> None:
    shown = record(octets, normalised=normalised)
    assert not shown["Value"]
    assert shown["@reason"] == decode(response(octets)).records[0].reason


def test_a_record_that_cannot_be_read_has_its_place() -> None:
    items = parsed(response("0C 13 65 25 01 00 0C 06 11")).findall("DataRecord")
    assert [item.findtext("Value") for item in items] == ["12565", ""]
    assert items[1].get("octets") == "0C 06 11"
    assert items[1].get("reason")


def test_texts_of_a_meter_are_escaped() -> None:
    text = b'<&>"\x00\x1b\xb0'
    octets = response(f"0D FD 0B {len(text):02X}" + text[::-1].hex())
    document = to_xml(decode(octets))
    assert document.isascii()
    assert read_xml(document).findtext("DataRecord/Value") == '<&>"\\x00\\x1b\xb0'


@pytest.mark.parametrize(
    ("code", "text"),
    [("", "Unspecified error"), ("08", "Application busy"), ("05", "More than 10 DIFE\xb4s"), ("33", "0x33")],
)
def test_application_errors(code: str, text: str) -> None:
    root = parsed(long_frame(bytes.fromhex(code), 0x70))
    assert [child.tag for child in root] == ["SlaveInformation"]
    assert text in (root.findtext("SlaveInformation/Error") or "")


def test_the_fixed_data_structure() -> None:
    root = parsed(FIXED)
    assert [(child.tag, child.text) for child in root[0]] == [
        ("Id", "12345678"),
        ("Medium", "Water"),
        ("AccessNumber", "10"),
        ("Status", "00"),
    ]
    assert [[part.text for part in item] for item in root[1:]] == [
        ["Actual value", "l", "1"],
        ["Stored value", "l", "135"],
    ]


@pytest.mark.parametrize(
    ("units", "unit", "number"),
    [
        ("E9 7E", "l", "1"),
        ("C5 7F", "kWh", "1"),
        ("C6 7F", "10 kWh", "1"),
        ("EC 7F", "m^3", "1"),
        ("E6 7F", "ml", "1"),
        ("E7 7F", "10 ml", "1"),
        ("EB 7F", "100 l", "1"),
        ("F2 7F", "l/h", "1"),
        ("F9 7F", "Units for H.C.A.", "1"),
        ("FF 7F", "without units", "1"),
        ("C0 7F", "h,m,s", ""),
        ("FB 7F", "reserved", ""),
    ],
)
def test_units_of_the_fixed_data_structure(units: str, unit: str, number: str) -> None:
    octets = long_frame(bytes.fromhex(f"78563412 0A 00 {units} 01000000 35010000"), 0x73)
    item = parsed(octets).findall("DataRecord")[0]
    assert (item.findtext("Unit"), item.findtext("Value")) == (unit, number)


def test_headers_that_are_not_long() -> None:
    assert [child.tag for child in parsed(response("01 13 05", 0x78, b""))[0]] == []
    assert [child.tag for child in parsed(response("01 13 05", 0x7A, bytes(4)))[0]] == [
        *("AccessNumber", "Status", "Signature"),
    ]


def test_frames_without_data_of_a_meter_say_what_they_are() -> None:
    assert [(c.tag, c.text) for c in parsed(b"\xe5")[0]] == [("Format", "single character")]
    assert [(c.tag, c.text) for c in parsed(bytes.fromhex("105B015C16"))[0]] == [
        ("Format", "short"),
        ("CField", "5B"),
        ("AField", "01"),
    ]


def test_encrypted_octets_are_kept() -> None:
    octets = response("80" * 32, 0x72, HEADER[:-2] + b"\x20\x05")
    assert parsed(octets).findtext("Encrypted") == " ".join(["80"] * 32)


# --- By radio ------------------------------------------------------------------------------------

LINK = bytes.fromhex("44 9315 78563412 33 03")


def wireless(text: str) -> bytes:
    """A frame without CRCs: what is written in hex stands behind the link address."""
    octets = LINK + bytes.fromhex(text)
    return bytes([len(octets)]) + octets


def first(root: ElementTree.Element) -> dict[str, str | None]:
    assert root[0].tag == "SlaveInformation"
    return {child.tag: child.text for child in root[0]}


SENDER = {"Id": "12345678", "Manufacturer": "ELS", "Version": "51", "ProductName": None, "Medium": "Gas"}


def test_a_telegram_by_radio_has_the_address_of_the_link_layer() -> None:
    root = parsed(wireless("78 01 13 05"))
    assert first(root) == SENDER
    assert [item.findtext("Value") for item in root.findall("DataRecord")] == ["5"]


def test_a_telegram_by_radio_has_the_address_of_the_long_header() -> None:
    root = parsed(wireless("8C 20 27 72 11223344 9344 01 07 2A 00 0000 01 13 05"))
    assert first(root) == {
        "Id": "44332211",
        "Manufacturer": "QDS",
        "Version": "1",
        "ProductName": None,
        "Medium": "Water",
        "AccessNumber": "42",
        "Status": "00",
        "Signature": "0000",
    }
    assert [item.findtext("Value") for item in root.findall("DataRecord")] == ["5"]


@pytest.mark.parametrize("frame_format", ["A", "B"])
def test_frames_with_crcs_are_as_those_without(frame_format) -> None:
    octets = wireless("7A 2A 00 0000 2F2F 01 13 05")
    assert to_xml(decode(with_crcs(octets, frame_format))) == to_xml(decode(octets))


def test_a_telegram_by_radio_with_and_without_its_key() -> None:
    octets = wireless(
        "7A 2A 00 2025 5923C95AAA26D1B2E7493B013EC4A6F6 D3529B520EDFF0EA6DEFC99D6D69EBF3"
    )  # E65
    assert parsed(octets).findtext("Encrypted") == octets[15:].hex(" ").upper()
    root = read_xml(to_xml(decode(octets, keys="0102030405060708090A0B0C0D0E0F11")))
    assert [item.findtext("Value") for item in root.findall("DataRecord")] == [
        *("2850427", "2008-05-31T23:50:00", "0"),
    ]
    assert root.find("Encrypted") is None


@pytest.mark.parametrize(
    ("octets", "payload", "reason"),
    [
        (wireless("A0 01 02 03 04"), "01 02 03 04", "manufacturer specific"),
        (wireless("90 02 01 40 11 22 33 44"), "11 22 33 44", "fragment 1"),
        (wireless("79 3B42 A6D2 042E163423"), "04 2E 16 34 23", "its format 423Bh is not known"),
        (wireless("7A 2A 00 00"), "2A 00 00", "user data: "),
        (long_frame(b"\x01\x02", 0xA0), "01 02", "manufacturer specific"),
    ],
)
def test_octets_that_are_no_records_are_kept_and_say_why(octets: bytes, payload: str, reason: str) -> None:
    root = parsed(octets)
    assert [child.tag for child in root] == [
        "Frame" if octets[0] == 0x68 else "SlaveInformation",
        "Payload",
    ]
    assert root.findtext("Payload") == payload
    assert reason in root[1].get("reason", "")


def test_a_compact_frame_that_is_known_has_its_records() -> None:
    receiver = Receiver()
    receiver.decode(wireless("78 02 02 D2 04 02 15 2E 16 02 2A 34 23"))
    root = read_xml(to_xml(receiver.decode(wireless("79 31 3B 42 A6 D2 04 2E 16 34 23"))))  # E70
    assert [item.findtext("Value") for item in root.findall("DataRecord")] == ["1234", "5678", "9012"]
    assert root.find("Payload") is None


def test_an_application_error_by_radio_says_whose() -> None:
    root = parsed(wireless("6E 2A 00 0000 08"))
    assert first(root) == SENDER | {
        "AccessNumber": "42",
        "Status": "00",
        "Signature": "0000",
        "Error": "Application busy",
    }


def test_a_frame_to_a_meter_by_radio() -> None:
    octets = bytes.fromhex("0E 53 9315 78563412 33 03 5A 2A 00 00 00")
    # The link layer names who sends, which is not the meter.
    assert first(parsed(octets)) == {"AccessNumber": "42", "Status": "00", "Signature": "0000"}


@pytest.mark.parametrize("octets", FRAMES, ids=lambda octets: octets.hex()[:40])
@pytest.mark.parametrize("normalised", [False, True])
def test_every_frame_is_well_formed(octets: bytes, normalised: bool) -> None:
    root = parsed(octets, normalised=normalised)
    assert root.tag == "MBusData"
    assert [item.get("id") for item in root.iter("DataRecord")] == [
        str(k) for k, _ in enumerate(root.iter("DataRecord"))
    ]


def test_a_readout_has_one_header_and_the_frame_of_each_record() -> None:
    telegrams = [decode(MORE), decode(MORE)]
    root = read_xml(to_xml(merge(telegrams)))
    assert len(root.findall("SlaveInformation")) == 1
    assert [item.get("id") for item in root.iter("DataRecord")] == [str(k) for k in range(26)]
    assert [item.get("frame") for item in root.iter("DataRecord")] == ["0"] * 13 + ["1"] * 13
    assert to_xml(merge(telegrams)).count('<DataRecord id="25" frame="1">') == 1
    assert read_xml(to_xml(merge([]))).tag == "MBusData"


def test_prefixes() -> None:
    assert [prefix(n) for n in (-6, -3, -1, 0, 1, 2, 3, 6, 9)] == [
        *("my", "m", "1e-1 ", "", "10 ", "100 ", "k", "M", "G"),
    ]


# --- The command ---------------------------------------------------------------------------------


def test_one_telegram(mbus: Mbus) -> None:
    run = mbus("decode", "--format", "xml", README_TELEGRAM.hex())
    assert run.code == 0
    assert run.out == to_xml(decode(README_TELEGRAM))
    run = mbus("decode", "-f", "xml-normalised", README_TELEGRAM.hex())
    assert run.out == to_xml(decode(README_TELEGRAM), normalised=True)


def test_several_telegrams_and_a_refusal_are_one_document(mbus: Mbus) -> None:
    run = mbus("decode", "-f", "xml", README_TELEGRAM.hex(), "68 03 03 68 08 01 72 00 16", MORE.hex())
    assert run.code == 1
    root = read_xml(run.out)
    assert [child.tag for child in root] == ["MBusData", "Refusal", "MBusData"]
    assert [child.get("source") for child in root] == ["argument 1", None, "argument 3"]
    assert [(part.tag, part.text) for part in root[1]] == [
        ("Source", "argument 2"),
        ("Code", "checksum"),
        ("Message", "check sum 00h, the octets give 7Bh (offset 7)"),
        ("Offset", "7"),
        ("Octets", "68 03 03 68 08 01 72 00 16"),
    ]
    assert "argument 2" in run.err


def test_nothing_but_a_refusal(mbus: Mbus) -> None:
    run = mbus("decode", "-f", "xml", "68 03 03 68 08 01 72 00 16")
    assert run.code == 2
    assert read_xml(run.out).tag == "Refusal"
    assert read_xml(results_to_xml([])).tag == "MBusDataList"


def test_merged(mbus: Mbus) -> None:
    run = mbus("decode", "-f", "xml", "--merge", MORE.hex(), MORE.hex())
    assert run.code == 0
    assert len(read_xml(run.out).findall("DataRecord[@frame='1']")) == 13


def test_the_encoding_is_true_in_any_terminal() -> None:
    run = program("decode", "-f", "xml-normalised", MORE.hex(), PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert run.code == 0
    units = {item.findtext("Unit") for item in read_xml(run.out).iter("DataRecord")}
    assert "\xb0C" in units

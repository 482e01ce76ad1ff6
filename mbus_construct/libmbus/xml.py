"""libmbus's XML of telegrams and readings, plain and normalised.

    <MBusData>
        <SlaveInformation> Id, Manufacturer, Version, ProductName, Medium, AccessNumber, Status, Signature
        <DataRecord id="0"> Function, StorageNumber, Tariff, Device, Unit, (Quantity), Value

Plain: the number as sent, and a unit with its power of ten, "Volume (m m^3)". Normalised: the value in a
unit without one, and the quantity. Elements, names and layout are libmbus's; the differences:

- Values are exact: 1389817000, not 1389817000.000000. What is no value is an empty <Value>; the record has
  an attribute `reason`. A record that cannot be read has an attribute `octets`.
- Dates and times have no "Z": a meter does not say in which zone its clock runs. There is no <Timestamp>.
- VIFEs count: correction factors are in the power of ten or the value, and other qualifiers stand behind the
  unit (plain) or the quantity (normalised): "Volume flow (m m^3/h), upper limit value".
- <ProductName> is empty; octets in hex are in the order of the wire.
- A counter of the fixed data structure that is historic is a "Stored value" with the unit of the other one.
- Encrypted octets are in <Encrypted>; of a telegram without data of a meter <Frame> says what it is.
- Octets that are no records here, such as a compact frame's or a fragment, are in <Payload>, with a `reason`.
- A telegram by radio is as one on wires: <SlaveInformation> is of the long header, or else of the link layer.
  Frame format, extended link layer, AFL and security, for which libmbus has no elements, are not there.

The text holds ASCII characters only, others as references (&#176;), so that the encoding that it declares, as
libmbus does, is true whatever the terminal's is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element, SubElement, tostring

from mbus_grammars import VIB, MBusError, Meaning, meaning_of

from ..model.telegram import Telegram
from ..octets.hex_text import to_hex, visible
from ..values.to_value import EXACT
from .names import (
    APPLICATION_ERRORS,
    FUNCTIONS,
    MEDIA,
    SECONDS,
    base_unit,
    fixed_unit,
    plain_unit,
    quantity_name,
    quantity_of,
)

if TYPE_CHECKING:
    from ..model.reading import Reading
    from ..model.record import Record

_DECLARATION: Final = '<?xml version="1.0" encoding="ISO-8859-1"?>\n'
_INDENT: Final = "    "


def to_xml(source: Telegram | Reading, *, normalised: bool = False) -> str:
    """The XML document of a telegram, or of a readout: its records then have an attribute `frame`."""
    return _document(_data(source, normalised))


def results_to_xml(
    results: Sequence[tuple[str, bytes, Telegram | MBusError]], *, normalised: bool = False
) -> str:
    """The XML document of several telegrams, each with its source, its octets, and what came of them.

    One telegram is the document itself. Several stand in <MBusDataList>, in order; in the place of one that
    was refused is <Refusal>: Source, Code, Message, Offset, Octets.
    """
    elements = [
        _refusal(source, octets, result) if isinstance(result, MBusError) else _data(result, normalised)
        for source, octets, result in results
    ]
    if len(elements) == 1:
        return _document(elements[0])
    several = Element("MBusDataList")
    for element, (source, _, _) in zip(elements, results, strict=True):
        if element.tag == "MBusData":
            element.set("source", visible(source))
        several.append(element)
    return _document(several)


def _document(root: Element) -> str:
    _lay_out(root, "\n")
    body: bytes = tostring(root, encoding="us-ascii", xml_declaration=False, short_empty_elements=False)
    return _DECLARATION + body.decode("ascii") + "\n"


def _lay_out(element: Element, line: str) -> None:
    """Indent as libmbus does: an empty line around what has parts of its own."""
    if not len(element):
        return
    inner = line + _INDENT
    for child in element:
        _lay_out(child, inner)
    spaced = "\n" if any(len(child) for child in element) else ""
    element.text = spaced + inner
    for child in element:
        child.tail = spaced + inner
    element[-1].tail = spaced + line


def _add(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = visible(text)


def _refusal(source: str, octets: bytes, error: MBusError) -> Element:
    refusal = Element("Refusal")
    _add(refusal, "Source", source)
    _add(refusal, "Code", str(getattr(error, "code", "error")))
    _add(refusal, "Message", str(error))
    offset = getattr(error, "offset", None)
    _add(refusal, "Offset", "" if offset is None else str(offset))
    _add(refusal, "Octets", to_hex(octets))
    return refusal


# --- Data of a meter -----------------------------------------------------------------------------


def _data(source: Telegram | Reading, normalised: bool) -> Element:
    root = Element("MBusData")
    telegrams = [source] if isinstance(source, Telegram) else list(source.telegrams)
    several = len(telegrams) > 1
    if telegrams:
        root.append(_information(telegrams[0]))
    number = 0
    for frame, telegram in enumerate(telegrams):
        for item in _items(telegram, normalised):
            place = {"id": str(number), "frame": str(frame)} if several else {"id": str(number)}
            item.attrib = place | item.attrib  # first, for those who read without a parser
            root.append(item)
            number += 1
        if telegram.encrypted:
            _add(root, "Encrypted", to_hex(telegram.encrypted))
        root.extend(_payload(telegram))
    return root


def _information(telegram: Telegram) -> Element:
    """Who sent the telegram; of one that is no data of a meter, what it is."""
    other = telegram.user_data or {}
    information = Element("SlaveInformation")
    if "error_code" in other:
        _add_meter(information, telegram)
        code = other["error_code"]
        _add(information, "Error", APPLICATION_ERRORS.get(code, f"Unknown error (0x{code or 0:02x})"))
    elif telegram.meter is not None or telegram.access_number is not None or telegram.records:
        _add_meter(information, telegram)
    else:
        return _frame(telegram)
    return information


def _add_meter(information: Element, telegram: Telegram) -> None:
    meter = telegram.meter
    if meter is not None:
        _add(information, "Id", meter.identification_number.lstrip("0") or "0")
        if meter.manufacturer is not None:
            _add(information, "Manufacturer", meter.manufacturer)
        if meter.version is not None:
            _add(information, "Version", str(meter.version))
            _add(information, "ProductName", "")
        if meter.device_type is not None:
            unknown = f"Unknown medium (0x{meter.device_type:02x})"
            name = meter.device_type_name or unknown
            _add(information, "Medium", MEDIA.get(meter.device_type, name[:1].upper() + name[1:]))
    if telegram.access_number is not None:
        _add(information, "AccessNumber", str(telegram.access_number))
    if telegram.status is not None:
        _add(information, "Status", f"{telegram.status.octet:02X}")
    if telegram.configuration_field is not None:
        _add(information, "Signature", f"{telegram.configuration_field:04X}")


def _frame(telegram: Telegram) -> Element:
    element = Element("Frame")
    frame = telegram.frame
    _add(element, "Format", frame.format or "")
    for name, number in (
        ("CField", frame.c_field),
        ("AField", frame.a_field),
        ("CIField", frame.ci_field),
    ):
        if number is not None:
            _add(element, name, f"{number:02X}")
    return element


def _payload(telegram: Telegram) -> Iterator[Element]:
    """Octets of which nothing is known but that they are there."""
    user_data = telegram.user_data or {}
    octets = user_data.get("payload") or user_data.get("malformed") or ""
    if telegram.afl is not None and telegram.afl.fragment:
        octets = telegram.afl.fragment.hex()
    if octets and not telegram.records:
        element = Element("Payload")
        _note(element, "; ".join(remark.message for remark in telegram.diagnostics))
        element.text = to_hex(bytes.fromhex(octets))
        yield element


def _items(telegram: Telegram, normalised: bool) -> Iterator[Element]:
    """The records, and the manufacturer's octets as the last one."""
    if "counter_1" in (telegram.user_data or {}):
        yield from _counters(telegram)
        return
    for record in telegram.records:
        yield _record(record, normalised)
    if telegram.manufacturer_data is not None:
        item = Element("DataRecord")
        more = telegram.more_records_follow
        _add(item, "Function", "More records follow" if more else "Manufacturer specific")
        if normalised:
            _add(item, "StorageNumber", "0")
            _add(item, "Unit", "")
            _add(item, "Quantity", "")
        _add(item, "Value", to_hex(telegram.manufacturer_data))
        yield item


def _record(record: Record, normalised: bool) -> Element:
    item = Element("DataRecord")
    if not record.vib:
        _note(item, record.reason)
        item.set("octets", to_hex(record.data))
        _add(item, "Value", "")
        return item
    vib = VIB.parse(record.vib)
    vif, vifes = int(vib["vif"]), [int(code) for code in vib["vifes"]]
    meaning = meaning_of(vif, vifes, vib.get("text"))
    quantity = quantity_of(vif, vifes)
    _add(item, "Function", FUNCTIONS[record.function or "instantaneous"])
    _add(item, "StorageNumber", str(record.storage_number))
    if len(record.dib) > 1:
        _add(item, "Tariff", str(record.tariff))
        _add(item, "Device", str(record.subunit))
    if normalised:
        _add(item, "Unit", base_unit(meaning))
        _add(item, "Quantity", quantity_name(quantity, meaning))
    else:
        _add(item, "Unit", plain_unit(quantity, meaning))
    _add(item, "Value", _value(record, meaning, normalised))
    if record.value is None:
        _note(item, record.reason)
    return item


def _note(item: Element, reason: str | None) -> None:
    if reason:
        item.set("reason", visible(reason))


def _value(record: Record, meaning: Meaning, normalised: bool) -> str:
    value = record.value
    if isinstance(value, float):  # a 32 bit real has no digits of its own
        return number_text(_in_unit(Decimal(repr(value)), meaning, normalised).normalize(EXACT))
    if isinstance(value, Decimal):
        return number_text(_in_unit(value, meaning, normalised))
    if isinstance(value, bytes | tuple):
        return to_hex(record.data[1:] if record.data_field == "variable length" else record.data)
    if isinstance(value, datetime):
        return value.isoformat("T", "seconds")
    if isinstance(value, str) and (record.data_field or "").endswith("BCD") and value.isdecimal():
        return value.lstrip("0") or "0"  # an identification number; libmbus has a number here
    return value.isoformat() if isinstance(value, date) else "" if value is None else str(value)


def _in_unit(value: Decimal, meaning: Meaning, normalised: bool) -> Decimal:
    if not normalised:
        return EXACT.scaleb(value, -meaning.exponent)
    return EXACT.multiply(value, SECONDS.get(meaning.unit_code, 1))


def number_text(value: Decimal) -> str:
    """An exact number; a whole one without decimals."""
    whole = value == value.to_integral_value()
    return str(int(value)) if whole else format(value, "f")


def _counters(telegram: Telegram) -> Iterable[Element]:
    """The counters of the fixed data structure. MBDOC48 6.2."""
    units = (telegram.user_data or {})["medium_and_units"]
    for k, record in zip((1, 2), telegram.records, strict=True):
        unit, exponent = fixed_unit(units[f"unit_{k}"], units[f"unit_{3 - k}"])
        item = Element("DataRecord")
        _add(item, "Function", "Stored value" if record.storage_number else "Actual value")
        _add(item, "Unit", unit)
        value = record.value
        _add(item, "Value", number_text(EXACT.scaleb(value, -exponent)) if isinstance(value, Decimal) else "")
        _note(item, record.reason)
        yield item

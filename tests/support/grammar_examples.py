"""Octets of every public grammar."""

from __future__ import annotations

from typing import Any, Final

import mbus_grammars
from mbus_grammars import Grammar
from telegrams import README_TELEGRAM

TELEGRAM: Final = README_TELEGRAM
BY_RADIO: Final = bytes.fromhex("1644AE0C785634120107780202D20402152E16022A3423")
RECORDS: Final = "02 13 39 30 0C 13 78 56 34 12"
NEXT: Final = {
    "ci_field": 0x78,
    "user_data": {"records": [{"dib": {"data_field": 1}, "vib": {"vif": 0x13}, "data": 7}]},
}
ADDRESS: Final = {"manufacturer": "CEN", "identification_number": "12345678", "version": 1, "device_type": 7}
ELL: Final = {"communication_control": {"bidirectional": True}, "access_number": 39, **NEXT}
SESSION: Final = {"session_number": {"session": 3, "time": 5}}
FIXED: Final = "78 56 34 12 0A 00 E9 7E 01 00 00 00 35 01 00 00"

_EXAMPLES: Final[dict[str, str | bytes | dict[str, Any]]] = {
    "Frame": TELEGRAM,
    "SingleCharacter": "E5",
    "ShortFrame": "10 5B 01 5C 16",
    "LongFrame": TELEGRAM,
    "LinkUserData": TELEGRAM[4:-2],
    "CField": "08",
    "AField": "02",
    "WirelessFrame": BY_RADIO,
    "WirelessCField": "44",
    "LinkAddress": ADDRESS,
    "CRC": "C2 B7",
    "ExtendedLinkLayerI": ELL,
    "ExtendedLinkLayerII": {**ELL, **SESSION},
    "ExtendedLinkLayerIII": {**ELL, "receiver": ADDRESS},
    "ExtendedLinkLayerIV": {**ELL, **SESSION, "receiver": ADDRESS},
    "CommunicationControl": "80",
    "SessionNumber": "13 00 00 20",
    "AuthenticationAndFragmentation": {"fragmentation_control": {}, **NEXT},
    "FragmentationControl": "01 3E",
    "MessageControl": "25",
    "KeyInformation": "11 02",
    "ApplicationLayer": TELEGRAM[6:-2],
    "WirelessApplicationLayer": BY_RADIO[10:],
    "CIField": "72",
    "LongHeader": TELEGRAM[7:19],
    "LongHeaderMSB": "12 34 56 78 40 24 01 07 55 00 00 00",
    "ShortHeader": "55 00 00 00",
    "IdentificationNumber": "78 56 34 12",
    "Manufacturer": "24 40",
    "DeviceType": "07",
    "Status": "05",
    "ConfigurationField": "30 85",
    "ConfigurationFieldExtension": "11",
    "ProtocolExtension": "02",
    "MessageCounter": "05 00 00 00",
    "SubCode": "10",
    "ApplicationError": "08",
    "Selection": "78 56 34 12 FF FF FF FF",
    "SelectionMSB": "12 34 56 78 FF FF FF FF",
    "CompactFrame": "31 3B 42 A6 D2 04",
    "FormatFrame": "04 31 3B 02 13",
    "FixedData": FIXED,
    "FixedDataMSB": FIXED,
    "FixedStatus": "00",
    "MediumAndUnits": "E9 7E",
    "DataRecord": "02 13 39 30",
    "DataRecordToMeter": "02 13 39 30",
    "DataRecords": RECORDS,
    "DataRecordsToMeter": RECORDS,
    "DataRecordsMSB": RECORDS,
    "DIB": "8B 60",
    "DIF": "8B",
    "DIFE": "60",
    "VIB": "FD 17",
    "VIF": "FD",
    "VIFE": "17",
    "PlainText": "03 48 52 25",
    "LVAR": "C4",
    "VariableLength": "05 31 32 4D 46 57",
    "ProfileControl": "94",
    "TypeF": "12 0B D3 12",
    "TypeG": "BF 1C",
    "TypeH": "00 00 C0 3F",
    "TypeI": "1E 0B 0C 53 12 00",
    "TypeJ": "1E 0B 0C",
    "TypeK": "03 9F 1F A3",
    "SecondaryAddress": "78 56 34 12 24 40 01 07",
    "type_a(3)": "56 34 12",
    "type_b(3)": "FE FF FF",
    "type_c(3)": "FE FF FF",
    "type_d(3)": "01 00 80",
    "compact_profile(6)": "94 01 01 00 00 00",
    "ThreeOutOfSix(LongHeader)": b"",
    "Manchester(LongHeader)": b"",
}


def _grammar(title: str) -> Grammar[Any, Any]:
    name, _, argument = title.rstrip(")").partition("(")
    public: Any = getattr(mbus_grammars, name)
    if not argument:
        return public  # type: ignore[no-any-return]
    return public(int(argument) if argument.isdecimal() else getattr(mbus_grammars, argument))  # type: ignore[no-any-return]


def _octets(title: str) -> bytes:
    given = _EXAMPLES[title]
    if isinstance(given, str):
        return bytes.fromhex(given)
    if isinstance(given, bytes) and given:
        return given
    return GRAMMARS[title].build(given or GRAMMARS["LongHeader"].parse(TELEGRAM[7:19]))


GRAMMARS: Final = {title: _grammar(title) for title in _EXAMPLES}
OCTETS: Final = {title: _octets(title) for title in _EXAMPLES}

"""Frames that the tests share: the worked examples of the standard's documents, and frames of our own.

MBDOC48 = "The M-Bus: A Documentation", rev. 4.8; "OMS" = OMS Vol. 2 Annex N. Frames of real meters from
other projects' tests are not kept here.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple


class Example(NamedTuple):
    """A frame and the shortest mapping that a person would write to build it."""

    name: str
    octets: bytes
    short: dict[str, Any]


def _example(name: str, octets: str, **short: Any) -> Example:
    return Example(name, bytes.fromhex(octets), short)


def _record(data_field: int, vif: int, data: Any = None, *vifes: int, **dib: int) -> dict[str, Any]:
    vib = {"vif": vif, "vifes": list(vifes)} if vifes else {"vif": vif}
    record = {"dib": {"data_field": data_field, **dib}, "vib": vib}
    return record if data is None else {**record, "data": data}


ADDRESS: Final = {
    "identification_number": "12345678",
    "manufacturer": "PAD",
    "version": 1,
    "device_type": 7,
}

# E01 to E26, both telegrams of E26: requests.
REQUESTS: Final = [
    _example("E01 SND_NKE", "10 40 01 41 16", c_field="SND_NKE", a_field=1),
    _example("E02 SND_NKE to FDh", "10 40 FD 3D 16", c_field="SND_NKE", a_field=0xFD),
    _example("E03 SND_NKE broadcast", "10 40 FF 3F 16", c_field="SND_NKE", a_field=0xFF),
    _example("E04 REQ_UD2 FCB 1", "10 7B 01 7C 16", c_field={"name": "REQ_UD2", "fcb": True}, a_field=1),
    _example("E05 REQ_UD2 FCB 0", "10 5B 01 5C 16", c_field="REQ_UD2", a_field=1),
    _example("E06 REQ_UD2 to FDh", "10 7B FD 78 16", c_field={"name": "REQ_UD2", "fcb": True}, a_field=0xFD),
    _example("E07 REQ_UD2 to FEh", "10 7B FE 79 16", c_field=0x7B, a_field=0xFE),
    _example("E08 REQ_UD1", "10 7A 01 7B 16", c_field={"name": "REQ_UD1", "fcb": True}, a_field=1),
    _example(
        "E09 select",
        "68 0B 0B 68 53 FD 52 78 56 34 12 24 40 01 07 22 16",
        c_field="SND_UD",
        a_field=0xFD,
        ci_field=0x52,
        user_data=ADDRESS,
    ),
    _example(
        "E10 select by wildcards",
        "68 0B 0B 68 53 FD 52 FF FF FF 1F FF FF FF FF BA 16",
        c_field="SND_UD",
        a_field=0xFD,
        ci_field=0x52,
        user_data={"identification_number": "1FFFFFFF"},
    ),
    _example(
        "E11 select by fabrication number",
        "68 11 11 68 53 FD 52 FF FF FF FF FF FF FF FF 0C 78 04 03 02 01 28 16",
        c_field="SND_UD",
        a_field=0xFD,
        ci_field=0x52,
        user_data={"records": [_record(0xC, 0x78, 1020304)]},
    ),
    _example(
        "E12 application reset", "68 03 03 68 53 FE 50 A1 16", c_field="SND_UD", a_field=0xFE, ci_field=0x50
    ),
    _example(
        "E13 application reset, user data",
        "68 04 04 68 53 FE 50 10 B1 16",
        c_field="SND_UD",
        a_field=0xFE,
        ci_field=0x50,
        user_data={"sub_codes": [{"application": "user data"}]},
    ),
    _example(
        "E14 set primary address",
        "68 06 06 68 53 FE 51 01 7A 08 25 16",
        c_field="SND_UD",
        a_field=0xFE,
        ci_field=0x51,
        user_data={"records": [_record(1, 0x7A, 8)]},
    ),
    _example(
        "E15 set secondary address",
        "68 0D 0D 68 53 FE 51 07 79 04 03 02 01 24 40 01 04 95 16",
        c_field="SND_UD",
        a_field=0xFE,
        ci_field=0x51,
        user_data={
            "records": [
                _record(7, 0x79, {**ADDRESS, "identification_number": "01020304", "device_type": 4}),
            ]
        },
    ),
    _example(
        "E16 set identification and counter",
        "68 0F 0F 68 53 FE 51 0C 79 78 56 34 12 0C 06 07 01 00 00 55 16",
        c_field="SND_UD",
        a_field=0xFE,
        ci_field=0x51,
        user_data={"records": [_record(0xC, 0x79, 12345678), _record(0xC, 0x06, 107)]},
    ),
    _example("E17 9600 Bd", "68 03 03 68 53 FE BD 0E 16", c_field="SND_UD", a_field=0xFE, ci_field=0xBD),
    _example(
        "E18 set clock",
        "68 09 09 68 53 01 51 04 6D 2D AD 11 35 36 16",
        c_field="SND_UD",
        a_field=1,
        ci_field=0x51,
        user_data={
            "records": [
                _record(
                    4,
                    0x6D,
                    {
                        "minute": 45,
                        "hour": 13,
                        "day": 17,
                        "month": 5,
                        "year": 24,
                        "hundred_year": 1,
                        "summer_time": True,
                    },
                ),
            ]
        },
    ),
    _example(
        "E19 select for readout",
        "68 07 07 68 53 07 51 08 13 08 5A 28 16",
        c_field="SND_UD",
        a_field=7,
        ci_field=0x51,
        user_data={"records": [_record(8, 0x13), _record(8, 0x5A)]},
    ),
    _example(
        "E20 select everything of unit 0",
        "68 06 06 68 53 01 51 C8 3F 7E 2A 16",
        c_field="SND_UD",
        a_field=1,
        ci_field=0x51,
        user_data={"records": [_record(8, 0x7E, storage_number=31, tariff=3)]},
    ),
    _example(
        "E21 global readout request",
        "68 04 04 68 53 03 51 7F 26 16",
        c_field="SND_UD",
        a_field=3,
        ci_field=0x51,
        user_data={"records": [{"dif": "global readout request"}]},
    ),
    _example(
        "E22 write",
        "68 0A 0A 68 53 01 51 0C 86 00 07 01 00 00 3F 16",
        c_field="SND_UD",
        a_field=1,
        ci_field=0x51,
        user_data={"records": [_record(0xC, 0x06, 107, 0x00)]},
    ),
    _example(
        "E23 add",
        "68 0A 0A 68 53 01 51 0C 86 01 10 00 00 00 48 16",
        c_field="SND_UD",
        a_field=1,
        ci_field=0x51,
        user_data={"records": [_record(0xC, 0x06, 10, 0x01)]},
    ),
    _example(
        "E24 add entry",
        "68 0A 0A 68 53 05 51 0C 86 08 11 05 00 00 59 16",
        c_field="SND_UD",
        a_field=5,
        ci_field=0x51,
        user_data={"records": [_record(0xC, 0x06, 511, 0x08)]},
    ),
    _example(
        "E25 freeze",
        "68 06 06 68 53 01 51 40 DA 0B CA 16",
        c_field="SND_UD",
        a_field=1,
        ci_field=0x51,
        user_data={"records": [_record(0, 0x5A, None, 0x0B, storage_number=1)]},
    ),
    _example(
        "E26 synchronize action", "68 03 03 68 53 FF 5C AE 16", c_field="SND_UD", a_field=0xFF, ci_field=0x5C
    ),
    _example(
        "E26 synchronize action, 1998",
        "68 03 03 68 53 FF 54 A6 16",
        c_field="SND_UD",
        a_field=0xFF,
        ci_field=0x54,
    ),
]

_DATE_2008: Final = {"minute": 50, "hour": 23, "day": 31, "month": 5, "year": 8, "hundred_year": 1}
_RESPONSE: Final = {"c_field": "RSP_UD", "ci_field": 0x72}

# E27 to E34: responses.
RESPONSES: Final = [
    _example(
        "E27 fixed data",
        "68 13 13 68 08 05 73 78 56 34 12 0A 00 E9 7E 01 00 00 00 35 01 00 00 3C 16",
        c_field="RSP_UD",
        a_field=5,
        ci_field=0x73,
        user_data={
            "identification_number": "12345678",
            "access_number": 10,
            "medium_and_units": {"unit_1": 0x29, "medium": "water", "unit_2": 0x3E},
            "counter_1": 1,
            "counter_2": 135,
        },
    ),
    _example(
        "E28 variable data",
        "68 1F 1F 68 08 02 72 78 56 34 12 24 40 01 07 55 00 00 00 03 13 15 31 00 DA 02 3B 13 01 8B "
        "60 04 37 18 02 18 16",
        **_RESPONSE,
        a_field=2,
        user_data={
            "header": {**ADDRESS, "access_number": 0x55},
            "records": [
                _record(3, 0x13, 12565),
                _record(0xA, 0x3B, 113, function="maximum", storage_number=5),
                _record(0xB, 0x04, 21837, tariff=2, subunit=1),
            ],
        },
    ),
    _example(
        "E29 fabrication number",
        "68 15 15 68 08 02 72 78 56 34 12 24 40 01 07 13 00 00 00 0C 78 04 03 02 01 9D 16",
        **_RESPONSE,
        a_field=2,
        user_data={"header": {**ADDRESS, "access_number": 0x13}, "records": [_record(0xC, 0x78, 1020304)]},
    ),
    _example(
        "E30 application error",
        "68 04 04 68 08 01 70 08 81 16",
        c_field="RSP_UD",
        a_field=1,
        ci_field=0x70,
        user_data={"error_code": 8},
    ),
    _example(
        "E31 alarm",
        "68 04 04 68 08 01 71 05 7F 16",
        c_field="RSP_UD",
        a_field=1,
        ci_field=0x71,
        user_data={"alarm_flags": b"\x05"},
    ),
    _example(
        "E32 gas meter",
        "68 20 20 68 08 FD 72 78 56 34 12 93 15 33 03 2A 00 00 00 0C 14 27 04 85 02 04 6D 32 37 1F "
        "15 02 FD 17 00 00 89 16",
        **_RESPONSE,
        a_field=0xFD,
        user_data={
            "header": {
                "identification_number": "12345678",
                "manufacturer": "ELS",
                "version": 0x33,
                "device_type": 3,
                "access_number": 0x2A,
            },
            "records": [
                _record(0xC, 0x14, 2850427),
                _record(4, 0x6D, _DATE_2008),
                _record(2, 0x7D, 0, 0x17),
            ],
        },
    ),
    _example(
        "E33 plain text, more records follow",
        "68 52 52 68 08 E6 72 02 00 00 00 96 15 15 00 0D 00 00 00 01 FD 1B 02 02 FC 03 48 52 25 74 "
        "34 12 22 FC 03 48 52 25 74 C6 0E 12 FC 03 48 52 25 74 02 14 02 65 D6 08 22 65 CA 08 12 65 "
        "16 09 01 72 00 72 65 00 00 B2 01 65 00 00 0C 78 02 00 00 00 02 FD 0F 04 03 1F 96 16",
        **_RESPONSE,
        a_field=0xE6,
        user_data={
            "header": {
                "identification_number": "00000002",
                "manufacturer": "ELV",
                "version": 0x15,
                "device_type": 0,
                "access_number": 13,
            },
            "records": [
                _record(1, 0x7D, 2, 0x1B),
                *(
                    {
                        "dib": {"data_field": 2, "function": function},
                        "vib": {"vif": 0x7C, "text": "%RH", "vifes": [0x74]},
                        "data": data,
                    }
                    for function, data in ((0, 0x1234), (2, 0x0EC6), (1, 0x1402))
                ),
                _record(2, 0x65, 2262),
                _record(2, 0x65, 2250, function=2),
                _record(2, 0x65, 2326, function=1),
                _record(1, 0x72, 0),
                _record(2, 0x65, 0, function=3, storage_number=1),
                _record(2, 0x65, 0, function=3, storage_number=2),
                _record(0xC, 0x78, 2),
                _record(2, 0x7D, 0x0304, 0x0F),
                {"dif": 0x1F},
            ],
        },
    ),
    _example(
        "E34 anything in the configuration field",
        "68 38 38 68 08 C8 72 09 31 54 03 B4 05 B0 04 C9 10 FF FF 03 22 9A 00 00 05 2E A0 C8 51 46 "
        "05 3E B4 E3 D7 42 05 5B 90 D3 07 43 05 5F 0E AA E7 41 05 63 9C BC D5 42 04 6D 10 09 05 C5 "
        "77 16",
        **_RESPONSE,
        a_field=0xC8,
        user_data={
            "header": {
                "identification_number": "03543109",
                "manufacturer": "AMT",
                "version": 0xB0,
                "device_type": 4,
                "access_number": 0xC9,
                "status": 0x10,
                "configuration_field": 0xFFFF,
            },
            "records": [
                _record(3, 0x22, 154),
                _record(5, 0x2E, 13426.15625),
                _record(5, 0x3E, 107.94473266601562),
                _record(5, 0x5B, 135.826416015625),
                _record(5, 0x5F, 28.95803451538086),
                _record(5, 0x63, 106.86837768554688),
                _record(4, 0x6D, {"minute": 16, "hour": 9, "day": 5, "month": 5, "year": 96}),
            ],
        },
    ),
]

EXAMPLES: Final = [*REQUESTS, *RESPONSES]

_HEADER: Final = "78 56 34 12 24 40 01 07 55 00 00 00 "
_BLOCKS: Final = bytes(range(0x80, 0xA0)).hex()


def _own(ci_field: int, user_data: str) -> bytes:
    body = bytes([0x08, 0x01, ci_field]) + bytes.fromhex(user_data)
    return bytes([0x68, len(body), len(body), 0x68]) + body + bytes([sum(body) & 0xFF, 0x16])


# Frames of our own, so that mutations start from every corner of the grammars.
OWN_FRAMES: Final = [
    bytes.fromhex("E5"),
    _own(0x72, _HEADER + "0D 78 04 34 33 32 31 0D 13 C3 56 34 12 0D 13 D2 34 12 0D 13 E5 FF FF FF FF FF"),
    _own(0x72, _HEADER + "0D FD 3B 03 01 02 03 0D 6D E3 01 02 03 0D FD 73 EB" + "11" * 11),
    _own(0x72, _HEADER + "0D 83 1F 0A 34 FE A0 86 01 00 D0 FB 01 00 0D 83 13 07 41 01 01 02 03 04 05"),
    _own(0x72, _HEADER + "2F 2F 04 06 01 00 00 00 2F 3F 6F 01 13 05 0F 01 02 03"),
    _own(0x72, _HEADER + "02 FC 74 03 48 52 25 34 12 02 7C 03 48 52 25 34 12 04 FB 94 F5 FC 01 00 00 00 00"),
    _own(0x72, _HEADER + "8D 90 81 00 83 1E 0A 34 FE A0 86 01 00 D0 FB 01 00 04 FD FD 02 01 00 00 00"),
    _own(0x72, "78 56 34 12 24 40 01 07 55 00 20 05 " + _BLOCKS + " 0C 78 44 33 22 11"),
    _own(0x7A, "55 00 20 07 10 " + _BLOCKS),
    _own(0x78, "46 6D 00 00 09 14 27 00 03 6D 3B 30 0B 42 6C BF 1C 04 FD 72 01 02 03 04 07 79" + "11" * 8),
    _own(0x76, "12 34 56 78 40 24 01 07 55 00 00 00 04 13 00 00 30 39 0D 78 04 31 32 33 34"),
    _own(0x77, "12 34 56 78 0A 00 E9 7E 00 00 00 01 00 00 01 35"),
    _own(0x73, _HEADER + "31 3B 42 A6 D2 04 2E 16 34 23"),
    _own(0x79, "31 3B 42 A6 D2 04 2E 16 34 23"),
    _own(0x69, "08 31 3B 02 02 02 15 02 2A"),
    _own(0x6E, "01 00 00 00 F0 01 13 05"),
    _own(0x75, _HEADER + "05 06"),
    _own(0x5B, _HEADER + "04 93 0C 7F 93 3C"),
    _own(0xA3, "01 02 03"),
]

FRAMES: Final = [*(example.octets for example in EXAMPLES), *OWN_FRAMES]

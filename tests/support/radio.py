"""Telegrams by radio that the tests of this folder share: the standard's examples, and what a user writes.

E61 to E71 of our numbering: OMS Annex N.2.1, N.5.3 and N.5.4, CEN/TR 17167:2018 F.3, EN 13757-3:2018 Annexes
F and G, the example of EN 13757-4, and a telegram of ELL II.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

KEY: Final = "0102030405060708090A0B0C0D0E0F11"
MASTER: Final = "000102030405060708090A0B0C0D0E0F"
ELL_KEY: Final = "0102030405060708090A0B0C0D0E0F10"
OTHER: Final = "FFEEDDCCBBAA99887766554433221100"
KEYS: Final = (KEY, MASTER, ELL_KEY, OTHER)

GAS_METER: Final = {
    "identification_number": "12345678",
    "manufacturer": "ELS",
    "version": 0x33,
    "device_type": 3,
}
ALLOCATOR: Final = {
    "identification_number": "55667788",
    "manufacturer": "QDS",
    "version": 85,
    "device_type": 8,
}
WATER_METER: Final = {
    "identification_number": "12345678",
    "manufacturer": "CEN",
    "version": 1,
    "device_type": 7,
}
ELECTRICITY_METER: Final = {
    "identification_number": "27343111",
    "manufacturer": "KAM",
    "version": 51,
    "device_type": 2,
}
ADAPTER: Final = {
    "identification_number": "11223344",
    "manufacturer": "RAD",
    "version": 3,
    "device_type": 0x37,
}
GATEWAY: Final = {
    "identification_number": "33445566",
    "manufacturer": "XYZ",
    "version": 10,
    "device_type": 0x31,
}

GAS_RECORDS: Final[list[dict[str, Any]]] = [
    {"quantity": "volume", "unit": "m³", "value": "28504.27", "data_field": "8 digit BCD"},
    {"quantity": "date and time", "value": "2008-05-31T23:50"},
    {"quantity": "error flags", "value": 0, "data_field": "16 bit integer"},
]
ALLOCATOR_RECORDS: Final[list[dict[str, Any]]] = [
    {"quantity": "heat cost allocation", "unit": "HCA", "value": 1234, "data_field": "6 digit BCD"},
    {"quantity": "date", "value": "2007-04-30", "storage_number": 1},
    {
        "quantity": "heat cost allocation",
        "unit": "HCA",
        "value": 23456,
        "data_field": "6 digit BCD",
        "storage_number": 1,
    },
    {"quantity": "customer location", "value": 12345678, "data_field": "8 digit BCD"},
]


class Example(NamedTuple):
    """A telegram of the standard: its key, its octets as sent, and a mapping that a person would write."""

    name: str
    key: str | None
    octets: bytes
    written: dict[str, Any]


def by_radio(text: str) -> bytes:
    """A telegram without CRCs: what is written in hex, from the C field on, behind its L field."""
    octets = bytes.fromhex(text)
    return bytes([len(octets)]) + octets


E62: Final = Example(
    "E62 format A, mode 5",
    KEY,
    bytes.fromhex(
        "2E 44 93 15 78 56 34 12 33 03 33 63 7A 2A 00 20 25 59 23 C9 5A AA 26 D1 B2 E7 49 3B C2 AD 01 3E"
        "C4 A6 F6 D3 52 9B 52 0E DF F0 EA 6D EF C9 55 B2 9D 6D 69 EB F3 EC 8A"
    ),
    {
        "frame": {"format": "A"},
        "meter": GAS_METER,
        "access_number": 42,
        "configuration_field": 0x2520,
        "security": {"mode": 5},
        "records": GAS_RECORDS,
    },
)
E63: Final = Example(
    "E63 format B, ELL I",
    None,
    bytes.fromhex("14 44 AE 0C 78 56 34 12 01 07 8C 20 27 78 0B 13 43 65 87 7A C5"),
    {
        "frame": {"format": "B", "ci_field": 0x78},
        "ell": {"communication_control": 0x20, "access_number": 39},
        "meter": WATER_METER,
        "records": [{"quantity": "volume", "unit": "l", "value": 876543, "data_field": "6 digit BCD"}],
    },
)
E65: Final = Example(
    "E65 mode 5, short header",
    KEY,
    by_radio(
        "44 93 15 78 56 34 12 33 03 7A 2A 00 20 25 59 23 C9 5A AA 26 D1 B2 E7 49 3B 01 3E C4 A6 F6 D3 52"
        "9B 52 0E DF F0 EA 6D EF C9 9D 6D 69 EB F3"
    ),
    {**E62.written, "frame": {"format": "CRC-less"}},
)
E66: Final = Example(
    "E66 mode 5, long header, a part encrypted, ELL I",
    MASTER,
    by_radio(
        "44 93 44 44 33 22 11 55 37 8C 00 75 72 88 77 66 55 93 44 55 08 00 04 10 05 00 DF E2 A7 82 14 6D"
        "15 13 58 1C D2 F8 3F 39 04 0C FD 10 78 56 34 12"
    ),
    {
        "frame": {"address": {**ALLOCATOR, "identification_number": "11223344", "device_type": 0x37}},
        "ell": {"access_number": 0x75},
        "meter": ALLOCATOR,
        "status": 4,
        "configuration_field": 0x0510,
        "security": {"mode": 5},
        "records": ALLOCATOR_RECORDS,
    },
)
E67: Final = Example(
    "E67 mode 5 on wires",
    MASTER,
    bytes.fromhex(
        "68 2C 2C 68 08 FD 72 88 77 66 55 93 44 55 08 00 04 10 05 00 DF E2 A7 82 14 6D 15 13 58 1C D2 F8"
        "3F 39 04 0C FD 10 78 56 34 12 0C 78 44 33 22 11 26 16"
    ),
    {
        "frame": {"a_field": 253},
        "meter": ALLOCATOR,
        "status": 4,
        "configuration_field": 0x0510,
        "security": {"mode": 5},
        "records": [
            *ALLOCATOR_RECORDS,
            {"quantity": "fabrication number", "value": "11223344", "data_field": "8 digit BCD"},
        ],
    },
)
E68: Final = Example(
    "E68 mode 7, AFL, KDF-A, CMAC, ELL III",
    MASTER,
    by_radio(
        "08 24 48 44 33 22 11 03 37 8E 80 75 3A 63 66 55 44 33 0A 31 90 0F 00 2C 25 B3 0A 00 00 AF 5D 74"
        "DF 73 A6 00 D9 72 78 56 34 12 93 15 33 03 75 00 20 07 10 90 58 47 5F 4B C9 1D F8 78 B8 0A 1B 0F"
        "98 B6 29 02 4A AC 72 79 42 BF C5 49 23 3C 01 40 82 9B 93"
    ),
    {
        "frame": {"c_field": "RSP_UD", "address": ADAPTER},
        "ell": {
            "ci_field": 0x8E,
            "communication_control": 0x80,
            "access_number": 0x75,
            "receiver": GATEWAY,
        },
        "afl": {"message_counter": 2739},
        "meter": GAS_METER,
        "access_number": 0x75,
        "security": {"mode": 7},
        "records": GAS_RECORDS,
    },
)
E69: Final = Example(
    "E69 ELL II, AES-CTR",
    ELL_KEY,
    by_radio(
        "44 2D 2C 11 31 34 27 33 02 8D 20 E9 60 3A 10 20 08 C6 7C 81 9A AE 99 B4 DE 75 3A A1 36 EF 64 91"
        "7E D9 D8 B2 E2 D3 58 40 BD EA 17 3B 8F E1 4C CE 3F 14 06 B7 CF"
    ),
    {
        "frame": {"ci_field": 0x78},
        "ell": {
            "ci_field": 0x8D,
            "communication_control": 0x20,
            "access_number": 0xE9,
            "session_number": {"encryption": "AES-128-CTR", "time": 66470, "session": 0},
        },
        "meter": ELECTRICITY_METER,
        "records": [
            {"quantity": "energy", "unit": "Wh", "value": 0, "dib": "04", "vib": "05"},
            {"dib": "04", "vib": "FB8275", "value": 327900},
            {"dib": "04", "vib": "853C", "unit": "Wh", "value": 404400},
            {"dib": "04", "vib": "FB82F53C", "value": 900},
            {"quantity": "error flags", "value": 0, "data_field": "8 bit integer"},
        ],
    },
)
EXAMPLES: Final = (E62, E63, E65, E66, E67, E68, E69)
SECRET: Final = tuple(example for example in EXAMPLES if example.key)

# E70: a full frame, its format frame and its compact frame.
LINK: Final = "44 AE 0C 78 56 34 12 01 07"
FULL: Final = by_radio(f"{LINK} 78 02 02 D2 04 02 15 2E 16 02 2A 34 23")
FORMAT: Final = by_radio(f"{LINK} 69 08 31 3B 02 02 02 15 02 2A")
COMPACT: Final = by_radio(f"{LINK} 79 31 3B 42 A6 D2 04 2E 16 34 23")


def codes(telegram: Any) -> list[str]:
    """The codes of what the decoder has to remark."""
    return [item.code for item in telegram.diagnostics]


def without_keys(text: str) -> bool:
    """Whether a text shows no key, neither as hex digits nor as Python shows octets."""
    bare = text.upper().replace(" ", "")
    return not any(key in bare or key[:12] in bare or str(bytes.fromhex(key))[2:20] in text for key in KEYS)


def in_fragments(telegram: bytes, *sizes: int) -> list[bytes]:
    """A telegram with an AFL right behind its address, in fragments of so many octets, and one for the rest.

    The first has the message control and counter, the last the MAC, as EN 13757-7 wants it.
    """
    length, control = telegram[11], int.from_bytes(telegram[12:14], "little")
    if telegram[10] != 0x90 or control != 0x2C00:
        raise ValueError("an AFL with message control, message counter and MAC is wanted")
    head, mac, message = telegram[14:19], telegram[19 : 12 + length], telegram[12 + length :]
    parts, start = [], 0
    for size in (*sizes, len(message)):
        parts.append(message[start : start + size])
        start += size
    frames = []
    for number, part in enumerate(parts, 1):
        first, last = number == 1, number == len(parts)
        field = number | (0x2800 if first else 0) | (0x0400 if last else 0x4000)
        body = field.to_bytes(2, "little") + (head if first else b"") + (mac if last else b"")
        behind = telegram[1:10] + bytes([0x90, len(body)]) + body + part
        frames.append(bytes([len(behind)]) + behind)
    return frames

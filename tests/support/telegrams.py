"""What the tests of values and commands share: telegrams, and short ways to read one record."""

from __future__ import annotations

from typing import Any, Final

from helpers import long_frame
from mbus_construct import Record, Telegram, decode

# The telegram of the README: a heat meter, twelve records and the manufacturer's data.
README_TELEGRAM: Final = bytes.fromhex(
    "68 6A 6A 68 08 01 72 43 53 93 07 65 32 10 04 CA 00 00 00 0C 05 14 00 00 00 0C 13 13 20 00 00 0B 22 01 24 03"
    "04 6D 12 0B D3 12 32 6C 00 00 0C 78 43 53 93 07 06 FD 0C F2 03 01 00 F6 01 0D FD 0B 05 31 32 4D 46 57 01 FD"
    "0E 00 4C 05 14 00 00 00 4C 13 13 20 00 00 42 6C BF 1C 0F 37 FD 17 00 00 00 00 00 00 00 00 02 7A 25 00 02 78"
    "25 00 3A 16"
)

HEADER: Final = bytes.fromhex("78 56 34 12 24 40 01 07 55 00 00 00")
METER: Final[dict[str, Any]] = {
    "identification_number": "12345678",
    "manufacturer": "PAD",
    "version": 1,
    "device_type": 7,
}


def one(octets: str) -> Record:
    """The only record of a bare record list."""
    records = decode(octets, link="records").records
    assert len(records) == 1
    return records[0]


def response(records: str, ci_field: int = 0x72, header: bytes = HEADER) -> bytes:
    """A frame from a meter with these records."""
    return long_frame(header + bytes.fromhex(records), ci_field)


def covered(telegram: Telegram, octets: bytes) -> bool:
    """Whether each record says of itself where its octets stand."""
    return all(
        octets[record.offset : record.offset + record.length] == record.dib + record.vib + record.data
        for record in telegram.records
    )

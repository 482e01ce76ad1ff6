"""Records that meters send, and telegrams put together from them: source frames where there are none.

What a heat, water, gas or electricity meter sends is written down here as values; `mbus_construct.encode`
makes the octets.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from mbus_construct import encode

LENGTHS: Final = range(104, 121)  # octets of a telegram
RECORDS: Final = range(12, 15)  # records of a telegram
MANUFACTURERS: Final = ("ABB", "DME", "ELS", "EMH", "HYD", "ITW", "KAM", "LSE", "LUG", "PAD", "QDS", "SEN")

Values = dict[str, Any]

BCD_4, BCD_6, BCD_8, BCD_12 = (f"{digits} digit BCD" for digits in (4, 6, 8, 12))
INT_8, INT_16, INT_24, INT_32, INT_48 = (f"{bits} bit integer" for bits in (8, 16, 24, 32, 48))


def record(quantity: str, unit: str | None, data_field: str | None, value: object, **dib: object) -> Values:
    """A record as `encode` takes it."""
    return {"quantity": quantity, "unit": unit, "data_field": data_field, "value": value, **dib}


def stored(values: Values, *numbers: int) -> list[Values]:
    """The record again with storage numbers."""
    return [{**values, "storage_number": number} for number in numbers]


def tariffs(values: Values, *numbers: int) -> list[Values]:
    """The record again with tariffs."""
    return [{**values, "tariff": number} for number in numbers]


def extremes(values: Values) -> list[Values]:
    """The record again as maximum and as minimum."""
    return [{**values, "function": function} for function in ("maximum", "minimum")]


_DAY = record("date", None, INT_16, "2025-12-31")
_CLOCK = record("date and time", None, INT_32, "2026-01-01T00:00")
_COMMON: Final = [
    record("fabrication number", None, BCD_8, "12345678"),
    _CLOCK,
    *stored(_DAY, 1, 2, 3),
    *stored(_CLOCK, 1),
    record("operating time", "h", BCD_6, "1234"),
    record("operating time", "h", INT_24, "1234"),
    record("on time", "d", INT_16, "365"),
    record("on time", "h", INT_32, "8760"),
    {**_CLOCK, "function": "maximum"},
    *stored({**_CLOCK, "function": "maximum"}, 1, 2),
    record("model/version", None, INT_32, 1234567),
    record("customer", None, None, "block C, flat 12"),
    record("error flags", None, INT_16, 0),
]


def _flow(unit_energy: str) -> list[Values]:
    """What meters with a flow and two temperatures send."""
    energy = record("energy", unit_energy, BCD_8, "12345")
    binary = record("energy", unit_energy, INT_32, "12345")
    volume = record("volume", "m³", BCD_8, "123.45")
    flow = record("volume flow", "m³/h", INT_24, "0.123")
    power = record("power", "kW", INT_16, "3.5")
    return [
        energy,
        binary,
        record("energy", "Wh", INT_48, "12345678"),
        *tariffs(energy, 1, 2),
        *stored({**energy, "tariff": 1}, 1, 2, 3),
        *stored({**binary, "tariff": 2}, 1, 2, 3),
        *stored(record("energy", "Wh", INT_48, "12345678"), 1, 2),
        volume,
        record("volume", "m³", INT_32, "123.456"),
        record("volume", "m³", BCD_6, "12.34"),
        flow,
        record("volume flow", "m³/h", BCD_6, "0.123"),
        *extremes(flow),
        power,
        record("power", "W", BCD_8, "3500"),
        *extremes(power),
        record("flow temperature", "°C", INT_16, "71.5"),
        record("flow temperature", "°C", BCD_4, "71.5"),
        record("return temperature", "°C", INT_16, "42.1"),
        record("return temperature", "°C", BCD_4, "42.1"),
        record("temperature difference", "K", INT_16, "29.40"),
        *stored(energy, 1, 2, 3),
        *stored(binary, 1, 4, 8),
        *stored(volume, 1, 2, 3),
    ]


def _volume(digits: str) -> list[Values]:
    """What water and gas meters send."""
    volume = record("volume", "m³", BCD_8, digits)
    binary = record("volume", "m³", INT_32, digits)
    flow = record("volume flow", "m³/h", INT_16, "0.25")
    return [
        volume,
        binary,
        record("volume", "m³", BCD_12, digits),
        *tariffs(volume, 1, 2),
        *stored({**volume, "tariff": 1}, 1, 2, 3),
        *stored(record("volume", "m³", BCD_12, digits), 1, 2, 3),
        flow,
        record("volume flow", "m³/h", BCD_4, "0.25"),
        *extremes(flow),
        record("flow temperature", "°C", INT_8, "12"),
        record("external temperature", "°C", INT_16, "21.5"),
        record("pressure", "bar", INT_16, "3.21"),
        *stored(volume, 1, 2, 3, 4, 5, 6),
        *stored(binary, 1, 2, 8, 9, 10, 11, 12),
        record("averaging duration", "min", INT_8, "15"),
    ]


def _electricity() -> list[Values]:
    energy = record("energy", "Wh", INT_32, "123456")
    decimal = record("energy", "kWh", BCD_8, "1234.5")
    power = record("power", "W", INT_32, "2300")
    return [
        energy,
        decimal,
        record("energy", "Wh", INT_48, "12345678"),
        record("energy", "Wh", BCD_12, "12345678"),
        *tariffs(energy, 1, 2, 3),
        *tariffs(decimal, 1, 2),
        *stored({**energy, "tariff": 1}, 1, 2),
        *stored({**decimal, "tariff": 2}, 1, 2),
        *stored(record("energy", "Wh", BCD_12, "12345678"), 1, 2),
        power,
        record("power", "W", BCD_6, "2300"),
        *extremes(power),
        record("voltage", "V", INT_16, "230.1"),
        record("voltage", "V", BCD_4, "230.1"),
        record("current", "A", INT_16, "10.01"),
        record("current", "A", INT_24, "10.001"),
        *stored(energy, 1, 2, 3),
        *stored(decimal, 1, 2, 3),
    ]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of meter: its device type, and the octets of the records that it may send."""

    device_type: int
    records: tuple[bytes, ...]


def _kind(device_type: int, records: list[Values]) -> Kind:
    made = (encode({"link": "records", "records": [values]}) for values in (*_COMMON, *records))
    return Kind(device_type, tuple(dict.fromkeys(made)))


def kinds() -> list[Kind]:
    """The kinds of meters: heat, cooling, water, warm water, gas, electricity."""
    return [
        _kind(0x04, _flow("kWh")),
        _kind(0x0A, _flow("MJ")),
        _kind(0x07, _volume("123.456")),
        _kind(0x06, _volume("123.45")),
        _kind(0x03, _volume("12345.6")),
        _kind(0x02, _electricity()),
    ]


def _frame(device_type: int, rng: random.Random) -> bytes:
    """A telegram without records of some meter."""
    return encode(
        {
            "meter": {
                "identification_number": f"{rng.randrange(10**8):08}",
                "manufacturer": rng.choice(MANUFACTURERS),
                "version": rng.randrange(1, 128),
                "device_type": device_type,
            },
            "access_number": rng.randrange(256),
        }
    )


def mended(octets: bytes | bytearray) -> bytes:
    """A long frame with the L fields and the check sum that belong to its octets."""
    frame = bytearray(octets)
    frame[1] = frame[2] = len(frame) - 6
    frame[-2] = sum(frame[4:-2]) & 0xFF
    return bytes(frame)


def telegrams(seed: int) -> Iterator[bytes]:
    """Telegrams of 104 to 120 octets with about 13 records each, without end, no two of one layout.

    A telegram's records stand in the order of the pool, as a meter's firmware lists them.
    """
    rng = random.Random(f"layouts {seed}")  # noqa: S311  repeatable
    made = kinds()
    frames = [(kind, _frame(kind.device_type, rng)) for _ in range(16) for kind in made]
    seen: set[tuple[int, bytes]] = set()
    for number in count():
        kind, frame = frames[number % len(frames)]
        drawn = _drawn(kind.records, len(frame), rng)
        records = b"".join(drawn)
        if (number % len(frames), records) not in seen:
            seen.add((number % len(frames), records))
            yield mended(frame[:-2] + records + frame[-2:])


def _drawn(records: tuple[bytes, ...], around: int, rng: random.Random) -> list[bytes]:
    """Records that make a telegram of the lengths wanted."""
    while True:
        places = sorted(rng.sample(range(len(records)), rng.choice(RECORDS)))
        drawn = [records[place] for place in places]
        if around + sum(map(len, drawn)) in LENGTHS:
            return drawn


def many_layouts(number: int, seed: int) -> Iterator[bytes]:
    """As many telegrams of as many different layouts: the records of the pool in any order."""
    rng = random.Random(f"many layouts {seed}")  # noqa: S311  repeatable
    frames = [(kind, _frame(kind.device_type, rng)) for _ in range(10) for kind in kinds()]
    seen: set[bytes] = set()
    while len(seen) < number:
        kind, frame = rng.choice(frames)
        drawn = _drawn(kind.records, len(frame), rng)
        rng.shuffle(drawn)
        octets = bytearray(frame[:-2] + b"".join(drawn) + frame[-2:])
        octets[7:11] = bytes.fromhex(f"{rng.randrange(10**8):08}")
        octets[15] = rng.randrange(256)
        if (layout := bytes(octets[11:15]) + b"".join(drawn)) not in seen:
            seen.add(layout)
            yield mended(octets)

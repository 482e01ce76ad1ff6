"""The wire: what a receiver hears of one slave, and of several that speak at once. EN 13757-2; MBDOC48 5.1.

A character is a start bit (space), eight data bits from the lowest on, even parity, a stop bit (mark). Slaves
signal space by drawing current: where several send, the wire is at space whenever one of them is. A UART
waits for an edge to space and samples each bit in its middle.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from ..bus.timing import BITS, duration

# Samples of a bit, as many as UARTs take. The line is a number, one bit a sample, set where it is at space.
SAMPLES: Final = 16
_CHARACTER: Final = BITS * SAMPLES


class Character(NamedTuple):
    """An octet at the end of its stop bit; not `sound` where parity or stop bit are wrong."""

    time: float
    octet: int
    sound: bool = True


@dataclass(frozen=True, slots=True)
class Transmission:
    """Octets without a pause, or with one of `gap` bit times behind `gap_after` octets."""

    start: float
    octets: bytes
    baudrate: int
    gap_after: int = 0
    gap: float = 0.0

    @property
    def end(self) -> float:
        """When the last stop bit ends."""
        return self.start + duration(len(self.octets), self.baudrate) + self._pause

    @property
    def _pause(self) -> float:
        return self.gap / self.baudrate if 0 < self.gap_after < len(self.octets) else 0.0

    def runs(self) -> Iterator[tuple[float, bytes]]:
        """The octets in runs without a pause, with the time at which each run starts."""
        first = self.octets[: self.gap_after] if self._pause else b""
        if first:
            yield self.start, first
        yield self.start + duration(len(first), self.baudrate) + self._pause, self.octets[len(first) :]


def _bits(octet: int) -> list[int]:
    """The bits of a character in their order on the wire, 1 for space."""
    data = [octet >> bit & 1 ^ 1 for bit in range(8)]
    return [1, *data, octet.bit_count() & 1 ^ 1, 0]


def _samples(octet: int) -> bytes:
    line = 0
    for index, space in enumerate(_bits(octet)):
        line |= (space * ((1 << SAMPLES) - 1)) << index * SAMPLES
    return line.to_bytes(_CHARACTER // 8, "little")


_PATTERNS: Final = tuple(_samples(octet) for octet in range(256))


def _line(octets: bytes, ratio: float) -> int:
    """A run of octets as samples; `ratio` is the receiver's rate by the sender's."""
    if ratio == 1:
        return int.from_bytes(b"".join(_PATTERNS[octet] for octet in octets), "little")
    line = 0
    bits = [space for octet in octets for space in _bits(octet)]
    for index, space in enumerate(bits):
        if space:
            first, last = round(index * SAMPLES * ratio), round((index + 1) * SAMPLES * ratio)
            line |= ((1 << last - first) - 1) << first
    return line


def superpose(transmissions: Iterable[Transmission], start: float, baudrate: int) -> int:
    """The line from `start` on, sampled at the receiver's rate."""
    line = 0
    for transmission in transmissions:
        for begin, octets in transmission.runs():
            offset = round((begin - start) * SAMPLES * baudrate)
            line |= _line(octets, baudrate / transmission.baudrate) << offset
    return line


def uart(line: int, start: float, baudrate: int) -> list[Character]:
    """The characters that a UART makes of a line."""
    samples = bin(line)[:1:-1] + "0" * (_CHARACTER + SAMPLES)
    characters: list[Character] = []
    position = samples.find("1")
    while position >= 0:
        middle = position + SAMPLES // 2
        if samples[middle] != "1":  # too short for a start bit
            position = samples.find("1", samples.find("0", position))
            continue
        bits = samples[middle + SAMPLES : middle + _CHARACTER : SAMPLES]
        octet = sum(1 << index for index in range(8) if bits[index] == "0")
        even = octet.bit_count() & 1 == (bits[8] == "0")
        time = start + (position + _CHARACTER) / (SAMPLES * baudrate)
        characters.append(Character(time, octet, even and bits[9] == "0"))
        # Behind a stop bit at space the line has to come back to mark before another start is seen.
        position = samples.find("1", samples.find("0", middle + 10 * SAMPLES))
    return characters


def heard(transmissions: Sequence[Transmission], baudrate: int) -> list[Character]:
    """What a receiver at this rate makes of transmissions that overlap, or of a single one."""
    if not transmissions:
        return []
    if len(transmissions) == 1 and transmissions[0].baudrate == baudrate:
        return [
            Character(begin + duration(index + 1, baudrate), octet)
            for begin, octets in transmissions[0].runs()
            for index, octet in enumerate(octets)
        ]
    start = min(transmission.start for transmission in transmissions)
    return uart(superpose(transmissions, start, baudrate), start, baudrate)

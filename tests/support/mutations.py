"""Damage to wired frames that their check sum does not show."""

from __future__ import annotations

import random
from typing import Final

from helpers import with_check_sum
from vectors import FRAMES

SPECIAL: Final = bytes.fromhex("00 0D 0F 1F 2F 7C 7D 7F 80 8D BF C0 CA D0 E0 EF F0 F6 F7 FB FC FD FF")


def mutated(frame: bytes, rng: random.Random) -> bytes:
    """A frame with one to four faults in what its check sum covers."""
    octets = bytearray(frame)
    for _ in range(rng.randint(1, 4)):
        first = 4 if len(octets) > 8 else 0
        position = rng.randrange(first, max(len(octets) - 2, first + 1))
        kind = rng.randrange(6)
        if kind == 0:
            octets[position] ^= 1 << rng.randrange(8)
        elif kind == 1:
            octets[position] = rng.choice(SPECIAL)
        elif kind == 2 and len(octets) > 9:
            del octets[position : min(position + rng.randint(1, 4), len(octets) - 2)]
        elif kind == 3:
            octets[position:position] = rng.randbytes(rng.randint(1, 4))
        elif kind == 4 and len(octets) > 9:
            other = rng.choice(FRAMES)
            octets[position:-2] = other[rng.randrange(len(other)) : -2]
        else:
            octets[position:position] = bytes([rng.choice(SPECIAL)]) * rng.randint(1, 12)
    return with_check_sum(bytes(octets[:259] + octets[-2:]) if len(octets) > 261 else bytes(octets))

"""Encrypted telegrams on wires as tables, wherever they start: every cell is that of `decode`."""

from __future__ import annotations

import random
from typing import Any

import pytest

from helpers import with_check_sum
from mbus_construct.security.keys import Keys
from mbus_construct.security.sealing import seal_telegram
from mbus_grammars import BuildError

pa: Any = pytest.importorskip("pyarrow", reason="tables need the extra arrow")

from table_checks import check_tables, expected_rows  # noqa: E402

KEY = "000102030405060708090A0B0C0D0E0F"
DATA = "2F2F 0C14 27048502 046D 32371F15 02FD17 0000 0D78 04 61626364 42 6C FE04 2F2F"
LONG = "72 78563412 9315 33 03 75 00"
LAYERS = (
    f"{LONG} 2005",
    f"{LONG} 2007 00",
    f"{LONG} 2025",
    f"{LONG} 0000",
    "7A 2A 00 2005",
    "7A 2A 00 1005",  # plain octets follow
    "78",
    f"8C 20 75 {LONG} 2005",
    f"8D 20 E9 603A1020 0000 {LONG} 0000",
    f"8D 20 E9 603A1020 0000 {LONG} 2005",
    f"90 0F 002C 25 B30A0000 0000000000000000 {LONG} 2007 10",
)
STARTS = {"frame": (0, None), "c_field": (4, -2), "ci_field": (6, -2), "header": (7, -2), "records": (19, -2)}
MANY = 10


def telegrams() -> list[bytes]:
    """Frames of every sort, half of them in plain although they announce a mode."""
    rng = random.Random(1)  # noqa: S311  repeatable
    found: list[bytes] = []
    for layers in LAYERS * 2:
        for _ in range(MANY):
            inner = bytearray.fromhex(f"08 01 {layers} {DATA}")
            inner[-20] = rng.randrange(256)
            plain = with_check_sum(b"\x68\0\0\x68" + inner + b"\0\x16")
            found.append(sealed(plain) if len(found) < MANY * len(LAYERS) else plain)
    rng.shuffle(found)
    return found


def sealed(octets: bytes) -> bytes:
    """The telegram encrypted; as it is where nothing says of which meter it is."""
    try:
        return seal_telegram(octets, "frame", Keys.of(KEY))
    except BuildError:
        return octets


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize(
    "keys",
    [
        {"12345678": ["00" * 16, KEY]},
        *(pytest.param(keys, marks=pytest.mark.slow) for keys in (None, KEY, "FF" * 16)),
    ],
    ids=str,
)
def test_encrypted_telegrams_on_wires(start: str, keys: Any) -> None:
    first, last = STARTS[start]
    cut = [octets[first:last] for octets in telegrams()]
    batch = pa.record_batch({"telegram": pa.array(cut, pa.binary())})
    for link in (start, "auto"):
        check_tables(batch, expected_rows(cut, link, keys), link=link, keys=keys)

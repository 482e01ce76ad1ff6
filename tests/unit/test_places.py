"""Where things stand, as the layouts say; written here as the standard has it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mbus_grammars import DecodeError, IncompleteFrame, MBusError, places
from mbus_grammars.constructs import places_of
from mbus_grammars.fields import ci_field_of
from mbus_grammars.link import MAX_FRAME, LinkUserData, LongFrame, accept_one, frame_length


def test_fields_of_frames() -> None:
    assert places_of(LongFrame) == {
        "start": slice(0, 1),
        "l_field": slice(1, 2),
        "l_field_repeated": slice(2, 3),
        "start_repeated": slice(3, 4),
        "c_field": slice(4, 5),
        "a_field": slice(5, 6),
        "ci_field": slice(6, 7),
        "user_data": slice(7, None),
    }
    assert places_of(LinkUserData, 4)["user_data"] == slice(7, None)
    assert places.LINKS["wireless"]["ci_field"] == 10
    assert slice(2, 10) == places.LINK_ADDRESS
    assert (places.SHORT_LENGTH, places.LONG_OVERHEAD, MAX_FRAME) == (5, 6, 261)


def test_fields_of_headers() -> None:
    assert places.LONG_HEADER["configuration_field"] == slice(10, 12)
    assert slice(0, 8) == places.HEADER_ADDRESS
    assert {name: header.size for name, header in places.HEADERS.items()} == {"short": 4, "long": 12}
    assert places.ELL_PLACES[0x8F] == (1, 2, slice(3, 11), slice(11, 15), 15)
    assert places.ELL_PLACES[0x8C] == (1, 2, None, None, 3)
    assert (1, slice(2, 4)) == (places.AFL_LENGTH, places.AFL_CONTROL)


@pytest.mark.parametrize(
    ("octets", "length"),
    [("E5", 1), ("10 40 01 41 16", 5), ("68 03 03 68 53 FE 50 A1 16", 9), ("E5 10 40", 1)],
)
def test_length_of_wired_frames(octets: str, length: int) -> None:
    frame = bytes.fromhex(octets)
    assert frame_length(frame) == length
    assert frame_length(frame[:length] + b"\x68") == length
    accept_one(frame[:length])
    with pytest.raises(DecodeError, match="1 octets after the frame's end"):
        accept_one(frame[:length] + b"\x68")
    for cut in range(1, length):
        with pytest.raises(IncompleteFrame) as caught:
            frame_length(frame[:cut])
        assert 0 < caught.value.missing <= length - cut or cut < 4


@pytest.mark.parametrize("octets", ["", "00", "10 40 01 42 16", "68 03 03 68 53 FE 50 A1 17", "68 02 03"])
def test_what_is_not_a_wired_frame(octets: str) -> None:
    with pytest.raises(MBusError) as caught:
        frame_length(bytes.fromhex(octets))
    assert not isinstance(caught.value, IncompleteFrame)


def test_what_follows_ci_fields() -> None:
    assert places.header_after(0x72, 30, wireless=False).name == "long"
    assert places.header_after(0x76, 30, wireless=True).name == "none"
    assert places.header_after(0x73, 16, wireless=False).name == "none"
    assert places.header_after(0x73, 20, wireless=False).name == "long"
    assert {0x51, 0x52, 0x56, 0x5A, 0x5B, 0x72, 0x76, 0x78, 0x7A} <= set(places.RECORD_AREAS[False])
    assert {code for code, area in places.RECORD_AREAS[False].items() if area.direction == "to_meter"} == {
        *(0x51, 0x52, 0x56, 0x5A, 0x5B)
    }
    assert places.SELECTIONS == (0x52, 0x56)
    assert {code: header.name for code, header in places.readout_headers().items()} == {
        0x72: "long",
        0x78: "none",
        0x7A: "short",
    }
    assert (ci_field_of("records", "short"), ci_field_of("command")) == (0x7A, 0x51)


def test_the_order_of_addresses() -> None:
    """Number, manufacturer, version, type in the header; the manufacturer comes first in the link layer."""
    header, link = bytes.fromhex("78563412 9315 33 03"), bytes.fromhex("9315 78563412 33 03")
    assert places.link_order(header) == link
    assert places.header_order(link) == header


_NEW_CI_FIELD = """
import sys

from mbus_grammars import code_tables

new = code_tables.CIRow(0x62, 0x62, "from_meter", "a full frame of tomorrow", "long", "", "records")
code_tables.CI_FIELDS = (
    *(row for row in code_tables.CI_FIELDS if row.first != 0x62),
    new,
    new._replace(first=0x63, last=0x63, name="reserved", direction="both", header="raw", body="payload"),
)
for name in [name for name in sys.modules if name.startswith("mbus_grammars")]:
    if name != code_tables.__name__:  # the others read the table when they are imported
        del sys.modules[name]

from mbus_construct import decode, encode
from mbus_construct.explain import explain
from mbus_construct.decoding.plans import plan_for
from mbus_construct.octets.recognise import candidates
from mbus_construct.receiving import Receiver

known = bytes.fromhex(
    "68 1F 1F 68 08 02 72 78 56 34 12 24 40 01 07 55 00 00 00 03 13 15 31 00 DA 02 3B 13 01 8B 60 04 37 18 02"
    "18 16"
)
octets = bytearray(known)
octets[6] = 0x62
octets[-2] = (octets[-2] - 0x10) & 0xFF
octets = bytes(octets)
before, after = decode(known), decode(octets)
assert after.records == before.records and after.meter == before.meter and not after.diagnostics
assert encode(after) == octets == encode(after.to_dict())
assert plan_for(octets).read(octets) == after
assert candidates(octets[6:-2]) == candidates(known[6:-2])
spans = [(span.path, span.meaning) for span in explain(octets).spans if "record" in span.path]
assert spans == [(span.path, span.meaning) for span in explain(known).spans if "record" in span.path] != []
receiver = Receiver()
receiver.decode(octets)
assert len(receiver.formats) == 1
try:
    import pyarrow as pa
except ImportError:
    pass
else:
    from mbus_construct.arrow import decode_batch

    sheets = [pa.record_batch({"telegram": [item] * 40}) for item in (known, octets)]
    one, other = [decode_batch(sheet).to_pylist() for sheet in sheets]
    assert one == other and len(one) == 120
print("as 72h")
"""


def test_a_new_ci_field_costs_one_line_in_the_table() -> None:
    """Decoding, plans, encoding, explanations, the forms, formats and columns know it from its row."""
    done = subprocess.run(
        [sys.executable, "-c", _NEW_CI_FIELD], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.stdout, done.stderr) == ("as 72h\n", "")

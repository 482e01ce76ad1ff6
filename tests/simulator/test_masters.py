"""What three real masters put on the wire, and the answers that were logged there."""

from __future__ import annotations

import pytest

from helpers import with_check_sum
from mbus_construct import decode
from mbus_construct.simulator import Behaviour, SimulatedMeter
from virtual import E5, Asker, asker, select, short

# A meter at primary address 5 with two telegrams, as captured; each has its own access number and status.
FIRST = with_check_sum(
    bytes.fromhex(
        "68 00 00 68 08 05 72 85 51 15 11 77 04 0A 0D 94 70 00 00 04 13 15 31 00 00 0C 78 85 51 15 11 1F 00 16"
    )
)
SECOND = with_check_sum(
    bytes.fromhex(
        "68 00 00 68 08 05 72 85 51 15 11 77 04 0A 0D 1B 10 00 00 0C 06 07 01 00 00 0B 22 01 24 03 00 16"
    )
)
EXACT = "85 51 15 11 77 04 0A 0D"
MASK = "FF FF 55 11 FF FF FF FF".replace("55", "15")


def both(**more: object) -> Asker:
    return asker(SimulatedMeter(telegrams=[FIRST, SECOND], keeps_access_number=True, **more))  # type: ignore[arg-type]


def only() -> Asker:
    return asker(SimulatedMeter(telegrams=[SECOND], keeps_access_number=True))


NKE_253, NKE_255, NKE_5, NKE_9 = short(0x40, 253), short(0x40, 255), short(0x40, 5), short(0x40, 9)
REQ_0, REQ_1 = short(0x5B, 5), short(0x7B, 5)
REQ_253_0, REQ_253_1 = short(0x5B, 253), short(0x7B, 253)

DIALOGUES = {
    "libmbus: request, primary": (only, [(NKE_253, b""), (NKE_253, b""), (REQ_0, SECOND)]),
    "libmbus: request, absent": (only, [(NKE_253, b""), (NKE_253, b""), (short(0x5B, 6), b"")]),
    "libmbus: request, secondary": (
        only,
        [(NKE_253, b""), (NKE_253, b""), (select(EXACT, 0x73), E5), (REQ_253_0, SECOND)],
    ),
    "libmbus: request, wildcard": (only, [(NKE_253, b""), (select(MASK, 0x73), E5), (REQ_253_0, SECOND)]),
    "libmbus: set address": (
        only,
        [
            (NKE_253, b""),
            (NKE_253, b""),
            (NKE_9, b""),
            (bytes.fromhex("68 06 06 68 53 05 51 01 7A 09 2D 16"), E5),
            (NKE_9, E5),
            (NKE_5, b""),
        ],
    ),
    "libmbus: set address by secondary": (
        only,
        [
            (NKE_253, b""),
            (short(0x40, 12), b""),
            (select(EXACT, 0x73), E5),
            (bytes.fromhex("68 06 06 68 53 FD 51 01 7A 0C 28 16"), E5),
            (short(0x40, 12), E5),
        ],
    ),
    "libmbus: switch baud rate": (only, [(bytes.fromhex("68 03 03 68 53 05 BD 15 16"), E5), (NKE_5, b"")]),
    "libmbus: application reset": (only, [(bytes.fromhex("68 03 03 68 53 05 50 A8 16"), E5)]),
    "libmbus: multi reply": (both, [(NKE_253, b""), (NKE_253, b""), (REQ_1, FIRST), (REQ_0, SECOND)]),
    "libmbus: multi reply by secondary": (
        both,
        [(NKE_253, b""), (select(EXACT, 0x73), E5), (REQ_253_1, FIRST), (REQ_253_0, SECOND)],
    ),
    "libmbus: plain request of a two-telegram meter": (
        both,
        [(NKE_253, b""), (REQ_0, FIRST), (REQ_0, FIRST)],
    ),
    "pyMeterBus: request, primary": (only, [(NKE_5, E5), (REQ_0, SECOND)]),
    "pyMeterBus: request, secondary": (only, [(NKE_253, b"")] * 4),
    "pyMeterBus: multi reply, primary": (both, [(NKE_5, E5), (REQ_1, FIRST)]),
    "pyMeterBus: multi reply, secondary": (
        both,
        [(NKE_253, b"")] * 6
        + [(NKE_255, b"")] * 6
        + [(select(EXACT, 0x73), E5), (REQ_253_1, FIRST), (REQ_253_0, SECOND)],
    ),
    "jmbus: read primary": (both, [(NKE_5, E5), (REQ_1, FIRST), (REQ_0, SECOND)]),
    "jmbus: read secondary": (only, [(select(EXACT, 0x53), E5), (REQ_253_1, SECOND)]),
}


@pytest.mark.parametrize(("bench", "dialogue"), DIALOGUES.values(), ids=DIALOGUES)
def test_requests_are_answered_as_logged(bench: object, dialogue: list[tuple[bytes, bytes]]) -> None:
    master: Asker = bench()  # type: ignore[operator]
    for number, (request, reply) in enumerate(dialogue):
        assert master.ask(request) == reply, number


def test_pymeterbus_reads_a_slave_that_always_acknowledges_253() -> None:
    master = both(behaviour=Behaviour(acknowledges_unselected=True))
    dialogue = [
        (NKE_253, E5),
        (NKE_255, b""),
        (select(EXACT, 0x73), E5),
        (REQ_253_1, FIRST),
        (REQ_253_0, SECOND),
    ]
    assert [master.ask(request) for request, _ in dialogue] == [reply for _, reply in dialogue]


def three(**bus: object) -> Asker:
    meters = [
        SimulatedMeter(
            address,
            records=[{"quantity": "fabrication number", "value": number}],
            identification_number=number,
            manufacturer="ACW",
            version=0x0A,
            device_type=0x0D,
        )
        for address, number in ((1, "12345678"), (2, "12399999"), (3, "80000001"))
    ]
    return asker(*meters, **bus)


def test_secondary_scan_with_clean_acknowledgements_and_broken_replies() -> None:
    master = three(faults=["clean_ack_collision"])
    assert master.ask(select("FF FF FF 0F FF FF FF FF", 0x73)) == b""
    assert master.ask(select("FF FF FF 1F FF FF FF FF", 0x73)) == E5
    # 12345678 and 12399999 at addresses 1 and 2: the wire shows neither, and the check sum tells.
    reply = master.ask(REQ_253_0)
    assert reply[:15] == bytes.fromhex("68 15 15 68 08 00 72 18 10 30 12 77 04 0A 0D")
    assert with_check_sum(reply) != reply
    for mask, a_field in (("FF FF 34 12", 1), ("FF FF 39 12", 2), ("FF FF FF 8F", 3)):
        assert master.ask(select(mask + " FF" * 4, 0x73)) == E5
        telegram = decode(master.ask(REQ_253_0))
        assert telegram.frame.a_field == a_field
    assert master.ask(select("FF FF FF 9F FF FF FF FF", 0x73)) == b""


def test_secondary_scan_with_garbled_acknowledgements() -> None:
    master = three(faults=["garbled_collision"])
    assert master.ask(select("FF FF FF 1F FF FF FF FF", 0x73)) not in (b"", E5)
    assert master.ask(select("FF FF 34 12 FF FF FF FF", 0x73)) == E5


def test_jmbus_keeps_its_fcb_across_selections() -> None:
    master = three()
    found = []
    for digit, request in (("F1", REQ_253_1), ("F8", REQ_253_0), ("F9", REQ_253_1)):
        assert master.ask(select(f"{digit} FF FF FF FF FF FF FF", 0x53)) == E5
        found.append(decode(master.ask(request)).frame.a_field)
    assert found == [3, 1, 2]


def test_primary_scan() -> None:
    meters = [SimulatedMeter(a_field, telegrams=[SECOND]) for a_field in (3, 5, 5, 7)]
    master = asker(*meters)
    answers = {a_field: reply for a_field in range(251) if (reply := master.ping(a_field))}
    assert sorted(answers) == [3, 5, 7]
    assert answers[3] == answers[7] == E5 != answers[5]

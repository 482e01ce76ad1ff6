"""The bus as the listeners and the ports use it: octets and times in, octets and deadlines out."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbus_construct import DecodeError, TransportError, decode
from mbus_construct.ports.port import AsyncPort, Port
from mbus_construct.simulator import (
    AsyncVirtualPort,
    LoggedRequest,
    SimulatedBus,
    VirtualPort,
    builtin,
    fleet,
)
from virtual import E5, Asker, asker, meter, select, short

BIT = 1 / 2400


def test_time_passes_as_on_the_wire() -> None:
    bus = SimulatedBus([meter(delay=11)])
    assert bus.deadline is None
    bus.transmit(short(0x40, 5), 1.0, 2400)
    assert bus.deadline == pytest.approx(1.0 + (5 * 11 + 11 + 11) * BIT)
    assert bus.receive(1.0 + 76 * BIT) == b""
    assert bus.receive(1.0 + 77.1 * BIT) == E5
    assert bus.deadline is None


def test_delays_are_those_of_the_standard_and_stay() -> None:
    for seed in range(50):
        bus = SimulatedBus([meter(), meter(6, "99999999")], seed=seed)
        bus.transmit(short(0x40, 5), 0.0, 2400)
        first = bus.deadline
        assert first is not None
        assert 11 <= first / BIT - 55 - 11 <= 51
    slow = SimulatedBus([meter(delay=330, delay_seconds=0.05)])
    slow.transmit(short(0x40, 5), 0.0, 2400)
    assert slow.deadline == pytest.approx((55 + 330 + 11) * BIT + 0.05)


@given(st.lists(st.integers(1, 4), max_size=8))
def test_however_a_request_is_cut_it_is_heard(cuts: list[int]) -> None:
    octets = short(0x40, 9) + select() + short(0x40, 253)
    bus = SimulatedBus([meter()])
    place = 0
    for cut in cuts:
        bus.transmit(octets[place : place + cut], 0.0, 2400)
        place += cut
    bus.transmit(octets[place:], 0.0, 2400)
    assert [request.octets for request in bus.requests] == [octets[:5], octets[5:22], octets[22:]]


def test_octets_that_are_no_frame_are_given_up() -> None:
    master = asker()
    for noise in (b"\xff\x00", b"\x16\x10\x40\x68\x03", b"\x68\x0b\x0c"):
        master.port.write(noise)
        assert master.ping(5) == E5
    master.port.write(b"\x68\x0b\x0b\x68\x53")
    assert master.ping(5) == b""  # it looks like the rest of a selection
    master.port.write(b"\x68\x0b\x0b\x68\x53")
    master.port.sleep(1.0)
    assert master.ping(5) == E5


def test_wrong_parity_and_rate_are_not_heard() -> None:
    bus = SimulatedBus([meter()])
    bus.transmit(short(0x40, 5), 0.0, 2400, parity="N")
    bus.transmit(short(0x40, 5), 1.0, 9600)
    assert bus.deadline is None
    bus.transmit(short(0x40, 5), 2.0, 2400)
    assert bus.deadline is not None


def test_who_listens_at_another_rate_hears_something_else() -> None:
    master = asker()
    master.port.write(short(0x7B, 5))
    master.port.sleep(5 * 11 * BIT)
    master.port.set_baudrate(9600)
    assert master.listen(2.0) not in (b"", asker().read(5))


def test_requests_are_logged() -> None:
    master = asker(meter(5), meter(6, "99999999", name="other"))
    master.ping(254)
    master.read(6)
    ping, request = master.bus.requests
    assert ping.answered_by == ("12345678", "other")
    assert ping.replies == (E5, E5)
    assert request == LoggedRequest(
        request.time, short(0x7B, 6), 2400, "REQ_UD2", 6, True, None, ("other",), request.replies
    )
    assert decode(request.replies[0]).frame.a_field == 6
    master.ask(select())
    assert (master.bus.requests[-1].ci_field, master.bus.requests[-1].fcb) == (0x52, False)
    assert master.bus.fcb_history(6) == [True]
    assert master.bus.fcb_history(253, "SND_UD") == [False]
    assert not master.bus.overlaps
    master.bus.clear_log()
    assert not master.bus.requests


def test_who_speaks_while_a_meter_sends_is_noted_and_not_heard_by_it() -> None:
    master = asker(meter(5), meter(6, "99999999"))
    master.port.write(short(0x7B, 5))
    master.port.sleep(0.15)
    master.port.write(short(0x40, 5))
    assert list(master.bus.overlaps) == [pytest.approx(0.15)]
    assert master.bus.requests[-1].answered_by == ()


def test_meters_are_found_by_name() -> None:
    bus = SimulatedBus.from_meters(meter(5, name="one"), meter(6, "99999999"), seed=3)
    assert bus.meter("one").primary_address == 5
    assert not bus.is_selected("99999999")
    for ask in (bus.meter, bus.is_selected):
        with pytest.raises(KeyError):
            ask("two")


# --- Ports ---------------------------------------------------------------------------------------


def test_the_port_is_a_port() -> None:
    port: Port = VirtualPort(SimulatedBus([meter()]), "sim:")
    assert (port.name, port.baudrate, port.slack, port.now()) == ("sim:", 2400, 0.0, 0.0)
    assert port.read(5.0) == b""
    assert port.now() == 5.0
    port.write(short(0x40, 5))
    assert port.read(6.0) == E5
    port.close()
    port.close()
    with pytest.raises(TransportError, match="open it again"):
        port.write(short(0x40, 5))
    port.reopen()
    port.write(short(0x40, 5))
    assert port.read(7.0) == E5


def test_a_read_ends_at_its_deadline_with_what_has_come() -> None:
    master = asker()
    master.port.write(short(0x7B, 5))
    pieces = [master.port.read(master.port.now() + 0.05) for _ in range(6)]
    assert b"".join(pieces) == asker().read(5)
    assert sum(bool(piece) for piece in pieces) > 2


def test_the_port_of_asyncio_does_the_same() -> None:
    async def dialogue() -> list[bytes]:
        port: AsyncPort = AsyncVirtualPort(SimulatedBus([meter()]))
        await port.write(short(0x40, 5))
        heard = [await port.read(1.0)]
        await port.write(bytes.fromhex("68 03 03 68 53 05 BD 15 16"))
        heard.append(await port.read(2.0))
        await port.set_baudrate(9600)
        assert port.baudrate == 9600
        await port.write(short(0x7B, 5))
        heard.append(await port.read(3.0))
        await port.wake_up(2.0)
        await port.close()
        await port.reopen()
        assert port.now() > 2.0
        return heard

    acknowledged, switched, reply = asyncio.run(dialogue())
    assert acknowledged == switched == E5
    assert decode(reply).frame.a_field == 5


# --- Many meters ---------------------------------------------------------------------------------


def test_the_built_in_bus_is_instructive() -> None:
    master = Asker(builtin())
    answers = {a_field: reply for a_field in range(251) if (reply := master.ping(a_field))}
    assert sorted(answers) == [5, 12, 20, 30]
    first, second = decode(master.read(12, 1)), decode(master.read(12, 0))
    assert (first.more_records_follow, second.more_records_follow) == (True, False)
    assert decode(master.read(5)).records[1].value_text == "2.013 m³"
    assert all(record.state == "ok" for record in (*first.records, *second.records))
    for mask in ("17 04 00 30", "28 05 00 30"):
        assert master.ask(select(mask + " FF" * 4)) == E5
        assert decode(master.read(253)).frame.a_field == 30


def search(master: Asker, prefix: str = "") -> list[str]:
    """A plain search from the most significant digit on."""
    found: list[str] = []
    for digit in "0123456789":
        digits = (prefix + digit).ljust(8, "F")
        heard = master.ask(select(bytes.fromhex(digits)[::-1].hex() + "FF" * 4))
        if not heard:
            continue
        reply = master.read(253) if heard == E5 else b""
        try:
            telegram = decode(reply, link="frame") if reply else None
        except DecodeError:
            telegram = None
        if telegram is not None and telegram.meter is not None:
            found.append(telegram.meter.identification_number)
        elif len(prefix) < 7:
            found += search(master, prefix + digit)
    return found


def test_250_meters_are_searched() -> None:
    meters = fleet(250, first_primary_address=1, random=True, seed=3)
    master = Asker(SimulatedBus(meters))
    found = search(master)
    assert len(master.bus.requests) > 1100
    names = {item.name for item in meters}
    assert set(found) <= names
    assert len(found) > 240

"""The README's flow over real pyserial ports, with simulated meters at the other end."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
import serial

from mbus_construct import meterbus
from mbus_construct.simulator import builtin
from mbus_construct.simulator.listener import Listener
from real_time import frame_by_frame

# pyserial's RFC 2217 client starts its thread in a way that Python has deprecated.
pytestmark = pytest.mark.filterwarnings(r"ignore:set(Daemon|Name)\(\):DeprecationWarning")


@pytest.fixture(params=["pty:", "tcp://127.0.0.1:0", "rfc2217://127.0.0.1:0"])
def ser(request: pytest.FixtureRequest) -> Iterator[serial.SerialBase]:
    with Listener(builtin(), request.param, speed=20) as listener:
        url = listener.url.replace("tcp://", "socket://")
        # pyserial asks pseudo-terminals for parity, which they do not have, only where it changes a setting.
        parity = "N" if url.startswith("/") else "E"
        with serial.serial_for_url(url, 2400, 8, parity, 1, timeout=30) as port:
            frame_by_frame(port)
            yield port


def test_read_select_and_read(ser: serial.SerialBase) -> None:
    meterbus.send_ping_frame(ser, 5)
    assert isinstance(meterbus.load(meterbus.recv_frame(ser, 1)), meterbus.TelegramACK)
    meterbus.send_request_frame(ser, 5)
    frame = meterbus.load(meterbus.recv_frame(ser, meterbus.FRAME_DATA_LENGTH))
    assert isinstance(frame, meterbus.TelegramLong)
    assert frame.records[1].parsed_value == Decimal("2.013")

    meterbus.send_select_frame(ser, "1234567824400107")
    assert isinstance(meterbus.load(meterbus.recv_frame(ser, 1)), meterbus.TelegramACK)
    joined = None
    req = meterbus.send_request_frame_multi(ser, meterbus.ADDRESS_NETWORK_LAYER)
    while True:
        frame = meterbus.load(meterbus.recv_frame(ser, meterbus.FRAME_DATA_LENGTH))
        joined = frame if joined is None else joined + frame
        if not frame.more_records_follow:
            break
        req.header.cField.parts[0] ^= meterbus.CONTROL_MASK_FCB
        req = meterbus.send_request_frame_multi(ser, req=req)
    assert joined.secondary_address == "1234567824400107"
    assert {record.dib.storage_number for record in joined.records} == {0, 1}

    ser.timeout = 0.1  # not long, for nobody is there
    meterbus.send_ping_frame(ser, 77)
    assert meterbus.recv_frame(ser, 1) is None

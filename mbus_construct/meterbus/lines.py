"""Sending and receiving over any object with pyserial's `write` and `read`.

The object's own `timeout` is the time that a read waits; `inter_byte_timeout` says how long it must be.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterable
from typing import Any, Final, Literal, Protocol

from mbus_grammars import BuildError, Frame
from mbus_grammars.fields import Manufacturer

from ..bus import timing
from ..bus.address import SELECTED, parse_secondary
from ..bus.receiver import receive
from .telegrams import TelegramShort

logger: Final = logging.getLogger("mbus_construct.meterbus")


class SerialLike(Protocol):
    """What is needed of a serial port."""

    def write(self, data: Any, /) -> Any:
        """Hand over octets."""
        ...

    def read(self, size: int, /) -> bytes:
        """Up to so many octets; fewer, or none, once the port's time-out is over."""
        ...


class _Trace:
    """Whether what is sent and received is logged, and the handler that shows it where nothing else does."""

    on = False
    handler: logging.Handler | None = None


def debug(state: bool) -> None:
    """Log what is sent and received: "SEND (005) 10 40 FE 3E 16", at INFO to "mbus_construct.meterbus".

    Where the program has not set up logging, the lines go to standard error.
    """
    _Trace.on = bool(state)
    if _Trace.handler is not None:
        logger.removeHandler(_Trace.handler)
        _Trace.handler = None
    logger.setLevel(logging.INFO if state else logging.NOTSET)
    if state and not logger.hasHandlers():
        _Trace.handler = logging.StreamHandler()
        _Trace.handler.setFormatter(logging.Formatter("%(levelname)s:%(name)s:%(message)s"))
        logger.addHandler(_Trace.handler)


def _trace(direction: str, octets: bytes) -> None:
    if _Trace.on:
        logger.info("%s (%03d) %s", direction, len(octets), octets.hex(" ").upper())


# --- Addresses and numbers -----------------------------------------------------------------------


def is_primary_address(value: object) -> bool:
    """Whether it is a number from 0 to 255."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 255


def is_secondary_address(value: object) -> bool:
    """Whether it is a text of sixteen hex digits, F standing for any digit."""
    return isinstance(value, str) and re.fullmatch("[0-9A-Fa-f]{16}", value) is not None


def manufacturer_id(manufacturer: str) -> int | Literal[False]:
    """The number of a manufacturer's three letters, False where they are none: 12901 for "LSE"."""
    if not re.fullmatch("[A-Za-z]{3}", manufacturer):
        return False
    return int.from_bytes(Manufacturer.build(manufacturer.upper()), "little")


def manufacturer_encode(value: int, size: int) -> list[int]:
    """A number as so many octets, the least significant one first."""
    return list(value.to_bytes(size, "little"))


def inter_byte_timeout(baudrate: int) -> float | None:
    """Seconds that a port's `timeout` has to be: the longest wait for an answer, rounded up to tenths.

    None for a baud rate that M-Bus does not have. EN 13757-2: 330 bit times and 50 ms.
    """
    if baudrate not in timing.BAUDRATES:
        return None
    return math.ceil(round(timing.last_answer(baudrate) * 10, 6)) / 10


# --- Frames --------------------------------------------------------------------------------------


def serial_send(ser: SerialLike, data: Iterable[int] | None = None, read_echo: bool = False) -> None:
    """Write a telegram, or octets; with `read_echo` read as many back, for a converter that echoes."""
    if data is None:
        return
    octets = bytes(data)
    _trace("SEND", octets)
    ser.write(octets)
    if read_echo:
        ser.read(len(octets))


def send_ping_frame(ser: SerialLike, address: int, read_echo: bool = False) -> Literal[False] | None:
    """Send SND_NKE, which a meter acknowledges. False where the address is not 0 to 255."""
    if not is_primary_address(address):
        return False
    serial_send(ser, _short(0x40, address), read_echo)
    return None


def _short(c_field: int, address: int) -> TelegramShort:
    frame = TelegramShort()
    frame.header.cField.parts = [c_field]
    frame.header.aField.parts = [address]
    return frame


def send_request_frame(
    ser: SerialLike, address: int | None = None, req: TelegramShort | None = None, read_echo: bool = False
) -> TelegramShort | Literal[False] | None:
    """Send REQ_UD2 with FCB 0 (5Bh), or the frame `req` again; gives the frame.

    False where the address is not 0 to 255, None where there is neither an address nor a frame.
    """
    return _request(ser, 0x5B, address, req, read_echo)


def send_request_frame_multi(
    ser: SerialLike, address: int | None = None, req: TelegramShort | None = None, read_echo: bool = False
) -> TelegramShort | Literal[False] | None:
    """Send REQ_UD2 with FCB 1 (7Bh), or the frame `req` as it is now; gives the frame.

    For the next telegram of a readout toggle its FCB and send it again:
    `req.header.cField.parts[0] ^= CONTROL_MASK_FCB`.
    """
    return _request(ser, 0x7B, address, req, read_echo)


def _request(
    ser: SerialLike, c_field: int, address: int | None, req: TelegramShort | None, read_echo: bool
) -> TelegramShort | Literal[False] | None:
    if req is None:
        if address is None:
            return None
        if not is_primary_address(address):
            return False
        req = _short(c_field, address)
    serial_send(ser, req, read_echo)
    return req


def send_select_frame(
    ser: SerialLike, secondary_address: str, read_echo: bool = False
) -> Literal[False] | None:
    """Select meters by a secondary address of sixteen digits, F for any digit; a meter acknowledges.

    False where it is no such address. The selected meter then answers to `ADDRESS_NETWORK_LAYER`.
    """
    if not is_secondary_address(secondary_address):
        return False
    try:
        selection = parse_secondary(secondary_address).to_dict()
        values = {"c_field": 0x73, "a_field": SELECTED, "ci_field": 0x52, "user_data": selection}
        octets = Frame.build(values)
    except BuildError:
        return False
    serial_send(ser, octets, read_echo)
    return None


# A line that never falls silent ends the reception: so many octets hold a frame wherever it starts.
_MOST_OCTETS: Final = 4 * 261


def recv_frame(ser: SerialLike, length: int = 1) -> bytes | Literal[False] | None:  # noqa: ARG001
    """The octets of the next frame.

    None where nothing comes within the port's time-out, False where only octets come that are no frame.
    Octets in front of a frame are passed over. `length` is taken for pyMeterBus's sake: a frame says itself
    how long it is, and it is given as soon as it is complete.
    """
    heard = b""
    missing = 1
    while len(heard) < _MOST_OCTETS:
        chunk = ser.read(missing)
        if not chunk:
            break
        heard += chunk
        frame, missing = _first_frame(heard)
        if frame is not None:
            _trace("RECV", frame)
            return frame
    frame, _ = _first_frame(heard, final=True)
    if heard:
        _trace("RECV", heard if frame is None else frame)
    return frame if frame is not None else False if heard else None


def _first_frame(heard: bytes, *, final: bool = False) -> tuple[bytes | None, int]:
    """The first frame in the octets, and how many more octets to wait for.

    E5 is a frame only where it comes first: among other octets it is any octet.
    """
    reception = receive(heard, final=final)
    for index, piece in enumerate(reception.pieces):
        if piece.frame is not None and not (piece.acknowledges and index):
            return piece.octets, 0
    return None, max(reception.missing, 1)


class MBusSerial:
    """The functions of this module as methods of a port.

    Args:
        ser: the port.
        preamble: octets to send in front of every telegram, to wake up a meter.
    """

    def __init__(self, ser: SerialLike, preamble: Iterable[int] | None = None) -> None:
        self.ser = ser
        self.preamble = preamble

    def serial_send(self, data: Iterable[int] | None = None, read_echo: bool = False) -> None:
        """Write the preamble and a telegram, see `serial_send` of the module."""
        serial_send(self, data, read_echo)

    def send_ping_frame(self, address: int, read_echo: bool = False) -> Literal[False] | None:
        """Send SND_NKE, see `send_ping_frame` of the module."""
        return send_ping_frame(self, address, read_echo)

    def send_request_frame(
        self, address: int | None = None, req: TelegramShort | None = None, read_echo: bool = False
    ) -> TelegramShort | Literal[False] | None:
        """Send REQ_UD2, see `send_request_frame` of the module."""
        return send_request_frame(self, address, req, read_echo)

    def send_request_frame_multi(
        self, address: int | None = None, req: TelegramShort | None = None, read_echo: bool = False
    ) -> TelegramShort | Literal[False] | None:
        """Send REQ_UD2 of a readout of several telegrams, see `send_request_frame_multi` of the module."""
        return send_request_frame_multi(self, address, req, read_echo)

    def send_select_frame(self, secondary_address: str, read_echo: bool = False) -> Literal[False] | None:
        """Select meters, see `send_select_frame` of the module."""
        return send_select_frame(self, secondary_address, read_echo)

    def recv_frame(self, length: int = 1) -> bytes | Literal[False] | None:
        """The octets of the next frame, see `recv_frame` of the module."""
        return recv_frame(self.ser, length)

    def write(self, data: bytes) -> None:
        """Preamble and octets to the port."""
        if self.preamble:
            self.ser.write(bytes(self.preamble))
        self.ser.write(data)

    def read(self, size: int) -> bytes:
        """Octets from the port."""
        return self.ser.read(size)

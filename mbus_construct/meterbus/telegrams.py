"""The telegrams as pyMeterBus shows them. Their fields may be edited; iterating gives the octets to send.

A telegram reads and builds through the grammars alone: what is shown is a view of what `decode` gives.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final

from mbus_grammars import (
    BuildError,
    ChecksumError,
    DecodeError,
    Frame,
    IncompleteFrame,
    LengthError,
    LinkUserData,
)
from mbus_grammars.link import TRAILER, LongFrame, frame_length
from mbus_grammars.places import LONG_OVERHEAD

from ..decoding.decode import decode
from . import constants
from .base import MBusTelegram, Octets, as_octets, crc_error
from .bodies import TelegramBody
from .exceptions import (
    FrameMismatch,
    MBusFrameDecodeError,
    MBusFrameEncodeError,
    MbusFrameLengthError,
)
from .headers import TelegramHeader
from .keys import KEYS
from .records import TelegramVariableDataRecord, records_of

if TYPE_CHECKING:
    from ..model.telegram import Telegram
    from .field import HeaderField, TelegramField


class TelegramACK(MBusTelegram):
    """The single character E5: acknowledged."""

    type: Final = constants.FRAME_ACK_START
    base_size: Final = 1

    def __init__(self, dbuf: Octets | None = None) -> None:
        if dbuf is not None:
            _read(dbuf, TelegramACK)

    @staticmethod
    def parse(data: Octets) -> TelegramACK:
        """The telegram in the octets. Raises as `load`, `FrameMismatch` for another kind."""
        return TelegramACK(data)

    def _octets(self) -> bytes:
        return bytes([self.type])

    @property
    def interpreted(self) -> dict[str, Any]:
        """The telegram as a dict."""
        return {"head": {"start": hex(self.type)}}


class _WithHeader(MBusTelegram):
    """A telegram with C and A field."""

    header: TelegramHeader

    def compute_crc(self) -> int:
        """The check sum that the other octets give."""
        return self._octets()[-2]

    def check_crc(self) -> bool:
        """Whether the check sum in the header is the one that the octets give."""
        given = list(self.header.crcField.parts)
        return given == [self.compute_crc()]

    @property
    def interpreted(self) -> dict[str, Any]:
        """The telegram as a dict in pyMeterBus's shape."""
        return {"head": self.header.interpreted}

    def _link_octets(self) -> bytes:
        """C and A field."""
        fields = (self.header.cField, self.header.aField)
        for name, field in zip(("header.cField", "header.aField"), fields, strict=True):
            _octets_of(field, name, 1)
        return bytes(part for field in fields for part in field.parts)


def _octets_of(field: TelegramField, name: str, length: int | None = None) -> bytes:
    """The octets of a field. Raises `MBusFrameEncodeError` where they are none."""
    try:
        octets = field.parts_bytes
    except (TypeError, ValueError):
        octets = None
    if octets is None or length not in (None, len(octets)):
        wanted = "octets, 0 to 255 each" if length is None else "one octet"
        raise MBusFrameEncodeError(f"{name}.parts is {field.parts}, it must be {wanted}", field.parts)
    return octets


class TelegramShort(_WithHeader):
    """A short frame: SND_NKE, REQ_UD1, REQ_UD2."""

    def __init__(self, dbuf: Octets | None = None) -> None:
        self.header = TelegramHeader(constants.FRAME_SHORT_START)
        if dbuf is None:
            for field in (self.header.cField, self.header.aField, self.header.crcField):
                field.parts = [0]
            return
        octets = _read(dbuf, TelegramShort)
        fields = (self.header.startField, self.header.cField, self.header.aField, self.header.crcField)
        for field, octet in zip(fields, octets, strict=False):
            field.parts = [octet]

    @staticmethod
    def parse(data: Octets) -> TelegramShort:
        """The telegram in the octets. Raises as `load`, `FrameMismatch` for another kind."""
        return TelegramShort(data)

    def _octets(self) -> bytes:
        c_field, a_field = self._link_octets()
        octets = Frame.build({"c_field": c_field, "a_field": a_field})
        self.header.crcField.parts = [octets[-2]]
        return octets


class TelegramControl(_WithHeader):
    """A control frame: a long frame without user data."""

    def __init__(self, dbuf: Octets | None = None) -> None:
        self.header = TelegramHeader()
        self.body = TelegramBody()
        if dbuf is None:
            self.header.cField.parts = [constants.CONTROL_MASK_SND_UD]
            return
        octets = _read(dbuf, TelegramControl)
        _take_frame(self.header, octets)
        self.body.bodyHeader.ci_field.parts = [octets[6]]

    @staticmethod
    def parse(data: Octets) -> TelegramControl:
        """The telegram in the octets. Raises as `load`, `FrameMismatch` for another kind."""
        return TelegramControl(data)

    @property
    def address(self) -> HeaderField:
        """The A field."""
        return self.header.aField

    def set_baud(self, baud: int) -> None:
        """Let the meter change to so many baud; the answer to it still comes at the old rate."""
        code = getattr(constants, f"CONTROL_INFO_SET_BAUDRATE_{baud}", None)
        if code is None:
            raise MBusFrameEncodeError(f"{baud} is no baud rate that a CI field sets", baud)
        self._set(code)

    def set_application_reset(self) -> None:
        """Reset the meter's application."""
        self._set(constants.CONTROL_INFO_APPLICATION_RESET)

    def set_ram_readout(self) -> None:
        """Ask for the RAM, as Techem's meters give it."""
        self._set(constants.CONTROL_INFO_REQUEST_RAM_READ)

    def set_eeprom_readout(self) -> None:
        """Ask for the EEPROM, as Techem's meters give it."""
        self._set(constants.CONTROL_INFO_EEPROM_READ)

    def set_software_test(self) -> None:
        """Start the software test of Techem's meters."""
        self._set(constants.CONTROL_INFO_SW_TEST_START)

    def _set(self, ci_field: int) -> None:
        self.body.bodyHeader.ci_field.parts = [ci_field]

    def _octets(self) -> bytes:
        link = self._link_octets()
        ci_field = _octets_of(self.body.bodyHeader.ci_field, "body.bodyHeader.ci_field", 1)
        return _built(self.header, link + ci_field)

    @property
    def interpreted(self) -> dict[str, Any]:
        """The telegram as a dict in pyMeterBus's shape."""
        header = {"type": self.body.bodyHeader.interpreted["type"]}
        return {"head": self.header.interpreted, "body": {"header": header}}


class TelegramLong(_WithHeader):
    """A frame with user data. `a + b` joins the telegrams of one readout: a's header, the records of both."""

    def __init__(self, dbuf: Octets | None = None) -> None:
        self.header = TelegramHeader()
        self.body = TelegramBody(self)
        self._following: tuple[TelegramLong, ...] = ()
        self._view: tuple[bytes, Telegram, list[TelegramVariableDataRecord]] | None = None
        if dbuf is not None:
            self.load(dbuf)

    @staticmethod
    def parse(data: Octets) -> TelegramLong:
        """The telegram in the octets. Raises as `load`, `FrameMismatch` for another kind."""
        return TelegramLong(data)

    def load(self, tgr: Octets) -> None:
        """Read the octets of a frame into this telegram."""
        octets = _read(tgr, TelegramLong)
        content = octets[LongFrame.first : -TRAILER]
        parsed = LinkUserData.parse(content)
        telegram = decode(content, link="c_field", keys=KEYS.keys)
        _refuse_other_data(telegram)
        _take_frame(self.header, octets)
        length = self.body.bodyHeader.read(int(parsed["ci_field"]), parsed["user_data"])
        self.body.bodyPayload.load(content[3 + length :])
        self._view = (content, telegram, list(records_of(telegram)))

    @property
    def records(self) -> list[TelegramVariableDataRecord]:
        """The records; those that cannot be read are there without a value."""
        return self.all_records()

    def all_records(self) -> list[TelegramVariableDataRecord]:
        """The records of this telegram and of those that were added to it.

        In front of what follows, a record that says only that more follows is left out.
        """
        _, own = self._decoded()
        records = list(own)
        for telegram in self._following:
            if records and records[-1].more_records_follow and not records[-1].dataField.parts:
                records.pop()
            records += telegram.records
        return records

    @property
    def secondary_address(self) -> str | None:
        """The sixteen digits that select the meter, None where the telegram does not have them."""
        telegram, _ = self._decoded()
        return None if telegram is None or telegram.meter is None else telegram.meter.secondary_address

    @property
    def manufacturer(self) -> str | None:
        """The manufacturer's three letters, None where the telegram does not have them."""
        telegram, _ = self._decoded()
        return None if telegram is None or telegram.meter is None else telegram.meter.manufacturer

    @property
    def more_records_follow(self) -> bool:
        """Whether the telegram, or the last one that was added, announces another one."""
        if self._following:
            return self._following[-1].more_records_follow
        telegram, _ = self._decoded()
        return telegram is not None and telegram.more_records_follow

    @property
    def decoded(self) -> Telegram | None:
        """The `mbus_construct.Telegram` behind this view; None while fields are missing."""
        return self._decoded()[0]

    @property
    def interpreted(self) -> dict[str, Any]:
        """The telegram as a dict in pyMeterBus's shape."""
        return {"head": self.header.interpreted, "body": self.body.interpreted}

    def __add__(self, frame: object) -> TelegramLong:
        if not isinstance(frame, TelegramLong):
            return NotImplemented
        joined = deepcopy(self)
        joined._following = (*joined._following, deepcopy(frame))
        return joined

    def _decoded(self) -> tuple[Telegram | None, list[TelegramVariableDataRecord]]:
        """What the fields say as they are now; read anew only where one was edited."""
        try:
            content = self._content()
        except MBusFrameEncodeError:
            return None, []
        if self._view is None or self._view[0] != content:
            telegram = decode(content, link="c_field", keys=KEYS.keys)
            self._view = (content, telegram, list(records_of(telegram)))
        return self._view[1:]

    def _content(self) -> bytes:
        """The octets that the check sum covers."""
        link = self._link_octets()
        header = self.body.bodyHeader
        _octets_of(header.ci_field, "body.bodyHeader.ci_field", 1)
        return link + header.octets + _octets_of(self.body.bodyPayload.body, "body.bodyPayload.body")

    def _octets(self) -> bytes:
        return _built(self.header, self._content())


def _built(header: TelegramHeader, content: bytes) -> bytes:
    """The long frame around its content; L field and check sum go into the header."""
    try:
        octets = Frame.build(LinkUserData.parse(content))
    except BuildError as error:
        raise MBusFrameEncodeError(str(error), content) from error
    header.lField.parts = [octets[1]]
    header.crcField.parts = [octets[-2]]
    return octets


def _take_frame(header: TelegramHeader, octets: bytes) -> None:
    header.lField.parts = [octets[1]]
    header.cField.parts = [octets[4]]
    header.aField.parts = [octets[5]]
    header.crcField.parts = [octets[-2]]


# --- Reading -------------------------------------------------------------------------------------

WiredTelegram = TelegramACK | TelegramShort | TelegramControl | TelegramLong
_CONTROL_LENGTH: Final = 9


def wired_kind(octets: bytes) -> type[WiredTelegram]:
    """The class for a frame on wires, by its start."""
    if octets[0] == constants.FRAME_ACK_START:
        return TelegramACK
    if octets[0] == constants.FRAME_SHORT_START:
        return TelegramShort
    if octets[0] == constants.FRAME_LONG_START:
        return TelegramControl if len(octets) == _CONTROL_LENGTH else TelegramLong
    raise MBusFrameDecodeError("unable to decode frame", octets)


def _read(data: Octets, kind: type[WiredTelegram]) -> bytes:
    """The octets of a frame of this kind, checked."""
    octets = as_octets(data)
    if wired_kind(octets) is not kind:
        raise FrameMismatch(f"{octets[:12].hex(' ').upper()} is no {kind.__name__}")
    try:
        length = frame_length(octets)
    except ChecksumError as error:
        raise crc_error(error) from error
    except IncompleteFrame as error:
        if octets[0] == constants.FRAME_LONG_START and len(octets) >= 4:
            raise MbusFrameLengthError(octets[1] + LONG_OVERHEAD) from error
        raise MBusFrameDecodeError(str(error), octets) from error
    except LengthError as error:
        raise MbusFrameLengthError(octets[2] + LONG_OVERHEAD) from error
    except DecodeError as error:
        raise MBusFrameDecodeError(str(error), octets) from error
    if len(octets) > length:
        raise MBusFrameDecodeError(f"{len(octets) - length} octets after the frame's end", octets)
    return octets


def _refuse_other_data(telegram: Telegram) -> None:
    """Frames of a master and services of a meter have no readings; pyMeterBus refuses them as well."""
    frame = telegram.frame
    if frame.c_field is not None and frame.c_field & constants.CONTROL_MASK_DIR:
        raise MBusFrameDecodeError(f"a frame to a meter ({frame.c_name}), no data of one")
    other = telegram.user_data
    if other is not None and "counter_1" not in other:
        said = "; ".join(remark.message for remark in telegram.diagnostics)
        raise MBusFrameDecodeError(said or f"CI {frame.ci_field:02X}h ({frame.ci_name}) has no data records")

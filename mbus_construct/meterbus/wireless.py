"""Wireless telegrams as pyMeterBus shows them: views of what `decode` gives with the keys that were added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mbus_grammars import ChecksumError, DecodeError, IncompleteFrame
from mbus_grammars.security import FILLERS
from mbus_grammars.wireless import MIN_TELEGRAM, without_crcs

from ..decoding.decode import decode
from ..octets.locate import layers_of
from ..octets.recognise import candidates, looks_like_frame, looks_wireless
from .base import MBusTelegram, Octets, as_octets, crc_error
from .exceptions import FrameMismatch, MBusFrameDecodeError, MbusFrameLengthError
from .field import HeaderField
from .json_text import json_text
from .keys import KEYS
from .records import TelegramVariableDataRecord, raw_record, records_of
from .wireless_header import WTelegramBaseDataHeader

if TYPE_CHECKING:
    from ..model.telegram import Telegram

_SND_NR: Final = 0x44
_FROM_METER: Final = frozenset({"SND_NR", "SND_IR", "ACC_NR", "ACC_DMD", "RSP_UD", "ACK", "NACK"})


class WTelegramFrame(MBusTelegram):
    """A frame by radio, of format A or B, or without CRCs. Iterating gives the octets as they came.

    It shows what was loaded: fields may be edited, and change neither records nor octets.
    """

    def __init__(self) -> None:
        self.lField = HeaderField()
        self.cField = HeaderField()
        self.dataHeader = WTelegramBaseDataHeader()
        self._sent = b""
        self._telegram: Telegram | None = None
        self._records: list[TelegramVariableDataRecord] = []

    def load(self, bdata: Octets) -> bool:
        """Read the octets of a frame; True, as errors are raised: those of `meterbus.load`."""
        octets = as_octets(bdata)
        plain = _plain(octets)
        telegram = decode(octets, link="wireless", keys=KEYS.keys)
        _refuse(telegram)
        if telegram.frame.format == "CRC-less":
            plain = octets
        self._sent, self._telegram = octets, telegram
        self.lField.parts, self.cField.parts = octets[0], octets[1]
        self.dataHeader = WTelegramBaseDataHeader()
        self.dataHeader.read(telegram, _verification(plain))
        self._records = [*records_of(telegram), *_raw(telegram)]
        return True

    @property
    def bodyHeader(self) -> WTelegramBaseDataHeader:
        """The same as `dataHeader`."""
        return self.dataHeader

    @property
    def records(self) -> list[TelegramVariableDataRecord]:
        """The records; those that cannot be read are there without a value. Encrypted data give none."""
        return self._records

    @property
    def decoded(self) -> Telegram | None:
        """The `mbus_construct.Telegram` behind this view, with its diagnostics; None before `load`."""
        return self._telegram

    @property
    def has_errors(self) -> bool:
        """Whether the status names an error or alarm."""
        return self.dataHeader.has_errors

    @property
    def is_encrypted(self) -> bool:
        """Whether the telegram announces encryption, decrypted or not."""
        ell = None if self._telegram is None else self._telegram.ell
        return bool(self.dataHeader.encryption_mode) or (ell is not None and ell.state is not None)

    @property
    def interpreted(self) -> dict[str, Any]:
        """The telegram as a dict in pyMeterBus's shape."""
        length = self.lField.parts
        return {
            "header": self.dataHeader.interpreted,
            "records": [record.interpreted for record in self.records],
            "length": length[0] if length else None,
            "c": ", ".join(map(hex, self.cField.parts)),
        }

    def to_JSON(self) -> str:
        """`interpreted` as JSON."""
        return json_text(self.interpreted)

    def _octets(self) -> bytes:
        return self._sent


class WTelegramSndNr(WTelegramFrame):
    """A frame that a meter sends by itself and wants no answer to (SND_NR)."""

    def __init__(self, dbuf: Octets | None = None) -> None:
        super().__init__()
        if dbuf:
            self.load(dbuf)

    @staticmethod
    def parse(data: Octets) -> WTelegramSndNr:
        """The telegram in the octets. Raises as `load`, `FrameMismatch` for another kind."""
        octets = as_octets(data)
        if octets[1:2] != bytes([_SND_NR]) or not is_wireless(octets):
            raise FrameMismatch(f"{octets[:12].hex(' ').upper()} is no WTelegramSndNr")
        return WTelegramSndNr(octets)

    @staticmethod
    def check_crc() -> bool:
        """True: a frame with a wrong CRC is not loaded."""
        return True


def is_wireless(octets: bytes) -> bool:
    """Whether octets are a frame by radio, damaged or not. A frame on wires is known by its start."""
    if looks_like_frame(octets):
        return candidates(octets) == ("wireless",)
    return looks_wireless(octets) or octets[1:2] == bytes([_SND_NR])


def load_wireless(octets: bytes) -> WTelegramFrame:
    """The telegram in the octets of a frame by radio; raises as `load`."""
    frame = WTelegramSndNr() if octets[1] == _SND_NR else WTelegramFrame()
    frame.load(octets)
    return frame


def _plain(octets: bytes) -> bytes:
    """The telegram without the CRCs of its blocks. Raises what `load` does."""
    try:
        _, telegram = without_crcs(octets)
    except ChecksumError as error:
        raise crc_error(error) from error
    except IncompleteFrame as error:
        raise MbusFrameLengthError(len(octets) + (error.missing or 0)) from error
    except DecodeError as error:
        raise MBusFrameDecodeError(str(error), octets) from error
    if len(telegram) <= MIN_TELEGRAM:
        raise MBusFrameDecodeError("a frame by radio without CI field has no data", octets)
    return telegram


def _refuse(telegram: Telegram) -> None:
    """Frames to a meter, and headers that cannot be read."""
    frame, user_data = telegram.frame, telegram.user_data or {}
    if frame.c_name not in _FROM_METER:
        raise MBusFrameDecodeError(f"a frame to a meter ({frame.c_name}), no data of one")
    if "malformed" in user_data:
        raise MBusFrameDecodeError("; ".join(remark.message for remark in telegram.diagnostics))


def _verification(octets: bytes) -> bytes:
    """The two octets behind the header that encryption has there, as sent; b"" where it has none."""
    layers = layers_of(octets, "wireless")
    if layers is None or layers.header not in ("short", "long"):
        return b""
    found = octets[layers.payload : layers.payload + len(FILLERS)]
    return found if layers.mode or found == FILLERS else b""


def _raw(telegram: Telegram) -> list[TelegramVariableDataRecord]:
    """A payload in a form of the manufacturer, or without grammar, as pyMeterBus has it: as a record."""
    user_data = telegram.user_data or {}
    if not user_data.get("payload") or "format_signature" in user_data:
        return []
    return [raw_record(bytes.fromhex(user_data["payload"]))]

"""pyMeterBus's API on top of this library: change the import, and the program runs as before.

    from mbus_construct import meterbus

    meterbus.send_ping_frame(ser, 5)
    frame = meterbus.load(meterbus.recv_frame(ser, 1))
    assert isinstance(frame, meterbus.TelegramACK)
    meterbus.send_request_frame(ser, 5)
    frame = meterbus.load(meterbus.recv_frame(ser, meterbus.FRAME_DATA_LENGTH))
    print(frame.records[1].value, frame.records[1].unit, frame.to_JSON())

Wireless telegrams, encrypted ones with their keys (extra `crypto`):

    meterbus.add_wmbus_encryption_key(bytes.fromhex("12345678"), key)
    frame = meterbus.load(octets)
    assert isinstance(frame, meterbus.WTelegramSndNr)
    print(frame.dataHeader.id_nr, frame.records[0].value)

`ser` is a pyserial port, or anything with its `write` and `read`. The shapes are those of pyMeterBus 0.8.5:
names, JSON and its order of keys. `frame.decoded` of a `TelegramLong` or wireless telegram is this library's
own `Telegram`.

A number is a `Decimal` in `value` and `parsed_value`, always, with exactly the digits that the meter sent
(`float(...)` and arithmetic work as with pyMeterBus, whose numbers are Decimals of floats, and now and then
ints); in `to_JSON()` it is a number with these digits. For `json.dumps` of your own: `float(value)`, or
`default=str`.

Values that differ from pyMeterBus's, because those are wrong:

- numbers have no tail: 2.013, not 2.0129999999999999005240169935859739780426025390625; a 32 bit real is the
  shortest decimal that is the same real.
- A date that is not set or does not exist ("2000-00-00", "2027-15-31T31:63"), a time that the meter marks
  as invalid, BCD digits that are no number, a real that is none, the lowest binary number and a value that
  the meter reports as an error are None.
- VIFEs count: correction factors and constants, dates and durations "of" something; error VIFEs.
- A record that is damaged or coded beyond the standard has the value None, and the records around it are
  there; pyMeterBus raises IndexError, KeyError or MBusFrameDecodeError, or goes on at a wrong octet.
- Dates with seconds (type I) and times of day (type J) are read as such. Units "date time to second", "time".
- LVAR: numbers of variable length are numbers, and texts, octets and compact profiles end where they end.
- Months and years stay such ("months", "years"): they have no fixed number of seconds.
- Codes behind FBh have their units (J, J/h, varh ...); codes that EN 13757-3:2018 added their dates, units
  and factors. Signed or not is as the VIF says; RF levels are in dBm as sent. "duration of tariff" is
  VIFUnitExt.DURATION_OF_TARIFF.
- VIFEs of a manufacturer's own VIF (7Fh) have no name in `unit_enh` but UNKNOWN_ENHANCEMENT.
- An enhanced identification of eight octets (07 79) is the secondary address as text.
- Octets behind DIF 1Fh are the value of that record.
- Where plain text ends up behind the VIFEs it is read there.
- The fixed data structure (CI 73h, 77h) and the short header (7Ah) are read. Encrypted data without
  the right key give no records.
- `decodeInt` of a header's field has no sign.
- `inter_byte_timeout(300)` is 1.2.

Of wireless telegrams these:

- The CRCs of frame formats A and B are checked, and are no data; the length is checked too.
- The first two octets behind a header without encryption are data, not "decryption".
- Plain records behind encrypted ones stay plain. Security mode 7 and its MAC, and the encryption of the
  extended link layer are read as well; `decrypt` of a header is for mode 5.
- Behind an extended link layer or AFL (CI 8Ch to 90h) the header is that of the transport layer.
- `has_errors` is about the errors and alarms of the standard, not about the manufacturer's bits. Without a
  status it is False; `encryption_mode` and the like are None without a configuration field.
- Modes above 5 have their names, and mode 7 its vector of zeros.
- Octets of any manufacturer's CI field (A0h to B7h), or of one whose data have no grammar here, are the value
  of one record. Compact frames and fragments give no records: `mbus_construct.Receiver` reads them.
- A wired frame with the L field 44h is one.

What behaves differently: `load` refuses a frame with a wrong stop octet, and E5 followed by other octets; a
wired frame of a meter without data records (CI 70h application error, alarms) is a MBusFrameDecodeError that
says what the meter reports. `recv_frame` finds a frame behind noise, returns it as soon as it is complete,
and gives a damaged one as False. `send_select_frame` gives False for what is no address. All telegrams have
`to_JSON`. Importing sets up no logging. Frames by radio from a meter that are no SND_NR are a
`WTelegramFrame`. Keys that were added are for wired telegrams too. A wireless telegram shows what was
loaded: edits of its fields change neither records nor octets. `WTelegramHeader`, which no telegram has, is
not there.
"""

from __future__ import annotations

from mbus_grammars import MBusError

from .bodies import TelegramBody, TelegramBodyPayload
from .constants import (
    ADDRESS_BROADCAST_NOREPLY,
    ADDRESS_BROADCAST_REPLY,
    ADDRESS_NETWORK_LAYER,
    CONTROL_FIELD_ACD,
    CONTROL_FIELD_DFC,
    CONTROL_FIELD_DIRECTION,
    CONTROL_FIELD_F0,
    CONTROL_FIELD_F1,
    CONTROL_FIELD_F2,
    CONTROL_FIELD_F3,
    CONTROL_FIELD_FCB,
    CONTROL_FIELD_FCV,
    CONTROL_INFO_APPLICATION_RESET,
    CONTROL_INFO_DATA_SEND,
    CONTROL_INFO_DATA_SEND_MSB,
    CONTROL_INFO_EEPROM_READ,
    CONTROL_INFO_ERROR_GENERAL,
    CONTROL_INFO_INIT_TEST_CALIB,
    CONTROL_INFO_REQUEST_RAM_READ,
    CONTROL_INFO_RESP_FIXED,
    CONTROL_INFO_RESP_FIXED_MSB,
    CONTROL_INFO_RESP_VARIABLE,
    CONTROL_INFO_RESP_VARIABLE_MSB,
    CONTROL_INFO_SELECT_SLAVE,
    CONTROL_INFO_SELECT_SLAVE_MSB,
    CONTROL_INFO_SEND_USER_DATA,
    CONTROL_INFO_SET_BAUDRATE_300,
    CONTROL_INFO_SET_BAUDRATE_600,
    CONTROL_INFO_SET_BAUDRATE_1200,
    CONTROL_INFO_SET_BAUDRATE_2400,
    CONTROL_INFO_SET_BAUDRATE_4800,
    CONTROL_INFO_SET_BAUDRATE_9600,
    CONTROL_INFO_SET_BAUDRATE_19200,
    CONTROL_INFO_SET_BAUDRATE_38400,
    CONTROL_INFO_STATUS_ALARM,
    CONTROL_INFO_SW_TEST_START,
    CONTROL_INFO_SYNC_ACTION,
    CONTROL_MASK_ACD,
    CONTROL_MASK_DFC,
    CONTROL_MASK_DIR,
    CONTROL_MASK_DIR_M2S,
    CONTROL_MASK_DIR_S2M,
    CONTROL_MASK_FCB,
    CONTROL_MASK_FCV,
    CONTROL_MASK_REQ_UD1,
    CONTROL_MASK_REQ_UD2,
    CONTROL_MASK_RSP_UD,
    CONTROL_MASK_SND_NKE,
    CONTROL_MASK_SND_UD,
    FRAME_ACK_START,
    FRAME_CONTROL_START,
    FRAME_DATA_LENGTH,
    FRAME_LONG_START,
    FRAME_SHORT_START,
    FRAME_STOP,
    MAX_PRIMARY_SLAVES,
)
from .exceptions import (
    FrameMismatch,
    MBusFrameCRCError,
    MBusFrameDecodeError,
    MBusFrameEncodeError,
    MbusFrameLengthError,
)
from .field import TelegramField
from .headers import TelegramBodyHeader, TelegramHeader
from .keys import add_wmbus_encryption_key
from .lines import (
    MBusSerial,
    debug,
    inter_byte_timeout,
    is_primary_address,
    is_secondary_address,
    manufacturer_encode,
    manufacturer_id,
    recv_frame,
    send_ping_frame,
    send_request_frame,
    send_request_frame_multi,
    send_select_frame,
    serial_send,
)
from .loading import load
from .names import FunctionType, MeasureUnit
from .records import DataInformationBlock, TelegramVariableDataRecord, ValueInformationBlock
from .telegrams import (
    TelegramACK,
    TelegramControl,
    TelegramLong,
    TelegramShort,
)
from .wireless import WTelegramFrame, WTelegramSndNr
from .wireless_header import WTelegramBaseDataHeader

__all__ = [
    "ADDRESS_BROADCAST_NOREPLY",
    "ADDRESS_BROADCAST_REPLY",
    "ADDRESS_NETWORK_LAYER",
    "CONTROL_FIELD_ACD",
    "CONTROL_FIELD_DFC",
    "CONTROL_FIELD_DIRECTION",
    "CONTROL_FIELD_F0",
    "CONTROL_FIELD_F1",
    "CONTROL_FIELD_F2",
    "CONTROL_FIELD_F3",
    "CONTROL_FIELD_FCB",
    "CONTROL_FIELD_FCV",
    "CONTROL_INFO_APPLICATION_RESET",
    "CONTROL_INFO_DATA_SEND",
    "CONTROL_INFO_DATA_SEND_MSB",
    "CONTROL_INFO_EEPROM_READ",
    "CONTROL_INFO_ERROR_GENERAL",
    "CONTROL_INFO_INIT_TEST_CALIB",
    "CONTROL_INFO_REQUEST_RAM_READ",
    "CONTROL_INFO_RESP_FIXED",
    "CONTROL_INFO_RESP_FIXED_MSB",
    "CONTROL_INFO_RESP_VARIABLE",
    "CONTROL_INFO_RESP_VARIABLE_MSB",
    "CONTROL_INFO_SELECT_SLAVE",
    "CONTROL_INFO_SELECT_SLAVE_MSB",
    "CONTROL_INFO_SEND_USER_DATA",
    "CONTROL_INFO_SET_BAUDRATE_300",
    "CONTROL_INFO_SET_BAUDRATE_600",
    "CONTROL_INFO_SET_BAUDRATE_1200",
    "CONTROL_INFO_SET_BAUDRATE_2400",
    "CONTROL_INFO_SET_BAUDRATE_4800",
    "CONTROL_INFO_SET_BAUDRATE_9600",
    "CONTROL_INFO_SET_BAUDRATE_19200",
    "CONTROL_INFO_SET_BAUDRATE_38400",
    "CONTROL_INFO_STATUS_ALARM",
    "CONTROL_INFO_SW_TEST_START",
    "CONTROL_INFO_SYNC_ACTION",
    "CONTROL_MASK_ACD",
    "CONTROL_MASK_DFC",
    "CONTROL_MASK_DIR",
    "CONTROL_MASK_DIR_M2S",
    "CONTROL_MASK_DIR_S2M",
    "CONTROL_MASK_FCB",
    "CONTROL_MASK_FCV",
    "CONTROL_MASK_REQ_UD1",
    "CONTROL_MASK_REQ_UD2",
    "CONTROL_MASK_RSP_UD",
    "CONTROL_MASK_SND_NKE",
    "CONTROL_MASK_SND_UD",
    "FRAME_ACK_START",
    "FRAME_CONTROL_START",
    "FRAME_DATA_LENGTH",
    "FRAME_LONG_START",
    "FRAME_SHORT_START",
    "FRAME_STOP",
    "MAX_PRIMARY_SLAVES",
    "DataInformationBlock",
    "FrameMismatch",
    "FunctionType",
    "MBusError",
    "MBusFrameCRCError",
    "MBusFrameDecodeError",
    "MBusFrameEncodeError",
    "MBusSerial",
    "MbusFrameLengthError",
    "MeasureUnit",
    "TelegramACK",
    "TelegramBody",
    "TelegramBodyHeader",
    "TelegramBodyPayload",
    "TelegramControl",
    "TelegramField",
    "TelegramHeader",
    "TelegramLong",
    "TelegramShort",
    "TelegramVariableDataRecord",
    "ValueInformationBlock",
    "WTelegramBaseDataHeader",
    "WTelegramFrame",
    "WTelegramSndNr",
    "add_wmbus_encryption_key",
    "debug",
    "inter_byte_timeout",
    "is_primary_address",
    "is_secondary_address",
    "load",
    "manufacturer_encode",
    "manufacturer_id",
    "recv_frame",
    "send_ping_frame",
    "send_request_frame",
    "send_request_frame_multi",
    "send_select_frame",
    "serial_send",
]

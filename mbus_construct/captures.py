"""Lines as receivers of wireless M-Bus write them: what was received, and what the receiver says of it.

rtl-wmbus: `T1;1;1;2020-05-28 22:22:56.000;26;27;12345678;0x2E44...`
    Its README: mode, whether the CRCs are right, whether the 3-out-of-6 code is, time, two field strengths on
    a scale of its own, identification, telegram without CRCs. Other programs write such lines with columns
    empty or left out; old versions put the frame with CRCs in front of the telegram.
im871a: `A5 C2 03 L ... RSSI CRC`
    IMST, Wireless M-Bus Host Controller Interface 1.6: control field with endpoint 2, message 3, the
    telegram, whose L field is the message's length; then time stamp, RSSI and CRC, as the control field says.
amber: `FF 03 L ... RSSI CS`
    AMB8426-M manual 2.4, 2.2 and 7.9: data received, the telegram, its RSSI if that is switched on, which L
    counts, and the exclusive or of all octets.
cul: `b2E44...` or `bY1444...`
    culfw: a frame of format A or B with CRCs, then LQI and RSSI if they were asked for (X21). FHEM writes the
    RSSI in dBm behind "::".
elvaco: `12345678; ELS;33;03;00; -83; T;2E44...;`
    CMeX50 manual, hexdump "Info + Tgm".
wmbusmeters: `telegram=|2E44...|+12`
    As it logs; "|" and "_" may stand in the telegram.

Any other line is hex, behind date and time or not: one telegram, several one behind the other, or cells
with "|" between them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Final

from mbus_grammars import DecodeError, Frame, MBusError
from mbus_grammars.base import is_mapping, is_sequence
from mbus_grammars.crc import crc
from mbus_grammars.fields import WirelessCField
from mbus_grammars.wireless import (
    MIN_TELEGRAM,
    WirelessFrame,
    blocks,
    frame_format_of,
    without_crcs,
)

from .forms import LONG_OVERHEAD, SHORT_LENGTH, looks_like_frame
from .hextext import parse_hex

COMMENT: Final = "#"


@dataclass(frozen=True)
class Captured:
    """What a line, or a part of it, holds.

    Attributes:
        octets: the telegram; with a fault what was received, b"" where not even that could be read.
        link: where the octets start, as `decode` takes it; "auto": decoding finds out.
        receiver: whose line it is: "rtl-wmbus", "im871a", "amber", "cul", "elvaco", "wmbusmeters" or "hex".
        rssi: the field strength in dBm; None without one, or where its scale is not known.
        fault: why there is no telegram to be decoded.
    """

    octets: bytes
    link: str = "auto"
    receiver: str = "hex"
    rssi: Decimal | None = None
    fault: MBusError | None = None


def captured(line: str) -> tuple[Captured, ...]:
    """The telegrams of a line in their order; none where it is blank or a comment.

    Nothing is raised: what cannot be read has a `fault`, and costs no other telegram of the line.
    """
    text = line.split(COMMENT, 1)[0].strip()
    if not text:
        return ()
    found = received(text)
    return _hex(text) if found is None else found


def received(text: str) -> tuple[Captured, ...] | None:
    """The telegrams of a line that is more than hex; None where it is not more.

    `text` is a line without its comment, and without blanks around it.
    """
    for pattern, read in _LINES:
        match = pattern.search(text)
        if match is not None:
            return read(match)
    stamp = _TIME.match(text)
    if stamp is not None:
        rest = text[stamp.end() :]
        # Blanks in place of the time: errors count the characters of the line.
        return received(rest) or _hex(" " * stamp.end() + rest)
    if _MESSAGE.match(text) is not None:
        return _messages(text)
    return _cells(text) if "|" in text else None


# --- Lines of text -------------------------------------------------------------------------------


def _rtl_wmbus(match: re.Match[str]) -> tuple[Captured, ...]:
    octets, fault = _octets(match["hex"])
    if fault is None and match["crc"] == "0":
        fault = DecodeError("the receiver says that the CRC failed", code="receiver_crc")
    return (Captured(octets, receiver="rtl-wmbus", fault=fault),)


def _cul(match: re.Match[str]) -> tuple[Captured, ...]:
    octets, fault = _octets(match["hex"])
    rssi = None if match["rssi"] is None else Decimal(match["rssi"])
    if fault is not None:
        return (Captured(octets, receiver="cul", rssi=rssi, fault=fault),)
    length = octets[0] + 1 if match["b"] else length_as_a(octets[0])
    if length not in (fits := range(len(octets) - 2, len(octets) + 1)):
        # Some write both formats with a "b": the CRCs say so.
        length = next((other for other in fits if _is_proven(octets[:other])), 0)
    behind = octets[length:]
    if length:  # LQI and RSSI; FHEM leaves the LQI
        if len(behind) == 2 and rssi is None:
            rssi = _half_decibels(behind[1])
        return (Captured(octets[:length], receiver="cul", rssi=rssi),)
    return (Captured(octets, receiver="cul", rssi=rssi),)  # decoding says what is missing


def _elvaco(match: re.Match[str]) -> tuple[Captured, ...]:
    octets, fault = _octets(match["hex"])
    return (Captured(octets, receiver="elvaco", rssi=Decimal(match["rssi"]), fault=fault),)


def _wmbusmeters(match: re.Match[str]) -> tuple[Captured, ...]:
    octets, fault = _octets(match["hex"].replace("|", "").replace("_", ""))
    return (Captured(octets, receiver="wmbusmeters", fault=fault),)


def _cells(text: str) -> tuple[Captured, ...]:
    """Cells of hex with "|" between them: several telegrams, or one in parts."""
    cells = [cell for cell in text.split("|") if cell.strip()]
    joined, fault = _octets(" ".join(cells))
    frames = frames_in(joined)
    if fault is None and frames and frames_in(frames[-1]):  # whole to the end
        return tuple(_telegrams(joined))
    return tuple(item for cell in cells for item in received(cell.strip()) or _hex(cell))


def _hex(text: str) -> tuple[Captured, ...]:
    octets, fault = _octets(text)
    return tuple(_telegrams(octets)) if fault is None else (Captured(octets, fault=fault),)


def _octets(text: str) -> tuple[bytes, MBusError | None]:
    try:
        return parse_hex(text), None
    except MBusError as error:
        return b"", error


def _telegrams(octets: bytes) -> Iterator[Captured]:
    for frame in frames_in(octets) or (octets,):
        yield Captured(frame, link="frame" if _wired_length(frame, 0) == len(frame) else "auto")


# How the telegrams of a line are read, by what stands in it.
_LINES: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], tuple[Captured, ...]]], ...]] = (
    (
        re.compile(
            r"(?<![0-9A-Za-z])[A-Z]\d\w?;(?P<crc>[01]);[01];"  # mode, CRC and 3-out-of-6 code
            r'(?:[^;"]*;)*?(?:0x[0-9A-Fa-f]*;)?0x(?P<hex>[^;"<\s]*)'  # other columns, frame, telegram
        ),
        _rtl_wmbus,
    ),
    (re.compile(r'telegram="?\|(?P<hex>[^+"]*)'), _wmbusmeters),
    (
        re.compile(
            # Digits in capitals tell the "b" from a digit; an even number of them does so too.
            r"^b(?P<b>Y?)(?P<hex>[0-9A-F]{2}[046][0-9A-F]{19,}|(?:[0-9A-Fa-f]{2}){11,})"
            r"(?:::(?P<rssi>-?\d+(?:\.\d+)?))?$"
        ),
        _cul,
    ),
    (
        re.compile(
            r"^\d{8};[ *][A-Z]{3};(?:[0-9A-Fa-f]{2};){3} *(?P<rssi>-?\d+); *\w{1,2} *;(?P<hex>[^;]*);?$"
        ),
        _elvaco,
    ),
)
_TIME: Final = re.compile(
    r"\[?\d{4}-\d\d-\d\d[T _]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?\]?[\s,;:|]+(?=\S)"
)
_MESSAGE: Final = re.compile(r"(?:0x|\\x)?(?:A5|FF)", re.IGNORECASE)


# --- Messages of octets --------------------------------------------------------------------------

_HCI_START: Final = 0xA5
_HCI_ENDPOINT: Final = 0x02  # of the radio link, with the control field's flags in front of it
_HCI_RECEIVED: Final = 0x03
_HCI_TIME, _HCI_RSSI, _HCI_CRC = 0x20, 0x40, 0x80
_AMBER_RECEIVED: Final = b"\xff\x03"


def _messages(text: str) -> tuple[Captured, ...] | None:
    """The telegrams of a receiver's messages, one behind the other; None where there is no message."""
    rest, _ = _octets(text)
    found: list[Captured] = []
    while rest:
        size, item = _im871a(rest) or _amber(rest) or (0, None)
        if item is None:
            if not found:
                return None
            fault = DecodeError(f"{len(rest)} octets behind the receiver's message", code="no_message")
            item = Captured(rest, receiver=found[-1].receiver, fault=fault)
        elif size > len(rest):
            fault = DecodeError(
                f"the receiver's message is cut: {len(rest)} octets of {size}", code="cut_message"
            )
            item = Captured(rest, receiver=item.receiver, fault=fault)
        found.append(item)
        rest = rest[size:] if size else b""
    return tuple(found) or None


def _im871a(octets: bytes) -> tuple[int, Captured] | None:
    """A message of the radio link and its size; None where the octets are no such message."""
    if octets[0] != _HCI_START or octets[1:2] == b"" or octets[1] & 0x0F != _HCI_ENDPOINT:
        return None
    if octets[2:3] != bytes([_HCI_RECEIVED]) or not _may_be_sent(octets[3:]):
        return None
    control = octets[1]
    end = 4 + octets[3]
    telegram = octets[3:end]
    end += 4 if control & _HCI_TIME else 0
    rssi = None
    if control & _HCI_RSSI:
        rssi = _im871a_rssi(octets[end]) if end < len(octets) else None
        end += 1
    fault = None
    if control & _HCI_CRC:
        sent = int.from_bytes(octets[end : end + 2], "little")
        if sent != _crc_x25(octets[1:end]):
            fault = DecodeError("the check sum of the receiver's message is wrong", code="message_checksum")
        end += 2
    return end, Captured(telegram, receiver="im871a", rssi=rssi, fault=fault)


def _im871a_rssi(octet: int) -> Decimal:
    """The RSSI of an im871a in dBm, to a tenth: 8/15 dB a step, -100 dBm at 50."""
    return ((Decimal(octet) * 8 - 1900) / 15).quantize(Decimal("0.1"))


def _crc_x25(octets: bytes) -> int:
    """CRC-16/X-25, as HDLC has it: of the receiver's message, not of what was on the air."""
    register = 0xFFFF
    for octet in octets:
        register ^= octet
        for _ in range(8):
            register = register >> 1 ^ (0x8408 if register & 1 else 0)
    return register ^ 0xFFFF


def _amber(octets: bytes) -> tuple[int, Captured] | None:
    """A message with data and its size; None where the octets are no such message."""
    if not octets.startswith(_AMBER_RECEIVED) or not _may_be_sent(octets[2:]):
        return None
    size = octets[2] + 4
    telegram, rssi = octets[2 : size - 1], None
    check_sum = 0
    for octet in octets[:size]:
        check_sum ^= octet
    if check_sum:
        fault = DecodeError("the check sum of the receiver's message is wrong", code="message_checksum")
        return size, Captured(telegram, receiver="amber", fault=fault)
    # Nothing says whether the last octet is the RSSI: it is if the telegram can only be read without it.
    without = bytes([telegram[0] - 1]) + telegram[1:-1]
    if len(without) >= MIN_TELEGRAM and not _readable(telegram) and _readable(without):
        telegram, rssi = without, _half_decibels(telegram[-1])
    return size, Captured(telegram, receiver="amber", rssi=rssi)


def _readable(telegram: bytes) -> bool:
    """Whether the grammar finds nothing malformed in a telegram without CRCs; it leaves what is encrypted."""
    try:
        return not _malformed(WirelessFrame.parse(telegram))
    except MBusError:
        return False


def _malformed(parsed: object) -> bool:
    if is_mapping(parsed):
        return "malformed" in parsed or any(_malformed(value) for value in parsed.values())
    return is_sequence(parsed) and any(_malformed(item) for item in parsed)


def _half_decibels(octet: int) -> Decimal:
    """The RSSI of a CC1101 in dBm (data sheet, 17.3: two's complement, half decibels above -74)."""
    return Decimal(octet - 0x100 if octet >= 0x80 else octet) / 2 - 74


# --- Frames one behind the other -----------------------------------------------------------------

# C fields of wireless frames from and to meters (EN 13757-4), without those of acknowledgements: 00h and
# 01h are everywhere.
WIRELESS_C_FIELDS: Final = frozenset(
    {0x06, 0x08, 0x18, 0x28, 0x38, 0x40, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x53, 0x5A, 0x5B}
    | {0x63, 0x65, 0x73, 0x7A, 0x7B}
)
_LONGEST: Final = 291  # octets of a frame of format A, and more than those of a wired one


def frames_in(octets: bytes) -> tuple[bytes, ...]:
    """The frames, wired and wireless, that stand one behind the other; empty where this is something else.

    A wireless frame is known by its L field, its C field and a manufacturer of three letters, which is little
    for a frame without CRCs: one alone has to be as long as the octets are. Behind two frames or more what is
    left comes last, as it is.
    """
    ends = [0]
    while ends[-1] < len(octets):
        length = _wired_length(octets, ends[-1]) or _wireless_length(octets, ends[-1])
        if not length:
            break
        ends.append(ends[-1] + length)
    whole = ends[-1] == len(octets)
    if len(ends) < (2 if whole else 3):
        return ()
    return tuple(octets[start:end] for start, end in pairwise(ends if whole else [*ends, len(octets)]))


def has_wireless(frames: tuple[bytes, ...]) -> bool:
    """Whether one of the frames in a row is no wired one."""
    return any(not _wired_length(frame, 0) for frame in frames)


def _wired_length(octets: bytes, at: int) -> int:
    """Octets of the wired frame that starts there, 0 where none does."""
    if octets[at] not in (0x68, 0x10, 0xE5):
        return 0
    window = octets[at : at + _LONGEST]
    try:
        Frame.parse(window)
    except MBusError:
        return 0
    return {0xE5: 1, 0x10: SHORT_LENGTH}.get(window[0]) or window[1] + LONG_OVERHEAD


def _wireless_length(octets: bytes, at: int) -> int:
    """Octets of the wireless frame that starts there, 0 where none does."""
    window = octets[at : at + _LONGEST]
    if not _starts_wireless(window):
        return 0
    lengths = [window[0] + 1]
    if crc(window[:10]) == int.from_bytes(window[10:12], "big"):
        lengths.insert(0, length_as_a(window[0]))
    fitting = [length for length in lengths if at + length <= len(octets)]
    for length in fitting:
        if at + length == len(octets) or _starts(octets[at + length : at + length + _LONGEST]):
            return length
    # Something else follows: CRCs that are right say that this is a frame, or that it is one more in a row.
    proven = [length for length in fitting if _is_proven(window[:length])]
    return next(iter(proven or (fitting if at else [])), 0)


def length_as_a(l_field: int) -> int:
    """Octets of a frame of format A with this L field; format B has `l_field + 1`."""
    return blocks(l_field + 1, "A")[-1][1] + 2


def _may_be_sent(octets: bytes) -> bool:
    """Whether a frame by radio may start so, where a receiver says that it is one."""
    return (
        len(octets) >= 2 and octets[0] >= MIN_TELEGRAM - 1 and WirelessCField.name_of(octets[1]) is not None
    )


def _starts_wireless(octets: bytes) -> bool:
    if len(octets) < MIN_TELEGRAM or octets[0] < MIN_TELEGRAM - 1 or octets[1] not in WIRELESS_C_FIELDS:
        return False
    manufacturer = octets[2] | octets[3] << 8
    return all(1 <= manufacturer >> shift & 0x1F <= 26 for shift in (0, 5, 10))


def _starts(octets: bytes) -> bool:
    return looks_like_frame(octets) or _starts_wireless(octets)


def _is_proven(frame: bytes) -> bool:
    try:
        return frame_format_of(frame) != "CRC-less" and bool(without_crcs(frame))
    except MBusError:
        return False

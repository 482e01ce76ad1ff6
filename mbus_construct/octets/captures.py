"""Lines as receivers of wireless M-Bus write them: what was received, and what the receiver says of it.

rtl-wmbus: `T1;1;1;2020-05-28 22:22:56.000;26;27;12345678;0x2E44...`
    Its README: mode, whether the CRCs are right, whether the 3-out-of-6 code is, time, two field strengths on
    a scale of its own, identification, telegram without CRCs. Other programs write such lines with columns
    empty or left out; old versions put the frame with CRCs in front of the telegram. Of two columns of hex
    both are telegrams, unless the first is the second with CRCs.
im871a: `A5 C2 03 L ... RSSI CRC`
    IMST, Wireless M-Bus Host Controller Interface 1.6: control field with endpoint 2, message 3, the
    telegram, whose L field is the message's length; then time stamp, RSSI and CRC, as the control field says.
amber: `FF 03 L ... RSSI CS`
    AMB8426-M manual 2.4, 2.2 and 7.9: command CMD_DATA_IND, the number of octets, these, and the exclusive or
    of all. The telegram's own L field is not sent: the number of octets stands in its place, and it counts
    the RSSI too, one octet behind the telegram if the parameter RSSI_Enable (45h) is on. No octet of the
    message says whether it is. So the last octet is the RSSI only where the telegram cannot end with it, and
    data only where it cannot end before (a record or an announced encrypted block would be cut). Where both
    can be (compact frames, an encrypted ELL, manufacturer specific data, 0Fh, 1Fh and 2Fh behind records),
    or neither, the telegram has all octets, and a fault behind it says that one of them may be the RSSI.
cul: `b2E44...` or `bY1444...`
    culfw: a frame of format A or B with CRCs, then LQI and RSSI if they were asked for (X21). FHEM writes the
    RSSI in dBm behind "::".
elvaco: `12345678; ELS;33;03;00; -83; T;2E44...;`
    CMeX50 manual, hexdump "Info + Tgm".
wmbusmeters: `telegram=|2E44...|+12`
    As it logs; "|" and "_" may stand in the telegram.

Any other line is hex, behind date and time or not: one telegram, several one behind the other, or cells
with "|" between them. A line may have several entries of a receiver. What is left of a line, beside its
entries, is a fault; only date and time, words and brackets around an entry are not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from mbus_grammars import DecodeError, MBusError, WirelessFrame
from mbus_grammars.base import is_mapping, is_sequence
from mbus_grammars.dib import METER_DIFS
from mbus_grammars.fields import WirelessCField
from mbus_grammars.wireless import MIN_TELEGRAM, length_of_a, without_crcs

from .framing import frames_in, is_proven
from .hex_text import parse_hex, visible
from .recognise import wired_length

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
    for pattern, read, receiver in _LINES:
        if pattern.search(text) is not None:
            return tuple(_entries(text, pattern, read, receiver))
    parts = [_CUL.fullmatch(part) for part in _GAPS.split(text)]
    if all(parts):
        return tuple(_cul(part) for part in parts if part is not None)
    stamp = _TIME.match(text)
    if stamp is not None:
        rest = text[stamp.end() :]
        # Blanks in place of the time: errors count the characters of the line.
        return received(rest) or _hex(" " * stamp.end() + rest)
    found = _messages(text) if _MESSAGE.match(text) is not None else None
    return found or (_cells(text) if "|" in text else None)


# --- Lines of text -------------------------------------------------------------------------------


def _entries(text: str, pattern: re.Pattern[str], read: Reader, receiver: str) -> Iterator[Captured]:
    """The entries of a line in a receiver's format, and what is left of the line between them."""
    at = 0
    for match in pattern.finditer(text):
        yield from _left_over(text[at : match.start()], receiver)
        yield from read(match)
        at = match.end()
    yield from _left_over(text[at:], receiver)


def _left_over(text: str, receiver: str) -> Iterator[Captured]:
    rest = _AROUND.sub(_without_words, text)
    if re.search(r"\w", rest) is not None:
        octets, _ = _octets(rest.replace("|", " "))
        shown = visible(text.strip(" ;,|\"'\t"))
        shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
        fault = DecodeError(f"left over of the line, beside its telegrams: {shown}", code="left_over")
        yield Captured(octets, receiver=receiver, fault=fault)


def _without_words(match: re.Match[str]) -> str:
    """A blank in place of what stands around entries; what may be octets with one wrong letter is kept."""
    word = match["word"]
    return " " if word is None or len(_NO_DIGITS.findall(word)) > 1 else word


def _rtl_wmbus(match: re.Match[str]) -> Iterator[Captured]:
    if _COLUMNS.fullmatch(match["columns"]) is None:
        yield from _left_over(match["columns"], "rtl-wmbus")
    found: list[Captured] = []
    for column in match["hex"].split(";"):
        octets, fault = _octets(column[len("0x") :])
        if found and octets and _bare(found[-1].octets) == octets:
            found.pop()
        if fault is None and match["crc"] == "0":
            fault = DecodeError("the receiver says that the CRC failed", code="receiver_crc")
        found.append(Captured(octets, receiver="rtl-wmbus", fault=fault))
    yield from found


def _bare(frame: bytes) -> bytes:
    """The telegram of a frame with CRCs; none where it is no such frame."""
    return without_crcs(frame)[1] if is_proven(frame) else b""


def _cul(match: re.Match[str]) -> Captured:
    octets, fault = _octets(match["hex"])
    rssi = None if match["rssi"] is None else Decimal(match["rssi"])
    if fault is not None:
        return Captured(octets, receiver="cul", rssi=rssi, fault=fault)
    length = octets[0] + 1 if match["b"] else length_of_a(octets[0] + 1)
    if length not in (fits := range(len(octets) - 2, len(octets) + 1)):
        # Some write both formats with a "b": the CRCs say so.
        length = next((other for other in fits if is_proven(octets[:other])), 0)
    behind = octets[length:]
    if length:  # LQI and RSSI; FHEM leaves the LQI
        if len(behind) == 2 and rssi is None:
            rssi = _half_decibels(behind[1])
        octets = octets[:length]
    return Captured(octets, receiver="cul", rssi=rssi)  # decoding says what is missing


def _elvaco(match: re.Match[str]) -> Iterator[Captured]:
    octets, fault = _octets(match["hex"])
    yield Captured(octets, receiver="elvaco", rssi=Decimal(match["rssi"]), fault=fault)


def _wmbusmeters(match: re.Match[str]) -> Iterator[Captured]:
    octets, fault = _octets(match["hex"].replace("|", "").replace("_", ""))
    yield Captured(octets, receiver="wmbusmeters", fault=fault)


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
        yield Captured(frame, link="frame" if wired_length(frame) == len(frame) else "auto")


_DATE_AND_TIME: Final = r"\d{4}-\d\d-\d\d[T _]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?"
_TIME: Final = re.compile(rf"\[?{_DATE_AND_TIME}\]?[\s,;:|]+(?=\S)")

# What programs write around an entry: times, the name and number of a program, words, ends of lines.
_AROUND: Final = re.compile(
    rf"(?<!\w){_DATE_AND_TIME}(?!\w)|(?<![\w:])\d\d:\d\d:\d\d(?:[.,]\d{{1,9}})?(?![\w:])"
    r"|(?<!\w)(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +\d\d?(?!\w)"
    r"|(?<!\w)[A-Za-z_-]{1,40}\[\d{1,9}\]|(?i:<0[AD]>)"
    r"|(?<!\w)(?P<word>[A-Za-z_]+)(?!\w)"
)
_NO_DIGITS: Final = re.compile("[G-WYZg-wyz]")  # of hex, nor the x in front of it
_GAPS: Final = re.compile(r"[\s;,]+")
_SHOWN: Final = 60

# The columns of rtl-wmbus between its flags and its telegram.
_COLUMNS: Final = re.compile(
    rf"(?:\s*(?:{_DATE_AND_TIME})?\s*;"
    r"(?:\s*(?:-?\d{1,3}(?:\.\d+)?)?\s*;){0,2}(?:\s*(?:[0-9A-Fa-f]{8})?\s*;)?)?"
)

# How the telegrams of a line are read, by what stands in it; the receiver.
Reader = Callable[["re.Match[str]"], Iterator[Captured]]
_LINES: Final[tuple[tuple[re.Pattern[str], Reader, str], ...]] = (
    (
        re.compile(
            r"(?<![0-9A-Za-z])[A-Z]\d\w?;(?P<crc>[01]);[01];"  # mode, CRC and 3-out-of-6 code
            r'(?P<columns>(?:[^;"]*;){0,16}?)(?P<hex>0x[^;"<\s]*(?:;0x[^;"<\s]*)*)'
        ),
        _rtl_wmbus,
        "rtl-wmbus",
    ),
    (
        re.compile(r'telegram="?\|(?P<hex>(?:(?!telegram=)[^+";])*)(?:\+\d{1,9}(?!\w))?'),
        _wmbusmeters,
        "wmbusmeters",
    ),
    (
        re.compile(
            r"(?<!\w)\d{8};[ *][A-Z]{3};(?:[0-9A-Fa-f]{2};){3} *(?P<rssi>-?\d+); *\w{1,2} *;(?P<hex>[^;]*)"
        ),
        _elvaco,
        "elvaco",
    ),
)
_CUL: Final = re.compile(
    # Digits in capitals tell the "b" from a digit; an even number of them does so too.
    r"b(?P<b>Y?)(?P<hex>[0-9A-F]{2}[046][0-9A-F]{19,}|(?:[0-9A-Fa-f]{2}){11,})(?:::(?P<rssi>-?\d+(?:\.\d+)?))?"
)
_MESSAGE: Final = re.compile(r"(?:0x|\\x)?(?:A5|FF)", re.IGNORECASE)


# --- Messages of octets --------------------------------------------------------------------------

_HCI_START: Final = 0xA5
_HCI_ENDPOINT: Final = 0x02  # of the radio link, with the control field's flags in front of it
_HCI_RECEIVED: Final = 0x03
_HCI_TIME, _HCI_RSSI, _HCI_CRC = 0x20, 0x40, 0x80
_AMBER_RECEIVED: Final = b"\xff\x03"
_NO_RECORD: Final = b"\x04"  # a DIF of four octets of data, without them and without its VIF
_RECORDS_OF_ONE_OCTET: Final = bytes(METER_DIFS)


def _messages(text: str) -> tuple[Captured, ...] | None:
    """The telegrams of a receiver's messages, one behind the other; None where there is no message."""
    rest, _ = _octets(text)
    found: list[Captured] = []
    while rest:
        size, items = _im871a(rest) or _amber(rest) or (0, ())
        if not items:
            if not found:
                return None
            fault = DecodeError(f"{len(rest)} octets behind the receiver's message", code="no_message")
            items = (Captured(rest, receiver=found[-1].receiver, fault=fault),)
        elif size > len(rest):
            fault = DecodeError(
                f"the receiver's message is cut: {len(rest)} octets of {size}", code="cut_message"
            )
            items = (Captured(rest, receiver=items[0].receiver, fault=fault),)
        found += items
        rest = rest[size:] if size else b""
    return tuple(found) or None


def _im871a(octets: bytes) -> tuple[int, tuple[Captured, ...]] | None:
    """The size of a message of the radio link, and what it holds; None where it is no such message."""
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
    return end, (Captured(telegram, receiver="im871a", rssi=rssi, fault=fault),)


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


def _amber(octets: bytes) -> tuple[int, tuple[Captured, ...]] | None:
    """The size of a message with data, and what it holds; None where the octets are no such message."""
    if not octets.startswith(_AMBER_RECEIVED) or not _may_be_sent(octets[2:]):
        return None
    size = octets[2] + 4
    telegram = octets[2 : size - 1]
    check_sum = 0
    for octet in octets[:size]:
        check_sum ^= octet
    if check_sum:
        fault = DecodeError("the check sum of the receiver's message is wrong", code="message_checksum")
        return size, (Captured(telegram, receiver="amber", fault=fault),)
    without = bytes([telegram[0] - 1]) + telegram[1:-1]
    ends_with, ends_before = _readable(telegram), _readable(without)
    if ends_with and ends_before and not _is_opaque(telegram):
        ends_with = telegram[-1] in _RECORDS_OF_ONE_OCTET
    if ends_before and not ends_with:
        return size, (Captured(without, receiver="amber", rssi=_half_decibels(telegram[-1])),)
    whole = Captured(telegram, receiver="amber")
    if ends_with and not ends_before:
        return size, (whole,)
    fault = DecodeError(
        f"the last octet of the telegram, {telegram[-1]:02X}h, may be the receiver's RSSI; nothing says "
        "whether it is: set RSSI_Enable of the receiver to 0, or give the telegram alone in hex",
        code="rssi_or_data",
    )
    return size, (whole, Captured(telegram[-1:], receiver="amber", fault=fault))


def _is_opaque(telegram: bytes) -> bool:
    """Whether any octet may be the last one: where none is read, as in encrypted and in unknown data."""
    return _readable(telegram[:-1] + _NO_RECORD)


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


def _may_be_sent(octets: bytes) -> bool:
    """Whether a frame by radio may start so, where a receiver says that it is one."""
    return (
        len(octets) >= 2 and octets[0] >= MIN_TELEGRAM - 1 and WirelessCField.name_of(octets[1]) is not None
    )


def _half_decibels(octet: int) -> Decimal:
    """The RSSI of a CC1101 in dBm (data sheet, 17.3: two's complement, half decibels above -74)."""
    return Decimal(octet - 0x100 if octet >= 0x80 else octet) / 2 - 74

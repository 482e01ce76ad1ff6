"""Lines of receivers: each format with the standard's telegrams in it, whole and damaged."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from decimal import Decimal

import pytest

from mbus_construct.octets.captures import Captured, captured
from mbus_construct.octets.framing import frames_in
from mbus_grammars.wireless import with_crcs
from telegrams import README_TELEGRAM, response

# Examples of OMS and the standard, without CRCs: mode 5 with a short header, mode 5 in part behind an ELL,
# mode 7 with AFL, ELL with AES-CTR (its L field computed), plain text behind an ELL.
MODE_5 = bytes.fromhex(
    "2E44931578563412 3303 7A2A0020255923C95AAA26D1B2E7493B013EC4A6F6D3529B520EDFF0EA6DEFC99D6D69EBF3"
)
IN_PART = bytes.fromhex(
    "3044934444332211 5537 8C0075728877665593445508000410 0500DFE2A782146D1513581CD2F83F39040CFD1078563412"
)
MODE_7 = bytes.fromhex(
    "5308244844332211 0337 8E80753A63665544330A31 900F002C25B30A0000AF5D74DF73A600D9 7278563412931533037500200710"
    "9058475F4BC91DF878B80A1B0F98B62902 4AAC727942BFC549233C0140829B93"
)
CTR = bytes.fromhex(
    "35442D2C11313427 3302 8D20E9603A102008C67C819AAE99B4DE753AA136EF64917ED9D8B2E2D35840BDEA173B8FE14CCE3F14"
    "06B7CF"
)
PLAIN = bytes.fromhex("1244AE0C78563412 0107 8C20 27 78 0B13436587")
TELEGRAMS = [MODE_5, IN_PART, MODE_7, CTR, PLAIN]
WIRED = response("04 06 01 00 00 00")


def crc_x25(octets: bytes) -> int:
    """Bit by bit from the highest on, octets mirrored: not as the module does it."""
    register = 0xFFFF
    for octet in octets:
        register ^= int(f"{octet:08b}"[::-1], 2) << 8
        for _ in range(8):
            register = (register << 1 ^ (0x1021 if register & 0x8000 else 0)) & 0xFFFF
    return int(f"{register ^ 0xFFFF:016b}"[::-1], 2)


def rtl_wmbus(telegram: bytes, crc: int = 1) -> str:
    return f"T1;{crc};1;2020-05-28 22:22:56.000;26;27;12345678;0x{telegram.hex()}"


def im871a(telegram: bytes, flags: int = 0x80, rssi: int = 141) -> bytes:
    message = bytes([flags | 0x02, 0x03]) + telegram
    message += bytes.fromhex("44332211") if flags & 0x20 else b""
    message += bytes([rssi]) if flags & 0x40 else b""
    return b"\xa5" + message + (crc_x25(message).to_bytes(2, "little") if flags & 0x80 else b"")


def amber(telegram: bytes, rssi: int | None = None) -> bytes:
    if rssi is not None:
        telegram = bytes([telegram[0] + 1, *telegram[1:], rssi])
    message = b"\xff\x03" + telegram
    check_sum = 0
    for octet in message:
        check_sum ^= octet
    return message + bytes([check_sum])


def wmbusmeters(telegram: bytes) -> str:
    return f"telegram=|{telegram.hex().upper()}|+12"


def elvaco(telegram: bytes) -> str:
    return f"12345678; ELS;33;03;00; -83; T;{telegram.hex().upper()};"


def only(line: str) -> Captured:
    (found,) = captured(line)
    return found


def codes(found: tuple[Captured, ...]) -> list[str | None]:
    return [None if item.fault is None else getattr(item.fault, "code", "?") for item in found]


# --- One format after the other --------------------------------------------------------------------


@pytest.mark.parametrize("telegram", TELEGRAMS)
@pytest.mark.parametrize(
    "line",
    [
        "T1;1;1;2020-05-28 22:22:56.000;26;27;12345678;0x{}",
        "C1;1;0;2020-05-28 22:22:56.000;26;27;12345678;0x{}",
        "S1;1;1;2020-05-28 22:22:56.000;26;12345678;0x{}",
        "T1;1;1;;;;;0x{}",
        "T1;1;1;2020-05-28 22:22:56;;;;0x{}  # noted",
        "rla;T1;1;1;2020-05-28 22:22:56.000;26;27;12345678;0x{}",
        "Nov  4 13:44:01 cellar rtl_wmbus[812]: T1;1;1;2020-05-28 22:22:56.000;26;27;12345678;0x{}",
        '(serial) received ascii "T1;1;1;2020-05-28 22:22:56.000;26;27;12345678;0x{}<0A>"',
        "[2020-05-28 22:22:57] T1;1;1;2020-05-28 22:22:56.000;26;27;12345678;0x{}",
    ],
)
def test_rtl_wmbus(line: str, telegram: bytes) -> None:
    expected = Captured(telegram, receiver="rtl-wmbus")
    assert captured(line.format(telegram.hex())) == (expected,)
    assert captured(line.format(telegram.hex().upper())) == (expected,)


@pytest.mark.parametrize("telegram", TELEGRAMS)
def test_the_frame_with_crcs_in_front_is_the_same_telegram(telegram: bytes) -> None:
    frame = with_crcs(telegram, "A").hex()
    line = rtl_wmbus(telegram)
    assert only(line.replace(";0x", f";0x{frame};0x")) == Captured(telegram, receiver="rtl-wmbus")
    other = captured(line.replace(";0x", ";0x0011;0x"))
    assert [item.octets for item in other] == [b"\x00\x11", telegram]


@pytest.mark.parametrize("gap", [" ", "; ", ";", " | ", '" (serial) received ascii "'])
@pytest.mark.parametrize(
    "entry",
    [
        rtl_wmbus,
        wmbusmeters,
        elvaco,
    ],
)
def test_several_entries_in_a_line(entry: Callable[[bytes], str], gap: str) -> None:
    found = captured(gap.join(map(entry, TELEGRAMS)))
    assert [item.octets for item in found] == TELEGRAMS
    assert codes(found) == [None] * len(TELEGRAMS)
    found = captured(gap.join([entry(MODE_5), "ABCD", entry(PLAIN), "12 34"]))
    assert [item.octets for item in found] == [MODE_5, b"\xab\xcd", PLAIN, b"\x12\x34"]
    assert codes(found) == [None, "left_over", None, "left_over"]
    assert str(found[1].fault) == "left over of the line, beside its telegrams: ABCD" or "serial" in gap


def test_several_telegrams_of_one_rtl_wmbus_entry() -> None:
    found = captured(f"{rtl_wmbus(MODE_5)};0x{PLAIN.hex()};{CTR.hex()}")
    assert [item.octets for item in found] == [MODE_5, PLAIN, CTR]
    assert codes(found) == [None, None, "left_over"]
    found = captured(rtl_wmbus(MODE_5).replace("12345678;", "12345678;1122334455;"))
    assert [item.octets for item in found][1:] == [MODE_5]
    assert codes(found) == ["left_over", None]


def test_several_frames_of_a_cul() -> None:
    frames = [with_crcs(item, "A") for item in TELEGRAMS]
    for gap in (" ", ";", ", "):
        found = captured(gap.join(f"b{frame.hex().upper()}8040" for frame in frames))
        assert found == tuple(Captured(frame, receiver="cul", rssi=Decimal(-42)) for frame in frames)


def test_messages_in_cells() -> None:
    found = captured(f"{im871a(MODE_5).hex()} | {amber(PLAIN).hex()} | {CTR.hex()}")
    assert [(item.octets, item.receiver) for item in found] == [
        (MODE_5, "im871a"),
        (PLAIN, "amber"),
        (CTR, "hex"),
    ]


def test_a_crc_that_failed_is_a_fault() -> None:
    found = only(rtl_wmbus(MODE_5, crc=0))
    assert found.octets == MODE_5
    assert str(found.fault) == "the receiver says that the CRC failed"
    assert codes((found,)) == ["receiver_crc"]


@pytest.mark.parametrize(("digits", "code"), [("2E4", "hex"), ("2EXX", "hex"), ("", "empty")])
def test_no_hex_where_the_telegram_should_be(digits: str, code: str) -> None:
    assert codes(captured(f"T1;1;1;2020-05-28 22:22:56.000;26;27;12345678;0x{digits}")) == [code]


@pytest.mark.parametrize("telegram", TELEGRAMS)
@pytest.mark.parametrize("flags", range(0, 0x100, 0x20))
def test_im871a(flags: int, telegram: bytes) -> None:
    message = im871a(telegram, flags)
    rssi = Decimal("-51.5") if flags & 0x40 else None
    expected = Captured(telegram, receiver="im871a", rssi=rssi)
    for text in (
        message.hex(),
        message.hex(" ").upper(),
        f"0x{message.hex()}",
        f"2024-02-29 12:00:00 {message.hex()}",
    ):
        assert captured(text) == (expected,)


@pytest.mark.parametrize(("raw", "dbm"), [(50, "-100.0"), (0, "-126.7"), (255, "9.3"), (141, "-51.5")])
def test_rssi_of_im871a(raw: int, dbm: str) -> None:
    assert only(im871a(MODE_5, 0xC0, raw).hex()).rssi == Decimal(dbm)


def test_every_bit_of_an_im871a_message_is_covered_by_its_crc() -> None:
    message = im871a(PLAIN, 0xC0)
    for bit in range(4 * 8, len(message) * 8):  # the bits before say what it is
        damaged = bytearray(message)
        damaged[bit // 8] ^= 1 << bit % 8
        found = captured(damaged.hex())
        # A C field that is none makes octets of it that are no message.
        assert codes(found) == ["message_checksum"] or found == (Captured(bytes(damaged)),)
        assert found[0].receiver == "im871a" or bit // 8 == 4


@pytest.mark.parametrize("make", [im871a, amber])
def test_messages_in_a_row_and_cut_ones(make: Callable[[bytes], bytes]) -> None:
    telegrams = [telegram for telegram in TELEGRAMS if telegram is not CTR]
    whole = [make(telegram) for telegram in telegrams]
    found = captured(b"".join(whole).hex())
    assert [item.octets for item in found] == telegrams
    for kept in range(5, len(whole[0])):
        found = captured((whole[1] + whole[0][:kept]).hex())
        assert found[0].octets == IN_PART
        assert codes(found) == [None, "cut_message"]
        assert found[1].octets == whole[0][:kept]
    found = captured((whole[0] + b"\x00\x01").hex())
    assert codes(found) == [None, "no_message"]
    assert "2 octets behind" in str(found[1].fault)


ENDS = [MODE_5, IN_PART, MODE_7, PLAIN]  # what is in them says where they end


@pytest.mark.parametrize("telegram", ENDS)
def test_amber(telegram: bytes) -> None:
    assert only(amber(telegram).hex()) == Captured(telegram, receiver="amber")
    for raw, dbm in ((0x77, "-14.5"), (0xF4, "-80"), (0x80, "-138"), (0xCF, "-98.5"), (0xDF, "-90.5")):
        found = captured(amber(telegram, raw).hex(" "))
        assert found == (Captured(telegram, receiver="amber", rssi=Decimal(dbm)),)


@pytest.mark.parametrize("telegram", ENDS)
def test_every_rssi_of_amber_is_found_or_remarked(telegram: bytes) -> None:
    for raw in range(0x100):
        found = captured(amber(telegram, raw).hex())
        if raw in (0x0F, 0x1F, 0x2F):  # behind records each of them is one more
            assert_remarked(found, telegram, raw)
        else:
            dbm = Decimal(raw - 0x100 if raw > 0x7F else raw) / 2 - 74
            assert found == (Captured(telegram, receiver="amber", rssi=dbm),)


COMPACT = bytes.fromhex("1444AE0C78563412010779 313B42A6D2042E163423")
SPECIFIC = bytes.fromhex("0E44AE0C785634120107A1 01020304")
TAIL = bytes.fromhex("1344AE0C78563412010778 0B13436587 0F010203")
CUT = bytes.fromhex("0D44AE0C78563412010778 0B1343")


@pytest.mark.parametrize("telegram", [CTR, COMPACT, SPECIFIC, TAIL, CUT])
def test_where_nothing_says_whether_there_is_an_rssi(telegram: bytes) -> None:
    """The telegram is as long as the message says, and a fault says what is not known; nothing is guessed."""
    assert_remarked(captured(amber(telegram).hex()), telegram[:-1], telegram[-1])
    if telegram is not CUT:
        for raw in range(0x100):
            assert_remarked(captured(amber(telegram, raw).hex()), telegram, raw)


def assert_remarked(found: tuple[Captured, ...], telegram: bytes, last: int) -> None:
    whole, remark = found
    assert whole == Captured(bytes([len(telegram), *telegram[1:], last]), receiver="amber")
    assert (remark.octets, codes((remark,))) == (bytes([last]), ["rssi_or_data"])
    assert f"the last octet of the telegram, {last:02X}h, may be the receiver's RSSI" in str(remark.fault)


def test_a_remark_costs_no_message_behind_it() -> None:
    found = captured((amber(CTR) + amber(PLAIN, 0x77)).hex())
    assert [item.octets for item in found] == [CTR, CTR[-1:], PLAIN]
    assert codes(found) == [None, "rssi_or_data", None]


def test_every_bit_of_an_amber_message_is_covered_by_its_check_sum() -> None:
    message = amber(PLAIN)
    for bit in range(4 * 8, len(message) * 8):
        damaged = bytearray(message)
        damaged[bit // 8] ^= 1 << bit % 8
        assert codes(captured(damaged.hex())) == ["message_checksum"]


@pytest.mark.parametrize("telegram", TELEGRAMS)
def test_cul(telegram: bytes) -> None:
    a, b = with_crcs(telegram, "A"), with_crcs(telegram, "B")
    for prefix, frame in (("b", a), ("bY", b)):
        text = prefix + frame.hex().upper()
        assert only(text) == Captured(frame, receiver="cul")
        assert only(text + "8040") == Captured(frame, receiver="cul", rssi=Decimal(-42))
        assert only(text + "86CF") == Captured(frame, receiver="cul", rssi=Decimal("-98.5"))
        assert only(text + "84::-86.5") == Captured(frame, receiver="cul", rssi=Decimal("-86.5"))
        # What is cut, or too long, is left to the link layer.
        assert only(text + "848586").octets == frame + b"\x84\x85\x86"
        assert only(text[:-4]).octets == frame[:-2]
        assert codes(captured(text[:-1])) == ["hex"]
    for behind, rssi in (("", None), ("84", None), ("8040", Decimal(-42))):
        assert only("b" + b.hex().upper() + behind) == Captured(b, receiver="cul", rssi=rssi)


def test_hex_that_begins_with_b_is_no_cul() -> None:
    for octets in (b"\xb8" + PLAIN, b"\xbb" * 30, b"\xb2" + MODE_5):
        assert only(octets.hex()).receiver == "hex"
        assert only(octets.hex().upper()).receiver == "hex"


def test_elvaco() -> None:
    line = f"12345678; ELS;33;03;00; -83; T;{MODE_5.hex().upper()};"
    assert only(line.replace("; ELS", "; ELS")) == Captured(MODE_5, receiver="elvaco", rssi=Decimal(-83))
    assert only(line.replace(" T;", "Cb;")).octets == MODE_5
    assert codes(captured("12345678; ELS;33;03;00; -83; T;")) == ["empty"]


@pytest.mark.parametrize("cut", [0, 1, 9, 15])
def test_wmbusmeters(cut: int) -> None:
    digits = MODE_5.hex().upper()
    for line in (
        f"telegram=|{digits[: 2 * cut]}|_{digits[2 * cut :]}|+5908",
        f"telegram=|{digits[: 2 * cut]}_{digits[2 * cut :]}|+1",
        f'(wmbus) "telegram=||{digits}|+167"',
        f"telegram=|{digits}|",
    ):
        assert only(line) == Captured(MODE_5, receiver="wmbusmeters")


# --- Hex -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("telegram", [*TELEGRAMS, *(with_crcs(item, "A") for item in TELEGRAMS), WIRED])
@pytest.mark.parametrize(
    "line",
    [
        "{}",
        "0x{}",
        "  {} # from the cellar",
        "2024-02-29 12:00:00 {}",
        "[2024-02-29T12:00:00.123Z] {}",
        "2024-02-29T12:00:00+01:00;{}",
        "2024-02-29 12:00, 0x{}",
        "2024-02-29 12:00:00|{}",
        "|{}|",
    ],
)
def test_hex(line: str, telegram: bytes) -> None:
    link = "frame" if telegram is WIRED else "auto"
    for digits in (telegram.hex(), telegram.hex(" ").upper(), telegram.hex(":"), telegram.hex("-")):
        assert only(line.format(digits)) == Captured(telegram, link=link)


@pytest.mark.parametrize("line", ["", "   ", "# a comment", "  # another: 2E44"])
def test_lines_without_a_telegram(line: str) -> None:
    assert captured(line) == ()


def test_what_is_no_hex_is_a_fault_of_the_line() -> None:
    assert str(only("hello").fault) == "no hex digit: 'h' at character 1"
    assert str(only("2024-02-29 12:00:00 2E 4x").fault) == "no hex digit: 'x' at character 25"
    assert codes(captured(f"{MODE_5.hex()} | 4x | {PLAIN.hex()}")) == [None, "hex", None]
    cells = [MODE_5, PLAIN, MODE_7[:-1], PLAIN]
    assert [item.octets for item in captured(" | ".join(cell.hex() for cell in cells))] == cells
    assert captured(f"{MODE_5.hex()[:20]} | {MODE_5.hex()[20:]} | {PLAIN.hex()}") == captured(
        MODE_5.hex() + PLAIN.hex()
    )


@pytest.mark.parametrize("seed", range(60))
def test_frames_in_a_row(seed: int) -> None:
    generator = random.Random(seed)  # noqa: S311
    frames: list[bytes] = []
    for _ in range(generator.randrange(2, 8)):
        telegram = generator.choice(TELEGRAMS)
        frames.append(
            generator.choice(
                [telegram, with_crcs(telegram, "A"), with_crcs(telegram, "B"), WIRED, README_TELEGRAM]
            )
        )
    separator = generator.choice(["", " ", " | ", "|"])
    found = captured(separator.join(frame.hex() for frame in frames))
    assert [item.octets for item in found] == frames
    assert [item.link == "frame" for item in found] == [frame in (WIRED, README_TELEGRAM) for frame in frames]


def test_a_damaged_frame_costs_no_other() -> None:
    damaged = bytearray(with_crcs(MODE_7, "A"))
    damaged[40] ^= 0x10
    frames = (MODE_5, bytes(damaged), with_crcs(PLAIN, "B"))
    assert frames_in(b"".join(frames)) == frames
    assert frames_in(b"".join(frames) + b"\x01\x02") == (*frames, b"\x01\x02")
    assert frames_in(MODE_5 + PLAIN + MODE_7[:30]) == (MODE_5, PLAIN, MODE_7[:30])


def test_one_frame_and_something_else_is_no_row() -> None:
    """A telegram without CRCs is known by its length alone: what stands behind it makes it none."""
    for octets in (MODE_5 + b"\x01", MODE_5[:-1], b"\x01" + MODE_5, README_TELEGRAM[4:-2], b"", b"\x72" * 40):
        assert frames_in(octets) == ()
    assert only((MODE_5 + b"\x01").hex()).octets == MODE_5 + b"\x01"


def test_a_wired_frame_in_a_wireless_one_is_a_part_of_it() -> None:
    inner = bytes.fromhex("0FFD3B") + WIRED
    container = bytes([9 + 1 + len(inner)]) + MODE_5[1:10] + b"\x78" + inner
    assert frames_in(container) == (container,)


@pytest.mark.parametrize("seed", range(20))
def test_damaged_lines_never_raise(seed: int) -> None:
    generator = random.Random(seed)  # noqa: S311
    lines = [
        rtl_wmbus(MODE_5),
        im871a(MODE_7, 0xE0).hex(),
        amber(PLAIN, 0x77).hex(" "),
        "bY" + with_crcs(CTR, "B").hex().upper() + "8040",
        f"telegram=|{IN_PART.hex()}|+1",
        f"2024-02-29 12:00:00 {MODE_5.hex()}|{WIRED.hex()}",
    ]
    for _ in range(200):
        line = list(generator.choice(lines))
        for _ in range(generator.randrange(1, 4)):
            place = generator.randrange(len(line))
            if generator.random() < 0.5:
                line[place] = generator.choice("0123456789abcdefABCDEF;|xX_ é\0")
            else:
                del line[place : place + generator.randrange(1, 20)]
            line = line or ["0"]
        for item in captured("".join(line)):
            assert item.octets or item.fault is not None


FULL_LINES = [
    rtl_wmbus(MODE_5),
    f"[2020-05-28 22:22:57] {rtl_wmbus(PLAIN)}",
    im871a(MODE_7, 0xE0).hex(),
    im871a(PLAIN, 0xC0).hex(" "),
    amber(PLAIN, 0x77).hex(" "),
    "bY" + with_crcs(CTR, "B").hex().upper() + "8040",
    "b" + with_crcs(PLAIN, "A").hex().upper() + "80::-86.5",
    f"telegram=|{IN_PART.hex()}|+1",
    f"12345678; ELS;33;03;00; -83; T;{MODE_5.hex().upper()};",
    f"2024-02-29 12:00:00 {MODE_5.hex()}|{WIRED.hex()}",
    f"0x{CTR.hex()}",
]
HEX_DIGITS = frozenset("0123456789abcdefABCDEF")


def digits_of(text: str) -> int:
    """The hex digits of a text, without fractions and numbers that may be longer."""
    text = re.sub(r";-?\d{1,3}(?=;)|\+\d{1,9}(?!\w)|\.\d{1,9}|0x", " ", text)
    return sum(character in HEX_DIGITS for character in text)


def digits_found(found: tuple[Captured, ...]) -> int | None:
    """The hex digits in telegrams and faults; None where an entry could not be read and is a fault itself."""
    count = 0
    for item in found:
        text = str(item.fault)
        if codes((item,)) == ["rssi_or_data"]:
            continue  # an octet of the telegram once more
        if item.octets:
            count += 2 * len(item.octets)
        elif codes((item,)) == ["left_over"] and not text.endswith("..."):
            count += digits_of(text.partition("telegrams: ")[2])
        else:
            assert item.fault is not None
            return None
    return count


@pytest.mark.parametrize("line", FULL_LINES)
def test_no_octet_of_a_line_is_lost(line: str) -> None:
    """Whatever is put into a line is in a telegram, or in a fault; only known fields are in neither."""
    generator = random.Random(line)  # noqa: S311
    whole = digits_found(captured(line))
    assert whole is not None
    fields = digits_of(line) - whole  # check sums, time, RSSI, names
    pieces = ["ABCD", "5ac35ac3", "01 02 03", f"0x{PLAIN.hex()}", MODE_5.hex().upper(), "7"]
    counted = 0
    for _ in range(1_500):
        changed = line
        for _ in range(generator.randint(1, 2)):
            separators = generator.choices(["", " ", ";", "|", ";0x", '"', "é", ", "], k=2)
            piece = generator.choice(pieces).join(separators)
            place = generator.choice([generator.randrange(len(changed) + 1), len(changed), 0])
            changed = changed[:place] + piece + changed[place:]
        if generator.random() < 0.3:
            other = generator.choice([line, *FULL_LINES[:3]])
            changed += generator.choice([" ", ";", "|"]) + other
            whole = digits_found(captured(other))
            assert whole is not None
            more = digits_of(other) - whole
        else:
            more = 0
        found = captured(changed)
        count = digits_found(found)
        if count is None:
            continue
        counted += 1
        lqi_and_rssi = 4 * sum(item.receiver == "cul" for item in found)
        assert digits_of(changed) <= count + fields + more + lqi_and_rssi, changed
    assert counted > 50


def test_a_long_line_takes_no_square_of_its_length() -> None:
    found = captured(MODE_5.hex() * 20_000)
    assert len(found) == 20_000


@pytest.mark.parametrize(
    "line",
    [
        "T1;1;1;" * 20_000,
        f"{rtl_wmbus(PLAIN)} " * 5_000,
        f"telegram=|{' ' * 50_000}44",
        f"{'g' * 50_000}1 {rtl_wmbus(PLAIN)}",
        f"{'-' * 50_000}1 {rtl_wmbus(PLAIN)}",
        f"{'12:' * 30_000} {rtl_wmbus(PLAIN)}",
    ],
)
def test_nor_do_lines_of_nonsense(line: str) -> None:
    start = time.process_time()
    assert captured(line)
    assert time.process_time() - start < 2

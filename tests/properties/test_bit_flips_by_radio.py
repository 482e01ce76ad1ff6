"""Every single bit of a frame turned round: noticed wherever a CRC or a MAC covers it; where not is said here."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from mbus_construct import DecodeError, Receiver, Telegram, decode, encode
from mbus_construct.decoding.single_bit_errors import mended
from mbus_grammars.wireless import with_crcs, without_crcs
from radio import (
    E62,
    E65,
    E66,
    E67,
    E68,
    E69,
    EXAMPLES,
    GAS_METER,
    KEY,
    Example,
    codes,
)

BY_RADIO = [example for example in EXAMPLES if example is not E67]
by_name = pytest.mark.parametrize("example", BY_RADIO, ids=lambda example: example.name)


def flips(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """The octets with each of their bits turned round, and the place of the octet."""
    for bit in range(8 * len(octets)):
        changed = bytearray(octets)
        changed[bit // 8] ^= 1 << bit % 8
        yield bit // 8, bytes(changed)


def telegram_of(example: Example) -> bytes:
    return without_crcs(example.octets)[1]


def values(telegram: Telegram) -> list[object]:
    return [(record.header, record.value) for record in telegram.records if record.value is not None]


def long_telegram(records: int) -> bytes:
    """One that needs both CRCs of format B."""
    given = [
        {
            "quantity": "volume",
            "unit": "m³",
            "value": number,
            "storage_number": number,
            "data_field": "8 digit BCD",
        }
        for number in range(records)
    ]
    written = {"link": "wireless", "meter": GAS_METER, "security": {"mode": 5}, "records": given}
    return encode(written, keys=KEY)


# --- Frames with CRCs ----------------------------------------------------------------------------


@by_name
@pytest.mark.parametrize("link", ["auto", "wireless"])
def test_format_a(example: Example, link: str) -> None:
    """All octets are covered, also where the first block says no more that it is one by radio."""
    for _, damaged in flips(with_crcs(telegram_of(example), "A")):
        with pytest.raises(DecodeError):
            decode(damaged, link=link, keys=example.key)


@pytest.mark.parametrize("frame_format", ["A", "B"])
def test_frames_of_many_blocks(frame_format: str) -> None:
    telegram = long_telegram(20)
    frame = with_crcs(telegram, frame_format)  # type: ignore[arg-type]
    assert len(frame) > 150
    assert decode(frame, keys=KEY).frame.format == frame_format
    for _, damaged in flips(frame):
        with pytest.raises(DecodeError):
            decode(damaged, keys=KEY)


@by_name
@pytest.mark.parametrize("key", [True, False])
def test_format_b(example: Example, key: bool) -> None:
    """A frame B of one CRC that is wrong passes for a CRC-less one with two octets too many.

    Most often they are no record, or the key is no more the right one. Where there is no such fault the bit
    that is wrong is found by the CRC, and a remark says that the values are doubtful.
    """
    frame = with_crcs(telegram_of(example), "B")
    keys = example.key if key else None
    receiver = Receiver(keys)
    doubtful = 0
    for place, damaged in flips(frame):
        try:
            telegram = decode(damaged, link="wireless", keys=keys)
        except DecodeError:
            assert place == 0  # the L field fits no more
            continue
        assert place > 0
        assert telegram.frame.format == "CRC-less"
        assert telegram.worst == "error" or "frame_crc" in codes(telegram)
        doubtful += "frame_crc" in codes(telegram)
        assert encode(telegram, keys=keys) == damaged
        assert Telegram.from_dict(telegram.to_dict()) == telegram
        assert receiver.decode(damaged).worst in ("error", "warning")
    assert doubtful > 0


@by_name
def test_frames_without_crcs_are_not_doubted(example: Example) -> None:
    assert "frame_crc" not in codes(decode(telegram_of(example), keys=example.key))


def test_few_frames_without_crcs_are_doubted() -> None:
    """One in 434 is one bit from a frame B by chance, and hardly one of those can be read as it."""
    written = {
        "link": "wireless",
        "frame": {"ci_field": 0x78},
        "meter": GAS_METER,
        "records": [{"quantity": "volume", "unit": "l", "value": 0, "data_field": "32 bit integer"}],
    }
    octets = encode(written)
    near = doubted = 0
    for number in range(20_000):
        octets = octets[:-4] + number.to_bytes(4, "little")
        if any(mended(octets)):
            near += 1
            telegram = decode(octets)
            doubted += "frame_crc" in codes(telegram)
            assert telegram.records[0].value == Decimal(number) / 1000
    assert 25 < near < 70
    assert doubted <= 2


# --- Frames without CRCs: what the layers above cover ---------------------------------------------


def test_mode_7_with_a_mac() -> None:
    """Covered: the AFL's message control and message counter, its MAC, and the whole transport layer.

    Not covered: the L field (it has to fit), the rest of the link layer, the extended link layer, the AFL's
    CI field, length and fragmentation control; they are the way of the message, not the message.
    """
    good = decode(E68.octets, keys=E68.key)
    ell, afl, message = 10, 21, 25
    for place, damaged in flips(E68.octets):
        try:
            telegram = decode(damaged, link="wireless", keys=E68.key)
        except DecodeError:
            assert place == 0
            continue
        security = telegram.security
        if place >= message:
            # Values only of what became plain, and with the error that their MAC is wrong.
            assert values(telegram) == [] or (telegram.worst == "error" and "wrong_mac" in codes(telegram))
            noticed = {"wrong_mac", "wrong_key", "length", "encrypted_blocks", "security_mode", "truncated"}
            assert noticed & set(codes(telegram)), (place, codes(telegram))
            assert security is None or (security.mac, security.state) != ("verified", "decrypted")
        elif place == ell:  # another layer: what is behind it is read as that, encrypted octets as no values
            assert security is None or security.mac != "verified"
        elif place < afl:
            assert values(telegram) == values(good)
            assert telegram.security == good.security
        elif values(telegram):  # bits of the fragmentation control that are reserved
            assert values(telegram) == values(good)
            assert security == good.security
        else:
            assert telegram.diagnostics
    assert place == len(E68.octets) - 1


def test_extended_link_layer_with_a_payload_crc() -> None:
    """Covered: all behind the session number; and what is in the counter block: address, control, session.

    Not covered: the C field, the ELL's CI field and access number, and the bits for hop count and repeated
    access, which repeaters change.
    """
    good = decode(E69.octets, keys=E69.key)
    c_field, ci_field, control, access_number, session = 1, 10, 11, 12, 16
    silent = set()
    for place, damaged in flips(E69.octets):
        try:
            telegram = decode(damaged, link="wireless", keys=E69.key)
        except DecodeError:
            assert place == 0
            continue
        if telegram.worst == "error":
            assert {"wrong_key", "payload_crc", "truncated"} & set(codes(telegram))
            assert values(telegram) == []
        elif place in (ci_field, session):
            assert telegram.worst == "warning"  # another layer, or an encryption that is not known
            assert values(telegram) == []
        else:
            silent.add((place, damaged[place] ^ E69.octets[place]))
            assert values(telegram) == values(good)
    whole = {(place, 1 << bit) for place in (c_field, access_number) for bit in range(8)}
    assert silent == whole | {(control, 0x10), (control, 0x02)}


def test_mode_5_has_nothing_but_two_fillers() -> None:
    """Noticed: what changes the first two octets of the first block when it is decrypted.

    That is any bit of the block itself, and the bits of the manufacturer, which are the first two octets of
    the IV. The rest of the address and the access number change single values of the first block, and any
    bit of a later block that block and a bit of the next one: mode 5 has no MAC. A CRC of the frame, or a
    meter that has its own key, is what notices them.
    """
    first_block = range(15, 31)
    for place, damaged in flips(E65.octets):
        if place in (*first_block, 2, 3):
            telegram = decode(damaged, link="wireless", keys=KEY)
            assert codes(telegram)[:1] == ["wrong_key"]
            assert values(telegram) == []
        if 2 <= place < 10:
            own = decode(damaged, link="wireless", keys={"ELS-12345678-33-03": KEY})
            assert codes(own)[:1] == ["encrypted"]
            assert values(own) == []


def test_partial_encryption_has_a_clear_tail() -> None:
    """Nothing covers it: a bit that is wrong there is a value that is wrong, as in a plain telegram."""
    tail = len(E66.octets) - 4
    good = decode(E66.octets, keys=E66.key)
    for place, damaged in flips(E66.octets):
        if place >= tail:
            telegram = decode(damaged, link="wireless", keys=E66.key)
            assert telegram.records[:3] == good.records[:3]
            assert telegram.records[3].data != good.records[3].data
            assert telegram.security == good.security


def test_a_damaged_frame_teaches_no_counter() -> None:
    """What is not authentic does not count: the counter of a forged message locks no meter out."""
    receiver = Receiver(E68.key)
    for place, damaged in flips(E68.octets):
        if place in range(25, 38):
            receiver.decode(damaged, link="wireless")
    assert receiver.decode(E68.octets) == decode(E68.octets, keys=E68.key)


def test_e62_in_every_format_says_the_same() -> None:
    telegrams = [decode(with_crcs(E65.octets, form), keys=KEY) for form in ("A", "B", "CRC-less")]  # type: ignore[arg-type]
    assert [telegram.frame.format for telegram in telegrams] == ["A", "B", "CRC-less"]
    assert len({telegram.records for telegram in telegrams}) == 1
    assert with_crcs(E65.octets, "A") == E62.octets

"""Hidden octets explained in plain, marked as decrypted, as sent in the dump; and no key anywhere."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree as Xml

import pytest

from explanations import (
    E62,
    E66,
    E67,
    E68,
    E69,
    KEYS,
    assert_covered,
    assert_nested,
    by_first,
    by_path,
    shown,
)
from mbus_construct.explain import explain
from mbus_construct.explain.html import to_html
from mbus_construct.explain.text import to_lines
from mbus_construct.security.aes import crypt_ctr
from mbus_construct.security.modes import ell_initial_block
from mbus_grammars.crc import crc
from mbus_grammars.wireless import without_crcs

E62_TELEGRAM = without_crcs(E62)[1]


@pytest.mark.parametrize(
    ("octets", "path", "meaning"),
    [
        (E62, "user_data.records[2]", "record 0: volume, 28504.27 m³"),
        (E66, "user_data.user_data.records[2]", "record 0: volume, 123.4 m³"),
        (E67, "user_data.records[2]", "record 0: volume, 123.4 m³"),
        (E68, "user_data.user_data.user_data.records[2]", "record 0: volume, 28504.27 m³"),
        (E69, "user_data.user_data.records[1]", "record 1: reactive energy, 327900 varh"),
    ],
    ids=["E62", "E66", "E67", "E68", "E69"],
)
def test_records(octets: bytes, path: str, meaning: str) -> None:
    explanation = explain(octets, keys=KEYS[octets])
    assert_covered(explanation)
    assert_nested(explanation)
    assert not explanation.faults
    assert explanation.octets == octets
    span = by_path(explanation, path)
    if octets not in (E66, E67):
        assert span.meaning == meaning
    inside = [leaf for leaf in explanation.leaves if leaf.path.startswith(f"{path}.")]
    assert all(leaf.decrypted for leaf in inside if not leaf.is_crc)


def test_octets_as_sent_and_plain() -> None:
    explanation = explain(E69, keys=KEYS[E69])
    check = by_path(explanation, "user_data.payload_crc")
    assert (check.octets, check.plain, check.value_text) == (b"\x08\xc6", b"\xe8\x21", "21E8h")
    assert sum(len(span.octets) for span in explanation.decrypted) == 37
    number = by_path(explanation, "user_data.session_number")
    assert (number.decrypted, number.plain) == (False, b"")
    assert number.shown == number.octets


def test_what_was_plain_is_not_marked() -> None:
    explanation = explain(E66, keys=KEYS[E66])
    assert not by_path(explanation, "user_data.user_data.header.status").decrypted
    tail = [leaf for leaf in explanation.leaves if leaf.offset >= 42]
    assert tail
    assert not any(leaf.decrypted for leaf in tail)
    assert explanation.decrypted[0].offset == 26
    assert explanation.decrypted[-1].end == 42


def test_check_sum_as_sent() -> None:
    check = by_path(explain(E67, keys=KEYS[E67]), "checksum")
    assert (check.octets, check.value_text, check.fault) == (b"\x26", "26h", "")
    assert not check.decrypted


def test_decrypted_field_that_a_crc_interrupts() -> None:
    explanation = explain(E62, keys=KEYS[E62])
    pieces = [leaf for leaf in explanation.leaves if leaf.path == "user_data.records[3].data"]
    assert [(piece.octets, piece.plain) for piece in pieces] == [
        (b"\x3b", b"\x32"),
        (b"\x01\x3e\xc4", b"\x37\x1f\x15"),
    ]


def test_encrypted_twice() -> None:
    """The payload CRC is of the octets that mode 5 hides: its plain value is not known afterwards."""
    inner = E62_TELEGRAM[10:]
    link, session = E62_TELEGRAM[1:10], bytes.fromhex("60 3A 10 20")
    covered = crc(inner).to_bytes(2, "little") + inner
    key = bytes.fromhex(KEYS[E62])
    hidden = crypt_ctr(key, ell_initial_block(link[1:], 0x20, session), covered)
    telegram = link + bytes.fromhex("8D 20 E9") + session + hidden
    explanation = explain(bytes([len(telegram)]) + telegram, keys=KEYS[E62])
    assert_covered(explanation)
    assert not explanation.faults
    check = by_path(explanation, "user_data.payload_crc")
    assert (check.octets, check.plain, check.value_text) == (hidden[:2], b"", "")
    assert check.meaning == "CRC of all octets behind it: encrypted, and right"
    volume = by_path(explanation, "user_data.user_data.records[2]")
    assert volume.meaning == "record 0: volume, 28504.27 m³"


def test_mac() -> None:
    mac = by_path(explain(E68, keys=KEYS[E68]), "user_data.user_data.mac")
    assert mac.meaning == "message authentication code, verified"
    changed = bytearray(E68)
    changed[30] ^= 1
    explanation = explain(changed, keys=KEYS[E68])
    assert by_path(explanation, "user_data.user_data.mac").meaning.endswith(", wrong")
    (fault,) = explanation.faults
    assert "MAC" in fault.fault
    assert not explanation.decrypted


def test_wrong_key() -> None:
    for octets in (E62, E69):
        explanation = explain(octets, keys="FF" * 16)
        assert not explanation.decrypted
        (fault,) = explanation.faults
        assert fault.name == "encrypted"
        assert fault.fault.startswith("no key for ")


def test_no_key_for_this_meter() -> None:
    explanation = explain(E62, keys={"87654321": "FF" * 16})
    assert not explanation.faults
    assert "32 octets of ELS-12345678" in by_first(explanation, "user_data.encrypted").meaning


def test_damaged_frames_stay_as_they_are() -> None:
    for octets in (E62[:-1], E67[:-1], E69[:-1]):
        explanation = explain(octets, "auto", keys="FF" * 16)
        assert_covered(explanation)
        assert explanation.faults


@pytest.mark.parametrize("octets", KEYS, ids=shown)
def test_keys_appear_nowhere(octets: bytes) -> None:
    key = KEYS[octets]
    for given_keys in (key, {"default": key}, bytes.fromhex(key), "FF" * 16):
        explanation = explain(octets, keys=given_keys)
        secret = "FF" * 16 if given_keys == "FF" * 16 else key
        everything = " ".join(
            (
                repr(explanation),
                json.dumps(explanation.to_dict()),
                to_html(explanation),
                *to_lines(explanation, colour=True, width=400),
            )
        )
        packed = re.sub("[^0-9A-F]", "", everything.upper())
        assert secret not in packed
        assert secret not in everything.upper()


def test_wrong_keys_are_refused_without_their_digits() -> None:
    with pytest.raises(ValueError, match="key") as caught:
        explain(E62, keys="0102030405")
    assert "0102030405" not in str(caught.value)


def test_text() -> None:
    lines = list(to_lines(explain(E62, keys=KEYS[E62]), width=120))
    assert lines[0] == "as sent: 55 octets, 32 of them encrypted; these are in plain below"
    sent = "".join(line.split(" ", 1)[1] for line in (item.strip() for item in lines[1:5]))
    assert bytes.fromhex(sent) == E62
    assert "  19  record 0: volume, 28504.27 m³  decrypted" in lines
    assert any(re.match("  21 27 04 85 02  data ", line) for line in lines)
    assert "  17  user data  decrypted" in lines
    mixed = list(to_lines(explain(E68, keys=KEYS[E68]), width=120))
    assert any(re.search(r"DIF +2Fh  idle filler  decrypted", line) for line in mixed)
    plain = list(to_lines(explain(E62), width=120))
    assert not [line for line in plain if "decrypted" in line or "as sent" in line]


def test_page() -> None:
    page = to_html(explain(E62, keys=KEYS[E62]))
    assert Xml.fromstring(page) is not None  # noqa: S314  our own page
    assert "55 octets, as sent; 32 of them are encrypted, and explained in plain" in page
    assert '<span class="title">record 0: volume, 28504.27 m³</span> <em class="plain">decrypted</em>' in page
    assert '<td class="hex">27 04 85 02</td>' in page
    assert 'title="data: decrypted 27: ' in page
    dump = "".join(re.findall(r'<a class="k [^>]*>([0-9A-F]{2})</a>', page))
    assert bytes.fromhex(dump) == E62


def test_json() -> None:
    shape = explain(E69, keys=KEYS[E69]).to_dict()
    check = next(span for span in shape["spans"] if span["name"] == "payload_crc")
    assert (check["octets"], check["plain"], check["decrypted"]) == ("08 C6", "E8 21", True)
    assert shape["octets"] == E69.hex(" ").upper()

"""Derivation and modes by the standards' examples, E65 to E69 of our numbering, octet for octet both ways."""

from __future__ import annotations

import pytest

from mbus_construct.security.aes import NO_IV, crypt_ctr, decrypt_cbc, encrypt_cbc
from mbus_construct.security.derivation import (
    ENCRYPT_FROM_METER,
    ENCRYPT_TO_METER,
    MAC_FROM_METER,
    MAC_TO_METER,
    derive,
)
from mbus_construct.security.keys import Key
from mbus_construct.security.modes import afl_mac, ell_initial_block, fillers_needed, mode5_iv
from mbus_grammars.security import FILLERS

GAS_RECORDS = bytes.fromhex("0C1427048502 046D32371F15 02FD170000")  # OMS Annex N.2.1


def h(text: str) -> bytes:
    return bytes.fromhex(text)


def filled(records: bytes) -> bytes:
    return FILLERS + records + fillers_needed(FILLERS + records)


def test_mode_5_with_a_short_header() -> None:
    """OMS Annex N.2.1."""
    key = h("0102030405060708090A0B0C0D0E0F11")
    iv = mode5_iv(h("9315785634123303"), 0x2A)
    assert iv == h("9315785634123303 2A2A2A2A2A2A2A2A")
    hidden = h("5923C95AAA26D1B2E7493B013EC4A6F6 D3529B520EDFF0EA6DEFC99D6D69EBF3")
    assert decrypt_cbc(key, iv, hidden) == filled(GAS_RECORDS)
    assert encrypt_cbc(key, iv, filled(GAS_RECORDS)) == hidden


def test_mode_5_with_a_long_header() -> None:
    """OMS Annex N.5.3: the address is the long header's, in the link layer's order."""
    key = h("000102030405060708090A0B0C0D0E0F")
    iv = mode5_iv(h("9344887766555508"), 0x00)
    assert iv == h("9344887766555508 0000000000000000")
    hidden, plain = h("00DFE2A782146D1513581CD2F83F3904"), h("2F2F0B6E341200426CFE044B6E563402")
    assert decrypt_cbc(key, iv, hidden) == plain == filled(plain[2:])
    assert encrypt_cbc(key, iv, plain) == hidden


class Test17167:
    """CEN/TR 17167:2018 F.3: mode 7 with an authentication layer."""

    MASTER = Key(h("000102030405060708090A0B0C0D0E0F"))
    COUNTER = h("B30A0000")
    NUMBER = h("78563412")
    HEADER = h("72 78563412 9315 33 03 75 00 2007 10")
    HIDDEN = h("9058475F4BC91DF878B80A1B0F98B629 024AAC727942BFC549233C0140829B93")

    def test_encryption(self) -> None:
        key = derive(self.MASTER, ENCRYPT_FROM_METER, self.COUNTER, self.NUMBER)
        assert key == Key(h("ECCF39D475D730B8284FDFDC1995D52F"))
        assert decrypt_cbc(key.octets, NO_IV, self.HIDDEN) == filled(GAS_RECORDS)
        assert encrypt_cbc(key.octets, NO_IV, filled(GAS_RECORDS)) == self.HIDDEN

    def test_mac(self) -> None:
        key = derive(self.MASTER, MAC_FROM_METER, self.COUNTER, self.NUMBER)
        assert key == Key(h("C9CD19FF5A9AAD5A6BBDA13BD2C4C7AD"))
        mac = afl_mac(
            key, message_control=b"\x25", message_counter=self.COUNTER, tpl=self.HEADER + self.HIDDEN
        )
        assert mac[:8] == h("AF5D74DF73A600D9")

    def test_every_use_has_its_own_key(self) -> None:
        constants = (ENCRYPT_FROM_METER, MAC_FROM_METER, ENCRYPT_TO_METER, MAC_TO_METER)
        assert constants == (0x00, 0x01, 0x10, 0x11)
        assert len({derive(self.MASTER, each, self.COUNTER, self.NUMBER) for each in constants}) == 4


def test_the_mac_covers_the_fields_in_their_order() -> None:
    key = Key(bytes(16))
    parts = {
        "message_control": b"\x75",
        "key_information": b"\x10\x00",
        "message_counter": b"\x01\x00\x00\x00",
        "message_length": b"\x02\x00",
    }
    assert afl_mac(key, **parts, tpl=b"\x78\x2f") == afl_mac(
        key, message_control=b"".join(parts.values()) + b"\x78", tpl=b"\x2f"
    )
    for name in parts:
        fewer = {other: octets for other, octets in parts.items() if other != name}
        assert afl_mac(key, **{"message_control": b"", **fewer}, tpl=b"\x78\x2f") != afl_mac(
            key, **parts, tpl=b"\x78\x2f"
        )


def test_extended_link_layer() -> None:
    """A telegram of ELL II."""
    key = h("0102030405060708090A0B0C0D0E0F10")
    session = h("603A1020")
    block = ell_initial_block(h("2D2C113134273302"), 0x20, session)
    assert block == h("2D2C113134273302 20 603A1020 0000 00")
    hidden = h("08C67C819AAE99B4DE753AA136EF6491 7ED9D8B2E2D35840BDEA173B8FE14CCE 3F1406B7CF")
    plain = h("E821780405000000 0004FB8275CF0C0000 04853CCC0F0000 04FB82F53C09000000 01FD1700")
    assert crypt_ctr(key, block, hidden) == plain
    assert crypt_ctr(key, block, plain) == hidden


@pytest.mark.parametrize("changed", [0x10, 0x02, 0x12])
def test_a_repeater_changes_no_counter_block(changed: int) -> None:
    blocks = {ell_initial_block(bytes(8), control, bytes(4)) for control in (0x80, 0x80 | changed)}
    assert blocks == {bytes(8) + b"\x80" + bytes(7)}
    assert ell_initial_block(bytes(8), 0xED, bytes(4))[8] == 0xED


@pytest.mark.parametrize("size", range(34))
def test_fillers(size: int) -> None:
    fillers = fillers_needed(bytes(size))
    assert (size + len(fillers)) % 16 == 0
    assert fillers == b"\x2f" * len(fillers)
    assert len(fillers) < 16

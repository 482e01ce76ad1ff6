"""Telegrams sealed and opened again: every mode, both directions, every layer that hides something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbus_construct import BuildError, decode
from mbus_construct.octets.locate import layers_of
from mbus_construct.security.aes import crypt_ctr, encrypt_cbc
from mbus_construct.security.derivation import derive
from mbus_construct.security.keys import Key, Keys
from mbus_construct.security.message import initial_block, receiver_of, to_meter
from mbus_construct.security.modes import afl_mac
from mbus_construct.security.opening import Opened, open_telegram
from mbus_construct.security.sealing import seal_telegram

if TYPE_CHECKING:
    from mbus_construct.model.json_shapes import Form

KEY = bytes(range(1, 17))
KEYS = Keys.of({"ELS-12345678": KEY})

LINK = "44 9315 78563412 33 03"
BY_GATEWAY = "53 3A63 66554433 0A 31"
LONG = "78563412 9315 33 03"
ACC = "75 00"
PLAIN = "2F2F 0C1427048502 046D32371F15 02FD170000" + "2F" * 13
BLOCK = "2F2F 0C1427048502" + "2F" * 8
ZEROS = "00" * 16


def h(text: str) -> bytes:
    return bytes.fromhex(text)


def wireless(text: str) -> bytes:
    octets = h(text)
    return bytes([len(octets)]) + octets


def sealed_and_opened(text: str, form: str = "wireless", keys: Keys = KEYS) -> tuple[bytes, Opened]:
    """The telegram sealed, and that opened; nothing may be left to find."""
    plain: Any = wireless(text) if form == "wireless" else h(text)
    sent = seal_telegram(plain, form, keys)  # type: ignore[arg-type]
    assert len(sent) == len(plain)
    result = open_telegram(sent, form, keys)  # type: ignore[arg-type]
    assert result.findings == ()
    assert seal_telegram(result.octets, form, keys) == sent  # type: ignore[arg-type]
    return sent, result


def readable(octets: bytes, keys: Keys | None) -> bool:
    """Whether there are records, and nothing is an error."""
    telegram = decode(octets, keys=keys)
    return bool(telegram.records) and all(item.severity != "error" for item in telegram.diagnostics)


# --- Each kind, against AES by hand --------------------------------------------------------------


def test_mode_7_with_the_key_itself() -> None:
    """Key derivation 0, no AFL: the key encrypts, and the IV is zero."""
    sent, result = sealed_and_opened(f"{LINK} 7A {ACC} 2007 00 {PLAIN}")
    assert sent[16:] == encrypt_cbc(KEY, bytes(16), h(PLAIN))
    assert result[3:5] == ("decrypted", None)


def test_mode_7_with_a_counter_in_the_transport_layer() -> None:
    sent, result = sealed_and_opened(f"{LINK} 7A {ACC} 2027 50 07000000 01 {PLAIN}")
    key = derive(Key(KEY), 0x00, h("07000000"), h("78563412"))
    assert sent[21:] == encrypt_cbc(key.octets, bytes(16), h(PLAIN))
    assert result[3:5] == ("decrypted", None)


def test_mode_7_to_a_meter() -> None:
    """Keys have constants of their own in this direction, and the meter's number: the sender is a gateway."""
    header = f"5B {LONG} {ACC} 2007 10"
    afl = "25 09000000"
    sent, result = sealed_and_opened(f"{BY_GATEWAY} 90 0F 002C {afl} {ZEROS[:16]} {header} {PLAIN}")
    encryption = derive(Key(KEY), 0x10, h("09000000"), h("78563412"))
    hidden = encrypt_cbc(encryption.octets, bytes(16), h(PLAIN))
    assert sent[-32:] == hidden
    mac = derive(Key(KEY), 0x11, h("09000000"), h("78563412"))
    expected = afl_mac(mac, message_control=h("25"), message_counter=h("09000000"), tpl=h(header) + hidden)
    assert sent[19:27] == expected[:8]
    assert result[3:5] == ("decrypted", "verified")


def test_the_counter_of_the_transport_layer_goes_first() -> None:
    sent, result = sealed_and_opened(
        f"{LINK} 90 0F 002C 25 09000000 {ZEROS[:16]} 7A {ACC} 2027 10 07000000 {PLAIN}"
    )
    key = derive(Key(KEY), 0x00, h("07000000"), h("78563412"))
    assert sent[-32:] == encrypt_cbc(key.octets, bytes(16), h(PLAIN))
    assert result.mac == "verified"


def test_the_key_information_of_the_afl_goes_first() -> None:
    """It says that the key is not derived, the transport layer says KDF-A; and the MAC covers all fields."""
    header = f"7A {ACC} 2007 10"
    fields = {"message_control": "77", "key_information": "0100", "message_counter": "09000000"}
    text = f"{LINK} 90 1B 003E {' '.join(fields.values())} {ZEROS} 3700 {header} {PLAIN}"
    sent, result = sealed_and_opened(text)
    hidden = encrypt_cbc(KEY, bytes(16), h(PLAIN))
    assert sent[-32:] == hidden
    octets = {name: h(value) for name, value in fields.items()}
    mac = afl_mac(Key(KEY), **octets, message_length=h("3700"), tpl=h(header) + hidden)
    assert sent[21:39] == mac + h("3700")
    assert result[3:5] == ("decrypted", "verified")


@pytest.mark.parametrize(("kind", "length"), [(3, 2), (4, 4), (5, 8), (6, 12), (7, 16)])
def test_every_length_of_mac(kind: int, length: int) -> None:
    afl = f"90 {7 + length:02X} 002C 2{kind} 01000000 {'00' * length}"
    sent, result = sealed_and_opened(f"{LINK} {afl} 7A {ACC} 2007 10 {PLAIN}")
    assert sent[20 - 1 : 19 + length] != bytes(length)
    assert result[3:5] == ("decrypted", "verified")


def test_mode_5_with_a_mac() -> None:
    for counter, afl in (("", "90 0B 0024 05"), ("01000000", "90 0F 002C 25")):
        _, result = sealed_and_opened(f"{LINK} {afl} {counter} {ZEROS[:16]} 7A {ACC} 2025 {PLAIN}")
        assert result[3:5] == ("decrypted", "verified")
        damaged = seal_telegram(result.octets, "wireless", KEYS)[:-1] + b"\x00"
        assert open_telegram(damaged, "wireless", KEYS)[3:5] == ("encrypted", "wrong")


@pytest.mark.parametrize("session", ["00000000", "01000020"])
@pytest.mark.parametrize("ell", ["8D", "8F"])
@pytest.mark.parametrize(
    "inner",
    [
        "78 0C1378563412",
        f"7A {ACC} 2025 {PLAIN}",
        f"72 {LONG} {ACC} 2025 {PLAIN} 0C1378563412",
        f"90 0F 002C 25 01000000 {ZEROS[:16]} 7A {ACC} 2007 10 {PLAIN}",
    ],
)
def test_encryption_within_encryption(session: str, ell: str, inner: str) -> None:
    """The payload CRC covers what is sent; in the telegram opened it is that of the plain octets."""
    receiver = "3A63 66554433 0A 31" if ell == "8F" else ""
    sent, result = sealed_and_opened(f"{LINK} {ell} 20 01 {receiver} {session} 0000 {inner}")
    assert result.link_state == ("decrypted" if session == "01000020" else None)
    assert result.octets[-len(h(inner)) :][-16:] == h(inner)[-16:]
    assert readable(result.octets, None)
    assert readable(sent, KEYS)
    assert (sent[10:] == result.octets[10:]) == (session == "00000000" and inner.startswith("78"))


def test_a_counter_block_with_the_receivers_address() -> None:
    """Sources differ on whose address it has in ELL IV: both are tried."""
    plain = seal_telegram(
        wireless(f"{LINK} 8F 20 01 3A63 66554433 0A 31 01000020 0000 78 0C1378563412"), "wireless", KEYS
    )
    plain = open_telegram(plain, "wireless", KEYS).octets
    layers = layers_of(plain, "wireless")
    assert layers is not None
    block = initial_block(plain, layers, receiver_of(plain, layers))
    sent = plain[: layers.hidden] + crypt_ctr(KEY, block, plain[layers.hidden :])
    assert open_telegram(sent, "wireless", KEYS)[:3] == (plain, layers, "decrypted")


def test_a_gateway_hides_with_the_key_of_the_meter_it_speaks_to() -> None:
    text = f"{BY_GATEWAY} 8F 20 01 9315 78563412 33 03 01000020 0000 5A {ACC} 2025 {PLAIN}"
    sent, result = sealed_and_opened(text)
    assert result[2:4] == ("decrypted", "decrypted")
    assert open_telegram(sent, "wireless", Keys())[2] == "encrypted"


def test_the_check_sum_of_a_wired_frame_is_made() -> None:
    body = f"08 01 72 {LONG} {ACC} 1005 {BLOCK} 0C1378563412"
    length = f"{len(h(body)):02X}"
    sent, result = sealed_and_opened(f"68 {length}{length} 68 {body} 00 16", "frame")
    assert sent[-2] == sum(sent[4:-2]) & 0xFF
    assert result.octets[-2] == sum(h(body)) & 0xFF
    assert readable(sent, KEYS)


def test_a_wrong_check_sum_stays_wrong() -> None:
    body = f"08 01 72 {LONG} {ACC} 1005 {BLOCK} 0C1378563412"
    length = f"{len(h(body)):02X}"
    sent, _ = sealed_and_opened(f"68 {length}{length} 68 {body} 00 16", "frame")
    result = open_telegram(sent[:-2] + bytes([sent[-2] ^ 0xFF]) + sent[-1:], "frame", KEYS)
    assert result.state == "decrypted"
    assert result.octets[-2] != sum(result.octets[4:-2]) & 0xFF


# --- What is left as it is -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f"{LINK} 78 0C1378563412",
        f"{LINK} 7A {ACC} 0000 0C1378563412",
        f"{LINK} 7A {ACC} 0005 0C1378563412",
        f"{LINK} 7A {ACC} 100A {PLAIN}",
        f"{LINK} 90 02 0140 {PLAIN}",
        f"{LINK} 90 02 0000 7A {ACC} 0000 0C1378563412",
    ],
)
def test_nothing_is_to_be_sealed(text: str) -> None:
    assert seal_telegram(wireless(text), "wireless", Keys()) == wireless(text)


def test_one_layer_alone() -> None:
    text = f"{LINK} 8D 20 01 01000020 0000 7A {ACC} 2025 {PLAIN}"
    inner = seal_telegram(wireless(text), "wireless", KEYS, link=False)
    assert open_telegram(inner, "wireless", Keys())[2:4] == ("already decrypted", "encrypted")
    outer = seal_telegram(wireless(text), "wireless", KEYS, transport=False)
    assert open_telegram(outer, "wireless", KEYS)[2:4] == ("decrypted", "already decrypted")
    layers = layers_of(inner, "wireless")
    assert layers is not None
    whole = seal_telegram(wireless(text), "wireless", KEYS)
    block = initial_block(inner, layers, layers.link_address)
    assert crypt_ctr(KEY, block, inner[layers.hidden :]) == whole[layers.hidden :]


# --- What cannot be sealed -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "field", "limit"),
    [
        (
            f"44 9315 79563412 33 03 7A {ACC} 2025 {PLAIN}",
            "keys",
            'a key for ELS-12345679, as {"ELS-12345679"',
        ),
        (f"{BY_GATEWAY} 8D 20 01 01000020 0000 78 0C1378563412", "keys", "a key for XYZ-33445566"),
        (f"{LINK} 7A {ACC} 3025 {PLAIN}", "configuration_field.encrypted_blocks", "at most 32 octets"),
        (f"{LINK} 7A {ACC} 2025 2E{PLAIN[2:]}", "octets", "plain data that start with two fillers 2F 2F"),
        (
            f"{LINK} 7A {ACC} 2007 10 {PLAIN}",
            "key_derivation",
            "0 (persistent key), or 1 (KDF-A) with a message",
        ),
        (
            f"{LINK} 7A {ACC} 2007 30 {PLAIN}",
            "key_derivation",
            "0 (persistent key), or 1 (KDF-A) with a message",
        ),
        (
            f"{LINK} 90 0F 002C 28 01000000 {ZEROS[:16]} 78 0C1378563412",
            "message_control.authentication_type",
            "a CMAC (3 to 7) of as many octets as the MAC has",
        ),
        (
            f"{LINK} 90 0F 002C 24 01000000 {ZEROS[:16]} 78 0C1378563412",
            "message_control.authentication_type",
            "a CMAC (3 to 7) of as many octets as the MAC has",
        ),
        (f"{LINK} 8D 20 01 01000040 0000 78 0C1378563412", "session_number.encryption", "0 (none) or 1"),
        (f"{LINK} 7A {ACC}", "octets", "a telegram whose layers are whole"),
    ],
)
def test_what_cannot_be_sealed(text: str, field: str, limit: str) -> None:
    with pytest.raises(BuildError) as caught:
        seal_telegram(wireless(text), "wireless", KEYS)
    assert caught.value.field == field
    assert caught.value.limit.startswith(limit)
    assert KEY.hex().upper()[4:20] not in f"{caught.value} {caught.value!r} {vars(caught.value)}".upper()


def test_a_wired_frame_that_names_no_meter() -> None:
    body = f"08 01 7A {ACC} 2005 {PLAIN}"
    length = f"{len(h(body)):02X}"
    with pytest.raises(BuildError, match="an address in the telegram that says whose key to take"):
        seal_telegram(h(f"68 {length}{length} 68 {body} 00 16"), "frame", KEYS)


# --- Any telegram --------------------------------------------------------------------------------


@st.composite
def telegrams(draw: st.DrawFn) -> bytes:
    """A plain wireless telegram with any of the layers, and any data."""
    data = draw(st.binary(max_size=60))
    blocks = draw(st.integers(0, 1 + (2 + len(data)) // 16))
    if blocks:
        data = b"\x2f\x2f" + data
        data += b"\x2f" * max(0, 16 * blocks - len(data))
    mode = draw(st.sampled_from([5, 7]))
    counter = draw(st.binary(min_size=4, max_size=4))
    in_header = mode == 7 and draw(st.booleans())
    derivation = draw(st.sampled_from([0, 1]))
    configuration = mode << 8 | blocks << 4 | (0x2000 if in_header else 0)
    extension = bytes([derivation << 4]) + (counter if in_header else b"") if mode == 7 else b""
    long = draw(st.booleans())
    header = (b"\x72" + h(LONG) if long else b"\x7a") + draw(st.binary(min_size=1, max_size=1)) + b"\x00"
    tpl = header + configuration.to_bytes(2, "little") + extension + data
    if draw(st.booleans()) or (mode == 7 and derivation and not in_header):
        tpl = h("90 0F 002C 25") + counter + bytes(8) + tpl
    ell = draw(st.sampled_from(["", "8C2001", "8D2001", "8E2001", "8F2001"]))
    layer = h(ell) + (h("3A63665544330A31") if ell[:2] in ("8E", "8F") else b"")
    if ell[:2] in ("8D", "8F"):
        layer += (
            draw(st.binary(min_size=3, max_size=3)) + draw(st.sampled_from([b"\x00", b"\x3f"])) + bytes(2)
        )
    body = h(LINK) + layer + tpl
    return bytes([len(body)]) + body


@given(telegrams())
def test_any_telegram_survives(plain: bytes) -> None:
    sent = seal_telegram(plain, "wireless", KEYS)
    result = open_telegram(sent, "wireless", KEYS)
    assert result.findings == ()
    assert result.layers is not None
    start = result.layers.transport
    assert result.octets[start:] == plain[start:]
    assert result.octets[:11] == plain[:11]
    assert seal_telegram(result.octets, "wireless", KEYS) == sent


def test_fillers_that_were_never_hidden() -> None:
    """No block is announced: the data are plain as sent, and the MAC is over them."""
    text = f"{LINK} 90 0F 002C 25 01000000 {ZEROS[:16]} 7A {ACC} 0005 {BLOCK}"
    sent, result = sealed_and_opened(text)
    assert result[3:5] == ("plain", "verified")
    assert open_telegram(sent[:-1] + b"\x2e", "wireless", KEYS)[3:5] == ("plain", "wrong")


@given(telegrams(), st.data())
def test_any_bit_behind_the_link_layer_is_noticed(plain: bytes, data: st.DataObject) -> None:
    """Where a MAC or a payload CRC covers it: by the security, or because no layers are left to read."""
    sent = seal_telegram(plain, "wireless", KEYS)
    before = open_telegram(sent, "wireless", KEYS)
    assert before.layers is not None
    if before.mac != "verified" and before.link_state != "decrypted":
        return
    start = before.layers.hidden or before.layers.transport
    place = data.draw(st.integers(start, len(sent) - 1))
    damaged = bytearray(sent)
    damaged[place] ^= 1 << data.draw(st.integers(0, 7))
    result = open_telegram(bytes(damaged), "wireless", KEYS)
    assert result.layers is None or result.findings


@pytest.mark.parametrize("c_field", ["53", "73", "43", "63", "45", "5A", "7B", "40", "06"])
def test_the_c_field_says_who_sends_what_both_send(c_field: str) -> None:
    """Behind CI A0h nobody knows it otherwise."""
    gateway = f"{c_field} 3A63 66554433 0A 31 8E 80 75 9315 78563412 33 03"
    sent, result = sealed_and_opened(f"{gateway} 90 0F 002C 25 09000000 {ZEROS[:16]} A0 010203")
    assert result.mac == "verified"
    key = derive(Key(KEY), 0x11, h("09000000"), h("78563412"))
    mac = afl_mac(key, message_control=b"\x25", message_counter=h("09000000"), tpl=h("A0 010203"))
    assert sent[-12:-4] == mac[:8]


@pytest.mark.parametrize("c_field", ["44", "46", "47", "48", "08", "18", "00"])
def test_the_c_field_of_a_meter(c_field: str) -> None:
    sent, result = sealed_and_opened(f"{c_field} {LINK[3:]} 90 0F 002C 25 09000000 {ZEROS[:16]} A0 010203")
    assert result.mac == "verified"
    key = derive(Key(KEY), 0x01, h("09000000"), h("78563412"))
    mac = afl_mac(key, message_control=b"\x25", message_counter=h("09000000"), tpl=h("A0 010203"))
    assert sent[-12:-4] == mac[:8]


@pytest.mark.parametrize(("form", "start"), [("c_field", "53 01"), ("c_field", "08 01"), ("ci_field", "")])
def test_the_c_field_on_wires(form: Form, start: str) -> None:
    text = f"{start} 90 0F 002C 25 09000000 {ZEROS[:16]} A0 010203"
    layers = layers_of(h(text), form)
    assert layers is not None
    assert layers.c_field == (h(start)[0] if start else None)
    assert to_meter(layers) == start.startswith("53")
    assert not to_meter(layers._replace(ci_field=0x72))
    assert to_meter(layers._replace(ci_field=0x5B))

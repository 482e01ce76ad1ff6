"""Telegrams opened: the standards' examples, and each way in which one cannot be opened."""

from __future__ import annotations

import random
from itertools import count
from typing import TYPE_CHECKING

import pytest

from amounts import counts
from mbus_construct import BuildError, decode, encode
from mbus_construct.octets.locate import layers_of
from mbus_construct.security import aes
from mbus_construct.security.keys import Key, Keys
from mbus_construct.security.message import (
    derivation_of,
    initial_block,
    mac_of,
    meter_of,
    with_payload_crc,
)
from mbus_construct.security.opening import Opened, open_telegram
from mbus_construct.security.sealing import seal_telegram
from mbus_grammars.layers import payload_crc_fits

if TYPE_CHECKING:
    from mbus_construct.model.json_shapes import Form


def h(text: str) -> bytes:
    return bytes.fromhex(text)


def wireless(text: str) -> bytes:
    """A telegram without CRCs: the L field, and what is written in hex from the C field on."""
    octets = h(text)
    return bytes([len(octets)]) + octets


KEY = "0102030405060708090A0B0C0D0E0F11"
MASTER = "000102030405060708090A0B0C0D0E0F"
ELL_KEY = "0102030405060708090A0B0C0D0E0F10"
OTHER = "FF" * 16

LINK = "44 9315 78563412 33 03"
GAS = "2F2F 0C1427048502 046D32371F15 02FD170000" + "2F" * 13
HIDDEN_GAS = "5923C95AAA26D1B2E7493B013EC4A6F6 D3529B520EDFF0EA6DEFC99D6D69EBF3"
PARTLY = "72 88776655 9344 55 08 00 04 1005"
PARTLY_HIDDEN = "00DFE2A782146D1513581CD2F83F3904"
PARTLY_PLAIN = "2F2F0B6E341200426CFE044B6E563402"
AFL = "90 0F 002C 25 B30A0000 AF5D74DF73A600D9"
MODE_7 = "72 78563412 9315 33 03 75 00 2007 10"
MODE_7_HIDDEN = "9058475F4BC91DF878B80A1B0F98B629 024AAC727942BFC549233C0140829B93"
ADAPTER = "08 2448 44332211 03 37 8E 80 75 3A63 66554433 0A 31"
ELL_II = "44 2D2C 11313427 33 02 8D 20 E9 603A1020"
ELL_II_HIDDEN = "08C67C819AAE99B4DE753AA136EF64917ED9D8B2E2D35840BDEA173B8FE14CCE3F1406B7CF"
ELL_II_PLAIN = "E8217804050000000004FB8275CF0C000004853CCC0F000004FB82F53C0900000001FD1700"

# Name, form, key, as sent, in plain; E65 to E69 of our numbering: OMS Annex N.2.1, N.5.3, N.5.4,
# CEN/TR 17167:2018 F.3, and a telegram of ELL II.
EXAMPLES = {
    "E65": (
        "wireless",
        KEY,
        wireless(f"{LINK} 7A 2A 00 2025 {HIDDEN_GAS}"),
        wireless(f"{LINK} 7A 2A 00 2025 {GAS}"),
    ),
    "E66": (
        "wireless",
        MASTER,
        wireless(f"44 9344 44332211 55 37 8C 00 75 {PARTLY} {PARTLY_HIDDEN} 0CFD1078563412"),
        wireless(f"44 9344 44332211 55 37 8C 00 75 {PARTLY} {PARTLY_PLAIN} 0CFD1078563412"),
    ),
    "E67": (
        "frame",
        MASTER,
        h(f"68 2C2C 68 08 FD {PARTLY} {PARTLY_HIDDEN} 0CFD1078563412 0C7844332211 26 16"),
        h(f"68 2C2C 68 08 FD {PARTLY} {PARTLY_PLAIN} 0CFD1078563412 0C7844332211 EB 16"),
    ),
    "E68": (
        "wireless",
        MASTER,
        wireless(f"{ADAPTER} {AFL} {MODE_7} {MODE_7_HIDDEN}"),
        wireless(f"{ADAPTER} {AFL} {MODE_7} {GAS}"),
    ),
    "E69": (
        "wireless",
        ELL_KEY,
        wireless(f"{ELL_II} {ELL_II_HIDDEN}"),
        wireless(f"{ELL_II} {ELL_II_PLAIN}"),
    ),
}
E65, E66, E67, E68, E69 = (sent for _, _, sent, _ in EXAMPLES.values())


def opened(octets: bytes, keys: object = None, form: str = "wireless") -> Opened:
    return open_telegram(octets, form, Keys.of(keys))  # type: ignore[arg-type]


def codes(result: Opened) -> list[str]:
    return [finding.code for finding in result.findings]


# --- The examples --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_opened(name: str) -> None:
    form, key, sent, plain = EXAMPLES[name]
    result = opened(sent, key, form)
    assert result.octets == plain
    assert result.layers == layers_of(plain, form)  # type: ignore[arg-type]
    assert result.findings == ()


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_sealed(name: str) -> None:
    form, key, sent, plain = EXAMPLES[name]
    assert seal_telegram(plain, form, Keys.of(key)) == sent  # type: ignore[arg-type]


def test_what_is_said_of_the_examples() -> None:
    said = {name: opened(sent, key, form)[2:5] for name, (form, key, sent, _) in EXAMPLES.items()}
    assert said == {
        "E65": (None, "decrypted", None),
        "E66": (None, "decrypted", None),
        "E67": (None, "decrypted", None),
        "E68": (None, "decrypted", "verified"),
        "E69": ("decrypted", None, None),
    }


@pytest.mark.parametrize(
    ("octets", "selector", "key", "other"),
    [
        (E65, "ELS-12345678", KEY, "ELS-12345679"),
        (E66, "QDS-55667788", MASTER, "QDS-11223344"),  # not the link layer's: that is a radio adapter
        (E68, "ELS-12345678-33-03", MASTER, "RAD-11223344"),
        (E69, "KAM-27343111", ELL_KEY, "KAM-27343112"),
    ],
)
def test_the_key_is_that_of_the_meter(octets: bytes, selector: str, key: str, other: str) -> None:
    assert opened(octets, {other: OTHER, selector: [OTHER, key]}).findings == ()
    assert codes(opened(octets, {other: key, selector: OTHER})) == ["wrong_key"]
    assert codes(opened(octets, {other: key})) == ["encrypted"]


# --- No key, a wrong key -------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXAMPLES)
def test_without_a_key(name: str) -> None:
    form, _, sent, _ = EXAMPLES[name]
    result = opened(sent, None, form)
    assert result.octets == sent
    assert codes(result) == ["encrypted"]
    assert result.findings[0].severity == "warning"
    assert "encrypted" in (result.state, result.link_state)
    assert result.mac == ("not checked" if name == "E68" else None)


@pytest.mark.parametrize("name", EXAMPLES)
def test_with_a_wrong_key(name: str) -> None:
    form, _, sent, _ = EXAMPLES[name]
    result = opened(sent, {"default": [OTHER, "FE" * 16]}, form)
    assert result.octets == sent
    assert codes(result) == ["wrong_key"]
    assert result.findings[0].severity == "error"
    assert "wrong key" in (result.state, result.link_state)
    assert result.mac == ("not checked" if name == "E68" else None)


def test_findings_say_which_meter_where_and_what_to_do() -> None:
    assert opened(E65).findings[0][2:] == (
        '32 octets of ELS-12345678 are encrypted: give the key as keys={"ELS-12345678": "..."}, or with --key or '
        "--keys",
        15,
    )
    assert opened(E65, OTHER).findings[0][2:] == (
        "no key for ELS-12345678 decrypts its 32 octets: it is wrong, or the octets are damaged; give the right "
        'key as keys={"ELS-12345678": "..."}, or with --key or --keys',
        15,
    )
    assert opened(E69).findings[0][2:] == (
        '37 octets of KAM-27343111 are encrypted: give the key as keys={"KAM-27343111": "..."}, or with --key or '
        "--keys",
        17,
    )
    assert "KAM-27343111 gives a payload CRC that fits" in opened(E69, OTHER).findings[0].message


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("damaged", [False, True])
def test_no_key_is_shown(name: str, damaged: bool) -> None:
    form, key, sent, _ = EXAMPLES[name]
    octets = sent[:-3] + bytes([sent[-3] ^ 1]) + sent[-2:] if damaged else sent
    for given in (key, OTHER, {"default": [OTHER, key]}):
        shown = repr(opened(octets, given, form)).upper()
        assert not any(h(each).hex().upper()[:12] in shown for each in (key, OTHER))
        assert not any(repr(h(each))[2:-1].upper() in shown for each in (key, OTHER))


# --- Already decrypted, and encrypted all the same ------------------------------------------------


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("given", [False, True])
def test_already_decrypted(name: str, given: bool) -> None:
    form, key, _, plain = EXAMPLES[name]
    result = opened(plain, key if given else None, form)
    assert result.octets == plain
    assert result.findings == ()
    assert result[2:5] == (
        ("already decrypted", None, None)
        if name == "E69"
        else (None, "already decrypted", None if name != "E68" else "verified" if given else "not checked")
    )


def test_a_mac_of_octets_that_came_decrypted() -> None:
    """It was made over the encrypted ones. Who decrypts on the way may change more: it is no error."""
    plain = EXAMPLES["E68"][3]
    for octets, key in ((plain, OTHER), (plain[:-1] + b"\x00", MASTER)):
        result = opened(octets, key)
        assert result.octets == octets
        assert result[3:5] == ("already decrypted", "wrong")
        assert [(finding.severity, finding.code) for finding in result.findings] == [("warning", "wrong_mac")]
    in_mode_8 = h(f"{AFL} 7A 2A 00 1008 {GAS}")  # on wires
    result = opened(in_mode_8, {"default": MASTER}, "ci_field")
    assert result[3:5] == ("already decrypted", "not checked")
    assert result.findings[0].message == (
        "security mode 8 (AES-128-CTR and CMAC) is not opened here: the MAC was made over octets that were "
        "encrypted"
    )


def test_encrypted_octets_that_look_plain() -> None:
    """One time in 65536 encrypted octets start with 2F 2F; with the key they are opened."""
    iv = h("9315785634123303") + b"\x2a" * 8
    hidden, plain = next(
        (hidden, plain)
        for number in count()
        for hidden in [b"\x2f\x2f" + number.to_bytes(14)]
        for plain in [aes.decrypt_cbc(h(KEY), iv, hidden)]
        if plain.startswith(b"\x2f\x2f")
    )
    header = f"{LINK} 7A 2A 00 1005"
    sent = wireless(f"{header} {hidden.hex()} 0C13 78563412")
    assert opened(sent).state == "already decrypted"
    result = opened(sent, KEY)
    assert result.state == "decrypted"
    assert result.octets == wireless(f"{header} {plain.hex()} 0C13 78563412")


def test_plain_data_behind_a_mac_that_was_made_over_them() -> None:
    """A meter that announces encryption, sends plain data and authenticates them."""
    sent = EXAMPLES["E68"][3]
    layers = layers_of(sent, "wireless")
    assert layers is not None
    assert layers.afl is not None
    key = derivation_of(layers, meter_of(sent, layers)).mac(Keys.of(MASTER).for_meter(None)[0])
    mac = mac_of(sent, layers, layers.afl, key)[:8]
    start = layers.afl.end - 8
    result = opened(sent[:start] + mac + sent[start + 8 :], MASTER)
    assert result[3:5] == ("already decrypted", "verified")


# --- Nothing is encrypted ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "state"),
    [
        (f"{LINK} 78 0C13 78563412", None),
        (f"{LINK} 7A 2A 00 0000 0C13 78563412", None),
        (f"{LINK} 7A 2A 00 0005 0C13 78563412", "plain"),
        (f"{LINK} 7A 2A 00 0007 10 0C13 78563412", "plain"),
        (f"{LINK} 7A 2A 00 0005", "plain"),
        (f"{LINK} 7A 2A 00 0005 2F2F 0C13 78563412", "plain"),
        (f"{LINK} 7A 2A 00 1005 2F2F", "already decrypted"),  # fewer octets than are announced
    ],
)
@pytest.mark.parametrize("keys", [None, KEY])
def test_plain_data(text: str, state: str | None, keys: str | None) -> None:
    assert opened(wireless(text), keys) == (
        wireless(text),
        layers_of(wireless(text), "wireless"),
        None,
        state,
        None,
        (),
    )


def test_octets_without_layers() -> None:
    sent = wireless(f"{LINK} 7A 2A 00 4005 {HIDDEN_GAS}")  # four blocks are announced, two are there
    assert opened(sent, KEY) == Opened(sent, None)
    assert opened(h("0C1378563412"), KEY, "records") == Opened(h("0C1378563412"), None)


def test_an_extended_link_layer_with_nothing_readable_in_it() -> None:
    plain = wireless(f"{ELL_II} 0000 7A 00 00")
    sent = seal_telegram(wireless(f"{ELL_II} 0000 78 00 00"), "wireless", Keys.of(ELL_KEY))
    assert opened(sent, ELL_KEY).link_state == "decrypted"
    layers = layers_of(sent, "wireless")
    assert layers is not None
    plain = with_payload_crc(plain, layers)
    block = initial_block(plain, layers, layers.link_address)
    sent = plain[:17] + aes.crypt_ctr(h(ELL_KEY), block, plain[17:])
    result = opened(sent, ELL_KEY)
    assert result == Opened(plain, None, "decrypted")


# --- What is not opened --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("configuration", "name"),
    [
        ("1002", "mode 2 (DES-CBC, IV zero (deprecated))"),
        ("1008", "mode 8 (AES-128-CTR and CMAC)"),
        ("1008 2F2F", "mode 8 (AES-128-CTR and CMAC)"),  # it has no fillers
        ("1004 2F2F", "mode 4 (specific national usage)"),
        ("0010 2F2F", "mode 16 (reserved)"),
        ("1009", "mode 9 (AES-128-GCM)"),
        ("100A", "mode 10 (AES-128-CCM)"),
        ("200D", "mode 13 (specific national usage (TLS))"),
        ("0010", "mode 16 (reserved)"),
    ],
)
def test_unknown_modes_are_named_and_left_raw(configuration: str, name: str) -> None:
    sent = wireless(f"{LINK} 7A 2A 00 {configuration} 00 {HIDDEN_GAS}")
    result = opened(sent, KEY)
    assert result.octets == sent
    assert result.state == "unknown mode"
    assert codes(result) == ["security_mode"]
    assert f"security {name} is not opened here" in result.findings[0].message


@pytest.mark.parametrize("configuration", ["2005", "0000", "1005"])
def test_ci_76_is_of_wires(configuration: str) -> None:
    """It is older than encryption: by radio nobody knows what stands behind it, and it stays raw."""
    data = f"12345678 1593 33 03 2A 00 {configuration} {HIDDEN_GAS}"
    for ell in ("", "8C 80 75 "):
        sent = wireless(f"{LINK} {ell}76 {data}")
        telegram = decode(sent, keys=KEY)
        assert telegram == decode(sent)
        assert telegram.records == ()
        assert telegram.user_data == {"payload": h(data).hex().upper()}
        assert [item.code for item in telegram.diagnostics] == ["no_grammar"]
        assert encode(telegram) == sent
    on_wires = decode(h("76 12345678 1593 33 03 2A 00 0000 0213 0005"), link="ci_field")
    assert [str(record.value) for record in on_wires.records] == ["0.005"]
    with pytest.raises(BuildError, match="CI 76h has no place for it"):
        encode({**on_wires.to_dict(), "link": "wireless", "frame": {"ci_field": 0x76, "c_field": 0x44}})


def test_fillers_of_other_modes_are_data() -> None:
    sent = wireless(f"{LINK} 7A 2A 00 1008 2F2F 0C13 78563412")
    for keys in (None, KEY):
        telegram = decode(sent, keys=keys)
        assert telegram.records == ()
        assert telegram.encrypted == sent[15:]
        assert [item.code for item in telegram.diagnostics] == ["security_mode"]


def test_an_encryption_of_the_link_layer_that_is_not_known() -> None:
    sent = wireless(f"44 2D2C 11313427 33 02 8D 20 E9 603A1040 {ELL_II_HIDDEN}")
    result = opened(sent, ELL_KEY)
    assert result[2:5] == ("unknown mode", None, None)
    assert "encryption 2 of the extended link layer" in result.findings[0].message
    assert result.octets == sent


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"{LINK} 7A 2A 00 2007 10 {MODE_7_HIDDEN}", "no message counter, from which its keys are derived"),
        (f"{LINK} 7A 2A 00 2007 20 {MODE_7_HIDDEN}", "key derivation 2, which is not known"),
        (f"{LINK} 90 0B 0024 05 AF5D74DF73A600D9 7A 2A 00 2007 10 {MODE_7_HIDDEN}", "no message counter"),
        (f"{LINK} 90 0D 0026 15 2000 AF5D74DF73A600D9 7A 2A 00 2025 {HIDDEN_GAS}", "key derivation 2"),
        (f"{LINK} 90 0D 0026 15 2000 AF5D74DF73A600D9 78 0C1378563412", "key derivation 2"),
    ],
)
def test_keys_that_cannot_be_derived(text: str, reason: str) -> None:
    result = opened(wireless(text), {"default": [KEY, MASTER]})
    assert result.octets == wireless(text)
    assert codes(result) == ["security_mode"]
    assert reason in result.findings[0].message
    assert result.mac == ("not checked" if "AF5D" in text else None)
    assert result.state == (None if text.endswith("78563412") else "unknown mode")


def test_wired_frames_with_a_short_header_name_no_meter() -> None:
    body = h(f"08 01 7A 2A 00 2005 {HIDDEN_GAS}")
    sent = b"\x68" + bytes([len(body)]) * 2 + b"\x68" + body + bytes([sum(body) & 0xFF]) + b"\x16"
    result = opened(sent, KEY, "frame")
    assert result.state == "encrypted"
    assert result.findings[0].message == (
        "32 octets are encrypted, and no address says of which meter they are"
    )
    ell = h(f"08 01 8D 20 E9 603A1020 {ELL_II_HIDDEN}")
    sent = b"\x68" + bytes([len(ell)]) * 2 + b"\x68" + ell + bytes([sum(ell) & 0xFF]) + b"\x16"
    result = opened(sent, ELL_KEY, "frame")
    assert result.link_state == "encrypted"
    assert "no address says of which meter" in result.findings[0].message


def test_what_old_wired_meters_send_for_security_is_none() -> None:
    body = h("08 01 72 78563412 2440 01 07 55 00 F005 0C13 78563412")
    sent = b"\x68" + bytes([len(body)]) * 2 + b"\x68" + body + bytes([sum(body) & 0xFF]) + b"\x16"
    for keys in (None, KEY):
        assert opened(sent, keys, "frame")[2:] == (None, "plain", None, ())


# --- MAC -----------------------------------------------------------------------------------------


def flips(octets: bytes, places: range) -> list[bytes]:
    return [
        octets[:place] + bytes([octets[place] ^ 1 << bit]) + octets[place + 1 :]
        for place in places
        for bit in range(8)
    ]


def test_a_wrong_mac_gives_nothing_out() -> None:
    """The last block does not reach the fillers: the key is known to be right."""
    damaged = flips(E68, range(len(E68) - 16, len(E68)))
    assert {opened(each, MASTER)[1:5] for each in damaged} == {
        (*opened(E68)[1:2], None, "encrypted", "wrong")
    }
    assert {tuple(codes(opened(each, MASTER))) for each in damaged} == {("wrong_mac",)}
    assert all(opened(each, MASTER).octets == each for each in damaged)
    assert opened(damaged[0], MASTER).findings[0][2:] == (
        "the MAC of ELS-12345678 is wrong: the message was changed, or is not the meter's",
        21,
    )


def test_every_bit_that_the_mac_covers() -> None:
    for damaged in flips(E68, range(25, len(E68))):
        result = opened(damaged, MASTER)
        assert result.mac != "verified"
        assert result.state != "decrypted"
        assert result.layers is None or set(codes(result)) & {"wrong_mac", "wrong_key", "security_mode"}


def test_mac_without_encryption() -> None:
    text = f"{LINK} 90 0F 002C 25 01000000 0000000000000000 78 0C13 78563412"
    sent = seal_telegram(wireless(text), "wireless", Keys.of(MASTER))
    assert opened(sent, MASTER)[2:] == (None, None, "verified", ())
    assert opened(sent)[2:5] == (None, None, "not checked")
    assert opened(sent).findings[0][:3] == (
        "info",
        "mac_not_checked",
        'the MAC of ELS-12345678 is not checked: give the key as keys={"ELS-12345678": "..."}, or with --key or '
        "--keys",
    )
    for each, keys in ((sent, OTHER), (sent[:-1] + b"\x13", MASTER)):
        result = opened(each, keys)
        assert result[2:5] == (None, None, "wrong")
        assert codes(result) == ["wrong_mac"]
        assert "or the key is wrong; give the right key as" in result.findings[0].message


@pytest.mark.parametrize(
    ("afl", "reason"),
    [
        ("90 13 002C 28 B30A0000 AF5D74DF73A600D9AF5D74DF", "a MAC of 12 octets and type 8"),  # GMAC
        ("90 0A 002C 20 B30A0000 AF5D74", "a MAC of 3 octets and type 0"),
        ("90 0A 0004 AF5D74DF73A600D9", "a MAC of 8 octets and no type"),
    ],
)
def test_a_mac_that_is_no_cmac(afl: str, reason: str) -> None:
    """Nor is an authentication type that was damaged: such a telegram is not given out as authentic."""
    for data, state in ((MODE_7_HIDDEN, "encrypted"), (GAS, "already decrypted")):
        sent = wireless(f"{ADAPTER} {afl} {MODE_7} {data}")
        result = opened(sent, MASTER)
        assert result.octets == sent
        assert result[3:5] == (state, "not checked")
        assert codes(result) == (["security_mode"] if state == "encrypted" else [])
    plain = opened(wireless(f"{ADAPTER} {afl} 78 0C1378563412"), MASTER)
    assert plain[2:5] == (None, None, "not checked")
    assert plain.findings[0].message == f"{reason} cannot be checked: its message stays as sent"
    assert opened(wireless(f"{ADAPTER} {afl} 7A 2A 00 1008 00 {GAS[4:]}"), MASTER)[3:5] == (
        "unknown mode",
        "not checked",
    )


@pytest.mark.parametrize(
    ("afl", "mac"), [("90 02 0140", None), ("90 0A 0204 AF5D74DF73A600D9", "not checked")]
)
def test_fragments_stay_as_they_are(afl: str, mac: str | None) -> None:
    sent = wireless(f"{ADAPTER} {afl} {MODE_7_HIDDEN}")
    result = opened(sent, MASTER)
    assert result.octets == sent
    assert result[2:] == (None, None, mac, ())


def test_a_mac_that_is_right_over_data_that_are_not() -> None:
    """A meter that encrypts with another key than it says: its data are authentic, and cannot be read."""
    sent = E68[:-32] + bytes(32)
    layers = layers_of(sent, "wireless")
    assert layers is not None
    assert layers.afl is not None
    key = derivation_of(layers, meter_of(sent, layers)).mac(Keys.of(MASTER).for_meter(None)[0])
    start = layers.afl.end - 8
    sent = sent[:start] + mac_of(sent, layers, layers.afl, key)[:8] + sent[start + 8 :]
    result = opened(sent, MASTER)
    assert result.octets == sent
    assert result[3:5] == ("encrypted", "verified")
    assert codes(result) == ["decryption"]


# --- No telegram makes it fail -------------------------------------------------------------------


@counts(2_000, 20_000)
def test_mutated_telegrams_are_opened_or_left(count: int) -> None:
    chance = random.Random(5)  # noqa: S311
    keys = {"default": [KEY, MASTER, ELL_KEY]}
    found = set[str]()
    for _ in range(count):
        form, _, sent, plain = chance.choice(list(EXAMPLES.values()))
        octets = bytearray(chance.choice((sent, plain)))
        for _ in range(chance.randrange(1, 4)):
            octets[chance.randrange(len(octets))] = chance.randrange(256)
        if chance.random() < 0.2:
            del octets[chance.randrange(len(octets)) :]
        result = opened(bytes(octets), keys, form)
        assert len(result.octets) == len(octets)
        found.update(codes(result))
    assert found == {"wrong_key", "wrong_mac", "security_mode"}


# --- Wires: what a configuration field says that nothing follows ---------------------------------


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("9009002C23941F0E690AC25A01005007", "ci_field"),
        ("0801 9009002C23941F0E690AC25A01005007", "c_field"),
    ],
)
def test_mode_7_at_the_end_of_the_octets_has_no_extension(text: str, form: Form) -> None:
    result = opened(h(text), MASTER, form)
    assert result.octets == h(text)
    assert result.layers is not None
    assert result.layers.extension is None
    telegram = decode(h(text), link=form, keys=MASTER)
    assert telegram.security is not None
    assert telegram.security.mode == 7


def test_mode_7_without_an_extension_is_sealed() -> None:
    plain = h("90 0F 002C 25 C3ABF8C6 D70C72FE3EB84570 72 78563412 9315 33 03 2A 00 0007")
    sent = seal_telegram(plain, "ci_field", Keys.of(MASTER))
    assert sent != plain
    assert opened(sent, MASTER, "ci_field")[2:] == (None, "plain", "verified", ())


WIRED_RECORDS = "0C1427048502 046D32371F15 02FD170000 0C1427048502 0C1427048502 0B13112233"


def wired(text: str) -> bytes:
    body = h(text)
    return b"\x68" + bytes([len(body)]) * 2 + b"\x68" + body + bytes([sum(body) & 0xFF]) + b"\x16"


@pytest.mark.parametrize("octets", range(32, 40))
def test_old_wired_meters_that_seem_to_announce_mode_7(octets: int) -> None:
    """Extension, counter, key version and two blocks take 38 octets: with fewer no security is meant."""
    records = h("4C 14 27048502" + WIRED_RECORDS)[:octets]  # 4Ch as an extension announces a key version
    sent = wired(f"08 01 72 78563412 9315 33 03 2A 00 2027 {records.hex()}")
    layers = layers_of(sent, "frame")
    assert layers is not None
    assert (layers.extension, layers.payload, layers.encrypted) == (
        (None, 19, 0) if octets < 38 else (0x4C, 25, 32)
    )
    telegram = decode(sent)
    assert telegram.encrypted == sent[25:57] if octets >= 38 else telegram.encrypted == b""
    if octets < 38:
        assert telegram.records[0].data == records[2:6]


def test_fillers_are_no_blocks_of_mode_7_where_its_fields_do_not_fit() -> None:
    sent = wired(f"08 01 72 78563412 9315 33 03 2A 00 2027 2F2F {h(WIRED_RECORDS)[:30].hex()}")
    assert opened(sent, MASTER, "frame")[2:] == (None, "already decrypted", None, ())
    with pytest.raises(
        BuildError, match="at most 32 octets, which is what follows the header, the fields of mode 7"
    ):
        seal_telegram(sent, "frame", Keys.of(MASTER))


def test_an_empty_mac_of_no_type_is_none() -> None:
    """The bit says that there is a MAC, the type that it has no octets."""
    sent = h("2344931578563412330390030024007a2a0010053e3b32504f26c8f138f991f9ce42985f")
    assert opened(sent, MASTER)[2:] == (None, "decrypted", None, ())
    assert [str(record.value) for record in decode(sent, keys=MASTER).records] == ["28504.27"]


# --- MAC that was taken out ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "state", "severity"),
    [(MODE_7_HIDDEN, "encrypted", "error"), (GAS, "already decrypted", "warning")],
)
@pytest.mark.parametrize("control", ["0028", "002C"])
def test_a_mac_that_is_announced_and_missing(data: str, state: str, severity: str, control: str) -> None:
    sent = wireless(f"{ADAPTER} 90 07 {control} 25 B30A0000 {MODE_7} {data}")
    result = opened(sent, MASTER)
    assert result.octets == sent
    assert result[3:5] == (state, "wrong")
    assert result.findings == (
        (
            severity,
            "wrong_mac",
            "the MAC of ELS-12345678 is missing: the message control announces one of type 5",
            21,
        ),
    )


def test_a_missing_mac_is_told_in_the_telegram() -> None:
    sent = wireless(f"{ADAPTER} 90 07 0028 25 B30A0000 {MODE_7} {MODE_7_HIDDEN}")
    telegram = decode(sent, keys=MASTER)
    assert telegram.records == ()
    assert telegram.security is not None
    assert (telegram.security.state, telegram.security.mac) == ("encrypted", "wrong")
    assert [item.code for item in telegram.diagnostics] == ["wrong_mac"]
    assert codes(opened(sent)) == ["wrong_mac", "encrypted"]  # and how to give the key


def test_a_missing_mac_of_plain_data_and_of_unknown_modes() -> None:
    plain = wireless(f"{LINK} 90 03 0020 05 78 0C13 78563412")
    assert opened(plain, MASTER)[2:5] == (None, None, "wrong")
    assert codes(opened(plain)) == ["wrong_mac"]
    unknown = wireless(f"{LINK} 90 03 0020 05 7A 2A 00 1008 {HIDDEN_GAS}")
    assert opened(unknown, MASTER)[3:5] == ("unknown mode", "wrong")
    nobody = h("90 03 0020 05 78 0C13 78563412")
    assert opened(nobody, MASTER, "ci_field").findings[0].message.startswith("the MAC is missing")


@pytest.mark.parametrize("afl", ["90 03 0020 00", "90 02 0000", "90 03 0124 05", "90 03 0160 05"])
def test_no_mac_is_missing(afl: str) -> None:
    """None is announced, or a later fragment has it."""
    assert opened(wireless(f"{LINK} {afl} 78 0C13 78563412"), MASTER)[2:] == (None, None, None, ())


# --- Several keys that pass ----------------------------------------------------------------------

PASSES = "dfba423b9c71238b61ff82011f02e668"  # gives 2F 2F for E65 too, and nonsense behind it


@pytest.mark.parametrize("keys", [[PASSES, KEY], [KEY, PASSES], [OTHER, PASSES, KEY]])
def test_of_keys_that_pass_the_one_is_taken_that_gives_records(keys: list[str]) -> None:
    assert opened(E65, PASSES).state == "decrypted"
    assert opened(E65, {"ELS": keys}).octets == EXAMPLES["E65"][3]
    for _ in range(3):  # the fast path of what was opened before comes to the same
        telegram = decode(E65, keys={"ELS": keys})
        assert [str(record.value) for record in telegram.records] == ["28504.27", "2008-05-31 23:50:00", "0"]
        assert telegram.worst != "error"


def test_of_keys_that_give_a_payload_crc_the_one_is_taken_that_gives_records() -> None:
    layers = layers_of(E69, "wireless")
    assert layers is not None
    block = initial_block(E69, layers, layers.link_address)
    passes = next(
        number.to_bytes(16)
        for number in count()
        if payload_crc_fits(aes.crypt_ctr(number.to_bytes(16), block, E69[17:]))
    )
    assert opened(E69, passes).link_state == "decrypted"
    for keys in ([passes, ELL_KEY], [ELL_KEY, passes]):
        assert opened(E69, {"KAM": keys}).octets == EXAMPLES["E69"][3]


def test_a_short_mac_that_fits_by_chance() -> None:
    """Of two octets: another key may have it too, and decrypts nothing."""
    plain = wireless(f"{LINK} 90 09 002C 23 B30A0000 0000 7A 2A 00 2007 10 {GAS}")
    sent = seal_telegram(plain, "wireless", Keys.of(MASTER))
    layers = layers_of(sent, "wireless")
    assert layers is not None
    assert layers.afl is not None
    derivation, afl = derivation_of(layers, meter_of(sent, layers)), layers.afl
    passes = next(
        key
        for number in count()
        for key in [Key(number.to_bytes(16))]
        if mac_of(sent, layers, afl, derivation.mac(key))[:2] == afl.mac
    )
    assert opened(sent, {"ELS": [passes]}).state == "encrypted"
    result = opened(sent, {"ELS": [passes, MASTER]})
    assert result[3:5] == ("decrypted", "verified")
    assert [str(record.value) for record in decode(result.octets).records][:1] == ["28504.27"]

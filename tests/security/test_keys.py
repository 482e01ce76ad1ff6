"""Which keys a meter has, and that a key never shows itself."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbus_construct import BuildError, MBusError
from mbus_construct.security.keys import Key, Keys, KeysError

HEX = "0102030405060708090A0B0C0D0E0F11"
OCTETS = bytes.fromhex(HEX)
METER = ("12345678", "ELS", 0x33, 0x03)
AS_IN_THE_LINK_LAYER = bytes.fromhex("9315785634123303")


def key(number: int) -> bytes:
    return bytes([number]) * 16


def numbers(keys: tuple[Key, ...]) -> list[int]:
    return [key.octets[0] for key in keys]


# --- Key -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        OCTETS,
        bytearray(OCTETS),
        memoryview(OCTETS),
        HEX,
        HEX.lower(),
        OCTETS.hex(" "),
        OCTETS.hex(":"),
        f"0x{HEX}",
        Key(OCTETS),
    ],
)
def test_a_key_is_octets_or_hex(given: Any) -> None:
    assert Key(given).octets == OCTETS
    assert Key(given) == Key(OCTETS)
    assert hash(Key(given)) == hash(Key(OCTETS))


def test_keys_differ() -> None:
    assert Key(key(1)) != Key(key(2))
    assert Key(OCTETS) != OCTETS


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (b"", "a key has 16 octets (32 hex digits), not 0"),
        (OCTETS + b"\x00", "a key has 16 octets (32 hex digits), not 17"),
        (HEX[:-2], "a key has 16 octets (32 hex digits), not 15"),
        (HEX[:-1], "a key is written as 32 hex digits; this one has others, or half an octet"),
        (HEX[:-1] + "G", "a key is written as 32 hex digits; this one has others, or half an octet"),
        ("", "a key is written as 32 hex digits; this one has others, or half an octet"),
        (12, "a key is 16 octets, or text of 32 hex digits in quotes, not a number"),
        ({}, "a key is 16 octets, or text of 32 hex digits in quotes, not a table"),
    ],
)
def test_what_is_no_key(given: Any, said: str) -> None:
    with pytest.raises(KeysError) as caught:
        Key(given)
    assert str(caught.value) == said
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, MBusError)


# --- Selectors -----------------------------------------------------------------------------------

SELECTORS = [
    "12345678",
    "ELS-12345678",
    "els-12345678-33-03",
    "1234567893153303",
    "12345FFF9315FF03",
    "12??5678",
    "ELS",
    "1593",
    "default",
]
OTHERS = [
    "12345679",
    "TCH-12345678",
    "ELS-12345678-34-03",
    "ELS-12345678-33-04",
    "1234567815933303",
    "12345FFF9315FF04",
    "TCH",
]


@pytest.mark.parametrize("selector", SELECTORS)
def test_a_selector_fits(selector: str) -> None:
    keys = Keys.of({selector: HEX, **dict.fromkeys(OTHERS, key(9))})
    assert keys.for_meter(*METER) == (Key(HEX),)
    assert keys.for_octets(AS_IN_THE_LINK_LAYER) == (Key(HEX),)


@pytest.mark.parametrize("selector", OTHERS)
def test_a_selector_of_another_meter(selector: str) -> None:
    assert Keys.of({selector: HEX}).for_meter(*METER) == ()
    assert Keys.of({selector: HEX}).for_octets(AS_IN_THE_LINK_LAYER) == ()


def test_the_most_specific_comes_first() -> None:
    keys = Keys.of(
        {
            "default": key(1),
            "ELS": [key(2), key(3)],
            "123456FF": key(4),
            "12345678": key(5),
            "ELS-12345678": key(6),
            "12345678FFFFFF03": key(7),
            "1234567893153303": key(8),
            "ELS-12345678-33-03": key(9),
        }
    )
    assert numbers(keys.for_meter(*METER)) == [8, 9, 6, 7, 5, 4, 2, 3, 1]
    assert numbers(keys.for_meter("12345678", "TCH", 0x33, 0x03)) == [7, 5, 4, 1]
    assert numbers(keys.for_meter("00000000", "TCH", 0, 0)) == [1]


def test_no_key_is_tried_twice() -> None:
    keys = Keys.of({"default": [HEX, key(2)], "ELS": HEX, "12345678": [key(2), HEX]})
    assert keys.for_meter(*METER) == (Key(key(2)), Key(HEX))


def test_what_is_not_known_fits_what_leaves_it_free() -> None:
    keys = Keys.of({"12345678": key(1), "ELS-12345678": key(2), "ELS": key(3), "default": key(4)})
    assert numbers(keys.for_meter("12345678")) == [1, 4]
    assert numbers(keys.for_meter(None, "ELS")) == [3, 4]
    assert numbers(keys.for_meter(None)) == [4]


@pytest.mark.parametrize("address", [("1234567",), ("12345678", "ELSE"), ("12345678", "EL")])
def test_what_is_no_address(address: tuple[str, ...]) -> None:
    with pytest.raises(BuildError):
        Keys.of(HEX).for_meter(*address)


def test_a_meter_with_digits_that_are_none() -> None:
    """Meters send A to F in their identification number; the same selector means them."""
    assert numbers(Keys.of({"1234567A": key(1)}).for_meter("1234567A", "ELS", 0, 0)) == [1]
    assert numbers(Keys.of({"FFFFFFFF": key(1)}).for_meter("FFFFFFFF", "0000", 0xFF, 0xFF)) == [1]


@given(
    st.text("0123456789ABCDEF", min_size=8, max_size=8),
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=3, max_size=3),
    st.integers(0, 254),
    st.integers(0, 254),
)
def test_every_meter_is_found_by_its_own_address(
    number: str, manufacturer: str, version: int, device: int
) -> None:
    keys = Keys.of({f"{manufacturer}-{number}-{version:02X}-{device:02X}": HEX})
    assert keys.for_meter(number, manufacturer, version, device) == (Key(HEX),)
    assert keys.for_meter(number, manufacturer, version ^ 1, device) == ()


# --- Keys from what callers have -----------------------------------------------------------------


@pytest.mark.parametrize("given", [OCTETS, bytearray(OCTETS), HEX, Key(OCTETS)])
def test_one_key_is_for_every_meter(given: Any) -> None:
    assert Keys.of(given).for_meter(*METER) == (Key(HEX),)
    assert Keys.of(given).for_meter(None) == (Key(HEX),)


def test_no_keys() -> None:
    assert not Keys.of(None)
    assert Keys.of(None).for_meter(*METER) == ()
    assert Keys.of({}) == Keys.of(None) == Keys()


def test_keys_are_values() -> None:
    keys = Keys.of({"ELS": [HEX, key(2)], "default": key(3)})
    assert keys
    assert len(keys) == 3
    assert Keys.of(keys) is keys
    assert keys == Keys.of({"ELS": [OCTETS, key(2)], "default": key(3)})
    assert hash(keys) == hash(Keys.of({"ELS": [OCTETS, key(2)], "default": key(3)}))
    assert keys != Keys.of(HEX)
    assert keys != {"ELS": HEX}


def test_keys_go_to_other_processes() -> None:
    keys = Keys.of({"ELS": [HEX, key(2)], "default": key(3)})
    again = pickle.loads(pickle.dumps(keys))  # noqa: S301
    assert again == keys
    assert again.for_meter(*METER) == keys.for_meter(*METER)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"12345678": HEX[:-2]}, "selector '12345678': a key has 16 octets (32 hex digits), not 15"),
        ({"ELS": [HEX, HEX + "X"]}, "selector 'ELS': a key is written as 32 hex digits; this one has others"),
        ({"ELS": []}, "selector 'ELS' has no key: write at least one"),
        ({"ELS": 7}, "selector 'ELS': a key is 16 octets, or text of 32 hex digits in quotes, not a number"),
        ({"1234567": HEX}, "selector '1234567' means no meter: a selector is an identification number"),
        ({"ELS-1234": HEX}, "selector 'ELS-1234' means no meter"),
        ({"": HEX}, "selector '' means no meter"),
        ({"default": HEX, HEX: "12345678"}, "selector number 2: a key has 16 octets (32 hex digits), not 4"),
        ({HEX: HEX}, "selector number 1 means no meter"),
        ({12345678: HEX}, "selector number 1 is no text"),
    ],
)
def test_what_is_wrong_is_named(given: Any, said: str) -> None:
    with pytest.raises(KeysError) as caught:
        Keys.of(given)
    assert str(caught.value).startswith(said)


# --- TOML ----------------------------------------------------------------------------------------

TOML = f"""
[keys]
12345678 = "{HEX}"
ELS-12345678-33-03 = ["{key(1).hex()}", "{key(2).hex(" ")}"]
"1234567893153303" = "{key(3).hex()}"
default = "{key(4).hex()}"
"""


def test_toml(tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    file.write_text(TOML)
    for source in (file, str(file), TOML):
        keys = Keys.from_toml(source)
        assert keys.for_meter(*METER) == (Key(key(1)), Key(key(2)), Key(key(3)), Key(HEX), Key(key(4)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[keys]\n12345678 = " + HEX, "keys: line 2, column 13 is no TOML: write [keys], below it"),
        (f'[keys]\nELS = "{HEX}', "keys is no TOML"),
        (f'[key]\nELS = "{HEX}"', "keys has not the one table [keys]"),
        (f'ELS = "{HEX}"', "keys has not the one table [keys]"),
        (f'keys = "{HEX}"', "keys has not the one table [keys]"),
        (f'[keys]\n[other]\nELS = "{HEX}"', "keys has not the one table [keys]"),
        (f'[keys]\nELS = "{HEX}00"', "keys: selector 'ELS': a key has 16 octets (32 hex digits), not 17"),
        (f'[keys.ELS]\nkey = "{HEX}"', "keys: selector 'ELS': a key is 16 octets"),
        ("[keys]\nELS = 12", "keys: selector 'ELS': a key is 16 octets"),
        (f'[keys]\n{HEX} = "12345678"', "keys: selector number 1: a key has 16 octets"),
    ],
)
def test_toml_that_is_wrong(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(KeysError) as caught:
        Keys.from_toml(text)
    assert str(caught.value).startswith(said)
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(KeysError) as caught:
        Keys.from_toml(file)
    assert str(caught.value).startswith(str(file) + said.removeprefix("keys"))


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    file.write_bytes(b"\xff" + OCTETS)
    with pytest.raises(KeysError, match="is no text in UTF-8"):
        Keys.from_toml(file)
    with pytest.raises(FileNotFoundError):
        Keys.from_toml(tmp_path / "none.toml")


# --- Nothing shows a key -------------------------------------------------------------------------

SHOWN = [HEX, HEX.lower(), HEX[4:12], str(OCTETS)[2:-1], repr(list(OCTETS))[1:-1]]


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r:>60}".format])
def test_no_text_of_keys_has_digits(show: Callable[[object], str]) -> None:
    for value in (Key(HEX), Keys.of(HEX), Keys.of({"ELS": HEX}), (Key(HEX),)):
        assert not any(text in show(value) for text in SHOWN)
    assert repr(Key(HEX)) == "Key(...)"
    assert repr(Keys.of({"ELS": [HEX, key(2)], "default": key(3)})) == "Keys(3 of 2 selectors)"


@pytest.mark.parametrize(
    "make",
    [
        lambda: Key(HEX + "Z"),
        lambda: Key(HEX[:-1]),
        lambda: Keys.of({"ELS": HEX + "Z"}),
        lambda: Keys.of({HEX: HEX}),
        lambda: Keys.of({f"0x{HEX}": "x"}),
        lambda: Keys.of({"ELS": {"key": HEX}}),
        lambda: Keys.from_toml(f"[keys]\n{HEX} = {HEX}"),
        lambda: Keys.from_toml(f"[keys]\n[{HEX}]\n[{HEX}]\n"),
        lambda: Keys.from_toml(f"{HEX} = '{HEX}'\n{HEX} = '{HEX}'"),
    ],
)
def test_no_error_of_keys_has_digits(make: Callable[[], object]) -> None:
    """Nor has a cause or a context of the error, whoever shows it."""
    with pytest.raises(KeysError) as caught:
        make()
    shown = list[str]()
    error: BaseException | None = caught.value
    while error is not None:
        shown += [str(error), repr(error), repr(vars(error)), *traceback.format_exception_only(error)]
        error = error.__context__ or error.__cause__
    assert not any(text in line for text in SHOWN for line in shown)


@pytest.mark.parametrize(
    "named", [HEX, HEX.lower(), f"0x{HEX}", OCTETS.hex(" "), OCTETS.hex(":"), HEX[:-1] + "g"]
)
@pytest.mark.parametrize("made", [str, Path])
def test_a_key_in_the_place_of_a_file(named: str, made: type) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        Keys.from_toml(made(named))
    assert "no such file" in str(caught.value)
    shown = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value)) + repr(caught.value)
    assert not any(text in shown for text in (named, *SHOWN))
    assert caught.value.filename is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize("length", range(17, 33))
def test_digits_of_a_key_are_no_selector(length: int) -> None:
    for digits in (HEX[:length], OCTETS.hex(" ")[: length * 3 // 2], f"{HEX[:20]}xy"):
        with pytest.raises(KeysError) as caught:
            Keys.of({digits: HEX})
        assert digits not in str(caught.value)
        assert "number 1" in str(caught.value)
    with pytest.raises(KeysError, match="selector 'ELS-1234567' means no meter"):
        Keys.of({"ELS-1234567": HEX})

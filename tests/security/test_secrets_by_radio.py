"""No key is shown: not by what holds keys, not by telegrams, not by errors and all that stands behind them."""

from __future__ import annotations

import copy
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mbus_construct import BuildError, MBusError, Receiver, Telegram, decode, encode
from mbus_construct.receiving.formats import Formats
from mbus_construct.security.keys import Key, Keys, KeysError
from mbus_grammars.wireless import with_crcs, without_crcs
from radio import (
    E65,
    E67,
    E68,
    E69,
    ELL_KEY,
    EXAMPLES,
    KEY,
    KEYS,
    MASTER,
    OTHER,
    SECRET,
    Example,
    without_keys,
)

SHOWN: list[Callable[[object], str]] = [repr, str, ascii, "{}".format, "{!r:>200}".format]


def shown(value: object) -> str:
    """All that a value says of itself."""
    return "\n".join(show(value) for show in SHOWN)


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error, its causes and its contexts, also those that `raise ... from None` hides."""
    left, seen = [error], set[int]()
    while left:
        one = left.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        left += [one.__cause__, one.__context__]


def assert_no_key(error: BaseException) -> None:
    for one in chain(error):
        assert without_keys(shown(one)), type(one)
        assert without_keys(repr(one.args)), type(one)
        assert without_keys(repr(getattr(one, "__notes__", ()))), type(one)
        facts = {name: item for name, item in vars(one).items() if not name.startswith("_")}
        assert without_keys(repr(facts)), type(one)
        assert without_keys("".join(traceback.format_exception(one)))


def test_the_check_itself_finds_keys() -> None:
    for key in KEYS:
        octets = bytes.fromhex(key)
        for text in (key, key.lower(), octets.hex(" "), repr(octets), repr([octets]), key[:16]):
            assert not without_keys(f"the key is {text} or so")
    assert without_keys("12345678 ELS-12345678 2E44931578563412330363")


@pytest.mark.parametrize(
    "holder",
    [
        Key(KEY),
        Keys.of(KEY),
        Keys.of({"12345678": KEY, "default": [MASTER, OTHER], "ELS-12345678-33-03": bytes.fromhex(ELL_KEY)}),
        Keys.from_toml(f'[keys]\n12345678 = "{KEY}"\nELS = ["{MASTER}", "{OTHER}"]\n'),
        Receiver(KEY),
        Receiver({"12345678": [KEY, MASTER]}, Formats()),
        Formats(),
    ],
    ids=lambda holder: type(holder).__name__,
)
def test_what_holds_keys(holder: object) -> None:
    assert without_keys(shown(holder))
    assert without_keys(shown([holder, {"keys": holder}]))
    assert without_keys(shown(copy.copy(holder)))


def test_keys_within_keys() -> None:
    keys = Keys.of({"12345678": [KEY, MASTER]})
    assert without_keys(shown(keys.entries))
    assert without_keys(shown(keys.for_meter("12345678")))
    assert without_keys(shown(hash(keys)))
    assert len(keys.for_meter("12345678")) == 2


@pytest.mark.parametrize("example", SECRET, ids=lambda example: example.name)
@pytest.mark.parametrize("keys", KEYS)
def test_telegrams_and_what_is_said_of_them(example: Example, keys: str) -> None:
    receiver = Receiver(keys)
    for octets in (example.octets, example.octets[:-3] + b"\x00\x00\x00"):
        for telegram in (decode_or_none(octets, keys), decode_or_none(octets, keys, receiver)):
            if telegram is not None:
                assert without_keys(shown(telegram))
                assert without_keys(telegram.to_json())
                assert without_keys(repr(telegram.to_dict()))
                assert all(without_keys(shown(item)) for item in telegram.diagnostics)
    assert without_keys(shown(receiver))


def decode_or_none(octets: bytes, keys: str, receiver: Receiver | None = None) -> Telegram | None:
    try:
        return decode(octets, keys=keys) if receiver is None else receiver.decode(octets)
    except MBusError as error:
        assert_no_key(error)
        return None


NO_KEYS: list[Any] = [
    KEY[:-1],
    KEY + "00",
    KEY[:-2] + "GG",
    bytes.fromhex(KEY)[:-1],
    bytes.fromhex(KEY + KEY),
    int(KEY, 16),
    [KEY, MASTER],
    {KEY: MASTER},
    {KEY: "12345678"},
    {"12345678": KEY[:-1]},
    {"12345678": [KEY, MASTER[:-1]]},
    {"12345678": {"key": KEY}},
    {"12345678": None, "default": KEY},
    {bytes.fromhex(KEY): MASTER},
    {"ELS-12345678-33-03-" + KEY[:4]: KEY},
    {"12345678": int(KEY, 16)},
    object(),
]


@pytest.mark.parametrize("given", NO_KEYS, ids=range(len(NO_KEYS)))
@pytest.mark.parametrize(
    "use",
    [
        lambda keys: decode(E65.octets, keys=keys),
        lambda keys: encode(E65.written, keys=keys),
        Receiver,
        lambda keys: Telegram.from_dict(E65.written, keys=keys),
        lambda keys: Telegram.from_json(decode(E65.octets).to_json(), keys=keys),
        Keys.of,
    ],
    ids=["decode", "encode", "Receiver", "from_dict", "from_json", "Keys"],
)
def test_what_are_no_keys(given: Any, use: Callable[[Any], object]) -> None:
    with pytest.raises(KeysError) as caught:
        use(given)
    assert_no_key(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        f"[keys]\n12345678 = {KEY}\n",
        f'[keys]\n12345678 = "{KEY}\n',
        f'[keys]\n12345678 = "{KEY[:-1]}"\n',
        f'[keys]\n12345678 = ["{KEY}", "{MASTER}0"]\n',
        f'[keys]\n"{KEY}" = "12345678"\n',
        f'12345678 = "{KEY}"\n',
        f'[keys]\n12345678 = "{KEY}"\n12345678 = "{MASTER}"\n',
        f'[keys]\n12345678 = {{ key = "{KEY}" }}\n',
        f"[keys]\n{KEY}\n",
        f'[keys.{KEY}]\na = "{MASTER}"\n',
    ],
)
def test_files_that_are_wrong(text: str) -> None:
    with pytest.raises(KeysError) as caught:
        Keys.from_toml(text)
    assert_no_key(caught.value)


def test_errors_of_encode() -> None:
    """What cannot be built names meter and field."""
    wrong: list[tuple[dict[str, Any], Any]] = [
        (E65.written, None),
        (E65.written, {"99999999": KEY}),
        ({**E65.written, "security": {"mode": 6}}, KEY),
        ({**E65.written, "configuration_field": 0x2520, "security": {"mode": 7}}, KEY),
        ({**E65.written, "records": [{"quantity": "volume", "unit": "V", "value": 1}]}, KEY),
        ({**E68.written, "afl": {"mac": KEY}}, MASTER),
        ({**E69.written, "ell": {**E69.written["ell"], "session_number": {"encryption": 3}}}, ELL_KEY),
        ({**E67.written, "meter": None}, MASTER),
    ]
    for written, keys in wrong:
        with pytest.raises(BuildError) as caught:
            encode(written, keys=keys)
        if written.get("afl") != {"mac": KEY}:  # there a value is named that the caller wrote himself
            assert_no_key(caught.value)


def test_errors_of_decode_with_keys() -> None:
    for example in EXAMPLES:
        frame = example.octets if example is E67 else with_crcs(without_crcs(example.octets)[1], "A")
        for place in range(len(frame)):
            for octets in (frame[:place], frame[:place] + bytes([frame[place] ^ 0x10]) + frame[place + 1 :]):
                for link in ("auto", "wireless", "frame", "header", "records"):
                    try:
                        telegram = decode(octets, link=link, keys=KEYS[place % 4])
                    except MBusError as error:
                        assert_no_key(error)
                    else:
                        assert without_keys(repr(telegram.diagnostics))

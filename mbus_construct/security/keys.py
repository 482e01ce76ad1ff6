"""Keys, and which of them a meter has.

A key never shows itself: not in its repr, not in an error. A selector says whose key it is:

    12345678              the meter with this identification number; F stands for any digit
    ELS-12345678          manufacturer and identification number
    ELS-12345678-33-03    and version and device type, in hex
    1234567893153303      the same as sixteen digits of a secondary address, with F for any digit
    ELS                   every meter of the manufacturer
    default               every meter
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from os import PathLike
from pathlib import Path
from typing import Any, Final, cast

from mbus_grammars import DecodeError, MBusError
from mbus_grammars.base import is_mapping
from mbus_grammars.fields import IdentificationNumber, Manufacturer
from mbus_grammars.places import ADDRESS_SIZE, LONG_HEADER, as_written, header_order

from ..octets.hex_text import parse_hex

OCTETS: Final = 16  # AES-128
DEFAULT: Final = "default"


class KeysError(MBusError, ValueError):
    """A key or a selector is none; the message names the selector and the place, never a digit of a key."""


class Key:
    """A key of sixteen octets that does not show itself.

    `given` is the octets, or hex text with any or no separators. Raises `KeysError`.
    """

    __slots__ = ("octets",)

    octets: Final[bytes]

    def __init__(self, given: Key | bytes | bytearray | memoryview | str) -> None:
        self.octets = _key_octets(given)

    def __repr__(self) -> str:
        return "Key(...)"

    def __eq__(self, other: object) -> bool:
        return self.octets == other.octets if isinstance(other, Key) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.octets)


KeyLike = Key | bytes | bytearray | memoryview | str


def _key_octets(given: object) -> bytes:
    if isinstance(given, Key):
        return given.octets
    if isinstance(given, str):
        octets = _hex_octets(given)
        if octets is None:
            raise KeysError("a key is written as 32 hex digits; this one has others, or half an octet")
    elif isinstance(given, bytes | bytearray | memoryview):
        octets = bytes(cast("bytes", given))
    else:
        raise KeysError(f"a key is {OCTETS} octets, or text of 32 hex digits in quotes, not {_kind(given)}")
    if len(octets) != OCTETS:
        raise KeysError(f"a key has {OCTETS} octets (32 hex digits), not {len(octets)}")
    return octets


def _hex_octets(text: str) -> bytes | None:
    """None for what is no hex: its error would show digits of the key."""
    try:
        return parse_hex(text)
    except DecodeError:
        return None


def _kind(given: object) -> str:
    words = {"int": "a number", "float": "a number", "bool": "a truth value", "dict": "a table"}
    name = type(given).__name__
    return words.get(name, name)


# --- Selectors -----------------------------------------------------------------------------------

_LONGEST_SELECTOR: Final = 24  # what is longer may be a key in the wrong place
_MANY_DIGITS: Final = re.compile(r"(?:[0-9A-Fa-f][\s:.,_-]?){17}")  # more than any selector has
_HOW: Final = (
    "a selector is an identification number (12345678), ELS-12345678, ELS-12345678-33-03, "
    "sixteen digits of a secondary address, a manufacturer (ELS), or default"
)
_MANUFACTURER: Final = "(?P<manufacturer>[A-Z]{3}|[0-9A-F]{4})"
_WRITTEN: Final = re.compile(
    rf"{_MANUFACTURER}(?:-(?P<number>[0-9A-F]{{8}})(?:-(?P<version>[0-9A-F]{{2}})-(?P<type>[0-9A-F]{{2}}))?)?"
)
_DIGITS: Final = re.compile("[0-9A-F]{8}(?:[0-9A-F]{8})?")

_Address = tuple[int, int]
"""Mask and value of a secondary address's sixteen digits as one number; bits not in the mask are free."""


def _address(selector: str) -> _Address | None:
    """Which addresses a selector means; None for what is no selector."""
    text = selector.strip().upper().replace("?", "F")
    if text == DEFAULT.upper():
        return 0, 0
    if _DIGITS.fullmatch(text):
        return _masked(text.ljust(16, "F"))
    found = _WRITTEN.fullmatch(text)
    if found is None:
        return None
    number, version, device_type = (found[name] for name in ("number", "version", "type"))
    return _masked(
        f"{number or 'F' * 8}{_wire_digits(found['manufacturer'])}{version or 'FF'}{device_type or 'FF'}"
    )


def _wire_digits(manufacturer: str) -> str:
    return Manufacturer.build(manufacturer).hex().upper()


def _masked(digits: str) -> _Address:
    """F stands for any digit of the identification number, FF for any octet behind it. MBDOC48 7.1."""
    free = ["0" if digit == "F" else "F" for digit in digits[:8]]
    free += ["00" if digits[place : place + 2] == "FF" else "FF" for place in range(8, 16, 2)]
    mask = int("".join(free), 16)
    return mask, int(digits, 16) & mask


def _may_be_key(text: str) -> bool:
    """Whether a text that is no key may be one in the wrong place, or most of it."""
    return _MANY_DIGITS.search(text) is not None


def _called(selector: object, place: int) -> str:
    """A selector as errors name it: by its place where it may be a key that stands on the wrong side."""
    if isinstance(selector, str) and len(selector) <= _LONGEST_SELECTOR and not _may_be_key(selector):
        return f"selector {selector!r}"
    return f"selector number {place}"


# --- Keys of many meters -------------------------------------------------------------------------

_Entry = tuple[str, tuple[Key, ...]]
_KEPT: Final = 4096  # meters whose keys are remembered


class Keys:
    """Which keys a meter has. Frozen; equal when selectors and keys are; false without any.

    `entries` are selectors and their keys. Raises `KeysError` for what is no selector.
    """

    __slots__ = ("_count", "_found", "_named", "_tables", "entries")

    entries: Final[tuple[_Entry, ...]]

    def __init__(self, entries: Sequence[_Entry] = ()) -> None:
        self.entries = tuple(entries)
        self._count = sum(len(keys) for _, keys in self.entries)  # each telegram asks whether there are any
        tables: dict[int, dict[int, list[Key]]] = {}
        for place, (selector, keys) in enumerate(self.entries, 1):
            address = _address(selector)
            if address is None:
                raise KeysError(f"{_called(selector, place)} means no meter: {_HOW}")
            mask, value = address
            tables.setdefault(mask, {}).setdefault(value, []).extend(keys)
        # The most digits come first; sorted() keeps the order in which equals were given.
        self._tables = sorted(tables.items(), key=lambda table: -table[0].bit_count())
        self._found = lru_cache(_KEPT)(self._by_octets)
        self._named = lru_cache(_KEPT)(self._by_name)

    @classmethod
    def of(cls, given: KeysLike) -> Keys:
        """Keys from what callers have.

        None for no keys; `Keys`; one key (sixteen octets, or hex text) that is tried for every meter; or a
        mapping of selectors to a key or several. Raises `KeysError`.
        """
        if given is None:
            return cls()
        if isinstance(given, Keys):
            return given
        if is_mapping(given):
            return cls([_entry(selector, given[selector], place) for place, selector in enumerate(given, 1)])
        return cls([(DEFAULT, (Key(cast("KeyLike", given)),))])

    @classmethod
    def from_toml(cls, source: str | PathLike[str]) -> Keys:
        """Keys from the table `keys` of a TOML file: `12345678 = "hex"`, several as `["hex", "hex"]`.

        `source` is a path; a string with a line break or an equals sign is the text itself. Raises
        `KeysError` that names file, place and selector, and `OSError` where the file cannot be read.
        """
        if isinstance(source, str) and ("\n" in source or "=" in source):
            return cls._from_text(source, "keys")
        text = _text_of(source)
        if text is None:
            raise KeysError(f"{source} is no text in UTF-8: keys are written in TOML")
        return cls._from_text(text, str(source))

    @classmethod
    def _from_text(cls, text: str, name: str) -> Keys:
        content = _toml(text)
        if isinstance(content, str):
            raise KeysError(f'{name}{content} is no TOML: write [keys], below it 12345678 = "32 hex digits"')
        table = content.get("keys")
        if not is_mapping(table) or len(content) > 1:
            raise KeysError(f"{name} has not the one table [keys]: write [keys] above the selectors")
        try:
            return cls.of(table)
        except KeysError as error:
            raise KeysError(f"{name}: {error}") from None

    def for_meter(
        self,
        identification_number: str | None,
        manufacturer: str | None = None,
        version: int | None = None,
        device_type: int | None = None,
    ) -> tuple[Key, ...]:
        """The keys to try for a meter, those of the selector with the most digits first, none twice.

        What is None is not known: only a selector that leaves it free fits. The values are as the grammars
        give them; what is no address raises `BuildError`.
        """
        return self._named(identification_number, manufacturer, version, device_type)

    def _by_name(
        self, number: str | None, manufacturer: str | None, version: int | None, device_type: int | None
    ) -> tuple[Key, ...]:
        octets = bytearray(ADDRESS_SIZE)
        known = bytearray(ADDRESS_SIZE)
        given = (
            ("identification_number", None if number is None else IdentificationNumber.build(number)),
            ("manufacturer", None if manufacturer is None else Manufacturer.build(manufacturer)),
            ("version", None if version is None else bytes([version])),
            ("device_type", None if device_type is None else bytes([device_type])),
        )
        for name, told in given:
            if told is not None:
                octets[LONG_HEADER[name]], known[LONG_HEADER[name]] = told, b"\xff" * len(told)
        return self._find(*(int.from_bytes(as_written(bytes(item))) for item in (octets, known)))

    def for_octets(self, address: bytes) -> tuple[Key, ...]:
        """The keys to try for a meter by the eight octets of its address as the link layer has them."""
        return self._found(address)

    def _by_octets(self, address: bytes) -> tuple[Key, ...]:
        return self._find(int.from_bytes(as_written(header_order(address))), _WHOLE)

    def _find(self, address: int, known: int) -> tuple[Key, ...]:
        fitting: dict[Key, None] = {}
        for mask, table in self._tables:
            if mask & known == mask:
                fitting.update(dict.fromkeys(table.get(address & mask, ())))
        return tuple(fitting)

    def __len__(self) -> int:
        return self._count

    def __eq__(self, other: object) -> bool:
        return self.entries == other.entries if isinstance(other, Keys) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.entries)

    def __repr__(self) -> str:
        return f"Keys({len(self)} of {len(self.entries)} selectors)"

    def __reduce__(self) -> tuple[type[Keys], tuple[tuple[_Entry, ...]]]:
        return Keys, (self.entries,)


KeysLike = None | Keys | KeyLike | Mapping[str, KeyLike | Sequence[KeyLike]]

_WHOLE: Final = 0xFFFF_FFFF_FFFF_FFFF


def _entry(selector: object, given: object, place: int) -> _Entry:
    called = _called(selector, place)
    if not isinstance(selector, str):
        raise KeysError(f"{called} is no text: {_HOW}")
    several = cast("Sequence[KeyLike]", given if isinstance(given, list | tuple) else [given])
    if not several:
        raise KeysError(f"{called} has no key: write at least one")
    try:
        return selector, tuple(Key(one) for one in several)
    except KeysError as error:
        raise KeysError(f"{called}: {error}") from None


# --- TOML ----------------------------------------------------------------------------------------


def _text_of(path: str | PathLike[str]) -> str | None:
    """None for what is no text: its error holds all octets of the file."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None
    except OSError as error:
        if not _may_be_key(str(path)):
            raise
        kind, number = type(error), error.errno
    raise kind(number, "no such file of keys, and its name may be a key: one key is given by itself")


def _toml(text: str) -> dict[str, Any] | str:
    """What a TOML text holds, or where it is wrong: tomllib's error may show a piece of the text."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+), column (\d+)", str(error))
    return "" if found is None else f": line {found[1]}, column {found[2]}"

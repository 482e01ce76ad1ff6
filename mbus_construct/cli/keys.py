"""The keys of a command: --key, MBUS_KEY and --keys. What is wrong with them is said without showing them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from ..security.keys import Keys, KeysError

ENVIRONMENT: Final = "MBUS_KEY"

KeyOption = Annotated[
    str | None,
    typer.Option(
        "--key",
        metavar="HEX",
        help=f"A key of 32 hex digits, tried for every meter. Others can see it in the command line: "
        f"{ENVIRONMENT} in the environment does the same.",
    ),
]
KeysOption = Annotated[
    str | None,
    typer.Option(
        "--keys",
        metavar="FILE.toml",
        help='Keys by meter: a TOML file with a table "keys" of lines such as 12345678 = "HEX", '
        'ELS-12345678 = "HEX", ELS = "HEX".',
    ),
]

# What may be a part of a key, whatever stands between its digits.
_BETWEEN: Final = re.compile(r"""[\s:.,;='"-]""")
_TOO_MANY: Final = re.compile(r"(unexpected extra argument)\(?s?\)? \(.*\)")
_KEY: Final = re.compile("(?:0x)?[0-9A-Fa-f]{24,40}", re.IGNORECASE)
_HIDDEN: Final = "(hex that may be a key; keys go with --key)"
_DIGITS: Final = re.compile("[0-9A-Fa-f]{6}")


def keys_of(key: str | None, file: str | None) -> Keys:
    """The keys that a command was given; the file's come before the one for every meter.

    Raises `ValueError` for a key that is none and a file that is not there, `OSError` where the file cannot
    be read; neither shows what may be a key.
    """
    given = Keys() if file is None else _from_file(file)
    name, single, hint = "--key", key, "; blanks between them need quotes around all of it"
    if single is None:
        name, single, hint = ENVIRONMENT, os.environ.get(ENVIRONMENT) or None, ""
    if single is None:
        return given
    if not single.strip():
        raise KeysError(f"{name} is empty: it wants 32 hex digits")
    try:
        everywhere = Keys.of(single)
    except KeysError as error:
        raise KeysError(f"{name}: {error}{hint}") from None
    return Keys((*given.entries, *everywhere.entries))


def _from_file(file: str) -> Keys:
    if os.path.exists(file):
        return Keys.from_toml(Path(file))
    if _may_be_key(file):  # or the text of such a file
        raise KeysError(
            "--keys wants the name of a file, and there is none of the name given; a key goes with --key"
        )
    raise KeysError(f"--keys {file}: there is no such file")


def _may_be_key(text: str) -> bool:
    return _DIGITS.search(_BETWEEN.sub("", text)) is not None


def without_digits(message: str, arguments: Sequence[str]) -> str:
    """A message without the arguments that may be keys, which a forgotten --key makes something else."""
    values = {part for argument in arguments for part in (argument, argument.partition("=")[2])}
    for value in sorted(values, key=len, reverse=True):
        if _KEY.fullmatch(_BETWEEN.sub("", value)) is not None:
            shown = re.escape(" ".join(value.split()))
            message = re.sub(shown, _HIDDEN, message, flags=re.IGNORECASE)
    return message


def without_keys(message: str, arguments: Sequence[str]) -> str:
    """A message of the command line's parser without the arguments that it found too many.

    They are the rest of a key where --key was given one with blanks and without quotes.
    """
    if not any(argument.startswith("--key") for argument in arguments):
        return message
    return _TOO_MANY.sub(r"\1s: a --key with blanks needs quotes", message)

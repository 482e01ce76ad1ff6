"""`mbus build`: JSON to hex."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mbus_grammars import BuildError
from mbus_grammars.base import is_mapping

from ...encoding.encode import encode
from ...model.json_values import parse_json
from ...octets.hex_text import to_hex
from ..keys import KeyOption, KeysOption, keys_of
from ..plugins import PluginOption, load

if TYPE_CHECKING:
    from ...model.json_shapes import Json


def command(
    *,
    telegram: Annotated[
        str, typer.Argument(help="JSON text, a file with JSON, or - for standard input.")
    ] = "-",
    compact: Annotated[bool, typer.Option("--compact", help="No blanks between the octets.")] = False,
    key: KeyOption = None,
    keys: KeysOption = None,
    plugin: PluginOption = None,
) -> None:
    """Build telegrams from JSON: what `decode --format json` wrote, or a few values written by hand.

    A list, or one object a line, builds one telegram each. What was decrypted is encrypted again, with the
    key of its meter.
    """
    given = keys_of(key, keys)
    load(plugin)
    telegrams = read_json(telegram)
    if not telegrams:
        raise BuildError("JSON", telegrams, "at least one telegram")
    refused = 0
    for number, values in enumerate(telegrams, 1):
        if is_mapping(values) and values.get("type") == "refusal":
            refused += 1
            typer.echo(
                f"mbus: telegram {number} was refused when it was decoded: {values.get('source')}", err=True
            )
            continue
        try:
            octets = encode(values, keys=given)
        except BuildError as error:
            if error.field == "keys":
                place = f"telegram {number}: " if len(telegrams) > 1 else ""
                raise ValueError(place + _without_key(error)) from None
            if len(telegrams) == 1:
                raise
            raise error.inside(f"telegram {number}") from error
        typer.echo(octets.hex().upper() if compact else to_hex(octets))
    raise typer.Exit(1 if refused else 0)


def _without_key(error: BuildError) -> str:
    """What is missing, in the words of the command line."""
    needed, is_key, _ = error.limit.partition(", as ")
    return f"encrypting it needs {needed}" + (": give it with --key or --keys" if is_key else "")


def read_json(argument: str) -> list[Any]:
    """The objects that the argument holds or names. Numbers stay exact."""
    if argument == "-":
        text = sys.stdin.read()
    elif argument.lstrip().startswith(("{", "[")):
        text = argument
    else:
        try:
            text = Path(argument).read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise BuildError("JSON", argument, "a text file with JSON") from error
    try:
        values: Json = parse_json(text, exact=True)
    except json.JSONDecodeError as whole:
        try:
            values = [parse_json(line, exact=True) for line in text.splitlines() if line.strip()]
        except json.JSONDecodeError:
            where = f"line {whole.lineno}, column {whole.colno}"
            raise BuildError("JSON", text[:40], f"{whole.msg} at {where}") from whole
    return values if isinstance(values, list) else [values]

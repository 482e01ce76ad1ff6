"""The JSON Schema of what `to_dict` gives, made from the types in `json_shapes`.

`mbus schema > mbus_construct/model/telegram.schema.json` writes the copy that is published; a test
keeps it equal.
"""

from __future__ import annotations

import types
import typing
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

from .json_shapes import SCHEMA_VERSION, ReadingDict, RefusalDict, TelegramDict

SCHEMA_ID: Final = "https://json-schema.org/draft/2020-12/schema"

_PLAIN: Final[dict[Any, str]] = {
    int: "integer",
    float: "number",
    str: "string",
    bool: "boolean",
    type(None): "null",
}


def json_schema() -> dict[str, Any]:
    """The schema of what `mbus decode` writes: a telegram, a reading, a refusal, or a list of them."""
    definitions: dict[str, Any] = {}
    shapes = [_schema(shape, definitions) for shape in (TelegramDict, ReadingDict, RefusalDict)]
    return {
        "$schema": SCHEMA_ID,
        "title": "M-Bus telegram",
        "description": f"What mbus-construct's decode writes, schema_version {SCHEMA_VERSION}.",
        "anyOf": [*shapes, {"type": "array", "items": {"anyOf": shapes}}],
        "$defs": dict(sorted(definitions.items())),
    }


def _schema(hint: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of one type."""
    if get_origin(hint) is typing.Annotated:
        inner, *said = (item for item in get_args(hint) if not isinstance(item, range))
        schema = _schema(inner, definitions)
        schema |= {"description": said[0]} if said else {}
        return schema
    if get_origin(hint) is typing.NotRequired:
        return _schema(get_args(hint)[0], definitions)
    if typing.is_typeddict(hint):
        return _object(hint, definitions)
    if hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    if hint is Any:
        return {}
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is list:
        return {"type": "array", "items": _schema(arguments[0], definitions)}
    if origin is dict:
        return {"type": "object"}
    if origin in (types.UnionType, typing.Union):
        return _union([_schema(argument, definitions) for argument in arguments])
    raise TypeError(f"no schema for {hint!r}")


def _union(members: list[dict[str, Any]]) -> dict[str, Any]:
    """Plain types join into one list, everything else into anyOf."""
    if all(set(member) == {"type"} and isinstance(member["type"], str) for member in members):
        return {"type": sorted({member["type"] for member in members})}
    if all(set(member) == {"enum"} or member == {"type": "null"} for member in members):
        return {"enum": [value for member in members for value in member.get("enum", [None])]}
    return {"anyOf": members}


def _object(hint: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """A TypedDict as a definition of its own."""
    name = hint.__name__.removesuffix("Dict")
    if name not in definitions:
        definitions[name] = {}
        hints = get_type_hints(hint, include_extras=True)
        definitions[name] = {
            "type": "object",
            "description": (hint.__doc__ or "").strip(),
            "properties": {key: _schema(value, definitions) for key, value in hints.items()},
            "required": [key for key, value in hints.items() if get_origin(value) is not typing.NotRequired],
            "additionalProperties": False,
        }
    return {"$ref": f"#/$defs/{name}"}

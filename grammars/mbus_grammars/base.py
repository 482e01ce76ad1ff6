"""What all constructs here share: types, guards for callers' values, and how errors become ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any, Final, NoReturn, TypeAlias, TypeGuard

from construct import Adapter, Construct, ConstructError, Container, Renamed, Struct, Subconstruct
from construct.core import StreamError

from .errors import BuildError, DecodeError

# construct's classes are generic in its stubs only, and `Context` exists only there.
if TYPE_CHECKING:
    from construct import core

    Context: TypeAlias = "core.Context"
    Anything = Construct[Any, Any]
    AnyAdapter = Adapter[Any, Any, Any, Any]
    AnySubconstruct = Subconstruct[Any, Any, Any, Any]
    AnyRenamed = Renamed[Any, Any]
    AnyStruct = Struct
else:
    Context = Container
    Anything = Construct
    AnyAdapter = Adapter
    AnySubconstruct = Subconstruct
    AnyRenamed = Renamed
    AnyStruct = Struct


Stream = IO[bytes]


def is_integer(given: object) -> TypeGuard[int]:
    """Whether a caller's value is a number; True and False are none."""
    return isinstance(given, int) and not isinstance(given, bool)


def is_mapping(given: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether a caller's value is a mapping, which is what the layouts build from."""
    return isinstance(given, (dict, Mapping))  # asked of a dict, Mapping alone costs three times as much


def is_sequence(given: object) -> TypeGuard[Sequence[Any]]:
    """Whether a caller's value is a list of values; text and octets are none."""
    octets_or_text = isinstance(given, str | bytes | bytearray | memoryview)
    return isinstance(given, (list, tuple, Sequence)) and not octets_or_text


def refuse_unknown(given: Mapping[str, Any], known: Iterable[str], path: str) -> None:
    """A misspelt key would silently build something else. Keys with an underscore are the grammar's own."""
    for key in given:
        if key not in known and not str(key).startswith("_"):
            limit = f"no such field; there are {', '.join(known)}"
            raise BuildError(field_of(path, str(key)), given[key], limit, path=path)


def octets_of(given: object, path: str) -> bytes:
    """Octets given as bytes-like."""
    if isinstance(given, memoryview):
        return given.tobytes()
    if isinstance(given, bytes | bytearray):
        return bytes(given)
    raise BuildError(field_of(path), given, "bytes", path=path)


def field_of(path: str, name: str = "") -> str:
    """The dotted field name in construct's path "(building) -> a[2] -> b", and a field of its own in it."""
    inner = f"{path} -> {name}" if name else path
    return inner.removeprefix("(building)").removeprefix("(parsing)").replace(" -> ", ".").lstrip(".")


# What construct and Python raise when a caller's value is missing, of a wrong type or too large.
FAULTS_OF_VALUES: Final = (
    ConstructError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    LookupError,
)


def as_build_error(error: Exception, value: object, path: str) -> BuildError:
    """Any building error as ours, with the name and the value of the field at `path`."""
    if isinstance(error, KeyError):
        return BuildError(field_of(path, str(error.args[0])), None, "a value is needed", path=path)
    why = str(error).splitlines()[-1] if str(error) else type(error).__name__
    limit = why if isinstance(error, ConstructError) else f"a value of another type ({why})"
    return BuildError(field_of(path), value, limit, path=path)


def as_decode_error(error: Exception, offset: int) -> DecodeError:
    """Any parsing error as ours, with the offset at which reading stopped."""
    if isinstance(error, DecodeError):
        if error.offset is None:
            error.offset = offset
        return error
    path = getattr(error, "path", None) or ""
    if isinstance(error, StreamError):
        name = field_of(path)
        return DecodeError(
            f"the data end within {name}" if name else "the data end too early",
            offset=offset,
            path=path,
            code="truncated",
        )
    return DecodeError(str(error).splitlines()[-1], offset=offset, path=path)


def fail(message: str, stream: Stream, path: str, code: str) -> NoReturn:
    """Refuse the octets at the stream's position."""
    raise DecodeError(message, offset=stream.tell(), path=path, code=code)

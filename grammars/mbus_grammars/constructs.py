"""The few constructs that construct lacks. Each says why construct's own does not serve."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from typing import IO, TYPE_CHECKING, Any, Final, NoReturn, Self, TypeAlias, TypeGuard

from construct import Adapter, Construct, ConstructError, Container, ListContainer, Renamed, Subconstruct
from construct.core import StreamError, stream_read, stream_write

from .errors import BuildError, DecodeError, MBusError

# construct's classes are generic in its stubs only, and `Context` exists only there.
if TYPE_CHECKING:
    from construct import core

    Context: TypeAlias = "core.Context"
    Anything = Construct[Any, Any]
    AnyAdapter = Adapter[Any, Any, Any, Any]
    AnySubconstruct = Subconstruct[Any, Any, Any, Any]
else:
    Context = Container
    Anything = Construct
    AnyAdapter = Adapter
    AnySubconstruct = Subconstruct

Stream = IO[bytes]


def field(name: str, subcon: Anything, source: str = "") -> Anything:
    """A named field of a Struct and where the standard defines it.

    construct's `"name" / X * "docs"` wraps X twice, so that its error paths say the name twice.
    """
    return Renamed(subcon, newname=name, newdocs=source)


class Code(int):
    """A number of a code table together with its name; None where the table has no entry.

    construct's Enum gives a string for a known code and an integer for an unknown one; a reader of
    meters needs both, always, and a type that does not change with the data.
    """

    name: str | None

    def __new__(cls, value: int, name: str | None = None) -> Self:
        """Take one from a `CodeTable` where there is one."""
        code = super().__new__(cls, value)
        code.name = name
        return code

    def __reduce__(self) -> tuple[type[Self], tuple[int, str | None]]:  # copy and pickle
        return type(self), (int(self), self.name)

    def __str__(self) -> str:
        return f"{int(self):02X}h" if self.name is None else f"{int(self):02X}h {self.name}"


class CodeTable:
    """Names for the numbers 0 to `size` - 1, looked up both ways."""

    def __init__(self, names: Mapping[int, str], size: int = 256) -> None:
        self.codes: Final = tuple(Code(value, names.get(value)) for value in range(size))
        self._values = {name: value for value, name in reversed(list(names.items()))}

    def value(self, given: object) -> int | None:
        """The number that a caller means by a number or a name, None for neither."""
        if isinstance(given, str):
            return self._values.get(given)
        return int(given) if isinstance(given, int) and 0 <= given < len(self.codes) else None

    def limit(self) -> str:
        """What `value` accepts, for an error message."""
        names = list(self._values)
        shown = ", ".join(names[:6]) + (" ..." if len(names) > 6 else "")
        return f"0 to {len(self.codes) - 1}" + (f" or a name ({shown})" if names else "")


class Coded(AnyAdapter):
    """An integer field with a code table: parses to `Code`, builds from the number or its name."""

    def __init__(self, subcon: Anything, table: CodeTable) -> None:
        super().__init__(subcon)
        self.table = table

    def _decode(self, obj: int, context: Context, path: str) -> Code:
        return self.table.codes[obj]

    def _encode(self, obj: object, context: Context, path: str) -> int:
        value = self.table.value(obj)
        if value is None:
            raise BuildError(field_of(path), obj, self.table.limit(), path=path)
        return value


class BitField:
    """Where the bits of one field of `Bits` lie: parts of (lowest bit, width), least significant first."""

    def __init__(
        self,
        *parts: tuple[int, int],
        flag: bool = False,
        default: int | None = None,
        table: CodeTable | None = None,
    ) -> None:
        self.parts = parts
        self.flag = flag
        self.default = default
        self.table = table
        self.width = sum(width for _, width in parts)

    def read(self, number: int) -> int:
        """The field's value within the whole number."""
        value = shift = 0
        for low, width in self.parts:
            value |= (number >> low & (1 << width) - 1) << shift
            shift += width
        if self.table is not None:
            return self.table.codes[value]
        return bool(value) if self.flag else value

    def place(self, value: int) -> int:
        """The whole number with only this field set."""
        number = 0
        for low, width in self.parts:
            number |= (value & (1 << width) - 1) << low
            value >>= width
        return number


def bits(low: int, width: int, *, default: int | None = None, table: CodeTable | None = None) -> BitField:
    """A number of `width` bits from bit `low` on (bit 0 = least significant bit of the first octet)."""
    return BitField((low, width), default=default, table=table)


def flag(low: int) -> BitField:
    """One bit as a bool; False when the builder is not told."""
    return BitField((low, 1), flag=True, default=0)


def split(*parts: tuple[int, int], table: CodeTable | None = None) -> BitField:
    """A number whose bits are scattered, least significant part first."""
    return BitField(*parts, table=table)


class Bits(Anything):
    """Bit fields of a least-significant-octet-first number, each declared by its bit numbers.

    construct's BitStruct reads most significant bit first, cannot hold a field that is split over two
    octets (the year of a date) without an adapter, and costs twenty times as much. The declaration is
    checked for completeness: every bit belongs to exactly one field, so nothing can get lost.
    Builds from a mapping, or from the whole number.
    """

    def __init__(self, size: int, **fields: BitField) -> None:
        super().__init__()
        self.size = size
        self.fields = fields
        covered = [low + i for f in fields.values() for low, width in f.parts for i in range(width)]
        if sorted(covered) != list(range(8 * size)):
            raise ValueError(f"the fields do not cover the {8 * size} bits exactly once: {sorted(covered)}")
        self._readers = tuple((name, f.read) for name, f in fields.items())

    def unpack(self, number: int) -> Container[Any]:
        """The fields of a number."""
        return Container((name, read(number)) for name, read in self._readers)

    def pack(self, obj: object, path: str = "") -> int:
        """The number of the fields."""
        if isinstance(obj, int) and not isinstance(obj, bool):
            if 0 <= obj < 1 << 8 * self.size:
                return obj
            raise BuildError(field_of(path), obj, f"0 to {(1 << 8 * self.size) - 1}", path=path)
        if not is_mapping(obj):
            raise BuildError(field_of(path), obj, f"a mapping with {', '.join(self.fields)}", path=path)
        number = 0
        for name, spec in self.fields.items():
            given = obj.get(name, spec.default)
            value = spec.table.value(given) if spec.table else given
            if not isinstance(value, int) or not 0 <= value < 1 << spec.width:
                limit = spec.table.limit() if spec.table else f"0 to {(1 << spec.width) - 1}"
                raise BuildError(f"{field_of(path)}.{name}".lstrip("."), given, limit, path=path)
            number |= spec.place(value)
        return number

    def _parse(self, stream: Stream, context: Context, path: str) -> Container[Any]:
        return self.unpack(int.from_bytes(stream_read(stream, self.size, path), "little"))

    def _build(self, obj: object, stream: Stream, context: Context, path: str) -> Any:
        stream_write(stream, self.pack(obj, path).to_bytes(self.size, "little"), self.size, path)
        return obj

    def _sizeof(self, context: Context, path: str) -> int:
        return self.size


class Variant(Anything):
    """One of several constructs: chosen by the next octet when parsing, by the given keys when building.

    construct's Select tries one after the other and swallows every error on the way, so that a damaged
    frame reports the last failure instead of its own; Switch needs the choice as a field of its own.
    """

    def __init__(
        self,
        by_octet: Callable[[int], Anything | None],
        by_keys: Callable[[Mapping[str, Any]], Anything | None],
        expected: str,
        keys: str,
    ) -> None:
        super().__init__()
        self.by_octet = by_octet
        self.by_keys = by_keys
        self.expected = expected
        self.keys = keys

    def _parse(self, stream: Stream, context: Context, path: str) -> Any:
        offset = stream.tell()
        first = stream.read(1)
        if not first:
            raise DecodeError(
                "no octets left", offset=offset, path=path, expected=self.expected, code="empty"
            )
        stream.seek(offset)
        chosen = self.by_octet(first[0])
        if chosen is None:
            raise DecodeError(
                f"found {first[0]:02X}h, expected {self.expected}",
                offset=offset,
                path=path,
                expected=self.expected,
                found=f"{first[0]:02X}h",
                code="start",
            )
        return chosen._parsereport(stream, context, path)

    def _build(self, obj: Any, stream: Stream, context: Context, path: str) -> Any:
        chosen = self.by_keys(obj) if is_mapping(obj) else None
        if chosen is None:
            raise BuildError(field_of(path), obj, self.keys, path=path)
        return chosen._build(obj, stream, context, path)


class Derived(AnySubconstruct):
    """A field that follows from the others: shown when parsing, never asked for when building.

    The enclosing construct fills it in. construct's Rebuild would need the built octets of fields that
    come later.
    """

    def __init__(self, subcon: Anything) -> None:
        super().__init__(subcon)
        self.flagbuildnone = True

    def _build(self, obj: object, stream: Stream, context: Context, path: str) -> Any:
        return self.subcon._build(0, stream, context, path)


class Salvage(AnySubconstruct):
    """Keeps what its construct cannot read: the rest of the data as `malformed`, with code and reason.

    A fault above the link layer must not cost the frame. Builds the kept octets back. construct's
    Optional drops both the octets and the reason.
    """

    def _parse(self, stream: Stream, context: Context, path: str) -> Any:
        start = stream.tell()
        try:
            return self.subcon._parsereport(stream, context, path)
        except (ConstructError, MBusError) as error:
            stream.seek(start)
            return malformed(stream.read(), start, error)

    def _build(self, obj: Any, stream: Stream, context: Context, path: str) -> Any:
        if is_mapping(obj) and "malformed" in obj:
            octets = octets_of(obj["malformed"], path)
            stream_write(stream, octets, len(octets), path)
            return obj
        return self.subcon._build(obj, stream, context, path)


def malformed(octets: bytes, start: int, error: Exception) -> Container[Any]:
    """The container that stands for octets which could not be read."""
    fault = as_decode_error(error, start)
    return Container(malformed=octets, code=fault.code, reason=fault.message, offset=fault.offset)


class Memo(AnySubconstruct):
    """Remembers what it parsed, by octets; for constructs whose octets alone say where they end.

    A fleet has few record headers and reads them millions of times. Because no octet string that the
    construct accepts is the beginning of another one, the remembered string that fits is the right one.
    `fresh` copies what was remembered: two parses never share a mutable object, somebody will edit one.
    Bounded: the oldest entry goes when `limit` is reached. construct has nothing like it.
    """

    WINDOW = 64

    def __init__(self, subcon: Anything, fresh: Callable[[Any], Any], limit: int = 4096) -> None:
        super().__init__(subcon)
        self.fresh = fresh
        self.limit = limit
        self._known: dict[bytes, Any] = {}
        self._lengths: dict[bytes, tuple[int, ...]] = {}

    def _parse(self, stream: Stream, context: Context, path: str) -> Any:
        start = stream.tell()
        window = stream.read(self.WINDOW)
        for length in self._lengths.get(window[:2], ()):
            hit = self._known.get(window[:length])
            if hit is not None and length <= len(window):
                stream.seek(start + length)
                return self.fresh(hit)
        stream.seek(start)
        obj = self.subcon._parsereport(stream, context, path)
        self._remember(window, stream.tell() - start, obj)
        return self.fresh(obj)

    def _remember(self, window: bytes, length: int, obj: Any) -> None:
        if not 2 <= length <= self.WINDOW:
            return
        if len(self._known) >= self.limit:
            self._known.pop(next(iter(self._known)))
        if len(self._lengths) >= self.limit:
            self._lengths.pop(next(iter(self._lengths)))
        self._known[window[:length]] = obj
        lengths = self._lengths.get(window[:2], ())
        if length not in lengths:
            self._lengths[window[:2]] = tuple(sorted((*lengths, length)))


class Door(AnySubconstruct):
    """The one place where errors of construct, and of values of a wrong type, become ours.

    Every public grammar stands behind one, so that a caller catches `MBusError` and nothing else.
    """

    def _parse(self, stream: Stream, context: Context, path: str) -> Any:
        try:
            return self.subcon._parsereport(stream, context, path)
        except MBusError:
            raise
        except ConstructError as error:
            raise as_decode_error(error, stream.tell()) from error

    def _build(self, obj: Any, stream: Stream, context: Context, path: str) -> Any:
        try:
            return self.subcon._build(obj, stream, context, path)
        except MBusError:
            raise
        except KeyError as error:
            raise BuildError(str(error.args[0]), None, "a value is needed", path=path) from error
        except (ConstructError, TypeError, ValueError, AttributeError, ArithmeticError, LookupError) as error:
            where = field_of(getattr(error, "path", None) or path)
            raise BuildError(
                where, obj, str(error).splitlines()[-1] if str(error) else "see cause"
            ) from error


def as_decode_error(error: Exception, offset: int) -> DecodeError:
    """Any parsing error as ours, with the offset at which reading stopped."""
    if isinstance(error, DecodeError):
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


def field_of(path: str | None) -> str:
    """The dotted field name in construct's path "(building) -> a -> b"."""
    return ".".join((path or "").split(" -> ")[1:])


def is_mapping(given: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether a caller's value is a mapping, which is what the layouts build from."""
    return isinstance(given, Mapping)


def octets_of(given: object, path: str) -> bytes:
    """Octets given as bytes-like."""
    if isinstance(given, memoryview):
        return given.tobytes()
    if isinstance(given, bytes | bytearray):
        return bytes(given)
    raise BuildError(field_of(path), given, "bytes", path=path)


def fail(message: str, stream: Stream, path: str, code: str) -> NoReturn:
    """Refuse the octets at the stream's position."""
    raise DecodeError(message, offset=stream.tell(), path=path, code=code)


def items_to_end(stream: Stream, item: Anything, context: Context, path: str) -> Iterator[Any]:
    """Parse `item` after `item` until the octets end."""
    while stream.read(1):
        stream.seek(-1, io.SEEK_CUR)
        yield item._parsereport(stream, context, path)


def listed(items: Iterator[Any]) -> ListContainer[Any]:
    """The items as construct's list."""
    return ListContainer(items)

"""The few constructs that construct lacks. Each says why construct's own does not serve."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any, Final, NoReturn, Self, TypeAlias, TypeGuard

from construct import Adapter, Byte, Bytes, Construct, ConstructError, Container, Renamed, Subconstruct
from construct.core import StreamError, stream_read, stream_write

from .errors import BuildError, DecodeError, MBusError

# construct's classes are generic in its stubs only, and `Context` exists only there.
if TYPE_CHECKING:
    from construct import core

    Context: TypeAlias = "core.Context"
    Anything = Construct[Any, Any]
    AnyAdapter = Adapter[Any, Any, Any, Any]
    AnySubconstruct = Subconstruct[Any, Any, Any, Any]
    AnyRenamed = Renamed[Any, Any]
else:
    Context = Container
    Anything = Construct
    AnyAdapter = Adapter
    AnySubconstruct = Subconstruct
    AnyRenamed = Renamed

Stream = IO[bytes]


class Field(AnyRenamed):
    """A named field of a Struct; a value that it cannot build is reported with its name.

    construct's own lets a KeyError or TypeError through that says neither.
    """

    def _build(self, obj: Any, stream: Stream, context: Context, path: str) -> Any:
        try:
            return super()._build(obj, stream, context, path)
        except MBusError:
            raise
        except FAULTS_OF_VALUES as error:
            raise as_build_error(error, obj, f"{path} -> {self.name}") from error


def field(name: str, subcon: Anything, source: str = "") -> Anything:
    """A named field of a Struct and where the standard defines it.

    construct's `"name" / X * "docs"` wraps X twice, so that its error paths say the name twice.
    """
    return Field(subcon, newname=name, newdocs=source)


def is_integer(given: object) -> TypeGuard[int]:
    """Whether a caller's value is a number; True and False are none."""
    return isinstance(given, int) and not isinstance(given, bool)


class Number(AnySubconstruct):
    """An integer construct that names its limits when a value does not fit."""

    def __init__(self, subcon: Anything, low: int, high: int) -> None:
        super().__init__(subcon)
        self.low = low
        self.high = high

    def _build(self, obj: object, stream: Stream, context: Context, path: str) -> Any:
        if not is_integer(obj) or not self.low <= obj <= self.high:
            raise BuildError(field_of(path), obj, f"an integer from {self.low} to {self.high}", path=path)
        return self.subcon._build(int(obj), stream, context, path)


Octet: Final = Number(Byte, 0, 255)


class Octets(Bytes):
    """So many octets. construct's Bytes builds them from an integer too, most significant octet first."""

    def _build(self, obj: object, stream: Stream, context: Context, path: str) -> Any:
        octets = octets_of(obj, path)
        if len(octets) != self.length:
            raise BuildError(field_of(path), obj, f"{self.length} octets", path=path)
        stream_write(stream, octets, len(octets), path)
        return octets


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
        self._values: dict[str, int] = {}
        for value, name in names.items():
            self._values.setdefault(name, value)

    def value(self, given: object) -> int | None:
        """The number that a caller means by a number or a name, None for neither."""
        if isinstance(given, str):
            return self._values.get(given)
        return int(given) if is_integer(given) and 0 <= given < len(self.codes) else None

    def limit(self) -> str:
        """What `value` accepts, for an error message."""
        names = list(self._values)
        shown = ", ".join(names[:6]) + (" ..." if len(names) > 6 else "")
        return f"0 to {len(self.codes) - 1}" + (f" or a name ({shown})" if names else "")


class Coded(AnyAdapter):
    """An integer field with a code table: parses to `Code`, builds from the number or its name.

    Fields that depend on it find the code when building too, however it was given.
    """

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

    def _build(self, obj: object, stream: Stream, context: Context, path: str) -> Any:
        value = self._encode(obj, context, path)
        self.subcon._build(value, stream, context, path)
        return self.table.codes[value]


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

    def value(self, given: object) -> int | None:
        """The number that a caller means, None for a value that does not fit."""
        if self.table is not None:
            return self.table.value(given)
        if not isinstance(given, int) or (isinstance(given, bool) and not self.flag):
            return None
        return int(given) if 0 <= given < 1 << self.width else None

    def limit(self) -> str:
        """What `value` accepts, for an error message."""
        if self.table is not None:
            return self.table.limit()
        return "true or false" if self.flag else f"0 to {(1 << self.width) - 1}"


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
    Builds from a mapping, or from the whole number, which a parsed container holds as `_number`.
    """

    REMEMBERED = 4096

    def __init__(self, size: int, **fields: BitField) -> None:
        super().__init__()
        self.size = size
        self.fields = fields
        covered = [low + i for f in fields.values() for low, width in f.parts for i in range(width)]
        if sorted(covered) != list(range(8 * size)):
            raise ValueError(f"the fields do not cover the {8 * size} bits exactly once: {sorted(covered)}")
        self._readers = tuple((name, f.read) for name, f in fields.items())
        self._known: dict[int, Container[Any]] = {}

    def unpack(self, number: int) -> Container[Any]:
        """The fields of a number."""
        known = self._known.get(number)
        if known is None:
            known = Container(((name, read(number)) for name, read in self._readers), _number=number)
            if len(self._known) < self.REMEMBERED:
                self._known[number] = known
        return Container(known)

    def pack(self, obj: object, path: str = "") -> int:
        """The number of the fields."""
        if is_integer(obj):
            if 0 <= obj < 1 << 8 * self.size:
                return obj
            raise BuildError(field_of(path), obj, f"0 to {(1 << 8 * self.size) - 1}", path=path)
        if not is_mapping(obj):
            raise BuildError(field_of(path), obj, f"a mapping with {', '.join(self.fields)}", path=path)
        number = 0
        for name, spec in self.fields.items():
            given = obj.get(name, spec.default)
            value = spec.value(given)
            if value is None:
                raise BuildError(field_of(path, name), given, spec.limit(), path=path)
            number |= spec.place(value)
        return number

    def _parse(self, stream: Stream, context: Context, path: str) -> Container[Any]:
        return self.unpack(int.from_bytes(stream_read(stream, self.size, path), "little"))

    def _build(self, obj: object, stream: Stream, context: Context, path: str) -> Any:
        number = self.pack(obj, path)
        stream_write(stream, number.to_bytes(self.size, "little"), self.size, path)
        return self.unpack(number)  # the bits that other fields depend on, however they were given

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

    A fault above the link layer must not cost the frame; octets that its construct leaves over are one
    too. Builds the kept octets back. construct's Optional drops both the octets and the reason.
    """

    def _parse(self, stream: Stream, context: Context, path: str) -> Any:
        start = stream.tell()
        try:
            parsed = self.subcon._parsereport(stream, context, path)
            end = stream.tell()
            if stream.read(1):
                stream.seek(end)
                fail("more octets than the structure has", stream, path, "length")
            return parsed
        except (ConstructError, MBusError) as error:
            noticed = stream.tell()
            stream.seek(start)
            return malformed(stream.read(), noticed, error)

    def _build(self, obj: Any, stream: Stream, context: Context, path: str) -> Any:
        if is_mapping(obj) and "malformed" in obj:
            octets = octets_of(obj["malformed"], f"{path} -> malformed")
            stream_write(stream, octets, len(octets), path)
            return obj
        return self.subcon._build(obj, stream, context, path)


def malformed(octets: bytes, noticed: int, error: Exception) -> Container[Any]:
    """The container that stands for octets which could not be read."""
    fault = as_decode_error(error, noticed)
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
        return self.fresh(self.recall(stream, context, path))

    def recall(self, stream: Stream, context: Context, path: str) -> Any:
        """What is remembered, itself: for callers that change nothing in it."""
        start = stream.tell()
        window = stream.read(self.WINDOW)
        for length in self._lengths.get(window[:2], ()):
            hit = self._known.get(window[:length])
            if hit is not None and length <= len(window):
                stream.seek(start + length)
                return hit
        stream.seek(start)
        obj = self.subcon._parsereport(stream, context, path)
        self._remember(window, stream.tell() - start, obj)
        return obj

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
        except (ConstructError, MBusError) as error:
            fault = as_decode_error(error, stream.tell())
            if fault is error:
                raise
            raise fault from error

    def _build(self, obj: Any, stream: Stream, context: Context, path: str) -> Any:
        try:
            return self.subcon._build(obj, stream, context, path)
        except MBusError:
            raise
        except FAULTS_OF_VALUES as error:
            raise as_build_error(error, obj, path) from error


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


def field_of(path: str, name: str = "") -> str:
    """The dotted field name in construct's path "(building) -> a[2] -> b", and a field of its own in it."""
    inner = f"{path} -> {name}" if name else path
    return inner.removeprefix("(building)").removeprefix("(parsing)").replace(" -> ", ".").lstrip(".")


def is_mapping(given: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether a caller's value is a mapping, which is what the layouts build from."""
    return isinstance(given, Mapping)


def is_sequence(given: object) -> TypeGuard[Sequence[Any]]:
    """Whether a caller's value is a list of values; text and octets are none."""
    return isinstance(given, Sequence) and not isinstance(given, str | bytes | bytearray | memoryview)


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

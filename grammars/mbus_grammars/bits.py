"""Numbers, codes with names, and bit fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Self

from construct import Byte, Bytes, Container
from construct.core import stream_read, stream_write

from .base import (
    AnyAdapter,
    AnySubconstruct,
    Anything,
    Context,
    Stream,
    field_of,
    is_integer,
    is_mapping,
    octets_of,
)
from .errors import BuildError


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
        self._values: dict[str, list[int]] = {}
        for value, name in names.items():
            self._values.setdefault(name, []).append(value)

    def value(self, given: object) -> int | None:
        """The number that a caller means by a number or a name that it alone has, None for neither."""
        if isinstance(given, str):
            values = self._values.get(given, ())
            return values[0] if len(values) == 1 else None
        return int(given) if is_integer(given) and 0 <= given < len(self.codes) else None

    def limit(self, given: object = None) -> str:
        """What `value` accepts instead of what was given, for an error message."""
        if isinstance(given, str) and given in self._values:
            values = sorted(self._values[given])
            firsts = [value for value in values if value - 1 not in values]
            lasts = [value for value in values if value + 1 not in values]
            runs = [
                f"{first:02X}h" + (f" to {last:02X}h" if last > first else "")
                for first, last in zip(firsts, lasts, strict=True)
            ]
            return f"several codes have this name, use one of them: {', '.join(runs)}"
        names = [name for name, values in self._values.items() if len(values) == 1]
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
            raise BuildError(field_of(path), obj, self.table.limit(obj), path=path)
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

    def limit(self, given: object = None) -> str:
        """What `value` accepts instead of what was given, for an error message."""
        if self.table is not None:
            return self.table.limit(given)
        return "true or false" if self.flag else f"0 to {(1 << self.width) - 1}"


def bits(low: int, width: int, *, default: int | None = None, table: CodeTable | None = None) -> BitField:
    """A number of `width` bits from bit `low` on (bit 0 = least significant bit of the first octet)."""
    return BitField((low, width), default=default, table=table)


def flag(low: int) -> BitField:
    """One bit as a bool; False when the builder is not told."""
    return BitField((low, 1), flag=True, default=0)


def split(*parts: tuple[int, int], default: int | None = None, table: CodeTable | None = None) -> BitField:
    """A number whose bits are scattered, least significant part first."""
    return BitField(*parts, default=default, table=table)


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
                raise BuildError(field_of(path, name), given, spec.limit(given), path=path)
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

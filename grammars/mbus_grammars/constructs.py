"""The few constructs that construct lacks. Each says why construct's own does not serve."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from construct import ConstructError, Container, SizeofError
from construct.core import stream_write

from .base import (
    FAULTS_OF_VALUES,
    AnyRenamed,
    AnyStruct,
    AnySubconstruct,
    Anything,
    Context,
    Stream,
    as_build_error,
    as_decode_error,
    fail,
    field_of,
    is_mapping,
    octets_of,
    refuse_unknown,
)
from .errors import BuildError, DecodeError, MBusError


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


class PresentIf(AnySubconstruct):
    """A field that is there where the fields before it say so: absent from the container where it is not.

    construct's own If gives None then, so that each telegram would show the fields of all others.
    """

    may_be_absent = True

    def __init__(self, condition: Callable[[Context], bool], subcon: Anything) -> None:
        super().__init__(subcon)
        self.condition = condition
        self.flagbuildnone = True

    def _parse(self, stream: Stream, context: Context, path: str) -> Any:
        return self.subcon._parsereport(stream, context, path) if self.condition(context) else None

    def _build(self, obj: Any, stream: Stream, context: Context, path: str) -> Any:
        if self.condition(context):
            return self.subcon._build(obj, stream, context, path)
        if obj is not None:
            raise BuildError(
                field_of(path), obj, "nothing, since other fields say that it is absent", path=path
            )
        return None

    def _sizeof(self, context: Context, path: str) -> int:
        raise SizeofError("it depends on the fields before it", path=path)


class StrictStruct(AnyStruct):
    """A Struct of named fields that refuses a field it does not have; construct's own leaves it out.

    Parses as construct's own does, with two calls less a field: a third of the cost of a frame.
    """

    def __init__(self, *fields: Any) -> None:
        super().__init__(*fields)
        self._named: Final = tuple(
            (item.name, item.subcon, getattr(item.subcon, "may_be_absent", False)) for item in fields
        )

    def _parse(self, stream: Stream, context: Context, path: str) -> Container[Any]:
        inner = Container(
            _=context,
            _params=context["_params"],
            _parsing=True,
            _building=False,
            _sizing=False,
            _subcons=self._subcons,
            _io=stream,
            _index=context.get("_index"),
        )
        inner["_root"] = context.get("_root", inner)
        parsed: Container[Any] = Container()
        for name, subcon, may_be_absent in self._named:
            value = inner[name] = subcon._parsereport(stream, inner, f"{path} -> {name}")
            if value is not None or not may_be_absent:
                parsed[name] = value
        return parsed

    def _build(self, obj: Any, stream: Stream, context: Context, path: str) -> Any:
        if is_mapping(obj):
            refuse_unknown(obj, self._subcons, path)
            obj = dict(obj)
        return super()._build(obj, stream, context, path)

    def _emitparse(self, code: object) -> str:
        """Generated code would be construct's own Struct: `compile` links this one."""
        raise NotImplementedError

    _emitbuild = _emitparse


def fields_of(layout: Anything) -> tuple[Any, ...]:
    """The fields of a layout, in wire order; () for what is none."""
    inner: Any = layout
    while not hasattr(inner, "subcons"):
        if not hasattr(inner, "subcon"):
            return ()
        inner = inner.subcon
    return tuple(inner.subcons)


def places_of(layout: Anything, start: int = 0) -> dict[str, slice]:
    """Where the fields of a layout stand that starts at an offset.

    The last one is the first whose length the octets decide, or whether it is there; it has no end.
    """
    places: dict[str, slice] = {}
    for item in fields_of(layout):
        size = None
        if not getattr(item.subcon, "may_be_absent", False):
            with suppress(SizeofError, LookupError):  # a length that a field tells
                size = int(item.sizeof())
        places[item.name] = slice(start, None if size is None else start + size)
        if size is None:
            break
        start += size
    return places


class ByFirstOctet(Anything):
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


class Completed(AnySubconstruct, ABC):
    """Fills in what follows from the octets, when all the others are built. Subclasses say what that is."""

    def _parse(self, stream: Stream, context: Context, path: str) -> Any:
        return self.subcon._parsereport(stream, context, path)

    def _build(self, obj: Any, stream: Stream, context: Context, path: str) -> Any:
        inner = io.BytesIO()
        built: Any = self.subcon._build(obj, inner, context, path)
        octets = bytearray(inner.getvalue())
        self.complete(octets, built, path)
        stream_write(stream, bytes(octets), len(octets), path)
        return built

    @abstractmethod
    def complete(self, octets: bytearray, built: Mapping[str, Any], path: str) -> None:
        """Fill in the derived octets; `built` are the fields."""


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


class KeepMalformed(AnySubconstruct):
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

    def _sizeof(self, context: Context, path: str) -> int:
        raise SizeofError("it reads to the end of the data", path=path)


def malformed(octets: bytes, noticed: int, error: Exception) -> Container[Any]:
    """The container that stands for octets which could not be read."""
    fault = as_decode_error(error, noticed)
    return Container(malformed=octets, code=fault.code, reason=fault.message, offset=fault.offset)


class Cached(AnySubconstruct):
    """Remembers what it parsed, by octets; for constructs whose octets alone say where they end.

    A fleet has few record headers and reads them millions of times. Because no octet string that the
    construct accepts is the beginning of another one, the remembered string that fits is the right one.
    `fresh` copies what was remembered: two parses never share a mutable object, somebody will edit one.
    Bounded: at `limit` it starts anew. construct has nothing like it.
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

    def at(self, octets: bytes, position: int) -> tuple[Any, int]:
        """What stands at a position, itself, and where it ends: without a stream, for the fast paths.

        Raises what the construct raises.
        """
        for length in self._lengths.get(octets[position : position + 2], ()):
            end = position + length
            hit = self._known.get(octets[position:end])
            if hit is not None and end <= len(octets):
                return hit, end
        window = octets[position : position + self.WINDOW]
        stream = io.BytesIO(octets[position:])
        obj = self.subcon.parse_stream(stream)
        length = stream.tell()
        self._remember(window, length, obj)
        return obj, position + length

    def _remember(self, window: bytes, length: int, obj: Any) -> None:
        if not 2 <= length <= self.WINDOW:
            return
        if len(self._known) >= self.limit:  # anew, not shortened: other threads may be reading these
            self._known, self._lengths = {}, {}
        self._known[window[:length]] = obj
        lengths = self._lengths.get(window[:2], ())
        if length not in lengths:
            self._lengths[window[:2]] = tuple(sorted((*lengths, length)))

"""What callers have of a grammar: a construct whose errors, streams and name are as they expect."""

from __future__ import annotations

import io
import os
import sys
from typing import IO, TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from construct import ConstructError, Subconstruct
from construct.core import stream_write

from .base import FAULTS_OF_VALUES, Anything, Context, Stream, as_build_error, as_decode_error
from .errors import DecodeError, MBusError

Parsed_co = TypeVar("Parsed_co", covariant=True)  # what parsing gives
Given_contra = TypeVar("Given_contra", contravariant=True)  # what building takes

if TYPE_CHECKING:
    _Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]

    class Buffer(Protocol):
        """What octets can be read from."""

        def __buffer__(self, flags: int, /) -> memoryview: ...

    class AnyConstruct(Protocol[Parsed_co, Given_contra]):
        """Any construct, for those, too, who have no stubs."""

        def parse(self, data: Buffer, **contextkw: Any) -> Parsed_co: ...
        def build(self, obj: Given_contra, **contextkw: Any) -> bytes: ...

    _Wrapper = Subconstruct[Parsed_co, Given_contra, Parsed_co, Given_contra]
else:

    class _Wrapper(Subconstruct, Generic[Parsed_co, Given_contra]):
        """construct's classes are generic in its stubs only."""


class Grammar(_Wrapper[Parsed_co, Given_contra], Generic[Parsed_co, Given_contra]):
    """A construct for callers who need to know nothing of construct. Every public grammar is one.

    - Errors of construct, and those of values of a wrong type, become ours: `MBusError` and nothing else.
    - A stream that cannot seek (a pipe, a socket) is read no further than the grammar's end; where it has to
      look ahead and octets are left over, it is refused.
    - A value that is refused writes nothing.
    - `compile` links it as it is: the code that construct generates would leave out checks.

    `docs` is what it parses, `source` where that is defined, `title` its name in `mbus_grammars`.
    """

    def __init__(self, subcon: Anything, docs: str = "", source: str = "", title: str = "") -> None:
        super().__init__(subcon)
        self.title = title
        self.docs = docs
        self.source = source

    if TYPE_CHECKING:  # for those, too, who have no stubs of construct

        def parse(self, data: Buffer, **contextkw: Any) -> Parsed_co: ...
        def parse_stream(self, stream: IO[bytes], **contextkw: Any) -> Parsed_co: ...
        def parse_file(self, filename: _Path, **contextkw: Any) -> Parsed_co: ...
        def build(self, obj: Given_contra, **contextkw: Any) -> bytes: ...
        def build_stream(self, obj: Given_contra, stream: IO[bytes], **contextkw: Any) -> None: ...
        def build_file(self, obj: Given_contra, filename: _Path, **contextkw: Any) -> None: ...
        def sizeof(self, **contextkw: Any) -> int: ...

    def __repr__(self) -> str:
        return f"<{self.title}: {self.docs}>" if self.title else super().__repr__()

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Copies and pickles of a public grammar are itself: some of construct's own can be neither."""
        return (_public, (self.title,)) if _public(self.title) is self else super().__reduce_ex__(protocol)

    def _parse(self, stream: Stream, context: Context, path: str) -> Parsed_co:
        source = stream if _can_seek(stream) else _Kept(stream)
        try:
            parsed = self._read(source, context, _named(path, "(parsing)"))
            if isinstance(source, _Kept):
                source.refuse_rest()
        except (ConstructError, MBusError) as error:
            fault = as_decode_error(error, source.tell())
            if fault is error:
                raise
            raise fault from error
        return parsed

    def _build(self, obj: Any, stream: Stream, context: Context, path: str) -> Any:
        path = _named(path, "(building)")
        octets = io.BytesIO()
        try:
            built = self._write(obj, octets, context, path)
            stream_write(stream, octets.getvalue(), octets.tell(), path)
        except MBusError:
            raise
        except FAULTS_OF_VALUES as error:
            raise as_build_error(error, obj, path) from error
        return built

    def _read(self, stream: Stream, context: Context, path: str) -> Parsed_co:
        """Parse from a stream that can seek."""
        return self.subcon._parsereport(stream, context, path)

    def _write(self, obj: Any, stream: Stream, context: Context, path: str) -> Any:
        """Build into a stream of its own."""
        return self.subcon._build(obj, stream, context, path)


def _public(title: str) -> Any:
    return getattr(sys.modules[__name__.partition(".")[0]], title, None)


def _named(path: str, beginning: str) -> str:
    """The path of a field; construct's generated code does not know where it is."""
    return beginning if path == "(???)" else path


def _can_seek(stream: Stream) -> bool:
    try:
        return stream.seekable()
    except AttributeError:  # an object with a few methods of a stream
        return hasattr(stream, "seek") and hasattr(stream, "tell")


class _Kept(io.BytesIO):
    """The octets that were read from a stream which cannot seek; more are read when they are asked for."""

    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self._stream = stream

    def read(self, size: int | None = -1) -> bytes:
        position = self.tell()
        end = self.seek(0, io.SEEK_END)
        wanted = None if size is None or size < 0 else position + size
        while wanted is None or end < wanted:
            octets = self._stream.read(-1 if wanted is None else wanted - end)
            if not octets:
                break
            end += self.write(octets)
        self.seek(position)
        return super().read(size)

    def refuse_rest(self) -> None:
        """What was read and is not the grammar's cannot go back into the stream."""
        end = self.tell()
        rest = len(super().read())
        self.seek(end)
        if rest:
            message = f"{rest} octets after the end were read, and the stream cannot seek back: parse octets"
            raise DecodeError(message, offset=end, code="not_seekable")

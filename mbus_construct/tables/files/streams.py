"""The octets of a file, unpacked, and the lines of a text, in blocks of one size whatever the file's."""

from __future__ import annotations

import codecs
import io
import sys
import tempfile
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from .pyarrow_import import pa

STDIN: Final = "-"

BLOCK: Final = 4 << 20  # octets that are read at once

# A text whose lines, or whose quoted cells, are longer is no text of telegrams.
LONGEST_LINE: Final = 32 << 20


class Compression(StrEnum):
    """How a file is packed, by pyarrow's names."""

    NONE = ""
    GZIP = "gzip"
    ZSTD = "zstd"

    @classmethod
    def of(cls, head: bytes) -> Compression:
        """What a file that starts so is packed with."""
        if head.startswith(b"\x1f\x8b"):
            return cls.GZIP
        return cls.ZSTD if head.startswith(b"\x28\xb5\x2f\xfd") else cls.NONE


class Position:
    """How many octets of a file, as it lies on the disk, were read."""

    def __init__(self) -> None:
        self._tell: Callable[[], int] = lambda: 0

    def follow(self, tell: Callable[[], int]) -> None:
        """Ask here from now on."""
        self._tell = tell

    def stay(self, octets: int) -> None:
        """The position is known and remains."""
        self._tell = lambda: octets

    def __call__(self) -> int:
        """The position now."""
        return self._tell()


class _Stdin(io.RawIOBase):
    """Standard input, whose first octets were looked at already."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self._head = b""
        self._read = 0

    def peek(self, size: int) -> bytes:
        """The first octets, which stay to be read."""
        """The first octets, which stay to be read."""
        while len(self._head) < size and (octets := self.stream.read(size - len(self._head))):
            self._head += octets
        return self._head

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill the buffer as far as there is something."""
        view = memoryview(buffer)
        octets = self._head[: len(view)] or self.stream.read(len(view))
        self._head = self._head[len(octets) :]
        view[: len(octets)] = octets
        self._read += len(octets)
        return len(octets)

    def position(self) -> int:
        """How many octets were read."""
        return self._read


_stdin: list[_Stdin] = []


def _the_stdin() -> _Stdin:
    if not _stdin or _stdin[0].stream is not sys.stdin.buffer:
        _stdin[:] = [_Stdin(sys.stdin.buffer)]
    return _stdin[0]


def peek_stdin(size: int) -> bytes:
    """The first octets of standard input, which stay to be read."""
    return _the_stdin().peek(size)


class _Unpacked(io.RawIOBase):
    """What a packed file holds; all that can be unpacked is given before an error is raised.

    pyarrow gives nothing of a read in which it meets an error. Then the file is unpacked once more, up to
    that read, and from there octet by octet; standard input, which cannot be, loses what one step reads.
    """

    def __init__(self, raw: Any, compression: Compression, path: Path | None) -> None:
        self._compression = compression
        self._stream = pa.CompressedInputStream(raw, compression.value)
        self._path = path
        self._step = _STEP if path is not None else _SMALL
        self._given = 0
        self._error: OSError | None = None

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """So many octets, fewer at the end; all of them where no number is given."""
        octets = bytearray()
        while self._error is None and (size < 0 or len(octets) < size):
            step = self._step if size < 0 else min(self._step, size - len(octets))
            try:
                more = self._stream.read(step)
            except OSError as error:
                self._error = error
                more = self._up_to_error()[:step]
            if not more:
                break
            octets += more
            self._given += len(more)
        if self._error is not None and not octets and size:
            raise self._error
        return bytes(octets)

    def _up_to_error(self) -> bytes:
        octets = bytearray()
        if self._path is not None:
            with closing(pa.OSFile(str(self._path), "r")) as raw, suppress(OSError):
                stream = pa.CompressedInputStream(raw, self._compression.value)
                for start in range(0, self._given, _STEP):
                    stream.read(min(_STEP, self._given - start))
                while octet := stream.read(1):
                    octets += octet
        return bytes(octets)

    def close(self) -> None:
        """Nothing more is read."""
        self._stream.close()
        super().close()


_STEP: Final = 1 << 16  # octets that are unpacked at once
_SMALL: Final = 1 << 9  # and of standard input: so many may be lost where it is cut off


@contextmanager
def octets_of(
    path: Path | None, compression: Compression, position: Position | None = None
) -> Generator[Any, None, None]:
    """A file's octets, unpacked, as a stream."""
    if path is None:
        stdin = _the_stdin()
        raw = pa.PythonFile(stdin, mode="r")
        tell: Callable[[], int] = stdin.position
    else:
        raw = pa.OSFile(str(path), "r")
        tell = raw.tell
    try:
        if position is not None:
            position.follow(tell)
        stream = _Unpacked(raw, compression, path) if compression else raw
        try:
            yield stream
        finally:
            if position is not None:
                position.stay(tell())
            stream.close()
    finally:
        if path is not None:  # standard input stays open for what comes behind
            raw.close()


@contextmanager
def seekable(path: Path | None, compression: Compression, position: Position) -> Generator[Any, None, None]:
    """A file that is read here and there, unpacked to a temporary file where need be."""
    if path is not None and not compression:
        with closing(pa.OSFile(str(path), "r")) as file:
            position.follow(file.tell)
            yield file
            position.stay(path.stat().st_size)
        return
    with tempfile.TemporaryFile() as copy:
        with octets_of(path, compression, position) as stream:
            while octets := stream.read(BLOCK):
                copy.write(octets)
        copy.seek(0)
        with closing(pa.PythonFile(copy, mode="r")) as file:
            yield file


def blocks(stream: Any) -> Iterator[bytes]:
    """The octets in blocks."""
    while octets := stream.read(BLOCK):
        yield bytes(octets)


def utf_8(stream: Any) -> Iterator[bytes]:
    """A text as UTF-8 without its mark, whatever UTF it is."""
    first = True
    decoder: codecs.IncrementalDecoder | None = None
    for block in blocks(stream):
        octets = block
        if first:
            first = False
            if octets.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):  # what PowerShell writes
                decoder = codecs.getincrementaldecoder("utf-16")(errors="replace")
            octets = octets.removeprefix(BOM_UTF8)
        yield decoder.decode(octets).encode() if decoder is not None else octets
    if decoder is not None:
        yield decoder.decode(b"", final=True).encode()


class Lines(NamedTuple):
    """Whole lines, and the number of the first one, from 1."""

    first: int
    octets: bytes


def lines(octets: Iterator[bytes], *, quoted: bool = False) -> Iterator[Lines]:
    """A text in blocks of whole lines; with `quoted` no block ends within a cell between quotes.

    Raises `ValueError` where a line is longer than any text of telegrams has. Where the octets come to an
    error, the lines that are whole come before it.
    """
    first = 1
    rest = b""
    while True:
        try:
            block = next(octets, b"")
        except OSError:
            if cut := _cut(rest, quoted=quoted):
                yield Lines(first, rest[:cut])
            raise
        if not block:
            break
        rest += block
        cut = _cut(rest, quoted=quoted) or (rest.rfind(b"\n") + 1 if len(rest) > LONGEST_LINE else 0)
        if not cut and len(rest) > LONGEST_LINE:
            raise ValueError(f"line {first} is longer than {LONGEST_LINE >> 20} MB: no text of telegrams")
        if cut:
            yield Lines(first, rest[:cut])
            first += rest.count(b"\n", 0, cut)
            rest = rest[cut:]
    if rest:
        yield Lines(first, rest)


def _cut(text: bytes, *, quoted: bool) -> int:
    """Where the last whole line ends, 0 without one. A quote that is never closed may hide it."""
    cut = text.rfind(b"\n") + 1
    if not quoted:
        return cut
    quotes = text.count(b'"', 0, cut)
    for _ in range(1000):
        if not cut or quotes % 2 == 0:
            return cut
        earlier = text.rfind(b"\n", 0, text.rfind(b'"', 0, cut)) + 1
        quotes -= text.count(b'"', earlier, cut)
        cut = earlier
    return 0

"""Which files are read, in which order, and what each of them holds: told by content, then by suffix."""

from __future__ import annotations

import json
import os
import re
import stat
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from mbus_grammars import MBusError
from mbus_grammars.places import SHORT_LENGTH

from ...octets.captures import COMMENT, received
from ...octets.hex_text import parse_hex
from ...octets.recognise import wired_length
from .pyarrow_import import pa
from .rows import Wanted, column_of
from .streams import STDIN, Compression, octets_of, peek_stdin

_HEAD: Final = 1 << 16  # octets that tell what a file holds
_BEFORE: Final = 20  # lines among which a receiver's first telegram is


class Kind(StrEnum):
    """What a file holds."""

    LINES = "hex lines"
    BINARY = "frames"
    CSV = "CSV"
    NDJSON = "NDJSON"
    JSON = "JSON"
    PARQUET = "Parquet"
    ARROW = "Arrow file"
    ARROW_STREAM = "Arrow stream"


@dataclass(frozen=True)
class Input:
    """A file of telegrams.

    Attributes:
        name: as it was given, or found in a directory; the `source` of its rows.
        path: None for standard input.
        size, mtime: octets and nanoseconds, which tell whether it has changed; 0 for standard input.
    """

    name: str
    path: Path | None
    kind: Kind
    compression: Compression
    size: int = 0
    mtime: int = 0


@dataclass
class Found:
    """Inputs in order; files that cannot be read, and others that are no input, a sentence each."""

    inputs: list[Input] = field(default_factory=list[Input])
    failures: list[str] = field(default_factory=list[str])
    others: list[str] = field(default_factory=list[str])


_MAGIC: Final = (
    (b"PAR1", Kind.PARQUET),
    (b"ARROW1", Kind.ARROW),
)
# What is met among telegrams, and holds none; no frame starts so.
_FOREIGN: Final = (
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive, or an office document: unpack it"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it"),
    (b"BZh", "packed with bzip2: unpack it, or pack it with gzip or zstd"),
    (b"\xfd7zXZ\x00", "packed with xz: unpack it, or pack it with gzip or zstd"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\x7fELF", "a program"),
)
# An Arrow stream starts so, and then with the length of its schema.
_CONTINUED: Final = b"\xff\xff\xff\xff"
_LONGEST_SCHEMA: Final = 1 << 28
_SUFFIXES: Final = {
    ".csv": Kind.CSV,
    ".tsv": Kind.CSV,
    ".ndjson": Kind.NDJSON,
    ".jsonl": Kind.NDJSON,
    ".json": Kind.JSON,
    ".hex": Kind.LINES,
    ".bin": Kind.BINARY,
}
_PACKED: Final = {".gz", ".gzip", ".zst", ".zstd"}
_CONTROL: Final = re.compile(r"[\x00-\x08\x0e-\x1b\x7f]")


def find(arguments: Sequence[str], wanted: Wanted, beside: Path | None = None) -> Found:
    """The inputs that the arguments mean, in order.

    Args:
        arguments: files, directories (all that is in them, sorted), "-" for standard input.
        wanted: the columns, which help to tell a table from text.
        beside: the output, which is no input though it may lie in a directory of them.
    """
    found = Found()
    for argument in arguments:
        path = Path(argument)
        if argument == STDIN:
            _add(found, "standard input", None, wanted, given=True)
        elif path.is_dir():
            for file in _files(path, beside):
                _add(found, str(file), file, wanted, given=False)
        else:
            _add(found, argument, path, wanted, given=True)
    return found


def _files(directory: Path, beside: Path | None) -> Iterator[Path]:
    """All files of a directory and those below it, sorted, without the output."""
    outcome = beside.resolve() if beside is not None else None
    for folder, folders, names in os.walk(directory):
        folders[:] = sorted(name for name in folders if (Path(folder) / name).resolve() != outcome)
        for name in sorted(names):
            if (Path(folder) / name).resolve() != outcome:
                yield Path(folder) / name


def _add(found: Found, name: str, path: Path | None, wanted: Wanted, *, given: bool) -> None:
    if not given and path is not None and path.name.startswith((".", "_")):
        found.others.append(f"{name}: hidden")
        return
    try:
        status = path.stat() if path is not None else None
        if status is not None and not stat.S_ISREG(status.st_mode):
            raise ValueError("no file that can be read twice; give it as standard input, -")
        head, compression = _head(path)
        kind = _kind(head, path.name if path is not None else "", wanted, given=given)
    except OSError as error:
        found.failures.append(f"{name}: {error.strerror or error}")
        return
    except ValueError as error:
        (found.failures if given else found.others).append(f"{name}: {error}")
        return
    size, mtime = (status.st_size, status.st_mtime_ns) if status is not None else (0, 0)
    found.inputs.append(Input(name, path, kind, compression, size, mtime))


def _head(path: Path | None) -> tuple[bytes, Compression]:
    """The first octets, unpacked."""
    if path is None:
        packed = peek_stdin(_HEAD)
    else:
        with path.open("rb") as file:
            packed = file.read(_HEAD)
    compression = Compression.of(packed)
    if compression is Compression.NONE:
        return packed, compression
    if path is not None:
        with octets_of(path, compression) as stream:
            return stream.read(_HEAD), compression
    stream = pa.CompressedInputStream(pa.BufferReader(packed), compression.value)
    head = bytearray()
    try:
        while len(head) < _HEAD and (octets := stream.read(512)):
            head += octets
    except OSError:  # what was peeked at ends somewhere
        if not head:
            raise
    return bytes(head), compression


def _kind(head: bytes, name: str, wanted: Wanted, *, given: bool) -> Kind:
    """What content with this head holds. Raises `ValueError` where it is no input."""
    if not head.strip():
        raise ValueError("empty: no telegram in it")
    known = next((kind for magic, kind in _MAGIC if head.startswith(magic)), None)
    if known is not None:
        return known
    foreign = next((what for magic, what in _FOREIGN if head.startswith(magic)), None)
    if foreign is not None:
        raise ValueError(f"no file of telegrams: {foreign}")
    if head.startswith(_CONTINUED) and 0 < int.from_bytes(head[4:8], "little") < _LONGEST_SCHEMA:
        return Kind.ARROW_STREAM
    suffixes = [suffix.lower() for suffix in Path(name).suffixes]
    while suffixes and suffixes[-1] in _PACKED:
        suffixes.pop()
    named = _SUFFIXES.get(suffixes[-1]) if suffixes else None
    text = text_of(head)
    if text is None:
        if given or named is Kind.BINARY or wired_length(head):
            return Kind.BINARY
        raise ValueError("no file of telegrams: neither text nor frames nor a table")
    if named in (Kind.NDJSON, Kind.JSON):
        return Kind.JSON if named is Kind.JSON and not _is_object(_first_line(text)) else Kind.NDJSON
    if named is Kind.CSV:
        return Kind.LINES if wanted.column is None and _is_telegram(_first_line(text)) else Kind.CSV
    told = _kind_of_text(text, wanted)
    if told is None and not given and named is None:
        raise ValueError("no file of telegrams: its first line holds neither hex nor a known column")
    return told or Kind.LINES


def text_of(head: bytes) -> str | None:
    """The beginning of a text; None for what is no text."""
    utf_16 = head.startswith((BOM_UTF16_LE, BOM_UTF16_BE))
    try:
        # The last character may be cut.
        text = head[: len(head) & ~1].decode("utf-16") if utf_16 else head.removeprefix(BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        if utf_16 or error.start < len(head) - 4:  # another encoding of some comment, or octets
            text = head.decode("latin-1")
        else:
            text = head[: error.start].decode()
    return None if _CONTROL.search(text) else text


def _first_line(text: str) -> str:
    """The first line that says something."""
    lines = (line.strip() for line in text.splitlines())
    return next((line for line in lines if line and not line.startswith("#")), "")


def _kind_of_text(text: str, wanted: Wanted) -> Kind | None:
    line = _first_line(text)
    if _is_object(line):
        return Kind.NDJSON
    if re.match(r"\s*(\[\s*)?\{", text):
        return Kind.JSON
    if not line:
        return Kind.LINES
    if _octets_in(line) or (wanted.column is None and _is_captured(line)):
        return Kind.LINES
    if wanted.column is not None:
        return Kind.CSV
    if re.search("[,;\t]", line):
        try:
            column_of([cell.strip(' "') for cell in re.split("[,;\t]", line)], wanted.alone)
        except ValueError:
            pass
        else:
            return Kind.CSV
    # The programs of receivers say something of themselves before they hear anything.
    return Kind.LINES if any(map(_is_captured, text.splitlines()[:_BEFORE])) else None


def _octets_in(line: str) -> bytes:
    """The octets of a line of hex; none where it is something else."""
    try:
        return parse_hex(line.split(COMMENT, maxsplit=1)[0])
    except MBusError:
        return b""


def _is_telegram(line: str) -> bool:
    """Whether it is a telegram rather than the names of columns: "a,b" is hex too."""
    return len(_octets_in(line)) >= SHORT_LENGTH or _is_captured(line)


def _is_captured(line: str) -> bool:
    """Whether a receiver wrote the line, with a telegram in it."""
    found = received(line.split(COMMENT, maxsplit=1)[0].strip()) or ()
    return any(len(item.octets) >= SHORT_LENGTH for item in found)


def _is_object(line: str) -> bool:
    if not line.startswith("{"):
        return False
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False

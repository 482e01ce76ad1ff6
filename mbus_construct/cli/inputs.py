"""Where telegrams come from: hex arguments, files and standard input, binary or as lines of hex."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import typer

from mbus_grammars import DecodeError, Frame, IncompleteFrame, MBusError

from ..forms import looks_like_frame
from ..hextext import parse_hex

STDIN: Final = "-"

# A hex argument of at most so many characters is a part of a telegram: an unquoted "68 03 03 68 ...".
_PART: Final = 4


@dataclass(frozen=True)
class Source:
    """Octets of one telegram and where they stood; `fault` where they could not even be read as hex."""

    name: str
    octets: bytes = b""
    fault: MBusError | None = None


def sources(arguments: Sequence[str]) -> Iterator[Source]:
    """The telegrams that the arguments mean, in order. Without arguments standard input is read."""
    if not arguments and sys.stdin.isatty():
        raise typer.BadParameter("give a telegram in hex, a file, or - for standard input")
    hexes: list[str] = []
    for argument in arguments or (STDIN,):
        if argument != STDIN and not _is_file(argument):
            hexes.append(argument)
            continue
        yield from _from_hexes(hexes)
        hexes = []
        content = sys.stdin.buffer.read() if argument == STDIN else Path(argument).read_bytes()
        yield from from_content("standard input" if argument == STDIN else argument, content)
    yield from _from_hexes(hexes)


def _is_file(argument: str) -> bool:
    try:
        return Path(argument).is_file()
    except OSError:  # a telegram is no file name: too long
        return False


def _from_hexes(hexes: Sequence[str]) -> Iterator[Source]:
    """Arguments that are hex: one telegram each, or one in pieces."""
    if any(len(text) <= _PART for text in hexes):
        hexes = [" ".join(hexes)]
    for number, text in enumerate(hexes, 1):
        yield _from_text(f"argument {number}", text)


def _from_text(name: str, text: str) -> Source:
    try:
        return Source(name, parse_hex(text))
    except DecodeError as error:
        is_path = "/" in text or "\\" in text or text.endswith((".hex", ".bin", ".txt", ".csv"))
        no_file = DecodeError(f"no such file, and no hex: {text[:60]}", code="no_file")
        return Source(name, fault=no_file if is_path else error)


def from_content(name: str, content: bytes) -> Iterator[Source]:
    """The telegrams in a file's octets."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if not content.strip():
        yield Source(name, fault=DecodeError("empty", code="empty"))
    elif all(character.isprintable() or character.isspace() for character in text):
        yield from _from_lines(name, text.splitlines())
    else:
        yield from _from_binary(name, content)


def _from_lines(name: str, lines: Iterable[str]) -> Iterator[Source]:
    """One telegram a line; a frame that its line does not finish goes on in the next one."""
    pending = ""
    start = 0
    for number, line in enumerate(lines, 1):
        text = line.split("#")[0].strip()
        if not text:
            continue
        start = start if pending else number
        source = _from_text(f"{name}, line {start}", f"{pending} {text}")
        if source.fault is None and _unfinished(source.octets):
            pending = f"{pending} {text}"
            continue
        if source.fault is not None and pending:  # what was begun stays unfinished, this line is another one
            yield _from_text(f"{name}, line {start}", pending)
            source = _from_text(f"{name}, line {number}", text)
        pending = ""
        yield source
    if pending:
        yield _from_text(f"{name}, line {start}", pending)


def _unfinished(octets: bytes) -> bool:
    if not looks_like_frame(octets):
        return False
    try:
        Frame.parse(octets)
    except IncompleteFrame:
        return True
    except MBusError:
        return False
    return False


def _from_binary(name: str, content: bytes) -> Iterator[Source]:
    """Frames one after the other; octets that start with no frame are user data."""
    if not looks_like_frame(content) and content[:1] not in (b"\xe5", b"\x10"):
        yield Source(name, content)
        return
    offset = 0
    while offset < len(content):
        length = _frame_length(content[offset:])
        yield Source(f"{name}, offset {offset}", content[offset : offset + length])
        offset += length


def _frame_length(octets: bytes) -> int:
    """Octets of the frame at the start; where there is none, up to where the next one is whole."""
    if _whole(octets):
        return _announced(octets)
    for offset in range(1, len(octets)):
        if octets[offset] in (0x10, 0x68) and _whole(octets[offset:]):
            return offset
    return len(octets)


def _announced(octets: bytes) -> int:
    return {0xE5: 1, 0x10: 5}.get(octets[0]) or octets[1] + 6


def _whole(octets: bytes) -> bool:
    try:
        Frame.parse(octets)
    except MBusError:
        return False
    return True

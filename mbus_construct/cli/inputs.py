"""Where telegrams come from: arguments, files and standard input; binary, hex, or lines of receivers."""

from __future__ import annotations

import os
import sys
from codecs import BOM_UTF16_BE, BOM_UTF16_LE, IncrementalDecoder, getincrementaldecoder
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BufferedIOBase
from itertools import accumulate
from pathlib import Path
from stat import S_ISREG
from typing import Final, NamedTuple, cast

import typer

from mbus_grammars import DecodeError, MBusError

from ..octets.captures import COMMENT, received
from ..octets.framing import Found, frames_among, frames_in, has_wireless, telegrams_in, unfinished
from ..octets.hex_text import parse_hex
from ..octets.recognise import wired_length

STDIN: Final = "-"

# A hex argument of at most so many characters is a part of a telegram: an unquoted "68 03 03 68 ...".
_PART: Final = 4

_BLOCK: Final = 1 << 16
_STDIN_NAME: Final = "standard input"


@dataclass(frozen=True)
class Source:
    """Octets of one telegram and where they stood; `fault` where they could not even be read as hex."""

    name: str
    octets: bytes = b""
    fault: MBusError | None = None


class _Piece(NamedTuple):
    """A line or an argument: a telegram or a part of one, or the telegrams that stand in it."""

    source: Source
    telegrams: tuple[Source, ...] = ()


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
        yield from from_content(_STDIN_NAME if argument == STDIN else argument, content)
    yield from _from_hexes(hexes)


def piped(arguments: Sequence[str]) -> Iterator[Source] | None:
    """The telegrams of standard input as they come; None where it is a terminal or a file, or not alone."""
    if any(argument != STDIN for argument in arguments) or len(arguments) > 1 or sys.stdin.isatty():
        return None
    with suppress(OSError):  # what is no file of the system is none that is whole
        if S_ISREG(os.fstat(sys.stdin.fileno()).st_mode):
            return None
    return from_pipe(cast("BufferedIOBase", sys.stdin.buffer))


def _is_file(argument: str) -> bool:
    try:
        return Path(argument).is_file()
    except OSError:  # a telegram is no file name: too long
        return False


def _from_hexes(hexes: Sequence[str]) -> Iterator[Source]:
    """Arguments that are hex: one telegram each, or one in pieces."""
    if any(len(text) <= _PART for text in hexes) and not all(_is_frame(text) for text in hexes):
        hexes = [" ".join(hexes)]
    yield from _telegrams(_piece(f"argument {number}", text) for number, text in enumerate(hexes, 1))


def _frames_of(source: Source) -> Iterator[Source]:
    """The telegram, or the telegrams where several frames stand in one text."""
    found = () if source.fault is not None else tuple(telegrams_in(source.octets))
    yield from (source,) if len(found) < 2 else _placed(source.name, found)


def _placed(name: str, found: Iterable[Found]) -> Iterator[Source]:
    """What was found among octets, by its offset."""
    return (Source(f"{name}, offset {offset}", octets, fault) for octets, offset, fault in found)


def _is_frame(text: str) -> bool:
    octets = _from_text("", text).octets
    return bool(octets) and len(octets) == wired_length(octets)


def _from_text(name: str, text: str) -> Source:
    try:
        return Source(name, parse_hex(text))
    except DecodeError as error:
        is_path = "/" in text or "\\" in text or text.endswith((".hex", ".bin", ".txt", ".csv"))
        no_file = DecodeError(f"neither a file nor hex: {text[:60]}", code="no_file")
        return Source(name, fault=no_file if is_path else error)


def _piece(name: str, text: str) -> _Piece:
    """A line, or an argument, without comment: as a receiver writes it, or hex."""
    found = received(text)
    if found is not None:
        names = [name] if len(found) == 1 else [f"{name}, telegram {k}" for k in range(1, len(found) + 1)]
        telegrams = (Source(of, item.octets, item.fault) for of, item in zip(names, found, strict=True))
        return _Piece(Source(name), tuple(telegrams))
    source = _from_text(name, text)
    frames = frames_in(source.octets)
    if not has_wireless(frames):
        return _Piece(source)
    if len(frames) == 1:
        return _Piece(source, (source,))
    starts = accumulate(map(len, frames[:-1]), initial=0)
    rows = zip(starts, frames, strict=True)
    return _Piece(source, tuple(Source(f"{name}, offset {start}", frame) for start, frame in rows))


def from_pipe(pipe: BufferedIOBase, name: str = _STDIN_NAME) -> Iterator[Source]:
    """The telegrams of lines that come in one by one, each as soon as its line is there.

    A frame that its line does not finish waits for the next one. What does not begin with a line of text is
    read to its end, as a file is.
    """
    begun = b""
    decoder = getincrementaldecoder("utf-8-sig")()
    while not _has_line(begun):
        block = pipe.read1(_BLOCK)
        begun += block
        if not block or not _is_text(decoder, block):
            yield from from_content(name, begun + pipe.read())
            return
    yield from _from_lines(name, _lines_of(pipe, begun))


def _has_line(begun: bytes) -> bool:
    """Whether a line has ended in which something stands: not where a wired frame may begin, 68 0D 0D 68."""
    if begun.startswith(b"h") and (len(begun) <= _PART or begun[1:_PART] in (b"\r\rh", b"\n\nh")):
        return False
    text = begun.lstrip()
    return b"\n" in text or b"\r" in text


def _is_text(decoder: IncrementalDecoder, block: bytes) -> bool:
    """Whether the text goes on in the next octets."""
    try:
        return _is_printable(decoder.decode(block))
    except UnicodeDecodeError:
        return False


def _lines_of(pipe: BufferedIOBase, begun: bytes) -> Iterator[str]:
    """Lines, the first of which have been read; octets that are no text spoil their own line only."""
    decoder = getincrementaldecoder("utf-8-sig")("replace")
    block, rest, ended = begun, "", False
    while block:
        text = decoder.decode(block)
        if ended and text.startswith("\n"):  # of a CR LF, with the CR in the block before
            text = text[1:]
        lines = (rest + text).splitlines(keepends=True)
        rest = lines.pop() if lines and lines[-1].splitlines() == lines[-1:] else ""
        yield from lines
        ended = text.endswith("\r") or (ended and not text)
        block = pipe.read1(_BLOCK)
    yield rest + decoder.decode(b"", final=True)


def from_content(name: str, content: bytes) -> Iterator[Source]:
    """The telegrams in a file's octets."""
    utf_16 = content.startswith((BOM_UTF16_LE, BOM_UTF16_BE))  # what PowerShell writes
    try:
        text = content.decode("utf-16" if utf_16 else "utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if not content.strip():
        yield Source(name, fault=DecodeError("empty", code="empty"))
    elif _is_printable(text):
        yield from _from_lines(name, text.splitlines())
    else:
        yield from _from_binary(name, content)


def _is_printable(text: str) -> bool:
    return all(character.isprintable() or character.isspace() for character in text)


def _from_lines(name: str, lines: Iterable[str]) -> Iterator[Source]:
    """One telegram a line, without comments and blank lines; each as soon as its line is there."""
    texts = ((number, line.split(COMMENT)[0].strip()) for number, line in enumerate(lines, 1))
    pieces = (_piece(f"{name}, line {number}", text) for number, text in texts if text)
    empty = True
    for source in _telegrams(pieces):
        empty = False
        yield source
    if empty:
        yield Source(name, fault=DecodeError("no telegram in it", code="empty"))


def _telegrams(pieces: Iterable[_Piece]) -> Iterator[Source]:
    """The telegrams in pieces of hex; a frame that its piece does not finish goes on in the next one."""
    begun = Source("")
    for piece in pieces:
        source, telegrams = piece
        if begun.octets:
            joined = Source(begun.name, begun.octets + source.octets, source.fault)
            finished = bool(wired_length(joined.octets))
            if not wired_length(source.octets) and (finished or (not telegrams and _is_unfinished(joined))):
                source, telegrams = joined, ()
            else:  # what was begun stays unfinished, this piece is another telegram
                yield begun
        begun = Source("")
        if telegrams:
            yield from telegrams
        elif _is_unfinished(source):
            begun = source
        else:
            yield from _frames_of(source)
    if begun.octets:
        yield begun


def _is_unfinished(source: Source) -> bool:
    """Whether more octets may make a frame of these."""
    return source.fault is None and unfinished(source.octets)


def _from_binary(name: str, content: bytes) -> Iterator[Source]:
    """Frames one after the other, and what is no frame; where there is no frame at all, one telegram."""
    found = tuple(frames_among(content))
    if len(found) == 1 and not wired_length(found[0].octets):
        yield Source(name, content, found[0].fault)
    else:
        yield from _placed(name, found)

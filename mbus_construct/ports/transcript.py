"""Transcripts: everything that went over a port, with times, as lines of text.

    # mbus-construct transcript 1
         0.000 open /dev/ttyUSB0
         0.000 slack 0.02
         0.000 baud 2400
         0.004 M>S 10 7B 05 80 16 ; REQ_UD2 to 5, FCB 1
         0.031 S>M E5 ; acknowledgement
         0.240 fail /dev/ttyUSB0 failed (...): check the plug ...

Times are seconds from the start on the port's own clock. M>S is one call of `write`; octets S>M that come
without a pause stand in one line, with the time of the first one. What follows a semicolon, or #, is for
people. A line is on the disk octet by octet, so that an interrupted transcript is a transcript.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TextIO, TypeVar, get_args

from ..bus.receiver import receive
from ..bus.timing import BAUDRATES, idle
from ..errors import LocalProtocolError, TransportError
from .descriptions import FrameDescriber
from .errors import FileError
from .port import AsyncPort, OnAnother, Port

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


Result = TypeVar("Result")

HEADING: Final = "# mbus-construct transcript 1"

Kind = Literal["open", "slack", "baud", "M>S", "S>M", "wake", "fail", "close"]
_KINDS: Final = get_args(Kind)

_LINE: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s+(\S+)(?:\s+(.*\S))?\s*")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a transcript.

    Attributes:
        time: seconds from the start.
        kind: "M>S" and "S>M" for octets, "baud", "slack" and "wake" with a number, "open" and "fail" with a
            text, "close".
        octets: of M>S and S>M.
        number: the baud rate, or seconds of slack or wake-up.
        text: of open and fail.
        line: its number in the file.
    """

    time: float
    kind: Kind
    octets: bytes = b""
    number: float = 0
    text: str = ""
    line: int = 0


def read_transcript(path: str | Path) -> tuple[Entry, ...]:
    """The entries of a transcript, in order.

    Raises:
        FileError: the file cannot be read.
        LocalProtocolError: a line is none of a transcript; the message names file and line.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise FileError(f"{path} cannot be read ({error.strerror}): check the name") from error
    except UnicodeDecodeError as error:
        raise LocalProtocolError(f"{path} is no transcript: it is no text") from error
    return tuple(_entries(path, text))


def _entries(path: str | Path, text: str) -> Iterator[Entry]:
    lines = text.splitlines()
    if not lines or lines[0].strip() != HEADING:
        raise LocalProtocolError(f'{path}, line 1: no transcript, it does not begin with "{HEADING}"')
    latest = 0.0
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            entry = _entry(line, number)
            if entry.time < latest:
                raise ValueError(f"time {entry.time:.3f} is before that of the line above, {latest:.3f}")
        except ValueError as error:
            raise LocalProtocolError(f"{path}, line {number}: {error}") from error
        latest = entry.time
        yield entry


def _entry(line: str, number: int) -> Entry:
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError(f'"{line.strip()}" is no line of a transcript: seconds, then {", ".join(_KINDS)}')
    time, kind, rest = float(found[1]), found[2], found[3] or ""
    match kind:
        case "M>S" | "S>M":
            return Entry(time, kind, octets=_octets(rest.partition(";")[0]), line=number)
        case "baud" if rest.isdecimal() and int(rest) in BAUDRATES:
            return Entry(time, kind, number=int(rest), line=number)
        case "slack" | "wake" if re.fullmatch(r"\d+(\.\d+)?", rest):
            return Entry(time, kind, number=float(rest), line=number)
        case "open" | "fail" if rest:
            return Entry(time, kind, text=rest, line=number)
        case "close" if not rest:
            return Entry(time, kind, line=number)
        case _ if kind in _KINDS:
            raise ValueError(f'"{rest}" cannot stand behind {kind}')
        case _:
            raise ValueError(f"{kind} is none of {', '.join(_KINDS)}")


def _octets(text: str) -> bytes:
    if not re.fullmatch(r"(\s*[0-9A-Fa-f]{2})+\s*", text):
        raise ValueError(f'"{text.strip()}" are no octets in hex')
    return bytes.fromhex(text)


class Recorder:
    """Writes a transcript, each octet as soon as it is known."""

    def __init__(self, file: str | Path | TextIO, port: Port | AsyncPort) -> None:
        self._port = port
        self._start = port.now()
        self._owned = isinstance(file, (str, Path))
        self._name = str(file) if isinstance(file, (str, Path)) else getattr(file, "name", "the transcript")
        try:
            self._file = open(file, "w", encoding="utf-8") if isinstance(file, (str, Path)) else file  # noqa: SIM115
        except OSError as error:
            raise self._unwritable(error) from error
        self._unread = b""  # octets S>M of the line that is being written
        self._missing = 0  # octets that a frame in it lacks
        self._latest = 0.0  # when the latest of them came
        self._listening = FrameDescriber()
        self._put(HEADING + "\n")
        self.opened()

    def opened(self) -> None:
        """The port was opened, or opened again."""
        self._event(f"open {self._port.name}")
        self._event(f"slack {self._port.slack:g}")
        self._event(f"baud {self._port.baudrate}")

    def sent(self, octets: bytes) -> None:
        """The master sends."""
        self._event(f"M>S {_hex(octets)} ; {self._listening.sent(octets)}")

    def received(self, octets: bytes) -> None:
        """Octets came: the line goes on until a frame ends or the line was idle."""
        now = self._port.now()
        if self._unread and now - self._latest > idle(self._port.baudrate) + self._port.slack:
            self._end_line()
        if self._unread:
            self._put(f" {_hex(octets)}")
        else:
            self._put(f"{self._time(now)} S>M {_hex(octets)}")
        self._latest = now
        self._unread += octets
        self._missing -= len(octets)
        if self._missing <= 0:
            pieces, self._missing = receive(self._unread)
            if not self._missing and pieces[-1].frame is not None:
                self._end_line()

    def changed(self, baudrate: int) -> None:
        """The line's speed is another."""
        self._event(f"baud {baudrate}")

    def woke(self, seconds: float) -> None:
        """Wake-up characters were sent for so long; called before."""
        self._event(f"wake {seconds:g}")

    def failed(self, error: Exception) -> None:
        """The port failed."""
        self._event(f"fail {' '.join(str(error).split())}")

    def close(self) -> None:
        """The port was closed; the file too, if it was opened here."""
        if self._file.closed:
            return
        try:
            self._event("close")
        finally:
            if self._owned:
                with suppress(OSError):  # it has been told, and the file is closed all the same
                    self._file.close()

    def _event(self, text: str) -> None:
        if self._unread:
            self._end_line()
        self._put(f"{self._time(self._port.now())} {text}\n")

    def _end_line(self) -> None:
        words = self._listening.heard(self._unread)
        self._unread, self._missing = b"", 0
        self._put(f" ; {words}\n")

    def _time(self, now: float) -> str:
        return f"{max(0.0, now - self._start):10.3f}"

    def _put(self, text: str) -> None:
        try:
            self._file.write(text)
            self._file.flush()
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> FileError:
        return FileError(
            f"{self._name} cannot be written ({error.strerror}): record into another folder, or make room"
        )


def _hex(octets: bytes) -> str:
    return octets.hex(" ").upper()


class RecordingPort(OnAnother[Port]):
    """A port that writes down everything that goes over another one. Closing it closes both."""

    def __init__(self, port: Port, file: str | Path | TextIO) -> None:
        super().__init__(port)
        self._recorder = Recorder(file, port)

    def _do(self, call: Callable[[], Result]) -> Result:
        try:
            return call()
        except TransportError as error:
            self._recorder.failed(error)
            raise

    def write(self, octets: bytes) -> None:
        """Hand over the octets."""
        self._recorder.sent(octets)
        self._do(lambda: self._port.write(octets))

    def read(self, deadline: float) -> bytes:
        """The octets that are there, as soon as there are any; b"" once the deadline is reached."""
        octets = self._do(lambda: self._port.read(deadline))
        if octets:
            self._recorder.received(octets)
        return octets

    def set_baudrate(self, baudrate: int) -> None:
        """Change the line's speed."""
        self._do(lambda: self._port.set_baudrate(baudrate))
        self.baudrate = baudrate
        self._recorder.changed(baudrate)

    def wake_up(self, seconds: float) -> None:
        """Send 55h without parity for so long; then the line is 8E1 again."""
        self._recorder.woke(seconds)
        self._do(lambda: self._port.wake_up(seconds))

    def reopen(self) -> None:
        """Close and open again."""
        self._do(self._port.reopen)
        self._recorder.opened()

    def close(self) -> None:
        """Give the port back and end the transcript."""
        try:
            self._do(self._port.close)
        finally:
            self._recorder.close()


class AsyncRecordingPort(OnAnother[AsyncPort]):
    """The same for asyncio; see `RecordingPort`."""

    def __init__(self, port: AsyncPort, file: str | Path | TextIO) -> None:
        super().__init__(port)
        self._recorder = Recorder(file, port)

    async def _do(self, call: Awaitable[Result]) -> Result:
        try:
            return await call
        except TransportError as error:
            self._recorder.failed(error)
            raise

    async def write(self, octets: bytes) -> None:
        """Hand over the octets."""
        self._recorder.sent(octets)
        await self._do(self._port.write(octets))

    async def read(self, deadline: float) -> bytes:
        """The octets that are there, as soon as there are any; b"" once the deadline is reached."""
        octets = await self._do(self._port.read(deadline))
        if octets:
            self._recorder.received(octets)
        return octets

    async def set_baudrate(self, baudrate: int) -> None:
        """Change the line's speed."""
        await self._do(self._port.set_baudrate(baudrate))
        self.baudrate = baudrate
        self._recorder.changed(baudrate)

    async def wake_up(self, seconds: float) -> None:
        """Send 55h without parity for so long; then the line is 8E1 again."""
        self._recorder.woke(seconds)
        await self._do(self._port.wake_up(seconds))

    async def reopen(self) -> None:
        """Close and open again."""
        await self._do(self._port.reopen())
        self._recorder.opened()

    async def close(self) -> None:
        """Give the port back and end the transcript."""
        try:
            await self._do(self._port.close())
        finally:
            self._recorder.close()

"""A transcript as a port: each thing the master asks gets the answer that the transcript holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from pathlib import Path
from typing import Final, NamedTuple, Self

from ..bus.timing import check_baudrate
from ..errors import LocalProtocolError, TransportError
from .errors import closed
from .real_time import NETWORK_SLACK
from .transcript import Entry, read_transcript

_DEFAULT_BAUDRATE: Final = 2400


class _Part(NamedTuple):
    """What came: `octets`, or a failure of the port; `time` after the master's octets."""

    time: float
    order: int
    octets: bytes
    failure: str = ""


@dataclass
class _Exchange:
    """What a master sent, and what came until it sent again."""

    octets: bytes
    baudrate: int
    start: float
    answer: list[_Part] = field(default_factory=list[_Part])


class ReplayPort:
    """Answers from a transcript, in virtual time.

    The same octets asked again get the next answer that the transcript holds for them, and the last one from
    then on; what was never asked gets silence and is kept in `unknown`. A failure of the port that is in the
    transcript fails again. Where the transcript knows the baud rate, answers are those at that rate.
    """

    def __init__(
        self, entries: Sequence[Entry], *, name: str = "replay:", baudrate: int = _DEFAULT_BAUDRATE
    ) -> None:
        self.name = name
        self.baudrate = check_baudrate(baudrate)
        self.sets_baudrate = True
        self.slack = max((entry.number for entry in entries if entry.kind == "slack"), default=NETWORK_SLACK)
        self.unknown: list[bytes] = []
        self._now = 0.0
        self._open = True
        self._order = 0
        self._coming: list[_Part] = []
        exchanges, unasked = _exchanges(entries)
        self._baudrates = [exchange.baudrate for exchange in exchanges]
        self._held: dict[tuple[bytes, int], list[list[_Part]]] = {}
        for exchange in exchanges:
            self._held.setdefault((exchange.octets, exchange.baudrate), []).append(exchange.answer)
        for part in unasked:
            self._will_come(part)

    @classmethod
    def open(cls, path: str | Path, *, baudrate: int = _DEFAULT_BAUDRATE) -> Self:
        """Replay a file. Raises as `read_transcript` does."""
        if not str(path):
            raise LocalProtocolError("replay: wants the name of a transcript: replay:FILE")
        return cls(read_transcript(path), name=f"replay:{path}", baudrate=baudrate)

    def now(self) -> float:
        """Virtual seconds since it was opened."""
        return self._now

    def write(self, octets: bytes) -> None:
        """Look up what the transcript answers to these octets."""
        self._working()
        # A rate that the transcript does not know is a mistake of the command line, not another bus.
        known = self._baudrates
        baudrate = self.baudrate if self.baudrate in known or not known else known[0]
        answers = self._held.get((octets, baudrate))
        if answers is None:
            self.unknown.append(octets)
            return
        for part in answers.pop(0) if len(answers) > 1 else answers[0]:
            self._will_come(part._replace(time=self._now + part.time))

    def read(self, deadline: float) -> bytes:
        """The octets that have come; else the clock jumps to the next ones, or to the deadline."""
        self._working()
        if not self._coming or self._coming[0].time > max(deadline, self._now):
            self._now = max(deadline, self._now)
            return b""
        part = heappop(self._coming)
        self._now = max(self._now, part.time)
        if part.failure:
            raise TransportError(part.failure)
        return part.octets

    def set_baudrate(self, baudrate: int) -> None:
        """Go on with the answers at another speed."""
        self._working()
        self.baudrate = check_baudrate(baudrate)

    def wake_up(self, seconds: float) -> None:
        """Let the time pass."""
        self._working()
        self._now += seconds

    def reopen(self) -> None:
        """Drop what was under way."""
        self._coming.clear()
        self._open = True

    def close(self) -> None:
        """Closing twice does nothing."""
        self._open = False

    def _working(self) -> None:
        if not self._open:
            raise closed(self.name)

    def _will_come(self, part: _Part) -> None:
        self._order += 1
        heappush(self._coming, part._replace(order=self._order))


def open_replay(url: str, baudrate: int, **_: float) -> ReplayPort:
    """The port of replay:FILE."""
    return ReplayPort.open(url.partition(":")[2], baudrate=baudrate)


def _exchanges(entries: Sequence[Entry]) -> tuple[list[_Exchange], list[_Part]]:
    """What was asked with its answers, and what came before anything was asked."""
    exchanges: list[_Exchange] = []
    unasked: list[_Part] = []
    baudrate = _DEFAULT_BAUDRATE
    for entry in entries:
        if entry.kind == "baud":
            baudrate = int(entry.number)
        elif entry.kind == "M>S":
            exchanges.append(_Exchange(entry.octets, baudrate, entry.time))
        elif entry.kind in ("S>M", "fail"):
            start = exchanges[-1].start if exchanges else 0.0
            part = _Part(entry.time - start, 0, entry.octets, entry.text)
            (exchanges[-1].answer if exchanges else unasked).append(part)
    return exchanges, unasked

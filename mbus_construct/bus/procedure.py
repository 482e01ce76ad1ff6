"""What a procedure asks of the master, and what it is told.

A procedure is a generator: it yields steps and events, is sent the outcome of each step, and returns its
result. It knows no clock and no port, and procedures are composed with `yield from`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from mbus_grammars.places import SELECTIONS

from ..decoding.decode import decode
from ..errors import LocalProtocolError
from ..security.keys import Keys
from .address import LAST_PRIMARY
from .events import Event

if TYPE_CHECKING:
    from mbus_grammars import MBusError

    from ..model.telegram import Telegram

ATTEMPTS = 3  # MBDOC48 5.4: a request without answer is repeated up to two times

NO_KEYS = Keys()

Kind = Literal["ack", "data", "silence", "garbled", "foreign", "sent"]


@dataclass(frozen=True, slots=True)
class Request:
    """One frame of the master and how its answer is awaited.

    Attributes:
        c_field: "SND_NKE", "SND_UD", "REQ_UD1" or "REQ_UD2"; the master sets FCB and FCV.
        ci_field, user_data: of a long frame, as the grammar takes them.
        octets: a frame that is sent as it is, instead of all that.
        attempts: how often it is sent at most; None for the master's own number.
        window: seconds for the first octet of an answer; None for the master's own.
        patience: seconds that the last attempt waits at least.
        hasty: where octets came that are no frame, do not wait for another answer.
        fresh: wait first for what may still come of earlier requests for data to the same meter.
        accepts: whether a frame of a meter is the answer to this request; others are not taken for it.
    """

    c_field: str = ""
    a_field: int = 0
    ci_field: int | None = None
    user_data: Mapping[str, Any] | None = None
    octets: bytes = b""
    attempts: int | None = None
    window: float | None = None
    patience: float = 0.0
    hasty: bool = False
    fresh: bool = False
    accepts: Callable[[Mapping[str, Any]], bool] | None = field(default=None, compare=False)

    @property
    def selects(self) -> bool:
        """Whether it is a selection by secondary address."""
        return self.ci_field in SELECTIONS

    def is_answered_by(self, frame: Mapping[str, Any]) -> bool:
        """Whether a meter's frame with data is the answer to this request."""
        if self.octets:
            return True
        if self.c_field not in ("REQ_UD1", "REQ_UD2"):
            return False
        if self.a_field <= LAST_PRIMARY and int(frame["a_field"]) != self.a_field:
            return False
        return self.accepts is None or self.accepts(frame)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a request ended.

    Attributes:
        kind: "ack", E5; "data", a frame with user data; "silence"; "garbled", octets that are no frame;
            "foreign", nothing but frames that another meter sent, or another master; "sent", a broadcast.
        octets: the frame, or the octets that came instead.
        frame: its fields in the grammar's words.
        attempts: how often the request was sent.
        garbled: octets that were no frame, in any of the attempts.
        foreign: frames that were no answer to this request.
        before: frames and other octets that were heard before the request was sent at all.
        delay: seconds from the request's end to the answer's first octet, as far as this end can see.
        doubtful: the acknowledgement may be a late one, of an earlier request.
        keys: of the meters, for what is encrypted in the answer.
    """

    kind: Kind
    octets: bytes = b""
    frame: Mapping[str, Any] | None = None
    attempts: int = 1
    garbled: bytes = b""
    foreign: tuple[bytes, ...] = ()
    before: tuple[bytes, ...] = ()
    delay: float | None = None
    doubtful: bool = False
    keys: Keys = field(default=NO_KEYS, repr=False, compare=False)

    @property
    def telegram(self) -> Telegram:
        """The answer as values, opened where there is a key for it."""
        return decode(self.octets, link="frame", keys=self.keys)


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait for so many seconds, or until something is heard where `listen` says so."""

    seconds: float
    listen: bool = False


@dataclass(frozen=True, slots=True)
class SetBaudrate:
    """Go on at another speed."""

    baudrate: int


@dataclass(frozen=True, slots=True)
class WakeUp:
    """Send a wake-up preamble for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Send:
    """Octets for the port, of the master."""

    octets: bytes


Command = Send | SetBaudrate | WakeUp  # what a driver does
Step = Request | Pause | SetBaudrate | WakeUp

T = TypeVar("T")
Procedure = Generator[Step | Event, Outcome | bytes | None, T]


def ask(request: Request) -> Procedure[Outcome]:
    """The outcome of a request."""
    outcome = yield request
    if not isinstance(outcome, Outcome):
        raise TypeError(f"a request has an Outcome, not {outcome!r}")
    return outcome


def listen(seconds: float, *, until_heard: bool = False) -> Procedure[bytes]:
    """What is heard while the master is silent."""
    heard = yield Pause(seconds, until_heard)
    return heard if isinstance(heard, bytes) else b""


class Call(Generic[T]):
    """One procedure on its way, and what became of it.

    Attributes:
        procedure: the generator.
        pending: what it waits for.
        baudrate: of the line, while it was put aside.
        done: whether it has ended.
    """

    def __init__(self, procedure: Procedure[T]) -> None:
        self.procedure = procedure
        self.pending: Request | Pause = Pause(0.0)
        self.baudrate = 0
        self.done = False
        self._value: T | None = None
        self._error: MBusError | None = None

    def finish(self, value: T | None = None, error: MBusError | None = None) -> None:
        """It has returned, or ended with an error."""
        self.done, self._value, self._error = True, value, error

    def give_up(self) -> None:
        """It is not wanted any more."""
        self.procedure.close()
        self.finish(error=LocalProtocolError("this call was given up before its end"))

    @property
    def result(self) -> T:
        """What the procedure returned; raises the error with which it ended."""
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]  # None only before the end, or as T itself


def nothing() -> Procedure[None]:
    """A procedure that does nothing."""
    yield from ()

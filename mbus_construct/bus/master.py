"""The master's link layer as a state machine. EN 13757-2; MBDOC48 5.4, 5.5 and 7.

Octets and the time go in (`advance`); octets to send, the next deadline and events come out (`commands`,
`deadline`, `events`). There is no clock, no port and no sleep: a driver of a few lines runs the same master
over a serial port, over asyncio and in virtual time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar

from mbus_grammars import Frame, MBusError

from ..errors import LocalProtocolError
from . import timing
from .address import BROADCAST, LAST_PRIMARY, SELECTED
from .fcb import COUNTED, FrameCountBits
from .receiver import Piece, Reception, receive, resembles
from .steps import ATTEMPTS, Kind, Outcome, Pause, Procedure, Request, SetBaudrate, WakeUp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .events import Event

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Send:
    """Octets for the port."""

    octets: bytes


def frame_of(request: Request, *, fcb: bool = True) -> bytes:
    """The octets of a request; `fcb` is its frame count bit, where it has one. MBDOC48 5.3 and 5.5."""
    name, a_field = request.c_field, request.a_field
    c_field: dict[str, Any] = {"name": name}
    if name in COUNTED:
        counted = a_field != BROADCAST
        c_field |= {"fcv": counted, "fcb": counted and fcb}
    values: dict[str, Any] = {"c_field": c_field, "a_field": a_field}
    if request.ci_field is not None:
        values |= {"ci_field": request.ci_field, "user_data": dict(request.user_data or {})}
    return bytes(Frame.build(values))


Command = Send | SetBaudrate | WakeUp
Phase = Literal["idle", "clearing", "awaiting", "pausing"]

# However much noise there is: so many seconds behind the window an attempt ends.
_LONGEST_NOISE: Final = 3.0
_LONGEST_CLEARING: Final = 3.0
# A request that was repeated may be answered once more for every repetition. So long they are waited for.
_LONGEST_DRAIN: Final = 2.5


class Master(Generic[T]):
    """Runs one procedure after the other: `start`, then `advance` until `done`.

    Args:
        baudrate: of the line.
        slack: seconds that the way to the bus adds to any answer.
        timeout: seconds for the first octet of an answer, instead of the standard's 330 bit times + 50 ms.
        attempts: how often a request is sent at most.
    """

    def __init__(
        self,
        *,
        baudrate: int = 2400,
        slack: float = 0.0,
        timeout: float | None = None,
        attempts: int = ATTEMPTS,
    ) -> None:
        self.baudrate = baudrate
        self.slack = slack
        self.timeout = timeout
        self.attempts = attempts
        self.fcb = FrameCountBits()
        self.selected = False  # whether a meter may be selected by secondary address
        self.echoes = False  # whether the converter has been heard to echo
        self.slowest: float | None = None  # seconds, of all answers so far
        self._phase: Phase = "idle"
        self._deadline: float | None = None
        self._commands: list[Command] = []
        self._events: list[Event] = []
        self._procedure: Procedure[T] | None = None
        self._result: T | None = None
        self._error: MBusError | None = None
        self._heard = bytearray()
        self._stray = bytearray()
        self._late = 0  # answers to repetitions that may still come ...
        self._drain_until = 0.0  # ... until then
        self._quiet_until = 0.0

    # --- What a driver needs

    def start(self, procedure: Procedure[T], now: float) -> None:
        """Begin a procedure. Raises `LocalProtocolError` while another one runs."""
        if self._procedure is not None:
            raise LocalProtocolError("the bus is busy with another call; wait for its end")
        self._procedure = procedure
        self._result = self._error = None
        self._step(None, now)

    @property
    def done(self) -> bool:
        """Whether the procedure has ended."""
        return self._procedure is None

    @property
    def result(self) -> T:
        """What the procedure returned; raises the error with which it ended."""
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]  # None only before the end, or as T itself

    @property
    def deadline(self) -> float:
        """The time at which `advance` is to be called, if nothing is heard before."""
        return 0.0 if self._deadline is None else self._deadline

    def commands(self) -> list[Command]:
        """What the driver has to do now, in order."""
        commands, self._commands = self._commands, []
        return commands

    def events(self) -> list[Event]:
        """What has happened since the last call."""
        events, self._events = self._events, []
        return events

    def advance(self, octets: bytes, now: float) -> None:
        """Octets were heard (b"": none), and it is now so late."""
        if self._phase == "awaiting":
            self._await(octets, now)
        elif self._phase == "clearing":
            self._clear(octets, now)
        elif self._phase == "pausing":
            self._heard += octets
            if now >= self.deadline or (octets and self._pause.listen):
                heard = bytes(self._heard)
                self._phase = "idle"
                self._step(heard, now)

    def interrupted(self, now: float) -> None:
        """The port failed and is open again: what was under way is sent once more."""
        self._heard.clear()
        if self._phase == "awaiting":
            self._attempt -= 1
        if self._phase in ("awaiting", "clearing"):
            self._clear_before_sending(now)

    def abort(self) -> None:
        """Give up the procedure, so that another one may start."""
        procedure, self._procedure = self._procedure, None
        self._phase = "idle"
        self._commands.clear()
        if procedure is not None:
            procedure.close()

    # --- Steps of the procedure

    def _step(self, answer: Outcome | bytes | None, now: float) -> None:
        procedure = self._procedure
        if procedure is None:
            return
        while True:
            try:
                step = procedure.send(answer)
            except StopIteration as end:
                self._procedure, self._result = None, end.value
                return
            except MBusError as error:
                self._procedure, self._error = None, error
                return
            except BaseException:
                self._procedure = None
                raise
            answer = None
            if isinstance(step, Request):
                self._request(step, now)
                return
            if isinstance(step, Pause):
                self._phase, self._pause, self._deadline = "pausing", step, now + step.seconds
                self._heard.clear()
                return
            if isinstance(step, SetBaudrate):
                self.baudrate = step.baudrate
                self._commands.append(step)
            elif isinstance(step, WakeUp):
                self._commands.append(step)
            else:
                self._events.append(step)

    # --- Sending

    def _request(self, request: Request, now: float) -> None:
        self._current = request
        self._octets = request.octets or frame_of(request, fcb=self._next_fcb(request))
        self._attempt = 0
        self._first_sent: float | None = None
        self._garbled = bytearray()
        self._foreign: list[bytes] = []
        self._clear_before_sending(now)

    def _next_fcb(self, request: Request) -> bool:
        # A selection resets the bits itself; 73h is what libmbus and pyMeterBus send, and meters know.
        return request.selects or self.fcb.bit(request.a_field, request.c_field)

    def _clear_before_sending(self, now: float) -> None:
        """Hear first what is still there of the dialogue before: it must not be taken for an answer."""
        self._phase = "clearing"
        self._clear_limit = max(now, self._drain_until) + _LONGEST_CLEARING
        self._deadline = max(now, self._quiet_until, self._drain_until if self._late else now)
        self._heard.clear()

    def _clear(self, octets: bytes, now: float) -> None:
        if octets:
            self._heard += octets
            quiet = now + timing.idle(self.baudrate) + self.slack
            frames = sum(piece.frame is not None for piece in receive(bytes(self._heard)).pieces)
            if frames >= self._late:
                self._late = 0
            self._deadline = min(
                max(quiet, self._drain_until if self._late else quiet),
                self._clear_limit,
            )
        elif now >= self.deadline:
            self._keep_strays()
            self._send(now)

    def _keep_strays(self) -> None:
        for piece in receive(bytes(self._heard), final=True).pieces:
            if piece.frame is None:
                self._garbled += piece.octets
            elif piece.octets != self._octets:
                self._foreign.append(piece.octets)

    def _send(self, now: float) -> None:
        request = self._current
        self._late, self._drain_until = 0, 0.0
        self._attempt += 1
        self._commands.append(Send(self._octets))
        self._sent_end = now + timing.duration(len(self._octets), self.baudrate)
        self._first_sent = self._sent_end if self._first_sent is None else self._first_sent
        self._window_end = (
            self._sent_end + self._window(request) + timing.duration(1, self.baudrate) + self.slack
        )
        self._heard.clear()
        self._heard_at: float | None = None
        self._phase = "awaiting"
        self._note_sent(request)
        if request.a_field == BROADCAST and not request.octets:
            self._window_end = self._sent_end + timing.idle(self.baudrate)
        self._deadline = self._window_end

    def _note_sent(self, request: Request) -> None:
        """What a meter that hears this knows from now on."""
        if request.c_field == "SND_NKE":
            self.fcb.reset(request.a_field)
            if request.a_field in (SELECTED, BROADCAST):
                self.selected = False
        elif request.selects:
            self.fcb.reset(SELECTED)
            self.selected = True
        elif request.octets:
            self._note_raw(request.octets)

    def _note_raw(self, octets: bytes) -> None:
        """A frame that somebody made by hand may have moved any bit at its address."""
        for piece in receive(octets, final=True).pieces:
            if piece.to_meter and piece.frame is not None:
                self.fcb.forget(int(piece.frame["a_field"]))
                self.selected = self.selected or piece.frame.get("ci_field") in (0x52, 0x56)

    def _window(self, request: Request) -> float:
        window = request.window if request.window is not None else self.timeout
        if window is None:
            window = timing.last_answer(self.baudrate)
        last = self._attempt == self._attempts_of(request)
        return max(window, request.patience) if last else window

    def _attempts_of(self, request: Request) -> int:
        return self.attempts if request.attempts is None else request.attempts

    # --- Receiving

    def _await(self, octets: bytes, now: float) -> None:
        if octets:
            self._heard += octets
            self._heard_at = now
        final = not octets and now >= self.deadline
        if not octets and not final:
            return
        heard = bytes(self._heard)
        reception = receive(heard, final=final)
        pieces = self._without_echo(reception.pieces)
        answer = self._answer(pieces, final=final)
        if answer is not None:
            self._succeed(answer, now)
        elif final or now >= self._window_end + _LONGEST_NOISE:
            self._fail(pieces, now)
        else:
            self._wait_on(reception, pieces, now)

    def _without_echo(self, pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
        """The pieces without what the converter sent back; a damaged echo is known by its likeness."""
        if pieces and pieces[0].octets == self._octets:
            self.echoes = True
            return pieces[1:]
        if len(pieces) > 1 and pieces[0].frame is None and resembles(pieces[0].octets, self._octets):
            return pieces[1:]
        return pieces

    def _answer(self, pieces: tuple[Piece, ...], *, final: bool) -> Piece | None:
        """The answer among the pieces: what is valid, of a meter, and to this request."""
        request = self._current
        for index, piece in enumerate(pieces):
            if piece.from_meter and self._is_answer(piece.frame or {}):
                return piece
            if piece.acknowledges and index == 0 and self._takes_ack(request, pieces, final=final):
                return piece
        return None

    def _takes_ack(self, request: Request, pieces: tuple[Piece, ...], *, final: bool) -> bool:
        """Whether an E5 that is the first octet heard answers the request.

        Behind other octets an E5 may be a part of them. To REQ_UD1 and REQ_UD2 it means "no data", unless a
        frame follows: then it was the late acknowledgement of something before.
        """
        if request.c_field in ("REQ_UD1", "REQ_UD2") or request.octets:
            return final and len(pieces) == 1
        return True

    def _is_answer(self, frame: Mapping[str, Any]) -> bool:
        request = self._current
        if request.octets:
            return True
        if request.c_field not in ("REQ_UD1", "REQ_UD2"):
            return False
        if request.a_field <= LAST_PRIMARY and int(frame["a_field"]) != request.a_field:
            return False
        return request.accepts is None or request.accepts(frame)

    def _wait_on(self, reception: Reception, pieces: tuple[Piece, ...], now: float) -> None:
        """When to give up, after something was heard that is no answer so far."""
        limit = self._window_end + _LONGEST_NOISE
        if reception.missing:
            rest = timing.duration(reception.missing, self.baudrate)
            gap = timing.last_answer(self.baudrate) + self.slack
            deadline = max(now + rest + gap, self._window_end)
        elif pieces:
            quiet = now + timing.end_of_collision(self.baudrate) + self.slack
            # An E5 alone is the late acknowledgement of something before more often than an answer.
            hasty = self._current.hasty and not pieces[-1].acknowledges
            deadline = quiet if hasty else max(quiet, self._window_end)
        else:
            deadline = self._window_end
        self._deadline = min(deadline, limit)

    def _succeed(self, piece: Piece, now: float) -> None:
        request = self._current
        self._note_pieces(receive(bytes(self._heard), final=True).pieces, answer=piece)
        if not request.octets:
            self.fcb.succeeded(request.a_field, request.c_field)
        self._quiet_until = now + timing.turnaround(self.baudrate)
        delay = max(0.0, now - timing.duration(len(piece.octets), self.baudrate) - self._sent_end)
        self.slowest = delay if self.slowest is None else max(self.slowest, delay)
        self._late = self._attempt - 1
        if self._late and self._first_sent is not None:
            self._drain_until = now + min(now - self._first_sent, _LONGEST_DRAIN)
        self._finish("ack" if piece.acknowledges else "data", piece, delay, now)

    def _note_pieces(self, pieces: tuple[Piece, ...], answer: Piece | None = None) -> None:
        for piece in self._without_echo(pieces):
            if piece.frame is None:
                self._garbled += piece.octets
            elif answer is None or piece.octets != answer.octets:
                self._foreign.append(piece.octets)

    def _fail(self, pieces: tuple[Piece, ...], now: float) -> None:
        request = self._current
        self._note_pieces(pieces)
        if pieces:
            self._quiet_until = now + timing.idle(self.baudrate)
        if request.a_field == BROADCAST and not request.octets:
            self._finish("sent", None, None, now)
        elif self._attempt < self._attempts_of(request):
            self._clear_before_sending(now)
        else:
            self._finish(self._failure(pieces), None, None, now)

    def _failure(self, pieces: tuple[Piece, ...]) -> Kind:
        """What the last attempt's octets say. An E5 with others beside it is of more than one meter."""
        if any(piece.frame is None or piece.acknowledges for piece in pieces):
            return "garbled"
        return "foreign" if self._foreign else "silence"

    def _finish(self, kind: Kind, piece: Piece | None, delay: float | None, now: float) -> None:
        octets = piece.octets if piece is not None else bytes(self._heard)
        frame = None if piece is None else piece.frame
        garbled, foreign = bytes(self._garbled), tuple(self._foreign)
        self._phase = "idle"
        self._step(Outcome(kind, octets, frame, self._attempt, garbled, foreign, delay), now)

"""The master's link layer as a state machine. EN 13757-2; MBDOC48 5.4, 5.5 and 7.

Octets and the time go in (`advance`); octets to send, the next deadline and events come out (`commands`,
`deadline`, `events`). There is no clock, no port and no sleep: a driver of a few lines runs the same master
over a serial port, over asyncio and in virtual time.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final, TypeVar

from mbus_grammars import MBusError
from mbus_grammars.link import MAX_FRAME
from mbus_grammars.places import SELECTIONS

from ..errors import LocalProtocolError, TransportError
from . import timing
from .address import LAST_PRIMARY, SELECTED, TEST
from .exchange import ACKNOWLEDGEMENT, Exchange, frame_of
from .frame_count_bits import COUNTED, FrameCountBits
from .procedure import (
    ATTEMPTS,
    NO_KEYS,
    Call,
    Command,
    Kind,
    Outcome,
    Pause,
    Procedure,
    Request,
    Send,
    SetBaudrate,
    WakeUp,
    nothing,
)
from .receiver import Piece, Reception, receive

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..security.keys import Keys
    from .events import Event

T = TypeVar("T")


class Phase(Enum):
    """What the master is doing; it sends nothing but at the end of `CLEARING`."""

    IDLE = auto()
    CLEARING = auto()  # hearing the rest of the dialogue before
    AWAITING = auto()  # an answer
    PAUSING = auto()


# However much noise there is: so many seconds and a long frame after the window an attempt ends.
_LONGEST_NOISE: Final = 3.0
_LONGEST_CLEARING: Final = 3.0
# What follows so many octets without an answer is no answer: the longest frame thrice, with its echo.
_MOST_OCTETS: Final = 3 * MAX_FRAME
# A request that was repeated may be answered once more for every repetition. So long they are waited for.
_LONGEST_DRAIN: Final = 2.5
# The latest answers that have been seen; until then an E5 may belong to a request that was given up.
_LATEST_ANSWER: Final = 2.2
# A gateway that goes away at every request must not be called for ever.
_MOST_INTERRUPTIONS: Final = 5


class Master:
    """Runs procedures, one at a time: `start`, `advance` until the call is `done`, `end`.

    Args:
        baudrate: of the line.
        slack: seconds that the way to the bus adds to any answer.
        timeout: seconds for the first octet of an answer, instead of the standard's 330 bit times + 50 ms and
            the slack.
        attempts: how often a request is sent at most.
        keys: of the meters; procedures see answers opened with them.
    """

    def __init__(
        self,
        *,
        baudrate: int = 2400,
        slack: float = 0.0,
        timeout: float | None = None,
        attempts: int = ATTEMPTS,
        keys: Keys = NO_KEYS,
    ) -> None:
        self.baudrate = baudrate
        self.slack = slack
        self.timeout = timeout
        self.attempts = attempts
        self.keys = keys
        self.fcb = FrameCountBits()
        self.selected = False  # whether a meter may be selected by secondary address
        self.echoes = False  # whether the converter has been heard to echo
        self._phase = Phase.IDLE
        self._deadline: float | None = None
        self._commands: list[Command] = []
        self._events: list[Event] = []
        self._call: Call[Any] | None = None
        self._last: Call[Any] = Call(nothing())
        self._aside: list[Call[Any]] = []
        self._interruptions = 0
        self._heard = bytearray()
        self._exchange = Exchange()
        self._pause = Pause(0.0)
        self._clear_until = self._clear_limit = 0.0
        self._behind = b""  # what came in one piece with an answer, and is no part of it
        self._late = 0  # answers to repetitions that may still come ...
        self._drain_until = 0.0  # ... until then
        self._quiet_until = 0.0
        # Until when something may come of requests that were repeated or given up: anything, and data by
        # the address that was asked.
        self._owed_until = 0.0
        self._fast = False  # whether answers come sooner than this rate allows: the gateway has another one
        self._data_until: dict[int, float] = {}

    # --- What a driver needs

    def start(self, procedure: Procedure[T], now: float) -> Call[T]:
        """Begin a procedure.

        One that runs already is put aside until `end`, so that who is told of a meter may read it at once.
        Raises `LocalProtocolError` while an answer is awaited.
        """
        if self._call is not None:
            if self._phase == Phase.AWAITING:
                raise LocalProtocolError("the bus is busy with another call; wait for its end")
            self._call.baudrate = self.baudrate
            self._aside.append(self._call)
        call = self._call = self._last = Call(procedure)
        self._step(None, now)
        self._hear_the_rest(now)
        return call

    def runs(self, call: Call[Any]) -> bool:
        """Whether a call is the one that the master works on, and none that was put aside."""
        return self._call is call

    @property
    def done(self) -> bool:
        """Whether the call that was started last has ended."""
        return self._last.done

    @property
    def result(self) -> Any:
        """What it returned; raises the error with which it ended."""
        return self._last.result

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
        if self._phase == Phase.AWAITING:
            self._await(octets, now)
        elif self._phase == Phase.CLEARING:
            self._clear(octets, now)
        elif self._phase == Phase.PAUSING:
            self._heard += octets
            if now >= self.deadline or (octets and self._pause.listen):
                heard = bytes(self._heard)
                self._phase = Phase.IDLE
                self._step(heard, now)

    def interrupted(self, now: float) -> None:
        """The port failed and is open again: what was under way is sent once more.

        Raises `TransportError` where that has happened too often, or might write to another meter than the
        one that was selected: whoever took the line meanwhile may have selected another.
        """
        self._heard.clear()
        self._behind = b""
        if self._call is None:
            return
        self._interruptions += 1
        if self._interruptions > _MOST_INTERRUPTIONS:
            raise TransportError(
                f"the connection failed {self._interruptions} times during one request: look for another "
                "program on the same gateway or port"
            )
        if self._phase not in (Phase.AWAITING, Phase.CLEARING):
            return
        request = self._exchange.request
        if request.a_field == SELECTED and request.c_field == "SND_UD" and not request.selects:
            raise TransportError(
                "the connection failed while the selected meter was being written to: read it to see whether "
                "it has the change, then try again"
            )
        if self._phase == Phase.AWAITING:
            self._exchange.attempt -= 1
        self._clear_before_sending(now)

    def end(self, call: Call[Any], now: float) -> None:
        """A call is over, or given up; the one that was put aside for it goes on."""
        if call in self._aside:
            self._aside.remove(call)
            call.give_up()
        elif self._call is call:
            self.abort()
        if self._call is None and self._aside:
            self._call = self._aside.pop()
            if self._call.baudrate != self.baudrate:
                self._set_baudrate(SetBaudrate(self._call.baudrate))
            self._begin(self._call.pending, now)

    def abort(self) -> None:
        """Give up the call under way, so that another one may start."""
        call, self._call = self._call, None
        if self._phase == Phase.AWAITING:  # the answer is still to come
            self._late, self._drain_until = self._exchange.attempt, self._exchange.window_end
            self.fcb.forget(self._exchange.request.a_field)
        self._phase = Phase.IDLE
        self._commands = [command for command in self._commands if isinstance(command, SetBaudrate)]
        if call is not None:
            call.give_up()

    # --- Steps of the procedure

    def _step(self, answer: Outcome | bytes | None, now: float) -> None:
        call = self._call
        if call is None:
            return
        while True:
            try:
                step = call.procedure.send(answer)
            except StopIteration as end:
                self._call = None
                call.finish(end.value)
                return
            except MBusError as error:
                self._call = None
                call.finish(error=error)
                return
            except BaseException:
                self._call = None
                raise
            answer = None
            if isinstance(step, Request | Pause):
                self._begin(step, now)
                return
            if isinstance(step, SetBaudrate):
                self._set_baudrate(step)
            elif isinstance(step, WakeUp):
                self._commands.append(step)
            else:
                self._events.append(step)

    def _begin(self, step: Request | Pause, now: float) -> None:
        """What takes time; nothing is sent before the next `advance`."""
        if self._call is not None:
            self._call.pending = step
        self._interruptions = 0
        if isinstance(step, Request):
            self._request(step, now)
        else:
            self._phase, self._pause, self._deadline = Phase.PAUSING, step, now + step.seconds
            self._heard.clear()

    def _set_baudrate(self, step: SetBaudrate) -> None:
        self.baudrate = step.baudrate
        self._commands.append(step)

    # --- Sending

    def _request(self, request: Request, now: float) -> None:
        octets = request.octets or frame_of(request, fcb=self._next_fcb(request))
        self._exchange = Exchange(request, octets)
        self._clear_before_sending(now)

    def _next_fcb(self, request: Request) -> bool:
        # A selection resets the bits itself; 73h is what libmbus and pyMeterBus send, and meters know.
        return request.selects or self.fcb.bit(request.a_field, request.c_field)

    def _clear_before_sending(self, now: float) -> None:
        """Hear first what is still there of the dialogue before: it must not be taken for an answer."""
        self._phase = Phase.CLEARING
        self._clear_until = max(now, self._quiet_until, self._data_owed())
        self._deadline = max(self._clear_until, self._drain_until if self._late else now)
        self._clear_limit = self._deadline + _LONGEST_CLEARING
        self._heard.clear()

    def _data_owed(self) -> float:
        """Until when old data of the meter that is asked may come, where only new data will do."""
        request, owed = self._exchange.request, self._data_until
        if not request.fresh or self._exchange.attempt:
            return 0.0
        if request.a_field <= LAST_PRIMARY:
            return max(owed.get(a_field, 0.0) for a_field in (request.a_field, SELECTED, TEST))
        return max(owed.values(), default=0.0)

    def _clear(self, octets: bytes, now: float) -> None:
        if octets and now < self._clear_limit:
            self._heard = (self._heard + octets)[-_MOST_OCTETS:]
            quiet = max(self._clear_until, now + timing.idle(self.baudrate) + self.slack)
            if self._late <= sum(piece.frame is not None for piece in receive(bytes(self._heard)).pieces):
                self._late = 0
            self._deadline = min(max(quiet, self._drain_until if self._late else quiet), self._clear_limit)
        elif octets or now >= self.deadline:
            self._keep_strays(octets)
            self._send(now)

    def _keep_strays(self, octets: bytes) -> None:
        pieces = receive(bytes(self._heard + octets), final=True).pieces
        if self._exchange.attempt:
            self._note(pieces)
        else:
            echoes = self.echoes  # of an earlier request
            self._exchange.before += [piece.octets for piece in pieces if not (echoes and piece.to_meter)]

    def _send(self, now: float) -> None:
        exchange = self._exchange
        self._late, self._drain_until = 0, 0.0
        exchange.attempt += 1
        self._commands.append(Send(exchange.octets))
        exchange.sent_end = now + timing.duration(len(exchange.octets), self.baudrate)
        if exchange.first_sent is None:
            exchange.first_sent = exchange.sent_end
        exchange.earliest = exchange.sent_end + timing.earliest_acknowledgement(self.baudrate)
        exchange.early = b""
        window_end = exchange.sent_end + self._window(exchange) + timing.duration(1, self.baudrate)
        longest = timing.duration(MAX_FRAME, self.baudrate)
        exchange.limit = window_end + longest + self.slack + _LONGEST_NOISE
        if exchange.is_broadcast:
            window_end = exchange.sent_end + timing.idle(self.baudrate)
        exchange.window_end = self._deadline = window_end
        self._heard.clear()
        self._phase = Phase.AWAITING
        self._note_sent(exchange.request)

    def _note_sent(self, request: Request) -> None:
        """What a meter that hears this knows from now on."""
        if request.c_field == "SND_NKE":
            self.fcb.reset(request.a_field)
            if request.a_field == SELECTED:
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
                self.selected = self.selected or piece.frame.get("ci_field") in SELECTIONS

    def _window(self, exchange: Exchange) -> float:
        request = exchange.request
        window = request.window if request.window is not None else self.timeout
        if window is None:
            window = timing.last_answer(self.baudrate) + self.slack
        last = exchange.attempt == self._attempts_of(request)
        return max(window, request.patience) if last else window

    def _attempts_of(self, request: Request) -> int:
        return self.attempts if request.attempts is None else request.attempts

    # --- Receiving

    def _await(self, octets: bytes, now: float) -> None:
        exchange = self._exchange
        if octets and not self._heard:
            exchange.heard_since = now - timing.duration(len(octets), self.baudrate)
        silent = not octets and now >= self.deadline
        if not octets and not silent:
            return
        self._heard += self._without_too_early(octets, now)
        if silent and exchange.early and not self._heard:
            self._heard += exchange.early[:1]
            self._fast = True
        heard = bytes(self._heard[:_MOST_OCTETS])
        final = silent or now >= exchange.limit or len(heard) == _MOST_OCTETS
        self.echoes = self.echoes or heard.startswith(exchange.octets)
        echo = exchange.echo(heard)
        reception = receive(heard[echo:], final=final)
        index = exchange.answer(reception.pieces, final=final)
        if index is not None:
            used = echo + sum(len(piece.octets) for piece in reception.pieces[: index + 1])
            self._behind = bytes(self._heard[used:])
            self._succeed(reception.pieces[: index + 1], now)
        elif final:
            self._behind = bytes(self._heard[_MOST_OCTETS:])
            self._fail(reception.pieces, now)
        else:
            self._wait_on(reception, now)
        self._hear_the_rest(now)

    def _without_too_early(self, octets: bytes, now: float) -> bytes:
        """No meter has acknowledged so soon: an E5 is of something before, unless nothing else comes."""
        if self._fast or self._heard or now >= self._exchange.earliest:
            return octets
        others = octets.lstrip(ACKNOWLEDGEMENT)
        self._exchange.early += octets[: len(octets) - len(others)]
        return others

    def _hear_the_rest(self, now: float) -> None:
        """What came in one piece with an answer is heard as if it had come after it."""
        if self._behind and self._call is not None:
            behind, self._behind = self._behind, b""
            self.advance(behind, now)

    def _wait_on(self, reception: Reception, now: float) -> None:
        """When to give up, after something was heard that is no answer so far."""
        exchange = self._exchange
        hasty = exchange.request.hasty
        if reception.missing:
            rest = timing.duration(reception.missing, self.baudrate)
            gap = timing.last_answer(self.baudrate) + self.slack
            deadline = max(now + rest + gap, exchange.window_end)
        elif not reception.pieces:
            deadline = exchange.window_end
        elif hasty and not reception.pieces[-1].acknowledges:
            deadline = now + timing.end_of_collision(self.baudrate) + self.slack
        else:  # an E5 alone is the late acknowledgement of something before more often than an answer
            deadline = max(exchange.window_end, now + timing.idle(self.baudrate) + self.slack)
        if hasty and self._heard and exchange.starved(len(self._heard), now, self.baudrate, self.slack):
            deadline = exchange.window_end + timing.duration(MAX_FRAME, self.baudrate)
        self._deadline = min(deadline, exchange.limit)

    def _succeed(self, pieces: tuple[Piece, ...], now: float) -> None:
        """The last one of the pieces is the answer."""
        exchange, answer = self._exchange, pieces[-1]
        request = exchange.request
        self._note(pieces[:-1])
        if not request.octets and not request.selects:
            self.fcb.succeeded(request.a_field, request.c_field, with_data=answer.from_meter)
        self._quiet_until = now + timing.turnaround(self.baudrate)
        lasted = timing.duration(len(answer.octets) + len(self._behind), self.baudrate)
        delay = max(0.0, now - lasted - exchange.sent_end)
        self._late = exchange.attempt - 1
        if self._late and exchange.first_sent is not None:
            self._drain_until = now + min(now - exchange.first_sent, _LONGEST_DRAIN)
        kind: Kind = "ack" if answer.acknowledges else "data"
        self._finish(kind, answer.octets, now, frame=answer.frame, delay=delay)

    def _note(self, pieces: tuple[Piece, ...]) -> None:
        self._exchange.note(pieces, echoes=self.echoes, fast=self._fast)

    def _fail(self, pieces: tuple[Piece, ...], now: float) -> None:
        exchange = self._exchange
        request = exchange.request
        self._note(pieces)
        if pieces:
            self._quiet_until = now + timing.idle(self.baudrate)
        if exchange.is_broadcast:
            self._finish("sent", b"", now)
            return
        self._owed_until = exchange.sent_end + _LATEST_ANSWER
        if request.c_field == "REQ_UD2" and not pieces:
            self._data_until[request.a_field] = self._owed_until
        if exchange.attempt < self._attempts_of(request):
            self._clear_before_sending(now)
            return
        if request.c_field in COUNTED:  # a meter whose answers were lost has moved on
            self.fcb.forget(request.a_field)
        self._finish(exchange.failure(pieces), b"".join(piece.octets for piece in pieces), now)

    def _finish(
        self,
        kind: Kind,
        octets: bytes,
        now: float,
        *,
        frame: Mapping[str, Any] | None = None,
        delay: float | None = None,
    ) -> None:
        self._phase = Phase.IDLE
        exchange = self._exchange
        outcome = Outcome(
            kind,
            octets=octets,
            frame=frame,
            attempts=exchange.attempt,
            garbled=bytes(exchange.garbled),
            foreign=tuple(exchange.foreign),
            before=tuple(exchange.before),
            delay=delay,
            doubtful=kind == "ack" and (exchange.early != b"" or now < self._owed_until),
            keys=self.keys,
        )
        self._step(outcome, now)

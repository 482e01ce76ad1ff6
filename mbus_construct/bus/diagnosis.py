"""What is wrong with a bus: it is listened to, then asked in ways that show one fault each.

Nothing here knows a port or a clock: `diagnose` is a procedure like a scan. MBDOC48 5.3 to 5.5 and 7.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from . import timing
from .address import BROADCAST, TEST, SecondaryAddress
from .events import Finding, FoundMeter, Progress, Severity, found
from .exchange import frame_of
from .procedure import Outcome, Procedure, Request, SetBaudrate, Step, WakeUp, ask, listen
from .readout import ACKNOWLEDGEMENT, PATIENCE, deselect, request_data, select_request
from .receiver import receive, resembles
from .secondary_search import Conditions, new_search, search

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..model.meter import Meter
    from ..model.telegram import Telegram
    from .address import Address
    from .session import Session

# The rates that are tried where nobody answers at the one that was given, the likely ones first.
RATES: Final = (2400, 9600, 300, 1200, 4800, 600, 19200, 38400)

_IDLE: Final = 2.0  # seconds of listening at first
_WAKE_UP: Final = 2.2
_ROUNDS: Final = 6  # how often one meter is asked
_QUIET_ROUNDS: Final = 3  # and how often it is seen that nobody answers where nobody may
_MOST_REQUESTS: Final = 150  # to find one meter among several
_FEWER_REQUESTS: Final = 40  # at another rate
_SHORT: Final = 4  # octets at most that are noise; more are an answer that was damaged
_SEVEN_BITS: Final = 0x65  # an acknowledgement without its highest bit
_PATTERN: Final = frozenset({0x00, 0x80, 0xC0, 0xE0, 0xF0, 0xF8, 0xFC, 0xFE, 0xFF})


_TO_ALL: Final = frame_of(Request("SND_NKE", BROADCAST))
_TENTHS: Final = tuple(SecondaryAddress(f"FFFFFFF{digit}") for digit in range(10))


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is to be said of a bus.

    Attributes:
        findings: what was found out, one sentence each, with advice where something is to be done.
        baudrate: at which meters answer, None where nobody does.
        meter: one that answers.
        slowest: seconds until the slowest answer began, as this end sees it.
        timeout: seconds to wait for answers, where the standard's time is too short.
    """

    findings: tuple[Finding, ...]
    baudrate: int | None = None
    meter: FoundMeter | None = None
    slowest: float | None = None
    timeout: float | None = None

    @property
    def healthy(self) -> bool:
        """Whether nothing is to be done."""
        return all(item.severity == "info" for item in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """The JSON shape."""
        return {
            "type": "diagnosis",
            "healthy": self.healthy,
            "baudrate": self.baudrate,
            "meter": None if self.meter is None else self.meter.to_dict(),
            "slowest": None if self.slowest is None else round(self.slowest, 3),
            "timeout": self.timeout,
            "verdicts": [
                {"code": item.code, "severity": item.severity, "message": item.message, "advice": item.advice}
                for item in self.findings
            ],
        }

    def sentences(self) -> list[str]:
        """What to tell a person, one line for each finding."""
        words = {"info": "ok", "warning": "warning", "error": "fault"}
        return [
            f"{words[item.severity]}: {item.message}" + (f"; {item.advice}" if item.advice else "")
            for item in self.findings
        ]


def _finding(code: str, severity: Severity, message: str, advice: str = "") -> Finding:
    return Finding(severity, code, message, advice=advice)


@dataclass
class _Seen:
    """What has shown itself so far."""

    idle: bytes = b""
    several: bool = False  # more than one meter answers to everybody's address
    woken: bool = False  # answers only behind a preamble
    hidden: bool = False  # nothing is heard where all answer, but single meters are
    asked: int = 0  # requests to one meter, and how they ended:
    lost: int = 0
    delays: list[float] = field(default_factory=list[float])
    garbled: list[bytes] = field(default_factory=list[bytes])
    foreign: list[bytes] = field(default_factory=list[bytes])
    unreadable: int = 0
    error: str = ""  # an application error, by name
    identities: set[tuple[int | None, Meter]] = field(default_factory=set[Any])  # of the answers


def diagnose(session: Session, *, sets_baudrate: bool = True) -> Procedure[Diagnosis]:
    """Find out what is wrong with a bus, at the session's baud rate and then at the others.

    The others are not tried where the port does not set the line's rate (`sets_baudrate`, see `Port`).
    Emits `Progress`. The line is at the session's rate again at the end, and no meter is selected.
    """
    return (yield from _Doctor(session, sets_baudrate=sets_baudrate).run())


class _Doctor:
    def __init__(self, session: Session, *, sets_baudrate: bool) -> None:
        self.session = session
        self.seen = _Seen()
        self.sets_baudrate = sets_baudrate
        others = RATES if sets_baudrate else ()
        self.rates = [session.baudrate, *(rate for rate in others if rate != session.baudrate)]
        self.done = 0
        self.found: FoundMeter | None = None  # while it was found out who answers at all
        self.everything: list[bytes] = []  # what came that was no sound answer, at any rate

    def run(self) -> Procedure[Diagnosis]:
        session, seen = self.session, self.seen
        yield self._progress()
        seen.idle = yield from listen(_IDLE)
        rate = yield from self._rate()
        meter = self.found
        if rate is not None:
            meter = meter or (yield from self._one_meter(rate))
            if meter is not None:
                yield from self._examine(_address(meter), rate)
            yield from deselect()
        if session.master.baudrate != session.baudrate:
            yield SetBaudrate(session.baudrate)
        return self._diagnosis(rate, meter)

    def _progress(self) -> Progress:
        self.done += 1
        return Progress(self.done - 1, len(self.rates) + _ROUNDS + 2)

    # --- At which rate, and behind what, does anybody answer?

    def _rate(self) -> Procedure[int | None]:
        for rate in self.rates:
            yield self._progress()
            yield SetBaudrate(rate)
            if (yield from self._anybody(rate, given=rate == self.session.baudrate)):
                return rate
        for rate in dict.fromkeys((self.session.baudrate, 2400 if self.sets_baudrate else self.rates[0])):
            yield self._progress()
            yield SetBaudrate(rate)
            yield WakeUp(_WAKE_UP)
            if (yield from self._anybody(rate, given=False)):
                self.seen.woken = True
                return rate
        return None

    def _anybody(self, rate: int, *, given: bool) -> Procedure[bool]:
        """Whether somebody answers to the addresses of all meters: sound, or several at once."""
        if self.session.wake_up:
            yield WakeUp(self.session.wake_up)
        conditions: dict[str, Any] = {"attempts": 3, "patience": PATIENCE} if given else {"attempts": 1}
        pinged = yield from self._ask_all(Request("SND_NKE", TEST), conditions)
        data = yield from self._ask_all(Request("REQ_UD2", TEST), conditions)
        selected = yield from self._ask_all(select_request(SecondaryAddress()), conditions)
        yield from deselect()
        outcomes = (pinged, data, selected)
        self.seen.several = any(_is_many(outcome) for outcome in outcomes)
        if any(outcome.kind in ("ack", "data") for outcome in outcomes):
            return True
        garbled = any(outcome.kind == "garbled" for outcome in outcomes)
        if not garbled and not given:
            return False
        # Several answers at once may be a zero, or nothing at all: does a part of the meters answer?
        most = _MOST_REQUESTS if given else _FEWER_REQUESTS
        self.found = yield from self._first_found(rate, _TENTHS, most if garbled else len(_TENTHS))
        self.seen.hidden = self.found is not None and not garbled
        return self.found is not None

    def _ask_all(self, request: Request, conditions: dict[str, Any]) -> Procedure[Outcome]:
        """Ask once, which is enough where many answer; else with more attempts and patience."""
        outcome = yield from self._ask(replace(request, attempts=1))
        if outcome.kind in ("ack", "data") or _is_many(outcome):
            return outcome
        return (yield from self._ask(replace(request, **conditions)))

    def _ask(self, request: Request) -> Procedure[Outcome]:
        """A request to all meters: garbled answers are no fault, late ones are."""
        outcome = yield from ask(request)
        if outcome.kind == "garbled":
            self.everything.append(outcome.octets)
        if outcome.delay is not None:
            self.seen.delays.append(outcome.delay)
        return outcome

    # --- One meter, asked several times

    def _one_meter(self, rate: int) -> Procedure[FoundMeter | None]:
        """A meter that answers alone, if any."""
        data = yield from self._ask(Request("REQ_UD2", TEST, attempts=3, patience=PATIENCE))
        alone = found(data.octets, rate) if data.kind == "data" else None
        if alone is not None and not _is_many(data) and not self.seen.several:
            return alone
        everybody = SecondaryAddress()
        return (
            (yield from self._first_found(rate, [everybody], _MOST_REQUESTS))
            or (yield from self._first_found(rate, _TENTHS, _MOST_REQUESTS))
            or alone
        )

    def _first_found(
        self, rate: int, masks: Iterable[SecondaryAddress], most: int
    ) -> Procedure[FoundMeter | None]:
        """The first meter that a search below these masks finds with so many requests."""
        state = new_search()
        state.probes = [(mask, 1.0) for mask in masks]
        finding = search(state, Conditions(rate, thorough=False))
        answer: Outcome | bytes | None = None
        asked = 0
        step: object = None
        while asked < most and not isinstance(step, FoundMeter):
            try:
                step = finding.send(answer)
            except StopIteration:
                break
            answer = None
            if isinstance(step, Step):
                asked += isinstance(step, Request)
                answer = yield step
        finding.close()
        if not isinstance(step, FoundMeter):
            return None
        self.seen.several = self.seen.several or step.mask != SecondaryAddress()
        return step

    def _examine(self, address: Address, rate: int) -> Procedure[None]:
        """Ask a meter several times, each time once, so that nothing is hidden by a retry."""
        for number in range(_ROUNDS):
            yield self._progress()
            if isinstance(address, SecondaryAddress):
                yield from self._once(replace(select_request(address), attempts=1))
            else:
                yield from self._once(Request("SND_NKE", address, attempts=1))
            outcome = yield from self._once(request_data(address, attempts=1))
            if outcome.kind == "ack":
                self.seen.unreadable += 1
            elif outcome.kind == "data":
                self._note_telegram(outcome.telegram)
            # Nobody answers to all at once: what comes is noise. Waiting for it takes most of the time.
            if number >= _QUIET_ROUNDS:
                continue
            silence = yield from ask(Request(octets=_TO_ALL, attempts=1))
            if silence.kind == "garbled" and not resembles(silence.octets, _TO_ALL):
                self.seen.garbled.append(silence.octets)
        yield from listen(timing.last_answer(rate))

    def _note_telegram(self, telegram: Telegram) -> None:
        values = telegram.user_data or {}
        if "error_code" in values:
            self.seen.error = str(values.get("error_code_name") or "unspecified")
        elif telegram.meter is not None:
            self.seen.identities.add((telegram.frame.a_field, telegram.meter))

    def _once(self, request: Request) -> Procedure[Outcome]:
        seen = self.seen
        outcome = yield from ask(replace(request, patience=PATIENCE))
        seen.asked += 1
        if outcome.kind == "silence":
            seen.lost += 1
        if outcome.delay is not None:
            seen.delays.append(outcome.delay)
        if outcome.garbled:
            seen.garbled.append(outcome.garbled)
        seen.foreign += outcome.foreign
        return outcome

    # --- What it means

    def _diagnosis(self, rate: int | None, meter: FoundMeter | None) -> Diagnosis:
        seen = self.seen
        slowest = max(seen.delays, default=None)
        findings = [*self._of_idle(), *self._of_echo()]
        timeout: float | None = None
        if rate is None:
            findings.append(self._silent())
        else:
            findings += self._of_rate(rate, meter)
            if slowest is not None and slowest > timing.last_answer(rate) + self.session.master.slack:
                timeout = math.ceil(slowest * 1.5 * 10) / 10
                findings.append(_late(slowest, rate, timeout))
            findings += self._of_answers(late=timeout is not None)
        return Diagnosis(tuple(findings), rate, meter, slowest, timeout)

    def _of_idle(self) -> list[Finding]:
        pieces = receive(self.seen.idle, final=True).pieces
        findings: list[Finding] = []
        if any(piece.to_meter for piece in pieces):
            findings.append(_other_master(sum(piece.to_meter for piece in pieces)))
        elif any(piece.frame is not None and not piece.acknowledges for piece in pieces):
            message = "telegrams come although nobody was asked"
            advice = "another master, or a gateway that reads by itself, uses this bus: stop it"
            findings.append(_finding("foreign_traffic", "warning", message, advice))
        octets = sum(len(piece.octets) for piece in pieces if piece.frame is None or piece.acknowledges)
        if octets and not findings:
            message = f"{octets} octet{'s' if octets != 1 else ''} came although nobody was asked: noise"
            findings.append(_finding("noise", "warning", message, _NOISE_ADVICE))
        return findings

    def _of_echo(self) -> list[Finding]:
        if not self.session.master.echoes:
            return []
        message = "the converter sends back what it is told; that is recognised and does no harm"
        return [_finding("echo", "info", message)]

    def _silent(self) -> Finding:
        came = b"".join(self.everything)
        if came and (all(octet < 0x80 for octet in came) or _is_pattern(came)):
            return _line_settings(came)
        if came:
            message = f"{len(came)} octets came at no baud rate that make a frame"
            return _finding("noise", "error", message, _NOISE_ADVICE)
        where = (
            "the converter answers with its echo, so look behind it: " if self.session.master.echoes else ""
        )
        message = f"nobody answers, at {', '.join(map(str, sorted(self.rates)))} baud"
        if not self.sets_baudrate:
            where += "check that the gateway has the meters' baud rate, which this end cannot set; "
        advice = (
            f"{where}check that the wires are connected and 20 to 42 V are between them, that the converter "
            "has power and drives enough meters, and that a gateway is set to 8 data bits, even parity (8E1)"
        )
        return _finding("silent", "error", message, advice)

    def _of_rate(self, rate: int, meter: FoundMeter | None) -> list[Finding]:
        seen, given = self.seen, self.session.baudrate
        findings: list[Finding] = []
        if rate != given:
            message = f"nobody answers at {given} baud, but somebody does at {rate}"
            findings.append(_finding("baudrate", "warning", message, f"use -b {rate}"))
        if seen.woken:
            message = "meters answer only behind a wake-up preamble"
            findings.append(_finding("wake_up", "warning", message, f"use --wake-up {_WAKE_UP:g}"))
        if meter is None:
            message = f"somebody answers at {rate} baud, but no answer is sound: collisions, or noise"
            advice = f"take meters off the bus one by one until the others answer; {_NOISE_ADVICE}"
            findings.append(_finding("collision", "error", message, advice))
            return findings
        if seen.hidden:
            message = "nothing is heard where all meters answer at once, but single ones are heard"
            advice = "collisions look like silence here: use --thorough, and check the converter"
            findings.append(_finding("silent_collision", "warning", message, advice))
        damaged = any(len(octets) > _SHORT for octets in seen.garbled)
        if seen.several and not damaged:  # a damaged answer looks like several
            message = (
                "several meters answer when all are asked, which is as it should be on a bus with several"
            )
            findings.append(_finding("several", "info", message, "list them with `mbus search`"))
        said = str(replace(meter, remark="")) if meter.octets else f"the mask {meter.mask}"
        answers = "is answered" if not meter.octets else "answers"
        findings.append(_finding("answers", "info", f"{said}: {answers} at {rate} baud"))
        return findings

    def _of_answers(self, *, late: bool) -> list[Finding]:
        """What the answers of one meter have shown. Where they are late the next request gets them."""
        seen = self.seen
        findings: list[Finding] = []
        damaged = [octets for octets in seen.garbled if len(octets) > _SHORT]
        if damaged:
            message = f"{len(damaged)} of {seen.asked} answers of one meter came damaged"
            findings.append(_finding("damaged", "warning", message, _NOISE_ADVICE))
        if seen.garbled and set(b"".join(seen.garbled)) == {_SEVEN_BITS}:
            findings.append(_line_settings(b"".join(seen.garbled)))
        elif len(damaged) < len(seen.garbled):
            octets = sum(len(item) for item in seen.garbled if len(item) <= _SHORT)
            message = f"{octets} octets came beside the answers of one meter: noise"
            findings.append(_finding("noise", "warning", message, _NOISE_ADVICE))
        if seen.lost:
            message = f"{seen.lost} of {seen.asked} requests to one meter were not answered"
            advice = "check the wiring and the bus voltage at the far end; until then more --retries help"
            findings.append(_finding("lost", "warning", message, advice))
        if not late:
            findings += self._of_foreign()
        if seen.error:
            message = f"a meter reports an application error: {seen.error}"
            findings.append(_finding("application_error", "warning", message, "ask it less often"))
        return findings

    def _of_foreign(self) -> list[Finding]:
        """What frames have shown that were no answer to what was asked."""
        seen = self.seen
        findings: list[Finding] = []
        pieces = [piece for octets in seen.foreign for piece in receive(octets, final=True).pieces]
        if any(piece.to_meter for piece in pieces):
            findings.append(_other_master(sum(piece.to_meter for piece in pieces)))
        if any(piece.from_meter for piece in pieces) or len(seen.identities) > 1:
            message = "answers to the same question carry different addresses"
            advice = "look for addresses that are used twice: `mbus search`"
            findings.append(_finding("other_meter", "warning", message, advice))
        if any(piece.acknowledges for piece in pieces):
            message = "acknowledgements come late, or from a second meter"
            advice = "use a longer --timeout; look for addresses that are used twice: `mbus search`"
            findings.append(_finding("second_answer", "warning", message, advice))
        if seen.unreadable:
            message = "a meter acknowledges, but gives no data"
            findings.append(_finding("unreadable", "warning", message, "try `mbus reset`"))
        return findings


_NOISE_ADVICE: Final = (
    "check the contacts, the shield and the distance to mains cables, and that no meter is short-circuited"
)


def _address(meter: FoundMeter) -> Address:
    """By which a meter is asked, so that it alone answers."""
    if meter.mask is not None:
        return meter.secondary_address or meter.mask
    return TEST


def _is_many(outcome: Outcome) -> bool:
    """Whether more was heard than one meter sends: octets of a broken frame, or two acknowledgements."""
    broken = outcome.kind == "garbled" and len(outcome.octets) > _SHORT
    twice = outcome.kind == "garbled" and outcome.octets.strip(ACKNOWLEDGEMENT) == b""
    return broken or twice or ACKNOWLEDGEMENT in outcome.foreign


def _is_pattern(octets: bytes) -> bool:
    """Whether octets are what a wrong baud rate or parity makes of answers: zeros, then ones."""
    return set(octets) <= _PATTERN


def _line_settings(octets: bytes) -> Finding:
    shown = octets[:8].hex(" ").upper()
    message = f"answers come, but as octets that no meter sends ({shown}): the line's settings are wrong"
    advice = "set this port or the gateway to 8 data bits, even parity, 1 stop bit, and the meters' baud rate"
    return _finding("line_settings", "error", message, advice)


def _late(slowest: float, rate: int, timeout: float) -> Finding:
    standard = timing.last_answer(rate)
    message = f"an answer began after {slowest:.2f} s, where the standard gives {standard:.2f} s"
    return _finding("late", "warning", message, f"use --timeout {timeout:g}")


def _other_master(frames: int) -> Finding:
    message = f"{frames} request{'s' if frames != 1 else ''} of another master came"
    advice = "stop the other program or gateway: two masters disturb each other"
    return _finding("other_master", "warning", message, advice)

"""One selection with a mask: does nobody, one meter or several answer? MBDOC48 7.3."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from . import timing
from .procedure import ATTEMPTS, Outcome, Procedure, Request, ask, listen
from .readout import ACKNOWLEDGEMENT as E5
from .readout import request_data, select_request, while_busy
from .receiver import receive

if TYPE_CHECKING:
    from .address import SecondaryAddress

# A window may be learned once so many meters have answered; it then is a multiple of their slowest answer.
_LEARN_FROM: Final = 5
_LEARNED_FACTOR: Final = 3
_LEARNED_LEAST: Final = 0.03

# Of 250 meters hardly two have so many digits in common that no more are left to tell them apart.
_DEEP: Final = 2

# Where noise may be: so often a mask is selected until silence, or garbled answers, are believed.
_TRIES: Final = 3

Answers = Literal["empty", "one", "many", "unreadable"]

SAID: Final[dict[Answers, str]] = {
    "empty": "it does not answer",
    "one": "it answers",
    "many": "several meters answer",
    "unreadable": "it gives no data",
}


class Probe(NamedTuple):
    """What a selection has shown.

    Attributes:
        answers: nobody, one meter, several, or one that gives no data.
        octets: the telegram of the one meter.
        trouble: whether something was lost or disturbed on the way.
        remark: why a meter is unreadable.
    """

    answers: Answers
    octets: bytes = b""
    trouble: bool = False
    remark: str = ""


class Prober:
    """Selects masks, and learns how the meters of this bus answer.

    Attributes:
        baudrate: of the line.
        quick: a first probe waits only as long as has been learned.
        noisy: octets have been heard that no meter sent. Until then what is garbled is a collision; from then
            on it is asked twice.
        heard: telegrams of meters that came when they were not expected, which are meters all the same.
    """

    def __init__(self, baudrate: int, *, quick: bool = False, noisy: bool = False) -> None:
        self.baudrate = baudrate
        self.quick = quick
        self.noisy = noisy
        self.heard: list[bytes] = []
        self._delays: list[float] = []

    def probe(self, mask: SecondaryAddress, *, attempts: int = 1, patient: bool = False) -> Procedure[Probe]:
        """Select a mask, and read the meter where one seems to answer.

        Args:
            mask: what to select.
            attempts: selections at most where nobody answers.
            patient: wait the standard's time, whatever was learned.
        """
        window = None if patient else self._window()
        request = replace(select_request(mask), attempts=1, window=window)
        garbled: list[bytes] = []
        silent, trouble = 0, False
        while silent < (_TRIES if garbled else attempts):
            selected = yield from self._ask(request)
            trouble = trouble or bool(selected.before) or selected.kind == "foreign"
            behind = (yield from self._behind(mask, selected)) if selected.kind == "ack" else b""
            # Behind the E5 of one meter other octets are noise, or several late ones at once.
            certain = not self.noisy and not _is_deep(mask)
            another = bool(behind) if certain else E5 in behind
            if selected.kind == "ack" and not another:
                self._learn(selected)
                trouble = trouble or silent > 0 or bool(garbled or behind)
                return (yield from self._read(mask, trouble=trouble))
            if selected.kind not in ("ack", "garbled"):
                silent += 1
                continue
            # Meters that collide do so again, in the same way; noise hardly comes again and again.
            if certain or selected.octets in garbled or len(garbled) == _TRIES - 1:
                return Probe("many", trouble=trouble)
            garbled.append(selected.octets)
            request = replace(request, window=None)
        return Probe("empty", trouble=trouble or bool(garbled))

    def _behind(self, mask: SecondaryAddress, selected: Outcome) -> Procedure[bytes]:
        """What comes behind an acknowledgement: that of a second meter.

        It is waited for as long as any meter so far took to answer: that saves the request for data. While
        others acknowledge they do not hear, so that they are let finish.
        """
        if not self._delays or mask.exact:
            return b""
        window = timing.last_answer(self.baudrate) - (selected.delay or 0.0)
        rest = max(self._delays) - (selected.delay or 0.0) + timing.duration(2, self.baudrate)
        heard = yield from listen(min(rest, window), until_heard=True)
        return heard + ((yield from listen(window)) if heard else b"")

    def _read(self, mask: SecondaryAddress, *, trouble: bool) -> Procedure[Probe]:
        """Ask for data behind a clean acknowledgement."""
        request = replace(request_data(mask, attempts=1, hasty=True), accepts=None)
        for attempt in range(ATTEMPTS):
            answer = yield from self._ask(request)
            several = _several_answer(answer)
            if several and (attempt == ATTEMPTS - 1 or not self.noisy):
                return Probe("many", trouble=trouble)
            answer, error = yield from while_busy(mask, answer, request)
            if error is not None:
                return Probe("unreadable", answer.octets, trouble, str(error))
            if answer.kind == "data" and not several:
                self._learn(answer)
                meter = answer.telegram.meter
                # What does not fit is a late answer of another meter, or a meter that answers to any mask.
                if meter is None or mask.selects(meter) or attempt == ATTEMPTS - 1:
                    return Probe("one", answer.octets, trouble)
            trouble = True
            # The request was lost, or the acknowledgement was noise or somebody's late one: select again.
            again = yield from self._ask(replace(select_request(mask), attempts=ATTEMPTS))
            if again.kind != "ack":
                return Probe("many" if again.kind == "garbled" else "empty", trouble=True)
        return Probe("unreadable", trouble=True, remark="can be selected, but gives no data")

    def _ask(self, request: Request) -> Procedure[Outcome]:
        outcome = yield from ask(request)
        self.heard += [octets for octets in (*outcome.foreign, *outcome.before) if _is_telegram(octets)]
        return outcome

    def _learn(self, outcome: Outcome) -> None:
        if outcome.delay is not None and outcome.attempts == 1:
            self._delays.append(outcome.delay)

    def _window(self) -> float | None:
        """How long a probe waits; None for the standard's time."""
        if not self.quick or len(self._delays) < _LEARN_FROM:
            return None
        return max(_LEARNED_FACTOR * max(self._delays), _LEARNED_LEAST)


def _is_deep(mask: SecondaryAddress) -> bool:
    """Whether a collision behind so many digits is a surprise: then noise is as likely."""
    return mask.identification_number.count("F") <= _DEEP


def _several_answer(answer: Outcome) -> bool:
    """Whether more was heard than one meter sends: octets of no meaning, or another E5.

    What came before the request counts too: between the acknowledgement and the request another meter was
    still acknowledging.
    """
    beside = (*answer.foreign, *answer.before)
    garbled = answer.kind == "garbled" or bool(answer.garbled)
    return garbled or any(not _is_telegram(octets) for octets in beside)


def _is_telegram(octets: bytes) -> bool:
    """Whether these are a meter's frame with data."""
    return receive(octets, final=True).pieces[0].from_meter

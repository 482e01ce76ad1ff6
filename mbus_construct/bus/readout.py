"""Reaching one meter and reading it: initialise, select, ask until no more follows. MBDOC48 5.4 to 7."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from mbus_grammars.fields import ci_field_of
from mbus_grammars.link import SINGLE_CHARACTER

from ..errors import ApplicationError, CollisionError, LocalProtocolError, NoResponse, RemoteProtocolError
from ..model.diagnostic import Diagnostic
from ..model.reading import Reading
from . import timing
from .address import BROADCAST, SELECTED, Address, SecondaryAddress
from .events import Finding
from .procedure import ATTEMPTS, Outcome, Procedure, Request, ask, listen
from .receiver import receive

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..model.telegram import Telegram

# Telegrams of one readout at most: a meter that announces more for ever must not hold the bus.
MAX_TELEGRAMS: Final = 32

# A reader who names a meter wants its data: the last attempt waits for slow meters and gateways too. The
# longest answers seen in the field began 1.1 s after the request; the bus log's late ones 2 s.
PATIENCE: Final = 2.2

ACKNOWLEDGEMENT: Final = bytes([SINGLE_CHARACTER])

# SND_NKE to a meter that may not be there, and that may not know it.
_FIRST_ATTEMPTS: Final = 2

_SELECT: Final = ci_field_of("selection")
_FABRICATION_NUMBER: Final = 0x78  # its VIF
# The latest that the standard allows at 300 baud, the slowest rate.
_LATEST_ACKNOWLEDGEMENT: Final = timing.last_answer(timing.BAUDRATES[0])

_BUSY: Final = 0x08
_BUSY_TRIES: Final = 4
_BUSY_WAIT: Final = 1.0


def select_request(address: SecondaryAddress) -> Request:
    """The selection of a meter by its secondary address, and its fabrication number where it has one."""
    records: list[Mapping[str, Any]] = []
    if address.fabrication_number:
        dib, vib = {"data_field": "8 digit BCD"}, {"vif": _FABRICATION_NUMBER}
        records.append({"dib": dib, "vib": vib, "data": address.fabrication_number})
    user_data = {**address.to_dict(), "records": records}
    return Request("SND_UD", SELECTED, _SELECT, user_data)


def link_address(address: Address) -> int:
    """The A field by which a meter is asked, once it is selected where it has to be."""
    return SELECTED if isinstance(address, SecondaryAddress) else address


def describe(address: Address) -> str:
    """The address for a message."""
    return f"secondary address {address}" if isinstance(address, SecondaryAddress) else f"address {address}"


# --- One exchange ----------------------------------------------------------------------------------


def ping(address: Address, *, attempts: int | None = None) -> Procedure[bool]:
    """Whether a meter answers: SND_NKE to a primary address, a selection of a secondary one.

    What is garbled counts as an answer: somebody is there. Nobody may answer address 255.
    """
    if isinstance(address, SecondaryAddress):
        outcome = yield from ask_twice(select_request(address))
    else:
        outcome = yield from initialise(address, attempts=attempts)
    return outcome.kind in ("ack", "data", "garbled")


def initialise(address: int, *, attempts: int | None = None) -> Procedure[Outcome]:
    """SND_NKE: the link layer of the meter begins anew, its next FCB is 1."""
    return (yield from ask_twice(Request("SND_NKE", address, attempts=attempts)))


def ask_twice(request: Request) -> Procedure[Outcome]:
    """Ask again where an acknowledgement may be of somebody who was asked before."""
    outcome = yield from ask(request)
    return (yield from ask(request)) if outcome.doubtful else outcome


def initialise_all() -> Procedure[None]:
    """SND_NKE to every meter at once. Nobody answers it; it is sent three times, as one may get lost."""
    for _ in range(ATTEMPTS):
        yield from ask(Request("SND_NKE", BROADCAST))


def deselect() -> Procedure[None]:
    """End a selection; only the selected meter answers, if any."""
    yield from ask(Request("SND_NKE", SELECTED, attempts=1))


def reach(address: Address, *, attempts: int | None = None, patience: float = PATIENCE) -> Procedure[bool]:
    """Make a meter ready to be asked; whether it has acknowledged that its FCB begins anew.

    Raises `NoResponse` and `CollisionError` where a secondary address cannot be selected. Silence of a
    primary one is no obstacle: meters exist that answer REQ_UD2 and not SND_NKE.
    """
    if isinstance(address, SecondaryAddress):
        outcome = yield from ask_twice(replace(select_request(address), patience=patience))
        if outcome.kind not in ("ack", "garbled"):
            raise failure(address, outcome)
    else:
        outcome = yield from initialise(address, attempts=attempts)
    return outcome.kind == "ack"


def failure(address: Address, outcome: Outcome) -> NoResponse | CollisionError | RemoteProtocolError:
    """The error for an exchange that failed."""
    who = describe(address)
    octets = outcome.foreign[-1] if outcome.kind == "foreign" and outcome.foreign else outcome.octets
    shown = octets[:16].hex(" ").upper() + (" ..." if len(octets) > 16 else "")
    if outcome.kind == "garbled":
        return CollisionError(
            f"{who}: {len(octets)} octets came that are no frame ({shown}): several meters answer, or the "
            "line is noisy; search by secondary address, or run `mbus doctor`",
            octets,
        )
    if outcome.kind == "foreign" and outcome.foreign:
        return RemoteProtocolError(
            f"{who}: another meter answered ({shown}); search the bus for addresses that are used twice",
            octets,
        )
    times = "once" if outcome.attempts == 1 else f"{outcome.attempts} times"
    return NoResponse(
        f"{who}: no answer, asked {times}; check address, baud rate and wiring, or run `mbus doctor`"
    )


# --- Reading ---------------------------------------------------------------------------------------


def accepts(address: Address) -> Callable[[Mapping[str, Any]], bool] | None:
    """Whether a frame can be of the meter that was asked: its header has to fit a secondary address."""
    if not isinstance(address, SecondaryAddress):
        return None
    mask = address

    def fits(frame: Mapping[str, Any]) -> bool:
        user_data = frame["user_data"]
        header = user_data.get("header", user_data)
        number = header.get("identification_number")
        if number is None:  # an application error, or data without header
            return True
        if "manufacturer" not in header:
            return SecondaryAddress(mask.identification_number).matches(SecondaryAddress(number))
        found = SecondaryAddress(
            number, header["manufacturer"], header["version"], int(header["device_type"])
        )
        return mask.matches(found)

    return fits


def request_data(address: Address, **conditions: Any) -> Request:
    """REQ_UD2 to a meter that was reached."""
    return Request("REQ_UD2", link_address(address), accepts=accepts(address), **conditions)


def read(
    address: Address,
    *,
    known: bool = False,
    limit: int = MAX_TELEGRAMS,
    first_only: bool = False,
    patience: float = PATIENCE,
) -> Procedure[Reading]:
    """All telegrams of one readout.

    Args:
        address: primary, or secondary with or without wildcards.
        known: the meter's FCB is known.
        limit: telegrams at most.
        first_only: do not ask for more telegrams where they are announced.
        patience: seconds that the last attempt of each request waits.

    What was read before a fault is kept: the reading then has `more_records_follow` and a remark. Raises
    `NoResponse`, `CollisionError`, `ApplicationError` or `RemoteProtocolError` where there is not even a
    first telegram, `LocalProtocolError` for an address that nobody answers.
    """
    if address == BROADCAST:
        raise LocalProtocolError(
            "address 255: nobody answers a broadcast; read by 0 to 250, 253, 254, or search"
        )
    certain = not known and (yield from reach(address, attempts=_FIRST_ATTEMPTS, patience=patience))
    answer = yield from _first(address, patience)
    first = answer.telegram
    if not certain and (first.more_records_follow or not known):
        # The meter is there, but may have heard no SND_NKE: what it sent may be the repetition of what
        # somebody else asked for, and not the first telegram.
        certain = yield from reach(address, patience=patience)
        answer = yield from _first(address, patience)
        if not certain and not answer.telegram.more_records_follow:
            # It does not know SND_NKE. Of two requests with different FCB the second one asks anew.
            answer = yield from _first(address, patience)
        first = answer.telegram
    readout = _Readout(address, [first], [answer.frame])
    if first.more_records_follow and not certain:
        readout.remark("unconfirmed", "the meter acknowledges no SND_NKE: this may not be its first telegram")
    while readout.telegrams[-1].more_records_follow and not first_only and not readout.stopped:
        if len(readout.telegrams) >= limit:
            readout.stop("incomplete", f"stopped after {limit} telegrams, the meter announces more")
        else:
            yield from readout.next_telegram(patience)
    readout.end()
    for remark in readout.remarks:
        yield Finding("warning", remark.code, f"{describe(address)}: {remark.message}", address)
    return Reading(tuple(readout.telegrams), tuple(readout.remarks))


@dataclass
class _Readout:
    """A readout of several telegrams under way."""

    address: Address
    telegrams: list[Telegram]
    frames: list[Mapping[str, Any] | None]
    remarks: list[Diagnostic] = field(default_factory=list[Diagnostic])
    stopped: bool = False

    def remark(self, code: str, message: str) -> None:
        """Something that a reader of these telegrams has to know."""
        self.remarks.append(Diagnostic("warning", code, message))

    def stop(self, code: str, message: str) -> None:
        """It ends here, and not because the meter has no more."""
        self.remark(code, message)
        self.stopped = True

    def end(self) -> None:
        """Say so where nobody knows whether it is the end: DIF 1Fh may be among what is encrypted."""
        last = self.telegrams[-1]
        hidden = last.encrypted and not (last.records or last.more_records_follow)
        if hidden and last.manufacturer_data is None and not self.stopped:
            self.remark("encrypted", "whether more telegrams follow is among what is encrypted")

    def next_telegram(self, patience: float) -> Procedure[None]:
        """Ask for one more telegram."""
        # A frame that was here before is a late one, or a meter that knows no FCB.
        request = request_data(self.address, patience=patience)
        request = replace(request, accepts=self._is_new)
        outcome, error = yield from ask_for_data(self.address, request)
        missing = f"telegram {len(self.telegrams) + 1} is missing"
        if outcome.kind == "data" and error is None and not self._repeats(outcome.telegram):
            self.telegrams.append(outcome.telegram)
            self.frames.append(outcome.frame)
        elif outcome.kind == "ack":
            self.stop("incomplete", f"{missing}: the meter announced it, and then has no data")
        elif error is not None:
            self.stop("incomplete", f"{missing}: {error}")
        elif outcome.kind == "data" or any(self._is_old(octets) for octets in outcome.foreign):
            self.stop("repeats", "the meter sends the same telegram again and again: it ignores FCB")
        else:
            self.stop("incomplete", f"{missing}: {failure(self.address, outcome)}")

    def _is_new(self, frame: Mapping[str, Any]) -> bool:
        own = accepts(self.address)
        return frame not in self.frames and (own is None or own(frame))

    def _is_old(self, octets: bytes) -> bool:
        return receive(octets, final=True).pieces[0].frame in self.frames

    def _repeats(self, telegram: Telegram) -> bool:
        """Whether a telegram says what the one before said, whatever its access number."""
        before = self.telegrams[-1]
        return (telegram.records, telegram.manufacturer_data, telegram.encrypted) == (
            before.records,
            before.manufacturer_data,
            before.encrypted,
        )


def first_telegram(
    address: Address, *, attempts: int | None = None, patience: float = 0.0
) -> Procedure[Telegram]:
    """The first telegram of a meter that was reached; one that says it is busy is asked again.

    Raises as `read` does.
    """
    return (yield from _first(address, patience, attempts)).telegram


def _first(address: Address, patience: float, attempts: int | None = None) -> Procedure[Outcome]:
    request = request_data(address, attempts=attempts, patience=patience, fresh=True)
    outcome, error = yield from ask_for_data(address, request)
    if outcome.kind == "data" and ACKNOWLEDGEMENT in (*outcome.foreign, *outcome.before):
        # A meter that still acknowledges does not hear the request: another one has answered it alone.
        if (yield from is_shared(address)):
            raise CollisionError(
                f"{describe(address)}: several meters answer; search by secondary address", outcome.octets
            )
        outcome, error = yield from ask_for_data(address, request)
    if outcome.kind == "ack":
        raise RemoteProtocolError(f"{describe(address)}: the meter answers, but has no data", outcome.octets)
    if outcome.kind != "data":
        raise failure(address, outcome)
    if error is not None:
        raise error
    return outcome


def is_shared(address: Address) -> Procedure[bool]:
    """Whether two meters acknowledge, one after the other; the readout of one alone begins anew."""
    request = (
        select_request(address) if isinstance(address, SecondaryAddress) else Request("SND_NKE", address)
    )
    for _ in range(2):  # a second E5 may be a late one, but hardly twice
        outcome = yield from ask(replace(request, attempts=1))
        heard = receive((yield from listen(_LATEST_ACKNOWLEDGEMENT))).pieces
        if outcome.kind != "ack" or not any(piece.acknowledges for piece in heard[:1]):
            return False
    return True


def ask_for_data(address: Address, request: Request) -> Procedure[tuple[Outcome, ApplicationError | None]]:
    """The answer to REQ_UD2, and the application error that it reports unless that passes."""
    outcome = yield from ask(request)
    for _ in range(ATTEMPTS - 1):
        if outcome.kind != "ack":
            break
        outcome = yield from ask(request)  # the E5 may be a late one, of something that was asked before
    return (yield from while_busy(address, outcome, request))


def _answer_in(heard: bytes, request: Request, first: Outcome) -> Outcome | None:
    """The answer to a request in what was heard behind the first answer."""
    for piece in receive(heard, final=True).pieces:
        if piece.from_meter and piece.frame and request.is_answered_by(piece.frame):
            return Outcome("data", piece.octets, piece.frame, keys=first.keys)
    return None


def while_busy(
    address: Address, outcome: Outcome, request: Request
) -> Procedure[tuple[Outcome, ApplicationError | None]]:
    """Ask a meter again while its answer is that it is busy (application error 08h)."""
    for attempt in range(_BUSY_TRIES):
        error = application_error(address, outcome)
        if error is None or error.code != _BUSY:
            return outcome, error
        yield Finding("info", "busy", f"{describe(address)}: the meter is busy, asking again", address)
        heard = yield from listen(_BUSY_WAIT * 2**attempt)
        # Where the request was repeated, the answer to its repetition may be behind the first one.
        outcome = _answer_in(heard, request, outcome) or (yield from ask(request))
    return outcome, application_error(address, outcome)


def application_error(address: Address, outcome: Outcome) -> ApplicationError | None:
    """The application error that an answer reports (CI 6Eh to 70h), None without one. MBDOC48 6.6."""
    user_data: Mapping[str, Any] = {} if outcome.frame is None else outcome.frame.get("user_data") or {}
    if "error_code" not in user_data and "encrypted" not in user_data:
        return None
    values: Mapping[str, Any] = outcome.telegram.user_data or {}
    if "error_code" not in user_data and "error_code" not in values:
        return None
    code = values.get("error_code")
    name = values.get("error_code_name") or "unspecified error"
    number = "" if code is None else f" {code:02X}h"
    message = f"{describe(address)}: the meter reports application error{number}: {name}"
    return ApplicationError(message, outcome.octets, code)


def alarm(address: Address) -> Procedure[Telegram | None]:
    """The alarm of a meter (REQ_UD1, answered with CI 71h); None where it has none. MBDOC48 8.1."""
    yield from reach(address)
    outcome = yield from ask_twice(Request("REQ_UD1", link_address(address), accepts=accepts(address)))
    if outcome.kind == "ack":
        return None
    if outcome.kind != "data":
        raise failure(address, outcome)
    error = application_error(address, outcome)
    if error is not None:
        raise error
    return outcome.telegram

"""Reaching one meter and reading it: initialise, select, ask until no more follows. MBDOC48 5.4 to 7."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mbus_grammars.link import SINGLE_CHARACTER

from ..errors import ApplicationError, CollisionError, LocalProtocolError, NoResponse, RemoteProtocolError
from ..reading import Reading
from ..telegram import Diagnostic, Telegram
from .address import BROADCAST, LAST_PRIMARY, SELECTED, TEST, Address, SecondaryAddress
from .events import Finding
from .steps import Outcome, Procedure, Request, ask, listen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Telegrams of one readout at most: a meter that announces more for ever must not hold the bus.
MAX_TELEGRAMS: Final = 32

# A reader who names a meter wants its data: the last attempt waits for slow meters and gateways too. The
# longest answers seen in the field began 1.1 s after the request; the bus log's late ones 2 s.
PATIENCE: Final = 2.2

ACKNOWLEDGEMENT: Final = bytes([SINGLE_CHARACTER])

_SELECT: Final = 0x52
_FABRICATION_NUMBER: Final = 0x78
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
        outcome = yield from ask(select_request(address))
    else:
        outcome = yield from ask(Request("SND_NKE", address, attempts=attempts))
    return outcome.kind in ("ack", "data", "garbled")


def initialise(address: int) -> Procedure[Outcome]:
    """SND_NKE: the link layer of the meter begins anew, its next FCB is 1."""
    return (yield from ask(Request("SND_NKE", address)))


def initialise_all() -> Procedure[None]:
    """SND_NKE to every meter at once, which nobody answers; selections end with it."""
    yield from ask(Request("SND_NKE", BROADCAST))


def deselect() -> Procedure[None]:
    """End a selection; only the selected meter answers, if any."""
    yield from ask(Request("SND_NKE", SELECTED, attempts=1))


def reach(address: Address, *, known: bool = False) -> Procedure[int]:
    """Make a meter ready to be asked; gives the A field to ask by.

    With `known` its FCB is known, SND_NKE is not needed. Raises `NoResponse` and `CollisionError` where a
    secondary address cannot be selected.
    """
    if isinstance(address, SecondaryAddress):
        outcome = yield from ask(select_request(address))
        if outcome.kind not in ("ack", "garbled"):
            raise failure(address, outcome)
    elif not known:
        # Silence is no obstacle: meters exist that answer REQ_UD2 and not SND_NKE.
        yield from ask(Request("SND_NKE", address, attempts=2))
    return link_address(address)


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
    yield from reach(address, known=known)
    first = yield from _first(address, patience)
    if first.more_records_follow and known and not isinstance(address, SecondaryAddress):
        # Where the telegrams are several, where it begins matters: ask this meter itself to begin anew.
        yield from initialise(address)
        first = yield from _first(address, patience)
    telegrams = [first]
    remarks: list[Diagnostic] = []
    octets = b""
    while telegrams[-1].more_records_follow and not first_only:
        if len(telegrams) >= limit:
            remarks.append(
                _remark("incomplete", f"stopped after {limit} telegrams, the meter announces more")
            )
            break
        outcome = yield from ask(request_data(address, patience=patience))
        if outcome.kind == "ack":
            break  # E5: no more data
        if outcome.kind != "data":
            error = failure(address, outcome)
            remarks.append(_remark("incomplete", f"telegram {len(telegrams) + 1} is missing: {error}"))
            break
        telegram = outcome.telegram
        if outcome.octets == octets or _repeats(telegram, telegrams[-1]):
            remarks.append(
                _remark("repeats", "the meter sends the same telegram again and again: it ignores FCB")
            )
            break
        octets = outcome.octets
        telegrams.append(telegram)
    for remark in remarks:
        yield Finding("warning", remark.code, f"{describe(address)}: {remark.message}", address)
    return Reading(tuple(telegrams), tuple(remarks))


def _first(address: Address, patience: float) -> Procedure[Telegram]:
    """The first telegram; a meter that says it is busy is asked again."""
    for attempt in range(_BUSY_TRIES):
        outcome = yield from ask(request_data(address, patience=patience))
        if outcome.kind == "ack":
            raise RemoteProtocolError(
                f"{describe(address)}: the meter answers, but has no data", outcome.octets
            )
        if outcome.kind != "data":
            raise failure(address, outcome)
        telegram = outcome.telegram
        error = application_error(address, telegram, outcome.octets)
        if error is None:
            return telegram
        if error.code != _BUSY or attempt == _BUSY_TRIES - 1:
            raise error
        yield Finding("info", "busy", f"{describe(address)}: the meter is busy, asking again", address)
        yield from listen(_BUSY_WAIT * 2**attempt)
    raise AssertionError("unreachable")


def application_error(address: Address, telegram: Telegram, octets: bytes) -> ApplicationError | None:
    """The application error that a telegram reports (CI 70h), None without one. MBDOC48 6.6."""
    values = telegram.user_data or {}
    if "error_code" not in values:
        return None
    code = values["error_code"]
    name = values.get("error_code_name") or "unspecified error"
    number = "" if code is None else f" {code:02X}h"
    message = f"{describe(address)}: the meter reports application error{number}: {name}"
    return ApplicationError(message, octets, code)


def _repeats(telegram: Telegram, before: Telegram) -> bool:
    """Whether a telegram says what the one before said, whatever its access number."""
    return telegram.records == before.records and telegram.manufacturer_data == before.manufacturer_data


def _remark(code: str, message: str) -> Diagnostic:
    return Diagnostic("warning", code, message)


def alarm(address: Address) -> Procedure[Telegram | None]:
    """The alarm of a meter (REQ_UD1, answered with CI 71h); None where it has none. MBDOC48 8.1."""
    yield from reach(address)
    outcome = yield from ask(Request("REQ_UD1", link_address(address), accepts=accepts(address)))
    if outcome.kind == "ack":
        return None
    if outcome.kind != "data":
        raise failure(address, outcome)
    return outcome.telegram


def is_single(address: Address) -> bool:
    """Whether the address means one meter at most, as far as addresses can tell."""
    if isinstance(address, SecondaryAddress):
        return address.exact_identification
    return address <= LAST_PRIMARY or address in (SELECTED, TEST)

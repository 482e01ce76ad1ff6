"""Changing meters: what is written, and how the meter is asked whether it has it. MBDOC48 6.1, 6.4.

Each change has a function `..._request` that gives the frame, for those who want to see it first, and a
procedure that sends it and asks the meter again. An acknowledgement says only that the frame was received.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from mbus_grammars import Frame
from mbus_grammars.application import APPLICATIONS
from mbus_grammars.fields import SecondaryCField, ci_field_of

from ..encoding.encode import encode
from ..errors import CollisionError, LocalProtocolError, NoResponse, RemoteProtocolError
from ..model.telegram import Telegram
from .address import BROADCAST, LAST_PRIMARY, Address, SecondaryAddress, of_meter, parse_secondary
from .events import Finding
from .exchange import frame_of
from .procedure import Outcome, Procedure, Request, SetBaudrate, ask, listen
from .readout import (
    describe,
    failure,
    first_telegram,
    is_shared,
    link_address,
    reach,
    read,
    select_request,
)
from .timing import BAUDRATES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..model.meter import Meter
    from ..model.record import Record


_RESET: Final = ci_field_of("application reset")
_DATA_SEND: Final = ci_field_of("command")
_BAUDRATE: Final = ci_field_of("baud rate")  # the lowest; the others follow
_ENHANCED_IDENTIFICATION: Final = 0x79
_ANY: Final = 0xFF

# A meter with DFC set cannot take data yet; it is asked again so often.
_DFC_TRIES: Final = 4
_DFC_WAIT: Final = 1.0

# How far a meter's clock may be from what was written a moment ago: type F has no seconds.
_CLOCK_TOLERANCE: Final = timedelta(seconds=90)


@dataclass(frozen=True, slots=True)
class Change:
    """A change that a meter has made.

    Attributes:
        what: "primary address", "baud rate" ...
        value: what it is now.
        address: by which the meter is reached from now on.
        meter: its identification, as far as it told it.
        confirmed: True, the meter was asked and has it; None, it has acknowledged, but does not report this.
        said: what the meter's answers show, in words.
        remark: what to know, "" if nothing.
    """

    what: str
    value: object
    address: Address
    meter: Meter | None = None
    confirmed: bool | None = True
    said: str = "confirmed by the meter"
    remark: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The JSON shape."""
        address = self.address
        return {
            "type": "change",
            "what": self.what,
            "value": self.value if isinstance(self.value, int | None) else str(self.value),
            "address": str(address) if isinstance(address, SecondaryAddress) else address,
            "meter": None if self.meter is None else self.meter.to_dict(),
            "confirmed": self.confirmed,
            "remark": self.remark,
        }

    def __str__(self) -> str:
        value = self.value.isoformat(" ", "seconds") if isinstance(self.value, datetime) else self.value
        what = self.what if value is None else f"{self.what} {value}"
        who = "" if self.what.endswith("address") else f"{describe(self.address)}: "
        said = self.said if self.confirmed else "acknowledged, but the meter does not report it"
        return ", ".join(part for part in (who + what, said, self.remark) if part)


def frames(address: Address, request: Request) -> list[bytes]:
    """The frames by which a change is made, as they would be sent: for a look before it is made."""
    selection = [frame_of(select_request(address))] if isinstance(address, SecondaryAddress) else []
    return [*selection, frame_of(request)]


# --- What is written -------------------------------------------------------------------------------


def data_request(address: Address, records: Sequence[Mapping[str, Any]]) -> Request:
    """SND_UD with data records, as `encode` takes them. Raises `BuildError` naming record and field."""
    a_field = link_address(address)
    values = {"frame": {"c_field": "SND_UD", "a_field": a_field}, "records": list(records)}
    user_data = Frame.parse(encode(values))["user_data"]
    return Request("SND_UD", a_field, _DATA_SEND, {"records": user_data["records"]})


def identification(new: str | SecondaryAddress) -> SecondaryAddress:
    """A new identification number or secondary address as people write it.

    Raises `LocalProtocolError` for anything else.
    """
    return new if isinstance(new, SecondaryAddress) else parse_secondary(new)


def address_request(address: Address, new: int) -> Request:
    """The frame that sets a primary address. Raises `LocalProtocolError` where it is none."""
    if not 0 <= new <= LAST_PRIMARY:
        raise LocalProtocolError(f"{new} is no primary address for a meter: 0 to {LAST_PRIMARY}")
    return data_request(address, [{"quantity": "bus address", "value": new}])


def identification_request(address: Address, new: SecondaryAddress) -> Request:
    """The frame that sets an identification number, or a whole secondary address where all of it is given.

    Raises `LocalProtocolError` for wildcards in it.
    """
    if not new.identification_number.isdecimal():
        raise LocalProtocolError(
            f"{new.identification_number} is no identification number: eight digits 0 to 9"
        )
    if new == SecondaryAddress(new.identification_number):
        number = {"quantity": "enhanced identification", "value": new.identification_number}
        return data_request(address, [{**number, "data_field": "8 digit BCD"}])
    if not new.exact:
        raise LocalProtocolError(f"{new}: give the identification number alone, or all of the address")
    record = {
        "dib": {"data_field": "64 bit integer"},
        "vib": {"vif": _ENHANCED_IDENTIFICATION},
        "data": new.to_dict(),
    }
    return Request("SND_UD", link_address(address), _DATA_SEND, {"records": [record]})


def baudrate_request(address: Address, baudrate: int) -> Request:
    """The control frame that switches the baud rate. Raises `LocalProtocolError` for a rate without code."""
    if baudrate not in BAUDRATES:
        raise LocalProtocolError(f"{baudrate} baud: M-Bus has {', '.join(map(str, BAUDRATES))}")
    return Request("SND_UD", link_address(address), _BAUDRATE + BAUDRATES.index(baudrate), {})


def clock_request(address: Address, moment: datetime, *, seconds: bool = False) -> Request:
    """The frame that sets date and time: to the minute (type F), or to the second (type I).

    Raises `LocalProtocolError` for a moment with a time zone: a meter's clock has none, and the time at the
    meter has to be given as it shall stand there.
    """
    if moment.tzinfo is not None:
        raise LocalProtocolError(
            "a meter's clock has no time zone: give date and time as they shall stand there"
        )
    text = moment.isoformat(timespec="seconds" if seconds else "minutes")
    width = "48 bit integer" if seconds else "32 bit integer"
    return data_request(address, [{"quantity": "date and time", "value": text, "data_field": width}])


def reset_request(address: Address, application: str | int | None = None, block: int = 0) -> Request:
    """The application reset; `application` is a name of the standard, or the whole octet of the sub-code.

    Raises `LocalProtocolError` for a name that the standard does not have.
    """
    sub_codes: list[dict[str, Any]] = []
    if isinstance(application, int):
        if not 0 <= application <= _ANY:
            raise LocalProtocolError(f"{application} is no sub-code: one octet, 0 to 255")
        sub_codes = [{"application": application >> 4, "block": application & 0x0F}]
    elif application is not None:
        names = [str(APPLICATIONS.codes[code].name) for code in range(len(APPLICATIONS.codes))]
        if application not in names:
            raise LocalProtocolError(f"{application!r} is no application: {', '.join(names)}")
        sub_codes = [{"application": names.index(application), "block": block}]
    return Request("SND_UD", link_address(address), _RESET, {"sub_codes": sub_codes})


# --- Sending and asking ----------------------------------------------------------------------------


def identify(address: Address) -> Procedure[Telegram]:
    """The first telegram of a meter. Raises as `read` does."""
    yield from reach(address)
    return (yield from first_telegram(address))


def send(address: Address, request: Request) -> Procedure[Telegram | None]:
    """Send a change to one meter; gives the telegram by which it was identified before.

    Raises `CollisionError`, before anything is changed, where several meters answer to the address, and what
    the exchange shows: `NoResponse` for a meter that does not take it.
    """
    if request.a_field == BROADCAST:
        yield from ask(request)
        return None
    before, outcome = yield from _deliver(address, request)
    if outcome.kind not in ("ack", "garbled"):
        raise _refused(address, outcome)
    return before


def _deliver(address: Address, request: Request) -> Procedure[tuple[Telegram, Outcome]]:
    """Send a change to one meter: the telegram by which it was identified before, and how it ended."""
    if (yield from is_shared(address)):
        raise CollisionError(
            f"{describe(address)}: several meters answer, and all of them would be changed; nothing was "
            "sent. Search them, and give the whole secondary address of one"
        )
    before = yield from _ready(address)
    if isinstance(address, SecondaryAddress) and not address.exact and before.meter is not None:
        # With its whole address nobody else can be selected, should another meter not have been heard.
        selected = yield from ask(select_request(of_meter(before.meter)))
        if selected.kind != "ack":
            raise failure(address, selected)
    # Once: with another FCB it would be another command. What became of it is asked afterwards.
    return before, (yield from ask(request))


def _ready(address: Address) -> Procedure[Telegram]:
    """The telegram of a meter that can take data: one with DFC set is asked again."""
    for attempt in range(_DFC_TRIES):
        telegram = yield from identify(address)
        if not SecondaryCField.unpack(telegram.frame.c_field or 0)["dfc"]:
            return telegram
        if attempt < _DFC_TRIES - 1:
            yield from listen(_DFC_WAIT)
    raise RemoteProtocolError(f"{describe(address)}: the meter takes no data now (DFC is set); try later")


def _refused(address: Address, outcome: Outcome) -> Exception:
    error = failure(address, outcome)
    if isinstance(error, NoResponse):
        return NoResponse(f"{describe(address)}: the meter does not acknowledge this: it may not support it")
    return error


def _is_same(before: Telegram | None, after: Telegram) -> bool:
    """Whether the telegrams may be of the same meter: not every one tells who sent it."""
    return before is None or before.meter is None or after.meter is None or before.meter == after.meter


def set_address(address: Address, new: int) -> Procedure[Change]:
    """Give a meter another primary address, unless somebody answers there already.

    Raises `LocalProtocolError` where the new address is in use, `RemoteProtocolError` where the meter
    acknowledges and is not there.
    """
    request = address_request(address, new)
    if address == BROADCAST:
        raise LocalProtocolError(f"address 255 would give every meter the address {new}")
    if address != new:
        outcome = yield from ask(Request("SND_NKE", new, attempts=2))
        if outcome.kind != "silence":
            raise LocalProtocolError(f"address {new} is in use: a meter answers there; choose another")
    before, outcome = yield from _deliver(address, request)
    try:
        after = yield from identify(new)
    except NoResponse:
        # Where the acknowledgement was lost the meter has the new address: that is why this is asked first.
        if outcome.kind not in ("ack", "garbled"):
            raise _refused(address, outcome) from None
        raise
    if not _is_same(before, after):
        raise RemoteProtocolError(f"address {new}: another meter answers there than the one that was changed")
    return Change("primary address", new, new, after.meter)


def set_identification(address: Address, new: SecondaryAddress) -> Procedure[Change]:
    """Give a meter another identification number or secondary address, unless a meter has it already.

    Raises as `set_address` does.
    """
    request = identification_request(address, new)
    if address == BROADCAST:
        raise LocalProtocolError("address 255 would give every meter the same number")
    taken = yield from ask(select_request(new))
    if taken.kind != "silence":
        raise LocalProtocolError(f"{new}: a meter has this already; choose another")
    before = yield from send(address, request)
    after = yield from identify(new)
    wanted = None if before is None or before.meter is None else before.meter
    if wanted is not None and new == SecondaryAddress(new.identification_number):
        fits = after.meter is not None and _rest(after.meter) == _rest(wanted)
    else:
        fits = new.selects(after.meter)
    if not fits:
        raise RemoteProtocolError(f"{new}: another meter answers to it than the one that was changed")
    shown = new if after.meter is None else of_meter(after.meter)
    return Change("secondary address", shown, shown, after.meter)


def _rest(meter: Meter) -> tuple[object, ...]:
    return meter.manufacturer, meter.version, meter.device_type


def set_baudrate(address: Address, baudrate: int, now: int) -> Procedure[Change]:
    """Switch a meter to another baud rate and see that it answers there; the line stays at that rate.

    The acknowledgement comes at the rate that was used so far, `now`. A meter that is silent afterwards is
    looked for at the old rate, and the line goes back to it. Raises `RemoteProtocolError` where the meter
    stayed at the old rate, `NoResponse` where it answers at neither: meters go back by themselves after 2 to
    10 minutes.
    """
    request = baudrate_request(address, baudrate)
    if address == BROADCAST:
        yield from ask(request)
        yield SetBaudrate(baudrate)
        return Change("baud rate", baudrate, address, confirmed=None)
    before, outcome = yield from _deliver(address, request)
    yield SetBaudrate(baudrate)  # even without an acknowledgement: it may have been lost
    after = yield from _answers(address)
    if after is not None and _is_same(before, after):
        return Change("baud rate", baudrate, address, after.meter)
    yield SetBaudrate(now)
    after = yield from _answers(address)
    who = describe(address)
    if outcome.kind not in ("ack", "garbled"):
        raise _refused(address, outcome)
    if after is not None:
        raise RemoteProtocolError(f"{who}: acknowledges the switch to {baudrate} baud, but stays at {now}")
    raise NoResponse(
        f"{who}: acknowledged the switch to {baudrate} baud and is silent there and at {now} now; "
        "many meters go back to their old rate after some minutes without a call"
    )


def _answers(address: Address) -> Procedure[Telegram | None]:
    """The meter's telegram if it answers, None if not; the link layer begins anew."""
    try:
        return (yield from identify(address))
    except (NoResponse, RemoteProtocolError):
        return None


def reset(address: Address, application: str | int | None = None, block: int = 0) -> Procedure[Change]:
    """Reset the application layer of a meter, or select what its next readouts contain."""
    request = reset_request(address, application, block)
    before = yield from send(address, request)
    what = "application reset" if application is None else "application"
    if before is None:
        return Change(what, application, address, confirmed=None)
    telegram = yield from first_telegram(address)
    records = len(telegram.records)
    said = f"acknowledged, and the meter answers with {records} record{'' if records == 1 else 's'}"
    return Change(what, application, address, telegram.meter, said=said)


def set_clock(address: Address, moment: datetime, *, seconds: bool = False) -> Procedure[Change]:
    """Set the clock of a meter and compare it with what the meter then reports.

    Raises `RemoteProtocolError` where the meter reports another time.
    """
    before = yield from send(address, clock_request(address, moment, seconds=seconds))
    if before is None:
        return Change("clock", moment, address, confirmed=None)
    reading = yield from read(address)  # anew, so that it begins with the first telegram
    shown = [
        record.value
        for record in reading.records
        if record.quantity == "date and time"
        and not record.storage_number
        and isinstance(record.value, datetime)
    ]
    if not shown:
        return Change("clock", moment, address, reading.meter, confirmed=None)
    if all(abs(value - moment) > _CLOCK_TOLERANCE for value in shown):
        raise RemoteProtocolError(f"{describe(address)}: acknowledges, but its clock shows {shown[0]}")
    return Change("clock", shown[0], address, reading.meter)


def write(address: Address, records: Sequence[Mapping[str, Any]]) -> Procedure[Change]:
    """Write data records and compare them with what the meter then reports.

    Raises `RemoteProtocolError` where it reports another value; a record that it does not report at all is
    not confirmed.
    """
    if not records:
        raise LocalProtocolError("no records to write: give at least one with quantity, unit and value")
    request = data_request(address, records)
    before = yield from send(address, request)
    values = ", ".join(f"{record.get('quantity', 'record')} {record.get('value', '')}" for record in records)
    if before is None:
        return Change("records", values, address, confirmed=None)
    written = Telegram.from_dict(
        {"frame": {"c_field": "SND_UD", "a_field": link_address(address)}, "records": list(records)}
    ).records
    reading = yield from read(address)
    confirmed: list[bool] = []
    for record in written:
        shown = next((other for other in reading.records if _is_same_record(record, other)), None)
        if shown is not None and shown.value != record.value:
            raise RemoteProtocolError(
                f"{describe(address)}: acknowledges, but {record.quantity} is {shown.value_text}, "
                f"not {record.value_text}"
            )
        confirmed.append(shown is not None)
    return Change("records", values, address, reading.meter, confirmed=all(confirmed) or None)


def _is_same_record(record: Record, other: Record) -> bool:
    return (
        record.quantity == other.quantity
        and record.unit == other.unit
        and record.function == other.function
        and record.qualifiers == other.qualifiers
        and (record.storage_number, record.tariff, record.subunit)
        == (other.storage_number, other.tariff, other.subunit)
    )


def readout_request(address: Address, wanted: Sequence[Mapping[str, Any]]) -> Request:
    """The frame that selects what the next readouts contain; an empty list selects all. MBDOC48 6.4.3."""
    if not wanted:
        everything = [{"dif": 0x7F}]
        return Request("SND_UD", link_address(address), _DATA_SEND, {"records": everything})
    return data_request(address, [{**record, "data_field": "selection for readout"} for record in wanted])


def select_readout(address: Address, wanted: Sequence[Mapping[str, Any]]) -> Procedure[Change]:
    """Select what the next readouts of a meter contain, and compare with what comes.

    A meter that cannot deliver it sends its normal data: the remark says what is missing. An application
    reset ends the selection.
    """
    before = yield from send(address, readout_request(address, wanted))
    names = ", ".join(str(record.get("quantity", "record")) for record in wanted) or "everything"
    if before is None:
        return Change("readout", names, address, confirmed=None)
    telegram = yield from first_telegram(address)
    come = {record.quantity for record in telegram.records}
    names_wanted = [record.get("quantity") for record in wanted]
    missing = [str(name) for name in names_wanted if name not in {None, *come}]
    more = (
        sorted(str(name) for name in come - {record.get("quantity") for record in wanted}) if wanted else []
    )
    remark = f"missing: {', '.join(missing)}" if missing else f"comes too: {', '.join(more)}" if more else ""
    if missing:
        yield Finding("warning", "readout", f"{describe(address)}: {remark}", address)
    return Change(
        "readout", names, address, telegram.meter, confirmed=None if missing else True, remark=remark
    )


def send_raw(octets: bytes) -> Procedure[Outcome]:
    """Send a frame as it is, once, and give what comes back."""
    return (yield from ask(Request(octets=octets, attempts=1)))

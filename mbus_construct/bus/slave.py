"""One slave's link layer as a state machine: a frame goes in, its reply comes out.

EN 13757-2 and EN 13757-7; MBDOC48 5.3 to 5.5 (frames, addresses, FCB), 6.4.1 (baud rate), 7 (selection).
What the meter says and lets itself be told is the business of its `Application`. No clock and no port.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from mbus_grammars import Frame
from mbus_grammars.fields import ci_field_of
from mbus_grammars.link import SINGLE_CHARACTER
from mbus_grammars.places import LONG_HEADER, SELECTIONS
from mbus_grammars.record import RecordsToMeter

from ..decoding.decode import decode, decode_records
from .address import BROADCAST, LAST_PRIMARY, SELECTED, TEST, UNCONFIGURED, SecondaryAddress
from .timing import BAUDRATES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..model.record import Record
    from ..model.telegram import Telegram

ACKNOWLEDGE: Final = Frame.build({"start": SINGLE_CHARACTER})

BUSY: Final = 0x08  # application errors, MBDOC48 6.6

_APPLICATION_RESET: Final = ci_field_of("application reset")
_FIRST_BAUDRATE: Final = ci_field_of("baud rate")  # the others follow, MBDOC48 6.4.1


@dataclass(frozen=True, slots=True)
class Request:
    """A master's frame, read once for all slaves that hear it.

    Attributes:
        octets: the frame as it came.
        c_name: "SND_NKE", "REQ_UD2" ..., None for what EN 13757-2 does not know.
        a_field, ci_field: `ci_field` is None in a short frame.
        fcb: None where FCV is 0.
        selection: the mask of a selection (CI 52h) to address 253, else None.
        mask, wanted: the same as numbers; a slave is meant where `address & mask == wanted`.
        records: what stands behind the mask (enhanced selection, MBDOC48 7.4).
    """

    octets: bytes
    c_name: str | None
    a_field: int
    ci_field: int | None = None
    fcb: bool | None = None
    selection: SecondaryAddress | None = None
    mask: int = 0
    wanted: int = 0
    records: tuple[Record, ...] = ()

    @property
    def telegram(self) -> Telegram:
        """The frame as values."""
        return decode(self.octets, link="frame")


def mask_of(address: SecondaryAddress) -> tuple[int, int]:
    """Mask and wanted bits of a selection: F stands for any digit, FFh for any octet. MBDOC48 7.1."""
    octets, number = address.octets, LONG_HEADER["identification_number"]
    digits = [0 if digit == "f" else 0xF for digit in octets[number].hex()]
    mask = bytes(high << 4 | low for high, low in zip(digits[::2], digits[1::2], strict=True))
    mask += bytes(0 if octet == 0xFF else 0xFF for octet in octets[number.stop :])
    bits = int.from_bytes(mask, "little")
    return bits, int.from_bytes(octets, "little") & bits


@lru_cache(maxsize=4096)
def read_request(octets: bytes) -> Request | None:
    """A frame to slaves; None for one that a slave sends. Raises `DecodeError` where it is no frame."""
    frame: Mapping[str, Any] = Frame.parse(octets)
    if "c_field" not in frame or not frame["c_field"]["prm"]:
        return None
    c_field = frame["c_field"]
    fcb = bool(c_field["fcb"]) if c_field["fcv"] else None
    ci_field = int(frame["ci_field"]) if "ci_field" in frame else None
    request = Request(octets, c_field["name"], int(frame["a_field"]), ci_field, fcb)
    user_data: Mapping[str, Any] = frame.get("user_data") or {}
    if (ci_field, request.a_field, request.c_name) != (ci_field_of("selection"), SELECTED, "SND_UD"):
        return request
    if "identification_number" not in user_data:  # too short to be a selection
        return request
    selection = SecondaryAddress(
        user_data["identification_number"],
        user_data["manufacturer"],
        user_data["version"],
        int(user_data["device_type"]),
    )
    records = decode_records(RecordsToMeter.build(user_data["records"]), RecordsToMeter)
    mask, wanted = mask_of(selection)
    return Request(octets, request.c_name, SELECTED, ci_field, fcb, selection, mask, wanted, records)


class UserData(NamedTuple):
    """What stands behind the A field of a reply, and whether DIF 1Fh says that more follows."""

    ci_field: int
    octets: bytes
    more: bool = False


class Application(Protocol):
    """What a slave needs of the meter behind it.

    Attributes:
        primary_address: 0 where it is not configured.
        first_access_number: of the first telegram; the slave counts on from there.
        alarm: the flags of an alarm that the master has not fetched, b"" for none.
    """

    primary_address: int
    first_access_number: int
    alarm: bytes

    @property
    def secondary_address(self) -> SecondaryAddress:
        """Identification number, manufacturer, version and device type."""
        ...

    def telegram(self, index: int, access_number: int, now: float) -> UserData:
        """A telegram of the readout."""
        ...

    def holds(self, record: Record, now: float) -> bool:
        """Whether the meter has a record that a record of an enhanced selection means. MBDOC48 7.4."""
        ...

    def execute(self, command: Telegram, now: float) -> int | None:
        """Do what SND_UD says; the code of the application error where that is not possible."""
        ...


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a slave differs from the book.

    Attributes:
        ignores_fcb: every REQ_UD2 gives the next telegram.
        repeats_first_telegram: every REQ_UD2 gives the first telegram, octet by octet.
        acknowledges_unselected: answers SND_NKE to 253 though it is not selected.
        silent_to_deselection: does not answer SND_NKE to 253 though it is selected.
        answers_with_253: has no primary address to answer with; its replies carry A field 253.
        secondary_addressing: False for a meter that knows no selection.
        enhanced_selection: False for one that is not selected where records follow the mask.
        needs_wake_up: hears nothing before a preamble of 55h of `wake_up_seconds`, then for
            `awake_seconds` after each frame that it heard.
        baudrates: those that it can switch to; it acknowledges others and stays.
        baud_switch: "works"; "silent", hears nothing once it has acknowledged, until it falls back;
            "ignored", acknowledges and stays at the old rate.
        fallback_seconds: after which it returns to the old rate where nobody addressed it at the new one.
        busy_replies: so many REQ_UD2 are answered by application error 08h (too busy) first.
        data_flow_control: sets DFC in its replies.
        reports_application_errors: answers CI 70h to the REQ_UD2 behind a command that it could not do.
    """

    ignores_fcb: bool = False
    repeats_first_telegram: bool = False
    acknowledges_unselected: bool = False
    silent_to_deselection: bool = False
    answers_with_253: bool = False
    secondary_addressing: bool = True
    enhanced_selection: bool = True
    needs_wake_up: bool = False
    wake_up_seconds: float = 2.0
    awake_seconds: float = 30.0
    baudrates: tuple[int, ...] = BAUDRATES
    baud_switch: str = "works"
    fallback_seconds: float = 120.0
    busy_replies: int = 0
    data_flow_control: bool = False
    reports_application_errors: bool = False


@dataclass(slots=True)
class _Dialogue:
    """What a slave remembers of the master, once for its primary address and once for 253."""

    fcb: dict[str, bool] = field(default_factory=dict[str, bool])
    last: dict[str, bytes] = field(default_factory=dict[str, bytes])
    command: bytes = b""  # the SND_UD that was executed last, where nothing else came behind it
    position: int = 0  # the telegram that the next new REQ_UD2 gets

    def clear(self) -> None:
        self.fcb.clear()
        self.last.clear()
        self.command = b""
        self.position = 0


class Slave:
    """A slave on the bus; give it every frame that the master sends at its baud rate.

    Attributes:
        selected: whether it answers to 253.
        busy: so many REQ_UD2 it will answer by application error 08h.
        access_number: of the next new telegram.
    """

    def __init__(
        self, application: Application, behaviour: Behaviour | None = None, baudrate: int = 2400
    ) -> None:
        self.application = application
        self.behaviour = Behaviour() if behaviour is None else behaviour
        self.selected = False
        self.access_number = application.first_access_number
        self.busy = self.behaviour.busy_replies
        self._error: int | None = None
        self._dialogues = {False: _Dialogue(), True: _Dialogue()}
        self._awake_until = float("-inf")
        # The rate to fall back to, the time to do so, and whether nothing is heard until then.
        self._baudrate = baudrate
        self._fallback: tuple[int, float, bool] | None = None
        self._address: tuple[SecondaryAddress, int] | None = None

    # --- What it hears ---------------------------------------------------------------------------

    def baudrate(self, now: float) -> int:
        """The rate at which it hears at a time; 0 where it hears at none."""
        if self._fallback is not None and now >= self._fallback[1]:
            self._baudrate = self._fallback[0]
            self._fallback = None
        return 0 if self._fallback is not None and self._fallback[2] else self._baudrate

    def wake_up(self, seconds: float, now: float) -> None:
        """A preamble of so many seconds has ended."""
        if seconds >= self.behaviour.wake_up_seconds:
            self._awake_until = now + self.behaviour.awake_seconds

    def hears(self, baudrate: int, now: float) -> bool:
        """Whether it understands a frame of this rate at this time."""
        awake = not self.behaviour.needs_wake_up or now < self._awake_until
        return awake and self.baudrate(now) == baudrate

    def receive(self, request: Request, now: float) -> bytes | None:
        """The reply to a frame that it hears, None for silence."""
        if self.behaviour.needs_wake_up:
            self._awake_until = now + self.behaviour.awake_seconds
        if request.selection is not None:
            return self._select(request, now)
        if not self.is_meant(request):
            return None
        if self._fallback is not None:  # it was addressed at the new rate, and keeps it
            self._fallback = None
        reply = self._answer(request, now)
        return None if request.a_field == BROADCAST else reply

    def is_meant(self, request: Request) -> bool:
        """Whether a frame that is no selection is for this slave. MBDOC48 5.3."""
        a_field = request.a_field
        if a_field == SELECTED:
            unasked = self.behaviour.acknowledges_unselected and request.c_name == "SND_NKE"
            return self.selected or unasked
        return a_field == self.application.primary_address or a_field in (TEST, BROADCAST)

    def _select(self, request: Request, now: float) -> bytes | None:
        """CI 52h: selected and acknowledged where everything matches, else deselected. MBDOC48 7.1, 7.4."""
        behaviour = self.behaviour
        self.selected = (
            self._address_number() & request.mask == request.wanted
            and behaviour.secondary_addressing
            and (not request.records or behaviour.enhanced_selection)
            and all(self.application.holds(record, now) for record in request.records)
        )
        if not self.selected:
            return None
        self._fallback = None
        self._dialogues[True].clear()
        return ACKNOWLEDGE

    def _address_number(self) -> int:
        address = self.application.secondary_address
        if self._address is None or self._address[0] is not address:
            self._address = address, int.from_bytes(address.octets, "little")
        return self._address[1]

    # --- What it answers -------------------------------------------------------------------------

    def _answer(self, request: Request, now: float) -> bytes | None:
        dialogue = self._dialogues[request.a_field == SELECTED]
        match request.c_name:
            case "SND_NKE":
                return self._reset(request)
            case "SND_UD":
                return self._command(request, dialogue, now)
            case "REQ_UD2" | "REQ_UD1":
                dialogue.command = b""
                return self._request(request, request.c_name, dialogue, now)
            case _:
                return None

    def _reset(self, request: Request) -> bytes | None:
        """SND_NKE: the FCB bits of the address used are cleared; 253 is deselected. MBDOC48 5.5, 7.2."""
        if request.a_field == SELECTED:
            self.selected = False
            self._dialogues[True].clear()
            return None if self.behaviour.silent_to_deselection else ACKNOWLEDGE
        self._dialogues[False].clear()
        if request.a_field in (TEST, BROADCAST):
            self._dialogues[True].clear()
        return ACKNOWLEDGE

    def _command(self, request: Request, dialogue: _Dialogue, now: float) -> bytes | None:
        """SND_UD, executed once: the same frame again is the retry of a master that missed the E5."""
        ci_field = request.ci_field
        if ci_field is None:
            return None
        if ci_field in SELECTIONS and request.a_field == SELECTED:
            self.selected = False  # of mode 2, or too short: not for this slave
            return None
        if request.fcb is not None and request.octets == dialogue.command:
            return ACKNOWLEDGE
        dialogue.command = request.octets
        if 0 <= ci_field - _FIRST_BAUDRATE < len(BAUDRATES):
            self._switch(BAUDRATES[ci_field - _FIRST_BAUDRATE], now)
            return ACKNOWLEDGE
        error = self.application.execute(request.telegram, now)
        if ci_field == _APPLICATION_RESET:
            for each in self._dialogues.values():
                each.position = 0
        self._error = error if self.behaviour.reports_application_errors else None
        return ACKNOWLEDGE

    def _switch(self, baudrate: int, now: float) -> None:
        """CI B8h to BFh: the new rate from now on, the old one again where nobody uses the new one."""
        behaviour = self.behaviour
        works = behaviour.baud_switch != "ignored" and baudrate in behaviour.baudrates
        if works and baudrate != self._baudrate:
            silent = behaviour.baud_switch == "silent"
            self._fallback = self._baudrate, now + behaviour.fallback_seconds, silent
            self._baudrate = baudrate

    def _request(self, request: Request, kind: str, dialogue: _Dialogue, now: float) -> bytes:
        """REQ_UD1 and REQ_UD2: the last reply again where FCB has not changed. MBDOC48 5.5."""
        last = dialogue.last.get(kind)
        repeated = request.fcb is not None and dialogue.fcb.get(kind) == request.fcb
        if last is not None and self.behaviour.repeats_first_telegram and kind == "REQ_UD2":
            return last
        if last is not None and repeated and not self.behaviour.ignores_fcb:
            return last
        if request.fcb is not None:
            dialogue.fcb[kind] = request.fcb
        if self.busy and kind == "REQ_UD2":  # not kept: whoever asks again gets the telegram
            self.busy -= 1
            dialogue.last.pop(kind, None)  # the telegram before is not what a repetition is about
            return self._refuse(BUSY)
        new = self._alarm() if kind == "REQ_UD1" else self._telegram(dialogue, now)
        dialogue.last[kind] = new
        return new

    def _alarm(self) -> bytes:
        flags, self.application.alarm = self.application.alarm, b""
        return self._frame(ci_field_of("alarm"), {"alarm_flags": flags}) if flags else ACKNOWLEDGE

    def _telegram(self, dialogue: _Dialogue, now: float) -> bytes:
        if self._error is not None:
            code, self._error = self._error, None
            return self._refuse(code)
        user_data = self.application.telegram(dialogue.position, self.access_number, now)
        self.access_number = self.access_number + 1 & 0xFF
        dialogue.position = dialogue.position + 1 if user_data.more else 0
        return self._frame(user_data.ci_field, {"malformed": user_data.octets})

    def _refuse(self, code: int) -> bytes:
        """An application error. MBDOC48 6.6."""
        return self._frame(ci_field_of("application error"), {"error_code": code})

    def _frame(self, ci_field: int, user_data: Mapping[str, Any]) -> bytes:
        """An RSP_UD. `malformed` takes octets as they are, where the application has built them."""
        address = self.application.primary_address
        with_own = not self.behaviour.answers_with_253 and UNCONFIGURED <= address <= LAST_PRIMARY
        c_field = {
            "name": "RSP_UD",
            "acd": bool(self.application.alarm),
            "dfc": self.behaviour.data_flow_control,
        }
        values = {"c_field": c_field, "a_field": address if with_own else SELECTED, "ci_field": ci_field}
        return Frame.build(values | {"user_data": user_data})

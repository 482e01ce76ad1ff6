"""What a simulated meter says and lets itself be told: captured telegrams, or records that move with time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from mbus_grammars import BuildError, FixedData
from mbus_grammars.application import ShortHeader
from mbus_grammars.fields import ci_field_of
from mbus_grammars.record import RecordsFromMeter

from ..bus.address import SecondaryAddress, parse_secondary
from ..bus.slave import Behaviour, UserData
from ..decoding.decode import decode, decode_records
from ..encoding.encode import encode
from ..octets.hex_text import octets_from
from .encryption import SEALED, Protection
from .faults import Fault, faults_of
from .records import SimulatedRecord, agrees, same_place, selected_by
from .templates import FIXED, HEADERS, MAX_RECORDS, VARIABLE, Template, captured, in_telegrams, split

if TYPE_CHECKING:
    from ..model.record import Record
    from ..model.telegram import Telegram
    from ..security.keys import KeyLike

# Application errors, MBDOC48 6.6 and EN 13757-3:2018 clause 10 via libmburs.
NOT_IMPLEMENTED: Final = 0x01
NO_FUNCTION: Final = 0x11
DATA_ERROR: Final = 0x12
ACCESS_VIOLATION: Final = 0x14

_CLOCKS: Final = ("date and time", "date")


def _as_octets(given: bytes | str) -> bytes:
    return octets_from(given)


class SimulatedMeter:
    """A meter on a simulated bus: its telegrams are captured ones, or built from records.

    Args:
        primary_address: 0 to 250; taken from the first telegram where it is not given.
        telegrams: captured ones, octets or hex digits, in the order of the readout.
        records: mappings as `encode` takes them, with `rate` (per hour), `wave` ({amplitude, period in
            hours}), `clock` (the moment from which it runs), `writable`, `application`, `telegram` (number,
            from 1 on) beside quantity, unit, value ...
        fixed: a meter with the fixed data structure (CI 73h): medium_and_units, counter_1, counter_2 and
            status as the grammar `FixedData` names them; `rate_1` and `rate_2` are counts an hour.
        identification_number, manufacturer, version, device_type: taken from the first telegram where they
            are not given.
        access_number: of the first reply.
        keeps_access_number: sends captured telegrams with the access number that they have, as it does with
            those that are encrypted and of which it has no key.
        status: the status octet.
        alarm: the flags that REQ_UD1 fetches once.
        fabrication_number: eight digits for enhanced selection, beside those in the records.
        writable: all records may be written.
        name: how requests and faults name the meter; its identification number where it is not given.
        delay: bit times between the end of a request and the answer; None lets the bus choose.
        delay_seconds: in addition.
        baudrate: None for that of the bus.
        behaviour: how its link layer differs from the book.
        faults: of this meter alone.
        key: sixteen octets, or hex digits, with which it encrypts its telegrams.
        security_mode: how: 5, or 7 (a derived key and a message counter).

    Raises `BuildError` naming what does not fit, `KeysError` for a key that is none, and `MissingExtra` for
    one where the extra `crypto` is not installed.
    """

    def __init__(
        self,
        primary_address: int | None = None,
        telegrams: Sequence[bytes | str] = (),
        *,
        records: Sequence[Mapping[str, Any]] = (),
        fixed: Mapping[str, Any] | None = None,
        identification_number: str | None = None,
        manufacturer: str | None = None,
        version: int | None = None,
        device_type: int | None = None,
        access_number: int | None = None,
        keeps_access_number: bool = False,
        status: int | None = None,
        alarm: bytes = b"",
        fabrication_number: str | None = None,
        writable: bool = False,
        name: str | None = None,
        delay: float | None = None,
        delay_seconds: float = 0.0,
        baudrate: int | None = None,
        behaviour: Behaviour | None = None,
        faults: Sequence[Fault | str] = (),
        key: KeyLike | None = None,
        security_mode: int | None = None,
    ) -> None:
        if sum((bool(telegrams), bool(records), fixed is not None)) > 1:
            raise BuildError("telegrams", "with records or fixed", "one of telegrams, records and fixed")
        self.alarm = alarm
        self.keeps_access_number = keeps_access_number
        self.delay = delay
        self.delay_seconds = delay_seconds
        self.baudrate = baudrate
        self.behaviour = Behaviour() if behaviour is None else behaviour
        self.faults = faults_of(faults)
        self._status = status
        self._writable = writable
        self._rates = (0, 0)
        self._selectors: list[Record] = []
        self._application: str | None = None
        self._protection = _protection(key, security_mode)
        a_field = self._take(telegrams, records, fixed)
        header = self._templates[0].header
        self.primary_address = a_field if primary_address is None else primary_address
        if not 0 <= self.primary_address <= 250:
            raise BuildError("primary_address", primary_address, "0 to 250")
        self._address = SecondaryAddress(
            identification_number or header.get("identification_number", "00000000"),
            manufacturer or header.get("manufacturer", "MBC"),
            header.get("version", 1) if version is None else version,
            int(header.get("device_type", 7)) if device_type is None else device_type,
        )
        self._address.octets  # noqa: B018  refuses what is no address, here and not on the bus
        if not self._address.exact_identification and not telegrams:
            raise BuildError("identification_number", identification_number, "eight digits 0 to 9")
        self.first_access_number = (
            int(header.get("access_number", 0)) if access_number is None else access_number
        )
        self.name = name or self._address.identification_number
        self._fabrication: Record | None = None
        if fabrication_number is not None:
            if not (len(fabrication_number) == 8 and fabrication_number.isdecimal()):
                raise BuildError("fabrication_number", fabrication_number, "eight digits")
            given = {"quantity": "fabrication number", "value": fabrication_number}
            self._fabrication = decode(
                encode({"link": "records", "records": [given]}), link="records"
            ).records[0]
        if self._protection is not None:
            self._seal_all()

    def _take(
        self,
        telegrams: Sequence[bytes | str],
        records: Sequence[Mapping[str, Any]],
        fixed: Mapping[str, Any] | None,
    ) -> int:
        """The templates of what was given; the A field of a captured telegram, else 0."""
        if telegrams:
            taken = [captured(_as_octets(telegram), self._protection) for telegram in telegrams]
            self._templates = [template for _, template in taken]
            return taken[0][0] if taken[0][0] <= 250 else 0
        if fixed is not None:
            header = {key: item for key, item in fixed.items() if key not in ("rate_1", "rate_2")}
            self._rates = int(fixed.get("rate_1", 0)), int(fixed.get("rate_2", 0))
            header = {"identification_number": "00000000", "access_number": 0, **header}
            FixedData.build(header)
            self._templates = [Template(FIXED, header)]
            return 0
        self._templates = in_telegrams(records, self._most_records)
        return 0

    def _seal_all(self) -> None:
        """Refuse what cannot be encrypted, here and not on the bus."""
        for index, template in enumerate(self._templates):
            if template.ci_field != SEALED:
                limit = f"telegrams with a long header (CI {SEALED:02X}h) where the meter has a key"
                raise BuildError("telegrams", f"CI {template.ci_field:02X}h", limit)
            self.telegram(index, self.first_access_number, 0.0)

    @property
    def _most_records(self) -> int:
        """Octets of records in one telegram."""
        return MAX_RECORDS if self._protection is None else min(MAX_RECORDS, self._protection.most_records)

    # --- As the slave asks -----------------------------------------------------------------------

    @property
    def secondary_address(self) -> SecondaryAddress:
        """Identification number, manufacturer, version and device type."""
        return self._address

    @secondary_address.setter
    def secondary_address(self, address: SecondaryAddress) -> None:
        self._address = address

    def telegram(self, index: int, access_number: int, now: float) -> UserData:
        """A telegram of the readout."""
        templates = self._readout()
        index %= len(templates)
        template = templates[index]
        header = self._header(template, access_number, now)
        area = b"".join(part if isinstance(part, bytes) else part.build(now) for part in template.parts)
        if self._protection is not None:
            octets = self._protection.seal(header, area)
        elif header:
            octets = HEADERS[template.ci_field].build(header) + area
        else:
            octets = area
        return UserData(template.ci_field, octets, index + 1 < len(templates))

    def holds(self, record: Record, now: float) -> bool:
        """Whether the meter has a record that a record of an enhanced selection means."""
        own = [decode_records(item.build(now), RecordsFromMeter)[0] for item in self._records()]
        if self._fabrication is not None:
            own.append(self._fabrication)
        return any(agrees(record, item) for item in own)

    def execute(self, command: Telegram, now: float) -> int | None:
        """Do what SND_UD says; the code of the application error where that is not possible."""
        if command.frame.ci_field == ci_field_of("application reset"):
            self._reset(command)
            return None
        if command.frame.ci_field == ci_field_of("command"):
            return self._write_all(command, now)
        return NOT_IMPLEMENTED

    # --- Telegrams -------------------------------------------------------------------------------

    def _header(self, template: Template, access_number: int, now: float) -> dict[str, Any]:
        """The header's values as the grammar names them; empty for a telegram without one."""
        if template.ci_field not in HEADERS or (not template.header and template.ci_field != VARIABLE):
            return {}
        header = {**template.header, **self._address.to_dict()}
        if not (self.keeps_access_number or template.encrypted):
            header["access_number"] = access_number
        if self._status is not None:
            header["status"] = self._status
        if "counter_1" in header:
            for key in ("manufacturer", "version", "device_type"):
                del header[key]
            for name, rate in zip(("counter_1", "counter_2"), self._rates, strict=True):
                if rate:
                    header[name] = (int(header.get(name, 0)) + int(rate * now / 3600)) % 10**8
        elif HEADERS[template.ci_field] is ShortHeader:
            for key in self._address.to_dict():
                del header[key]
        return header

    def _records(self) -> list[SimulatedRecord]:
        return [part for item in self._templates for part in item.parts if isinstance(part, SimulatedRecord)]

    def _readout(self) -> list[Template]:
        """The telegrams that the next readout has: all, or what was selected."""
        wanted = self._records()
        if self._application is not None:
            wanted = [item for item in wanted if item.application == self._application]
        if self._selectors:
            wanted = [
                item for item in wanted if any(selected_by(each, item.record) for each in self._selectors)
            ]
        if not wanted or not (self._selectors or self._application):
            return self._templates  # a meter that cannot deliver sends what it always sends (MBDOC48 6.4.3)
        first = self._templates[0]
        return [Template(first.ci_field, first.header, parts) for parts in split(wanted, self._most_records)]

    # --- Commands --------------------------------------------------------------------------------

    def _reset(self, command: Telegram) -> None:
        """CI 50h: the whole readout again, or that of an application (MBDOC48 6.1)."""
        codes = (command.user_data or {}).get("sub_codes") or ()
        name = str(codes[0].get("application_name")) if codes else "all"
        self._selectors = []
        self._application = None if name == "all" else name

    def _write_all(self, command: Telegram, now: float) -> int | None:
        """CI 51h: each record in its turn; the first error counts."""
        error: int | None = None
        selectors: list[Record] = []
        for record in command.records:
            if record.state == "error":
                error = error or DATA_ERROR
            elif _selects(record):
                selectors.append(record)
            elif "action: delete from readout list" in record.qualifiers:
                self._selectors = [item for item in self._selectors if not same_place(record, item)]
            else:
                found = self._write(record, now)
                error = error or found
        if any(item.octets[:1] == b"\x7f" for item in command.special_functions):
            self._selectors = []
        elif selectors:
            added = any("action: add to readout list" in item.qualifiers for item in selectors)
            self._selectors = [*self._selectors, *selectors] if added else selectors
        return error

    def _write(self, record: Record, now: float) -> int | None:
        if record.quantity == "bus address":
            return self._set_primary(record.value)
        if record.quantity == "enhanced identification":
            return self._set_identification(str(record.value))
        if record.quantity in _CLOCKS and not record.storage_number and not record.qualifiers:
            return self._set_clock(record.value, now)
        for item in self._records():
            if same_place(record, item.record):
                return self._change(item, record, now)
        return ACCESS_VIOLATION

    def _change(self, item: SimulatedRecord, record: Record, now: float) -> int | None:
        if not (item.writable or self._writable):
            return ACCESS_VIOLATION
        actions = [action for action in record.qualifiers if action.startswith("action: ")] or [_WRITE]
        value, old = record.value, item.value(now)
        if actions == ["action: clear"]:
            value = Decimal(0)
        elif actions in (["action: add value"], ["action: subtract value"]):
            if not isinstance(value, Decimal) or not isinstance(old, Decimal):
                return DATA_ERROR
            value = old + value if actions == ["action: add value"] else old - value
        elif actions != [_WRITE]:
            return NO_FUNCTION
        if value is None:
            return DATA_ERROR
        try:
            item.set(value, now)
        except BuildError:
            return DATA_ERROR
        return None

    def _set_primary(self, value: object) -> int | None:
        if not isinstance(value, Decimal) or not 0 <= value <= 250:
            return DATA_ERROR
        self.primary_address = int(value)
        return None

    def _set_identification(self, digits: str) -> int | None:
        """0C 79 sets the identification number, 07 79 the whole secondary address. MBDOC48 6.4.2."""
        if len(digits) == 8 and digits.isdecimal():
            old = self._address
            self._address = SecondaryAddress(digits, old.manufacturer, old.version, old.device_type)
            return None
        if len(digits) != 16 or not digits[:8].isdecimal():
            return DATA_ERROR
        self._address = parse_secondary(digits)
        return None

    def _set_clock(self, value: object, now: float) -> int | None:
        clocks = [
            item
            for item in self._records()
            if item.record.quantity in _CLOCKS
            and not item.record.storage_number
            and not item.record.qualifiers
            and item.record.function == "instantaneous"
        ]
        if not clocks or not isinstance(value, date):
            return DATA_ERROR
        for item in clocks:
            if isinstance(value, datetime):
                moment = value
            else:
                old = item.value(now)
                time = old.time() if isinstance(old, datetime) else datetime.min.time()
                moment = datetime.combine(value, time)
            try:
                item.set_clock(moment, now)
            except BuildError:
                return DATA_ERROR
        return None


_WRITE: Final = "action: write (replace)"


def _selects(record: Record) -> bool:
    selects = record.data_field == "selection for readout"
    return selects or "action: add to readout list" in record.qualifiers


def _protection(key: KeyLike | None, mode: int | None) -> Protection | None:
    if key is not None:
        return Protection(key) if mode is None else Protection(key, mode)
    if mode:
        raise BuildError("security_mode", mode, "with a key")
    return None

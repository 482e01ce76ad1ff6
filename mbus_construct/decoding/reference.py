"""The grammar's walk: what it parses, container by container, becomes a `Telegram`.

The fast paths of `layout` are derived from the same grammar and give the same; what is out of the ordinary
comes here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from mbus_grammars import Code
from mbus_grammars.base import is_mapping, is_sequence
from mbus_grammars.code_tables import FIXED_UNITS
from mbus_grammars.dib import EXTENSION, MORE_RECORDS_FOLLOW, RESERVED_DIFS
from mbus_grammars.fixed import SAME_UNIT_HISTORIC
from mbus_grammars.link import accept_one
from mbus_grammars.meaning import Meaning
from mbus_grammars.units import unit_names

from ..model.diagnostic import Diagnostic
from ..model.meter import Meter, Status
from ..model.record import Record, SpecialFunction
from ..model.telegram import Telegram
from ..octets.locate import layers_of
from ..octets.recognise import GRAMMARS
from ..values.headers import RecordHeader, describe
from ..values.kinds import kind_of
from ..values.to_value import Outcome, scaler
from .message import OPENED_MODES, Message, message_of, read_as_plain, security_of, without_key

if TYPE_CHECKING:
    from mbus_grammars.record import RecordArea

    from ..model.frame import FrameFields
    from ..model.json_shapes import Form
    from ..model.layers import Security
    from ..values.to_value import Severity


def walk(octets: bytes, form: Form) -> Telegram:
    """One telegram as the grammar parses it; see `decode`."""
    if form == "frame":
        accept_one(octets)
    parsed = GRAMMARS[form].parse(octets, values_only=True)
    return _Reader(octets, form).telegram(parsed)


def decode_area(octets: bytes, area: RecordArea) -> Telegram:
    """A record area by itself."""
    return _Reader(octets, "records").telegram(area.parse(octets))


def decode_records(octets: bytes, area: RecordArea) -> tuple[Record, ...]:
    """The records of a record area."""
    return decode_area(octets, area).records


# What the fields of `Telegram` say about user data that are no records.
_OUTSIDE: Final = frozenset({"header", "_io", "security", "encrypted", "decryption_verification"})


# --- The telegram --------------------------------------------------------------------------------


class _Reader:
    """Collects one telegram."""

    def __init__(self, octets: bytes, form: Form) -> None:
        self.octets = octets
        self.form: Form = form
        self.records: list[Record] = []
        self.special: list[SpecialFunction] = []
        self.diagnostics: list[Diagnostic] = []
        self.manufacturer_data: bytes | None = None
        self.more_records_follow = False

    def telegram(self, parsed: Any) -> Telegram:
        message = message_of(parsed, self.form)
        frame, user_data = message.frame, message.user_data
        header = user_data.get("header", user_data)
        kept = self._read(user_data)
        if kept is not None:
            self._remark(frame, kept)
        encrypted = message.encrypted
        configuration = header.get("configuration_field")
        security = security_of(
            message, configuration, self.form == "wireless", self._payload_length(configuration)
        )
        self._remark_security(message, security)
        return Telegram(
            link=self.form,
            frame=frame,
            meter=_fixed_meter(user_data) if "counter_1" in user_data else message.meter,
            access_number=header.get("access_number"),
            status=self._status(header, fixed="counter_1" in user_data),
            configuration_field=None if configuration is None else configuration["_number"],
            records=tuple(self.records),
            more_records_follow=self.more_records_follow,
            manufacturer_data=self.manufacturer_data,
            encrypted=encrypted,
            special_functions=tuple(self.special),
            user_data=plain(kept) if kept else None,
            diagnostics=tuple(self.diagnostics),
            ell=message.ell,
            afl=message.afl,
            security=security,
        )

    def _payload_length(self, configuration: Mapping[str, Any] | None) -> int:
        """How many octets stand behind the header of a telegram that can be encrypted."""
        if configuration is None or configuration["security_mode"] not in OPENED_MODES:
            return 0
        layers = layers_of(self.octets, self.form)
        return 0 if layers is None else layers.end - layers.payload

    def _remark_security(self, message: Message, security: Security | None) -> None:
        """What is encrypted, or could have been."""
        if message.encrypted and (security is None or security.mode in OPENED_MODES):
            told = without_key(f"{len(message.encrypted)} octets", message.meter)
            self.note("warning", "encrypted", told, None)
        elif security is not None and message.encrypted:
            mode = f"security mode {security.mode} ({security.mode_name})"
            raw = f"{mode} is not opened here, its {len(message.encrypted)} octets are raw"
            self.note("warning", "security_mode", raw, None)
        elif security is not None and security.mode:
            self.diagnostics.append(read_as_plain(security.mode))
        if message.afl is not None and message.afl.fragment is not None:
            number = message.afl.fragmentation_control & 0xFF
            told = f"fragment {number} of a message; a Receiver joins the fragments"
            self.note("info", "fragment", told, None)

    def _read(self, user_data: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Read the records; gives what to keep of user data that are something else."""
        if "counter_1" in user_data:
            self._fixed(user_data)
            return user_data
        if "malformed" in user_data:
            self.note("error", user_data["code"], f"user data: {user_data['reason']}", user_data["offset"])
            return user_data
        if "records" in user_data:
            self._items(user_data["records"])
            return None
        return {key: value for key, value in user_data.items() if key not in _OUTSIDE}

    def note(
        self, severity: Severity, code: str, message: str, offset: int | None, record: int | None = None
    ) -> None:
        self.diagnostics.append(Diagnostic(severity, code, message, offset, record))

    @staticmethod
    def _status(header: Mapping[str, Any], fixed: bool) -> Status | None:
        if "status" not in header:
            return None
        return Status(header["status"]["_number"], fixed)

    def _remark(self, frame: FrameFields, kept: Mapping[str, Any]) -> None:
        """What there is to say about a telegram without data records."""
        if "error_code" in kept:
            code = kept["error_code"]
            name = "unspecified error" if code is None else code.name or f"error {int(code):02X}h"
            self.note("info", "application_error", f"the meter reports an application error: {name}", None)
        elif "full_frame_crc" in kept:
            signature = f"compact frame: its format {kept['format_signature']:04X}h is not known here"
            told = (
                f"{signature}; a Receiver learns it from a full frame or format frame of the same meter type"
            )
            self.note("warning", "unknown_signature", told, None)
        elif "format_signature" in kept:
            signature = f"{kept['format_signature']:04X}h"
            told = f"format frame: teaches a Receiver to read the compact frames of format {signature}"
            self.note("info", "format_frame", told, None)
        elif kept.get("payload") and frame.ci_field is not None:
            name = f"CI {frame.ci_field:02X}h ({frame.ci_name})"
            self.note("warning", "no_grammar", f"{name} has no grammar here, its payload is raw", None)

    # --- Records

    def _items(self, items: Iterable[Mapping[str, Any]]) -> None:
        octets, records = self.octets, self.records
        for item in items:
            start, end = item["_span"]
            header = item.get("_header")
            if header is not None:
                described, convert, remarks = describe(header)
                outcome = convert(item["data"])
                value, state, reason, flags, code, _ = outcome
                data_start = start + len(header.dib_octets) + len(header.vib_octets)
                records.append(Record(described, octets[data_start:end], value, state, reason, flags, start))
                if code is not None or remarks:
                    self._record_remarks(described, data_start, outcome, remarks)
            elif "malformed" in item:
                self._unreadable(item, start, end)
            else:
                self._special_function(item, start, end)

    def _record_remarks(
        self,
        header: RecordHeader,
        offset: int,
        outcome: Outcome,
        remarks: tuple[tuple[str, str], ...] = (),
    ) -> None:
        index = len(self.records) - 1
        for code, message in remarks:
            self.note("info", code, message, offset, index)
        if outcome.code is not None:
            self.note(outcome.severity, outcome.code, f"{header.quantity}: {outcome.reason}", offset, index)

    def _unreadable(self, item: Mapping[str, Any], start: int, end: int) -> None:
        reason = str(item["reason"])
        self.records.append(Record(RecordHeader(), self.octets[start:end], None, "error", reason, (), start))
        shown = self.octets[start:end][:12].hex(" ").upper() + (" ..." if end - start > 12 else "")
        self.note(
            "error",
            item["code"],
            f"record at offset {start} not readable ({shown}): {reason}",
            item["offset"],
            len(self.records) - 1,
        )

    def _special_function(self, item: Mapping[str, Any], start: int, end: int) -> None:
        if "manufacturer_data" in item:
            self.manufacturer_data = item["manufacturer_data"]
            self.more_records_follow = item["dif"] == MORE_RECORDS_FOLLOW
            return
        self.special.append(SpecialFunction(len(self.records), self.octets[start:end]))
        if item["dif"] in RESERVED_DIFS:
            severity: Severity = "error" if item["dif"] & EXTENSION else "warning"  # octets may belong to it
            self.note(severity, "reserved_dif", f"DIF {item['dif']}: one octet skipped", start)

    # --- Fixed data structure

    def _fixed(self, data: Mapping[str, Any]) -> None:
        """The two counters as records. A historic one has storage number 1: it is no actual value."""
        units = data["medium_and_units"]
        binary = data["status"]["counters_binary"]
        stored = 1 if data["status"]["counters_stored"] else 0
        base = len(self.octets) - 8 - (2 if self.form == "frame" else 0)
        for k in (1, 2):
            unit = int(units[f"unit_{k}"])
            historic = unit == SAME_UNIT_HISTORIC
            known = FIXED_UNITS.get(int(units[f"unit_{3 - k}"]) if historic else unit)
            quantity, code, exponent = known or ("", "", 0)
            written, ucum = unit_names(code)
            meaning = Meaning(quantity=quantity, exponent=exponent)
            header = RecordHeader(
                function="instantaneous",
                storage_number=1 if historic else stored,
                tariff=0,
                subunit=0,
                quantity=quantity or f"counter {k}",
                unit=written,
                ucum=ucum,
                kind=kind_of(meaning),
                data_field="32 bit integer" if binary else "8 digit BCD",
            )
            outcome = _fixed_value(data[f"counter_{k}"], meaning, known is not None)
            start = base + 4 * (k - 1)
            octets = self.octets[start : start + 4]
            record = Record(header, octets, outcome.value, outcome.state, outcome.reason, (), start)
            self.records.append(record)
            self._record_remarks(header, start, outcome)


def _fixed_value(raw: int | str, meaning: Meaning, known: bool) -> Outcome:
    if isinstance(raw, str):
        return Outcome(None, "invalid", f"digits {raw} are no number", (), "invalid_bcd", "warning")
    if not known:
        return Outcome(
            None, "invalid", f"unit without a known layout, raw {raw}", (), "unknown_unit", "warning"
        )
    return Outcome(scaler(meaning)(raw))


def _fixed_meter(data: Mapping[str, Any]) -> Meter:
    """The meter of a fixed data structure.

    Its media 0 to 8 are the device types of the same name; Ah to Eh are 3, 4, 6, 7, 8 in mode 2. MBDOC48 8.3.
    """
    medium = int(data["medium_and_units"]["medium"])
    device_type = {0xA: 3, 0xB: 4, 0xC: 6, 0xD: 7, 0xE: 8}.get(medium, medium)
    return Meter(data["identification_number"], device_type=device_type if device_type <= 8 else None)


def plain(value: Any) -> Any:
    """A grammar's container as plain values: octets as hex digits, a code with its name beside it."""
    if is_mapping(value):
        items: dict[str, Any] = {}
        for key, item in value.items():
            if not key.startswith("_"):
                items[key] = plain(item)
                if isinstance(item, Code) and item.name is not None:
                    items[f"{key}_name"] = item.name
        return items
    if is_sequence(value):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return value.hex().upper()
    return int(value) if isinstance(value, Code) else value

"""What a telegram says, as frozen values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mbus_grammars import BuildError

from ..values.profiles import Entry, unroll
from .frame import FrameFields
from .json_shapes import SCHEMA_VERSION, ContainedDict, Form, TelegramDict
from .json_values import json_text, parse_json
from .record import GAP, GAP_TEXT, record_text

if TYPE_CHECKING:
    from ..values.to_value import Severity
    from .diagnostic import Diagnostic
    from .layers import AuthenticationLayer, ExtendedLinkLayer, Security
    from .meter import Meter, Status
    from .record import Record, SpecialFunction


@dataclass(frozen=True, slots=True)
class Contained:
    """A telegram that stands in a record of another one; `record` is the record's index."""

    record: int
    telegram: Telegram

    def to_dict(self) -> ContainedDict:
        """The JSON shape."""
        return {"record": self.record, "telegram": self.telegram.to_dict()}


@dataclass(frozen=True, slots=True)
class Telegram:
    """One telegram.

    Attributes:
        link: what the decoded octets were: "frame" or "wireless", or where they started: "c_field",
            "ci_field", "header" or "records".
        frame: the link layer.
        meter: who sent it or whom it selects: by the long header, else by radio the link layer; None without.
        access_number, status, configuration_field: of the header, None without one.
        records: the data records in wire order, the unreadable ones included.
        more_records_follow: DIF 1Fh, ask again for the rest.
        manufacturer_data: octets behind DIF 0Fh or 1Fh, None without such a DIF.
        encrypted: octets that are encrypted, b"" for plain data.
        special_functions: idle fillers, reserved DIFs and readout requests, with their place.
        user_data: what a telegram without data records says, in the words of the grammar.
        diagnostics: what the decoder has to remark.
        ell, afl: the layers between link and transport layer, None without them.
        security: how the data are protected and what became of it, None where no mode is announced.
        manufacturer_fields: the manufacturer's data as a registered grammar reads them, None without one.
        contained: telegrams that stand in records: what a gateway received by radio and passes on.
    """

    link: Form = "frame"
    frame: FrameFields = field(default_factory=FrameFields)
    meter: Meter | None = None
    access_number: int | None = None
    status: Status | None = None
    configuration_field: int | None = None
    records: tuple[Record, ...] = ()
    more_records_follow: bool = False
    manufacturer_data: bytes | None = None
    encrypted: bytes = b""
    special_functions: tuple[SpecialFunction, ...] = ()
    user_data: Mapping[str, Any] | None = field(default=None, hash=False)
    diagnostics: tuple[Diagnostic, ...] = ()
    ell: ExtendedLinkLayer | None = None
    afl: AuthenticationLayer | None = None
    security: Security | None = None
    manufacturer_fields: Mapping[str, Any] | None = field(default=None, hash=False)
    contained: tuple[Contained, ...] = ()

    @property
    def worst(self) -> Severity | None:
        """The highest severity among the diagnostics, None without any."""
        found = {diagnostic.severity for diagnostic in self.diagnostics}
        order: tuple[Severity, ...] = ("error", "warning", "info")
        return next((severity for severity in order if severity in found), None)

    def series(self, record: Record) -> tuple[Entry, ...]:
        """The entries (storage number, time, value) of a record that is a compact profile (kind "series").

        Raises `ValueError` for any other record.
        """
        return unroll(record, self.records)

    def to_dict(self) -> TelegramDict:
        """The JSON shape, made of plain Python values."""
        return self.shape([record.to_dict() for record in self.records])

    def shape(self, records: Any) -> TelegramDict:
        """The JSON shape, with these in the place of its records."""
        manufacturer_data = self.manufacturer_data
        return {
            "schema_version": SCHEMA_VERSION,
            "type": "telegram",
            "link": self.link,
            "frame": self.frame.to_dict(),
            "meter": None if self.meter is None else self.meter.to_dict(),
            "access_number": self.access_number,
            "status": None if self.status is None else self.status.to_dict(),
            "configuration_field": self.configuration_field,
            "ell": None if self.ell is None else self.ell.to_dict(),
            "afl": None if self.afl is None else self.afl.to_dict(),
            "security": None if self.security is None else self.security.to_dict(),
            "records": records,
            "more_records_follow": self.more_records_follow,
            "manufacturer_data": None if manufacturer_data is None else manufacturer_data.hex().upper(),
            "encrypted": self.encrypted.hex().upper() or None,
            "special_functions": [item.to_dict() for item in self.special_functions],
            "user_data": None if self.user_data is None else deepcopy(dict(self.user_data)),
            "manufacturer_fields": (
                None if self.manufacturer_fields is None else deepcopy(dict(self.manufacturer_fields))
            ),
            "contained": [item.to_dict() for item in self.contained],
            "diagnostics": [diagnostic.to_dict() for diagnostic in self.diagnostics],
        }

    def to_json(self, *, indent: int | None = None) -> str:
        """The telegram as JSON."""
        if indent is not None:
            return json_text(self.to_dict(), indent)
        before, key, after = json_text(self.shape(GAP)).partition(f'"records": {GAP_TEXT}')
        return f"{before}{key[: -len(GAP_TEXT)]}[{', '.join(map(record_text, self.records))}]{after}"

    @staticmethod
    def from_dict(values: Mapping[str, Any], *, keys: Any = None) -> Telegram:
        """The telegram that a mapping describes: the inverse of `to_dict`.

        A mapping that was changed, or written by hand, is encoded and decoded. What was decrypted comes back
        without a key; with `keys`, as in `decode`, what is encrypted still is opened. Raises `BuildError`
        where the values make no telegram.
        """
        return _restore[0](values, keys)

    @staticmethod
    def from_json(text: str, *, keys: Any = None) -> Telegram:
        """The telegram that a JSON object describes, see `from_dict`. Numbers stay exact."""
        try:
            values = parse_json(text, exact=True)
        except ValueError as error:
            raise BuildError("JSON", text, str(error)) from error
        return Telegram.from_dict(values, keys=keys)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)


# What makes telegrams of mappings. It needs the rooms above this one, so that it is put here by them.
_restore: list[Callable[[Mapping[str, Any], Any], Telegram]] = []


def restored_by(
    function: Callable[[Mapping[str, Any], Any], Telegram],
) -> Callable[[Mapping[str, Any], Any], Telegram]:
    """Take a function for `Telegram.from_dict`, which is given the mapping and keys."""
    _restore[:] = [function]
    return function

"""Records and telegrams while they are filled in.

A frozen dataclass sets each attribute through `object.__setattr__`, at four times the cost; that would be
half of what a whole telegram takes. A draft has the same slots, is filled in as any object, and then becomes
the frozen class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..telegram import Record, Telegram

if TYPE_CHECKING:
    from ..json_types import Form, State
    from ..json_values import Value
    from ..telegram import Diagnostic, FrameFields, Meter, RecordHeader, SpecialFunction, Status


class RecordDraft:
    """An ordinary record."""

    __slots__ = Record.__slots__

    def __init__(  # noqa: PLR0917  called a million times: keywords cost
        self,
        header: RecordHeader,
        data: bytes,
        value: Value,
        offset: int,
        state: State = "ok",
        reason: str | None = None,
        flags: tuple[str, ...] = (),
    ) -> None:
        self.header = header
        self.data = data
        self.value = value
        self.state = state
        self.reason = reason
        self.flags = flags
        self.offset = offset
        self.__class__ = Record  # type: ignore[assignment]


class TelegramDraft:
    """A telegram with data records."""

    __slots__ = Telegram.__slots__

    def __init__(  # noqa: PLR0917  called a million times: keywords cost
        self,
        link: Form,
        frame: FrameFields,
        meter: Meter | None,
        access_number: int | None,
        status: Status | None,
        configuration_field: int | None,
        records: tuple[Any, ...],
        more_records_follow: bool,
        manufacturer_data: bytes | None,
        special_functions: tuple[SpecialFunction, ...],
        diagnostics: tuple[Diagnostic, ...],
    ) -> None:
        self.link = link
        self.frame = frame
        self.meter = meter
        self.access_number = access_number
        self.status = status
        self.configuration_field = configuration_field
        self.records = records
        self.more_records_follow = more_records_follow
        self.manufacturer_data = manufacturer_data
        self.encrypted = b""
        self.special_functions = special_functions
        self.user_data = None
        self.diagnostics = diagnostics
        self.__class__ = Telegram  # type: ignore[assignment]

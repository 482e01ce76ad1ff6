"""Records and telegrams while they are filled in.

A frozen dataclass sets each attribute through `object.__setattr__`, at four times the cost; that would be
half of what a whole telegram takes. A draft has the same slots, is filled in as any object, and then becomes
the frozen class. Drafts have no `__init__`: where a million are made, the call costs as much as the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...model.layers import AuthenticationLayer, ExtendedLinkLayer, Security
from ...model.meter import Meter
from ...model.record import Record
from ...model.telegram import Telegram

if TYPE_CHECKING:
    from ...values.headers import RecordHeader
    from ...values.to_value import State, Value


class RecordDraft:
    """A record."""

    __slots__ = Record.__slots__


class TelegramDraft:
    """A telegram with data records."""

    __slots__ = Telegram.__slots__


class MeterDraft:
    """A meter."""

    __slots__ = Meter.__slots__


class ELLDraft:
    """An extended link layer."""

    __slots__ = ExtendedLinkLayer.__slots__


class AFLDraft:
    """An AFL."""

    __slots__ = AuthenticationLayer.__slots__


class SecurityDraft:
    """What there is to say of the security."""

    __slots__ = Security.__slots__


def record_of(
    header: RecordHeader,
    data: bytes,
    value: Value,
    offset: int,
    *,
    state: State = "ok",
    reason: str | None = None,
    flags: tuple[str, ...] = (),
) -> Record:
    """A record, where it need not be written out."""
    draft: Any = RecordDraft()
    draft.header = header
    draft.data = data
    draft.value = value
    draft.state = state
    draft.reason = reason
    draft.flags = flags
    draft.offset = offset
    draft.__class__ = Record
    record: Record = draft
    return record

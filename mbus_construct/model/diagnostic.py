"""What the decoder has to remark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..values.to_value import Severity
    from .json_shapes import DiagnosticDict


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A remark of the decoder.

    `severity` "error": octets could not be read. "warning": read, but a value is missing or doubtful.
    "info": worth knowing. `code` is stable, `message` for people, `offset` counts from the start of the data.
    """

    severity: Severity
    code: str
    message: str
    offset: int | None = None
    record: int | None = None

    def __str__(self) -> str:
        where = "" if self.offset is None else f" (offset {self.offset})"
        return f"{self.severity}: {self.message}{where}"

    def to_dict(self) -> DiagnosticDict:
        """The JSON shape."""
        return {
            "severity": self.severity,
            "code": self.code,
            "message": self.message,
            "offset": self.offset,
            "record": self.record,
        }

"""The error family of the grammars.

Both kinds derive from `MBusError`, for callers who never heard of construct, and from construct's
`ConstructError`, so that a grammar embedded in somebody's own Struct still behaves as a construct.
The facts are attributes; the message is one sentence.
"""

from __future__ import annotations

from construct import ConstructError


class MBusError(Exception):
    """Base of everything that this project raises."""


class DecodeError(MBusError, ConstructError):
    """The octets are wrong.

    Attributes:
        offset: octet at which it was noticed, counted from the start of the parsed data; None if unknown.
        path: construct's path of the field, "" if unknown.
        expected, found: what should stand there and what does, as text; "" where that says nothing.
        code: stable name of the fault, for programs.
    """

    code = "decode_error"

    def __init__(
        self,
        message: str,
        *,
        offset: int | None = None,
        path: str = "",
        expected: str = "",
        found: str = "",
        code: str = "",
    ) -> None:
        Exception.__init__(self, message)
        self.message = message
        self.offset = offset
        self.path = path
        self.expected = expected
        self.found = found
        if code:
            self.code = code

    def __str__(self) -> str:
        where = "" if self.offset is None else f" (offset {self.offset})"
        return self.message + where


class ChecksumError(DecodeError):
    """The check sum does not fit the octets it covers."""

    code = "checksum"


class LengthError(DecodeError):
    """A length and what it counts do not fit each other."""

    code = "length"


class IncompleteFrame(LengthError):
    """The octets end before the frame does; more octets may cure it.

    `missing` is how many more are needed at least.
    """

    code = "incomplete_frame"

    def __init__(self, message: str, *, missing: int = 1, offset: int | None = None, path: str = "") -> None:
        super().__init__(message, offset=offset, path=path)
        self.missing = missing


class BuildError(MBusError, ConstructError):
    """The caller's values are wrong.

    Attributes:
        field: the value's name, as a dotted path where it is nested.
        value: what was given.
        limit: what would be accepted, as text.
    """

    def __init__(self, field: str, value: object, limit: str, *, path: str = "") -> None:
        Exception.__init__(self, field, value, limit)
        self.field = field
        self.value = value
        self.limit = limit
        self.path = path

    def inside(self, parent: str) -> BuildError:
        """The same error, its field seen from one level further out."""
        return BuildError(f"{parent}.{self.field}" if self.field else parent, self.value, self.limit)

    def __str__(self) -> str:
        try:
            shown = repr(self.value)
        except ValueError:  # Python refuses to write integers of more than 4300 digits
            shown = f"{type(self.value).__name__} of too many digits to show"
        except RecursionError:
            shown = f"{type(self.value).__name__} that is nested too deep to show"
        if len(shown) > 60:
            shown = shown[:57] + "..."
        return f"{self.field or 'value'}: {shown} does not fit: {self.limit}"

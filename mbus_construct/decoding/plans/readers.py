"""From the octets of one record's data to its value, derived from the constructs of its header.

What the grammar's constructs say of themselves (width, sign, order) is all that a reader knows; everything
out of the ordinary goes through the grammar and the converter of its walk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal

from construct import BytesInteger, FormatField

from mbus_grammars.bits import Bits, Number
from mbus_grammars.coding import BCD, Real
from mbus_grammars.lvar import TEXT_MAX, VariableLength
from mbus_grammars.vib import ReversedText

from ...values.to_value import Converter, Numbers, identifier_digits, is_plain_text, ordinary
from .moments import Moments

if TYPE_CHECKING:
    from mbus_grammars import DataRecordHeader

    from ...values.to_value import Outcome


# Data types that say a date, or a date and a time.
MOMENTS: Final = ("F", "G", "I")

# Dates, states and texts repeat: so many outcomes are remembered a reader.
_REMEMBERED: Final = 1024


@dataclass(frozen=True, slots=True)
class Coding:
    """How the octets of an ordinary number are read.

    `kind` "bcd": two digits an octet, least significant octet first; "integer": `format` is its code in the
    module struct, "" for a width that struct does not have.
    """

    kind: Literal["bcd", "integer"]
    signed: bool
    format: str
    numbers: Numbers

    @property
    def factor(self) -> Decimal:
        """What a number is multiplied with, exactly, before `numbers.offset` is added."""
        exponent = self.numbers.exponent
        return Decimal(10**exponent) if exponent >= 0 else Decimal((0, (1,), exponent))


class Reader:
    """Reads the data of records with one header.

    Attributes:
        coding: of ordinary numbers, None for everything else.
        recall: gives the outcome for data that were read before, None for others.
        moments: reads dates and times, None where the data are something else.
        name_of_digits: whether ordinary data are digits that are a name.
        repeats: whether data are worth remembering: a real hardly comes twice.
        text: reads what stands behind an LVAR octet that announces a text; None where no text may stand.
    """

    __slots__ = (
        "_convert",
        "_known",
        "_parse",
        "coding",
        "moments",
        "name_of_digits",
        "recall",
        "repeats",
        "text",
    )

    def __init__(self, header: DataRecordHeader, convert: Converter) -> None:
        self._convert = convert
        self._parse = _parser(header.data)
        self._known: dict[bytes, Outcome] = {}
        self.recall = self._known.get
        self.repeats = not isinstance(header.data, Real)
        self.coding = _coding(header)
        data: Any = header.data
        meaning = header.meaning
        is_moment = header.data_type in MOMENTS and isinstance(data, Bits) and meaning.record_error is None
        self.moments = Moments(data, self) if is_moment else None
        self.name_of_digits = isinstance(data, BCD) and identifier_digits(header) is not None
        text = _text(data)
        self.text = _decoding(text) if text is not None and is_plain_text(meaning) else None

    def __call__(self, data: bytes) -> Outcome:
        """The outcome as the grammar's walk has it. Raises what the grammar raises."""
        outcome = self._known.get(data)
        if outcome is None:
            outcome = self._convert(self._parse(data))
            if not self.repeats:
                return outcome
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[data] = outcome
        return outcome


def _parser(data: Any) -> Callable[[bytes], Any]:
    """What parses data of the right length: the construct, without a stream where it needs none."""
    if isinstance(data, Bits):
        return lambda octets: data.unpack(int.from_bytes(octets, "little"))
    if isinstance(data, BCD | Real):
        return _decoding(data)
    text = _text(data)
    if text is not None:
        decode = _decoding(text)

        def parse(octets: bytes) -> Any:
            if octets[0] <= TEXT_MAX:
                return {"lvar": octets[0], "value": decode(octets[1:])}
            return data.parse(octets)

        return parse
    parsed: Callable[[bytes], Any] = data.parse
    return parsed


def _text(data: Any) -> ReversedText | None:
    """What reads the texts of a variable length."""
    text = data.content(1) if isinstance(data, VariableLength) else None
    return text if isinstance(text, ReversedText) else None


def _decoding(adapter: Any) -> Callable[[bytes], Any]:
    """What an adapter makes of octets; it asks neither context nor path."""
    return lambda octets: adapter._decode(octets, None, "")


def _coding(header: DataRecordHeader) -> Coding | None:
    numbers = ordinary(header)
    data: Any = header.data
    if numbers is None:
        return None
    if isinstance(data, BCD):
        return Coding("bcd", False, "", numbers)
    inner = data.subcon if isinstance(data, Number) else None
    if isinstance(inner, FormatField) and inner.fmtstr[0] == "<":
        return Coding("integer", inner.fmtstr[1:].islower(), inner.fmtstr[1:], numbers)
    if isinstance(inner, BytesInteger) and inner.swapped:
        return Coding("integer", bool(inner.signed), "", numbers)
    return None

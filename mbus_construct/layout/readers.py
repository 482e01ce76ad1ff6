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

from ..values import Converter, Numbers, ordinary

if TYPE_CHECKING:
    from mbus_grammars import DataRecordHeader

    from ..values import Outcome


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
    """

    __slots__ = ("_convert", "_known", "_parse", "coding", "recall")

    def __init__(self, header: DataRecordHeader, convert: Converter) -> None:
        self._convert = convert
        self._parse = _parser(header.data)
        self._known: dict[bytes, Outcome] = {}
        self.recall = self._known.get
        self.coding = _coding(header)

    def __call__(self, data: bytes) -> Outcome:
        """The outcome as the grammar's walk has it. Raises what the grammar raises."""
        outcome = self._known.get(data)
        if outcome is None:
            outcome = self._convert(self._parse(data))
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
    if isinstance(data, VariableLength) and isinstance(text := data.content(1), ReversedText):
        decode = _decoding(text)

        def parse(octets: bytes) -> Any:
            if octets[0] <= TEXT_MAX:
                return {"lvar": octets[0], "value": decode(octets[1:])}
            return data.parse(octets)

        return parse
    parsed: Callable[[bytes], Any] = data.parse
    return parsed


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

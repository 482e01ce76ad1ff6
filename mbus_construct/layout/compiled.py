"""The records of one layout as one Python function, written for the plan and compiled once.

It has a line for each record and no loop: at a million telegrams the calls of a general one cost more than
what they do. Whatever is out of the ordinary in a record (an invalid digit, a date, a text) goes through the
grammar's own data type.

The source holds nothing but numbers that the plan has found: names for the constants, offsets, widths.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from ..telegram import Diagnostic, Record, Telegram
from ..values import EXACT
from .drafts import RecordDraft

if TYPE_CHECKING:
    from .fields import Field
    from .readers import Coding

Decode = Callable[[bytes], Telegram]
Finish = Callable[[bytes, tuple[Record, ...], tuple[Diagnostic, ...]], Telegram]

# Dates, states and texts repeat: so many outcomes are remembered a record.
_REMEMBERED: Final = 1024


class _Odd:
    """Reads a record that is no ordinary number, and remembers what it has read."""

    def __init__(self, item: Field, index: int) -> None:
        self.item = item
        self.index = index
        self.known: dict[bytes, tuple[Any, ...]] = {}

    def __call__(self, data: bytes, diagnostics: list[Diagnostic]) -> RecordDraft:
        item = self.item
        known = self.known.get(data)
        if known is None:
            known = self._read(data)
            if len(self.known) < _REMEMBERED:
                self.known[data] = known
        value, state, reason, flags, diagnostic = known
        if diagnostic is not None:
            diagnostics.append(diagnostic)
        return RecordDraft(item.header, data, value, item.offset, state, reason, flags)

    def _read(self, data: bytes) -> tuple[Any, ...]:
        item = self.item
        value, state, reason, flags, code, severity = item.read(data)
        diagnostic = None
        if code is not None:
            message = f"{item.header.quantity}: {reason}"
            diagnostic = Diagnostic(severity, code, message, item.start, self.index)
        return value, state, reason, flags, diagnostic


def interpreted(fields: Sequence[Field], finish: Finish) -> Decode:
    """The same as `compiled` gives, at once, for layouts that may never come again."""

    def decode(octets: bytes) -> Telegram:
        records: list[Any] = []
        diagnostics: list[Diagnostic] = []
        for index, item in enumerate(fields):
            header, offset, start, end, _, read, remarks = item
            data = octets[start:end]
            if remarks:
                diagnostics += _remarks(item, index)
            value = read.ordinary(data)
            if value is not None:
                records.append(RecordDraft(header, data, value, offset))
            else:
                records.append(_odd(item, index, data, diagnostics))
        return finish(octets, tuple(records), tuple(diagnostics))

    return decode


def _odd(item: Field, index: int, data: bytes, diagnostics: list[Diagnostic]) -> RecordDraft:
    """A record that is no ordinary number."""
    value, state, reason, flags, code, severity = item.read(data)
    if code is not None:
        message = f"{item.header.quantity}: {reason}"
        diagnostics.append(Diagnostic(severity, code, message, item.start, index))
    return RecordDraft(item.header, data, value, item.offset, state, reason, flags)


def _remarks(item: Field, index: int) -> tuple[Diagnostic, ...]:
    return tuple(Diagnostic("info", code, message, item.start, index) for code, message in item.remarks)


def compiled(fields: Sequence[Field], finish: Finish) -> Decode:
    """The function that reads these records and finishes the telegram.

    It raises what the grammar raises where the octets of a record are no data of their type.
    """
    writer = _Writer(fields)
    source = writer.source()
    namespace: dict[str, Any] = {**writer.constants, "finish": finish}
    exec(compile(source, "<layout plan>", "exec"), namespace)  # noqa: S102  numbers of the plan
    decode: Decode = namespace["decode"]
    return decode


class _Writer:
    """Writes the function for a list of fields."""

    def __init__(self, fields: Sequence[Field]) -> None:
        self.fields = fields
        self.constants: dict[str, Any] = {
            "Record": RecordDraft,
            "Decimal": Decimal,
            "multiply": EXACT.multiply,
            "add": EXACT.add,
            "integer": int.from_bytes,
        }
        self.integers: list[tuple[int, Field, str]] = []
        for index, item in enumerate(fields):
            coding = item.read.coding
            if coding is not None and coding.format and not item.lvar:
                self.integers.append((index, item, coding.format))

    def source(self) -> str:
        lines = ["def decode(o):", " g = []", *self._unpack()]
        for index, item in enumerate(self.fields):
            if item.remarks:
                self.constants[f"G{index}"] = _remarks(item, index)
                lines.append(f" g += G{index}")
            lines += self._record(index, item)
        records = "".join(f"r{index}, " for index in range(len(self.fields)))
        lines.append(f" return finish(o, ({records}), tuple(g))")
        return "\n".join(lines) + "\n"

    def _unpack(self) -> list[str]:
        """All integers of a width that `struct` knows, in one call."""
        if not self.integers:
            return []
        form, at = "<", 0
        for _, item, code in self.integers:
            form += f"{item.start - at}x{code}"
            at = item.end
        self.constants["unpack"] = struct.Struct(form).unpack_from
        names = "".join(f"n{index}, " for index, _, _ in self.integers)
        return [f" {names}= unpack(o)"]

    def _record(self, index: int, item: Field) -> list[str]:
        constants = self.constants
        constants[f"H{index}"] = item.header
        constants[f"odd{index}"] = _Odd(item, index)
        data = f"o[{item.start}:{item.end}]"
        odd = f"odd{index}({data}, g)"
        coding = item.read.coding
        if coding is None:
            return [f" r{index} = {odd}"]
        lines: list[str] = []
        if coding.kind == "bcd":
            lines.append(f" n{index} = o[{item.end - 1}:{item.start - 1}:-1].hex()")
            number, ordinary = f"int(n{index})", f"n{index}.isdecimal()"
        else:
            if not coding.format:
                lines.append(f" n{index} = integer({data}, 'little', signed={coding.signed})")
            constants[f"M{index}"] = coding.numbers.mark
            number, ordinary = f"n{index}", f"n{index} != M{index}"
        value = self._scaled(index, number, coding)
        lines.append(f" r{index} = Record(H{index}, {data}, {value}, {item.offset}) if {ordinary} else {odd}")
        return lines

    def _scaled(self, index: int, number: str, coding: Coding) -> str:
        """The expression for the exact value, as `scaler` computes it."""
        exponent, offset = coding.numbers.exponent, coding.numbers.offset
        if exponent < 0:
            self.constants[f"K{index}"] = Decimal((0, (1,), exponent))
            value = f"multiply({number}, K{index})"
        else:
            value = f"Decimal({number} * {10**exponent})" if exponent else f"Decimal({number})"
        if offset:
            self.constants[f"O{index}"] = offset
            value = f"add({value}, O{index})"
        return value

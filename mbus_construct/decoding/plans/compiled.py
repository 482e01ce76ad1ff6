"""The telegrams of one layout as one Python function, written for the plan and compiled once.

It proves that a telegram has the layout and the right check sum, and has a few lines for each record and no
loop: at a million telegrams the calls of a general one cost more than what they do. Whatever is out of the
ordinary in a record (an invalid digit, a date, a text) goes through the grammar's own data type.

The source holds nothing but numbers that the plan has found: names for the constants, offsets, widths.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from mbus_grammars.layers import payload_crc_fits
from mbus_grammars.lvar import TEXT_MAX

from ...model.diagnostic import Diagnostic
from ...model.record import Record
from ...model.telegram import Telegram
from ...values.to_value import EXACT
from .link_and_header import LINK_METERS, METERS, STATUS, frame_fields, frames_of, link_meter_of, meter_of
from .mutable import RecordDraft, TelegramDraft, record_of
from .radio_layers import ELLS, afl_of, counted, ell_of

if TYPE_CHECKING:
    from .fields import Field
    from .layout import Layout
    from .readers import Coding

Read = Callable[[bytes], Telegram | None]

# Dates, states and texts repeat: so many records are remembered for each place.
_REMEMBERED: Final = 64

# Integers of widths that `struct` does not have: its codes for the lower and the upper part.
_PARTS: Final = {(3, True): ("H", "b", 16), (3, False): ("H", "B", 16)}
_WIDE_PARTS: Final = {(6, True): ("I", "h", 32), (6, False): ("I", "H", 32)}
_JOINED: Final = {**_PARTS, **_WIDE_PARTS}


class _Odd:
    """Reads a record that is no ordinary number, and remembers what it has read: records never change."""

    def __init__(self, item: Field, index: int) -> None:
        self.item = item
        self.index = index
        self.known: dict[bytes, tuple[Record, Diagnostic | None]] = {}

    def __call__(self, data: bytes, diagnostics: list[Diagnostic]) -> Record:
        known = self.known.get(data)
        if known is None:
            known = self._read(data)
            if len(self.known) >= _REMEMBERED:
                self.known.clear()
            if self.item.read.repeats:
                self.known[data] = known
        record, diagnostic = known
        if diagnostic is not None:
            diagnostics.append(diagnostic)
        return record

    def _read(self, data: bytes) -> tuple[Record, Diagnostic | None]:
        item = self.item
        value, state, reason, flags, code, severity = item.read(data)
        diagnostic = None
        if code is not None:
            message = f"{item.header.quantity}: {reason}"
            diagnostic = Diagnostic(severity, code, message, item.start, self.index)
        record = record_of(item.header, data, value, item.offset, state=state, reason=reason, flags=flags)
        return record, diagnostic


def compiled(plan: Layout) -> Read:
    """The function that reads telegrams of a plan's layout; it gives None for all others.

    It raises what the grammar raises where the octets of a record are no data of their type.
    """
    writer = _Writer(plan)
    source = writer.source()
    namespace = writer.constants
    exec(compile(source, "<layout plan>", "exec"), namespace)  # noqa: S102  numbers of the plan
    read: Read = namespace["read"]
    return read


class _Writer:
    """Writes the function for a plan."""

    def __init__(self, plan: Layout) -> None:
        self.plan = plan
        self.length = len(plan.octets)
        self.constants: dict[str, Any] = {
            "Draft": RecordDraft,
            "Record": Record,
            "Decimal": Decimal,
            "multiply": EXACT.multiply,
            "add": EXACT.add,
            "integer": int.from_bytes,
        }
        self.records: dict[int, Field] = {}  # by their number in the telegram
        faults = {fault.number: fault for fault in plan.area.faults}
        fields = iter(plan.area.fields)
        for index in range(len(plan.area.fields) + len(faults)):
            if index not in faults:
                self.records[index] = next(fields)
        self.faults = faults
        self.digits = bytearray(self.length)  # ones where there are BCD digits

    def source(self) -> str:
        body: list[str] = []
        for index in range(len(self.records) + len(self.faults)):
            body += self._diagnostics(index)
            fault = self.faults.get(index)
            if fault is not None:
                self.constants[f"fault{index}"] = fault.record
                body.append(f" r{index} = fault{index}(o, g)")
            else:
                body += self._record(index, self.records[index])
        body += self._diagnostics(len(self.records) + len(self.faults))
        lines = ["def read(o):", *self._proof(), " g = []", *self._digits(), *self._unpack()]
        return "\n".join([*lines, *body, *self._telegram()]) + "\n"

    def _diagnostics(self, index: int) -> list[str]:
        """Those on special functions that stand in front of a record."""
        lines: list[str] = []
        for number, (before, diagnostic) in enumerate(self.plan.area.diagnostics):
            if before == index:
                self.constants[f"diagnostic{number}"] = diagnostic
                lines.append(f" g.append(diagnostic{number})")
        return lines

    # --- What all telegrams have

    def _proof(self) -> list[str]:
        plan = self.plan
        self.constants |= {"MASK": plan.mask, "PROOF": plan.proof}
        lines = [
            " x = integer(o, 'little')",
            f" if x & MASK != PROOF or len(o) != {self.length}: return None",
        ]
        if plan.summed is not None:
            # All octets in lanes of two; a number modulo 65535 is the sum of its lanes, and 255 octets
            # together are less than that.
            first, end = plan.summed
            self.constants["EVEN"] = _mask(place for place in range(first, end) if not place % 2)
            self.constants["ODD"] = _mask(place - 1 for place in range(first, end) if place % 2)
            summed = "((x & EVEN) + (x >> 8 & ODD)) % 65535"
            lines.append(f" if {summed} & 255 != o[{end}]: return None")
        if plan.payload_crc:
            self.constants["payload_crc_fits"] = payload_crc_fits
            lines.append(f" if not payload_crc_fits(o[{plan.payload_crc}:]): return None")
        return lines

    def _digits(self) -> list[str]:
        """The hex digits of all octets, and whether all digits of BCD numbers are decimal.

        A digit above nine carries when six is added.
        """
        places = int.from_bytes(self.digits, "little")
        if not places:
            return []
        ones = int.from_bytes(b"\x11" * self.length, "little")
        self.constants |= {"BCD": places, "SIX": places & 6 * ones, "CARRY": (places & ones) << 4}
        return [
            " h = o[::-1].hex()",
            " b = x & BCD",
            " k = not ((b + SIX) ^ b ^ SIX) & CARRY",
        ]

    def _unpack(self) -> list[str]:
        """The data of all records in one call, and all integers in another."""
        lines: list[str] = []
        pieces = [(item.start, item.end - item.start, f"d{index}") for index, item in self.records.items()]
        if pieces:
            form, at = "<", 0
            for start, size, _ in pieces:
                form += f"{start - at}x{size}s"
                at = start + size
            self.constants["pieces"] = struct.Struct(form).unpack_from
            lines.append(f" {''.join(f'{name}, ' for *_, name in pieces)}= pieces(o)")
        names, form, at = "", "<", 0
        for index, item in self.records.items():
            code = _integer_format(item)
            if code is not None:
                form += f"{item.start - at}x{code}"
                at = item.end
                names += f"n{index}, " if len(code) == 1 else f"n{index}, m{index}, "
        if names:
            self.constants["unpack"] = struct.Struct(form).unpack_from
            lines.append(f" {names}= unpack(o)")
        return lines

    # --- Records

    def _record(self, index: int, item: Field) -> list[str]:
        constants = self.constants
        constants[f"odd{index}"] = _Odd(item, index)
        odd = f" r{index} = odd{index}(d{index}, g)"
        lines: list[str] = []
        if item.remarks:
            constants[f"G{index}"] = tuple(
                Diagnostic("info", code, message, item.start, index) for code, message in item.remarks
            )
            lines.append(f" g += G{index}")
        constants[f"H{index}"] = item.header
        coding = item.read.coding
        if item.lvar and item.read.text is not None and self.plan.octets[item.start] <= TEXT_MAX:
            constants[f"text{index}"] = item.read.text
            return [*lines, *self._made(index, f"text{index}(d{index}[1:])")]
        if not item.lvar and item.read.moments is not None:
            constants[f"moments{index}"] = item.read.moments
            lines += [f" w = moments{index}(integer(d{index}, 'little'))", " if w is not None:"]
            return [*lines, *self._made(index, "w[0]", "w[1]", " "), " else:", f" {odd}"]
        if not item.lvar and item.read.name_of_digits:
            digits = self._hex(item)
            lines.append(f" if k or {digits}.isdecimal():")
            return [*lines, *self._made(index, digits, indent=" "), " else:", f" {odd}"]
        if coding is None or item.lvar:
            return [*lines, odd]
        if coding.kind == "bcd":
            digits = self._hex(item)
            ordinary = f"k or {digits}.isdecimal()"
            value = self._from_digits(index, digits, coding)
        else:
            joined = _JOINED.get((item.end - item.start, coding.signed))
            if joined is not None:
                lines.append(f" n{index} += m{index} << {joined[2]}")
            elif not coding.format:
                lines.append(f" n{index} = integer(d{index}, 'little', signed={coding.signed})")
            ordinary = f"n{index} != {coding.numbers.mark}"
            value = self._from_number(index, coding)
        return [*lines, f" if {ordinary}:", *self._made(index, value, indent=" "), " else:", f" {odd}"]

    def _made(self, index: int, value: str, flags: str = "()", indent: str = "") -> list[str]:
        """The lines that make an ordinary record."""
        name = f"{indent} r{index}"
        return [
            f"{name} = Draft()",
            f"{name}.header = H{index}",
            f"{name}.data = d{index}",
            f"{name}.value = {value}",
            f"{name}.state = 'ok'",
            f"{name}.reason = None",
            f"{name}.flags = {flags}",
            f"{name}.offset = {self.records[index].offset}",
            f"{name}.__class__ = Record",
        ]

    def _hex(self, item: Field) -> str:
        """The expression for the digits of a BCD number, the most significant first."""
        self.digits[item.start : item.end] = b"\xff" * (item.end - item.start)
        return f"h[{2 * (self.length - item.end)}:{2 * (self.length - item.start)}]"

    def _from_digits(self, index: int, digits: str, coding: Coding) -> str:
        """The expression for the exact value of decimal digits."""
        exponent = coding.numbers.exponent
        scaled = f" + 'E{exponent}'" if exponent < 0 else f" + '{'0' * exponent}'" if exponent else ""
        return self._shifted(index, f"Decimal({digits}{scaled})", coding)

    def _from_number(self, index: int, coding: Coding) -> str:
        exponent = coding.numbers.exponent
        if exponent < 0:
            self.constants[f"K{index}"] = coding.factor
            return self._shifted(index, f"multiply(n{index}, K{index})", coding)
        return self._shifted(index, f"Decimal(n{index} * {10**exponent})", coding)

    def _shifted(self, index: int, value: str, coding: Coding) -> str:
        if not coding.numbers.offset:
            return value
        self.constants[f"O{index}"] = coding.numbers.offset
        return f"add({value}, O{index})"

    # --- The telegram

    def _telegram(self) -> list[str]:
        plan, area, shape = self.plan, self.plan.area, self.plan.shape
        places, end = shape.places, self.length - shape.tail
        link = f"o[{shape.link.start}:{shape.link.stop}]"
        meter = None
        if shape.address is not None:
            address = f"o[{shape.address.start}:{shape.address.stop}]"
            meter = f"meters({address}) or meter_of({address})"
        by_link = shape.outer is not None and shape.outer.by_link
        self.constants |= {
            "Telegram": Telegram,
            "Outer": TelegramDraft,
            "frames": frames_of(shape).get,
            "frame_fields": frame_fields,
            "shape": shape,
            "meters": (LINK_METERS if by_link else METERS).get,
            "meter_of": link_meter_of if by_link else meter_of,
            "STATUS": STATUS,
            "special": area.special,
            "said": plan.remarks,
            "secured": plan.security,
        }
        tail = area.manufacturer_data
        values = {
            "link": repr(shape.form),
            "frame": f"frames({link}) or frame_fields({link}, shape)",
            "meter": meter,
            "access_number": f"o[{places['access_number']}]" if "access_number" in places else None,
            "status": f"STATUS[o[{places['status']}]]" if "status" in places else None,
            "configuration_field": plan.configuration,
            "records": "(" + "".join(f"r{k}, " for k in range(len(self.records) + len(self.faults))) + ")",
            "more_records_follow": area.more_records_follow,
            "manufacturer_data": None if tail is None else f"o[{tail}:{end}]",
            "encrypted": "b''",
            "special_functions": "special",
            "user_data": None,
            "manufacturer_fields": None,
            "contained": "()",
            "diagnostics": "(*g, *said)" if plan.remarks else "tuple(g) if g else ()",
            **self._outer_layers(),
        }
        lines = [f" t.{name} = {value}" for name, value in values.items()]
        return [" t = Outer()", *lines, " t.__class__ = Telegram", " return t"]

    def _outer_layers(self) -> dict[str, str | None]:
        """The expressions for what stands around header and data by radio."""
        outer = self.plan.shape.outer
        if outer is None:
            return {"ell": None, "afl": None, "security": "secured"}
        self.constants |= {
            "outer": outer,
            "ells": ELLS.get,
            "ell_of": ell_of,
            "afl_of": afl_of,
            "link_meter_of": link_meter_of,
            "counted": counted,
        }
        layer = None if outer.ell is None else f"o[{outer.ell.start}:{outer.ell.stop}]"
        return {
            "ell": layer and f"ells({layer}) or ell_of({layer}, link_meter_of)",
            "afl": "afl_of(o, outer)" if outer.afl else None,
            "security": "counted(o, secured, outer)" if outer.message_counter else "secured",
        }


def _integer_format(item: Field) -> str | None:
    """The codes by which `struct` reads the integers of a record; None where they are read otherwise."""
    coding = item.read.coding
    if coding is None or coding.kind != "integer" or item.lvar:
        return None
    joined = _JOINED.get((item.end - item.start, coding.signed))
    return joined[0] + joined[1] if joined is not None else coding.format or None


def _mask(places: Any) -> int:
    """All bits of the octets at some places."""
    return sum(0xFF << 8 * place for place in places)

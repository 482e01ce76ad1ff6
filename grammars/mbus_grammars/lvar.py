"""Variable length data: the LVAR octet and what it announces. EN 13757-3, MBDOC48 6.3.2; lvar.csv's facts.

    LVAR      content                                 octets
    00..BF    text, or octets of a container          LVAR
    C0..C9    positive BCD                            LVAR - C0h
    D0..D9    negative BCD                            LVAR - D0h
    E0..EF    binary number                           LVAR - E0h
    F0..F4    binary number                           4 * (LVAR - ECh)
    F5, F6    binary number                           48, 64
    F7..FF    reserved, length unknown                -

MBDOC48 let the BCD ranges run to CFh and DFh: CA..CF and DA..DF keep their octets raw.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, Final

from construct import Byte, Container
from construct.core import stream_read, stream_write

from .base import Anything, Context, Stream, fail, field_of, is_integer, is_mapping
from .bits import Code, Coded, CodeTable, Octets
from .coding import raw, type_a, type_b, type_c
from .errors import BuildError
from .profile import CompactProfile
from .vib import ReversedText

TEXT_MAX: Final = 0xBF


def lvar_length(lvar: int) -> int | None:
    """Octets behind an LVAR octet; None where it is reserved and the length unknown."""
    if lvar <= TEXT_MAX:
        return lvar
    if lvar <= 0xEF:
        return lvar & 0x0F
    if lvar <= 0xF4:
        return 4 * (lvar - 0xEC)
    return {0xF5: 48, 0xF6: 64}.get(lvar)


def _name(lvar: int) -> str:
    if lvar <= TEXT_MAX:
        return "text"
    if lvar <= 0xDF:
        if lvar & 0x0F > 9:
            return "reserved BCD"
        return "positive BCD" if lvar < 0xD0 else "negative BCD"
    return "binary number" if lvar <= 0xF6 else "reserved"


LVAR_NAMES: Final = CodeTable({lvar: _name(lvar) for lvar in range(256)})
LVAR: Final = Coded(Byte, LVAR_NAMES)


class VariableLength(Anything):
    """LVAR and its content. Parses to {lvar, value}.

    Builds from that, or from the value alone: str makes text, int the shortest binary number, bytes and
    profiles what their place asks for. `text` is what the codes 00..BF hold here: "text", "octets" (data
    containers, VIF FD3Bh and FD76h) or "profile" (compact profiles). A Switch would need the LVAR octet
    twice, as key and as length.
    """

    def __init__(self, text: str = "text", types: str = "B", msb_first: bool = False) -> None:
        super().__init__()
        self.text = text
        self.types = types
        self.msb_first = msb_first

    def content(self, lvar: int) -> Anything:
        """The construct of what the LVAR octet announces."""
        length = lvar_length(lvar) or 0
        name = _name(lvar)
        if name == "text" and self.text == "profile":
            return CompactProfile(length)
        if name == "text" and self.text == "text":
            return _FirstCharacterFirst(Octets(length)) if self.msb_first else ReversedText(Octets(length))
        if name in ("positive BCD", "negative BCD"):
            return type_a(length)
        if name == "binary number" and length and self.types in ("B", "C"):
            return type_b(length) if self.types == "B" else type_c(length)
        return raw(length)

    def _parse(self, stream: Stream, context: Context, path: str) -> Container[Any]:
        lvar = stream_read(stream, 1, path)[0]
        length = lvar_length(lvar)
        if length is None:
            stream.seek(-1, io.SEEK_CUR)
            fail(f"LVAR {lvar:02X}h is reserved, its length unknown", stream, path, "lvar_reserved")
        octets = stream_read(stream, length, path)
        if self.msb_first and _name(lvar) != "text":
            octets = octets[::-1]
        value = self.content(lvar).parse(octets)
        return Container(lvar=LVAR_NAMES.codes[lvar], value=self._signed(lvar, value))

    @staticmethod
    def _signed(lvar: int, value: Any) -> Any:
        """The sign of a BCD number is the LVAR octet's; F as a digit is none."""
        if not 0xC0 <= lvar <= 0xDF or not isinstance(value, int):
            return value
        if value < 0:
            return f"F{-value:0{2 * (lvar & 0x0F) - 1}d}"
        return -value if lvar >= 0xD0 else value

    def _build(self, obj: Any, stream: Stream, context: Context, path: str) -> Any:
        given: Mapping[str, Any] = {"value": obj}
        if is_mapping(obj) and ("lvar" in obj or "value" in obj):
            given, path = obj, f"{path} -> value"
        value = given.get("value")
        lvar = given["lvar"] if "lvar" in given else self._lvar_for(value, context, path)
        length = lvar_length(lvar) if is_integer(lvar) and 0 <= lvar <= 0xFF else None
        if length is None:
            name = field_of(path.removesuffix(" -> value"), "lvar")
            raise BuildError(name, lvar, "0 to F6h", path=path)
        if 0xC0 <= lvar <= 0xDF and is_integer(value):
            if value and (value < 0) != (lvar >= 0xD0):
                limit = f"the sign that LVAR {lvar:02X}h announces"
                raise BuildError(field_of(path), value, limit, path=path)
            value = abs(value)
        content = io.BytesIO()
        self.content(lvar)._build(value, content, context, path)
        octets = content.getvalue()
        if len(octets) != length:
            limit = f"{length} octets, as LVAR {lvar:02X}h announces"
            raise BuildError(field_of(path), value, limit, path=path)
        if self.msb_first and _name(lvar) != "text":
            octets = octets[::-1]
        stream_write(stream, bytes([lvar]) + octets, 1 + length, path)
        return obj

    def _lvar_for(self, value: object, context: Context, path: str) -> Code:
        """The LVAR octet that a value without one gets."""
        first, length = 0x00, None
        if isinstance(value, str):
            length = len(value)
        elif is_integer(value):
            first, length = 0xE0, self._octets_for(value)
        elif isinstance(value, bytes):
            first, length = 0xE0 if self.text == "text" else 0x00, len(value)
        elif is_mapping(value) and self.text == "profile":
            content = io.BytesIO()
            self.content(0)._build(value, content, context, path)
            length = len(content.getvalue())
        most = 0x0F if first else TEXT_MAX
        if length is None or length > most:
            limit = f"up to {TEXT_MAX} characters or octets, or an integer of 15 octets"
            raise BuildError(field_of(path), value, limit, path=path)
        return LVAR_NAMES.codes[first + length]

    def _octets_for(self, number: int) -> int:
        """How many octets an integer needs; signed ones need a bit for the sign."""
        if self.types == "C":
            return max(1, -(-number.bit_length() // 8))
        return (number if number >= 0 else ~number).bit_length() // 8 + 1


class _FirstCharacterFirst(ReversedText):
    """Text of mode 2 meters, sent first character first. MBDOC48 6.3.2."""

    def _decode(self, obj: bytes, context: Context, path: str) -> str:
        return obj.decode("latin-1")

    def _encode(self, obj: object, context: Context, path: str) -> bytes:
        return super()._encode(obj, context, path)[::-1]

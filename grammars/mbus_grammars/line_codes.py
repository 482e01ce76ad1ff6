"""The line codes of wireless M-Bus: 3-out-of-6 of mode T, Manchester of modes S, T (to the meter) and R2.

    ThreeOutOfSix(WirelessFrame).parse(chips)

A line code sends symbols of chips for groups of bits. Chips come packed into octets, the first one in the
most significant bit; preamble and synchronisation word do not belong to them. EN 13757-4.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from construct import ConstructError

from .base import Context, Stream, as_decode_error
from .errors import BuildError, DecodeError, IncompleteFrame, LengthError, MBusError
from .grammar import Given_contra, Grammar, Parsed_co

if TYPE_CHECKING:
    from .grammar import AnyConstruct

# The nibbles 0 to F, each of three ones and three zeros. EN 13757-4 via rtl_433.
THREE_OUT_OF_SIX: Final = tuple(
    f"{symbol:06b}"
    for symbol in (
        *(0x16, 0x0D, 0x0E, 0x0B, 0x1C, 0x19, 0x1A, 0x13),
        *(0x2C, 0x25, 0x26, 0x23, 0x34, 0x31, 0x32, 0x29),
    )
)

# The bits 0 and 1. EN 13757-4 via Texas Instruments' AN067 and rtl-wmbus, which agree.
MANCHESTER: Final = ("10", "01")


class LineCode(Grammar[Parsed_co, Given_contra]):
    """Parses its construct from the octets that the rest of the data has in a line code, and builds them.

    Chips that are no symbol are a `DecodeError` of the code "line_code", with the octet and the bit where the
    symbol starts; faults of the construct have the offset in the chips too. construct's bitwise tools have
    symbols of one bit only, and know no wrong ones.
    """

    def __init__(
        self,
        subcon: AnyConstruct[Parsed_co, Given_contra],
        name: str,
        symbols: Sequence[str],
    ) -> None:
        given: Any = subcon
        super().__init__(given, f"what its construct parses, in {name} code", "EN 13757-4")
        self.name_of_code = name
        self.symbols = symbols
        size = (len(symbols) - 1).bit_length()
        self._words: list[str] = []  # of each octet, the chips as hex digits
        for octet in range(256):
            groups = [octet >> shift & len(symbols) - 1 for shift in range(8 - size, -1, -size)]
            chips = "".join(symbols[group] for group in groups)
            self._words.append(f"{int(chips, 2):0{len(chips) // 4}x}")
        self._octets = {word: octet for octet, word in enumerate(self._words)}
        self._digits = len(self._words[0])

    def decode(self, chips: bytes) -> bytes:
        """The octets that the chips stand for."""
        digits = chips.hex()
        left = len(digits) % self._digits
        words = [digits[at : at + self._digits] for at in range(0, len(digits) - left, self._digits)]
        try:
            octets = bytes([self._octets[word] for word in words])
        except KeyError:
            raise self._no_symbol(chips) from None
        if left > 1:
            message = f"the {self.name_of_code} chips end within an octet"
            raise IncompleteFrame(message, missing=(self._digits - left + 1) // 2, offset=len(chips))
        return octets

    def encode(self, octets: bytes) -> bytes:
        """The chips that the octets are sent as."""
        digits = "".join([self._words[octet] for octet in octets])
        return bytes.fromhex(digits + "0" * (len(digits) % 2))

    def _no_symbol(self, chips: bytes) -> DecodeError:
        """What to raise for chips of which some are no symbol."""
        size = len(self.symbols[0])
        bits = "".join(f"{octet:08b}" for octet in chips)
        at = next(at for at in range(0, len(bits), size) if bits[at : at + size] not in self.symbols)
        found = bits[at : at + size]
        return DecodeError(
            f"the chips {found} from bit {at % 8} on are no {self.name_of_code} symbol",
            offset=at // 8,
            expected=f"one of {', '.join(self.symbols)}",
            found=found,
            code="line_code",
        )

    def _read(self, stream: Stream, context: Context, path: str) -> Parsed_co:
        start = stream.tell()
        chips = stream.read()
        try:
            octets = self.decode(chips)
        except DecodeError as fault:
            fault.offset, fault.path = start + (fault.offset or 0), path
            raise
        inner = io.BytesIO(octets)
        try:
            parsed = super()._read(inner, context, path)
            if inner.tell() < len(octets):
                message = f"{len(octets) - inner.tell()} more octets in the chips than were to be read"
                raise LengthError(message, offset=inner.tell(), path=path)
        except (ConstructError, MBusError) as error:
            reported = as_decode_error(error, inner.tell())
            reported.offset = start + (reported.offset or 0) * self._digits // 2
            if reported is error:
                raise
            raise reported from error
        return parsed

    def _write(self, obj: Any, stream: Stream, context: Context, path: str) -> Any:
        octets = io.BytesIO()
        built = super()._write(obj, octets, context, path)
        stream.write(self.encode(octets.getvalue()))
        return built

    def _sizeof(self, context: Context, path: str) -> int:
        return (self.subcon._sizeof(context, path) * self._digits + 1) // 2


class ThreeOutOfSix(LineCode[Parsed_co, Given_contra]):
    """3-out-of-6: a nibble is 6 chips, the high one first; 2E 44 is 001110 110010 011100 011100.

    An odd number of octets ends in the middle of one of chips: the last four chips say nothing then. They are
    read whatever they are, and built as 0000.
    """

    def __init__(self, subcon: AnyConstruct[Parsed_co, Given_contra]) -> None:
        super().__init__(subcon, "3-out-of-6", THREE_OUT_OF_SIX)


class Manchester(LineCode[Parsed_co, Given_contra]):
    """Manchester: a bit is two chips, the most significant first; 1 is 01 and 0 is 10 in EN 13757-4.

    `one="10"` is for receivers that deliver the chips inverted.
    """

    def __init__(
        self,
        subcon: AnyConstruct[Parsed_co, Given_contra],
        one: str = MANCHESTER[1],
    ) -> None:
        if one not in MANCHESTER:
            raise BuildError("one", one, f"one of {', '.join(MANCHESTER)}")
        super().__init__(subcon, "Manchester", MANCHESTER if one == MANCHESTER[1] else MANCHESTER[::-1])

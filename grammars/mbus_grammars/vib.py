"""Value information block: the VIF, up to ten VIFEs, plain text. EN 13757-3, MBDOC48 6.3.2 and 8.4.

    VIF, VIFE    E | code (7)

Two orders of a plain-text VIF with VIFEs are on the wires: the text behind the VIF (MBDOC48, wired
meters) and the text behind the VIFEs (EN 13757-3:2018, Annex C.2 as libmburs and exmbus read it). Both
are parsed; the first is built unless `text_after_vifes` says otherwise.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

from construct import (
    Byte,
    Bytes,
    Computed,
    Container,
    GreedyBytes,
    If,
    ListContainer,
    Peek,
    Prefixed,
    RepeatUntil,
    this,
)

from . import vif_tables as tables
from .base import AnyAdapter, Context, field_of, is_integer, is_mapping, refuse_unknown
from .bits import Bits, Code, bits, flag
from .constructs import StrictStruct, field
from .errors import BuildError, DecodeError

MAX_VIFES: Final = 10
MAX_TEXT: Final = 255

VIFOctet: Final = Bits(1, extension=flag(7), code=bits(0, 7))

PLAIN_TEXT: Final = 0x7C
MANUFACTURER_SPECIFIC: Final = 0x7F
COMBINABLE_EXTENSION: Final = 0x7C


class ReversedText(AnyAdapter):
    """ISO 8859-1 text, sent last character first."""

    def _decode(self, obj: bytes, context: Context, path: str) -> str:
        return obj[::-1].decode("latin-1")

    def _encode(self, obj: object, context: Context, path: str) -> bytes:
        try:
            octets = obj.encode("latin-1")[::-1] if isinstance(obj, str) else None
        except UnicodeEncodeError:
            octets = None
        if octets is None or len(octets) > MAX_TEXT:
            raise BuildError(field_of(path), obj, f"up to {MAX_TEXT} characters of ISO 8859-1", path=path)
        return octets


PlainText: Final = ReversedText(Prefixed(Byte, GreedyBytes))


def _last(item: Any, items: Any, context: Context) -> bool:
    return not item["extension"]


def text_comes_first(octets: bytes | None) -> bool:
    """Whether the octets behind FCh start with the text and not with a VIFE.

    Decided within the VIB: the first octet can be a length only without extension bit; the second is
    then a character, which 00h to 1Fh are not, and otherwise the length of the text behind the VIFE.
    """
    return octets is None or (octets[0] < 0x80 and octets[1] >= 0x20)


def _is_text(context: Context) -> bool:
    return bool(context["vif"]["code"] == PLAIN_TEXT)


def _text_first(context: Context) -> bool:
    return _is_text(context) and (not context["vif"]["extension"] or text_comes_first(context["lookahead"]))


def _text_last(context: Context) -> bool:
    return _is_text(context) and not context["text_first"]


VIBOctets: Final = StrictStruct(
    field("vif", VIFOctet, "MBDOC48 6.3.2"),
    field("lookahead", Peek(Bytes(2))),
    field("text_first", Computed(_text_first)),
    field("text", If(this.text_first, PlainText), "MBDOC48 6.3.2"),
    field("vifes", If(this.vif.extension, RepeatUntil(_last, VIFOctet)), "MBDOC48 6.3.2"),
    field("text_last", If(_text_last, PlainText), "EN 13757-3:2018 Annex C.2"),
)


VIB_FIELDS: Final = ("vif", "vifes", "text", "text_after_vifes")


class VIBAdapter(AnyAdapter):
    """The octets of the chain without their extension bits, each with its name; the text in one place."""

    def __init__(self, limit: int | None = MAX_VIFES) -> None:
        super().__init__(VIBOctets)
        self.limit = limit

    def _decode(self, obj: Mapping[str, Any], context: Context, path: str) -> Container[Any]:
        vif = obj["vif"]["code"]
        vifes = [item["code"] for item in obj["vifes"] or ()]
        if self.limit is not None and len(vifes) > self.limit:
            fault = f"{len(vifes)} VIFEs, {self.limit} are allowed"
            raise DecodeError(fault, path=path, code="chain_too_long")
        names = code_names(vif, vifes)
        vib: Container[Any] = Container(
            vif=Code(vif, names[0]), vifes=ListContainer(map(Code, vifes, names[1:]))
        )
        if vif == PLAIN_TEXT:
            vib["text"] = obj["text"] if obj["text_first"] else obj["text_last"]
            if not obj["text_first"]:
                vib["text_after_vifes"] = True
        return vib

    def _encode(self, obj: object, context: Context, path: str) -> dict[str, Any]:
        if not is_mapping(obj):
            raise BuildError(field_of(path), obj, "a mapping with vif, vifes", path=path)
        refuse_unknown(obj, VIB_FIELDS, path)
        codes = self._codes(obj, path)
        chain = [{"code": code & 0x7F, "extension": k + 1 < len(codes)} for k, code in enumerate(codes)]
        text, lookahead = obj.get("text"), None
        if chain[0]["code"] == PLAIN_TEXT:
            text = "" if text is None else text
            last = bool(obj.get("text_after_vifes")) and len(chain) > 1
            lookahead = self._behind_vif(text, chain[1:], last, context, path)
        elif text is not None:
            raise BuildError(field_of(path, "text"), text, "None, only VIF 7Ch has a text", path=path)
        return {"vif": chain[0], "lookahead": lookahead, "text": text, "vifes": chain[1:], "text_last": text}

    @staticmethod
    def _codes(obj: Mapping[str, Any], path: str) -> list[int]:
        """VIF and VIFEs as given. Their extension bits follow from the chain; a wrong one is refused."""
        vifes: Sequence[Any] = obj.get("vifes", ())
        if not isinstance(vifes, list | tuple | bytes) or len(vifes) > MAX_VIFES:
            raise BuildError(
                field_of(path, "vifes"), vifes, f"a list of at most {MAX_VIFES} octets", path=path
            )
        codes = [obj["vif"], *vifes]
        for k, code in enumerate(codes):
            highest = 0xFF if k < len(vifes) else 0x7F
            if not is_integer(code) or not 0 <= code <= highest:
                name = f"vifes[{k - 1}]" if k else "vif"
                limit = f"0 to {highest}" + (", no VIFE follows" if highest == 0x7F else "")
                raise BuildError(field_of(path, name), code, limit, path=path)
        return codes

    @staticmethod
    def _behind_vif(
        text: object, vifes: Sequence[Mapping[str, int]], last: bool, context: Context, path: str
    ) -> bytes:
        """The octets that text and VIFEs begin with: the parser tells their order from them."""
        octets = io.BytesIO()
        PlainText._build(text, octets, context, f"{path} -> text")
        chain = bytes(vife["code"] | 0x80 * vife["extension"] for vife in vifes)
        behind = (chain + octets.getvalue() if last else octets.getvalue() + chain)[:2]
        if vifes and text_comes_first(behind) == last:
            limit = "a text that cannot be taken for a VIFE in this order"
            raise BuildError(field_of(path, "text"), text, limit, path=path)
        return behind


VIB: Final = VIBAdapter()
# For record areas, as in `dib`.
VIBOfAnyLength: Final = VIBAdapter(limit=None)


def vif_table(vif: int, vifes: Sequence[int]) -> tuple[tables.Table, int, int]:
    """Where the meaning of a VIB stands: (table, code in it, how many VIFEs the extension took)."""
    if vif == 0x7B and vifes:
        return tables.EXTENSION_FB, vifes[0], 1
    if vif == 0x7D and len(vifes) > 1 and vifes[0] == 0x7D:
        return tables.EXTENSION_FD_FD, vifes[1], 2
    if vif == 0x7D and vifes:
        return tables.EXTENSION_FD, vifes[0], 1
    return tables.PRIMARY, vif, 0


def code_rows(vif: int, vifes: Sequence[int]) -> list[tables.Row | None]:
    """The table row of the VIF and of each VIFE, by its place in the chain; None for manufacturer codes."""
    table, code, used = vif_table(vif, vifes)
    rows: list[tables.Row | None] = [tables.PRIMARY[vif]]
    rows += [tables.EXTENSION_FD[0x7D]] * (used - 1) + [table[code]] * (used > 0)
    space: tables.Table | None = None if vif == MANUFACTURER_SPECIFIC else tables.COMBINABLE
    for vife in vifes[used:]:
        rows.append(None if space is None else space[vife])
        if space is tables.COMBINABLE and vife == COMBINABLE_EXTENSION:
            space = tables.COMBINABLE_FC
        elif space is tables.COMBINABLE and vife == MANUFACTURER_SPECIFIC:
            space = None
        elif space is tables.COMBINABLE_FC:
            space = tables.COMBINABLE
    return rows


def code_names(vif: int, vifes: Sequence[int]) -> list[str]:
    """A name for the VIF and each VIFE, by its place in the chain."""
    return ["manufacturer specific" if row is None else row.quantity for row in code_rows(vif, vifes)]

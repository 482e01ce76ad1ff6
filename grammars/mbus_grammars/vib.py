"""Value information block: the VIF, up to ten VIFEs, plain text. EN 13757-3, MBDOC48 6.3.2 and 8.4.

    VIF, VIFE    E | code (7)

Two orders of a plain-text VIF with VIFEs are on the wires: the text behind the VIF (MBDOC48, wired
meters) and the text behind the VIFEs (EN 13757-3:2018, Annex C.2 as libmburs and exmbus read it). Both
are parsed; the first is built unless `text_after_vifes` says otherwise.
"""

from __future__ import annotations

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
    Struct,
    this,
)

from . import vif_tables as tables
from .constructs import AnyAdapter, Bits, Code, Context, bits, field, field_of, flag
from .errors import BuildError

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


VIBOctets: Final = Struct(
    field("vif", VIFOctet, "MBDOC48 6.3.2"),
    field("lookahead", Peek(Bytes(2))),
    field("text_first", Computed(_text_first)),
    field("text", If(this.text_first, PlainText), "MBDOC48 6.3.2"),
    field("vifes", If(this.vif.extension, RepeatUntil(_last, VIFOctet)), "MBDOC48 6.3.2"),
    field(
        "text_last",
        If(lambda this: _is_text(this) and not this.text_first, PlainText),
        "EN 13757-3:2018 Annex C.2",
    ),
)


class VIBAdapter(AnyAdapter):
    """The octets of the chain without their extension bits, each with its name; the text in one place."""

    def _decode(self, obj: Mapping[str, Any], context: Context, path: str) -> Container[Any]:
        vif = obj["vif"]["code"]
        vifes = [item["code"] for item in obj["vifes"] or ()]
        names = code_names(vif, vifes)
        vib: Container[Any] = Container(
            vif=Code(vif, names[0]), vifes=ListContainer(map(Code, vifes, names[1:]))
        )
        if vif == PLAIN_TEXT:
            vib["text"] = obj["text"] if obj["text_first"] else obj["text_last"]
            if not obj["text_first"]:
                vib["text_after_vifes"] = True
        return vib

    def _encode(self, obj: Mapping[str, Any], context: Context, path: str) -> dict[str, Any]:
        name = field_of(path)
        codes = [obj["vif"], *obj.get("vifes", ())]
        if len(codes) > 1 + MAX_VIFES:
            raise BuildError(f"{name}.vifes", len(codes) - 1, f"at most {MAX_VIFES}", path=path)
        for code in codes:
            if not isinstance(code, int) or not 0 <= code <= 255:
                raise BuildError(f"{name}.vif", code, "an octet, 0 to 255", path=path)
        vif, *vifes = ({"code": code & 0x7F, "extension": k + 1 < len(codes)} for k, code in enumerate(codes))
        after = bool(obj.get("text_after_vifes")) and bool(vifes)
        text = obj.get("text", "") if vif["code"] == PLAIN_TEXT else None
        if text is not None and vifes:
            self._check_order(text, codes, after, path)
        return {
            "vif": vif,
            "lookahead": None,
            "text_first": not after,
            "text": text,
            "vifes": vifes,
            "text_last": text,
        }

    @staticmethod
    def _check_order(text: str, codes: Sequence[int], after: bool, path: str) -> None:
        octets = PlainText.build(text)
        chain = bytes([code & 0x7F | 0x80 * (k + 2 < len(codes)) for k, code in enumerate(codes[1:])])
        if text_comes_first((chain + octets if after else octets + chain)[:2]) == after:
            raise BuildError(
                f"{field_of(path)}.text",
                text,
                "a text that cannot be taken for a VIFE in this order",
                path=path,
            )


VIB: Final = VIBAdapter(VIBOctets)


def vif_table(vif: int, vifes: Sequence[int]) -> tuple[tables.Table, int, int]:
    """Where the meaning of a VIB stands: (table, code in it, how many VIFEs the extension took)."""
    if vif == 0x7B and vifes:
        return tables.EXTENSION_FB, vifes[0], 1
    if vif == 0x7D and len(vifes) > 1 and vifes[0] == 0x7D:
        return tables.EXTENSION_FD_FD, vifes[1], 2
    if vif == 0x7D and vifes:
        return tables.EXTENSION_FD, vifes[0], 1
    return tables.PRIMARY, vif, 0


def code_names(vif: int, vifes: Sequence[int]) -> list[str]:
    """A name for the VIF and each VIFE, by its place in the chain."""
    table, code, used = vif_table(vif, vifes)
    names = [tables.PRIMARY[vif].quantity]
    names += ["extension, second level"] * (used - 1) + [table[code].quantity] * (used > 0)
    space: tables.Table | None = None if vif == MANUFACTURER_SPECIFIC else tables.COMBINABLE
    for vife in vifes[used:]:
        names.append("manufacturer specific" if space is None else space[vife].quantity)
        if space is tables.COMBINABLE and vife == COMBINABLE_EXTENSION:
            space = tables.COMBINABLE_FC
        elif space is tables.COMBINABLE and vife == MANUFACTURER_SPECIFIC:
            space = None
        elif space is tables.COMBINABLE_FC:
            space = tables.COMBINABLE
    return names

"""Hypothesis strategies that write data records from the declarations of the grammars; see `strategies`."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from helpers import plain
from mbus_grammars import FROM_METER, TO_METER, coding, fields, meaning_of, profile
from mbus_grammars.dib import DATA_LENGTHS
from mbus_grammars.lvar import lvar_length
from mbus_grammars.record import choose_data

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from mbus_grammars.bits import Bits

octet = st.integers(0, 255)
word = st.integers(0, 0xFFFF)


def bits(layout: Bits) -> SearchStrategy[Any]:
    """Any value of a layout of bits."""
    return st.integers(0, (1 << 8 * layout.size) - 1).map(layout.unpack).map(plain)


# --- Data types ----------------------------------------------------------------------------------


def bcd(length: int) -> SearchStrategy[int | str]:
    """Type A: numbers, and digits that are none."""
    width = 2 * length
    digits = st.text("0123456789ABCDEF", min_size=width, max_size=width).filter(_no_number)
    return st.one_of(st.integers(1 - 10 ** (width - 1), 10**width - 1), digits)


def _no_number(digits: str) -> bool:
    return not (digits.isdecimal() or (digits[0] == "F" and digits[1:].isdecimal() and int(digits[1:])))


def signed(length: int) -> SearchStrategy[int]:
    """Type B."""
    return st.integers(-(1 << 8 * length - 1), (1 << 8 * length - 1) - 1)


def unsigned(length: int) -> SearchStrategy[int]:
    """Types C and D."""
    return st.integers(0, (1 << 8 * length) - 1)


def octets(length: int) -> SearchStrategy[bytes]:
    """So many octets."""
    return st.binary(min_size=length, max_size=length)


_quiet_nan = st.integers(0x7F800001, 0x7FFFFFFF) | st.integers(0xFF800001, 0xFFFFFFFF)
real = st.one_of(
    st.floats(width=32, allow_nan=False),
    st.floats(width=32, allow_nan=False).map(
        lambda number: struct.unpack("<f", struct.pack("<f", number))[0]
    ),
    _quiet_nan.map("{:08X}".format),
)

hex_digits = st.text("0123456789ABCDEF", min_size=8, max_size=8)
manufacturer = st.one_of(
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=3, max_size=3),
    word.map(lambda number: fields.Manufacturer.parse(number.to_bytes(2, "little"))),
)
secondary_address = st.fixed_dictionaries(
    {
        "identification_number": hex_digits,
        "manufacturer": manufacturer,
        "version": octet,
        "device_type": octet,
    }
)


def latin_1(length: int) -> SearchStrategy[str]:
    """A text of so many characters of ISO 8859-1."""
    return octets(length).map(lambda text: text.decode("latin-1"))


@st.composite
def profiles(draw: st.DrawFn) -> dict[str, Any]:
    """A compact profile."""
    control = draw(bits(profile.ProfileControl).filter(lambda it: DATA_LENGTHS[it["element_size"]]))
    data_field, mode = int(control["element_size"]), int(control["increment_mode"])
    length = DATA_LENGTHS[data_field] or 0
    number = signed(length) if mode in (0, 3) else unsigned(length)
    element = real if data_field == 5 else bcd(length) if data_field >= 9 else number
    return {
        "control": control,
        "spacing": draw(octet),
        "elements": draw(st.lists(element, max_size=6)),
        "rest": draw(st.binary(max_size=length - 1)),
    }


def _profile_length(value: dict[str, Any]) -> int:
    return (
        2
        + (DATA_LENGTHS[value["control"]["element_size"]] or 0) * len(value["elements"])
        + len(value["rest"])
    )


_short_lengths = st.integers(0, 12) | st.sampled_from([0x7F, 0xBF])


@st.composite
def variable_length(draw: st.DrawFn, text: str, types: str) -> dict[str, Any]:
    """LVAR and its content, from every range."""
    kind = draw(st.sampled_from(["text", "positive", "negative", "reserved", "number"]))
    if kind == "text" and text == "profile":
        value = draw(profiles())
        return {"lvar": _profile_length(value), "value": value}
    if kind == "text":
        length = draw(_short_lengths)
        return {"lvar": length, "value": draw(latin_1(length) if text == "text" else octets(length))}
    if kind in ("positive", "negative"):
        length = draw(st.integers(1, 9))
        low, high = (0, 10 ** (2 * length) - 1) if kind == "positive" else (1 - 10 ** (2 * length), 0)
        return {
            "lvar": (0xC0 if kind == "positive" else 0xD0) + length,
            "value": draw(st.integers(low, high)),
        }
    if kind == "reserved":
        lvar = draw(st.integers(0xCA, 0xCF) | st.integers(0xDA, 0xDF))
        return {"lvar": lvar, "value": draw(octets(lvar & 0x0F))}
    lvar = draw(st.integers(0xE0, 0xF6))
    length = lvar_length(lvar) or 0
    numbers = {"B": signed, "C": unsigned}.get(types, octets) if length else octets
    return {"lvar": lvar, "value": draw(numbers(length))}


# --- Records -------------------------------------------------------------------------------------

_storage, _tariff, _subunit = (st.integers(0, (1 << width) - 1) for width in (41, 20, 10))


@st.composite
def dibs(draw: st.DrawFn) -> dict[str, int]:
    """A DIB of up to ten DIFEs, some of them saying nothing."""
    storage = draw(st.integers(0, 3) | _storage)
    tariff = draw(st.integers(0, 3) | _tariff)
    subunit = draw(st.integers(0, 1) | _subunit)
    needed = max(-(-(storage >> 1).bit_length() // 4), -(-tariff.bit_length() // 2), subunit.bit_length())
    return {
        "function": draw(st.integers(0, 3)),
        "data_field": draw(st.integers(0, 14)),
        "storage_number": storage,
        "tariff": tariff,
        "subunit": subunit,
        "dife_count": draw(st.just(needed) | st.integers(needed, 10)),
    }


_readable = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, codec="latin-1"), max_size=20)
_code = st.integers(0, 0x7F)
_chain = st.one_of(st.just([]), st.lists(_code, max_size=3), st.lists(_code, max_size=10))
_marked = st.sampled_from([0x7B, 0x7D, 0x7F])


@st.composite
def vibs(draw: st.DrawFn) -> dict[str, Any]:
    """A VIB of up to ten VIFEs; plain text in both orders."""
    vifes = draw(_chain)
    vif = draw(st.one_of(_code, _marked, st.just(0x7C), st.sampled_from([0x13, 0x6C, 0x6D, 0x79])))
    if vif != 0x7C:
        return {"vif": vif, "vifes": vifes}
    if not vifes:
        return {"vif": vif, "vifes": [], "text": draw(latin_1(draw(_short_lengths)))}
    text = draw(_readable)
    if draw(st.booleans()) and (text or vifes[0] >= 0x20):
        return {"vif": vif, "vifes": vifes, "text": text}
    return {"vif": vif, "vifes": vifes, "text": text, "text_after_vifes": True}


def data_of(dib: dict[str, int], vib: dict[str, Any], direction: str) -> SearchStrategy[Any]:
    """Data of the type that DIB and VIB announce."""
    meaning = meaning_of(vib["vif"], vib["vifes"], vib.get("text"), direction)
    data_type, construct = choose_data(dib["data_field"], meaning, direction)
    length = DATA_LENGTHS[dib["data_field"]] or 0
    if data_type == "LVAR":
        return variable_length(construct.text, construct.types)
    return {
        "none": st.just(b""),
        "raw": octets(length),
        "A": bcd(length) if length else st.nothing(),
        "B": signed(length) if length else st.nothing(),
        "C": unsigned(length),
        "D": unsigned(length),
        "F": bits(coding.TypeF),
        "G": bits(coding.TypeG),
        "H": real,
        "I": bits(coding.TypeI),
        "J": bits(coding.TypeJ),
        "K": bits(coding.TypeK),
        "secondary address": secondary_address,
        "manufacturer": manufacturer,
    }[data_type]


@st.composite
def data_records(draw: st.DrawFn, direction: str = FROM_METER) -> dict[str, Any]:
    """A data record."""
    dib, vib = draw(dibs()), draw(vibs())
    return {"dib": dib, "vib": vib, "data": draw(data_of(dib, vib, direction))}


_specials = st.sampled_from([0x2F, 0x2F, 0x3F, 0x4F, 0x5F, 0x6F, 0x8F, 0xFF]).map(lambda dif: {"dif": dif})
_too_long = st.binary(max_size=3).map(
    lambda data: {
        "malformed": b"\x83" + b"\x80" * 11 + b"\x00\x13" + data.ljust(3, b"\x00"),
        "code": "chain_too_long",
        "reason": "12 DIFEs, 10 are allowed",
    }
)


@st.composite
def record_areas(draw: st.DrawFn, direction: str = FROM_METER, most: int = 4) -> list[dict[str, Any]]:
    """Records, fillers, reserved special functions, chains that are too long; a tail at the end."""
    item = st.one_of(data_records(direction), data_records(direction), _specials, _too_long)
    items = draw(st.lists(item, max_size=most))
    if direction == TO_METER and draw(st.booleans()):
        items.append({"dif": 0x7F, "vib": draw(vibs())})
    tail = draw(st.sampled_from([None, 0x0F, 0x1F]))
    if tail is not None:
        items.append({"dif": tail, "manufacturer_data": draw(st.binary(max_size=10))})
    return items

"""The columns of the tables: names, Arrow types, and which table has which.

The names are those of the JSON; `meter_id` is the identification number. No unsigned types: engines that
read the tables have none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

from .pyarrow_import import pa

Shape = Literal["long", "facts", "layouts"]

DECIMAL: Final = pa.decimal128(38, 12)

_TEXT: Final = pa.string()
_WORD: Final = pa.dictionary(pa.int32(), pa.string())
_FEW_WORDS: Final = pa.dictionary(pa.int8(), pa.string())  # of a list that the library itself closes

# In the order of the long table.
TYPES: Final[dict[str, Any]] = {
    "telegram": pa.int64(),
    "meter_id": _TEXT,
    "manufacturer": _WORD,
    "version": pa.int16(),
    "device_type": pa.int16(),
    "access_number": pa.int16(),
    "status": pa.int16(),
    "record": pa.int32(),
    "function": _FEW_WORDS,
    "storage_number": pa.int64(),
    "tariff": pa.int32(),
    "subunit": pa.int16(),
    "quantity": _WORD,
    "unit": _WORD,
    "qualifiers": _WORD,
    "kind": _FEW_WORDS,
    "value_type": _FEW_WORDS,
    "mantissa": pa.int64(),
    "exponent": pa.int8(),
    "value_time": pa.timestamp("s"),
    "value_text": _TEXT,
    "state": _FEW_WORDS,
    "reason": _WORD,
    "flags": _WORD,
    "error": _WORD,
    "code": _WORD,
    "offset": pa.int32(),
}

# Given on demand: a float and a decimal of one scale, derived from mantissa and exponent; the layout's id.
OPTIONAL: Final[dict[str, Any]] = {"value": pa.float64(), "value_decimal": DECIMAL, "layout": _WORD}
OFFERED: Final = {**TYPES, **OPTIONAL}

# What the header of a record says, and where it stands: the same in every telegram of a layout.
HEADER_COLUMNS: Final = (
    "function",
    "storage_number",
    "tariff",
    "subunit",
    "quantity",
    "unit",
    "qualifiers",
    "kind",
)
METER_COLUMNS: Final = ("manufacturer", "version", "device_type")
WORDS: Final = tuple(name for name, type_ in OFFERED.items() if pa.types.is_dictionary(type_))

LAYOUT_COLUMNS: Final = ("layout", *METER_COLUMNS, "record", *HEADER_COLUMNS, "offset")
FACT_COLUMNS: Final = (
    *(name for name in TYPES if name not in (*METER_COLUMNS, *HEADER_COLUMNS)),
    "layout",
)


def names(shape: Shape, columns: Sequence[str] | None, value: bool, decimals: bool) -> tuple[str, ...]:
    """The columns of a table in their order. Raises `ValueError` for a name that is none."""
    if shape == "layouts":
        return LAYOUT_COLUMNS
    if columns is not None:
        if isinstance(columns, str):
            raise TypeError(f"columns is a list of names, not the string {columns!r}")
        unknown = [name for name in columns if name not in OFFERED]
        if unknown:
            raise ValueError(f"no column {unknown[0]!r}; there are {', '.join(OFFERED)}")
        if len(set(columns)) < len(columns):
            raise ValueError(f"a column is named twice: {', '.join(columns)}")
        chosen = tuple(columns)
        if shape == "facts":
            chosen = tuple(name for name in chosen if name not in (*METER_COLUMNS, *HEADER_COLUMNS))
            chosen = tuple(dict.fromkeys((*chosen, "layout", "record")))
    else:
        chosen = tuple(TYPES) if shape == "long" else FACT_COLUMNS
    added = (("value", value), ("value_decimal", decimals))
    return (*chosen, *(name for name, wanted in added if wanted and name not in chosen))


def field(name: str, portable: bool) -> Any:
    """The Arrow field of a column; a portable one has no dictionary."""
    type_ = OFFERED[name]
    if portable and pa.types.is_dictionary(type_):
        type_ = _TEXT
    return pa.field(name, type_)


class Output(NamedTuple):
    """What tables are to be like: the batch that they come from, and which of its columns they keep.

    `portable`: without dictionaries. `first`: the number of the batch's first telegram.
    """

    batch: Any
    keep: Sequence[str]
    portable: bool
    first: int

    def table(self, arrays: list[Any], fields: list[Any], sources: Any) -> Any:
        """A `pyarrow.RecordBatch` of columns and what is kept; `sources` are the rows of the input."""
        places = pa.array(sources)
        for name in self.keep:
            kept = kept_field(self.batch.schema.field(name), self.portable)
            fields.append(kept)
            arrays.append(self.batch.column(name).cast(kept.type).take(places))
        return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def kept_field(original: Any, portable: bool) -> Any:
    """The field of a column that is carried over from the input."""
    type_, types = original.type, pa.types
    if types.is_string_view(type_):  # which Arrow cannot yet take rows from
        return pa.field(original.name, pa.string())
    if types.is_binary_view(type_):
        return pa.field(original.name, pa.binary())
    if portable and types.is_dictionary(type_):
        return pa.field(original.name, type_.value_type)
    return original

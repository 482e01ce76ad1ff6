"""Batches of telegrams in three shapes: long, star and wide; `mbus_construct.arrow` is the public door."""

from __future__ import annotations

from collections.abc import Sequence
from threading import RLock
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ..octets.recognise import GRAMMARS
from .columns.batch import sheet_of
from .columns.keyring import Keyring
from .columns.layouts import layouts
from .columns.pyarrow_import import pa
from .columns.source import octets_of, telegram_column
from .columns.table import Output, field, kept_field, names
from .columns.wide import WIDE_COLUMNS, wide

if TYPE_CHECKING:
    from ..security.keys import KeysLike
    from .columns.batch import Decoded
    from .columns.source import Octets
    from .columns.table import Shape

# Plans, and the indexes of words, are shared by all tables of a process: one batch at a time. Threads gain
# nothing here, processes do.
_LOCK: Final = RLock()

__all__ = ["decode_batch", "decode_star", "decode_wide", "schema_of"]


def decode_batch(
    batch: Any,
    *,
    column: str | None = None,
    link: str = "auto",
    keys: KeysLike = None,
    key_column: str | None = None,
    columns: Sequence[str] | None = None,
    keep: Sequence[str] = (),
    value: bool = False,
    decimals: bool = False,
    portable: bool = False,
    first: int = 0,
) -> Any:
    """The long table of a batch of telegrams: one row a record.

    Args:
        batch: a `pyarrow.RecordBatch` or `Table` with a column of telegrams, binary or strings of hex.
        column: its name; None for the only one, or the first of telegram, mbus-raw, hex, payload, data.
        link: what the octets are, as in `decode`: "auto" recognises frames by radio too.
        keys: for what is encrypted, as in `decode`; opening needs the extra `crypto`.
        key_column: a column of the batch with the key of each telegram, binary or hex; an empty cell leaves
            the telegram to `keys`, and a cell that is no key is an error of its telegram.
        columns: the columns wanted, None for all. Only they are decoded.
        keep: other columns of the batch, repeated for each row of their telegram.
        value: also give `value`, the number as float64.
        decimals: also give `value_decimal`, the number as decimal128(38, 12); null where that is not exact.
        portable: no dictionary columns.
        first: number of the first telegram, for the column `telegram`.

    Returns a `pyarrow.RecordBatch`. Raises `ValueError` for a column that does not exist, and for more than 2
    GB of text in one batch; `TypeError` for what is no batch; `KeysError` for keys that are none; and
    `MissingExtra` for keys without `cryptography`.
    """
    batch = _batch(batch)
    wanted = names("long", columns, value, decimals)
    given = _Given(batch, column, link, keep, keys, key_column)
    with _LOCK:
        decoded = _decoded(given, wanted)
        return decoded.sheet.table(wanted, Output(batch, keep, portable, first))


def decode_star(
    batch: Any,
    *,
    column: str | None = None,
    link: str = "auto",
    keys: KeysLike = None,
    key_column: str | None = None,
    columns: Sequence[str] | None = None,
    keep: Sequence[str] = (),
    value: bool = False,
    decimals: bool = False,
    portable: bool = False,
    first: int = 0,
) -> tuple[Any, Any]:
    """The same as two tables: facts, and what the layouts say of each of their records.

    The tables join on `layout` and `record`. A layout has the same name in every batch. Arguments as in
    `decode_batch`.
    """
    batch = _batch(batch)
    wanted = names("facts", columns, value, decimals)
    given = _Given(batch, column, link, keep, keys, key_column)
    with _LOCK:
        decoded = _decoded(given, wanted)
        facts = decoded.sheet.table(wanted, Output(batch, keep, portable, first))
        return facts, layouts(decoded, schema_of(shape="layouts", portable=portable))


def decode_wide(
    batch: Any,
    *,
    column: str | None = None,
    link: str = "auto",
    keys: KeysLike = None,
    key_column: str | None = None,
    keep: Sequence[str] = (),
    portable: bool = False,
    first: int = 0,
) -> dict[str, Any]:
    """One table a layout, by the layout's name: one row a telegram, one column a record.

    Numbers are exact decimals; those of records whose length is the telegram's own, and those of more than 18
    digits, are texts. `reasons` says why values are null. What has no row there is in the table "rejected",
    as rows of the long table: telegrams that were rejected, that have a record which cannot be read, or about
    which there is something to be said as a whole. Arguments as in `decode_batch`.
    """
    batch = _batch(batch)
    _refuse_double(keep, WIDE_COLUMNS)
    given = _Given(batch, column, link, keep, keys, key_column)
    octets, keyring = given.octets(), given.keyring()
    with _LOCK:
        return wide(octets, link, Output(batch, keep, portable, first), keyring)


def schema_of(
    *,
    shape: Shape = "long",
    columns: Sequence[str] | None = None,
    keep: Any = None,
    value: bool = False,
    decimals: bool = False,
    portable: bool = False,
) -> Any:
    """The schema of "long", "facts" (of `decode_star`) or "layouts".

    `keep` is the `pyarrow.Schema` of the columns that are kept; the others are arguments of `decode_batch`.
    """
    fields = [field(name, portable) for name in names(shape, columns, value, decimals)]
    return pa.schema([*fields, *(kept_field(item, portable) for item in keep or ())])


def _batch(given: object) -> Any:
    """A `RecordBatch`; a `Table` becomes one."""
    batch: Any = given
    if isinstance(given, pa.Table):
        whole = batch.combine_chunks().to_batches()
        return whole[0] if whole else pa.RecordBatch.from_pylist([], schema=batch.schema)
    if isinstance(given, pa.RecordBatch):
        return batch
    kind = type(given)
    raise TypeError(f"give a pyarrow.RecordBatch or Table, not {kind.__module__}.{kind.__name__}")


class _Given(NamedTuple):
    """The arguments that say what the telegrams are. It holds keys: it never shows itself."""

    batch: Any
    column: str | None
    link: str
    keep: Sequence[str]
    keys: KeysLike
    key_column: str | None

    def __repr__(self) -> str:
        return f"<telegrams of {self.batch.num_rows} rows>"

    def octets(self) -> Octets:
        """The telegrams. Raises `ValueError` or `TypeError` for what cannot be meant."""
        link, keep = self.link, self.keep
        if isinstance(keep, str):
            raise TypeError(f"keep is a list of names, not the string {keep!r}")
        if link != "auto" and link not in GRAMMARS:
            raise ValueError(f"link is one of auto, {', '.join(GRAMMARS)}, not {link!r}")
        there = self.batch.schema.names
        if len(set(there)) < len(there):
            raise ValueError(f"two columns have one name: {', '.join(there)}")
        if len(set(keep)) < len(keep):
            raise ValueError(f"a column is kept twice: {', '.join(keep)}")
        unknown = [name for name in keep if name not in there]
        if unknown:
            raise ValueError(f"no column {unknown[0]!r} to keep; there are: {', '.join(there)}")
        others = [name for name in there if name != self.key_column]
        column = telegram_column(there if self.column is not None else others, self.column)
        return octets_of(self.batch.column(column))

    def keyring(self) -> Keyring:
        """The keys. Raises what `Keyring` raises, and `ValueError` for a column that is not there."""
        name = self.key_column
        if name is None:
            return Keyring(self.keys)
        there = self.batch.schema.names
        if name not in there:
            raise ValueError(f"no column {name!r} of keys; there are: {', '.join(there)}")
        if name in self.keep:
            raise ValueError(f"the column {name!r} holds keys, which are not kept: leave it out of keep")
        return Keyring(self.keys, self.batch.column(name), name)


def _refuse_double(keep: Sequence[str], own: Sequence[str]) -> None:
    double = [name for name in keep if name in own]
    if double:
        raise ValueError(f"a column of the table has the name {double[0]!r} too; rename the one to keep")


def _decoded(given: _Given, wanted: Sequence[str]) -> Decoded:
    _refuse_double(given.keep, wanted)
    if not wanted and not given.keep:
        raise ValueError("no columns are named; None means all")
    return sheet_of(given.octets(), given.link, wanted, given.keyring())

"""The keys of the telegrams of a batch: those that are given for all meters, and one beside each telegram."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mbus_grammars import DecodeError, MBusError

from ...security.aes import required
from ...security.keys import Keys, KeysError
from .pyarrow_import import pa

if TYPE_CHECKING:
    from ...security.keys import KeysLike


class Keyring:
    """Which keys are tried for the telegram of a row; false where there are none for any.

    `faults` are the rows whose cell is no key, with the reason, in which the cell does not appear.
    """

    def __init__(self, given: KeysLike = None, cells: Any = None, name: str = "") -> None:
        """`cells`: the column of keys, `name`: what it is called; None where there is no such column.

        Raises `KeysError` for given keys that are none, `ValueError` for a column of another type, and
        `MissingExtra` where there are keys and no `cryptography`.
        """
        all_keys = None if given is None else Keys.of(given)
        self._given = all_keys if all_keys is not None and all_keys.entries else None
        self._cells: list[Keys | None] | None = None
        self.faults: dict[int, MBusError] = {}
        if cells is not None:
            self._cells = self._read(_octets(cells), name, text=_is_text(cells.type))
        self._any = self._given is not None or any(item is not None for item in self._cells or ())
        if self._any:
            required()

    def __bool__(self) -> bool:
        return self._any

    def of(self, row: int) -> Keys | None:
        """The keys for the telegram of a row, None for none: its own, else those that are given for all."""
        own = None if self._cells is None else self._cells[row]
        return self._given if own is None else own

    def _read(self, cells: list[bytes | None], name: str, *, text: bool) -> list[Keys | None]:
        known: dict[bytes | None, Keys | MBusError | None] = {None: None, b"": None}
        found: list[Keys | None] = []
        for row, cell in enumerate(cells):
            if cell not in known:
                known[cell] = _keys(cell or b"", name, text=text)
            keys = known[cell]
            if isinstance(keys, MBusError):
                self.faults[row] = keys
                keys = None
            found.append(keys)
        return found


def _keys(cell: bytes, name: str, *, text: bool) -> Keys | MBusError | None:
    given: str | bytes = cell.decode(errors="replace") if text else cell
    if isinstance(given, str) and not given.strip():
        return None
    try:
        return Keys.of(given)
    except KeysError as error:
        return DecodeError(f"column {name!r} has no key for this telegram: {error}", code="key")


def _is_text(type_: Any) -> bool:
    types = pa.types
    if types.is_dictionary(type_):
        return _is_text(type_.value_type)
    return any((types.is_string(type_), types.is_large_string(type_), types.is_string_view(type_)))


def _octets(array: Any) -> list[bytes | None]:
    """The cells as octets: of texts those of their characters."""
    types, type_ = pa.types, array.type
    if types.is_dictionary(type_):
        return _octets(array.dictionary_decode())
    if _is_text(type_):
        array = array.cast(pa.large_string())
    elif not (
        types.is_null(type_)
        or types.is_binary(type_)
        or types.is_large_binary(type_)
        or types.is_binary_view(type_)
        or types.is_fixed_size_binary(type_)
    ):
        raise ValueError(f"keys are binary or strings of hex digits, not {type_}")
    cells: list[bytes | None] = array.cast(pa.large_binary()).to_pylist()
    return cells

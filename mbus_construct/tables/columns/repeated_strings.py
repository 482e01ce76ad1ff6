"""The strings of columns in which strings repeat: each has an index, the same in every batch."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from .pyarrow_import import pa
from .table import WORDS

# Strings that come from the data, and could be as many as there are rows.
_ENDLESS: Final = frozenset({"reason", "error"})

_MAX_WORDS: Final = 1 << 16


class Vocabulary:
    """Strings and their indexes."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}
        self._array: Any = None

    def __len__(self) -> int:
        return len(self._known)

    def index(self, text: str) -> int:
        """The index of a string."""
        return self._known.setdefault(text, len(self._known))

    def array(self) -> Any:
        """The strings as an Arrow array; one at least, for indexes of cells without a string."""
        if not self._known:
            return pa.array([""], pa.string())
        if self._array is None or len(self._array) < len(self._known):
            self._array = pa.array(self._known, pa.string())
        return self._array


class Vocabularies:
    """The vocabulary of each column. `generation` changes when they start anew, with other indexes."""

    def __init__(self) -> None:
        self.generation = 0
        self._known: dict[str, Vocabulary] = {}
        self._renew()

    def _renew(self) -> None:
        self._known = {name: Vocabulary() for name in WORDS if name not in _ENDLESS}

    def of(self, name: str) -> Vocabulary:
        """The vocabulary of a column; a new one where strings could be without end."""
        return self._known[name] if name in self._known else Vocabulary()

    def limit(self) -> None:
        """Start anew where there are too many strings; between batches."""
        if any(len(vocabulary) > _MAX_WORDS for vocabulary in self._known.values()):
            self.generation += 1
            self._renew()


VOCABULARIES: Final = Vocabularies()


def index_type(type_: Any) -> np.dtype[Any]:
    """What NumPy holds a column in: its numbers, or the indexes of its words."""
    if pa.types.is_dictionary(type_):
        type_ = type_.index_type
    return np.dtype(f"i{type_.bit_width // 8}")

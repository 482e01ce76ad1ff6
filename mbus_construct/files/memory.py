"""Memory that one piece leaves is taken for the next."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from typing import Final

from .engine import pa

# Of glibc's malloc.h.
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3

_LARGEST: Final = 1 << 30
_NEVER: Final = (1 << 31) - 1


def reuse() -> None:
    """Give no memory back to the system between pieces, where malloc can be told so.

    A piece takes and gives back some hundred megabytes in arrays of a few. The system wipes each page that
    it hands out: a fifth of the time of a conversion.
    """
    with suppress(OSError, AttributeError, TypeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        if mallopt(_M_MMAP_THRESHOLD, _LARGEST) and mallopt(_M_TRIM_THRESHOLD, _NEVER):
            pa.set_memory_pool(pa.system_memory_pool())

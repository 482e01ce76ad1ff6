"""AES-128 as EN 13757-7 uses it: CBC, CTR and CMAC, by the extra `crypto`.

What a key costs to set up is paid once: the block cipher of a key is kept (of the last few thousand keys),
and CBC decryption and CTR are one pass of it and one exclusive or over all octets.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from mbus_grammars import MBusError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.cmac import CMAC

BLOCK: Final = 16
NO_IV: Final = bytes(BLOCK)

_KEPT: Final = 4096  # keys; an entry has about 1 kB


def _shared_up_to() -> int:
    """Octets up to which one cipher context may serve several threads.

    `cryptography` keeps the interpreter's lock below 2 KiB, so that a call cannot meet another; above, and in
    an interpreter without that lock, two calls of one context would fail.
    """
    locked = getattr(sys, "_is_gil_enabled", lambda: True)
    return 1024 if locked() else 0


_SHARED_UP_TO: Final = _shared_up_to()


class MissingExtra(MBusError, ImportError):
    """A library of an extra is not installed: the message says which, and how to install it."""


def _part(module: str) -> Any:
    """A module of `cryptography`. Raises `MissingExtra`."""
    try:
        return import_module(f"cryptography.hazmat.primitives.{module}")
    except ImportError as error:
        raise MissingExtra(
            'decryption needs the package cryptography: pip install "mbus-construct[crypto]"',
            name="cryptography",
        ) from error


def required() -> None:
    """Raises `MissingExtra` where `cryptography` is not installed."""
    _part("ciphers")


def _blocks(key: bytes, direction: str) -> Callable[[bytes], bytes]:
    """A new block cipher of a key ("encryptor", "decryptor"): whole blocks in, as many out."""
    ciphers = _part("ciphers")
    # Each block by itself is what CBC and CTR are made of below; no octet of a meter goes through it alone.
    cipher = ciphers.Cipher(ciphers.algorithms.AES(key), ciphers.modes.ECB())
    update: Callable[[bytes], bytes] = getattr(cipher, direction)().update
    return update


_kept_blocks: Final = lru_cache(_KEPT)(_blocks)


def _cipher(key: bytes, direction: str, size: int) -> Callable[[bytes], bytes]:
    return (_kept_blocks if size <= _SHARED_UP_TO else _blocks)(key, direction)


@lru_cache(_KEPT)
def _cmac(key: bytes) -> CMAC:
    mac: CMAC = _part("cmac").CMAC(_part("ciphers").algorithms.AES(key))
    return mac


def _whole_blocks(octets: bytes) -> None:
    if len(octets) % BLOCK:
        raise ValueError(f"AES-CBC takes whole blocks of {BLOCK} octets, not {len(octets)} octets")


def _exclusive_or(one: bytes, other: bytes) -> bytes:
    return (int.from_bytes(one) ^ int.from_bytes(other)).to_bytes(len(one))


def decrypt_cbc(key: bytes, iv: bytes, octets: bytes) -> bytes:
    """Octets of AES-128-CBC in plain. Raises `ValueError` where they are no whole blocks."""
    _whole_blocks(octets)
    plain = _cipher(key, "decryptor", len(octets))(octets)
    return _exclusive_or(plain, (iv + octets)[: len(octets)])


def encrypt_cbc(key: bytes, iv: bytes, octets: bytes) -> bytes:
    """Plain octets as AES-128-CBC. Raises `ValueError` where they are no whole blocks."""
    _whole_blocks(octets)
    ciphers = _part("ciphers")
    cipher = ciphers.Cipher(ciphers.algorithms.AES(key), ciphers.modes.CBC(iv)).encryptor()
    hidden: bytes = cipher.update(octets)
    return hidden


def crypt_ctr(key: bytes, initial_block: bytes, octets: bytes) -> bytes:
    """Octets of AES-128-CTR in plain, and plain octets hidden: the same both ways.

    The initial block counts up by one a block, most significant octet first.
    """
    size = len(octets)
    first = int.from_bytes(initial_block)
    counters = b"".join(
        [((first + block) % (1 << 128)).to_bytes(BLOCK) for block in range((size + BLOCK - 1) // BLOCK)]
    )
    return _exclusive_or(octets, _cipher(key, "encryptor", len(counters))(counters)[:size])


def cmac(key: bytes, octets: bytes) -> bytes:
    """The sixteen octets of AES-128-CMAC (RFC 4493)."""
    mac = _cmac(key).copy()
    mac.update(octets)
    return mac.finalize()

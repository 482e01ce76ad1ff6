"""The keys of encrypted telegrams, kept for the whole program as pyMeterBus keeps them."""

from __future__ import annotations

from typing import Final

from ..security.keys import Key, KeyLike, Keys, KeysError

_ID_NR: Final = 4


class KeyRing:
    """Keys by meter; `keys` is what `decode` takes. Shows none of them."""

    def __init__(self) -> None:
        self._by_meter: dict[str, Key] = {}
        self.keys = Keys()

    def add(self, id_nr: bytes | bytearray | str, key: KeyLike) -> None:
        """Take a meter's key, instead of the one that it had. Raises `KeysError`."""
        if not isinstance(id_nr, str):
            if len(id_nr) != _ID_NR:
                raise KeysError(f"id_nr has {len(id_nr)} octets, an identification number has {_ID_NR}")
            id_nr = bytes(id_nr).hex()
        by_meter = {**self._by_meter, id_nr.strip().upper(): Key(key)}
        self.keys = Keys.of(by_meter)
        self._by_meter = by_meter


KEYS: Final = KeyRing()


def add_wmbus_encryption_key(id_nr: bytes | bytearray | str, key: KeyLike) -> None:
    """The key with which telegrams of a meter are decrypted that are loaded from now on.

    Needs the extra `crypto` when the first of them is loaded.

    Args:
        id_nr: the four octets of the identification number as people read it,
            `bytes.fromhex("12345678")`, or text that means meters, see `mbus_construct.Keys`.
        key: sixteen octets, or text of 32 hex digits. It takes the place of the meter's last one.

    Raises `KeysError` for what is no number or key.
    """
    KEYS.add(id_nr, key)

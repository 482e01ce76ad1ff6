"""How a simulated meter encrypts what it sends: modes 5 and 7 of EN 13757-7."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from mbus_grammars import BuildError
from mbus_grammars.application import USER_DATA
from mbus_grammars.fields import ci_field_of
from mbus_grammars.link import MAX_USER_DATA
from mbus_grammars.places import HEADERS
from mbus_grammars.record import RecordsFromMeter
from mbus_grammars.security import BLOCK, FILLERS, MODE_5, MODE_7

from ..encoding.security import secured_area, security_fields
from ..security.keys import Key, Keys
from ..security.opening import open_telegram
from ..security.sealing import seal_telegram

if TYPE_CHECKING:
    from ..security.keys import KeyLike

# A long header has the address that the key and the first octets of the IV need.
SEALED: Final = ci_field_of("records", "long")

_MODES: Final = (MODE_5, MODE_7)
_FIELDS_OF_MODE_7: Final = 5  # configuration field extension and message counter
_LAST_COUNTER: Final = 0xFFFFFFFF


class Protection:
    """The key of a simulated meter, and how it encrypts. Its repr does not show the key.

    Args:
        key: sixteen octets, or hex digits.
        mode: 5, or 7 with a key that is derived anew for each telegram (KDF-A) by a message counter.

    Raises `KeysError` for a key that is none, `BuildError` for another mode.
    """

    def __init__(self, key: KeyLike, mode: int = MODE_5) -> None:
        if mode not in _MODES:
            raise BuildError("security_mode", mode, "5 or 7")
        self._keys = Keys.of(Key(key).octets)
        self.mode = mode
        self._message_counter = 0

    def __repr__(self) -> str:
        return f"Protection(Key(...), {self.mode})"

    @property
    def most_records(self) -> int:
        """Octets of records that fit a telegram, with the fillers of the last block."""
        room = MAX_USER_DATA - HEADERS["long"].size - (_FIELDS_OF_MODE_7 if self.mode == MODE_7 else 0)
        return room // BLOCK * BLOCK - len(FILLERS)

    def opened(self, frame: bytes) -> bytes | None:
        """The records of a captured frame whose header announces a security mode; None without one.

        Raises `BuildError` for an encrypted one that the key does not open.
        """
        opened = open_telegram(frame, "frame", self._keys)
        if opened.state is None or opened.layers is None:
            return None
        if opened.state not in ("decrypted", "already decrypted", "plain"):
            raise BuildError("telegrams", frame.hex(" "), "telegrams that are plain, or that the key opens")
        return opened.octets[opened.layers.payload : opened.layers.end]

    def seal(self, header: Mapping[str, Any], records: bytes) -> bytes:
        """The user data behind CI field 72h: header, security fields and encrypted records.

        Raises `BuildError` where they do not fit a frame.
        """
        security: dict[str, Any] = {"mode": self.mode}
        if self.mode == MODE_7:
            self._message_counter = self._message_counter % _LAST_COUNTER + 1
            security["message_counter"] = self._message_counter
        values = {"security": security}
        items, configuration = secured_area(
            self.mode, RecordsFromMeter.parse(records), RecordsFromMeter, values
        )
        plain = USER_DATA[SEALED].build(
            {
                "header": {**header, "configuration_field": configuration},
                "records": items,
                **security_fields(values, records=True),
            }
        )
        if len(plain) > MAX_USER_DATA:
            limit = f"up to {self.most_records} octets in a telegram, so that they fit a frame encrypted"
            raise BuildError("records", f"{len(records)} octets", limit)
        return seal_telegram(bytes([SEALED]) + plain, "ci_field", self._keys)[1:]

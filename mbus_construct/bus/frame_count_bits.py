"""The frame count bits of a master: one for each address and kind of request. MBDOC48 5.5 and 7.2."""

from __future__ import annotations

from typing import Final

from .address import BROADCAST

COUNTED: Final = ("REQ_UD1", "REQ_UD2", "SND_UD")


class FrameCountBits:
    """What the next FCB is, by address.

    SND_NKE and a selection set it, success toggles it, repetition does not. An address that was never reset
    is not known: a meter may then take a request for the repetition of one that somebody else sent.
    """

    def __init__(self) -> None:
        self._next: dict[int, dict[str, bool]] = {}
        self._all_known = False
        self._forgotten: set[int] = set()

    def known(self, a_field: int) -> bool:
        """Whether the meter's bit is known, because this master has reset it."""
        return a_field not in self._forgotten and (self._all_known or a_field in self._next)

    def reset(self, a_field: int) -> None:
        """After SND_NKE to the address, or a selection (253). SND_NKE to 255 resets every meter."""
        if a_field == BROADCAST:
            self._next.clear()
            self._forgotten.clear()
            self._all_known = True
        self._forgotten.discard(a_field)
        self._next[a_field] = {}

    def forget(self, a_field: int) -> None:
        """The meter's bit is not known any more."""
        self._forgotten.add(a_field)

    def bit(self, a_field: int, c_field: str) -> bool:
        """FCB of the next request; the first one after a reset has it set."""
        return self._next.get(a_field, {}).get(c_field, True)

    def succeeded(self, a_field: int, c_field: str, *, with_data: bool) -> None:
        """The request was answered, by a frame with data or by E5.

        E5 is the answer to SND_UD, and to REQ_UD1 where there is no alarm. REQ_UD2 is answered by data: who
        asks a meter again that had none does not ask for the next telegram.
        """
        if c_field == "REQ_UD2" and not with_data:
            self.forget(a_field)
        elif c_field in COUNTED:
            self._next.setdefault(a_field, {})[c_field] = not self.bit(a_field, c_field)

"""Messages in several telegrams: the AFL's fragments joined. EN 13757-7:2018."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

from mbus_grammars.layers import AFL_FIELDS, FragmentationControl

if TYPE_CHECKING:
    from ..layers import AFL, Layers

_MAX_MESSAGES: Final = 1024
_L_FIELD_MAX: Final = 0xFF


class Joined(NamedTuple):
    """What a fragment did: the `octets` of the whole message, None while there is none, and why."""

    octets: bytes | None
    reason: str = ""
    lost: bool = False


class _Begun(NamedTuple):
    """The fragments of a message so far: its first AFL, and the octets behind each.

    Of a message that is complete there is the `last` fragment, for repeaters send it again.
    """

    first: AFL
    parts: tuple[bytes, ...]
    last: int = 0

    def has(self, afl: AFL, part: bytes) -> bool:
        """Whether this fragment came before; a message of one fragment comes anew each time."""
        number = afl.fragment
        if self.last:
            return number == self.last > 1 and part == self.parts[-1]
        if number == 1 and afl != self.first:
            return False
        return 0 < number <= len(self.parts) and part == self.parts[number - 1]


class Fragments:
    """Messages that are not complete yet, one for each sender; the oldest are forgotten beyond a limit.

    What came again is known for as long as its message is not followed by another one of the sender.
    """

    def __init__(self, limit: int = _MAX_MESSAGES) -> None:
        self.limit = limit
        self._begun: OrderedDict[bytes, _Begun] = OrderedDict()

    def __len__(self) -> int:
        return len(self._begun)

    def join(self, octets: bytes, layers: Layers) -> Joined:
        """Take the fragment that a telegram carries.

        A fragment that comes again changes nothing; one that does not follow the last ends the message.
        """
        afl = layers.afl
        if afl is None:
            raise ValueError("the telegram has no AFL")
        sender, part = layers.link_address, octets[afl.end : layers.end]
        begun = self._begun.get(sender)
        if begun is not None and begun.has(afl, part):
            return Joined(None, f"fragment {afl.fragment} came again", lost=False)
        if begun is not None and begun.last:
            begun = None
        count = 0 if begun is None else len(begun.parts)
        if afl.fragment == 1:
            begun = _Begun(afl, (part,))
        elif begun is None or afl.fragment != count + 1:
            self._begun.pop(sender, None)
            wanted = "fragment 1" if begun is None else f"fragment {count + 1}"
            return Joined(
                None, f"fragment {afl.fragment} came, {wanted} of the message is missing", lost=True
            )
        else:
            begun = _Begun(begun.first, (*begun.parts, part))
        if afl.more_fragments:
            self._keep(sender, begun)
            return Joined(None, f"fragment {afl.fragment} of a message, more follow")
        self._keep(sender, _Begun(afl, (part,), afl.fragment))
        return _message(octets, layers, afl, begun)

    def _keep(self, sender: bytes, begun: _Begun) -> None:
        self._begun[sender] = begun
        self._begun.move_to_end(sender)
        if len(self._begun) > self.limit:
            self._begun.popitem(last=False)


def _message(octets: bytes, layers: Layers, last: AFL, begun: _Begun) -> Joined:
    """The whole message as one telegram, longer than any that is sent: its L field is not to be looked at."""
    fields = {name: getattr(begun.first, name) or getattr(last, name) for name, *_ in AFL_FIELDS}
    control = FragmentationControl.pack({bit: bool(fields[name]) for name, bit, _ in AFL_FIELDS})
    head = control.to_bytes(FragmentationControl.size, "little") + b"".join(fields.values())
    message = b"".join(begun.parts)
    announced = int.from_bytes(fields["message_length"], "little")
    if fields["message_length"] and announced != len(message):
        reason = f"the message has {len(message)} octets, its first fragment says {announced}"
        return Joined(None, reason, lost=True)
    link = octets[: layers.ell or last.start]
    whole = link + octets[last.start : last.start + 1] + bytes([len(head)]) + head + message
    return Joined(bytes([min(len(whole) - 1, _L_FIELD_MAX)]) + whole[1:])

"""Messages in several telegrams: the AFL's fragments joined. EN 13757-7:2018."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

from mbus_grammars.layers import AFL_FIELDS, FragmentationControl
from mbus_grammars.wireless import with_l_field

from ..security.message import with_payload_crc

if TYPE_CHECKING:
    from ..octets.locate import AFL, Layers

_MAX_MESSAGES: Final = 1024

# What all fragments of a message that say it say alike.
_OF_MESSAGE: Final = ("message_control", "key_information", "message_counter")


class Joined(NamedTuple):
    """What a fragment did: the `octets` of the whole message, None while there is none, and why."""

    octets: bytes | None
    reason: str = ""
    lost: bool = False


class _Part(NamedTuple):
    """One fragment: its AFL, and the octets behind it."""

    afl: AFL
    octets: bytes


class _Begun(NamedTuple):
    """The fragments of a message so far, or of one that is `complete` the last, for it may come again."""

    parts: tuple[_Part, ...]
    complete: bool = False

    def has(self, part: _Part) -> bool:
        """Whether this fragment came before; a message of one fragment comes anew each time."""
        number = part.afl.fragment
        if self.complete:
            return number > 1 and part == self.parts[-1]
        return 0 < number <= len(self.parts) and part == self.parts[number - 1]

    def contradiction(self, part: _Part) -> str | None:
        """The field in which a fragment says something else than those before; None where it fits."""
        for name in _OF_MESSAGE:
            told = {getattr(item.afl, name) for item in (*self.parts, part)} - {b""}
            if len(told) > 1:
                return name.replace("_", " ")
        return None


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

        A fragment that comes again changes nothing; one that does not follow the last ends the message. The
        last one completes it only when `close` is told so: until then another last one may take its place.
        """
        part = _part(octets, layers)
        afl, sender = part.afl, layers.link_address
        begun = self._begun.get(sender)
        if begun is not None and begun.has(part):
            return Joined(None, f"fragment {afl.fragment} came again", lost=False)
        before = () if begun is None or begun.complete else begun.parts
        if afl.fragment == 1:
            before = ()
            self._begun.pop(sender, None)
        elif not before or afl.fragment != len(before) + 1:
            self._begun.pop(sender, None)
            reason = f"fragment {afl.fragment} came, fragment {len(before) + 1} of the message is missing"
            return Joined(None, reason, lost=True)
        other = _Begun(before).contradiction(part)
        if other is not None:
            if afl.more_fragments:  # those that follow may not say of which message they are
                self._begun.pop(sender, None)
            reason = (
                f"fragment {afl.fragment} came of another message: its {other} differs, "
                f"fragment {afl.fragment} of the message is missing"
            )
            return Joined(None, reason, lost=True)
        parts = (*before, part)
        if afl.more_fragments:
            self._keep(sender, _Begun(parts))
            return Joined(None, f"fragment {afl.fragment} of a message, more follow")
        return _message(octets, layers, parts)

    def close(self, octets: bytes, layers: Layers) -> None:
        """The message that ends with the fragment of this telegram came whole and undamaged."""
        self._keep(layers.link_address, _Begun((_part(octets, layers),), complete=True))

    def _keep(self, sender: bytes, begun: _Begun) -> None:
        self._begun[sender] = begun
        self._begun.move_to_end(sender)
        if len(self._begun) > self.limit:
            self._begun.popitem(last=False)


def _part(octets: bytes, layers: Layers) -> _Part:
    """The fragment that a telegram carries."""
    if layers.afl is None:
        raise ValueError("the telegram has no AFL")
    return _Part(layers.afl, octets[layers.afl.end : layers.end])


def _message(octets: bytes, layers: Layers, parts: tuple[_Part, ...]) -> Joined:
    """The whole message as one telegram, longer than any that is sent: its L field is not to be looked at.

    What stands in front of the AFL is that of the last telegram.
    """
    last = parts[-1].afl
    fields = {
        name: next((told for part in parts if (told := getattr(part.afl, name))), b"")
        for name, *_ in AFL_FIELDS
    }
    control = FragmentationControl.pack({bit: bool(fields[name]) for name, bit, _ in AFL_FIELDS})
    head = control.to_bytes(FragmentationControl.size, "little") + b"".join(fields.values())
    message = b"".join(part.octets for part in parts)
    announced = int.from_bytes(fields["message_length"], "little")
    if fields["message_length"] and announced != len(message):
        reason = f"the message has {len(message)} octets, its first fragment says {announced}"
        return Joined(None, reason, lost=True)
    whole = octets[: last.start + 1] + bytes([len(head)]) + head + message
    whole = with_l_field(whole[1:])
    if layers.session:
        whole = with_payload_crc(whole, layers._replace(end=len(whole)))
    return Joined(whole)

"""Many telegrams, one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from mbus_grammars import DecodeError
from mbus_grammars.link import START_LONG

from ..decoding.decode import decode
from ..octets.hex_text import octets_from
from ..octets.recognise import GRAMMARS
from . import Receiver

if TYPE_CHECKING:
    from ..decoding.decode import Octets
    from ..model.telegram import Telegram
    from ..security.keys import KeysLike

_START: Final = bytes([START_LONG])


def decode_many(
    telegrams: Iterable[Octets],
    *,
    link: str = "auto",
    keys: KeysLike = None,
    receiver: Receiver | None = None,
) -> Iterator[Telegram | DecodeError]:
    """Many telegrams as values, one after the other.

    Gives one result for each telegram, in their order: the `Telegram`, or the `DecodeError` that `decode`
    raises for it. Nothing is read ahead: the next telegram is asked for when its result is. So the results
    of a file of any size, or of a line that never ends, need the memory of one telegram:

        for result in decode_many(open("telegrams.hex")):
            if isinstance(result, DecodeError):
                print("refused:", result)
            else:
                print(result.meter, len(result.records), "records")

    A file with the README's telegram in its first line and "hello" in its second gives the telegram, and then
    an error that names the first character that is no hex digit.

    Compact frames by radio, fragments and message counters are read as a `Receiver` reads them; wired frames
    without keys one by one, unless a receiver is given.

    Args:
        telegrams: octets, or strings of hex digits, as `decode` takes them.
        link: what the octets are, see `decode`.
        keys: for what is encrypted, see `decode`.
        receiver: one with its own keys, which remembers what it learns; instead of `keys`.

    Raises `ValueError` for an unknown `link`, and `TypeError` for a single telegram, at once; an error of the
    iterable itself passes through. What is neither octets nor a string is a `DecodeError` in its place.
    """
    if isinstance(telegrams, str | bytes | bytearray | memoryview):
        raise TypeError("decode_many takes many telegrams, as a list or any iterable; decode takes one")
    if link != "auto" and link not in GRAMMARS:
        raise ValueError(f"link is one of auto, {', '.join(GRAMMARS)}, not {link!r}")
    if receiver is not None and keys is not None:
        raise ValueError("a receiver has its own keys: give keys or receiver")
    remembering = receiver if receiver is not None else Receiver(keys)
    return _results(telegrams, link, remembering, always=receiver is not None or bool(remembering.keys))


def _results(
    telegrams: Iterable[Any], link: str, receiver: Receiver, *, always: bool
) -> Iterator[Telegram | DecodeError]:
    for item in telegrams:
        telegram: object = item
        if not isinstance(telegram, str | bytes | bytearray | memoryview):
            message = f"neither octets nor a string, but {type(telegram).__name__}"
            yield DecodeError(message, code="no_telegram")
            continue
        try:
            octets = item if type(item) is bytes else octets_from(item)
            result: Telegram | DecodeError = _next(octets, link, receiver, always)
        except DecodeError as error:
            # Its traceback holds this frame, and with it the telegram; the caller may keep many errors.
            result = error.with_traceback(None)
        yield result


def _next(octets: bytes, link: str, receiver: Receiver, always: bool) -> Telegram:
    """The next of many telegrams: wired ones do not need what the receiver remembers."""
    may_be_wired = octets[:1] == _START if link == "auto" else link != "wireless"
    if may_be_wired and not always:
        telegram = decode(octets, link=link)
        if not telegram.frame.is_wireless:
            return telegram
    return receiver.decode(octets, link=link)

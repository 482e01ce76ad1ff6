"""What goes wrong on real buses, by name, to be switched on; the same seed gives the same faults.

Most faults strike an exchange (a request of the master and what follows): always, with a probability, or at
the n-th exchange that could have it. Others are how a meter is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from random import Random
from typing import TYPE_CHECKING, Any, Final

from mbus_grammars import BuildError, Frame

if TYPE_CHECKING:
    from ..bus.slave import Behaviour

# How a meter is: name -> (what it means, what changes in its behaviour).
_OF_METERS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "ignores_fcb": (
        "every REQ_UD2 gives the next telegram, whatever FCB says",
        {"ignores_fcb": True},
    ),
    "repeats_first_telegram": (
        "every REQ_UD2 gives the first telegram again, octet by octet",
        {"repeats_first_telegram": True},
    ),
    "acknowledges_unselected": (
        "SND_NKE to 253 is acknowledged by a meter that is not selected",
        {"acknowledges_unselected": True},
    ),
    "silent_to_deselection": (
        "SND_NKE to 253 is not acknowledged by the selected meter",
        {"silent_to_deselection": True},
    ),
    "baud_switch_silent": (
        "a switch of the baud rate is acknowledged, then the meter hears nothing until it falls back",
        {"baud_switch": "silent"},
    ),
    "baud_switch_ignored": (
        "a switch of the baud rate is acknowledged, then the meter stays at the old rate",
        {"baud_switch": "ignored"},
    ),
    "needs_wake_up": (
        "the meter hears nothing before a preamble of 55h, as optical heads and battery meters",
        {"needs_wake_up": True},
    ),
    "no_enhanced_selection": (
        "a selection with a fabrication number deselects the meter",
        {"enhanced_selection": False},
    ),
    "data_flow_control": ("the meter sets DFC in its replies", {"data_flow_control": True}),
}

# How the bus is put together.
_OF_THE_BUS: Final = {
    "clean_ack_collision": "all meters answer at once: several E5 look like one, RSP_UD collide",
    "same_secondary_address": "the meter (on a bus: the last) has the secondary address of the one before",
}

# What strikes an exchange and costs the master its answer, or may.
_SPOILING: Final = {
    "lost_request": "a request does not reach the meters",
    "lost_select": "a selection does not reach the meters",
    "lost_reply": "a reply does not reach the master, who repeats the request (FCB repeat)",
    "late_reply": "a reply comes 0.5 to 2 s late, perhaps after the retry",
    "truncated": "a reply ends in its middle",
    "wrong_checksum": "a reply has a wrong check sum",
    "wrong_stop": "a reply has a wrong stop octet",
    "wrong_length": "the two L fields of a reply differ",
    "trailing_octet": "an octet too many follows a reply",
    "gap_in_frame": "a pause of more than 22 bit times stands in a reply",
    "other_address": "a reply carries another primary address",
    "other_identification": "a reply carries another identification number",
    "application_busy": "the meter answers REQ_UD2 with application error 08h, too busy",
    "corrupted_echo": "the converter echoes what the master sends, at times with a wrong bit",
    "stray_octets": "one to three octets follow SND_NKE",
    "noise": "one to three octets come at a random time",
    "garbled_collision": "of several answers at once the master hears octets of no meaning",
    "silent_collision": "of several answers at once the master hears nothing",
    "coalesced": "the gateway holds octets back and delivers several answers in one piece",
    "connection_dropped": "the gateway closes the connection when a request is through",
    "port_vanishes": "the port is gone in the middle of a reply",
}

# What strikes an exchange and costs nothing.
_HARMLESS: Final = {
    "echo": "the converter echoes what the master sends",
    "fragments": "octets arrive one at a time",
}

FAULTS: Final[dict[str, str]] = {
    **_HARMLESS,
    **_SPOILING,
    **{name: meaning for name, (meaning, _) in _OF_METERS.items()},
    **_OF_THE_BUS,
}

# Those that change a meter's reply; at most one of them strikes a reply.
ON_REPLIES: Final = (
    "lost_reply",
    "late_reply",
    "truncated",
    "wrong_checksum",
    "wrong_stop",
    "wrong_length",
    "trailing_octet",
    "gap_in_frame",
    "other_address",
    "other_identification",
)
# Those that a single meter may have.
OF_ONE_METER: Final = frozenset(
    {*ON_REPLIES, *_OF_METERS, "lost_request", "lost_select", "application_busy", "same_secondary_address"}
)
LASTING: Final = frozenset({*_OF_METERS, *_OF_THE_BUS})


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault and when it strikes.

    Attributes:
        name: one of `FAULTS`.
        probability: 0 to 1, for each exchange that could have it.
        at: instead, the numbers of the exchanges that could have it, from 1 on.
        in_a_row: so often at most it strikes the same request, whatever else struck it before: with 2 the
            third attempt gets through. 0 for no limit.
        seconds: how late a reply is, or how long octets are held back: least and most.
    """

    name: str
    probability: float = 1.0
    at: tuple[int, ...] = ()
    in_a_row: int = 2
    seconds: tuple[float, float] = (0.5, 2.0)

    def __post_init__(self) -> None:
        if self.name not in FAULTS:
            close = get_close_matches(str(self.name), FAULTS, n=3)
            hint = f"; did you mean {' or '.join(close)}?" if close else ""
            raise BuildError("faults", self.name, f"one of {', '.join(FAULTS)}{hint}")
        if not 0 <= self.probability <= 1:
            raise BuildError(f"{self.name}.probability", self.probability, "0 to 1")
        if any(number < 1 for number in self.at):
            raise BuildError(f"{self.name}.at", self.at, "numbers of exchanges, from 1 on")
        if self.in_a_row < 0:
            raise BuildError(f"{self.name}.in_a_row", self.in_a_row, "a number, 0 for no limit")
        if not 0 <= self.seconds[0] <= self.seconds[1]:
            raise BuildError(f"{self.name}.seconds", self.seconds, "least and most seconds")
        if self.name in LASTING and (self.at or self.probability != 1):
            limit = "no probability and no numbers: it is how a meter or the bus is"
            raise BuildError(self.name, self.at or self.probability, limit)


def parse_fault(text: str) -> Fault:
    """A fault as people write it: its name, with its probability if so wanted ("noise=0.1").

    Raises `BuildError` where it is none.
    """
    name, equals, probability = text.partition("=")
    if not equals:
        return Fault(text)
    fault = Fault(name.strip())
    try:
        return replace(fault, probability=float(probability))
    except ValueError as error:
        limit = f"0 to 1, as in {fault.name}=0.1"
        raise BuildError(f"{fault.name}.probability", probability, limit) from error


def faults_of(given: Iterable[Fault | str]) -> tuple[Fault, ...]:
    """Faults as `parse_fault` takes them, or as they are. Raises as it does."""
    return tuple(parse_fault(item) if isinstance(item, str) else item for item in given)


def behaviour_with(behaviour: Behaviour, faults: Iterable[Fault]) -> Behaviour:
    """The behaviour of a meter that has these faults."""
    changes: dict[str, Any] = {}
    for fault in faults:
        if fault.name in _OF_METERS:
            changes |= _OF_METERS[fault.name][1]
    return replace(behaviour, **changes)


class Strikes:
    """The faults of one bus or one meter as they strike; each has its own random numbers."""

    def __init__(self, faults: Sequence[Fault], seed: str) -> None:
        self._faults = {fault.name: fault for fault in faults if fault.name not in LASTING}
        self._random = {name: Random(f"{seed}:{name}") for name in self._faults}  # noqa: S311  repeatable
        self._occasions = dict.fromkeys(self._faults, 0)

    def __contains__(self, name: str) -> bool:
        return name in self._faults

    def strike(self, name: str, in_a_row: int) -> Random | None:
        """The random numbers of the fault where it strikes this occasion.

        `in_a_row` is how often the request in question has been spoiled before.
        """
        fault = self._faults.get(name)
        if fault is None:
            return None
        self._occasions[name] += 1
        numbers = self._random[name]
        drawn = numbers.random()  # drawn on every occasion, so that one fault does not move another
        due = self._occasions[name] in fault.at if fault.at else drawn < fault.probability
        if not due or (name in _SPOILING and fault.in_a_row and in_a_row >= fault.in_a_row):
            return None
        return numbers

    def seconds(self, name: str, numbers: Random) -> float:
        """A random time within what the fault says."""
        return numbers.uniform(*self._faults[name].seconds)


def spoil(name: str, octets: bytes, numbers: Random) -> bytes:
    """A reply with a fault in its octets; a single character stays whole where it has no such part."""
    if name == "trailing_octet":
        return octets + bytes([numbers.randrange(256)])
    if len(octets) == 1:
        return octets
    if name == "truncated":
        return octets[: numbers.randrange(1, len(octets))]
    if name in ("other_address", "other_identification"):
        return _as_another(name, octets, numbers)
    place = {"wrong_checksum": -2, "wrong_stop": -1, "wrong_length": 2}[name]
    spoiled = bytearray(octets)
    spoiled[place] ^= numbers.randrange(1, 256)
    return bytes(spoiled)


def _as_another(name: str, octets: bytes, numbers: Random) -> bytes:
    """The reply as a meter with another address or identification number would send it."""
    frame: Mapping[str, Any] = Frame.parse(octets)
    values: dict[str, Any] = dict(frame)
    if name == "other_address":
        values["a_field"] = (int(frame["a_field"]) + numbers.randrange(1, 250)) % 251
        return Frame.build(values)
    user_data: Any = values["user_data"]
    holder = user_data.get("header", user_data)
    if "identification_number" not in holder:
        return octets
    old = holder["identification_number"]
    digit = (int(old[-1], 16) + numbers.randrange(1, 10)) % 10
    holder["identification_number"] = f"{old[:-1]}{digit}"
    return Frame.build(values)


def mixture(seed: int, probability: float = 0.1, count: int = 5) -> tuple[Fault, ...]:
    """Some faults of the line at random, each with a probability up to the given one; repeatable by the seed.

    They strike the same request twice at most: a master with three attempts gets its answer.
    """
    numbers = Random(f"mixture:{seed}")  # noqa: S311  repeatable
    names = numbers.sample([*_HARMLESS, *_SPOILING], count)
    # A converter echoes or it does not.
    chances = {name: 1.0 if name == "echo" else numbers.uniform(0, probability) for name in names}
    return tuple(Fault(name, probability=chance) for name, chance in chances.items())

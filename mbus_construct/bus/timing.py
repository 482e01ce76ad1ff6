"""How long things take on the wire. EN 13757-2; MBDOC48 5.1 and 5.4.

A character is 11 bits: start, eight data bits, even parity, stop. A slave answers 11 bit times at the
earliest, 330 bit times + 50 ms at the latest, after the last bit of a request.
"""

from __future__ import annotations

from typing import Final

from ..errors import LocalProtocolError

BAUDRATES: Final = (300, 600, 1200, 2400, 4800, 9600, 19200, 38400)

BITS: Final = 11  # of a character
FIRST_ANSWER_BITS: Final = 11
LAST_ANSWER_BITS: Final = 330
LAST_ANSWER: Final = 0.05  # seconds beside the bits

# An idle line for so long ends whatever was under way (MBDOC48 5.4).
IDLE_BITS: Final = 33

TURNAROUND_BITS: Final = 2

# So many characters of zeros are bridged; a choice, for telegrams hold few zeros in a row.
COLLISION_BITS: Final = 12 * BITS


def check_baudrate(baudrate: int) -> int:
    """The baud rate, if M-Bus has it."""
    if baudrate not in BAUDRATES:
        raise LocalProtocolError(
            f"{baudrate} is no baud rate of M-Bus: {', '.join(map(str, BAUDRATES))} are (most meters: 2400)"
        )
    return baudrate


def duration(octets: int, baudrate: int) -> float:
    """Seconds that so many octets take."""
    return octets * BITS / baudrate


def first_answer(baudrate: int) -> float:
    """Seconds after a request before which no slave answers."""
    return FIRST_ANSWER_BITS / baudrate


def earliest_acknowledgement(baudrate: int) -> float:
    """Seconds after a request before which no E5 is complete, with two bits for clocks that differ."""
    return first_answer(baudrate) + (BITS - 2) / baudrate


def last_answer(baudrate: int) -> float:
    """Seconds after a request by which a slave has begun to answer."""
    return LAST_ANSWER_BITS / baudrate + LAST_ANSWER


def end_of_collision(baudrate: int) -> float:
    """Seconds of silence behind garbled octets that end them.

    Where answers overlap, the stop bits of one are filled with the zeros of the other: for as long as both
    send zeros nothing is received although the line is busy.
    """
    return COLLISION_BITS / baudrate


def turnaround(baudrate: int) -> float:
    """Seconds between an answer and the next request.

    Meters that acknowledge within half a bit of each other look like one; the last one has to be done.
    """
    return TURNAROUND_BITS / baudrate


def idle(baudrate: int) -> float:
    """Seconds of silence that separate two dialogues."""
    return IDLE_BITS / baudrate

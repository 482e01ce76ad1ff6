"""Telegrams by radio and encrypted ones, made ready for columns: without CRCs, and opened, one by one.

What has been opened is as plain as any other telegram, so that the plans take it. Telegrams by radio are
recognised as `decode` does. What stays encrypted, and whatever else `decode` has to say more about, is left
to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from mbus_grammars import DecodeError, MBusError
from mbus_grammars.link import START_LONG, accept_one
from mbus_grammars.places import LINKS
from mbus_grammars.security import ConfigurationField
from mbus_grammars.wireless import MIN_TELEGRAM, length_of_a, without_crcs

from ...decoding.plans.mode_5 import opened_at_once, remember
from ...decoding.plans.wired_shapes import SHAPES
from ...decoding.single_bit_errors import mended
from ...octets.recognise import candidates, looks_like_frame, wireless_telegram
from ...security.opening import open_telegram
from .checksums import SENT_BY_RADIO
from .refusals import Refused
from .rows import error_row
from .source import Octets

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from mbus_grammars.wireless import FrameFormat

    from ...model.json_shapes import Form
    from ...security.keys import Keys
    from .keyring import Keyring

    # What tells format and CRC-less telegram of a frame by radio; None for what is none.
    Strip = Callable[[bytes], tuple[FrameFormat, bytes] | None]


class Stock(NamedTuple):
    """Telegrams that are read in one way: `link` as for `decode`; `decrypted`: with keys, by this library."""

    octets: Octets
    link: str
    decrypted: bool = False


class Prepared(NamedTuple):
    """Stocks, the indexes of the telegrams that `decode` reads alone, and those that are refused."""

    stocks: list[Stock]
    alone: list[int]
    refused: list[Refused]


def prepared(octets: Octets, link: str, keys: Keyring) -> Prepared:
    """The telegrams of a batch as they are to be read."""
    ready = _Ready(octets, keys)
    left = np.ones(len(octets), bool)
    for index in _rows_in(octets, keys.faults):
        ready.refuse(index, keys.faults[int(octets.rows[index])])
        left[index] = False
    if link == "wireless":
        for index in np.flatnonzero(left).tolist():
            ready.by_radio(index, octets.telegram(index), _stripped)
        left[:] = False
    elif link == "auto":
        for index in np.flatnonzero(left & _may_be_by_radio(octets)).tolist():
            left[index] = not ready.recognised(index, octets.telegram(index))
    if keys:
        for index in np.flatnonzero(left & _announced(octets, link)).tolist():
            left[index] = ready.wired(index, link)
    return Prepared([*ready.given(left, link), *ready.stocks()], ready.alone, ready.refused)


class _Ready:
    """Collects what becomes of telegrams."""

    def __init__(self, octets: Octets, keys: Keyring) -> None:
        self.octets = octets
        self.keys = keys
        self.alone: list[int] = []
        self.refused: list[Refused] = []
        self._stocks: dict[tuple[str, bool], tuple[list[bytes], list[int]]] = {}

    def refuse(self, index: int, error: MBusError) -> None:
        """Note a telegram that is one row with an error."""
        self.refused.append(Refused(int(self.octets.rows[index]), error_row(error)))

    def recognised(self, index: int, frame: bytes) -> bool:
        """A telegram that may be one by radio; whether it is."""
        if not looks_like_frame(frame):
            return self.by_radio(index, frame, wireless_telegram)
        if _is_refused(frame) and candidates(frame) == ("wireless",):
            return self.by_radio(index, frame, _stripped)
        return False

    def by_radio(self, index: int, frame: bytes, strip: Strip) -> bool:
        """A telegram by radio; whether it is one, as `strip` says."""
        if not frame:
            self.alone.append(index)
            return True
        try:
            found = strip(frame)
        except DecodeError as error:
            self.refuse(index, error)
            return True
        if found is None:
            return False
        frame_format, telegram = found
        keys = self.keys.of(int(self.octets.rows[index]))
        # Where a key opens all octets to the end, none of them are a CRC. Else `decode` tells by what is read
        # whether the last ones are, or nearly are.
        sure = frame_format == "A"
        plain = None if keys is None else opened_at_once(telegram, keys, whole=not sure)
        if plain is not None and frame_format != "B":
            self._add(index, plain, "wireless", decrypted=True)
        elif frame_format == "B" or (not sure and any(mended(frame))):
            self.alone.append(index)
        elif keys is None:
            self._add(index, telegram, "wireless", decrypted=False)
        else:
            self._open(index, telegram, "wireless", keys)
        return True

    def wired(self, index: int, link: str) -> bool:
        """A telegram on wires that announces a security mode; whether it is to be read as it was given."""
        telegram = self.octets.telegram(index)
        keys = self.keys.of(int(self.octets.rows[index]))
        if keys is None:
            return True
        if link not in ("auto", "frame") or telegram[0] != START_LONG:
            self.alone.append(index)
            return False
        try:
            accept_one(telegram)
        except DecodeError:
            return True
        self._open(index, telegram, "frame", keys)
        return False

    def _open(self, index: int, telegram: bytes, form: Form, keys: Keys) -> None:
        opened = open_telegram(telegram, form, keys)
        if opened.findings:
            self.alone.append(index)
            return
        decrypted = opened.state == "decrypted"
        if decrypted and form == "wireless":
            remember(telegram)
        self._add(index, opened.octets, form, decrypted=decrypted)

    def _add(self, index: int, telegram: bytes, link: str, *, decrypted: bool) -> None:
        telegrams, rows = self._stocks.setdefault((link, decrypted), ([], []))
        telegrams.append(telegram)
        rows.append(int(self.octets.rows[index]))

    def given(self, left: NDArray[np.bool_], link: str) -> list[Stock]:
        """The telegrams that are read as they were given."""
        if left.all():
            return [Stock(self.octets, link)]
        octets = self.octets
        lengths = np.diff(octets.starts)
        data = octets.data[np.repeat(left, lengths)]
        starts = np.concatenate(([0], np.cumsum(lengths[left])))
        return [Stock(Octets(data, starts, octets.rows[left], {}), link)]

    def stocks(self) -> list[Stock]:
        """The telegrams that are not read as they were given."""
        found: list[Stock] = []
        for (link, decrypted), (telegrams, rows) in self._stocks.items():
            starts = np.zeros(len(telegrams) + 1, np.int64)
            np.cumsum([len(telegram) for telegram in telegrams], out=starts[1:])
            data: Any = np.frombuffer(b"".join(telegrams), np.uint8)
            found.append(Stock(Octets(data, starts, np.array(rows, np.int64), {}), link, decrypted))
        return found


def _rows_in(octets: Octets, rows: dict[int, MBusError]) -> list[int]:
    """The indexes of the telegrams that come from some rows of the batch."""
    if not rows:
        return []
    found: list[int] = np.flatnonzero(np.isin(octets.rows, np.fromiter(rows, np.int64))).tolist()
    return found


# --- Which telegrams are meant -------------------------------------------------------------------

# How long a frame of format A is, by its L field.
_LENGTHS_OF_A: Final = np.array([length_of_a(l_field + 1) for l_field in range(256)])


def _stripped(frame: bytes) -> tuple[FrameFormat, bytes] | None:
    return without_crcs(frame)


def _may_be_by_radio(octets: Octets) -> NDArray[np.bool_]:
    """Which telegrams are as long as their L fields say, and have a C field of frames by radio.

    A damaged frame is no telegram, and found out where others are read: see `may_be_by_radio`. So is one that
    starts as a wired frame does, for the link layer refuses it.
    """
    lengths = np.diff(octets.starts)
    found = lengths > MIN_TELEGRAM
    data, starts = octets.data, octets.starts[:-1][found]
    l_field = data[starts]
    wired = (l_field == START_LONG) & (data[starts + _FRAME["start_repeated"]] == START_LONG)
    wired &= data[starts + _FRAME["l_field"]] == data[starts + _FRAME["l_field_repeated"]]
    fits = (lengths[found] == l_field.astype(np.int64) + 1) | (lengths[found] == _LENGTHS_OF_A[l_field])
    found[found] = fits & ~wired & SENT_BY_RADIO[data[starts + 1]]
    return found


def _is_refused(telegram: bytes) -> bool:
    """Whether the link layer refuses octets that start as a wired frame does."""
    try:
        accept_one(telegram)
    except DecodeError:
        return True
    return telegram[0] != START_LONG


_NOWHERE: Final = -1
_FRAME: Final = LINKS["frame"]

# The bits of the configuration field that announce a mode.
SECURITY_MODE: Final = sum(
    ((1 << width) - 1) << low for low, width in ConfigurationField.fields["security_mode"].parts
)
_WITHOUT_FRAME: Final = ("c_field", "ci_field", "header")


def _announced(octets: Octets, link: str) -> NDArray[np.bool_]:
    """Which telegrams on wires announce a security mode, wherever they could start; others have no plans."""
    if link != "auto":
        return _announced_by(octets, link)
    starts = octets.starts[:-1]
    frames = np.diff(octets.starts) > 0
    frames[frames] = octets.data[starts[frames]] == START_LONG
    others: NDArray[np.bool_] = np.zeros(len(octets), bool)
    for form in _WITHOUT_FRAME:
        others |= _announced_by(octets, form)
    others &= ~frames
    others |= frames & _announced_by(octets, "frame")
    return others


def _announced_by(octets: Octets, form: Any) -> NDArray[np.bool_]:
    """Which telegrams announce a security mode if they start as `form` says."""
    if form == "wireless":
        return np.zeros(len(octets), bool)
    begin, lengths = octets.starts[:-1], np.diff(octets.starts)
    places = np.full(257, _NOWHERE)
    ci_place = 0
    for code, shape in SHAPES[form].items():
        places[code] = shape.places.get("configuration_field", _NOWHERE)
        ci_place = shape.places.get("ci_field", 0)
    codes = np.full(len(octets), 256)
    there = lengths > ci_place
    codes[there] = octets.data[begin[there] + ci_place]
    place = places[codes] if form != "header" else np.full(len(octets), places[-1])
    found: NDArray[np.bool_] = (place != _NOWHERE) & (lengths > place + 1)
    first = begin[found] + place[found]
    numbers = octets.data[first].astype(np.int64) | octets.data[first + 1].astype(np.int64) << 8
    found[found] = numbers & SECURITY_MODE != 0
    return found

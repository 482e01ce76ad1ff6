"""The link layer of wired M-Bus: the frames of IEC 60870-5 FT 1.2. EN 13757-2, MBDOC48 5.2.

    single character    E5
    short frame         10 | C | A | check sum | 16
    long frame          68 | L | L | 68 | C | A | CI | user data (0 to 252) | check sum | 16

The control frame is the long frame without user data.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from construct import Byte, Const, Default, FixedSized, Switch, this

from .application import USER_DATA
from .base import AnySubconstruct, Anything, Context, Stream, field_of
from .constructs import ByFirstOctet, Completed, Derived, StrictStruct, field, places_of
from .errors import BuildError, ChecksumError, DecodeError, IncompleteFrame, LengthError
from .fields import AField, CField, CIField

SINGLE_CHARACTER: Final = 0xE5
START_SHORT: Final = 0x10
START_LONG: Final = 0x68
STOP: Final = 0x16
MAX_USER_DATA: Final = 252
MIN_L_FIELD: Final = 3  # it counts C, A and CI field, and the user data

_TRAILER: Final = (
    field("checksum", Derived(Byte), "MBDOC48 5.2"),
    field("stop", Const(STOP, Byte), "MBDOC48 5.2"),
)
TRAILER: Final = sum(item.sizeof() for item in _TRAILER)


class FT12(Completed):
    """The acceptance checks of a frame, and its derived octets.

    Parsing: start and stop octets, both L fields and the check sum are verified before a field is read
    (MBDOC48 5.4), so that a damaged frame reports its damage and not what the fields made of it. Building:
    L fields and check sum are filled in. construct's Checksum and Prefixed would check after reading, and
    hide these fields.
    """

    def __init__(self, subcon: Anything) -> None:
        super().__init__(subcon)
        places = places_of(subcon)
        self.first: Final[int] = places["c_field"].start  # that the check sum covers
        self.l_field: Final[int | None] = places["l_field"].start if "l_field" in places else None
        self.overhead: Final[int] = subcon.sizeof() if self.l_field is None else self.first + TRAILER

    def length(self, octets: bytes) -> int:
        """How many octets a frame has that starts with these."""
        return self.overhead + (0 if self.l_field is None else octets[self.l_field])

    def accept(self, octets: bytes) -> int:
        """How long the frame is that the octets start with. MBDOC48 5.4.

        Raises what parsing them would raise before it reads a field.
        """
        self._check_start(octets, 0, "(parsing)")
        return self._check(octets, 0, "(parsing)")

    def _parse(self, stream: Stream, context: Context, path: str) -> Any:
        start = stream.tell()
        octets = stream.read(self.first)
        self._check_start(octets, start, path)
        octets += stream.read(self.length(octets) - self.first)
        self._check(octets, start, path)
        stream.seek(start)
        return self.subcon._parsereport(stream, context, path)

    def _check_start(self, octets: bytes, start: int, path: str) -> None:
        """The octets of a long frame that say how long it is."""
        if self.l_field is None:
            return
        if len(octets) > 2 and octets[1] != octets[2]:
            raise LengthError(
                f"the L fields differ: {octets[1]:02X}h and {octets[2]:02X}h",
                offset=start + 1,
                path=path,
                expected=f"{octets[1]:02X}h",
                found=f"{octets[2]:02X}h",
            )
        if len(octets) < self.first:
            raise IncompleteFrame(
                "the frame ends within its start",
                missing=self.overhead + MIN_L_FIELD - len(octets),
                offset=start + len(octets),
                path=path,
            )
        if octets[3] != START_LONG:
            raise DecodeError(
                f"the second start octet is {octets[3]:02X}h, not 68h",
                offset=start + 3,
                path=path,
                expected="68h",
                found=f"{octets[3]:02X}h",
                code="start",
            )
        if octets[1] < MIN_L_FIELD:
            raise LengthError(
                f"L field {octets[1]:02X}h, a frame has at least 03h",
                offset=start + 1,
                path=path,
                expected="03h to FFh",
                found=f"{octets[1]:02X}h",
            )

    def _check(self, octets: bytes, start: int, path: str) -> int:
        """Everything that makes the link layer drop a frame, once its length is known; gives that."""
        total = self.length(octets)
        if len(octets) < total:
            raise IncompleteFrame(
                f"the frame has {len(octets)} of {total} octets",
                missing=total - len(octets),
                offset=start + len(octets),
                path=path,
            )
        check, stop = octets[total - 2], octets[total - 1]
        computed = sum(octets[self.first : total - 2]) & 0xFF
        if stop != STOP:
            raise DecodeError(
                f"the stop octet is {stop:02X}h, not 16h",
                offset=start + total - 1,
                path=path,
                expected="16h",
                found=f"{stop:02X}h",
                code="stop",
            )
        if check != computed:
            raise ChecksumError(
                f"check sum {check:02X}h, the octets give {computed:02X}h",
                offset=start + total - 2,
                path=path,
                expected=f"{computed:02X}h",
                found=f"{check:02X}h",
            )

        return total

    def complete(self, octets: bytearray, built: Mapping[str, Any], path: str) -> None:
        """L fields and check sum."""
        if self.l_field is not None:
            length = len(octets) - self.overhead
            if length > MIN_L_FIELD + MAX_USER_DATA:
                limit = f"at most {MAX_USER_DATA} octets"
                found = f"{length - MIN_L_FIELD} octets"
                raise BuildError(field_of(path, "user_data"), found, limit, path=path)
            octets[1] = octets[2] = length
        octets[-2] = sum(octets[self.first : -2]) & 0xFF


class ToCheckSum(AnySubconstruct):
    """Bounds its construct when parsing by the L field; builds as long as it is.

    construct's FixedSized demands the length when building too, where it is still to be found.
    """

    def _parse(self, stream: Stream, context: Context, path: str) -> Any:
        return FixedSized(context["l_field"] - MIN_L_FIELD, self.subcon)._parse(stream, context, path)


SingleCharacter: Final = StrictStruct(field("start", Const(SINGLE_CHARACTER, Byte), "MBDOC48 5.2"))

ShortFrame: Final = FT12(
    StrictStruct(
        field("start", Const(START_SHORT, Byte), "MBDOC48 5.2"),
        field("c_field", CField, "MBDOC48 5.3"),
        field("a_field", AField, "MBDOC48 5.3"),
        *_TRAILER,
    )
)

LongFrame: Final = FT12(
    StrictStruct(
        field("start", Const(START_LONG, Byte), "MBDOC48 5.2"),
        field("l_field", Derived(Byte), "MBDOC48 5.2"),
        field("l_field_repeated", Derived(Byte), "MBDOC48 5.2"),
        field("start_repeated", Const(START_LONG, Byte), "MBDOC48 5.2"),
        field("c_field", CField, "MBDOC48 5.3"),
        field("a_field", AField, "MBDOC48 5.3"),
        field("ci_field", CIField, "EN 13757-7; MBDOC48 6.1"),
        field("user_data", ToCheckSum(Default(Switch(this.ci_field, USER_DATA), {}))),
        *_TRAILER,
    )
)

# The octets that the check sum covers: what some gateways deliver and Elvaco's report 2001 holds.
LinkUserData: Final = StrictStruct(
    field("c_field", CField, "MBDOC48 5.3"),
    field("a_field", AField, "MBDOC48 5.3"),
    field("ci_field", CIField, "EN 13757-7; MBDOC48 6.1"),
    field("user_data", Default(Switch(this.ci_field, USER_DATA), {})),
)

_WITH_CHECK_SUM: Final = {START_SHORT: ShortFrame, START_LONG: LongFrame}
_BY_START: Final[dict[int, Anything]] = {SINGLE_CHARACTER: SingleCharacter, **_WITH_CHECK_SUM}
STARTS: Final = bytes(_BY_START)
MAX_FRAME: Final = LongFrame.overhead + 0xFF
_ANY_START, _START_WITH_CHECK_SUM = (
    re.compile(b"[" + re.escape(bytes(starts)) + b"]") for starts in (_BY_START, _WITH_CHECK_SUM)
)


def _by_keys(obj: Mapping[str, Any]) -> Anything | None:
    """The frame that a mapping describes."""
    if "start" in obj:
        return _BY_START.get(obj["start"])
    if "ci_field" in obj or "user_data" in obj:
        return LongFrame
    return ShortFrame if "c_field" in obj else None


Frame: Final = ByFirstOctet(
    _BY_START.get,
    _by_keys,
    expected="a start octet E5h, 10h or 68h",
    keys="a mapping with start (E5h), with c_field and a_field, or with ci_field too",
)


def frame_length(octets: bytes) -> int:
    """How many octets the frame has that the octets start with; others may follow it.

    Raises:
        IncompleteFrame: more octets may make it a frame.
        DecodeError: it is not a frame, or a damaged one.
    """
    frame = _WITH_CHECK_SUM.get(octets[0]) if octets else None
    if frame is None:
        Frame.parse(octets[:1])
        return SingleCharacter.sizeof()
    return frame.accept(octets)


def accept_one(octets: bytes) -> None:
    """Raise what the link layer refuses octets for that should be one frame.

    Octets after the frame mean that the link layer delivered something else.
    """
    length = frame_length(octets)
    if len(octets) > length:
        raise LengthError(
            f"{len(octets) - length} octets after the frame's end",
            offset=length,
            expected=f"{length} octets",
            found=f"{len(octets)} octets",
            code="trailing_octets",
        )


class NextFrame(NamedTuple):
    """A frame among other octets: `length` octets from `at` on.

    Where there is none `length` is 0 and `at` is where the search ended: after all octets, or where a frame
    begins that lacks at least `missing` octets.
    """

    at: int
    length: int = 0
    missing: int = 0


def next_frame(
    octets: bytes, at: int = 0, *, start: int | None = None, anywhere: bool = False, final: bool = True
) -> NextFrame:
    """The next undamaged frame from an offset on; it may stand after noise, an echo or a damaged frame.

    Args:
        octets: what was heard, or stands in a file.
        at: where to look first.
        start: where the octets begin that are no frame so far, if it is not `at`.
        anywhere: whether a single character counts after such octets too, where it is any octet of a file.
        final: whether no more octets follow; a frame that begins is waited for otherwise.
    """
    start = at if start is None else start
    starts = _ANY_START if anywhere else _START_WITH_CHECK_SUM
    while at < len(octets):
        if at != start or octets[at] not in _BY_START:
            found = starts.search(octets, at)
            if found is None:
                break
            at = found.start()
        try:
            return NextFrame(at, frame_length(octets[at : at + MAX_FRAME]))
        except IncompleteFrame as error:
            if not final:
                return NextFrame(at, missing=error.missing)
        except DecodeError:
            pass
        at += 1
    return NextFrame(len(octets))

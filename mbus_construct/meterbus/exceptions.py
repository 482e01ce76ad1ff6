"""pyMeterBus's exceptions; all of them are `MBusError`s of this project too."""

from __future__ import annotations

from mbus_grammars import MBusError


class MBusFrameDecodeError(MBusError):
    """The octets are no frame, or a frame without data of a meter.

    `value`: what was given, where that says something.
    """

    def __init__(self, msg: str, value: object = None) -> None:
        super().__init__(msg)
        self.msg = msg
        self.value = value


class MBusFrameEncodeError(MBusError):
    """The telegram cannot be built; `value` is what does not fit."""

    def __init__(self, msg: str, value: object = None) -> None:
        super().__init__(msg)
        self.msg = msg
        self.value = value


class MBusFrameCRCError(MBusError):
    """The check sum is `expected` in the frame, but its octets give `computed`."""

    def __init__(self, computed: int, expected: int) -> None:
        super().__init__(computed, expected)
        self.computed = computed
        self.expected = expected

    def __str__(self) -> str:
        return f"check sum {self.expected:02X}h, the octets give {self.computed:02X}h"


class MbusFrameLengthError(MBusError):
    """The frame has not the octets that its L fields announce: `length`, all octets of the frame."""

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length

    def __str__(self) -> str:
        return f"the L fields do not fit the octets, {self.length} are announced"


class FrameMismatch(MBusError):
    """The octets are a frame of another kind."""

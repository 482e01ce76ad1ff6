"""A procedure on its way. What the master runs, and what its driver waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from ..errors import LocalProtocolError
from .steps import Pause, Procedure, Request

if TYPE_CHECKING:
    from mbus_grammars import MBusError

T = TypeVar("T")


class Call(Generic[T]):
    """One procedure on its way, and what became of it.

    Attributes:
        procedure: the generator.
        pending: what it waits for.
        baudrate: of the line, while it was put aside.
        done: whether it has ended.
    """

    def __init__(self, procedure: Procedure[T]) -> None:
        self.procedure = procedure
        self.pending: Request | Pause = Pause(0.0)
        self.baudrate = 0
        self.done = False
        self._value: T | None = None
        self._error: MBusError | None = None

    def finish(self, value: T | None = None, error: MBusError | None = None) -> None:
        """It has returned, or ended with an error."""
        self.done, self._value, self._error = True, value, error

    def give_up(self) -> None:
        """It is not wanted any more."""
        self.procedure.close()
        self.finish(error=LocalProtocolError("this call was given up before its end"))

    @property
    def result(self) -> T:
        """What the procedure returned; raises the error with which it ended."""
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]  # None only before the end, or as T itself


def nothing() -> Procedure[None]:
    """A procedure that does nothing."""
    yield from ()

"""The plans at hand, found by a few octets that most layouts differ in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from construct import ConstructError

from mbus_grammars import MBusError

from .plan import Plan, plan_for
from .shapes import key_of, shape_of

if TYPE_CHECKING:
    from ..json_types import Form
    from ..telegram import Telegram

# Layouts that are remembered, and how many of them may share the octets by which they are looked up.
_MAX_KEYS: Final = 4096
_MAX_SHARED: Final = 16


class Plans:
    """Plans by layout, the least recently made ones forgotten first.

    A telegram for which there is no plan is never left undecoded: its plan is made, or it is for the
    grammar's walk.
    """

    def __init__(self, limit: int = _MAX_KEYS) -> None:
        self.limit = limit
        self._plans: dict[tuple[Form, bytes], tuple[Plan, ...]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._plans.values()))

    def decode(self, octets: bytes, form: Form = "frame") -> Telegram | None:
        """The telegram, None where only the grammar's walk can tell what it is."""
        shape = shape_of(octets, form)
        if shape is None:
            return None
        key = form, key_of(octets, shape)
        try:
            for plan in self._plans.get(key, ()):
                if plan.fits(octets):
                    return plan.decode(octets)
            made = plan_for(octets, form)
            if made is None:
                return None
            telegram = made.decode(octets)
        except (ConstructError, MBusError):
            return None
        self._remember(key, made)
        return telegram

    def _remember(self, key: tuple[Form, bytes], plan: Plan) -> None:
        shared = (plan, *self._plans.pop(key, ()))[:_MAX_SHARED]
        while len(self._plans) >= self.limit:
            self._plans.pop(next(iter(self._plans)))
        self._plans[key] = shared


PLANS: Final = Plans()

"""The plans at hand, found by a few octets that most layouts differ in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mbus_grammars.application import LongHeader
from mbus_grammars.constructs import places_of
from mbus_grammars.link import START_LONG, accept_one
from mbus_grammars.places import LINKS, picked

from .fields import REFUSALS
from .one_pass import read_directly
from .plan import Plan, plan_for
from .wired_shapes import key_of, shape_of
from .wireless_shapes import NEAR_BY_RADIO

if TYPE_CHECKING:
    from ...model.json_shapes import Form
    from ...model.telegram import Telegram
    from .wired_shapes import Shape

# Plans that are remembered, and how many of them may share the octets by which they are looked up.
_MAX_PLANS: Final = 2048
_MAX_SHARED: Final = 16

# A plan costs as much as it saves with so many telegrams: layouts that come less often need none.
_WORTH_A_PLAN: Final = 32
_MAX_SEEN: Final = 16384


# What mostly tells layouts of frames with a long header apart: L fields and C field, CI field, manufacturer
# to device type, and the first two octets of the records.
_FRAME: Final = LINKS["frame"]
_HEADER: Final = places_of(LongHeader, _FRAME["user_data"])
_RECORDS: Final = _HEADER["configuration_field"].stop
_NEAR: Final = picked(
    slice(0, _FRAME["a_field"]),
    slice(_FRAME["ci_field"], _FRAME["user_data"]),
    slice(_HEADER["manufacturer"].start, _HEADER["device_type"].stop),
    slice(_RECORDS, _RECORDS + 2),
)
_near: Final = _NEAR.unpack_from
_near_by_radio: Final = NEAR_BY_RADIO.unpack_from


class Plans:
    """Plans by layout; those that were not used for long are forgotten.

    There are two generations of them. A plan that is used belongs to the young one; when that is full it
    becomes the old one, and what the old one still held is forgotten. So at least the `limit` / 2 plans used
    last are kept, and what is used often costs nothing for it.

    A telegram for which there is no plan is never left undecoded: it is read in one pass, or it is for the
    grammar's walk.
    """

    def __init__(self, limit: int = _MAX_PLANS, worth: int = _WORTH_A_PLAN) -> None:
        self.limit = limit
        self.worth = worth
        self._young: dict[bytes, tuple[Plan, ...]] = {}
        self._nearest: dict[tuple[bytes, ...], tuple[Plan, ...]] = {}  # of the young ones, found in one step
        self._old: dict[bytes, tuple[Plan, ...]] = {}
        self._count = 0  # plans in the young generation
        self._seen: dict[int, int] = {}  # how often layouts without a plan were seen
        self._seen_before: dict[int, int] = {}

    def __len__(self) -> int:
        return sum(map(len, self._young.values())) + sum(map(len, self._old.values()))

    def decode(self, octets: bytes, form: Form = "frame") -> Telegram | None:
        """The telegram, None where only the grammar's walk can tell what it is.

        By radio always None: these octets may hold the CRCs of their blocks, see `decode_wireless`.

        Raises `DecodeError` where a long frame is wrong on the link layer.
        """
        near = None
        if form == "frame" and len(octets) >= _NEAR.size:
            near = _near(octets)
            try:
                for plan in self._nearest.get(near, ()):
                    telegram = plan.read(octets)
                    if telegram is not None:
                        return telegram
            except REFUSALS:
                pass
        elif form == "wireless":
            return None
        shape = shape_of(octets, form)
        if shape is None:
            if form == "frame" and octets and octets[0] == START_LONG:
                accept_one(octets)
            return None
        return self._by_shape(octets, shape, near)

    def decode_wireless(self, octets: bytes) -> Telegram | None:
        """A telegram by radio without the CRCs of its blocks, None where only the walk can tell what it is.

        These are those with encrypted octets, too.
        """
        near = None
        if len(octets) >= NEAR_BY_RADIO.size:
            near = _near_by_radio(octets)
            try:
                for plan in self._nearest.get(near, ()):
                    telegram = plan.read(octets)
                    if telegram is not None:
                        return telegram
            except REFUSALS:
                pass
        shape = shape_of(octets, "wireless")
        return None if shape is None else self._by_shape(octets, shape, near)

    def _by_shape(self, octets: bytes, shape: Shape, near: tuple[bytes, ...] | None) -> Telegram | None:
        """The telegram by the plans of its key, or without one; `near` finds these plans the next time."""
        key = key_of(octets, shape)
        plans = self._young.get(key)
        if plans is None:
            plans = self._woken(key)
        try:
            for plan in plans:
                telegram = plan.read(octets)
                if telegram is not None:
                    if near is not None:
                        self._nearest[near] = plans
                    return telegram
        except REFUSALS:  # data that are none of their type: read as if there were no plan
            pass
        return self._without_plan(octets, shape, key)

    def _without_plan(self, octets: bytes, shape: Shape, key: bytes) -> Telegram | None:
        if shape.form == "frame":
            accept_one(octets)
        telegram = read_directly(octets, shape)
        if telegram is not None and self._times_seen(key, telegram) == self.worth:
            plan = plan_for(octets, shape.form, remarkable=True)
            if plan is not None:
                self._remember(key, (plan, *self._young.pop(key, ()))[:_MAX_SHARED])
        return telegram

    def _times_seen(self, key: bytes, telegram: Telegram) -> int:
        """How often such a layout was seen, this time included."""
        # A few headers tell most layouts apart; two that are counted as one get their plans earlier.
        records = telegram.records
        count = len(records)
        layout = hash((key, count))
        if count:
            layout ^= id(records[-1].header) ^ id(records[count // 2].header) * 3
        times = self._seen.get(layout) or self._seen_before.get(layout, 0)
        self._seen[layout] = times + 1
        if len(self._seen) >= _MAX_SEEN:
            self._seen_before, self._seen = self._seen, {}
        return times + 1

    def _woken(self, key: bytes) -> tuple[Plan, ...]:
        """The plans of the old generation for a key, which belong to the young one from now on."""
        plans = self._old.pop(key, ())
        if plans:
            self._remember(key, plans)
        return plans

    def _remember(self, key: bytes, plans: tuple[Plan, ...]) -> None:
        self._young[key] = plans
        self._count = sum(map(len, self._young.values())) if len(plans) > 1 else self._count + 1
        if 2 * self._count >= self.limit:
            self._old, self._young, self._count = self._young, {}, 0
            self._nearest = {}
        elif len(self._nearest) > self.limit:
            self._nearest = {}


PLANS: Final = Plans()

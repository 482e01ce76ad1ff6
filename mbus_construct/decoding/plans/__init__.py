"""Layout plans: telegrams whose layout was seen before are decoded without walking the grammar again.

A fleet has few meter types, and a meter type sends few layouts. Everything here is derived from the grammars
and gives the same as their walk.
"""

from __future__ import annotations

from .plan import Plan, plan_for
from .plan_cache import PLANS, Plans

__all__ = ["PLANS", "Plan", "Plans", "plan_for"]

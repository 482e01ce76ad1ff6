"""Layout plans: telegrams whose layout was seen before are decoded without walking the grammar again.

A fleet has few meter types, and a meter type sends few layouts. Everything here is derived from the grammars
and gives the same as their walk.
"""

from __future__ import annotations

from .plans import PLANS, Plans

__all__ = ["PLANS", "Plans"]

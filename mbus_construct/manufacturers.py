"""Grammars for manufacturers' own data: the public door to `decoding.manufacturers`.

    from construct import Int16ul, Struct
    from mbus_construct import manufacturers

    manufacturers.register("ELS", Struct("starts" / Int16ul), device_type=0x03)

From then on `decode` gives `manufacturer_fields` for such meters, and `encode` builds them.
"""

from __future__ import annotations

from .decoding.manufacturers import grammar_for, register, registered, selectors, unregister

__all__ = ["grammar_for", "register", "registered", "selectors", "unregister"]

"""Lines as receivers of wireless M-Bus write them: the public door to `octets.captures`.

from mbus_construct.captures import captured
for found in captured("T1;1;1;2020-05-28 22:22:56.000;26;27;12345678;0x2E44..."):
    print(found.receiver, found.octets.hex(), found.fault)
"""

from __future__ import annotations

from .octets.captures import Captured, captured, received

__all__ = ["Captured", "captured", "received"]

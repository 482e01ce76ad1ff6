"""For all tests: programs that they interrupt must hear the interrupt.

A shell that runs the tests in the background has SIGINT ignored, and every program inherits that.
"""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)

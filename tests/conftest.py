"""For all tests: how many examples hypothesis tries; and programs that they interrupt must hear the interrupt.

A shell that runs the tests in the background has SIGINT ignored, and every program inherits that.
"""

from __future__ import annotations

import os
import signal

from hypothesis import HealthCheck, settings

# No health check: all of them depend on the machine's load, or on what a seed happens to draw.
settings.register_profile(
    "thorough", deadline=None, max_examples=300, suppress_health_check=list(HealthCheck)
)
# The same examples in every run, so that who changed nothing sees nothing fail.
settings.register_profile("quick", settings.get_profile("thorough"), max_examples=30, derandomize=True)
settings.load_profile("quick")


def pytest_xdist_auto_num_workers() -> int:
    """For `-n auto` three processes on two cores: some tests wait for programs, and for what a line takes."""
    return 3 * (os.cpu_count() or 1) // 2 or 1


def pytest_configure() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)

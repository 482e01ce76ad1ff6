"""How much a test tries: little in the quick run, much in `.ci/run`."""

from __future__ import annotations

import pytest
from hypothesis import settings


def examples(thorough: int) -> settings:
    """So many examples in the profile `thorough`, and in the one that is loaded its share of them."""
    share = settings().max_examples / settings.get_profile("thorough").max_examples
    return settings(max_examples=max(1, round(thorough * share)))


def counts(quick: int, slow: int) -> pytest.MarkDecorator:
    """The argument `count` of a test: `quick` in every run, `slow` where long tests run too."""
    return pytest.mark.parametrize("count", [quick, pytest.param(slow, marks=pytest.mark.slow)])

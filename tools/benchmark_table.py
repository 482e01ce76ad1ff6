"""Figures, with the target beside each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import process_time

WIDTH = 66


@dataclass
class Figures:
    """Prints figures as they come, and remembers which targets were not reached."""

    missed: list[str] = field(default_factory=list[str])

    def heading(self, text: str) -> None:
        """A line above figures."""
        print(f"\n{text}")

    def rate(self, what: str, per_second: float, base: float | None = None) -> None:
        """Telegrams a second, and how many times a base that is."""
        times = "" if base is None else f"{per_second / base:10.2f} x"
        print(f"  {what:{WIDTH}} {per_second:12,.0f} /s{times}", flush=True)

    def note(self, text: str) -> None:
        """What is left out, and why."""
        print(f"  {text}", flush=True)

    def at_least(self, what: str, value: float, target: float, unit: str = "x") -> None:
        """A figure that should be this big."""
        self._against(what, value, unit, f"at least {target:g}", value >= target)

    def at_most(self, what: str, value: float, target: float, unit: str) -> None:
        """A figure that should not be bigger than this."""
        self._against(what, value, unit, f"at most {target:g}", value <= target)

    def _against(self, what: str, value: float, unit: str, target: str, reached: bool) -> None:
        verdict = "OK" if reached else "NOT REACHED"
        print(f"  {what:{WIDTH}} {value:12,.2f} {unit:8} {target:16} {verdict}", flush=True)
        if not reached:
            self.missed.append(what)

    def close(self) -> None:
        """The last line: what was not reached."""
        print(f"\nnot reached: {'; '.join(self.missed)}" if self.missed else "\nall targets reached")


def best_of(rounds: int, run: Callable[[], object], clock: Callable[[], float] = process_time) -> float:
    """Seconds of the fastest of several rounds.

    Processor time, unless another clock is given: all that is compared runs in one thread, and what else the
    machine does should not matter.
    """
    best = float("inf")
    for _ in range(rounds):
        start = clock()
        run()
        best = min(best, clock() - start)
    return best

"""JSON both ways, and telegrams back to octets, as parts of the rate of `decode` in the same run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from benchmark_table import Figures, best_of

from mbus_construct import DecodeError, Telegram, decode, encode

if TYPE_CHECKING:
    from fleet import Fleet

NUMBER: Final = 2_000
_ROUNDS: Final = 5

# What these were of decode's rate at ddee89f, before they were made fast, and how many times that is wanted.
_BEFORE: Final = {"to_json": (0.142, 2), "from_dict": (0.0091, 20), "encode": (0.0091, 10)}


def main(fleet: Fleet, figures: Figures, number: int = NUMBER) -> None:
    """Print the figures."""
    octets: list[bytes] = []
    for item in fleet.telegrams(number):
        try:
            decode(item, link="frame")
        except DecodeError:
            continue
        octets.append(item)
    telegrams = [decode(item, link="frame") for item in octets]
    shapes = [telegram.to_dict() for telegram in telegrams]
    texts = [telegram.to_json() for telegram in telegrams]

    def rate(run: Callable[[], object]) -> float:
        return len(octets) / best_of(_ROUNDS, run)

    figures.heading("JSON both ways, and back to octets")
    base = rate(lambda: [decode(item, link="frame").records for item in octets])
    figures.rate("decode", base)
    rates = {
        "to_json": rate(lambda: [telegram.to_json() for telegram in telegrams]),
        "from_dict": rate(lambda: [Telegram.from_dict(shape) for shape in shapes]),
        "encode": rate(lambda: [encode(telegram) for telegram in telegrams]),
    }
    for name, found in rates.items():
        figures.rate(name, found, base)
    for name, (before, times) in _BEFORE.items():
        figures.at_least(
            f"{name}: of decode's rate, against {before} before", rates[name] / base / before, times
        )
    figures.rate("from_json", rate(lambda: [Telegram.from_json(text) for text in texts]), base)

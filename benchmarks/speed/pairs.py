"""Runs in turn, A B A B …, and the medians of their pairs, with their spread.

Whatever slows the machine for a while slows both runs of a pair, so their ratio stays.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

Answer = TypeVar("Answer")
Failure = TypeVar("Failure", bound=Exception)


@dataclass(frozen=True, kw_only=True)
class Spread:
    """A median, with the quartiles below and above it."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Return the median and the quartiles of one value or more."""
    if len(values) < 2:
        return Spread(median=values[0], low=values[0], high=values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median=median, low=low, high=high)


def times_as_fast(ours_s: Sequence[float], theirs_s: Sequence[float]) -> Spread:
    """Return how many times as fast we are: the ratio of the times of each pair."""
    return spread([theirs / ours for ours, theirs in zip(ours_s, theirs_s, strict=True)])


def in_turn(
    runs: Mapping[str, Callable[[], Answer]], *, rounds: int, unless: type[Failure]
) -> tuple[dict[str, list[Answer]], dict[str, Failure]]:
    """Run each once a round, always in the same order; return their answers, round by round.

    A run that raises `unless` is not repeated; its error is returned instead of its answers.
    """
    answers: dict[str, list[Answer]] = {name: [] for name in runs}
    failures: dict[str, Failure] = {}
    for _ in range(rounds):
        for name in list(answers):
            try:
                answers[name].append(runs[name]())
            except unless as failure:
                del answers[name]
                failures[name] = failure
    return answers, failures

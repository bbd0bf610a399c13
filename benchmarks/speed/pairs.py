"""Runs in turn, A B A B …, and what comes of them: medians of pairs, with their spread.

Whatever slows the machine for a while slows both of a pair, so their ratio stays what it is.
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
    """Of one value or more."""
    if len(values) < 2:
        return Spread(median=values[0], low=values[0], high=values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median=median, low=low, high=high)


def times_as_fast(ours_s: Sequence[float], theirs_s: Sequence[float]) -> Spread:
    """How many times as fast we are: of each pair their time over ours."""
    return spread([theirs / ours for ours, theirs in zip(ours_s, theirs_s, strict=True)])


def in_turn(
    runs: Mapping[str, Callable[[], Answer]], *, rounds: int, unless: type[Failure]
) -> tuple[dict[str, list[Answer]], dict[str, Failure]]:
    """Each run once a round, always in the same order; what they gave, round by round.

    One that fails in the way of `unless` is run no more; its answers are left out, and how it
    failed comes in their place.
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

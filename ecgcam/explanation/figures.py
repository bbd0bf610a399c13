"""Figures of a scorecard: what was measured for each map, with intervals, beside its goal."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..evaluation.bootstrap import fraction_interval, percentile_interval, ratio, resample_patients

Floats = NDArray[np.float64]
Counts = NDArray[np.integer[Any]]
Statistic = Callable[[Floats], Floats]  # counts (replicates, records) to values (replicates,)

EVIDENCE = "evidence"  # the map under test: the model's own
REPLICATES = 1000


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A bound that a figure should reach."""

    bound: float
    at_least: bool = True

    def is_met(self, value: float) -> bool:
        """Return whether a value reaches the bound."""
        return value >= self.bound if self.at_least else value <= self.bound


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A value with its 95 % interval (low, high), or None where that has no meaning."""

    value: float
    interval: Sequence[float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the entry of scorecard.json. A value that is not finite is null."""
        value = float(self.value) if np.isfinite(self.value) else None
        return {"value": value, "interval": self.interval and list(self.interval)}


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One row of a scorecard.

    name, meaning: what is measured; the meaning is one sentence for people.
    subject: the class, and the direction where there are two: "towards MI".
    values:  the estimate for each map; empty if it cannot be computed, and then the note says why.
    goal:    for the model's own map.
    note:    what limits the figure, such as the value by chance.
    """

    name: str
    meaning: str
    subject: str = ""
    values: Mapping[str, Estimate] = field(default_factory=dict)
    goal: Goal | None = None
    records: int = 0
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the entry of scorecard.json. A value that is not finite is null."""
        own = self.values.get(EVIDENCE)
        known = own is not None and np.isfinite(own.value)
        return {
            "name": self.name,
            "meaning": self.meaning,
            "subject": self.subject,
            "values": {map_name: value.to_dict() for map_name, value in self.values.items()},
            "goal": self.goal and {"bound": self.goal.bound, "at_least": self.goal.at_least},
            "met": self.goal.is_met(own.value) if self.goal and own and known else None,
            "records": self.records,
            "note": self.note,
        }


def draw_counts(patients: Sequence[Any] | NDArray[Any]) -> Counts:
    """Draw how often each bootstrap replicate has each record: (replicates, records)."""
    return resample_patients(patients, rng=np.random.default_rng(0), replicates=REPLICATES)


def estimate(statistic: Statistic, counts: Counts) -> Estimate:
    """Return a statistic of the records, with its interval over the replicates."""
    with np.errstate(invalid="ignore", divide="ignore"):
        value = float(statistic(np.ones((1, counts.shape[1])))[0])
        replicas = statistic(counts.astype(np.float64))
    return Estimate(value=value, interval=percentile_interval(replicas))


def estimate_mean(values: NDArray[Any], counts: Counts) -> Estimate:
    """Return the mean over the records that have a value: NaN is none."""
    known = ~np.isnan(values)
    if not known.any():
        return Estimate(value=np.nan)
    return estimate(mean_of(values[known]), counts[:, known])


def estimate_fraction(hits: NDArray[np.bool_], counts: Counts) -> Estimate:
    """Return the fraction of hits; of none or all of the records with an exact interval."""
    statistic = mean_of(hits.astype(np.float64))
    every = np.ones(len(hits), dtype=bool)
    interval = fraction_interval(statistic(counts.astype(np.float64)), among=every, counts=counts)
    return Estimate(value=float(hits.mean()), interval=interval)


def mean_of(values: NDArray[Any]) -> Statistic:
    """Return the statistic that is the mean of these values."""
    return lambda counts: ratio(counts @ values.astype(np.float64), counts.sum(axis=1))


def median_of(values: NDArray[Any]) -> Statistic:
    """Return the statistic that is the median of these values, the mean of two middle ones."""
    order = np.argsort(values)
    ranked = values[order].astype(np.float64)

    def median(counts: Floats) -> Floats:
        below = counts[:, order].cumsum(axis=1)
        half = below[:, -1:] / 2
        low, high = (below >= half).argmax(axis=1), (below > half).argmax(axis=1)
        return (ranked[low] + ranked[high]) / 2

    return median

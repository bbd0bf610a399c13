"""Growth of time and memory with the number of ECGs, extrapolated to ten million."""

import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .crew import Crew
from .made_up import write_made_up

MANY = 10_000_000
LINEAR = 1.1  # the power of the number of ECGs that still counts as linear
FLAT = 1.25  # the largest over the smallest that still counts as flat
JOBS = {"store": "preparing", "epoch": "an epoch of training", "judge": "scoring"}


@dataclass(frozen=True, kw_only=True)
class Point:
    """Time and peak memory of a job on a number of ECGs.

    own_bytes: without mapped files; peak_bytes: with them; None where the system does not tell.
    """

    ecgs: int
    seconds: float
    peak_bytes: float | None
    own_bytes: float | None


@dataclass(frozen=True, kw_only=True)
class Growth:
    """Growth of one job, from the fewest ECGs to the most.

    power:     p in seconds ~ ecgs ** p, by least squares of the logarithms; 1 is linear.
    slope_s:   seconds for each additional ECG, by least squares.
    memory:    the own memory with the most ECGs over that with the fewest; None if unknown.
    many_s, many_bytes: of MANY ECGs by linear extrapolation, at least those of the most.
    """

    points: tuple[Point, ...]
    power: float
    slope_s: float
    memory: float | None
    many_s: float
    many_bytes: float | None


def fit(points: Sequence[Point]) -> Growth:
    """Fit the growth of two points or more."""
    ecgs = [point.ecgs for point in points]
    seconds = [point.seconds for point in points]
    power, _ = np.polyfit([math.log(n) for n in ecgs], [math.log(s) for s in seconds], 1)
    slope, _ = np.polyfit(ecgs, seconds, 1)
    own = [point.own_bytes for point in points if point.own_bytes is not None]
    known = len(own) == len(points)
    return Growth(
        points=tuple(points),
        power=float(power),
        slope_s=float(slope),
        memory=own[-1] / own[0] if known else None,
        many_s=_with_many(ecgs, seconds),
        many_bytes=_with_many(ecgs, own) if known else None,
    )


def _with_many(ecgs: Sequence[int], values: Sequence[float]) -> float:
    return max(float(np.polyval(np.polyfit(ecgs, values, 1), MANY)), values[-1])


def measure_growth(sizes: Sequence[int], crew: Crew, given: Mapping[str, Any]) -> dict[str, Growth]:
    """Measure preparing, an epoch and scoring for numbers of synthetic ECGs, by the job's name.

    A job on fewer ECGs is repeated, so that all sizes process as many in total: the peak memory of
    a process grows with the number that it has processed.
    given: `base`, a folder of synthetic ECGs to repeat; `model`; `scratch`, a folder to write in.
    """
    points: dict[str, list[Point]] = {job: [] for job in JOBS}
    for ecgs in sizes:
        place = Path(given["scratch"]) / f"growth-{ecgs}"
        place.mkdir()
        store = str(place / "store")
        here = {
            "folder": str(write_made_up(place / "ecgs", ecgs, base=Path(given["base"]))),
            "made": store,
            "store": store,
            "scratch": str(place),
            "records": ecgs,
            "trained": ecgs,
        }
        for job, found in points.items():
            measured = crew.once(job, {**given, **here}, times=max(sizes) // ecgs)
            found.append(_point(ecgs, measured))
        shutil.rmtree(place)
    return {job: fit(found) for job, found in points.items()}


def _point(ecgs: int, measured: Mapping[str, float]) -> Point:
    return Point(
        ecgs=ecgs,
        seconds=measured["seconds"],
        peak_bytes=measured.get("peak_bytes"),
        own_bytes=measured.get("own_bytes"),
    )

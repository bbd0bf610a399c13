"""What calibration, operating points, band and conformal sets are worth on some records.

Beside what a model's card promises stands what these records show, each with its interval by the
bootstrap over patients.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..inference.decisions import Band, ClassPoints, ConformalLimits
from .bootstrap import ratio
from .calibration import expected_calibration_error
from .metrics import checked, decide, interval_or_none, number_or_none, share_or_none

BINS = 10  # of the calibration error and the reliability picture

_Values = NDArray[np.floating[Any]] | NDArray[np.integer[Any]] | NDArray[np.bool_]


def trust_scores(
    targets: NDArray[Any],
    probabilities: NDArray[Any],
    *,
    threshold: float,
    chosen: ClassPoints | None,
    counts: NDArray[np.float32],
) -> dict[str, Any]:
    """The scores of one class, as metrics.json holds them.

    targets, probabilities: (n,). threshold: the one that decides. chosen: what the card says of
    the class, if anything. counts: (replicates, n), as `resample_patients` gives, as floats.
    Returns `calibration`, and where the card has them `operating_points`, `band`, `conformal`.
    """
    targets, probabilities = checked(targets, probabilities)
    answer = {"calibration": _calibration(targets, probabilities, counts)}
    if chosen is None:
        return answer
    answer["operating_points"] = {
        by: {"threshold": point.threshold}
        | _reached(targets, decide(probabilities, threshold=point.threshold), counts)
        for by, point in chosen.points.items()
    }
    if chosen.band is not None:
        right = decide(probabilities, threshold=threshold) == targets
        answer["band"] = _answered(right, probabilities, chosen.band, counts)
    answer["conformal"] = _covered(targets, probabilities, chosen.conformal, counts)
    return answer


def _means(
    parts: Mapping[str, tuple[_Values, NDArray[np.bool_]]], counts: NDArray[np.float32]
) -> dict[str, Any]:
    """Of each (values, among), both (n,): the mean of the values among those, with its interval.

    A mean of yes and no is a share.
    """
    sums = np.stack([values * among for values, among in parts.values()], axis=1)
    sizes = np.stack([among for _, among in parts.values()], axis=1)
    points = ratio(sums.sum(axis=0, dtype=np.float64), sizes.sum(axis=0, dtype=np.float64))
    replicas = ratio(
        (counts @ sums.astype(np.float32)).astype(np.float64),
        (counts @ sizes.astype(np.float32)).astype(np.float64),
    )
    answer: dict[str, Any] = {}
    for k, (name, (values, among)) in enumerate(parts.items()):
        answer[name] = number_or_none(points[k])
        answer[f"{name}_ci"] = (
            share_or_none(replicas[:, k], among=among, counts=counts)
            if values.dtype == np.bool_
            else interval_or_none(replicas[:, k])
        )
    return answer


def _calibration(
    targets: NDArray[np.bool_], probabilities: NDArray[Any], counts: NDArray[np.float32]
) -> dict[str, Any]:
    """Brier score and calibration error; the latter without an interval.

    Chance alone keeps a calibration error above 0, and drawing again adds to it: the replicates
    would lie above the score they are of.
    """
    squares = (probabilities.astype(np.float64) - targets) ** 2
    return _means({"brier": (squares, np.ones_like(targets))}, counts) | {
        "expected_calibration_error": expected_calibration_error(targets, probabilities, bins=BINS),
        "bins": BINS,
    }


def _reached(
    targets: NDArray[np.bool_], called: NDArray[np.bool_], counts: NDArray[np.float32]
) -> dict[str, Any]:
    return _means({"sensitivity": (called, targets), "specificity": (~called, ~targets)}, counts)


def _answered(
    right: NDArray[np.bool_], probabilities: NDArray[Any], band: Band, counts: NDArray[np.float32]
) -> dict[str, Any]:
    """The share of records outside the band, and the share of these that is decided rightly."""
    answered = ~band.holds(probabilities)
    everyone = np.ones_like(right)
    return {"low": band.low, "high": band.high} | _means(
        {"coverage": (answered, everyone), "accuracy": (right, answered)}, counts
    )


def _covered(
    targets: NDArray[np.bool_],
    probabilities: NDArray[Any],
    limits: ConformalLimits,
    counts: NDArray[np.float32],
) -> dict[str, Any]:
    """How often the true answer is in the set, of either kind; how many answers there are in it."""
    no, yes = limits.sets(probabilities).T
    everyone = np.ones_like(targets)
    return {
        "positive_from": limits.positive_from,
        "negative_up_to": limits.negative_up_to,
    } | _means(
        {
            "positive_coverage": (yes, targets),
            "negative_coverage": (no, ~targets),
            "size": (no.astype(int) + yes, everyone),
            "one_answer": (no ^ yes, everyone),
        },
        counts,
    )
